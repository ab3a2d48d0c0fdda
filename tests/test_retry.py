from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsignal.contract import Retry as RetryContract
from calsignal.errors import NeedsSignIn, Retriable
from calsignal.retry import Line, Retry


def ignore(error: Retriable, seconds: float) -> None:
    """Have nobody to tell."""


class World:
    """A clock that only sleeping and requests move, and a request that fails as told."""

    def __init__(self, *failures: Exception, takes: float = 0.0, chance: float = 1.0) -> None:
        self.failures = list(failures)
        self.takes = takes
        self.chance = chance
        self.now = 1000.0
        self.waits: list[float] = []
        self.calls = 0

    def retry(self, attempts: int = 5) -> Retry:
        return Retry(self.sleep, lambda low, high: low + (high - low) * self.chance, lambda: self.now, attempts)

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds

    def request(self) -> str:
        self.calls += 1
        self.now += self.takes
        if self.failures:
            raise self.failures.pop(0)
        return "answer"


def busy(after: float | None = None) -> Retriable:
    return Retriable("the service is busy", retry_after=after)


def test_a_request_that_succeeds_is_made_once() -> None:
    world = World()

    assert world.retry()(world.request) == "answer"
    assert (world.calls, world.waits) == (1, [])


def test_waits_double_up_to_what_chance_leaves_of_them() -> None:
    world = World(*[busy()] * 4, chance=0.5)

    assert world.retry()(world.request) == "answer"
    assert world.waits == [0.5, 1.0, 2.0, 4.0]


def test_the_last_error_is_raised_when_the_attempts_are_used_up() -> None:
    last = busy()
    world = World(*[busy()] * 4, last, busy())

    with pytest.raises(Retriable) as caught:
        world.retry()(world.request)

    assert caught.value is last
    assert world.calls == 5
    assert len(world.waits) == 4  # none after the last


def test_another_error_is_not_retried() -> None:
    world = World(NeedsSignIn("the authorisation was revoked"))

    with pytest.raises(NeedsSignIn):
        world.retry()(world.request)

    assert world.calls == 1


def test_the_time_the_service_names_is_waited() -> None:
    world = World(busy(17.0), chance=0.0)

    world.retry()(world.request)

    assert world.waits == [17.0]


@pytest.mark.parametrize("nonsense", [float("nan"), -3.0])
def test_a_waiting_time_that_makes_no_sense_is_not_waited(nonsense: float) -> None:
    world = World(busy(nonsense))

    world.retry()(world.request)

    assert world.waits == [1.0]


def test_a_service_that_asks_for_too_long_is_left_at_once() -> None:
    world = World(busy(3600.0))

    with pytest.raises(Retriable, match="the service is busy; the service asks to wait 3600 seconds") as caught:
        world.retry()(world.request)

    assert (world.calls, world.waits) == (1, [])
    assert caught.value.retry_after == 3600.0
    assert "calsignal sync" in caught.value.hint


def test_slow_failures_use_up_the_budget() -> None:
    world = World(*[busy(1.0)] * 9, takes=60.0)

    with pytest.raises(Retriable):
        world.retry(attempts=9)(world.request)

    assert world.calls == 3


def test_all_requests_of_a_mailbox_share_one_budget() -> None:
    world = World(*[busy(1.0)] * 2, takes=60.0)
    retry = world.retry(attempts=9).for_mailbox(Line(), ignore)
    assert retry(world.request) == "answer"
    world.failures = [busy(1.0)] * 9

    with pytest.raises(Retriable):
        retry(world.request)

    assert world.calls == 3 + 1


def test_another_mailbox_has_a_budget_of_its_own() -> None:
    world = World(*[busy(1.0)] * 2, takes=60.0)
    retry = world.retry(attempts=9)
    retry.for_mailbox(Line(), ignore)(world.request)
    world.failures = [busy(1.0)] * 2

    assert retry.for_mailbox(Line(), ignore)(world.request) == "answer"


def test_what_succeeds_costs_nothing_of_the_budget_however_long_it_takes() -> None:
    world = World(takes=500.0)
    retry = world.retry()
    retry(world.request)
    world.takes, world.failures = 0.0, [busy(), busy()]

    assert retry(world.request) == "answer"


def test_once_one_mailbox_has_given_up_the_others_ask_once_until_one_is_answered() -> None:
    line, world = Line(), World(*[busy()] * 7)
    one, two = (world.retry().for_mailbox(line, ignore) for _ in range(2))
    with pytest.raises(Retriable):
        one(world.request)

    with pytest.raises(Retriable):
        two(world.request)
    assert world.calls == 5 + 1
    with pytest.raises(Retriable):
        one(world.request)
    assert world.calls == 5 + 2

    assert two(world.request) == "answer"
    world.failures = [busy()]
    assert one(world.request) == "answer"


def test_each_failure_that_is_not_final_is_told_with_its_wait() -> None:
    told: list[tuple[str, float]] = []
    world = World(busy(17.0), *[busy()] * 9)
    retry = world.retry(attempts=3).for_mailbox(Line(), lambda error, seconds: told.append((str(error), seconds)))

    with pytest.raises(Retriable):
        retry(world.request)

    assert told == [("the service is busy", 17.0), ("the service is busy", 2.0)]


_failures = st.lists(st.none() | st.floats(-5, 200), max_size=8)


@given(_failures, st.floats(0, 100), st.floats(0, 1), st.integers(1, 8))
def test_patience_has_bounds(failures: list[float | None], takes: float, chance: float, attempts: int) -> None:
    world = World(*map(busy, failures), takes=takes, chance=chance)

    outcome = _outcome(lambda: world.retry(attempts)(world.request))

    assert world.calls <= attempts
    assert all(0 <= wait <= 60 for wait in world.waits)
    assert world.now - world.takes <= 1000 + 150 + takes * (world.calls == 1)
    assert len(world.waits) == world.calls - 1
    assert all(wait >= (asked or 0) for wait, asked in zip(world.waits, failures, strict=False))
    assert outcome == ("answer" if world.calls == len(failures) + 1 else "busy")


def _outcome(call: Callable[[], str]) -> str:
    try:
        return call()
    except Retriable:
        return "busy"


def test_it_is_what_the_contract_promises_to_providers() -> None:
    retry: RetryContract = World().retry()

    assert retry(lambda: 3) == 3
