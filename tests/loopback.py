"""A server on loopback for services of tests: requests and answers, what goes wrong between them, and a browser.

A service has `now` (its clock), `stopping` (an event), and `respond`, which turns a `Request` into a `Reply`.
"""

from __future__ import annotations

import re
import socket
import ssl
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event
from typing import Any, Protocol
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import HTTPSHandler, OpenerDirector, ProxyHandler, build_opener


@dataclass(frozen=True)
class Request:
    """One request as it came; of a parameter that was given twice `params` has the last value, `repeated` all.

    `page` counts the pages of a list from 1; `body` is that of a form. What is secret does not show in the repr.
    """

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Mapping[str, str] = field(default_factory=dict, repr=False)
    repeated: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    page: int = 1

    @property
    def host(self) -> str:
        """Return the host that was asked, as it was named: `127.0.0.1:8443`."""
        return self.headers.get("host", "")


@dataclass(frozen=True)
class Reply:
    """One answer. `length` is announced where it is not the body's; `pause` in seconds; `reset` breaks the line."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json; charset=UTF-8"})
    length: int | None = None
    pause: float = 0
    reset: bool = False
    done: Callable[[], None] | None = field(default=None, repr=False)


Due = Callable[[], Reply]
Fault = Callable[[Any, Request, Due], Reply]
"""Gets the service, the request and a function that gives the answer that is due; returns what is sent."""


@dataclass
class Planned:
    """A fault that waits for its requests."""

    fault: Fault
    times: int
    path: str
    page: int | None
    after: int

    def takes(self, request: Request) -> bool:
        """Tell whether this request is the fault's, and count it."""
        if self.times <= 0 or not re.search(self.path, request.path):
            return False
        if self.page is not None and request.page != self.page:
            return False
        if self.after > 0:
            self.after -= 1
            return False
        self.times -= 1
        return True


# Faults that any service can have


def truncated_body() -> Fault:
    """Announce the whole length, send half of the body and hang up."""

    def reply(service: object, request: Request, due: Due) -> Reply:
        whole = due()
        return replace(whole, body=whole.body[: len(whole.body) // 2], length=len(whole.body))

    return reply


def cut_json() -> Fault:
    """Send half of the JSON with the length of that half."""

    def reply(service: object, request: Request, due: Due) -> Reply:
        whole = due()
        return replace(whole, body=whole.body[: len(whole.body) // 2])

    return reply


def html_page() -> Fault:
    """Answer 200 with a web page, as a proxy does that wants a sign-in."""
    page = b"<!doctype html><html><head><title>Sample proxy</title></head><body>Please sign in</body></html>"
    return lambda service, request, due: Reply(200, page, {"Content-Type": "text/html; charset=utf-8"})


def slow(seconds: float = 600) -> Fault:
    """Answer after so many seconds, or not at all once the service stops."""
    return lambda service, request, due: replace(due(), pause=seconds)


def connection_reset() -> Fault:
    """Break the connection instead of an answer."""
    return lambda service, request, due: Reply(reset=True)


def meanwhile(act: Callable[[Any], object]) -> Fault:
    """Do something just before this request is answered as it is due: change a calendar between two pages, say."""

    def reply(service: object, request: Request, due: Due) -> Reply:
        act(service)
        return due()

    return reply


# The server


class Service(Protocol):
    stopping: Event

    @property
    def now(self) -> datetime: ...

    def respond(self, request: Request) -> Reply: ...


class Server(ThreadingHTTPServer):
    """Serves on a free port of 127.0.0.1; with `context`, asked once for each connection, over TLS."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, service: Service, context: Callable[[], ssl.SSLContext] | None = None) -> None:
        self.service = service
        self.context = context
        self.lines: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet: clients that hang up are part of the tests."""

    def hang_up(self) -> None:
        """Close the lines that clients keep open."""
        for line in list(self.lines):
            with suppress(OSError):
                line.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self) -> None:
        if self.server.context is not None:
            self.request = self._encrypted(self.request, self.server.context())
        super().setup()
        self.server.lines.add(self.connection)

    @staticmethod
    def _encrypted(line: socket.socket, context: ssl.SSLContext) -> ssl.SSLSocket:
        """Shake hands here, in the connection's own thread, and not while others wait to be let in."""
        return context.wrap_socket(line, server_side=True)

    def finish(self) -> None:
        self.server.lines.discard(self.connection)
        with suppress(OSError):
            super().finish()
        if self.server.context is not None:  # the server closes the plain socket, which is not this one any more
            self.connection.close()

    def log_message(self, *args: object) -> None:
        """Keep quiet: an address may hold a secret."""

    def date_time_string(self, timestamp: float | None = None) -> str:
        return format_datetime(self.server.service.now.astimezone(UTC), usegmt=True)

    def do_GET(self) -> None:
        self._answer(self.server.service.respond(self._request()))

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815 # as http.server has it

    def _request(self) -> Request:
        parts = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        form = parse_qs(body, keep_blank_values=True)
        query = parse_qs(parts.query, keep_blank_values=True)
        method = self.headers.get("x-http-method-override", self.command)
        if method != self.command:  # a long address comes as a form
            query, form = query | form, {}
        headers = {name.lower(): value for name, value in self.headers.items()}
        repeated = {name: tuple(values) for name, values in query.items()}
        return Request(method, parts.path, _last(query), headers, _last(form), repeated)

    def _answer(self, reply: Reply) -> None:
        stopped = bool(reply.pause) and self.server.service.stopping.wait(reply.pause)
        if reply.done:
            reply.done()
        if reply.reset or stopped:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body) if reply.length is None else reply.length))
        self.end_headers()
        self.wfile.write(reply.body)
        self.wfile.flush()
        if reply.length is not None:
            self.close_connection = True


def _last(values: Mapping[str, list[str]]) -> dict[str, str]:
    return {name: each[-1] for name, each in values.items()}


# The browser


def visit(url: str, context: ssl.SSLContext | None = None) -> None:
    """Fetch a page and those that it leads to, as a browser does: redirects are followed, a form sends itself.

    An error page and a dead end are read like any other.
    """
    opener = build_opener(ProxyHandler({}), HTTPSHandler(context=context))
    with suppress(OSError):
        form = _Form()
        form.feed(_read(opener, url))
        if form.action:
            _read(opener, form.action, urlencode(form.values).encode())


def _read(opener: OpenerDirector, url: str, data: bytes | None = None) -> str:
    try:
        with opener.open(url, data, timeout=10) as page:
            return bytes(page.read()).decode()
    except HTTPError as error:
        with error:
            return ""


class _Form(HTMLParser):
    """The one form of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.action = ""
        self.values: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = given.get("action", "")
        if tag == "input" and "name" in given:
            self.values[given["name"]] = given.get("value", "")
