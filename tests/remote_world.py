"""A team with its store, its clock and a remote calendar for each rep, for tests of everything from sync up."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

from calsignal.analysis import account_report
from calsignal.config import Settings, Team
from calsignal.contract import Attendee, Event
from calsignal.model import Answer, ChangeKind, Copy, Slot
from calsignal.store import Store
from calsignal.sync import Outcome, Syncer
from fake_provider import EPOCH, Clock, FakeProvider, FakeRegistry, MemoryVault, Remote

REP, OTHER, ANN = "rep@ours.example", "other@ours.example", "ann@acme.example"


@dataclass
class World:
    """A team with its store, its clock, and a remote calendar for each rep."""

    store: Store
    url: str
    clock: Clock = field(default_factory=Clock)
    provider: FakeProvider = field(default_factory=FakeProvider)
    settings: Settings = field(default_factory=lambda: Settings(team=Team("us", ("ours.example",))))

    def remote(self, rep: str = REP) -> Remote:
        if rep not in self.provider.remotes:
            self.provider.remotes[rep] = Remote()
            self.store.connect(f"fake:{rep}", "fake", rep, {}, self.clock())
        return self.provider.remotes[rep]

    def sync(self, *accept: str) -> list[Outcome]:
        vault, registry = MemoryVault(), FakeRegistry(self.provider)
        syncer = Syncer(
            self.store, self.settings, registry, vault, b"key", self.clock, lambda request: request(), frozenset(accept)
        )
        return list(syncer.sync([c for c in self.store.connections() if c.retired_at is None]))

    def next_day(self, *accept: str) -> list[Outcome]:
        self.clock.wait(days=1)
        return self.sync(*accept)

    def copies(self) -> tuple[Copy, ...]:
        return self.store.history(self.clock(), None)

    def changes(self, name: str = "Acme") -> list[ChangeKind]:
        report = account_report(self.store, self.settings, self.clock(), name)
        return [c.kind for c in reversed(report.result.changes)]


def event(uid: str = "m1", day: int = 3, answer: Answer = Answer.NONE, **more: object) -> Event:
    start = EPOCH + timedelta(days=day, hours=2)
    base = Event(
        id=uid,
        uid=f"{uid}@x",
        slot=Slot(start, start + timedelta(hours=1)),
        organizer=REP,
        attendees=(Attendee(ANN, answer),),
        subject=f"Subject of {uid}",
        created=EPOCH - timedelta(days=1),
    )
    return replace(base, **more)  # type: ignore[arg-type]


def weekly(uid: str = "s1", day: int = 1, rule: str = "FREQ=WEEKLY", **more: object) -> Event:
    start = EPOCH + timedelta(days=day, hours=2)
    text = "\r\n".join(
        (
            "BEGIN:VCALENDAR",
            "BEGIN:VEVENT",
            f"DTSTART:{start:%Y%m%dT%H%M%SZ}",
            f"DTEND:{start + timedelta(hours=1):%Y%m%dT%H%M%SZ}",
            f"RRULE:{rule}",
            "END:VEVENT",
            "END:VCALENDAR",
        )
    )
    return replace(event(uid, day), recurrence=text, **more)  # type: ignore[arg-type]
