"""Documents go out once, by a real mail server and a real provider, whatever happens meanwhile."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import date
from email import message_from_bytes
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg
import pytest
from aiosmtpd.controller import Controller
from msgspec.structs import replace
from typer.testing import CliRunner

from cli.main import app
from domain.borrower.events import Ground
from ledger.borrowers import book
from ledger.borrowers.reading import Archive
from ledger.borrowers.registry import Registry
from ledger.borrowers.vault import Vault
from ledger.database import connect
from ledger.delivery import orders, register
from ledger.delivery.errors import NoTransport, StatementNotIssued
from ledger.delivery.facts import DeliveryTaken, DeliveryTried, Means, tag
from ledger.errors import KeyReused
from ledger.orders import Cause
from ledger.settings import SmtpSecurity, override
from projections.engine import catch_up
from projections.statements.issue import issue
from projections.statements.period import month
from tests.api.harness import served
from tests.faults.kills import run
from tests.faults.processes import until, worker
from tests.ledger.builders import START, TERMS, a_ledger, mxn
from tests.ledger.people import somebody
from workers.post import send_due

CAUSE = Cause("marta", "test")
JANUARY = month("2026-01")
TODAY = date(2026, 2, 2)


class Mailbox:
    """What a mail server took, and what it says to each recipient or message."""

    def __init__(self):
        self.taken, self.recipients, self.messages = [], [], []
        self.before_answer = lambda: None

    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = self.recipients.pop(0) if self.recipients else "250 OK"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server, session, envelope):
        answer = self.messages.pop(0) if self.messages else "250 kept as 4711"
        if answer.startswith("250"):
            self.taken.append(message_from_bytes(envelope.content, policy=default))
        self.before_answer()
        return answer


@contextmanager
def mail_server(mailbox):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Controller(mailbox, hostname="127.0.0.1", port=port)
    server.start()
    try:
        yield port
    finally:
        server.stop()


@pytest.fixture
def mailbox():
    return Mailbox()


@pytest.fixture
def smtp(mailbox):
    with mail_server(mailbox) as port:
        yield port


def mailing(settings, port, **more):
    chosen = {"smtp_host": "127.0.0.1", "smtp_port": port, "smtp_security": SmtpSecurity.NONE,
              "smtp_from": "Préstamos Ñandú <estados@example.mx>",
              "delivery_retry_seconds": 0.05} | more  # fmt: skip
    return settings.model_copy(update=chosen)


@contextmanager
def a_lender(settings, loans=1, **person):
    """Loans of a registered borrower each."""
    with a_ledger(settings, TODAY) as ledger:
        for nth in range(loans):
            number, loan_no = f"B-{nth}", f"D-{nth}"
            loan_id = ledger.open_loan(
                loan_no=loan_no, terms=TERMS, effective_on=START, cause=CAUSE, borrower=number
            ).loan_id
            ledger.disburse(loan_id, principal=mxn("10000.00"), effective_on=START, cause=CAUSE)
            Registry(ledger).register(number, somebody(nth, **person), on=START, cause=CAUSE)
        yield ledger


def schedule(ledger, loan_no="D-0", means=Means.EMAIL, **given):
    return orders.order(ledger, ledger.find(loan_no), "schedule", means, CAUSE, **given)


def steps(ledger, one):
    return ledger.store.run(lambda c: register.steps(c, one))


def asked(settings, *words, code=0):
    with override(settings):
        told = CliRunner().invoke(app, ["delivery", *words, "--json"])
    assert told.exit_code == code, told.output
    return json.loads(told.stdout)


def standing(ledger):
    return ledger.store.run(lambda c: {one.loan_no: one for one in reversed(register.found(c))})


def test_a_document_goes_out_once_and_every_step_is_on_record(fresh_database, mailbox, smtp):
    with a_lender(mailing(fresh_database, smtp)) as ledger:
        made, before = schedule(ledger)
        again, known = schedule(ledger)
        assert (again.delivery_id, before, known) == (made.delivery_id, False, True)

        assert send_due(ledger) == (1, 0, 0)
        assert send_due(ledger) == (0, 0, 0)

        [mail] = mailbox.taken
        assert mail["To"] == "ana@example.mx"
        assert mail["Message-ID"] == f"<{made.delivery_id}@example.mx>"
        assert "Tabla de amortización" in mail["Subject"]
        assert "Estimado(a) Ana Lucía Gómez Núñez:" in mail.get_body().get_content()
        [file] = mail.iter_attachments()
        assert file.get_filename() == "D-0-schedule.pdf"
        assert file.get_content().startswith(b"%PDF-")
        taken = steps(ledger, made)
        assert [tag(one.fact) for one in taken] == [
            "delivery-ordered", "delivery-tried", "delivery-taken",
        ]  # fmt: skip
        assert taken[-1].fact == DeliveryTaken(answer="250 kept as 4711")
        [read] = Archive(ledger.store, Vault.of(ledger.settings)).readings("B-0")
        assert (read.actor, read.channel, read.what) == ("marta", "delivery", "to send schedule")


def test_while_the_server_is_down_all_waits_and_says_why(fresh_database, mailbox, smtp):
    with a_lender(mailing(fresh_database, 1), loans=3) as ledger:
        for nth in range(3):
            schedule(ledger, f"D-{nth}")
        down = send_due(ledger)

        assert (down.sent, down.refused) == (0, 0)
        kept = standing(ledger)
        assert {one.state for one in kept.values()} == {"waiting"}
        assert all("refused" in one.reason for one in kept.values())
        assert sum(one.attempts for one in kept.values()) < 3, "nobody knocks for each message"
        told = asked(fresh_database, "list", "--state", "waiting")
        assert told["counts"] == {"waiting": 3}
        assert "Connection refused" in told["deliveries"][0]["reason"]

    with a_ledger(mailing(fresh_database, smtp), TODAY) as ledger:
        time.sleep(0.2)
        assert send_due(ledger) == (3, 0, 0)
        assert len(mailbox.taken) == 3


def test_what_a_server_refuses_ends_and_what_it_puts_off_is_tried_so_often(
    fresh_database, mailbox, smtp
):
    mailbox.recipients = ["550 <ana@example.mx> nobody here", "250 OK", "250 OK"]
    mailbox.messages = ["452 full", "452 full"]
    with a_lender(mailing(fresh_database, smtp, delivery_attempts=2), loans=2) as ledger:
        schedule(ledger)
        schedule(ledger, "D-1")
        assert send_due(ledger) == (0, 1, 1)
        time.sleep(0.1)
        assert send_due(ledger) == (0, 1, 0)

        kept = standing(ledger)
        assert kept["D-0"].reason == "550 <(address)> nobody here"
        assert (kept["D-1"].reason, kept["D-1"].attempts) == ("452 full", 2)
        again, before = schedule(ledger, again=True)
        assert (again.nth, before) == (2, False)
        assert send_due(ledger) == (1, 0, 0)
        rows = ledger.store.run(
            lambda c: c.execute("SELECT body, reason FROM ledger.delivery_events JOIN"
                                " ledger.deliveries USING (delivery_id)").fetchall()
        )  # fmt: skip
        assert not any(b"ana@" in body or "ana@" in reason for body, reason in rows)


def test_the_address_is_sealed_with_its_borrower_and_goes_with_him(fresh_database, mailbox, smtp):
    with a_lender(mailing(fresh_database, smtp)) as ledger:
        made, _ = schedule(ledger)
        send_due(ledger)
        [(sealed,)] = ledger.store.run(
            lambda c: c.execute("SELECT sealed FROM ledger.delivery_events"
                                " WHERE type = 'delivery-tried'").fetchall()
        )  # fmt: skip
        entry = key_of(ledger)
        opened = Vault.of(ledger.settings).open(entry.id, entry.wrapped)
        assert opened.open(sealed, 2, f"delivery:{made.delivery_id}", 1) == b"ana@example.mx"

        Registry(ledger).forget("B-0", Ground.REQUEST, cause=CAUSE)
        assert key_of(ledger).wrapped is None
        schedule(ledger, again=True)
        assert send_due(ledger) == (0, 1, 0)
        assert "not in the register" in standing(ledger)["D-0"].reason
        assert len(mailbox.taken) == 1


def key_of(ledger):
    return ledger.store.run(lambda c: book.entries(c, ["B-0"]))["B-0"]


def test_killed_in_a_try_it_repeats_only_that_one_under_the_same_id(fresh_database, mailbox, smtp):
    chosen = mailing(fresh_database, smtp)
    with a_lender(chosen, loans=3) as ledger:
        for nth in range(3):
            schedule(ledger, f"D-{nth}")
    process = None

    def strike():
        if len(mailbox.taken) == 2:
            os.kill(process.pid, signal.SIGKILL)

    mailbox.before_answer = strike
    environment = os.environ | chosen.environment() | {
        "CARTERA_SMTP_HOST": "127.0.0.1", "CARTERA_SMTP_PORT": str(smtp),
        "CARTERA_SMTP_SECURITY": "none", "CARTERA_SMTP_FROM": "a@example.mx",
    }  # fmt: skip
    process = subprocess.Popen(
        [Path(sys.executable).with_name("cartera"), "delivery", "run"], env=environment
    )
    process.wait(60)
    assert process.returncode == -signal.SIGKILL
    mailbox.before_answer = lambda: None

    with a_ledger(chosen, TODAY) as ledger:
        until(lambda: send_due(ledger).sent or len(mailbox.taken) == 4)
        send_due(ledger)
        ids = [mail["Message-ID"].split("@")[0] for mail in mailbox.taken]
        assert len(ids) == 4
        assert len(set(ids)) == 3
        assert ids[1] in ids[2:], "the one whose answer nobody heard"
        tries = [
            sum(isinstance(step.fact, DeliveryTried) for step in steps(ledger, one))
            for one in standing(ledger).values()
        ]
        assert sorted(tries) == [1, 1, 2]


class Provider:
    """A provider of SMS and WhatsApp that answers as it is told."""

    def __init__(self):
        self.answers, self.taken = [], []

    @contextmanager
    def serving(self):
        ours = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                ours.taken.append((self.headers["Idempotency-Key"], body,
                                   self.headers["Authorization"]))  # fmt: skip
                self.send_response(ours.answers.pop(0) if ours.answers else 202)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/messages"
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def test_a_provider_takes_short_texts_with_a_key_by_which_it_knows_a_repeat(fresh_database):
    provider = Provider()
    provider.answers = [503, 202, 202, 401, 202, 400]
    with provider.serving() as url:
        chosen = fresh_database.model_copy(
            update={"provider_url": url, "delivery_retry_seconds": 0.05}
        )
        with a_lender(chosen) as ledger:
            one, _ = schedule(ledger, means=Means.SMS)
            assert send_due(ledger) == (0, 0, 1)
            time.sleep(0.1)
            assert send_due(ledger) == (1, 0, 0)
            two, _ = schedule(ledger, means=Means.WHATSAPP)
            assert send_due(ledger) == (1, 0, 0)
            schedule(ledger, means=Means.SMS, again=True)
            assert send_due(ledger) == (0, 0, 1)
            time.sleep(0.1)
            assert send_due(ledger) == (1, 0, 0)
            schedule(ledger, means=Means.SMS, again=True)
            assert send_due(ledger) == (0, 1, 0)

    keys = [key for key, _, _ in provider.taken]
    assert keys[:3] == [str(one.delivery_id), str(one.delivery_id), str(two.delivery_id)]
    bodies = [body for _, body, _ in provider.taken]
    assert bodies[0]["to"] == "+525512345678"
    assert "Tabla de amortización" in bodies[0]["text"]
    assert bodies[0]["file"] is None
    assert bodies[2]["file"]["media_type"] == "application/pdf"


def test_an_order_needs_a_transport_and_a_statement_that_was_issued(fresh_database, smtp):
    with a_lender(fresh_database) as ledger, pytest.raises(NoTransport, match="CARTERA_SMTP_HOST"):
        schedule(ledger)
    with a_ledger(mailing(fresh_database, smtp), TODAY) as ledger:
        with pytest.raises(StatementNotIssued, match="statement issue 2026-01"):
            orders.order_month(ledger, JANUARY.ends_on, Means.EMAIL, CAUSE)
        keyed = replace(CAUSE, idempotency_key="k-1")
        one = ledger.find("D-0")
        first, _ = orders.order(ledger, one, "schedule", Means.EMAIL, keyed)
        assert orders.order(ledger, one, "schedule", Means.EMAIL, keyed) == (first, True)
        with pytest.raises(KeyReused):
            orders.order(ledger, one, "receipt 1", Means.EMAIL, keyed)


def test_a_changed_fact_is_found(fresh_database, smtp):
    with a_lender(mailing(fresh_database, smtp), loans=2) as ledger:
        made, _ = schedule(ledger)
        schedule(ledger, "D-1")
        send_due(ledger)
        assert register.verify(ledger.store) == (6, [])
    with connect(fresh_database, owner=True, autocommit=True) as owner:
        change = "UPDATE ledger.delivery_events SET body = ''"
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            owner.execute(change)
        owner.execute("ALTER TABLE ledger.delivery_events DISABLE TRIGGER append_only")
        owner.execute(
            "UPDATE ledger.delivery_events SET body = %s WHERE delivery_id = %s AND version = 3",
            [b'{"type":"delivery-taken","answer":"never"}', made.delivery_id],
        )
    assert asked(fresh_database, "verify", code=1)["findings"][0]["version"] == 3


def test_a_month_by_rest_is_sent_by_a_worker_that_finds_it_itself(
    fresh_database, mailbox, smtp, tmp_path, monkeypatch
):
    chosen = mailing(fresh_database, smtp)
    with a_lender(chosen, loans=2):
        run(fresh_database, ["close", "--through", str(JANUARY.ends_on)])
    with connect(fresh_database) as connection:
        catch_up(connection)
    issue(fresh_database, JANUARY, tmp_path, today=TODAY, processes=1)
    for name, value in (("HOST", "127.0.0.1"), ("PORT", smtp), ("SECURITY", "none"),
                        ("FROM", "a@example.mx")):  # fmt: skip
        monkeypatch.setenv(f"CARTERA_SMTP_{name}", str(value))

    with served(chosen, TODAY) as client:
        body = {"month": "2026-01"}
        assert client.post("/v1/deliveries", body, role="auditor").status_code == 403
        assert client.post("/v1/deliveries", body).json() == {"ordered": 2, "before": 0}
        assert client.post("/v1/deliveries", body).json() == {"ordered": 0, "before": 2}
        unissued = client.post("/v1/deliveries", {"month": "2025-12"})
        assert (unissued.status_code, unissued.json()["code"]) == (422, "statement-not-issued")
        letter = {"kind": "no_debt"}
        refused = client.post("/v1/loans/D-0/letter-deliveries", letter)
        assert (refused.status_code, refused.json()["code"]) == (409, "nothing-owed-letter")
        with worker(fresh_database):
            until(lambda: len(mailbox.taken) == 2)
            until(lambda: client.get("/v1/deliveries").json()["counts"] == {"sent": 2})
        one = client.post("/v1/loans/D-0/statement-deliveries", body).json()
        assert (one["state"], one["repeated"]) == ("sent", True)
    names = {next(mail.iter_attachments()).get_filename() for mail in mailbox.taken}
    assert names == {"D-0-2026-01.pdf", "D-1-2026-01.pdf"}
