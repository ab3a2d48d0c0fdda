"""What the store has to hold after a sync, worked out from the remote calendar alone, in the plainest way."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from calsignal.contract import Event
from calsignal.ledger import OpenCopy
from calsignal.model import Answer, EventStatus
from fake_provider import Remote

GONE = (EventStatus.CANCELLED, EventStatus.VANISHED)
Shown = dict[str, Event]
"""What a calendar was last seen to say, by event id."""


@dataclass(frozen=True)
class Team:
    """Who is who: the domain of the sellers, and those of the accounts that there are now."""

    ours: str
    buyers: tuple[str, ...]

    def is_buyer(self, address: str) -> bool:
        return address.rpartition("@")[2] in self.buyers

    def is_ours(self, address: str) -> bool:
        return address.rpartition("@")[2] == self.ours


def people(event: Event) -> set[str]:
    named = {a.address.lower() for a in event.attendees}
    return named | ({event.organizer} if event.organizer else set())


def last_start(event: Event) -> datetime:
    """Return when the last date begins; a series here is weekly and has a COUNT."""
    start = event.slot.start
    assert isinstance(start, datetime)
    if event.recurrence is None:
        return start
    count = int(event.recurrence.partition("COUNT=")[2].partition("\r\n")[0])
    return start + (count - 1) * (datetime(2026, 1, 8) - datetime(2026, 1, 1))  # noqa: DTZ001


def take(shown: Shown, event: Event, team: Team) -> None:
    """Note what a calendar says of one event."""
    if event.private:
        shown.pop(event.id, None)
    elif event.id in shown or not all(team.is_ours(who) for who in people(event)):
        shown[event.id] = event


def hear(shown: Shown, told: Iterable[Event], remote: Remote, team: Team) -> None:
    """Note what a calendar tells at once; of a date of which it tells a name alone, the rest is known or nothing."""
    by_id = {event.id: event for event in told}
    bare = {event_id: date for event_id in by_id if remote.bare and (date := remote.bare_date(event_id))}
    for event in by_id.values():
        if event.id not in bare:
            take(shown, event, team)
    for event_id, date in bare.items():
        series = shown.get(date.series)
        if date.series in by_id and by_id[date.series].private:
            shown.pop(event_id, None)
        elif event_id in shown:
            shown[event_id] = replace(shown[event_id], status=EventStatus.CANCELLED)
        elif series is not None and not all(team.is_ours(who) for who in people(series)):
            slot = series.slot.starting(date.original_start)
            apart = replace(series, id=event_id, original_start=date.original_start, slot=slot, recurrence=None)
            shown[event_id] = replace(apart, status=EventStatus.CANCELLED)


def after_full(shown: Shown, remote: Remote, now: datetime, team: Team) -> Shown:
    """Return what is shown after a full list: what it misses is gone, unless it is past, or found after all."""
    result = dict(shown)
    listed = [e for i, e in remote.events.items() if i not in remote.hidden]
    hear(result, listed, remote, team)
    for event_id, event in shown.items():
        starts = [last_start(event), *([event.original_start] if isinstance(event.original_start, datetime) else [])]
        ahead = max(starts) > now
        over = event.status is EventStatus.VANISHED or (event.status in GONE and event.original_start is None)
        if event_id in {e.id for e in listed} or over or not ahead:
            continue
        if event_id in remote.events:
            take(result, remote.events[event_id], team)
        else:
            result[event_id] = replace(event, status=EventStatus.VANISHED)
    return result


def after_delta(shown: Shown, remote: Remote, changed: Iterable[str], team: Team) -> Shown:
    """Return what is shown after the events `changed` were told."""
    result = dict(shown)
    told = set(changed) - remote.hidden
    hear(result, [remote.events[event_id] for event_id in told if event_id in remote.events], remote, team)
    for event_id in told - remote.events.keys():
        if event_id in result and result[event_id].status not in GONE:
            result[event_id] = replace(result[event_id], status=EventStatus.CANCELLED)
    return result


def person(address: str, secret: bytes = b"key") -> str:
    return hmac.new(secret, address.lower().encode(), hashlib.sha256).hexdigest()[:32]


Said = tuple[object, ...]


def expected(event: Event) -> Said:
    """Return what the store must hold of an event, whoever is allowed to know the people's addresses."""
    answers = dict.fromkeys(map(person, people(event)), Answer.NONE)
    answers.update((person(a.address), a.answer) for a in event.attendees)
    organizer = person(event.organizer) if event.organizer else None
    return (event.slot, event.status, organizer, event.recurrence, event.original_start, _sorted(answers))


def held(copy: OpenCopy) -> Said:
    """Return what the store holds, in the same words."""
    state = copy.state
    answers = {p.person: p.answer for p in state.people}
    return (state.slot, state.status, state.organizer, state.recurrence, copy.original_start, _sorted(answers))


def _sorted(answers: Mapping[str, Answer]) -> tuple[tuple[str, Answer], ...]:
    return tuple(sorted(answers.items()))
