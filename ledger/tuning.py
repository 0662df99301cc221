"""How PostgreSQL is set for this book on a machine of a given size: embedded, or a server's own."""

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, TypeAlias

Chosen: TypeAlias = dict[str, str | int | float]


class Machine(NamedTuple):
    """What a server has: memory, processors, and room on the disk of its data."""

    memory_mb: int
    cores: int
    disk_mb: int


def this_machine(data: Path) -> Machine:
    """The machine we run on, or what its container allows."""
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with suppress(OSError, ValueError):
        memory = min(memory, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    there = next(path for path in (data, *data.resolve().parents) if path.exists())
    return Machine(memory // 2**20, os.cpu_count() or 1, shutil.disk_usage(there).free // 2**20)


def settings(machine: Machine, *, alone: bool, replicated: bool) -> Chosen:
    """What differs from PostgreSQL's own defaults, and the two that must never.

    ``alone``: nothing but the server runs on the machine. ``replicated``: replicas follow it.
    """
    memory, cores = machine.memory_mb, machine.cores
    wal = _within(256, machine.disk_mb // 8, 8_192)
    return {
        "fsync": "on",  # it keeps money
        "synchronous_commit": "on",
        "shared_buffers": _mb(_within(64, memory // (4 if alone else 6), 16_384)),
        "effective_cache_size": _mb(memory * 3 // 4 if alone else memory // 2),
        "work_mem": _mb(_within(8, memory // 256, 64)),
        "maintenance_work_mem": _mb(_within(64, memory // 16, 1_024)),
        "max_connections": 200,
        "max_locks_per_transaction": 256,  # a statement locks each partition that it may touch
        "wal_level": "replica" if replicated else "minimal",  # minimal: COPY into new tables, bare
        "max_wal_senders": 10 if replicated else 0,
        "wal_compression": "off",  # pglz takes longer than the work whose pages it would shrink
        "wal_buffers": "64MB" if memory >= 4_096 else "16MB",
        "max_wal_size": _mb(wal),  # a close ends between two checkpoints: few whole pages in it
        "min_wal_size": _mb(max(80, wal // 8)),
        "checkpoint_timeout": "15min",
        "checkpoint_completion_target": 0.9,
        "random_page_cost": 1.1,
        "jit": "off",  # statements are short
        "autovacuum_max_workers": _within(2, cores, 6),
        "autovacuum_vacuum_cost_limit": 2_000,  # a close rewrites a row of each loan
        "idle_in_transaction_session_timeout": "15min",  # it would hold readers of the log back
        **({"hot_standby_feedback": "on"} if replicated else {}),
        "timezone": "'UTC'",
    }


def as_conf(chosen: Chosen) -> str:
    """Lines of a `postgresql.conf`."""
    return "".join(f"{name} = {value}\n" for name, value in chosen.items())


def _within(least: int, wanted: int, most: int) -> int:
    return max(least, min(wanted, most))


def _mb(size: int) -> str:
    return f"{size}MB"
