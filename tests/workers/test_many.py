"""Two hundred calendars and three workers, of which one is killed every few seconds: as one clean run leaves it."""

from __future__ import annotations

import random
import subprocess
import time
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest

from calsignal.cli.sync import syncer_of
from calsignal.store import libpq_url, open_store
from calsignal.worker import QUEUE
from fake_provider import MemoryVault
from workers.feeds import Feeds, feed
from workers.machines import PASSPHRASE, Machine, Running, connect, subscribe, told

REPS = [f"rep{number}@ours.example" for number in range(200)]
WORKERS = 3
SOON = ("--presumed-dead", "2")
MOST_KILLS = 5  # in each round: on a machine that is busy otherwise it would never end
PERIOD = timedelta(minutes=6)


def clean_run(folder: Path, feeds: Feeds) -> tuple[list[object], list[object]]:
    """Return what a store knows after one process has synced the same calendars twice, from files."""
    machine = Machine(folder, f"sqlite:///{folder / 'store.db'}", feeds.bundle)
    with machine.opened() as app:
        app.vault = MemoryVault()
        connect(app, {rep: {"path": str(folder / f"{rep}.ics")} for rep in REPS})
        for later in (False, True):
            for rep in REPS:
                (folder / f"{rep}.ics").write_bytes(feed(rep, feeds.origin, later=later))
            assert not [o for o in syncer_of(app).sync(app.store().connections()) if o.problem]
    return told(machine.database, datetime.now(UTC))


class Siege:
    """Three workers; every now and then one is killed, and another takes its place."""

    def __init__(self, machine: Machine, stack: ExitStack) -> None:
        self.machine = machine
        self.dice = random.Random(20260302)
        self.stack = stack
        self.running = [self._start() for _ in range(WORKERS)]
        self.killed: list[Running] = []

    def _start(self) -> Running:
        return self.stack.enter_context(self.machine.worker(*SOON))

    def last_until(self, moment: datetime) -> None:
        """Go on until every connection was synced after a moment, and no job is left."""
        most, end = len(self.killed) + MOST_KILLS, time.monotonic() + 300
        while not self._done(moment):
            assert time.monotonic() < end, self.said
            number = self.dice.randrange(WORKERS)
            try:
                self.running[number].process.wait(self.dice.uniform(1.5, 3.0) if len(self.killed) < most else 0.5)
            except subprocess.TimeoutExpired:
                if len(self.killed) == most:
                    continue
                self.running[number].kill()
                self.killed.append(self.running[number])
                self.running[number] = self._start()
            else:
                pytest.fail(f"a worker ended by itself: {self.running[number].said}")

    def _done(self, moment: datetime) -> bool:
        with open_store(self.machine.database) as store:
            last = [s.last_synced for s in store.connection_states(datetime.now(UTC) + PERIOD * 2, PERIOD)]
        return len(last) == len(REPS) and all(at is not None and at >= moment for at in last)

    @property
    def said(self) -> list[str]:
        return [line for each in [*self.killed, *self.running] for line in each.said]


def spans(database: str) -> dict[int, list[tuple[datetime, datetime]]]:
    """Return, for each connection, when each sync of it that came to an end began and ended."""
    found: dict[int, list[tuple[datetime, datetime]]] = {}
    with psycopg.connect(libpq_url(database), options="-c datestyle=ISO -c timezone=UTC") as conn:
        for number, *span in conn.execute("SELECT connection_id, started_at, finished_at FROM syncs ORDER BY 2"):
            found.setdefault(number, []).append((span[0], span[1]))
    return found


def test_workers_that_are_killed_all_the_time_do_what_one_clean_run_does(
    machine: Machine, feeds: Feeds, database: str, tmp_path: Path
) -> None:
    subscribe(machine, feeds, REPS)
    feeds.pause = 0.03

    with ExitStack() as stack:
        siege = Siege(machine, stack)
        siege.last_until(datetime.now(UTC) - PERIOD)
        feeds.later = True
        machine.set_ahead(PERIOD)
        siege.last_until(datetime.now(UTC) + PERIOD - timedelta(seconds=1))
    expected, changes = clean_run(tmp_path / "clean", feeds)

    assert len(siege.killed) >= 4
    assert any("its worker is gone; taken over" in line for line in siege.said)
    assert len(feeds.spans) == len(REPS)
    assert feeds.overlaps() == []
    assert not [n for n, each in spans(database).items() if any(a[1] > b[0] for a, b in pairwise(each))]
    assert told(database, datetime.now(UTC) + PERIOD * 2) == (expected, changes)
    assert (len(expected), len(changes)) == (1000, 800)
    assert not [line for line in siege.said if PASSPHRASE in line or "basic.ics" in line]
    with psycopg.connect(libpq_url(database)) as conn:
        open_jobs = conn.execute(f"SELECT count(*) FROM {QUEUE}.procrastinate_jobs WHERE status = 'failed'")
        assert open_jobs.fetchone() == (0,)
