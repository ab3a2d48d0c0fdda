"""The numbers of the model, version v1. Priors with a meaning, not fitted values."""

from __future__ import annotations

import hashlib
from dataclasses import astuple, dataclass, fields

MODEL_VERSION = "v1"


@dataclass(frozen=True)
class Constants:
    """Every number of the model by name; durations are in the unit the name gives.

    Firmness is the share of a person's minutes that is expected to be spent (`past_*` and `future_*`).
    """

    past_attended: float = 1.0
    past_organized: float = 0.95
    past_self_booked: float = 0.90
    past_accepted: float = 0.90
    past_tentative: float = 0.50
    past_silent_on_buyers: float = 0.25
    future_organized: float = 0.90
    future_self_booked: float = 0.75
    future_accepted: float = 0.80
    future_tentative: float = 0.35
    future_silent_on_buyers: float = 0.10
    weight_time: float = 0.6
    weight_rescheduling: float = 0.4
    half_hours: float = 3.0
    half_life_days: float = 21.0
    quiet_half_life_days: float = 14.0
    max_minutes: int = 180
    min_minutes: int = 5
    all_day_minutes: int = 60
    max_buyers: int = 6
    series_factor: float = 0.7
    max_unnamed_guests: int = 2
    unnamed_guest_factor: float = 0.5
    lead_7_days: float = 1.0
    lead_14_days: float = 0.9
    lead_28_days: float = 0.75
    lead_60_days: float = 0.5
    broadcast_people: int = 25
    broadcast_accounts: int = 3
    rescheduling_base: float = 50.0
    booked_again: float = 10.0
    booked_again_by_buyer: float = 15.0
    moved_earlier_by_buyer: float = 5.0
    push_by_buyer: float = -5.0
    push_by_seller_or_unknown: float = -2.5
    dropped: float = -10.0
    rebook_days: int = 14
    drop_days: int = 14
    long_push_days: int = 14
    mover_evidence_days: int = 7
    next_within_days: int = 30
    real_after_held_days: int = 7
    new_days: int = 14
    ask_days: int = 7
    ask_notice_hours: int = 48
    stalled_pushes: int = 3
    stalled_push_days: int = 30
    usual_gap_days: float = 14.0
    usual_gap_weight: int = 4
    stall_factor: float = 1.5
    stall_min_days: float = 14.0
    stall_max_days: float = 30.0
    lost_factor: float = 3.0
    lost_min_days: float = 45.0
    lost_max_days: float = 90.0
    firm_buyer_days: int = 90
    seller_driven_meetings: int = 4
    answer_hours: int = 24
    warn_days: int = 3
    walk_away_days: int = 180
    audit_days: int = 28
    audit_close_within_days: int = 90
    audit_close_pushes: int = 2
    audit_close_push_days: int = 56
    audit_won_deals: int = 20
    audit_under_called_rebooks: int = 2
    audit_under_called_days: int = 30
    audit_deal_days: int = 14
    audit_active_days: int = 60
    audit_accept_days: int = 7
    audit_few: int = 5
    audit_min_coverage: float = 0.9
    audit_z: float = 1.96
    audit_recent_days: int = 14
    audit_usual_days: int = 56
    audit_fewer_share: float = 0.6
    audit_weeks: int = 12

    def fingerprint(self) -> str:
        """Return eight hexadecimal digits that stand for these numbers."""
        text = repr(tuple(zip((f.name for f in fields(self)), astuple(self), strict=True)))
        return hashlib.sha256(text.encode()).hexdigest()[:8]
