"""The bounds within which a share of counts may lie: Wilson's score interval."""

from __future__ import annotations

from math import sqrt


def wilson(hits: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """Return the lower and upper bound of `hits / n` at `z` deviations; all is possible where `n` is 0."""
    if n == 0:
        return 0.0, 1.0
    share, square = hits / n, z * z
    middle = share + square / (2 * n)
    reach = z * sqrt(share * (1 - share) / n + square / (4 * n * n))
    scale = 1 + square / n
    return max((middle - reach) / scale, 0.0), min((middle + reach) / scale, 1.0)
