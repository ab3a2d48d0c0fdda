"""Sync many events into an empty store, keep what reports want of them, or insert the same rows alone.

Prints seconds on the wall and of the processor, and the most memory.

python ingest.py sync URL NUMBER
python ingest.py keep URL_OF_A_SYNCED_STORE
python ingest.py executemany URL_OF_A_SYNCED_STORE URL
"""

from __future__ import annotations

import gc
import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import sqlalchemy as sa

import generate
from calsignal.config import Settings, Team
from calsignal.model import Account
from calsignal.recall import refresh
from calsignal.store import open_store, tables
from calsignal.sync import Syncer
from fake_provider import Clock, FakeProvider, FakeRegistry, MemoryVault, Remote

REP = f"rep0@{generate.OURS}"
NOW = datetime(2026, 3, 16, 18, tzinfo=UTC)
SETTINGS = Settings(team=Team("us", (generate.OURS,)))
TABLES = (
    tables.connections,
    tables.calendars,
    tables.people,
    tables.events,
    tables.subjects,
    tables.versions,
    tables.participants,
)


def sync(url: str, number: int) -> None:
    """Sync a mailbox of so many events that came in memory: redact, compare, write."""
    plan = generate.Plan(generate.Size(1, number // 100, number * 109 // 100, 1), NOW)
    events = [generate.event(plan, copy, copy.steps[0].said) for copy in plan.copies][:number]
    provider = FakeProvider(name="google")
    provider.remotes[REP] = Remote(page_size=2500, events={event.id: event for event in events})
    with open_store(url) as store:
        store.save_accounts([Account(f"Account {n}", (f"account{n}.example",)) for n in range(plan.size.accounts)])
        connection = store.connect(f"google:{REP}", "google", REP, {}, NOW - timedelta(days=1))
        parts = (FakeRegistry(provider), MemoryVault(), b"key", Clock(NOW), lambda request: request())
        syncer = Syncer(store, SETTINGS, *parts, keeps=False)
        with timed():
            (outcome,) = syncer.sync([connection])
    if (outcome.problem, outcome.written) != (None, number):
        sys.exit(f"{outcome.written} of {number} events were written: {outcome.problem}")


def keep(url: str) -> None:
    """Make what a sync keeps of the accounts, as its end does."""
    with open_store(url) as store, timed():
        refresh(store, SETTINGS, NOW + timedelta(hours=1))


def executemany(source: str, url: str) -> None:
    """Insert the rows of another store in one transaction, with the same keys and indexes in place."""
    with open_store(url):
        pass  # makes the tables
    rows = {table: _rows(source, table) for table in TABLES}
    mark = "?" if url.startswith("sqlite") else "%s"
    engine = sa.create_engine(url)
    with engine.connect() as conn:
        raw: Any = conn.connection.driver_connection
        cursor = raw.cursor()
        if mark == "?":
            cursor.execute("PRAGMA foreign_keys = ON")
            cursor.execute("PRAGMA cache_size = -65536")
        gc.disable()
        with timed():
            for table in TABLES:
                names = [column.name for column in table.c]
                marks = ", ".join([mark] * len(names))
                cursor.executemany(f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})", rows[table])
            raw.commit()
    engine.dispose()


def _rows(source: str, table: sa.Table) -> list[tuple[Any, ...]]:
    engine = sa.create_engine(source)
    names = ", ".join(column.name for column in table.c)
    with engine.connect() as conn:
        cursor = conn.connection.driver_connection.cursor()  # type: ignore[union-attr]  # as the driver gives them
        found = [tuple(row) for row in cursor.execute(f"SELECT {names} FROM {table.name}").fetchall()]
    engine.dispose()
    return found


@contextmanager
def timed() -> Iterator[None]:
    """Print how long the block took, and the most memory so far in megabytes."""
    began, used = time.perf_counter(), time.process_time()
    yield
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([time.perf_counter() - began, time.process_time() - used, peak]))


if __name__ == "__main__":
    what, url, *more = sys.argv[1:]
    if what == "sync":
        sync(url, int(more[0]))
    elif what == "keep":
        keep(url)
    else:
        executemany(url, more[0])
