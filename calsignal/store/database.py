"""Opens the database, keeps its schema current, and turns its failures into sentences.

What is particular to SQLite is here, what is particular to PostgreSQL in a module of its own; all others speak to
both alike.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cached_property, partial
from pathlib import Path
from threading import RLock
from typing import Any

import sqlalchemy as sa

from calsignal.errors import StoreError
from calsignal.store import postgresql
from calsignal.store.tables import HEAD, alembic_version, meta, metadata
from calsignal.store.values import Health, NoStore

_SQLITE_ERRORS = {
    sqlite3.SQLITE_BUSY: ("{} is in use by another program", "wait until that has finished, then try again"),
    sqlite3.SQLITE_LOCKED: ("{} is in use by another program", "wait until that has finished, then try again"),
    sqlite3.SQLITE_READONLY: ("{} cannot be written to", "check the permissions of the file and of its folder"),
    sqlite3.SQLITE_PERM: ("{} cannot be written to", "check the permissions of the file and of its folder"),
    sqlite3.SQLITE_CANTOPEN: ("{} cannot be opened", "check that it is a file, and the permissions of its folder"),
    sqlite3.SQLITE_NOTADB: ("{} is not a calsignal store", "move that file away, or set another [store] url"),
    sqlite3.SQLITE_CORRUPT: ("{} is damaged", "restore a backup, or move the file away and sync again"),
    sqlite3.SQLITE_FULL: ("{} cannot grow: the disk is full", "free some space, then try again"),
    sqlite3.SQLITE_IOERR: (
        "{} cannot be read or written: the disk failed",
        "check the disk and its space, then try again",
    ),
}
_DRIVER = "`pip install 'calsignal[postgresql]'` brings the driver for postgresql; sqlite needs none"

# what a machine held that vanishes without a word is free after a minute, and not after the two hours of TCP
_KEEPALIVE = (
    "SELECT set_config('tcp_keepalives_idle', '30', false), set_config('tcp_keepalives_interval', '10', false), "
    "set_config('tcp_keepalives_count', '3', false)"
)


class Database:
    """A database with a current schema.

    A transaction for reading sees one state from its first query to its last. Transactions for writing come one after
    the other; a whole one is kept or nothing of it.
    """

    def __init__(self, place: str | Path, *, create: bool, busy_seconds: float | None, migrate: bool = True) -> None:
        self._url = _parsed(place)
        self.place = _place(self._url)
        self._sqlite = self._url.get_backend_name() == "sqlite"
        self._wrote = False
        # threads of one process take turns here: they must never be told that the store is in use by another program
        self._turn = RLock()
        if self._sqlite:
            _prepare_file(self._url, create=create)
        self._engine = self._make_engine(busy_seconds)
        try:
            self._prepare_schema(create=create, migrate=migrate)
        except BaseException:
            self._engine.dispose()
            raise

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Give a connection in a transaction that writes nothing."""
        opened = self._engine.connect if self._sqlite else partial(postgresql.reading, self._engine)
        with self._border(reading=True), opened() as conn:
            yield conn

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Give a connection in a transaction that is kept unless the block raises."""
        with self._turn, self._border(), self._engine.connect().execution_options(writes=True) as conn, conn.begin():
            if not self._sqlite:
                postgresql.take_turn(conn)
            self._wrote = True
            yield conn

    @contextmanager
    def holding(self, kind: int, numbers: Sequence[int], again: Callable[[], bool]) -> Iterator[bool]:
        """Hold one of some numbers, in a session of its own: it is given back with the block, or with the process.

        Where all are held elsewhere, look again as long as `again` says so, and give False in the end. On SQLite
        nothing is held, and that is always True.
        """
        if self._sqlite:
            yield True
            return
        with self._border():
            session = self._sessions.connect()
        with closing(session):
            with self._border():
                session.exec_driver_sql(_KEEPALIVE)
                held = _took(session, kind, numbers)
                while not held and again():
                    held = _took(session, kind, numbers)
            try:
                yield held
            finally:
                # the server ends the session of one that cannot say so, a moment later
                with suppress(sa.exc.DBAPIError):
                    session.exec_driver_sql("SELECT pg_advisory_unlock_all()")

    @cached_property
    def _sessions(self) -> sa.Engine:
        """Make sessions that belong to nobody else and end when they are closed, and their locks with them."""
        waits = {} if "connect_timeout" in self._url.query else {"connect_timeout": postgresql.LATE}
        return sa.create_engine(
            self._url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT", hide_parameters=True, connect_args=waits
        )

    def health(self) -> Health:
        """Look the database over; nothing is changed. A large one is read as a whole, which takes its time."""
        with self.reading() as conn:
            revision = self._revision(conn) or ""
            if not self._sqlite:
                version = postgresql.version(conn)
                server, new = f"PostgreSQL {'.'.join(map(str, version))}", version[0] >= postgresql.OLDEST
                return Health(revision, postgresql.size(conn), None, server, supported=new)
            pages = conn.exec_driver_sql("SELECT page_count * page_size FROM pragma_page_count, pragma_page_size")
            sound = conn.exec_driver_sql("PRAGMA quick_check(1)").scalar() == "ok"
            return Health(revision, pages.scalar_one(), sound)

    def try_writing(self) -> None:
        """Take the writer's place and give it back, with nothing written. Raises `StoreError` where that fails."""
        with self._border(), self._engine.connect().execution_options(writes=True) as conn, conn.begin() as trial:
            if not self._sqlite:
                postgresql.check_rights(conn, self.place)
                postgresql.take_turn(conn)
            conn.execute(sa.delete(meta).where(meta.c.key.is_(None)))  # SQLite lets a mere reader begin to write
            trial.rollback()

    def close(self) -> None:
        """Give back everything, and leave nothing of what was erased, on the pages or in the write-ahead log.

        On a server nobody can read it any more; its bytes stay until the space is used again.
        """
        if self._wrote and not self._sqlite:
            postgresql.sweep(self._engine)
        elif self._wrote:
            for clean_up in (_sweep_pages, _empty_log):
                # whoever is still busy with the file does it when they close
                with suppress(sa.exc.DBAPIError, sqlite3.Error), closing(self._engine.raw_connection()) as conn:
                    clean_up(conn.cursor())
        self._engine.dispose()

    def sweep(self) -> bool:
        """Rebuild what erased rows may have left behind, now; say whether that could be done to the end.

        On PostgreSQL every table is rewritten, each locked meanwhile; its log and its backups are the server's own.
        """
        if not self._sqlite:
            return self._rewrite()
        try:
            with self._border(), closing(self._engine.raw_connection()) as conn:
                cursor: Any = conn.cursor()
                _sweep_pages(cursor)
                _empty_log(cursor)
                busy, *_ = cursor.fetchone()
                cursor.execute("PRAGMA user_version")
                return not busy and cursor.fetchone() == (0,)
        except StoreError:
            return False  # another program reads it: whoever closes it last does the rest

    def _rewrite(self) -> bool:
        """Rewrite every table; say whether all could be. Who does not own a table cannot, and is told nothing."""
        own = "SELECT bool_and(pg_has_role(relowner, 'USAGE')) FROM pg_class WHERE pg_table_is_visible(oid)"
        names = [table.name for table in metadata.sorted_tables]
        engine = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        try:
            with engine.connect() as conn:
                conn.exec_driver_sql("SET lock_timeout = '30s'")
                for table in metadata.sorted_tables:
                    conn.exec_driver_sql(f"VACUUM (FULL) {conn.dialect.identifier_preparer.format_table(table)}")
                conn.exec_driver_sql("RESET lock_timeout")
                return bool(conn.scalar(sa.text(f"{own} AND relname = ANY(:names)"), {"names": names}))
        except sa.exc.DBAPIError:
            return False  # somebody holds a table

    def files(self) -> tuple[Path, ...]:
        """Return the files that the database is made of, where they can be read: those of SQLite."""
        if not self._sqlite or (self._url.database or "").startswith("file:"):
            return ()
        path = Path(self._url.database or "")
        beside = (path.with_name(path.name + end) for end in ("", "-wal", "-shm", "-journal"))
        return tuple(one for one in beside if one.is_file())

    def _make_engine(self, busy_seconds: float | None) -> sa.Engine:
        try:
            if self._url.get_backend_name() == "postgresql":
                return postgresql.made_engine(self._url, 60 if busy_seconds is None else busy_seconds)
            if not self._sqlite:
                raise StoreError(f"no driver for {self.place}", "sqlite and postgresql are supported")
            engine = sa.create_engine(self._url, hide_parameters=True, max_overflow=-1)  # threads need not wait for one
        except (sa.exc.ArgumentError, ImportError) as error:
            raise StoreError(f"no driver for {self.place}", _DRIVER) from error
        _set_up_sqlite(engine, 10 if busy_seconds is None else busy_seconds)
        return engine

    def _prepare_schema(self, *, create: bool, migrate: bool) -> None:
        with self.reading() as conn:
            revision = self._revision(conn)
        if revision == HEAD:
            return
        if revision is None and not create:
            raise _no_store(self.place)
        if revision is not None and not migrate:
            fact = f"{self.place} has the schema {revision or '0'}, and this calsignal wants {HEAD}"
            raise StoreError(fact, "run `calsignal sync`: it brings the store up to date")
        with self._border(), self._engine.connect().execution_options(writes=True) as conn:
            self._bring_up(conn)

    def _bring_up(self, conn: sa.Connection) -> None:
        """Create or migrate, unless another process did so while this one waited for its turn."""
        from calsignal import log

        done: log.Event | None = None
        with _foreign_keys_off(conn) if self._sqlite else conn.begin():
            if not self._sqlite:
                postgresql.take_turn(conn)
                postgresql.check_encoding(conn, self.place)
            revision = self._revision(conn)
            if revision is None:
                metadata.create_all(conn)
                alembic_version.create(conn)
                conn.execute(sa.insert(alembic_version).values(version_num=HEAD))
                done = log.StoreCreated(schema=int(HEAD))
            elif revision < HEAD:
                self._migrate(conn)
                done = log.StoreMigrated(before=int(revision or 0), schema=int(HEAD))
        if done is not None:
            log.tell(done)

    def _migrate(self, conn: sa.Connection) -> None:
        from calsignal.store import migrations

        hint = "it is as it was; report this with your version of calsignal, and use the former version meanwhile"
        failure = StoreError(f"{self.place} could not be brought up to date", hint)
        try:
            migrations.upgrade(conn)
        except sa.exc.DBAPIError as error:
            raise self._translated(error.orig) or failure from self._bare(error)
        if self._sqlite and conn.exec_driver_sql("PRAGMA foreign_key_check").first():
            raise failure

    def _revision(self, conn: sa.Connection) -> str | None:
        """Return the revision of the schema, None for a database that is still empty.

        Raises `StoreError` when the schema is newer than this program, or is not ours.
        """
        found = set(sa.inspect(conn).get_table_names())
        if alembic_version.name not in found:
            if found if self._sqlite else found & set(metadata.tables):
                raise StoreError(*_said(sqlite3.SQLITE_NOTADB, self.place))
            return None
        revision = conn.scalar(sa.select(alembic_version.c.version_num)) or ""
        if revision > HEAD:
            fact = f"{self.place} was made by a newer calsignal (schema {revision}, this one knows {HEAD})"
            raise StoreError(fact, "upgrade calsignal")
        return revision

    @contextmanager
    def _border(self, *, reading: bool = False) -> Iterator[None]:
        """Turn the failures of the database, not those of our own SQL, into a `StoreError`."""
        try:
            yield
        except sa.exc.DBAPIError as error:
            raise self._translated(error.orig, reading=reading) or self._bare(error) from None
        except sqlite3.Error as error:
            raise self._translated(error) or error from None

    def _bare(self, error: sa.exc.DBAPIError) -> Exception:
        """Return a failure that quotes no row."""
        return error if self._sqlite or error.orig is None else postgresql.bare(error.orig)

    def _translated(self, error: BaseException | None, *, reading: bool = False) -> StoreError | None:
        code = getattr(error, "sqlite_errorcode", None)
        if code is None:
            return postgresql.translated(error, self.place, reading=reading)
        primary = code & 0xFF  # the higher bits tell finer than a reader needs
        return StoreError(*_said(primary, self.place)) if primary in _SQLITE_ERRORS else None


def _took(session: sa.Connection, kind: int, numbers: Sequence[int]) -> bool:
    return any(session.scalar(sa.select(sa.func.pg_try_advisory_lock(kind, number))) for number in numbers)


def keeping(conn: sa.Connection, table: sa.Table, **row: str) -> bool:
    """Insert a row unless there is one with its key, whoever else does so at the same moment; say whether it was."""
    from sqlalchemy.dialects import postgresql as server
    from sqlalchemy.dialects import sqlite as file

    insert = file.insert if conn.dialect.name == "sqlite" else server.insert
    return conn.execute(insert(table).values(**row).on_conflict_do_nothing()).rowcount > 0


def _parsed(place: str | Path) -> sa.URL:
    if isinstance(place, Path):  # in a URL, `?` and `%` in the name of a folder would mean something else
        return sa.URL.create("sqlite", database=str(place))
    try:
        return postgresql.named(sa.make_url(place))
    except sa.exc.ArgumentError:
        hint = "write it like sqlite:////folder/file.db or postgresql+psycopg://host/name"
        raise StoreError("the url of the store cannot be understood", hint) from None


def _place(url: sa.URL) -> str:
    if url.get_backend_name() == "sqlite":
        return f"the store {url.database}"
    return f"the store {url.set(query={}).render_as_string(hide_password=True)}"  # a query may hold a password too


def dialect_of(place: str | Path) -> str:
    """Return the database and the driver that a place asks for, `postgresql+psycopg` say."""
    return _parsed(place).drivername


def libpq_url(place: str | Path) -> str:
    """Return the URL of a PostgreSQL database as its own library reads it, with the password if there is one."""
    return _parsed(place).set(drivername="postgresql").render_as_string(hide_password=False)


def file_of(place: str | Path) -> str | None:
    """Return the name of the SQLite file at a place; None where there is another database."""
    url = _parsed(place)
    return (url.database or "").removeprefix("file:") if url.get_backend_name() == "sqlite" else None


def _no_store(place: str) -> NoStore:
    return NoStore(f"{place} does not exist yet", "connect a calendar first: calsignal connect --help")


def _said(code: int, place: str) -> tuple[str, str]:
    fact, hint = _SQLITE_ERRORS[code]
    return fact.format(place), hint


def _prepare_file(url: sa.URL, *, create: bool) -> None:
    """Make the file and its folder for the owner alone; SQLite gives its side files the same rights."""
    if not url.database or url.database == ":memory:":
        raise StoreError("the url of the store names no file", "write it like sqlite:////folder/file.db")
    if url.database.startswith("file:"):
        return
    path = Path(url.database)
    if path.exists():
        return
    if not create:
        raise _no_store(_place(url))
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError:
        raise StoreError(*_said(sqlite3.SQLITE_CANTOPEN, _place(url))) from None


def _set_up_sqlite(engine: sa.Engine, busy_seconds: float) -> None:
    def on_connect(connection: sqlite3.Connection, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN; the module's own idea of it leaves reads without one
        connection.execute(f"PRAGMA busy_timeout = {round(busy_seconds * 1000)}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")  # what is erased is overwritten
        connection.execute("PRAGMA temp_store = MEMORY")  # no calendar text in temporary files
        connection.execute("PRAGMA cache_size = -65536")  # in KiB; a large sync touches many pages
        if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
            connection.execute("PRAGMA journal_mode = WAL")

    def on_begin(conn: sa.Connection) -> None:
        # a transaction that begins by reading and writes later may fail half-way for want of the lock
        conn.exec_driver_sql("BEGIN IMMEDIATE" if conn.get_execution_options().get("writes") else "BEGIN")

    sa.event.listen(engine, "connect", on_connect)
    sa.event.listen(engine, "begin", on_begin)


def mark_erased(conn: sa.Connection) -> None:
    """Note, in the transaction that erases, that the pages are to be swept; also after a crash, by the next to close.

    SQLite overwrites the rows that it deletes, but not the copies that were left behind where pages were split or
    merged; only a rebuilt file is free of them.
    """
    if conn.dialect.name != "sqlite":
        postgresql.mark_erased(conn)
        return
    erasures = conn.exec_driver_sql("PRAGMA user_version").scalar_one()
    conn.exec_driver_sql(f"PRAGMA user_version = {erasures + 1}")


def _sweep_pages(cursor: Any) -> None:  # noqa: ANN401  # of whatever driver
    erasures = cursor.execute("PRAGMA user_version").fetchone()
    if erasures != (0,):
        cursor.execute("VACUUM")
        cursor.execute("BEGIN IMMEDIATE")
        if cursor.execute("PRAGMA user_version").fetchone() == erasures:  # nobody has erased more meanwhile
            cursor.execute("PRAGMA user_version = 0")
        cursor.execute("COMMIT")


def _empty_log(cursor: Any) -> None:  # noqa: ANN401  # of whatever driver
    cursor.execute("PRAGMA busy_timeout = 0")
    cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def _foreign_keys_off(conn: sa.Connection) -> Iterator[None]:
    """Begin a transaction in which a table may be rebuilt without its dependants being deleted with it."""
    raw: Any = conn.connection.driver_connection  # the switch has no effect inside a transaction
    raw.execute("PRAGMA foreign_keys = OFF")
    try:
        with conn.begin():
            yield
    finally:
        raw.execute("PRAGMA foreign_keys = ON")
