"""Send finished reports to addresses that are kept in the vault, once a day, and remember what was sent.

A failure never stops the others. While anything is sent no library may log: a log would hold addresses and reports.
"""

from __future__ import annotations

import hashlib
import json
import logging
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from calsignal.delivery.address import Address, Hook, Mail, Other, read
from calsignal.delivery.letter import Attachment, Letter, Line, Note, Span
from calsignal.errors import CalsignalError, Retriable
from calsignal.retry import Retry

__all__ = [
    "Address",
    "Attachment",
    "Hook",
    "Letter",
    "Line",
    "Mail",
    "Note",
    "Other",
    "Sent",
    "Span",
    "Stamp",
    "check",
    "is_quiet",
    "mark",
    "read",
    "send",
]

_LATER = "try again later"
_ONCE = "what was delivered is not sent twice"
_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Stamp:
    """What one sending needs from outside: the rep whose report it is, the moment, and a token of its own."""

    at: datetime
    token: str = field(repr=False)
    rep: str | None = field(default=None, repr=False)
    kind: str = "digest"


def send(address: Address, letter: Letter, stamp: Stamp, retry: Retry) -> None:
    """Send a letter, again where it fails for now.

    Raises:
        CalsignalError: it could not be delivered; neither address nor letter is quoted.
    """
    with silence():
        try:
            retry(lambda: _once(address, letter, stamp))
        except Retriable as error:
            fact, asks, _ = str(error).partition("; the service asks")
            raise CalsignalError(fact, f"{_LATER if asks else error.hint}; {_ONCE}") from None


def _once(address: Address, letter: Letter, stamp: Stamp) -> None:
    match address:
        case Mail():
            from calsignal.delivery import mail

            to = address.to or ((stamp.rep,) if stamp.rep else ())
            mail.send(address, mail.message(address, letter, mail.Envelope(to, stamp.at, stamp.token, stamp.kind)))
        case Hook():
            from calsignal.delivery import chat

            chat.post(address, chat.payload(address.service, letter))
        case Other():
            from calsignal.delivery import others

            others.send(address, letter.note)


def check(address: Address, *, private: bool) -> None:
    """Refuse an address that only Apprise could know, and does not. Raises `CalsignalError`."""
    if isinstance(address, Other):
        from calsignal.delivery import others

        with silence():
            others.check(address, private=private)


@contextmanager
def silence() -> Iterator[None]:
    """Let nothing be logged, by whatever library: HTTP clients log addresses, Apprise passwords and reports too.

    Nor does anybody warn: Apprise's plugins warn of what they import.
    """
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def is_quiet(day: date, quiet: Iterable[str]) -> bool:
    """Say whether nothing is sent on a day: `sat` is every Saturday, `12-25` every Christmas, `2026-12-25` one."""
    return bool({_WEEK[day.weekday()], f"{day:%m-%d}", day.isoformat()} & set(quiet))


# --- what was sent ----------------------------------------------------------------------------------------------------


def mark(kind: str, whose: str | None, name: str) -> str:
    """Return what stands for one report to one address in the record; nobody is named in it."""
    return hashlib.sha256(json.dumps([kind, whose, name]).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Sent:
    """What was sent on one day, and when each address was last used."""

    day: date
    marks: frozenset[str] = frozenset()
    last: dict[str, datetime] = field(default_factory=dict)

    def with_(self, made: str, name: str, at: datetime) -> Sent:
        """Return the record with one more."""
        return replace(self, marks=self.marks | {made}, last={**self.last, name: at})

    def to_text(self) -> str:
        """Return the record as it is kept."""
        last = {name: at.isoformat() for name, at in sorted(self.last.items())}
        return json.dumps({"day": self.day.isoformat(), "marks": sorted(self.marks), "last": last})

    @classmethod
    def from_text(cls, text: str | None, today: date) -> Sent:
        """Return the record of today; one that cannot be read is none."""
        try:
            found = json.loads(text or "")
            last = {str(name): datetime.fromisoformat(at) for name, at in found["last"].items()}
            marks = frozenset(map(str, found["marks"])) if found["day"] == today.isoformat() else frozenset()
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls(today)
        return cls(today, marks, last)
