"""What our service sends, and what we read in it, judged by a reader that somebody else wrote (PyPI `gcal-sync`)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from calsignal.contract import Event
from calsignal.model import Answer, EventStatus, Moment
from calsignal.recurrence import expand
from calsignal_google.client import Client
from calsignal_google.translate import Reader
from google_calendar.peer import needed
from google_calendar.remote import GoogleRemote
from google_calendar.service import GoogleService
from google_calendar.service_world import START, Json

if TYPE_CHECKING:
    from gcal_sync.model import Event as Theirs

REP, ANN, BOB = "rep@ours.example", "ann@acme.example", "bob@acme.example"
BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)
END = START + timedelta(days=400)
RECORDED: list[Json] = json.loads((Path(__file__).parent.parent / "data" / "google" / "week.json").read_text())["items"]
ANSWERS = {"accepted": Answer.ACCEPTED, "declined": Answer.DECLINED, "tentative": Answer.TENTATIVE}


@pytest.fixture(autouse=True)
def _second_reader() -> None:
    needed("gcal_sync", "gcal-sync")


@pytest.fixture
def remote() -> Iterator[GoogleRemote]:
    with GoogleService() as service:
        made = GoogleRemote(service)
        yield made
        made.provider.close()


def theirs(item: Json) -> Theirs:
    """Read an item the other way; that reader changes what it is given."""
    from gcal_sync.model import Event as Theirs

    return Theirs.model_validate(deepcopy(item))


def ours(item: Json) -> Event:
    page = Reader("sample", REP, BERLIN, lambda *_: None).read(item)
    assert page.skipped == ()
    (found,) = page.events
    return found


def instant(value: date) -> Moment:
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def sent(remote: GoogleRemote) -> list[Json]:
    """Return every item that the service sends to the rep, whole."""
    from google.oauth2.credentials import Credentials

    token = remote.service.token(REP)
    client = Client(Credentials(token), remote.service.api_endpoint)  # type: ignore[no-untyped-call]
    items: list[Json] = client.events("primary", singleEvents=False, showDeleted=True)["items"]
    client.close()
    return items


def fill(remote: GoogleRemote) -> None:
    """Let everything happen that the service knows."""
    box = remote.box
    remote.service.mailbox("sam@ours.example")
    single = box.add("Moved", START, attendees=[ANN, BOB, "sam@ours.example"])
    box.answer(single, ANN)
    box.answer(single, BOB, "declined")
    box.move(single, START + DAY)
    box.add("Days", date(2026, 3, 10), date(2026, 3, 12), attendees=[ANN])
    box.add("Held", START, attendees=[ANN], status="tentative", transparency="transparent")
    box.make_private(box.add("Private", START, attendees=[ANN]))
    box.cancel(box.add("Cancelled", START, attendees=[ANN]))
    box.cancel(box.add("Bare", START, attendees=[ANN]), bare=True)
    box.add("Invited", START, organizer=ANN, attendees=[REP], guestsCanSeeOtherGuests=False)
    box.add("Days of a series", date(2026, 3, 10), recurrence="RRULE:FREQ=MONTHLY;COUNT=4")
    series = box.add("Series", START, attendees=[ANN], recurrence="RRULE:FREQ=WEEKLY;COUNT=20")
    box.move_instance(series, START + 7 * DAY, START + 8 * DAY)
    box.cancel_instance(series, START + 14 * DAY)
    box.answer(box.instance(series, START + 21 * DAY), ANN, "tentative")
    summer = START - timedelta(hours=1)  # as the series goes by the clock on the wall
    box.split(series, summer + 35 * DAY, summer + 36 * DAY)


def row(email: str, said: str = "needsAction", **more: object) -> Json:
    return {"email": email, "responseStatus": said, **more}


def item(**fields: object) -> Json:
    usual: Json = {
        "id": "one",
        "status": "confirmed",
        "iCalUID": "one@google.com",
        "summary": "Sample",
        "organizer": {"email": REP, "self": True},
        "start": {"dateTime": "2026-03-02T11:00:00+01:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-03-02T12:00:00+01:00", "timeZone": "Europe/Berlin"},
    }
    return usual | fields


def series(*lines: str, **fields: object) -> Json:
    return item(recurrence=list(lines), **fields)


def at(start: str, end: str, zone: str | None = "Europe/Berlin") -> Json:
    named = {} if zone is None else {"timeZone": zone}
    return {"start": {"dateTime": start, **named}, "end": {"dateTime": end, **named}}


WHOLE = {"start": {"date": "2026-03-02"}, "end": {"date": "2026-03-03"}}
SINGLE = {
    "in a zone": item(),
    "with another offset than its zone has": item(**at("2026-03-02T05:00:00-05:00", "2026-03-02T06:00:00-05:00")),
    "in UTC": item(**at("2026-03-02T10:00:00Z", "2026-03-02T10:45:00Z", None)),
    "without an offset": item(**at("2026-03-02T10:00:00", "2026-03-02T10:45:00", "America/New_York")),
    "in an hour that comes twice": item(**at("2026-10-25T02:30:00+01:00", "2026-10-25T02:45:00+01:00")),
    "across the change of the clocks": item(**at("2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00")),
    "with fractions": item(**at("2026-03-02T10:00:00.000Z", "2026-03-02T10:45:00.250Z", None)),
    "a day": item(**WHOLE),
    "some days": item(start={"date": "2026-03-02"}, end={"date": "2026-03-06"}),
    "a day without length": item(start={"date": "2026-03-02"}, end={"date": "2026-03-02"}),
    "held": item(status="tentative"),
    "all answers": item(
        attendees=[
            row(REP, "accepted", self=True, organizer=True),
            row(ANN, "declined", optional=True, comment="Sample"),
            row(BOB, "tentative", additionalGuests=2),
            row("cfo@acme.example"),
            row("c_1@resource.calendar.google.com", "accepted", resource=True),
        ]
    ),
    "guests kept back": item(attendees=[row(REP, "accepted", self=True)], attendeesOmitted=True),
    "no guests": item(attendees=[]),
    "a guest without an answer": item(attendees=[{"email": ANN}]),
    "of a kind that is new": item(eventType="somethingNew"),
    "a date set apart": item(
        id="one_20260302T100000Z", recurringEventId="one", originalStartTime={"dateTime": "2026-03-02T10:00:00Z"}
    ),
}
SERIES = {
    "weekly": series("RRULE:FREQ=WEEKLY"),
    "every other week on two days": series("RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH;COUNT=12"),
    "until a moment": series("RRULE:FREQ=DAILY;UNTIL=20260410T095959Z"),
    "until a day": series("RRULE:FREQ=WEEKLY;UNTIL=20260412", **WHOLE),
    "the first Monday": series("RRULE:FREQ=MONTHLY;BYDAY=1MO;COUNT=7"),
    "the last working day": series(
        "RRULE:FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=5",
        **at("2026-03-31T11:00:00+02:00", "2026-03-31T12:00:00+02:00"),
    ),
    "a day of the year": series("RRULE:FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=2", **WHOLE),
    "days": series("RRULE:FREQ=WEEKLY;BYDAY=MO,WE;COUNT=6", **WHOLE),
    "with a day left out": series("EXDATE;VALUE=DATE:20260309", "RRULE:FREQ=WEEKLY;COUNT=5", **WHOLE),
    "with dates left out": series("EXDATE;TZID=Europe/Berlin:20260309T110000,20260330T110000", "RRULE:FREQ=WEEKLY"),
    "with a date left out in UTC": series("RRULE:FREQ=WEEKLY;COUNT=9", "EXDATE:20260330T090000Z"),
    "with a date more": series("RRULE:FREQ=WEEKLY;COUNT=3", "RDATE;TZID=Europe/Berlin:20260401T150000"),
    "in another zone": series(
        "RRULE:FREQ=WEEKLY;COUNT=8",
        **at("2026-03-02T09:00:00-05:00", "2026-03-02T10:00:00-05:00", "America/New_York"),
    ),
}


class TestWhatTheServiceSends:
    def test_all_of_it_can_be_read(self, remote: GoogleRemote) -> None:
        fill(remote)
        items = sent(remote)

        read = [theirs(each) for each in items]

        assert len(read) == 13
        assert [each.id for each in read] == [each["id"] for each in items]

    def test_what_is_read_of_it_is_the_same(self, remote: GoogleRemote) -> None:
        fill(remote)
        items = [each for each in sent(remote) if each["status"] != "cancelled" and "visibility" not in each]

        assert [differences(each) for each in items] == [[]] * 9

    def test_a_cancelled_item_is_cancelled(self, remote: GoogleRemote) -> None:
        fill(remote)
        items = [each for each in sent(remote) if each["status"] == "cancelled"]

        assert {theirs(each).status.value for each in items} == {"cancelled"}
        assert len(items) == 3


@pytest.mark.parametrize("name", SINGLE)
def test_both_read_the_same_in_an_event(name: str) -> None:
    assert differences(SINGLE[name]) == []


@pytest.mark.parametrize("name", SERIES)
def test_both_find_the_same_dates_in_a_series(name: str) -> None:
    assert differences(SERIES[name]) == []
    assert len(dates(ours(SERIES[name]), theirs(SERIES[name]))[0]) > 1


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda each: str(each.get("id")))
def test_both_read_the_same_in_a_recorded_answer(recorded: Json) -> None:
    page = Reader("sample", REP, BERLIN, lambda *_: None).read(recorded)
    if page.events and not page.events[0].private:
        assert differences(recorded) == []


def differences(item: Json) -> list[str]:
    """Return in which respects the two readers do not agree about an item."""
    mine, other = ours(item), theirs(item)
    pairs: dict[str, tuple[object, object]] = {
        "id": (mine.id, other.id),
        "uid": (mine.uid, other.ical_uuid),
        "start": (mine.slot.start, instant(other.start.value)),
        "end": (mine.slot.end, instant(other.end.value)),
        "status": (mine.status is EventStatus.TENTATIVE, other.status.value == "tentative"),
        "free": (mine.free, other.transparency == "transparent"),
        "subject": (mine.subject, other.summary),
        "attendees": (
            {each.address: (each.answer, each.optional, each.resource) for each in mine.attendees},
            {
                each.email: (ANSWERS.get(each.response_status.value, Answer.NONE), each.optional, each.resource)
                for each in other.attendees
            },
        ),
        "hidden": (mine.hidden_guests, other.attendees_omitted or item.get("guestsCanSeeOtherGuests") is False),
        "date": (mine.original_start, other.original_start_time and instant(other.original_start_time.value)),
        "series": dates(mine, other),
    }
    return [f"{name}: {here!r} is not {there!r}" for name, (here, there) in pairs.items() if here != there]


def dates(mine: Event, other: Theirs) -> tuple[list[Moment], list[Moment]]:
    """Return the dates of a series as each reader has them, up to a limit."""
    here = list(expand(mine.recurrence, START - 30 * DAY, END)) if mine.recurrence else []
    there = [instant(each) for each in islice(other.rrule, 500)]
    last = END if not mine.slot.all_day else END.date()
    return here, [each for each in there if each < last]
