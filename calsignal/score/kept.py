"""What can be kept of an account between reports, because no later moment changes it. Pure.

A report does not replay the ledger for what it knew already: of meetings long past it needs only what their states
told, and of recent ones their history. `facts`, `chains` and `judged` stay the definition: what is kept is what they
found, and what it comes to at a moment is judged by them.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta, timezone
from typing import Any

from calsignal.history import Meeting, Seen, Track
from calsignal.merge import Merged
from calsignal.model import (
    Actor,
    Answer,
    Booking,
    Change,
    ChangeKind,
    Confidence,
    EventStatus,
    Level,
    Moment,
    Participant,
    Slot,
    Status,
)
from calsignal.score.facts import Fact, Sight, Told, fact_of, factor, in_order
from calsignal.score.rescheduling import Chains, Deed, Move, Rebook, Unit, unit_tracks
from calsignal.score.result import BuyerOnMeeting, MeetingView

RECENT = timedelta(days=150)
"""So long a meeting is kept with its history, after it was over and nothing more was heard of it."""

TELLS = timedelta(days=130)
"""So far back from when it was made, what is kept tells all changes and bookings one by one."""

Key = tuple[str, Moment | None]


@dataclass(frozen=True)
class Link:
    """What was found out about a unit by looking at all of them; see `Unit`."""

    people: frozenset[str]
    moves: tuple[Move, ...]
    booked: datetime | None
    firm_seen: datetime | None
    booked_level: Level
    flags: tuple[bool, bool, bool]


@dataclass(frozen=True)
class Kept:
    """An account's history, as known at `made_at`.

    recent      meetings with their history, what that tells, and of what is over the row that `past` would have
    past        what was told of the others, see `_packed`
    links       by UID and original start of the unit's track
    moves       the moves of single dates of recent series
    rebooks     when, unit, held meeting, and whether by the buyer
    shown       labels of the calendars that show any of it
    statuses    of the account when some past meetings began
    """

    made_at: datetime
    recent: tuple[tuple[Meeting, Told, tuple[Any, ...] | None], ...]
    past: tuple[tuple[tuple[Any, ...], tuple[Any, ...]], ...]
    links: Mapping[Key, Link]
    moves: Mapping[Key, tuple[Move, ...]]
    rebooks: tuple[tuple[datetime, Key, Key, bool], ...]
    deeds: tuple[Deed, ...]
    shown: frozenset[str]
    statuses: Mapping[datetime, Status]

    @property
    def tells_since(self) -> datetime:
        return self.made_at - TELLS


def keep(
    found: Iterable[Fact],
    linked: Chains,
    shown: Iterable[str],
    made_at: datetime,
    statuses: Mapping[datetime, Status],
) -> Kept:
    """Return what is to be kept of an account's facts and chains, as found at `made_at`."""
    cut = made_at - RECENT
    units = [unit for unit in linked.units if not _is_over(unit, cut)]
    recent = {fact.key for unit in units for fact in unit.dates}
    return Kept(
        made_at=made_at,
        recent=tuple(
            (f.meeting, f.told, None if f.ahead else _packed(f))
            for f in found
            if f.key in recent and f.meeting is not None
        ),
        past=tuple((_packed(f), _tale(f.told)) for f in found if f.key not in recent),
        links={_unit_key(unit): _link(unit) for unit in units},
        moves={key: moves for key, moves in linked.occurrence_moves.items() if key in recent},
        rebooks=tuple(
            (r.at, _unit_key(r.unit), r.held.key, r.by_buyer) for r in linked.rebooks if r.at >= made_at - TELLS
        ),
        deeds=linked.deeds,
        shown=frozenset(shown),
        statuses=statuses,
    )


def recalled(kept: Kept, sight: Sight) -> tuple[tuple[Fact, ...], Chains]:
    """Return the facts and the chains of what was kept, as of a moment not before `made_at`."""
    sight.know((meeting, told) for meeting, told, _ in kept.recent)
    recent = [
        fact_of(meeting, sight) if row is None else _unpacked(row, sight, meeting, told)
        for meeting, told, row in kept.recent
    ]
    found = in_order([*recent, *(_unpacked(row, sight, None, Told(*tale)) for row, tale in kept.past)])
    by_key = {fact.key: fact for fact in found}
    units = [_unit(kept, track, dates) for track, dates in unit_tracks(found)]
    unit_of = {_unit_key(unit): unit for unit in units}
    rebooks = tuple(Rebook(at, unit_of[unit], by_key[held], by_buyer) for at, unit, held, by_buyer in kept.rebooks)
    return found, Chains(tuple(units), kept.moves, rebooks, kept.deeds)


# --- units ------------------------------------------------------------------------------------------------------------


def _is_over(unit: Unit, cut: datetime) -> bool:
    """Say whether all of it was over, and nothing more was heard of it, from `cut` on."""
    heard = (unit.track, *(fact.meeting for fact in unit.dates if fact.meeting is not None))
    return all(fact.end < cut and not fact.ahead for fact in unit.dates) and all(
        track.now.seen_at < cut for track in heard
    )


def _unit_key(unit: Unit) -> Key:
    return unit.uid, unit.track.original_start


def _link(unit: Unit) -> Link:
    flags = (unit.continues, unit.rebooked, unit.firm_before)
    return Link(unit.people, tuple(unit.moves), unit.booked, unit.firm_seen, unit.booked_level, flags)


def _unit(kept: Kept, track: Track, dates: tuple[Fact, ...]) -> Unit:
    link = kept.links[track.uid, track.original_start]
    continues, rebooked, firm_before = link.flags
    return Unit(
        track,
        dates,
        link.people,
        list(link.moves),
        booked=link.booked,
        firm_seen=link.firm_seen,
        booked_level=link.booked_level,
        continues=continues,
        rebooked=rebooked,
        firm_before=firm_before,
    )


# --- meetings long past -----------------------------------------------------------------------------------------------


def _packed(fact: Fact) -> tuple[Any, ...]:
    """Return what a meeting long past will tell, in a row of plain values: thousands are read for one report."""
    view = fact.view
    return (
        (view.uid, view.original_start, view.slot.start, view.slot.end, view.subject, view.status, view.level),
        (view.organizer, view.organizer_email, tuple(_row(buyer) for buyer in view.buyers), view.sellers),
        (view.copies, view.moves, view.series, view.minutes, view.counted, view.why_not),
        (fact.start, fact.on, fact.end, fact.firm, fact.excluded),
    )


def _row(b: BuyerOnMeeting) -> tuple[Any, ...]:
    return b.person, b.email, b.domain, b.answer, b.level, b.optional, b.organizer, b.weight, b.evidence, b.guests


def _tale(told: Told) -> tuple[Any, ...]:
    return tuple(getattr(told, field.name) for field in fields(told))


def _unpacked(row: tuple[Any, ...], sight: Sight, meeting: Meeting | None, told: Told) -> Fact:
    names, people, numbers, (start, on, end, firm, excluded) = row
    uid, original_start, slot_start, slot_end, subject, status, level = names
    organizer, organizer_email, buyers, sellers = people
    copies, moves, series, minutes, counted, why_not = numbers
    rows = tuple(BuyerOnMeeting(*buyer) for buyer in buyers)
    view = MeetingView(
        uid,
        original_start,
        Slot(slot_start, slot_end),
        subject,
        status,
        level,
        organizer,
        organizer_email,
        rows,
        sellers,
        copies,
        moves,
        series,
        past=True,
        minutes=minutes,
        factor=factor(start, on, sight, series=series),
        counted=counted,
        why_not=why_not,
    )
    return Fact(meeting, view, start, on, end, firm, firm, excluded, told)


# --- to and from bytes ------------------------------------------------------------------------------------------------

_VALUES: tuple[type, ...] = (
    Kept, Told, Link, Meeting, Track, Seen, Merged, Participant, Slot, Booking, Change, Move, Deed,
    Level, Status, Answer, EventStatus, Confidence, ChangeKind, Actor,
    datetime, date, timedelta, timezone, frozenset,
)  # fmt: skip
_NAMED = {(kind.__module__, kind.__qualname__): kind for kind in _VALUES}


class Unreadable(ValueError):
    """Report that bytes are not what `to_bytes` writes."""


def to_bytes(kept: Kept) -> bytes:
    """Return what is kept as bytes."""
    return pickle.dumps(kept, protocol=5)


def from_bytes(data: bytes) -> Kept:
    """Return what was kept, built of the values that `to_bytes` writes and of nothing else.

    Raises `Unreadable` for anything else: whoever can write into the database must not run code in a report.
    """
    try:
        found = _Reader(io.BytesIO(data)).load()
    except Exception as error:
        raise Unreadable("what was kept cannot be read") from error
    if not isinstance(found, Kept):
        raise Unreadable("what was kept is something else")
    return found


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> type:
        return _NAMED[module, name]

    def persistent_load(self, pid: object) -> object:
        raise Unreadable("nothing is kept elsewhere")
