"""Tables can be laid on many machines by loan: keys begin with the loan, or it is said why not.

Reference tables are small or asked for as a whole; a distributed engine keeps them on each machine.
"""

import pytest

from ledger.database import connect

REFERENCE = {
    "ledger.api_keys": "few, read with every request",
    "ledger.jobs": "one per shard or file",
    "ledger.suspense": "money of no loan yet",
    "ledger.index_values": "one per index and day",
    "ledger.groups": "one per group; its loans are named by number",
    "ledger.group_payments": "with its group",
    "ledger.commands": "one order may be about many loans; laid out by its own id",
    "public.schema_migrations": "the schema's own",
    "ledger.periods": "one per month closed",
    "ledger.month_ends": "one per month frozen",
    "ledger.postings": "sums by branch and product, a few a month",
    "ledger.accounting_batches": "one per file",
    "ledger.accounting_batch_entries": "one per entry of a file: by day, unless asked by event",
    "ledger.fiscal_documents": "laid out by its own id; asked for as a whole",
    "ledger.fiscal_runs": "one per run",
    "ledger.bank_files": "one per file",
    "ledger.reference_numbers": "a counter per algorithm",
    "ledger.borrowers": "laid out by borrower",
    "ledger.borrower_keys": "with its borrower",
    "ledger.borrower_events": "with its borrower",
    "ledger.borrower_marks": "finds borrowers by hashes, asked for as a whole",
    "ledger.borrower_loans": "with its borrower",
    "ledger.borrower_reads": "with its borrower",
    "read.accounting_facts": "sums over loans by day and kind",
    "read.accounting_groups": "one per currency, branch and product",
    "read.positions": "one per read model",
    "read.portfolio_totals": "sums over loans, a few hundred rows",
    "read.accounts": "the chart of accounts",
    "read.journal_rules": "what facts mean in the chart of accounts",
}
OTHERWISE = {
    ("ledger.events", "position"): "each machine has a log of its own: docs/scaling.md",
    ("ledger.payment_references", "reference_key"): "a reference table of numbers and loans",
    ("ledger.loan_state", "loan_no"): "a reference table of numbers and ids: docs/scaling.md",
}

KEYS = """
    SELECT n.nspname || '.' || coalesce(parent.relname, t.relname),
           array_agg(a.attname::text ORDER BY k.nth)
    FROM pg_index AS i
    JOIN pg_class AS t ON t.oid = i.indrelid
    JOIN pg_namespace AS n ON n.oid = t.relnamespace
    LEFT JOIN pg_inherits AS of ON of.inhrelid = t.oid
    LEFT JOIN pg_class AS parent ON parent.oid = of.inhparent
    CROSS JOIN unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, nth)
    LEFT JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = k.attnum
    WHERE i.indisunique AND n.nspname IN ('ledger', 'read', 'public')
    GROUP BY i.indexrelid, n.nspname, t.relname, parent.relname
"""
TABLES = """
    SELECT schemaname || '.' || tablename FROM pg_tables
    WHERE schemaname IN ('ledger', 'read', 'public') AND tablename !~ '^events_from_'
"""


@pytest.fixture
def catalogue(database):
    with connect(database, owner=True) as connection:
        yield connection


def test_every_key_begins_with_the_loan_or_its_table_is_kept_on_each_machine(catalogue):
    keys = catalogue.execute(KEYS).fetchall()
    astray = [
        (table, columns)
        for table, columns in keys
        if table not in REFERENCE
        and columns[0] != "loan_id"
        and (table, columns[0]) not in OTHERWISE
    ]
    assert astray == []
    assert {(table, columns[0]) for table, columns in keys} >= OTHERWISE.keys()


def test_every_other_table_has_such_a_key(catalogue):
    keyed = {table for table, columns in catalogue.execute(KEYS) if columns[0] == "loan_id"}
    tables = {table for (table,) in catalogue.execute(TABLES)}
    assert tables - keyed - REFERENCE.keys() == set()
    assert REFERENCE.keys() <= tables
