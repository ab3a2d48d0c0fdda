"""The provider reads a calendar service that somebody else wrote (PyPI `myworld`), from the command line down.

What that service does not have is left to our own: a series' changed and cancelled dates as items of their own,
`updatedMin`, tokens that age, and a page to sign in at.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from calsignal.cli.app import App
from calsignal.contract import Access, Attendee, Calendar, Event, Gone, Window
from calsignal.errors import CursorExpired, NeedsSignIn, SourceError
from calsignal.model import Answer, Capability, Slot, State
from calsignal.recurrence import expand
from calsignal.registry import GROUP
from calsignal.retry import Retry
from calsignal.testing import follow, listed, pull
from calsignal.vault import connection_secret
from calsignal_google.source import GoogleSource
from cli.desk import Desk
from fake_provider import EPOCH
from google_calendar.peer import ANN, BOB, EVENTS, REP, SAM, Company, needed, serving, times

NAME = f"google:{REP}"
DAY = timedelta(days=1)
MONDAY = datetime(2026, 3, 9, 10, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
PASSING = ["unavailable", "bad_gateway", "server_error", "rate_limit", "timeout", "transport_error", "truncated"]


@pytest.fixture(scope="session")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    needed("myworld", "myworld[gateway]")
    with serving(tmp_path_factory.mktemp("peer")) as port:
        yield port


def test_a_peer_that_is_missing_fails_where_everything_has_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="sample-peer is not installed"):
        needed("no_such_package", "sample-peer")

    monkeypatch.delenv("CI")
    with pytest.raises(pytest.skip.Exception, match="sample-peer is not installed"):
        needed("no_such_package", "sample-peer")


@pytest.fixture
def company(port: int) -> Company:
    return Company(port, EPOCH)


@dataclass
class Machine(Desk):
    """A rep's machine; `waited` holds the seconds for which a retry would have waited."""

    waited: list[float] = field(default_factory=list)

    def app(self) -> App:
        app = super().app()
        app.points = [EntryPoint("google", "calsignal_google:provider", GROUP)]
        app.retry = Retry(self.waited.append, lambda low, high: high, lambda: 0.0)
        return app

    def settle(self, company: Company) -> None:
        """Write a config that leads to the peer."""
        self.ok("init", "--domain", "ours.example", "--timezone", "Europe/Berlin")
        text = self.config.read_text(encoding="utf-8").partition("[google]")[0]
        self.write(f'{text}[google]\napi_endpoint = "{company.endpoint}"\n')
        self.ok("accounts", "add", "Acme", "acme.example")

    def join(self, who: str, secret: str, settings: Mapping[str, str] | None = None) -> None:
        """Leave behind what a sign-in does: the peer has no page for one."""
        app = self.app()
        app.store(create=True).connect(f"google:{who}", "google", who, settings or {}, self.clock())
        app.vault.set(connection_secret(f"google:{who}"), secret)
        app.close()

    def secret(self, who: str = REP) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.app().vault.get(connection_secret(f"google:{who}")) or "{}")
        return found

    def sync(self) -> str:
        """Sync, and let an hour pass."""
        printed = self.ok("sync")
        self.clock.wait(hours=1)
        return printed

    def changes(self) -> list[str]:
        """Return the kinds of all changes of the account, the oldest first."""
        document = json.loads(self.ok("account", "Acme", "--format", "json"))
        return [change["kind"] for change in reversed(document["changes"])]

    def open_states(self) -> dict[str, State]:
        """Return what is believed of each event of all calendars."""
        app = self.app()
        store = app.store()
        calendars = [calendar for connection in store.connections() for calendar in store.calendars(connection)]
        found = {name: copy.state for each in calendars for name, copy in store.open_copies(each).items()}
        app.close()
        return found

    def gaps(self) -> list[str]:
        (found, *_) = json.loads(self.ok("connections", "--format", "json"))["connections"]
        return [gap["reason"] for gap in found["gaps"]]


@pytest.fixture
def machine(company: Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.chdir(tmp_path)
    made = Machine(tmp_path)
    made.settle(company)
    made.join(REP, company.secret())
    return made


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calsignal_google.source._PAGE", 2)


def access(company: Company, who: str = REP, **given: object) -> Access:
    usual: dict[str, object] = {
        "mailbox": who,
        "settings": {},
        "config": {"api_endpoint": company.endpoint},
        "secret": company.secret(who),
        "save_secret": lambda _: None,
        "window": Window(EPOCH - 365 * DAY, EPOCH + 180 * DAY),
        "retry": lambda request: request(),
    }
    return Access(**{**usual, **given})  # type: ignore[arg-type]


@pytest.fixture
def source(company: Company) -> Iterator[GoogleSource]:
    with closing(GoogleSource(access(company))) as opened:
        yield opened


class TestAFirstList:
    def test_it_says_when_and_with_whom(self, company: Company, source: GoogleSource) -> None:
        name = company.book(ANN, at=MONDAY, summary="Kick-off", transparency="transparent")
        company.answer(name, ANN, "tentative")

        (found,) = listed(pull(source))

        assert found == Event(
            id=name,
            uid=f"{name}@google.com",
            slot=Slot(MONDAY, MONDAY + timedelta(minutes=30)),
            organizer=REP,
            attendees=(Attendee(ANN, Answer.TENTATIVE), Attendee(REP, Answer.ACCEPTED)),
            subject="Kick-off",
            free=True,
            created=found.created,
            sees=frozenset((Capability.GUESTS, Capability.ANSWERS)),
        )
        assert found.created is not None
        assert EPOCH < found.created < EPOCH + timedelta(minutes=1)

    def test_a_guest_sees_the_same_meeting(self, company: Company, source: GoogleSource) -> None:
        company.book(ANN, SAM, at=MONDAY)

        with closing(GoogleSource(access(company, SAM))) as other:
            (theirs,) = listed(pull(other))

        assert [theirs] == listed(pull(source))

    def test_whole_days_are_days(self, company: Company, source: GoogleSource) -> None:
        company.book(ANN, at=MONDAY, start={"date": "2026-03-10"}, end={"date": "2026-03-12"})

        (found,) = listed(pull(source))

        assert found.slot == Slot(date(2026, 3, 10), date(2026, 3, 12))

    @pytest.mark.usefixtures("small_pages")
    def test_pages_follow_each_other_to_the_end(self, company: Company, source: GoogleSource) -> None:
        names = [company.book(ANN, at=MONDAY + at * DAY) for at in range(5)]

        pages = pull(source)

        assert [len(page.events) for page in pages] == [2, 2, 1]
        assert [event.id for event in listed(pages)] == sorted(names)
        assert [bool(page.cursor) for page in pages] == [False, False, True]
        assert [asked.get("pageToken") for asked in company.lists()].count(None) == 1

    def test_more_than_one_page_of_the_largest_size(self, port: int) -> None:
        begin = (MONDAY + timedelta(minutes=30 * at) for at in range(2501))
        meetings = [{"summary": "Sample", "start": at.isoformat(), "end": (at + DAY).isoformat()} for at in begin]
        company = Company(port, EPOCH, events=meetings)

        with closing(GoogleSource(access(company))) as opened:
            pages = pull(opened)

        assert [len(page.events) for page in pages] == [2500, 1]

    def test_meetings_from_before_the_window_are_not_asked_for(self, company: Company, source: GoogleSource) -> None:
        company.book(ANN, at=EPOCH - 400 * DAY)
        name = company.book(ANN, at=EPOCH - 300 * DAY)

        assert [event.id for event in listed(pull(source))] == [name]

    @pytest.mark.parametrize(
        ("day", "rules"),
        [
            (9, ["RRULE:FREQ=WEEKLY"]),
            (9, ["RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH"]),
            (9, ["RRULE:FREQ=WEEKLY;COUNT=9;BYDAY=TU,MO"]),
            (9, ["RRULE:FREQ=DAILY;UNTIL=20260331T100000Z"]),
            (9, ["RRULE:FREQ=DAILY;BYDAY=MO,WE,FR;COUNT=20"]),
            (9, ["RRULE:FREQ=MONTHLY;BYDAY=2MO"]),
            (27, ["RRULE:FREQ=MONTHLY;BYDAY=-1FR;COUNT=4"]),
            (31, ["RRULE:FREQ=MONTHLY;BYMONTHDAY=31"]),
            (9, ["RRULE:FREQ=YEARLY"]),
            (9, ["EXDATE:20260316T100000Z,20260330T090000Z", "RRULE:FREQ=WEEKLY;COUNT=6"]),
        ],
    )
    @pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "UTC"])
    def test_a_series_has_the_dates_that_the_peer_gives_it(
        self, company: Company, source: GoogleSource, day: int, rules: list[str], zone: str
    ) -> None:
        begin = MONDAY.replace(day=day)
        end = MONDAY + 170 * DAY
        name = company.book(ANN, at=begin, recurrence=rules, **times(begin, zone))
        span = f"timeMin={begin:%Y-%m-%dT%H:%M:%SZ}&timeMax={end:%Y-%m-%dT%H:%M:%SZ}"
        items = company.act("GET", f"{EVENTS}/{name}/instances?{span}&maxResults=2500")["items"]

        (found,) = listed(pull(source))

        assert found.recurrence is not None
        assert items
        assert list(expand(found.recurrence, MONDAY, end)) == [
            datetime.fromisoformat(item["start"]["dateTime"]).astimezone(UTC) for item in items
        ]


class TestChanges:
    def test_each_change_is_told_once(self, company: Company, machine: Machine) -> None:
        machine.sync()
        name = company.book(ANN, at=MONDAY)
        machine.sync()
        company.answer(name, ANN, "accepted")
        machine.sync()
        company.change(name, **times(MONDAY + 2 * DAY))
        machine.sync()
        company.cancel(name)
        machine.sync()
        machine.sync()

        assert machine.changes() == ["created", "answer_changed", "moved", "cancelled"]

    def test_nothing_new_is_one_request(self, company: Company, machine: Machine) -> None:
        company.book(ANN, at=MONDAY)
        machine.sync()
        before = len(company.lists())

        assert machine.sync() == f"{NAME}: 0 events read, 0 changes written\n"
        assert len(company.lists()) == before + 1

    def test_only_what_changed_is_read(self, company: Company, machine: Machine) -> None:
        names = [company.book(ANN, at=MONDAY + at * DAY) for at in range(3)]
        machine.sync()
        company.change(names[1], **times(MONDAY + timedelta(hours=3)))

        assert machine.sync() == f"{NAME}: 1 event read, 1 change written\n"

    @pytest.mark.usefixtures("small_pages")
    def test_changes_on_several_pages_are_all_read(self, company: Company, machine: Machine) -> None:
        names = [company.book(ANN, at=MONDAY + at * DAY) for at in range(5)]
        machine.sync()
        for at, name in enumerate(names):
            company.change(name, **times(MONDAY + at * DAY + timedelta(hours=3)))

        assert machine.sync() == f"{NAME}: 5 events read, 5 changes written\n"
        assert machine.changes() == ["moved"] * 5

    def test_guests_come_and_go(self, company: Company, machine: Machine) -> None:
        name = company.book(ANN, at=MONDAY)
        machine.sync()
        company.change(name, attendees=[{"email": who} for who in (REP, ANN, "cfo@acme.example")])
        machine.sync()
        company.change(name, attendees=[{"email": who} for who in (REP, "cfo@acme.example")])
        machine.sync()

        assert machine.changes() == ["person_added", "person_removed"]

    def test_a_guest_answers_in_their_own_time(self, company: Company, machine: Machine) -> None:
        company.book(BOB, at=MONDAY)
        machine.sync()
        company.wait(minutes=11)
        machine.sync()

        assert machine.changes() == ["answer_changed"]

    def test_a_series_is_moved_ended_and_called_off(self, company: Company, machine: Machine) -> None:
        machine.sync()
        name = company.book(ANN, at=MONDAY, recurrence=["RRULE:FREQ=WEEKLY"])
        machine.sync()
        company.change(name, **times(MONDAY + DAY))
        machine.sync()
        company.change(name, recurrence=["RRULE:FREQ=WEEKLY;COUNT=4"])
        machine.sync()
        company.cancel(name)
        machine.sync()

        assert machine.changes() == ["created", "series_moved", "cancelled", "cancelled"]

    def test_two_reps_in_one_meeting_are_one_meeting(self, company: Company, machine: Machine) -> None:
        machine.join(SAM, company.secret(SAM))
        machine.sync()
        name = company.book(ANN, SAM, at=MONDAY)
        machine.sync()
        company.change(name, **times(MONDAY + 2 * DAY))
        machine.sync()

        assert machine.changes() == ["created", "moved"]

    def test_a_look_finds_what_is_there(self, company: Company, source: GoogleSource) -> None:
        kept, gone = (company.book(ANN, at=MONDAY) for _ in range(2))
        company.cancel(gone)
        calendar = source.calendars()[0]

        found = source.find(calendar, kept)

        assert [found] == listed(pull(source))
        assert isinstance(source.find(calendar, gone), Gone)
        assert isinstance(source.find(calendar, "nothing"), Gone)

    def test_following_a_cursor_comes_to_the_same_as_a_new_list(self, company: Company, source: GoogleSource) -> None:
        names = [company.book(ANN, at=MONDAY + at * DAY) for at in range(4)]
        before, cursor = follow(source, {}, None)
        company.cancel(names[0])
        company.change(names[1], summary="Another")
        added = company.book(SAM, at=MONDAY)

        known, _ = follow(source, before, cursor)

        assert set(known) == {*names[1:], added}
        assert known == follow(source, {}, None)[0]


class TestCursors:
    @staticmethod
    def confuse(machine: Machine) -> None:
        """Put another token into the cursor than the peer gave out."""
        with closing(sqlite3.connect(machine.database)) as raw, raw:
            (cursor,) = raw.execute("SELECT cursor FROM calendars").fetchone()
            raw.execute("UPDATE calendars SET cursor = ?", [json.dumps(json.loads(cursor) | {"token": "no such"})])

    def test_a_token_that_the_peer_does_not_know_has_expired(self, source: GoogleSource) -> None:
        *_, last = pull(source)
        cursor = json.dumps(json.loads(last.cursor or "") | {"token": "no such"})

        with pytest.raises(CursorExpired):
            pull(source, cursor)

    def test_then_everything_is_read_again_and_a_gap_is_told(self, company: Company, machine: Machine) -> None:
        names = [company.book(ANN, at=MONDAY + at * DAY) for at in range(3)]
        machine.sync()
        company.cancel(names[0])
        company.change(names[1], **times(MONDAY + 5 * DAY))
        self.confuse(machine)

        assert machine.sync() == f"{NAME}: 2 events read, 2 changes written\n"
        assert machine.gaps() == ["the service had forgotten where we were"]
        assert sorted(machine.changes()) == ["cancelled", "moved"]
        assert machine.sync() == f"{NAME}: 0 events read, 0 changes written\n"

    @pytest.mark.usefixtures("small_pages")
    def test_a_token_that_expires_on_the_second_page_loses_nothing(self, company: Company, machine: Machine) -> None:
        names = [company.book(ANN, at=MONDAY + at * DAY) for at in range(5)]
        machine.sync()
        for at, name in enumerate(names):
            company.change(name, **times(MONDAY + at * DAY + timedelta(hours=3)))
        company.fault("server_error", status=410, on_call=2)

        machine.sync()

        assert machine.changes() == ["moved"] * 5
        assert len(machine.gaps()) == 1


class TestSignIns:
    def test_a_token_that_is_refused_is_renewed_once_and_kept(self, company: Company, machine: Machine) -> None:
        company.book(ANN, at=MONDAY)
        machine.join(REP, company.secret(token="ya29.a0stale"))

        assert machine.sync() == f"{NAME}: 1 event read, 1 change written\n"
        assert machine.secret()["token"] == company.token()
        assert machine.secret()["refresh_token"] == company.token()

    def test_a_token_that_ran_out_is_renewed_first(self, company: Company, machine: Machine) -> None:
        machine.join(REP, company.secret(token="ya29.a0stale", expiry="2026-01-01T00:00:00+00:00"))

        machine.sync()

        assert machine.secret()["token"] == company.token()
        assert machine.secret()["expiry"] > "2026-01-01"

    def test_a_sign_in_that_was_ended_keeps_the_data_and_stops_nobody(
        self, port: int, company: Company, machine: Machine
    ) -> None:
        name = company.book(ANN, at=MONDAY)
        machine.sync()
        elsewhere = Company(port, EPOCH)
        ended = elsewhere.secret(token="ya29.a0stale")
        elsewhere.close_down()
        machine.join(REP, ended)
        machine.join(SAM, company.secret(SAM))

        result = machine.run("sync")

        assert result.exit_code == 1
        assert f"{NAME}: the sign-in of {REP} has ended" in result.stderr
        assert f"google:{SAM}: 0 events read" in result.stdout
        assert list(machine.open_states()) == [name]
        assert company.token() not in result.output

    def test_a_connection_is_checked(self, source: GoogleSource) -> None:
        checked = source.check()

        (found,) = checked.findings
        assert found.fact.endswith("can be read")
        assert not found.problem
        assert checked.service_time is not None

    def test_another_s_calendar_is_not_read(self, source: GoogleSource) -> None:
        with pytest.raises(SourceError, match="does not allow it to read this calendar"):
            list(source.pull(Calendar(SAM, "Sam"), None))

    def test_a_token_of_nobody_is_refused(self, company: Company) -> None:
        secret = company.secret(token="ya29.a0stale", refresh_token="ya29.a0stale")

        with closing(GoogleSource(access(company, secret=secret))) as opened, pytest.raises(NeedsSignIn):
            pull(opened)


@pytest.mark.usefixtures("small_pages")
class TestFaults:
    @pytest.mark.parametrize("on_call", [1, 2, 3])
    @pytest.mark.parametrize("kind", PASSING)
    def test_a_failure_that_passes_changes_nothing(
        self, company: Company, machine: Machine, kind: str, on_call: int
    ) -> None:
        names = [company.book(ANN, at=MONDAY + at * DAY) for at in range(5)]
        company.fault(kind, on_call=on_call)

        assert machine.sync() == f"{NAME}: 5 events read, 5 changes written\n"
        assert machine.waited == [1.0]
        assert sorted(machine.open_states()) == sorted(names)
        assert machine.gaps() == []

    @pytest.mark.parametrize("kind", PASSING)
    def test_a_failure_that_stays_loses_nothing(self, company: Company, machine: Machine, kind: str) -> None:
        names = [company.book(ANN, at=MONDAY + at * DAY) for at in range(3)]
        machine.sync()
        company.cancel(names[0])
        company.change(names[1], **times(MONDAY + 5 * DAY))
        company.fault(kind, times=None)
        before = machine.open_states()

        result = machine.run("sync")

        assert result.exit_code == 1
        assert "Traceback" not in result.output
        assert machine.open_states() == before
        company.mend()
        machine.clock.wait(hours=1)
        machine.sync()
        assert sorted(machine.changes()) == ["cancelled", "moved"]

    def test_a_calendar_that_cannot_be_found_keeps_its_meetings(self, company: Company, machine: Machine) -> None:
        company.book(ANN, at=MONDAY)
        machine.sync()
        company.fault("not_found", times=None)

        result = machine.run("sync")

        assert result.exit_code == 1
        assert "there is no such calendar, or it is shared no more" in result.stderr
        assert len(machine.open_states()) == 1
        assert machine.waited == []
