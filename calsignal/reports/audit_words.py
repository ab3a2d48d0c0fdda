"""What all forms of the audit share: money, shares, the order of deals, and the metrics of a rep with their names."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from calsignal.model import Category, Deal, Status
from calsignal.reports import grid
from calsignal.reports.safe import clean, cut
from calsignal.reports.words import Calendar, plural
from calsignal.score.audit import (
    AccountAudit,
    AuditResult,
    Backed,
    DealFinding,
    DealLine,
    Measure,
    Rate,
    RepMetrics,
    Total,
)

ASKED = 5  # amounts that a report begins with
COACHING = "A coaching aid, not for pay or employment decisions."
ROUGHLY = "Deals of several currencies stand in rough order of value; nothing is converted or added."
NOBODY = "nobody"

number = grid.number

# --- numbers ----------------------------------------------------------------------------------------------------------


def money(amount: Decimal | None, currency: str | None) -> str:
    """Write an amount: `480,000 EUR`, or `no amount`; one without a currency says so."""
    return "no amount" if amount is None else f"{number(amount)} {unit(currency)}"


def unit(currency: str | None) -> str:
    """Write a currency, or that the export told none."""
    return clean(currency) if currency else "(no currency)"


def percent(share: float | None) -> str:
    """Write a share as `34 %`; only all is `100 %`, and only none `0 %`. Unknown is `-`."""
    if share is None:
        return "-"
    return f"{round(100 * share) if share in (0, 1) else min(99, max(1, round(100 * share)))} %"


def quantity(value: float | None, mark: str = "") -> str:
    """Write a number with one decimal and its unit: `3.2 h`. Unknown is `-`."""
    return "-" if value is None else f"{value:.1f} {mark}".rstrip()


# --- deals ------------------------------------------------------------------------------------------------------------


def is_of(total: Total, backed: Backed) -> bool:
    """Say whether a total is of that currency, and of deals with an amount."""
    return total.amount is not None and total.currency == backed.currency


def share_of(part: Decimal | None, whole: Decimal | None) -> float | None:
    """Return a part of an amount as a share from 0 to 1; None where there is no amount."""
    return float(part / whole) if part is not None and whole else None


# about how many units come to one euro or dollar, where that is far from one; good for an order and nothing else
_ROUGH = """
    AED 4; ARS 1000; AUD 1.5; BDT 120; BGN 2; BHD .4; BRL 6; CAD 1.5; CLP 900; CNY 7; COP 4000; CRC 500; CZK 25; DKK 7;
    DOP 60; DZD 130; EGP 50; GHS 12; HKD 8; HUF 400; IDR 16000; ILS 4; INR 90; ISK 140; JOD .7; JPY 150; KES 130;
    KRW 1400; KWD .3; KZT 500; LKR 300;
    MAD 10; MXN 20; MYR 4.5; NGN 1500; NOK 11; NZD 1.7; OMR .4; PEN 4; PHP 60; PKR 280; PLN 4;
    QAR 4; RON 5; RSD 110; RUB 90; SAR 4; SEK 11; SGD 1.4; THB 35; TND 3; TRY 40; TWD 32; TZS 2500; UAH 45; UGX 3700;
    UYU 40; UZS 12500; VND 25000; XAF 600; XOF 600; ZAR 18
"""
_UNITS = {code: Decimal(units) for code, units in (entry.split() for entry in _ROUGH.split(";"))}


def in_order(lines: Iterable[DealLine]) -> list[DealLine]:
    """Return deals, largest amount first; those without an amount come last.

    Where there are several currencies the order goes by rough value, so that a million yen does not stand before half
    a million euro. Nothing is converted, shown or added by it.
    """
    return sorted(lines, key=lambda line: -_rough_value(line.deal))


def _rough_value(deal: Deal) -> Decimal:
    if deal.amount is None:
        return Decimal(-1)
    return deal.amount / _UNITS.get(deal.currency or "", Decimal(1))


def with_findings(result: AuditResult) -> list[DealLine]:
    """Return the open deals with a finding, in the order of `in_order`."""
    return in_order(line for line in result.forecast.lines if line.findings)


def first_asked(result: AuditResult) -> list[DealLine]:
    """Return the deals that a report begins with: the largest amounts with a finding."""
    return with_findings(result)[:ASKED]


def codes(findings: Iterable[DealFinding]) -> str:
    """Write the codes of findings: `F1 F2`."""
    return " ".join(finding.code.name for finding in findings)


def company(line: DealLine) -> str:
    """Return whom a deal is with: our account, else the CRM's word."""
    return line.account or line.deal.account or "no company"


def owner(line: DealLine) -> str:
    """Return who owns a deal: our mailbox, else the CRM's word."""
    return line.owner or line.deal.owner or NOBODY


def first_name(address: str) -> str:
    """Return what to call somebody: what stands before the @."""
    return cut(clean(address.partition("@")[0] or address), 24)


def closing(deal: Deal, calendar: Calendar) -> str:
    """Say what the CRM expects: `commit, closes Tue 31 Mar`; what it does not tell is said to be unknown."""
    category = "category unknown" if deal.category is Category.UNKNOWN else deal.category.value
    return f"{category}, " + (f"closes {calendar.date(deal.closes)}" if deal.closes else "no close date")


def unknown_deals(result: AuditResult) -> list[DealLine]:
    """Return the open deals of which nothing can be said, or that matched nothing."""
    return in_order(line for line in result.forecast.lines if line.status is Status.UNKNOWN or line.unmatched)


def why_unknown(line: DealLine) -> str:
    """Say why nothing can be said of a deal, or what it did not match."""
    said = [line.evidence] if line.status is Status.UNKNOWN and line.evidence not in line.unmatched else []
    return " ".join([*said, *line.unmatched])


def in_detail(result: AuditResult, most: int) -> list[AccountAudit]:
    """Return the accounts with an open deal (only those have findings), at most so many, largest amount first."""
    by_name = result.by_name
    names = dict.fromkeys(line.account for line in in_order(result.forecast.lines) if line.account in by_name)
    return [by_name[name] for name in names if name is not None][:most]


# --- reps -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Metric:
    """One number of a rep: where it stands in `RepMetrics`, how it is called, and what it means.

    `good` is False where less is better: those are ranked by the upper bound. `mark` is the unit.
    """

    name: str
    label: str
    meaning: str
    good: bool = True
    mark: str = ""

    def of(self, row: RepMetrics) -> Rate | Measure:
        found: Rate | Measure = getattr(row, self.name)
        return found


METRICS = (
    Metric("rebook_rate", "rebooked", "held meetings after which a further one was booked within 14 days"),
    Metric("next_step_coverage", "next step", "accounts held in the last 60 days or with an open deal, that have one"),
    Metric("buyer_hours_per_week", "buyer h/week", "firm hours of held meetings, per week", mark="h"),
    Metric("buyer_initiated_share", "by buyer", "firm meetings that the buyer organised or booked"),
    Metric("ask_to_accept", "ask to accept", "invitations that became firm within 7 days"),
    Metric("push_rate", "pushed", "firm meetings that were put off", good=False),
    Metric("drop_rate", "dropped", "firm meetings that the buyer let fall, with nothing booked instead", good=False),
    Metric("own_move_rate", "own moves", "firm meetings that the rep moved", good=False),
    Metric("breadth", "breadth", "median number of firm buyers per active account"),
    Metric("dead_hours", "dead hours", "own hours on STALLED, LOST or NO EVIDENCE", good=False, mark="h"),
    Metric("answer_time_hours", "answer time", "median hours to answer a buyer", good=False, mark="h"),
)
"""In the order in which reports show them; eager prospects and the soft share stand beside them."""


def value(found: Rate | Measure, mark: str = "") -> str:
    """Write the number of a metric: `58 %`, `3.2 h`, `too few`, or `-` where there is none."""
    if isinstance(found, Measure):
        return quantity(found.value, mark)
    return "too few" if found.too_few and found.n else percent(found.value)


def bound(found: Rate | Measure, *, good: bool) -> str:
    """Write the bound by which a rate is ranked: `at least 32 %`, for bad ones `at most 41 %`; nothing for others."""
    if not isinstance(found, Rate) or found.too_few or found.value is None:
        return ""
    return f"at least {percent(found.lower)}" if good else f"at most {percent(found.upper)}"


def reps_name(row: RepMetrics) -> str:
    """Return whom a row of metrics is about."""
    return row.rep or "everybody"


def scope(result: AuditResult) -> str:
    """Say whom an audit is about."""
    parts = [f"team {result.team}" if result.team else "", result.rep or ""]
    return ", ".join(filter(None, parts)) or "the whole team"


def said_of_period(result: AuditResult, calendar: Calendar) -> str:
    """Write the period: `Tue 17 Feb to Mon 16 Mar (28 d)`."""
    period = result.period
    return f"{calendar.date(period.first)} to {calendar.date(period.last)} ({period.days} d)"


def import_age(result: AuditResult, calendar: Calendar) -> str:
    """Say how old the deals are, or how to import some."""
    if result.deals_at is None:
        return "No deals are imported yet. Next: calsignal deals import FILE.csv"
    return f"Deals as imported {calendar.ago(result.deals_at)}."


def left_out(shown: Sequence[object], whole: Sequence[object], noun: str) -> str:
    """Say how many are not shown, or nothing."""
    more = len(whole) - len(shown)
    return f"+ {plural(more, noun)} more" if more > 0 else ""
