"""The check-up as a page: a line for each thing that was looked at, and below each problem its next step."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from calsignal.doctor import Area, Check, Mark
from calsignal.reports.layout import BOLD, DIM, GREEN, PLAIN, RED, Cell, Page, Run, cell
from calsignal.reports.words import plural

LISTED = 20
"""How many connections that are well get a line of their own; a team of 500 is counted."""

_MARKS = {Mark.OK: Run("ok", GREEN), Mark.NOTE: Run("--", DIM), Mark.PROBLEM: Run("!!", RED)}
_COMMAND = re.compile(r"(\S*`[^`]*`\S*)")
_STEP = "next:"


def doctor_text(checks: Sequence[Check], *, offline: bool, width: int, colour: bool) -> str:
    """Return what was found, by area, and the verdict in the last line."""
    page = Page(width, colour=colour)
    for area, found in groupby(checks, lambda check: check.area):
        page.rule(Run(area.value.upper(), BOLD))
        for check in _shortened(area, list(found)):
            _tell(page, check)
    page.rule()
    page.line(*_verdict(checks, offline=offline))
    if any("NAME" in check.step for check in checks):
        page.line(*_runs("Instead of NAME write what that row of `calsignal connections` is called."))
    return page.text()


def _shortened(area: Area, checks: list[Check]) -> Iterator[Check]:
    """Yield the checks, those of many connections that are well as one."""
    troubled = {check.about for check in checks if check.mark is not Mark.OK}
    well = [check for check in checks if check.about and check.about not in troubled]
    spared = frozenset(check.about for check in well[LISTED:])
    yield from (check for check in checks if check.about not in spared)
    if spared:
        yield Check(area, Mark.OK, "", f"{plural(len(spared), 'more connection')} {_are(len(spared))} well")


def _are(number: int) -> str:
    return "is" if number == 1 else "are"


def _tell(page: Page, check: Check) -> None:
    about = [Run(f"{check.about}:", BOLD)] if check.about else []
    mark = Cell((_MARKS[check.mark],), 2)
    page.row(mark, Cell((*about, *_runs(check.fact)), page.rest(2)))
    if check.step:
        step = Cell(tuple(_runs(check.step, BOLD)), page.rest(2, len(_STEP)))
        page.row(cell("", 2), cell(_STEP, len(_STEP)), step)


def _runs(text: str, style: str = PLAIN) -> Iterator[Run]:
    """Yield a sentence in pieces, so that no command is broken over two lines."""
    for piece in _COMMAND.split(text):
        if piece.strip():
            yield Run(piece, style, tight="`" in piece)


def _verdict(checks: Iterable[Check], *, offline: bool) -> Iterator[Run]:
    problems = sum(check.mark is Mark.PROBLEM for check in checks)
    if problems == 1:
        yield Run("1 problem.", RED)
    elif problems:
        yield Run(f"{problems} problems.", RED)
        yield Run("Begin with the first: others may come of it.")
    else:
        yield Run("All is well.", GREEN)
    if offline:
        yield Run("No service was asked (--offline).")
