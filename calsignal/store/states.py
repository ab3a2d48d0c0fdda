"""Tells how the connections stood at a moment: how fresh, and what was wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from calsignal.model import ConnectionState, Gap
from calsignal.store import reading
from calsignal.store.tables import calendars, connections, events, gaps, syncs


@dataclass(frozen=True)
class _Attempts:
    """What was tried with one calendar (None: with the connection itself) until the moment of the report."""

    name: str | None
    tried_at: datetime
    problem: str | None
    synced_at: datetime | None
    first_at: datetime | None = None


def connection_states(conn: sa.Connection, as_of: datetime, stale_after: timedelta) -> tuple[ConnectionState, ...]:
    """Return the connections that existed at `as_of` as they stood then, by name."""
    attempts = _of_calendars(conn, as_of)
    failures = _of_connections(conn, as_of)
    holes = _gaps(conn, as_of)
    found = []
    left = _retired(conn, as_of)
    for connection in reading.connection_list(conn, connections.c.connected_at <= as_of):
        tried = attempts[connection.id]
        retired_at = left[connection.id]
        state = ConnectionState(
            name=connection.name,
            provider=connection.provider,
            rep=connection.mailbox,
            # no fresher than its stalest calendar
            last_synced=min((one.synced_at for one in tried if one.synced_at is not None), default=None),
            stale=retired_at is None and not _fresh(tried, as_of - stale_after),
            problem=None if retired_at else _problem(tried, failures.get(connection.id)),
            gaps=tuple(holes[connection.id]),
            retired_at=retired_at,
            first_synced=min((one.first_at for one in tried if one.first_at is not None), default=None),
        )
        found.append(state)
    return tuple(found)


def _retired(conn: sa.Connection, as_of: datetime) -> dict[int, datetime | None]:
    rows = conn.execute(sa.select(connections.c.id, reading.retired_at(connections, as_of)))
    return {number: retired_at for number, retired_at in rows}  # noqa: C416  # rows are no pairs to a type checker


def _fresh(attempts: Sequence[_Attempts], since: datetime) -> bool:
    return bool(attempts) and all(one.synced_at is not None and one.synced_at >= since for one in attempts)


def _problem(attempts: Sequence[_Attempts], failure: _Attempts | None) -> str | None:
    """Return what the last attempts failed of; a connection that failed as a whole says that alone."""
    if failure and all(one.tried_at <= failure.tried_at for one in attempts):
        return failure.problem
    found = [(one.name, one.problem) for one in attempts if one.problem is not None]
    if len(attempts) == 1 or not found:
        return found[0][1] if found else None
    return "; ".join(f"{name}: {problem}" for name, problem in found)


def _of_calendars(conn: sa.Connection, as_of: datetime) -> defaultdict[int, list[_Attempts]]:
    """Return, by connection, the attempts at each calendar that had been tried and not retired by then."""
    by_then = syncs.c.finished_at <= as_of
    query = sa.select(
        calendars.c.connection_id,
        calendars.c.name,
        reading.of_last_sync(syncs.c.finished_at, by_then).label("tried_at"),
        reading.of_last_sync(_problem_at(as_of), by_then).label("problem"),
        reading.of_last_sync(syncs.c.finished_at, by_then, syncs.c.ok).label("synced_at"),
        _first_sync(by_then).label("first_at"),
    ).where(reading.retired_at(calendars, as_of).is_(None))
    found: defaultdict[int, list[_Attempts]] = defaultdict(list)
    for connection, *tried in conn.execute(query.order_by(calendars.c.id)):
        if tried[1] is not None:
            found[connection].append(_Attempts(*tried))
    return found


def _problem_at(as_of: datetime) -> sa.ColumnElement[str | None]:
    """Return what an attempt failed of, unless its connection had been connected again by then."""
    return sa.case((syncs.c.mended_at <= as_of, sa.null()), else_=syncs.c.problem)


def _first_sync(by_then: reading.Condition) -> sa.ScalarSelect[datetime]:
    """Return, of each calendar, when it was first read to the end."""
    mine = syncs.c.calendar_id == calendars.c.id
    return sa.select(sa.func.min(syncs.c.finished_at)).where(mine, syncs.c.ok, by_then).scalar_subquery()


def _of_connections(conn: sa.Connection, as_of: datetime) -> dict[int, _Attempts]:
    """Return the last failure of each connection as a whole."""
    query = (
        sa.select(syncs.c.connection_id, syncs.c.finished_at, _problem_at(as_of))
        .where(syncs.c.calendar_id.is_(None), syncs.c.finished_at <= as_of)
        .order_by(syncs.c.finished_at, syncs.c.id)
    )
    return {number: _Attempts(None, tried_at, problem, None) for number, tried_at, problem in conn.execute(query)}


def _gaps(conn: sa.Connection, as_of: datetime) -> defaultdict[int, list[Gap]]:
    order = gaps.c.start_at, gaps.c.end_at, gaps.c.id
    found: defaultdict[int, list[Gap]] = defaultdict(list)
    rows: Iterable[Any] = conn.execute(sa.select(gaps).where(gaps.c.seen_at <= as_of).order_by(*order))
    for row in rows:
        found[row.connection_id].append(Gap(row.start_at, row.end_at, row.reason))
    return found


def silent(conn: sa.Connection) -> frozenset[str]:
    """Return the connections of which no event is kept, by name."""
    heard = sa.select(calendars.c.connection_id).where(calendars.c.id.in_(sa.select(events.c.calendar_id)))
    return frozenset(conn.scalars(sa.select(connections.c.name).where(connections.c.id.not_in(heard))))
