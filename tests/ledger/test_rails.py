"""Money from banks: references given out, statements, notifications, and what waits in suspense."""

import base64
import hmac
import json
import threading
from datetime import date
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import pytest
from pycamt.parser import Camt053Parser
from pydantic import SecretStr

from domain.borrower.events import Ground
from domain.references import InvalidReference, clabe_of
from ledger.borrowers.reading import Archive, Reader
from ledger.borrowers.registry import Registry
from ledger.errors import UnknownLoan, WrongCurrency
from ledger.forms import FormError
from ledger.rails import camt053, layouts, stp
from ledger.rails.references import (
    NoClabePrefix,
    ReferenceTaken,
    UnknownAlgorithm,
    issue,
    issue_clabe,
    issued,
)
from ledger.rails.settling import AlreadySettled, UnknownDeposit, aged, assign, give_back, totals
from ledger.rails.statements import import_statement
from ledger.rails.suggestions import suggest
from ledger.suspense import suspended, waiting
from tests.ledger.builders import CAUSE, START, a_ledger, mxn, running
from tests.ledger.people import a_person

PREFIX = "6461801118"
DUE = date(2026, 2, 15)


@pytest.fixture
def ledger(fresh_database):
    chosen = fresh_database.model_copy(
        update={"clabe_prefix": PREFIX, "stp_secret": SecretStr("between us")}
    )
    with a_ledger(chosen) as ledger:
        yield ledger


def paid(ledger, loan_id):
    return [(one.amount, one.effective_on, one.channel, one.reference)
            for one in ledger.load(loan_id).payments.values()]  # fmt: skip


def counts(report):
    names = ("applied", "recovered", "suspended", "repeated", "rejected")
    found = {name: getattr(report.payments, name) for name in names
             if getattr(report.payments, name)}  # fmt: skip
    return found | ({"outgoing": report.outgoing} if report.outgoing else {})


# References


def test_a_loan_has_one_clabe_for_ever_and_each_its_own(ledger):
    one, two = running(ledger, "L-1"), running(ledger, "L-2")

    first = issue_clabe(ledger, one)
    assert (first.repeated, clabe_of(first.reference).bank) == (False, "646")
    assert issue_clabe(ledger, one).reference == first.reference
    assert issue_clabe(ledger, one).repeated
    assert issue_clabe(ledger, two).reference != first.reference
    assert [known.kind for known in issued(ledger.store, one)] == ["clabe"]


def test_a_reference_is_made_by_a_named_algorithm_and_means_its_loan(ledger):
    one, two = running(ledger, "L-1"), running(ledger, "L-2")
    assert issue(ledger, one, "luhn", base="09005719759").reference == "090057197593"
    assert issue(ledger, one, "luhn", base="09005719759").repeated
    forced = issue(ledger, one, "bbva-10", base="1", amount=mxn("10.00"), due_on=DUE)
    assert len(forced.reference) == 1 + 8
    assert len(issue(ledger, two, "bbva-37").reference) == 12
    with pytest.raises(ReferenceTaken):
        issue(ledger, two, "luhn", base="09005719759")
    running(ledger, "0900-5719-7601")
    with pytest.raises(ReferenceTaken):
        issue(ledger, two, "luhn", base="09005719760")


@pytest.mark.parametrize(
    ("given", "error", "field"),
    [
        ({"algorithm": "bbva-99"}, UnknownAlgorithm, "algorithm"),
        ({"algorithm": "luhn", "base": "x"}, InvalidReference, "reference"),
        ({"algorithm": "bbva-10"}, InvalidReference, "amount"),
        ({"algorithm": "bbva-10", "amount": mxn("1.00")}, InvalidReference, "due_on"),
    ],
)
def test_a_reference_that_cannot_be_is_refused_by_field(ledger, given, error, field):
    loan_id = running(ledger, "L-1")
    with pytest.raises(error) as refused:
        issue(ledger, loan_id, **given)
    assert refused.value.field == field
    assert issued(ledger.store, loan_id) == []


def test_without_a_prefix_there_is_no_clabe(fresh_database):
    with a_ledger(fresh_database) as ledger:
        with pytest.raises(NoClabePrefix):
            issue_clabe(ledger, running(ledger, "L-1"))
        with pytest.raises(UnknownLoan):
            issue_clabe(ledger, UUID(int=1))


# Statements


LAYOUT = """\
name: a bank
account: "0112233445"
currency: MXN
encoding: cp1252
delimiter: ";"
skip: 2
columns:
  date: Fecha
  amount: Abono
  charge: Cargo
  reference: Referencia
  description: Concepto
  id: Folio
  payer: Ordenante
date_pattern: "%d/%m/%Y"
thousands: ","
patterns: ['CREDITO\\s+(\\S+)']
channel: transfer
"""
BANK = [
    "Movimientos", "", "Fecha;Referencia;Concepto;Cargo;Abono;Folio;Ordenante",
    '15/02/2026;L-1;Pago;;"1,054.22";F1;ANA GÓMEZ',
    "15/02/2026;;PAGO CREDITO L-2 FEBRERO;;500.00;F2;",
    "15/02/2026;;Comisión;12.00;;F3;",
    "16/02/2026;L1X;Pago;;100.00;F4;JUAN PEÑA",
    "31/02/2026;L-1;Pago;;1.00;F5;",
    "16/02/2026;L-1;Pago;;1.00.00;F6;",
]  # fmt: skip


def bank_file(tmp_path, lines=BANK, layout=LAYOUT):
    path, described = tmp_path / "bank.csv", tmp_path / "layout.yaml"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="cp1252")
    described.write_text(layout, encoding="utf-8")
    return path, described


def test_a_bank_s_csv_is_read_by_its_layout_once(ledger, tmp_path):
    one, two = running(ledger, "L-1"), running(ledger, "L-2")
    path, layout = bank_file(tmp_path)

    report = import_statement(ledger, path, layout)

    assert counts(report) == {"applied": 2, "suspended": 1, "rejected": 2, "outgoing": 1}
    assert paid(ledger, one) == [(1054_22, DUE, "transfer", "L-1")]
    assert [amount for amount, *_ in paid(ledger, two)] == [500_00]
    [waits] = waiting(ledger.store)
    assert (waits.reference, waits.payer) == ("L1X", "JUAN PEÑA")
    rejected = Path(report.payments.rejects).read_text(encoding="utf-8")
    assert "8,date," in rejected
    assert "9,amount," in rejected
    again = import_statement(ledger, path, layout)
    assert counts(again) == {"repeated": 3, "rejected": 2, "outgoing": 1}
    assert (report.seen_before, again.seen_before) == (False, True)
    assert again.digest == sha256(path.read_bytes()).hexdigest()


def test_two_equal_deposits_of_a_day_are_two_payments_and_stay_two(ledger, tmp_path):
    loan_id = running(ledger, "L-1")
    lines = [line.replace(";F1;", ";;") for line in [*BANK[:4], BANK[3]]]
    path, layout = bank_file(tmp_path, lines)

    assert counts(import_statement(ledger, path, layout)) == {"applied": 2}
    assert counts(import_statement(ledger, path, layout)) == {"repeated": 2}
    assert len(paid(ledger, loan_id)) == 2


def test_a_fixed_width_file_is_read_by_places(ledger, tmp_path):
    loan_id = running(ledger, "L-1")
    layout = """\
account: "1"
currency: MXN
places: {date: [1, 8], amount: [9, 20], reference: [21, 30], id: [31, 34]}
date_pattern: "%Y%m%d"
cents: true
"""
    path, described = bank_file(tmp_path, ["20260215000000105422L-1       F001"], layout)
    assert counts(import_statement(ledger, path, described)) == {"applied": 1}
    assert paid(ledger, loan_id) == [(1054_22, DUE, "bank", "L-1")]


def test_a_movement_known_to_spei_is_the_notification_s_own(ledger, tmp_path):
    """Told twice, by the participant and in the bank's file, it is paid once."""
    loan_id = running(ledger, "L-1")
    stp.receive(ledger, stp.deposit_of(notification(ledger, loan_id)))
    layout = """\
account: "1"
columns: {date: Fecha, amount: Abono, reference: Cuenta, tracking_key: Clave, sender: Banco}
"""
    clabe = issue_clabe(ledger, loan_id).reference
    lines = ["Fecha,Abono,Cuenta,Clave,Banco", f"2026-02-15,1054.22,{clabe},abc123,012"]
    report = import_statement(ledger, *bank_file(tmp_path, lines, layout))
    assert counts(report) == {"repeated": 1}
    assert len(paid(ledger, loan_id)) == 1


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ('account: "0112233445"\n', "", "account"),
        ("  date: Fecha\n", "", "columns.date"),
        ("  date: Fecha\n", "  date: Día\n", "columns.date"),
        ("encoding: cp1252", "encoding: ebcdic", "encoding"),
        ("(\\S+)", "(\\S+", "patterns[0]"),
        ("(\\S+)", "\\S+", "patterns[0]"),
        ("skip: 2", "skip: two", "skip"),
        ("skip: 2", "skip: 2\nfoo: 1", "foo"),
        ("skip: 2", "skip: 2\nplaces: {date: [1, 2], amount: [3, 4]}", "columns"),
        ("skip: 2", "skip: 2\nincome: {part: weather, values: [x]}", "income.part"),
    ],
)  # fmt: skip
def test_a_layout_that_cannot_be_is_named_and_nothing_is_taken(ledger, tmp_path, old, new, field):
    running(ledger, "L-1")
    path, layout = bank_file(tmp_path, layout=LAYOUT.replace(old, new, 1))
    with pytest.raises(FormError) as refused:
        import_statement(ledger, path, layout)
    assert refused.value.field == field
    assert waiting(ledger.store) == []


MT940 = """\
:20:STMT1
:25:0112233445
:28C:1/1
:60F:C260214MXN1000,00
:61:2602150215C1054,22NTRFL-1//BANK1
:86:/EREF/X1 PAGO DE ANA
:61:2602150215D12,00NCHGNONREF//BANK2
:86:COMISION
:61:2602160216C500,00NTRFNONREF//BANK3
:86:PAGO CREDITO L-2 FEBRERO
:62F:C260216MXN2542,22
"""


def test_an_mt940_statement_lands_its_credits_once(ledger, tmp_path):
    one, two = running(ledger, "L-1"), running(ledger, "L-2")
    path = tmp_path / "statement.sta"
    path.write_text(MT940)

    report = import_statement(ledger, path, "mt940", patterns=[r"CREDITO\s+(\S+)"])

    assert counts(report) == {"applied": 2, "outgoing": 1}
    assert paid(ledger, one)[0][:2] == (1054_22, DUE)
    assert paid(ledger, two)[0][:2] == (500_00, date(2026, 2, 16))
    again = import_statement(ledger, path, "mt940", patterns=[r"CREDITO\s+(\S+)"])
    assert counts(again) == {"repeated": 2, "outgoing": 1}


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (MT940.replace("2542,22", "2542,23"), "does not add up"),
        ("fecha,importe\n1,2\n", "MT940"),
        ("", "MT940"),
        (":20:x\n:60F:C26999914MXN1000,00\n", "MT940"),
    ],
)
def test_what_is_no_sound_mt940_is_refused_whole(ledger, tmp_path, content, rule):
    running(ledger, "L-1")
    path = tmp_path / "statement.sta"
    path.write_text(content)
    with pytest.raises(FormError, match=rule):
        import_statement(ledger, path, "mt940")


CAMT = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.{version}"><BkToCstmrStmt>
<GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-02-17T08:00:00</CreDtTm></GrpHdr>
<Stmt><Id>S1</Id><Acct><Id><Othr><Id>0112233445</Id></Othr></Id></Acct>
<Ntry><Amt Ccy="MXN">1054.22</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>{status}</Sts>
 <BookgDt><Dt>2026-02-16</Dt></BookgDt><ValDt><Dt>2026-02-15</Dt></ValDt>
 <AcctSvcrRef>A1</AcctSvcrRef>
 <NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>
  <RltdPties><Dbtr>{name}</Dbtr></RltdPties>
  <RmtInf><Ustrd>L-1</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="MXN">300.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>{status}</Sts>
 <BookgDt><Dt>2026-02-16</Dt></BookgDt><AcctSvcrRef>A2</AcctSvcrRef>
 <NtryDtls><TxDtls><Amt Ccy="MXN">100.00</Amt><Refs><EndToEndId>L-1</EndToEndId></Refs></TxDtls>
  <TxDtls><Amt Ccy="MXN">200.00</Amt><Refs><EndToEndId>NOBODY</EndToEndId></Refs></TxDtls>
 </NtryDtls></Ntry>
<Ntry><Amt Ccy="MXN">7.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>{status}</Sts></Ntry>
<Ntry><Amt Ccy="MXN">9.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>{pending}</Sts></Ntry>
</Stmt></BkToCstmrStmt></Document>"""


def camt(tmp_path, version="02"):
    old = version == "02"
    text = CAMT.format(
        version=version,
        status="BOOK" if old else "<Cd>BOOK</Cd>",
        pending="PDNG" if old else "<Cd>PDNG</Cd>",
        name="<Nm>ANA</Nm>" if old else "<Pty><Nm>ANA</Nm></Pty>",
    )
    path = tmp_path / "statement.xml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("version", ["02", "08"])
def test_a_camt053_statement_lands_its_booked_credits_once(ledger, tmp_path, version):
    loan_id = running(ledger, "L-1")
    path = camt(tmp_path, version)

    report = import_statement(ledger, path, "camt053")

    assert counts(report) == {"applied": 2, "suspended": 1, "outgoing": 2}
    assert sorted(paid(ledger, loan_id)) == [
        (100_00, date(2026, 2, 16), "bank", "L-1"), (1054_22, DUE, "bank", "L-1"),
    ]  # fmt: skip
    assert [(one.reference, one.amount) for one in waiting(ledger.store)] == [("NOBODY", 200_00)]
    assert counts(import_statement(ledger, path, "camt053")) == {"repeated": 3, "outgoing": 2}


def test_amounts_and_signs_are_those_that_another_reader_finds(tmp_path):
    """pycamt reads the same file by itself."""
    path = camt(tmp_path)
    told = [
        (one["Amount"], one["Currency"], one["ValueDate"] or one["BookingDate"])
        for one in Camt053Parser.from_file(str(path)).get_transactions()
        if (one["CreditDebitIndicator"], one["Status"]) == ("CRDT", "BOOK")
    ]
    ours = [one for one in camt053.entries(path) if one is not None]
    assert [(one.amount, one.currency, one.paid_on) for one in ours] == told
    assert ours[0].payer == "ANA"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ('<Ntry><Amt Ccy="MXN">1054.22</Amt>',
         '<Ntry><RvslInd>1</RvslInd><Amt Ccy="MXN">1054.22</Amt>',
         {"applied": 1, "suspended": 1, "outgoing": 3}),
        ('<Amt Ccy="MXN">200.00</Amt>', '<Amt Ccy="MXN">210.00</Amt>',
         {"applied": 1, "suspended": 1, "outgoing": 2}),
        ('<TxDtls><Amt Ccy="MXN">200.00</Amt>',
         '<TxDtls><CdtDbtInd>DBIT</CdtDbtInd><Amt Ccy="MXN">200.00</Amt>',
         {"applied": 1, "suspended": 1, "outgoing": 2}),
        ('<Amt Ccy="MXN">200.00</Amt>', '<Amt Ccy="USD">200.00</Amt>',
         {"applied": 1, "suspended": 1, "outgoing": 2}),
    ],
    ids=["a reversal told as 1", "parts of another sum", "a part that goes out", "another money"],
)  # fmt: skip
def test_what_a_camt_entry_says_of_its_parts_is_not_taken_on_trust(
    ledger, tmp_path, before, after, expected
):
    running(ledger, "L-1")
    path = camt(tmp_path)
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))

    assert counts(import_statement(ledger, path, "camt053")) == expected
    assert sum(one.amount for one in waiting(ledger.store)) in (200_00, 300_00)


@pytest.mark.parametrize(
    "content",
    [
        "<a", "<Document/>", "",
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>',
        "<!DOCTYPE a [" + "".join(
            f'<!ENTITY e{n} "{f"&e{n - 1};" * 10 if n else "lol" * 10}">' for n in range(12)
        ) + "]><a>&e11;</a>",
    ],
)  # fmt: skip
def test_what_is_no_camt_or_means_harm_is_refused_whole(ledger, tmp_path, content):
    path = tmp_path / "bad.xml"
    path.write_text(content)
    with pytest.raises(FormError) as refused:
        import_statement(ledger, path, "camt053")
    assert refused.value.field == "file"


# Notifications


def notification(ledger, loan_id, **changes):
    told = {
        "id": 3191365, "fechaOperacion": 20260215, "institucionOrdenante": 40012,
        "institucionBeneficiaria": 90646, "claveRastreo": "ABC123", "monto": "1054.22",
        "nombreOrdenante": "ANA GOMEZ", "tipoCuentaOrdenante": 40, "rfcCurpOrdenante": "ND",
        "cuentaBeneficiario": issue_clabe(ledger, loan_id).reference, "conceptoPago": "PAGO",
        "referenciaNumerica": 1234567, "empresa": "LENDER", "tsLiquidacion": "1771174800000",
    }  # fmt: skip
    return json.dumps(told | changes).encode()


def received(ledger, body):
    return stp.receive(ledger, stp.deposit_of(body))


def test_a_deposit_told_by_stp_is_on_its_loan_once(ledger):
    loan_id = running(ledger, "L-1")
    body = notification(ledger, loan_id)

    assert received(ledger, body).outcome == "applied"
    assert received(ledger, body).outcome == "repeated"
    assert paid(ledger, loan_id) == [(1054_22, DUE, "spei", "ABC123")]


def test_the_same_tracking_key_of_another_bank_or_day_is_another_deposit(ledger):
    loan_id = running(ledger, "L-1")
    for changes in ({}, {"institucionOrdenante": 40072}, {"fechaOperacion": 20260216}):
        assert received(ledger, notification(ledger, loan_id, **changes)).outcome == "applied"
    assert len(paid(ledger, loan_id)) == 3


def together(count, work):
    """What so many threads got, or what they raised."""
    found = []

    def run():
        try:
            found.append(work())
        except Exception as error:
            found.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_told_by_many_at_once_a_deposit_is_on_its_loan_once(ledger):
    loan_id = running(ledger, "L-1")
    body = notification(ledger, loan_id)
    outcomes = [one.outcome for one in together(8, lambda: received(ledger, body))]
    assert sorted(outcomes) == ["applied", *["repeated"] * 7]
    assert len(paid(ledger, loan_id)) == 1


def test_asked_for_by_many_at_once_a_clabe_is_one(ledger):
    loan_id = running(ledger, "L-1")
    found = together(8, lambda: issue_clabe(ledger, loan_id))
    assert len({one.reference for one in found}) == 1
    assert len(issued(ledger.store, loan_id)) == 1


def test_settled_by_many_at_once_money_goes_one_way(ledger):
    loans = [running(ledger, f"L-{n}") for n in range(1, 4)]
    key = suspend(ledger)
    ways = [*loans, None] * 2
    found = together(8, lambda: settle(ledger, key, ways.pop()))
    won = [one for one in found if not isinstance(one, Exception)]
    assert len(won) == 1
    assert all(isinstance(one, AlreadySettled) for one in found if isinstance(one, Exception))
    applied = [each for loan_id in loans for each in paid(ledger, loan_id)]
    assert len(applied) == (0 if won == ["returned"] else 1)


def settle(ledger, key, loan_id):
    if loan_id is None:
        give_back(ledger, key, CAUSE)
        return "returned"
    return assign(ledger, key, loan_id, CAUSE)


def test_a_number_with_a_point_is_money_to_the_cent(ledger):
    loan_id = running(ledger, "L-1")
    body = notification(ledger, loan_id).replace(b'"1054.22"', b"1054.2")
    assert received(ledger, body).amount == 1054_20


def test_a_deposit_after_the_cut_off_counts_today_whenever_it_is_told_again(fresh_database):
    chosen = fresh_database.model_copy(update={"clabe_prefix": PREFIX})
    friday, monday = date(2026, 2, 13), date(2026, 2, 16)
    with a_ledger(chosen, friday) as ledger:
        loan_id = running(ledger, "L-1")
        body = notification(ledger, loan_id, fechaOperacion=20260216)
        unknown = notification(ledger, loan_id, fechaOperacion=20260216, claveRastreo="Z",
                               cuentaBeneficiario="032180000118359719",
                               referenciaNumerica=0)  # fmt: skip
        assert received(ledger, body).outcome == "applied"
        assert received(ledger, unknown).outcome == "suspended"
    with a_ledger(chosen, monday) as ledger:
        assert received(ledger, body).outcome == "repeated"
        assert received(ledger, unknown).outcome == "repeated"
        assert [one[1] for one in paid(ledger, loan_id)] == [friday]


def test_an_unknown_account_waits_or_goes_back_as_the_lender_wants(ledger, fresh_database):
    loan_id = running(ledger, "L-1")
    body = notification(ledger, loan_id, cuentaBeneficiario="032180000118359719")
    strict = ledger.settings.model_copy(update={"stp_return_unknown": True})
    with a_ledger(strict) as other, pytest.raises(FormError) as refused:
        received(other, body)
    assert refused.value.field == "cuentaBeneficiario"
    assert waiting(ledger.store) == []

    assert received(ledger, body).outcome == "suspended"
    named = notification(ledger, loan_id, cuentaBeneficiario="032180000118359719",
                         claveRastreo="Q", conceptoPago="L-1")  # fmt: skip
    assert received(ledger, named).outcome == "applied"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"monto": "0.00"}, "monto"), ({"monto": "1.001"}, "monto"), ({"monto": "-5"}, "monto"),
        ({"monto": "1e5"}, "monto"), ({"monto": True}, "monto"), ({"monto": None}, "monto"),
        ({"fechaOperacion": "2026-02-15"}, "fechaOperacion"),
        ({"fechaOperacion": 20260231}, "fechaOperacion"),
        ({"claveRastreo": ""}, "claveRastreo"), ({"claveRastreo": "x" * 31}, "claveRastreo"),
        ({"institucionOrdenante": "BBVA"}, "institucionOrdenante"),
        ({"cuentaBeneficiario": "032180000118359718"}, "cuentaBeneficiario"),
        ({"id": "x"}, "id"), ({"nombreOrdenante": {"a": 1}}, "nombreOrdenante"),
    ],
)  # fmt: skip
def test_a_bad_notification_is_refused_by_field_and_changes_nothing(ledger, changes, field):
    loan_id = running(ledger, "L-1")
    with pytest.raises(FormError) as refused:
        received(ledger, notification(ledger, loan_id, **changes))
    assert refused.value.field == field
    assert paid(ledger, loan_id) == []
    assert waiting(ledger.store) == []


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b'"x"'])
def test_a_body_that_is_no_notification_is_refused(content):
    with pytest.raises(FormError):
        stp.deposit_of(content)


def test_the_same_key_with_another_amount_is_refused(ledger):
    loan_id = running(ledger, "L-1")
    received(ledger, notification(ledger, loan_id))
    with pytest.raises(FormError, match="other content"):
        received(ledger, notification(ledger, loan_id, monto="1054.23"))
    assert len(paid(ledger, loan_id)) == 1


def test_a_signature_fits_one_body_and_one_secret():
    body, secret = b'{"id":1}', SecretStr("between us")
    right = hmac.new(b"between us", body, sha256).digest()
    for given in (right.hex(), right.hex().upper(), base64.b64encode(right).decode()):
        stp.check_signature(body, given, secret)
    for wrong, about in ((right.hex(), b'{"id":2}'), ("", body), ("00" * 32, body), ("é", body)):
        with pytest.raises(stp.SignatureWrong):
            stp.check_signature(about, wrong, secret)
    for none in (None, SecretStr("")):
        with pytest.raises(stp.NotificationsOff):
            stp.check_signature(body, right.hex(), none)


# Suspense


def suspend(ledger, reference="L-1X", amount="500.00", on="2026-02-15", payer="ANA LUCIA GOMEZ"):
    clabe = "032180000118359719"
    form = json.loads(notification(ledger, ledger.find("L-1")))
    body = form | {
        "cuentaBeneficiario": clabe, "conceptoPago": "", "referenciaNumerica": 0, "monto": amount,
        "claveRastreo": reference, "nombreOrdenante": payer,
        "fechaOperacion": on.replace("-", ""),
    }  # fmt: skip
    landed = received(ledger, json.dumps(body).encode())
    assert landed.outcome == "suspended"
    return next(one.line_key for one in waiting(ledger.store) if reference in one.line_key)


def test_waiting_money_goes_to_a_loan_once_with_the_day_it_came(ledger):
    one, two = running(ledger, "L-1"), running(ledger, "L-2")
    key = suspend(ledger)
    assert [each.deposit.payer for each in aged(ledger)] == ["ANA LUCIA GOMEZ"]

    receipt = assign(ledger, key, one, CAUSE)

    assert receipt.events[-1] == "payment-received"
    assert paid(ledger, one)[0][:3] == (500_00, DUE, "spei")
    assert aged(ledger) == []
    settled = suspended(ledger.store, [key])[key]
    assert (settled.settled_as, settled.payer) == ("assigned", "")
    for loan_id in (one, two):
        with pytest.raises(AlreadySettled):
            assign(ledger, key, loan_id, CAUSE)
    with pytest.raises(AlreadySettled):
        give_back(ledger, key, CAUSE)
    with pytest.raises(UnknownDeposit):
        assign(ledger, "spei:none", one, CAUSE)


def test_money_that_was_assigned_and_not_yet_marked_is_finished_and_never_doubled(ledger, owner_of):
    """As if the process had died between the loan and the mark."""
    one, two = running(ledger, "L-1"), running(ledger, "L-2")
    key = suspend(ledger)
    assign(ledger, key, one, CAUSE)
    owner_of(ledger, "UPDATE ledger.suspense SET settled_at = NULL, settled_as = NULL")
    from ledger.errors import KeyReused

    with pytest.raises(KeyReused):
        assign(ledger, key, two, CAUSE)
    assert assign(ledger, key, one, CAUSE).repeated
    assert (len(paid(ledger, one)), paid(ledger, two)) == (1, [])


@pytest.fixture
def owner_of():
    def run(ledger, sql):
        ledger.store.run(lambda connection: connection.execute(sql))

    return run


def test_money_that_goes_back_is_nobody_s_payment(ledger):
    loan_id = running(ledger, "L-1")
    key = suspend(ledger)
    give_back(ledger, key, CAUSE)
    assert aged(ledger) == []
    with pytest.raises(AlreadySettled):
        assign(ledger, key, loan_id, CAUSE)
    assert paid(ledger, loan_id) == []


def test_money_of_another_currency_cannot_be_assigned(ledger):
    from msgspec.structs import replace

    from tests.ledger.builders import TERMS

    running(ledger, "L-1")
    dollars = ledger.open_loan(
        loan_no="D-1", terms=replace(TERMS, currency="USD"), effective_on=START, cause=CAUSE
    ).loan_id
    key = suspend(ledger)
    with pytest.raises(WrongCurrency):
        assign(ledger, key, dollars, CAUSE)
    assert len(aged(ledger)) == 1


def test_waiting_money_grows_old(ledger):
    running(ledger, "L-1")
    days = {"K1": "2026-02-15", "K2": "2026-04-30", "K3": "2026-06-01"}
    for name, on in days.items():
        suspend(ledger, name, on=on)
    found = aged(ledger, date(2026, 6, 30))
    assert [(one.days, one.bucket) for one in found] == [
        (135, "91+"), (61, "61-90"), (29, "0-30"),
    ]  # fmt: skip
    assert totals(found) == {"MXN": {"91+": 500_00, "61-90": 500_00, "0-30": 500_00}}
    assert len(aged(ledger, date(2026, 5, 1))) == 2


def test_suggestions_tell_loan_and_reason_the_likeliest_first(ledger):
    registry = Registry(ledger)
    archive, reader = Archive(ledger.store, registry.vault), Reader("rita", "test")
    registry.register("B-1", a_person(), on=START, cause=CAUSE)
    from tests.ledger.builders import TERMS

    loan = ledger.open_loan(
        loan_no="L-1", terms=TERMS, effective_on=START, cause=CAUSE, borrower="B-1"
    ).loan_id
    ledger.disburse(loan, principal=mxn(10_000), effective_on=START, cause=CAUSE)
    for n in range(3):
        running(ledger, f"CDMX-0000{n}")
    from domain.group_loans import instalment

    due = instalment(ledger.load(loan), DUE)
    key = suspend(ledger, amount=f"{due / 100:.2f}")
    waits = suspended(ledger.store, [key])[key]

    alone = suggest(ledger, waits)
    told = suggest(ledger, waits, archive, reader)

    assert {one.loan_no for one in alone} == {"L-1", "CDMX-00000", "CDMX-00001", "CDMX-00002"}
    assert all("instalment" in " ".join(one.reasons) for one in alone)
    assert (told[0].loan_no, told[0].borrower) == ("L-1", "B-1")
    assert "name" in told[0].reasons[-1]
    assert told[0].score > told[1].score
    assert [one.what for one in archive.readings("B-1")] == ["name, for a suggestion"]
    registry.forget("B-1", Ground.REQUEST, cause=CAUSE)
    assert "name" not in " ".join(suggest(ledger, waits, archive, reader)[0].reasons)


def test_a_slip_of_the_finger_is_suggested_by_its_reference(ledger, tmp_path):
    loan_id = running(ledger, "CDMX-00017")
    clabe = issue_clabe(ledger, loan_id).reference
    lines = ["Fecha,Abono,Cuenta", "2026-02-15,1.00,CDMX-00071",
             f"2026-02-15,2.00,{clabe[:5]}9{clabe[6:]}"]  # fmt: skip
    layout = 'account: "1"\ncurrency: MXN\ncolumns: {date: Fecha, amount: Abono, reference: Cuenta}'
    import_statement(ledger, *bank_file(tmp_path, lines, layout))

    for waits in waiting(ledger.store):
        [first, *_] = suggest(ledger, waits)
        assert first.loan_id == loan_id
        assert "differs by 1" in first.reasons[0]


def test_a_layout_may_say_which_lines_are_income_and_how_they_are_signed(tmp_path):
    layout = """\
account: "1"
columns: {date: Fecha, amount: Importe, description: Tipo}
income: {part: description, values: [ABONO]}
money_in: negative
decimal: ","
"""
    lines = ["Fecha;Importe;Tipo", "2026-02-15;-10,50;Abono", "2026-02-15;-10,50;Cargo",
             "2026-02-15;10,50;Abono"]  # fmt: skip
    path, described = bank_file(tmp_path, lines, layout + 'delimiter: ";"\n')
    found = list(layouts.entries(path, layouts.read_layout(described)))
    assert [one and one.amount for one in found] == ["10.50", None, None]
