"""How many requests a sync makes: quotas are shared by a whole company."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path

import pytest

from google_calendar.desk import ADMIN, READER, private_key
from google_calendar.office import ANN, REP, Office
from google_calendar.service import GoogleService

TOKEN, LISTS, USERS = "/token$", "/calendarList", "/users$"
TEAM = [f"rep{number:02}@ours.example" for number in range(40)]
FIRST = datetime(2026, 3, 10, 8, tzinfo=UTC)


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    with GoogleService() as service:
        made = Office(tmp_path, service=service)
        made.settle()
        made.box()
        made.ok("accounts", "add", "Acme", "acme.example")
        yield made


def asked(office: Office, *words: str) -> tuple[int, int, int]:
    """Run a command; return how many requests it made for data, for tokens, and at all."""
    service = office.service
    service.requests.clear()
    office.ok(*words)
    return len(service.asked()), len(service.asked(TOKEN)), len(service.requests)


def fill(office: Office, number: int) -> None:
    for minute in range(number):
        start = FIRST + timedelta(minutes=minute)
        office.box().add(f"Call {minute}", start, attendees=[ANN], invite=False)


def key(office: Office) -> str:
    office.service.sign_in.keys.setdefault(READER, private_key())
    return office.file("key.json", office.service.service_account_key())


@pytest.mark.parametrize("number", [0, 1, 2500, 2501, 6000])
def test_a_first_sync_asks_for_each_full_page_once(office: Office, number: int) -> None:
    fill(office, number)
    office.sign_in()

    data, tokens, requests = asked(office, "sync")

    assert data == max(1, ceil(number / 2500)) <= ceil(number / 2500) + 2
    assert (tokens, requests) == (0, data)
    assert office.rows("versions") == number
    assert asked(office, "sync") == (1, 0, 1)


def test_a_sync_with_nothing_changed_makes_one_request_for_each_calendar(office: Office) -> None:
    office.box().add_calendar(summary="Partner calls").add("Partner call", FIRST, attendees=[ANN])
    fill(office, 3)
    box = office.box()
    series = box.add("Weekly", FIRST, attendees=[ANN], recurrence="RRULE:FREQ=WEEKLY;COUNT=10")
    box.move_instance(series, FIRST + timedelta(days=7), FIRST + timedelta(days=8))
    box.cancel_instance(series, FIRST + timedelta(days=14))
    box.make_private(box.add("Hidden", FIRST, attendees=[ANN]))
    box.put_raw({"id": "unreadable", "status": "confirmed", "start": {"date": "tomorrow"}})
    office.sign_in(REP, "--calendar", "primary", "--calendar", "Partner calls")
    office.ok("sync")
    written = office.rows("versions")

    found = [asked(office, "sync") for _ in range(3)]

    assert found == [(2, 0, 2)] * 3
    assert office.rows("versions") == written


def test_the_token_is_renewed_once_when_its_time_is_over_and_not_before(office: Office) -> None:
    office.sign_in()
    office.ok("sync")

    office.service.expire_access_tokens()
    renewed = asked(office, "sync")

    assert renewed == (2, 1, 3)  # the first one was refused
    assert asked(office, "sync") == (1, 0, 1)


def test_reports_make_no_request(office: Office) -> None:
    fill(office, 3)
    office.sign_in()
    office.ok("sync")

    for words in (["digest"], ["account", "Acme"], ["connections"], ["accounts", "suggest"]):
        assert asked(office, *words) == (0, 0, 0)


def test_a_team_of_a_service_account_makes_one_token_and_one_data_request_for_each_mailbox(office: Office) -> None:
    for rep in TEAM:
        office.box(rep).add("Call", FIRST, attendees=[ANN])
    chosen = [word for rep in TEAM for word in ("--as", rep)]

    connected = asked(office, "connect", "google", "--service-account", key(office), *chosen)
    synced = [asked(office, "sync") for _ in range(2)]

    assert connected == (0, 40, 40)
    assert synced == [(40, 40, 80)] * 2  # nobody's token is kept: the next sync comes after its hour
    assert office.rows("versions") == 40


def test_all_users_are_connected_without_a_token_for_each(office: Office) -> None:
    for rep in TEAM:
        office.box(rep).add("Call", FIRST, attendees=[ANN])
    office.box(ADMIN)
    office.service.directory.add(ADMIN, admin=True)

    connected = asked(office, "connect", "google", "--service-account", key(office), "--all-users", "--admin", ADMIN)

    assert len(office.service.asked(USERS)) == 1
    assert connected == (0, 2, 3)  # one token for the directory, one to try out a mailbox
    assert asked(office, "sync") == (42, 42, 84)


def test_a_choice_of_calendars_costs_one_list(office: Office) -> None:
    office.box().add_calendar(summary="Partner calls")

    office.service.requests.clear()
    office.sign_in(REP, "--calendar", "Partner calls")

    assert len(office.service.asked(LISTS)) == 1
    assert len(office.service.asked(TOKEN)) == 1
    assert len(office.service.asked()) == 0
