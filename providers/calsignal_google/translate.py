"""One item of the calendar service -> what the contract calls an event, a cancelled date or a removed id. Pure.

An item comes from strangers: every field may be missing, of another type, or made to do harm. What cannot be read is
named, with a reason that holds no text of the calendar, and never raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from calsignal.contract import Attendee, CalledOff, Event, Page
from calsignal.model import Answer, Booking, Capability, Confidence, EventStatus, Moment, Skipped, Slot

from . import series
from .series import Unreadable

FIELDS = (
    "id,status,eventType,iCalUID,recurringEventId,originalStartTime(date,dateTime,timeZone),"
    "start(date,dateTime,timeZone),end(date,dateTime,timeZone),endTimeUnspecified,recurrence,"
    "organizer(email,self),creator(email),"
    "attendees(email,self,resource,optional,responseStatus,additionalGuests,asyncOperation),"
    "attendeesOmitted,guestsCanSeeOtherGuests,visibility,transparency,summary,created,"
    "location,hangoutLink,source/url,conferenceData/entryPoints/uri,extendedProperties/shared"
)
"""What is read of an item, as the service's `fields` parameter names it; the description comes on top if allowed."""

_LONGEST_ID = 1_100  # 1,024 and the start that names an instance
_LONGEST_UID = 1_000
_LONGEST_SUBJECT = 1_000
_LONGEST_ADDRESS = 320
_MOST_PEOPLE = 5_000
_MOST_COMPANIONS = 1_000
_MOST_ANSWERED = 200  # guests; above that the service no longer tells guests what the others answered
_SHOWN = 200  # characters of an id in a list of what was skipped
_YEARS = range(1900, 2200)
_EARLIEST = 1970  # of `created`

_ADDRESS = re.compile(r"[^\s@<>\"(),;:]+@[^\s@<>\"(),;:]+")
_DAY = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]+)?)?([Zz]|[+-][0-9]{2}:[0-9]{2})?"
)
_ANSWERS = {"accepted": Answer.ACCEPTED, "declined": Answer.DECLINED, "tentative": Answer.TENTATIVE}
_NOT_MEETINGS = frozenset(("birthday", "focusTime", "outOfOffice", "workingLocation"))
_CALENDARS = "calendar.google.com"  # addresses there are calendars, rooms, and `unknownorganizer`: nobody
_GROUPS = "googlegroups.com"
_SOMETIME = Slot(date(2000, 1, 1), date(2000, 1, 2))
_SCHEDULE = Booking("google appointment schedule", Confidence.LIKELY)

_Item = Mapping[str, object]


@dataclass(frozen=True)
class Reader:
    """What an item is read with.

    source     names the calendar in the list of what was skipped
    mailbox    whose calendar it is; empty for one that is not the mailbox's own: `self` means the mailbox there
    zone       the one in which a time that names none is meant
    booking    says which scheduling tool left its trace in some texts
    read_text  allows a look at the description
    """

    source: str
    mailbox: str
    zone: tzinfo
    booking: Callable[..., Booking | None]
    read_text: bool = False

    @property
    def fields(self) -> str:
        """What has to be asked for, of each item."""
        return f"{FIELDS},description" if self.read_text else FIELDS

    def read(self, item: object) -> Page:
        """Return a page of what one item says; empty for what is no meeting and concerns nobody else."""
        if not isinstance(item, dict):
            return self._unread("", "it is not an event")
        try:
            name = _id(item.get("id"))
        except Unreadable as problem:
            return self._unread("", str(problem))
        try:
            return self._known(item, name)
        except Unreadable as problem:
            return self._unread(name, str(problem))
        except (ValueError, OverflowError):
            return self._unread(name, "a value cannot be read")

    def read_all(self, items: Iterable[object]) -> Page:
        """Return what several items say together; of two about one event the later counts."""
        latest: dict[object, object] = {}
        for number, item in enumerate(items):
            key = item.get("id") if isinstance(item, dict) else None
            latest[key if isinstance(key, str) else number] = item
        return joined(map(self.read, latest.values()))

    def _unread(self, name: str, reason: str) -> Page:
        shown = "".join(letter for letter in name if letter.isprintable())[:_SHOWN]
        skipped = Skipped(self.source, shown or "an event without an id", reason)
        return Page(skipped=(skipped,), unread=(name,) if name else ())

    def _known(self, item: _Item, name: str) -> Page:
        if item.get("status") == "cancelled":
            return _cancelled(item, name, self.zone)
        if _is_private(item):
            return _private_page(item, name)
        if _text(item.get("eventType")) in _NOT_MEETINGS and not _has_others(item):
            return Page()
        people = _people(item, self.mailbox)
        event = self._event(item, name, people)
        if not people.overfull:
            return Page(events=(event,))
        note = f"it has more than {_MOST_PEOPLE:,} guests: the others were not read"
        return Page(events=(event,), skipped=self._unread(name, note).skipped)

    def _event(self, item: _Item, name: str, people: _People) -> Event:
        uid = _uid(item, name)
        of_series = isinstance(item.get("recurringEventId"), str)
        slot = _slot(item, self.zone)
        return Event(
            id=name,
            uid=uid,
            slot=slot,
            original_start=_original_start(item, self.zone) if of_series else None,
            recurrence=None if of_series else _recurrence(item, slot, self.zone),
            status=EventStatus.TENTATIVE if item.get("status") == "tentative" else EventStatus.CONFIRMED,
            organizer=people.organizer,
            attendees=people.attendees,
            subject=_line(_text(item.get("summary"))[:_LONGEST_SUBJECT]),
            free=item.get("transparency") == "transparent",
            hidden_guests=people.hidden,
            created=_created(item.get("created")),
            booking=self._booking(item, uid),
            sees=_sees(people, uid),
        )

    def _booking(self, item: _Item, uid: str) -> Booking | None:
        """Return the marker of the service's own booking pages, else the trace of a link."""
        shared = _inside(_inside(item, "extendedProperties"), "shared")
        if shared.get("goo.createdByAvailId") or shared.get("goo.createdBySet"):
            return _SCHEDULE
        return self.booking(uid, *_links(item), *([_text(item.get("description"))] if self.read_text else []))


def joined(pages: Iterable[Page]) -> Page:
    """Put pages together to one, in their order."""
    found = list(pages)
    return Page(
        events=tuple(event for page in found for event in page.events),
        removed=tuple(name for page in found for name in page.removed),
        called_off=tuple(date for page in found for date in page.called_off),
        skipped=tuple(item for page in found for item in page.skipped),
        unread=tuple(name for page in found for name in page.unread),
    )


# --- what an item is ------------------------------------------------------------------------------------------------


def _cancelled(item: _Item, name: str, zone: tzinfo) -> Page:
    """Read an item of which no more is sure than its ids; details that some still carry may be out of date."""
    if not isinstance(item.get("recurringEventId"), str):
        return Page(removed=(name,))
    return Page(called_off=(CalledOff(name, _id(item["recurringEventId"]), _original_start(item, zone)),))


def _is_private(item: _Item) -> bool:
    """Say whether an event is not for everybody; a visibility that nobody knows is private."""
    return item.get("visibility", "default") not in ("default", "public", None)


def _private_page(item: _Item, name: str) -> Page:
    """Return a private event: nothing of it is read, and what was kept of it goes."""
    try:
        uid = _uid(item, name)
    except Unreadable:
        uid = name
    return Page(events=(Event(id=name, uid=uid, slot=_SOMETIME, private=True),))


def _has_others(item: _Item) -> bool:
    rows = item.get("attendees")
    return isinstance(rows, list) and any(not (isinstance(row, dict) and row.get("self") is True) for row in rows)


def _id(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise Unreadable("it has no id")
    if len(value) > _LONGEST_ID:
        raise Unreadable(f"its id is longer than {_LONGEST_ID:,} characters")
    return value


def _uid(item: _Item, name: str) -> str:
    """Return the UID; where there is none, the one that the service gives to events made on it."""
    uid = _line(_text(item.get("iCalUID")))
    if len(uid) > _LONGEST_UID:
        raise Unreadable(f"its UID is longer than {_LONGEST_UID:,} characters")
    return uid or f"{_text(item.get('recurringEventId')) or name}@google.com"


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _line(text: str) -> str:
    return (text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)).strip()


def _inside(item: _Item, name: str) -> _Item:
    value = item.get(name)
    return value if isinstance(value, dict) else {}


def _links(item: _Item) -> Iterator[str]:
    yield _text(item.get("location"))
    yield _text(item.get("hangoutLink"))
    yield _text(_inside(item, "source").get("url"))
    entries = _inside(item, "conferenceData").get("entryPoints")
    for entry in entries if isinstance(entries, list) else ():
        yield _text(entry.get("uri")) if isinstance(entry, dict) else ""


# --- when -----------------------------------------------------------------------------------------------------------


def _slot(item: _Item, zone: tzinfo) -> Slot:
    """Return begin and end, the end never before the begin.

    An end that nobody gave is made up by the service: without it a day lasts a day, and a time no time at all.
    """
    start = _moment(item.get("start"), zone)
    given = item.get("end")
    end = start if given is None or item.get("endTimeUnspecified") is True else _moment(given, zone)
    if isinstance(start, datetime) is not isinstance(end, datetime):
        raise Unreadable("one of its start and end is a day, the other a time")
    if not isinstance(start, datetime):
        return Slot(start, max(end, start + timedelta(days=1)))
    return Slot(start, max(end, start))


def _moment(value: object, default: tzinfo) -> Moment:
    """Read a day, or a time with its offset, else in the zone that it names, else in `default`."""
    if not isinstance(value, dict):
        raise Unreadable("it has no start or end")
    day, text = value.get("date"), value.get("dateTime")
    if isinstance(text, str):
        return _instant(text, value.get("timeZone"), default)
    if not isinstance(day, str):
        raise Unreadable("it has no start or end")
    return _day(day)


def _original_start(item: _Item, zone: tzinfo) -> Moment:
    if not isinstance(item.get("originalStartTime"), dict):
        raise Unreadable("it does not say which date of its series it is")
    return _moment(item["originalStartTime"], zone)


def _day(text: str) -> date:
    found = _DAY.fullmatch(text)
    if found is None:
        raise Unreadable("a date or time cannot be read")
    if int(found[1]) not in _YEARS:
        raise Unreadable("its year is out of any calendar")
    return date(int(found[1]), int(found[2]), int(found[3]))


def _instant(text: str, zone: object, default: tzinfo) -> datetime:
    """Read a date-time (RFC 3339 5.6) as an instant in UTC, without fractions; a leap second is the one before it."""
    found = _TIME.fullmatch(text)
    if found is None:
        raise Unreadable("a date or time cannot be read")
    clock = time(int(found[2]), int(found[3]), min(int(found[4] or 0), 59))
    wall = datetime.combine(_day(found[1]), clock)
    if found[5]:
        offset = found[5].upper().replace("Z", "+00:00")
        return datetime.fromisoformat(f"{wall.isoformat()}{offset}").astimezone(UTC)
    return wall.replace(tzinfo=series.zone(zone) if zone else default).astimezone(UTC)


def _created(value: object) -> datetime | None:
    try:
        made = _instant(_text(value), None, UTC)
    except ValueError:
        return None
    return made if made.year >= _EARLIEST else None


def _recurrence(item: _Item, slot: Slot, default: tzinfo) -> str | None:
    """Return the series as text, in the zone in which it is to be expanded."""
    lines = item.get("recurrence")
    if not lines:
        return None
    named = None if slot.all_day else _inside(item, "start").get("timeZone")
    return series.text(lines, slot, series.zone(named or getattr(default, "key", "UTC")))


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


def _people(item: _Item, mailbox: str) -> _People:
    rows = [] if item.get("attendees") is None else item["attendees"]
    if not isinstance(rows, list):
        raise Unreadable("its list of people cannot be read")
    organizer = _inside(item, "organizer")
    own = organizer.get("self") is True
    who = (mailbox if own else "") or _person(organizer.get("email")) or _person(_inside(item, "creator").get("email"))
    listed = [_attendee(row, mailbox) for row in rows[:_MOST_PEOPLE]]
    return _People(
        organizer=who,
        attendees=_once(row for row in listed if row is not None),
        own=own,
        hidden=item.get("attendeesOmitted") is True or (item.get("guestsCanSeeOtherGuests") is False and not own),
        nameless=None in listed,
        overfull=len(rows) > _MOST_PEOPLE,
    )


def _attendee(row: object, mailbox: str) -> Attendee | None:
    """Read one row; None where it gives no address. The mailbox's own row stands for it under any alias."""
    if not isinstance(row, dict):
        return None
    address = (mailbox if row.get("self") is True else "") or _address(row.get("email"))
    if address is None:
        return None
    return Attendee(
        address=address,
        answer=_ANSWERS.get(_text(row.get("responseStatus")), Answer.NONE),
        optional=row.get("optional") is True,
        resource=row.get("resource") is True or _host(address, _CALENDARS),
        group=bool(row.get("asyncOperation")) or _host(address, _GROUPS),
        guests=_companions(row.get("additionalGuests")),
    )


def _companions(value: object) -> int:
    return min(max(value, 0), _MOST_COMPANIONS) if type(value) is int else 0


def _address(value: object) -> str | None:
    bare = _text(value).strip()
    return bare if len(bare) <= _LONGEST_ADDRESS and _ADDRESS.fullmatch(bare) else None


def _person(value: object) -> str | None:
    """Return the address of an organiser unless it is a calendar's, which stands for whoever made the event."""
    address = _address(value)
    return None if address is None or _host(address, _CALENDARS) else address


def _host(address: str, domain: str) -> bool:
    host = address.rpartition("@")[2].casefold()
    return host == domain or host.endswith(f".{domain}")


def _once(attendees: Iterable[Attendee]) -> tuple[Attendee, ...]:
    """Keep one row for each address, one with an answer before one without; sorted."""
    kept: dict[str, Attendee] = {}
    for attendee in sorted(attendees, key=lambda row: (row.answer is Answer.NONE, repr(row))):
        kept.setdefault(attendee.address.casefold(), attendee)
    return tuple(kept[address] for address in sorted(kept))


def _sees(people: _People, uid: str) -> frozenset[Capability]:
    """Say what a copy is able to know; the service tells neither when somebody answered nor who proposes a time.

    Answers go to the organiser (RFC 5546 3.2.3). What others answered is passed on to guests by the service itself,
    so neither for events that were made elsewhere nor for those with too many guests.
    """
    found = set()
    if not (people.hidden or people.nameless or people.overfull):
        found.add(Capability.GUESTS)
    passed_on = uid.casefold().endswith("@google.com") and len(people.attendees) <= _MOST_ANSWERED
    if people.own or (passed_on and not people.hidden):
        found.add(Capability.ANSWERS)
    return frozenset(found)
