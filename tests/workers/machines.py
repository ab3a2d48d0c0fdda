"""Machines of a team: each has folders of its own; the database, and the key to the secrets in it, they share."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from calsignal.analysis import look
from calsignal.cli.app import App
from calsignal.config import Settings, Team
from calsignal.model import Account, Change, Copy
from calsignal.store import open_store
from calsignal.vault import ADDRESS_KEY, connection_secret
from fake_provider import EPOCH
from workers.feeds import Feeds

PASSPHRASE = "sample passphrase of the team"
PATIENCE = 60.0

# the whole program, on a clock that a file sets ahead by so many seconds
PROGRAM = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from calsignal import cli
from calsignal.cli.app import App
ahead = Path(sys.argv.pop(1))
def clock():
    return datetime.now(UTC) + timedelta(seconds=float(ahead.read_text()))
cli.cli(obj=App(clock=clock), prog_name="calsignal")
"""


@dataclass
class Machine:
    """One machine: folders, an environment, and processes in it."""

    folder: Path
    database: str
    authority: Path
    more: dict[str, str] = field(default_factory=dict)
    sections: str = "[privacy]\nprivate_addresses = true\n[sync]\nevery_minutes = 5\n"

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        (self.folder / "ahead").write_text("0")
        team = '[team]\ndomains = ["ours.example"]\ntimezone = "UTC"\n'
        self.config.write_text(team + self.sections, encoding="utf-8")

    @property
    def config(self) -> Path:
        return self.folder / "config.toml"

    @property
    def environ(self) -> dict[str, str]:
        inherited = {name: os.environ[name] for name in ("PATH", "COVERAGE_PROCESS_START") if name in os.environ}
        return {
            **inherited,
            "HOME": str(self.folder),
            "CALSIGNAL_CONFIG": str(self.config),
            "CALSIGNAL_DATABASE_URL": self.database,
            "CALSIGNAL_SECRET_KEY": PASSPHRASE,
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "XDG_DATA_HOME": str(self.folder / "data"),
            "XDG_CONFIG_HOME": str(self.folder / "config"),
            "REQUESTS_CA_BUNDLE": str(self.authority),
            "NO_PROXY": "127.0.0.1,localhost",
            **self.more,
        }

    def set_ahead(self, span: timedelta) -> None:
        """Let that much time pass, for this machine's programs at once."""
        fresh = self.folder / "ahead.new"
        fresh.write_text(str(span.total_seconds()))
        fresh.replace(self.folder / "ahead")

    def command(self, *words: str) -> list[str]:
        return [sys.executable, "-c", PROGRAM, str(self.folder / "ahead"), *words]

    def run(self, *words: str, typed: str = "") -> tuple[int, str, str]:
        done = subprocess.run(
            self.command(*words), env=self.environ, capture_output=True, text=True, check=False, input=typed, timeout=60
        )
        return done.returncode, done.stdout, done.stderr

    def ok(self, *words: str, typed: str = "") -> str:
        code, out, err = self.run(*words, typed=typed)
        assert code == 0, err
        return out

    def app(self) -> App:
        """Return the program in this process."""
        return App(environ=self.environ, config_dir=self.folder / "config", data_dir=self.folder / "data")

    @contextmanager
    def opened(self) -> Iterator[App]:
        """Give the program in this process; it is closed with the block."""
        app = self.app()
        app.config_given = self.config
        try:
            yield app
        finally:
            app.close()

    @contextmanager
    def worker(self, *words: str) -> Iterator[Running]:
        """Give a worker process; it is killed with the block."""
        running = Running(self, words)
        try:
            yield running
        finally:
            running.kill()


class Running:
    """A worker process, and what it has said on stderr so far."""

    def __init__(self, machine: Machine, words: Sequence[str]) -> None:
        self.said: list[str] = []
        self._news = threading.Condition()
        self.process = subprocess.Popen(
            machine.command("worker", *words), env=machine.environ, stderr=subprocess.PIPE, text=True
        )
        self._ear = threading.Thread(target=self._hear, daemon=True)
        self._ear.start()

    def _hear(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            with self._news:
                self.said.append(line.rstrip("\n"))
                self._news.notify_all()

    def wait_for(self, words: str, times: int = 1) -> None:
        """Wait until so many lines with these words have been said."""
        with self._news:
            heard = self._news.wait_for(lambda: sum(words in line for line in self.said) >= times, PATIENCE)
        assert heard, self.said

    def kill(self) -> None:
        self.process.kill()
        self.end()

    def end(self) -> int:
        """Wait for the end; return the exit code."""
        code = self.process.wait(PATIENCE)
        self._ear.join(PATIENCE)
        if self.process.stderr is not None:
            self.process.stderr.close()
        return code


def subscribe(machine: Machine, feeds: Feeds, reps: Iterable[str]) -> None:
    """Connect the feed of each rep, with its secret in the vault of the team."""
    with machine.opened() as app:
        reps = list(reps)
        for rep in reps:
            app.vault.set(connection_secret(f"ics:{rep}"), feeds.url(rep))
        connect(app, {rep: {"host": "localhost"} for rep in reps})


def connect(app: App, settings: Mapping[str, Mapping[str, str]]) -> None:
    """Connect a calendar of each rep, and add their one account."""
    app.vault.keep(ADDRESS_KEY, "5a" * 32)  # people are known by it: the same in every store that is compared
    app.address_key()
    app.store().add_account(Account("Acme", ("acme.example",)))
    for rep, its in settings.items():
        app.store().connect(f"ics:{rep}", "ics", rep, its, datetime.now(UTC), place=its.get("host", ""))


def told(database: str, as_of: datetime) -> tuple[list[object], list[object]]:
    """Return the open versions and the typed changes, without the times of observation."""
    settings = Settings(team=Team(domains=("ours.example",)))
    with open_store(database, create=False) as store:
        copies = store.history(as_of, None)
        changes = [c for one in look(store, settings, as_of).scored for c in one.result.changes]
    return sorted(map(_open, copies), key=repr), sorted(map(_timeless, changes), key=repr)


def _open(copy: Copy) -> object:
    return copy.mailbox, copy.event, copy.uid, copy.subject, copy.baseline, copy.versions[-1].state, len(copy.versions)


def _timeless(change: Change) -> object:
    return replace(change, seen_at=EPOCH, not_before=None)


def until(true: Callable[[], bool], what: str) -> None:
    """Wait for something that another process does."""
    end = time.monotonic() + PATIENCE
    pause = threading.Event()
    while not true():
        assert time.monotonic() < end, f"{what} did not happen"
        pause.wait(0.05)
