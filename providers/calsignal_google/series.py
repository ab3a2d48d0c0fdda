"""The rules of a series as text that changes only when they do (RFC 5545 3.8.5). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from calsignal.model import Moment, Slot

_MOST_LINES = 1_000
_LONGEST_LINE = 100_000
_ZONE = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*")
_NOT_IANA = frozenset(("localtime", "posixrules", "Factory", "posix", "right"))
_LINE = re.compile(r"(RRULE|EXRULE|RDATE|EXDATE)((?:;[^:]*)?):(.*)", re.IGNORECASE)
_RULE = re.compile(r"[A-Z0-9;=,+-]+")
_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:T([0-9]{2})([0-9]{2})([0-9]{2})(Z?))?", re.IGNORECASE)
_TZID = re.compile(r';TZID="?([^";]*)', re.IGNORECASE)


class Unreadable(ValueError):
    """Say why one event cannot be read; the reason holds no text of the calendar."""


def zone(name: object) -> ZoneInfo:
    """Return a zone by its IANA name. Raises `Unreadable` for one that has none."""
    if isinstance(name, str) and _ZONE.fullmatch(name) and name.partition("/")[0] not in _NOT_IANA:
        try:
            return ZoneInfo(name)
        except (ValueError, OSError, KeyError):
            pass
    raise Unreadable("its time zone is not known")


def text(lines: object, slot: Slot, at: ZoneInfo) -> str | None:
    """Return the VCALENDAR that the core expands, in an order of its own; None where the lines make no series.

    `at` is the zone whose wall clock the series follows. Raises `Unreadable` for lines that are none of RRULE,
    EXRULE, RDATE and EXDATE, and for dates that cannot be read.
    """
    rules: dict[str, set[str]] = {"RRULE": set(), "EXRULE": set()}
    dates: dict[str, set[Moment]] = {"RDATE": set(), "EXDATE": set()}
    for name, params, value in _lines(lines):
        if name in rules:
            rules[name].add(_rule(value))
        else:
            dates[name].update(_dates(params, value, slot, at, whole_days=name == "EXDATE"))
    if not rules["RRULE"] and not dates["RDATE"]:
        return None
    event = [f"DTSTART{_written(slot.start, at)}", f"DTEND{_written(slot.end, at)}"]
    event += [f"{name}:{rule}" for name, found in rules.items() for rule in sorted(found)]
    event += [line for name, found in dates.items() for line in _listed(name, found)]
    return "\r\n".join(["BEGIN:VCALENDAR", "BEGIN:VEVENT", *event, "END:VEVENT", "END:VCALENDAR", ""])


def _lines(lines: object) -> Iterator[tuple[str, str, str]]:
    if not isinstance(lines, list) or len(lines) > _MOST_LINES:
        raise Unreadable("its rules cannot be read")
    for line in lines:
        found = _LINE.fullmatch(line.strip()) if isinstance(line, str) and len(line) <= _LONGEST_LINE else None
        if found is None:
            raise Unreadable("its rules cannot be read")
        yield found[1].upper(), found[2], found[3]


def _rule(value: str) -> str:
    """Write a rule in one way: no defaults, parts and lists in order."""
    rule = "".join(value.upper().split())
    split = [part.partition("=") for part in rule.split(";") if part and not part.startswith("X-")]
    parts = {name: ",".join(sorted(set(listed.split(",")))) for name, _, listed in split}
    if _RULE.fullmatch(rule) is None or "FREQ" not in parts:
        raise Unreadable("its rules cannot be read")
    kept = {name: value for name, value in parts.items() if (name, value) not in (("INTERVAL", "1"), ("WKST", "MO"))}
    return ";".join(f"{name}={kept[name]}" for name in sorted(kept, key=lambda name: (name != "FREQ", name)))


def _dates(params: str, value: str, slot: Slot, at: ZoneInfo, *, whole_days: bool) -> Iterator[Moment]:
    """Yield dates as the series has them: days in one of days, else instants; a `whole_days` list may bar days."""
    tzid = _TZID.search(params)
    for each in filter(None, map(str.strip, value.split(","))):
        found = _DATE.fullmatch(each.partition("/")[0])  # of a period (RFC 5545 3.3.9) its begin counts
        if found is None:
            raise Unreadable("its extra or cancelled dates cannot be read")
        day = date(int(found[1]), int(found[2]), int(found[3]))
        if slot.all_day or (whole_days and found[4] is None):
            yield day
        elif found[4] is None:
            assert isinstance(slot.start, datetime)
            yield datetime.combine(day, slot.start.astimezone(at).time(), at).astimezone(UTC)
        else:
            clock = time(int(found[4]), int(found[5]), min(int(found[6]), 59))
            there = UTC if found[7] else zone(tzid[1].strip()) if tzid else at
            yield datetime.combine(day, clock, there).astimezone(UTC)


def _written(moment: Moment, at: ZoneInfo) -> str:
    """Write a moment as parameters and value of a property."""
    if not isinstance(moment, datetime):
        return f";VALUE=DATE:{moment:%Y%m%d}"
    if at.key in ("UTC", "Etc/UTC"):
        return f":{moment:%Y%m%dT%H%M%SZ}"
    return f";TZID={at.key}:{moment.astimezone(at):%Y%m%dT%H%M%S}"


def _listed(name: str, moments: set[Moment]) -> Iterator[str]:
    days = sorted(f"{moment:%Y%m%d}" for moment in moments if not isinstance(moment, datetime))
    times = sorted(f"{moment:%Y%m%dT%H%M%SZ}" for moment in moments if isinstance(moment, datetime))
    if days:
        yield f"{name};VALUE=DATE:{','.join(days)}"
    if times:
        yield f"{name}:{','.join(times)}"
