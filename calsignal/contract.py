"""What a provider must give: read this file to write one.

A provider is a package that answers to a name in the entry-point group `calsignal.providers`; the entry point
names an object that satisfies `Provider`. It imports this module, `calsignal.model` and `calsignal.errors`, and
nothing else of calsignal. `calsignal.testing` holds the behaviours it must show.

The life of a provider: `connect` once, when a person authorises a calendar; then at each sync `open`, `calendars`,
`pull` for each calendar, and `find` for each event that seems to have disappeared.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from threading import RLock
from typing import Protocol, TypeVar, runtime_checkable

from calsignal.model import Answer, Booking, Capability, Confidence, EventStatus, Moment, Skipped, Slot

T = TypeVar("T")

LONGEST_TEXT = 20_000
"""How many characters of a text are looked at for links."""


@dataclass(frozen=True)
class Setting:
    """One key of the provider's section of the config file; `type` is str, int, bool or list (of strings)."""

    name: str
    type: type
    default: str | int | bool | tuple[str, ...] | None
    help: str


@dataclass(frozen=True)
class Option:
    """One option of `calsignal connect NAME`; an `argument` is positional, a `flag` takes no value."""

    name: str
    help: str
    argument: bool = False
    required: bool = False
    flag: bool = False
    multiple: bool = False


@dataclass(frozen=True)
class ConnectRequest:
    """What a person asked `connect` to do.

    `options` are the values of the provider's own options by name (None where not given), `config` its section of
    the config file. `ask_secret` prompts without echo, or reads a line of standard input; `tell` prints a message.
    Wrap each request to a service in `retry`. `refused` tells why one mailbox of several is not connected: the others
    are, and the command ends as one that failed in part. With `read_text` descriptions will be read for booking links.
    """

    options: Mapping[str, object]
    config: Mapping[str, object]
    ask_secret: Callable[[str], str]
    tell: Callable[[str], None]
    retry: Retry
    refused: Callable[[str], None]
    allow_private_addresses: bool = False
    read_text: bool = False


@dataclass(frozen=True)
class Authorised:
    """One mailbox that may now be read.

    Connecting again under the same name replaces the secret and the settings.

    name        tells it from the others in tables; no secret in it
    secret      is kept in the vault; None where there is none
    settings    are kept in the store, in clear
    place       what is read, where the mailbox alone does not say it: another place under a name in use is refused
    shares      a word for the secret, where several mailboxes have the same one: it is kept once
    roster      a word for a list that was asked for as a whole, a company's say: who is on it no more is disconnected
    """

    mailbox: str
    name: str
    secret: str | None = field(default=None, repr=False)
    settings: Mapping[str, str] = field(default_factory=dict)
    place: str = ""
    shares: str | None = None
    roster: str | None = None


@dataclass(frozen=True)
class Window:
    """Half-open `[start, end)`: what a full list has to hold. Events that overlap it are wanted."""

    start: datetime
    end: datetime


class Retry(Protocol):
    """Call `request` until it succeeds, as often and as patiently as the core allows; only `Retriable` is retried."""

    def __call__(self, request: Callable[[], T]) -> T: ...


@dataclass(frozen=True)
class LinkPattern:
    """A regular expression, case ignored, that recognises a scheduling tool by a link in location, URL or text."""

    tool: str
    pattern: str
    confidence: Confidence


@dataclass(frozen=True)
class Access:
    """Everything a provider may use to read one connection.

    Wrap each request in `retry`; write no loop of your own. `save_secret` keeps a secret that was refreshed. Where
    several mailboxes share a secret, renew it inside `renewing()`: one of them is in there at a time, and is given the
    secret as it is kept by now (None: nothing newer is known), which another may have renewed already. Location, URL
    and UID may go through `booking`, a description only where `read_text` allows it. `zone` is the team's: the one in
    which a time that names none is meant.
    """

    mailbox: str
    settings: Mapping[str, str]
    config: Mapping[str, object]
    secret: str | None = field(repr=False)
    save_secret: Callable[[str], None]
    window: Window
    retry: Retry
    zone: tzinfo = UTC
    read_text: bool = False
    links: tuple[LinkPattern, ...] = ()
    allow_private_addresses: bool = False
    renewing: Callable[[], AbstractContextManager[str | None]] = nullcontext

    def booking(self, *texts: str) -> Booking | None:
        """Return the trace that a scheduling tool left in some texts of one event, the surest; None without one."""
        for link in self.links:
            if any(re.search(link.pattern, text[:LONGEST_TEXT], re.IGNORECASE) for text in texts):
                return Booking(link.tool, link.confidence)
        return None


@dataclass(frozen=True)
class Calendar:
    """One calendar inside a connection. `id` is the provider's own and stable."""

    id: str
    name: str


@dataclass(frozen=True)
class Attendee:
    """One row of an event's list of people. `address` as the provider has it; the core normalises it."""

    address: str
    answer: Answer = Answer.NONE
    answered_at: datetime | None = None
    optional: bool = False
    resource: bool = False
    group: bool = False
    guests: int = 0
    proposed: Slot | None = None


@dataclass(frozen=True)
class Event:
    """What one calendar says about one event: a single one, a series, or one occurrence that a series lists apart.

    id              names this copy inside its calendar, for ever, however it moves; `find` takes it
    uid             the iCalendar UID as the provider gives it; the core normalises it
    slot            instants in UTC, or days; of a series its first occurrence
    original_start  for an occurrence: where the series had put it
    recurrence      for a series: an RFC 5545 VCALENDAR of one VEVENT that holds times and rules only, with the
                    VTIMEZONE where the zone has no IANA name
    organizer       an address; need not be among the attendees
    created         when the event was made, if the service says so
    private         private, confidential or personal: the core will not keep it
    draft           not sent to anyone yet: the core will not keep it
    sees            what this copy is able to know
    """

    id: str
    uid: str
    slot: Slot
    original_start: Moment | None = None
    recurrence: str | None = None
    status: EventStatus = EventStatus.CONFIRMED
    organizer: str | None = None
    attendees: tuple[Attendee, ...] = ()
    subject: str = ""
    free: bool = False
    private: bool = False
    draft: bool = False
    hidden_guests: bool = False
    created: datetime | None = None
    booking: Booking | None = None
    sees: frozenset[Capability] = frozenset(Capability)


@dataclass(frozen=True)
class Gone:
    """The service says that there is no such event."""


@dataclass(frozen=True)
class CalledOff:
    """One date of a series that is cancelled, where the service tells no more of it than that.

    The core takes everything else from what it knows of the copy `id` or of the series; a date of a series that it
    does not keep, it drops.

    id              names the copy of this one date, as `Event.id` does
    series          names the copy of the series in the same calendar
    original_start  where the series had put it; a day in an all-day series
    """

    id: str
    series: str
    original_start: Moment


@dataclass(frozen=True)
class Page:
    """A part of an answer.

    The last page alone carries the `cursor`; until then it is None. `full` on any page says that all pages together
    list everything inside the window, so that what is missing is missing. `removed` names ids that the service
    itself reports as deleted, `called_off` single dates of series. What could not be read is in `skipped`, never
    dropped; a skipped event whose id is known is in `unread`, so that its absence is not taken for a disappearance.
    """

    events: tuple[Event, ...] = ()
    removed: tuple[str, ...] = ()
    called_off: tuple[CalledOff, ...] = ()
    cursor: str | None = None
    full: bool = False
    skipped: tuple[Skipped, ...] = ()
    unread: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One thing that a check-up saw: all well, or a problem with its next step. Nothing in it is a secret."""

    fact: str
    hint: str = ""
    problem: bool = False


@dataclass(frozen=True)
class CheckUp:
    """What a look at one connection found. `service_time` is the service's own clock, where it told it."""

    findings: tuple[Finding, ...] = ()
    service_time: datetime | None = None


class Source(Protocol):
    """An opened connection. No method makes a request before it is asked for a result."""

    def calendars(self) -> Sequence[Calendar]:
        """Return the calendars that this connection reads."""

    def pull(self, calendar: Calendar, cursor: str | None) -> Iterator[Page]:
        """Yield what changed since `cursor`, or everything in the window when it is None.

        Raises `CursorExpired`, or another `SourceError`, at any time; what was yielded until then is not used.
        """

    def find(self, calendar: Calendar, event_id: str) -> Event | Gone:
        """Read one event directly, to confirm that it has disappeared, or to read it again.

        Raises `UnreadableEvent` when it is there and makes no sense, another `SourceError` when nobody can tell.
        """

    def check(self) -> CheckUp:
        """Try out the authorisation with one small request that reads no event, where there is such a request.

        Raises `SourceError` as `pull` would.
        """

    def close(self) -> None:
        """Give back sockets and files."""


class Provider(Protocol):
    """A calendar service. From `settings` and `options` the config file and the command line are built.

    `about` says in a few words what can be connected: `a calendar file, a folder of files or an https feed`.

    A provider may also have `at_once`, a number: how many of its mailboxes may be read at the same time, each source in
    a thread of its own. Without it they are read one after another.
    """

    name: str
    about: str
    settings: tuple[Setting, ...]
    options: tuple[Option, ...]

    def connect(self, request: ConnectRequest) -> Sequence[Authorised]:
        """Authorise one or more mailboxes, and return what to remember.

        Raises `InputError` for what the person can mend, `NeedsSignIn` when the sign-in was refused or abandoned.
        """

    def open(self, access: Access) -> Source:
        """Return a source for one connection; make no request yet."""


def mailboxes_at_once(provider: Provider) -> int:
    """Return how many mailboxes of a provider may be read at once: what it declares as `at_once`, else 1."""
    return max(1, int(getattr(provider, "at_once", 1)))


_WARNINGS = RLock()


@contextmanager
def unwarned() -> Iterator[None]:
    """Load or call a library whose warnings are noise.

    Several threads that did so with `warnings.catch_warnings` alone would leave each other's filters behind.
    """
    with _WARNINGS, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def json_text(content: bytes) -> str:
    """Return a service's JSON as text, with U+FFFD for half a surrogate pair, which no address and no database takes.

    JSON may hold one (RFC 8259 section 8.2), UTF-8 may not. Raises `ValueError` for what is no UTF-8.
    """
    text = content.decode("utf-8-sig")
    if not _SURROGATE.search(text):
        return text
    try:
        written = json.dumps(json.loads(text), ensure_ascii=False)
    except (ValueError, RecursionError):
        return text  # whoever reads it finds that out
    return written.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@runtime_checkable
class Revoker(Protocol):
    """A provider that can end a sign-in at its service, or tell how a person ends it there. It need not be one."""

    def revoke(self, access: Access) -> Finding:
        """End at the service what `connect` was granted, and say so; where that cannot be, say that and the next step.

        Raises `SourceError` where the service does not do it now.
        """
