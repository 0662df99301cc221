import psycopg
import pytest

from tests.ledger.builders import running, stored

CHANGES = [
    "UPDATE ledger.events SET state = '{}'",
    "DELETE FROM ledger.events",
    "TRUNCATE ledger.events",
    "UPDATE ledger.commands SET actor = 'nobody'",
    "DELETE FROM ledger.commands",
    "TRUNCATE ledger.commands",
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("who", ["app", "owner"])
def test_what_is_on_record_cannot_be_changed_by_anyone(who, change, ledger, request):
    connection = request.getfixturevalue(who)
    loan_id = running(ledger)
    before = stored(connection, loan_id)

    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(change)

    assert stored(connection, loan_id) == before


@pytest.mark.parametrize("change", CHANGES)
def test_the_application_has_not_even_the_right_to_try(change, app, owner):
    owner.execute("BEGIN; ALTER TABLE ledger.events DISABLE TRIGGER USER")
    owner.execute("ALTER TABLE ledger.commands DISABLE TRIGGER USER; SET LOCAL ROLE cartera_app")

    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
        owner.execute(change)

    owner.execute("ROLLBACK")


@pytest.mark.parametrize("change", CHANGES)
def test_not_even_as_a_replica_whose_ordinary_triggers_sleep(change, ledger, owner):
    running(ledger)
    owner.execute("BEGIN; SET LOCAL session_replication_role = replica")

    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        owner.execute(change)

    owner.execute("ROLLBACK")


def test_a_replica_draws_positions_under_the_lock_too(ledger, owner):
    running(ledger)
    owner.execute("BEGIN; SET LOCAL session_replication_role = replica")
    owner.execute(
        "INSERT INTO ledger.events (loan_id, version, type, revision, more, effective_on,"
        " command_id, state) VALUES (gen_random_uuid(), 1, 'x', 1, 0, '2026-01-01',"
        " gen_random_uuid(), '{}')"
    )
    held = owner.execute(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
    )
    assert held.fetchone() == (1,)
    owner.execute("ROLLBACK")


@pytest.mark.parametrize("column", ["position", "recorded_at"])
def test_position_and_booking_time_are_the_databases_own(column, app):
    value = {"position": "7", "recorded_at": "'2020-01-01'"}[column]
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
        app.execute(
            "INSERT INTO ledger.events (loan_id, version, type, revision, more, effective_on,"
            f" command_id, state, {column}) VALUES (gen_random_uuid(), 1, 'x', 1, 0, '2026-01-01',"
            f" gen_random_uuid(), '{{}}', {value})"
        )


def test_the_application_cannot_disarm_the_guard(app):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        app.execute("ALTER TABLE ledger.events DISABLE TRIGGER ALL")


def test_connections_run_as_the_application(app):
    assert app.execute("SELECT current_user").fetchone() == ("cartera_app",)
