"""A recurrence of the service, pattern and range -> RFC 5545 text, and the dates that it means. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from calsignal.model import Moment, Slot

_LONGEST_INTERVAL = 1_000
_MOST_TIMES = 50_000
_YEARS = range(1900, 2200)
_ZONE = re.compile(r"[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*")
_NOT_IANA = frozenset(("localtime", "posixrules", "Factory", "posix", "right"))
_UTC_NAMES = frozenset(("tzone://microsoft/utc", "coordinated universal time"))
_UTC = ZoneInfo("UTC")
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:T.*)?")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_INDEX = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
_EAST = 10  # a midnight that shows in UTC at this hour or before is west of Greenwich (Hawaii), else east (Fiji)


class Unreadable(ValueError):
    """Say why one event cannot be read; the reason holds no text of the calendar."""


def zone(name: object) -> ZoneInfo:
    """Return a zone by its Windows or IANA name. Raises `Unreadable` for one that has none, as a custom zone."""
    if isinstance(name, str):
        if name.casefold() in _UTC_NAMES:
            return _UTC
        known = _windows().get(name.casefold(), name)
        if _ZONE.fullmatch(known) and known.partition("/")[0] not in _NOT_IANA:
            try:
                return ZoneInfo(known)
            except (ValueError, OSError, KeyError):
                pass
    raise Unreadable("its time zone is not known")


@cache
def _windows() -> dict[str, str]:
    from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

    return {name.casefold(): iana for name, iana in WINDOWS_TO_OLSON.items()}


def whole_day(wall: datetime, stated: object, original: object) -> date:
    """Return the day that a midnight of an all-day event begins.

    `wall` is the clock of the zone `stated`, where it may be another time of day; `original` names the zone in which
    the event was made. Where that does not make it a midnight, the nearest one does.
    """
    if wall.time() == time():
        return wall.date()
    instant = wall.replace(tzinfo=zone(stated)).astimezone(UTC)
    try:
        local = instant.astimezone(zone(original))
    except Unreadable:
        local = instant
    if local.time() == time():
        return local.date()
    return instant.date() if instant.time() <= time(_EAST) else instant.date() + timedelta(days=1)


@dataclass(frozen=True)
class Series:
    """The rules of a series, whose occurrences begin on different days.

    slot   its first occurrence: the first one of its pattern, which may come later than its start
    at     the zone whose wall clock it follows; of days it has none, and this is UTC
    rule   a recurrence rule without COUNT and UNTIL
    count  how many occurrences it has at most
    until  the last day in `at` on which it may have one
    """

    slot: Slot
    at: ZoneInfo
    rule: str
    count: int | None = None
    until: date | None = None

    @property
    def text(self) -> str:
        """The VCALENDAR that the core expands; it changes only when the series does."""
        rule = f"RRULE:{self.rule}{'' if self.count is None else f';COUNT={self.count}'}{self._until()}"
        times = [f"DTSTART{_written(self.slot.start, self.at)}", f"DTEND{_written(self.slot.end, self.at)}"]
        return "\r\n".join(["BEGIN:VCALENDAR", "BEGIN:VEVENT", *times, rule, "END:VEVENT", "END:VCALENDAR", ""])

    def day(self, moment: Moment) -> date:
        """Return the day of a moment in the zone of the series: it has one occurrence a day at most."""
        return moment.astimezone(self.at).date() if isinstance(moment, datetime) else moment

    def dates(self, start: datetime, end: datetime) -> dict[date, Moment]:
        """Return by day where the occurrences begin that overlap `[start, end)`, and some around them."""
        earliest = (start - self.slot.duration).date() - timedelta(days=2)
        latest = min(end.date() + timedelta(days=2), self.until or date.max)
        return {wall.date(): self._moment(wall) for wall in self._walls(earliest, latest) if wall.date() >= earliest}

    def _walls(self, earliest: date, latest: date) -> Iterator[datetime]:
        """Yield the wall clock of occurrences, from the first one on or from a later one, to a day."""
        from dateutil.rrule import rrulestr

        begin = _wall(self.slot.start, self.at)
        step = _step(self.rule)
        if self.count is None and step and begin.date() < earliest:  # without a count it is the same at each step
            begin += (earliest - begin.date()) // step * step
        for wall in rrulestr(self.rule, dtstart=begin).xafter(begin, count=self.count, inc=True):
            if wall.date() > latest:
                return
            yield wall

    def _moment(self, wall: datetime) -> Moment:
        return wall.date() if self.slot.all_day else wall.replace(tzinfo=self.at).astimezone(UTC)

    def _until(self) -> str:
        """Write the last day as RFC 5545 3.3.10 wants it: a day for days, for times the end of that day in UTC."""
        if self.until is None:
            return ""
        if self.slot.all_day:
            return f";UNTIL={self.until:%Y%m%d}"
        return f";UNTIL={datetime.combine(self.until, time(23, 59, 59), self.at).astimezone(UTC):%Y%m%dT%H%M%SZ}"


def read(recurrence: object, slot: Slot, own: object) -> Series:
    """Read a recurrence of a series that begins with `slot`; `own` names the zone of the event.

    Raises:
        Unreadable: a zone, pattern or range that is not known, or one without any date.
    """
    pattern, span = _part(recurrence, "pattern"), _part(recurrence, "range")
    at = _UTC if slot.all_day else zone(span.get("recurrenceTimeZone") or own)
    rule = _rule(pattern)
    begin = _wall(slot.start, at)
    first = _first(rule, datetime.combine(_start(span, begin.date()), begin.time()))
    count, until = _end(span)
    if until is not None and until < first.date():
        raise Unreadable("its series has no date")
    start = first.date() if slot.all_day else first.replace(tzinfo=at).astimezone(UTC)
    return Series(slot.starting(start), at, rule, count, until)


def _part(recurrence: object, name: str) -> Mapping[str, object]:
    value = recurrence.get(name) if isinstance(recurrence, dict) else None
    if not isinstance(value, dict):
        raise Unreadable("its series has no pattern or no range")
    return value


def _wall(moment: Moment, at: ZoneInfo) -> datetime:
    """Return the wall clock of a moment, without its zone; of a day, its midnight."""
    if isinstance(moment, datetime):
        return moment.astimezone(at).replace(tzinfo=None, fold=0)
    return datetime.combine(moment, time())


def _start(span: Mapping[str, object], fallback: date) -> date:
    """Return the day from which the pattern counts."""
    given = span.get("startDate")
    return fallback if given is None else _day(given)


def _first(rule: str, begin: datetime) -> datetime:
    from dateutil.rrule import rrulestr

    first = next(iter(rrulestr(rule, dtstart=begin)), None)
    if first is None or first.year not in _YEARS:
        raise Unreadable("its series has no date")
    return first


def _end(span: Mapping[str, object]) -> tuple[int | None, date | None]:
    """Return the number of occurrences or the last day, whichever ends the series."""
    kind = _word(span.get("type"))
    if kind == "numbered":
        return _number(span.get("numberOfOccurrences"), _MOST_TIMES), None
    if kind == "enddate":
        return None, _day(span.get("endDate"))
    if kind == "noend":
        return None, None
    raise Unreadable("how long its series lasts cannot be read")


def _day(value: object) -> date:
    found = _DATE.fullmatch(value) if isinstance(value, str) else None
    if found is None or int(found[1]) not in _YEARS:
        raise Unreadable("how long its series lasts cannot be read")
    return date(int(found[1]), int(found[2]), int(found[3]))


def _rule(pattern: Mapping[str, object]) -> str:
    kind = _word(pattern.get("type"))
    interval = _number(pattern.get("interval"), _LONGEST_INTERVAL)
    parts = [*_parts(kind, pattern), *([f"INTERVAL={interval}"] if interval > 1 else [])]
    if kind == "weekly" and interval > 1:
        parts.append(f"WKST={_days([pattern.get('firstDayOfWeek') or 'sunday'])[0]}")
    return ";".join(parts)


def _parts(kind: str, pattern: Mapping[str, object]) -> Iterator[str]:
    """Yield the parts of a rule that say on which days."""
    if kind == "daily":
        yield "FREQ=DAILY"
    elif kind == "weekly":
        yield from ("FREQ=WEEKLY", f"BYDAY={','.join(_days(pattern.get('daysOfWeek')))}")
    elif kind in ("absolutemonthly", "relativemonthly"):
        yield from ("FREQ=MONTHLY", *_in_month(kind, pattern))
    elif kind in ("absoluteyearly", "relativeyearly"):
        yield from ("FREQ=YEARLY", f"BYMONTH={_number(pattern.get('month'), 12)}", *_in_month(kind, pattern))
    else:
        raise Unreadable("its pattern is not known")


def _in_month(kind: str, pattern: Mapping[str, object]) -> Iterator[str]:
    """Yield which day of the month: by number, or as the n-th of some weekdays taken together."""
    if kind.startswith("relative"):
        days = _days(pattern.get("daysOfWeek"))
        index = _INDEX.get(_word(pattern.get("index") or "first"))
        if index is None:
            raise Unreadable("its pattern is not known")
        yield from (f"BYDAY={index}{days[0]}",) if len(days) == 1 else (f"BYDAY={','.join(days)}", f"BYSETPOS={index}")
        return
    day = _number(pattern.get("dayOfMonth"), 31)
    if day <= 28:
        yield f"BYMONTHDAY={day}"
    else:  # a shorter month has it on its last day
        yield from (f"BYMONTHDAY={','.join(str(each) for each in range(28, day + 1))}", "BYSETPOS=-1")


def _days(value: object) -> list[str]:
    found = {_word(each) for each in value} if isinstance(value, list) else set()
    if not found or not found <= set(_DAYS):
        raise Unreadable("its pattern is not known")
    return [day[:2].upper() for day in _DAYS if day in found]


def _number(value: object, most: int) -> int:
    if type(value) is not int or not 1 <= value <= most:
        raise Unreadable("its pattern is not known")
    return value


def _word(value: object) -> str:
    return value.casefold() if isinstance(value, str) else ""


def _step(rule: str) -> timedelta | None:
    """Return after which time a rule by days or weeks is where it was."""
    found = re.match(r"FREQ=(DAILY|WEEKLY)(?:.*INTERVAL=([0-9]+))?", rule)
    if found is None:
        return None
    return timedelta(days=1 if found[1] == "DAILY" else 7) * int(found[2] or 1)


def _written(moment: Moment, at: ZoneInfo) -> str:
    """Write a moment as parameters and value of a property."""
    if not isinstance(moment, datetime):
        return f";VALUE=DATE:{moment:%Y%m%d}"
    if at.key in ("UTC", "Etc/UTC"):
        return f":{moment:%Y%m%dT%H%M%SZ}"
    return f";TZID={at.key}:{moment.astimezone(at):%Y%m%dT%H%M%S}"
