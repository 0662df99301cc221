"""Pages by keyset, and the number of SQL statements that a page takes."""

import psycopg
import pytest

from api.graphql.cursors import cursor
from api.graphql.listing import Direction, LoanOrder, LoanOrderField, loan_keyset
from ledger.database import connect

LOANS = 250

PAGE = """
query($first: Int, $after: String, $last: Int, $before: String, $order: LoanOrder,
      $filter: LoanFilter) {
  loans(first: $first, after: $after, last: $last, before: $before, orderBy: $order,
        filter: $filter) {
    totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    edges { cursor node { loanNo } }
    nodes { loanNo }
  }
}"""

EVERYTHING = """
query($first: Int!) {
  loans(first: $first) {
    totalCount
    nodes {
      id loanNo status stage daysPastDue bucket
      today: balances { owed { total { amount } principal { amount } } }
      then: balances(asOf: "2026-03-01") { owed { total { amount } } }
      recordedBalances { owed { total { amount } } }
      schedule { number dueOn charged { total { amount } } paid { total { amount } } }
      payments(first: 3) { totalCount nodes { amount { amount } cleared { interest { amount } } } }
      transactions(first: 3) { nodes { kind amount { amount } } }
      events(first: 3) { nodes { type actor } }
      promises { status amount { amount } }
      journalEntries(first: 3) { nodes { lines { account { name } debit { amount } } } }
      payoff { total { amount } }
    }
  }
}"""


@pytest.fixture(scope="module")
def book(client):
    """250 loans: some only opened, some paid, equal principals among them."""
    numbers = []
    for nth in range(LOANS):
        branch, principal = ("centro", "norte")[nth % 2], f"{1000 + nth % 7 * 500}.00"
        given = {"principal": principal, "branch": branch}
        number = f"L-{nth * 7919 % LOANS:04}"
        if nth % 5 == 4:
            client.opened(number, **given)
        else:
            client.running(number, on=f"2026-01-{1 + nth % 14:02}", effective_on="2026-01-01",
                           **given)  # fmt: skip
            if nth % 3 == 0:
                assert client.pay(number, "300.00", "2026-02-15").status_code == 201
        numbers.append(number)
    client.settled()
    return sorted(numbers)


def page(client, **given):
    return client.ask(PAGE, **given)["loans"]


def walk(client, size, order, backwards=False):
    """Every loan number, a page at a time."""
    found, at = [], None
    while True:
        ends = {"last": size, "before": at} if backwards else {"first": size, "after": at}
        got = page(client, order=order, **ends)
        rows = [edge["node"]["loanNo"] for edge in got["edges"]]
        assert rows == [node["loanNo"] for node in got["nodes"]]
        found = rows + found if backwards else found + rows
        info = got["pageInfo"]
        if not info["hasPreviousPage" if backwards else "hasNextPage"]:
            return found
        assert len(rows) == size
        at = info["startCursor" if backwards else "endCursor"]


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize(
    "field", ["LOAN_NO", "PRINCIPAL", "DISBURSED_ON", "MATURITY_ON", "DAYS_PAST_DUE"]
)
def test_a_walk_of_pages_is_one_big_page(client, book, field, direction):
    order = {"field": field, "direction": direction}
    whole = page(client, first=LOANS, order=order)
    everything = [node["loanNo"] for node in whole["nodes"]]

    assert sorted(everything) == book
    assert whole["totalCount"] == LOANS
    assert whole["pageInfo"]["hasNextPage"] is False
    assert walk(client, 37, order) == everything
    assert walk(client, 41, order, backwards=True) == everything


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("field", LoanOrderField)
def test_every_order_of_loans_is_read_from_an_index(client, book, field, direction):
    keyset = loan_keyset(LoanOrder(field=field, direction=direction), aged=False)
    way = "DESC" if keyset.descending else "ASC"
    keys = ", ".join(f"{sql} {way}" for sql, _ in keyset.keys)
    with connect(client.settings) as connection:
        connection.execute("SET enable_seqscan = off")
        rows = connection.execute(
            f"EXPLAIN (COSTS OFF) SELECT loan_id FROM read.loans ORDER BY {keys} LIMIT 50"
        ).fetchall()
    told = "\n".join(line for (line,) in rows)
    assert "Index" in told, told
    assert "Sort" not in told, told


def test_days_past_due_descend(client, book):
    document = """{ loans(first: 250, orderBy: {field: DAYS_PAST_DUE, direction: DESC}) {
                      nodes { daysPastDue } } }"""
    days = [node["daysPastDue"] for node in client.ask(document)["loans"]["nodes"]]
    assert days == sorted(days, reverse=True)
    assert days[0] > days[-1] == 0


def test_a_page_ends_between_two_cursors(client, book):
    first = page(client, first=10)
    after, before = first["edges"][2]["cursor"], first["edges"][6]["cursor"]
    between = page(client, first=10, after=after, before=before)
    assert [node["loanNo"] for node in between["nodes"]] == book[3:6]


def test_filters_choose_and_the_total_counts_them(client, book):
    def chosen(**given):
        return page(client, first=LOANS, filter=given)

    opened = chosen(status=["OPENED"])
    assert opened["totalCount"] == len(opened["nodes"]) == LOANS // 5
    assert chosen(status=["OPENED", "ACTIVE"])["totalCount"] == LOANS
    assert chosen(status=[])["totalCount"] == 0
    assert chosen(branch=["norte"])["totalCount"] == LOANS // 2
    assert chosen(branch=["norte"], product=["none"])["totalCount"] == 0
    assert chosen(currency=["MXN"], officer=["marta"], borrower=["B-1"])["totalCount"] == LOANS
    assert chosen(loanNo=["L-0001", "L-0002"])["totalCount"] == 2
    assert chosen(disbursedFrom="2026-01-10")["totalCount"] < LOANS


def test_filters_by_days_past_due_agree_with_the_figure_shown(client, book):
    document = """query($filter: LoanFilter) { loans(first: 250, filter: $filter) {
                    totalCount nodes { loanNo daysPastDue } } }"""
    all_days = {n["loanNo"]: n["daysPastDue"] for n in client.ask(document)["loans"]["nodes"]}
    assert len(set(all_days.values())) > 1
    for low, high in (
        (None, 0),
        (1, None),
        (0, None),
        (106, 135),
        (136, None),
        (5, 2),
        (None, -1),
        (2**31 - 1, None),
        (None, 2**31 - 1),
        (-(2**31), -(2**31)),
    ):
        given = {"dpdFrom": low, "dpdTo": high}
        found = client.ask(document, filter=given)["loans"]
        expected = {
            number for number, days in all_days.items()
            if (low is None or days >= low) and (high is None or days <= high)
        }  # fmt: skip
        assert {node["loanNo"] for node in found["nodes"]} == expected, given
        assert found["totalCount"] == len(expected)


def test_a_filter_as_of_a_day_tells_the_loans_of_that_day(client, book):
    document = """query($on: Date!) { loans(first: 250, filter: {asOf: $on, dpdFrom: 1}) {
        totalCount
        nodes { daysPastDue balances { asOf } payments { totalCount } } } }"""
    early = client.ask(document, on="2026-02-15")["loans"]
    assert early["totalCount"] == 0
    later = client.ask(document, on="2026-02-25")["loans"]
    assert later["totalCount"] > 100
    assert {node["daysPastDue"] for node in later["nodes"]} == {10}
    assert {node["balances"]["asOf"] for node in later["nodes"]} == {"2026-02-25"}


@pytest.mark.parametrize(
    "given",
    [
        {"after": "nonsense"},
        {"after": ""},
        {"after": "x" * 5000},
        {"first": 5, "before": "\u00e9"},
    ],
)
def test_a_cursor_that_is_none_is_refused(client, book, given):
    answer = client.try_ask(PAGE, **given)
    assert answer["errors"][0]["extensions"]["code"] == "bad-cursor"


def test_a_cursor_is_bound_to_its_order_and_cannot_be_altered(client, book):
    cursor = page(client, first=1)["edges"][0]["cursor"]
    other = client.try_ask(PAGE, after=cursor, order={"field": "PRINCIPAL"})
    [error] = other["errors"]
    assert error["extensions"]["code"] == "bad-cursor"
    assert "loans:loan_no:asc" in error["message"]
    altered = cursor[:-3] + ("AAA" if not cursor.endswith("AAA") else "BBB")
    [error] = client.try_ask(PAGE, after=altered)["errors"]
    assert error["extensions"]["code"] == "bad-cursor"


@pytest.mark.parametrize(
    ("order", "values"),
    [
        ("loans:loan_no:asc", [7, "01a20308-cae1-76a6-83c3-070162313aa0"]),
        ("loans:loan_no:asc", ["a\x00", "01a20308-cae1-76a6-83c3-070162313aa0"]),
        ("loans:loan_no:asc", ["a", 7]),
        ("loans:loan_no:asc", ["a"]),
        ("loans:loan_no:asc", []),
        ("loans:principal:asc", [2**63, "01a20308-cae1-76a6-83c3-070162313aa0"]),
        ("loans:principal:asc", [None, None]),
        ("loans:maturity_on:asc", ["soon", "01a20308-cae1-76a6-83c3-070162313aa0"]),
    ],
)
def test_a_forged_cursor_is_refused_like_any_other(client, book, order, values):
    given = {"field": order.split(":")[1].upper()}
    [error] = client.try_ask(PAGE, after=cursor(order, values), order=given)["errors"]
    assert error["extensions"]["code"] == "bad-cursor"


def test_a_page_has_a_limit(client, book):
    [error] = client.try_ask(PAGE, first=501)["errors"]
    assert error["extensions"] == {"code": "page-too-large", "suggestedFirst": 500}
    assert client.try_ask(PAGE, first=-1)["errors"][0]["extensions"]["code"] == "bad-page"
    both = client.try_ask(PAGE, first=1, last=1)["errors"][0]
    assert both["extensions"]["code"] == "bad-page"
    empty = page(client, first=0)
    assert (empty["nodes"], empty["totalCount"], empty["pageInfo"]["hasNextPage"]) == (
        [],
        LOANS,
        True,
    )


def statements(monkeypatch):
    """Every statement that is sent from now on."""
    sent = []
    execute = psycopg.AsyncCursor.execute

    async def noted(self, query, *given, **named):
        if query:  # an empty one is the pool's look whether the connection still stands
            sent.append(query)
        return await execute(self, query, *given, **named)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", noted)
    return sent


@pytest.mark.parametrize(
    "document",
    [
        EVERYTHING,
        """query($first: Int!) { loans(first: $first) { nodes {
             schedule { number } balances(asOf: "2026-05-31") { owed { total { amount } } }
             payments(first: 5) { nodes { number } } } } }""",
    ],
)
def test_a_page_of_100_takes_as_many_statements_as_a_page_of_10(
    client, book, monkeypatch, document
):
    client.ask(document, first=10)
    sent = statements(monkeypatch)
    counts = []
    for size in (10, 100):
        sent.clear()
        assert len(client.ask(document, first=size)["loans"]["nodes"]) == size
        counts.append(len(sent))
    print("statements:", counts)

    assert counts[0] == counts[1]
    assert counts[0] <= 15


def test_an_ordinary_page_takes_six_statements(client, book, monkeypatch):
    document = """{ loans(first: 100) { nodes {
        schedule { number } balances(asOf: "2026-05-31") { owed { total { amount } } }
        payments(first: 5) { nodes { number } } } } }"""
    client.ask(document)
    sent = statements(monkeypatch)
    client.ask(document)
    assert len(sent) == 6  # hold the tables, say where; loans, schedule, log, payments


JOURNAL = """
query($first: Int, $after: String, $last: Int, $before: String, $filter: JournalFilter) {
  journalEntries(first: $first, after: $after, last: $last, before: $before, filter: $filter) {
    totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    nodes { position part event lines { account { code } debit { minor } credit { minor } } }
  }
}"""


@pytest.fixture(scope="module")
def accrued(client):
    """Loans closed day by day: most entries are accruals, with others between them."""
    for nth in range(3):
        number = client.running(f"J-{nth}", on="2026-01-01", effective_on="2026-01-01")
        assert client.pay(number, "300.00", "2026-02-15").status_code == 201
        assert client.pay(number, "100.00", "2026-03-02").status_code == 201
    client.settled()


@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.parametrize("size", [1, 4, 500])
@pytest.mark.parametrize(
    ("given", "condition"),
    [
        ({}, "true"),
        ({"account": "1010"}, "1 = ANY (accounts)"),
        ({"account": "4010"}, "14 = ANY (accounts)"),
        ({"event": ["interest-accrued"]}, "event = 'interest-accrued'"),
        ({"event": ["payment-received", "interest-accrued"], "effectiveTo": "2026-02-15"},
         "event IN ('payment-received', 'interest-accrued') AND effective_on <= '2026-02-15'"),
    ],
)  # fmt: skip
def test_pages_of_the_journal_are_the_whole_journal(
    client, database, accrued, given, condition, size, backwards
):
    with connect(database) as connection:
        expected = connection.execute(
            f"SELECT position, part, event FROM read.journal WHERE {condition} ORDER BY 1, 2"
        ).fetchall()

    found, at = [], None
    while True:
        ends = {"last": size, "before": at} if backwards else {"first": size, "after": at}
        got = client.ask(JOURNAL, filter=given, **ends)["journalEntries"]
        rows = [(int(row["position"]), row["part"], row["event"]) for row in got["nodes"]]
        found = rows + found if backwards else found + rows
        info = got["pageInfo"]
        if not info["hasPreviousPage" if backwards else "hasNextPage"] or len(found) > 60:
            break
        at = info["startCursor" if backwards else "endCursor"]

    assert got["totalCount"] == len(expected) > 0
    assert found == (expected[-len(found) :] if backwards else expected[: len(found)])
