"""Typed changes of a single meeting in one calendar: what is told, and what is never invented."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from calsignal.history import Meeting
from calsignal.model import Actor, Answer, Change, ChangeKind, Confidence, EventStatus, State
from worlds import ANN, BOB, REP, all_day, at, copy, gone, kinds, linked, met, news, person, slot, state, told, version

SLOT = slot("19 Mar 10:00", 60)
BEFORE = state(SLOT, {ANN: "yes"})
SEEN, LATER, AFTER = "1 Mar 08:00", "5 Mar 08:00", "4 Mar 08:00"


def two(before: State, after: State) -> tuple[Meeting, ...]:
    """Return a meeting that was known at the baseline, and seen to differ on 5 March."""
    return told([copy("m", version(SEEN, before), version(LATER, after, after=AFTER))])


def only(before: State, after: State) -> Change:
    [change] = news(two(before, after))
    assert (change.seen_at, change.not_before) == (at(LATER), at(AFTER))
    assert (change.uid, change.original_start) == ("m", None)
    return change


def asking(answer: str, **more: object) -> State:
    return replace(BEFORE, people=(person(ANN, answer, **more), person(REP, "yes")))


# --- one test for each kind -------------------------------------------------------------------------------------------


def test_a_meeting_that_comes_up_is_created() -> None:
    [change] = news(told([copy("m", version(LATER, BEFORE, after=AFTER), created="4 Mar 17:00")]))

    assert (change.kind, change.at) == (ChangeKind.CREATED, at("4 Mar 17:00"))
    assert (change.not_before, change.seen_at) == (at(AFTER), at(LATER))


def test_a_new_start_is_a_move_with_its_days() -> None:
    change = only(BEFORE, replace(BEFORE, slot=slot("26 Mar 10:00", 60)))

    assert change.kind is ChangeKind.MOVED
    assert (change.before, change.after, change.days) == (at("19 Mar 10:00"), at("26 Mar 10:00"), 7)
    assert (change.by, change.confidence) == (Actor.SELLER_OR_UNKNOWN, Confidence.GUESS)


@pytest.mark.parametrize(
    ("to", "days"),
    [("19 Mar 16:00", 0), ("20 Mar 00:00", 1), ("18 Mar 23:59", -1), ("9 Apr 10:00", 21)],
)
def test_the_distance_of_a_move_is_in_calendar_days(to: str, days: int) -> None:
    assert only(BEFORE, replace(BEFORE, slot=slot(to, 60))).days == days


def test_a_day_that_becomes_an_hour_is_a_move() -> None:
    change = only(state(all_day(date(2026, 3, 19)), {ANN: "yes"}), replace(BEFORE, slot=slot("20 Mar 10:00", 60)))

    assert (change.kind, change.days) == (ChangeKind.MOVED, 1)
    assert (change.before, change.after) == (date(2026, 3, 19), at("20 Mar 10:00"))


def test_a_new_end_is_a_change_of_duration() -> None:
    change = only(BEFORE, replace(BEFORE, slot=slot("19 Mar 10:00", 30)))

    assert change.kind is ChangeKind.DURATION_CHANGED
    assert (change.before, change.after) == (at("19 Mar 11:00"), at("19 Mar 10:30"))


def test_an_answer_is_bounded_by_two_syncs() -> None:
    change = only(state(SLOT, {ANN: ""}), BEFORE)

    assert (change.kind, change.person, change.email) == (ChangeKind.ANSWER_CHANGED, ANN, ANN)
    assert (change.before, change.after, change.at) == (Answer.NONE, Answer.ACCEPTED, None)


def test_an_answer_has_its_time_where_the_service_says_it() -> None:
    told_at = at("4 Mar 12:00")

    change = only(asking(""), asking("yes", answered_at=told_at))

    assert (change.kind, change.at) == (ChangeKind.ANSWER_CHANGED, told_at)


def test_an_answer_that_a_move_resets_is_no_withdrawal() -> None:
    changes = news(two(BEFORE, state(slot("26 Mar 10:00", 60), {ANN: ""})))

    assert [c.kind for c in changes] == [ChangeKind.MOVED, ChangeKind.RESPONSE_RESET]
    assert (changes[1].person, changes[1].before, changes[1].after) == (ANN, Answer.ACCEPTED, Answer.NONE)


def test_an_answer_taken_back_without_a_move_is_one() -> None:
    change = only(BEFORE, state(SLOT, {ANN: ""}))

    assert (change.kind, change.before, change.after) == (ChangeKind.ANSWER_CHANGED, Answer.ACCEPTED, Answer.NONE)


def test_a_proposal_is_told_when_it_is_first_seen() -> None:
    later = slot("26 Mar 10:00", 60)
    proposing = replace(BEFORE, people=(person(ANN, "yes", proposed=later), person(REP, "yes")))

    change = only(BEFORE, proposing)

    assert (change.kind, change.person) == (ChangeKind.PROPOSED, ANN)
    assert (change.before, change.after) == (at("19 Mar 10:00"), at("26 Mar 10:00"))


def test_a_proposal_that_goes_away_is_nothing() -> None:
    proposing = replace(BEFORE, people=(person(ANN, "yes", proposed=slot("26 Mar 10:00", 60)), person(REP, "yes")))

    assert news(two(proposing, BEFORE)) == []


def test_a_person_is_added_with_an_answer() -> None:
    change = only(BEFORE, state(SLOT, {ANN: "yes", BOB: "maybe"}))

    assert (change.kind, change.person, change.after) == (ChangeKind.PERSON_ADDED, BOB, Answer.TENTATIVE)


def test_a_person_is_removed() -> None:
    change = only(state(SLOT, {ANN: "yes", BOB: "no"}), BEFORE)

    assert (change.kind, change.person, change.before) == (ChangeKind.PERSON_REMOVED, BOB, Answer.DECLINED)


@pytest.mark.parametrize("more", [{"hidden_guests": True}, {"sees": frozenset()}])
def test_nobody_is_removed_from_a_list_that_is_not_whole(more: dict[str, object]) -> None:
    assert news(two(state(SLOT, {ANN: "yes", BOB: "yes"}), replace(BEFORE, **more))) == []  # type: ignore[arg-type]


def test_another_organizer_is_a_change() -> None:
    change = only(BEFORE, replace(BEFORE, organizer=ANN))

    assert (change.kind, change.person) == (ChangeKind.ORGANIZER_CHANGED, ANN)
    assert (change.before, change.after) == (REP, ANN)


def test_a_cancellation_is_told() -> None:
    change = only(BEFORE, gone(BEFORE))

    assert (change.kind, change.by) == (ChangeKind.CANCELLED, Actor.SELLER_OR_UNKNOWN)


def test_what_leaves_the_calendar_before_its_start_has_vanished() -> None:
    change = only(BEFORE, gone(BEFORE, EventStatus.VANISHED))

    assert change.kind is ChangeKind.VANISHED


def test_what_leaves_the_calendar_after_its_start_stays_as_last_seen() -> None:
    past = state(slot("3 Mar 10:00", 60), {ANN: "yes"})

    [meeting] = two(past, gone(past, EventStatus.VANISHED))

    assert (meeting.now.merged.status, meeting.changes) == (EventStatus.CONFIRMED, ())


def test_a_cancellation_after_the_start_undoes_the_meeting() -> None:
    past = state(slot("3 Mar 10:00", 60), {ANN: "yes"})

    [meeting] = two(past, gone(past))

    assert meeting.now.merged.status is EventStatus.CANCELLED


def test_a_meeting_that_comes_back_is_restored() -> None:
    assert only(gone(BEFORE), BEFORE).kind is ChangeKind.RESTORED


def test_a_cancelled_meeting_tells_nothing_else() -> None:
    assert only(BEFORE, gone(state(slot("26 Mar 10:00", 60), {}))).kind is ChangeKind.CANCELLED


def test_tentative_and_free_are_no_changes_of_a_kind() -> None:
    assert news(two(BEFORE, replace(BEFORE, status=EventStatus.TENTATIVE, free=True))) == []


def test_an_answer_that_was_not_visible_before_is_no_change() -> None:
    assert news(two(state(SLOT, {ANN: "?"}), BEFORE)) == []
    assert news(two(BEFORE, state(SLOT, {ANN: "?"}))) == []


def test_several_things_at_once_are_told_one_by_one() -> None:
    after = state(slot("20 Mar 10:00", 30), {ANN: "no", "cfo@acme.example": ""})

    assert kinds(two(state(SLOT, {ANN: "yes", BOB: ""}), after)) == [
        "answer_changed",
        "moved",
        "person_added",
        "person_removed",
    ]


# --- the baseline -----------------------------------------------------------------------------------------------------


def test_nothing_is_invented_at_the_baseline() -> None:
    [meeting] = told([met("m", SLOT, {ANN: "yes"}, created="2 Feb 09:00")])

    assert meeting.changes == ()
    assert (meeting.baseline, meeting.invited_at) == (True, at("2 Feb 09:00"))


def test_without_a_time_of_creation_an_invitation_is_as_old_as_its_first_sight() -> None:
    [meeting] = told([met("m", SLOT, {ANN: "yes"}, seen="3 Mar 09:00")])

    assert meeting.invited_at == meeting.first_seen == at("3 Mar 09:00")


def test_a_state_that_says_the_same_is_no_state() -> None:
    [meeting] = two(BEFORE, BEFORE)

    assert (len(meeting.states), meeting.changes) == (1, ())


def test_the_newest_subject_names_the_meeting() -> None:
    old = copy("m", version(SEEN, BEFORE), subject="Intro", calendar="a")
    new = copy("m", version(LATER, BEFORE, after=AFTER), subject="Pricing", calendar="b")

    assert [m.subject for m in told([old, new])] == ["Pricing"]
    assert [m.subject for m in told([copy("m", version(SEEN, BEFORE))])] == [None]


# --- who moved it, who cancelled it -----------------------------------------------------------------------------------

MOVED = slot("26 Mar 10:00", 60)


def mover(*steps: tuple[str, State], moved: str = "12 Mar 08:00") -> tuple[Actor | None, Confidence | None]:
    """Return who is held to have moved the meeting, after the steps seen before."""
    versions = [version(steps[0][0], steps[0][1])]
    for seen, what in steps[1:]:
        versions.append(version(seen, what, after=versions[-1].seen_at))
    last = steps[-1][1]
    versions.append(version(moved, replace(last, slot=MOVED), after=versions[-1].seen_at))
    [change] = [c for c in news(told([copy("m", *versions)])) if c.kind is ChangeKind.MOVED]
    return change.by, change.confidence


LIKELY = (Actor.BUYER, Confidence.LIKELY)
CERTAIN = (Actor.BUYER, Confidence.CERTAIN)
NOBODY_ASKED = (Actor.SELLER_OR_UNKNOWN, Confidence.GUESS)


def test_a_buyer_who_organizes_is_the_mover() -> None:
    assert mover((SEEN, state(SLOT, {}, organizer=ANN))) == CERTAIN


def test_without_a_sign_of_the_buyer_it_was_the_seller_or_nobody_knows() -> None:
    assert mover((SEEN, BEFORE)) == NOBODY_ASKED
    assert mover((SEEN, state(SLOT, {ANN: "yes"}, organizer=None))) == NOBODY_ASKED
    assert mover((SEEN, state(SLOT, {ANN: "yes"}, organizer="max@cedar.example"))) == NOBODY_ASKED


@pytest.mark.parametrize(
    ("declined", "by"),
    [("11 Mar 08:00", LIKELY), ("5 Mar 08:00", LIKELY), ("4 Mar 08:00", NOBODY_ASKED)],
)
def test_a_decline_in_the_seven_days_before_makes_the_buyer_the_mover(declined: str, by: object) -> None:
    assert mover((SEEN, BEFORE), (declined, asking("no"))) == by


@pytest.mark.parametrize(("answered", "by"), [("5 Mar 00:01", LIKELY), ("4 Mar 23:59", NOBODY_ASKED)])
def test_a_decline_known_by_its_time_counts_though_no_sync_saw_it_happen(answered: str, by: object) -> None:
    assert mover((SEEN, asking("no", answered_at=at(answered)))) == by


@pytest.mark.parametrize(
    ("proposed", "by"),
    [("11 Mar 08:00", LIKELY), ("5 Mar 08:00", LIKELY), ("4 Mar 08:00", NOBODY_ASKED)],
)
def test_a_proposal_in_the_seven_days_before_makes_the_buyer_the_mover(proposed: str, by: object) -> None:
    other = slot("2 Apr 10:00", 60)

    assert mover((SEEN, BEFORE), (proposed, asking("maybe", proposed=other))) == by


def test_a_proposal_that_was_there_at_first_sight_counts_from_then() -> None:
    proposing = asking("maybe", proposed=slot("2 Apr 10:00", 60))

    assert mover(("5 Mar 08:00", proposing)) == LIKELY
    assert mover(("4 Mar 08:00", proposing)) == NOBODY_ASKED


def test_a_move_to_the_very_time_a_buyer_proposed_is_certainly_theirs() -> None:
    assert mover((SEEN, BEFORE), ("11 Mar 08:00", asking("maybe", proposed=MOVED))) == CERTAIN


def test_the_decline_or_proposal_of_somebody_else_is_no_sign_of_the_buyer() -> None:
    stranger = state(SLOT, {ANN: "yes", "max@cedar.example": ""})
    declined = state(SLOT, {ANN: "yes", "max@cedar.example": "no"})
    ours = state(SLOT, {ANN: "yes", REP: "no"})

    assert mover((SEEN, stranger), ("11 Mar 08:00", declined)) == NOBODY_ASKED
    assert mover((SEEN, BEFORE), ("11 Mar 08:00", ours)) == NOBODY_ASKED


def test_a_booking_link_alone_is_no_sign_of_the_buyer() -> None:
    assert mover((SEEN, replace(BEFORE, booking=linked()))) == NOBODY_ASKED


@pytest.mark.parametrize("status", [EventStatus.CANCELLED, EventStatus.VANISHED])
def test_who_cancelled_is_decided_by_the_same_rule(status: EventStatus) -> None:
    by_buyer = state(SLOT, {}, organizer=ANN)
    after_decline = told(
        [
            copy(
                "m",
                version(SEEN, BEFORE),
                version("4 Mar 08:00", asking("no"), after=SEEN),
                version(LATER, gone(asking("no"), status), after=AFTER),
            )
        ]
    )

    assert only(by_buyer, gone(by_buyer, status)).by is Actor.BUYER
    assert news(after_decline)[-1].by is Actor.BUYER


# --- acceptances that a move undoes -----------------------------------------------------------------------------------


def lapsed(*steps: tuple[str, State]) -> list[frozenset[str]]:
    versions = [version(steps[0][0], steps[0][1])]
    for seen, what in steps[1:]:
        versions.append(version(seen, what, after=versions[-1].seen_at))
    [meeting] = told([copy("m", *versions)])
    return [seen.lapsed - {REP} for seen in meeting.states]


def test_an_acceptance_that_a_move_resets_has_lapsed_until_the_next_answer() -> None:
    reset, again = state(MOVED, {ANN: ""}), state(MOVED, {ANN: "yes"})

    assert lapsed((SEEN, BEFORE), ("5 Mar 08:00", reset), ("6 Mar 08:00", again)) == [set(), {ANN}, set()]


def test_an_acceptance_stays_lapsed_over_further_moves() -> None:
    once, twice = state(MOVED, {ANN: ""}), state(slot("2 Apr 10:00", 60), {ANN: ""})

    assert lapsed((SEEN, BEFORE), ("5 Mar 08:00", once), ("6 Mar 08:00", twice)) == [set(), {ANN}, {ANN}]


def test_an_acceptance_that_survives_a_move_has_not_lapsed() -> None:
    assert lapsed((SEEN, BEFORE), ("5 Mar 08:00", state(MOVED, {ANN: "yes"}))) == [set(), set()]


def test_an_acceptance_does_not_survive_a_move_from_the_past_into_the_future() -> None:
    past = state(slot("4 Mar 10:00", 60), {ANN: "yes"})

    assert lapsed((SEEN, past), ("5 Mar 08:00", BEFORE)) == [set(), {ANN}]


def test_an_acceptance_given_anew_is_good_though_the_meeting_comes_out_of_the_past() -> None:
    past = state(slot("4 Mar 10:00", 60), {ANN: "yes"})
    anew = replace(BEFORE, people=(person(ANN, "yes", answered_at=at("4 Mar 18:00")), person(REP, "yes")))

    assert lapsed((SEEN, past), ("5 Mar 08:00", anew)) == [set(), set()]


def test_a_move_within_the_past_undoes_nothing() -> None:
    past, other = state(slot("3 Mar 10:00", 60), {ANN: "yes"}), state(slot("4 Mar 10:00", 60), {ANN: "yes"})

    assert lapsed((SEEN, past), ("5 Mar 08:00", other)) == [set(), set()]


def test_only_acceptances_lapse() -> None:
    past = state(slot("4 Mar 10:00", 60), {ANN: "maybe", BOB: "no"})

    assert lapsed((SEEN, past), ("5 Mar 08:00", state(SLOT, {ANN: "", BOB: ""}))) == [set(), set()]
