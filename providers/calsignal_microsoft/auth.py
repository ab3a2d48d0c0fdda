"""Signing in to Microsoft, and tokens out of what was kept of it.

msal knows the ways of the sign-in service and keeps the tokens; what it sends its requests through is our own: one
attempt for each, judged where the answer comes in, because msal would remember a failure for a minute or more, and hand
it out again instead of asking. Its logs hold codes and tokens, so `quiet` comes first everywhere. The libraries are
loaded inside the functions that use them: they take longer than a whole command without them.

Two syncs may read one vault at the same time. Each fetches tokens with what it read, and only the one that got some
saves: the refresh token that Microsoft hands out ends no earlier one (public clients, other than single-page apps), and
where a service ends it after all, the slower sync reports a failure, writes nothing, and finds the newer secret the
next time.
"""

from __future__ import annotations

import base64
import binascii
import errno
import json
import logging
import os
import re
import secrets
import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from calsignal.errors import CalsignalError, InputError, NeedsSignIn, Retriable, SourceError

from .refusals import AGAIN, is_transient, refusal

if TYPE_CHECKING:
    import requests

READ_BASIC = "Calendars.ReadBasic"
READ = "Calendars.Read"
USER = "User.Read"
WORTH = {
    READ_BASIC: "no meeting can be read",
    READ: "no booking link can be found in a description",
    USER: "nobody knows whose calendar it is",
}
"""What goes without each permission."""

SECRET_VARIABLE = "CALSIGNAL_MICROSOFT_CLIENT_SECRET"  # noqa: S105 # the name of a variable
COMMON = ("common", "organizations", "consumers")
"""The words that stand for more than one tenant."""

SIGN_IN_SECONDS = 300.0
_REQUEST_SECONDS = 60.0
_FRESH_SECONDS = 300.0
_FILE_BYTES = 1_000_000
_AUTHORITY = "https://login.microsoftonline.com"
_GRAPH = "https://graph.microsoft.com"
_GRAPHS = {
    "login.microsoftonline.us": "https://graph.microsoft.us",
    "login.partner.microsoftonline.cn": "https://microsoftgraph.chinacloudapi.cn",
    "login.chinacloudapi.cn": "https://microsoftgraph.chinacloudapi.cn",
}
_GRAPH_HOSTS = {urlsplit(each).hostname for each in (_GRAPH, *_GRAPHS.values(), "https://dod-graph.microsoft.us")}
_TALKATIVE = frozenset("msal O365 oauthlib requests_oauthlib requests urllib3".split())
_DONE = "calsignal has the answer: the terminal says how it went. You may close this window."
_LATER = "try again later"
_PEM = "docs/microsoft.md tells how to make one"


def quiet() -> None:
    """Silence the libraries: at DEBUG they log tokens and codes, and what matters we say ourselves.

    A logger that was set to a level of its own does not heed the one above it.
    """
    known = [name for name in list(logging.root.manager.loggerDict) if name.partition(".")[0] in _TALKATIVE]
    for name in {*_TALKATIVE, *known}:
        logging.getLogger(name).setLevel(logging.CRITICAL)


# --- addresses --------------------------------------------------------------------------------------------------------


def endpoint(config: Mapping[str, object]) -> str:
    """Return where Graph is asked, with a slash at its end: `https://graph.microsoft.com/v1.0/`.

    In a sovereign cloud the common address stands for that of the cloud: tokens of the one are none in the other.

    Raises:
        InputError: `graph_url` is no https address.
    """
    url = str(config.get("graph_url") or _GRAPH).strip().rstrip("/").removesuffix("/v1.0")
    check_address(url, "graph_url in [microsoft]")
    return f"{_sovereign(config) if url == _GRAPH else url}/v1.0/"


def _sovereign(config: Mapping[str, object]) -> str:
    """Return the name of Graph in the cloud in which people sign in."""
    return _GRAPHS.get(urlsplit(authority(config)).hostname or "", _GRAPH)


def authority(config: Mapping[str, object], tenant: str = "") -> str:
    """Return where people sign in, with the tenant: `https://login.microsoftonline.com/common`.

    Args:
        config: the section; its `authority` comes with or without a tenant.
        tenant: the one that was typed; it goes before that of the section.

    Raises:
        InputError: it is no https address, or it names another tenant than `tenant` beside it.
    """
    url = str(config.get("authority") or _AUTHORITY).strip().rstrip("/")
    check_address(url, "authority in [microsoft]")
    kept, within = str(config.get("tenant") or "common").strip(), urlsplit(url).path.strip("/")
    meant = tenant or (within if within and kept == "common" else kept)
    if "/" in within:
        raise InputError("authority in [microsoft] has more than a tenant after the host", "leave out the rest")
    if not re.fullmatch(r"[\w.-]+", meant):
        raise InputError(f"{meant!r} is no tenant", "give a domain or the Directory (tenant) ID of your organization")
    if within and not tenant and within.lower() != meant.lower():
        fact = f"authority in [microsoft] names the tenant {within}, and tenant there names {kept}"
        raise InputError(fact, "leave one of them out")
    return f"{url.removesuffix(f'/{within}') if within else url}/{meant}"


def tenant_of(where: str) -> str:
    """Return the tenant that an authority names."""
    return urlsplit(where).path.strip("/")


def check_address(url: str, what: str) -> None:
    """Refuse an address that tokens must not be sent to.

    Raises:
        InputError: it is no https address, or has more than host, port and path.
    """
    try:
        parts = urlsplit(url)
        good = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
        more = parts.query or parts.fragment or parts.username or parts.password
    except ValueError:
        good, more = False, ""
    if not good or more:
        raise InputError(f"{what} is no https:// address", "give the address as the service documents it, and no more")


def permission(name: str, config: Mapping[str, object]) -> str:
    """Return a permission as the sign-in service wants it said: clouds other than the common one need the address."""
    resource = _resource(config)
    return name if resource == _GRAPH else f"{resource}/{name}"


def everything(config: Mapping[str, object]) -> str:
    """Return what an app asks for that reads by itself: all that an administrator granted it."""
    return f"{_resource(config)}/.default"


def _resource(config: Mapping[str, object]) -> str:
    """Return the name of Graph in its cloud; a gateway in front of it has the name of what is behind."""
    host = urlsplit(endpoint(config)).hostname
    return f"https://{host}" if host in _GRAPH_HOSTS else _sovereign(config)


def wanted(*, read_text: bool) -> tuple[str, ...]:
    """Return the delegated permissions to ask for: the least that serve."""
    return (READ if read_text else READ_BASIC, USER)


# --- what msal sends its requests through -----------------------------------------------------------------------------


def session() -> requests.Session:
    """Return a session that repeats nothing, and takes no password from a .netrc file in a token's place."""
    import requests

    made = requests.Session()
    made.auth = lambda request: request  # with any `auth`, requests leaves .netrc alone
    return made


class _Http:
    """One attempt for each request; whatever is no answer to it is an error of calsignal before msal sees it."""

    def __init__(self) -> None:
        self._session = session()

    def get(self, url: str, **more: Any) -> requests.Response:  # noqa: ANN401
        """Return an answer that is good; these are descriptions of the service."""
        answer, content = self._ask("GET", url, **more)
        if answer.status_code == 200:
            return answer
        raise refusal(content, tenant=urlsplit(url).path.split("/")[1])

    def post(self, url: str, **more: Any) -> requests.Response:  # noqa: ANN401
        """Return an answer, or a refusal that msal has to deal with (RFC 6749 section 5.2)."""
        return self._ask("POST", url, **more)[0]

    def close(self) -> None:
        self._session.close()

    def _ask(self, method: str, url: str, **more: Any) -> tuple[requests.Response, Mapping[str, object]]:  # noqa: ANN401
        host = urlsplit(url).hostname or "the sign-in service"
        if not url.startswith("https://"):
            raise SourceError(f"{host} would get secrets in clear", "check authority in [microsoft]")
        with reaching(host):
            answer = self._session.request(method, url, timeout=_REQUEST_SECONDS, allow_redirects=False, **more)
        status, content = answer.status_code, _object(answer.text)
        if status in {408, 429} or status >= 500 or (content and is_transient(content)):
            fact = f"{host} cannot answer the sign-in now (status {status})"
            raise Retriable(fact, _LATER, retry_after=waiting_time(answer.headers), status=status)
        if 300 <= status < 400:
            raise SourceError(f"{host} sends no answer but status {status}", "check authority in [microsoft]")
        if content is None:
            raise Retriable(f"what {host} sends is no answer of a sign-in service (status {status})", _LATER)
        return answer, content


@contextmanager
def reaching(host: str) -> Iterator[None]:
    """Turn what can happen to a request on its way into facts."""
    from requests import exceptions

    certificates = "if a gateway stands between, name the file with its certificates in REQUESTS_CA_BUNDLE"
    try:
        yield
    except exceptions.SSLError as error:
        if _distrusts(error):
            raise SourceError(f"the certificate of {host} cannot be trusted", certificates) from None
        raise Retriable(f"{host} cannot be reached safely", "check the network, then try again") from None
    except exceptions.Timeout:
        raise Retriable(f"{host} does not answer in time", _LATER) from None
    except (exceptions.ChunkedEncodingError, exceptions.ContentDecodingError):
        raise Retriable(f"the answer of {host} breaks off", _LATER) from None
    except exceptions.ConnectionError as error:  # so requests calls a read that times out, too
        fact = "does not answer in time" if "Read timed out" in str(error) else "cannot be reached"
        raise Retriable(f"{host} {fact}", "check the network, then try again") from None
    except (exceptions.InvalidProxyURL, exceptions.InvalidSchema):
        hint = "check the variables https_proxy and all_proxy, or exempt the host in no_proxy"
        raise SourceError(f"the environment names a proxy for {host} that cannot be used", hint) from None
    except exceptions.RequestException:
        raise Retriable(f"{host} cannot be asked", _LATER) from None
    except OSError:  # so requests says that the file with certificates is not there
        raise SourceError("the file that REQUESTS_CA_BUNDLE names cannot be read", "check its path") from None


def _distrusts(error: BaseException | None) -> bool:
    """Say whether a certificate is at the bottom of an error of the libraries, which wrap each other's."""
    seen: list[BaseException] = []
    while isinstance(error, BaseException) and error not in seen:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        seen.append(error)
        inner = getattr(error, "reason", None) or next(iter(error.args), None)
        error = inner if isinstance(inner, BaseException) else error.__context__
    return False


def waiting_time(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a Retry-After header (RFC 9110 section 10.2.3); a date counts from the service's clock."""
    named = str(headers.get("Retry-After") or "").strip()
    if re.fullmatch(r"[0-9]{1,9}", named):
        return float(named)
    try:
        until, now = (parsedate_to_datetime(text) for text in (named, str(headers.get("Date") or "")))
        return max((until - now).total_seconds(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return None


def _object(text: str) -> Mapping[str, object] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


class _NoMemory(dict[str, object]):
    """What msal would remember of earlier answers in: nothing, so that a retry is a request."""

    def __setitem__(self, key: str, value: object) -> None:
        pass


@contextmanager
def _understood() -> Iterator[None]:
    """Turn an answer that msal trips over into a fact; its own errors can hold what was answered."""
    try:
        yield
    except CalsignalError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, RuntimeError, AssertionError):
        fact, hint = "the answer of the sign-in service cannot be read", "check authority in [microsoft]"
        raise SourceError(fact, hint) from None


# --- a person signs in ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Door:
    """Where people sign in, and through which app. `discovery`: Microsoft is asked whether it knows the host."""

    client_id: str
    authority: str
    discovery: bool = True


@dataclass(frozen=True)
class SignedIn:
    """What came of a sign-in: the names that the account goes by, and the secret to keep."""

    names: tuple[str, ...]
    scopes: tuple[str, ...]
    token: str = field(repr=False)
    secret: str = field(repr=False)


def sign_in(
    door: Door,
    scopes: Sequence[str],
    *,
    tell: Callable[[str], None],
    browser: Callable[[str], object] | None,
    port: int = 0,
    timeout: float = SIGN_IN_SECONDS,
) -> SignedIn:
    """Let a person sign in, in a browser on this machine (RFC 8252 section 7.3, with PKCE, RFC 7636).

    msal's one call for all of it opens a browser whatever one says, so its two halves are called here.

    Args:
        door: where.
        scopes: the permissions to ask for, as `permission` gives them.
        tell: prints a message.
        browser: opens an address; None leaves that to the person.
        port: where the answer is awaited on this machine; 0 finds a free one.
        timeout: how long to wait, in seconds.

    Raises:
        NeedsSignIn: it was refused, abandoned, called off, or not everything was granted.
        InputError: the port or the app cannot be used.
        SourceError: Microsoft cannot be reached or understood.
    """
    with _signing_in(door) as (app, cache), _receiver(port) as receiver:
        back = f"http://localhost:{receiver.get_port()}"  # Microsoft takes any port of this word, and of it alone
        state = secrets.token_urlsafe(24)  # that of older releases of msal is no secret one
        flow = app.initiate_auth_code_flow(
            list(scopes), redirect_uri=back, state=state, response_mode="form_post", prompt="select_account"
        )
        _announce(flow["auth_uri"], receiver.get_port(), tell, browser)
        answer = receiver.get_auth_response(
            timeout=timeout, state=flow["state"], success_template=_DONE, error_template=_DONE
        )
        if answer is None:
            hint = f"{AGAIN}; if Microsoft showed an error instead of a question, docs/microsoft.md tells what it means"
            raise NeedsSignIn(f"nobody signed in within {timeout / 60:.0f} minutes", hint)
        return _signed_in(app.acquire_token_by_auth_code_flow(flow, answer), door, scopes, cache)


def device_sign_in(
    door: Door, scopes: Sequence[str], *, tell: Callable[[str], None], wait: Callable[[float], None]
) -> SignedIn:
    """Let a person sign in on any device by typing a code there (RFC 8628); `wait` waits that many seconds.

    Raises as `sign_in`.
    """
    with _signing_in(door) as (app, cache):
        flow = app.initiate_device_flow(list(scopes))
        if "user_code" not in flow:
            raise refusal(flow, tenant=tenant_of(door.authority))
        flow["interval"] = max(flow["interval"], 1)  # msal never ends a loop of no waiting
        tell(f"open {flow['verification_uri']} in any browser, enter the code {flow['user_code']}, and sign in")
        tell(f"the code is good for {flow['expires_in'] // 60} minutes; enter it on no other page")
        return _signed_in(_polled(app, flow, wait), door, scopes, cache)


def _polled(app: Any, flow: dict[str, Any], wait: Callable[[float], None]) -> Mapping[str, Any]:  # noqa: ANN401
    """Ask until the person is done; a failure that passes is no reason to stop (RFC 8628 section 3.5)."""
    left = float(flow["expires_in"])
    while left > 0:
        try:
            result: Mapping[str, Any] = app.acquire_token_by_device_flow(flow, exit_condition=lambda _: True)
        except Retriable as problem:
            flow["interval"] = max(flow["interval"] + 5, problem.retry_after or 0)
        else:
            if result.get("error") not in {"authorization_pending", "slow_down"}:
                return result
        wait(flow["interval"])
        left -= flow["interval"]
    return {"error": "expired_token"}


def _announce(url: str, port: int, tell: Callable[[str], None], browser: Callable[[str], object] | None) -> None:
    if browser is not None:
        tell("sign in to Microsoft in the window of the browser that opens now; if none does, open this address:")
        tell(url)
        browser(url)
        return
    tell("open this address in a browser on this machine, and sign in to Microsoft:")
    tell(url)
    tell(f"from another machine, let its browser reach this one first: ssh -L {port}:localhost:{port} this-machine")


@contextmanager
def _signing_in(door: Door) -> Iterator[tuple[Any, Any]]:
    """Give msal's app for one sign-in, and the cache that fills with it."""
    import msal  # type: ignore[import-untyped]

    quiet()
    cache = msal.SerializableTokenCache()
    try:
        with _understood(), closing(_Http()) as http:
            yield _public(door, cache, http), cache
    except KeyboardInterrupt:
        raise NeedsSignIn("the sign-in was called off", f"{AGAIN} when you are ready") from None


@contextmanager
def _receiver(port: int) -> Iterator[Any]:
    """Give what waits for the browser's answer."""
    from msal.oauth2cli import AuthCodeReceiver  # type: ignore[import-untyped]

    try:
        receiver = AuthCodeReceiver(port=port)
    except OSError as error:
        why = "is in use" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
        raise InputError(f"port {port} {why}", "give another --port, or none: a free one is found") from None
    with receiver:
        yield receiver


def _public(door: Door, cache: Any, http: _Http) -> Any:  # noqa: ANN401
    import msal

    return msal.PublicClientApplication(
        door.client_id,
        authority=door.authority,
        instance_discovery=door.discovery,
        token_cache=cache,
        http_client=http,
        http_cache=_NoMemory(),
    )


def _signed_in(result: Mapping[str, Any], door: Door, asked: Sequence[str], cache: Any) -> SignedIn:  # noqa: ANN401
    if "access_token" not in result:
        raise refusal(result, tenant=tenant_of(door.authority))
    _insist(asked, str(result.get("scope") or " ".join(asked)).split())
    claims = result.get("id_token_claims") or {}
    if not list(cache.search(cache.CredentialType.REFRESH_TOKEN)):
        raise NeedsSignIn("Microsoft gave nothing to keep of the sign-in", AGAIN)
    names = tuple(str(claims[name]) for name in ("preferred_username", "email", "upn") if claims.get(name))
    kept = {"kind": "user", "client_id": door.client_id, "authority": door.authority, "scopes": list(asked)}
    secret = json.dumps({**kept, "cache": cache.serialize()})
    return SignedIn(names, tuple(asked), str(result["access_token"]), secret)


def _insist(asked: Sequence[str], granted: Sequence[str]) -> None:
    """Name every permission that was asked for and not granted; one that says more than another stands for it."""
    have = {each.rpartition("/")[2].lower() for each in granted}
    enough = {READ_BASIC.lower(): {READ.lower()}}
    missing = [short for each in asked if not _covered(short := each.rpartition("/")[2], have, enough)]
    if missing:
        named = "; ".join(f"{name} (without it {WORTH.get(name, 'this cannot be read')})" for name in missing)
        raise NeedsSignIn(f"not granted at the sign-in: {named}", f"{AGAIN}, and press Accept for everything")


def _covered(name: str, have: set[str], enough: Mapping[str, set[str]]) -> bool:
    return bool(have & {name.lower(), *enough.get(name.lower(), ())})


# --- an app reads by itself -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Certificate:
    """A certificate with its private key, both in PEM; `ends` is the last moment at which it is good."""

    private_key: str = field(repr=False)
    public_certificate: str = field(repr=False)
    ends: datetime


def read_certificate(path: Path) -> Certificate:
    """Read a PEM file that holds a certificate and its RSA key; a chain may follow.

    Raises:
        InputError: it cannot be read, lacks one of them, or they do not belong together.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_FILE_BYTES)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", "check the path and its permissions") from None
    key = _private_key(path, content)
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    try:
        listed = x509.load_pem_x509_certificates(content)
    except ValueError:
        raise InputError(f"{path} holds no certificate", f"put certificate and key into one file; {_PEM}") from None
    mine = [each for each in listed if each.public_key() == key.public_key()]
    if not mine:
        raise InputError(f"the certificate in {path} belongs to another key", "put the two that belong together there")
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return Certificate(private, mine[0].public_bytes(Encoding.PEM).decode(), mine[0].not_valid_after_utc)


def _private_key(path: Path, content: bytes) -> Any:  # noqa: ANN401
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(content, None)
    except TypeError:
        hint = "write it without one, readable by you alone: openssl pkey -in FILE -out key.pem"
        raise InputError(f"the key in {path} is protected by a passphrase", hint) from None
    except (ValueError, UnsupportedAlgorithm):
        fact = f"{path} holds no private key that can be used"
        raise InputError(fact, f"put certificate and key into one file; {_PEM}") from None
    if not isinstance(key, RSAPrivateKey):
        raise InputError(f"the key in {path} is no RSA key", f"Microsoft takes no other kind; {_PEM}")
    return key


def app_secret(door: Door, client_secret: str | None, certificate: Certificate | None, scope: str) -> str:
    """Return what `Signed` takes for an app that reads by itself.

    Without secret and certificate it is looked for in the environment each time.
    """
    kept: dict[str, object] = {"kind": "app", "client_id": door.client_id, "authority": door.authority}
    kept["scopes"] = [scope]
    if client_secret is not None:
        kept["client_secret"] = client_secret
    if certificate is not None:
        pem = {"private_key": certificate.private_key, "public_certificate": certificate.public_certificate}
        kept["certificate"] = {**pem, "ends": certificate.ends.isoformat()}
    return json.dumps(kept)


def granted_roles(token: str) -> frozenset[str]:
    """Return the tenant-wide permissions that an app's token names; what Exchange grants by role is not among them.

    A token is written for Graph and not for us: where it cannot be read, none is known.
    """
    found = _claims(token).get("roles")
    return frozenset(str(each) for each in found) if isinstance(found, list) else frozenset()


def token_tenant(token: str) -> str:
    """Return the id of the tenant that a token names; "" where it cannot be read."""
    return str(_claims(token).get("tid") or "")


def _claims(token: str) -> Mapping[str, object]:
    try:
        part = token.split(".")[1]
        return _object(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode()) or {}
    except (IndexError, ValueError, binascii.Error):
        return {}


# --- what is kept, and tokens out of it -------------------------------------------------------------------------------


class Signed:
    """A sign-in that was kept, and the tokens that come of it. Not to be shared by threads.

    Makes no request before a token is asked for, and none while the kept one is good.
    """

    def __init__(
        self,
        secret: str | None,
        mailbox: str,
        config: Mapping[str, object],
        save: Callable[[str], None],
        renewing: Callable[[], AbstractContextManager[str | None]] = nullcontext,
    ) -> None:
        """Read the secret; `save` is given the new one each time that a token was fetched, `renewing` held meanwhile.

        Raises:
            NeedsSignIn: the secret is None, or cannot be read.
        """
        quiet()
        if secret is None:
            raise NeedsSignIn(f"the sign-in of {mailbox} is not known any more", AGAIN)
        self._mailbox, self._save, self._renewing = mailbox, save, renewing
        self._discovery = bool(config.get("instance_discovery", True))
        self._app: Any = None
        self._http: _Http | None = None
        self._refused = set[str]()
        try:
            self._read(secret)
        except (KeyError, TypeError, ValueError, AttributeError):
            raise NeedsSignIn(f"what was kept of the sign-in of {mailbox} cannot be read", AGAIN) from None

    def _read(self, secret: str) -> None:
        import msal

        kept: dict[str, Any] = json.loads(secret)
        self._kept, self._secret = kept, secret
        self._door = Door(kept["client_id"], kept["authority"], self._discovery)
        self._scopes = [str(each) for each in kept["scopes"]]
        self.app_only: bool = {"app": True, "user": False}[kept["kind"]]
        self._cache = msal.SerializableTokenCache()
        self._cache.deserialize(kept.get("cache") if self.app_only else kept["cache"])
        ends = (kept.get("certificate") or {}).get("ends")
        self.certificate_ends = datetime.fromisoformat(ends) if ends else None

    def token(self) -> str:
        """Return an access token for Graph: the kept one while it is good, else a new one by one attempt.

        Raises:
            Retriable: there is no answer for now; carries the waiting time that was named.
            NeedsSignIn: the sign-in has ended, or was refused.
            SourceError: anything else.
        """
        known = self._good()
        if known is not None:
            return known
        with self._renewing() as newer:
            return self._take(newer) or self._fetch()

    def _take(self, newer: str | None) -> str | None:
        """Return the token that another mailbox of the same app has fetched meanwhile, if there is one."""
        if newer is None or newer == self._secret:
            return None
        with suppress(KeyError, TypeError, ValueError, AttributeError):  # then the one that was read before goes on
            self._read(newer)
            self._forget()
            self._app = None  # it works on the former cache
        return self._good()

    def _fetch(self) -> str:
        with _understood(), self._as_a_sync_says_it():
            result = self._app_token() if self.app_only else self._user_token()
            if "access_token" not in result:
                raise refusal(result, self._who, tenant_of(self._door.authority))
        if result.get("token_source") != "cache":
            # not whenever the cache has changed: a refusal cleans it up too, and another process may have saved since
            self._secret = json.dumps({**self._kept, "cache": self._cache.serialize()})
            self._save(self._secret)
        return str(result["access_token"])

    def renew(self) -> None:
        """Forget the access token: Graph answered 401. The next `token` is another."""
        self._refused.update(str(entry["secret"]) for entry in self._tokens())
        self._forget()

    def _tokens(self) -> list[Any]:
        return list(self._cache.search(self._cache.CredentialType.ACCESS_TOKEN))

    def _forget(self) -> None:
        """Take out of the cache what Graph refused; msal would hand it out again."""
        for entry in self._tokens():
            if entry["secret"] in self._refused:
                self._cache.remove_at(entry)

    def close(self) -> None:
        """Give back the sockets."""
        if self._http is not None:
            self._http.close()

    @property
    def _who(self) -> str:
        return f"the app {self._door.client_id}" if self.app_only else self._mailbox

    def _good(self) -> str | None:
        """Return the kept token if it is good for some minutes more.

        msal would say the same, but not before it had asked the service to describe itself.
        """
        query = {"client_id": self._door.client_id}
        for entry in self._cache.search(self._cache.CredentialType.ACCESS_TOKEN, target=self._scopes, query=query):
            if int(entry["expires_on"]) - time.time() > _FRESH_SECONDS:
                return str(entry["secret"])
        return None

    def _user_token(self) -> Mapping[str, Any]:
        app = self._made(lambda http: _public(self._door, self._cache, http))
        accounts = app.get_accounts()
        if not accounts:
            raise NeedsSignIn(f"what was kept of the sign-in of {self._mailbox} cannot be read", AGAIN)
        found = app.acquire_token_silent_with_error(self._scopes, accounts[0])
        return found or {"error": "invalid_grant"}

    def _app_token(self) -> Mapping[str, Any]:
        import msal

        credential = self._credential()
        app = self._made(
            lambda http: msal.ConfidentialClientApplication(
                self._door.client_id,
                client_credential=credential,
                authority=self._door.authority,
                instance_discovery=self._door.discovery,
                azure_region=False,  # else a variable of the environment leads elsewhere
                token_cache=self._cache,
                http_client=http,
                http_cache=_NoMemory(),
            )
        )
        return app.acquire_token_for_client(self._scopes)  # type: ignore[no-any-return]

    def _made(self, make: Callable[[_Http], Any]) -> Any:  # noqa: ANN401
        if self._app is None:
            self._http = self._http or _Http()
            self._app = make(self._http)
        return self._app

    def _credential(self) -> object:
        if self._kept.get("certificate"):
            return {name: self._kept["certificate"][name] for name in ("private_key", "public_certificate")}
        secret = os.environ.get(SECRET_VARIABLE, "").strip() or self._kept.get("client_secret")
        if not secret:
            hint = f"set {SECRET_VARIABLE}, or {AGAIN} with --app-only"
            raise NeedsSignIn(f"the client secret of the app {self._door.client_id} is not known", hint)
        return secret

    @contextmanager
    def _as_a_sync_says_it(self) -> Iterator[None]:
        """Say of what is wrong with the app or its tenant that one has to connect again: nothing was typed now."""
        try:
            yield
        except InputError as problem:
            raise NeedsSignIn(str(problem), problem.hint) from None
