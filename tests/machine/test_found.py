"""The smallest sequences that once broke what must hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from calsignal.analysis import account_report
from calsignal.contract import Event
from calsignal.model import Account, EventStatus
from calsignal.store import open_store
from fake_provider import EPOCH
from remote_world import World, weekly


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    path = tmp_path / "store.db"
    with open_store(f"sqlite:///{path}") as store:
        store.add_account(Account("Acme", ("acme.example",)))
        yield World(store, f"sqlite:///{path}")


def dates(world: World) -> list[int]:
    """Return the days since the beginning on which a meeting goes on."""
    report = account_report(world.store, world.settings, world.clock(), "Acme")
    return [(m.slot.start - EPOCH).days for m in report.result.meetings if not m.status.gone]


def second_half(day: int, **more: object) -> Event:
    cut = EPOCH + timedelta(days=8, hours=2)
    return replace(weekly("s2", day, rule="FREQ=WEEKLY;COUNT=1"), uid=f"s1_R{cut:%Y%m%dT%H%M%SZ}@x", **more)  # type: ignore[arg-type]


def test_a_second_half_that_comes_after_the_cut_takes_no_dates_of_the_first(world: World) -> None:
    world.remote().put(weekly(rule="FREQ=WEEKLY;COUNT=2"))
    world.sync()
    world.remote().put(weekly(rule="FREQ=WEEKLY;COUNT=1"))
    world.clock.wait(hours=1)
    world.sync()
    world.remote().put(second_half(day=9))

    world.clock.wait(hours=1)
    world.sync()

    assert sorted(dates(world)) == [1, 9]


def test_a_cancelled_first_half_and_a_second_one_may_be_met_at_once(world: World) -> None:
    first = weekly(rule="FREQ=WEEKLY;COUNT=1", status=EventStatus.CANCELLED)
    world.remote().put(first, second_half(day=8))

    world.sync()

    assert dates(world) == [8]
