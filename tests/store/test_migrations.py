"""A store of every older schema becomes one of the present schema, or stays as it was."""

from __future__ import annotations

import io
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory

from calsignal.errors import StoreError
from calsignal.store import database, migrations, open_store, tables
from databases import execute, file_of, is_sqlite
from store.samples import REP, ZOE, add, at, connected, state, subjects, sync

DATA = Path(__file__).parent / "data"
on_sqlite = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


def parts(statement: str) -> tuple[str, ...]:
    """Return the lines of a statement in one order: that of the constraints in a table means nothing."""
    return tuple(sorted(line.strip(" \t,") for line in statement.strip().splitlines()))


def schema(path: Path) -> set[tuple[str, ...]]:
    with closing(sqlite3.connect(path)) as raw:
        return {parts(sql) for (sql,) in raw.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}


def migrated(url: str) -> None:
    """Make a store by walking through every migration."""
    engine = sa.create_engine(url)
    with engine.begin() as conn:
        migrations.upgrade(conn)
    engine.dispose()


def test_the_tables_are_what_the_migrations_make(no_store: str) -> None:
    if is_sqlite(no_store):
        file_of(no_store).parent.mkdir()

    migrated(no_store)

    engine = sa.create_engine(no_store)
    with engine.connect() as conn:
        assert compare_metadata(MigrationContext.configure(conn), tables.metadata) == []
    engine.dispose()


def test_a_file_is_what_the_migrations_make(tmp_path: Path) -> None:
    migrated(f"sqlite:///{tmp_path / 'migrated.db'}")
    open_store(f"sqlite:///{tmp_path / 'made.db'}").close()

    assert schema(tmp_path / "migrated.db") == schema(tmp_path / "made.db")


def test_a_server_is_told_what_the_migrations_tell_it() -> None:
    migrated_sql, made_sql = io.StringIO(), io.StringIO()
    options = {"as_sql": True, "output_buffer": migrated_sql}
    context = MigrationContext.configure(dialect_name="postgresql", opts=options)
    with Operations.context(context):
        for script in reversed(list(ScriptDirectory(str(migrations.FOLDER)).walk_revisions())):
            script.module.upgrade()

    def write(statement: sa.Executable, *_: object) -> None:
        made_sql.write(f"{statement.compile(dialect=engine.dialect)};")  # type: ignore[attr-defined]

    engine = sa.create_mock_engine("postgresql+psycopg://", write)
    tables.metadata.create_all(engine, checkfirst=False)

    def statements(text: str) -> set[tuple[str, ...]]:
        return {parts(one) for one in text.split(";")}

    assert statements(migrated_sql.getvalue()) == statements(made_sql.getvalue())


def test_the_head_is_the_last_migration() -> None:
    assert ScriptDirectory(str(migrations.FOLDER)).get_heads() == [tables.HEAD]


@on_sqlite
@pytest.mark.parametrize("path", sorted(DATA.glob("*.sql")), ids=lambda path: path.stem)
def test_a_store_of_each_released_schema_is_read_as_it_was(path: Path, url: str) -> None:
    file = Path(url.removeprefix("sqlite:///"))
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as raw:
        raw.executescript(path.read_text())

    with open_store(url, create=False) as store:
        (copy,) = store.history(at(9))
        (calendar,) = store.calendars(store.connections()[0])
        sync(store, calendar, [add("new")], hours=9)

    assert (copy.event, copy.subject, copy.baseline) == ("call", "Intro", True)
    assert [version.state for version in copy.versions] == [state(REP, ZOE), state(REP, ZOE, start=72)]
    assert schema(file) == schema(_fresh(file.with_name("fresh.db")))


def _fresh(path: Path) -> Path:
    open_store(f"sqlite:///{path}").close()
    return path


# --- the way there, with a second schema that only this test knows ----------------------------------------------------

SECOND = """
import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    rebuilt = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("events", recreate=rebuilt) as batch:
        batch.add_column(sa.Column("colour", sa.Text(), server_default="red"))
    op.execute("{last}")
"""


@pytest.fixture
def first(url: str) -> str:
    """Make a store of the first schema with an event in it."""
    with open_store(url) as store:
        _, calendar = connected(store)
        sync(store, calendar, [add("call", subject="Intro")])
    return url


@pytest.fixture
def second(first: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a second migration in force after a store was made; its last statement can be changed in the file."""
    folder = tmp_path / "migrations"
    (folder / "versions").mkdir(parents=True)
    (folder / "env.py").write_text((migrations.FOLDER / "env.py").read_text())
    for one in (migrations.FOLDER / "versions").glob("v*.py"):
        (folder / "versions" / one.name).write_text(one.read_text())
    (folder / "versions" / "v0002_second.py").write_text(SECOND.format(last="SELECT 1"))
    monkeypatch.setattr(migrations, "FOLDER", folder)
    monkeypatch.setattr(database, "HEAD", "0002")
    return folder / "versions" / "v0002_second.py"


def colours(url: str) -> list[tuple[object, ...]]:
    return execute(url, "SELECT colour, version_num FROM events, alembic_version")


def described(url: str) -> object:
    """Return the schema as the database has it."""
    if is_sqlite(url):
        return schema(file_of(url))
    return sorted(map(str, execute(url, "SELECT table_name, column_name FROM information_schema.columns")))


@pytest.mark.usefixtures("second")
def test_an_older_store_is_migrated_when_it_is_opened_and_loses_nothing(first: str) -> None:
    with open_store(first) as store:
        assert subjects(store, 1) == ["Intro"]
        assert len(store.history(at(1))[0].versions) == 1

    assert colours(first) == [("red", "0002")]


@pytest.mark.usefixtures("second")
def test_two_that_open_an_older_store_at_once_migrate_it_once(first: str) -> None:
    barrier = threading.Barrier(2)
    seen: list[list[str | None]] = []

    def look() -> None:
        barrier.wait()
        with open_store(first) as store:
            seen.append(list(subjects(store, 1)))

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen == [["Intro"], ["Intro"]]
    assert colours(first) == [("red", "0002")]


FAILURES = [
    pytest.param("sqlite", "DELETE FROM nowhere", id="sqlite-an error"),
    pytest.param("sqlite", "DELETE FROM calendars", id="sqlite-orphans"),
    pytest.param("postgresql", "DELETE FROM nowhere", id="postgresql-an error"),
]


@pytest.mark.parametrize(("backend", "last"), FAILURES, indirect=["backend"])
def test_a_migration_that_fails_leaves_the_store_as_it_was(second: Path, first: str, last: str) -> None:
    before = described(first)
    second.write_text(SECOND.format(last=last))

    with pytest.raises(StoreError, match="could not be brought up to date") as caught:
        open_store(first)

    assert "as it was" in caught.value.hint
    assert described(first) == before
    assert execute(first, "SELECT external_id FROM events") == [("call",)]


def test_two_that_open_a_new_store_at_once_make_it_once(no_store: str) -> None:
    barrier = threading.Barrier(3)
    failed: list[BaseException] = []

    def look() -> None:
        barrier.wait()
        try:
            open_store(no_store).close()
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is told
            failed.append(error)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    assert execute(no_store, "SELECT version_num FROM alembic_version") == [(tables.HEAD,)]
