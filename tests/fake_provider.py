"""A remote calendar in memory, with a provider in front of it that can fail in the ways services do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock

from calsignal.contract import (
    Access,
    Authorised,
    Calendar,
    CalledOff,
    CheckUp,
    ConnectRequest,
    Event,
    Finding,
    Gone,
    Option,
    Page,
    Setting,
)
from calsignal.contract import Provider as ProviderProtocol
from calsignal.errors import CursorExpired, SourceError, UnreadableEvent
from calsignal.model import EventStatus, Skipped
from calsignal.registry import Registry

EPOCH = datetime(2026, 3, 2, 8, tzinfo=UTC)


@dataclass
class Remote:
    """One mailbox's calendar. `log` holds each change, so that a cursor (its length) says where a reader was.

    With `deltas` the service tells what changed since a cursor, else it lists everything each time. The last four
    are oddities of services: pages in another order, empty pages that lead on, events that an earlier page shows as
    they were before, and a line that goes dead after so many pages. With `bare` it tells of a cancelled date of a
    series no more than its name; a look at one of the `unreadable` fails.
    """

    events: dict[str, Event] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    deltas: bool = False
    page_size: int = 100
    expired_before: int = 0
    broken: Exception | None = None
    skipped: tuple[Skipped, ...] = ()
    asked: list[str] = field(default_factory=list)
    hidden: set[str] = field(default_factory=set)
    former: dict[str, Event] = field(default_factory=dict)
    backwards: bool = False
    empty_pages: bool = False
    repeats: bool = False
    dead_after: int | None = None
    bare: bool = False
    unreadable: set[str] = field(default_factory=set)

    def put(self, *events: Event) -> None:
        for event in events:
            self._remember(event.id)
            self.events[event.id] = event
            self.log.append(event.id)

    def drop(self, *ids: str) -> None:
        for event_id in ids:
            self._remember(event_id)
            self.events.pop(event_id, None)
            self.log.append(event_id)

    def _remember(self, event_id: str) -> None:
        if event_id in self.events:
            self.former[event_id] = self.events[event_id]

    def pages(self, ids: Sequence[str], *, full: bool) -> Iterator[Page]:
        """Yield the pages before the last one."""
        if self.repeats:
            yield Page(events=tuple(self.former[i] for i in ids if i in self.former), full=full)
        for start in range(0, len(ids), self.page_size):
            chunk = ids[start : start + self.page_size]
            if self.empty_pages:
                yield Page(full=full)
            dates = {i: date for i in chunk if self.bare and (date := self.bare_date(i))}
            yield Page(
                events=tuple(self.events[i] for i in chunk if i in self.events and i not in dates),
                removed=tuple(i for i in chunk if i not in self.events),
                called_off=tuple(dates.values()),
                full=full,
            )

    def bare_date(self, event_id: str) -> CalledOff | None:
        """Return no more than the name of a date of a series, where it is cancelled."""
        event = self.events.get(event_id)
        if event is None or event.original_start is None or event.status is not EventStatus.CANCELLED:
            return None
        series = next((e.id for e in self.events.values() if e.uid == event.uid and e.original_start is None), None)
        return None if series is None else CalledOff(event.id, series, event.original_start)


@dataclass
class FakeProvider:
    """Serves remotes by mailbox; `at_once` of them may be read at once."""

    remotes: dict[str, Remote] = field(default_factory=dict)
    name: str = "fake"
    about: str = "a calendar in memory"
    settings: tuple[Setting, ...] = ()
    options: tuple[Option, ...] = ()
    at_once: int = 1

    def connect(self, request: ConnectRequest) -> Sequence[Authorised]:
        return ()

    def open(self, access: Access) -> FakeSource:
        return FakeSource(self.remotes[access.mailbox])


@dataclass
class FakeSource:
    remote: Remote
    closed: bool = False

    def calendars(self) -> Sequence[Calendar]:
        return (Calendar("primary", "Calendar"),)

    def pull(self, calendar: Calendar, cursor: str | None) -> Iterator[Page]:
        remote = self.remote
        if remote.broken is not None:
            raise remote.broken
        if cursor is not None and int(cursor) < remote.expired_before:
            raise CursorExpired
        remote.asked.append(f"pull {cursor}")
        full = cursor is None or not remote.deltas
        ids = list(remote.events) if full else list(dict.fromkeys(remote.log[int(cursor or 0) :]))
        ids = [i for i in ids if i not in remote.hidden]
        for number, page in enumerate(remote.pages(ids[:: -1 if remote.backwards else 1], full=full)):
            if number == remote.dead_after:
                raise SourceError("the line went dead")
            yield page
        if remote.dead_after is not None:
            raise SourceError("the line went dead")
        yield Page(cursor=str(len(remote.log)), full=full, skipped=remote.skipped)

    def find(self, calendar: Calendar, event_id: str) -> Event | Gone:
        self.remote.asked.append(f"find {event_id}")
        if event_id in self.remote.unreadable:
            raise UnreadableEvent("its start cannot be read")
        return self.remote.events.get(event_id, Gone())

    def check(self) -> CheckUp:
        if self.remote.broken is not None:
            raise self.remote.broken
        return CheckUp((Finding("the calendar may be read"),))

    def close(self) -> None:
        self.closed = True


class FakeRegistry(Registry):
    """Knows one provider."""

    def __init__(self, provider: ProviderProtocol) -> None:
        super().__init__(())
        self.provider = provider

    def get(self, name: str) -> ProviderProtocol:
        if name != self.provider.name:
            raise SourceError(f"no provider called {name!r}")
        return self.provider


@dataclass
class MemoryVault:
    """A vault that forgets at the end."""

    secrets: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str | None:
        return self.secrets.get(name)

    def set(self, name: str, secret: str) -> None:
        self.secrets[name] = secret

    def keep(self, name: str, secret: str) -> str:
        return self.secrets.setdefault(name, secret)

    def replace(self, name: str, old: str | None, new: str) -> None:
        if self.secrets.get(name) == old:
            self.secrets[name] = new

    def delete(self, name: str) -> None:
        self.secrets.pop(name, None)


@dataclass
class Clock:
    """A clock that only moves when it is told to, and ticks a microsecond at each look."""

    at: datetime = EPOCH
    turn: Lock = field(default_factory=Lock, repr=False, compare=False)

    def __call__(self) -> datetime:
        with self.turn:
            self.at += timedelta(microseconds=1)
            return self.at

    def wait(self, **span: float) -> None:
        self.at += timedelta(**span)
