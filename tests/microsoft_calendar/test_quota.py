"""How many requests a sync makes: limits are shared by a whole company.

A sync of n occurrences takes at most `ceil(n / 1000) + 2` requests for data, and one more for each event that vanished,
whatever changed; so many dates of one series as are missing cost one request together.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from math import ceil
from pathlib import Path

import pytest

from calsignal_microsoft.connect import MicrosoftProvider
from microsoft_calendar.office import ANN, NAME, REP, SAM, Office, nobody_waits
from microsoft_calendar.service import MicrosoftService
from microsoft_calendar.service_values import daily, weekly

TOKEN, USERS, CALENDAR = "/token$", "/users$", "/calendar$"
TEAM = [f"rep{number:02}@ours.example" for number in range(12)]
FIRST = datetime(2026, 3, 10, 8, tzinfo=UTC)


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    with MicrosoftService() as service:
        nobody_waits(service, monkeypatch)
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


def fill(office: Office, number: int) -> list[str]:
    return [
        office.box().add(f"Call {minute}", FIRST + timedelta(minutes=minute), attendees=[ANN], invite=False)
        for minute in range(number)
    ]


def most(occurrences: int) -> int:
    return ceil(occurrences / 1000) + 2


@pytest.mark.parametrize("number", [0, 1, 1000, 1001, 2500])
def test_a_sync_asks_for_each_full_page_once_and_for_the_series(office: Office, number: int) -> None:
    fill(office, number)
    office.sign_in()

    first = asked(office, "sync")

    assert first == (max(1, ceil(number / 1000)) + 1, 0, max(1, ceil(number / 1000)) + 1)
    assert first[0] <= most(number)
    assert office.rows("versions") == number
    assert asked(office, "sync") == first
    assert office.rows("versions") == number


def test_a_full_diary_of_series_costs_no_more_than_its_pages(office: Office) -> None:
    box = office.box()
    for number in range(40):
        series = box.add(f"Weekly {number}", FIRST + timedelta(hours=number), attendees=[ANN], recurrence=weekly())
        box.move_instance(series, FIRST + timedelta(days=7, hours=number), FIRST + timedelta(days=8, hours=number))
        box.cancel_instance(series, FIRST + timedelta(days=14, hours=number))
    box.add("Daily", FIRST, attendees=[ANN], recurrence=daily())
    box.add("Site", date(2026, 3, 10), attendees=[ANN], recurrence=weekly())
    box.make_private(box.add("Hidden", FIRST, attendees=[ANN]))
    box.put_raw({**box.item(box.add("Odd", FIRST)), "start": {"dateTime": "tomorrow", "timeZone": "UTC"}}, FIRST)
    office.sign_in()

    first = asked(office, "sync")
    written = office.rows("versions")
    occurrences = 40 * 25 + 172 + 25

    assert first[0] == ceil(occurrences / 1000) + 1 <= most(occurrences)
    assert [asked(office, "sync") for _ in range(2)] == [first] * 2
    assert office.rows("versions") == written


def test_changes_cost_nothing_and_each_vanished_event_costs_one_request(office: Office) -> None:
    names = fill(office, 12)
    box = office.box()
    series = box.add("Weekly", FIRST, attendees=[ANN], recurrence=weekly(times=10))
    office.sign_in()
    usual, _, _ = asked(office, "sync")

    for name in names[:4]:
        box.move(name, FIRST + timedelta(days=2))
    for name in names[4:8]:
        box.answer(name, ANN)
    for name in names[8:11]:
        box.cancel(name)
    box.answer(series, ANN)
    box.move_instance(series, FIRST + timedelta(days=7), FIRST + timedelta(days=8))
    changed, _, _ = asked(office, "sync")
    unchanged, _, _ = asked(office, "sync")

    assert (usual, changed, unchanged) == (2, 2 + 3, 2)


def test_dates_of_one_series_that_vanish_cost_one_request_together(office: Office) -> None:
    box = office.box()
    series = box.add("Weekly", FIRST, attendees=[ANN], recurrence=weekly(times=10), zone="UTC")
    office.sign_in()
    usual, _, _ = asked(office, "sync")

    for week in (1, 3, 5):
        box.cancel_instance(series, FIRST + timedelta(weeks=week))
    changed, _, _ = asked(office, "sync")
    unchanged, _, _ = asked(office, "sync")

    assert (usual, changed, unchanged) == (2, 2 + 1, 2)


def test_a_series_that_vanishes_with_its_dates_costs_one_request(office: Office) -> None:
    box = office.box()
    series = box.add("Weekly", FIRST, attendees=[ANN], recurrence=weekly(times=10), zone="UTC")
    for week in range(1, 7):
        box.move_instance(series, FIRST + timedelta(weeks=week), FIRST + timedelta(weeks=week, days=1))
    box.cancel_instance(series, FIRST + timedelta(weeks=7))
    office.sign_in()
    usual, _, _ = asked(office, "sync")

    box.delete_series(series)
    changed, _, _ = asked(office, "sync")
    unchanged, _, _ = asked(office, "sync")

    assert (usual, changed, unchanged) == (2, 2 + 1, 2)


def test_dates_that_vanish_behind_a_cut_cost_one_request_together(office: Office) -> None:
    box = office.box()
    series = box.add("Weekly", FIRST, attendees=[ANN], recurrence=weekly(times=20), zone="UTC")
    for week in range(5, 11):
        box.move_instance(series, FIRST + timedelta(weeks=week), FIRST + timedelta(weeks=week, days=1))
    office.sign_in()
    usual, _, _ = asked(office, "sync")

    box.split(series, FIRST + timedelta(weeks=4), FIRST + timedelta(weeks=4, hours=2))
    changed, _, _ = asked(office, "sync")
    unchanged, _, _ = asked(office, "sync")

    assert (usual, changed, unchanged) == (2, 2 + 1, 2)


def test_the_token_is_renewed_once_when_its_time_is_over_and_not_before(office: Office) -> None:
    office.sign_in()
    office.ok("sync")

    office.service.expire_access_tokens()
    renewed = asked(office, "sync")

    assert renewed[:2] == (3, 1)  # the first one was refused
    assert asked(office, "sync") == (2, 0, 2)


def test_reports_make_no_request(office: Office) -> None:
    fill(office, 3)
    office.sign_in()
    office.ok("sync")

    for words in (["digest"], ["account", "Acme"], ["connections"], ["accounts", "suggest"]):
        assert asked(office, *words) == (0, 0, 0)


def test_a_team_of_one_app_takes_one_token_and_two_data_requests_for_each_mailbox(office: Office) -> None:
    for rep in TEAM:
        office.box(rep).add("Call", FIRST, attendees=[ANN])
    office.app_only("--all-users")

    synced = [asked(office, "sync") for _ in range(2)]

    boxes = len(TEAM) + 1
    assert synced == [(2 * boxes, 0, 2 * boxes)] * 2  # the token of the sign-in is good for an hour
    assert office.rows("versions") == len(TEAM)
    office.service.expire_access_tokens()
    data, tokens, _ = asked(office, "sync")
    assert tokens == 1
    assert 2 * boxes < data <= 2 * boxes + MicrosoftProvider.at_once  # each of the first ones was refused once


def test_all_users_are_connected_by_one_list_and_one_mailbox(office: Office) -> None:
    for rep in TEAM:
        office.box(rep)

    office.service.requests.clear()
    office.app_only("--all-users")

    assert len(office.service.asked(USERS)) == 1
    assert len(office.service.asked(TOKEN)) == 1
    assert len(office.service.asked(CALENDAR)) == 1
    assert len(office.service.asked()) == 0


def test_no_mailbox_is_asked_more_at_once_than_it_takes(office: Office) -> None:
    fill(office, 30)
    office.service.pages.size = 10
    office.service.pace = 0.01
    office.sign_in()
    office.ok("sync")

    assert max(office.service.most.values()) <= 4


def test_other_connections_go_on_when_one_fails(office: Office) -> None:
    office.box(SAM).add("Call", FIRST, attendees=[ANN])
    office.sign_in(REP)
    office.sign_in(SAM)
    office.service.revoke(REP)

    office.service.requests.clear()
    result = office.run("sync")

    assert result.exit_code == 1
    assert f"{NAME}: the sign-in of {REP} has ended" in result.stderr
    assert f"microsoft:{SAM}: 1 event read, 1 change written" in result.stdout
