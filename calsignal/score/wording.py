"""Small words for evidence lines: days, times and counts as a rep would say them, whatever the machine's locale."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from calsignal.model import Moment, Slot, day

if TYPE_CHECKING:
    from calsignal.score.facts import Sight

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day_name(moment: Moment, sight: Sight, *, with_year: bool = False) -> str:
    """Write a day in the team's zone as `Thu 19 Mar`, with the year where asked or not this one."""
    on = day(moment, sight.lens.zone)
    year = f" {on.year}" if with_year or on.year != sight.today.year else ""
    return f"{DAYS[on.weekday()]} {on.day} {MONTHS[on.month - 1]}{year}"


def clock(slot: Slot, sight: Sight) -> str:
    """Write a slot as `Thu 19 Mar 15:00, 45 min`, or `Thu 19 Mar, all day`."""
    if not isinstance(slot.start, datetime):
        return f"{day_name(slot.start, sight)}, all day"
    at = slot.start.astimezone(sight.lens.zone)
    minutes = int(slot.duration / timedelta(minutes=1))
    return f"{day_name(slot.start, sight)} {at:%H:%M}, {minutes} min"


def by_when(due: date, sight: Sight) -> str:
    """Write a last day as `before Thu 19 Mar`, or `today` when that is all there is left."""
    return "today" if due <= sight.today else f"before {day_name(due, sight)}"


def waited(span: timedelta) -> str:
    """Write how long somebody has waited: `5 h`, `13 d`."""
    hours = int(span / timedelta(hours=1))
    return f"{hours} h" if hours < 48 else f"{hours // 24} d"


def ago(days: int) -> str:
    """Write an age in days: `today`, `yesterday`, `14 d ago`; what a fast clock dated ahead was today."""
    return {0: "today", 1: "yesterday"}.get(max(0, days), f"{days} d ago")


def count(number: int, noun: str) -> str:
    """Write `1 buyer`, `2 buyers`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def times(number: int) -> str:
    """Write `once`, `twice`, `3 times`."""
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def listing(words: Sequence[str]) -> str:
    """Join words as `a, b and c`."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
