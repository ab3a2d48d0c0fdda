"""Keeps what was found of accounts between reports, and notes in the same transaction when it holds no longer.

Who is whose buyer is decided on reading, so what is noted is people: those on every event that a change may concern.
What is erased is erased here at once; what merely changed is made again by the next sync.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from calsignal.store import reading
from calsignal.store.tables import (
    accounts,
    events,
    kept_accounts,
    kept_people,
    participants,
    people,
    syncs,
    touched_people,
    versions,
)
from calsignal.store.values import Holding, KeptRow, Touched

# --- what no longer holds ---------------------------------------------------------------------------------------------


def touch(conn: sa.Connection, rows: Iterable[int]) -> None:
    """Note that events, by number, changed: every copy of their meetings may be merged anew."""
    for chunk in reading.chunks(rows):
        _touch(conn, sa.select(events.c.uid).where(events.c.id.in_(chunk)))


def touch_series(conn: sa.Connection, calendar: int) -> None:
    """Note that a calendar has a new series: it may carry on any other one there."""
    theirs = (events.c.calendar_id == calendar) & versions.c.recurrence.is_not(None)
    _touch(conn, sa.select(events.c.uid).select_from(events.join(versions)).where(theirs))


def touch_calendars(conn: sa.Connection, which: sa.ColumnElement[bool]) -> None:
    """Note that whole calendars count no more, or count again; `which` is a condition on events."""
    _touch(conn, sa.select(events.c.uid).where(which))


def _met(which: sa.ColumnElement[bool]) -> sa.Select[tuple[str]]:
    on = events.join(versions).join(participants, reading.ON_VERSION)
    return sa.select(events.c.uid).select_from(on.join(people, people.c.id == participants.c.person_id)).where(which)


def _touch(conn: sa.Connection, uids: sa.Select[tuple[str]]) -> None:
    conn.execute(sa.insert(touched_people).from_select(["person_id"], _people_on(uids)))


def _people_on(uids: sa.Select[tuple[str]]) -> sa.Select[tuple[int]]:
    on = events.join(versions).join(participants, reading.ON_VERSION)
    return sa.select(participants.c.person_id).select_from(on).where(events.c.uid.in_(uids)).distinct()


def erase(conn: sa.Connection, rows: Iterable[int]) -> None:
    """Erase what is kept of every account that events, by number, are in; call it before those are erased."""
    for chunk in reading.chunks(rows):
        _erase(conn, sa.select(events.c.uid).where(events.c.id.in_(chunk)))


def erase_people(conn: sa.Connection, which: sa.ColumnElement[bool]) -> None:
    """Erase what is kept of every account that people are in: who they are has changed, for all the past too.

    `which` is a condition on people.
    """
    _erase(conn, _met(which))


def _erase(conn: sa.Connection, uids: sa.Select[tuple[str]]) -> None:
    _drop(conn, sa.select(kept_people.c.account_id).where(kept_people.c.person_id.in_(_people_on(uids))))
    _touch(conn, uids)
    conn.execute(sa.insert(touched_people).values(person_id=None))


def erase_all(conn: sa.Connection) -> None:
    """Erase everything that is kept."""
    conn.execute(sa.delete(kept_people))
    conn.execute(sa.delete(kept_accounts))
    conn.execute(sa.insert(touched_people).values(person_id=None))


def _drop(conn: sa.Connection, theirs: sa.Select[tuple[int]]) -> None:
    numbers = conn.scalars(theirs.distinct()).all()
    for chunk in reading.chunks(numbers):
        conn.execute(sa.delete(kept_accounts).where(kept_accounts.c.account_id.in_(chunk)))
        conn.execute(sa.delete(kept_people).where(kept_people.c.account_id.in_(chunk)))


# --- what holds -------------------------------------------------------------------------------------------------------


def touched(conn: sa.Connection) -> Touched:
    """Return who was touched."""
    ids = conn.scalars(sa.select(touched_people.c.id)).all()
    return Touched(frozenset(ids), _touched(conn))


def _touched(conn: sa.Connection) -> tuple[reading.Person, ...]:
    who = sa.select(people.c.person, people.c.domain, people.c.email).join(touched_people).distinct()
    return tuple((person, domain, email) for person, domain, email in conn.execute(who))


def holding(conn: sa.Connection, made_with: str, as_of: datetime) -> Holding:
    """Return of which accounts something is kept that was made with these settings, and by then."""
    holds = (kept_accounts.c.made_with == made_with) & (kept_accounts.c.made_at <= as_of)
    query = sa.select(accounts.c.name, kept_accounts.c.rolls_at).join(kept_accounts).where(holds)
    read = sa.select(sa.func.max(syncs.c.finished_at)).where(syncs.c.ok, syncs.c.finished_at <= as_of)
    rolls_at = {name: at for name, at in conn.execute(query)}  # noqa: C416  # rows are no pairs to a type checker
    return Holding(rolls_at, _touched(conn), conn.scalar(read))


def facts(conn: sa.Connection, names: Iterable[str]) -> dict[str, bytes]:
    """Return what is kept of some accounts, by name."""
    query = sa.select(accounts.c.name, kept_accounts.c.facts).join(kept_accounts)
    return {name: kept for name, kept in reading.fetch(conn, query, accounts.c.name, names)}  # noqa: C416  # as above


def save(conn: sa.Connection, made_with: str, found: Sequence[KeptRow], since: Touched) -> bool:
    """Keep rows made of what was known when `since` was asked for; say no where something was erased meanwhile."""
    erasures = conn.scalars(sa.select(touched_people.c.id).where(touched_people.c.person_id.is_(None))).all()
    if not since.ids.issuperset(erasures):
        return False
    number = _numbers(conn, accounts.c.name, (row.account for row in found))
    person = _numbers(conn, people.c.person, {key for row in found for key in row.people})
    here = [row for row in found if row.account in number]  # an account may have been removed meanwhile
    for chunk in reading.chunks(number[row.account] for row in here):
        _drop(conn, sa.select(accounts.c.id).where(accounts.c.id.in_(chunk)))
    who = [{"account_id": number[r.account], "person_id": person[key]} for r in here for key in r.people]
    for table, values in (
        (kept_accounts, [_values(r, number[r.account], made_with) for r in here]),
        (kept_people, who),
    ):
        if values:
            conn.execute(sa.insert(table), values)
    return True


def _numbers(conn: sa.Connection, column: sa.Column[str], keys: Iterable[str]) -> dict[str, int]:
    query = sa.select(column, column.table.c.id)
    return {key: number for key, number in reading.fetch(conn, query, column, set(keys))}  # noqa: C416  # as above


def _values(row: KeptRow, account: int, made_with: str) -> dict[str, Any]:
    return {
        "account_id": account,
        "made_with": made_with,
        "made_at": row.made_at,
        "rolls_at": row.rolls_at,
        "facts": row.facts,
    }


def settle(conn: sa.Connection, done: Touched) -> None:
    """Take back the notes: all that is kept about these people has been made again."""
    for chunk in reading.chunks(done.ids):
        conn.execute(sa.delete(touched_people).where(touched_people.c.id.in_(chunk)))
