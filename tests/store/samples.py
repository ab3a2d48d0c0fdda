"""Build what a sync writes in a line each. The team is `ours.example`, its buyers work at `buyer.example`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from calsignal.ledger import Action, Add, Expansion, Kept
from calsignal.model import Moment, Participant, Slot, State
from calsignal.store import Connection, Store, StoredCalendar

T0 = datetime(2026, 3, 2, 8, tzinfo=UTC)


def at(hours: float) -> datetime:
    return T0 + timedelta(hours=hours)


def person(name: str, domain: str = "buyer.example", *, known: bool = True) -> Participant:
    return Participant(f"key-{name}", domain, f"{name}@{domain}" if known else None)


REP = person("rep", "ours.example")
BOB = person("bob")
ZOE = person("zoe", "other.example", known=False)


def state(*people: Participant, start: float = 48, organizer: str | None = None) -> State:
    present = tuple(sorted(people or (REP, BOB), key=lambda one: one.person))
    return State(Slot(at(start), at(start + 1)), organizer=organizer or present[0].person, people=present)


def add(
    event: str,
    said: State | None = None,
    *,
    subject: str | None = "Sample call",
    original_start: Moment | None = None,
    expansion: Expansion | None = None,
) -> Add:
    kept = Kept(event, f"{event}@uid.example", original_start, T0, subject, said or state())
    return Add(kept, expansion)


def connected(store: Store, name: str = "google:rep") -> tuple[Connection, StoredCalendar]:
    connection = store.connect(name, name.partition(":")[0], "rep@ours.example", {"zone": "UTC"}, T0)
    return connection, store.calendar(connection, "primary", "Calendar of the rep", T0)


def sync(store: Store, calendar: StoredCalendar, actions: Iterable[Action] = (), *, hours: float = 0) -> None:
    """Write one successful sync that was over in an instant."""
    when = at(hours)
    with store.writing(calendar) as pen:
        baseline = pen.calendar.last_synced is None
        pen.apply(actions, seen_at=when, not_before=pen.calendar.last_started, baseline=baseline)
        pen.finish(f"cursor {hours}", "question", when, when, baseline=baseline)


def row(store: Store, calendar: StoredCalendar, event: str) -> int:
    return store.open_copies(calendar)[event].row


def subjects(store: Store, hours: float) -> Sequence[str | None]:
    return [copy.subject for copy in store.history(at(hours))]
