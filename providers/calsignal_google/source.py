"""One opened connection to Google Calendar."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC
from functools import partial
from typing import Any

from calsignal.contract import Access, Calendar, CheckUp, Event, Finding, Gone, Page
from calsignal.errors import CursorExpired, Retriable, SourceError, UnreadableEvent

from .client import Client, NotThere, as_page, open_service, paged
from .translate import Reader

PRIMARY = "primary"
_PAGE = 2500
_READ_EVENTS = frozenset(
    f"https://www.googleapis.com/auth/calendar{name}"
    for name in ("", ".readonly", ".events", ".events.readonly", ".events.owned", ".events.owned.readonly")
)
_BLIND = ("none", "freeBusyReader")  # no sets: a role may come as anything, and a list is looked up in no set
_WITHOUT_PRIVATE = ("reader", "writerWithoutPrivateAccess")


@dataclass(frozen=True)
class _Cursor:
    """The service's sync token, and a fingerprint of the question that it continues."""

    token: str = field(repr=False)
    question: str

    def write(self) -> str:
        return json.dumps(vars(self), sort_keys=True)

    @classmethod
    def read(cls, written: str | None, question: str) -> _Cursor | None:
        """Read a cursor; raises `CursorExpired` for one that answers another question or cannot be read."""
        if written is None:
            return None
        try:
            found = cls(**json.loads(written))
        except (ValueError, TypeError):
            raise CursorExpired from None
        if found.question != question or not found.token:
            raise CursorExpired
        return found


class GoogleSource:
    """Reads lazily: the client library is loaded when a first result is asked for."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._opened: Client | None = None

    def calendars(self) -> Sequence[Calendar]:
        """Return the calendars that were chosen when it was connected; the mailbox's own if none were."""
        chosen = self._access.settings.get("calendars")
        if chosen is None:
            return (Calendar(PRIMARY, self._access.mailbox),)
        try:
            first, *others = (Calendar(_word(name), _word(title)) for name, title in json.loads(chosen))
        except (ValueError, TypeError):
            fact = f"which calendars of {self._access.mailbox} to read is not known any more"
            raise SourceError(fact, "run `calsignal connect google` again") from None
        return (first, *others)

    def pull(self, calendar: Calendar, cursor: str | None) -> Iterator[Page]:
        """Yield a page for each one of the service's; it is full when there was no cursor."""
        reader = self._reader(calendar)
        question = _question(reader)
        mark = _fingerprint(calendar, question)
        last = _Cursor.read(cursor, mark)
        begin = self._access.window.start.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        asked = {**question, **({"timeMin": begin} if last is None else {"syncToken": last.token})}
        for answer in self._answers(calendar, asked):
            after = None if answer.get("nextPageToken") else _Cursor(answer["nextSyncToken"], mark).write()
            yield replace(reader.read_all(answer.get("items", ())), full=last is None, cursor=after)

    def find(self, calendar: Calendar, event_id: str) -> Event | Gone:
        """Read one event; a cancelled one is gone. Raises `UnreadableEvent` for one that cannot be read."""
        reader, client = self._reader(calendar), self._client()
        try:
            item = self._access.retry(lambda: client.event(calendar.id, event_id, fields=reader.fields))
        except (NotThere, CursorExpired):
            return Gone()
        page = reader.read(item)
        if page.unread:
            raise UnreadableEvent(page.skipped[0].reason, "sync again when it was changed")
        return page.events[0] if page.events else Gone()

    def check(self) -> CheckUp:
        """Ask the first calendar for the role that it grants, without its events."""
        calendar, client = self.calendars()[0], self._client()
        answer = self._access.retry(
            lambda: client.events(calendar.id, maxResults=1, fields="accessRole", singleEvents=False)
        )
        findings = (*self._scopes(), _role(calendar, answer.get("accessRole")))
        return CheckUp(findings, client.service_time)

    def close(self) -> None:
        """Give back the sockets."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _client(self) -> Client:
        if self._opened is None:
            self._opened = open_service(self._access)
        return self._opened

    def _reader(self, calendar: Calendar) -> Reader:
        access = self._access
        own = calendar.id.casefold() in (PRIMARY, access.mailbox.casefold())
        mailbox = access.mailbox if own else ""
        return Reader(calendar.name, mailbox, access.zone, access.booking, read_text=access.read_text)

    def _answers(self, calendar: Calendar, asked: Mapping[str, object]) -> Iterator[Mapping[str, Any]]:
        """Yield the service's pages; an empty one may lead on, and only the last has a sync token."""
        client = self._client()

        def ask(onward: Mapping[str, str]) -> Mapping[str, Any]:
            return self._access.retry(partial(_page, client, calendar, {**asked, **onward}))

        for answer in paged(ask, f"the list of {calendar.name}"):
            if answer.get("accessRole") in _BLIND:
                raise SourceError(*_blind(calendar))
            yield answer

    def _scopes(self) -> Iterator[Finding]:
        """Compare what was granted with what is needed; a connection that does not know says nothing."""
        granted = self._access.settings.get("scopes", "").split()
        if not granted:
            return
        if _READ_EVENTS.isdisjoint(granted):
            hint = "run `calsignal connect google` again, and leave every box ticked"
            yield Finding("the sign-in does not allow it to read events", hint, problem=True)
        else:
            short = (scope.rpartition("/")[2].removeprefix("userinfo.") for scope in granted)
            yield Finding(f"granted: {', '.join(short)}")


def _question(reader: Reader) -> dict[str, object]:
    """Return what is asked for at every call; masters and what differs from them come apart."""
    fields = f"nextPageToken,nextSyncToken,accessRole,items({reader.fields})"
    return {"singleEvents": False, "showDeleted": True, "maxResults": _PAGE, "fields": fields}


def _fingerprint(calendar: Calendar, question: Mapping[str, object]) -> str:
    asked = json.dumps([calendar.id, question], sort_keys=True)
    return hashlib.sha256(asked.encode(errors="replace")).hexdigest()[:16]


def _page(client: Client, calendar: Calendar, asked: Mapping[str, object]) -> Mapping[str, Any]:
    """Ask for one page, and see that it is one: a list that leads on or ends."""
    answer = as_page(client.events(calendar.id, **asked), "items")
    last = answer.get("nextSyncToken")
    if not answer.get("nextPageToken") and not (isinstance(last, str) and last):
        raise Retriable("what the service sends is a list that does not end", "try again later")
    return answer


def _role(calendar: Calendar, role: object) -> Finding:
    """Say what the mailbox may see of a calendar."""
    if role in _BLIND:
        fact, hint = _blind(calendar)
        return Finding(fact, hint, problem=True)
    name = "the main calendar" if calendar.id == PRIMARY else calendar.name
    if role in _WITHOUT_PRIVATE:
        return Finding(f"{name} can be read, but for its private events")
    return Finding(f"{name} can be read")


def _blind(calendar: Calendar) -> tuple[str, str]:
    return f"{calendar.name} shows when it is busy and not with whom", "ask its owner to share all event details"


def _word(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("not a word")
    return value
