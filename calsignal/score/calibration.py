"""Calibration: whether the score's parts foretell won deals, and if they do, how likely a deal is to be won.

Pure. One row is one deal at the begin of one week, with what was known of its account then. A model is fitted on the
rows whose outcome was known at a cut-off and tested on later rows; deals of one account are no independent evidence,
so all uncertainty comes from drawing accounts. Nothing is accepted that has not passed the gate.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import fsum
from random import Random
from statistics import stdev

from calsignal.model import Status
from calsignal.score.audit import Rate
from calsignal.score.calibrated import Calibration, Features
from calsignal.score.constants import Constants
from calsignal.score.logistic import Logistic, fit
from calsignal.score.reps import rate
from calsignal.score.result import Head

LABEL_DAYS = 90
"""A row is a yes when its deal is won within so many days."""
NEEDED = 50
"""Won deals, and lost ones, that a calibration needs at least."""
TRAIN_PERCENT = 60
"""The cut-off is the day by which so many of a hundred deals were closed."""
RIDGE = 1.0
DRAWS = 200
BINS = 5
SEED = 20_260_101
NEVER_MET_DAYS = 365
"""What stands for the days since the last meeting where there was none."""
BACKTEST_WEEKS = (4, 8, 12)
NONE = "no deal stood in it"
V1 = Constants()


@dataclass(frozen=True)
class Row:
    """One deal at midnight before `on`, a Monday, with what was known of its account then.

    known       the day on which the outcome of the row was known: when the deal closed, or 90 days later
    held, quiet meetings held so far, and days since the last one (None: none yet)
    """

    deal: str
    account: str
    on: date
    closed: date
    won: bool
    status: Status
    score: float
    features: Features
    held: int
    quiet: int | None

    @property
    def known(self) -> date:
        return min(self.closed, self.on + timedelta(days=LABEL_DAYS))

    @property
    def label(self) -> bool:
        """Whether it was won within 90 days."""
        return self.won and (self.closed - self.on).days <= LABEL_DAYS


# --- what comes out -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bin:
    """The tested rows whose probability lies in `[low, high)` (the last bin: and at its end)."""

    low: float
    high: float
    rows: int
    deals: int
    predicted: float | None
    observed: float | None


@dataclass(frozen=True)
class Evaluation:
    """How well one number foretells: AUC by the number itself, with a 95 % interval, and Brier by what was fitted."""

    name: str
    auc: float
    lower: float | None
    upper: float | None
    brier: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True)
class StatusRate:
    """Of the deals that stood in a status, how many were won; each deal counts once per status."""

    status: Status
    rate: Rate


@dataclass(frozen=True)
class Sample:
    """How much there is of something: rows, their deals, and the accounts of these."""

    rows: int
    deals: int
    accounts: int


@dataclass(frozen=True)
class Trial:
    """A fit and how it did on later rows; the gain is the fit's AUC less the default score's, with its error."""

    cutoff: date
    trained: Sample
    tested: Sample
    base_rate: float
    base_brier: float
    fitted: Evaluation
    default: Evaluation
    baselines: tuple[Evaluation, ...]
    gain: float
    gain_error: float | None
    model: Logistic

    @property
    def ranks_better(self) -> bool:
        return self.gain_error is not None and self.gain > self.gain_error

    @property
    def errs_less(self) -> bool:
        return self.fitted.brier < self.base_brier


@dataclass(frozen=True)
class Study:
    """What the closed deals say. `verdict` begins with `uncalibrated` unless the gate was passed.

    unknown     rows in which nothing could be known of the account: not used
    trial       None where there was not enough to fit and to test
    """

    won: int
    lost: int
    sample: Sample
    unknown: int
    by_status: tuple[StatusRate, ...]
    trial: Trial | None
    passes: bool
    verdict: str


@dataclass(frozen=True)
class CalibrationReport:
    """What `calibrate` shows. `left_out` says why closed deals could not be used; `in_force` is what is accepted."""

    head: Head
    study: Study
    left_out: Mapping[str, int]
    in_force: Calibration | None


# --- the study ------------------------------------------------------------------------------------------------------


def study(rows: Iterable[Row], seed: int = SEED, constants: Constants = V1) -> Study:
    """Judge the rows: fit, test, and say whether the gate is passed. The order of the rows does not matter."""
    everything = sorted(rows, key=lambda r: (r.on, r.account, r.deal))
    known = [r for r in everything if r.status is not Status.UNKNOWN]
    outcomes = {r.deal: r.won for r in known}
    won = sum(outcomes.values())
    lost = len(outcomes) - won
    tried = _trial(known, seed)
    problem = _problem(won, lost, tried)
    return Study(
        won=won,
        lost=lost,
        sample=_sample(known),
        unknown=len(everything) - len(known),
        by_status=tuple(win_rates(everything, constants)),
        trial=tried,
        passes=not problem,
        verdict=f"uncalibrated ({problem})" if problem else _passed(tried),
    )


def _problem(won: int, lost: int, tried: Trial | None) -> str:
    """Return why the gate stays closed, or nothing."""
    if min(won, lost) < NEEDED:
        return f"{won} won, {lost} lost; needs {NEEDED} and {NEEDED}"
    if tried is None:
        return "won and lost deals are needed both before and after the cut-off"
    if not tried.ranks_better:
        gain = f"AUC {tried.fitted.auc:.3f} against {tried.default.auc:.3f} of the default score"
        error = "its error is unknown" if tried.gain_error is None else f"its error is {tried.gain_error:.3f}"
        return f"{gain}: a gain of {tried.gain:.3f}, and {error}"
    if not tried.errs_less:
        return f"Brier {tried.fitted.brier:.3f} is no better than {tried.base_brier:.3f} of the base rate"
    return ""


def _passed(tried: Trial | None) -> str:
    assert tried is not None
    return (
        f"passes: AUC {tried.fitted.auc:.3f} against {tried.default.auc:.3f} of the default score, "
        f"Brier {tried.fitted.brier:.3f} against {tried.base_brier:.3f} of the base rate"
    )


def cutoff_of(rows: Iterable[Row]) -> date | None:
    """Return the day by which 60 % of the deals were closed."""
    days = sorted({r.deal: r.closed for r in rows}.values())
    return days[-(-len(days) * TRAIN_PERCENT // 100) - 1] if days else None


def _trial(rows: Sequence[Row], seed: int) -> Trial | None:
    cutoff = cutoff_of(rows)
    if cutoff is None:
        return None
    before = [r for r in rows if r.known <= cutoff]
    after = [r for r in rows if r.on > cutoff]
    if any(len({r.label for r in some}) < 2 for some in (before, after)):
        return None
    base = sum(r.label for r in before) / len(before)
    model = _fitted(before, lambda r: r.features.values)
    judged = [_judged(name, number, before, after) for name, number in _NUMBERS.items()]
    own = _Judged("fitted", [model.probability(r.features.values) for r in after], [], after)
    draws = list(_draws([own, *judged], after, seed))
    found = [one.evaluation([draw[n] for draw in draws]) for n, one in enumerate([own, *judged])]
    gains = [draw[0] - draw[1] for draw in draws]
    return Trial(
        cutoff=cutoff,
        trained=_sample(before),
        tested=_sample(after),
        base_rate=base,
        base_brier=brier([base] * len(after), [r.label for r in after]),
        fitted=found[0],
        default=found[1],
        baselines=tuple(found[2:]),
        gain=found[0].auc - found[1].auc,
        gain_error=stdev(gains) if len(gains) > 1 else None,
        model=model,
    )


_NUMBERS: Mapping[str, Callable[[Row], float]] = {
    "default score": lambda r: r.score,
    "meetings held": lambda r: float(r.held),
    "days since the last meeting": lambda r: -float(NEVER_MET_DAYS if r.quiet is None else r.quiet),
}
"""What anybody could rank by: more is better. The default score comes first."""


def _fitted(rows: Sequence[Row], values: Callable[[Row], Sequence[float]]) -> Logistic:
    return fit([values(r) for r in rows], [r.label for r in rows], RIDGE)


def _sample(rows: Sequence[Row]) -> Sample:
    return Sample(len(rows), len({r.deal for r in rows}), len({r.account for r in rows}))


@dataclass(frozen=True)
class _Judged:
    """A number on the tested rows, and the probabilities that come of it (empty: it is one already)."""

    name: str
    numbers: Sequence[float]
    chances: Sequence[float]
    rows: Sequence[Row]

    def evaluation(self, drawn: Sequence[float]) -> Evaluation:
        labels = [r.label for r in self.rows]
        chances = self.chances or self.numbers
        found = auc(self.numbers, labels)
        assert found is not None
        low, high = _middle(drawn)
        return Evaluation(self.name, found, low, high, brier(chances, labels), reliability(chances, self.rows))


def _judged(name: str, number: Callable[[Row], float], before: Sequence[Row], after: Sequence[Row]) -> _Judged:
    alone = _fitted(before, lambda r: (number(r),))
    numbers = [number(r) for r in after]
    return _Judged(name, numbers, [alone.probability((value,)) for value in numbers], after)


def _draws(judged: Sequence[_Judged], rows: Sequence[Row], seed: int) -> Iterator[list[float]]:
    """Yield the AUCs of each number over accounts drawn with replacement; draws of one outcome alone are left out."""
    random = Random(seed)  # noqa: S311  # statistics, no secrets
    accounts = sorted({r.account for r in rows})
    labels = [r.label for r in rows]
    ranks = [_Ranking(one.numbers, labels) for one in judged]
    for _ in range(DRAWS):
        times: defaultdict[str, int] = defaultdict(int)
        for account in random.choices(accounts, k=len(accounts)):
            times[account] += 1
        weights = [times[r.account] for r in rows]
        found = [ranking.auc(weights) for ranking in ranks]
        if None not in found:
            yield [value for value in found if value is not None]


def _middle(drawn: Sequence[float]) -> tuple[float | None, float | None]:
    """Return the bounds of the middle 95 %."""
    if len(drawn) < 2:
        return None, None
    ordered, last = sorted(drawn), len(drawn) - 1
    return ordered[round(0.025 * last)], ordered[round(0.975 * last)]


# --- measures -------------------------------------------------------------------------------------------------------


def auc(numbers: Sequence[float], labels: Sequence[bool], weights: Sequence[int] | None = None) -> float | None:
    """Return the chance that a yes has a larger number than a no, ties counting half; None without both."""
    return _Ranking(numbers, labels).auc(weights or [1] * len(labels))


class _Ranking:
    """Numbers in order, sorted once for many weightings."""

    def __init__(self, numbers: Sequence[float], labels: Sequence[bool]) -> None:
        self._labels = labels
        self._groups: list[list[int]] = []
        for index in sorted(range(len(numbers)), key=numbers.__getitem__):
            if self._groups and numbers[self._groups[-1][0]] == numbers[index]:
                self._groups[-1].append(index)
            else:
                self._groups.append([index])

    def auc(self, weights: Sequence[int]) -> float | None:
        below, pairs, yes = 0, 0.0, 0
        for group in self._groups:
            here = sum(weights[i] for i in group)
            ours = sum(weights[i] for i in group if self._labels[i])
            pairs += ours * (below + (here - ours) / 2)
            below, yes = below + here - ours, yes + ours
        return pairs / (yes * below) if yes and below else None


def brier(chances: Sequence[float], labels: Sequence[bool]) -> float:
    """Return the mean square of what each probability was off by."""
    return fsum((chance - label) ** 2 for chance, label in zip(chances, labels, strict=True)) / len(labels)


def reliability(chances: Sequence[float], rows: Sequence[Row]) -> tuple[Bin, ...]:
    """Return five bins of equal width: what was predicted in each, and what came."""
    found = []
    for n in range(BINS):
        inside = [(c, r) for c, r in zip(chances, rows, strict=True) if min(int(c * BINS), BINS - 1) == n]
        size = len(inside)
        found.append(
            Bin(
                low=n / BINS,
                high=(n + 1) / BINS,
                rows=size,
                deals=len({r.deal for _, r in inside}),
                predicted=fsum(c for c, _ in inside) / size if size else None,
                observed=sum(r.label for _, r in inside) / size if size else None,
            )
        )
    return tuple(found)


def win_rates(rows: Iterable[Row], constants: Constants = V1) -> Iterator[StatusRate]:
    """Yield, for each status in order of rank, how many of the deals were won within 90 days of standing in it first.

    Weeks of one deal are no independent evidence, so each deal counts once per status.
    """
    first: dict[tuple[Status, str], Row] = {}
    for row in sorted(rows, key=lambda r: (r.on, r.account, r.deal)):
        first.setdefault((row.status, row.deal), row)
    for status in Status:
        labels = [row.label for (found, _), row in first.items() if found is status]
        yield StatusRate(status, rate(sum(labels), len(labels), constants, nothing=NONE))


# --- backtest -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Hindsight:
    """What the statuses said so many weeks before deals closed; a deal counts once."""

    weeks: int
    deals: int
    by_status: tuple[StatusRate, ...]


@dataclass(frozen=True)
class Backtest:
    """What the statuses said 4, 8 and 12 weeks before deals closed. `left_out` says which deals could not be used."""

    won: int
    lost: int
    tables: tuple[Hindsight, ...]
    left_out: Mapping[str, int]


def hindsight(weeks: int, ends: Iterable[tuple[Status, bool]], constants: Constants = V1) -> Hindsight:
    """Count what became of the deals by the status in which they stood then; `ends` are status and whether won."""
    known = list(ends)
    rates = []
    for status in Status:
        won = [w for s, w in known if s is status]
        rates.append(StatusRate(status, rate(sum(won), len(won), constants, nothing=NONE)))
    return Hindsight(weeks, len(known), tuple(rates))
