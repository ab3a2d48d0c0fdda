"""Deals against calendars: who a deal belongs to, findings F1 to F7, calendar-backed, totals. As of Mon 16 Mar 2026."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits import ACME, TODAY, codes, deal, judge, line, met, on, seen, track
from calsignal.model import Account, Category, Copy, Deal, DealTrack, Outcome, Snapshot, Status
from calsignal.score.account import score_account
from calsignal.score.audit import Finding, Forecast
from calsignal.score.constants import Constants
from calsignal.score.forecast import company_key
from worlds import ANN, AS_OF, BOB, CFO, REP, TWO, account, gone, lens

BIRCH = account("Birch")
NEXT = met("next", "20 Mar 10:00", "10 Mar 09:00")
HELD = met("held", "2 Mar 10:00", "20 Feb 09:00")
COMMIT, PIPELINE = Category.COMMIT, Category.PIPELINE


def days(number: int) -> date:
    return TODAY + timedelta(days=number)


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    """Acme|ACME|  acme  |Acme, Inc.|Acme Inc|Acme GmbH|Acme GmbH & Co. KG|Acme GmbH + Co KG|Acme mbH|Acme AG|Acme SE
    |Acme S.A.|Acme SA|Acme S.A.S.|Acme S.à r.l.|Acme SARL|Acme S.p.A.|Acme S.r.l.|Acme B.V.|Acme N.V.|Acme A/S|Acme AB
    |Acme ApS|Oy Acme Ab|Acme Oyj|Acme Ltd|Acme Limited|Acme PLC|Acme L.L.C.|Acme Co., Ltd.|Acme Corp.|Acme Corporation
    |Acme Pty Ltd|Acme Pte. Ltd.|Acme Pvt. Ltd.|Acme Sdn. Bhd.|PT Acme Tbk|Acme K.K.|株式会社Acme|Acme有限公司
    |(주)Acme|㈱Acme|Acme Sp. z o.o.|Acme s.r.o.|Acme spol. s r.o.|Acme a.s.|Acme Kft.|Acme Zrt|Acme d.o.o.|ООО «Acme»
    |Acme OÜ|SIA Acme|UAB Acme|Acme Ltda.|Acme S. de R.L. de C.V.|Acme S.L.|Acme Lda|Acme A.Ş.
    |Acme UG (haftungsbeschränkt)|Ａｃｍｅ Inc""".replace("\n", "").split("|"),
)
def test_a_company_is_known_without_its_legal_form(name: str) -> None:
    assert company_key(name) == "acme"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("GmbH", "gmbh"),  # nothing else is left
        ("Alder & Pike", "alder & pike"),
        ("J.P. Morgan & Co.", "jp morgan"),
        ("AT&T Inc.", "at&t"),
        ("Straße AG", "strasse"),
        ("삼성전자 주식회사", "삼성전자"),
        ("Incorporated Minds", "incorporated minds"),
        ("Acme Holding", "acme holding"),  # another company than Acme
        ("!?", "!?"),
        ("", ""),
    ],
)
def test_what_is_left_of_a_name(name: str, key: str) -> None:
    assert company_key(name) == key


@given(st.text(max_size=40))
def test_a_key_is_its_own_key_and_never_lost(name: str) -> None:
    assert company_key(name) or not name.strip()
    assert company_key(name.upper()) == company_key(name.upper().casefold())


# --- deal -> account --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        (deal(account="Acme"), "Acme"),
        (deal(account="ACME GmbH"), "Acme"),
        (deal(account="Something", domains=("acme.example",)), "Acme"),
        (deal(account="Something", domains=("eu.acme.example",)), "Acme"),
        (deal(account="Birch", domains=("acme.example",)), "Acme"),  # the domain goes first
        (deal(account="Birch", domains=("elsewhere.example",)), "Birch"),
        (deal(account="Birch", domains=("acme.example", "birch.example")), "Birch"),  # the name tells of the two
        (deal(account="Both", domains=("acme.example", "birch.example")), None),
        (deal(account="The big one"), "Acme"),  # by the setting
        (deal(account="the BIG one "), "Acme"),
        (deal(account="Lost in the woods"), None),
        (deal(account=""), None),
        (deal(account="Acmé International"), None),  # alike is not the same
    ],
)
def test_a_deal_finds_its_account(shown: Deal, found: str | None) -> None:
    made = judge([shown], (), ACME, BIRCH, account_names={"The Big One": "ACME", "Lost in the woods": "Nowhere"})

    assert made.lines[0].account == found
    assert bool(made.lines[0].unmatched) is (found is None)


def test_two_accounts_of_one_name_are_never_guessed() -> None:
    two = (Account("Acme Ltd", ("acme.example",)), Account("Acme Inc", ("acme-us.example",)))

    made = judge([deal(account="Acme GmbH"), deal("D-2", "acme ltd")], (), *two)

    assert {x.deal.id: x.account for x in made.lines} == {"D-1001": None, "D-2": "Acme Ltd"}
    [unknown] = made.unmatched
    assert unknown.unmatched == ("The company may be Acme Inc and Acme Ltd: say which in [deals.accounts].",)


def test_a_setting_that_names_no_account_says_so() -> None:
    made = judge([deal(account="X")], account_names={"X": "Nowhere"})

    assert made.lines[0].unmatched == ("[deals.accounts] names Nowhere, which is no account.",)
    assert (made.lines[0].status, made.lines[0].evidence) == (Status.UNKNOWN, made.lines[0].unmatched[0])


# --- deal -> owner ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("owner", "found"),
    [
        (REP, REP),
        ("Rep@OURS.example", REP),
        ("j.doe@ours.example", TWO),  # an alias
        ("ea@ours.example", REP),  # an assistant
        ("Doe, Jane", TWO),  # by the setting
        ("doe, jane", TWO),
        ("new@ours.example", "new@ours.example"),  # one of ours without a calendar
        ("someone@agency.example", None),
        ("Nobody", None),
        ("", None),
    ],
)
def test_a_deal_finds_its_owner(owner: str, found: str | None) -> None:
    who: dict[str, Any] = {
        "aliases": {"j.doe@ours.example": TWO},
        "delegates": {"ea@ours.example": (REP, REP)},
    }

    made = judge([deal(owner=owner)], owner_names={"Doe, Jane": "j.doe@ours.example"}, **who)

    assert made.lines[0].owner == found
    assert bool(made.unmatched) is (found is None)


def test_what_matches_nothing_stays_in_every_total_and_is_listed() -> None:
    made = judge([deal(account="Nowhere", owner="Nobody", amount="70", category=COMMIT)])

    assert [(t.status, t.deals, t.amount) for t in made.by_status] == [(Status.UNKNOWN, 1, Decimal(70))]
    assert [(t.category, t.amount, t.backed) for t in made.by_category] == [(COMMIT, Decimal(70), Decimal(0))]
    assert [(b.open, b.backed, b.share) for b in made.backed] == [(Decimal(70), Decimal(0), 0.0)]
    assert made.unmatched[0].unmatched == (
        "No account has the name Nowhere.",
        "The owner Nobody is none of our people.",
    )
    assert made.findings == ()  # nothing is known of it: no finding that a calendar would have to show


# --- deal -> meeting --------------------------------------------------------------------------------------------------

TWO_MEETS = met("two", "20 Mar 10:00", "10 Mar 09:00", ours=(TWO,))
BOTH_MEET = met("both", "20 Mar 10:00", "10 Mar 09:00", ours=(REP, TWO))


def pair(**second: Any) -> list[Deal]:  # noqa: ANN401
    """Return two open deals of Acme, of REP and of TWO."""
    return [deal("D-1001"), deal("D-1002", **{"owner": TWO, **second})]


def shares(made: Forecast) -> dict[str, tuple[bool, int, int]]:
    """Return, by deal, whether a meeting is ahead, and how many held are its own or shared."""
    return {x.deal.id: (x.next_meeting is not None, x.held, x.held_shared) for x in made.lines}


@pytest.mark.parametrize(
    ("deals", "meeting", "ahead"),
    [
        ([deal("D-1001")], TWO_MEETS, {"D-1001"}),  # the only deal
        (pair(), NEXT, {"D-1001"}),  # its owner is on it
        (pair(), TWO_MEETS, {"D-1002"}),
        (pair(), BOTH_MEET, {"D-1001", "D-1002"}),  # both owners: shared
        (pair(owner=REP), NEXT, {"D-1001", "D-1002"}),
        (pair(owner="Nobody"), TWO_MEETS, {"D-1001", "D-1002"}),  # no rule tells
        (pair(), replace(NEXT, subject="Call about d-1002 (final)"), {"D-1002"}),  # the id goes before the owner
        (pair(), replace(NEXT, subject="Call about D-10021"), {"D-1001"}),  # another word
        (pair(contacts=(ANN,)), NEXT, {"D-1002"}),  # a contact goes before the owner
        ([deal("D-1001", contacts=(ANN,)), deal("D-1002", contacts=(BOB,), owner=REP)], NEXT, {"D-1001"}),
        (pair(outcome=Outcome.LOST, closed=days(-20), owner=REP), NEXT, {"D-1001"}),  # closed too long before
        (pair(created=days(19)), TWO_MEETS, {"D-1001"}),  # 20 Mar is 15 d before 4 Apr: not yet open
        (pair(created=days(18)), TWO_MEETS, {"D-1002"}),  # 14 d before
    ],
)
def test_a_deal_gets_a_meeting(deals: list[Deal], meeting: Copy, ahead: set[str]) -> None:
    made = judge(deals, [meeting])

    assert {x.deal.id for x in made.lines if x.next_meeting is not None} == ahead & {x.deal.id for x in made.lines}


def test_a_short_id_in_a_subject_is_no_deal() -> None:
    deals = [deal("12"), deal("13", owner=TWO)]

    made = judge(deals, [replace(NEXT, subject="13 questions")])

    assert shares(made) == {"12": (True, 0, 0), "13": (False, 0, 0)}


def test_an_ambiguous_meeting_is_shared_and_counted_so() -> None:
    own = met("own", "2 Mar 10:00", "20 Feb 09:00", ours=(REP,))
    both = met("both", "5 Mar 10:00", "20 Feb 09:00", ours=(REP, TWO))

    made = judge(pair(), [own, both])

    assert shares(made) == {"D-1001": (False, 1, 1), "D-1002": (False, 0, 1)}


def test_a_deal_closed_up_to_14_days_ago_still_takes_its_meetings() -> None:
    closed = deal("D-1002", owner=TWO, outcome=Outcome.WON, closed=date(2026, 2, 16))
    at_the_edge = met("edge", "2 Mar 10:00", "20 Feb 09:00", ours=(TWO,))  # 14 d after 16 Feb
    beyond = met("beyond", "3 Mar 10:00", "20 Feb 09:00", ours=(TWO,))

    made = judge([deal("D-1001"), closed], [at_the_edge, beyond])

    assert shares(made) == {"D-1001": (False, 1, 0)}


def test_several_open_deals_of_an_account_share_its_status() -> None:
    deals = [*pair(), deal("D-1003", outcome=Outcome.LOST, closed=days(-1)), deal("D-2001", "Birch")]

    made = judge(deals, [NEXT], ACME, BIRCH)

    assert {x.deal.id: x.shared for x in made.lines} == {
        "D-1001": ("D-1002",),
        "D-1002": ("D-1001",),
        "D-2001": (),
    }
    assert {x.deal.id: x.status for x in made.lines if x.shared} == {"D-1001": Status.REAL, "D-1002": Status.REAL}


# --- F1: no meeting before the close date -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("closes", "copies", "found"),
    [
        (days(31), [], True),
        (days(31), [NEXT], False),  # 20 Mar is before 16 Apr
        (days(4), [NEXT], False),  # on the close date itself
        (days(3), [NEXT], True),  # the day after
        (days(31), [HELD], True),  # held, and nothing ahead
        (days(31), [met("m", "20 Mar 10:00", "10 Mar 09:00", {ANN: "maybe"})], True),
        (days(31), [met("m", "20 Mar 10:00", "10 Mar 09:00", {ANN: ""})], True),
        (days(90), [], True),  # the horizon
        (days(91), [], False),
        (days(0), [], True),
        (days(-1), [], False),  # that is F3
        (None, [], False),
    ],
)
def test_f1(closes: date | None, copies: list[Copy], found: bool) -> None:
    assert ("F1" in codes(judge([deal(closes=closes)], copies))) is found


def test_f1_says_how_many_days_are_left_and_asks_for_the_meeting() -> None:
    [first] = [f for f in judge([deal()], [HELD]).findings if f.code is Finding.F1]

    # 16 Mar to 16 Apr: 31 d; 2 Mar to 16 Mar: 14 d
    assert first.line == "Closes in 31 d (Thu 16 Apr), and no firm meeting is booked until then; last held 14 d ago."
    assert first.question == "Which meeting with Acme takes place before Thu 16 Apr, and who there has it?"
    assert (first.account, first.owner, first.amount, first.currency) == ("Acme", REP, Decimal(1000), "EUR")
    assert line(judge([deal(closes=date(2026, 3, 20))]), Finding.F1).endswith("; none was ever held.")


def test_f1_leaves_out_a_meeting_that_is_another_deals() -> None:
    made = judge(pair(), [TWO_MEETS])

    assert ("F1" in codes(made, "D-1001"), "F1" in codes(made, "D-1002")) == (True, False)


# --- F2: commit without commitment ------------------------------------------------------------------------------------

LONG_AGO = met("old", "10 Dec 2025 10:00", "1 Dec 2025 09:00")  # 96 d: over 45, LOST
STALE = met("stale", "16 Feb 10:00", "10 Feb 09:00")  # 28 d: over 21, STALLED
WARM = met("warm", "2 Mar 10:00", "20 Feb 09:00")  # 14 d: SOFT


@pytest.mark.parametrize(
    ("category", "copies", "status", "found"),
    [
        (COMMIT, [WARM], Status.SOFT, True),
        (COMMIT, [STALE], Status.STALLED, True),
        (COMMIT, [LONG_AGO], Status.LOST, True),
        (COMMIT, [], Status.NO_EVIDENCE, True),
        (COMMIT, [NEXT], Status.REAL, False),
        (COMMIT, [met("new", "25 Mar 10:00", "15 Mar 09:00", {ANN: ""})], Status.NEW, False),
        (Category.BEST_CASE, [WARM], Status.SOFT, True),
        (PIPELINE, [WARM], Status.SOFT, False),
        (Category.OMITTED, [WARM], Status.SOFT, False),
        (Category.UNKNOWN, [WARM], Status.SOFT, False),  # a missing category: does not apply
    ],
)
def test_f2(category: Category, copies: list[Copy], status: Status, found: bool) -> None:
    made = judge([deal(category=category)], copies)

    assert made.lines[0].status is status
    assert ("F2" in codes(made)) is found


def test_f2_says_the_status_and_the_quiet_days() -> None:
    warm, cold = (judge([deal(category=COMMIT)], copies) for copies in ([WARM], []))

    assert line(warm, Finding.F2) == "Forecast as commit, but Acme is SOFT, 14 d quiet: commit without commitment."
    assert "Acme is NO EVIDENCE, 0 answers from a buyer" in line(cold, Finding.F2)
    assert "not said, that makes this a commit?" in next(f.question for f in warm.findings if f.code is Finding.F2)


# --- F3, F4: close dates ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("closes", "found"), [(days(-1), True), (days(0), False), (days(1), False), (None, False)])
def test_f3(closes: date | None, found: bool) -> None:
    assert ("F3" in codes(judge([deal(closes=closes)]))) is found


def test_f3_says_how_long_ago() -> None:
    assert line(judge([deal(closes=date(2026, 3, 2))]), Finding.F3) == (
        "Was to close on Mon 2 Mar, 14 d ago, and is still open."
    )
    assert "Wed 31 Dec 2025, 75 d ago" in line(judge([deal(closes=date(2025, 12, 31))]), Finding.F3)


@pytest.mark.parametrize(
    ("closes", "found"),
    [
        ([30], False),
        ([30, 30, 30], False),
        ([30, 37], False),  # once, by 7 d
        ([30, 37, 44], True),  # twice
        ([30, 37, 30, 37], True),  # twice, with a step back between
        ([30, 85], False),  # once, by 55 d
        ([30, 86], True),  # once, by 56 d
        ([86, 30], False),  # pulled in
        ([30, None, 44], False),  # once: an import without a date tells nothing
        ([30, None, 37, 44], True),
    ],
)
def test_f4(closes: list[int | None], found: bool) -> None:
    shown = [deal(closes=None if n is None else days(n)) for n in closes]

    assert ("F4" in codes(judge([track(*shown)]))) is found


def test_f4_says_how_often_and_how_far() -> None:
    made = judge([track(*(deal(closes=days(n)) for n in (10, 24, 45)))])

    # 14 + 21 d
    assert line(made, Finding.F4) == "The close date was put off twice since we import, by 35 d in all."
    assert (made.lines[0].close_pushes, made.lines[0].close_push_days) == (2, 35)


def test_imports_after_the_moment_are_not_looked_at() -> None:
    late = track(*(deal(closes=days(n)) for n in (10, 24, 45)))

    made = judge([late], as_of=AS_OF - timedelta(days=5))  # only the first two of three had been taken

    assert (made.lines[0].close_pushes, made.lines[0].deal.closes) == (1, days(24))
    assert judge([late], as_of=AS_OF - timedelta(days=30)).lines == ()


# --- F5: large, and thin on people ------------------------------------------------------------------------------------

BROAD = met("next", "20 Mar 10:00", "10 Mar 09:00", {ANN: "yes", BOB: "yes"})
WITH_CFO = replace(ACME, key_players={CFO: CFO})


@pytest.mark.parametrize(
    ("amount", "who", "copies", "found"),
    [
        ("1000", ACME, [NEXT], True),  # the median itself
        ("999", ACME, [NEXT], False),
        ("1000", ACME, [BROAD], False),
        ("1000", WITH_CFO, [BROAD], True),
        ("999", WITH_CFO, [BROAD], False),
        ("1000", replace(ACME, key_players={BOB: BOB}), [BROAD], False),
        ("1000", ACME, [], False),  # nobody firm at all: F1 says it
        (None, ACME, [NEXT], False),
    ],
)
def test_f5(amount: str | None, who: Account, copies: list[Copy], found: bool) -> None:
    others = [deal("D-2001", "Birch", "500"), deal("D-2002", "Birch", "2000")]
    others += [deal("D-2003", "Birch", "1000")] if amount == "999" else []  # then the median is (999 + 1000) / 2

    made = judge([deal(amount=amount), *others], copies, who, BIRCH)

    assert ("F5" in codes(made)) is found


def test_f5_compares_within_a_currency() -> None:
    others = [deal("D-2001", "Birch", "90000", currency="JPY"), deal("D-2002", "Birch", "80000", currency="JPY")]

    assert "F5" in codes(judge([deal(), *others], [NEXT], ACME, BIRCH))


def test_f5_names_who_is_firm_and_who_was_never_met() -> None:
    thin, missing = judge([deal()], [NEXT], WITH_CFO), judge([deal(amount="1500")], [BROAD], WITH_CFO)

    assert line(thin, Finding.F5) == (
        f"At or above the median deal (1,000 EUR), and only 1 buyer is firm: {ANN}, and {CFO} never met."
    )
    assert line(missing, Finding.F5) == f"At or above the median deal (1,500 EUR), and 1 key player never met: {CFO}."


def test_f5_leaves_out_who_is_firm_on_another_deals_meeting_only() -> None:
    theirs = met("two", "21 Mar 10:00", "10 Mar 09:00", {BOB: "yes"}, ours=(TWO,))

    made = judge(pair(), [NEXT, theirs])

    assert {x.deal.id: x.firm_buyers for x in made.lines} == {"D-1001": (ANN,), "D-1002": (BOB,)}
    assert ("F5" in codes(made, "D-1001"), "F5" in codes(made, "D-1002")) == (True, True)


# --- F6: runway -------------------------------------------------------------------------------------------------------


def won(number: int) -> tuple[list[Account], list[Deal], list[Copy]]:
    """Return so many won deals, each with an account and three meetings held."""
    accounts = [account(f"Won{n}") for n in range(number)]
    deals = [deal(f"W-{n:04}", f"Won{n}", outcome=Outcome.WON, closed=days(-10)) for n in range(number)]
    copies = [
        met(f"w{n}-{m}", f"{day} Feb 10:00", "20 Jan 09:00", {f"x@won{n}.example": "yes"})
        for n in range(number)
        for m, day in enumerate((2, 9, 16))
    ]
    return accounts, deals, copies


@pytest.mark.parametrize(
    ("number", "left", "found"),
    [
        # (3 - 1) meetings x 14 d = 28 d
        (20, 27, True),
        (20, 28, False),
        (20, 0, True),
        (20, -1, False),
        (20, None, False),
        (19, 27, False),  # too few won
    ],
)
def test_f6(number: int, left: int | None, found: bool) -> None:
    accounts, deals, copies = won(number)
    mine = deal(closes=None if left is None else days(left))

    made = judge([mine, *deals], [*copies, HELD], ACME, *accounts)

    assert ("F6" in codes(made)) is found
    assert made.won == number
    assert made.won_meetings == (3.0 if number == 20 else None)


def test_f6_says_how_it_reckons() -> None:
    accounts, deals, copies = won(20)

    made = judge([deal(closes=days(20)), *deals], [*copies, HELD], ACME, *accounts)

    assert line(made, Finding.F6) == (
        "Won deals took 3 meetings (median of 20), this one had 1: "
        "at one in 14 d the rest takes 28 d, and 20 d are left."
    )


def test_f6_counts_no_won_deal_that_no_calendar_shows() -> None:
    accounts, deals, copies = won(20)
    dark = deal("W-dark", "Birch", outcome=Outcome.WON, closed=days(-10))

    made = judge([deal(closes=days(20)), *deals, dark], [*copies, HELD], ACME, BIRCH, *accounts)

    assert (made.won, made.won_meetings) == (20, 3.0)


# --- F7: under-called -------------------------------------------------------------------------------------------------

# held 20 Feb; booked again on 21 Feb (23 d ago) for 2 Mar, and on 3 Mar (13 d) for 20 Mar
EAGER = [
    met("a", "20 Feb 10:00", "10 Feb 09:00"),
    met("b", "2 Mar 10:00", "21 Feb 09:00"),
    met("c", "20 Mar 10:00", "3 Mar 09:00"),
]


@pytest.mark.parametrize(
    ("category", "copies", "found"),
    [
        (PIPELINE, EAGER, True),
        (Category.OMITTED, EAGER, True),
        (Category.UNKNOWN, EAGER, False),
        (COMMIT, EAGER, False),
        (PIPELINE, EAGER[1:], False),  # one rebook
        (PIPELINE, EAGER[:2], False),  # not REAL
        (PIPELINE, [met("a", "10 Feb 10:00", "1 Feb 09:00"), met("b", "2 Mar 10:00", "13 Feb 09:00"), EAGER[2]], False),
    ],  # the last: the first rebook is 31 d old
)
def test_f7(category: Category, copies: list[Copy], found: bool) -> None:
    assert ("F7" in codes(judge([deal(category=category)], copies))) is found


def test_f7_says_how_often_they_booked_again() -> None:
    assert line(judge([deal(category=PIPELINE)], EAGER), Finding.F7) == (
        "Acme booked again twice in 30 d and is REAL, but the deal is pipeline: under-called?"
    )


# --- calendar-backed, and totals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "copies", "backed"),
    [
        (deal(), [NEXT], True),  # F5 does not count against it
        (deal(), [HELD], False),  # SOFT
        (deal(closes=days(3)), [NEXT], False),  # F1
        (deal(closes=days(-3)), [NEXT], False),  # F3
        (deal(closes=None), [NEXT], True),
        (deal(category=PIPELINE), EAGER, True),  # F7
    ],
)
def test_calendar_backed_is_real_without_f1_to_f4(shown: Deal, copies: list[Copy], backed: bool) -> None:
    made = judge([shown], copies)

    assert made.lines[0].backed is backed
    assert made.backed[0].backed == (1000 if backed else 0)


def test_a_close_date_put_off_is_not_backed() -> None:
    assert not judge([track(*(deal(closes=days(n)) for n in (20, 27, 34)))], [NEXT]).lines[0].backed


def test_totals_are_per_currency_and_never_added_across() -> None:
    deals = [
        deal("D-1", amount="100.10", category=COMMIT),
        deal("D-2", amount="200.20", category=COMMIT),
        deal("D-3", "Birch", "40", category=PIPELINE),
        deal("D-4", "Birch", "7000", currency="USD", category=PIPELINE),
        deal("D-5", amount="9", currency=None),
        deal("D-6", amount=None, category=COMMIT),
    ]

    made = judge(deals, [NEXT], ACME, BIRCH)

    real, none = Status.REAL, Status.NO_EVIDENCE
    assert [(t.currency, t.status, t.deals, t.amount) for t in made.by_status] == [
        ("EUR", real, 2, Decimal("300.30")),  # 100.10 + 200.20
        ("EUR", none, 1, Decimal(40)),
        ("USD", none, 1, Decimal(7000)),
        (None, real, 1, Decimal(9)),
        (None, real, 1, None),  # without an amount: counted, not zero
    ]
    assert [(t.currency, t.category, t.amount, t.backed) for t in made.by_category] == [
        ("EUR", COMMIT, Decimal("300.30"), Decimal("300.30")),
        ("EUR", PIPELINE, Decimal(40), Decimal(0)),
        ("USD", PIPELINE, Decimal(7000), Decimal(0)),
        (None, Category.UNKNOWN, Decimal(9), Decimal(9)),
        (None, COMMIT, None, None),
    ]
    assert [(b.currency, b.deals, b.open, b.backed, b.share) for b in made.backed] == [
        ("EUR", 3, Decimal("340.30"), Decimal("300.30"), pytest.approx(0.88246, abs=5e-6)),  # 300.30 / 340.30
        ("USD", 1, Decimal(7000), Decimal(0), 0.0),
        (None, 1, Decimal(9), Decimal(9), 1.0),
    ]
    assert made.without_amount == 1


def test_deals_come_largest_first_within_the_currency_of_most() -> None:
    deals = [deal("D-1", amount="10"), deal("D-2", amount="30"), deal("D-3", amount="20"), deal("D-4", amount=None)]
    deals += [deal("D-5", amount="900", currency="USD")]

    assert [x.deal.id for x in judge(deals).lines] == ["D-2", "D-3", "D-1", "D-5", "D-4"]


def test_a_share_of_nothing_is_none() -> None:
    assert judge([deal(amount="0")], [NEXT]).backed[0].share is None
    assert judge([]).backed == ()


def test_a_deal_that_left_the_export_is_in_no_total_and_is_named() -> None:
    made = judge([track(deal("D-1"), missing=True), track(deal("D-2", outcome=Outcome.WON), missing=True)])

    assert (made.lines, [d.id for d in made.missing]) == ((), ["D-1"])


def test_closed_deals_are_no_forecast() -> None:
    assert judge([deal(outcome=Outcome.WON), deal("D-2", outcome=Outcome.LOST)]).lines == ()


def test_of_an_account_of_unknown_status_nothing_is_found_that_a_calendar_would_have_to_show() -> None:
    dark = {"Acme": score_account(ACME, (), lens([ACME]), Constants(), unknown="No calendar is connected.")}
    deals = [deal(category=COMMIT), deal("D-2", closes=days(-3), category=COMMIT)]

    made = judge(deals, scored=dark)

    assert {x.deal.id: (x.status, x.evidence) for x in made.lines} == {
        "D-1001": (Status.UNKNOWN, "No calendar is connected."),
        "D-2": (Status.UNKNOWN, "No calendar is connected."),
    }
    assert [(f.deal.id, f.code) for f in made.findings] == [("D-2", Finding.F3)]


# --- laws -------------------------------------------------------------------------------------------------------------

NAMES = ("Acme", "Birch", "Nowhere")
DEALS = st.lists(
    st.builds(
        lambda n, who, owner, amount, currency, closes, category, outcome: deal(
            f"D-{n}",
            who,
            owner=owner,
            amount=amount,
            currency=currency,
            closes=closes,
            category=category,
            outcome=outcome,
            closed=days(-9) if outcome is not Outcome.OPEN else None,
        ),
        st.integers(1000, 1012),
        st.sampled_from(NAMES),
        st.sampled_from([REP, TWO, "Nobody"]),
        st.sampled_from([None, "0", "10.5", "200", "3000"]),
        st.sampled_from(["EUR", "USD", None]),
        st.sampled_from([None, days(-5), days(3), days(40)]),
        st.sampled_from(list(Category)),
        st.sampled_from([Outcome.OPEN, Outcome.OPEN, Outcome.OPEN, Outcome.WON]),
    ),
    max_size=8,
    unique_by=lambda d: d.id,
)
ONES = (ANN, BOB, "max@birch.example")
MEETINGS = st.lists(
    st.builds(
        lambda n, day, who, answer, ours: met(
            f"m{n}", f"{day} Mar 10:00", "1 Feb 09:00", {who: answer}, ours=ours, minutes=30
        ),
        st.integers(0, 99),
        st.integers(1, 31),
        st.sampled_from(ONES),
        st.sampled_from(["yes", "yes", "maybe", "", "no"]),
        st.sampled_from([(REP,), (TWO,), (REP, TWO)]),
    ),
    max_size=6,
    unique_by=lambda c: c.uid,
)


@given(DEALS, MEETINGS)
def test_every_open_deal_appears_once_and_the_statuses_add_up(deals: list[Deal], copies: list[Copy]) -> None:
    made = judge(deals, copies, ACME, BIRCH)

    still = [d for d in deals if d.outcome is Outcome.OPEN]
    assert sorted(x.deal.id for x in made.lines) == sorted(d.id for d in still)
    for tables in (made.by_status, made.by_category):
        assert sum(t.deals for t in tables) == len(still)
    for total in made.backed:
        theirs = [d.amount for d in still if d.amount is not None and d.currency == total.currency]
        assert total.open == sum(theirs)
        assert total.open == sum(
            t.amount for t in made.by_status if t.amount is not None and t.currency == total.currency
        )
        assert 0 <= total.backed <= total.open
    assert made.without_amount == sum(d.amount is None for d in still)
    assert all(f.line and f.question.endswith("?") for f in made.findings)


@given(DEALS, MEETINGS, st.randoms(use_true_random=False))
def test_the_order_of_deals_accounts_and_copies_does_not_matter(
    deals: list[Deal],
    copies: list[Copy],
    chance: Any,  # noqa: ANN401
) -> None:
    accounts = [ACME, BIRCH]
    first = judge(deals, copies, *accounts)
    deals, copies = deals.copy(), copies.copy()
    for some in (deals, copies, accounts):
        chance.shuffle(some)

    assert judge(deals, copies, *accounts) == first


@given(DEALS, MEETINGS, st.integers(1, 60), st.sampled_from(ONES))
def test_an_unanswered_invitation_turns_no_finding_off(
    deals: list[Deal], copies: list[Copy], day: int, who: str
) -> None:
    when = (AS_OF + timedelta(days=day)).strftime("%-d %b 11:00")
    before = judge(deals, copies, ACME, BIRCH)

    after = judge(deals, [*copies, met("extra", when, "16 Mar 12:00", {who: ""})], ACME, BIRCH)

    found = [{(f.deal.id, f.code) for f in made.findings} for made in (before, after)]
    status = {x.deal.id: x.status for x in before.lines}
    # an account without any evidence becomes NEW by its first invitation: nobody has had the time to answer
    fresh = {(i, Finding.F2) for i, s in status.items() if s is Status.NO_EVIDENCE}
    assert found[0] - found[1] <= fresh
    assert {x.deal.id for x in after.lines if x.backed} <= {x.deal.id for x in before.lines if x.backed}


@given(DEALS, MEETINGS)
def test_what_is_imported_later_changes_nothing(deals: list[Deal], copies: list[Copy]) -> None:
    later = [
        DealTrack((*track(d).snapshots, Snapshot(AS_OF + timedelta(days=1), replace(d, closes=days(300)))))
        for d in deals
    ]

    assert judge(later, copies, ACME, BIRCH) == judge(deals, copies, ACME, BIRCH)


def test_a_cancelled_meeting_is_nobodys_next() -> None:
    booked = on("20 Mar 10:00")
    off = seen("next", ("10 Mar 09:00", booked), ("12 Mar 09:00", gone(booked)))

    assert "F1" in codes(judge([deal()], [off]))
