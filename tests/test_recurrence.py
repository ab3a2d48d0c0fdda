from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given
from hypothesis import strategies as st

from calsignal.model import Moment
from calsignal.recurrence import TooManyOccurrences, UnreadableSeries, expand

FROM, TO = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
BERLIN = "DTSTART;TZID=Europe/Berlin:20260302T100000"
HALF_PAST = """BEGIN:VTIMEZONE
TZID:Our Zone
X-LIC-LOCATION:Nowhere
BEGIN:STANDARD
DTSTART:16010101T000000
TZOFFSETFROM:+0230
TZOFFSETTO:+0130
RRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=11
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T000000
TZOFFSETFROM:+0130
TZOFFSETTO:+0230
RRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=4
END:DAYLIGHT
END:VTIMEZONE"""


def series(*lines: str, zones: str = "") -> str:
    parts = ["BEGIN:VCALENDAR", *zones.splitlines(), "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR", ""]
    return "\r\n".join(parts)


def starts(*lines: str, start: datetime = FROM, end: datetime = TO, zones: str = "") -> list[str]:
    return [written(moment) for moment in expand(series(*lines, zones=zones), start, end)]


def written(moment: Moment) -> str:
    return f"{moment:%m-%d %H:%M}" if isinstance(moment, datetime) else f"{moment:%m-%d}"


def test_a_series_keeps_its_wall_clock_over_a_change_of_the_clocks() -> None:
    assert starts(BERLIN, "RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=5") == [
        "03-02 09:00",
        "03-09 09:00",
        "03-16 09:00",
        "03-23 09:00",
        "03-30 08:00",
    ]


def test_days_stay_days() -> None:
    assert expand(series("DTSTART;VALUE=DATE:20260302", "RRULE:FREQ=DAILY;COUNT=2"), FROM, TO) == (
        date(2026, 3, 2),
        date(2026, 3, 3),
    )


def test_the_window_cuts_what_does_not_overlap_it() -> None:
    lines = (BERLIN, "DURATION:PT2H", "RRULE:FREQ=DAILY")
    start, end = datetime(2026, 3, 5, 10, tzinfo=UTC), datetime(2026, 3, 7, 9, tzinfo=UTC)

    assert starts(*lines, start=start, end=end) == ["03-05 09:00", "03-06 09:00"]


def test_excluded_dates_are_left_out_whatever_zone_they_are_written_in() -> None:
    rule = "RRULE:FREQ=DAILY;COUNT=5"

    assert starts(BERLIN, rule, "EXDATE:20260303T090000Z", "EXDATE;TZID=Europe/London:20260304T090000") == [
        "03-02 09:00",
        "03-05 09:00",
        "03-06 09:00",
    ]


def test_an_excluded_day_takes_its_time_with_it() -> None:
    assert starts(BERLIN, "RRULE:FREQ=DAILY;COUNT=3", "EXDATE;VALUE=DATE:20260303") == ["03-02 09:00", "03-04 09:00"]


def test_added_dates_and_periods_belong_to_the_series() -> None:
    assert starts(BERLIN, "RDATE:20260401T120000Z", "RDATE;VALUE=PERIOD:20260501T120000Z/PT3H") == [
        "03-02 09:00",
        "04-01 12:00",
        "05-01 12:00",
    ]


def test_several_rules_make_one_set() -> None:
    rules = ("RRULE:FREQ=WEEKLY;COUNT=2", "RRULE:FREQ=DAILY;COUNT=2")

    assert starts(BERLIN, *rules) == ["03-02 09:00", "03-03 09:00", "03-09 09:00"]


def test_an_excluding_rule_takes_away_what_it_hits() -> None:
    rule = "RRULE:FREQ=WEEKLY;COUNT=4"

    assert starts(BERLIN, rule, "EXRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=2") == ["03-09 09:00", "03-23 09:00"]
    assert starts(BERLIN, rule, "EXRULE:FREQ=MONTHLY;BYMONTHDAY=9") == ["03-02 09:00", "03-16 09:00", "03-23 09:00"]


@pytest.mark.parametrize("until", ["20260304", "20260304T100000", "20260304T090000Z", "20260304T225959Z"])
def test_the_last_day_is_included_however_it_is_written(until: str) -> None:
    assert starts(BERLIN, f"RRULE:FREQ=DAILY;UNTIL={until}") == ["03-02 09:00", "03-03 09:00", "03-04 09:00"]


def test_a_series_of_days_may_end_at_a_time() -> None:
    assert starts("DTSTART;VALUE=DATE:20260302", "RRULE:FREQ=DAILY;UNTIL=20260303T000000Z") == ["03-02", "03-03"]


def test_an_empty_end_is_no_end() -> None:
    assert len(starts(BERLIN, "RRULE:FREQ=MONTHLY;UNTIL=")) == 10


def test_a_zone_of_its_own_is_followed() -> None:
    lines = ("DTSTART;TZID=Our Zone:20260406T100000", "RRULE:FREQ=WEEKLY;COUNT=2")

    assert starts(*lines, zones=HALF_PAST) == ["04-06 08:30", "04-13 07:30"]


def test_one_name_may_mean_two_zones_in_two_series() -> None:
    other = HALF_PAST.replace("+0230", "-0230").replace("+0130", "-0330")
    lines = ('DTSTART;TZID="Our Zone":20260406T100000',)

    assert [starts(*lines, zones=zones) for zones in (HALF_PAST, other)] == [["04-06 08:30"], ["04-06 13:30"]]


def test_a_series_that_began_long_ago_and_never_ends_is_expanded() -> None:
    old = "DTSTART;TZID=Europe/Berlin:19970302T100000"

    assert len(starts(old, "RRULE:FREQ=DAILY")) == 365


def test_a_series_after_the_window_has_no_occurrences() -> None:
    assert starts("DTSTART:99980302T100000Z", "RRULE:FREQ=DAILY") == []


@pytest.mark.parametrize(
    "rule",
    [
        "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;INTERVAL=7;BYDAY=TU",
        "FREQ=MONTHLY;BYMONTH=4;BYMONTHDAY=31",
        "FREQ=WEEKLY;BYSETPOS=9",
        "FREQ=HOURLY;BYSETPOS=300",
        "FREQ=HOURLY;BYMINUTE=0,00,30;BYSETPOS=-3",
    ],
)
def test_a_rule_that_never_hits_ends_all_the_same(rule: str) -> None:
    assert starts(BERLIN, f"RRULE:{rule}") == ["03-02 09:00"]


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("FREQ=SECONDLY", "it repeats by the minute or second"),
        ("FREQ=MINUTELY;INTERVAL=15", "it repeats by the minute or second"),
        ("FREQ=DAILY;BYSECOND=" + ",".join(map(str, range(60))), "it repeats more than 48 times a day"),
        ("FREQ=HOURLY", "it has more than 5,000 occurrences"),
        ("FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))), "it has more than 5,000 occurrences"),
    ],
)
def test_more_than_meetings_happen_is_refused(rule: str, reason: str) -> None:
    with pytest.raises(TooManyOccurrences) as caught:
        starts(BERLIN, f"RRULE:{rule}")

    assert str(caught.value) == reason


def test_a_rule_that_would_take_too_long_is_refused() -> None:
    with pytest.raises(TooManyOccurrences, match="began too long ago"):
        starts("DTSTART:19000101T100000Z", "RRULE:FREQ=HOURLY")


def test_many_a_day_are_fine_as_long_as_they_end() -> None:
    assert len(starts(BERLIN, "RRULE:FREQ=HOURLY;COUNT=7")) == 7
    assert len(starts(BERLIN, "RRULE:FREQ=HOURLY;UNTIL=20260303T085900Z")) == 24
    assert len(starts(BERLIN, "RRULE:FREQ=DAILY;BYHOUR=9,14;UNTIL=20260401")) == 62


def test_the_limit_counts_the_whole_series() -> None:
    with pytest.raises(TooManyOccurrences, match="more than 10 occurrences"):
        expand(series(BERLIN, "RRULE:FREQ=DAILY"), FROM, TO, limit=10)


def test_too_many_rules_are_refused() -> None:
    with pytest.raises(TooManyOccurrences, match="more than 20 rules"):
        starts(BERLIN, *["RRULE:FREQ=DAILY"] * 21)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (("RRULE:FREQ=DAILY",), "it has no start"),
        (("DTSTART:20260302T100000", "RRULE:FREQ=DAILY"), "its times name no time zone"),
        (("DTSTART;TZID=Nowhere:20260302T100000", "RRULE:FREQ=DAILY"), "its time zone is not known"),
        (("DTSTART;TZID=../etc/passwd:20260302T100000", "RRULE:FREQ=DAILY"), "its time zone is not known"),
        (("DTSTART:tomorrow", "RRULE:FREQ=DAILY"), "its rules cannot be read"),
        ((BERLIN, "RRULE:FREQ=FORTNIGHTLY"), "its rules cannot be read"),
        ((BERLIN, "RRULE:COUNT=3"), "its rules cannot be read"),
        ((BERLIN, "RRULE:FREQ=DAILY;INTERVAL=0"), "its rules cannot be read"),
        ((BERLIN, "RRULE:FREQ=DAILY;INTERVAL=often"), "its rules cannot be read"),
        ((BERLIN, "RRULE:FREQ=DAILY;BYEASTER=0"), "its rules cannot be read"),
        ((BERLIN, "RRULE:FREQ=DAILY;BYHOUR=25"), "its rules cannot be read"),
        ((BERLIN, "RRULE:FREQ=DAILY;UNTIL=never"), "its rules cannot be read"),
        ((BERLIN, "RRULE:FREQ=DAILY;BYDAY=" + "MO," * 1000), "a rule is longer than 2,000 characters"),
        ((BERLIN, "RRULE:RSCALE=HEBREW;FREQ=YEARLY"), "it follows a calendar other than the Gregorian one"),
        ((BERLIN, "RRULE:RSCALE=GREGORIAN;SKIP=FORWARD;FREQ=MONTHLY"), "it moves days that do not exist (SKIP)"),
        ((BERLIN, "X-LONG:" + "x" * 1_000_000), "it is longer than 1,000,000 characters"),
    ],
)
def test_what_cannot_be_expanded_has_its_reason(lines: tuple[str, ...], reason: str) -> None:
    with pytest.raises(UnreadableSeries) as caught:
        starts(*lines)

    assert str(caught.value) == reason


def test_the_gregorian_scale_may_be_named() -> None:
    assert len(starts(BERLIN, "RRULE:RSCALE=GREGORIAN;SKIP=OMIT;FREQ=MONTHLY;X-OURS=1;COUNT=3")) == 3


def test_a_zone_that_turns_by_the_second_is_refused() -> None:
    zones = HALF_PAST.replace("FREQ=YEARLY;BYDAY=2SU;BYMONTH=4", "FREQ=SECONDLY")

    with pytest.raises(UnreadableSeries, match="time zone cannot be read"):
        starts("DTSTART;TZID=Our Zone:20260406T100000", zones=zones)


RULES = st.builds(
    lambda freq, interval, count, days: f"FREQ={freq};INTERVAL={interval};COUNT={count}" + days,
    st.sampled_from(["DAILY", "WEEKLY", "MONTHLY"]),
    st.integers(1, 5),
    st.integers(1, 60),
    st.sampled_from(["", ";BYDAY=MO", ";BYDAY=MO,WE,FR"]),
)


@given(rule=RULES, days=st.integers(0, 400), length=st.integers(1, 300))
def test_the_starts_are_those_of_the_rule_on_the_wall_clock(rule: str, days: int, length: int) -> None:
    zone = ZoneInfo("Europe/Berlin")
    start = FROM + timedelta(days=days)
    end = start + timedelta(days=length)
    wall = datetime(2026, 3, 2, 10)  # noqa: DTZ001 # a wall clock
    all_ = {wall, *rrulestr(rule, dtstart=wall)}
    instants = sorted(moment.replace(tzinfo=zone).astimezone(UTC) for moment in all_)

    found = expand(series(BERLIN, f"RRULE:{rule}"), start, end)

    assert found == tuple(moment for moment in instants if start <= moment < end)


@given(text=st.text(max_size=200))
def test_no_text_does_any_harm(text: str) -> None:
    for whole in (text, series(text), series(BERLIN, text), series(BERLIN, f"RRULE:{text}")):
        try:
            found = expand(whole, FROM, TO)
        except UnreadableSeries:
            continue
        assert list(found) == sorted(set(found))
