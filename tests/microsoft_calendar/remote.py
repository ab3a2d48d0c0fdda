"""A mailbox on the local service, and the access to read it through the real libraries."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlsplit

import msal  # type: ignore[import-untyped]

from calsignal.contract import Access, Page, Source, Window
from calsignal.errors import Retriable
from calsignal.model import Answer
from calsignal.testing import START, Meeting, pull
from calsignal_microsoft import auth
from calsignal_microsoft.connect import MicrosoftProvider
from microsoft_calendar import service_faults as faults
from microsoft_calendar.service import MicrosoftService
from microsoft_calendar.service_values import weekly

REP = "rep@ours.example"
WINDOW = Window(START - timedelta(days=365), START + timedelta(days=180))
_RESPONSES = {
    Answer.ACCEPTED: "accepted",
    Answer.DECLINED: "declined",
    Answer.TENTATIVE: "tentativelyAccepted",
    Answer.NONE: "none",
}


def patient(request: Callable[[], object]) -> object:
    """Ask again after a failure that passes, three times in all; no waiting."""
    for _ in range(2):
        try:
            return request()
        except Retriable:
            continue
    return request()


class Opener(MicrosoftProvider):
    """The provider, with a memory of what it opened, so that a test need not close it."""

    def __init__(self) -> None:
        self.opened: list[Source] = []

    def open(self, access: Access) -> Source:
        self.opened.append(super().open(access))
        return self.opened[-1]

    def close(self) -> None:
        for source in self.opened:
            source.close()


def signed_in(service: MicrosoftService, who: str, *scopes: str) -> tuple[str, str]:
    """Return the secret of somebody who signed in, without a browser, and the refresh token in it."""
    given = service.sign_in.issue(who, *scopes)
    cache = msal.SerializableTokenCache()
    door = {"client_id": service.sign_in.app.client_id, "authority": service.authority()}
    cache.add(
        {
            "client_id": door["client_id"],
            "environment": urlsplit(service.root).hostname,
            "token_endpoint": f"{service.authority()}/oauth2/v2.0/token",
            "scope": list(scopes),
            "response": {**given, "client_info": given.get("client_info") or given["home"]},
        }
    )
    kept = {"kind": "user", "scopes": list(scopes), "cache": cache.serialize(), **door}
    return json.dumps(kept), given["refresh_token"]


@dataclass
class MicrosoftRemote:
    """What the suite of the contract needs, and more for tests of our own."""

    service: MicrosoftService
    who: str = REP
    scopes: tuple[str, ...] = (auth.READ_BASIC, auth.USER)
    provider: Opener = field(default_factory=Opener)
    saved: list[str] = field(default_factory=list)
    keys: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.box = self.service.mailbox(self.who)
        self.settings = {"scopes": " ".join(self.scopes), "user": "me"}
        kept, self.secret = signed_in(self.service, self.who, *self.scopes)
        self.saved.append(kept)

    def access(self, **given: object) -> Access:
        usual: dict[str, object] = {
            "mailbox": self.who,
            "settings": self.settings,
            "config": {
                "graph_url": self.service.graph_url,
                "authority": self.service.root,
                "instance_discovery": False,
            },
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
        """Pull the calendar in a session of its own."""
        return pull(self.open(**given), cursor)

    def requests(self) -> int:
        return len(self.service.asked())

    def put(self, meeting: Meeting) -> None:
        key = self.keys.get(meeting.key)
        if key is not None:
            self.box.move(key, meeting.start, meeting.start + meeting.length)
            self.box.change(key, subject=meeting.subject)
            return
        self.keys[meeting.key] = self.box.add(
            meeting.subject,
            meeting.start,
            meeting.start + meeting.length,
            attendees=[(who, _RESPONSES[said]) for who, said in meeting.guests.items()],
            recurrence=weekly() if meeting.weekly else None,
            organizer=meeting.organizer,
            zone="UTC",
        )

    def delete(self, key: str) -> None:
        self.box.cancel(self.keys[key])

    def spoil(self, key: str) -> None:
        item = self.box.item(self.keys[key])
        self.box.put_raw({**item, "start": {"dateTime": "tomorrow", "timeZone": "UTC"}})

    def reverse(self) -> None:
        self.service.world.backwards = True

    def fail(self) -> None:
        self.service.fault(faults.unavailable(), times=100)
