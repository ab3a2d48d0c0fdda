"""A mail server and a server for webhooks on loopback, which keep what they get and refuse what a test tells them."""

from __future__ import annotations

import asyncio
import json
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "robot@ours.example", "s3cret/p@ss"


@dataclass
class Mailboxes:
    """What came by mail; `refusals` are answered, one each, in the place of an acceptance."""

    port: int = 0
    got: list[tuple[Envelope, EmailMessage]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)
    secret: list[bool] = field(default_factory=list)

    async def handle_RCPT(  # noqa: N802 # as aiosmtpd calls it
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self.unknown:
            return "550 5.1.1 nobody is called " + address
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.refusals:
            return self.refusals.pop(0)
        content = envelope.content
        assert isinstance(content, bytes)
        self.secret.append(session.ssl is not None)
        self.got.append((envelope, message_from_bytes(content, policy=default)))
        return "250 OK"


def last(boxes: Mailboxes) -> EmailMessage:
    """Return the mail that came last."""  # no property: aiosmtpd looks at all of a handler's
    return boxes.got[-1][1]


def _check(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:  # noqa: ANN401
    assert isinstance(data, LoginPassword)
    return AuthResult(success=(data.login, data.password) == (USER.encode(), PASSWORD.encode()), handled=False)


@contextmanager
def mail_server(context: ssl.SSLContext | None, *, at_once: bool) -> Iterator[Mailboxes]:
    """Run a mail server: with TLS at once, with STARTTLS, or (no context) with neither."""
    boxes = Mailboxes()
    loop = asyncio.new_event_loop()

    def protocol() -> SMTP:
        inside = {} if at_once or context is None else {"tls_context": context, "require_starttls": True}
        auth = {"authenticator": _check, "auth_required": not at_once, "auth_require_tls": not at_once}
        return SMTP(boxes, hostname="mail.example", loop=loop, **inside, **(auth if context else {}))  # type: ignore[arg-type]

    opening = loop.create_server(protocol, "127.0.0.1", 0, ssl=context if at_once else None)
    with ThreadPoolExecutor(1) as aside:  # a test of a browser may have a loop running in this thread
        server = aside.submit(loop.run_until_complete, opening).result()
        boxes.port = server.sockets[0].getsockname()[1]
        running = aside.submit(loop.run_forever)
        try:
            yield boxes
        finally:
            loop.call_soon_threadsafe(server.close)
            loop.call_soon_threadsafe(loop.stop)
            running.result()
            aside.submit(lambda: loop.run_until_complete(_hang_up())).result()
            loop.close()


async def _hang_up() -> None:
    """End what clients left open."""
    pending = asyncio.all_tasks() - {asyncio.current_task()}
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    await asyncio.sleep(0)  # transports that were closed say so in the next round


class HookServer(ThreadingHTTPServer):
    """Takes webhooks over TLS; `answers` are given, one each, before it says 200 again."""

    daemon_threads = True

    def __init__(self, context: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.reset()

    def reset(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []

    @property
    def last(self) -> Any:  # noqa: ANN401 # JSON
        return json.loads(self.got[-1][2])

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet: clients that do not trust us hang up."""


class _Hook(BaseHTTPRequestHandler):
    server: HookServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.got.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        status, headers = self.server.answers.pop(0) if self.server.answers else (200, {})
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


@contextmanager
def hook_server(context: ssl.SSLContext | None) -> Iterator[HookServer]:
    server = HookServer(context)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
