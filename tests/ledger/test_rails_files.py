"""Whatever a bank's file holds: what was written is read, and what is none is refused by name."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.csv_lines import Reject
from ledger.forms import FormError
from ledger.rails import camt053, layouts, mt940, stp
from ledger.rails.entry import Entry, Identities

files = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])

AMOUNTS = st.decimals("0.01", "99999999.99", places=2)
DAYS = st.dates(date(2000, 1, 1), date(2049, 12, 31))
WORDS = st.text("ABCDEFGHIJKLMNÑOPQRSTUVWXYZÁÉ0123456789 -", min_size=1, max_size=16).map(
    lambda text: " ".join(text.split()) or "X"
)
MOVES = st.lists(st.tuples(DAYS, AMOUNTS, WORDS, st.booleans()), min_size=1, max_size=12)


@pytest.fixture
def folder(tmp_path):
    return tmp_path


def layout_file(folder, **told):
    path = folder / "layout.yaml"
    path.write_text(json.dumps({"account": "1", "currency": "MXN", **told}), encoding="utf-8")
    return layouts.read_layout(path)


@files
@given(
    moves=MOVES,
    style=st.sampled_from(
        [(".", ","), (".", ""), (",", "."), (",", "")],
    ),
    pattern=st.sampled_from(["%d/%m/%Y", "%Y%m%d", "%d-%b-%Y", "%Y-%m-%d"]),
    encoding=st.sampled_from(["utf-8", "cp1252", "latin-1"]),
)
def test_a_csv_written_in_any_style_is_read_as_it_was(folder, moves, style, pattern, encoding):
    decimal, thousands = style
    layout = layout_file(
        folder, encoding=encoding, delimiter="|", decimal=decimal, thousands=thousands,
        date_pattern=pattern,
        columns={"date": "Fecha", "amount": "Abono", "charge": "Cargo", "reference": "Ref"},
    )  # fmt: skip

    def shown(amount):
        text = f"{amount:,.2f}"
        return text.translate(str.maketrans({",": thousands, ".": decimal}))

    lines = ["Ref|Fecha|Cargo|Abono|Otra"]
    for on, amount, reference, income in moves:
        cells = ("", shown(amount)) if income else (shown(amount), "")
        lines.append("|".join((reference, on.strftime(pattern), *cells, "x")))
    path = folder / "bank.csv"
    path.write_text("\n".join(lines), encoding=encoding)

    found = list(layouts.entries(path, layout))

    assert [
        one and (date.fromisoformat(one.paid_on), Decimal(one.amount), one.references[0])
        for one in found
    ] == [(on, amount, ref) if income else None for on, amount, ref, income in moves]


@files
@given(moves=MOVES, opening=AMOUNTS)
def test_an_mt940_written_by_hand_is_read_as_it_was(folder, moves, opening):
    lines, balance = [":20:S", ":25:0112233445", ":28C:1/1"], opening
    lines.append(f":60F:C260101MXN{opening:.2f}".replace(".", ","))
    for n, (on, amount, _, income) in enumerate(moves):
        sign, balance = ("C", balance + amount) if income else ("D", balance - amount)
        figure = f"{amount:.2f}".replace(".", ",")
        lines.append(f":61:{on:%y%m%d}{on:%m%d}{sign}{figure}NTRFREF{n}//BANK{n}")
    side = "C" if balance >= 0 else "D"
    lines.append(f":62F:{side}261231MXN{abs(balance):.2f}".replace(".", ","))
    path = folder / "statement.sta"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    found = list(mt940.entries(path))

    assert [
        one and (date.fromisoformat(one.paid_on), Decimal(one.amount), one.bank_id, one.account)
        for one in found
    ] == [
        (on, amount, f"BANK{n}", "0112233445") if income else None
        for n, (on, amount, _, income) in enumerate(moves)
    ]


BROKEN = st.one_of(
    st.binary(max_size=300),
    st.text(max_size=300).map(lambda text: text.encode("utf-8", "replace")),
    st.lists(
        st.sampled_from([
            b":20:S\n", b":25:1\n", b":60F:C260101MXN1,00\n", b":61:2602150215C1,00NTRFX//Y\n",
            b":61:2699990215C1,00NTRFX\n", b":86:?20SVWZ+X?32ANA\n", b":62F:C260101MXN2,00\n",
            b"-\n", b":61:\n", b":60F:\n", b"<Document>", b"<Stmt>", b"<Ntry><Amt>1</Amt>",
            b"<Ntry><Amt Ccy='MXN'>NaN</Amt><CdtDbtInd>CRDT</CdtDbtInd></Ntry>", b"</Stmt>",
            b"</Document>", b"Fecha,Abono\n", b"2026-02-15,1.00\n", b'"', b"\x00",
            b"2026-02-15,,,\n",
        ]),
        max_size=10,
    ).map(b"".join),
)  # fmt: skip


@files
@given(content=BROKEN)
def test_no_content_does_worse_than_be_refused(folder, content):
    path = folder / "file"
    path.write_bytes(content)
    layout = layout_file(folder, columns={"date": "Fecha", "amount": "Abono"})
    places = layout_file(folder, places={"date": [1, 8], "amount": [9, 12]})
    for read in (
        lambda: mt940.entries(path), lambda: camt053.entries(path),
        lambda: layouts.entries(path, layout), lambda: layouts.entries(path, places),
    ):  # fmt: skip
        try:
            for one in read():
                assert one is None or isinstance(one, Entry | Reject)
        except FormError:
            continue


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["id", "fechaOperacion", "claveRastreo", "monto", "cuentaBeneficiario",
                         "institucionOrdenante", "nombreOrdenante", "conceptoPago"]),
        inner, max_size=8,
    ),
    max_leaves=12,
)  # fmt: skip


@given(JSONS.map(lambda told: json.dumps(told).encode()) | st.binary(max_size=200))
def test_no_notification_does_worse_than_be_refused(content):
    try:
        told = stp.deposit_of(content)
    except FormError:
        return
    assert told.tracking
    assert told.account


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=12))
def test_equal_movements_of_a_file_keep_their_number_whatever_stands_between(payers):
    """Sent again with more lines after them, the first ones are known by the same ids."""

    def ids(many):
        known = Identities()
        return [
            known.of(
                Entry(number=n, original="", account="1", paid_on="2026-02-15", amount="1.00",
                      currency="MXN", references=("X",), payer=payer)
            )
            for n, payer in enumerate(many)
        ]  # fmt: skip

    assert len(set(ids(payers))) == len(payers)
    assert ids([*payers, "a", "b"])[: len(payers)] == ids(payers)


def test_layouts_named_in_the_guide_can_be_read(folder):
    guide = Path(__file__).parents[2] / "docs" / "guides" / "rails.md"
    [text] = [part.split("```")[0] for part in guide.read_text().split("```yaml\n")[1:]]
    path = folder / "guide.yaml"
    path.write_text(text)
    assert layouts.read_layout(path).account == "0112233445"
