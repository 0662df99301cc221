"""Whatever is told: a record is listed with its fault, or its file has none for the reader."""

from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs

from domain.borrower.address import Address
from domain.borrower.company import Company, Partner
from domain.borrower.person import CivilStatus, Economics, Employment, Kind, Residence, Sex
from domain.errors import InvalidTerms
from projections.bureau.consumer import Consumer, Role
from projections.bureau.formats.registry import FORMATS, format_of
from projections.bureau.lender import ProductCodes
from projections.bureau.reported import Before, Problem, Report, Totals
from projections.bureau.tradeline import tradeline
from projections.bureau.validators.registry import CHECKS
from tests.domain.histories import STEPS, agreements
from tests.projections.bureau.portfolio import CUT_OFF, lender, person, portfolio
from tests.projections.stories import played

ODD = st.text(max_size=30)
NAME = st.sampled_from(["Muñoz", "O'Farrill", "de la O", "张", "", "X" * 27, "Ana María"]) | ODD


def told(form, reports):
    """The file of some reports, and what could not be sent."""
    made, totals, problems = format_of(form)(lender()), Totals(), []
    text = made.begin(CUT_OFF, correction=False)
    for report in reports:
        record = made.record(report)
        if isinstance(record, list):
            problems += record
            continue
        text += totals.add(record)
    text += made.end(totals)
    if made.second_pass is not None:
        text = "".join(made.second_pass(line, totals) for line in text.splitlines(keepends=True))
    return text.encode(made.encoding), problems, totals.records


def readable(form, content, folder):
    path = folder / form
    path.write_bytes(content)
    return list(CHECKS[form](path))


@st.composite
def people(draw):
    texan = draw(st.booleans())
    born_on = draw(st.dates(date(1930, 1, 1), date(2007, 1, 1)))
    address = Address(
        street=draw(st.sampled_from(["Calle 5", "Luna SN", "Sol", "A " * 50 + "1"]) | ODD),
        neighbourhood=draw(NAME), municipality=draw(NAME), city=draw(NAME),
        state=draw(st.sampled_from(["TX", "XX"] if texan else ["CMX", "NLE", ""])),
        postal_code=draw(st.sampled_from(["79901", "799011234", "03100", "3100"])),
        country=draw(st.sampled_from(["MX", "US"])),
    )  # fmt: skip
    owners = (
        Partner(legal_name=draw(NAME), rfc=draw(st.sampled_from(["", "INO050505AB2", "X"])),
                paternal=draw(NAME), first_name=draw(NAME), address=address, share=99),
    )  # fmt: skip
    return Consumer(
        reference="B-1",
        kind=draw(st.sampled_from(Kind)),
        company=draw(st.sampled_from([None, Company(legal_name="Peña, S.A."),
                                      Company(legal_name="", shareholders=(Partner(share=100),)),
                                      Company(legal_name="X", shareholders=owners)])),
        paternal=draw(NAME), maternal=draw(NAME), first_name=draw(NAME), second_name=draw(NAME),
        born_on=draw(st.sampled_from([born_on, None])),
        rfc=draw(st.sampled_from([f"GAMM{born_on:%y%m%d}AB1", "GAM800101AB1", "", "X"])),
        curp=draw(st.sampled_from([f"GAMM{born_on:%y%m%d}MDFRXR02", "", "X"])),
        ssn=draw(st.sampled_from(["", "123-45-6789", "12"])),
        sex=draw(st.sampled_from([None, *Sex])),
        civil_status=draw(st.sampled_from([None, *CivilStatus])),
        nationality=draw(st.sampled_from(["", "MX", "USA"])),
        economics=draw(st.sampled_from([None, *(Economics(residence=one) for one in Residence)])),
        addresses=draw(st.sampled_from([(address,), (address,), (address,), ()])),
        phones=draw(st.sampled_from([(), ("5512345678",), ("12",)])),
        email=draw(st.sampled_from(["", "a@b.mx", "ñ@b.mx", "x"])),
        employment=draw(st.sampled_from([None, Employment(employer="Tienda Güemes, S.A."),
                                         Employment(employer="x" * 120)])),
        died_on=draw(st.sampled_from([None, date(2026, 4, 1), date(2026, 6, 1)])),
    )  # fmt: skip


@pytest.fixture(scope="module")
def lines():
    return [tradeline(story.loan, CUT_OFF) for story in portfolio().values()]


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_person_is_listed_or_told_rightly(form, lines, tmp_path, data):
    reports = []
    for number in range(data.draw(st.integers(1, 4))):
        line = data.draw(st.sampled_from(lines))
        others = data.draw(st.lists(people(), max_size=2))
        amounts = data.draw(st.sampled_from([1, 1, 1, 10_000, 10**8]))
        line = structs.replace(
            line, loan_no=f"{line.loan_no}-{number}", balance=line.balance * amounts,
            approved=line.approved * amounts, last_paid=line.last_paid * amounts,
        )  # fmt: skip
        before = data.draw(st.sampled_from(
            [None, Before(on=date(2026, 3, 31), rating="01", balance=1, past_due=0, history="0")]
        ))  # fmt: skip
        reports.append(
            Report(line=line, person=data.draw(people()), role=data.draw(st.sampled_from(Role)),
                   mark=data.draw(st.sampled_from([None, "fraud", "disputed", "sued"])),
                   beside=tuple((one, Role.GUARANTOR) for one in others), before=before)
        )  # fmt: skip

    content, problems, records = told(form, reports)

    assert all(isinstance(one, Problem) and one.field and one.rule for one in problems)
    assert len({one.loan_no for one in problems}) + records == len(reports)
    if records:
        assert readable(form, content, tmp_path) == []


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(agreed=agreements(), steps=STEPS, days=st.integers(0, 500))
def test_any_loan_is_listed_or_told_rightly(form, tmp_path, agreed, steps, days):
    try:
        story = played(agreed, steps)
    except InvalidTerms:
        return
    line = tradeline(story.loan, CUT_OFF - timedelta(days=90) + timedelta(days=days))
    if line is None:
        return
    line = structs.replace(line, loan_no="L-0001", on=max(line.on, CUT_OFF))
    texan = Address(street="1 Main St", city="El Paso", state="TX", postal_code="79901")
    who = person(1, addresses=(texan,)) if form == "metro2" else person(1)
    if form == "buro-companies":
        who = structs.replace(who, kind=Kind.BUSINESS_PERSON)

    made, totals = format_of(form)(lender()), Totals()
    text = made.begin(line.on, correction=False)
    record = made.record(Report(line=line, person=who))
    if form == "metro2" and line.status == "written_off" and line.late_since is None:
        assert [one.field for one in record] == ["late_since"]
        return
    assert not isinstance(record, list), record
    text += totals.add(record) + made.end(totals)
    if made.second_pass is not None:
        text = "".join(made.second_pass(row, totals) for row in text.splitlines(keepends=True))

    assert readable(form, text.encode(made.encoding), tmp_path) == []


def test_a_product_without_a_code_is_told_by_its_field():
    line = tradeline(portfolio()["current"].loan, CUT_OFF)
    for form in FORMATS:
        made = format_of(form)(lender(products={"other": ProductCodes(buro="PL")}))
        kind = Kind.BUSINESS_PERSON if form == "buro-companies" else Kind.PERSON
        found = made.record(Report(line=line, person=person(1, kind=kind)))
        assert "product" in {one.field for one in found}
