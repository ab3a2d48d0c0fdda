"""A calendar service in memory and its provider: the smallest that satisfies the contract, with pages and deltas."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from calsignal.contract import (
    Access,
    Attendee,
    Authorised,
    Calendar,
    CheckUp,
    ConnectRequest,
    Event,
    Finding,
    Gone,
    Option,
    Page,
    Setting,
    Source,
)
from calsignal.errors import CursorExpired, InputError, SourceError
from calsignal.model import Skipped, Slot
from calsignal.testing import START, Meeting

_PAGE = 5


@dataclass
class ToyService:
    """What one mailbox holds: meetings by key (None: deleted), the number of the change that made each so."""

    meetings: dict[str, Meeting | None] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    spoiled: set[str] = field(default_factory=set)
    asked: int = 0
    broken: bool = False
    backwards: bool = False
    oldest: int = 0  # cursors before this change are refused

    def set(self, key: str, meeting: Meeting | None) -> None:
        self.meetings[key] = meeting
        self.changed[key] = max(self.changed.values(), default=0) + 1

    def since(self, change: int) -> list[str]:
        """Answer one request: which keys changed after that change."""
        self.asked += 1
        if self.broken:
            raise SourceError("the toy is broken", "get another one")
        if 0 < change < self.oldest:
            raise CursorExpired
        return sorted((key for key, at in self.changed.items() if at > change), reverse=self.backwards)

    @property
    def latest(self) -> int:
        return max(self.changed.values(), default=1)


SERVICES: dict[str, ToyService] = {}
"""The services of the world by mailbox."""


class ToySource:
    def __init__(self, access: Access) -> None:
        self._access = access

    @property
    def _service(self) -> ToyService:
        return SERVICES.setdefault(self._access.mailbox, ToyService())

    def calendars(self) -> Sequence[Calendar]:
        return (Calendar("toy", "Toys"),)

    def pull(self, _calendar: Calendar, cursor: str | None) -> Iterator[Page]:
        keys = self._access.retry(lambda: self._service.since(int(cursor or 0)))
        for at in range(0, len(keys) - _PAGE, _PAGE):
            yield self._page(keys[at : at + _PAGE], cursor, last=False)
        yield self._page(keys[(max(len(keys) - 1, 0) // _PAGE) * _PAGE :], cursor, last=True)

    def find(self, _calendar: Calendar, event_id: str) -> Event | Gone:
        self._service.since(0)
        meeting = self._service.meetings.get(event_id)
        return Gone() if meeting is None else _event(meeting)

    def check(self) -> CheckUp:
        self._access.retry(lambda: self._service.since(0))
        return CheckUp((Finding("the toys are there"),))

    def close(self) -> None:
        pass

    def _page(self, keys: list[str], cursor: str | None, *, last: bool) -> Page:
        service = self._service
        spoiled = tuple(key for key in keys if key in service.spoiled)
        known = [(key, service.meetings[key]) for key in keys if key not in service.spoiled]
        return Page(
            events=tuple(_event(meeting) for _, meeting in known if meeting is not None),
            removed=tuple(key for key, meeting in known if meeting is None),
            cursor=str(service.latest) if last else None,
            full=cursor is None,
            skipped=tuple(Skipped("toys", key, "it is spoiled") for key in spoiled),
            unread=spoiled,
        )


def _event(meeting: Meeting) -> Event:
    return Event(
        id=meeting.key,
        uid=f"{meeting.key}@toys.example",
        slot=Slot(meeting.start, meeting.start + meeting.length),
        recurrence=_weekly(meeting) if meeting.weekly else None,
        organizer=meeting.organizer,
        attendees=tuple(Attendee(address, answer) for address, answer in meeting.guests.items()),
        subject=meeting.subject,
    )


def _weekly(meeting: Meeting) -> str:
    times = f"DTSTART:{meeting.start:%Y%m%dT%H%M%SZ}\r\nDTEND:{meeting.start + meeting.length:%Y%m%dT%H%M%SZ}"
    return f"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n{times}\r\nRRULE:FREQ=WEEKLY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"


class ToyProvider:
    """A fourth provider, for tests that nothing has to be changed for it."""

    name = "toy"
    about = "a toy calendar"
    settings: tuple[Setting, ...] = (Setting("colour", str, "red", "the colour of the toy"),)
    options: tuple[Option, ...] = (
        Option("mailbox", "whose toys", argument=True, required=True),
        Option("battery", "with a battery", flag=True),
    )

    def connect(self, request: ConnectRequest) -> Sequence[Authorised]:
        mailbox = str(request.options["mailbox"])
        if "@" not in mailbox:
            raise InputError("that is not a mailbox", "give an e-mail address")
        return (Authorised(mailbox, f"toy:{mailbox}", secret="wind-up key", settings={"made": f"{START:%Y}"}),)

    def open(self, access: Access) -> Source:
        return ToySource(access)


provider = ToyProvider()
