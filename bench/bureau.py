"""How fast do tradelines become a bureau's file, and is it read back? Against copying its bytes."""

import resource
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from msgspec import structs

from bench.project import FIRST_DAY, book, store
from bench.report import BenchResult, result, scratch
from domain.borrower.address import Address
from domain.borrower.person import Employment, Sex
from domain.terms import Frequency, Method
from ledger import database, state
from projections import engine
from projections.bureau.consumer import Consumer, Joined
from projections.bureau.desk import Job
from projections.bureau.formats.registry import format_of
from projections.bureau.lender import Lender, Member, ProductCodes, Reporter
from projections.bureau.reported import Report, Totals
from projections.bureau.tradeline import Tradeline
from projections.bureau.validators.registry import CHECKS
from projections.bureau.write import write

CUT_OFF = date(2026, 4, 30)
LENDER = Lender(
    buro=Member(key="ZZ12340001", name="Bench"),
    circulo=Member(key="0000123456", name="Bench"),
    metro2=Reporter(name="Bench", address="1 Main St", phone="9155550100", identification="B1"),
    products={"": ProductCodes(buro="PL", circulo="PP", metro2="01")},
)
BLOCK = 1 << 20
OTHERS = ("buro-csv", "circulo-xml", "metro2")


def person(number: int, *, texan: bool = False) -> Consumer:
    """Somebody, another one for each number."""
    born_on = date(1960, 1, 1) + timedelta(days=number % 15_000)
    address = Address(
        street=f"Av. Insurgentes Sur No. {number}", neighbourhood=f"Colonia {number % 997}",
        municipality="Benito Juárez", city="Ciudad de México", state="TX" if texan else "CMX",
        postal_code="79901" if texan else "03100", country="US" if texan else "MX",
    )  # fmt: skip
    return Consumer(
        reference=f"B-{number}", paternal=f"García{'ABCDEFGHIJ'[number % 10]}",
        maternal=f"Muñoz{'ABCDEFGHIJ'[number // 10 % 10]}", first_name="María", second_name="José",
        born_on=born_on, rfc=f"GAMM{born_on:%y%m%d}AB{number % 10}", sex=Sex.FEMALE,
        nationality="MX", addresses=(address,), phones=(f"55{number:08}",),
        employment=Employment(employer="Trabajador independiente"),
    )  # fmt: skip


def tradelines(count: int) -> Iterator[Tradeline]:
    """Loans on time and late, running and closed."""
    plain = Tradeline(
        loan_no="", borrower="", on=CUT_OFF, currency="MXN", product="personal", status="active",
        method=Method.EQUAL_INSTALMENTS, frequency=Frequency.MONTHLY, every=1, instalments=12,
        opened_on=date(2026, 1, 15), maturity_on=date(2027, 1, 15), approved=10_000_00,
        disbursed=10_000_00, highest=10_000_00, instalment=1_042_17, balance=7_924_33,
        principal=7_789_10, last_paid_on=date(2026, 4, 15), last_paid=1_060_00,
    )  # fmt: skip
    late = structs.replace(
        plain, past_due=2_218_54, missed=2, days_past_due=46, balance=10_201_77,
        first_default_on=date(2026, 3, 15), late_since=date(2026, 3, 15), principal=9_300_00,
        last_paid_on=date(2026, 2, 15),
    )  # fmt: skip
    closed = structs.replace(
        plain, status="closed", closed_on=date(2026, 4, 15), closed_for="paid", balance=0,
        principal=0,
    )  # fmt: skip
    for number in range(count):
        kind = late if number % 6 == 0 else closed if number % 20 == 0 else plain
        yield structs.replace(kind, loan_no=f"L-{number:09}", borrower=f"B-{number}")


def written(name: str, path: Path, count: int) -> Totals:
    """The file of so many tradelines."""
    form, totals = format_of(name)(LENDER), Totals()
    with path.open("w", encoding=form.encoding, newline="") as out:
        out.write(form.begin(CUT_OFF, correction=False))
        for number, line in enumerate(tradelines(count)):
            made = form.record(Report(line=line, person=person(number, texan=name == "metro2")))
            assert not isinstance(made, list), made
            out.write(totals.add(made))
        out.write(form.end(totals))
    return totals


def checked(name: str, path: Path) -> int:
    """How many findings the file has: none."""
    found = sum(1 for _ in CHECKS[name](path))
    assert found == 0, next(CHECKS[name](path))
    return found


def run(quick: bool = False) -> BenchResult:
    """Tradelines per second into an INTF file and back through its validator."""
    count = 25_000 if quick else 250_000
    with TemporaryDirectory(prefix="cartera-bench-") as folder, ExitStack() as stack:
        path = Path(folder) / "intf"
        written("buro-intf", path, 1_000)  # tables and imports are there
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        processor = time.process_time()
        writing = _seconds(lambda: written("buro-intf", path, count))
        checking = _seconds(lambda: checked("buro-intf", path))
        processor = time.process_time() - processor
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        copying = _seconds(lambda: _copied(path, Path(folder) / "copy"))
        others = {
            "seconds written": writing,
            "seconds validated": checking,
            "seconds of one processor for 250,000": processor * 250_000 / count,
            "memory it grew by, MB": (after - before) / 1024,
            "MB in the file": path.stat().st_size / 2**20,
        }
        for name in OTHERS:
            few = count // 10
            took = _seconds(lambda name=name, few=few: written(name, path, few))  # type: ignore[misc]
            took += _seconds(lambda name=name: checked(name, path))  # type: ignore[misc]
            others[f"{name}, tradelines/s written and validated"] = few / took
        others["loans/s from the log to a draft and its file"] = _from_the_log(
            stack, Path(folder), *((500, 45) if quick else (5_000, 60))
        )
    return result(
        "bureau",
        "tradelines/s",
        ours=count / (writing + checking),
        limit=count / copying,
        others=others,
        work=f"{count:,} tradelines written as INTF and read back by its validator; limit: the"
        " same bytes copied and read",
    )


class _Everybody:
    """Knows anybody, as a lender's own register would."""

    def known(self, references: Iterable[str]) -> Mapping[str, Consumer]:
        return {one: person(int(one.rpartition("-")[2])) for one in references}

    def joined(self, loans: Iterable[str], on: date) -> Joined:
        return {}


def _from_the_log(stack: ExitStack, folder: Path, loans: int, days: int) -> float:
    """Loans a second folded from their events, kept as a draft and written."""
    settings = stack.enter_context(scratch())
    rows = ((*row[:7], _owned(row[7], number)) for number, row in enumerate(book(loans, days)))
    store(settings, rows)
    cut_off = FIRST_DAY + timedelta(days=days)
    with database.pool(settings, min_size=2, max_size=3) as pool:
        with pool.connection() as connection:
            state.rebuild(connection)
        engine.catch_up(pool)
        job = Job(form="buro-intf", cut_off=cut_off, today=cut_off, lender=LENDER,
                  lender_bytes=b"", actor="bench")  # fmt: skip
        started = time.perf_counter()
        made = write(pool, job, _Everybody(), folder / "from-the-log")
    return made.records / (time.perf_counter() - started)


def _owned(text: str, number: int) -> str:
    """The opening of a loan with a borrower."""
    return text.replace('"loan_no":', f'"borrower":"B-{number}","loan_no":', 1)


def _copied(path: Path, to: Path) -> None:
    for source, target in ((path, to), (to, None)):
        with source.open("rb") as read, ExitStack() as stack:
            write_to = stack.enter_context(target.open("wb")) if target else None
            while block := read.read(BLOCK):
                if write_to is not None:
                    write_to.write(block)


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
