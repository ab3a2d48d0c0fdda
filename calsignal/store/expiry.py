"""Keeps no more than is wanted: erases what was over before a moment, and what the ledger said until then.

What a report for a later moment needs stays: the version that was in force at that moment, the last word of each
calendar, the last snapshot of each deal. A series that goes on loses the dates that are over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from calsignal.model import moment_key
from calsignal.store import kept, reading, writing
from calsignal.store.database import mark_erased
from calsignal.store.tables import (
    calendars,
    connections,
    deal_absences,
    deal_imports,
    deal_snapshots,
    deals,
    events,
    gaps,
    meta,
    retirements,
    skipped,
    subjects,
    syncs,
    versions,
)

_KEPT_SINCE = "kept-since"


@dataclass(frozen=True)
class Expired:
    """How much was erased because it is older than what is kept."""

    events: int = 0
    versions: int = 0
    deals: int = 0
    notes: int = 0


def expire(conn: sa.Connection, since: datetime) -> Expired:
    """Erase what was over before `since`."""
    doomed = set(_over(conn, since))
    writing.erase_events(conn, doomed)
    found = Expired(len(doomed), _versions(conn, since), _deals(conn, since), _notes(conn, since))
    trimmed = _trim(conn, since)
    if found != Expired() or trimmed:
        mark_erased(conn)
    _remember(conn, since)
    return found


def kept_since(conn: sa.Connection) -> datetime | None:
    """Return the moment before which everything has been erased; None where that was never asked for."""
    text = conn.scalar(sa.select(meta.c.value).where(meta.c.key == _KEPT_SINCE))
    return None if text is None else datetime.fromisoformat(text)


def _remember(conn: sa.Connection, since: datetime) -> None:
    before = kept_since(conn)
    if before is None:
        conn.execute(sa.insert(meta).values(key=_KEPT_SINCE, value=since.isoformat()))
    elif before < since:
        conn.execute(sa.update(meta).where(meta.c.key == _KEPT_SINCE).values(value=since.isoformat()))


# --- events and versions ----------------------------------------------------------------------------------------------


def _over(conn: sa.Connection, since: datetime) -> Iterator[int]:
    """Yield the events that were over: a date of a series where its place in the series is, too."""
    open_now = versions.c.valid_to.is_(None)
    query = sa.select(events.c.id, versions.c.occurrences).join(versions).where(open_now, versions.c.end_at < since)
    placed = query.where(events.c.original_start < moment_key(since))  # an empty one is that of no date
    for number, occurrences in conn.execute(placed):
        if not any(key >= moment_key(since) for key in (occurrences or "").split()):
            yield number


def _versions(conn: sa.Connection, since: datetime) -> int:
    """Remove the versions and subjects that were replaced by then. What is left begins in silence, as a first sight."""
    replaced = versions.c.valid_to <= since
    touched = sorted(conn.scalars(sa.select(versions.c.event_id).where(replaced).distinct()))
    kept.erase(conn, touched)
    gone = conn.execute(sa.delete(versions).where(replaced)).rowcount
    for chunk in reading.chunks(touched):
        conn.execute(sa.update(events).where(events.c.id.in_(chunk)).values(baseline=True))
        first = sa.select(sa.func.min(versions.c.seen_at)).where(versions.c.event_id == events.c.id)
        begins = sa.select(events.c.id, first.scalar_subquery().label("seen_at")).where(events.c.id.in_(chunk))
        for number, seen_at in conn.execute(begins).all():
            this = (versions.c.event_id == number) & (versions.c.seen_at == seen_at)
            conn.execute(sa.update(versions).where(this).values(not_before=None))
    conn.execute(sa.delete(subjects).where(subjects.c.valid_to <= since))
    return gone


def _trim(conn: sa.Connection, since: datetime) -> int:
    """Take the dates that are over out of the series that go on."""
    until = moment_key(since)
    early = versions.c.occurrences.is_not(None) & (versions.c.occurrences < until)  # the first date stands first
    rows = conn.execute(sa.select(versions.c.id, versions.c.event_id, versions.c.occurrences).where(early)).all()
    kept.erase(conn, sorted({row.event_id for row in rows}))
    for row in rows:
        left = " ".join(key for key in row.occurrences.split() if key >= until)
        conn.execute(sa.update(versions).where(versions.c.id == row.id).values(occurrences=left))
    return len(rows)


# --- what was noted beside --------------------------------------------------------------------------------------------


def _notes(conn: sa.Connection, since: datetime) -> int:
    """Remove syncs, gaps, what was skipped, and connections that were given up; the last word of each place stays."""
    place = syncs.c.connection_id, syncs.c.calendar_id, syncs.c.ok
    older = syncs.c.finished_at <= since
    numbered = sa.func.row_number().over(partition_by=place, order_by=(syncs.c.finished_at.desc(), syncs.c.id.desc()))
    ranked = sa.select(syncs.c.id, numbered.label("rank")).where(older).subquery()
    outdated = sa.select(ranked.c.id).where(ranked.c.rank > 1)
    count = conn.execute(sa.delete(syncs).where(syncs.c.id.in_(outdated))).rowcount
    count += conn.execute(sa.delete(gaps).where(gaps.c.end_at <= since)).rowcount
    count += conn.execute(sa.delete(skipped).where(skipped.c.valid_to <= since)).rowcount
    count += conn.execute(sa.delete(retirements).where(retirements.c.end_at <= since)).rowcount
    empty = ~sa.exists().where(calendars.c.connection_id == connections.c.id, events.c.calendar_id == calendars.c.id)
    left = sa.exists().where(
        retirements.c.connection_id == connections.c.id,
        retirements.c.calendar_id.is_(None),
        retirements.c.end_at.is_(None),
        retirements.c.start_at <= since,
    )
    return count + conn.execute(sa.delete(connections).where(empty, left)).rowcount


def _deals(conn: sa.Connection, since: datetime) -> int:
    """Remove deals that were closed or missing by then, snapshots that were replaced, and imports before the last."""
    latest: dict[int, Any] = {}
    replaced = []
    for row in conn.execute(sa.select(deal_snapshots).order_by(deal_snapshots.c.deal_id, deal_snapshots.c.taken_at)):
        if row.deal_id in latest and row.taken_at <= since:
            replaced.append(latest[row.deal_id].id)
        latest[row.deal_id] = row
    absent = set(conn.scalars(sa.select(deal_absences.c.deal_id).where(_lasting(since))))
    ended = [number for number, row in latest.items() if number in absent or _closed_before(row, since)]
    for chunk in reading.chunks(ended):
        conn.execute(sa.delete(deals).where(deals.c.id.in_(chunk)))
    for chunk in reading.chunks(replaced):
        conn.execute(sa.delete(deal_snapshots).where(deal_snapshots.c.id.in_(chunk)))
    conn.execute(sa.delete(deal_absences).where(deal_absences.c.end_at <= since))
    last = sa.select(sa.func.max(deal_imports.c.taken_at)).where(deal_imports.c.taken_at <= since).scalar_subquery()
    conn.execute(sa.delete(deal_imports).where(deal_imports.c.taken_at < last))
    return len(ended) + len(replaced)


def _lasting(since: datetime) -> sa.ColumnElement[bool]:
    return (deal_absences.c.start_at <= since) & deal_absences.c.end_at.is_(None)


def _closed_before(row: Any, since: datetime) -> bool:  # noqa: ANN401
    return row.closed is not None and row.closed < since.date() and row.taken_at <= since
