from __future__ import annotations

import json
import webbrowser
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from calsignal.cli.app import App
from calsignal.contract import Access, Window
from calsignal.errors import InputError, NeedsSignIn, Retriable, SourceError
from calsignal.registry import GROUP
from calsignal_google import auth, provider
from calsignal_google.source import GoogleSource
from cli.desk import Desk as Machine
from google_calendar import service_faults as faults
from google_calendar.desk import ADMIN, REP, Desk
from google_calendar.service import NOW, GoogleService
from google_calendar.service_oauth import Consent

SAM = "sam@ours.example"
TEAM = "team@group.calendar.google.com"
LIST = "/calendarList$"
KEY = "google service account reader@sample-project.service.example"


@pytest.fixture
def service() -> Iterator[GoogleService]:
    with GoogleService() as running:
        running.mailbox(REP)
        running.mailbox(SAM)
        yield running


@pytest.fixture
def desk(service: GoogleService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # the service stands on plain http, on loopback
    return Desk(service, tmp_path)


# One person


def test_who_signs_in_is_connected_under_the_mailbox(desk: Desk) -> None:
    found = desk.sign_in()

    assert (found.mailbox, found.name) == (REP, f"google:{REP}")
    assert dict(found.settings) == {"scopes": f"{auth.EVENTS} openid {auth.EMAIL}"}
    assert (found.shares, found.roster, found.place) == (None, None, "")


def test_the_browser_is_opened_and_the_address_told_as_well(
    desk: Desk, service: GoogleService, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.looks = False
    monkeypatch.setattr(webbrowser, "open", service.browse)

    (found,) = desk.connect(client_secrets=desk.client())

    assert found.mailbox == REP
    assert desk.told[0].startswith("sign in to Google in the window of the browser")
    assert desk.told[1].startswith(f"{service.root}/o/oauth2/auth?")
    assert capsys.readouterr().out == ""


def test_without_a_browser_the_address_is_told_and_nothing_printed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda url: pytest.fail("a browser was opened"))

    desk.sign_in()

    assert desk.told[0] == "open this address in a browser on this machine, and sign in to Google:"
    assert capsys.readouterr().out == ""


def test_the_config_names_the_client_file_and_an_option_goes_first(desk: Desk) -> None:
    (found,) = desk.connect({"client_secrets": desk.client()}, no_browser=True)
    (again,) = desk.connect({"client_secrets": "none.json"}, client_secrets=desk.client(), no_browser=True)

    assert found.mailbox == again.mailbox == REP


def test_without_a_client_file_the_steps_are_told_and_what_testing_means(desk: Desk) -> None:
    error = desk.fails(InputError)

    assert str(error) == "there is no client file to sign in with"
    assert [step[:2] for step in desk.told[1:8]] == ["1.", "2.", "3.", "4.", "5.", "6.", "7."]
    assert "choose Internal" in desk.told[4]
    assert f"{auth.EVENTS}, openid, {auth.EMAIL}" in desk.told[5]
    assert "7 days" in desk.said


def test_a_home_that_is_not_there_is_a_path_like_any_other(desk: Desk) -> None:
    error = desk.fails(InputError, client_secrets="~nobody-of-that-name/client.json")

    assert "cannot be read" in str(error)


@pytest.mark.parametrize("port", ["x", "0", "65536", "-1", "²"])
def test_a_port_is_a_number(desk: Desk, port: str) -> None:
    error = desk.refused(InputError, port=port)

    assert (str(error), error.hint) == ("--port is no port", "give a number from 1 to 65535")


@pytest.mark.parametrize("names", [("",), ("Team", " ")])
def test_a_calendar_without_a_name_is_refused_before_anybody_signs_in(desk: Desk, names: tuple[str, ...]) -> None:
    assert str(desk.refused(InputError, calendar=names)) == "--calendar names no calendar"
    assert desk.told == []


# Calendars


def test_a_calendar_is_chosen_by_name_or_id_and_the_main_one_by_its_word(desk: Desk, service: GoogleService) -> None:
    service.mailbox(REP).add_calendar(TEAM, "Team")
    service.mailbox(REP).add_calendar("more@group.calendar.google.com", "Moré")

    found = desk.sign_in(calendar=("Team", "more@group.calendar.google.com", "primary"))

    chosen = [[TEAM, "Team"], ["more@group.calendar.google.com", "Moré"], ["primary", REP]]
    assert json.loads(found.settings["calendars"]) == chosen
    assert auth.CALENDAR_LIST in found.settings["scopes"].split()


@pytest.mark.parametrize("word", ["primary", "Primary", REP])
def test_the_main_calendar_has_several_names_and_one_id(desk: Desk, word: str) -> None:
    assert json.loads(desk.sign_in(calendar=(word,)).settings["calendars"]) == [["primary", REP]]


def test_the_main_calendar_goes_by_the_name_that_its_owner_gave_it(desk: Desk, service: GoogleService) -> None:
    service.mailbox(REP).summary = "Rep Sample"

    assert json.loads(desk.sign_in(calendar=("Rep Sample",)).settings["calendars"]) == [["primary", REP]]


def test_the_main_calendar_is_missed_aloud(desk: Desk, service: GoogleService) -> None:
    service.mailbox(REP).add_calendar(TEAM, "Team")

    desk.sign_in(calendar=("Team",))

    assert desk.told[-1] == "the main calendar is not among them; to read it too, add --calendar primary"


def test_all_pages_of_the_list_are_read(desk: Desk, service: GoogleService) -> None:
    service.pages.size = 1
    service.mailbox(REP).add_calendar(TEAM, "Team")

    assert json.loads(desk.sign_in(calendar=("Team",)).settings["calendars"]) == [[TEAM, "Team"]]
    assert len(service.asked(LIST)) == 2


@pytest.mark.parametrize(
    "body", [b"[]", b'{"items": {}}', b'{"items": [], "nextPageToken": 7}', b"[" * 99999, b'{"items": NaN', b"\xff"]
)
def test_a_list_of_calendars_that_is_none_may_be_one_later(desk: Desk, service: GoogleService, body: bytes) -> None:
    service.mailbox(REP).add_calendar(TEAM, "Team")
    service.fault(lambda *_: faults.Reply(body=body), path=LIST)

    assert json.loads(desk.sign_in(calendar=("Team",)).settings["calendars"]) == [[TEAM, "Team"]]
    assert desk.waited == [1.0]


def test_what_stands_for_no_calendar_cannot_be_chosen(desk: Desk, service: GoogleService) -> None:
    rows = [None, 7, {"summary": "Team"}, {"id": 7, "summary": "Team"}, {"id": TEAM, "summary": 7, "accessRole": []}]
    answers = iter([{"items": rows, "nextPageToken": "\ud800"}, {"items": []}])
    service.fault(lambda *_: faults.answer(next(answers)), times=2, path=LIST)

    assert str(desk.refused(InputError, calendar=("Team",))).startswith("no calendar is called 'Team'")


def test_a_list_of_calendars_that_leads_to_itself_has_an_end(desk: Desk, service: GoogleService) -> None:
    service.fault(lambda *_: faults.answer({"items": [], "nextPageToken": "again"}), times=9, path=LIST)

    assert str(desk.refused(SourceError, calendar=("Team",))) == f"the list of calendars of {REP} has no end"
    assert len(service.asked(LIST)) == 2


@pytest.mark.parametrize(
    ("name", "fact"), [("None", "no calendar is called 'None'"), ("Team", "--calendar 'Team' means 2")]
)
def test_a_name_that_means_no_calendar_or_two_lists_those_there_are(
    desk: Desk, service: GoogleService, name: str, fact: str
) -> None:
    service.mailbox(REP).add_calendar(TEAM, "Team")
    service.mailbox(REP).add_calendar("two@group.calendar.google.com", "Team")

    error = desk.refused(InputError, calendar=(name,))

    assert str(error).startswith(fact)
    assert desk.told[-1] == f"the calendars that {REP} owns: Team, Team, {REP}"


def test_a_calendar_of_somebody_else_is_refused_by_name(desk: Desk, service: GoogleService) -> None:
    service.mailbox(SAM).add_calendar(TEAM, "Team").share(REP, "writer")

    error = desk.refused(InputError, calendar=("Team",))

    assert str(error) == f"{REP} does not own the calendar 'Team'"


def test_an_unticked_list_of_calendars_is_named(desk: Desk, service: GoogleService) -> None:
    service.consent = Consent(untick=(auth.CALENDAR_LIST,))

    error = desk.refused(NeedsSignIn, calendar=("primary",))

    assert "without it --calendar cannot choose one" in str(error)


# A team


def test_a_service_account_reads_the_mailboxes_that_are_named(desk: Desk, service: GoogleService) -> None:
    rep, sam = desk.connect(service_account=desk.key(), **{"as": ("Rep@ours.example", SAM, REP)})

    assert (rep.mailbox, sam.mailbox) == (REP, SAM)
    assert (rep.shares, rep.roster) == (KEY, None)
    assert rep.secret == sam.secret
    assert dict(rep.settings) == {"scopes": auth.EVENTS}
    assert len(service.asked("/token$")) == 2


def test_a_service_account_chooses_calendars_and_keeps_no_more_than_it_needs(
    desk: Desk, service: GoogleService
) -> None:
    service.mailbox(REP).add_calendar(TEAM, "Team")

    (rep,) = desk.connect(service_account=desk.key(), calendar=("Team",), **{"as": (REP,)})

    assert json.loads(rep.settings["calendars"]) == [[TEAM, "Team"]]
    assert "scopes" not in json.loads(rep.secret or "")


def test_one_mailbox_that_is_refused_is_named_and_the_others_are_connected(desk: Desk) -> None:
    (rep,) = desk.connect(service_account=desk.key(), **{"as": ("none@ours.example", REP)})

    assert rep.mailbox == REP
    (told,) = desk.told
    assert told.startswith("none@ours.example is not connected: Google knows no mailbox none@ours.example; ")
    assert told.endswith("check the address; it has to be the main one of an active user")


def test_refused_delegation_is_told_once_as_steps_to_paste(desk: Desk, service: GoogleService) -> None:
    service.sign_in.delegated = frozenset()

    error = desk.fails(NeedsSignIn, service_account=desk.key(), calendar=("Team",), **{"as": (REP, SAM)})

    assert str(error) == "no mailbox was connected"
    assert [text[:2] for text in desk.told[3:]] == ["1.", "2.", "3.", "4.", "5."]
    assert desk.told[5:7] == [
        "3. Client ID: 100000000000000000001",
        f"4. OAuth scopes (comma-delimited): {auth.EVENTS},{auth.CALENDAR_LIST}",
    ]


@pytest.mark.parametrize(
    ("code", "text", "fact"),
    [
        ("access_denied", "Requested client not authorized.", "the service account is not authorised to act for"),
        ("invalid_scope", "Empty or invalid scope.", "the service account is not authorised to act for"),
        ("invalid_grant", "Invalid JWT Signature.", "Google does not know the key of the service account"),
        ("invalid_client", "The OAuth client was not found.", "Google does not know the key of the service account"),
    ],
)
def test_why_a_service_account_is_refused_is_told(
    desk: Desk, service: GoogleService, code: str, text: str, fact: str
) -> None:
    service.fault(faults.oauth_error(code, text), path="/token$")

    desk.fails(NeedsSignIn, service_account=desk.key(), **{"as": (REP,)})

    assert fact in desk.told[0]


@pytest.mark.parametrize(
    ("code", "text", "fact"),
    [
        (
            "invalid_grant",
            "Invalid JWT: Token must be a short-lived token",
            "Google says that the clock of this machine",
        ),
        ("sample_error", "", "Google refused the service account (sample_error)"),
    ],
)
def test_what_concerns_every_mailbox_ends_the_command(
    desk: Desk, service: GoogleService, code: str, text: str, fact: str
) -> None:
    service.fault(faults.oauth_error(code, text), path="/token$")

    with pytest.raises(Exception, match=fact.replace("(", r"\(").replace(")", r"\)")):
        desk.connect(service_account=desk.key(), **{"as": (REP, SAM)})


def test_a_token_endpoint_that_is_busy_is_asked_again_when_it_says(desk: Desk, service: GoogleService) -> None:
    service.fault(faults.too_many(7), path="/token$")

    desk.connect(service_account=desk.key(), **{"as": (REP,)})

    assert desk.waited == [7.0]


def test_a_token_endpoint_that_stays_down_says_so(desk: Desk, service: GoogleService) -> None:
    service.fault(faults.unavailable(), times=99, path="/token$")

    with pytest.raises(Retriable, match="gives no token at present"):
        desk.connect(service_account=desk.key(), **{"as": (REP,)})


# What was typed

GIVEN: dict[str, object] = {"service_account": "key.json", "all_users": True, "admin": ADMIN}


@pytest.mark.parametrize(
    ("options", "fact"),
    [
        ({"as": (REP,)}, "--as goes with --service-account only"),
        ({"all_users": True, "admin": ADMIN}, "--all-users, --admin goes with --service-account only"),
        ({"group": ("x@ours.example",)}, "--group goes with --service-account only"),
        ({"service_account": "key.json"}, "--service-account lacks the mailboxes"),
        ({"service_account": "key.json", "all_users": True}, "--all-users lacks --admin"),
        ({"service_account": "k", "as": (REP,), "admin": ADMIN}, "--admin goes with --all-users only"),
        ({"service_account": "k", "as": (REP,), "users": "x"}, "--users goes with --all-users only"),
        (GIVEN | {"as": (REP,)}, "--as does not go with --all-users"),
        (
            GIVEN | {"calendar": ("Team",)},
            "--calendar does not go with --all-users, which reads everybody's main calendar",
        ),
        (GIVEN | {"port": "1"}, "--port does not go with --service-account: nobody signs in"),
        (GIVEN | {"no_browser": True}, "--no-browser does not go with --service-account: nobody signs in"),
        (GIVEN | {"client_secrets": "x"}, "--client-secrets does not go with --service-account: nobody signs in"),
        ({"service_account": "k", "as": ("rep",)}, "--as is not an e-mail address"),
        (GIVEN | {"admin": "me"}, "--admin is not an e-mail address"),
        (GIVEN | {"group": ("sales",)}, "--group is not an e-mail address"),
    ],
)
def test_options_that_make_no_sense_together_are_named(desk: Desk, options: dict[str, object], fact: str) -> None:
    assert str(desk.fails(InputError, **options)) == fact


# The program


def machine(desk: Desk, tmp_path: Path) -> Machine:
    class WithGoogle(Machine):
        def app(self) -> App:
            app = super().app()
            app.points = [EntryPoint("google", "calsignal_google:provider", GROUP)]
            return app

    made = WithGoogle(tmp_path)
    made.ok("init", "--domain", "ours.example", "--timezone", "UTC")
    text = made.config.read_text(encoding="utf-8")
    made.write(f'{text}\n[google]\napi_endpoint = "{desk.service.api_endpoint}"\n' if "[google]" not in text else text)
    return made


def test_connecting_again_replaces_and_never_doubles(
    desk: Desk, service: GoogleService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webbrowser, "open", service.browse)
    program = machine(desk, tmp_path)

    first = program.ok("connect", "google", "--client-secrets", desk.client())
    second = program.ok("connect", "google", "--client-secrets", desk.client())

    assert first == second == f"connected google:{REP} ({REP})\n"
    assert [each.name for each in program.store().connections()] == [f"google:{REP}"]


def test_a_refused_sign_in_ends_with_1_and_a_mistake_with_2(
    desk: Desk, service: GoogleService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webbrowser, "open", service.browse)
    service.consent = Consent(refuse=True)
    program = machine(desk, tmp_path)

    assert "the sign-in was refused" in program.fails(1, "connect", "google", "--client-secrets", desk.client())
    assert "there is no client file" in program.fails(2, "connect", "google")


def test_opening_gives_a_source() -> None:
    access = Access(REP, {}, {}, None, print, Window(NOW, NOW), lambda ask: ask())

    assert isinstance(provider.open(access), GoogleSource)
