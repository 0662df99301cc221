"""A month's statements for the whole book: each loan once, and what readers are told elsewhere."""

from datetime import date
from decimal import Decimal

import psycopg
import pytest
from msgspec.structs import replace

from domain.borrower.events import Ground
from ledger.borrowers.reading import Archive, Reader
from ledger.borrowers.recipients import reading_as, recipients
from ledger.borrowers.registry import Registry
from ledger.borrowers.vault import Vault
from ledger.database import connect
from ledger.orders import Cause
from ledger.rails.references import issue as give
from ledger.rails.references import issue_clabe
from ledger.synthetic import fill
from projections.engine import catch_up
from projections.statements.issue import issue
from projections.statements.period import PeriodNotOver, TemplateTooSlow, month
from projections.statements.records import UnknownLoan
from projections.statements.sheet import Letter, Party, digest
from projections.statements.single import letter, one
from tests.api.harness import served
from tests.faults.kills import run
from tests.ledger.builders import a_ledger, pay
from tests.ledger.people import somebody

UNTIL = date(2026, 5, 31)
TODAY = date(2026, 6, 2)
MAY = month("2026-05")
BALANCES = """query ($no: String!, $on: Date!) {
  loan(loanNo: $no) {
    balances(asOf: $on) { owed { total { amount } } overpaid { amount } }
    daysPastDue(asOf: $on)
  }
}"""


@pytest.fixture
def book(fresh_database):
    fill(fresh_database, loans=40, seed=6, until=UNTIL, days=90, processes=1)
    with connect(fresh_database) as connection:
        catch_up(connection)
    return fresh_database


def numbers(settings):
    with connect(settings) as connection:
        rows = connection.execute(
            "SELECT loan_no FROM read.loans WHERE disbursed_on <= %s"
            " AND coalesce(closed_on, 'infinity') >= %s ORDER BY 1",
            [MAY.ends_on, MAY.begins_on],
        )
        return [number for (number,) in rows]


def test_each_loan_on_the_books_gets_one_file_and_a_second_run_makes_none(book, tmp_path):
    first = issue(book, MAY, tmp_path, today=TODAY, formats=("pdf", "html"), processes=1)
    second = issue(book, MAY, tmp_path, today=TODAY, processes=1)

    assert first.left == []
    assert {f"{number}-2026-05" for number in numbers(book)} == {
        path.stem for path in tmp_path.glob("*.pdf")
    }
    assert len(list(tmp_path.glob("*.html"))) == first.made == len(numbers(book))
    assert second.made == second.quiet == 0


def test_figures_are_those_of_graphql(book):
    with served(book, TODAY) as client:
        for number in numbers(book)[:15]:
            told = one(book, number, MAY, TODAY).statement
            seen = client.ask(BALANCES, no=number, on=str(MAY.ends_on))["loan"]
            owed, kept = (
                round(Decimal(money["amount"]) * 100)
                for money in (seen["balances"]["owed"]["total"], seen["balances"]["overpaid"])
            )

            assert told.closing.balance == owed - kept
            assert told.days_past_due == seen["daysPastDue"]


def test_what_was_issued_stays_and_the_next_month_goes_on_from_it(book, tmp_path):
    issue(book, MAY, tmp_path, today=TODAY, processes=1)
    number = numbers(book)[0]
    before = one(book, number, MAY, TODAY)
    with a_ledger(book) as ledger:
        pay(ledger, ledger.find(number), "10.00", on=date(2026, 5, 20))
    run(book, ["close", "--through", "2026-06-30"])

    again = one(book, number, MAY, TODAY)
    june = one(book, number, month("2026-06"), date(2026, 7, 1)).statement

    assert again == before
    assert june.opening == before.statement.closing
    assert [row.credit for row in june.rows if row.concept == "payment" and row.late] == [10_00]


def test_a_run_that_failed_in_the_middle_is_ended_by_the_next(book, tmp_path):
    templates = tmp_path / "templates"
    templates.mkdir()
    loop = "#let n = 0\n#for i in range(99999) { for j in range(99999) { n = n + j } }"
    (templates / "statement.typ").write_text(loop)
    looping = book.model_copy(update={"templates_dir": templates, "template_seconds": 1.0})
    with pytest.raises(TemplateTooSlow):
        issue(looping, MAY, tmp_path / "out", today=TODAY, processes=1)

    report = issue(book, MAY, tmp_path / "out", today=TODAY, processes=2)

    assert report.made == len(numbers(book))
    assert not list((tmp_path / "out").glob("*.part"))


def test_what_is_on_record_cannot_be_changed(book, tmp_path):
    issue(book, MAY, tmp_path, today=TODAY, processes=1)

    with (
        connect(book, owner=True) as owner,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"),
    ):
        owner.execute("UPDATE ledger.statements SET closing = 0")


def test_a_period_that_is_not_over_and_a_loan_that_is_not_there_are_refused(book, tmp_path):
    with pytest.raises(PeriodNotOver):
        issue(book, MAY, tmp_path, today=MAY.ends_on)
    with pytest.raises(UnknownLoan):
        one(book, "nobody", MAY, TODAY)
    with pytest.raises(UnknownLoan):
        letter(book, "nobody", Letter.PAYOFF, TODAY)


def test_days_that_are_not_closed_are_said_and_the_rest_goes_out(book, tmp_path):
    june = issue(book, month("2026-06"), tmp_path, today=date(2026, 7, 2), processes=1)

    assert june.left
    assert {one.code for one in june.left} == {"period-not-closed"}
    assert "cartera close --through 2026-06-30" in june.left[0].reason


def test_documents_over_rest(book):
    with served(book, TODAY) as client:
        number = numbers(book)[0]
        statement = f"/v1/loans/{number}/statements/2026-05"

        assert client.get(statement).content.startswith(b"%PDF-")
        page = client.get(f"{statement}?format=html")
        figures = client.get(f"{statement}?format=json").json()
        assert page.headers["content-type"].startswith("text/html")
        assert figures["highlights"][0]["value"] in page.text
        assert client.get(f"/v1/loans/{number}/letters/schedule?format=json").status_code == 200
        for path, status, code in (
            (f"/v1/loans/{number}/statements/2026-06", 409, "period-not-over"),
            (f"/v1/loans/{number}/statements/June", 409, "bad-period"),
            ("/v1/loans/nobody/statements/2026-05", 404, "unknown-loan"),
            (f"/v1/loans/{number}/letters/receipt?payment=99", 409, "unknown-payment"),
            (f"/v1/loans/{number}/letters/poem", 422, "invalid-field"),
        ):
            refused = client.get(path)
            assert (refused.status_code, refused.json()["code"]) == (status, code), refused.text
        assert client.get(statement, role=None).status_code == 401


def registered(settings, number, **changes):
    with a_ledger(settings) as ledger:
        borrower = ledger.load(ledger.find(number)).opened.borrower
        registry = Registry(ledger)
        registry.register(borrower, somebody(7, **changes), on=UNTIL, cause=Cause("ana", "test"))
        return borrower


def hashes(settings):
    with connect(settings) as connection:
        return dict(connection.execute("SELECT loan_id, sheet FROM ledger.statements").fetchall())


def test_a_document_has_name_and_address_and_each_reading_is_noted(book, tmp_path):
    number = numbers(book)[0]
    borrower = registered(book, number)

    issue(book, MAY, tmp_path, today=TODAY, processes=1, formats=("html",),
          register=reading_as("marta", "cli"))  # fmt: skip

    page = (tmp_path / f"{number}-2026-05.html").read_text()
    assert "Ana Lucía Gómez Núñez" in page
    assert "Av. Insurgentes Sur 1602<br>Crédito Constructor, Benito Juárez<br>" in page
    assert "03940, Ciudad de México" in page
    with a_ledger(book) as ledger:
        [read] = Archive(ledger.store, Vault.of(book)).readings(borrower)
    assert (read.actor, read.channel, read.what) == ("marta", "cli", "statement 2026-05")


def test_a_hash_knows_no_name_and_a_forgotten_borrower_s_document_is_addressed_by_number(
    book, tmp_path
):
    number = numbers(book)[0]
    borrower = registered(book, number)
    issue(book, MAY, tmp_path, today=TODAY, processes=1, register=reading_as("marta", "cli"))
    with recipients(book, Reader("marta", "cli")) as names:
        named = one(book, number, MAY, TODAY, names).sheet
        with a_ledger(book) as ledger:
            Registry(ledger).forget(borrower, Ground.REQUEST, cause=Cause("ana", "test"))
        forgotten = one(book, number, MAY, TODAY, names).sheet

    assert named.to.name == "Ana Lucía Gómez Núñez"
    assert forgotten.to == Party(borrower)
    assert replace(named, to=Party(borrower)) == forgotten
    assert digest(forgotten) in hashes(book).values()


def test_who_may_not_read_personal_data_sees_a_number(book):
    number = numbers(book)[0]
    borrower = registered(book, number)
    path = f"/v1/loans/{number}/statements/2026-05?format=json"

    with served(book, TODAY) as client:
        assert client.get(path, role="auditor").json()["to"] == {"name": borrower, "lines": []}
        assert client.get(path, role="collector").json()["to"]["name"] == "Ana Lucía Gómez Núñez"


def test_a_statement_tells_the_references_that_were_given_by_then(book, tmp_path):
    chosen = book.model_copy(update={"clabe_prefix": "6461801118"})
    number = numbers(book)[0]
    with a_ledger(chosen) as ledger:
        loan_id = ledger.find(number)
        clabe = issue_clabe(ledger, loan_id).reference
        issue(chosen, MAY, tmp_path, today=TODAY, processes=1)
        shop = give(ledger, loan_id, "luhn").reference

    def ways(sheet):
        return dict(sheet.boxes[-1].rows)

    assert ways(one(chosen, number, MAY, TODAY).sheet) == {
        "CLABE para transferencias": clabe, "Referencia": number,
    }  # fmt: skip
    assert ways(letter(chosen, number, Letter.PAYOFF, TODAY)) == {
        "CLABE para transferencias": clabe, "Referencia en tiendas": shop, "Referencia": number,
    }  # fmt: skip
