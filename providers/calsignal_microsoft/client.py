"""Microsoft Graph over O365's connection: one attempt for each request, one at a time, and errors of calsignal.

The requests go out through O365's connection without a sign-in of its own. With one it would send the token after a
redirect, write it to a log, wait for ever where a connection falls silent, and renew it through an authority of its
own choice. So what it sends them through is ours: the token is put on there, below the library, and there every answer
is judged before the library sees it. A mailbox takes four requests at once; here one follows the other.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urljoin, urlsplit

from calsignal.contract import Access, json_text, unwarned
from calsignal.errors import NeedsSignIn, Retriable, SourceError

from . import auth

if TYPE_CHECKING:
    import requests

CONNECT_SECONDS = 15.0
SILENT_SECONDS = 60.0
"""How long a connection may be silent."""
WHOLE_SECONDS = 300.0
"""How long one answer may take, from the first byte to the last."""
MOST_BYTES = 100_000_000
MOST_PAGES = 1_000
"""Of one list: a service that leads on and on is not followed for ever."""

PREFER = 'IdType="ImmutableId", outlook.timezone="UTC", outlook.body-content-type="text"'

_AGAIN = "run `calsignal connect microsoft` again"
_LATER = "try again later"
_CODE = re.compile(r"[A-Za-z_.]{3,60}")
_NO_MAILBOX = frozenset(
    """MailboxNotEnabledForRESTAPI MailboxNotSupportedForRESTAPI MailboxInfoStale ErrorInvalidUser
    ErrorNonExistentMailbox ErrorMissingEmailAddress ResourceNotFound Request_ResourceNotFound
    OrganizationFromTenantGuidNotFound""".split()
)
_NO_EVENT = frozenset(
    "ErrorInvalidIdMalformed ErrorInvalidId ErrorInvalidMailboxItemId ErrorInvalidIdNotAnItemAttachmentId".split()
)
_QUOTA = frozenset(("quotaLimitReached", "QuotaLimitReached", "ErrorQuotaExceeded", "quotaExceeded"))
_SLOW_DOWN = frozenset(("ApplicationThrottled", "TooManyRequests", "activityLimitReached", "ErrorServerBusy"))


def as_page(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an answer that is a page of a list, and leads on, if at all, by a link. Raises `Retriable`."""
    following = answer.get("@odata.nextLink")
    leads = following is None or (isinstance(following, str) and following != "")
    if isinstance(answer.get("value"), list) and leads:
        return answer
    raise Retriable("what the service sends is no list", _LATER)


def paged(ask: Callable[[str | None], Mapping[str, Any]], name: str) -> Iterator[Mapping[str, Any]]:
    """Yield the pages of a list; an empty one may lead on. `ask` takes the link to what comes next, if any.

    Raises `SourceError` for a list without an end; `name` is what it is called.
    """
    following: str | None = None
    seen: set[str | None] = {None}
    for _ in range(MOST_PAGES):
        answer = ask(following)
        yield answer
        following = answer.get("@odata.nextLink")
        if following is None:
            return
        if following in seen:
            break
        seen.add(following)
    raise SourceError(f"{name} has no end", "try again later; nothing was changed")


class NotThere(SourceError):
    """Report that there is no such event, or none that may be seen."""


class NotUnderstood(SourceError):
    """Report that the service does not take a request as it is."""


class Signed(Protocol):
    """What gives the tokens: `auth.Signed`."""

    certificate_ends: datetime | None

    def token(self) -> str: ...

    def renew(self) -> None: ...

    def close(self) -> None: ...


def open_service(access: Access) -> Client:
    """Return a client for one connection, with the sign-in that was kept. Makes no request.

    Raises:
        NeedsSignIn: nothing was kept, or it cannot be read.
        InputError: the address of the service cannot be used.
    """
    signed = auth.Signed(access.secret, access.mailbox, access.config, access.save_secret, access.renewing)
    return Client(signed, auth.endpoint(access.config))


class Client:
    """The GET requests that calsignal makes. Wrap each in a retry; not to be shared by threads.

    root    the address below which the service is asked, with a slash at its end
    silent  how many seconds a connection may be silent
    whole   how many seconds one answer may take; `clock` tells seconds that never run backwards

    `service_time` is the service's clock as its last answer told it.
    """

    def __init__(
        self,
        signed: Signed,
        root: str,
        silent: float = SILENT_SECONDS,
        whole: float = WHOLE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._root = root
        self._signed = signed
        self._transport = _Transport(signed, (min(CONNECT_SECONDS, silent), silent), whole, clock)
        self._connection = _connection(self._transport)

    @property
    def service_time(self) -> datetime | None:
        return self._transport.service_time

    @property
    def certificate_ends(self) -> datetime | None:
        """Return until when the certificate is good by which an app signs in; None without one."""
        return self._signed.certificate_ends

    def get(self, where: str, **params: str) -> dict[str, Any]:
        """Return the object that the service has at a path below the root, or at a link that it gave itself.

        Raises:
            Retriable: there is no answer for now, or none that can be read.
            NeedsSignIn: the sign-in has ended, or does not allow it.
            NotThere: there is no such thing.
            NotUnderstood: the service does not take the request.
            SourceError: anything else; a link that leads to another place, too.
        """
        address = self._address(where)
        headers = {"Prefer": PREFER, "Accept": "application/json"}
        response = self._connection.naive_request(address, "get", params=params or None, headers=headers)
        try:
            answer = json.loads(json_text(response.content))
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise _unreadable(_host(address))
        return answer

    def close(self) -> None:
        """Give back the sockets."""
        self._transport.close()
        self._signed.close()

    def _address(self, where: str) -> str:
        """Return the whole address; a token goes to the configured place and to no other."""
        try:
            address = urljoin(self._root, where)
            parts, root = urlsplit(address), urlsplit(self._root)
            same = (parts.scheme, parts.netloc.lower()) == (root.scheme, root.netloc.lower())
        except ValueError:
            same = False
        if not same:
            fact = f"{_host(self._root)} sends on to another host, which is not asked"
            raise SourceError(fact, "if that is right, name that host as graph_url in [microsoft]")
        return address


def _connection(transport: _Transport) -> Any:  # noqa: ANN401
    """Return O365's connection, set to one attempt and no waiting, with our transport in it."""
    auth.quiet()
    with unwarned():  # the library changes the filters of everybody when it is loaded
        from O365 import Connection  # type: ignore[import-untyped]
        from O365.utils.token import MemoryTokenBackend  # type: ignore[import-untyped]
    made = Connection(
        "calsignal",
        auth_flow_type="public",
        token_backend=MemoryTokenBackend(),
        requests_delay=0,
        request_retries=0,
        raise_http_errors=False,
    )
    made.naive_session = transport
    return made


class _Transport:
    """What the library sends its requests through, in place of a session of its own."""

    def __init__(self, signed: Signed, timeout: tuple[float, float], whole: float, clock: Callable[[], float]) -> None:
        self._session = auth.session()
        self._signed, self._timeout, self._whole, self._clock = signed, timeout, whole, clock
        self.headers: dict[str, str] = {}  # the library writes those of its session to its log
        self.service_time: datetime | None = None

    def request(self, method: str, url: str, **more: Any) -> requests.Response:  # noqa: ANN401
        """Return a good answer. After a 401 the token is renewed, once."""
        response = self._once(method, url, **more)
        if response.status_code == 401:
            self._signed.renew()
            response = self._once(method, url, **more)
        problem = failure(_host(url), response.status_code, response.headers, response.content)
        if problem is not None:
            raise problem
        return response

    def close(self) -> None:
        self._session.close()

    def _once(self, method: str, url: str, **more: Any) -> requests.Response:  # noqa: ANN401
        headers = {**more.pop("headers"), "Authorization": f"Bearer {self._signed.token()}"}
        more |= {"allow_redirects": False, "stream": True, "timeout": self._timeout}
        with auth.reaching(_host(url)):
            response = self._session.request(method, url, headers=headers, **more)
            with response:
                response._content = self._whole_body(response)  # noqa: SLF001 # read within limits of our own
        self.service_time = _date(response.headers.get("Date", "")) or self.service_time
        return response

    def _whole_body(self, response: requests.Response) -> bytes:
        end = self._clock() + self._whole
        body = bytearray()
        for part in response.iter_content(65_536):
            body += part
            if len(body) > MOST_BYTES:
                fact = f"an answer of {_host(response.url)} is longer than {MOST_BYTES:,} bytes"
                raise SourceError(fact, "check graph_url in [microsoft]")
            if self._clock() > end:
                raise Retriable(f"{_host(response.url)} does not come to the end of its answer", _LATER)
        return bytes(body)


def failure(host: str, status: int, headers: Mapping[str, str], content: bytes) -> SourceError | None:
    """Return what an answer means that is not a good one; None for a good one."""
    if status == 200:
        return None
    code = _code(content)
    if code in _QUOTA:
        hint = "wait a day; if it stays, ask the administrator which limit the app or the mailbox has reached"
        return SourceError(f"the quota at {host} is used up", hint)
    if status in (408, 429) or status >= 500 or code in _SLOW_DOWN:
        fact = f"{host} cannot answer now (status {status})"
        return Retriable(fact, _LATER, retry_after=auth.waiting_time(headers), status=status)
    if status == 401:
        return NeedsSignIn(f"{host} does not accept the sign-in", _AGAIN)
    return _final(host, status, code)


def _final(host: str, status: int, code: str) -> SourceError:
    """Return what makes the same request useless for now."""
    if code in _NO_MAILBOX:
        hint = "check that the user has an Exchange Online licence, and that the mailbox is not on a server of your own"
        return SourceError(f"the service has no mailbox for this connection ({code})", hint)
    if status in (404, 410) or code in _NO_EVENT:
        return NotThere("there is no such event or calendar", "sync again")
    if status == 403:
        hint = (
            f"{_AGAIN} and accept all permissions; for --app-only, an administrator has to allow the app this mailbox"
        )
        return NeedsSignIn(f"{host} does not allow it to read this calendar{f' ({code})' if code else ''}", hint)
    if status < 400:
        return SourceError(f"{host} sends no answer but status {status}", "check graph_url in [microsoft]")
    hint = "update calsignal; if it stays, report it with the status"
    return NotUnderstood(f"{host} does not understand the request (status {status}{f', {code}' if code else ''})", hint)


def _unreadable(host: str) -> Retriable:
    return Retriable(f"what {host} sends is no answer of Microsoft Graph", _LATER)


def _code(content: bytes) -> str:
    """Return the word for machines in an error; nothing for what could be a text for people."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    error = found.get("error") if isinstance(found, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


def _host(url: str) -> str:
    return urlsplit(url).hostname or "the service"


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return found if found.tzinfo is not None else None
