"""What happens, for whoever lets calsignal run alone: events with fixed names and fields, nothing out of a calendar.

A field holds a number, yes or no, the class of an error, or the name of a provider. None of them can hold what people
wrote, whose mailbox it is, where it is read or with which secret: a connection is its provider and its row in
`calsignal connections`, as in `doctor`. Only events come out; whatever else somebody logs under our name does not.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, ClassVar

_LOGGER = logging.getLogger("calsignal")
_LOGGER.addHandler(logging.NullHandler())  # else Python prints warnings where nobody has asked for a log
_WORD = re.compile(r"[a-z][a-z0-9_]{0,31}")

Value = int | float | bool | str | None
Kind = type[BaseException]


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Event:
    """Something that happened. Times are in seconds."""

    name: ClassVar[str]
    level: ClassVar[int] = logging.INFO

    def values(self) -> dict[str, Value]:
        """Return the fields as they are written; what may not be in one is not passed on."""
        return {each.name: _value(getattr(self, each.name)) for each in fields(self)}

    def __str__(self) -> str:
        said = (f"{name}={_text(value)}" for name, value in self.values().items() if value is not None)
        return " ".join([self.name, *said])


def _value(found: object) -> Value:
    if found is None or isinstance(found, bool | int):
        return found
    if isinstance(found, float):
        return round(found, 3)
    if isinstance(found, type) and issubclass(found, BaseException):
        return found.__name__
    return found if isinstance(found, str) and _WORD.fullmatch(found) else "unknown"


def _text(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SyncStarted(Event):
    name = "sync.started"
    connections: int
    at_once: int


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SyncFinished(Event):
    """`left` were not read to their end, because of a stop."""

    name = "sync.finished"
    synced: int
    failed: int
    left: int
    seconds: float


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SyncStopped(Event):
    """Somebody or something wants an end."""

    name = "sync.stopped"
    level = logging.WARNING
    left: int


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class OfMailbox(Event):
    """Something about one connection: its provider, its row, and where known the store's number of the calendar."""

    provider: str
    row: int
    calendar: int | None = None


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class MailboxBegun(OfMailbox):
    """From now on a connection is read; where nothing follows, it is waited for."""

    name = "mailbox.begun"
    level = logging.DEBUG


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CalendarPulled(OfMailbox):
    """`full` is a whole list, `expired` one that was read since the cursor was dead."""

    name = "calendar.pulled"
    pages: int
    requests: int
    events: int
    removed: int
    skipped: int
    full: bool
    expired: bool
    seconds: float


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CalendarWritten(OfMailbox):
    """`written` counts versions that were added or erased; `seconds` hold the wait for others that write."""

    name = "calendar.written"
    written: int
    baseline: bool
    seconds: float


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class CalendarHeld(OfMailbox):
    """A calendar lost so much at once that the old state is kept."""

    name = "calendar.held"
    level = logging.WARNING


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SyncFailed(OfMailbox):
    """A mailbox, or one calendar of it, could not be read."""

    name = "sync.failed"
    level = logging.WARNING
    error: Kind
    seconds: float


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Retried(OfMailbox):
    """A request failed for now; `status` is that of HTTP, `seconds` how long is waited."""

    name = "retry"
    status: int | None
    seconds: float


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class WorkerStarted(Event):
    """Times are in seconds."""

    name = "worker.started"
    every: float
    presumed_dead: float


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class WorkerStopping(Event):
    """It takes nothing more; `running` syncs may go on for a while, those `given_back` do not."""

    name = "worker.stopping"
    running: int
    given_back: bool


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SyncInherited(Event):
    """A worker gave no sign of life. With `left`, too many did, and the connection waits for its next turn."""

    name = "sync.inherited"
    level = logging.WARNING
    attempts: int
    left: bool


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class StoreFailed(Event):
    name = "store.failed"
    level = logging.ERROR
    error: Kind


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class StoreCreated(Event):
    name = "store.created"
    schema: int


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class StoreMigrated(Event):
    name = "store.migrated"
    before: int
    schema: int


def tell(event: Event) -> None:
    """Log an event, where somebody listens."""
    _LOGGER.log(event.level, event)


def listening() -> bool:
    """Say whether anybody would see the most important event."""
    return _LOGGER.isEnabledFor(logging.ERROR) and any(
        not isinstance(handler, logging.NullHandler) for handler in _handlers()
    )


def _handlers() -> Iterator[logging.Handler]:
    yield from _LOGGER.handlers
    yield from logging.getLogger().handlers


def speaking(stream: IO[str]) -> bool:
    """Say whether events are being written to a stream."""
    return any(isinstance(handler, _Handler) and handler.stream is stream for handler in _LOGGER.handlers)


class _Handler(logging.StreamHandler[IO[str]]):
    """Writes events, one a line. A log that cannot be written is no reason to stop, or to print anything."""

    def __init__(self, stream: IO[str], form: str) -> None:
        super().__init__(stream)
        self._form = form
        self.addFilter(lambda record: isinstance(record.msg, Event))

    def format(self, record: logging.LogRecord) -> str:
        event, level = record.msg, record.levelname.lower()
        assert isinstance(event, Event)
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if self._form == "json":
            return json.dumps({"time": moment, "level": level, "event": event.name, **event.values()})
        return f"{moment} {level} {event}"

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # the library's name
        """Say nothing."""


class Log:
    """An open log of this process, in a stream or a file; close it."""

    def __init__(self, form: str, level: str, stream: IO[str], file: Path | None = None) -> None:
        """Begin to write events of `level` and above to `file`, made for its owner alone, else to `stream`.

        Raises:
            OSError: the file cannot be opened.
        """
        self._file = None if file is None else os.fdopen(_opened(file), "a", encoding="utf-8")
        self._handler = _Handler(self._file or stream, form)
        self._before = _LOGGER.level
        _LOGGER.addHandler(self._handler)
        _LOGGER.setLevel(level.upper())

    def close(self) -> None:
        """Write no more."""
        _LOGGER.removeHandler(self._handler)
        _LOGGER.setLevel(self._before)
        if self._file is not None:
            self._file.close()


def _opened(file: Path) -> int:
    return os.open(file, os.O_APPEND | os.O_CREAT | os.O_WRONLY, 0o600)
