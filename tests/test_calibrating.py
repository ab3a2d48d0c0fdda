"""A calibration and a backtest over calendars that were really synced, day by day."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from calsignal.analysis import digest
from calsignal.calibrating import Lookback, accept, backtest, calibration, withdraw
from calsignal.errors import InputError
from calsignal.model import Account, Answer, Deal, Outcome, Status
from calsignal.reports.jsonform import digest_json
from calsignal.score.calibration import Row, study
from calsignal.store import open_store
from fake_provider import EPOCH
from remote_world import REP, World, event
from score.test_calibration import market

# EPOCH is Monday 2 March 2026, 8:00
WON = Deal("w", "Licences", "Acme", REP, outcome=Outcome.WON, created=date(2026, 3, 4), closed=date(2026, 3, 27))
LOST = replace(WON, id="l", account="Birch", outcome=Outcome.LOST)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with open_store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        for name in ("Acme", "Birch"):
            store.add_account(Account(name, (f"{name.lower()}.example",)))
        made = World(store, f"sqlite:///{tmp_path / 'store.db'}")
        made.remote()
        yield made


def live(world: World, days: int) -> None:
    """Let Acme accept a meeting for every Thursday, on the Monday before."""
    for day in range(days):
        if day % 7 == 0:
            world.remote().put(event(f"a{day}", day + 3, Answer.ACCEPTED, created=EPOCH + timedelta(days=day)))
        world.clock.at = EPOCH + timedelta(days=day)
        world.sync()


def rows(world: World, at: datetime) -> dict[str, list[Row]]:
    past = Lookback(world.store, world.settings, at)
    return {deal.track.now.id: list(past.rows(deal)) for deal in past.closed()[0]}


def test_a_row_says_what_was_known_at_midnight_before_its_monday(world: World) -> None:
    live(world, 30)
    world.store.import_deals([WON, LOST], world.clock(), "crm")

    found = rows(world, world.clock())

    assert [(r.on.day, r.won, r.held, r.quiet, r.status.value) for r in found["w"]] == [
        # as of 9 March: the meeting of 5 March was held 4 days ago
        (9, True, 1, 4, "REAL"),
        (16, True, 2, 4, "REAL"),
        (23, True, 3, 4, "REAL"),
    ]
    assert [(r.on.day, r.won, r.held, r.quiet, r.status.value) for r in found["l"]] == [
        (9, False, 0, None, "NO EVIDENCE"),
        (16, False, 0, None, "NO EVIDENCE"),
        (23, False, 0, None, "NO EVIDENCE"),
    ]
    assert found["w"][0].label


def test_a_row_equals_the_digest_of_that_moment(world: World) -> None:
    live(world, 30)
    world.store.import_deals([WON], world.clock(), "crm")

    for row in rows(world, world.clock())["w"]:
        then = digest(world.store, world.settings, datetime(2026, 3, row.on.day, tzinfo=UTC))
        acme = next(a for a in then.accounts if a.account.name == "Acme")
        assert (row.status, row.score, row.features.buyer_time) == (acme.status, acme.score, acme.time.points)


def test_what_happens_later_changes_no_row(world: World) -> None:
    live(world, 30)
    world.store.import_deals([WON, LOST], world.clock(), "crm")
    before = rows(world, world.clock())

    world.remote().put(event("late", 40, Answer.ACCEPTED), event("a21", 24, Answer.DECLINED))
    world.next_day()

    assert rows(world, world.clock()) == before


def test_before_the_first_sync_nothing_is_known(world: World) -> None:
    live(world, 9)
    early = replace(WON, created=date(2026, 2, 1), closed=date(2026, 3, 10))
    world.store.import_deals([early], world.clock(), "crm")

    found = rows(world, world.clock())["w"]

    assert [(r.on.isoformat(), r.status.value) for r in found] == [
        ("2026-02-02", "UNKNOWN"),
        ("2026-02-09", "UNKNOWN"),
        ("2026-02-16", "UNKNOWN"),
        ("2026-02-23", "UNKNOWN"),
        ("2026-03-02", "UNKNOWN"),  # the first sync came at 8:00 of that day
        ("2026-03-09", "REAL"),
    ]


def test_deals_that_cannot_be_used_are_counted_with_the_reason(world: World) -> None:
    live(world, 3)
    deals = [
        replace(WON, id="1", account="Nobody Ltd", closed=date(2026, 3, 3)),
        replace(WON, id="2", closed=None),
        replace(WON, id="3", closed=date(2027, 1, 1)),
        replace(WON, id="4", created=date(2026, 1, 1), closed=date(2026, 2, 1)),
        replace(WON, id="5", outcome=Outcome.OPEN, closed=None),
    ]
    world.store.import_deals(deals, world.clock(), "crm")

    found = calibration(world.store, world.settings, world.clock())

    assert found.left_out == {
        "of no account": 1,
        "without the day on which they closed": 1,
        "closed on a day that is yet to come": 1,
        "closed before any calendar could show their account": 1,
    }
    assert found.study.verdict == "uncalibrated (0 won, 0 lost; needs 50 and 50)"
    assert not found.head.calibrated


def test_the_backtest_asks_4_8_and_12_weeks_before_the_close(world: World) -> None:
    live(world, 65)
    deals = [
        # 1 May 2026: 4 weeks before is Fri 3 April, 8 weeks before Fri 6 March, 12 weeks before the first sync
        replace(WON, created=date(2026, 1, 1), closed=date(2026, 5, 1)),
        replace(LOST, created=date(2026, 3, 20), closed=date(2026, 5, 1)),
    ]
    world.store.import_deals(deals, world.clock(), "crm")

    found = backtest(world.store, world.settings, world.clock())

    told = {(t.weeks, s.status): (s.rate.hits, s.rate.n) for t in found.tables for s in t.by_status if s.rate.n}
    assert (found.won, found.lost) == (1, 1)
    assert [t.deals for t in found.tables] == [2, 1, 1]  # the lost one did not exist 8 weeks before
    assert told == {
        (4, Status.REAL): (1, 1),
        (4, Status.NO_EVIDENCE): (0, 1),
        (8, Status.REAL): (1, 1),
        (12, Status.UNKNOWN): (1, 1),
    }


def test_an_accepted_calibration_adds_a_probability_and_changes_nothing_else(world: World) -> None:
    live(world, 9)
    at = world.clock()
    before = digest(world.store, world.settings, at)
    report = replace(calibration(world.store, world.settings, at), study=study(market(240)))

    kept = accept(world.store, report, at)
    after = digest(world.store, world.settings, at)

    assert after.head.calibrated
    assert {a.account.name: a.win_probability is not None for a in after.accounts} == {"Acme": True, "Birch": True}
    assert [replace(a, win_probability=None) for a in after.accounts] == list(before.accounts)
    assert digest_json(before)["accounts"][0]["win_probability"] is None
    assert digest_json(after)["accounts"][0]["win_probability"] == pytest.approx(
        after.accounts[0].win_probability, abs=1e-4
    )
    assert calibration(world.store, world.settings, at).in_force == kept


def test_a_calibration_speaks_from_its_acceptance_on_and_only_for_its_own_constants(world: World) -> None:
    live(world, 9)
    at = world.clock()
    accept(world.store, replace(calibration(world.store, world.settings, at), study=study(market(240))), at)
    other = replace(world.settings, scoring=replace(world.settings.scoring, half_hours=4.0))

    assert not digest(world.store, world.settings, at - timedelta(seconds=1)).head.calibrated
    assert not digest(world.store, other, at).head.calibrated
    assert withdraw(world.store)
    assert not digest(world.store, world.settings, at).head.calibrated
    assert not withdraw(world.store)


def test_what_is_unknown_has_no_probability(world: World) -> None:
    world.store.add_account(Account("Cedar", ("cedar.example",), owner="two@ours.example"))
    live(world, 2)
    at = world.clock()

    accept(world.store, replace(calibration(world.store, world.settings, at), study=study(market(240))), at)

    cedar = next(a for a in digest(world.store, world.settings, at).accounts if a.account.name == "Cedar")
    assert (cedar.status, cedar.win_probability) == (Status.UNKNOWN, None)


def test_what_has_not_passed_is_not_accepted(world: World) -> None:
    live(world, 2)

    with pytest.raises(InputError, match=r"nothing was accepted: uncalibrated \(0 won, 0 lost; needs 50 and 50\)"):
        accept(world.store, calibration(world.store, world.settings, world.clock()), world.clock())
