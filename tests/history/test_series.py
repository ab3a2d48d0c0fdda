"""A series and its occurrences: one change for what happens once, and each date on its own where it stands apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from calsignal.history import Meeting
from calsignal.model import Actor, Answer, ChangeKind, Copy, EventStatus, Moment, Slot, Version
from worlds import (
    ANN,
    BOB,
    REP,
    TWO,
    at,
    copy,
    dates,
    gone,
    kinds,
    news,
    series,
    slot,
    state,
    told,
    version,
    zone,
)

SEEN, AFTER, LATER = "10 Mar 08:00", "11 Mar 08:00", "12 Mar 08:00"
WEEKLY = dates("5 Mar 10:00", 5)  # 5, 12, 19, 26 March, 2 April
"""One of them past at first sight, four ahead of it; at the later sight (before 10:00) the 12th still lies ahead."""


def starts(found: tuple[Meeting, ...]) -> dict[str, str]:
    """Return which dates are on, and when they begin; by original start."""
    return {
        f"{m.original_start:%d %b}": f"{m.now.merged.slot.start:%d %b %H:%M}"
        for m in found
        if not m.now.merged.status.gone and m.original_start is not None
    }


def whole(found: tuple[Meeting, ...]) -> list[tuple[ChangeKind, int | None]]:
    """Return kind and days of the changes of the series itself."""
    assert found[0].series is not None
    return [(c.kind, c.days) for c in found[0].series.changes]


# --- occurrences ------------------------------------------------------------------------------------------------------


def test_each_date_of_a_series_is_a_meeting() -> None:
    found = told([copy("s", series(SEEN, WEEKLY, {ANN: "yes"}))])

    assert [m.original_start for m in found] == list(WEEKLY)
    assert {m.now.merged.slot.duration for m in found} == {timedelta(minutes=30)}
    assert news(found) == []


def test_the_dates_of_a_series_reach_as_far_as_the_calendar_was_looked_at() -> None:
    far = dates("5 Mar 10:00", 60)

    found = told([copy("s", series(SEEN, far, {ANN: "yes"}), sight="12 Mar 10:00")])

    assert found[-1].original_start == at("3 Sep 10:00")  # 180 days after the sight: 8 Sep 10:00, not included


def test_a_new_series_is_created_once() -> None:
    found = told([copy("s", series(LATER, WEEKLY, {ANN: "yes"}, after=AFTER), created="11 Mar 17:00")])

    [change] = news(found)
    assert (change.kind, change.original_start, change.at) == (ChangeKind.CREATED, None, at("11 Mar 17:00"))


def test_a_new_series_with_a_moved_date_is_created_once() -> None:
    master = copy("s", series(LATER, WEEKLY, {ANN: "yes"}, after=AFTER))
    moved = copy(
        "s",
        version(LATER, state(slot("20 Mar 10:00", 30), {ANN: "yes"}), after=AFTER),
        original_start=WEEKLY[2],
    )

    assert sorted(kinds(told([master, moved]))) == ["created", "moved"]


def test_dates_that_come_into_sight_are_no_news() -> None:
    more = series(LATER, dates("5 Mar 10:00", 8), {ANN: "maybe"}, after=AFTER)

    found = told([copy("s", series(SEEN, WEEKLY, {ANN: "yes"}), more)])

    assert len(found) == 8
    assert [(c.kind, c.original_start) for c in news(found)] == [(ChangeKind.ANSWER_CHANGED, None)]


def test_an_answer_to_the_series_is_one_change_and_holds_for_every_date_ahead() -> None:
    found = told([copy("s", series(SEEN, WEEKLY, {ANN: ""}), series(LATER, WEEKLY, {ANN: "yes"}, after=AFTER))])

    assert whole(found) == [(ChangeKind.ANSWER_CHANGED, None)]
    answers = [p.answer for m in found for p in m.now.merged.people if p.person == ANN]
    assert answers == [Answer.NONE] + 4 * [Answer.ACCEPTED]  # the 5th stays as last seen


def test_past_dates_stay_as_last_seen() -> None:
    moved = tuple(d + timedelta(days=1) for d in WEEKLY)
    versions = [
        series(SEEN, WEEKLY, {ANN: "yes"}),
        series(LATER, moved, {ANN: "yes"}, after=AFTER),
        replace(series("20 Mar 08:00", moved, {ANN: "no"}, after=LATER), state=gone(state(slot("6 Mar 10:00", 30)))),
    ]

    found = told([copy("s", *versions)])

    assert starts(found) == {"05 Mar": "05 Mar 10:00", "13 Mar": "13 Mar 10:00"}


# --- one occurrence apart ---------------------------------------------------------------------------------------------


def apart(seen: str, start: str, original: Moment = WEEKLY[2], answer: str = "yes", **more: Any) -> Copy:  # noqa: ANN401
    """Return the copy of a date that is listed apart."""
    what = state(slot(start, 30), {ANN: answer}, **more)
    return copy("s", version(seen, what, after=AFTER), original_start=original)


MASTER = copy("s", series(SEEN, WEEKLY, {ANN: "yes"}))


def test_a_moved_instance_is_one_change() -> None:
    found = told([MASTER, apart(LATER, "20 Mar 10:00")])

    [change] = news(found)
    assert (change.kind, change.original_start, change.days) == (ChangeKind.MOVED, WEEKLY[2], 1)
    assert starts(found)["19 Mar"] == "20 Mar 10:00"


def test_an_instance_that_was_moved_before_we_watched_is_known_by_its_original_start() -> None:
    before = copy("s", version(SEEN, state(slot("20 Mar 10:00", 30), {ANN: "yes"})), original_start=WEEKLY[2])

    [change] = news(told([MASTER, before]))

    assert (change.kind, change.days, change.not_before) == (ChangeKind.MOVED, 1, None)


def test_an_instance_that_stands_apart_unmoved_is_no_news() -> None:
    assert news(told([MASTER, apart(LATER, "19 Mar 10:00")])) == []


def test_a_cancelled_instance_is_one_change() -> None:
    found = told([MASTER, apart(LATER, "19 Mar 10:00", status=EventStatus.CANCELLED)])

    [change] = news(found)
    assert (change.kind, change.original_start) == (ChangeKind.CANCELLED, WEEKLY[2])
    assert "19 Mar" not in starts(found)


def test_an_answer_to_one_instance_is_its_own() -> None:
    found = told([MASTER, apart(LATER, "19 Mar 10:00", answer="no")])

    [change] = news(found)
    assert (change.kind, change.original_start) == (ChangeKind.ANSWER_CHANGED, WEEKLY[2])


def test_what_the_series_says_later_leaves_an_instance_apart_alone() -> None:
    master = copy("s", series(SEEN, WEEKLY, {ANN: "yes"}), series("13 Mar 08:00", WEEKLY, {ANN: "no"}, after=LATER))

    found = told([master, apart(LATER, "20 Mar 10:00")])

    ann = {m.original_start: p.answer for m in found for p in m.now.merged.people if p.person == ANN}
    assert ann[WEEKLY[2]] is Answer.ACCEPTED
    assert ann[WEEKLY[3]] is Answer.DECLINED


def test_an_override_that_is_withdrawn_falls_back_into_the_series() -> None:
    moved = state(slot("20 Mar 10:00", 30), {ANN: "yes"})
    override = copy(
        "s",
        version(LATER, moved, after=AFTER),
        version("13 Mar 08:00", gone(moved, EventStatus.VANISHED), after=LATER),
        original_start=WEEKLY[2],
    )

    found = told([MASTER, override])

    assert starts(found)["19 Mar"] == "19 Mar 10:00"
    assert [(c.kind, c.days) for c in news(found)] == [(ChangeKind.MOVED, 1), (ChangeKind.MOVED, -1)]


def test_an_override_that_leaves_with_its_date_has_vanished() -> None:
    moved = state(slot("20 Mar 10:00", 30), {ANN: "yes"})
    without = tuple(d for d in WEEKLY if d != WEEKLY[2])
    copies = [
        copy("s", series(SEEN, WEEKLY, {ANN: "yes"}), series("13 Mar 08:00", without, {ANN: "yes"}, after=LATER)),
        copy(
            "s",
            version(LATER, moved, after=AFTER),
            version("13 Mar 08:00", gone(moved, EventStatus.VANISHED), after=LATER),
            original_start=WEEKLY[2],
        ),
    ]

    found = told(copies)

    assert "19 Mar" not in starts(found)
    assert kinds(found) == ["moved", "vanished"]


def test_an_override_without_its_series_is_a_single_meeting() -> None:
    orphan = copy(
        "s",
        version(LATER, state(slot("20 Mar 10:00", 30), {ANN: "yes"}), after=AFTER),
        original_start=WEEKLY[2],
        created="2 Mar 12:00",
    )

    [meeting] = told([orphan])

    assert meeting.series is None
    assert meeting.created == at("2 Mar 12:00")
    assert [c.kind for c in meeting.changes] == [ChangeKind.CREATED, ChangeKind.MOVED]


def test_an_override_of_a_cancelled_series_goes_with_it() -> None:
    off = replace(series("13 Mar 08:00", WEEKLY, {ANN: "yes"}, after=LATER))
    master = copy("s", series(SEEN, WEEKLY, {ANN: "yes"}), replace(off, state=gone(off.state)))

    found = told([master, apart(LATER, "20 Mar 10:00")])

    assert starts(found) == {"05 Mar": "05 Mar 10:00", "12 Mar": "12 Mar 10:00"}
    assert kinds(found) == ["moved", "cancelled"]


def test_an_override_that_is_shown_after_its_series_was_cancelled_stays() -> None:
    off = replace(series(LATER, WEEKLY, {ANN: "yes"}, after=AFTER))
    master = copy("s", series(SEEN, WEEKLY, {ANN: "yes"}), replace(off, state=gone(off.state)))

    found = told([master, apart(LATER, "20 Mar 10:00")])

    assert starts(found)["19 Mar"] == "20 Mar 10:00"


def test_a_past_override_of_a_cancelled_series_stays_as_last_seen() -> None:
    off = replace(series("21 Mar 08:00", WEEKLY, {ANN: "yes"}, after=LATER))
    master = copy("s", series(SEEN, WEEKLY, {ANN: "yes"}), replace(off, state=gone(off.state)))

    found = told([master, apart(LATER, "20 Mar 10:00")], as_of=at("21 Mar 08:00"))

    assert starts(found)["19 Mar"] == "20 Mar 10:00"


def test_days_are_known_by_their_date() -> None:
    days = (date(2026, 3, 12), date(2026, 3, 19))
    master = version(
        SEEN,
        replace(state(Slot(days[0], date(2026, 3, 13)), {ANN: "yes"}), recurrence="RRULE"),
        occurrences=days,
    )
    timed = copy(
        "s", version(LATER, state(slot("19 Mar 10:00", 30), {ANN: "yes"}), after=AFTER), original_start=days[1]
    )

    found = told([copy("s", master), timed])

    assert [m.now.merged.slot.all_day for m in found] == [True, False]
    assert [(c.kind, c.days) for c in news(found)] == [(ChangeKind.MOVED, 0)]


# --- what happens to the series as a whole ----------------------------------------------------------------------------


def replaced(
    new: tuple[datetime, ...],
    *,
    answers: Mapping[str, str] = {ANN: "yes"},
    since: datetime | None = None,
    minutes: int = 30,
) -> tuple[Meeting, ...]:
    """Return the weekly series after it was given other dates."""
    return told(
        [
            copy(
                "s",
                series(SEEN, WEEKLY, {ANN: "yes"}),
                series(LATER, new, answers, after=AFTER, since=since, minutes=minutes),
            )
        ]
    )


@pytest.mark.parametrize("days", [1, 3, -1])
def test_a_series_that_moves_is_one_change(days: int) -> None:
    found = replaced(tuple(d + timedelta(days=days) for d in WEEKLY))

    assert whole(found) == [(ChangeKind.SERIES_MOVED, days)]
    assert kinds(found) == ["series_moved"]
    assert list(starts(found).values()) == ["05 Mar 10:00"] + [
        f"{d + timedelta(days=days):%d %b %H:%M}" for d in WEEKLY[1:]
    ]


def test_the_dates_of_a_moved_series_keep_their_history() -> None:
    found = replaced(tuple(d + timedelta(days=1) for d in WEEKLY))

    shown = [m for m in found if len(m.states) > 1]
    assert [(m.states[0].merged.slot.start, m.now.merged.slot.start) for m in shown] == [
        (d, d + timedelta(days=1)) for d in WEEKLY[1:]
    ]
    assert starts(found)["05 Mar"] == "05 Mar 10:00"


@pytest.mark.parametrize("days", [7, 14, -7])
def test_a_series_that_has_not_begun_moves_as_its_first_date_does(days: int) -> None:
    ahead = dates("26 Mar 10:00", 5)
    moved = tuple(d + timedelta(days=days) for d in ahead)

    found = told([copy("s", series(SEEN, ahead, {ANN: "yes"}), series(LATER, moved, {ANN: "yes"}, after=AFTER))])

    assert kinds(found) == ["series_moved"]
    assert whole(found) == [(ChangeKind.SERIES_MOVED, days)]
    assert [m.now.merged.slot.start for m in found] == list(moved)
    assert [m.states[0].merged.slot.start for m in found] == list(ahead)


@pytest.mark.parametrize("first", [1, 2])
def test_a_series_whose_past_is_cut_off_has_not_moved(first: int) -> None:
    found = replaced((*WEEKLY[first:], *dates("9 Apr 10:00", 1)))

    assert "series_moved" not in kinds(found)
    assert "26 Mar" in starts(found)


def test_a_series_whose_rule_moves_while_it_says_the_same_first_date_has_moved() -> None:
    fridays = tuple(d + timedelta(days=1) for d in WEEKLY[1:])

    found = replaced(fridays, since=WEEKLY[0])

    assert kinds(found) == ["series_moved"]
    assert whole(found) == [(ChangeKind.SERIES_MOVED, 1)]
    assert starts(found) == {"05 Mar": "05 Mar 10:00"} | {f"{d:%d %b}": f"{d:%d %b %H:%M}" for d in fridays}


def test_a_move_of_the_series_resets_answers_once() -> None:
    found = replaced(tuple(d + timedelta(days=1) for d in WEEKLY), answers={ANN: ""})

    assert kinds(found) == ["response_reset", "series_moved"]
    assert all(ANN in m.now.lapsed for m in found if m.original_start and m.original_start > at(LATER))


def test_a_series_that_keeps_its_local_time_over_dst_has_not_moved() -> None:
    berlin = zone("Europe/Berlin")
    before = (at("26 Mar 10:00", berlin), at("2 Apr 10:00", berlin), at("9 Apr 10:00", berlin))

    found = told(
        [copy("s", series(SEEN, before, {ANN: "yes"}), series(LATER, before[1:], {ANN: "yes"}, since=before[0]))],
        zone=berlin,
    )

    assert [d.hour for d in before] == [9, 8, 8]
    assert "series_moved" not in kinds(found)


def test_a_date_that_stands_where_the_series_moves_to_stays() -> None:
    friday = copy("s", version(SEEN, state(slot("20 Mar 10:00", 30), {BOB: "yes"})), original_start=at("20 Mar 10:00"))
    moved = series(LATER, tuple(d + timedelta(days=1) for d in WEEKLY), {ANN: "yes"}, after=AFTER)

    found = told([copy("s", series(SEEN, WEEKLY, {ANN: "yes"}), moved), friday])

    on = [m for m in found if m.now.merged.slot.start == at("20 Mar 10:00") and not m.now.merged.status.gone]
    assert [[p.person for p in m.now.merged.people] for m in on] == [[BOB, REP]]


def test_a_longer_series_is_a_change_of_duration_once() -> None:
    found = replaced(WEEKLY, minutes=60)

    assert whole(found) == [(ChangeKind.DURATION_CHANGED, None)]
    assert kinds(found) == ["duration_changed"]
    assert {m.now.merged.slot.duration for m in found[1:]} == {timedelta(hours=1)}


def test_a_cancelled_series_is_one_change() -> None:
    off = series(LATER, WEEKLY, {ANN: "yes"}, after=AFTER)

    found = told([copy("s", series(SEEN, WEEKLY, {ANN: "yes"}), replace(off, state=gone(off.state)))])

    assert kinds(found) == ["cancelled"]
    assert whole(found) == [(ChangeKind.CANCELLED, None)]
    assert starts(found) == {"05 Mar": "05 Mar 10:00"}


def test_a_restored_series_is_one_change() -> None:
    off = series(LATER, WEEKLY, {ANN: "yes"}, after=AFTER)
    back = series("13 Mar 08:00", WEEKLY, {ANN: "yes"}, after=LATER)

    found = told([copy("s", series(SEEN, WEEKLY, {ANN: "yes"}), replace(off, state=gone(off.state)), back)])

    assert kinds(found) == ["cancelled", "restored"]
    assert "19 Mar" in starts(found)


def test_a_date_taken_out_of_the_series_is_cancelled() -> None:
    found = replaced((WEEKLY[0], WEEKLY[1], *WEEKLY[3:]))

    [change] = news(found)
    assert (change.kind, change.original_start) == (ChangeKind.CANCELLED, WEEKLY[2])
    assert "19 Mar" not in starts(found)
    assert found[0].series is not None
    assert not found[0].series.now.merged.status.gone


def test_each_date_taken_out_of_the_series_in_turn_is_told() -> None:
    out = [tuple(d for d in WEEKLY if d not in gaps) for gaps in ([WEEKLY[2]], WEEKLY[2:4])]

    found = told(
        [
            copy(
                "s",
                series(SEEN, WEEKLY, {ANN: "yes"}),
                series(LATER, out[0], {ANN: "yes"}, after=AFTER),
                series("13 Mar 08:00", out[1], {ANN: "yes"}, after=LATER),
            )
        ]
    )

    assert [(c.kind, c.original_start) for c in news(found)] == [
        (ChangeKind.CANCELLED, WEEKLY[2]),
        (ChangeKind.CANCELLED, WEEKLY[3]),
    ]


def test_a_date_that_the_series_takes_back_is_restored() -> None:
    found = told(
        [
            copy(
                "s",
                series(SEEN, WEEKLY, {ANN: "yes"}),
                series(LATER, (*WEEKLY[:2], *WEEKLY[4:]), {ANN: "yes"}, after=AFTER),
                series("13 Mar 08:00", WEEKLY, {ANN: "yes"}, after=LATER),
            )
        ]
    )

    assert [(c.kind, c.original_start) for c in news(found)] == [
        (ChangeKind.CANCELLED, WEEKLY[2]),
        (ChangeKind.RESTORED, WEEKLY[2]),
    ]
    assert len(starts(found)) == 5


def test_a_date_that_a_moved_series_takes_back_is_restored_and_not_moved_once_more() -> None:
    tuesdays = tuple(d + timedelta(days=1) for d in WEEKLY)

    found = told(
        [
            copy(
                "s",
                series(SEEN, WEEKLY, {ANN: "yes"}),
                series("13 Mar 08:00", tuesdays, {ANN: "yes"}, after=LATER),
            ),
            copy(
                "s",
                version(SEEN, state(Slot(WEEKLY[2], WEEKLY[2] + timedelta(minutes=30)), {ANN: "yes"})),
                version(LATER, gone(state(Slot(WEEKLY[2], WEEKLY[2] + timedelta(minutes=30)))), after=AFTER),
                original_start=WEEKLY[2],
            ),
        ]
    )

    assert kinds(found) == ["cancelled", "series_moved", "restored"]


def test_a_series_cut_before_its_last_dates_lives_on() -> None:
    found = replaced(WEEKLY[:3])

    assert list(starts(found)) == ["05 Mar", "12 Mar", "19 Mar"]
    assert found[0].series is not None
    assert not found[0].series.now.merged.status.gone


def test_a_series_cut_so_that_nothing_is_left_ahead_has_ended() -> None:
    found = replaced(WEEKLY[:1])

    assert kinds(found) == ["cancelled"]
    assert whole(found) == [(ChangeKind.CANCELLED, None)]
    assert starts(found) == {"05 Mar": "05 Mar 10:00"}


def test_a_series_that_comes_to_its_natural_end_is_not_cancelled() -> None:
    later = series("6 Apr 08:00", WEEKLY, {ANN: "yes", BOB: ""}, after="5 Apr 08:00")

    found = told([copy("s", series(SEEN, WEEKLY, {ANN: "yes"}), later)], as_of=at("6 Apr 08:00"))

    assert kinds(found) == ["person_added"]


def test_a_series_that_becomes_a_single_meeting_keeps_its_first_date() -> None:
    single = version(LATER, state(Slot(WEEKLY[0], WEEKLY[0] + timedelta(minutes=30)), {ANN: "yes"}), after=AFTER)

    found = told([copy("s", series(SEEN, WEEKLY, {ANN: "yes"}), single)])

    assert starts(found) == {"05 Mar": "05 Mar 10:00"}


# --- this and following: a split --------------------------------------------------------------------------------------


def split(
    second: tuple[datetime, ...], answers: dict[str, str] | None = None, mailbox: str = REP, seen: str = LATER
) -> list[Copy]:
    """Return both halves: the first is cut after 12 March, the second begins with other dates."""
    return [
        copy(
            "s",
            series(SEEN, WEEKLY, {ANN: "yes", TWO: "yes"}),
            series(seen, WEEKLY[:2], {ANN: "yes", TWO: "yes"}, after=AFTER),
            mailbox=mailbox,
            event="s",
        ),
        copy(
            "s",
            series(seen, second, {ANN: "yes", TWO: "yes"} if answers is None else answers, after=AFTER),
            mailbox=mailbox,
            event="s_R",
        ),
    ]


def test_a_split_is_neither_a_cancellation_nor_a_new_series() -> None:
    found = told(split(WEEKLY[2:]))

    assert whole(found) == [(ChangeKind.SERIES_SPLIT, None)]
    assert kinds(found) == ["series_split"]
    assert list(starts(found)) == ["05 Mar", "12 Mar", "19 Mar", "26 Mar", "02 Apr"]


def test_a_split_to_other_times_moves_the_rest_of_the_series_once() -> None:
    fridays = tuple(d + timedelta(days=1) for d in WEEKLY[2:])

    found = told(split(fridays))

    assert whole(found) == [(ChangeKind.SERIES_SPLIT, None), (ChangeKind.SERIES_MOVED, 1)]
    assert len(kinds(found)) == 2
    assert list(starts(found)) == ["05 Mar", "12 Mar", "20 Mar", "27 Mar", "03 Apr"]


def test_the_dates_of_the_second_half_keep_their_history() -> None:
    fridays = tuple(d + timedelta(days=1) for d in WEEKLY[2:])

    found = told(split(fridays))

    assert [m.states[0].merged.slot.start for m in found[2:]] == list(WEEKLY[2:])


def test_a_split_that_resets_answers_says_so_once() -> None:
    found = told(split(tuple(d + timedelta(days=1) for d in WEEKLY[2:]), {ANN: "", TWO: "yes"}))

    assert sorted(kinds(found)) == ["response_reset", "series_moved", "series_split"]


def test_a_second_calendar_repeats_no_split() -> None:
    fridays = tuple(d + timedelta(days=1) for d in WEEKLY[2:])

    found = told([*split(fridays), *split(fridays, mailbox=TWO, seen="12 Mar 08:05")])

    assert sorted(kinds(found)) == ["series_moved", "series_split"]
    assert list(starts(found)) == ["05 Mar", "12 Mar", "20 Mar", "27 Mar", "03 Apr"]


@pytest.mark.parametrize("mailboxes", [(REP,), (REP, TWO)])
def test_a_date_that_stood_apart_behind_a_split_is_told_no_more_than_once(mailboxes: tuple[str, ...]) -> None:
    fridays = tuple(d + timedelta(days=1) for d in WEEKLY[2:])
    apart = state(Slot(at("28 Mar 10:00"), at("28 Mar 10:30")), {ANN: "yes", TWO: "yes"})
    copies = []
    for minute, mailbox in enumerate(mailboxes):
        seen = f"12 Mar 08:0{minute}"
        versions = version(SEEN, apart), version(seen, gone(apart), after=AFTER)
        copies += split(fridays, mailbox=mailbox, seen=seen)
        copies.append(copy("s", *versions, mailbox=mailbox, original_start=WEEKLY[3]))

    found = told(copies, mailboxes=frozenset(mailboxes))

    assert kinds(found) == ["moved", "series_moved", "series_split"]
    assert list(starts(found)) == ["05 Mar", "12 Mar", "20 Mar", "27 Mar", "03 Apr"]


def test_two_halves_that_were_there_at_the_baseline_are_one_series() -> None:
    first = copy("s", series(SEEN, WEEKLY[:2], {ANN: "yes"}), event="s")
    second = copy("s", series(SEEN, WEEKLY[2:], {ANN: "yes"}), event="s_R")

    found = told([first, second])

    assert news(found) == []
    assert len(starts(found)) == 5


def test_a_first_half_that_is_deleted_later_ends_nothing() -> None:
    first, second = split(WEEKLY[2:])
    off = replace(first.versions[1], seen_at=at("13 Mar 08:00"), state=gone(first.versions[1].state))

    found = told([replace(first, versions=(*first.versions, off)), second])

    assert kinds(found) == ["series_split"]
    assert found[0].series is not None
    assert not found[0].series.now.merged.status.gone


def test_the_end_of_the_second_half_is_the_end_of_the_series() -> None:
    first, second = split(WEEKLY[2:])
    off = replace(second.versions[0], seen_at=at("13 Mar 08:00"), state=gone(second.versions[0].state))

    found = told([first, replace(second, versions=(*second.versions, off))])

    assert kinds(found) == ["series_split", "cancelled"]
    assert list(starts(found)) == ["05 Mar", "12 Mar"]
    assert found[0].series is not None
    assert found[0].series.now.merged.status is EventStatus.CANCELLED


FORTNIGHT = dates("12 Mar 10:00", 6)
"""Six dates, all ahead: 12, 19, 26 March, 2, 9 and 16 April."""
NEXT = "13 Mar 08:00"


def parted(*first: Version, second: tuple[Version, ...] = (), mailbox: str = REP, seen: str = LATER) -> list[Copy]:
    """Return a series cut after its third date, and what came of either half later."""
    everybody = {ANN: "yes", BOB: "yes"}
    cut = series(seen, FORTNIGHT[:3], everybody, after=AFTER)
    begun = series(seen, FORTNIGHT[3:], everybody, after=AFTER)
    return [
        copy("s", series(SEEN, FORTNIGHT, everybody), cut, *first, mailbox=mailbox, event="s"),
        copy("s", begun, *second, mailbox=mailbox, event="s_R"),
    ]


def half(starts: tuple[datetime, ...], answers: dict[str, str], seen: str = NEXT, **more: Any) -> Version:  # noqa: ANN401
    return series(seen, starts, answers, after=LATER, **more)


def after_the_split(copies: list[Copy]) -> list[tuple[ChangeKind, str | None, Moment | None]]:
    return [(c.kind, c.person, c.original_start) for c in news(told(copies)) if c.seen_at > at(LATER)]


def test_who_is_taken_off_the_first_half_is_told_once() -> None:
    found = after_the_split(parted(half(FORTNIGHT[:3], {ANN: "yes"})))

    assert found == [(ChangeKind.PERSON_REMOVED, BOB, FORTNIGHT[1])]


def test_who_is_asked_to_the_first_half_is_told_once() -> None:
    found = after_the_split(parted(half(FORTNIGHT[:3], {ANN: "yes", BOB: "yes", TWO: ""})))

    assert found == [(ChangeKind.PERSON_ADDED, TWO, FORTNIGHT[1])]


def test_a_second_calendar_does_not_repeat_what_happened_to_the_first_half() -> None:
    mine = parted(half(FORTNIGHT[:3], {ANN: "yes"}))
    theirs = parted(half(FORTNIGHT[:3], {ANN: "yes"}, "13 Mar 08:05"), mailbox=TWO, seen="12 Mar 08:05")

    found = [change for change in after_the_split([*mine, *theirs]) if change[0] is not ChangeKind.SERIES_SPLIT]

    assert [kind for kind, *_ in found] == [ChangeKind.PERSON_REMOVED]


def test_who_is_taken_off_both_halves_is_told_once_for_the_series() -> None:
    without = {ANN: "yes"}

    found = after_the_split(parted(half(FORTNIGHT[:3], without), second=(half(FORTNIGHT[3:], without),)))

    assert found == [(ChangeKind.PERSON_REMOVED, BOB, None)]


def test_who_is_taken_off_the_second_half_is_told_once_for_the_series() -> None:
    found = after_the_split(parted(second=(half(FORTNIGHT[3:], {ANN: "yes"}),)))

    assert found == [(ChangeKind.PERSON_REMOVED, BOB, None)]


def test_a_first_half_that_moves_and_is_answered_anew_says_each_once() -> None:
    fridays = tuple(d + timedelta(days=1) for d in FORTNIGHT[:3])

    found = told(parted(half(fridays, {ANN: "yes", BOB: ""}, since=FORTNIGHT[0])))

    assert [c.kind for c in news(found) if c.seen_at > at(LATER)].count(ChangeKind.RESPONSE_RESET) == 1
    assert ChangeKind.MOVED not in [c.kind for c in news(found)]


def test_a_first_half_that_is_called_off_tells_each_of_its_dates() -> None:
    off = half(FORTNIGHT[:3], {ANN: "yes", BOB: "yes"})

    found = told(parted(replace(off, state=gone(off.state))))

    cancelled = [(c.kind, c.original_start) for c in news(found) if c.seen_at > at(LATER)]
    assert cancelled == [(ChangeKind.CANCELLED, FORTNIGHT[1]), (ChangeKind.CANCELLED, FORTNIGHT[2])]
    assert list(starts(found)) == ["12 Mar", "02 Apr", "09 Apr", "16 Apr"]
    assert found[0].series is not None
    assert not found[0].series.now.merged.status.gone


# --- a date that stood apart when its series went elsewhere -----------------------------------------------------------


def stood_apart(*, series_too: bool) -> list[Copy]:
    """Return a series that another calendar shows moved by a day, and one date of it that stood apart in ours."""
    moved = tuple(d + timedelta(days=1) for d in WEEKLY)
    both = (series(SEEN, WEEKLY, {ANN: "yes"}), series(LATER, moved, {ANN: "yes"}, after=AFTER))
    there = state(Slot(WEEKLY[2], WEEKLY[2] + timedelta(minutes=30)), {ANN: "yes"})
    said = version(SEEN, there), version(AFTER, gone(there), after=SEEN)
    vanished = version("13 Mar 08:00", replace(there, status=EventStatus.VANISHED), after=LATER)
    apart = copy("s", *said, vanished, original_start=WEEKLY[2])
    ours = [copy("s", both[0], replace(both[1], seen_at=at("13 Mar 08:00")))] if series_too else []
    return [copy("s", *both, mailbox=TWO, event="s"), apart, *ours]


@pytest.mark.parametrize("series_too", [False, True])
def test_a_date_that_stood_apart_says_no_more_of_where_its_series_went(series_too: bool) -> None:
    found = told(stood_apart(series_too=series_too))

    assert starts(found)["20 Mar"] == "20 Mar 10:00"


# --- a split whose second half has a UID of its own -------------------------------------------------------------------

FRIDAYS = tuple(d + timedelta(days=1) for d in WEEKLY[2:])


def halves(second: tuple[datetime, ...] = FRIDAYS, **more: Any) -> list[Copy]:  # noqa: ANN401 # passed on
    """Return both halves, the second with a fresh UID."""
    one, other = split(second)
    return [one, replace(other, uid="fresh", **more)]


def test_a_split_with_a_fresh_uid_is_one_too() -> None:
    found = told(halves())

    assert whole(found) == [(ChangeKind.SERIES_SPLIT, None), (ChangeKind.SERIES_MOVED, 1)]
    assert len(kinds(found)) == 2
    assert {m.uid for m in found} == {"s"}
    assert list(starts(found)) == ["05 Mar", "12 Mar", "20 Mar", "27 Mar", "03 Apr"]


def test_a_second_half_may_have_a_second_half() -> None:
    first, second = halves(WEEKLY[2:])
    later = {ANN: "yes", TWO: "yes"}
    cut = series("13 Mar 08:00", WEEKLY[2:3], later, after=LATER)
    third = copy("third", series("13 Mar 08:00", WEEKLY[3:], later, after=LATER), event="third")

    found = told([first, replace(second, versions=(*second.versions, cut)), third])

    assert kinds(found) == ["series_split", "series_split"]
    assert {m.uid for m in found} == {"s"}
    assert len(starts(found)) == 5


def test_with_several_series_cut_at_once_the_title_tells_whose_half_it_is() -> None:
    first, second = halves(subject="Weekly")
    another = replace(first, uid="another", event="another", subject="Weekly")

    found = told([replace(first, subject="Daily"), another, second])

    assert {m.uid for m in found if m.original_start in FRIDAYS} == {"another"}


def test_a_cut_that_a_half_of_the_same_uid_explains_has_no_other_one() -> None:
    another = copy("other", series(LATER, FRIDAYS, {ANN: "yes", TWO: "yes", BOB: "yes"}, after=AFTER), event="a")

    found = told([*split(WEEKLY[2:]), another])

    assert {m.uid for m in found} == {"s", "other"}


def test_a_cut_makes_one_second_half() -> None:
    first, second = halves()
    longer = replace(first, uid="longer", event="longer")
    later = series(LATER, WEEKLY[:4], {ANN: "yes", TWO: "yes"}, after=AFTER)
    another = copy("other", series(LATER, FRIDAYS[1:], {ANN: "yes", TWO: "yes"}, after=AFTER), event="other")

    found = told([first, replace(longer, versions=(longer.versions[0], later)), second, another])

    assert {m.uid for m in found if m.original_start == FRIDAYS[0]} == {"s"}
    assert {m.uid for m in found if m.original_start == FRIDAYS[1]} == {"s", "longer"}


@pytest.mark.parametrize(
    "second",
    [
        pytest.param(halves(WEEKLY[1:])[1], id="it begins before the cut"),
        pytest.param(replace(halves()[1], baseline=True), id="it was there before we watched"),
        pytest.param(replace(halves()[1], calendar="another"), id="another calendar shows it"),
        pytest.param(copy("fresh", series(LATER, FRIDAYS, {BOB: "yes"}, after=AFTER)), id="it is with other people"),
        pytest.param(
            copy("fresh", series(LATER, FRIDAYS, {ANN: "yes", TWO: "yes"}, organizer=ANN, after=AFTER)),
            id="somebody else organises it",
        ),
        pytest.param(
            copy("fresh", series("13 Mar 08:00", FRIDAYS, {ANN: "yes", TWO: "yes"}, after=LATER)),
            id="it comes a sync later",
        ),
    ],
)
def test_another_series_is_no_second_half(second: Copy) -> None:
    found = told([halves()[0], second])

    assert "series_split" not in kinds(found)
    assert {m.uid for m in found} == {"s", "fresh"}


def test_a_series_booked_after_one_that_ended_is_no_second_half() -> None:
    ended = copy("s", series(SEEN, WEEKLY[:2], {ANN: "yes"}))
    booked = copy("fresh", series(LATER, WEEKLY[2:], {ANN: "yes"}, after=AFTER))

    found = told([ended, booked])

    assert kinds(found) == ["created"]


# --- who --------------------------------------------------------------------------------------------------------------


def test_a_series_of_the_buyers_is_moved_by_the_buyer() -> None:
    moved = tuple(d + timedelta(days=1) for d in WEEKLY)
    copies = [
        copy(
            "s",
            series(SEEN, WEEKLY, {}, organizer=ANN),
            series(LATER, moved, {}, organizer=ANN, after=AFTER),
        )
    ]

    assert [c.by for c in news(told(copies))] == [Actor.BUYER]
