"""Part 4 of the model: flags, the first action of a digest, and the rank."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from calsignal.model import AccountType, ChangeKind, Copy, Slot, Status
from calsignal.score.account import Scored, first_action, ranked
from calsignal.score.result import FirstAction
from worlds import (
    ANN,
    AS_OF,
    BOB,
    CFO,
    REP,
    account,
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
)

YES, MAYBE, SILENT = {ANN: "yes"}, {ANN: "maybe"}, {ANN: ""}
EA = "ea@agency.example"


def flags(*copies: Copy, **more: Any) -> dict[str, str]:  # noqa: ANN401
    return {flag.code: flag.text for flag in scored(copies, **more).result.flags}


def in_days(days: int, minutes: int = 60) -> Slot:
    start = (AS_OF + timedelta(days=days)).replace(hour=10)
    return Slot(start, start + timedelta(minutes=minutes))


def meeting(uid: str, days: int, answers: dict[str, str] | None = None, **more: Any) -> Copy:  # noqa: ANN401
    more.setdefault("seen", "1 Jan 2025 08:00")
    return met(uid, in_days(days), YES if answers is None else answers, **more)


# --- flags ------------------------------------------------------------------------------------------------------------


def test_one_firm_buyer_is_a_single_thread() -> None:
    assert flags(meeting("m", -5))["single-threaded"] == f"only {ANN} is firm"
    assert "single-threaded" not in flags(meeting("m", -5), meeting("n", -6, {BOB: "yes"}))
    assert "single-threaded" not in flags(meeting("m", -5, MAYBE))


@pytest.mark.parametrize(("days", "single"), [(-90, False), (-91, True), (20, False)])
def test_firm_buyers_are_those_of_90_days_and_of_the_future(days: int, single: bool) -> None:
    found = flags(meeting("m", -5), meeting("n", days, {BOB: "yes"}))

    assert ("single-threaded" in found) is single


def test_a_buyer_whose_address_is_not_kept_is_someone_at_the_domain() -> None:
    nameless = replace(person(ANN, "yes"), email=None)
    what = replace(state(in_days(-5)), people=(nameless, person(REP)))

    r = scored([copy("m", version("1 Jan 2025 08:00", what))]).result

    assert r.firm_buyers == ("someone@acme.example",)


def test_a_key_player_without_any_firm_meeting_is_missing() -> None:
    acme = account(key_players={CFO: CFO, BOB: BOB})

    assert flags(meeting("m", -5, {CFO: "maybe"}), who=acme)["key-player-missing"] == (
        f"no firm meeting with {BOB} and {CFO}, ever"
    )
    assert "key-player-missing" not in flags(meeting("m", -300, {CFO: "yes", BOB: "yes"}), who=acme)


def test_a_key_player_counts_by_an_assistant() -> None:
    acme = account(key_players={CFO: CFO})

    assert "key-player-missing" not in flags(meeting("m", -5, {EA: "yes"}), who=acme, delegates={EA: (CFO, CFO)})


@pytest.mark.parametrize(("ours", "driven"), [(3, False), (4, True), (5, True)])
def test_four_meetings_in_a_row_by_us_are_seller_driven(ours: int, driven: bool) -> None:
    theirs = meeting("first", -60, {}, organizer=ANN)

    found = flags(theirs, *(meeting(f"m{n}", -50 + n) for n in range(ours)))

    assert ("seller-driven" in found) is driven


def test_a_booking_by_link_is_the_buyers_idea() -> None:
    held = [meeting(f"m{n}", -50 + n) for n in range(5)]

    assert "seller-driven" not in flags(*held, meeting("link", -5, booking=linked()))


def test_an_account_met_only_in_a_series_says_so() -> None:
    weekly = copy("s", series("1 Jan 2025 08:00", dates("5 Mar 10:00", 5), YES))

    assert "series-only" in flags(weekly)
    assert "series-only" not in flags(weekly, meeting("m", -2))


def test_a_far_slot_alone_is_flagged() -> None:
    assert flags(meeting("m", 31))["next-far-off"] == "the only firm slot is on Thu 16 Apr"
    assert "next-far-off" not in flags(meeting("m", 30))


@pytest.mark.parametrize(
    ("copies", "flagged"),
    [
        ([meeting("m", -1)], True),  # real
        ([meeting("m", -10)], True),  # soft
        ([meeting("m", -30)], True),  # stalled
        ([meeting("m", -60)], False),  # lost: no step is asked for
        ([meeting("m", -1), meeting("n", 90)], False),
        ([meeting("m", 3, MAYBE)], False),  # nothing was ever held
    ],
)
def test_no_next_step_is_flagged_at_once(copies: list[Copy], flagged: bool) -> None:
    assert ("no-next-step" in flags(*copies)) is flagged


def theirs(uid: str, seen: datetime, answer: str = "", days: int = 5) -> Copy:
    """Return an invitation by the buyer that came up at `seen`."""
    what = replace(state(in_days(days), {}, ANN), people=(person(ANN), person(REP, answer)))
    return copy(uid, version(seen, what, after=seen - timedelta(days=1)))


@pytest.mark.parametrize(("hours", "late"), [(24, False), (25, True)])
def test_an_invitation_of_the_buyers_waits_for_24_hours(hours: int, late: bool) -> None:
    found = flags(theirs("m", AS_OF - timedelta(hours=hours)))

    assert found.get("answer-the-buyer") == ("1 invitation of theirs open, the oldest for 25 h" if late else None)


@pytest.mark.parametrize("answer", ["yes", "maybe", "no"])
def test_any_answer_of_ours_answers_the_buyer(answer: str) -> None:
    assert "answer-the-buyer" not in flags(theirs("m", AS_OF - timedelta(days=3), answer))


def test_what_is_over_waits_for_no_answer() -> None:
    on = theirs("m", AS_OF - timedelta(days=3))
    off = version("15 Mar 08:00", gone(on.versions[0].state), after="14 Mar 08:00")
    cancelled = replace(on, versions=(*on.versions, off))

    assert "answer-the-buyer" not in flags(theirs("m", AS_OF - timedelta(days=9), days=-2))
    assert "answer-the-buyer" not in flags(cancelled)


def test_an_invitation_to_a_series_waits_once() -> None:
    what = series("10 Mar 08:00", dates("20 Mar 10:00", 9), {REP: ""}, organizer=ANN, after="9 Mar 08:00")

    assert flags(copy("s", what))["answer-the-buyer"] == "1 invitation of theirs open, the oldest for 6 d"


def test_an_assistants_invitation_waits_like_the_principals() -> None:
    what = replace(state(in_days(5), {}, EA), people=(person(CFO), person(EA), person(REP)))
    invitation = copy("m", version("10 Mar 18:00", what, after="9 Mar 18:00"))

    assert "answer-the-buyer" in flags(invitation, delegates={EA: (CFO, CFO)})


def proposing(who: str, seen: str, days: int = 5) -> Copy:
    """Return a meeting of ours for which somebody proposed another time at `seen`."""
    before = state(in_days(days), SILENT)
    asked = replace(
        before, people=tuple(replace(p, proposed=in_days(days + 2)) if p.person == who else p for p in before.people)
    )
    return copy("m", version("1 Mar 08:00", before), version(seen, asked, after="1 Mar 08:00"))


def test_a_proposal_of_the_buyers_waits_for_24_hours() -> None:
    assert "answer-the-buyer" in flags(proposing(ANN, "15 Mar 17:00"))
    assert "answer-the-buyer" not in flags(proposing(ANN, "15 Mar 18:00"))
    assert "answer-the-buyer" not in flags(proposing(REP, "10 Mar 18:00"))


def test_unanswered_invitations_are_counted_with_the_age_of_the_oldest() -> None:
    def sent(uid: str, days: int) -> Copy:
        seen = AS_OF - timedelta(days=days)
        return copy(uid, version(seen, state(in_days(5), SILENT), after=seen - timedelta(days=1)))

    found = flags(sent("a", 9), sent("b", 3), meeting("held", -2))

    assert found["unanswered-invitations"] == "2, the oldest 9 d"


def test_an_unanswered_series_is_one_invitation_as_old_as_its_first_sight() -> None:
    short = series("8 Mar 18:00", dates("20 Mar 10:00", 3), SILENT, after="7 Mar 18:00")
    longer = series("15 Mar 18:00", dates("20 Mar 10:00", 6), {ANN: "", BOB: ""}, after="14 Mar 18:00")

    assert flags(copy("s", short, longer))["unanswered-invitations"] == "1, the oldest 8 d"


def test_what_is_answered_or_over_is_not_unanswered() -> None:
    found = flags(meeting("a", 5, MAYBE), meeting("b", -5, SILENT), meeting("c", 5, {ANN: "no"}))

    assert "unanswered-invitations" not in found


def test_changes_tell_what_happened_to_the_accounts_people_only() -> None:
    before = state(in_days(5), {ANN: "", "max@cedar.example": ""})
    after = state(in_days(5), {ANN: "yes", "max@cedar.example": "yes"})

    r = scored([copy("m", version("1 Mar 08:00", before), version("5 Mar 08:00", after, after="4 Mar 08:00"))]).result

    assert [(c.kind, c.person) for c in r.changes] == [(ChangeKind.ANSWER_CHANGED, ANN)]


# --- the first action -------------------------------------------------------------------------------------------------


def first(*accounts: Scored) -> FirstAction | None:
    return first_action(ranked(accounts))


def named(name: str, *copies: Copy, **more: Any) -> Scored:  # noqa: ANN401
    """Score one account of that name; its people are at acme.example."""
    return scored(copies, account(name, "acme.example", **more))


WAITING = named("Waiting", theirs("m", AS_OF - timedelta(hours=3)))
NO_STEP = named("No step", meeting("m", -2))
TODAY = named("Today", met("m", slot("16 Mar 19:00", 60), YES, seen="1 Jan 2025 08:00"))
TURNING = named("Turning", meeting("m", -19))
GONE = named("Gone", meeting("m", -46))
FINE = named("Fine", meeting("m", 3))


def test_the_first_action_is_the_first_that_applies() -> None:
    everybody = [GONE, TURNING, FINE, TODAY, NO_STEP, WAITING]

    order = []
    while (action := first(*everybody)) is not None:
        order.append((action.rule, action.account))
        everybody = [one for one in everybody if one.result.account.name != action.account]

    assert order == [(1, "Waiting"), (2, "No step"), (3, "Today"), (4, "Turning"), (5, "Gone")]
    assert [one.result.account.name for one in everybody] == ["Fine"]


def test_among_equals_the_better_rank_comes_first() -> None:
    better = named("Zeta", meeting("m", -2, {ANN: "yes", BOB: "yes"}))

    action = first(NO_STEP, better)

    assert action is not None
    assert action.account == "Zeta"


def test_customers_ask_for_no_action() -> None:
    assert first(named("Old friend", meeting("m", -2), type=AccountType.CUSTOMER)) is None


def text(one: Scored) -> tuple[str, date | None]:
    action = first(one)
    assert action is not None
    return action.text, action.due


def test_the_first_action_says_what_to_do_until_when() -> None:
    assert text(WAITING) == (
        "Answer the buyer: their invitation for Sat 21 Mar 10:00, 60 min has waited 3 h.",
        date(2026, 3, 16),
    )
    assert text(NO_STEP) == (
        "Ask for a next step before Sat 21 Mar. Held 2 d ago (60 min, 1 buyer). Nothing is booked.",
        date(2026, 3, 21),
    )
    assert text(TODAY) == ("Meet them today. Next: Mon 16 Mar 19:00, 60 min, 1 buyer accepted.", date(2026, 3, 16))
    assert text(TURNING) == (
        "Ask for a firm slot before Wed 18 Mar: Last held 19 d ago, nothing firm booked.",
        date(2026, 3, 18),
    )
    assert text(GONE)[1] == date(2026, 7, 28)  # held on 29 January, and 180 days


def test_a_proposal_names_the_time_that_was_proposed() -> None:
    assert text(named("Acme", proposing(ANN, "16 Mar 17:00")))[0] == (
        "Answer the buyer: their proposal for Mon 23 Mar 10:00, 60 min has waited 1 h."
    )


@pytest.mark.parametrize(("quiet", "turning"), [(17, False), (18, True), (21, True), (22, False)])
def test_a_soft_account_turns_three_days_before_it_stalls(quiet: int, turning: bool) -> None:
    assert (first(named("Acme", meeting("m", -quiet))) is not None) is turning  # stall_after 21


@pytest.mark.parametrize(("pushes", "turning"), [(1, False), (2, True), (3, False)])
def test_two_pushes_of_the_next_meeting_are_one_from_stalling(pushes: int, turning: bool) -> None:
    versions = [version("1 Jan 2025 08:00", state(in_days(3 - pushes), YES))]
    for number in range(pushes):
        what = state(in_days(4 - pushes + number), YES)
        versions.append(version(f"{number + 1} Mar 08:00", what, after=versions[-1].seen_at))

    action = first(named("Acme", copy("m", *versions)))

    assert (action is not None) is turning
    assert action is None or (action.rule, action.due) == (4, date(2026, 3, 19))


@pytest.mark.parametrize(("quiet", "said"), [(45, False), (46, True), (47, True), (48, True), (49, False)])
def test_a_loss_is_said_once_or_on_the_monday_after(quiet: int, said: bool) -> None:
    action = first(named("Acme", meeting("m", -quiet)))  # the report is of a Monday

    assert (action is not None) is said


def test_a_loss_is_said_on_one_working_day_only() -> None:
    tuesday = at("17 Mar 18:00")

    found = [first(scored([meeting("m", -days)], as_of=tuesday)) is not None for days in (44, 45, 46)]

    assert found == [False, True, False]


# --- the rank ---------------------------------------------------------------------------------------------------------


def ranks(*accounts: Scored) -> list[tuple[int | None, str]]:
    return [(one.result.rank, one.result.account.name) for one in ranked(accounts)]


def test_the_rank_is_by_status_then_score_then_hours_then_name() -> None:
    real = named("Zeta", meeting("m", 3, {}, organizer=ANN))
    soft = named("Alpha", meeting("m", -20, {f"b{n}@acme.example": "yes" for n in range(6)}))
    twins = [named(name, meeting("m", 3)) for name in ("Cedar", "Birch")]

    assert ranks(soft, *twins, real) == [(1, "Zeta"), (2, "Birch"), (3, "Cedar"), (4, "Alpha")]


def test_of_equal_scores_the_more_hours_come_first() -> None:
    far = named("Far", meeting("m", 300))  # a lead over 60 days weighs nothing
    none = named("Aaa", meeting("m", 300, MAYBE))
    both = [replace(one, result=replace(one.result, score=0.0, status=Status.SOFT)) for one in (none, far)]

    assert ranks(*both) == [(1, "Aaa"), (2, "Far")]
    more = replace(both[1], result=replace(both[1].result, time=replace(both[1].result.time, raw_hours=2.0)))
    assert ranks(both[0], more) == [(1, "Far"), (2, "Aaa")]


def test_customers_and_partners_have_no_rank_and_come_last() -> None:
    customer = named("Customer", meeting("m", 3, {}, organizer=ANN), type=AccountType.CUSTOMER)
    partner = named("Partner", meeting("m", -2), type=AccountType.PARTNER)

    assert ranks(customer, partner, GONE) == [(1, "Gone"), (None, "Customer"), (None, "Partner")]


def test_every_status_has_its_place() -> None:
    order = [s.value for s in Status]

    assert order == ["REAL", "SOFT", "STALLED", "NEW", "LOST", "NO EVIDENCE", "UNKNOWN"]
