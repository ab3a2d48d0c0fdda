"""One opened connection to a Microsoft calendar.

The service lists every occurrence of a series as an event, in full, and each pull lists the whole window. What that
leaves open is which dates of a series are called off: those are not listed, and a date that does not fit into the
window is not either. So the cursor is a memory of which dates were missing before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from calsignal.contract import Access, Calendar, CheckUp, Event, Finding, Gone, Page, Window
from calsignal.errors import UnreadableEvent
from calsignal.model import Moment, moment_key

from . import dates, translate
from .client import Client, NotThere, NotUnderstood, as_page, open_service, paged
from .dates import Dates, Told
from .series import Unreadable
from .translate import FIELDS, Item, Reader

MAIN = "calendar"
_PAGE = "1000"
_ONLY_BASIC = frozenset(("calendars.readbasic", "calendars.readbasic.all", "calendars.readbasic.shared"))
_APART = "exceptionOccurrences"
_SOON = timedelta(days=30)


@dataclass(frozen=True)
class _Memory:
    """What a pull has to know of the one before: until when it looked, and which dates of each series were missing.

    A series is known by a fingerprint; the dates are worth nothing once its text has changed.
    """

    until: datetime
    series: Mapping[str, tuple[str, frozenset[str]]]

    def write(self) -> str:
        known = {mark: [text, sorted(off)] for mark, (text, off) in self.series.items()}
        return json.dumps({"until": self.until.isoformat(), "series": known}, sort_keys=True)

    @classmethod
    def read(cls, written: str | None) -> _Memory | None:
        """Read a cursor. One that cannot be read is none: the list is whole without it."""
        try:
            found = json.loads(written or "")
            series = {mark: (str(text), frozenset(map(str, off))) for mark, (text, off) in found["series"].items()}
            return cls(datetime.fromisoformat(found["until"]).astimezone(UTC), series)
        except (ValueError, TypeError, LookupError, AttributeError):
            return None

    def before(self, told: Told, series: str) -> frozenset[str] | None:
        """Return the dates of a series that were missing; None where it was not there, or is another one now."""
        text, off = self.series.get(_mark(series), ("", frozenset()))
        return off if text == _mark(told.text) else None


@dataclass
class _Listed:
    """What a pull found in the list: the dates of each series, and what to remember."""

    items: dict[str, dict[object, Item]] = field(default_factory=dict)
    remembered: dict[str, tuple[str, frozenset[str]]] = field(default_factory=dict)


class MicrosoftSource:
    """Reads lazily: the library is loaded when a first result is asked for."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._opened: Client | None = None
        self._seen: dict[str, Event | Gone] = {}
        self._looks: dict[str, dict[str, Any] | None] = {}

    def calendars(self) -> Sequence[Calendar]:
        """Return the mailbox's main calendar."""
        return (Calendar(MAIN, self._access.mailbox),)

    def pull(self, calendar: Calendar, cursor: str | None) -> Iterator[Page]:
        """Yield everything in the window: a page for each one of the service's, and at last the series."""
        memory, listed, window = _Memory.read(cursor), _Listed(), self._window()
        self._seen, self._looks = {}, {}
        reader = self._reader(calendar)
        masters = self._masters()
        for items in self._pages("calendarView", startDateTime=_stamp(window.start), endDateTime=_stamp(window.end)):
            yield replace(translate.joined(self._singles(reader, items, listed)), full=True)
        found = [
            self._settled(Dates(reader, name, master, window), listed, memory)
            for name, master in self._all_masters(masters, listed)
        ]
        after = _Memory(window.end, listed.remembered).write()
        yield replace(translate.joined(found), full=True, cursor=after)

    def find(self, calendar: Calendar, event_id: str) -> Event | Gone:
        """Read one event, or one date of a series. Raises `UnreadableEvent` for one that cannot be read."""
        if event_id in self._seen:
            return self._seen[event_id]
        date = dates.parts(event_id)
        try:
            page = self._one(calendar, event_id) if date is None else self._date(calendar, *date)
        except NotThere:
            return Gone()
        if page.unread:
            raise UnreadableEvent(page.skipped[0].reason, "sync again when it was changed")
        return page.events[0] if page.events else Gone()

    def check(self) -> CheckUp:
        """Ask for the id of the calendar, without its events."""
        client = self._client()
        self._access.retry(lambda: client.get(f"{self._root}/calendar", **{"$select": "id"}))
        now = client.service_time or datetime.now(UTC)
        found = (*self._scopes(), *_certificate(client.certificate_ends, now), Finding("the main calendar can be read"))
        return CheckUp(found, client.service_time)

    def close(self) -> None:
        """Give back the sockets."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    # --- what is asked ----------------------------------------------------------------------------------------------

    def _client(self) -> Client:
        if self._opened is None:
            self._opened = open_service(self._access)
        return self._opened

    @property
    def _root(self) -> str:
        user = self._access.settings.get("user") or "me"
        return "me" if user == "me" else f"users/{quote(user, safe='@')}"

    def _reader(self, calendar: Calendar) -> Reader:
        return Reader(calendar.name, self._access.mailbox, self._access.booking, read_text=self._access.read_text)

    def _window(self) -> Window:
        """Return the window in whole seconds, as it is asked for."""
        window = self._access.window
        start, end = (at.astimezone(UTC).replace(microsecond=0) for at in (window.start, window.end))
        return Window(start, end)

    def _chosen(self) -> dict[str, str]:
        """Leave out texts where they may not be looked at; a grant that gives none needs no choice."""
        return {} if self._is_basic or self._access.read_text else {"$select": FIELDS}

    @property
    def _is_basic(self) -> bool:
        """Say whether the grant gives no texts; asked for by name they would be refused."""
        granted = _calendar_scopes(self._access)
        return bool(granted) and granted <= _ONLY_BASIC

    def _pages(self, path: str, **params: str) -> Iterator[list[object]]:
        """Yield the items of the service's pages; an empty page may lead on."""
        client, where = self._client(), f"{self._root}/calendar/{path}"
        asked = {**params, **self._chosen(), "$top": _PAGE}

        def ask(link: str | None) -> Mapping[str, Any]:
            return self._access.retry(lambda: as_page(client.get(where, **asked) if link is None else client.get(link)))

        for answer in paged(ask, f"the list of {self._access.mailbox}"):
            yield answer["value"]

    def _masters(self) -> dict[str, Item] | None:
        """Return the events that stand for series; None where the service does not list them by themselves."""
        try:
            pages = list(self._pages("events", **{"$filter": "type eq 'seriesMaster'"}))
        except NotUnderstood:
            return None
        found: dict[str, Item] = {}
        for item in (item for page in pages for item in page if isinstance(item, dict)):
            name = item.get("id")
            if translate.is_series(item) and isinstance(name, str) and name:
                found[name] = item
        return found

    def _all_masters(self, masters: Mapping[str, Item] | None, listed: _Listed) -> Iterator[tuple[str, Item | None]]:
        """Yield each series, with those that only its dates name; one that is not there any more stays without."""
        yield from (masters or {}).items()
        for name in sorted(listed.items.keys() - (masters or {}).keys()):
            try:
                yield name, self._get(name, self._chosen())
            except NotThere:
                yield name, None

    def _get(self, name: str, params: Mapping[str, str]) -> dict[str, Any]:
        client = self._client()
        return self._access.retry(lambda: client.get(f"{self._root}/events/{quote(name, safe='')}", **params))

    def _look(self, series: str) -> dict[str, Any]:
        """Ask for a series with what differs from it, once for all its dates. Raises `NotThere`."""
        if series not in self._looks:
            try:
                self._looks[series] = self._looked_at(series)
            except NotThere:
                self._looks[series] = None
        found = self._looks[series]
        if found is None:
            raise NotThere("there is no such series", "sync again")
        return found

    def _looked_at(self, series: str) -> dict[str, Any]:
        """Ask for a series with what differs from it; that comes only by name."""
        more = ("body", "bodyPreview") if self._access.read_text and not self._is_basic else ()
        made = () if self._chosen() else ("createdDateTime",)
        fields = ",".join((FIELDS, *made, *more, _APART, "cancelledOccurrences"))
        answer = self._get(series, {"$select": fields, "$expand": _APART})
        apart = answer.get(_APART)
        if self._chosen() and isinstance(apart, list):  # they come whole, whatever was asked for
            answer[_APART] = [_only(FIELDS, each) for each in apart if isinstance(each, dict)]
        return answer

    # --- what is made of it -----------------------------------------------------------------------------------------

    def _singles(self, reader: Reader, items: list[object], listed: _Listed) -> Iterator[Page]:
        """Yield what single events say; the dates of series are put aside."""
        for item in items:
            try:
                series = translate.series_id(item) if isinstance(item, dict) else ""
            except Unreadable:
                series = ""
            if series and isinstance(item, dict):
                held = listed.items.setdefault(series, {})
                held[item.get("id") if isinstance(item.get("id"), str) else len(held)] = item
            else:
                yield reader.read(item)

    def _settled(self, series: Dates, listed: _Listed, memory: _Memory | None) -> Page:
        """Return what is to be said of one series: itself, what differs from it, and what is called off."""
        told = series.told(listed.items.get(series.id, {}).values())
        known = memory is not None and _mark(series.id) in memory.series
        if not told.shown and not (known and told.missing):  # it is over, or has not begun
            return Page(unread=told.page.unread)
        page = told.page
        if told.missing:
            try:
                page = translate.joined([page, self._missing(series, told, memory)])
            except NotThere:
                self._seen[series.id] = Gone()
                return Page()
        if told.text:
            off = frozenset(moment_key(each.original_start) for each in page.called_off)
            listed.remembered[_mark(series.id)] = (_mark(told.text), off)
        self._seen |= {name: Gone() for name in told.plain}
        self._seen |= {event.id: event for event in page.events if event.original_start is not None}
        return page

    def _missing(self, series: Dates, told: Told, memory: _Memory | None) -> Page:
        """Return what became of the dates that are not listed; one look confirms those that were listed before."""
        before = None if memory is None else memory.before(told, series.id)
        new = [at for at in told.missing if before is not None and self._was_due(at, memory, before)]
        off = Page(called_off=series.called_off(at for at in told.missing if at not in set(new)))
        return translate.joined([off, series.looked_up(self._look(series.id), new)]) if new else off

    def _was_due(self, at: Moment, memory: _Memory | None, before: frozenset[str]) -> bool:
        """Say whether the pull before saw a date that is missing now."""
        assert memory is not None
        earlier = Window(self._window().start, memory.until)
        return moment_key(at) not in before and dates.within(at, earlier)

    def _one(self, calendar: Calendar, event_id: str) -> Page:
        try:
            return self._reader(calendar).read(self._get(event_id, self._chosen()))
        except NotThere:
            self._looks[event_id] = None  # if it is a series, its dates are gone with it
            raise

    def _date(self, calendar: Calendar, series: str, original: Moment) -> Page:
        answer = self._look(series)
        return Dates(self._reader(calendar), series, answer, self._window()).find(answer, original)

    def _scopes(self) -> Iterator[Finding]:
        """Compare what was granted with what is needed; a connection that does not know says nothing."""
        granted = self._access.settings.get("scopes", "").split()
        if not granted:
            return
        short = sorted(
            {scope.rpartition("/")[2] for scope in granted} - {"openid", "profile", "offline_access", "email"}
        )
        yield Finding(f"granted: {', '.join(short)}")
        calendars = _calendar_scopes(self._access)
        hint = "run `calsignal connect microsoft` again, and accept all permissions"
        if not calendars and short != [".default"]:
            yield Finding("the sign-in does not allow it to read events", hint, problem=True)
        elif self._access.read_text and self._is_basic:
            more = f"{hint}; or set link_text = false in [privacy]"
            yield Finding("the sign-in does not allow it to look for links in descriptions", more, problem=True)


def _certificate(ends: datetime | None, now: datetime) -> Iterator[Finding]:
    """Say until when an app's certificate is good, as far as it has one."""
    if ends is None:
        return
    if ends - now > _SOON:
        yield Finding(f"the app's certificate is good until {ends:%Y-%m-%d}")
        return
    hint = "make a new one, and run `calsignal connect microsoft --app-only --certificate FILE` again"
    yield Finding(f"the app's certificate expires on {ends:%Y-%m-%d}", hint, problem=True)


def _calendar_scopes(access: Access) -> frozenset[str]:
    """Return the permissions for calendars that were granted, as far as the connection knows."""
    granted = (scope.rpartition("/")[2].casefold() for scope in access.settings.get("scopes", "").split())
    return frozenset(scope for scope in granted if scope.startswith("calendars."))


def _only(fields: str, item: Mapping[str, object]) -> Item:
    return {name: item[name] for name in (*fields.split(","), "occurrenceId") if name in item}


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:12]


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"
