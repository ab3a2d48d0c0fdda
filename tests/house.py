"""A desk with real calendars: a file, a folder or a feed behind TLS, and everything that was printed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import EntryPoint

from click.testing import Result

from calsignal.cli.app import App
from calsignal.registry import GROUP
from cli.desk import REP, Desk
from databases import everything
from ics.feed_server import Handler
from ics.samples import calendar as wrapped

NAME = f"ics:{REP}"


@dataclass
class House(Desk):
    """Knows the provider of calendar files beside the toy one; remembers every word that was printed."""

    debug: bool = False
    printed: str = ""

    def app(self) -> App:
        app = super().app()
        app.points = [*(app.points or ()), EntryPoint("ics", "calsignal_ics:provider", GROUP)]
        return app

    def run(self, *args: str, input: str | bytes | None = None, app: App | None = None) -> Result:  # noqa: A002
        result = super().run(*(("--debug",) if self.debug else ()), *args, input=input, app=app)
        self.printed += result.output
        return result

    def settle(self) -> None:
        """Write a config that lets feeds of this machine be read."""
        self.ok("init", "--domain", "ours.example", "--timezone", "UTC")
        settings = self.config.read_text(encoding="utf-8")
        self.write(settings.replace("#private_addresses = false", "private_addresses = true"))

    def kept(self) -> bytes:
        """Return all bytes of all files below data and config, and all that a server holds."""
        server = self.environ.get("CALSIGNAL_DATABASE_URL")
        files = [path for name in ("data", "config") for path in (self.folder / name).rglob("*") if path.is_file()]
        return b"\n".join([*(path.read_bytes() for path in sorted(files)), everything(server) if server else b""])

    def ledger(self) -> list[str]:
        """Return everything that the store holds, but for the record of the attempts to read."""
        if not self.database.is_file():
            return []
        with closing(sqlite3.connect(self.database)) as raw:
            return [line for line in raw.iterdump() if 'INTO "syncs"' not in line]


@dataclass
class Feed:
    """What the server says: an answer to be changed, or a failure."""

    body: bytes
    fails: Callable[[Handler], object] | None = None

    def __call__(self, handler: Handler) -> None:
        if self.fails is not None:
            self.fails(handler)
        else:
            handler.send(200, self.body, ETag='"1"', Content_Type="text/calendar")


def answering(status: int, body: bytes = b"", **headers: str) -> Callable[[Handler], object]:
    """Return an answer that is always the same."""
    return lambda handler: handler.send(status, body, **headers)


def meetings(now: datetime, number: int = 3, buyer: str = "ann@acme.example") -> bytes:
    """Write a calendar of some meetings with one buyer, a day apart."""
    parts = []
    for day in range(1, number + 1):
        start = now + timedelta(days=day)
        parts += [
            "BEGIN:VEVENT",
            f"UID:{day}@sample.example",
            f"DTSTART:{start:%Y%m%dT%H%M%SZ}",
            "DURATION:PT30M",
            "SUMMARY:Sample call",
            f"ORGANIZER:mailto:{REP}",
            f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:{buyer}",
            "END:VEVENT",
        ]
    return wrapped(*parts).encode()
