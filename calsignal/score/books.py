"""The books of everybody: what each account adds to what is counted for a rep, a team and all. Pure.

Only prospects count. A meeting with several reps is credited to each of them, and once to the team. Each account is
looked at once; what it adds goes into the books of everybody it concerns.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import pairwise

from calsignal.directory import Directory, rep_of
from calsignal.history import Track
from calsignal.model import AccountType, Actor, ConnectionState, Level, Role, Status
from calsignal.score.account import Scored
from calsignal.score.audit import Period
from calsignal.score.constants import Constants
from calsignal.score.facts import Fact, Sight, counted_slot
from calsignal.score.firmness import ANSWERED
from calsignal.score.forecast import OpenDeal
from calsignal.score.rescheduling import Unit
from calsignal.score.result import Rescheduling
from calsignal.score.time import buyer_time

Then = Callable[[datetime], Status]
"""The status of an account as of an earlier moment, on what had been seen by then."""

DEAD = (Status.STALLED, Status.LOST, Status.NO_EVIDENCE)

# --- who ------------------------------------------------------------------------------------------------------------

Key = tuple[str, str]
"""Whose book: ("rep", mailbox), ("team", name), or ("all", "")."""

ALL: Key = ("all", "")


@dataclass(frozen=True)
class Roster:
    """The reps, and the teams they are in; mailboxes as `rep_of` gives them."""

    reps: frozenset[str]
    teams: Mapping[str, frozenset[str]]
    directory: Directory

    @cached_property
    def _keys(self) -> dict[str, frozenset[Key]]:
        keys: dict[str, set[Key]] = defaultdict(set)
        for rep in self.reps:
            keys[rep].add(("rep", rep))
        for team, members in self.teams.items():
            for rep in members:
                keys[rep].add(("team", team))
        return {rep: frozenset(some) for rep, some in keys.items()}

    def keys(self, people: Iterable[str]) -> frozenset[Key]:
        """Return the books of these people of ours, each once; there is always the one of all."""
        return frozenset({ALL}).union(*(self._keys.get(p, frozenset()) for p in people))

    def teams_of(self, rep: str) -> tuple[str, ...]:
        return tuple(sorted(team for team, members in self.teams.items() if rep in members))

    @property
    def all_keys(self) -> frozenset[Key]:
        return self.keys(self.reps) | {("team", team) for team in self.teams}


def roster(
    connections: Iterable[ConnectionState],
    teams: Mapping[str, Sequence[str]],
    owners: Iterable[str],
    directory: Directory,
) -> Roster:
    """Return the reps: who has or had a calendar here, who is in a team, and who owns a deal."""
    members = {name: frozenset(rep_of(r, directory) for r in reps) for name, reps in teams.items()}
    connected = {rep_of(c.rep, directory) for c in connections}
    return Roster(frozenset(connected | set(owners)).union(*members.values()), members, directory)


# --- the books ------------------------------------------------------------------------------------------------------


@dataclass
class Share:
    """Counts towards a rate."""

    hits: int = 0
    n: int = 0
    left_out: int = 0

    def add(self, hit: bool) -> None:
        self.n += 1
        self.hits += hit


@dataclass
class Book:
    """What has been counted for one rep, one team, or all."""

    eager: set[str] = field(default_factory=set)
    rebooks: int = 0
    rebooks_by_buyer: int = 0
    stretches: dict[int, set[str]] = field(default_factory=lambda: defaultdict(set))
    accounts: set[str] = field(default_factory=set)
    followed: Share = field(default_factory=Share)
    next_step: Share = field(default_factory=Share)
    initiated: Share = field(default_factory=Share)
    asked: Share = field(default_factory=Share)
    pushed: Share = field(default_factory=Share)
    dropped: Share = field(default_factory=Share)
    moved: Share = field(default_factory=Share)
    breadths: list[int] = field(default_factory=list)
    hours: list[float] = field(default_factory=list)
    held: int = 0
    weeks: dict[date, list[float]] = field(default_factory=lambda: defaultdict(list))
    met_in_week: dict[date, int] = field(default_factory=lambda: defaultdict(int))
    dead: list[float] = field(default_factory=list)
    spent: int = 0
    unjudged: int = 0
    answers: list[float] = field(default_factory=list)
    unanswered: int = 0


@dataclass(frozen=True)
class Scope:
    """What the books are kept about: the period, the numbers, and who is a rep."""

    period: Period
    constants: Constants
    roster: Roster


class Books:
    """The books of everybody. `add` takes each account once, in any order; the result is the same."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.of: dict[Key, Book] = {key: Book() for key in scope.roster.all_keys}

    def add(self, one: Scored, then: Then, deals: Sequence[OpenDeal] = ()) -> None:
        """Enter an account with its open deals. Customers and partners are left out."""
        if one.result.account.type is AccountType.PROSPECT:
            _Entry(self, one, then, deals).enter()


class _Entry:
    """One account on its way into the books."""

    def __init__(self, books: Books, one: Scored, then: Then, deals: Sequence[OpenDeal]) -> None:
        self.books, self.scope, self.then, self.deals = books, books.scope, then, deals
        self.result, self.sight = one.result, one.sight
        self.name = one.result.account.name
        self.found, self.linked = one.standings.found, one.standings.linked
        self.standings = one.standings
        self.roster = books.scope.roster

    def enter(self) -> None:
        for rule in (
            self._rebooked,
            self._held,
            self._next_step,
            self._asked,
            self._rescheduled,
            self._dead_hours,
            self._answered,
        ):
            rule()

    def _books(self, *facts: Fact) -> Iterator[Book]:
        return (self.books.of[key] for key in frozenset().union(*(self._credit(f) for f in facts)))

    def _credit(self, fact: Fact) -> frozenset[Key]:
        return self.roster.keys(fact.told.ours)

    def _in_period(self, at: datetime) -> bool:
        return self.sight.day(at) in self.scope.period

    # --- booked again -----------------------------------------------------------------------------------------------

    def _rebooked(self) -> None:
        """A rebook belongs to those on the meeting that was booked; that it followed, to those on the one held."""
        c, followed = self.scope.constants, set()
        for rebook in self.linked.rebooks:
            followed.add(rebook.held.key)
            for book in self._books(*rebook.unit.dates):
                book.stretches[self.sight.age(rebook.at) // c.audit_recent_days].add(self.name)
                if self._in_period(rebook.at):
                    book.eager.add(self.name)
                    book.rebooks += 1
                    book.rebooks_by_buyer += rebook.by_buyer
        for fact in self.found:
            if not (fact.held and fact.on in self.scope.period):
                continue
            is_followed = fact.key in followed
            if is_followed or self.sight.since(fact.on) >= c.rebook_days:
                for book in self._books(fact):
                    book.followed.add(is_followed)

    # --- meetings held ----------------------------------------------------------------------------------------------

    def _held(self) -> None:
        held = [f for f in self.found if f.held and f.on in self.scope.period]
        for fact in held:
            theirs = any(b.level is Level.OWNED for b in fact.view.buyers)
            for book in self._books(fact):
                book.accounts.add(self.name)
                book.held += 1
                book.initiated.add(theirs)
        for key, some in self._by_key(held).items():
            self.books.of[key].hours.append(buyer_time(some, self.sight).firm_hours)
        self._weekly()

    def _weekly(self) -> None:
        this = monday(self.scope.period.last)
        first = this - timedelta(weeks=self.scope.constants.audit_weeks - 1)
        weeks: dict[date, list[Fact]] = defaultdict(list)
        for fact in self.found:
            if fact.held and first <= monday(fact.on):
                weeks[monday(fact.on)].append(fact)
        for begin, facts in weeks.items():
            for key, some in self._by_key(facts).items():
                self.books.of[key].weeks[begin].append(buyer_time(some, self.sight).firm_hours)
                self.books.of[key].met_in_week[begin] += len(some)

    def _by_key(self, facts: Iterable[Fact]) -> dict[Key, list[Fact]]:
        found: dict[Key, list[Fact]] = defaultdict(list)
        for fact in facts:
            for key in self._credit(fact):
                found[key].append(fact)
        return found

    def _next_step(self) -> None:
        """Ask of each account held lately or with an open deal whether anything firm is near; and how broad it is."""
        days = self.scope.constants.audit_active_days
        held = [f for f in self.found if f.held and self.sight.since(f.on) <= days]
        active = [*held, *self.standings.firm_ahead]
        for book in self._books(*active) if active else ():
            book.breadths.append(len(self.result.firm_buyers))
        owners = self.scope.roster.keys(line.owner for line in self.deals if line.owner)
        for key in owners.union(*(self._credit(f) for f in held)) if held or self.deals else ():
            share = self.books.of[key].next_step
            if self.result.status is Status.UNKNOWN:
                share.left_out += 1
            else:
                share.add(self.standings.next_firm is not None)

    # --- invitations ------------------------------------------------------------------------------------------------

    def _asked(self) -> None:
        within = self.scope.constants.audit_accept_days
        for unit in self.linked.units:
            ours = [f for f in unit.dates if f.by_seller and not f.excluded]
            if not ours or not self._in_period(unit.track.invited_at):
                continue
            unknown = unit.track.baseline and unit.track.created is None
            sent = self.sight.day(unit.track.invited_at)
            firm = unit.firm_at is not None and (self.sight.day(unit.firm_at) - sent).days <= within
            for book in self._books(*unit.dates):
                if unknown:
                    book.asked.left_out += 1
                else:
                    book.asked.add(firm)

    # --- moves and drops --------------------------------------------------------------------------------------------

    def _rescheduled(self) -> None:
        """Count chains that were firm in the period, or in which something became known of one that had been."""
        acts: dict[tuple[str, object], set[tuple[str, bool]]] = defaultdict(set)
        for act in self.result.rescheduling.acts:
            if act.on in self.scope.period:
                acts[act.uid, act.original_start].add((act.kind, act.by is Actor.BUYER))
        for unit in self.linked.units:
            self._chain_of_unit(unit, acts[unit.uid, unit.track.original_start])
        for fact in self.found:
            if fact.view.series and fact.key in self.linked.occurrence_moves:
                was_firm = fact.told.reached >= Level.FIRM
                self._chain((fact,), acts[fact.key], was_firm=was_firm)

    def _chain_of_unit(self, unit: Unit, acts: set[tuple[str, bool]]) -> None:
        if not unit.rebooked:  # else its chain goes on in the meeting that was booked instead
            self._chain(unit.dates, acts, was_firm=unit.firm_seen is not None or unit.firm_before)

    def _chain(self, facts: Sequence[Fact], acts: set[tuple[str, bool]], *, was_firm: bool) -> None:
        if not was_firm or not (acts or any(self._firm_in_period(f) for f in facts)):
            return
        for book in self._books(*facts):
            book.pushed.add(("push", True) in acts)
            book.dropped.add(("dropped", True) in acts)
            book.moved.add(bool({("push", False), ("moved earlier", False)} & acts))

    def _firm_in_period(self, fact: Fact) -> bool:
        """Say whether a meeting was held in the period, is firm ahead (of a series: the next), or was lost in it."""
        if fact.firm:
            return fact.view.counted if fact.ahead else fact.on in self.scope.period
        lost = _lost_at(fact, self.sight)
        return lost is not None and self._in_period(lost) and not fact.excluded

    # --- our own hours ----------------------------------------------------------------------------------------------

    def _dead_hours(self) -> None:
        spent = [f for f in self.found if is_spent(f) and f.on in self.scope.period]
        dead = []
        for fact in spent:
            status = self._status_before(fact)
            for book in self._books(fact):
                book.spent += status is not None
                book.unjudged += status is None
            if status in DEAD:
                dead.append(fact)
        for key, some in self._by_key(dead).items():
            self.books.of[key].dead.append(hours_of(some, self.sight))

    def _status_before(self, fact: Fact) -> Status | None:
        """Return the account's status when a meeting began; None where it was not known of then."""
        if not any(seen.seen_at <= fact.start for seen in fact.states):
            return None
        was = was_real(fact.start, self.found, self.result.rescheduling, self.sight)
        return Status.REAL if was else self.then(fact.start)

    def _answered(self) -> None:
        for unit in self.linked.units:
            invited = _their_invitation(unit, self.sight)
            if invited is not None and self._in_period(invited):
                self._reply(unit.dates, _first_answers(unit.track, invited, self.sight))
        for fact in (f for f in self.found if f.states and not f.excluded):
            for at, settled in _proposals(fact, self.sight):
                if self._in_period(at):
                    hours = None if settled is None else _hours_between(at, settled)
                    self._reply((fact,), dict.fromkeys(fact.told.ours, hours))

    def _reply(self, facts: Sequence[Fact], took: Mapping[str, float | None]) -> None:
        """Enter how many hours each took to answer (None: not answered yet); the first answer is the team's."""
        told: dict[Key, list[float]] = {}
        for rep, hours in took.items():
            for key in self.scope.roster.keys([rep]):
                told.setdefault(key, []).extend([] if hours is None else [hours])
        for key, some in told.items():
            if some:
                self.books.of[key].answers.append(min(some))
            else:
                self.books.of[key].unanswered += 1


def monday(day: date) -> date:
    """Return the Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def _lost_at(fact: Fact, sight: Sight) -> datetime | None:
    """Return when a meeting was seen to be firm no more; None: never firm, or to the end."""
    for seen, after in reversed(tuple(pairwise(fact.states))):
        if sight.level(after) >= Level.FIRM:
            return None
        if sight.level(seen) >= Level.FIRM:
            return after.seen_at
    return None


def is_spent(fact: Fact) -> bool:
    """Say whether a past meeting took our people's time, as far as a calendar can tell.

    Not one that was called off, that every buyer declined or left, a webinar, or time shown as free.
    """
    on = [b for b in fact.view.buyers if b.level > Level.WITHDRAWN]
    return bool(on) and fact.view.past and fact.view.minutes > 0 and not fact.excluded and not fact.view.status.gone


def was_real(moment: datetime, found: Iterable[Fact], acts: Rescheduling, sight: Sight) -> bool:
    """Say whether one meeting alone tells that the account was REAL at an earlier moment.

    It was held in the seven days before, or was firm and near, as it was known then. Nothing but many pushes could
    have made the account less: where there were as many, it has to be scored again.
    """
    c = sight.constants
    pushes = acts.pushed_by_buyer + acts.pushed_by_seller_or_unknown
    if pushes >= c.stalled_pushes or acts.push_days >= c.stalled_push_days:
        return False
    first, last = moment - timedelta(days=c.real_after_held_days), moment + timedelta(days=c.next_within_days)
    near = (f for f in found if first < f.start < last and f.view.minutes and not f.excluded)
    return any(_was_firm(f, moment, sight) for f in near)


def _was_firm(fact: Fact, moment: datetime, sight: Sight) -> bool:
    known = [seen for seen in fact.states if seen.seen_at <= moment]
    if not known:
        return False
    merged = known[-1].merged
    return merged.slot == fact.view.slot and not merged.free and sight.level(known[-1]) >= Level.FIRM


def hours_of(facts: Iterable[Fact], sight: Sight) -> float:
    """Return the hours that one person spends on these meetings; where they overlap, each minute counts once."""
    spans = []
    for fact in facts:
        start, minutes = counted_slot(fact.view.slot, sight, free=False)
        spans.append((start, start + timedelta(minutes=minutes)))
    total, until = timedelta(), None
    for start, end in sorted(spans):
        begin = start if until is None else max(start, until)
        if end > begin:
            total += end - begin
            until = end
    return total / timedelta(hours=1)


# --- answers ----------------------------------------------------------------------------------------------------------


def _hours_between(start: datetime, end: datetime) -> float:
    return max((end - start) / timedelta(hours=1), 0.0)


def _their_invitation(unit: Unit, sight: Sight) -> datetime | None:
    """Return when a buyer of the account invited us, where that is known."""
    first = unit.track.states[0].merged
    if all(f.excluded for f in unit.dates) or (unit.track.baseline and unit.track.created is None):
        return None
    organizer = next((p for p in first.people if p.person == first.organizer), None)
    theirs = organizer is not None and sight.lens.directory.who(organizer).account == sight.account.name
    return unit.track.invited_at if theirs else None


def _first_answers(track: Track, invited: datetime, sight: Sight) -> dict[str, float | None]:
    """Return the hours that each of our people took to answer (None: never yet).

    Who had answered at first sight is left out, unless the calendars tell both times: that is unknown.
    """
    directory, took, unknown = sight.lens.directory, dict[str, float | None](), set()
    for number, seen in enumerate(track.states):
        for p in seen.merged.people:
            if p.email is None or directory.who(p).role is not Role.SELLER:
                continue
            rep = rep_of(p.email, directory)
            if p.answer in ANSWERED and took.get(rep) is None:
                if number == 0 and (p.answered_at is None or track.created is None):
                    unknown.add(rep)
                took[rep] = _hours_between(invited, min(p.answered_at or seen.seen_at, seen.seen_at))
            else:
                took.setdefault(rep, None)
    return {rep: hours for rep, hours in took.items() if rep not in unknown}


def _proposals(fact: Fact, sight: Sight) -> Iterator[tuple[datetime, datetime | None]]:
    """Yield when a buyer proposed another time, and when that was settled: moved, taken back, or called off."""
    open_since: dict[str, tuple[datetime, object]] = {}
    slots = [fact.states[0], *fact.states]
    for before, seen in pairwise(slots):
        now = {b.who.person: b.participant for b in sight.buyers(seen) if b.participant.proposed is not None}
        moved = before.merged.slot != seen.merged.slot or seen.merged.status.gone
        for person, (at, what) in list(open_since.items()):
            if moved or person not in now or now[person].proposed != what:
                del open_since[person]
                yield at, seen.seen_at
        for person, p in now.items() if not moved else ():
            if person not in open_since and (p.answered_at is not None or seen.not_before is not None):
                open_since[person] = (min(p.answered_at or seen.seen_at, seen.seen_at), p.proposed)
    yield from ((at, None) for at, _ in open_since.values())
