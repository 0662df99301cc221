"""Progress shows to whoever watches, and never in the way of an answer."""

import io
import sys

import pytest

from cli import console


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stream", "quiet", "shows"),
    [(Terminal, False, True), (Terminal, True, False), (io.StringIO, False, False)],
)
def test_a_bar_shows_on_a_terminal_only_and_not_beside_json(
    monkeypatch, capsys, stream, quiet, shows
):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", stream())

    with console.progress("loans", quiet=quiet) as told:
        told(3, 10)
        told(10, 10)

    assert ("loans" in sys.stderr.getvalue()) is shows
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("told", ["[red]X[/red]", "[/]", r"a\[b]", ":smile:", "[1, 2]"])
def test_what_strangers_write_is_shown_as_it_is(capsys, told):
    console.say(told, lead="seen")
    table = console.table(told, "reference")
    table.add_row(told)
    console.show(table)
    with pytest.raises(console.typer.Exit):
        console.fail(told)

    shown = capsys.readouterr()
    assert shown.out.count(told) == 3
    assert shown.err == f"error {told}\n"


def test_a_reader_that_has_gone_is_no_finding(monkeypatch):
    class Gone(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stdout", Gone())

    with pytest.raises(BrokenPipeError):  # rich alone would end with exit code 1
        console.say("a line")
