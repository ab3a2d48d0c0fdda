"""What the benchmarks generate is what a sync would have left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

import generate
from calsignal.analysis import digest
from calsignal.auditing import audit
from calsignal.config import Settings, Team
from calsignal.contract import Event
from calsignal.model import ChangeKind, EventStatus
from calsignal.store import Store, open_store
from calsignal.sync import Syncer
from fake_provider import FakeProvider, FakeRegistry, MemoryVault, Remote
from generate import OURS, Plan, Size

NOW = datetime(2026, 3, 16, 18, tzinfo=UTC)
SETTINGS = Settings(team=Team("us", (OURS,)))


@dataclass
class Still:
    """A clock that stands still while a calendar is read."""

    at: datetime = NOW

    def __call__(self) -> datetime:
        return self.at


def synced(store: Store, plan: Plan) -> None:
    """Read the plan's calendars day by day, as a team would have."""
    provider, clock = FakeProvider(name="google"), Still()
    for rep in range(plan.size.reps):
        mailbox = f"rep{rep}@{OURS}"
        provider.remotes[mailbox] = Remote(deltas=True)
        at = datetime.fromtimestamp(plan.sync_at(rep, 0), UTC)
        store.connect(f"google:{mailbox}", "google", mailbox, {}, at)
    told: defaultdict[tuple[int, int], list[Event]] = defaultdict(list)
    for copy in plan.copies:
        for step in copy.steps:
            told[copy.rep, step.day].append(generate.event(plan, copy, step.said))
    syncer = Syncer(
        store, SETTINGS, FakeRegistry(provider), MemoryVault(), b"key", clock, lambda request: request(), frozenset()
    )
    for day in range(plan.size.watched + 1):
        for rep, connection in enumerate(store.connections()):
            provider.remotes[connection.mailbox].put(*told[rep, day])
            clock.at = datetime.fromtimestamp(plan.sync_at(rep, day), UTC)
            assert [outcome.problem for outcome in syncer.sync([connection])] == [None]


@pytest.fixture(scope="module")
def plan() -> Plan:
    return Plan(Size(reps=2, accounts=5, meetings=60, deals=6, past=90, watched=36, ahead=20), NOW, seed=2)


@pytest.fixture(scope="module")
def stores(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Store]]:
    """Give a store that was generated, and one that was synced from the same calendars."""
    folder = tmp_path_factory.mktemp("generated")
    generate.fill(f"sqlite:///{folder / 'made.db'}", plan)
    with open_store(folder / "made.db") as made, open_store(folder / "real.db") as real:
        real.save_accounts(made.accounts())
        synced(real, plan)
        for at, deals in plan.deals():
            real.import_deals(deals, at, "crm")
        yield made, real


def test_a_generated_store_tells_what_a_synced_one_tells(stores: tuple[Store, Store]) -> None:
    made, real = stores

    copies = made.history(NOW, None)

    assert copies == real.history(NOW, None)
    assert {v.state.status for c in copies for v in c.versions} >= {EventStatus.CONFIRMED, EventStatus.CANCELLED}
    assert any(c.versions[-1].occurrences for c in copies)
    assert any(c.original_start for c in copies)
    assert any(len(c.versions) > 1 for c in copies)


def test_it_reports_what_a_synced_one_reports(stores: tuple[Store, Store]) -> None:
    made, real = stores

    one, other = digest(made, SETTINGS, NOW), digest(real, SETTINGS, NOW)
    audited = audit(made, SETTINGS, NOW)

    assert one == other
    assert audited == audit(real, SETTINGS, NOW)
    assert {c.change.kind for c in one.changes} & {ChangeKind.MOVED, ChangeKind.ANSWER_CHANGED, ChangeKind.CREATED}
    assert len(audited.forecast.lines) > 1


def test_every_copy_is_as_open_as_after_a_sync(stores: tuple[Store, Store]) -> None:
    made, real = (
        {
            copy.event: (copy.state, copy.subject, copy.expansion)
            for connection in store.connections()
            for calendar in store.calendars(connection)
            for copy in store.open_copies(calendar).values()
        }
        for store in stores
    )

    assert made == real


def test_a_team_is_as_large_as_it_was_asked_to_be() -> None:
    size = generate.team(10_000)

    plan = Plan(size, NOW)

    said = {(copy.uid, copy.original): copy.steps[0].said for copy in plan.copies}
    moved = {uid for uid, original in said if original is not None}
    dates = sum(int(one.rule.rpartition("=")[2]) if one.rule else 1 for (_, at), one in said.items() if at is None)
    people = [len(copy.steps[-1].said.seats) for copy in plan.copies]
    several = [copy for copy in plan.copies if len(copy.steps) > 1]
    assert (size.reps, size.accounts, size.deals) == (5, 100, 75)
    assert abs(dates - 10_000) < 100
    assert moved
    assert 4.5 < sum(people) / len(people) < 5.5
    assert 0.1 < len(several) / len(plan.copies) < 0.2
    assert max(len(copy.steps) for copy in several) == 4
