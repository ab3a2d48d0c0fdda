"""Read dates: whether 3/4/2026 is in March or in April is decided by a column as a whole."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from enum import Enum

from calsignal.deals.values import Unread, shown
from calsignal.errors import InputError


class DateOrder(Enum):
    """What comes first where a date begins with one or two digits and has slashes or dashes."""

    MONTH_FIRST = "mdy"
    DAY_FIRST = "dmy"


_TIME = (
    r"(?:(?:T|,? +)(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::\d\d(?:[.,]\d+)?)?\s*(?P<half>[ap]\.?m\.?)?"
    r"\s*(?P<offset>Z|UTC|GMT|[+-]\d\d:?\d\d)?)?"
)
_MONTHS = {name: n for n, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)}
_ISO = re.compile(rf"(\d{{4}})([-/.])(\d\d?)\2(\d\d?){_TIME}", re.IGNORECASE)
_NUMBERS = re.compile(rf"(\d\d?)([-/.])(\d\d?)\2(\d{{4}}|\d\d){_TIME}", re.IGNORECASE)
_DAY_MONTH = re.compile(rf"(\d\d?)\.?[ -]([A-Za-z]{{3,9}})\.?,?[ -](\d{{4}}|\d\d){_TIME}", re.IGNORECASE)
_MONTH_DAY = re.compile(rf"([A-Za-z]{{3,9}})\.? (\d\d?),? (\d{{4}}){_TIME}", re.IGNORECASE)
_EARLIEST, _LATEST = date(1980, 1, 1), date(2199, 12, 31)


def orders(text: str) -> Mapping[DateOrder, date]:
    """Return order: day, for every order in which a date in numbers can be read; nothing for other texts.

    With dots between, the day is always first.
    """
    found = _NUMBERS.fullmatch(text)
    if not found:
        return {}
    first, mark, second, year = int(found[1]), found[2], int(found[3]), _year(found[4])
    days = {DateOrder.DAY_FIRST: _day(year, second, first)}
    if mark != ".":
        days[DateOrder.MONTH_FIRST] = _day(year, first, second)
    return {order: day for order, day in days.items() if day}


def decide(columns: Mapping[str, Sequence[str]], said: DateOrder | None) -> DateOrder | None:
    """Return the order of the dates in a file; None where it does not matter. `columns` are cells by header.

    A column that leaves it open takes what the others agree on: they come out of one program.

    Raises:
        InputError: the dates contradict each other, or leave it open; say which it is.
    """
    if said is not None:
        return said
    sure: dict[DateOrder, str] = {}
    unsure: tuple[str, str] | None = None
    for header, texts in columns.items():
        for text in texts:
            days = orders(text) if "." not in text.partition(" ")[0] else {}
            if len(days) == 1:
                sure.setdefault(next(iter(days)), text)
            elif len(set(days.values())) > 1:
                unsure = unsure or (header, text)
    hint = "say which it is: --date-order mdy (month first) or --date-order dmy (day first)"
    if unsure and not sure:
        raise InputError(
            f"the column {unsure[0]} does not tell whether the day or the month is first: {unsure[1]}", hint
        )
    if unsure and len(sure) > 1:
        one, other = sure.values()
        raise InputError(f"the dates {one} and {other} are not written in one order", hint)
    return next(iter(sure)) if len(sure) == 1 else None


def read_day(text: str, order: DateOrder | None, zone: tzinfo) -> date:
    """Return the day of a date or of a moment; a moment with an offset is told in `zone`, midnight in UTC is a date.

    Raises:
        Unread: it is no date.
    """
    days = orders(text)
    if len(set(days.values())) == 1 and (order is None or order in days or "." in text.partition(" ")[0]):
        return next(iter(days.values()))
    if order is not None and order in days:
        return days[order]
    for pattern, parts in ((_ISO, (1, 3, 4)), (_DAY_MONTH, (3, 2, 1)), (_MONTH_DAY, (3, 1, 2))):
        if (found := pattern.fullmatch(text)) and (day := _day(*_numbers(found, parts))):
            return _local(day, found, zone)
    raise Unread(f"{shown(text)} is no date")


def _numbers(found: re.Match[str], parts: Iterable[int]) -> tuple[int, int, int]:
    year, month, day = (found[part] for part in parts)
    return _year(year), int(month) if month.isdigit() else _MONTHS.get(month[:3].lower(), 0), int(day)


def _year(text: str) -> int:
    return int(text) + (2000 if len(text) == 2 else 0)


def _day(year: int, month: int, day: int) -> date | None:
    with suppress(ValueError):
        found = date(year, month, day)
        return found if _EARLIEST <= found <= _LATEST else None
    return None


def _local(day: date, found: re.Match[str], zone: tzinfo) -> date:
    """Return the day in `zone` of a moment that has an offset."""
    if not found["offset"]:
        return day
    hour, minute = int(found["hour"]) % 24, int(found["minute"]) % 60
    sign, hours, minutes = re.fullmatch(r"([+-])?(\d\d)?:?(\d\d)?[A-Z]*", found["offset"].upper()).groups()  # type: ignore[union-attr]  # the pattern of a time has it
    away = timedelta(hours=int(hours or 0), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
    if hour == minute == 0 and not away:
        return day
    offset = timezone(away) if away < timedelta(days=1) else UTC
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=offset).astimezone(zone).date()
