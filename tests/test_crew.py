from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import pytest

from calsignal.crew import Crew, Stopped, Task

SECONDS = 20.0
"""How long a test waits for another thread before it fails."""


def crew(most: int = 4, room: int = 4, stop: threading.Event | None = None) -> Crew:
    return Crew(most, lambda kind: room, stop or threading.Event())


def tasks(*does: Callable[[], str], kind: str = "a") -> Sequence[Task[str]]:
    return [Task(kind, do) for do in does]


@dataclass
class Counted:
    """Work that notes how much of it was under way at once; it goes on when `expected` have met, or after a while."""

    expected: int
    now: int = 0
    most: int = 0
    turn: threading.Lock = field(default_factory=threading.Lock)
    met: threading.Event = field(default_factory=threading.Event)

    def __call__(self) -> str:
        with self.turn:
            self.now += 1
            self.most = max(self.most, self.now)
            if self.now == self.expected:
                self.met.set()
        self.met.wait(0.05 if self.expected > self.most else SECONDS)
        with self.turn:
            self.now -= 1
        return "done"


def test_every_task_gives_its_result() -> None:
    found = crew().work(tasks(*(lambda n=n: str(n) for n in range(20))))

    assert sorted(found, key=int) == [str(n) for n in range(20)]


def test_one_at_a_time_keeps_the_order() -> None:
    found = crew(most=1).work(tasks(*(lambda n=n: str(n) for n in range(9))))

    assert list(found) == [str(n) for n in range(9)]


@pytest.mark.parametrize(("most", "room", "expected"), [(3, 9, 3), (9, 3, 3), (1, 9, 1), (9, 1, 1)])
def test_no_more_run_at_once_than_there_is_room_for(most: int, room: int, expected: int) -> None:
    work = Counted(expected)

    assert list(crew(most, room).work(tasks(*[work] * 12))) == ["done"] * 12

    assert work.most == expected


def test_a_kind_without_room_does_not_keep_another_waiting() -> None:
    other = threading.Event()

    def first() -> str:
        return str(other.wait(SECONDS))

    def second() -> str:
        other.set()
        return "second"

    found = crew(room=1).work([*tasks(first, first, kind="a"), *tasks(second, kind="b")])

    assert sorted(found) == ["True", "True", "second"]


def test_inside_there_is_one_at_a_time() -> None:
    team, inside = crew(), Counted(1)

    def write() -> str:
        with team.inside():
            return inside()

    list(team.work(tasks(*[write] * 12)))

    assert inside.most == 1


def test_a_stop_waits_for_what_is_inside_and_lets_nobody_else_in() -> None:
    stop, entered = threading.Event(), threading.Event()
    team, written = crew(stop=stop), list[str]()

    def write() -> str:
        with team.inside():
            entered.set()
            stop.wait(SECONDS)
            written.append("whole")
        return "written"

    def late() -> str:
        entered.wait(SECONDS)
        stop.wait(SECONDS)
        with team.inside():
            written.append("too late")
        return "late"

    work = team.work(tasks(write, late, late))

    def pull_the_plug() -> None:
        entered.wait(SECONDS)
        stop.set()

    threading.Thread(target=pull_the_plug).start()

    assert list(work) == ["written"]
    assert written == ["whole"]


def test_after_a_stop_nothing_begins() -> None:
    stop = threading.Event()
    stop.set()
    begun = Counted(1)

    assert list(crew(stop=stop).work(tasks(begun))) == []
    assert begun.most == 0


def test_a_stop_does_not_wait_for_a_task_that_hangs() -> None:
    stop, line = threading.Event(), threading.Event()
    team, entered = crew(stop=stop), list[str]()

    def hang() -> str:
        stop.set()
        line.wait(SECONDS)
        with team.inside():
            entered.append("too late")
        return "never"

    assert list(team.work(tasks(hang))) == []

    hanging = [thread for thread in threading.enumerate() if thread.name.startswith("calsignal")]
    line.set()
    for thread in hanging:
        thread.join(SECONDS)
    assert entered == []


def test_an_error_ends_all_and_what_was_done_is_told_first() -> None:
    gone, told = threading.Event(), list[str]()

    def fails() -> str:
        gone.wait(SECONDS)
        raise OSError("the disk is full")

    def works() -> str:
        gone.set()
        return "done"

    begun = Counted(1)
    with pytest.raises(OSError, match="the disk is full"):
        told.extend(each for each in crew(most=2).work(tasks(works, fails, fails, *[begun] * 9)))

    assert "done" in told
    assert begun.most <= 1


def test_an_error_after_a_stop_is_raised_too() -> None:
    stop = threading.Event()

    def fails() -> str:
        stop.set()
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        list(crew(stop=stop).work(tasks(fails)))


def test_whoever_stops_listening_ends_it() -> None:
    team, begun = crew(most=1), Counted(1)
    work: Iterator[str] = team.work(tasks(*[begun] * 9))
    next(work)

    work.close()  # type: ignore[attr-defined]

    with pytest.raises(Stopped):
        team.check()


def test_a_stop_is_taken_by_nobody_who_takes_errors() -> None:
    assert not issubclass(Stopped, Exception)
