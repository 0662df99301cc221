"""Reports over REST and GraphQL: the same rows, each refusal named."""

from datetime import date

import pytest

from ledger.synthetic import fill
from tests.api.harness import served

TODAY = date(2026, 7, 3)
ASKED = """query ($month: String!, $by: String!) {
  report(name: PORTFOLIO, month: $month, by: $by) { name source rows fields { name kind } }
}"""


@pytest.fixture(scope="module")
def client(database):
    fill(database, loans=40, seed=12, until=date(2026, 6, 30), days=60, processes=1)
    with served(database, TODAY) as client:
        client.settled()
        assert client.request("PUT", "/v1/month-ends/2026-06").status_code == 200
        yield client


def test_rest_and_graphql_tell_the_same_rows(client):
    rest = client.get("/v1/reports/portfolio?month=2026-06&by=branch").json()
    asked = client.ask(ASKED, month="2026-06", by="branch")["report"]

    assert asked["rows"] == rest["rows"]
    assert asked["source"] == rest["source"]
    [frozen] = client.get("/v1/month-ends").json()
    assert rest["source"] == [f"2026-06 {frozen['digest']}"]
    kinds = {field["name"]: field["kind"] for field in asked["fields"]}
    assert kinds["principal"] == "MONEY"


@pytest.mark.parametrize("form", ["csv", "xlsx", "parquet", "svg", "png"])
def test_each_form_has_its_media_type(client, form):
    answer = client.get(f"/v1/reports/portfolio?month=2026-06&format={form}")

    assert answer.status_code == 200
    assert form.replace("xlsx", "spreadsheet") in answer.headers["content-type"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/reports/portfolio?month=2026-05", 404, "not-frozen"),
        ("/v1/reports/portfolio?month=May", 409, "bad-period"),
        ("/v1/reports/portfolio?month=2026-06&by=colour", 409, "report-error"),
        ("/v1/reports/roll?month=2026-06", 409, "report-error"),
        ("/v1/reports/vintages?month=2026-06&format=svg&months=0", 422, "invalid-field"),
        ("/v1/reports/roll?month=2026-06&format=tape", 422, "invalid-field"),
    ],
)
def test_what_cannot_be_reported_is_said(client, path, status, code):
    refused = client.get(path)

    assert (refused.status_code, refused.json()["code"]) == (status, code)


def test_a_month_is_frozen_once_and_by_who_may(client):
    [kept] = client.get("/v1/month-ends").json()
    assert client.request("PUT", "/v1/month-ends/2026-06").json() == kept
    assert client.request("PUT", "/v1/month-ends/2026-05", role="collector").status_code == 403
    asked = client.try_ask(ASKED, month="2026-05", by="branch")
    assert asked["errors"][0]["extensions"]["code"] == "not-frozen"
