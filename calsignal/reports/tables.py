"""The lists of other commands: connections, accounts, suggestions."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from calsignal.model import Account, ConnectionState
from calsignal.reports.foot import trouble
from calsignal.reports.layout import BOLD, DIM, GREEN, RED, Cell, Page, Run, cell, width_of
from calsignal.reports.safe import clean
from calsignal.reports.words import Calendar, plural
from calsignal.score.result import Suggestion

_HARMLESS = re.compile(r"[\w .,&'()+-]+")  # inside double quotes, for every shell


def connections_text(
    states: Sequence[ConnectionState], *, now: datetime, zone: ZoneInfo, width: int, colour: bool
) -> str:
    """Return what is connected, how fresh it is and what is wrong, as seen at `now` in `zone`."""
    page = Page(width, colour=colour)
    if not states:
        page.line("Nothing is connected. Begin with: calsignal connect --help")
    calendar = Calendar(now, zone)
    first = width_of((state.name for state in states), least=4, most=page.width // 3)
    second = width_of((state.rep for state in states), least=3, most=page.width // 3)
    third = page.rest(first, second)
    if states:
        page.row(cell("NAME", first, BOLD), cell("REP", second, BOLD), cell("STATE", third, BOLD))
    for state in states:
        page.row(cell(state.name, first), cell(state.rep, second), Cell(tuple(_state(state, calendar)), third))
    return page.text()


def _state(state: ConnectionState, calendar: Calendar) -> Iterable[Run]:
    if state.retired_at:
        yield Run(f"disconnected {calendar.date(state.retired_at)}; its history stays", DIM)
    elif state.problem or state.stale or state.last_synced is None:
        yield Run(trouble(state, calendar), RED)
    else:
        yield Run(f"synced {calendar.ago(state.last_synced)}", GREEN)
    if state.gaps:
        gap = state.gaps[-1]
        span = f"{calendar.moment(gap.start)} to {calendar.moment(gap.end)}"
        yield Run(f"· {plural(len(state.gaps), 'gap')}, the last {span}: {gap.reason}", DIM)


def accounts_text(accounts: Sequence[Account], *, width: int, colour: bool) -> str:
    """Return the accounts with everything that decides who is a buyer of which."""
    page = Page(width, colour=colour)
    if not accounts:
        page.line("No accounts yet. Add one: calsignal accounts add NAME DOMAIN")
        return page.text()
    first = width_of((account.name for account in accounts), least=4, most=page.width // 3)
    last = page.rest(first, 8)
    page.row(cell("NAME", first, BOLD), cell("TYPE", 8, BOLD), cell("WHO BELONGS TO IT", last, BOLD))
    for account in accounts:
        page.row(cell(account.name, first), cell(account.type.value, 8), cell("; ".join(_facts(account)), last))
    return page.text()


def _facts(account: Account) -> Iterable[str]:
    people = [*account.domains, *account.addresses]
    if people:
        yield ", ".join(people)
    if account.owner:
        yield f"owner {account.owner}"
    if account.key_players:
        yield f"key player {', '.join(account.key_players)}"


@dataclass(frozen=True)
class Route:
    """An address by its name: of what kind and host, what goes there (keys of [delivery], reps), and what is wrong."""

    name: str
    kind: str | None
    host: str | None
    gets: tuple[str, ...]
    last: datetime | None
    problem: str | None = None


def deliveries_text(routes: Sequence[Route], *, now: datetime, zone: ZoneInfo, width: int, colour: bool) -> str:
    """Return the addresses that reports are sent to, without what is secret in them."""
    page = Page(width, colour=colour)
    if not routes:
        page.line("No address is kept yet. Add one: calsignal deliver add NAME")
        return page.text()
    calendar = Calendar(now, zone)
    first = width_of((route.name for route in routes), least=4, most=page.width // 4)
    second = width_of((_where(route) for route in routes), least=5, most=page.width // 3)
    third = width_of((", ".join(route.gets) for route in routes), least=9, most=page.width // 4)
    last = page.rest(first, second, third)
    heads = zip(("NAME", "WHERE", "WHAT GOES", "LAST"), (first, second, third, last), strict=True)
    page.row(*(cell(head, size, BOLD) for head, size in heads))
    for route in routes:
        gets = cell(", ".join(route.gets) or "nothing", third)
        page.row(cell(route.name, first), cell(_where(route), second), gets, Cell(_went(route, calendar), last))
    return page.text()


def _where(route: Route) -> str:
    return f"{route.kind}, {route.host}" if route.kind else "?"


def _went(route: Route, calendar: Calendar) -> tuple[Run, ...]:
    if route.problem:
        return (Run(route.problem, RED),)
    return (Run(calendar.ago(route.last), GREEN),) if route.last else (Run("not yet", DIM),)


def suggestions_text(suggestions: Sequence[Suggestion], *, width: int, colour: bool) -> str:
    """Return unmatched domains by meetings and hours, each with the line that makes it an account."""
    page = Page(width, colour=colour)
    if not suggestions:
        page.line("No unmatched domain meets you.")
        return page.text()
    page.line(Run("These companies meet you, and are no account yet:", BOLD))
    suggestion_rows(page, suggestions)
    return page.text()


def suggestion_rows(page: Page, suggestions: Iterable[Suggestion]) -> None:
    """Write each suggestion: meetings, hours, and its ready `accounts add` line."""
    for suggestion in suggestions:
        page.row(
            cell(plural(suggestion.meetings, "meeting"), 12, right=True),
            cell(f"{suggestion.hours:.1f} h", 7, DIM, right=True),
            cell(add_line(suggestion), page.rest(12, 7, indent=2), BOLD),
            indent=2,
        )


def add_line(suggestion: Suggestion) -> str:
    """Return a command line that can be pasted; what a stranger named is quoted."""
    words = [_quoted(clean(word)) for word in (suggestion.name or suggestion.domain, suggestion.domain)]
    dashes = ["--"] if any(word.startswith("-") for word in words) else []
    return " ".join(["calsignal accounts add", *dashes, *words])


def _quoted(word: str) -> str:
    plain = shlex.quote(word)
    return f'"{word}"' if plain != word and _HARMLESS.fullmatch(word) else plain
