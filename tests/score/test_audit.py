"""Hours, mobilizers, key players, accounts without a deal, and what the calendars cover. As of Mon 16 Mar 2026."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from audits import ACME, PERIOD, connection, deal, judge, met, on, open_deals, seen, track, world
from calsignal.directory import Directory
from calsignal.model import Account, AccountType, Capability, ConnectionState, Copy, Deal
from calsignal.score.account import Scored, score_account
from calsignal.score.audit import AccountAudit, CalendarState, Coverage, Period
from calsignal.score.books import Roster, roster
from calsignal.score.constants import Constants
from calsignal.score.coverage import coverage
from calsignal.score.hours import account_audit
from worlds import ANN, BOB, CFO, REP, TWO, account, lens

C = Constants()
SILENCE = {ANN: ""}
NOBODY = Directory(team_domains=frozenset({"ours.example"}))


def people(*reps: str) -> Roster:
    return roster([connection(r) for r in reps], {}, (), NOBODY)


def row(*copies: Copy, who: Account = ACME, deals: list[Deal] | None = None, **more: Any) -> AccountAudit:  # noqa: ANN401
    scored = world(copies, who, **more)
    lines = judge(deals or [], copies, who, scored=scored).lines
    return account_audit(scored[who.name], open_deals(lines), PERIOD, people(REP), C)


def dark(who: Account = ACME) -> Scored:
    """Return an account of which nothing can be known."""
    return score_account(who, (), lens([who]), C, unknown="No calendar is connected.")


# --- hours ------------------------------------------------------------------------------------------------------------


def test_our_hours_are_each_persons_and_the_buyers_are_each_buyers() -> None:
    found = row(
        met("a", "2 Mar 10:00", "20 Feb 09:00", {ANN: "yes", BOB: "yes"}, ours=(REP, TWO)),
        met("b", "9 Mar 10:00", "20 Feb 09:00", minutes=30),
        met("c", "16 Feb 10:00", "1 Feb 09:00"),  # before the period
        met("d", "20 Mar 10:00", "1 Mar 09:00"),  # ahead
    )

    assert found.our_hours == 2.5  # 2 people x 1 h + 1 x .5 h
    assert found.buyer_hours == 2.5  # 2 buyers x 1 h + 1 x .5 h
    assert found.firm_hours == pytest.approx(2.25)  # x .9
    assert (found.meetings, found.reps) == (2, (REP,))  # the other one is no rep


def test_our_minutes_that_overlap_count_once() -> None:
    found = row(met("a", "2 Mar 10:00", "20 Feb 09:00"), met("b", "2 Mar 10:30", "20 Feb 09:00"))

    assert found.our_hours == 1.5  # 10:00 to 11:30


@pytest.mark.parametrize(
    ("copies", "hours", "eats"),
    [
        ([met("a", "2 Mar 10:00", "20 Feb 09:00", SILENCE)], 1.0, True),
        ([met("a", "2 Mar 10:00", "20 Feb 09:00", {ANN: "maybe"})], 1.0, True),
        ([met("a", "2 Mar 10:00", "20 Feb 09:00")], 1.0, False),  # held
        ([met("a", "2 Mar 10:00", "20 Feb 09:00", SILENCE), met("b", "20 May 10:00", "1 Mar 09:00")], 1.0, False),
        ([met("a", "2 Mar 10:00", "20 Feb 09:00", {ANN: "no"})], 0, False),  # nobody sat there
        ([seen("a", ("20 Feb 09:00", on("2 Mar 10:00", SILENCE, free=True)))], 0, False),
        ([], 0, False),
    ],
)
def test_an_account_eats_hours_where_no_buyer_is_committed(copies: list[Copy], hours: float, eats: bool) -> None:
    found = row(*copies)

    assert (found.our_hours, found.eats) == (hours, eats)


def test_a_customer_eats_nothing_and_needs_no_deal() -> None:
    customer = replace(ACME, type=AccountType.CUSTOMER)

    assert not row(met("a", "2 Mar 10:00", "20 Feb 09:00", SILENCE), who=customer).eats
    assert not row(met("a", "2 Mar 10:00", "20 Feb 09:00"), who=customer).without_deal


def test_of_an_account_of_unknown_status_no_hour_is_known() -> None:
    found = account_audit(dark(), (), PERIOD, people(REP), C)

    assert (found.our_hours, found.buyer_hours, found.firm_hours) == (None, None, None)
    assert (found.mobilizers, found.key_met, found.key_missing) == (None, None, None)
    assert (found.eats, found.without_deal) == (False, False)


# --- mobilizers and key players ---------------------------------------------------------------------------------------


def test_who_organises_is_a_mobilizer() -> None:
    theirs = met("a", "20 Mar 10:00", "1 Mar 09:00", {ANN: "", BOB: "yes", REP: "yes"}, organizer=ANN)

    assert row(theirs).mobilizers == (ANN,)


def test_on_whose_meeting_a_new_buyer_comes_is_a_mobilizer() -> None:
    first, second = {ANN: "yes", BOB: ""}, {ANN: "yes", BOB: "", CFO: ""}
    grew = seen("a", ("1 Mar 09:00", on("20 Mar 10:00", first)), ("2 Mar 09:00", on("20 Mar 10:00", second)))

    assert row(grew).mobilizers == (ANN,)  # bob was silent


def test_who_was_there_from_the_start_mobilized_nobody() -> None:
    both = {ANN: "yes", CFO: "yes"}
    same = seen("a", ("1 Mar 09:00", on("20 Mar 10:00", both)), ("2 Mar 09:00", on("21 Mar 10:00", both)))
    ours = {**both, TWO: "yes"}
    colleague = seen("b", ("1 Mar 09:00", on("20 Mar 12:00", both)), ("2 Mar 09:00", on("20 Mar 12:00", ours)))

    assert row(same, colleague).mobilizers == ()


def test_where_no_calendar_shows_the_guests_mobilizers_are_unknown() -> None:
    blind = replace(on("20 Mar 10:00"), sees=frozenset(Capability) - {Capability.GUESTS})

    assert row(seen("a", ("1 Mar 09:00", blind))).mobilizers is None
    assert row().mobilizers is None


def test_key_players_are_met_or_missing() -> None:
    who = replace(ACME, key_players={ANN: ANN, CFO: CFO})

    found = row(met("a", "2 Mar 10:00", "20 Feb 09:00", {ANN: "yes", CFO: "maybe"}), who=who)

    assert (found.key_met, found.key_missing) == ((ANN,), (CFO,))


# --- deals ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("copies", "deals", "found"),
    [
        ([met("a", "2 Mar 10:00", "20 Feb 09:00")], [], True),
        ([met("a", "15 Jan 10:00", "1 Jan 09:00")], [], True),  # 60 d ago
        ([met("a", "14 Jan 10:00", "1 Jan 09:00")], [], False),
        ([met("a", "20 May 10:00", "1 Mar 09:00")], [], True),
        ([met("a", "2 Mar 10:00", "20 Feb 09:00", SILENCE)], [], False),
        ([met("a", "2 Mar 10:00", "20 Feb 09:00")], [deal()], False),
        ([], [], False),
    ],
)
def test_an_account_that_gives_time_without_a_deal(copies: list[Copy], deals: list[Deal], found: bool) -> None:
    made = row(*copies, deals=deals)

    assert made.without_deal is found
    assert made.deals == tuple(d.id for d in deals)


# --- coverage ---------------------------------------------------------------------------------------------------------

SYNCED = datetime(2026, 3, 13, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("states", "found", "text"),
    [
        ([connection()], CalendarState.FRESH, "fresh, 28 of 28 days covered"),
        (
            [connection(stale=True, last_synced=SYNCED, problem="the sign-in has expired")],
            CalendarState.STALE,
            f"stale, 25 of 28 days covered (toy:{REP}: the sign-in has expired)",
        ),
        ([connection(stale=True, last_synced=SYNCED), connection(name="b")], CalendarState.FRESH, "fresh, 28 of 28"),
        (
            [connection(last_synced=None, first_synced=None)],
            CalendarState.NEVER_READ,
            "never read, 0 of 28 days covered",
        ),
        ([connection(retired_at=SYNCED)], CalendarState.DISCONNECTED, "disconnected, 25 of 28 days covered"),
        ([], CalendarState.MISSING, "not connected, 0 of 28 days covered"),
    ],
)
def test_the_state_of_somebodys_calendars(states: list[ConnectionState], found: CalendarState, text: str) -> None:
    made = covered(states, roster(states, {"north": [REP]}, (), NOBODY))

    [own] = made.reps
    assert (own.state, own.teams) == (found, ("north",))
    assert own.text.startswith(text)
    assert made.of(found) == (own,)


def covered(
    states: list[ConnectionState],
    who: Roster,
    accounts: list[AccountAudit] | None = None,
    deals: list[Deal] | None = None,
    members: frozenset[str] | None = None,
) -> Coverage:
    return coverage(states, who, accounts or [], judge(deals or []), PERIOD, UTC, C, members)


def test_coverage_says_what_is_unknown_therefore() -> None:
    owned = account("Birch", owner=TWO)
    rows = [account_audit(dark(owned), (), PERIOD, people(REP), C)]
    deals = [deal("D-1", owner=TWO), deal("D-2", "Nowhere", owner="Nobody"), deal("D-3", "Elsewhere")]

    made = covered([connection()], people(REP), rows, deals)

    assert [(r.rep, r.state, r.open_deals, r.unknown_accounts) for r in made.reps] == [
        (TWO, CalendarState.MISSING, 1, ("Birch",)),
        (REP, CalendarState.FRESH, 1, ()),
    ]
    assert made.unknown == (
        f"{TWO} has no connected calendar, with 1 open deal.",
        "Of 1 account nothing can be known.",
        "2 open deals match no account: status UNKNOWN.",
        "1 open deal belongs to none of our people.",
    )


def test_coverage_counts_deals_that_left_the_export() -> None:
    left = judge([track(deal(), missing=True)])

    made = coverage([connection()], people(REP), [], left, PERIOD, UTC, C)

    assert made.unknown == ("1 deal was open and left the export: in no total.",)


def test_many_missing_calendars_are_one_sentence() -> None:
    reps = [f"r{n}@ours.example" for n in range(5)]

    made = covered([], roster([], {"north": reps}, (), NOBODY))

    assert made.unknown == ("r0@ours.example, r1@ours.example, r2@ours.example and 2 more have no connected calendar.",)


def test_coverage_can_be_narrowed() -> None:
    made = covered([connection(), connection(TWO)], people(REP, TWO), members=frozenset({TWO}))

    assert [r.rep for r in made.reps] == [TWO]


# --- periods ----------------------------------------------------------------------------------------------------------


def test_a_period_is_whole_days_with_both_ends() -> None:
    assert PERIOD.days == 28
    assert (date(2026, 2, 17) in PERIOD, date(2026, 3, 16) in PERIOD) == (True, True)
    assert (date(2026, 2, 16) in PERIOD, date(2026, 3, 17) in PERIOD) == (False, False)
    assert Period(PERIOD.last, PERIOD.last).days == 1
