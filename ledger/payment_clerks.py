"""Several processes land one large payment file: each the lines of its own loans, in file order.

A clerk works by `payment_batch`, as this process would. One that ends early (killed, out of memory)
leaves nothing half-done: its lines are landed here, where those it brought home already repeat.
"""

import gc
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from types import TracebackType
from typing import Self, TypeAlias, TypeVar
from zlib import crc32

import msgspec

from ledger.application import Ledger
from ledger.bank_line import BankLine, reference_key
from ledger.csv_lines import Reject
from ledger.database import connect
from ledger.indices import PublishedIndices
from ledger.orders import Cause
from ledger.payment_batch import land_together
from ledger.payment_landing import Landed, Landing
from ledger.servers import postgres_url
from ledger.settings import Settings

AT_WORK = 8400000003  # advisory lock: shared by the clerks, so that no import begins beside one
LARGE_BYTES = 500_000
AHEAD = 2  # batches given out before the first is asked back

Result: TypeAlias = Landed | Reject
Message = TypeVar("Message")


class Instructions(msgspec.Struct, frozen=True):
    """What a clerk is told first."""

    settings: str
    source: str
    cause: Cause


def clerks_for(ledger: Ledger, size: int) -> int:
    """How many processes land a file of ``size`` bytes besides this one; 0: this one alone."""
    if not isinstance(ledger.indices, PublishedIndices):  # given: only this process knows them
        return 0
    asked = ledger.settings.import_processes
    if asked is not None:
        return asked
    cores = os.cpu_count() or 1
    return cores if size >= LARGE_BYTES and cores > 1 else 0


class Clerk:
    """One process, and the wire to it."""

    def __init__(self, landing: Landing) -> None:
        self.landing = landing
        settings = landing.ledger.settings
        settings = settings.model_copy(update={"database_url": postgres_url(settings)})
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "ledger.payment_clerks", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=2,
            )
        self.wire = Wire(ours)
        self.hand = ThreadPoolExecutor(1, thread_name_prefix="clerk")
        told = Instructions(settings.model_dump_json(), landing.source, landing.cause)
        with suppress(OSError):  # gone already: `_land` will notice
            self.wire.send(told)

    def land(self, lines: Sequence[BankLine]) -> "Future[list[Result]]":
        """Where the lines went, once the clerk says so."""
        return self.hand.submit(self._land, lines)

    def _land(self, lines: Sequence[BankLine]) -> list[Result]:
        try:
            self.wire.send(lines)
            return self.wire.receive(list[Result])
        except (OSError, EOFError):
            return land_together(self.landing, lines)

    def close(self) -> None:
        """Let it finish what it has, and go."""
        self.hand.shutdown(cancel_futures=True)
        self.wire.close()
        self.process.wait()


class Clerks:
    """Some clerks at one file; with none of them this process does the work."""

    def __init__(self, landing: Landing, count: int) -> None:
        self.landing = landing
        self.count = count

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.clerks = [
                stack.enter_context(closing(Clerk(self.landing))) for _ in range(self.count)
            ]
            self.leave = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leave.close()

    def landed(self, batches: Iterable[Sequence[BankLine | Reject]]) -> Iterator[Sequence[Result]]:
        """Each batch's results, in the order of its lines."""
        given: deque[Given] = deque()
        for batch in batches:
            if not self.clerks:
                yield land_together(self.landing, batch)
                continue
            given.append(self._give(batch))
            if len(given) > AHEAD:
                yield given.popleft().results()
        while given:
            yield given.popleft().results()

    def _give(self, batch: Sequence[BankLine | Reject]) -> "Given":
        places: list[list[int]] = [[] for _ in self.clerks]
        for n, line in enumerate(batch):
            if isinstance(line, BankLine):
                loan = crc32(reference_key(line.reference).encode())
                places[loan % len(places)].append(n)
        return Given(
            batch,
            [
                (mine, clerk.land([line for n in mine if isinstance(line := batch[n], BankLine)]))
                for clerk, mine in zip(self.clerks, places, strict=True)
                if mine
            ],
        )


class Given(msgspec.Struct):
    """A batch that clerks are at: who has the lines of which places."""

    batch: Sequence[BankLine | Reject]
    parts: list[tuple[list[int], "Future[list[Result]]"]]

    def results(self) -> Sequence[Result]:
        """Once all are back."""
        found: dict[int, Result] = {}
        for places, future in self.parts:
            found |= zip(places, future.result(), strict=True)
        return [line if isinstance(line, Reject) else found[n] for n, line in enumerate(self.batch)]


class Wire:
    """Messages over a socket, each behind its length."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self.file = end.makefile("rwb")

    def send(self, message: object) -> None:
        body = msgspec.msgpack.encode(message)
        self.file.write(len(body).to_bytes(4, "big") + body)
        self.file.flush()

    def receive(self, kind: type[Message]) -> Message:
        """Errors: ``EOFError`` where the other end is gone."""
        size = int.from_bytes(self._exactly(4), "big")
        return msgspec.msgpack.decode(self._exactly(size), type=kind)

    def _exactly(self, size: int) -> bytes:
        body = self.file.read(size)
        if len(body) < size:
            raise EOFError
        return body

    def close(self) -> None:
        with suppress(ConnectionError):  # the other end went first
            self.file.close()
        self.end.close()


def clerk(wire: Wire) -> None:
    """Land what comes over the wire until its other end is closed; the process is this one's."""
    told = wire.receive(Instructions)
    settings = Settings.model_validate_json(told.settings)
    with Ledger(settings) as ledger, closing(connect(settings, autocommit=True)) as here:
        here.execute("SELECT pg_advisory_lock_shared(%s)", [AT_WORK])
        landing = Landing(ledger, told.source, told.cause)
        gc.freeze()  # what lives as long as the process
        gc.disable()  # between batches, where little is alive, it costs least
        with suppress(EOFError, ConnectionError):
            while True:
                wire.send(land_together(landing, wire.receive(list[BankLine])))
                gc.collect()


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the import decides when it is over
    with closing(Wire(socket.socket(fileno=int(sys.argv[1])))) as parent:
        clerk(parent)
