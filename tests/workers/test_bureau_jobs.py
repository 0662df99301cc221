"""A bureau's file as a job: ordered over REST, written by a worker, fetched, marked as sent."""

from datetime import date
from hashlib import sha256

import pytest

from domain.borrower.address import Address
from ledger import jobs
from ledger.borrowers.reading import Archive
from ledger.borrowers.registry import Registry
from ledger.database import connect
from tests.api.harness import served
from tests.faults.processes import until, worker
from tests.ledger.builders import CAUSE, a_ledger
from tests.ledger.people import somebody
from tests.projections.bureau.portfolio import late
from tests.projections.stories import Log, catch_up

TODAY = date(2026, 5, 4)
ORDER = {"format": "buro-intf", "cut_off": "2026-04-30"}
LENDER = "{buro: {key: ZZ12340001, name: Uno}, products: {'': {buro: PL}}}"


@pytest.fixture
def book(fresh_database, tmp_path):
    """Three loans: the borrower of one is not known, that of another lives nowhere."""
    (tmp_path / "lender.yaml").write_text(LENDER)
    chosen = fresh_database.model_copy(
        update={"bureau_lender_file": tmp_path / "lender.yaml", "exports_dir": tmp_path / "files"}
    )
    Log(chosen).append(late(3, 2), late(4, 1), late(5, 1))
    catch_up(chosen)
    with a_ledger(chosen, TODAY) as ledger:
        registry = Registry(ledger)
        registry.register("B-3", somebody(3), on=date(2026, 1, 15), cause=CAUSE)
        nowhere = somebody(4, addresses=(Address(street="Sur", postal_code="03940", state="CMX"),))
        registry.register("B-4", nowhere, on=date(2026, 1, 15), cause=CAUSE)
        yield chosen, Archive(registry.store, registry.vault)


def settled(settings, job_id):
    with connect(settings, autocommit=True) as connection:
        return until(
            lambda: (kept := jobs.find(connection, job_id)).state in {"done", "failed"} and kept
        )


def ordered(client, settings, **changes):
    answer = client.post("/v1/bureau/files", ORDER | changes)
    assert answer.status_code == 202, answer.text
    with worker(settings):
        return settled(settings, answer.json()["jobs"][0]["id"])


def test_a_file_is_ordered_written_by_a_worker_fetched_and_sent(book, redis_url):
    settings, archive = book
    with served(settings, TODAY) as client:
        done = ordered(client, settings)
        assert done.state == "done", done.error
        assert (done.result["records"], done.result["unsendable"]) == (1, 2)
        assert done.progress == {"done": 3, "whole": 3}
        shown = client.get(f"/v1/jobs/{done.id}").json()
        assert shown["progress"] == {"done": 3, "whole": 3}
        number = done.result["file"]

        [listed] = client.get("/v1/bureau/files", role="auditor").json()
        file = client.get(f"/v1/bureau/files/{number}/content")
        assert sha256(file.content).hexdigest() == listed["sha256"] == done.result["sha256"]
        assert file.content.startswith(b"INTF14ZZ12340001")
        assert [one.what for one in archive.readings("B-3")] == ["bureau file"]

        left_out = client.get(f"/v1/bureau/files/{number}/unsendable", role="auditor").json()
        assert [(one["loan_no"], one["field"]) for one in left_out] == [
            ("L-0004", "address.municipality"), ("L-0004", "address.neighbourhood"),
            ("L-0004", "address.street"), ("L-0005", "borrower"),
        ]  # fmt: skip
        report = client.get(f"/v1/bureau/files/{number}/report", role="auditor").json()
        assert report["explained"] is True

        query = '{ loan(loanNo: "L-0003") { bureauReports { file cutOff role rating sentAt } } }'
        [draft] = client.ask(query)["loan"]["bureauReports"]
        assert (draft["cutOff"], draft["role"], draft["rating"]) == ("2026-04-30", "borrower", "02")
        assert draft["sentAt"] is None

        assert client.request("PUT", f"/v1/bureau/files/{number}/sent").json()["sent"] is True
        [told] = client.ask(query)["loan"]["bureauReports"]
        assert told["sentAt"] is not None
        again = client.request("PUT", f"/v1/bureau/files/{number}/sent")
        assert (again.status_code, again.json()["sent"]) == (200, True)
        twice = ordered(client, settings)
        assert (twice.state, "write a correction" in twice.error) == ("failed", True)


def test_a_file_that_cannot_be_is_refused_by_its_field(book, redis_url):
    settings, _ = book
    with served(settings, TODAY) as client:
        for changes, field in (
            ({"format": "none"}, "format"),
            ({"cut_off": "soon"}, "cut_off"),
            ({"cut_off": "2026-05-31"}, "cut_off"),
        ):
            answer = client.post("/v1/bureau/files", ORDER | changes)
            assert (answer.status_code, answer.json()["field"]) == (422, field)
        assert client.post("/v1/bureau/files", ORDER, role="auditor").status_code == 403
        missing = client.get("/v1/bureau/files/99/content")
        assert (missing.status_code, missing.json()["code"]) == (404, "unknown-file")
        early = ordered(client, settings, cut_off="2026-05-02")
        assert (early.state, "is not closed for 3 loans" in early.error) == ("failed", True)


def test_a_draft_written_anew_leaves_no_file_of_the_one_before(book, redis_url):
    settings, _ = book
    with served(settings, TODAY) as client:
        first = ordered(client, settings).result["file"]
        again = ordered(client, settings).result["file"]
        assert [one.name for one in (settings.exports / "bureau").iterdir()] == [
            f"{again}-buro-intf-2026-04-30"
        ]
        assert client.get(f"/v1/bureau/files/{first}/content").status_code == 404
