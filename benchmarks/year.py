"""A year of daily syncs of one rep with 5,000 meetings: what the ledger grows by, and how large the store gets.

    python benchmarks/year.py [MEETINGS] [DAYS]

Nothing is timed. Every third day nothing happens; the script ends with an error if such a day writes a version, or if
a changed event gets more than one version per copy and sync.
"""

from __future__ import annotations

import random
import sys
import tempfile
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import sqlalchemy as sa

from calsignal.analysis import look
from calsignal.contract import Attendee, Event
from calsignal.model import Account, Answer, Slot
from calsignal.store import open_store
from fake_provider import EPOCH
from remote_world import World, event

ACCOUNTS = 300
CHANGES_A_DAY = 20


def main(meetings: int = 5000, days: int = 365) -> None:
    dice = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "store.db"
        with open_store(f"sqlite:///{path}") as store:
            store.save_accounts([Account(f"Account {n}", (f"account{n}.example",)) for n in range(ACCOUNTS)])
            world = World(store, path)
            world.remote().put(*(_meeting(n, days, dice) for n in range(meetings)))
            world.sync()
            written, quiet, most = _year(world, days, dice, path)
            changes = sum(len(one.result.changes) for one in look(store, world.settings, world.clock()).scored)
        size = path.stat().st_size
        with sa.create_engine(f"sqlite:///{path}").connect() as conn:
            versions = conn.scalar(sa.text("select count(*) from versions")) or 0
    print(f"{meetings} meetings, {days} daily syncs, {CHANGES_A_DAY} events touched on two days of three")
    print(f"versions after the first sync: {meetings}; after the year: {versions}; typed changes: {changes}")
    print(f"versions written on {quiet} days without a change: 0; most for one event in one sync: {most}")
    print(f"written on days with changes: {written}; store: {size / 1e6:.1f} MB, {size / versions:.0f} bytes a version")


def _meeting(number: int, days: int, dice: random.Random) -> Event:
    start = EPOCH + timedelta(days=dice.uniform(-300, days), hours=2)
    guests = tuple(
        Attendee(f"p{n}@account{number % ACCOUNTS}.example", dice.choice(list(Answer)[:4])) for n in range(3)
    )
    return replace(event(f"m{number}"), slot=Slot(start, start + timedelta(minutes=45)), attendees=guests)


def _year(world: World, days: int, dice: random.Random, path: Path) -> tuple[int, int, int]:
    written = quiet = most = 0
    for day in range(1, days + 1):
        touched = {} if day % 3 == 0 else _touch(world, dice)
        before = _versions(path)
        (outcome,) = world.next_day()
        after = _versions(path)
        growth = {event_id: after[event_id] - before.get(event_id, 0) for event_id in touched}
        written += outcome.written
        most = max([most, *growth.values()])
        if not touched:
            quiet += 1
            if outcome.written or after != before:
                sys.exit(f"day {day} had no change and wrote {outcome.written} versions")
    if most > 1:
        sys.exit(f"an event got {most} versions in one sync")
    return written, quiet, most


def _touch(world: World, dice: random.Random) -> dict[str, Event]:
    """Move or answer some events, and touch as many without meaning."""
    remote = world.remote()
    chosen = dice.sample(sorted(remote.events), CHANGES_A_DAY)
    for number, event_id in enumerate(chosen):
        was = remote.events[event_id]
        assert isinstance(was.slot.start, datetime)
        if number % 2:
            remote.put(replace(was, slot=was.slot.starting(was.slot.start + timedelta(days=dice.randint(1, 20)))))
        else:
            remote.put(replace(was, attendees=tuple(replace(a, answer=Answer.ACCEPTED) for a in was.attendees)))
    for event_id in dice.sample(sorted(remote.events), CHANGES_A_DAY):
        remote.put(replace(remote.events[event_id], subject=f"touched {dice.random()}"))
    return {event_id: remote.events[event_id] for event_id in chosen}


def _versions(path: Path) -> dict[str, int]:
    engine = sa.create_engine(f"sqlite:///{path}")
    query = "select external_id, count(*) from versions join events on events.id = event_id group by external_id"
    with engine.connect() as conn:
        found = {row[0]: row[1] for row in conn.execute(sa.text(query))}
    engine.dispose()
    return found


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
