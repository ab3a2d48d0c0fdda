"""One event of Graph -> what the contract calls an event. Examples for the rules, arbitrary JSON for the law."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsignal.contract import Access, Attendee, Event, LinkPattern, Page, Window
from calsignal.merge import normalise_uid
from calsignal.model import Answer, Booking, Capability, Confidence, EventStatus, Slot
from calsignal.recurrence import UnreadableSeries, expand
from calsignal.testing import START, moments
from calsignal_microsoft.translate import Reader, joined, original_day, original_start
from microsoft_calendar import service_values as values

REP, ANN, BOB = "rep@ours.example", "ann@acme.example", "bob@acme.example"
EVERYTHING = frozenset(Capability)
_ROOT = os.environ.get("CALSIGNAL_CORPUS")
CORPUS = sorted((Path(_ROOT) / "graph_json").glob("*.json")) if _ROOT else []
LINKS = (LinkPattern("sample tool", r"book\.sample\.example/\w+", Confidence.LIKELY),)
NEVER = ("0001-01-01T00:00:00Z", "4501-01-01T00:00:00Z", None, "soon", 7)


def reader(*, read_text: bool = False) -> Reader:
    access = Access(REP, {}, {}, None, lambda _: None, Window(START, START), lambda request: request(), links=LINKS)
    return Reader("sample calendar", REP, access.booking, read_text=read_text)


def when(text: str, zone: str = "UTC") -> dict[str, str]:
    return {"dateTime": text, "timeZone": zone}


def item(**fields: object) -> dict[str, object]:
    """Return an event of the service on the organiser's own calendar; a field given as None is not there."""
    usual: dict[str, object] = {
        "id": "one",
        "type": "singleInstance",
        "iCalUId": "one@sample.example",
        "subject": "Sample",
        "isOrganizer": True,
        "organizer": {"emailAddress": {"name": "Rep", "address": REP}},
        "attendees": [],
        "start": when("2026-03-02T10:00:00.0000000"),
        "end": when("2026-03-02T11:00:00.0000000"),
        "originalStartTimeZone": "W. Europe Standard Time",
        "isAllDay": False,
        "sensitivity": "normal",
        "showAs": "busy",
    }
    return {name: value for name, value in {**usual, **fields}.items() if value is not None}


def as_guest(*rows: object, **fields: object) -> dict[str, object]:
    organizer = {"emailAddress": {"name": "Ann", "address": ANN}}
    return item(**{"isOrganizer": False, "organizer": organizer, "attendees": list(rows), **fields})


def said(told: dict[str, object]) -> Event:
    """Read one item that has to be an event."""
    page = reader().read(told)
    assert not page.skipped
    (found,) = page.events
    return found


def event(**fields: object) -> Event:
    return said(item(**fields))


def reason(page: Page) -> str:
    """Return why the one item of a page was skipped."""
    assert not page.events
    (skipped,) = page.skipped
    assert skipped.source == "sample calendar"
    return skipped.reason


def row(address: object, response: str = "none", time: object = NEVER[0], **more: object) -> dict[str, object]:
    status = {"response": response, "time": time}
    return {"type": "required", "status": status, "emailAddress": {"name": "Sample", "address": address}, **more}


def on(hour: int, day: int = 2, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def rows(found: Event) -> dict[str, Attendee]:
    return {each.address: each for each in found.attendees}


class TestWhat:
    def test_an_event_says_when_and_with_whom(self) -> None:
        people = [row(ANN, "accepted", "2026-02-28T09:30:15.1234567Z"), row(BOB, "declined", "2026-02-28T10:00:00Z")]

        assert event(attendees=people, createdDateTime="2026-02-20T08:00:00.1234567Z") == Event(
            id="one",
            uid="one@sample.example",
            slot=Slot(on(10), on(11)),
            organizer=REP,
            attendees=(
                Attendee(ANN, Answer.ACCEPTED, datetime(2026, 2, 28, 9, 30, 15, tzinfo=UTC)),
                Attendee(BOB, Answer.DECLINED, on(10, 28, 2)),
            ),
            subject="Sample",
            created=on(8, 20, 2),
            sees=EVERYTHING,
        )

    @pytest.mark.parametrize(
        ("fields", "expected"),
        [
            ({"isCancelled": True}, {"status": EventStatus.CANCELLED}),
            ({"isCancelled": "yes"}, {"status": EventStatus.CONFIRMED}),
            ({"showAs": "free"}, {"free": True}),
            ({"showAs": "tentative"}, {"free": False, "status": EventStatus.CONFIRMED}),
            ({"isDraft": True}, {"draft": True}),
            ({"subject": None}, {"subject": ""}),
            ({"subject": "a\x1b[2Jb\nc"}, {"subject": "a [2Jb c"}),
            ({"subject": "x" * 5000}, {"subject": "x" * 1000}),
        ],
    )
    def test_how_it_stands(self, fields: dict[str, Any], expected: dict[str, object]) -> None:
        found = event(**fields)

        assert {name: getattr(found, name) for name in expected} == expected

    @pytest.mark.parametrize("sensitivity", ["private", "personal", "confidential", "secret", 7])
    def test_of_a_private_event_nothing_is_read(self, sensitivity: object) -> None:
        found = event(sensitivity=sensitivity, attendees=[row(ANN)])

        assert found.private
        assert (found.subject, found.attendees, found.organizer) == ("", (), None)

    def test_a_private_event_may_be_as_broken_as_it_likes(self) -> None:
        assert event(sensitivity="private", start=None).private

    @pytest.mark.parametrize("made", [*NEVER, "1601-01-01T00:00:00Z"])
    def test_a_time_that_is_none_is_not_when_it_was_made(self, made: object) -> None:
        assert event(createdDateTime=made).created is None

    def test_the_uid_comes_as_it_is_and_the_core_finds_the_series_in_it(self) -> None:
        series = values.goid(b"sample")

        found = event(iCalUId=values.on_day(series, date(2026, 3, 9)))

        assert found.uid != series
        assert normalise_uid(found.uid).uid == normalise_uid(series).uid

    @pytest.mark.parametrize("uid", [None, "", " ", 7])
    def test_without_a_uid_an_event_has_the_name_of_its_series_or_its_own(self, uid: object) -> None:
        assert event(iCalUId=uid).uid == "one"
        assert event(iCalUId=uid, seriesMasterId="weekly").uid == "weekly"
        (dated,) = reader().read(item(iCalUId=uid), "weekly@20260302", date(2026, 3, 2), "series@sample").events
        assert (dated.id, dated.uid, dated.original_start) == ("weekly@20260302", "series@sample", date(2026, 3, 2))

    @pytest.mark.parametrize(
        ("fields", "why"),
        [
            ({"id": None}, "it has no id"),
            ({"id": 7}, "it has no id"),
            ({"id": "x" * 2000}, "its id is longer than 1,000 characters"),
            ({"iCalUId": "x" * 2000}, "its UID is longer than 1,000 characters"),
            ({"attendees": {}}, "its list of people cannot be read"),
            ({"type": "seriesMaster"}, "its series has no pattern or no range"),
        ],
    )
    def test_what_cannot_be_read_is_named(self, fields: dict[str, Any], why: str) -> None:
        told = {**item(), **fields}

        page = reader().read({name: value for name, value in told.items() if value is not None})

        assert reason(page) == why
        assert page.unread == (("one",) if fields.get("id", "one") == "one" and "id" not in fields else ())

    @pytest.mark.parametrize("thing", [None, 7, "one", ["one"]])
    def test_what_is_no_event_is_named(self, thing: object) -> None:
        assert reason(reader().read(thing)) == "it is not an event"

    def test_an_id_is_shown_without_what_could_harm_a_terminal(self) -> None:
        page = reader().read(item(id="one\x1b[31m", start=None))

        assert page.skipped[0].id == "one[31m"
        assert page.unread == ("one\x1b[31m",)

    def test_pages_are_put_together_in_their_order(self) -> None:
        page = joined([reader().read(item()), reader().read(item(id="two")), reader().read(None)])

        assert [found.id for found in page.events] == ["one", "two"]
        assert len(page.skipped) == 1


class TestWhen:
    @pytest.mark.parametrize(
        ("start", "expected"),
        [
            (when("2026-03-02T10:00:00.0000000"), on(10)),
            (when("2026-03-02T11:00:00", "W. Europe Standard Time"), on(10)),
            (when("2026-03-02T11:00:00", "Europe/Berlin"), on(10)),
            (when("2026-03-02T10:00:00", "tzone://Microsoft/Utc"), on(10)),
            (when("2026-03-02T10:00:00Z", "Pacific Standard Time"), on(10)),
            (when("2026-03-02T11:00:00+01:00", values.CUSTOM), on(10)),
            ({"dateTime": "2026-03-02T10:00"}, on(10)),
        ],
    )
    def test_a_time_is_read_in_the_zone_that_it_names(self, start: object, expected: datetime) -> None:
        assert event(start=start, end=when("2026-03-02T12:00:00")).slot == Slot(expected, on(12))

    def test_an_event_does_not_end_before_it_begins(self) -> None:
        assert event(end=when("2026-03-02T09:00:00")).slot == Slot(on(10), on(10))

    @pytest.mark.parametrize(
        ("start", "end", "zone"),
        [
            (when("2026-03-02T00:00:00"), when("2026-03-04T00:00:00"), "Pacific Standard Time"),
            (when("2026-03-01T23:00:00"), when("2026-03-03T23:00:00"), "W. Europe Standard Time"),
            (when("2026-03-02T08:00:00"), when("2026-03-04T08:00:00"), "Pacific Standard Time"),
            (when("2026-03-01T23:00:00"), when("2026-03-03T23:00:00"), values.CUSTOM),
            (when("2026-03-02T05:00:00"), when("2026-03-04T05:00:00"), None),
            (when("2026-03-02T00:00:00", values.CUSTOM), when("2026-03-04T00:00:00", values.CUSTOM), values.CUSTOM),
        ],
    )
    def test_days_are_those_of_the_zone_in_which_it_was_made(self, start: object, end: object, zone: object) -> None:
        found = event(isAllDay=True, start=start, end=end, originalStartTimeZone=zone, originalEndTimeZone=zone)

        assert found.slot == Slot(date(2026, 3, 2), date(2026, 3, 4))

    def test_days_over_a_change_of_clocks_are_whole(self) -> None:
        found = event(isAllDay=True, start=when("2026-03-28T23:00:00"), end=when("2026-03-29T22:00:00"))

        assert found.slot == Slot(date(2026, 3, 29), date(2026, 3, 30))

    def test_a_day_lasts_a_day_at_least(self) -> None:
        same = when("2026-03-02T00:00:00")

        assert event(isAllDay=True, start=same, end=same).slot == Slot(date(2026, 3, 2), date(2026, 3, 3))

    @pytest.mark.parametrize(
        ("fields", "why"),
        [
            ({"start": None}, "it has no start or end"),
            ({"end": "2026-03-02"}, "it has no start or end"),
            ({"start": {"dateTime": 20260302}}, "it has no start or end"),
            ({"start": when("tomorrow")}, "a date or time cannot be read"),
            ({"start": when("2026-02-30T10:00:00")}, "a value cannot be read"),
            ({"start": when("2026-03-02T10:00:00+99:00")}, "a value cannot be read"),
            ({"start": when("0001-01-01T00:00:00")}, "its year is out of any calendar"),
            ({"end": when("4501-01-01T00:00:00")}, "its year is out of any calendar"),
            ({"start": when("2026-03-02T10:00:00", values.CUSTOM)}, "its time zone is not known"),
            ({"start": {"dateTime": "2026-03-02T10:00:00", "timeZone": ["x"]}}, "its time zone is not known"),
        ],
    )
    def test_a_time_that_cannot_be_read_is_named(self, fields: dict[str, Any], why: str) -> None:
        page = reader().read(item(**fields))

        assert reason(page) == why
        assert page.unread == ("one",)

    def test_a_series_is_its_first_occurrence_and_a_text(self) -> None:
        recurrence = values.settled(values.weekly("tuesday"), date(2026, 3, 2), "W. Europe Standard Time")

        found = event(type="seriesMaster", recurrence=recurrence)

        assert found.slot == Slot(on(10, 3), on(11, 3))
        assert found.recurrence is not None
        assert expand(found.recurrence, on(0, 1), on(0, 18)) == (on(10, 3), on(10, 10), on(10, 17))

    @pytest.mark.parametrize(
        ("fields", "all_day", "expected"),
        [
            ({"originalStart": "2026-03-09T10:00:00Z"}, False, on(10, 9)),
            ({"originalStart": "2026-03-08T23:00:00Z"}, True, date(2026, 3, 9)),
            ({"type": "occurrence"}, False, on(10)),
            ({"type": "exception"}, False, None),
        ],
    )
    def test_a_date_says_where_its_series_has_it(self, fields: dict[str, Any], all_day: bool, expected: object) -> None:
        assert original_start(item(**fields), all_day=all_day) == expected

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("OID.AAMk.x=.2026-03-09", date(2026, 3, 9)),
            ("OID.AAMk=.2026-99-09", None),
            ("AAMk=.2026-03-09", None),
            (None, None),
        ],
    )
    def test_the_name_of_an_occurrence_ends_with_its_day(self, name: object, expected: date | None) -> None:
        assert original_day(name) == expected


class TestWho:
    @pytest.mark.parametrize(
        ("response", "expected"),
        [
            ("accepted", Answer.ACCEPTED),
            ("tentativelyAccepted", Answer.TENTATIVE),
            ("declined", Answer.DECLINED),
            ("none", Answer.NONE),
            ("notResponded", Answer.NONE),
            ("organizer", Answer.ACCEPTED),
            ("dancing", Answer.NONE),
        ],
    )
    def test_the_organiser_knows_what_everybody_answered(self, response: str, expected: Answer) -> None:
        assert rows(event(attendees=[row(ANN, response)]))[ANN].answer is expected

    @pytest.mark.parametrize("time", NEVER)
    def test_an_answer_without_a_time_has_none(self, time: object) -> None:
        assert rows(event(attendees=[row(ANN, "accepted", time)]))[ANN] == Attendee(ANN, Answer.ACCEPTED)

    @pytest.mark.parametrize("response", ["none", "notResponded", "organizer"])
    def test_who_did_not_answer_did_so_at_no_time(self, response: str) -> None:
        assert rows(event(attendees=[row(ANN, response, "2026-02-28T10:00:00Z")]))[ANN].answered_at is None

    @pytest.mark.parametrize(
        ("kind", "optional", "resource"),
        [("required", False, False), ("optional", True, False), ("resource", False, True), (None, False, False)],
    )
    def test_a_row_says_how_much_a_person_is_wanted(self, kind: object, optional: bool, resource: bool) -> None:
        found = rows(event(attendees=[row(ANN, type=kind)]))[ANN]

        assert (found.optional, found.resource) == (optional, resource)

    def test_who_proposes_a_time_is_seen_on_the_organiser_s_copy(self) -> None:
        proposal = {"start": when("2026-03-03T10:00:00"), "end": when("2026-03-03T11:00:00")}
        told = row(ANN, "tentativelyAccepted", "2026-02-28T10:00:00Z", proposedNewTime=proposal)

        assert rows(event(attendees=[told]))[ANN].proposed == Slot(on(10, 3), on(11, 3))
        assert rows(said(as_guest(told)))[ANN].proposed is None

    @pytest.mark.parametrize(
        "proposal",
        [
            None,
            "later",
            {},
            {"start": when("2026-03-03T10:00:00")},
            {"start": when("2026-03-03T10:00:00"), "end": when("2026-03-02T10:00:00")},
            {"start": when("0001-01-01T00:00:00"), "end": when("0001-01-01T00:00:00")},
            {"start": when("2026-03-03T10:00:00", values.CUSTOM), "end": when("2026-03-03T11:00:00")},
        ],
    )
    def test_a_proposal_that_cannot_be_one_is_none(self, proposal: object) -> None:
        assert rows(event(attendees=[row(ANN, proposedNewTime=proposal)]))[ANN].proposed is None

    def test_a_guest_s_copy_knows_the_guest_s_own_answer_alone(self) -> None:
        mine = {"response": "accepted", "time": "2026-02-28T10:00:00Z"}

        found = said(as_guest(row(BOB, "accepted"), row(REP.upper(), "none", type="optional"), responseStatus=mine))

        assert rows(found) == {
            BOB: Attendee(BOB, Answer.NOT_VISIBLE),
            REP: Attendee(REP, Answer.ACCEPTED, on(10, 28, 2), optional=True),
        }
        assert found.organizer == ANN
        assert found.sees == {Capability.GUESTS}

    def test_a_guest_who_is_not_in_the_list_was_invited_all_the_same(self) -> None:
        found = said(as_guest(row("team@acme.example"), responseStatus={"response": "declined", "time": NEVER[0]}))

        assert rows(found)[REP] == Attendee(REP, Answer.DECLINED)

    def test_a_list_kept_from_guests_is_hidden_and_not_from_the_organiser(self) -> None:
        guest, own = said(as_guest(hideAttendees=True)), event(hideAttendees=True)

        assert (guest.hidden_guests, guest.sees) == (True, frozenset())
        assert (own.hidden_guests, own.sees) == (False, EVERYTHING)

    def test_whose_copy_it_is_shows_by_the_organiser_where_it_is_not_said(self) -> None:
        assert event(isOrganizer=None).sees == EVERYTHING
        assert said({**as_guest(), "isOrganizer": None}).sees == {Capability.GUESTS}

    @pytest.mark.parametrize(
        ("organizer", "people", "expected"),
        [
            ({"emailAddress": {"name": ANN, "address": "/O=EXCHANGELABS/CN=ANN"}}, [], ANN),
            ({"emailAddress": {"name": "Ann", "address": "SMTP:ann@acme.example"}}, [], ANN),
            ({"emailAddress": {"name": "Ann", "address": "/O=X/CN=a@b"}}, [row(BOB), row(ANN, "organizer")], ANN),
            ({"emailAddress": {"name": "Ann"}}, [row("/O=X", "organizer")], None),
            (None, [7], None),
            ({"emailAddress": [ANN]}, [], None),
        ],
    )
    def test_an_organiser_is_named_by_an_address_of_the_internet(
        self, organizer: object, people: list[object], expected: str | None
    ) -> None:
        assert said(as_guest(*people, organizer=organizer)).organizer == expected

    def test_a_person_without_an_address_is_missing_from_the_list(self) -> None:
        found = event(attendees=[row("/O=X/CN=Y"), row(ANN), "x", row(7)])

        assert list(rows(found)) == [ANN]
        assert Capability.GUESTS not in found.sees

    def test_an_address_that_is_listed_twice_is_one_person_with_an_answer(self) -> None:
        found = event(attendees=[row(ANN), row(ANN.upper(), "accepted", "2026-02-28T10:00:00Z")])

        assert [each.answer for each in found.attendees] == [Answer.ACCEPTED]

    def test_more_people_than_are_read_are_counted(self) -> None:
        page = reader().read(item(attendees=[row(f"p{n}@acme.example") for n in range(5001)]))

        assert [skipped.reason for skipped in page.skipped] == [
            "it has more than 5,000 guests: the others were not read"
        ]
        assert page.unread == ()
        assert Capability.GUESTS not in page.events[0].sees


class TestBooking:
    @pytest.mark.parametrize(
        "fields",
        [
            {"location": {"displayName": "https://book.sample.example/abc"}},
            {"location": {"locationUri": "https://book.sample.example/abc"}},
            {"locations": ["x", {"displayName": "https://book.sample.example/abc"}]},
            {"onlineMeeting": {"joinUrl": "https://book.sample.example/abc"}},
            {"onlineMeetingUrl": "https://book.sample.example/abc"},
        ],
    )
    def test_a_link_in_any_place_for_links_is_a_trace(self, fields: dict[str, Any]) -> None:
        assert event(**fields).booking == Booking("sample tool", Confidence.LIKELY)

    @pytest.mark.parametrize(
        "fields",
        [
            {"webLink": "https://book.sample.example/abc"},
            {"subject": "https://book.sample.example/abc"},
            {"location": 7, "locations": {}, "onlineMeeting": "x", "onlineMeetingUrl": []},
        ],
    )
    def test_other_places_hold_none(self, fields: dict[str, Any]) -> None:
        assert event(**fields).booking is None

    @pytest.mark.parametrize(
        "fields",
        [{"body": {"content": "https://book.sample.example/abc"}}, {"bodyPreview": "https://book.sample.example/abc"}],
    )
    def test_the_text_is_looked_at_only_where_that_is_allowed(self, fields: dict[str, Any]) -> None:
        assert event(**fields).booking is None
        assert reader(read_text=True).read(item(**fields)).events[0].booking == Booking(
            "sample tool", Confidence.LIKELY
        )


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([REP, "one", "accepted"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
STAMPS = st.datetimes().map(lambda at: f"{at.isoformat()}0Z") | st.datetimes().map(lambda at: at.isoformat())
TIMES = st.fixed_dictionaries(
    {},
    optional={
        "dateTime": STAMPS | VALUES,
        "timeZone": st.sampled_from(["UTC", "W. Europe Standard Time", values.CUSTOM, "..", "\ud800", "\0"]) | VALUES,
    },
)
PEOPLE = st.fixed_dictionaries(
    {},
    optional={
        "emailAddress": st.fixed_dictionaries({}, optional={"address": VALUES, "name": VALUES}) | VALUES,
        "status": st.fixed_dictionaries({}, optional={"response": VALUES, "time": STAMPS | VALUES}) | VALUES,
        "proposedNewTime": st.fixed_dictionaries({"start": TIMES, "end": TIMES}) | VALUES,
        "type": VALUES,
    },
)
RECURRENCES = st.fixed_dictionaries(
    {
        "pattern": st.fixed_dictionaries(
            {"type": st.sampled_from(["daily", "weekly", "absoluteYearly", "relativeMonthly"]) | VALUES},
            optional={
                "interval": st.integers(1, 1000) | VALUES,
                "daysOfWeek": st.lists(st.sampled_from(values.DAYS) | VALUES) | VALUES,
                **dict.fromkeys(("month", "dayOfMonth"), st.integers(0, 40) | VALUES),
                **dict.fromkeys(("index", "firstDayOfWeek"), st.sampled_from(["last", "monday"]) | VALUES),
            },
        ),
        "range": st.fixed_dictionaries(
            {"type": st.sampled_from(["noEnd", "numbered", "endDate"]) | VALUES},
            optional={
                **dict.fromkeys(("startDate", "endDate"), st.dates().map(str) | VALUES),
                "numberOfOccurrences": st.integers() | VALUES,
                "recurrenceTimeZone": VALUES,
            },
        ),
    }
)
OTHERS = (
    *("iCalUId", "seriesMasterId", "organizer", "isOrganizer", "responseStatus", "subject", "sensitivity", "showAs"),
    *("location", "locations", "onlineMeeting", "body", "createdDateTime", "hideAttendees", "originalStartTimeZone"),
)
ITEMS = st.fixed_dictionaries(
    {"id": st.just("one")},
    optional={
        **dict.fromkeys(("start", "end"), TIMES | VALUES),
        **dict.fromkeys(OTHERS, VALUES),
        "isAllDay": st.booleans() | VALUES,
        "type": st.sampled_from(["singleInstance", "seriesMaster", "exception"]) | VALUES,
        "recurrence": RECURRENCES | VALUES,
        "attendees": st.lists(PEOPLE | VALUES) | VALUES,
    },
)


@given(VALUES | ITEMS)
def test_whatever_comes_nothing_raises_and_nothing_is_lost(thing: object) -> None:
    page = reader(read_text=True).read(thing)

    assert len([*page.events, *page.skipped]) == 1
    assert all(moment.tzinfo is UTC for moment in moments(page) if isinstance(moment, datetime))
    assert all(found.slot.duration >= timedelta() for found in page.events)


@given(st.text(st.characters(exclude_categories=["Ll"]), min_size=6, max_size=40))
def test_a_reason_repeats_no_text_of_the_calendar(text: str) -> None:
    for spoilt in ({"start": when(text)}, {"type": "seriesMaster", "recurrence": text}, {"attendees": text}):
        page = reader().read(item(**spoilt))

        assert not [skipped for skipped in page.skipped if text in skipped.reason]


def recorded(value: object) -> Iterator[dict[str, Any]]:
    """Yield what looks like an event anywhere in a recorded answer."""
    if isinstance(value, dict):
        if "start" in value or "iCalUId" in value:
            yield value
        else:
            for each in value.values():
                yield from recorded(each)
    elif isinstance(value, list):
        for each in value:
            yield from recorded(each)


@pytest.mark.skipif(not CORPUS, reason="CALSIGNAL_CORPUS does not name a folder with graph_json/*.json")
@pytest.mark.parametrize("path", CORPUS, ids=lambda path: path.stem)
def test_every_real_answer_is_read_or_named(path: Path) -> None:
    for each in recorded(json.loads(path.read_text())):
        page = reader(read_text=True).read(each)

        assert page.events or page.skipped
        assert all(skipped.id and skipped.reason for skipped in page.skipped)
        for found in page.events:
            expanded(found.recurrence)


def expanded(recurrence: str | None) -> None:
    try:
        starts = expand(recurrence or "", START, START + timedelta(days=365))
    except UnreadableSeries:
        return
    assert list(starts) == sorted(set(starts))
