"""VEVENTs -> what the contract calls events: dealt with one by one, then against each other."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from calsignal.contract import Attendee, Event, Gone, Window
from calsignal.model import Booking, Capability, EventStatus, Moment, Skipped, Slot, moment_key, moment_of_key

from . import people, vendors
from .series import Series, series
from .text import Component, Property, Unreadable
from .values import When, slot, span, when
from .zones import OwnZones, Zones

_LONGEST_SUBJECT = 1_000
_LONGEST_UID = 1_000
_SHOWN = 200  # characters of an id in a list of what was skipped
_EARLIEST = 1970  # of CREATED; makers write 1601 and 0001 for "unknown"
_EVENTS = frozenset(("", "PUBLISH", "REQUEST", "ADD", "CANCEL", "CREATE"))  # the METHODs whose VEVENT is an event
_MADE_OF = ("DTSTART", "DTEND", "DURATION", "RECURRENCE-ID", "RRULE", "SUMMARY", "LOCATION")
_NOT_CONTENT = frozenset(("DTSTAMP", "SEQUENCE", "LAST-MODIFIED"))


@dataclass(frozen=True)
class File:
    """One file's calendars, and how to call it when something in it cannot be read."""

    name: str
    calendars: Sequence[Component]


@dataclass(frozen=True)
class Reading:
    """Everything the files say: events by id, what was skipped, and the ids of those events that were.

    `split` says that an override reaches over all that follow, so that the answer depends on the window.
    """

    events: Mapping[str, Event]
    skipped: tuple[Skipped, ...]
    unread: frozenset[str]
    split: bool
    _entries: Mapping[str, _Entry] = field(repr=False, compare=False)

    def within(self, window: Window) -> tuple[Event, ...]:
        """Return the events that end after the window begins, in the order of their ids."""
        return tuple(self.events[key] for key in sorted(self.events) if not self._over(key, window.start))

    def find(self, event_id: str) -> Event | Gone:
        """Return an event, or an occurrence that its series has without listing it apart."""
        if event_id in self.events:
            return self.events[event_id]
        uid, _, key = event_id.rpartition("/")
        master = self._entries.get(uid)
        if master is None or master.series is None or not _is_start(master.series, key):
            return Gone()
        return _occurrence(self.events[uid], event_id, moment_of_key(key))

    def _over(self, key: str, start: datetime) -> bool:
        event, entry = self.events[key], self._entries.get(key)
        if entry is not None and entry.series is not None:
            last = entry.series.last_day
            return last is not None and last < start.date()
        ends: list[Moment] = [event.slot.end]
        if event.original_start is not None:
            ends.append(event.original_start + event.slot.duration)
        return all(_before(end, start) for end in ends)


Marks = Callable[[Component], Booking | None]


@dataclass(frozen=True)
class _Around:
    """What all files are read with."""

    mailbox: str
    default_zone: str
    own_zones: OwnZones
    marks: Marks


@dataclass(frozen=True)
class _Context:
    """What a VEVENT takes from around it."""

    source: str
    method: str
    zones: Zones
    microsoft: bool
    names_people: bool
    around: _Around


@dataclass(frozen=True)
class _Entry:
    """One VEVENT, read by itself."""

    uid: str
    rid: When | None
    event: Event
    start: When
    end: When
    series: Series | None
    people: people.People
    component: Component
    context: _Context
    future: bool = False  # it speaks for all that follow, too

    @property
    def method(self) -> str:
        return self.context.method

    @property
    def id(self) -> str:
        return _event_id(self.uid, self.rid)


@dataclass
class _Notes:
    """What could not be read, as it is found."""

    skipped: list[Skipped] = field(default_factory=list)
    unread: set[str] = field(default_factory=set)
    private: dict[str, str] = field(default_factory=dict)  # event id -> UID

    def add(self, source: str, name: str, reason: str) -> None:
        self.skipped.append(Skipped(source, _shown(name), reason))

    def about(self, entry: _Entry, reason: str) -> None:
        self.add(entry.context.source, entry.id, reason)


def read(
    files: Iterable[File],
    mailbox: str,
    window: Window,
    default_zone: str = "",
    marks: Marks = lambda _component: None,
) -> Reading:
    """Read all events of some files; the order of files, components and lines makes no difference.

    `default_zone` is for times that name no zone in a file that has none either; `marks` says which scheduling tool
    left its trace on a VEVENT.
    """
    notes = _Notes()
    own: OwnZones = {}
    around = _Around(mailbox.casefold(), default_zone, own, marks)
    entries = [entry for file in files for entry in _entries(file, around, notes)]
    events = [entry for entry in entries if entry.method in _EVENTS]
    kept = _settle(events, notes)
    found = {key: _whole(entry, kept.get(entry.uid)) for key, entry in kept.items()}
    split = [entry for entry in kept.values() if entry.future]
    if split:
        found |= {event.id: event for event in _spread(split, kept, found, window, notes)}
    for entry in entries:
        if entry.method not in _EVENTS:
            _message(entry, found, notes)
    found = {key: _unseen(key, uid, window) for key, uid in notes.private.items()} | found
    skipped = tuple(sorted(notes.skipped, key=lambda item: (item.source, item.id, item.reason)))
    return Reading(found, skipped, frozenset(notes.unread - found.keys()), bool(split), kept)


def _entries(file: File, around: _Around, notes: _Notes) -> Iterator[_Entry]:
    """Yield what can be read of one file, and note the rest."""
    events = [component for calendar in file.calendars for component in calendar.inside("VEVENT")]
    names_people = any("ATTENDEE" in event.lines or "ORGANIZER" in event.lines for event in events)
    number = 0
    for calendar in file.calendars:
        microsoft = vendors.is_microsoft(calendar.value("PRODID"))
        method = calendar.value("METHOD").upper()
        zones = Zones(calendar, around.default_zone, around.own_zones)
        context = _Context(file.name, method, zones, microsoft, names_people, around)
        for component in calendar.inside("VEVENT"):
            number += 1
            if (entry := _read(component, context, number, notes)) is not None:
                yield entry


def _read(component: Component, context: _Context, number: int, notes: _Notes) -> _Entry | None:
    uid, name = "", f"event {number}"
    try:
        uid = name = _uid(component)
        rid = _when(component, "RECURRENCE-ID", context.zones)
        name = _event_id(uid, rid)
        entry = _entry(component, context, uid, rid)
    except Unreadable as problem:
        reason = str(problem)
    except (ValueError, OverflowError):
        reason = "a value cannot be read"
    else:
        if entry.people.overfull:
            notes.about(entry, f"it has more than {people.MOST:,} guests: the others were not read")
        if entry.series and entry.series.lost:
            notes.about(entry, "some of its extra or cancelled dates cannot be read")
        return entry
    if uid and _private(component):
        notes.private[name] = uid
        return None
    notes.add(context.source, name, reason)
    if uid:
        notes.unread.add(name)
    return None


def _entry(component: Component, context: _Context, uid: str, rid: When | None) -> _Entry:
    bare_cancel = context.method == "CANCEL" and rid is not None and "DTSTART" not in component.lines
    start, end = (rid, rid) if rid and bare_cancel else span(component, context.zones)
    row = component.get("RECURRENCE-ID")
    rules = series(component, start, end, context.zones) if rid is None else None
    who = people.people(component)
    return _Entry(
        uid=uid,
        rid=rid,
        event=_event(component, context, who, slot(start, end)),
        start=start,
        end=end,
        series=rules,
        people=who,
        component=component,
        context=context,
        future=row is not None and row.params.get("RANGE", "").upper() == "THISANDFUTURE",
    )


def _event(component: Component, context: _Context, who: people.People, at: Slot) -> Event:
    """Translate what one VEVENT says by itself; id, series and inheritance come later."""
    subject = _subject(component.get("SUMMARY"))
    status = _status(component, context)
    bare = vendors.without_cancelled(subject) if context.microsoft else None
    return Event(
        id="",
        uid="",
        slot=at,
        status=status if bare is None else EventStatus.CANCELLED,
        organizer=who.organizer,
        attendees=who.attendees,
        subject=subject if bare is None else bare,
        free=_free(component),
        private=_private(component),
        hidden_guests=who.incomplete,
        created=_created(component, context.zones),
        booking=context.around.marks(component),
        sees=_sees(who.organizer, context),
    )


def _private(component: Component) -> bool:
    """Say whether an event is not public; a class that nobody knows is private (RFC 5545 3.8.1.3)."""
    return component.value("CLASS").upper() not in ("", "PUBLIC")


def _unseen(key: str, uid: str, window: Window) -> Event:
    """Return a private event that cannot be read: nothing of it is kept, and what was kept of it goes."""
    day = window.start.date()
    return Event(id=key, uid=uid, slot=Slot(day, day + timedelta(days=1)), private=True)


def _uid(component: Component) -> str:
    """Return the UID; for an event without one, a name made of its content."""
    uid = "".join(letter for letter in component.value("UID") if letter.isprintable())
    if len(uid) > _LONGEST_UID:
        raise Unreadable(f"its UID is longer than {_LONGEST_UID:,} characters")
    if uid:
        return uid
    content = "\n".join(line for name in _MADE_OF for line in sorted(component.lines.get(name, ())))
    return "no-uid:" + hashlib.sha256(content.encode(errors="replace")).hexdigest()[:32]


def _event_id(uid: str, rid: When | None) -> str:
    return f"{uid}/{moment_key(rid.moment)}" if rid else uid


def _when(component: Component, name: str, zones: Zones) -> When | None:
    prop = component.get(name)
    return when(prop, zones) if prop else None


def _subject(prop: Property | None) -> str:
    text = prop.text if prop else ""
    return "".join(letter if letter.isprintable() else " " for letter in text[:_LONGEST_SUBJECT]).strip()


def _shown(name: str) -> str:
    return "".join(letter for letter in name if letter.isprintable())[:_SHOWN]


def _status(component: Component, context: _Context) -> EventStatus:
    status = component.value("STATUS").upper()
    if context.method == "CANCEL" or status in ("CANCELLED", "CANCELED"):
        return EventStatus.CANCELLED
    return EventStatus.TENTATIVE if status == "TENTATIVE" else EventStatus.CONFIRMED


def _free(component: Component) -> bool:
    busy = component.value("X-MICROSOFT-CDO-BUSYSTATUS").upper()
    return component.value("TRANSP").upper() == "TRANSPARENT" or busy == "FREE"


def _created(component: Component, zones: Zones) -> datetime | None:
    try:
        found = _when(component, "CREATED", zones)
        moment = found.moment if found else None
    except (Unreadable, OverflowError):
        return None
    return moment if isinstance(moment, datetime) and moment.year >= _EARLIEST else None


def _sees(organizer: str | None, context: _Context) -> frozenset[Capability]:
    """Say what this copy is able to know; when somebody answered, and proposals, are in no calendar file."""
    if not context.names_people:
        return frozenset()
    if context.microsoft and (organizer or "").casefold() != context.around.mailbox:
        return frozenset((Capability.GUESTS,))
    return frozenset((Capability.GUESTS, Capability.ANSWERS))


def _settle(entries: Iterable[_Entry], notes: _Notes) -> dict[str, _Entry]:
    """Choose one VEVENT for each id, with the RECURRENCE-ID of overrides written as their series begins."""
    by_uid: defaultdict[str, list[_Entry]] = defaultdict(list)
    for entry in entries:
        by_uid[entry.uid].append(entry)
    kept: dict[str, _Entry] = {}
    for uid, group in by_uid.items():
        masters = [entry for entry in group if entry.rid is None]
        if masters:
            kept[uid] = _latest(masters, notes)
        overrides: defaultdict[str, list[_Entry]] = defaultdict(list)
        for entry in group:
            if entry.rid is not None:
                aligned = replace(entry, rid=entry.rid.like(kept[uid].start)) if masters else entry
                overrides[aligned.id].append(aligned)
        kept |= {key: _latest(copies, notes) for key, copies in overrides.items()}
    return kept


def _latest(copies: Sequence[_Entry], notes: _Notes) -> _Entry:
    """Choose the newest copy and name the others; a cancellation takes its content from the copy it cancels."""
    if len(copies) == 1:
        return copies[0]
    ranked = sorted(copies, key=_rank)
    newest = ranked.pop()
    if newest.method == "CANCEL" and (cancelled := [copy for copy in ranked if copy.method != "CANCEL"]):
        base = cancelled[-1]
        ranked.remove(base)
        newest = replace(base, event=replace(base.event, status=EventStatus.CANCELLED))
    for copy in ranked:
        notes.about(copy, "superseded by a later copy")
    return newest


def _rank(entry: _Entry) -> tuple[int, str, bool, str]:
    """Order copies of one event (RFC 5546 2.1.5), but for DTSTAMP, which Google sets anew at each download."""
    number = entry.component.value("SEQUENCE")
    sequence = int(number) if number.isdecimal() and len(number) < 10 else 0
    try:
        changed = _when(entry.component, "LAST-MODIFIED", entry.context.zones)
        key = moment_key(changed.moment) if changed else ""
    except (Unreadable, OverflowError):
        key = ""
    return sequence, key, entry.method == "CANCEL", entry.component.canonical(_NOT_CONTENT)


def _whole(entry: _Entry, master: _Entry | None) -> Event:
    """Give an event its id and rules, and an override what it does not say itself."""
    text = entry.series.text if entry.series else None
    event = replace(entry.event, id=entry.id, uid=entry.uid, recurrence=text)
    if entry.rid is None:
        return event
    event = replace(event, original_start=entry.rid.moment)
    return event if master is None else _inherit(event, entry, master)


def _inherit(event: Event, entry: _Entry, master: _Entry) -> Event:
    mine, given = entry.component.lines, master.event
    if "ATTENDEE" not in mine and "ORGANIZER" not in mine:
        event = replace(event, attendees=given.attendees, hidden_guests=given.hidden_guests)
    organizer = event.organizer or given.organizer
    return replace(
        event,
        organizer=organizer,
        sees=_sees(organizer, entry.context),
        subject=event.subject if "SUMMARY" in mine else given.subject,
        private=event.private or ("CLASS" not in mine and given.private),
        booking=event.booking or given.booking,
    )


def _spread(
    split: Iterable[_Entry],
    kept: Mapping[str, _Entry],
    found: Mapping[str, Event],
    window: Window,
    notes: _Notes,
) -> Iterator[Event]:
    """Turn an override that reaches over all that follow (RFC 5545 3.2.13) into one for each occurrence."""
    for entry in split:
        master = kept.get(entry.uid)
        if master is None or master.series is None or entry.rid is None:
            continue
        limits = [other.rid.moment for other in split if other.uid == entry.uid and other.rid]
        try:
            for start in _following(master.series, entry.rid, limits, window):
                event = _shifted(found[entry.id], entry, start)
                if event.id not in found:
                    yield event
        except (Unreadable, OverflowError) as problem:
            reason = str(problem) if isinstance(problem, Unreadable) else "a value cannot be read"
            notes.about(entry, f"it is read as a change of one occurrence only: {reason}")


def _following(rules: Series, rid: When, limits: Sequence[Moment], window: Window) -> Iterator[When]:
    """Yield the occurrences after `rid` in the window, up to the next override of this kind."""
    first = rid.moment
    later = [limit for limit in limits if _after(limit, first)]
    for start in rules.starts(window.end):
        if _before(start.moment, window.start) or not _after(start.moment, first):
            continue
        if not _before(start.moment, window.end) or any(not _after(limit, start.moment) for limit in later):
            return
        yield start


def _shifted(event: Event, entry: _Entry, start: When) -> Event:
    """Return the override as it is for another occurrence: as far from it on the wall clock, and as long."""
    assert entry.rid is not None
    moved = entry.start.wall - entry.rid.wall
    begin = _plus(entry.start, start.wall + moved)
    end = _plus(entry.end, begin.wall + (entry.end.wall - entry.start.wall))
    return replace(event, id=_event_id(entry.uid, start), slot=slot(begin, end), original_start=start.moment)


def _plus(pattern: When, wall: datetime) -> When:
    return replace(pattern, local=wall.date() if pattern.all_day else wall)


def _after(moment: Moment, other: Moment) -> bool:
    """Compare two moments of one series; a day and an instant of a muddled one as days."""
    if isinstance(moment, datetime) and isinstance(other, datetime):
        return moment > other
    return _utc_day(moment) > _utc_day(other)


def _before(moment: Moment, instant: datetime) -> bool:
    """Say whether a moment is over at an instant; a day is, once it is over everywhere."""
    if isinstance(moment, datetime):
        return moment < instant
    return moment < instant.date()


def _utc_day(moment: Moment) -> date:
    return moment.astimezone(UTC).date() if isinstance(moment, datetime) else moment


def _message(entry: _Entry, found: dict[str, Event], notes: _Notes) -> None:
    """Note a proposal of another time on the event; other messages about events (RFC 5546 1.4) change nothing."""
    event = found.get(entry.id)
    if entry.method != "COUNTER" or event is None:
        kind = entry.method if entry.method in ("REPLY", "REFRESH", "COUNTER", "DECLINECOUNTER") else "unknown"
        notes.about(entry, f"a message about an event, not an event ({kind})")
        return
    rows = entry.people.attendees
    proposer = rows[0].address.casefold() if len(rows) == 1 else ""
    if proposer not in {row.address.casefold() for row in event.attendees}:
        notes.about(entry, "a proposal of another time, and it is not plain whose")
    elif entry.event.slot != event.slot:
        changed = tuple(_propose(row, proposer, entry.event.slot) for row in event.attendees)
        found[event.id] = replace(event, attendees=changed, sees=event.sees | {Capability.PROPOSALS})


def _propose(row: Attendee, proposer: str, at: Slot) -> Attendee:
    return replace(row, proposed=at) if row.address.casefold() == proposer else row


def _is_start(rules: Series, key: str) -> bool:
    """Say whether a series has an occurrence there. Rules too unusual to follow get the benefit of the doubt."""
    try:
        moment = moment_of_key(key)
        if moment is None or isinstance(moment, datetime) == rules.start.all_day:
            return False
        midnight = datetime(moment.year, moment.month, moment.day, tzinfo=UTC)
        return any(start.moment == moment for start in rules.starts(midnight + timedelta(days=1)))
    except Unreadable:
        return True
    except (ValueError, OverflowError):
        return False


def _occurrence(master: Event, event_id: str, start: Moment | None) -> Event:
    assert start is not None
    return replace(master, id=event_id, slot=master.slot.starting(start), original_start=start, recurrence=None)
