"""Reports from what a sync kept are those from the ledger, whatever happened in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from calsignal.analysis import digest
from calsignal.auditing import audit
from calsignal.config import Ignore, Settings, Team
from calsignal.contract import Attendee
from calsignal.model import Account, Answer
from calsignal.recall import Recall, lens_of
from calsignal.score.account import judged
from calsignal.score.kept import TELLS
from calsignal.score.result import AccountResult
from calsignal.store import open_store
from calsignal.store.store import Store
from calsignal.team import forget_strangers
from databases import execute
from remote_world import ANN, OTHER, REP, World, event, weekly

BOB, EVE, MAX = "bob@birch.example", "eve@cedar.example", "max@dune.example"
YES = Answer.ACCEPTED


@pytest.fixture
def world(url: str) -> Iterator[World]:
    """Three accounts, two reps, a series, a meeting of several companies, and some of everything."""
    with open_store(url) as store:
        made = World(store, url)
        for name in ("Acme", "Birch", "Cedar"):
            store.add_account(Account(name, (f"{name.lower()}.example",)))
        for rep in (REP, OTHER):
            made.remote(rep)
        made.sync()
        made.clock.wait(days=1)
        made.remote().put(
            event("m1", 3, YES),
            event("m2", 20, YES, attendees=(Attendee(BOB, YES), Attendee(MAX))),
            event("m3", 9, attendees=(Attendee(ANN, YES), Attendee(BOB, YES), Attendee(MAX, YES))),
            weekly("s1", 2, attendees=(Attendee(EVE, YES),)),
        )
        made.remote(OTHER).put(event("o1", 5, attendees=(Attendee(EVE),), organizer=OTHER), event("m1", 3, YES))
        made.sync()
        yield made


def results(store: Store, settings: Settings, at: datetime, since: datetime | None) -> dict[str, AccountResult]:
    recall = Recall(store, settings, lens_of(store, settings, at))
    return {
        found.sight.account.name: judged(found.facts, found.chains, found.sight).result for found in recall.all(since)
    }


def agree(world: World, since: timedelta = timedelta(days=1)) -> dict[str, AccountResult]:
    """Check that both ways come to the same now."""
    now = world.clock()
    kept = results(world.store, world.settings, now, now - since)
    assert kept == results(world.store, world.settings, now, None)
    return kept


def from_the_ledger(world: World, monkeypatch: pytest.MonkeyPatch, report: Callable[[], object]) -> int:
    """Return how often a report asked the ledger."""
    asked: list[object] = []
    whole = Store.history

    def history(*args: object, **more: object) -> object:
        asked.append(args)
        return whole(*args, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(Store, "history", history)
        report()
    return len(asked)


def test_after_a_sync_a_report_does_not_ask_the_ledger(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    now = world.clock()

    asked = from_the_ledger(world, monkeypatch, lambda: digest(world.store, world.settings, now))
    asked += from_the_ledger(world, monkeypatch, lambda: audit(world.store, world.settings, now))

    assert asked == 0
    assert agree(world)["Acme"].meetings


def test_what_is_further_back_than_what_is_kept_tells_comes_from_the_ledger(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = world.clock()
    since = now - TELLS - timedelta(days=1)

    asked = from_the_ledger(world, monkeypatch, lambda: digest(world.store, world.settings, now, since=since))

    assert asked == 1


def test_a_report_for_the_past_comes_from_the_ledger(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    then = world.clock() - timedelta(hours=1)

    assert from_the_ledger(world, monkeypatch, lambda: digest(world.store, world.settings, then)) == 1


def move(world: World) -> None:
    world.remote().put(event("m1", 4, YES))
    world.next_day()


def vanish(world: World) -> None:
    world.remote().drop("m2")
    world.next_day()


def make_private(world: World) -> None:
    world.remote().put(event("m3", 9, private=True, attendees=(Attendee(ANN, YES), Attendee(BOB, YES))))
    world.next_day()


def rename(world: World) -> None:
    world.remote().put(event("m1", 3, YES, subject="Another name"))
    world.next_day()


def invite(world: World) -> None:
    world.remote().put(event("new", 12, attendees=(Attendee(ANN), Attendee("new@birch.example", YES))))
    world.next_day()


def carry_on_under_another_uid(world: World) -> None:
    cut = weekly("s1", 2, rule="FREQ=WEEKLY;COUNT=2", attendees=(Attendee(EVE, YES),))
    world.remote().put(cut, weekly("s2", 17, attendees=(Attendee(EVE, YES),)))
    world.next_day()


def disconnect(world: World) -> None:
    world.store.retire(f"fake:{OTHER}", world.clock())


def disconnect_and_connect(world: World) -> None:
    disconnect(world)
    world.next_day()
    world.store.connect(f"fake:{OTHER}", "fake", OTHER, {}, world.clock())
    world.next_day()


def erase_a_connection(world: World) -> None:
    world.store.erase_connection(f"fake:{OTHER}")


def let_a_series_roll_on(world: World) -> None:
    for _ in range(3):
        world.clock.wait(days=6)
        world.sync()


def add_an_account(world: World) -> None:
    world.store.add_account(Account("Dune", ("dune.example",)))


def add_an_account_and_read_it(world: World) -> None:
    add_an_account(world)
    world.next_day()


def give_a_domain_to_another_account(world: World) -> None:
    world.store.save_accounts(
        [Account("Acme", ("acme2.example",)), Account("Birch", ("birch.example", "acme.example"))]
    )


def add_many_accounts(world: World) -> None:
    world.store.save_accounts([Account("Dune", ("dune.example", *(f"a{n}.example" for n in range(300))))])


def remove_an_account(world: World) -> None:
    world.store.remove_account("Birch")


def ignore_somebody(world: World) -> None:
    world.settings = replace(world.settings, ignore=Ignore(addresses=(BOB,)))


def widen_the_team(world: World) -> None:
    world.settings = replace(world.settings, team=Team("us", ("ours.example", "cedar.example")))


def forget_subjects(world: World) -> None:
    world.store.forget_subjects(lambda *_: False)


def let_time_pass(world: World) -> None:
    world.clock.wait(days=200)


@pytest.mark.parametrize(
    "happens",
    [
        move,
        vanish,
        make_private,
        rename,
        invite,
        carry_on_under_another_uid,
        disconnect,
        disconnect_and_connect,
        erase_a_connection,
        let_a_series_roll_on,
        add_an_account,
        add_an_account_and_read_it,
        give_a_domain_to_another_account,
        add_many_accounts,
        remove_an_account,
        ignore_somebody,
        widen_the_team,
        forget_subjects,
        let_time_pass,
    ],
)
def test_whatever_happens_both_ways_agree(world: World, happens: Callable[[World], None]) -> None:
    happens(world)

    agree(world)


def test_the_audit_is_the_same_both_ways(world: World) -> None:
    world.clock.wait(days=14)
    world.sync()
    now = world.clock()

    kept = audit(world.store, world.settings, now)
    execute(world.url, "DELETE FROM kept_accounts")

    assert audit(world.store, world.settings, now) == kept


def kept_bytes(world: World) -> bytes:
    """Return everything that is kept, of all accounts."""
    return b"".join(bytes(row[0]) for row in execute(world.url, "SELECT facts FROM kept_accounts"))  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("happens", "word"),
    [
        (make_private, b"Subject of m3"),
        (erase_a_connection, b"Subject of o1"),
        (forget_subjects, b"Subject of"),
        (remove_an_account, BOB.encode()),
    ],
)
def test_what_is_erased_is_not_kept_either(world: World, happens: Callable[[World], None], word: bytes) -> None:
    assert word in kept_bytes(world)

    happens(world)
    if happens is remove_an_account:
        forget_strangers(world.store, world.settings)

    assert word not in kept_bytes(world)


def test_nothing_is_kept_of_what_was_read_before_an_erasure(world: World) -> None:
    touched = world.store.touched()
    world.store.forget_subjects(lambda *_: False)

    assert not world.store.keep("any", (), touched)
    assert world.store.keep("any", (), world.store.touched())


def test_who_is_touched_meanwhile_stays_touched(world: World) -> None:
    world.remote().put(event("m1", 6, YES))
    (calendar, *_) = world.store.calendars(world.store.connections()[1])
    before = world.store.touched()
    disconnect(world)

    world.store.settle(before)

    assert {email for _, _, email in world.store.touched().people} >= {REP}
    assert calendar.connection == f"fake:{REP}"


def test_a_store_that_a_faster_clock_wrote_is_kept_as_it_is(world: World) -> None:
    world.clock.at = datetime(2031, 1, 1, tzinfo=UTC)
    world.sync()
    world.clock.at = datetime(2026, 4, 1, tzinfo=UTC)

    world.sync()

    assert agree(world)
