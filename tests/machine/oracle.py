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


def after_full(shown: Shown, remote: Remote, now: datetime, team: Team) -> Shown:
    """Return what is shown after a full list: what it misses is gone, unless it is past, or found after all."""
    result = dict(shown)
    listed = [e for i, e in remote.events.items() if i not in remote.hidden]
    for event in listed:
        take(result, event, team)
    for event_id, event in shown.items():
        ahead = last_start(event) > now
        if event_id in {e.id for e in listed} or event.status in GONE or not ahead:
            continue
        if event_id in remote.events:
            take(result, remote.events[event_id], team)
        else:
            result[event_id] = replace(event, status=EventStatus.VANISHED)
    return result


def after_delta(shown: Shown, remote: Remote, changed: Iterable[str], team: Team) -> Shown:
    """Return what is shown after the events `changed` were told."""
    result = dict(shown)
    for event_id in set(changed) - remote.hidden:
        if event_id in remote.events:
            take(result, remote.events[event_id], team)
        elif event_id in result and result[event_id].status not in GONE:
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
