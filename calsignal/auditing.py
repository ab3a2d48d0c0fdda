"""From the store to the manager's audit: score, judge the deals, count for the reps, narrow to who is asked about."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo

from calsignal.analysis import STALE_AFTER, calibrated, head_of, scores
from calsignal.config import Settings
from calsignal.directory import rep_of
from calsignal.errors import InputError
from calsignal.history import Lens
from calsignal.model import AccountType
from calsignal.recall import Recall, lens_of
from calsignal.score.account import places
from calsignal.score.audit import AccountAudit, AuditResult, DealLine, Forecast, Period
from calsignal.score.books import Books, Roster, Scope, roster
from calsignal.score.constants import Constants
from calsignal.score.coverage import coverage
from calsignal.score.forecast import Desk, Moment, Names, totalled
from calsignal.score.hours import account_audit
from calsignal.score.reps import Team, metrics
from calsignal.score.result import Head
from calsignal.store import Store
from calsignal.store.reading import collecting_nothing


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
    period = period_until(as_of, settings, days or settings.scoring.audit_days)
    with collecting_nothing():
        whole = judged(store, settings, as_of, period)
    return _result(whole, period, team, rep, _members(whole.roster, team, rep))


def period_until(as_of: datetime, settings: Settings, days: int) -> Period:
    """Return so many whole days in the team's zone, the day of `as_of` included."""
    last = as_of.astimezone(settings.team.timezone).date()
    return Period(last - timedelta(days=days - 1), last)


TOLD = timedelta(days=125)
"""So far back an audit, or an export of scores, tells what moved; what it says of longer is read from the ledger."""

LONG = 100
"""So many days are a long period."""


@dataclass(frozen=True)
class Whole:
    """Everything judged, before it is narrowed."""

    head: Head
    zone: tzinfo
    constants: Constants
    roster: Roster
    forecast: Forecast
    team: Team
    accounts: tuple[AccountAudit, ...]
    deals_at: datetime | None


def judged(store: Store, settings: Settings, as_of: datetime, period: Period) -> Whole:
    """Judge accounts, deals and reps as of a moment. Each account is looked at once, and not kept in memory whole."""
    lens, c = lens_of(store, settings, as_of), settings.scoring
    states, calibration = store.connection_states(as_of, STALE_AFTER), calibrated(store, settings, as_of)
    tracks = store.deals(as_of)
    names = Names(lens.directory, settings.deals.accounts, settings.deals.owners)
    desk = Desk(tracks, names, Moment(as_of, lens.zone, c))
    people = roster(states, settings.teams, desk.owners, lens.directory)
    books, rows = Books(Scope(period, c, people)), []
    since = None if period.days > LONG else as_of - TOLD
    for found, one in scores(Recall(store, settings, lens), states, calibration, since):
        deals = desk.open_deals(one.result.account.name)
        desk.look_at(one)
        books.add(one, found.then, deals)
        rows.append(_trimmed(account_audit(one, deals, period, people, c), as_of - TOLD, lens))
    seen = desk.forecast()
    prospects = {row.result.account.name for row in rows if row.result.account.type is AccountType.PROSPECT}
    return Whole(
        head=head_of(store, settings, as_of, states, calibrated=calibration is not None),
        zone=lens.zone,
        constants=c,
        roster=people,
        forecast=seen,
        team=metrics(books, seen.lines, states, lens.zone, prospects),
        accounts=tuple(_in_rank(rows)),
        deals_at=max((s.taken_at for t in tracks for s in t.snapshots if s.taken_at <= as_of), default=None),
    )


def _trimmed(row: AccountAudit, since: datetime, lens: Lens) -> AccountAudit:
    """Return a row that holds no more of an account's history than a page draws: what was and moved lately."""
    result = row.result
    recent = replace(
        result,
        meetings=tuple(m for m in result.meetings if lens.at(m.slot.start) >= since) if row.deals else (),
        changes=tuple(change for change in result.changes if change.seen_at >= since) if row.deals else (),
        rescheduling=replace(result.rescheduling, acts=()),
    )
    return replace(row, result=recent)


def _in_rank(rows: Sequence[AccountAudit]) -> Iterator[AccountAudit]:
    for index, rank in places([row.result for row in rows]):
        yield replace(rows[index], result=replace(rows[index].result, rank=rank))


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
    people = whole.team
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
        head=whole.head,
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
            whole.head.connections, whole.roster, accounts, seen, period, whole.zone, whole.constants, members
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
        met = not members.isdisjoint(one.sellers)
        if owned or met or account.name in with_deal:
            yield one
