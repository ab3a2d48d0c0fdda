"""One opened connection to a file, a folder or a feed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from calsignal.contract import Access, Calendar, CheckUp, Event, Finding, Gone, Page
from calsignal.errors import CursorExpired, NeedsSignIn, SourceError
from calsignal.model import Booking, Skipped

from . import events, files, sealing, text

if TYPE_CHECKING:
    from .feed import Answer, Limits  # what speaks https is loaded for feeds alone

_CALENDAR = "calendar"
_NOT_CONTENT = frozenset(("DTSTAMP",))  # Google writes the time of the download into it


@dataclass(frozen=True)
class _Cursor:
    """What was read last time: a fingerprint of the content, and what the server wants to hear to say "unchanged".

    `until` is the end of the window if the answer depended on it.
    """

    content: str
    validators: Mapping[str, str] = field(default_factory=dict)
    until: str = ""

    def write(self, secret: str | None) -> str:
        """Return a text to keep; what a server sent is sealed in it with the feed's own address."""
        sealed = sealing.seal(self.validators, secret) if self.validators else ""
        return json.dumps({"content": self.content, "validators": sealed, "until": self.until}, sort_keys=True)

    @classmethod
    def read(cls, written: str | None, secret: str | None) -> _Cursor:
        if written is None:
            return cls("")
        try:
            kept = json.loads(written)
            sealed = kept["validators"]
            return cls(str(kept["content"]), sealing.opened(sealed, secret) if sealed else {}, str(kept["until"]))
        except (ValueError, TypeError, KeyError):
            raise CursorExpired from None


@dataclass(frozen=True)
class _Body:
    """Everything read in one go; `broken` are files of a folder that could not be read."""

    read: tuple[events.File, ...]
    fingerprint: str
    validators: Mapping[str, str] = field(default_factory=dict)
    broken: tuple[Skipped, ...] = ()


class IcsSource:
    """Reads lazily: nothing is opened before a first result is asked for."""

    def __init__(self, access: Access, limits: Limits | None = None) -> None:
        self._access = access
        self._limits = limits
        self._body: _Body | None = None
        self._reading: events.Reading | None = None

    def calendars(self) -> Sequence[Calendar]:
        """Return the one calendar that a connection is."""
        path = self._access.settings.get("path")
        return (Calendar(_CALENDAR, Path(path).name if path else _host(self._access.secret or "")),)

    def pull(self, _calendar: Calendar, cursor: str | None) -> Iterator[Page]:
        """Yield one page: everything, or nothing if nothing has changed."""
        secret = self._access.secret
        last = _Cursor.read(cursor, secret)
        until = self._access.window.end.isoformat()
        stale = bool(last.until) and last.until != until
        body = self._get({} if stale or not last.content else last.validators)
        if body is None or (body.fingerprint == last.content and not stale):
            if body is not None and body.validators != last.validators:
                cursor = _Cursor(last.content, body.validators, last.until).write(secret)
            yield Page(cursor=cursor)
            return
        reading = self._read(body)
        now = _Cursor(body.fingerprint, body.validators, until if reading.split else "")
        yield Page(
            events=reading.within(self._access.window),
            cursor=now.write(secret),
            full=not body.broken,
            skipped=(*reading.skipped, *body.broken),
            unread=tuple(sorted(reading.unread)),
        )

    def find(self, _calendar: Calendar, event_id: str) -> Event | Gone:
        """Look an event up in what this session has read. Raises `SourceError` if it is there but not readable."""
        body = self._body or self._get({})
        assert body is not None
        found = self._read(body).find(event_id)
        if isinstance(found, Gone) and (body.broken or event_id in self._read(body).unread):
            raise SourceError("an event cannot be looked up while a part of the calendar cannot be read")
        return found

    def check(self) -> CheckUp:
        """Look whether file, folder or the feed's address is there; a feed cannot be tried out without reading it."""
        path = self._access.settings.get("path")
        if path:
            found = len(files.paths(Path(path)))
            return CheckUp((Finding(f"{found} calendar file{'' if found == 1 else 's'} at {path}"),))
        return CheckUp((Finding(f"the address at {_host(self._feed_address())} is known"),))

    def close(self) -> None:
        """Forget what was read; nothing stays open."""
        self._body = self._reading = None

    def _read(self, body: _Body) -> events.Reading:
        if self._reading is None:
            access = self._access
            zone = access.settings.get("timezone") or str(access.zone)
            self._reading = events.read(body.read, access.mailbox, access.window, zone, self._mark)
        return self._reading

    def _mark(self, component: text.Component) -> Booking | None:
        """Say which scheduling tool left its trace on a VEVENT; the description is looked at where that is allowed."""
        names = ("UID", "LOCATION", "URL", "CONFERENCE", *(("DESCRIPTION",) if self._access.read_text else ()))
        return self._access.booking(*(prop.text for name in names for prop in component.all(name)))

    def _get(self, validators: Mapping[str, str]) -> _Body | None:
        """Read file, folder or feed; None if the feed says that nothing has changed."""
        path = self._access.settings.get("path")
        self._body = _from_path(Path(path)) if path else self._from_feed(validators)
        self._reading = None
        return self._body

    def _from_feed(self, validators: Mapping[str, str]) -> _Body | None:
        url = self._feed_address()
        answer = self._access.retry(self._request(url, validators))
        if answer.body is None:
            return None
        file = _parsed(answer.body, _host(url), f"what {_host(url)} sends")
        return _Body((file,), _fingerprint(file), answer.validators)

    def _feed_address(self) -> str:
        if not self._access.secret:
            raise NeedsSignIn("the address of the feed is not known any more", "connect it again")
        return self._access.secret

    def _request(self, url: str, validators: Mapping[str, str]) -> Callable[[], Answer]:
        from .feed import fetch

        private = self._access.allow_private_addresses
        return lambda: fetch(url, validators, allow_private=private, limits=self._limits)


def _host(url: str) -> str:
    from .feed import host

    return host(url)


def _from_path(root: Path) -> _Body:
    if not root.is_dir():
        file = _parsed(files.content(root), root.name, str(root))
        return _Body((file,), _fingerprint(file))
    read, broken = [], []
    for path in files.paths(root):
        name = str(path.relative_to(root))
        try:
            read.append(_parsed(files.content(path), name, name))
        except SourceError as problem:
            broken.append(Skipped(name, name, str(problem)))
    whole = "\n".join([*(_fingerprint(file) for file in read), *map(repr, broken)])
    return _Body(tuple(read), hashlib.sha256(whole.encode()).hexdigest(), broken=tuple(broken))


def _parsed(data: bytes, name: str, shown: str) -> events.File:
    try:
        return events.File(name, text.calendars(data))
    except text.NotACalendar as problem:
        raise SourceError(f"{shown} {problem}", "nothing was changed; check what is at this place") from None


def _fingerprint(file: events.File) -> str:
    content = "\n".join([file.name, *(calendar.canonical(_NOT_CONTENT) for calendar in file.calendars)])
    return hashlib.sha256(content.encode(errors="replace")).hexdigest()
