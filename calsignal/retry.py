"""The one retry loop. The waiting, the chance and the clock are arguments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Self, TypeVar

from calsignal.errors import Retriable

T = TypeVar("T")


@dataclass
class Line:
    """What the mailboxes of one service learn from each other.

    It is `dead` since one of them was out of patience, until any of them is answered.
    """

    dead: bool = False


@dataclass
class _Lost:
    seconds: float = 0.0


def _tell_nobody(error: Retriable, seconds: float) -> None:
    pass


@dataclass(frozen=True)
class Retry:
    """Call a request again while it fails for now.

    Waits grow exponentially from `first` and are drawn between 0 and that (full jitter), so that many clients do not
    return in step; a waiting time that the service names is honoured as the least. All times are in seconds: no
    single wait is longer than `ceiling`. What fails, and the waits after it, may take `budget` for all requests of a
    mailbox together; when that is used up, a failure is final. While the line is dead, every failure is.

    sleep   waits that many seconds, or less where everything is to end
    jitter  draws a number between its two arguments: `random.uniform`
    clock   tells seconds that never run backwards: `time.monotonic`
    told    is given each failure that is not final, and how long is waited before the next attempt
    """

    sleep: Callable[[float], object]
    jitter: Callable[[float, float], float]
    clock: Callable[[], float]
    attempts: int = 5
    first: float = 1.0
    ceiling: float = 60.0
    budget: float = 150.0
    line: Line = field(default_factory=Line)
    told: Callable[[Retriable, float], None] = _tell_nobody
    _lost: _Lost = field(default_factory=_Lost)

    def for_mailbox(self, line: Line, told: Callable[[Retriable, float], None]) -> Self:
        """Return the same for one mailbox: with a budget of its own, on the line to its service."""
        return replace(self, line=line, told=told, _lost=_Lost())

    def __call__(self, request: Callable[[], T]) -> T:
        """Return what `request` returns.

        Raises:
            Retriable: the last failure, when the attempts, the budget or the patience are used up.
        """
        attempt = 1
        while True:
            began = self.clock()
            try:
                answer = request()
            except Retriable as error:
                self._lost.seconds += self.clock() - began
                self._refuse_long(error)
                wait = self._wait(attempt, error.retry_after or 0.0)
                if self.line.dead or attempt >= self.attempts or self._lost.seconds + wait > self.budget:
                    self.line.dead = True
                    raise
                self.told(error, wait)
            else:
                self.line.dead = False
                return answer
            self.sleep(wait)
            self._lost.seconds += wait
            attempt += 1

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
