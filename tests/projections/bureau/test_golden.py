"""The files of the small portfolio, byte by byte; docs/bureau.md explains them line by line.

`CARTERA_GOLDEN=write pytest tests/projections/bureau/test_golden.py` writes them anew.
"""

import os
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from projections.bureau import gather
from projections.bureau import write as writing
from projections.bureau.desk import Hands
from projections.bureau.formats.registry import FORMATS
from projections.bureau.validators.registry import CHECKS, kind_of
from projections.bureau.write import write
from tests.projections.bureau.portfolio import Known, consumers, in_texas

GOLDEN = Path(__file__).parents[2] / "golden" / "bureau"


def people(form):
    return Known(in_texas(consumers()) if form == "metro2" else consumers())


@pytest.mark.parametrize("form", FORMATS)
def test_the_portfolio_gives_the_golden_file_twice_and_no_finding(book, job, tmp_path, form):
    first, again = tmp_path / "first", tmp_path / "again"
    write(book, job(form), people(form), first)
    written = write(book, job(form), people(form), again)

    assert first.read_bytes() == again.read_bytes()
    assert list(CHECKS[form](first)) == []
    assert kind_of(first) == form
    listed = Path(written.unsendable_list)
    for made, golden in ((first, GOLDEN / form), (listed, GOLDEN / f"{form}.unsendable.csv")):
        if os.environ.get("CARTERA_GOLDEN") == "write":
            golden.write_bytes(made.read_bytes())
        assert made.read_bytes() == golden.read_bytes()
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        "again", "again.unsendable.csv", "first", "first.unsendable.csv",
    ]  # fmt: skip


@contextmanager
def everybody(form):
    yield people(form)


@pytest.mark.parametrize("form", ["buro-intf", "buro-companies"])
def test_several_processes_write_the_same_bytes(book, job, tmp_path, form, database, monkeypatch):
    monkeypatch.setattr(writing, "ALONE", 0)
    monkeypatch.setattr(gather, "PAGE", 4)
    hands = Hands(settings=database, people=partial(everybody, form), processes=2)
    told = []

    written = write(book, job(form), people(form), tmp_path / "made",
                    lambda done, whole: told.append((done, whole)), hands)  # fmt: skip

    assert (tmp_path / "made").read_bytes() == (GOLDEN / form).read_bytes()
    assert (
        Path(written.unsendable_list).read_bytes()
        == (GOLDEN / f"{form}.unsendable.csv").read_bytes()
    )
    assert told[-1] == (25, 25)
    assert len(told) > 5


def test_every_format_has_its_reader():
    assert set(FORMATS) == set(CHECKS)
