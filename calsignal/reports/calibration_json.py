"""A calibration and a backtest as JSON documents."""

from __future__ import annotations

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from calsignal.reports.jsonform import Document, Form, rounded
from calsignal.score.audit import Rate
from calsignal.score.calibrated import Calibration, Features
from calsignal.score.calibration import Backtest, Bin, CalibrationReport, Evaluation, Sample, StatusRate, Trial


def calibration_json(report: CalibrationReport) -> Document:
    """Return the calibration as `calsignal.calibration/1`."""
    form, found = Form(ZoneInfo(report.head.timezone)), report.study
    return {
        **form.head("calsignal.calibration/1", report.head),
        "passes": found.passes,
        "verdict": found.verdict,
        "won": found.won,
        "lost": found.lost,
        "sample": _sample(found.sample),
        "unknown_rows": found.unknown,
        "left_out": [{"reason": reason, "deals": count} for reason, count in sorted(report.left_out.items())],
        "by_status": status_rates(found.by_status),
        "trial": found.trial and _trial(found.trial),
        "in_force": report.in_force and _in_force(report.in_force, form),
    }


def backtest_json(found: Backtest) -> Document:
    """Return what the statuses said 4, 8 and 12 weeks before deals closed, as a part of the audit's document."""
    return {
        "won": found.won,
        "lost": found.lost,
        "left_out": [{"reason": reason, "deals": count} for reason, count in sorted(found.left_out.items())],
        "tables": [
            {"weeks": table.weeks, "deals": table.deals, "by_status": status_rates(table.by_status)}
            for table in found.tables
        ],
    }


def status_rates(rates: Iterable[StatusRate]) -> list[Document]:
    """Return the win rate of each status."""
    return [{"status": one.status.value, **_rate(one.rate)} for one in rates]


def _rate(rate: Rate) -> Document:
    return {
        "won": rate.hits,
        "n": rate.n,
        "value": _maybe(rate.value),
        "lower": _maybe(rate.lower),
        "upper": _maybe(rate.upper),
        "too_few": rate.too_few,
    }


def _trial(tried: Trial) -> Document:
    return {
        "cutoff": tried.cutoff.isoformat(),
        "trained": _sample(tried.trained),
        "tested": _sample(tried.tested),
        "base_rate": rounded(tried.base_rate),
        "base_brier": rounded(tried.base_brier),
        "gain": rounded(tried.gain),
        "gain_error": _maybe(tried.gain_error),
        "evaluations": [_evaluation(one) for one in (tried.fitted, tried.default, *tried.baselines)],
        "intercept": rounded(tried.model.intercept),
        "features": [
            {"name": name, "weight": rounded(weight), "mean": rounded(mean), "deviation": rounded(scale)}
            for name, weight, mean, scale in zip(
                Features.__dataclass_fields__, tried.model.weights, tried.model.means, tried.model.scales, strict=True
            )
        ],
    }


def _evaluation(one: Evaluation) -> Document:
    return {
        "name": one.name,
        "auc": rounded(one.auc),
        "lower": _maybe(one.lower),
        "upper": _maybe(one.upper),
        "brier": rounded(one.brier),
        "reliability": [_bin(part) for part in one.bins],
    }


def _bin(part: Bin) -> Document:
    return {
        "low": part.low,
        "high": part.high,
        "rows": part.rows,
        "deals": part.deals,
        "predicted": _maybe(part.predicted),
        "observed": _maybe(part.observed),
    }


def _sample(sample: Sample) -> Document:
    return {"rows": sample.rows, "deals": sample.deals, "accounts": sample.accounts}


def _in_force(kept: Calibration, form: Form) -> Document:
    return {
        "accepted_at": form.moment(kept.accepted_at),
        "cutoff": kept.cutoff.isoformat(),
        "won": kept.won,
        "lost": kept.lost,
    }


def _maybe(value: float | None) -> float | None:
    return None if value is None else rounded(value)
