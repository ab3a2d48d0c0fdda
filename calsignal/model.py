"""The words of the product as frozen values: events, copies, meetings, changes, accounts. No I/O.

Times: every `datetime` is aware and in UTC; a `date` is a calendar day and means an all-day event. Spans are
half-open, `[start, end)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from enum import Enum, IntEnum


class Role(Enum):
    SELLER = "seller"
    BUYER = "buyer"
    THIRD_PARTY = "third party"
    RESOURCE = "resource"


class Answer(Enum):
    """What a person answered, as one copy (or the merged meeting) can tell."""

    ACCEPTED = "accepted"
    TENTATIVE = "tentative"
    DECLINED = "declined"
    NONE = "none"
    NOT_VISIBLE = "not_visible"


class EventStatus(Enum):
    """`VANISHED`: it left a list that should have shown it, and no cancellation was seen."""

    CONFIRMED = "confirmed"
    TENTATIVE = "tentative"
    CANCELLED = "cancelled"
    VANISHED = "vanished"

    @property
    def gone(self) -> bool:
        return self in (EventStatus.CANCELLED, EventStatus.VANISHED)


class Capability(Enum):
    """What a copy of an event is able to know."""

    GUESTS = "guests"  # the list of people is the whole list
    ANSWERS = "answers"  # the answers of other people
    ANSWER_TIMES = "answer_times"
    PROPOSALS = "proposals"


class Confidence(Enum):
    CERTAIN = "certain"
    LIKELY = "likely"
    GUESS = "guess"


class AccountType(Enum):
    PROSPECT = "prospect"
    CUSTOMER = "customer"
    PARTNER = "partner"


class Level(IntEnum):
    """Firmness of one person on one meeting; FIRM and above is a commitment."""

    WITHDRAWN = -1  # declined, removed, cancelled, recorded no-show
    CLAIMED = 0  # the seller says so, or nothing is known
    INVITED = 1
    SOFT = 2  # tentative, counter-proposal, or an acceptance that a move reset
    FIRM = 3  # accepted
    OWNED = 4  # organised or self-booked by the buyer
    ATTENDED = 5


class Actor(Enum):
    BUYER = "buyer"
    SELLER = "seller"
    SELLER_OR_UNKNOWN = "seller_or_unknown"


class ChangeKind(Enum):
    CREATED = "created"
    MOVED = "moved"
    SERIES_MOVED = "series_moved"
    SERIES_SPLIT = "series_split"
    DURATION_CHANGED = "duration_changed"
    ANSWER_CHANGED = "answer_changed"
    RESPONSE_RESET = "response_reset"
    PROPOSED = "proposed"
    PERSON_ADDED = "person_added"
    PERSON_REMOVED = "person_removed"
    ORGANIZER_CHANGED = "organizer_changed"
    CANCELLED = "cancelled"
    RESTORED = "restored"
    VANISHED = "vanished"


class Status(Enum):
    """An account's status, in order of rank."""

    REAL = "REAL"
    SOFT = "SOFT"
    STALLED = "STALLED"
    NEW = "NEW"
    LOST = "LOST"
    NO_EVIDENCE = "NO EVIDENCE"
    UNKNOWN = "UNKNOWN"


Moment = datetime | date
"""An instant in UTC, or a calendar day."""


def instant(moment: Moment, zone: tzinfo) -> datetime:
    """Return the instant at which `moment` begins; a day begins at midnight in `zone`."""
    if isinstance(moment, datetime):
        return moment
    return datetime.combine(moment, time(), zone).astimezone(UTC)


def day(moment: Moment, zone: tzinfo) -> date:
    """Return the calendar day of `moment` in `zone`."""
    return moment.astimezone(zone).date() if isinstance(moment, datetime) else moment


def moment_key(moment: Moment | None) -> str:
    """Write a moment as the text that names an occurrence: `20260302T100000Z`, `20260302`, or nothing."""
    if moment is None:
        return ""
    text = f"{moment.year:04}{moment:%m%d}"
    return f"{text}T{moment:%H%M%S}Z" if isinstance(moment, datetime) else text


def moment_of_key(key: str) -> Moment | None:
    """Read back what `moment_key` wrote."""
    if not key:
        return None
    return datetime.fromisoformat(key) if "T" in key else date.fromisoformat(key)


@dataclass(frozen=True)
class Slot:
    """Half-open `[start, end)`: two instants in UTC, or two days for an all-day event."""

    start: Moment
    end: Moment

    @property
    def all_day(self) -> bool:
        return not isinstance(self.start, datetime)

    @property
    def duration(self) -> timedelta:
        return self.end - self.start  # type: ignore[operator]  # both ends are of one kind

    def starting(self, start: Moment) -> Slot:
        """Return a slot as long as this one that begins at `start`."""
        return Slot(start, start + self.duration)


@dataclass(frozen=True)
class Booking:
    """A trace of a scheduling link: which tool, and how sure that is. The text itself is never kept."""

    tool: str
    confidence: Confidence


@dataclass(frozen=True)
class Participant:
    """One person (or room) on one copy, as the store keeps it.

    `person` is the keyed hash of the normalised address and the same everywhere; `email` is None where nobody on
    the team has a reason to know it. `guests` counts unnamed companions.
    """

    person: str
    domain: str
    email: str | None = None
    answer: Answer = Answer.NONE
    answered_at: datetime | None = None
    optional: bool = False
    resource: bool = False
    group: bool = False
    guests: int = 0
    proposed: Slot | None = None


@dataclass(frozen=True)
class State:
    """What one copy says: the fields whose change is worth a version.

    `people` includes the organiser and is sorted by `person`. `recurrence` is the series' RFC 5545 text (only on a
    series master): a VCALENDAR with one VEVENT that holds nothing but times and rules.
    """

    slot: Slot
    status: EventStatus = EventStatus.CONFIRMED
    organizer: str | None = None
    people: tuple[Participant, ...] = ()
    free: bool = False
    hidden_guests: bool = False
    recurrence: str | None = None
    booking: Booking | None = None
    sees: frozenset[Capability] = frozenset(Capability)


@dataclass(frozen=True)
class Version:
    """A state as seen at `seen_at`; nothing was known to differ before `not_before` (the sync before).

    `occurrences` are the original starts of a series, in order, as far as they were expanded. `not_before` is None
    at a baseline.
    """

    seen_at: datetime
    not_before: datetime | None
    state: State
    occurrences: tuple[Moment, ...] = ()


@dataclass(frozen=True)
class Absence:
    """A time in which a calendar was not read, from its disconnection on; half-open, and without an end it lasts."""

    start: datetime
    end: datetime | None = None

    def covers(self, moment: datetime) -> bool:
        """Say whether the calendar was not connected at that moment."""
        return self.start <= moment and (self.end is None or moment < self.end)

    def as_of(self, moment: datetime) -> Absence:
        """Return the absence as it was known at a moment in it or after it."""
        return replace(self, end=self.end if self.end is not None and self.end <= moment else None)


@dataclass(frozen=True)
class Copy:
    """What one calendar said about one event, in versions from old to new.

    `uid` is normalised; `original_start` names an occurrence that a series lists apart. `baseline` says that the
    first version came with the calendar's first successful sync. `sight` bounds what a series can show: the
    latest successful sync at or before the report's moment, plus the horizon. `absences` are the times in which its
    calendar was not connected.
    """

    calendar: str
    mailbox: str
    event: str
    uid: str
    original_start: Moment | None
    baseline: bool
    created: datetime | None
    versions: tuple[Version, ...]
    subject: str | None = None
    sight: datetime | None = None
    absences: tuple[Absence, ...] = ()


@dataclass(frozen=True)
class Account:
    """A company we sell to. All addresses and domains are normalised; `people` maps an address to its person key."""

    name: str
    domains: tuple[str, ...] = ()
    type: AccountType = AccountType.PROSPECT
    owner: str | None = None
    addresses: Mapping[str, str] = field(default_factory=dict)
    key_players: Mapping[str, str] = field(default_factory=dict)


class Category(Enum):
    """What a seller forecasts of a deal. A missing one is unknown, never derived from the stage."""

    COMMIT = "commit"
    BEST_CASE = "best case"
    PIPELINE = "pipeline"
    OMITTED = "omitted"
    UNKNOWN = "unknown"


class Outcome(Enum):
    """How a deal stands in the CRM."""

    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True)
class Deal:
    """An opportunity as one import of the CRM showed it.

    id          the CRM's own, or made of account and name where it gives none
    account     the company, in the CRM's words; `domains` are its registrable domains where the import tells them
    owner       an address where the CRM gives one, else a name
    amount      in whole and parts of `currency` (ISO 4217); None: not known
    closes      the expected close date of an open deal
    closed      when it was won or lost
    contacts    normalised addresses of the buyers that the CRM names
    """

    id: str
    name: str
    account: str
    owner: str
    domains: tuple[str, ...] = ()
    amount: Decimal | None = None
    currency: str | None = None
    stage: str = ""
    category: Category = Category.UNKNOWN
    outcome: Outcome = Outcome.OPEN
    created: date | None = None
    closes: date | None = None
    closed: date | None = None
    contacts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """A deal as the import of one moment showed it."""

    taken_at: datetime
    deal: Deal


@dataclass(frozen=True)
class DealTrack:
    """A deal over all imports so far, from old to new. `missing` says that the last import did not show it any more."""

    snapshots: tuple[Snapshot, ...]
    missing: bool = False

    @property
    def now(self) -> Deal:
        return self.snapshots[-1].deal


@dataclass(frozen=True)
class Gap:
    """A stretch in which changes may have been missed."""

    start: datetime
    end: datetime
    reason: str


@dataclass(frozen=True)
class Skipped:
    """Something that could not be read, named so that a person can find it."""

    source: str
    id: str
    reason: str


@dataclass(frozen=True)
class ConnectionState:
    """A connection as it stood at the report's moment.

    `first_synced` is when the first of its calendars had been read; `last_synced` when the stalest was, latest.
    """

    name: str
    provider: str
    rep: str
    last_synced: datetime | None
    stale: bool
    problem: str | None = None
    gaps: tuple[Gap, ...] = ()
    retired_at: datetime | None = None
    first_synced: datetime | None = None


@dataclass(frozen=True)
class Change:
    """One thing that happened to one meeting.

    `at` is when it happened, if a service said so; else it happened after `not_before` (None: unknown) and by
    `seen_at`. `before` and `after` are the old and the new begin, or the old and the new answer. `series` says that it
    happened to a series as a whole.
    """

    kind: ChangeKind
    seen_at: datetime
    uid: str
    original_start: Moment | None
    subject: str | None
    at: datetime | None = None
    not_before: datetime | None = None
    person: str | None = None
    email: str | None = None
    by: Actor | None = None
    confidence: Confidence | None = None
    why: str = ""
    before: Moment | Answer | str | None = None
    after: Moment | Answer | str | None = None
    days: int | None = None
    series: bool = False
