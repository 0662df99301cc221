"""Queued work: kept in the database first, so that Redis may be away; files are bounded."""

from pathlib import Path

import pytest
import redis

from ledger import jobs
from ledger.database import connect
from tests.api.harness import served

CSV = b"date,reference,amount,channel,transaction_id\n2026-02-15,CR-1,100.00,spei,T1\n"


def upload(client, content=CSV, **given):
    headers = {"Content-Type": given.pop("kind", "text/csv")}
    return client.request(
        "POST", "/v1/payment-files?name=bank.csv", content=content, headers=headers, **given
    )


def kept(settings, job_id):
    with connect(settings) as connection:
        return jobs.find(connection, job_id)


def test_a_close_of_day_is_queued_in_shards(client, database, redis_url):
    answer = client.post("/v1/close-of-day", {"through": "2026-03-31", "shards": 3})

    assert answer.status_code == 202, answer.text
    queued = answer.json()["jobs"]
    assert [job["state"] for job in queued] == ["waiting"] * 3
    shards = [kept(database, job["id"]).arguments["shard"] for job in queued]
    assert shards == [[0, 3], [1, 3], [2, 3]]
    assert kept(database, queued[0]["id"]).arguments["on"] == "2026-03-31"
    assert kept(database, queued[0]["id"]).arguments["actor"] == "administrator-key"
    shown = client.get(f"/v1/jobs/{queued[0]['id']}").json()
    assert (shown["kind"], shown["state"], shown["attempts"]) == ("close-day", "waiting", 0)
    with redis.Redis.from_url(redis_url) as queue:
        assert queue.llen("dramatiq:close-day") == 3


def test_the_same_order_is_queued_once(client):
    first = client.post("/v1/close-of-day", {"through": "2026-03-31"}, key="close-1").json()
    again = client.post("/v1/close-of-day", {"through": "2026-03-31"}, key="close-1").json()
    assert again == {**first, "repeated": True}
    other = client.post("/v1/close-of-day", {"through": "2026-04-30"}, key="close-1")
    assert (other.status_code, other.json()["code"]) == (422, "key-reused")


@pytest.mark.parametrize(
    "body",
    [{}, {"through": "2026-07-01"}, {"through": "soon"}, {"through": "2026-03-31", "shards": 0},
     {"through": "2026-03-31", "shards": 10_000}],
)  # fmt: skip
def test_a_bad_close_of_day_is_refused(client, body):
    answer = client.post("/v1/close-of-day", body)
    assert answer.status_code == 422
    assert answer.json()["field"] in {"through", "shards"}


def test_a_payment_file_is_stored_and_queued(client, database):
    answer = upload(client, key="file-1")

    assert answer.status_code == 202, answer.text
    [job] = answer.json()["jobs"]
    path = Path(kept(database, job["id"]).arguments["path"])
    assert path.read_bytes() == CSV
    assert path.is_relative_to(database.var_dir.absolute() / "uploads")
    assert path.name.endswith("-bank.csv")
    assert job["kind"] == "import-payments"
    assert upload(client, key="file-1").json()["repeated"] is True
    assert upload(client, CSV + b"\n", key="file-1").status_code == 422
    assert not list(path.parent.glob("arriving-*"))


REMITTANCE = b"loan_no,amount\nCR-1,100.00\nCR-2,50.00\n"


def remit(client, query, content=REMITTANCE, **given):
    return client.request(
        "POST", f"/v1/remittances?{query}", content=content,
        headers={"Content-Type": "text/csv"}, **given,
    )  # fmt: skip


def test_an_employers_remittance_is_stored_and_queued(client, database):
    query = "employer=ACME&on=2026-02-15&total=150.00"
    answer = remit(client, query, key="remittance-1")

    assert answer.status_code == 202, answer.text
    [job] = answer.json()["jobs"]
    said = kept(database, job["id"]).arguments
    assert Path(said["path"]).read_bytes() == REMITTANCE
    assert (said["employer"], said["on"], said["total"]) == ("ACME", "2026-02-15", "150.00")
    assert remit(client, query, key="remittance-1").json()["repeated"] is True
    other = remit(client, "employer=ACME&on=2026-02-16", key="remittance-1")
    assert (other.status_code, other.json()["code"]) == (422, "key-reused")


@pytest.mark.parametrize(
    ("query", "field"),
    [("on=2026-02-15", "employer"), ("employer=&on=2026-02-15", "employer"),
     ("employer=ACME", "on"), ("employer=ACME&on=2999-01-01", "on"),
     ("employer=ACME&on=2026-02-15&total=much", "total")],
)  # fmt: skip
def test_a_remittance_says_whose_it_is_and_of_which_day(client, query, field):
    answer = remit(client, query)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


@pytest.mark.parametrize("name", ["../../etc/passwd", "..", "a/b\\c.csv", "\u00e9.csv", ""])
def test_a_file_name_leads_nowhere_else(client, database, name):
    answer = client.request(
        "POST", "/v1/payment-files", params={"name": name}, content=CSV,
        headers={"Content-Type": "text/csv"},
    )  # fmt: skip
    assert answer.status_code == 202, answer.text
    path = Path(kept(database, answer.json()["jobs"][0]["id"]).arguments["path"])
    assert path.parent == database.var_dir.absolute() / "uploads"
    assert path.is_file()


def test_an_empty_file_or_another_kind_of_body_is_refused(client):
    empty = upload(client, b"")
    assert (empty.status_code, empty.json()["code"]) == (422, "invalid-field")
    form = upload(client, kind="multipart/form-data; boundary=x")
    assert (form.status_code, form.json()["code"]) == (415, "unsupported-media-type")


@pytest.fixture(scope="module")
def bounded(database):
    """An API that takes little."""
    with served(database.model_copy(update={"max_body_bytes": 200}), max_upload_bytes=300) as few:
        yield few


async def pieces(size):
    """A body that announces no length."""
    for _ in range(size // 50):
        yield b"x" * 50


@pytest.mark.parametrize(
    ("path", "size", "refused"),
    [
        ("/v1/close-of-day", 200, False),
        ("/v1/close-of-day", 250, True),
        ("/graphql", 250, True),
        ("/v1/payment-files", 300, False),
        ("/v1/payment-files", 350, True),
    ],
)
@pytest.mark.parametrize("announced", [True, False])
def test_a_body_is_bounded_whether_it_tells_its_length_or_not(
    bounded, database, path, size, refused, announced
):
    before = set((database.var_dir.absolute() / "uploads").glob("*"))
    content = b"x" * size if announced else pieces(size)
    kind = "text/csv" if "files" in path else "application/json"
    answer = bounded.request("POST", path, content=content, headers={"Content-Type": kind})

    assert (answer.status_code == 413) is refused, answer.text
    if refused:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["code"] == "body-too-large"
        assert set((database.var_dir.absolute() / "uploads").glob("*")) == before


def test_without_redis_orders_work_and_queued_work_waits(database):
    away = database.model_copy(update={"redis_url": "redis://127.0.0.1:1/0"})
    with served(away) as client:
        number = client.running("without-redis")
        assert client.pay(number, "100.00", "2026-02-15").status_code == 201
        client.settled()
        answer = client.post("/v1/close-of-day", {"through": "2026-03-31", "shards": 1})
        assert answer.status_code == 202, answer.text
        [job] = answer.json()["jobs"]
        assert client.get(f"/v1/jobs/{job['id']}").json()["state"] == "waiting"


def test_a_place_that_cannot_be_written_is_said_plainly(database, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a folder")
    with served(database.model_copy(update={"var_dir": blocked})) as client:
        answer = upload(client)
    assert (answer.status_code, answer.json()["code"]) == (507, "storage-not-writable")
