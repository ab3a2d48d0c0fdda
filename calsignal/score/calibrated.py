"""A calibration that somebody accepted: what turns the parts of a score into the probability of a won deal. Pure."""

from __future__ import annotations

import json
from dataclasses import asdict, astuple, dataclass, fields, replace
from datetime import date, datetime

from calsignal.model import Status
from calsignal.score.account import Scored
from calsignal.score.logistic import Logistic
from calsignal.score.result import AccountResult


@dataclass(frozen=True)
class Features:
    """What the model weighs: I, R, K, firm buyers, pushes by anyone, and drops."""

    buyer_time: float
    rescheduling: float
    keep: float
    breadth: int
    slips: int
    drops: int

    @property
    def values(self) -> tuple[float, ...]:
        return tuple(map(float, astuple(self)))


def features_of(result: AccountResult) -> Features:
    """Return what the model weighs of an account's result."""
    acts = result.rescheduling
    return Features(
        buyer_time=result.time.points,
        rescheduling=acts.points,
        keep=result.keep,
        breadth=len(result.firm_buyers),
        slips=acts.pushed_by_buyer + acts.pushed_by_seller_or_unknown,
        drops=acts.dropped,
    )


@dataclass(frozen=True)
class Calibration:
    """A fitted model that somebody accepted; it speaks only for the constants with which it was made."""

    model_version: str
    constants: str
    accepted_at: datetime
    cutoff: date
    won: int
    lost: int
    model: Logistic

    def win_probability(self, features: Features) -> float:
        """Return the probability that a deal of the account is won within 90 days."""
        return self.model.probability(features.values)

    def beside(self, one: Scored) -> Scored:
        """Return a result with the probability beside its score; what is unknown has none."""
        if one.result.status is Status.UNKNOWN:
            return one
        chance = self.win_probability(features_of(one.result))
        return replace(one, result=replace(one.result, win_probability=chance))


def dump(calibration: Calibration) -> str:
    """Write an accepted calibration as the text that the store keeps."""
    document = asdict(calibration) | {
        "accepted_at": calibration.accepted_at.isoformat(),
        "cutoff": calibration.cutoff.isoformat(),
        "features": [field.name for field in fields(Features)],
    }
    return json.dumps(document, sort_keys=True)


def load(text: str | None) -> Calibration | None:
    """Read what `dump` wrote; nothing, or what another version wrote, is no calibration."""
    try:
        document = json.loads(text or "null")
        if not document or document.pop("features") != [field.name for field in fields(Features)]:
            return None
        kept = document.pop("model")
        vectors = (tuple(map(float, kept[name])) for name in ("weights", "means", "scales"))
        return Calibration(
            accepted_at=datetime.fromisoformat(document.pop("accepted_at")),
            cutoff=date.fromisoformat(document.pop("cutoff")),
            model=Logistic(float(kept["intercept"]), *vectors),
            **document,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
