"""Index values come in by REST as by the command line: whole files, or nothing of them."""

import pytest

TIIE = b"index,day,value\nTIIE28,2026-01-15,11.2450\nTIIE28,2026-02-12,10.9900\n"
MOVED = TIIE.replace(b"10.9900", b"10.7500")


def upload(client, content, query="", role="administrator"):
    return client.request(
        "PUT", f"/v1/index-values{query}", content=content, role=role,
        headers={"Content-Type": "text/csv"},
    )  # fmt: skip


def test_a_file_of_index_values_is_kept_and_shown(client):
    assert upload(client, TIIE).json() == {"lines": 2, "added": 2, "corrected": 0, "repeated": 0}
    assert upload(client, TIIE).json()["repeated"] == 2

    [found] = client.get("/v1/indices").json()
    assert found.pop("recorded_at")
    assert found == {
        "index": "TIIE28", "days": 2, "since": "2026-01-15", "until": "2026-02-12",
        "value": "10.99",
    }  # fmt: skip


def test_another_value_for_a_day_is_a_correction_or_refused(client):
    upload(client, TIIE)

    refused = upload(client, MOVED)
    assert (refused.status_code, refused.json()["code"]) == (422, "index-value-differs")
    assert upload(client, MOVED, "?correct=true").json()["corrected"] == 1
    upload(client, TIIE, "?correct=true")


@pytest.mark.parametrize(
    "content",
    [b"", b"index,day\nTIIE28,2026-01-15\n", b"index,day,value\nTIIE28,soon,11\n", b"\xff\xfe"],
)
def test_a_file_that_cannot_be_read_is_refused_whole(client, content):
    answer = upload(client, content)
    assert answer.status_code == 422
    assert answer.json()["field"]


@pytest.mark.parametrize("role", ["collector", "auditor", "supervisor"])
def test_only_who_may_bring_them_does(client, role):
    assert upload(client, TIIE, role=role).status_code == 403
