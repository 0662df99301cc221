"""Real processes to be killed, and how to wait for what they do."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from ledger import jobs


@contextmanager
def worker(settings):
    """A worker process on these servers; killed at the end if it still lives."""
    process = subprocess.Popen(
        [sys.executable, "-m", "workers"], env=os.environ | settings.environment()
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(10)


def until(condition, seconds=60.0):
    """What ``condition`` answers once that is true."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)
    return found


def ended(process):
    return process.wait(30)


def kill(process):
    """As the machine would: no handler runs, nothing is flushed."""
    process.send_signal(signal.SIGKILL)
    process.wait(10)


def finish(app, settings, job):
    """A second worker takes the job up and ends it."""
    with worker(settings):
        done = until(lambda: (kept := jobs.find(app, job.id)).state == "done" and kept, 120)
    assert done.attempts == 2


def embedded(settings):
    return settings.model_copy(update={"database_url": None, "redis_url": None})


def crash(settings, number=signal.SIGQUIT):
    """The whole server dies as in a power cut; its next start recovers from the log.

    With SIGKILL only the parent dies at once, and its children as they find out.
    """
    lock = settings.var_dir / "postgres" / "postmaster.pid"
    pid = int(lock.read_text().splitlines()[0])
    os.kill(pid, number)
    until(lambda: not lock.exists() or not alive(pid))


def alive(pid):
    """Whether a process runs: a dead one that nobody buried does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
