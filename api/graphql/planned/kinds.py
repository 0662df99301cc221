"""What each type's fields are in the read models: one table per type, by GraphQL's own names.

A field that is not here is computed: by the domain, for a moment other than now, or in Python.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from api.graphql import journal
from api.graphql.arguments import on_or
from api.graphql.connections import Keyset, Slice, sliced
from api.graphql.cursors import place
from api.graphql.loan_rows import (
    COMPONENTS,
    EVENTS,
    GONE,
    IN_ORDER,
    LATEST_MOVEMENTS,
    LATEST_PAYMENTS,
    aged,
)
from api.graphql.planned.asked import Asked, Late, Unplanned
from api.graphql.planned.rows import Field, Kind, Listing, Row, many, one, page, told
from api.graphql.planned.written import (
    Written,
    bare,
    choice,
    global_id,
    instant,
    nullable,
    number,
    truth,
    words,
)


def column(write: Any, *names: str, maybe: bool = False) -> dict[str, Field]:
    """Fields that are columns of their own name."""

    def of(name: str) -> Field:
        def field(row: Row, _: Asked) -> Written:
            written: Written = write(row[name])
            return nullable(written) if maybe else written

        return field

    return {camel(name): of(name) for name in names}


def camel(name: str) -> str:
    """A column's name as GraphQL spells it."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def texts(*names: str, maybe: bool = False) -> dict[str, Field]:
    return column(words, *names, maybe=maybe)


def plain(*names: str, maybe: bool = False) -> dict[str, Field]:
    return column(bare, *names, maybe=maybe)


def wholes(*names: str, maybe: bool = False) -> dict[str, Field]:
    return column(number, *names, maybe=maybe)


def named(kind: str, *names: str) -> dict[str, Field]:
    """The global id, of the columns that make it."""
    return {"id": lambda row, _: global_id(kind, *(row[name] for name in names))}


def amount(minor: str, row: Row, asked: Asked) -> Written:
    """`Money` of so many minor units."""

    def tell(name: str, _: Asked) -> Written:
        match name:
            case "amount":
                return bare(f"{row.unit} * ({minor})")
            case "currency":
                return bare(row.currency)
            case _:
                return number(minor)

    return asked.thing(tell)


def amounts(*names: str, maybe: bool = False) -> dict[str, Field]:
    """Amounts that are columns of their own name."""

    def of(name: str) -> Field:
        def field(row: Row, asked: Asked) -> Written:
            written = amount(row[name], row, asked)
            return choice(f"{row[name]} IS NULL", written) if maybe else written

        return field

    return {camel(name): of(name) for name in names}


def total(row: Row, names: Iterable[str]) -> str:
    return " + ".join(row[name] for name in names)


def components(name: str, prefix: str = "") -> dict[str, Field]:
    """An amount by component, of one column each."""
    columns = {camel(part): f"{prefix}{part}" for part in COMPONENTS}

    def field(row: Row, asked: Asked) -> Written:
        def tell(part: str, inner: Asked) -> Written:
            summed = total(row, columns.values()) if part == "total" else row[columns[part]]
            return amount(summed, row, inner)

        return asked.thing(tell)

    return {name: field}


def left(row: Row, asked: Asked) -> Written:
    """What an instalment still owes."""
    paid = (*(f"paid_{name}" for name in COMPONENTS), *GONE)
    return amount(f"{total(row, COMPONENTS)} - ({total(row, paid)})", row, asked)


INSTALMENT: Kind = {
    "number": lambda row, _: number(row["instalment"]),
    **plain("start_on", "due_on"),
    **column(truth, "due"),
    **components("charged"),
    **components("paid", "paid_"),
    "left": left,
    **plain("settled_on", "paid_on", maybe=True),
    **amounts("paid_late", "paid_in_advance"),
}

PAYMENT: Kind = {
    **named("Payment", "loan_id", "payment"),
    "number": lambda row, _: number(row["payment"]),
    **amounts("amount", "overpaid", "refunded", "charged_back"),
    **plain("effective_on"),
    **column(instant, "recorded_at"),
    **wholes("position"),
    **components("cleared"),
    **texts("source", "channel", "reference", "paid_by"),
    **plain("reversed_on", maybe=True),
}

COVER: Kind = {
    "number": lambda row, _: number(row["cover"]),
    **texts("loan_no", "for_loan"),
    **plain("given_on"),
    **amounts("amount", "returned"),
    "left": lambda row, asked: amount(f"{row['amount']} - {row['returned']}", row, asked),
}

TRANSACTION: Kind = {
    **texts("kind", "channel", "reference", "reason", "source"),
    **wholes("number", maybe=True),
    **plain("effective_on"),
    **column(instant, "recorded_at"),
    **wholes("position", "effect"),
    **amounts("amount", "overpaid"),
    **components("components"),
}

PROMISE: Kind = {
    **named("Promise", "loan_id", "promise"),
    "number": lambda row, _: number(row["promise"]),
    **plain("loan_id", "made_on", "promised_for"),
    **texts("loan_no", "status", "reason"),
    **wholes("grace_days"),
    **amounts("amount"),
    **amounts("received", maybe=True),
    **plain("resolved_on", maybe=True),
}

EVENT: Kind = {
    **wholes("position", "version", "revision"),
    **texts("type", "actor", "channel", "command"),
    **plain("loan_id", "effective_on", "command_id", "correlation_id"),
    **plain("causation_id", maybe=True),
    **column(instant, "recorded_at"),
    "facts": lambda row, _: [f"{row['facts']}::text"],
}


def account(row: Row, asked: Asked) -> Written:
    chart = f"{row.alias}_chart"
    return asked.thing(lambda name, _: words(f"{chart}.{name}"))


LINE: Kind = {
    "account": account,
    "debit": lambda row, asked: amount(f"greatest({row['amount']}, 0)", row, asked),
    "credit": lambda row, asked: amount(f"greatest(-{row['amount']}, 0)", row, asked),
}


def lines(row: Row, asked: Asked) -> Written:
    line = row.child(asked.reading)
    source = (
        f"unnest({row['accounts']}, {row['amounts']}) WITH ORDINALITY"
        f" AS {line.alias} (account, amount, nth)"
        f" JOIN read.accounts AS {line.alias}_chart USING (account)"
    )
    return many(line, source, line["nth"], told(LINE, line, asked))


ENTRY: Kind = {
    **plain("loan_id", "effective_on"),
    **wholes("position", "part"),
    **column(instant, "recorded_at"),
    **texts("event", "currency"),
    "lines": lines,
}

RECORDED: Kind = {
    **plain("accrued_through"),
    **wholes("version", "position"),
    **components("owed"),
    **amounts(
        "disbursed", "repaid", "forgiven", "written_off", "sold", "capitalised", "charged_back",
        "overpaid", "recovered",
    ),
}  # fmt: skip


def recorded(row: Row, asked: Asked) -> Written:
    own = row.child(asked.reading)
    source = f"SELECT * FROM read.balances AS of WHERE of.loan_id = {row['loan_id']}"
    return one(own, source, told(RECORDED, own, asked))


def schedule(row: Row, asked: Asked) -> Written:
    if asked.arguments.get("as_of") is not None:
        raise Unplanned
    line = row.child(asked.reading)
    source = (
        f"(SELECT * FROM read.schedule AS of WHERE of.loan_id = {row['loan_id']}) AS {line.alias}"
    )
    return many(line, source, line["instalment"], told(INSTALMENT, line, asked))


def promises(row: Row, asked: Asked) -> Written:
    given = row.child(asked.reading)
    source = (
        f"(SELECT of.*, {row['loan_no']} FROM read.promises AS of"
        f" WHERE of.loan_id = {row['loan_id']}) AS {given.alias}"
    )
    return many(given, source, given["promise"], told(PROMISE, given, asked))


def covers(row: Row, asked: Asked) -> Written:
    given = row.child(asked.reading)
    source = (
        f"(SELECT of.*, {row['loan_no']} FROM read.covers AS of"
        f" WHERE of.loan_id = {row['loan_id']}) AS {given.alias}"
    )
    return many(given, source, given["cover"], told(COVER, given, asked))


def part_of(asked: Asked, keyset: Keyset) -> Slice:
    """The slice of an order that a field's arguments ask for; its bounds may be late."""
    given = asked.arguments
    part = sliced(asked.reading.settings, keyset, given.get("first"), None, given.get("last"))
    read = partial(place, order=keyset.name, kinds=keyset.kinds)
    after, before = (asked.value(bound, bound, read) for bound in ("after", "before"))
    return replace(part, after=_values(after, keyset), before=_values(before, keyset))


def _values(bound: Any, keyset: Keyset) -> tuple[Any, ...] | None:
    if not isinstance(bound, Late):
        return None if bound is None else tuple(bound)

    def value(at: int) -> Late:
        return Late(bound.variable, lambda given: bound.made(given)[at])

    return tuple(map(value, range(len(keyset.keys))))


def of_loan(kind: Kind, listing: tuple[str, str], keyset: Keyset) -> Field:
    """A page of what hangs on a loan."""
    columns, source = listing

    def field(row: Row, asked: Asked) -> Written:
        part = part_of(asked, keyset)
        where = f"of.loan_id = {row['loan_id']}"
        counted = f"SELECT count(*) FROM {source} WHERE {where}"
        own = row.child(asked.reading)
        return page(kind, own, Listing(columns, source, where, counted), asked, part)

    return field


def events(row: Row, asked: Asked) -> Written:
    asked.reading.asks_log = True
    return of_loan(EVENT, EVENTS, IN_ORDER)(row, asked)


def late(name: str) -> Field:
    """A figure of the aging of a loan on a day."""

    def field(row: Row, asked: Asked) -> Written:
        reading = asked.reading
        on = on_or(asked.arguments.get("as_of"), reading.today)
        alias = row.join(on, lambda: aged(row.alias, f"{reading.bind(on)}::date"))
        days = f"{alias}.days_past_due"
        match name:
            case "days":
                return number(f"coalesce({days}, 0)")
            case "bucket":
                return choice(f"{days} IS NULL", words(f"read.bucket({days})"))
            case _:
                return nullable(bare(f"{alias}.next_due_on"))

    return field


LOAN: Kind = {
    **named("Loan", "loan_id"),
    **plain("loan_id", "opened_on"),
    **texts("loan_no", "borrower", "product", "branch", "officer", "group_no", "currency"),
    **column(words, "guarantors"),
    **wholes("instalments", "stage", "restructures"),
    **amounts("approved", "disbursed"),
    "terms": lambda row, _: [f"{row['terms']}::text"],
    **plain(
        "booked_on", "first_due_on", "maturity_on", "disbursed_on", "closed_on", "written_off_on",
        "restructured_on", "sold_on", "oldest_unpaid_due_on", maybe=True,
    ),
    "status": lambda row, _: bare(f"upper({row['status']})"),
    **column(truth, "suspended"),
    **texts("holder", maybe=True),
    "daysPastDue": late("days"),
    "bucket": late("bucket"),
    "nextDueOn": late("next"),
    "recordedBalances": recorded,
    "schedule": schedule,
    "promises": promises,
    "covers": covers,
    "payments": of_loan(PAYMENT, ("of.*", "read.payments AS of"), LATEST_PAYMENTS),
    "transactions": of_loan(TRANSACTION, ("of.*", "read.transactions AS of"), LATEST_MOVEMENTS),
    "events": events,
    "journalEntries": of_loan(ENTRY, journal.ENTRIES, journal.BOOKED),
}  # fmt: skip
"""Its balances and payoff are told by the domain, as is everything for another moment than now."""
