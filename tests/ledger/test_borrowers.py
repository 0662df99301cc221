"""A borrower is kept encrypted, read with a trace, and forgotten for good."""

import base64
import re
import threading
from datetime import date

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from domain.borrower import errors
from domain.borrower.events import Ground, Role
from ledger.borrowers.errors import (
    BorrowerKeyMissing,
    BorrowerKeyUnknown,
    BorrowerKeyWrong,
    DuplicateBorrower,
    DuplicatePerson,
    NotABorrowerKey,
    UnknownBorrower,
)
from ledger.borrowers.keeping import rewrap, verify
from ledger.borrowers.parties import parties_of
from ledger.borrowers.reading import Archive, Reader
from ledger.borrowers.registry import Registry
from ledger.borrowers.vault import DEVELOPMENT_KEY, Vault, new_master_key
from ledger.errors import KeyReused, UnknownLoan
from ledger.forms import FormError
from ledger.settings import Settings
from tests.ledger.builders import CAUSE, a_ledger, keyed, opened
from tests.ledger.people import HOME, a_person, curp, somebody

ON = date(2026, 1, 15)
LATER = date(2026, 2, 1)
READER = Reader("rita", "test")
SECRETS = (b"Ana", b"mez", b"Insurgentes", b"5512345678", b"GOLA", b"Telares", b"18500")


@pytest.fixture
def ledger(fresh_database):
    with a_ledger(fresh_database) as ledger:
        yield ledger


@pytest.fixture
def registry(ledger):
    return Registry(ledger)


@pytest.fixture
def archive(registry):
    return Archive(registry.store, registry.vault)


def register(registry, number="B-1", person=None, cause=CAUSE):
    return registry.register(number, person or a_person(), on=ON, cause=cause)


def rows(ledger, sql, *values):
    return ledger.store.run(lambda connection: connection.execute(sql, values).fetchall())


def test_a_registered_person_is_read_back_and_the_reading_leaves_a_trace(registry, archive):
    receipt = register(registry)
    assert (receipt.version, receipt.events, receipt.warnings) == (1, ("borrower-registered",), ())

    assert archive.read("B-1", READER).person == a_person()

    [reading] = archive.readings("B-1")
    assert (reading.actor, reading.channel, reading.what) == ("rita", "test", "person")


def test_nothing_of_the_person_stands_in_the_database(ledger, registry, app_tables):
    register(registry, cause=keyed("k-1"))
    registry.change("B-1", {"phones": ["33 1234 5678"]}, on=LATER, cause=keyed("k-2"))
    for table in app_tables(ledger):
        for [text] in rows(ledger, f"SELECT t::text FROM {table} AS t"):
            stored = b"".join(map(bytes.fromhex, re.findall(r"\\x((?:[0-9a-f]{2})+)", text)))
            dump = text.encode() + stored
            assert not [secret for secret in SECRETS if secret in dump], table


@pytest.fixture
def app_tables():
    def names(ledger):
        found = rows(
            ledger,
            "SELECT schemaname || '.' || tablename FROM pg_tables"
            " WHERE schemaname IN ('ledger', 'read') AND tablename NOT LIKE 'events%%'",
        )
        assert ("ledger.borrower_events",) in found
        return [name for (name,) in found]

    return names


def test_a_change_tells_before_and_after(registry, archive):
    register(registry)
    registry.change(
        "B-1", {"civil_status": "divorced", "email": None}, on=LATER, cause=CAUSE, reason="told us"
    )

    first, second = archive.history("B-1", READER)

    assert first.before == {}
    assert first.after["first_name"] == "Ana"
    assert second.before == {"civil_status": "married", "email": "ana@example.mx"}
    assert second.after == {"civil_status": "divorced"}
    assert (second.actor, second.effective_on) == ("ana", LATER)
    assert archive.read("B-1", READER).person.civil_status == "divorced"


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"curp": curp()[:-1] + "X"}, errors.InvalidCurp, "curp"),
        ({"addresses": [{"street": "Sur 1", "postal_code": "44100", "state": "Zac"}]},
         errors.PostalCodeDiffers, "addresses[0].postal_code"),
        ({"addresses": [{"postal_code": "44100"}]}, FormError, "addresses[0].street"),
        ({"first_name": None}, FormError, "first_name"),
        ({"nickname": "Nena"}, FormError, "nickname"),
        ({"email": "ana@example.mx"}, errors.NothingChanged, "borrower"),
        ({"employment": {"employer": "X", "monthly_income": 12.5}}, FormError,
         "employment.monthly_income"),
    ],
)  # fmt: skip
def test_a_bad_change_is_named_and_changes_nothing(registry, archive, changes, error, field):
    register(registry)
    with pytest.raises(error) as refused:
        registry.change("B-1", changes, on=LATER, cause=keyed("k-1"))
    assert refused.value.field == field
    assert archive.read("B-1", READER).version == 1
    assert registry.change("B-1", {"email": "b@c.mx"}, on=LATER, cause=keyed("k-1")).version == 2


def test_a_number_and_a_person_are_registered_once(registry):
    register(registry)
    with pytest.raises(DuplicateBorrower):
        register(registry, person=somebody(1))
    with pytest.raises(DuplicatePerson):
        register(registry, "B-2")
    register(registry, "B-2", somebody(1))
    with pytest.raises(DuplicatePerson) as refused:
        registry.change("B-2", {"curp": curp()}, on=LATER, cause=CAUSE)
    assert refused.value.field == "curp"
    with pytest.raises(UnknownBorrower):
        registry.change("B-3", {"email": "b@c.mx"}, on=LATER, cause=CAUSE)


def test_the_first_ten_of_an_rfc_may_be_another_s_too(registry, archive):
    """They are initials and a birth date; only the last three tell people apart."""
    ten = a_person().rfc[:10]
    for number in ("B-1", "B-2"):
        register(registry, number, a_person(rfc=ten, curp=""))
    assert archive.find("rfc", ten, READER) is None
    registry.change("B-1", {"rfc": a_person().rfc}, on=LATER, cause=CAUSE)
    with pytest.raises(DuplicatePerson) as refused:
        registry.change("B-2", {"rfc": a_person().rfc}, on=LATER, cause=CAUSE)
    assert refused.value.field == "rfc"


def test_whoever_changes_while_he_is_forgotten_is_before_or_refused(registry):
    register(registry)
    told = []

    def change(nth):
        try:
            registry.change("B-1", {"email": f"a{nth}@b.mx"}, on=LATER, cause=CAUSE)
            told.append("changed")
        except errors.BorrowerForgotten:
            told.append("refused")

    threads = [threading.Thread(target=change, args=(nth,)) for nth in range(4)]
    threads.insert(
        2, threading.Thread(target=lambda: registry.forget("B-1", Ground.REQUEST, cause=CAUSE))
    )
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    found = verify(registry.store, registry.vault)
    assert (found.forgotten, found.findings) == (1, ())
    assert found.facts == 2 + told.count("changed")
    assert len(told) == 4


def test_an_order_given_again_answers_the_first_and_another_body_is_refused(registry):
    first = register(registry, cause=keyed("k-1"))
    again = register(registry, cause=keyed("k-1"))
    assert (again.command_id, again.version, again.repeated) == (first.command_id, 1, True)
    with pytest.raises(KeyReused):
        register(registry, person=somebody(2), cause=keyed("k-1"))
    with pytest.raises(KeyReused):
        register(registry, "B-9", somebody(3), cause=keyed("k-1"))

    changed = registry.change("B-1", {"email": "b@c.mx"}, on=LATER, cause=keyed("k-2"))
    registry.change("B-1", {"email": "d@e.mx"}, on=LATER, cause=CAUSE)
    again = registry.change("B-1", {"email": "b@c.mx"}, on=LATER, cause=keyed("k-2"))
    assert (again.command_id, again.version, again.repeated) == (changed.command_id, 2, True)
    assert again.events == ("borrower-changed",)


def test_somebody_forgotten_cannot_be_read_and_everything_else_stands(ledger, registry, archive):
    register(registry)
    register(registry, "B-2", somebody(1))
    registry.change("B-1", {"email": "b@c.mx"}, on=LATER, cause=CAUSE)
    before = rows(ledger, "SELECT * FROM ledger.borrower_events WHERE type <> 'borrower-forgotten'"
                          " ORDER BY borrower_id, version")  # fmt: skip

    receipt = registry.forget("B-1", Ground.REQUEST, cause=CAUSE)

    assert (receipt.version, receipt.events) == (3, ("borrower-forgotten",))
    with pytest.raises(errors.BorrowerForgotten):
        archive.read("B-1", READER)
    with pytest.raises(errors.BorrowerForgotten):
        registry.change("B-1", {"email": "x@y.mx"}, on=LATER, cause=CAUSE)
    after = rows(ledger, "SELECT * FROM ledger.borrower_events WHERE type <> 'borrower-forgotten'"
                         " ORDER BY borrower_id, version")  # fmt: skip
    assert after == before
    assert [(one.type, one.after) for one in archive.history("B-1", READER)] == [
        ("borrower-registered", {}), ("borrower-changed", {}), ("borrower-forgotten", {}),
    ]  # fmt: skip
    assert archive.read("B-2", READER).person == somebody(1)
    told = verify(registry.store, registry.vault)
    assert (told.borrowers, told.forgotten, told.facts, told.findings) == (2, 1, 4, ())
    assert registry.forget("B-1", Ground.REQUEST, cause=CAUSE).repeated
    register(registry, "B-3")  # the person may come again: nobody knows that it is he


def test_the_key_is_gone_from_every_table(ledger, registry):
    receipt = register(registry)
    for table in ("keys", "marks"):
        found = f"SELECT count(*) FROM ledger.borrower_{table} WHERE borrower_id = %s"
        [[count]] = rows(ledger, found, receipt.borrower_id)
        assert count > 0
    registry.forget("B-1", Ground.RETENTION_ENDED, cause=CAUSE)
    for table in ("keys", "marks"):
        found = f"SELECT count(*) FROM ledger.borrower_{table} WHERE borrower_id = %s"
        assert rows(ledger, found, receipt.borrower_id) == [(0,)]


def test_facts_and_traces_cannot_be_changed(ledger, registry, archive):
    register(registry)
    archive.read("B-1", READER)
    for statement in (
        "UPDATE ledger.borrower_events SET sealed = ''", "DELETE FROM ledger.borrower_events",
        "UPDATE ledger.borrower_reads SET actor = 'x'", "DELETE FROM ledger.borrower_reads",
        "TRUNCATE ledger.borrower_reads", "UPDATE ledger.borrowers SET borrower_no = 'x'",
    ):  # fmt: skip
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            rows(ledger, statement)


def test_a_row_in_another_place_or_changed_is_found(ledger, fresh_database, registry):
    register(registry)
    register(registry, "B-2", somebody(1))
    with psycopg.connect(fresh_database.database_url, autocommit=True) as owner:
        owner.execute("ALTER TABLE ledger.borrower_events DISABLE TRIGGER append_only")
        owner.execute(
            "UPDATE ledger.borrower_events AS e SET sealed = o.sealed, chain = o.chain"
            " FROM ledger.borrower_events AS o WHERE e.borrower_id <> o.borrower_id"
        )
    with pytest.raises(BorrowerKeyWrong):
        Archive(registry.store, registry.vault).read("B-1", READER)
    findings = verify(registry.store, registry.vault).findings
    assert [(one.borrower_no, one.version) for one in findings] == [("B-1", 1), ("B-2", 1)]


def test_two_writers_both_land_and_neither_is_lost(registry, archive):
    register(registry)
    fields = {"email": "x@y.mx", "phones": ["3312345678"], "civil_status": "widowed"}

    def change(name):
        registry.change("B-1", {name: fields[name]}, on=LATER, cause=CAUSE)

    threads = [threading.Thread(target=change, args=(name,)) for name in fields]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    borrower = archive.read("B-1", READER)
    assert borrower.version == 4
    assert (borrower.person.email, borrower.person.phones) == ("x@y.mx", ("3312345678",))
    assert verify(registry.store, registry.vault).findings == ()


def test_who_answers_for_a_loan_besides_its_borrower(ledger, registry, archive):
    loan_id = opened(ledger, "L-1")
    register(registry)
    register(registry, "B-2", somebody(1))
    with pytest.raises(UnknownLoan):
        registry.join("B-1", "L-9", Role.GUARANTOR, on=ON, cause=CAUSE)

    registry.join("B-1", "L-1", Role.CO_BORROWER, on=ON, cause=keyed("k-1"))
    registry.join("B-2", "L-1", Role.GUARANTOR, on=ON, cause=CAUSE)
    assert registry.join("B-1", "L-1", Role.CO_BORROWER, on=ON, cause=keyed("k-1")).repeated
    with pytest.raises(errors.RoleTaken):
        registry.join("B-1", "L-1", Role.CO_BORROWER, on=ON, cause=CAUSE)

    def who():
        return [(one.borrower_no, one.role) for one in parties_of(ledger, loan_id)]

    assert who() == [("B-1", "co_borrower"), ("B-2", "guarantor")]
    registry.leave("B-2", "L-1", Role.GUARANTOR, on=LATER, cause=CAUSE, reason="released")
    assert who() == [("B-1", "co_borrower")]
    assert archive.history("B-2", READER)[-1].before == {"loan_no": "L-1", "role": "guarantor"}
    registry.join("B-2", "L-1", Role.GUARANTOR, on=LATER, cause=CAUSE)
    assert len(who()) == 2


def test_a_person_is_found_by_his_papers(registry, archive):
    register(registry)
    assert archive.find("curp", curp(), READER) == "B-1"
    assert archive.find("curp", somebody(1).curp, READER) is None
    registry.change("B-1", {"curp": None}, on=LATER, cause=CAUSE)
    assert archive.find("curp", curp(), READER) is None
    assert archive.find("rfc", a_person().rfc, READER) == "B-1"
    assert [one.what for one in archive.readings("B-1")] == ["found by rfc", "found by curp"]


def under(settings, key, old=None):
    return settings.model_copy(
        update={
            "borrower_key": SecretStr(key),
            "borrower_old_keys": None if old is None else SecretStr(old),
        }
    )


def test_a_new_master_key_takes_over_and_the_old_one_can_be_thrown_away(fresh_database):
    old, new = new_master_key(), new_master_key()
    with a_ledger(under(fresh_database, old)) as ledger:
        register(Registry(ledger))
    with a_ledger(under(fresh_database, new)) as ledger:
        registry = Registry(ledger)
        with pytest.raises(BorrowerKeyUnknown):
            registry.change("B-1", {"email": None}, on=LATER, cause=CAUSE)
    with a_ledger(under(fresh_database, new, old)) as ledger:
        registry = Registry(ledger)
        with pytest.raises(DuplicatePerson):
            register(registry, "B-2")
        registry.change("B-1", {"email": None}, on=LATER, cause=CAUSE)
        assert rewrap(registry.store, registry.vault) == 1
        assert rewrap(registry.store, registry.vault) == 0
    with a_ledger(under(fresh_database, new)) as ledger:
        registry = Registry(ledger)
        archive = Archive(registry.store, registry.vault)
        assert archive.read("B-1", READER).version == 2
        assert archive.find("curp", curp(), READER) == "B-1"
        with pytest.raises(DuplicatePerson):
            register(registry, "B-2")


def test_the_key_that_everybody_knows_is_never_used_silently():
    url = "postgresql://db/one"
    with pytest.raises(BorrowerKeyMissing):
        Vault.of(Settings(database_url=url, borrower_key=None, borrower_development_key=False))
    allowed = Settings(database_url=url, borrower_key=None, borrower_development_key=True)
    embedded = Settings(database_url=None, borrower_key=None, borrower_development_key=False)
    assert Vault.of(allowed).current == Vault.of(embedded).current
    own = under(Settings(database_url=url, borrower_development_key=True), new_master_key())
    assert Vault.of(own).current != Vault.of(allowed).current


@pytest.mark.parametrize(
    "key", ["", "short", "x" * 44, base64.b64encode(bytes(31)).decode(), DEVELOPMENT_KEY + "!"]
)
def test_a_master_key_is_32_bytes(key):
    with pytest.raises(NotABorrowerKey) as refused:
        Vault.of(under(Settings(database_url=None), key or "="))
    assert not key or key not in str(refused.value)


def test_a_secret_setting_is_not_shown():
    key = new_master_key()
    shown = under(Settings(database_url=None), key)
    assert key not in repr(shown)
    assert key not in shown.model_dump_json()


@given(
    st.binary(max_size=300), st.integers(1, 10**6), st.integers(0, 299), st.integers(1, 255),
    st.uuids(), st.uuids(),
)  # fmt: skip
def test_what_is_sealed_opens_only_in_its_place_and_unchanged(
    clear, version, place, flip, one, two
):
    vault = Vault(bytes(32))
    sealer, wrapped = vault.new(one)
    sealed = sealer.seal(clear, version, "borrower-changed", 1)

    again = vault.open(one, wrapped)
    assert again.open(sealed, version, "borrower-changed", 1) == clear
    broken = bytearray(sealed)
    broken[place % len(sealed)] ^= flip
    for bad in (
        lambda: again.open(bytes(broken), version, "borrower-changed", 1),
        lambda: again.open(sealed, version + 1, "borrower-changed", 1),
        lambda: again.open(sealed, version, "loan-joined", 1),
        lambda: vault.new(one)[0].open(sealed, version, "borrower-changed", 1),
    ):
        with pytest.raises(BorrowerKeyWrong):
            bad()
    if one != two:
        with pytest.raises(BorrowerKeyWrong):
            vault.open(two, wrapped)


PEOPLE = st.integers(0, 20)
ORDERS = st.lists(
    st.one_of(
        st.tuples(st.just("register"), PEOPLE),
        st.tuples(st.just("change"), PEOPLE, st.sampled_from(["a@b.mx", "c@d.mx", "e@f.mx"])),
        st.tuples(st.just("forget"), PEOPLE),
    ),
    max_size=25,
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ORDERS)
def test_whatever_happens_the_known_are_read_the_forgotten_are_not_and_chains_hold(ledger, orders):
    """Against a dictionary: the simplest registry there is."""
    registry = Registry(ledger)
    archive = Archive(registry.store, registry.vault)
    prefix = len(rows(ledger, "SELECT FROM ledger.borrowers"))
    known: dict[str, str] = {}
    gone: set[str] = set()
    for name, who, *rest in orders:
        number = f"{prefix}-{who}"
        try:
            if name == "register":
                person = a_person(rfc="", curp="", email="z@z.mx", addresses=(HOME,))
                registry.register(number, person, on=ON, cause=CAUSE)
                assert number not in known
                assert number not in gone
                known[number] = "z@z.mx"
            elif name == "change":
                registry.change(number, {"email": rest[0]}, on=LATER, cause=CAUSE)
                assert known[number] != rest[0]
                known[number] = rest[0]
            else:
                again = registry.forget(number, Ground.REQUEST, cause=CAUSE).repeated
                assert again is (number in gone)
                known.pop(number, None)
                gone.add(number)
        except DuplicateBorrower:
            assert number in known or number in gone
        except UnknownBorrower:
            assert number not in known
            assert number not in gone
        except errors.BorrowerForgotten:
            assert number in gone
        except errors.NothingChanged:
            assert known[number] == rest[0]
    seen = archive.read_many([f"{prefix}-{who}" for who in range(21)], READER)
    told = {number: one.borrower.person.email for number, one in seen.items() if one.borrower}
    assert told == known
    assert {number for number, one in seen.items() if one.forgotten_at} == gone
    assert verify(registry.store, registry.vault).findings == ()


def test_address_form_takes_names_of_states_and_fills_in_what_the_postal_code_says(registry):
    register(registry, person=a_person(addresses=()))
    rows_ = [
        {"street": "Hidalgo 1", "postal_code": "44100", "state": "Jalisco"},
        {"street": "Juárez 2", "postal_code": "06700"},
        {"street": "1 High St", "postal_code": "E1 6AN", "country": "gb", "kind": "work"},
    ]
    registry.change("B-1", {"addresses": rows_}, on=LATER, cause=CAUSE)
    person = Archive(registry.store, registry.vault).read("B-1", READER).person
    assert [one.state for one in person.addresses] == ["JAL", "CMX", ""]
