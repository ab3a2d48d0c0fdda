"""The service is judged by the vendor's own client for Graph, by O365, and by msal as the one that signs in."""

from __future__ import annotations

import base64
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import msal  # type: ignore[import-untyped]
import pytest
import requests
from O365 import Account, MSGraphProtocol  # type: ignore[import-untyped]
from O365.utils.token import MemoryTokenBackend  # type: ignore[import-untyped]

from loopback import Fault
from microsoft_calendar import judge
from microsoft_calendar import service_faults as faults
from microsoft_calendar.service import CA_NAMES, MicrosoftService
from microsoft_calendar.service_directory import CONSUMERS, OURS
from microsoft_calendar.service_identity import GUID, SECRET, Consent, aadsts
from microsoft_calendar.service_values import (
    CUSTOM,
    DAYS,
    NEVER,
    NONE,
    Json,
    daily,
    dates,
    monthly,
    monthly_on,
    on_day,
    settled,
    weekly,
    wrapped,
    yearly,
    yearly_on,
)
from microsoft_calendar.service_world import BERLIN, START, Look, Mailbox

REP, OTHER, ANN, BOB = "rep@ours.example", "other@ours.example", "ann@acme.example", "bob@acme.example"
WEEK = timedelta(days=7)
BOTH = 'IdType="ImmutableId", outlook.timezone="UTC"'
BASIC = "Calendars.ReadBasic"
DEFAULT = "https://graph.microsoft.com/.default"
TOKEN_FAULT = faults.token_error(50076)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[MicrosoftService]:
    with MicrosoftService() as running:
        running.environment(monkeypatch)
        yield running


@pytest.fixture
def box(service: MicrosoftService) -> Mailbox:
    return service.mailbox(REP)


@pytest.fixture
def client(service: MicrosoftService, box: Mailbox) -> Iterator[Client]:
    with Client(service) as opened:
        yield opened


class Client:
    """Somebody who asks Graph with a token; the rep with `Calendars.Read` unless told otherwise."""

    def __init__(self, service: MicrosoftService, token: str | None = None, prefer: str = BOTH) -> None:
        self.service = service
        self.session = requests.Session()
        token = token or service.token(REP, "Calendars.Read", "User.Read")
        self.session.headers.update({"Authorization": f"Bearer {token}", "Prefer": prefer})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def ask(self, path: str, **params: object) -> requests.Response:
        asked: Json = {(name if name.endswith("Time") else f"${name}"): value for name, value in params.items()}
        return self.session.get(f"{self.service.graph_url}/{path}", params=asked, timeout=10, allow_redirects=False)

    def get(self, path: str, **params: object) -> Json:
        reply = self.ask(path, **params)
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    def all(self, path: str, **params: object) -> list[Json]:
        page = self.get(path, **params)
        found = list(page["value"])
        while "@odata.nextLink" in page:
            page = self.session.get(page["@odata.nextLink"], timeout=10).json()
            found += page["value"]
        return found

    def view(self, weeks: int = 10, path: str = "me/calendarView", **params: object) -> list[Json]:
        begin = START - WEEK
        times = {"startDateTime": begin.isoformat(), "endDateTime": (begin + weeks * WEEK).isoformat()}
        return self.all(path, **{"top": 1000, **times, **params})

    def one(self, weeks: int = 10) -> Json:
        (found,) = self.view(weeks)
        return found

    def refused(self, path: str, **params: object) -> tuple[int, str]:
        reply = self.ask(path, **params)
        return reply.status_code, reply.json()["error"]["code"]


def clock(item: Json) -> str:
    return str(item["start"]["dateTime"])


def person(address: str) -> Json:
    return {"name": address, "address": address}


# The judge


def zoo(service: MicrosoftService) -> list[tuple[str, Json]]:
    """Let everything happen that can happen, and return everything that is sent then."""
    box, other = service.mailbox(REP), service.mailbox(OTHER)
    meeting = box.add(
        "Sample", START + timedelta(microseconds=1234), attendees=[(ANN, "accepted"), OTHER], body="<b>x</b>"
    )
    box.propose(meeting, ANN, START + WEEK)
    box.add("Days", date(2026, 3, 4), sensitivity="private", showAs="oof", join_url="https://teams.service.example/1")
    box.add("Draft", isDraft=True, attendees=[OTHER], hideAttendees=True, importance="high", zone=CUSTOM)
    box.cancel(box.add("Cancelled", attendees=[OTHER]))
    every = [daily(2), weekly("monday", "friday"), monthly(31), monthly_on("last", "friday"), yearly()]
    every.append(yearly_on("first", 3, "monday"))
    for number, repeat in enumerate(every):
        box.add(f"Series {number}", recurrence={**repeat, "range": weekly(times=9)["range"]}, attendees=[OTHER])
    room = {"address": "room@ours.example", "type": "resource"}
    series = box.add("Cut", recurrence=weekly(until=date(2026, 6, 1)), attendees=[OTHER, room])
    box.move_instance(series, START + WEEK, START + WEEK + timedelta(hours=2))
    box.cancel_instance(series, START + 2 * WEEK)
    box.split(series, START + 4 * WEEK - timedelta(hours=1))
    other.add("From elsewhere", uid=wrapped("abc@google.com", 2), organizer=ANN, attendees=[REP, OTHER])
    box.add_calendar("Team")
    service.directory.group("sales@ours.example", REP, OTHER)
    found: list[tuple[str, Json]] = []
    for who in (REP, OTHER):
        for prefer in (BOTH, 'outlook.timezone="India Standard Time", outlook.body-content-type="text"', ""):
            token = service.token(who, "Calendars.Read", "User.ReadBasic.All", "GroupMember.Read.All")
            with Client(service, token, prefer) as client:
                masters = [item["id"] for item in client.all("me/events", filter="type eq 'seriesMaster'")]
                select = {
                    "select": "id,type,cancelledOccurrences,exceptionOccurrences",
                    "expand": "exceptionOccurrences",
                }
                found += [("event", item) for item in client.view() + client.all("me/events", top=3)]
                found += [("event", client.get(f"me/events/{name}", **select)) for name in masters]
                found += [("calendar", item) for item in client.all("me/calendars")]
                found += [("user", item) for item in client.all("users", top=1)]
                found += [("group", item) for item in client.all("groups")]
    return found


@pytest.fixture(scope="session")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return a Python with the vendor's client; made before a test trusts the service's authority alone."""
    folder = tmp_path_factory.mktemp("python")
    executable = judge.python(folder)
    if executable is None:
        pytest.skip("CI is not set, and CALSIGNAL_GRAPH_JUDGE names no Python that has msgraph-sdk")
    yield executable
    shutil.rmtree(folder)


def test_the_vendors_client_reads_back_all_that_is_sent(vendor: str, service: MicrosoftService) -> None:
    sent = zoo(service)
    wrong: Json = {"importance": "huge", "oddity": 1, "attendees": [{"mood": "good"}]}

    *said, of_wrong = judge.verdicts(vendor, [*sent, ("event", wrong)])

    assert len(said) == len(sent) > 200
    assert [(item, text) for (_, item), texts in zip(sent, said, strict=True) for text in texts] == []
    assert of_wrong == [".oddity is unknown", ".attendees[].mood is unknown", ".importance is 'huge', read as None"]


CORPUS = os.environ.get("CALSIGNAL_CORPUS")


@pytest.mark.skipif(not CORPUS, reason="CALSIGNAL_CORPUS names no folder of recorded answers")
def test_recorded_answers_have_no_other_fields(client: Client, box: Mailbox) -> None:
    box.add(recurrence=daily(), attendees=[ANN], join_url="https://teams.service.example/1")
    known = {name for item in [*client.view(), *client.all("me/events")] for name in item} | {"uid", "calendar@odata"}
    files = Path(CORPUS or "").glob("graph_json/mattermost*")
    answers = [each for file in files for each in json.loads(file.read_text("utf-8"))]

    assert answers
    assert {name for each in answers for item in each["value"] for name in item} <= known


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_o365_reads_the_calendar(service: MicrosoftService, box: Mailbox) -> None:
    box.add("Kick-off", attendees=[(ANN, "accepted")], recurrence=weekly(times=3))
    protocol = type("Here", (MSGraphProtocol,), {"_protocol_url": f"{service.root}/"})(timezone="UTC")
    kept = MemoryTokenBackend()
    settings = {"auth_flow_type": "credentials", "tenant_id": OURS, "token_backend": kept}
    account = Account((GUID, SECRET), protocol=protocol, main_resource=REP, **settings)
    account.con._msal_client = app_by_itself(service, cache=kept)

    assert account.authenticate(requested_scopes=[DEFAULT])
    calendar = account.schedule().get_default_calendar()
    events = list(calendar.get_events(start_recurring=START - WEEK, end_recurring=START + 9 * WEEK))

    assert [event.start for event in events] == [START + n * WEEK - timedelta(hours=n > 3) for n in range(3)]
    assert {event.subject for event in events} == {"Kick-off"}
    assert [guest.address for guest in events[0].attendees] == [ANN]
    assert [each.name for each in account.schedule().list_calendars()] == ["Calendar"]


# What an event looks like


def test_the_organiser_sees_each_answer_with_its_time(client: Client, box: Mailbox) -> None:
    key = box.add("Kick-off", attendees=[ANN, BOB])

    box.answer(key, ANN, at=datetime(2026, 2, 27, 9, 30, 5, 250000, tzinfo=UTC))
    item = client.one()

    assert (item["subject"], item["isOrganizer"], item["type"]) == ("Kick-off", True, "singleInstance")
    assert item["attendees"][0]["status"] == {"response": "accepted", "time": "2026-02-27T09:30:05.2500000Z"}
    assert item["attendees"][1]["status"] == {"response": "none", "time": NONE}
    assert item["start"] == {"dateTime": "2026-03-02T10:00:00.0000000", "timeZone": "UTC"}
    assert item["originalStartTimeZone"] == BERLIN
    assert item["responseStatus"] == {"response": "organizer", "time": NONE}


def test_an_attendees_copy_knows_its_owners_answer_alone(service: MicrosoftService, box: Mailbox) -> None:
    other = service.mailbox(OTHER)
    key = box.add(attendees=[(ANN, "accepted"), OTHER])

    box.answer(key, OTHER, "declined")
    box.propose(key, ANN, START + WEEK)
    item = other.item(key)

    assert item["isOrganizer"] is False
    assert item["organizer"] == {"emailAddress": person(REP)}
    assert [row["status"] for row in item["attendees"]] == [{"response": "none", "time": NONE}] * 2
    assert item["responseStatus"]["response"] == "declined"
    assert item["showAs"] == "free"
    assert "proposedNewTime" not in item["attendees"][0]
    assert item["id"] != box.id(key)
    assert item["iCalUId"] == box.item(key)["iCalUId"]


def test_a_proposal_is_shown_until_the_move(client: Client, box: Mailbox) -> None:
    key = box.add(attendees=[ANN])

    box.propose(key, ANN, START + WEEK)
    proposed = client.one()["attendees"][0]
    box.move(key, START + WEEK)
    moved = client.one()["attendees"][0]

    assert proposed["status"]["response"] == "tentativelyAccepted"
    assert proposed["proposedNewTime"]["start"] == {"dateTime": "2026-03-09T10:00:00.0000000", "timeZone": "UTC"}
    assert moved["status"] == {"response": "notResponded", "time": NEVER}
    assert "proposedNewTime" not in moved


def test_answers_may_outlive_a_move(box: Mailbox) -> None:
    key = box.add(attendees=[(ANN, "accepted")])

    box.move(key, START + WEEK, reset_answers=False)

    assert box.item(key)["attendees"][0]["status"]["response"] == "accepted"


def test_hidden_attendees_see_themselves_alone(service: MicrosoftService, box: Mailbox) -> None:
    other = service.mailbox(OTHER)

    key = box.add(attendees=[ANN, OTHER], hideAttendees=True)

    assert [row["emailAddress"]["address"] for row in other.item(key)["attendees"]] == [OTHER]
    assert len(box.item(key)["attendees"]) == 2


def test_whole_days_begin_at_midnight_of_their_own_zone(box: Mailbox) -> None:
    key = box.add("Fair", date(2026, 3, 4))

    in_utc, at_home = box.item(key), box.item(key, Look(zone=BERLIN))

    assert in_utc["isAllDay"]
    assert (clock(in_utc), in_utc["end"]["dateTime"]) == ("2026-03-03T23:00:00.0000000", "2026-03-04T23:00:00.0000000")
    assert at_home["start"] == {"dateTime": "2026-03-04T00:00:00.0000000", "timeZone": BERLIN}


def test_a_whole_day_stays_one_over_the_change_of_clocks(box: Mailbox) -> None:
    key = box.add("Fair", date(2026, 3, 28))

    box.move(key, date(2026, 3, 29))

    assert clock(box.item(key)) == "2026-03-28T23:00:00.0000000"
    assert box.item(key)["end"]["dateTime"] == "2026-03-29T22:00:00.0000000"


def test_a_meeting_may_become_a_whole_day(box: Mailbox) -> None:
    key = box.add()

    box.move(key, date(2026, 3, 4))

    assert box.item(key)["isAllDay"]
    assert box.item(key)["end"]["dateTime"] == "2026-03-04T23:00:00.0000000"


def test_a_zone_of_its_own_keeps_its_name_and_its_rules(box: Mailbox) -> None:
    key = box.add(zone=CUSTOM, rules="Asia/Kolkata", recurrence=daily(times=2))

    box.move(key, START + timedelta(hours=1))

    assert box.item(key)["originalStartTimeZone"] == CUSTOM
    assert box.item(key)["recurrence"]["range"]["recurrenceTimeZone"] == CUSTOM
    assert clock(box.item(key)) == "2026-03-02T11:00:00.0000000"


def test_a_zone_that_does_not_exist_is_a_mistake_of_the_test(box: Mailbox) -> None:
    with pytest.raises(KeyError):
        box.add(zone="Nowhere Standard Time")


def test_a_draft_is_the_organisers_alone_until_it_is_sent(service: MicrosoftService, box: Mailbox) -> None:
    other = service.mailbox(OTHER)
    key = box.add(attendees=[OTHER], isDraft=True)
    before = other.keys()

    was = box.item(key)["isDraft"]
    box.send(key)

    assert (before, was) == ([], True)
    assert other.keys() == [key]
    assert box.item(key)["isDraft"] is False


def test_what_the_organiser_cancels_stays_with_the_attendees(
    service: MicrosoftService, client: Client, box: Mailbox
) -> None:
    other = service.mailbox(OTHER)
    key = box.add("Kick-off", attendees=[OTHER])
    mine, name = box.id(key), other.id(key)

    box.cancel(key)
    left = other.item(key)

    assert client.view() == []
    assert client.refused(f"me/events/{mine}") == (404, "ErrorItemNotFound")
    assert (left["isCancelled"], left["subject"], left["showAs"]) == (True, "Canceled: Kick-off", "free")
    other.remove(key)
    assert other.find(name) is None
    other.restore(key)
    assert other.item(key)["isCancelled"] is False


def test_who_is_taken_off_the_list_keeps_a_cancelled_copy(service: MicrosoftService, box: Mailbox) -> None:
    other = service.mailbox(OTHER)
    key = box.add(attendees=[ANN])

    box.invite(key, OTHER, "optional")
    invited = [row["type"] for row in box.item(key)["attendees"]]
    box.uninvite(key, OTHER)

    assert invited == ["required", "optional"]
    assert [row["emailAddress"]["address"] for row in box.item(key)["attendees"]] == [ANN]
    assert other.item(key)["isCancelled"]


@pytest.mark.parametrize(
    "act",
    [
        lambda box, key: box.move(key, START + WEEK),
        lambda box, key: box.answer(key, ANN),
        lambda box, key: box.change(key, location={"displayName": "Room 1"}),
        lambda box, key: box.touch(key),
        lambda box, key: box.make_private(key),
        lambda box, key: box.only_here(key, categories=["Red"]),
    ],
)
def test_each_act_gives_another_change_key(
    service: MicrosoftService, box: Mailbox, act: Callable[[Mailbox, str], None]
) -> None:
    key = box.add(attendees=[ANN])
    before = box.item(key)
    service.wait(hours=1)

    act(box, key)
    after = box.item(key)

    assert after["changeKey"] != before["changeKey"]
    assert after["lastModifiedDateTime"] == "2026-03-01T09:00:00.0000000Z"
    assert after["createdDateTime"] == before["createdDateTime"] == "2026-03-01T08:00:00.0000000Z"
    assert after["id"] == before["id"]


def test_a_touch_changes_nothing_else(box: Mailbox) -> None:
    key = box.add(attendees=[ANN])
    before = box.item(key)

    box.touch(key)
    after = box.item(key)

    assert {name for name in after if after[name] != before[name]} == {"@odata.etag", "changeKey"}


def test_a_meeting_organised_in_google_has_its_uid_inside(box: Mailbox) -> None:
    once = box.add(uid=wrapped("abc@google.com"), organizer=ANN, attendees=[REP])
    twice = box.add(uid=wrapped("abc@google.com", 2), organizer=ANN, attendees=[REP], recurrence=weekly())

    plain = bytes.fromhex(box.item(once)["iCalUId"])
    inner = bytes.fromhex(box.item(twice)["iCalUId"])[52:-1].decode()

    assert plain[40:52] == b"vCal-Uid\x01\x00\x00\x00"
    assert plain[52:] == b"abc@google.com\x00"
    assert len(plain) == 40 + int.from_bytes(plain[36:40], "little")
    assert inner == wrapped("abc@google.com")
    assert bytes.fromhex(box.item(box.instance(twice, START + WEEK))["iCalUId"])[16:20] == bytes([7, 234, 3, 9])


def test_an_event_may_lack_a_uid(box: Mailbox) -> None:
    assert box.item(box.add(uid=None))["iCalUId"] is None


def test_a_raw_item_is_sent_as_it_is(client: Client, box: Mailbox) -> None:
    key = box.add("Sample")

    box.put_raw({**box.item(key), "start": "tomorrow"})
    box.put_raw({"id": "odd", "subject": 7})

    assert [(item["id"] == "odd", item.get("start")) for item in client.view()] == [(False, "tomorrow"), (True, None)]
    assert client.get("me/events/odd") == {"id": "odd", "subject": 7}


def test_a_mistake_in_a_test_is_an_error_at_once(box: Mailbox) -> None:
    series = box.add(recurrence=weekly(), key="s")

    for wrong in ("m9", "s@nonsense", "s@20260303T100000Z"):
        with pytest.raises(KeyError):
            box.touch(wrong)
    with pytest.raises(ValueError, match="no occurrence"):
        box.instance(series, START + timedelta(days=1))
    with pytest.raises(ValueError, match="no key"):
        box.add(key="s")
    with pytest.raises(ValueError, match="no type"):
        box.add(attendees=[{"address": ANN, "type": "chair"}])
    with pytest.raises(ValueError, match="no calendar"):
        box.move_to(series, "Team")
    with pytest.raises(KeyError):
        box.answer(series, ANN)


# Series


@pytest.mark.parametrize(
    ("repeat", "days"),
    [
        (daily(3, times=3), ["03-02", "03-05", "03-08"]),
        (daily(until=date(2026, 3, 4)), ["03-02", "03-03", "03-04"]),
        (weekly("monday", "thursday", times=4), ["03-02", "03-05", "03-09", "03-12"]),
        (weekly("sunday", "monday", every=2, times=4), ["03-02", "03-15", "03-16", "03-29"]),
        (weekly("sunday", "monday", every=2, week_begins="monday", times=4), ["03-02", "03-08", "03-16", "03-22"]),
        (monthly(times=3), ["03-02", "04-02", "05-02"]),
        (monthly(31, times=4), ["03-31", "04-30", "05-31", "06-30"]),
        (monthly_on("last", "friday", times=3), ["03-27", "04-24", "05-29"]),
        (monthly_on("first", *DAYS[:5], every=2, times=3), ["03-02", "05-01", "07-01"]),
        (yearly(times=2), ["03-02", "03-02"]),
        (yearly(2, 29, times=3), ["02-28", "02-29", "02-28"]),
        (yearly_on("second", 4, "tuesday", times=2), ["04-14", "04-13"]),
    ],
)
def test_each_pattern_has_its_days(repeat: Json, days: list[str]) -> None:
    found = dates(settled(repeat, date(2026, 3, 2), BERLIN), date(2040, 1, 1))

    assert [f"{day:%m-%d}" for day in found] == days


def test_a_series_without_end_comes_to_the_end_of_time(box: Mailbox) -> None:
    repeat = settled(yearly(every=1000), date(2026, 3, 2), BERLIN)

    assert [day.year for day in dates(repeat, date.max)] == [2026, 3026, 4026, 5026, 6026, 7026, 8026, 9026]


def test_the_view_expands_by_the_wall_clock(client: Client, box: Mailbox) -> None:
    key = box.add("Weekly", recurrence=weekly(times=6), attendees=[ANN])
    box.add("Single", START + timedelta(hours=5))

    items = client.view()

    assert [clock(item)[5:16] for item in items] == [
        "03-02T10:00", "03-02T15:00", "03-09T10:00", "03-16T10:00", "03-23T10:00", "03-30T09:00", "04-06T09:00",
    ]  # fmt: skip
    assert {item["type"] for item in items} == {"occurrence", "singleInstance"}
    second = items[2]
    assert second["seriesMasterId"] == box.id(key)
    assert second["originalStart"] == "2026-03-09T10:00:00Z"
    assert second["occurrenceId"] == f"OID.{box.id(key)}.2026-03-09"
    assert second["recurrence"] is None
    assert second["attendees"][0]["emailAddress"] == person(ANN)
    assert second["iCalUId"] == on_day(box.item(key)["iCalUId"], date(2026, 3, 9))
    assert client.get(f"me/events/{second['id']}")["originalStart"] == second["originalStart"]


def test_the_list_of_events_has_series_and_no_occurrences(client: Client, box: Mailbox) -> None:
    series = box.add("Weekly", recurrence=weekly())
    box.move_instance(series, START + WEEK, START + 8 * WEEK)
    box.add("Single")

    assert [item["type"] for item in client.all("me/events")] == ["seriesMaster", "singleInstance"]
    (master,) = client.all("me/events", filter="type eq 'seriesMaster'", top=1000, select="id,recurrence")
    assert set(master) == {"@odata.etag", "id", "recurrence"}
    assert master["recurrence"]["pattern"]["daysOfWeek"] == ["monday"]
    assert master["recurrence"]["range"]["recurrenceTimeZone"] == BERLIN


def test_a_moved_date_is_an_exception_wherever_it_goes(client: Client, box: Mailbox) -> None:
    series = box.add(recurrence=weekly(times=3))
    name = box.id(box.instance(series, START + WEEK))

    box.move_instance(series, START + WEEK, START + WEEK + timedelta(days=1))
    near = client.view(4)
    box.move_instance(series, START + WEEK, START + 20 * WEEK)

    assert [(item["type"], clock(item)[5:10]) for item in near] == [
        ("occurrence", "03-02"), ("exception", "03-10"), ("occurrence", "03-16"),
    ]  # fmt: skip
    assert near[1]["originalStart"] == "2026-03-09T10:00:00Z"
    assert [clock(item)[5:10] for item in client.view(4)] == ["03-02", "03-16"]
    assert clock(client.get(f"me/events/{name}"))[:10] == "2026-07-20"


def test_a_master_names_what_was_cancelled_and_what_stands_apart_when_asked(client: Client, box: Mailbox) -> None:
    series = box.add(recurrence=weekly(times=4), attendees=[OTHER])
    box.cancel_instance(series, START + WEEK)
    moved = box.move_instance(series, START + 2 * WEEK, START + 2 * WEEK + timedelta(hours=1))
    path = f"me/events/{box.id(series)}"

    plain = client.get(path)
    select = {"select": "subject,cancelledOccurrences,exceptionOccurrences", "expand": "exceptionOccurrences"}
    asked = client.get(path, **select)

    assert {"cancelledOccurrences", "exceptionOccurrences"} & set(plain) == set()
    assert asked["cancelledOccurrences"] == [f"OID.{box.id(series)}.2026-03-09"]
    assert [item["id"] for item in asked["exceptionOccurrences"]] == [box.id(moved)]
    assert [clock(item)[5:10] for item in client.view()] == ["03-02", "03-16", "03-23"]


def test_a_cancelled_date_stays_with_the_attendees_until_it_is_cleared(service: MicrosoftService, box: Mailbox) -> None:
    other = service.mailbox(OTHER)
    series = box.add(recurrence=weekly(times=2), attendees=[OTHER])

    key = box.cancel_instance(series, START + WEEK)
    left = other.item(key)
    box.clear(key)

    assert (left["type"], left["isCancelled"]) == ("exception", True)
    assert len(other.between(START, START + 9 * WEEK)) == 1
    assert other.called_off(service.world.records[series]) == [f"OID.{other.id(series)}.2026-03-09"]


def test_a_deleted_series_leaves_nothing_with_its_organiser(
    service: MicrosoftService, client: Client, box: Mailbox
) -> None:
    other = service.mailbox(OTHER)
    series = box.add(recurrence=weekly(times=3), attendees=[OTHER])
    box.move_instance(series, START + WEEK, START + WEEK + timedelta(hours=1))

    box.delete_series(series)

    assert client.view() == []
    assert {record.cancelled for record in other.between(START, START + 9 * WEEK)} == {True}


def test_removing_a_series_removes_its_dates_too(service: MicrosoftService, box: Mailbox) -> None:
    series = box.add(recurrence=weekly(times=3))
    name = box.id(box.move_instance(series, START + WEEK, START + WEEK + timedelta(hours=1)))

    box.remove(series)

    assert box.between(START, START + 9 * WEEK) == []
    assert box.find(name) is None


@pytest.mark.parametrize(
    ("repeat", "left", "right"),
    [
        (weekly(), ["03-02", "03-09"], 8),
        (weekly(times=5), ["03-02", "03-09"], 3),
        (weekly(until=date(2026, 3, 25)), ["03-02", "03-09"], 2),
    ],
)
def test_this_and_following_cuts_the_series_and_begins_another(
    client: Client, box: Mailbox, repeat: Json, left: list[str], right: int
) -> None:
    series = box.add("Weekly", recurrence=repeat, attendees=[(ANN, "accepted")])
    box.move_instance(series, START + 3 * WEEK, START + 3 * WEEK + timedelta(hours=3))

    new = box.split(series, START + 2 * WEEK, START + 2 * WEEK + timedelta(days=1), subject="Later")
    items = client.view(11)

    assert [clock(item)[5:10] for item in items if item["seriesMasterId"] == box.id(series)] == left
    rest = [item for item in items if item["seriesMasterId"] == box.id(new)]
    assert {item["subject"] for item in rest} == {"Later"}
    assert clock(rest[0])[:10] == "2026-03-17"
    assert len(rest) == right
    assert {item["type"] for item in rest} == {"occurrence"}
    assert box.item(new)["iCalUId"] != box.item(series)["iCalUId"]
    assert box.item(new)["attendees"][0]["status"]["response"] == "none"
    assert box.item(series)["recurrence"]["range"]["endDate"] == "2026-03-15"


def test_a_split_may_have_another_pattern(client: Client, box: Mailbox) -> None:
    series = box.add(recurrence=weekly())

    new = box.split(series, START + WEEK, recurrence=daily(times=2))

    found = [clock(item)[5:10] for item in client.view() if item["seriesMasterId"] == box.id(new)]
    assert found == ["03-09", "03-10"]


@pytest.mark.parametrize(
    ("repeat", "days"),
    [
        (weekly(times=2), ["03-03", "03-10"]),
        (monthly(times=2), ["03-03", "04-03"]),
        (yearly(times=1), ["03-03"]),
        (weekly("monday", "tuesday", times=2), ["03-03", "03-09"]),
    ],
)
def test_a_moved_series_takes_its_day_from_the_new_start(
    client: Client, box: Mailbox, repeat: Json, days: list[str]
) -> None:
    series = box.add(recurrence=repeat)

    box.move(series, START + timedelta(days=1))

    assert [clock(item)[5:10] for item in client.view(10)] == days


def test_a_moved_series_forgets_what_stood_apart_and_may_repeat_otherwise(client: Client, box: Mailbox) -> None:
    series = box.add(recurrence=weekly())
    box.cancel_instance(series, START + WEEK)

    box.move(series, START, recurrence=daily(7, times=3))

    assert [clock(item)[5:10] for item in client.view()] == ["03-02", "03-09", "03-16"]


def test_an_answer_to_a_series_is_one_to_each_date(box: Mailbox) -> None:
    series = box.add(recurrence=weekly(times=3), attendees=[ANN])
    apart = box.move_instance(series, START + WEEK, START + WEEK + timedelta(hours=1))

    box.answer(series, ANN)
    box.answer(apart, ANN, "declined")

    said = [box.item(key)["attendees"][0]["status"]["response"] for key in (series, apart)]
    assert said == ["accepted", "declined"]


def test_somebody_invited_to_one_date_has_a_single_event(service: MicrosoftService, box: Mailbox) -> None:
    other = service.mailbox(OTHER)
    series = box.add(recurrence=weekly())
    key = box.instance(series, START + WEEK)

    box.invite(key, OTHER)
    (record,) = other.between(START, START + 9 * WEEK)
    item = other.item(record.key)

    assert (item["type"], item["seriesMasterId"]) == ("singleInstance", None)
    assert item["iCalUId"] == box.item(key)["iCalUId"]
    found = other.find(item["id"])
    assert found is not None
    assert found.key == key


def test_the_dates_of_a_series_can_be_asked_for(client: Client, box: Mailbox) -> None:
    series, single = box.add(recurrence=weekly(), start=date(2026, 3, 2)), box.add()
    times = {"startDateTime": "2026-03-08T00:00:00Z", "endDateTime": "2026-03-18T00:00:00Z"}

    items = client.all(f"me/events/{box.id(series)}/instances", **times)

    assert [item["originalStart"] for item in items] == ["2026-03-08T23:00:00Z", "2026-03-15T23:00:00Z"]
    assert client.refused(f"me/events/{box.id(single)}/instances", **times) == (400, "ErrorInvalidRequest")


# How it is asked


def test_ids_change_on_a_move_unless_they_are_immutable(
    service: MicrosoftService, client: Client, box: Mailbox
) -> None:
    key = box.add()
    with Client(service, prefer="") as careless:
        before = careless.one()["id"]
        immutable = client.one()["id"]

        team = box.add_calendar("Team")
        box.move_to(key, "Team")

        path = f"me/calendars/{team}/calendarView"
        assert careless.view(path=path)[0]["id"] != before != immutable
        assert client.view(path=path)[0]["id"] == immutable
        assert careless.refused(f"me/events/{before}") == (404, "ErrorItemNotFound")
        assert careless.get(f"me/events/{immutable}")["id"] != immutable
        assert client.view() == []


def test_times_come_in_the_zone_that_was_asked_for(service: MicrosoftService, box: Mailbox) -> None:
    box.add(body="<p>Hello <b>Ann</b></p>")

    with Client(service, prefer='outlook.timezone="India Standard Time", outlook.body-content-type="text"') as client:
        item = client.one()

    assert item["start"] == {"dateTime": "2026-03-02T15:30:00.0000000", "timeZone": "India Standard Time"}
    assert item["body"] == {"contentType": "text", "content": "Hello Ann"}
    assert item["bodyPreview"] == "Hello Ann"


def test_read_basic_shows_no_body(service: MicrosoftService, box: Mailbox) -> None:
    box.add(body="secret", attendees=[ANN])

    with Client(service, service.token(REP)) as client:
        item = client.one()

    assert {"body", "bodyPreview"} & set(item) == set()
    assert item["attendees"]


@pytest.mark.parametrize(
    ("asked", "sizes"),
    [
        ({}, [10, 10, 5]),
        ({"top": 20}, [20, 5]),
        ({"top": 1000}, [25]),
    ],
)
def test_lists_come_in_pages(client: Client, box: Mailbox, asked: Json, sizes: list[int]) -> None:
    for hour in range(25):
        box.add(start=START + timedelta(hours=hour))

    page, found = client.get("me/events", **asked), []
    while True:
        found.append(len(page["value"]))
        if "@odata.nextLink" not in page:
            break
        page = client.session.get(page["@odata.nextLink"], timeout=10).json()

    assert found == sizes


def test_the_header_may_set_the_size_of_a_page(service: MicrosoftService, box: Mailbox) -> None:
    box.add(recurrence=daily(times=12))

    with Client(service, prefer="odata.maxpagesize=5") as client:
        begin = {"startDateTime": "2026-03-01T00:00:00Z", "endDateTime": "2026-05-01T00:00:00Z"}
        assert len(client.get("me/calendarView", **begin)["value"]) == 5
        assert len(client.get("me/calendarView", **begin, top=3)["value"]) == 3
        assert len(client.view(10)) == 12


def test_items_may_come_twice_over_pages_and_in_the_opposite_order(
    service: MicrosoftService, client: Client, box: Mailbox
) -> None:
    box.add(recurrence=daily(times=5))
    service.pages.size, service.pages.overlap = 2, 1

    twice = [clock(item)[8:10] for item in client.view()]
    service.pages.overlap, service.world.backwards = 0, True

    assert twice == ["02", "03", "03", "04", "04", "05", "05", "06"]
    assert [clock(item)[8:10] for item in client.view()] == ["06", "05", "04", "03", "02"]


@pytest.mark.parametrize(
    ("path", "asked", "code"),
    [
        ("me/events", {"select": "id,oddity"}, "RequestBroker--ParseUri"),
        ("me/events", {"filter": "oddly"}, "ErrorInvalidUrlQueryFilter"),
        ("me/events", {"top": 1001}, "ErrorInvalidUrlQuery"),
        ("me/events", {"top": "x"}, "ErrorInvalidUrlQuery"),
        ("me/events", {"skiptoken": "x"}, "BadRequest"),
        ("me/calendarView", {}, "ErrorInvalidParameter"),
        ("me/calendarView", {"startDateTime": "x", "endDateTime": "y"}, "ErrorInvalidParameter"),
        ("me/calendarView", {"startDateTime": "2026-03-02", "endDateTime": "2026-03-01"}, "ErrorInvalidParameter"),
        ("me/oddities", {}, "BadRequest"),
        ("oddities", {}, "BadRequest"),
    ],
)
def test_what_graph_refuses_is_refused(client: Client, path: str, asked: Json, code: str) -> None:
    assert client.refused(path, **asked) == (400, code)


def test_times_of_change_cannot_be_selected_in_a_view(client: Client, box: Mailbox) -> None:
    box.add()
    times = {"startDateTime": "2026-03-01T00:00:00Z", "endDateTime": "2026-05-01T00:00:00Z"}

    refused = client.refused("me/calendarView", select="id,createdDateTime", **times)

    assert refused == (400, "ErrorInvalidProperty")
    assert "createdDateTime" in client.all("me/events", select="createdDateTime")[0]


def test_an_unknown_zone_is_refused(service: MicrosoftService, box: Mailbox) -> None:
    with Client(service, prefer='outlook.timezone="Nowhere Standard Time"') as client:
        assert client.refused("me/events") == (400, "TimeZoneNotSupportedException")


def test_lists_are_filtered_and_ordered_as_asked(client: Client, box: Mailbox) -> None:
    box.add("B", START)
    box.add("A", START + WEEK, isCancelled=True)

    assert [item["subject"] for item in client.all("me/events", orderby="subject")] == ["A", "B"]
    assert [item["subject"] for item in client.all("me/events", orderby="start/dateTime desc")] == ["A", "B"]
    assert [item["subject"] for item in client.all("me/events", filter="isCancelled eq false")] == ["B"]
    both = "start/dateTime ge '2026-03-05' and isCancelled ne false"
    assert [item["subject"] for item in client.all("me/events", filter=both)] == ["A"]


def test_the_window_takes_what_overlaps_it(client: Client, box: Mailbox) -> None:
    for name, hours in {"before": -2, "over the edge": -0.5, "inside": 1, "after": 24}.items():
        box.add(name, START + timedelta(hours=hours))
    times = {"startDateTime": "2026-03-02T11:00:00+01:00", "endDateTime": "2026-03-03T10:00:00"}

    assert [item["subject"] for item in client.all("me/calendarView", **times)] == ["over the edge", "inside"]


def test_calendars_are_listed(client: Client, box: Mailbox) -> None:
    team = box.add_calendar("Team")

    first, second = client.all("me/calendars")

    assert (first["isDefaultCalendar"], second["isDefaultCalendar"]) == (True, False)
    assert client.get("me/calendar")["owner"] == person(REP)
    assert client.get(f"me/calendars/{team}", select="id,name") == {"id": team, "name": "Team"}
    assert client.refused("me/calendars/odd") == (404, "ErrorItemNotFound")
    assert client.all("me/calendar/events") == client.all(f"me/calendars/{team}/events") == []


def test_the_service_is_read_only(client: Client) -> None:
    reply = client.session.post(f"{client.service.graph_url}/me/events", json={}, timeout=10)

    assert reply.status_code == 403


def test_the_base_path_can_be_another(monkeypatch: pytest.MonkeyPatch) -> None:
    with MicrosoftService("/gateway/graph/v1.0") as service:
        service.environment(monkeypatch)
        service.mailbox(REP).add()
        with Client(service) as client:
            assert len(client.view()) == 1
            assert service.graph_root.endswith("/gateway/graph")
            assert requests.get(f"{service.root}/v1.0/me", timeout=10).status_code == 404


# Who may see what


def test_a_token_has_to_be_good_and_its_scopes_to_suffice(service: MicrosoftService, box: Mailbox) -> None:
    with Client(service, "nonsense") as stranger:
        reply = stranger.ask("me/events")
        assert (reply.status_code, reply.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")
        assert "invalid_token" in reply.headers["WWW-Authenticate"]
    with Client(service, service.token(REP, "User.Read")) as client:
        assert client.get("me", select="mail")["mail"] == REP
        assert client.refused("me/events") == (403, "ErrorAccessDenied")
        assert client.refused("users") == (403, "Authorization_RequestDenied")
        assert client.refused("me", select="oddity") == (400, "Request_BadRequest")


def test_a_token_expires_by_the_clock_of_the_service(service: MicrosoftService, client: Client) -> None:
    service.wait(hours=1)

    assert client.refused("me/events") == (401, "InvalidAuthenticationToken")


def test_somebody_elses_calendar_is_seen_when_it_is_shared(service: MicrosoftService, box: Mailbox) -> None:
    box.add("Secret", sensitivity="private", attendees=[ANN], body="x")
    service.mailbox(OTHER)
    path = f"users/{REP}/events"
    with Client(service, service.token(OTHER, "Calendars.Read", "Calendars.Read.Shared")) as client:
        unknown = client.refused(path)
        box.share(OTHER)
        (closed,) = client.all(path)
        box.share(OTHER, "delegate")
        (opened,) = client.all(path)
        box.unshare(OTHER)

    assert unknown == (404, "ErrorItemNotFound")
    assert (closed["subject"], closed["attendees"], closed["body"]["content"]) == ("Private Appointment", [], "")
    assert opened["subject"] == "Secret"
    box.share(OTHER)
    with Client(service, service.token(OTHER, "Calendars.Read")) as client:
        assert client.refused(path) == (403, "ErrorAccessDenied")


def test_an_app_by_itself_reads_every_mailbox_or_some(service: MicrosoftService, box: Mailbox) -> None:
    service.mailbox(OTHER)
    box.add(body="x")
    service.directory.add("new@ours.example")
    with Client(service, service.app_token()) as whole:
        assert "body" in whole.all(f"users/{REP}/events")[0]
        assert whole.refused("me/events") == (400, "BadRequest")
        assert whole.refused("users/nobody@ours.example/events") == (404, "ErrorInvalidUser")
        assert whole.refused("users/new@ours.example/events") == (404, "MailboxNotEnabledForRESTAPI")
        assert whole.refused("users/nobody@ours.example") == (404, "Request_ResourceNotFound")
        assert whole.get(f"users/{REP}")["userPrincipalName"] == REP
    service.sign_in.app.roles = set()
    service.sign_in.app.scoped = {"Calendars.ReadBasic.All": frozenset({REP})}
    with Client(service, service.app_token()) as scoped:
        assert "body" not in scoped.all(f"users/{service.directory.people[REP].id}/events")[0]
        assert scoped.refused(f"users/{OTHER}/events") == (403, "ErrorAccessDenied")


def test_users_are_listed_page_by_page(service: MicrosoftService, box: Mailbox) -> None:
    service.directory.add("gone@ours.example", enabled=False)
    service.directory.add("guest@ours.example", user_type="Guest", mail="")
    service.mailbox("sam@outlook.example", personal=True)
    service.mailbox(ANN)
    with Client(service, service.app_token()) as client:
        everybody = client.all("users", top=1, select="id,mail,accountEnabled")
        working = client.all("users", filter="accountEnabled eq true and userType eq 'Member'")
        refused = [client.refused("users", filter=text) for text in ("oddly", "oddity eq 'x'")]

    assert [(row["mail"], row["accountEnabled"]) for row in everybody] == [
        (REP, True), ("gone@ours.example", False), (None, True),
    ]  # fmt: skip
    assert [row["mail"] for row in working] == [REP]
    assert set(working[0]) == {"id", "displayName", "givenName", "surname", "mail", "userPrincipalName"}
    assert refused == [(400, "Request_UnsupportedQuery")] * 2


def test_members_of_a_group_are_listed_deep_or_not(service: MicrosoftService, box: Mailbox) -> None:
    service.mailbox(OTHER)
    inner = service.directory.group("inner@ours.example", REP, "outer@ours.example")
    members = ("inner@ours.example", OTHER, ANN)
    outer = service.directory.group("outer@ours.example", *members, name="Sales", devices=("phone",))
    with Client(service, service.app_token()) as client:
        (found,) = client.all("groups", filter="mail eq 'OUTER@ours.example'")
        flat = client.all(f"groups/{outer.id}/members")
        deep = client.all(f"groups/{outer.id}/transitiveMembers", select="mail", top=2)
        people = client.all(f"groups/{outer.id}/transitiveMembers/microsoft.graph.user")
        refused = client.refused("groups/odd/members")
    service.sign_in.app.roles.remove("User.Read.All")
    with Client(service, service.app_token()) as client:
        bare = client.all(f"groups/{inner.id}/members")

    assert found["displayName"] == "Sales"
    assert [row["@odata.type"].rpartition(".")[2] for row in flat] == ["device", "group", "user", "user"]
    assert {row["mail"] for row in deep if "mail" in row} == {
        REP,
        OTHER,
        ANN,
        "inner@ours.example",
        "outer@ours.example",
    }
    assert [row["mail"] for row in people] == [REP, OTHER, ANN]
    assert refused == (404, "Request_ResourceNotFound")
    assert set(bare[0]) == {"@odata.type", "id"}


# Faults


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (faults.unauthorized(), 401, "InvalidAuthenticationToken"),
        (faults.expire_tokens(), 401, "InvalidAuthenticationToken"),
        (faults.forbidden(), 403, "ErrorAccessDenied"),
        (faults.forbidden("Authorization_RequestDenied"), 403, "Authorization_RequestDenied"),
        (faults.not_found(), 404, "ErrorItemNotFound"),
        (faults.too_many(), 429, "ApplicationThrottled"),
        (faults.unavailable(500), 500, "InternalServerError"),
        (faults.unavailable(), 503, "serviceNotAvailable"),
        (faults.unavailable(504, retry_after=5), 504, "UnknownError"),
        (faults.failing(418, "Teapot"), 418, "Teapot"),
    ],
)
def test_a_fault_comes_once_and_says_what_it_is(
    service: MicrosoftService,
    client: Client,
    fault: Fault,
    status: int,
    code: str,
) -> None:
    service.fault(fault)

    assert client.refused("me/events") == (status, code)
    service.sign_in.tokens.clear()
    with Client(service) as later:
        assert later.all("me/events") == []


def test_retry_after_comes_in_seconds_or_as_a_date(service: MicrosoftService, client: Client) -> None:
    service.fault(faults.too_many(7))
    service.fault(faults.too_many(service.now + timedelta(minutes=1)))

    waits = [client.ask("me/events").headers["Retry-After"] for _ in range(2)]

    assert waits == ["7", "Sun, 01 Mar 2026 08:01:00 GMT"]


def test_faults_can_be_aimed_and_taken_back(service: MicrosoftService, client: Client, box: Mailbox) -> None:
    for _ in range(5):
        box.add()
    service.pages.size = 2
    service.fault(faults.unavailable(), page=2)
    service.fault(faults.forbidden(), path="/me$", after=1)
    service.fault(faults.forbidden(), path="/me/calendars$")

    first = client.get("me/events")
    broken = client.session.get(first["@odata.nextLink"], timeout=10).status_code
    whole = client.session.get(first["@odata.nextLink"], timeout=10).json()

    assert (len(first["value"]), broken, len(whole["value"])) == (2, 503, 2)
    assert [client.ask("me").status_code for _ in range(3)] == [200, 403, 200]
    service.heal()
    assert client.ask("me/calendars").status_code == 200
    assert [request.page for request in service.asked()] == [1, 2, 2]


def test_a_body_may_be_cut_or_another_one(service: MicrosoftService, client: Client) -> None:
    service.fault(faults.truncated_body())
    service.fault(faults.cut_json())
    service.fault(faults.html_page())

    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        client.ask("me/events")
    with pytest.raises(requests.exceptions.JSONDecodeError):
        client.ask("me/events").json()
    assert client.ask("me/events").headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("page", [1, 2, 3])
def test_an_empty_page_leads_on(service: MicrosoftService, client: Client, box: Mailbox, page: int) -> None:
    box.add(recurrence=daily(times=5))
    service.pages.size = 2
    service.fault(faults.empty_page(), page=page)

    assert len(client.view()) == 5
    assert [request.page for request in service.asked()] == [1, 2, 3, 4]


def test_a_link_or_a_redirect_may_lead_to_a_foreign_host(
    service: MicrosoftService, client: Client, box: Mailbox
) -> None:
    box.add()
    service.fault(faults.foreign_next_link())
    service.fault(faults.foreign_next_link("evil.example"))
    service.fault(faults.redirect())
    service.fault(faults.redirect("https://evil.example/"))

    links = [client.get("me/events")["@odata.nextLink"] for _ in range(2)]
    moved = [client.ask("me/events").headers["Location"] for _ in range(2)]

    assert [urlsplit(link).hostname for link in links] == ["localhost", "evil.example"]
    assert [urlsplit(link).hostname for link in moved] == ["localhost", "evil.example"]
    assert service.asked(host="localhost") == []
    client.session.get(links[0], timeout=10)
    assert len(service.asked(host="localhost")) == 1


def test_a_slow_answer_outlasts_a_patient_client(service: MicrosoftService, client: Client) -> None:
    service.fault(faults.slow())

    with pytest.raises(requests.exceptions.ReadTimeout):
        client.session.get(f"{service.graph_url}/me/events", timeout=0.05)


def test_a_connection_may_break(service: MicrosoftService, client: Client) -> None:
    service.fault(faults.connection_reset())

    with pytest.raises(requests.exceptions.ConnectionError):
        client.ask("me/events")
    assert client.all("me/events") == []


def test_a_certificate_may_be_a_strangers(service: MicrosoftService, client: Client) -> None:
    client.get("me")
    service.wrong_certificate(2)

    for _ in range(2):
        with pytest.raises(requests.exceptions.SSLError):
            client.ask("me")
    assert client.ask("me").status_code == 200


def test_a_token_may_die_between_two_pages(service: MicrosoftService, client: Client, box: Mailbox) -> None:
    box.add(recurrence=daily(times=5))
    service.pages.size = 2
    service.fault(faults.expire_tokens(), page=2)

    with pytest.raises(KeyError):
        client.view()
    assert len(service.asked()) == 2


def test_something_may_happen_between_two_pages(service: MicrosoftService, client: Client, box: Mailbox) -> None:
    for _ in range(3):
        box.add()
    service.pages.size = 2
    service.fault(faults.meanwhile(lambda running: running.mailbox(REP).add("New")), page=2)

    assert len(client.all("me/events")) == 3
    assert len(client.all("me/events")) == 4


def test_a_mailbox_takes_four_requests_at_once(service: MicrosoftService, client: Client, box: Mailbox) -> None:
    service.pace = 0.2
    found: list[int] = []

    def ask() -> None:
        with Client(service) as mine:
            found.append(mine.ask("me/events").status_code)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(found) == [200, 200, 200, 200, 429, 429]
    assert service.most[REP] == 6
    service.pace = 0
    assert client.ask("me/events").status_code == 200


def test_the_log_shows_no_secret(service: MicrosoftService, client: Client) -> None:
    client.all("me/events")

    (request,) = service.asked()
    assert request.headers["authorization"].startswith("Bearer ")
    assert "Bearer" not in repr(service.requests)


def test_answers_carry_the_time_of_the_service(service: MicrosoftService, client: Client) -> None:
    assert client.ask("me").headers["Date"] == "Sun, 01 Mar 2026 08:00:00 GMT"


def test_what_breaks_inside_is_shown_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        with MicrosoftService() as service:
            service.environment(monkeypatch)
            service.mailbox(REP)
            service.pages.size = "x"  # type: ignore[assignment]
            with Client(service) as client:
                assert client.refused("me/events") == (500, "InternalServerError")

    with pytest.raises(RuntimeError, match="the service itself failed"):
        broken()


def test_the_environment_trusts_this_service_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CURL_CA_BUNDLE", "/nowhere")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with MicrosoftService() as service:
        service.environment(monkeypatch)
        named = {os.environ[name] for name in CA_NAMES}
        folder = Path(service.ca).parent

        assert requests.get(f"{service.root}/common/v2.0/.well-known/openid-configuration", timeout=10).ok

    assert named == {service.ca}
    assert not folder.exists()


# Signing in with msal


class Glance:
    """Stands in for the module `time` where msal looks for the browser's answer once a second."""

    time = staticmethod(time.time)

    @staticmethod
    def sleep(seconds: float) -> None:
        time.sleep(0.005)  # another thread has the answer


@dataclass
class Clock:
    """Stands in for the module `time` where msal waits between two polls: that takes no time here."""

    ahead: float = 0

    def time(self) -> float:
        return time.time() + self.ahead

    def sleep(self, seconds: float) -> None:
        self.ahead += seconds


@pytest.fixture
def browser(service: MicrosoftService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webbrowser.open", service.browse)
    monkeypatch.setattr("msal.oauth2cli.authcode.time", Glance)
    monkeypatch.setattr("msal.oauth2cli.oauth2.time", Clock())


def desktop(service: MicrosoftService, tenant: str = "common", client_id: str = GUID) -> Any:  # noqa: ANN401 # untyped
    return msal.PublicClientApplication(client_id, authority=service.authority(tenant), instance_discovery=False)


def app_by_itself(
    service: MicrosoftService, credential: object = SECRET, cache: object = None, tenant: str = OURS
) -> Any:  # noqa: ANN401 # untyped
    return msal.ConfidentialClientApplication(
        GUID,
        client_credential=credential,
        authority=service.authority(tenant),
        instance_discovery=False,
        token_cache=cache,
    )


def code_of(answer: Json) -> tuple[str, int]:
    return answer["error"], answer.get("error_codes", [0])[0]


def test_a_person_signs_in_with_the_browser(service: MicrosoftService, box: Mailbox, browser: None) -> None:
    box.add()

    app = desktop(service)
    answer = app.acquire_token_interactive([BASIC, "User.Read"], timeout=20)

    assert set(answer["scope"].split()) == {BASIC, "User.Read", "openid", "profile"}
    assert answer["id_token_claims"]["preferred_username"] == REP
    assert answer["id_token_claims"]["tid"] == OURS
    assert app.get_accounts()[0]["username"] == REP
    (asked,) = service.asked("/authorize$")
    assert asked.params["response_mode"] == "form_post"
    assert asked.params["code_challenge_method"] == "S256"
    with Client(service, answer["access_token"]) as client:
        assert len(client.view()) == 1


def test_a_personal_account_signs_in_where_it_may(service: MicrosoftService, browser: None) -> None:
    service.mailbox("sam@outlook.example", personal=True, upn="outlook_0123@outlook.example", mail="")

    answer = desktop(service, "consumers").acquire_token_interactive(["Calendars.Read", "User.Read"], timeout=20)

    assert answer["id_token_claims"]["tid"] == CONSUMERS
    assert answer["access_token"].startswith("EwB")
    with Client(service, answer["access_token"]) as client:
        me = client.get("me")
    assert (me["mail"], me["userPrincipalName"]) == (None, "outlook_0123@outlook.example")


@pytest.mark.parametrize(
    ("consent", "error"),
    [
        (Consent(refuse=True), "access_denied"),
        (Consent(error=50076), "interaction_required"),
        (Consent(error=53003), "interaction_required"),
        (Consent(error=65001), "invalid_grant"),
    ],
)
def test_a_refusal_comes_back(
    service: MicrosoftService, box: Mailbox, browser: None, consent: Consent, error: str
) -> None:
    service.consent = consent

    answer = desktop(service).acquire_token_interactive([BASIC], timeout=20)

    assert answer["error"] == error
    assert "AADSTS" in answer["error_description"]


@pytest.mark.parametrize(
    ("change", "login"),
    [
        (lambda service: setattr(service, "consent", Consent(never=True)), None),
        (lambda service: setattr(service, "consent", Consent(error=53003, shown=True)), None),
        (lambda service: setattr(service.sign_in.app, "users_consent", False), None),
        (lambda service: setattr(service.sign_in.app, "audience", "AzureADMyOrg"), None),
        (lambda service: setattr(service.sign_in.app, "redirects", ()), None),
        (lambda service: None, "nobody@ours.example"),
    ],
)
def test_some_pages_never_lead_back(
    service: MicrosoftService,
    box: Mailbox,
    browser: None,
    change: Callable[[MicrosoftService], None],
    login: str | None,
) -> None:
    change(service)

    with pytest.raises(msal.BrowserInteractionTimeoutError):
        desktop(service).acquire_token_interactive([BASIC], timeout=0.4, login_hint=login)

    assert service.asked("/authorize$")
    assert service.asked("/token$") == []


def test_a_scope_may_not_be_granted(service: MicrosoftService, box: Mailbox, browser: None) -> None:
    service.consent = Consent(untick=("Calendars.Read",))

    answer = desktop(service).acquire_token_interactive(["Calendars.Read", "User.Read"], timeout=20)

    assert set(answer["scope"].split()) == {"User.Read", "openid", "profile"}


def test_an_admin_may_consent_to_more(service: MicrosoftService, box: Mailbox, browser: None) -> None:
    service.consent = Consent(admin=True, user=REP)

    answer = desktop(service).acquire_token_interactive(["User.Read.All"], timeout=20)

    assert "User.Read.All" in answer["scope"]


@pytest.mark.filterwarnings("ignore:response_mode:UserWarning")
def test_a_code_is_exchanged_with_all_proofs_only(service: MicrosoftService, box: Mailbox) -> None:
    app = desktop(service)
    flow = app.initiate_auth_code_flow([BASIC], redirect_uri="http://localhost:1234")
    replies = [requests.get(flow["auth_uri"], timeout=10, allow_redirects=False) for _ in range(3)]
    answers = [parse_qs(urlsplit(each.headers["Location"]).query) for each in replies]
    codes = [{name: values[0] for name, values in each.items()} for each in answers]

    good = app.acquire_token_by_auth_code_flow(dict(flow), codes[0])
    again = app.acquire_token_by_auth_code_flow(dict(flow), codes[0])
    unproven = app.acquire_token_by_auth_code_flow({**flow, "code_verifier": "x" * 43}, codes[1])
    elsewhere = app.acquire_token_by_auth_code_flow({**flow, "redirect_uri": "http://localhost:9"}, codes[2])

    assert "access_token" in good
    assert [code_of(each) for each in (again, unproven, elsewhere)] == [
        ("invalid_grant", 70000), ("invalid_grant", 501481), ("invalid_grant", 70000),
    ]  # fmt: skip


@pytest.mark.parametrize("mode", ["fragment", "query"])
def test_the_answer_of_the_browser_has_the_mode_that_was_asked_for(
    service: MicrosoftService, box: Mailbox, mode: str
) -> None:
    asked = {"client_id": GUID, "redirect_uri": "http://localhost/", "response_type": "code", "scope": BASIC}
    asked["response_mode"] = mode

    reply = requests.get(f"{service.authority()}/oauth2/v2.0/authorize", asked, timeout=10, allow_redirects=False)

    assert getattr(urlsplit(reply.headers["Location"]), mode).startswith("code=1.")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"client_id": "x"}, 700016),
        ({"redirect_uri": "https://evil.example/"}, 50011),
        ({"response_type": "token"}, 70011),
        ({"code_challenge": "x", "code_challenge_method": "plain"}, 501481),
    ],
)
def test_a_wrong_question_to_the_browser_is_an_error_page(
    service: MicrosoftService, wrong: dict[str, str], code: int
) -> None:
    asked = {"client_id": GUID, "redirect_uri": "http://localhost", "response_type": "code", "scope": BASIC, **wrong}

    reply = requests.get(f"{service.authority()}/oauth2/v2.0/authorize", asked, timeout=10)

    assert f"AADSTS{code}" in reply.text


def test_the_browser_puts_up_with_dead_ends(service: MicrosoftService, box: Mailbox) -> None:
    for address in (f"{service.root}/nothing", "https://127.0.0.1:9/"):
        service.browse(address)

    assert service.open(f"{service.root}/devicelogin")


def test_an_access_token_is_refreshed_and_the_old_refresh_token_may_end(
    service: MicrosoftService, box: Mailbox, browser: None
) -> None:
    service.sign_in.rotate = "replace"
    app = desktop(service)
    first = app.acquire_token_interactive([BASIC], timeout=20)
    (account,) = app.get_accounts()

    second = app.acquire_token_silent_with_error([BASIC], account, force_refresh=True)

    assert second["access_token"] != first["access_token"]
    assert len(service.sign_in.refreshers) == 1
    assert code_of(app.acquire_token_by_refresh_token(first["refresh_token"], [BASIC])) == ("invalid_grant", 70000)


@pytest.mark.parametrize(
    ("change", "error", "code", "kind"),
    [
        (lambda service: service.revoke(REP), "invalid_grant", 50173, "bad_token"),
        (lambda service: service.wait(days=91), "invalid_grant", 700082, "bad_token"),
        (lambda service: service.sign_in.withdraw(REP), "invalid_grant", 65001, "consent_required"),
        (lambda service: service.sign_in.block(REP, 53003), "interaction_required", 53003, "message_only"),
        (lambda service: service.sign_in.block(REP, 65001, "consent_required"), "consent_required", 65001, None),
        (lambda service: service.directory.add(REP, enabled=False), "invalid_grant", 50057, None),
        (lambda service: service.directory.remove(REP), "invalid_grant", 50034, None),
        (lambda service: service.fault(TOKEN_FAULT, path="/token$"), "interaction_required", 50076, "basic_action"),
    ],
)
def test_a_refresh_may_fail_in_each_way(
    service: MicrosoftService,
    box: Mailbox,
    browser: None,
    change: Callable[[MicrosoftService], None],
    error: str,
    code: int,
    kind: str | None,
) -> None:
    app = desktop(service)
    app.acquire_token_interactive([BASIC], timeout=20)
    (account,) = app.get_accounts()

    change(service)
    answer = app.acquire_token_silent_with_error([BASIC], account, force_refresh=True)

    assert code_of(answer) == (error, code)
    assert kind is None or answer["suberror"] == kind


def test_a_block_can_be_taken_back(service: MicrosoftService, box: Mailbox) -> None:
    refresh = service.sign_in.issue(REP, BASIC)["refresh_token"]
    service.sign_in.block(REP, 50079)
    refused = desktop(service).acquire_token_by_refresh_token(refresh, [BASIC])

    service.sign_in.unblock(REP)

    assert code_of(refused) == ("interaction_required", 50079)
    assert "access_token" in desktop(service).acquire_token_by_refresh_token(refresh, [BASIC])


def test_a_device_is_polled_until_the_person_is_done(service: MicrosoftService, box: Mailbox, browser: None) -> None:
    service.consent = Consent(pending=2, slow_down=1)
    service.sign_in.interval = 1
    app = desktop(service)

    flow = app.initiate_device_flow([BASIC])
    answer = app.acquire_token_by_device_flow(flow)

    assert flow["user_code"] in flow["message"]
    assert answer["id_token_claims"]["preferred_username"] == REP
    assert len(service.asked("/token$")) == 4


@pytest.mark.parametrize(
    ("consent", "error"),
    [
        (Consent(refuse=True), "authorization_declined"),
        (Consent(error=53003), "interaction_required"),
        (Consent(user="nobody@ours.example"), "invalid_grant"),
    ],
)
def test_a_device_may_be_refused(service: MicrosoftService, box: Mailbox, consent: Consent, error: str) -> None:
    service.consent = consent
    app = desktop(service)

    answer = app.acquire_token_by_device_flow(app.initiate_device_flow([BASIC]))

    assert answer["error"] == error


def test_a_code_for_a_device_expires(service: MicrosoftService, box: Mailbox) -> None:
    service.consent = Consent(never=True)
    app = desktop(service)
    flow = app.initiate_device_flow([BASIC])

    flow["interval"] = 1

    waiting = app.acquire_token_by_device_flow(flow, exit_condition=lambda flow: True)
    service.wait(minutes=16)

    assert waiting["error"] == "authorization_pending"
    assert app.acquire_token_by_device_flow(flow)["error"] == "expired_token"
    assert code_of(app.acquire_token_by_device_flow({**flow, "device_code": "x"})) == ("invalid_grant", 70018)


@pytest.mark.parametrize("print_", ["thumbprint", "public_certificate"])
def test_an_app_proves_itself_with_a_certificate(service: MicrosoftService, box: Mailbox, print_: str) -> None:
    made = service.sign_in.certificate()
    stranger = service.sign_in.certificate(registered=False)
    kept = ("private_key", print_)

    good, bad = (
        app_by_itself(service, {name: each[name] for name in kept}).acquire_token_for_client([DEFAULT])
        for each in (made, stranger)
    )
    mixed = {**{name: made[name] for name in kept}, "private_key": stranger["private_key"]}
    forged = app_by_itself(service, mixed).acquire_token_for_client([DEFAULT])

    claims = json.loads(base64.urlsafe_b64decode(good["access_token"].split(".")[1] + "=="))
    assert claims["roles"] == ["Calendars.Read", "GroupMember.Read.All", "User.Read.All"]
    assert code_of(bad) == code_of(forged) == ("invalid_client", 700027)


@pytest.mark.parametrize(
    ("change", "credential", "tenant", "code"),
    [
        (lambda service: None, "wrong", OURS, 7000215),
        (lambda service: service.sign_in.app.secrets.update({SECRET: service.now}), SECRET, OURS, 7000222),
        (lambda service: service.sign_in.block("", 53003), SECRET, OURS, 53003),
        (lambda service: None, SECRET, "consumers", 7000229),
        (lambda service: setattr(service.sign_in.app, "client_id", "other"), SECRET, OURS, 700016),
    ],
)
def test_an_app_by_itself_may_be_refused(
    service: MicrosoftService, change: Callable[[MicrosoftService], None], credential: str, tenant: str, code: int
) -> None:
    change(service)

    answer = app_by_itself(service, credential, tenant=tenant).acquire_token_for_client([DEFAULT])

    assert code_of(answer)[1] == code


def test_an_app_asks_for_the_default_scope_with_a_secret(service: MicrosoftService) -> None:
    address = f"{service.authority(OURS)}/oauth2/v2.0/token"
    usual = {"client_id": GUID, "client_secret": SECRET, "grant_type": "client_credentials"}

    wrong = [{**usual, "scope": "Calendars.Read"}, {**usual, "grant_type": "password"}]
    wrong.append({name: value for name, value in usual.items() if name != "client_secret"})
    found = [requests.post(address, data=each, timeout=10).json() for each in wrong]

    assert [code_of(each) for each in found] == [
        ("invalid_scope", 70011), ("unsupported_grant_type", 70000), ("invalid_client", 7000218),
    ]  # fmt: skip
    assert requests.get(address, timeout=10).json()["error"] == "unsupported_grant_type"


def test_a_public_app_may_be_forbidden(service: MicrosoftService, box: Mailbox) -> None:
    service.sign_in.app.public = False
    app = desktop(service)

    answer = app.acquire_token_by_device_flow(app.initiate_device_flow([BASIC]))

    assert code_of(answer) == ("invalid_client", 7000218)


@pytest.mark.parametrize(
    ("tenant", "who", "allowed"),
    [
        ("common", REP, True),
        ("organizations", REP, True),
        ("consumers", REP, False),
        (OURS, REP, True),
        ("ours.example", REP, True),
        ("acme.example", REP, False),
        ("acme.example", ANN, True),
        ("organizations", "sam@outlook.example", False),
        ("common", "sam@outlook.example", True),
        (CONSUMERS, "sam@outlook.example", True),
    ],
)
def test_each_tenant_takes_its_own_people(
    service: MicrosoftService, box: Mailbox, tenant: str, who: str, allowed: bool
) -> None:
    service.mailbox(ANN)
    service.mailbox("sam@outlook.example", personal=True)
    service.consent = Consent(user=who)
    app = desktop(service, tenant)

    answer = app.acquire_token_by_device_flow(app.initiate_device_flow([BASIC]))

    assert ("access_token" in answer) is allowed
    assert allowed or code_of(answer) == ("invalid_grant", 50020)


def test_a_tenant_without_the_fitting_account_knows_nobody(service: MicrosoftService, box: Mailbox) -> None:
    app = desktop(service, "consumers")

    answer = app.acquire_token_by_device_flow(app.initiate_device_flow([BASIC]))

    assert code_of(answer) == ("invalid_grant", 50034)


def test_an_unknown_tenant_is_no_authority(service: MicrosoftService) -> None:
    with pytest.raises(ValueError, match="tenant"):
        desktop(service, "nowhere.example").initiate_device_flow([BASIC])


def test_the_instance_discovery_knows_its_hosts(service: MicrosoftService) -> None:
    def ask(host: str) -> Json:
        asked = {"authorization_endpoint": f"https://{host}/{OURS}/oauth2/v2.0/authorize", "api-version": "1.1"}
        return dict(requests.get(service.instance_discovery, asked, timeout=10).json())

    found = ask("127.0.0.1")

    assert found["tenant_discovery_endpoint"] == f"{service.authority(OURS)}/v2.0/.well-known/openid-configuration"
    assert "127.0.0.1" in found["metadata"][0]["aliases"]
    assert ask("login.example")["error"] == "invalid_instance"
    assert requests.get(found["tenant_discovery_endpoint"], timeout=10).json()["issuer"].endswith(f"/{OURS}/v2.0")


def test_the_identity_platform_has_no_other_endpoints(service: MicrosoftService) -> None:
    assert requests.get(f"{service.authority()}/oauth2/v2.0/oddity", timeout=10).status_code == 404


def test_an_error_without_an_entry_is_an_invalid_grant(service: MicrosoftService) -> None:
    body = json.loads(aadsts(123456, service.now).body)

    assert (body["error"], body["error_codes"]) == ("invalid_grant", [123456])
    assert body["timestamp"] == "2026-03-01 08:00:00Z"
