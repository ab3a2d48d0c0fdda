"""Where a report can be sent to, read from an address that is a secret. Pure.

    smtps://USER:PASSWORD@HOST[:465]?from=ADDRESS[&to=ADDRESS]...     mail, over TLS from the first byte
    smtp://USER:PASSWORD@HOST[:587]?from=ADDRESS[&to=ADDRESS]...      mail, made secret by STARTTLS, or not sent
    https://hooks.slack.com/...                                       a channel of Slack
    https://...logic.azure.com/... and Power Platform's               a chat of Teams, by a workflow
    slack+https://HOST/...  teams+https://HOST/...                    the same behind a gateway of your own
    https://HOST/...                                                  a webhook that takes JSON
    anything else                                                     what Apprise knows

Neither a repr nor an error ever shows more of an address than its kind and its host.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address as Mailbox
from email.utils import parseaddr
from enum import Enum
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from calsignal.errors import InputError

PLAIN = "none"
"""The value of `tls` with which mail goes in clear, to a server of the same machine."""

_SLACK = ("hooks.slack.com", "hooks.slack-gov.com")
_TEAMS = (".logic.azure.com", ".logic.azure.us", ".powerplatform.com", ".powerplatform.us", ".webhook.office.com")
_PORTS = {"smtps": 465, "smtp": 587}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_SHAPE = "write it as smtps://USER:PASSWORD@HOST?from=digest@company.example"
_ENCODE = "write @ : / ? # and % inside a user or a password as %40 %3A %2F %3F %23 and %25"


class Service(Enum):
    """What is at the other end."""

    SLACK = "Slack"
    TEAMS = "Teams"
    JSON = "webhook"


class Tls(Enum):
    """When a connection to a mail server becomes secret."""

    AT_ONCE = "at once"
    STARTED = "STARTTLS"
    NEVER = "never"


@dataclass(frozen=True)
class Mail:
    """A mail server and who writes to whom; without `to` mail goes to the rep whose report it is."""

    host: str
    port: int = field(repr=False)
    tls: Tls = field(repr=False)
    sender: str = field(repr=False)
    to: tuple[str, ...] = field(default=(), repr=False)
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    kind: str = "mail"


@dataclass(frozen=True)
class Hook:
    """A web address that takes messages."""

    host: str
    service: Service
    url: str = field(repr=False)

    @property
    def kind(self) -> str:
        return self.service.value


@dataclass(frozen=True)
class Other:
    """An address of a service that Apprise knows; `kind` is its scheme."""

    kind: str
    url: str = field(repr=False)
    host: str = "by Apprise"


Address = Mail | Hook | Other


def read(text: str, *, private: bool = False) -> Address:
    """Return what an address means; `private` lets it be one without encryption (`[privacy] private_addresses`).

    Raises:
        InputError: nobody can send to it; nothing of it is quoted.
    """
    text = text.strip()
    scheme = text.partition("://")[0].lower() if "://" in text else ""
    if scheme in _PORTS:
        return _mail(scheme, *_split(text), private=private)
    if scheme in ("mailto", "mailtos"):
        raise InputError("mail needs the address of a server", _SHAPE)
    service, _, transport = scheme.rpartition("+")
    if transport in ("http", "https") and service in ("", "slack", "teams", "json"):
        return _hook(service, transport, _split(text)[0], private=private)
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*", scheme):
        raise InputError("it is no address: it has no scheme", f"{_SHAPE}, or paste a webhook: https://...")
    return Other(scheme, text)


def _split(text: str) -> tuple[SplitResult, int | None]:
    """Return the parts of an address, and its port."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise InputError("the address is not well formed", _SHAPE) from None
    return parts, port


def _hook(service: str, transport: str, parts: SplitResult, *, private: bool) -> Hook:
    host = (parts.hostname or "").lower()
    if not host:
        raise InputError("the address names no host", "paste the webhook as the service shows it: https://...")
    if transport != "https" and not private:
        hint = "use https, or set private_addresses = true in [privacy] of the config"
        raise InputError("the address is not https: whoever is on the way could read the report", hint)
    return Hook(host, _service(service, host), parts._replace(scheme=transport).geturl())


def _service(named: str, host: str) -> Service:
    if named == "slack" or (not named and host in _SLACK):
        return Service.SLACK
    if named == "teams" or (not named and host.endswith(_TEAMS)):
        return Service.TEAMS
    return Service.JSON


def mailbox(text: str, name: str = "") -> Mailbox:
    """Return an e-mail address, with `name` where it brings none of its own. Raises `InputError`."""
    told, address = parseaddr(text)
    try:
        found = Mailbox(told or name, addr_spec=address)
    except (ValueError, MessageError, IndexError):
        found = Mailbox()
    if not (text.isprintable() and found.username and found.domain):
        raise InputError("there is an e-mail address that mail cannot go to", "write it as jane@company.example")
    return found


def _mail(scheme: str, parts: SplitResult, port: int | None, *, private: bool) -> Mail:
    asked = parse_qs(parts.query)
    host = (parts.hostname or "").lower()
    sender = asked.pop("from", [""])[-1]
    to = tuple(word.strip() for one in asked.pop("to", []) for word in one.split(",") if word.strip())
    tls = asked.pop("tls", [""])[-1]
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if not host or parts.path.strip("/") or parts.fragment or asked:
        raise InputError("the address of the mail server cannot be read", f"{_SHAPE}; {_ENCODE}")
    if not sender:
        raise InputError("the address does not say who the mail is from", f"add from=; {_SHAPE}")
    if not all(map(_is_mailbox, (sender, *to))):
        raise InputError("from or to is no e-mail address", _SHAPE)
    return Mail(host, port or _PORTS[scheme], _tls(scheme, tls, host, private=private), sender, to, user, password)


def _tls(scheme: str, asked: str, host: str, *, private: bool) -> Tls:
    if asked not in ("", PLAIN):
        raise InputError("tls can only be none", f"leave it out; {_SHAPE}")
    if asked == PLAIN and host not in _LOOPBACK and not private:
        hint = "leave out tls=none, or set private_addresses = true in [privacy] of the config"
        raise InputError("mail without TLS leaves this machine in clear", hint)
    if asked == PLAIN:
        return Tls.NEVER
    return Tls.AT_ONCE if scheme == "smtps" else Tls.STARTED


def _is_mailbox(text: str) -> bool:
    try:
        mailbox(text)
    except InputError:
        return False
    return True
