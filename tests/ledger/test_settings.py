"""Settings come from the environment, are checked at once, and reach child processes."""

import pytest
from pydantic import ValidationError

from ledger.settings import Settings, override, settings


def test_a_lender_that_sets_nothing_gets_mexican_defaults(monkeypatch):
    for name in ("DATABASE_URL", "REDIS_URL", "CARTERA_VAR"):
        monkeypatch.delenv(name, raising=False)

    chosen = Settings()

    assert (chosen.database_url, chosen.redis_url, str(chosen.var_dir)) == (None, None, "var")
    assert (chosen.currency, chosen.lender_timezone) == ("MXN", "America/Mexico_City")
    assert (chosen.http_host, chosen.http_port) == ("127.0.0.1", 8400)


def test_the_environment_decides_and_an_argument_decides_over_it(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://db/one")
    monkeypatch.setenv("CARTERA_HTTP_PORT", "9000")

    assert Settings().database_url == "postgresql://db/one"
    assert Settings().http_port == 9000
    assert Settings(database_url=None).database_url is None


@pytest.mark.parametrize(
    ("name", "value"),
    [("lender_timezone", "Mars/Olympus"), ("currency", "pesos"), ("max_page_size", 0)],
)
def test_a_setting_that_makes_no_sense_is_refused_by_name(name, value):
    with pytest.raises(ValidationError, match=name):
        Settings(**{name: value})


def test_settings_are_read_once_and_can_be_overridden_for_a_while():
    ours = Settings(currency="COP")

    with override(ours):
        assert settings() is ours
        assert settings() is settings()

    assert settings() is not ours


def test_every_setting_says_what_it_is_for():
    assert all(field.description for field in Settings.model_fields.values())


def test_a_child_process_given_the_environment_reads_the_same_servers(monkeypatch, tmp_path):
    ours = Settings(
        database_url="postgresql://db/one", redis_url="redis://q", var_dir=tmp_path,
        calendars_dir=tmp_path / "calendars",
    )  # fmt: skip

    for name, value in ours.environment().items():
        monkeypatch.setenv(name, value)

    assert Settings() == ours
