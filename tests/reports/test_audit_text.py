from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from calsignal.model import Category, Status
from calsignal.reports import audit_words as say
from calsignal.reports.audit_text import audit_text
from calsignal.reports.words import Calendar
from calsignal.score.audit import AuditResult, Finding, Measure
from calsignal.score.forecast import totalled
from reports import audit_samples as samples
from reports.audit_samples import audit, deal, line
from reports.samples import AS_OF, RITA, ZONE

LARGEST = ("Juniper Retail", "Dahlia Optics", "Birch", "Fjord Shipping", "Moss Media")
"""The accounts of the five largest amounts with a finding: 480, 310, 260, 150 and 95 thousand."""


def text(result: AuditResult, width: int = 80, *, show_all: bool = False, with_contest: bool = False) -> str:
    return audit_text(result, width=width, colour=False, show_all=show_all, with_contest=with_contest)


def flat(result: AuditResult, *, with_contest: bool = False) -> str:
    """Return the report as one line, so that a sentence is found wherever it was broken."""
    return " ".join(text(result, 120, with_contest=with_contest).split())


# --- the first screen -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("made", [samples.audit(), samples.unwell()], ids=["well", "unwell"])
def test_the_first_25_lines_name_the_five_largest_amounts_with_reason_and_question(
    made: AuditResult, width: int
) -> None:
    first = " ".join(" ".join(text(made, width).splitlines()[:25]).split())

    for amount, account in zip(("480,000", "310,000", "260,000", "150,000", "95,000"), LARGEST, strict=True):
        assert f"{amount} EUR {account}" in first
    for found in [say.with_findings(made)[n].findings[0] for n in range(5)]:
        assert f"{found.code.name} {found.line}" in first
        assert f"Ask {say.first_name(found.owner or '')}: {found.question}" in first


@pytest.mark.parametrize("width", [80, 120])
def test_what_strangers_write_pushes_no_amount_off_the_first_25_lines(width: int) -> None:
    first = "\n".join(text(samples.hostile(), width).splitlines()[:25])

    assert [amount for amount in range(899_990, 900_001) if f"{amount:,}" in first] == list(range(899_996, 900_001))
    assert first.count("Ask ") >= 5


def test_the_notice_about_the_whole_team_stands_before_any_name() -> None:
    shown = text(samples.unwell())

    notice = shown.index("Look at the system or the season first")
    assert notice < min(shown.index(name) for name in LARGEST)


def test_amounts_of_several_currencies_stand_in_rough_order_of_value() -> None:
    amounts = {"EUR": "200000", "USD": "90000", "JPY": "9000000", "KRW": "9000000", None: "80000"}
    lines = [
        line(deal(n, str(code), "x", amount, currency=code), Status.SOFT, Finding.F1)
        for n, (code, amount) in enumerate(amounts.items())
    ]

    asked = say.first_asked(audit(forecast=totalled(lines)))

    # nine million yen are some 60,000, as many won some 6,400
    assert [one.deal.account for one in asked] == ["EUR", "USD", "None", "JPY", "KRW"]


def test_a_deal_without_an_amount_comes_last() -> None:
    none = line(deal(1, "None", "x", None), Status.SOFT, Finding.F1)
    small = line(deal(2, "Small", "x", "1"), Status.SOFT, Finding.F1)

    assert [one.deal.account for one in say.in_order([none, small])] == ["Small", "None"]


def test_no_finding_and_no_deal_are_told_apart() -> None:
    fine = audit(forecast=totalled([line(deal(1, "Acme", "x", "5"), Status.REAL)]))

    assert "No open deal has a finding." in text(fine)
    assert "No deals are imported yet. Next: calsignal deals import FILE.csv" in text(samples.empty())


def test_as_many_currencies_as_fit_stand_in_the_headline() -> None:
    assert "+ 1 currency" in text(samples.audit(), 80).splitlines()[1]
    assert "53,000 USD open, 12,000 (23 %)" in text(samples.audit(), 120).splitlines()[1]


def test_only_deals_without_an_amount_say_so() -> None:
    bare = audit(forecast=totalled([line(deal(1, "Acme", "x", None), Status.SOFT, Finding.F1)]))

    assert "No open deal has an amount." in text(bare)
    assert "1 deal without an amount, in no total." in text(bare)


# --- money ------------------------------------------------------------------------------------------------------------


def test_each_currency_has_its_own_totals_and_its_calendar_backed_share() -> None:
    shown = flat(samples.audit())

    # EUR: 480 + 310 + 260 + 220 + 150 + 95 + 80 + 70 + 64 thousand and 18,500.50; REAL without F1 to F4:
    # 310 + 220 + 150 thousand and 18,500.50, which is 40 % of it; USD: 41 and 12 thousand
    assert "1,747,500.50 EUR open, 698,500.50 (40 %) calendar-backed in 10 deals" in shown
    assert "53,000 USD open, 12,000 (23 %) calendar-backed in 2 deals" in shown
    assert "commit 6 1,189,000 68 % calendar-backed 220,000 (19 %)" in shown
    assert "UNKNOWN 2 134,000 8 %" in shown
    assert "1 deal without an amount, in no total." in shown


def test_every_finding_is_a_sentence_with_a_question() -> None:
    shown = flat(samples.audit())

    for found in samples.FORECAST.findings:
        assert f"{found.code.name} {found.line} {found.question}" in shown
    assert {found.code for found in samples.FORECAST.findings} == set(Finding)


def test_what_left_the_crm_is_named() -> None:
    assert "Not in the last import any more, and in no total: Quince · Jam line." in flat(samples.audit())


def test_unknown_deals_are_listed_with_their_reason() -> None:
    shown = flat(samples.audit())

    assert "70,000 EUR Oak Insurance · Claims desk (tom@ours.example) The calendar of tom@ours.example is" in shown
    assert "64,000 EUR Petersen Brothers Holding · Warehouse (P. Ersen) No account has the name" in shown
    assert shown.count("No account has the name Petersen Brothers Holding.") == 1


# --- reps -------------------------------------------------------------------------------------------------------------


def test_every_rate_stands_beside_its_n_and_few_are_too_few() -> None:
    shown = flat(samples.audit())

    assert "58 % n12 #2 at least 32 %" in shown  # 7 of 12; the lower bound at 95 % is .3195
    assert "60 % n10 #3 at most 83 %" in shown  # 6 of 10 pushed: ranked by the upper bound, .8318
    assert "too few n4" in shown
    assert "50 %" not in shown.partition("REPS")[2].partition("by buyer")[0]  # 2 of 4 is no rate


def test_a_rep_whose_calendars_cover_too_little_is_not_ranked() -> None:
    assert "tom@ours.example: calendars cover 17 of 28 days, under 90%: not ranked" in flat(samples.audit())


def test_one_rep_alone_has_no_row_for_everybody() -> None:
    assert "everybody" in text(samples.audit())
    assert "everybody" not in text(audit(rep=RITA, reps=samples.REP_ROWS[:1]))


def test_namesakes_keep_their_whole_address() -> None:
    twins = [samples.metrics(f"ann@{place}.example", (), n) for n, place in enumerate(("north", "south"), 1)]

    shown = text(audit(reps=tuple(twins), teams=()), 120)

    assert "ann@north.example" in shown.partition("REPS")[2]
    assert "ann@south.example" in shown.partition("REPS")[2]


def test_the_contest_is_shown_where_it_was_asked_for() -> None:
    shown = flat(samples.audit(), with_contest=True)

    assert "1 rita@ours.example 3 eager 4 rebooks (2 by buyers), 13.0 h · wins" in shown
    assert "2 uma@ours.example 2 eager 3 rebooks (1 by buyers), 9.5 h · 1 behind the next" in shown
    assert "yara@ours.example does not compete: no calendar is connected" in shown
    assert "CONTEST" not in text(samples.audit())


def test_a_tie_names_the_rule_that_broke_it() -> None:
    first, second = samples.CONTEST.places[:2]
    tied = replace(samples.CONTEST, places=(first, replace(second, behind=0, decided_by="rebooks")), notice="Sample.")

    assert "tied; told apart by rebooks" in flat(audit(contest=tied), with_contest=True)
    assert "Sample." in flat(audit(contest=tied), with_contest=True)


# --- the rest ---------------------------------------------------------------------------------------------------------


def test_accounts_that_eat_hours_show_both_sides_hours() -> None:
    assert "Birch ours 9.2 h, theirs 0.0 h. STALLED Last held 30 d ago" in flat(samples.audit())
    assert "Gorse & Sons theirs 3.0 h." in flat(samples.audit())


def test_mobilizers_and_key_players_never_met_are_named() -> None:
    shown = flat(samples.audit())

    assert "Dahlia Optics mobilizer dora@dahliaoptics.example ! never met: ceo@dahliaoptics.example" in shown
    assert "Acme mobilizer ann.lee@acme.example" in shown


def test_coverage_says_what_is_unknown_therefore() -> None:
    shown = flat(samples.audit())

    assert "COVERAGE 3 fresh, 1 stale, 1 never read, 1 not connected" in shown
    assert "tom@ours.example stale: last synced 3 d ago · 17 of 28 days covered · UNKNOWN: Oak Insurance" in shown
    assert "rita@ours.example" not in shown.partition("COVERAGE")[2].partition("UNKNOWN DEALS")[0]


def test_long_lists_end_and_say_how_much_is_missing() -> None:
    many = audit(forecast=totalled([line(deal(n, f"A{n}", "x", "1"), Status.UNKNOWN, Finding.F1) for n in range(40)]))

    assert "+ 15 deals more (--all)" in text(many)  # 40 findings, 25 shown
    assert "+ 28 deals more (--all)" in text(many)  # 40 unknown, 12 shown
    assert "--all" not in text(many, show_all=True)


def test_the_footer_says_what_the_report_is_not_for() -> None:
    for made in (samples.audit(), samples.empty(), samples.unwell()):
        assert say.COACHING in text(made)


def test_the_backtest_says_what_became_of_each_status() -> None:
    shown = " ".join(audit_text(samples.audit(), width=80, colour=False, backtest=samples.BACKTEST).split())

    assert "31 won, 24 lost" in shown
    assert "REAL won 18 of 22" in shown


# --- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("share", "said"),
    [(None, "-"), (0.0, "0 %"), (1.0, "100 %"), (0.001, "1 %"), (0.999, "99 %"), (0.344, "34 %"), (0.5, "50 %")],
)
def test_only_all_is_100_percent_and_only_none_is_0(share: float | None, said: str) -> None:
    assert say.percent(share) == said


@pytest.mark.parametrize(
    ("amount", "currency", "said"),
    [
        ("480000", "EUR", "480,000 EUR"),
        ("18500.5", "EUR", "18,500.50 EUR"),
        ("1E+3", "USD", "1,000 USD"),
        ("7", None, "7 (no currency)"),
        (None, None, "no amount"),
    ],
)
def test_money_names_its_currency_or_says_that_there_is_none(
    amount: str | None, currency: str | None, said: str
) -> None:
    assert say.money(Decimal(amount) if amount else None, currency) == said


def test_what_is_not_known_is_a_dash_and_never_zero() -> None:
    assert say.value(Measure(None, 0), "h") == "-"
    assert say.value(samples.rate(0, 0)) == "-"
    assert say.value(samples.rate(2, 4)) == "too few"
    assert say.share_of(Decimal(1), Decimal(0)) is None


def test_a_deal_that_tells_little_says_so() -> None:
    bare = deal(1, "", "", None, Category.UNKNOWN, closes=None, owner="")

    assert say.closing(bare, Calendar(AS_OF, ZoneInfo(ZONE))) == "category unknown, no close date"
    assert say.company(line(bare, Status.UNKNOWN, account=None)) == "no company"
    assert say.owner(line(bare, Status.UNKNOWN, owner=None)) == "nobody"
