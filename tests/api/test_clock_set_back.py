"""Facts booked while the database's clock was set back are known no earlier than those before."""

from datetime import UTC, datetime, timedelta

from ledger.database import connect

LOAN = """query($no: String!, $known: DateTime) {
    loan(loanNo: $no, knownAt: $known) { balances { owed { principal { amount } } } } }"""


def test_what_was_known_is_a_whole_beginning_of_the_history(client, database):
    number = client.running()
    client.pay(number, "1000.00", "2026-02-15")
    client.settled()
    with connect(database, owner=True, autocommit=True) as owner:
        guard = "ALTER TABLE ledger.events_from_1 {} TRIGGER append_only"
        owner.execute(guard.format("DISABLE"))
        owner.execute(
            "UPDATE ledger.events_from_1 SET recorded_at = recorded_at + interval '2 days'"
            " WHERE type = 'loan-disbursed'"
        )
        owner.execute(guard.format("ENABLE ALWAYS"))

    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    known = client.ask(LOAN, no=number, known=tomorrow)["loan"]
    assert known["balances"]["owed"]["principal"]["amount"] == "0.00"
    later = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    whole = client.ask(LOAN, no=number, known=later)["loan"]
    assert whole["balances"]["owed"]["principal"]["amount"] != "0.00"
