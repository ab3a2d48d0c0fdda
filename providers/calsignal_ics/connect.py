"""`connect ics`: what a person types -> what to remember. Nothing is fetched."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from urllib.parse import urlsplit

from calsignal.contract import Access, Authorised, ConnectRequest, Finding, Option, Setting, Source
from calsignal.errors import InputError, SourceError

_ASK = "-"
_MAILBOX = re.compile(r"[^\s@]+@[^\s@]+")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")
_WARNING = (
    "the address of the feed is in the history of your shell now, and whoever has it can read the calendar; "
    "`calsignal connect ics - --rep EMAIL` asks for it instead"
)


class IcsProvider:
    """Calendar files, folders of them, and https feeds."""

    name = "ics"
    about = "a calendar file, a folder of files or an https feed"
    at_once = 8  # feeds of one host take turns: `feed.fetch`
    settings: tuple[Setting, ...] = ()
    options: tuple[Option, ...] = (
        Option(
            "source", "a file, a folder, an https:// address, or - to be asked for one", argument=True, required=True
        ),
        Option("rep", "whose calendar it is: an e-mail address", required=True),
        Option("name", "a word that tells it from other calendars of the same rep"),
        Option("timezone", "the zone of times that name none, such as Europe/Berlin"),
    )

    def connect(self, request: ConnectRequest) -> tuple[Authorised, ...]:
        """Remember a calendar. Raises `InputError` for a path or an address that cannot be used."""
        mailbox = _mailbox(request)
        word = str(request.options.get("name") or "").strip()
        name = f"{self.name}:{mailbox}" + (f":{word}" if word else "")
        typed = str(request.options.get("source") or "").strip()
        source = request.ask_secret("address of the feed: ").strip() if typed == _ASK else typed
        zone = _zone(request)
        if not _SCHEME.match(source):
            path = str(_path(source))
            return (Authorised(mailbox, name, settings={"path": path, **zone}, place=path),)
        url = _address(source, allow_private=request.allow_private_addresses)
        if typed != _ASK:
            request.tell(_WARNING)
        host = urlsplit(url).hostname or ""
        return (Authorised(mailbox, name, secret=url, settings={"host": host, **zone}, place=host),)

    def revoke(self, access: Access) -> Finding:
        """Say that a secret address stays one, and what ends it."""
        fact = f"the secret address at {access.settings.get('host', 'the host')} goes on working for whoever has it"
        return Finding(fact, "reset it where the calendar is made")

    def open(self, access: Access) -> Source:
        """Return a source; the modules that read calendars are loaded only now."""
        from .source import IcsSource

        return IcsSource(access)


def _mailbox(request: ConnectRequest) -> str:
    mailbox = str(request.options.get("rep") or "").strip()
    if not _MAILBOX.fullmatch(mailbox):
        raise InputError("--rep is not an e-mail address", "say whose calendar this is: --rep someone@ours.example")
    return mailbox


def _zone(request: ConnectRequest) -> dict[str, str]:
    typed = str(request.options.get("timezone") or "").strip()
    if not typed:
        return {}
    from .zones import iana

    found = iana(typed)
    if found is None:
        raise InputError("--timezone is not the name of a time zone", "give an IANA name, such as Europe/Berlin")
    return {"timezone": found.name}


def _path(typed: str) -> Path:
    from . import files

    path = _expanded(typed)
    if path is None:
        raise InputError("there is no such file or folder", "give a path, or an address that begins with https://")
    try:
        for found in files.paths(path)[:1]:
            files.content(found)
    except SourceError as problem:
        raise InputError(str(problem), problem.hint) from None
    return path


def _expanded(typed: str) -> Path | None:
    """Return a path that is there; what the system will not look for, an endless name say, is not."""
    try:
        path = Path(typed).expanduser().absolute()
        return path if typed and path.exists() else None
    except (OSError, RuntimeError):  # RuntimeError: there is no home folder to expand ~ to
        return None


def _address(typed: str, *, allow_private: bool) -> str:
    """Check an address without fetching it; errors do not repeat it."""
    scheme, _, rest = typed.partition("://")
    if scheme.lower() not in ("https", "webcal", "webcals"):
        raise InputError("feeds are read over https only", "give the address with https://, or a file by its path")
    url = f"https://{rest}"
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or re.search(r"[\s\x00-\x1f]", url):
        raise InputError("the address of the feed is not well formed", "copy it again, as a whole")
    if not allow_private and _is_private(host):
        hint = "if that is meant, set private_addresses = true in [privacy] of the config"
        raise InputError(f"{host} is an address inside a private network", hint)
    return url


def _is_private(host: str) -> bool:
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False
