"""Embedded servers: started once, shared by processes, and losing nothing when killed."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pytest
import redis

from ledger import servers
from ledger.database import connect, pool
from ledger.servers import (
    DataDirOfAnotherUser,
    OtherPostgresVersion,
    ServerError,
    SocketDirNotPrivate,
    VarDirNotWritable,
    postgres_url,
    redis_url,
    stop,
)
from ledger.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


def own_servers(path):
    return Settings(var_dir=path, database_url=None, redis_url=None)


def child(code, settings):
    """Another process of ours, on the same servers."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    environment = os.environ | settings.environment() | {"PYTHONPATH": path}
    return subprocess.Popen(
        [sys.executable, "-c", f"from ledger.settings import settings\n{code}"],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def postmaster(path):
    return int((path / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def kept(settings):
    with connect(settings, owner=True) as connection:
        return connection.execute("SELECT n FROM kept").fetchall()


def keep_one(settings):
    with connect(settings, owner=True) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        connection.execute("INSERT INTO kept VALUES (1)")


def running(path):
    return (path / "postgres" / "postmaster.pid").exists()


def let_go():
    servers._release_all()


def test_a_given_url_is_used_as_it_is_and_starts_nothing(tmp_path):
    given = Settings(database_url="postgresql://db/x", redis_url="redis://q", var_dir=tmp_path)

    assert postgres_url(given) == "postgresql://db/x"
    assert redis_url(given) == "redis://q"
    assert list(tmp_path.iterdir()) == []


def test_a_second_process_attaches_and_its_end_leaves_the_server_running(short_var):
    ours = own_servers(short_var)
    url = postgres_url(ours)
    first = postmaster(short_var)

    other = child("from ledger.servers import *; print(postgres_url(settings()))", ours)
    said, _ = other.communicate(timeout=60)

    assert said.strip() == url
    assert postmaster(short_var) == first
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_the_last_process_to_end_stops_the_servers(short_var):
    ours = own_servers(short_var)
    code = "from ledger.servers import *; print(postgres_url(settings()), flush=True); input()"
    one, two = child(code, ours), child(code, ours)
    assert one.stdout.readline() == two.stdout.readline()

    one.communicate("\n", timeout=60)
    assert running(short_var)

    two.communicate("\n", timeout=60)
    assert not running(short_var)


def test_a_process_killed_outright_keeps_no_claim_on_the_servers(short_var):
    ours = own_servers(short_var)
    code = "from ledger.servers import *; print(postgres_url(settings()), flush=True); input()"
    killed = child(code, ours)
    killed.stdout.readline()
    killed.kill()
    killed.communicate()
    assert running(short_var)

    child("from ledger.servers import *; postgres_url(settings())", ours).communicate(timeout=60)

    assert not running(short_var)


def test_a_forked_child_keeps_the_server_its_parent_leaves(short_var):
    ours = own_servers(short_var)
    code = (
        "import os\nfrom ledger.servers import *\nimport ledger.servers\n"
        "postgres_url(settings())\n"
        "if os.fork() == 0:\n    input(); print(running := 1, flush=True)\n"
    )
    parent = child(code, ours)
    parent.wait(timeout=60)
    assert running(short_var)

    parent.communicate("\n", timeout=60)
    deadline = time.monotonic() + 10
    while running(short_var) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not running(short_var)


def test_a_killed_postmaster_loses_no_committed_row(short_var):
    ours = own_servers(short_var)
    keep_one(ours)
    killed = postmaster(short_var)

    os.kill(killed, signal.SIGKILL)

    assert kept(ours) == [(1,)]
    assert postmaster(short_var) != killed


def test_a_pool_meets_the_restarted_server_again(short_var):
    ours = own_servers(short_var)
    keep_one(ours)
    with pool(ours, owner=True) as connections:
        with connections.connection() as connection:
            connection.execute("SELECT 1")

        stop(ours)
        postgres_url(ours)

        with connections.connection() as connection:
            assert connection.execute("SELECT n FROM kept").fetchall() == [(1,)]


def test_data_survives_a_stop(short_var):
    ours = own_servers(short_var)
    keep_one(ours)

    stop(ours)
    assert not running(short_var)

    assert kept(ours) == [(1,)]


def test_fsync_stays_on_and_no_port_is_opened(short_var):
    ours = own_servers(short_var)

    with connect(ours, owner=True) as connection:
        shown = [
            connection.execute(f"SHOW {n}").fetchone()[0] for n in ("fsync", "listen_addresses")
        ]
        most = connection.execute("SHOW max_connections").fetchone()[0]

    assert shown == ["on", ""]
    assert most == "200"


@pytest.mark.parametrize("end", ["stop", "kill -9"])
def test_queued_work_survives_a_restart_of_valkey(short_var, end):
    ours = own_servers(short_var)
    with redis.Redis.from_url(redis_url(ours)) as client:
        client.rpush("queue", "job")
        if end == "kill -9":
            os.kill(int((short_var / "valkey" / "valkey.pid").read_text()), signal.SIGKILL)
        else:
            stop(ours)

    with redis.Redis.from_url(redis_url(ours)) as client:
        assert client.lrange("queue", 0, -1) == [b"job"]


def test_a_directory_too_deep_for_a_socket_gets_a_private_short_one(short_var):
    deep = short_var / ("d" * 100)
    ours = own_servers(deep)
    try:
        keep_one(ours)
        with redis.Redis.from_url(redis_url(ours)) as client:
            assert client.ping()

        used = servers._socket_path(deep / "postgres", ".s.PGSQL.5432")
        assert len(str(used)) <= 107
        assert stat.S_IMODE(used.parent.stat().st_mode) == 0o700
    finally:
        stop(ours)

    assert not used.parent.exists()


def test_a_short_socket_directory_open_to_others_is_refused(short_var):
    data = short_var / ("d" * 100) / "valkey"
    used = servers._socket_path(data, "valkey.sock").parent
    used.mkdir(mode=0o700)
    used.chmod(0o777)
    try:
        with pytest.raises(SocketDirNotPrivate, match=str(used)):
            redis_url(own_servers(data.parent))
    finally:
        used.rmdir()


@pytest.mark.parametrize("url", [postgres_url, redis_url])
def test_a_directory_that_cannot_be_written_is_named(tmp_path, url):
    (tmp_path / "file").touch()
    var = tmp_path / "file" / "var"

    with pytest.raises(VarDirNotWritable, match=str(var)):
        url(own_servers(var))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_directory_is_named(tmp_path):
    tmp_path.chmod(0o500)

    with pytest.raises(VarDirNotWritable, match="Permission denied"):
        postgres_url(own_servers(tmp_path))


def test_data_of_another_postgres_version_is_left_alone_and_named(short_var):
    ours = own_servers(short_var)
    postgres_url(ours)
    stop(ours)
    (short_var / "postgres" / "PG_VERSION").write_text("15\n")

    with pytest.raises(OtherPostgresVersion, match=r"postgres holds data of PostgreSQL 15"):
        postgres_url(ours)


@pytest.mark.parametrize(("url", "folder"), [(postgres_url, "postgres"), (redis_url, "valkey")])
def test_data_of_another_user_is_left_alone_and_named(short_var, url, folder, monkeypatch):
    data = short_var / folder
    data.mkdir()
    if os.geteuid() == 0:
        os.chown(data, 4321, -1)
    else:
        other = servers.pwd.getpwnam("daemon")
        monkeypatch.setattr(servers.os, "geteuid", lambda: other.pw_uid)

    with pytest.raises(DataDirOfAnotherUser, match=f"{data} belongs to user id") as raised:
        url(own_servers(short_var))

    assert isinstance(raised.value, ServerError)


def test_processes_that_start_together_end_up_on_one_server(short_var):
    ours = own_servers(short_var)
    code = (
        "from ledger.database import connect\nfrom ledger.servers import redis_url\n"
        "c = connect(settings(), owner=True)\n"
        "print(c.execute('SELECT pg_postmaster_start_time()').fetchone(), redis_url(settings()),"
        " flush=True)\ninput()"
    )
    together = [child(code, ours) for _ in range(4)]
    answers = {process.stdout.readline() for process in together}

    for process in together:
        process.communicate("\n", timeout=60)

    assert len(answers) == 1
