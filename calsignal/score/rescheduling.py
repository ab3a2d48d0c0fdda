"""Re-scheduled meetings, R: booked again, moved, put off, dropped (scoring model, part 3.2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from calsignal.history import Meeting, Seen, Track
from calsignal.model import Actor, Change, ChangeKind, Level, Moment, day
from calsignal.score.facts import Fact, Sight
from calsignal.score.firmness import Buyer, Standing, declined_by_sellers
from calsignal.score.result import Act, Rescheduling

MOVES = (ChangeKind.MOVED, ChangeKind.SERIES_MOVED)


@dataclass(frozen=True)
class Move:
    """One step of a chain: positive `days` put it off, negative ones pull it in."""

    seen_at: datetime
    days: int
    by: Actor
    why: str


@dataclass
class Unit:
    """What is booked and called off as one: a single meeting, or a series as a whole."""

    track: Track
    dates: tuple[Fact, ...]
    levels: tuple[Level, ...]
    moves: list[Move]
    booked: datetime | None = None
    firm_seen: datetime | None = None
    booked_level: Level = Level.CLAIMED
    continues: Unit | None = field(default=None, repr=False)
    rebooked: bool = False

    @property
    def uid(self) -> str:
        return self.track.uid


@dataclass(frozen=True)
class Chains:
    """The account's units, and how many moves stand behind each meeting."""

    units: tuple[Unit, ...]
    occurrence_moves: dict[tuple[str, Moment | None], tuple[Move, ...]]

    def behind(self, meeting: Meeting) -> tuple[Move, ...]:
        """Return all moves in the chain of a meeting, those of its whole series and of what it replaced included."""
        own = self.occurrence_moves.get((meeting.uid, meeting.original_start), ())
        unit = next(u for u in self.units if u.uid == meeting.uid and (u.track is meeting or meeting.series))
        return (*own, *unit.moves)


def chains(found: Sequence[Fact], sight: Sight) -> Chains:
    """Join moves, and cancellations that were booked again, into chains."""
    units = sorted(_units(found, sight), key=lambda u: (u.track.first_seen, u.uid))
    _link(units, sight)
    own = {
        (f.meeting.uid, f.meeting.original_start): tuple(_moves(f.meeting.changes))
        for f in found
        if f.meeting.series is not None
    }
    return Chains(tuple(units), own)


def _units(found: Sequence[Fact], sight: Sight) -> Iterator[Unit]:
    series: dict[str, list[Fact]] = {}
    for fact in found:
        if fact.meeting.series is None:
            yield _booked(_unit(fact.meeting, (fact,), sight), (fact.meeting,), sight)
        else:
            series.setdefault(fact.meeting.uid, []).append(fact)
    for dates in series.values():
        track = dates[0].meeting.series
        assert track is not None
        apart = tuple(f.meeting for f in dates if f.meeting.changes)
        yield _booked(_unit(track, tuple(dates), sight), (track, *apart), sight)


def _unit(track: Track, dates: tuple[Fact, ...], sight: Sight) -> Unit:
    levels = tuple(sight.level(seen) for seen in track.states)
    return Unit(track, dates, levels, list(_moves(track.changes)))


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
        if index == 0:
            unknown = None if track.baseline else seen.seen_at
            return seen.seen_at, min(track.created, seen.seen_at) if track.created else unknown, level
        answered = [
            b.participant.answered_at
            for b in sight.buyers(seen)
            if b.level >= Level.FIRM and b.participant.answered_at is not None
        ]
        return seen.seen_at, min([*answered, seen.seen_at]), level
    return None


# --- cancelled and booked again -------------------------------------------------------------------------------------


def _link(units: Sequence[Unit], sight: Sight) -> None:
    """Let a new meeting go on with the chain of one that was called off up to 14 days before; one to one."""
    ends = [(change, unit) for unit in units if (change := _called_off(unit)) is not None]
    for change, unit in sorted(ends, key=lambda pair: (pair[0].seen_at, pair[1].uid)):
        successor = next((u for u in units if _goes_on(u, unit, change, sight)), None)
        if successor is not None:
            successor.continues = unit
            unit.rebooked = True
            successor.moves = [*unit.moves, *_as_move(unit, successor, change, sight), *successor.moves]


def _called_off(unit: Unit) -> Change | None:
    """Return the change that called the unit off for good."""
    if not unit.track.now.merged.status.gone:
        return None
    gone = [c for c in unit.track.changes if c.kind in (ChangeKind.CANCELLED, ChangeKind.VANISHED)]
    return gone[-1] if gone else None


def _goes_on(unit: Unit, ended: Unit, change: Change, sight: Sight) -> bool:
    if unit is ended or unit.continues is not None or unit.track.baseline or unit.firm_seen is None:
        return False
    if unit.track.first_seen < change.seen_at:
        return False
    in_time = (sight.day(unit.firm_seen) - sight.day(change.seen_at)).days <= sight.constants.rebook_days
    return in_time and bool(_buyer_people(unit, sight) & _buyer_people(ended, sight))


def _buyer_people(unit: Unit, sight: Sight) -> set[str]:
    return {b.who.person for seen in unit.track.states for b in sight.buyers(seen)}


def _as_move(ended: Unit, successor: Unit, change: Change, sight: Sight) -> Iterator[Move]:
    zone = sight.lens.zone
    old, new = ended.track.now.merged.slot.start, successor.track.states[0].merged.slot.start
    days = (day(new, zone) - day(old, zone)).days
    by_buyer = change.by is Actor.BUYER or successor.booked_level >= Level.OWNED
    assert successor.firm_seen is not None
    if days:
        by = Actor.BUYER if by_buyer else Actor.SELLER_OR_UNKNOWN
        yield Move(successor.firm_seen, days, by, "cancelled and booked again")


# --- acts -----------------------------------------------------------------------------------------------------------


def rescheduling(found: Sequence[Fact], linked: Chains, sight: Sight) -> Rescheduling:
    """Return R with every act that it counts."""
    acts = sorted(_acts(found, linked, sight), key=lambda a: (a.on, a.kind, a.uid, str(a.original_start)))
    ever_firm = any(unit.firm_seen is not None for unit in linked.units)
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


def _acts(found: Sequence[Fact], linked: Chains, sight: Sight) -> Iterator[Act]:
    yield from _rebooks(found, linked, sight)
    for unit in linked.units:
        yield from _move_acts(unit.track, unit.moves if not unit.rebooked else (), sight)
        yield from _drops(unit, linked.units, sight)
    for fact in found:
        key = (fact.meeting.uid, fact.meeting.original_start)
        yield from _move_acts(fact.meeting, linked.occurrence_moves.get(key, ()), sight)


def _act(kind: str, on: date, points: float, text: str, track: Track, sight: Sight, **more: object) -> Act:
    left = points * 0.5 ** ((sight.today - on).days / sight.constants.half_life_days)
    base = Act(kind, on, points, left, text, track.uid, track.original_start)
    return replace(base, **more)  # type: ignore[arg-type]


def _rebooks(found: Sequence[Fact], linked: Chains, sight: Sight) -> Iterator[Act]:
    """Match bookings to held meetings one to one: in order of time, each takes the one whose window ends first."""
    c = sight.constants
    window = timedelta(days=c.rebook_days)
    free = sorted((f for f in found if f.held), key=lambda f: (f.end, f.start, f.meeting.uid))
    booked = [u for u in linked.units if u.booked is not None and u.continues is None]
    for unit in sorted(booked, key=lambda u: (u.booked, u.uid)):
        at = unit.booked
        assert at is not None
        held = next((f for f in free if f not in unit.dates and f.start <= at <= f.end + window), None)
        if held is None:
            continue
        free.remove(held)
        by_buyer = unit.booked_level >= Level.OWNED or _proposed_before(unit.track, at)
        points = c.booked_again_by_buyer if by_buyer else c.booked_again
        text = f"booked again after the meeting of {day(held.view.slot.start, sight.lens.zone)}"
        by = Actor.BUYER if by_buyer else Actor.SELLER_OR_UNKNOWN
        yield _act("booked again", sight.day(at), points, text, unit.track, sight, by=by)


def _proposed_before(track: Track, at: datetime) -> bool:
    return any(c.kind is ChangeKind.PROPOSED and c.seen_at <= at for c in track.changes)


def _move_acts(track: Track, moves: Iterable[Move], sight: Sight) -> Iterator[Act]:
    """Charge the moves of one chain: each side counts its own pushes."""
    pushes = {Actor.BUYER: 0, Actor.SELLER_OR_UNKNOWN: 0}
    for move in moves:
        side = Actor.BUYER if move.by is Actor.BUYER else Actor.SELLER_OR_UNKNOWN
        on = sight.day(move.seen_at)
        if move.days > 0:
            pushes[side] += 1
            points = _push_points(side, pushes[side], move.days, sight)
            text = f"put off by {move.days} d: {move.why}" + ("" if points else " (no charge)")
            yield _act("push", on, points, text, track, sight, by=side, days=move.days)
        else:
            points = sight.constants.moved_earlier_by_buyer if side is Actor.BUYER else 0.0
            text = f"moved {-move.days} d earlier: {move.why}"
            yield _act("moved earlier", on, points, text, track, sight, by=side, days=move.days)


def _push_points(side: Actor, number: int, days: int, sight: Sight) -> float:
    c = sight.constants
    if side is Actor.BUYER:
        return c.push_by_buyer if number > 1 or days > c.long_push_days else 0.0
    return c.push_by_seller_or_unknown if number > 1 else 0.0


# --- drops ----------------------------------------------------------------------------------------------------------


def _drops(unit: Unit, units: Sequence[Unit], sight: Sight) -> Iterator[Act]:
    """Charge a commitment that was taken back and not replaced within 14 days, on the fourteenth."""
    for since, until, by_buyer in _losses(unit, sight):
        due = sight.day(since) + timedelta(days=sight.constants.drop_days)
        if due > sight.today or (until is not None and sight.day(until) <= due):
            continue
        if _replaced(unit, units, since, sight):
            continue
        kind, points = ("dropped", sight.constants.dropped) if by_buyer else ("you dropped it", 0.0)
        by = Actor.BUYER if by_buyer else Actor.SELLER_OR_UNKNOWN
        yield _act(kind, due, points, f"{kind}, nothing booked instead", unit.track, sight, by=by)


def _losses(unit: Unit, sight: Sight) -> Iterator[tuple[datetime, datetime | None, bool]]:
    """Yield each stretch in which a once firm unit was lost: since when, until when, and whether by the buyer."""
    firm: set[str] = set()
    lost: tuple[datetime, bool] | None = None
    for seen in unit.track.states:
        rows = sight.buyers(seen)
        gone = seen.merged.status.gone or declined_by_sellers(seen.merged, sight.lens.directory)
        declined = {b.who.person for b in rows if b.standing is Standing.DECLINED}
        if firm and (gone or (firm <= declined)):
            if lost is None:
                lost = (_since(seen, rows, gone=gone), _by_buyer(unit.track, seen) if gone else True)
        else:
            if lost is not None:
                yield lost[0], seen.seen_at, lost[1]
            lost = None
            firm |= {b.who.person for b in rows if b.level >= Level.FIRM}
            firm &= {b.who.person for b in rows}
    if lost is not None:
        yield lost[0], None, lost[1]


def _since(seen: Seen, rows: Iterable[Buyer], *, gone: bool) -> datetime:
    answered = (b.participant.answered_at for b in rows)
    told = [at for at in answered if at is not None and at <= seen.seen_at]
    return max(told) if told and not gone else seen.seen_at


def _by_buyer(track: Track, seen: Seen) -> bool:
    gone = (ChangeKind.CANCELLED, ChangeKind.VANISHED)
    return any(c.by is Actor.BUYER for c in track.changes if c.seen_at == seen.seen_at and c.kind in gone)


def _replaced(unit: Unit, units: Sequence[Unit], since: datetime, sight: Sight) -> bool:
    """Say whether somebody of the same buyers was firm on a new meeting within the days of grace."""
    people = _buyer_people(unit, sight)
    for other in units:
        if other is unit or other.firm_seen is None or other.track.baseline or other.track.first_seen < since:
            continue
        soon = (sight.day(other.firm_seen) - sight.day(since)).days <= sight.constants.drop_days
        if soon and people & _buyer_people(other, sight):
            return True
    return False
