"""Part 2 of the model: how firm is one person on one meeting, and which meetings count at all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from calsignal.model import Answer, Capability, Copy, EventStatus, Level, Participant, State, Status
from calsignal.score.account import score_account
from calsignal.score.constants import Constants
from calsignal.score.result import AccountResult, BuyerOnMeeting, MeetingView
from worlds import (
    ANN,
    BOB,
    CFO,
    REP,
    TWO,
    account,
    at,
    copy,
    gone,
    lens,
    linked,
    met,
    person,
    scored,
    slot,
    state,
    told,
    version,
)

PAST, AHEAD = slot("16 Mar 10:00", 60), slot("20 Mar 10:00", 60)
EA = "ea@agency.example"


def only(*copies: Copy, **more: object) -> MeetingView:
    [meeting] = scored(copies, **more).result.meetings  # type: ignore[arg-type]
    return meeting


def ann(meeting: MeetingView, email: str = ANN) -> BuyerOnMeeting:
    return next(b for b in meeting.buyers if b.email == email)


def row(*people: Participant, ahead: bool = False, organizer: str | None = REP, **more: Any) -> State:  # noqa: ANN401
    """Return a meeting of an hour: today, or on Friday."""
    listed = (*people, person(REP, "yes")) if all(p.person != REP for p in people) else people
    base = State(AHEAD if ahead else PAST, organizer=organizer, people=listed)
    return replace(base, **more)


# --- the table, row by row --------------------------------------------------------------------------------------------

OTHER_TIME = slot("27 Mar 10:00", 60)


@pytest.mark.parametrize(
    ("who", "more", "level", "past", "future"),
    [
        (person(ANN, ""), {"organizer": ANN}, Level.OWNED, 0.95, 0.90),
        (person(ANN, "yes"), {"booking": linked()}, Level.OWNED, 0.90, 0.75),
        (person(ANN, "yes"), {}, Level.FIRM, 0.90, 0.80),
        (person(ANN, "maybe"), {}, Level.SOFT, 0.50, 0.35),
        (person(ANN, "", proposed=OTHER_TIME), {}, Level.SOFT, 0.50, 0.35),
        (person(ANN, "no", proposed=OTHER_TIME), {}, Level.SOFT, 0.50, 0.35),
        (person(ANN, ""), {"organizer": BOB}, Level.INVITED, 0.25, 0.10),
        (person(ANN, "?"), {"organizer": BOB}, Level.INVITED, 0.25, 0.10),
        (person(ANN, ""), {}, Level.INVITED, 0, 0),
        (person(ANN, "?"), {}, Level.INVITED, 0, 0),
        (person(ANN, ""), {"organizer": None}, Level.INVITED, 0, 0),
        (person(ANN, ""), {"organizer": "max@cedar.example"}, Level.INVITED, 0, 0),
        (person(ANN, "no"), {}, Level.WITHDRAWN, 0, 0),
        (person(ANN, "yes"), {"status": EventStatus.CANCELLED}, Level.WITHDRAWN, 0, 0),
    ],
)
def test_firmness_by_evidence(who: Participant, more: dict[str, Any], level: Level, past: float, future: float) -> None:
    organizer = str(more["organizer"]) if more.get("organizer") else None
    people = (who, *([person(organizer)] if organizer not in (None, ANN) else []))

    then = only(copy("m", version("1 Mar 08:00", row(*people, **more))))
    soon = only(copy("m", version("1 Mar 08:00", row(*people, ahead=True, **more))))

    assert (ann(then).level, ann(then).weight) == (level, past)
    assert (ann(soon).level, ann(soon).weight) == (level, future)


def test_an_acceptance_that_a_move_reset_is_soft() -> None:
    moved = copy(
        "m",
        version("1 Mar 08:00", state(slot("10 Mar 10:00", 60), {ANN: "yes"})),
        version("5 Mar 08:00", state(AHEAD, {ANN: ""}), after="4 Mar 08:00"),
    )

    found = ann(only(moved))

    assert (found.level, found.weight, found.evidence) == (Level.SOFT, 0.35, "accepted before the move")


def test_an_acceptance_does_not_survive_a_move_from_the_past_into_the_future() -> None:
    revived = copy(
        "m",
        version("1 Mar 08:00", state(slot("3 Mar 10:00", 60), {ANN: "yes"})),
        version("5 Mar 08:00", state(AHEAD, {ANN: "yes"}), after="4 Mar 08:00"),
    )

    assert ann(only(revived)).level is Level.SOFT


def test_an_acceptance_survives_a_move_that_lies_ahead() -> None:
    moved = copy(
        "m",
        version("1 Mar 08:00", state(slot("10 Mar 10:00", 60), {ANN: "yes"})),
        version("5 Mar 08:00", state(AHEAD, {ANN: "yes"}), after="4 Mar 08:00"),
    )

    assert ann(only(moved)).level is Level.FIRM


def test_a_lapsed_acceptance_that_becomes_a_decline_is_one() -> None:
    steps = [state(slot("10 Mar 10:00", 60), {ANN: "yes"}), state(AHEAD, {ANN: ""}), state(AHEAD, {ANN: "no"})]
    versions = [version(f"{day} Mar 08:00", what) for day, what in zip((1, 5, 6), steps, strict=True)]

    assert ann(only(copy("m", *versions))).level is Level.WITHDRAWN


@pytest.mark.parametrize(
    ("answer", "more", "level"),
    [
        ("yes", {}, Level.FIRM),
        ("maybe", {}, Level.INVITED),
        ("", {}, Level.INVITED),
        ("no", {}, Level.WITHDRAWN),
        ("", {"proposed": OTHER_TIME}, Level.INVITED),
    ],
)
def test_an_optional_attendee_counts_only_when_accepted(answer: str, more: dict[str, object], level: Level) -> None:
    found = ann(only(copy("m", version("1 Mar 08:00", row(person(ANN, answer, optional=True, **more))))))

    assert found.level is level
    assert (found.weight > 0) is (answer == "yes")


def test_an_optional_attendee_whose_acceptance_a_move_reset_does_not_count() -> None:
    optional = row(person(ANN, "yes", optional=True), ahead=True)
    reset = row(person(ANN, "", optional=True), slot=slot("27 Mar 10:00", 60))

    found = ann(only(copy("m", version("1 Mar 08:00", optional), version("5 Mar 08:00", reset, after="4 Mar 08:00"))))

    assert (found.level, found.weight) == (Level.INVITED, 0)


def test_an_optional_colleague_of_the_organizer_does_not_count() -> None:
    found = only(copy("m", version("1 Mar 08:00", row(person(ANN, "", optional=True), person(BOB), organizer=BOB))))

    assert ann(found).weight == 0


def test_on_a_link_only_those_who_accepted_booked_it() -> None:
    found = only(copy("m", version("1 Mar 08:00", row(person(ANN, "yes"), person(BOB, "maybe"), booking=linked()))))

    assert [(b.email, b.level) for b in found.buyers] == [(ANN, Level.OWNED), (BOB, Level.SOFT)]


def test_a_link_on_a_meeting_of_the_buyers_is_no_self_booking() -> None:
    booked = row(person(ANN, "yes"), person(BOB), organizer=BOB, booking=linked())

    assert ann(only(copy("m", version("1 Mar 08:00", booked)))).level is Level.FIRM


def test_the_level_of_a_meeting_is_the_highest_of_its_buyers() -> None:
    assert only(met("m", PAST, {ANN: "no", BOB: "maybe", CFO: "yes"})).level is Level.FIRM
    assert only(met("m", PAST, {ANN: "no", BOB: "maybe"})).level is Level.SOFT


def test_the_level_is_that_of_the_account_in_question() -> None:
    both = met("m", PAST, {ANN: "", "zoe@birch.example": "yes"})

    views = [scored([both], account(name)).result.meetings[0] for name in ("Acme", "Birch")]

    assert [v.level for v in views] == [Level.INVITED, Level.FIRM]


def test_a_third_party_never_counts() -> None:
    r = scored([met("m", PAST, {ANN: "", "max@cedar.example": "yes"})]).result

    assert (r.meetings[0].level, r.time.raw_hours) == (Level.INVITED, 0)


# --- whose answers to believe -----------------------------------------------------------------------------------------

BOTH = frozenset({REP, TWO})
BLIND = frozenset({Capability.GUESTS})


def test_the_organizers_copy_knows_the_answers() -> None:
    mine = copy("m", version("1 Mar 08:00", state(PAST, {ANN: "no", TWO: "yes"})))
    other = copy("m", version("2 Mar 08:00", state(PAST, {ANN: "yes", TWO: "yes"})), mailbox=TWO)

    assert ann(only(mine, other, mailboxes=BOTH)).level is Level.WITHDRAWN


def test_a_missing_answer_on_a_copy_that_cannot_know_is_not_visible() -> None:
    r = scored([copy("m", version("1 Mar 08:00", state(PAST, {ANN: ""}, organizer=CFO, sees=BLIND)))]).result

    found = ann(r.meetings[0])
    assert (found.answer, found.level, found.evidence) == (Answer.NOT_VISIBLE, Level.INVITED, "not visible from here")
    assert r.unknown[0] == "answers on 1 meeting are not visible from the calendars that are connected"


# --- delegates, groups, guests ----------------------------------------------------------------------------------------


def test_an_assistants_acts_are_the_principals() -> None:
    delegates = {EA: (CFO, CFO)}

    found = only(met("m", AHEAD, {EA: ""}, organizer=EA), delegates=delegates)

    assert [(b.person, b.email, b.level, b.organizer) for b in found.buyers] == [(CFO, CFO, Level.OWNED, True)]


def test_assistant_and_principal_on_one_meeting_are_one_person() -> None:
    found = only(met("m", AHEAD, {EA: "yes", CFO: ""}, organizer=EA), delegates={EA: (CFO, CFO)})

    assert [(b.person, b.level, b.organizer) for b in found.buyers] == [(CFO, Level.OWNED, True)]


def test_unnamed_guests_count_half_and_two_at_most() -> None:
    r = scored([copy("m", version("1 Mar 08:00", row(person(ANN, "yes", guests=5))))]).result

    assert r.time.raw_hours == pytest.approx(3.0)
    assert r.time.firm_hours == pytest.approx(1.8)  # .9 + 2 x .45


def test_the_guests_of_somebody_who_declined_do_not_come() -> None:
    r = scored([copy("m", version("1 Mar 08:00", row(person(ANN, "no", guests=2), person(BOB, "yes"))))]).result

    assert r.time.raw_hours == 1.0


def test_a_group_is_one_person() -> None:
    r = scored([copy("m", version("1 Mar 08:00", row(person("board@acme.example", "yes", group=True))))]).result

    assert r.time.raw_hours == 1.0


# --- what is no meeting with the account ------------------------------------------------------------------------------


def crowd(number: int) -> dict[str, str]:
    return {f"b{n:02}@acme.example": "yes" for n in range(number)}


def result(*copies: Copy, **more: object) -> AccountResult:
    return scored(copies, **more).result  # type: ignore[arg-type]


@pytest.mark.parametrize(("buyers", "counted"), [(24, True), (25, False)])
def test_more_than_25_people_are_a_broadcast(buyers: int, counted: bool) -> None:
    r = result(met("m", AHEAD, crowd(buyers)))  # and the rep

    assert (r.meetings[0].counted, r.meetings[0].why_not) == (counted, "" if counted else "broadcast")
    assert (r.time.raw_hours > 0, r.next_meeting is not None) == (counted, counted)


def test_rooms_are_no_people() -> None:
    everybody = [*(person(email, "yes") for email in crowd(24)), person("r1@acme.example", resource=True)]

    assert result(copy("m", version("1 Mar 08:00", row(*everybody)))).meetings[0].counted


@pytest.mark.parametrize(("others", "counted"), [(1, True), (2, False)])
def test_buyers_of_three_accounts_are_a_broadcast(others: int, counted: bool) -> None:
    accounts = [account("Acme"), account("Birch"), account("Cedar")]
    guests = {ANN: "yes"} | {f"zoe@{name}.example": "yes" for name in ("birch", "cedar")[:others]}

    r = score_account(accounts[0], told([met("m", AHEAD, guests)], *accounts), lens(accounts), Constants()).result

    assert r.meetings[0].counted is counted


def test_a_hidden_guest_list_is_a_broadcast_and_no_invitation() -> None:
    r = result(met("m", AHEAD, {ANN: ""}, hidden_guests=True, created="15 Mar 08:00"))

    assert r.meetings[0].why_not == "broadcast"
    assert (r.status, r.rule) == (Status.NO_EVIDENCE, 1)


def test_a_meeting_that_every_seller_declined_is_off() -> None:
    off = result(met("m", AHEAD, {ANN: "yes", REP: "no", TWO: "no"}))
    on = result(met("m", AHEAD, {ANN: "yes", REP: "no", TWO: "yes"}))

    assert (off.meetings[0].why_not, off.next_meeting) == ("declined by our side", None)
    assert off.meetings[0].level is Level.WITHDRAWN
    assert on.next_meeting is not None


def test_a_meeting_that_lists_no_seller_is_ours_as_long_as_our_calendar_shows_it() -> None:
    theirs = State(AHEAD, organizer=ANN, people=(person(ANN, "yes"), person(BOB, "yes")))

    r = result(copy("m", version("1 Mar 08:00", theirs)))

    assert (r.meetings[0].sellers, r.meetings[0].counted) == ((REP,), True)


def test_free_time_is_no_meeting() -> None:
    r = result(met("m", AHEAD, {ANN: "yes"}, free=True))

    assert (r.meetings[0].why_not, r.next_meeting) == ("free time", None)


# --- what leaves a feed -----------------------------------------------------------------------------------------------


def leaving(start: str, status: EventStatus, seen: str = "10 Mar 08:00") -> MeetingView:
    on = state(slot(start, 60), {ANN: "yes"})
    return only(copy("m", version("1 Mar 08:00", on), version(seen, gone(on, status), after="9 Mar 08:00")))


def test_what_disappears_after_its_start_stays_as_last_seen() -> None:
    assert leaving("9 Mar 10:00", EventStatus.VANISHED).level is Level.FIRM


def test_only_a_cancellation_undoes_the_past() -> None:
    assert leaving("9 Mar 10:00", EventStatus.CANCELLED).level is Level.WITHDRAWN


def test_what_disappears_before_its_start_is_cancelled() -> None:
    found = leaving("20 Mar 10:00", EventStatus.VANISHED)

    assert (found.level, found.status, found.counted) == (Level.WITHDRAWN, EventStatus.VANISHED, False)


def test_what_disappears_from_some_calendars_only_is_still_on() -> None:
    on = state(AHEAD, {ANN: "yes", TWO: "yes"})
    off = version("10 Mar 08:00", gone(on, EventStatus.VANISHED), after="9 Mar 08:00")
    lost = copy("m", version("1 Mar 08:00", on), off)
    shown = copy("m", version("1 Mar 08:00", on), mailbox=TWO)

    assert only(lost, shown, mailboxes=BOTH).level is Level.FIRM


def test_a_future_meeting_of_a_disconnected_calendar_does_not_count() -> None:
    r = result(copy("m", version("1 Mar 08:00", state(AHEAD, {ANN: "yes"})), retired="10 Mar 08:00"))

    assert (r.meetings[0].why_not, r.next_meeting) == ("calendar disconnected", None)


def test_a_buyer_who_was_removed_has_withdrawn() -> None:
    on, without = state(AHEAD, {ANN: "yes", BOB: "yes"}), state(AHEAD, {BOB: "yes"})

    found = only(copy("m", version("1 Mar 08:00", on), version("5 Mar 08:00", without, after="4 Mar 08:00")))

    assert [b.email for b in found.buyers] == [BOB]


def test_a_meeting_that_no_buyer_is_on_any_more_does_not_count() -> None:
    on, without = state(AHEAD, {ANN: "yes"}), state(AHEAD, {})

    found = only(copy("m", version("1 Mar 08:00", on), version("5 Mar 08:00", without, after="4 Mar 08:00")))

    assert (found.why_not, found.level) == ("no buyer on it any more", Level.CLAIMED)


def test_the_moment_a_meeting_starts_it_is_past() -> None:
    begins = scored([met("m", slot("16 Mar 18:00", 60), {ANN: "yes"})], as_of=at("16 Mar 18:00")).result
    before = scored([met("m", slot("16 Mar 18:00", 60), {ANN: "yes"})], as_of=at("16 Mar 17:59")).result

    assert (begins.meetings[0].past, before.meetings[0].past) == (True, False)
    assert (begins.last_held is not None, before.next_meeting is not None) == (True, True)
