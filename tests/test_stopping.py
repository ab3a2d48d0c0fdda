"""Ctrl-C and SIGTERM at several moments of a sync in its own process: what is written is whole, and nothing hangs."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from calsignal.cli.stopping import stopping
from google_calendar.desk import READER, private_key
from google_calendar.office import ANN, Home
from google_calendar.service import GoogleService
from google_calendar.service_faults import too_many
from loopback import meanwhile, slow

REPS = [f"rep{number}@ours.example" for number in range(4)]
NAMES = {f"google:{rep}" for rep in REPS}
IN_THE_MIDDLE = """
import os, signal
from pathlib import Path
from threading import Event
from calsignal.store.writing import Pen
apply, calls = Pen.apply, []
def stroke(self, *args, **more):
    apply(self, *args, **more)
    calls.append(self)
    if len(calls) == 2:
        {act}
Pen.apply = stroke
"""


@dataclass(frozen=True)
class Prepared:
    """A home with four connected mailboxes, and what a clean sync knows of them."""

    home: Home
    clean: tuple[list[object], list[object]]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prepared]:
    folder = tmp_path_factory.mktemp("stopping")
    with GoogleService() as service:
        service.now = datetime.now(UTC).replace(microsecond=0)
        home = Home(folder / "home", service)
        home.settle()
        for number, rep in enumerate(REPS):
            for day in range(6):
                start = service.now + timedelta(days=day - 2, hours=number)
                service.mailbox(rep).add(f"Call {number}.{day}", start, attendees=[ANN], invite=False)
        service.sign_in.keys.setdefault(READER, private_key())
        key = home.folder / "key.json"
        key.write_text(json.dumps(service.service_account_key()), encoding="utf-8")
        # an address makes the key that people are known by, so that copies of this home share it
        home.ok("accounts", "add", "Acme", "acme.example", "--address", "pal@elsewhere.example")
        home.ok("connect", "google", "--service-account", str(key), *(word for rep in REPS for word in ("--as", rep)))
        clean = home.twin(folder / "clean")
        clean.ok("sync")
        yield Prepared(home, clean.knows())


@pytest.fixture
def home(prepared: Prepared, tmp_path: Path) -> Iterator[Home]:
    yield prepared.home.twin(tmp_path / "home")
    prepared.home.service.heal()


@dataclass
class Signalled:
    """A sync that is sent a signal by what happens to it."""

    home: Home
    number: int
    process: subprocess.Popen[str] | None = None

    def send(self, *_: object) -> None:
        assert self.process is not None
        self.process.send_signal(self.number)

    def run(self) -> tuple[int, str, str]:
        with self.home.start("sync") as self.process:
            out, err = self.process.communicate(timeout=60)
        return self.process.returncode, out, err


def in_a_token_request(run: Signalled) -> None:
    run.home.service.fault(meanwhile(run.send), path="/token$", after=2)


def in_a_request_that_hangs(run: Signalled) -> None:
    run.home.service.fault(slow(), times=9, after=2)
    run.home.service.fault(meanwhile(run.send), path="/token$", after=3)


def in_a_wait_that_the_service_asked_for(run: Signalled) -> None:
    run.home.service.fault(too_many(59), times=9, after=1)
    run.home.service.fault(meanwhile(run.send), path="/token$", after=3)


def in_a_transaction(run: Signalled) -> None:
    run.home.before = IN_THE_MIDDLE.format(act=f"os.kill(os.getpid(), {run.number:d})")


@pytest.mark.parametrize(
    ("moment", "number", "code"),
    [
        (in_a_token_request, signal.SIGINT, 130),
        (in_a_request_that_hangs, signal.SIGTERM, 143),
        (in_a_wait_that_the_service_asked_for, signal.SIGINT, 130),
        (in_a_transaction, signal.SIGTERM, 143),
        (in_a_transaction, signal.SIGINT, 130),
    ],
)
def test_a_sync_that_is_stopped_says_what_it_did_and_the_next_one_does_the_rest(
    prepared: Prepared, home: Home, moment: Callable[[Signalled], None], number: int, code: int
) -> None:
    run = Signalled(home, number)
    moment(run)

    found, out, err = run.run()

    home.before = ""
    home.service.heal()
    done = {line.partition(": 6 events read")[0] for line in out.splitlines()}
    left = set(re.findall(r"^(\S+): not synced$", err, re.MULTILINE))
    assert (found, "Traceback" in err) == (code, False), err
    assert f"interrupted: {len(done)} of 4 done\n" in err
    assert done | left == NAMES
    assert not done & left
    assert shown(home) == {f"{name}/primary" for name in done}
    home.ok("sync")
    assert home.knows() == prepared.clean


def shown(home: Home) -> set[object]:
    """Return the calendars of which the store knows anything."""
    return {copy[0] for copy in home.knows()[0]}  # type: ignore[index]


def test_a_second_signal_ends_it_at_once(prepared: Prepared, home: Home) -> None:
    mark = home.folder / "inside"
    home.before = IN_THE_MIDDLE.format(act=f"Path({str(mark)!r}).touch(); Event().wait(600)")

    with home.start("sync") as process:
        while not mark.exists():
            assert process.poll() is None
        for _ in range(100):
            process.send_signal(signal.SIGINT)
            try:
                process.wait(0.3)
                break
            except subprocess.TimeoutExpired:
                continue
        process.kill()

    assert process.returncode == 130
    home.before = ""
    home.ok("sync")
    assert home.knows() == prepared.clean


def test_where_no_signal_can_be_heard_nothing_is_changed() -> None:
    stop, codes = threading.Event(), list[int | None]()

    def elsewhere() -> None:
        with stopping(stop) as found:
            codes.append(found.exit_code)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join(20)

    assert codes == [None]
    assert not stop.is_set()


def test_afterwards_signals_mean_what_they_meant() -> None:
    stop = threading.Event()
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)

    with stopping(stop) as found:
        signal.raise_signal(signal.SIGTERM)

    assert (found.exit_code, stop.is_set()) == (143, True)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
