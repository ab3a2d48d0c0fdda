"""The service is judged by Google's own clients and by the schemas of Google's own discovery documents."""

from __future__ import annotations

import json
import os
import threading
import webbrowser
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode

import httplib2  # type: ignore[import-untyped]
import pytest
import requests
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request as Transport
from google.oauth2 import service_account
from google.oauth2.credentials import Credentials
from google_auth_oauthlib.flow import InstalledAppFlow  # type: ignore[import-untyped]
from googleapiclient.discovery import build  # type: ignore[import-untyped]
from googleapiclient.errors import HttpError  # type: ignore[import-untyped]
from googleapiclient.http import HttpRequest  # type: ignore[import-untyped]

from google_calendar import service_faults as faults
from google_calendar.service import GoogleService
from google_calendar.service_directory import Member
from google_calendar.service_fields import discovery
from google_calendar.service_oauth import AUTH, Consent
from google_calendar.service_world import START, Agenda, Json, Moment

REP, OTHER, ANN = "rep@ours.example", "other@ours.example", "ann@acme.example"
READ = f"{AUTH}calendar.readonly"
WEEK = timedelta(days=7)
EVERYTHING: Json = {"calendarId": "primary", "singleEvents": False, "showDeleted": True, "maxResults": 2500}


@pytest.fixture
def service() -> Iterator[GoogleService]:
    with GoogleService() as running:
        yield running


@pytest.fixture
def box(service: GoogleService) -> Agenda:
    return service.mailbox(REP)


@pytest.fixture
def client(service: GoogleService, box: Agenda) -> Iterator[Client]:
    opened = Client(service)
    yield opened
    opened.close()


class Client:
    """Google's client for Python, signed in as the rep unless told otherwise."""

    def __init__(self, service: GoogleService, user: str = REP, *scopes: str) -> None:
        self.credentials = Credentials(service.token(user, *scopes))  # type: ignore[no-untyped-call]
        self.api = connect("calendar", "v3", self.credentials, service.api_endpoint)

    def pages(self, **parameters: object) -> list[Json]:
        """Fetch all pages, and judge every one."""
        asked: HttpRequest | None = self.api.events().list(**(EVERYTHING | parameters))
        found: list[Json] = []
        while asked is not None:
            found.append(asked.execute())
            asked = self.api.events().list_next(asked, found[-1])
        assert [name for page in found for name in unknown(page, "Events")] == []
        return found

    def first(self, **parameters: object) -> tuple[list[Json], str]:
        pages = self.pages(**parameters)
        return [item for page in pages for item in page["items"]], pages[-1]["nextSyncToken"]

    def since(self, token: str, **parameters: object) -> list[Json]:
        return self.first(syncToken=token, **parameters)[0]

    def get(self, event_id: str, calendar: str = "primary", **parameters: object) -> Json:
        item: Json = self.api.events().get(calendarId=calendar, eventId=event_id, **parameters).execute()
        assert list(unknown(item, "Event")) == []
        return item

    def close(self) -> None:
        self.api.close()


def connect(name: str, version: str, credentials: object, endpoint: str) -> Any:  # noqa: ANN401 # made at run time
    return build(name, version, credentials=credentials, client_options={"api_endpoint": endpoint})


def unknown(value: object, schema: str | Json, document: str = "calendar.v3", at: str = "") -> Iterator[str]:
    """Yield what in an answer is not as Google's schema has it."""
    shape = discovery(document)["schemas"][schema] if isinstance(schema, str) else schema
    shape = discovery(document)["schemas"][shape["$ref"]] if "$ref" in shape else shape
    python: dict[str, Any] = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}
    if not isinstance(value, python.get(shape["type"], object)):
        yield f"{at} is no {shape['type']}"
    elif isinstance(value, list) and "items" in shape:
        for each in value:
            yield from unknown(each, shape["items"], document, f"{at}[]")
    elif isinstance(value, dict) and shape["type"] == "object":
        for name, inner in value.items():
            known = shape.get("properties", {}).get(name, shape.get("additionalProperties"))
            if known is None:
                yield f"{at}.{name}"
            else:
                yield from unknown(inner, known, document, f"{at}.{name}")


def refused(call: Callable[[], object]) -> tuple[int, str]:
    """Return the status and the reason of an error answer."""
    with pytest.raises(HttpError) as caught:
        call()
    return caught.value.status_code, json.loads(caught.value.content)["error"]["errors"][0]["reason"]


def named(items: list[Json], event_id: str) -> Json:
    (found,) = [item for item in items if item["id"] == event_id]
    return found


# The judge


CORPUS = os.environ.get("CALSIGNAL_CORPUS")


@pytest.mark.skipif(not CORPUS, reason="CALSIGNAL_CORPUS names no folder of recorded answers")
def test_the_judge_passes_recorded_answers() -> None:
    files = Path(CORPUS or "").glob("google_json/*+compass__*recurring*")
    answers = [each for file in files for each in json.loads(file.read_text("utf-8")) if "items" in each]

    assert answers
    assert [name for each in answers for name in unknown(each, "Events")] == []


def test_the_judge_sees_what_google_does_not_know() -> None:
    wrong = {"id": 1, "attendees": [{"mail": ANN}], "extendedProperties": {"shared": {"any": "x"}}}

    assert list(unknown(wrong, "Event")) == [".id is no string", ".attendees[].mail"]


# What an event looks like


def test_a_meeting_looks_as_google_sends_it(client: Client, box: Agenda) -> None:
    name = box.add(
        "Kick-off",
        attendees=[ANN, {"email": OTHER, "optional": True, "responseStatus": "tentative"}],
        extendedProperties={"shared": {"goo.createdBySet": "default_cita"}},
        hangoutLink="https://meet.service.example/aaa-bbbb-ccc",
        guestsCanInviteOthers=False,
        locked=True,
        location="Room 1",
    )

    item = client.get(name)

    assert item["start"] == {"dateTime": "2026-03-02T11:00:00+01:00", "timeZone": "Europe/Berlin"}
    assert item["end"]["dateTime"] == "2026-03-02T12:00:00+01:00"
    assert item["organizer"] == {"email": REP, "self": True}
    assert [row["email"] for row in item["attendees"]] == [REP, ANN, OTHER]
    assert item["attendees"][0] == {"email": REP, "organizer": True, "responseStatus": "accepted", "self": True}
    assert item["iCalUID"] == f"{name}@google.com"


def test_an_all_day_event_has_days(client: Client, box: Agenda) -> None:
    name = box.add("Fair", date(2026, 3, 5), date(2026, 3, 7))

    item = client.get(name)

    assert (item["start"], item["end"]) == ({"date": "2026-03-05"}, {"date": "2026-03-07"})


def test_every_kind_of_event_keeps_to_the_schema(client: Client, box: Agenda) -> None:
    box.add("Away", eventType="outOfOffice", outOfOfficeProperties={"autoDeclineMode": "declineNone"})
    box.add("Held", attendees=[ANN], attendeesOmitted=True, visibility="confidential", transparency="transparent")
    series = box.add("Weekly", recurrence=["RRULE:FREQ=WEEKLY", "EXDATE:20260309T100000Z"], attendees=[ANN])
    box.move_instance(series, START + 2 * WEEK, START + 2 * WEEK + timedelta(hours=3))
    box.cancel_instance(series, START + 3 * WEEK)
    box.split(series, START + 4 * WEEK - timedelta(hours=1))  # the clocks went forward
    box.cancel(box.add("Off"))

    items, _ = client.first()

    assert len(items) == 7


def test_one_meeting_in_several_mailboxes_is_seen_from_each(service: GoogleService, box: Agenda) -> None:
    other = service.mailbox(OTHER)
    name = box.add(attendees=[OTHER, ANN])

    other.answer(name, OTHER, "declined", comment="Sample comment")

    mine, theirs = box.item(name), other.item(name)
    assert mine["iCalUID"] == theirs["iCalUID"]
    assert [row["responseStatus"] for row in mine["attendees"]] == ["accepted", "declined", "needsAction"]
    assert [row.get("self", False) for row in theirs["attendees"]] == [False, True, False]
    assert "self" not in theirs["organizer"]


def test_hidden_guests_see_themselves_alone(service: GoogleService, box: Agenda) -> None:
    other = service.mailbox(OTHER)

    name = box.add(attendees=[OTHER, ANN], guestsCanSeeOtherGuests=False)

    assert len(box.item(name)["attendees"]) == 3
    assert [row["email"] for row in other.item(name)["attendees"]] == [OTHER]
    assert other.item(name)["attendeesOmitted"] is True


def test_a_buyer_may_be_the_organiser(client: Client, box: Agenda) -> None:
    name = box.add(organizer=ANN, attendees=[REP])

    box.cancel(name)

    assert client.get(name).keys() == {"kind", "etag", "id", "status"}


def test_a_secondary_calendar_organises_in_its_own_name(service: GoogleService, client: Client) -> None:
    team = service.mailbox(REP).add_calendar("team@group.calendar.google.com", "Team")

    name = team.add(attendees=[ANN])

    item = client.get(name, team.id)
    assert item["organizer"] == {"email": team.id, "displayName": "Team", "self": True}
    assert item["creator"]["email"] == REP
    assert [row["email"] for row in item["attendees"]] == [ANN]


# What people do


def test_only_what_changed_comes_with_a_sync_token(client: Client, box: Agenda) -> None:
    box.add("First")
    _, token = client.first()
    second = box.add("Second")

    items = client.since(token)

    assert [item["id"] for item in items] == [second]
    assert client.since(client.first(syncToken=token)[1]) == []


@pytest.mark.parametrize(
    ("act", "seen"),
    [
        (lambda box, name: box.answer(name, ANN), {"sequence": 0}),
        (lambda box, name: box.touch(name), {"sequence": 0, "summary": "Call"}),
        (lambda box, name: box.move(name, START + WEEK), {"sequence": 1}),
        (lambda box, name: box.make_private(name), {"visibility": "private"}),
        (lambda box, name: box.change(name, summary="Renamed", reminders=None), {"summary": "Renamed"}),
        (lambda box, name: box.cancel(name), {"status": "cancelled", "summary": "Call"}),
        (lambda box, name: box.only_here(name, colorId="5"), {"colorId": "5"}),
        (lambda box, name: box.invite(name, "cfo@acme.example"), {"status": "confirmed"}),
        (lambda box, name: box.uninvite(name, ANN), {"status": "confirmed"}),
    ],
)
def test_each_act_gives_one_changed_item(
    service: GoogleService, client: Client, box: Agenda, act: Callable[[Agenda, str], None], seen: Json
) -> None:
    name = box.add("Call", attendees=[ANN])
    before, token = client.first()
    service.wait(minutes=5)

    act(box, name)

    (item,) = client.since(token)
    assert {key: item[key] for key in seen} == seen
    assert item["etag"] != before[0]["etag"]
    assert item["updated"] == "2026-03-01T08:05:00.000Z"


def test_a_move_keeps_the_length_and_may_reset_the_answers(box: Agenda) -> None:
    name = box.add(end=START + timedelta(minutes=90), attendees=[{"email": ANN, "responseStatus": "accepted"}])

    box.move(name, START + WEEK, reset_answers=True)

    item = box.item(name)
    assert item["end"]["dateTime"] == "2026-03-09T12:30:00+01:00"
    assert [row["responseStatus"] for row in item["attendees"]] == ["accepted", "needsAction"]


def test_a_bare_cancellation_holds_an_id_and_little_else(client: Client, box: Agenda) -> None:
    name = box.add("Call", attendees=[ANN])

    box.cancel(name, bare=True)

    assert client.first()[0] == [
        {"kind": "calendar#event", "etag": client.get(name)["etag"], "id": name, "status": "cancelled"}
    ]


def test_what_one_person_removes_stays_with_the_others(service: GoogleService, box: Agenda) -> None:
    other = service.mailbox(OTHER)
    name = box.add(attendees=[OTHER])

    other.remove(name)

    assert other.item(name)["status"] == "cancelled"
    assert box.item(name)["status"] == "confirmed"
    other.restore(name)
    assert other.item(name)["status"] == "confirmed"


def test_who_is_taken_off_the_list_has_a_bare_cancelled_copy(service: GoogleService, box: Agenda) -> None:
    other = service.mailbox(OTHER)
    name = box.add(attendees=[OTHER])

    box.uninvite(name, OTHER)

    assert other.item(name).keys() == {"kind", "etag", "id", "status"}
    assert [row["email"] for row in box.item(name)["attendees"]] == [REP]


def test_a_moved_instance_is_an_item_of_its_own(client: Client, box: Agenda) -> None:
    series = box.add("Weekly", recurrence="RRULE:FREQ=WEEKLY", attendees=[ANN])
    _, token = client.first()

    name = box.move_instance(series, START + WEEK, START + WEEK + timedelta(days=1))

    items = client.since(token)
    item = named(items, name)
    assert name == f"{series}_20260309T100000Z"
    assert item["recurringEventId"] == series
    assert item["originalStartTime"] == {"dateTime": "2026-03-09T11:00:00+01:00", "timeZone": "Europe/Berlin"}
    assert item["start"]["dateTime"] == "2026-03-10T11:00:00+01:00"
    assert "recurrence" not in item
    assert {each["id"] for each in items} == {series, name}  # as recorded: the series comes with it
    assert len({each["etag"] for each in items}) == 1


def test_an_instance_may_come_without_its_series(service: GoogleService, client: Client, box: Agenda) -> None:
    series = box.add(recurrence="RRULE:FREQ=WEEKLY", attendees=[ANN])
    _, token = client.first()
    service.world.resend_series = False

    name = box.instance(series, START + WEEK)
    box.answer(name, ANN)

    assert [item["id"] for item in client.since(token)] == [name]


def test_a_cancelled_instance_is_bare_and_says_whose_it_is(client: Client, box: Agenda) -> None:
    series = box.add(recurrence="RRULE:FREQ=DAILY")
    days = box.add("Fair", date(2026, 3, 2), recurrence="RRULE:FREQ=DAILY;COUNT=5")

    name, day = box.cancel_instance(series, START + timedelta(days=1)), box.cancel_instance(days, date(2026, 3, 4))

    items, _ = client.first()
    stub = {"kind", "etag", "id", "status", "recurringEventId", "originalStartTime"}
    assert named(items, name).keys() == named(items, day).keys() == stub
    assert day == f"{days}_20260304"
    assert named(items, day)["originalStartTime"] == {"date": "2026-03-04"}


def test_a_deleted_series_is_one_cancelled_item(client: Client, box: Agenda) -> None:
    series = box.add(recurrence="RRULE:FREQ=WEEKLY")
    box.move_instance(series, START + WEEK, START + 2 * timedelta(days=4))
    _, token = client.first()

    box.delete_series(series)

    (item,) = client.since(token)
    assert item["id"] == series
    assert item["status"] == "cancelled"
    assert "recurrence" not in item


@pytest.mark.parametrize(
    ("start", "at", "cut", "name"),
    [
        (START, START + WEEK, "UNTIL=20260308T225959Z", "_R20260309T100000"),
        (date(2026, 3, 2), date(2026, 3, 9), "UNTIL=20260308", "_R20260309"),
    ],
)
def test_this_and_following_cuts_the_series_and_begins_another(
    client: Client, box: Agenda, start: Moment, at: Moment, cut: str, name: str
) -> None:
    series = box.add("Weekly", start, recurrence="RRULE:FREQ=WEEKLY;COUNT=4", event_id="weekly1")
    late = box.move_instance(series, start + 2 * WEEK, start + 2 * WEEK + timedelta(days=1))
    _, token = client.first()

    new = box.split(series, at, at + timedelta(days=1), summary="Later")

    items = client.since(token)
    assert new == f"weekly1{name}"
    assert named(items, series)["recurrence"] == [f"RRULE:FREQ=WEEKLY;{cut}"]
    assert named(items, new)["recurrence"] == ["RRULE:FREQ=WEEKLY;COUNT=3"]
    assert named(items, new)["iCalUID"] == f"weekly1{name}@google.com"
    assert named(items, late)["status"] == "cancelled"
    assert box.split(new, at + timedelta(days=8)).count("_R") == 1


def test_a_moved_series_forgets_what_stood_apart(client: Client, box: Agenda) -> None:
    series = box.add(recurrence="RRULE:FREQ=WEEKLY")
    apart = box.move_instance(series, START + WEEK, START + WEEK + timedelta(days=1))

    box.move(series, START + timedelta(hours=1))

    items, _ = client.first()
    assert named(items, apart)["status"] == "cancelled"
    assert named(items, series)["start"]["dateTime"] == "2026-03-02T12:00:00+01:00"


def test_an_occurrence_that_the_series_does_not_have_is_refused(box: Agenda) -> None:
    series = box.add(
        recurrence=["RRULE:FREQ=WEEKLY", "EXDATE;TZID=Europe/Berlin:20260309T110000", "RDATE:20260401T100000Z"]
    )

    assert box.instance(series, datetime(2026, 4, 1, 10, tzinfo=UTC)).endswith("_20260401T100000Z")
    for missing in (START + timedelta(days=1), START + WEEK):
        with pytest.raises(ValueError, match="no occurrence"):
            box.instance(series, missing)


def test_somebody_invited_to_one_date_sees_that_date_alone(service: GoogleService, box: Agenda) -> None:
    other = service.mailbox(OTHER)
    series = box.add(recurrence="RRULE:FREQ=WEEKLY")

    box.invite(box.instance(series, START + WEEK), OTHER)

    assert other.ids() == [f"{series}_20260309T100000Z"]


def test_a_mistake_in_a_test_is_an_error_at_once(box: Agenda) -> None:
    name = box.add(attendees=[ANN], event_id="once")

    with pytest.raises(ValueError, match="there is an event"):
        box.add(event_id=name)
    with pytest.raises(KeyError):
        box.answer(name, "nobody@acme.example")
    with pytest.raises(KeyError):
        box.move("none", START)


def test_a_forgotten_event_is_not_found(client: Client, box: Agenda) -> None:
    name = box.add()

    box.forget(name)

    assert client.first()[0] == []
    assert refused(lambda: client.get(name)) == (404, "notFound")


def test_a_raw_item_is_sent_as_it_is(client: Client, box: Agenda) -> None:
    box.put_raw({"id": "odd", "start": {"dateTime": "soon"}})

    items, _ = client.first(timeMin="2026-01-01T00:00:00Z")

    assert items == [{"id": "odd", "start": {"dateTime": "soon"}}]


# Lists


def test_a_list_comes_in_pages_and_the_sync_token_on_the_last_alone(
    service: GoogleService, client: Client, box: Agenda
) -> None:
    names = [box.add() for _ in range(5)]
    service.pages.size = 2

    pages = client.pages()

    assert [item["id"] for page in pages for item in page["items"]] == names
    assert ["nextSyncToken" in page for page in pages] == [False, False, True]
    assert {page["accessRole"] for page in pages} == {"owner"}
    assert pages[0]["timeZone"] == "Europe/Berlin"


def test_max_results_is_kept(client: Client, box: Agenda) -> None:
    for _ in range(3):
        box.add()

    assert [len(page["items"]) for page in client.pages(maxResults=2)] == [2, 1]


def test_items_may_come_twice_over_pages(service: GoogleService, client: Client, box: Agenda) -> None:
    for _ in range(4):
        box.add()
    service.pages.size, service.pages.overlap = 2, 1

    assert [len(page["items"]) for page in client.pages()] == [2, 3]


def test_items_may_come_in_the_opposite_order(service: GoogleService, client: Client, box: Agenda) -> None:
    names = [box.add() for _ in range(3)]
    service.calendar.reverse = True

    assert [item["id"] for item in client.first()[0]] == names[::-1]


def test_what_changes_between_two_pages_comes_with_the_next_token(
    service: GoogleService, client: Client, box: Agenda
) -> None:
    names = [box.add() for _ in range(4)]
    service.pages.size = 2
    service.fault(faults.meanwhile(lambda _: box.touch(names[0])), page=2)

    items, token = client.first()

    assert "description" not in named(items, names[0])
    assert [item["id"] for item in client.since(token)] == [names[0]]


def test_fields_are_really_selected(client: Client, box: Agenda) -> None:
    name = box.add(attendees=[ANN], description="Sample text")

    page = client.pages(fields="nextPageToken,nextSyncToken,items(id,attendees(email,self),start/dateTime)")[0]

    assert page.keys() == {"items", "nextSyncToken"}
    assert page["items"][0].keys() == {"id", "attendees", "start"}
    assert page["items"][0]["attendees"] == [{"email": REP, "self": True}, {"email": ANN}]
    assert page["items"][0]["start"] == {"dateTime": "2026-03-02T11:00:00+01:00"}
    assert client.get(name, fields="id,extendedProperties/shared/x,organizer(*)")["organizer"]["email"] == REP


@pytest.mark.parametrize("fields", ["items(nonsense)", "items(id", "id)", "", "a,,b", "items(!)", "items/"])
def test_a_selection_of_unknown_fields_is_refused(client: Client, fields: str) -> None:
    assert refused(lambda: client.pages(fields=fields or ",")) == (400, "invalidParameter")


def test_the_window_bounds_the_end_from_below_and_the_start_from_above(client: Client, box: Agenda) -> None:
    box.add("Ends at the bound", START - timedelta(hours=1), START)
    inside = box.add("Inside", START)
    box.add("Starts at the bound", START + timedelta(hours=2))
    series = box.add("Series", START - 20 * WEEK, recurrence="RRULE:FREQ=WEEKLY")
    box.add("Over", START - 20 * WEEK, recurrence="RRULE:FREQ=WEEKLY;COUNT=3")
    days = box.add("Day", date(2026, 3, 2))

    items, _ = client.first(timeMin="2026-03-02T11:00:00+01:00", timeMax="2026-03-02T12:00:00Z")

    assert [item["id"] for item in items] == [inside, series, days]


def test_deleted_items_come_when_asked_for(client: Client, box: Agenda) -> None:
    box.cancel(box.add())
    series = box.add(recurrence="RRULE:FREQ=WEEKLY;COUNT=3")
    off = box.cancel_instance(series, START + WEEK)

    assert {item["id"] for item in client.first(showDeleted=False)[0]} == {series, off}
    assert len(client.first()[0]) == 3
    assert len(client.first(showDeleted=False, singleEvents=True)[0]) == 2
    assert len(client.first(singleEvents=True)[0]) == 4


@pytest.mark.parametrize(
    "parameters",
    [
        {"timeMin": "2026-01-01T00:00:00Z"},
        {"timeMax": "2026-01-01T00:00:00Z"},
        {"q": "x"},
        {"orderBy": "updated"},
        {"iCalUID": "x"},
        {"updatedMin": "2026-01-01T00:00:00Z"},
        {"privateExtendedProperty": "a=b"},
        {"showDeleted": False},
        {"singleEvents": True},
        {"maxResults": 10},
        {"eventTypes": "default"},
    ],
)
def test_a_sync_token_refuses_other_parameters_than_before(client: Client, parameters: Json) -> None:
    _, token = client.first()

    assert refused(lambda: client.since(token, **parameters))[0] == 400


def test_a_first_call_may_have_a_window(client: Client, box: Agenda) -> None:
    _, token = client.first(timeMin="2026-01-01T00:00:00Z")
    name = box.add()

    assert [item["id"] for item in client.since(token)] == [name]


@pytest.mark.parametrize(
    "parameters",
    [
        {"timeMin": "2026-01-01T00:00:00"},
        {"timeMin": "soon"},
        {"timeMin": "2026-01-02T00:00:00Z", "timeMax": "2026-01-01T00:00:00Z"},
        {"timeZone": "Nowhere/City"},
        {"orderBy": "startTime"},
        {"pageToken": "strange"},
        {"maxResults": 0},
    ],
)
def test_what_google_refuses_is_refused(client: Client, box: Agenda, parameters: Json) -> None:
    box.add()

    assert refused(lambda: client.pages(**parameters))[0] == 400


def test_unknown_parameters_are_refused(service: GoogleService) -> None:
    service.mailbox(REP).add()
    headers = {"Authorization": f"Bearer {service.token(REP)}"}

    for query in ("nonsense=1", "showDeleted=perhaps", "eventTypes=appointmentSchedule"):
        reply = requests.get(f"{service.api_endpoint}calendars/primary/events?{query}", headers=headers, timeout=5)
        assert reply.status_code == 400


def test_an_ordered_list_has_no_sync_token(client: Client, box: Agenda) -> None:
    late, early = box.add(start=START + WEEK), box.add()

    by_start = client.pages(orderBy="startTime", singleEvents=True)[-1]
    by_change = client.pages(orderBy="updated")[-1]

    assert [item["id"] for item in by_start["items"]] == [early, late]
    assert "nextSyncToken" not in by_start
    assert "nextSyncToken" not in by_change


def test_lists_are_filtered_as_asked(client: Client, box: Agenda) -> None:
    away = box.add("Away", eventType="outOfOffice", extendedProperties={"private": {"a": "b"}, "shared": {"c": "d"}})
    box.add("Call", uid="call@x.example")

    assert len(client.pages(iCalUID="call@x.example")[0]["items"]) == 1
    assert len(client.pages(q="call")[0]["items"]) == 1
    assert len(client.pages(updatedMin="2027-01-01T00:00:00Z")[0]["items"]) == 0
    for parameters in (
        {"eventTypes": ["outOfOffice", "focusTime"]},
        {"privateExtendedProperty": "a=b"},
        {"sharedExtendedProperty": "c=d"},
    ):
        assert [item["id"] for item in client.pages(**parameters)[0]["items"]] == [away]


def test_people_are_cut_and_times_are_shown_as_asked(client: Client, box: Agenda) -> None:
    box.add(attendees=[ANN, OTHER])

    item = client.pages(maxAttendees=1, timeZone="America/New_York")[0]["items"][0]

    assert [row["email"] for row in item["attendees"]] == [REP]
    assert item["attendeesOmitted"] is True
    assert item["start"]["dateTime"] == "2026-03-02T05:00:00-05:00"


def test_instances_are_expanded_by_the_wall_clock(client: Client, box: Agenda) -> None:
    series = box.add(recurrence="RRULE:FREQ=WEEKLY;UNTIL=20260430T100000Z")
    moved = box.move_instance(series, START + WEEK, START + WEEK + timedelta(hours=1))
    box.cancel_instance(series, START + 2 * WEEK)
    ask = client.api.events().instances

    whole = ask(calendarId="primary", eventId=series).execute()
    one = ask(calendarId="primary", eventId=series, originalStart="2026-03-09T11:00:00+01:00").execute()
    paged = ask(calendarId="primary", eventId=series, showDeleted=True, maxResults=5)

    assert list(unknown(whole, "Events")) == []
    assert {item["start"]["dateTime"][11:16] for item in whole["items"]} == {"11:00", "12:00"}
    assert len(whole["items"]) == 8
    assert [item["id"] for item in one["items"]] == [moved]
    assert len(client.api.events().instances_next(paged, paged.execute()).execute()["items"]) == 4
    assert refused(lambda: ask(calendarId="primary", eventId=box.add()).execute())[0] == 400
    assert refused(lambda: ask(calendarId="primary", eventId="none").execute()) == (404, "notFound")


def test_an_instance_is_found_by_its_id(client: Client, box: Agenda) -> None:
    series = box.add(recurrence="RRULE:FREQ=WEEKLY")

    item = client.get(f"{series}_20260316T100000Z")

    assert item["recurringEventId"] == series
    assert refused(lambda: client.get(f"{series}_20260317T100000Z")) == (404, "notFound")


def test_calendars_are_listed_with_their_roles(service: GoogleService, client: Client) -> None:
    rep, other = service.mailbox(REP), service.mailbox(OTHER)
    team = rep.add_calendar("team@group.calendar.google.com", "Team")
    rep.add_calendar("hidden@group.calendar.google.com", "Hidden", hidden=True)
    other.share(REP, "reader")
    service.pages.size = 2

    ask = client.api.calendarList()
    first = ask.list()
    page = first.execute()
    rest = ask.list_next(first, page).execute()

    assert list(unknown(page, "CalendarList")) == []
    entries = {item["id"]: item for item in page["items"] + rest["items"]}
    assert {name: item["accessRole"] for name, item in entries.items()} == {
        REP: "owner",
        team.id: "owner",
        OTHER: "reader",
    }
    assert [item["id"] for item in entries.values() if item.get("primary")] == [REP]
    assert rest["nextSyncToken"]
    service.pages.size = None
    assert len(ask.list(showHidden=True, minAccessRole="owner").execute()["items"]) == 3
    assert ask.get(calendarId="primary").execute()["id"] == REP
    assert client.api.calendars().get(calendarId=team.id).execute()["summary"] == "Team"
    rep.delete_calendar(team.id)
    assert refused(lambda: client.pages(calendarId=team.id)) == (404, "notFound")


@pytest.mark.parametrize(("role", "shown"), [("freeBusyReader", False), ("reader", True), ("owner", True)])
def test_somebody_elses_calendar_shows_what_the_role_allows(
    service: GoogleService, client: Client, role: str, shown: bool
) -> None:
    other = service.mailbox(OTHER)
    assert refused(lambda: client.pages(calendarId=OTHER)) == (404, "notFound")
    other.share(REP, role)
    other.add("Open", attendees=[ANN])
    other.add("Closed", attendees=[ANN], visibility="private")

    public, private = client.pages(calendarId=OTHER)[0]["items"]

    assert ("attendees" in public) is shown
    assert ("summary" in private) is (role == "owner")
    other.unshare(REP)
    assert refused(lambda: client.pages(calendarId=OTHER)) == (404, "notFound")


def test_a_long_address_is_posted(service: GoogleService, client: Client, box: Agenda) -> None:
    service.pages.padding = 3000
    _, token = client.first()
    name = box.add()

    items = client.since(token)

    assert [item["id"] for item in items] == [name]
    assert service.asked()[-1].method == "GET"
    assert service.asked()[-1].headers["x-http-method-override"] == "GET"


def test_the_base_path_can_be_another(service: GoogleService) -> None:
    with GoogleService("/gw/www.googleapis.com/calendar/v3/") as gateway:
        gateway.mailbox(REP).add()
        client = Client(gateway)

        assert client.api._baseUrl.endswith("/gw/www.googleapis.com/calendar/v3/")
        assert len(client.pages()[0]["items"]) == 1
        client.close()


# Faults


@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [
        (faults.unauthorized(), 401, "authError"),
        (faults.forbidden("rateLimitExceeded"), 403, "rateLimitExceeded"),
        (faults.forbidden("accessNotConfigured"), 403, "accessNotConfigured"),
        (faults.not_found(), 404, "notFound"),
        (faults.full_sync_required(), 410, "fullSyncRequired"),
        (faults.too_many(), 429, "rateLimitExceeded"),
        (faults.unavailable(), 503, "backendError"),
        (faults.unavailable(500), 500, "backendError"),
    ],
)
def test_a_fault_comes_as_often_as_planned(
    service: GoogleService, box: Agenda, fault: faults.Fault, status: int, reason: str
) -> None:
    service.fault(fault, times=2, after=1)

    replies = [plain(service) for _ in range(4)]

    assert [reply.status_code for reply in replies] == [200, status, status, 200]
    assert replies[1].json()["error"]["errors"][0]["reason"] == reason
    assert len(service.asked()) == 4


def plain(service: GoogleService, path: str = "calendars/primary/events", **parameters: str) -> requests.Response:
    """Ask without Google's client."""
    with requests.Session() as session:
        session.trust_env = False
        headers = {"Authorization": f"Bearer {service.token(REP)}"}
        return session.get(f"{service.api_endpoint}{path}", params=parameters, headers=headers, timeout=5)


def test_the_client_sees_why_it_is_refused(service: GoogleService, client: Client) -> None:
    service.fault(faults.too_many())

    assert refused(client.pages) == (429, "rateLimitExceeded")


def test_retry_after_comes_in_seconds_or_as_a_date(service: GoogleService, box: Agenda) -> None:
    service.fault(faults.too_many(7))
    service.fault(faults.too_many(datetime(2026, 3, 1, 8, 1, tzinfo=UTC)))
    service.fault(faults.too_many())

    waits = [plain(service).headers.get("Retry-After") for _ in range(3)]

    assert waits == ["7", "Sun, 01 Mar 2026 08:01:00 GMT", None]


def test_a_full_sync_is_required_on_page_two(service: GoogleService, client: Client, box: Agenda) -> None:
    _, token = client.first()
    for _ in range(4):
        box.add()
    service.pages.size = 2
    service.fault(faults.full_sync_required(), page=2)

    assert refused(lambda: client.since(token)) == (410, "fullSyncRequired")
    assert [request.page for request in service.asked()] == [1, 1, 2]
    assert refused(lambda: client.since(token)) == (410, "fullSyncRequired")
    assert len(client.first()[0]) == 4


def test_old_sync_tokens_expire_on_request(service: GoogleService, client: Client) -> None:
    _, old = client.first()

    service.expire_sync_tokens()

    assert refused(lambda: client.since(old)) == (410, "fullSyncRequired")
    assert client.since(client.first()[1]) == []


def test_a_body_may_be_cut_with_or_without_saying_so(service: GoogleService, box: Agenda) -> None:
    box.add()
    service.fault(faults.truncated_body())
    service.fault(faults.cut_json())

    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        plain(service)
    reply = plain(service)

    assert reply.status_code == 200
    with pytest.raises(ValueError, match=r"line|char"):
        reply.json()


def test_a_web_page_may_come_instead(service: GoogleService, box: Agenda) -> None:
    service.fault(faults.html_page())

    reply = plain(service)

    assert (reply.status_code, reply.headers["Content-Type"]) == (200, "text/html; charset=utf-8")


@pytest.mark.parametrize("page", [1, 2])
def test_an_empty_page_leads_on(service: GoogleService, client: Client, box: Agenda, page: int) -> None:
    names = [box.add() for _ in range(4)]
    service.pages.size = 2
    service.fault(faults.empty_page(), page=page)

    pages = client.pages()

    assert [item["id"] for found in pages for item in found["items"]] == names
    assert sorted(len(found["items"]) for found in pages) == [0, 2, 2]
    assert "nextSyncToken" in pages[-1]


def test_a_slow_answer_outlasts_a_patient_client(service: GoogleService, box: Agenda) -> None:
    service.fault(faults.slow())
    http = httplib2.Http(timeout=0.2, proxy_info=None)

    with pytest.raises(TimeoutError):
        http.request(f"{service.api_endpoint}calendars/primary/events")

    http.close()


def test_a_connection_may_break(service: GoogleService, box: Agenda) -> None:
    service.fault(faults.connection_reset())

    with pytest.raises(requests.ConnectionError):
        plain(service)

    assert plain(service).status_code == 200


def test_a_fault_can_be_taken_back(service: GoogleService, client: Client) -> None:
    service.fault(faults.unavailable())

    service.heal()

    assert client.first()[0] == []


def test_answers_carry_the_time_of_the_service(service: GoogleService, box: Agenda) -> None:
    service.wait(hours=1)

    assert plain(service).headers["Date"] == "Sun, 01 Mar 2026 09:00:00 GMT"


def test_the_log_shows_no_secret(service: GoogleService, client: Client) -> None:
    _, token = client.first()
    client.since(token)

    request = service.asked()[-1]

    assert request.params["syncToken"] == token
    assert request.headers["authorization"].startswith("Bearer ya29.")
    assert token not in repr(service.requests)
    assert "ya29" not in repr(service.requests)


def test_what_breaks_inside_is_shown_at_the_end() -> None:
    def stop() -> None:
        with GoogleService() as service:
            service.mailbox(REP).add()
            service.world.records.clear()
            service.world.records["odd"] = None  # type: ignore[assignment]
            assert plain(service).status_code == 500

    with pytest.raises(RuntimeError, match="the service itself failed"):
        stop()


# Sign-in


@pytest.fixture
def signing_in(monkeypatch: pytest.MonkeyPatch, service: GoogleService) -> Callable[..., Credentials]:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setenv("OAUTHLIB_RELAX_TOKEN_SCOPE", "1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setattr(webbrowser, "get", service.get_browser)

    def sign_in(*scopes: str, timeout: int = 5) -> Credentials:
        flow = InstalledAppFlow.from_client_config(service.client_secrets(), scopes or (READ,))
        with flow.oauth2session:
            credentials = flow.run_local_server(port=0, timeout_seconds=timeout, host="127.0.0.1")
        assert isinstance(credentials, Credentials)
        return credentials

    return sign_in


def test_the_real_flow_signs_in_and_reads(
    service: GoogleService, box: Agenda, signing_in: Callable[..., Credentials]
) -> None:
    box.add()

    credentials = signing_in("openid", f"{AUTH}userinfo.email", READ)

    api = connect("calendar", "v3", credentials, service.api_endpoint)
    assert len(api.events().list(calendarId="primary").execute()["items"]) == 1
    api.close()
    asked = service.asked("/auth$")[0].params
    assert asked["code_challenge_method"] == "S256"
    assert asked["access_type"] == "offline"
    assert set(credentials.granted_scopes) == {"openid", f"{AUTH}userinfo.email", READ}
    assert credentials.id_token.count(".") == 2


def test_a_box_that_was_cleared_is_not_granted(
    box: Agenda, service: GoogleService, signing_in: Callable[..., Credentials]
) -> None:
    service.consent = Consent(untick=("calendar.calendarlist.readonly",))
    events = f"{AUTH}calendar.events.readonly"

    credentials = signing_in(events, f"{AUTH}calendar.calendarlist.readonly")

    assert credentials.granted_scopes == [events]
    api = connect("calendar", "v3", credentials, service.api_endpoint)
    api.events().list(calendarId="primary").execute()
    assert refused(lambda: api.calendarList().list().execute()) == (403, "insufficientPermissions")
    api.close()


def test_a_refusal_comes_back_as_access_denied(
    box: Agenda, service: GoogleService, signing_in: Callable[..., Credentials]
) -> None:
    service.consent.refuse = True

    with pytest.raises(Exception, match="access_denied"):
        signing_in()


def test_a_person_may_never_answer(box: Agenda, service: GoogleService, signing_in: Callable[..., Credentials]) -> None:
    service.consent.never = True

    with pytest.raises(AttributeError):
        signing_in(timeout=1)


def test_an_access_token_expires_by_the_clock_and_is_refreshed(
    box: Agenda, service: GoogleService, signing_in: Callable[..., Credentials]
) -> None:
    credentials = signing_in()
    first = credentials.token
    api = connect("calendar", "v3", credentials, service.api_endpoint)

    service.wait(hours=1)
    api.events().list(calendarId="primary").execute()

    assert credentials.token != first
    assert [request.body["grant_type"] for request in service.asked("/token$")] == [
        "authorization_code",
        "refresh_token",
    ]
    api.close()


def test_a_token_may_expire_between_two_pages(
    box: Agenda, service: GoogleService, signing_in: Callable[..., Credentials]
) -> None:
    names = [box.add() for _ in range(3)]
    service.pages.size = 2
    service.fault(faults.expire_tokens(), page=2)
    api = connect("calendar", "v3", signing_in(), service.api_endpoint)

    first = api.events().list(calendarId="primary")
    page = first.execute()
    rest = api.events().list_next(first, page).execute()

    assert [item["id"] for item in page["items"] + rest["items"]] == names
    assert len(service.asked()) == 3
    api.close()


def test_the_browser_puts_up_with_error_pages_and_dead_ends(service: GoogleService, box: Agenda) -> None:
    service.browse(f"{service.root}/o/oauth2/auth?client_id=other")
    service.browse(f"{service.root}/o/oauth2/auth?{urlencode(authorization(service))}")

    for thread in service._browsers:
        thread.join()

    assert len(service.asked("/auth$")) == 2


def test_a_revoked_refresh_token_is_an_invalid_grant(
    box: Agenda, service: GoogleService, signing_in: Callable[..., Credentials]
) -> None:
    credentials = signing_in()

    service.revoke(REP)

    assert why(lambda: renew(credentials)) == "invalid_grant"


def test_refresh_tokens_may_rotate(box: Agenda, service: GoogleService, signing_in: Callable[..., Credentials]) -> None:
    service.sign_in.rotate = True
    credentials = signing_in()
    first = credentials.refresh_token

    renew(credentials)
    second = credentials.refresh_token
    renew(credentials)

    assert len({first, second, credentials.refresh_token}) == 3
    old = Credentials(  # type: ignore[no-untyped-call]
        None,
        first,
        token_uri=f"{service.root}/token",
        client_id=credentials.client_id,
        client_secret=credentials.client_secret,
    )
    assert why(lambda: renew(old)) == "invalid_grant"


def test_in_testing_mode_a_sign_in_lasts_seven_days(
    box: Agenda, service: GoogleService, signing_in: Callable[..., Credentials]
) -> None:
    service.sign_in.testing = True
    credentials = signing_in()
    renew(credentials)

    service.wait(days=7)

    assert why(lambda: renew(credentials)) == "invalid_grant"


def test_the_token_endpoint_may_fail(
    box: Agenda, service: GoogleService, signing_in: Callable[..., Credentials]
) -> None:
    credentials = signing_in()
    service.fault(faults.oauth_error("invalid_client", "The OAuth client was deleted."), path="/token$")

    assert why(lambda: renew(credentials)) == "invalid_client"
    renew(credentials)


def renew(credentials: Any) -> None:  # noqa: ANN401 # both kinds of Google's credentials
    with requests.Session() as session:
        session.trust_env = False
        credentials.refresh(Transport(session))


def why(call: Callable[[], object]) -> str:
    """Return the word that a refusal of the token endpoint has for it."""
    with pytest.raises(RefreshError) as caught:
        call()
    word: str = caught.value.args[1]["error"]
    return word


@pytest.mark.parametrize(
    ("wrong", "status", "word"),
    [
        ({"code_verifier": "other"}, 400, "invalid_grant"),
        ({"client_secret": "other"}, 401, "invalid_client"),
        ({"client_id": "other"}, 401, "invalid_client"),
        ({"redirect_uri": "http://localhost:2/"}, 400, "redirect_uri_mismatch"),
        ({"code": "other"}, 400, "invalid_grant"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({}, 200, ""),
    ],
)
def test_a_code_is_exchanged_with_all_proofs_only(
    service: GoogleService, box: Agenda, wrong: Json, status: int, word: str
) -> None:
    challenge = "uU0nuZNNPgilLlLX2n2r-sSE7-N6U4DukIj3rOLvzek"  # of the verifier "hello world"
    asked = authorization(service) | {"code_challenge": challenge, "code_challenge_method": "S256", "state": "s1"}
    reply = browse(service, asked)
    back = dict(part.split("=", 1) for part in reply.headers["Location"].partition("?")[2].split("&"))
    form = {
        "grant_type": "authorization_code",
        "code": unquote(back["code"]),
        "redirect_uri": asked["redirect_uri"],
        "client_id": asked["client_id"],
        "client_secret": service.sign_in.client_secret,
        "code_verifier": "hello world",
    }

    got = post(service, form | wrong)

    assert back["state"] == "s1"
    assert (got.status_code, got.json().get("error", "")) == (status, word)
    assert ("refresh_token" in got.json()) is False  # not asked to be offline
    assert ("access_token" in got.json()) is (status == 200)


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"client_id": "other"}, 401),
        ({"redirect_uri": "https://elsewhere.example/"}, 400),
        ({"response_type": "token"}, 400),
        ({"scope": ""}, 400),
        ({"code_challenge": "x", "code_challenge_method": "plain"}, 400),
        ({}, 302),
    ],
)
def test_a_wrong_authorization_address_shows_an_error_page(
    service: GoogleService, box: Agenda, wrong: Json, status: int
) -> None:
    assert browse(service, authorization(service) | wrong).status_code == status


def authorization(service: GoogleService) -> dict[str, str]:
    return {
        "client_id": service.sign_in.client_id,
        "redirect_uri": "http://localhost:1/",
        "response_type": "code",
        "scope": READ,
    }


def browse(service: GoogleService, asked: dict[str, str]) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(f"{service.root}/o/oauth2/auth", params=asked, allow_redirects=False, timeout=5)


def post(service: GoogleService, form: dict[str, str], path: str = "/token", **headers: str) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.post(f"{service.root}{path}", data=form, headers=headers, timeout=5)


def test_a_client_may_name_itself_in_the_header_and_revoke(service: GoogleService, box: Agenda) -> None:
    access, refresh = service.sign_in.issue(REP, READ)
    basic = requests.auth._basic_auth_str(service.sign_in.client_id, service.sign_in.client_secret)
    form = {"grant_type": "refresh_token", "refresh_token": refresh}

    assert post(service, form, Authorization=basic).status_code == 200
    assert post(service, {"token": access}, "/revoke").status_code == 200
    assert post(service, form, Authorization=basic).json()["error"] == "invalid_grant"
    assert post(service, {"token": access}, "/revoke").status_code == 400


def test_a_scope_that_does_not_suffice_is_told_apart_from_no_token(service: GoogleService) -> None:
    service.mailbox(REP)
    lists = Client(service, REP, f"{AUTH}calendar.calendarlist.readonly")

    assert refused(lists.pages) == (403, "insufficientPermissions")

    with requests.Session() as session:
        session.trust_env = False
        reply = session.get(f"{service.api_endpoint}users/me/calendarList", timeout=5)
    assert reply.status_code == 401
    assert "invalid_token" in reply.headers["WWW-Authenticate"]
    lists.close()


def test_the_scope_for_owned_calendars_reads_no_others(service: GoogleService) -> None:
    service.mailbox(REP).add()
    service.mailbox(OTHER).share(REP, "writer")
    client = Client(service, REP, f"{AUTH}calendar.events.owned.readonly")

    assert len(client.pages()[0]["items"]) == 1
    assert refused(lambda: client.pages(calendarId=OTHER)) == (403, "insufficientPermissions")
    client.close()


def test_the_service_is_read_only_and_knows_its_paths(service: GoogleService, box: Agenda) -> None:
    client = Client(service)

    assert refused(lambda: client.api.events().insert(calendarId="primary", body={}).execute()) == (403, "forbidden")
    assert refused(lambda: client.api.settings().list().execute()) == (404, "notFound")
    client.close()


# Service accounts


def acting(service: GoogleService, user: str | None, *scopes: str, **claims: object) -> Any:  # noqa: ANN401 # untyped there
    key = service.service_account_key()
    read: Any = service_account.Credentials.from_service_account_info
    made = read(key, scopes=scopes or (READ,), **claims)
    return made.with_subject(user) if user else made


def test_a_service_account_acts_for_a_person(service: GoogleService) -> None:
    service.mailbox(REP).add()
    service.sign_in.clock = lambda: datetime.now(UTC)

    api = connect("calendar", "v3", acting(service, REP), service.api_endpoint)

    assert len(api.events().list(calendarId="primary").execute()["items"]) == 1
    api.close()


def test_a_service_account_by_itself_has_no_calendar(service: GoogleService) -> None:
    service.mailbox(REP)

    api = connect("calendar", "v3", acting(service, None), service.api_endpoint)

    assert refused(lambda: api.events().list(calendarId="primary").execute()) == (404, "notFound")
    api.close()


def test_delegation_may_be_refused(service: GoogleService) -> None:
    service.mailbox(REP)
    service.sign_in.delegated = frozenset({READ})

    renew(acting(service, REP))

    assert why(lambda: renew(acting(service, REP, READ, f"{AUTH}calendar"))) == "unauthorized_client"


def test_nobody_can_be_acted_for_who_is_not_there(service: GoogleService) -> None:
    service.mailbox(REP)
    service.mailbox(ANN)
    service.directory.add(OTHER, suspended=True)

    renew(acting(service, ANN))
    service.directory.remove(REP)

    for user in (REP, OTHER, "nobody@ours.example"):
        assert why(partial(renew, acting(service, user))) == "invalid_grant"


def test_an_assertion_that_is_not_right_is_refused(service: GoogleService) -> None:
    service.mailbox(REP)
    key = service.service_account_key()
    foreign = service.service_account_key("other@sample-project.service.example") | {
        "client_email": key["client_email"]
    }

    def give(info: Json, **claims: object) -> None:
        read: Any = service_account.Credentials.from_service_account_info
        renew(read(info, scopes=(READ,), subject=REP, additional_claims=claims))

    give(key)
    assert why(lambda: give(foreign)) == "invalid_grant"
    assert why(lambda: give(key | {"client_email": "nobody@service.example"})) == "invalid_grant"
    assert why(lambda: give(key, aud="https://elsewhere.example/token")) == "invalid_grant"
    assert why(lambda: give(key, exp=0)) == "invalid_grant"
    assert why(lambda: give(key, scope="")) == "invalid_scope"
    service.sign_in.clock = lambda: datetime(2020, 1, 1, tzinfo=UTC)
    assert why(lambda: give(key)) == "invalid_grant"


# The directory


@pytest.fixture
def company(service: GoogleService) -> Iterator[Any]:
    service.mailbox("admin@ours.example")
    service.directory.add("admin@ours.example", "Ada Min", admin=True)
    for name in ("ben", "cleo", "dan"):
        service.directory.add(
            f"{name}@ours.example", f"{name.title()} Sample", org_unit="/Sales/East", aliases=("x@ours.example",)
        )
    service.directory.add("gone@ours.example", suspended=True)
    scopes = (f"{AUTH}admin.directory.user.readonly", f"{AUTH}admin.directory.group.member.readonly")
    credentials = acting(service, "admin@ours.example", *scopes)
    api = connect("admin", "directory_v1", credentials, service.directory_endpoint)
    yield api
    api.close()


def users(api: Any, **parameters: object) -> list[str]:  # noqa: ANN401 # untyped there
    asked, found = api.users().list(**parameters), []
    while asked is not None:
        page = asked.execute()
        assert list(unknown(page, "Users", "admin.directory_v1")) == []
        found += [user["primaryEmail"].partition("@")[0] for user in page["users"]]
        asked = api.users().list_next(asked, page)
    return found


def test_users_are_listed_page_by_page(service: GoogleService, company: Any) -> None:  # noqa: ANN401
    service.pages.size = 2

    assert users(company, domain="ours.example") == ["admin", "ben", "cleo", "dan", "gone"]
    assert users(company, customer="my_customer", maxResults=1) == ["admin", "ben", "cleo", "dan", "gone"]
    assert len(service.asked("/users$")) == 8


def test_users_are_searched_as_the_admin_asks(company: Any) -> None:  # noqa: ANN401
    assert users(company, customer="my_customer", query="isSuspended=true") == ["gone"]
    assert users(company, customer="my_customer", query="orgUnitPath='/Sales' isSuspended=false") == [
        "ben",
        "cleo",
        "dan",
    ]
    assert users(company, customer="my_customer", query="email:be*") == ["ben"]
    assert users(company, customer="my_customer", query="name:'Cleo Sample'") == ["cleo"]
    assert users(company, customer="C0sample", query="isAdmin=true isArchived=false") == ["admin"]


@pytest.mark.parametrize(
    ("parameters", "status"),
    [
        ({}, 400),
        ({"domain": "strange.example"}, 404),
        ({"customer": "C0other"}, 404),
        ({"customer": "my_customer", "query": "nonsense"}, 400),
    ],
)
def test_a_wrong_question_for_users_is_refused(company: Any, parameters: Json, status: int) -> None:  # noqa: ANN401
    assert refused(lambda: users(company, **parameters))[0] == status


def test_the_directory_answers_an_admin_and_the_public_view_anybody(service: GoogleService, company: Any) -> None:  # noqa: ANN401
    ben = acting(service, "ben@ours.example", f"{AUTH}admin.directory.user.readonly")
    api = connect("admin", "directory_v1", ben, service.directory_endpoint)

    assert refused(lambda: users(api, domain="ours.example")) == (403, "forbidden")
    assert users(api, domain="ours.example", viewType="domain_public") == ["admin", "ben", "cleo", "dan"]
    api.close()


def test_members_of_a_group_are_listed_with_their_kinds(service: GoogleService, company: Any) -> None:  # noqa: ANN401
    service.directory.group("east@ours.example", "cleo@ours.example", "dan@ours.example")
    service.directory.group(
        "sales@ours.example", "ben@ours.example", "east@ours.example", ANN, Member("", "CUSTOMER", role="OWNER")
    )
    service.pages.size = 2

    def members(**parameters: object) -> list[tuple[str, str]]:
        asked, found = company.members().list(groupKey="sales@ours.example", **parameters), []
        while asked is not None:
            page = asked.execute()
            assert list(unknown(page, "Members", "admin.directory_v1")) == []
            found += [(member.get("email", "").partition("@")[0], member["type"]) for member in page["members"]]
            asked = company.members().list_next(asked, page)
        return found

    assert members() == [("ben", "USER"), ("east", "GROUP"), ("ann", "USER"), ("", "CUSTOMER")]
    assert [name for name, _ in members(includeDerivedMembership=True)] == ["ben", "cleo", "dan", "ann", ""]
    assert members(roles="OWNER") == [("", "CUSTOMER")]
    assert refused(lambda: company.members().list(groupKey="none@ours.example").execute()) == (404, "notFound")


def test_two_clients_may_ask_at_once(service: GoogleService, box: Agenda) -> None:
    for _ in range(20):
        box.add()
    service.pages.size = 3
    found: list[int] = []

    def read() -> None:
        client = Client(service)
        found.append(len(client.first()[0]))
        client.close()

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [20, 20, 20]
