"""What the Calendar API answers: lists with their pages and tokens, single events, occurrences, calendars."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from google_calendar.service_faults import ApiError, Request
from google_calendar.service_oauth import AUTH, Grant
from google_calendar.service_world import (
    ROLES,
    Agenda,
    Json,
    Mailbox,
    Moment,
    Record,
    World,
    instant,
    moment,
    occurrence,
    occurrences,
    set_apart,
    stamp,
    tail,
    wire,
)

OWNED = frozenset(AUTH + each for each in ("calendar.events.owned", "calendar.events.owned.readonly"))
WHOLE = frozenset(AUTH + each for each in ("calendar", "calendar.readonly"))
EVENT_SCOPES = OWNED | WHOLE | {AUTH + each for each in ("calendar.events", "calendar.events.readonly")}
LIST_SCOPES = WHOLE | {AUTH + each for each in ("calendar.calendarlist", "calendar.calendarlist.readonly")}
MOST_EVENTS, MOST_CALENDARS = 2500, 250

_STANDARD = frozenset("alt fields key oauth_token prettyPrint quotaUser userIp".split())
_NOT_WITH_TOKEN = frozenset(
    "iCalUID orderBy privateExtendedProperty q sharedExtendedProperty timeMin timeMax updatedMin".split()
)
_LIST = _NOT_WITH_TOKEN | frozenset(
    "alwaysIncludeEmail eventTypes maxAttendees maxResults pageToken showDeleted showHiddenInvitations singleEvents"
    " syncToken timeZone".split()
)
_INSTANCES = frozenset(
    "alwaysIncludeEmail maxAttendees maxResults originalStart pageToken showDeleted timeMax timeMin timeZone".split()
)
_GET = frozenset("alwaysIncludeEmail maxAttendees timeZone".split())
_CALENDARS = frozenset(
    "maxResults minAccessRole pageToken showDeleted showHidden showOwnOrganizationOnly syncToken".split()
)
_TYPES = frozenset("default birthday focusTime fromGmail outOfOffice workingLocation".split())
_EXPANDED = timedelta(days=731)


@dataclass
class _Page:
    owner: str
    asked: str
    key: str
    rest: list[Json]
    head: Json
    last: Json
    number: int = 1
    before: list[Json] = field(default_factory=list)


@dataclass(frozen=True)
class _Sync:
    owner: str
    asked: str
    changes: int


@dataclass
class Pages:
    """Cuts lists into pages and remembers what its tokens stand for.

    size      the most items on a page, whatever a request allows
    overlap   how many items of a page come again on the next
    padding   so many characters more in each token
    """

    size: int | None = None
    overlap: int = 0
    padding: int = 0
    open: dict[str, _Page] = field(default_factory=dict)
    syncs: dict[str, _Sync] = field(default_factory=dict)

    def number(self, request: Request) -> int:
        """Return which page of its list a request asks for, from 1."""
        page = self.open.get(request.params.get("pageToken", ""))
        return page.number if page else 1

    def token(self) -> str:
        return secrets.token_urlsafe(30) + "A" * self.padding

    def first(
        self, owner: str, request: Request, items: list[Json], head: Json, last: Json, most: int, key: str = "items"
    ) -> Json:
        """Return the first page: `head` stands on every page, `last` on the last alone; `most` items by default."""
        return self._cut(_Page(owner, _asked(request), key, items, head, last), request, most)

    def next(self, owner: str, request: Request, most: int) -> Json | None:
        """Return the page of the request's page token; None without one. Raises `ApiError` (400)."""
        if "pageToken" not in request.params:
            return None
        page = self.open.get(request.params["pageToken"])
        if page is None or (page.owner, page.asked) != (owner, _asked(request)):
            raise ApiError(400, "invalid", "Invalid page token value.", location="pageToken")
        return self._cut(page, request, most)

    def sync(self, owner: str, request: Request, changes: int) -> str:
        """Return a sync token for what has changed after this."""
        token = self.token()
        self.syncs[token] = _Sync(owner, _asked(request, _NOT_WITH_TOKEN | {"syncToken"}), changes)
        return token

    def since(self, owner: str, request: Request) -> int | None:
        """Return what the sync token stands for; None without one. Raises `ApiError`: 400, 410."""
        if "syncToken" not in request.params:
            return None
        refused = sorted(_NOT_WITH_TOKEN & request.params.keys())
        if refused:
            text = f"Sync token cannot be used with other list restrictions: {refused[0]}"
            raise ApiError(400, "badRequest", text, location=refused[0])
        sync = self.syncs.get(request.params["syncToken"])
        if sync is None or sync.owner != owner:
            raise ApiError(410, "fullSyncRequired", location="syncToken")
        if sync.asked != _asked(request, _NOT_WITH_TOKEN | {"syncToken"}):
            raise ApiError(400, "badRequest", "Sync token is used with other parameters than before")
        return sync.changes

    def _cut(self, page: _Page, request: Request, most: int) -> Json:
        limit = min(_number(request, "maxResults", most), self.size or most)
        fresh, rest = page.rest[:limit], page.rest[limit:]
        head = page.head | {page.key: page.before + fresh}
        if not rest:
            return head | page.last
        token = self.token()
        again = fresh[-self.overlap :] if self.overlap else []
        self.open[token] = replace(page, rest=rest, number=page.number + 1, before=again)
        return head | {"nextPageToken": token}


class CalendarApi:
    """Answers of `calendar/v3`. Every method raises `ApiError`."""

    def __init__(self, world: World, pages: Pages) -> None:
        self.world = world
        self.pages = pages
        self.reverse = False

    def events(self, request: Request, grant: Grant, calendar_id: str) -> Json:
        """List the events of a calendar."""
        agenda, role = self._agenda(grant, calendar_id)
        _check(request, _LIST)
        most = min(_number(request, "maxResults", 250), MOST_EVENTS)
        owner = f"{grant.user} {agenda.id}"
        page = self.pages.next(owner, request, most)
        if page is not None:
            return page
        since = self.pages.since(owner, request)
        changes = self.world.changes
        items = list(self._listed(agenda, role, request, since))
        if request.params.get("orderBy") == "startTime":
            items.sort(key=lambda item: instant(moment(item["start"]), agenda.zone))
        elif "orderBy" in request.params:
            items.sort(key=lambda item: str(item["updated"]))
        ordered = "orderBy" in request.params
        last = {} if ordered else {"nextSyncToken": self.pages.sync(owner, request, changes)}
        return self.pages.first(owner, request, items, self._head(agenda, role), last, most)

    def event(self, request: Request, grant: Grant, calendar_id: str, event_id: str) -> Json:
        """Return one event or occurrence."""
        agenda, role = self._agenda(grant, calendar_id)
        _check(request, _GET)
        record = self.world.records.get(event_id) or set_apart(self.world, event_id)
        if record is None or agenda.id not in record.copies:
            raise ApiError(404, "notFound")
        return self._shown(record, agenda, role, request)

    def instances(self, request: Request, grant: Grant, calendar_id: str, event_id: str) -> Json:
        """List the occurrences of a series."""
        agenda, role = self._agenda(grant, calendar_id)
        _check(request, _INSTANCES)
        most = min(_number(request, "maxResults", 250), MOST_EVENTS)
        owner = f"{grant.user} {agenda.id} {event_id}"
        page = self.pages.next(owner, request, most)
        if page is not None:
            return page
        record = self.world.records.get(event_id)
        if record is None or agenda.id not in record.copies:
            raise ApiError(404, "notFound")
        if "recurrence" not in record.item:
            raise ApiError(400, "badRequest", "Bad Request")
        deleted, exact = _flag(request, "showDeleted"), request.params.get("originalStart")
        found = [each for each in self._expanded(record, request) if deleted or not _off(each, agenda)]
        if exact:
            found = [each for each in found if _same(each.item["originalStartTime"], exact)]
        items = [self._shown(each, agenda, role, request) for each in found if _within(each, request, agenda)]
        return self.pages.first(owner, request, items, self._head(agenda, role), {}, most)

    def calendars(self, request: Request, grant: Grant) -> Json:
        """List the calendars that a user sees; with a sync token all of them again."""
        _check(request, _CALENDARS)
        most = min(_number(request, "maxResults", 100), MOST_CALENDARS)
        page = self.pages.next(grant.user, request, most)
        if page is not None:
            return page
        self.pages.since(grant.user, request)
        seen = [agenda for agenda in self.world.agendas.values() if grant.user in agenda.roles]
        if not _flag(request, "showHidden") and "syncToken" not in request.params:
            seen = [agenda for agenda in seen if not agenda.hidden]
        least = ROLES.index(request.params.get("minAccessRole", ROLES[0]))
        entries = [_entry(agenda, grant.user) for agenda in seen if ROLES.index(agenda.roles[grant.user]) >= least]
        last = {"nextSyncToken": self.pages.sync(grant.user, request, self.world.changes)}
        head = {"kind": "calendar#calendarList", "etag": _etag("list", self.world.changes)}
        return self.pages.first(grant.user, request, entries, head, last, most)

    def entry(self, request: Request, grant: Grant, calendar_id: str) -> Json:
        """Return one calendar as the user's list has it."""
        _check(request, frozenset())
        return _entry(self._agenda(grant, calendar_id)[0], grant.user)

    def calendar(self, request: Request, grant: Grant, calendar_id: str) -> Json:
        """Return what a calendar says about itself."""
        _check(request, frozenset())
        agenda, _ = self._agenda(grant, calendar_id)
        whole = _entry(agenda, grant.user) | {"kind": "calendar#calendar"}
        return {name: whole[name] for name in ("kind", "etag", "id", "summary", "timeZone", "conferenceProperties")}

    def _agenda(self, grant: Grant, calendar_id: str) -> tuple[Agenda, str]:
        agenda = self.world.agendas.get(grant.user if calendar_id == "primary" else calendar_id)
        if agenda is None or grant.user not in agenda.roles:
            raise ApiError(404, "notFound")
        role = agenda.roles[grant.user]
        if role != "owner" and not (EVENT_SCOPES | LIST_SCOPES) - OWNED & set(grant.scopes):
            raise ApiError(403, "insufficientPermissions")
        return agenda, role

    def _head(self, agenda: Agenda, role: str) -> Json:
        return {
            "kind": "calendar#events",
            "etag": _etag(agenda.id, self.world.changes),
            "summary": agenda.summary,
            "description": "",
            "updated": stamp(self.world.now()),
            "timeZone": agenda.zone,
            "accessRole": role,
            "defaultReminders": [{"method": "popup", "minutes": 10}] if role == "owner" else [],
        }

    def _shown(self, record: Record, agenda: Agenda, role: str, request: Request) -> Json:
        item = self.world.view(record, agenda, role)
        if record.raw:
            return item
        if "attendees" in item and len(item["attendees"]) > _number(request, "maxAttendees", len(item["attendees"])):
            item["attendees"] = [row for row in item["attendees"] if row.get("self")]
            item["attendeesOmitted"] = True
        for name in ("start", "end", "originalStartTime") if "timeZone" in request.params else ():
            if "dateTime" in item.get(name, {}):
                shown = wire(moment(item[name]), request.params["timeZone"])["dateTime"]
                item[name] = item[name] | {"dateTime": shown}
        return item

    def _listed(self, agenda: Agenda, role: str, request: Request, since: int | None) -> Iterator[Json]:
        records = [record for record in self.world.records.values() if agenda.id in record.copies]
        if since is not None:
            records = [record for record in records if record.copies[agenda.id].change > since]
        if _flag(request, "singleEvents"):
            records = [each for record in records for each in self._flat(record, request)]
        found = [record for record in records if _within(record, request, agenda) and _matches(record, request)]
        if not _flag(request, "showDeleted") and since is None:
            found = _without_deleted(found, agenda, request)
        for record in reversed(found) if self.reverse else found:
            yield self._shown(record, agenda, role, request)

    def _flat(self, record: Record, request: Request) -> Iterator[Record]:
        """Give the occurrences of a series in its place; what was set apart comes with its series only."""
        if "recurrence" in record.item and not record.cancelled:
            yield from self._expanded(record, request)
        elif record.master is None or record.master not in self.world.records:
            yield record

    def _expanded(self, record: Record, request: Request) -> Iterator[Record]:
        end = _time(request, "timeMax") or self.world.now() + _EXPANDED
        for original in occurrences(record.item, end):
            name = f"{record.item['id']}_{tail(original)}"
            yield self.world.records.get(name) or Record(occurrence(record.item, original), record.copies)


def _without_deleted(found: list[Record], agenda: Agenda, request: Request) -> list[Record]:
    """Leave cancelled ones out, but for the cancelled dates of a series that is listed (`singleEvents=false`)."""
    alive = {record.item["id"] for record in found if not _off(record, agenda)}
    if _flag(request, "singleEvents"):
        return [record for record in found if record.item["id"] in alive]
    return [record for record in found if record.item["id"] in alive or record.master in alive]


def _off(record: Record, agenda: Agenda) -> bool:
    return record.cancelled or record.copies[agenda.id].gone


def _within(record: Record, request: Request, agenda: Agenda) -> bool:
    """Tell whether it ends after `timeMin` and starts before `timeMax`, a series with any of its occurrences."""
    low, high = _time(request, "timeMin"), _time(request, "timeMax")
    if low and high and low >= high:
        raise ApiError(400, "timeRangeEmpty", "The specified time range is empty.", location="timeMax")
    item = record.item
    if (low is None and high is None) or record.raw:
        return True
    start, length = moment(item["start"]), moment(item["end"]) - moment(item["start"])
    if high and instant(start, agenda.zone) >= high:
        return False
    if low is None:
        return True
    starts: Iterator[Moment] = occurrences(item, low + _EXPANDED) if "recurrence" in item else iter([start])
    return any(instant(each + length, agenda.zone) > low for each in starts)


def _matches(record: Record, request: Request) -> bool:
    asked, item = request.params, record.item
    kinds = request.repeated.get("eventTypes", ())
    if set(kinds) - _TYPES:
        raise ApiError(400, "invalidParameter", "Invalid event type", location="eventTypes")
    if kinds and item.get("eventType", "default") not in kinds:
        return False
    if "updatedMin" in asked and not record.cancelled:
        changed = datetime.fromisoformat(str(item["updated"]))
        if changed < (_time(request, "updatedMin") or changed):
            return False
    words = " ".join(str(item.get(name, "")) for name in ("summary", "description", "location", "attendees"))
    properties = item.get("extendedProperties", {})
    return (
        asked.get("q", "").lower() in words.lower()
        and asked.get("iCalUID") in {None, item.get("iCalUID")}
        and _carries(properties.get("private", {}), request.repeated.get("privateExtendedProperty", ()))
        and _carries(properties.get("shared", {}), request.repeated.get("sharedExtendedProperty", ()))
    )


def _carries(properties: Mapping[str, str], wanted: tuple[str, ...]) -> bool:
    return all(f"{each.partition('=')[2]}" == properties.get(each.partition("=")[0]) for each in wanted)


def _same(original: Mapping[str, str], text: str) -> bool:
    asked = moment({"dateTime": text} if "T" in text else {"date": text})
    return moment(original) == asked


def _entry(agenda: Agenda, user: str) -> Json:
    role = agenda.roles[user]
    whole: Json = {
        "kind": "calendar#calendarListEntry",
        "etag": _etag(agenda.id, len(agenda.summary)),
        "id": agenda.id,
        "summary": agenda.summary,
        "timeZone": agenda.zone,
        "colorId": "14",
        "backgroundColor": "#9fe1e7",
        "foregroundColor": "#000000",
        "selected": not agenda.hidden,
        "accessRole": role,
        "defaultReminders": [],
        "conferenceProperties": {"allowedConferenceSolutionTypes": ["hangoutsMeet"]},
    }
    whole |= {"primary": True} if isinstance(agenda, Mailbox) and agenda.id == user else {}
    return whole | ({"hidden": True} if agenda.hidden else {})


def _asked(request: Request, without: frozenset[str] = frozenset()) -> str:
    """Return what has to be the same from one request of a list to the next."""
    left = without | _STANDARD | {"pageToken"}
    return repr(sorted((name, values) for name, values in request.repeated.items() if name not in left))


def _check(request: Request, known: frozenset[str]) -> None:
    strange = sorted(request.params.keys() - known - _STANDARD)
    if strange:
        raise ApiError(400, "invalidParameter", f"Unknown name: {strange[0]}", location=strange[0])
    if "timeZone" in request.params:
        _zone(request.params["timeZone"])
    asked = request.params
    if asked.get("orderBy", "updated") not in {"updated", "startTime"} or (
        asked.get("orderBy") == "startTime" and not _flag(request, "singleEvents")
    ):
        raise ApiError(400, "badRequest", "The requested ordering is not available", location="orderBy")
    if "syncToken" in asked and asked.get("showDeleted") == "false":
        raise ApiError(400, "badRequest", "Deleted events are always listed with a sync token", location="showDeleted")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ApiError(400, "invalid", "Invalid time zone", location="timeZone") from None


def _flag(request: Request, name: str) -> bool:
    text = request.params.get(name, "false")
    if text not in {"true", "false"}:
        raise ApiError(400, "invalidParameter", f"Invalid boolean value: {name}", location=name)
    return text == "true"


def _number(request: Request, name: str, default: int) -> int:
    text = request.params.get(name, str(default))
    if not text.isdigit() or (int(text) < 1 and name in request.params):
        raise ApiError(400, "invalidParameter", f"Invalid integer value: {name}", location=name)
    return int(text)


def _time(request: Request, name: str) -> datetime | None:
    if name not in request.params:
        return None
    try:
        at = datetime.fromisoformat(request.params[name])
    except ValueError:
        raise ApiError(400, "badRequest", "Bad Request", location=name) from None
    if at.tzinfo is None:
        raise ApiError(400, "badRequest", "Bad Request", location=name)
    return at.replace(microsecond=0)


def _etag(of: str, changes: int) -> str:
    return f'"p{hashlib.sha256(f"{of} {changes}".encode()).hexdigest()[:14]}"'
