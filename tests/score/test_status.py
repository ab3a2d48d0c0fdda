"""Parts 3.3 and 4 of the model: held, next, quiet, K, and the status by its nine rules."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from calsignal.model import Copy, EventStatus, Slot, Status
from calsignal.score.account import score_account
from calsignal.score.constants import Constants
from calsignal.score.result import AccountResult
from worlds import (
    ANN,
    AS_OF,
    BOB,
    REP,
    account,
    all_day,
    at,
    copy,
    dates,
    gone,
    lens,
    met,
    person,
    scored,
    series,
    slot,
    state,
    told,
    version,
)

YES, NO, MAYBE, SILENT = {ANN: "yes"}, {ANN: "no"}, {ANN: "maybe"}, {ANN: ""}


def result(*copies: Copy, **more: Any) -> AccountResult:  # noqa: ANN401
    return scored(copies, **more).result


def ruling(*copies: Copy, **more: Any) -> tuple[Status, int]:  # noqa: ANN401
    r = result(*copies, **more)
    return r.status, r.rule


def days_from_now(days: int, minutes: int = 60, clock: str = "10:00") -> Slot:
    return slot(f"{AS_OF + timedelta(days=days):%d %b %Y} {clock}", minutes)


def meeting(uid: str, days: int, answers: dict[str, str] | None = None, **more: Any) -> Copy:  # noqa: ANN401
    """Return a meeting so many days from now that was there at the first sync, accepted unless said otherwise."""
    more.setdefault("seen", "1 Jan 2025 08:00")
    return met(uid, days_from_now(days), YES if answers is None else answers, **more)


def invited(uid: str, days: int, sent: int, answers: dict[str, str] | None = None, clock: str = "12:00") -> Copy:
    """Return an invitation for a day so far from now that was sent so many days ago."""
    seen = at(f"{AS_OF - timedelta(days=sent):%d %b %Y} {clock}")
    what = state(days_from_now(days), SILENT if answers is None else answers)
    return copy(uid, version(seen, what, after=seen - timedelta(days=1)))


def asked(uid: str, days: int, since: int, answers: dict[str, str]) -> Copy:
    """Return an old invitation that was answered so many days ago."""
    seen = AS_OF - timedelta(days=since)
    return copy(
        uid,
        version("1 Jan 2025 08:00", state(days_from_now(days), SILENT)),
        version(seen, state(days_from_now(days), answers), after=seen - timedelta(days=1)),
    )


# --- held -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "minutes", "more", "held"),
    [
        (YES, 5, {}, True),
        (YES, 4, {}, False),
        (MAYBE, 60, {}, False),
        (SILENT, 60, {}, False),
        (YES, 60, {"hidden_guests": True}, False),
        (YES, 60, {"free": True}, False),
        (YES, 60, {"status": EventStatus.CANCELLED}, False),
        ({}, 60, {"organizer": ANN}, True),
    ],
)
def test_held_is_past_and_firm_and_long_enough(
    answers: dict[str, str], minutes: int, more: dict[str, Any], held: bool
) -> None:
    r = result(met("m", slot("10 Mar 10:00", minutes), answers, **more))

    assert (r.last_held is not None) is held


@pytest.mark.parametrize(("days", "near"), [(0, True), (30, True), (31, False)])
def test_next_is_firm_and_starts_within_30_days(days: int, near: bool) -> None:
    r = result(met("m", days_from_now(days, clock="23:00"), YES))

    assert (r.next_meeting is not None) is near


def test_next_is_the_earliest_firm_one() -> None:
    short = met("short", days_from_now(2, 4), YES)

    r = result(meeting("later", 5), meeting("soft", 1, MAYBE), short, meeting("first", 3))

    assert r.next_meeting is not None
    assert r.next_meeting.uid == "first"


# --- quiet, K, E ------------------------------------------------------------------------------------------------------


def test_quiet_runs_from_the_last_held_meeting() -> None:
    assert result(meeting("a", -9), meeting("b", -20), meeting("c", -2, MAYBE)).quiet_days == 9


def test_without_a_held_meeting_quiet_runs_from_the_first_answer_of_any_kind() -> None:
    assert result(asked("a", 9, 8, NO), asked("b", 9, 5, MAYBE)).quiet_days == 8


def test_an_answer_with_a_time_counts_from_then() -> None:
    told_at = person(ANN, "maybe", answered_at=AS_OF - timedelta(days=12))
    what = replace(state(days_from_now(9)), people=(told_at, person(REP)))

    assert result(copy("a", version("1 Jan 2025 08:00", what))).quiet_days == 12


def test_a_proposal_is_an_answer() -> None:
    proposing = replace(state(days_from_now(9)), people=(person(ANN, proposed=days_from_now(12)), person(REP)))
    late = version(AS_OF - timedelta(days=4), proposing, after=AS_OF - timedelta(days=5))

    assert result(copy("a", version("1 Jan 2025 08:00", state(days_from_now(9), SILENT)), late)).quiet_days == 4


def test_an_answer_counts_though_the_meeting_became_a_webinar() -> None:
    answered = state(days_from_now(9), YES)
    webinar = version("10 Mar 08:00", replace(answered, hidden_guests=True), after="9 Mar 08:00")
    became = copy("a", version("1 Mar 08:00", answered), webinar)

    r = result(became)

    assert (r.quiet_days, r.rescheduling.points, r.status) == (15, 50, Status.SOFT)
    assert result(became, invited("b", 9, 0)).score == r.score


def test_the_answer_to_a_webinar_is_none() -> None:
    assert result(meeting("w", 9, YES, hidden_guests=True)).quiet_days is None


def test_without_an_answer_quiet_runs_from_the_first_invitation() -> None:
    assert result(invited("a", 9, 6), invited("b", 9, 3)).quiet_days == 6


def test_an_invitation_that_was_there_already_is_as_old_as_its_date_at_least() -> None:
    assert result(met("a", slot("1 Mar 10:00", 60), SILENT)).quiet_days == 15
    assert result(met("a", slot("1 Mar 10:00", 60), SILENT, created="20 Feb 09:00")).quiet_days == 24


def test_where_nothing_ever_happened_quiet_is_undefined_and_nothing_is_kept() -> None:
    r = result()

    assert (r.quiet_days, r.keep, r.score) == (None, 0, 0)


@pytest.mark.parametrize(
    ("days", "keep"),
    [(0, 1), (7, 0.7071), (14, 0.5), (28, 0.25)],  # .5^(quiet/14)
)
def test_what_is_kept_halves_every_14_quiet_days(days: int, keep: float) -> None:
    assert result(meeting("m", -days)).keep == pytest.approx(keep, abs=5e-5)


def test_with_a_next_meeting_all_is_kept() -> None:
    assert result(meeting("m", -40), meeting("n", 3)).keep == 1
    assert result(meeting("m", -14), meeting("n", 31)).keep == 0.5


@pytest.mark.parametrize(
    ("held", "gap", "stall", "lost"),
    [
        ([], 14, 21, 45),  # 56/4; x 1.5; x 3 is 42, at least 45
        ([0], 14, 21, 45),
        ([0, -7], 12.6, 18.9, 45),  # 63/5
        ([0, -1, -2, -3, -4], 7.5, 14, 45),  # 60/8; x 1.5 is 11.25, at least 14
        ([0, -44], 20, 30, 60),  # 100/5
        ([0, -300], 71.2, 30, 90),  # 356/5, at most 30 and 90
        ([0, 0, -7], 12.6, 18.9, 45),  # two on one day are one day
    ],
)
def test_the_usual_gap_sets_the_limits(held: list[int], gap: float, stall: float, lost: float) -> None:
    r = result(*(met(f"m{n}", days_from_now(day, 30, f"{8 + n:02}:00"), YES) for n, day in enumerate(held)))

    assert r.usual_gap_days == pytest.approx(gap)
    assert (r.stall_after, r.lost_after) == pytest.approx((stall, lost))


# --- rule 0 -----------------------------------------------------------------------------------------------------------


def test_what_cannot_be_known_is_unknown_whatever_is_on_file() -> None:
    who = account()
    found = told([meeting("m", 3)], who)

    r = score_account(who, found, lens((who,)), Constants(), unknown="No calendar is connected.").result

    assert (r.status, r.rule, r.evidence) == (Status.UNKNOWN, 0, "No calendar is connected.")


# --- rules 1 and 2: no buyer ever reached level 2 ---------------------------------------------------------------------


def test_without_any_invitation_there_is_no_evidence() -> None:
    assert ruling() == (Status.NO_EVIDENCE, 1)


@pytest.mark.parametrize(
    ("sent", "found"), [(0, (Status.NEW, 2)), (14, (Status.NEW, 2)), (15, (Status.NO_EVIDENCE, 1))]
)
def test_an_account_is_new_for_14_days_from_the_first_invitation(sent: int, found: object) -> None:
    assert ruling(invited("a", 9, sent)) == found
    assert ruling(invited("a", 9, sent), invited("b", 9, 1)) == found


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1, "1 invitation, declined: an early no."),
        (2, "2 invitations, both declined: an early no."),
        (3, "3 invitations, all declined: an early no."),
    ],
)
def test_when_every_answer_was_a_decline_it_is_an_early_no(number: int, text: str) -> None:
    r = result(*(invited(f"m{n}", 9 + n, 3, NO) for n in range(number)))

    assert (r.status, r.rule, r.evidence) == (Status.NO_EVIDENCE, 1, text)


def test_a_silent_invitation_beside_a_decline_is_an_early_no_too() -> None:
    r = result(invited("a", 9, 3, NO), invited("b", 9, 3))

    assert (r.status, r.evidence) == (Status.NO_EVIDENCE, "2 invitations, 1 declined, no other answer: an early no.")


def test_a_webinar_is_no_invitation() -> None:
    webinar = met("w", days_from_now(9), SILENT, hidden_guests=True, created="15 Mar 08:00")

    assert ruling(webinar) == (Status.NO_EVIDENCE, 1)


def test_an_optional_buyer_who_is_tentative_has_not_reached_level_2() -> None:
    what = replace(state(days_from_now(9)), people=(person(ANN, "maybe", optional=True), person(REP)))

    assert ruling(copy("a", version("15 Mar 08:00", what, after="14 Mar 08:00"))) == (Status.NEW, 2)


def test_an_invitation_dated_ahead_of_the_report_was_sent_today() -> None:
    ahead = f"{AS_OF + timedelta(days=1):%d %b %Y %H:%M}"
    invitation = copy("a", version(AS_OF, state(days_from_now(9), SILENT)), created=ahead)

    assert result(invitation).evidence == "Invited today. No buyer has answered yet."


def test_new_says_when_the_invitations_were_sent() -> None:
    assert result(invited("a", 9, 2)).evidence == "Invited 2 d ago. No buyer has answered yet."
    assert result(invited("a", 9, 6), invited("b", 9, 3)).evidence == (
        "2 invitations, the first 6 d ago, the last 3 d ago. No buyer has answered yet."
    )


# --- rules 3 and 4: a next meeting ------------------------------------------------------------------------------------


def pushed(*shifts: int, organizer: str = REP, days: int = 3) -> Copy:
    """Return a firm meeting in three days that was put off by so many days each, ending there."""
    answers = {} if organizer == ANN else YES
    start = days - sum(shifts)
    versions = [version("1 Jan 2025 08:00", state(days_from_now(start), answers, organizer))]
    for number, shift in enumerate(shifts):
        start += shift
        what = state(days_from_now(start), answers, organizer)
        versions.append(version(f"{number + 1} Feb 08:00", what, after=versions[-1].seen_at))
    return copy("m", *versions)


@pytest.mark.parametrize(
    ("shifts", "found"),
    [
        ((), (Status.REAL, 4)),
        ((1, 1), (Status.REAL, 4)),
        ((1, 1, 1), (Status.STALLED, 3)),
        ((29,), (Status.REAL, 4)),
        ((30,), (Status.STALLED, 3)),
        ((20, 10), (Status.STALLED, 3)),
        ((40, -20), (Status.STALLED, 3)),  # what was pulled in again was put off all the same
        ((1, -1, 1), (Status.REAL, 4)),
    ],
)
def test_a_next_meeting_that_was_put_off_too_often_or_too_far_is_stalled(
    shifts: tuple[int, ...], found: object
) -> None:
    assert ruling(pushed(*shifts, days=20)) == found
    assert ruling(pushed(*shifts, days=20, organizer=ANN)) == found


def test_the_pushes_of_a_cancelled_meeting_that_was_booked_again_count() -> None:
    first = pushed(1, 1)
    last = first.versions[-1].state
    old = replace(first, versions=(*first.versions, version("5 Mar 08:00", gone(last), after="4 Mar 08:00")))
    new = copy("n", version("6 Mar 08:00", state(days_from_now(9), YES), after="5 Mar 08:00"))

    assert ruling(old, new) == (Status.STALLED, 3)


def put_off_series(first: int) -> Copy:
    """Return a weekly series that was put off as a whole by a day, three times."""
    versions = []
    for number in range(4):
        starts = dates(f"{AS_OF + timedelta(days=first + number):%d %b %Y} 10:00", 5)
        seen = at("1 Mar 08:00") + timedelta(days=number)
        versions.append(series(seen, starts, YES, after=None if number == 0 else seen - timedelta(hours=12)))
    return copy("s", *versions)


def test_a_series_that_was_never_held_and_put_off_three_times_is_stalled() -> None:
    assert ruling(put_off_series(3)) == (Status.STALLED, 3)


def test_a_series_of_which_a_date_was_held_is_real_however_it_moved() -> None:
    r = result(put_off_series(-8))

    assert r.last_held is not None
    assert (r.status, r.rule) == (Status.REAL, 4)


def test_the_evidence_of_a_next_meeting_says_who_is_coming() -> None:
    both = met("m", slot("19 Mar 15:00", 45), {ANN: "yes", BOB: ""})
    theirs = met("m", slot("19 Mar 15:00", 45), {BOB: "yes"}, organizer=ANN)
    alone = met("m", all_day(AS_OF.date() + timedelta(days=1)), {}, organizer=ANN)

    assert result(both).evidence == "Next: Thu 19 Mar 15:00, 45 min, 1 buyer accepted (1 silent)."
    assert result(theirs).evidence == "Next: Thu 19 Mar 15:00, 45 min, the buyer organised it, 1 more accepted."
    assert result(alone).evidence == "Next: Tue 17 Mar, all day, the buyer organised it."


# --- rule 5: held in the last seven days ------------------------------------------------------------------------------


@pytest.mark.parametrize(("ago", "found"), [(0, (Status.REAL, 5)), (7, (Status.REAL, 5)), (8, (Status.SOFT, 7))])
def test_an_account_is_real_for_seven_days_after_a_held_meeting(ago: int, found: object) -> None:
    assert ruling(meeting("m", -ago)) == found


def test_a_held_meeting_says_until_when_to_ask() -> None:
    r = result(met("m", slot("11 Mar 10:00", 60), {ANN: "yes", BOB: "yes"}))

    assert r.evidence == "Held 5 d ago (60 min, 2 buyers). No next step booked: ask before Wed 18 Mar."


def test_a_far_slot_beside_a_held_meeting_is_named() -> None:
    r = result(met("m", slot("11 Mar 10:00", 60), YES), met("n", slot("1 May 10:00", 30), YES))

    assert (r.status, r.rule) == (Status.REAL, 5)
    assert r.evidence == "Held 5 d ago (60 min, 1 buyer). Next: Fri 1 May 10:00, 30 min, 1 buyer accepted."


# --- rule 6: lost -----------------------------------------------------------------------------------------------------

LOST, SOFT, STALLED = (Status.LOST, 6), (Status.SOFT, 7), (Status.STALLED, 8)


@pytest.mark.parametrize(("ago", "found"), [(21, SOFT), (22, STALLED), (45, STALLED), (46, LOST)])
def test_an_account_goes_from_soft_to_stalled_to_lost(ago: int, found: object) -> None:
    assert ruling(meeting("m", -ago)) == found  # E 14: stall 21, lost 45


def test_an_account_that_only_ever_answered_is_lost_too() -> None:
    assert ruling(asked("m", -30, 46, MAYBE)) == LOST
    assert ruling(asked("m", -30, 45, MAYBE)) == STALLED


def test_a_firm_slot_at_any_distance_keeps_an_account_from_being_lost() -> None:
    assert ruling(meeting("m", -46), meeting("n", 170)) == SOFT


def test_our_invitations_do_not_bring_a_lost_account_back() -> None:
    assert ruling(meeting("m", -46), invited("n", 5, 1)) == LOST


@pytest.mark.parametrize(("since", "found"), [(7, SOFT), (8, LOST)])
def test_a_tentative_answer_of_the_last_seven_days_brings_a_lost_account_back(since: int, found: object) -> None:
    assert ruling(meeting("m", -46), asked("n", 5, since, MAYBE)) == found


def test_a_proposal_brings_a_lost_account_back() -> None:
    proposing = replace(state(days_from_now(5)), people=(person(ANN, "no", proposed=days_from_now(9)), person(REP)))
    late = copy(
        "n",
        version("1 Jan 2025 08:00", state(days_from_now(5), SILENT)),
        version("15 Mar 08:00", proposing, after="14 Mar 08:00"),
    )

    assert ruling(meeting("m", -46), late) == SOFT


def test_a_tentative_answer_that_only_moved_along_is_no_new_one() -> None:
    moved = copy(
        "n",
        version("1 Jan 2025 08:00", state(days_from_now(5), MAYBE)),
        version("15 Mar 08:00", state(days_from_now(6), MAYBE), after="14 Mar 08:00"),
    )

    assert ruling(meeting("m", -46), moved) == LOST


def test_a_loss_says_when_to_look_again() -> None:
    r = result(met("m", slot("29 Jan 10:00", 60), YES, seen="1 Jan 2025 08:00"))

    assert r.evidence == "Last held 46 d ago. Stop, and look again on Tue 28 Jul 2026."  # 29 January and 180 days


# --- rules 7 and 8: soft, or stalled ----------------------------------------------------------------------------------

QUIET = meeting("q", -30)
"""Held 30 days ago: past stall_after (21), not yet lost (45)."""


def test_without_an_ask_a_quiet_account_is_stalled() -> None:
    r = result(QUIET)

    assert (r.status, r.rule) == STALLED
    assert r.evidence == "Last held 30 d ago (usual gap 14 d), nothing booked."


def test_a_future_meeting_answered_tentatively_is_an_ask() -> None:
    assert ruling(QUIET, meeting("m", 90, MAYBE)) == SOFT
    assert ruling(QUIET, meeting("m", -3, MAYBE)) == STALLED


def test_a_future_meeting_whose_answers_a_move_reset_is_an_ask() -> None:
    reset = copy(
        "m",
        version("1 Jan 2025 08:00", state(days_from_now(5), YES)),
        version("1 Mar 08:00", state(days_from_now(60), SILENT), after="28 Feb 08:00"),
    )

    assert ruling(QUIET, reset) == SOFT
    assert result(QUIET, reset).evidence == "Fri 15 May 10:00, 60 min: accepted before the move. Nothing firm."


@pytest.mark.parametrize(("sent", "found"), [(0, SOFT), (7, SOFT), (8, STALLED)])
def test_an_invitation_of_the_last_seven_days_is_an_ask(sent: int, found: object) -> None:
    assert ruling(QUIET, invited("m", 5, sent)) == found


def test_a_date_of_an_old_series_that_comes_into_sight_is_no_new_ask() -> None:
    weekly = dates("19 Mar 10:00", 9)
    old = series("10 Feb 08:00", weekly[:4], SILENT, after="9 Feb 08:00")
    longer = series("15 Mar 08:00", weekly, {ANN: "", BOB: ""}, after="14 Mar 08:00")

    assert ruling(QUIET, copy("s", old, longer)) == STALLED


@pytest.mark.parametrize(("start", "found"), [("18 Mar 18:00", STALLED), ("18 Mar 18:01", SOFT)])
def test_an_invitation_that_starts_within_48_hours_is_no_ask_any_more(start: str, found: object) -> None:
    sent = version("15 Mar 08:00", state(slot(start, 60), SILENT), after="14 Mar 08:00")

    assert ruling(QUIET, copy("m", sent)) == found


def test_an_invitation_that_was_declined_or_cancelled_is_no_ask() -> None:
    what = state(days_from_now(5), SILENT)
    sent = version("14 Mar 08:00", what, after="13 Mar 08:00")
    off = copy("m", sent, version("15 Mar 08:00", gone(what), after="14 Mar 08:00"))

    assert ruling(QUIET, invited("m", 5, 1, NO)) == STALLED
    assert ruling(QUIET, off) == STALLED


def test_a_firm_slot_over_30_days_off_is_soft() -> None:
    assert ruling(QUIET, meeting("m", 31)) == SOFT
    assert result(QUIET, met("m", slot("16 Apr 10:00", 60), YES)).evidence == (
        "Only a far slot: Thu 16 Apr 10:00, 60 min, 1 buyer accepted."
    )


def test_within_stall_after_it_is_soft() -> None:
    assert result(meeting("m", -21)).evidence == "Last held 21 d ago, nothing firm booked."
    assert result(asked("m", 9, 5, MAYBE)).status is Status.SOFT


def test_what_was_only_answered_says_so() -> None:
    assert result(asked("m", -1, 5, MAYBE)).evidence.startswith("Nothing held; 5 d since ")


# --- the score --------------------------------------------------------------------------------------------------------


def test_the_score_is_what_is_kept_of_time_and_rescheduling() -> None:
    r = result(met("m", slot("2 Mar 10:00", 60), YES))

    # H .9 x .5^(14/21) = .56696, I 15.895; R 50; K .5: .5 x (.6 x 15.895 + .4 x 50)
    assert r.score == pytest.approx(14.768, abs=5e-4)


def test_a_series_that_ends_is_told_by_its_state() -> None:
    weekly = series("1 Jan 2025 08:00", dates("2 Mar 10:00", 9), YES)
    cut = series("10 Mar 08:00", dates("2 Mar 10:00", 2), YES, after="9 Mar 08:00")

    r = result(copy("s", weekly, cut))

    assert (r.status, r.rule) == (Status.REAL, 5)
    assert r.next_meeting is None
