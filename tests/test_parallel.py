"""Many mailboxes at once: the same results in whatever order they finish, and one end for all where it has to be."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, Lock
from typing import Any

import pytest

from calsignal import log
from calsignal.analysis import account_report
from calsignal.config import SyncSettings
from calsignal.contract import Access, Attendee, Page, mailboxes_at_once
from calsignal.errors import CalsignalError, NeedsSignIn, Retriable, StoreError
from calsignal.model import Account, Answer, Change, Skipped
from calsignal.retry import Retry
from calsignal.store import Pen, Store, StoredCalendar, open_store
from calsignal.store.database import Database
from calsignal.sync import Doing, Outcome, Progress, Syncer
from fake_provider import FakeProvider, FakeRegistry, FakeSource, MemoryVault, Remote
from remote_world import ANN, REP, World, event, weekly

SECONDS = 20.0
REPS = [f"rep{number}@ours.example" for number in range(6)]


@dataclass
class Waiting(Remote):
    """A calendar that is read when its time has come; counts how many are read at once."""

    come: Event = field(default_factory=Event)
    meanwhile: Callable[[], None] = lambda: None

    def pages(self, ids: Sequence[str], *, full: bool) -> Iterator[Page]:
        assert self.come.wait(SECONDS)
        self.meanwhile()
        yield from super().pages(ids, full=full)


def build(folder: Path, at_once: int = len(REPS)) -> World:
    folder.mkdir(exist_ok=True)
    path = folder / "store.db"
    # no writer would be waited for, so that a turn which is not kept is seen at once
    store = open_store(f"sqlite:///{path}", busy_seconds=0)
    store.add_account(Account("Acme", ("acme.example",)))
    world = World(store, f"sqlite:///{path}", provider=FakeProvider(at_once=at_once))
    for rep in REPS:
        world.provider.remotes[rep] = Waiting(deltas=True)
        store.connect(f"fake:{rep}", "fake", rep, {}, world.clock())
    return world


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = build(tmp_path)
    yield made
    made.store.close()


def boxes(world: World) -> list[Waiting]:
    found = [world.provider.remotes[rep] for rep in REPS]
    return [box for box in found if isinstance(box, Waiting)]


def ready(world: World) -> None:
    for box in boxes(world):
        box.come.set()


def syncer(world: World, **more: Any) -> Syncer:  # noqa: ANN401
    registry = FakeRegistry(world.provider)
    given = {"retry": lambda request: request(), **more}
    return Syncer(world.store, world.settings, registry, MemoryVault(), b"key", world.clock, **given)


def read(world: World, order: Iterable[int] = (), **more: Any) -> list[Outcome]:  # noqa: ANN401
    """Sync everything; the mailboxes are answered in the order given, each when the one before is done."""
    waiting = [boxes(world)[number] for number in order]
    for box in boxes(world):
        box.come.clear() if box in waiting else box.come.set()
    outcomes = []
    if waiting:
        waiting.pop(0).come.set()
    for outcome in syncer(world, **more).sync(world.store.connections()):
        outcomes.append(outcome)
        if waiting:
            waiting.pop(0).come.set()
    return outcomes


# --- the order ------------------------------------------------------------------------------------------------------


def live(world: World, orders: Sequence[Sequence[int]]) -> tuple[list[object], list[Change]]:
    """Let things happen and read them in an order for each day; return what is known then, without when it was seen."""
    people = tuple(Attendee(rep, Answer.ACCEPTED) for rep in REPS)
    for day, order in enumerate(orders):
        answer = Answer.ACCEPTED if day else Answer.NONE
        shared = event("m", 5 + day, attendees=(*people, Attendee(ANN, answer)), organizer=REPS[0])
        bo = Attendee("bo@acme.example", answer)
        series = weekly("s", 2, "FREQ=WEEKLY;COUNT=6", attendees=(*people, bo), organizer=REPS[0])
        for number, box in enumerate(boxes(world)):
            box.put(shared, series, event(f"own{number}", 3 + day, organizer=REPS[number]))
            if day == 2:
                box.drop("s")
        assert {o.problem for o in read(world, order)} == {None}
        world.clock.wait(days=1)
    report = account_report(world.store, world.settings, world.clock(), "Acme")
    copies = [(c.calendar, c.event, c.subject, c.baseline, [v.state for v in c.versions]) for c in world.copies()]
    timeless = [replace(c, seen_at=world.clock.at, not_before=None) for c in report.result.changes]
    return sorted(copies, key=repr), sorted(timeless, key=repr)


def test_it_does_not_matter_in_which_order_mailboxes_finish(tmp_path: Path) -> None:
    forth, back = list(range(len(REPS))), list(reversed(range(len(REPS))))
    mixed = [3, 0, 5, 1, 4, 2]
    found = []
    for name, orders in {"forth": [forth] * 3, "back": [back] * 3, "mixed": [mixed, back, forth]}.items():
        world = build(tmp_path / name)
        found.append(live(world, orders))
        world.store.close()

    assert found[1] == found[0]
    assert found[2] == found[0]
    assert len(found[0][1]) > 10


def test_each_calendar_is_seen_at_its_own_moment_in_the_order_of_writing(world: World) -> None:
    for box in boxes(world):
        box.put(event())

    outcomes = read(world, [4, 2, 0, 1, 3, 5])

    calendars = {c.name: world.store.calendars(c)[0].last_synced for c in world.store.connections()}
    moments = [calendars[outcome.connection] for outcome in outcomes]
    assert moments == sorted(moments)  # type: ignore[type-var]
    assert len(set(moments)) == len(REPS)


# --- how many -------------------------------------------------------------------------------------------------------


@dataclass
class Crowd:
    """Counts who is there at once, and lets them go when `expected` have come, or nobody more does."""

    expected: int
    there: int = 0
    most: int = 0
    turn: Lock = field(default_factory=Lock)
    full: Event = field(default_factory=Event)

    def __call__(self) -> None:
        with self.turn:
            self.there += 1
            self.most = max(self.most, self.there)
            if self.there == self.expected:
                self.full.set()
        self.full.wait(SECONDS)
        with self.turn:
            self.there -= 1


@pytest.mark.parametrize(("provider", "config", "expected"), [(4, 16, 4), (6, 2, 2), (6, 1, 1), (1, 16, 1)])
def test_as_many_are_read_at_once_as_provider_and_config_allow(
    tmp_path: Path, provider: int, config: int, expected: int
) -> None:
    world, crowd = build(tmp_path, provider), Crowd(expected)
    world.settings = replace(world.settings, sync=SyncSettings(at_once=config))
    for box in boxes(world):
        box.meanwhile = crowd

    outcomes = read(world)
    world.store.close()

    assert len(outcomes) == len(REPS)
    assert crowd.most == expected


def test_a_provider_that_says_nothing_is_read_one_mailbox_after_another() -> None:
    class Silent:
        name = "silent"

    assert mailboxes_at_once(Silent()) == 1  # type: ignore[arg-type]
    assert mailboxes_at_once(FakeProvider(at_once=0)) == 1
    assert mailboxes_at_once(FakeProvider(at_once=7)) == 7


def test_an_unknown_provider_is_told_by_each_of_its_connections(world: World) -> None:
    world.store.connect("odd", "odd", REP, {}, world.clock())

    outcomes = {o.connection: o.problem for o in read(world)}

    assert outcomes.pop("odd") == "no provider called 'odd'"
    assert set(outcomes.values()) == {None}


def test_those_that_fail_stop_no_other(world: World) -> None:
    for number, box in enumerate(boxes(world)):
        box.put(event())
        box.broken = NeedsSignIn("the sign-in was revoked") if number % 2 else None

    outcomes = {o.connection.removeprefix("fake:"): o.problem for o in read(world)}

    assert outcomes == {rep: "the sign-in was revoked" if n % 2 else None for n, rep in enumerate(REPS)}
    assert len(world.copies()) == 3


def test_threads_that_write_much_never_hear_that_the_store_is_in_use(world: World) -> None:
    for number, box in enumerate(boxes(world)):
        box.put(*(event(f"m{number}-{n}", 1 + n % 30) for n in range(60)))
        box.skipped = (Skipped("x", "odd", "no start"),)

    outcomes = read(world)

    assert [o.problem for o in outcomes] == [None] * len(REPS)
    assert len(world.copies()) == 60 * len(REPS)


def test_threads_of_one_process_take_turns_at_writing_whoever_they_belong_to(world: World) -> None:
    inside, late = Event(), list[str]()

    def write() -> None:
        inside.wait(SECONDS)
        world.store.remember("key", "late")
        late.append(str(world.store.recall("key")))

    from threading import Thread

    thread = Thread(target=write)
    thread.start()
    database: Database = world.store._database
    with database.writing():
        inside.set()
        thread.join(0.1)
    thread.join(SECONDS)

    assert late == ["late"]


# --- the end --------------------------------------------------------------------------------------------------------


class Full(Store):
    """A store on a disk that is full after so many calendars."""

    left = 2

    @contextmanager
    def writing(self, calendar: StoredCalendar) -> Iterator[Pen]:
        if not self.left:
            raise StoreError("the store cannot grow: the disk is full", "free some space")
        self.left -= 1
        with super().writing(calendar) as pen:
            yield pen


def test_a_store_that_fails_ends_all_at_once_and_tells_what_was_done(world: World) -> None:
    for box in boxes(world):
        box.put(event())
    ready(world)
    world.store = Full(world.store._database)
    outcomes: list[Outcome] = []

    with pytest.raises(StoreError, match="the disk is full"):
        outcomes.extend(each for each in syncer(world).sync(world.store.connections()))

    assert [o.written for o in outcomes] == [1] * len(outcomes)
    assert len(world.copies()) == 2


def test_a_stop_leaves_out_what_was_not_read_and_the_next_sync_brings_it(world: World) -> None:
    stop = Event()
    for box in boxes(world):
        box.put(event())
    first, *others = boxes(world)

    def wait() -> None:
        stop.wait(SECONDS)

    for other in others:
        other.meanwhile = wait

    ready(world)
    outcomes = []
    for outcome in syncer(world, stop=stop).sync(world.store.connections()):
        outcomes.append(outcome.connection)
        stop.set()

    assert outcomes == [f"fake:{REPS[0]}"]
    assert len(world.copies()) == 1
    assert first.asked
    states = world.store.connection_states(world.clock(), world.clock() - world.clock())
    assert {state.problem for state in states} == {None}
    read(world)
    assert len(world.copies()) == len(REPS)


@dataclass
class Busy(FakeProvider):
    """A service that has no time."""

    asked: int = 0

    def open(self, access: Access) -> FakeSource:
        def ask() -> None:
            self.asked += 1
            raise Retriable("the service is busy", status=503)

        class Source(FakeSource):
            def pull(self, calendar: object, cursor: str | None) -> Iterator[Page]:
                access.retry(ask)
                yield Page()

        return Source(self.remotes[access.mailbox])


def patience(sleep: Callable[[float], object]) -> Retry:
    return Retry(sleep, lambda low, high: high, lambda: 0.0)


def test_a_stop_ends_the_wait_for_a_service_at_once(world: World) -> None:
    stop, watched = Event(), list[Progress]()
    world.provider = Busy(world.provider.remotes, at_once=1)

    def watch(progress: Progress) -> None:
        watched.append(progress)
        if progress.doing is Doing.WAITING:
            stop.set()

    found = list(syncer(world, stop=stop, watch=watch, retry=patience(stop.wait)).sync(world.store.connections()))

    assert found == []
    assert world.provider.asked == 1
    assert watched[-1] == Progress(f"fake:{REPS[0]}", Doing.WAITING, 1, 1.0)
    states = world.store.connection_states(world.clock(), world.clock() - world.clock())
    assert {state.problem for state in states} == {None}


def test_a_service_that_has_no_time_costs_all_its_mailboxes_little_more_than_one(world: World) -> None:
    waited = list[float]()
    world.provider = Busy(world.provider.remotes, at_once=1)

    outcomes = read(world, retry=patience(waited.append))

    assert [o.problem for o in outcomes] == ["the service is busy"] * len(REPS)
    assert world.provider.asked == 5 + len(REPS) - 1
    assert waited == [1.0, 2.0, 4.0, 8.0]


def test_whoever_watches_is_told_page_by_page(world: World) -> None:
    watched = list[Progress]()
    box = boxes(world)[0]
    box.page_size = 1
    box.put(event("a"), event("b"))

    def asking(access: Access) -> FakeSource:
        class Source(FakeSource):
            def pull(self, calendar: Any, cursor: str | None) -> Iterator[Page]:  # noqa: ANN401
                for page in super().pull(calendar, cursor):
                    yield access.retry(lambda page=page: page)  # type: ignore[misc]

        return Source(box)

    world.provider.open = asking  # type: ignore[method-assign]
    ready(world)
    (connection,) = [c for c in world.store.connections() if c.mailbox == REPS[0]]
    list(syncer(world, watch=watched.append).sync([connection]))

    assert [(each.doing, each.page) for each in watched] == [
        (Doing.READING, 1),
        (Doing.READING, 1),
        (Doing.READING, 2),
        (Doing.READING, 3),
        (Doing.WRITING, 4),
    ]


# --- the log --------------------------------------------------------------------------------------------------------

HOSTILE = 'Sample "secret" plan\n{"event": "forged"}'


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple[str, dict[str, object]]]:
    found = [(each.msg.name, each.msg.values()) for each in caplog.records if isinstance(each.msg, log.Event)]
    return [(name, {k: v for k, v in values.items() if k != "seconds"}) for name, values in found]


def test_a_log_tells_what_a_sync_did_by_row_and_number(world: World, caplog: pytest.LogCaptureFixture) -> None:
    boxes(world)[1].put(event("a"), event("b"))
    ready(world)
    (connection,) = [c for c in world.store.connections() if c.mailbox == REPS[1]]

    with caplog.at_level(logging.DEBUG):
        list(syncer(world).sync([connection]))

    place = {"provider": "fake", "row": 2, "calendar": 1}
    pulled = {"pages": 2, "requests": 0, "events": 2, "removed": 0, "skipped": 0, "full": True, "expired": False}
    assert logged(caplog) == [
        ("sync.started", {"connections": 1, "at_once": 16}),
        ("mailbox.begun", {**place, "calendar": None}),
        ("calendar.pulled", {**place, **pulled}),
        ("calendar.written", {**place, "written": 2, "baseline": True}),
        ("sync.finished", {"synced": 1, "failed": 0, "left": 0}),
    ]


def test_a_log_tells_what_went_wrong_and_nothing_of_what_was_said(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.provider = Busy(world.provider.remotes)
    stop = Event()
    with caplog.at_level(logging.DEBUG):
        read(world, retry=patience(lambda seconds: None))
        stop.set()
        read(world, stop=stop)

    found = logged(caplog)
    place = {"provider": "fake", "row": 1, "calendar": None}
    assert ("retry", {**place, "status": 503}) in found
    assert ("sync.failed", {**place, "calendar": 1, "error": "Retriable"}) in found
    assert ("sync.finished", {"synced": 0, "failed": 6, "left": 0}) in found
    assert found[-2:] == [("sync.stopped", {"left": 6}), ("sync.finished", {"synced": 0, "failed": 0, "left": 6})]


def test_no_word_of_a_calendar_gets_into_a_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    first, second, third, *_ = boxes(world)
    guests = (Attendee("guest@acme.example"), Attendee("stranger@elsewhere.example"))
    first.put(*(event(f"{HOSTILE}{n}", 3 + n, subject=HOSTILE, attendees=guests) for n in range(12)))
    first.skipped = (Skipped(HOSTILE, HOSTILE, HOSTILE),)
    second.broken = CalsignalError(HOSTILE, HOSTILE)
    third.broken = KeyError(HOSTILE)

    with caplog.at_level(logging.DEBUG):
        read(world)
        first.drop(*(f"{HOSTILE}{n}" for n in range(12)))
        first.expired_before = 99
        first.unreadable.add(f"{HOSTILE}0")
        world.clock.wait(hours=1)
        read(world)

    text = "\n".join([caplog.text, *(json.dumps(values) for _, values in logged(caplog))])
    assert {"calendar.held", "sync.failed", "calendar.pulled"} <= {name for name, _ in logged(caplog)}
    for word in ("Sample", "secret", "forged", "guest", "stranger", "acme", "ours.example", "elsewhere", "rep0"):
        assert word not in text, word


def test_a_store_that_fails_is_logged_by_the_kind_of_error(world: World, caplog: pytest.LogCaptureFixture) -> None:
    ready(world)
    world.store = Full(world.store._database)
    world.store.left = 0

    with caplog.at_level(logging.DEBUG), pytest.raises(StoreError):
        list(syncer(world).sync(world.store.connections()))

    assert ("store.failed", {"error": "StoreError"}) in logged(caplog)


def test_making_a_store_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        for _ in range(2):
            open_store(tmp_path / "new.db").close()

    assert [name for name, _ in logged(caplog)] == ["store.created"]
