"""Do many tasks at once in threads, each kind within its limit, and stop without cutting anything in two.

Nothing in here knows what the tasks are.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from threading import Event, RLock, Thread
from typing import Generic, TypeVar

T = TypeVar("T")

_GLANCE_SECONDS = 0.2
"""How long it takes at most until a stop is noticed; a wait without an end would be deaf to signals on Windows."""

GRACE_SECONDS = 1.0
"""How long tasks are waited for after a stop; one that hangs on a silent line is left to the end of the process."""


class Stopped(BaseException):
    """Report that everything is to end now. Like `KeyboardInterrupt` it is no `Exception`: nobody is to take it."""


@dataclass(frozen=True, eq=False)
class Task(Generic[T]):
    """Something to do; tasks of one `kind` share a limit."""

    kind: str
    do: Callable[[], T]


@dataclass(frozen=True)
class _Done(Generic[T]):
    """What became of a task: `value`, or the error that it raised."""

    task: Task[T]
    value: T | None = None
    error: BaseException | None = None


@dataclass
class Crew:
    """Threads that do tasks.

    most    how many tasks run at once
    room    how many of a kind run at once
    stop    when it is set, no task begins any more, and `inside` lets nobody in
    """

    most: int
    room: Callable[[str], int]
    stop: Event
    _turn: AbstractContextManager[object] = field(default_factory=RLock)
    _shut: bool = False

    def check(self) -> None:
        """Raise `Stopped` when it is too late to begin anything."""
        if self._shut or self.stop.is_set():
            raise Stopped

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Take one's turn at what must not be cut in two: one task is inside, others wait.

        Raises:
            Stopped: it is too late to begin.
        """
        with self._turn:
            self.check()
            yield

    def work(self, tasks: Sequence[Task[T]]) -> Iterator[T]:
        """Do the tasks, begun in their order; yield what each returns, as it comes.

        After a stop, or when a task raises, no other begins, and those that are inside are waited for. What was done
        by then is yielded, and the error raised. Tasks may still be running where they hang; they will not get inside.
        """
        done: SimpleQueue[_Done[T]] = SimpleQueue()
        waiting, running = deque(tasks), dict[Task[T], Thread]()
        error: BaseException | None = None
        try:
            while (waiting or running) and error is None and not self.stop.is_set():
                self._begin(waiting, running, done)
                found = _glance(done)
                if found is None:
                    continue
                del running[found.task]
                if found.error is None:
                    self._begin(waiting, running, done)  # nobody rests while the caller looks at this one
                    yield found.value  # type: ignore[misc]
                error = found.error
        finally:
            self._end(running)
        for late in _rest(done):
            if late.error is None:
                yield late.value  # type: ignore[misc]
            error = error if late.error is None or isinstance(late.error, Stopped) else error or late.error
        if error is not None and not isinstance(error, Stopped):
            raise error

    def _begin(self, waiting: deque[Task[T]], running: dict[Task[T], Thread], done: SimpleQueue[_Done[T]]) -> None:
        """Begin as many tasks as there is room for, the first ones first."""
        busy = Counter(task.kind for task in running)
        for task in list(waiting):
            if len(running) >= self.most or self.stop.is_set():
                return
            if busy[task.kind] < self.room(task.kind):
                busy[task.kind] += 1
                waiting.remove(task)
                # a daemon: one that hangs on a silent line must not keep the process from ending
                running[task] = Thread(target=_do, args=(task, done), name=f"calsignal {task.kind}", daemon=True)
                running[task].start()

    def _end(self, running: dict[Task[T], Thread]) -> None:
        """Let nobody inside any more, wait for who is, and a little for everybody else."""
        if not running:
            return
        self._shut = True  # said before one's turn comes, so that nobody who waits gets in first
        with self._turn:
            end = time.monotonic() + GRACE_SECONDS
        for thread in running.values():
            thread.join(max(0.0, end - time.monotonic()))


def _do(task: Task[T], done: SimpleQueue[_Done[T]]) -> None:
    try:
        found = _Done(task, task.do())
    except BaseException as error:  # noqa: BLE001  # it is raised where the results are waited for
        found = _Done(task, error=error)
    done.put(found)


def _glance(done: SimpleQueue[_Done[T]]) -> _Done[T] | None:
    try:
        return done.get(timeout=_GLANCE_SECONDS)
    except Empty:
        return None


def _rest(done: SimpleQueue[_Done[T]]) -> Iterator[_Done[T]]:
    while not done.empty():
        yield done.get()
