"""Forty mailboxes of a service that takes 50 ms for each answer: read at once against one after another.

    python benchmarks/mailboxes.py [MAILBOXES] [EVENTS]

Each sync is a process of its own, whose log tells how long it took without its start; the service runs in this one.
Prints the median of five runs of each kind, in turns, of a sync with nothing changed, and their ratio; the same for one
mailbox, and for calendar files, which keep the processor busy and the network not at all.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from google_calendar.desk import READER, private_key
from google_calendar.office import ANN, Home
from google_calendar.service import GoogleService
from loopback import slow

LATENCY = 0.05
RUNS = 5
FILE = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//sample//EN\r\n{}END:VCALENDAR\r\n"
EVENT = (
    "BEGIN:VEVENT\r\nUID:{0}@sample.example\r\nDTSTART:{1:%Y%m%dT%H%M%SZ}\r\nDURATION:PT1H\r\nSUMMARY:Sample {0}\r\n"
    f"ORGANIZER:mailto:rep@ours.example\r\nATTENDEE:mailto:{ANN}\r\nEND:VEVENT\r\n"
)


def main(mailboxes: int = 40, events: int = 100) -> None:
    with GoogleService() as service, tempfile.TemporaryDirectory() as folder:
        service.now = datetime.now(UTC).replace(microsecond=0)
        for number in (mailboxes, 1):
            home = _google(Path(folder) / f"google{number}", service, number, events)
            service.fault(slow(LATENCY), 1_000_000, path=".")
            _compare(f"{number} Google mailboxes of {events} events, {LATENCY * 1000:.0f} ms an answer", home, None)
            service.heal()
        home = _files(Path(folder) / "files", service, mailboxes, events)
        _compare(f"{mailboxes} files of {events} events, each changed", home, lambda: _write(home, mailboxes, events))


def _google(folder: Path, service: GoogleService, mailboxes: int, events: int) -> Home:
    home = Home(folder, service)
    home.settle()
    reps = [f"rep{number:02}@ours.example" for number in range(mailboxes)]
    for rep in reps:
        for event in range(events):
            start = service.now + timedelta(hours=event)
            service.mailbox(rep).add(f"Call {event}", start, attendees=[ANN], invite=False)
    service.sign_in.keys.setdefault(READER, private_key())
    (folder / "key.json").write_text(json.dumps(service.service_account_key()), encoding="utf-8")
    chosen = [word for rep in reps for word in ("--as", rep)]
    home.ok("accounts", "add", "Acme", "acme.example")
    home.ok("connect", "google", "--service-account", str(folder / "key.json"), *chosen)
    home.ok("sync")
    return home


def _files(folder: Path, service: GoogleService, mailboxes: int, events: int) -> Home:
    home = Home(folder, service)
    home.settle()
    _write(home, mailboxes, events)
    home.ok("accounts", "add", "Acme", "acme.example")
    for number in range(mailboxes):
        home.ok("connect", "ics", str(folder / f"{number}.ics"), "--rep", f"rep{number:02}@ours.example")
    home.ok("sync")
    return home


def _write(home: Home, mailboxes: int, events: int) -> None:
    first = datetime.now(UTC).replace(microsecond=0)
    text = "".join(EVENT.format(event, first + timedelta(hours=event)) for event in range(events))
    for number in range(mailboxes):
        (home.folder / f"{number}.ics").write_text(FILE.format(text), encoding="utf-8")


def _compare(what: str, home: Home, before: Callable[[], None] | None) -> None:
    config = (home.folder / "config.toml").read_text(encoding="utf-8")
    took: dict[int, list[float]] = {1: [], 16: []}
    for _ in range(RUNS):
        for at_once, times in took.items():
            (home.folder / "config.toml").write_text(f"{config}\n[sync]\nat_once = {at_once}\n", encoding="utf-8")
            if before is not None:
                before()
            times.append(_seconds(home))
    (home.folder / "config.toml").write_text(config, encoding="utf-8")
    alone, together = (statistics.median(times) for times in took.values())
    print(f"{what}: one after another {alone:.2f} s, at once {together:.2f} s, {alone / together:.1f} times as fast")


def _seconds(home: Home) -> float:
    code, _, log = home.run("--log-format", "json", "sync")
    assert code == 0, log
    return float(json.loads(log.splitlines()[-1])["seconds"])


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
