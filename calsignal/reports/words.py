"""Moments, people and changes in the words that reports share. English on purpose, whatever the locale."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from calsignal.model import Actor, Answer, Change, ChangeKind, Level, Moment, Slot, Status
from calsignal.reports.layout import CYAN, GREEN, RED, YELLOW
from calsignal.reports.safe import clean, cut

if TYPE_CHECKING:
    from calsignal.score.result import BuyerOnMeeting, MeetingView  # a sync counts in these words, and scores nothing

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_SUBJECT = 60  # columns; a stranger's novel is no headline
SOMEONE = "someone"
COLOURS = {Status.REAL: GREEN, Status.SOFT: YELLOW, Status.STALLED: RED, Status.NEW: CYAN}


@dataclass(frozen=True)
class Calendar:
    """Writes moments as seen from `as_of` in `zone`: the year only where it is another one."""

    as_of: datetime
    zone: ZoneInfo

    @property
    def today(self) -> date:
        return self.day(self.as_of)

    def day(self, moment: Moment) -> date:
        """Return the calendar day of `moment` in the zone."""
        return moment.astimezone(self.zone).date() if isinstance(moment, datetime) else moment

    def date(self, moment: Moment) -> str:
        """Write a day: `Thu 19 Mar`, or `Thu 19 Mar 2027`."""
        day = self.day(moment)
        year = f" {day.year}" if day.year != self.today.year else ""
        return f"{_DAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]}{year}"

    def time(self, moment: datetime) -> str:
        """Write a time of day: `15:00`."""
        return f"{moment.astimezone(self.zone):%H:%M}"

    def moment(self, moment: Moment) -> str:
        """Write a day, and the time where there is one."""
        return f"{self.date(moment)} {self.time(moment)}" if isinstance(moment, datetime) else self.date(moment)

    def slot(self, slot: Slot) -> str:
        """Write where a meeting stands in a day: `15:00`, or `all day`."""
        return self.time(slot.start) if isinstance(slot.start, datetime) else "all day"

    def ago(self, moment: datetime) -> str:
        """Write how long before as_of that was: `12 min ago`, `5 h ago`, `3 d ago`."""
        minutes = max(0, int((self.as_of - moment) / timedelta(minutes=1)))
        if minutes < 60:
            return f"{minutes} min ago"
        return f"{minutes // 60} h ago" if minutes < 48 * 60 else f"{minutes // 1440} d ago"


def plural(count: int, noun: str, nouns: str = "") -> str:
    """Write a count with its noun: `1 change`, `2 changes`."""
    return f"{count} {noun if count == 1 else nouns or noun + 's'}"


def enumerate_words(words: Sequence[str]) -> str:
    """Join words as a sentence does: `a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else ""


def first_sentence(text: str) -> str:
    """Return a text up to its first full stop before a blank."""
    head, stop, _ = text.partition(". ")
    return head + stop.rstrip()


def subject(text: str | None) -> str:
    """Return a subject fit to print, or in brackets why there is none.

    None is one that was not read yet, or that is not kept.
    """
    if text is None:
        return "(subject not known)"
    return cut(clean(text), _SUBJECT) or "(no subject)"


def duration(slot: Slot) -> str:
    """Write a length: `45 min`, `3 h`, `2 d`."""
    minutes = int(slot.duration / timedelta(minutes=1))
    if slot.all_day:
        return f"{minutes // 1440} d"
    return f"{minutes} min" if minutes % 60 or minutes < 120 else f"{minutes // 60} h"


def address(buyer: BuyerOnMeeting) -> str:
    """Return a buyer's address, or `someone@domain` until it is known."""
    return buyer.email or f"{SOMEONE}@{buyer.domain}"


def _short(buyer: BuyerOnMeeting) -> str:
    return cut(clean(buyer.email.partition("@")[0]), 24) if buyer.email else SOMEONE


def did(buyer: BuyerOnMeeting) -> str:
    """Say in a word what a buyer did about a meeting."""
    if buyer.organizer:
        return "organised"
    by_level = {Level.ATTENDED: "attended", Level.OWNED: "booked"}
    if buyer.level in by_level:
        return by_level[buyer.level]
    if buyer.level is Level.SOFT and buyer.answer is not Answer.TENTATIVE:
        return "to confirm again" if buyer.answer is Answer.ACCEPTED else "proposed a time"
    return _ANSWERS[buyer.answer]


_ANSWERS = {
    Answer.ACCEPTED: "accepted",
    Answer.TENTATIVE: "tentative",
    Answer.DECLINED: "declined",
    Answer.NONE: "silent",
    Answer.NOT_VISIBLE: "not visible from here",
}
_QUIET = frozenset({"silent", "not visible from here"})


def who(meeting: MeetingView) -> str:
    """Say who of the buyers takes part: `ann organised, bob and cfo accepted, 1 silent`."""
    if meeting.status.gone:
        return meeting.status.value
    groups: dict[str, list[str]] = {}
    for buyer in sorted(meeting.buyers, key=lambda buyer: -buyer.level):
        groups.setdefault(did(buyer), []).append(_short(buyer))
    return ", ".join(
        f"{len(people) if act in _QUIET else enumerate_words(people)} {act}" for act, people in groups.items()
    )


def by(change: Change) -> str:
    """Say who is behind a change, unless the clause does, and how sure that is: `by the buyer (likely: ...)`."""
    if change.by is None:
        return ""
    doubt = ": ".join(filter(None, [change.confidence.value if change.confidence else "", change.why]))
    actor = "" if change.kind in _NAMES_ACTOR else f"by {_ACTORS[change.by]}"
    return " ".join(filter(None, [actor, doubt and f"({doubt})"]))


_ACTORS = {Actor.BUYER: "the buyer", Actor.SELLER: "us", Actor.SELLER_OR_UNKNOWN: "us or unknown"}
_NAMES_ACTOR = frozenset({ChangeKind.CREATED, ChangeKind.ANSWER_CHANGED, ChangeKind.PROPOSED})


def happened(change: Change, calendar: Calendar) -> str:
    """Say what happened, in one clause without its time."""
    name = f'"{subject(change.subject)}"'
    if change.series and change.kind is not ChangeKind.SERIES_MOVED:
        name = f"the series {name}"
    if change.original_start is not None and change.kind is not ChangeKind.SERIES_MOVED:
        name += f" of {calendar.date(change.original_start)}"
    person = change.email or SOMEONE
    before, after = _value(change.before, calendar), _value(change.after, calendar)
    match change.kind:
        case ChangeKind.ANSWER_CHANGED:
            return _answered(change, name, person)
        case ChangeKind.MOVED | ChangeKind.SERIES_MOVED:
            series = "the series " if change.kind is ChangeKind.SERIES_MOVED else ""
            days = f" ({change.days:+d} d)" if change.days else ""
            return f"{series}{name} moved to {after or 'another time'}{days}"
        case ChangeKind.PROPOSED:
            return f"{person} proposed {after or 'another time'} for {name}"
        case ChangeKind.RESPONSE_RESET:
            return f"the move of {name} reset the answer of {person}"
        case ChangeKind.PERSON_ADDED | ChangeKind.PERSON_REMOVED:
            return f"{person} was {'added to' if change.kind is ChangeKind.PERSON_ADDED else 'taken off'} {name}"
        case ChangeKind.DURATION_CHANGED:
            return f"{name} now ends {after or 'at another time'}" + (f" (was {before})" if before else "")
        case ChangeKind.CREATED:
            made = f"the buyer booked {name}" if change.by is Actor.BUYER else f"we invited them to {name}"
            return made + (f" for {after}" if after else "")
        case _:
            return f"{name} {_PLAIN[change.kind]}"


_PLAIN = {
    ChangeKind.SERIES_SPLIT: "was split into two series",
    ChangeKind.ORGANIZER_CHANGED: "has a new organiser",
    ChangeKind.CANCELLED: "was cancelled",
    ChangeKind.RESTORED: "is on again",
    ChangeKind.VANISHED: "was removed from the calendar",
}


def _answered(change: Change, name: str, person: str) -> str:
    verbs = {
        Answer.ACCEPTED: "accepted",
        Answer.TENTATIVE: "is tentative on",
        Answer.DECLINED: "declined",
        Answer.NONE: "took back the answer to",
        Answer.NOT_VISIBLE: "gave an answer that is no longer visible to",
    }
    verb = verbs[change.after] if isinstance(change.after, Answer) else "answered"
    was = change.before if isinstance(change.before, Answer) else Answer.NONE
    return f"{person} {verb} {name}" + (f" (was {_ANSWERS[was]})" if was in _SPOKEN else "")


_SPOKEN = frozenset({Answer.ACCEPTED, Answer.TENTATIVE, Answer.DECLINED})


def _value(value: Moment | Answer | str | None, calendar: Calendar) -> str:
    if isinstance(value, date):  # a datetime is one too
        return calendar.moment(value)
    return value.value if isinstance(value, Answer) else value or ""


def names(texts: Iterable[str], *, most: int) -> str:
    """Join names, the first `most` of them, and count the rest."""
    listed = list(texts)
    more = len(listed) - most
    return ", ".join(listed[:most]) + (f" and {more} more" if more > 0 else "")
