"""A server on loopback that behaves like Google Calendar: sign-in, calendars, the directory, and all their faults.

    with GoogleService() as service:
        box = service.mailbox("rep@ours.example")
        name = box.add("Kick-off", attendees=["ann@acme.example"])
        box.answer(name, "ann@acme.example")
        service.fault(faults.full_sync_required(), page=2)

It has no time of its own: `service.now` stands still until a test sets it or calls `wait`.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from types import TracebackType
from typing import Self
from urllib.parse import unquote

from google_calendar.service_calendar import EVENT_SCOPES, LIST_SCOPES, WHOLE, CalendarApi, Pages
from google_calendar.service_directory import MEMBER_SCOPES, USER_SCOPES, Directory
from google_calendar.service_faults import ApiError, answer
from google_calendar.service_fields import select
from google_calendar.service_oauth import Consent, Grant, SignIn
from google_calendar.service_world import Json, Mailbox, World
from loopback import Fault, Planned, Reply, Request, Server, visit

NOW = datetime(2026, 3, 1, 8, tzinfo=UTC)
"""When the service's clock begins."""

DATA = r"/events(/|$)"
"""What the path of a request for events looks like."""

Handler = Callable[[Request, Grant, list[str]], Json]


class GoogleService:
    """The service; use it in a `with`. Every setting may be changed at any time.

    now         the service's clock; also the Date header of answers
    base_path   where the Calendar API is: `/gw/www.googleapis.com/calendar/v3/`, say
    requests    everything that was asked, in order
    sign_in     tokens, the app and its settings (`SignIn`); `sign_in.consent` is what the person does
    directory   the company (`Directory`)
    pages       `size`, `overlap` (items that come again on the next page), `padding` (longer tokens)
    """

    def __init__(self, base_path: str = "/calendar/v3/", now: datetime = NOW) -> None:
        self.now = now
        self.base_path = base_path
        self.requests: list[Request] = []
        self.world = World(lambda: self.now)
        self.pages = Pages()
        self.directory = Directory()
        self.sign_in = SignIn(lambda: self.now, self._accounts)
        self.calendar = CalendarApi(self.world, self.pages)
        self.crashes: list[Exception] = []
        self.stopping = threading.Event()
        self._faults: list[Planned] = []
        self._canned: dict[str, Reply] = {}
        self._browsers: list[threading.Thread] = []
        self._server = Server(self)

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
        if self.crashes and error is None:
            raise RuntimeError("the service itself failed") from self.crashes[0]

    # Addresses and files

    @property
    def root(self) -> str:
        """Return `http://127.0.0.1:PORT`, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def api_endpoint(self) -> str:
        """Return the address of the Calendar API, with a slash at the end."""
        return f"{self.root}{self.base_path}"

    @property
    def directory_endpoint(self) -> str:
        """Return what stands before `admin/directory/v1/`, with a slash at the end."""
        return f"{self.root}{self.base_path.removesuffix('calendar/v3/')}"

    def client_secrets(self) -> Json:
        """Return the client file of a desktop app with addresses of this service."""
        return self.sign_in.client_secrets(self.root)

    def service_account_key(self, email: str = "reader@sample-project.service.example") -> Json:
        """Return the key file of a service account with addresses of this service."""
        return self.sign_in.service_account_key(self.root, email)

    # The world

    def mailbox(self, address: str, *, zone: str = "Europe/Berlin") -> Mailbox:
        """Return a person's account with its primary calendar; it is made the first time, in the directory too."""
        found = self.world.agendas.get(address)
        if isinstance(found, Mailbox):
            return found
        made = Mailbox(self.world, address, address, address, zone)
        with self.world.lock:
            self.world.agendas[address] = made
        if address.partition("@")[2] in self.directory.domains and address not in self.directory.users:
            self.directory.add(address)
        return made

    def wait(self, **time: float) -> None:
        """Let the clock go on: `wait(hours=1)`."""
        self.now += timedelta(**time)

    def token(self, user: str, *scopes: str) -> str:
        """Return an access token without a sign-in; by default with the scope `calendar.readonly`."""
        asked = scopes or ("https://www.googleapis.com/auth/calendar.readonly",)
        return self.sign_in.issue(user, *asked)[0]

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
        thread = threading.Thread(target=visit, args=(url,), daemon=True)
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

    def expire_sync_tokens(self) -> None:
        """Let all sync tokens that were given until now be no good any more (410)."""
        self.pages.syncs.clear()

    def expire_access_tokens(self, user: str | None = None) -> None:
        """End the access tokens of a user, or of everybody; refresh tokens stay good."""
        self.sign_in.expire(user)

    def revoke(self, user: str | None = None) -> None:
        """End all tokens of a user, or of everybody: a refresh is `invalid_grant`."""
        self.sign_in.revoke(user)

    def detour(self, due: Reply) -> Reply:
        """Turn a list answer into an empty one whose page token leads to it."""
        page = json.loads(due.body)
        token = self.pages.token()
        self._canned[token] = due
        kept = {name: value for name, value in page.items() if name not in {"nextPageToken", "nextSyncToken"}}
        empty: Json = {name: [] if isinstance(value, list) else value for name, value in kept.items()}
        return answer(empty | {"nextPageToken": token})

    # What was asked

    def asked(self, path: str = DATA) -> list[Request]:
        """Return the requests whose path contains a regular expression, those for events unless told otherwise."""
        return [request for request in self.requests if re.search(path, request.path)]

    # Inside

    def respond(self, request: Request) -> Reply:
        """Answer one request."""
        with self.world.lock:
            request = replace(request, page=self.pages.number(request))
            self.requests.append(request)
            planned = next((each for each in self._faults if each.takes(request)), None)
            due = partial(self._due, request)
            return planned.fault(self, request, due) if planned else due()

    def _due(self, request: Request) -> Reply:
        try:
            return self._sign_in(request) or self._data(request)
        except ApiError as error:
            return error.reply
        except Exception as error:  # noqa: BLE001 # shown when the service stops, and to the client as an error
            self.crashes.append(error)
            return ApiError(500, "backendError").reply

    def _sign_in(self, request: Request) -> Reply | None:
        match request.path:
            case "/o/oauth2/auth" | "/o/oauth2/v2/auth":
                return self.sign_in.authorize(request)
            case "/token":
                return self.sign_in.token(request, f"{self.root}/token")
            case "/revoke":
                return self.sign_in.revoked(request)
        return None

    def _data(self, request: Request) -> Reply:
        for pattern, scopes, schema, handle in self._routes():
            found = re.fullmatch(pattern, request.path)
            if not found:
                continue
            if request.method != "GET":
                raise ApiError(403, "forbidden", "This service is read-only")
            grant = self.sign_in.allowed(request, scopes)
            canned = self._canned.get(request.params.get("pageToken", ""))
            if canned:
                return canned
            value = handle(request, grant, [unquote(part) for part in found.groups()])
            document = "admin.directory_v1" if schema in {"Users", "Members"} else "calendar.v3"
            fields = request.params.get("fields")
            return answer(select(value, fields, schema, document) if fields else value)
        raise ApiError(404, "notFound")

    def _routes(self) -> list[tuple[str, frozenset[str], str, Handler]]:
        base, directory = re.escape(self.base_path), rf"(?:{re.escape(self.base_path.removesuffix('calendar/v3/'))}|/)"
        api = self.calendar
        return [
            (rf"{base}calendars/([^/]+)/events", EVENT_SCOPES, "Events", lambda r, g, p: api.events(r, g, *p)),
            (rf"{base}calendars/([^/]+)/events/([^/]+)", EVENT_SCOPES, "Event", lambda r, g, p: api.event(r, g, *p)),
            (
                rf"{base}calendars/([^/]+)/events/([^/]+)/instances",
                EVENT_SCOPES,
                "Events",
                lambda r, g, p: api.instances(r, g, *p),
            ),
            (rf"{base}calendars/([^/]+)", WHOLE, "Calendar", lambda r, g, p: api.calendar(r, g, *p)),
            (rf"{base}users/me/calendarList", LIST_SCOPES, "CalendarList", lambda r, g, p: api.calendars(r, g)),
            (
                rf"{base}users/me/calendarList/([^/]+)",
                LIST_SCOPES,
                "CalendarListEntry",
                lambda r, g, p: api.entry(r, g, *p),
            ),
            (rf"{directory}admin/directory/v1/users", USER_SCOPES, "Users", lambda r, g, p: self._users(r, g)),
            (
                rf"{directory}admin/directory/v1/groups/([^/]+)/members",
                MEMBER_SCOPES,
                "Members",
                lambda r, g, p: self._members(r, g, *p),
            ),
        ]

    def _users(self, request: Request, grant: Grant) -> Json:
        page = self.pages.next("users", request, 100)
        if page is not None:
            return page
        users = self.directory.list_users(request, grant)
        head: Json = {"kind": "admin#directory#users", "etag": '"users"'}
        return self.pages.first("users", request, users, head, {}, 100, "users")

    def _members(self, request: Request, grant: Grant, group: str) -> Json:
        page = self.pages.next(group, request, 200)
        if page is not None:
            return page
        members = self.directory.list_members(request, grant, group)
        head: Json = {"kind": "admin#directory#members", "etag": '"members"'}
        return self.pages.first(group, request, members, head, {}, 200, "members")

    def _accounts(self) -> list[str]:
        boxes = [name for name, agenda in self.world.agendas.items() if isinstance(agenda, Mailbox)]
        ours, users = self.directory.domains, self.directory.users
        strangers = [name for name in boxes if name.partition("@")[2] not in ours]
        return [name for name, user in users.items() if not user.suspended] + strangers
