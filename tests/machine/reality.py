"""What really happens to meetings, and what each mailbox's calendar then shows of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from calsignal.contract import Attendee, Event
from calsignal.model import Answer, Capability, EventStatus, Slot
from fake_provider import Remote

REP, TWO, LATE = "rep@ours.example", "two@ours.example", "late@ours.example"
REPS = (REP, TWO, LATE)
ANN, BOB, EVE, ZED = "ann@acme.example", "bob@acme.example", "eve@birch.example", "zed@elsewhere.example"
PEOPLE = (*REPS, ANN, BOB, EVE, ZED)
WEEK = timedelta(days=7)


def key(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%M%SZ}"


@dataclass
class Apart:
    """What became of one occurrence on its own; `answers` are those that differ from the series'."""

    start: datetime
    cancelled: bool = False
    answers: dict[str, Answer] = field(default_factory=dict)


@dataclass
class Meeting:
    """A meeting or a weekly series, as it really is.

    `answers` holds everybody but the organiser. With `shy` a guest's copy does not tell the answers of the others.
    The second half of a series that Google split has the UID of `family` with a `tail`.
    """

    name: str
    organizer: str
    start: datetime
    answers: dict[str, Answer]
    series: bool = False
    count: int = 1
    hours: int = 1
    shy: bool = False
    tail: str = ""
    family: str = ""
    subject: str = "Sample"
    cancelled: bool = False
    removed: bool = False
    touched: int = 0
    apart: dict[datetime, Apart] = field(default_factory=dict)
    ever_apart: bool = False
    dropped: set[str] = field(default_factory=set)
    private: set[str] = field(default_factory=set)

    @property
    def uid(self) -> str:
        return f"{self.root}{self.tail}@sample.example"

    @property
    def root(self) -> str:
        """Return what both halves of a series have in common."""
        return self.family or self.name

    @property
    def starts(self) -> tuple[datetime, ...]:
        return tuple(self.start + n * WEEK for n in range(self.count))

    @property
    def recurrence(self) -> str | None:
        if not self.series:
            return None
        lines = (
            *("BEGIN:VCALENDAR", "BEGIN:VEVENT", f"DTSTART:{key(self.start)}"),
            f"DTEND:{key(self.start + timedelta(hours=self.hours))}",
            f"RRULE:FREQ=WEEKLY;COUNT={self.count}",
            *("END:VEVENT", "END:VCALENDAR"),
        )
        return "\r\n".join(lines)

    def shows(self, mailbox: str) -> bool:
        on_it = mailbox == self.organizer or mailbox in self.answers
        return on_it and not self.removed and mailbox not in self.dropped

    def events(self, mailbox: str) -> Iterator[Event]:
        """Yield what the calendar of `mailbox` holds of this meeting."""
        if not self.shows(mailbox):
            return
        master = self._event(mailbox)
        yield master
        for original, one in sorted(self.apart.items()):
            own = {who: said for who, said in one.answers.items() if who in self.answers}
            told = self._attendees(mailbox, {**self.answers, **own})
            yield replace(
                master,
                id=f"{self.name}_{key(original)}",
                original_start=original,
                slot=self._slot(one.start),
                recurrence=None,
                attendees=told,
                status=EventStatus.CANCELLED if one.cancelled or self.cancelled else EventStatus.CONFIRMED,
            )

    def _event(self, mailbox: str) -> Event:
        sees = frozenset({Capability.GUESTS}) if self._is_blind(mailbox) else frozenset(Capability)
        return Event(
            id=self.name,
            uid=self.uid,
            slot=self._slot(self.start),
            recurrence=self.recurrence,
            status=EventStatus.CANCELLED if self.cancelled else EventStatus.CONFIRMED,
            organizer=self.organizer,
            attendees=self._attendees(mailbox, self.answers),
            subject=self.subject,
            private=mailbox in self.private,
            sees=sees,
        )

    def _slot(self, start: datetime) -> Slot:
        return Slot(start, start + timedelta(hours=self.hours))

    def _is_blind(self, mailbox: str) -> bool:
        return self.shy and mailbox != self.organizer

    def _attendees(self, mailbox: str, answers: dict[str, Answer]) -> tuple[Attendee, ...]:
        """List the guests; a touched event has them in another order and in other letters."""
        blind = self._is_blind(mailbox)
        rows = [Attendee(who, Answer.NONE if blind and who != mailbox else said) for who, said in answers.items()]
        if self.touched % 2:
            rows = [replace(row, address=row.address.upper()) for row in reversed(rows)]
        return tuple(rows)


def deliver(meeting: Meeting, mailbox: str, remote: Remote) -> None:
    """Bring a mailbox's calendar up to what really is."""
    wanted = {event.id: event for event in meeting.events(mailbox)}
    prefix = f"{meeting.name}_"
    gone = [i for i in remote.events if (i == meeting.name or i.startswith(prefix)) and i not in wanted]
    remote.drop(*gone)
    remote.put(*(event for event in wanted.values() if remote.events.get(event.id) != event))
