"""One account's result, and the ranking of many. The definition of the score: pure in (meetings, account, as_of)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from calsignal.directory import Who
from calsignal.history import Lens, Meeting, Seen
from calsignal.model import Account, AccountType, Change, Level, Role, Status
from calsignal.score.constants import Constants
from calsignal.score.facts import Fact, Sight, facts
from calsignal.score.rescheduling import Chains, chains, rescheduling
from calsignal.score.result import AccountResult, FirstAction, Flag
from calsignal.score.status import (
    Standings,
    ask_before,
    buyer_waits,
    next_line,
    pushes,
    standings,
    verdict,
    walk_away,
)
from calsignal.score.time import buyer_time
from calsignal.score.wording import by_when, clock, count, day_name, listing, times, waited

ORDER = tuple(Status)


@dataclass(frozen=True)
class Scored:
    """A result with what only the first action needs to know; `result` is what reports print."""

    result: AccountResult
    standings: Standings
    sight: Sight


def score_account(
    account: Account,
    meetings: Sequence[Meeting],
    lens: Lens,
    constants: Constants,
    *,
    unknown: str | None = None,
    stale: tuple[str, ...] = (),
) -> Scored:
    """Return the account's score, status and evidence as of `lens.as_of`.

    `meetings` may hold others' meetings too. `unknown` says why nothing can be known; `stale` names the calendars
    that are behind.
    """
    sight = Sight(lens, constants, account)
    found = facts(meetings, sight)
    return judged(found, chains(found, sight), sight, unknown=unknown, stale=stale)


def judged(
    found: tuple[Fact, ...], linked: Chains, sight: Sight, *, unknown: str | None = None, stale: tuple[str, ...] = ()
) -> Scored:
    """Return the score, status and evidence that an account's facts and chains come to."""
    account, constants = sight.account, sight.constants
    state = standings(found, linked, sight)
    time = buyer_time(found, sight)
    acts = rescheduling(linked, sight, ever_firm=any(f.told.reached >= Level.FIRM for f in found))
    ruling = verdict(state, unknown, sight)
    points = constants.weight_time * time.points + constants.weight_rescheduling * acts.points
    result = AccountResult(
        account=account,
        rank=None,
        status=ruling.status,
        stale=stale,
        rule=ruling.rule,
        evidence=ruling.evidence,
        score=state.pace.keep * points,
        keep=state.pace.keep,
        time=time,
        rescheduling=acts,
        quiet_days=state.pace.quiet,
        usual_gap_days=state.pace.usual_gap,
        stall_after=state.pace.stall_after,
        lost_after=state.pace.lost_after,
        next_meeting=state.next_firm.view if state.next_firm else None,
        last_held=state.last_held.view if state.last_held else None,
        firm_buyers=_firm_buyers(found, sight),
        flags=tuple(_flags(state, ruling.status, sight)),
        meetings=tuple(f.view for f in found),
        changes=_changes(found, sight),
        unknown=tuple(_unknown(found)),
    )
    return Scored(result, state, sight)


def status_of(found: tuple[Fact, ...], linked: Chains, sight: Sight) -> Status:
    """Return the status alone that an account's facts and chains come to."""
    return verdict(standings(found, linked, sight), None, sight).status


def ranked(scored: Iterable[Scored]) -> tuple[Scored, ...]:
    """Return the results in order of rank; customers and partners come last and have none."""
    everybody = list(scored)
    return tuple(
        replace(everybody[index], result=replace(everybody[index].result, rank=rank))
        for index, rank in places([one.result for one in everybody])
    )


def places(results: Sequence[AccountResult]) -> list[tuple[int, int | None]]:
    """Return the positions of results in order of rank, each with its rank."""
    order = sorted(range(len(results)), key=lambda index: _rank_key(results[index]))
    number = sum(result.account.type is AccountType.PROSPECT for result in results)  # they come first
    return [(index, rank if rank <= number else None) for rank, index in enumerate(order, 1)]


def _rank_key(r: AccountResult) -> tuple[bool, int, float, float, str]:
    apart = r.account.type is not AccountType.PROSPECT
    return apart, ORDER.index(r.status), -r.score, -r.time.raw_hours, r.account.name


def _changes(found: Iterable[Fact], sight: Sight) -> tuple[Change, ...]:
    """Return what happened on the account's meetings and series, each once, newest first; strangers are left out."""
    series = {f.view.uid: f.series for f in found if f.series is not None}
    changes = [c for f in found if f.meeting is not None for c in f.meeting.changes]
    changes += [c for s in series.values() for c in s.changes]
    known = {w.person for f in found for seen in f.states for w in _parties(seen, sight)}
    told = [c for c in changes if c.person is None or c.person in known]
    return tuple(sorted(told, key=lambda c: (c.seen_at, c.uid, str(c.original_start), c.kind.value), reverse=True))


def _parties(seen: Seen, sight: Sight) -> Iterator[Who]:
    for participant in seen.merged.people:
        who = sight.lens.directory.who(participant)
        if who.role is Role.SELLER or who.account == sight.account.name:
            yield who


def _unknown(found: Iterable[Fact]) -> Iterator[str]:
    hidden = sum(any(b.evidence == "not visible from here" for b in f.view.buyers) for f in found)
    if hidden:
        yield f"answers on {count(hidden, 'meeting')} are not visible from the calendars that are connected"
    baseline = sum(not f.told.dated for f in found)
    if baseline:
        yield f"when {count(baseline, 'meeting')} came about: already there at the first sync, without a date"


# --- flags ----------------------------------------------------------------------------------------------------------


def _firm_buyers(found: Iterable[Fact], sight: Sight) -> tuple[str, ...]:
    """Return who was firm in the past 90 days or is ahead: addresses, or `someone@domain` where none is kept."""
    recent = [f for f in found if f.firm and sight.since(f.on) <= sight.constants.firm_buyer_days]
    people = {
        b.person: b.email or f"someone@{b.domain}" for f in recent for b in f.view.buyers if b.level >= Level.FIRM
    }
    return tuple(sorted(people.values()))


def _flags(s: Standings, status: Status, sight: Sight) -> Iterator[Flag]:
    buyers = _firm_buyers(s.found, sight)
    if len(buyers) == 1:
        yield Flag("single-threaded", f"only {buyers[0]} is firm")
    missing = _key_players_missing(s, sight)
    if missing:
        yield Flag("key-player-missing", f"no firm meeting with {listing(missing)}, ever")
    yield from _habits(s, sight)
    if not s.firm_ahead and s.last_held and status in (Status.REAL, Status.SOFT, Status.STALLED):
        yield Flag("no-next-step", "nothing firm is booked at any distance")
    if s.firm_ahead and s.next_firm is None:
        yield Flag("next-far-off", f"the only firm slot is on {day_name(s.firm_ahead[0].view.slot.start, sight)}")
    yield from _waiting(s, sight)


def _key_players_missing(s: Standings, sight: Sight) -> list[str]:
    met = frozenset().union(*(f.told.ever_firm for f in s.found if not f.excluded))
    return [address for address, person in sorted(sight.account.key_players.items()) if person not in met]


def _habits(s: Standings, sight: Sight) -> Iterator[Flag]:
    c = sight.constants
    held = [f for f in s.found if f.held]
    streak = 0
    for fact in reversed(held):
        if fact.view.level >= Level.OWNED:
            break
        streak += 1
    if streak >= c.seller_driven_meetings:
        yield Flag("seller-driven", f"none of the last {streak} meetings was the buyer's idea")
    recent = [f for f in s.found if f.firm and sight.since(f.on) <= c.firm_buyer_days]
    if recent and all(f.view.series for f in recent):
        yield Flag("series-only", "all firm meetings are dates of a series")


def _waiting(s: Standings, sight: Sight) -> Iterator[Flag]:
    patience = timedelta(hours=sight.constants.answer_hours)
    since = {f.view.uid: at for f in reversed(s.found) if (at := buyer_waits(f, sight)) is not None}
    waits = [at for at in since.values() if sight.as_of - at > patience]
    if waits:
        oldest = waited(sight.as_of - min(waits))
        yield Flag("answer-the-buyer", f"{count(len(waits), 'invitation')} of theirs open, the oldest for {oldest}")
    silent = [f for f in s.invitations if f.ahead and f.view.level == Level.INVITED]
    units = {f.view.uid: sight.age(f.told.invited) for f in silent}
    if units:
        yield Flag("unanswered-invitations", f"{len(units)}, the oldest {max(units.values())} d")


# --- the first action -----------------------------------------------------------------------------------------------


def first_action(scored: Sequence[Scored]) -> FirstAction | None:
    """Return the one thing to do first: the first rule that applies to any prospect, in order of rank."""
    prospects = [one for one in scored if one.result.account.type is AccountType.PROSPECT]
    for number, rule in enumerate((_answer, _next_step, _today, _about_to_turn, _walk_away), start=1):
        for one in prospects:
            found = rule(one)
            if found is not None:
                text, due = found
                return FirstAction(number, one.result.account.name, text, due)
    return None


Proposal = tuple[str, date | None]


def _answer(one: Scored) -> Proposal | None:
    waiting = [(at, f) for f in one.standings.found if (at := buyer_waits(f, one.sight)) is not None]
    if not waiting:
        return None
    since, fact = min(waiting, key=lambda pair: (pair[0], pair[1].start))
    people = fact.states[-1].merged.people
    proposed = next((p.proposed for p in people if p.proposed is not None), None)
    when = clock(proposed or fact.view.slot, one.sight)
    what = "proposal" if proposed else "invitation"
    return f"Answer the buyer: their {what} for {when} has waited {waited(one.sight.as_of - since)}.", one.sight.today


def _next_step(one: Scored) -> Proposal | None:
    if one.result.status is not Status.REAL or one.standings.firm_ahead:
        return None
    due = ask_before(one.standings, one.sight)
    held = one.result.evidence.partition(" No next step")[0]
    return f"Ask for a next step {by_when(due, one.sight)}. {held} Nothing is booked.", due


def _today(one: Scored) -> Proposal | None:
    today = [f for f in one.standings.firm_ahead if one.sight.since(f.on) == 0]
    if not today:
        return None
    return f"Meet them today. {next_line(today[0], one.sight)}", one.sight.today


def _about_to_turn(one: Scored) -> Proposal | None:
    s, sight = one.standings, one.sight
    if s.next_firm is not None:
        number, days = pushes(s.linked.behind(s.next_firm))
        if number == sight.constants.stalled_pushes - 1 and one.result.status is Status.REAL:
            when = clock(s.next_firm.view.slot, sight)
            return f"Hold {when}: put off {times(number)} already ({days} d).", sight.day(s.next_firm.start)
        return None
    quiet, limit = s.pace.quiet, s.pace.stall_after
    if one.result.status is not Status.SOFT or quiet is None or not 0 <= limit - quiet <= sight.constants.warn_days:
        return None
    due = sight.today + timedelta(days=int(limit - quiet))
    return f"Ask for a firm slot {by_when(due, sight)}: {one.result.evidence}", due


def _walk_away(one: Scored) -> Proposal | None:
    """Say it once per loss: on the day the account is lost, or on the Monday after."""
    s, sight = one.standings, one.sight
    if one.result.status is not Status.LOST or s.pace.quiet is None:
        return None
    days_lost = s.pace.quiet - int(s.pace.lost_after) - 1
    if days_lost > (2 if sight.today.weekday() == 0 else 0):
        return None
    due = walk_away(s, sight)
    return f"Walk away: {one.result.evidence}", due
