"""One connection to the service: what it asks, what it makes of the answers, and of everything that goes wrong."""

from __future__ import annotations

import json
import math
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from requests import exceptions

from calsignal.contract import Access, CalledOff, Event, Gone, LinkPattern, Page, Window
from calsignal.errors import NeedsSignIn, Retriable, SourceError
from calsignal.model import Answer, Booking, Confidence, EventStatus, Slot
from calsignal.recurrence import expand
from calsignal.testing import START, Meeting, follow, listed
from calsignal_microsoft import client
from calsignal_microsoft.client import Client, NotThere, NotUnderstood, failure, open_service
from calsignal_microsoft.translate import FIELDS
from loopback import Fault, Reply
from microsoft_calendar import service_faults as faults
from microsoft_calendar import service_values as values
from microsoft_calendar.remote import REP, WINDOW, MicrosoftRemote, patient, signed_in
from microsoft_calendar.service import NOW, MicrosoftService
from microsoft_calendar.test_translate import item

ANN = "ann@acme.example"
DAY, WEEK, HOUR = timedelta(days=1), timedelta(weeks=1), timedelta(hours=1)
LINKS = (LinkPattern("sample tool", r"book\.sample\.example/\w+", Confidence.LIKELY),)
EVENT = r"/events/[^/]+$"


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[MicrosoftService]:
    with MicrosoftService() as running:
        running.environment(monkeypatch)
        yield running


@pytest.fixture
def remote(service: MicrosoftService) -> Iterator[MicrosoftRemote]:
    made = MicrosoftRemote(service)
    yield made
    made.provider.close()


def add(remote: MicrosoftRemote, number: int = 1) -> list[str]:
    """Add single meetings, a day apart, and return their ids."""
    return [remote.box.id(remote.box.add(f"Sample {at}", START + at * DAY, attendees=[ANN])) for at in range(number)]


def weekly(remote: MicrosoftRemote, **more: Any) -> str:  # noqa: ANN401
    """Add a weekly series of ten dates and return its key."""
    usual = {"attendees": [ANN], "recurrence": values.weekly(times=10)}
    return remote.box.add("Weekly", START, **{**usual, **more})


def always(answer: Callable[[], Reply]) -> Fault:
    return lambda _service, _request, _due: answer()


def off(pages: list[Page]) -> list[CalledOff]:
    return [each for page in pages for each in page.called_off]


def events(pages: list[Page]) -> dict[str, Event]:
    return {event.id: event for event in listed(pages)}


def key(remote: MicrosoftRemote, series: str, original: datetime) -> str:
    """Return the id of a date."""
    return f"{remote.box.id(series)}@{original:%Y%m%dT%H%M%SZ}"


class TestWhatIsAsked:
    def test_the_window_and_the_series_are_asked_for_in_utc_by_ids_that_stay(self, remote: MicrosoftRemote) -> None:
        remote.pulled()

        masters, view = remote.service.asked()

        assert (masters.path, view.path) == ("/v1.0/me/calendar/events", "/v1.0/me/calendar/calendarView")
        assert masters.params == {"$filter": "type eq 'seriesMaster'", "$top": "1000"}
        assert view.params == {
            "startDateTime": f"{WINDOW.start:%Y-%m-%dT%H:%M:%SZ}",
            "endDateTime": f"{WINDOW.end:%Y-%m-%dT%H:%M:%SZ}",
            "$top": "1000",
        }
        assert {request.headers["prefer"] for request in (masters, view)} == {
            'IdType="ImmutableId", outlook.timezone="UTC", outlook.body-content-type="text"'
        }

    @pytest.mark.parametrize(
        ("scopes", "read_text", "chosen"),
        [
            ("Calendars.ReadBasic User.Read", False, False),
            ("https://graph.microsoft.com/Calendars.ReadBasic", False, False),
            ("Calendars.Read User.Read", False, True),
            ("Calendars.Read User.Read", True, False),
            ("https://graph.microsoft.com/.default", False, True),
            ("", False, True),
        ],
    )
    def test_texts_are_left_out_where_they_could_be_had_and_may_not(
        self, remote: MicrosoftRemote, scopes: str, read_text: bool, chosen: bool
    ) -> None:
        remote.pulled(settings={"scopes": scopes, "user": "me"}, read_text=read_text)

        fields = {request.params.get("$select", "") for request in remote.service.asked()}

        assert fields == {FIELDS if chosen else ""}
        assert "body" not in FIELDS

    @pytest.mark.parametrize("number", [0, 999, 1000, 2001])
    def test_a_sync_asks_as_often_as_there_are_pages_changed_or_not(self, remote: MicrosoftRemote, number: int) -> None:
        for at in range(number):
            remote.box.put_raw({"id": f"sample{at}", "start": None})

        *_, last = remote.pulled()
        assert remote.requests() <= math.ceil(number / 1000) + 2
        before = remote.requests()
        remote.pulled(last.cursor)

        assert remote.requests() - before <= math.ceil(number / 1000) + 2

    def test_a_team_s_mailbox_is_asked_for_by_its_id(self, remote: MicrosoftRemote) -> None:
        remote.service.sign_in.app.roles = {"Calendars.Read"}
        (name,) = add(remote)
        person = remote.service.directory.people[REP]

        opened = remote.open(settings={"scopes": "https://graph.microsoft.com/.default", "user": person.id})
        opened._opened = Client(Tokens(remote.service.app_token()), f"{remote.service.graph_url}/")  # type: ignore[attr-defined]
        pages = list(opened.pull(opened.calendars()[0], None))

        assert [event.id for event in listed(pages)] == [name]
        assert {request.path.split("/")[3] for request in remote.service.asked()} == {person.id}

    def test_booking_links_in_texts_are_found_only_where_that_is_allowed(self, service: MicrosoftService) -> None:
        remote = MicrosoftRemote(service, scopes=("Calendars.Read", "User.Read"))
        body = {"contentType": "html", "content": "Sample https://book.sample.example/abc"}
        remote.box.add("Sample", START, attendees=[ANN], body=body)

        found = [listed(remote.pulled(links=LINKS, read_text=allowed))[0].booking for allowed in (False, True)]
        remote.provider.close()

        assert found == [None, Booking("sample tool", Confidence.LIKELY)]

    @pytest.mark.parametrize("path", ["/v1.0", "/gateway/graph/v1.0"])
    @pytest.mark.parametrize("shorter", ["", "/v1.0"])
    def test_the_address_of_the_service_comes_with_or_without_its_version(
        self, path: str, shorter: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with MicrosoftService(path) as service:
            service.environment(monkeypatch)
            remote = MicrosoftRemote(service)
            names = add(remote, 3)
            service.pages.size = 2

            given = {**remote.access().config, "graph_url": service.graph_url.removesuffix(shorter)}
            pages = remote.pulled(config=given)
            remote.provider.close()

        assert [event.id for event in listed(pages)] == sorted(names)


class Tokens:
    """A sign-in with one token; it counts how often another one was wanted."""

    def __init__(self, token: str = "sample") -> None:
        self.given, self.renewed = token, 0
        self.certificate_ends: datetime | None = None

    def token(self) -> str:
        return self.given

    def renew(self) -> None:
        self.renewed += 1

    def close(self) -> None:
        pass


class TestPages:
    def test_an_empty_page_leads_on(self, remote: MicrosoftRemote) -> None:
        names = add(remote, 2)
        remote.service.fault(faults.empty_page(), path="calendarView")

        pages = remote.pulled()

        assert [len(page.events) for page in pages] == [0, 2, 0]
        assert sorted(names) == [event.id for event in listed(pages)]
        assert [bool(page.cursor) for page in pages] == [False, False, True]
        assert all(page.full for page in pages)

    def test_what_comes_on_two_pages_is_one_event(self, remote: MicrosoftRemote) -> None:
        remote.service.pages.size, remote.service.pages.overlap = 3, 1
        names = add(remote, 7)
        series = remote.box.id(weekly(remote))

        known, _ = follow(remote.open(), {}, None)

        assert sorted(known) == sorted([*names, series])

    @pytest.mark.parametrize("cursor", ["", "nonsense", "[]", "{}", '{"until": 7, "series": {}}', '{"series": []}'])
    def test_a_cursor_that_cannot_be_read_is_none(self, remote: MicrosoftRemote, cursor: str) -> None:
        names = add(remote)

        assert [event.id for event in listed(remote.pulled(cursor))] == names

    def test_there_is_no_secret_and_no_id_in_a_cursor(self, remote: MicrosoftRemote) -> None:
        series = weekly(remote)
        remote.box.cancel_instance(series, START + WEEK)

        *_, last = remote.pulled()

        assert last.cursor is not None
        assert remote.box.id(series) not in last.cursor
        assert "20260309T100000Z" in last.cursor

    @pytest.mark.parametrize(
        "body",
        [b"[]", b"{}", b'{"value": {}}', b'{"value": [], "@odata.nextLink": 7}', b"[" * 99999, b"", b'{"value": NaN'],
    )
    def test_an_answer_that_is_no_list_may_be_one_later(self, remote: MicrosoftRemote, body: bytes) -> None:
        remote.service.fault(always(lambda: Reply(body=body)))
        names = add(remote)

        with pytest.raises(Retriable):
            remote.pulled()

        assert [event.id for event in listed(remote.pulled())] == names

    def test_a_list_that_leads_to_itself_has_an_end(self, remote: MicrosoftRemote) -> None:
        link = f"{remote.service.graph_url}/me/calendar/calendarView?again"
        body = {"value": [], "@odata.nextLink": link}
        remote.service.fault(always(lambda: faults.answer(body)), times=9, path="calendarView")

        with pytest.raises(SourceError, match="has no end"):
            remote.pulled()

        assert len(remote.service.asked("calendarView")) == 2

    def test_a_list_that_leads_on_and_on_has_an_end(
        self, remote: MicrosoftRemote, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(client, "MOST_PAGES", 3)
        remote.service.pages.size = 1
        add(remote, 5)

        with pytest.raises(SourceError, match="has no end"):
            remote.pulled()

    def test_half_a_character_in_an_answer_ends_no_sync(self, remote: MicrosoftRemote) -> None:
        link = f"{remote.service.graph_url}/me/calendar/calendarView?\ud800"
        date = item(id="two", type="exception", seriesMasterId="\ud800")
        body = {"value": [date, item(subject="\U0001f389 \ude00")], "@odata.nextLink": link}
        answers = iter([body, {"value": []}])
        remote.service.fault(always(lambda: faults.answer(next(answers))), times=2, path="calendarView")

        pages = remote.pulled()

        assert len(remote.service.asked("calendarView")) == 2
        assert [event.subject for event in listed(pages)] == ["\U0001f389 \ufffd"]

    @pytest.mark.parametrize("host", [None, "elsewhere.example", "[::bad"])
    def test_a_list_that_leads_to_another_host_is_not_followed(self, remote: MicrosoftRemote, host: str | None) -> None:
        remote.service.pages.size = 2
        add(remote, 3)
        remote.service.fault(faults.foreign_next_link(host), path="calendarView")

        with pytest.raises(SourceError, match="another host") as caught:
            remote.pulled()

        assert not isinstance(caught.value, Retriable)
        assert "graph_url" in caught.value.hint
        assert remote.service.asked(host="localhost") == []

    def test_what_stands_for_no_event_is_named(self, remote: MicrosoftRemote) -> None:
        body: dict[str, object] = {"value": [None, 7, {"type": "occurrence", "seriesMasterId": "x" * 2000, "id": "o"}]}
        remote.service.fault(always(lambda: faults.answer(body)), path="calendarView")

        pages = remote.pulled()

        assert [skipped.id for page in pages for skipped in page.skipped] == ["an event without an id"] * 2 + ["o"]


class TestSeries:
    def test_plain_dates_are_left_to_the_series(self, remote: MicrosoftRemote) -> None:
        series = weekly(remote)

        (event,) = listed(remote.pulled())

        assert (event.id, event.original_start) == (remote.box.id(series), None)
        assert event.recurrence is not None
        # the change of clocks is on 29 March
        assert expand(event.recurrence, START, START + 28 * DAY) == (
            *(START + week * WEEK for week in range(4)),
            START + 4 * WEEK - HOUR,
        )

    def test_a_series_over_before_the_window_is_left_out(self, remote: MicrosoftRemote) -> None:
        remote.box.add("Old", START - 500 * DAY, recurrence=values.daily(times=3))

        assert listed(remote.pulled()) == []

    def test_a_series_that_began_before_the_window_is_there(self, remote: MicrosoftRemote) -> None:
        series = remote.box.add("Old", START - 500 * DAY, recurrence=values.weekly())

        pages = remote.pulled()

        assert list(events(pages)) == [remote.box.id(series)]
        assert off(pages) == []

    def test_a_moved_date_names_its_place_in_the_series(self, remote: MicrosoftRemote) -> None:
        series = weekly(remote)
        remote.box.move_instance(series, START + WEEK, START + WEEK + DAY)

        found = events(remote.pulled())[key(remote, series, START + WEEK)]

        assert found.original_start == START + WEEK
        assert found.slot == Slot(START + WEEK + DAY, START + WEEK + DAY + HOUR)
        assert found.recurrence is None

    def test_a_date_answered_apart_is_told_apart(self, remote: MicrosoftRemote) -> None:
        series = weekly(remote)
        remote.box.answer(remote.box.instance(series, START + WEEK), ANN, "declined", at=NOW)

        found = events(remote.pulled())[key(remote, series, START + WEEK)]

        assert [(each.answer, each.answered_at) for each in found.attendees] == [(Answer.DECLINED, NOW)]

    def test_a_date_called_off_is_one_change_and_confirmed_by_one_look(self, remote: MicrosoftRemote) -> None:
        series = weekly(remote)
        *_, last = remote.pulled()
        remote.box.cancel_instance(series, START + WEEK)
        before = remote.requests()

        pages = remote.pulled(last.cursor)

        called = CalledOff(key(remote, series, START + WEEK), remote.box.id(series), START + WEEK)
        assert off(pages) == [called]
        assert remote.requests() - before == 3
        again = remote.pulled(pages[-1].cursor)
        assert off(again) == [called]
        assert remote.requests() - before == 5

    def test_at_a_first_pull_missing_dates_are_called_off_without_a_look(self, remote: MicrosoftRemote) -> None:
        series = weekly(remote)
        remote.box.cancel_instance(series, START + WEEK)

        pages = remote.pulled()

        assert [each.original_start for each in off(pages)] == [START + WEEK]
        assert remote.requests() == 2

    def test_several_dates_of_a_series_are_confirmed_by_one_look(self, remote: MicrosoftRemote) -> None:
        series = weekly(remote)
        *_, last = remote.pulled()
        for week in (1, 2, 3):
            remote.box.cancel_instance(series, START + week * WEEK)
        before = remote.requests()

        pages = remote.pulled(last.cursor)

        assert [each.original_start for each in off(pages)] == [START + week * WEEK for week in (1, 2, 3)]
        assert remote.requests() - before == 3

    def test_a_date_moved_out_of_the_window_is_moved_and_not_called_off(self, remote: MicrosoftRemote) -> None:
        series = weekly(remote)
        *_, last = remote.pulled()
        remote.box.move_instance(series, START + WEEK, WINDOW.end + WEEK)

        pages = remote.pulled(last.cursor)

        assert off(pages) == []
        assert events(pages)[key(remote, series, START + WEEK)].slot.start == WINDOW.end + WEEK

    def test_a_date_that_a_look_finds_unchanged_is_not_called_off(self, remote: MicrosoftRemote) -> None:
        series = weekly(remote)
        *_, last = remote.pulled()
        short = {"value": [json.loads(json.dumps(remote.box.item(remote.box.instance(series, START))))]}
        remote.service.fault(always(lambda: faults.answer(short)), path="calendarView")

        assert off(remote.pulled(last.cursor)) == []

    def test_where_a_look_does_not_tell_the_list_is_believed(self, remote: MicrosoftRemote) -> None:
        series = weekly(remote)
        *_, last = remote.pulled()
        remote.box.cancel_instance(series, START + WEEK)
        told = {"id": remote.box.id(series), "exceptionOccurrences": [7], "cancelledOccurrences": None}
        remote.service.fault(always(lambda: faults.answer(told)), path=EVENT)

        assert [each.original_start for each in off(remote.pulled(last.cursor))] == [START + WEEK]

    def test_a_date_that_comes_back_is_left_to_the_series_again(self, remote: MicrosoftRemote) -> None:
        series = weekly(remote)
        remote.box.cancel_instance(series, START + WEEK)
        *_, last = remote.pulled()
        remote.box.restore(remote.box.instance(series, START + WEEK))
        del remote.service.world.records[f"{series}@20260309T100000Z"]

        opened = remote.open()
        pages = list(opened.pull(opened.calendars()[0], last.cursor))
        before = remote.requests()

        assert off(pages) == []
        assert opened.find(opened.calendars()[0], key(remote, series, START + WEEK)) == Gone()
        assert remote.requests() == before

    def test_a_date_that_comes_into_sight_called_off_needs_no_look(self, remote: MicrosoftRemote) -> None:
        series = remote.box.add("Weekly", START, attendees=[ANN], recurrence=values.weekly(), zone="UTC")
        late = START + 26 * WEEK
        remote.box.cancel_instance(series, late)
        *_, last = remote.pulled()
        before = remote.requests()

        pages = remote.pulled(last.cursor, window=Window(WINDOW.start + WEEK, WINDOW.end + WEEK))

        assert [each.original_start for each in off(pages)] == [late]
        assert remote.requests() - before == 2

    def test_a_series_that_was_moved_is_looked_at_afresh(self, remote: MicrosoftRemote) -> None:
        series = weekly(remote)
        remote.box.cancel_instance(series, START + WEEK)
        *_, last = remote.pulled()
        remote.box.move(series, START + HOUR)
        before = remote.requests()

        pages = remote.pulled(last.cursor)

        assert off(pages) == []
        assert [event.slot.start for event in listed(pages)] == [START + HOUR]
        assert remote.requests() - before == 2

    def test_a_series_that_goes_while_it_is_read_is_gone(self, remote: MicrosoftRemote) -> None:
        series = weekly(remote)
        name = remote.box.id(series)
        *_, last = remote.pulled()
        cancel = faults.meanwhile(lambda _: remote.box.cancel(series))
        remote.service.fault(cancel, path="calendarView")

        opened = remote.open()
        pages = list(opened.pull(opened.calendars()[0], last.cursor))
        before = remote.requests()

        assert listed(pages) == []
        assert opened.find(opened.calendars()[0], name) == Gone()
        assert remote.requests() == before

    def test_a_series_that_comes_while_it_is_read_is_asked_for(self, remote: MicrosoftRemote) -> None:
        made: list[str] = []
        remote.service.fault(faults.meanwhile(lambda _: made.append(weekly(remote))), path="calendarView")

        (event,) = listed(remote.pulled())

        assert event.id == remote.box.id(made[0])
        assert event.recurrence

    def test_dates_of_a_series_that_is_not_to_be_had_speak_for_themselves(self, remote: MicrosoftRemote) -> None:
        series = weekly(remote, recurrence=values.weekly(times=2))
        remote.service.fault(always(lambda: faults.answer({"value": []})), path="/calendar/events$")
        remote.service.fault(faults.not_found(), path=EVENT)

        found = events(remote.pulled())

        assert list(found) == [key(remote, series, START), key(remote, series, START + WEEK)]
        assert [event.original_start for event in found.values()] == [START, START + WEEK]

    def test_where_series_are_not_listed_each_is_asked_for(self, remote: MicrosoftRemote) -> None:
        names = sorted(remote.box.id(weekly(remote)) for _ in range(3))
        remote.service.fault(faults.failing(400, "ErrorInvalidUrlQueryFilter"), path="/calendar/events$")

        pages = remote.pulled()

        assert sorted(events(pages)) == names
        assert remote.requests() == 2 + 3

    @pytest.mark.parametrize("zone", [values.CUSTOM])
    def test_a_series_in_a_zone_of_its_own_is_read_date_by_date(self, remote: MicrosoftRemote, zone: str) -> None:
        series = weekly(remote, zone=zone, recurrence=values.weekly(times=6))

        pages = remote.pulled()

        assert len(listed(pages)) == 6
        assert all(event.original_start == event.slot.start for event in listed(pages))
        assert events(pages)[key(remote, series, START + 4 * WEEK - HOUR)].attendees[0].address == ANN
        (skipped,) = [each for page in pages for each in page.skipped]
        assert skipped.reason == "its time zone is not known: each date is read apart"
        assert [name for page in pages for name in page.unread] == [remote.box.id(series)]

    def test_a_date_read_apart_that_goes_is_gone(self, remote: MicrosoftRemote) -> None:
        series = weekly(remote, zone=values.CUSTOM)
        remote.pulled()
        remote.box.cancel_instance(series, START + WEEK)

        opened = remote.open()
        found = events(list(opened.pull(opened.calendars()[0], None)))

        assert opened.find(opened.calendars()[0], key(remote, series, START + WEEK)) == Gone()
        kept = key(remote, series, START)
        assert opened.find(opened.calendars()[0], kept) == found[kept]

    def test_a_series_whose_dates_are_not_those_of_its_pattern_is_read_date_by_date(
        self, remote: MicrosoftRemote
    ) -> None:
        series = weekly(remote, recurrence=values.weekly(times=3))
        recurrence = values.settled(values.weekly(times=3), START.date(), "Tokyo Standard Time")
        wrong = {**remote.box.item(series), "start": wire(START - HOUR), "end": wire(START), "recurrence": recurrence}
        remote.service.fault(always(lambda: faults.answer({"value": [wrong]})), path="/calendar/events$")

        pages = remote.pulled()

        assert [event.slot.start for event in listed(pages)] == [START + week * WEEK for week in range(3)]
        assert [each.reason for page in pages for each in page.skipped] == [
            "its dates are not those of its pattern: each date is read apart"
        ]

    def test_one_date_that_the_pattern_does_not_have_is_told_apart(self, remote: MicrosoftRemote) -> None:
        series = weekly(remote)
        plain = remote.box.item(remote.box.instance(series, START + WEEK))
        odd = {**plain, "id": "odd", "start": wire(START + DAY), "end": wire(START + DAY + HOUR)}
        remote.box.put_raw({**odd, "originalStart": f"{START + DAY:%Y-%m-%dT%H:%M:%SZ}", "occurrenceId": None})

        pages = remote.pulled()

        assert list(events(pages)) == sorted([remote.box.id(series), key(remote, series, START + DAY)])
        assert off(pages) == []

    def test_a_date_that_names_only_its_day_is_known_by_it(self, remote: MicrosoftRemote) -> None:
        series = weekly(remote)
        moved = remote.box.move_instance(series, START + WEEK, START + WEEK + DAY)
        remote.box.put_raw({**remote.box.item(moved), "originalStart": None}, START + WEEK + DAY)

        pages = remote.pulled()

        assert events(pages)[key(remote, series, START + WEEK)].original_start == START + WEEK
        assert off(pages) == []

    @pytest.mark.parametrize("name", ["moved", "x" * 2000, None])
    def test_a_date_that_does_not_say_which_it_is_may_be_any(self, remote: MicrosoftRemote, name: str | None) -> None:
        series = weekly(remote)
        item = remote.box.item(remote.box.move_instance(series, START + WEEK, START + WEEK + DAY))
        spoilt = {**item, "id": name, "originalStart": None, "occurrenceId": None}
        view = [remote.box.item(remote.box.instance(series, START)), spoilt]
        remote.service.fault(always(lambda: faults.answer({"value": view})), path="calendarView")

        pages = remote.pulled()

        assert off(pages) == []
        assert len([each for page in pages for each in page.skipped]) == 1

    def test_a_date_that_cannot_be_read_is_not_called_off(self, remote: MicrosoftRemote) -> None:
        series = weekly(remote)
        item = remote.box.item(remote.box.move_instance(series, START + WEEK, START + WEEK + DAY))
        remote.box.put_raw({**item, "start": {"dateTime": "tomorrow"}}, START + WEEK + DAY)

        pages = remote.pulled()

        assert off(pages) == []
        assert [name for page in pages for name in page.unread] == [key(remote, series, START + WEEK)]

    def test_days_are_told_apart_and_called_off_as_days(self, remote: MicrosoftRemote) -> None:
        first = START.date()
        series = remote.box.add("Fair", first, attendees=[ANN], recurrence=values.daily(times=30))
        remote.box.cancel_instance(series, first + 3 * DAY)
        remote.box.move_instance(series, first + 28 * DAY, first + 40 * DAY)

        pages = remote.pulled()

        name = remote.box.id(series)
        moved = events(pages)[f"{name}@{first + 28 * DAY:%Y%m%d}"]
        assert events(pages)[name].slot == Slot(first, first + DAY)
        assert (moved.original_start, moved.slot.start) == (first + 28 * DAY, first + 40 * DAY)
        assert off(pages) == [CalledOff(f"{name}@{first + 3 * DAY:%Y%m%d}", name, first + 3 * DAY)]

    @pytest.mark.parametrize("zone", ["Pacific Standard Time", "Line Islands Standard Time", "Tokyo Standard Time"])
    @pytest.mark.parametrize("all_day", [False, True])
    def test_at_the_edges_of_the_window_nothing_is_called_off(
        self, remote: MicrosoftRemote, zone: str, all_day: bool
    ) -> None:
        first = START - 400 * DAY
        remote.box.add("Daily", first.date() if all_day else first, recurrence=values.daily(), zone=zone)

        assert off(remote.pulled()) == []

    def test_a_cancelled_date_stays_with_a_guest_until_it_is_cleared_away(self, service: MicrosoftService) -> None:
        service.mailbox(REP)
        guest = MicrosoftRemote(service, "guest@ours.example")
        series = service.mailbox(REP).add("Weekly", START, attendees=[guest.who], recurrence=values.weekly(times=5))
        service.mailbox(REP).cancel_instance(series, START + WEEK)

        pages = guest.pulled()
        guest.provider.close()

        assert events(pages)[key(guest, series, START + WEEK)].status is EventStatus.CANCELLED
        assert off(pages) == []

    def test_a_cancelled_series_is_cancelled_as_a_whole(self, service: MicrosoftService) -> None:
        guest = MicrosoftRemote(service, "guest@ours.example")
        series = service.mailbox(REP).add("Weekly", START, attendees=[guest.who], recurrence=values.weekly(times=5))
        service.mailbox(REP).cancel(series)

        pages = guest.pulled()
        guest.provider.close()

        assert {event.id: event.status for event in listed(pages)} == {guest.box.id(series): EventStatus.CANCELLED}
        assert off(pages) == []

    def test_a_private_series_says_nothing_and_hides_its_dates(self, remote: MicrosoftRemote) -> None:
        series = weekly(remote)
        remote.box.move_instance(series, START + WEEK, START + WEEK + DAY)
        remote.box.make_private(series)

        pages = remote.pulled()

        told = {event.id: (event.private, event.subject) for event in listed(pages)}
        assert told[remote.box.id(series)] == (True, "")

    def test_the_halves_of_a_split_series_are_two(self, remote: MicrosoftRemote) -> None:
        series = weekly(remote)
        later = remote.box.split(series, START + 3 * WEEK)

        pages = remote.pulled()

        assert sorted(events(pages)) == sorted([remote.box.id(series), remote.box.id(later)])
        assert off(pages) == []


def wire(at: datetime) -> dict[str, str]:
    return {"dateTime": f"{at:%Y-%m-%dT%H:%M:%S}.0000000", "timeZone": "UTC"}


class TestALook:
    def test_a_date_is_looked_up_through_its_series(self, remote: MicrosoftRemote) -> None:
        series = weekly(remote)
        remote.box.move_instance(series, START + WEEK, START + WEEK + DAY)
        name = key(remote, series, START + WEEK)
        listed_event = events(remote.pulled())[name]
        opened = remote.open()

        found = opened.find(opened.calendars()[0], name)

        assert found == listed_event
        (look,) = remote.service.asked(EVENT)
        assert look.params["$expand"] == "exceptionOccurrences"

    @pytest.mark.parametrize("scopes", [("Calendars.ReadBasic", "User.Read"), ("Calendars.Read", "User.Read")])
    @pytest.mark.parametrize("read_text", [False, True])
    def test_a_look_finds_what_the_list_shows(
        self, service: MicrosoftService, scopes: tuple[str, ...], read_text: bool
    ) -> None:
        remote = MicrosoftRemote(service, scopes=scopes)
        add(remote)
        series = weekly(remote)
        remote.box.change(
            remote.box.move_instance(series, START + WEEK, START + WEEK + DAY),
            body={"contentType": "html", "content": "Sample https://book.sample.example/abc"},
        )
        shown = events(remote.pulled(read_text=read_text, links=LINKS))
        opened = remote.open(read_text=read_text, links=LINKS)

        found = {name: opened.find(opened.calendars()[0], name) for name in shown}
        remote.provider.close()

        assert found == shown
        assert len(shown) == 3

    def test_a_plain_date_is_not_told_apart(self, remote: MicrosoftRemote) -> None:
        series = weekly(remote)
        opened = remote.open()

        assert opened.find(opened.calendars()[0], key(remote, series, START + WEEK)) == Gone()

    def test_a_date_of_a_series_that_is_gone_is_gone(self, remote: MicrosoftRemote) -> None:
        series = weekly(remote)
        name = key(remote, series, START)
        remote.box.cancel(series)
        opened = remote.open()

        assert opened.find(opened.calendars()[0], name) == Gone()

    def test_an_event_moved_out_of_the_window_is_found_there(self, remote: MicrosoftRemote) -> None:
        name = remote.box.add("Sample", START, attendees=[ANN])
        remote.box.move(name, WINDOW.end + WEEK)
        opened = remote.open()

        found = opened.find(opened.calendars()[0], remote.box.id(name))

        assert isinstance(found, Event)
        assert found.slot.start == WINDOW.end + WEEK

    def test_what_the_organiser_cancelled_is_found_cancelled(self, service: MicrosoftService) -> None:
        guest = MicrosoftRemote(service, "guest@ours.example")
        name = service.mailbox(REP).add("Sample", START, attendees=[guest.who])
        service.mailbox(REP).cancel(name)
        opened = guest.open()

        found = opened.find(opened.calendars()[0], guest.box.id(name))
        guest.provider.close()

        assert isinstance(found, Event)
        assert found.status is EventStatus.CANCELLED

    @pytest.mark.parametrize("fault", [faults.not_found(), faults.failing(400, "ErrorInvalidIdMalformed")])
    @pytest.mark.parametrize("name", ["nothing", "noth@ing", "nothing@"])
    def test_what_the_service_does_not_know_is_gone(self, remote: MicrosoftRemote, fault: Fault, name: str) -> None:
        remote.service.fault(fault)
        opened = remote.open()

        assert opened.find(opened.calendars()[0], name) == Gone()

    def test_an_id_cannot_lead_elsewhere(self, remote: MicrosoftRemote) -> None:
        opened = remote.open()

        assert opened.find(opened.calendars()[0], "../../users?x=1#y") == Gone()

        (request,) = remote.service.asked("")
        assert request.path.startswith("/v1.0/me/events/")

    def test_what_cannot_be_read_cannot_be_confirmed(self, remote: MicrosoftRemote) -> None:
        remote.put(Meeting("one"))
        name = listed(remote.pulled())[0].id
        remote.spoil("one")
        opened = remote.open()

        with pytest.raises(SourceError, match="a date or time"):
            opened.find(opened.calendars()[0], name)


class TestCheckUp:
    def test_it_reads_no_event_and_tells_the_time(self, remote: MicrosoftRemote) -> None:
        add(remote)

        found = remote.open().check()

        (request,) = remote.service.asked("")
        assert (request.path, request.params) == ("/v1.0/me/calendar", {"$select": "id"})
        assert [finding.fact for finding in found.findings] == [
            "granted: Calendars.ReadBasic, User.Read",
            "the main calendar can be read",
        ]
        assert not [finding for finding in found.findings if finding.problem]
        assert found.service_time == NOW

    @pytest.mark.parametrize(
        ("scopes", "read_text", "problems"),
        [
            ("", True, 0),
            ("https://graph.microsoft.com/.default", True, 0),
            ("https://graph.microsoft.com/Calendars.Read openid", True, 0),
            ("Calendars.ReadBasic", True, 1),
            ("User.Read", False, 1),
        ],
    )
    def test_what_was_granted_is_compared_with_what_is_needed(
        self, remote: MicrosoftRemote, scopes: str, read_text: bool, problems: int
    ) -> None:
        found = remote.open(settings={"scopes": scopes, "user": "me"}, read_text=read_text).check()

        wrong = [finding for finding in found.findings if finding.problem]
        assert len(wrong) == problems
        assert all(finding.hint for finding in wrong)
        assert not [finding for finding in found.findings if "https://" in finding.fact]

    @pytest.mark.parametrize(("days", "problem"), [(-1, True), (29, True), (31, False)])
    def test_until_when_the_apps_certificate_is_good_is_told(
        self, remote: MicrosoftRemote, days: int, problem: bool
    ) -> None:
        tokens = Tokens(remote.service.token(REP))
        tokens.certificate_ends = NOW + timedelta(days=days)
        opened = remote.open()
        opened._opened = Client(tokens, f"{remote.service.graph_url}/")  # type: ignore[attr-defined]

        (found,) = [each for each in opened.check().findings if "certificate" in each.fact]

        assert (found.problem, bool(found.hint)) == (problem, problem)
        assert f"{tokens.certificate_ends:%Y-%m-%d}" in found.fact

    def test_a_sign_in_that_gave_no_texts_is_read_without_them(self, remote: MicrosoftRemote) -> None:
        series = weekly(remote)
        opened = remote.open(read_text=True)

        opened.find(opened.calendars()[0], f"{remote.box.id(series)}@20260309T100000Z")

        (look,) = [each for each in remote.service.asked() if "$expand" in each.params]
        assert "body" not in look.params["$select"].split(",")


class TestTheSignIn:
    def test_a_token_that_ended_is_renewed_and_kept(self, remote: MicrosoftRemote) -> None:
        names = add(remote)
        remote.service.expire_access_tokens()

        pages = remote.pulled()

        assert [event.id for event in listed(pages)] == names
        assert len(remote.saved) == 2
        assert len(remote.service.asked("/token$")) == 1

    def test_a_token_that_is_refused_twice_needs_a_new_sign_in(self, remote: MicrosoftRemote) -> None:
        remote.service.fault(faults.unauthorized(), times=9)

        with pytest.raises(NeedsSignIn) as caught:
            remote.pulled(retry=patient)

        assert "calsignal connect microsoft" in caught.value.hint
        assert remote.requests() == 2

    def test_a_sign_in_that_was_revoked_needs_a_new_one(self, remote: MicrosoftRemote) -> None:
        remote.service.revoke()

        with pytest.raises(NeedsSignIn):
            remote.pulled(retry=patient)

    @pytest.mark.parametrize("secret", [None, "", "nonsense", "{}"])
    def test_a_sign_in_that_was_lost_is_named(self, remote: MicrosoftRemote, secret: str | None) -> None:
        with pytest.raises(NeedsSignIn) as caught:
            remote.pulled(secret=secret)

        assert "calsignal connect microsoft" in caught.value.hint


class TestFailures:
    @pytest.mark.parametrize(
        "fault",
        [
            faults.unavailable(500),
            faults.unavailable(502),
            faults.unavailable(503),
            faults.unavailable(504),
            faults.too_many(),
            faults.failing(408, "timeout"),
            faults.failing(403, "activityLimitReached"),
            faults.truncated_body(),
            faults.cut_json(),
            faults.html_page(),
            faults.connection_reset(),
            always(lambda: Reply(body=b"not gzip", headers={"Content-Encoding": "gzip"})),
        ],
    )
    def test_what_passes_is_tried_once_and_then_by_the_core(self, remote: MicrosoftRemote, fault: Fault) -> None:
        remote.service.pages.size = 2
        names = add(remote, 5)
        remote.service.fault(fault, page=2)

        with pytest.raises(Retriable) as caught:
            remote.pulled()
        assert caught.value.hint

        assert remote.requests() == 3
        remote.service.fault(fault, page=2, times=2)
        assert [event.id for event in listed(remote.pulled(retry=patient))] == sorted(names)
        assert remote.requests() == 3 + 6

    @pytest.mark.parametrize(
        ("named", "wait"), [(7, 7.0), (NOW + timedelta(seconds=90), 90.0), (NOW - DAY, 0.0), (None, None)]
    )
    def test_the_time_to_wait_is_passed_on(
        self, remote: MicrosoftRemote, named: int | datetime | None, wait: float | None
    ) -> None:
        remote.service.fault(faults.too_many(named))

        with pytest.raises(Retriable) as caught:
            remote.pulled()

        assert caught.value.retry_after == wait

    @pytest.mark.parametrize(
        ("fault", "kind", "fact"),
        [
            (faults.forbidden(), NeedsSignIn, "127.0.0.1 does not allow it to read this calendar (ErrorAccessDenied)"),
            (faults.forbidden("Sample text: of a calendar"), NeedsSignIn, "127.0.0.1 does not allow it to read this"),
            (faults.failing(403, "quotaLimitReached"), SourceError, "the quota at 127.0.0.1 is used up"),
            (faults.failing(429, "quotaLimitReached"), SourceError, "the quota at 127.0.0.1 is used up"),
            (faults.not_found("MailboxNotEnabledForRESTAPI"), SourceError, "the service has no mailbox for this"),
            (faults.not_found("ErrorInvalidUser"), SourceError, "the service has no mailbox for this connection"),
            (faults.not_found(), NotThere, "there is no such event or calendar"),
            (faults.failing(412, "x"), NotUnderstood, "127.0.0.1 does not understand the request (status 412)"),
            (always(lambda: Reply(403, b"<html>")), NeedsSignIn, "127.0.0.1 does not allow it to read this calendar"),
            (always(lambda: Reply(400, b'{"error": "x"}')), NotUnderstood, "127.0.0.1 does not understand the request"),
            (always(lambda: Reply(204)), SourceError, "127.0.0.1 sends no answer but status 204"),
        ],
    )
    def test_what_stays_is_told_once_with_the_next_step(
        self, remote: MicrosoftRemote, fault: Fault, kind: type[SourceError], fact: str
    ) -> None:
        remote.service.fault(fault, times=9, path="calendarView")

        with pytest.raises(kind) as caught:
            remote.pulled(retry=patient)

        assert str(caught.value).startswith(fact)
        assert "Sample text" not in str(caught.value)
        assert caught.value.hint
        assert len(remote.service.asked("calendarView")) == 1

    def test_a_token_follows_no_redirect(self, remote: MicrosoftRemote) -> None:
        remote.service.fault(faults.redirect())

        with pytest.raises(SourceError, match="status 302"):
            remote.pulled()

        assert remote.requests() == 1

    def test_a_service_that_does_not_answer_is_given_up(self, remote: MicrosoftRemote) -> None:
        remote.service.fault(faults.slow())
        opened = hurried(remote.access(), silent=0.2)

        with pytest.raises(Retriable, match="does not answer in time"):
            opened.get("me/calendar/events")

        assert opened.get("me/calendar/events")["value"] == []
        opened.close()

    def test_an_answer_that_takes_for_ever_is_given_up(self, remote: MicrosoftRemote) -> None:
        seconds = iter(range(0, 10_000, 400))
        opened = hurried(remote.access(), clock=lambda: next(seconds))

        with pytest.raises(Retriable, match="does not come to the end"):
            opened.get("me/calendar/events")

        opened.close()

    def test_an_answer_without_measure_is_not_read(
        self, remote: MicrosoftRemote, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(client, "MOST_BYTES", 100)
        add(remote)

        with pytest.raises(SourceError, match="longer than 100 bytes"):
            remote.pulled()

    def test_a_service_that_is_not_there_may_come_back(
        self, remote: MicrosoftRemote, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with MicrosoftService() as gone:
            pass

        with pytest.raises(Retriable, match="cannot be reached"):
            remote.pulled(config={**remote.access().config, "graph_url": gone.graph_url})

    def test_a_certificate_that_nobody_knows_is_not_trusted(self, remote: MicrosoftRemote) -> None:
        remote.service.wrong_certificate()

        with pytest.raises(SourceError, match="cannot be trusted") as caught:
            remote.pulled()

        assert not isinstance(caught.value, Retriable)
        assert "REQUESTS_CA_BUNDLE" in caught.value.hint

    def test_a_file_of_certificates_that_is_not_there_is_named(
        self, remote: MicrosoftRemote, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem")

        with pytest.raises(SourceError, match="REQUESTS_CA_BUNDLE names cannot be read"):
            remote.pulled()

    @pytest.mark.parametrize(
        ("problem", "kind", "fact"),
        [
            (exceptions.SSLError("sample"), Retriable, "cannot be reached safely"),
            (exceptions.InvalidProxyURL("sample"), SourceError, "names a proxy"),
            (exceptions.InvalidURL("sample"), Retriable, "cannot be asked"),
            (exceptions.ConnectionError("Read timed out"), Retriable, "does not answer in time"),
            (exceptions.ContentDecodingError("sample"), Retriable, "breaks off"),
        ],
    )
    def test_whatever_happens_on_the_way_is_a_fact(
        self, problem: Exception, kind: type[SourceError], fact: str
    ) -> None:
        opened = Client(Tokens(), "https://graph.sample.example/v1.0/")

        def fail(*_args: object, **_more: object) -> None:
            raise problem

        opened._transport._session.request = fail  # type: ignore[method-assign,assignment]

        with pytest.raises(kind, match=fact) as caught:
            opened.get("me")
        assert "sample" not in str(caught.value).replace("graph.sample.example", "")
        opened.close()

    def test_a_good_answer_is_no_failure(self) -> None:
        assert failure("sample.example", 200, {}, b"") is None

    @pytest.mark.parametrize(
        "fault",
        [
            faults.expire_tokens(),
            faults.unauthorized(),
            faults.html_page(),
            faults.forbidden("ErrorAccessDenied", "Sample text of a calendar"),
            faults.connection_reset(),
        ],
    )
    def test_nothing_of_it_is_logged(
        self, remote: MicrosoftRemote, fault: Fault, caplog: pytest.LogCaptureFixture
    ) -> None:
        add(remote)
        remote.service.fault(fault)

        told = ""
        with caplog.at_level("DEBUG"):
            opened = remote.open()
            try:
                list(opened.pull(opened.calendars()[0], None))
            except SourceError as error:
                told = "".join(traceback.format_exception(error))

        assert caplog.text == ""
        assert not [word for word in (remote.secret, "Sample text", *remote.service.sign_in.tokens) if word in told]

    def test_a_password_file_does_not_take_the_place_of_the_token(
        self, remote: MicrosoftRemote, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        (tmp_path / "netrc").write_text("machine 127.0.0.1 login sample password sample\n")
        monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
        add(remote)

        assert listed(remote.pulled())

    def test_one_request_follows_the_other(self, remote: MicrosoftRemote) -> None:
        remote.service.pages.size = 1
        add(remote, 6)

        remote.pulled()

        assert remote.service.most[REP] == 1


def hurried(access: Access, **limits: Any) -> Client:  # noqa: ANN401
    """Return a client with limits of its own."""
    opened = open_service(access)
    return Client(opened._signed, opened._root, **limits)


def test_what_was_answered_when_and_proposed_is_seen_by_the_organiser_alone(service: MicrosoftService) -> None:
    own, guest = MicrosoftRemote(service), MicrosoftRemote(service, "guest@ours.example")
    name = own.box.add("Sample", START, attendees=[ANN, guest.who])
    own.box.propose(name, ANN, START + DAY, at=NOW)
    own.box.answer(name, guest.who, "accepted", at=NOW + HOUR)

    (mine,), (theirs,) = listed(own.pulled()), listed(guest.pulled())
    for each in (own, guest):
        each.provider.close()

    asked = {row.address: row for row in mine.attendees}
    seen = {row.address: row for row in theirs.attendees}
    assert (asked[ANN].proposed, asked[ANN].answered_at) == (Slot(START + DAY, START + DAY + HOUR), NOW)
    assert (asked[guest.who].answer, asked[guest.who].answered_at) == (Answer.ACCEPTED, NOW + HOUR)
    assert (seen[ANN].answer, seen[ANN].proposed) == (Answer.NOT_VISIBLE, None)
    assert (seen[guest.who].answer, seen[guest.who].answered_at) == (Answer.ACCEPTED, NOW + HOUR)


def test_a_secret_of_somebody_else_reads_somebody_else_s_calendar(service: MicrosoftService) -> None:
    remote = MicrosoftRemote(service)
    service.mailbox("other@ours.example").add("Other", START, attendees=[ANN])
    secret, _ = signed_in(service, "other@ours.example", *remote.scopes)

    pages = remote.pulled(secret=secret)
    remote.provider.close()

    assert [event.subject for event in listed(pages)] == ["Other"]


def test_a_window_is_asked_for_in_whole_seconds(remote: MicrosoftRemote) -> None:
    window = replace(WINDOW, start=WINDOW.start + timedelta(microseconds=5))

    remote.pulled(window=window)

    assert remote.service.asked("calendarView")[0].params["startDateTime"] == f"{WINDOW.start:%Y-%m-%dT%H:%M:%SZ}"
    assert window.start.tzinfo is UTC
