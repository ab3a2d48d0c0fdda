from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from calsignal_ics.text import Unreadable, calendars
from calsignal_ics.zones import Zone, Zones, iana
from ics.samples import calendar, event, only, reading

BERLIN_RULES = [
    "BEGIN:STANDARD",
    "DTSTART:16010101T030000",
    "TZOFFSETFROM:+0200",
    "TZOFFSETTO:+0100",
    "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10",
    "END:STANDARD",
    "BEGIN:DAYLIGHT",
    "DTSTART:16010101T020000",
    "TZOFFSETFROM:+0100",
    "TZOFFSETTO:+0200",
    "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3",
    "END:DAYLIGHT",
]


def vtimezone(*lines: str, tzid: str = "Ours") -> str:
    return "\r\n".join(["BEGIN:VTIMEZONE", f"TZID:{tzid}", *lines, "END:VTIMEZONE"])


def observance(kind: str, start: str, before: str, after: str, *rules: str) -> str:
    lines = [f"DTSTART:{start}", f"TZOFFSETFROM:{before}", f"TZOFFSETTO:{after}", *rules]
    return "\r\n".join([f"BEGIN:{kind}", *lines, f"END:{kind}"])


def zone(tzid: str, *parts: str) -> Zone:
    (found,) = calendars(calendar(*parts).encode())
    return Zones(found).of(tzid)


@pytest.mark.parametrize(
    ("tzid", "name"),
    [
        ("Europe/Berlin", "Europe/Berlin"),
        ("europe/berlin", "Europe/Berlin"),
        ("US/Eastern", "US/Eastern"),
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("eastern standard time", "America/New_York"),
        ("/freeassociation.sourceforge.net/Tzfile/Europe/Vienna", "Europe/Vienna"),
        ("/mozilla.org/20070129_1/America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("tzone://Microsoft/Utc", "UTC"),
        ("Etc/UTC", "UTC"),
        ("Europe_Amsterdam", "Europe/Amsterdam"),
        ("US-Eastern", "US/Eastern"),
        ("UTC+11", "Etc/GMT-11"),
        ("GMT-05:00", "Etc/GMT+5"),
        ("(UTC-05:00) Eastern Time (US & Canada)", "America/New_York"),
        ("Kuala Lumpur, Singapore", "Asia/Kuala_Lumpur"),
        ("(GMT+01:00) Sarajevo, Skopje", "Europe/Sarajevo"),
    ],
)
def test_a_zone_is_known_by_many_names(tzid: str, name: str) -> None:
    assert zone(tzid).name == name
    assert not zone(tzid).definition


@pytest.mark.parametrize(
    "tzid", ["LOLOLOL", "America/New_Yrok", "tzone://Microsoft/Custom", "../../etc/passwd", "Etc", "UTC+99"]
)
def test_an_unknown_zone_is_unreadable(tzid: str) -> None:
    with pytest.raises(Unreadable, match="time zone is not known"):
        zone(tzid)


@pytest.mark.parametrize("name", ["localtime", "posixrules", "Factory", "right/Europe/Berlin", "posix/Europe/Berlin"])
def test_the_zone_of_this_machine_is_no_zone(name: str) -> None:
    assert iana(name) is None


def test_rules_that_agree_with_a_known_zone_are_that_zone() -> None:
    found = zone("Customized Time Zone", vtimezone(*BERLIN_RULES, tzid="Customized Time Zone"))

    assert not found.definition
    assert found.rules.utcoffset(datetime(2026, 7, 1)) == timedelta(hours=2)  # noqa: DTZ001 # wall clock


def test_commas_in_a_name_may_be_escaped() -> None:
    tzid = "Here, There"

    assert zone(tzid, vtimezone(*BERLIN_RULES, tzid=r"Here\, There")).name


def test_the_name_of_the_place_goes_before_its_rules() -> None:
    assert zone("Ours", vtimezone("X-LIC-LOCATION:Europe/Vienna", *BERLIN_RULES)).name == "Europe/Vienna"


def test_a_known_name_goes_before_strange_rules() -> None:
    strange = vtimezone(observance("STANDARD", "19700101T000000", "+0930", "+0930"), tzid="Europe/Berlin")

    assert zone("Europe/Berlin", strange).name == "Europe/Berlin"


def test_the_name_of_an_own_zone_depends_on_its_rules_alone() -> None:
    odd = observance("STANDARD", "19700101T000000", "+0130", "+0130")

    first, second = zone("Ours", vtimezone(odd)), zone("Theirs", vtimezone(odd, tzid="Theirs"))

    assert first.name == second.name
    assert first.name.startswith("custom-")
    assert "BEGIN:STANDARD" in first.definition


def own(*observances: str) -> Zone:
    return zone("Ours", vtimezone(*observances))


def local(found: Zone, *at: int) -> str:
    return f"{datetime(*at, tzinfo=UTC).astimezone(found.rules):%m-%d %H:%M}"  # type: ignore[arg-type,misc]


ODD = (
    observance("STANDARD", "20001105T020000", "+0230", "+0130", "RRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=11"),
    observance("DAYLIGHT", "20000402T020000", "+0130", "+0230", "RRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=4"),
)


def test_an_own_zone_turns_when_it_says() -> None:
    found = own(*ODD)

    assert local(found, 2026, 4, 5, 0, 29) == "04-05 01:59"
    assert local(found, 2026, 4, 5, 0, 30) == "04-05 03:00"
    assert local(found, 2026, 10, 31, 23, 29) == "11-01 01:59"
    assert local(found, 2026, 10, 31, 23, 30) == "11-01 01:00"
    assert local(found, 1999, 7, 1, 12, 0) == "07-01 13:30"


def test_the_two_readings_of_a_repeated_hour_are_told_apart() -> None:
    rules = own(*ODD).rules
    first = datetime(2026, 10, 31, 23, 15, tzinfo=UTC)
    second = datetime(2026, 11, 1, 0, 15, tzinfo=UTC)

    assert first.astimezone(rules).replace(tzinfo=None) == second.astimezone(rules).replace(tzinfo=None)
    assert [first.astimezone(rules).fold, second.astimezone(rules).fold] == [0, 1]
    assert second.astimezone(rules).astimezone(UTC) == second
    assert first.astimezone(rules).astimezone(UTC) == first


def test_a_skipped_time_counts_as_before_the_change() -> None:
    found = only(vtimezone(*ODD), event(start="DTSTART;TZID=Ours:20260405T023000"))

    assert found.slot.start == datetime(2026, 4, 5, 1, 0, tzinfo=UTC)


def test_an_own_zone_has_no_names_for_its_times() -> None:
    there = datetime(2026, 4, 5, tzinfo=own(*ODD).rules)

    assert (there.tzname(), there.dst()) == (None, None)


@pytest.mark.parametrize(
    ("rule", "turn"),
    [
        ("RRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=4", "04-12"),
        ("RRULE:FREQ=YEARLY;BYDAY=SU;BYMONTHDAY=8,9,10,11,12,13,14;BYMONTH=4", "04-12"),
        ("RRULE:FREQ=YEARLY;BYMONTHDAY=-30;BYMONTH=4", "04-01"),
        ("RRULE:FREQ=YEARLY;BYMONTH=4;BYMONTHDAY=5;BYHOUR=0;BYMINUTE=0", "04-05"),
        ("RRULE:FREQ=YEARLY", "04-02"),
        ("RDATE:20260407T000000,20270407T000000", "04-07"),
    ],
)
def test_the_day_of_a_turn_is_found(rule: str, turn: str) -> None:
    winter = observance("STANDARD", "20001101T000000", "+0230", "+0130", "RRULE:FREQ=YEARLY")
    summer = observance("DAYLIGHT", "20000402T000000", "+0130", "+0230", rule)
    rules = own(winter, summer).rules
    days = [datetime(2026, 3, 31, 22, 30, tzinfo=UTC) + timedelta(days=number) for number in range(20)]

    first = next(day for day in days if day.astimezone(rules).utcoffset() == timedelta(hours=2, minutes=30))

    assert f"{first.astimezone(rules):%m-%d}" == turn


@pytest.mark.parametrize("last", ["UNTIL=20240401T223000Z", "UNTIL=20240402T000000", "UNTIL=20240402", "COUNT=25"])
def test_turns_end_when_they_say(last: str) -> None:
    winter = observance("STANDARD", "20001101T000000", "+0230", "+0130", f"RRULE:FREQ=YEARLY;{last}")
    summer = observance("DAYLIGHT", "20000402T000000", "+0130", "+0230", f"RRULE:FREQ=YEARLY;{last}")
    rules = own(winter, summer).rules

    summers = [year for year in range(2000, 2030) if rules.utcoffset(datetime(year, 7, 1)) == timedelta(hours=2.5)]  # noqa: DTZ001 # wall clock

    assert summers[:25] == list(range(2000, 2025))


@pytest.mark.parametrize(
    "broken",
    [
        "X-NOTHING:inside",
        observance("STANDARD", "never", "+0100", "+0100"),
        observance("STANDARD", "20000101T000000", "0100", "+0100"),
        observance("STANDARD", "20000101T000000", "+0100", "+9900"),
        observance("STANDARD", "20001301T000000", "+0100", "+0100"),
        observance("STANDARD", "20000101T000000", "+0100", "+0100", "RRULE:FREQ=SECONDLY"),
        observance("STANDARD", "20000101T000000", "+0100", "+0100", "RRULE:FREQ=YEARLY;BYMONTH=13"),
        observance("STANDARD", "20000101T000000", "+0100", "+0100", "RRULE:FREQ=YEARLY;BYDAY=MOON"),
        "\r\n".join(observance("STANDARD", "20000101T000000", "+0100", "+0100") for _ in range(501)),
    ],
)
def test_a_zone_whose_rules_cannot_be_read_is_not_guessed(broken: str) -> None:
    with pytest.raises(Unreadable):
        own(broken)


def test_events_in_a_known_zone_are_read_beside_a_broken_definition() -> None:
    found = only(
        vtimezone("X-BROKEN:yes", tzid="Europe/Berlin"), event(start="DTSTART;TZID=Europe/Berlin:20260302T100000")
    )

    assert found.slot.start == datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_the_only_zone_of_a_file_is_for_its_floating_times() -> None:
    found = only(vtimezone(*BERLIN_RULES, tzid="Ours"), event(start="DTSTART:20260302T100000"))

    assert found.slot.start == datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_a_flood_of_zones_is_dammed() -> None:
    offsets = [f"{sign}{hour:02}{minute:02}" for sign in "+-" for hour in range(10) for minute in range(1, 30)]
    zones = [vtimezone(observance("STANDARD", "20000101T000000", each, each), tzid=f"Z{each}") for each in offsets]
    events = [event(uid=each, start=f"DTSTART;TZID=Z{each}:20260302T100000") for each in offsets]

    read = reading(calendar(*zones, *events))

    assert len(read.events) == 500
    assert {item.reason for item in read.skipped} == {"its time zone is not known"}
