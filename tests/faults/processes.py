"""Real processes to be killed, and how to wait for what they do."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

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
