"""Merge the copies of one meeting: which copy to believe for which field. Pure.

The organiser's copy leads when the organiser is a connected mailbox; else the newest one does, and there a present
answer beats a missing one. Everybody's own copy knows their own answer best, as long as it shows the same time: before
a calendar was read again after a move, it tells of the old one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from calsignal.model import Answer, Booking, Capability, EventStatus, Participant, Slot, State

_GOID = "040000008200E00074C5B7101A82E008"
_WRAPPED = b"vCal-Uid\x01\x00\x00\x00"
_SPLIT = re.compile(r"_R\d{8}(?:T\d{6}Z?)?(?=@|$)")


@dataclass(frozen=True)
class NormalUid:
    """A UID that is the same in every calendar; `day` is the occurrence that a Microsoft UID names, `split` a tail."""

    uid: str
    day: date | None = None
    split: bool = False


def normalise_uid(text: str) -> NormalUid:
    """Return the UID by which copies of one meeting are known as one.

    Microsoft's global object ids (MS-OXOCAL 2.2.1.27) carry an occurrence's day in bytes 16 to 19 and may wrap a
    foreign UID; Google's "this and following" adds `_R<start>` to the UID of the second half.
    """
    uid = text.strip()
    raw = _goid_bytes(uid)
    if raw is None:
        plain = _SPLIT.sub("", uid)
        return NormalUid(plain, split=plain != uid)
    instance = _goid_day(raw)
    data = raw[40 : 40 + int.from_bytes(raw[36:40], "little")]
    if data.startswith(_WRAPPED):
        inner = normalise_uid(data[len(_WRAPPED) :].split(b"\0", 1)[0].decode("utf-8", "replace"))
        return replace(inner, day=instance or inner.day)
    return NormalUid((raw[:16] + bytes(4) + raw[20:]).hex().upper(), instance)


def _goid_bytes(uid: str) -> bytes | None:
    if not uid.upper().startswith(_GOID) or len(uid) < 80:
        return None
    try:
        return bytes.fromhex(uid)
    except ValueError:
        return None


def _goid_day(raw: bytes) -> date | None:
    year = int.from_bytes(raw[16:18], "big")
    try:
        return date(year, raw[18], raw[19]) if year else None
    except ValueError:
        return None


@dataclass(frozen=True)
class Witness:
    """One calendar's word on one meeting at one moment; `own` are the person keys of its mailbox."""

    calendar: str
    mailbox: str
    own: frozenset[str]
    seen_at: datetime
    state: State


@dataclass(frozen=True)
class Merged:
    """What all calendars together say about one meeting.

    `mailboxes` are those whose calendar still shows it; `whole` says that nobody is missing from `people`.
    """

    slot: Slot
    status: EventStatus
    organizer: str | None
    people: tuple[Participant, ...]
    free: bool
    hidden_guests: bool
    whole: bool
    booking: Booking | None
    mailboxes: tuple[str, ...]
    copies: int


def merge(witnesses: Sequence[Witness]) -> Merged:
    """Return the meeting that the witnesses describe together; their order does not matter."""
    ranked = _ranked(witnesses)
    organisers = _organisers(ranked)
    believed = [w for w in ranked if not w.state.status.gone] or ranked
    leader = (organisers or believed)[0]
    return Merged(
        slot=leader.state.slot,
        status=_status(ranked, organisers),
        organizer=leader.state.organizer,
        people=tuple(_people(leader, believed, is_organiser=bool(organisers))),
        free=leader.state.free,
        hidden_guests=leader.state.hidden_guests,
        whole=not leader.state.hidden_guests and Capability.GUESTS in leader.state.sees,
        booking=next((w.state.booking for w in [leader, *believed] if w.state.booking), None),
        mailboxes=tuple(sorted({w.mailbox for w in ranked if not w.state.status.gone})),
        copies=sum(not w.state.status.gone for w in ranked),
    )


def _ranked(witnesses: Iterable[Witness]) -> list[Witness]:
    return sorted(witnesses, key=lambda w: (-w.seen_at.timestamp(), w.calendar, repr(w.state.slot)))


def _organisers(ranked: Iterable[Witness]) -> list[Witness]:
    """Return the organiser's own copies, those that show it first; a copy that is merely absent says nothing."""
    own = [w for w in ranked if w.state.organizer in w.own and w.state.status is not EventStatus.VANISHED]
    return sorted(own, key=lambda w: w.state.status.gone)


def _status(ranked: Sequence[Witness], organisers: Sequence[Witness]) -> EventStatus:
    """Return the status: the organiser's word, else it is on as long as any calendar shows it."""
    if organisers:
        return organisers[0].state.status
    live = [w.state.status for w in ranked if not w.state.status.gone]
    if live:
        return live[0]
    # each calendar lost it: an explicit cancellation says more than an absence
    return min((w.state.status for w in ranked), key=lambda s: s is not EventStatus.CANCELLED)


def _people(leader: Witness, believed: Sequence[Witness], *, is_organiser: bool) -> Iterable[Participant]:
    complete = Capability.GUESTS in leader.state.sees
    listing = [leader] if complete else [leader, *believed]
    everybody = {p.person: p for w in reversed(listing) for p in w.state.people}
    for person in sorted(everybody):
        yield _participant(everybody[person], leader, believed, is_organiser=is_organiser)


def _participant(row: Participant, leader: Witness, believed: Sequence[Witness], *, is_organiser: bool) -> Participant:
    person = row.person
    time = leader.state.slot.start
    own = next(
        (s for w in believed if person in w.own and w.state.slot.start == time and (s := _row(w, person)) is not None),
        None,
    )
    if own is not None:
        return _answered(row, _dated(own, [w for w in believed if w.state.slot.start == time]))
    if is_organiser and Capability.ANSWERS in leader.state.sees:
        return _answered(row, _row(leader, person))
    return _answered(row, _best_answer(person, believed))


def _dated(own: Participant, believed: Sequence[Witness]) -> Participant:
    """Return an own answer with the time at which it was given, where another copy alone tells that."""
    if own.answered_at is not None or own.answer in (Answer.NONE, Answer.NOT_VISIBLE):
        return own
    rows = (row for w in believed if (row := _row(w, own.person)) is not None and row.answer is own.answer)
    return replace(own, answered_at=next((row.answered_at for row in rows if row.answered_at is not None), None))


def _best_answer(person: str, believed: Sequence[Witness]) -> Participant | None:
    """Return the newest row with an answer among the copies that can know; a missing answer takes nothing back."""
    rows = [(w, row) for w in believed if (row := _row(w, person)) is not None]
    told = [row for w, row in rows if row.answer is not Answer.NOT_VISIBLE and _knows(w, row)]
    return next((row for row in told if row.answer is not Answer.NONE), told[0] if told else None)


def _knows(witness: Witness, row: Participant) -> bool:
    return Capability.ANSWERS in witness.state.sees or row.answer is not Answer.NONE


def _row(witness: Witness, person: str) -> Participant | None:
    return next((p for p in witness.state.people if p.person == person), None)


def _answered(row: Participant, knowing: Participant | None) -> Participant:
    if knowing is None:
        return replace(row, answer=Answer.NOT_VISIBLE, answered_at=None)
    if knowing is row:
        return row
    return replace(
        row, answer=knowing.answer, answered_at=knowing.answered_at, proposed=knowing.proposed or row.proposed
    )
