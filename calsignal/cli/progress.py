"""What a terminal shows while a sync runs: how far it is, and which mailboxes are waited for, for how long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from calsignal.reports.safe import clean
from calsignal.sync import Doing, Outcome, Progress

MOST_LINES = 6
"""How many mailboxes are shown at once: those that have been waited for longest."""

_PATIENT_SECONDS = 3
"""From how many seconds on it is told how long a mailbox has been silent."""


@dataclass
class Board:
    """What is known of a sync; safe to be told by several threads. `clock` tells seconds that never run backwards."""

    total: int
    clock: Callable[[], float]
    done: int = 0
    failed: int = 0
    stopping: Callable[[], bool] = bool
    _busy: dict[str, tuple[Progress, float]] = field(default_factory=dict)
    _turn: Lock = field(default_factory=Lock)

    def tell(self, progress: Progress) -> None:
        """Take in how far it is with one mailbox."""
        with self._turn:
            before = self._busy.get(progress.connection)
            if before is None or before[0] != progress:
                self._busy[progress.connection] = (progress, self.clock())

    def finish(self, outcome: Outcome) -> None:
        """Take in that one mailbox is done."""
        with self._turn:
            self._busy.pop(outcome.connection, None)
            self.done += 1
            self.failed += outcome.problem is not None

    def lines(self) -> Iterator[str]:
        """Yield the lines to show now: one for all, and a few for the mailboxes that are being read."""
        with self._turn:
            busy, done, failed = sorted(self._busy.values(), key=lambda one: one[1]), self.done, self.failed
        word = "stopping" if self.stopping() else "syncing"
        yield f"{word} {done} of {self.total}" + (f", {failed} failed" if failed else "")
        for progress, since in busy[:MOST_LINES]:
            yield f"  {clean(progress.connection)}: {_phase(progress, self.clock() - since)}"
        if len(busy) > MOST_LINES:
            yield f"  and {len(busy) - MOST_LINES} more"

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for line in self.lines():
            text = Text(line, no_wrap=True, overflow="ellipsis")
            text.truncate(options.max_width, overflow="ellipsis")
            yield text


def _phase(progress: Progress, seconds: float) -> str:
    if progress.doing is Doing.WAITING:
        return f"no answer for now, trying again in {max(0, round(progress.seconds - seconds))} s"
    page = f", page {progress.page}" if progress.doing is Doing.READING and progress.page > 1 else ""
    silent = f", for {seconds:.0f} s" if seconds >= _PATIENT_SECONDS else ""
    return f"{progress.doing.value}{page}{silent}"


@contextmanager
def shown(board: Board) -> Iterator[None]:
    """Show the board on stderr, and leave nothing of it behind."""
    console = Console(stderr=True)
    with Live(board, console=console, transient=True, refresh_per_second=4, redirect_stdout=False):
        yield
