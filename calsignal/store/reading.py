"""Reads the ledger: rows back into the values of the model, in a few queries for any number of events."""

from __future__ import annotations

import gc
import json
from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from itertools import islice
from operator import attrgetter
from typing import Any, TypeVar

import sqlalchemy as sa

from calsignal.ledger import Expansion, OpenCopy
from calsignal.model import (
    Absence,
    Answer,
    Booking,
    Capability,
    Confidence,
    Copy,
    EventStatus,
    Moment,
    Participant,
    Skipped,
    Slot,
    State,
    Version,
    moment_of_key,
)
from calsignal.store.tables import (
    calendars,
    connections,
    events,
    participants,
    people,
    retirements,
    skipped,
    subjects,
    syncs,
    versions,
)
from calsignal.store.values import Connection, StoredCalendar, Wanted

T = TypeVar("T")
Condition = sa.ColumnElement[bool]

CHUNK = 4000  # keys in one IN list; below the limit of every database
ON_VERSION = participants.c.version_id == versions.c.id
_PRESENCE = participants.join(versions, ON_VERSION)
_GONE = [status.value for status in EventStatus if status.gone]
_ANSWERS = {answer.value: answer for answer in Answer}
_STATUSES = {status.value: status for status in EventStatus}


def chunks(items: Iterable[T], size: int = CHUNK) -> Iterator[list[T]]:
    """Yield lists of at most `size` items."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def fetch(conn: sa.Connection, query: sa.Select[Any], column: Any, keys: Iterable[Any] | None) -> Iterator[Any]:  # noqa: ANN401
    """Yield the rows of `query`: all (None), or those whose `column` is among the distinct `keys`, chunk by chunk."""
    asked = [query] if keys is None else (query.where(column.in_(chunk)) for chunk in chunks(keys))
    for one in asked:
        for rows in conn.execute(one).partitions(CHUNK):
            yield from rows


@contextmanager
def collecting_nothing() -> Iterator[None]:
    """Keep the garbage collector from walking again and again through what is being built; none of it is garbage."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def valid_at(table: sa.Table, as_of: datetime) -> Condition:
    """Say that a row of `table` was seen, and not yet replaced, at `as_of`."""
    return (table.c.seen_at <= as_of) & (table.c.valid_to.is_(None) | (table.c.valid_to > as_of))


def connection_list(conn: sa.Connection, *conditions: Condition) -> tuple[Connection, ...]:
    """Return the connections by name."""
    query = sa.select(connections, retired_at(connections).label("retired_at"))
    # sorted here, since each database may have an order of letters of its own
    rows = sorted(conn.execute(query.where(*conditions)), key=attrgetter("name"))
    return tuple(Connection(**{**row._asdict(), "settings": json.loads(row.settings)}) for row in rows)


def calendar_list(conn: sa.Connection, *conditions: Condition) -> tuple[StoredCalendar, ...]:
    """Return the calendars in the order in which they were first seen."""
    columns = [column for column in calendars.c if column.name != "connection_id"]
    query = sa.select(
        *columns,
        retired_at(calendars).label("retired_at"),
        connections.c.name.label("connection"),
        of_last_sync(syncs.c.started_at, syncs.c.ok).label("last_started"),
        of_last_sync(syncs.c.finished_at, syncs.c.ok).label("last_synced"),
    )
    rows = conn.execute(query.join(connections).where(*conditions).order_by(calendars.c.id))
    return tuple(StoredCalendar(**row._asdict()) for row in rows)


def retired_at(owner: sa.Table, as_of: datetime | None = None) -> sa.ScalarSelect[datetime]:
    """Return since when a connection, or a calendar, has been retired at `as_of`, or now; null where it is not."""
    lasts: Condition = retirements.c.end_at.is_(None)
    if as_of is not None:
        lasts = (retirements.c.start_at <= as_of) & (lasts | (retirements.c.end_at > as_of))
    query = sa.select(sa.func.min(retirements.c.start_at)).where(retired(owner), lasts)
    return query.correlate(owner).scalar_subquery()


def retired(owner: sa.Table) -> Condition:
    """Say that a retirement is one of the connection, or of the calendar, at hand."""
    if owner is calendars:
        return retirements.c.calendar_id == calendars.c.id
    return (retirements.c.connection_id == connections.c.id) & retirements.c.calendar_id.is_(None)


def of_last_sync(column: sa.ColumnElement[T], *conditions: Condition) -> sa.ScalarSelect[T]:
    """Return `column` of the last attempt to read the calendar at hand, of those that meet the conditions."""
    latest = syncs.c.finished_at.desc(), syncs.c.id.desc()
    query = sa.select(column).where(syncs.c.calendar_id == calendars.c.id, *conditions).order_by(*latest).limit(1)
    return query.correlate(calendars).scalar_subquery()


@collecting_nothing()
def open_copies(conn: sa.Connection, calendar: int, only: Iterable[str] | None = None) -> dict[str, OpenCopy]:
    """Return the open copies of a calendar by event id; `only` narrows them to some ids."""
    here = sa.select(events).where(events.c.calendar_id == calendar)
    found = list(fetch(conn, here, events.c.external_id, None if only is None else set(only)))
    scope = _Scope(versions.c.valid_to.is_(None), {event.id for event in found})
    subject_of = _subjects(conn, subjects.c.valid_to.is_(None), scope.keys)
    states = {row.event_id: (row, state) for row, state in _states(conn, scope, _people(conn, scope))}
    return {event.external_id: _open_copy(event, *states[event.id], subject_of.get(event.id)) for event in found}


def open_states(conn: sa.Connection, rows: Collection[int]) -> dict[int, State]:
    """Return the state that each of these events is in, by its number."""
    scope = _Scope(versions.c.valid_to.is_(None), rows)
    return {row.event_id: state for row, state in _states(conn, scope, _people(conn, scope))}


def _open_copy(event: Any, version: Any, state: State, subject: str | None) -> OpenCopy:  # noqa: ANN401
    known = version.expanded_until is not None
    return OpenCopy(
        row=event.id,
        event=event.external_id,
        uid=event.uid,
        original_start=moment_of_key(event.original_start),
        subject=subject,
        state=state,
        expansion=Expansion(_moments(version.occurrences), version.expanded_until) if known else None,
    )


@collecting_nothing()
def history(
    conn: sa.Connection, as_of: datetime, wanted: Wanted | None, among: Wanted | None = None
) -> tuple[Copy, ...]:
    """Return every copy that by `as_of` has shown a wanted person, with all that was known of it then.

    With `among`, also those that have shown one of these and may be merged with them, so that the wanted people's
    meetings come out as they do when all of these are wanted.
    """
    everybody = _everybody(conn)
    chosen = None if wanted is None else _showing(conn, as_of, [n for n, who in everybody.items() if wanted(*who)])
    if chosen and among is not None:
        others = _mergeable(conn, chosen) - chosen
        chosen |= _showing_among(conn, as_of, others, {n for n, who in everybody.items() if among(*who)})
    # asking for most of a table key by key costs more than reading past the rest of it
    dense = chosen is None or 3 * len(chosen) > (conn.scalar(sa.select(sa.func.count()).select_from(events)) or 0)
    keys = None if dense else chosen
    subject_of = _subjects(conn, valid_at(subjects, as_of), keys)
    known: defaultdict[int, list[Version]] = defaultdict(list)
    for row, state in _states(conn, _Scope(versions.c.seen_at <= as_of, keys, chosen), everybody):
        known[row.event_id].append(Version(row.seen_at, row.not_before, state, _moments(row.occurrences)))
    origins = _origins(conn, as_of)
    copies = (
        _copy(event, origins[event.calendar_id], tuple(known[event.id]), subject_of.get(event.id))
        for event in fetch(conn, sa.select(events), events.c.id, keys)
        if event.id in known
    )
    return tuple(sorted(copies, key=attrgetter("calendar", "event")))


class _Scope:
    """Which versions to read: a condition, event numbers to ask for, and event numbers to keep (None: all)."""

    def __init__(self, where: Condition, keys: Collection[int] | None, keep: Collection[int] | None = None) -> None:
        self.where = where
        self.keys = keys
        self.keep = keep

    def rows(self, conn: sa.Connection, query: sa.Select[Any]) -> Iterator[Any]:
        """Yield the rows of a query about versions that are in scope by key and condition."""
        return fetch(conn, query.where(self.where), versions.c.event_id, self.keys)


_Origin = tuple[str, str, datetime | None, tuple[Absence, ...]]


def _origins(conn: sa.Connection, as_of: datetime) -> dict[int, _Origin]:
    """Return label, mailbox, sight and absences of each calendar."""
    query = sa.select(
        calendars.c.id,
        calendars.c.external_id,
        connections.c.name,
        connections.c.mailbox,
        of_last_sync(syncs.c.finished_at, syncs.c.ok, syncs.c.finished_at <= as_of).label("sight"),
    ).join(connections)
    absences = _absences(conn, as_of)
    return {
        row.id: (f"{row.name}/{row.external_id}", row.mailbox, row.sight, tuple(absences[row.id]))
        for row in conn.execute(query)
    }


def _absences(conn: sa.Connection, as_of: datetime) -> defaultdict[int, list[Absence]]:
    """Return, by calendar, the times in which it was retired, alone or with its connection, as known at `as_of`.

    Each ends with the first sync after it: until then, nobody knows what the calendar says.
    """
    its_own = retirements.c.calendar_id.is_(None) | (retirements.c.calendar_id == calendars.c.id)
    read_again = (syncs.c.calendar_id == calendars.c.id) & syncs.c.ok & (syncs.c.finished_at >= retirements.c.end_at)
    end = sa.select(sa.func.min(syncs.c.finished_at)).where(read_again).correlate(calendars, retirements)
    query = (
        sa.select(calendars.c.id, retirements.c.start_at, end.scalar_subquery())
        .join(retirements, (retirements.c.connection_id == calendars.c.connection_id) & its_own)
        .where(retirements.c.start_at <= as_of)
        .order_by(retirements.c.start_at, retirements.c.id)
    )
    found: defaultdict[int, list[Absence]] = defaultdict(list)
    for calendar, start, end in conn.execute(query):
        found[calendar].append(Absence(start, end).as_of(as_of))
    return found


def _copy(event: Any, origin: _Origin, known: tuple[Version, ...], subject: str | None) -> Copy:  # noqa: ANN401
    label, mailbox, sight, absences = origin
    return Copy(
        calendar=label,
        mailbox=mailbox,
        event=event.external_id,
        uid=event.uid,
        original_start=moment_of_key(event.original_start),
        baseline=event.baseline,
        created=event.created,
        versions=known,
        subject=subject,
        sight=sight,
        absences=absences,
    )


Person = tuple[str, str, str | None]


def _everybody(conn: sa.Connection) -> dict[int, Person]:
    query = sa.select(people.c.id, people.c.person, people.c.domain, people.c.email)
    return {number: (person, domain, email) for number, person, domain, email in conn.execute(query)}


def _people(conn: sa.Connection, scope: _Scope) -> dict[int, Person]:
    """Return the people on the versions in scope."""
    query = sa.select(people.c.id, people.c.person, people.c.domain, people.c.email).distinct()
    query = query.select_from(_PRESENCE.join(people, people.c.id == participants.c.person_id))
    return {number: (person, domain, email) for number, person, domain, email in scope.rows(conn, query)}


def _showing(conn: sa.Connection, as_of: datetime, numbers: Collection[int]) -> set[int]:
    """Return the events that show one of these people in a version seen by `as_of`."""
    query = sa.select(versions.c.event_id).select_from(_PRESENCE).where(versions.c.seen_at <= as_of).distinct()
    return {row.event_id for row in fetch(conn, query, participants.c.person_id, numbers)}


def _mergeable(conn: sa.Connection, chosen: Collection[int]) -> set[int]:
    """Return the copies with the UIDs of these, and of the series that may be halves of a series among them."""
    uids = {row.uid for row in fetch(conn, sa.select(events.c.uid), events.c.id, chosen)}
    series = versions.join(events).select().with_only_columns(events.c.calendar_id, events.c.uid)
    series = series.where(versions.c.recurrence.is_not(None)).distinct()
    homes = {row.calendar_id for row in fetch(conn, series, events.c.id, chosen)}
    uids |= {row.uid for row in fetch(conn, series, events.c.calendar_id, homes)}
    return {row.id for row in fetch(conn, sa.select(events.c.id), events.c.uid, uids)}


def _showing_among(conn: sa.Connection, as_of: datetime, rows: Collection[int], numbers: Container[int]) -> set[int]:
    """Return those of these events that show one of these people in a version seen by `as_of`."""
    query = sa.select(versions.c.event_id, participants.c.person_id).select_from(_PRESENCE)
    by_then = query.where(versions.c.seen_at <= as_of).distinct()
    return {event for event, person in fetch(conn, by_then, versions.c.event_id, rows) if person in numbers}


def _subjects(conn: sa.Connection, where: Condition, keys: Collection[int] | None) -> dict[int, str]:
    query = sa.select(subjects.c.event_id, subjects.c.subject).where(where)
    return dict(fetch(conn, query, subjects.c.event_id, keys))


_SEEN = [versions.c[name] for name in ("id", "event_id", "seen_at", "not_before", "occurrences", "expanded_until")]
_SAID = [
    versions.c[name]
    for name in (
        "start_at",
        "end_at",
        "all_day",
        "status",
        "organizer_id",
        "free",
        "hidden_guests",
        "recurrence",
        "booking_tool",
        "booking_confidence",
        "sees",
    )
]


def _states(conn: sa.Connection, scope: _Scope, who: Mapping[int, Person]) -> Iterator[tuple[Any, State]]:
    """Yield each version in scope with its state, the versions of one event from old to new."""
    present = _participants(conn, scope, who)
    query = sa.select(*_SEEN, *_SAID).order_by(versions.c.event_id, versions.c.seen_at)
    for row in scope.rows(conn, query):
        if scope.keep is None or row.event_id in scope.keep:
            yield row, _state(row[len(_SEEN) :], present.get(row.id, ()), who)


# rows are taken apart by position here: by name costs more than all the rest


def _state(said: Sequence[Any], present: Iterable[Participant], who: Mapping[int, Person]) -> State:
    start, end, all_day, status, organizer, free, hidden_guests, recurrence, tool, confidence, sees = said
    return State(
        _slot(start, end, all_day=all_day),
        _STATUSES[status],
        None if organizer is None else who[organizer][0],
        tuple(sorted(present, key=attrgetter("person"))),
        free,
        hidden_guests,
        recurrence,
        None if tool is None else Booking(tool, Confidence(confidence)),
        _capabilities(sees),
    )


def _participants(conn: sa.Connection, scope: _Scope, who: Mapping[int, Person]) -> dict[int, list[Participant]]:
    """Return the people of each version in scope; those who are alike are one object."""
    # without keys nearly all are wanted, and the rest costs less than looking up each one's version
    everybody = sa.select(participants)
    rows = (
        fetch(conn, everybody, None, None)
        if scope.keys is None
        else scope.rows(conn, everybody.join(versions, ON_VERSION))
    )
    present: defaultdict[int, list[Participant]] = defaultdict(list)
    alike: dict[tuple[Any, ...], Participant] = {}
    for row in rows:
        values = row[1:]
        participant = alike.get(values)
        if participant is None:
            participant = alike[values] = _participant(values, who)
        present[row[0]].append(participant)
    return present


def _participant(values: Sequence[Any], who: Mapping[int, Person]) -> Participant:
    number, answer, answered_at, optional, resource, group, guests, start, end, all_day = values
    person, domain, email = who[number]
    proposed = None if start is None else _slot(start, end, all_day=all_day)
    return Participant(
        person, domain, email, _ANSWERS[answer], answered_at, optional, resource, group, guests, proposed
    )


def _slot(start: datetime, end: datetime, *, all_day: bool) -> Slot:
    return Slot(start.date(), end.date()) if all_day else Slot(start, end)


@lru_cache(maxsize=64)
def _capabilities(text: str) -> frozenset[Capability]:
    return frozenset(map(Capability, text.split()))


def _moments(text: str | None) -> tuple[Moment, ...]:
    return tuple(map(_moment, text.split())) if text else ()


def _moment(key: str) -> Moment:
    # what `moment_of_key` reads, ten times faster; a series has hundreds of them
    moment = datetime.fromisoformat(key)
    return moment if "T" in key else moment.date()


def unnamed(conn: sa.Connection, calendar: int, wanted: Wanted, *, subjects_too: bool) -> tuple[str, ...]:
    """Return the ids of the open events, not gone, that show wanted people and lack an address or a subject.

    Another calendar may have told the address; the subject of an event is known from its own copy only.
    """
    titled = sa.select(subjects.c.event_id).where(subjects.c.valid_to.is_(None))
    lacking = (people.c.email.is_(None), *((events.c.id.not_in(titled),) if subjects_too else ()))
    query = (
        sa.select(events.c.external_id, people.c.person, people.c.domain, people.c.email)
        .select_from(_PRESENCE)
        .join(events, events.c.id == versions.c.event_id)
        .join(people, people.c.id == participants.c.person_id)
        .where(events.c.calendar_id == calendar, versions.c.valid_to.is_(None), versions.c.status.not_in(_GONE))
        .where(sa.or_(*lacking))
    )
    return tuple(sorted({event for event, *who in conn.execute(query) if wanted(*who)}))


def numbers_of(conn: sa.Connection, wanted: Wanted) -> set[int]:
    """Return the numbers of the people who are wanted."""
    return {number for number, who in _everybody(conn).items() if wanted(*who)}


def all_people(conn: sa.Connection) -> Sequence[Person]:
    """Return person, domain and address of everybody, sorted."""
    return sorted(_everybody(conn).values(), key=lambda who: who[0])


def skipped_at(conn: sa.Connection, as_of: datetime) -> tuple[Skipped, ...]:
    """Return what could not be read as of then, on connections that were not retired by then."""
    active = retired_at(connections, as_of).is_(None)
    query = (
        sa.select(connections.c.name, skipped.c.external_id, skipped.c.reason)
        .select_from(skipped.join(calendars).join(connections))
        .where(valid_at(skipped, as_of), active)
        .distinct()
    )
    return tuple(Skipped(*row) for row in sorted(map(tuple, conn.execute(query))))
