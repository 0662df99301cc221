"""Documents from real loans: sealed, stamped by a provider over HTTP, cancelled, gone on with."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import psycopg
import pytest
from lxml import etree

from domain.terms import Component
from ledger import log
from ledger.close_of_day import close_through
from ledger.database import connect
from projections.accounting.cfdi import register
from projections.accounting.cfdi.errors import BasisChanged, CertificateNotUsable, ProviderAway
from projections.accounting.cfdi.issue import Desk, issue
from projections.accounting.cfdi.provider import HttpProvider
from projections.accounting.cfdi.reconcile import reconcile
from projections.accounting.cfdi.seal import load_signer
from projections.accounting.cfdi.wanted import wanted
from tests.ledger.builders import CAUSE, START, TERMS, a_ledger, mxn, pay
from tests.projections.accounting.cfdi.provider_server import provider
from tests.projections.accounting.cfdi.test_documents import CFDI4, PAGO20
from tests.projections.accounting.cfdi.tools import (
    BORROWER,
    NOW,
    PASSWORD,
    RFC,
    Known,
    certificate,
    key_file,
    settings,
)

TODAY = date(2026, 6, 30)
EVER = datetime(9999, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def signer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("csd")
    (folder / "csd.cer").write_bytes(certificate())
    (folder / "csd.key").write_bytes(key_file())
    return load_signer(folder / "csd.cer", folder / "csd.key", PASSWORD, issuer=RFC)


class House:
    """A lender with one loan, a certificate and a provider."""

    def __init__(self, database, connection, signer, pac, url):
        self.ledger = a_ledger(database, TODAY)
        self.connection, self.signer, self.pac = connection, signer, pac
        self.url, self.now, self.receivers = url, NOW, {"B-1": BORROWER}
        self.given = {}

    def loan(self, borrower="B-1"):
        loan_id = self.ledger.open_loan(
            loan_no=f"L-{borrower}", terms=TERMS, effective_on=START, borrower=borrower,
            cause=CAUSE,
        ).loan_id  # fmt: skip
        self.ledger.disburse(loan_id, principal=mxn("10000"), effective_on=START, cause=CAUSE)
        return loan_id

    def issue(self):
        desk = Desk(
            settings=settings(**self.given), receivers=Known(self.receivers), signer=self.signer,
            provider=HttpProvider(self.url, "secret", 2.0), now=lambda: self.now,
            zone=ZoneInfo("America/Mexico_City"),
        )  # fmt: skip
        return issue(self.connection, desk)

    def asked(self, loan_id):
        own = settings(**self.given)
        return wanted(log.facts(self.connection, loan_id), own)

    def documents(self, loan_id):
        return register.of_loan(self.connection, loan_id)

    def states(self, loan_id):
        return [one.state for one in self.documents(loan_id).values()]


@pytest.fixture
def house(fresh_database, signer):
    with provider() as (pac, url), connect(fresh_database, autocommit=True) as connection:
        one = House(fresh_database, connection, signer, pac, url)
        with one.ledger:
            yield one


def total(document):
    return int(Decimal(etree.fromstring(document.xml.encode()).get("Total")).scaleb(2))


def interest_paid(house, loan_id):
    """Interest, late interest, fees and taxes that the loan's payments cleared, from its state."""
    found = 0
    for one in log.facts(house.connection, loan_id):
        for portion in getattr(one.event, "allocation", ()):
            sign = -1 if type(one.event).__name__ == "PaymentReversed" else 1
            found += sign * (portion.total - portion.principal)
        for moved in getattr(one.event, "moved", ()):
            found += sum(portion.total - portion.principal for portion in moved.portions)
    return found


def test_at_collection_each_payment_is_invoiced_as_it_comes(house):
    loan_id = house.loan()
    pay(house.ledger, loan_id, "1004.62", date(2026, 2, 15))
    pay(house.ledger, loan_id, "500.00", date(2026, 3, 1))

    report = house.issue()

    found = house.documents(loan_id)
    assert (report.stamped, report.refused, report.waiting) == (2, 0, 0)
    assert {one.state for one in found.values()} == {"stamped"}
    assert sum(map(total, found.values())) == interest_paid(house, loan_id) > 0
    assert sum(one.total for one in found.values()) == interest_paid(house, loan_id)
    assert {call for _, call in house.pac.calls} == {"Bearer secret"}
    assert house.issue().loans == 0
    assert len(house.pac.stamped) == 2


@pytest.mark.parametrize("when", ["collection", "due"])
def test_the_stamped_documents_say_what_the_loans_collected(when, house):
    house.given = {"when": when}
    loan_id = house.loan()
    close_through(house.ledger, date(2026, 3, 20), cause=CAUSE)
    for amount, on in (("300.00", date(2026, 2, 15)), ("2000.00", date(2026, 3, 16))):
        pay(house.ledger, loan_id, amount, on)
    own = settings(**house.given)
    [before] = reconcile(house.connection, own)
    house.issue()
    [after] = reconcile(house.connection, own)

    assert (before.documented, before.agrees) == (0, False)
    assert after.agrees
    assert after.collected == after.documented == interest_paid(house, loan_id) > 0
    assert abs(after.tax_collected - after.tax_documented) <= 100

    house.ledger.reverse_payment(
        loan_id, payment=2, reversed_on=date(2026, 4, 2), reason="bounced", cause=CAUSE
    )
    [apart] = reconcile(house.connection, own)
    house.issue()
    [again] = reconcile(house.connection, own)
    assert not apart.agrees
    assert again.agrees
    assert again.collected < after.collected


def test_the_uuid_is_found_by_the_event_behind_it(house):
    loan_id = house.loan()
    receipt = pay(house.ledger, loan_id, "1004.62", date(2026, 2, 15))
    house.issue()

    [document] = house.documents(loan_id).values()

    positions = [
        one.position for one in log.facts(house.connection, loan_id)
        if one.version <= receipt.version
    ]  # fmt: skip
    by_position = register.by_position(house.connection, positions, EVER)
    assert by_position == {document.position: (str(document.uuid),)}
    known = register.issued(house.connection, [str(document.uuid)])[str(document.uuid)]
    assert (known.issuer_rfc, known.receiver_rfc, known.total) == (
        RFC, BORROWER.rfc, document.total,
    )  # fmt: skip
    assert known.issued_on == NOW.astimezone(ZoneInfo("America/Mexico_City")).date()


def test_at_the_due_date_payments_complement_the_invoices(house):
    house.given = {"when": "due"}
    loan_id = house.loan()
    close_through(house.ledger, date(2026, 3, 20), cause=CAUSE)
    pay(house.ledger, loan_id, "300.00", date(2026, 2, 15))
    pay(house.ledger, loan_id, "2000.00", date(2026, 3, 16))

    report = house.issue()

    found = house.documents(loan_id)
    invoices = [one for one in found.values() if one.kind == "income"]
    payments = [one for one in found.values() if one.kind == "payment"]
    assert report.waiting == report.refused == 0
    assert {one.state for one in found.values()} <= {"stamped", "cancelled"}
    uuids = {str(one.uuid) for one in invoices}
    owed = {}
    for one in sorted(payments, key=lambda one: one.position):
        if one.state != "stamped":
            continue
        for related in etree.fromstring(one.xml.encode()).iter(f"{PAGO20}DoctoRelacionado"):
            uuid = related.get("IdDocumento").lower()
            assert uuid in uuids
            left = owed.setdefault(uuid, Decimal(related.get("ImpSaldoAnt")))
            assert Decimal(related.get("ImpSaldoAnt")) == left
            owed[uuid] = Decimal(related.get("ImpSaldoInsoluto"))
            assert owed[uuid] >= 0
    assert payments
    at_once = [
        one for one in invoices
        if one.state == "stamped"
        and etree.fromstring(one.xml.encode()).get("MetodoPago") == "PUE"
    ]  # fmt: skip
    standing = [one.total for one in (*payments, *at_once) if one.state == "stamped"]
    assert sum(standing) == interest_paid(house, loan_id)


def test_a_reversed_payment_has_its_document_cancelled(house):
    loan_id = house.loan()
    pay(house.ledger, loan_id, "1004.62", date(2026, 2, 15))
    house.issue()
    [document] = house.documents(loan_id).values()

    house.ledger.reverse_payment(
        loan_id, payment=1, reversed_on=date(2026, 3, 2), reason="bounced", cause=CAUSE
    )
    report = house.issue()

    assert report.cancelled == 1
    assert house.pac.cancelled == [[RFC, str(document.uuid), "03"]]
    assert house.states(loan_id) == ["cancelled"]
    assert register.by_position(house.connection, [document.position], EVER) == {}
    assert house.issue().cancelled == 0


def test_a_payment_reversed_before_its_stamp_needs_none(house):
    loan_id = house.loan()
    pay(house.ledger, loan_id, "1004.62", date(2026, 2, 15))
    house.ledger.reverse_payment(
        loan_id, payment=1, reversed_on=date(2026, 3, 2), reason="bounced", cause=CAUSE
    )

    report = house.issue()

    assert (report.dropped, house.pac.stamped) == (1, {})
    assert house.states(loan_id) == ["dropped"]


def test_a_reversed_payment_has_its_invoice_credited_where_that_is_set(house):
    house.given = {"reversed": "credit_note"}
    loan_id = house.loan()
    pay(house.ledger, loan_id, "1004.62", date(2026, 2, 15))
    house.issue()
    [invoice] = house.documents(loan_id).values()
    house.ledger.reverse_payment(
        loan_id, payment=1, reversed_on=date(2026, 3, 2), reason="bounced", cause=CAUSE
    )

    report = house.issue()

    found = house.documents(loan_id)
    [note] = [one for one in found.values() if one.kind == "credit"]
    assert (report.stamped, house.pac.cancelled) == (1, [])
    assert found[invoice.document].state == note.state == "stamped"
    root, first = (etree.fromstring(one.xml.encode()) for one in (note, invoice))
    told = ("Total", "SubTotal", "FormaPago", "MetodoPago")
    assert [root.get(name) for name in told] == [first.get(name) for name in told]
    assert root.get("TipoDeComprobante") == "E"
    assert list(reconcile(house.connection, settings(**house.given))) == []
    pay(house.ledger, loan_id, "1004.62", date(2026, 3, 3))
    house.issue()
    [apart] = reconcile(house.connection, settings(**house.given))
    assert (apart.agrees, apart.collected) == (True, interest_paid(house, loan_id))
    house.given = {}
    with pytest.raises(BasisChanged, match="reversals credited"):
        house.issue()


def test_neither_invoice_nor_credit_note_is_made_of_what_was_reversed_before_its_stamp(house):
    house.given = {"reversed": "credit_note"}
    loan_id = house.loan()
    pay(house.ledger, loan_id, "1004.62", date(2026, 2, 15))
    house.ledger.reverse_payment(
        loan_id, payment=1, reversed_on=date(2026, 3, 2), reason="bounced", cause=CAUSE
    )

    assert (house.issue().dropped, house.pac.stamped) == (2, {})
    assert house.states(loan_id) == ["dropped", "dropped"]
    assert house.issue().loans == 0


def test_interest_given_up_after_its_invoice_has_a_credit_note(house):
    house.given = {"when": "due"}
    loan_id = house.loan()
    close_through(house.ledger, date(2026, 2, 20), cause=CAUSE)
    house.issue()
    [invoice] = house.documents(loan_id).values()
    house.ledger.forgive(
        loan_id, amounts={Component.INTEREST: mxn("40.00")}, effective_on=date(2026, 2, 20),
        cause=CAUSE,
    )  # fmt: skip
    pay(house.ledger, loan_id, "1004.62", date(2026, 2, 25))

    house.issue()

    found = house.documents(loan_id)
    [note] = [one for one in found.values() if one.kind == "credit"]
    [complement] = [one for one in found.values() if one.kind == "payment"]
    root = etree.fromstring(note.xml.encode())
    assert (root.get("TipoDeComprobante"), root.get("FormaPago"), root.get("MetodoPago")) == (
        "E", "15", "PUE",
    )  # fmt: skip
    assert (total(note), note.total) == (40_00, 40_00)
    assert root.find(f"{CFDI4}Receptor").get("UsoCFDI") == "G02"
    related = root.find(f"{CFDI4}CfdiRelacionados")
    assert related.get("TipoRelacion") == "01"
    assert [one.get("UUID").lower() for one in related] == [str(invoice.uuid)]
    [paid] = etree.fromstring(complement.xml.encode()).iter(f"{PAGO20}DoctoRelacionado")
    assert Decimal(paid.get("ImpSaldoAnt")) == Decimal(invoice.total - 40_00).scaleb(-2)
    assert Decimal(paid.get("ImpSaldoInsoluto")) == 0
    [apart] = reconcile(house.connection, settings(**house.given))
    assert apart.agrees
    by_position = register.by_position(house.connection, [note.position], EVER)
    assert by_position == {note.position: (str(note.uuid),)}


def test_a_credit_note_waits_for_the_uuid_of_its_invoice(house):
    house.given = {"when": "due"}
    loan_id = house.loan()
    close_through(house.ledger, date(2026, 2, 20), cause=CAUSE)
    house.ledger.forgive(
        loan_id, amounts={Component.INTEREST: mxn("40.00")}, effective_on=date(2026, 2, 20),
        cause=CAUSE,
    )  # fmt: skip
    house.pac.mode = "away"
    with pytest.raises(ProviderAway):
        house.issue()

    assert sorted(house.states(loan_id)) == ["sealed", "waiting"]
    house.pac.mode = "ok"
    assert house.issue().stamped == 2
    assert house.states(loan_id) == ["stamped", "stamped"]


def test_what_a_correction_moves_gets_a_document_in_place_of_the_old_one(house):
    loan_id = house.loan()
    pay(house.ledger, loan_id, "500.00", date(2026, 3, 15))
    house.issue()
    [old] = house.documents(loan_id).values()

    pay(house.ledger, loan_id, "1004.62", date(2026, 2, 20))  # known late: the other one moves
    report = house.issue()

    found = house.documents(loan_id)
    assert found[old.document].state == "cancelled"
    standing = [one for one in found.values() if one.state == "stamped"]
    assert report.cancelled == 1
    [[rfc, uuid, motive, by]] = house.pac.cancelled
    assert (rfc, uuid, motive) == (RFC, str(old.uuid), "01")
    new = next(one for one in standing if str(one.uuid) == by)
    root = etree.fromstring(new.xml.encode())
    related = root.find(f"{CFDI4}CfdiRelacionados")
    assert related.get("TipoRelacion") == "04"
    assert [one.get("UUID").lower() for one in related] == [str(old.uuid)]
    assert sum(one.total for one in standing) == interest_paid(house, loan_id)


def test_a_provider_that_is_away_is_met_again(house):
    loan_id = house.loan()
    pay(house.ledger, loan_id, "1004.62", date(2026, 2, 15))
    house.pac.mode = "away"

    with pytest.raises(ProviderAway):
        house.issue()

    assert house.states(loan_id) == ["sealed"]
    assert [one.document for one in register.standing(house.connection)] == [
        one.key for one in house.asked(loan_id)
    ]
    house.pac.mode = "ok"
    assert house.issue().stamped == 1
    assert house.states(loan_id) == ["stamped"]


@pytest.mark.parametrize("mode", ["garbage", "lost"])
def test_an_answer_that_was_lost_leads_to_no_second_document(mode, house):
    loan_id = house.loan()
    pay(house.ledger, loan_id, "1004.62", date(2026, 2, 15))
    house.pac.mode = mode
    with pytest.raises(ProviderAway):
        house.issue()

    house.pac.mode = "ok"
    house.issue()

    assert house.states(loan_id) == ["stamped"]
    assert len(house.pac.stamped) == 1
    [document] = house.documents(loan_id).values()
    assert str(document.uuid) in house.pac.stamped.values()


def test_a_provider_that_nobody_hears_is_away(house):
    loan_id = house.loan()
    pay(house.ledger, loan_id, "1004.62", date(2026, 2, 15))
    house.url = "http://127.0.0.1:9"

    with pytest.raises(ProviderAway):
        house.issue()
    assert house.states(loan_id) == ["sealed"]


def test_a_document_that_waited_too_long_is_sealed_anew(house):
    loan_id = house.loan()
    pay(house.ledger, loan_id, "1004.62", date(2026, 2, 15))
    house.pac.mode = "away"
    with pytest.raises(ProviderAway):
        house.issue()
    [before] = house.documents(loan_id).values()

    house.pac.mode = "ok"
    house.now = before.recorded_at + timedelta(hours=71)
    house.issue()

    [after] = house.documents(loan_id).values()
    assert after.state == "stamped"
    assert after.step == 3
    assert after.issued_on > before.issued_on


def test_what_the_provider_refuses_is_kept_with_its_reason_and_tried_again(house):
    loan_id = house.loan()
    pay(house.ledger, loan_id, "1004.62", date(2026, 2, 15))
    house.pac.mode = "refuse"

    report = house.issue()

    assert report.refused == 1
    [document] = register.standing(house.connection)
    assert document.state == "refused"
    assert "CFDI40147 the postal code is not his" in document.reason
    house.pac.mode = "ok"
    assert house.issue().stamped == 1


def test_a_borrower_whose_data_are_missing_waits_and_the_others_go_on(house):
    loan_id, other = house.loan("B-0"), house.loan("B-1")
    for one in (loan_id, other):
        pay(house.ledger, one, "1004.62", date(2026, 2, 15))

    report = house.issue()

    assert (report.stamped, report.refused) == (1, 1)
    [document] = house.documents(loan_id).values()
    assert document.reason == (
        "receiver.rfc of borrower B-0 is not known, nor name, postal_code, regime"
    )
    house.issue()
    assert [one.step for one in house.documents(loan_id).values()] == [1]
    house.receivers["B-0"] = BORROWER
    assert house.issue().stamped == 1


def test_a_complement_waits_for_the_uuid_of_its_invoice(house):
    house.given = {"when": "due"}
    loan_id = house.loan()
    close_through(house.ledger, date(2026, 2, 15), cause=CAUSE)
    pay(house.ledger, loan_id, "1004.62", date(2026, 2, 15))
    house.pac.mode = "refuse"

    house.issue()

    assert sorted(one.state for one in house.documents(loan_id).values()) == ["refused", "waiting"]
    house.pac.mode = "ok"
    assert house.issue().stamped == 2


def test_an_expired_certificate_stops_the_run_before_it_begins(house):
    loan_id = house.loan()
    pay(house.ledger, loan_id, "1004.62", date(2026, 2, 15))
    house.now = NOW + timedelta(days=5 * 365)

    with pytest.raises(CertificateNotUsable):
        house.issue()
    assert house.documents(loan_id) == {}


@pytest.mark.parametrize("given", [{"when": "due"}, {"since": date(2026, 2, 1)}])
def test_facts_are_never_documented_by_two_rules(given, house):
    loan_id = house.loan()
    pay(house.ledger, loan_id, "1004.62", date(2026, 2, 15))
    house.issue()
    house.given = given

    with pytest.raises(BasisChanged) as refused:
        house.issue()
    assert "collection since 2022-01-01" in str(refused.value)


def test_facts_before_the_first_day_get_no_document(house):
    house.given = {"since": date(2026, 3, 1)}
    loan_id = house.loan()
    pay(house.ledger, loan_id, "1004.62", date(2026, 2, 28))
    pay(house.ledger, loan_id, "500.00", date(2026, 3, 1))

    assert house.issue().stamped == 1


@pytest.mark.parametrize("change", ["UPDATE {} SET state = 'stamped'", "DELETE FROM {}"])
def test_the_life_of_a_document_is_never_changed(change, house, fresh_database):
    with (
        connect(fresh_database, owner=True) as owner,
        pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"),
    ):
        owner.execute(change.format("ledger.fiscal_documents"))
