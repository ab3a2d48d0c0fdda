"""From the store to the manager's audit: score, judge the deals, count for the reps, narrow to who is asked about."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from calsignal.analysis import World, read
from calsignal.config import Settings
from calsignal.directory import rep_of
from calsignal.errors import InputError
from calsignal.history import meetings
from calsignal.model import AccountType, Copy, DealTrack, Status
from calsignal.score.account import Scored, score_account
from calsignal.score.audit import AccountAudit, AuditResult, DealLine, Forecast, Period
from calsignal.score.books import Books, Roster, Scope, StatusAt, roster
from calsignal.score.constants import Constants
from calsignal.score.coverage import coverage
from calsignal.score.forecast import Moment, Names, forecast, totalled
from calsignal.score.hours import account_audit
from calsignal.score.past import known_at
from calsignal.score.reps import Team, metrics
from calsignal.store import Store


def audit(
    store: Store,
    settings: Settings,
    as_of: datetime,
    *,
    days: int | None = None,
    team: str | None = None,
    rep: str | None = None,
) -> AuditResult:
    """Return the audit as of a moment, over so many days back, of one team or one rep where asked.

    What is said of a rep does not depend on who else is listed: ranks, medians and the notice are those of all.
    `days` defaults to the setting, 28.

    Raises:
        InputError: there is no such team or rep, or `days` is less than 1.
    """
    if days is not None and days < 1:
        raise InputError(f"a period of {days} days is no period", "give a number of days from 1 on")
    world, copies = read(store, settings, as_of)
    period = period_until(as_of, world, days or settings.scoring.audit_days)
    tracks = store.deals(as_of)
    whole = judged(world, tracks, settings, period, Past(world, copies, settings.scoring).status)
    del copies
    members = _members(whole.roster, team, rep)
    return _result(whole, period, team, rep, members)


def period_until(as_of: datetime, world: World, days: int) -> Period:
    """Return so many whole days in the team's zone, the day of `as_of` included."""
    last = as_of.astimezone(world.lens.zone).date()
    return Period(last - timedelta(days=days - 1), last)


class Past:
    """Tells the status of accounts as of earlier moments, on what had been seen by then; each is scored once."""

    def __init__(self, world: World, copies: Iterable[Copy], constants: Constants) -> None:
        self.lens, self.constants = world.lens, constants
        self.accounts = {one.result.account.name: one.result for one in world.scored}
        self.copies: dict[str, list[Copy]] = defaultdict(list)
        for copy in copies:
            self.copies[copy.uid].append(copy)
        self.known: dict[tuple[str, datetime], Status] = {}

    def status(self, name: str, moment: datetime) -> Status:
        """Return an account's status as of a moment at which one of its meetings was known."""
        key = name, moment
        if key not in self.known:
            self.known[key] = self._scored(name, moment)
        return self.known[key]

    def _scored(self, name: str, moment: datetime) -> Status:
        now = self.accounts[name]
        lens = replace(self.lens, as_of=moment)
        theirs = (c for uid in sorted({m.uid for m in now.meetings}) for c in self.copies[uid])
        found = meetings(known_at(theirs, moment), lens)
        return score_account(now.account, found, lens, self.constants).result.status


@dataclass(frozen=True)
class Whole:
    """Everything judged, before it is narrowed."""

    world: World
    constants: Constants
    roster: Roster
    forecast: Forecast
    team: Team
    accounts: tuple[AccountAudit, ...]
    deals_at: datetime | None


def judged(world: World, tracks: Iterable[DealTrack], settings: Settings, period: Period, status_at: StatusAt) -> Whole:
    """Judge deals, reps and accounts on a world that was looked at; nothing is read any more."""
    tracks = tuple(tracks)
    c, directory, states = settings.scoring, world.lens.directory, world.head.connections
    scored = {one.result.account.name: one for one in world.scored}
    names = Names(directory, settings.deals.accounts, settings.deals.owners)
    seen = forecast(tracks, scored, names, Moment(world.lens.as_of, world.lens.zone, c))
    deals = _by_account(seen.lines)
    people = roster(states, settings.teams, (line.owner for line in seen.lines if line.owner), directory)
    books = Books(Scope(period, c, people, status_at))
    for one in world.scored:
        books.add(one, deals.get(one.result.account.name, ()))
    prospects = {name for name, one in scored.items() if one.result.account.type is AccountType.PROSPECT}
    return Whole(
        world=world,
        constants=c,
        roster=people,
        forecast=seen,
        team=metrics(books, seen.lines, states, world.lens.zone, prospects),
        accounts=tuple(_accounts(world.scored, deals, period, people, c)),
        deals_at=max((s.taken_at for t in tracks for s in t.snapshots if s.taken_at <= world.lens.as_of), default=None),
    )


def _by_account(lines: Iterable[DealLine]) -> Mapping[str, list[DealLine]]:
    found: dict[str, list[DealLine]] = defaultdict(list)
    for line in lines:
        if line.account is not None:
            found[line.account].append(line)
    return found


def _accounts(
    scored: Iterable[Scored], deals: Mapping[str, list[DealLine]], period: Period, people: Roster, c: Constants
) -> Iterable[AccountAudit]:
    return (account_audit(one, deals.get(one.result.account.name, ()), period, people, c) for one in scored)


# --- narrowing --------------------------------------------------------------------------------------------------------


def _members(people: Roster, team: str | None, rep: str | None) -> frozenset[str] | None:
    """Return the reps asked about; None: all.

    Raises:
        InputError: there is no such team or rep.
    """
    members = None
    if team is not None:
        by_name = {name.casefold(): name for name in people.teams}
        if team.casefold() not in by_name:
            raise InputError(f"there is no team called {team}", _hint(team, by_name, "name the teams in [teams]"))
        members = people.teams[by_name[team.casefold()]]
    if rep is not None:
        known = people.reps if members is None else members
        mailbox = rep_of(rep.strip().lower(), people.directory)
        if mailbox not in known:
            where = f" in the team {team}" if team is not None else ""
            hint = _hint(mailbox, {r: r for r in known}, "see the reps with: calsignal connections")
            raise InputError(f"there is no rep {rep}{where}", hint)
        members = frozenset({mailbox})
    return members


def _hint(word: str, known: Mapping[str, str], otherwise: str) -> str:
    near = difflib.get_close_matches(word.casefold(), list(known), 1)
    return f"did you mean {known[near[0]]}?" if near else otherwise


def _result(
    whole: Whole, period: Period, team: str | None, rep: str | None, members: frozenset[str] | None
) -> AuditResult:
    world, people = whole.world, whole.team
    accounts, seen, total, contest, teams = whole.accounts, whole.forecast, people.total, people.contest, people.teams
    if members is not None:
        lines = [line for line in seen.lines if line.owner in members]
        seen = totalled(lines, (), seen.won, seen.won_meetings)
        accounts = tuple(_theirs(accounts, members, lines, whole.roster))
        contest = replace(
            contest,
            places=tuple(p for p in contest.places if p.rep in members),
            outside={name: why for name, why in contest.outside.items() if name in members},
        )
        rows = people.reps if rep is not None else people.teams
        teams = () if rep is not None else tuple(t for t in teams if t.rep.casefold() == (team or "").casefold())
        total = next(m for m in rows if (m.rep in members if rep is not None else m in teams))
    return AuditResult(
        head=world.head,
        period=period,
        team=team if rep is not None or not teams or team is None else teams[0].rep,
        rep=next(iter(members)) if rep is not None and members else None,
        forecast=seen,
        reps=people.reps if members is None else tuple(m for m in people.reps if m.rep in members),
        teams=teams,
        total=total,
        notice=people.notice,
        contest=contest,
        accounts=accounts,
        eating=tuple(
            sorted((a for a in accounts if a.eats), key=lambda a: (-(a.our_hours or 0), a.result.account.name))
        ),
        without_deal=tuple(
            sorted(
                (a for a in accounts if a.without_deal),
                key=lambda a: (-a.result.time.firm_hours, a.result.account.name),
            )
        ),
        coverage=coverage(
            world.head.connections, whole.roster, accounts, seen, period, world.lens.zone, whole.constants, members
        ),
        deals_at=whole.deals_at,
    )


def _theirs(
    accounts: Iterable[AccountAudit], members: frozenset[str], lines: Iterable[DealLine], people: Roster
) -> Iterable[AccountAudit]:
    """Yield the accounts that these reps own, meet, or have a deal with."""
    with_deal = {line.account for line in lines}
    for one in accounts:
        account = one.result.account
        owned = account.owner is not None and rep_of(account.owner, people.directory) in members
        met = any(rep_of(s, people.directory) in members for m in one.result.meetings for s in m.sellers)
        if owned or met or account.name in with_deal:
            yield one
