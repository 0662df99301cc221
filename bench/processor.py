"""How long did processors work, in Python and in PostgreSQL? It hardly depends on other work."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from ledger import database
from ledger.settings import Settings

TICKS = os.sysconf("SC_CLK_TCK")


class Worked(NamedTuple):
    """Seconds: passed, of this process, and of the server (0 where it is on another machine)."""

    passed: float
    python: float
    server: float

    @property
    def processors(self) -> float:
        """Seconds of processors, of Python and PostgreSQL together."""
        return self.python + self.server


def worked(settings: Settings, work: Callable[[], Any]) -> tuple[Worked, Any]:
    """What ``work`` took, and what came of it."""
    postmaster = _postmaster(settings)
    before = _now(postmaster)
    found = work()
    return Worked(*(b - a for a, b in zip(before, _now(postmaster), strict=True))), found


def _now(postmaster: int | None) -> tuple[float, float, float]:
    server = _server(postmaster) if postmaster else 0.0
    return time.perf_counter(), time.process_time(), server


def _postmaster(settings: Settings) -> int | None:
    """The server's first process, where its data is here to be seen."""
    with database.connect(settings, owner=True) as owner:
        [[data]] = owner.execute("SHOW data_directory").fetchall()
    file = Path(data) / "postmaster.pid"
    return int(file.read_text().split()[0]) if os.access(file, os.R_OK) else None


def _server(postmaster: int) -> float:
    """Seconds that its processes worked, those that ended among them."""
    ticks = 0
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            fields = (process / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:  # it ended meanwhile
            continue
        if int(process.name) == postmaster:
            ticks += sum(map(int, fields[11:15]))
        elif int(fields[1]) == postmaster:
            ticks += sum(map(int, fields[11:13]))
    return ticks / TICKS
