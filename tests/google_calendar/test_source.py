"""One connection to the service: what it asks, what it makes of the answers, and of everything that goes wrong."""

from __future__ import annotations

import json
import math
import ssl
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from types import SimpleNamespace

import httplib2  # type: ignore[import-untyped]
import pytest
import trustme

from calsignal.contract import CalledOff, Event, Gone
from calsignal.errors import CursorExpired, InputError, NeedsSignIn, Retriable, SourceError
from calsignal.model import Slot
from calsignal.testing import START, follow, listed
from calsignal_google import client
from calsignal_google.auth import NotDelegated
from calsignal_google.client import Client, NotThere, base, failure, open_service
from google_calendar import service_faults as faults
from google_calendar.remote import REP, WINDOW, GoogleRemote, patient
from google_calendar.service import NOW, GoogleService
from google_calendar.service_faults import Fault, Reply
from google_calendar.test_translate import item

ANN = "ann@acme.example"
DAY = timedelta(days=1)
WEEK = timedelta(weeks=1)
HOUR = timedelta(hours=1)


@pytest.fixture
def service() -> Iterator[GoogleService]:
    with GoogleService() as running:
        yield running


@pytest.fixture
def remote(service: GoogleService) -> Iterator[GoogleRemote]:
    made = GoogleRemote(service)
    yield made
    made.provider.close()


def add(remote: GoogleRemote, number: int = 1) -> list[str]:
    return [remote.box.add(f"Sample {at}", START + at * DAY, attendees=[ANN]) for at in range(number)]


def always(answer: Callable[[], Reply]) -> Fault:
    return lambda _service, _request, _due: answer()


class TestWhatIsAsked:
    def test_a_first_list_and_what_follows_ask_the_same_question(self, remote: GoogleRemote) -> None:
        remote.service.pages.size = 2
        add(remote, 3)
        *_, last = remote.pulled()
        add(remote)
        remote.pulled(last.cursor)

        first, second, later = [dict(request.params) for request in remote.service.asked()]

        assert first.pop("timeMin") == second.pop("timeMin") == f"{WINDOW.start:%Y-%m-%dT%H:%M:%SZ}"
        assert second.pop("pageToken")
        assert later.pop("syncToken")
        assert first == second == later
        assert {name: first[name] for name in ("singleEvents", "showDeleted", "maxResults")} == {
            "singleEvents": "false",
            "showDeleted": "true",
            "maxResults": "2500",
        }

    def test_descriptions_are_asked_for_only_where_that_is_allowed(self, remote: GoogleRemote) -> None:
        remote.pulled()
        remote.pulled(read_text=True)

        without, allowed = [request.params["fields"] for request in remote.service.asked()]

        assert "description" not in without
        assert "description" in allowed

    def test_when_nothing_has_changed_one_request_says_so(self, remote: GoogleRemote) -> None:
        add(remote, 3)
        *_, last = remote.pulled()
        before = remote.requests()

        pages = remote.pulled(last.cursor)

        assert remote.requests() == before + 1
        assert [(page.events, page.full, bool(page.cursor)) for page in pages] == [((), False, True)]

    @pytest.mark.parametrize("number", [0, 2499, 2501])
    def test_a_first_sync_asks_as_often_as_there_are_pages(self, remote: GoogleRemote, number: int) -> None:
        for at in range(number):
            remote.box.put_raw({"id": f"sample{at}", "status": "cancelled"})

        pages = remote.pulled()

        assert len([name for page in pages for name in page.removed]) == number
        assert remote.requests() <= max(1, math.ceil(number / 2500))

    def test_a_look_asks_for_the_same_fields(self, remote: GoogleRemote) -> None:
        (name,) = add(remote)
        opened = remote.open()

        found = opened.find(opened.calendars()[0], name)

        assert isinstance(found, Event)
        assert "description" not in remote.service.asked()[-1].params["fields"]

    @pytest.mark.parametrize("path", ["/calendar/v3/", "/gw/www.googleapis.com/calendar/v3/"])
    @pytest.mark.parametrize("shorter", ["", "/", "v3/", "/v3/", "/calendar/v3/"])
    def test_the_address_of_the_service_comes_with_or_without_its_version(self, path: str, shorter: str) -> None:
        with GoogleService(path) as service:
            remote = GoogleRemote(service)
            (name,) = add(remote)

            pages = remote.pulled(config={"api_endpoint": service.api_endpoint.removesuffix(shorter)})
            remote.provider.close()

        assert [event.id for event in listed(pages)] == [name]

    @pytest.mark.parametrize(
        "endpoint", ["http://calendar.example/", "ftp://127.0.0.1/", "calendar.example", "https://"]
    )
    def test_a_token_is_not_sent_in_clear(self, remote: GoogleRemote, endpoint: str) -> None:
        with pytest.raises(InputError, match="api_endpoint"):
            remote.pulled(config={"api_endpoint": endpoint})

    def test_an_address_with_a_question_in_it_is_refused(self) -> None:
        with pytest.raises(InputError, match="more than an address"):
            base("https://calendar.example/?key=sample")

    def test_without_an_address_it_is_google_s_whatever_the_environment_says(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN", "elsewhere.example")
        monkeypatch.setenv("GOOGLE_API_USE_MTLS_ENDPOINT", "always")
        credentials = SimpleNamespace(universe_domain="googleapis.com")

        opened = Client(credentials)

        assert opened._service._baseUrl == "https://www.googleapis.com/calendar/v3/"
        opened.close()

    def test_the_environment_leads_nowhere_else(self, remote: GoogleRemote, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GOOGLE_CLOUD_UNIVERSE_DOMAIN", "elsewhere.example")
        monkeypatch.setenv("GOOGLE_API_USE_CLIENT_CERTIFICATE", "true")
        add(remote)

        assert listed(remote.pulled())

    def test_a_token_of_any_length_is_carried(self, remote: GoogleRemote) -> None:
        remote.service.pages.padding = 3000
        remote.service.pages.size = 2
        names = add(remote, 5)

        *_, last = remote.pulled()
        remote.pulled(last.cursor)

        assert len(names) == 5
        assert remote.requests() == 4


class TestPages:
    def test_an_empty_page_leads_on(self, remote: GoogleRemote) -> None:
        names = add(remote, 2)
        remote.service.fault(faults.empty_page())

        pages = remote.pulled()

        assert [len(page.events) for page in pages] == [0, 2]
        assert sorted(names) == [event.id for event in listed(pages)]
        assert [bool(page.cursor) for page in pages] == [False, True]
        assert all(page.full for page in pages)

    def test_what_comes_on_two_pages_is_one_event(self, remote: GoogleRemote) -> None:
        remote.service.pages.size, remote.service.pages.overlap = 3, 1
        names = add(remote, 7)

        known, _ = follow(remote.open(), {}, None)

        assert sorted(known) == sorted(names)

    def test_a_cursor_of_another_question_is_no_good(self, remote: GoogleRemote) -> None:
        *_, last = remote.pulled()
        before = remote.requests()

        with pytest.raises(CursorExpired):
            remote.pulled(last.cursor, read_text=True)

        assert remote.requests() == before

    @pytest.mark.parametrize("cursor", ["", "nonsense", "[]", "{}", '{"token": "", "question": ""}', '{"token": 7}'])
    def test_a_cursor_that_cannot_be_read_is_no_good(self, remote: GoogleRemote, cursor: str) -> None:
        with pytest.raises(CursorExpired):
            remote.pulled(cursor)

    @pytest.mark.parametrize("page", [1, 2])
    def test_a_cursor_that_the_service_forgot_is_no_good_on_any_page(self, remote: GoogleRemote, page: int) -> None:
        remote.service.pages.size = 2
        *_, last = remote.pulled()
        add(remote, 5)
        remote.service.fault(faults.full_sync_required(), page=page)

        with pytest.raises(CursorExpired):
            remote.pulled(last.cursor)

    @pytest.mark.parametrize(
        "body",
        [b"[]", b"{}", b'{"items": []}', b'{"items": {}, "nextSyncToken": "x"}', b'{"nextPageToken": 7}', b"[" * 99999],
    )
    def test_an_answer_that_is_no_list_may_be_one_later(self, remote: GoogleRemote, body: bytes) -> None:
        remote.service.fault(always(lambda: Reply(body=body)))
        names = add(remote)

        with pytest.raises(Retriable):
            remote.pulled()

        assert [event.id for event in listed(remote.pulled())] == names

    def test_a_list_that_leads_to_itself_has_an_end(self, remote: GoogleRemote) -> None:
        remote.service.fault(always(lambda: faults.answer({"items": [], "nextPageToken": "again"})), times=9)

        with pytest.raises(SourceError, match="has no end"):
            remote.pulled()

        assert remote.requests() == 2

    def test_a_list_that_leads_on_and_on_has_an_end(
        self, remote: GoogleRemote, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(client, "MOST_PAGES", 3)
        remote.service.pages.size = 1
        add(remote, 5)

        with pytest.raises(SourceError, match="has no end"):
            remote.pulled()

        assert remote.requests() == 3

    def test_half_a_character_in_an_answer_ends_no_sync(self, remote: GoogleRemote) -> None:
        odd = item(id="\ud800", summary="\U0001f389 \ude00")
        answers = iter([{"items": [odd], "nextPageToken": "\ud800"}, {"nextSyncToken": "\udfff"}])
        remote.service.fault(always(lambda: faults.answer(next(answers))), times=2)

        first, last = remote.pulled()

        assert [(event.id, event.subject) for event in first.events] == [("\ufffd", "\U0001f389 \ufffd")]
        opened = remote.open()
        assert opened.find(opened.calendars()[0], "\ufffd") == Gone()
        with pytest.raises(SourceError):
            remote.pulled(last.cursor)


class TestChanges:
    def test_a_date_called_off_is_one_change(self, remote: GoogleRemote) -> None:
        name = remote.box.add("Weekly", START, attendees=[ANN], recurrence="RRULE:FREQ=WEEKLY", zone="UTC")
        *_, last = remote.pulled()
        date_id = remote.box.cancel_instance(name, START + WEEK)

        (page,) = remote.pulled(last.cursor)

        assert page.called_off == (CalledOff(date_id, name, START + WEEK),)
        assert page.removed == ()

    def test_a_moved_date_names_its_place_in_the_series(self, remote: GoogleRemote) -> None:
        name = remote.box.add("Weekly", START, attendees=[ANN], recurrence="RRULE:FREQ=WEEKLY", zone="UTC")
        *_, last = remote.pulled()
        date_id = remote.box.move_instance(name, START + WEEK, START + WEEK + DAY)

        found = {event.id: event for event in listed(remote.pulled(last.cursor))}

        assert found[date_id].original_start == START + WEEK
        assert found[date_id].slot == Slot(START + WEEK + DAY, START + WEEK + DAY + HOUR)

    def test_a_first_list_tells_what_was_cancelled_before(self, remote: GoogleRemote) -> None:
        name = remote.box.add("Weekly", START, attendees=[ANN], recurrence="RRULE:FREQ=WEEKLY", zone="UTC")
        date_id = remote.box.cancel_instance(name, START + WEEK)
        (single,) = add(remote)
        remote.box.cancel(single)
        remote.service.pages.size = 1

        pages = remote.pulled()

        assert [event.id for event in listed(pages)] == [name]
        assert [each.id for page in pages for each in page.called_off] == [date_id]
        assert [each for page in pages for each in page.removed] == [single]

    def test_a_deleted_series_is_removed_as_a_whole(self, remote: GoogleRemote) -> None:
        name = remote.box.add("Weekly", START, attendees=[ANN], recurrence="RRULE:FREQ=WEEKLY", zone="UTC")
        *_, last = remote.pulled()
        remote.box.delete_series(name)

        (page,) = remote.pulled(last.cursor)

        assert (page.removed, page.events) == ((name,), ())

    def test_this_and_following_is_an_end_and_a_new_series(self, remote: GoogleRemote) -> None:
        name = remote.box.add("Weekly", START, attendees=[ANN], recurrence="RRULE:FREQ=WEEKLY", zone="UTC")
        *_, last = remote.pulled()
        second = remote.box.split(name, START + 3 * WEEK, START + 3 * WEEK + HOUR)

        found = {event.id: event for event in listed(remote.pulled(last.cursor))}

        assert found.keys() == {name, second}
        assert "UNTIL=" in (found[name].recurrence or "")
        assert found[second].uid.partition("_R")[0] == found[name].uid.partition("@")[0]

    def test_whole_days_stay_days(self, remote: GoogleRemote) -> None:
        remote.box.add("Fair", date(2026, 3, 10), date(2026, 3, 12), attendees=[ANN], recurrence="RRULE:FREQ=YEARLY")

        (event,) = listed(remote.pulled())

        assert event.slot == Slot(date(2026, 3, 10), date(2026, 3, 12))
        assert "DTSTART;VALUE=DATE:20260310" in (event.recurrence or "")


class TestCalendars:
    TEAM = "team@group.calendar.google.com"

    def test_without_a_choice_it_is_the_mailbox_s_own(self, remote: GoogleRemote) -> None:
        assert [(each.id, each.name) for each in remote.open().calendars()] == [("primary", REP)]
        assert remote.requests() == 0

    def test_the_chosen_ones_are_read(self, remote: GoogleRemote) -> None:
        name = remote.box.add_calendar(self.TEAM).add("Sample", START, attendees=[ANN, REP], creator=REP, invite=False)
        opened = remote.open(settings={"calendars": json.dumps([["primary", REP], [self.TEAM, "Team"]])})

        mine, theirs = opened.calendars()
        (event,) = listed(list(opened.pull(theirs, None)))

        assert (mine.id, theirs.name) == ("primary", "Team")
        assert (event.id, event.organizer) == (name, REP)

    @pytest.mark.parametrize("settings", ["", "{", "7", "[]", "[7]", '[["a"]]', '[[1, "a"]]', '[["", "a"]]'])
    def test_a_choice_that_cannot_be_read_is_a_problem(self, remote: GoogleRemote, settings: str) -> None:
        with pytest.raises(SourceError, match="is not known any more"):
            remote.open(settings={"calendars": settings}).calendars()

    def shared(self, remote: GoogleRemote, role: str) -> dict[str, str]:
        """Share somebody else's calendar with the mailbox, and return the settings that choose it."""
        box = remote.service.mailbox("other@ours.example")
        box.share(REP, role)
        box.add("Open", START, attendees=[ANN])
        box.make_private(box.add("Closed", START + DAY, attendees=[ANN]))
        token = remote.service.sign_in.issue(REP, "https://www.googleapis.com/auth/calendar.readonly")[0]
        remote.saved.append(json.dumps({**json.loads(remote.saved[-1]), "token": token}))
        return {"calendars": json.dumps([["other@ours.example", "Other"]])}

    def test_a_calendar_that_shows_only_when_it_is_busy_is_a_problem(self, remote: GoogleRemote) -> None:
        settings = self.shared(remote, "freeBusyReader")

        with pytest.raises(SourceError, match="Other shows when it is busy and not with whom") as caught:
            remote.pulled(settings=settings)

        assert caught.value.hint

    def test_private_events_of_a_shared_calendar_are_private(self, remote: GoogleRemote) -> None:
        events = listed(remote.pulled(settings=self.shared(remote, "reader")))

        assert sorted((event.subject, event.private) for event in events) == [("", True), ("Open", False)]


class TestALook:
    def test_what_is_not_there_is_gone(self, remote: GoogleRemote) -> None:
        opened = remote.open()

        assert opened.find(opened.calendars()[0], "nothing") == Gone()

    def test_what_was_deleted_is_gone(self, remote: GoogleRemote) -> None:
        (name,) = add(remote)
        remote.service.fault(faults.failing(410, "deleted"))
        opened = remote.open()

        assert opened.find(opened.calendars()[0], name) == Gone()

    def test_what_was_cancelled_is_gone_with_or_without_details(self, remote: GoogleRemote) -> None:
        series = remote.box.add("Weekly", START, attendees=[ANN], recurrence="RRULE:FREQ=WEEKLY", zone="UTC")
        one, other = add(remote, 2)
        remote.box.cancel(one)
        remote.box.cancel(other, bare=True)
        called_off = remote.box.cancel_instance(series, START + WEEK)
        opened = remote.open()

        assert [opened.find(opened.calendars()[0], name) for name in (one, other, called_off)] == [Gone()] * 3

    def test_what_cannot_be_read_is_a_problem_and_not_gone(self, remote: GoogleRemote) -> None:
        remote.box.put_raw({"id": "one", "status": "confirmed", "start": {"dateTime": "tomorrow"}})
        opened = remote.open()

        with pytest.raises(SourceError, match="a date or time cannot be read"):
            opened.find(opened.calendars()[0], "one")


class TestACheckUp:
    def test_it_asks_once_and_reads_no_event(self, remote: GoogleRemote) -> None:
        add(remote)
        settings = {"scopes": "openid https://www.googleapis.com/auth/calendar.events.owned.readonly"}

        found = remote.open(settings=settings).check()

        assert [(finding.fact, finding.problem) for finding in found.findings] == [
            ("granted: openid, calendar.events.owned.readonly", False),
            ("the main calendar can be read", False),
        ]
        assert found.service_time == NOW
        (request,) = remote.service.asked()
        assert request.params["fields"] == "accessRole"

    def test_a_scope_that_is_missing_is_a_problem(self, remote: GoogleRemote) -> None:
        finding, _ = remote.open(settings={"scopes": "openid"}).check().findings

        assert (finding.fact, finding.problem) == ("the sign-in does not allow it to read events", True)
        assert finding.hint

    @pytest.mark.parametrize(
        ("role", "fact", "problem"),
        [
            ("freeBusyReader", "Other shows when it is busy and not with whom", True),
            ("reader", "Other can be read, but for its private events", False),
            ("writer", "Other can be read", False),
        ],
    )
    def test_what_may_be_seen_is_said(self, remote: GoogleRemote, role: str, fact: str, problem: bool) -> None:
        (finding,) = remote.open(settings=TestCalendars().shared(remote, role)).check().findings

        assert (finding.fact, finding.problem) == (fact, problem)

    def test_it_fails_as_a_pull_would(self, remote: GoogleRemote) -> None:
        remote.service.revoke()

        with pytest.raises(NeedsSignIn):
            remote.open().check()


class TestTheSignIn:
    def test_a_token_that_expires_midway_is_renewed_once_and_kept(self, remote: GoogleRemote) -> None:
        remote.service.pages.size = 2
        names = add(remote, 5)
        remote.service.fault(faults.expire_tokens(), page=2)

        pages = remote.pulled()

        assert [event.id for event in listed(pages)] == sorted(names)
        assert len(remote.service.asked("/token$")) == 1
        assert json.loads(remote.saved[-1])["token"] != json.loads(remote.saved[0])["token"]
        remote.pulled()
        assert len(remote.service.asked("/token$")) == 1

    def test_a_refusal_after_the_token_was_renewed_is_final(self, remote: GoogleRemote) -> None:
        remote.service.fault(faults.unauthorized(), times=9)

        with pytest.raises(NeedsSignIn) as caught:
            remote.pulled()

        assert "calsignal connect google" in caught.value.hint
        assert (remote.requests(), len(remote.service.asked("/token$"))) == (2, 1)

    def test_a_sign_in_that_was_taken_back_is_named(self, remote: GoogleRemote) -> None:
        remote.service.revoke()

        with pytest.raises(NeedsSignIn) as caught:
            remote.pulled()

        assert REP in str(caught.value)
        assert "calsignal connect google" in caught.value.hint

    def test_a_token_endpoint_that_fails_is_asked_again_by_the_core_alone(self, remote: GoogleRemote) -> None:
        add(remote)
        remote.service.expire_access_tokens()
        remote.service.fault(faults.too_many(7), path="/token$")

        with pytest.raises(Retriable) as caught:
            remote.pulled()

        assert caught.value.retry_after == 7
        assert len(remote.service.asked("/token$")) == 1
        assert listed(remote.pulled(retry=patient))

    @pytest.mark.parametrize("secret", [None, "", "nonsense", "{}"])
    def test_a_sign_in_that_was_lost_is_named(self, remote: GoogleRemote, secret: str | None) -> None:
        with pytest.raises(NeedsSignIn) as caught:
            remote.pulled(secret=secret)

        assert "calsignal connect google" in caught.value.hint

    def test_a_service_account_reads_for_a_mailbox(self, remote: GoogleRemote) -> None:
        names = add(remote)

        pages = remote.pulled(
            secret=json.dumps({"kind": "service_account", "key": remote.service.service_account_key()})
        )

        assert [event.id for event in listed(pages)] == names

    def test_a_service_account_that_was_not_allowed_to_says_what_is_to_do(self, remote: GoogleRemote) -> None:
        remote.service.sign_in.delegated = frozenset()

        with pytest.raises(NotDelegated) as caught:
            remote.pulled(secret=json.dumps({"kind": "service_account", "key": remote.service.service_account_key()}))

        assert "Domain Wide Delegation" in caught.value.hint


class TestFailures:
    @pytest.mark.parametrize(
        "fault",
        [
            faults.unavailable(500),
            faults.unavailable(502),
            faults.unavailable(503),
            faults.unavailable(504),
            faults.too_many(),
            faults.forbidden("rateLimitExceeded"),
            faults.forbidden("userRateLimitExceeded"),
            faults.failing(408, "timeout"),
            faults.truncated_body(),
            faults.cut_json(),
            faults.html_page(),
            faults.connection_reset(),
            always(lambda: Reply(body=b"not gzip", headers={"Content-Encoding": "gzip"})),
        ],
    )
    def test_what_passes_is_tried_once_and_then_by_the_core(self, remote: GoogleRemote, fault: Fault) -> None:
        remote.service.pages.size = 2
        names = add(remote, 5)
        remote.service.fault(fault, page=2)

        with pytest.raises(Retriable) as caught:
            remote.pulled()
        assert caught.value.hint

        assert remote.requests() == 2
        remote.service.fault(fault, page=2, times=2)
        assert [event.id for event in listed(remote.pulled(retry=patient))] == sorted(names)
        assert remote.requests() == 2 + 5

    @pytest.mark.parametrize(
        ("named", "wait"), [(7, 7.0), (NOW + timedelta(seconds=90), 90.0), (NOW - DAY, 0.0), (None, None)]
    )
    def test_the_time_to_wait_is_passed_on(
        self, remote: GoogleRemote, named: int | datetime | None, wait: float | None
    ) -> None:
        remote.service.fault(faults.too_many(named))

        with pytest.raises(Retriable) as caught:
            remote.pulled()

        assert caught.value.retry_after == wait

    @pytest.mark.parametrize(
        ("fault", "fact"),
        [
            (faults.forbidden("quotaExceeded"), "the quota at 127.0.0.1 is used up"),
            (faults.forbidden("dailyLimitExceeded"), "the quota at 127.0.0.1 is used up"),
            (faults.forbidden("calendarUsageLimitsExceeded"), "the quota at 127.0.0.1 is used up"),
            (faults.failing(429, "quotaExceeded"), "the quota at 127.0.0.1 is used up"),
            (faults.forbidden("accessNotConfigured"), "the Google Calendar API is switched off for this app"),
            (faults.forbidden("insufficientPermissions"), "the sign-in does not allow it to read events"),
            (faults.forbidden("notACalendarUser"), "this user has no Google Calendar"),
            (faults.forbidden("forbidden"), "127.0.0.1 does not allow it to read this calendar"),
            (faults.forbidden("somethingNew"), "127.0.0.1 does not allow it to read this calendar"),
            (faults.not_found(), "there is no such calendar, or it is shared no more"),
            (faults.failing(400, "badRequest"), "127.0.0.1 does not understand the request (status 400)"),
            (faults.failing(412, "conditionNotMet"), "127.0.0.1 does not understand the request (status 412)"),
            (always(lambda: Reply(403, b"<html>")), "127.0.0.1 does not allow it to read this calendar"),
            (
                always(lambda: Reply(404, b'{"error": {"errors": [7], "details": {}}}')),
                "there is no such calendar, or it",
            ),
            (always(lambda: Reply(204)), "127.0.0.1 sends no answer but status 204"),
        ],
    )
    def test_what_stays_is_told_once_with_the_next_step(self, remote: GoogleRemote, fault: Fault, fact: str) -> None:
        remote.service.fault(fault, times=9)

        with pytest.raises(SourceError) as caught:
            remote.pulled(retry=patient)

        assert str(caught.value).startswith(fact)
        assert caught.value.hint
        assert remote.requests() == 1

    def test_a_token_follows_no_redirect(self, remote: GoogleRemote) -> None:
        with GoogleService() as elsewhere:
            headers = {"Location": f"{elsewhere.api_endpoint}calendars/primary/events"}
            remote.service.fault(always(lambda: Reply(302, b"", headers)))

            with pytest.raises(SourceError, match="status 302"):
                remote.pulled()

            assert elsewhere.requests == []

    def test_a_service_that_does_not_answer_is_given_up(self, remote: GoogleRemote) -> None:
        remote.service.fault(faults.slow())
        opened = open_service(remote.access(), timeout=0.05)

        with pytest.raises(Retriable, match="does not answer in time"):
            opened.events("primary")

        assert opened.events("primary")["items"] == []
        opened.close()

    def test_a_service_that_is_not_there_may_come_back(self, remote: GoogleRemote) -> None:
        with GoogleService() as gone:
            pass

        with pytest.raises(Retriable, match="cannot be reached"):
            remote.pulled(config={"api_endpoint": gone.api_endpoint})

    def test_a_certificate_that_nobody_knows_is_not_trusted(self, remote: GoogleRemote) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
        remote.service._server.socket = context.wrap_socket(remote.service._server.socket, server_side=True)

        with pytest.raises(SourceError, match="cannot be trusted") as caught:
            remote.pulled(config={"api_endpoint": remote.service.api_endpoint.replace("http:", "https:")})

        assert not isinstance(caught.value, Retriable)

    def test_a_proxy_that_cannot_be_used_is_named(self, remote: GoogleRemote, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(httplib2, "socks", None)
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        monkeypatch.delenv("no_proxy", raising=False)

        with pytest.raises(SourceError, match="names a proxy for 127") as caught:
            remote.pulled()

        assert "PySocks" in caught.value.hint

    def test_a_refused_token_is_left_to_the_library(self) -> None:
        assert failure("sample.example", 400, {}, b'{"error": "invalid_grant"}') is None

    def test_what_names_no_time_to_wait_names_none(self) -> None:
        found = failure("sample.example", 429, {"retry-after": "soon", "date": "today"}, b"")

        assert isinstance(found, Retriable)
        assert found.retry_after is None

    @pytest.mark.parametrize(
        "fault",
        [
            faults.expire_tokens(),
            faults.unauthorized(),
            faults.html_page(),
            always(lambda: Reply(403, b"Sample text of a calendar")),
            faults.connection_reset(),
        ],
    )
    def test_nothing_of_it_is_logged(
        self, remote: GoogleRemote, fault: Fault, caplog: pytest.LogCaptureFixture
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
        assert not [word for word in (remote.secret, "Sample text") if word in told]


def test_the_calendar_list_is_one_request(remote: GoogleRemote) -> None:
    remote.box.add_calendar()
    token = remote.service.token(REP)
    secret = json.dumps({**json.loads(remote.saved[0]), "token": token})
    opened = open_service(replace(remote.access(), secret=secret))

    entries = opened.calendar_list()["items"]
    opened.close()

    assert {entry["id"] for entry in entries} == {REP, "team@group.calendar.google.com"}


def test_an_event_of_no_calendar_is_not_there(remote: GoogleRemote) -> None:
    opened = open_service(remote.access())

    with pytest.raises(NotThere):
        opened.event("primary", "../../nothing?x=1")

    opened.close()
    (request,) = remote.service.asked()
    assert request.path.startswith("/calendar/v3/calendars/primary/events/")
