from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import requests
from google.auth.transport.requests import Request as Transport
from hypothesis import given
from hypothesis import strategies as st

from calsignal.errors import CalsignalError, InputError, NeedsSignIn, Retriable, SourceError
from calsignal_google import auth
from google_calendar import service_faults as faults
from google_calendar.desk import REP, Desk
from google_calendar.service import GoogleService
from google_calendar.service_faults import Fault, Reply, Request
from google_calendar.service_oauth import Consent

SCOPES = (auth.EVENTS, auth.OPENID, auth.EMAIL)


@pytest.fixture
def service() -> Iterator[GoogleService]:
    with GoogleService() as running:
        running.mailbox(REP)
        yield running


@pytest.fixture
def desk(service: GoogleService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")  # the service stands on plain http, on loopback
    return Desk(service, tmp_path)


def edited(**changed: object) -> Fault:
    """Answer what is due with other values; None takes one away."""

    def reply(service: GoogleService, request: Request, due: Callable[[], Reply]) -> Reply:
        whole = due()
        body = {name: value for name, value in (json.loads(whole.body) | changed).items() if value is not None}
        return replace(whole, body=json.dumps(body).encode())

    return reply


def identity(**claims: object) -> str:
    part = json.dumps({"aud": "sample-client.apps.service.example", "email": REP, **claims}).encode()
    return f"e30.{base64.urlsafe_b64encode(part).decode().rstrip('=')}.c2lnbg"


def refresh(secret: str, saved: list[str] | None = None, mailbox: str = REP) -> Any:  # noqa: ANN401
    kept_anew: list[str] = [] if saved is None else saved
    made = auth.credentials(secret, mailbox, kept_anew.append)
    with requests.Session() as session:
        made.refresh(Transport(session))  # type: ignore[no-untyped-call]
    return made


def kept(service: GoogleService, **changed: object) -> str:
    """Return the secret of a sign-in whose access token is over."""
    access, again = service.sign_in.issue(REP, *SCOPES)
    client = service.client_secrets()["installed"]
    secret = {"kind": "user", "token": access, "refresh_token": again, "token_uri": client["token_uri"]}
    secret |= {"client_id": client["client_id"], "client_secret": client["client_secret"], "scopes": SCOPES}
    return json.dumps(secret | {"expiry": "2026-03-01T08:00:00+00:00"} | changed)


def handed_out(service: GoogleService) -> list[str]:
    """Return everything secret that the service knows."""
    sign_in = service.sign_in
    key = service.service_account_key()["private_key"].splitlines()[1]
    return [*sign_in.tokens, *sign_in.refreshers, *sign_in.codes, sign_in.client_secret, key]


# The sign-in


def test_a_sign_in_uses_pkce_and_a_state_and_asks_for_the_least(desk: Desk, service: GoogleService) -> None:
    desk.sign_in()

    (asked,) = service.asked("/auth$")
    assert asked.params["code_challenge_method"] == "S256"
    assert len(asked.params["state"]) >= 20
    assert asked.params["scope"].split() == list(SCOPES)
    assert asked.params["access_type"] == "offline"
    (traded,) = service.asked("/token$")
    assert len(traded.body["code_verifier"]) >= 43


def test_what_is_kept_can_be_refreshed_at_the_address_of_the_client_file(desk: Desk, service: GoogleService) -> None:
    secret = desk.sign_in().secret or ""

    refresh(secret)

    assert json.loads(secret)["token_uri"] == f"{service.root}/token"
    assert service.asked("/token$")[-1].body["grant_type"] == "refresh_token"


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        (auth.EVENTS, "“See the events on Google calendars you own” (without it no meeting can be read)"),
        (auth.EMAIL, "“See your primary Google Account email address” (without it nobody knows whose calendar it is)"),
    ],
)
def test_a_box_that_was_left_empty_is_named_with_what_it_costs(
    desk: Desk, service: GoogleService, scope: str, words: str
) -> None:
    service.consent = Consent(untick=(scope,))

    error = desk.refused(NeedsSignIn)

    assert str(error) == f"not allowed at the sign-in: {words}"


def test_the_short_name_of_a_scope_is_not_taken_for_an_empty_box(desk: Desk, service: GoogleService) -> None:
    service.fault(edited(scope=f"email openid {auth.EVENTS} https://sample.example/more"), path="/token$")

    assert desk.sign_in().settings["scopes"].split() == list(SCOPES)


def test_an_answer_without_scopes_grants_what_was_asked(desk: Desk, service: GoogleService) -> None:
    service.fault(edited(scope=None), path="/token$")

    assert desk.sign_in().settings["scopes"].split() == list(SCOPES)


def test_a_refused_sign_in_says_so(desk: Desk, service: GoogleService) -> None:
    service.consent = Consent(refuse=True)

    assert str(desk.refused(NeedsSignIn)) == "the sign-in was refused"


def test_an_abandoned_sign_in_ends_after_a_while(desk: Desk, service: GoogleService) -> None:
    service.consent = Consent(never=True)
    client = auth.read_client(Path(desk.client()))

    with pytest.raises(NeedsSignIn, match=r"^nobody signed in within 0 minutes$"):
        auth.sign_in(client, SCOPES, tell=desk.tell, browser=None, timeout=0.05)


def test_ctrl_c_calls_the_sign_in_off(desk: Desk, service: GoogleService) -> None:
    def interrupt(url: str) -> None:
        threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGINT)).start()

    client = auth.read_client(Path(desk.client()))

    with pytest.raises(NeedsSignIn, match=r"^the sign-in was called off$"):
        auth.sign_in(client, SCOPES, tell=desk.tell, browser=interrupt)


def test_a_port_in_use_is_named(desk: Desk) -> None:
    with socket.create_server(("localhost", 0)) as taken:
        port = taken.getsockname()[1]

        error = desk.refused(InputError, port=str(port))

    assert str(error) == f"port {port} is in use"


def test_a_port_that_may_not_be_opened_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **more: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("wsgiref.simple_server.make_server", refuse)

    assert str(desk.refused(InputError, port="80")) == "port 80 cannot be used: Permission denied"


def test_a_chosen_port_is_where_the_answer_comes(desk: Desk, service: GoogleService) -> None:
    with socket.create_server(("localhost", 0)) as free:
        port = free.getsockname()[1]

    desk.sign_in(port=str(port))

    assert service.asked("/auth$")[0].params["redirect_uri"] == f"http://localhost:{port}/"
    assert f"ssh -L {port}:localhost:{port} this-machine" in desk.said


def test_an_answer_to_another_sign_in_is_refused(desk: Desk, service: GoogleService) -> None:
    service.fault(lambda service, request, due: elsewhere(due(), "state=", "state=5"), path="/auth$")

    assert str(desk.refused(NeedsSignIn)) == "the browser’s answer does not belong to this sign-in"
    assert not service.asked("/token$")


def elsewhere(reply: Reply, old: str, new: str) -> Reply:
    return replace(reply, headers={"Location": reply.headers["Location"].replace(old, new)})


@pytest.mark.parametrize(
    ("code", "kind", "fact"),
    [
        ("invalid_client", InputError, "Google does not know this client, or its secret is another one"),
        ("admin_policy_enforced", NeedsSignIn, "an administrator does not allow this app to read the calendar"),
        ("invalid_grant", NeedsSignIn, "the browser’s answer does not belong to this sign-in"),
        ("sample_error", SourceError, "Google refused the sign-in (sample_error)"),
        ("<b>not a code</b>", SourceError, "Google refused the sign-in"),
    ],
)
def test_a_refusal_of_the_token_endpoint_is_a_fact(
    desk: Desk, service: GoogleService, code: str, kind: type[CalsignalError], fact: str
) -> None:
    service.fault(faults.oauth_error(code), path="/token$")

    assert str(desk.refused(kind)) == fact


def test_a_wrong_client_secret_is_a_mistake_in_the_file(desk: Desk) -> None:
    error = desk.fails(InputError, client_secrets=desk.client(client_secret="s3cret-of-old"), no_browser=True)

    assert str(error) == "Google does not know this client, or its secret is another one"
    assert "s3cret" not in error.hint


@pytest.mark.parametrize(
    "fault", [faults.html_page(), faults.cut_json(), edited(expires_in=None), edited(expires_in="x")]
)
def test_an_answer_that_is_none_says_so(desk: Desk, service: GoogleService, fault: Fault) -> None:
    service.fault(fault, path="/token$")

    assert str(desk.refused(SourceError)) == "Google’s answer to the sign-in cannot be read"


def test_no_network_is_a_fact(desk: Desk) -> None:
    error = desk.fails(Retriable, client_secrets=desk.client(token_uri="http://127.0.0.1:9/token"), no_browser=True)

    assert str(error) == "127.0.0.1 cannot be reached"


@pytest.mark.parametrize(
    ("changed", "fact"),
    [
        ({"id_token": None}, "Google did not say whose calendar this is"),
        ({"id_token": "no.token"}, "Google did not say whose calendar this is"),
        ({"id_token": identity(email=None)}, "Google has not verified the address of this account"),
        ({"id_token": identity(email_verified=False)}, "Google has not verified the address of this account"),
        ({"id_token": identity(aud=["another.example"])}, "Google’s answer was meant for another app"),
        ({"refresh_token": None}, "Google gave nothing to keep of the sign-in"),
    ],
)
def test_an_answer_that_names_nobody_is_refused(
    desk: Desk, service: GoogleService, changed: dict[str, object], fact: str
) -> None:
    service.fault(edited(**changed), path="/token$")

    assert str(desk.refused(NeedsSignIn)) == fact


def test_the_mailbox_is_in_lower_case(desk: Desk, service: GoogleService) -> None:
    service.fault(edited(id_token=identity(email="Rep@Ours.Example", email_verified=True)), path="/token$")

    assert desk.sign_in().name == "google:rep@ours.example"


def test_plain_http_to_another_machine_is_refused_before_anything_is_sent(desk: Desk) -> None:
    for name in ("auth_uri", "token_uri"):
        for url in ("http://gateway.example/x", "ftp://gateway.example", "/token", "http://[1", "http:///x"):
            error = desk.fails(InputError, client_secrets=desk.client(**{name: url}), no_browser=True)

            assert str(error) == f"{name} in {desk.folder}/client.json is no https:// address"
    assert not desk.told


def test_the_library_has_the_last_word_on_plain_http(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OAUTHLIB_INSECURE_TRANSPORT")

    assert str(desk.refused(InputError)) == "the token_uri of the client file is no https:// address"


# Files


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        ({"web": {}}, "is the client file of a web app, not the client file of a desktop app"),
        ({"type": "service_account"}, "is the key of a service account, not the client file of a desktop app"),
        ({"type": "authorized_user"}, "is a user’s own login, as gcloud keeps, not the client file of a desktop app"),
        ({}, "is an unknown kind of file, not the client file of a desktop app"),
        ([], "is an unknown kind of file, not the client file of a desktop app"),
        ("client_id = 1", "is no JSON file"),
        ({"installed": {"client_id": "x", "auth_uri": "https://x.example"}}, "lacks client_secret, token_uri"),
    ],
)
def test_the_kind_of_a_wrong_client_file_is_named(desk: Desk, content: object, fact: str) -> None:
    path = desk.file("wrong.json", content)

    assert str(desk.fails(InputError, client_secrets=path)) == f"{path} {fact}"


@pytest.mark.parametrize(
    ("changed", "fact"),
    [
        ({"type": "authorized_user"}, "is a user’s own login, as gcloud keeps, not the key of a service account"),
        ({"private_key": ""}, "lacks private_key"),
        ({"token_uri": "http://gateway.example/token"}, "token_uri in PATH is no https:// address"),
        ({"private_key": "s3cret"}, "the private key in PATH cannot be used"),
    ],
)
def test_what_is_wrong_with_a_key_is_named(desk: Desk, changed: dict[str, str], fact: str) -> None:
    path = desk.key(**changed)

    error = desk.fails(InputError, service_account=path, **{"as": (REP,)})

    assert str(error) == (fact.replace("PATH", path) if "PATH" in fact else f"{path} {fact}")
    assert "s3cret" not in str(error) + error.hint


def test_a_file_that_is_not_there_is_named(desk: Desk) -> None:
    error = desk.fails(InputError, client_secrets=str(desk.folder / "none.json"))

    assert str(error) == f"{desk.folder}/none.json cannot be read: No such file or directory"


@given(
    st.recursive(st.none() | st.text() | st.integers(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=5)
)
def test_any_json_is_a_client_file_or_a_mistake(content: object) -> None:
    class Typed(type(Path())):  # type: ignore[misc] # a path whose file needs no disk
        def open(self, *args: object, **more: object) -> Any:  # noqa: ANN401
            return BytesIO(json.dumps({"installed": content}).encode())

    with pytest.raises(InputError):
        auth.read_client(Typed("client.json"))


# Credentials out of what was kept


def test_a_refreshed_token_is_saved(service: GoogleService) -> None:
    saved: list[str] = []

    made = refresh(kept(service), saved)

    assert json.loads(saved[0])["token"] == made.token
    assert made.token in service.sign_in.tokens
    assert json.loads(saved[0])["token_uri"] == f"{service.root}/token"


def test_a_new_refresh_token_is_saved_and_good_for_the_next_time(service: GoogleService) -> None:
    service.sign_in.rotate = True
    saved: list[str] = []

    refresh(kept(service), saved)
    refresh(saved[0], saved)

    assert len({json.loads(each)["refresh_token"] for each in saved}) == 2


@pytest.mark.parametrize(("minutes", "valid"), [(30, True), (-30, False)])
@pytest.mark.parametrize("hours", [0, 5, -8])
def test_an_expiry_is_a_moment_whatever_its_offset(
    service: GoogleService, minutes: int, valid: bool, hours: int
) -> None:
    until = datetime.now(timezone(timedelta(hours=hours))) + timedelta(minutes=minutes)

    assert auth.credentials(kept(service, expiry=until.isoformat()), REP, print).valid is valid


def test_a_secret_without_an_expiry_is_used_as_it_is(service: GoogleService) -> None:
    assert auth.credentials(kept(service, expiry=None), REP, print).valid


@pytest.mark.parametrize(
    "secret", ["", "{", "[]", "{}", '{"kind": "sample"}', '{"kind": "user"}', '{"kind": "service_account"}']
)
def test_a_secret_that_cannot_be_read_needs_a_sign_in(secret: str) -> None:
    with pytest.raises(NeedsSignIn, match=r"^what was kept of the sign-in of rep@ours.example cannot be read$"):
        auth.credentials(secret, REP, print)


@pytest.mark.parametrize(
    ("code", "kind", "fact"),
    [
        ("invalid_grant", NeedsSignIn, "the sign-in of rep@ours.example has ended"),
        ("deleted_client", NeedsSignIn, "Google no longer knows the app that rep@ours.example signed in with"),
        (
            "admin_policy_enforced",
            NeedsSignIn,
            "an administrator no longer allows this app to read the calendar of rep@ours.example",
        ),
        ("sample_error", SourceError, "Google refused to renew the sign-in of rep@ours.example (sample_error)"),
    ],
)
def test_a_refused_refresh_is_a_fact(service: GoogleService, code: str, kind: type[SourceError], fact: str) -> None:
    service.fault(faults.oauth_error(code), path="/token$")

    with pytest.raises(kind) as caught:
        refresh(kept(service))

    assert (type(caught.value), str(caught.value)) == (kind, fact)
    assert caught.value.hint


def test_a_company_that_wants_a_fresh_sign_in_gets_one(service: GoogleService) -> None:
    body = {"error": "invalid_grant", "error_subtype": "invalid_rapt", "error_description": "reauth related error"}
    service.fault(lambda service, request, due: faults.answer(body, 400), path="/token$")

    with pytest.raises(NeedsSignIn, match="has ended"):
        refresh(kept(service))


@pytest.mark.parametrize("fault", [faults.unavailable(), faults.html_page(), faults.cut_json(), faults.too_many()])
def test_a_token_endpoint_that_fails_for_now_is_asked_once(service: GoogleService, fault: Fault) -> None:
    service.fault(fault, times=9, path="/token$")

    with pytest.raises(Retriable, match=r"^127.0.0.1 gives no token at present"):
        refresh(kept(service))

    assert len(service.asked("/token$")) == 1


def test_a_token_endpoint_out_of_reach_can_be_tried_again(service: GoogleService) -> None:
    with pytest.raises(Retriable, match=r"^127.0.0.1 cannot be reached$"):
        refresh(kept(service, token_uri="http://127.0.0.1:9/token"))


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "Sun, 01 Mar 2026 08:00:09 GMT", "date": "Sun, 01 Mar 2026 08:00:00 GMT"}, 9.0),
        ({"retry-after": "Sun, 01 Mar 2026 07:00:00 GMT", "date": "Sun, 01 Mar 2026 08:00:00 GMT"}, 0.0),
        ({"retry-after": "Sun, 01 Mar 2026 08:00:09 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_a_waiting_time_is_in_seconds_or_by_the_clock_of_the_service(
    headers: dict[str, str], seconds: float | None
) -> None:
    assert auth.waiting_time(headers) == seconds


# Secrets


def test_nothing_secret_is_shown_or_logged(
    desk: Desk, service: GoogleService, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level("DEBUG"), caplog.at_level("DEBUG", "requests_oauthlib"), caplog.at_level("DEBUG", "google"):
        found = desk.sign_in()
        shown = [*desk.told, found.name, repr(found.settings), repr(auth.read_client(Path(desk.client())))]
        shown.append(repr(auth.read_key(Path(desk.key()))))
        shown.append(repr(refresh(found.secret or "")))
        service.revoke()
        with pytest.raises(NeedsSignIn) as caught:
            refresh(found.secret or "")
        shown += [repr(caught.value), caught.value.hint]
        secrets = [*handed_out(service), json.loads(found.secret or "")["refresh_token"]]

    printed = "\n".join([*shown, caplog.text, *capsys.readouterr()])
    assert not [secret for secret in secrets if secret in printed]


def test_the_libraries_of_google_are_not_loaded_before_they_are_needed() -> None:
    code = "import sys, calsignal_google; calsignal_google.provider.options; print(*sys.modules, sep=chr(10))"

    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()

    heavy = ("google", "googleapiclient", "google_auth_oauthlib", "oauthlib", "requests", "httplib2", "cryptography")
    assert not [name for name in loaded if name.partition(".")[0] in heavy]


def test_the_key_of_a_service_account_is_read_once_for_all_its_mailboxes(service: GoogleService, desk: Desk) -> None:
    secret = auth.read_key(Path(desk.key())).secret()

    made = (auth.credentials(secret, mailbox, auth._forget) for mailbox in (REP, "sam@ours.example"))
    rep, sam = (vars(one) for one in made)

    assert rep["_signer"] is sam["_signer"]
    assert (rep["_subject"], sam["_subject"]) == (REP, "sam@ours.example")
    assert rep["_scopes"] == [auth.EVENTS]
