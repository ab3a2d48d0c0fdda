"""Each rep, each team and all together: the metrics, their bounds, ranks and the contest, from the books. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta, tzinfo
from decimal import Decimal
from statistics import median

from calsignal.directory import rep_of
from calsignal.model import ConnectionState, Status
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
from calsignal.score.books import ALL, Book, Books, Key, Roster, Scope, Share, monday
from calsignal.score.constants import Constants
from calsignal.score.wilson import wilson
from calsignal.score.wording import count

# --- bounds ---------------------------------------------------------------------------------------------------------


def rate(hits: int, n: int, c: Constants, *, left_out: int = 0, nothing: str = "", why: str = "") -> Rate:
    """Return a share of counts with its bounds; `nothing` says why there is none where n is 0."""
    if n == 0:
        return Rate(None, 0, 0, None, None, too_few=True, left_out=left_out, why=nothing)
    lower, upper = wilson(hits, n, c.audit_z)
    return Rate(hits / n, n, hits, lower if hits else 0.0, upper if hits < n else 1.0, n < c.audit_few, left_out, why)


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
            ask_to_accept=_rate(book.asked, c, "no invitation sent", "of unknown age"),
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
        return Measure(sum(sorted(book.dead), 0.0), book.spent, book.unjudged, left)

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
        this = monday(self.scope.period.last)
        for back in range(self.scope.constants.audit_weeks - 1, -1, -1):
            first = this - timedelta(weeks=back)
            hours = sum(sorted(book.weeks.get(first, ())), 0.0)
            whole = first < this or self.scope.period.last.weekday() == 6
            yield WeekHours(first, hours, book.met_in_week.get(first, 0), whole)


def _rate(share: Share, c: Constants, nothing: str, left: str = "of unknown status") -> Rate:
    why = f"{share.left_out} left out: {left}" if share.left_out else ""
    return rate(share.hits, share.n, c, left_out=share.left_out, nothing=why or nothing, why=why)


def _sum(hours: Iterable[float], n: int, weeks: float, *, seen: bool) -> Measure:
    if not seen and not n:
        return Measure(None, 0, 0, "no calendar was read in the period")
    return Measure(sum(sorted(hours), 0.0) / weeks, n)


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
    hours = sum(sorted(book.hours), 0.0)
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
