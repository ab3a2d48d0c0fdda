"""Part 3.1 of the model: buyer-invested time, I. Every expected number is worked out beside it."""

from __future__ import annotations

from datetime import date

import pytest

from calsignal.model import Copy, EventStatus
from calsignal.score.account import score_account
from calsignal.score.constants import Constants
from calsignal.score.result import AccountResult
from worlds import (
    ANN,
    BOB,
    TWO,
    account,
    all_day,
    at,
    copy,
    dates,
    lens,
    met,
    person,
    scored,
    series,
    slot,
    state,
    told,
    version,
    zone,
)

YES = {ANN: "yes"}


def result(*copies: Copy, **more: object) -> AccountResult:
    return scored(copies, **more).result  # type: ignore[arg-type]


# --- minutes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("minutes", "hours"),
    [
        (4, 0),
        (4.99, 0),
        (5, 0.075),  # 5/60 x .9
        (60, 0.9),
        (180, 2.7),  # 3 x .9
        (181, 2.7),
        (480, 2.7),
        (0, 0),
    ],
)
def test_minutes_are_capped_at_both_ends(minutes: float, hours: float) -> None:
    assert result(met("m", slot("16 Mar 08:00", minutes), YES)).time.firm_hours == pytest.approx(hours)


@pytest.mark.parametrize("days", [1, 3])
def test_all_day_is_one_hour_in_all(days: int) -> None:
    assert result(met("m", all_day(date(2026, 3, 10), days), YES)).time.raw_hours == 1.0


def test_free_time_is_nothing() -> None:
    assert result(met("m", slot("16 Mar 10:00", 60), YES, free=True)).time.raw_hours == 0
    assert result(met("m", all_day(date(2026, 3, 10)), YES, free=True)).time.raw_hours == 0


def test_an_all_day_meeting_stands_at_local_midnight() -> None:
    new_york = zone("America/New_York")
    day = met("m", all_day(date(2026, 3, 16)), YES)

    before = result(day, as_of=at("16 Mar 03:59"), zone=new_york)  # 23:59 on the 15th
    after = result(day, as_of=at("16 Mar 04:00"), zone=new_york)

    assert [m.past for r in (before, after) for m in r.meetings] == [False, True]


def test_an_all_day_meeting_overlaps_what_lies_in_the_hour_after_midnight() -> None:
    early = met("a", slot("16 Mar 00:30", 60), YES)

    r = result(met("m", all_day(date(2026, 3, 16)), YES), early)

    assert r.time.raw_hours == 1.5  # 00:00 to 01:30


# --- people -----------------------------------------------------------------------------------------------------------


def test_the_six_weightiest_buyers_count() -> None:
    tentative = {f"t{n}@acme.example": "maybe" for n in range(4)}
    accepted = {f"y{n}@acme.example": "yes" for n in range(4)}

    r = result(met("m", slot("16 Mar 10:00", 60), {**tentative, **accepted}))

    assert r.time.raw_hours == 6.0
    assert r.time.firm_hours == pytest.approx(4.6)  # 4 x .9 + 2 x .5


def test_unnamed_guests_are_among_the_six() -> None:
    host = person(ANN, "yes", guests=2)
    others = [person(f"y{n}@acme.example", "yes") for n in range(5)]

    r = result(copy("m", version("1 Mar 08:00", state(slot("16 Mar 10:00", 60), people=(host, *others)))))

    assert r.time.firm_hours == pytest.approx(5.4)  # 6 x .9: the guests, at .45, are seventh and eighth


def test_people_without_any_weight_are_no_hours() -> None:
    assert result(met("m", slot("16 Mar 10:00", 60), {ANN: "yes", BOB: ""})).time.raw_hours == 1.0


def test_silent_colleagues_of_the_organizer_weigh_a_quarter() -> None:
    r = result(met("m", slot("16 Mar 10:00", 60), {BOB: ""}, organizer=ANN))

    assert (r.time.raw_hours, r.time.firm_hours) == pytest.approx((2.0, 1.2))  # .95 + .25


def test_each_account_counts_its_own_people() -> None:
    accounts = [account("Acme"), account("Birch")]
    both = [met("m", slot("16 Mar 10:00", 60), {ANN: "yes", "zoe@birch.example": "maybe"})]
    through = lens(accounts)

    acme, birch = (score_account(a, told(both, *accounts), through, Constants()).result.time for a in accounts)

    assert (acme.firm_hours, birch.firm_hours) == (0.9, 0.5)


# --- overlap ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("second", "minutes", "raw", "firm"),
    [
        ("16 Mar 11:00", 60, 2.0, 1.4),  # side by side: .9 + .5
        ("16 Mar 10:00", 60, 1.0, 0.9),  # the same hour, at the larger weight
        ("16 Mar 10:15", 30, 1.0, 0.9),  # inside
        ("16 Mar 09:30", 120, 2.0, 1.4),  # around: .5 x .5 + .9 + .5 x .5
    ],
)
def test_each_minute_of_a_person_counts_once(second: str, minutes: int, raw: float, firm: float) -> None:
    r = result(met("a", slot("16 Mar 10:00", 60), YES), met("b", slot(second, minutes), {ANN: "maybe"}))

    assert (r.time.raw_hours, r.time.firm_hours) == pytest.approx((raw, firm))


def test_different_people_do_not_overlap() -> None:
    r = result(met("a", slot("16 Mar 10:00", 60), {ANN: "yes"}), met("b", slot("16 Mar 10:00", 60), {BOB: "yes"}))

    assert r.time.raw_hours == 2.0


def test_only_the_counted_minutes_overlap() -> None:
    workshop = met("a", slot("16 Mar 08:00", 480), YES)  # 08:00 to 11:00 count

    assert result(workshop, met("b", slot("16 Mar 14:00", 60), YES)).time.raw_hours == 4.0


def test_the_same_meeting_in_two_calendars_is_one() -> None:
    when = state(slot("16 Mar 10:00", 60), {ANN: "yes", TWO: "yes"})
    copies = [copy("m", version("1 Mar 08:00", when)), copy("m", version("1 Mar 08:00", when), mailbox=TWO)]

    assert result(*copies).time.raw_hours == 1.0


# --- recency and lead -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        ("17 Mar", 0.8),
        ("23 Mar", 0.8),  # 7 days
        ("24 Mar", 0.72),  # 8 days: x .9
        ("30 Mar", 0.72),  # 14 days
        ("31 Mar", 0.6),  # 15 days: x .75
        ("13 Apr", 0.6),  # 28 days
        ("14 Apr", 0.4),  # 29 days: x .5
        ("15 May", 0.4),  # 60 days
        ("16 May", 0),  # 61 days
    ],
)
def test_a_future_meeting_weighs_by_its_lead(day: str, hours: float) -> None:
    assert result(met("m", slot(f"{day} 10:00", 60), YES)).time.effective_hours == pytest.approx(hours)


def test_the_lead_is_in_calendar_days_not_in_hours() -> None:
    assert result(met("m", slot("23 Mar 23:59", 60), YES)).time.effective_hours == pytest.approx(0.8)
    assert result(met("m", slot("24 Mar 00:00", 60), YES)).time.effective_hours == pytest.approx(0.72)


@pytest.mark.parametrize(
    ("day", "hours"),
    [
        ("16 Mar 08:00", 0.9),
        ("23 Feb 08:00", 0.45),  # 21 days
        ("23 Feb 23:00", 0.45),
        ("2 Feb 10:00", 0.225),  # 42 days
        ("15 Mar 23:59", 0.87078),  # 1 day: .9 x .5^(1/21) = .9 x .967531
    ],
)
def test_a_past_meeting_loses_half_its_weight_in_21_days(day: str, hours: float) -> None:
    assert result(met("m", slot(day, 60), YES)).time.effective_hours == pytest.approx(hours, abs=5e-6)


@pytest.mark.parametrize(
    ("name", "begin", "as_of", "hours"),
    [
        # the clocks go forward on 29 March in Berlin: 21 days are an hour short of 21 x 24 h
        ("Europe/Berlin", "15 Mar 2026 00:30", "5 Apr 2026 00:10", 0.45),
        ("Europe/Berlin", "15 Mar 2026 23:30", "5 Apr 2026 23:50", 0.45),
        # and back on 25 October: an hour more
        ("Europe/Berlin", "11 Oct 2026 23:30", "1 Nov 2026 00:10", 0.45),
        ("America/New_York", "1 Mar 2026 23:30", "22 Mar 2026 00:10", 0.45),
        ("America/New_York", "18 Oct 2026 00:30", "8 Nov 2026 23:50", 0.45),
    ],
)
def test_ages_do_not_shift_over_dst(name: str, begin: str, as_of: str, hours: float) -> None:
    here = zone(name)
    start = at(begin, here)
    first = at("1 Feb 2026 08:00")

    r = result(
        copy("m", version(first, state(slot(f"{start:%d %b %Y %H:%M}", 60), YES))), as_of=at(as_of, here), zone=here
    )

    assert r.time.effective_hours == pytest.approx(hours)


@pytest.mark.parametrize(
    ("name", "as_of", "begin"),
    [
        ("Europe/Berlin", "27 Mar 2026 23:30", "3 Apr 2026 00:15"),  # 7 days over the missing hour
        ("Europe/Berlin", "20 Oct 2026 00:15", "27 Oct 2026 23:30"),
        ("America/New_York", "4 Mar 2026 23:30", "11 Mar 2026 23:45"),
    ],
)
def test_leads_do_not_shift_over_dst(name: str, as_of: str, begin: str) -> None:
    here = zone(name)
    start = at(begin, here)

    r = result(
        copy("m", version(at("1 Feb 2026 08:00"), state(slot(f"{start:%d %b %Y %H:%M}", 60), YES))),
        as_of=at(as_of, here),
        zone=here,
    )

    assert r.time.effective_hours == pytest.approx(0.8)  # a lead of 7 days: x 1


# --- series -----------------------------------------------------------------------------------------------------------


def test_of_a_series_only_the_next_date_counts_at_seven_tenths() -> None:
    r = result(copy("s", series("1 Jan 08:00", dates("19 Mar 10:00", 4), YES, minutes=60)))

    assert r.time.raw_hours == 1.0
    assert r.time.firm_hours == pytest.approx(0.56)  # .8 x .7
    assert [m.why_not for m in r.meetings] == [""] + 3 * ["a later date of the series"]


def test_a_date_without_weight_leaves_the_place_to_the_next() -> None:
    no = version("1 Jan 08:00", state(slot("19 Mar 10:00", 60), {ANN: "no"}))
    declined = copy("s", no, original_start=at("19 Mar 10:00"))

    r = result(copy("s", series("1 Jan 08:00", dates("19 Mar 10:00", 4), YES, minutes=60)), declined)

    assert [m.counted for m in r.meetings] == [False, True, False, False]
    assert r.time.effective_hours == pytest.approx(0.504)  # 26 Mar, 10 days: .8 x .7 x .9


def test_each_series_has_its_next_date() -> None:
    one = copy("s1", series("1 Jan 08:00", dates("19 Mar 10:00", 4), YES, minutes=60))
    other = copy("s2", series("1 Jan 08:00", dates("20 Mar 10:00", 4), YES, minutes=60))

    assert result(one, other).time.raw_hours == 2.0


def test_a_date_of_a_series_and_a_single_meeting_overlap_at_the_larger_weight() -> None:
    weekly = copy("s", series("1 Jan 08:00", dates("19 Mar 10:00", 1), YES, minutes=60))

    r = result(weekly, met("m", slot("19 Mar 10:00", 60), {ANN: "maybe"}))

    assert r.time.firm_hours == pytest.approx(0.56)  # .8 x .7 against .35


# --- I ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("buyers", "points"),
    [(0, 0), (1, 23.0769), (4, 54.5455), (6, 64.2857)],  # H .9 n: 100 H / (H + 3)
)
def test_three_hours_are_fifty_points(buyers: int, points: float) -> None:
    guests = {f"y{n}@acme.example": "yes" for n in range(buyers)} or {ANN: ""}

    assert result(met("m", slot("16 Mar 10:00", 60), guests)).time.points == pytest.approx(points, abs=5e-5)


def test_raw_hours_know_no_decay() -> None:
    r = result(met("m", slot("2 Feb 10:00", 60), YES), met("n", slot("1 May 10:00", 60), YES))

    assert (r.time.raw_hours, r.time.firm_hours) == pytest.approx((2.0, 1.7))


def test_what_is_cancelled_is_no_time() -> None:
    assert result(met("m", slot("16 Mar 10:00", 60), YES, status=EventStatus.CANCELLED)).time.raw_hours == 0
