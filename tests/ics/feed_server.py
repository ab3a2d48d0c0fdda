"""A feed server on loopback that answers over TLS as a test tells it to."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

NAMES = ("localhost", "feed.example")


class FeedServer(ThreadingHTTPServer):
    """Answers each request as `respond` says, and remembers what was asked."""

    daemon_threads = True
    respond: Callable[[Handler], object]

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.context = context
        self.reset()

    def reset(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.over = threading.Event()

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 # as socketserver has it
        with self.context.wrap_socket(request, server_side=True) as secured:
            Handler(secured, client_address, self)

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet: clients that hang up are what these tests are about."""

    def url(self, path: str = "/private-5ecret/basic.ics", host: str = "localhost") -> str:
        return f"https://{host}:{self.server_port}{path}"


class Handler(BaseHTTPRequestHandler):
    server: FeedServer

    def do_GET(self) -> None:
        self.server.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        self.server.respond(self)

    def log_message(self, *args: object) -> None:
        """Keep quiet."""

    def send(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
