"""Mailboxes and their calendars as Google keeps them: what people do there, and what an event looks like after it.

An event exists once, however many calendars hold a copy of it: what the organiser changes and what guests answer
stands in every copy at once. A copy knows whose it is (`self`), what it may see, and whether it was removed there.
"""

from __future__ import annotations

import base64
import hashlib
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import rruleset, rrulestr

Json = dict[str, Any]
Moment = datetime | date
Guest = str | Mapping[str, object]

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
"""When an event begins for which nothing else was said: a Monday."""

ROLES = ("freeBusyReader", "reader", "writerWithoutPrivateAccess", "writer", "owner")
MOST_OCCURRENCES = 5000

_TAIL = re.compile(r"_(\d{8}T\d{6}Z|\d{8})$")
_SPLIT = re.compile(r"_R\d{8}(?:T\d{6})?$")
_WITHOUT_DETAILS = frozenset(
    "kind etag id status updated start end recurrence recurringEventId originalStartTime iCalUID eventType transparency"
    " visibility".split()
)


@dataclass
class Copy:
    """One calendar's copy of an event; `change` numbers its latest change."""

    change: int = 0
    gone: bool = False
    own: Json = field(default_factory=dict)


@dataclass
class Record:
    """An event, a series or an occurrence set apart, as every copy shares it; `raw` is sent exactly as it is."""

    item: Json
    copies: dict[str, Copy]
    raw: bool = False
    bare: bool = False

    @property
    def master(self) -> str | None:
        return self.item.get("recurringEventId")

    @property
    def cancelled(self) -> bool:
        return bool(self.item.get("status") == "cancelled")


class World:
    """All events and calendars of the service. Hold `lock` while reading or changing them."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.lock = threading.RLock()
        self.changes = 0
        self.made = 0
        self.records: dict[str, Record] = {}
        self.agendas: dict[str, Agenda] = {}
        self.resend_series = True

    def exceptions(self, master: str) -> list[Record]:
        return [record for record in self.records.values() if record.master == master]

    def family(self, record: Record) -> list[Record]:
        """Return the series with everything set apart from it: they share `updated` and etag, and come together."""
        if record.master is None and "recurrence" not in record.item:
            return []
        root = record.master or record.item["id"]
        head = self.records.get(root)
        return ([head] if head and not head.cancelled else []) + self.exceptions(root)

    def changed(self, record: Record, *only: str) -> None:
        """Note a change of a record in all its copies, or in those of some calendars only."""
        self.changes += 1
        relatives = self.family(record) if self.resend_series and not only else []
        for each in [record, *(relative for relative in relatives if relative is not record)]:
            if not each.raw:
                self._stamp(each)
            for name, copy in each.copies.items():
                if not only or name in only:
                    copy.change = self.changes

    def _stamp(self, record: Record) -> None:
        now = self.now()
        record.item["updated"] = stamp(now)
        record.item["etag"] = f'"{int(now.timestamp() * 2_000_000) + self.changes}"'

    def new_id(self) -> str:
        self.made += 1
        digest = hashlib.sha256(f"event {self.made}".encode()).digest()
        return base64.b32hexencode(digest).decode().lower()[:26]

    def people(self, emails: Iterable[str]) -> list[str]:
        return [email for email in emails if isinstance(self.agendas.get(email), Mailbox)]

    def view(self, record: Record, agenda: Agenda, role: str = "owner") -> Json:
        """Return an event as a calendar's copy of it is sent to somebody with this role there."""
        copy, item = record.copies[agenda.id], deepcopy(record.item)
        if record.raw:
            return item
        organiser = item.get("organizer", {}).get("email") == agenda.id
        if copy.gone or (record.cancelled and (record.bare or not organiser or record.master is not None)):
            return _stub(item)
        item |= deepcopy(copy.own)
        _hide_guests(item, agenda.id, organiser)
        for row in (item.get("organizer"), item.get("creator"), *item.get("attendees", ())):
            if row and row.get("email") == agenda.id:
                row["self"] = True
        closed = item.get("visibility") in {"private", "confidential"} and ROLES.index(role) < ROLES.index("writer")
        return _busy(item) if closed or role == "freeBusyReader" else item


def _stub(item: Json) -> Json:
    kept = ("kind", "etag", "id", "status", "recurringEventId", "originalStartTime")
    return {name: item[name] for name in kept if name in item} | {"status": "cancelled"}


def _hide_guests(item: Json, viewer: str, organiser: bool) -> None:
    if organiser or item.get("guestsCanSeeOtherGuests", True) or "attendees" not in item:
        return
    item["attendees"] = [row for row in item["attendees"] if row.get("email") == viewer]
    item.setdefault("attendeesOmitted", True)


def _busy(item: Json) -> Json:
    return {name: value for name, value in item.items() if name in _WITHOUT_DETAILS} | {"visibility": "private"}


class Agenda:
    """One calendar. Every method that takes an event id takes an occurrence's id too (`instance`).

    All copies of an event change together, whichever calendar's method is called; `remove`, `only_here` and
    `put_raw` concern this calendar alone.
    """

    def __init__(self, world: World, calendar_id: str, owner: str, summary: str, zone: str) -> None:
        self._world = world
        self.id = calendar_id
        self.owner = owner
        self.summary = summary
        self.zone = zone
        self.roles: dict[str, str] = {owner: "owner"}
        self.hidden = False

    # What people do

    def add(
        self,
        summary: str = "Sample meeting",
        start: Moment = START,
        end: Moment | None = None,
        *,
        attendees: Iterable[Guest] = (),
        recurrence: str | Iterable[str] = (),
        organizer: str | None = None,
        creator: str | None = None,
        zone: str | None = None,
        event_id: str | None = None,
        uid: str | None = None,
        created: datetime | None = None,
        invite: bool = True,
        **fields: object,
    ) -> str:
        """Add an event and return its id.

        start, end   aware, or dates for whole days; the end is an hour or a day later unless given
        attendees    addresses (`needsAction`), or rows as Google has them; the organiser's row comes by itself
        recurrence   RRULE, RDATE and EXDATE lines
        organizer    this calendar unless given
        invite       put copies into the mailboxes of guests and organiser, where the service has these
        fields       further fields of the event resource, by Google's names
        """
        with self._world.lock:
            event_id = event_id or self._world.new_id()
            if event_id in self._world.records:
                raise ValueError(f"there is an event {event_id}")
            host = organizer or self.id
            rows = _rows(host, attendees)
            item: Json = {
                "kind": "calendar#event",
                "id": event_id,
                "status": "confirmed",
                "htmlLink": f"https://calendar.service.example/event?eid={event_id}",
                "created": stamp(created or self._world.now()),
                "summary": summary,
                "creator": {"email": creator or (self.owner if host == self.id else host)},
                "organizer": self._organizer(host),
                "iCalUID": uid or f"{event_id}@google.com",
                "sequence": 0,
                "reminders": {"useDefault": True},
                "eventType": "default",
            }
            item |= times(start, end, zone or self.zone)
            item |= {"attendees": rows} if rows else {}
            lines = [recurrence] if isinstance(recurrence, str) else list(recurrence)
            item |= {"recurrence": lines} if lines else {}
            item |= deepcopy(fields)
            guests = self._world.people([host, *(row["email"] for row in rows)]) if invite else []
            record = Record(item, {name: Copy() for name in (self.id, *guests)})
            self._world.records[event_id] = record
            self._world.changed(record)
            return event_id

    def move(
        self,
        event_id: str,
        start: Moment,
        end: Moment | None = None,
        *,
        zone: str | None = None,
        reset_answers: bool = False,
    ) -> None:
        """Move an event, a series or an occurrence; it stays as long as it was unless `end` is given.

        A series forgets the occurrences that stood apart, as they belong to times that it no longer has.
        """
        with self._world.lock:
            record = self._open(event_id)
            item = record.item
            end = end or start + (moment(item["end"]) - moment(item["start"]))
            item |= times(start, end, zone or item["start"].get("timeZone") or self.zone)
            item["sequence"] = item.get("sequence", 0) + 1
            for row in item.get("attendees", ()) if reset_answers else ():
                if not row.get("organizer"):
                    row["responseStatus"] = "needsAction"
            self._call_off(self._world.exceptions(event_id))
            self._world.changed(record)

    def answer(self, event_id: str, who: str, response: str = "accepted", **row: object) -> None:
        """Answer as a guest: `accepted`, `declined`, `tentative` or `needsAction`; `row` sets more of the row."""
        with self._world.lock:
            record = self._open(event_id)
            rows = {row["email"]: row for row in record.item.get("attendees", ())}
            rows[who] |= {"responseStatus": response, **row}
            self._world.changed(record)

    def invite(self, event_id: str, who: str, response: str = "needsAction", **row: object) -> None:
        """Add a person; one who has a mailbox here gets a copy, of the occurrence alone if it is one."""
        with self._world.lock:
            record = self._open(event_id)
            rows = record.item.get("attendees") or _rows(record.item["organizer"]["email"], ())
            record.item["attendees"] = [*rows, {"email": who, "responseStatus": response, **row}]
            for name in self._world.people([who]):
                record.copies[name] = Copy()
            self._world.changed(record)

    def uninvite(self, event_id: str, who: str) -> None:
        """Take a person off the list; the own copy, if any, turns into a bare cancelled one."""
        with self._world.lock:
            record = self._open(event_id)
            record.item["attendees"] = [row for row in record.item["attendees"] if row["email"] != who]
            if who in record.copies:
                record.copies[who].gone = True
            self._world.changed(record)

    def change(self, event_id: str, **fields: object) -> None:
        """Set fields of the event resource by Google's names; None takes one away."""
        with self._world.lock:
            record = self._open(event_id)
            record.item |= deepcopy(fields)
            for name in [name for name, value in fields.items() if value is None]:
                del record.item[name]
            self._world.changed(record)

    def touch(self, event_id: str) -> None:
        """Change nothing but the description (and with it `updated` and the etag)."""
        self.change(event_id, description=f"Sample note {self._world.changes + 1}")

    def make_private(self, event_id: str) -> None:
        """Set the visibility to private."""
        self.change(event_id, visibility="private")

    def cancel(self, event_id: str, *, bare: bool = False) -> None:
        """Cancel an event, a series or an occurrence for everybody.

        Guests' copies and occurrences turn bare (id, status, kind, etag; of an occurrence also whose it is and its
        original start); the organiser's copy keeps its details unless `bare`.
        """
        with self._world.lock:
            record = self._open(event_id)
            for exception in self._world.exceptions(event_id):
                del self._world.records[exception.item["id"]]
            record.item |= {"status": "cancelled", "sequence": record.item.get("sequence", 0) + 1}
            record.bare = bare
            self._world.changed(record)

    def delete_series(self, event_id: str, *, bare: bool = True) -> None:
        """Cancel a series; its occurrences are heard of no more. Bare in the organiser's copy too, as recorded."""
        self.cancel(event_id, bare=bare)

    def remove(self, event_id: str) -> None:
        """Remove the copy of this calendar alone: it turns into a bare cancelled one."""
        with self._world.lock:
            record = self._open(event_id)
            record.copies[self.id].gone = True
            self._world.changed(record, self.id)

    def restore(self, event_id: str) -> None:
        """Bring back what was cancelled or removed."""
        with self._world.lock:
            record = self._world.records[event_id]
            record.item["status"] = "confirmed"
            for copy in record.copies.values():
                copy.gone = False
            self._world.changed(record)

    def forget(self, event_id: str) -> None:
        """Let an event vanish without a word, as old cancelled ones do: not listed, 404."""
        with self._world.lock:
            for exception in self._world.exceptions(event_id):
                del self._world.records[exception.item["id"]]
            del self._world.records[event_id]

    # Occurrences of a series

    def instance(self, series: str, original: Moment) -> str:
        """Return the id of the occurrence that a series has, or had before it was moved, at `original`."""
        if original not in set(occurrences(self._world.records[series].item, original)):
            raise ValueError(f"no occurrence at {original}")
        return f"{series}_{tail(original)}"

    def move_instance(self, series: str, original: Moment, start: Moment, end: Moment | None = None) -> str:
        """Move one occurrence and return its id."""
        name = self.instance(series, original)
        self.move(name, start, end)
        return name

    def cancel_instance(self, series: str, original: Moment) -> str:
        """Cancel one occurrence and return its id."""
        name = self.instance(series, original)
        self.cancel(name, bare=True)
        return name

    def split(
        self,
        series: str,
        at: Moment,
        start: Moment | None = None,
        end: Moment | None = None,
        *,
        recurrence: str | Iterable[str] | None = None,
        **fields: object,
    ) -> str:
        """Change "this and following" from the occurrence at `at` on, and return the id of the new series.

        The old one gets an UNTIL; the new one begins at `start` (or at `at`) and has the tail `_R<stamp>` at id and
        UID. Occurrences of the old one that stood apart after the cut are called off.
        """
        with self._world.lock:
            old, item = self._world.records[series], deepcopy(self._world.records[series].item)
            self.instance(series, at)
            zone = item["start"].get("timeZone", self.zone)
            passed = sum(1 for each in occurrences(item, at) if each != at)
            name = f"{_SPLIT.sub('', series)}_R{tail(at).rstrip('Z')}"
            user, _, domain = item["iCalUID"].rpartition("@")
            lines = [recurrence] if isinstance(recurrence, str) else recurrence
            begin = start or at
            item |= times(begin, end or begin + (moment(item["end"]) - moment(item["start"])), zone)
            item |= {
                "id": name,
                "iCalUID": f"{_SPLIT.sub('', user)}_R{tail(at).rstrip('Z')}@{domain}",
                "sequence": item["sequence"] + 1,
                "recurrence": list(lines)
                if lines is not None
                else [_rest(line, passed) for line in item["recurrence"]],
            }
            old.item["recurrence"] = [_cut(line, at, zone) for line in old.item["recurrence"]]
            old.item["sequence"] += 1
            self._call_off([each for each in self._world.exceptions(series) if not _before(each, at)])
            self._world.changed(old)
            new = Record(item | deepcopy(fields), {each: Copy() for each in old.copies})
            self._world.records[name] = new
            self._world.changed(new)
            return name

    # This calendar alone

    def only_here(self, event_id: str, **fields: object) -> None:
        """Set fields in this calendar's copy alone, by Google's names."""
        with self._world.lock:
            record = self._open(event_id)
            record.copies[self.id].own |= deepcopy(fields)
            self._world.changed(record, self.id)

    def put_raw(self, item: Mapping[str, object]) -> str:
        """Add or replace an item that is sent exactly as it is, right or wrong, and return its id."""
        with self._world.lock:
            event_id = str(item["id"])
            record = Record(deepcopy(dict(item)), {self.id: Copy()}, raw=True)
            self._world.records[event_id] = record
            self._world.changed(record)
            return event_id

    def item(self, event_id: str) -> Json:
        """Return an event as the owner of this calendar would get it."""
        with self._world.lock:
            return self._world.view(self._open(event_id, keep=False), self)

    def ids(self) -> list[str]:
        """Return the ids of everything in this calendar, cancelled or not."""
        with self._world.lock:
            return [name for name, record in self._world.records.items() if self.id in record.copies]

    def share(self, with_whom: str, role: str = "reader") -> None:
        """Let somebody see this calendar: `freeBusyReader`, `reader`, `writer` or `owner`."""
        self.roles[with_whom] = role

    def unshare(self, with_whom: str) -> None:
        """Take the sight of this calendar away."""
        del self.roles[with_whom]

    # Inside

    def _organizer(self, host: str) -> Json:
        agenda = self._world.agendas.get(host)
        named = agenda is not None and not isinstance(agenda, Mailbox)
        return {"email": host} | ({"displayName": agenda.summary} if agenda and named else {})

    def _open(self, event_id: str, *, keep: bool = True) -> Record:
        """Return a record; an occurrence is set apart from its series for it."""
        if event_id in self._world.records:
            return self._world.records[event_id]
        apart = set_apart(self._world, event_id)
        if apart is None:
            raise KeyError(event_id)
        if keep:
            self._world.records[event_id] = apart
        return apart

    def _call_off(self, exceptions: Iterable[Record]) -> None:
        for record in exceptions:
            record.item["status"] = "cancelled"
            self._world.changed(record)


class Mailbox(Agenda):
    """A person's account: it is the primary calendar at once, and may own further ones."""

    @property
    def address(self) -> str:
        return self.id

    def add_calendar(
        self, calendar_id: str = "team@group.calendar.google.com", summary: str = "Team", *, hidden: bool = False
    ) -> Agenda:
        """Make a secondary calendar and return it."""
        agenda = Agenda(self._world, calendar_id, self.id, summary, self.zone)
        agenda.hidden = hidden
        self._world.agendas[calendar_id] = agenda
        return agenda

    def delete_calendar(self, calendar_id: str) -> None:
        """Delete a secondary calendar with all it holds."""
        with self._world.lock:
            del self._world.agendas[calendar_id]
            for record in self._world.records.values():
                record.copies.pop(calendar_id, None)


# Values


def stamp(at: datetime) -> str:
    """Write an instant as Google does: UTC, milliseconds."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def wire(at: Moment, zone: str) -> Json:
    """Write a start or an end."""
    if not isinstance(at, datetime):
        return {"date": at.isoformat()}
    local = at.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")
    return {"dateTime": re.sub(r"\+00:00$", "Z", local), "timeZone": zone}


def moment(value: Mapping[str, str]) -> Moment:
    """Read a start or an end."""
    return date.fromisoformat(value["date"]) if "date" in value else datetime.fromisoformat(value["dateTime"])


def instant(at: Moment, zone: str = "UTC") -> datetime:
    """Return the instant at which a moment begins, a day's in a zone."""
    return at if isinstance(at, datetime) else datetime.combine(at, time(), ZoneInfo(zone))


def times(start: Moment, end: Moment | None, zone: str) -> Json:
    length = timedelta(hours=1) if isinstance(start, datetime) else timedelta(days=1)
    return {"start": wire(start, zone), "end": wire(end or start + length, zone)}


def tail(original: Moment) -> str:
    """Write the original start as it ends the id of an occurrence."""
    return f"{original.astimezone(UTC):%Y%m%dT%H%M%SZ}" if isinstance(original, datetime) else f"{original:%Y%m%d}"


def set_apart(world: World, event_id: str) -> Record | None:
    """Make the record of an occurrence that is as its series says; None where no series has it."""
    found = _TAIL.search(event_id)
    series = world.records.get(event_id[: found.start()]) if found else None
    if not found or series is None or series.cancelled or "recurrence" not in series.item:
        return None
    text = found[1]
    original: Moment = (
        datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if "T" in text
        else datetime.strptime(text, "%Y%m%d").replace(tzinfo=UTC).date()
    )
    if original not in set(occurrences(series.item, original)):
        return None
    return Record(occurrence(series.item, original), {name: Copy(copy.change) for name, copy in series.copies.items()})


def occurrence(series: Json, original: Moment) -> Json:
    """Return one occurrence of a series as an item of its own."""
    zone = series["start"].get("timeZone", "UTC")
    item = deepcopy({name: value for name, value in series.items() if name != "recurrence"})
    item |= times(original, original + (moment(series["end"]) - moment(series["start"])), zone)
    item |= {"id": f"{series['id']}_{tail(original)}", "recurringEventId": series["id"]}
    return item | {"originalStartTime": wire(original, zone)}


def occurrences(series: Json, last: Moment) -> Iterator[Moment]:
    """Yield the starts of a series up to and including `last`, as its rules have them."""
    zone = ZoneInfo(series["start"].get("timeZone", "UTC"))
    first = moment(series["start"])
    local = (
        first.astimezone(zone).replace(tzinfo=None) if isinstance(first, datetime) else datetime.combine(first, time())
    )
    end = last.astimezone(zone).replace(tzinfo=None) if isinstance(last, datetime) else datetime.combine(last, time())
    for each in islice(_rules(series["recurrence"], local, zone), MOST_OCCURRENCES):
        if each > end:
            return
        yield each.replace(tzinfo=zone).astimezone(UTC) if isinstance(first, datetime) else each.date()


def _clock(at: Moment, zone: ZoneInfo) -> datetime:
    """Return what the clocks on the wall of a zone show, without the zone."""
    return at.astimezone(zone).replace(tzinfo=None) if isinstance(at, datetime) else datetime.combine(at, time())


def _rules(lines: Iterable[str], first: datetime, zone: ZoneInfo) -> rruleset:
    rules = rruleset()
    rules.rdate(first)
    for line in lines:
        head, _, value = line.partition(":")
        name, parameters = head.split(";")[0].upper(), head.split(";")[1:]
        if name in {"RRULE", "EXRULE"}:
            until = re.sub(r"UNTIL=(\w+)", lambda found: f"UNTIL={_local(found[1], zone):%Y%m%dT%H%M%S}", value)
            rule = rrulestr(until, dtstart=first)
            rules.rrule(rule) if name == "RRULE" else rules.exrule(rule)  # type: ignore[arg-type]
            continue
        named = [ZoneInfo(each[5:]) for each in parameters if each.upper().startswith("TZID=")]
        for text in value.split(","):
            at = _local(text, zone, *named)
            if name == "RDATE":
                rules.rdate(at)
            else:
                rules.exdate(at if "T" in text else datetime.combine(at, first.time()))
    return rules


def _local(text: str, zone: ZoneInfo, named: ZoneInfo | None = None) -> datetime:
    shape = "%Y%m%dT%H%M%S" if "T" in text else "%Y%m%d"
    at = datetime.strptime(text.rstrip("Z"), shape)  # noqa: DTZ007 # the zone follows
    if not text.endswith("Z") and named is None:
        return at
    return at.replace(tzinfo=named or UTC).astimezone(zone).replace(tzinfo=None)


def _rows(host: str, attendees: Iterable[Guest]) -> list[Json]:
    rows: list[Json] = [
        {"email": each, "responseStatus": "needsAction"} if isinstance(each, str) else deepcopy(dict(each))
        for each in attendees
    ]
    if any(row.get("email") == host for row in rows):
        return [row | {"organizer": True} if row.get("email") == host else row for row in rows]
    if not rows or host.endswith("@group.calendar.google.com"):
        return rows
    return [{"email": host, "organizer": True, "responseStatus": "accepted"}, *rows]


def _before(exception: Record, at: Moment) -> bool:
    return instant(moment(exception.item["originalStartTime"])) < instant(at)


def _cut(line: str, at: Moment, zone: str) -> str:
    """End a rule before the day of `at`."""
    if not line.upper().startswith("RRULE"):
        return line
    local = at.astimezone(ZoneInfo(zone)).date() if isinstance(at, datetime) else at
    last = instant(local, zone) - timedelta(seconds=1)
    until = f"{last.astimezone(UTC):%Y%m%dT%H%M%SZ}" if isinstance(at, datetime) else f"{at - timedelta(days=1):%Y%m%d}"
    return re.sub(r";?(UNTIL|COUNT)=\w+", "", line) + f";UNTIL={until}"


def _rest(line: str, passed: int) -> str:
    return re.sub(r"COUNT=(\d+)", lambda found: f"COUNT={int(found[1]) - passed}", line)
