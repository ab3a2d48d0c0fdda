"""A small synthetic team, told as a play: what happened on which day, relative to today.

The play runs through the real thing: a provider shows each day's calendar, and the sync reads it on that day's
clock, into a temporary store. So the demo shows what a ledger shows after two months, not what a fixture says.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from calsignal.config import Settings, Team
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
from calsignal.errors import CalsignalError
from calsignal.model import Account, Answer, Slot
from calsignal.registry import Registry
from calsignal.store import Store, open_store
from calsignal.sync import Syncer

REP = "robin@ours.example"
YES, MAYBE, NO, SILENT = Answer.ACCEPTED, Answer.TENTATIVE, Answer.DECLINED, Answer.NONE
FIRST_DAY = -75
SYNC_HOUR = time(6, 45)


@dataclass(frozen=True)
class Scene:
    """One meeting as told day by day; days count from today, past ones are negative.

    `made` is the day it was set up, `on` and `at` where it stands then. `answers` gives each guest's answers by day;
    `moves` the later days and times, by the day on which it was moved; `weekly` repeats it as often.
    """

    uid: str
    made: int
    on: int
    at: str
    minutes: int
    title: str
    answers: Mapping[str, Mapping[int, Answer]]
    organizer: str = REP
    moves: Mapping[int, tuple[int, str]] = field(default_factory=dict)
    weekly: int = 0

    def days(self) -> set[int]:
        """Return the days on which something happened."""
        answered = {day for answers in self.answers.values() for day in answers}
        return {self.made, *answered, *self.moves}


def _yes(*people: str, on: int) -> dict[str, dict[int, Answer]]:
    return {person: {on: YES} for person in people}


def _silent(*people: str) -> dict[str, dict[int, Answer]]:
    return {person: {} for person in people}


ACCOUNTS = (
    Account("Alder & Pike", ("alderpike.example",)),
    Account("Brightwater Foods", ("brightwater.example",)),
    Account("Cobalt Robotics", ("cobalt-robotics.example",)),
    Account("Dunmore Health", ("dunmorehealth.example",)),
    Account("Eastgate Logistics", ("eastgate.example",)),
    Account("Fernhill Energy", ("fernhill.example",)),
    Account("Granite Bank", ("granitebank.example",)),
    Account("Harrow Insurance", ("harrow.example",)),
    Account("Ironbridge Steel", ("ironbridge.example",)),
    Account("Juniper Travel", ("juniper.example",)),
    Account("Kestrel Media", ("kestrel.example",)),
    Account("Larkspur Retail", ("larkspur.example",)),
    Account("Nettle Biotech", ("nettle.example",)),
    Account("Orchard Paper", ("orchardpaper.example",)),
    Account("Pinewood Homes", ("pinewood.example",), owner="jo@ours.example"),
)

PLAY = (
    # they organise, bring a colleague, and wait for our answer: the first thing to do
    Scene("alder-1", -32, -26, "10:00", 45, "First look", _yes("iris@alderpike.example", on=-31)),
    Scene("alder-2", -25, -12, "10:00", 60, "Requirements", _yes("iris@alderpike.example", on=-24)),
    Scene(
        "alder-3",
        -2,
        4,
        "09:30",
        60,
        "Pricing with finance",
        _yes("nadia@alderpike.example", on=-1) | {REP: {}},
        organizer="iris@alderpike.example",
    ),
    # booked again by the buyer after each meeting
    Scene("bright-1", -46, -40, "14:00", 30, "Intro", _yes("tom@brightwater.example", on=-44)),
    Scene("bright-2", -38, -22, "14:00", 60, "Workshop", {REP: {-37: YES}}, organizer="tom@brightwater.example"),
    Scene(
        "bright-3",
        -21,
        -6,
        "14:00",
        60,
        "Pilot plan",
        _yes("lena@brightwater.example", on=-20) | {REP: {-20: YES}},
        organizer="tom@brightwater.example",
    ),
    Scene(
        "bright-4",
        -5,
        2,
        "15:00",
        45,
        "Pilot contract",
        _yes("lena@brightwater.example", on=-4) | {REP: {-4: YES}, "cfo@brightwater.example": {-1: YES}},
        organizer="tom@brightwater.example",
    ),
    # a weekly series, one date of it today
    Scene(
        "cobalt-1",
        -36,
        -28,
        "14:00",
        30,
        "Integration weekly",
        _yes("wei@cobalt-robotics.example", on=-34) | {"ana@cobalt-robotics.example": {}},
        weekly=9,
    ),
    # a slot they only pencil in
    Scene("dun-1", -24, -16, "11:00", 45, "Discovery", _yes("hugo@dunmorehealth.example", on=-22)),
    Scene("dun-2", -9, 6, "11:00", 45, "Business case", {"hugo@dunmorehealth.example": {-7: MAYBE}}),
    # put off again and again: booked, and still no commitment
    Scene(
        "east-1",
        -40,
        -18,
        "09:00",
        60,
        "Decision meeting",
        {"ruth@eastgate.example": {-38: YES, -20: NO, -18: YES, -9: NO, -7: YES, -2: NO, -1: YES}},
        moves={-19: (-6, "09:00"), -8: (3, "09:00"), -1: (11, "09:00")},
    ),
    # pulled in by the buyer
    Scene("fern-1", -30, -20, "16:00", 45, "Site visit debrief", _yes("omar@fernhill.example", on=-28)),
    Scene(
        "fern-2",
        -15,
        12,
        "10:00",
        60,
        "Proposal",
        _yes("kim@fernhill.example", on=-13) | {REP: {-14: YES}},
        organizer="omar@fernhill.example",
        moves={-1: (7, "10:00")},
    ),
    # a good meeting, and no next step
    Scene("gran-1", -20, -13, "13:00", 30, "Intro", _yes("paul@granitebank.example", on=-19)),
    Scene(
        "gran-2",
        -11,
        -4,
        "13:00",
        60,
        "Security review",
        _yes("paul@granitebank.example", "vera@granitebank.example", on=-10),
    ),
    # held a while ago, asked again
    Scene("harr-1", -22, -15, "15:00", 45, "Needs analysis", _yes("maud@harrow.example", on=-20)),
    Scene("harr-2", -2, 8, "15:00", 45, "Next steps", _silent("maud@harrow.example")),
    # was warm, then dropped
    Scene("iron-1", -44, -38, "10:30", 45, "Intro", _yes("gus@ironbridge.example", on=-42)),
    Scene("iron-2", -36, -27, "10:30", 45, "Demo", _yes("gus@ironbridge.example", on=-35)),
    Scene("iron-3", -26, -15, "10:30", 45, "Scoping", {"gus@ironbridge.example": {-24: YES, -17: NO}}),
    # silent for two months
    Scene("juni-1", -74, -66, "12:00", 45, "Demo", _yes("dora@juniper.example", on=-72)),
    Scene("juni-2", -12, -3, "12:00", 30, "Checking in", _silent("dora@juniper.example")),
    # the only slot is far off
    Scene("kest-1", -21, -17, "17:00", 30, "Intro", _yes("ben@kestrel.example", on=-20)),
    Scene("kest-2", -9, 44, "17:00", 45, "After the budget round", _yes("ben@kestrel.example", on=-8)),
    # too early to tell
    Scene("lark-1", -3, 5, "09:00", 30, "Intro", _silent("zoe@larkspur.example", "max@larkspur.example")),
    # early noes and silence
    Scene("nett-1", -12, -5, "11:30", 30, "Intro", {"ivan@nettle.example": {-11: NO}}),
    Scene("nett-2", -9, 1, "11:30", 30, "Intro, second try", {"ivan@nettle.example": {-8: NO}}),
    Scene("orch-1", -34, -27, "10:00", 30, "Intro", _silent("pat@orchardpaper.example")),
    Scene("orch-2", -20, -10, "10:00", 30, "Intro", _silent("pat@orchardpaper.example")),
)


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
        number, at = moved[-1] if moved else (scene.on, scene.at)
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
        yield Page(events=tuple(self._events()), full=True, cursor="played")

    def find(self, calendar: Calendar, event_id: str) -> Event | Gone:
        return next((event for event in self._events() if event.id == event_id), Gone())

    def check(self) -> CheckUp:
        return CheckUp()

    def close(self) -> None:
        """Have nothing to give back."""

    def _events(self) -> Iterable[Event]:
        for scene in PLAY:
            if scene.made <= self.theatre.day and self.mailbox in (scene.organizer, REP, *scene.answers):
                yield self.theatre.stage.event(scene, self.theatre.day)


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

    def delete(self, name: str) -> None:
        """Have nothing to forget."""


def demo_settings(settings: Settings) -> Settings:
    """Return settings for the play: its team, the zone of the person who watches."""
    return replace(settings, team=Team("Demo team", ("ours.example",), settings.team.timezone))


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
    """Sync the play day by day, on every day on which something happened."""
    zone = settings.team.timezone
    today = now.astimezone(zone).date()
    theatre = Theatre(Stage(today, zone))
    for account in ACCOUNTS:
        store.add_account(account)
    first = datetime.combine(today + timedelta(days=FIRST_DAY), SYNC_HOUR, zone)
    connection = store.connect("demo:robin", theatre.name, REP, {}, first)
    clock = _Clock(first)
    syncer = Syncer(store, settings, Playbill(theatre), NoSecrets(), b"demo", clock, lambda request: request())
    days = sorted({day for scene in PLAY for day in scene.days() if FIRST_DAY < day <= 0} | {FIRST_DAY, 0})
    for day in days:
        theatre.day = day
        at = datetime.combine(today + timedelta(days=day), SYNC_HOUR, zone)
        clock.at = min(at, now - timedelta(minutes=1))
        list(syncer.sync([connection]))


@dataclass
class _Clock:
    """A clock that a play sets; it ticks a millisecond at each look."""

    at: datetime

    def __call__(self) -> datetime:
        self.at += timedelta(milliseconds=1)
        return self.at.astimezone(UTC)
