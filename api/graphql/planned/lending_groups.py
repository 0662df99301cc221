"""Groups, planned: the group of a number, and the page of a list."""

from api.graphql import groups
from api.graphql.arguments import word
from api.graphql.planned.asked import Asked
from api.graphql.planned.kinds import COVER, LOAN, amounts, column, part_of, plain, texts, wholes
from api.graphql.planned.rows import (
    Field,
    Kind,
    Listing,
    Row,
    many,
    one,
    page,
    row_of,
    told,
    with_unit,
)
from api.graphql.planned.written import Written, bare, truth, words


def _enum(name: str) -> Field:
    return lambda row, _: bare(f"upper({row[name]})")


def _loan(row: Row, asked: Asked) -> Written:
    own = row_of(asked.reading)
    columns = with_unit("loans.*", "loans.currency")
    source = f"SELECT {columns} FROM read.loans WHERE loans.loan_no = {row['name']}"
    return one(own, source, told(LOAN, own, asked))


MEMBER: Kind = {
    **wholes("place"),
    "loanNo": lambda row, _: words(row["name"]),
    "loan": _loan,
}


def _members(row: Row, asked: Asked) -> Written:
    own = row.child(asked.reading)
    source = f"unnest({row['members']}) WITH ORDINALITY AS {own.alias} (name, place)"
    return many(own, source, own["place"], told(MEMBER, own, asked))


def _covers(row: Row, asked: Asked) -> Written:
    own = row.child(asked.reading)
    source = f"({groups.COVERED.format(group=row['group_no'])}) AS {own.alias}"
    order = ", ".join(own[name] for name in ("given_on", "loan_no", "cover"))
    return many(own, source, order, told(COVER, own, asked))


PAYMENT: Kind = {
    **wholes("number"),
    **plain("effective_on"),
    **amounts("amount", "kept"),
    **column(truth, "posted"),
}


def _payments(row: Row, asked: Asked) -> Written:
    own = row.child(asked.reading)
    source = f"({groups.PAID.format(group=row['group_no'])}) AS {own.alias}"
    return many(own, source, own["number"], told(PAYMENT, own, asked))


GROUP: Kind = {
    **texts("group_no", "currency"),
    **plain("opened_on"),
    **{name: _enum(name) for name in ("kind", "shortfall", "surplus", "returns")},
    "members": _members,
    "covers": _covers,
    "payments": _payments,
}


def group(asked: Asked) -> Written:
    """The group of a number, or null."""
    reading = asked.reading
    reading.asks_log = True  # groups stand in the ledger, which no read model's move tells of
    columns, table = groups.GROUPS
    row = row_of(reading)
    value = reading.bind(asked.value("groupNo", "group_no", word))
    chosen = with_unit(columns, "of.currency")
    return one(row, f"SELECT {chosen} FROM {table} WHERE of.group_no = {value}",
               told(GROUP, row, asked))  # fmt: skip


def listed(asked: Asked) -> Written:
    """A page of groups."""
    asked.reading.asks_log = True
    columns, table = groups.GROUPS
    rows = Listing(
        with_unit(columns, "of.currency"), table, "true", f"SELECT count(*) FROM {table}"
    )
    return page(GROUP, row_of(asked.reading), rows, asked, part_of(asked, groups.BY_NUMBER))
