"""A series in RFC 5545 text -> where its occurrences begin. Pure, and safe on rules made to hang a program.

The rules themselves are worked out by recurring-ical-events. This module takes care of what it leaves open: it
refuses rules that would run for ever, gives `UNTIL` its zone, honours `EXRULE`, and keeps a `VTIMEZONE` of one series
away from the others.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from math import prod
from zoneinfo import ZoneInfo

from calsignal.contract import unwarned
from calsignal.model import Moment

_LONGEST = 1_000_000  # characters of one series
_LONGEST_RULE = 2_000
_MOST_RULES = 20
_MOST_A_DAY = 48
_MOST_STEPS = 100_000  # candidates looked at, from the start of the series to the end of the window
_CYCLE = 400  # years after which the Gregorian calendar repeats, weekdays included

_PARTS = frozenset(
    (
        *("FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYSECOND", "BYMINUTE", "BYHOUR"),
        *("BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYMONTH", "BYSETPOS"),
    )
)
_STEP = {
    "HOURLY": timedelta(hours=1),
    "DAILY": timedelta(days=1),
    "WEEKLY": timedelta(days=7),
    "MONTHLY": timedelta(days=28),
    "YEARLY": timedelta(days=365),
}
_DAYS_A_STEP = {"HOURLY": 1, "DAILY": 1, "WEEKLY": 7, "MONTHLY": 31, "YEARLY": 366}  # at most; of an hour, its own
_TZID = re.compile(r';TZID=("[^"]*"|[^";]*)', re.IGNORECASE)
_MALFORMED = (ValueError, KeyError, TypeError, AttributeError, IndexError, ArithmeticError, RecursionError)


class UnreadableSeries(ValueError):
    """Say why a series cannot be expanded; the reason holds no text of the calendar."""


class TooManyOccurrences(UnreadableSeries):
    """Refuse a series that repeats more often than meetings do."""


@dataclass(frozen=True)
class _Line:
    """One content line (RFC 5545 3.1): its name, what stands between name and colon, its value."""

    name: str
    params: str
    value: str

    @property
    def tzid(self) -> str | None:
        found = _TZID.search(self.params)
        return found.group(1).strip('" ') if found else None

    @property
    def text(self) -> str:
        return f"{self.name}{self.params}:{self.value}"

    def in_zone(self, tzid: str) -> _Line:
        return replace(self, params=_TZID.sub(f";TZID={tzid}", self.params))


_Rule = Mapping[str, str]


def expand(recurrence: str, start: datetime, end: datetime, limit: int = 5000) -> tuple[Moment, ...]:
    """Return where the occurrences that overlap `[start, end)` begin: UTC instants or days, sorted, each once.

    `recurrence` is a VCALENDAR with one VEVENT of DTSTART, DTEND or DURATION, RRULE, RDATE, EXDATE and EXRULE, and
    with a VTIMEZONE for every zone without an IANA name. Days count from midnight to midnight UTC. DTSTART is always
    the first occurrence (RFC 5545 3.8.5.3). Raises `TooManyOccurrences` for more than `limit` and for rules by the
    minute or second, `UnreadableSeries` for everything else that cannot be expanded.
    """
    try:
        starts = _expand(recurrence, start, end, limit)
    except UnreadableSeries:
        raise
    except _MALFORMED:
        raise UnreadableSeries("its rules cannot be read") from None
    if len(starts) > limit:
        raise TooManyOccurrences(f"it has more than {limit:,} occurrences")
    return tuple(starts)


def _expand(recurrence: str, start: datetime, end: datetime, limit: int) -> list[Moment]:
    if len(recurrence) > _LONGEST:
        raise UnreadableSeries(f"it is longer than {_LONGEST:,} characters")
    zones, event = _parse(recurrence)
    event, definitions = _settle_zones(event, zones)
    begin = _begin(event, definitions)
    if _day(begin) > _day(end) + timedelta(days=1):
        return []
    rules = _rules(event, "RRULE", begin, end)
    for rule in rules:
        _check_number(_rule(rule), begin, start, end, limit)
    dates = [line for line in event if line.name not in ("RRULE", "EXRULE")]
    starts = _occurrences(definitions, dates, rules, start, end)
    if excluded := _rules(event, "EXRULE", begin, end):
        bare = [line for line in dates if line.name not in ("RDATE", "EXDATE")]
        # DTSTART is part of every set, so it says nothing about the excluded ones unless the rule itself hits it
        hits = set(_occurrences(definitions, bare, excluded, start, end)) - _unless_hit(begin, excluded)
        starts -= hits
    return sorted(starts)


def _parse(recurrence: str) -> tuple[dict[str, list[_Line]], list[_Line]]:
    """Return the lines of each VTIMEZONE by its TZID, and those of the VEVENT."""
    zones: dict[str, list[_Line]] = {}
    event: list[_Line] = []
    block: list[_Line] | None = None
    for line in _lines(recurrence):
        marker = line.value.strip().upper()
        if line.name == "BEGIN" and marker in ("VTIMEZONE", "VEVENT"):
            block = []
        elif line.name == "END" and marker == "VTIMEZONE":
            zones.update({name.value.strip(): block or [] for name in block or [] if name.name == "TZID"})
            block = None
        elif line.name == "END" and marker == "VEVENT":
            event, block = event or block or [], None
        elif block is not None:
            block.append(line)
    if not any(line.name == "DTSTART" for line in event):
        raise UnreadableSeries("it has no start")
    return zones, [line for line in event if line.name in _WANTED]


_WANTED = frozenset(("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE", "EXDATE", "EXRULE"))


def _lines(text: str) -> Iterable[_Line]:
    for raw in re.sub(r"\r?\n[ \t]", "", text).splitlines():
        head, colon, value = _split(raw)
        if colon:
            name, semicolon, params = head.partition(";")
            yield _Line(name.strip().upper(), semicolon + params, value)


def _split(raw: str) -> tuple[str, str, str]:
    if '"' not in raw:
        return raw.partition(":")
    found = re.match(r'((?:[^":]|"[^"]*")*):(.*)', raw)
    return (found.group(1), ":", found.group(2)) if found else ("", "", "")


def _settle_zones(event: list[_Line], zones: Mapping[str, list[_Line]]) -> tuple[list[_Line], list[str]]:
    """Give each zone of our own a name made of its rules: one name can then never mean two zones."""
    settled, definitions = [], {}
    for line in event:
        tzid = line.tzid
        if tzid is None or _is_iana(tzid):
            settled.append(line)
            continue
        if tzid not in zones:
            raise UnreadableSeries("its time zone is not known")
        name, text = _definition(zones[tzid])
        definitions[name] = text
        settled.append(line.in_zone(name))
    return settled, sorted(definitions.values())


def _is_iana(tzid: str) -> bool:
    try:
        ZoneInfo(tzid)
    except (ValueError, OSError, KeyError):
        return False
    return True


def _definition(lines: Sequence[_Line]) -> tuple[str, str]:
    """Return the name and the text of a VTIMEZONE; raise for one whose rules are not yearly."""
    rules = [line.value.upper() for line in lines if line.name == "RRULE"]
    if len(rules) > _MOST_RULES or any("FREQ=YEARLY" not in rule or len(rule) > _LONGEST_RULE for rule in rules):
        raise UnreadableSeries("its time zone cannot be read")
    kept = [line.text for line in lines if line.name != "TZID" and not line.name.startswith("X-")]
    name = "calsignal-" + hashlib.sha256("\n".join(kept).encode()).hexdigest()[:16]
    return name, "\r\n".join(["BEGIN:VTIMEZONE", f"TZID:{name}", *kept, "END:VTIMEZONE"])


def _begin(event: Sequence[_Line], definitions: Sequence[str]) -> Moment:
    """Return DTSTART as a day or as an aware moment in its own zone."""
    from icalendar import Calendar

    line = next(line for line in event if line.name == "DTSTART")
    begin = Calendar.from_ical(_calendar(definitions, [line.text])).events[0].start
    if isinstance(begin, datetime) and begin.tzinfo is None:
        raise UnreadableSeries("its times name no time zone")
    return begin


def _calendar(definitions: Sequence[str], *events: Sequence[str]) -> str:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", *definitions]
    for event in events:
        lines += ["BEGIN:VEVENT", "UID:series", *event, "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


def _rules(event: Sequence[_Line], name: str, begin: Moment, end: datetime) -> list[str]:
    """Return the rules of one kind that can hit something before `end`, checked and with a usable UNTIL."""
    found = [line.value for line in event if line.name == name]
    if len(found) > _MOST_RULES:
        raise TooManyOccurrences(f"it has more than {_MOST_RULES} rules")
    rules = [_settle_until(_check(_rule(text), begin, end), begin) for text in found]
    return [_rule_text(rule) for rule in rules if _ever_hits(rule, begin, end)]


def _rule(text: str) -> dict[str, str]:
    if len(text) > _LONGEST_RULE:
        raise UnreadableSeries(f"a rule is longer than {_LONGEST_RULE:,} characters")
    parts = (part.partition("=") for part in text.upper().replace(" ", "").split(";") if part)
    return {name: value for name, _, value in parts if not name.startswith("X-")}


def _rule_text(rule: _Rule) -> str:
    return ";".join(f"{name}={value}" for name, value in rule.items())


def _check(rule: dict[str, str], begin: Moment, end: datetime) -> dict[str, str]:
    """Refuse what is not a rule, what repeats too often, and what would take too long to work out."""
    rule = _in_gregorian(rule)
    if not rule.keys() <= _PARTS or "FREQ" not in rule:
        raise UnreadableSeries("its rules cannot be read")
    if rule["FREQ"] in ("SECONDLY", "MINUTELY"):
        raise TooManyOccurrences("it repeats by the minute or second")
    if rule["FREQ"] not in _STEP or int(rule.get("INTERVAL", "1")) < 1:
        raise UnreadableSeries("its rules cannot be read")
    daily = prod(1 + rule.get(part, "").count(",") for part in ("BYHOUR", "BYMINUTE", "BYSECOND"))
    if daily > _MOST_A_DAY:
        raise TooManyOccurrences(f"it repeats more than {_MOST_A_DAY} times a day")
    ahead = (_day(end) - _day(begin)) / _STEP[rule["FREQ"]]
    if ahead * daily / int(rule.get("INTERVAL", "1")) > _MOST_STEPS:
        raise TooManyOccurrences("it began too long ago for how often it repeats")
    return rule


def _in_gregorian(rule: dict[str, str]) -> dict[str, str]:
    """Drop RSCALE and SKIP (RFC 7529) where they say nothing new, refuse them elsewhere."""
    if rule.get("RSCALE", "GREGORIAN") != "GREGORIAN":
        raise UnreadableSeries("it follows a calendar other than the Gregorian one")
    if rule.get("SKIP", "OMIT") != "OMIT":
        raise UnreadableSeries("it moves days that do not exist (SKIP)")
    return {name: value for name, value in rule.items() if name not in ("RSCALE", "SKIP")}


def _settle_until(rule: dict[str, str], begin: Moment) -> dict[str, str]:
    """Write UNTIL as DTSTART wants it (RFC 5545 3.3.10): a day for days, UTC for times; a day ends at its end."""
    until = rule.get("UNTIL", "")
    if not until:
        return {name: value for name, value in rule.items() if name != "UNTIL"}
    if not isinstance(begin, datetime):
        return {**rule, "UNTIL": until[:8]}
    if until.endswith("Z"):
        return rule
    whole = until if len(until) > 8 else f"{until}T235959"
    local = datetime.strptime(whole, "%Y%m%dT%H%M%S").replace(tzinfo=begin.tzinfo)
    return {**rule, "UNTIL": f"{local.astimezone(UTC):%Y%m%dT%H%M%S}Z"}


def _ever_hits(rule: _Rule, begin: Moment, end: datetime) -> bool:
    """Say whether a rule without its UNTIL and COUNT has an occurrence between `begin` and `end`.

    One that has none (30 February) would be followed to the year 9999. Asked so many Gregorian cycles later, where
    weekdays and leap years are the same, the year 9999 comes soon.
    """
    from dateutil.rrule import rrulestr

    if _beyond_its_set(rule):
        return False
    later = (9999 - end.year) // _CYCLE * _CYCLE
    naive = _local(begin)
    text = _rule_text({name: value for name, value in rule.items() if name not in ("UNTIL", "COUNT")})
    first = next(iter(rrulestr(text, dtstart=naive.replace(year=naive.year + later))), None)
    return first is not None and first.replace(year=first.year - later).date() <= _day(end) + timedelta(days=1)


def _beyond_its_set(rule: _Rule) -> bool:
    """Say whether BYSETPOS asks for more than a step of the rule can hold; by the hour that takes long to find out."""
    positions = [abs(int(text)) for text in rule.get("BYSETPOS", "").split(",") if text]
    clock = ("BYMINUTE", "BYSECOND") if rule["FREQ"] == "HOURLY" else ("BYHOUR", "BYMINUTE", "BYSECOND")
    times = prod(len({int(text) for text in rule[part].split(",")}) for part in clock if part in rule)
    return bool(positions) and min(positions) > _DAYS_A_STEP[rule["FREQ"]] * times


def _check_number(rule: _Rule, begin: Moment, start: datetime, end: datetime, limit: int) -> None:
    """Count the occurrences of a rule that has several a day on the bare wall clock: a hundred times faster."""
    from dateutil.rrule import rrulestr

    if rule["FREQ"] != "HOURLY" and not any("," in rule.get(part, "") for part in ("BYHOUR", "BYMINUTE", "BYSECOND")):
        return
    text = _rule_text({name: value for name, value in rule.items() if name != "UNTIL"})
    until = rule.get("UNTIL", f"{end:%Y%m%d}")[:8]
    number = 0
    for wall in rrulestr(text, dtstart=_local(begin)):
        day = f"{wall:%Y%m%d}"
        number += f"{start:%Y%m%d}" < day < until
        if number > limit:
            raise TooManyOccurrences(f"it has more than {limit:,} occurrences")
        if day >= min(until, f"{end:%Y%m%d}"):
            return


def _unless_hit(begin: Moment, rules: Sequence[str]) -> set[Moment]:
    """Return DTSTART in a set if none of the rules hits it by itself, else nothing."""
    from dateutil.rrule import rrulestr

    naive = _local(begin)
    bare = [";".join(part for part in rule.split(";") if not part.startswith("UNTIL=")) for rule in rules]
    hit = any(next(iter(rrulestr(rule, dtstart=naive)), None) == naive for rule in bare)
    return set() if hit else {_moment(begin)}


def _day(value: Moment) -> date:
    return value.date() if isinstance(value, datetime) else value


def _local(value: Moment) -> datetime:
    """Return the wall clock of a moment; of a day, its midnight."""
    return value.replace(tzinfo=None) if isinstance(value, datetime) else datetime.combine(value, time())


def _moment(value: Moment) -> Moment:
    return value.astimezone(UTC) if isinstance(value, datetime) else value


def _occurrences(
    definitions: Sequence[str], dates: Sequence[_Line], rules: Sequence[str], start: datetime, end: datetime
) -> set[Moment]:
    import recurring_ical_events
    from icalendar import Calendar

    lines = [line.text for line in dates] + [f"RRULE:{rule}" for rule in rules]
    with unwarned():  # notes of the parser on the names of zones, which we have settled
        calendar = Calendar.from_ical(_calendar(definitions, lines))
        found = recurring_ical_events.of(calendar).between(start, end)
    all_day = not isinstance(calendar.events[0].start, datetime)
    return {_of_kind(occurrence.start, all_day=all_day) for occurrence in found}


def _of_kind(value: Moment, *, all_day: bool) -> Moment:
    return _day(value) if all_day else _moment(value)
