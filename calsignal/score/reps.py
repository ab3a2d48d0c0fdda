"""What a period shows of each rep, each team and all together: the metrics, their bounds, ranks and the contest. Pure.

Only prospects count. A meeting with several reps is credited to each of them, and once to the team. Each account is
looked at once; what it adds goes into the books of everybody it concerns.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from statistics import median

from calsignal.directory import Directory
from calsignal.history import Track
from calsignal.model import AccountType, Actor, Answer, ConnectionState, Level, Role, Status
from calsignal.score.account import Scored
from calsignal.score.audit import (
    Contest,
    DealLine,
    Measure,
    Period,
    Place,
    Rate,
    RepMetrics,
    SoftShare,
    Trend,
    Watch,
    WeekHours,
)
from calsignal.score.constants import Constants
from calsignal.score.facts import Fact, Sight, counted_slot
from calsignal.score.firmness import ANSWERED
from calsignal.score.forecast import rep_of
from calsignal.score.rescheduling import Unit, rebooks
from calsignal.score.time import buyer_time
from calsignal.score.wilson import wilson
from calsignal.score.wording import count

StatusAt = Callable[[str, datetime], Status]
"""The status of an account, by name, as of a moment."""

DEAD = (Status.STALLED, Status.LOST, Status.NO_EVIDENCE)

# --- bounds ---------------------------------------------------------------------------------------------------------


def rate(hits: int, n: int, c: Constants, *, left_out: int = 0, nothing: str = "", why: str = "") -> Rate:
    """Return a share of counts with its bounds; `nothing` says why there is none where n is 0."""
    if n == 0:
        return Rate(None, 0, 0, None, None, too_few=True, left_out=left_out, why=nothing)
    lower, upper = wilson(hits, n, c.audit_z)
    return Rate(hits / n, n, hits, lower if hits else 0.0, upper if hits < n else 1.0, n < c.audit_few, left_out, why)


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


def people_on(fact: Fact, sight: Sight) -> frozenset[str]:
    """Return our people on a meeting by mailbox, without those who declined it."""
    directory = sight.lens.directory
    answers: dict[str, set[Answer]] = defaultdict(set)
    for p in fact.meeting.now.merged.people:
        if p.email is not None and directory.who(p).role is Role.SELLER:
            answers[rep_of(p.email, directory)].add(p.answer)
    declined = {rep for rep, said in answers.items() if said == {Answer.DECLINED}}
    return frozenset(rep_of(s, directory) for s in fact.view.sellers) - declined


# --- what the calendars cover -----------------------------------------------------------------------------------------


def watch(connections: Iterable[ConnectionState], period: Period, zone: tzinfo, c: Constants) -> Watch:
    """Return how many days of the period one person's calendars cover.

    A day is covered where any of the connections had been read to the end by then, had not been given up, is not
    behind, and shows no gap on it.
    """
    spans = [(s, *_span(s, period, zone)) for s in connections if s.first_synced is not None]
    days = [period.first + timedelta(days=n) for n in range(period.days)]
    holes = {
        id(s): [(g.start.astimezone(zone).date(), g.end.astimezone(zone).date()) for g in s.gaps] for s, _, _ in spans
    }
    covered = sum(
        any(
            first <= day <= last and not any(start <= day <= end for start, end in holes[id(s)])
            for s, first, last in spans
        )
        for day in days
    )
    return _watch(covered, period.days, c)


def _watch(covered: int, days: int, c: Constants) -> Watch:
    share = covered / days if days else 0.0
    return Watch(days, covered, share, share >= c.audit_min_coverage)


def _span(state: ConnectionState, period: Period, zone: tzinfo) -> tuple[date, date]:
    assert state.first_synced is not None
    last = period.last
    if state.stale and state.last_synced is not None:
        last = state.last_synced.astimezone(zone).date()
    if state.retired_at is not None:
        last = state.retired_at.astimezone(zone).date()
    return state.first_synced.astimezone(zone).date(), last


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
    """What the books are kept about: the period, the numbers, who is a rep, and past statuses."""

    period: Period
    constants: Constants
    roster: Roster
    status_at: StatusAt


class Books:
    """The books of everybody. `add` takes each account once, in any order; the result is the same."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.of: dict[Key, Book] = {key: Book() for key in scope.roster.all_keys}

    def add(self, one: Scored, deals: Sequence[DealLine] = ()) -> None:
        """Enter an account with its open deals. Customers and partners are left out."""
        if one.result.account.type is AccountType.PROSPECT:
            _Entry(self, one, deals).enter()


class _Entry:
    """One account on its way into the books."""

    def __init__(self, books: Books, one: Scored, deals: Sequence[DealLine]) -> None:
        self.books, self.scope, self.deals = books, books.scope, deals
        self.result, self.sight = one.result, one.sight
        self.name = one.result.account.name
        self.found, self.linked = one.standings.found, one.standings.linked
        self.standings = one.standings
        roster = books.scope.roster
        self.people = {_key(f): people_on(f, one.sight) for f in self.found}
        self.credit = {key: roster.keys(people) for key, people in self.people.items()}

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
        return (self.books.of[key] for key in frozenset().union(*(self.credit[_key(f)] for f in facts)))

    def _in_period(self, at: datetime) -> bool:
        return self.sight.day(at) in self.scope.period

    # --- booked again -----------------------------------------------------------------------------------------------

    def _rebooked(self) -> None:
        """A rebook belongs to those on the meeting that was booked; that it followed, to those on the one held."""
        c, followed = self.scope.constants, set()
        for rebook in rebooks(self.found, self.linked, self.sight):
            followed.add(_key(rebook.held))
            for book in self._books(*rebook.unit.dates):
                book.stretches[self.sight.age(rebook.at) // c.audit_recent_days].add(self.name)
                if self._in_period(rebook.at):
                    book.eager.add(self.name)
                    book.rebooks += 1
                    book.rebooks_by_buyer += rebook.by_buyer
        for fact in self.found:
            if not (fact.held and self._in_period(fact.start)):
                continue
            is_followed = _key(fact) in followed
            if is_followed or self.sight.age(fact.start) >= c.rebook_days:
                for book in self._books(fact):
                    book.followed.add(is_followed)

    # --- meetings held ----------------------------------------------------------------------------------------------

    def _held(self) -> None:
        held = [f for f in self.found if f.held and self._in_period(f.start)]
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
        this = _monday(self.scope.period.last)
        first = this - timedelta(weeks=self.scope.constants.audit_weeks - 1)
        weeks: dict[date, list[Fact]] = defaultdict(list)
        for fact in self.found:
            if fact.held and first <= _monday(self.sight.day(fact.start)):
                weeks[_monday(self.sight.day(fact.start))].append(fact)
        for monday, facts in weeks.items():
            for key, some in self._by_key(facts).items():
                self.books.of[key].weeks[monday].append(buyer_time(some, self.sight).firm_hours)
                self.books.of[key].met_in_week[monday] += len(some)

    def _by_key(self, facts: Iterable[Fact]) -> dict[Key, list[Fact]]:
        found: dict[Key, list[Fact]] = defaultdict(list)
        for fact in facts:
            for key in self.credit[_key(fact)]:
                found[key].append(fact)
        return found

    def _next_step(self) -> None:
        """Ask of each account held lately or with an open deal whether anything firm is near; and how broad it is."""
        days = self.scope.constants.audit_active_days
        held = [f for f in self.found if f.held and self.sight.age(f.start) <= days]
        active = [*held, *self.standings.firm_ahead]
        for book in self._books(*active) if active else ():
            book.breadths.append(len(self.result.firm_buyers))
        owners = self.scope.roster.keys(line.owner for line in self.deals if line.owner)
        for key in owners.union(*(self.credit[_key(f)] for f in held)) if held or self.deals else ():
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
            if fact.meeting.series is not None and _key(fact) in self.linked.occurrence_moves:
                self._chain((fact,), acts[_key(fact)], was_firm=_last_firm(fact, self.sight) is not None)

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
            return fact.view.counted if fact.ahead else self._in_period(fact.start)
        end = _last_firm(fact, self.sight)
        return end is not None and self._in_period(end) and not fact.excluded

    # --- our own hours ----------------------------------------------------------------------------------------------

    def _dead_hours(self) -> None:
        spent = [f for f in self.found if is_spent(f) and self._in_period(f.start)]
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
        """Return the account's status when a meeting began; None where it was not known of then.

        A meeting that was firm is held from its begin on, and nothing but many pushes in another chain could make
        its account less than REAL then: the others need not be scored again.
        """
        known = [seen for seen in fact.meeting.states if seen.seen_at <= fact.start]
        if not known:
            return None
        r, c = self.result.rescheduling, self.scope.constants
        calm = (
            r.pushed_by_buyer + r.pushed_by_seller_or_unknown < c.stalled_pushes and r.push_days < c.stalled_push_days
        )
        as_now = known[-1].merged.slot == fact.view.slot and not known[-1].merged.free
        if calm and as_now and fact.view.minutes and self.sight.level(known[-1]) >= Level.FIRM:
            return Status.REAL
        return self.scope.status_at(self.name, fact.start)

    def _answered(self) -> None:
        for unit in self.linked.units:
            invited = _their_invitation(unit, self.sight)
            if invited is not None and self._in_period(invited):
                self._reply(unit.dates, _first_answers(unit.track, invited, self.sight))
        for fact in self.found:
            for at, settled in _proposals(fact, self.sight) if not fact.excluded else ():
                if self._in_period(at):
                    hours = None if settled is None else _hours_between(at, settled)
                    self._reply((fact,), dict.fromkeys(self.people[_key(fact)], hours))

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


_FactKey = tuple[str, object]


def _key(fact: Fact) -> _FactKey:
    return fact.meeting.uid, fact.meeting.original_start


def _monday(day: date) -> date:
    return day - timedelta(days=day.weekday())


def _last_firm(fact: Fact, sight: Sight) -> datetime | None:
    """Return when a meeting was last firm: when the state after its last firm one was seen; None: never."""
    states = fact.meeting.states
    last = next((n for n in range(len(states) - 1, -1, -1) if sight.level(states[n]) >= Level.FIRM), None)
    if last is None:
        return None
    return states[last + 1].seen_at if last + 1 < len(states) else fact.start


def is_spent(fact: Fact) -> bool:
    """Say whether a past meeting took our people's time, as far as a calendar can tell.

    Not one that was called off, that every buyer declined or left, a webinar, or time shown as free.
    """
    on = [b for b in fact.view.buyers if b.level > Level.WITHDRAWN]
    return bool(on) and fact.view.past and fact.view.minutes > 0 and not fact.excluded and not fact.view.status.gone


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
    slots = [fact.meeting.states[0], *fact.meeting.states]
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


# --- from the books to metrics ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Team:
    """Everybody's metrics: reps in order of rank, then those without one; teams by name; all together."""

    reps: tuple[RepMetrics, ...]
    teams: tuple[RepMetrics, ...]
    total: RepMetrics
    notice: str
    contest: Contest


def metrics(
    books: Books, lines: Iterable[DealLine], connections: Iterable[ConnectionState], zone: tzinfo, prospects: set[str]
) -> Team:
    """Return what the books say, with the open deals' soft share; `prospects` are the names of these accounts."""
    scope = books.scope
    maker = _Maker(scope, zone, _connections(connections, scope.roster), _soft(lines, scope.roster, prospects))
    made = {key: maker.metrics(key, books.of[key]) for key in sorted(books.of)}
    reps = _ranked([m for (kind, _), m in made.items() if kind == "rep"])
    return Team(
        reps=reps,
        teams=tuple(m for (kind, _), m in made.items() if kind == "team"),
        total=made[ALL],
        notice=_notice(reps, scope.constants),
        contest=_contest(reps, books),
    )


def _connections(states: Iterable[ConnectionState], roster: Roster) -> dict[str, list[ConnectionState]]:
    found: dict[str, list[ConnectionState]] = defaultdict(list)
    for state in states:
        found[rep_of(state.rep, roster.directory)].append(state)
    return found


def _soft(lines: Iterable[DealLine], roster: Roster, prospects: set[str]) -> dict[Key, list[DealLine]]:
    """Return the open deals of each book; those of customers and partners are left out."""
    found: dict[Key, list[DealLine]] = defaultdict(list)
    for line in lines:
        if line.account is None or line.account in prospects:
            for key in roster.keys([line.owner] if line.owner else []):
                found[key].append(line)
    return found


@dataclass(frozen=True)
class _Maker:
    scope: Scope
    zone: tzinfo
    connections: Mapping[str, Sequence[ConnectionState]]
    deals: Mapping[Key, Sequence[DealLine]]

    def metrics(self, key: Key, book: Book) -> RepMetrics:
        kind, name = key
        c, watched = self.scope.constants, self._watch(key, self.scope.period)
        seen = watched.covered > 0
        why = self._not_ranked(watched) if kind == "rep" and not watched.enough else ""
        return RepMetrics(
            rep=name,
            teams=self.scope.roster.teams_of(name) if kind == "rep" else (),
            watch=watched,
            eager=tuple(sorted(book.eager)),
            rebooks=book.rebooks,
            rebook_rate=_rate(book.followed, c, "no meeting held 14 days ago or more, and none booked again"),
            next_step_coverage=_rate(book.next_step, c, "no account held in the last 60 days or with an open deal"),
            buyer_hours_per_week=_sum(book.hours, book.held, self.scope.period.days / 7, seen=seen),
            buyer_initiated_share=_rate(book.initiated, c, "no meeting held"),
            ask_to_accept=_rate(book.asked, c, "no invitation sent", "invitations of unknown age"),
            push_rate=_rate(book.pushed, c, "no firm meeting"),
            drop_rate=_rate(book.dropped, c, "no firm meeting"),
            own_move_rate=_rate(book.moved, c, "no firm meeting"),
            breadth=_median(book.breadths, "no active account"),
            soft_share=tuple(_soft_shares(self.deals.get(key, ()))),
            dead_hours=self._dead(book, seen=seen),
            answer_time_hours=_answer_time(book),
            trend=self._trend(key, book),
            weeks=tuple(self._weeks(book)),
            accounts=len(book.accounts),
            ranked=not why,
            not_ranked=why,
        )

    def _members(self, key: Key) -> Sequence[str]:
        kind, name = key
        if kind == "rep":
            return (name,)
        return sorted(self.scope.roster.teams[name] if kind == "team" else self.scope.roster.reps)

    def _watch(self, key: Key, period: Period) -> Watch:
        c = self.scope.constants
        each = [watch(self.connections.get(rep, ()), period, self.zone, c) for rep in self._members(key)]
        if len(each) == 1:
            return each[0]
        return _watch(sum(w.covered for w in each), sum(w.days for w in each), c)

    def _not_ranked(self, watched: Watch) -> str:
        least = f"{self.scope.constants.audit_min_coverage:.0%}"
        return f"calendars cover {watched.covered} of {watched.days} days, under {least}: not ranked"

    def _dead(self, book: Book, *, seen: bool) -> Measure:
        left = f"{count(book.unjudged, 'meeting')} from before they were watched" if book.unjudged else ""
        if not seen or (book.unjudged and not book.spent):
            return Measure(None, book.spent, book.unjudged, left or "no calendar was read in the period")
        return Measure(sum(sorted(book.dead)), book.spent, book.unjudged, left)

    def _trend(self, key: Key, book: Book) -> Trend:
        c, last = self.scope.constants, self.scope.period.last
        before = max(c.audit_usual_days // c.audit_recent_days, 1)
        recent = len(book.stretches.get(0, ()))
        days = c.audit_recent_days * (before + 1)
        whole = self._watch(key, Period(last - timedelta(days=days - 1), last))
        if not whole.enough:
            return Trend(recent, None, f"calendars cover {whole.covered} of {whole.days} days")
        return Trend(recent, sum(len(book.stretches.get(n, ())) for n in range(1, before + 1)) / before)

    def _weeks(self, book: Book) -> Iterator[WeekHours]:
        this = _monday(self.scope.period.last)
        for back in range(self.scope.constants.audit_weeks - 1, -1, -1):
            monday = this - timedelta(weeks=back)
            hours = sum(sorted(book.weeks.get(monday, ())))
            whole = monday < this or self.scope.period.last.weekday() == 6
            yield WeekHours(monday, hours, book.met_in_week.get(monday, 0), whole)


def _rate(share: Share, c: Constants, nothing: str, left: str = "accounts of unknown status") -> Rate:
    why = f"{share.left_out} {left} left out" if share.left_out else ""
    return rate(share.hits, share.n, c, left_out=share.left_out, nothing=why or nothing, why=why)


def _sum(hours: Iterable[float], n: int, weeks: float, *, seen: bool) -> Measure:
    if not seen and not n:
        return Measure(None, 0, 0, "no calendar was read in the period")
    return Measure(sum(sorted(hours)) / weeks, n)


def _median(values: Sequence[float], nothing: str) -> Measure:
    return Measure(float(median(values)), len(values)) if values else Measure(None, 0, 0, nothing)


def _answer_time(book: Book) -> Measure:
    waiting = f"{book.unanswered} not answered" if book.unanswered else ""
    base = _median(book.answers, "no invitation or proposal of a buyer answered")
    return replace(base, left_out=book.unanswered, why=waiting or base.why)


def _soft_shares(lines: Iterable[DealLine]) -> Iterator[SoftShare]:
    groups: dict[str | None, list[DealLine]] = defaultdict(list)
    for line in lines:
        if line.deal.amount is not None:
            groups[line.deal.currency].append(line)
    for currency in sorted(groups, key=lambda k: (k is None, k or "")):
        some = groups[currency]
        whole = _amount(some)
        soft = _amount(line for line in some if line.status is not Status.REAL)
        unknown = _amount(line for line in some if line.status is Status.UNKNOWN)
        yield SoftShare(currency, float(soft / whole) if whole else None, len(some), soft, whole, unknown)


def _amount(lines: Iterable[DealLine]) -> Decimal:
    return sum((line.deal.amount or Decimal() for line in lines), Decimal())


# --- ranks ----------------------------------------------------------------------------------------------------------

GOOD = ("rebook_rate", "next_step_coverage", "buyer_initiated_share", "ask_to_accept")
BAD = ("push_rate", "drop_rate", "own_move_rate")


def _ranked(reps: Iterable[RepMetrics]) -> tuple[RepMetrics, ...]:
    """Give each rep a place by eager prospects and by each rate: good ones by the lower bound, bad by the upper."""
    by_name = {m.rep: m for m in reps}
    ranked = [m for m in by_name.values() if m.ranked]
    for name, place in _places({m.rep: -float(m.eager_prospects) for m in ranked}).items():
        by_name[name] = replace(by_name[name], rank=place)
    for metric in (*GOOD, *BAD):
        for name, place in _places(dict(_bounds(ranked, metric))).items():
            one = by_name[name]
            by_name[name] = replace(one, **{metric: replace(getattr(one, metric), rank=place)})
    return tuple(sorted(by_name.values(), key=lambda m: (m.rank is None, m.rank or 0, m.rep)))


def _bounds(reps: Iterable[RepMetrics], metric: str) -> Iterator[tuple[str, float]]:
    for m in reps:
        found: Rate = getattr(m, metric)
        if not found.too_few and found.lower is not None and found.upper is not None:
            yield m.rep, found.upper if metric in BAD else -found.lower


def _places(scores: Mapping[str, float]) -> dict[str, int]:
    """Return places from 1, the lowest score first; equal scores share a place."""
    ordered = sorted(scores.values())
    first: dict[float, int] = {}
    for place, score in enumerate(ordered, start=1):
        first.setdefault(score, place)
    return {name: first[score] for name, score in scores.items()}


def _notice(reps: Iterable[RepMetrics], c: Constants) -> str:
    """Say that it is not one rep, where most have fewer eager prospects than is usual for them."""
    judged = [m.trend for m in reps if m.trend.usual is not None]
    fewer = sum(t.recent < t.usual for t in judged if t.usual is not None)
    if len(judged) < 2 or fewer < c.audit_fewer_share * len(judged):
        return ""
    weeks, before = c.audit_recent_days // 7, c.audit_usual_days // 7
    return (
        f"{fewer} of {len(judged)} reps have fewer eager prospects in the last {weeks} weeks than in their own "
        f"{before} weeks before: look at the system or the season first."
    )


# --- the contest ------------------------------------------------------------------------------------------------------

Standing = tuple[float, ...]
TIE_BREAKS = ("eager prospects", "rebooks", "rebooks by the buyer", "buyer-hours", "name")


def _contest(reps: Sequence[RepMetrics], books: Books) -> Contest:
    """Rank the reps on eager prospects; ties go to more rebooks, more of them by the buyer, more hours, then name.

    Who is not ranked stays outside, unless that is everybody: there is always a winner where there is a rep.
    """
    inside = [m for m in reps if m.ranked]
    notice = "" if inside else "nobody's calendars cover enough of the period: everybody competes"
    outside = {m.rep: m.not_ranked for m in reps if not m.ranked} if inside else {}
    field_of = inside or list(reps)
    standing = {m.rep: _standing(books.of["rep", m.rep]) for m in field_of}
    order = sorted(standing, key=lambda rep: (tuple(-n for n in standing[rep]), rep))
    places = [_place(n, rep, order[n - 2] if n > 1 else None, standing) for n, rep in enumerate(order, start=1)]
    return Contest(tuple(places), outside, notice if places else "")


def _standing(book: Book) -> Standing:
    hours = sum(sorted(book.hours))
    return len(book.eager), book.rebooks, book.rebooks_by_buyer, round(hours, 6)


def _place(number: int, rep: str, above: str | None, standing: Mapping[str, Standing]) -> Place:
    own = standing[rep]
    better = standing[above] if above is not None else None
    decided = (
        "" if better is None else next((w for w, a, b in zip(TIE_BREAKS, better, own, strict=False) if a != b), "name")
    )
    return Place(
        place=number,
        rep=rep,
        eager=int(own[0]),
        rebooks=int(own[1]),
        rebooks_by_buyer=int(own[2]),
        buyer_hours=own[3],
        behind=None if better is None else int(better[0] - own[0]),
        decided_by=decided,
    )
