import json

import pytest
from typer.testing import CliRunner

from cli.main import app


class Answer:
    """What a command said and how it ended."""

    def __init__(self, result):
        self.code = result.exit_code
        self.out = result.stdout
        self.err = result.stderr
        self.exception = result.exception

    @property
    def json(self):
        return json.loads(self.out)


@pytest.fixture(scope="session")
def cartera():
    """Runs a command in this process; an error of ours that escapes fails the test."""

    def run(*arguments, stdin=None):
        result = CliRunner().invoke(app, [str(one) for one in arguments], input=stdin)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Answer(result)

    return run
