"""The finished results that reports render. Nothing here computes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from calsignal.model import (
    Account,
    Actor,
    Answer,
    Change,
    ConnectionState,
    EventStatus,
    Level,
    Moment,
    Skipped,
    Slot,
    Status,
)


@dataclass(frozen=True)
class BuyerOnMeeting:
    """A buyer of the account in question on one meeting; `weight` is the firmness, `hours` undecayed and unweighted."""

    person: str
    email: str | None
    domain: str
    answer: Answer
    level: Level
    optional: bool
    organizer: bool
    weight: float
    evidence: str
    guests: int = 0


@dataclass(frozen=True)
class MeetingView:
    """One meeting of one account, as known at the report's moment.

    `minutes` are the counted minutes of one person; `factor` is series factor times recency or lead; `counted`
    says that it is part of the score. `why_not` names the reason otherwise (broadcast, free, cancelled, ...).
    """

    uid: str
    original_start: Moment | None
    slot: Slot
    subject: str | None
    status: EventStatus
    level: Level
    organizer: str | None
    organizer_email: str | None
    buyers: tuple[BuyerOnMeeting, ...]
    sellers: tuple[str, ...]
    copies: int
    moves: int
    series: bool
    past: bool
    minutes: int
    factor: float
    counted: bool
    why_not: str = ""


@dataclass(frozen=True)
class BuyerTime:
    """Hours of the account's buyers: as booked, as expected, and as the score uses them; then I."""

    raw_hours: float
    firm_hours: float
    effective_hours: float
    points: float


@dataclass(frozen=True)
class Act:
    """One act that the rescheduling part counts: its points when fresh, the day it became known, what is left now."""

    kind: str
    on: date
    points: float
    now: float
    text: str
    uid: str
    original_start: Moment | None
    by: Actor | None = None
    days: int = 0


@dataclass(frozen=True)
class Rescheduling:
    """R and its parts; counts and push days are undecayed totals."""

    points: float
    booked_again: int
    booked_again_by_buyer: int
    moved_earlier: int
    pushed_by_buyer: int
    pushed_by_seller_or_unknown: int
    push_days: int
    dropped: int
    dropped_by_seller: int
    acts: tuple[Act, ...]
    ever_firm: bool


@dataclass(frozen=True)
class Flag:
    """Something worth knowing that changes no status; `code` is its words joined by hyphens."""

    code: str
    text: str


@dataclass(frozen=True)
class AccountResult:
    """Everything a report says about one account. `rank` is None for customers and partners.

    `quiet_days` is None when nothing ever happened; `usual_gap_days` is E, `keep` K. `win_probability` (of a deal of
    the account, within 90 days) is None until a calibration has been accepted.
    """

    account: Account
    rank: int | None
    status: Status
    stale: tuple[str, ...]
    rule: int
    evidence: str
    score: float
    keep: float
    time: BuyerTime
    rescheduling: Rescheduling
    quiet_days: int | None
    usual_gap_days: float
    stall_after: float
    lost_after: float
    next_meeting: MeetingView | None
    last_held: MeetingView | None
    firm_buyers: tuple[str, ...]
    flags: tuple[Flag, ...]
    meetings: tuple[MeetingView, ...]
    changes: tuple[Change, ...]
    unknown: tuple[str, ...] = ()
    win_probability: float | None = None


@dataclass(frozen=True)
class FirstAction:
    """The one thing to do first; `rule` counts from 1 in the order of the model."""

    rule: int
    account: str
    text: str
    due: date | None


@dataclass(frozen=True)
class Head:
    """What every report begins with."""

    as_of: datetime
    timezone: str
    model_version: str
    constants: str
    calibrated: bool
    connections: tuple[ConnectionState, ...]
    skipped: tuple[Skipped, ...]


@dataclass(frozen=True)
class Suggestion:
    """An unmatched domain that meets the team: a candidate for an account."""

    domain: str
    name: str
    meetings: int
    hours: float


@dataclass(frozen=True)
class TodayMeeting:
    """A meeting of today with the account it belongs to."""

    account: str
    meeting: MeetingView


@dataclass(frozen=True)
class AccountChange:
    """A change with the account it belongs to; `good` is what makes a rep smile."""

    account: str
    change: Change
    good: bool


@dataclass(frozen=True)
class Digest:
    """A rep's morning; `total` counts all accounts, listed here or not."""

    head: Head
    rep: str | None
    first_action: FirstAction | None
    today: tuple[TodayMeeting, ...]
    accounts: tuple[AccountResult, ...]
    changes: tuple[AccountChange, ...]
    since: datetime
    suggestions: tuple[Suggestion, ...]
    total: int = 0


@dataclass(frozen=True)
class Effect:
    """What the news of one moment did to the account: score and status just before, and then."""

    seen_at: datetime
    score_before: float
    score_after: float
    status_before: Status
    status_after: Status


@dataclass(frozen=True)
class AccountReport:
    """One account in full; `effects` are those of its changes, from old to new."""

    head: Head
    result: AccountResult
    effects: tuple[Effect, ...] = ()
