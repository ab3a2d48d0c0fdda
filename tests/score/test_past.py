"""What a look back may see: nothing later, and no final state of the time before anybody looked."""

from __future__ import annotations

from datetime import UTC, date

import pytest

from calsignal.history import meetings
from calsignal.model import Answer, ChangeKind, Deal, DealTrack, Outcome, Snapshot, Status
from calsignal.score.account import score_account
from calsignal.score.constants import Constants
from calsignal.score.past import begun, honest, known_at, masked, mondays
from worlds import ANN, AS_OF, BOB, REP, TWO, account, at, copy, dates, lens, met, series, slot, state, told, version

PAST, AHEAD = slot("2 Mar 10:00", 60), slot("19 Mar 15:00", 45)


def answers(found: object, uid: str) -> dict[str | None, Answer]:
    meeting = next(m for m in found if m.uid == uid)  # type: ignore[attr-defined]
    return {p.email: p.answer for p in meeting.now.merged.people}


def test_what_was_seen_later_is_not_known_yet() -> None:
    early = version("15 Mar 8:00", state(AHEAD, {ANN: ""}))
    late = version("16 Mar 8:00", state(AHEAD, {ANN: "yes"}), after="15 Mar 8:00")
    copies = [copy("a", early, late), copy("b", late)]

    found = list(known_at(copies, at("15 Mar 9:00")))

    assert [(c.uid, c.versions) for c in found] == [("a", (early,))]


def test_the_answers_to_a_meeting_that_was_past_at_the_first_sync_are_hidden() -> None:
    found = told([met("past", PAST, {ANN: "yes"}), met("ahead", AHEAD, {ANN: "yes"})])

    blind = masked(found, lens([account()]))

    assert answers(blind, "past")[ANN] is Answer.NOT_VISIBLE
    assert answers(blind, "ahead")[ANN] is Answer.ACCEPTED  # what the first sync saw of things to come, it saw in time


def test_a_meeting_that_was_watched_hides_nothing() -> None:
    before = version("1 Mar 8:00", state(PAST, {ANN: "yes"}))
    found = told([copy("m", before)])

    assert masked(found, lens([account()])) == found


def test_an_answer_given_after_the_first_sync_is_seen_and_the_others_stay_hidden() -> None:
    first = version("15 Mar 8:00", state(PAST, {ANN: "yes", BOB: ""}))
    later = version("16 Mar 8:00", state(PAST, {ANN: "yes", BOB: "no"}), after="15 Mar 8:00")

    blind = masked(told([copy("m", first, later)]), lens([account()]))

    assert answers(blind, "m")[ANN] is Answer.NOT_VISIBLE
    assert answers(blind, "m")[BOB] is Answer.DECLINED


def test_a_second_calendar_that_is_connected_after_the_meeting_tells_its_end_not_its_beginning() -> None:
    first = version("1 Mar 8:00", state(PAST, {ANN: ""}, TWO))
    other = version("15 Mar 8:00", state(PAST, {ANN: "yes"}, TWO))
    both = [copy("m", first), copy("m", other, mailbox=TWO)]
    found = told(both, mailboxes=frozenset({REP, TWO}))
    assert answers(found, "m")[ANN] is Answer.ACCEPTED

    blind = masked(found, lens([account()]))

    assert answers(blind, "m")[ANN] is Answer.NOT_VISIBLE


def test_a_move_that_only_the_first_list_tells_is_hidden() -> None:
    starts = dates("9 Mar 10:00", 4)
    moved = copy("s", version("15 Mar 8:00", state(slot("25 Mar 10:00", 30), {ANN: "yes"})), original_start=starts[2])
    found = told([copy("s", series("15 Mar 8:00", starts, {ANN: "yes"})), moved])
    assert [c.kind for m in found for c in m.changes] == [ChangeKind.MOVED]

    blind = masked(found, lens([account()]))

    assert [c for m in blind for c in m.changes] == []


def test_the_answers_to_a_series_that_goes_on_are_those_of_its_dates_ahead() -> None:
    goes_on = told([copy("s", series("15 Mar 8:00", dates("9 Mar 10:00", 3), {ANN: "yes"}))])
    over = told([copy("s", series("15 Mar 8:00", dates("2 Feb 10:00", 3), {ANN: "yes"}))])

    going, ended = masked(goes_on, lens([account()])), masked(over, lens([account()]))

    assert [answers([m], "s")[ANN].value for m in going] == ["not_visible", "accepted", "accepted"]
    assert {p.answer for m in going if m.series for p in m.series.now.merged.people if p.email == ANN} == {
        Answer.ACCEPTED
    }
    assert {p.answer for m in ended if m.series for p in m.series.now.merged.people if p.email == ANN} == {
        Answer.NOT_VISIBLE
    }


def looked(*copies: object) -> Status:
    through = lens([account()])
    seen = meetings(copies, through)  # type: ignore[arg-type]
    blind = masked(seen, through)
    one = score_account(account(), blind, through, Constants())
    return honest(one, masked_any=blind != seen).result.status


def test_where_only_hidden_answers_could_tell_the_status_is_unknown() -> None:
    assert looked(met("past", PAST, {ANN: "yes"})) is Status.UNKNOWN
    assert looked(met("past", PAST, {ANN: "yes"}), met("ahead", AHEAD, {ANN: "yes"})) is Status.REAL
    assert looked(met("past", PAST, {ANN: ""}, organizer=ANN)) is not Status.UNKNOWN  # who made it is no reconstruction
    assert looked() is Status.NO_EVIDENCE


# --- deals ------------------------------------------------------------------------------------------------------------

CLOSED = date(2026, 3, 12)


def track(*, created: date | None = None, seen: str | None = None) -> DealTrack:
    won = Deal("1", "Deal", "Acme", REP, outcome=Outcome.WON, created=created, closed=CLOSED)
    open_one = Deal("1", "Deal", "Acme", REP, created=created)
    first = [Snapshot(at(seen), open_one)] if seen else []
    return DealTrack((*first, Snapshot(AS_OF, won)))


def test_a_deal_began_when_it_was_created_or_first_imported_or_90_days_before_its_close() -> None:
    assert begun(track(created=date(2026, 1, 7), seen="3 Feb 9:00"), CLOSED, UTC) == date(2026, 1, 7)
    assert begun(track(seen="3 Feb 9:00"), CLOSED, UTC) == date(2026, 2, 3)
    assert begun(track(), CLOSED, UTC) == date(2025, 12, 12)


@pytest.mark.parametrize(
    ("first", "closed", "days"),
    [
        (date(2026, 3, 2), date(2026, 3, 16), [2, 9]),  # the Monday on which it closed is none
        (date(2026, 3, 3), date(2026, 3, 17), [9, 16]),
        (date(2026, 3, 3), date(2026, 3, 9), []),
    ],
)
def test_there_is_a_row_on_each_monday_on_which_the_deal_was_open(first: date, closed: date, days: list[int]) -> None:
    assert [d.day for d in mondays(first, closed)] == days
