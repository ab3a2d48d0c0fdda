"""A feed that a test can change, for the behaviours every provider must show."""

from __future__ import annotations

import hashlib

import calsignal_ics
from calsignal.contract import Access, Provider
from calsignal.testing import Meeting
from ics.feed_server import FeedServer, Handler
from ics.samples import access, calendar, vevent


class FeedRemote:
    """A feed that answers 304 as long as nothing changes."""

    provider: Provider = calsignal_ics.provider
    secret = "5ecret"

    def __init__(self, server: FeedServer) -> None:
        self.server = server
        self.texts: dict[str, str] = {}
        self.backwards = False
        server.respond = self.answer

    def answer(self, handler: Handler) -> None:
        texts = sorted(self.texts.values(), reverse=self.backwards)
        body = calendar(*texts).encode()
        etag = f'"{hashlib.sha256(body).hexdigest()}"'
        if handler.headers.get("If-None-Match") == etag:
            handler.send(304, ETag=etag)
        else:
            handler.send(200, body, ETag=etag, Content_Type="text/calendar")

    def access(self) -> Access:
        return access(secret=self.server.url(), allow_private_addresses=True)

    def requests(self) -> int:
        return len(self.server.asked)

    def put(self, meeting: Meeting) -> None:
        self.texts[meeting.key] = vevent(meeting)

    def delete(self, key: str) -> None:
        del self.texts[key]

    def spoil(self, key: str) -> None:
        self.texts[key] = self.texts[key].replace("DTSTART:2026", "DTSTART:MMXXVI")

    def reverse(self) -> None:
        self.backwards = True

    def fail(self) -> None:
        self.server.respond = lambda handler: handler.send(503)
