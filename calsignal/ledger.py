"""Decide what a pull adds to the ledger: redact what must not be kept, compare the rest with what is known. Pure.

The store carries out what is decided here, in one transaction per calendar.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property, lru_cache

from calsignal.bans import NOBODY, Bans
from calsignal.contract import Attendee, CalledOff, Event
from calsignal.directory import Directory, normalise
from calsignal.errors import InputError
from calsignal.merge import normalise_uid
from calsignal.model import EventStatus, Moment, Participant, Role, Slot, State, instant

HOLD_AT_LEAST = 10
"""Future events a calendar must have had before losing over half of them is suspicious."""


@dataclass(frozen=True)
class Kept:
    """An event after redaction, ready to be stored. `uid` is normalised; a `subject` of None is not to be kept."""

    event: str
    uid: str
    original_start: Moment | None
    created: datetime | None
    subject: str | None
    state: State


@dataclass(frozen=True)
class Expansion:
    """The original starts of a series, complete up to `until`."""

    occurrences: tuple[Moment, ...]
    until: datetime


@dataclass(frozen=True)
class OpenCopy:
    """An event copy as the store knows it now: its open version. `row` is the store's own number."""

    row: int
    event: str
    uid: str
    original_start: Moment | None
    subject: str | None
    state: State
    expansion: Expansion | None = None


@dataclass(frozen=True)
class Add:
    """Begin a new copy with its first version."""

    kept: Kept
    expansion: Expansion | None = None


@dataclass(frozen=True)
class Supersede:
    """Close the open version of `row` and open the next."""

    row: int
    state: State
    expansion: Expansion | None = None


@dataclass(frozen=True)
class Retitle:
    """Keep a new subject (None: no longer kept); no version."""

    row: int
    subject: str | None


@dataclass(frozen=True)
class Extend:
    """Expand the series of `row` further, as the window rolls on; no version."""

    row: int
    expansion: Expansion


@dataclass(frozen=True)
class Erase:
    """Remove a copy with all its versions: it has become private."""

    row: int


@dataclass(frozen=True)
class Name:
    """Fill in the address of a person whom somebody on the team now has a reason to know; no version."""

    person: str
    email: str


Action = Add | Supersede | Retitle | Extend | Erase | Name


# --- strangers' input -----------------------------------------------------------------------------------------------

MOST_REMEMBERED = 50_000
"""Addresses whose normal form and key are kept at hand: the same people are on meeting after meeting."""

YEARS = range(1900, 2200)
MOST_GUESTS = 1000
LONGEST_ID = 2000
"""In bytes: what an index of PostgreSQL takes, and more than any calendar program makes."""


class Implausible(ValueError):
    """Say why an event cannot be about a meeting; the reason holds no text of the calendar."""


def storable(text: str) -> str:
    """Return `text` with what no database takes, NUL and halves of surrogate pairs, replaced by U+FFFD."""
    if not text.isascii():
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\0", "\ufffd")


def too_long(event_id: str) -> bool:
    """Say whether an id is longer than any that a store takes."""
    return len(event_id.encode(errors="replace")) > LONGEST_ID


def tidy(event: Event) -> Event:
    """Return an event whose texts and numbers a store can hold, so that what is kept compares equal to what is read.

    Raises:
        Implausible: it ends before it begins, lies in no year that anybody plans for, or has an endless id.
    """
    _check_times(event)
    if too_long(event.id):
        raise Implausible("its id is too long")
    said = event.id, event.uid, event.subject, event.recurrence, event.organizer
    texts = tuple(None if text is None else storable(text) for text in said)
    attendees = tuple(map(_tidy_attendee, event.attendees))
    if texts == said and attendees == event.attendees:
        return event
    fitting = dict(zip(("id", "uid", "subject", "recurrence", "organizer"), texts, strict=True))
    return replace(event, **fitting, attendees=attendees)  # type: ignore[arg-type]  # what was a text is one


def _tidy_attendee(attendee: Attendee) -> Attendee:
    address, guests = storable(attendee.address), min(max(attendee.guests, 0), MOST_GUESTS)
    if (address, guests) == (attendee.address, attendee.guests):
        return attendee
    return replace(attendee, address=address, guests=guests)


def _check_times(event: Event) -> None:
    proposed = [a.proposed for a in event.attendees if a.proposed is not None]
    moments = [m for slot in (event.slot, *proposed) for m in (slot.start, slot.end)]
    if event.original_start is not None:
        moments.append(event.original_start)
    if any(m.year not in YEARS for m in moments):
        raise Implausible("its year is out of any calendar")
    if any(type(slot.start) is not type(slot.end) or slot.end < slot.start for slot in (event.slot, *proposed)):
        raise Implausible("it ends before it begins")


# --- redaction ------------------------------------------------------------------------------------------------------


@lru_cache(MOST_REMEMBERED)
def person_key(secret: bytes, address: str) -> str:
    """Return the keyed hash (HMAC-SHA-256, 128 bits) that stands for an address, the same in every calendar."""
    return hmac.new(secret, _identity(address).encode(), hashlib.sha256).hexdigest()[:32]


@lru_cache(MOST_REMEMBERED)
def _identity(address: str) -> str:
    try:
        return normalise(address)
    except InputError:
        return address.strip().lower()


@dataclass(frozen=True)
class Redactor:
    """Keep of an event only what the score needs and somebody has a reason to know.

    Private events and drafts are not kept at all, nor are those with nobody from outside, nor those that were over
    before `since`. Addresses are kept for sellers and matched buyers, a subject only where a buyer is matched. Nobody
    on the list of `bans` is kept in any form.
    """

    directory: Directory
    secret: bytes = field(repr=False)
    subjects: bool = True
    bans: Bans = NOBODY
    since: datetime | None = None

    def redact(self, event: Event) -> Kept | None:
        """Return what may be stored of the event, or None when nothing may."""
        if event.private or event.draft or _is_over(event, self.since):
            return None
        stripped, nameable = self.bans.strip(event)
        if stripped is None:
            return None
        event = stripped
        people, roles = self._people(event)
        subject = event.subject if nameable else ""  # one that is not to be asked for again and again
        return Kept(
            event=event.id,
            uid=normalise_uid(event.uid).uid,
            original_start=event.original_start,
            created=event.created,
            subject=subject if self.subjects and Role.BUYER in roles else None,
            state=State(
                slot=event.slot,
                status=event.status,
                organizer=None if event.organizer is None else person_key(self.secret, event.organizer),
                people=people,
                free=event.free,
                hidden_guests=event.hidden_guests,
                recurrence=event.recurrence,
                booking=event.booking,
                sees=event.sees,
            ),
        )

    def _people(self, event: Event) -> tuple[tuple[Participant, ...], set[Role]]:
        people: dict[str, Participant] = {}
        roles: set[Role] = set()
        for attendee in event.attendees:
            self._seat(attendee, people, roles)
        if event.organizer is not None and person_key(self.secret, event.organizer) not in people:
            self._seat(Attendee(event.organizer), people, roles)
        return tuple(people[key] for key in sorted(people)), roles

    def _seat(self, attendee: Attendee, people: dict[str, Participant], roles: set[Role]) -> None:
        participant, role = self._participant(attendee)
        roles.add(role)
        known = people.get(participant.person)
        people[participant.person] = participant if known is None else _stronger(known, participant)

    @cached_property
    def _met(self) -> dict[Attendee, tuple[Participant, Role]]:
        return {}

    def _participant(self, attendee: Attendee) -> tuple[Participant, Role]:
        """Return how an attendee is kept, and their role; the same people come again and again."""
        found = self._met.get(attendee)
        if found is None:
            found = self._kept(attendee)
            if attendee.answered_at is None and len(self._met) < MOST_REMEMBERED:
                self._met[attendee] = found
        return found

    def _kept(self, attendee: Attendee) -> tuple[Participant, Role]:
        address = _identity(attendee.address)
        host = address.rpartition("@")[2] if "@" in address else ""
        person = person_key(self.secret, address)
        who = self.directory.who_is(person, host, address, resource=attendee.resource)
        visible = who.role in (Role.SELLER, Role.BUYER) and "@" in address
        # without its address nobody could tell later that it is on the list of ignored ones
        ignored = address in self.directory.ignored_addresses
        participant = Participant(
            person=person,
            domain=host,
            email=address if visible else None,
            answer=attendee.answer,
            answered_at=attendee.answered_at,
            optional=attendee.optional,
            resource=attendee.resource or ignored,
            group=attendee.group,
            guests=attendee.guests,
            proposed=attendee.proposed,
        )
        return participant, who.role


def _is_over(event: Event, since: datetime | None) -> bool:
    """Say whether a single event, or a date of a series, was over before a moment; of a series its dates tell."""
    if since is None or event.recurrence is not None:
        return False
    ends = (event.slot.end, *((event.original_start,) if event.original_start is not None else ()))
    return all(instant(end, UTC) < since for end in ends)


_STRENGTH = ("accepted", "tentative", "declined", "none", "not_visible")


def _stronger(one: Participant, other: Participant) -> Participant:
    """Return one row for an address that an event lists twice: the better answer, then the fuller row."""
    return min(one, other, key=lambda p: (_STRENGTH.index(p.answer.value), p.optional, repr(p)))


def is_external(kept: Kept, directory: Directory) -> bool:
    """Say whether anybody on the event is neither ours nor a room."""
    return any(directory.who(p).role in (Role.BUYER, Role.THIRD_PARTY) for p in kept.state.people)


# --- comparison -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pulled:
    """Everything that one pull said about a calendar, redacted.

    `kept` holds None where the event must not be kept; `removed` what the service reports as deleted; `gone` what a
    direct read confirmed as gone; `unread` what may be there but could not be read.
    """

    kept: Mapping[str, Kept | None] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    unread: frozenset[str] = frozenset()
    full: bool = False


def missing(known: Mapping[str, OpenCopy], pulled: Pulled, now: datetime, zone: tzinfo) -> tuple[str, ...]:
    """Return the events that a full list should have shown and did not.

    What lies in the past stays as last seen, so it is never missing. A cancelled date of a series is, when it is not
    listed apart any more: the series may show it again.
    """
    if not pulled.full:
        return ()
    heard = pulled.kept.keys() | pulled.removed | pulled.unread | pulled.gone
    return tuple(
        event
        for event, copy in sorted(known.items())
        if event not in heard and _is_listed(copy) and lies_ahead(copy, now, zone)
    )


def _is_listed(copy: OpenCopy) -> bool:
    """Say whether a full list shows a copy in the state in which it is known."""
    cancelled_date = copy.original_start is not None and copy.state.status is EventStatus.CANCELLED
    return cancelled_date or not copy.state.status.gone


def lies_ahead(copy: OpenCopy, now: datetime, zone: tzinfo) -> bool:
    """Say whether the event, or any occurrence of it, starts after `now`, or would have in its series."""
    starts: Iterable[Moment] = (copy.state.slot.start,)
    if copy.expansion is not None:
        starts = copy.expansion.occurrences[-1:]
    elif copy.original_start is not None:
        starts = (copy.state.slot.start, copy.original_start)
    return any(instant(start, zone) > now for start in starts)


def emptied(known: Mapping[str, OpenCopy], lost: Collection[str], now: datetime, zone: tzinfo) -> str | None:
    """Say why a calendar that loses the events `lost` is not to be believed, or None when it is.

    Counted in events, not occurrences: over half of at least ten that lay ahead.
    """
    ahead = {c.uid for c in known.values() if not c.state.status.gone and lies_ahead(c, now, zone)}
    left = {c.uid for e, c in known.items() if e not in lost and not c.state.status.gone and lies_ahead(c, now, zone)}
    vanished = len(ahead - left)
    if len(ahead) < HOLD_AT_LEAST or vanished * 2 <= len(ahead):
        return None
    return f"{vanished} of {len(ahead)} future events disappeared at once"


def called_off(
    dates: Iterable[CalledOff], known: Mapping[str, OpenCopy], kept: Mapping[str, Kept | None]
) -> dict[str, Kept | None]:
    """Return, by event, what to keep of the dates of series of which no more was said than that they are cancelled.

    Everything else is taken from the copy of the date where there is one, or from the series. None where the series
    must not be kept; a date of a series that is not kept is left out.
    """
    found: dict[str, Kept | None] = {}
    for date in dates:
        series: OpenCopy | Kept | None = known.get(date.series)
        if date.series in kept:
            series = kept[date.series]
            if series is None:
                found[date.id] = None
                continue
        source = known.get(date.id) or series
        if source is not None:
            found[date.id] = _cancelled_date(date, source)
    return found


def _cancelled_date(date: CalledOff, source: OpenCopy | Kept) -> Kept:
    state = source.state
    slot = state.slot if source.event == date.id else _as_long(state.slot, date.original_start)
    return Kept(
        event=date.id,
        uid=source.uid,
        original_start=date.original_start,
        created=source.created if isinstance(source, Kept) else None,
        subject=source.subject,
        state=replace(state, slot=slot, status=EventStatus.CANCELLED, recurrence=None),
    )


def _as_long(slot: Slot, start: Moment) -> Slot:
    """Return a slot of the same length elsewhere; a series that has days now and had times then tells no length."""
    same = isinstance(start, datetime) is isinstance(slot.start, datetime)
    return slot.starting(start) if same else Slot(start, start + timedelta(days=1))


Expand = Callable[[str], Expansion]


def compare(known: Mapping[str, OpenCopy], pulled: Pulled, directory: Directory, expand: Expand) -> list[Action]:
    """Return what has to be written so that the store says what the calendar says.

    A version is due only when a meaningful field changed; a touched etag, DTSTAMP or description is nothing, and a
    name or an address filled in is none either.
    """
    actions: list[Action] = []
    for event, kept in sorted(pulled.kept.items()):
        actions += _heard(known.get(event), kept, directory, expand)
    for event in sorted((pulled.removed | pulled.gone) & known.keys()):
        copy = known[event]
        status = EventStatus.CANCELLED if event in pulled.removed else EventStatus.VANISHED
        back = event in pulled.gone and _is_listed(copy)
        if event not in pulled.kept and (back or not copy.state.status.gone):
            actions.append(Supersede(copy.row, replace(copy.state, status=status), copy.expansion))
    return [*_names(known, pulled), *actions]


def _heard(copy: OpenCopy | None, kept: Kept | None, directory: Directory, expand: Expand) -> Iterator[Action]:
    if kept is None:
        if copy is not None:
            yield Erase(copy.row)
    elif copy is None:
        if is_external(kept, directory):
            yield Add(kept, _expansion(kept.state, expand))
    else:
        yield from _again(copy, kept, expand)


def _again(copy: OpenCopy, kept: Kept, expand: Expand) -> Iterator[Action]:
    if copy.state != kept.state and meaning(copy.state) != meaning(kept.state):
        yield Supersede(copy.row, kept.state, _expansion(kept.state, expand))
    if copy.subject != kept.subject and not kept.state.status.gone:
        yield Retitle(copy.row, kept.subject)


def _expansion(state: State, expand: Expand) -> Expansion | None:
    return None if state.recurrence is None else expand(state.recurrence)


def meaning(state: State) -> State:
    """Return the state without what is no news: addresses filled in, and what the copy is able to see."""
    return replace(state, people=tuple(replace(p, email=None) for p in state.people), sees=frozenset())


def _names(known: Mapping[str, OpenCopy], pulled: Pulled) -> Iterator[Name]:
    unnamed = {p.person for copy in known.values() for p in copy.state.people if p.email is None}
    found = {
        p.person: p.email
        for kept in pulled.kept.values()
        if kept is not None
        for p in kept.state.people
        if p.email is not None and p.person in unnamed
    }
    for person in sorted(found):
        yield Name(person, found[person] or "")


def due_for_extension(known: Mapping[str, OpenCopy], until: datetime) -> tuple[OpenCopy, ...]:
    """Return the living series whose occurrences are not known up to `until`."""
    return tuple(
        copy
        for copy in known.values()
        if copy.expansion is not None and not copy.state.status.gone and copy.expansion.until < until.astimezone(UTC)
    )
