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
from calsignal_microsoft import auth, provider
from calsignal_microsoft.source import MicrosoftSource
from cli.desk import Desk as Machine
from loopback import Fault
from microsoft_calendar import service_faults as faults
from microsoft_calendar.desk import REP, SAM, TENANT, Desk
from microsoft_calendar.service import NOW, MicrosoftService
from microsoft_calendar.service_directory import OURS
from microsoft_calendar.service_identity import GUID, SECRET, Consent

APP = f"microsoft app {GUID}"
CALENDAR = "/calendar$"


@pytest.fixture
def service() -> Iterator[MicrosoftService]:
    with MicrosoftService() as running:
        running.mailbox(REP)
        running.mailbox(SAM)
        running.sign_in.app.roles = {"User.Read.All", "GroupMember.Read.All"}
        running.sign_in.app.scoped = {"Calendars.Read": frozenset({REP, SAM})}
        yield running


@pytest.fixture
def desk(service: MicrosoftService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = Desk(service, tmp_path)
    made.settle(monkeypatch)
    return made


# One person


def test_who_signs_in_is_connected_under_the_mailbox(desk: Desk) -> None:
    found = desk.sign_in()

    assert (found.mailbox, found.name) == (REP, f"microsoft:{REP}")
    assert dict(found.settings) == {"scopes": "Calendars.ReadBasic User.Read", "user": "me"}
    assert (found.shares, found.roster, found.place) == (None, None, "")


def test_descriptions_need_another_permission(desk: Desk, service: MicrosoftService) -> None:
    found = desk.sign_in(read_text=True)

    assert found.settings["scopes"] == "Calendars.Read User.Read"
    assert "Calendars.ReadBasic" not in service.asked("/authorize$")[0].params["scope"]


def test_the_browser_is_opened_and_the_address_told_as_well(
    desk: Desk, service: MicrosoftService, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    desk.looks = False
    monkeypatch.setattr(webbrowser, "open", service.browse)

    (found,) = desk.connect()

    assert found.mailbox == REP
    assert desk.told[0].startswith("sign in to Microsoft in the window of the browser")
    assert desk.told[1].startswith(f"{service.root}/common/oauth2/v2.0/authorize?")
    assert capfd.readouterr() == ("", "")


def test_without_a_browser_the_address_is_told_and_nothing_printed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(webbrowser, "open", lambda url: pytest.fail("a browser was opened"))

    desk.sign_in()

    assert desk.told[0] == "open this address in a browser on this machine, and sign in to Microsoft:"
    assert capfd.readouterr() == ("", "")


def test_a_code_is_typed_on_another_device(desk: Desk, service: MicrosoftService) -> None:
    service.consent = Consent(user=SAM, pending=2)

    (found,) = desk.connect(device_code=True)

    assert found.mailbox == SAM
    assert desk.told == [
        f"open {service.root}/devicelogin in any browser, enter the code S00000001, and sign in",
        "the code is good for 15 minutes; enter it on no other page",
    ]
    assert desk.clock.naps == [1, 1]


def test_a_mailbox_is_what_mail_is_sent_to_and_not_what_one_signs_in_with(
    desk: Desk, service: MicrosoftService
) -> None:
    service.mailbox("jane@ours.example", upn="jdoe@ours.onmicrosoft.example", mail="Jane@Ours.Example")
    service.consent = Consent(user="jane@ours.example")

    assert desk.sign_in().name == "microsoft:jane@ours.example"


def test_a_personal_account_without_a_mail_field_is_its_name(desk: Desk, service: MicrosoftService) -> None:
    service.mailbox("pat@home.example", personal=True, mail="")
    service.consent = Consent(user="pat@home.example")

    assert desk.sign_in(tenant="consumers").mailbox == "pat@home.example"


def test_a_name_that_is_no_address_falls_back_on_what_the_sign_in_says(desk: Desk, service: MicrosoftService) -> None:
    service.fault(lambda *_: faults.answer({"mail": None, "userPrincipalName": "rep"}), path="/me$")

    assert desk.sign_in().mailbox == REP


def test_an_account_without_any_address_is_refused(desk: Desk, service: MicrosoftService) -> None:
    service.mailbox("odd@ours.example", upn="odd", mail="")
    service.consent = Consent(user="odd@ours.example")

    assert str(desk.refused(NeedsSignIn)) == "Microsoft did not say whose calendar this is"


def test_a_guest_is_told_to_sign_in_at_home(desk: Desk, service: MicrosoftService) -> None:
    service.mailbox("kim@ours.example", upn="kim_buyer.example#EXT#@ours.onmicrosoft.example", user_type="Guest")
    service.consent = Consent(user="kim@ours.example")

    error = desk.refused(NeedsSignIn)

    assert str(error) == "this account is a guest of the organization, and has its calendar elsewhere"


@pytest.mark.parametrize(
    "fault", [faults.unavailable(), faults.too_many(), faults.html_page(), faults.cut_json(), faults.connection_reset()]
)
def test_a_question_that_fails_for_now_is_asked_again(desk: Desk, service: MicrosoftService, fault: Fault) -> None:
    service.fault(fault, path="/me$")

    assert desk.sign_in().mailbox == REP
    assert desk.waited == [1.0]


def test_a_graph_that_does_not_take_the_token_says_so(desk: Desk, service: MicrosoftService) -> None:
    service.fault(faults.unauthorized(), path="/me$")

    assert str(desk.refused(NeedsSignIn)) == "127.0.0.1 does not accept the sign-in"


def test_a_graph_that_sends_elsewhere_is_not_followed(desk: Desk, service: MicrosoftService) -> None:
    service.fault(faults.redirect(), path="/me$")

    assert str(desk.refused(SourceError)) == "127.0.0.1 refused the question (status 302)"
    assert not service.asked("", host="localhost")


def test_without_an_app_the_steps_are_told(desk: Desk) -> None:
    error = desk.fails(InputError, {"client_id": None})

    assert str(error) == "there is no app to sign in through"
    assert [step[:2] for step in desk.told[1:8]] == ["1.", "2.", "3.", "4.", "5.", "6.", "7."]
    assert "http://localhost" in desk.told[3]
    assert "Delegated permissions: Calendars.ReadBasic, User.Read" in desk.told[4]


def test_without_an_app_a_team_gets_steps_of_its_own(desk: Desk) -> None:
    desk.fails(InputError, {"client_id": None}, app_only=True, user=(REP,))

    assert [step[:2] for step in desk.told[1:]] == ["1.", "2.", "3.", "4.", "5.", "6."]
    assert "--app-only" in desk.told[-1]


def test_an_option_goes_before_the_config(desk: Desk, service: MicrosoftService) -> None:
    (found,) = desk.connect({"client_id": "another", "tenant": "other"}, client_id=GUID, tenant=TENANT, no_browser=True)

    assert found.mailbox == REP
    assert json.loads(found.secret or "")["authority"] == service.authority(TENANT)


@pytest.mark.parametrize("client_id", ["my app", "https://x.example", "a\tb"])
def test_a_client_id_is_one_word(desk: Desk, client_id: str) -> None:
    assert str(desk.refused(InputError, client_id=client_id)) == "the client id is none"


@pytest.mark.parametrize("port", ["x", "0", "65536", "-1", "²"])
def test_a_port_is_a_number(desk: Desk, port: str) -> None:
    assert str(desk.refused(InputError, port=port)) == "--port is no port"


# A team


def test_an_app_reads_the_mailboxes_that_are_named(desk: Desk, service: MicrosoftService) -> None:
    rep, sam = desk.app_only(user=("Rep@ours.example", SAM, REP))

    assert (rep.mailbox, sam.mailbox) == (REP, SAM)
    assert (rep.shares, rep.roster, rep.secret) == (APP, None, sam.secret)
    assert dict(rep.settings) == {"scopes": "https://graph.microsoft.com/.default", "user": REP}
    assert desk.asked == ["client secret of the app"]
    assert len(service.asked("/token$")) == 1
    assert len(service.asked(CALENDAR)) == 2
    assert desk.told == []


def test_a_mailbox_goes_by_its_own_address_whatever_it_was_called(desk: Desk, service: MicrosoftService) -> None:
    service.mailbox("jane@ours.example", upn="jdoe@ours.onmicrosoft.example")
    service.sign_in.app.scoped = {"Calendars.Read": frozenset({"jane@ours.example"})}

    (found,) = desk.app_only(user=("jdoe@ours.onmicrosoft.example",))

    assert found.name == "microsoft:jane@ours.example"
    assert found.settings["user"] == "jdoe@ours.onmicrosoft.example"


def test_a_secret_of_the_environment_is_used_and_not_kept(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(auth.SECRET_VARIABLE, SECRET)

    (rep,) = desk.app_only(user=(REP,))

    assert desk.asked == []
    assert SECRET not in (rep.secret or "")
    assert desk.told == [
        f"the client secret is taken from {auth.SECRET_VARIABLE}, and not kept: each sync needs it there"
    ]


def test_a_certificate_takes_the_place_of_a_secret(desk: Desk, service: MicrosoftService) -> None:
    service.sign_in.app.secrets.clear()

    (rep,) = desk.app_only(user=(REP,), certificate=desk.certificate())

    assert rep.mailbox == REP
    assert desk.asked == []
    assert "client_assertion" in service.asked("/token$")[0].body


def test_one_mailbox_that_is_refused_is_named_and_the_others_are_connected(
    desk: Desk, service: MicrosoftService
) -> None:
    service.directory.add("bare@ours.example")
    service.sign_in.app.scoped = {"Calendars.Read": frozenset({REP, "bare@ours.example"})}

    (rep,) = desk.app_only(user=("none@ours.example", "bare@ours.example", REP))

    assert rep.mailbox == REP
    assert [text.partition(";")[0] for text in desk.refusals] == [
        "none@ours.example is not connected: Microsoft knows no user none@ours.example",
        "bare@ours.example is not connected: bare@ours.example has no mailbox in the cloud",
    ]
    assert desk.told == []


def test_a_mailbox_that_the_app_may_not_read_brings_the_lines_to_paste(desk: Desk, service: MicrosoftService) -> None:
    service.sign_in.app.scoped = {}

    error = desk.fails(NeedsSignIn, app_only=True, tenant=TENANT, user=(REP, SAM))

    assert str(error) == "no mailbox was connected"
    assert desk.refusals[0].startswith(f"{REP} is not connected: the app may not read the calendar of {REP}; ")
    assert f"   New-ServicePrincipal -AppId {GUID} -ObjectId OBJECT-ID -DisplayName calsignal" in desk.told
    assert desk.said.count("New-ManagementRoleAssignment") == 1
    assert any("Calendars.ReadBasic.All" in text for text in desk.told)


@pytest.mark.parametrize("role", ["Calendars.Read", "Calendars.ReadBasic.All"])
def test_a_grant_for_the_whole_organization_is_warned_about(desk: Desk, service: MicrosoftService, role: str) -> None:
    service.sign_in.app.roles.add(role)

    desk.app_only(user=(REP,))

    (warning,) = desk.told
    assert warning.startswith(f"warning: the app holds {role} for the whole organization; unless ")


def test_a_permission_to_write_is_warned_about_always(desk: Desk, service: MicrosoftService) -> None:
    service.sign_in.app.roles.add("Calendars.ReadWrite")

    desk.app_only(all_users=True)

    (warning,) = desk.told
    assert warning.startswith("warning: the app may write to calendars (Calendars.ReadWrite)")


def test_who_asks_for_everybody_is_not_warned_of_everybody(desk: Desk, service: MicrosoftService) -> None:
    service.sign_in.app.roles.add("Calendars.Read")

    desk.app_only(all_users=True)

    assert desk.told == []


def test_a_token_that_cannot_be_read_is_no_reason_to_warn_or_to_stop(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (
        auth.granted_roles("EwBopaque") == auth.granted_roles("a.b.c") == auth.granted_roles("a.W10.c") == frozenset()
    )
    assert auth.token_tenant("EwBopaque") == ""


def test_everybody_is_tried_out_by_one(desk: Desk, service: MicrosoftService) -> None:
    rep, sam = desk.app_only(all_users=True)

    assert (rep.roster, rep.shares) == (f"microsoft all-users {OURS}", APP)
    assert rep.settings["user"] == service.directory.people[REP].id
    assert sam.mailbox == SAM
    assert len(service.asked(CALENDAR)) == 1


def test_an_address_without_a_license_is_no_proof_of_anything(desk: Desk, service: MicrosoftService) -> None:
    service.directory.add("a@ours.example")
    service.sign_in.app.scoped = {"Calendars.Read": frozenset({"a@ours.example", REP, SAM})}

    assert len(desk.app_only(all_users=True)) == 3
    assert len(service.asked(CALENDAR)) == 2


def test_three_addresses_without_a_license_end_the_trial_and_nothing_else(
    desk: Desk, service: MicrosoftService
) -> None:
    more = frozenset(f"{letter}@ours.example" for letter in "abc")
    for name in more:
        service.directory.add(name)
    service.sign_in.app.scoped = {"Calendars.Read": more}

    assert len(desk.app_only(all_users=True)) == 5
    assert len(service.asked(CALENDAR)) == 3


def test_everybody_is_refused_with_the_lines_to_paste(desk: Desk, service: MicrosoftService) -> None:
    service.sign_in.app.scoped = {}

    error = desk.fails(NeedsSignIn, app_only=True, tenant=TENANT, all_users=True)

    assert str(error) == f"the app may not read the calendar of {REP}"
    assert desk.said.count("New-ManagementScope") == 1


def test_a_mailbox_that_fails_for_now_is_asked_again_when_it_says(desk: Desk, service: MicrosoftService) -> None:
    service.fault(faults.too_many(7), path=CALENDAR)

    desk.app_only(user=(REP,))

    assert desk.waited == [7.0]


def test_a_token_endpoint_that_stays_down_says_so(desk: Desk, service: MicrosoftService) -> None:
    service.fault(faults.unavailable(), times=99, path="/token$")

    error = desk.fails(Retriable, app_only=True, tenant=TENANT, user=(REP,))

    assert str(error) == "127.0.0.1 cannot answer the sign-in now (status 503)"
    assert len(service.asked("/token$")) == 5


# What was typed


@pytest.mark.parametrize(
    ("options", "fact"),
    [
        ({"user": (REP,)}, "--user goes with --app-only only"),
        ({"all_users": True, "certificate": "x"}, "--all-users, --certificate goes with --app-only only"),
        ({"group": ("sales",)}, "--group goes with --app-only only"),
        ({"device_code": True, "port": "1"}, "--port does not go with --device-code: no browser answers here"),
        ({"app_only": True}, "--app-only lacks the mailboxes"),
        ({"app_only": True, "user": (REP,), "all_users": True}, "--all-users does not go with --user"),
        ({"app_only": True, "user": (REP,), "group": ("x",)}, "--group does not go with --user"),
        ({"app_only": True, "all_users": True, "group": ("x",)}, "--group does not go with --all-users"),
        (
            {"app_only": True, "user": (REP,), "device_code": True, "no_browser": True},
            "--device-code, --no-browser does not go with --app-only: nobody signs in",
        ),
        ({"app_only": True, "user": (REP,), "port": "1"}, "--port does not go with --app-only: nobody signs in"),
        ({"app_only": True, "user": (REP,)}, "--app-only lacks the tenant"),
        ({"app_only": True, "user": (REP,), "tenant": "Organizations"}, "--app-only lacks the tenant"),
        ({"app_only": True, "user": ("rep",), "tenant": TENANT}, "--user is not an e-mail address"),
        ({"tenant": "our company"}, "'our company' is no tenant"),
    ],
)
def test_options_that_make_no_sense_together_are_named(desk: Desk, options: dict[str, object], fact: str) -> None:
    assert str(desk.fails(InputError, **options)) == fact


@pytest.mark.parametrize(
    ("setting", "value", "fact"),
    [
        ("authority", "http://login.microsoftonline.com", "authority in [microsoft] is no https:// address"),
        ("authority", "https://a.example/b/c", "authority in [microsoft] has more than a tenant after the host"),
        ("graph_url", "http://graph.microsoft.com", "graph_url in [microsoft] is no https:// address"),
        ("graph_url", "https://me:secret@a.example", "graph_url in [microsoft] is no https:// address"),
        ("graph_url", "https://a.example:port", "graph_url in [microsoft] is no https:// address"),
    ],
)
def test_an_address_that_tokens_must_not_go_to_is_refused_at_once(
    desk: Desk, service: MicrosoftService, setting: str, value: str, fact: str
) -> None:
    assert str(desk.fails(InputError, {setting: value}, no_browser=True)) == fact
    assert not service.requests


# The program


def test_opening_gives_a_source_and_asks_for_nothing(desk: Desk, service: MicrosoftService) -> None:
    secret = desk.sign_in().secret
    before = len(service.requests)

    source = provider.open(Access(REP, {"user": "me"}, desk.config, secret, print, Window(NOW, NOW), lambda ask: ask()))

    assert isinstance(source, MicrosoftSource)
    assert len(service.requests) == before
    source.close()


def machine(desk: Desk, tmp_path: Path) -> Machine:
    class WithMicrosoft(Machine):
        def app(self) -> App:
            app = super().app()
            app.points = [EntryPoint("microsoft", "calsignal_microsoft:provider", GROUP)]
            return app

    made = WithMicrosoft(tmp_path)
    made.ok("init", "--domain", "ours.example", "--timezone", "UTC")
    text = made.config.read_text(encoding="utf-8").partition("[microsoft]")[0]
    rows = [f"{name} = {json.dumps(value)}" for name, value in desk.config.items()]
    made.write("\n".join([text, "[microsoft]", *rows, ""]))
    return made


def test_connecting_again_replaces_and_never_doubles(
    desk: Desk, service: MicrosoftService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webbrowser, "open", service.browse)
    program = machine(desk, tmp_path)

    first = program.ok("connect", "microsoft")
    second = program.ok("connect", "microsoft")

    assert first == second == f"connected microsoft:{REP} ({REP})\n"
    assert [each.name for each in program.store().connections()] == [f"microsoft:{REP}"]


def test_link_text_in_the_config_asks_for_descriptions(
    desk: Desk, service: MicrosoftService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webbrowser, "open", service.browse)
    program = machine(desk, tmp_path)
    program.write(program.config.read_text(encoding="utf-8").replace("#link_text = false", "link_text = true"))

    program.ok("connect", "microsoft")

    assert program.store().connections()[0].settings["scopes"] == "Calendars.Read User.Read"


def test_whoever_left_is_disconnected(
    desk: Desk, service: MicrosoftService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(auth.SECRET_VARIABLE, SECRET)
    program = machine(desk, tmp_path)
    words = ("connect", "microsoft", "--app-only", "--tenant", TENANT, "--all-users")
    program.ok(*words)
    service.directory.remove(SAM)

    output = program.ok(*words)

    assert f"disconnected microsoft:{SAM}: not on the list any more; its history stays" in output


def test_a_team_is_synced_with_one_token(
    desk: Desk, service: MicrosoftService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(auth.SECRET_VARIABLE, SECRET)
    program = machine(desk, tmp_path)

    program.ok("connect", "microsoft", "--app-only", "--tenant", TENANT, "--all-users")
    program.ok("sync")

    assert len(service.asked("/token$")) == 1
    assert {each.path.split("/")[3] for each in service.asked()} == {service.directory.people[w].id for w in (REP, SAM)}


def test_a_refused_sign_in_ends_with_1_and_a_mistake_with_2(
    desk: Desk, service: MicrosoftService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webbrowser, "open", service.browse)
    service.consent = Consent(refuse=True)
    program = machine(desk, tmp_path)

    assert "the sign-in was refused" in program.fails(1, "connect", "microsoft")
    assert "--user goes with --app-only only" in program.fails(2, "connect", "microsoft", "--user", REP)
