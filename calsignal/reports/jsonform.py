"""A finished result as a JSON document whose shape is published: `schema` returns its JSON Schema.

Moments are RFC 3339 with the offset of the report's zone, days are dates; the score has 1 decimal, other numbers 4;
unknown is null. Text stays as it was written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import Any
from zoneinfo import ZoneInfo

from calsignal.doctor import Check, Mark
from calsignal.model import Account, Answer, Change, ConnectionState, Moment, Skipped, Status
from calsignal.reports.tables import Route, add_line
from calsignal.score.result import (
    AccountReport,
    AccountResult,
    Act,
    BuyerOnMeeting,
    BuyerTime,
    Digest,
    Effect,
    Head,
    MeetingView,
    Rescheduling,
    Suggestion,
)

Document = dict[str, Any]

_HIDDEN = re.compile("[\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")  # steer a terminal, or mislead
_SURROGATE = re.compile("[\ud800-\udfff]")


def to_json(document: Mapping[str, Any]) -> str:
    """Return the document as text for people and programs: keys in the documented order, two spaces, one newline.

    Characters that could steer a terminal are escaped; a lone surrogate, which UTF-8 cannot hold, becomes U+FFFD.
    """
    return _harmless(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False)) + "\n"


def to_json_line(document: Mapping[str, Any]) -> str:
    """Return the document as one line, newline included, written as `to_json` writes."""
    return _harmless(json.dumps(document, ensure_ascii=False, allow_nan=False)) + "\n"


def _harmless(text: str) -> str:
    return _HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", _SURROGATE.sub("\ufffd", text))


def schema(name: str) -> Document:
    """Return the JSON Schema (draft 2020-12) of `calsignal.{name}/1`, complete in itself."""
    document: Document = json.loads((files("calsignal.reports") / "schemas" / f"{name}.json").read_text("utf-8"))
    return document


def digest_json(digest: Digest) -> Document:
    """Return the digest as `calsignal.digest/1`."""
    form = Form(ZoneInfo(digest.head.timezone))
    action = digest.first_action
    return {
        **form.head("calsignal.digest/1", digest.head),
        "rep": digest.rep,
        "since": form.moment(digest.since),
        "first_action": action
        and {
            "rule": action.rule,
            "account": action.account,
            "text": action.text,
            "due": action.due and action.due.isoformat(),
        },
        "today": [{"account": item.account, **form.meeting(item.meeting)} for item in digest.today],
        "accounts": [form.account(result) for result in digest.accounts],
        "changes": [form.change(item.change, item.account) for item in digest.changes],
        "suggestions": [_suggestion(suggestion) for suggestion in digest.suggestions],
    }


def account_json(report: AccountReport) -> Document:
    """Return one account in full as `calsignal.account/1`."""
    result = report.result
    form = Form(ZoneInfo(report.head.timezone))
    account = form.account(result)
    account["rescheduling"]["acts"] = [form.act(act) for act in result.rescheduling.acts]
    return {
        **form.head("calsignal.account/1", report.head),
        "account": account,
        "meetings": [form.meeting(meeting) for meeting in result.meetings],
        "changes": [form.change(change, result.account.name) for change in result.changes],
        "effects": [form.effect(effect) for effect in report.effects],
    }


def connections_json(states: Iterable[ConnectionState], *, now: datetime, zone: ZoneInfo) -> Document:
    """Return the connections as `calsignal.connections/1`, as they stand at `now`."""
    form = Form(zone)
    return {
        "format": "calsignal.connections/1",
        "as_of": form.moment(now),
        "timezone": zone.key,
        "connections": [form.connection(state) for state in states],
    }


def accounts_json(accounts: Iterable[Account]) -> Document:
    """Return the accounts as `calsignal.accounts/1`."""
    return {"format": "calsignal.accounts/1", "accounts": [_account(account) for account in accounts]}


def suggestions_json(suggestions: Iterable[Suggestion]) -> Document:
    """Return unmatched domains as `calsignal.suggestions/1`."""
    return {"format": "calsignal.suggestions/1", "suggestions": [_suggestion(one) for one in suggestions]}


def deliveries_json(routes: Iterable[Route], *, zone: ZoneInfo) -> Document:
    """Return the addresses that reports are sent to as `calsignal.deliveries/1`, without what is secret in them."""
    form = Form(zone)
    return {
        "format": "calsignal.deliveries/1",
        "timezone": zone.key,
        "deliveries": [
            {
                "name": route.name,
                "kind": route.kind,
                "host": route.host,
                "gets": list(route.gets),
                "last_sent": route.last and form.moment(route.last),
                "problem": route.problem,
            }
            for route in routes
        ],
    }


def doctor_json(checks: Sequence[Check], *, now: datetime, zone: ZoneInfo, offline: bool) -> Document:
    """Return a check-up as `calsignal.doctor/1`."""
    problems = sum(check.mark is Mark.PROBLEM for check in checks)
    return {
        "format": "calsignal.doctor/1",
        "as_of": Form(zone).moment(now),
        "timezone": zone.key,
        "offline": offline,
        "well": not problems,
        "problems": problems,
        "checks": [_check(check) for check in checks],
    }


def _check(check: Check) -> Document:
    return {
        "area": check.area.value,
        "code": check.code,
        "state": check.mark.value,
        "connection": check.about or None,
        "fact": check.fact,
        "next": check.step or None,
    }


def _account(account: Account) -> Document:
    return {
        "name": account.name,
        "domains": list(account.domains),
        "type": account.type.value,
        "owner": account.owner,
        "addresses": list(account.addresses),
        "key_players": list(account.key_players),
    }


def _suggestion(suggestion: Suggestion) -> Document:
    return {
        "domain": suggestion.domain,
        "name": suggestion.name,
        "meetings": suggestion.meetings,
        "hours": rounded(suggestion.hours),
        "command": add_line(suggestion),
    }


def rounded(value: float, digits: int = 4) -> float:
    """Return a number as documents hold it."""
    return round(value, digits) + 0.0  # no negative zero


@dataclass(frozen=True)
class Form:
    """Writes the parts that documents share, in one zone."""

    zone: ZoneInfo

    def moment(self, moment: Moment | None) -> str | None:
        if not isinstance(moment, datetime):
            return moment.isoformat() if moment else None
        local = moment.astimezone(self.zone)
        offset = local.utcoffset()
        whole = offset is not None and not offset % timedelta(minutes=1)
        return (local if whole else moment.astimezone(UTC)).isoformat()  # RFC 3339 knows no seconds in an offset

    def head(self, name: str, head: Head) -> Document:
        return {
            "format": name,
            "as_of": self.moment(head.as_of),
            "timezone": head.timezone,
            "model": {"version": head.model_version, "constants": head.constants, "calibrated": head.calibrated},
            "connections": [self.connection(state) for state in head.connections],
            "skipped": [_skipped(item) for item in head.skipped],
        }

    def connection(self, state: ConnectionState) -> Document:
        gaps = (
            {"from": self.moment(gap.start), "to": self.moment(gap.end), "reason": gap.reason} for gap in state.gaps
        )
        return {
            "name": state.name,
            "provider": state.provider,
            "rep": state.rep,
            "last_synced": self.moment(state.last_synced),
            "stale": state.stale,
            "problem": state.problem,
            "gaps": list(gaps),
            "retired_at": self.moment(state.retired_at),
        }

    def account(self, result: AccountResult) -> Document:
        account, known = result.account, result.status is not Status.UNKNOWN
        return {
            "name": account.name,
            "domains": list(account.domains),
            "type": account.type.value,
            "owner": account.owner,
            "rank": result.rank,
            "status": result.status.value,
            "stale": bool(result.stale),
            "stale_calendars": list(result.stale),
            "rule": result.rule,
            "evidence": result.evidence,
            "score": rounded(result.score, 1) if known else None,
            "win_probability": None if result.win_probability is None else rounded(result.win_probability),
            "keep": rounded(result.keep) if known else None,
            "buyer_time": _buyer_time(result.time, known=known),
            "rescheduling": _rescheduling(result.rescheduling, known=known),
            "quiet_days": result.quiet_days,
            "usual_gap_days": rounded(result.usual_gap_days),
            "stall_after_days": rounded(result.stall_after),
            "lost_after_days": rounded(result.lost_after),
            "next_meeting": result.next_meeting and self.meeting(result.next_meeting),
            "last_held": result.last_held and self.meeting(result.last_held),
            "firm_buyers": list(result.firm_buyers),
            "flags": [{"code": flag.code, "text": flag.text} for flag in result.flags],
            "unknown": list(result.unknown),
            "deals": [],
        }

    def meeting(self, meeting: MeetingView) -> Document:
        return {
            "uid": meeting.uid,
            "original_start": self.moment(meeting.original_start),
            "start": self.moment(meeting.slot.start),
            "end": self.moment(meeting.slot.end),
            "all_day": meeting.slot.all_day,
            "subject": meeting.subject,
            "status": meeting.status.value,
            "level": meeting.level.value,
            "organizer": meeting.organizer_email,
            "organizer_person": meeting.organizer,
            "buyers": [_buyer(buyer) for buyer in meeting.buyers],
            "sellers": list(meeting.sellers),
            "copies": meeting.copies,
            "moves": meeting.moves,
            "series": meeting.series,
            "minutes": meeting.minutes,
            "factor": rounded(meeting.factor),
            "counted": meeting.counted,
            "why_not": meeting.why_not or None,
        }

    def act(self, act: Act) -> Document:
        return {
            "kind": act.kind,
            "on": act.on.isoformat(),
            "points": rounded(act.points),
            "now": rounded(act.now),
            "text": act.text,
            "by": act.by and act.by.value,
            "days": act.days,
            "meeting": {"uid": act.uid, "original_start": self.moment(act.original_start)},
        }

    def change(self, change: Change, account: str) -> Document:
        return {
            "kind": change.kind.value,
            "at": self.moment(change.at),
            "not_before": self.moment(change.not_before),
            "seen_at": self.moment(change.seen_at),
            "account": account,
            "meeting": {
                "uid": change.uid,
                "original_start": self.moment(change.original_start),
                "subject": change.subject,
            },
            "person": change.person,
            "email": change.email,
            "by": change.by and change.by.value,
            "confidence": change.confidence and change.confidence.value,
            "why": change.why or None,
            "from": self._side(change.before),
            "to": self._side(change.after),
            "days": change.days,
        }

    def effect(self, effect: Effect) -> Document:
        return {
            "seen_at": self.moment(effect.seen_at),
            "score_before": round(effect.score_before, 1),
            "score_after": round(effect.score_after, 1),
            "status_before": effect.status_before.value,
            "status_after": effect.status_after.value,
        }

    def _side(self, value: Moment | Answer | str | None) -> str | None:
        if isinstance(value, Answer):
            return value.value
        return value if isinstance(value, str) else self.moment(value)


def _skipped(item: Skipped) -> Document:
    return {"source": item.source, "id": item.id, "reason": item.reason}


def _buyer(buyer: BuyerOnMeeting) -> Document:
    return {
        "email": buyer.email,
        "person": buyer.person,
        "domain": buyer.domain,
        "answer": buyer.answer.value,
        "level": buyer.level.value,
        "optional": buyer.optional,
        "weight": rounded(buyer.weight),
        "evidence": buyer.evidence or None,
    }


def _buyer_time(time: BuyerTime, *, known: bool) -> Document:
    names: Sequence[str] = ("raw_hours", "firm_hours", "effective_hours", "points")
    return {name: rounded(getattr(time, name)) if known else None for name in names}


def _rescheduling(parts: Rescheduling, *, known: bool) -> Document:
    counts = (
        "booked_again",
        "booked_again_by_buyer",
        "moved_earlier",
        "pushed_by_buyer",
        "pushed_by_seller_or_unknown",
        "push_days",
        "dropped",
        "dropped_by_seller",
    )
    points = rounded(parts.points) if known else None
    return {"points": points, **{name: getattr(parts, name) if known else None for name in counts}}
