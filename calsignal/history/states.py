"""What a history consists of: states and changes of single meetings, of occurrences, and of series."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from calsignal.directory import Directory
from calsignal.merge import Merged
from calsignal.model import (
    Change,
    Moment,
    Participant,
    Role,
    instant,
)


@dataclass(frozen=True)
class Seen:
    """A merged state, from `seen_at` on. `lapsed` are people whose acceptance a move has undone.

    `joined` says that it came about because another calendar began to speak of the meeting: what it adds is news to
    us, but nothing has happened.
    """

    seen_at: datetime
    not_before: datetime | None
    merged: Merged
    lapsed: frozenset[str] = frozenset()
    joined: bool = False


@dataclass(frozen=True)
class Track:
    """The history of a single meeting, of one occurrence, or of a series as a whole; states from old to new."""

    uid: str
    original_start: Moment | None
    subject: str | None
    created: datetime | None
    baseline: bool
    states: tuple[Seen, ...]
    changes: tuple[Change, ...]

    @property
    def now(self) -> Seen:
        return self.states[-1]

    @property
    def first_seen(self) -> datetime:
        return self.states[0].seen_at

    @property
    def invited_at(self) -> datetime:
        """Return when the meeting was made, as far as anybody can tell."""
        return self.created or self.first_seen


@dataclass(frozen=True)
class Meeting(Track):
    """A meeting with its history; `series` is the history of the series it belongs to.

    `unwatched` says that it lies ahead and every calendar that showed it has been disconnected.
    """

    series: Track | None = None
    unwatched: bool = False


@dataclass(frozen=True)
class Lens:
    """What is needed to read copies: who is who, the team's zone, how far ahead a series is looked at, and when."""

    directory: Directory
    zone: tzinfo
    horizon: timedelta
    as_of: datetime
    evidence_days: int = 7

    def at(self, moment: Moment) -> datetime:
        return instant(moment, self.zone)

    def role(self, participant: Participant) -> Role:
        return self.directory.who(participant).role
