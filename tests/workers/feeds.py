"""A calendar feed for each of many reps, served over TLS on loopback, and a record of who asked when."""

from __future__ import annotations

import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from threading import Event

import trustme

from loopback import Reply, Request, Server

CALENDAR = {"Content-Type": "text/calendar; charset=utf-8"}


def feed(rep: str, origin: datetime, *, later: bool) -> bytes:
    """Write four meetings of a rep with buyers; `later` moves one, answers one, drops one and adds one."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//sample//EN"]
    for number in (0, 1, 2, 4) if later else (0, 1, 2, 3):
        start = origin + timedelta(days=number + 2, hours=5 if later and number == 0 else 0)
        answer = "ACCEPTED" if later and number == 1 else "NEEDS-ACTION"
        lines += [
            "BEGIN:VEVENT",
            f"UID:{number}-{rep}",
            "DTSTAMP:20260101T000000Z",
            f"DTSTART:{start:%Y%m%dT%H%M%SZ}",
            f"DTEND:{start + timedelta(minutes=45):%Y%m%dT%H%M%SZ}",
            f"SUMMARY:Meeting {number}",
            f"ORGANIZER:mailto:{rep}",
            f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:{rep}",
            f"ATTENDEE;PARTSTAT={answer}:mailto:ann{number}@acme.example",
            "END:VEVENT",
        ]
    return "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()


@dataclass
class Feeds:
    """Answers `/<rep>/basic.ics` after a while, once the gate (None: there is none) is open.

    `spans` holds, for each path, when each answer began and ended.
    """

    origin: datetime
    bundle: Path
    pause: float = 0.0
    later: bool = False
    status: int = 200
    stopping: Event = field(default_factory=Event)
    gate: Event | None = None
    spans: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))
    asked: Event = field(default_factory=Event)
    root: str = ""
    _guard: threading.Lock = field(default_factory=threading.Lock)

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    def url(self, rep: str) -> str:
        return f"{self.root}/{rep}/basic.ics"

    def respond(self, request: Request) -> Reply:
        begun, rep = time.monotonic(), request.path.split("/")[1]
        self.asked.set()
        if self.gate is not None:
            self.gate.wait(60)

        def done() -> None:
            with self._guard:
                self.spans[request.path].append((begun, time.monotonic()))

        body = feed(rep, self.origin, later=self.later) if self.status == 200 else b""
        return Reply(self.status, body, CALENDAR, pause=self.pause, done=done)

    def overlaps(self) -> list[str]:
        """Return the paths of which two answers were under way at the same time."""
        return [path for path, spans in self.spans.items() if any(a[1] > b[0] for a, b in pairwise(sorted(spans)))]


@contextmanager
def serving(folder: Path, origin: datetime) -> Iterator[Feeds]:
    """Serve feeds until the block ends."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    feeds = Feeds(origin, folder / "ca.pem")
    authority.cert_pem.write_to_path(str(feeds.bundle))
    server = Server(feeds, lambda: context)
    feeds.root = f"https://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield feeds
    finally:
        feeds.stopping.set()
        server.shutdown()
        server.server_close()
        thread.join()
