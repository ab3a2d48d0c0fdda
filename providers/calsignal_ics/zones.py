"""TZID -> the rules of a time zone: an IANA zone wherever possible, else the file's own VTIMEZONE.

The zone of this machine is never used: a time whose zone nobody names is not read.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from calendar import monthrange
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import cache, cached_property, lru_cache
from zoneinfo import ZoneInfo, available_timezones

from .text import Component, Property, Unreadable

_COMPARED = range(2008, 2038)  # from the last change of the American rules to the end of most time zone files
_RECKONED = range(1970, 2101)
_MOST_OBSERVANCES = 500
_MOST_OWN = 500
_NO_RULES = frozenset(("TZID", "X-LIC-LOCATION", "LAST-MODIFIED"))
_MACHINE = frozenset(("localtime", "posixrules", "factory"))
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d):?(\d\d)?")
_STAMP = re.compile(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)?(Z?))?")
_FIXED = re.compile(r"(?:UTC|GMT)([+-])(\d{1,2})(?::?00)?", re.IGNORECASE)


@dataclass(frozen=True)
class Zone:
    """A zone by name; `definition` is the VTIMEZONE of one that has no IANA name."""

    name: str
    rules: tzinfo
    definition: str = ""


OwnZones = dict[str, Zone | None]
"""The VTIMEZONEs read so far by their rules, so that many calendars with the same one cost no more than one."""


class Zones:
    """The zones of one VCALENDAR; `own` is shared between the calendars that are read together."""

    utc = Zone("UTC", UTC)

    def __init__(self, calendar: Component, default: str = "", own: OwnZones | None = None) -> None:
        self._calendar = calendar
        self._default = default
        self._own = {} if own is None else own
        self._known: dict[str, Zone | None] = {}

    def of(self, tzid: str) -> Zone:
        """Return the zone of a TZID, or for an empty one the zone of times that name none; else `Unreadable`."""
        if not tzid:
            if self.floating is None:
                raise Unreadable("its time names no time zone, and the file has none to offer")
            return self.floating
        if (zone := self._find(tzid)) is None:
            raise Unreadable("its time zone is not known")
        return zone

    @cached_property
    def floating(self) -> Zone | None:
        """The zone that the calendar names, else the one most of its events use, its only one, or the default."""
        used = Counter(_tzids(self._calendar))
        common = sorted(used, key=lambda tzid: (-used[tzid], tzid))
        candidates = [self._calendar.value("X-WR-TIMEZONE"), *common]
        if len(self._definitions) == 1:
            candidates += self._definitions
        candidates.append(self._default)
        return next((zone for tzid in candidates if tzid and (zone := self._find(tzid))), None)

    @cached_property
    def _definitions(self) -> dict[str, Component]:
        found = sorted(self._calendar.inside("VTIMEZONE"), key=Component.canonical)
        names = [component.get("TZID") for component in found]
        return {name.text: component for name, component in zip(names, found, strict=True) if name}

    def _find(self, tzid: str) -> Zone | None:
        if tzid not in self._known:
            self._known[tzid] = _zone(tzid, self._definitions.get(tzid), self._own)
        return self._known[tzid]


def _tzids(calendar: Component) -> Iterator[str]:
    for event in calendar.inside("VEVENT"):
        start = event.get("DTSTART")
        if start and (tzid := start.params.get("TZID")):
            yield tzid


def _zone(tzid: str, definition: Component | None, own: OwnZones) -> Zone | None:
    """First match wins: a name that everybody knows, the rules the file gives, a guess at a misspelt name."""
    names = [tzid, _windows().get(tzid.casefold(), ""), *_tails(tzid)]
    if definition is not None:
        names.append(definition.value("X-LIC-LOCATION"))
    if (zone := _first_iana(names)) is not None:
        return zone
    if definition is not None:
        key = definition.canonical(_NO_RULES)
        if key not in own and len(own) < _MOST_OWN:
            own[key] = _from_rules(definition)
        return own.get(key)
    return _first_iana([tzid.replace("_", "/", 1), tzid.replace("-", "/", 1), _fixed(tzid), *_described(tzid)])


def _tails(tzid: str) -> list[str]:
    """Return the ends of a path-like TZID (RFC 5545 3.2.19), the longest first: `/vendor/20260101_1/Europe/Berlin`."""
    if not tzid.startswith(("/", "tzone:")):
        return []
    parts = tzid.split("/")
    return ["/".join(parts[at:]) for at in range(1, len(parts))][:20]


def _fixed(tzid: str) -> str:
    """Return `Etc/GMT-11` for `UTC+11`: the signs of POSIX are the other way round."""
    found = _FIXED.fullmatch(tzid)
    return f"Etc/GMT{'-' if found[1] == '+' else '+'}{int(found[2])}" if found else ""


def _described(tzid: str) -> Iterator[str]:
    """Yield what a description for people may mean: `(UTC-05:00) Eastern Time (US & Canada)`, `Berlin, Rome`."""
    bare = re.sub(r"^\([^)]*\)\s*", "", tzid[:200])
    if found := re.match(r"(.+) Time \(US (?:&|and) Canada\)", bare):
        yield _windows().get(f"{found[1]} Standard Time".casefold(), "")
    for city in bare.split(","):
        yield _cities().get(city.strip().casefold(), "")


@cache
def _cities() -> dict[str, str]:
    names = [name for name in _names().values() if "/" in name and not name.startswith("Etc/")]
    return {name.rpartition("/")[2].replace("_", " ").casefold(): name for name in names}


def _first_iana(names: Iterable[str]) -> Zone | None:
    return next((zone for name in names if name and (zone := iana(name))), None)


@lru_cache(maxsize=1000)
def iana(name: str) -> Zone | None:
    """Return the IANA zone of a name in any case, or None."""
    known = _names().get(name.casefold())
    if known is None:
        return None
    return Zones.utc if known in ("UTC", "Etc/UTC", "Zulu", "Etc/Zulu") else Zone(known, ZoneInfo(known))


@cache
def _names() -> dict[str, str]:
    return {name.casefold(): name for name in sorted(available_timezones()) if name.casefold() not in _MACHINE}


@cache
def _windows() -> dict[str, str]:
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

    return {name.casefold(): zone for name, zone in WINDOWS_TO_OLSON.items()}


def _from_rules(definition: Component) -> Zone | None:
    """Return the IANA zone whose clock shows the same, else one of our own; None if the rules cannot be read."""
    try:
        rules = _Rules(definition)
    except (ValueError, OverflowError):
        return None
    first = max(_COMPARED.start, rules.turns[0].year + 1)
    shown = tuple(rules.at(month) for month in _months(first))
    for name, offsets in _common().items():
        if shown and offsets[-len(shown) :] == shown and rules.agree(ZoneInfo(name), first):
            return iana(name)
    return _own(definition, rules)


@cache
def _common() -> dict[str, tuple[timedelta, ...]]:
    """Return the zones that calendars mean as a rule, with their offsets in each month of the years compared."""
    names = sorted(name for name in set(_windows().values()) if iana(name))
    return {name: tuple(_offset_at(ZoneInfo(name), month) for month in _months(_COMPARED.start)) for name in names}


def _months(first: int) -> list[datetime]:
    return [datetime(year, month, 1) for year in range(first, _COMPARED.stop) for month in range(1, 13)]  # noqa: DTZ001 # UTC, naive


def _offset_at(zone: tzinfo, instant: datetime) -> timedelta:
    return instant.replace(tzinfo=UTC).astimezone(zone).utcoffset() or timedelta()


def _own(definition: Component, rules: tzinfo) -> Zone:
    """Write down a zone without a name: its observances alone, under a name made of them."""
    observances = sorted("\r\n".join(_observance_lines(part)) for part in _observances(definition))
    name = "custom-" + hashlib.sha256("\n".join(observances).encode()).hexdigest()[:12]
    return Zone(name, rules, "\r\n".join(["BEGIN:VTIMEZONE", f"TZID:{name}", *observances, "END:VTIMEZONE"]))


def _observances(definition: Component) -> list[Component]:
    return [part for part in definition.children if part.name in ("STANDARD", "DAYLIGHT")]


def _observance_lines(part: Component) -> list[str]:
    names = ("DTSTART", "TZOFFSETFROM", "TZOFFSETTO", "RRULE", "RDATE")
    lines = [f"{name}:{prop.value.strip()}" for name in names for prop in part.all(name)]
    return [f"BEGIN:{part.name}", *lines, f"END:{part.name}"]


@dataclass(frozen=True, order=True)
class _Transition:
    at: datetime  # UTC, naive
    before: timedelta
    after: timedelta


class _Rules(tzinfo):
    """A clock that follows a VTIMEZONE (RFC 5545 3.6.5). Raises ValueError if it cannot be followed."""

    def __init__(self, definition: Component) -> None:
        parts = _observances(definition)
        if not 0 < len(parts) <= _MOST_OBSERVANCES:
            raise Unreadable("its time zone cannot be read")
        self._turns = sorted({turn for part in parts for turn in _transitions(part)})
        self.turns = [turn.at for turn in self._turns]
        # on the wall, a turn counts from the later of its two readings on, or with `fold` from the earlier
        self._late = [turn.at + max(turn.before, turn.after) for turn in self._turns]
        self._early = [turn.at + min(turn.before, turn.after) for turn in self._turns]

    def utcoffset(self, moment: datetime | None) -> timedelta:
        assert moment is not None
        wall = self._early if moment.fold else self._late
        return self._offset(bisect_right(wall, moment.replace(tzinfo=None, fold=0)))

    def dst(self, _moment: datetime | None) -> timedelta | None:
        return None

    def tzname(self, _moment: datetime | None) -> str | None:
        return None

    def fromutc(self, moment: datetime) -> datetime:
        offset = self.at(moment.replace(tzinfo=None))
        wall = moment + offset
        return wall if self.utcoffset(wall) == offset else wall.replace(fold=1)

    def at(self, instant: datetime) -> timedelta:
        """Return the offset at a naive UTC instant."""
        return self._offset(bisect_right(self.turns, instant))

    def agree(self, other: tzinfo, first: int) -> bool:
        """Say whether another zone turns with this one, from the year `first` to the last one compared."""
        turns = [at for at in self.turns if first <= at.year < _COMPARED.stop]
        instants = turns + [at - timedelta(seconds=1) for at in turns]
        return all(self.at(at) == _offset_at(other, at) for at in instants)

    def _offset(self, turns: int) -> timedelta:
        return self._turns[turns - 1].after if turns else self._turns[0].before


def _transitions(part: Component) -> Iterator[_Transition]:
    before, after = _offset(part.value("TZOFFSETFROM")), _offset(part.value("TZOFFSETTO"))
    start, _ = _stamp(part.value("DTSTART"))
    yield _Transition(max(start, datetime(1600, 1, 1)) - before, before, after)  # noqa: DTZ001 # wall clock
    for prop in part.all("RDATE"):
        for text in prop.value.split(","):
            yield _Transition(_stamp(text)[0] - before, before, after)
    for prop in part.all("RRULE"):
        for onset in _yearly(prop, start, before):
            yield _Transition(onset - before, before, after)


def _offset(text: str) -> timedelta:
    found = _OFFSET.fullmatch(text)
    if found is None or int(found[2]) > 23:
        raise Unreadable("its time zone cannot be read")
    size = timedelta(hours=int(found[2]), minutes=int(found[3]), seconds=int(found[4] or 0))
    return size if found[1] == "+" else -size


def _stamp(text: str) -> tuple[datetime, bool]:
    """Return a wall clock, and whether it is UTC."""
    found = _STAMP.match(text.strip())
    if found is None:
        raise Unreadable("its time zone cannot be read")
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    return datetime(year, month, day, hour, minute, second), bool(found[7])  # noqa: DTZ001 # wall clock


def _yearly(prop: Property, start: datetime, before: timedelta) -> Iterator[datetime]:
    """Yield the turns of a yearly rule; zones that turn otherwise are not read."""
    rule = dict(part.partition("=")[::2] for part in prop.value.strip().upper().split(";"))
    if rule.get("FREQ") != "YEARLY" or rule.get("INTERVAL", "1") != "1" or "BYYEARDAY" in rule or "BYWEEKNO" in rule:
        raise Unreadable("its time zone cannot be read")
    clock = start.replace(hour=int(rule.get("BYHOUR", start.hour)), minute=int(rule.get("BYMINUTE", start.minute)))
    count = int(rule.get("COUNT", 1000))
    for year in range(max(start.year, _RECKONED.start), min(start.year + count, _RECKONED.stop)):
        for day in _days(rule, start, year):
            onset = datetime.combine(day, clock.time())
            if onset >= start and not _past(rule.get("UNTIL", ""), onset, before):
                yield onset


def _past(until: str, onset: datetime, before: timedelta) -> bool:
    if not until:
        return False
    last, is_utc = _stamp(until)
    return onset.date() > last.date() if len(until) == 8 else (onset - before if is_utc else onset) > last


def _days(rule: dict[str, str], start: datetime, year: int) -> Iterator[date]:
    for month in {int(part) for part in rule.get("BYMONTH", str(start.month)).split(",")}:
        length = monthrange(year, month)[1]
        days = [date(year, month, number) for number in _month_days(rule, start, length)]
        if by_day := rule.get("BYDAY"):
            days = [day for day in days if _WEEKDAYS[day.weekday()] == by_day[-2:]]
            nth = int(by_day[:-2] or "1")
            days = days[nth - 1 : nth] if nth > 0 else days[nth:][:1]
        yield from days[:1]


def _month_days(rule: dict[str, str], start: datetime, length: int) -> list[int]:
    if numbers := rule.get("BYMONTHDAY"):
        wanted = {int(part) for part in numbers.split(",")}
        return [number for number in range(1, length + 1) if number in wanted or number - length - 1 in wanted]
    return list(range(1, length + 1)) if "BYDAY" in rule else [min(start.day, length)]
