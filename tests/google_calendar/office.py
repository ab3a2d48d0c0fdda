"""Somebody's machine on which calsignal reads Google Calendar, and two that read it side by side.

The clocks of machine and service go on together, and only when they are told to; nobody waits in earnest.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any
from unittest.mock import patch

from click.testing import Result

from calsignal.analysis import look
from calsignal.cli.app import App
from calsignal.cli.options import say
from calsignal.model import Copy
from calsignal.registry import GROUP
from calsignal.retry import Retry
from cli.desk import Desk
from fake_provider import EPOCH
from google_calendar.service import GoogleService
from google_calendar.service_world import Mailbox

REP = "rep@ours.example"
SAM = "sam@ours.example"
ANN = "ann@acme.example"
BOB = "bob@acme.example"
NAME = f"google:{REP}"


@dataclass
class Office(Desk):
    """A desk with Google Calendar in the place of the toy provider; it remembers every word that was printed.

    waited   what the one retry loop would have waited, in seconds
    """

    service: GoogleService = field(kw_only=True)
    waited: list[float] = field(default_factory=list)
    printed: str = ""
    debug: bool = False

    def app(self) -> App:
        app = super().app()
        app.points = [EntryPoint("google", "calsignal_google:provider", GROUP)]
        app.retry = Retry(self.waited.append, lambda low, high: high, lambda: 0.0)
        return app

    def run(self, *args: str, input: str | bytes | None = None, app: App | None = None) -> Result:  # noqa: A002
        words = (*(("--debug",) if self.debug else ()), *args)
        with patch("calsignal.cli.connect.say", self._say):
            result = super().run(*words, input=input, app=app)
        self.printed += result.output
        return result

    def _say(self, text: str) -> None:
        """Print, and open every address by hand, as `--no-browser` asks."""
        say(text)
        if text.startswith("http"):
            self.service.browse(text)

    # Setting up

    def settle(self, zone: str = "Europe/Berlin") -> None:
        """Write a config that leads to the service."""
        self.ok("init", "--domain", "ours.example", "--timezone", zone)
        text = self.config.read_text(encoding="utf-8").partition("[google]")[0]
        self.write(f'{text}[google]\napi_endpoint = "{self.service.api_endpoint}"\n')
        self.service.now = self.clock.at

    def file(self, name: str, content: object) -> str:
        path = self.folder / name
        path.write_text(json.dumps(content), encoding="utf-8")
        return str(path)

    def sign_in(self, who: str = REP, *more: str) -> str:
        """Connect a person's calendar through the whole sign-in."""
        self.service.consent = replace(self.service.consent, user=who)
        client = self.file("client.json", self.service.client_secrets())
        return self.ok("connect", "google", "--client-secrets", client, "--no-browser", *more)

    def twin(self, folder: Path) -> Office:
        """Return another machine that has been set up like this one, with its own clock."""
        shutil.copytree(self.folder, folder)
        return Office(folder, replace(self.clock), service=self.service)

    # Day by day

    def wait(self, **span: float) -> None:
        self.clock.wait(**span)
        self.service.now = self.clock.at

    def box(self, who: str = REP) -> Mailbox:
        return self.service.mailbox(who)

    def next_day(self) -> str:
        """Sync twelve hours later, and let twelve more pass: what happens then happens between two syncs."""
        self.wait(hours=12)
        printed = self.ok("sync")
        self.wait(hours=12)
        return printed

    # What it shows

    def document(self, account: str = "Acme") -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.ok("account", account, "--format", "json"))
        return found

    def story(self, account: str = "Acme") -> list[str]:
        """Return the changes of an account, the oldest first, those that one sync saw in the order of the alphabet.

        `2→3 moved 03-10T10:00 → 03-12T10:00 by buyer` happened between the syncs of the 2nd and of the 3rd.
        """
        changes = self.document(account)["changes"]
        return [text for _, text in sorted((change["seen_at"][:16], line(change)) for change in changes)]

    def gaps(self) -> list[tuple[str, str, str]]:
        """Return the gaps of all connections as days, with their reasons."""
        (found,) = json.loads(self.ok("connections", "--format", "json"))["connections"]
        return [(_day(gap["from"]), _day(gap["to"]), gap["reason"]) for gap in found["gaps"]]

    def knows(self) -> tuple[list[object], list[object]]:
        """Return the open versions and the typed changes, without the times of observation."""
        return _known(self.app())

    def rows(self, table: str) -> int:
        with closing(sqlite3.connect(self.database)) as raw:
            count: int = raw.execute(f"select count(*) from {table}").fetchone()[0]
        return count


@dataclass
class Home:
    """The same as real processes on the real clock: a folder, its environment, and the whole program in it."""

    folder: Path
    service: GoogleService
    more: dict[str, str] = field(default_factory=dict)
    before: str = ""

    @property
    def environ(self) -> dict[str, str]:
        inherited = {
            name: os.environ[name] for name in ("PATH", "PYTHONPATH", "COVERAGE_PROCESS_START") if name in os.environ
        }
        return {
            **inherited,
            "HOME": str(self.folder),
            "CALSIGNAL_CONFIG": str(self.folder / "config.toml"),
            "CALSIGNAL_DATABASE_URL": f"sqlite:///{self.folder / 'store.db'}",
            "CALSIGNAL_VAULT": "file",
            "CALSIGNAL_SECRET_KEY": "sample",
            "XDG_DATA_HOME": str(self.folder / "data"),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "OAUTHLIB_INSECURE_TRANSPORT": "1",
            "NO_PROXY": "127.0.0.1,localhost",
            **self.more,
        }

    def settle(self) -> None:
        self.folder.mkdir(exist_ok=True)
        team = '[team]\ndomains = ["ours.example"]\ntimezone = "UTC"\n'
        google = f'[google]\napi_endpoint = "{self.service.api_endpoint}"\n'
        (self.folder / "config.toml").write_text(team + google, encoding="utf-8")

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start the program; its `main` runs after the code of `before`."""
        return subprocess.Popen(
            [sys.executable, "-c", f"{self.before}\nfrom calsignal.cli import main; main()", *words],
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str) -> tuple[int, str, str]:
        """Run the program to its end; return its exit code, stdout and stderr."""
        with self.start(*words) as process:
            out, err = process.communicate(timeout=120)
        return process.returncode, out, err

    def ok(self, *words: str) -> str:
        code, out, err = self.run(*words)
        assert code == 0, err
        return out

    def sign_in(self, who: str = REP, *more: str) -> tuple[int, str, str]:
        """Sign in, and open the address that is printed, as a person does."""
        self.service.consent = replace(self.service.consent, user=who)
        client = self.folder / "client.json"
        client.write_text(json.dumps(self.service.client_secrets()), encoding="utf-8")
        with self.start("connect", "google", "--client-secrets", str(client), "--no-browser", *more) as process:
            assert process.stderr is not None
            said = []
            for text in process.stderr:
                said.append(text)
                if text.startswith("http"):
                    self.service.browse(text.strip())
            out, _ = process.communicate(timeout=60)
        return process.returncode, out, "".join(said)

    def twin(self, folder: Path) -> Home:
        shutil.copytree(self.folder, folder)
        other = Home(folder, self.service, self.more)
        other.settle()
        return other

    def app(self) -> App:
        environ = {**self.environ, "CALSIGNAL_SECRET_KEY": "sample"}
        return App(environ=environ, config_given=Path(environ["CALSIGNAL_CONFIG"]))

    def knows(self) -> tuple[list[object], list[object]]:
        return _known(self.app())


_NEVER: dict[str, Any] = {"seen_at": EPOCH, "not_before": None}


def _known(app: App) -> tuple[list[object], list[object]]:
    try:
        store = app.store()
        copies = store.history(app.now, None)
        changes = [c for one in look(store, app.settings, app.now).scored for c in one.result.changes]
    finally:
        app.close()
    return sorted(map(_open, copies), key=repr), sorted((replace(c, **_NEVER) for c in changes), key=repr)


def _open(copy: Copy) -> object:
    return (
        copy.calendar,
        copy.event,
        copy.uid,
        copy.subject,
        copy.baseline,
        copy.created,
        [v.state for v in copy.versions],
    )


def line(change: dict[str, Any]) -> str:
    """Write one change of a JSON report as a line, every field that may differ in it."""
    since = _day(change["not_before"]) if change["not_before"] else "…"
    meeting, at = change["meeting"], change["at"]
    words = [
        f"{since}→{_day(change['seen_at'])}",
        change["kind"],
        f"[{short(meeting['original_start'])}]" if meeting["original_start"] else "",
        change["email"] or "",
        f"{short(change['from'])} → {short(change['to'])}" if change["from"] or change["to"] else "",
        f"by {change['by']}" if change["by"] else "",
        f"at {short(at)}" if at else "",
    ]
    return " ".join(word for word in words if word)


def short(value: str | None) -> str:
    """Write a moment of a report without its seconds and its year; anything else stays."""
    if value is None:
        return "-"
    try:
        return datetime.fromisoformat(value).strftime("%m-%d" if len(value) == 10 else "%m-%dT%H:%M")
    except ValueError:
        return value


def _day(moment: str) -> str:
    """Name the day of a sync."""
    return str(datetime.fromisoformat(moment).day)
