"""Reading a feed over https: one conditional GET, with limits on size, time, redirects and where it may lead.

The address of a feed is a secret: whoever has it reads the calendar. No error names more of it than its host.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool

from calsignal.errors import NeedsSignIn, Retriable, SourceError

# it logs the path of each request, our secret: at DEBUG always, as a warning where headers are garbled
logging.getLogger("urllib3").setLevel(logging.CRITICAL)

_CHUNK = 64 * 1024
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_LATER = frozenset((408, 425, 429))
_TRANSLATED = tuple(map(ipaddress.IPv6Network, ("::/96", "::ffff:0:0:0/96", "64:ff9b::/96")))  # RFC 4291, 6052, 7915
_LOCAL_NAT64 = ipaddress.IPv6Network("64:ff9b:1::/48")  # RFC 8215
_CHECK = "check the address, and connect again if it has changed"
_AT_ONCE_FROM_A_HOST = 2  # no host says what it bears; a calendar program asks for one feed, a browser for six files
_turns: dict[str, threading.Semaphore] = {}


@dataclass(frozen=True)
class Limits:
    """Times in seconds; `size` in bytes, unpacked."""

    connect: float = 10
    read: float = 30
    total: float = 120
    size: int = 50 * 1024 * 1024
    redirects: int = 5


@dataclass(frozen=True)
class Answer:
    """What the feed sent: `body` is None if it has not changed since the validators were sent."""

    body: bytes | None
    validators: Mapping[str, str] = field(default_factory=dict)


def host(url: str) -> str:
    """Return the part of an address that may be shown."""
    return urlsplit(url).hostname or ""


def fetch(
    url: str, validators: Mapping[str, str], *, allow_private: bool = False, limits: Limits | None = None
) -> Answer:
    """Get a feed, unless it still is what `validators` (ETag, Last-Modified) say; two of one host at once, no more.

    Raises `NeedsSignIn` where the address is refused, `Retriable` for what may pass, else `SourceError`.
    """
    call = _Call(urlsplit(url).hostname or "the feed", limits or Limits(), allow_private=allow_private)
    turn = _turns.setdefault(call.host, threading.Semaphore(_AT_ONCE_FROM_A_HOST))
    try:
        with turn:
            return call.run(url, validators)
    except requests.exceptions.SSLError:
        fact, hint = f"the certificate of {call.host} is not valid", "tell whoever runs it; nothing was sent to it"
        raise SourceError(fact, hint) from None
    except ValueError:  # of requests, urllib3 and urllib alike, also about where a redirect leads
        raise SourceError(f"the address at {call.host} is not well formed", _CHECK) from None
    except (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError):
        raise call.too_slow() from None
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError, AttributeError):
        # an AttributeError is what a connection says that the watchdog closed
        raise call.broken() from None


class _Call:
    """One request with its redirects."""

    def __init__(self, host: str, limits: Limits, *, allow_private: bool) -> None:
        self.host = host
        self._limits = limits
        self._adapter = _Adapter(allow_private=allow_private)
        self._expired = threading.Event()

    def run(self, url: str, validators: Mapping[str, str]) -> Answer:
        with requests.Session() as session:
            session.trust_env = False  # no credentials from .netrc, no proxy that would look up names for us
            session.mount("https://", self._adapter)
            watchdog = threading.Timer(self._limits.total, self._expire)
            watchdog.daemon = True
            watchdog.start()
            try:
                return self._follow(session, url, validators)
            finally:
                watchdog.cancel()
                self._adapter.hang_up()

    def too_slow(self) -> Retriable:
        return Retriable(f"{self.host} takes too long to answer", "it will be tried again at the next sync")

    def broken(self) -> Retriable:
        if self._expired.is_set():
            return self.too_slow()
        return Retriable(f"{self.host} cannot be reached, or broke off", "check the network and the name of the host")

    def _expire(self) -> None:
        self._expired.set()
        self._adapter.hang_up()

    def _follow(self, session: requests.Session, url: str, validators: Mapping[str, str]) -> Answer:
        for _ in range(self._limits.redirects + 1):
            if urlsplit(url).scheme.lower() != "https":
                raise SourceError(f"{self.host} leads to an address that is not https", _CHECK)
            with self._get(session, url, validators) as response:
                if response.status_code not in _REDIRECTS:
                    return self._answer(response, validators)
                url = urljoin(url, response.headers.get("Location", ""))
        raise SourceError(f"{self.host} redirects more than {self._limits.redirects} times", _CHECK)

    def _get(self, session: requests.Session, url: str, validators: Mapping[str, str]) -> requests.Response:
        headers = {"User-Agent": "calsignal", "Accept": "text/calendar, */*;q=0.1", "Accept-Encoding": "gzip"}
        asked = {"If-None-Match": validators.get("etag"), "If-Modified-Since": validators.get("modified")}
        return session.get(
            url,
            headers={**headers, **{name: value for name, value in asked.items() if value}},
            timeout=(self._limits.connect, self._limits.read),
            verify=os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True,
            allow_redirects=False,
            stream=True,
        )

    def _answer(self, response: requests.Response, validators: Mapping[str, str]) -> Answer:
        if response.status_code == requests.codes.not_modified and validators:
            return Answer(None, validators)
        if response.status_code != requests.codes.ok:
            raise _refusal(self.host, response)
        names = {"etag": "ETag", "modified": "Last-Modified"}
        sent = {key: response.headers[name] for key, name in names.items() if name in response.headers}
        return Answer(self._body(response), sent)

    def _body(self, response: requests.Response) -> bytes:
        """Read the body in pieces: a small answer may unpack to a huge one."""
        pieces, size = [], 0
        for piece in response.iter_content(_CHUNK):
            size += len(piece)
            if self._expired.is_set():
                raise self.too_slow()
            if size > self._limits.size:
                raise SourceError(f"the feed at {self.host} is larger than {self._limits.size // 2**20} MB", _CHECK)
            pieces.append(piece)
        if self._expired.is_set():
            raise self.too_slow()
        return b"".join(pieces)


def _refusal(host: str, response: requests.Response) -> SourceError:
    status = response.status_code
    if status in (401, 403):
        hint = "get the calendar's secret address anew, and connect again with it"
        return NeedsSignIn(f"the feed at {host} refuses the address (status {status})", hint)
    if status in (404, 410):
        return SourceError(f"there is no feed at {host} under this address any more (status {status})", _CHECK)
    if status in _LATER or status >= 500:
        wait = _retry_after(response.headers)
        fact = f"{host} cannot answer now (status {status})"
        return Retriable(fact, "try again later", retry_after=wait, status=status)
    return SourceError(f"{host} gives an answer that is no feed (status {status})", _CHECK)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Read Retry-After (RFC 9110 10.2.3) in seconds; a date counts from the server's own clock."""
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text[:9])
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError):
        return None
    return max(0.0, wait.total_seconds())


class _Adapter(HTTPAdapter):
    """Connects only to public addresses, and to the very address it has checked: a name cannot change in between."""

    def __init__(self, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._sockets: list[socket.socket] = []
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 # passed on
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"https": _pool(self._connect)}

    def hang_up(self) -> None:
        """Cut all connections, also from another thread."""
        for connection in self._sockets:
            with suppress(OSError):  # the other side was faster
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _connect(self, name: str, port: int, timeout: float | None) -> socket.socket:
        connection = socket.create_connection((self._address(name, port), port), timeout)
        self._sockets.append(connection.dup())
        return connection

    def _address(self, name: str, port: int) -> str:
        """Return the first address of a host; raise unless all of them are public."""
        found = [str(row[4][0]) for row in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)]
        if not self._allow_private and not all(is_public(address) for address in found):
            hint = "if that is meant, set private_addresses = true in [privacy] of the config"
            raise SourceError(f"{name} is an address inside a private network", hint)
        return found[0]


def is_public(address: str) -> bool:
    """Say whether an address is on the public internet, also one of IPv4 inside one of IPv6."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(parsed, ipaddress.IPv4Address):
        return parsed.is_global and not parsed.is_multicast
    inner = parsed.ipv4_mapped or parsed.sixtofour
    if any(parsed in network for network in _TRANSLATED):
        inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
    if inner is not None:
        return is_public(str(inner))
    local = parsed.is_site_local or parsed in _LOCAL_NAT64
    return parsed.is_global and not parsed.is_multicast and not local


def _pool(connect: Callable[[str, int, float | None], socket.socket]) -> type[HTTPSConnectionPool]:
    class Connection(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            wait = self.timeout if isinstance(self.timeout, int | float) else None
            return connect(self.host, self.port or 443, wait)

    class Pool(HTTPSConnectionPool):
        ConnectionCls = Connection

    return Pool
