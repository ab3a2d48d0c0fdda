"""A mailbox on the local service, and the access to read it through the real client library."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from calsignal.contract import Access, Page, Source, Window
from calsignal.errors import Retriable
from calsignal.model import Answer
from calsignal.testing import START, Meeting, pull
from calsignal_google import auth
from calsignal_google.connect import GoogleProvider
from google_calendar import service_faults as faults
from google_calendar.service import GoogleService

REP = "rep@ours.example"
WINDOW = Window(START - timedelta(days=365), START + timedelta(days=180))
_SCOPES = ("openid", auth.EMAIL, auth.EVENTS)
_RESPONSES = {
    Answer.ACCEPTED: "accepted",
    Answer.DECLINED: "declined",
    Answer.TENTATIVE: "tentative",
    Answer.NONE: "needsAction",
}


def patient(request: Callable[[], object]) -> object:
    """Ask again after a failure that passes, three times in all; no waiting."""
    for _ in range(2):
        try:
            return request()
        except Retriable:
            continue
    return request()


class Opener(GoogleProvider):
    """The provider, with a memory of what it opened, so that a test need not close it."""

    def __init__(self) -> None:
        self.opened: list[Source] = []

    def open(self, access: Access) -> Source:
        self.opened.append(super().open(access))
        return self.opened[-1]

    def close(self) -> None:
        for source in self.opened:
            source.close()


@dataclass
class GoogleRemote:
    """What the suite of the contract needs, and more for tests of our own."""

    service: GoogleService
    provider: Opener = field(default_factory=Opener)
    settings: dict[str, str] = field(default_factory=dict)
    saved: list[str] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)
    meetings: dict[str, Meeting] = field(default_factory=dict)
    backwards: bool = False

    def __post_init__(self) -> None:
        self.box = self.service.mailbox(REP)
        client = self.service.client_secrets()["installed"]
        token, self.secret = self.service.sign_in.issue(REP, *_SCOPES)
        words = {name: client[name] for name in ("client_id", "client_secret", "token_uri")}
        kept = {"kind": "user", "token": token, "refresh_token": self.secret, "scopes": _SCOPES, **words}
        self.saved.append(json.dumps({**kept, "expiry": None}))

    def access(self, **given: object) -> Access:
        usual: dict[str, object] = {
            "mailbox": REP,
            "settings": self.settings,
            "config": {"api_endpoint": self.service.api_endpoint},
            "secret": self.saved[-1],
            "save_secret": self.saved.append,
            "window": WINDOW,
            "retry": lambda request: request(),
        }
        return Access(**{**usual, **given})  # type: ignore[arg-type]

    def open(self, **given: object) -> Source:
        """Begin a session."""
        return self.provider.open(self.access(**given))

    def pulled(self, cursor: str | None = None, **given: object) -> list[Page]:
        """Pull the first calendar in a session of its own."""
        return pull(self.open(**given), cursor)

    def requests(self) -> int:
        return len(self.service.asked())

    def put(self, meeting: Meeting) -> None:
        self.meetings[meeting.key] = meeting
        if meeting.key in self.ids:
            self.box.move(self.ids[meeting.key], meeting.start, meeting.start + meeting.length, zone="UTC")
            self.box.change(self.ids[meeting.key], summary=meeting.subject)
            return
        self.ids[meeting.key] = self.box.add(
            meeting.subject,
            meeting.start,
            meeting.start + meeting.length,
            attendees=[{"email": who, "responseStatus": _RESPONSES[said]} for who, said in meeting.guests.items()],
            recurrence="RRULE:FREQ=WEEKLY" if meeting.weekly else (),
            organizer=meeting.organizer,
            zone="UTC",
        )

    def delete(self, key: str) -> None:
        self.box.cancel(self.ids[key], bare=True)

    def spoil(self, key: str) -> None:
        self.box.put_raw({**self.box.item(self.ids[key]), "start": {"dateTime": "tomorrow"}})

    def reverse(self) -> None:
        with self.service.world.lock:
            records = self.service.world.records
            for number, name in enumerate(reversed(list(records)), 1):
                records[name].copies[REP].change = number

    def fail(self) -> None:
        self.service.fault(faults.unavailable(), times=100)
