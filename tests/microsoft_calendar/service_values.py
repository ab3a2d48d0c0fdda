"""How Microsoft writes times, zones, series and the ids of meetings. Pure: values in, values out."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import count, islice
from typing import Any, TypedDict, Unpack
from zoneinfo import ZoneInfo

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

Json = dict[str, Any]
Moment = datetime | date

CUSTOM = "tzone://Microsoft/Custom"
"""The name of a zone that came with rules of its own, as from an .ics file."""

NONE = "0001-01-01T00:00:00Z"
NEVER = "4501-01-01T00:00:00Z"
"""Times that mean no time: two sentinels."""

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
INDEXES = ("first", "second", "third", "fourth", "last")
MOST_OCCURRENCES = 5000

_GOID = bytes.fromhex("040000008200E00074C5B7101A82E008")
_WRAP = b"vCal-Uid\x01\x00\x00\x00"


# Zones and times


def zone_info(name: str) -> ZoneInfo:
    """Return the rules of a Windows or IANA zone. Raises KeyError for another name."""
    if name in {"UTC", "tzone://Microsoft/Utc"}:
        return ZoneInfo("UTC")
    try:
        return ZoneInfo(WINDOWS_TO_OLSON.get(name, name))
    except ValueError:
        raise KeyError(name) from None


def stamp(at: datetime) -> str:
    """Write an instant in UTC, as `createdDateTime` has it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")


def short_stamp(at: datetime) -> str:
    """Write an instant in UTC, to the second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def instant(at: Moment, rules: ZoneInfo) -> datetime:
    """Return the instant at which a moment begins, a day's in a zone."""
    return at if isinstance(at, datetime) else datetime.combine(at, time(), rules)


def wire(at: Moment, rules: ZoneInfo, shown: str = "UTC") -> Json:
    """Write a start or an end in the zone that was asked for; a day begins at midnight of its own zone."""
    local = instant(at, rules).astimezone(zone_info(shown))
    return {"dateTime": local.strftime("%Y-%m-%dT%H:%M:%S.%f0"), "timeZone": shown}


def local_day(at: Moment, rules: ZoneInfo) -> date:
    """Return the day of a moment in a zone."""
    return at.astimezone(rules).date() if isinstance(at, datetime) else at


def tail(original: Moment) -> str:
    """Write an original start as it ends the key of an occurrence."""
    return f"{original.astimezone(UTC):%Y%m%dT%H%M%SZ}" if isinstance(original, datetime) else f"{original:%Y%m%d}"


# Series: patterns and ranges


class Span(TypedDict, total=False):
    """How long a series goes on: so many `times`, or `until` a day; without either it has no end."""

    times: int
    until: date


def daily(every: int = 1, **span: Unpack[Span]) -> Json:
    """Repeat every so many days."""
    return _repeat({"type": "daily", "interval": every}, **span)


def weekly(*days: str, every: int = 1, week_begins: str = "sunday", **span: Unpack[Span]) -> Json:
    """Repeat on days of the week (`"monday"`), by default on that of the start."""
    return _repeat(
        {"type": "weekly", "interval": every, "daysOfWeek": list(days), "firstDayOfWeek": week_begins}, **span
    )


def monthly(day: int = 0, every: int = 1, **span: Unpack[Span]) -> Json:
    """Repeat on a day of the month, by default on that of the start; a shorter month has it on its last day."""
    return _repeat({"type": "absoluteMonthly", "interval": every, "dayOfMonth": day}, **span)


def monthly_on(index: str, *days: str, every: int = 1, **span: Unpack[Span]) -> Json:
    """Repeat on the `first` to `fourth` or `last` one of these days of the month."""
    return _repeat({"type": "relativeMonthly", "interval": every, "daysOfWeek": list(days), "index": index}, **span)


def yearly(month: int = 0, day: int = 0, every: int = 1, **span: Unpack[Span]) -> Json:
    """Repeat on a day of the year, by default on that of the start."""
    return _repeat({"type": "absoluteYearly", "interval": every, "month": month, "dayOfMonth": day}, **span)


def yearly_on(index: str, month: int, *days: str, every: int = 1, **span: Unpack[Span]) -> Json:
    """Repeat on the `first` to `fourth` or `last` one of these days of a month, each year."""
    pattern = {"type": "relativeYearly", "interval": every, "month": month, "daysOfWeek": list(days), "index": index}
    return _repeat(pattern, **span)


def _repeat(pattern: Json, times: int | None = None, until: date | None = None) -> Json:
    span: Json = {"type": "noEnd"}
    span = {"type": "numbered", "numberOfOccurrences": times} if times else span
    span = {"type": "endDate", "endDate": until.isoformat()} if until else span
    return {"pattern": pattern, "range": span}


def settled(repeat: Mapping[str, Json], first: date, zone: str) -> Json:
    """Return a recurrence with everything Microsoft fills in for a series that begins on a day."""
    pattern: Json = {"month": 0, "dayOfMonth": 0, "firstDayOfWeek": "sunday", "index": "first", **repeat["pattern"]}
    kind = pattern["type"]
    if kind == "weekly":
        pattern["daysOfWeek"] = pattern.get("daysOfWeek") or [DAYS[first.weekday()]]
    if kind.startswith("absolute"):
        pattern["dayOfMonth"] = pattern["dayOfMonth"] or first.day
    if kind == "absoluteYearly":
        pattern["month"] = pattern["month"] or first.month
    span = {"endDate": "0001-01-01", "numberOfOccurrences": 0, "recurrenceTimeZone": zone, **repeat["range"]}
    return {"pattern": pattern, "range": {**span, "startDate": first.isoformat()}}


def following(repeat: Mapping[str, Json], first: date) -> Json:
    """Return a recurrence whose one day is that of a new start; one with several days is left as it is."""
    pattern: Json = dict(repeat["pattern"])
    if pattern["type"] == "weekly" and len(pattern["daysOfWeek"]) == 1:
        pattern["daysOfWeek"] = [DAYS[first.weekday()]]
    if pattern["type"].startswith("absolute"):
        pattern["dayOfMonth"] = first.day
    if pattern["type"] == "absoluteYearly":
        pattern["month"] = first.month
    return {"pattern": pattern, "range": {**repeat["range"], "startDate": first.isoformat()}}


def dates(recurrence: Mapping[str, Json], last: date) -> Iterator[date]:
    """Yield the days of a series up to and including `last`, those that were called off too."""
    pattern, span = recurrence["pattern"], recurrence["range"]
    first = date.fromisoformat(span["startDate"])
    end = min(last, date.fromisoformat(span["endDate"])) if span["type"] == "endDate" else last
    most = span["numberOfOccurrences"] if span["type"] == "numbered" else MOST_OCCURRENCES
    days = (day for day in _pattern_days(pattern, first) if day >= first)
    for day in islice(days, most):
        if day > end:
            return
        yield day


def _pattern_days(pattern: Json, first: date) -> Iterator[date]:
    every = pattern["interval"]
    match pattern["type"]:
        case "daily":
            return (first + timedelta(days=every * turn) for turn in count())
        case "weekly":
            return _weeks(pattern, first)
        case "absoluteMonthly" | "relativeMonthly":
            return _months(pattern, first.year, first.month, every)
        case _:
            return _months(pattern, first.year, pattern["month"], 12 * every)


def _weeks(pattern: Json, first: date) -> Iterator[date]:
    begins = DAYS.index(pattern["firstDayOfWeek"])
    week = first - timedelta(days=(first.weekday() - begins) % 7)
    offsets = sorted((DAYS.index(day) - begins) % 7 for day in pattern["daysOfWeek"])
    for turn in count():
        for offset in offsets:
            yield week + timedelta(weeks=pattern["interval"] * turn, days=offset)


def _months(pattern: Json, year: int, month: int, every: int) -> Iterator[date]:
    for turn in count():
        months = year * 12 + month - 1 + every * turn
        if months // 12 > date.max.year:
            return
        yield _day_of(pattern, months // 12, months % 12 + 1)


def _day_of(pattern: Json, year: int, month: int) -> date:
    length = calendar.monthrange(year, month)[1]
    if pattern["type"].startswith("absolute"):
        return date(year, month, min(pattern["dayOfMonth"], length))
    wanted = {DAYS.index(day) for day in pattern["daysOfWeek"]}
    fitting = [day for day in range(1, length + 1) if date(year, month, day).weekday() in wanted]
    index = INDEXES.index(pattern["index"])
    return date(year, month, fitting[-1] if index == 4 else fitting[index])


# Ids of meetings


def goid(data: bytes, day: date | None = None) -> str:
    """Return a Global Object Id as `iCalUId` has it; that of an occurrence holds its day in bytes 16 to 19."""
    date_bytes = day.year.to_bytes(2, "big") + bytes([day.month, day.day]) if day else bytes(4)
    return (_GOID + date_bytes + bytes(16) + len(data).to_bytes(4, "little") + data).hex().upper()


def on_day(uid: str, day: date | None) -> str:
    """Return a Global Object Id with a day in it, or without one; another kind of UID is wrapped first."""
    raw = bytes.fromhex(uid if uid.upper().startswith(_GOID.hex().upper()) else wrapped(uid))
    date_bytes = day.year.to_bytes(2, "big") + bytes([day.month, day.day]) if day else bytes(4)
    return (raw[:16] + date_bytes + raw[20:]).hex().upper()


def wrapped(uid: str, times: int = 1) -> str:
    """Wrap a UID that was made elsewhere (`abc@google.com`) into a Global Object Id, as Exchange does."""
    for _ in range(times):
        uid = goid(_WRAP + uid.encode() + b"\x00")
    return uid


def person(address: str, name: str = "") -> Json:
    """Write a person as `emailAddress` does."""
    return {"name": name or address, "address": address}


def without(item: Mapping[str, Any], names: Iterable[str]) -> Json:
    """Return an item without some fields."""
    left = set(names)
    return {name: value for name, value in item.items() if name not in left}
