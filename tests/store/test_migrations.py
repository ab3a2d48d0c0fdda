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
from store.samples import REP, ZOE, add, at, connected, state, subjects, sync

DATA = Path(__file__).parent / "data"


def parts(statement: str) -> tuple[str, ...]:
    """Return the lines of a statement in one order: that of the constraints in a table means nothing."""
    return tuple(sorted(line.strip(" \t,") for line in statement.strip().splitlines()))


def schema(path: Path) -> set[tuple[str, ...]]:
    with closing(sqlite3.connect(path)) as raw:
        return {parts(sql) for (sql,) in raw.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}


def migrated(path: Path) -> None:
    """Make a store by walking through every migration."""
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.begin() as conn:
        migrations.upgrade(conn)
    engine.dispose()


def test_the_tables_are_what_the_migrations_make(tmp_path: Path) -> None:
    migrated(tmp_path / "migrated.db")
    open_store(f"sqlite:///{tmp_path / 'made.db'}").close()

    engine = sa.create_engine(f"sqlite:///{tmp_path / 'migrated.db'}")
    with engine.connect() as conn:
        assert compare_metadata(MigrationContext.configure(conn), tables.metadata) == []
    engine.dispose()
    assert schema(tmp_path / "migrated.db") == schema(tmp_path / "made.db")


def test_the_tables_are_what_the_migrations_make_on_postgresql_too() -> None:
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
    with op.batch_alter_table("events", recreate="always") as batch:
        batch.add_column(sa.Column("colour", sa.Text(), server_default="red"))
    op.execute("{last}")
"""


@pytest.fixture
def first(url: str) -> Path:
    """Make a store of the first schema with an event in it."""
    with open_store(url) as store:
        _, calendar = connected(store)
        sync(store, calendar, [add("call", subject="Intro")])
    return Path(url.removeprefix("sqlite:///"))


@pytest.fixture
def second(first: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
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


def colours(path: Path) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(path)) as raw:
        return raw.execute("SELECT colour, version_num FROM events, alembic_version").fetchall()


@pytest.mark.usefixtures("second")
def test_an_older_store_is_migrated_when_it_is_opened_and_loses_nothing(first: Path, url: str) -> None:
    with open_store(url) as store:
        assert subjects(store, 1) == ["Intro"]
        assert len(store.history(at(1))[0].versions) == 1

    assert colours(first) == [("red", "0002")]


@pytest.mark.usefixtures("second")
def test_two_that_open_an_older_store_at_once_migrate_it_once(first: Path, url: str) -> None:
    barrier = threading.Barrier(2)
    seen: list[list[str | None]] = []

    def look() -> None:
        barrier.wait()
        with open_store(url) as store:
            seen.append(list(subjects(store, 1)))

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert seen == [["Intro"], ["Intro"]]
    assert colours(first) == [("red", "0002")]


@pytest.mark.parametrize("last", ["DELETE FROM nowhere", "DELETE FROM calendars"], ids=["an error", "orphans"])
def test_a_migration_that_fails_leaves_the_store_as_it_was(second: Path, first: Path, url: str, last: str) -> None:
    before = schema(first)
    second.write_text(SECOND.format(last=last))

    with pytest.raises(StoreError, match="could not be brought up to date") as caught:
        open_store(url)

    assert "as it was" in caught.value.hint
    assert schema(first) == before
    with closing(sqlite3.connect(first)) as raw:
        assert raw.execute("SELECT external_id FROM events").fetchall() == [("call",)]
