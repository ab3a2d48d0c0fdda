"""Reads the ledger row by row, however long it is: nothing of it is held but the rows that are on their way."""

from __future__ import annotations

from collections.abc import Generator
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from calsignal.model import Slot, moment_of_key
from calsignal.store.reading import valid_at
from calsignal.store.tables import calendars, connections, events, participants, people, subjects, versions
from calsignal.store.values import LedgerRow

PORTION = 1000
"""Rows that are fetched at once, and so those that are held."""

_SAID = [versions.c[name] for name in ("status", "free", "hidden_guests", "booking_tool", "booking_confidence", "sees")]
_ANSWERED = [participants.c[name] for name in ("answer", "answered_at", "optional", "resource", "is_group", "guests")]


def ledger(conn: sa.Connection, as_of: datetime) -> Generator[LedgerRow]:
    """Yield a row for each person on each version seen by `as_of`, and one for a version with nobody on it.

    The rows of one copy stand together, its versions from old to new.
    """
    names = {row.id: tuple(row)[1:] for row in conn.execute(_named())}
    with conn.execute(query(as_of), execution_options={"yield_per": PORTION}) as found:
        for row in found:
            yield _row(row, names[row.calendar_id], as_of)


def query(as_of: datetime) -> sa.Select[Any]:
    """Return the question to the database. It is put so that indexes give the order: a sort would hold everything."""
    return (
        sa.select(
            events.c.calendar_id,
            events.c.uid,
            events.c.original_start,
            events.c.baseline,
            events.c.created,
            versions.c.id.label("version"),
            versions.c.event_id,
            versions.c.seen_at,
            versions.c.not_before,
            versions.c.valid_to,
            versions.c.start_at,
            versions.c.end_at,
            versions.c.all_day,
            _dates().label("dates"),
            *_SAID,
            subjects.c.subject,
            people.c.person,
            people.c.domain,
            people.c.email,
            (participants.c.person_id == versions.c.organizer_id).label("organizer"),
            *_ANSWERED,
            participants.c.proposed_start,
            participants.c.proposed_end,
            participants.c.proposed_all_day,
        )
        .select_from(
            versions.outerjoin(events, events.c.id == versions.c.event_id)
            .outerjoin(subjects, (subjects.c.event_id == versions.c.event_id) & valid_at(subjects, as_of))
            .outerjoin(participants, participants.c.version_id == versions.c.id)
            .outerjoin(people, people.c.id == participants.c.person_id)
        )
        .where(versions.c.seen_at <= as_of)
        .order_by(versions.c.event_id, versions.c.seen_at, participants.c.person_id)
    )


def _named() -> sa.Select[Any]:
    return sa.select(calendars.c.id, connections.c.name, connections.c.provider, connections.c.mailbox).join(
        connections
    )


def _dates() -> sa.ColumnElement[int]:
    """Count the dates of a series in the database; their text may be long, and each row would carry it."""
    text = versions.c.occurrences
    blanks = sa.func.length(text) - sa.func.length(sa.func.replace(text, " ", ""))
    counted = sa.case((text.is_(None) | (text == ""), 0), else_=blanks + 1)
    return sa.case((versions.c.expanded_until.is_(None), sa.null()), else_=counted)


def _row(row: Any, named: tuple[str, str, str], as_of: datetime) -> LedgerRow:  # noqa: ANN401
    connection, provider, mailbox = named
    closed = row.valid_to is not None and row.valid_to <= as_of
    start, end, days = row.proposed_start, row.proposed_end, row.proposed_all_day
    return LedgerRow(
        connection=connection,
        provider=provider,
        mailbox=mailbox,
        calendar=row.calendar_id,
        copy=row.event_id,
        uid=row.uid,
        original_start=moment_of_key(row.original_start),
        baseline=row.baseline,
        created=row.created,
        version=row.version,
        seen_at=row.seen_at,
        not_before=row.not_before,
        valid_to=row.valid_to if closed else None,
        slot=_slot(row.start_at, row.end_at, all_day=row.all_day),
        dates=row.dates,
        status=row.status,
        free=row.free,
        hidden_guests=row.hidden_guests,
        booking_tool=row.booking_tool,
        booking_confidence=row.booking_confidence,
        sees=tuple(row.sees.split()),
        subject=row.subject,
        person=row.person,
        domain=row.domain or "",
        email=row.email,
        organizer=bool(row.organizer),
        answer=row.answer,
        answered_at=row.answered_at,
        optional=bool(row.optional),
        resource=bool(row.resource),
        group=bool(row.is_group),
        guests=row.guests or 0,
        proposed=None if start is None else _slot(start, end, all_day=days),
    )


def _slot(start: datetime, end: datetime, *, all_day: bool) -> Slot:
    return Slot(start.date(), end.date()) if all_day else Slot(start, end)
