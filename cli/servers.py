"""The servers, the schema, workers and keys: what has to run before a book can be kept."""

import signal
import socket
import sys
import threading
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from cli.console import Exit, answer, fail, say, show, table
from cli.ready import ready
from ledger.settings import Settings, settings

servers = typer.Typer(help="How servers of your own are to be set.", no_args_is_help=True)
key = typer.Typer(help="Keys to the API, with roles.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
TOKEN_FILE = "token"  # noqa: S105  the name of a file


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("up")(up)
    app.command("stop")(stop)
    app.command("migrate")(migrate)
    app.command("worker")(worker)
    app.add_typer(servers, name="servers")
    app.add_typer(key, name="key")


def up(
    worker: Annotated[bool, typer.Option(help="Run queued work in this process too.")] = True,
) -> None:
    """Start the servers, bring the schema up to date, and serve REST and GraphQL."""
    chosen = settings()
    free_port(chosen)
    prepare(chosen)
    serve(chosen, worker=worker)


def stop() -> None:
    """Stop the embedded servers, whoever uses them."""
    from ledger.servers import stop as stop_servers

    stop_servers(settings())
    say("stopped")


def migrate(as_json: AsJson = False) -> None:
    """Bring the database's schema up to date."""
    applied = prepare(settings())
    if as_json:
        answer({"applied": applied})
    else:
        say("\n".join(f"applied {version}" for version in applied) or "nothing to apply")


@servers.command("settings")
def server_settings(
    memory_mb: Annotated[int | None, typer.Option(min=512, help="Of the server's machine.")] = None,
    cores: Annotated[int | None, typer.Option(min=1, help="Of the server's machine.")] = None,
    disk_mb: Annotated[int | None, typer.Option(min=1_024, help="Free for its data.")] = None,
    replicas: Annotated[bool, typer.Option("--replicas", help="Replicas follow it.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print PostgreSQL's settings for a machine of its own, by default one like this."""
    from ledger import tuning

    here = tuning.this_machine(settings().var_dir.absolute())
    machine = tuning.Machine(memory_mb or here.memory_mb, cores or here.cores,
                             disk_mb or here.disk_mb)  # fmt: skip
    chosen = tuning.settings(machine, alone=True, replicated=replicas)
    if as_json:
        answer(chosen)
    else:
        say(tuning.as_conf(chosen).rstrip())


def worker(
    threads: Annotated[int, typer.Option(min=1, max=64, help="Jobs at the same time.")] = 2,
) -> None:
    """Work off queued jobs until stopped: closes of day, payment files, read models."""
    from workers.main import work

    work(ready(), threads=threads)


@key.command("create")
def create_key(
    name: Annotated[str, typer.Argument(help="Who will use it.")],
    role: Annotated[list[str], typer.Option("--role", help="May be given more than once.")],
    as_json: AsJson = False,
) -> None:
    """Issue a key; its token is shown this once."""
    from ledger.api_keys import UnknownRole, issue_key
    from ledger.database import connect

    if not name.strip() or not name.isprintable():
        fail("name: must say who will use the key, in printable characters")
    try:
        with connect(ready()) as connection:
            token = issue_key(connection, name, role)
    except UnknownRole as error:
        fail(f"{error.field}: {error}")
    if as_json:
        answer({"name": name, "roles": sorted(set(role)), "token": token})
    else:
        say(token)


@key.command("list")
def list_keys(as_json: AsJson = False) -> None:
    """Every key ever issued, never its token."""
    from ledger.api_keys import keys
    from ledger.database import connect

    with connect(ready()) as connection:
        found = keys(connection)
    if as_json:
        answer(found)
        return
    shown = table("Keys", "id", "name", "roles", "created", "revoked")
    for one in found:
        revoked = f"{one.revoked_at:%Y-%m-%d %H:%M}" if one.revoked_at else ""
        roles = ", ".join(sorted(one.roles))
        shown.add_row(str(one.id), one.name, roles, f"{one.created_at:%Y-%m-%d %H:%M}", revoked)
    show(shown)


@key.command("revoke")
def close_key(
    key_id: Annotated[UUID, typer.Argument(metavar="ID", help="As `key list` shows it.")],
) -> None:
    """Close a key for good."""
    from ledger.api_keys import revoke_key
    from ledger.database import connect

    with connect(ready()) as connection:
        if not revoke_key(connection, key_id):
            fail(f"id: no open key has the id {key_id}")
    say("revoked")


def prepare(chosen: Settings) -> list[str]:
    """Servers found or started, schema up to date; the versions applied."""
    from ledger.migrate import migrate as run_migrations

    return run_migrations(chosen)


def free_port(chosen: Settings) -> None:
    """End with one line if somebody listens on our port already."""
    with socket.socket(socket.AF_INET6 if ":" in chosen.http_host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((chosen.http_host, chosen.http_port))
        except OSError as error:
            at = f"{chosen.http_host}:{chosen.http_port}"
            fail(
                f"http_port: cannot listen on {at}: {error.strerror}; set CARTERA_HTTP_PORT",
                Exit.ENVIRONMENT,
            )


def development_token(chosen: Settings) -> str:
    """A token with every role for this data directory, kept in it for its owner's eyes only."""
    from ledger.api_keys import ROLES, check_key, issue_key
    from ledger.database import connect

    path = chosen.var_dir / TOKEN_FILE
    with connect(chosen) as connection:
        kept = path.read_text().strip() if path.exists() else ""
        if kept and check_key(connection, kept) is not None:
            return kept
        token = issue_key(connection, "development", ROLES)
    _keep(path, token)
    return token


def _keep(path: Path, token: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(token + "\n")


def serve(chosen: Settings, *, worker: bool = True) -> None:
    """Serve until interrupted, and print where and with which token."""
    import uvicorn

    from api.app import create_app

    base = f"http://{chosen.http_host}:{chosen.http_port}"
    say(f"REST     {base}/v1      described at {base}/openapi.json")
    say(f"GraphQL  {base}/graphql")
    if chosen.database_url is None:
        say(f"token    {development_token(chosen)}")
    else:
        say("token    issue one with: cartera key create NAME --role operator")
    say("Ctrl-C ends it.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(Exit.FINE))  # as Ctrl-C: servers end too
    ended = threading.Event()
    helper = threading.Thread(target=_work, args=(chosen, ended), name="worker", daemon=True)
    if worker:
        helper.start()
    try:
        uvicorn.run(
            create_app(chosen),
            host=chosen.http_host,
            port=chosen.http_port,
            log_level="warning",
        )
    finally:
        ended.set()
        if worker:
            helper.join(timeout=30)


def _work(chosen: Settings, ended: threading.Event) -> None:
    from workers.main import work

    work(chosen, stop=ended)
