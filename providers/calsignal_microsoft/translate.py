"""One event of Microsoft Graph -> what the contract calls an event. Pure.

An event comes from strangers: every field may be missing, of another type, or made to do harm. What cannot be read is
named, with a reason that holds no text of the calendar, and never raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from calsignal.contract import Attendee, Event, Page
from calsignal.model import Answer, Booking, Capability, EventStatus, Moment, Skipped, Slot

from . import series
from .series import Series, Unreadable

FIELDS = (
    "id,type,seriesMasterId,iCalUId,originalStart,originalStartTimeZone,originalEndTimeZone,start,end,isAllDay,"
    "recurrence,isCancelled,isDraft,isOrganizer,organizer,attendees,responseStatus,hideAttendees,sensitivity,showAs,"
    "subject,location,locations,onlineMeeting,onlineMeetingUrl"
)
"""What is read of an event but for its text and for when it was made, which a list cannot be asked for by name."""

_LONGEST_ID = 1_000
_LONGEST_UID = 1_000
_LONGEST_SUBJECT = 1_000
_LONGEST_ADDRESS = 320
_MOST_PEOPLE = 5_000
_MOST_PLACES = 20
_SHOWN = 200  # characters of an id in a list of what was skipped
_YEARS = range(1900, 2200)
_EARLIEST = 1970  # of answers and of `created`: what lies before, and after `_YEARS`, stands for no time at all

_ADDRESS = re.compile(r"[^\s@<>\"(),;:/][^\s@<>\"(),;:]*@[^\s@<>\"(),;:/]+")
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]+)?)?"
    r"([Zz]|[+-][0-9]{2}:[0-9]{2})?"
)
_OCCURRENCE = re.compile(r"OID\..*\.([0-9]{4}-[0-9]{2}-[0-9]{2})", re.DOTALL)
_ANSWERS = {
    "accepted": Answer.ACCEPTED,
    "tentativelyaccepted": Answer.TENTATIVE,
    "declined": Answer.DECLINED,
    "organizer": Answer.ACCEPTED,
}
_SOMETIME = Slot(date(2000, 1, 1), date(2000, 1, 2))

Item = Mapping[str, object]


@dataclass(frozen=True)
class Reader:
    """What an event is read with.

    source     names the calendar in the list of what was skipped
    mailbox    whose calendar it is
    booking    says which scheduling tool left its trace in some texts
    read_text  allows a look at the body
    """

    source: str
    mailbox: str
    booking: Callable[..., Booking | None]
    read_text: bool = False

    def read(self, item: object, name: str = "", original: Moment | None = None, uid: str = "") -> Page:
        """Return a page of what one event says.

        `name` is its id where its own is not meant, `original` where its series has it, `uid` that of its series.
        """
        if not isinstance(item, dict):
            return self.unread("", "it is not an event")
        try:
            name = name or identity(item)
        except Unreadable as problem:
            return self.unread("", str(problem))
        try:
            return self._known(item, name, original, uid)
        except Unreadable as problem:
            return self.unread(name, str(problem))
        except (ValueError, OverflowError):
            return self.unread(name, "a value cannot be read")

    def unread(self, name: str, reason: str) -> Page:
        """Return a page that names what cannot be read."""
        shown = "".join(letter for letter in name if letter.isprintable())[:_SHOWN]
        skipped = Skipped(self.source, shown or "an event without an id", reason)
        return Page(skipped=(skipped,), unread=(name,) if name else ())

    def _known(self, item: Item, name: str, original: Moment | None, uid: str) -> Page:
        given = _uid(item) or uid or _text(item.get("seriesMasterId")) or identity(item)
        if _is_private(item):
            return Page(events=(Event(id=name, uid=given, slot=_SOMETIME, original_start=original, private=True),))
        people = _people(item, self.mailbox)
        event = self._event(item, name, given, original, people)
        if not people.overfull:
            return Page(events=(event,))
        note = f"it has more than {_MOST_PEOPLE:,} guests: the others were not read"
        return Page(events=(event,), skipped=self.unread(name, note).skipped)

    def _event(self, item: Item, name: str, uid: str, original: Moment | None, people: _People) -> Event:
        made = of_series(item) if is_series(item) else None
        return Event(
            id=name,
            uid=uid,
            slot=slot(item) if made is None else made.slot,
            original_start=original,
            recurrence=None if made is None else made.text,
            status=EventStatus.CANCELLED if is_cancelled(item) else EventStatus.CONFIRMED,
            organizer=people.organizer,
            attendees=people.attendees,
            subject=_line(_text(item.get("subject"))[:_LONGEST_SUBJECT]),
            free=_word(item.get("showAs")) == "free",
            draft=item.get("isDraft") is True,
            hidden_guests=people.hidden,
            created=_past(item.get("createdDateTime")),
            booking=self.booking(uid, *_links(item), *(_body(item) if self.read_text else ())),
            sees=_sees(people),
        )


def joined(pages: Iterable[Page]) -> Page:
    """Put pages together to one, in their order."""
    found = list(pages)
    return Page(
        events=tuple(event for page in found for event in page.events),
        removed=tuple(name for page in found for name in page.removed),
        called_off=tuple(off for page in found for off in page.called_off),
        skipped=tuple(item for page in found for item in page.skipped),
        unread=tuple(name for page in found for name in page.unread),
    )


# --- what an event is -----------------------------------------------------------------------------------------------


def identity(item: Item) -> str:
    """Return the id of an event. Raises `Unreadable`."""
    value = item.get("id")
    if not isinstance(value, str) or not value:
        raise Unreadable("it has no id")
    if len(value) > _LONGEST_ID:
        raise Unreadable(f"its id is longer than {_LONGEST_ID:,} characters")
    return value


def is_series(item: Item) -> bool:
    """Say whether it stands for a whole series."""
    return _word(item.get("type")) == "seriesmaster"


def is_plain(item: Item) -> bool:
    """Say whether the service has it for a date as the series has it."""
    return _word(item.get("type")) == "occurrence"


def series_id(item: Item) -> str:
    """Return the id of the series of which it is a date, else nothing. Raises `Unreadable`."""
    if _word(item.get("type")) not in ("occurrence", "exception") or not item.get("seriesMasterId"):
        return ""
    return identity({"id": item["seriesMasterId"]})


def is_cancelled(item: Item) -> bool:
    """Say whether its organiser called it off."""
    return item.get("isCancelled") is True


def of_series(item: Item) -> Series:
    """Read the rules of a series. Raises `Unreadable`, or another `ValueError` or `OverflowError`."""
    return series.read(item.get("recurrence"), slot(item), item.get("originalStartTimeZone"))


def original_start(item: Item, *, all_day: bool) -> Moment | None:
    """Return where its series has a date, a day of an all-day one; None where it does not tell.

    A date that moved on nowhere is where it is. Raises `ValueError` or `OverflowError` for what cannot be read.
    """
    given = item.get("originalStart")
    if given is None and not is_plain(item):
        return None
    wall, stated = _wall(item.get("start") if given is None else {"dateTime": given, "timeZone": "UTC"})
    if all_day:
        return series.whole_day(wall, stated, item.get("originalStartTimeZone"))
    return _instant(wall, stated)


def original_day(occurrence_id: object) -> date | None:
    """Return the day, in the zone of its series, that an `occurrenceId` names."""
    found = _OCCURRENCE.fullmatch(_text(occurrence_id))
    try:
        return date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None


def _is_private(item: Item) -> bool:
    """Say whether an event is not for everybody; a sensitivity that nobody knows is private."""
    return item.get("sensitivity") not in ("normal", None)


def _uid(item: Item) -> str:
    uid = _line(_text(item.get("iCalUId")))
    if len(uid) > _LONGEST_UID:
        raise Unreadable(f"its UID is longer than {_LONGEST_UID:,} characters")
    return uid


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _word(value: object) -> str:
    return _text(value).casefold()


def _line(text: str) -> str:
    return (text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)).strip()


def _inside(item: object, name: str) -> Item:
    value = item.get(name) if isinstance(item, dict) else None
    return value if isinstance(value, dict) else {}


def _links(item: Item) -> Iterator[str]:
    listed = item.get("locations")
    others = listed[:_MOST_PLACES] if isinstance(listed, list) else []
    for place in (item.get("location"), *others):
        if isinstance(place, dict):
            yield from (_text(place.get("displayName")), _text(place.get("locationUri")))
    yield _text(_inside(item, "onlineMeeting").get("joinUrl"))
    yield _text(item.get("onlineMeetingUrl"))


def _body(item: Item) -> Iterator[str]:
    yield _text(_inside(item, "body").get("content"))
    yield _text(item.get("bodyPreview"))


# --- when -----------------------------------------------------------------------------------------------------------


def slot(item: Item) -> Slot:
    """Return begin and end, the end never before the begin. Raises `ValueError` or `OverflowError`."""
    (begin, begin_zone), (end, end_zone) = _wall(item.get("start")), _wall(item.get("end"))
    if item.get("isAllDay") is not True:
        start = _instant(begin, begin_zone)
        return Slot(start, max(_instant(end, end_zone), start))
    first = series.whole_day(begin, begin_zone, item.get("originalStartTimeZone"))
    after = series.whole_day(end, end_zone, item.get("originalEndTimeZone") or item.get("originalStartTimeZone"))
    return Slot(first, max(after, first + timedelta(days=1)))


def _wall(value: object) -> tuple[datetime, object]:
    """Read a time without an offset and the name of its zone; one with an offset is brought to UTC."""
    text = value.get("dateTime") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(text, str):
        raise Unreadable("it has no start or end")
    found = _TIME.fullmatch(text)
    if found is None:
        raise Unreadable("a date or time cannot be read")
    if int(found[1]) not in _YEARS:
        raise Unreadable("its year is out of any calendar")
    clock = time(int(found[4]), int(found[5]), min(int(found[6] or 0), 59))
    wall = datetime.combine(date(int(found[1]), int(found[2]), int(found[3])), clock)
    if not found[7]:
        return wall, value.get("timeZone") or "UTC"
    offset = found[7].upper().replace("Z", "+00:00")
    return datetime.fromisoformat(f"{wall.isoformat()}{offset}").astimezone(UTC).replace(tzinfo=None), "UTC"


def _instant(wall: datetime, stated: object) -> datetime:
    return wall.replace(tzinfo=series.zone(stated)).astimezone(UTC)


def _past(value: object) -> datetime | None:
    """Return an instant at which something was done; none for the service's words for never."""
    try:
        done = _instant(*_wall({"dateTime": value, "timeZone": "UTC"}))
    except (ValueError, OverflowError):
        return None
    return done if done.year >= _EARLIEST else None


def _proposed(value: object) -> Slot | None:
    """Return a time that somebody proposes instead; none where it cannot be one."""
    if not isinstance(value, dict):
        return None
    try:
        start, end = (_instant(*_wall(value.get(name))) for name in ("start", "end"))
    except (ValueError, OverflowError):
        return None
    return Slot(start, end) if start <= end and start.year >= _EARLIEST else None


# --- who ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _People:
    """Who is on an event, as one copy tells it.

    own       it is the organiser's copy
    hidden    the list of people is kept from this calendar
    nameless  somebody is there and not by address
    overfull  it lists more people than are read
    """

    organizer: str | None
    attendees: tuple[Attendee, ...]
    own: bool
    hidden: bool
    nameless: bool
    overfull: bool


def _people(item: Item, mailbox: str) -> _People:
    rows = [] if item.get("attendees") is None else item["attendees"]
    if not isinstance(rows, list):
        raise Unreadable("its list of people cannot be read")
    own = item.get("isOrganizer") is True or _is_of(mailbox, item)
    listed = [_attendee(row) for row in rows[:_MOST_PEOPLE]]
    found = [row for row in listed if row is not None]
    return _People(
        organizer=mailbox if own else _organizer(item, rows),
        attendees=_once(found if own else _as_guest(found, item, mailbox)),
        own=own,
        hidden=item.get("hideAttendees") is True and not own,
        nameless=None in listed,
        overfull=len(rows) > _MOST_PEOPLE,
    )


def _is_of(mailbox: str, item: Item) -> bool:
    """Say whether the organiser is the mailbox, where the service does not say so itself."""
    told = _person(item.get("organizer"))
    return "isOrganizer" not in item and told is not None and told.casefold() == mailbox.casefold()


def _organizer(item: Item, rows: list[object]) -> str | None:
    """Return the organiser's address; where the service gives one of its own kind, that of the row that says so."""
    told = _person(item.get("organizer"))
    if told is not None:
        return told
    return next((who for row in rows if _response(row) == "organizer" and (who := _person(row))), None)


def _attendee(row: object) -> Attendee | None:
    """Read one row as the organiser's copy has it; None where it gives no address."""
    address = _person(row)
    if address is None or not isinstance(row, dict):
        return None
    kind = _word(row.get("type"))
    answer, at = _answer(row.get("status"))
    return Attendee(
        address=address,
        answer=answer,
        answered_at=at,
        optional=kind == "optional",
        resource=kind == "resource",
        proposed=_proposed(row.get("proposedNewTime")),
    )


def _as_guest(rows: Iterable[Attendee], item: Item, mailbox: str) -> Iterator[Attendee]:
    """Yield the rows of a guest's copy, which knows the guest's own answer alone: what it says of others is old."""
    answer, at = _answer(item.get("responseStatus"))
    mine = Attendee(mailbox, answer, at)  # invited by a group or another address, the mailbox has no row of its own
    for row in rows:
        if row.address.casefold() == mailbox.casefold():
            mine = Attendee(mailbox, answer, at, optional=row.optional, resource=row.resource)
        else:
            yield Attendee(row.address, Answer.NOT_VISIBLE, optional=row.optional, resource=row.resource)
    yield mine


def _answer(status: object) -> tuple[Answer, datetime | None]:
    """Return an answer and when it was given; organising is none that was given at a time."""
    response = _word(status.get("response")) if isinstance(status, dict) else ""
    answer = _ANSWERS.get(response, Answer.NONE)
    if not isinstance(status, dict) or answer is Answer.NONE or response == "organizer":
        return answer, None
    return answer, _past(status.get("time"))


def _response(row: object) -> str:
    return _word(_inside(row, "status").get("response"))


def _person(row: object) -> str | None:
    """Return the address of a person: of the Internet, in its own field or, instead of a name, in that."""
    given = _inside(row, "emailAddress")
    return _address(given.get("address")) or _address(given.get("name"))


def _address(value: object) -> str | None:
    bare = _text(value).strip()
    bare = bare[5:] if bare[:5].casefold() == "smtp:" else bare
    return bare if len(bare) <= _LONGEST_ADDRESS and _ADDRESS.fullmatch(bare) else None


def _once(attendees: Iterable[Attendee]) -> tuple[Attendee, ...]:
    """Keep one row for each address, one with an answer before one without; sorted."""
    unanswered = (Answer.NONE, Answer.NOT_VISIBLE)
    kept: dict[str, Attendee] = {}
    for attendee in sorted(attendees, key=lambda row: (row.answer in unanswered, repr(row))):
        kept.setdefault(attendee.address.casefold(), attendee)
    return tuple(kept[address] for address in sorted(kept))


def _sees(people: _People) -> frozenset[Capability]:
    """Say what a copy is able to know: answers, their times and proposals go to the organiser (RFC 5546 3.2.3)."""
    found = set()
    if not (people.hidden or people.nameless or people.overfull):
        found.add(Capability.GUESTS)
    if people.own:
        found |= {Capability.ANSWERS, Capability.ANSWER_TIMES, Capability.PROPOSALS}
    return frozenset(found)
