"""`cartera documents`: trusted documents, checked before anybody may ask them."""

import hashlib
import json

import pytest
from typer.testing import CliRunner

from cli.main import app


def test_documents_are_named_by_their_digest(tmp_path):
    text = "query Day { businessDate }\n"
    file = tmp_path / "day.graphql"
    file.write_text(text)
    told = CliRunner().invoke(app, ["documents", str(file)])
    assert (told.exit_code, json.loads(told.stdout)) == (
        0, {hashlib.sha256(text.encode()).hexdigest(): text}
    )  # fmt: skip


@pytest.mark.parametrize("text", ["{ nothing }", "{", "", "mutation { pay }"])
def test_a_document_that_is_not_valid_is_named(tmp_path, text):
    file = tmp_path / "bad.graphql"
    file.write_text(text)
    told = CliRunner().invoke(app, ["documents", str(file)])
    assert told.exit_code == 2
    assert "bad.graphql" in told.stderr
