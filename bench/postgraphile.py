"""PostGraphile 5 over the same read models, from npm, where node is there."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from psycopg import Connection
from psycopg.rows import TupleRow

PACKAGES = ("postgraphile@5.1.5", "node@24")
INSTALL_SECONDS = 400

CONFIG = """import "postgraphile";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { makePgService } from "postgraphile/adaptors/pg";
export default {
  extends: [PostGraphileAmberPreset],
  pgServices: [makePgService({ connectionString: process.env.DATABASE_URL, schemas: ["read"] })],
  grafserv: { graphiql: false, watch: false },
  grafast: { explain: false },
};
"""

RELATED = """
    COMMENT ON TABLE read.schedule IS '@foreignKey (loan_id) references read.loans (loan_id)'
"""
"""Ours keeps no foreign keys between read models; this tells it how they hang together."""


class NotMeasured(RuntimeError):
    """Why the peer is not in the run."""


def installed(home: Path, *, fetch: bool) -> Path:
    """A folder with PostGraphile in it, made once if ``fetch``. Errors: ``NotMeasured``."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise NotMeasured("node and npm are not here")
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "node_modules" / "postgraphile").exists():
        if not fetch:
            raise NotMeasured("a full run installs it first")
        (home / "package.json").write_text('{"name": "peer", "private": true}')
        for arguments in (["install", *PACKAGES, "--no-audit", "--no-fund"], ["rebuild", "node"]):
            done = subprocess.run(
                [npm, *arguments], cwd=home, capture_output=True, text=True, check=False,
                timeout=INSTALL_SECONDS,
            )  # fmt: skip
            if done.returncode:
                raise NotMeasured(f"npm {arguments[0]} failed: {done.stderr.strip()[-200:]}")
    (home / "graphile.config.mjs").write_text(CONFIG)
    return home


@contextmanager
def serving(home: Path, target: dict[str, str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """One PostGraphile process on that database."""
    host = quote(target["host"], safe="")
    url = f"postgresql://{target['user']}@{host}:{target.get('port', '5432')}/{target['dbname']}"
    environment = {**os.environ, "NODE_ENV": "production", "GRAPHILE_ENV": "production",
                   "DATABASE_URL": url}  # fmt: skip
    command = [
        str(home / "node_modules" / ".bin" / "node"),
        str(home / "node_modules" / "postgraphile" / "dist" / "cli-run.js"),
        "-p", str(port), "-n", "127.0.0.1",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=home, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=20)


def related(connection: Connection[TupleRow]) -> None:
    """Let it see which tables hang together."""
    connection.execute(RELATED)
