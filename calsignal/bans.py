"""Whom to leave out for ever: people and domains that were forgotten, known by their keyed hashes alone. Pure.

The list holds no address. What a calendar says about somebody on it is taken out before anything is kept, so that no
sync brings them back; to lift a ban, the address has to be named again.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

from calsignal.contract import Event
from calsignal.directory import normalise, normalise_domain, parents, registrable
from calsignal.errors import InputError

_REMEMBERED = 50_000
_ADDRESS = re.compile(r"[^\s@<>\"'():;,/=\[\]]+@[\w.-]+|[\w-]+(?:\.[\w-]+)+")
_WORD = re.compile(r"[^\W\d_]{3,}")


@dataclass(frozen=True)
class Target:
    """A person, by all addresses that are known to be theirs, or a domain with what is below it.

    words       normalised addresses, or the one domain
    keys        person keys of the addresses
    names       other names under which a CRM knows the person
    """

    words: tuple[str, ...]
    is_domain: bool = False
    keys: frozenset[str] = frozenset()
    names: tuple[str, ...] = ()

    def covers(self, address: str) -> bool:
        """Say whether an address, or a host name, in normal form is the person's, or lies in the domain."""
        if not self.is_domain:
            return address in self.words
        return self.words[0] in parents(address.rpartition("@")[2])

    def is_in(self, text: str) -> bool:
        """Say whether a text holds the address or the domain; another one that merely contains its letters is none."""
        return any(self.covers(word) for found in mentioned(text) for word in found)

    def masked(self, text: str) -> str:
        """Return a text with `…` in the place of the address or the domain."""
        return _ADDRESS.sub(lambda match: "…" if self.is_in(match.group()) else match.group(), text)

    def is_spoken_of(self, subject: str, also: Iterable[str] = ()) -> bool:
        """Say whether a subject names the person or the company; `also` are addresses that are known to be covered."""
        return self.is_in(subject) or any(speaks_of(subject, word) for word in (*self.words, *also))


def mentioned(text: str) -> Iterator[tuple[str, ...]]:
    """Yield what looks like an address or a host name in a text, in normal form, however it may be read."""
    for match in _ADDRESS.finditer(text.lower()):
        yield tuple(_readings(match.group()))


def _readings(token: str) -> Iterator[str]:
    plain = token.replace("%40", "@").strip(".-_")
    host, _, top = plain.rpartition(".")
    cut = re.split("[-_]", top, maxsplit=1)[0]  # no top-level domain has either in it, a name made of one may
    for reading in dict.fromkeys((plain, plain if top.startswith("xn--") else f"{host}.{cut}")):
        try:
            yield normalise(reading) if "@" in reading else normalise_domain(reading)
        except InputError:
            continue


def speaks_of(subject: str, word: str) -> bool:
    """Say whether a subject names somebody: a word of three letters and more that an address, or a domain, is made of.

    Of an address that is the part before the @, of a domain what its company registered.
    """
    text = subject.casefold()
    local, at, host = word.rpartition("@")
    if at:
        return not set(_WORD.findall(text)).isdisjoint(_WORD.findall(local))
    label = (registrable(host) or host).partition(".")[0]
    return len(label) >= 3 and label in text


@lru_cache(_REMEMBERED)
def mark(secret: bytes, word: str) -> str:
    """Return what stands on the list for a normalised address or domain; no person key is like it."""
    return hmac.new(secret, f"forgotten {word}".encode(), hashlib.sha256).hexdigest()[:32]


@dataclass(frozen=True)
class Bans:
    """The list in force. `marks` maps what `mark` returns to whether it stands for a domain."""

    marks: Mapping[str, bool] = field(default_factory=dict)
    secret: bytes = field(default=b"", repr=False)

    def word(self, address: str) -> str | None:
        """Return what is banned about an address or a host name: itself, its domain or one above; None: nothing."""
        if not self.marks:
            return None
        return self._word(address)

    @cached_property
    def _known(self) -> dict[str, str | None]:
        return {}

    def _word(self, address: str) -> str | None:
        if address not in self._known:
            self._known[address] = self._found(address)
        return self._known[address]

    def _found(self, address: str) -> str | None:
        try:
            plain = normalise(address) if "@" in address else normalise_domain(address)
        except InputError:
            plain = address.strip().lower()
        people = [plain] if "@" in plain else []
        words = [*people, *parents(plain.rpartition("@")[2])]
        return next((word for word in words if self.marks.get(mark(self.secret, word)) is ("@" not in word)), None)

    def is_in(self, text: str) -> bool:
        """Say whether a text holds an address or a domain that is banned."""
        return bool(self.marks) and any(self.word(word) for found in mentioned(text) for word in found)

    def masked(self, text: str) -> str:
        """Return a text with `…` in the place of every address and domain that is banned."""
        if not self.marks:
            return text
        return _ADDRESS.sub(lambda match: "…" if self.is_in(match.group()) else match.group(), text)

    def strip(self, event: Event) -> tuple[Event | None, bool]:
        """Return an event without those who are banned, and whether its subject may be kept.

        None where the event's own name holds one of them: whatever is kept of it would give them away.
        """
        if not self.marks:
            return event, True
        if self.is_in(event.id) or self.is_in(event.uid):
            return None, False
        listed = [(a, self.word(a.address)) for a in event.attendees]
        by = None if event.organizer is None else self.word(event.organizer)
        banned = {a.address: word for a, word in listed if word is not None}
        if event.organizer is not None and by is not None:
            banned[event.organizer] = by
        attendees = tuple(a for a, word in listed if word is None)
        bare = replace(event, attendees=attendees, organizer=None if by else event.organizer) if banned else event
        named = any(speaks_of(event.subject, part) for pair in banned.items() for part in pair)
        return bare, not (named or self.is_in(event.subject))


NOBODY = Bans()
