"""`cartera export-query`: a whole list into a file, or nothing at all."""

import json

import polars as pl
import pytest

TAPE = """\
loan_no,principal,annual_rate,instalments,frequency,disbursed_on,tax_rate,late_rate,branch
A-1,10000.00,36.00,12,monthly,2026-01-15,16.00,72.00,CDMX
A-2,5000.00,48.00,24,semi_monthly,2026-01-20,16.00,96.00,GDL
A-3,7000.00,48.00,24,semi_monthly,2026-01-20,16.00,96.00,GDL
"""
LOANS = """query($branch: [String!]) { loans(filter: {branch: $branch}) {
    nodes { loanNo approved { minor } schedule { dueOn } } } }"""


@pytest.fixture(scope="module")
def folder(database, tmp_path_factory, cartera):
    folder = tmp_path_factory.mktemp("export")
    (folder / "loans.csv").write_text(TAPE)
    (folder / "loans.graphql").write_text(LOANS)
    assert cartera("import", "loans", folder / "loans.csv", "--json").json["opened"] == 3
    return folder


def test_lines_are_written_with_the_position_they_are_true_at(cartera, folder):
    out = folder / "loans.jsonl"
    told = cartera("export-query", folder / "loans.graphql", out, "--vars", '{"branch": ["GDL"]}')
    assert told.code == 0, told.err
    position = cartera("query", "{ position }").json["data"]["position"]
    assert told.json == {"file": str(out), "position": position}
    loans = [json.loads(line) for line in out.read_text().splitlines()]
    assert [loan["loanNo"] for loan in loans] == ["A-2", "A-3"]
    assert [loan["approved"]["minor"] for loan in loans] == [5000_00, 7000_00]
    assert [len(loan["schedule"]) for loan in loans] == [24, 24]
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]


def test_parquet_has_the_types_of_the_schema(cartera, folder):
    told = cartera("export-query", folder / "loans.graphql", folder / "loans.parquet")
    assert told.code == 0, told.err
    table = pl.read_parquet(folder / "loans.parquet")
    assert table["loanNo"].to_list() == ["A-1", "A-2", "A-3"]
    assert table.schema["approved"] == pl.Struct({"minor": pl.Int64})
    assert table.schema["schedule"] == pl.List(pl.Struct({"dueOn": pl.Date}))


@pytest.mark.parametrize(
    ("document", "out", "told"),
    [
        ("{ position }", "x.jsonl", "an export asks one list"),
        ("{ nothing }", "x.jsonl", "(unknown-field)"),
        ("{", "x.jsonl", "(malformed-document)"),
        ("{ loans(first: 2) { nodes { id } } }", "x.jsonl", "(bad-export)"),
        ("{ loans { nodes { terms } } }", "x.parquet", "(bad-export)"),
        (LOANS, "x.csv", "must end in .jsonl or .parquet"),
    ],
)
def test_what_is_no_export_leaves_the_file_as_it_was(cartera, folder, document, out, told):
    (folder / "bad.graphql").write_text(document)
    (folder / out).write_text("as it was")
    answer = cartera("export-query", folder / "bad.graphql", folder / out)
    assert answer.code == 2
    assert told in answer.err
    assert (folder / out).read_text() == "as it was"


def test_bad_variables_and_a_document_that_is_not_there_are_named(cartera, folder):
    out = folder / "y.jsonl"
    assert "vars" in cartera("export-query", folder / "loans.graphql", out, "--vars", "[").err
    bad = cartera("export-query", folder / "loans.graphql", out, "--vars", '{"branch": 7}')
    assert (bad.code, "(bad-variable)" in bad.err) == (2, True)
    assert cartera("export-query", folder / "none.graphql", out).code == 3
    assert not out.exists()
