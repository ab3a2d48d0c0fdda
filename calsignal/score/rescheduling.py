"""Re-scheduled meetings, R: booked again, moved, put off, dropped (scoring model, part 3.2)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from heapq import heapify, heappop, heappush

from calsignal.history import Meeting, Seen, Track
from calsignal.model import Actor, Change, ChangeKind, Level, Moment, day
from calsignal.score.facts import Fact, Sight
from calsignal.score.firmness import Buyer, Standing, declined_by_sellers
from calsignal.score.result import Act, Rescheduling
from calsignal.score.wording import day_name

MOVES = (ChangeKind.MOVED, ChangeKind.SERIES_MOVED)


_Key = tuple[str, Moment | None]


@dataclass(frozen=True)
class Move:
    """One step of a chain: positive `days` put it off, negative ones pull it in."""

    seen_at: datetime
    days: int
    by: Actor
    why: str


@dataclass
class Unit:
    """What is booked and called off as one: a single meeting, or a series as a whole.

    `people` are the buyers who did anything about it; to be on its list is no act, and ties nothing together.
    `continues` says that its chain began with another meeting, `firm_before` that one of those had been firm,
    `rebooked` that its chain goes on with another meeting.
    """

    track: Track
    dates: tuple[Fact, ...]
    people: frozenset[str]
    moves: list[Move]
    booked: datetime | None = None
    firm_seen: datetime | None = None
    booked_level: Level = Level.CLAIMED
    continues: bool = False
    rebooked: bool = False
    firm_before: bool = False

    @property
    def firm_at(self) -> datetime | None:
        """Return when it became firm: when the answer was given or, failing that, seen."""
        return self.booked or self.firm_seen

    @property
    def uid(self) -> str:
        return self.track.uid


@dataclass(frozen=True)
class Deed:
    """An act, whenever it is asked for; it counts from the day `on`.

    `after` is the start of the meeting that it followed, where the text is to name it.
    """

    kind: str
    on: date
    points: float
    text: str
    uid: str
    original_start: Moment | None
    by: Actor
    days: int = 0
    after: Moment | None = None


@dataclass(frozen=True)
class Rebook:
    """After the meeting `held`, `unit` was booked at `at`."""

    at: datetime
    unit: Unit
    held: Fact
    by_buyer: bool


@dataclass(frozen=True)
class Chains:
    """The account's units, how many moves stand behind each meeting, what was booked again, and all deeds.

    Nothing in it hangs on when it is asked for.
    """

    units: tuple[Unit, ...]
    occurrence_moves: Mapping[_Key, tuple[Move, ...]]
    rebooks: tuple[Rebook, ...] = ()
    deeds: tuple[Deed, ...] = ()

    @cached_property
    def _unit_of(self) -> dict[_Key, Unit]:
        return {fact.key: unit for unit in self.units for fact in unit.dates}

    def behind(self, fact: Fact) -> tuple[Move, ...]:
        """Return all moves in the chain of a meeting, those of its whole series and of what it replaced included."""
        return (*self.occurrence_moves.get(fact.key, ()), *self._unit_of[fact.key].moves)


def chains(found: Sequence[Fact], sight: Sight) -> Chains:
    """Join moves, and cancellations that were booked again, into chains; find what was booked again, and all deeds."""
    linked = joined(found, sight)
    linked = replace(linked, rebooks=tuple(rebooks(found, linked.units, sight)))
    return replace(linked, deeds=tuple(sorted(_deeds(found, linked, sight), key=_by_day)))


def joined(found: Sequence[Fact], sight: Sight) -> Chains:
    """Join moves, and cancellations that were booked again, into chains; that is all that a status asks for."""
    units = sorted(_units(found, sight), key=lambda u: (u.track.first_seen, u.uid))
    own = {f.key: tuple(_moves(m.changes)) for m, f in _known(found) if m.series is not None}
    ends = [*_ended_units(units, sight), *_ended_dates(found, own, sight)]
    for gone_on in _link(units, ends, sight):
        own.pop(gone_on, None)
    return Chains(tuple(units), own)


def _known(found: Iterable[Fact]) -> Iterator[tuple[Meeting, Fact]]:
    return ((f.meeting, f) for f in found if f.meeting is not None)


def _units(found: Sequence[Fact], sight: Sight) -> Iterator[Unit]:
    for track, dates in unit_tracks(found):
        apart = (m for m, _ in _known(dates) if m is not track and m.changes)
        unit = Unit(track, dates, _buyer_people(track, sight), list(_moves(track.changes)))
        yield _booked(unit, (track, *apart), sight)


def unit_tracks(found: Iterable[Fact]) -> Iterator[tuple[Track, tuple[Fact, ...]]]:
    """Yield what is booked as one: single meetings, and series with their dates."""
    series: dict[str, list[Fact]] = {}
    for meeting, fact in _known(found):
        if meeting.series is None:
            yield meeting, (fact,)
        else:
            series.setdefault(meeting.uid, []).append(fact)
    for dates in series.values():
        assert dates[0].series is not None
        yield dates[0].series, tuple(dates)


def _moves(changes: Iterable[Change]) -> Iterator[Move]:
    for change in changes:
        if change.kind in MOVES and change.days:
            yield Move(change.seen_at, change.days, change.by or Actor.SELLER_OR_UNKNOWN, change.why)


# --- bookings -------------------------------------------------------------------------------------------------------


def _booked(unit: Unit, tracks: Iterable[Track], sight: Sight) -> Unit:
    """Note when the unit first became firm, as far as it is known."""
    firsts = [first for track in tracks if (first := _first_firm(track, sight)) is not None]
    if firsts:
        unit.firm_seen, unit.booked, unit.booked_level = min(firsts, key=lambda f: (f[0], str(f[1])))
    return unit


def _first_firm(track: Track, sight: Sight) -> tuple[datetime, datetime | None, Level] | None:
    """Return when it was seen to be firm, when it was booked (None: unknown) and at which level."""
    for index, seen in enumerate(track.states):
        level = sight.level(seen)
        if level < Level.FIRM:
            continue
        if (index == 0 or seen.joined) and track.created is not None:
            return seen.seen_at, min(track.created, seen.seen_at), level
        rows = (b.participant.answered_at for b in sight.buyers(seen) if b.level >= Level.FIRM)
        answered = [at for at in rows if at is not None and at <= seen.seen_at]
        if seen.not_before is None:  # a calendar's first list says that it is firm, not since when
            return seen.seen_at, min(answered, default=None) if index else None, level
        return seen.seen_at, min([*answered, seen.seen_at]), level
    return None


# --- cancelled and booked again -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _End:
    """A meeting, a date of a series, or a whole series that was called off for good, and the date that was lost."""

    since: datetime
    by_buyer: bool
    start: Moment
    people: frozenset[str]
    moves: Sequence[Move]
    firm: bool
    key: _Key
    unit: Unit | None = None


def _ended_units(units: Iterable[Unit], sight: Sight) -> Iterator[_End]:
    for unit in units:
        since = _called_off(unit.track, sight)
        if since is None:
            continue
        lost = [f for f in unit.dates if f.start > since] if unit.dates[0].view.series else []
        start = lost[0].view.slot.start if lost else unit.track.now.merged.slot.start
        by_buyer, firm = _is_buyers(unit.track, since), unit.firm_seen is not None
        yield _End(since, by_buyer, start, unit.people, unit.moves, firm, (unit.uid, unit.track.original_start), unit)


def _ended_dates(found: Iterable[Fact], moves: Mapping[_Key, Sequence[Move]], sight: Sight) -> Iterator[_End]:
    """Yield the dates that were taken out of a series that went on."""
    for meeting, fact in _known(found):
        series = meeting.series
        since = _called_off(meeting, sight) if series is not None else None
        if series is None or since is None:
            continue
        whole = [seen for seen in series.states if seen.seen_at <= since]
        if whole and not _is_off(whole[-1], sight):
            start, people = meeting.now.merged.slot.start, _buyer_people(meeting, sight)
            firm = fact.told.reached >= Level.FIRM
            yield _End(since, _is_buyers(meeting, since), start, people, moves[fact.key], firm, fact.key)


def _link(units: Sequence[Unit], ends: Iterable[_End], sight: Sight) -> Iterator[_Key]:
    """Let a new meeting go on with the chain of one called off up to 14 days before; yield what goes on so."""
    for end in sorted(ends, key=lambda e: (e.since, e.key[0], str(e.key[1]))):
        successor = next((u for u in units if _goes_on(u, end, sight)), None)
        if successor is None:
            continue
        successor.continues = True
        successor.firm_before = end.firm or (end.unit is not None and end.unit.firm_before)
        successor.moves[:0] = [*end.moves, *_as_move(end, successor, sight)]
        if end.unit is not None:
            end.unit.rebooked = True
        yield end.key


def _is_off(seen: Seen, sight: Sight) -> bool:
    return seen.merged.status.gone or declined_by_sellers(seen.merged, sight.lens.directory)


def _called_off(track: Track, sight: Sight) -> datetime | None:
    """Return since when it is off for good, if it was seen to be called off."""
    since = None
    for seen in reversed(track.states):
        if not _is_off(seen, sight):
            return since
        since = seen.seen_at
    return None


def _is_buyers(track: Track, since: datetime) -> bool:
    """Say whether the buyer called it off at that moment."""
    gone = (ChangeKind.CANCELLED, ChangeKind.VANISHED)
    return any(c.by is Actor.BUYER for c in track.changes if c.seen_at == since and c.kind in gone)


def _goes_on(unit: Unit, end: _End, sight: Sight) -> bool:
    if unit is end.unit or unit.continues or unit.track.baseline or unit.track.first_seen < end.since:
        return False
    return _is_soon(unit, end.since, sight.constants.rebook_days, sight) and not end.people.isdisjoint(unit.people)


def _is_soon(unit: Unit, since: datetime, days: int, sight: Sight) -> bool:
    """Say whether the unit became firm by so many days after `since`."""
    return unit.firm_at is not None and (sight.day(unit.firm_at) - sight.day(since)).days <= days


def _buyer_people(track: Track, sight: Sight) -> frozenset[str]:
    return frozenset(b.who.person for seen in track.states for b in sight.buyers(seen) if b.acted)


def _as_move(end: _End, successor: Unit, sight: Sight) -> Iterator[Move]:
    zone = sight.lens.zone
    new = successor.track.states[0].merged.slot.start
    days = (day(new, zone) - day(end.start, zone)).days
    by_buyer = end.by_buyer or successor.booked_level >= Level.OWNED
    if days:
        by = Actor.BUYER if by_buyer else Actor.SELLER_OR_UNKNOWN
        yield Move(successor.firm_seen or end.since, days, by, "cancelled and booked again")


# --- acts -----------------------------------------------------------------------------------------------------------


def rescheduling(linked: Chains, sight: Sight, *, ever_firm: bool) -> Rescheduling:
    """Return R with every act that it counts; `ever_firm` says whether the account ever had a firm meeting."""
    acts = [_act(deed, sight) for deed in linked.deeds if deed.on <= sight.today]
    total = sight.constants.rescheduling_base + sum(act.now for act in acts)
    kinds = [(act.kind, act.by) for act in acts]
    pushes = [act for act in acts if act.kind == "push"]
    return Rescheduling(
        points=min(max(total, 0.0), 100.0) if ever_firm else 0.0,
        booked_again=sum(kind == "booked again" for kind, _ in kinds),
        booked_again_by_buyer=kinds.count(("booked again", Actor.BUYER)),
        moved_earlier=kinds.count(("moved earlier", Actor.BUYER)),
        pushed_by_buyer=sum(act.by is Actor.BUYER for act in pushes),
        pushed_by_seller_or_unknown=sum(act.by is not Actor.BUYER for act in pushes),
        push_days=sum(act.days for act in pushes),
        dropped=sum(kind == "dropped" for kind, _ in kinds),
        dropped_by_seller=sum(kind == "you dropped it" for kind, _ in kinds),
        acts=tuple(acts),
        ever_firm=ever_firm,
    )


def _act(deed: Deed, sight: Sight) -> Act:
    left = deed.points * 0.5 ** ((sight.today - deed.on).days / sight.constants.half_life_days)
    text = deed.text if deed.after is None else f"{deed.text} {day_name(deed.after, sight)}"
    return Act(deed.kind, deed.on, deed.points, left, text, deed.uid, deed.original_start, deed.by, deed.days)


def _deeds(found: Sequence[Fact], linked: Chains, sight: Sight) -> Iterator[Deed]:
    yield from (_rebook_deed(rebook, sight) for rebook in linked.rebooks)
    for unit in linked.units:
        yield from _move_deeds(unit.track, unit.moves if not unit.rebooked else (), sight)
        yield from _drops(unit, linked.units, sight)
    for meeting, fact in _known(found):
        yield from _move_deeds(meeting, linked.occurrence_moves.get(fact.key, ()), sight)


def _by_day(deed: Deed) -> tuple[date, str, str, str]:
    return deed.on, deed.kind, deed.uid, str(deed.original_start)


class _Held:
    """Held meetings that nothing was booked after yet, in order of their windows' ends; to be asked in order of time.

    A meeting is put aside when its window is over, so that no booking looks at it again.
    """

    def __init__(self, found: Iterable[Fact], sight: Sight) -> None:
        self.sight = sight
        ranked = enumerate(sorted((f for f in found if f.held), key=lambda f: (f.end, f.start, f.view.uid)))
        self.ahead = deque(sorted(ranked, key=lambda entry: entry[1].start))
        self.open: list[tuple[int, Fact]] = []  # a heap
        self.over: list[tuple[int, Fact]] = []
        self.today = date.min

    def take(self, booked: datetime, unit: Unit) -> Fact | None:
        """Return the meeting of another unit, begun before the booking, whose window ends first and not before it."""
        self._go_to(booked)
        dates, passed, taken = {f.key for f in unit.dates}, [], None
        while self.open and taken is None:
            entry = heappop(self.open)
            if (self.today - self.sight.day(entry[1].end)).days > self.sight.constants.rebook_days:
                self.over.append(entry)
            elif entry[1].key in dates:
                passed.append(entry)
            else:
                taken = entry[1]
        for entry in passed:
            heappush(self.open, entry)
        return taken

    def _go_to(self, at: datetime) -> None:
        today = self.sight.day(at)
        back, self.today = today < self.today, today
        if back:  # a clock that is put back past midnight repeats the end of a day
            self.open, self.over = [*self.open, *self.over], []
            heapify(self.open)
        while self.ahead and self.ahead[0][1].start <= at:
            heappush(self.open, self.ahead.popleft())


def rebooks(found: Sequence[Fact], units: Iterable[Unit], sight: Sight) -> Iterator[Rebook]:
    """Match bookings to held meetings one to one: in order of time, each takes the one whose window ends first.

    A booking follows a held meeting from its start until 14 days after its end.
    """
    free = _Held(found, sight)
    booked = [(u.booked, u) for u in units if u.booked is not None and not u.firm_before]
    for at, unit in sorted(booked, key=lambda pair: (pair[0], pair[1].uid)):
        held = free.take(at, unit)
        if held is not None:
            by_buyer = unit.booked_level >= Level.OWNED or _proposed_before(unit.track, at, sight)
            yield Rebook(at, unit, held, by_buyer)


def _rebook_deed(rebook: Rebook, sight: Sight) -> Deed:
    c, track = sight.constants, rebook.unit.track
    points = c.booked_again_by_buyer if rebook.by_buyer else c.booked_again
    by = Actor.BUYER if rebook.by_buyer else Actor.SELLER_OR_UNKNOWN
    text, after = "booked again after the meeting of", rebook.held.view.slot.start
    on = sight.day(rebook.at)
    return Deed("booked again", on, points, text, track.uid, track.original_start, by, after=after)


def _proposed_before(track: Track, at: datetime, sight: Sight) -> bool:
    seen = (b for seen in track.states if seen.seen_at <= at for b in sight.buyers(seen))
    return any(b.participant.proposed is not None for b in seen)


def _move_deeds(track: Track, moves: Iterable[Move], sight: Sight) -> Iterator[Deed]:
    """Charge the moves of one chain: each side counts its own pushes."""
    pushes = {Actor.BUYER: 0, Actor.SELLER_OR_UNKNOWN: 0}
    for move in moves:
        side = Actor.BUYER if move.by is Actor.BUYER else Actor.SELLER_OR_UNKNOWN
        on = sight.day(move.seen_at)
        if move.days > 0:
            pushes[side] += 1
            points = _push_points(side, pushes[side], move.days, sight)
            text = f"put off by {move.days} d: {move.why}" + ("" if points else " (no charge)")
            yield Deed("push", on, points, text, track.uid, track.original_start, side, move.days)
        else:
            points = sight.constants.moved_earlier_by_buyer if side is Actor.BUYER else 0.0
            text = f"moved {-move.days} d earlier: {move.why}"
            yield Deed("moved earlier", on, points, text, track.uid, track.original_start, side, move.days)


def _push_points(side: Actor, number: int, days: int, sight: Sight) -> float:
    c = sight.constants
    if side is Actor.BUYER:
        return c.push_by_buyer if number > 1 or days > c.long_push_days else 0.0
    return c.push_by_seller_or_unknown if number > 1 else 0.0


# --- drops ----------------------------------------------------------------------------------------------------------


def _drops(unit: Unit, units: Sequence[Unit], sight: Sight) -> Iterator[Deed]:
    """Charge a commitment that was taken back and not replaced within 14 days, on the fourteenth."""
    for since, until, by_buyer in _losses(unit, sight):
        due = sight.day(since) + timedelta(days=sight.constants.drop_days)
        if until is not None and sight.day(until) <= due:
            continue
        if _replaced(unit, units, since, sight):
            continue
        kind, points = ("dropped", sight.constants.dropped) if by_buyer else ("you dropped it", 0.0)
        by = Actor.BUYER if by_buyer else Actor.SELLER_OR_UNKNOWN
        text, track = f"{kind}, nothing booked instead", unit.track
        yield Deed(kind, due, points, text, track.uid, track.original_start, by)


def _losses(unit: Unit, sight: Sight) -> Iterator[tuple[datetime, datetime | None, bool]]:
    """Yield each stretch in which a once firm unit was lost: since when, until when, and whether by the buyer."""
    firm: set[str] = set()
    lost: tuple[datetime, bool] | None = None
    for seen in unit.track.states:
        rows = sight.buyers(seen)
        gone = _is_off(seen, sight)
        declined = {b.who.person for b in rows if b.standing is Standing.DECLINED}
        if firm and (gone or (firm <= declined)):
            if lost is None:
                since = seen.seen_at if gone else _declined_at(seen, [b for b in rows if b.who.person in firm])
                lost = (since, not gone or _is_buyers(unit.track, seen.seen_at))
        else:
            if lost is not None:
                yield lost[0], seen.seen_at, lost[1]
            lost = None
            firm |= {b.who.person for b in rows if b.level >= Level.FIRM}
            firm &= {b.who.person for b in rows}
    if lost is not None:
        yield lost[0], None, lost[1]


def _declined_at(seen: Seen, rows: Sequence[Buyer]) -> datetime:
    """Return when the last of these buyers declined: the time of the answer or, failing that, of its sight."""
    return max(min(row.participant.answered_at or seen.seen_at, seen.seen_at) for row in rows)


def _replaced(unit: Unit, units: Sequence[Unit], since: datetime, sight: Sight) -> bool:
    """Say whether somebody of the same buyers was firm on a new meeting within the days of grace."""
    for other in units:
        if other is unit or other.track.baseline or other.track.first_seen < since:
            continue
        if _is_soon(other, since, sight.constants.drop_days, sight) and unit.people & other.people:
            return True
    return False
