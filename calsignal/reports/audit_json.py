"""The manager's audit as a JSON document.

An amount is a number, exact up to 15 digits; amounts stand beside their currency and are never added across them.
"""

from __future__ import annotations

from decimal import Decimal
from zoneinfo import ZoneInfo

from calsignal.model import Deal, Status
from calsignal.reports.audit_words import METRICS
from calsignal.reports.calibration_json import backtest_json
from calsignal.reports.jsonform import Document, Form, rounded
from calsignal.score.audit import (
    AccountAudit,
    AuditResult,
    Contest,
    DealFinding,
    DealLine,
    Forecast,
    Measure,
    Rate,
    RepCoverage,
    RepMetrics,
    SoftShare,
    Watch,
)
from calsignal.score.calibration import Backtest


def audit_json(result: AuditResult, backtest: Backtest | None = None) -> Document:
    """Return the audit as `calsignal.audit/1`; `backtest` is null where it was not asked for."""
    form = Form(ZoneInfo(result.head.timezone))
    period = result.period
    return {
        **form.head("calsignal.audit/1", result.head),
        "team": result.team,
        "rep": result.rep,
        "period_days": period.days,
        "period": {"first": period.first.isoformat(), "last": period.last.isoformat()},
        "deals_at": form.moment(result.deals_at),
        "notice": result.notice or None,
        "forecast": _forecast(result.forecast, form),
        "reps": [_rep(row) for row in result.reps],
        "teams": [_rep(row) for row in result.teams],
        "total": _rep(result.total),
        "contest": _contest(result.contest),
        "accounts": [_account(one) for one in result.accounts],
        "eating_hours": [one.result.account.name for one in result.eating],
        "without_deal": [one.result.account.name for one in result.without_deal],
        "coverage": {
            "reps": [_coverage(rep) for rep in result.coverage.reps],
            "unknown": list(result.coverage.unknown),
        },
        "backtest": backtest and backtest_json(backtest),
    }


def _number(value: float | None) -> float | None:
    return None if value is None else rounded(value)


def _amount(value: Decimal | None) -> int | float | None:
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else rounded(float(value))


# --- money ------------------------------------------------------------------------------------------------------------


def _forecast(found: Forecast, form: Form) -> Document:
    return {
        "by_status": [
            {"currency": t.currency, "status": t.status.value, "deals": t.deals, "amount": _amount(t.amount)}
            for t in found.by_status
        ],
        "by_category": [
            {
                "currency": t.currency,
                "category": t.category.value,
                "deals": t.deals,
                "amount": _amount(t.amount),
                "calendar_backed": _amount(t.backed),
            }
            for t in found.by_category
        ],
        "calendar_backed": [
            {
                "currency": b.currency,
                "deals": b.deals,
                "open": _amount(b.open),
                "amount": _amount(b.backed),
                "share": _number(b.share),
            }
            for b in found.backed
        ],
        "findings": [_finding(one) for one in found.findings],
        "deals": [_line(line, form) for line in found.lines],
        "without_amount": found.without_amount,
        "missing": [_deal(deal) for deal in found.missing],
        "won_deals": found.won,
        "won_meetings_median": _number(found.won_meetings),
    }


def _deal(deal: Deal) -> Document:
    return {"id": deal.id, "name": deal.name}


def _finding(found: DealFinding) -> Document:
    return {
        "code": found.code.name,
        "deal": _deal(found.deal),
        "account": found.account,
        "owner": found.owner,
        "amount": _amount(found.amount),
        "currency": found.currency,
        "line": found.line,
        "question": found.question,
    }


def _line(line: DealLine, form: Form) -> Document:
    deal = line.deal
    return {
        **_deal(deal),
        "crm_account": deal.account,
        "crm_owner": deal.owner,
        "account": line.account,
        "owner": line.owner,
        "amount": _amount(deal.amount),
        "currency": deal.currency,
        "stage": deal.stage or None,
        "category": deal.category.value,
        "closes": form.moment(deal.closes),
        "status": line.status.value,
        "evidence": line.evidence,
        "calendar_backed": line.backed,
        "findings": [found.code.name for found in line.findings],
        "unmatched": list(line.unmatched),
        "shared_with": list(line.shared),
        "next_meeting": line.next_meeting and form.meeting(line.next_meeting),
        "held": line.held,
        "held_shared": line.held_shared,
        "firm_buyers": list(line.firm_buyers),
        "close_pushes": line.close_pushes,
        "close_push_days": line.close_push_days,
    }


# --- reps -------------------------------------------------------------------------------------------------------------


def _rep(row: RepMetrics) -> Document:
    return {
        "rep": row.rep or None,
        "teams": list(row.teams),
        "rank": row.rank,
        "not_ranked": row.not_ranked or None,
        "coverage": _watch(row.watch),
        "accounts": row.accounts,
        "eager_prospects": row.eager_prospects,
        "eager_accounts": list(row.eager),
        "rebooks": row.rebooks,
        **{metric.name: _metric(metric.of(row)) for metric in METRICS},
        "soft_share": [_soft(soft) for soft in row.soft_share],
        "trend": {"recent": row.trend.recent, "usual": _number(row.trend.usual), "why": row.trend.why or None},
        "weeks": [
            {
                "monday": week.monday.isoformat(),
                "buyer_hours": _number(week.hours),
                "meetings": week.meetings,
                "whole": week.whole,
            }
            for week in row.weeks
        ],
    }


def _metric(found: Rate | Measure) -> Document:
    shared = {"value": _number(found.value), "n": found.n, "left_out": found.left_out, "why": found.why or None}
    if isinstance(found, Measure):
        return shared
    bounds = {"lower": _number(found.lower), "upper": _number(found.upper)}
    return {**shared, "hits": found.hits, **bounds, "too_few": found.too_few, "rank": found.rank}


def _soft(soft: SoftShare) -> Document:
    return {
        "currency": soft.currency,
        "value": _number(soft.value),
        "n": soft.n,
        "soft": _amount(soft.soft),
        "open": _amount(soft.open),
        "unknown": _amount(soft.unknown),
    }


def _watch(watch: Watch) -> Document:
    return {"days": watch.days, "covered": watch.covered, "share": _number(watch.share), "enough": watch.enough}


def _contest(contest: Contest) -> Document:
    return {
        "places": [
            {
                "place": place.place,
                "rep": place.rep,
                "eager_prospects": place.eager,
                "rebooks": place.rebooks,
                "rebooks_by_buyer": place.rebooks_by_buyer,
                "buyer_hours": _number(place.buyer_hours),
                "behind": place.behind,
                "decided_by": place.decided_by,
            }
            for place in contest.places
        ],
        "outside": [{"rep": rep, "why": why} for rep, why in contest.outside.items()],
        "notice": contest.notice or None,
    }


# --- accounts and calendars -------------------------------------------------------------------------------------------


def _account(one: AccountAudit) -> Document:
    made = one.result
    known = made.status is not Status.UNKNOWN
    return {
        "name": made.account.name,
        "domains": list(made.account.domains),
        "type": made.account.type.value,
        "owner": made.account.owner,
        "rank": made.rank,
        "status": made.status.value,
        "stale": bool(made.stale),
        "rule": made.rule,
        "evidence": made.evidence,
        "score": rounded(made.score, 1) if known else None,
        "win_probability": _number(made.win_probability),
        "flags": [{"code": flag.code, "text": flag.text} for flag in made.flags],
        "our_hours": _number(one.our_hours),
        "buyer_hours": _number(one.buyer_hours),
        "firm_hours": _number(one.firm_hours),
        "meetings": one.meetings,
        "eats_hours": one.eats,
        "without_deal": one.without_deal,
        "deals": list(one.deals),
        "reps": list(one.reps),
        "mobilizers": _people(one.mobilizers),
        "key_players_met": _people(one.key_met),
        "key_players_missing": _people(one.key_missing),
    }


def _people(people: tuple[str, ...] | None) -> list[str] | None:
    return None if people is None else list(people)


def _coverage(rep: RepCoverage) -> Document:
    return {
        "rep": rep.rep,
        "teams": list(rep.teams),
        "state": rep.state.value,
        "text": rep.text,
        "connections": [state.name for state in rep.connections],
        **_watch(rep.watch),
        "open_deals": rep.open_deals,
        "unknown_accounts": list(rep.unknown_accounts),
    }
