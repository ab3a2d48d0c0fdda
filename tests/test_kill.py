"""Kill `sync` at random points and run it again: the store is as after one clean run."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from calsignal.analysis import look
from calsignal.config import Settings, Team
from calsignal.model import Change, Copy, State
from calsignal.store import open_store

KILLS = int(os.environ.get("CALSIGNAL_KILLS", "12"))
NOW = datetime.now(UTC).replace(microsecond=0)  # real processes run on the real clock
REPS = ("a@ours.example", "b@ours.example")
COMMAND = [sys.executable, "-c", "from calsignal.cli import main; main()"]


def calendar(*, later: bool) -> str:
    """Write a feed of 150 meetings that both reps are on; `later` moves some, answers some and drops some."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//sample//EN"]
    for number in range(150):
        if later and number % 11 == 0:
            continue
        start = NOW + timedelta(days=number % 40 - 15, hours=number % 7 + (30 if later and number % 5 == 0 else 0))
        answer = "ACCEPTED" if later and number % 3 == 0 else "NEEDS-ACTION"
        rule = ["RRULE:FREQ=WEEKLY;COUNT=6"] if number % 13 == 0 else []
        lines += [
            "BEGIN:VEVENT",
            f"UID:{number}@sample.example",
            "DTSTAMP:20260101T000000Z",
            f"DTSTART:{start:%Y%m%dT%H%M%SZ}",
            f"DTEND:{start + timedelta(minutes=45):%Y%m%dT%H%M%SZ}",
            *rule,
            f"SUMMARY:Meeting {number}",
            f"ORGANIZER:mailto:{REPS[0]}",
            *(f"ATTENDEE;PARTSTAT=ACCEPTED:mailto:{one}" for one in REPS),
            f"ATTENDEE;PARTSTAT={answer}:mailto:ann{number % 9}@acme.example",
            "END:VEVENT",
        ]
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


class Home:
    """A folder with a config, calendars, a store and secrets, and a way to run the program in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(exist_ok=True)
        (folder / "config.toml").write_text('[team]\ndomains = ["ours.example"]\ntimezone = "UTC"\n', encoding="utf-8")
        self.environ: Mapping[str, str] = {
            **os.environ,
            "CALSIGNAL_CONFIG": str(folder / "config.toml"),
            "CALSIGNAL_DATABASE_URL": f"sqlite:///{folder / 'store.db'}",
            "CALSIGNAL_VAULT": "file",
            "CALSIGNAL_SECRET_KEY": "sample",
            "XDG_DATA_HOME": str(folder / "data"),
            "XDG_CONFIG_HOME": str(folder / "config"),
        }

    def write(self, *, later: bool) -> None:
        for rep in REPS:
            (self.folder / f"{rep}.ics").write_text(calendar(later=later), encoding="utf-8")

    def run(self, *words: str) -> None:
        done = subprocess.run([*COMMAND, *words], env=self.environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    def kill_sync(self, after: float) -> bool:
        """Start a sync, kill it after some seconds, and say whether it was still at work."""
        process = subprocess.Popen(
            [*COMMAND, "sync"], env=self.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return True
        return False

    def told(self) -> tuple[list[object], list[object]]:
        """Return the open versions and the typed changes, without the times of observation."""
        settings = Settings(team=Team(domains=("ours.example",)))
        as_of = datetime.now(UTC)
        with open_store(self.environ["CALSIGNAL_DATABASE_URL"], create=False) as store:
            copies = store.history(as_of, None)
            changes = [c for one in look(store, settings, as_of).scored for c in one.result.changes]
        return sorted(map(_open, copies), key=repr), sorted(map(_timeless, changes), key=repr)


def _open(copy: Copy) -> object:
    state: State = copy.versions[-1].state
    return copy.calendar, copy.event, copy.uid, copy.subject, copy.baseline, state, len(copy.versions)


def _timeless(change: Change) -> object:
    return replace(change, seen_at=NOW, not_before=None)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.write(later=False)
    # an address makes the key that people are known by, so that copies of this home share it
    made.run("accounts", "add", "Acme", "acme.example", "--address", "pal@elsewhere.example")
    for rep in REPS:
        made.run("connect", "ics", str(made.folder / f"{rep}.ics"), "--rep", rep)
    return made


def test_a_killed_sync_leaves_what_a_clean_one_leaves(home: Home, tmp_path: Path) -> None:
    clean = Home(tmp_path / "clean")
    home.run("sync")
    shutil.copytree(home.folder, clean.folder, dirs_exist_ok=True)
    clean = Home(clean.folder)
    home.write(later=True)
    started = time.monotonic()
    clean.run("sync")
    usual = time.monotonic() - started
    dice = random.Random(7)

    hit = sum(home.kill_sync(dice.uniform(0.05, usual)) for _ in range(KILLS))
    home.run("sync")

    assert hit > KILLS // 3
    expected, changes = clean.told()
    assert home.told() == (expected, changes)
    assert len(changes) > 50


def test_a_sync_killed_at_the_first_sight_invents_nothing(home: Home, tmp_path: Path) -> None:
    clean = Home(tmp_path / "clean")
    shutil.copytree(home.folder, clean.folder, dirs_exist_ok=True)
    clean = Home(clean.folder)
    started = time.monotonic()
    clean.run("sync")
    usual = time.monotonic() - started
    dice = random.Random(8)

    hit = sum(home.kill_sync(dice.uniform(0.05, usual)) for _ in range(KILLS // 2))
    home.run("sync")

    assert hit
    assert home.told() == clean.told()
    assert clean.told()[1] == []
