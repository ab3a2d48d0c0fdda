"""What is older than `keep_days` is erased at each sync, in every byte, and reports say so instead of showing less."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from calsignal.config import Privacy
from calsignal.model import Account, Answer, ChangeKind, Deal, EventStatus, Outcome
from calsignal.store import open_store
from cli.conftest import bare, desk  # noqa: F401  # fixtures
from cli.desk import REP as DESK_REP
from cli.desk import Desk
from databases import everything
from remote_world import World, event, weekly

DAYS = 200


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    path = tmp_path / "store.db"
    with open_store(f"sqlite:///{path}") as store:
        store.add_account(Account("Acme", ("acme.example",)))
        made = World(store, f"sqlite:///{path}")
        made.settings = replace(made.settings, privacy=Privacy(keep_days=DAYS))
        yield made


def raw(world: World) -> bytes:
    world.store.close()  # an erasure is swept out of the pages then
    return everything(world.url)


def events(world: World) -> list[str]:
    return [copy.event for copy in world.copies()]


def test_a_meeting_that_is_over_so_long_goes_with_all_its_past(world: World) -> None:
    remote = world.remote()
    remote.put(event("old", 3, subject="Sample of old"), event("new", 150, subject="Sample of new"))
    world.sync()
    remote.put(event("old", 5, Answer.ACCEPTED, subject="Sample of old"))
    world.next_day()
    world.clock.wait(days=DAYS + 6)
    assert events(world) == ["new", "old"]

    world.next_day()

    assert events(world) == ["new"]
    assert b"Sample of old" not in raw(world)
    assert b"Sample of new" in raw(world)


def test_what_was_over_before_is_never_stored(world: World) -> None:
    world.remote().put(event("old", -DAYS - 1), event("kept", -DAYS + 1))

    world.sync()

    assert events(world) == ["kept"]
    assert b"old@x" not in raw(world)


def test_versions_that_were_replaced_by_then_go_and_nothing_is_said_to_have_happened(world: World) -> None:
    remote = world.remote()
    remote.put(event("m", 300))
    world.sync()
    remote.put(event("m", 310))
    world.next_day()
    world.clock.wait(days=DAYS)
    remote.put(event("m", 320))
    world.next_day()
    then = world.clock()

    world.next_day()

    (copy,) = world.copies()
    assert len(copy.versions) == 2
    assert copy.baseline
    assert copy.versions[0].not_before is None
    assert world.changes() == [ChangeKind.MOVED]
    (earlier,) = world.store.history(then - timedelta(hours=1), None)
    assert earlier.versions == copy.versions[:1]


def test_a_series_that_goes_on_loses_the_dates_that_are_over_and_they_do_not_come_back(world: World) -> None:
    remote = world.remote()
    first = event("s1_1", 8, status=EventStatus.CANCELLED)
    remote.put(weekly(), replace(first, uid="s1@x", original_start=first.slot.start))
    world.sync()
    world.clock.wait(days=DAYS + 30)

    world.sync()
    world.next_day()

    (series,) = world.copies()
    dates = series.versions[-1].occurrences
    assert all(isinstance(start, datetime) and start > world.clock() - timedelta(days=DAYS + 1) for start in dates)
    assert len(dates) > 40
    assert world.changes() == []


def test_a_series_that_has_ended_goes_with_its_last_date(world: World) -> None:
    world.remote().put(weekly(rule="FREQ=WEEKLY;COUNT=3"))
    world.sync()
    world.clock.wait(days=DAYS + 10)
    world.sync()
    assert events(world) == ["s1"]
    world.remote().drop("s1")

    world.clock.wait(days=10)
    world.sync()

    assert events(world) == []
    assert b"RRULE" not in raw(world)


def test_syncs_skips_and_gaps_go_but_for_the_last_word(world: World) -> None:
    remote = world.remote()
    remote.put(event("m", 300))
    for _ in range(4):
        world.next_day()
    world.clock.wait(days=DAYS + 1)
    since = world.clock() - timedelta(days=DAYS)
    (before,) = world.store.connection_states(since + timedelta(seconds=9), timedelta(days=9))

    gone = world.store.expire(since)

    assert gone.notes == 3
    (after,) = world.store.connection_states(since + timedelta(seconds=9), timedelta(days=9))
    assert after.last_synced == before.last_synced
    assert after.first_synced == before.last_synced


def test_deals_that_are_over_go_and_open_ones_keep_what_was_last_said(world: World) -> None:
    start = world.clock()
    deal = Deal("1", "Sample deal", "Acme", "rep@ours.example", amount=Decimal(5))
    won = Deal("2", "Sample won", "Acme", "rep@ours.example", outcome=Outcome.WON, closed=date(2026, 3, 1))
    world.store.import_deals([deal, won], start, "crm")
    world.store.import_deals([replace(deal, amount=Decimal(7)), won], start + timedelta(days=1), "crm")
    world.store.import_deals([replace(deal, amount=Decimal(9)), won], start + timedelta(days=DAYS), "crm")

    gone = world.store.expire(start + timedelta(days=2))

    (track,) = world.store.deals(start + timedelta(days=DAYS + 1))
    assert [s.deal.amount for s in track.snapshots] == [7, 9]
    assert (gone.deals, len(world.store.deal_imports())) == (2, 2)
    assert b"Sample won" not in raw(world)


def test_a_connection_that_was_given_up_goes_when_nothing_of_it_is_kept(world: World) -> None:
    world.remote().put(event("m", 3))
    world.sync()
    world.store.retire("fake:rep@ours.example", world.clock())

    world.clock.wait(days=DAYS + 20)
    world.sync()

    assert world.store.connections() == ()
    assert b"rep@ours.example" not in raw(world)


def test_nothing_is_erased_where_all_is_kept(world: World) -> None:
    world.settings = replace(world.settings, privacy=Privacy())
    world.remote().put(event("m", 3))
    world.sync()

    world.clock.wait(days=3000)
    world.sync()

    assert events(world) == ["m"]
    assert world.store.kept_since() is None


# --- reports ----------------------------------------------------------------------------------------------------------


def keep(desk: Desk, days: int) -> None:  # noqa: F811
    text = desk.config.read_text(encoding="utf-8")
    desk.write(text.replace("#keep_days = 0", f"keep_days = {days}").replace("keep_days = 400", f"keep_days = {days}"))


def test_a_report_of_before_says_so_and_one_of_shortly_after_too(desk: Desk) -> None:  # noqa: F811
    keep(desk, 400)
    desk.ok("connect", "toy", "box", "--rep", DESK_REP)
    desk.ok("accounts", "add", "Acme", "acme.example")
    desk.remote().put(event("m", 3))
    desk.ok("sync")
    first = desk.clock().date()
    desk.clock.wait(days=401)
    desk.ok("sync")

    refused = desk.fails(2, "account", "Acme", "--as-of", first.isoformat())
    shortly = desk.run("digest", "--as-of", (first + timedelta(days=5)).isoformat())
    today = desk.run("digest")

    assert refused.splitlines() == [
        "error: what was known on 2026-03-02 is erased: nothing from before 2026-03-03 is kept",
        "hint: ask for a later day; [privacy] keep_days says how long things are kept",
    ]
    assert (
        shortly.stderr
        == "note: nothing from before 2026-03-03 is kept; what happened earlier counts for nothing here\n"
    )
    assert (today.exit_code, today.stderr) == (0, "")


def test_keeping_less_than_a_report_looks_back_is_said_with_every_report(desk: Desk) -> None:  # noqa: F811
    keep(desk, 30)
    desk.ok("connect", "toy", "box", "--rep", DESK_REP)
    assert desk.run("connections").stderr == ""
    desk.ok("sync")

    assert "note: nothing from before 2026-01-31 is kept" in desk.run("connections").stderr
    assert desk.store().kept_since() == datetime(2026, 1, 31, 8, tzinfo=UTC).replace(
        microsecond=desk.store().kept_since().microsecond  # type: ignore[union-attr]
    )
