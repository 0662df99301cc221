"""What can be true of a person, and what a borrower's facts come to."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.borrower import borrower as borrowers
from domain.borrower import errors
from domain.borrower import events as e
from domain.borrower.checks import check, doubts
from domain.borrower.company import Company, Partner
from domain.borrower.person import Employment, Kind, Person, Sex
from domain.borrower.states import STATES, state_named, state_of
from tests.ledger.people import BORN, HOME, a_person, curp, rfc

TODAY = date(2026, 6, 30)
DIGITS = "0123456789"


def test_a_person_with_good_papers_is_taken():
    check(a_person(), TODAY, rfc_check_digit=True)
    assert doubts(a_person()) == ()


def test_a_person_may_be_hardly_known():
    check(a_person(rfc="", curp="", born_on=None, sex=None, addresses=(), employment=None), TODAY)


def test_published_numbers_pass():
    """Valid by their check digits in the documentation of python-stdnum and of the SAT's tests."""
    check(a_person(rfc="CACX7605101P8", curp="", born_on=date(1976, 5, 10)), TODAY)
    check(a_person(rfc="", curp="BOXW310820HNERXN09", born_on=date(1931, 8, 20), sex=Sex.MALE),
          TODAY)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"first_name": ""}, errors.NameMissing, "first_name"),
        ({"paternal": "", "maternal": ""}, errors.NameMissing, "paternal"),
        ({"rfc": "GOLA760510"}, None, None),
        ({"rfc": "GOLA7605105P"}, errors.InvalidRfc, "rfc"),
        ({"rfc": "GOLA761310XXX"}, errors.InvalidRfc, "rfc"),
        ({"rfc": "EKU9003173C9"}, errors.InvalidRfc, "rfc"),
        ({"rfc": "XAXX010101000"}, errors.GenericRfc, "rfc"),
        ({"rfc": rfc(born_on=date(1976, 5, 11))}, errors.RfcDiffers, "rfc"),
        ({"curp": curp()[:-1]}, errors.InvalidCurp, "curp"),
        ({"curp": curp(state="XX")}, errors.InvalidCurp, "curp"),
        ({"curp": curp(born_on=date(1976, 5, 11))}, errors.CurpDiffers, "curp"),
        ({"curp": curp(sex="H")}, errors.CurpDiffers, "curp"),
        ({"addresses": (replace(HOME, state="ZZZ"),)}, errors.UnknownState, "addresses[0].state"),
        ({"addresses": (HOME, replace(HOME, postal_code="44100"))}, errors.PostalCodeDiffers,
         "addresses[1].postal_code"),
        ({"addresses": (replace(HOME, postal_code="18000"),)}, errors.InvalidPostalCode,
         "addresses[0].postal_code"),
        ({"addresses": (replace(HOME, postal_code="3940"),)}, errors.InvalidPostalCode,
         "addresses[0].postal_code"),
        ({"addresses": (replace(HOME, postal_code="BA1", country="GB", state=""),)}, None, None),
        ({"phones": ("5512345678", "12345")}, errors.InvalidContact, "phones[1]"),
        ({"phones": ("+14155550100",)}, None, None),
        ({"email": "ana at example"}, errors.InvalidContact, "email"),
        ({"born_on": date(1899, 12, 31), "rfc": "", "curp": ""}, errors.ImplausibleDate,
         "born_on"),
        ({"died_on": date(2026, 7, 1)}, errors.ImplausibleDate, "died_on"),
        ({"died_on": date(1976, 5, 9)}, errors.ImplausibleDate, "died_on"),
        ({"died_on": TODAY}, None, None),
        ({"employment": Employment(employer="X", hired_on=date(2026, 7, 1))},
         errors.ImplausibleDate, "employment.hired_on"),
        ({"employment": Employment(employer="X", phone="1")}, errors.InvalidContact,
         "employment.phone"),
    ],
)  # fmt: skip
def test_what_cannot_be_true_is_refused_by_field(changes, error, field):
    if error is None:
        check(a_person(**changes), TODAY)
        return
    with pytest.raises(error) as refused:
        check(a_person(**changes), TODAY)
    assert refused.value.field == field


def test_an_rfc_with_a_wrong_check_digit_is_doubted_and_refused_only_where_asked():
    person = a_person(rfc=rfc()[:-1] + ("1" if rfc()[-1] != "1" else "2"))
    check(person, TODAY)
    assert doubts(person) == ("rfc breaks the rule of its check digit",)
    with pytest.raises(errors.InvalidRfc):
        check(person, TODAY, rfc_check_digit=True)


@given(st.sampled_from([*range(4, 10), 16, 17]), st.sampled_from(DIGITS))
def test_one_wrong_digit_of_a_curp_is_found_wherever_its_rule_can(place, digit):
    """The 17th counts twice, modulo 10: the published rule cannot tell digits five apart there."""
    good = curp()
    wrong = good[:place] + digit + good[place + 1 :]
    if abs(int(good[place]) - int(digit)) in ({0, 5} if place == 16 else {0}):
        return
    with pytest.raises((errors.InvalidCurp, errors.CurpDiffers)):
        check(a_person(curp=wrong), TODAY)


def test_the_states_share_out_all_postal_codes_once():
    prefixes = [prefix for state in STATES for prefix in state.prefixes]
    assert len(prefixes) == len(set(prefixes))
    assert set(range(100)) - set(prefixes) == {0, 17, 18, 19}  # not in use
    assert len(STATES) == 32


@pytest.mark.parametrize(
    ("postal_code", "code"),
    [("06700", "CMX"), ("44100", "JAL"), ("64000", "NLE"), ("50000", "MEX"), ("77500", "ROO"),
     ("28000", "COL"), ("25000", "COA"), ("98000", "ZAC"), ("01000", "CMX"), ("16999", "CMX")],
)  # fmt: skip
def test_well_known_postal_codes_lie_in_their_state(postal_code, code):
    assert state_of(postal_code).code == code


@pytest.mark.parametrize(
    ("name", "code"),
    [("jal", "JAL"), ("Estado de México", "MEX"), ("CDMX", "CMX"), ("D.F.", "CMX"),
     ("nuevo leon", "NLE"), ("MX-ROO", "ROO"), ("Q. Roo", "ROO"), ("Tamps.", "TAM")],
)  # fmt: skip
def test_a_state_is_known_by_what_people_write(name, code):
    assert state_named(name).code == code


def test_no_name_means_two_states():
    for state in STATES:
        for name in (state.code, state.name, *state.aliases):
            assert state_named(name) is state


def registered(person=None):
    event = e.BorrowerRegistered(effective_on=BORN, borrower_no="B-1", person=person or a_person())
    return borrowers.replay([event])


def test_a_change_names_what_changed_and_the_fold_keeps_it():
    before = registered()
    person = replace(before.person, phones=("3312345678",), email="")

    [event] = borrowers.change(before, person, on=TODAY, reason="moved")

    assert event.changed == ("phones", "email")
    after = borrowers.replay([event], before)
    assert (after.person, after.version) == (person, 2)
    with pytest.raises(errors.NothingChanged):
        borrowers.change(after, person, on=TODAY)


def test_a_role_is_taken_once_and_left_once():
    borrower = registered()
    joined = borrowers.join(borrower, "L-1", e.Role.GUARANTOR, TODAY)
    borrower = borrowers.replay(joined, borrower)
    with pytest.raises(errors.RoleTaken):
        borrowers.join(borrower, "L-1", e.Role.GUARANTOR, TODAY)
    both = borrowers.join(borrower, "L-1", e.Role.CO_BORROWER, TODAY)
    borrower = borrowers.replay(both, borrower)
    with pytest.raises(errors.ImplausibleDate):
        borrowers.leave(borrower, "L-1", e.Role.GUARANTOR, BORN)
    borrower = borrowers.replay(borrowers.leave(borrower, "L-1", e.Role.GUARANTOR, TODAY), borrower)
    assert [one.role for one in borrower.roles] == [e.Role.CO_BORROWER]
    with pytest.raises(errors.RoleNotHeld):
        borrowers.leave(borrower, "L-1", e.Role.GUARANTOR, TODAY)


def test_stored_facts_are_read_back_as_they_were():
    for event in (
        e.BorrowerRegistered(effective_on=BORN, borrower_no="B-1", person=a_person()),
        e.BorrowerChanged(effective_on=TODAY, person=a_person(), changed=("email",), reason="x"),
        e.LoanJoined(effective_on=TODAY, loan_no="L-1", role=e.Role.GUARANTOR),
        e.LoanLeft(effective_on=TODAY, loan_no="L-1", role=e.Role.GUARANTOR),
        e.BorrowerForgotten(effective_on=TODAY, ground=e.Ground.REQUEST),
    ):
        assert e.decode(e.encode(event)) == event


def test_bytes_of_the_first_revision_are_still_read():
    """As they were stored when borrowers came in: renaming a field breaks this."""
    stored = (
        b'{"type":"borrower-registered","effective_on":"2026-01-15","borrower_no":"B-1","person":'
        b'{"first_name":"Ana","paternal":"G\xc3\xb3mez","born_on":"1976-05-10","sex":"F",'
        b'"civil_status":"married","addresses":[{"street":"Sur 1","postal_code":"03940",'
        b'"state":"CMX"}],"phones":["5512345678"],"employment":{"employer":"Telares",'
        b'"monthly_income":1850000},"economics":{"residence":"owned","dependants":2}}}'
    )
    event = e.decode(stored)
    assert event.person.employment.monthly_income == 18_500_00
    assert event.person.addresses[0].country == "MX"
    assert e.encode(event) == stored


OWNER = Partner(first_name="Luz", paternal="Paz", rfc=rfc(), share=60)
FOUNDED = Company(legal_name="Telares del Sur, S.A. de C.V.", incorporated_on=date(2009, 3, 17))


def a_company(company=FOUNDED, **changes):
    given = {"kind": Kind.COMPANY, "company": company, "rfc": "TSU090317A12", "addresses": (HOME,)}
    return Person(**(given | changes))


def test_a_company_is_known_by_its_legal_name_and_its_rfc_of_twelve():
    one = a_company(activities=("3130001",))
    check(one, TODAY)
    assert one.full_name == "Telares del Sur, S.A. de C.V."
    assert one.identities == {"rfc": "TSU090317A12"}
    owners = (OWNER, Partner(legal_name="Uno, S.A.", rfc="UNO010203A12", share=40))
    check(a_company(replace(FOUNDED, representative=OWNER, shareholders=owners)), TODAY)


def test_the_published_test_rfc_of_a_company_passes_its_check_digit():
    """EKU9003173C9 is the test company of the tax authority (Escuela Kemper Urgate)."""
    kemper = replace(FOUNDED, incorporated_on=date(1990, 3, 17))
    check(a_company(kemper, rfc="EKU9003173C9"), TODAY, rfc_check_digit=True)


@pytest.mark.parametrize(
    ("company", "changes", "error", "field"),
    [
        (None, {}, errors.NameMissing, "company.legal_name"),
        (FOUNDED, {"kind": Kind.PERSON}, errors.NotOfThisKind, "company"),
        (FOUNDED, {"paternal": "Paz"}, errors.NotOfThisKind, "paternal"),
        (FOUNDED, {"born_on": BORN}, errors.NotOfThisKind, "born_on"),
        (FOUNDED, {"curp": curp()}, errors.NotOfThisKind, "curp"),
        (FOUNDED, {"rfc": rfc()}, errors.InvalidRfc, "rfc"),
        (FOUNDED, {"rfc": "TSU0903171"}, errors.InvalidRfc, "rfc"),
        (FOUNDED, {"rfc": "TSU090318A12"}, errors.RfcDiffers, "rfc"),
        (FOUNDED, {"rfc": "TSU091317A12"}, errors.InvalidRfc, "rfc"),
        (FOUNDED, {"activities": ("12A",)}, errors.InvalidCode, "activities[0]"),
        (FOUNDED, {"ssn": "123456789"}, errors.NotOfThisKind, "ssn"),
        (replace(FOUNDED, incorporated_on=date(2026, 7, 1)), {"rfc": ""},
         errors.ImplausibleDate, "company.incorporated_on"),
        (replace(FOUNDED, representative=Partner(legal_name="Uno")), {},
         errors.NotOfThisKind, "company.representative.legal_name"),
        (replace(FOUNDED, shareholders=(OWNER, replace(OWNER, share=41))), {},
         errors.SharesExceedAll, "company.shareholders"),
        (replace(FOUNDED, shareholders=(replace(OWNER, paternal=""),)), {},
         errors.NameMissing, "company.shareholders[0].paternal"),
        (replace(FOUNDED, shareholders=(replace(OWNER, rfc="X"),)), {}, errors.InvalidRfc, "rfc"),
        (replace(FOUNDED, shareholders=(replace(OWNER, curp="X"),)), {}, errors.InvalidCurp,
         "curp"),
        (replace(FOUNDED, shareholders=(replace(OWNER, phone="1"),)), {}, errors.InvalidContact,
         "company.shareholders[0].phone"),
        (replace(FOUNDED, shareholders=(
            replace(OWNER, address=replace(HOME, postal_code="44100")),)), {},
         errors.PostalCodeDiffers, "company.shareholders[0].address.postal_code"),
    ],
)  # fmt: skip
def test_a_company_that_cannot_be_is_refused_by_its_field(company, changes, error, field):
    with pytest.raises(error) as refused:
        check(a_company(company, **changes), TODAY)
    assert refused.value.field == field


def test_a_persons_ssn_has_nine_digits():
    check(a_person(ssn="123456789"), TODAY)
    with pytest.raises(errors.InvalidCode):
        check(a_person(ssn="123-45-6789"), TODAY)
