"""Lines of text in columns: cells that wrap, a handful of styles, nothing wider than the page.

Everything that enters a page passes through `safe.clean` here, so that no report can forget it. Plain strings
instead of rich's tables: they never cut a sentence, and they cost nothing at start-up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby, zip_longest

from calsignal.reports.safe import cells, clean, take

WIDEST = 120  # beyond this the eye loses the way from a line's begin to its number
NARROWEST = 40
GAP = 2

PLAIN, BOLD, DIM, RED, GREEN, YELLOW, CYAN = "", "1", "2", "31", "32", "33", "36"

_GLUE = "\u00a0"
_DAYS = "Mon|Tue|Wed|Thu|Fri|Sat|Sun"
_MONTHS = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_TIGHT = re.compile(  # `14 d` and `Thu 19 Mar 15:00` stay on one line
    rf"(?<=\d) (?=(?:d|h|min|{_MONTHS})\b|\d\d:\d\d)|(?<={_DAYS}|{_MONTHS}) (?=\d)|(?<=\(\d) (?=\w)"
)


@dataclass(frozen=True)
class Run:
    """Some words in one style; runs beside each other are set apart by a space. `tight` ones stay on one line."""

    text: str
    style: str = PLAIN
    tight: bool = False


@dataclass(frozen=True)
class Cell:
    """What stands in one column; it wraps downwards inside `width`."""

    runs: tuple[Run, ...]
    width: int
    right: bool = False


def cell(text: str, width: int, style: str = PLAIN, *, right: bool = False) -> Cell:
    """Return a cell that holds one run."""
    return Cell((Run(text, style),), width, right)


Line = list[Run]  # one word a run


def wrap(runs: Iterable[Run], width: int) -> list[Line]:
    """Break runs into lines of at most `width` columns: after sentences where that costs no line, else after words."""
    words = [word for run in runs for word in _words(run, width)]
    filled = _fill(words, width)
    apart = _pack(_sentences(words), width)
    return apart if len(apart) == len(filled) else filled


def _fill(words: Iterable[Run], width: int) -> list[Line]:
    lines: list[Line] = [[]]
    left = width
    for word in words:
        size = cells(word.text)
        if lines[-1] and size + 1 > left:
            lines.append([])
            left = width
        left -= size + bool(lines[-1])
        lines[-1].append(word)
    return lines


def _pack(sentences: Iterable[Line], width: int) -> list[Line]:
    lines: list[Line] = [[]]
    for sentence in sentences:
        joined = [*lines[-1], *sentence]
        if cells(" ".join(word.text for word in joined)) <= width:
            lines[-1] = joined
        else:
            lines += _fill(sentence, width)
    return lines


def _sentences(words: Iterable[Run]) -> Iterator[Line]:
    sentence: Line = []
    for word in words:
        sentence.append(word)
        if word.text.endswith("."):
            yield sentence
            sentence = []
    if sentence:
        yield sentence


def _words(run: Run, width: int) -> Iterator[Run]:
    text = clean(run.text)
    for word in (text.replace(" ", _GLUE) if run.tight else _TIGHT.sub(_GLUE, text)).split(" "):
        rest = word.replace(_GLUE, " ")
        while rest:
            piece = take(rest, width) or rest[0]
            yield Run(piece.strip(), run.style)
            rest = rest[len(piece) :].lstrip()


def width_of(texts: Iterable[str], *, least: int, most: int) -> int:
    """Return a width for a column that holds `texts`, between `least` and `most`."""
    return max(least, min(most, max((cells(clean(text)) for text in texts), default=0)))


class Page:
    """A report in the making. `width` is in terminal columns, kept between `NARROWEST` and `WIDEST`."""

    def __init__(self, width: int, *, colour: bool) -> None:
        self.width = max(NARROWEST, min(WIDEST, width))
        self._colour = colour
        self._lines: list[str] = []

    @property
    def height(self) -> int:
        """Return how many lines there are so far."""
        return len(self._lines)

    def blank(self) -> None:
        """Leave one line free, but never two, nor the first."""
        if self._lines and self._lines[-1]:
            self._lines.append("")

    def line(self, *runs: Run | str, indent: int = 0, hang: int = 0) -> None:
        """Write running text; lines after the first are indented by `hang` more."""
        words = [run if isinstance(run, Run) else Run(run) for run in runs]
        for number, line in enumerate(wrap(words, self.width - indent - hang)):
            self._lines.append(" " * (indent + hang * bool(number)) + self._paint(line))

    def rule(self, *runs: Run, end: str = "") -> None:
        """Write a heading, and a thin line from it to the right edge or to the word `end` there."""
        left = [Run(clean(run.text), run.style) for run in runs]
        right = [Run(clean(end), DIM)] if end else []
        free = self.width - sum(cells(run.text) + 1 for run in (*left, *right))
        if free > 0:
            self._lines.append(self._paint([*left, Run("─" * free, DIM), *right]))
        else:
            self.line(*left, *right)

    def row(self, *columns: Cell, indent: int = 0, mark: Run | None = None) -> None:
        """Write cells side by side, each as many lines high as it needs; a one-column `mark` stands in the indent."""
        wrapped = [wrap(column.runs, column.width) for column in columns]
        for parts in zip_longest(*wrapped, fillvalue=Line()):
            placed = (self._place(column, part) for column, part in zip(columns, parts, strict=True))
            margin = self._paint([mark]) + " " * (indent - 1) if mark else " " * indent
            mark = None
            self._lines.append((margin + (" " * GAP).join(placed)).rstrip(" "))

    def rest(self, *widths: int, indent: int = 0) -> int:
        """Return what is left of the line for one more column beside columns of `widths`."""
        return self.width - indent - sum(widths) - GAP * len(widths)

    def text(self) -> str:
        """Return the page, a newline at the end of each line."""
        return "".join(line + "\n" for line in self._lines)

    def _place(self, column: Cell, line: Line) -> str:
        padding = " " * (column.width - cells(" ".join(run.text for run in line)))
        return padding + self._paint(line) if column.right else self._paint(line) + padding

    def _paint(self, line: Line) -> str:
        pieces = ((style, " ".join(run.text for run in runs)) for style, runs in groupby(line, lambda run: run.style))
        return " ".join(f"\x1b[{style}m{text}\x1b[0m" if self._colour and style else text for style, text in pieces)
