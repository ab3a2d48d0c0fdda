"""Part 5 of the model: worked examples by hand, and what holds for any rows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsignal.model import Status
from calsignal.score.calibrated import Calibration, Features, dump, load
from calsignal.score.calibration import (
    Row,
    Trial,
    auc,
    brier,
    cutoff_of,
    hindsight,
    reliability,
    study,
    win_rates,
)
from calsignal.score.logistic import Logistic

MONDAY = date(2026, 1, 5)
WEAK = Features(0, 50, 0.2, 0, 0, 0)


def row(deal: str = "d1", week: int = 0, closes: int = 30, *, won: bool = True, **more: object) -> Row:
    """Return a row of so many weeks after the first Monday, of a deal that closed so many days after it."""
    made = Row(
        deal=deal,
        account=f"account of {deal}",
        on=MONDAY + timedelta(weeks=week),
        closed=MONDAY + timedelta(days=closes),
        won=won,
        status=Status.REAL,
        score=50.0,
        features=WEAK,
        held=1,
        quiet=3,
    )
    return replace(made, **more)  # type: ignore[arg-type]


# --- measures ---------------------------------------------------------------------------------------------------------


def test_a_perfect_order_has_an_auc_of_1_a_reversed_one_0_and_no_order_a_half() -> None:
    labels = [False, False, True, True, True]

    assert auc([1, 2, 3, 4, 5], labels) == 1.0
    assert auc([5, 4, 3, 2, 1], labels) == 0.0
    assert auc([7, 7, 7, 7, 7], labels) == 0.5


def test_auc_counts_pairs_in_the_right_order() -> None:
    # yes: 3, 1; no: 2, 1. Pairs: 3>2, 3>1, 1<2, 1=1: 1 + 1 + 0 + .5 of 4
    assert auc([3, 1, 2, 1], [True, True, False, False]) == 0.625


def test_a_weight_stands_for_so_many_rows() -> None:
    labels, numbers = [True, False, False], [2.0, 1.0, 3.0]

    # one pair right and, three times, one wrong: 1 of 4
    assert auc(numbers, labels, [1, 1, 3]) == 0.25
    assert auc(numbers, labels, [1, 0, 0]) is None


def test_one_outcome_alone_has_no_auc() -> None:
    assert auc([1, 2], [True, True]) is None


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=2, max_size=30))
def test_auc_is_one_less_that_of_the_reversed_number(pairs: list[tuple[int, bool]]) -> None:
    numbers, labels = [float(n) for n, _ in pairs], [won for _, won in pairs]
    found = auc(numbers, labels)

    if found is not None:
        assert auc([-n for n in numbers], labels) == pytest.approx(1 - found)
        assert auc([2 * n + 1 for n in numbers], labels) == found


def test_brier_is_the_mean_square_of_the_misses() -> None:
    # (.9 - 1)^2 + (.2 - 0)^2 + (.5 - 1)^2 = .01 + .04 + .25 = .30, of 3
    assert brier([0.9, 0.2, 0.5], [True, False, True]) == pytest.approx(0.1)


def test_reliability_has_five_bins_of_equal_width() -> None:
    rows = [row("d1"), row("d1", won=False), row("d2"), row("d3")]

    found = reliability([0.1, 0.15, 0.2, 1.0], rows)

    assert [(b.low, b.high, b.rows, b.deals) for b in found] == [
        (0.0, 0.2, 2, 1),
        (0.2, 0.4, 1, 1),
        (0.4, 0.6, 0, 0),
        (0.6, 0.8, 0, 0),
        (0.8, 1.0, 1, 1),
    ]
    assert (found[0].predicted, found[0].observed) == (0.125, 0.5)
    assert (found[2].predicted, found[2].observed) == (None, None)


# --- labels and the cut-off -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("closes", "won", "label", "known"),
    [
        (30, True, True, MONDAY + timedelta(days=30)),
        (90, True, True, MONDAY + timedelta(days=90)),
        (91, True, False, MONDAY + timedelta(days=90)),  # won too late: known to be a no on the 90th day
        (30, False, False, MONDAY + timedelta(days=30)),
        (200, False, False, MONDAY + timedelta(days=90)),
    ],
)
def test_a_row_is_a_yes_when_its_deal_is_won_within_90_days(closes: int, won: bool, label: bool, known: date) -> None:
    made = row(closes=closes, won=won)

    assert (made.label, made.known) == (label, known)


def test_the_cut_off_is_the_day_by_which_60_of_100_deals_were_closed() -> None:
    rows = [row(f"d{n}", week, closes=10 * n) for n in range(1, 6) for week in (0, 1)]

    # closed on days 10, 20, 30, 40, 50: 60 % of 5 is 3
    assert cutoff_of(rows) == MONDAY + timedelta(days=30)
    assert cutoff_of([]) is None


# --- the gate ---------------------------------------------------------------------------------------------------------


def market(deals: int, seed: int = 7, *, telling: bool = True) -> list[Row]:
    """Return rows of so many deals, three weeks each; breadth tells who wins, and the default score tells nothing."""
    dice, rows = Random(seed), []
    for n in range(deals):
        broad = dice.random() < 0.5
        won = dice.random() < (0.85 if broad else 0.15) if telling else n % 2 == 0
        start = n % 52
        for week in range(3):
            features = replace(WEAK, breadth=3 if broad else 1, buyer_time=dice.uniform(0, 60))
            score = dice.uniform(0, 100)
            closes = 7 * (start + 3) + n % 5
            rows.append(row(f"d{n}", start + week, closes, won=won, features=features, score=score, held=week))
    return rows


def test_too_few_closed_deals_are_refused_in_one_honest_sentence() -> None:
    rows = [row(f"w{n}", closes=n + 20, won=True) for n in range(23)]
    rows += [row(f"l{n}", closes=n + 20, won=False) for n in range(31)]

    found = study(rows)

    assert (found.won, found.lost, found.passes) == (23, 31, False)
    assert found.verdict == "uncalibrated (23 won, 31 lost; needs 50 and 50)"


def test_what_tells_winners_apart_passes_the_gate() -> None:
    found = study(market(240))

    assert found.passes
    assert found.trial is not None
    assert found.verdict.startswith("passes: AUC ")
    assert found.trial.fitted.auc > 0.75
    assert found.trial.default.auc == pytest.approx(0.5, abs=0.1)
    assert found.trial.gain > (found.trial.gain_error or 1)
    assert found.trial.fitted.brier < found.trial.base_brier
    assert [e.name for e in found.trial.baselines] == ["meetings held", "days since the last meeting"]
    assert found.trial.baselines[1].auc == 0.5  # all are quiet for 3 days


def test_a_fit_that_ranks_no_better_than_the_default_score_is_refused() -> None:
    found = study([replace(r, score=90.0 if r.won else 10.0) for r in market(240)])

    assert not found.passes
    assert found.trial is not None
    assert found.trial.default.auc == 1.0
    assert found.verdict.startswith("uncalibrated (AUC ")


def test_a_fit_to_noise_rarely_passes() -> None:
    # the gate asks for one standard error, not for proof: about one in six would pass by its ranks alone
    passed = sum(study(market(140, seed, telling=False)).passes for seed in range(12))

    assert passed <= 3


def test_a_fit_that_errs_more_than_the_base_rate_is_refused() -> None:
    before = market(240)
    cutoff = cutoff_of(before)
    assert cutoff is not None
    # later on one of four is won where most were: the ranks still tell, the probabilities mislead
    after = [
        replace(r, won=r.features.breadth == 3 and int(r.deal[1:]) % 4 == 0, score=50.0) if r.on > cutoff else r
        for r in before
    ]

    found = study(after)

    assert found.trial is not None
    assert found.trial.ranks_better
    assert found.verdict.startswith("uncalibrated (Brier ")


def test_deals_that_all_close_at_once_leave_nothing_to_test_on() -> None:
    rows = [row(f"d{n}", closes=30, won=n % 2 == 0) for n in range(120)]

    found = study(rows)

    assert found.trial is None
    assert found.verdict == "uncalibrated (won and lost deals are needed both before and after the cut-off)"


def test_no_rows_at_all_are_refused_too() -> None:
    assert study([]).verdict == "uncalibrated (0 won, 0 lost; needs 50 and 50)"


def test_only_outcomes_known_at_the_cut_off_teach_and_only_later_rows_test() -> None:
    rows = market(240)

    found = study(rows).trial

    assert found is not None
    before = [r for r in rows if r.known <= found.cutoff]
    after = [r for r in rows if r.on > found.cutoff]
    assert (found.trained.rows, found.tested.rows) == (len(before), len(after))
    assert len(before) + len(after) < len(rows)  # open at the cut-off: neither
    assert found.base_rate == sum(r.label for r in before) / len(before)


def test_what_comes_after_the_cut_off_changes_nothing_that_was_learnt() -> None:
    rows = market(240)
    one = study(rows).trial
    assert one is not None

    other = study([replace(r, score=0.0, features=WEAK) if r.known > one.cutoff else r for r in rows]).trial

    assert other is not None
    assert other.model == one.model
    assert other.base_rate == one.base_rate


def test_unknown_rows_teach_nothing_and_are_counted() -> None:
    rows = market(240)

    found = study([*rows, row("x", status=Status.UNKNOWN), row("x", 1, status=Status.UNKNOWN)])

    assert found.unknown == 2
    assert (found.trial, found.won, found.lost) == (study(rows).trial, study(rows).won, study(rows).lost)


def test_the_same_seed_gives_the_same_interval_and_the_order_of_rows_no_other() -> None:
    rows = market(120)
    mixed = list(rows)
    Random(3).shuffle(mixed)

    one, same, other = study(rows, seed=1), study(mixed, seed=1), study(rows, seed=2)

    assert one == same
    assert one.trial is not None
    assert other.trial is not None
    assert (one.trial.model, one.trial.fitted.auc) == (other.trial.model, other.trial.fitted.auc)
    assert one.trial.gain_error != other.trial.gain_error


def test_many_deals_of_one_account_are_no_more_evidence_than_one() -> None:
    rows = market(240)
    copied = [replace(r, deal=f"{r.deal}-{n}") for r in rows for n in range(3)]

    one, thrice = study(rows).trial, study(copied).trial

    assert one is not None
    assert thrice is not None
    assert thrice.gain_error == pytest.approx(one.gain_error, rel=0.15)  # not smaller by the root of 3


def test_the_trial_tells_what_a_deal_looks_like() -> None:
    found = study(market(240)).trial
    assert isinstance(found, Trial)

    broad = found.model.probability(replace(WEAK, breadth=3, buyer_time=30).values)
    narrow = found.model.probability(replace(WEAK, breadth=1, buyer_time=30).values)

    assert broad == pytest.approx(0.85, abs=0.1)
    assert narrow == pytest.approx(0.15, abs=0.1)


# --- statuses ---------------------------------------------------------------------------------------------------------


def test_each_deal_counts_once_per_status_from_the_week_it_first_stood_in_it() -> None:
    rows = [
        row("a", 0, 150, status=Status.SOFT),  # won 150 days on: a no
        row("a", 10, 150, status=Status.REAL),  # 70 days before the day of the order: a yes
        row("a", 11, 150, status=Status.REAL),
        row("b", 0, 20, won=False, status=Status.REAL),
    ]

    found = {s.status: s.rate for s in win_rates(rows)}

    assert (found[Status.REAL].hits, found[Status.REAL].n, found[Status.REAL].value) == (1, 2, 0.5)
    assert (found[Status.SOFT].hits, found[Status.SOFT].n) == (0, 1)
    assert (found[Status.LOST].n, found[Status.LOST].value) == (0, None)
    assert found[Status.REAL].too_few


def test_win_rates_have_wilson_bounds() -> None:
    ends = [(Status.REAL, n < 8) for n in range(10)] + [(Status.STALLED, n < 24) for n in range(40)]

    found = hindsight(4, ends)

    rates = {s.status: s.rate for s in found.by_status}
    assert (found.weeks, found.deals) == (4, 50)
    assert round(rates[Status.REAL].lower or 0, 3) == 0.490
    assert round(rates[Status.STALLED].lower or 0, 3) == 0.446
    assert not rates[Status.REAL].too_few


# --- what is kept -----------------------------------------------------------------------------------------------------

KEPT = Calibration(
    model_version="v1",
    constants="1a2b3c4d",
    accepted_at=datetime(2026, 3, 16, 9, tzinfo=UTC),
    cutoff=date(2026, 2, 1),
    won=60,
    lost=70,
    model=Logistic(-0.5, (0.1, 0.2, 0.3, 0.4, -0.5, -0.6), (10.0, 50.0, 0.5, 1.0, 0.0, 0.0), (5.0, 5.0, 0.2, 1, 1, 0)),
)


def test_what_is_kept_is_what_was_accepted() -> None:
    assert load(dump(KEPT)) == KEPT


@pytest.mark.parametrize("text", [None, "", "{", "[]", "7", '{"features": ["other"]}', '{"features": 1}'])
def test_what_another_version_kept_is_no_calibration(text: str | None) -> None:
    assert load(text) is None
    assert load(dump(KEPT).replace('"weights"', '"mass"')) is None


def test_a_probability_is_worked_out_by_hand() -> None:
    features = Features(buyer_time=20, rescheduling=50, keep=0.7, breadth=2, slips=1, drops=4)

    # -.5 + .1 x (20-10)/5 + .2 x 0 + .3 x (.7-.5)/.2 + .4 x (2-1)/1 - .5 x 1/1 - .6 x 0 (no spread) = -.1
    # 1 / (1 + e^.1) = .47502
    assert KEPT.win_probability(features) == pytest.approx(0.47502, abs=1e-5)
