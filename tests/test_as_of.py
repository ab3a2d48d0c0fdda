"""A report for a past moment equals the report made at that moment: thirty days of a busy calendar."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from calsignal.analysis import digest
from calsignal.contract import Attendee, Event
from calsignal.model import Account, Answer, EventStatus, Slot
from calsignal.reports.digest_text import digest_text
from calsignal.reports.jsonform import digest_json, to_json
from calsignal.score.result import Digest
from calsignal.store import open_store
from fake_provider import EPOCH
from remote_world import ANN, OTHER, REP, World, event, weekly

HEAD = ("format", "as_of", "timezone", "model", "connections", "skipped")
BUYERS = (ANN, "bob@acme.example", "eve@birch.example", "max@cedar.example")


@pytest.fixture
def world(url: str) -> Iterator[World]:
    with open_store(url) as store:
        for name in ("Acme", "Birch", "Cedar"):
            store.add_account(Account(name, (f"{name.lower()}.example",)))
        yield World(store, url)


def body(made: Digest) -> tuple[str, str]:
    """Return the digest's JSON and text, without the head."""
    document = {key: value for key, value in digest_json(made).items() if key not in HEAD}
    text = digest_text(replace(made, head=replace(made.head, as_of=EPOCH)), width=80, colour=False)
    return to_json(document), text


def meddle(world: World, dice: random.Random, day: int) -> None:
    """Let somebody do something to a calendar."""
    remote = world.remote(dice.choice((REP, OTHER)))
    ahead = [e for e in remote.events.values() if isinstance(e.slot.start, datetime) and e.slot.start > world.clock.at]
    what = dice.choice(("book", "book", "book", "series", "answer", "answer", "move", "drop", "cancel", "rename"))
    if what == "book" or not ahead:
        organizer = dice.choice((REP, dice.choice(BUYERS)))
        remote.put(
            event(
                f"e{day}-{dice.random()}",
                day + dice.randint(1, 9),
                dice.choice(list(Answer)[:4]),
                organizer=organizer,
                attendees=_guests(dice),
            )
        )
    elif what == "series":
        remote.put(weekly(f"s{day}-{dice.random()}", day + 1, attendees=_guests(dice)))
    else:
        _change(remote.put, remote.drop, dice.choice(ahead), what, dice)


def _guests(dice: random.Random) -> tuple[Attendee, ...]:
    return tuple(Attendee(who, dice.choice(list(Answer)[:4])) for who in dice.sample(BUYERS, dice.randint(1, 3)))


def _change(put: object, drop: object, chosen: Event, what: str, dice: random.Random) -> None:
    assert callable(put)
    assert callable(drop)
    if what == "drop":
        drop(chosen.id)
    elif what == "move" and isinstance(chosen.slot.start, datetime) and isinstance(chosen.slot.end, datetime):
        shift = timedelta(days=dice.randint(-3, 12))
        put(replace(chosen, slot=Slot(chosen.slot.start + shift, chosen.slot.end + shift), recurrence=None))
    elif what == "cancel":
        put(replace(chosen, status=EventStatus.CANCELLED))
    elif what == "rename":
        put(replace(chosen, subject=f"Renamed {dice.random()}"))
    else:
        put(replace(chosen, attendees=_guests(dice)))


@pytest.mark.parametrize(
    ("backend", "seed", "days"),
    [("sqlite", 1, 30), ("sqlite", 2, 30), ("sqlite", 3, 30), ("postgresql", 4, 9)],
    indirect=["backend"],
)
def test_a_digest_as_of_a_day_equals_the_digest_made_on_that_day(world: World, seed: int, days: int) -> None:
    dice = random.Random(seed)
    made: list[tuple[datetime, tuple[str, str]]] = []
    world.remote(REP)
    world.remote(OTHER)
    for day in range(days):
        for _ in range(dice.randint(0, 5)):
            meddle(world, dice, day)
        world.clock.at = EPOCH + timedelta(days=day, hours=dice.randint(0, 10))
        if dice.random() < 0.85:  # some days nobody syncs
            world.sync()
        if day == days * 2 // 3:
            world.store.retire(f"fake:{OTHER}", world.clock())
        world.clock.wait(minutes=5)
        made.append((world.clock.at, body(digest(world.store, world.settings, world.clock.at))))

    again = [(at, body(digest(world.store, world.settings, at))) for at, _ in made]

    assert again == made
    assert len({text for _, text in made}) > days * 2 // 3
