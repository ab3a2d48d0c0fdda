"""What is kept of an account comes to the same as its history, and nothing else can be read from its bytes."""

from __future__ import annotations

import os
import pickle
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsignal.history import meetings
from calsignal.score.account import judged
from calsignal.score.constants import Constants
from calsignal.score.facts import Sight, facts
from calsignal.score.kept import Kept, Unreadable, from_bytes, keep, recalled, to_bytes
from calsignal.score.past import known_at
from calsignal.score.rescheduling import chains
from score.test_laws import ACCOUNTS, MAILBOXES, WORLDS, World
from worlds import ANN, account, lens, met, slot

LATER = st.integers(0, 400)


def sight(world: World, days: int) -> Sight:
    through = lens(ACCOUNTS, world.as_of + timedelta(days=days), world.zone, mailboxes=MAILBOXES)
    return Sight(through, Constants(), ACCOUNTS[0])


def kept(world: World, made: Sight) -> tuple[Kept, tuple[object, ...]]:
    found = facts(meetings(known_at(world.copies(), made.as_of), made.lens), made)
    return keep(found, chains(found, made), ["cal"], made.as_of, {}), tuple(f.view for f in found)


@given(WORLDS, LATER, LATER)
def test_it_comes_to_what_the_history_says_at_any_later_moment(world: World, age: int, days: int) -> None:
    made, now = sight(world, age), sight(world, age + days)
    what, _ = kept(world, made)

    whole = facts(meetings(known_at(world.copies(), made.as_of), now.lens), now)
    from_history = judged(whole, chains(whole, now), now).result
    from_kept = judged(*recalled(from_bytes(to_bytes(what)), now), now).result

    told, whole_story = (
        [change for change in one.changes if change.seen_at >= what.tells_since] for one in (from_kept, from_history)
    )
    assert replace(from_kept, changes=()) == replace(from_history, changes=())
    assert told == whole_story


@given(WORLDS, st.integers(160, 400))
def test_of_meetings_long_past_no_history_is_kept(world: World, age: int) -> None:
    what, views = kept(world, sight(world, age + 160))

    assert what.recent == ()
    assert len(what.past) == len(views)


def some() -> Kept:
    through = Sight(lens((account(),)), Constants(), account())
    found = facts(meetings([met("m", slot("2 Mar 10:00", 60), {ANN: "yes"})], through.lens), through)
    return keep(found, chains(found, through), ["cal"], through.as_of, {})


class Trap:
    """Something that would run a command when it is read."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("false",)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not what was written",
        to_bytes(some())[:-9],
        pickle.dumps(Trap()),
        pickle.dumps(replace(some(), recent=((Trap(), None),))),  # type: ignore[arg-type]
        pickle.dumps(("a", "tuple")),
        pickle.dumps(some(), protocol=5).replace(b"calsignal.score.kept", b"calsignal.score.rept"),
    ],
)
def test_bytes_that_hold_anything_else_are_not_read(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "system", lambda _: pytest.fail("a command was run"))

    with pytest.raises(Unreadable):
        from_bytes(data)


def test_what_is_kept_can_be_read_again() -> None:
    assert from_bytes(to_bytes(some())) == some()
