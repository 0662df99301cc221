"""A bureau's file of the people in the register: who joined a loan is told, readings are noted."""

from datetime import date

import pytest

from domain.borrower.events import Ground, Role
from ledger.borrowers.reading import Archive
from ledger.borrowers.registry import Registry
from projections.bureau.validators import buro_intf
from tests.ledger.builders import CAUSE, a_ledger
from tests.ledger.people import somebody
from tests.projections.bureau.portfolio import late
from tests.projections.bureau.sending import field
from tests.projections.stories import Log, catch_up

ON = date(2026, 1, 15)


@pytest.fixture
def registry(fresh_database):
    Log(fresh_database).append(late(3, 2), late(4, 1))
    catch_up(fresh_database)
    with a_ledger(fresh_database, date(2026, 5, 4)) as ledger:
        registry = Registry(ledger)
        for number in (3, 4, 5):
            registry.register(f"B-{number}", somebody(number), on=ON, cause=CAUSE)
        registry.join("B-5", "L-0004", Role.CO_BORROWER, on=date(2026, 4, 1), cause=CAUSE)
        registry.join("B-3", "L-0004", Role.GUARANTOR, on=date(2026, 5, 2), cause=CAUSE)
        yield registry


def test_the_register_says_who_is_told_and_each_reading_is_noted(cartera, registry, tmp_path):
    lender, path = tmp_path / "lender.yaml", tmp_path / "april"
    lender.write_text("{buro: {key: ZZ12340001, name: Uno}, products: {'': {buro: PL}}}")
    order = ["bureau", "write", "buro-intf", "--cut-off", "2026-04-30", "--to", path,
             "--lender", lender, "--json"]  # fmt: skip

    told = cartera(*order)

    assert (told.code, told.json["records"]) == (0, 3), told.err
    assert list(buro_intf.check(path)) == []
    lines = path.read_text("latin-1").splitlines()[1:-1]
    assert [(field(one, "04"), field(one, "05")) for one in lines] == [
        ("L-0003", "I"), ("L-0004", "I"), ("L-0004", "J"),
    ]  # fmt: skip
    assert "PA23AV INSURGENTES SUR 1602" in lines[0]
    archive = Archive(registry.store, registry.vault)
    assert [one.what for one in archive.readings("B-5")] == ["bureau file"]

    registry.forget("B-3", Ground.REQUEST, cause=CAUSE)
    again = cartera(*order)
    assert (again.code, again.json["records"], again.json["unsendable"]) == (1, 2, 1)
    assert (
        "L-0003,B-3,borrower,borrower,is not known"
        in (tmp_path / "april.unsendable.csv").read_text()
    )
