"""The demo's team against numbers worked out by hand: every finding, flag and metric.

Today is Tuesday 17 March 2026, day 0; the period is 28 days, from day -27 (18 February) on. Days, times and answers
are those of `calsignal.demo.dana` (Dana's) and `calsignal.demo.robin`; nothing here is computed by the product.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from calsignal.auditing import audit
from calsignal.calibrating import backtest, calibration
from calsignal.config import Settings
from calsignal.demo import demo_settings, played
from calsignal.model import Category, Status
from calsignal.score.audit import AuditResult, CalendarState, Rate, RepMetrics
from calsignal.score.calibration import Backtest, CalibrationReport

MORNING = datetime(2026, 3, 17, 8, tzinfo=UTC)
DANA = "dana@ours.example"

Told = tuple[AuditResult, CalibrationReport, Backtest]


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    settings = demo_settings(Settings())
    with played(settings, MORNING) as store:
        yield (
            audit(store, settings, MORNING),
            calibration(store, settings, MORNING),
            backtest(store, settings, MORNING),
        )


@pytest.fixture(scope="module")
def team(told: Told) -> AuditResult:
    return told[0]


@pytest.fixture(scope="module")
def dana(team: AuditResult) -> RepMetrics:
    return next(m for m in team.reps if m.rep == DANA)


# --- findings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "account", "line"),
    [
        # 17 March + 30 d = 16 April; the last meeting was on Friday 13 March, nothing is ahead
        (
            "F1",
            "Granite Bank",
            "Closes in 30 d (Thu 16 Apr), and no firm meeting is booked until then; last held 4 d ago.",
        ),
        # held on day -18 (a Friday), and only pencilled in for day 6
        (
            "F2",
            "Dunmore Health",
            "Forecast as commit, but Dunmore Health is SOFT, 18 d quiet: commit without commitment.",
        ),
        # 17 - 5 = 12 March
        ("F3", "Harrow Insurance", "Was to close on Thu 12 Mar, 5 d ago, and is still open."),
        # the imports showed days -10, 4, 25: 14 + 21 = 35
        ("F4", "Eastgate Logistics", "The close date was put off twice since we import, by 35 d in all."),
        # of 46 amounts in EUR 21 are larger than 50,000 and 3 are 50,000: so are the 23rd and the 24th
        (
            "F5",
            "Cobalt Robotics",
            "At or above the median deal (50,000 EUR), and only 1 buyer is firm: wei@cobalt-robotics.example.",
        ),
        # 3 amounts in USD: 90,000, 50,000, 20,000; gita and hal are firm, so it is the key player alone
        (
            "F5",
            "Violet Media",
            "At or above the median deal (50,000 USD), and 1 key player never met: boss@violet-media.example.",
        ),
        # won after 2 (8 deals), 3 (13) and 4 meetings (5): the 13th and 14th of 26 took 3.
        # Held once, so that E is the 14 d of anybody; (3 - 1) x 14 = 28 > 21
        (
            "F6",
            "Fernhill Energy",
            (
                "Won deals took 3 meetings (median of 26), this one had 1: at one in 14 d the rest takes 28 d, "
                "and 21 d are left."
            ),
        ),
        # booked on day -20 after the meeting of day -21, and on day -6 after that of day -7
        (
            "F7",
            "Quarry Optics",
            "Quarry Optics booked again twice in 30 d and is REAL, but the deal is pipeline: under-called?",
        ),
    ],
)
def test_a_finding_says_its_numbers(team: AuditResult, code: str, account: str, line: str) -> None:
    assert line in [f.line for f in team.forecast.findings if (f.code.name, f.account) == (code, account)]


def test_the_sum_of_each_finding(team: AuditResult) -> None:
    codes = [f.code.name for f in team.forecast.findings]

    assert {code: codes.count(code) for code in sorted(set(codes))} == {
        # no firm meeting ahead: 11 of the 13 SOFT in EUR (Harrow's date is past, Kestrel's 100 d off), the SOFT one
        # without an amount, Umber (LOST), Lambourn (dropped), and REAL without a next step: Granite, Violet
        "F1": 16,
        # commit or best case. SOFT: Dunmore, Jedburgh, Wexcombe, Rydal, Harrow, Denholm, Arden, Sable;
        # STALLED: Eastgate, Yelland, Kirkwall, Lambourn; LOST: Umber
        "F2": 13,
        "F3": 1,
        "F4": 1,
        # single-threaded: Eastgate, Yelland, Cobalt, Dunmore, Jedburgh, Kirkwall; key player: Violet
        "F5": 7,
        # Fernhill; Eastgate: (3 - 0) x 14 = 42 > 25
        "F6": 2,
        # Quarry; Brightwater: booked on days -21 and -5
        "F7": 2,
    }


# --- money ------------------------------------------------------------------------------------------------------------


def test_money_by_status_per_currency(team: AuditResult) -> None:
    assert [(t.currency, t.status, t.deals, t.amount) for t in team.forecast.by_status] == [
        # robin 150 + 120 + 80 + 70 + 55, dana 60 + 40, alex 60 + 90 + 45, bea 75 + 25 + 50, carl 35, eli 85 + 40,
        # faye 65, gus 95 + 30, hana 70 + 55 + 25, ivo 45 = 475 + 100 + 195 + 150 + 35 + 125 + 65 + 125 + 150 + 45
        ("EUR", Status.REAL, 23, Decimal(1465000)),
        # robin 65 + 35 + 25, dana 30, alex 30, bea 40, carl 20 + 55, faye 35, gus 40, ivo 30 + 20, kim 60
        ("EUR", Status.SOFT, 13, Decimal(485000)),
        # Eastgate 200, Yelland 110, Stroud 45, Kirkwall 50, Lambourn 35
        ("EUR", Status.STALLED, 5, Decimal(440000)),
        ("EUR", Status.LOST, 1, Decimal(40000)),
        # jo's 100 + 80 + 15, and 50 of a company that is no account
        ("EUR", Status.UNKNOWN, 4, Decimal(245000)),
        # Violet 90, Jarrow 50, Holbeck 20
        ("USD", Status.REAL, 3, Decimal(160000)),
        (None, Status.SOFT, 1, None),
    ]


def test_money_by_category_with_what_a_calendar_backs(team: AuditResult) -> None:
    assert [(t.currency, t.category, t.deals, t.amount, t.backed) for t in team.forecast.by_category] == [
        # backed: 120 + 95 + 85 + 75 + 70 + 65 + 60 + 50 + 45 + 45 = 710; not: Granite 150 (F1), Eastgate 200,
        # Uppark 80, Dunmore 65, Jedburgh 60, Wexcombe 55, Unlisted 50, Umber 40, Lambourn 35 = 735
        ("EUR", Category.COMMIT, 19, Decimal(1445000), Decimal(710000)),
        # backed: 90 + 70 + 55 + 55 + 40 + 40 + 35 + 30 = 415
        # not: Yelland 110, Pinewood 100, Kirkwall 50, Rydal 35, Harrow 35, Denholm 30, Arden 30, Sable 30 = 420
        ("EUR", Category.BEST_CASE, 16, Decimal(835000), Decimal(415000)),
        # backed: Brightwater 80, Quarry 60, Langdale 25, Oakley 25 (F7 does not count against)
        # not: Stroud 45, Norwood 40, Evesham 40, Verney 20, Gosford 20, Vallis 15 = 180
        ("EUR", Category.PIPELINE, 10, Decimal(370000), Decimal(190000)),
        ("EUR", Category.OMITTED, 1, Decimal(25000), Decimal(0)),
        # Violet has F1
        ("USD", Category.COMMIT, 2, Decimal(110000), Decimal(20000)),
        ("USD", Category.PIPELINE, 1, Decimal(50000), Decimal(50000)),
        (None, Category.UNKNOWN, 1, None, None),
    ]


def test_the_calendar_backed_share_per_currency(team: AuditResult) -> None:
    euro, dollar = team.forecast.backed

    # REAL 1,465 less Granite 150 = 1,315; 1,465 + 485 + 440 + 40 + 245 = 2,675; 1,315 / 2,675 = .4916
    assert (euro.currency, euro.deals, euro.open, euro.backed) == ("EUR", 46, Decimal(2675000), Decimal(1315000))
    assert euro.share == pytest.approx(0.4916, abs=5e-5)
    # 160 less Violet 90 = 70; 70 / 160
    assert (dollar.currency, dollar.open, dollar.backed, dollar.share) == (
        "USD",
        Decimal(160000),
        Decimal(70000),
        0.4375,
    )
    assert team.forecast.without_amount == 1
    assert [line.deal.account for line in team.forecast.unmatched] == ["Unlisted Holdings", "Kelso Games"]


# --- flags ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("account", "code", "text"),
    [
        # Wei's series is all there is; Ana never answered
        ("Cobalt Robotics", "single-threaded", "only wei@cobalt-robotics.example is firm"),
        ("Cobalt Robotics", "series-only", "all firm meetings are dates of a series"),
        ("Violet Media", "key-player-missing", "no firm meeting with boss@violet-media.example, ever"),
        # days -47, -33, -19, -5, all set up by us
        ("Violet Media", "seller-driven", "none of the last 4 meetings was the buyer's idea"),
        ("Granite Bank", "no-next-step", "nothing firm is booked at any distance"),
        # 17 March + 44 d = 30 April
        ("Kestrel Media", "next-far-off", "the only firm slot is on Thu 30 Apr"),
        # invited on 15 March at 5:30, now it is the 17th, 8:00
        ("Alder & Pike", "answer-the-buyer", "1 invitation of theirs open, the oldest for 2 d"),
        ("Sable Freight", "unanswered-invitations", "1, the oldest 7 d"),
    ],
)
def test_a_flag_says_its_numbers(team: AuditResult, account: str, code: str, text: str) -> None:
    assert (code, text) in [(f.code, f.text) for f in team.by_name[account].result.flags]


# --- metrics, all of them Dana's --------------------------------------------------------------------------------------


def share(rate: Rate) -> tuple[int, int]:
    return rate.hits, rate.n


def test_eager_prospects_are_the_accounts_with_a_rebook_in_the_period(dana: RepMetrics) -> None:
    # Quarry on -20 and -6, Russet on -24 (after -26), Sable on -26 (after -28), Violet on -25 and -11
    assert dana.eager == ("Quarry Optics", "Russet Farms", "Sable Freight", "Violet Media")
    assert (dana.eager_prospects, dana.rebooks, dana.rank) == (4, 2 + 1 + 1 + 2, 2)


def test_rebook_rate(dana: RepMetrics) -> None:
    # held in the period, and rebooked or 14 d old: Quarry -21 and -7, Russet -26, Violet -19: booked again;
    # Yarrow -15: not. Sable -8 and Violet -5 are too young to say
    assert share(dana.rebook_rate) == (4, 5)
    # z2 = 3.8416; (.8 + .38416 -+ 1.96 x root(.032 + .038416)) / 1.76832 = (1.18416 -+ .52010) / 1.76832
    assert dana.rebook_rate.lower == pytest.approx(0.3755, abs=5e-5)
    assert dana.rebook_rate.upper == pytest.approx(0.9638, abs=5e-5)


def test_next_step_coverage(dana: RepMetrics) -> None:
    # held in 60 d or with a deal: Quarry (next on day 6) and Russet (day 2) have one;
    # Sable, Tamar, Umber (its deal), Violet, Yarrow have none. Weir was never met; her clients are customers
    assert share(dana.next_step_coverage) == (2, 7)


def test_buyer_hours_a_week(dana: RepMetrics) -> None:
    # Quarry 2 x 1 h x (.95 + .9) = 3.7; Russet .5 x .9 = .45; Sable .75 x .9 = .675;
    # Violet 2 x .5 h x 2 x .9 = 1.8; Yarrow .75 x .9 = .675: 7.3 h in 4 weeks
    assert dana.buyer_hours_per_week.value == pytest.approx(1.825)
    assert dana.buyer_hours_per_week.n == 7


def test_buyer_initiated_share(dana: RepMetrics) -> None:
    # of the 7 meetings held, the two that Ada of Quarry organised
    assert share(dana.buyer_initiated_share) == (2, 7)


def test_ask_to_accept(dana: RepMetrics) -> None:
    # sent in the period and firm in 7 d: russet-2, sable-2, violet-3, violet-4, yarrow-1;
    # never: sable-3, tamar-3, umber-2, weir-1
    assert share(dana.ask_to_accept) == (5, 9)


def test_push_drop_and_own_move_rate(dana: RepMetrics) -> None:
    # chains: quarry-2, -3, -4; russet-1, -2; sable-2; tamar-2 (declined on -26); violet-3, -4; yarrow-1
    # pushed by them: russet-2 (declined on -16, moved by 16 d on -15)
    assert share(dana.push_rate) == (1, 10)
    # dropped: tamar-2, on day -26 + 14 = -12
    assert share(dana.drop_rate) == (1, 10)
    # moved by us: sable-2, by 5 d on -19
    assert share(dana.own_move_rate) == (1, 10)


def test_breadth(dana: RepMetrics) -> None:
    # Quarry 2 (Ada, Ben), Russet 1, Sable 1, Tamar 1, Violet 2 (Gita, Hal), Yarrow 1: the median of 1 1 1 1 2 2
    assert (dana.breadth.value, dana.breadth.n) == (1.0, 6)


def test_soft_share_per_currency(dana: RepMetrics) -> None:
    euro, dollar = dana.soft_share

    # Sable 30 (SOFT) + Umber 40 (LOST) = 70 of 60 + 40 + 30 + 40 = 170; 70 / 170 = .4118
    assert (euro.currency, euro.soft, euro.open, euro.n) == ("EUR", Decimal(70000), Decimal(170000), 4)
    assert euro.value == pytest.approx(0.4118, abs=5e-5)
    assert (dollar.currency, dollar.value, dollar.open) == ("USD", 0.0, Decimal(90000))


def test_hours_on_dead_accounts(dana: RepMetrics) -> None:
    # tamar-3: .5 h on day -6, quiet for 30 d: STALLED; umber-2: 1 h on day -19, quiet for 42 d: STALLED
    assert dana.dead_hours.value == 1.5
    # beside these two the 7 meetings held
    assert dana.dead_hours.n == 9


def test_answer_time(dana: RepMetrics) -> None:
    # invited at 5:30, answers are seen at 6:45: quarry-3 from -20 to -19, 25.25 h; quarry-4 from -6 to -4, 49.25 h
    assert dana.answer_time_hours.value == pytest.approx(37.25, abs=1e-3)
    assert dana.answer_time_hours.n == 2


def test_the_trend_is_against_the_own_eight_weeks_before(dana: RepMetrics, team: AuditResult) -> None:
    # accounts with a rebook, by two weeks back: 0 to 13 d: Quarry, Violet; 14 to 27: Quarry, Russet, Sable, Violet;
    # 28 to 41: Quarry (-39), Tamar (-34), Violet (-39); none before: (4 + 3 + 0 + 0) / 4
    assert (dana.trend.recent, dana.trend.usual) == (2, 1.75)
    # fewer than usual: only Faye (0, .5) and Kim (0, .25) of 10
    assert team.notice == ""


def test_buyer_hours_by_week(dana: RepMetrics) -> None:
    hours = {w.monday: (round(w.hours, 4), w.meetings) for w in dana.weeks}

    assert len(dana.weeks) == 12
    # 9 to 15 March: Quarry on Tuesday 1.85, Sable on Monday .675, Violet on Thursday .9
    assert hours[date(2026, 3, 9)] == (3.425, 3)
    # 23 February to 1 March: Quarry on Tuesday 1.85, Violet on Thursday .9
    assert hours[date(2026, 2, 23)] == (2.75, 2)
    # this week has begun yesterday
    assert (hours[date(2026, 3, 16)], dana.weeks[-1].whole) == ((0, 0), False)


# --- accounts ---------------------------------------------------------------------------------------------------------


def test_our_hours_against_theirs(team: AuditResult) -> None:
    quarry, tamar = team.by_name["Quarry Optics"], team.by_name["Tamar Textiles"]

    # two hours of Dana; two buyers for two hours; 2 x (.95 + .9)
    assert (quarry.our_hours, quarry.buyer_hours, quarry.meetings, quarry.eats) == (2.0, 4.0, 2, False)
    assert quarry.firm_hours == pytest.approx(3.7)
    # half an hour with somebody who never answered
    assert (tamar.our_hours, tamar.buyer_hours, tamar.firm_hours, tamar.eats) == (0.5, 0.0, 0.0, True)
    assert "Tamar Textiles" in [a.result.account.name for a in team.eating]


def test_who_moves_things_and_who_was_never_met(team: AuditResult) -> None:
    assert team.by_name["Quarry Optics"].mobilizers == ("ada@quarry-optics.example",)
    assert team.by_name["Violet Media"].key_missing == ("boss@violet-media.example",)
    # nobody there can be seen: unknown, not none
    assert team.by_name["Pinewood Homes"].mobilizers is None


def test_time_without_a_deal(team: AuditResult) -> None:
    # met on day -15, and the CRM knows of nothing
    assert team.by_name["Yarrow Clinics"].without_deal
    assert not team.by_name["Quarry Optics"].without_deal


# --- coverage, contest ------------------------------------------------------------------------------------------------


def test_what_the_calendars_cover(team: AuditResult) -> None:
    rows = {row.rep.partition("@")[0]: row for row in team.coverage.reps}

    assert (rows["jo"].state, rows["jo"].watch.covered, rows["jo"].open_deals) == (CalendarState.MISSING, 0, 3)
    # connected on day -10: 11 days with today, of 28
    assert (rows["ivo"].state, rows["ivo"].watch.covered, rows["ivo"].watch.days) == (CalendarState.FRESH, 11, 28)
    assert rows["dana"].watch.share == 1.0
    assert sum(row.state is CalendarState.FRESH for row in team.coverage.reps) == 11
    # Pinewood and five more
    assert len(rows["jo"].unknown_accounts) == 6
    assert [m.rank for m in team.reps if m.rep.startswith(("ivo", "jo"))] == [None, None]


def test_the_contest_has_a_winner_and_tells_everybody_the_distance(team: AuditResult) -> None:
    places = [(p.rep.partition("@")[0], p.eager, p.rebooks, p.behind, p.decided_by) for p in team.contest.places[:4]]

    assert places == [
        # Alder -24 and -2, Brightwater -21 and -5, Fernhill -15, Granite -10, Ironbridge -24, Kestrel -8
        ("robin", 6, 8, None, ""),
        # Grantley and Holbeck -20 and -6, Islay -18 and -4, Jarrow -20
        ("eli", 4, 7, 2, "eager prospects"),
        ("dana", 4, 6, 0, "rebooks"),
        # Melrose -20 and -6, Newbury -18 and -4, Oakley -8 (sent on -11)
        ("hana", 3, 5, 1, "eager prospects"),
    ]
    assert sorted(team.contest.outside) == ["ivo@ours.example", "jo@ours.example"]


# --- what closed deals say --------------------------------------------------------------------------------------------


def test_the_calibration_is_refused_honestly(told: Told) -> None:
    report = told[1]

    # 26 won, but Ivo's two closed before his calendar was connected
    assert report.study.verdict == "uncalibrated (24 won, 14 lost; needs 50 and 50)"
    assert report.left_out == {"closed before any calendar could show their account": 2}


def test_what_the_statuses_said_four_weeks_before(told: Told) -> None:
    table = told[2].tables[0]

    # the 8 deals won after 2 meetings closed on day -47: 28 d before, on -75, they did not exist yet (made on -70)
    assert (table.weeks, table.deals) == (4, 26 - 8 + 14)
    found = {s.status: (s.rate.hits, s.rate.n) for s in table.by_status if s.rate.n}
    # won: 13 - 1 of Ivo's after 3 meetings, 5 after 4; each had met or had a meeting ahead then
    assert found[Status.REAL][0] == 12 + 5
    # Ivo's
    assert found[Status.UNKNOWN] == (1, 1)
