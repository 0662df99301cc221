"""What reaches a bureau's file, what does not, and that it is as the ledger has it."""

import pytest

from ledger import database as db
from projections.bureau.write import Job, write
from projections.bureau.validators import buro_intf, circulo, metro2
from tests.projections.bureau.portfolio import (
    CUT_OFF,
    Known,
    consumers,
    lender,
    portfolio,
    in_texas,
)
from tests.projections.stories import Log, catch_up


@pytest.fixture
def pool(fresh_database):
    with db.pool(fresh_database, min_size=2, max_size=4) as pool:
        yield pool


def job(form, **changes):
    given = {
        "form": form,
        "cut_off": CUT_OFF,
        "today": CUT_OFF,
        "lender": lender(),
        "lender_bytes": b"",
        "actor": "tests",
    }
    return Job(**(given | changes))


def test_try(fresh_database, pool, tmp_path):
    Log(fresh_database).append(*portfolio().values())
    catch_up(fresh_database)
    for form, check in (
        ("buro-intf", buro_intf.check),
        ("circulo-xml", circulo.check_xml),
        ("circulo-delimited", circulo.check_delimited),
        ("metro2", metro2.check),
    ):
        out = tmp_path / form
        who = in_texas(consumers()) if form == "metro2" else consumers()
        print(write(pool, job(form), Known(who), out))
        if form != "buro-intf":
            print(out.read_text("latin-1")[:6000])
        print((tmp_path / f"{form}.unsendable.csv").read_text())
        found = list(check(out))
        for f in found:
            print(f)
    assert 0
