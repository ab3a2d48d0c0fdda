"""Mailboxes and their calendars as Exchange keeps them: what people do there, and what an event looks like after it.

A meeting has a key, by which tests name it (`m1`; an occurrence `m1@20260309T090000Z`). Every mailbox has a copy of
its own with an id of its own (`Mailbox.id`). The organiser's copy knows everybody's answers; an attendee's copy knows
its owner's alone.
"""

from __future__ import annotations

import base64
import hashlib
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from microsoft_calendar.service_values import (
    CUSTOM,
    NEVER,
    NONE,
    Json,
    Moment,
    dates,
    following,
    goid,
    instant,
    local_day,
    on_day,
    person,
    settled,
    short_stamp,
    stamp,
    tail,
    wire,
    zone_info,
)

Guest = str | tuple[str, str] | Mapping[str, object]

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
"""When an event begins for which nothing else was said: a Monday."""

BERLIN = "W. Europe Standard Time"
BODY = ("body", "bodyPreview")
"""What `Calendars.ReadBasic` does not show."""

_KINDS = {"required", "optional", "resource"}
_TAGS = re.compile(r"<[^>]*>")


@dataclass
class Row:
    """An attendee as the organiser's copy knows him; `time` is when he answered."""

    address: str
    name: str = ""
    type: str = "required"
    response: str = "none"
    time: datetime | None = None
    proposal: tuple[datetime, datetime] | None = None
    sentinel: str = NONE


@dataclass
class Copy:
    """One mailbox's copy of an event."""

    serial: int
    calendar: str = ""
    moves: int = 0
    gone: bool = False
    own: Json = field(default_factory=dict)
    change: int = 0
    modified: datetime | None = None


@dataclass
class Record:
    """An event, a series or an occurrence set apart; `called_off` are occurrences that were deleted in all copies."""

    key: str
    uid: str | None
    start: Moment
    end: Moment
    zone: str
    rules: ZoneInfo
    organizer: str
    created: datetime
    rows: list[Row] = field(default_factory=list)
    fields: Json = field(default_factory=dict)
    recurrence: Json | None = None
    master: str | None = None
    original: Moment | None = None
    cancelled: bool = False
    copies: dict[str, Copy] = field(default_factory=dict)
    raw: Json | None = None


@dataclass(frozen=True)
class Look:
    """How an event is asked for."""

    immutable: bool = True
    zone: str = "UTC"
    text: bool = False
    basic: bool = False
    closed: bool = False


class World:
    """All events and mailboxes of the service. Hold `lock` while reading or changing them."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.lock = threading.RLock()
        self.changes = 0
        self.serials = 0
        self.made = 0
        self.uids = 0
        self.records: dict[str, Record] = {}
        self.boxes: dict[str, Mailbox] = {}
        self.backwards = False

    # Reading

    def exceptions(self, series: str) -> list[Record]:
        return [record for record in self.records.values() if record.master == series]

    def open(self, key: str) -> Record:
        """Return a record; that of an occurrence which is as its series says is made, and not kept.

        Raises KeyError.
        """
        if key in self.records:
            return self.records[key]
        series, _, text = key.partition("@")
        master = self.records.get(series)
        if master is None or master.recurrence is None:
            raise KeyError(key)
        for original in starts(master, _day_of(text) + timedelta(days=2)):
            if tail(original) == text:
                return occurrence(master, original)
        raise KeyError(key)

    def occurrences(self, master: Record, last: datetime) -> Iterator[Record]:
        """Yield the dates of a series that begin before `last` or stand apart, called off or not."""
        apart = {record.key: record for record in self.exceptions(master.key)}
        for original in starts(master, last.date() + timedelta(days=1)):
            key = f"{master.key}@{tail(original)}"
            if key not in apart:
                yield occurrence(master, original)
        yield from apart.values()

    def shown(self, record: Record, box: Mailbox) -> bool:
        """Tell whether a record is in a mailbox: what the organiser cancels stays with the attendees."""
        copy = record.copies.get(box.address)
        return copy is not None and not copy.gone and not (record.cancelled and self.owns(record, box))

    def owns(self, record: Record, box: Mailbox) -> bool:
        return record.organizer == box.address

    # Changing

    def keep(self, record: Record) -> Record:
        self.records[record.key] = record
        return record

    def changed(self, record: Record, *only: str) -> None:
        """Note a change of a record in all its copies, or in those of some mailboxes only."""
        self.changes += 1
        for name, copy in record.copies.items():
            if not only or name in only:
                copy.change, copy.modified = self.changes, self.now()

    def copy(self, box: str) -> Copy:
        self.serials += 1
        return Copy(self.serials, self.boxes[box].calendar)

    def new_key(self) -> str:
        self.made += 1
        return f"m{self.made}"

    def new_uid(self) -> str:
        self.uids += 1  # one that was given a key has a UID of its own, too
        digest = hashlib.sha256(f"meeting {self.uids}".encode()).digest()
        return goid(digest[:16])


class Mailbox:
    """An account's mailbox. Every method that takes a key takes an occurrence's too (`instance`).

    All copies of a meeting change together, whichever mailbox's method is called, as its organiser's act would change
    them; `remove`, `only_here`, `move_to` and `put_raw` concern this mailbox alone.
    """

    def __init__(self, world: World, address: str, zone: str = BERLIN) -> None:
        self._world = world
        self.address = address
        self.zone = zone
        self.calendar = "Calendar"
        self.calendars: list[str] = ["Calendar"]
        self.shared: dict[str, str] = {}

    # What people do

    def add(
        self,
        subject: str = "Sample meeting",
        start: Moment = START,
        end: Moment | None = None,
        *,
        attendees: Iterable[Guest] = (),
        recurrence: Mapping[str, Json] | None = None,
        organizer: str | None = None,
        zone: str | None = None,
        rules: str | None = None,
        key: str | None = None,
        uid: str | None = "",
        created: datetime | None = None,
        invite: bool = True,
        join_url: str | None = None,
        **fields: object,
    ) -> str:
        """Add an event and return its key.

        start, end   aware, or dates for whole days; the end is an hour or a day later unless given
        attendees    addresses, `(address, response)` answered now, or rows `{"address", "type", "response", "time",
                     "name"}`; the organiser is not among them unless named
        recurrence   `weekly(...)` and the others of `service_values`
        organizer    this mailbox unless given; one that has no mailbox here leaves the attendees' copies alone
        zone         a Windows or IANA name, or `CUSTOM`, which keeps to `rules` (a name, or else the mailbox's zone)
        uid          a Global Object Id as of a series; `wrapped("a@google.com")` for one organised elsewhere; None
        invite       put copies into the mailboxes of guests and organiser, where the service has these
        fields       further fields of the event resource, by Graph's names: `isDraft=True`, `showAs="free"`, ...
        """
        with self._world.lock:
            zone = zone or self.zone
            clock = zone_info(rules or (self.zone if zone == CUSTOM else zone))
            key = key or self._world.new_key()
            if key in self._world.records or "@" in key:
                raise ValueError(f"no key of a new event: {key}")
            record = Record(
                key,
                self._world.new_uid() if uid == "" else uid,
                start,
                end or start + _usual(start),
                zone,
                clock,
                organizer or self.address,
                created or self._world.now(),
                [_row(each, self._world.now()) for each in attendees],
                {"subject": subject, **_online(join_url), **deepcopy(fields)},
                settled(recurrence, local_day(start, clock), zone) if recurrence else None,
            )
            named = [record.organizer, *(row.address for row in record.rows)] if invite else []
            draft = bool(record.fields.get("isDraft"))
            boxes = [self.address] if draft else list(dict.fromkeys([self.address, *named]))
            record.copies = {box: self._world.copy(box) for box in boxes if box in self._world.boxes}
            self._world.keep(record)
            self._world.changed(record)
            return key

    def move(
        self,
        key: str,
        start: Moment,
        end: Moment | None = None,
        *,
        zone: str | None = None,
        reset_answers: bool = True,
        recurrence: Mapping[str, Json] | None = None,
    ) -> None:
        """Move an event, a series or an occurrence; it stays as long as it was unless `end` is given.

        Answers turn to `notResponded` with a time that is none, and proposals vanish, unless `reset_answers` is False
        (then proposals alone vanish). A series forgets what stood apart from it and takes its day from the new start.
        """
        with self._world.lock:
            record = self._open(key)
            same = isinstance(start, datetime) == isinstance(record.start, datetime)
            record.end = end or start + (_length(record) if same else _usual(start))
            record.start = start
            if zone:
                record.zone, record.rules = zone, record.rules if zone == CUSTOM else zone_info(zone)
            for row in record.rows:
                row.proposal = None
                if reset_answers and row.response != "organizer":
                    row.response, row.time, row.sentinel = "notResponded", None, NEVER
            if record.recurrence is not None:
                day = local_day(start, record.rules)
                record.recurrence = (
                    settled(recurrence, day, record.zone) if recurrence else following(record.recurrence, day)
                )
                self._forget_apart(key)
            self._world.changed(record)

    def answer(self, key: str, who: str, response: str = "accepted", at: datetime | None = None) -> None:
        """Answer as a guest, now or at another time: `accepted`, `declined`, `tentativelyAccepted`, `notResponded`."""
        with self._world.lock:
            record = self._open(key)
            for each in [record, *(self._world.exceptions(key) if record.recurrence else ())]:
                row = _find(each, who)
                row.response, row.time, row.proposal = response, at or self._world.now(), None
                self._world.changed(each)

    def propose(
        self,
        key: str,
        who: str,
        start: datetime,
        end: datetime | None = None,
        *,
        response: str = "tentativelyAccepted",
        at: datetime | None = None,
    ) -> None:
        """Propose a new time as a guest, with an answer; the organiser's copy alone shows it, until a move."""
        with self._world.lock:
            record = self._open(key)
            length = _length(record)
            row = _find(record, who)
            row.response, row.time = response, at or self._world.now()
            row.proposal = (start, end or start + length)
            self._world.changed(record)

    def invite(self, key: str, who: str, type: str = "required", **row: object) -> None:  # noqa: A002 # Graph's name
        """Add a person; one who has a mailbox here gets a copy, of the occurrence alone if it is one."""
        with self._world.lock:
            record = self._open(key)
            for each in [record, *(self._world.exceptions(key) if record.recurrence else ())]:
                each.rows.append(_row({"address": who, "type": type, **row}, self._world.now()))
                if who in self._world.boxes:
                    each.copies[who] = self._world.copy(who)
                self._world.changed(each)

    def uninvite(self, key: str, who: str) -> None:
        """Take a person off the list; the own copy, if any, stays as a cancelled one."""
        with self._world.lock:
            record = self._open(key)
            for each in [record, *(self._world.exceptions(key) if record.recurrence else ())]:
                each.rows = [row for row in each.rows if row.address != who]
                if who in each.copies:
                    each.copies[who].own |= {"isCancelled": True, "showAs": "free"}
                self._world.changed(each)

    def change(self, key: str, **fields: object) -> None:
        """Set fields of the event resource in all copies, by Graph's names; None is sent as null."""
        with self._world.lock:
            record = self._open(key)
            record.fields |= deepcopy(fields)
            self._world.changed(record)

    def touch(self, key: str) -> None:
        """Change nothing but `changeKey` and `lastModifiedDateTime`, as the server itself does at times."""
        with self._world.lock:
            self._world.changed(self._open(key))

    def make_private(self, key: str, sensitivity: str = "private") -> None:
        """Set the sensitivity: `private`, `personal` or `confidential`."""
        self.change(key, sensitivity=sensitivity)

    def send(self, key: str) -> None:
        """Send a draft: it is one no more, and the guests get their copies."""
        with self._world.lock:
            record = self._open(key)
            record.fields["isDraft"] = False
            for row in record.rows:
                if row.address in self._world.boxes and row.address not in record.copies:
                    record.copies[row.address] = self._world.copy(row.address)
            self._world.changed(record)

    def cancel(self, key: str) -> None:
        """Cancel an event, a series or an occurrence as its organiser.

        The organiser's copy is gone; those of the attendees stay with `isCancelled`, a subject that says so, and free.
        """
        with self._world.lock:
            record = self._open(key)
            for each in [record, *(self._world.exceptions(key) if record.recurrence else ())]:
                each.cancelled = True
                self._world.changed(each)

    def delete_series(self, series: str) -> None:
        """Cancel a series with everything set apart from it."""
        self.cancel(series)

    def remove(self, key: str) -> None:
        """Remove the copy of this mailbox alone, or its copy of an occurrence."""
        with self._world.lock:
            record = self._open(key)
            record.copies[self.address].gone = True
            self._world.changed(record, self.address)

    def clear(self, key: str) -> None:
        """Remove the copies of all attendees: of what was cancelled nothing is left."""
        with self._world.lock:
            record = self._open(key)
            for box, copy in record.copies.items():
                copy.gone = copy.gone or box != record.organizer

    def restore(self, key: str) -> None:
        """Bring back what was cancelled or removed."""
        with self._world.lock:
            record = self._world.records[key]
            for each in [record, *self._world.exceptions(key)]:
                each.cancelled = False
                for copy in each.copies.values():
                    copy.gone = False
                self._world.changed(each)

    # Occurrences of a series

    def instance(self, series: str, original: Moment) -> str:
        """Return the key of the occurrence that a series has, or had before it was moved, at `original`.

        Raises ValueError where it has none.
        """
        key = f"{series}@{tail(original)}"
        try:
            return self._world.open(key).key
        except KeyError:
            raise ValueError(f"no occurrence at {original}") from None

    def move_instance(self, series: str, original: Moment, start: Moment, end: Moment | None = None) -> str:
        """Move one occurrence, which makes it an exception, and return its key."""
        key = self.instance(series, original)
        self.move(key, start, end)
        return key

    def cancel_instance(self, series: str, original: Moment) -> str:
        """Cancel one occurrence and return its key.

        The organiser's copy of the series names it in `cancelledOccurrences`; with the attendees an exception stays
        that has `isCancelled`, until they `remove` it or `clear` is called.
        """
        key = self.instance(series, original)
        self.cancel(key)
        return key

    def split(
        self,
        series: str,
        at: Moment,
        start: Moment | None = None,
        end: Moment | None = None,
        *,
        recurrence: Mapping[str, Json] | None = None,
        **fields: object,
    ) -> str:
        """Change "this and following" from the occurrence at `at` on, and return the key of the new series.

        The old one ends the day before; the new one, with a fresh UID, begins at `start` (or at `at`), with nobody's
        answer yet. What stood apart from the old one after the cut is forgotten.
        """
        with self._world.lock:
            old = self._world.records[series]
            self.instance(series, at)
            assert old.recurrence is not None
            day, begin = local_day(at, old.rules), start or at
            passed = sum(1 for each in dates(old.recurrence, day) if each < day)
            rest: Json = deepcopy(dict(recurrence or old.recurrence))
            if not recurrence and rest["range"]["type"] == "numbered":
                rest["range"]["numberOfOccurrences"] -= passed
            stop = {"type": "endDate", "endDate": (day - timedelta(days=1)).isoformat(), "numberOfOccurrences": 0}
            old.recurrence = {**old.recurrence, "range": old.recurrence["range"] | stop}
            self._forget_apart(series, at)
            self._world.changed(old)
            key = self._world.new_key()
            new = replace(
                old,
                key=key,
                uid=self._world.new_uid(),
                start=begin,
                end=end or begin + _length(old),
                recurrence=following(settled(rest, local_day(begin, old.rules), old.zone), local_day(begin, old.rules))
                if not recurrence
                else settled(rest, local_day(begin, old.rules), old.zone),
                rows=[Row(row.address, row.name, row.type) for row in old.rows],
                fields=deepcopy(old.fields) | deepcopy(fields),
                created=self._world.now(),
                copies={box: self._world.copy(box) for box, copy in old.copies.items() if not copy.gone},
            )
            self._world.changed(self._world.keep(new))
            return key

    # This mailbox alone

    def only_here(self, key: str, **fields: object) -> None:
        """Set fields in this mailbox's copy alone, by Graph's names."""
        with self._world.lock:
            record = self._open(key)
            record.copies[self.address].own |= deepcopy(fields)
            self._world.changed(record, self.address)

    def put_raw(self, item: Mapping[str, object], start: Moment = START) -> str:
        """Add or replace an item that is sent exactly as it is, right or wrong, and return its id.

        `start` decides about windows. An item with the id of an event of this mailbox stands for that event.
        """
        with self._world.lock:
            known = self._world_key(str(item["id"]))
            if known:
                record = self._open(known)
            else:
                key = self._world.new_key()
                record = Record(
                    key, None, start, start, self.zone, zone_info(self.zone), self.address, self._world.now()
                )
                record.copies = {self.address: self._world.copy(self.address)}
                self._world.keep(record)
            record.raw = deepcopy(dict(item))
            self._world.changed(record)
            return str(item["id"])

    def add_calendar(self, name: str = "Team") -> str:
        """Make a further calendar and return its id; events get there by `move_to`."""
        self.calendars.append(name)
        return self.calendar_id(name)

    def move_to(self, key: str, calendar: str) -> None:
        """Move the copy of this mailbox to another of its calendars, by name: the id that is not immutable changes."""
        if calendar not in self.calendars:
            raise ValueError(f"no calendar {calendar}")
        with self._world.lock:
            record = self._open(key)
            copy = record.copies[self.address]
            copy.calendar, copy.moves = calendar, copy.moves + 1
            self._world.changed(record, self.address)

    def share(self, with_whom: str, role: str = "read") -> None:
        """Let somebody see the default calendar: `read`, or `delegate`, who sees private events too."""
        self.shared[with_whom] = role

    def unshare(self, with_whom: str) -> None:
        """Take the sight of the calendar away."""
        del self.shared[with_whom]

    # Reading, for tests

    def id(self, key: str, *, immutable: bool = True) -> str:
        """Return the id of an event in this mailbox."""
        with self._world.lock:
            return self.event_id(self._world.open(key), immutable=immutable)

    def item(self, key: str, look: Look | None = None) -> Json:
        """Return an event as the owner of this mailbox would get it: immutable ids, UTC, html."""
        with self._world.lock:
            return self.view(self._world.open(key), look or Look())

    def keys(self) -> list[str]:
        """Return the keys of everything that this mailbox shows, series once, without plain occurrences."""
        with self._world.lock:
            return [key for key, record in self._world.records.items() if self._world.shown(record, self)]

    # What the service asks; the lock is held

    def calendar_id(self, name: str) -> str:
        return _opaque(b"calendar", self.address, self.calendars.index(name), 0, 0)

    def event_id(self, record: Record, *, immutable: bool) -> str:
        if record.raw is not None and "id" in record.raw:
            return str(record.raw["id"])
        root = self._root(record)
        copy = root.copies[self.address]
        alone = root is record or record.original is None
        day = 0 if alone else local_day(record.original or record.start, record.rules).toordinal()
        return _opaque(
            b"immutable" if immutable else b"mutable", self.address, copy.serial, 0 if immutable else copy.moves, day
        )

    def find(self, event_id: str) -> Record | None:
        """Return what this mailbox shows under an id; it may be of either kind."""
        key = self._world_key(event_id)
        record = self._world.open(key) if key else None
        return record if record and self._world.shown(record, self) and self._still(record) else None

    def events(self, calendar: str | None = None) -> list[Record]:
        """Return the series and single events of a calendar, the default one unless told."""
        wanted = calendar or self.calendar
        found = [
            record
            for record in self._world.records.values()
            if self._world.shown(record, self)
            and record.copies[self.address].calendar == wanted
            and (record.master is None or self._root(record) is record)
        ]
        return found[::-1] if self._world.backwards else found

    def between(self, begin: datetime, end: datetime, calendar: str | None = None) -> list[Record]:
        """Return single events and occurrences that overlap a time, in the order of their starts."""
        found = [
            record
            for event in self.events(calendar)
            for record in (self.instances(event, begin, end) if event.recurrence else [event])
            if instant(record.start, record.rules) < end
            and (instant(record.end, record.rules) > begin or instant(record.start, record.rules) >= begin)
        ]
        found.sort(key=lambda record: (instant(record.start, record.rules), record.key))
        return found[::-1] if self._world.backwards else found

    def instances(self, master: Record, begin: datetime, end: datetime) -> list[Record]:
        """Return the occurrences of a series that overlap a time."""
        return [
            record
            for record in self._world.occurrences(master, end)
            if self._world.shown(record, self)
            and instant(record.start, record.rules) < end
            and instant(record.end, record.rules) > begin
        ]

    def called_off(self, master: Record) -> list[str]:
        """Return the ids of occurrences that were deleted from this mailbox's copy of a series."""
        return [
            self.occurrence_id(record)
            for record in self._world.exceptions(master.key)
            if self.address in record.copies and not self._world.shown(record, self)
        ]

    def apart(self, master: Record) -> list[Record]:
        """Return the exceptions of a series that this mailbox shows."""
        return [record for record in self._world.exceptions(master.key) if self._world.shown(record, self)]

    def occurrence_id(self, record: Record) -> str:
        master = self.event_id(self._world.records[str(record.master)], immutable=True)
        return f"OID.{master}.{local_day(record.original or record.start, record.rules).isoformat()}"

    def view(self, record: Record, look: Look) -> Json:
        """Return an event as this mailbox's copy of it is sent."""
        if record.raw is not None:
            return deepcopy(record.raw)
        copy = record.copies[self.address]
        item = self._head(record, copy, look) | self._times(record, look) | self._people(record, look)
        if record.fields.get("hideAttendees") and not self._world.owns(record, self):
            item["attendees"] = [row for row in item["attendees"] if row["emailAddress"]["address"] == self.address]
        item |= deepcopy(record.fields) | self._cancelled(record) | deepcopy(copy.own)
        item |= _body(item, text=look.text)
        if look.closed and item["sensitivity"] in {"private", "confidential"}:
            item |= {"subject": "Private Appointment", "attendees": [], "location": {}, "locations": []}
            item |= _body({}, text=look.text)
        return {name: value for name, value in item.items() if not (look.basic and name in BODY)}

    # Inside

    def _open(self, key: str) -> Record:
        """Return a record; an occurrence is set apart from its series for it."""
        return self._world.keep(self._world.open(key))

    def _forget_apart(self, series: str, since: Moment | None = None) -> None:
        for record in self._world.exceptions(series):
            original = record.original or record.start
            if since is None or instant(original, record.rules) >= instant(since, record.rules):
                del self._world.records[record.key]

    def _root(self, record: Record) -> Record:
        """Return the series of an occurrence, if this mailbox has that too; else the record itself."""
        master = self._world.records.get(record.master or "")
        mine = master is not None and self.address in master.copies
        return master if master is not None and mine else record

    def _world_key(self, event_id: str) -> str | None:
        try:
            kind, moves, serial, day = _clear(event_id, self.address)
        except ValueError:
            return next(
                (key for key, each in self._world.records.items() if (each.raw or {}).get("id") == event_id), None
            )
        for record in list(self._world.records.values()):
            copy = record.copies.get(self.address)
            if copy is None or copy.serial != serial or (kind == b"m" and copy.moves != moves):
                continue
            if not day:
                return record.key
            for each in self._world.occurrences(record, datetime.combine(date.fromordinal(day), time(), UTC)):
                if local_day(each.original or each.start, each.rules).toordinal() == day:
                    return each.key
        return None

    def _still(self, record: Record) -> bool:
        """Tell whether the series of an occurrence is still there."""
        return self._world.shown(self._root(record), self)

    def _head(self, record: Record, copy: Copy, look: Look) -> Json:
        event_id = self.event_id(record, immutable=look.immutable)
        mutable = self.event_id(record, immutable=False)
        key = base64.b64encode(hashlib.sha256(f"{copy.serial} {copy.change}".encode()).digest()[:16]).decode()
        return {
            "@odata.etag": f'W/"{key}"',
            "id": event_id,
            "createdDateTime": stamp(record.created),
            "lastModifiedDateTime": stamp(copy.modified or record.created),
            "changeKey": key,
            "categories": [],
            "transactionId": None,
            "originalStartTimeZone": record.zone,
            "originalEndTimeZone": record.zone,
            "iCalUId": self._ical_uid(record),
            "reminderMinutesBeforeStart": 15,
            "isReminderOn": True,
            "hasAttachments": False,
            "subject": "",
            "bodyPreview": "",
            "importance": "normal",
            "sensitivity": "normal",
            "isAllDay": not isinstance(record.start, datetime),
            "isCancelled": False,
            "isOrganizer": self._world.owns(record, self),
            "responseRequested": True,
            "seriesMasterId": None,
            "showAs": self._busy(record),
            "type": "seriesMaster" if record.recurrence else "singleInstance",
            "webLink": f"https://outlook.service.example/owa/?itemid={mutable}&exvsurl=1&path=/calendar/item",
            "onlineMeetingUrl": None,
            "isOnlineMeeting": False,
            "onlineMeetingProvider": "unknown",
            "allowNewTimeProposals": True,
            "isDraft": False,
            "hideAttendees": False,
            "onlineMeeting": None,
            "location": {"displayName": "", "locationType": "default", "uniqueIdType": "unknown"},
            "locations": [],
            "recurrence": deepcopy(record.recurrence),
        } | self._belongs(record, look)

    def _belongs(self, record: Record, look: Look) -> Json:
        """Return what an occurrence says of its series; to whoever was invited to it alone it is a single event."""
        root = self._root(record)
        if root is record:
            return {}
        return {
            "type": "exception" if record.key in self._world.records else "occurrence",
            "seriesMasterId": self.event_id(root, immutable=look.immutable),
            "originalStart": short_stamp(instant(record.original or record.start, record.rules)),
            "occurrenceId": f"OID.{self.event_id(root, immutable=look.immutable)}."
            f"{local_day(record.original or record.start, record.rules).isoformat()}",
        }

    def _ical_uid(self, record: Record) -> str | None:
        if record.uid is None:
            return None
        return on_day(record.uid, local_day(record.original, record.rules) if record.original else None)

    def _times(self, record: Record, look: Look) -> Json:
        return {
            "start": wire(record.start, record.rules, look.zone),
            "end": wire(record.end, record.rules, look.zone),
        }

    def _people(self, record: Record, look: Look) -> Json:
        mine = self._world.owns(record, self)
        own = next((row for row in record.rows if row.address == self.address), None)
        return {
            "organizer": {"emailAddress": person(record.organizer)},
            "attendees": [_attendee(row, look.zone, whole=mine) for row in record.rows],
            "responseStatus": {"response": "organizer", "time": NONE} if mine else _status(own or Row(self.address)),
        }

    def _busy(self, record: Record) -> str:
        own = next((row for row in record.rows if row.address == self.address), None)
        if not isinstance(record.start, datetime):
            return "free"
        if self._world.owns(record, self) or own is None or own.response == "accepted":
            return "busy"
        return "free" if own.response == "declined" else "tentative"

    def _cancelled(self, record: Record) -> Json:
        if not record.cancelled:
            return {}
        subject = record.fields.get("subject", "")
        return {"isCancelled": True, "subject": f"Canceled: {subject}", "showAs": "free"}


# Values


def occurrence(master: Record, original: Moment) -> Record:
    """Return one occurrence of a series as its series has it."""
    return replace(
        master,
        key=f"{master.key}@{tail(original)}",
        start=original,
        end=original + _length(master),
        rows=deepcopy(master.rows),
        fields=deepcopy(master.fields),
        recurrence=None,
        master=master.key,
        original=original,
        copies={box: replace(copy, own=deepcopy(copy.own)) for box, copy in master.copies.items()},
        raw=None,
    )


def starts(master: Record, last: date) -> Iterator[Moment]:
    """Yield the starts of a series up to a day, by the wall clock of its zone."""
    assert master.recurrence is not None
    clock = master.start.astimezone(master.rules).time() if isinstance(master.start, datetime) else None
    for day in dates(master.recurrence, last):
        yield datetime.combine(day, clock, master.rules).astimezone(UTC) if clock else day


def _length(record: Record) -> timedelta:
    """Return how long an event is: of whole days, how many, as a day may have 23 hours."""
    start, end = record.start, record.end
    if isinstance(start, datetime) and isinstance(end, datetime):
        return end - start
    return timedelta(days=local_day(end, record.rules).toordinal() - local_day(start, record.rules).toordinal())


def _usual(start: Moment) -> timedelta:
    return timedelta(hours=1) if isinstance(start, datetime) else timedelta(days=1)


def _day_of(text: str) -> date:
    try:
        return datetime.strptime(text[:8], "%Y%m%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise KeyError(text) from None


def _row(guest: Guest, now: datetime) -> Row:
    if isinstance(guest, str):
        return Row(guest)
    if isinstance(guest, tuple):
        address, response = guest
        return Row(address, response=response, time=now if response in _ANSWERS else None)
    row = Row(**dict(guest))  # type: ignore[arg-type]
    if row.type not in _KINDS:
        raise ValueError(f"no type of attendee: {row.type}")
    return row


_ANSWERS = {"accepted", "declined", "tentativelyAccepted"}


def _find(record: Record, who: str) -> Row:
    for row in record.rows:
        if row.address == who:
            return row
    raise KeyError(who)


def _status(row: Row) -> Json:
    return {"response": row.response, "time": stamp(row.time) if row.time else row.sentinel}


def _attendee(row: Row, zone: str, *, whole: bool) -> Json:
    known = row if whole else Row(row.address, response="organizer" if row.response == "organizer" else "none")
    item: Json = {"type": row.type, "status": _status(known), "emailAddress": person(row.address, row.name)}
    if row.proposal and whole:
        begin, end = row.proposal
        item["proposedNewTime"] = {
            "start": wire(begin, zone_info("UTC"), zone),
            "end": wire(end, zone_info("UTC"), zone),
        }
    return item


def _online(join_url: str | None) -> Json:
    if join_url is None:
        return {}
    return {
        "isOnlineMeeting": True,
        "onlineMeetingProvider": "teamsForBusiness",
        "onlineMeeting": {"joinUrl": join_url},
    }


def _body(item: Json, *, text: bool) -> Json:
    """Write the body, which may be given as html text or as Graph has it, in the kind that was asked for."""
    given = item.get("body") or ""
    content = given if isinstance(given, str) else str(given.get("content", ""))
    plain = _TAGS.sub("", content)
    body = {"contentType": "text", "content": plain} if text else {"contentType": "html", "content": content}
    return {"body": body, "bodyPreview": plain[:255]}


def _opaque(kind: bytes, address: str, serial: int, moves: int, day: int) -> str:
    """Make an id: long, case-sensitive, of the letters of base64 for addresses."""
    where = hashlib.sha256(address.encode()).digest()[:24]
    numbers = moves.to_bytes(2, "big") + serial.to_bytes(4, "big") + day.to_bytes(4, "big")
    return "AAMk" + base64.urlsafe_b64encode(where + kind[:1] + numbers).decode()


def _clear(event_id: str, address: str) -> tuple[bytes, int, int, int]:
    """Read an id of a mailbox: its kind, the moves, the copy and the day. Raises ValueError for any other."""
    raw = base64.urlsafe_b64decode(event_id.removeprefix("AAMk"))
    if len(raw) != 35 or raw[:24] != hashlib.sha256(address.encode()).digest()[:24] or raw[24:25] not in {b"i", b"m"}:
        raise ValueError(event_id)
    return raw[24:25], *(int.from_bytes(raw[a:b], "big") for a, b in ((25, 27), (27, 31), (31, 35)))  # type: ignore[return-value]
