"""The play of the demo, on every day of the week."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from calsignal.analysis import digest
from calsignal.config import Settings
from calsignal.contract import ConnectRequest
from calsignal.demo import ACCOUNTS, NoSecrets, Stage, Theatre, demo_settings, played
from calsignal.errors import CalsignalError
from calsignal.model import Status

MONDAY = datetime(2026, 3, 16, 8, tzinfo=UTC)


@pytest.mark.parametrize("weekday", range(7))
def test_every_status_occurs_on_every_day_of_the_week(weekday: int) -> None:
    now = MONDAY + timedelta(days=weekday)
    settings = demo_settings(Settings())

    with played(settings, now) as store:
        made = digest(store, settings, now)

    assert {r.status for r in made.accounts} == set(Status)
    assert len(made.accounts) == len(ACCOUNTS) == 15
    assert made.first_action is not None
    assert any(c.good for c in made.changes)
    assert not any(s.stale or s.problem for s in made.head.connections)


def test_the_demo_is_the_same_on_a_machine_far_from_greenwich() -> None:
    from zoneinfo import ZoneInfo

    from calsignal.config import Team

    settings = demo_settings(Settings(team=Team(timezone=ZoneInfo("Pacific/Auckland"))))

    with played(settings, MONDAY) as store:
        statuses = {r.account.name: r.status for r in digest(store, settings, MONDAY).accounts}

    assert statuses["Brightwater Foods"] is Status.REAL
    assert set(statuses.values()) == set(Status)


def test_nobody_meets_at_a_weekend_but_today() -> None:
    stage = Stage(MONDAY.date())

    assert {stage.day(n).weekday() for n in range(-60, 60)} == {0, 1, 2, 3, 4}
    assert Stage(MONDAY.date() + timedelta(days=5)).day(0).weekday() == 5


def test_the_demo_connects_nothing_and_keeps_no_secret() -> None:
    vault = NoSecrets()
    vault.set("a", "b")
    vault.delete("a")

    assert (vault.get("a"), vault.keep("a", "b")) == (None, "b")
    with pytest.raises(CalsignalError, match="cannot be connected"):
        Theatre(Stage(MONDAY.date())).connect(ConnectRequest({}, {}, str, print))
