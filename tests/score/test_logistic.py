from __future__ import annotations

from math import log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calsignal.score.logistic import fit, solve

X = [(-1.0,)] * 4 + [(1.0,)] * 4
Y = [False, False, False, True, True, True, True, False]


def test_without_a_ridge_the_shares_are_the_observed_ones() -> None:
    model = fit(X, Y, ridge=0.0)

    # 1 of 4 at -1 and 3 of 4 at 1: the log-odds are -ln 3 and ln 3
    assert model.intercept == pytest.approx(0.0, abs=1e-9)
    assert model.weights == pytest.approx((1.0986123,))
    assert model.probability((1.0,)) == pytest.approx(0.75)
    assert model.probability((-1.0,)) == pytest.approx(0.25)


def test_a_ridge_draws_the_weight_towards_nothing() -> None:
    # the slope is 8 s(w) - 6 + ridge w, s the logistic; w = ln 2 has s = 2/3, so ridge = (2/3) / ln 2 = .9617967
    model = fit(X, Y, ridge=(2 / 3) / log(2))

    assert model.weights == pytest.approx((0.6931472,))
    assert model.probability((1.0,)) == pytest.approx(2 / 3)


def test_values_are_weighed_in_deviations_from_their_mean() -> None:
    wide = [(100.0 + 10 * x,) for (x,) in X]

    model = fit(wide, Y, ridge=0.0)

    assert model.means == (100.0,)
    assert model.scales == (10.0,)
    assert model.probability((110.0,)) == pytest.approx(0.75)


def test_a_feature_that_is_the_same_everywhere_weighs_nothing() -> None:
    model = fit([(x, 7.0) for (x,) in X], Y, ridge=1.0)

    assert model.weights[1] == 0.0
    assert model.probability((1.0, 7.0)) == model.probability((1.0, 99.0))


def test_what_a_line_parts_stays_finite_under_a_ridge() -> None:
    model = fit(X, [x > 0 for (x,) in X], ridge=1.0)

    # the slope is 8 s(w) - 8 + w: nothing at w = 1.4815, where s(w) = 0.8148
    assert model.weights == pytest.approx((1.4815,), abs=1e-4)


def test_one_outcome_alone_cannot_be_fitted() -> None:
    with pytest.raises(ValueError, match="both outcomes"):
        fit(X, [True] * 8, ridge=1.0)


def test_equations_are_solved_in_any_order_of_their_rows() -> None:
    # 2x + y = 5, x + 3y = 10: x = 1, y = 3
    assert solve([[2, 1], [1, 3]], [5, 10]) == pytest.approx((1, 3))
    assert solve([[0, 1], [2, 0]], [3, 4]) == pytest.approx((2, 3))
    assert solve([[2, 0], [0, 0]], [4, 0]) == (2, 0)


points = st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 9), st.booleans()), min_size=4, max_size=40).filter(
    lambda rows: len({won for *_, won in rows}) == 2
)


@given(points, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_the_order_of_the_rows_changes_no_bit(rows: list[tuple[int, int, bool]], random: object) -> None:
    mixed = list(rows)
    random.shuffle(mixed)  # type: ignore[attr-defined]

    one, other = (fit([r[:2] for r in some], [r[2] for r in some], ridge=1.0) for some in (rows, mixed))

    assert one == other


@given(points)
@settings(deadline=None)
def test_the_mean_probability_is_the_share_of_yes(rows: list[tuple[int, int, bool]]) -> None:
    model = fit([r[:2] for r in rows], [r[2] for r in rows], ridge=1.0)

    mean = sum(model.probability(r[:2]) for r in rows) / len(rows)

    assert mean == pytest.approx(sum(r[2] for r in rows) / len(rows), abs=1e-6)
