"""When a connection is due: it has a turn of its own in every period, so that many do not start at once.

The turn hangs on nothing but the number of the connection and the clock: every machine comes to the same one.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_GOLDEN = 0.618033988749895  # multiples of it lie evenly on a circle, however many there are

FIRST_WAIT = timedelta(minutes=1)
"""How long the first retry waits; each further one waits twice as long."""


def phase(number: int) -> float:
    """Return where in a period the turn of a connection lies, from 0 to 1."""
    return number * _GOLDEN % 1.0


def latest_turn(number: int, now: datetime, every: timedelta) -> datetime:
    """Return when the last turn of a connection by `now` was; turns come every period."""
    ago = (now.timestamp() - phase(number) * every.total_seconds()) % every.total_seconds()
    return datetime.fromtimestamp(round(now.timestamp() - ago), UTC)


def is_due(last_success: datetime | None, turn: datetime) -> bool:
    """Say whether a connection has not been synced since its turn."""
    return last_success is None or last_success < turn


def retry_wait(number: int, attempts: int, left: timedelta, least: timedelta = timedelta()) -> timedelta | None:
    """Return how long to wait before trying again what may pass, after so many earlier attempts.

    None leaves it to the next turn, which is `left` away. Waits double, and differ by up to a quarter from connection
    to connection, so that many do not return in step; `least` is how long the service itself asks to wait.
    """
    wait = max(least, FIRST_WAIT * 2 ** min(attempts, 20) * (0.75 + phase(number) / 2))
    return wait if wait < left else None
