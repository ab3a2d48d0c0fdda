"""docs/postgresql.md: its commands are run on a real server, and every report says there what it says from a file."""

from __future__ import annotations

import re
import shlex
import shutil
import socket
import sqlite3
import subprocess
import threading
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.sql import visitors

import postgres
from calsignal import demo
from calsignal.config import Settings
from calsignal.demo import demo_settings, play
from calsignal.demo.dana import DANAS_PLAY
from calsignal.demo.robin import ROBINS_PLAY
from calsignal.errors import StoreError
from calsignal.store import Store, open_store
from calsignal.store import postgresql as particular
from cli.desk import Desk
from databases import execute, is_sqlite, rows

PAGE = (Path(__file__).parents[1] / "docs" / "postgresql.md").read_text(encoding="utf-8")
SET_UP, LATER, ANEW = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
SHELL = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
[SETTINGS] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
[PASSWORD_LINE] = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)

MORNING = datetime(2026, 3, 17, 8, tzinfo=UTC)
WRITER, READER, FIRST = "calsignal_writer", "calsignal_reader", "calsignal"
PASSWORDS = {WRITER: "wr1te-s3same", READER: "re4d-s3same"}
CONFIG = """\
[team]
domains = ["ours.example"]
timezone = "Europe/Berlin"
[teams]
North = ["dana@ours.example"]
South = ["robin@ours.example"]
"""
REPORTS = (
    "digest --rep robin@ours.example",
    "digest --format json",
    "digest --all --as-of 2026-03-02",
    "account 'Brightwater Foods'",
    "account 'Eastgate Logistics' --format json",
    "audit --all --backtest --contest",
    "audit --format json",
    "audit --format csv --table reps",
    "connections",
    "accounts list",
    "accounts suggest",
    "deals list",
    "calibrate",
)


@dataclass
class Team:
    """A server set up as the page says, and the same two months in its store and in a file."""

    server: postgres.Server
    folder: Path
    file: str

    def url(self, role: str = WRITER, database: str = FIRST) -> str:
        """Return the URL of the page, with the name of the server in its place."""
        shown = re.search(r'url = "(.*)"', SETTINGS)
        assert shown is not None
        url = sa.make_url(shown[1]).set(host=None, username=role, database=database)
        return url.update_query_dict({"host": str(self.server.folder)}).render_as_string(hide_password=False)

    def psql(self, script: str) -> str:
        """Run a script of the page; passwords are set without being asked for."""
        for role, password in PASSWORDS.items():
            script = script.replace(f"\\password {role}\n", f"ALTER ROLE {role} PASSWORD '{password}';\n")
        return self.server.command("psql", "-X", "-v", "ON_ERROR_STOP=1", text=script)

    def shell(self, line: str) -> str:
        """Run a command of the page."""
        name, *words = shlex.split(line.replace("--host db.example", f"--host {self.server.folder}"))
        paths = [str(self.folder / word) if word == "calsignal.dump" else word for word in words]
        return self.server.command(name, *paths, PGPASSFILE=str(self.folder / "pgpass"))

    def desk(self, url: str) -> Desk:
        """Return the machine of somebody whose store is there."""
        folder = self.folder / re.sub(r"\W+", "-", url)[-40:]
        folder.mkdir(exist_ok=True)
        desk = Desk(folder, clock=lambda: MORNING)  # type: ignore[arg-type]
        desk.environ["CALSIGNAL_DATABASE_URL"] = url
        desk.write(CONFIG)
        return desk

    def reports(self, url: str, commands: Iterable[str] = REPORTS) -> dict[str, str]:
        desk = self.desk(url)
        return {command: desk.ok(*shlex.split(command)) for command in commands}


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Team]:
    with postgres.server(passwords=True) as server, pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("team")
        made = Team(server, folder, f"sqlite:///{folder / 'data.sqlite3'}")
        made.psql(SET_UP)
        (folder / "pgpass").write_text("".join(_password_lines(server)))
        (folder / "pgpass").chmod(0o600)
        patch.setenv("PGPASSFILE", str(folder / "pgpass"))
        patch.setattr(demo, "PLAY", (*ROBINS_PLAY, *DANAS_PLAY))  # two of twelve reps: enough to compare
        for url in (made.file, made.url()):
            with open_store(url) as store:
                play(store, demo_settings(Settings()), MORNING)
        yield made


def _password_lines(server: postgres.Server) -> Iterator[str]:
    for role, password in PASSWORDS.items():
        line = PASSWORD_LINE.replace("db.example:5432", f"{server.folder}:*").replace(":calsignal:", ":*:")
        yield line.replace(WRITER, role).replace("the-password", password)


@pytest.fixture(scope="module")
def told(team: Team) -> dict[str, str]:
    """Return what the reports say from the file."""
    return team.reports(team.file)


# --- the same reports -------------------------------------------------------------------------------------------------


def test_a_reader_is_told_byte_for_byte_what_the_file_tells(team: Team, told: dict[str, str]) -> None:
    heard: list[object] = []

    def hear(conn: object, statement: object, *_: object) -> None:
        heard.append(statement)

    sa.event.listen(sa.Engine, "before_execute", hear)
    try:
        read = team.reports(team.url(READER))
    finally:
        sa.event.remove(sa.Engine, "before_execute", hear)

    assert read == told
    assert [name for name, text in told.items() if len(text) < 60] == ["accounts suggest"]  # all are accounts
    assert "Brightwater" in told["digest --rep robin@ours.example"]
    # each database may have an order of letters of its own: that is not left to it
    assert len(heard) > 100
    assert {name for one in heard if isinstance(one, sa.ClauseElement) for name in words_sorted(one)} == set()


def words_sorted(statement: sa.ClauseElement) -> Iterator[str]:
    """Yield the columns of words by which a statement sorts, or of which it takes the first or the last."""
    for part in visitors.iterate(statement):
        inside: list[object] = []
        if isinstance(part, sa.Select):
            inside = list(part._order_by_clauses)
        elif isinstance(part, sa.sql.functions.min | sa.sql.functions.max):
            inside = [part]
        for one in inside:
            assert isinstance(one, sa.ClauseElement)
            for leaf in visitors.iterate(one):
                if isinstance(leaf, sa.Column) and leaf.type.python_type is str:
                    yield str(leaf)


def test_the_ear_for_sorted_words_hears_them() -> None:
    table = sa.table("t", sa.Column("name", sa.Text), sa.Column("day", sa.Integer))

    assert list(words_sorted(sa.select(table.c.day).order_by(table.c.day, table.c.name.desc()))) == ["t.name"]
    assert list(words_sorted(sa.select(sa.func.max(table.c.name)))) == ["t.name"]
    assert list(words_sorted(sa.select(table).order_by(table.c.day))) == []


# --- who may do what --------------------------------------------------------------------------------------------------


def test_a_reader_can_change_nothing(team: Team) -> None:
    before = rows(team.url())
    desk = team.desk(team.url(READER))

    for command in ("accounts add Xylo xylo.example", "accounts remove 'Kestrel Media'", "sync"):
        said = desk.fails(3, *shlex.split(command))
        assert "may only be read with this login" in said
        assert "hint: use the login of the role that writes: docs/postgresql.md" in said

    assert rows(team.url()) == before
    with pytest.raises(sa.exc.DBAPIError, match="permission denied"):
        execute(team.url(READER), "SET default_transaction_read_only = off", "DELETE FROM people")


def test_a_reader_can_read_the_tables_of_later_versions(team: Team) -> None:
    execute(team.url(), "CREATE TABLE later (day text)")

    found = execute(team.url(READER), "SELECT * FROM later")

    execute(team.url(), "DROP TABLE later")
    assert found == []


def test_tables_that_were_there_before_the_reader_can_be_granted_later(team: Team) -> None:
    team.server.run("REVOKE SELECT ON ALL TABLES IN SCHEMA public FROM calsignal_reader", database=FIRST)
    refused = team.desk(team.url(READER)).fails(3, "digest")

    team.psql(f"\\connect {FIRST}\n{LATER}")

    assert "may not be read with this login" in refused
    assert team.desk(team.url(READER)).ok("accounts", "list")


def test_nobody_else_gets_in(team: Team) -> None:
    team.server.run("CREATE ROLE stranger LOGIN PASSWORD 'x'")

    with pytest.raises(StoreError, match="does not let this login in"):
        open_store(team.server.url_of(FIRST, "stranger", "x"))

    team.server.run("DROP ROLE stranger")


# --- sentences --------------------------------------------------------------------------------------------------------


def deaf() -> Iterator[tuple[str, int]]:
    """Give a place at which something listens that has no TLS."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()

        def answer() -> None:
            with listening.accept()[0] as one:
                one.recv(8)
                one.sendall(b"N")

        thread = threading.Thread(target=answer)
        thread.start()
        yield listening.getsockname()
        thread.join()


def _closed_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.mark.parametrize(
    ("change", "fact"),
    [
        ({"password": "wr0ng-s3same"}, "does not let this login in"),
        ({"username": "nobody", "password": "wr0ng-s3same"}, "does not let this login in"),
        ({"database": "nowhere", "password": PASSWORDS[WRITER]}, "there is no such database"),
        ({"host": "127.0.0.1", "password": "wr0ng-s3same", "query": {}}, "cannot be reached"),
        ({"host": "nobody.invalid", "password": "wr0ng-s3same", "query": {}}, "cannot be reached"),
        ({"drivername": "postgresql+nodriver", "password": "wr0ng-s3same"}, "no driver for the store"),
        ({"query": {"password": "wr0ng-s3same", "host": "/nowhere"}}, "cannot be reached"),
    ],
    ids=["password", "user", "database", "port", "host", "driver", "socket"],
)
def test_a_server_that_lets_nobody_in_is_a_sentence(team: Team, change: dict[str, object], fact: str) -> None:
    url = sa.make_url(team.url()).set(**change)  # type: ignore[arg-type]
    url = url.set(port=_closed_port()) if url.host == "127.0.0.1" else url
    desk = team.desk(team.url())
    desk.environ["CALSIGNAL_DATABASE_URL"] = url.render_as_string(hide_password=False)

    for command in (("digest",), ("--debug", "sync"), ("--debug", "digest")):
        result = desk.run(*command)
        assert (result.exit_code, result.stdout) == (3, "")
        assert fact in result.stderr
        assert "hint: " in result.stderr
        assert "s3same" not in result.output
    told = desk.run("doctor", "--offline")
    assert (told.exit_code, "s3same" in told.output, "nobody.invalid" in told.output) == (1, False, False)


def test_a_server_without_tls_is_a_sentence() -> None:
    for host, port in deaf():
        with pytest.raises(StoreError, match="do not agree on TLS"):
            open_store(f"postgresql://me:s3same@{host}:{port}/team?sslmode=verify-full&sslrootcert=system")


def test_a_writer_that_may_make_no_tables_is_told(team: Team) -> None:
    team.server.run("CREATE DATABASE bare TEMPLATE template0")

    said = team.desk(team.url(WRITER, "bare")).fails(3, "sync")

    team.server.run("DROP DATABASE bare")
    assert "may only be read with this login" in said


# --- the check-up -----------------------------------------------------------------------------------------------------


def test_the_check_up_tells_of_the_server_and_of_nobody(team: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = team.desk(team.url())

    text = desk.run("doctor", "--offline").stdout

    assert re.search(r"a database on a server: schema 0001, \d+(\.\d)? [kM]B", text)
    assert re.search(r"the server is PostgreSQL \d+\.\d+", text)
    assert "it can be written to" in text
    assert "damage" not in text
    assert not re.search(f"{WRITER}|{team.server.folder}|{FIRST}_", text)

    monkeypatch.setattr(particular, "OLDEST", 99)
    assert re.search(r"PostgreSQL \d+\.\d+ is too old", desk.run("doctor", "--offline").stdout)


def test_the_check_up_of_a_reader_has_no_problem_with_reading(team: Team) -> None:
    desk = team.desk(team.url(READER))

    text = " ".join(desk.run("doctor", "--offline").stdout.split())

    assert "this login may only read it: enough for every report, not for `calsignal sync`" in text


# --- backup and restore -----------------------------------------------------------------------------------------------

FEW = ("digest --format json", "account 'Brightwater Foods'", "audit --format json")


def test_a_dump_that_was_restored_gives_the_same_reports_to_the_same_reader(team: Team, told: dict[str, str]) -> None:
    dump, restore = [line for line in SHELL if line.startswith("pg_")]

    team.shell(dump)
    team.psql(ANEW)
    team.shell(restore)

    assert sorted(rows(team.url(WRITER, "calsignal_restored"))) == sorted(rows(team.url()))
    assert team.reports(team.url(READER, "calsignal_restored"), FEW) == {name: told[name] for name in FEW}
    execute(team.url(WRITER, "calsignal_restored"), "CREATE TABLE later (day text)")
    assert execute(team.url(READER, "calsignal_restored"), "SELECT * FROM later") == []


def test_a_copy_of_the_file_that_was_put_back_gives_the_same_reports(
    team: Team, told: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / ".local/share/calsignal/calsignal.sqlite3"
    place.parent.mkdir(parents=True)
    shutil.copy(team.file.removeprefix("sqlite:///"), place)
    copy, *restore = SHELL[SHELL.index("umask 077") + 1 :]
    url = f"sqlite:///{place}"

    def run(line: str) -> None:
        program, *words = shlex.split(line)
        if program == "sqlite3" and shutil.which(program) is None:
            with closing(sqlite3.connect(Path(words[0]).expanduser())) as raw:
                raw.execute(words[1])
            return
        subprocess.run(["sh", "-c", f"umask 077; {line}"], check=True, cwd=tmp_path)  # its home is set below

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with open_store(url) as busy:
        busy.remember("note", "kept in the log beside the file")
        run(copy)
    with open_store(url) as store:
        forget_everything(store)
    assert "Brightwater" not in team.desk(url).ok("accounts", "list")
    for line in restore:
        run(line)

    assert team.reports(url, FEW) == {name: told[name] for name in FEW}
    assert (tmp_path / "calsignal-backup.sqlite3").stat().st_mode & 0o777 == 0o600
    with open_store(url) as store:
        assert store.recall("note") == "kept in the log beside the file"


def forget_everything(store: Store) -> None:
    for connection in store.connections():
        store.erase_connection(connection.name)
    for account in store.accounts():
        store.remove_account(account.name)


def test_every_command_of_the_page_is_run_here() -> None:
    run = ("pg_dump ", "pg_restore ", "umask ", "sqlite3 ", "rm -f ", "cp ")

    assert [line for line in SHELL if not line.startswith(run)] == ["pip install 'calsignal[postgresql]'"]
    assert not is_sqlite(SETTINGS)
