"""Reps and teams: each metric of the model's table, bounds, ranks, coverage, trend, notice, contest.

As of Mon 16 Mar 2026 18:00; the period is the 28 days from 17 Feb to 16 Mar.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits import ACME, PERIOD, TODAY, connection, deal, gap, judge, met, on, open_deals, rep, seen, team
from calsignal.model import Account, AccountType, Copy, Deal, Outcome, Slot, State, Status
from calsignal.score.account import score_account
from calsignal.score.audit import Period, RepMetrics
from calsignal.score.books import Books, Scope, roster
from calsignal.score.constants import Constants
from calsignal.score.reps import metrics, rate, watch
from worlds import ANN, AS_OF, BOB, CFO, REP, TWO, account, copy, dates, gone, lens, person, series, slot, version

THREE = "three@ours.example"
BOTH = (connection(), connection(TWO))
BIRCH, CEDAR = account("Birch"), account("Cedar")
MAX, ZOE = "max@birch.example", "zoe@cedar.example"
C = Constants()


def mine(*copies: Copy, **more: Any) -> RepMetrics:  # noqa: ANN401
    return rep(team(copies, **more))


def counts(found: Any) -> tuple[int, int]:  # noqa: ANN401
    return found.hits, found.n


# --- bounds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hits", "n", "lower"),
    [(3, 3, 0.438), (8, 10, 0.490), (24, 40, 0.446), (40, 50, 0.670)],
)
def test_the_lower_bound_is_wilsons(hits: int, n: int, lower: float) -> None:
    found = rate(hits, n, C)

    assert found.lower == pytest.approx(lower, abs=5e-4)
    assert found.value == hits / n


@pytest.mark.parametrize(("n", "few"), [(1, True), (4, True), (5, False)])
def test_under_five_is_too_few(n: int, few: bool) -> None:
    assert rate(1, n, C).too_few is few


def test_of_nothing_there_is_no_rate() -> None:
    found = rate(0, 0, C, nothing="no meeting held")

    assert (found.value, found.lower, found.upper, found.n, found.why) == (None, None, None, 0, "no meeting held")


def test_bounds_end_where_shares_end() -> None:
    assert rate(0, 9, C).lower == 0.0
    assert rate(9, 9, C).upper == 1.0


# --- eager prospects, rebook rate -------------------------------------------------------------------------------------

# held 20 Feb; booked again 21 Feb for 2 Mar, and 3 Mar for 20 Mar
EAGER = (
    met("a", "20 Feb 10:00", "10 Feb 09:00"),
    met("b", "2 Mar 10:00", "21 Feb 09:00"),
    met("c", "20 Mar 10:00", "3 Mar 09:00"),
)


def test_an_account_with_a_rebook_in_the_period_is_eager_once() -> None:
    m = mine(*EAGER)

    assert (m.eager, m.eager_prospects, m.rebooks) == (("Acme",), 1, 2)
    assert counts(m.rebook_rate) == (2, 2)  # those of 20 Feb and 2 Mar, both followed


@pytest.mark.parametrize(
    ("booked", "eager"),
    [("16 Feb 12:00", 0), ("17 Feb 00:00", 1), ("16 Mar 17:00", 1)],  # the first day of the period is 17 Feb
)
def test_a_rebook_counts_on_the_day_it_was_booked(booked: str, eager: int) -> None:
    held = met("a", "10 Feb 10:00" if "Feb" in booked else "10 Mar 10:00", "1 Feb 09:00")

    assert mine(held, met("b", "25 Mar 10:00", booked)).eager_prospects == eager


@pytest.mark.parametrize(
    ("day", "counted"),
    [("2 Mar", (0, 1)), ("3 Mar", (0, 0)), ("17 Feb", (0, 1)), ("16 Feb", (0, 0))],
)
def test_a_held_meeting_counts_towards_the_rebook_rate_when_14_days_old(day: str, counted: tuple[int, int]) -> None:
    assert counts(mine(met("a", f"{day} 10:00", "1 Feb 09:00")).rebook_rate) == counted


def test_a_young_meeting_counts_once_it_was_booked_again() -> None:
    found = mine(met("a", "10 Mar 10:00", "1 Mar 09:00"), met("b", "20 Mar 10:00", "11 Mar 09:00")).rebook_rate

    assert counts(found) == (1, 1)


def test_a_rebook_goes_to_those_on_the_new_meeting_and_the_rate_to_those_on_the_held_one() -> None:
    made = team(
        (met("a", "2 Mar 10:00", "20 Feb 09:00"), met("b", "20 Mar 10:00", "3 Mar 09:00", ours=(TWO,))),
        connections=BOTH,
    )

    assert [rep(made, r).eager_prospects for r in (REP, TWO)] == [0, 1]
    assert [counts(rep(made, r).rebook_rate) for r in (REP, TWO)] == [(1, 1), (0, 0)]
    assert (made.total.eager_prospects, counts(made.total.rebook_rate)) == (1, (1, 1))


def test_a_meeting_with_two_reps_is_credited_to_each_and_once_in_total() -> None:
    together = [
        replace(c, mailbox=REP)
        for c in (met(x.uid, *when, ours=(REP, TWO)) for x, when in zip(EAGER, WHEN, strict=True))
    ]

    made = team(together, connections=BOTH, teams={"north": [REP, TWO], "south": []})

    assert [rep(made, r).rebooks for r in (REP, TWO)] == [2, 2]
    north, south = made.teams
    assert (made.total.rebooks, north.rebooks, south.rebooks) == (2, 2, 0)
    assert (north.rep, rep(made).teams, south.teams) == ("north", ("north",), ())


WHEN = (("20 Feb 10:00", "10 Feb 09:00"), ("2 Mar 10:00", "21 Feb 09:00"), ("20 Mar 10:00", "3 Mar 09:00"))


def test_customers_and_partners_count_for_nobody() -> None:
    for kind in (AccountType.CUSTOMER, AccountType.PARTNER):
        m = rep(team(EAGER, replace(ACME, type=kind), deals=[deal()]))

        assert (m.rebooks, m.rebook_rate.n, m.buyer_hours_per_week.n, m.soft_share, m.accounts) == (0, 0, 0, (), 0)


# --- next step --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("copies", "deals", "counted"),
    [
        ([met("a", "2 Mar 10:00", "20 Feb 09:00"), met("n", "20 Mar 10:00", "10 Mar 09:00")], [], (1, 1)),
        ([met("a", "2 Mar 10:00", "20 Feb 09:00")], [], (0, 1)),
        ([met("a", "15 Jan 10:00", "1 Jan 09:00")], [], (0, 1)),  # 60 d ago
        ([met("a", "14 Jan 10:00", "1 Jan 09:00")], [], (0, 0)),
        ([met("n", "20 Mar 10:00", "10 Mar 09:00")], [], (0, 0)),  # neither held nor a deal
        ([met("n", "20 Mar 10:00", "10 Mar 09:00")], [deal()], (1, 1)),
        ([], [deal()], (0, 1)),
        ([], [deal(owner=TWO)], (0, 0)),
        ([], [deal(outcome=Outcome.LOST)], (0, 0)),
        ([met("a", "2 Mar 10:00", "20 Feb 09:00"), met("n", "20 Apr 10:00", "10 Mar 09:00")], [], (0, 1)),  # 35 d ahead
    ],
)
def test_next_step_coverage(copies: list[Copy], deals: list[Deal], counted: tuple[int, int]) -> None:
    assert counts(mine(*copies, deals=deals).next_step_coverage) == counted


def test_an_open_deal_that_nobody_owns_counts_in_the_total() -> None:
    made = team((), deals=[deal(owner="Nobody")])

    assert (counts(made.total.next_step_coverage), counts(rep(made).next_step_coverage)) == ((0, 1), (0, 0))


def test_an_account_of_which_nothing_can_be_known_is_left_out() -> None:
    dark = score_account(ACME, (), lens([ACME]), C, unknown="No calendar is connected.")
    books = Books(Scope(PERIOD, C, roster([connection()], {}, (), lens([ACME]).directory)))
    books.add(dark, lambda _: Status.REAL, open_deals(judge([deal()], scored={"Acme": dark}).lines))

    found = metrics(books, (), [connection()], UTC, {"Acme"}).total.next_step_coverage

    assert (found.value, found.n, found.left_out) == (None, 0, 1)
    assert found.why == "1 left out: of unknown status"


# --- buyer-hours, initiated, breadth ----------------------------------------------------------------------------------


def test_buyer_hours_a_week_are_firm_hours_of_held_meetings() -> None:
    two = met("a", "2 Mar 10:00", "20 Feb 09:00", {ANN: "yes", BOB: "yes"})
    theirs = met("b", "9 Mar 10:00", "1 Mar 09:00", {ANN: "", REP: "yes"}, organizer=ANN, minutes=30)
    before = met("c", "16 Feb 10:00", "1 Feb 09:00")

    found = mine(two, theirs, before).buyer_hours_per_week

    # (2 x 1 h x .9 + .5 h x .95) / 4 weeks = 2.275 / 4
    assert found.value == pytest.approx(0.56875)
    assert found.n == 2


def test_minutes_that_overlap_count_once_in_buyer_hours() -> None:
    first, second = (met(uid, "2 Mar 10:00", "20 Feb 09:00") for uid in "ab")

    assert mine(first, second).buyer_hours_per_week.value == pytest.approx(0.9 / 4)


def test_weeks_run_from_monday_and_the_last_one_still_runs() -> None:
    monday, before = met("a", "16 Mar 10:00", "1 Mar 09:00"), met("b", "15 Mar 10:00", "1 Mar 09:00")

    weeks = mine(monday, before, met("c", "29 Dec 2025 10:00", "20 Dec 2025 09:00")).weeks

    assert len(weeks) == 12
    assert [(w.monday, round(w.hours, 4), w.meetings, w.whole) for w in (weeks[0], weeks[-2], weeks[-1])] == [
        (date(2025, 12, 29), 0.9, 1, True),
        (date(2026, 3, 9), 0.9, 1, True),
        (date(2026, 3, 16), 0.9, 1, False),
    ]


def test_initiated_is_what_the_buyer_organised_or_booked() -> None:
    ours = met("a", "2 Mar 10:00", "20 Feb 09:00")
    theirs = met("b", "9 Mar 10:00", "1 Mar 09:00", {ANN: "", REP: "yes"}, organizer=ANN)
    soft = met("c", "10 Mar 10:00", "1 Mar 09:00", {ANN: "maybe"})

    assert counts(mine(ours, theirs, soft).buyer_initiated_share) == (1, 2)


def test_breadth_is_the_median_of_firm_buyers_over_active_accounts() -> None:
    copies = [
        met("a", "2 Mar 10:00", "20 Feb 09:00", {ANN: "yes", BOB: "yes", CFO: "yes"}),
        met("b", "2 Mar 12:00", "20 Feb 09:00", {MAX: "yes"}),
        met("c", "25 Apr 12:00", "20 Feb 09:00", {ZOE: "yes", "zed@cedar.example": "yes"}),
    ]

    found = rep(team(copies, ACME, BIRCH, CEDAR, account("Dune"))).breadth

    assert (found.value, found.n) == (2.0, 3)  # the median of 3, 1 and 2; Dune is not active


# --- ask to accept ----------------------------------------------------------------------------------------------------


def asked(uid: str, sent: str, answered: str | None, answer: str = "yes", **more: Any) -> Copy:  # noqa: ANN401
    """Return an invitation for 20 Mar, sent and answered then."""
    steps = [(sent, on("20 Mar 10:00", {ANN: ""}))]
    steps += [(answered, on("20 Mar 10:00", {ANN: answer}))] if answered else []
    return seen(uid, *steps, **more)


@pytest.mark.parametrize(
    ("one", "counted"),
    [
        (asked("a", "1 Mar 09:00", "2 Mar 09:00"), (1, 1)),
        (asked("a", "1 Mar 09:00", "8 Mar 09:00"), (1, 1)),  # 7 d
        (asked("a", "1 Mar 09:00", "9 Mar 09:00"), (0, 1)),  # 8 d
        (asked("a", "1 Mar 09:00", "2 Mar 09:00", "maybe"), (0, 1)),
        (asked("a", "1 Mar 09:00", None), (0, 1)),
        (asked("a", "15 Mar 09:00", None), (0, 1)),
        (asked("a", "16 Feb 09:00", "17 Feb 09:00"), (0, 0)),  # sent before the period
        (met("a", "20 Mar 10:00", "1 Mar 09:00", {ANN: "", REP: "yes"}, organizer=ANN), (0, 0)),  # theirs
    ],
)
def test_ask_to_accept(one: Copy, counted: tuple[int, int]) -> None:
    assert counts(mine(one).ask_to_accept) == counted


def test_a_series_is_one_invitation() -> None:
    starts = dates("2 Mar 10:00", 6)
    weekly = copy("s", series("1 Mar 09:00", starts, {ANN: "yes"}, after="1 Mar 08:00"))

    assert counts(mine(weekly).ask_to_accept) == (1, 1)


def test_an_invitation_that_was_there_already_is_left_out_unless_its_age_is_known() -> None:
    there = version("20 Feb 08:00", on("20 Mar 10:00", {ANN: ""}))

    unknown, known = (mine(copy("a", there, created=made)).ask_to_accept for made in (None, "18 Feb 09:00"))

    assert (unknown.n, unknown.left_out, unknown.value) == (0, 1, None)
    assert unknown.why == "1 left out: of unknown age"
    assert counts(known) == (0, 1)


# --- push, drop, own move ---------------------------------------------------------------------------------------------


def moved(uid: str, *moves: tuple[str, str], by_buyer: bool, first: str = "5 Mar 10:00") -> Copy:
    """Return a meeting booked on 20 Feb that was moved (on a day, to a day), the buyer's moves after a decline."""
    steps = [("20 Feb 09:00", on(first))]
    now = first
    for when, to in moves:
        if by_buyer:
            steps.append((f"{when} 09:00", on(now, {ANN: "no"})))
        steps.append((f"{when} 12:00", on(to)))
        now = to
    return seen(uid, *steps)


def rates(m: RepMetrics) -> dict[str, tuple[int, int]]:
    return {"push": counts(m.push_rate), "drop": counts(m.drop_rate), "own": counts(m.own_move_rate)}


OFF = on("12 Mar 10:00")


@pytest.mark.parametrize(
    ("copies", "found"),
    [
        ([moved("a", by_buyer=False)], {"push": (0, 1), "drop": (0, 1), "own": (0, 1)}),
        ([moved("a", ("1 Mar", "12 Mar 10:00"), by_buyer=True)], {"push": (1, 1), "drop": (0, 1), "own": (0, 1)}),
        (
            [moved("a", ("1 Mar", "12 Mar 10:00"), ("4 Mar", "19 Mar 10:00"), by_buyer=True)],
            {"push": (1, 1), "drop": (0, 1), "own": (0, 1)},  # one chain, twice
        ),
        ([moved("a", ("1 Mar", "12 Mar 10:00"), by_buyer=False)], {"push": (0, 1), "drop": (0, 1), "own": (1, 1)}),
        ([moved("a", ("1 Mar", "3 Mar 10:00"), by_buyer=False)], {"push": (0, 1), "drop": (0, 1), "own": (1, 1)}),
        ([moved("a", ("1 Mar", "3 Mar 10:00"), by_buyer=True)], {"push": (0, 1), "drop": (0, 1), "own": (0, 1)}),
        (  # declined by the buyer on 25 Feb: dropped on 11 Mar
            [seen("a", ("20 Feb 09:00", OFF), ("25 Feb 09:00", on("12 Mar 10:00", {ANN: "no"})))],
            {"push": (0, 1), "drop": (1, 1), "own": (0, 1)},
        ),
        (  # lost on 10 Feb, before the period, but charged on 24 Feb
            [seen("a", ("1 Feb 09:00", OFF), ("10 Feb 09:00", on("12 Mar 10:00", {ANN: "no"})))],
            {"push": (0, 1), "drop": (1, 1), "own": (0, 1)},
        ),
        (  # cancelled by us
            [seen("a", ("20 Feb 09:00", OFF), ("25 Feb 09:00", gone(OFF)))],
            {"push": (0, 1), "drop": (0, 1), "own": (0, 1)},
        ),
        (  # never firm
            [
                seen(
                    "a", ("20 Feb 09:00", on("12 Mar 10:00", {ANN: ""})), ("1 Mar 09:00", on("19 Mar 10:00", {ANN: ""}))
                )
            ],
            {"push": (0, 0), "drop": (0, 0), "own": (0, 0)},
        ),
        ([met("a", "5 Mar 10:00", "1 Mar 09:00", minutes=4)], {"push": (0, 0), "drop": (0, 0), "own": (0, 0)}),
        ([met("a", "10 Feb 10:00", "1 Feb 09:00")], {"push": (0, 0), "drop": (0, 0), "own": (0, 0)}),  # held before
        ([met("a", "1 Jun 10:00", "1 Feb 09:00")], {"push": (0, 1), "drop": (0, 1), "own": (0, 1)}),  # firm throughout
    ],
)
def test_push_drop_and_own_move_rates(copies: list[Copy], found: dict[str, tuple[int, int]]) -> None:
    assert rates(mine(*copies)) == found


def test_a_cancelled_meeting_that_was_booked_again_is_one_chain() -> None:
    first = seen("a", ("20 Feb 09:00", OFF), ("25 Feb 09:00", gone(OFF)))
    again = met("b", "19 Mar 10:00", "27 Feb 09:00")

    assert rates(mine(first, again)) == {"push": (0, 1), "drop": (0, 1), "own": (1, 1)}


def test_of_a_series_each_date_is_a_chain_and_the_whole_is_one() -> None:
    starts = dates("2 Mar 10:00", 6)  # 2, 9, 16 Mar held; 23 Mar is the next; later dates are no decision yet
    weekly = copy("s", series("20 Feb 09:00", starts, {ANN: "yes"}, after="20 Feb 08:00"))

    assert rates(mine(weekly))["push"] == (0, 5)


def test_a_date_of_a_series_that_the_buyer_put_off_is_one_push() -> None:
    starts = dates("2 Mar 10:00", 6)
    weekly = copy("s", series("20 Feb 09:00", starts, {ANN: "yes"}, after="20 Feb 08:00"))
    when = starts[2]
    no, later = on("16 Mar 10:00", {ANN: "no"}, minutes=30), on("18 Mar 10:00", minutes=30)
    apart = seen("s", ("10 Mar 09:00", no), ("11 Mar 09:00", later), original_start=when, event="s/3")

    # held 2 and 9 Mar; 18 Mar, moved, is the next; and the series as a whole
    assert rates(mine(weekly, apart)) == {"push": (1, 4), "drop": (0, 4), "own": (0, 4)}


# --- soft share -------------------------------------------------------------------------------------------------------


def test_soft_share_is_open_money_that_is_not_real_per_currency() -> None:
    real = met("n", "20 Mar 10:00", "10 Mar 09:00")
    deals = [
        deal("D-1", amount="300"),
        deal("D-2", "Birch", amount="100"),
        deal("D-3", "Birch", amount="50", currency="USD"),
        deal("D-4", "Nowhere", amount="50"),
        deal("D-5", amount=None),
        deal("D-6", amount="1000", owner=TWO),
        deal("D-7", amount="0", currency="GBP"),
    ]

    m = rep(team([real], ACME, BIRCH, deals=deals))

    euro, pound, dollar = m.soft_share
    # (100 + 50) / (300 + 100 + 50)
    assert (euro.currency, euro.n) == ("EUR", 3)
    assert (euro.soft, euro.open, euro.unknown) == (Decimal(150), Decimal(450), Decimal(50))
    assert euro.value == pytest.approx(1 / 3)
    assert (dollar.value, dollar.n, pound.value) == (1.0, 1, None)


# --- hours on dead accounts -------------------------------------------------------------------------------------------

SILENCE = {ANN: ""}


@pytest.mark.parametrize(
    ("copies", "value", "n", "left_out"),
    [
        ([met("a", "10 Mar 10:00", "1 Mar 09:00")], 0, 1, 0),  # firm: REAL as it begins
        ([met("a", "10 Mar 10:00", "1 Mar 09:00", SILENCE)], 0, 1, 0),  # invited 9 d before: NEW
        ([met("a", "10 Mar 10:00", "20 Feb 09:00", SILENCE)], 1.0, 1, 0),  # 18 d before: NO EVIDENCE
        (  # held 22 Dec: 78 d ago, LOST
            [met("o", "22 Dec 2025 10:00", "15 Dec 2025 09:00"), met("a", "10 Mar 10:00", "9 Mar 09:00", SILENCE)],
            1.0,
            1,
            0,
        ),
        (  # held 10 Feb: 28 d ago, STALLED; asked for a date that begins within 48 h
            [met("o", "10 Feb 10:00", "1 Feb 09:00"), met("a", "10 Mar 10:00", "9 Mar 09:00", SILENCE, minutes=90)],
            1.5,
            1,
            0,
        ),
        ([met("a", "10 Mar 10:00", "1 Feb 09:00", {ANN: "no"})], 0, 0, 0),  # everybody declined: nobody sat there
        ([met("a", "10 Mar 10:00", "11 Mar 09:00", SILENCE)], None, 0, 1),  # not known of when it began
        ([met("a", "10 Mar 10:00", "1 Feb 09:00", {ANN: "", REP: "no"})], 0, 0, 0),  # declined by us
        ([met("a", "16 Feb 10:00", "20 Jan 09:00", SILENCE)], 0, 0, 0),  # before the period
        ([], 0, 0, 0),
    ],
)
def test_hours_on_dead_accounts(copies: list[Copy], value: float | None, n: int, left_out: int) -> None:
    found = mine(*copies).dead_hours

    assert (found.value, found.n, found.left_out) == (value, n, left_out)


def test_the_status_is_the_one_of_that_time() -> None:
    silent = met("a", "24 Feb 10:00", "1 Feb 09:00", SILENCE)  # NO EVIDENCE on 24 Feb
    later = met("b", "20 Mar 10:00", "10 Mar 09:00")  # REAL today

    assert mine(silent, later).dead_hours.value == 1.0


def test_a_firm_meeting_of_an_account_whose_next_one_was_put_off_three_times_is_dead_time() -> None:
    pushed = moved(
        "p", ("21 Feb", "12 Mar 10:00"), ("22 Feb", "19 Mar 10:00"), ("23 Feb", "26 Mar 10:00"), by_buyer=True
    )
    other = met("a", "10 Mar 10:00", "1 Mar 09:00")

    assert mine(pushed, other).dead_hours.value == 1.0  # STALLED by rule 3 on 10 Mar


def test_two_reps_at_once_are_an_hour_each_and_one_in_total() -> None:
    made = team([met("a", "10 Mar 10:00", "20 Feb 09:00", SILENCE, ours=(REP, TWO))], connections=BOTH)

    assert [rep(made, r).dead_hours.value for r in (REP, TWO)] == [1.0, 1.0]
    assert made.total.dead_hours.value == 1.0


# --- answer time ------------------------------------------------------------------------------------------------------


def theirs(answer: str = "", **more: Any) -> State:  # noqa: ANN401
    return on("20 Mar 10:00", {ANN: "", REP: answer}, organizer=ANN, **more)


def answers(*copies: Copy, **more: Any) -> tuple[float | None, int, int]:  # noqa: ANN401
    found = mine(*copies, **more).answer_time_hours
    return found.value, found.n, found.left_out


def test_an_invitation_of_the_buyer_waits_until_we_answer() -> None:
    one = seen("a", ("2 Mar 09:00", theirs()), ("2 Mar 15:00", theirs("yes")), mailbox=REP)
    two = seen("b", ("3 Mar 09:00", theirs()), ("5 Mar 09:00", theirs("no")), mailbox=REP)

    assert answers(one) == (6.0, 1, 0)
    assert answers(one, two) == (27.0, 2, 0)  # the median of 6 and 48


def test_the_time_of_the_answer_goes_before_its_sight() -> None:
    told = replace(theirs(), people=(person(ANN), person(REP, "yes", answered_at=datetime(2026, 3, 2, 11, tzinfo=UTC))))

    assert answers(seen("a", ("2 Mar 09:00", theirs()), ("2 Mar 15:00", told), mailbox=REP)) == (2.0, 1, 0)
    assert answers(seen("a", ("2 Mar 15:00", told), created="2 Mar 09:00", mailbox=REP)) == (2.0, 1, 0)
    assert answers(seen("a", ("2 Mar 15:00", told), mailbox=REP)) == (None, 0, 0)  # when they invited is not known


def test_an_answer_that_was_there_at_first_sight_has_no_known_time() -> None:
    assert answers(seen("a", ("2 Mar 09:00", theirs("yes")), mailbox=REP)) == (None, 0, 0)


def test_what_waits_is_counted_apart() -> None:
    m = mine(seen("a", ("2 Mar 09:00", theirs()), mailbox=REP))

    assert (m.answer_time_hours.value, m.answer_time_hours.left_out, m.answer_time_hours.why) == (
        None,
        1,
        "1 not answered",
    )


def test_an_invitation_that_was_there_at_the_first_sync_is_not_timed() -> None:
    there = copy("a", version("2 Mar 09:00", theirs()), version("3 Mar 09:00", theirs("yes"), after="2 Mar 09:00"))

    assert answers(there) == (None, 0, 0)
    assert answers(replace(there, created=datetime(2026, 3, 1, 9, tzinfo=UTC))) == (48.0, 1, 0)


def proposing(to: str | None, start: str = "20 Mar 10:00") -> State:
    wish = None if to is None else slot(to, 60)
    return replace(on(start), people=(person(ANN, proposed=wish), person(REP, "yes")))


def test_a_proposal_waits_until_the_meeting_moves_or_it_is_taken_back() -> None:
    moved_to = seen(
        "a",
        ("1 Mar 09:00", on("20 Mar 10:00")),
        ("2 Mar 09:00", proposing("23 Mar 10:00")),
        ("2 Mar 19:00", on("23 Mar 10:00")),
    )
    taken_back = seen(
        "b",
        ("1 Mar 09:00", on("20 Mar 10:00")),
        ("2 Mar 09:00", proposing("23 Mar 10:00")),
        ("2 Mar 13:00", on("20 Mar 10:00")),
    )
    waiting = seen("c", ("1 Mar 09:00", on("20 Mar 10:00")), ("2 Mar 09:00", proposing("23 Mar 10:00")))

    assert answers(moved_to) == (10.0, 1, 0)
    assert answers(taken_back) == (4.0, 1, 0)
    assert answers(waiting) == (None, 0, 1)


def test_the_first_answer_is_the_teams() -> None:
    people = {ANN: "", REP: "", TWO: ""}
    steps = [
        ("2 Mar 09:00", people),
        ("2 Mar 11:00", {**people, TWO: "yes"}),
        ("2 Mar 19:00", {**people, TWO: "yes", REP: "yes"}),
    ]
    both = seen(
        "a", *((when, on("20 Mar 10:00", who, ours=(REP, TWO), organizer=ANN)) for when, who in steps), mailbox=REP
    )

    made = team([both], connections=BOTH)

    assert [rep(made, r).answer_time_hours.value for r in (REP, TWO)] == [10.0, 2.0]
    assert (made.total.answer_time_hours.value, made.total.answer_time_hours.n) == (2.0, 1)


# --- who is a rep -----------------------------------------------------------------------------------------------------


def test_reps_are_who_is_connected_in_a_team_or_owns_a_deal() -> None:
    made = team((), deals=[deal(owner="new@ours.example")], teams={"north": [THREE]}, connections=BOTH)

    assert {m.rep for m in made.reps} == {REP, TWO, THREE, "new@ours.example"}


def test_aliases_and_assistants_stand_for_their_mailbox() -> None:
    who: dict[str, Any] = {"aliases": {"r@ours.example": REP}, "delegates": {"ea@ours.example": (TWO, TWO)}}
    held = met("a", "2 Mar 10:00", "20 Feb 09:00", ours=("ea@ours.example", "r@ours.example"))

    made = team([held], connections=BOTH, teams={"north": ["r@ours.example"]}, **who)

    assert [rep(made, r).accounts for r in (REP, TWO)] == [1, 1]
    assert {m.rep for m in made.reps} == {REP, TWO}
    assert made.teams[0].accounts == 1


def test_a_rep_who_declined_was_not_there() -> None:
    made = team([met("a", "2 Mar 10:00", "20 Feb 09:00", {ANN: "yes", TWO: "no"}, ours=(REP, TWO))], connections=BOTH)

    assert [rep(made, r).accounts for r in (REP, TWO)] == [1, 0]


# --- coverage ---------------------------------------------------------------------------------------------------------


def since(day: date, **more: Any) -> Any:  # noqa: ANN401
    return connection(first_synced=datetime(day.year, day.month, day.day, 7, tzinfo=UTC), **more)


@pytest.mark.parametrize(
    ("states", "covered", "enough"),
    [
        ([connection()], 28, True),
        ([], 0, False),
        ([connection(first_synced=None)], 0, False),
        ([since(date(2026, 2, 19))], 26, True),  # 26 / 28 = 92.9 %
        ([since(date(2026, 2, 20))], 25, False),  # 89.3 %
        ([connection(gaps=(gap(date(2026, 3, 1), date(2026, 3, 2)),))], 26, True),
        ([connection(gaps=(gap(date(2026, 3, 1), date(2026, 3, 3)),))], 25, False),
        ([connection(stale=True, last_synced=datetime(2026, 3, 13, 8, tzinfo=UTC))], 25, False),
        ([connection(last_synced=datetime(2026, 3, 15, 20, tzinfo=UTC))], 28, True),  # not behind
        ([connection(retired_at=datetime(2026, 3, 10, 8, tzinfo=UTC))], 22, False),
        # one calendar took over from the other
        ([connection(retired_at=datetime(2026, 3, 10, 8, tzinfo=UTC)), since(date(2026, 3, 11))], 28, True),
    ],
)
def test_the_days_that_calendars_cover(states: list[Any], covered: int, enough: bool) -> None:
    found = watch(states, PERIOD, UTC, C)

    assert (found.days, found.covered, found.enough) == (28, covered, enough)


def test_no_rep_is_ranked_whose_calendars_cover_too_little() -> None:
    made = team(EAGER, connections=(since(date(2026, 2, 20)), connection(TWO)))

    m = rep(made)
    assert (m.ranked, m.rank, m.rebook_rate.rank) == (False, None, None)
    assert m.not_ranked == "calendars cover 25 of 28 days, under 90%: not ranked"
    assert (m.eager_prospects, rep(made, TWO).rank) == (1, 1)
    assert [x.rep for x in made.reps] == [TWO, REP]
    assert dict(made.contest.outside) == {REP: m.not_ranked}
    # 25 + 28 of 56 days
    assert (made.total.watch.covered, made.total.watch.days) == (53, 56)


def test_without_a_calendar_hours_are_unknown_and_not_zero() -> None:
    m = mine(connections=(connection(first_synced=None),))

    assert (m.buyer_hours_per_week.value, m.dead_hours.value) == (None, None)
    assert m.buyer_hours_per_week.why == m.dead_hours.why == "no calendar was read in the period"
    assert mine().buyer_hours_per_week.value == 0.0


# --- ranks ------------------------------------------------------------------------------------------------------------


def held_by(who: str, number: int, theirs: int, tag: str) -> list[Copy]:
    """Return so many meetings held by a rep, of which the buyer organised some."""
    return [
        met(
            f"{tag}{n}",
            f"{2 + n % 10} Mar {8 + n // 10:02}:00",
            "20 Feb 09:00",
            {ANN: "", who: "yes"} if n < theirs else {ANN: "yes"},
            ours=(who,),
            organizer=ANN if n < theirs else who,
            minutes=30,
        )
        for n in range(number)
    ]


def test_good_rates_rank_by_the_lower_bound_and_too_few_has_no_place() -> None:
    copies = [*held_by(REP, 10, 8, "a"), *held_by(TWO, 40, 24, "b"), *held_by(THREE, 3, 3, "c")]

    made = team(copies, connections=(*BOTH, connection(THREE)))

    shares = {r: rep(made, r).buyer_initiated_share for r in (REP, TWO, THREE)}
    assert {r: (s.hits, s.n, s.rank, s.too_few) for r, s in shares.items()} == {
        REP: (8, 10, 1, False),  # .490
        TWO: (24, 40, 2, False),  # .446
        THREE: (3, 3, None, True),
    }


def test_bad_rates_rank_by_the_upper_bound_lowest_first() -> None:
    few = [met(f"a{n}", f"{2 + n} Mar 10:00", "20 Feb 09:00") for n in range(5)]
    many = [met(f"b{n}", f"{2 + n} Mar 12:00", "20 Feb 09:00", ours=(TWO,)) for n in range(9)]

    made = team([*few, *many], connections=BOTH)

    # 0 of 5: upper .434; 0 of 9: upper .299
    assert [rep(made, r).push_rate.rank for r in (REP, TWO)] == [2, 1]
    assert rep(made).push_rate.upper == pytest.approx(0.434, abs=5e-4)
    assert rep(made, TWO).push_rate.upper == pytest.approx(0.299, abs=5e-4)


def test_equal_reps_share_a_place() -> None:
    made = team((), connections=(*BOTH, connection(THREE)))

    assert [m.rank for m in made.reps] == [1, 1, 1]


# --- trend, and the notice --------------------------------------------------------------------------------------------


def eager_on(who: str, buyer: str, held: str, booked: str, tag: str) -> list[Copy]:
    """Return a held meeting after which an account books again on a day, for 1 Jun."""
    return [
        met(f"{tag}h", held, "1 Dec 2025 12:00", {buyer: "yes"}, ours=(who,)),
        met(f"{tag}b", "1 Jun 10:00", booked, {buyer: "yes"}, ours=(who,)),
    ]


def test_the_trend_is_the_last_2_weeks_against_ones_own_mean_of_the_8_before() -> None:
    before = eager_on(REP, ANN, "5 Feb 10:00", "9 Feb 09:00", "a") + eager_on(
        REP, MAX, "5 Feb 12:00", "10 Feb 09:00", "b"
    )
    recent = eager_on(REP, ZOE, "1 Mar 10:00", "3 Mar 09:00", "c")  # 13 d ago: the first of the last 14 days

    trend = rep(team([*before, *recent], ACME, BIRCH, CEDAR)).trend

    assert (trend.recent, trend.usual) == (1, 0.5)  # 2 in 4 fortnights


def test_the_day_before_the_last_14_belongs_to_the_weeks_before() -> None:
    trend = rep(team(eager_on(REP, ANN, "1 Mar 10:00", "2 Mar 09:00", "c"))).trend

    assert (trend.recent, trend.usual) == (0, 0.25)


def test_there_is_no_trend_before_the_weeks_were_watched() -> None:
    trend = mine(connections=(since(date(2026, 2, 1)),)).trend

    assert (trend.usual, trend.why) == (None, "calendars cover 44 of 70 days")


@pytest.mark.parametrize(
    ("down", "up", "notice"),
    [
        (3, 2, "3 of 5 reps have fewer eager prospects in the last 2 weeks than in their own 8 weeks before: "),
        (2, 2, ""),  # 50 %
        (2, 0, "2 of 2 reps "),
        (1, 0, ""),  # one rep is no team
        (0, 3, ""),
    ],
)
def test_a_drop_of_most_reps_is_told_before_any_name(down: int, up: int, notice: str) -> None:
    reps = [f"r{n}@ours.example" for n in range(down + up)]
    accounts = [account(f"A{n}") for n in range(down + up)]
    copies = [
        c
        for n, who in enumerate(reps)
        for c in eager_on(
            who,
            f"x@a{n}.example",
            "5 Feb 10:00" if n < down else "1 Mar 10:00",
            "9 Feb 09:00" if n < down else "9 Mar 09:00",
            f"m{n}",
        )
    ]

    made = team(copies, *accounts, connections=[connection(r) for r in reps])

    assert made.notice.startswith(notice)
    assert bool(made.notice) is bool(notice)
    assert not notice or made.notice.endswith("look at the system or the season first.")


# --- the contest ------------------------------------------------------------------------------------------------------


def places(*copies: Copy, **more: Any) -> list[tuple[int, str, int, int | None, str]]:  # noqa: ANN401
    made = team(copies, ACME, BIRCH, CEDAR, connections=(*BOTH, connection(THREE)), **more)
    return [(p.place, p.rep.partition("@")[0], p.eager, p.behind, p.decided_by) for p in made.contest.places]


def test_the_contest_ranks_on_eager_prospects_and_tells_the_distance() -> None:
    copies = eager_on(TWO, ANN, "1 Mar 10:00", "3 Mar 09:00", "a")
    copies += eager_on(TWO, MAX, "1 Mar 12:00", "3 Mar 09:00", "b")

    assert places(*copies) == [
        (1, "two", 2, None, ""),
        (2, "rep", 0, 2, "eager prospects"),
        (3, "three", 0, 0, "name"),
    ]


def test_a_tie_goes_to_more_rebooks_then_to_those_of_the_buyer_then_to_more_hours_then_to_the_name() -> None:
    tie = [
        *eager_on(REP, ANN, "1 Mar 10:00", "3 Mar 09:00", "a"),
        *eager_on(TWO, MAX, "1 Mar 12:00", "3 Mar 09:00", "b"),
    ]
    more = [
        met("c", "2 Mar 12:00", "1 Dec 2025 12:00", {MAX: "yes"}, ours=(TWO,)),
        met("d", "2 Jun 10:00", "4 Mar 09:00", {MAX: "yes"}, ours=(TWO,)),
    ]
    hours = [met("e", "3 Mar 16:00", "1 Dec 2025 12:00", {MAX: "yes"}, ours=(TWO,), minutes=30)]
    buyers = [
        met("ah", "1 Mar 10:00", "1 Dec 2025 12:00", ours=(THREE,)),
        met("ab", "1 Jun 10:00", "3 Mar 09:00", {ANN: "", THREE: "yes"}, ours=(THREE,), organizer=ANN),
    ]

    assert places(*tie)[:2] == [(1, "rep", 1, None, ""), (2, "two", 1, 0, "name")]
    assert places(*tie, *hours)[:2] == [(1, "two", 1, None, ""), (2, "rep", 1, 0, "buyer-hours")]
    assert places(*tie, *more)[:2] == [(1, "two", 1, None, ""), (2, "rep", 1, 0, "rebooks")]
    assert places(*tie[2:], *buyers)[:2] == [(1, "three", 1, None, ""), (2, "two", 1, 0, "rebooks by the buyer")]


def test_there_is_a_winner_though_nobody_is_covered() -> None:
    made = team(EAGER, connections=(since(date(2026, 3, 10)), connection(TWO, first_synced=None)))

    assert [p.rep for p in made.contest.places] == [REP, TWO]
    assert made.contest.notice == "nobody's calendars cover enough of the period: everybody competes"
    assert dict(made.contest.outside) == {}


def test_without_reps_there_is_no_contest() -> None:
    made = team((), connections=())

    assert (made.reps, made.contest.places, made.contest.notice, made.total.watch.share) == ((), (), "", 0.0)


# --- laws -------------------------------------------------------------------------------------------------------------

PEOPLE = (ANN, BOB, MAX, ZOE)
STATES = st.builds(
    lambda who, answer, ours, theirs, day: (who, answer, ours, theirs, day),
    st.sampled_from(PEOPLE),
    st.sampled_from(["yes", "yes", "maybe", "", "no"]),
    st.sampled_from([(REP,), (TWO,), (REP, TWO)]),
    st.booleans(),
    st.integers(-45, 20),
)


def story(uid: str, seed: tuple[str, str, tuple[str, ...], bool, int], known: int, moved: int) -> Copy:
    who, answer, ours, theirs, day = seed
    start = datetime(2026, 3, 16, 10, tzinfo=UTC) + timedelta(days=day)
    first = AS_OF - timedelta(days=known)
    shapes = [
        on(Slot(at, at + timedelta(hours=1)), {who: answer}, ours=ours, organizer=who if theirs else ours[0])
        for at in ((start, start + timedelta(days=moved)) if moved else (start,))
    ]
    versions = [
        replace(version(first + timedelta(days=n), s), not_before=first + timedelta(days=n - 1))
        for n, s in enumerate(shapes)
    ]
    return copy(uid, *versions, mailbox=ours[0])


COPIES = st.lists(st.tuples(STATES, st.integers(1, 60), st.sampled_from([0, 0, 7, -2])), max_size=6).map(
    lambda rows: [story(f"m{n}", *row) for n, row in enumerate(rows)]
)


@given(COPIES, st.randoms(use_true_random=False))
def test_the_order_of_accounts_and_copies_does_not_matter(copies: list[Copy], chance: Any) -> None:  # noqa: ANN401
    accounts: list[Account] = [ACME, BIRCH, CEDAR]
    first = team(copies, *accounts, connections=BOTH)
    copies = copies.copy()
    chance.shuffle(copies)
    chance.shuffle(accounts)

    assert team(copies, *accounts, connections=BOTH[::-1]) == first


@given(COPIES)
def test_the_total_is_no_more_than_the_sum_of_its_reps(copies: list[Copy]) -> None:
    made = team(copies, ACME, BIRCH, CEDAR, connections=BOTH, teams={"all": [REP, TWO]})

    [everybody] = made.teams
    for metric in ("rebook_rate", "buyer_initiated_share", "ask_to_accept", "push_rate", "drop_rate", "own_move_rate"):
        each = [getattr(m, metric) for m in made.reps]
        whole = getattr(made.total, metric)
        assert max((r.n for r in each), default=0) <= whole.n <= sum(r.n for r in each)
        assert counts(whole) == counts(getattr(everybody, metric))
        assert all(0 <= r.hits <= r.n for r in (*each, whole))
    assert set(made.total.eager) == {name for m in made.reps for name in m.eager}
    assert len(made.contest.places) == 2


@given(COPIES, st.integers(0, 30))
def test_what_is_seen_later_changes_nothing(copies: list[Copy], back: int) -> None:
    moment = AS_OF - timedelta(days=back)
    last = TODAY - timedelta(days=back)
    period = Period(last - timedelta(days=27), last)
    known = [
        replace(c, versions=tuple(v for v in c.versions if v.seen_at <= moment))
        for c in copies
        if c.versions[0].seen_at <= moment
    ]

    later, then = (
        team(some, ACME, BIRCH, CEDAR, connections=BOTH, as_of=moment, period=period) for some in (copies, known)
    )

    assert later == then
