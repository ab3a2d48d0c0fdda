"""The times and rules of a series as text that changes only when they do, and its occurrences where we need them.

The core works out occurrences. Here they are needed twice: to spread an override over all that follow it
(RANGE=THISANDFUTURE), and to tell an occurrence that lost its override from one that was deleted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from .text import Component, Property, Unreadable
from .values import When, moment
from .zones import Zones

_PLAIN = {
    "DAILY": frozenset(("BYDAY", "BYMONTH")),
    "WEEKLY": frozenset(("BYDAY", "BYMONTH")),
    "MONTHLY": frozenset(("BYDAY", "BYMONTH", "BYMONTHDAY", "BYSETPOS")),
    "YEARLY": frozenset(("BYDAY", "BYMONTH", "BYMONTHDAY")),
}
_ALWAYS = frozenset(("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST"))
_STEP = {"DAILY": 1, "WEEKLY": 7, "MONTHLY": 62, "YEARLY": 3000}  # days: the 31st and 29 February are skipped at times
_EVERY_STEP = frozenset(("FREQ", "INTERVAL", "COUNT", "WKST"))  # rules of these alone hit something at every step
_OLDEST = 1900
_MOST = 5_000


@dataclass(frozen=True)
class Series:
    """A set of occurrences: `added` (RDATE) and `removed` (EXDATE) are moments, `rules` and `barred` RFC 5545 rules."""

    start: When
    end: When
    rules: tuple[str, ...]
    barred: tuple[str, ...]
    added: tuple[When, ...]
    removed: tuple[When, ...]
    lost: int = 0  # dates that could not be read

    @property
    def text(self) -> str:
        """The VCALENDAR that the core expands, in an order of its own."""
        assert self.start.zone is not None or self.start.all_day
        zone = self.start.zone.definition if self.start.zone else ""
        lines = [f"DTSTART{_written(self.start)}", f"DTEND{_written(_in_zone_of(self.start, self.end))}"]
        lines += [f"RRULE:{rule}" for rule in self.rules] + [f"EXRULE:{rule}" for rule in self.barred]
        lines += _dates("RDATE", self.added) + _dates("EXDATE", self.removed)
        event = ["BEGIN:VEVENT", *lines, "END:VEVENT"]
        return "\r\n".join(["BEGIN:VCALENDAR", *([zone] if zone else []), *event, "END:VCALENDAR", ""])

    @property
    def last_day(self) -> date | None:
        """A day after which there surely is no occurrence, or None if that is not plain to see."""
        ends = [_last_day(rule, self.start) for rule in self.rules]
        if None in ends:
            return None
        days = [self.start.day, *(day for day in ends if day), *(added.day for added in self.added)]
        try:
            return max(days) + (self.end.day - self.start.day) + timedelta(days=1)
        except OverflowError:
            return None

    def starts(self, until: datetime) -> Iterator[When]:
        """Yield where occurrences begin up to `until`; raises `Unreadable` for rules that are not plain."""
        if self.barred or self.start.day.year < _OLDEST:
            raise Unreadable("its rules are too unusual to follow")
        gone = {at.moment for at in self.removed}
        try:
            found = {at.moment: at for at in (self.start, *self.added, *self._by_rule(until))}
        except (ValueError, TypeError, KeyError, OverflowError):
            raise Unreadable("its rules are too unusual to follow") from None
        for key in sorted(found):
            if key not in gone and found[key].day not in gone:
                yield found[key]

    def _by_rule(self, until: datetime) -> Iterator[When]:
        from dateutil.rrule import rrulestr

        last = until.replace(tzinfo=None) + timedelta(days=2)
        first = self.start.wall
        for rule in self.rules:
            text = _plain(rule, self.start)
            for count, wall in enumerate(rrulestr(text, dtstart=first)):
                if wall > last or count > _MOST * 10:
                    break
                yield When(wall.date() if self.start.all_day else wall, self.start.zone)


def series(component: Component, start: When, end: When, zones: Zones) -> Series | None:
    """Return the series that a component describes, or None for a single event."""
    rules, barred = (_rules(component, name) for name in ("RRULE", "EXRULE"))
    added, lost = _moments(component, "RDATE", start, zones)
    if not rules and not added:
        return None
    removed, more_lost = _moments(component, "EXDATE", start, zones)
    return Series(start, end, rules, barred, added, removed, lost + more_lost)


def _rules(component: Component, name: str) -> tuple[str, ...]:
    return tuple(sorted({_tidy(prop.value) for prop in component.all(name) if prop.value.strip()}))


def _tidy(rule: str) -> str:
    """Write a rule in one way: no defaults, parts and lists in order."""
    parts = _parts(rule)
    lists = {name: ",".join(sorted(set(value.split(",")))) for name, value in parts.items()}
    kept = {name: text for name, text in lists.items() if (name, text) not in (("INTERVAL", "1"), ("WKST", "MO"))}
    return ";".join(f"{name}={kept[name]}" for name in sorted(kept, key=lambda name: (name != "FREQ", name)))


def _parts(rule: str) -> dict[str, str]:
    split = (part.partition("=") for part in rule.upper().replace(" ", "").split(";") if part)
    return {name: value for name, _, value in split if not name.startswith("X-")}


def _moments(component: Component, name: str, start: When, zones: Zones) -> tuple[tuple[When, ...], int]:
    """Return the dates of a list, and how many could not be read; of a period (RFC 5545 3.3.9) its begin counts."""
    found: dict[object, When] = {}
    lost = 0
    for text, prop in _values(component, name):
        try:
            at = moment(text.partition("/")[0], prop.params.get("TZID", ""), zones)
            at = at if at.all_day and name == "EXDATE" else at.like(start)
            found[at.moment] = at
        except (Unreadable, OverflowError):
            lost += 1
    return tuple(found[key] for key in sorted(found, key=str)), lost


def _values(component: Component, name: str) -> Iterator[tuple[str, Property]]:
    for prop in component.all(name):
        for text in prop.value.split(","):
            if text.strip():
                yield text, prop


def _written(at: When) -> str:
    """Write a moment as parameters and value of a property."""
    if not isinstance(at.local, datetime):
        return f";VALUE=DATE:{at.local:%Y%m%d}"
    assert at.zone is not None
    stamp = at.local.strftime("%Y%m%dT%H%M%S")
    return f":{stamp}Z" if at.zone == Zones.utc else f";TZID={at.zone.name}:{stamp}"


def _in_zone_of(start: When, end: When) -> When:
    if start.zone is None or end.zone == start.zone or not isinstance(end.moment, datetime):
        return end
    return When(end.moment.astimezone(start.zone.rules).replace(tzinfo=None), start.zone)


def _dates(name: str, moments: tuple[When, ...]) -> list[str]:
    days = [f"{at.moment:%Y%m%d}" for at in moments if at.all_day]
    times = [f"{at.moment:%Y%m%dT%H%M%SZ}" for at in moments if not at.all_day]
    return [f"{name};VALUE=DATE:{','.join(days)}"] * bool(days) + [f"{name}:{','.join(times)}"] * bool(times)


def _last_day(rule: str, start: When) -> date | None:
    parts = _parts(rule)
    try:
        if until := parts.get("UNTIL"):
            return date(int(until[:4]), int(until[4:6]), int(until[6:8])) + timedelta(days=1)
        every_step = _EVERY_STEP | ({"BYDAY"} if parts["FREQ"] == "WEEKLY" else set())
        if "COUNT" not in parts or not parts.keys() <= every_step:
            return None
        steps = int(parts["COUNT"]) * int(parts.get("INTERVAL", "1")) + 1
        return start.day + timedelta(days=steps * _STEP[parts["FREQ"]])
    except (ValueError, KeyError, OverflowError):
        return None


def _plain(rule: str, start: When) -> str:
    """Return a rule for wall clocks; raise for one that is not plain enough to be followed without end."""
    parts = _parts(rule)
    allowed = _PLAIN.get(parts.get("FREQ", ""))
    if allowed is None or not parts.keys() <= _ALWAYS | allowed or parts.get("INTERVAL") == "0":
        raise Unreadable("its rules are too unusual to follow")
    if until := parts.get("UNTIL"):
        parts["UNTIL"] = _wall_until(until, start)
    return ";".join(f"{name}={value}" for name, value in parts.items())


def _wall_until(until: str, start: When) -> str:
    if start.all_day or len(until) == 8:
        return until[:8] + "T235959"
    if not until.endswith("Z") or start.zone is None:
        return until.rstrip("Z")
    instant = datetime.strptime(until, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return f"{instant.astimezone(start.zone.rules):%Y%m%dT%H%M%S}"
