"""What one account's meetings come to at the report's moment: the facts that all parts of the score share."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import pairwise

from calsignal.history import Lens, Meeting, Seen, Track
from calsignal.model import Account, Answer, Level, Role, Slot
from calsignal.score.constants import Constants
from calsignal.score.firmness import Buyer, Standing, buyers, is_broadcast, level, sellers, weight
from calsignal.score.result import BuyerOnMeeting, MeetingView


@dataclass(frozen=True)
class Sight:
    """Through which eyes an account is looked at: the lens, the numbers, and the account itself."""

    lens: Lens
    constants: Constants
    account: Account

    @property
    def as_of(self) -> datetime:
        return self.lens.as_of

    @cached_property
    def today(self) -> date:
        return self.lens.as_of.astimezone(self.lens.zone).date()

    def day(self, at: datetime) -> date:
        return at.astimezone(self.lens.zone).date()

    def age(self, at: datetime) -> int:
        """Return whole calendar days in the team's zone from `at` to the report's day."""
        return (self.today - self.day(at)).days

    @cached_property
    def _looked_at(self) -> dict[int, tuple[Seen, tuple[Buyer, ...]]]:
        return {}

    def buyers(self, seen: Seen) -> tuple[Buyer, ...]:
        """Return the account's buyers on one state; many rules ask, so each state is looked at once."""
        known = self._looked_at.get(id(seen))
        if known is None:
            # the state is kept beside its rows, so that no other one can come to live under its id
            known = self._looked_at[id(seen)] = (seen, buyers(seen, self.account.name, self.lens.directory))
        return known[1]

    def level(self, seen: Seen) -> Level:
        """Return the level of one state for this account; what is no meeting with it has none."""
        if is_broadcast(seen.merged, self.lens.directory, self.constants):
            return Level.CLAIMED
        return level(self.buyers(seen))


@dataclass(frozen=True)
class Fact:
    """One meeting of the account as it stands, with the instants that the rules compare."""

    meeting: Meeting
    view: MeetingView
    start: datetime
    end: datetime
    held: bool
    firm: bool
    excluded: str
    by_seller: bool

    @property
    def ahead(self) -> bool:
        return not self.view.past


def facts(meetings: Iterable[Meeting], sight: Sight) -> tuple[Fact, ...]:
    """Return the account's facts in order of start, series thinned to the next date that counts."""
    found = [_fact(meeting, sight) for meeting in meetings if _ever_ours(meeting, sight)]
    found.sort(key=lambda f: (f.start, f.meeting.uid, str(f.meeting.original_start)))
    return tuple(_thinned(found))


def _ever_ours(meeting: Meeting, sight: Sight) -> bool:
    return any(
        sight.lens.directory.who(p).account == sight.account.name for seen in meeting.states for p in seen.merged.people
    )


def counted_slot(slot: Slot, sight: Sight, *, free: bool) -> tuple[datetime, int]:
    """Return when the counted minutes begin and how many they are, per person."""
    c = sight.constants
    start = sight.lens.at(slot.start)
    if free:
        return start, 0
    if slot.all_day:
        return start, c.all_day_minutes
    minutes = int(slot.duration / timedelta(minutes=1))
    return start, min(minutes, c.max_minutes) if minutes >= c.min_minutes else 0


def _fact(meeting: Meeting, sight: Sight) -> Fact:
    merged = meeting.now.merged
    rows = sight.buyers(meeting.now)
    start, minutes = counted_slot(merged.slot, sight, free=merged.free)
    past = start <= sight.as_of
    why_not = _why_not(meeting, rows, minutes, sight, past=past)
    organizer = next((p for p in merged.people if p.person == merged.organizer), None)
    maker = sight.lens.directory.who(organizer).person if organizer else None
    excluded = why_not in ("broadcast", "calendar disconnected")
    reached = Level.CLAIMED if excluded else level(rows)
    firm = reached >= Level.FIRM and minutes > 0 and not why_not
    view = MeetingView(
        uid=meeting.uid,
        original_start=meeting.original_start,
        slot=merged.slot,
        subject=meeting.subject,
        status=merged.status,
        level=reached,
        organizer=merged.organizer,
        organizer_email=organizer.email if organizer else None,
        buyers=tuple(_row(row, maker, sight, past=past) for row in rows),
        sellers=sellers(merged, sight.lens.directory),
        copies=merged.copies,
        moves=_moves(meeting),
        series=meeting.series is not None,
        past=past,
        minutes=minutes,
        factor=(sight.constants.series_factor if meeting.series else 1.0) * recency(start, sight),
        counted=not why_not,
        why_not=why_not,
    )
    return Fact(
        meeting=meeting,
        view=view,
        start=start,
        end=sight.lens.at(merged.slot.end),
        held=past and firm,
        firm=firm,
        excluded=why_not if excluded else "",
        by_seller=organised_by_seller(meeting, sight),
    )


def organised_by_seller(track: Track, sight: Sight) -> bool:
    """Say whether the meeting is an invitation of ours: organised by a seller, or by nobody known."""
    merged = track.states[0].merged
    organizer = next((p for p in merged.people if p.person == merged.organizer), None)
    return organizer is None or sight.lens.role(organizer) is Role.SELLER


def _why_not(meeting: Meeting, rows: tuple[Buyer, ...], minutes: int, sight: Sight, *, past: bool) -> str:
    """Say why a meeting does not count, or nothing."""
    merged = meeting.now.merged
    if is_broadcast(merged, sight.lens.directory, sight.constants):
        return "broadcast"
    if merged.status.gone:
        return merged.status.value
    if meeting.unwatched:
        return "calendar disconnected"
    if not rows:
        return "no buyer on it any more"
    if any(row.standing is Standing.CANCELLED for row in rows):
        return "declined by our side"
    if minutes == 0:
        return "free time" if merged.free else "too short"
    if not any(weight(row.standing, sight.constants, past=past) for row in rows):
        return "no buyer committed"
    return ""


def _row(row: Buyer, maker: str | None, sight: Sight, *, past: bool) -> BuyerOnMeeting:
    return BuyerOnMeeting(
        person=row.who.person,
        email=row.who.email,
        domain=row.participant.domain,
        answer=row.participant.answer,
        level=row.level,
        optional=row.participant.optional,
        organizer=row.who.person == maker,
        weight=weight(row.standing, sight.constants, past=past),
        evidence="not visible from here" if _unseen(row) else row.standing.value,
        guests=row.participant.guests,
    )


def _unseen(row: Buyer) -> bool:
    silent = row.standing in (Standing.SILENT, Standing.SILENT_ON_BUYERS)
    return silent and row.participant.answer is Answer.NOT_VISIBLE


def _moves(meeting: Meeting) -> int:
    """Return how often the meeting was moved: on its own, or taken along when its series moved."""
    own = [change.seen_at for change in meeting.changes if change.days is not None]
    whole = meeting.series.changes if meeting.series else ()
    carried = _carried_at(meeting) - set(own)
    return len(own) + sum(change.days is not None and change.seen_at in carried for change in whole)


def _carried_at(meeting: Meeting) -> set[datetime]:
    """Return when the meeting was seen to begin elsewhere; a date behind, called off, or of the other half stays."""
    pairs = pairwise(meeting.states)
    return {now.seen_at for was, now in pairs if was.merged.slot.start != now.merged.slot.start}


def recency(start: datetime, sight: Sight) -> float:
    """Return what time does to a meeting's weight: halved every 21 days behind, stepped down ahead."""
    c, age = sight.constants, sight.age(start)
    if start <= sight.as_of:
        return float(0.5 ** (age / c.half_life_days))
    steps = ((7, c.lead_7_days), (14, c.lead_14_days), (28, c.lead_28_days), (60, c.lead_60_days))
    return next((factor for days, factor in steps if -age <= days), 0.0)


def _thinned(found: Iterable[Fact]) -> Iterable[Fact]:
    """Let only the next date of a series count ahead: one decision, many slots."""
    seen: set[str] = set()
    for fact in found:
        if fact.ahead and fact.meeting.series is not None and fact.view.counted:
            if fact.meeting.uid in seen:
                yield _later_date(fact)
                continue
            seen.add(fact.meeting.uid)
        yield fact


def _later_date(fact: Fact) -> Fact:
    return replace(fact, view=replace(fact.view, counted=False, why_not="a later date of the series"))
