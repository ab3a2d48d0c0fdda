from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from calsignal.turns import FIRST_WAIT, is_due, latest_turn, phase, retry_wait

NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)

numbers = st.integers(1, 100_000)
moments = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 # UTC is added
periods = st.integers(5, 10_080).map(lambda minutes: timedelta(minutes=minutes))


@given(numbers, moments, periods)
def test_every_period_has_one_turn_of_a_connection(number: int, now: datetime, every: timedelta) -> None:
    turn = latest_turn(number, now, every)

    assert now - every - timedelta(seconds=1) <= turn <= now + timedelta(seconds=1)
    assert latest_turn(number, turn + timedelta(seconds=1), every) == turn
    assert latest_turn(number, turn + every + timedelta(seconds=1), every) == turn + every


@given(st.integers(0, 5000))
def test_five_hundred_connections_start_evenly_over_the_period(first: int) -> None:
    minutes = [int(phase(number) * 60) for number in range(first, first + 500)]

    assert max(minutes.count(minute) for minute in range(60)) <= 12  # 8.3 in each would be even


def test_a_connection_is_due_until_it_was_synced_after_its_turn() -> None:
    assert is_due(None, NOW)
    assert is_due(NOW - timedelta(seconds=1), NOW)
    assert not is_due(NOW, NOW)


def test_waits_double_and_end_before_the_next_turn() -> None:
    waits = [retry_wait(0, attempts, HOUR) for attempts in range(8)]

    assert waits == [*(FIRST_WAIT * 2**n * 0.75 for n in range(7)), None]


@given(numbers, st.integers(0, 3))
def test_waits_differ_by_a_quarter_at_most(number: int, attempts: int) -> None:
    wait = retry_wait(number, attempts, HOUR)

    assert wait is not None
    assert 0.75 <= wait / (FIRST_WAIT * 2**attempts) <= 1.25


def test_a_wait_that_the_service_asks_for_is_the_least() -> None:
    assert retry_wait(1, 0, HOUR, timedelta(minutes=20)) == timedelta(minutes=20)
    assert retry_wait(1, 0, HOUR, timedelta(minutes=70)) is None
