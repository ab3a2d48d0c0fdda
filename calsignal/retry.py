"""The one retry loop. The waiting, the chance and the clock are arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from calsignal.errors import Retriable

T = TypeVar("T")


@dataclass(frozen=True)
class Retry:
    """Call a request again while it fails for now.

    Waits grow exponentially from `first` and are drawn between 0 and that (full jitter), so that many clients do not
    return in step; a waiting time that the service names is honoured as the least. All times are in seconds: no
    single wait is longer than `ceiling`, and none ends later than `budget` after the first call.

    sleep   waits that many seconds
    jitter  draws a number between its two arguments: `random.uniform`
    clock   tells seconds that never run backwards: `time.monotonic`
    """

    sleep: Callable[[float], None]
    jitter: Callable[[float, float], float]
    clock: Callable[[], float]
    attempts: int = 5
    first: float = 1.0
    ceiling: float = 60.0
    budget: float = 300.0

    def __call__(self, request: Callable[[], T]) -> T:
        """Return what `request` returns.

        Raises:
            Retriable: the last failure, when the attempts, the budget or the patience are used up.
        """
        end = self.clock() + self.budget
        for attempt in range(1, self.attempts):
            try:
                return request()
            except Retriable as error:
                self._refuse_long(error)
                wait = self._wait(attempt, error.retry_after or 0.0)
                if self.clock() + wait > end:
                    raise
            self.sleep(wait)
        return request()

    def _refuse_long(self, error: Retriable) -> None:
        """Give up at once where the service asks for more patience than a sync has."""
        asked = error.retry_after or 0.0
        if asked > self.ceiling:
            raise Retriable(
                f"{error}; the service asks to wait {asked:.0f} seconds",
                "run `calsignal sync` again after that time",
                retry_after=asked,
            ) from error

    def _wait(self, attempt: int, asked: float) -> float:
        grown = min(self.ceiling, self.first * 2 ** (attempt - 1))
        return max(self.jitter(0.0, grown), asked)  # in this order a NaN loses
