"""The one place where things happen in order: pull, redact, compare, append. One transaction per calendar.

The network is asked only before a transaction begins; what is decided is decided again inside it, on what the store
then holds, so that two syncs at once lose nothing. Mailboxes are read at once and written one after another, in
whatever order they come: each calendar is seen at the moment of its own transaction.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum
from functools import cached_property, partial
from threading import Event, Lock
from time import monotonic
from typing import TypedDict, TypeVar

from calsignal import contract, log
from calsignal.bans import Bans
from calsignal.config import Settings
from calsignal.contract import (
    Access,
    Calendar,
    CalledOff,
    Gone,
    Page,
    Retry,
    Source,
    Window,
    mailboxes_at_once,
)
from calsignal.crew import Crew, Task
from calsignal.errors import (
    CalsignalError,
    CursorExpired,
    NeedsSignIn,
    Retriable,
    SourceError,
    StoreError,
    UnreadableEvent,
)
from calsignal.holding import is_settled
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
from calsignal.retry import Line
from calsignal.retry import Retry as Patience
from calsignal.store import Connection, Outrun, Pen, Store, StoredCalendar
from calsignal.team import forget_strangers, team_directory
from calsignal.vault import Vault, connection_secret

T = TypeVar("T")

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


class Doing(Enum):
    """What a sync is busy with at a mailbox."""

    READING = "reading"
    WAITING = "waiting"
    WRITING = "writing"


@dataclass(frozen=True)
class Progress:
    """How far a sync is with a connection.

    `page`, from 1, is the one of a calendar that is being read; `seconds` how long is waited before another attempt.
    """

    connection: str
    doing: Doing
    page: int = 1
    seconds: float = 0.0


def _unwatched(progress: Progress) -> None:
    pass


@dataclass(frozen=True)
class Syncer:
    """Everything a sync needs. `clock` returns the present as an aware instant, later at each call.

    stop    when it is set, nothing new begins, waits for a service end, and what is being written is written
    watch   is told how far it is with each connection, from several threads
    keeps   make again at the end what is kept of accounts for reports; who syncs one by one does so seldom, by `keep`
    """

    store: Store
    settings: Settings
    registry: Registry
    vault: Vault
    address_key: bytes = field(repr=False)
    clock: Callable[[], datetime]
    retry: Retry
    accept: frozenset[str] = frozenset()
    stop: Event = field(default_factory=Event)
    watch: Callable[[Progress], None] = _unwatched
    keeps: bool = True

    def sync(self, connections: Iterable[Connection]) -> Iterator[Outcome]:
        """Sync the connections, several at once; yield each outcome as it comes. One that fails stops no other.

        As many are read at once as `[sync] at_once` and each provider allow, in threads of their own; they write one
        after another. After a stop, those that have no outcome were not read to their end. A `StoreError` ends all.
        """
        directory = team_directory(self.store, self.settings)
        since = self._expired()
        bans = Bans(self.store.forgotten(), self.address_key)
        redactor = Redactor(directory, self.address_key, self.settings.privacy.subjects, bans, since)
        if not redactor.subjects:  # switched off since: those that were kept go too
            self.store.forget_subjects(lambda *_: False)
        try:
            yield from _Run(self, redactor).outcomes(tuple(connections))
        finally:
            if self.store.accounts() != directory.accounts:  # what was written may name people of one that has gone
                forget_strangers(self.store, self.settings)
        if self.keeps:
            self.keep()

    def keep(self) -> None:
        """Make again what is kept for reports of the accounts that were touched, unless everything is to end."""
        directory = team_directory(self.store, self.settings)
        if self.stop.is_set() or is_settled(self.store, self.settings, directory):
            return
        from calsignal.recall import refresh

        refresh(self.store, self.settings, self.clock())

    def _expired(self) -> datetime | None:
        """Erase what is older than what is to be kept; return the moment from which on that is."""
        days = self.settings.privacy.keep_days
        since = self.clock() - timedelta(days=days) if days else None
        if since is not None:
            self.store.expire(since)
        return since


class _Run:
    """One call of `Syncer.sync`: what its mailboxes share."""

    def __init__(self, syncer: Syncer, redactor: Redactor) -> None:
        self.syncer, self.redactor = syncer, redactor
        self.crew = Crew(syncer.settings.sync.at_once, self._room, syncer.stop)
        self.lines: defaultdict[str, Line] = defaultdict(Line)
        self.renewals: dict[str, Lock] = {}
        known = syncer.store.connections() if log.listening() else ()
        self.rows = {connection.id: row for row, connection in enumerate(known, 1)}

    def outcomes(self, connections: Sequence[Connection]) -> Iterator[Outcome]:
        began, told = monotonic(), Counter[bool]()
        log.tell(log.SyncStarted(connections=len(connections), at_once=self.crew.most))
        tasks = [Task(c.provider, _Mailbox(self, c).sync) for c in connections]
        try:
            for outcome in self.crew.work(tasks):
                told[outcome.problem is None] += 1
                yield outcome
        except StoreError as error:
            log.tell(log.StoreFailed(error=type(error)))
            raise
        finally:
            left = len(connections) - told.total()
            if self.syncer.stop.is_set():
                log.tell(log.SyncStopped(left=left))
            seconds = monotonic() - began
            log.tell(log.SyncFinished(synced=told[True], failed=told[False], left=left, seconds=seconds))

    def _room(self, provider: str) -> int:
        try:
            return mailboxes_at_once(self.syncer.registry.get(provider))
        except CalsignalError:
            return 1  # each of its connections will tell


@dataclass
class _Mailbox:
    """The sync of one connection."""

    run: _Run
    connection: Connection
    page: int = 1
    requests: int = 0

    def __post_init__(self) -> None:
        syncer = self.run.syncer
        patient, line = syncer.retry, self.run.lines[self.connection.provider]
        self._patience = patient.for_mailbox(line, self._waits) if isinstance(patient, Patience) else patient

    def sync(self) -> Outcome:
        """Sync the connection, unless another process is at it: two at once would ask and answer twice."""
        with self.run.syncer.store.alone(self.connection) as ours:
            return self._held() if ours else Outcome(self.connection.name, elsewhere=True)

    def _held(self) -> Outcome:
        """Read and write everything of the connection; what fails is in the outcome."""
        syncer, started, began = self.run.syncer, self.run.syncer.clock(), monotonic()
        self.tell(Doing.READING)
        log.tell(log.MailboxBegun(**self.place()))
        try:
            provider = syncer.registry.get(self.connection.provider)
            with _theirs(self.connection):
                source = provider.open(self._access(started))
            try:
                return self._source(source)
            finally:
                source.close()
        except Outrun:
            return Outcome(self.connection.name)
        except StoreError:
            raise
        except CalsignalError as error:
            return self.failed(None, started, began, error)

    def retry(self, request: Callable[[], T]) -> T:
        """Make a request with the patience that this mailbox has left. Raises `Stopped` where it is too late."""

        def attempt() -> T:
            self.run.crew.check()
            self.requests += 1
            self.tell(Doing.READING)
            return request()

        return self._patience(attempt)

    def tell(self, doing: Doing, seconds: float = 0.0) -> None:
        """Tell who watches how far it is."""
        self.run.syncer.watch(Progress(self.connection.name, doing, self.page, seconds))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold while something is written. Raises `Stopped` where that would be too late."""
        self.tell(Doing.WRITING)
        with self.run.crew.inside():
            yield

    def failed(self, stored: StoredCalendar | None, started: datetime, began: float, error: CalsignalError) -> Outcome:
        """Keep that the connection, or one of its calendars, could not be read; return that as an outcome."""
        seconds = monotonic() - began
        log.tell(log.SyncFailed(**self.place(stored), error=type(error), seconds=seconds))
        with self.writing():
            self.run.syncer.store.failed(self.connection, stored, started, self.run.syncer.clock(), _with_hint(error))
        return Outcome(self.connection.name, str(error), error.hint, error=error)

    def place(self, stored: StoredCalendar | None = None) -> _Place:
        """Return how a log names this connection, or one of its calendars."""
        row, number = self.run.rows.get(self.connection.id, 0), None if stored is None else stored.id
        return {"provider": self.connection.provider, "row": row, "calendar": number}

    def _waits(self, error: Retriable, seconds: float) -> None:
        log.tell(log.Retried(**self.place(), status=error.status, seconds=seconds))
        self.tell(Doing.WAITING, seconds)

    def _access(self, now: datetime) -> Access:
        syncer = self.run.syncer
        access = access_to(self.connection, syncer.settings, syncer.vault, self.retry, now)
        return replace(access, renewing=partial(self._renewing, access.renewing))

    @contextmanager
    def _renewing(self, renewing: Callable[[], AbstractContextManager[str | None]]) -> Iterator[str | None]:
        """Let one of the mailboxes that share a secret renew it, from what it is by now."""
        name = connection_secret(self.connection.name, self.connection.shares)
        with self.run.renewals.setdefault(name, Lock()), renewing() as newer:
            yield newer

    def _source(self, source: Source) -> Outcome:
        syncer, outcome = self.run.syncer, Outcome(self.connection.name)
        with _theirs(self.connection):
            listed = source.calendars()
        for calendar in listed:
            stored = syncer.store.calendar(
                self.connection, calendar.id, self.run.redactor.bans.masked(calendar.name), syncer.clock()
            )
            outcome = _joined(outcome, self._calendar(source, calendar, stored))
        for stored in syncer.store.calendars(self.connection):
            if stored.retired_at is None and stored.external_id not in {c.id for c in listed}:
                with self.writing():
                    syncer.store.retire_calendar(stored, syncer.clock())
        return outcome

    def _calendar(self, source: Source, calendar: Calendar, stored: StoredCalendar) -> Outcome:
        started, began = self.run.syncer.clock(), monotonic()
        job = _Job(self.run.syncer, self, source, calendar, stored, self.run.redactor, started)
        try:
            return job.run()
        except Outrun:
            return self._outrun(stored)
        except StoreError:
            raise
        except CalsignalError as error:
            return self.failed(stored, started, began, error)

    def _outrun(self, stored: StoredCalendar) -> Outcome:
        """Leave it to the sync that was faster, unless there was none: then the clock was set back."""
        syncer, name = self.run.syncer, self.connection.name
        after = next((c.last_synced for c in syncer.store.calendars(self.connection) if c.id == stored.id), None)
        if after is None or after <= syncer.clock():
            return Outcome(name)
        return Outcome(
            name,
            f"this machine's clock is behind the last sync, of {after:%Y-%m-%d %H:%M} UTC; nothing was written",
            "set the clock right, then sync again",
        )


class _Place(TypedDict):
    provider: str
    row: int
    calendar: int | None


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

    @contextmanager
    def renewing() -> Iterator[str | None]:
        nonlocal kept
        kept = vault.get(name)
        yield kept

    return Access(
        mailbox=connection.mailbox,
        settings=connection.settings,
        config=settings.providers.get(connection.provider, {}),
        secret=kept,
        save_secret=save_secret,
        window=Window(now - timedelta(days=settings.history_days), now + timedelta(days=days.horizon_days)),
        retry=retry,
        zone=settings.team.timezone,
        read_text=settings.privacy.link_text,
        links=patterns(settings.links),
        allow_private_addresses=settings.privacy.private_addresses,
        renewing=renewing,
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
    window = (settings.history_days, days.horizon_days, settings.team.timezone.key)
    question = (LEDGER_FORMAT, provider, calendar, window, settings.privacy.link_text, sorted(settings.links.items()))
    return hashlib.sha256(repr(question).encode()).hexdigest()[:16]


@dataclass
class _Said:
    """Everything one pull said, before redaction."""

    source: str
    events: dict[str, contract.Event] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    called_off: dict[str, CalledOff] = field(default_factory=dict)
    looked_up: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)
    skipped: list[Skipped] = field(default_factory=list)
    cursor: str | None = None
    full: bool = False
    expired: bool = False
    pages: int = 0

    @property
    def heard(self) -> frozenset[str]:
        """The events of which something was said that could be read."""
        return frozenset({*self.events, *self.removed, *self.called_off})

    def add(self, page: Page) -> None:
        """Take a page in; an event that cannot be about a meeting is skipped and named."""
        self.pages += 1
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

    def _take(self, event: contract.Event) -> None:
        try:
            tidied = tidy(event)
        except Implausible as error:
            self.skipped.append(Skipped(self.source, storable(event.id), str(error)))
            self.unread.add(storable(event.id))
            return
        self.events[tidied.id] = tidied
        self.removed.discard(tidied.id)
        self.called_off.pop(tidied.id, None)


def _concerned(said: _Said) -> set[str] | None:
    """Return the events that a pull is about; None: all, since what is missing shows on the whole alone."""
    if said.full or said.removed:
        return None
    return {*said.heard, *(date.series for date in said.called_off.values())}


@dataclass
class _Job:
    """The sync of one calendar."""

    syncer: Syncer
    mailbox: _Mailbox
    source: Source
    calendar: Calendar
    stored: StoredCalendar
    redactor: Redactor
    started: datetime
    expansions: dict[str, Expansion] = field(default_factory=dict)

    @property
    def connection(self) -> Connection:
        return self.mailbox.connection

    def run(self) -> Outcome:
        said = self._told()
        self._read_again(said)
        known = self.syncer.store.open_copies(self.stored, _concerned(said))
        series = [c for c in known.values() if c.state.recurrence and c.expansion]
        self.expansions = {c.state.recurrence: c.expansion for c in series if c.state.recurrence and c.expansion}
        pulled = self._redacted(said)
        dates = called_off(said.called_off.values(), known, pulled.kept)
        pulled = replace(pulled, kept={**pulled.kept, **dates})
        now, zone = self.syncer.clock(), self.syncer.settings.team.timezone
        lost = missing(known, pulled, now, zone)
        why = emptied(known, {*lost, *(said.removed & known.keys())}, now, zone)
        if why is not None and self.connection.name not in self.syncer.accept:
            # a list that may be short is believed in what it does say
            private = {event for event, kept in pulled.kept.items() if kept is None}
            with self.mailbox.writing():
                self.syncer.store.erase_copies(known[event].row for event in private & known.keys())
                return self._hold(why)
        pulled = self._confirmed(said, pulled, lost)
        written = self._write(said, pulled)
        return Outcome(self.connection.name, events=len(said.events), written=written, skipped=tuple(said.skipped))

    # --- the network ------------------------------------------------------------------------------------------------

    def _told(self) -> _Said:
        """Pull, and log what came."""
        began, before = monotonic(), self.mailbox.requests
        said = self._pull()
        log.tell(
            log.CalendarPulled(
                **self.mailbox.place(self.stored),
                pages=said.pages,
                requests=self.mailbox.requests - before,
                events=len(said.events),
                removed=len(said.removed) + len(said.called_off),
                skipped=len(said.skipped),
                full=said.full,
                expired=said.expired,
                seconds=monotonic() - began,
            )
        )
        return said

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
        self.mailbox.page = 1
        with _theirs(self.connection):
            for page in self.source.pull(self.calendar, cursor):
                self.mailbox.run.crew.check()
                said.add(page)
                self.mailbox.page = said.pages + 1
        return said

    def _find(self, event_id: str) -> contract.Event | Gone:
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
            begin = self.started - timedelta(days=self.syncer.settings.history_days)
            starts = expand(recurrence, begin, until)
            found = self.expansions[recurrence] = Expansion(starts, until)
        return found

    @property
    def _horizon(self) -> datetime:
        return self.started + timedelta(days=self.syncer.settings.sync.horizon_days)

    def _extensions(self, known: Mapping[str, OpenCopy], renewed: Container[int]) -> Iterator[Action]:
        horizon = self._horizon
        for copy in due_for_extension(known, horizon):
            if copy.expansion is None or copy.state.recurrence is None or copy.row in renewed:
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
        log.tell(log.CalendarHeld(**self.mailbox.place(self.stored)))
        return Outcome(self.connection.name, str(error), error.hint, error=error)

    def _write(self, said: _Said, pulled: Pulled) -> int:
        began = monotonic()
        with self.mailbox.writing(), self.syncer.store.writing(self.stored) as pen:
            pen.must_know(self.redactor.bans.marks)
            known = pen.open_copies(_concerned(said))
            actions = compare(known, pulled, self.redactor.directory, self._expand)
            renewed = {a.row for a in actions if isinstance(a, Supersede | Erase)}
            actions += self._extensions(pen.open_copies(pen.falling_short(self._horizon)), renewed)
            self._append(pen, said, actions)
        written = sum(isinstance(a, Add | Supersede | Erase) for a in actions)
        baseline, seconds = self.stored.last_synced is None, monotonic() - began
        place = self.mailbox.place(self.stored)
        log.tell(log.CalendarWritten(**place, written=written, baseline=baseline, seconds=seconds))
        return written

    def _append(self, pen: Pen, said: _Said, actions: list[Action]) -> None:
        baseline = pen.calendar.last_synced is None
        seen_at = self.syncer.clock()
        pen.apply(actions, seen_at=seen_at, not_before=pen.calendar.last_started, baseline=baseline)
        masked = self.redactor.bans.masked
        unread = [replace(one, id=masked(one.id), reason=masked(one.reason)) for one in said.skipped]
        if said.full:
            pen.skipped(unread, seen_at)
        else:
            pen.skipped(unread, seen_at, read=said.heard - said.looked_up)
        if said.expired and pen.calendar.last_synced is not None:
            pen.gap(pen.calendar.last_synced, seen_at, "the service had forgotten where we were", seen_at)
        pen.finish(said.cursor, self._fingerprint(), self.started, seen_at, baseline=baseline)
