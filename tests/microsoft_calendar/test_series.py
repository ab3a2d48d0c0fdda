"""Pattern and range -> text and dates. The dates are held together with what the core makes of the same text."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsignal.model import Slot
from calsignal.recurrence import expand
from calsignal_microsoft import series
from calsignal_microsoft.series import Series, Unreadable, read, whole_day, zone
from microsoft_calendar import service_values as values
from microsoft_calendar.service_values import DAYS, INDEXES, settled

BERLIN = "W. Europe Standard Time"
HOUR = timedelta(hours=1)
Json = dict[str, Any]


def at(year: int, month: int, day: int, hour: int = 9, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


FIRST, NEW_YEAR = at(2026, 3, 2), at(2026, 1, 1)


def timed(start: datetime = FIRST) -> Slot:
    return Slot(start, start + HOUR)


def made(repeat: Json, slot: Slot | None = None, own: object = BERLIN, **span: object) -> Series:
    """Read a recurrence as the service fills it in; `span` changes its range."""
    slot = slot or timed()
    first = slot.start.astimezone(zone(own)).date() if isinstance(slot.start, datetime) else slot.start
    recurrence = settled(repeat, first, str(own))
    recurrence["range"] |= span
    return read(recurrence, slot, own)


def shown(found: Series, start: datetime = NEW_YEAR, days: int = 120) -> list[str]:
    """Return the days of a series in a time, as `month-day`."""
    end = start + timedelta(days=days)
    return [f"{day:%m-%d}" for day in found.dates(start, end) if start.date() <= day < end.date()]


def rule(found: Series) -> str:
    return next(line for line in found.text.splitlines() if line.startswith("RRULE"))


class TestText:
    def test_it_holds_times_and_rules_in_the_zone_of_the_series_and_nothing_else(self) -> None:
        assert made(values.weekly("monday")).text.splitlines() == [
            "BEGIN:VCALENDAR",
            "BEGIN:VEVENT",
            "DTSTART;TZID=Europe/Berlin:20260302T100000",
            "DTEND;TZID=Europe/Berlin:20260302T110000",
            "RRULE:FREQ=WEEKLY;BYDAY=MO",
            "END:VEVENT",
            "END:VCALENDAR",
        ]

    @pytest.mark.parametrize(
        ("repeat", "expected"),
        [
            (values.daily(), "FREQ=DAILY"),
            (values.daily(3), "FREQ=DAILY;INTERVAL=3"),
            (values.weekly("friday", "monday"), "FREQ=WEEKLY;BYDAY=MO,FR"),
            (values.weekly("monday", every=2), "FREQ=WEEKLY;BYDAY=MO;INTERVAL=2;WKST=SU"),
            (values.weekly("monday", every=2, week_begins="monday"), "FREQ=WEEKLY;BYDAY=MO;INTERVAL=2;WKST=MO"),
            (values.monthly(15), "FREQ=MONTHLY;BYMONTHDAY=15"),
            (values.monthly(30), "FREQ=MONTHLY;BYMONTHDAY=28,29,30;BYSETPOS=-1"),
            (values.monthly_on("second", "tuesday"), "FREQ=MONTHLY;BYDAY=2TU"),
            (values.monthly_on("last", "friday", "monday"), "FREQ=MONTHLY;BYDAY=MO,FR;BYSETPOS=-1"),
            (values.yearly(5, 17), "FREQ=YEARLY;BYMONTH=5;BYMONTHDAY=17"),
            (values.yearly_on("last", 5, "monday"), "FREQ=YEARLY;BYMONTH=5;BYDAY=-1MO"),
            (values.yearly_on("first", 5, "monday", "sunday"), "FREQ=YEARLY;BYMONTH=5;BYDAY=MO,SU;BYSETPOS=1"),
            (values.daily(times=4), "FREQ=DAILY;COUNT=4"),
            (values.daily(until=date(2026, 3, 29)), "FREQ=DAILY;UNTIL=20260329T215959Z"),
        ],
    )
    def test_each_pattern_and_range_is_a_rule(self, repeat: Json, expected: str) -> None:
        assert rule(made(repeat)) == f"RRULE:{expected}"

    def test_days_are_repeated_as_days_whatever_their_zone(self) -> None:
        slot = Slot(date(2026, 3, 2), date(2026, 3, 3))
        recurrence = settled(values.daily(until=date(2026, 3, 4)), date(2026, 3, 2), values.CUSTOM)

        found = read(recurrence, slot, values.CUSTOM)

        assert found.text.splitlines()[2:5] == [
            "DTSTART;VALUE=DATE:20260302",
            "DTEND;VALUE=DATE:20260303",
            "RRULE:FREQ=DAILY;UNTIL=20260304",
        ]
        assert list(found.dates(at(2026, 3, 1), at(2026, 4, 1)).values()) == [date(2026, 3, day) for day in (2, 3, 4)]

    def test_a_series_in_utc_is_written_in_utc(self) -> None:
        assert "DTSTART:20260302T090000Z" in made(values.daily(), own="tzone://Microsoft/Utc").text


class TestDates:
    def test_the_wall_clock_stays_over_the_change_of_clocks(self) -> None:
        found = made(values.weekly("monday")).dates(at(2026, 3, 20), at(2026, 4, 1))

        assert [found[date(2026, 3, day)] for day in (23, 30)] == [at(2026, 3, 23), at(2026, 3, 30, 8)]

    def test_a_start_off_the_pattern_is_no_date_of_it(self) -> None:
        found = made(values.weekly("tuesday", "thursday", times=3))

        assert found.slot == Slot(at(2026, 3, 3), at(2026, 3, 3, 10))
        assert shown(found) == ["03-03", "03-05", "03-10"]

    @pytest.mark.parametrize(
        ("begins", "expected"), [("sunday", ["03-03", "03-15", "03-17"]), ("monday", ["03-03", "03-08", "03-17"])]
    )
    def test_the_day_on_which_a_week_begins_matters_every_other_week(self, begins: str, expected: list[str]) -> None:
        found = made(values.weekly("tuesday", "sunday", every=2, week_begins=begins))

        assert shown(found, at(2026, 3, 1), 20) == expected

    def test_a_shorter_month_has_its_date_on_the_last_day(self) -> None:
        assert shown(made(values.monthly(31), timed(at(2026, 1, 31)))) == ["01-31", "02-28", "03-31", "04-30"]
        leap = made(values.yearly(2, 29), timed(at(2024, 2, 29)))
        assert shown(leap, at(2025, 1, 1), 365) == ["02-28"]

    def test_the_last_day_is_part_of_it_as_the_zone_of_the_series_counts(self) -> None:
        late = timed(at(2026, 3, 3, 2))  # 18:00 of the day before in Los Angeles

        found = made(values.daily(until=date(2026, 3, 4)), late, "Pacific Standard Time")

        assert shown(found) == ["03-02", "03-03", "03-04"]

    def test_the_zone_of_the_pattern_goes_before_that_of_the_event(self) -> None:
        found = made(values.daily(), recurrenceTimeZone="Tokyo Standard Time")
        bare = made(values.daily(), recurrenceTimeZone=None)

        assert (found.at.key, bare.at.key) == ("Asia/Tokyo", "Europe/Berlin")

    def test_a_pattern_counts_from_the_day_that_its_range_names(self) -> None:
        found = made(values.daily(2), startDate="2026-03-01")

        assert shown(found, at(2026, 3, 1), 8) == ["03-01", "03-03", "03-05", "03-07"]

    def test_what_began_long_ago_is_not_followed_day_by_day(self) -> None:
        found = made(values.weekly("monday", "friday", every=3), timed(at(1901, 1, 4)))

        walls = list(found._walls(date(2026, 3, 1), date(2026, 4, 1)))

        assert len(walls) < 12
        assert shown(found, at(2026, 3, 1), 31) == [
            f"{wall:%m-%d}" for wall in walls if date(2026, 3, 1) <= wall.date() < date(2026, 4, 1)
        ]


class TestRefusals:
    @pytest.mark.parametrize(
        ("pattern", "why"),
        [
            ({"type": "lunar"}, "its pattern is not known"),
            ({"type": None}, "its pattern is not known"),
            ({"interval": 0}, "its pattern is not known"),
            ({"interval": True}, "its pattern is not known"),
            ({"interval": 5000}, "its pattern is not known"),
            ({"daysOfWeek": []}, "its pattern is not known"),
            ({"daysOfWeek": "monday"}, "its pattern is not known"),
            ({"daysOfWeek": ["someday", 7]}, "its pattern is not known"),
            ({"type": "absoluteMonthly", "dayOfMonth": 32}, "its pattern is not known"),
            ({"type": "absoluteYearly", "month": 13, "dayOfMonth": 1}, "its pattern is not known"),
            ({"type": "relativeMonthly", "index": "fifth"}, "its pattern is not known"),
            ({"interval": 2, "firstDayOfWeek": "noday"}, "its pattern is not known"),
        ],
    )
    def test_a_pattern_that_nobody_knows(self, pattern: Json, why: str) -> None:
        recurrence = settled(values.weekly("monday"), date(2026, 3, 2), BERLIN)
        recurrence["pattern"] |= pattern

        with pytest.raises(Unreadable, match=why):
            read(recurrence, timed(), BERLIN)

    @pytest.mark.parametrize(
        "span",
        [
            {"type": "sometimes"},
            {"type": "numbered", "numberOfOccurrences": 0},
            {"type": "endDate", "endDate": "0001-01-01"},
            {"type": "endDate", "endDate": "soon"},
            {"type": "endDate", "endDate": None},
            {"type": "endDate", "endDate": "2026-03-01"},
            {"startDate": "2026-99-01"},
            {"startDate": 7},
            {"recurrenceTimeZone": values.CUSTOM},
            {"recurrenceTimeZone": ["x"]},
        ],
    )
    def test_a_range_that_nobody_knows(self, span: Json) -> None:
        with pytest.raises(ValueError, match=r"."):
            made(values.weekly("monday"), **span)

    @pytest.mark.parametrize("recurrence", [None, [], {"pattern": {}}, {"pattern": {}, "range": 7}])
    def test_no_recurrence_at_all(self, recurrence: object) -> None:
        with pytest.raises(Unreadable, match="no pattern or no range"):
            read(recurrence, timed(), BERLIN)

    def test_a_pattern_that_comes_true_in_no_year_of_any_calendar(self) -> None:
        with pytest.raises(Unreadable, match="has no date"):
            made(values.yearly(5, 17, every=900), timed(at(2026, 6, 1)))


class TestZones:
    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ("W. Europe Standard Time", "Europe/Berlin"),
            ("w. europe standard time", "Europe/Berlin"),
            ("Europe/Berlin", "Europe/Berlin"),
            ("UTC", "UTC"),
            ("tzone://Microsoft/Utc", "UTC"),
        ],
    )
    def test_a_windows_name_stands_for_a_zone(self, name: str, expected: str) -> None:
        assert zone(name).key == expected or zone(name).utcoffset(None) == ZoneInfo(expected).utcoffset(None)

    @pytest.mark.parametrize("name", [values.CUSTOM, "Customized Time Zone", "../etc", "No/Where", "localtime", 7, ""])
    def test_other_names_stand_for_none(self, name: object) -> None:
        with pytest.raises(Unreadable, match="time zone"):
            zone(name)

    @pytest.mark.parametrize(
        ("wall", "stated", "original", "expected"),
        [
            ("2026-03-02T00:00", "UTC", "Pacific Standard Time", date(2026, 3, 2)),
            ("2026-03-02T00:00", values.CUSTOM, None, date(2026, 3, 2)),
            ("2026-03-01T23:00", "UTC", BERLIN, date(2026, 3, 2)),
            ("2026-03-02T08:00", "UTC", "Pacific Standard Time", date(2026, 3, 2)),
            ("2026-03-01T10:00", "UTC", "Line Islands Standard Time", date(2026, 3, 2)),
            ("2026-03-01T10:00", "UTC", "Hawaiian Standard Time", date(2026, 3, 1)),
            ("2026-03-01T23:00", "UTC", values.CUSTOM, date(2026, 3, 2)),
            ("2026-03-01T11:00", "UTC", values.CUSTOM, date(2026, 3, 2)),
            ("2026-03-02T05:00", "UTC", None, date(2026, 3, 2)),
            ("2026-03-02T04:00", "UTC", "Eastern Standard Time", date(2026, 3, 2)),
        ],
    )
    def test_a_day_is_the_one_whose_midnight_is_meant(
        self, wall: str, stated: object, original: object, expected: date
    ) -> None:
        assert whole_day(datetime.fromisoformat(wall), stated, original) == expected


DAY_LISTS = st.lists(st.sampled_from(DAYS), min_size=1, max_size=7, unique=True)
EVERY = st.integers(1, 5)
PATTERNS = st.one_of(
    st.builds(values.daily, EVERY),
    st.builds(lambda days, every, begins: values.weekly(*days, every=every, week_begins=begins), DAY_LISTS, EVERY,
              st.sampled_from(DAYS)),
    st.builds(values.monthly, st.integers(1, 31), EVERY),
    st.builds(lambda index, days, every: values.monthly_on(index, *days, every=every), st.sampled_from(INDEXES),
              DAY_LISTS, EVERY),
    st.builds(values.yearly, st.integers(1, 12), st.integers(1, 31), st.integers(1, 2)),
    st.builds(lambda index, month, days: values.yearly_on(index, month, *days), st.sampled_from(INDEXES),
              st.integers(1, 12), DAY_LISTS),
)  # fmt: skip
RANGES = st.one_of(
    st.just({"type": "noEnd"}),
    st.builds(lambda times: {"type": "numbered", "numberOfOccurrences": times}, st.integers(1, 40)),
    st.builds(lambda days: {"type": "endDate", "endDate": str(date(2026, 6, 1) + timedelta(days=days))},
              st.integers(0, 600)),
)  # fmt: skip
ZONES = st.sampled_from([BERLIN, "Pacific Standard Time", "UTC", "India Standard Time", "Lord Howe Standard Time"])
FROM, TO = at(2026, 1, 1, 0), at(2027, 1, 1, 0)


@given(
    PATTERNS,
    RANGES,
    ZONES,
    st.integers(0, 1_200_000).map(lambda minutes: at(2024, 1, 1) + timedelta(minutes=minutes)),
    st.booleans(),
)
def test_the_dates_are_those_that_the_core_finds_in_the_text(
    repeat: Json, span: Json, name: str, start: datetime, all_day: bool
) -> None:
    slot = Slot(start.date(), start.date() + timedelta(days=1)) if all_day else timed(start)
    try:
        found = made({**repeat, "range": span}, slot, name)
    except Unreadable:  # it ends before its first date
        return

    dates = [moment for moment in found.dates(FROM, TO).values() if overlaps(moment)]

    assert tuple(sorted(dates)) == expand(found.text, FROM, TO)
    assert all(found.day(moment) == day for day, moment in found.dates(FROM, TO).items())


@given(PATTERNS, RANGES, ZONES, st.dates(date(2024, 1, 1), date(2026, 5, 1)))
def test_the_dates_are_those_that_the_service_for_tests_has(repeat: Json, span: Json, name: str, first: date) -> None:
    recurrence = settled({**repeat, "range": span}, first, name)
    slot = timed(datetime.combine(first, time(14), zone(name)).astimezone(UTC))
    expected = {day for day in values.dates(recurrence, date(2026, 12, 31)) if day >= date(2026, 1, 1)}
    try:
        found = read(recurrence, slot, name)
    except Unreadable:
        assert not expected
        return

    assert {day for day in found.dates(FROM, TO) if day.year == 2026} == expected


def overlaps(moment: datetime | date) -> bool:
    if isinstance(moment, datetime):
        return moment < TO and moment + HOUR > FROM
    return FROM.date() <= moment < TO.date()


def test_the_windows_names_are_known_to_the_zone_files() -> None:
    assert all(zone(name).key for name in series._windows())
