"""The schedule: which principal and interest falls due on which date."""

from collections.abc import Iterator, Sequence
from datetime import date
from itertools import islice, pairwise
from typing import NamedTuple

from msgspec import structs

from domain.calendar import due_dates
from domain.errors import InvalidTerms
from domain.events import DOWN_PAYMENTS, Instalment, PlannedRow
from domain.level import LEVEL_METHODS, growths, level_instalment
from domain.limits import MAX_AMOUNT
from domain.money import MILLION, divide, share
from domain.period import Period, period_interest, rounded_interest, whole_periods
from domain.terms import (
    FittedTo,
    InstalmentRule,
    LastInstalment,
    Level,
    LevelRounding,
    Method,
    PeriodCharge,
    RateStep,
    Terms,
)

TRIES = 3
"""How often the level instalment may move so that the last one comes nearer to it."""


class Opening(NamedTuple):
    """What the first period already holds when a schedule is fitted in the middle of it.

    ``numerator`` is the exact interest (see ``exact_interest``) that ran before ``since``;
    ``brought`` and ``brought_tax`` were earned in earlier periods and fall due with this one.
    """

    since: date
    numerator: int = 0
    brought: int = 0
    brought_tax: int = 0


class Place(NamedTuple):
    """Where rows stand in a loan: the ``first`` one's number, how many of the same terms lie before
    (``done``), the amount (``base``) that flat interest and charges are a share of, and the
    principal of each row that is paid in advance (``ahead``): it bears no interest day by day.
    ``billed`` is the principal of the first row of a line whose statement is cut.
    """

    first: int
    done: int
    base: int
    ahead: tuple[int, ...] = ()
    billed: int | None = None


def schedule(terms: Terms, principal: int, disbursed_on: date) -> tuple[Instalment, ...]:
    """The instalments that repay ``principal`` (minor units), disbursed on ``disbursed_on``.

    The last instalment takes whatever principal rounding left, so principal always sums to the
    amount. Tax comes on top of interest. A down payment is the first instalment, due at once.
    Errors: ``InvalidTerms`` where an instalment would not cover its interest, or all of them
    would sum to more than the ledger holds.
    """
    down = down_payment(terms, principal, disbursed_on)
    financed = principal - sum(row.principal for row in down)
    periods = list(pairwise((disbursed_on, *due_dates(terms, disbursed_on))))
    level = approved_level(terms, disbursed_on)
    place = Place(1 + len(down), 0, financed)
    rows = fitted(terms, financed, periods, place, disbursed_on, level=level)
    check_sum(rows)
    return (*down, *rows)


def approved_level(terms: Terms, disbursed_on: date) -> int | None:
    """The instalment that repays all that was approved, were it paid out on the first day.

    None where the terms fit instalments to what is paid out.
    """
    if terms.fitted_to is FittedTo.DISBURSED:
        return None
    financed = terms.principal - share(terms.principal, terms.down_payment_rate, terms.rounding)
    periods = list(pairwise((disbursed_on, *due_dates(terms, disbursed_on))))
    return level_in(terms, amortize(terms, financed, periods, Place(1, 0, financed)))


def level_in(terms: Terms, rows: Sequence[Instalment]) -> int:
    """What the last but one of the rows, all fitted to one level, asks for as its own."""
    row = rows[-2] if len(rows) > 1 else rows[-1]
    brought, brought_tax = 0, 0
    if len(rows) > 2:
        brought, brought_tax = rows[-3].deferred, rows[-3].deferred_tax
    own, own_tax = row.interest + row.deferred - brought, row.tax + row.deferred_tax - brought_tax
    return terms.level_of(row.principal, own, own_tax) or 0


def down_payment(
    terms: Terms, principal: int, on: date, *, apart: int = 0
) -> tuple[Instalment, ...]:
    """The row of the down payment, due the day of the disbursement; nothing where none is asked.

    That of a later tranche stands ``apart`` from the schedule, by the tranche's number.
    """
    amount = share(principal, terms.down_payment_rate, terms.rounding)
    if not amount:
        return ()
    number = DOWN_PAYMENTS + apart if apart else 1
    return (Instalment(number=number, start_on=on, due_on=on, principal=amount, interest=0),)


def check_sum(rows: Sequence[Instalment]) -> None:
    """Refuse a schedule that sums to more than the ledger holds."""
    if sum(max(row.principal, 0) + row.interest + row.tax + row.fee for row in rows) > MAX_AMOUNT:
        raise InvalidTerms("the schedule sums to more than the ledger holds", "principal")


def fitted(
    terms: Terms,
    principal: int,
    periods: Sequence[Period],
    place: Place,
    on: date,
    opening: Opening | None = None,
    level: int | None = None,
) -> tuple[Instalment, ...]:
    """The rows that repay ``principal`` from ``on``, fitted anew at each later step of the rate.

    A given ``level`` is kept and the term shortens instead; where instalments are fitted to what
    was approved, rows that find nothing to repay stay for what is still to be paid out.
    """
    rows = amortize(_known(terms, on), principal, periods, place, opening, level)
    for step in terms.rate_steps:
        at = next((n for n, row in enumerate(rows) if row.due_on > step.from_on), None)
        if step.from_on <= on or at is None:
            continue
        kept = rows[:at]
        left = principal - sum(row.principal for row in kept)
        rows = kept + amortize(
            _known(terms, step.from_on),
            left,
            periods[at:],
            _later(place, at),
            _brought(kept, periods[at][0]) if kept else opening,
            level,
        )
    return rows


def _later(place: Place, rows: int) -> Place:
    """So many rows on."""
    if not rows:
        return place
    return Place(place.first + rows, place.done + rows, place.base, place.ahead[rows:])


def _known(terms: Terms, on: date) -> Terms:
    """The terms as if the rate of ``on`` held for ever: what an instalment is fitted to."""
    steps: tuple[RateStep, ...] = tuple(step for step in terms.rate_steps if step.from_on <= on)
    return terms if steps == terms.rate_steps else structs.replace(terms, rate_steps=steps)


def amortize(
    terms: Terms,
    principal: int,
    periods: Sequence[Period],
    place: Place,
    opening: Opening | None = None,
    level: int | None = None,
) -> tuple[Instalment, ...]:
    """The rows that repay ``principal`` (minor units) over ``periods``.

    Errors: ``InvalidTerms`` where a row would not cover its interest.
    """
    if level is not None:
        ends = terms.fitted_to is FittedTo.DISBURSED
        return tuple(_rows(terms, principal, periods, place, opening, level, shortens=ends))
    if terms.method not in LEVEL_METHODS:
        return tuple(_rows(terms, principal, periods, place, opening, 0))
    asked = min(max(terms.grace.principal_periods - place.done, 0), len(periods) - 1)
    owed = principal
    if terms.grace.capitalise:
        grown = islice(_rows(terms, principal, periods, place, opening, 0), asked)
        owed -= sum(row.principal for row in grown)
    rest = periods[asked:]
    free = terms.grace.interest_free_periods - place.done - asked
    at_once = rest[0][0] == rest[0][1]
    chosen = level_instalment(terms, owed, rest, max(free, at_once), _repaying(terms, place))
    rows = tuple(_rows(terms, principal, periods, place, opening, chosen))
    if terms.last_instalment is LastInstalment.LEVELLED:
        return _levelled(terms, principal, periods, place, opening, chosen, rows, len(rest))
    return rows


def _repaying(terms: Terms, place: Place) -> int:
    """How many instalments before these repaid principal."""
    return max(place.done - terms.grace.principal_periods, 0)


def _levelled(
    terms: Terms,
    principal: int,
    periods: Sequence[Period],
    place: Place,
    opening: Opening | None,
    level: int,
    rows: tuple[Instalment, ...],
    fitted_rows: int,
) -> tuple[Instalment, ...]:
    """The rows with the level instalment moved by cents, while that brings the last one nearer.

    A difference of no more than half a cent for each row is left alone.
    """
    for _ in range(TRIES):
        apart = _apart(terms, place, rows, level)
        moved = level + divide(apart, fitted_rows * terms.instalment_multiple, terms.rounding) * (
            terms.instalment_multiple
        )
        if fitted_rows < 2 or abs(apart) <= fitted_rows // 2 or moved == level:
            break
        try:
            tried = tuple(_rows(terms, principal, periods, place, opening, moved))
        except InvalidTerms:  # so much less does not cover its interest: it stays as it was
            break
        if abs(_apart(terms, place, tried, moved)) >= abs(apart):
            break
        level, rows = moved, tried
    return rows


def _apart(terms: Terms, place: Place, rows: Sequence[Instalment], level: int) -> int:
    """How much more the last instalment asks for than the level one, beside a balloon."""
    last = rows[-1]
    asks = last.principal + last.interest + (last.tax if terms.level is Level.WITH_TAX else 0)
    if len(rows) > 1 and rows[-2].deferred:
        asks -= rows[-2].deferred
        asks -= rows[-2].deferred_tax if terms.level is Level.WITH_TAX else 0
    asked = max(terms.grace.principal_periods - place.done, 0)
    level = _graduated(terms, level, _repaying(terms, place), len(rows) - 1 - asked)
    return asks - level - min(terms.balloon, sum(row.principal for row in rows))


def _rows(
    terms: Terms,
    principal: int,
    periods: Sequence[Period],
    place: Place,
    opening: Opening | None,
    level: int,
    *,
    shortens: bool = False,
) -> Iterator[Instalment]:
    grace, last = terms.grace, len(periods) - 1
    unpaid, unasked = (
        grace.principal_periods - place.done,
        grace.interest_payment_periods - place.done,
    )
    free = grace.interest_free_periods - place.done
    strict = opening is None and not place.done  # a running loan goes on: it only asks for more
    balance, even, before = principal, 0, _repaying(terms, place)
    ahead = (*place.ahead, *([0] * (len(periods) - len(place.ahead))))
    later = sum(ahead)
    brought, brought_tax = (opening.brought, opening.brought_tax) if opening else (0, 0)
    earns = terms.method is not Method.DISCOUNT
    flat, fixed, interest_over = (
        terms.method is Method.FLAT,
        terms.fixed_per_period,
        whole_periods(terms),
    )
    keeps = terms.instalment is InstalmentRule.KEEPS_TOTAL
    within = (brought, brought_tax) if keeps and place.done > max(unpaid, unasked) else (0, 0)
    for index, period in enumerate(periods):
        own = 0
        if index >= free and earns:
            bears = place.base if flat else balance if fixed else balance - later
            if index == 0 and opening is not None:
                own = period_interest(terms, bears, period, opening.since, opening.numerator)
            else:
                own = interest_over(bears, period)
        elif index == 0 and opening is not None and earns:
            own = rounded_interest(terms, opening.numerator, period)  # ran before it became free
        own_tax = share(own, terms.tax_rate, terms.rounding)
        if index == max(unpaid, 0):
            even = _even_part(terms, balance, len(periods) - index)
        interest, tax = own + brought, own_tax + brought_tax
        brought = brought_tax = 0
        if index < unasked and index != last and grace.capitalise:
            repaid = -(interest + tax)
        elif index == last:
            repaid = balance
        elif index == 0 and place.billed is not None:
            repaid = min(place.billed, balance)
        elif index < unpaid:
            repaid = 0
        else:
            repaid = _principal_of(
                terms,
                balance,
                own + within[0],
                own_tax + within[1],
                _graduated(terms, level, before, index - max(unpaid, 0)),
                even,
                place.done + index,
            )
            if repaid < 0 and strict:
                raise _short(place.first + index, repaid + own, own)
            repaid = max(repaid, 0)
        within = (0, 0)
        later -= ahead[index]
        if place.ahead and repaid >= 0:
            repaid = max(0 if keeps else ahead[index], min(repaid, balance - later))
        if index < unasked and index != last and not grace.capitalise:
            brought, brought_tax, interest, tax = interest, tax, 0, 0
        fee, fee_tax = (
            period_charges(terms, place.base, balance, repaid) if terms.period_charges else (0, 0)
        )
        balance -= repaid
        yield Instalment(
            number=place.first + index,
            start_on=period[0],
            due_on=period[1],
            principal=repaid,
            interest=interest,
            tax=tax,
            fee=fee,
            fee_tax=fee_tax,
            deferred=brought,
            deferred_tax=brought_tax,
        )
        if shortens and not balance:
            return
    if balance:
        raise AssertionError(f"schedule repays {principal - balance} of {principal}")


def _short(number: int, instalment: int, interest: int) -> InvalidTerms:
    return InvalidTerms(
        f"instalment {number} ({{instalment}}) does not cover its interest ({{interest}})",
        "instalments",
        instalment=instalment,
        interest=interest,
    )


def period_charges(terms: Terms, lent: int, balance: int, principal: int) -> tuple[int, int]:
    """(charges, their tax) of one instalment of so much ``principal``: see ``PeriodCharge``."""
    charged = [charge_of(terms, each, lent, balance, principal) for each in terms.period_charges]
    return sum(fee for fee, _ in charged), sum(tax for _, tax in charged)


def charge_of(
    terms: Terms, charge: PeriodCharge, lent: int, balance: int, principal: int
) -> tuple[int, int]:
    """(fee, tax) of one charge of an instalment."""
    of = max(principal, 0) if charge.of_principal else balance if charge.of_balance else lent
    amount = charge.amount + share(of, charge.rate, terms.rounding)
    if charge.is_tax:
        return 0, amount
    return amount, share(amount, terms.tax_rate, terms.rounding) if charge.taxed else 0


def _even_part(terms: Terms, balance: int, rows: int) -> int:
    """An equal part of principal, rounded to the multiple of the terms."""
    return _to_multiple(terms, balance, rows)


def _to_multiple(terms: Terms, amount: int, parts: int) -> int:
    """One of so many parts of an amount, as the multiple of the terms that they round to."""
    size = parts * terms.instalment_multiple
    match terms.level_rounding:
        case LevelRounding.UP:
            steps = -(-amount // size)
        case LevelRounding.DOWN:
            steps = amount // size
        case LevelRounding.NEAREST:
            steps = divide(amount, size, terms.rounding)
    return steps * terms.instalment_multiple


def _principal_of(
    terms: Terms,
    balance: int,
    interest: int,
    tax: int,
    level: int,
    even: int,
    index: int,
) -> int:
    """The principal of a row that is neither the last nor within grace."""
    match terms.method:
        case Method.EQUAL_PRINCIPAL | Method.FLAT:
            return min(even, balance)
        case Method.IRREGULAR:
            return min(terms.irregular[index].principal, balance)
        case Method.EQUAL_INSTALMENTS | Method.BALLOON | Method.GRADUATED:
            taxed = tax if terms.level is Level.WITH_TAX else 0
            return min(level - interest - taxed, balance)
        case Method.REVOLVING:
            return minimum_due(terms, balance)
        case _:
            return 0


def _graduated(terms: Terms, level: int, before: int, index: int) -> int:
    """The level instalment grown as often as the terms say, ``index`` rows after it was fitted,
    ``before`` which so many had repaid: their steps are counted on.
    """
    step = terms.graduation
    if step is None:
        return level
    times = growths(step, before, index)
    if not times:
        return level
    return _to_multiple(terms, level * (MILLION + step.rate) ** times, MILLION**times)


def minimum_due(terms: Terms, balance: int) -> int:
    """The principal that a revolving line asks for each cycle."""
    asks = terms.revolving
    if asks is None:
        return 0
    rated = share(balance, asks.minimum_rate, terms.rounding)
    return min(max(rated, asks.minimum_amount), balance)


def _brought(kept: Sequence[Instalment], since: date) -> Opening | None:
    """What the rows before defer to the next one."""
    before = kept[-1]
    if not before.deferred and not before.deferred_tax:
        return None
    return Opening(since, brought=before.deferred, brought_tax=before.deferred_tax)


def withheld_interest(terms: Terms, rows: Sequence[PlannedRow]) -> int:
    """What a discounted loan keeps back at disbursement: the interest of its whole term."""
    if terms.method is not Method.DISCOUNT:
        return 0
    rows = [row for row in rows if row.start_on < row.due_on]  # nothing runs on a down payment
    balance, interest = sum(row.principal for row in rows), 0
    for row in rows:
        interest += period_interest(terms, balance, (row.start_on, row.due_on))
        balance -= row.principal
    return interest
