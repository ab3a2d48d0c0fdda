"""The play of the demo, on every day of the week."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from calsignal.analysis import account_report, digest
from calsignal.auditing import audit
from calsignal.config import Settings, Team
from calsignal.contract import ConnectRequest
from calsignal.demo import ACCOUNTS, NoSecrets, Stage, Theatre, demo_settings, played
from calsignal.demo.dana import DANAS
from calsignal.demo.robin import ROBINS
from calsignal.demo.scenes import REP
from calsignal.errors import CalsignalError
from calsignal.model import Outcome, Status
from calsignal.reports.account_text import account_text
from calsignal.score.audit import AuditResult, Finding, RepMetrics
from calsignal.store import Store

SETTINGS = demo_settings(Settings())
FLAGS = {
    "single-threaded",
    "key-player-missing",
    "seller-driven",
    "series-only",
    "next-far-off",
    "no-next-step",
    "answer-the-buyer",
    "unanswered-invitations",
}
MONDAY = datetime(2026, 3, 16, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def monday() -> Iterator[Store]:
    with played(SETTINGS, MONDAY) as store:
        yield store


@pytest.mark.parametrize("weekday", range(7))
def test_everything_there_is_to_say_occurs_on_every_day_of_the_week(weekday: int) -> None:
    now = MONDAY + timedelta(days=weekday)

    with played(SETTINGS, now) as store:
        made = audit(store, SETTINGS, now)
        mine = digest(store, SETTINGS, now, REP)

    assert {a.result.status for a in made.accounts} == set(Status)
    assert {r.status for r in mine.accounts} == set(Status) - {Status.UNKNOWN}
    assert {f.code for f in made.forecast.findings} == set(Finding)
    assert {f.code for a in made.accounts for f in a.result.flags} == FLAGS
    assert lacking(made) == set()
    assert (made.contest.places[0].place, len(made.contest.places)) == (1, 10)
    assert made.notice == ""
    assert mine.first_action is not None
    assert any(c.good for c in mine.changes)
    assert not any(s.stale or s.problem for s in made.head.connections)


def lacking(made: AuditResult) -> set[str]:
    """Return the metrics for which nobody has a value."""
    metrics = {f.name for f in fields(RepMetrics) if f.type in ("Rate", "Measure")}
    told = {name for name in metrics for rep in made.reps if getattr(rep, name).value is not None}
    told |= {"soft_share" for rep in made.reps if rep.soft_share}
    return (metrics | {"soft_share"}) - told


def test_the_team_has_twelve_reps_120_accounts_and_90_deals_with_both_outcomes(monday: Store) -> None:
    made = audit(monday, SETTINGS, MONDAY)
    outcomes = Counter(track.now.outcome for track in monday.deals(MONDAY))

    assert (len(made.reps), len(made.accounts), len(ACCOUNTS)) == (12, 120, 120)
    assert outcomes == {Outcome.OPEN: 50, Outcome.WON: 26, Outcome.LOST: 14}
    assert [team.rep for team in made.teams] == ["North", "South"]


def test_the_play_is_the_same_each_time(monday: Store) -> None:
    with played(SETTINGS, MONDAY) as again:
        assert audit(again, SETTINGS, MONDAY).forecast == audit(monday, SETTINGS, MONDAY).forecast
        assert digest(again, SETTINGS, MONDAY).accounts == digest(monday, SETTINGS, MONDAY).accounts


def test_the_demo_is_the_same_on_a_machine_far_from_greenwich() -> None:
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


def test_every_score_of_the_demo_can_be_recomputed_from_what_is_printed(monday: Store) -> None:
    checked = 0

    for one in (*ROBINS, *DANAS):
        report = account_report(monday, SETTINGS, MONDAY, one.name)
        if report.result.status is not Status.UNKNOWN:
            by_hand, printed = recomputed(account_text(report, width=80, colour=False))
            assert by_hand == pytest.approx(printed, abs=0.01), one.name
            assert printed == pytest.approx(report.result.score, abs=5e-5)
            checked += 1

    assert checked == 14 + 8
