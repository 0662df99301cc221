"""The lender's own business calendars, one YAML file each, registered when a process starts.

    name: acme
    years: [2026, 2027]               # those the list is complete for
    base: mx_statutory                # optional: its holidays and weekend count too
    weekend: [saturday, sunday]       # optional: instead of the base's
    holidays: [2026-04-02, 2026-04-03, 2026-11-02]
    workdays: [2026-02-02]            # optional: open although the above close it

A day of a year that is not listed is refused: a list grows before loans reach beyond it.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from domain.built_in_calendars import WEEKENDS, Weekday
from domain.business_days import register
from domain.errors import InvalidTerms
from ledger.fields import Fields
from ledger.money import FormError
from ledger.settings import Settings
from ledger.yaml_form import read_form

_Item = TypeVar("_Item")


def load_calendars(settings: Settings) -> None:
    """Register the calendars that the settings name a folder of. Errors: as ``load``."""
    if settings.calendars_dir is not None:
        load(settings.calendars_dir)


def load(folder: Path) -> tuple[str, ...]:
    """Register every `*.yaml` of the folder; the names, in the order of the files.

    Errors: ``FormError`` naming the file, the field and the rule. The files before it stay
    registered, and the same files may be loaded again.
    """
    if not folder.is_dir():
        raise FormError(str(folder), "is no folder of calendars")
    loaded: dict[str, str] = {}
    for path in sorted(folder.glob("*.yaml")):
        try:
            name = _register(read_form(path))
            if name in loaded:
                raise FormError("name", f"{name} is that of {loaded[name]} too")
        except FormError as error:
            raise FormError(f"{path.name}: {error.field}", error.rule) from None
        except InvalidTerms as refusal:
            rule = refusal.rule.removeprefix(f"{refusal.field} ")
            raise FormError(f"{path.name}: {refusal.field}", rule) from None
        except OSError as error:
            raise FormError(f"{path.name}: file", f"cannot be read: {error.strerror}") from None
        loaded[name] = path.name
    return tuple(loaded)


def _register(form: Any) -> str:
    fields = Fields(form)
    name = fields.text("name")
    years = _each(fields, "years", Fields.whole)
    base = fields.text("base", WEEKENDS)
    given = fields.take("weekend", None) is not None
    weekend = _each(fields, "weekend", _weekday) if given else None
    fields.take("holidays")
    holidays = _each(fields, "holidays", Fields.day)
    workdays = _each(fields, "workdays", Fields.day)
    fields.done()
    register(name, holidays, years=years, weekend=weekend, workdays=workdays, base=base)
    return name


def _weekday(row: Fields, field: str) -> Weekday:
    return row.choice(field, Weekday)


def _each(fields: Fields, field: str, read: Callable[[Fields, str], _Item]) -> tuple[_Item, ...]:
    """The items of a list, each of them once: a day written twice was meant to be another."""
    items: dict[_Item, None] = {}
    for index, value in enumerate(fields.rows(field)):
        named = f"{field}[{index}]"
        item = read(Fields({named: value}, fields.at), named)
        if item in items:
            raise FormError(fields.name(named), f"{item} stands twice")
        items[item] = None
    return tuple(items)
