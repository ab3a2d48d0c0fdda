"""Ctrl-C and SIGTERM end a command in two steps: the first lets it finish what must not be cut, the second ends it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, current_thread, main_thread
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SHOW_CURSOR = b"\x1b[?25h"


@dataclass
class Stopping:
    """Whether there was a signal, and which."""

    number: int | None = None

    @property
    def exit_code(self) -> int | None:
        """Return what a shell reports of a program that a signal ended: 130 for Ctrl-C, 143 for SIGTERM."""
        return None if self.number is None else 128 + self.number


@contextmanager
def stopping(stop: Event) -> Iterator[Stopping]:
    """Set `stop` at the first signal, and end the process at the second. Signals reach the main thread alone."""
    found = Stopping()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if found.number is not None:
            _end(128 + number)
        found.number = number
        stop.set()

    if current_thread() is not main_thread():
        yield found
        return
    before = {number: signal.signal(number, on_signal) for number in _SIGNALS}
    try:
        yield found
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(code: int) -> None:
    """End now: what is being written is rolled back by whoever opens the store next."""
    if sys.stderr.isatty():
        os.write(sys.stderr.fileno(), _SHOW_CURSOR)  # a display may have hidden it
    os._exit(code)
