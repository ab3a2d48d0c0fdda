"""The play of the demo, on every day of the week."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from calsignal.analysis import account_report, digest
from calsignal.config import Settings
from calsignal.contract import ConnectRequest
from calsignal.demo import ACCOUNTS, NoSecrets, Stage, Theatre, demo_settings, played
from calsignal.errors import CalsignalError
from calsignal.model import Status
from calsignal.reports.account_text import account_text

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
        Theatre(Stage(MONDAY.date())).connect(ConnectRequest({}, {}, str, print, lambda request: request(), print))


def recomputed(text: str) -> tuple[float, float]:
    """Return the score that a careful reader works out from a printed account, and the one that is printed."""
    flat = " ".join(text.split())
    told = re.search(r"([\d.]+) x \(([\d.]+) x ([\d.]+) \+ ([\d.]+) x ([\d.]+)\) = ([\d.]+)", flat)
    assert told is not None
    keep, time_share, _, acts_share, printed_acts, total = map(float, told.groups())
    sums = re.findall(r"(\d+) min x ([\d.]+) x ([\d.]+)", flat)
    hours = sum(int(minutes) / 60 * float(weight) * float(factor) for minutes, weight, factor in sums)
    acts = 50 + sum(float(points) for points in re.findall(r" ([+-]\d+\.\d{4})\b", flat))
    acts = printed_acts if "never had a firm meeting" in flat or printed_acts == 0 else min(max(acts, 0), 100)
    return keep * (time_share * 100 * hours / (hours + 3) + acts_share * acts), total


def test_every_score_of_the_demo_can_be_recomputed_from_what_is_printed() -> None:
    settings = demo_settings(Settings())
    checked = 0

    with played(settings, MONDAY) as store:
        for one in ACCOUNTS:
            report = account_report(store, settings, MONDAY, one.name)
            if report.result.status is not Status.UNKNOWN:
                by_hand, printed = recomputed(account_text(report, width=80, colour=False))
                assert by_hand == pytest.approx(printed, abs=0.01), one.name
                assert printed == pytest.approx(report.result.score, abs=5e-5)
                checked += 1

    assert checked == 14
