"""Figures of the whole book, planned: arrears by group, the portfolio, the trial balance."""

from datetime import date

from api.graphql import portfolio as book
from api.graphql.arguments import on_or
from api.graphql.planned.asked import Asked
from api.graphql.planned.kinds import amount, amounts, column, plain, texts, wholes
from api.graphql.planned.rows import Kind, Row, many, row_of, told, with_unit
from api.graphql.planned.written import Written, bare, truth, words
from projections.journal.balances import TRIAL_BALANCE as BALANCES_ON

BUCKET: Kind = {**texts("bucket"), **wholes("loans"), **amounts("principal")}


def buckets(row: Row, asked: Asked) -> Written:
    own = row.child(asked.reading)
    source = (
        f"unnest({row['buckets']}, {row['counts']}, {row['principals']}) WITH ORDINALITY"
        f" AS {own.alias} (bucket, loans, principal, nth)"
    )
    return many(own, source, own["nth"], told(BUCKET, own, asked))


GROUP: Kind = {
    **texts("name", "currency"),
    **wholes("loans"),
    **amounts("principal"),
    "buckets": buckets,
}


def ratio(row: Row, part: str) -> Written:
    """As `api.graphql.portfolio.ratio`: four decimals of the exact quotient, half-even."""
    whole, scaled = f"nullif({row['principal']}, 0)", f"{row[part]} * 10000"
    down, twice = f"div({scaled}, {whole})", f"2 * mod({scaled}, {whole})"
    up = f"({twice} > {whole} OR {twice} = {whole} AND mod({down}, 2) = 1)::integer"
    return bare(f"0.0001 * coalesce({down} + {up}, 0)")


PORTFOLIO: Kind = {
    **plain("as_of"),
    **texts("currency"),
    **wholes("loans", "past_due_loans"),
    **amounts("principal", "past_due_principal", "par_30", "par_90"),
    "par30Ratio": lambda row, _: ratio(row, "par_30"),
    "par90Ratio": lambda row, _: ratio(row, "par_90"),
    "buckets": buckets,
}

OF_GROUP = """sum(loans) AS loans, sum(principal) AS principal,
    array_agg(bucket ORDER BY least_days) AS buckets,
    array_agg(loans ORDER BY least_days) AS counts,
    array_agg(principal ORDER BY least_days) AS principals"""
OF_BOOK = f"""{OF_GROUP},
    coalesce(sum(loans) FILTER (WHERE least_days > 0), 0) AS past_due_loans,
    coalesce(sum(principal) FILTER (WHERE least_days > 0), 0) AS past_due_principal,
    sum(principal_30) AS par_30, sum(principal_90) AS par_90"""


def standing(asked: Asked, on: date, by: book.AgingBy) -> str:
    """The loans on the books on a day by currency, group and bucket: a SELECT."""
    asked.reading.asks_book = True
    return asked.reading.bound(book.BOOK.format(group=by.value), [on, on])


def aging(asked: Asked) -> Written:
    on = on_or(asked.arguments.get("as_of"), asked.reading.today)
    row = row_of(asked.reading)
    found = standing(asked, on, asked.arguments["by"])
    columns = with_unit(f"currency, name, {OF_GROUP}", "currency")
    source = f"(SELECT {columns} FROM ({found}) AS of GROUP BY currency, name) AS {row.alias}"
    return many(row, source, f"{row['currency']}, {row['name']}", told(GROUP, row, asked))


def portfolio(asked: Asked) -> Written:
    on = on_or(asked.arguments.get("as_of"), asked.reading.today)
    row = row_of(asked.reading)
    found = standing(asked, on, book.AgingBy.ALL)
    day = f"{asked.reading.bind(on)}::date AS as_of"
    columns = with_unit(f"{day}, currency, {OF_BOOK}", "currency")
    source = f"(SELECT {columns} FROM ({found}) AS of GROUP BY currency) AS {row.alias}"
    return many(row, source, row["currency"], told(PORTFOLIO, row, asked))


def _account(row: Row, asked: Asked) -> Written:
    return asked.thing(lambda name, _: words(row[name]))


BALANCE: Kind = {
    "account": _account,
    **amounts("debit", "credit"),
    "balance": lambda row, asked: amount(f"{row['debit']} - {row['credit']}", row, asked),
}


def _balances(row: Row, asked: Asked) -> Written:
    own = row.child(asked.reading)
    lists = ", ".join(row[name] for name in ("codes", "names", "kinds", "debits", "credits"))
    source = (
        f"unnest({lists}) WITH ORDINALITY AS {own.alias} (code, name, kind, debit, credit, nth)"
    )
    return many(own, source, own["nth"], told(BALANCE, own, asked))


TRIAL_BALANCE: Kind = {
    **column(bare, "on"),
    **texts("currency"),
    "lines": _balances,
    **amounts("debit", "credit"),
    "balanced": lambda row, _: truth(f"{row['debit']} = {row['credit']}"),
}

OF_BALANCES = """sum(debit) AS debit, sum(credit) AS credit,
    array_agg(code ORDER BY code) AS codes, array_agg(name ORDER BY code) AS names,
    array_agg(kind ORDER BY code) AS kinds, array_agg(debit ORDER BY code) AS debits,
    array_agg(credit ORDER BY code) AS credits"""


def trial_balance(asked: Asked) -> Written:
    on = on_or(asked.arguments.get("on"), asked.reading.today)
    row = row_of(asked.reading)
    found = asked.reading.bound(BALANCES_ON, [on])
    day = f'{asked.reading.bind(on)}::date AS "on"'
    columns = with_unit(f"{day}, currency, {OF_BALANCES}", "currency")
    source = f"(SELECT {columns} FROM ({found}) AS of GROUP BY currency) AS {row.alias}"
    return many(row, source, row["currency"], told(TRIAL_BALANCE, row, asked))
