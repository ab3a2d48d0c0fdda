"""Microsoft Graph v1.0 as far as calendars, people and groups go, with the checks that it makes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from loopback import Reply, Request
from microsoft_calendar.service_directory import GROUP_SCOPES, USER_SCOPES, Directory, Person, chosen
from microsoft_calendar.service_faults import ApiError, answer
from microsoft_calendar.service_identity import App, Grant
from microsoft_calendar.service_values import Json, person, without, zone_info
from microsoft_calendar.service_world import Look, Mailbox, Record, World

READ = frozenset({"Calendars.Read", "Calendars.ReadWrite"})
BASIC = frozenset({"Calendars.ReadBasic", "Calendars.ReadBasic.All"})
SHARED = frozenset({"Calendars.Read.Shared", "Calendars.ReadWrite.Shared"})

_UNDATED = ("createdDateTime", "lastModifiedDateTime")
_MASTER_ONLY = ("cancelledOccurrences", "exceptionOccurrences")
_CLAUSE = re.compile(r"(?P<name>[\w/]+) (?P<how>eq|ne|ge|gt|le|lt) (?P<value>true|false|'[^']*')")
_PREFER = re.compile(r'([\w.\-]+)="?([^",]*)"?')
_HOW: dict[str, Callable[[object, object], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "ge": lambda a, b: str(a) >= str(b),
    "gt": lambda a, b: str(a) > str(b),
    "le": lambda a, b: str(a) <= str(b),
    "lt": lambda a, b: str(a) < str(b),
}


@dataclass
class Pages:
    """Lists in pages.

    size      the most items of a page, whatever was asked for
    overlap   how many items of a page come again on the next one
    """

    size: int = 1000
    overlap: int = 0
    rest: dict[str, tuple[str, list[Json], int, int]] = field(default_factory=dict)
    canned: dict[str, tuple[Reply, int]] = field(default_factory=dict)

    def number(self, request: Request) -> int:
        """Return which page of a list is asked for, from 1."""
        token = request.params.get("$skiptoken", "")
        if token in self.canned:
            return self.canned[token][1]
        return self.rest[token][3] if token in self.rest else 1

    def count_on(self, link: str) -> None:
        """Let the page to which a link leads have a number higher by one, as another page came in between."""
        token = parse_qs(urlsplit(link).query).get("$skiptoken", [""])[0]
        if token in self.rest:
            path, left, size, number = self.rest[token]
            self.rest[token] = (path, left, size, number + 1)

    def token(self) -> str:
        return f"sample{len(self.rest) + len(self.canned) + 1:06d}"

    def cut(self, request: Request, items: list[Json], size: int, number: int, root: str) -> Json:
        """Return one page of items, with a link to the next one where there is more."""
        size = max(1, min(size, self.size))
        page: Json = {"value": items[:size]}
        if len(items) > size:
            token = self.token()
            left = items[max(size - self.overlap, 1) :] if self.overlap else items[size:]
            self.rest[token] = (request.path, left, size, number + 1)
            kept = {name: value for name, value in request.params.items() if name != "$skiptoken"}
            page["@odata.nextLink"] = f"{root}{request.path}?{urlencode({**kept, '$skiptoken': token})}"
        return page


@dataclass
class Graph:
    """The API."""

    world: World
    directory: Directory
    app: Callable[[], App]
    pages: Pages = field(default_factory=Pages)

    def respond(self, request: Request, grant: Grant, base: str, root: str) -> Reply:
        """Answer a request. Raises `ApiError`."""
        path = request.path.removeprefix(base).strip("/")
        parts = [unquote(part) for part in path.split("/")]
        if request.method != "GET":
            raise ApiError(403, "ErrorAccessDenied", "This service is read-only.")
        if request.params.get("$skiptoken"):
            return self._next(request, root)
        match parts:
            case ["me"] | ["users", _]:
                return self._account(request, grant, parts)
            case ["users"]:
                return self._users(request, grant, root)
            case ["groups", *rest]:
                return self._groups(request, grant, rest, root)
            case ["me", *rest]:
                return self._box(request, grant, self._me(grant), rest, root)
            case ["users", name, *rest]:
                return self._box(request, grant, self._somebody(name, grant), rest, root)
        raise ApiError(400, "BadRequest", f"Resource not found for the segment '{parts[0]}'.")

    def mailbox_of(self, request: Request, grant: Grant, base: str) -> str | None:
        """Return the mailbox that a request concerns."""
        parts = [unquote(part) for part in request.path.removeprefix(base).strip("/").split("/")]
        if len(parts) < 2 or parts[0] not in {"me", "users"}:
            return None
        if parts[0] == "me":
            return grant.user
        found = self.directory.find(parts[1])
        return found.address if found and len(parts) > 2 else None

    # People

    def _me(self, grant: Grant) -> Person:
        if grant.app_only:
            raise ApiError(400, "BadRequest", "/me request is only valid with delegated authentication flow.")
        return self.directory.people[grant.user]

    def _somebody(self, name: str, grant: Grant) -> Person:
        found = self.directory.find(name, grant.tenant)
        if found is None:
            raise ApiError(404, "ErrorInvalidUser", f"The requested user '{name}' is invalid.")
        return found

    def _account(self, request: Request, grant: Grant, parts: list[str]) -> Reply:
        if parts == ["me"]:
            person_ = self._me(grant)
            needed = USER_SCOPES | {"User.Read", "User.ReadWrite"}
        else:
            _permit(grant, USER_SCOPES)
            found = self.directory.find(parts[1], grant.tenant)
            if found is None:
                text = f"Resource '{parts[1]}' does not exist or one of its queried reference-property objects are not"
                raise ApiError(404, "Request_ResourceNotFound", f"{text} present.")
            person_, needed = found, USER_SCOPES
        _permit(grant, needed)
        row = chosen(person_.wire(), request.params.get("$select"))
        return answer({"@odata.context": "https://graph.service.example/v1.0/$metadata#users/$entity", **row})

    def _users(self, request: Request, grant: Grant, root: str) -> Reply:
        _permit(grant, USER_SCOPES)
        rows = self.directory.users(grant.tenant, request.params.get("$filter", ""))
        return self._directory_page(request, rows, "users", root)

    def _groups(self, request: Request, grant: Grant, rest: list[str], root: str) -> Reply:
        _permit(grant, GROUP_SCOPES)
        if not rest:
            rows = self.directory.groups_like(request.params.get("$filter", ""))
            return self._directory_page(request, rows, "groups", root)
        rows = self.directory.members(rest[0], deep=rest[1:2] == ["transitiveMembers"])
        if rest[2:] == ["microsoft.graph.user"]:
            rows = [row for row in rows if row["@odata.type"] == "#microsoft.graph.user"]
        if not grant_covers_users(grant):  # without leave to read people their members come without a name
            rows = [{"@odata.type": row["@odata.type"], "id": row["id"]} for row in rows]
        return self._directory_page(request, rows, "directoryObjects", root)

    def _directory_page(self, request: Request, rows: list[Json], kind: str, root: str) -> Reply:
        size = _top(request, 100, 999)
        select = request.params.get("$select")
        if kind == "directoryObjects":  # each kind of member has some of the fields
            names = set((select or "id,displayName,mail,userPrincipalName").split(",")) | {"@odata.type", "id"}
            rows = [{name: value for name, value in row.items() if name in names} for row in rows]
        else:
            rows = [chosen(row, select) for row in rows]
        page = self.pages.cut(request, rows, size, 1, root)
        return answer({"@odata.context": f"https://graph.service.example/v1.0/$metadata#{kind}", **page})

    # Calendars

    def _box(self, request: Request, grant: Grant, owner: Person, rest: list[str], root: str) -> Reply:
        basic, closed = self._admit(grant, owner)
        box = self.world.boxes.get(owner.address)
        if box is None:
            raise ApiError(404, "MailboxNotEnabledForRESTAPI")
        look = _look(request, basic=basic, closed=closed)
        match rest:
            case ["calendar"]:
                return answer(_some(request, _calendar(box, box.calendar)))
            case ["calendars"]:
                rows = [_some(request, _calendar(box, name)) for name in box.calendars]
                return answer(self.pages.cut(request, rows, _top(request, 10, 1000), 1, root))
            case ["calendars", name]:
                return answer(_some(request, _calendar(box, _named(box, name))))
            case ["calendar", *inner]:
                return self._events(request, box, box.calendar, inner, look, root)
            case ["calendars", name, *inner]:
                return self._events(request, box, _named(box, name), inner, look, root)
        return self._events(request, box, None, rest, look, root)

    def _events(
        self, request: Request, box: Mailbox, calendar: str | None, rest: list[str], look: Look, root: str
    ) -> Reply:
        match rest:
            case ["calendarView"]:
                records = box.between(*_window(request), calendar)
                return self._list(request, box, records, look, root, view=True)
            case ["events"]:
                return self._list(request, box, box.events(calendar), look, root)
            case ["events", event_id]:
                _check(request)
                return answer(_select(request, self._expanded(request, box, _event(box, event_id), look)))
            case ["events", event_id, "instances"]:
                record = _event(box, event_id)
                if record.recurrence is None:
                    raise ApiError(400, "ErrorInvalidRequest", "The event is no series.")
                return self._list(request, box, box.instances(record, *_window(request)), look, root)
        raise ApiError(400, "BadRequest", f"Resource not found for the segment '{rest[0]}'.")

    def _list(
        self, request: Request, box: Mailbox, records: list[Record], look: Look, root: str, *, view: bool = False
    ) -> Reply:
        _check(request, view=view)
        tests = _filter(request)
        items = [self._expanded(request, box, record, look) for record in records]
        items = [item for item in items if all(test(item) for test in tests)]
        items = [_select(request, item) for item in _ordered(request, items)]
        asked = _prefer(request).get("odata.maxpagesize")
        size = _top(request, int(asked or 10), 1000)
        size = min(size, int(asked or size))
        context = f"https://graph.service.example/v1.0/$metadata#users('{box.address}')/events"
        return answer({"@odata.context": context, **self.pages.cut(request, items, size, 1, root)})

    def _expanded(self, request: Request, box: Mailbox, record: Record, look: Look) -> Json:
        """Return an event, with what a GET of a series can have beside it."""
        item = box.view(record, look)
        if record.recurrence is None or record.raw is not None:
            return item
        if "cancelledOccurrences" in request.params.get("$select", "").split(","):
            item["cancelledOccurrences"] = box.called_off(record)
        if "exceptionOccurrences" in request.params.get("$expand", ""):
            item["exceptionOccurrences"] = [box.view(each, look) for each in box.apart(record)]
        return item

    def _admit(self, grant: Grant, owner: Person) -> tuple[bool, bool]:
        """Return whether bodies stay hidden, and private events too. Raises `ApiError`: 403."""
        if grant.app_only:
            held = set(grant.scopes) | {role for role, boxes in self.app().scoped.items() if owner.address in boxes}
            if not held & (READ | BASIC):
                raise ApiError(403, "ErrorAccessDenied")
            return not held & READ, False
        held = set(grant.scopes)
        if grant.user == owner.address:
            if not held & (READ | BASIC | SHARED):
                raise ApiError(403, "ErrorAccessDenied")
            return not held & (READ | SHARED), False
        box = self.world.boxes.get(owner.address)
        role = box.shared.get(grant.user) if box else None
        if role is None or not held & SHARED:
            raise ApiError(403, "ErrorAccessDenied") if role else ApiError(404, "ErrorItemNotFound")
        return False, role != "delegate"

    def _next(self, request: Request, root: str) -> Reply:
        token = request.params["$skiptoken"]
        if token in self.pages.canned:
            return self.pages.canned[token][0]
        path, items, size, number = self.pages.rest.get(token, ("", [], 0, 0))
        if path != request.path:
            raise ApiError(400, "BadRequest", "The skip token is invalid.")
        return answer(self.pages.cut(request, items, size, number, root))


def grant_covers_users(grant: Grant) -> bool:
    """Tell whether a token may read people's names."""
    return bool(set(grant.scopes) & USER_SCOPES)


def _permit(grant: Grant, needed: frozenset[str]) -> None:
    if not set(grant.scopes) & needed:
        raise ApiError(403, "Authorization_RequestDenied")


def _calendar(box: Mailbox, name: str) -> Json:
    first = name == box.calendar
    return {
        "id": box.calendar_id(name),
        "name": name,
        "color": "auto",
        "hexColor": "",
        "isDefaultCalendar": first,
        "changeKey": "c2FtcGxl",
        "canShare": True,
        "canViewPrivateItems": True,
        "canEdit": True,
        "allowedOnlineMeetingProviders": ["teamsForBusiness"],
        "defaultOnlineMeetingProvider": "teamsForBusiness",
        "isTallyingResponses": first,
        "isRemovable": not first,
        "owner": person(box.address),
    }


def _some(request: Request, row: Json) -> Json:
    """Return the fields of a calendar that were asked for."""
    names = request.params.get("$select", ",".join(row)).split(",")
    return {name: value for name, value in row.items() if name in {"id", *names}}


def _named(box: Mailbox, calendar_id: str) -> str:
    for name in box.calendars:
        if box.calendar_id(name) == calendar_id:
            return name
    raise ApiError(404, "ErrorItemNotFound")


def _event(box: Mailbox, event_id: str) -> Record:
    record = box.find(event_id)
    if record is None:
        raise ApiError(404, "ErrorItemNotFound")
    return record


def _prefer(request: Request) -> dict[str, str]:
    return {name.lower(): value for name, value in _PREFER.findall(request.headers.get("prefer", ""))}


def _look(request: Request, *, basic: bool, closed: bool) -> Look:
    wanted = _prefer(request)
    zone = wanted.get("outlook.timezone", "UTC")
    try:
        zone_info(zone)
    except (KeyError, OSError):
        raise ApiError(400, "TimeZoneNotSupportedException", f"The time zone '{zone}' is not supported.") from None
    text = wanted.get("outlook.body-content-type", "html") == "text"
    return Look(wanted.get("idtype") == "ImmutableId", zone, text, basic, closed)


def _window(request: Request) -> tuple[datetime, datetime]:
    try:
        begin, end = (_time(request.params[name]) for name in ("startDateTime", "endDateTime"))
    except KeyError:
        text = "This request requires a time window specified by the query string parameters StartDateTime and"
        raise ApiError(400, "ErrorInvalidParameter", f"{text} EndDateTime.") from None
    except ValueError:
        raise ApiError(400, "ErrorInvalidParameter", "The dateTime is invalid.") from None
    if end < begin:
        raise ApiError(400, "ErrorInvalidParameter", "The EndDateTime must be later than the StartDateTime.")
    return begin, end


def _time(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _top(request: Request, usual: int, most: int) -> int:
    text = request.params.get("$top")
    if text is None:
        return usual
    if not text.isdigit() or not 1 <= int(text) <= most:
        raise ApiError(
            400, "ErrorInvalidUrlQuery", f"Invalid page size specified: '{text}'. Must be between 1 and {most}."
        )
    return int(text)


def _check(request: Request, *, view: bool = False) -> None:
    """Raise `ApiError` for fields that are not there to be had: 400."""
    for name in filter(None, request.params.get("$select", "").split(",")):
        if name not in _FIELDS:
            raise ApiError(400, "RequestBroker--ParseUri", f"Could not find a property named '{name}' on type 'Event'.")
        if view and name in _UNDATED:
            raise ApiError(400, "ErrorInvalidProperty", f"The property '{name}' does not support $select here.")


def _select(request: Request, item: Json) -> Json:
    """Return the fields that were asked for."""
    select = request.params.get("$select")
    extra = request.params.get("$expand", "").split(",")
    if not select:
        return without(item, _MASTER_ONLY if "exceptionOccurrences" not in extra else ("cancelledOccurrences",))
    kept = {"@odata.etag", "id", *select.split(","), *extra}
    return {name: value for name, value in item.items() if name in kept}


_FIELDS = frozenset(
    "id createdDateTime lastModifiedDateTime changeKey categories transactionId originalStartTimeZone iCalUId"
    " originalEndTimeZone reminderMinutesBeforeStart isReminderOn hasAttachments subject bodyPreview importance"
    " sensitivity isAllDay isCancelled isOrganizer responseRequested seriesMasterId showAs type webLink"
    " onlineMeetingUrl isOnlineMeeting onlineMeetingProvider allowNewTimeProposals isDraft hideAttendees onlineMeeting"
    " location locations recurrence originalStart occurrenceId start end organizer attendees responseStatus body"
    " cancelledOccurrences exceptionOccurrences attachments extensions".split()
)

Test = Callable[[Json], bool]


def _filter(request: Request) -> list[Test]:
    """Return what an item has to fulfil. Raises `ApiError`: 400."""
    return [_test(clause) for clause in filter(None, request.params.get("$filter", "").split(" and "))]


def _test(clause: str) -> Test:
    found = _CLAUSE.fullmatch(clause.strip())
    if found is None or found["name"].split("/")[0] not in _FIELDS:
        raise ApiError(400, "ErrorInvalidUrlQueryFilter", "The query filter contains one or more invalid nodes.")
    how, name, text = _HOW[found["how"]], found["name"], found["value"]
    return lambda item: how(_at(item, name), {"true": True, "false": False}.get(text, text.strip("'")))


def _ordered(request: Request, items: list[Json]) -> list[Json]:
    order = request.params.get("$orderby", "")
    if not order:
        return items
    name, _, way = order.partition(" ")
    return sorted(items, key=lambda item: str(_at(item, name)), reverse=way == "desc")


def _at(item: Json, path: str) -> object:
    held: object = item
    for part in path.split("/"):
        held = held.get(part) if isinstance(held, dict) else None
    return held
