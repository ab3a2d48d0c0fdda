"""The list of deals, as text and as JSON."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from calsignal.model import Category, Deal, DealTrack, Outcome
from calsignal.reports.layout import BOLD, DIM, Cell, Page, Run, cell, width_of
from calsignal.reports.words import plural

_MONEY, _DAY = 16, 10  # widths in columns


def amount_text(amount: Decimal | None, currency: str | None) -> str:
    """Return an amount as `1,234.50 EUR`, every digit of it; an unknown one is a dash."""
    return "-" if amount is None else f"{amount:,f} {currency or '?'}"


def totals_text(deals: Iterable[Deal]) -> str:
    """Return how many deals there are and what they come to per currency, never added across currencies."""
    found = tuple(deals)
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for deal in found:
        if deal.amount is not None:
            sums[deal.currency or ""] += deal.amount
    money = [amount_text(total, currency) for currency, total in sorted(sums.items())]
    unknown = sum(deal.amount is None for deal in found)
    rest = [f"{unknown} without an amount"] if unknown else []
    return ", ".join([plural(len(found), "deal"), *money, *rest])


def deals_text(tracks: Sequence[DealTrack], *, width: int, colour: bool) -> str:
    """Return the deals as their latest snapshots show them, and the sums of those that are not missing."""
    page = Page(width, colour=colour)
    if not tracks:
        page.line("No open deals. Import an export of your CRM: calsignal deals import FILE.csv")
        return page.text()
    money = width_of((_money(track.now) for track in tracks), least=6, most=_MONEY)
    last = width_of((_stands(track) for track in tracks), least=6, most=page.width // 3)
    first = page.rest(money, _DAY, last)
    page.row(
        cell("DEAL", first, BOLD),
        cell("AMOUNT", money, BOLD, right=True),
        cell("CLOSES", _DAY, BOLD),
        cell("STANDS", last, BOLD),
    )
    for track in tracks:
        deal = track.now
        page.row(
            Cell((Run(deal.name), Run(f"· {deal.account or 'no company'}", DIM)), first),
            cell(_money(deal), money, right=True),
            cell(_day(deal), _DAY),
            cell(_stands(track), last, DIM),
        )
    page.blank()
    shown = [track.now for track in tracks if not track.missing]
    for outcome in Outcome:
        if theirs := [deal for deal in shown if deal.outcome is outcome]:
            page.line(Run(f"{outcome.value}: {totals_text(theirs)}", BOLD))
    return page.text()


def _money(deal: Deal) -> str:
    return amount_text(deal.amount, deal.currency)


def _day(deal: Deal) -> str:
    day = deal.closes or deal.closed
    return day.isoformat() if day else "-"


def _stands(track: DealTrack) -> str:
    deal = track.now
    known = deal.category if deal.outcome is Outcome.OPEN else deal.outcome
    words = [] if known is Category.UNKNOWN else [known.value]
    return ", ".join([*words, deal.owner or "no owner", *(["missing in the last import"] if track.missing else [])])


def deals_json(tracks: Iterable[DealTrack], *, as_of: datetime, zone: ZoneInfo) -> dict[str, Any]:
    """Return the deals with all their snapshots as `calsignal.deals/1`; amounts are decimal texts."""
    return {
        "format": "calsignal.deals/1",
        "as_of": as_of.astimezone(zone).isoformat(),
        "timezone": zone.key,
        "deals": [
            {
                "id": track.now.id,
                "missing": track.missing,
                "snapshots": [
                    {"taken_at": one.taken_at.astimezone(zone).isoformat(), **_fields(one.deal)}
                    for one in track.snapshots
                ],
            }
            for track in tracks
        ],
    }


def _fields(deal: Deal) -> dict[str, Any]:
    return {
        "name": deal.name,
        "account": deal.account,
        "domains": list(deal.domains),
        "contacts": list(deal.contacts),
        "owner": deal.owner,
        "amount": None if deal.amount is None else f"{deal.amount:f}",
        "currency": deal.currency,
        "stage": deal.stage,
        "category": deal.category.value,
        "outcome": deal.outcome.value,
        **{name: day and day.isoformat() for name, day in _days(deal).items()},
    }


def _days(deal: Deal) -> dict[str, Any]:
    return {"created": deal.created, "closes": deal.closes, "closed": deal.closed}
