"""One item of the service -> what the contract calls an event. Examples for the rules, arbitrary JSON for the law."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsignal.contract import Access, Attendee, CalledOff, Event, LinkPattern, Page, Window
from calsignal.model import Answer, Booking, Capability, Confidence, EventStatus, Slot
from calsignal.recurrence import UnreadableSeries, expand
from calsignal.testing import START, moments
from calsignal_google.translate import FIELDS, Reader

REP, ANN, BOB = "rep@ours.example", "ann@acme.example", "bob@acme.example"
BERLIN = ZoneInfo("Europe/Berlin")
BOTH = frozenset((Capability.GUESTS, Capability.ANSWERS))
DATA = Path(__file__).parent.parent / "data" / "google"
_ROOT = os.environ.get("CALSIGNAL_CORPUS")
CORPUS = sorted((Path(_ROOT) / "google_json").glob("*.json")) if _ROOT else []
LINKS = (LinkPattern("sample tool", r"book\.sample\.example/\w+", Confidence.LIKELY),)


def reader(mailbox: str = REP, zone: tzinfo = UTC, *, read_text: bool = False) -> Reader:
    access = Access(REP, {}, {}, None, lambda _: None, Window(START, START), lambda request: request(), links=LINKS)
    return Reader("sample calendar", mailbox, zone, access.booking, read_text=read_text)


def item(**fields: object) -> dict[str, object]:
    """Return an item of the service; a field given as None is not there."""
    usual: dict[str, object] = {
        "id": "one",
        "status": "confirmed",
        "iCalUID": "one@google.com",
        "organizer": {"email": REP, "self": True},
        "creator": {"email": REP, "self": True},
        "start": {"dateTime": "2026-03-02T11:00:00+01:00", "timeZone": "Europe/Berlin"},
        "end": {"dateTime": "2026-03-02T12:00:00+01:00", "timeZone": "Europe/Berlin"},
        "summary": "Sample",
        "eventType": "default",
    }
    return {name: value for name, value in {**usual, **fields}.items() if value is not None}


def event(**fields: object) -> Event:
    """Read one item that has to be an event."""
    page = reader().read(item(**fields))
    assert not page.skipped
    (found,) = page.events
    return found


def reason(page: Page) -> str:
    """Return why the one item of a page was skipped."""
    assert not page.events
    (skipped,) = page.skipped
    assert skipped.source == "sample calendar"
    return skipped.reason


def row(email: str, response: str = "needsAction", **more: object) -> dict[str, object]:
    return {"email": email, "responseStatus": response, **more}


def on(hour: int, day: int = 2, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def guests(*rows: object, **fields: object) -> dict[str, Attendee]:
    return {each.address: each for each in event(attendees=list(rows), **fields).attendees}


class TestARecordedAnswer:
    @pytest.fixture
    def page(self) -> Page:
        return reader().read_all(json.loads((DATA / "week.json").read_text())["items"])

    @pytest.fixture
    def events(self, page: Page) -> dict[str, Event]:
        return {found.id: found for found in page.events}

    def test_everything_in_it_is_read_or_named(self, page: Page) -> None:
        assert [found.id for found in page.events] == [
            *("sample01", "sample02", "sample02_20260331T070000Z", "sample04", "sample05", "sample07", "sample08"),
            *("sample02_R20260512T070000", "sample10"),
        ]
        assert page.removed == ("sample03",)
        assert page.called_off == (CalledOff("sample02_20260407T070000Z", "sample02", on(7, 7, 4)),)
        assert [(skipped.id, skipped.reason) for skipped in page.skipped] == [
            ("sample11", "it has no start or end"),
        ]
        assert page.unread == ("sample11",)

    def test_it_says_when_and_with_whom(self, events: dict[str, Event]) -> None:
        assert events["sample01"] == Event(
            id="sample01",
            uid="sample01@google.com",
            slot=Slot(on(10), on(11)),
            organizer=REP,
            attendees=(
                Attendee(ANN, Answer.ACCEPTED),
                Attendee(BOB, Answer.DECLINED, optional=True),
                Attendee("c_room1@resource.calendar.google.com", Answer.ACCEPTED, resource=True),
                Attendee("cfo@acme.example", Answer.TENTATIVE, guests=2),
                Attendee(REP, Answer.ACCEPTED),
                Attendee("team@acme.example", group=True),
            ),
            subject="Sample kick-off",
            created=datetime(2026, 2, 20, 8, tzinfo=UTC),
            sees=BOTH,
        )

    def test_a_series_keeps_its_wall_clock_over_the_change_of_clocks(self, events: dict[str, Event]) -> None:
        text = events["sample02"].recurrence

        assert text is not None
        assert expand(text, on(0, 1), on(0, 10, 4)) == (on(8, 3), on(8, 10), on(8, 24), on(7, 31), on(7, 7, 4))

    def test_a_moved_date_names_where_the_series_had_it(self, events: dict[str, Event]) -> None:
        moved = events["sample02_20260331T070000Z"]

        assert (moved.uid, moved.original_start, moved.recurrence) == ("sample02@google.com", on(7, 31), None)
        assert moved.slot == Slot(on(13, 1, 4), datetime(2026, 4, 1, 13, 30, tzinfo=UTC))

    def test_days_stay_days_and_the_end_is_not_part_of_them(self, events: dict[str, Event]) -> None:
        fair = events["sample04"]

        assert fair.slot == Slot(date(2026, 3, 10), date(2026, 3, 12))
        assert fair.free
        assert fair.organizer == ANN

    def test_the_service_s_own_booking_page_leaves_a_marker(self, events: dict[str, Event]) -> None:
        assert events["sample05"].booking == Booking("google appointment schedule", Confidence.LIKELY)

    def test_of_a_private_event_nothing_is_read(self, events: dict[str, Event]) -> None:
        private = events["sample07"]

        assert private.private
        assert (private.subject, private.attendees, private.organizer) == ("", (), None)

    def test_a_list_kept_from_guests_is_hidden(self, events: dict[str, Event]) -> None:
        assert events["sample08"].hidden_guests
        assert events["sample08"].sees == frozenset()

    def test_a_team_s_calendar_is_nobody_so_its_event_belongs_to_who_made_it(self, events: dict[str, Event]) -> None:
        assert events["sample10"].organizer == REP

    def test_the_second_half_of_a_split_series_keeps_its_uid(self, events: dict[str, Event]) -> None:
        assert events["sample02_R20260512T070000"].uid == "sample02_R20260512T070000@google.com"


class TestWhen:
    @pytest.mark.parametrize(
        ("start", "expected"),
        [
            ({"dateTime": "2026-03-02T11:00:00+01:00"}, on(10)),
            ({"dateTime": "2026-03-02T10:00:00Z"}, on(10)),
            ({"dateTime": "2026-03-02T10:00:00.500Z"}, on(10)),
            ({"dateTime": "2026-03-02t10:00z"}, on(10)),
            ({"dateTime": "2026-03-02T11:00:00", "timeZone": "Europe/Berlin"}, on(10)),
            ({"dateTime": "2026-03-02T10:00:00"}, on(10)),
            ({"dateTime": "2026-03-02T11:00:00+01:00", "timeZone": "No/Where"}, on(10)),
            ({"dateTime": "2026-03-02T10:00:00Z", "date": None}, on(10)),
        ],
    )
    def test_a_time_is_read_by_its_offset_else_in_its_zone(self, start: object, expected: datetime) -> None:
        assert event(start=start, end={"dateTime": "2026-03-02T12:00:00Z"}).slot == Slot(expected, on(12))

    def test_a_time_that_names_no_zone_is_meant_in_the_team_s(self) -> None:
        naive = item(start={"dateTime": "2026-03-02T11:00:00"}, end={"dateTime": "2026-03-02T12:00:00"})

        (found,) = reader(zone=BERLIN).read(naive).events

        assert found.slot == Slot(on(10), on(11))

    def test_a_leap_second_is_the_one_before_it(self) -> None:
        found = event(start={"dateTime": "2016-12-31T23:59:60Z"}, end={"dateTime": "2017-01-01T00:30:00Z"})

        assert found.slot.start == datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)

    @pytest.mark.parametrize("fields", [{"end": None}, {"endTimeUnspecified": True}])
    def test_an_end_that_nobody_gave_is_not_made_up(self, fields: dict[str, Any]) -> None:
        assert event(**fields).slot == Slot(on(10), on(10))

    def test_a_day_without_an_end_lasts_a_day(self) -> None:
        assert event(start={"date": "2026-03-02"}, end=None).slot == Slot(date(2026, 3, 2), date(2026, 3, 3))

    def test_an_event_does_not_end_before_it_begins(self) -> None:
        assert event(end={"dateTime": "2026-03-02T09:00:00Z"}).slot == Slot(on(10), on(10))

    @pytest.mark.parametrize(
        ("fields", "why"),
        [
            ({"start": None}, "it has no start or end"),
            ({"start": "2026-03-02"}, "it has no start or end"),
            ({"start": {"date": 20260302}}, "it has no start or end"),
            ({"start": {"dateTime": "tomorrow"}}, "a date or time cannot be read"),
            ({"start": {"dateTime": "2026-02-30T10:00:00Z"}}, "a value cannot be read"),
            ({"start": {"dateTime": "2026-03-02T10:00:00+99:00"}}, "a value cannot be read"),
            ({"start": {"date": "2026-W10"}}, "a date or time cannot be read"),
            ({"start": {"dateTime": "0001-01-01T00:00:00Z"}}, "its year is out of any calendar"),
            ({"start": {"date": "9999-12-31"}}, "its year is out of any calendar"),
            ({"start": {"date": "2026-03-02"}}, "one of its start and end is a day, the other a time"),
            ({"start": {"dateTime": "2026-03-02T10:00:00", "timeZone": "../etc"}}, "its time zone is not known"),
            ({"start": {"dateTime": "2026-03-02T10:00:00", "timeZone": "No/Where"}}, "its time zone is not known"),
            ({"start": {"dateTime": "2026-03-02T10:00:00", "timeZone": "localtime"}}, "its time zone is not known"),
            ({"start": {"dateTime": "2026-03-02T10:00:00", "timeZone": ["x"]}}, "its time zone is not known"),
        ],
    )
    def test_a_time_that_cannot_be_read_is_named(self, fields: dict[str, Any], why: str) -> None:
        page = reader().read(item(**fields))

        assert reason(page) == why
        assert page.unread == ("one",)

    def test_when_it_was_made_is_told_unless_it_cannot_be_read(self) -> None:
        assert event(created="2026-02-20T08:00:00.000Z").created == datetime(2026, 2, 20, 8, tzinfo=UTC)
        assert event(created="1900-01-01T00:00:00Z").created is None
        assert event(created="yesterday").created is None
        assert event(created=7).created is None


class TestSeries:
    def series(self, *lines: object, zone: str | None = "Europe/Berlin", **fields: object) -> str:
        start = {"dateTime": "2026-03-02T11:00:00+01:00", "timeZone": zone}
        text = event(start=start, recurrence=list(lines), **fields).recurrence
        assert text is not None
        return text

    def test_the_text_holds_times_and_rules_in_the_event_s_zone_and_nothing_else(self) -> None:
        assert self.series("RRULE:FREQ=WEEKLY;BYDAY=MO").splitlines() == [
            "BEGIN:VCALENDAR",
            "BEGIN:VEVENT",
            "DTSTART;TZID=Europe/Berlin:20260302T110000",
            "DTEND;TZID=Europe/Berlin:20260302T120000",
            "RRULE:FREQ=WEEKLY;BYDAY=MO",
            "END:VEVENT",
            "END:VCALENDAR",
        ]

    def test_what_means_the_same_is_written_the_same(self) -> None:
        one = self.series(
            "RRULE:FREQ=WEEKLY;INTERVAL=1;WKST=MO;BYDAY=MO,TU", "EXDATE:20260309T100000Z,20260316T100000Z"
        )
        other = self.series(
            "EXDATE;TZID=Europe/Berlin:20260316T110000,20260309T110000", "rrule:BYDAY=TU,MO;FREQ=WEEKLY"
        )

        assert one == other

    def test_days_are_repeated_as_days(self) -> None:
        days = {"start": {"date": "2026-03-02", "timeZone": "No/Where"}, "end": {"date": "2026-03-03"}}
        lines = ["RRULE:FREQ=DAILY;UNTIL=20260306", "EXDATE;TZID=No/Where:20260304", "RDATE;VALUE=DATE:20260310"]

        text = event(**days, recurrence=lines).recurrence

        assert text is not None
        assert expand(text, on(0, 1), on(0, 31)) == tuple(date(2026, 3, day) for day in (2, 3, 5, 6, 10))

    def test_extra_dates_are_read_in_their_zone_as_periods_and_as_bare_days(self) -> None:
        text = self.series(
            "RRULE:FREQ=WEEKLY;COUNT=2",
            'RDATE;TZID="America/New_York":20260303T100000',
            "RDATE;VALUE=PERIOD:20260304T100000Z/PT1H",
            "RDATE;VALUE=DATE:20260305",
            "EXDATE;VALUE=DATE:20260309",
        )

        assert expand(text, on(0, 1), on(0, 31)) == (on(10), on(15, 3), on(10, 4), on(10, 5))

    def test_a_series_in_utc_is_written_in_utc(self) -> None:
        assert "DTSTART:20260302T100000Z" in self.series("RRULE:FREQ=DAILY", zone="UTC")

    def test_a_series_that_names_no_zone_follows_the_team_s(self) -> None:
        start = {"dateTime": "2026-03-02T11:00:00+01:00"}

        (found,) = reader(zone=BERLIN).read(item(start=start, recurrence=["RRULE:FREQ=DAILY"])).events

        assert "DTSTART;TZID=Europe/Berlin:20260302T110000" in (found.recurrence or "")

    @pytest.mark.parametrize("lines", [[], None, ["EXDATE:20260309T100000Z"]])
    def test_without_rules_or_extra_dates_it_is_a_single_event(self, lines: list[str] | None) -> None:
        assert event(recurrence=lines).recurrence is None

    @pytest.mark.parametrize(
        ("lines", "why"),
        [
            ("RRULE:FREQ=DAILY", "its rules cannot be read"),
            (["DTSTART:20260302T100000Z"], "its rules cannot be read"),
            ([7], "its rules cannot be read"),
            (["RRULE:FREQ=DAILY"] * 2000, "its rules cannot be read"),
            (["RRULE:BYDAY=MO"], "its rules cannot be read"),
            (["RRULE:FREQ=DAILY\r\nEND:VEVENT"], "its rules cannot be read"),
            (["RRULE:FREQ=DAILY;COUNT=\u0665"], "its rules cannot be read"),
            (["RRULE:FREQ=DAILY", "EXDATE:someday"], "its extra or cancelled dates cannot be read"),
            (["RRULE:FREQ=DAILY", "EXDATE;TZID=No/Where:20260309T100000"], "its time zone is not known"),
            (["RRULE:FREQ=DAILY", "EXDATE:20261399T100000Z"], "a value cannot be read"),
        ],
    )
    def test_a_series_that_cannot_be_read_is_named(self, lines: object, why: str) -> None:
        assert reason(reader().read(item(recurrence=lines))) == why

    def test_a_series_whose_zone_has_no_iana_name_is_named(self) -> None:
        start = {"dateTime": "2026-03-02T11:00:00+01:00", "timeZone": "Sample Standard Time"}

        assert reason(reader().read(item(start=start, recurrence=["RRULE:FREQ=DAILY"]))) == "its time zone is not known"

    def test_a_date_of_a_series_that_is_not_listed_stands_for_itself(self) -> None:
        orphan = event(
            id="far_20260302T100000Z", recurringEventId="far", originalStartTime={"dateTime": "2026-03-02T09:00:00Z"}
        )

        assert (orphan.original_start, orphan.recurrence) == (on(9), None)

    def test_a_date_of_a_series_of_days_is_named_by_its_day(self) -> None:
        days = {"start": {"date": "2026-03-04"}, "end": {"date": "2026-03-05"}}

        assert event(**days, recurringEventId="far", originalStartTime={"date": "2026-03-03"}).original_start == date(
            2026, 3, 3
        )


class TestCancelled:
    def test_a_bare_stub_is_removed(self) -> None:
        assert reader().read({"id": "one", "status": "cancelled"}) == Page(removed=("one",))

    def test_one_that_still_carries_details_is_removed_all_the_same(self) -> None:
        assert reader().read(item(status="cancelled", start="nonsense")) == Page(removed=("one",))

    def test_a_date_of_a_series_is_called_off(self) -> None:
        stub = {
            "id": "far_20260302",
            "status": "cancelled",
            "recurringEventId": "far",
            "originalStartTime": {"date": "2026-03-02"},
        }

        assert reader().read(stub) == Page(called_off=(CalledOff("far_20260302", "far", date(2026, 3, 2)),))
        assert reader().read({**item(), **stub}).called_off

    def test_a_date_that_does_not_say_which_is_named(self) -> None:
        page = reader().read({"id": "one", "status": "cancelled", "recurringEventId": "far"})

        assert reason(page) == "it does not say which date of its series it is"
        assert page.unread == ("one",)


class TestPeople:
    def test_answers_are_read_and_unknown_ones_are_none(self) -> None:
        rows = [row(f"{said}@acme.example", said) for said in ("accepted", "declined", "tentative", "needsAction", "x")]

        found = {name.partition("@")[0]: each.answer for name, each in guests(*rows).items()}

        assert found == {
            "accepted": Answer.ACCEPTED,
            "declined": Answer.DECLINED,
            "tentative": Answer.TENTATIVE,
            "needsAction": Answer.NONE,
            "x": Answer.NONE,
        }

    def test_rooms_and_invited_calendars_are_things(self) -> None:
        found = guests(
            row("projector@ours.example", resource=True),
            row("c_1@resource.calendar.google.com"),
            row("c_2@group.calendar.google.com"),
            row("sam@calendar.google.com.example"),
        )

        assert [name for name, each in found.items() if not each.resource] == ["sam@calendar.google.com.example"]

    def test_a_group_is_one_where_the_service_says_so(self) -> None:
        found = guests(row("team@acme.example", asyncOperation="inProgress"), row("all@googlegroups.com"), row(ANN))

        assert [name for name, each in found.items() if each.group] == ["all@googlegroups.com", "team@acme.example"]

    def test_companions_are_a_number_that_is_not_beyond_reason(self) -> None:
        numbers = [2, 0, -3, 10**30, True, "4", 1.5]

        found = guests(*(row(f"{at}@acme.example", additionalGuests=number) for at, number in enumerate(numbers)))

        assert [found[f"{at}@acme.example"].guests for at in range(len(numbers))] == [2, 0, 0, 1000, 0, 0, 0]

    def test_an_address_is_listed_once_with_its_answer(self) -> None:
        assert guests(row("Ann@acme.example"), row(ANN, "accepted")) == {ANN: Attendee(ANN, Answer.ACCEPTED)}

    def test_the_mailbox_stands_for_its_own_row_and_its_own_event_under_any_alias(self) -> None:
        found = event(
            organizer={"email": "sales@ours.example", "self": True},
            attendees=[row("sales@ours.example", "accepted", self=True)],
        )

        assert found.organizer == REP
        assert found.attendees == (Attendee(REP, Answer.ACCEPTED),)

    def test_on_another_calendar_self_is_not_the_mailbox(self) -> None:
        shared = item(organizer={"email": BOB, "self": True}, attendees=[row(BOB, "accepted", self=True)])

        (found,) = reader(mailbox="").read(shared).events

        assert (found.organizer, found.attendees) == (BOB, (Attendee(BOB, Answer.ACCEPTED),))

    @pytest.mark.parametrize(
        ("organizer", "creator", "expected"),
        [
            ({"email": ANN}, {"email": "assistant@acme.example"}, ANN),
            ({"email": "c_1@group.calendar.google.com"}, {"email": BOB}, BOB),
            ({"email": "unknownorganizer@calendar.google.com"}, {"email": REP}, REP),
            ({"email": "c_1@group.calendar.google.com"}, {"email": "c_1@group.calendar.google.com"}, None),
            ({"displayName": "Sample"}, None, None),
            (None, None, None),
            ("nonsense", 7, None),
        ],
    )
    def test_the_organiser_is_a_person_else_whoever_made_it(
        self, organizer: object, creator: object, expected: str | None
    ) -> None:
        assert event(organizer=organizer, creator=creator).organizer == expected

    @pytest.mark.parametrize("nameless", [{"id": "123"}, row("nobody"), "nonsense", row("x" * 400 + "@acme.example")])
    def test_somebody_without_an_address_leaves_the_list_incomplete(self, nameless: object) -> None:
        found = event(attendees=[row(ANN), nameless])

        assert [each.address for each in found.attendees] == [ANN]
        assert found.sees == frozenset((Capability.ANSWERS,))
        assert not found.hidden_guests

    def test_people_who_are_no_list_are_named(self) -> None:
        assert reason(reader().read(item(attendees={"email": ANN}))) == "its list of people cannot be read"

    def test_a_list_without_end_is_cut_and_the_cut_is_named(self) -> None:
        page = reader().read(item(attendees=[row(f"{number}@acme.example") for number in range(5001)]))

        assert len(page.events[0].attendees) == 5000
        assert Capability.GUESTS not in page.events[0].sees
        assert [skipped.reason for skipped in page.skipped] == [
            "it has more than 5,000 guests: the others were not read"
        ]
        assert page.unread == ()


THEIRS: dict[str, Any] = {
    "organizer": {"email": ANN},
    "attendees": [row(REP, "accepted", self=True), row(ANN, "accepted")],
}


class TestWhatACopyKnows:
    def test_the_organiser_s_own_copy_knows_all_even_of_a_hidden_list(self) -> None:
        found = event(guestsCanSeeOtherGuests=False, attendees=[row(ANN)])

        assert found.sees == BOTH
        assert not found.hidden_guests

    def test_a_guest_s_copy_knows_what_the_service_passes_on(self) -> None:
        assert event(**THEIRS).sees == BOTH

    def test_a_guest_s_copy_of_a_hidden_list_knows_nothing_of_the_others(self) -> None:
        found = event(**THEIRS, guestsCanSeeOtherGuests=False)

        assert found.hidden_guests
        assert found.sees == frozenset()

    def test_a_cut_list_is_hidden_whatever_the_reason(self) -> None:
        assert event(**THEIRS, attendeesOmitted=True).hidden_guests

    def test_of_an_event_made_elsewhere_a_guest_s_copy_does_not_know_the_answers(self) -> None:
        assert event(**THEIRS, iCalUID="one@acme.example").sees == frozenset((Capability.GUESTS,))

    def test_above_two_hundred_guests_answers_are_not_passed_on(self) -> None:
        rows = [row(f"{number}@acme.example") for number in range(201)]

        assert event(organizer={"email": ANN}, attendees=rows).sees == frozenset((Capability.GUESTS,))


class TestWhatKindOfEvent:
    def test_status_and_free_time_are_read(self) -> None:
        assert event().status is EventStatus.CONFIRMED
        assert event(status="tentative").status is EventStatus.TENTATIVE
        assert event(transparency="transparent").free
        assert not event(transparency="opaque").free

    @pytest.mark.parametrize("visibility", ["private", "confidential", "secret", 7])
    def test_what_is_not_for_everybody_is_private_even_if_it_cannot_be_read(self, visibility: object) -> None:
        found = event(visibility=visibility, start="nonsense", iCalUID="x" * 2000)

        assert (found.id, found.private) == ("one", True)

    @pytest.mark.parametrize("visibility", ["default", "public", None])
    def test_what_is_for_everybody_is_not_private(self, visibility: object) -> None:
        assert not event(visibility=visibility).private

    @pytest.mark.parametrize("kind", ["focusTime", "outOfOffice", "workingLocation", "birthday"])
    def test_what_is_no_meeting_is_left_out_unless_it_has_people(self, kind: str) -> None:
        assert reader().read(item(eventType=kind)) == Page()
        assert reader().read(item(eventType=kind, attendees=[row(REP, self=True)])) == Page()
        assert reader().read(item(eventType=kind, attendees=[row(ANN)])).events

    def test_what_the_service_finds_in_mail_is_read_as_it_may_lose_its_people(self) -> None:
        found = event(eventType="fromGmail", organizer={"email": "unknownorganizer@calendar.google.com", "self": False})

        assert (found.organizer, found.attendees) == (REP, ())

    def test_a_subject_is_one_line_of_bearable_length(self) -> None:
        assert event(summary="  Sample\x1b[31m\nmeeting\u202e ").subject == "Sample [31m meeting"
        assert event(summary="x" * 5000).subject == "x" * 1000
        assert event(summary=["Sample"]).subject == ""

    def test_without_a_uid_it_has_the_one_that_the_service_gives(self) -> None:
        moved = {"recurringEventId": "far", "originalStartTime": {"dateTime": "2026-03-02T09:00:00Z"}}

        assert event(iCalUID=None).uid == "one@google.com"
        assert event(id="far_20260302T090000Z", iCalUID=None, **moved).uid == "far@google.com"

    @pytest.mark.parametrize("given", [None, "", 7, False, "x" * 2000])
    def test_an_event_without_an_id_is_named(self, given: object) -> None:
        page = reader().read(item(id=given))

        assert reason(page) in ("it has no id", "its id is longer than 1,100 characters")
        assert (page.skipped[0].id, page.unread) == ("an event without an id", ())

    def test_a_uid_beyond_reason_is_named(self) -> None:
        assert reason(reader().read(item(iCalUID="x" * 2000))) == "its UID is longer than 1,000 characters"

    @pytest.mark.parametrize("thing", [None, 7, "one", ["one"]])
    def test_what_is_no_event_is_named(self, thing: object) -> None:
        assert reason(reader().read(thing)) == "it is not an event"

    def test_an_id_is_shown_without_what_could_harm_a_terminal(self) -> None:
        page = reader().read(item(id="one\x1b[31m", start=None))

        assert page.skipped[0].id == "one[31m"
        assert page.unread == ("one\x1b[31m",)

    def test_of_two_items_about_one_event_the_later_counts(self) -> None:
        page = reader().read_all(
            [item(summary="Old"), item(id="two"), {"id": "one", "status": "cancelled"}, None, None]
        )

        assert ([found.id for found in page.events], page.removed) == (["two"], ("one",))
        assert len(page.skipped) == 2


class TestBooking:
    @pytest.mark.parametrize(
        "fields",
        [
            {"location": "https://book.sample.example/abc"},
            {"hangoutLink": "https://book.sample.example/abc"},
            {"source": {"url": "https://book.sample.example/abc", "title": "x"}},
            {"conferenceData": {"entryPoints": ["x", {"uri": "tel:+1"}, {"uri": "https://book.sample.example/abc"}]}},
        ],
    )
    def test_a_link_in_any_place_for_links_is_a_trace(self, fields: dict[str, Any]) -> None:
        assert event(**fields).booking == Booking("sample tool", Confidence.LIKELY)

    @pytest.mark.parametrize(
        "fields",
        [
            {"htmlLink": "https://book.sample.example/abc"},
            {"summary": "https://book.sample.example/abc"},
            {"location": 7, "hangoutLink": [], "source": "x", "conferenceData": {"entryPoints": {}}},
            {"extendedProperties": {"shared": {"goo.createdBySet": ""}, "private": {"goo.createdByAvailId": "x"}}},
        ],
    )
    def test_other_places_hold_none(self, fields: dict[str, Any]) -> None:
        assert event(**fields).booking is None

    def test_the_description_is_looked_at_only_where_that_is_allowed(self) -> None:
        told = item(description="Sample https://book.sample.example/abc")

        assert reader().read(told).events[0].booking is None
        assert reader(read_text=True).read(told).events[0].booking == Booking("sample tool", Confidence.LIKELY)

    def test_the_description_is_asked_for_only_where_that_is_allowed(self) -> None:
        assert "description" not in reader().fields
        assert reader(read_text=True).fields == f"{FIELDS},description"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([REP, "one", "cancelled"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
TIMES = st.fixed_dictionaries(
    {},
    optional={
        "dateTime": st.datetimes().map(lambda at: f"{at.isoformat()}Z") | VALUES,
        "date": st.dates().map(str) | VALUES,
        "timeZone": st.sampled_from(["Europe/Berlin", "UTC", "Europe", "..", "a" * 300, "\ud800", "\0"]) | VALUES,
    },
)
RULES = st.sampled_from(["RRULE:FREQ=DAILY", "EXDATE:00010101T000000Z", "RDATE:99991231", "EXRULE:FREQ=X"])
PEOPLE = st.dictionaries(st.sampled_from(["email", "self", "additionalGuests"]), VALUES)
OTHERS = (
    *("iCalUID", "recurringEventId", "organizer", "creator", "summary", "visibility", "eventType"),
    *("extendedProperties", "conferenceData", "source", "created", "transparency"),
)
ITEMS = st.fixed_dictionaries(
    {"id": st.just("one")},
    optional={
        **dict.fromkeys(("start", "end", "originalStartTime"), TIMES | VALUES),
        **dict.fromkeys(OTHERS, VALUES),
        "recurrence": st.lists(RULES | VALUES) | VALUES,
        "attendees": st.lists(PEOPLE | VALUES) | VALUES,
        "status": st.sampled_from(["confirmed", "cancelled"]) | VALUES,
    },
)


@given(VALUES | ITEMS)
def test_whatever_comes_nothing_raises_and_nothing_is_lost(thing: object) -> None:
    page = reader(zone=BERLIN, read_text=True).read(thing)

    said = [*page.events, *page.removed, *page.called_off, *page.skipped]
    assert len(said) == 1
    assert all(moment.tzinfo is UTC for moment in moments(page) if isinstance(moment, datetime))
    assert all(found.slot.duration >= timedelta() for found in page.events)


@given(st.text(st.characters(exclude_categories=["Ll"]), min_size=6, max_size=40))
def test_a_reason_repeats_no_text_of_the_calendar(text: str) -> None:
    for spoilt in ({"start": {"dateTime": text}}, {"recurrence": [text]}, {"attendees": text}):
        page = reader().read(item(**spoilt))

        assert not [skipped for skipped in page.skipped if text in skipped.reason]


def recorded(path: Path) -> Iterator[object]:
    """Yield the items of a recorded file: of list answers, and single ones."""
    for each in json.loads(path.read_text()):
        yield from each["items"] if isinstance(each, dict) and "items" in each else [each]


@pytest.mark.skipif(not CORPUS, reason="CALSIGNAL_CORPUS does not name a folder with google_json/*.json")
@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_every_real_answer_is_read_or_named(path: Path) -> None:
    for each in recorded(path):
        page = reader(read_text=True).read(each)

        assert page.events or page.removed or page.called_off or page.skipped or each["eventType"] != "default"  # type: ignore[index]
        assert all(skipped.id and skipped.reason for skipped in page.skipped)
        for found in page.events:
            expanded(found.recurrence)


def expanded(recurrence: str | None) -> None:
    try:
        starts = expand(recurrence or "", START, START + timedelta(days=365))
    except UnreadableSeries:
        return
    assert list(starts) == sorted(set(starts))
