"""Real commands killed at random instants, over and over, and the same ones left in peace.

CARTERA_KILLS says how often (3; by hand 50), CARTERA_KILL_SEED which instants.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

KILLS = int(os.environ.get("CARTERA_KILLS", "3"))
SEED = int(os.environ.get("CARTERA_KILL_SEED", "1"))
IN_A_ROW = 3  # then a step may end: what is killed before its first batch for ever never does
PATIENCE = 240


def started(settings, words):
    """The command in a process group of its own."""
    return subprocess.Popen(
        [Path(sys.executable).with_name("cartera"), *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=os.environ | settings.environment(),
        start_new_session=True,
    )


def run(settings, words):
    """The command in peace; answers how long it took."""
    begun = time.monotonic()
    _, told = started(settings, words).communicate(timeout=PATIENCE)
    assert told == b"", told.decode()
    return time.monotonic() - begun


def killed(settings, words, chance, longest, most):
    """The command killed up to ``most`` times and begun again until it ends; answers how often."""
    for kills in range(most + 1):
        process = started(settings, words)
        patience = PATIENCE if kills == most else chance.uniform(0, longest)
        try:
            _, told = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            if kills == most:
                raise
            kill(process, chance)
            continue
        assert process.returncode == 0, told.decode()
        return kills
    raise AssertionError("unreachable")


def kill(process, chance):
    """The machine goes, or only the command and not what it began."""
    if chance.random() < 0.5:
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.send_signal(signal.SIGKILL)
    process.wait(10)
    process.stderr.close()


def disturb(settings, peaceful, step):
    """Steps ``step(0)``, ``step(1)``, ... killed on one database, then left in peace on the other.

    As many as it takes for all kills to fall.
    """
    chance = random.Random(SEED)
    print(f"CARTERA_KILLS={KILLS} CARTERA_KILL_SEED={SEED}")
    longest = run(peaceful, step(0))
    kills = steps = 0
    while kills < KILLS:
        assert steps < 20 * KILLS, f"{kills} kills in {steps} steps: they end before they are hit"
        kills += killed(settings, step(steps), chance, longest, min(IN_A_ROW, KILLS - kills))
        steps += 1
    for nth in range(1, steps):
        run(peaceful, step(nth))
    return steps
