"""The calendar service over Google's own client library: one attempt for each request, and errors of calsignal.

Whatever goes wrong is judged where the answer comes in, below the libraries: they would repeat a request without
heeding Retry-After, and write what they got to a log.
"""

from __future__ import annotations

import json
import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from calsignal.contract import Access, json_text
from calsignal.errors import CursorExpired, InputError, NeedsSignIn, Retriable, SourceError

from . import auth

GOOGLE = "https://www.googleapis.com"
TIMEOUT = 60.0
"""Seconds that a connection may be silent."""

MOST_PAGES = 10_000
"""Of one list: a service that leads on and on is not followed for ever."""

_VERSION = re.compile(r"/calendar(?:/v3)?$")
_AGAIN = "run `calsignal connect google` again"
_CONSOLE = "console.cloud.google.com, in the project of the client file"
_SLOW_DOWN = frozenset(("rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED"))
_USED_UP = frozenset(("quotaExceeded", "calendarUsageLimitsExceeded", "dailyLimitExceeded"))
_FORBIDDEN = {
    "insufficientPermissions": (
        "the sign-in does not allow it to read events",
        f"{_AGAIN}, and leave every box ticked",
    ),
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT": (
        "the sign-in does not allow it to read events",
        f"{_AGAIN}, and leave every box ticked",
    ),
    "accessNotConfigured": (
        "the Google Calendar API is switched off for this app",
        f"{_CONSOLE}: APIs & Services > Library > Google Calendar API > Enable",
    ),
    "SERVICE_DISABLED": (
        "the Google Calendar API is switched off for this app",
        f"{_CONSOLE}: APIs & Services > Library > Google Calendar API > Enable",
    ),
    "notACalendarUser": (
        "this user has no Google Calendar",
        "an administrator can switch it on: Admin console, Apps > Google Workspace > Calendar",
    ),
}


class NotThere(SourceError):
    """Report that there is no such calendar or event, or none that may be seen."""


def base(endpoint: str) -> str:
    """Return the address below which a service is asked: `https://host/path/`, without `calendar/v3`.

    `endpoint` comes with or without that path and a slash at its end; Google's own address where it is empty.
    Raises `InputError` for one to which tokens must not be sent.
    """
    if not endpoint:
        return f"{GOOGLE}/"
    auth.check_address(endpoint, "api_endpoint in [google]")
    if urlsplit(endpoint).query or urlsplit(endpoint).fragment:
        raise InputError("api_endpoint in [google] has more than an address", "leave out everything from ? or # on")
    return _VERSION.sub("", endpoint.rstrip("/")) + "/"


def open_service(access: Access, timeout: float = TIMEOUT) -> Client:
    """Return a client for one connection, with the sign-in that was kept. Makes no request.

    Raises:
        NeedsSignIn: nothing was kept, or it cannot be read.
        InputError: the address of the service cannot be used.
    """
    if not access.secret:
        raise NeedsSignIn(f"the sign-in of {access.mailbox} is not known any more", _AGAIN)
    endpoint = str(access.config.get("api_endpoint") or "")
    base(endpoint)
    return Client(auth.credentials(access.secret, access.mailbox, access.save_secret), endpoint, timeout)


def as_page(answer: Mapping[str, Any], kind: str) -> Mapping[str, Any]:
    """Return an answer that is a page of a list of `kind`, and leads on, if at all, by a text. Raises `Retriable`."""
    if isinstance(answer.get(kind, []), list) and isinstance(answer.get("nextPageToken", ""), str):
        return answer
    raise Retriable(f"what the service sends is no list of {kind}", "try again later")


def paged(ask: Callable[[dict[str, str]], Mapping[str, Any]], name: str) -> Iterator[Mapping[str, Any]]:
    """Yield the pages of a list; an empty one may lead on. `ask` takes the parameter for what comes next, if any.

    Raises `SourceError` for a list without an end; `name` is what it is called.
    """
    onward: dict[str, str] = {}
    for _ in range(MOST_PAGES):
        answer = ask(onward)
        yield answer
        following = answer.get("nextPageToken")
        if not following:
            return
        if onward.get("pageToken") == following:
            break
        onward = {"pageToken": following}
    raise SourceError(f"{name} has no end", "try again later; nothing was changed")


class Client:
    """The few requests that calsignal makes. Wrap each in a retry; not to be shared by threads.

    Every request raises `Retriable`, `NeedsSignIn`, `CursorExpired`, `NotThere` or another `SourceError`.
    `service_time` is the service's clock as its last answer told it.
    """

    def __init__(self, credentials: Any, endpoint: str = "", timeout: float = TIMEOUT) -> None:  # noqa: ANN401
        self._transport = _Transport(timeout)
        self._service = _built(credentials, base(endpoint), self._transport)

    @property
    def service_time(self) -> datetime | None:
        return self._transport.service_time

    def events(self, calendar_id: str, **params: object) -> dict[str, Any]:
        """Return one page of a calendar's events (events.list)."""
        return self._ask(self._service.events().list(calendarId=calendar_id, **params))

    def event(self, calendar_id: str, event_id: str, **params: object) -> dict[str, Any]:
        """Return one event (events.get)."""
        return self._ask(self._service.events().get(calendarId=calendar_id, eventId=event_id, **params))

    def calendar_list(self, **params: object) -> dict[str, Any]:
        """Return one page of the calendars that a person has in view (calendarList.list)."""
        return self._ask(self._service.calendarList().list(**params))

    def close(self) -> None:
        """Give back the sockets."""
        self._transport.close()

    def _ask(self, request: Any) -> dict[str, Any]:  # noqa: ANN401
        from googleapiclient.errors import HttpError  # type: ignore[import-untyped]

        host = self._transport.host(request.uri)
        try:
            answer = request.execute(num_retries=0)
        except HttpError:  # the only status that comes up here: it stays so after the token was renewed
            raise NeedsSignIn(f"{host} does not accept the sign-in", _AGAIN) from None
        except (ValueError, RecursionError):
            raise _unreadable(host) from None
        if not isinstance(answer, dict):
            raise _unreadable(host)
        return answer


def _built(credentials: Any, root: str, transport: _Transport) -> Any:  # noqa: ANN401
    """Build the service from the description that comes with the library."""
    from google.api_core.client_options import ClientOptions
    from google_auth_httplib2 import AuthorizedHttp  # type: ignore[import-untyped]
    from googleapiclient.discovery import build  # type: ignore[import-untyped]

    auth.quiet()
    # said outright, so that neither GOOGLE_CLOUD_UNIVERSE_DOMAIN nor a client certificate leads elsewhere
    options = ClientOptions(api_endpoint=f"{root}calendar/v3/", universe_domain=credentials.universe_domain)
    http = AuthorizedHttp(credentials, http=transport, max_refresh_attempts=1)
    return build("calendar", "v3", http=http, client_options=options, cache_discovery=False, static_discovery=True)


class _Transport:
    """What the libraries send their requests through."""

    def __init__(self, timeout: float) -> None:
        import httplib2  # type: ignore[import-untyped]

        self._http = httplib2.Http(timeout=timeout)
        self._http.follow_redirects = False  # a token goes nowhere else
        self.service_time: datetime | None = None

    def request(self, uri: str, method: str = "GET", **more: Any) -> tuple[Any, bytes]:  # noqa: ANN401
        """Return an answer that is good, or one that the libraries have to deal with: a 401, a refused token."""
        host = self.host(uri)
        with _closing(self._http, host):
            response, content = self._http.request(uri, method, **more)
        self.service_time = _date(response.get("date", "")) or self.service_time
        problem = failure(host, int(response.status), response, content)
        if problem is not None:
            raise problem
        return response, json_text(content).encode()

    def close(self) -> None:
        self._http.close()

    @staticmethod
    def host(uri: str) -> str:
        return urlsplit(uri).hostname or "the service"


@contextmanager
def _closing(http: Any, host: str) -> Iterator[None]:  # noqa: ANN401
    """Turn a connection that fails into an error, and close it: what is left on it belongs to no later request."""
    from http.client import HTTPException, IncompleteRead

    from httplib2 import FailedToDecompressContent, HttpLib2Error, ProxiesUnavailableError

    try:
        yield
    except ssl.SSLCertVerificationError:
        http.close()
        hint = "if a gateway stands between, name its certificates in HTTPLIB2_CA_CERTS"
        raise SourceError(f"the certificate of {host} cannot be trusted", hint) from None
    except TimeoutError:
        http.close()
        raise Retriable(f"{host} does not answer in time", "try again later") from None
    except (IncompleteRead, FailedToDecompressContent):
        http.close()
        raise Retriable(f"the answer of {host} breaks off", "try again later") from None
    except ProxiesUnavailableError:
        hint = "install the package PySocks beside calsignal, or exempt the host in no_proxy"
        raise SourceError(f"the environment names a proxy for {host}, and none can be used here", hint) from None
    except (OSError, HTTPException, HttpLib2Error):
        http.close()
        raise Retriable(f"{host} cannot be reached", "check the network, then try again") from None


def failure(host: str, status: int, headers: Mapping[str, str], content: bytes) -> SourceError | None:
    """Return what an answer means that is not a good one; None for what google-auth makes of it.

    Those are a 401, after which it renews the token, and a refusal of the token endpoint (RFC 6749 5.2), where
    `error` is a word. An answer of the API has an object there.
    """
    if status in (200, 401):
        return None
    error = _error(content)
    reasons = frozenset() if error is None or isinstance(error, str) else frozenset(_reasons(error))
    if status in (408, 429) or status >= 500 or reasons & _SLOW_DOWN:
        if reasons & _USED_UP:
            return _used_up(host)
        wait = auth.waiting_time(headers)
        fact = f"{host} cannot answer now (status {status})"
        return Retriable(fact, "try again later", retry_after=wait, status=status)
    return None if isinstance(error, str) else _final(host, status, reasons)


def _final(host: str, status: int, reasons: frozenset[str]) -> SourceError:
    """Return what makes the same request useless for now."""
    if status == 410:
        return CursorExpired(hint="sync again")
    if status == 404:
        return NotThere("there is no such calendar, or it is shared no more", "check that its owner still shares it")
    if reasons & _USED_UP:
        return _used_up(host)
    known = sorted(reasons & _FORBIDDEN.keys())
    if status == 403 and known:
        fact, hint = _FORBIDDEN[known[0]]
        return NeedsSignIn(fact, hint) if hint.startswith(_AGAIN) else SourceError(fact, hint)
    if status == 403:
        return SourceError(f"{host} does not allow it to read this calendar", "check with whom its owner shares it")
    if 200 < status < 400:
        return SourceError(f"{host} sends no answer but status {status}", "check api_endpoint in [google]")
    hint = "update calsignal; if it stays, report it with the status"
    return SourceError(f"{host} does not understand the request (status {status})", hint)


def _used_up(host: str) -> SourceError:
    hint = f"wait until tomorrow, or raise it: {_CONSOLE}, APIs & Services > Google Calendar API > Quotas"
    return SourceError(f"the quota at {host} is used up", hint)


def _unreadable(host: str) -> Retriable:
    return Retriable(f"what {host} sends is no answer of a calendar service", "try again later")


def _error(content: bytes) -> str | Mapping[str, Any] | None:
    """Return what `error` holds in an answer: a word, an object, or nothing that can be read."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    error = found.get("error") if isinstance(found, dict) else None
    return error if isinstance(error, str | dict) else None


def _reasons(error: Mapping[str, Any]) -> Iterator[str]:
    """Yield the words for machines in an error of the API, of its old and its new form."""
    for name in ("errors", "details"):
        rows = error.get(name)
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, dict) and isinstance(row.get("reason"), str):
                yield row["reason"]


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo is not None else None
