"""Accounting files and fiscal documents as jobs: queued over REST, done by a worker, fetched."""

import json
from datetime import date
from hashlib import sha256

import pytest

from ledger import jobs
from ledger.close_of_day import close_through
from ledger.database import connect
from ledger.orders import Cause
from ledger.periods import close_period
from ledger.settings import override
from ledger.store import Store
from tests.api.harness import served
from tests.faults.processes import until, worker
from tests.ledger.builders import CAUSE, a_ledger, pay, running
from tests.projections.accounting.cfdi.provider_server import provider
from tests.projections.accounting.cfdi.tools import PASSWORD, RFC, certificate, key_file

TODAY = date(2026, 3, 31)


@pytest.fixture
def book(fresh_database):
    """One loan with a payment; January closed."""
    with a_ledger(fresh_database, TODAY) as ledger:
        loan_id = running(ledger, "L-1")
        close_through(ledger, date(2026, 2, 10), cause=CAUSE)
        pay(ledger, loan_id, "100.00", date(2026, 2, 15))
    store = Store(fresh_database)
    close_period(store, date(2026, 1, 1), TODAY, Cause("bea", "test"))
    store.close()
    return fresh_database


def settled(settings, job_id):
    with connect(settings, autocommit=True) as connection:
        return until(
            lambda: (kept := jobs.find(connection, job_id)).state in {"done", "failed"} and kept
        )


def test_a_file_is_ordered_made_by_a_worker_and_fetched(book, redis_url):
    with served(book, TODAY) as client:
        order = {"format": "csv", "period": "2026-01"}
        answer = client.post("/v1/accounting/exports", order, role="accountant", key="k-1")
        assert answer.status_code == 202, answer.text
        [queued] = answer.json()["jobs"]
        again = client.post("/v1/accounting/exports", order, role="accountant", key="k-1")
        assert (again.json()["repeated"], again.json()["jobs"][0]["id"]) == (True, queued["id"])
        with worker(book):
            done = settled(book, queued["id"])
        assert done.state == "done", done.error

        [listed] = client.get("/v1/accounting/exports", role="accountant").json()
        file = client.get(f"/v1/accounting/exports/{done.result['batch']}/file", role="accountant")

        assert listed["id"] == done.result["batch"]
        assert listed["actor"] == "accountant-key"
        assert sha256(file.content).hexdigest() == listed["file_sha256"]
        assert 'filename="csv-2026-01.csv"' in file.headers["content-disposition"]
        assert file.content.decode().startswith("key,reference,kind,")


@pytest.mark.parametrize(
    ("method", "path", "body", "role", "status"),
    [
        ("POST", "exports", {"format": "csv", "period": "2026-01"}, "collector", 403),
        ("POST", "exports", {"format": "csv", "period": "2026-01"}, None, 401),
        ("POST", "exports", {"format": "none", "period": "2026-01"}, "accountant", 422),
        ("POST", "exports", {"format": "csv", "period": "soon"}, "accountant", 422),
        ("GET", "exports/999/file", None, "accountant", 404),
        ("GET", "exports", None, "auditor", 200),
        ("POST", "cfdi", None, "auditor", 403),
    ],
)
def test_only_who_may_gets_files_and_only_what_there_is(method, path, body, role, status, database):
    with served(database, TODAY) as client:
        answer = client.request(method, f"/v1/accounting/{path}", json=body, role=role)

    assert answer.status_code == status, answer.text


def test_an_open_month_fails_the_job_and_says_why(book):
    with connect(book, autocommit=True) as connection:
        order = {"format": "csv", "period": "2026-02"}
        job = jobs.enqueue(connection, jobs.EXPORT_ACCOUNTING, order, book)
    with worker(book):
        failed = settled(book, job.id)

    assert failed.state == "failed"
    assert "2026-02 is open" in failed.error


def test_documents_are_issued_by_a_worker_once_the_provider_is_back(book, tmp_path, monkeypatch):
    monkeypatch.setenv("CARTERA_CFDI_KEY_PASSWORD", PASSWORD)
    with provider() as (pac, url):
        (tmp_path / "csd.cer").write_bytes(certificate())
        (tmp_path / "csd.key").write_bytes(key_file())
        (tmp_path / "receivers.csv").write_text("borrower,rfc,name,postal_code,regime\n")
        own = {
            "issuer": {"rfc": RFC, "name": "ESCUELA KEMPER URGATE", "regime": "601",
                       "postal_code": "42501"},
            "certificate": "csd.cer", "key": "csd.key", "receivers": "receivers.csv",
            "provider_url": url, "other_form": "03", "without_rfc": "public",
        }  # fmt: skip
        (tmp_path / "cfdi.yaml").write_text(json.dumps(own))
        chosen = book.model_copy(update={"cfdi": tmp_path / "cfdi.yaml"})
        pac.mode = "away"
        with override(chosen), connect(chosen, autocommit=True) as connection:
            job = jobs.enqueue(connection, jobs.ISSUE_CFDI, {}, chosen)
            with worker(chosen):
                until(lambda: jobs.find(connection, job.id).attempts > 0)
                until(lambda: "ProviderAway" in (jobs.find(connection, job.id).error or ""))
                pac.mode = "ok"
                done = settled(chosen, job.id)

        assert done.state == "done", done.error
        assert done.attempts > 1
        assert (done.result["stamped"], len(pac.stamped)) == (1, 1)
