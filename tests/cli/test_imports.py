"""What a command does not load, it does not wait for."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from ics import samples

WATCHED = (
    "import atexit, sys; atexit.register(lambda: print('loaded', *sys.modules)); from calsignal.cli import main; main()"
)
HEAVY = frozenset(
    """
    alembic asyncio cryptography dateutil google googleapiclient httplib2 icalendar keyring msal O365
    recurring_ical_events requests rich sqlalchemy urllib3
    """.split()
)
DATABASE = frozenset({"sqlalchemy", "asyncio"})  # the former imports the latter
CALENDARS = frozenset({"cryptography", "icalendar", "recurring_ical_events", "dateutil"})


@dataclass(frozen=True)
class Home:
    """A machine on which a calendar with a series was read, and what that loaded."""

    folder: Path
    first_sync: set[str]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("home")
    meeting = samples.event("RRULE:FREQ=WEEKLY", "ATTENDEE:mailto:ann@acme.example")
    (folder / "rep.ics").write_text(samples.calendar(meeting), encoding="utf-8")
    run(folder, "init", "--domain", "ours.example", "--timezone", "UTC")
    run(folder, "accounts", "add", "Acme", "acme.example")
    run(folder, "connect", "ics", "rep.ics", "--rep", "rep@ours.example")
    return Home(folder, run(folder, "sync"))


def run(folder: Path, *words: str) -> set[str]:
    """Run the program; return the packages that it loaded."""
    places = {"HOME": folder, "XDG_CONFIG_HOME": folder / "config", "XDG_DATA_HOME": folder / "data"}
    env = {**os.environ, **{name: str(place) for name, place in places.items()}, "CALSIGNAL_VAULT": "file"}
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *words], cwd=folder, env=env, capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in done.stdout.rpartition("loaded ")[2].split()}


@pytest.mark.parametrize(
    ("words", "needed"),
    [
        ("--version", frozenset()),
        ("digest --help", frozenset()),
        ("accounts list", DATABASE),
        ("connections", DATABASE),
        ("digest", DATABASE),
        ("digest --format json", DATABASE),
        ("account Acme", DATABASE),
        ("audit", DATABASE),
        ("audit --format html --output audit.html", DATABASE),
        ("sync", DATABASE | {"cryptography"}),  # the vault is a file here
    ],
)
def test_a_command_loads_what_it_needs_and_no_more(home: Home, words: str, needed: frozenset[str]) -> None:
    assert run(home.folder, *words.split()) & HEAVY == needed


def test_a_series_that_is_new_is_expanded_by_the_library(home: Home) -> None:
    assert home.first_sync & HEAVY == DATABASE | CALENDARS
