"""A lender's own calendars: what their files say is registered, or refused by file and field."""

from datetime import date
from itertools import count

import pytest

from domain.business_days import check_calendar, is_business_day
from domain.errors import InvalidTerms
from ledger.calendars import load
from ledger.fields import FormError

NUMBERS = count()


@pytest.fixture
def name():
    """A new one for each test: what a process has registered stays."""
    return f"lender_{next(NUMBERS)}"


def written(folder, text, file="acme.yaml"):
    (folder / file).write_text(text, encoding="utf-8")
    return folder


def refused(folder):
    with pytest.raises(FormError) as refusal:
        load(folder)
    return refusal.value.field, refusal.value.rule


def test_a_file_becomes_a_calendar(tmp_path, name):
    written(
        tmp_path,
        f"""
        name: {name}
        years: [2026, 2027]
        base: mx_statutory
        weekend: [sunday]
        holidays: [2026-04-02, "2026-04-03"]
        workdays: [2026-02-02]
    """,
    )

    assert load(tmp_path) == (name,)

    works = {day: is_business_day(name, date.fromisoformat(day)) for day in (
        "2026-04-02", "2026-04-03", "2026-02-02", "2026-09-16", "2026-06-06", "2026-06-07",
        "2027-04-02",
    )}  # fmt: skip
    assert [day for day, open_ in works.items() if open_] == [
        "2026-02-02", "2026-06-06", "2027-04-02",
    ]  # fmt: skip
    with pytest.raises(InvalidTerms, match="lists 2026, 2027, not 2028"):
        is_business_day(name, date(2028, 1, 3))


def test_name_years_and_holidays_are_enough(tmp_path, name):
    load(written(tmp_path, f"{{name: {name}, years: [2026], holidays: [], weekend: }}"))

    assert is_business_day(name, date(2026, 9, 16))
    assert not is_business_day(name, date(2026, 6, 6))


def test_an_empty_weekend_works_all_week(tmp_path, name):
    load(written(tmp_path, f"{{name: {name}, years: [2026], holidays: [], weekend: []}}"))

    assert is_business_day(name, date(2026, 6, 7))


def test_every_yaml_file_of_the_folder_is_loaded_and_may_be_again(tmp_path, name):
    for file, its in (("b.yaml", f"{name}_b"), ("a.yaml", f"{name}_a"), ("c.txt", f"{name}_c")):
        written(tmp_path, f"{{name: {its}, years: [2026], holidays: []}}", file)

    assert load(tmp_path) == load(tmp_path) == (f"{name}_a", f"{name}_b")
    with pytest.raises(InvalidTerms, match="unknown calendar"):
        check_calendar(f"{name}_c")


def test_a_folder_without_files_registers_nothing(tmp_path):
    assert load(tmp_path) == ()


def test_a_folder_that_is_none_is_refused(tmp_path):
    missing = tmp_path / "calendars"

    assert refused(missing) == (str(missing), "is no folder of calendars")
    assert refused(written(tmp_path, "") / "acme.yaml")[1] == "is no folder of calendars"


@pytest.mark.parametrize("second", ["[]", "[2026-04-02]"])
def test_two_files_of_one_name_are_refused(tmp_path, name, second):
    written(tmp_path, f"{{name: {name}, years: [2026], holidays: []}}", "a.yaml")
    written(tmp_path, f"{{name: {name}, years: [2026], holidays: {second}}}", "b.yaml")

    assert refused(tmp_path)[0] == "b.yaml: name"


@pytest.mark.parametrize(
    ("changed", "field", "rule"),
    [
        ("name: ", "name", "is missing"),
        ("name: 7", "name", "must be text, not a number"),
        ("name: true", "name", "must be text, not true or false"),
        ("name: Acme", "name", "'Acme' must be 3 to 40 of a-z, 0-9 and _"),
        ("name: mx_banking", "name", "no built-in calendar"),
        ("years: ", "years", "must name at least one"),
        ("years: []", "years", "must name at least one"),
        ("years: 2026", "years", "must be a list, not a number"),
        ("years: [2026, soon]", "years[1]", "must be a whole number, not 'soon'"),
        ("years: [2026, 2026.5]", "years[1]", "must be a whole number"),
        ("years: [2026, true]", "years[1]", "must be a whole number"),
        ("years: [2026, 2026]", "years[1]", "2026 stands twice"),
        ("years: [2026, 10000]", "years", "10000 must be between 1 and 9999"),
        ("years: [2025]", "holidays", "2026-04-02 is in none of the years listed"),
        ("base: 5", "base", "must be text"),
        ("base: mars", "base", "'mars' must be one of mx_banking, mx_statutory"),
        ("weekend: sunday", "weekend", "must be a list, not 'sunday'"),
        ("weekend: [sunday, domingo]", "weekend[1]", "'domingo' is not one of: monday, tues"),
        ("weekend: [6]", "weekend[0]", "'6' is not one of: monday"),
        ("weekend: [sunday, ]\nstart: 1", "start", "is an unknown key"),
        ("weekend: [sunday, sunday]", "weekend[1]", "sunday stands twice"),
        ("weekend: [monday, tuesday, wednesday, thursday, friday, saturday, sunday]",
         "weekend", "must leave a day to work"),
        ("holidays: ", "holidays", "is missing"),
        ("holidays: 2026-04-02", "holidays", "must be a list, not date"),
        ("holidays: [2026-04-02, 4]", "holidays[1]", "must be a date such as 2026-01-31"),
        ("holidays: [2026-04-02, ]\nworkdays: [2026-04-02]", "workdays", "is a holiday too"),
        ("holidays: [2026-04-02, 2026-04-02]", "holidays[1]", "2026-04-02 stands twice"),
        ("holidays: [2026-04-02 10:00:00]", "holidays[0]", "must be a date"),
        ('holidays: ["2026-02-30"]', "holidays[0]", "2026-02-30 is not a day of the calendar"),
        ('holidays: ["02/04/2026"]', "holidays[0]", "must be a date"),
        ("holidays: [2026-04-02, null]", "holidays[1]", "is missing"),
        ("holidays: [[2026-04-02]]", "holidays[0]", "must be a date"),
        ("holidays: [2026-02-30]", "yaml", "cannot be read"),
        ("workdays: {}", "workdays", "must be a list, not a mapping"),
        ("workdays: [2027-01-02]", "workdays", "2027-01-02 is in none of the years listed"),
        ("holydays: [2026-04-02]", "holydays", "is an unknown key"),
        ("holidays: []\nholidays: []", "holidays", "stands twice, again on line 4"),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_by_file_field_and_rule(tmp_path, name, changed, field, rule):
    good = {"name": name, "years": "[2026]", "holidays": "[2026-04-02]"}
    kept = (f"{key}: {value}" for key, value in good.items() if not changed.startswith(f"{key}:"))
    written(tmp_path, "\n".join([*kept, changed]))

    named, broken = refused(tmp_path)

    assert named == f"acme.yaml: {field}"
    assert rule in broken
    with pytest.raises(InvalidTerms, match="unknown calendar"):
        check_calendar(name)


@pytest.mark.parametrize(
    ("content", "field"),
    [
        (b"", "form"),
        (b"- a list", "form"),
        (b"just text", "form"),
        (b"name: [", "yaml"),
        (b"name: a\n---\nname: b", "yaml"),
        (b"name: !!python/object:os.system {}", "yaml"),
        (b"name: \xff", "file"),
        (b"[" * 2_000, "yaml"),
        (b"#" * 5_000_001, "file"),
    ],
)
def test_what_is_no_form_is_refused_by_its_file(tmp_path, content, field):
    (tmp_path / "acme.yaml").write_bytes(content)

    assert refused(tmp_path)[0] == f"acme.yaml: {field}"


def test_what_cannot_be_opened_is_refused_by_its_file(tmp_path):
    (tmp_path / "acme.yaml").mkdir()

    assert refused(tmp_path)[0] == "acme.yaml: file"
