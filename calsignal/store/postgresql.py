"""What is particular to PostgreSQL: how a session begins, who writes when, what failures mean, what is swept.

PostgreSQL says what failed by a SQLSTATE, and by nothing but words where it never let anybody in.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import sqlalchemy as sa

from calsignal.errors import StoreError
from calsignal.store.tables import meta, metadata
from calsignal.store.values import ReadOnly

OLDEST = 15
"""The oldest version of the server that is tested."""

LATE = 10
"""Seconds after which a server that does not answer is given up, unless the URL says otherwise."""

_TURN = 0x63616C73  # any number of our own: "cals"
_ERASURES = "erasures"
_FORBIDDEN = "42501"

_READ_ONLY = ("{} may only be read with this login", "use the login of the role that writes: docs/postgresql.md")
_UNREADABLE = ("{} may not be read with this login", "let it read all tables: docs/postgresql.md shows how")
_BUSY = ("{} is in use by another program", "wait until that has finished, then try again")
_AGAIN = ("{} was busy with something that could not go together with this", "run the command again")
_AWAY = ("{} was lost: the server went away", "check that it runs, then run the command again; nothing is half written")
_LOGIN = ("{} does not let this login in", "check user and password; docs/postgresql.md shows where passwords are kept")
_UNREACHED = ("{} cannot be reached", "check host and port, that the server runs and lets this machine in")
_NO_DATABASE = ("{} cannot be opened: there is no such database", "create it first: docs/postgresql.md shows how")
_FULL = ("{} cannot grow: the server is out of space or memory", "free some, then try again")
_CROWDED = ("{} takes no more connections", "wait until others have finished, or raise max_connections of the server")
_STOPPED = ("{} was interrupted by the server", "run the command again; if it stays, ask who looks after the server")
_DAMAGED = ("{} is damaged", "restore a backup")
_LONG = ("{} cannot hold a name or an id of such length", "shorten it to less than 2,000 characters")

_STATES = {
    "28": _LOGIN,
    "3D000": _NO_DATABASE,
    _FORBIDDEN: _READ_ONLY,
    "25006": _READ_ONLY,
    "55P03": _BUSY,
    "40": _AGAIN,
    "53300": _CROWDED,
    "53": _FULL,
    "54": _LONG,
    "57014": _STOPPED,
    "57P04": _NO_DATABASE,
    "57": _AWAY,
    "25P": _AWAY,
    "08": _AWAY,
    "58": _FULL,
    "XX001": _DAMAGED,
    "XX002": _DAMAGED,
}
"""What a SQLSTATE means, or a class of them; the longest that fits goes first."""

_WORDS = (
    ("certificate", ("{} is not the server it should be", "check sslrootcert, and the host's name on its certificate")),
    ("SSL", ("{} cannot be reached: the two sides do not agree on TLS", "check sslmode in the url and on the server")),
    ("too many", _CROWDED),
    ("remaining connection slots", _CROWDED),
    ("password", _LOGIN),
    ("authentication", _LOGIN),
    ("pg_hba.conf", _LOGIN),
    ("not permitted to log in", _LOGIN),
    ("permission denied for database", _LOGIN),
    ("starting up", _AWAY),
    ("shutting down", _AWAY),
    ("yet accepting", _AWAY),
    ("database", _NO_DATABASE),
    ("closed the connection", _AWAY),
    ("connection is closed", _AWAY),
    ("consuming input failed", _AWAY),
    ("terminating connection", _AWAY),
)
"""What some words mean where there is no SQLSTATE: PostgreSQL's own, which may be in another language."""


def named(url: sa.URL) -> sa.URL:
    """Return the URL with the driver that comes with calsignal, where it names none."""
    return url.set(drivername="postgresql+psycopg") if url.drivername in ("postgresql", "postgres") else url


def made_engine(url: sa.URL, busy_seconds: float) -> sa.Engine:
    """Return an engine whose sessions are alike whatever server, role and environment say."""
    usual = {"connect_timeout": LATE, "application_name": "calsignal"}
    options = {name: value for name, value in usual.items() if name not in url.query}
    engine = sa.create_engine(
        url, hide_parameters=True, isolation_level="READ COMMITTED", pool_pre_ping=True, connect_args=options
    )
    session = {
        "TimeZone": "UTC",  # Python does not know every zone of a server
        "DateStyle": "ISO, YMD",  # nor the driver every way to write a moment
        "client_encoding": "UTF8",
        "lock_timeout": f"{max(1, round(busy_seconds * 1000))}ms",  # 0 would be for ever
    }

    def on_connect(connection: Any, _record: object) -> None:  # noqa: ANN401  # of whatever driver
        connection.autocommit = True  # what is set in a transaction goes when that is undone
        with connection.cursor() as cursor:
            for name, value in session.items():
                cursor.execute("SELECT set_config(%s, %s, false)", (name, value))
        connection.autocommit = False

    sa.event.listen(engine, "connect", on_connect)
    return engine


def reading(engine: sa.Engine) -> sa.Connection:
    """Return a connection that sees one state and that the server lets write nothing."""
    return engine.connect().execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def take_turn(conn: sa.Connection) -> None:
    """Wait until no other transaction writes this store, and keep others waiting until this one has ended.

    Syncs of different calendars meet the same people: side by side they would wait for each other in a circle, or
    refer to somebody whom the other has just erased.
    """
    conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_TURN)))


def check_encoding(conn: sa.Connection, place: str) -> None:
    """Refuse a database that cannot hold every text. Raises `StoreError`."""
    found = conn.exec_driver_sql("SHOW server_encoding").scalar_one()
    if found != "UTF8":
        raise StoreError(f"{place} is encoded in {found}, which cannot hold every text", "create it with ENCODING UTF8")


def check_rights(conn: sa.Connection, place: str) -> None:
    """Raise `ReadOnly` unless this role may change every table, and this server takes changes."""
    held = (
        sa.func.has_table_privilege(name, right)
        for name in metadata.tables
        for right in ("SELECT", "INSERT", "UPDATE", "DELETE")
    )
    shut = conn.exec_driver_sql("SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool").scalar()
    if shut or not conn.scalar(sa.select(sa.and_(*held))):
        raise ReadOnly(*_said(_READ_ONLY, place))


def translated(error: BaseException | None, place: str, *, reading: bool = False) -> StoreError | None:
    """Return what a failure of the server means to a reader, None where the mistake is ours."""
    state = _state_of(error)
    if reading and state == _FORBIDDEN:
        return _error(_UNREADABLE, place)
    if state is not None:
        fits = [known for known in _STATES if state.startswith(known)]
        return _error(_STATES[max(fits, key=len)], place) if fits else None
    if type(error).__name__ not in ("OperationalError", "ConnectionTimeout", "InterfaceError"):
        return None
    told = getattr(getattr(error, "pgconn", None), "used_password", False)
    found = (meaning for word, meaning in _WORDS if word in str(error))
    return _error(next(found, _LOGIN if told else _UNREACHED), place)


def bare(error: BaseException) -> Exception:
    """Return a mistake of ours without the server's words for it, which quote the row."""
    constraint = getattr(getattr(error, "diag", None), "constraint_name", None)
    said = " ".join(filter(None, (type(error).__name__, _state_of(error), constraint)))
    return RuntimeError(f"the server refused a statement: {said}")


def mark_erased(conn: sa.Connection) -> None:
    """Note, in the transaction that erases, that the tables are to be swept: after a crash by the next to close."""
    from sqlalchemy.dialects.postgresql import insert  # a store in SQLite loads none of it

    row = insert(meta).values(key=_ERASURES, value="1")
    more = sa.cast(sa.cast(meta.c.value, sa.BigInteger) + 1, sa.Text)
    conn.execute(row.on_conflict_do_update(index_elements=[meta.c.key], set_={"value": more}))


def sweep(engine: sa.Engine) -> None:
    """Give free the space of what was erased: until then it can be brought back from the tables.

    Where a report that still runs might need it, or somebody else is busy, the next to close does it.
    """
    with suppress(sa.exc.DBAPIError), engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        erasures = conn.scalar(sa.select(meta.c.value).where(meta.c.key == _ERASURES))
        if erasures is None:
            return
        conn.exec_driver_sql(f"VACUUM (INDEX_CLEANUP ON) {', '.join(metadata.tables)}")
        dead = "SELECT coalesce(sum(n_dead_tup), 0) FROM pg_stat_user_tables WHERE schemaname = current_schema()"
        if conn.exec_driver_sql(dead).scalar_one() == 0:
            conn.execute(sa.delete(meta).where(meta.c.key == _ERASURES, meta.c.value == erasures))


def version(conn: sa.Connection) -> tuple[int, ...]:
    """Return the version of the server, such as (18, 1)."""
    return tuple(map(int, conn.dialect.server_version_info or ()))


def size(conn: sa.Connection) -> int:
    """Return the size of the tables with their indexes, in bytes."""
    parts = [sa.func.pg_total_relation_size(sa.func.to_regclass(name)) for name in metadata.tables]
    return sum(conn.execute(sa.select(*parts)).one())


def _state_of(error: BaseException | None) -> str | None:
    return getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)


def _error(meaning: tuple[str, str], place: str) -> StoreError:
    kind = ReadOnly if meaning is _READ_ONLY else StoreError
    return kind(*_said(meaning, place))


def _said(meaning: tuple[str, str], place: str) -> tuple[str, str]:
    fact, hint = meaning
    return fact.format(place), hint
