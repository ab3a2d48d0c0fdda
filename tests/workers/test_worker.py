"""One worker in this process, with a provider in memory: what becomes of jobs."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import psycopg
import pytest
import sqlalchemy as sa

import postgres
from calsignal import log
from calsignal.config import Settings, Team
from calsignal.contract import Provider
from calsignal.errors import CalsignalError, NeedsSignIn, Retriable, StoreError
from calsignal.retry import Retry
from calsignal.store import Connection, Store, libpq_url, open_store
from calsignal.sync import Outcome, Syncer
from calsignal.worker import _CARING, QUEUE, Terms, Worker, at_once, prepare_queue
from fake_provider import Clock, FakeProvider, FakeRegistry, MemoryVault, Remote

EVERY = timedelta(hours=1)
JOBS = f"{QUEUE}.procrastinate_jobs"


class Impatient(threading.Event):
    """Somebody stops the process as soon as anything in it waits."""

    def wait(self, timeout: float | None = None) -> bool:
        if not self.is_set():
            os.kill(os.getpid(), signal.SIGTERM)
        return super().wait(10)


class Installed(FakeRegistry):
    also: tuple[str, ...] = ()

    def names(self) -> tuple[str, ...]:
        return (self.provider.name, *self.also)

    def get(self, name: str) -> Provider:
        assert name in self.names()
        return self.provider


@dataclass
class Site:
    """A store, a queue, mailboxes in memory, and workers that work off what is due."""

    url: str
    store: Store
    provider: FakeProvider = field(default_factory=lambda: FakeProvider(at_once=4))
    clock: Clock = field(default_factory=Clock)
    told: list[Outcome] = field(default_factory=list)
    noted: list[str] = field(default_factory=list)

    def mailbox(self, name: str) -> Remote:
        self.store.connect(name, "fake", f"{name}@ours.example", {}, self.clock())
        return self.provider.remotes.setdefault(f"{name}@ours.example", Remote())

    def worker(self, **terms: float) -> Worker:
        settings = Settings(team=Team(domains=("ours.example",)))
        registry, retry = Installed(self.provider), Retry(lambda _: None, lambda _, high: high, lambda: 0.0)
        syncer = Syncer(self.store, settings, registry, MemoryVault(), b"key", self.clock, retry, keeps=False)
        asked = Terms(EVERY, once=True, **terms)
        return Worker(self.url, self.store, syncer, registry, self.clock, asked, self.told.append, self.noted.append)

    def work(self, **terms: float) -> bool:
        """Let a worker do what is due; say whether all went well."""
        return self.worker(**terms).run()

    def ask(self, query: str, *values: object) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url) as conn:
            return conn.execute(query, values or None).fetchall()

    def change(self, statement: str, *values: object) -> None:
        with psycopg.connect(self.url, options=f"-c search_path=public,{QUEUE}") as conn:
            conn.execute(statement, values or None)

    def jobs(self) -> list[tuple[object, ...]]:
        """Return the connection, the status and the attempts of every job."""
        return self.ask(f"SELECT args->>'connection', status::text, attempts FROM {JOBS} ORDER BY id")

    def waits(self) -> list[float]:
        """Return in how many seconds each job that waits may begin."""
        query = f"SELECT extract(epoch FROM scheduled_at - now()) FROM {JOBS} WHERE status = 'todo'"
        return [float(str(wait)) for (wait,) in self.ask(query)]

    def leave(self, name: str, turn: datetime, attempts: int = 0) -> None:
        """Put in a job that a worker was at when it died."""
        told = json.dumps({"connection": name, "turn": turn.isoformat()})
        row = "queue_name, task_name, lock, status, attempts, args"
        self.change(f"INSERT INTO {JOBS} ({row}) VALUES ('fake', 'sync', %s, 'doing', %s, %s)", name, attempts, told)


@pytest.fixture
def site(database: str) -> Iterator[Site]:
    with open_store(database) as store:
        yield Site(libpq_url(database), store)


# --- what is due ------------------------------------------------------------------------------------------------------


def test_a_round_syncs_what_is_due_and_ends(site: Site) -> None:
    for name in ("a", "b", "c"):
        site.mailbox(name)

    assert site.work()

    assert sorted(outcome.connection for outcome in site.told) == ["a", "b", "c"]
    assert [(status, attempts) for _, status, attempts in site.jobs()] == [("succeeded", 1)] * 3


def test_a_round_leaves_what_was_synced_in_the_last_half_period(site: Site) -> None:
    first = site.mailbox("a")
    site.work()
    site.clock.wait(minutes=20)
    site.mailbox("b")

    site.work()
    asked = list(first.asked)
    site.clock.wait(minutes=20)
    site.work()

    assert len(asked) == 1
    assert len(first.asked) == 2


def test_a_disconnected_mailbox_is_never_due(site: Site) -> None:
    gone = site.mailbox("a")
    site.store.retire("a", site.clock())

    assert site.work()

    assert (gone.asked, site.jobs()) == ([], [])


@pytest.mark.parametrize("fate", ["synced by hand", "disconnected", "erased"])
def test_a_job_whose_reason_has_gone_does_nothing(site: Site, fate: str) -> None:
    turn, remote = site.clock(), site.mailbox("a")
    site.clock.wait(minutes=1)
    site.work()
    prepared, site.told[:] = list(remote.asked), []
    if fate == "disconnected":
        site.store.retire("a", site.clock())
    if fate == "erased":
        site.store.erase_connection("a")
    site.leave("a", turn)

    site.work()

    assert site.told == []
    assert remote.asked == prepared
    assert site.jobs()[-1] == ("a", "succeeded", 2)


def test_two_rounds_of_planning_put_in_one_job_for_a_turn(site: Site) -> None:
    site.mailbox("a").broken = NeedsSignIn("the sign-in has ended")
    site.work()

    worker = site.worker()
    worker.terms = Terms(EVERY)
    turns = [turn for _, turn in worker._due()]
    site.change(f"UPDATE {JOBS} SET args = args || %s", json.dumps({"turn": turns[0].isoformat()}))
    _plan(worker)

    assert len(site.jobs()) == 1


def _plan(worker: Worker) -> None:
    async def plan() -> None:
        async with worker._app.open_async():
            await worker._look_after()

    asyncio.run(plan())


def test_one_worker_at_a_time_looks_after_the_queue(site: Site) -> None:
    site.mailbox("a")
    prepare_queue(site.url)

    with psycopg.connect(site.url) as other:
        other.execute("SELECT pg_advisory_xact_lock(%s)", [_CARING])
        _plan(site.worker())
        meanwhile = site.jobs()
    _plan(site.worker())

    assert meanwhile == []
    assert site.jobs() == [("a", "todo", 0)]


def test_a_worker_goes_on_until_it_is_told_to_stop(site: Site) -> None:
    for name in ("a", "b", "c"):
        site.mailbox(name)
    worker = site.worker()
    worker.terms = Terms(EVERY)

    def tell(outcome: Outcome) -> None:
        site.told.append(outcome)
        if len(site.told) == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    worker.tell = tell

    assert worker.run()

    assert {status for _, status, _ in site.jobs()} == {"succeeded"}
    assert site.ask(f"SELECT count(*) FROM {QUEUE}.procrastinate_workers") == [(0,)]


def test_a_worker_that_waits_for_a_place_gives_its_job_back_when_it_is_told_to_stop(site: Site) -> None:
    remote = site.mailbox("a")
    worker = site.worker()
    worker.terms, places = Terms(EVERY), at_once(site.provider)
    worker._stopping = Impatient()

    with ExitStack() as stack:
        for _ in range(places):
            assert stack.enter_context(site.store.seat("fake", places, lambda: False))
        assert worker.run()

    assert remote.asked == []
    assert site.jobs() == [("a", "todo", 1)]
    assert site.waits()[0] <= 0


# --- what goes wrong --------------------------------------------------------------------------------------------------


def test_what_may_pass_is_tried_again_after_waits_that_double(site: Site) -> None:
    site.mailbox("a").broken = Retriable("the service does not answer")

    assert not site.work()
    (first,) = site.waits()
    site.change(f"UPDATE {JOBS} SET scheduled_at = now()")
    assert not site.work()
    (second,) = site.waits()

    assert 40 < first < 76
    assert second == pytest.approx(2 * first, abs=5)
    assert site.jobs() == [("a", "todo", 2)]


def test_a_wait_that_the_service_asks_for_is_kept(site: Site) -> None:
    site.mailbox("a").broken = Retriable("too many requests", retry_after=50.0)
    site.mailbox("b").broken = Retriable("too many requests", retry_after=1500.0)

    site.work()

    first, second = sorted(site.waits())
    assert first < 76
    assert second == pytest.approx(1500, abs=5)


@pytest.mark.parametrize(
    "error", [NeedsSignIn("the sign-in has ended"), CalsignalError("the vault is shut"), ValueError("a mistake")]
)
def test_what_does_not_pass_by_itself_waits_for_the_next_turn(site: Site, error: Exception) -> None:
    site.mailbox("a").broken = error
    site.mailbox("b")

    assert not site.work()

    assert sorted(site.jobs()) == [("a", "failed", 1), ("b", "succeeded", 1)]
    assert [outcome.connection for outcome in site.told if outcome.problem] == ["a"]


def test_a_retry_that_would_come_after_the_next_turn_is_left_to_that(site: Site) -> None:
    site.mailbox("a").broken = Retriable("the service does not answer", retry_after=2 * EVERY.total_seconds())

    assert not site.work()

    assert site.jobs() == [("a", "failed", 1)]


def test_a_mistake_of_ours_names_its_kind_alone(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> object:
        raise KeyError("Lunch with Ann")

    site.mailbox("a")
    monkeypatch.setattr(Syncer, "sync", fail)

    assert not site.work()

    (outcome,) = site.told
    assert outcome.problem == "something went wrong that should not (KeyError)"
    assert "Ann" not in f"{outcome}"


def test_a_store_that_fails_is_asked_again_later(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> object:
        raise StoreError("the store cannot be used now", "check the server")

    site.mailbox("a")
    monkeypatch.setattr(Syncer, "sync", fail)

    assert not site.work()

    assert site.jobs() == [("a", "todo", 1)]
    assert site.told[0].problem == "the store cannot be used now"


def test_a_connection_that_is_held_elsewhere_is_looked_at_again_soon(site: Site) -> None:
    remote = site.mailbox("a")

    with site.store.alone(site.store.connection("a")) as held:
        assert held
        assert site.work(presumed_dead=7)

    assert [outcome.elsewhere for outcome in site.told] == [True]
    assert remote.asked == []
    assert site.waits() == [pytest.approx(7, abs=2)]


# --- what others leave ------------------------------------------------------------------------------------------------


def test_a_job_of_a_dead_worker_is_taken_over(site: Site) -> None:
    remote = site.mailbox("a")
    prepare_queue(site.url)
    site.leave("a", site.clock())

    assert site.work()

    assert site.noted == ["a: its worker is gone; taken over"]
    assert site.jobs() == [("a", "succeeded", 2)]
    assert len(remote.asked) == 1


def test_what_a_worker_does_is_in_the_log_without_a_name(site: Site) -> None:
    site.mailbox("a")
    prepare_queue(site.url)
    site.leave("a", site.clock())
    stream = io.StringIO()
    opened = log.Log("json", "info", stream)

    try:
        site.work(presumed_dead=7)
    finally:
        opened.close()

    found = [json.loads(line) for line in stream.getvalue().splitlines()]
    told = {one.pop("event"): {k: v for k, v in one.items() if k not in ("time", "level")} for one in found}
    assert told["worker.started"] == {"every": 3600.0, "presumed_dead": 7}
    assert told["sync.inherited"] == {"attempts": 0, "left": False}
    assert told["sync.finished"]["synced"] == 1


def test_a_job_that_ends_every_worker_is_given_up_for_this_turn(site: Site) -> None:
    remote = site.mailbox("a")
    prepare_queue(site.url)
    site.leave("a", site.clock(), attempts=10)

    site.work()

    assert site.noted == ["a: every worker that synced it is gone; left until its next turn"]
    assert site.jobs()[0] == ("a", "failed", 11)
    assert len(remote.asked) == 1  # of this round, whose turn is another


def test_old_jobs_are_deleted_and_those_of_the_last_two_periods_are_kept(site: Site) -> None:
    site.mailbox("a")
    site.mailbox("b").broken = NeedsSignIn("the sign-in has ended")
    site.work()
    events = f"{QUEUE}.procrastinate_events"
    site.change(f"UPDATE {events} SET at = at - interval '110 minutes'")
    site.work()
    kept = len(site.jobs())
    site.change(f"UPDATE {events} SET at = at - interval '15 minutes'")

    site.work()

    assert kept == 3
    assert [status for _, status, _ in site.jobs()] == ["failed"] * 2


def test_a_worker_has_no_place_while_others_have_them_all(site: Site) -> None:
    with (
        site.store.seat("fake", 2, lambda: False) as first,
        site.store.seat("fake", 2, lambda: False) as second,
        site.store.seat("fake", 2, iter([True, True, False]).__next__) as third,
        site.store.seat("other", 2, lambda: False) as fourth,
    ):
        assert (first, second, third, fourth) == (True, True, False, True)
    with site.store.seat("fake", 1, lambda: False) as free:
        assert free


def test_what_reports_keep_is_made_once_when_all_is_quiet(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a", "b", "c"):
        site.mailbox(name)
    told_by_then = []
    monkeypatch.setattr(Syncer, "keep", lambda _: told_by_then.append(len(site.told)))

    site.work()

    assert told_by_then == [3]


def test_workers_ask_a_provider_for_no_more_than_it_allows_all_together(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        site.mailbox(f"{number}")
    busy, most = threading.Semaphore(2), []

    def sync(_: Syncer, connections: list[Connection]) -> list[Outcome]:
        most.append(busy.acquire(blocking=False))
        threading.Event().wait(0.05)
        busy.release()
        return [Outcome(connections[0].name)]

    monkeypatch.setattr(Syncer, "sync", sync)

    with ExitStack() as others:  # which have two of the four places
        for _ in range(2):
            assert others.enter_context(site.store.seat("fake", 4, lambda: False))
        assert site.work()

    assert most == [True] * 6


@pytest.mark.parametrize(("said", "meant"), [(None, 1), (1, 1), (9, 9), (0, 1), (10_000, 256)])
def test_a_provider_says_how_many_are_synced_at_once(said: int | None, meant: int) -> None:
    provider = FakeProvider()
    if said is not None:
        provider.at_once = said

    assert at_once(provider) == meant


def test_a_small_machine_syncs_all_providers_side_by_side(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    monkeypatch.setattr(Installed, "also", ("second", "third"))
    met = threading.Barrier(12)
    for number in range(12):
        provider = ("fake", "second", "third")[number % 3]
        site.store.connect(f"{number}", provider, f"{number}@ours.example", {}, site.clock())

    def sync(_: Syncer, connections: list[Connection]) -> list[Outcome]:
        met.wait(30)
        return [Outcome(connections[0].name)]

    monkeypatch.setattr(Syncer, "sync", sync)

    assert site.work()

    assert len(site.told) == 12


# --- the queue's own tables -------------------------------------------------------------------------------------------


def version(site: Site) -> object:
    return site.ask("SELECT obj_description(to_regnamespace(%s), 'pg_namespace')", QUEUE)[0][0]


def test_the_queue_does_not_disturb_the_store(site: Site, database: str) -> None:
    prepare_queue(site.url)

    with open_store(database, create=False, migrate=False) as store:
        assert store.health().revision
    assert site.ask("SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE 'procra%'") == [(0,)]


def test_a_queue_that_is_there_is_left_as_it_is(site: Site) -> None:
    prepare_queue(site.url)
    site.leave("a", site.clock())

    prepare_queue(site.url)

    assert site.jobs() == [("a", "doing", 0)]


def test_a_queue_of_an_older_version_is_made_anew_and_filled_again(site: Site) -> None:
    site.mailbox("a")
    prepare_queue(site.url)
    present = version(site)
    site.leave("b", site.clock())
    site.change(f"COMMENT ON SCHEMA {QUEUE} IS '02.14.01_01_add_indexes_for_fetch_job'")

    assert site.work()

    assert version(site) == present
    assert site.jobs() == [("a", "succeeded", 1)]


def test_a_queue_of_a_newer_version_is_refused_and_left_alone(site: Site) -> None:
    prepare_queue(site.url)
    site.leave("a", site.clock())
    site.change(f"COMMENT ON SCHEMA {QUEUE} IS '99.00.00_01_of_tomorrow'")

    with pytest.raises(StoreError, match="made by a newer calsignal") as caught:
        site.work()

    assert "upgrade calsignal" in caught.value.hint
    assert site.jobs() == [("a", "doing", 0)]


def test_an_administrator_makes_the_schema_where_the_user_may_not(
    site: Site, postgresql: postgres.Server, database: str
) -> None:
    site.change("CREATE ROLE sample_worker LOGIN")
    mere = sa.make_url(database).set(username="sample_worker").render_as_string(hide_password=False)
    try:
        with pytest.raises(StoreError, match=f"may not make the schema {QUEUE}") as caught:
            prepare_queue(libpq_url(mere))
        said = caught.value.hint.partition(": ")[2]
        site.change(said)
        prepare_queue(libpq_url(mere))

        assert said == f"CREATE SCHEMA {QUEUE} AUTHORIZATION sample_worker"
        assert str(version(site)) > "03"
    finally:
        site.change(f"DROP SCHEMA {QUEUE} CASCADE; DROP ROLE sample_worker")


def test_a_server_that_does_not_answer_is_told_in_a_sentence() -> None:
    with pytest.raises(StoreError, match="the queue cannot be used now") as caught:
        prepare_queue("postgresql://127.0.0.1:1/none?connect_timeout=2")

    assert "database server" in caught.value.hint


def test_a_queue_that_vanishes_ends_the_worker_with_a_sentence(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.mailbox("a")
    whole = Syncer.sync

    def drop_and_sync(self: Syncer, connections: object) -> object:
        site.change(f"DROP SCHEMA {QUEUE} CASCADE")
        return whole(self, connections)  # type: ignore[arg-type] # passed on

    monkeypatch.setattr(Syncer, "sync", drop_and_sync)

    with pytest.raises(StoreError, match="the queue cannot be used"):
        site.work()
