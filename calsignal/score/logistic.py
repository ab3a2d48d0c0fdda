"""Ridge logistic regression by Newton's method, for a handful of features: small enough to be read and tested whole.

Sums are exact (`math.fsum`), so that the order of the rows changes no bit of the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, fsum, log, sqrt

MOST_STEPS = 50
CLOSE_ENOUGH = 1e-10

Vector = tuple[float, ...]


@dataclass(frozen=True)
class Logistic:
    """A fitted model. Values are brought to mean 0 and deviation 1 (`means`, `scales`) before they are weighed."""

    intercept: float
    weights: Vector
    means: Vector
    scales: Vector

    def probability(self, values: Sequence[float]) -> float:
        """Return the probability of a yes."""
        return _logistic(self.intercept + _dot(self.weights, _standard(values, self.means, self.scales)))


def fit(rows: Sequence[Sequence[float]], labels: Sequence[bool], ridge: float) -> Logistic:
    """Return the weights with the least log-loss plus `ridge / 2` times their squares; the intercept is free.

    A feature that is the same everywhere weighs nothing.

    Raises:
        ValueError: there is no yes or no no among the labels, so that no intercept would be large enough.
    """
    if len(set(labels)) < 2:
        raise ValueError("a fit needs both outcomes")
    columns = list(zip(*rows, strict=True))
    means = tuple(fsum(column) / len(rows) for column in columns)
    scales = tuple(_deviation(column, mean) for column, mean in zip(columns, means, strict=True))
    points = [(1.0, *_standard(row, means, scales)) for row in rows]
    found = _newton(points, [float(label) for label in labels], ridge)
    return Logistic(found[0], found[1:], means, scales)


def _deviation(column: Sequence[float], mean: float) -> float:
    found = sqrt(fsum((value - mean) ** 2 for value in column) / len(column))
    return found if found > 1e-12 * max(1.0, abs(mean)) else 0.0


def _standard(values: Sequence[float], means: Vector, scales: Vector) -> Vector:
    return tuple(
        (value - mean) / scale if scale else 0.0 for value, mean, scale in zip(values, means, scales, strict=True)
    )


def _newton(points: Sequence[Vector], labels: Sequence[float], ridge: float) -> Vector:
    """Return the weights, the intercept's first; each step is halved until it does good."""
    at: Vector = (0.0,) * len(points[0])
    loss = _loss(at, points, labels, ridge)
    for _ in range(MOST_STEPS):
        step = _step(at, points, labels, ridge)
        if max(map(abs, step)) < CLOSE_ENOUGH:
            break
        share = 1.0
        while True:
            there = tuple(w - share * s for w, s in zip(at, step, strict=True))
            further = _loss(there, points, labels, ridge)
            if further <= loss or share < CLOSE_ENOUGH:
                break
            share /= 2
        at, loss = there, further
    return at


def _loss(weights: Vector, points: Sequence[Vector], labels: Sequence[float], ridge: float) -> float:
    terms = (_softplus(z) - label * z for z, label in _sums(weights, points, labels))
    return fsum(terms) + ridge / 2 * fsum(w * w for w in weights[1:])


def _step(weights: Vector, points: Sequence[Vector], labels: Sequence[float], ridge: float) -> Vector:
    """Return Newton's step: the gradient over the curvature."""
    size = range(len(weights))
    chances = [_logistic(z) for z, _ in _sums(weights, points, labels)]
    misses = [chance - label for chance, label in zip(chances, labels, strict=True)]
    bends = [chance * (1 - chance) for chance in chances]
    slope = [
        fsum(miss * point[i] for miss, point in zip(misses, points, strict=True)) + ridge * weights[i] * (i > 0)
        for i in size
    ]
    curve = [[0.0] * len(weights) for _ in size]
    for i in size:
        for j in range(i + 1):
            found = fsum(bend * point[i] * point[j] for bend, point in zip(bends, points, strict=True))
            curve[i][j] = curve[j][i] = found + ridge * (i == j > 0)
    return solve(curve, slope)


def _sums(weights: Vector, points: Sequence[Vector], labels: Sequence[float]) -> Sequence[tuple[float, float]]:
    return [(_dot(weights, point), label) for point, label in zip(points, labels, strict=True)]


def solve(matrix: Sequence[Sequence[float]], right: Sequence[float]) -> Vector:
    """Return x with matrix * x = right, by elimination with the largest pivot; a row of nothing gives 0."""
    rows = [[*row, value] for row, value in zip(matrix, right, strict=True)]
    size = len(rows)
    for i in range(size):
        pivot = max(range(i, size), key=lambda r: abs(rows[r][i]))
        rows[i], rows[pivot] = rows[pivot], rows[i]
        if not rows[i][i]:
            continue
        for r in range(size):
            if r != i:
                factor = rows[r][i] / rows[i][i]
                rows[r] = [value - factor * top for value, top in zip(rows[r], rows[i], strict=True)]
    return tuple(row[size] / row[i] if row[i] else 0.0 for i, row in enumerate(rows))


def _dot(one: Sequence[float], other: Sequence[float]) -> float:
    return sum(a * b for a, b in zip(one, other, strict=True))


def _logistic(z: float) -> float:
    return 1 / (1 + exp(-z)) if z >= 0 else exp(z) / (1 + exp(z))


def _softplus(z: float) -> float:
    return max(z, 0.0) + log(1 + exp(-abs(z)))
