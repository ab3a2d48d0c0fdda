from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsignal.score.wilson import wilson


@pytest.mark.parametrize(("hits", "n", "lower"), [(3, 3, 0.438), (8, 10, 0.490), (24, 40, 0.446), (40, 50, 0.670)])
def test_the_lower_bounds_are_those_of_the_model(hits: int, n: int, lower: float) -> None:
    assert round(wilson(hits, n)[0], 3) == lower


def test_nothing_counted_leaves_everything_possible() -> None:
    assert wilson(0, 0) == (0.0, 1.0)


@given(st.integers(1, 500), st.data())
def test_the_bounds_hold_the_share_and_mirror_each_other(n: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, n))

    lower, upper = wilson(hits, n)

    assert 0 <= lower <= hits / n + 1e-12
    assert hits / n - 1e-12 <= upper <= 1
    assert wilson(n - hits, n) == pytest.approx((1 - upper, 1 - lower))
