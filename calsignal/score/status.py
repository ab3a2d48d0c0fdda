"""Held, next, quiet, K and the status: a crisp list of rules, the first match wins (scoring model, 3.3 and 4)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise

from calsignal.model import Answer, ChangeKind, Level, Status
from calsignal.score.facts import Fact, Sight
from calsignal.score.rescheduling import Chains, Move
from calsignal.score.wording import ago, by_when, clock, count, day_name, listing, times


@dataclass(frozen=True)
class Pace:
    """How the account's meetings follow each other: E, the two limits, the quiet days (None: nothing ever) and K."""

    usual_gap: float
    stall_after: float
    lost_after: float
    quiet: int | None
    keep: float


@dataclass(frozen=True)
class Standings:
    """Everything the rules look at."""

    found: tuple[Fact, ...]
    linked: Chains
    pace: Pace
    next_firm: Fact | None
    last_held: Fact | None
    firm_ahead: tuple[Fact, ...]
    invitations: tuple[Fact, ...]
    reached_soft: bool


@dataclass(frozen=True)
class Verdict:
    """A status, the number of the rule that gave it, and one line of evidence."""

    status: Status
    rule: int
    evidence: str


def standings(found: tuple[Fact, ...], linked: Chains, sight: Sight) -> Standings:
    """Return what the rules look at, from the account's facts."""
    held = [f for f in found if f.held]
    ahead = tuple(f for f in found if f.firm and f.ahead)
    soon = [f for f in ahead if -sight.since(f.on) <= sight.constants.next_within_days]
    next_firm = soon[0] if soon else None
    invitations = tuple(f for f in found if f.by_seller and not f.excluded)
    return Standings(
        found=found,
        linked=linked,
        pace=_pace(found, held, sight, has_next=next_firm is not None),
        next_firm=next_firm,
        last_held=held[-1] if held else None,
        firm_ahead=ahead,
        invitations=invitations,
        reached_soft=any(f.told.reached >= Level.SOFT for f in found),
    )


def _pace(found: Iterable[Fact], held: Sequence[Fact], sight: Sight, *, has_next: bool) -> Pace:
    c = sight.constants
    days = sorted({f.on for f in held})
    gaps = [(b - a).days for a, b in pairwise(days)]
    usual = (c.usual_gap_weight * c.usual_gap_days + sum(gaps)) / (c.usual_gap_weight + len(gaps))
    quiet = _quiet(found, days, sight)
    keep = 1.0 if has_next else 0.0 if quiet is None else 0.5 ** (quiet / c.quiet_half_life_days)
    return Pace(
        usual_gap=usual,
        stall_after=min(max(c.stall_factor * usual, c.stall_min_days), c.stall_max_days),
        lost_after=min(max(c.lost_factor * usual, c.lost_min_days), c.lost_max_days),
        quiet=quiet,
        keep=keep,
    )


def _quiet(found: Iterable[Fact], held: Sequence[date], sight: Sight) -> int | None:
    """Return the days since the last held meeting; else since the first answer; else since the first invitation."""
    if held:
        return (sight.today - held[-1]).days
    found = list(found)
    answers = [at for f in found if (at := f.told.answered) is not None]
    if answers:
        return max(sight.age(min(answers)), 0)
    invited = [f.told.invited for f in found if f.excluded in ("", "calendar disconnected")]
    return max(sight.age(min(invited)), 0) if invited else None


# --- the rules ------------------------------------------------------------------------------------------------------


def verdict(s: Standings, unknown: str | None, sight: Sight) -> Verdict:
    """Return the account's status by the first rule that applies."""
    if unknown:
        return Verdict(Status.UNKNOWN, 0, unknown)
    if not s.reached_soft:
        return _never_answered(s, sight)
    if s.next_firm is not None:
        return _with_next(s, s.next_firm, sight)
    return _without_next(s, sight)


def _never_answered(s: Standings, sight: Sight) -> Verdict:
    if not s.invitations:
        nothing = "No invitation, no meeting: nothing in any calendar."
        return Verdict(Status.NO_EVIDENCE, 1, _declined_by_us(s, sight) or nothing)
    number, first = len(s.invitations), min(sight.age(f.told.invited) for f in s.invitations)
    oldest = max(sight.age(f.told.invited) for f in s.invitations)
    answers = [a for f in s.invitations for a in f.told.answers]
    if answers and all(a is Answer.DECLINED for a in answers):
        declined = sum(Answer.DECLINED in f.told.answers for f in s.invitations)
        how = {1: "declined", 2: "both declined"}.get(number, "all declined")
        how = how if declined == number else f"{declined} declined, no other answer"
        return Verdict(Status.NO_EVIDENCE, 1, f"{count(number, 'invitation')}, {how}: an early no.")
    if oldest > sight.constants.new_days:
        return Verdict(
            Status.NO_EVIDENCE, 1, f"{count(number, 'invitation')} in {oldest} d, never answered by a buyer."
        )
    sent = f"Invited {ago(oldest)}" if number == 1 else f"{number} invitations, the first {ago(oldest)}"
    sent += "" if number == 1 or first == oldest else f", the last {ago(first)}"
    return Verdict(Status.NEW, 2, f"{sent}. No buyer has answered yet.")


def _declined_by_us(s: Standings, sight: Sight) -> str | None:
    ours = [f for f in s.found if f.view.why_not == "declined by our side"]
    return f"They invited us for {clock(ours[-1].view.slot, sight)}; we declined." if ours else None


def _with_next(s: Standings, booked: Fact, sight: Sight) -> Verdict:
    pushes = [m for m in s.linked.behind(booked) if m.days > 0]
    days = sum(m.days for m in pushes)
    held_series = any(f.held and f.view.uid == booked.view.uid for f in s.found)
    c = sight.constants
    if (len(pushes) >= c.stalled_pushes or days >= c.stalled_push_days) and not held_series:
        when = day_name(booked.view.slot.start, sight, with_year=False)
        text = f"Booked for {when}, but pushed {times(len(pushes))}, {days} days later than first agreed."
        return Verdict(Status.STALLED, 3, text)
    return Verdict(Status.REAL, 4, f"{next_line(booked, sight)}{_held_line(s, sight)}")


def next_line(fact: Fact, sight: Sight) -> str:
    """Write the line of the next meeting: `Next: Thu 19 Mar 15:00, 45 min, 2 buyers accepted (1 silent).`."""
    return f"Next: {slot_line(fact, sight)}"


def slot_line(fact: Fact, sight: Sight) -> str:
    """Say when a firm meeting is, how long, and who is firm."""
    firm = [b for b in fact.view.buyers if b.level >= Level.FIRM]
    maker = next((b for b in firm if b.organizer), None)
    who = f"{count(len(firm), 'buyer')} accepted"
    if maker is not None:
        more = len(firm) - 1
        who = "the buyer organised it" + (f", {more} more accepted" if more else "")
    others = _others(fact)
    return f"{clock(fact.view.slot, sight)}, {who}{f' ({others})' if others else ''}."


def _others(fact: Fact) -> str:
    """Count the buyers who are not firm, by what they said: `1 tentative, 2 silent`."""
    words = ((Level.SOFT, "tentative"), (Level.WITHDRAWN, "declined"), (Level.INVITED, "silent"))
    counts = [(sum(b.level == level for b in fact.view.buyers), word) for level, word in words]
    return ", ".join(f"{number} {word}" for number, word in counts if number)


def _held_line(s: Standings, sight: Sight) -> str:
    return f" Last held {ago(sight.age(s.last_held.start))}." if s.last_held else ""


def _without_next(s: Standings, sight: Sight) -> Verdict:
    quiet, c = s.pace.quiet, sight.constants
    if s.last_held is not None and quiet is not None and quiet <= c.real_after_held_days:
        return Verdict(Status.REAL, 5, _held_recently(s, s.last_held, sight))
    if quiet is not None and quiet > s.pace.lost_after and not s.firm_ahead and not _stirring(s, sight):
        return Verdict(Status.LOST, 6, f"{_silence(s)}. Stop, and look again on {_walk_away(s, sight)}.")
    soft = _soft(s, sight)
    if soft:
        return Verdict(Status.SOFT, 7, soft)
    gap = f" (usual gap {round(s.pace.usual_gap)} d)"
    return Verdict(Status.STALLED, 8, f"{_silence(s)}{gap}, nothing booked.")


def _held_recently(s: Standings, held: Fact, sight: Sight) -> str:
    firm = sum(b.level >= Level.FIRM for b in held.view.buyers)
    text = f"Held {ago(sight.age(held.start))} ({held.view.minutes} min, {count(firm, 'buyer')})."
    if s.firm_ahead:
        return f"{text} {next_line(s.firm_ahead[0], sight)}"
    return f"{text} No next step booked: ask {by_when(ask_before(s, sight), sight)}."


def ask_before(s: Standings, sight: Sight) -> date:
    """Return the day on which an account that was just held turns from real: seven days after the meeting."""
    last = s.last_held.start if s.last_held else sight.as_of
    return sight.day(last) + timedelta(days=sight.constants.real_after_held_days)


def _silence(s: Standings) -> str:
    if s.last_held is not None:
        return f"Last held {s.pace.quiet} d ago"
    return f"Nothing held; {s.pace.quiet} d since they first reacted"


def walk_away(s: Standings, sight: Sight) -> date:
    """Return the day to look again at a lost account."""
    last = s.last_held.start if s.last_held else sight.as_of - timedelta(days=s.pace.quiet or 0)
    return sight.day(last) + timedelta(days=sight.constants.walk_away_days)


def _walk_away(s: Standings, sight: Sight) -> str:
    return day_name(walk_away(s, sight), sight, with_year=True)


def _stirring(s: Standings, sight: Sight) -> bool:
    """Say whether a buyer was tentative or proposed a time in the last 7 days: only a buyer's act leaves LOST."""
    since = sight.constants.ask_days
    told = (at for f in s.found if not f.excluded for at in f.told.stirred)
    return any(sight.age(at) <= since for at in told)


def _soft(s: Standings, sight: Sight) -> str | None:
    """Return the evidence that an account without a next meeting is soft, or None."""
    if s.firm_ahead:
        return f"Only a far slot: {slot_line(s.firm_ahead[0], sight)}"
    pending = pending_ask(s, sight)
    if pending:
        return pending
    if s.pace.quiet is not None and s.pace.quiet <= s.pace.stall_after:
        return f"{_silence(s)}, nothing firm booked."
    return None


def pending_ask(s: Standings, sight: Sight) -> str | None:
    """Say which ask is open: a tentative or reset slot ahead, or a fresh invitation that leaves time to answer."""
    c = sight.constants
    for fact in s.found:
        if fact.ahead and not fact.excluded and fact.view.level == Level.SOFT:
            soft = [b for b in fact.view.buyers if b.level == Level.SOFT]
            return f"{clock(fact.view.slot, sight)}: {listing(sorted({b.evidence for b in soft}))}. Nothing firm."
    notice = sight.as_of + timedelta(hours=c.ask_notice_hours)
    for fact in s.invitations:
        waiting = fact.ahead and fact.view.level == Level.INVITED
        if waiting and fact.start > notice and sight.age(fact.told.invited) <= c.ask_days:
            sent = ago(sight.age(fact.told.invited))
            return f"Invited {sent} for {clock(fact.view.slot, sight)}; no answer yet."
    return None


def pushes(moves: Iterable[Move]) -> tuple[int, int]:
    """Return how often a chain was put off, and by how many days in all."""
    put_off = [m.days for m in moves if m.days > 0]
    return len(put_off), sum(put_off)


def buyer_waits(fact: Fact, sight: Sight) -> datetime | None:
    """Return since when a buyer waits for our answer to an invitation or a proposal of theirs, or None."""
    meeting = fact.meeting
    if not fact.ahead or meeting is None or fact.excluded or fact.view.status.gone:
        return None
    merged = meeting.now.merged
    proposals = [b for b in sight.buyers(meeting.now) if b.participant.proposed is not None]
    if proposals:
        told = [c.at or c.seen_at for c in meeting.changes if c.kind is ChangeKind.PROPOSED]
        known = [b.participant.answered_at for b in proposals if b.participant.answered_at]
        return max([*told, *known], default=meeting.first_seen)
    if not any(b.organizer for b in fact.view.buyers):
        return None
    ours = [p for p in merged.people if p.email and sight.lens.directory.mailbox(p.email) in fact.view.sellers]
    if ours and all(p.answer is Answer.NONE for p in ours):
        return fact.told.invited
    return None
