"""What the store hands out and what it refuses, as plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from calsignal.errors import SourceError, StoreError
from calsignal.model import Deal, Moment, Slot

Wanted = Callable[[str, str, str | None], bool]
"""Say yes or no to a person, given the person key, the domain, and the address where it is known."""


class Outrun(SourceError):
    """Report that another sync of the same calendar finished while this one was reading; nothing was written."""

    def __init__(self) -> None:
        super().__init__("another sync of this calendar was faster", "nothing is lost; sync again for the latest")


class Outdated(SourceError):
    """Report that somebody was forgotten while a calendar was read; nothing was written."""

    def __init__(self) -> None:
        super().__init__("somebody was forgotten while this calendar was read", "nothing is lost; sync again")


class NoStore(StoreError):
    """Report that there is no store yet."""


class ReadOnly(StoreError):
    """Report that the login may read the store, and not write to it."""


@dataclass(frozen=True)
class Health:
    """How a store that opens is.

    size       in bytes
    sound      whether the database finds no damage in itself; None where it cannot be asked
    server     name and version of a server
    supported  whether that version is new enough
    """

    revision: str
    size: int
    sound: bool | None
    server: str = ""
    supported: bool = True


@dataclass(frozen=True)
class Connection:
    """One authorised mailbox as the store knows it.

    settings    the provider's own, in clear
    place       what is read, where the mailbox alone does not say it
    shares      a word for a secret that it shares with other connections of its provider
    roster      a word for the list it came with, where that was asked for as a whole
    retired_at  since when it has been disconnected
    """

    id: int
    name: str
    provider: str
    mailbox: str
    settings: Mapping[str, str]
    place: str
    shares: str | None
    roster: str | None
    connected_at: datetime
    retired_at: datetime | None


@dataclass(frozen=True)
class StoredCalendar:
    """One calendar with its cursor. `connection` is a name.

    `last_started` and `last_synced` are the begin and the end of the last successful sync; `held` says why the
    calendar keeps its old rows.
    """

    id: int
    connection: str
    external_id: str
    name: str
    cursor: str | None
    fingerprint: str | None
    last_started: datetime | None
    last_synced: datetime | None
    held: str | None
    retired_at: datetime | None


@dataclass(frozen=True)
class Erased:
    """How much an erasure removed. `people` are those who are on no event any more."""

    calendars: int
    events: int
    versions: int
    people: int


@dataclass(frozen=True)
class DealChanges:
    """What an import of deals changed, or would change: each deal as the import shows it; `missing` as last shown.

    back        those that an earlier import had lost
    """

    added: tuple[Deal, ...] = ()
    changed: tuple[Deal, ...] = ()
    unchanged: tuple[Deal, ...] = ()
    missing: tuple[Deal, ...] = ()
    back: tuple[Deal, ...] = ()


@dataclass(frozen=True)
class DealImport:
    """One import of deals: `deals` is how many it showed, `source` which export it speaks for."""

    taken_at: datetime
    source: str
    deals: int


class LedgerRow(NamedTuple):
    """One person on one version of a copy, as it was known at a moment; `person` is None where nobody is on it.

    Enumerations are the text of their values. `calendar`, `copy` and `version` are the store's own numbers; `dates`
    is how many dates a series was expanded to, None where it is none.
    """

    connection: str
    provider: str
    mailbox: str
    calendar: int
    copy: int
    uid: str
    original_start: Moment | None
    baseline: bool
    created: datetime | None
    version: int
    seen_at: datetime
    not_before: datetime | None
    valid_to: datetime | None
    slot: Slot
    dates: int | None
    status: str
    free: bool
    hidden_guests: bool
    booking_tool: str | None
    booking_confidence: str | None
    sees: tuple[str, ...]
    subject: str | None
    person: str | None
    domain: str
    email: str | None
    organizer: bool
    answer: str | None
    answered_at: datetime | None
    optional: bool
    resource: bool
    group: bool
    guests: int
    proposed: Slot | None


@dataclass(frozen=True)
class KeptRow:
    """What is kept of one account; `people` are the keys of everybody in it."""

    account: str
    made_at: datetime
    rolls_at: datetime | None
    facts: bytes
    people: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Touched:
    """Who was touched since what is kept was made; `ids` name the notes that say so."""

    ids: frozenset[int]
    people: tuple[tuple[str, str, str | None], ...]


@dataclass(frozen=True)
class Holding:
    """Of which accounts something is kept that held at a moment, until who was touched and what was read since.

    rolls_at    by account, from which sync on it holds no longer; None: from none
    """

    rolls_at: Mapping[str, datetime | None]
    touched: tuple[tuple[str, str, str | None], ...]
    last_read: datetime | None
