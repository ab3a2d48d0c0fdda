"""Writes what a sync of one calendar found: carries out the actions of the ledger inside one transaction."""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from importlib import import_module
from typing import Any, TypeVar

import sqlalchemy as sa

from calsignal.ledger import Action, Add, Erase, Expansion, Extend, Name, OpenCopy, Retitle, Supersede, storable
from calsignal.model import Capability, Participant, Skipped, State, instant, moment_key
from calsignal.store import kept, reading
from calsignal.store.database import mark_erased
from calsignal.store.tables import (
    calendars,
    events,
    forgotten,
    gaps,
    participants,
    people,
    retirements,
    skipped,
    subjects,
    syncs,
    versions,
)
from calsignal.store.values import Outdated, Outrun, StoredCalendar

A = TypeVar("A", Add, Supersede, Retitle, Extend, Erase, Name)
_BATCH = 5000  # actions carried out together: enough to be fast, few enough to hold


class Pen:
    """Writes one calendar inside one transaction; nothing is kept unless `finish` was called."""

    def __init__(self, conn: sa.Connection, calendar: int) -> None:
        self._conn = conn
        lock = sa.select(calendars.c.id).where(calendars.c.id == calendar).with_for_update()
        conn.execute(lock)
        found = reading.calendar_list(conn, calendars.c.id == calendar)
        if not found:
            raise Outrun  # its connection was erased meanwhile
        self.calendar: StoredCalendar = found[0]
        self.finished = False
        self._numbers: dict[str, int] = {}
        self._seen_at: datetime | None = None

    def must_know(self, marks: Mapping[str, bool]) -> None:
        """Raise `Outdated` unless these are the marks of those who are forgotten by now."""
        listed = self._conn.execute(sa.select(forgotten.c.mark, forgotten.c.domain))
        if {row.mark: row.domain for row in listed} != marks:
            raise Outdated

    def open_copies(self, only: Iterable[str] | None = None) -> Mapping[str, OpenCopy]:
        """Return the open copies by event id; `only` narrows them to some ids."""
        return reading.open_copies(self._conn, self.calendar.id, only)

    def falling_short(self, until: datetime) -> tuple[str, ...]:
        """Return the series, by event id, whose open version is not expanded up to `until`."""
        here = (events.c.calendar_id == self.calendar.id) & versions.c.valid_to.is_(None)
        query = sa.select(events.c.external_id).join(versions, versions.c.event_id == events.c.id)
        return tuple(self._conn.scalars(query.where(here, versions.c.expanded_until < until)))

    @reading.collecting_nothing()
    def apply(
        self, actions: Iterable[Action], *, seen_at: datetime, not_before: datetime | None, baseline: bool
    ) -> None:
        """Carry out what the ledger decided; versions begin at `seen_at`.

        A version of a baseline says nothing about what was before. Raises `Outrun` unless `seen_at` is after the
        calendar's last successful sync.
        """
        self._must_lead(seen_at)
        moment = _Moment(seen_at, None if baseline else not_before, baseline)
        for batch in reading.chunks(actions, _BATCH):
            self._erase([action.row for action in _only(Erase, batch)])
            self._retitle(_only(Retitle, batch), seen_at)
            self._extend(_only(Extend, batch))
            self._supersede(_only(Supersede, batch), moment)
            added = self._add(_only(Add, batch), moment)
            self._name(_only(Name, batch))
            self._touch(batch, added)

    def _touch(self, batch: Sequence[Action], added: Iterable[int]) -> None:
        """Note, once all is written, whom these actions concern."""
        kept.touch(self._conn, {*added, *(a.row for a in batch if isinstance(a, (Supersede, Retitle, Extend)))})
        if any(action.kept.state.recurrence for action in _only(Add, batch)):
            kept.touch_series(self._conn, self.calendar.id)

    def skipped(self, rows: Sequence[Skipped], seen_at: datetime, *, read: Container[str] | None = None) -> None:
        """Record what could not be read now.

        `read` are the ids that could be read after all, when the pull told only what changed; None says that `rows`
        is everything, so that what was skipped before and is not among them is skipped no more.
        """
        self._must_lead(seen_at)
        columns = (skipped.c.id, skipped.c.external_id, skipped.c.reason)
        here = (skipped.c.calendar_id == self.calendar.id) & skipped.c.valid_to.is_(None)
        still = {(row.external_id, row.reason): row.id for row in self._conn.execute(sa.select(*columns).where(here))}
        now = {(row.id, row.reason) for row in rows}
        again = {event for event, _ in now}
        over = [
            number
            for (event, reason), number in still.items()
            if (event, reason) not in now and (read is None or event in again or event in read)
        ]
        for chunk in reading.chunks(over):
            self._conn.execute(sa.update(skipped).where(skipped.c.id.in_(chunk)).values(valid_to=seen_at))
        self._insert(
            skipped,
            [
                {"calendar_id": self.calendar.id, "seen_at": seen_at, "external_id": event, "reason": reason}
                for event, reason in sorted(now - still.keys())
            ],
        )

    def gap(self, start: datetime, end: datetime, reason: str, seen_at: datetime) -> None:
        """Record a stretch in which changes may have been missed."""
        self._must_lead(seen_at)
        row = {"start_at": start, "end_at": end, "reason": reason, "seen_at": seen_at}
        self._insert(gaps, [{**row, **self._place()}])

    def finish(
        self,
        cursor: str | None,
        fingerprint: str | None,
        started_at: datetime,
        finished_at: datetime,
        *,
        baseline: bool,
    ) -> None:
        """Save the cursor, record the success, and end a hold.

        Raises `Outrun` when another sync of the calendar finished after this one had started.
        """
        last = self.calendar.last_synced
        if last is not None and started_at < last:
            raise Outrun
        end = max(finished_at, started_at, self._seen_at or started_at)  # a clock may have been set back meanwhile
        if self._is_back():
            kept.touch_calendars(self._conn, events.c.calendar_id == self.calendar.id)
        success = {"started_at": started_at, "finished_at": end, "ok": True, "baseline": baseline}
        self._insert(syncs, [{**success, **self._place()}])
        saved = sa.update(calendars).where(calendars.c.id == self.calendar.id)
        self._conn.execute(saved.values(cursor=cursor, fingerprint=fingerprint, held=None))
        self.finished = True

    def _is_back(self) -> bool:
        """Say whether the calendar was connected again, and is read for the first time since."""
        mine = retirements.c.connection_id == self._place()["connection_id"]
        whole = retirements.c.calendar_id.is_(None) | (retirements.c.calendar_id == self.calendar.id)
        back = self._conn.scalar(sa.select(sa.func.max(retirements.c.end_at)).where(mine, whole))
        last = self.calendar.last_synced
        return back is not None and (last is None or last < back)

    def _place(self) -> dict[str, Any]:
        connection = sa.select(calendars.c.connection_id).where(calendars.c.id == self.calendar.id)
        return {"calendar_id": self.calendar.id, "connection_id": self._conn.scalar(connection)}

    def _must_lead(self, seen_at: datetime) -> None:
        last = self.calendar.last_synced
        if last is not None and seen_at <= last:
            raise Outrun
        self._seen_at = max(seen_at, self._seen_at or seen_at)

    def _insert(self, table: sa.Table, rows: Sequence[Mapping[str, Any]]) -> None:
        if rows:
            self._conn.execute(sa.insert(table), rows)

    def _add(self, actions: Sequence[Add], moment: _Moment) -> Collection[int]:
        """Add events; return their numbers."""
        if not actions:
            return ()
        rows = [
            (
                self.calendar.id,
                kept.event,
                kept.uid,
                moment_key(kept.original_start),
                kept.created,
                moment.baseline,
            )
            for kept in (action.kept for action in actions)
        ]
        made = self._insert_all(events, _EVENT, rows, events.c.calendar_id, events.c.external_id)
        number = {name: event for event, calendar, name in made if calendar == self.calendar.id}
        added = [(number[storable(action.kept.event)], action) for action in actions]
        titles = [
            (event, moment.seen_at, action.kept.subject) for event, action in added if action.kept.subject is not None
        ]
        self._insert_all(subjects, _SUBJECT, titles)
        self._open([(event, action.kept.state, action.expansion) for event, action in added], moment)
        return number.values()

    def _supersede(self, actions: Sequence[Supersede], moment: _Moment) -> None:
        if not actions:
            return
        before = reading.open_states(self._conn, [action.row for action in actions])
        for action in actions:
            if _bare(before[action.row]) == _bare(action.state):
                raise ValueError("a version must differ from the one before it")
        for chunk in reading.chunks(before):
            still = versions.c.event_id.in_(chunk) & versions.c.valid_to.is_(None)
            self._conn.execute(sa.update(versions).where(still).values(valid_to=moment.seen_at))
        self._open([(action.row, action.state, action.expansion) for action in actions], moment)

    def _open(self, states: Sequence[tuple[int, State, Expansion | None]], moment: _Moment) -> None:
        """Open versions of events, given by number, with the people on them."""
        if not states:
            return
        self._meet(participant for _, state, _ in states for participant in state.people)
        rows = [_version_row(event, state, expansion, moment, self._numbers) for event, state, expansion in states]
        made = self._insert_all(versions, _VERSION, rows, versions.c.event_id)
        number = {event: version for version, event in made}
        present = [
            _participant_row(number[event], participant, self._numbers[participant.person])
            for event, state, _ in states
            for participant in state.people
        ]
        self._insert_all(participants, _PARTICIPANT, present)

    def _insert_all(
        self, table: sa.Table, names: Sequence[str], rows: Sequence[Row], *told: sa.Column[Any]
    ) -> Sequence[Any]:
        """Insert many rows, and return the number of each new row with the columns to be `told`.

        What others add to the table at this moment may be among them.
        """
        before = self._conn.scalar(sa.select(sa.func.max(table.c.id))) if told else None
        if rows:
            self._conn.exec_driver_sql(*_statement(self._conn.dialect, table, names, rows))
        # asked for afterwards: a single statement that inserts many and returns their numbers in order is slower
        return self._conn.execute(sa.select(table.c.id, *told).where(table.c.id > (before or 0))).all() if told else ()

    def _meet(self, found: Iterable[Participant]) -> None:
        """Make sure that everybody has a row, with the address where it is known now."""
        new = {participant.person: participant for participant in found if participant.person not in self._numbers}
        rows = [{"person": one.person, "domain": one.domain, "email": one.email} for one in new.values()]
        if rows:
            self._conn.execute(_unless_there(self._conn, people), rows)
        query = sa.select(people.c.id, people.c.person, people.c.email)
        blank = []
        for row in reading.fetch(self._conn, query, people.c.person, new):
            self._numbers[row.person] = row.id
            if row.email is None and new[row.person].email is not None:
                blank.append(Name(row.person, str(new[row.person].email)))
        self._name(blank)

    def _name(self, actions: Sequence[Name]) -> None:
        if actions:
            filled = sa.update(people).where(people.c.person == sa.bindparam("who"))
            rows = [{"who": action.person, "email": action.email} for action in actions]
            self._conn.execute(filled.values(email=sa.bindparam("email")), rows)
            for chunk in reading.chunks(action.person for action in actions):
                kept.erase_people(self._conn, people.c.person.in_(chunk))

    def _retitle(self, actions: Sequence[Retitle], seen_at: datetime) -> None:
        """Give events a new subject; one that is no longer to be kept leaves with its past."""
        kept = {action.row: action.subject for action in actions if action.subject is not None}
        drop_subjects(self._conn, [action.row for action in actions if action.subject is None])
        for chunk in reading.chunks(kept):
            still = subjects.c.event_id.in_(chunk) & subjects.c.valid_to.is_(None)
            self._conn.execute(sa.update(subjects).where(still).values(valid_to=seen_at))
        rows = [{"event_id": event, "seen_at": seen_at, "subject": subject} for event, subject in kept.items()]
        self._insert(subjects, rows)

    def _extend(self, actions: Sequence[Extend]) -> None:
        if actions:
            still = (versions.c.event_id == sa.bindparam("event")) & versions.c.valid_to.is_(None)
            filled = sa.update(versions).where(still)
            names = ("event", "occurrences", "expanded_until")
            columns: dict[str, Any] = {name: sa.bindparam(name) for name in names[1:]}
            rows = [dict(zip(names, (a.row, *_expansion_values(a.expansion)), strict=True)) for a in actions]
            self._conn.execute(filled.values(**columns), rows)

    def _erase(self, rows: Sequence[int]) -> None:
        erase_events(self._conn, rows)
        if rows:
            self._numbers.clear()  # some of these people may be gone now


class _Moment:
    """When something was seen, and since when it may have been so."""

    def __init__(self, seen_at: datetime, not_before: datetime | None, baseline: bool) -> None:
        self.seen_at = seen_at
        self.not_before = not_before
        self.baseline = baseline


def _only(kind: type[A], actions: Iterable[Action]) -> list[A]:
    return [action for action in actions if isinstance(action, kind)]


def _unless_there(conn: sa.Connection, table: sa.Table) -> Any:  # noqa: ANN401
    """Return an insert that leaves a row alone which another writer made first."""
    dialect = import_module(f"sqlalchemy.dialects.{conn.dialect.name}")
    return dialect.insert(table).on_conflict_do_nothing()


def _bare(state: State) -> State:
    """Return a state without addresses: knowing one more of them is no change."""
    return replace(state, people=tuple(replace(participant, email=None) for participant in state.people))


Row = tuple[Any, ...]

_EVENT = ("calendar_id", "external_id", "uid", "original_start", "created", "baseline")
_SUBJECT = ("event_id", "seen_at", "subject")
_VERSION = (
    *("event_id", "seen_at", "not_before", "start_at", "end_at", "all_day", "status", "organizer_id", "free"),
    *("hidden_guests", "recurrence", "booking_tool", "booking_confidence", "sees", "occurrences", "expanded_until"),
)
_PARTICIPANT = (
    *("version_id", "person_id", "answer", "answered_at", "optional", "resource", "is_group", "guests"),
    *("proposed_start", "proposed_end", "proposed_all_day"),
)


def _statement(
    dialect: sa.Dialect, table: sa.Table, names: Sequence[str], rows: Sequence[Row]
) -> tuple[str, list[Row]]:
    """Return an insert in the driver's own words, and rows as it takes them.

    SQLAlchemy looks at each value of each row by name, which takes longer than the database needs to store them. Here
    that is done column by column, and only for types of our own: drivers take numbers, texts and truths as they are.
    """
    columns: list[Iterable[Any]] = list(zip(*rows, strict=True))
    for n, name in enumerate(names):
        if isinstance(kind := table.c[name].type, sa.TypeDecorator):
            convert = kind.dialect_impl(dialect).bind_processor(dialect)
            columns[n] = map(convert, columns[n]) if convert else columns[n]
    mark = "?" if dialect.paramstyle == "qmark" else "%s"
    text = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join([mark] * len(names))})"  # noqa: S608
    return text, list(zip(*columns, strict=True))


def _version_row(
    event: int, state: State, expansion: Expansion | None, moment: _Moment, numbers: Mapping[str, int]
) -> Row:
    booking = state.booking
    return (
        event,
        moment.seen_at,
        moment.not_before,
        instant(state.slot.start, UTC),
        instant(state.slot.end, UTC),
        state.slot.all_day,
        state.status.value,
        None if state.organizer is None else numbers[state.organizer],
        state.free,
        state.hidden_guests,
        state.recurrence,
        booking and booking.tool,
        booking and booking.confidence.value,
        _sees(state.sees),
        *_expansion_values(expansion),
    )


@lru_cache(maxsize=64)
def _sees(capabilities: frozenset[Capability]) -> str:
    return " ".join(sorted(capability.value for capability in capabilities))


def _expansion_values(expansion: Expansion | None) -> tuple[str | None, datetime | None]:
    """Return how the store keeps `occurrences` and `expanded_until`."""
    if expansion is None:
        return None, None
    return " ".join(map(moment_key, expansion.occurrences)), expansion.until


def _participant_row(version: int, participant: Participant, number: int) -> Row:
    proposed = participant.proposed
    return (
        version,
        number,
        participant.answer.value,
        participant.answered_at,
        participant.optional,
        participant.resource,
        participant.group,
        participant.guests,
        proposed and instant(proposed.start, UTC),
        proposed and instant(proposed.end, UTC),
        proposed and proposed.all_day,
    )


def drop_subjects(conn: sa.Connection, rows: Iterable[int]) -> None:
    """Remove every subject that these events ever had."""
    gone = 0
    rows = list(rows)
    kept.erase(conn, rows)
    for chunk in reading.chunks(rows):
        gone += conn.execute(sa.delete(subjects).where(subjects.c.event_id.in_(chunk))).rowcount
    if gone:
        mark_erased(conn)


def erase_events(conn: sa.Connection, rows: Iterable[int]) -> int:
    """Remove events with all that hangs on them, and the people who are on no event any more; count those."""
    met: set[int] = set()
    met_on = versions.join(participants, participants.c.version_id == versions.c.id)
    query = sa.select(participants.c.person_id).select_from(met_on).distinct()
    rows = list(rows)
    kept.erase(conn, rows)
    for chunk in reading.chunks(rows):
        met.update(row.person_id for row in reading.fetch(conn, query, versions.c.event_id, chunk))
        conn.execute(sa.delete(events).where(events.c.id.in_(chunk)))
        mark_erased(conn)
    return _forget_unmet(conn, met)


def _forget_unmet(conn: sa.Connection, numbers: Collection[int]) -> int:
    unmet = ~sa.exists().where(participants.c.person_id == people.c.id)
    return sum(
        conn.execute(sa.delete(people).where(people.c.id.in_(chunk), unmet)).rowcount
        for chunk in reading.chunks(numbers)
    )
