"""What the machine refuses is told in one line, with exit code 3 and nothing half-done."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from ledger.settings import Settings, override

CARTERA = Path(sys.executable).with_name("cartera")


def run(*arguments, **environment):
    """The installed command in a process of its own, as an operator starts it."""
    return subprocess.run(
        [str(CARTERA), *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
    )


@pytest.fixture
def taken_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("command", ["up", "demo"])
def test_a_port_that_is_taken_is_told_before_anything_starts(command, taken_port, tmp_path):
    told = run(command, CARTERA_HTTP_PORT=str(taken_port), CARTERA_VAR=str(tmp_path / "var"))

    assert told.returncode == 3
    assert told.stderr == (
        f"error http_port: cannot listen on 127.0.0.1:{taken_port}: Address already in use;"
        " set CARTERA_HTTP_PORT\n"
    )
    assert not (tmp_path / "var").exists()


def test_a_data_directory_that_cannot_be_written_is_named(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")

    told = run("migrate", CARTERA_VAR=str(blocked / "var"))

    assert told.returncode == 3
    assert told.stderr.startswith(f"error cannot write to {blocked}/var: Not a directory")
    assert told.stderr.count("\n") == 1


@pytest.mark.parametrize("command", [("migrate",), ("verify",), ("rebuild",), ("key", "list")])
def test_a_database_that_is_away_is_one_line_without_a_traceback(command):
    nobody = "postgresql://someone:secret@127.0.0.1:1/none?connect_timeout=1"

    told = run(*command, DATABASE_URL=nobody, CARTERA_POOL_TIMEOUT_SECONDS="1")

    assert told.returncode == 3
    assert told.stderr.startswith("error database: ")
    assert told.stderr.count("\n") == 1
    assert "secret" not in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize(
    "command", [("verify",), ("suspense",), ("replay", "A-1"), ("close", "--through", "2026-01-31")]
)
def test_a_database_without_its_schema_says_what_to_run(command, cartera, tmp_path, short_var):
    with override(Settings(var_dir=short_var)):
        told = cartera(*command)

    assert told.code == 3
    assert "migrations have not been applied; run cartera migrate" in told.err


def test_a_reject_file_that_cannot_be_written_is_told_before_any_line_lands(
    cartera, fresh_database, tmp_path
):
    tape = tmp_path / "loans.csv"
    tape.write_text(
        "loan_no,principal,annual_rate,instalments,frequency,disbursed_on\n"
        "A,5000.00,48.00,6,monthly,2026-02-01\nB,1\n"
    )

    told = cartera("import", "loans", tape, "--rejects", tmp_path / "no" / "such" / "file.csv")

    assert told.code == 3
    assert "No such file or directory" in told.err
    assert cartera("replay", "A").code == 2


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_serves_until_it_is_told_to_end(fresh_database, number):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [str(CARTERA), "up"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            **fresh_database.environment(),
            "CARTERA_HTTP_PORT": str(port),
            "PYTHONUNBUFFERED": "1",
        },
    )
    try:
        assert _answers(f"http://127.0.0.1:{port}/openapi.json", process)
    finally:
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert f"GraphQL  http://127.0.0.1:{port}/graphql" in out
    assert process.returncode == 0, err
    assert "Traceback" not in err


def _answers(url, process):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return answer.status == 200
        except OSError:
            time.sleep(0.1)
    return False


def test_stop_is_fine_where_nothing_runs(cartera, tmp_path):
    with override(Settings(var_dir=tmp_path / "none")):
        assert cartera("stop").code == 0


@pytest.mark.parametrize(
    ("name", "value"), [("CARTERA_HTTP_PORT", "abc"), ("CARTERA_CURRENCY", "pesos")]
)
def test_a_setting_that_cannot_be_read_is_one_line_that_names_its_variable(name, value):
    told = run("status", **{name: value})

    assert told.returncode == 3
    assert told.stderr.startswith(f"error {name}: ")
    assert told.stderr.count("\n") == 1
    assert value not in told.stderr.replace(name, "")
