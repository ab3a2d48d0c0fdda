"""Keeps what each import of the CRM showed of the deals: a snapshot per deal and change, and when it was missing.

An import speaks for one source (`crm`, say): a deal is missing when the last import of the source that showed it last
does not show it any more.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import sqlalchemy as sa

from calsignal.errors import InputError
from calsignal.model import Category, Deal, DealTrack, Outcome, Snapshot
from calsignal.store.database import mark_erased
from calsignal.store.reading import chunks
from calsignal.store.tables import deal_absences, deal_imports, deal_snapshots, deals
from calsignal.store.values import DealChanges, DealImport, Wanted


class _Known(NamedTuple):
    """A deal as the store knows it now."""

    number: int
    source: str
    missing: bool
    taken_at: datetime
    deal: Deal


def tracks(conn: sa.Connection, as_of: datetime) -> tuple[DealTrack, ...]:
    """Return every deal with its snapshots by then, sorted by the CRM's id."""
    by_deal: defaultdict[int, list[Snapshot]] = defaultdict(list)
    for row in conn.execute(_snapshots().where(deal_snapshots.c.taken_at <= as_of)):
        by_deal[row.deal_id].append(Snapshot(row.taken_at, _deal(row)))
    gone = set(conn.scalars(sa.select(deal_absences.c.deal_id).where(_absent_at(as_of))))
    found = (DealTrack(tuple(snapshots), number in gone) for number, snapshots in by_deal.items())
    return tuple(sorted(found, key=lambda track: track.now.id))


def imports(conn: sa.Connection) -> tuple[DealImport, ...]:
    """Return the imports from old to new."""
    query = sa.select(deal_imports.c.taken_at, deal_imports.c.source, deal_imports.c.deals)
    rows = conn.execute(query.order_by(deal_imports.c.taken_at, deal_imports.c.id))
    return tuple(DealImport(row.taken_at, row.source, row.deals) for row in rows)


def compare(conn: sa.Connection, found: Sequence[Deal], source: str, unread: Collection[str]) -> DealChanges:
    """Return what an import would change; deals whose rows were `unread` stay as they are."""
    return _compare(_known(conn), found, source, unread)


def save(conn: sa.Connection, found: Sequence[Deal], at: datetime, source: str, unread: Collection[str]) -> DealChanges:
    """Keep an import, and return what it changed.

    Raises:
        InputError: there is an import of later already.
    """
    latest = conn.scalar(sa.select(sa.func.max(deal_imports.c.taken_at)))
    if latest is not None and latest > at:
        fact = f"deals of {latest:%Y-%m-%d %H:%M} UTC were imported already"
        raise InputError(fact, "imports are kept in the order of time: begin with the oldest")
    known = _known(conn)
    changes = _compare(known, found, source, unread)
    conn.execute(sa.insert(deal_imports).values(taken_at=at, source=source, deals=len(found)))
    numbers = {name: one.number for name, one in known.items()} | _insert(conn, changes.added, source)
    _snap(conn, [*changes.added, *changes.changed], numbers, at)
    shown = [numbers[deal.id] for deal in found]
    for chunk in chunks(shown):
        conn.execute(sa.update(deals).where(deals.c.id.in_(chunk)).values(source=source))
        still = deal_absences.c.deal_id.in_(chunk) & deal_absences.c.end_at.is_(None)
        conn.execute(sa.update(deal_absences).where(still).values(end_at=at))
    if changes.missing:
        rows = [{"deal_id": numbers[deal.id], "start_at": at} for deal in changes.missing]
        conn.execute(sa.insert(deal_absences), rows)
    return changes


def forget_contacts(conn: sa.Connection, keep: Wanted) -> int:
    """Drop the addresses of contacts for whom `keep` says no; return of how many people."""
    query = sa.select(deal_snapshots.c.id, deal_snapshots.c.contacts).where(deal_snapshots.c.contacts != "")
    dropped: set[str] = set()
    for number, contacts in conn.execute(query).all():
        gone = {one for one in contacts.split() if not keep("", one.rpartition("@")[2], one)}
        if gone:
            kept = " ".join(one for one in contacts.split() if one not in gone)
            conn.execute(sa.update(deal_snapshots).where(deal_snapshots.c.id == number).values(contacts=kept))
            dropped |= gone
    if dropped:
        mark_erased(conn)
    return len(dropped)


def _compare(known: Mapping[str, _Known], found: Sequence[Deal], source: str, unread: Collection[str]) -> DealChanges:
    there = {deal.id for deal in found} | set(unread)
    lost = [one.deal for name, one in known.items() if one.source == source and not one.missing and name not in there]
    both = [deal for deal in found if deal.id in known]
    return DealChanges(
        added=tuple(deal for deal in found if deal.id not in known),
        changed=tuple(deal for deal in both if deal != known[deal.id].deal),
        unchanged=tuple(deal for deal in both if deal == known[deal.id].deal),
        missing=tuple(lost),
        back=tuple(deal for deal in both if known[deal.id].missing),
    )


def _known(conn: sa.Connection) -> dict[str, _Known]:
    gone = set(conn.scalars(sa.select(deal_absences.c.deal_id).where(deal_absences.c.end_at.is_(None))))
    rows = conn.execute(_snapshots())  # from old to new: the newest stays
    found = {row.external_id: row for row in rows}
    return {
        name: _Known(row.deal_id, row.source, row.deal_id in gone, row.taken_at, _deal(row))
        for name, row in found.items()
    }


def _snapshots() -> sa.Select[Any]:
    query = sa.select(deal_snapshots, deals.c.external_id, deals.c.source).join(deals)
    return query.order_by(deal_snapshots.c.deal_id, deal_snapshots.c.taken_at)


def _absent_at(moment: datetime) -> sa.ColumnElement[bool]:
    ended = deal_absences.c.end_at.is_not(None) & (deal_absences.c.end_at <= moment)
    return (deal_absences.c.start_at <= moment) & ~ended


def _insert(conn: sa.Connection, added: Iterable[Deal], source: str) -> dict[str, int]:
    insert = sa.insert(deals).returning(deals.c.external_id, deals.c.id)
    rows = [{"external_id": deal.id, "source": source} for deal in added]
    return dict(map(tuple, conn.execute(insert, rows))) if rows else {}


def _snap(conn: sa.Connection, found: Iterable[Deal], numbers: Mapping[str, int], at: datetime) -> None:
    """Write snapshots, in place of one of the same moment."""
    rows = [{"deal_id": numbers[deal.id], "taken_at": at, **_row(deal)} for deal in found]
    for chunk in chunks([row["deal_id"] for row in rows]):
        same = deal_snapshots.c.deal_id.in_(chunk) & (deal_snapshots.c.taken_at == at)
        conn.execute(sa.delete(deal_snapshots).where(same))
    if rows:
        conn.execute(sa.insert(deal_snapshots), rows)


def _row(deal: Deal) -> dict[str, Any]:
    return {
        "name": deal.name,
        "account": deal.account,
        "owner": deal.owner,
        "domains": " ".join(deal.domains),
        "contacts": " ".join(deal.contacts),
        "amount": None if deal.amount is None else str(deal.amount),
        "currency": deal.currency,
        "stage": deal.stage,
        "category": deal.category.value,
        "outcome": deal.outcome.value,
        "created": deal.created,
        "closes": deal.closes,
        "closed": deal.closed,
    }


def _deal(row: Any) -> Deal:  # noqa: ANN401
    return Deal(
        id=row.external_id,
        name=row.name,
        account=row.account,
        owner=row.owner,
        domains=tuple(row.domains.split()),
        amount=None if row.amount is None else Decimal(row.amount),
        currency=row.currency,
        stage=row.stage,
        category=Category(row.category),
        outcome=Outcome(row.outcome),
        created=row.created,
        closes=row.closes,
        closed=row.closed,
        contacts=tuple(row.contacts.split()),
    )
