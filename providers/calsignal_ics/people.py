"""ORGANIZER and ATTENDEE -> people (RFC 5545 3.8.4; RFC 7986 6.2 for EMAIL=)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

from calsignal.contract import Attendee
from calsignal.model import Answer

from .text import Component, Property, read

MOST = 5_000
_LONGEST_ADDRESS = 320
_MOST_COMPANIONS = 10_000
_ADDRESS = re.compile(r"[^\s@<>\"(),;:]+@[^\s@<>\"(),;:]+")

# DELEGATED: whoever it was handed to is on the list too, and answers there
_ANSWERS = {"ACCEPTED": Answer.ACCEPTED, "DECLINED": Answer.DECLINED, "TENTATIVE": Answer.TENTATIVE}


@dataclass(frozen=True)
class People:
    """Who is on an event. `named` says whether it lists anybody; `incomplete` that somebody could not be told."""

    organizer: str | None = None
    attendees: tuple[Attendee, ...] = ()
    named: bool = False
    incomplete: bool = False
    overfull: bool = False


def people(component: Component) -> People:
    """Read all people of an event; those without an address are known to be there and not by whom."""
    organizer = component.get("ORGANIZER")
    rows = sorted(component.lines.get("ATTENDEE", ()))
    listed = [(_attendee(prop), prop) for prop in map(read, rows[:MOST])]
    nameless = [prop for attendee, prop in listed if attendee is None and not _is_thing(prop)]
    return People(
        organizer=_address(organizer) or _sent_by(organizer) if organizer else None,
        attendees=_once(attendee for attendee, _ in listed if attendee is not None),
        named=bool(rows),
        incomplete=bool(nameless) or len(rows) > MOST,
        overfull=len(rows) > MOST,
    )


def _attendee(prop: Property) -> Attendee | None:
    address = _address(prop)
    if address is None:
        return None
    return Attendee(
        address=address,
        answer=_ANSWERS.get(prop.params.get("PARTSTAT", "").upper(), Answer.NONE),
        optional=prop.params.get("ROLE", "").upper() in ("OPT-PARTICIPANT", "NON-PARTICIPANT"),
        resource=_is_thing(prop),
        group=prop.params.get("CUTYPE", "").upper() == "GROUP",
        guests=_companions(prop),
    )


def _is_thing(prop: Property) -> bool:
    return prop.params.get("CUTYPE", "").upper() in ("ROOM", "RESOURCE")


def _companions(prop: Property) -> int:
    number = prop.params.get("X-NUM-GUESTS", "")
    return min(int(number), _MOST_COMPANIONS) if re.fullmatch(r"[0-9]{1,9}", number) else 0


def _address(prop: Property) -> str | None:
    """Return the address of a mailto: URI, else of EMAIL=, else a value that is one by itself."""
    scheme, _, rest = prop.value.strip().partition(":")
    if scheme.strip().lower() == "mailto":
        uri = _plain(unquote(rest.partition("?")[0]))
        return uri or _plain(prop.params.get("EMAIL", ""))
    return _plain(prop.params.get("EMAIL", "")) or _plain(prop.value)


def _sent_by(prop: Property) -> str | None:
    """Return the assistant who acts (SENT-BY), for a principal who has no address."""
    return _plain(re.sub(r"^mailto:", "", prop.params.get("SENT-BY", ""), flags=re.IGNORECASE))


def _plain(text: str) -> str | None:
    bare = text.strip().strip("<>'\"").strip()
    return bare if len(bare) <= _LONGEST_ADDRESS and _ADDRESS.fullmatch(bare) else None


def _once(attendees: Iterable[Attendee]) -> tuple[Attendee, ...]:
    """Keep one row for each address, one with an answer before one without; sorted."""
    kept: dict[str, Attendee] = {}
    for attendee in sorted(attendees, key=lambda row: (row.answer is Answer.NONE, repr(row))):
        kept.setdefault(attendee.address.casefold(), attendee)
    return tuple(kept[address] for address in sorted(kept))
