"""Which calendars can be seen, and what is therefore unknown. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import tzinfo

from calsignal.directory import rep_of
from calsignal.model import ConnectionState, Status
from calsignal.score.audit import AccountAudit, CalendarState, Coverage, Forecast, Period, RepCoverage
from calsignal.score.books import Roster
from calsignal.score.constants import Constants
from calsignal.score.reps import watch
from calsignal.score.wording import count


def coverage(
    connections: Iterable[ConnectionState],
    roster: Roster,
    accounts: Sequence[AccountAudit],
    forecast: Forecast,
    period: Period,
    zone: tzinfo,
    constants: Constants,
    members: frozenset[str] | None = None,
) -> Coverage:
    """Return every rep's calendars, and those of account owners, worst first; then what is unknown, in sentences.

    `members` narrows it to these reps.
    """
    states: dict[str, list[ConnectionState]] = defaultdict(list)
    for connection in connections:
        states[rep_of(connection.rep, roster.directory)].append(connection)
    unknown: dict[str, list[str]] = defaultdict(list)
    owners = {rep_of(a.result.account.owner, roster.directory) for a in accounts if a.result.account.owner}
    for one in accounts:
        if one.result.status is Status.UNKNOWN and one.result.account.owner:
            unknown[rep_of(one.result.account.owner, roster.directory)].append(one.result.account.name)
    deals = _deals(forecast)
    rows = []
    for rep in sorted(roster.reps | owners if members is None else members):
        own = tuple(sorted(states.get(rep, ()), key=lambda s: s.name))
        state = _state(own)
        watched = watch(own, period, zone, constants)
        text = _text(state, own, watched.covered, watched.days)
        row = RepCoverage(
            rep=rep,
            teams=roster.teams_of(rep),
            state=state,
            connections=own,
            watch=watched,
            open_deals=deals.get(rep, 0),
            unknown_accounts=tuple(sorted(unknown.get(rep, ()))),
            text=text,
        )
        rows.append(row)
    order = list(CalendarState)
    rows.sort(key=lambda r: (-order.index(r.state), r.watch.covered, r.rep))
    return Coverage(tuple(rows), tuple(_unknown(rows, accounts, forecast)))


def _deals(forecast: Forecast) -> Mapping[str, int]:
    found: dict[str, int] = defaultdict(int)
    for line in forecast.lines:
        if line.owner is not None:
            found[line.owner] += 1
    return found


def _state(states: Sequence[ConnectionState]) -> CalendarState:
    """Return the state of the best of somebody's calendars."""
    if not states:
        return CalendarState.MISSING
    living = [s for s in states if s.retired_at is None]
    if not living:
        return CalendarState.DISCONNECTED
    read = [s for s in living if s.last_synced is not None]
    if not read:
        return CalendarState.NEVER_READ
    return CalendarState.STALE if all(s.stale for s in read) else CalendarState.FRESH


def _text(state: CalendarState, states: Sequence[ConnectionState], covered: int, days: int) -> str:
    problems = "; ".join(f"{s.name}: {s.problem}" for s in states if s.problem)
    text = f"{state.value}, {covered} of {days} days covered"
    return f"{text} ({problems})" if problems else text


_LACK = {
    CalendarState.MISSING: ("has no connected calendar", "have no connected calendar"),
    CalendarState.DISCONNECTED: ("has disconnected the calendar", "have disconnected the calendar"),
    CalendarState.NEVER_READ: ("has a calendar that was never read", "have calendars that were never read"),
    CalendarState.STALE: ("has a calendar that is behind", "have calendars that are behind"),
}


def _unknown(rows: Sequence[RepCoverage], accounts: Sequence[AccountAudit], forecast: Forecast) -> Iterator[str]:
    for state, (one, many) in _LACK.items():
        some = [r for r in rows if r.state is state]
        if some:
            deals = sum(r.open_deals for r in some)
            names = ", ".join(r.rep for r in some[:3]) + (f" and {len(some) - 3} more" if len(some) > 3 else "")
            theirs = f", with {count(deals, 'open deal')}" if deals else ""
            yield f"{names} {one if len(some) == 1 else many}{theirs}."
    dark = sum(a.result.status is Status.UNKNOWN for a in accounts)
    if dark:
        yield f"Of {count(dark, 'account')} nothing can be known."
    homeless = sum(line.account is None for line in forecast.lines)
    if homeless:
        yield f"{count(homeless, 'open deal')} {'matches' if homeless == 1 else 'match'} no account: status UNKNOWN."
    masterless = sum(line.owner is None for line in forecast.lines)
    if masterless:
        yield f"{count(masterless, 'open deal')} {'belongs' if masterless == 1 else 'belong'} to none of our people."
    if forecast.missing:
        number = len(forecast.missing)
        yield f"{count(number, 'deal')} {'was' if number == 1 else 'were'} open and left the export: in no total."
