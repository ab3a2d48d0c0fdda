from __future__ import annotations

import json
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from calsignal.errors import CalsignalError, InputError, NeedsSignIn, Retriable, SourceError
from calsignal.vault import FileVault
from calsignal_microsoft import auth, refusals
from loopback import Due, Fault, Reply, Request
from microsoft_calendar import service_faults as faults
from microsoft_calendar.desk import REP, TENANT, Desk
from microsoft_calendar.service import MicrosoftService
from microsoft_calendar.service_identity import GUID, SECRET, Consent

SCOPES = ("Calendars.ReadBasic", "User.Read")
TOKEN = "/token$"
DESCRIPTION = "/openid-configuration$"
DISCOVERY = "/discovery/instance$"


@pytest.fixture
def service() -> Iterator[MicrosoftService]:
    with MicrosoftService() as running:
        running.mailbox(REP)
        yield running


@pytest.fixture
def desk(service: MicrosoftService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = Desk(service, tmp_path)
    made.settle(monkeypatch)
    return made


@pytest.fixture
def kept(desk: Desk) -> str:
    """Return the secret of a sign-in whose access token is over."""
    return aged(desk.sign_in().secret or "")


def aged(secret: str) -> str:
    whole = json.loads(secret)
    cache = json.loads(whole["cache"])
    for entry in cache["AccessToken"].values():
        entry["expires_on"] = "1000000000"
    return json.dumps({**whole, "cache": json.dumps(cache)})


def changed(secret: str, **fields: object) -> str:
    whole = {**json.loads(secret), **fields}
    return json.dumps({name: value for name, value in whole.items() if value is not None})


def signed(desk: Desk, secret: str | None, saved: list[str] | None = None, **config: object) -> auth.Signed:
    keeps: list[str] = [] if saved is None else saved
    return auth.Signed(secret, REP, {**desk.config, **config}, keeps.append)


def token(desk: Desk, secret: str, saved: list[str] | None = None, **config: object) -> str:
    opened = signed(desk, secret, saved, **config)
    try:
        return opened.token()
    finally:
        opened.close()


def app(desk: Desk, client_secret: str | None = SECRET, certificate: auth.Certificate | None = None) -> str:
    door = auth.Door(GUID, desk.service.authority(TENANT), discovery=False)
    return auth.app_secret(door, client_secret, certificate, auth.everything(desk.config))


def edited(**changes: object) -> Fault:
    """Answer what is due with other values; None takes one away."""

    def reply(service: object, request: Request, due: Due) -> Reply:
        whole = due()
        body = {name: value for name, value in (json.loads(whole.body) | changes).items() if value is not None}
        return replace(whole, body=json.dumps(body).encode())

    return reply


def handed_out(service: MicrosoftService) -> list[str]:
    """Return everything secret that went over the wire, or that the service knows."""
    names = ("code", "code_verifier", "refresh_token", "client_secret", "client_assertion", "device_code")
    sent = [request.body[name] for request in service.requests for name in names if request.body.get(name)]
    state = service.sign_in
    return [*state.tokens, *state.refreshers, *state.codes, *state.devices, SECRET, *sent]


# The sign-in


def test_a_sign_in_uses_pkce_and_a_state_and_asks_for_the_least(desk: Desk, service: MicrosoftService) -> None:
    desk.sign_in()

    (asked,) = service.asked("/authorize$")
    assert asked.params["code_challenge_method"] == "S256"
    assert len(asked.params["state"]) >= 20
    assert {*SCOPES, "openid", "profile", "offline_access"} == set(asked.params["scope"].split())
    assert (asked.params["response_mode"], asked.params["prompt"]) == ("form_post", "select_account")
    (traded,) = service.asked(TOKEN)
    assert len(traded.body["code_verifier"]) >= 43


def test_without_discovery_nobody_else_is_asked(desk: Desk, service: MicrosoftService) -> None:
    desk.sign_in()

    assert len(service.asked(DESCRIPTION)) == 1
    assert not service.asked(DISCOVERY)


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        ("Calendars.ReadBasic", "Calendars.ReadBasic (without it no meeting can be read)"),
        ("User.Read", "User.Read (without it nobody knows whose calendar it is)"),
    ],
)
def test_a_permission_that_was_not_granted_is_named_with_what_it_costs(
    desk: Desk, service: MicrosoftService, scope: str, words: str
) -> None:
    service.consent = Consent(untick=(scope,))

    assert str(desk.refused(NeedsSignIn)) == f"not granted at the sign-in: {words}"


@pytest.mark.parametrize(
    "granted",
    [
        None,
        "https://graph.microsoft.com/calendars.readbasic https://graph.microsoft.com/user.read",
        "openid User.Read Calendars.Read",
    ],
)
def test_a_grant_may_be_said_in_other_words_or_be_more(
    desk: Desk, service: MicrosoftService, granted: str | None
) -> None:
    service.fault(edited(scope=granted), path=TOKEN)

    assert desk.sign_in().settings["scopes"].split() == list(SCOPES)


def test_an_abandoned_sign_in_ends_after_a_while(desk: Desk, service: MicrosoftService) -> None:
    service.consent = Consent(never=True)
    door = auth.Door(GUID, service.authority(), discovery=False)

    with pytest.raises(NeedsSignIn, match=r"^nobody signed in within 0 minutes$"):
        auth.sign_in(door, SCOPES, tell=desk.tell, browser=None, timeout=0.05)


def test_an_answer_to_another_sign_in_is_no_answer(desk: Desk, service: MicrosoftService) -> None:
    def another(service: object, request: Request, due: Due) -> Reply:
        whole = due()
        return replace(whole, body=whole.body.replace(request.params["state"].encode(), b"of-somebody-else"))

    service.fault(another, path="/authorize$")
    door = auth.Door(GUID, service.authority(), discovery=False)

    with pytest.raises(NeedsSignIn, match="nobody signed in"):
        auth.sign_in(door, SCOPES, tell=desk.tell, browser=None, timeout=0.5)
    assert not service.asked(TOKEN)


@pytest.mark.parametrize("device", [False, True])
def test_ctrl_c_calls_the_sign_in_off(desk: Desk, device: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(text: str) -> None:
        threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT)).start()
        threading.Event().wait(5)

    monkeypatch.setattr(desk, "tell", interrupt)

    assert str(desk.refused(NeedsSignIn, device_code=device)) == "the sign-in was called off"


def test_a_port_in_use_is_named(desk: Desk) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        error = desk.refused(InputError, port=str(port))

    assert str(error) == f"port {port} is in use"


def test_a_port_that_may_not_be_opened_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **more: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("msal.oauth2cli.AuthCodeReceiver", refuse)

    assert str(desk.refused(InputError, port="80")) == "port 80 cannot be used: Permission denied"


def test_a_chosen_port_is_where_the_answer_comes(desk: Desk, service: MicrosoftService) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    desk.sign_in(port=str(port))

    assert service.asked("/authorize$")[0].params["redirect_uri"] == f"http://localhost:{port}"
    assert f"ssh -L {port}:localhost:{port} this-machine" in desk.said


@pytest.mark.parametrize(
    ("code", "kind", "fact"),
    [
        (65004, NeedsSignIn, "the sign-in was refused"),
        (65001, NeedsSignIn, "an administrator has to allow the app before the account can sign in"),
        (
            53003,
            NeedsSignIn,
            "a rule of the organization (Conditional Access) does not allow this sign-in of the account",
        ),
        (50105, NeedsSignIn, "the account is not among the users of the app"),
        (50194, InputError, "the app is registered for one organization, and --tenant does not name it"),
        (999999, SourceError, "Microsoft refused the sign-in (invalid_request, AADSTS999999)"),
    ],
)
def test_what_the_browser_brings_back_is_a_fact(
    desk: Desk, service: MicrosoftService, code: int, kind: type[CalsignalError], fact: str
) -> None:
    sent = {"error": "invalid_request", "error_description": f"AADSTS{code}: Sample error. Trace ID: x"}

    def back(service: object, request: Request, due: Due) -> Reply:
        inputs = {**sent, "state": request.params["state"]}
        fields = "".join(f'<input name="{name}" value="{value}">' for name, value in inputs.items())
        form = f'<form method="POST" action="{request.params["redirect_uri"]}">{fields}</form>'
        return Reply(200, form.encode(), {"Content-Type": "text/html"})

    service.fault(back, path="/authorize$")

    assert str(desk.refused(kind)) == fact


@pytest.mark.parametrize(
    ("fault", "kind", "fact"),
    [
        (faults.token_error(700016), InputError, "Microsoft knows no app with this client id in the tenant common"),
        (faults.token_error(7000218), InputError, "the app is no public client, so nobody can sign in to it from here"),
        (faults.token_error(70000), NeedsSignIn, "the browser’s answer does not belong to this sign-in"),
        (
            faults.token_error(50076),
            NeedsSignIn,
            "Microsoft wants the account to sign in anew, with a second factor maybe",
        ),
        (faults.token_error(90033), Retriable, "127.0.0.1 cannot answer the sign-in now (status 400)"),
        (faults.unavailable(), Retriable, "127.0.0.1 cannot answer the sign-in now (status 503)"),
        (faults.html_page(), Retriable, "what 127.0.0.1 sends is no answer of a sign-in service (status 200)"),
        (faults.cut_json(), Retriable, "what 127.0.0.1 sends is no answer of a sign-in service (status 200)"),
        (faults.connection_reset(), Retriable, "127.0.0.1 cannot be reached"),
        (faults.redirect(), SourceError, "127.0.0.1 sends no answer but status 302"),
        (edited(expires_in="x"), SourceError, "the answer of the sign-in service cannot be read"),
        (edited(id_token="x"), SourceError, "the answer of the sign-in service cannot be read"),
        (edited(refresh_token=None), NeedsSignIn, "Microsoft gave nothing to keep of the sign-in"),
    ],
)
def test_a_token_endpoint_that_gives_none_is_a_fact(
    desk: Desk, service: MicrosoftService, fault: Fault, kind: type[CalsignalError], fact: str
) -> None:
    service.fault(fault, path=TOKEN)

    assert str(desk.refused(kind)) == fact


@pytest.mark.parametrize(
    ("fault", "kind", "fact"),
    [
        (edited(token_endpoint=None), SourceError, "the answer of the sign-in service cannot be read"),
        (
            edited(token_endpoint="http://127.0.0.1/common/oauth2/v2.0/token"),
            SourceError,
            "the answer of the sign-in service cannot be read",
        ),
        (faults.too_many(3), Retriable, "127.0.0.1 cannot answer the sign-in now (status 429)"),
    ],
)
def test_a_service_that_describes_itself_oddly_is_a_fact(
    desk: Desk, service: MicrosoftService, fault: Fault, kind: type[CalsignalError], fact: str
) -> None:
    service.fault(fault, path=DESCRIPTION)

    assert str(desk.refused(kind)) == fact
    assert not service.asked(TOKEN)


def test_a_tenant_that_is_not_known_is_named(desk: Desk) -> None:
    assert str(desk.refused(InputError, tenant="none.example")) == "Microsoft knows no tenant none.example"


def test_no_network_is_a_fact(desk: Desk) -> None:
    error = desk.fails(Retriable, {"authority": "https://127.0.0.1:9"}, no_browser=True)

    assert str(error) == "127.0.0.1 cannot be reached"


def test_a_service_that_is_silent_is_a_fact(
    desk: Desk, service: MicrosoftService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth, "_REQUEST_SECONDS", 0.1)
    service.fault(faults.slow(), path=TOKEN)

    assert str(desk.refused(Retriable)) == "127.0.0.1 does not answer in time"


def test_a_certificate_of_a_stranger_ends_the_sign_in(desk: Desk, service: MicrosoftService) -> None:
    service.wrong_certificate()

    error = desk.refused(SourceError)

    assert str(error) == "the certificate of 127.0.0.1 cannot be trusted"
    assert "REQUESTS_CA_BUNDLE" in error.hint


def test_a_file_of_certificates_that_is_not_there_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "none.pem")

    assert str(desk.refused(SourceError)) == "the file that REQUESTS_CA_BUNDLE names cannot be read"


def test_a_password_file_of_the_machine_is_left_alone(
    desk: Desk, service: MicrosoftService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETRC", desk.file("netrc", "machine 127.0.0.1 login me password sample"))

    desk.sign_in()

    assert service.asked("/me$")[0].headers["authorization"].startswith("Bearer ")
    assert "authorization" not in service.asked(TOKEN)[0].headers


# Discovery of the host


@pytest.fixture
def discovery(service: MicrosoftService, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the service stand for login.microsoftonline.com, which is asked about hosts."""
    monkeypatch.setattr("msal.authority.WORLD_WIDE", service.root.removeprefix("https://"))


def test_with_discovery_microsoft_is_asked_about_the_host(
    desk: Desk, service: MicrosoftService, discovery: None
) -> None:
    (found,) = desk.connect({"instance_discovery": True}, no_browser=True)

    assert token(desk, aged(found.secret or ""), instance_discovery=True)
    assert service.asked(DISCOVERY)


def test_a_host_that_microsoft_does_not_know_is_named(desk: Desk, service: MicrosoftService, discovery: None) -> None:
    service.sign_in.hosts = ()

    error = desk.fails(InputError, {"instance_discovery": True}, no_browser=True)

    assert str(error) == "Microsoft does not know the host of authority in [microsoft]"
    assert "instance_discovery = false" in error.hint


# A device


@pytest.mark.parametrize(
    ("consent", "kind", "fact"),
    [
        (Consent(never=True), NeedsSignIn, "nobody entered the code in time"),
        (Consent(refuse=True), NeedsSignIn, "the sign-in was refused"),
        (Consent(error=50105), NeedsSignIn, "the account is not among the users of the app"),
    ],
)
def test_a_code_that_leads_to_nothing_is_a_fact(
    desk: Desk, service: MicrosoftService, consent: Consent, kind: type[CalsignalError], fact: str
) -> None:
    service.consent = consent

    assert str(desk.fails(kind, device_code=True)) == fact


def test_a_device_is_asked_as_often_as_the_service_wants(desk: Desk, service: MicrosoftService) -> None:
    service.sign_in.interval = 5
    service.consent = Consent(pending=1, slow_down=1)

    desk.connect(device_code=True)

    assert desk.clock.naps == [5, 10]


def test_a_failure_that_passes_does_not_end_the_wait_for_a_device(desk: Desk, service: MicrosoftService) -> None:
    service.fault(faults.unavailable(), path=TOKEN)
    service.fault(faults.too_many(30), path=TOKEN)

    assert desk.connect(device_code=True)[0].mailbox == REP
    assert desk.clock.naps == [6, 30]


def test_an_app_that_takes_no_codes_is_told_how_to(desk: Desk, service: MicrosoftService) -> None:
    service.sign_in.app.public = False

    error = desk.fails(InputError, device_code=True)

    assert "Allow public client flows" in error.hint


def test_a_service_without_codes_says_why(desk: Desk, service: MicrosoftService) -> None:
    service.fault(faults.token_error(700016), path="/devicecode$")
    service.fault(edited(verification_uri=None), path="/devicecode$")

    assert str(desk.fails(InputError, device_code=True)).startswith("Microsoft knows no app")
    assert str(desk.fails(SourceError, device_code=True)) == "the answer of the sign-in service cannot be read"


def test_a_secret_goes_nowhere_in_clear(desk: Desk, service: MicrosoftService) -> None:
    service.fault(edited(device_authorization_endpoint="http://127.0.0.1/devicecode"), path=DESCRIPTION)

    assert str(desk.fails(SourceError, device_code=True)) == "127.0.0.1 would get secrets in clear"


# Tokens out of what was kept


def test_a_token_that_is_good_takes_no_request_at_all(desk: Desk, service: MicrosoftService) -> None:
    secret = desk.sign_in().secret or ""
    before, saved = len(service.requests), list[str]()

    assert token(desk, secret, saved) in service.sign_in.tokens
    assert (len(service.requests), saved) == (before, [])


def test_a_token_that_is_over_is_renewed_and_saved(desk: Desk, service: MicrosoftService, kept: str) -> None:
    saved: list[str] = []

    fresh = token(desk, kept, saved)

    assert service.asked(TOKEN)[-1].body["grant_type"] == "refresh_token"
    assert fresh in saved[0]
    assert token(desk, saved[0], saved) == fresh
    assert len(saved) == 1


def test_one_session_asks_once(desk: Desk, service: MicrosoftService, kept: str) -> None:
    opened = signed(desk, kept)

    assert opened.token() == opened.token()
    assert len(service.asked(TOKEN)) == 2
    opened.close()


def test_a_token_that_graph_did_not_take_is_renewed(desk: Desk, service: MicrosoftService) -> None:
    saved: list[str] = []
    opened = signed(desk, desk.sign_in().secret, saved)
    first = opened.token()

    opened.renew()

    assert opened.token() != first
    assert len(saved) == 1
    opened.close()


def test_a_service_that_ends_old_refresh_tokens_is_followed(desk: Desk, service: MicrosoftService, kept: str) -> None:
    service.sign_in.rotate = "replace"
    saved: list[str] = []

    token(desk, kept, saved)
    token(desk, aged(saved[-1]), saved)

    assert len(saved) == 2


def test_the_slower_of_two_syncs_saves_nothing_and_finds_the_other_s_the_next_time(
    desk: Desk, service: MicrosoftService, kept: str
) -> None:
    service.sign_in.rotate = "replace"
    vault = [kept]
    quick, slow = signed(desk, kept, vault), signed(desk, kept, vault)

    quick.token()
    with pytest.raises(NeedsSignIn):
        slow.token()

    assert len(vault) == 2
    assert token(desk, aged(vault[-1]), vault)
    quick.close()
    slow.close()


@dataclass
class Shared:
    """What is kept of an app that reads many mailboxes, and how often it was renewed."""

    secret: str
    saved: list[str] = field(default_factory=list)
    turn: threading.Lock = field(default_factory=threading.Lock)

    def save(self, secret: str) -> None:
        self.saved.append(secret)
        self.secret = secret

    @contextmanager
    def renewing(self) -> Iterator[str]:
        with self.turn:
            yield self.secret

    def open(self, desk: Desk) -> auth.Signed:
        return auth.Signed(self.secret, REP, desk.config, self.save, self.renewing)


def test_mailboxes_of_one_app_that_are_read_at_once_fetch_one_token_together(
    desk: Desk, service: MicrosoftService
) -> None:
    shared = Shared(app(desk))
    opened = [shared.open(desk) for _ in range(8)]

    with ThreadPoolExecutor(8) as pool:
        tokens = set(pool.map(auth.Signed.token, opened))

    for each in opened:
        each.close()
    assert len(service.asked("/token$")) == len(tokens) == len(shared.saved) == 1


def test_a_token_that_was_refused_is_not_taken_again_from_what_is_kept(desk: Desk, service: MicrosoftService) -> None:
    shared = Shared(app(desk))
    one, two, late = (shared.open(desk) for _ in range(3))
    refused = one.token()
    assert two.token() == refused

    one.renew()
    two.renew()
    fresh = one.token()

    assert fresh != refused
    assert two.token() == late.token() == fresh
    assert len(service.asked("/token$")) == 2
    for each in (one, two, late):
        each.close()


def test_what_is_kept_by_now_and_cannot_be_read_is_left_alone(desk: Desk, kept: str) -> None:
    shared = Shared(kept)
    opened = shared.open(desk)
    shared.secret = "no longer JSON"

    assert opened.token()
    opened.close()


def _sync(folder: Path, config: Mapping[str, object], rounds: int) -> None:
    """Read the vault and get a token, as a sync does, in a process of its own."""
    vault = FileVault(folder / "vault.json", folder / "vault.key")
    for _ in range(rounds):
        opened = auth.Signed(vault.get("rep"), REP, config, lambda secret: vault.set("rep", secret))
        opened.renew()
        assert opened.token()
        opened.close()


def test_two_processes_on_one_vault_leave_a_sign_in_that_works(
    desk: Desk, service: MicrosoftService, kept: str, tmp_path: Path
) -> None:
    vault = FileVault(tmp_path / "vault.json", tmp_path / "vault.key")
    vault.set("rep", kept)
    vault.set("other", "untouched")
    spawn = multiprocessing.get_context("spawn")
    both = [spawn.Process(target=_sync, args=(tmp_path, desk.config, 5)) for _ in range(2)]

    for process in both:
        process.start()
    for process in both:
        process.join(60)

    assert [process.exitcode for process in both] == [0, 0]
    assert token(desk, aged(vault.get("rep") or ""))
    assert vault.get("other") == "untouched"


@pytest.mark.parametrize(
    ("code", "name", "kind", "fact"),
    [
        (50173, None, NeedsSignIn, f"the sign-in of {REP} has ended"),
        (700082, None, NeedsSignIn, f"the sign-in of {REP} has ended"),
        (50076, None, NeedsSignIn, f"Microsoft wants {REP} to sign in anew, with a second factor maybe"),
        (65001, None, NeedsSignIn, f"an administrator has to allow the app before {REP} can sign in"),
        (700016, None, NeedsSignIn, "Microsoft knows no app with this client id in the tenant common"),
        (90033, "temporarily_unavailable", Retriable, "127.0.0.1 cannot answer the sign-in now (status 400)"),
        (999999, "sample_error", SourceError, "Microsoft refused the sign-in (sample_error, AADSTS999999)"),
    ],
)
def test_a_refused_renewal_is_a_fact_and_changes_nothing(
    desk: Desk, service: MicrosoftService, kept: str, code: int, name: str | None, kind: type[SourceError], fact: str
) -> None:
    service.fault(faults.token_error(code, name), path=TOKEN)
    saved: list[str] = []

    with pytest.raises(kind) as caught:
        token(desk, kept, saved)

    assert (type(caught.value), str(caught.value), saved) == (kind, fact, [])
    assert caught.value.hint


@pytest.mark.parametrize(
    "fault", [faults.unavailable(), faults.too_many(600), faults.html_page(), faults.token_error(50173)]
)
def test_a_failure_is_not_remembered_the_next_attempt_is_a_request(
    desk: Desk, service: MicrosoftService, kept: str, fault: Fault
) -> None:
    service.fault(fault, path=TOKEN)
    opened = signed(desk, kept)

    with pytest.raises(SourceError):
        opened.token()

    assert opened.token()
    assert len(service.asked(TOKEN)) == 3
    opened.close()


def test_a_failure_at_the_very_beginning_is_not_remembered_either(
    desk: Desk, service: MicrosoftService, kept: str
) -> None:
    service.fault(faults.unavailable(), path=DESCRIPTION)
    opened = signed(desk, kept)

    with pytest.raises(Retriable):
        opened.token()

    assert opened.token()
    opened.close()


def test_the_waiting_time_that_is_named_comes_with_the_failure(
    desk: Desk, service: MicrosoftService, kept: str
) -> None:
    service.fault(faults.too_many(7), path=TOKEN)

    with pytest.raises(Retriable) as caught:
        token(desk, kept)

    assert caught.value.retry_after == 7.0


@pytest.mark.parametrize(
    "secret", ["", "{", "[]", "{}", "null", '{"kind": "user"}', '{"kind": "sample", "client_id": "x"}']
)
def test_a_secret_that_cannot_be_read_needs_a_sign_in(desk: Desk, secret: str) -> None:
    with pytest.raises(NeedsSignIn, match=r"^what was kept of the sign-in of rep@ours.example cannot be read$"):
        signed(desk, secret)


def test_a_secret_that_is_gone_needs_a_sign_in(desk: Desk) -> None:
    with pytest.raises(NeedsSignIn, match=r"^the sign-in of rep@ours.example is not known any more$"):
        signed(desk, None)


def test_a_cache_without_an_account_or_a_refresh_token_needs_a_sign_in(desk: Desk, kept: str) -> None:
    cache = json.loads(json.loads(kept)["cache"])
    for lost in ("Account", "RefreshToken"):
        poor = json.dumps({name: rows for name, rows in cache.items() if name != lost})

        with pytest.raises(NeedsSignIn):
            token(desk, changed(kept, cache=poor))


# An app by itself


def test_an_app_s_token_is_kept_for_all_that_share_it(desk: Desk, service: MicrosoftService) -> None:
    saved: list[str] = []

    first = token(desk, app(desk), saved)
    second = token(desk, saved[-1], saved)

    assert first == second
    assert len(service.asked(TOKEN)) == 1
    assert signed(desk, saved[-1]).app_only
    assert not signed(desk, desk.sign_in().secret).app_only


def test_a_secret_of_the_environment_goes_before_a_kept_one(
    desk: Desk, service: MicrosoftService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(auth.SECRET_VARIABLE, f" {SECRET} ")

    assert token(desk, app(desk, "of-old"))
    assert service.asked(TOKEN)[0].body["client_secret"] == SECRET


def test_a_secret_that_is_nowhere_is_missed_by_name(desk: Desk) -> None:
    with pytest.raises(NeedsSignIn) as caught:
        token(desk, app(desk, None))

    assert str(caught.value) == f"the client secret of the app {GUID} is not known"
    assert auth.SECRET_VARIABLE in caught.value.hint


def test_a_certificate_goes_before_a_secret_of_the_environment(
    desk: Desk, service: MicrosoftService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(auth.SECRET_VARIABLE, "of-another-app")
    certificate = auth.read_certificate(Path(desk.certificate()))
    secret = app(desk, None, certificate)

    assert token(desk, secret)
    assert signed(desk, secret).certificate_ends == datetime(2099, 1, 1, tzinfo=UTC)
    assert signed(desk, app(desk)).certificate_ends is None


@pytest.mark.parametrize(
    ("prepare", "fact"),
    [
        ({"of-old": None}, "the client secret of the app is not the right one"),
        ({SECRET: datetime(2026, 2, 1, tzinfo=UTC)}, "the client secret of the app has expired"),
    ],
)
def test_why_a_secret_is_refused_is_told(
    desk: Desk, service: MicrosoftService, prepare: dict[str, datetime | None], fact: str
) -> None:
    service.sign_in.app.secrets = prepare

    with pytest.raises(NeedsSignIn) as caught:
        token(desk, app(desk))

    assert str(caught.value) == fact
    assert "Certificates & secrets" in caught.value.hint


def test_a_certificate_that_the_app_does_not_know_is_told(desk: Desk) -> None:
    certificate = auth.read_certificate(Path(desk.certificate(registered=False)))

    with pytest.raises(NeedsSignIn, match=r"^the app does not know the certificate, or it has expired$"):
        token(desk, app(desk, None, certificate))


def test_a_variable_that_names_a_region_leads_nowhere_else(
    desk: Desk, service: MicrosoftService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MSAL_FORCE_REGION", "westus")

    assert token(desk, app(desk))


# Files with certificates


def pem(days: float, key: Any = None, *, public: Any = None) -> str:  # noqa: ANN401 # keys of several kinds
    """Write a key and a certificate that ends so many days from now."""
    key = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sample")])
    end = datetime.now(UTC) + timedelta(days=days)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(public or key.public_key())
    builder = builder.serial_number(1).not_valid_before(end - timedelta(days=400)).not_valid_after(end)
    made = builder.sign(key, hashes.SHA256())
    plain = serialization.NoEncryption()
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return str(private + made.public_bytes(serialization.Encoding.PEM), "ascii")


def _locked() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    seal = serialization.BestAvailableEncryption(b"sample")
    return str(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, seal), "ascii")


def _alone() -> str:
    whole = pem(100)
    return whole[: whole.index("-----BEGIN CERT")]


def _foreign() -> str:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return pem(100, public=other.public_key())


@pytest.mark.parametrize(
    ("make", "fact"),
    [
        (lambda: "sample", "PATH holds no private key that can be used"),
        (lambda: pem(100, ec.generate_private_key(ec.SECP256R1())), "the key in PATH is no RSA key"),
        (_locked, "the key in PATH is protected by a passphrase"),
        (_alone, "PATH holds no certificate"),
        (_foreign, "the certificate in PATH belongs to another key"),
        (lambda: pem(-1), "the certificate in PATH expired on "),
    ],
)
def test_what_is_wrong_with_a_certificate_is_named(desk: Desk, make: Any, fact: str) -> None:  # noqa: ANN401
    path = desk.file("wrong.pem", make())

    error = desk.fails(InputError, app_only=True, tenant=TENANT, user=(REP,), certificate=path)

    assert str(error).startswith(fact.replace("PATH", path))


def test_a_file_that_is_not_there_is_named(desk: Desk) -> None:
    path = "~nobody-of-that-name/app.pem"

    error = desk.fails(InputError, app_only=True, tenant=TENANT, user=(REP,), certificate=path)

    assert str(error) == f"{path} cannot be read: No such file or directory"


def test_a_certificate_that_soon_expires_is_told_of(desk: Desk, service: MicrosoftService) -> None:
    text = pem(10)
    made = x509.load_pem_x509_certificate(text.encode())
    service.sign_in.app.certificates["sample"] = made

    desk.app_only(user=(REP,), certificate=desk.file("soon.pem", text))

    assert f"expires on {made.not_valid_after_utc:%Y-%m-%d}" in desk.told[0]


# Addresses


@pytest.mark.parametrize(
    ("config", "tenant", "found"),
    [
        ({}, "", "https://login.microsoftonline.com/common"),
        ({"tenant": "ours.example"}, "", "https://login.microsoftonline.com/ours.example"),
        ({"tenant": "ours.example"}, "other.example", "https://login.microsoftonline.com/other.example"),
        ({"authority": "https://a.example/ours.example/"}, "", "https://a.example/ours.example"),
        ({"authority": "https://a.example/ours.example", "tenant": "common"}, "", "https://a.example/ours.example"),
        (
            {"authority": "https://a.example/Ours.example", "tenant": "ours.example"},
            "",
            "https://a.example/ours.example",
        ),
        ({"authority": "https://a.example/ours.example"}, "other.example", "https://a.example/other.example"),
        ({"authority": "https://a.example:8443"}, "", "https://a.example:8443/common"),
    ],
)
def test_an_authority_comes_with_or_without_a_tenant(config: dict[str, object], tenant: str, found: str) -> None:
    assert auth.authority(config, tenant) == found
    assert auth.tenant_of(found) == found.rpartition("/")[2]


def test_two_tenants_in_one_config_are_refused() -> None:
    with pytest.raises(InputError, match=r"names the tenant one\.example, and tenant there names two\.example"):
        auth.authority({"authority": "https://a.example/one.example", "tenant": "two.example"})


@pytest.mark.parametrize(
    ("config", "root", "scope"),
    [
        ({}, "https://graph.microsoft.com/v1.0/", "User.Read"),
        ({"graph_url": "https://graph.microsoft.com/v1.0/"}, "https://graph.microsoft.com/v1.0/", "User.Read"),
        ({"graph_url": "https://gw.example/graph/"}, "https://gw.example/graph/v1.0/", "User.Read"),
        (
            {"authority": "https://login.microsoftonline.us", "graph_url": "https://graph.microsoft.com"},
            "https://graph.microsoft.us/v1.0/",
            "https://graph.microsoft.us/User.Read",
        ),
        (
            {"authority": "https://login.microsoftonline.us", "graph_url": "https://dod-graph.microsoft.us"},
            "https://dod-graph.microsoft.us/v1.0/",
            "https://dod-graph.microsoft.us/User.Read",
        ),
        (
            {"authority": "https://login.partner.microsoftonline.cn", "graph_url": "https://gw.example"},
            "https://gw.example/v1.0/",
            "https://microsoftgraph.chinacloudapi.cn/User.Read",
        ),
    ],
)
def test_each_cloud_has_its_own_graph(config: dict[str, object], root: str, scope: str) -> None:
    assert auth.endpoint(config) == root
    assert auth.permission("User.Read", config) == scope


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_a_mistake(text: str) -> None:
    for name, read in (("authority", auth.authority), ("graph_url", auth.endpoint)):
        with suppress(InputError):
            assert read({name: text}).startswith("https://")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "Sun, 01 Mar 2026 08:00:09 GMT", "Date": "Sun, 01 Mar 2026 08:00:00 GMT"}, 9.0),
        ({"Retry-After": "Sun, 01 Mar 2026 07:00:00 GMT", "Date": "Sun, 01 Mar 2026 08:00:00 GMT"}, 0.0),
        ({"Retry-After": "Sun, 01 Mar 2026 08:00:09 GMT"}, None),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_a_waiting_time_is_in_seconds_or_by_the_clock_of_the_service(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert auth.waiting_time(headers) == seconds


# Refusals in words


def test_every_number_that_is_known_is_known_once_and_has_a_next_step() -> None:
    numbers = [number for listed in refusals._NUMBERS.values() for number in listed.split()]

    assert len(numbers) == len(set(numbers))
    assert set(refusals._NUMBERS) <= set(refusals._MEANINGS)
    assert set(refusals._BY_WORD.values()) <= set(refusals._MEANINGS)
    for number in numbers:
        error = refusals.refusal({"error_codes": [int(number)]}, REP, TENANT)
        assert str(error)
        assert error.hint
        assert "{" not in str(error) + error.hint


@given(
    st.dictionaries(st.sampled_from(["error", "suberror", "error_codes", "error_description"]), st.text() | st.none())
)
def test_a_refusal_never_repeats_the_text_of_the_service(answer: dict[str, object]) -> None:
    answer["error_description"] = f"<secret text> {answer.get('error_description')}"

    error = refusals.refusal(answer)

    assert "<secret text>" not in str(error) + error.hint


@pytest.mark.parametrize(
    ("answer", "fact"),
    [
        ({"error": "x y z"}, "Microsoft refused the sign-in"),
        ({"error": "sample_error", "error_codes": "odd"}, "Microsoft refused the sign-in (sample_error)"),
        ({"error": "invalid_grant", "suberror": "consent_required"}, "an administrator has to allow the app before"),
        ({"error": "invalid_grant", "error_codes": [1, 50173]}, "the sign-in of rep@ours.example has ended"),
        ({"error": "access_denied", "error_description": "AADSTS50105: x"}, "rep@ours.example is not among the users"),
    ],
)
def test_the_finest_word_counts(answer: dict[str, object], fact: str) -> None:
    assert str(refusals.refusal(answer, REP)).startswith(fact)


# Secrets


@pytest.mark.parametrize("device", [False, True])
def test_nothing_secret_is_shown_or_logged(
    desk: Desk,
    service: MicrosoftService,
    device: bool,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    shown: list[str] = []
    with caplog.at_level("DEBUG"), caplog.at_level("DEBUG", "msal"), caplog.at_level("DEBUG", "urllib3"):
        (found,) = desk.connect(device_code=device, no_browser=not device)
        (team,) = desk.app_only(user=(REP,), certificate=desk.certificate())
        for secret in (found.secret or "", team.secret or ""):
            opened = signed(desk, secret)
            opened.renew()
            opened.token()
            shown += [repr(opened), repr(vars(opened)["_door"])]
            service.fault(lambda *_: Reply(200, b"<html>sample</html>"), path=TOKEN)
            service.fault(faults.token_error(50173), path=TOKEN)
            for _ in range(2):
                opened.renew()
                with pytest.raises(SourceError) as caught:
                    opened.token()
                shown += [repr(caught.value), caught.value.hint]
            opened.close()
        shown += [*desk.told, repr(found), repr(team)]

    printed = "\n".join([*shown, caplog.text, *capfd.readouterr()])
    assert len(handed_out(service)) > 8
    assert not [secret for secret in handed_out(service) if secret in printed]
    assert "PRIVATE KEY" not in printed
    assert repr(auth.SignedIn((REP,), SCOPES, "a-token", "a-secret")).count("a-") == 0


def test_the_libraries_are_not_loaded_before_they_are_needed() -> None:
    code = "import sys, calsignal_microsoft; calsignal_microsoft.provider.options; print(*sys.modules, sep=chr(10))"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    heavy = ("msal", "O365", "requests", "urllib3", "cryptography")
    assert not [name for name in loaded if name.partition(".")[0] in heavy]
