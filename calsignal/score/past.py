"""Looks back at what was known when, without what only later facts could tell. Pure.

What a calendar's first list tells of the time before it are final states: how a meeting of the past ended, not what
was known of it while it lay ahead. Whoever learns from the past must not see them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta, tzinfo

from calsignal.history import Lens, Meeting, Seen, Track, meetings
from calsignal.model import Answer, Change, Copy, DealTrack, Outcome, Participant, Status
from calsignal.score.account import Scored, status_of
from calsignal.score.facts import Fact, Sight, fact_of, facts, in_order
from calsignal.score.rescheduling import joined

CLOSED = (Outcome.WON, Outcome.LOST)
UNKNOWN_BEGIN_DAYS = 90
"""So long before its close a deal is taken to have begun when nothing tells since when it is there."""
MASKED = "What buyers answered before the first sync is not known."


def known_at(copies: Iterable[Copy], moment: datetime) -> Iterator[Copy]:
    """Yield the copies that had been seen by `moment`, as they were known then."""
    for copy in copies:
        if copy.versions[0].seen_at <= moment:
            yield replace(
                copy,
                versions=tuple(v for v in copy.versions if v.seen_at <= moment),
                sight=copy.sight and min(copy.sight, moment),
                absences=tuple(a.as_of(moment) for a in copy.absences if a.start <= moment),
            )


class Then:
    """Tells the status of one account as of earlier moments, on what had been seen by then; each is judged once.

    A meeting of which nothing was seen since is the same then as now: it is not replayed again, and where it was over
    by then, not looked at again either.
    """

    def __init__(self, copies: Mapping[str, Sequence[Copy]], found: Iterable[Fact], sight: Sight) -> None:
        self._sight = sight
        self._copies = copies
        self._facts = tuple(found)
        self._last = {uid: max(c.versions[-1].seen_at for c in some) for uid, some in copies.items()}
        self._restless = {uid for uid, some in copies.items() if any(_is_restless(copy) for copy in some)}
        self._known: dict[datetime, Status] = {}

    def __call__(self, moment: datetime) -> Status:
        if moment not in self._known:
            sight = self._sight.at(moment)
            found = in_order(self._seen_by(moment, sight))
            self._known[moment] = status_of(found, joined(found, sight), sight)
        return self._known[moment]

    def _seen_by(self, moment: datetime, sight: Sight) -> Iterator[Fact]:
        changed = {uid for uid, last in self._last.items() if last > moment} | self._restless
        copies = known_at((c for uid in sorted(changed) for c in self._copies[uid]), moment)
        yield from facts(meetings(copies, sight.lens), sight)
        for fact in self._facts:
            if fact.view.uid not in changed and fact.meeting is not None:
                yield fact if fact.start <= moment else fact_of(fact.meeting, sight)


def _is_restless(copy: Copy) -> bool:
    """Say whether more than its versions tells what was known of a copy: a series, or one that was disconnected."""
    return bool(copy.absences) or any(version.state.recurrence for version in copy.versions)


# --- deals ----------------------------------------------------------------------------------------------------------


def begun(track: DealTrack, closed: date, zone: tzinfo) -> date:
    """Return since when a deal is there: its creation, else the import that first showed it open, else 90 days."""
    if track.now.created is not None:
        return track.now.created
    seen = (s.taken_at.astimezone(zone).date() for s in track.snapshots if s.deal.outcome is Outcome.OPEN)
    return min(seen, default=closed - timedelta(days=UNKNOWN_BEGIN_DAYS))


def mondays(first: date, closed: date) -> Iterator[date]:
    """Yield the Mondays from `first` on, as long as a deal that closed on `closed` was still open."""
    on = first + timedelta(days=-first.weekday() % 7)
    while on < closed:
        yield on
        on += timedelta(days=7)


# --- masking --------------------------------------------------------------------------------------------------------


def masked(meetings: Sequence[Meeting], lens: Lens) -> tuple[Meeting, ...]:
    """Return the meetings without the answers and moves that only a first list told of the time before it."""
    last: defaultdict[str, datetime] = defaultdict(lambda: datetime.min.replace(tzinfo=lens.as_of.tzinfo))
    for meeting in meetings:
        last[meeting.uid] = max(last[meeting.uid], lens.at(meeting.now.merged.slot.start))
    return tuple(
        replace(
            meeting,
            states=_states(meeting.states, None, lens),
            changes=_changes(meeting),
            series=meeting.series and _series(meeting.series, last[meeting.uid], lens),
        )
        for meeting in meetings
    )


def _series(series: Track, last: datetime, lens: Lens) -> Track:
    """Mask a series whose last date had begun; the answers to one that goes on are those of its dates ahead."""
    return replace(series, states=_states(series.states, last, lens), changes=_changes(series))


def _changes(track: Track) -> tuple[Change, ...]:
    return tuple(change for change in track.changes if change.not_before is not None)


_Told = tuple[Answer, datetime | None]


def _states(states: Sequence[Seen], start: datetime | None, lens: Lens) -> tuple[Seen, ...]:
    """Hide answers that a first list told after the start, for as long as they stay the same."""
    hidden: dict[str, _Told] = {}
    before: dict[str, _Told] = {}
    found = []
    for seen in states:
        now = {p.person: (p.answer, p.answered_at) for p in seen.merged.people}
        hidden = {who: told for who, told in hidden.items() if now.get(who) == told}
        begins = lens.at(seen.merged.slot.start) if start is None else start
        if seen.not_before is None and begins <= seen.seen_at:
            hidden |= {who: told for who, told in now.items() if before.get(who) != told}
        before = now
        found.append(_without(seen, hidden.keys()))
    return tuple(found)


def _without(seen: Seen, hidden: Iterable[str]) -> Seen:
    unseen = frozenset(hidden)
    if not unseen:
        return seen
    people = tuple(_unknown(p) if p.person in unseen else p for p in seen.merged.people)
    return replace(seen, merged=replace(seen.merged, people=people), lapsed=seen.lapsed - unseen)


def _unknown(participant: Participant) -> Participant:
    return replace(participant, answer=Answer.NOT_VISIBLE, answered_at=None, proposed=None)


def honest(one: Scored, *, masked_any: bool) -> Scored:
    """Return a result that says UNKNOWN where no buyer was seen to act, and some may have before anybody looked."""
    if one.standings.reached_soft or not masked_any or one.result.status is Status.UNKNOWN:
        return one
    return replace(one, result=replace(one.result, status=Status.UNKNOWN, rule=0, evidence=MASKED))
