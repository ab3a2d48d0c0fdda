"""Property values -> days, times and lengths (RFC 5545 3.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from calsignal.model import Moment, Slot

from .text import Component, Property, Unreadable
from .zones import Zone, Zones

_MOMENT = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)(?:[T ](\d\d):?(\d\d)(?::?(\d\d)(?:\.\d+)?)?(Z?))?", re.IGNORECASE)
_DURATION = re.compile(
    r"([+-]?)P(?:(\d{1,6})W)?(?:(\d{1,7})D)?(?:T(?:(\d{1,8})H)?(?:(\d{1,9})M)?(?:(\d{1,10})S)?)?", re.IGNORECASE
)


@dataclass(frozen=True)
class When:
    """A moment as a calendar writes it: a day, or a wall clock in a zone."""

    local: datetime | date
    zone: Zone | None = None
    floating: bool = False  # it names no zone itself

    @property
    def all_day(self) -> bool:
        return not isinstance(self.local, datetime)

    @property
    def day(self) -> date:
        return self.local.date() if isinstance(self.local, datetime) else self.local

    @property
    def wall(self) -> datetime:
        """The wall clock; of a day, its midnight."""
        return self.local if isinstance(self.local, datetime) else datetime.combine(self.local, time())

    @property
    def moment(self) -> Moment:
        """The UTC instant, or the day. A wall clock that DST skips or repeats is read as RFC 5545 3.3.5 says."""
        if not isinstance(self.local, datetime):
            return self.local
        assert self.zone is not None
        return self.local.replace(tzinfo=self.zone.rules).astimezone(UTC)

    def like(self, other: When) -> When:
        """Return this moment as `other` is written: as a day, in its zone, or at its time of day if this is a day."""
        if other.all_day:
            return When(self.day)
        if isinstance(self.local, datetime):
            return replace(self, zone=other.zone) if self.floating else self
        return replace(other, local=datetime.combine(self.day, other.wall.time()))


def when(prop: Property, zones: Zones) -> When:
    """Read a DATE or DATE-TIME, whatever VALUE says: producers mix them up."""
    return moment(prop.value, prop.params.get("TZID", ""), zones)


def moment(text: str, tzid: str, zones: Zones) -> When:
    """Read one value; raises `Unreadable` for what is no moment and for a zone that nobody knows."""
    found = _MOMENT.fullmatch(text.strip())
    if found is None:
        raise Unreadable("a date or time cannot be read")
    try:
        day = date(int(found[1]), int(found[2]), int(found[3]))
        if found[4] is None:
            return When(day)
        clock = time(int(found[4]), int(found[5]), min(int(found[6] or 0), 59))  # a leap second is the one before
    except ValueError:
        raise Unreadable("a date or time cannot be read") from None
    zone = zones.utc if found[7] else zones.of(tzid)
    return When(datetime.combine(day, clock), zone, floating=not (found[7] or tzid))


def duration(text: str) -> timedelta:
    """Read a DURATION (RFC 5545 3.3.6); never negative."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise Unreadable("a duration cannot be read")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups()[1:])
    length = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    return timedelta() if found[1] == "-" else length


def span(component: Component, zones: Zones) -> tuple[When, When]:
    """Return begin and end of an event as written, both days or both times, the end never before the begin.

    Without an end, a day lasts a day and a time no time at all (RFC 5545 3.6.1).
    """
    prop = component.get("DTSTART")
    if prop is None:
        raise Unreadable("it has no start")
    start = when(prop, zones)
    end = _end(component, start, zones)
    if component.value("X-MICROSOFT-CDO-ALLDAYEVENT").upper() == "TRUE" and _midnight(start) and _midnight(end):
        start, end = When(start.day), When(end.day)
    if start.all_day:
        return start, max(end, When(start.day + timedelta(days=1)), key=lambda at: at.day)
    return start, end if slot(start, end).duration > timedelta() else start


def slot(start: When, end: When) -> Slot:
    try:
        return Slot(start.moment, end.moment)
    except OverflowError:
        raise Unreadable("a date or time cannot be read") from None


def _end(component: Component, start: When, zones: Zones) -> When:
    if (prop := component.get("DTEND")) is not None:
        end = when(prop, zones)
        if end.floating and not start.all_day:
            end = replace(end, zone=start.zone)
        return end if end.all_day == start.all_day else _of_kind(end, start)
    if length := component.value("DURATION"):
        return _after(start, duration(length))
    return start


def _of_kind(end: When, start: When) -> When:
    """Mend an end that is a time while the start is a day, or the other way round."""
    if not start.all_day:
        return replace(start, local=datetime.combine(end.local, time()))
    rounded = timedelta(0 if _midnight(end) else 1)
    return When(end.day + rounded)


def _after(start: When, length: timedelta) -> When:
    """Add a length: its days on the wall clock, the rest as time that passes (RFC 5545 3.3.6)."""
    try:
        if not isinstance(start.local, datetime):
            return When(start.local + length)
        assert start.zone is not None
        days = timedelta(days=length.days)
        there = (start.local + days).replace(tzinfo=start.zone.rules).astimezone(UTC) + (length - days)
        return replace(start, local=there.astimezone(start.zone.rules).replace(tzinfo=None))
    except OverflowError:
        raise Unreadable("a duration cannot be read") from None


def _midnight(at: When) -> bool:
    return at.wall.time() == time()
