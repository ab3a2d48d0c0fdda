"""The one place where things happen in order: pull, redact, compare, append. One transaction per calendar.

The network is asked only before a transaction begins; what is decided is decided again inside it, on what the store
then holds, so that two syncs at once lose nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property

from calsignal.config import Settings
from calsignal.contract import Access, Calendar, CalledOff, Event, Gone, Page, Retry, Source, Window
from calsignal.errors import CalsignalError, CursorExpired, NeedsSignIn, SourceError, StoreError, UnreadableEvent
from calsignal.ledger import (
    YEARS,
    Action,
    Add,
    Erase,
    Expansion,
    Extend,
    Implausible,
    OpenCopy,
    Pulled,
    Redactor,
    Supersede,
    called_off,
    compare,
    due_for_extension,
    emptied,
    missing,
    storable,
    tidy,
    too_long,
)
from calsignal.links import patterns
from calsignal.model import Role, Skipped
from calsignal.recurrence import UnreadableSeries, expand
from calsignal.registry import Registry
from calsignal.store import Connection, Outrun, Pen, Store, StoredCalendar
from calsignal.team import forget_strangers, team_directory
from calsignal.vault import Vault, connection_secret

LEDGER_FORMAT = "1"
"""Raised when what we keep of an event changes, so that every calendar is read afresh."""

SPARE = timedelta(days=31)
"""How far a series is expanded beyond the horizon, so that it is extended once a month and not at each sync."""


MOST_LOOKED_UP = 50
"""How many events are read again one by one; more of them come with a whole list, and the rest in later syncs."""


@dataclass(frozen=True)
class Outcome:
    """How the sync of one connection went.

    `problem` is a sentence for the reader, `written` counts the versions that were added or erased, `skipped` is what
    could not be read. `elsewhere` says that another process is syncing it: nothing was done. `error` is what the
    problem came from, where it was an error.
    """

    connection: str
    problem: str | None = None
    hint: str = ""
    events: int = 0
    written: int = 0
    skipped: tuple[Skipped, ...] = ()
    elsewhere: bool = False
    error: CalsignalError | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class Syncer:
    """Everything a sync needs. `clock` returns the present as an aware instant, later at each call."""

    store: Store
    settings: Settings
    registry: Registry
    vault: Vault
    address_key: bytes
    clock: Callable[[], datetime]
    retry: Retry
    accept: frozenset[str] = frozenset()

    def sync(self, connections: Iterable[Connection]) -> Iterator[Outcome]:
        """Sync the connections one by one; yield each outcome as it comes. A failing one does not stop the others."""
        directory = team_directory(self.store, self.settings)
        redactor = Redactor(directory, self.address_key, subjects=self.settings.privacy.subjects)
        if not redactor.subjects:  # switched off since: those that were kept go too
            self.store.forget_subjects(lambda *_: False)
        try:
            for connection in connections:
                yield self._connection(connection, redactor)
        finally:
            if self.store.accounts() != directory.accounts:  # what was written may name people of one that has gone
                forget_strangers(self.store, self.settings)

    def _connection(self, connection: Connection, redactor: Redactor) -> Outcome:
        """Sync a connection, unless another process is at it: two at once would ask and answer twice."""
        with self.store.alone(connection) as ours:
            return self._held(connection, redactor) if ours else Outcome(connection.name, elsewhere=True)

    def _held(self, connection: Connection, redactor: Redactor) -> Outcome:
        started = self.clock()
        try:
            provider = self.registry.get(connection.provider)
            with _theirs(connection):
                source = provider.open(self._access(connection))
            try:
                return self._source(connection, source, redactor)
            finally:
                source.close()
        except Outrun:
            return Outcome(connection.name)
        except StoreError:
            raise
        except CalsignalError as error:
            self.store.failed(connection, None, started, self.clock(), _with_hint(error))
            return Outcome(connection.name, str(error), error.hint, error=error)

    def _access(self, connection: Connection) -> Access:
        return access_to(connection, self.settings, self.vault, self.retry, self.clock())

    def _source(self, connection: Connection, source: Source, redactor: Redactor) -> Outcome:
        outcome = Outcome(connection.name)
        with _theirs(connection):
            listed = source.calendars()
        for calendar in listed:
            stored = self.store.calendar(connection, calendar.id, calendar.name, self.clock())
            outcome = _joined(outcome, self._calendar(connection, source, calendar, stored, redactor))
        for stored in self.store.calendars(connection):
            if stored.retired_at is None and stored.external_id not in {c.id for c in listed}:
                self.store.retire_calendar(stored, self.clock())
        return outcome

    def _calendar(
        self, connection: Connection, source: Source, calendar: Calendar, stored: StoredCalendar, redactor: Redactor
    ) -> Outcome:
        started = self.clock()
        job = _Job(self, connection, source, calendar, stored, redactor, started)
        try:
            return job.run()
        except Outrun:
            return self._outrun(connection, stored)
        except StoreError:
            raise
        except CalsignalError as error:
            self.store.failed(connection, stored, started, self.clock(), _with_hint(error))
            return Outcome(connection.name, str(error), error.hint, error=error)

    def _outrun(self, connection: Connection, stored: StoredCalendar) -> Outcome:
        """Leave it to the sync that was faster, unless there was none: then the clock was set back."""
        after = next((c.last_synced for c in self.store.calendars(connection) if c.id == stored.id), None)
        if after is None or after <= self.clock():
            return Outcome(connection.name)
        return Outcome(
            connection.name,
            f"this machine's clock is behind the last sync, of {after:%Y-%m-%d %H:%M} UTC; nothing was written",
            "set the clock right, then sync again",
        )


def access_to(connection: Connection, settings: Settings, vault: Vault, retry: Retry, now: datetime) -> Access:
    """Return what a provider may use to read a connection, as of `now`. Raises `CalsignalError` of the vault."""
    name = connection_secret(connection.name, connection.shares)
    days = settings.sync
    kept = vault.get(name)

    def save_secret(secret: str) -> None:
        """Keep a renewed secret, unless somebody has signed in again since: that one is worth more."""
        nonlocal kept
        vault.replace(name, kept, secret)
        kept = secret

    return Access(
        mailbox=connection.mailbox,
        settings=connection.settings,
        config=settings.providers.get(connection.provider, {}),
        secret=kept,
        save_secret=save_secret,
        window=Window(now - timedelta(days=days.history_days), now + timedelta(days=days.horizon_days)),
        retry=retry,
        zone=settings.team.timezone,
        read_text=settings.privacy.link_text,
        links=patterns(settings.links),
        allow_private_addresses=settings.privacy.private_addresses,
    )


@contextmanager
def _theirs(connection: Connection) -> Iterator[None]:
    """Turn a provider's own mistake into a problem of that connection: it must not stop the others."""
    try:
        yield
    except CalsignalError:
        raise
    except Exception as error:
        raise SourceError(
            f"the provider {connection.provider} failed ({type(error).__name__})",
            "update calsignal; if it stays, report it with the name of the error",
        ) from error


def _with_hint(error: CalsignalError) -> str:
    """Return what a later report says of a failure: whether somebody has to sign in, the fact, and the next step."""
    fact = f"needs sign-in: {error}" if isinstance(error, NeedsSignIn) else str(error)
    return f"{fact}; {error.hint}" if error.hint else fact


def _joined(one: Outcome, other: Outcome) -> Outcome:
    return replace(
        one,
        problem=one.problem or other.problem,
        hint=one.hint or other.hint,
        error=one.error or other.error,
        events=one.events + other.events,
        written=one.written + other.written,
        skipped=one.skipped + other.skipped,
    )


def fingerprint(provider: str, calendar: str, settings: Settings) -> str:
    """Return what stands for the question that a cursor answers; a cursor of another question is worth nothing."""
    days = settings.sync
    window = (days.history_days, days.horizon_days, settings.team.timezone.key)
    question = (LEDGER_FORMAT, provider, calendar, window, settings.privacy.link_text, sorted(settings.links.items()))
    return hashlib.sha256(repr(question).encode()).hexdigest()[:16]


@dataclass
class _Said:
    """Everything one pull said, before redaction."""

    source: str
    events: dict[str, Event] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    called_off: dict[str, CalledOff] = field(default_factory=dict)
    looked_up: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)
    skipped: list[Skipped] = field(default_factory=list)
    cursor: str | None = None
    full: bool = False
    expired: bool = False

    @property
    def heard(self) -> frozenset[str]:
        """The events of which something was said that could be read."""
        return frozenset({*self.events, *self.removed, *self.called_off})

    def add(self, page: Page) -> None:
        """Take a page in; an event that cannot be about a meeting is skipped and named."""
        for event in page.events:
            self._take(event)
        for event_id in map(storable, page.removed):
            self.removed.add(event_id)
            self.events.pop(event_id, None)
            self.called_off.pop(event_id, None)
        for date in page.called_off:
            self._call_off(replace(date, id=storable(date.id), series=storable(date.series)))
        self.unread.update(map(storable, page.unread))
        self.skipped.extend(page.skipped)
        self.full = self.full or page.full
        self.cursor = page.cursor or self.cursor

    def _call_off(self, date: CalledOff) -> None:
        if date.original_start.year not in YEARS:
            self.skipped.append(Skipped(self.source, date.id, "its year is out of any calendar"))
            return
        if too_long(date.id):
            self.skipped.append(Skipped(self.source, date.id, "its id is too long"))
            return
        self.called_off[date.id] = date
        self.events.pop(date.id, None)
        self.removed.discard(date.id)

    def _take(self, event: Event) -> None:
        try:
            tidied = tidy(event)
        except Implausible as error:
            self.skipped.append(Skipped(self.source, storable(event.id), str(error)))
            self.unread.add(storable(event.id))
            return
        self.events[tidied.id] = tidied
        self.removed.discard(tidied.id)
        self.called_off.pop(tidied.id, None)


@dataclass
class _Job:
    """The sync of one calendar."""

    syncer: Syncer
    connection: Connection
    source: Source
    calendar: Calendar
    stored: StoredCalendar
    redactor: Redactor
    started: datetime
    expansions: dict[str, Expansion] = field(default_factory=dict)

    def run(self) -> Outcome:
        said = self._pull()
        known = self.syncer.store.open_copies(self.stored)
        series = [c for c in known.values() if c.state.recurrence and c.expansion]
        self.expansions = {c.state.recurrence: c.expansion for c in series if c.state.recurrence and c.expansion}
        self._read_again(said)
        pulled = self._redacted(said)
        dates = called_off(said.called_off.values(), known, pulled.kept)
        pulled = replace(pulled, kept={**pulled.kept, **dates})
        now, zone = self.syncer.clock(), self.syncer.settings.team.timezone
        lost = missing(known, pulled, now, zone)
        why = emptied(known, {*lost, *(said.removed & known.keys())}, now, zone)
        if why is not None and self.connection.name not in self.syncer.accept:
            # a list that may be short is believed in what it does say
            private = {event for event, kept in pulled.kept.items() if kept is None}
            self.syncer.store.erase_copies(known[event].row for event in private & known.keys())
            return self._hold(why)
        pulled = self._confirmed(said, pulled, lost)
        written = self._write(said, pulled)
        return Outcome(self.connection.name, events=len(said.events), written=written, skipped=tuple(said.skipped))

    # --- the network ------------------------------------------------------------------------------------------------

    def _pull(self) -> _Said:
        """Pull from the cursor; when it has expired start afresh, once. Where much has to be read again, read all."""
        known = self.stored.fingerprint == self._fingerprint() and len(self._nameless) <= MOST_LOOKED_UP
        cursor = self.stored.cursor if known else None
        try:
            return self._pages(cursor)
        except CursorExpired:
            said = self._pages(None)
            said.expired = cursor is not None
            return said

    def _pages(self, cursor: str | None) -> _Said:
        said = _Said(self.connection.name)
        with _theirs(self.connection):
            for page in self.source.pull(self.calendar, cursor):
                said.add(page)
        return said

    def _find(self, event_id: str) -> Event | Gone:
        with _theirs(self.connection):
            return self.source.find(self.calendar, event_id)

    def _fingerprint(self) -> str:
        return fingerprint(self.connection.provider, self.calendar.id, self.syncer.settings)

    def _read_again(self, said: _Said) -> None:
        """Read some events again that lack an address or a subject which somebody has a reason to know now."""
        heard = said.heard | said.unread
        for event_id in [name for name in self._nameless if name not in heard][:MOST_LOOKED_UP]:
            self._look_up(said, event_id)

    @cached_property
    def _nameless(self) -> tuple[str, ...]:
        """The events that show people whom an account claims now, and lack an address or a subject."""
        directory = self.redactor.directory

        def claimed(person: str, domain: str, email: str | None) -> bool:
            return directory.who_is(person, domain, email).role is Role.BUYER

        return self.syncer.store.unnamed(self.stored, claimed, subjects=self.redactor.subjects)

    def _look_up(self, said: _Said, event_id: str) -> bool:
        """Read one event directly; say whether it is gone. One that cannot be read is skipped and named."""
        try:
            found = self._find(event_id)
        except UnreadableEvent as problem:
            said.skipped.append(Skipped(self.connection.name, event_id, str(problem)))
            said.unread.add(event_id)
            return False
        if isinstance(found, Gone):
            return True
        said.add(Page(events=(found,)))
        said.looked_up.add(event_id)
        return False

    def _confirmed(self, said: _Said, pulled: Pulled, lost: Iterable[str]) -> Pulled:
        """Ask for each event that is missing whether it is really gone."""
        back = _Said(self.connection.name)
        gone = {event_id for event_id in lost if self._look_up(back, event_id)}
        more = self._redacted(back)
        said.events |= back.events
        said.looked_up |= back.looked_up
        said.skipped += back.skipped
        return replace(pulled, kept={**pulled.kept, **more.kept}, gone=frozenset(gone))

    # --- deciding ---------------------------------------------------------------------------------------------------

    def _redacted(self, said: _Said) -> Pulled:
        kept = {}
        unread = set(said.unread)
        for event_id, event in said.events.items():
            if event.draft:
                unread.add(event_id)
                continue
            redacted = self.redactor.redact(event)
            if redacted is not None and redacted.state.recurrence is not None:
                try:
                    self._expand(redacted.state.recurrence)
                except UnreadableSeries as error:
                    said.skipped.append(Skipped(self.connection.name, event_id, f"its series cannot be read: {error}"))
                    unread.add(event_id)
                    continue
            kept[event_id] = redacted
        return Pulled(kept=kept, removed=frozenset(said.removed), unread=frozenset(unread), full=said.full)

    def _expand(self, recurrence: str) -> Expansion:
        """Expand a series from the window's start; one that is known already is not expanded again."""
        found = self.expansions.get(recurrence)
        if found is None:
            days = self.syncer.settings.sync
            until = self.started + timedelta(days=days.horizon_days) + SPARE
            starts = expand(recurrence, self.started - timedelta(days=days.history_days), until)
            found = self.expansions[recurrence] = Expansion(starts, until)
        return found

    def _extensions(self, known: Mapping[str, OpenCopy]) -> Iterator[Action]:
        horizon = self.started + timedelta(days=self.syncer.settings.sync.horizon_days)
        for copy in due_for_extension(known, horizon):
            if copy.expansion is None or copy.state.recurrence is None:
                continue
            more = expand(copy.state.recurrence, copy.expansion.until, horizon + SPARE)
            starts = dict.fromkeys((*copy.expansion.occurrences, *more))
            yield Extend(copy.row, Expansion(tuple(starts), horizon + SPARE))

    # --- the store --------------------------------------------------------------------------------------------------

    def _hold(self, why: str) -> Outcome:
        error = SourceError(
            f"{why}; kept the old ones", f"if that is right: calsignal sync --accept {self.connection.name}"
        )
        self.syncer.store.hold(self.stored, _with_hint(error), self.syncer.clock())
        return Outcome(self.connection.name, str(error), error.hint)

    def _write(self, said: _Said, pulled: Pulled) -> int:
        with self.syncer.store.writing(self.stored) as pen:
            known = pen.open_copies()
            actions = compare(known, pulled, self.redactor.directory, self._expand)
            renewed = {a.row for a in actions if isinstance(a, Supersede | Erase)}
            actions += self._extensions({e: c for e, c in known.items() if c.row not in renewed})
            self._append(pen, said, actions)
        return sum(isinstance(a, Add | Supersede | Erase) for a in actions)

    def _append(self, pen: Pen, said: _Said, actions: list[Action]) -> None:
        baseline = pen.calendar.last_synced is None
        seen_at = self.syncer.clock()
        pen.apply(actions, seen_at=seen_at, not_before=pen.calendar.last_started, baseline=baseline)
        if said.full:
            pen.skipped(said.skipped, seen_at)
        else:
            pen.skipped(said.skipped, seen_at, read=said.heard - said.looked_up)
        if said.expired and pen.calendar.last_synced is not None:
            pen.gap(pen.calendar.last_synced, seen_at, "the service had forgotten where we were", seen_at)
        pen.finish(said.cursor, self._fingerprint(), self.started, seen_at, baseline=baseline)
