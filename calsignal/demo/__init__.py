"""A small synthetic team, told as a play: what happened on which day, relative to today.

The play runs through the real thing: a provider shows each day's calendar, and the sync reads it on that day's
clock, into a temporary store. So the demo shows what a ledger shows after two months, not what a fixture says.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from calsignal.config import DealSettings, Settings, Team
from calsignal.contract import (
    Access,
    Attendee,
    Authorised,
    Calendar,
    CheckUp,
    ConnectRequest,
    Event,
    Gone,
    Option,
    Page,
    Setting,
)
from calsignal.contract import Provider as ProviderProtocol
from calsignal.demo.dana import DANAS, DANAS_PLAY
from calsignal.demo.robin import ROBINS, ROBINS_PLAY
from calsignal.demo.scenes import SILENT, Scene
from calsignal.demo.team import HIRED, IMPORTS, OWNERS, TEAMS, TEAMS_ACCOUNTS, TEAMS_PLAY, deals_on
from calsignal.errors import CalsignalError
from calsignal.model import Answer, Slot
from calsignal.registry import Registry
from calsignal.store import Connection, Store, open_store
from calsignal.sync import Syncer

FIRST_DAY = -75
SYNC_HOUR = time(6, 45)
ACCOUNTS = (*ROBINS, *DANAS, *TEAMS_ACCOUNTS)
PLAY = (*ROBINS_PLAY, *DANAS_PLAY, *TEAMS_PLAY)


@dataclass(frozen=True)
class Stage:
    """Turns days of the play into dates: today is `today`, and nobody meets at a weekend."""

    today: date
    zone: object = UTC

    def day(self, number: int) -> date:
        """Return the date of a day of the play; past ones go back to Friday, coming ones on to Monday."""
        found = self.today + timedelta(days=number)
        late = found.weekday() - 4
        if late <= 0 or number == 0:
            return found
        return found - timedelta(days=late) if number < 0 else found + timedelta(days=3 - late)

    def slot(self, number: int, at: str, minutes: int) -> Slot:
        hour, minute = map(int, at.split(":"))
        start = datetime.combine(self.day(number), time(hour, minute), self.zone).astimezone(UTC)  # type: ignore[arg-type]
        return Slot(start, start + timedelta(minutes=minutes))

    def event(self, scene: Scene, on_day: int) -> Event:
        """Return the meeting as its calendar shows it on a day of the play."""
        moved = [to for day, to in sorted(scene.moves.items()) if day <= on_day]
        number, at = moved[-1] if moved else (scene.starts, scene.at)
        slot = self.slot(number, at, scene.minutes)
        return Event(
            id=scene.uid,
            uid=f"{scene.uid}@demo.example",
            slot=slot,
            recurrence=_weekly(slot, scene.weekly) if scene.weekly else None,
            organizer=scene.organizer,
            attendees=tuple(_attendee(who, answers, on_day) for who, answers in scene.answers.items()),
            subject=scene.title,
            created=datetime.combine(self.today + timedelta(days=scene.made), time(5, 30), UTC),
        )


def _attendee(who: str, answers: Mapping[int, Answer], on_day: int) -> Attendee:
    given = [answer for day, answer in sorted(answers.items()) if day <= on_day]
    return Attendee(who, given[-1] if given else SILENT)


def _weekly(slot: Slot, dates: int) -> str:
    assert isinstance(slot.start, datetime)
    assert isinstance(slot.end, datetime)
    lines = (
        "BEGIN:VCALENDAR",
        "BEGIN:VEVENT",
        f"DTSTART:{slot.start:%Y%m%dT%H%M%SZ}",
        f"DTEND:{slot.end:%Y%m%dT%H%M%SZ}",
        f"RRULE:FREQ=WEEKLY;COUNT={dates}",
        "END:VEVENT",
        "END:VCALENDAR",
    )
    return "\r\n".join(lines)


@dataclass
class Theatre:
    """A provider, and the source that it opens: each mailbox sees its scenes as of the day that is being played."""

    stage: Stage
    day: int = FIRST_DAY
    name: str = "demo"
    about: str = "the play"
    settings: tuple[Setting, ...] = ()
    options: tuple[Option, ...] = ()

    def connect(self, request: ConnectRequest) -> Sequence[Authorised]:
        raise CalsignalError("the demo's calendars cannot be connected", "run: calsignal demo")

    def open(self, access: Access) -> TheatreSource:
        return TheatreSource(self, access.mailbox)


@dataclass(frozen=True)
class TheatreSource:
    """One mailbox of the play."""

    theatre: Theatre
    mailbox: str

    def calendars(self) -> Sequence[Calendar]:
        return (Calendar("calendar", "Calendar"),)

    def pull(self, calendar: Calendar, cursor: str | None) -> Iterator[Page]:
        """Yield what happened since the day that the cursor names; everything the first time."""
        day = self.theatre.day
        since = None if cursor is None else int(cursor)
        yield Page(events=tuple(self._events(since)), full=since is None, cursor=str(day))

    def find(self, calendar: Calendar, event_id: str) -> Event | Gone:
        return next((event for event in self._events() if event.id == event_id), Gone())

    def check(self) -> CheckUp:
        return CheckUp()

    def close(self) -> None:
        """Have nothing to give back."""

    def _events(self, since: int | None = None) -> Iterable[Event]:
        day = self.theatre.day
        for scene in PLAY:
            seen = scene.made <= day and self.mailbox in scene.on
            if seen and (since is None or any(since < news <= day for news in scene.days())):
                yield self.theatre.stage.event(scene, day)


class Playbill(Registry):
    """A registry that knows the theatre alone."""

    def __init__(self, theatre: Theatre) -> None:
        super().__init__(())
        self._theatre = theatre

    def get(self, name: str) -> ProviderProtocol:
        return self._theatre


@dataclass
class NoSecrets:
    """A vault for a play that has none."""

    def get(self, name: str) -> str | None:
        return None

    def set(self, name: str, secret: str) -> None:
        """Keep nothing."""

    def keep(self, name: str, secret: str) -> str:
        return secret

    def replace(self, name: str, old: str | None, new: str) -> None:
        """Keep nothing."""

    def delete(self, name: str) -> None:
        """Have nothing to forget."""


def demo_settings(settings: Settings) -> Settings:
    """Return settings for the play: its teams, the zone of the person who watches."""
    team = Team("Demo team", ("ours.example",), settings.team.timezone)
    return replace(settings, team=team, teams=TEAMS, deals=DealSettings(owners=OWNERS))


@contextmanager
def played(settings: Settings, now: datetime) -> Iterator[Store]:
    """Play up to `now` into a temporary store, and give that."""
    with (
        tempfile.TemporaryDirectory(prefix="calsignal-demo-") as folder,
        open_store(f"sqlite:///{Path(folder) / 'demo.db'}", create=True) as store,
    ):
        play(store, settings, now)
        yield store


def play(store: Store, settings: Settings, now: datetime) -> None:
    """Play day by day: read each calendar on which something happened, import the CRM's deals."""
    zone = settings.team.timezone
    today = now.astimezone(zone).date()
    theatre = Theatre(Stage(today, zone))
    clock = _Clock(now)
    playbill, secrets = Playbill(theatre), NoSecrets()
    syncer = Syncer(store, settings, playbill, secrets, b"demo", clock, lambda request: request(), keeps=False)
    store.save_accounts(ACCOUNTS)
    connected: dict[str, Connection] = {}
    for day, reps in sorted(_days().items()):
        theatre.day = day
        at = datetime.combine(today + timedelta(days=day), SYNC_HOUR, zone)
        clock.at = min(at, now - timedelta(minutes=1))
        for rep in sorted(reps - connected.keys()):
            connected[rep] = store.connect(f"demo:{rep.partition('@')[0]}", theatre.name, rep, {}, clock.at)
        list(syncer.sync([connected[rep] for rep in sorted(reps)]))
        if day in IMPORTS:
            store.import_deals(list(deals_on(day, today)), clock().astimezone(UTC), "crm")


def _days() -> dict[int, set[str]]:
    """Return the days of the play, and whose calendars have news on each; on the first and the last all are read."""
    days: defaultdict[int, set[str]] = defaultdict(set)
    for rep in {scene.rep for scene in PLAY}:
        first = HIRED.get(rep, FIRST_DAY)
        news = {day for scene in PLAY if rep in scene.on for day in scene.days()}
        for day in {first, 0, *(day for day in news if first < day <= 0)}:
            days[day].add(rep)
    for day in IMPORTS:
        days[day] |= set()
    return days


@dataclass
class _Clock:
    """A clock that a play sets; it ticks a millisecond at each look."""

    at: datetime

    def __call__(self) -> datetime:
        self.at += timedelta(milliseconds=1)
        return self.at.astimezone(UTC)
