"""What one account's meetings come to at the report's moment: the facts that all parts of the score share.

What a meeting's past states tell (`Told`) is the same at every later moment; only the rest is judged anew each time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from itertools import pairwise

from calsignal.directory import Directory, rep_of
from calsignal.history import Lens, Meeting, Seen, Track
from calsignal.merge import Merged
from calsignal.model import Account, Answer, ChangeKind, Level, Moment, Participant, Role, Slot
from calsignal.score.constants import Constants
from calsignal.score.firmness import ANSWERED, Buyer, Standing, buyers, is_broadcast, level, sellers, weight
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
        return self.since(self.day(at))

    def since(self, day: date) -> int:
        """Return the days from one day to the report's."""
        return (self.today - day).days

    @cached_property
    def _looked_at(self) -> dict[int, tuple[Seen, tuple[Buyer, ...]]]:
        return {}

    @cached_property
    def _levels(self) -> dict[int, tuple[Seen, Level]]:
        return {}

    @cached_property
    def _tales(self) -> dict[int, tuple[Meeting, Told]]:
        return {}

    def at(self, as_of: datetime) -> Sight:
        """Return the same eyes at another moment; what they have looked at does not hang on it."""
        other = replace(self, lens=replace(self.lens, as_of=as_of))
        vars(other).update(_looked_at=self._looked_at, _levels=self._levels, _tales=self._tales)
        return other

    def know(self, tales: Iterable[tuple[Meeting, Told]]) -> None:
        """Take note of what meetings tell, where that was found out before."""
        self._tales.update((id(meeting), (meeting, told)) for meeting, told in tales)

    def told(self, meeting: Meeting) -> Told:
        """Return what the states of a meeting tell."""
        known = self._tales.get(id(meeting))
        if known is None:
            known = self._tales[id(meeting)] = (meeting, _told(meeting, self))
        return known[1]

    def buyers(self, seen: Seen) -> tuple[Buyer, ...]:
        """Return the account's buyers on one state; many rules ask, so each state is looked at once."""
        known = self._looked_at.get(id(seen))
        if known is None:
            # the state is kept beside its rows, so that no other one can come to live under its id
            known = self._looked_at[id(seen)] = (seen, buyers(seen, self.account.name, self.lens.directory))
        return known[1]

    def level(self, seen: Seen) -> Level:
        """Return the level of one state for this account; what is no meeting with it has none."""
        known = self._levels.get(id(seen))
        if known is None:
            broadcast = is_broadcast(seen.merged, self.lens.directory, self.constants)
            known = self._levels[id(seen)] = (seen, Level.CLAIMED if broadcast else level(self.buyers(seen)))
        return known[1]


@dataclass(frozen=True)
class Told:
    """What the states of a meeting tell about the account's buyers, whenever it is asked.

    reached     the highest level in any state
    invited     when the invitation was sent
    answered    when a buyer first answered, in any way
    answers     the last answer that each buyer ever gave
    stirred     when a buyer answered tentatively, or proposed a time
    ever_firm   the person keys of those who were firm in any state
    movers      who organised it, or was firm when a new buyer came on: person key and name
    whole       whether any state showed all guests
    dated       whether it is known when the meeting came about
    by_seller   whether it is an invitation of ours
    ours        our people on it by mailbox, without those who declined it
    """

    reached: Level
    invited: datetime
    answered: datetime | None
    answers: tuple[Answer, ...]
    stirred: tuple[datetime, ...]
    ever_firm: frozenset[str]
    movers: tuple[tuple[str, str], ...]
    whole: bool
    dated: bool
    by_seller: bool
    ours: frozenset[str]


@dataclass(frozen=True)
class Fact:
    """One meeting of the account as it stands, with the instants that the rules compare, and the day it begins `on`.

    `meeting` is None where only what its states told was kept of a meeting long past.
    """

    meeting: Meeting | None
    view: MeetingView
    start: datetime
    on: date
    end: datetime
    held: bool
    firm: bool
    excluded: str
    told: Told

    @property
    def ahead(self) -> bool:
        return not self.view.past

    @property
    def key(self) -> tuple[str, Moment | None]:
        """Name the meeting among all."""
        return self.view.uid, self.view.original_start

    @property
    def by_seller(self) -> bool:
        return self.told.by_seller

    @property
    def states(self) -> tuple[Seen, ...]:
        return self.meeting.states if self.meeting is not None else ()

    @property
    def series(self) -> Track | None:
        return self.meeting.series if self.meeting is not None else None


def facts(meetings: Iterable[Meeting], sight: Sight) -> tuple[Fact, ...]:
    """Return the account's facts in order of start, series thinned to the next date that counts."""
    return in_order(fact_of(meeting, sight) for meeting in meetings if _ever_ours(meeting, sight))


def in_order(found: Iterable[Fact]) -> tuple[Fact, ...]:
    """Return facts in order of start, series thinned to the next date that counts."""
    return tuple(_thinned(sorted(found, key=lambda f: (f.start, f.view.uid, str(f.view.original_start)))))


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


def fact_of(meeting: Meeting, sight: Sight) -> Fact:
    """Return the fact that a meeting of the account is."""
    merged = meeting.now.merged
    rows = sight.buyers(meeting.now)
    start, minutes = counted_slot(merged.slot, sight, free=merged.free)
    past, on = start <= sight.as_of, sight.day(start)
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
        factor=factor(start, on, sight, series=meeting.series is not None),
        counted=not why_not,
        why_not=why_not,
    )
    return Fact(
        meeting=meeting,
        view=view,
        start=start,
        on=on,
        end=sight.lens.at(merged.slot.end),
        held=past and firm,
        firm=firm,
        excluded=why_not if excluded else "",
        told=sight.told(meeting),
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


def factor(start: datetime, on: date, sight: Sight, *, series: bool) -> float:
    """Return what a series and time do to a meeting's weight: halved every 21 days behind, stepped down ahead."""
    c, age = sight.constants, sight.since(on)
    whole = c.series_factor if series else 1.0
    if start <= sight.as_of:
        return float(whole * 0.5 ** (age / c.half_life_days))
    steps = ((7, c.lead_7_days), (14, c.lead_14_days), (28, c.lead_28_days), (60, c.lead_60_days))
    return whole * next((lead for days, lead in steps if -age <= days), 0.0)


def _thinned(found: Iterable[Fact]) -> Iterable[Fact]:
    """Let only the next date of a series count ahead: one decision, many slots."""
    seen: set[str] = set()
    for fact in found:
        if fact.ahead and fact.view.series and fact.view.counted:
            if fact.view.uid in seen:
                yield _later_date(fact)
                continue
            seen.add(fact.view.uid)
        yield fact


def _later_date(fact: Fact) -> Fact:
    return replace(fact, view=replace(fact.view, counted=False, why_not="a later date of the series"))


# --- what states tell -------------------------------------------------------------------------------------------------


def _told(meeting: Meeting, sight: Sight) -> Told:
    invited = _invited_at(meeting, sight.lens.at(meeting.now.merged.slot.start))
    levels = [sight.level(seen) for seen in meeting.states]
    return Told(
        reached=max(levels),
        invited=invited,
        answered=_first_answer(meeting, levels, invited, sight),
        answers=tuple(_answers(meeting, sight)),
        stirred=tuple(_soft_acts(meeting, sight)),
        ever_firm=frozenset(
            b.who.person for seen in meeting.states for b in sight.buyers(seen) if b.level >= Level.FIRM
        ),
        movers=tuple(dict(_movers(meeting, sight)).items()),
        whole=any(seen.merged.whole for seen in meeting.states),
        dated=not meeting.baseline or meeting.created is not None,
        by_seller=organised_by_seller(meeting, sight),
        ours=_ours(meeting.now.merged, sight.lens.directory),
    )


def _ours(merged: Merged, directory: Directory) -> frozenset[str]:
    answers: dict[str, set[Answer]] = defaultdict(set)
    for p in merged.people:
        if p.email is not None and directory.who(p).role is Role.SELLER:
            answers[rep_of(p.email, directory)].add(p.answer)
    declined = {rep for rep, said in answers.items() if said == {Answer.DECLINED}}
    return frozenset(rep_of(s, directory) for s in sellers(merged, directory)) - declined


def _invited_at(meeting: Meeting, start: datetime) -> datetime:
    """Return when an invitation was sent; unknown at a baseline, then the first sight or the meeting's start.

    A date of a series was sent with the series, whenever it came into sight.
    """
    track = meeting.series or meeting
    return min(track.invited_at, start) if track.baseline else track.invited_at


def _first_answer(meeting: Meeting, levels: Iterable[Level], invited: datetime, sight: Sight) -> datetime | None:
    """Return when a buyer of the account first answered (or made) the meeting, in any way; a webinar is none."""
    for index, (seen, reached) in enumerate(zip(meeting.states, levels, strict=True)):
        told = [b for b in sight.buyers(seen) if b.acted] if reached is not Level.CLAIMED else []
        if told:
            times_known = [b.participant.answered_at for b in told if b.participant.answered_at is not None]
            first_sight = invited if index == 0 or seen.joined else seen.seen_at
            return min(times_known, default=first_sight)
    return None


def _answers(meeting: Meeting, sight: Sight) -> Iterable[Answer]:
    """Return the last answer each buyer ever gave on the meeting."""
    last: dict[str, Answer] = {}
    for seen in meeting.states:
        last |= {b.who.person: b.participant.answer for b in sight.buyers(seen) if b.participant.answer in ANSWERED}
    return last.values()


def _soft_acts(meeting: Meeting, sight: Sight) -> Iterable[datetime]:
    """Yield when a buyer answered tentatively, or proposed a time."""
    was: dict[str, Participant] = {}
    for seen in meeting.states:
        for buyer in sight.buyers(seen):
            p, old = buyer.participant, was.get(buyer.who.person)
            soft = p.answer is Answer.TENTATIVE or p.proposed is not None
            known = old and (old.answer, old.proposed, old.answered_at) == (p.answer, p.proposed, p.answered_at)
            if soft and not known:
                yield p.answered_at or seen.seen_at
            was[buyer.who.person] = p


def _movers(meeting: Meeting, sight: Sight) -> Iterable[tuple[str, str]]:
    """Yield who organised it, and who was firm on it when a new buyer came on."""
    additions = {c.seen_at for c in meeting.changes if c.kind is ChangeKind.PERSON_ADDED}
    known: set[str] = set()
    firm: dict[str, str] = {}
    for number, seen in enumerate(meeting.states):
        rows = {b.who.person: b for b in sight.buyers(seen)}
        if number and seen.seen_at in additions and rows.keys() - known:
            yield from firm.items()
        known |= rows.keys()
        for person, b in rows.items():
            name = b.who.email or f"someone@{b.participant.domain}"
            if b.standing is Standing.ORGANIZED:
                yield person, name
            if b.level >= Level.FIRM:
                firm[person] = name
