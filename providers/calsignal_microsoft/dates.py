"""Which dates of a series are told apart, which are left to the series, and which are missing. Pure.

The service lists every occurrence as an event of its own. A series is kept as a series, so of its dates only those
are told apart that differ from it. One date is always one copy: its id is that of the series and where the series has
the date (`<series>@20260309T100000Z`), whatever the service calls it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta

from calsignal.contract import CalledOff, Page, Window
from calsignal.model import Moment, moment_key, moment_of_key

from . import translate
from .series import Series, Unreadable
from .translate import Item, Reader

_FURTHEST_EAST = timedelta(hours=14)
_FURTHEST_WEST = timedelta(hours=12)


def name(series: str, original: Moment) -> str:
    """Return the id of one date of a series."""
    return f"{series}@{moment_key(original)}"


def parts(event_id: str) -> tuple[str, Moment] | None:
    """Return the series and the original start of a date's id; None for any other id."""
    series, _, key = event_id.rpartition("@")
    try:
        original = moment_of_key(key)
    except ValueError:
        return None
    return (series, original) if series and original is not None else None


@dataclass(frozen=True)
class Told:
    """What a list says of one series and its dates.

    page     the series, what is told apart, and what could not be read
    plain    ids of the dates that are left to the series
    missing  original starts of the dates that the list does not show, and should
    shown    says that the list shows the series at all
    text     the series as text, where it is kept as a series
    """

    page: Page = field(default_factory=Page)
    plain: frozenset[str] = frozenset()
    missing: tuple[Moment, ...] = ()
    shown: bool = False
    text: str = ""


@dataclass(frozen=True)
class _Date:
    """One listed date: where its series has it, None where it does not tell; `fits` if it says no more than that."""

    item: Item
    original: Moment | None
    fits: bool


@dataclass(frozen=True)
class Dates:
    """A series, to which listed dates are compared.

    id      of the series
    master  the event that stands for the whole series; None where there is none
    """

    reader: Reader
    id: str
    master: Item | None
    window: Window

    def told(self, items: Iterable[Item]) -> Told:
        """Compare all dates that a list shows with the series; without one that fits, each date speaks for itself."""
        listed = list(items)
        made = self._series()
        if made is not None:
            days = made.dates(self.window.start, self.window.end)
            dates = [self._date(item, made, days) for item in listed]
            if _agree(dates):
                return self._as_series(made, days, dates)
        return self._apart([self._date(item, None, {}) for item in listed])

    def looked_up(self, answer: Item, missing: Iterable[Moment]) -> Page:
        """Return what a look at the series says of dates that a list does not show: moved away, or called off.

        One that is neither is there, and was left out by mistake: nothing is said of it. `answer` is the series with
        `exceptionOccurrences` and `cancelledOccurrences`; where it comes without the latter, the list is believed.
        """
        made, wanted = self._series(), set(missing)
        moved = [each for each in self._apart_in(answer, made) if each.original in wanted]
        left = wanted - {each.original for each in moved}
        listed = answer.get("cancelledOccurrences")
        off = {translate.original_day(each) for each in listed} if isinstance(listed, list) else None
        gone = sorted((at for at in left if off is None or made is None or made.day(at) in off), key=moment_key)
        return replace(translate.joined(map(self._read, moved)), called_off=self.called_off(gone))

    def find(self, answer: Item, original: Moment) -> Page:
        """Return what a look at the series says of one date that is told apart; nothing where there is none."""
        made = self._series()
        return translate.joined(self._read(each) for each in self._apart_in(answer, made) if each.original == original)

    def called_off(self, missing: Iterable[Moment]) -> tuple[CalledOff, ...]:
        """Say of some dates that they are called off."""
        return tuple(CalledOff(name(self.id, at), self.id, at) for at in missing)

    def _apart_in(self, answer: Item, made: Series | None) -> Iterator[_Date]:
        days = {} if made is None else made.dates(self.window.start, self.window.end)
        listed = answer.get("exceptionOccurrences")
        for item in listed if isinstance(listed, list) else ():
            if isinstance(item, dict):
                yield self._date(item, made, days)

    def _series(self) -> Series | None:
        try:
            return None if self.master is None else translate.of_series(self.master)
        except (ValueError, OverflowError):
            return None

    def _as_series(self, made: Series, days: Mapping[date, Moment], dates: list[_Date]) -> Told:
        known = {made.day(each.original) for each in dates if each.original is not None}
        due = (at for day, at in sorted(days.items()) if day not in known and within(at, self.window))
        lost = any(each.original is None for each in dates)  # it may be any date, so none is known to be missing
        return Told(
            page=translate.joined([self.reader.read(self.master), *(self._read(one) for one in dates if not one.fits)]),
            plain=frozenset(name(self.id, one.original) for one in dates if one.fits and one.original is not None),
            missing=() if lost else tuple(due),
            shown=bool(dates),
            text=made.text,
        )

    def _apart(self, dates: list[_Date]) -> Told:
        """Let each date speak for itself; the series, which cannot, is named where some are there."""
        pages = [self._read(each) for each in dates]
        if self.master is not None:
            named = self.reader.unread(self.id, self._why())
            pages.append(named if dates else replace(named, skipped=()))
        return Told(page=translate.joined(pages), shown=bool(dates))

    def _why(self) -> str:
        problem = self.reader.read(self.master).skipped
        return f"{problem[0].reason if problem else 'its dates are not those of its pattern'}: each date is read apart"

    def _date(self, item: Item, made: Series | None, days: Mapping[date, Moment]) -> _Date:
        """Find out which date an item is; days of the series' own zone tell, whatever the hour."""
        original = self._original(item, made)
        if made is None or original is None:
            day = None if made is None else translate.original_day(item.get("occurrenceId"))
            return _Date(item, original if day is None else days.get(day), fits=False)
        expected = days.get(made.day(original))
        same = translate.is_cancelled(item) == translate.is_cancelled(self.master or {})
        fits = translate.is_plain(item) and same and original == expected == _begin(item)
        return _Date(item, original if expected is None else expected, fits)

    def _original(self, item: Item, made: Series | None) -> Moment | None:
        all_day = made.slot.all_day if made is not None else item.get("isAllDay") is True
        try:
            return translate.original_start(item, all_day=all_day)
        except (ValueError, OverflowError):
            return None

    def _read(self, each: _Date) -> Page:
        if each.original is None:
            return self._nameless(each.item)
        uid = self.master.get("iCalUId") if self.master is not None else None
        told = name(self.id, each.original)
        return self.reader.read(each.item, told, each.original, uid if isinstance(uid, str) else self.id)

    def _nameless(self, item: Item) -> Page:
        try:
            return self.reader.unread(translate.identity(item), "it does not say which date of its series it is")
        except Unreadable as problem:
            return self.reader.unread("", str(problem))


def _agree(dates: Iterable[_Date]) -> bool:
    """Say whether what the service has as plain dates is, for the most part, what the rules of the series say."""
    plain = [each.fits for each in dates if translate.is_plain(each.item) and each.original is not None]
    return sum(plain) * 2 >= len(plain)


def _begin(item: Item) -> Moment | None:
    try:
        return translate.slot(item).start
    except (ValueError, OverflowError):
        return None


def within(at: Moment, window: Window) -> bool:
    """Say whether a list of the window has to show what begins then, whatever the zone of a day."""
    if isinstance(at, datetime):
        return window.start < at < window.end
    midnight = datetime.combine(at, time(), UTC)
    return window.start < midnight - _FURTHEST_EAST and midnight + _FURTHEST_WEST < window.end
