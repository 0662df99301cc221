"""One running API per module: real PostgreSQL and Valkey, asked through its own ASGI door."""

import asyncio
import time
from contextlib import asynccontextmanager, contextmanager
from datetime import date
from itertools import count

import httpx

from api.app import create_app
from api.settings import ApiSettings
from ledger.api_keys import ROLES, issue_key
from ledger.clock import FixedClock
from ledger.database import connect

TODAY = date(2026, 6, 30)
TERMS = {
    "currency": "MXN", "principal": "12000.00", "annual_rate": "36.00", "instalments": 12,
    "frequency": "monthly", "first_due": "2026-02-15", "tax_rate": "16.00", "late_rate": "72.00",
}  # fmt: skip
HEADER = {"effective_on": "2026-01-15", "product": "personal", "branch": "centro",
          "officer": "marta", "borrower": "B-1"}  # fmt: skip
KEYS = count(1)


class Client:
    """Speaks to the API as one role, from plain tests; each order gets a new key of its own."""

    def __init__(self, http, run, tokens, settings):
        self.http, self.run, self.tokens, self.settings = http, run, tokens, settings

    def request(self, method, path, *, role="administrator", key=None, headers=None, **given):
        sent = {"Authorization": f"Bearer {self.tokens[role]}"} if role else {}
        if method == "POST" and path.startswith("/v1") and key is not False:
            sent["Idempotency-Key"] = key or f"key-{next(KEYS)}"
        return self.run(
            self.http.request(method, path, headers={**sent, **(headers or {})}, **given)
        )

    def get(self, path, **given):
        return self.request("GET", path, **given)

    def post(self, path, body=None, **given):
        return self.request("POST", path, json=body, **given)

    def ask(self, document, role="administrator", **variables):
        """Data of a question that must be answered without errors."""
        answer = self.try_ask(document, role, **variables)
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def try_ask(self, document, role="administrator", **variables):
        answer = self.post("/graphql", {"query": document, "variables": variables}, role=role)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def opened(self, loan_no=None, **given):
        """The number of a new loan."""
        number = loan_no or f"T-{next(KEYS):05}"
        body = {**HEADER, "loan_no": number, **TERMS, **given}
        answer = self.post("/v1/loans", body)
        assert answer.status_code == 201, answer.text
        return number

    def running(self, loan_no=None, on="2026-01-15", **given):
        """The number of a new loan that was paid out."""
        number = self.opened(loan_no, **given)
        principal = {**TERMS, **given}["principal"]
        body = {"amount": principal, "currency": "MXN", "effective_on": on}
        answer = self.post(f"/v1/loans/{number}/disbursements", body)
        assert answer.status_code == 201, answer.text
        return number

    def pay(self, number, amount, on, **given):
        body = {"amount": amount, "currency": "MXN", "effective_on": on, **given}
        return self.post(f"/v1/loans/{number}/payments", body)

    def settled(self, position=None):
        """Wait until the read models have read the log up to its end."""
        until = time.monotonic() + 20
        while time.monotonic() < until:
            ready = self.get("/readyz", role=None).json()
            if ready["lag"] == 0 and not ready["stopped"]:
                return
            time.sleep(0.02)
        raise AssertionError(ready)


@asynccontextmanager
async def serving(settings, today=TODAY, **options):
    app = create_app(settings, ApiSettings(**options), clock=FixedClock(today))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://cartera") as http,
    ):
        yield http


def tokens(settings):
    with connect(settings) as connection:
        return {role: issue_key(connection, f"{role}-key", [role]) for role in ROLES}


@contextmanager
def served(settings, today=TODAY, **options):
    """A client of an API that runs on ``settings`` for the length of the block."""
    with asyncio.Runner() as runner:
        entered = serving(settings, today, **options)
        http = runner.run(entered.__aenter__())
        try:
            yield Client(http, runner.run, tokens(settings), settings)
        finally:
            runner.run(entered.__aexit__(None, None, None))
