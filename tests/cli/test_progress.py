from __future__ import annotations

from dataclasses import dataclass, field

from rich.console import Console

from calsignal.cli.progress import MOST_LINES, Board
from calsignal.sync import Doing, Outcome, Progress


@dataclass
class Watch:
    """A clock that only moves when it is told to."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Table:
    clock: Watch = field(default_factory=Watch)
    stopped: bool = False

    def __post_init__(self) -> None:
        self.board = Board(500, self.clock, stopping=lambda: self.stopped)

    def tell(self, name: str, doing: Doing = Doing.READING, page: int = 1, seconds: float = 0.0) -> None:
        self.board.tell(Progress(name, doing, page, seconds))

    @property
    def lines(self) -> list[str]:
        return list(self.board.lines())


def test_one_line_counts_what_is_done_and_what_failed() -> None:
    table = Table()
    table.board.finish(Outcome("a"))
    assert table.lines == ["syncing 1 of 500"]

    table.board.finish(Outcome("b", "the sign-in was revoked"))

    assert table.lines == ["syncing 2 of 500, 1 failed"]


def test_each_mailbox_shows_what_it_is_busy_with() -> None:
    table = Table()
    table.tell("google:ann")
    table.tell("google:bob", page=3)
    table.tell("google:eve", Doing.WRITING, 7)

    assert table.lines[1:] == ["  google:ann: reading", "  google:bob: reading, page 3", "  google:eve: writing"]


def test_a_mailbox_that_is_silent_shows_for_how_long() -> None:
    table = Table()
    table.tell("google:ann", page=2)
    table.clock.now = 2.9
    assert table.lines[1] == "  google:ann: reading, page 2"
    table.clock.now = 45

    assert table.lines[1] == "  google:ann: reading, page 2, for 45 s"
    table.tell("google:ann", page=3)
    assert table.lines[1] == "  google:ann: reading, page 3"


def test_a_wait_is_counted_down() -> None:
    table = Table()
    table.tell("google:ann", Doing.WAITING, seconds=30)
    table.clock.now = 12

    assert table.lines[1] == "  google:ann: no answer for now, trying again in 18 s"
    table.clock.now = 99
    assert table.lines[1].endswith("in 0 s")


def test_however_many_are_read_the_lines_are_few_and_show_those_waited_for_longest() -> None:
    table = Table()
    for number in range(20):
        table.clock.now = number
        table.tell(f"google:rep{number}")

    assert len(table.lines) == 2 + MOST_LINES
    assert table.lines[1].startswith("  google:rep0: ")
    assert table.lines[-1] == f"  and {20 - MOST_LINES} more"


def test_who_is_done_is_not_shown_any_more() -> None:
    table = Table()
    table.tell("google:ann")
    table.board.finish(Outcome("google:ann"))

    assert table.lines == ["syncing 1 of 500"]


def test_a_stop_is_shown() -> None:
    table = Table(stopped=True)

    assert table.lines == ["stopping 0 of 500"]


def test_a_long_or_hostile_name_stays_on_its_line() -> None:
    table = Table()
    table.tell("google:" + "x" * 200)
    table.tell("ics:\x1b[31mred[bold]")
    console = Console(width=40, record=True, file=None)

    with console.capture() as capture:
        console.print(table.board)

    lines = capture.get().splitlines()
    assert len(lines) == 3
    assert all(len(line) <= 40 for line in lines)
    assert lines[1].endswith("…")
    assert "\x1b" not in capture.get()
    assert "[bold]" in lines[2]
