"""What `bench.reads` measured: loads by server, ratios, and whether all did the same work."""

import json
from dataclasses import dataclass, field

from bench.reads_asked import FLAT, ONE
from bench.web import Load

PEER = "PostGraphile"
CHARGED = ("principal", "interest")


@dataclass
class Measured:
    """Requests a second and latencies, by server, query and number of clients."""

    loads: dict[tuple[str, str, int], Load] = field(default_factory=dict)
    memory: dict[str, float] = field(default_factory=dict)
    answers: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def per_second(self, server: str, query: str, clients: int = 8) -> float:
        """Of one combination; nan if it was not run."""
        found = self.loads.get((server, query, clients))
        return found.per_second if found else float("nan")

    def figures(self) -> dict[str, float]:
        """All of them, by a name each."""
        found: dict[str, float] = {}
        for (server, query, clients), one in self.loads.items():
            named = f"{query}, {clients} clients, {server}"
            found[f"{named}: requests/s"] = one.per_second
            found[f"{named}: p50 ms"] = one.p50
            found[f"{named}: p99 ms"] = one.p99
            found[f"{named}: bytes"] = one.size
        return found | {f"{server}: MB": mb for server, mb in self.memory.items()}


def ratios(measured: Measured, deep: str) -> dict[str, float]:
    """Ours to the bare route and to the peer, each at 8 clients; and a deep page to the first."""
    found = {}
    for query in dict.fromkeys(query for _, query, _ in measured.loads):
        ours = measured.per_second("ours", query)
        for other in ("bare", PEER):
            if (other, query, 8) in measured.loads:
                found[f"{query}: ours to {other}"] = ours / measured.per_second(other, query)
    one = measured.loads["ours", FLAT, 1].p50
    return found | {f"{deep}: p50 to page 1's": measured.loads["ours", deep, 1].p50 / one}


def compare(answers: dict[tuple[str, str], bytes]) -> None:
    """That all servers did the same work. Errors: ``RuntimeError`` where they did not."""
    for (server, query), body in answers.items():
        whole = answers["ours", query]
        if server == "bare" and not whole.startswith(b'{"data":%b,"extensions":' % body):
            raise RuntimeError(f"{query}: the bare route answers other bytes")
    if (PEER, ONE) in answers:
        ours, theirs = (_instalments(answers[server, ONE]) for server in ("ours", PEER))
        if ours != theirs:
            raise RuntimeError(f"{ONE}: {PEER} tells other instalments")


def _instalments(answer: bytes) -> list[tuple[int, str, int, int]]:
    """Number, due date, principal and interest in centavos, as either server names them."""
    [loan] = json.loads(answer)["data"].values()
    if "schedule" in loan:
        return [
            (line["number"], line["dueOn"], *(_minor(line["charged"][name]) for name in CHARGED))
            for line in loan["schedule"]
        ]
    lines = sorted(loan["schedulesByLoanId"]["nodes"], key=lambda line: line["instalment"])
    return [
        (line["instalment"], line["dueOn"], *(int(line[name]) for name in CHARGED))
        for line in lines
    ]


def _minor(amount: dict[str, str]) -> int:
    return int(amount["amount"].replace(".", ""))
