"""What borrowers read: the same figures in every form, whatever the names and amounts."""

import re
from datetime import date

import pytest

from domain import commands
from domain.events import LoanDisbursed
from domain.loan import Status
from projections.statements.account import Cut, statement
from projections.statements.documents import (
    account_statement,
    amortization_table,
    desk,
    no_debt_letter,
    payoff_letter,
    receipt,
)
from projections.statements.lender import SHIPPED, Words, lender
from projections.statements.period import (
    LenderError,
    NothingOwedLetter,
    TemplateError,
    TemplateTooSlow,
    UnknownPayment,
    month,
)
from projections.statements.render import Press, Setter, html
from projections.statements.sheet import Party
from tests.domain.histories import disbursed, opened, terms
from tests.domain.test_takeover import taken_on
from tests.projections.statements.test_account import LAST, recorded

TO = Party("María de los Ángeles Fernández-Villaseñor <Gutiérrez> & Ruiz " * 3, ["Av. #1 *x* $2"])
JUNE = date(2026, 6, 30)


def story(agreed=None, upto=JUNE):
    book = disbursed(agreed or terms())
    for on, amount in ((date(2026, 2, 15), 1_104_00), (date(2026, 3, 15), 1_200_00)):
        book.do(commands.receive_payment, amount=amount, effective_on=on, channel="spei")
    book.do(commands.close_day, on=upto)
    return book


def written_off():
    book = story(upto=date(2026, 6, 10))
    book.do(commands.write_off, effective_on=date(2026, 6, 10), reason="committee")
    return book


def of_june(book, at=None):
    told = statement(recorded(book), month("2026-06"), Cut(JUNE, LAST))
    return account_statement(at or desk(lender()), told, recorded(book), TO)


def minor(shown):
    return int(re.sub(r"[^0-9-]", "", shown))


def test_the_figures_of_a_statement_are_the_account_s():
    book = story()
    told = statement(recorded(book), month("2026-06"), Cut(JUNE, LAST))
    sheet = of_june(book)

    [first, second, third] = [minor(card.value) for card in sheet.highlights]
    assert (first, second, third) == (told.to_pay, told.past_due, told.payoff)
    movements, past_due, coming = sheet.tables
    assert minor(movements.rows[-1][-1]) == told.closing.balance
    assert sum(minor(row[-1]) for row in past_due.rows) == told.past_due == minor(past_due.foot[-1])
    assert len(coming.rows) == 6


def test_a_page_says_what_the_sheet_says_and_markup_in_names_stays_text():
    sheet = of_june(story())
    page = html(sheet).decode()

    assert "&lt;Gutiérrez&gt; &amp; Ruiz" in page
    for table in sheet.tables:
        for row in table.rows:
            assert all(f">{cell}</td>" in page for cell in row)
    assert "http" not in page.replace("http-equiv", "")


@pytest.mark.parametrize(
    "agreed",
    [terms(), terms(principal=9_999_999_999_99, instalments=60), terms(tax_rate=0, late_rate=0)],
    ids=["usual", "twelve digits", "no tax"],
)
def test_every_document_is_laid_out_the_same_each_time(agreed):
    at, book, setter = desk(lender()), story(agreed), Setter()
    sheets = [
        of_june(book),
        amortization_table(at, book.loan, JUNE, TO),
        payoff_letter(at, book.loan, date(2026, 7, 3), TO),
        receipt(at, book.loan, 1, TO),
    ]

    for sheet in sheets:
        laid = setter.lay_out(sheet)
        assert laid.startswith(b"%PDF-")
        assert laid == setter.lay_out(sheet)
    setter.close()


@pytest.mark.parametrize(
    ("book", "lines"),
    [
        (lambda: disbursed(terms()), 2),
        (lambda: taken_on(terms(), effective_on=date(2026, 4, 20), principal=700_000), 2),
        (written_off, 1),
    ],
    ids=["usual", "taken over", "written off"],
)
def test_a_chart_stays_in_its_frame_and_shows_no_plan_that_is_off(book, lines):
    played = book()
    if played.loan.status is Status.ACTIVE:
        played.do(commands.close_day, on=JUNE)

    chart = of_june(played).chart

    assert len(chart.lines) == lines
    points = [point for line in chart.lines for point in line.points]
    assert all(0 <= x <= 1 and 0 <= y <= 1 for x, y in points)


def test_where_a_loan_ends_in_the_month_what_ran_stands_before_the_end():
    sheet = of_june(written_off())

    *ran, last = sheet.tables[0].rows
    assert "Castigo" in last[1]
    assert last[0] == ran[-1][0] == "10 jun 2026"
    assert minor(last[-1]) == 0
    assert all(minor(row[-1]) > 0 for row in ran)


def test_only_pesos_and_dollars_have_their_sign():
    udis = of_june(story(terms(currency="MXV")))
    assert udis.highlights[0].value.endswith(" MXV")
    assert "$" not in udis.highlights[0].value


def test_a_no_debt_letter_is_for_a_loan_that_was_paid_off():
    at, book = desk(lender()), story()
    with pytest.raises(NothingOwedLetter):
        no_debt_letter(at, book.loan, JUNE, TO)

    book.do(commands.receive_payment, amount=99_999_00, effective_on=JUNE)
    told = no_debt_letter(at, book.loan, JUNE, TO)

    assert "30 de junio de 2026" in told.text[0]


def test_a_receipt_adds_up_to_its_payment_and_needs_one_that_stands():
    at, book = desk(lender()), story()

    applied = receipt(at, book.loan, 2, TO).boxes[1]

    *parts, (_, total) = applied.rows
    assert sum(minor(value) for _, value in parts) == minor(total) == 1_200_00
    with pytest.raises(UnknownPayment):
        receipt(at, book.loan, 9, TO)


def test_both_languages_have_the_same_words():
    spanish, english = Words("es")._said, Words("en")._said

    assert spanish.keys() == english.keys()
    for name in ("titles", "concepts"):
        assert spanish[name].keys() == english[name].keys()


def test_the_lender_s_own_language_logo_and_colours(tmp_path):
    (tmp_path / "logo.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
    )
    own = tmp_path / "lender.yaml"
    said = SHIPPED.read_text().replace("language: es", "language: en")
    own.write_text(said.replace('logo: ""', "logo: logo.svg").replace("#12486b", "#004400"))

    sheet = of_june(story(), desk(lender(own)))

    assert sheet.title == "Account statement"
    assert sheet.primary == "#004400"
    assert Setter(logos=tmp_path).lay_out(sheet).startswith(b"%PDF-")


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("language: es", "language: fr", "language"),
        ("#12486b", "blue", "colours.primary"),
        ('logo: ""', "logo: ../secret.png", "logo"),
        ("objection_days: 90", "objection_days: many", "objection_days"),
        ("name:", "nombre:", "nombre"),
        ('"{clabe}"', '"{clave}"', "{clave} is none of .*clabe"),
    ],
)
def test_a_lender_s_file_that_cannot_be_used_names_the_field(tmp_path, before, after, told):
    own = tmp_path / "lender.yaml"
    own.write_text(SHIPPED.read_text().replace(before, after, 1))

    with pytest.raises(LenderError, match=told):
        lender(own)


def test_a_text_with_an_unknown_name_is_refused(tmp_path):
    own = tmp_path / "lender.yaml"
    own.write_text(SHIPPED.read_text().replace("{objection_days}", "{borrower.__class__}"))

    with pytest.raises(LenderError, match="none of objection_days"):
        of_june(story(), desk(lender(own)))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("#let d = json(bytes(sys.inputs.data))\n#d.debt", "debt.*line 2"),
        ('#read("/etc/hostname")', "statement.typ"),
        ('#import "@preview/cetz:0.3.4"', "imports"),
        ("#while true { }", "always true"),
    ],
    ids=["unknown field", "a file", "a package", "a loop"],
)
def test_a_template_that_cannot_be_laid_out_is_named(tmp_path, text, told):
    (tmp_path / "statement.typ").write_text(text)

    with pytest.raises(TemplateError, match=told):
        Setter(tmp_path).lay_out(of_june(story()))


def test_a_template_that_takes_for_ever_is_ended(tmp_path):
    slow = "#let n = 0\n#for i in range(99999) { for j in range(99999) { n = n + j } }"
    (tmp_path / "statement.typ").write_text(slow)

    with Press(tmp_path, seconds=1.0) as press, pytest.raises(TemplateTooSlow, match="loop"):
        press.one(of_june(story()))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{{ debt }}", "debt"),
        ("{% for %}", "line 1"),
        ("{{ ''.__class__.__mro__ }}", "statement.html"),
        ("{% for n in range(99999999) %}{% endfor %}", "range"),
    ],
    ids=["unknown field", "syntax", "the machinery", "a loop"],
)
def test_a_page_template_that_cannot_be_filled_is_named(tmp_path, text, told):
    (tmp_path / "statement.html").write_text(text)

    with pytest.raises(TemplateError, match=told):
        html(of_june(story()), tmp_path)


def test_the_cost_of_a_loan_in_tranches_is_that_of_all_its_instalments():
    agreed = terms()
    book = opened(agreed)
    for on in (date(2026, 1, 15), date(2026, 4, 20)):
        book.do(commands.disburse, principal=agreed.principal // 2, effective_on=on)
    book.do(commands.close_day, on=JUNE)

    [shown] = [value for label, value in of_june(book).boxes[0].rows if label == "CAT sin IVA"]

    paid = {row.number: row for event in book.history if isinstance(event, LoanDisbursed)
            for row in event.schedule}  # fmt: skip
    flows = [(on, agreed.principal // 2 / 100) for on in (date(2026, 1, 15), date(2026, 4, 20))]
    flows += [(row.due_on, -(row.principal + row.interest) / 100) for row in paid.values()]
    assert sum(amount for _, amount in flows) < 0
    low, high = 0.0, 5.0
    for _ in range(80):
        middle = (low + high) / 2
        worth = sum(
            amount / (1 + middle) ** ((on - date(2026, 1, 15)).days / 365.25)
            for on, amount in flows
        )
        low, high = (middle, high) if worth < 0 else (low, middle)
    assert abs(float(shown.removesuffix(" %")) - 100 * low) < 0.5
