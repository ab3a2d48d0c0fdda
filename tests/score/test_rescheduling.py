"""Part 3.2 of the model: booked again, moved, put off, dropped. One test for each row, then chains and borders."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from calsignal.model import Actor, Capability, Copy, EventStatus, Slot, State
from calsignal.score.result import Act, Rescheduling
from worlds import (
    ANN,
    BOB,
    CFO,
    REP,
    TWO,
    all_day,
    at,
    copy,
    dates,
    gone,
    linked,
    met,
    person,
    scored,
    series,
    slot,
    state,
    version,
    zone,
)

YES, NO, SILENT = {ANN: "yes"}, {ANN: "no"}, {ANN: ""}
SOON = slot("30 Mar 10:00", 60)
BUYER, UNKNOWN = Actor.BUYER, Actor.SELLER_OR_UNKNOWN


def result(*copies: Copy, **more: Any) -> Rescheduling:  # noqa: ANN401
    return scored(copies, **more).result.rescheduling


def acts(*copies: Copy, **more: Any) -> list[tuple[str, float, Actor | None]]:  # noqa: ANN401
    """Return kind, points and side of each act, in order of the day it became known."""
    return [(a.kind, a.points, a.by) for a in result(*copies, **more).acts]


def one(*copies: Copy, **more: Any) -> Act:  # noqa: ANN401
    [act] = result(*copies, **more).acts
    return act


def told(uid: str, *steps: tuple[str, State], **more: Any) -> Copy:  # noqa: ANN401
    """Return a meeting that came up after the baseline and went through these states."""
    versions = [version(seen, what, after=at(seen) - timedelta(days=1)) for seen, what in steps]
    return copy(uid, *versions, **more)


def hour(start: str, answers: dict[str, str] | None = None, organizer: str | None = REP, **more: Any) -> State:  # noqa: ANN401
    return state(slot(start, 60), YES if answers is None else answers, organizer, **more)


HELD = met("h", slot("2 Mar 10:00", 60), YES)
"""Held on 2 March, 10:00 to 11:00; when it was booked is unknown."""


# --- booked again -----------------------------------------------------------------------------------------------------


def test_a_firm_meeting_booked_after_a_held_one_is_ten_points() -> None:
    act = one(HELD, told("m", ("4 Mar 12:00", hour("30 Mar 10:00"))))

    assert (act.kind, act.points, act.by, act.on) == ("booked again", 10, UNKNOWN, date(2026, 3, 4))
    assert act.now == pytest.approx(6.7295, abs=5e-5)  # 12 days: 10 x .5^(12/21)


def test_it_is_fifteen_when_the_buyer_organizes() -> None:
    assert acts(HELD, told("m", ("4 Mar 12:00", hour("30 Mar 10:00", {}, ANN)))) == [("booked again", 15, BUYER)]


def test_it_is_fifteen_when_the_buyer_books_by_a_link() -> None:
    booked = hour("30 Mar 10:00", booking=linked())

    assert acts(HELD, told("m", ("4 Mar 12:00", booked))) == [("booked again", 15, BUYER)]


def test_it_is_fifteen_when_the_buyer_proposed_the_time() -> None:
    proposing = replace(hour("23 Mar 10:00"), people=(person(ANN, "maybe", proposed=SOON), person(REP, "yes")))

    found = acts(HELD, told("m", ("4 Mar 12:00", proposing), ("6 Mar 12:00", hour("30 Mar 10:00"))))

    assert ("booked again", 15, BUYER) in found


def test_a_proposal_of_ours_makes_no_booking_theirs() -> None:
    proposing = replace(
        hour("23 Mar 10:00"),
        organizer="max@cedar.example",
        people=(person(ANN), person(REP, "maybe", proposed=SOON), person("max@cedar.example")),
    )
    later = hour("30 Mar 10:00", {ANN: "yes"}, "max@cedar.example")

    found = acts(
        HELD,
        told("m", ("4 Mar 12:00", hour("23 Mar 10:00", SILENT)), ("5 Mar 12:00", proposing), ("6 Mar 12:00", later)),
    )

    assert ("booked again", 10, UNKNOWN) in found


@pytest.mark.parametrize(
    ("booked", "counted"),
    [
        ("2 Mar 09:59", False),  # before it started
        ("2 Mar 10:00", True),
        ("16 Mar 10:59", True),
        ("16 Mar 17:00", True),  # 14 days after its end, whatever the hour
    ],
)
def test_a_booking_counts_from_the_start_to_14_days_after_the_end(booked: str, counted: bool) -> None:
    found = result(HELD, told("m", (booked, hour("30 Mar 10:00"))))

    assert found.booked_again == counted


def test_a_booking_on_the_fifteenth_day_is_late() -> None:
    early = met("h", slot("1 Mar 10:00", 60), YES)

    assert acts(early, told("m", ("16 Mar 00:01", hour("30 Mar 10:00")))) == []
    assert acts(early, told("m", ("15 Mar 23:59", hour("30 Mar 10:00")))) != []


def test_the_days_of_a_booking_do_not_shift_over_dst() -> None:
    berlin = zone("Europe/Berlin")
    held = met("h", Slot(at("22 Mar 22:30", berlin), at("22 Mar 23:30", berlin)), YES)
    booked = told("m", ("5 Apr 21:45", hour("30 Apr 10:00")))  # 23:45 in Berlin, an hour more ahead by then

    assert result(held, booked, as_of=at("5 Apr 22:00"), zone=berlin).booked_again == 1


def test_only_a_held_meeting_is_booked_again() -> None:
    silent = met("h", slot("2 Mar 10:00", 60), SILENT)
    cancelled = met("h", slot("2 Mar 10:00", 60), YES, status=EventStatus.CANCELLED)
    new = told("m", ("4 Mar 12:00", hour("30 Mar 10:00")))

    assert acts(silent, new) == acts(cancelled, new) == []


def test_only_a_firm_meeting_is_a_booking() -> None:
    assert acts(HELD, told("m", ("4 Mar 12:00", hour("30 Mar 10:00", {ANN: "maybe"})))) == []


def test_bookings_and_held_meetings_are_matched_one_to_one() -> None:
    second = met("h2", slot("3 Mar 10:00", 60), YES)
    new = [told(f"m{n}", (f"{4 + n} Mar 12:00", hour(f"{20 + n} Mar 10:00"))) for n in range(3)]

    assert [a.on.day for a in result(HELD, second, *new).acts] == [4, 5]


def test_a_booking_takes_the_held_meeting_whose_window_ends_first() -> None:
    later = met("h2", slot("10 Mar 10:00", 60), YES)
    new = [
        told("m1", ("11 Mar 12:00", hour("30 Mar 10:00"))),  # takes that of 2 March, whose window ends on the 16th
        told("m2", ("17 Mar 12:00", hour("31 Mar 10:00"))),  # so that this one finds that of 10 March
    ]

    assert [a.on.day for a in result(HELD, later, *new, as_of=at("18 Mar 18:00")).acts] == [11, 17]


def test_a_booking_stays_when_the_new_meeting_is_later_dropped() -> None:
    new = told("m", ("3 Mar 12:00", hour("30 Mar 10:00")), ("5 Mar 12:00", hour("30 Mar 10:00", NO)))

    assert acts(HELD, new, as_of=at("19 Mar 18:00")) == [("booked again", 10, UNKNOWN), ("dropped", -10, BUYER)]


def test_creating_a_series_is_one_booking() -> None:
    weekly = copy("s", series("4 Mar 12:00", dates("5 Mar 10:00", 20), YES, after="3 Mar 12:00"))

    assert acts(HELD, weekly) == [("booked again", 10, UNKNOWN)]


def test_dates_that_come_into_sight_are_no_bookings() -> None:
    short = series("1 Jan 08:00", dates("5 Mar 10:00", 4), YES)
    longer = series("13 Mar 12:00", dates("5 Mar 10:00", 9), {ANN: "yes", BOB: ""}, after="12 Mar 12:00")

    assert acts(copy("s", short, longer)) == []


def test_a_series_is_no_booking_after_its_own_dates() -> None:
    weekly = copy(
        "s",
        series("1 Mar 12:00", dates("2 Mar 10:00", 9), SILENT, organizer=REP),
        series("11 Mar 12:00", dates("2 Mar 10:00", 9), YES, after="10 Mar 12:00"),
    )

    assert acts(weekly) == []


# --- when was it booked? ----------------------------------------------------------------------------------------------


def test_what_was_firm_at_first_sight_was_booked_when_it_was_created() -> None:
    baseline = met("m", slot("30 Mar 10:00", 60), YES, created="5 Mar 09:00")

    assert one(HELD, baseline).on == date(2026, 3, 5)


def test_at_the_baseline_without_a_time_of_creation_a_booking_is_unknown() -> None:
    assert acts(HELD, met("m", slot("30 Mar 10:00", 60), YES)) == []
    answered = replace(hour("30 Mar 10:00"), people=(person(ANN, "yes", answered_at=at("5 Mar 09:00")), person(REP)))
    assert acts(HELD, copy("m", version("15 Mar 08:00", answered))) == []


def test_a_later_acceptance_is_booked_when_it_was_given() -> None:
    told_at = replace(hour("30 Mar 10:00"), people=(person(ANN, "yes", answered_at=at("5 Mar 09:00")), person(REP)))

    new = told("m", ("3 Mar 12:00", hour("30 Mar 10:00", SILENT)), ("8 Mar 12:00", told_at), created="3 Mar 09:00")

    assert one(HELD, new).on == date(2026, 3, 5)


def test_a_later_acceptance_without_a_time_is_booked_when_it_was_seen() -> None:
    new = told("m", ("3 Mar 12:00", hour("30 Mar 10:00", SILENT)), ("8 Mar 12:00", hour("30 Mar 10:00")))

    assert one(HELD, new).on == date(2026, 3, 8)


def test_without_a_time_of_creation_a_new_firm_meeting_is_booked_when_it_was_answered() -> None:
    told_at = replace(hour("30 Mar 10:00"), people=(person(ANN, "yes", answered_at=at("5 Mar 09:00")), person(REP)))

    assert one(HELD, told("m", ("8 Mar 12:00", told_at))).on == date(2026, 3, 5)


def test_a_calendar_connected_later_books_nothing() -> None:
    blind = frozenset({Capability.GUESTS})
    mine = copy("m", version("1 Mar 08:00", hour("30 Mar 10:00", {ANN: "", TWO: ""}, TWO, sees=blind)))
    theirs = copy("m", version("10 Mar 08:00", hour("30 Mar 10:00", {ANN: "yes", TWO: "yes"}, TWO)), mailbox=TWO)

    found = result(HELD, mine, theirs, mailboxes=frozenset({REP, TWO}))

    assert (found.booked_again, found.ever_firm) == (0, True)


# --- moves ------------------------------------------------------------------------------------------------------------


def moved(*starts: str, organizer: str = REP, created: str = "1 Jan 08:00") -> Copy:
    """Return a meeting that was moved from date to date, a day after another from 2 March on."""
    answers = {} if organizer == ANN else YES
    versions = [version(created, hour(starts[0], answers, organizer))]
    for number, start in enumerate(starts[1:]):
        what = hour(start, answers, organizer)
        versions.append(version(f"{2 + number} Mar 12:00", what, after=versions[-1].seen_at))
    return copy("m", *versions)


def test_the_buyer_who_moves_it_earlier_earns_five() -> None:
    assert acts(moved("30 Mar 10:00", "25 Mar 10:00", organizer=ANN)) == [("moved earlier", 5, BUYER)]


def test_we_who_move_it_earlier_earn_nothing() -> None:
    r = result(moved("30 Mar 10:00", "25 Mar 10:00"))

    assert [(a.kind, a.points, a.by) for a in r.acts] == [("moved earlier", 0, UNKNOWN)]
    assert r.moved_earlier == 0


@pytest.mark.parametrize(("days", "points"), [(1, 0), (14, 0), (15, -5)])
def test_the_buyers_first_push_is_free_up_to_14_days(days: int, points: float) -> None:
    to = f"{at('20 Mar 10:00') + timedelta(days=days):%d %b %H:%M}"

    assert acts(moved("20 Mar 10:00", to, organizer=ANN)) == [("push", points, BUYER)]


def test_the_buyers_second_and_later_pushes_cost_five() -> None:
    found = acts(moved("20 Mar 10:00", "21 Mar 10:00", "22 Mar 10:00", "23 Mar 10:00", organizer=ANN))

    assert found == [("push", 0, BUYER), ("push", -5, BUYER), ("push", -5, BUYER)]


def test_our_first_move_is_free_and_each_later_push_costs_two_and_a_half() -> None:
    found = acts(moved("20 Mar 10:00", "20 Apr 10:00", "21 Apr 10:00", "22 Apr 10:00"))

    assert found == [("push", 0, UNKNOWN), ("push", -2.5, UNKNOWN), ("push", -2.5, UNKNOWN)]


def test_each_side_counts_its_own_pushes() -> None:
    steps = [
        ("1 Jan 08:00", hour("20 Mar 10:00")),
        ("2 Mar 12:00", hour("21 Mar 10:00")),  # ours, the first
        ("3 Mar 12:00", hour("21 Mar 10:00", NO)),
        ("4 Mar 12:00", hour("22 Mar 10:00")),  # theirs, the first
        ("12 Mar 12:00", hour("23 Mar 10:00")),  # ours, the second
    ]

    found = acts(
        copy(
            "m", *(version(seen, what, after=None if n == 0 else "1 Jan 08:00") for n, (seen, what) in enumerate(steps))
        )
    )

    assert found == [("push", 0, UNKNOWN), ("push", 0, BUYER), ("push", -2.5, UNKNOWN)]


def test_a_pull_in_between_does_not_count_as_a_push() -> None:
    found = acts(moved("20 Mar 10:00", "21 Mar 10:00", "19 Mar 10:00", "22 Mar 10:00", organizer=ANN))

    assert found == [("push", 0, BUYER), ("moved earlier", 5, BUYER), ("push", -5, BUYER)]


def test_a_move_within_one_day_is_nothing() -> None:
    assert acts(moved("20 Mar 10:00", "20 Mar 16:00", "20 Mar 08:00", organizer=ANN)) == []


def test_a_move_is_measured_in_days_of_the_team() -> None:
    night = moved("20 Mar 22:30", "20 Mar 23:30", organizer=ANN)

    assert acts(night) == []
    assert acts(night, zone=zone("Europe/Berlin")) == [("push", 0, BUYER)]


def test_moves_of_meetings_that_were_never_firm_count() -> None:
    silent = [hour(f"{day} Mar 10:00", SILENT) for day in (20, 21, 22)]
    steps = [version(f"{n + 1} Mar 08:00", what, after=f"{n + 1} Mar 07:00") for n, what in enumerate(silent)]

    assert [a.points for a in result(HELD, copy("m", *steps)).acts] == [0, -2.5]


def test_counts_and_days_are_totals_without_decay() -> None:
    r = result(moved("20 Mar 10:00", "27 Mar 10:00", "20 Apr 10:00", "15 Apr 10:00", organizer=ANN))

    assert (r.pushed_by_buyer, r.pushed_by_seller_or_unknown, r.push_days, r.moved_earlier) == (2, 0, 31, 1)


def test_the_age_of_a_move_runs_from_the_day_it_was_seen() -> None:
    act = result(moved("20 Mar 10:00", "21 Mar 10:00", "22 Mar 10:00", organizer=ANN)).acts[1]

    assert act.on == date(2026, 3, 3)
    assert act.now == pytest.approx(-3.2555, abs=5e-5)  # 13 days: -5 x .5^(13/21) = -5 x .65110


def test_a_whole_series_that_moves_is_one_move() -> None:
    weekly = dates("19 Mar 10:00", 8)
    friday = tuple(d + timedelta(days=1) for d in weekly)

    found = acts(copy("s", series("1 Jan 08:00", weekly, YES), series("2 Mar 12:00", friday, YES, after="1 Mar 12:00")))

    assert found == [("push", 0, UNKNOWN)]


def carried(*copies: Copy) -> dict[str, int]:
    """Return how often each date of a series was moved, by where it stands."""
    views = scored(copies, as_of=at("16 Mar 18:00")).result.meetings
    return {f"{view.slot.start:%d %b}": view.moves for view in views}


WEEKLY = dates("5 Mar 10:00", 5)
FRIDAYS = tuple(d + timedelta(days=1) for d in WEEKLY)


def test_a_date_behind_is_not_moved_by_its_series() -> None:
    found = carried(
        copy("s", series("1 Mar 08:00", WEEKLY, YES), series("12 Mar 08:00", FRIDAYS, YES, after="11 Mar 08:00"))
    )

    assert found == {"05 Mar": 0, "13 Mar": 1, "20 Mar": 1, "27 Mar": 1, "03 Apr": 1}


def test_a_date_that_was_called_off_before_is_not_moved_by_its_series() -> None:
    without = (*WEEKLY[:2], *WEEKLY[3:])
    after = tuple(d + timedelta(days=1) for d in without)

    found = carried(
        copy(
            "s",
            series("1 Mar 08:00", WEEKLY, YES),
            series("11 Mar 08:00", without, YES, after="10 Mar 08:00"),
            series("12 Mar 08:00", after, YES, after="11 Mar 08:00"),
        )
    )

    assert found == {"05 Mar": 0, "13 Mar": 1, "19 Mar": 0, "27 Mar": 1, "03 Apr": 1}


def test_the_dates_before_a_split_are_not_moved_by_the_second_half() -> None:
    first = copy("s", series("1 Mar 08:00", WEEKLY, YES), series("10 Mar 12:00", WEEKLY[:3], YES, after="10 Mar 08:00"))
    second = copy("s", series("10 Mar 12:00", FRIDAYS[3:], YES, after="10 Mar 08:00"), event="s_R")

    assert carried(first, second) == {"05 Mar": 0, "12 Mar": 0, "19 Mar": 0, "27 Mar": 1, "03 Apr": 1}


def test_a_date_that_is_moved_apart_and_with_its_series_counts_both() -> None:
    apart = copy(
        "s",
        version("11 Mar 08:00", hour("24 Mar 10:00"), after="10 Mar 08:00"),
        version("12 Mar 08:00", gone(hour("24 Mar 10:00")), after="11 Mar 08:00"),
        original_start=WEEKLY[2],
    )
    whole = copy("s", series("1 Mar 08:00", WEEKLY, YES), series("12 Mar 08:00", FRIDAYS, YES, after="11 Mar 08:00"))

    found = carried(whole, apart)

    assert found == {"05 Mar": 0, "13 Mar": 1, "20 Mar": 2, "27 Mar": 1, "03 Apr": 1}


def test_each_date_of_a_series_is_its_own_chain() -> None:
    weekly = dates("19 Mar 10:00", 3)
    apart = [
        copy(
            "s",
            version(
                "2 Mar 12:00",
                state(Slot(d + timedelta(days=1), d + timedelta(days=1, hours=1)), YES),
                after="1 Mar 12:00",
            ),
            original_start=d,
        )
        for d in weekly
    ]

    found = acts(copy("s", series("1 Jan 08:00", weekly, YES, minutes=60)), *apart)

    assert found == 3 * [("push", 0, UNKNOWN)]


# --- cancelled and booked again: one chain ----------------------------------------------------------------------------


def rebooked(
    days: int,
    answers: dict[str, str] | None = None,
    *,
    organizer: str = REP,
    before: dict[str, str] | None = None,
    to: str = "30 Mar 10:00",
    firm: int = 0,
) -> list[Copy]:
    """Return a meeting of 20 March that was cancelled on 1 March, and another that came up `days` later."""
    old = hour("20 Mar 10:00", YES if before is None else before, organizer)
    seen = at("1 Mar 12:00") + timedelta(days=days)
    steps = [version(seen, hour(to, SILENT if firm else answers), after=seen - timedelta(days=1))]
    if firm:
        steps.append(version(seen + timedelta(days=firm), hour(to, answers), after=seen))
    return [
        copy("old", version("1 Jan 08:00", old), version("1 Mar 12:00", gone(old), after="28 Feb 12:00")),
        copy("new", *steps),
    ]


def test_cancelled_and_booked_again_is_a_move_from_the_old_date_to_the_new_one() -> None:
    act = one(*rebooked(3))

    assert (act.kind, act.days, act.points, act.by, act.on) == ("push", 10, 0, UNKNOWN, date(2026, 3, 4))


def test_cancelled_and_booked_again_earlier_is_a_pull_in() -> None:
    assert [(a.kind, a.days) for a in result(*rebooked(3, to="18 Mar 10:00")).acts] == [("moved earlier", -2)]


def test_booked_again_for_the_same_day_is_nothing() -> None:
    assert acts(*rebooked(3, to="20 Mar 15:00", organizer=ANN)) == []


def test_the_buyer_who_cancelled_is_the_mover() -> None:
    assert acts(*rebooked(3, organizer=ANN)) == [("push", 0, BUYER)]


def test_the_buyer_who_made_the_new_one_is_the_mover() -> None:
    old, new = rebooked(3)
    theirs = copy("new", version("4 Mar 12:00", hour("30 Mar 10:00", {}, ANN), after="3 Mar 12:00"))

    assert acts(old, theirs) == [("push", 0, BUYER)]
    assert acts(old, new) == [("push", 0, UNKNOWN)]


@pytest.mark.parametrize(("days", "chained"), [(0, True), (13, True), (14, True), (15, False)])
def test_a_chain_goes_on_for_14_days(days: int, chained: bool) -> None:
    found = [kind for kind, _, _ in acts(*rebooked(days, organizer=ANN))]

    assert found == (["push"] if chained else ["dropped"])


@pytest.mark.parametrize(("firm", "chained"), [(13, True), (14, True), (15, False)])
def test_the_new_meeting_must_be_firm_within_the_14_days(firm: int, chained: bool) -> None:
    found = [kind for kind, _, _ in acts(*rebooked(0, firm=firm, organizer=ANN), as_of=at("17 Mar 18:00"))]

    assert found == (["push"] if chained else ["dropped"])


def test_the_time_of_the_answer_counts_not_of_its_sight() -> None:
    old, _ = rebooked(3, organizer=ANN)
    answered = replace(hour("30 Mar 10:00"), people=(person(ANN, "yes", answered_at=at("15 Mar 09:00")), person(REP)))
    new = told("new", ("4 Mar 12:00", hour("30 Mar 10:00", SILENT)), ("17 Mar 08:00", answered))

    assert [k for k, _, _ in acts(old, new, as_of=at("17 Mar 18:00"))] == ["push"]


def test_a_chain_needs_a_buyer_in_common() -> None:
    assert acts(*rebooked(3, {BOB: "yes"})) == [("you dropped it", 0, UNKNOWN)]
    assert acts(*rebooked(3, {BOB: "yes"}, before={ANN: "yes", BOB: "maybe"})) == [("push", 0, UNKNOWN)]


def test_a_silent_buyer_ties_no_chain_together() -> None:
    assert acts(*rebooked(3, {BOB: "yes"}, before={ANN: "yes", BOB: ""})) == [("you dropped it", 0, UNKNOWN)]
    assert acts(*rebooked(3, {BOB: "yes", ANN: ""})) == [("you dropped it", 0, UNKNOWN)]


def test_a_meeting_known_before_the_cancellation_continues_nothing() -> None:
    assert "push" not in [kind for kind, _, _ in acts(*rebooked(-1))]


def test_a_meeting_of_the_baseline_continues_nothing() -> None:
    old, _ = rebooked(3)

    assert acts(old, met("new", slot("30 Mar 10:00", 60), YES, seen="4 Mar 12:00")) == [("you dropped it", 0, UNKNOWN)]


def test_a_chain_has_one_booking_its_first() -> None:
    held = met("h", slot("28 Feb 10:00", 60), YES)

    assert [kind for kind, _, _ in acts(held, *rebooked(3))] == ["push"]


def test_a_chain_that_first_becomes_firm_with_its_second_meeting_is_booked_then() -> None:
    held = met("h", slot("28 Feb 10:00", 60), YES)

    found = result(held, *rebooked(3, before={ANN: "maybe"}))

    assert [(a.kind, a.points, a.on.day) for a in found.acts] == [("booked again", 10, 4), ("push", 0, 4)]


def test_the_pushes_of_a_chain_are_counted_through() -> None:
    first = hour("20 Mar 10:00", {}, ANN)
    later = hour("21 Mar 10:00", {}, ANN)
    old = copy(
        "old",
        version("1 Jan 08:00", first),
        version("1 Mar 12:00", later, after="28 Feb 12:00"),
        version("2 Mar 12:00", gone(later), after="1 Mar 12:00"),
    )
    new = told("new", ("3 Mar 12:00", hour("25 Mar 10:00", {}, ANN)), ("4 Mar 12:00", hour("26 Mar 10:00", {}, ANN)))

    assert acts(old, new) == [("push", 0, BUYER), ("push", -5, BUYER), ("push", -5, BUYER)]


def test_a_meeting_that_every_seller_declined_and_booked_again_is_a_move() -> None:
    versions = [
        version("1 Jan 08:00", hour("20 Mar 10:00")),
        version("1 Mar 12:00", hour("20 Mar 10:00", {ANN: "yes", REP: "no"}), after="28 Feb 12:00"),
    ]

    assert acts(copy("old", *versions), rebooked(3)[1]) == [("push", 0, UNKNOWN)]


def test_an_ended_series_that_is_booked_again_moves_from_its_next_date() -> None:
    weekly = series("1 Jan 08:00", dates("8 Jan 10:00", 20), YES)
    cut = series("1 Mar 12:00", dates("8 Jan 10:00", 8), YES, after="28 Feb 12:00")  # until 26 February
    new = copy("t", series("2 Mar 12:00", dates("6 Mar 10:00", 20), YES, after="1 Mar 12:00"))

    act = one(copy("s", weekly, cut), new)

    assert (act.kind, act.days) == ("push", 1)  # from Thu 5 March to Fri 6 March


def test_a_cancelled_date_of_a_series_that_is_booked_again_is_a_move() -> None:
    weekly = copy("s", series("1 Jan 08:00", dates("19 Mar 10:00", 8), YES, minutes=60))
    off = copy(
        "s", version("1 Mar 12:00", gone(hour("19 Mar 10:00")), after="28 Feb 12:00"), original_start=at("19 Mar 10:00")
    )

    act = one(weekly, off, told("new", ("3 Mar 12:00", hour("20 Mar 10:00"))))

    assert (act.kind, act.days, act.uid) == ("push", 1, "new")


def test_an_all_day_meeting_moves_by_its_date() -> None:
    day = state(all_day(date(2026, 3, 20)), YES)
    old = copy("old", version("1 Jan 08:00", day), version("1 Mar 12:00", gone(day), after="28 Feb 12:00"))

    assert one(old, rebooked(3)[1]).days == 10


# --- dropped ----------------------------------------------------------------------------------------------------------


def dropped(*states: tuple[str, State], as_of: str = "16 Mar 18:00") -> list[tuple[str, float, int]]:
    versions = [version(seen, what, after=None if n == 0 else "1 Jan 08:00") for n, (seen, what) in enumerate(states)]
    found = result(copy("m", *versions), as_of=at(as_of))
    return [(a.kind, a.points, a.on.day) for a in found.acts]


FIRM = ("1 Jan 08:00", hour("30 Mar 10:00"))
DROP = [("dropped", -10, 16)]


def test_a_firm_meeting_that_the_buyer_cancels_is_dropped() -> None:
    theirs = hour("30 Mar 10:00", {}, ANN)

    assert dropped(("1 Jan 08:00", theirs), ("2 Mar 12:00", gone(theirs))) == DROP


def test_a_firm_meeting_that_vanishes_from_a_buyers_calendar_is_dropped() -> None:
    theirs = hour("30 Mar 10:00", {}, ANN)

    assert dropped(("1 Jan 08:00", theirs), ("2 Mar 12:00", gone(theirs, EventStatus.VANISHED))) == DROP


def test_a_firm_meeting_that_every_firm_buyer_declines_is_dropped() -> None:
    both = hour("30 Mar 10:00", {ANN: "yes", BOB: "yes", CFO: ""})

    assert (
        dropped(("1 Jan 08:00", both), ("2 Mar 12:00", hour("30 Mar 10:00", {ANN: "no", BOB: "no", CFO: ""}))) == DROP
    )
    assert dropped(("1 Jan 08:00", both), ("2 Mar 12:00", hour("30 Mar 10:00", {ANN: "no", BOB: "yes", CFO: ""}))) == []


def test_a_drop_counts_from_the_day_the_last_firm_buyer_declined() -> None:
    both, one_left = hour("30 Mar 10:00", {ANN: "yes", BOB: "yes"}), hour("30 Mar 10:00", {ANN: "no", BOB: "yes"})
    none_left = hour("30 Mar 10:00", {ANN: "no", BOB: "no"})

    assert dropped(("1 Jan 08:00", both), ("25 Feb 12:00", one_left), ("2 Mar 12:00", none_left)) == DROP


@pytest.mark.parametrize(("as_of", "found"), [("15 Mar 23:59", []), ("16 Mar 00:00", DROP), ("17 Mar 12:00", DROP)])
def test_a_drop_is_charged_on_day_14(as_of: str, found: list[object]) -> None:
    assert dropped(FIRM, ("2 Mar 12:00", hour("30 Mar 10:00", NO)), as_of=as_of) == found


def test_an_old_answer_of_somebody_else_brings_no_drop_forward() -> None:
    bob = person(BOB, "maybe", answered_at=at("1 Feb 09:00"))
    yes = replace(hour("30 Mar 10:00"), people=(person(ANN, "yes"), bob, person(REP)))
    no = replace(hour("30 Mar 10:00"), people=(person(ANN, "no"), bob, person(REP)))

    assert dropped(("1 Jan 08:00", yes), ("15 Mar 12:00", no)) == []


def test_a_decline_counts_from_its_time_where_it_is_known() -> None:
    no = replace(hour("30 Mar 10:00"), people=(person(ANN, "no", answered_at=at("1 Mar 09:00")), person(REP)))

    assert dropped(FIRM, ("3 Mar 12:00", no)) == [("dropped", -10, 15)]


@pytest.mark.parametrize(("again", "found"), [("15 Mar 12:00", []), ("16 Mar 12:00", []), ("17 Mar 12:00", DROP)])
def test_an_acceptance_anew_saves_it_until_day_14(again: str, found: list[object]) -> None:
    declined = ("2 Mar 12:00", hour("30 Mar 10:00", NO))

    assert dropped(FIRM, declined, (again, hour("30 Mar 10:00")), as_of="18 Mar 18:00") == found


@pytest.mark.parametrize(("day", "found"), [(15, []), (16, []), (17, ["dropped"])])
def test_another_meeting_of_the_same_buyer_saves_it_until_day_14(day: int, found: list[str]) -> None:
    declined = copy("m", version(*FIRM), version("2 Mar 12:00", hour("30 Mar 10:00", NO), after="1 Mar 12:00"))
    new = told("new", (f"{day} Mar 12:00", hour("2 Apr 10:00")))

    assert [kind for kind, _, _ in acts(declined, new, as_of=at("18 Mar 18:00"))] == found


def test_a_decline_before_any_acceptance_is_an_honest_no() -> None:
    assert dropped(("1 Jan 08:00", hour("30 Mar 10:00", SILENT)), ("1 Mar 12:00", hour("30 Mar 10:00", NO))) == []


def test_a_decline_with_another_proposal_is_no_drop() -> None:
    other = replace(hour("30 Mar 10:00"), people=(person(ANN, "no", proposed=slot("1 Apr 10:00", 60)), person(REP)))

    assert dropped(FIRM, ("1 Mar 12:00", other)) == []


def test_what_the_seller_cancels_is_listed_and_costs_nothing() -> None:
    r = result(copy("m", version(*FIRM), version("2 Mar 12:00", gone(hour("30 Mar 10:00")), after="1 Mar 12:00")))

    assert [(a.kind, a.points, a.by) for a in r.acts] == [("you dropped it", 0, UNKNOWN)]
    assert (r.dropped, r.dropped_by_seller) == (0, 1)


def test_what_every_seller_declines_counts_as_cancelled_by_the_seller() -> None:
    assert dropped(FIRM, ("2 Mar 12:00", hour("30 Mar 10:00", {ANN: "yes", REP: "no"}))) == [("you dropped it", 0, 16)]


def test_one_date_of_a_living_series_is_no_drop() -> None:
    weekly = dates("19 Mar 10:00", 8)
    first = series("1 Jan 08:00", weekly, {}, organizer=ANN)

    assert (
        acts(
            copy(
                "s", first, series("1 Mar 12:00", weekly[1:], {}, organizer=ANN, since=weekly[0], after="28 Feb 12:00")
            )
        )
        == []
    )


def test_ending_a_series_is_a_drop() -> None:
    weekly = dates("19 Feb 10:00", 20)
    first = series("1 Jan 08:00", weekly, {}, organizer=ANN)
    cut = series("1 Mar 12:00", weekly[:2], {}, organizer=ANN, after="28 Feb 12:00")
    off = replace(cut, state=gone(cut.state))

    assert acts(copy("s", first, cut)) == [("dropped", -10, BUYER)]
    assert acts(copy("s", first, off)) == [("dropped", -10, BUYER)]


def test_an_answer_that_a_move_resets_is_no_drop() -> None:
    assert dropped(FIRM, ("1 Mar 12:00", hour("31 Mar 10:00", SILENT))) == [("push", 0, 1)]


# --- R ----------------------------------------------------------------------------------------------------------------


def test_an_account_that_never_had_a_firm_meeting_has_nothing() -> None:
    assert result(met("m", SOON, {ANN: "maybe"})).points == 0


def test_an_account_that_once_had_a_firm_meeting_starts_from_fifty() -> None:
    assert result(HELD).points == 50
    assert (
        result(copy("m", version(*FIRM), version("15 Mar 12:00", hour("30 Mar 10:00", NO), after=FIRM[0]))).points == 50
    )


def test_one_firm_date_of_a_series_is_a_firm_meeting() -> None:
    weekly = copy("s", series("1 Jan 08:00", dates("19 Feb 10:00", 8), SILENT))
    accepted = copy(
        "s", version("1 Jan 08:00", state(slot("19 Feb 10:00", 30), YES)), original_start=at("19 Feb 10:00")
    )

    assert result(weekly, accepted).points == 50


def test_an_act_is_halved_every_21_days() -> None:
    r = result(HELD, met("m", slot("30 Mar 10:00", 60), YES, created="2 Mar 12:00"), as_of=at("23 Mar 18:00"))

    assert r.points == pytest.approx(55)  # 50 + 10 x .5^(21/21)


def test_points_stay_between_nought_and_a_hundred() -> None:
    held = [
        met(f"h{n}", slot(f"{n + 5} Mar 10:00", 60), {}, organizer=ANN, created=f"{n + 5} Mar 08:00") for n in range(8)
    ]
    good = result(*held)
    pushes = [f"{at('20 Mar 10:00') + timedelta(days=n):%d %b %H:%M}" for n in range(14)]
    bad = result(moved(*pushes, organizer=ANN))

    assert sum(a.now for a in good.acts) > 50
    assert sum(a.now for a in bad.acts) < -35
    assert (good.points, bad.points >= 0) == (100, True)
