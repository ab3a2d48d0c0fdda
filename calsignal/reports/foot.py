"""What every text report ends with: what to mend, what was not read, and which model spoke."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from calsignal.model import ConnectionState, Skipped
from calsignal.reports.layout import BOLD, RED, YELLOW, Page, Run
from calsignal.reports.words import Calendar, names, plural
from calsignal.score.result import AccountResult, Head


def foot(page: Page, head: Head, calendar: Calendar, results: Iterable[AccountResult], *, show_all: bool) -> None:
    """Write troubles with their next step, skipped items, and the model."""
    stale = sorted({name for result in results for name in result.stale})
    troubled = [s for s in head.connections if (s.stale or s.problem) and s.retired_at is None]
    if stale or troubled or head.skipped:
        page.rule(Run("TO MEND", BOLD))
    if stale:
        page.line(
            Run("? means not synced for 24 h:", YELLOW), names(stale, most=len(stale) if show_all else 3), indent=2
        )
    for state in troubled:
        page.line(Run(f"! {state.name}:", RED), trouble(state, calendar), indent=2, hang=2)
    _skipped(page, head.skipped, show_all=show_all)
    page.rule(end=model(head))


def trouble(state: ConnectionState, calendar: Calendar) -> str:
    """Say what is wrong with a connection, how old its data is, and what to do."""
    last = f"last synced {calendar.ago(state.last_synced)}" if state.last_synced else "never synced"
    if state.problem:
        return f"{state.problem} ({last})"
    return f"{last}. Next: calsignal sync"


def _skipped(page: Page, skipped: tuple[Skipped, ...], *, show_all: bool) -> None:
    if not skipped:
        return
    if show_all:
        page.line(f"{plural(len(skipped), 'item')} could not be read:", indent=2)
        for item in skipped:
            page.line(f"{item.source}: {item.id}, {item.reason}", indent=4, hang=2)
        return
    sources = [f"{count} in {source}" for source, count in Counter(item.source for item in skipped).most_common()]
    page.line(f"{plural(len(skipped), 'item')} could not be read: {names(sources, most=3)}.", indent=2, hang=2)


def model(head: Head) -> str:
    """Name the model: `model v1 1a2b3c4d, uncalibrated`."""
    return f"model {head.model_version} {head.constants}" + ("" if head.calibrated else ", uncalibrated")
