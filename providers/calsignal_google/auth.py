"""Signing in to Google, and credentials out of what was kept of it.

The libraries of Google are loaded inside the functions that use them: they take longer than a whole command without
them. What they log on the way holds tokens, so `quiet` comes first everywhere.
"""

from __future__ import annotations

import base64
import binascii
import errno
import ipaddress
import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from calsignal.errors import InputError, NeedsSignIn, Retriable, SourceError

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

_AUTH = "https://www.googleapis.com/auth/"
EVENTS = f"{_AUTH}calendar.events.owned.readonly"
CALENDAR_LIST = f"{_AUTH}calendar.calendarlist.readonly"
OPENID = "openid"
EMAIL = f"{_AUTH}userinfo.email"
DIRECTORY_USERS = f"{_AUTH}admin.directory.user.readonly"
DIRECTORY_MEMBERS = f"{_AUTH}admin.directory.group.member.readonly"

_ALIASES = {"email": EMAIL}
WORTH = {
    EVENTS: ("See the events on Google calendars you own", "no meeting can be read"),
    CALENDAR_LIST: ("See the list of Google calendars you’re subscribed to", "--calendar cannot choose one"),
    EMAIL: ("See your primary Google Account email address", "nobody knows whose calendar it is"),
    OPENID: ("Associate you with your personal info on Google", "nobody knows whose calendar it is"),
}
"""The words beside the boxes of Google's page, and what goes without each."""

SIGN_IN_SECONDS = 300.0
_REQUEST_SECONDS = 60.0
_FILE_BYTES = 1_000_000
_DONE = "calsignal has the answer: the terminal says how it went. You may close this window."
_DOWNLOAD = "make a client, and download its JSON: console.cloud.google.com, Google Auth platform > Clients"
_NEW_KEY = "make a key: IAM & Admin > Service Accounts > your account > Keys > Add key > Create new key, JSON"
_AGAIN = (
    "run `calsignal connect google` again as that user; if this happens every 7 days, the app is in Testing: "
    "make its audience Internal (docs/google.md)"
)
_TALKATIVE = frozenset(
    "google google_auth_httplib2 google_auth_oauthlib googleapiclient httplib2"
    " oauthlib requests_oauthlib urllib3".split()
)
DELEGATION = "Security > Access and data control > API controls > Manage Domain Wide Delegation"


class NotDelegated(NeedsSignIn):
    """The administrator did not let the service account act for the users of the company, or not with these scopes."""


def quiet() -> None:
    """Silence the libraries: at DEBUG they log tokens and codes, and what matters we say ourselves.

    A logger that was set to a level of its own does not heed the one above it.
    """
    known = [name for name in list(logging.root.manager.loggerDict) if name.partition(".")[0] in _TALKATIVE]
    for name in {*_TALKATIVE, *known}:
        logging.getLogger(name).setLevel(logging.CRITICAL)


# --- files that Google's consoles hand out ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Client:
    """The desktop app that people sign in to. `auth_uri` and `token_uri` may lead to a private gateway."""

    client_id: str
    client_secret: str = field(repr=False)
    auth_uri: str
    token_uri: str


@dataclass(frozen=True)
class Key:
    """The key of a service account; `client_id` is the number that an administrator authorises."""

    client_email: str
    client_id: str
    content: Mapping[str, str] = field(repr=False)

    def secret(self, scopes: Sequence[str] = ()) -> str:
        """Return what `credentials` takes; without `scopes` it reads events and nothing else."""
        more = {"scopes": list(scopes)} if scopes else {}
        return json.dumps({"kind": "service_account", "key": dict(self.content), **more})


def read_client(path: Path) -> Client:
    """Read the client file of a desktop app.

    Raises:
        InputError: it is another kind of file, incomplete, or names an unsafe address.
    """
    content = _content(path, _DOWNLOAD)
    part = content.get("installed")
    if not isinstance(part, dict):
        raise InputError(
            f"{path} is {_kind(content)}, not the client file of a desktop app",
            f"{_DOWNLOAD} > Create client, with Application type Desktop app",
        )
    found = _strings(path, part, ("client_id", "client_secret", "auth_uri", "token_uri"), _DOWNLOAD)
    for name in ("auth_uri", "token_uri"):
        check_address(found[name], f"{name} in {path}")
    return Client(**found)


def read_key(path: Path) -> Key:
    """Read the key of a service account.

    Raises:
        InputError: it is another kind of file, incomplete, or names an unsafe address.
    """
    content = _content(path, _NEW_KEY)
    if content.get("type") != "service_account":
        raise InputError(
            f"{path} is {_kind(content)}, not the key of a service account",
            _NEW_KEY,
        )
    found = _strings(path, content, ("client_email", "client_id", "private_key", "token_uri"), _NEW_KEY)
    check_address(found["token_uri"], f"token_uri in {path}")
    key = Key(found["client_email"], found["client_id"], {"type": "service_account", **found})
    try:
        credentials(key.secret(), "", _forget)
    except NeedsSignIn:
        raise InputError(f"the private key in {path} cannot be used", "make a new key, and give its file") from None
    return key


def _forget(secret: str) -> None:
    """Keep nothing: what was refreshed on the way serves this run only."""


def _content(path: Path, hint: str) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(_FILE_BYTES))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", "check the path and its permissions") from None
    except ValueError:  # JSON and UTF-8 alike; the error itself would quote the file
        raise InputError(f"{path} is no JSON file", hint) from None
    return content if isinstance(content, dict) else {}


def _kind(content: Mapping[str, Any]) -> str:
    """Say in words what kind of Google's files this is."""
    if "installed" in content:
        return "the client file of a desktop app"
    if "web" in content:
        return "the client file of a web app"
    kinds = {
        "service_account": "the key of a service account",
        "authorized_user": "a user’s own login, as gcloud keeps",
    }
    return kinds.get(str(content.get("type")), "an unknown kind of file")


def _strings(path: Path, content: Mapping[str, Any], names: Sequence[str], hint: str) -> dict[str, str]:
    found = {name: content.get(name) for name in names}
    lacking = [name for name, value in found.items() if not isinstance(value, str) or not value]
    if lacking:
        raise InputError(f"{path} lacks {', '.join(lacking)}", hint)
    return {name: str(value) for name, value in found.items()}


def check_address(url: str, what: str) -> None:
    """Refuse an address that tokens must not be sent to: plain http leaves this machine readable for all.

    Raises:
        InputError: it is neither https nor http to this machine.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        host = ""
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))):
        raise InputError(f"{what} is no https:// address", "give the address as the service documents it")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


# --- a person signs in ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SignedIn:
    """Who signed in, what was granted of the scopes asked for, and the secret to keep."""

    mailbox: str
    scopes: tuple[str, ...]
    secret: str = field(repr=False)


def sign_in(
    client: Client,
    scopes: Sequence[str],
    *,
    tell: Callable[[str], None],
    browser: Callable[[str], object] | None,
    port: int = 0,
    timeout: float = SIGN_IN_SECONDS,
) -> SignedIn:
    """Let a person sign in, in a browser on this machine (RFC 8252 section 7.3, with PKCE, RFC 7636).

    Args:
        client: the desktop app.
        scopes: what to ask for.
        tell: prints a message.
        browser: opens an address; None leaves that to the person.
        port: where the answer is awaited on this machine; 0 finds a free one.
        timeout: how long to wait, in seconds.

    Raises:
        NeedsSignIn: it was refused, abandoned, called off, or not everything was granted.
        InputError: the port or the client cannot be used.
        SourceError: Google cannot be reached or understood.
    """
    quiet()
    with _sign_in_problems(client, port, timeout):
        got = _granted(_flow(client, scopes, tell, browser), port, timeout)
        _insist(scopes, {_ALIASES.get(scope, scope) for scope in _words(got.granted_scopes or scopes)})
        mailbox = _mailbox(got.id_token, client.client_id)
    if not got.refresh_token:
        raise NeedsSignIn("Google gave nothing to keep of the sign-in", "run the command again, and allow everything")
    return SignedIn(mailbox, tuple(scopes), _kept(got))


def _flow(client: Client, scopes: Sequence[str], tell: Callable[[str], None], browser: Any) -> Any:  # noqa: ANN401
    """Return the library's flow, which tells where to sign in the moment that it knows."""
    from google_auth_oauthlib.flow import InstalledAppFlow  # type: ignore[import-untyped]

    config = {name: getattr(client, name) for name in ("client_id", "client_secret", "auth_uri", "token_uri")}
    flow = InstalledAppFlow.from_client_config({"installed": config}, list(scopes))
    address, fetch = flow.authorization_url, flow.fetch_token

    def announced(**more: str) -> tuple[str, str]:
        url, state = address(**more)
        _announce(url, flow.redirect_uri, tell, browser)
        return url, state

    flow.authorization_url = announced
    flow.fetch_token = lambda **more: fetch(timeout=_REQUEST_SECONDS, **more)  # the library would wait for ever
    return flow


def _announce(url: str, back: str, tell: Callable[[str], None], browser: Callable[[str], object] | None) -> None:
    if browser is not None:
        tell("sign in to Google in the window of the browser that opens now; if none does, open this address:")
        tell(url)
        browser(url)
        return
    port = urlsplit(back).port
    tell("open this address in a browser on this machine, and sign in to Google:")
    tell(url)
    tell(f"from another machine, let its browser reach this one first: ssh -L {port}:localhost:{port} this-machine")


def _granted(flow: Any, port: int, timeout: float) -> Any:  # noqa: ANN401
    """Wait for the answer, and trade it for tokens."""
    try:
        # the library would print its own prompt on stdout
        return flow.run_local_server(
            port=port,
            authorization_prompt_message=None,
            success_message=_DONE,
            open_browser=False,
            timeout_seconds=timeout,
            prompt="consent",  # else a second sign-in brings no refresh token, and boxes once left empty stay so
        )
    except Warning as changed:
        # oauthlib's way to say that the scopes are others than asked for; which ones matter is decided by us
        if not isinstance(token := getattr(changed, "token", None), dict):
            raise
        flow.oauth2session.token = token
        return flow.credentials


def _words(scopes: str | Sequence[str]) -> Sequence[str]:
    return scopes.split() if isinstance(scopes, str) else scopes


def _insist(asked: Sequence[str], granted: set[str]) -> None:
    """Name every box that was left empty."""
    missing = [WORTH.get(scope, (scope, "this cannot be read")) for scope in asked if scope not in granted]
    if missing:
        named = "; ".join(f"“{words}” (without it {cost})" for words, cost in missing)
        raise NeedsSignIn(f"not allowed at the sign-in: {named}", "run the command again, and leave every box ticked")


def _mailbox(id_token: str | None, client_id: str) -> str:
    """Read whose mailbox it is out of the ID token.

    It came straight from the token endpoint over a connection that is trusted, so its signature need not be checked:
    OpenID Connect Core 1.0 section 3.1.3.7, rule 6. That it is meant for this client (rule 3) is.
    """
    try:
        part = (id_token or "").split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
        audience, email, verified = claims["aud"], claims["email"], claims.get("email_verified", True)
    except (IndexError, KeyError, TypeError, AttributeError, ValueError, binascii.Error):
        raise NeedsSignIn("Google did not say whose calendar this is", "run the command again") from None
    if client_id not in (audience if isinstance(audience, list) else [audience]):
        raise NeedsSignIn("Google’s answer was meant for another app", "run the command again")
    if verified not in (True, "true") or not re.fullmatch(r"[^\s@]+@[^\s@]+", str(email)):
        raise NeedsSignIn("Google has not verified the address of this account", "verify it there, then sign in again")
    return str(email).lower()


@contextmanager
def _sign_in_problems(client: Client, port: int, timeout: float) -> Iterator[None]:
    """Turn what goes wrong at a sign-in into facts; the library's own errors can hold codes and tokens."""
    import requests
    from oauthlib.oauth2 import OAuth2Error  # type: ignore[import-untyped]

    again = "run the command again when you are ready"
    try:
        yield
    except KeyboardInterrupt:
        raise NeedsSignIn("the sign-in was called off", again) from None
    except AttributeError:  # the library's WSGITimeoutError is one, and so is what older releases raise
        raise NeedsSignIn(
            f"nobody signed in within {timeout / 60:.0f} minutes",
            f"{again}; if Google showed an error instead of a question, docs/google.md tells what it means",
        ) from None
    except OAuth2Error as error:
        raise _refusal(str(error.error)) from None
    except requests.RequestException:
        raise _unreachable(client.token_uri) from None
    except OSError as error:
        why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
        raise InputError(f"port {port} {why}", "give another --port, or none: a free one is found") from None
    except (KeyError, ValueError, TypeError, Warning):  # an answer that is none of OAuth 2.0
        raise _unreadable() from None


def _refusal(code: str) -> SourceError | InputError:
    """Say what an error code of OAuth 2.0 means (RFC 6749 sections 4.1.2.1 and 5.2)."""
    if code == "access_denied":
        return NeedsSignIn("the sign-in was refused", "run the command again, and press Allow")
    if code in {"admin_policy_enforced", "org_internal"}:
        return NeedsSignIn(
            "an administrator does not allow this app to read the calendar",
            "ask for it: Admin console, Security > Access and data control > API controls",
        )
    if code in {"invalid_client", "unauthorized_client", "deleted_client", "disabled_client"}:
        return InputError("Google does not know this client, or its secret is another one", _DOWNLOAD)
    if code == "insecure_transport":
        return InputError("the token_uri of the client file is no https:// address", _DOWNLOAD)
    if code in {"mismatching_state", "missing_code", "invalid_grant"}:
        return NeedsSignIn("the browser’s answer does not belong to this sign-in", "run the command again")
    if code == "missing_token":
        return _unreadable()
    return SourceError(
        f"Google refused the sign-in{_named(code)}", "run the command again; if it stays, see docs/google.md"
    )


def _unreadable() -> SourceError:
    return SourceError("Google’s answer to the sign-in cannot be read", "run the command again")


def _named(code: str) -> str:
    """Return an error code in brackets, if it is one: what a service sends is no text to print as it is."""
    return f" ({code})" if re.fullmatch(r"[A-Za-z_]{3,40}", code) else ""


def _unreachable(url: str) -> Retriable:
    return Retriable(
        f"{urlsplit(url).hostname or 'Google'} cannot be reached", "check the network, then run the command again"
    )


# --- what is kept, and credentials out of it --------------------------------------------------------------------------


def credentials(secret: str, mailbox: str, save: Callable[[str], None]) -> Credentials:
    """Return credentials to read one mailbox; each refresh makes one attempt and fails with an error of calsignal.

    Args:
        secret: what was kept of the sign-in, or of the key of a service account.
        mailbox: for whom a service account acts.
        save: is given the new secret each time that a sign-in was refreshed.

    Raises:
        NeedsSignIn: the secret cannot be read.
    """
    quiet()
    try:
        kept = json.loads(secret)
        made = _user(kept) if kept["kind"] == "user" else _delegate(kept, mailbox)
    except (KeyError, TypeError, ValueError):
        fact = f"what was kept of the sign-in of {mailbox} cannot be read"
        raise NeedsSignIn(fact, "run `calsignal connect google` again") from None
    explain = _user_problem if kept["kind"] == "user" else _delegate_problem(kept)
    refresh = made.refresh

    def refresh_once(request: Any) -> None:  # noqa: ANN401 # a transport of any of Google's libraries
        before = (made.token, getattr(made, "refresh_token", None))
        _once(refresh, request, lambda error: explain(error, mailbox))
        if kept["kind"] == "user" and (made.token, made.refresh_token) != before:
            save(_kept(made))

    made.refresh = refresh_once
    return made  # type: ignore[no-any-return]


def _user(kept: Mapping[str, Any]) -> Any:  # noqa: ANN401
    from google.oauth2.credentials import Credentials

    # Credentials.from_authorized_user_info would forget the token_uri, and refresh at Google's own address
    expiry = kept.get("expiry")
    return Credentials(  # type: ignore[no-untyped-call]
        token=kept["token"],
        refresh_token=kept["refresh_token"],
        token_uri=kept["token_uri"],
        client_id=kept["client_id"],
        client_secret=kept["client_secret"],
        scopes=list(kept["scopes"]),
        # the library compares with a UTC clock that has lost its zone
        expiry=datetime.fromisoformat(expiry).astimezone(UTC).replace(tzinfo=None) if expiry else None,
    )


def _kept(made: Any) -> str:  # noqa: ANN401
    """Return the secret to keep of a user's credentials; its expiry is in UTC."""
    names = ("token", "refresh_token", "token_uri", "client_id", "client_secret", "scopes")
    expiry = made.expiry.replace(tzinfo=UTC).isoformat() if made.expiry else None
    return json.dumps({"kind": "user", **{name: getattr(made, name) for name in names}, "expiry": expiry})


def _delegate(kept: Mapping[str, Any], mailbox: str) -> Any:  # noqa: ANN401
    account = _service_account(json.dumps(kept["key"]))
    return account.with_scopes(list(kept.get("scopes", (EVENTS,)))).with_subject(mailbox)


@lru_cache(maxsize=4)
def _service_account(key: str) -> Any:  # noqa: ANN401
    """Return the account of a key; checking the key takes longer than asking for a whole mailbox, which share it."""
    from google.oauth2.service_account import Credentials

    return Credentials.from_service_account_info(json.loads(key))  # type: ignore[no-untyped-call]


def verify(secret: str, mailbox: str) -> None:
    """Ask for one token, to see that the secret opens the mailbox.

    Raises:
        Retriable, NeedsSignIn, SourceError: it does not.
    """
    from google.auth.transport.requests import Request

    with _session() as session:
        credentials(secret, mailbox, _forget).refresh(Request(session))  # type: ignore[no-untyped-call]


@contextmanager
def _session() -> Iterator[Any]:
    import requests

    with requests.Session() as session:
        yield session


def _once(refresh: Callable[[Any], None], request: Any, explain: Callable[[Exception], SourceError]) -> None:  # noqa: ANN401
    """Refresh with one attempt: the library would make three by itself, deaf to `Retry-After`."""
    from google.auth.exceptions import RefreshError, TransportError

    where = ""

    def send(url: str, **more: Any) -> Any:  # noqa: ANN401
        nonlocal where
        where = url
        answer = request(url=url, **{"timeout": _REQUEST_SECONDS, **more})
        if answer.status in {408, 429} or answer.status >= 500 or (answer.status == 200 and not _is_json(answer.data)):
            fact = f"{urlsplit(url).hostname} gives no token at present (status {answer.status})"
            wait = waiting_time(answer.headers)
            raise Retriable(fact, "run the command again later", retry_after=wait, status=answer.status)
        return answer

    try:
        refresh(send)
    except TransportError:
        raise _unreachable(where) from None
    except RefreshError as error:
        raise explain(error) from None


def _is_json(data: Any) -> bool:  # noqa: ANN401
    try:
        return isinstance(json.loads(data), dict)
    except (TypeError, ValueError):
        return False


def waiting_time(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a Retry-After header (RFC 9110 section 10.2.3); a date counts from the service's clock."""
    named = str(headers.get("retry-after") or "").strip()
    if re.fullmatch(r"[0-9]{1,9}", named):
        return float(named)
    try:
        until, now = (parsedate_to_datetime(text) for text in (named, str(headers.get("date") or "")))
        return max((until - now).total_seconds(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return None


def _told(error: Exception) -> tuple[str, str]:
    """Return the code and the description that the token endpoint gave."""
    body = error.args[1] if len(error.args) > 1 and isinstance(error.args[1], dict) else {}
    reauth = "invalid_grant" if "eauthentication" in str(error) else ""
    return str(body.get("error") or reauth), str(body.get("error_description") or "")


def _user_problem(error: Exception, mailbox: str) -> SourceError:
    code, _ = _told(error)
    if code in {"invalid_client", "unauthorized_client", "deleted_client", "disabled_client"}:
        fact = f"Google no longer knows the app that {mailbox} signed in with"
        return NeedsSignIn(fact, "make a new client file (docs/google.md), then run `calsignal connect google` again")
    if code == "admin_policy_enforced":
        fact = f"an administrator no longer allows this app to read the calendar of {mailbox}"
        return NeedsSignIn(fact, "ask for it: Admin console, Security > Access and data control > API controls")
    if code in {"invalid_grant", "invalid_scope", "access_denied"}:
        return NeedsSignIn(f"the sign-in of {mailbox} has ended", _AGAIN)
    return SourceError(f"Google refused to renew the sign-in of {mailbox}{_named(code)}", _AGAIN)


def _delegate_problem(kept: Mapping[str, Any]) -> Callable[[Exception, str], SourceError]:
    """Return what explains the refusals of one service account."""
    number, scopes = kept["key"].get("client_id"), kept.get("scopes", (EVENTS,))

    def explain(error: Exception, mailbox: str) -> SourceError:
        code, text = _told(error)
        if code in {"unauthorized_client", "access_denied", "invalid_scope"}:
            hint = f"Admin console, {DELEGATION}: authorise client ID {number} for {','.join(scopes)}"
            return NotDelegated(f"the service account is not authorised to act for {mailbox}", hint)
        if code == "invalid_client" or "signature" in text.lower():
            fact = "Google does not know the key of the service account"
            return NeedsSignIn(fact, "make a new key (docs/google.md), and connect again with it")
        if "short-lived" in text or "reasonable timeframe" in text:
            return SourceError("Google says that the clock of this machine is wrong", "set it by a time server")
        if code == "invalid_grant":
            hint = "check the address; it has to be the main one of an active user"
            return NeedsSignIn(f"Google knows no mailbox {mailbox}", hint)
        return SourceError(f"Google refused the service account{_named(code)}", "see docs/google.md")

    return explain


def delegation_steps(key: Key, scopes: Sequence[str]) -> tuple[str, ...]:
    """Return what an administrator does to let a service account read calendars, step by step."""
    return (
        "let an administrator of your Google Workspace authorise the service account:",
        "1. sign in to admin.google.com as a super administrator",
        f"2. open {DELEGATION}, and press Add new",
        f"3. Client ID: {key.client_id}",
        f"4. OAuth scopes (comma-delimited): {','.join(scopes)}",
        "5. press Authorize; it takes effect within minutes, at times up to 24 hours; then run this command again",
    )
