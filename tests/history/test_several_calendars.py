"""One meeting in several calendars: nothing is repeated, nothing is invented, and order does not matter."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations

import pytest

from calsignal.history import Meeting
from calsignal.merge import normalise_uid
from calsignal.model import Answer, Capability, ChangeKind, Copy, EventStatus
from worlds import ANN, REP, TWO, at, copy, dates, gone, kinds, news, series, slot, state, told, version

BOTH = {ANN: "yes", TWO: "yes"}
BEFORE = state(slot("19 Mar 10:00", 60), BOTH)
AFTER = state(slot("26 Mar 10:00", 60), BOTH)
WEEKLY = dates("5 Mar 10:00", 5)
MAILBOXES = frozenset({REP, TWO})


def tell(*copies: Copy, as_of: str = "16 Mar 18:00") -> tuple[Meeting, ...]:
    return told(copies, as_of=at(as_of), mailboxes=MAILBOXES)


def test_a_second_copy_repeats_nothing() -> None:
    mine = copy("m", version("1 Mar 08:00", BEFORE), version("5 Mar 08:00", AFTER, after="4 Mar 08:00"))
    other = copy(
        "m",
        version("1 Mar 08:01", BEFORE),
        version("5 Mar 08:01", AFTER, after="4 Mar 08:01"),
        mailbox=TWO,
    )

    found = tell(mine, other)

    assert kinds(found) == ["moved"]
    assert found[0].now.merged.mailboxes == (REP, TWO)


def test_a_guests_calendar_that_knows_first_waits_for_the_organizers() -> None:
    mine = copy("m", version("1 Mar 08:00", BEFORE), version("5 Mar 09:00", AFTER, after="4 Mar 09:00"))
    other = copy(
        "m",
        version("1 Mar 08:00", BEFORE),
        version("5 Mar 08:00", AFTER, after="4 Mar 08:00"),
        mailbox=TWO,
    )

    [change] = news(tell(mine, other))

    assert (change.kind, change.seen_at) == (ChangeKind.MOVED, at("5 Mar 09:00"))


def test_an_invitation_that_both_calendars_show_is_created_once() -> None:
    mine = copy("m", version("5 Mar 08:00", BEFORE, after="4 Mar 08:00"))
    other = copy("m", version("5 Mar 08:01", BEFORE, after="4 Mar 08:01"), mailbox=TWO)

    assert kinds(tell(mine, other)) == ["created"]


@pytest.mark.parametrize(("first", "second"), [(REP, TWO), (TWO, REP)])
def test_an_answer_that_a_move_took_is_a_reset_whichever_calendar_is_read_first(first: str, second: str) -> None:
    moved = state(slot("26 Mar 10:00", 60), {ANN: "", TWO: ""})
    copies = [
        copy(
            "m",
            version(f"1 Mar 08:0{minute}", BEFORE),
            version(f"5 Mar 08:0{minute}", moved, after=f"4 Mar 08:0{minute}"),
            mailbox=mailbox,
        )
        for minute, mailbox in enumerate((first, second))
    ]

    found = tell(*copies)

    assert kinds(found) == ["moved", "response_reset", "response_reset"]


def test_an_answer_taken_back_without_a_move_is_no_reset() -> None:
    without = state(BEFORE.slot, {ANN: "yes", TWO: ""})
    mine = copy("m", version("1 Mar 08:00", BEFORE))
    other = copy("m", version("1 Mar 08:01", BEFORE), version("5 Mar 08:01", without, after="4 Mar 08:01"), mailbox=TWO)

    assert kinds(tell(mine, other)) == ["answer_changed"]


def test_a_date_that_both_calendars_take_out_of_the_series_is_told_once() -> None:
    left = (*WEEKLY[:2], *WEEKLY[3:])
    copies = [
        copy(
            "s",
            series("1 Mar 08:00", WEEKLY, BOTH),
            series(f"12 Mar 08:0{minute}", left, BOTH, after=f"11 Mar 08:0{minute}"),
            mailbox=mailbox,
        )
        for minute, mailbox in enumerate((REP, TWO))
    ]

    found = tell(*copies)

    assert [(c.kind, c.original_start) for c in news(found)] == [(ChangeKind.CANCELLED, WEEKLY[2])]


def test_a_series_that_both_calendars_cut_so_that_nothing_is_left_ahead_has_ended_once() -> None:
    copies = [
        copy(
            "s",
            series("1 Mar 08:00", WEEKLY, BOTH),
            series(f"7 Mar 08:0{minute}", WEEKLY[:1], BOTH, after=f"6 Mar 08:0{minute}"),
            mailbox=mailbox,
        )
        for minute, mailbox in enumerate((REP, TWO))
    ]

    found = tell(*copies)

    assert [(c.kind, c.original_start) for c in news(found)] == [(ChangeKind.CANCELLED, None)]


def test_a_calendar_that_is_connected_later_invents_nothing() -> None:
    blind = frozenset({Capability.GUESTS})
    mine = copy("m", version("1 Mar 08:00", state(slot("19 Mar 10:00", 60), {ANN: "?", TWO: ""}, TWO, sees=blind)))
    theirs = state(slot("20 Mar 10:00", 30), {ANN: "yes", TWO: "yes", "bob@acme.example": "no"}, TWO)
    other = copy("m", version("10 Mar 08:00", theirs), mailbox=TWO)

    [meeting] = tell(mine, other)

    assert meeting.changes == ()
    assert meeting.now.merged.slot == slot("20 Mar 10:00", 30)


def test_after_its_baseline_a_new_calendar_tells_changes_like_any_other() -> None:
    mine = copy("m", version("1 Mar 08:00", BEFORE))
    other = copy(
        "m",
        version("10 Mar 08:00", BEFORE),
        version("11 Mar 08:00", state(slot("19 Mar 10:00", 60), {ANN: "yes", TWO: "no"}), after="10 Mar 08:00"),
        mailbox=TWO,
    )

    [change] = news(tell(mine, other))

    assert (change.kind, change.person, change.after) == (ChangeKind.ANSWER_CHANGED, TWO, Answer.DECLINED)


def test_a_series_that_a_second_calendar_shows_moves_once() -> None:
    for days in (1, 3, 7):
        ahead = dates("19 Mar 10:00", 4)
        moved = tuple(d + timedelta(days=days) for d in ahead)

        def calendar(mailbox: str, seen: str, before: tuple[datetime, ...], after: tuple[datetime, ...]) -> Copy:
            return copy(
                "s",
                series("1 Mar 08:00", before, BOTH),
                series(seen, after, BOTH, after="4 Mar 08:00"),
                mailbox=mailbox,
            )

        for first, second in permutations(["5 Mar 08:00", "6 Mar 08:00"]):
            found = tell(calendar(REP, first, ahead, moved), calendar(TWO, second, ahead, moved))

            assert kinds(found) == ["series_moved"]
            assert [m.now.merged.slot.start for m in found] == list(moved)


def test_a_series_may_move_there_and_back_and_there_again() -> None:
    ahead = dates("19 Mar 10:00", 4)
    moved = tuple(d + timedelta(days=7) for d in ahead)
    days = ["5 Mar 08:00", "6 Mar 08:00", "7 Mar 08:00"]
    versions = [series("1 Mar 08:00", ahead, BOTH)] + [
        series(seen, dates_, BOTH, after="4 Mar 08:00")
        for seen, dates_ in zip(days, [moved, ahead, moved], strict=True)
    ]

    found = tell(copy("s", *versions), copy("s", *versions, mailbox=TWO))

    assert [(c.kind, c.days) for c in news(found)] == [(ChangeKind.SERIES_MOVED, d) for d in (7, -7, 7)]
    assert [m.now.merged.slot.start for m in found] == list(moved)


def test_the_order_of_the_copies_does_not_matter() -> None:
    copies = [
        copy("m", version("1 Mar 08:00", BEFORE), version("5 Mar 08:00", AFTER, after="4 Mar 08:00")),
        copy("m", version("1 Mar 08:00", BEFORE), version("5 Mar 08:00", gone(AFTER)), mailbox=TWO, baseline=True),
        copy("s", series("1 Mar 08:00", WEEKLY, BOTH)),
        copy("s", version("1 Mar 08:00", state(slot("20 Mar 10:00", 30), BOTH)), original_start=WEEKLY[2]),
    ]

    assert len({repr(tell(*order)) for order in permutations(copies)}) == 1


def test_a_meeting_is_cancelled_when_the_last_calendar_loses_it() -> None:
    theirs = state(slot("19 Mar 10:00", 60), BOTH, organizer=ANN)
    lost = gone(theirs, EventStatus.VANISHED)
    mine = copy("m", version("1 Mar 08:00", theirs), version("5 Mar 08:00", lost, after="4 Mar 08:00"))
    other = copy("m", version("1 Mar 08:00", theirs), version("7 Mar 08:00", lost, after="6 Mar 08:00"), mailbox=TWO)

    [change] = news(tell(mine, other))

    assert (change.kind, change.seen_at) == (ChangeKind.VANISHED, at("7 Mar 08:00"))


# --- calendars that were disconnected ---------------------------------------------------------------------------------


def test_the_history_of_a_disconnected_calendar_stays() -> None:
    past = copy("m", version("1 Mar 08:00", state(slot("3 Mar 10:00", 60), BOTH)), retired="10 Mar 08:00")

    [meeting] = tell(past)

    assert not meeting.unwatched
    assert meeting.now.merged.status is EventStatus.CONFIRMED


def test_a_future_meeting_of_a_disconnected_calendar_is_unwatched() -> None:
    [meeting] = tell(copy("m", version("1 Mar 08:00", BEFORE), retired="10 Mar 08:00"))

    assert meeting.unwatched


def test_a_future_meeting_that_another_calendar_shows_is_watched() -> None:
    retired = copy("m", version("1 Mar 08:00", BEFORE), retired="10 Mar 08:00")

    [meeting] = tell(retired, copy("m", version("1 Mar 08:00", BEFORE), mailbox=TWO))

    assert not meeting.unwatched


def test_what_a_disconnected_calendar_said_yields_to_a_connected_one() -> None:
    retired = copy("m", version("1 Mar 08:00", BEFORE), retired="10 Mar 08:00")
    other = copy("m", version("1 Mar 08:00", BEFORE), version("12 Mar 08:00", AFTER, after="11 Mar 08:00"), mailbox=TWO)

    [meeting] = tell(retired, other)

    assert meeting.now.merged.slot == slot("26 Mar 10:00", 60)
    assert kinds([meeting]) == ["moved"]


# --- uids -------------------------------------------------------------------------------------------------------------


def test_a_meeting_is_one_though_google_and_microsoft_name_it_differently() -> None:
    head = "040000008200E00074C5B7101A82E008" + "00" * 20
    data = b"vCal-Uid\x01\x00\x00\x00m@google.com\x00"
    outlook = head + len(data).to_bytes(4, "little").hex() + data.hex()
    mine = copy(normalise_uid("m@google.com").uid, version("1 Mar 08:00", BEFORE))
    other = copy(normalise_uid(outlook).uid, version("1 Mar 08:00", BEFORE), mailbox=TWO)

    assert [m.now.merged.copies for m in tell(mine, other)] == [2]


def test_different_uids_are_different_meetings() -> None:
    copies = [copy("m1", version("1 Mar 08:00", BEFORE)), copy("m2", version("1 Mar 08:00", BEFORE))]

    assert [m.uid for m in tell(*reversed(copies))] == ["m1", "m2"]


def test_a_copy_with_no_news_of_its_own_changes_no_past() -> None:
    mine = copy("m", version("1 Mar 08:00", BEFORE))
    same = replace(mine, calendar="another", event="x")

    assert news(tell(mine, same)) == []


@pytest.mark.parametrize("first", [REP, TWO])
def test_an_answer_has_its_time_though_the_calendar_that_knows_it_is_read_later(first: str) -> None:
    answered = at("10 Mar 17:20")
    when = slot("19 Mar 10:00", 60)
    silent, own = state(when, {TWO: "", ANN: ""}), state(when, {TWO: "yes", ANN: ""})
    knowing = replace(
        own, people=tuple(replace(p, answered_at=answered if p.person == TWO else None) for p in own.people)
    )
    seen = {mailbox: f"11 Mar 08:0{int(mailbox != first)}" for mailbox in (REP, TWO)}

    found = told(
        [
            copy("m", version("10 Mar 08:00", silent), version(seen[REP], knowing, after="10 Mar 08:00")),
            copy("m", version("10 Mar 08:00", silent), version(seen[TWO], own, after="10 Mar 08:00"), mailbox=TWO),
        ],
        mailboxes=frozenset({REP, TWO}),
    )

    [change] = news(found)
    assert (change.kind, change.person, change.after) == (ChangeKind.ANSWER_CHANGED, TWO, Answer.ACCEPTED)
    assert change.at == answered
