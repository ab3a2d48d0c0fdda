"""A server on loopback that behaves like Microsoft's identity platform and Graph, over TLS, with all their faults.

    with MicrosoftService() as service:
        service.environment(monkeypatch)  # requests trusts the throw-away authority
        box = service.mailbox("rep@ours.example")
        key = box.add("Kick-off", attendees=["ann@acme.example"])
        box.answer(key, "ann@acme.example", at=service.now)
        service.fault(faults.too_many(retry_after=3), page=2)

It has no time of its own: `service.now` stands still until a test sets it or calls `wait`. It is `127.0.0.1`;
`localhost` leads to it too, with a certificate that is as good, and stands for a foreign host: see
`asked(host="localhost")`.
"""

from __future__ import annotations

import json
import re
import shutil
import ssl
import tempfile
import threading
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import trustme

from loopback import Fault, Planned, Reply, Request, Server, visit
from microsoft_calendar.service_directory import Directory
from microsoft_calendar.service_faults import ApiError, answer
from microsoft_calendar.service_graph import Graph, Pages
from microsoft_calendar.service_identity import Consent, SignIn
from microsoft_calendar.service_values import Json
from microsoft_calendar.service_world import BERLIN, Mailbox, World

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
"""When the service's clock begins."""

DATA = r"/(calendarView|events|instances)(/|$)"
"""What the path of a request for events looks like."""

AT_ONCE = 4
"""How many requests a mailbox takes at once."""

CA_NAMES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


class Environment(Protocol):
    """What `pytest.MonkeyPatch` can do."""

    def setenv(self, name: str, value: str) -> None: ...

    def delenv(self, name: str, raising: bool = True) -> None: ...


class MicrosoftService:
    """The service; use it in a `with`. Every setting may be changed at any time.

    now         the service's clock; also the Date header of answers
    base_path   where Graph is: `/v1.0`, or `/gateway/graph/v1.0`, say
    requests    everything that was asked, in order
    sign_in     tokens, the app and its settings (`SignIn`); `sign_in.consent` is what the person does
    directory   the accounts, tenants and groups (`Directory`)
    pages       `size` (the most items of a page), `overlap` (items that come again on the next page)
    pace        seconds that each request for a mailbox takes, so that those made at once are at once
    most        the most requests at once that each mailbox has seen, those that got a 429 for it too
    ca          the path of a file with the throw-away authority
    """

    def __init__(self, base_path: str = "/v1.0", now: datetime = NOW) -> None:
        self.now = now
        self.base_path = base_path
        self.requests: list[Request] = []
        self.world = World(lambda: self.now)
        self.directory = Directory()
        self.sign_in = SignIn(lambda: self.now, self.directory)
        self.graph = Graph(self.world, self.directory, lambda: self.sign_in.app)
        self.pace: float = 0
        self.most: Counter[str] = Counter()
        self.crashes: list[Exception] = []
        self.stopping = threading.Event()
        self._faults: list[Planned] = []
        self._strangers = 0
        self._busy: Counter[str] = Counter()
        self._browsers: list[threading.Thread] = []
        self._folder = Path(tempfile.mkdtemp(prefix="sample-authority-"))
        self.ca = str(self._folder / "ca.pem")
        _authority()[0].cert_pem.write_to_path(self.ca)
        self._server = Server(self, self._certificate)

    def __enter__(self) -> Self:
        run = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        run.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.hang_up()
        self._server.server_close()
        for thread in self._browsers:
            thread.join(timeout=5)
        shutil.rmtree(self._folder)
        if self.crashes and error is None:
            raise RuntimeError("the service itself failed") from self.crashes[0]

    # Addresses

    @property
    def root(self) -> str:
        """Return `https://127.0.0.1:PORT`, without a slash at the end: the authority without a tenant."""
        return f"https://127.0.0.1:{self._server.server_port}"

    @property
    def graph_url(self) -> str:
        """Return the address of Graph with its version, without a slash at the end."""
        return f"{self.root}{self.base_path}"

    @property
    def graph_root(self) -> str:
        """Return the address of Graph without its version, without a slash at the end."""
        return self.graph_url.removesuffix("/v1.0")

    def authority(self, tenant: str = "common") -> str:
        """Return the authority with a tenant, as msal takes it."""
        return f"{self.root}/{tenant}"

    @property
    def instance_discovery(self) -> str:
        """Return the address of the instance discovery."""
        return f"{self.root}/common/discovery/instance"

    @property
    def pages(self) -> Pages:
        return self.graph.pages

    def environment(self, monkeypatch: Environment) -> None:
        """Let requests (and with it msal and O365) trust this service's authority and no other one, and no proxy."""
        for name in CA_NAMES:
            monkeypatch.delenv(name, raising=False)
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.lower(), raising=False)
        for name in CA_NAMES:
            monkeypatch.setenv(name, self.ca)

    # The world

    def mailbox(self, address: str, *, zone: str = BERLIN, personal: bool = False, **fields: object) -> Mailbox:
        """Return a person's mailbox; it is made the first time, with the account (`Directory.add`) if there is none."""
        if address in self.world.boxes:
            return self.world.boxes[address]
        with self.world.lock:
            if address not in self.directory.people:
                self.directory.add(address, personal=personal, **fields)  # type: ignore[arg-type]
            self.world.boxes[address] = Mailbox(self.world, address, zone)
        return self.world.boxes[address]

    def wait(self, **time: float) -> None:
        """Let the clock go on: `wait(hours=1)`."""
        self.now += timedelta(**time)

    def token(self, user: str, *scopes: str) -> str:
        """Return an access token of a person without a sign-in; by default `Calendars.ReadBasic` and `User.Read`."""
        return str(self.sign_in.issue(user, *(scopes or ("Calendars.ReadBasic", "User.Read")))["access_token"])

    def app_token(self) -> str:
        """Return an access token of the app by itself, with the roles of `sign_in.app`."""
        return self.sign_in.app_token()

    # What the person does

    @property
    def consent(self) -> Consent:
        """Return what the person in front of the browser does."""
        return self.sign_in.consent

    @consent.setter
    def consent(self, consent: Consent) -> None:
        self.sign_in.consent = consent

    def browse(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
        """Open an address as a browser would, in the background, and follow where it leads.

        For `webbrowser.open`; for `webbrowser.get` see `get_browser`.
        """
        thread = threading.Thread(target=visit, args=(url, _trusting()), daemon=True)
        self._browsers.append(thread)
        thread.start()
        return True

    open = browse

    def get_browser(self, using: str | None = None) -> Self:
        """Stand in for `webbrowser.get`: the service itself has the method `open`."""
        return self

    # Faults

    def fault(self, fault: Fault, times: int = 1, *, path: str = DATA, page: int | None = None, after: int = 0) -> None:
        """Let the next `times` matching requests go wrong; several faults wait for each other.

        path    a regular expression that the path of the request has to contain: `/token$`, `/users$`, ...
        page    only requests for this page of a list, from 1
        after   let so many matching requests pass first
        """
        self._faults.append(Planned(fault, times, path, page, after))

    def heal(self) -> None:
        """Forget all faults that have not come yet."""
        self._faults.clear()
        self._strangers = 0

    def wrong_certificate(self, times: int = 1) -> None:
        """Show a certificate of an unknown authority on the next `times` connections; those that are open end."""
        self._strangers = times
        self._server.hang_up()

    def expire_access_tokens(self, user: str | None = None) -> None:
        """End the access tokens of a user ("" for the app), or all of them; refresh tokens stay good."""
        self.sign_in.expire(user)

    def revoke(self, user: str | None = None) -> None:
        """End all tokens of a user, or of everybody: a refresh is AADSTS50173."""
        self.sign_in.revoke(user)

    def detour(self, request: Request, due: Reply) -> Reply:
        """Turn a list answer into an empty one whose next link leads to it."""
        page: Json = json.loads(due.body)
        token = self.pages.token()
        self.pages.canned[token] = (due, request.page + 1)
        link = f"{self.root}{request.path}?$skiptoken={token}"
        self.pages.count_on(page.get("@odata.nextLink", ""))
        return answer(page | {"value": [], "@odata.nextLink": link})

    # What was asked

    def asked(self, path: str = DATA, *, host: str = "") -> list[Request]:
        """Return the requests whose path contains a regular expression, those for events unless told otherwise."""
        return [each for each in self.requests if re.search(path, each.path) and each.host.startswith(host)]

    # Inside

    def respond(self, request: Request) -> Reply:
        """Answer one request."""
        with self.world.lock:
            request = replace(request, page=self.pages.number(request))
            self.requests.append(request)
            box = self._box(request)
            if box:
                self._busy[box] += 1
                self.most[box] = max(self.most[box], self._busy[box])
            reply = self._reply(request, box)
        if not box:
            return reply
        return replace(reply, pause=reply.pause or self.pace, done=partial(self._done, box))

    def _reply(self, request: Request, box: str | None) -> Reply:
        planned = next((each for each in self._faults if each.takes(request)), None)
        due = partial(self._due, request, box)
        return planned.fault(self, request, due) if planned else due()

    def _due(self, request: Request, box: str | None) -> Reply:
        try:
            return self.sign_in.respond(request, self.root) or self._data(request, box)
        except ApiError as error:
            return error.reply
        except Exception as error:  # noqa: BLE001 # shown when the service stops, and to the client as an error
            self.crashes.append(error)
            return ApiError(500, "InternalServerError").reply

    def _data(self, request: Request, box: str | None) -> Reply:
        if not request.path.startswith(f"{self.base_path}/"):
            raise ApiError(404, "UnknownError")
        grant = self.sign_in.allowed(request)
        if box and self._busy[box] > AT_ONCE:
            raise ApiError(429, "ApplicationThrottled", Retry_After="1")
        return self.graph.respond(request, grant, self.base_path, self.root)

    def _box(self, request: Request) -> str | None:
        """Return the mailbox that a request is for, as far as its token tells."""
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        grant = self.sign_in.tokens.get(token)
        if grant is None or not request.path.startswith(f"{self.base_path}/"):
            return None
        return self.graph.mailbox_of(request, grant, self.base_path)

    def _done(self, box: str) -> None:
        with self.world.lock:
            self._busy[box] -= 1

    def _certificate(self) -> ssl.SSLContext:
        """Return what the next connection is shown."""
        known, stranger = _contexts()
        if self._strangers > 0:
            self._strangers -= 1
            return stranger
        return known


NAMES = ("127.0.0.1", "localhost")


@cache
def _authority() -> tuple[trustme.CA, trustme.CA]:
    """Return the authority that is trusted, and one that nobody knows."""
    return trustme.CA(), trustme.CA()


@cache
def _contexts() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    known, stranger = (_context(authority) for authority in _authority())
    return known, stranger


def _context(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*NAMES).configure_cert(context)
    return context


@cache
def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    _authority()[0].configure_trust(context)
    return context
