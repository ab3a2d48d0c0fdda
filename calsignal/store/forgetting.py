"""Forgets a person or a domain: takes them out of everything that is kept, the past included, and looks for traces.

Everything here runs in a transaction of the caller, but for the search of bytes.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from calsignal.bans import Target
from calsignal.store import kept, reading, writing
from calsignal.store.database import mark_erased
from calsignal.store.tables import (
    account_addresses,
    account_domains,
    account_key_players,
    accounts,
    calendars,
    connections,
    deal_snapshots,
    deals,
    events,
    forgotten,
    gaps,
    metadata,
    participants,
    people,
    skipped,
    subjects,
    syncs,
    versions,
)
from calsignal.store.values import Wanted

_PIECE = 1 << 20
_OVERLAP = 1 << 12


@dataclass(frozen=True)
class Forgot:
    """How much was forgotten.

    connections     names of those whose mailbox it was; all that they told is gone
    accounts        names of those that had nobody else
    entries         domains, addresses, key players and ownerships of other accounts
    events          copies in which nobody else from outside took part, or that have the name in their own
    left            copies of which others remain
    subjects        copies whose subject named them
    deals           those that named them
    keys            person keys of everybody who is gone
    """

    connections: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()
    entries: int = 0
    people: int = 0
    events: int = 0
    left: int = 0
    subjects: int = 0
    deals: int = 0
    keys: frozenset[str] = frozenset()

    @property
    def anything(self) -> bool:
        """Say whether the store knew them at all."""
        return any((self.connections, self.accounts, self.entries, self.people, self.events, self.subjects, self.deals))


def forget(conn: sa.Connection, target: Target, outsider: Wanted, at: datetime, marks: Mapping[str, bool]) -> Forgot:
    """Take a person or a domain out of everything, and put them on the list; `outsider` tells who is none of ours."""
    conn.execute(sa.select(calendars.c.id).order_by(calendars.c.id).with_for_update()).all()  # no pen writes meanwhile
    gone = _connections(conn, target)
    met = _People(conn, target)
    doomed, left = _events(conn, target, met.numbers, outsider)
    hushed = _hush(conn, target, left, met.emails) - doomed
    writing.erase_events(conn, doomed)
    _take_out(conn, met.numbers, left)
    emptied, entries = _accounts(conn, target)
    opportunities = _deals(conn, target)
    _remarks(conn, target)
    _ban(conn, marks, at)
    kept.erase_all(conn)
    mark_erased(conn)
    return Forgot(
        connections=gone,
        accounts=emptied,
        entries=entries,
        people=len(met.numbers),
        events=len(doomed),
        left=len(left),
        subjects=len(hushed),
        deals=opportunities,
        keys=met.keys | target.keys,
    )


def _connections(conn: sa.Connection, target: Target) -> tuple[str, ...]:
    """Remove the connections whose mailbox it is, with everything that they told."""
    theirs = [c for c in reading.connection_list(conn) if target.covers(c.mailbox)]
    for connection in theirs:
        own = sa.select(events.c.id).join(calendars).where(calendars.c.connection_id == connection.id)
        writing.erase_events(conn, conn.scalars(own).all())
        conn.execute(sa.delete(connections).where(connections.c.id == connection.id))
    return tuple(connection.name for connection in theirs)


class _People:
    """Everybody who is to be forgotten: numbers of rows, person keys, and the addresses that are known."""

    def __init__(self, conn: sa.Connection, target: Target) -> None:
        rows = [row for row in conn.execute(sa.select(people)) if self._is_one(row, target)]
        self.numbers = {row.id for row in rows}
        self.keys = frozenset(row.person for row in rows)
        self.emails = frozenset(row.email for row in rows if row.email is not None)

    @staticmethod
    def _is_one(row: Any, target: Target) -> bool:  # noqa: ANN401
        known = row.email is not None and target.covers(row.email)
        return known or row.person in target.keys or (target.is_domain and target.covers(row.domain))


# --- the ledger -------------------------------------------------------------------------------------------------------


def _events(
    conn: sa.Connection, target: Target, numbers: Collection[int], outsider: Wanted
) -> tuple[set[int], set[int]]:
    """Return the events that go, and those that stay without them."""
    on = sa.select(versions.c.event_id, participants.c.person_id).join(participants, reading.ON_VERSION).distinct()
    touched = {row.event_id for row in reading.fetch(conn, on, participants.c.person_id, numbers)}
    led = sa.select(versions.c.event_id).distinct()
    touched |= {row.event_id for row in reading.fetch(conn, led, versions.c.organizer_id, numbers)}
    strangers = reading.numbers_of(conn, outsider) - set(numbers)
    guests = on.where(participants.c.resource.is_(False))
    held = reading.fetch(conn, guests, versions.c.event_id, touched)
    kept = {row.event_id for row in held if row.person_id in strangers}
    names = sa.select(events.c.id, events.c.external_id, events.c.uid)
    telling = {row.id for row in _holding(conn, names, target) if target.is_in(f"{row.external_id} {row.uid}")}
    doomed = (touched - kept) | telling
    return doomed, touched - doomed


def _holding(conn: sa.Connection, query: sa.Select[Any], target: Target) -> Iterator[Any]:
    """Yield the rows in which some column may hold the target; the caller looks more closely."""
    texts = [column for column in query.selected_columns if _is_text(column)]
    likely = [sa.func.lower(column).contains(part, autoescape=True) for column in texts for part in _parts(target)]
    for rows in conn.execute(query.where(sa.or_(*likely))).partitions(reading.CHUNK):
        yield from rows


def _parts(target: Target) -> Iterator[str]:
    """Yield what a text has to hold to mention the target: of an address its host, since a tag may stand before it."""
    yield from {word.rpartition("@")[2] for word in target.words}
    yield from {name.lower() for name in target.names}


def _is_text(column: sa.ColumnElement[Any]) -> bool:
    return isinstance(getattr(column.type, "impl", column.type), sa.String)


def _hush(conn: sa.Connection, target: Target, left: Collection[int], emails: Collection[str]) -> set[int]:
    """Blank the subjects that name them, of their own events by any word, of others by the address; return which."""
    theirs = reading.fetch(conn, sa.select(subjects), subjects.c.event_id, left)
    named = {row.id: row.event_id for row in theirs if target.is_spoken_of(row.subject, emails)}
    others = _holding(conn, sa.select(subjects), target)
    named |= {row.id: row.event_id for row in others if target.is_in(row.subject)}
    for chunk in reading.chunks(named):
        conn.execute(sa.update(subjects).where(subjects.c.id.in_(chunk)).values(subject=""))
    return set(named.values())


def _take_out(conn: sa.Connection, numbers: Collection[int], left: Collection[int]) -> None:
    """Take people off every version; what is then alike before and after is one version."""
    for chunk in reading.chunks(numbers):
        organised = versions.c.organizer_id.in_(chunk)
        conn.execute(sa.update(versions).where(organised).values(organizer_id=None))
        conn.execute(sa.delete(participants).where(participants.c.person_id.in_(chunk)))
    join_alike(conn, left)
    for chunk in reading.chunks(numbers):
        conn.execute(sa.delete(people).where(people.c.id.in_(chunk)))


_OBSERVED = ("id", "seen_at", "not_before", "valid_to", "occurrences", "expanded_until")


def join_alike(conn: sa.Connection, numbers: Collection[int]) -> None:
    """Join each version of these events with the one before it, where nothing tells them apart any more."""
    present: defaultdict[int, set[tuple[Any, ...]]] = defaultdict(set)
    on = sa.select(participants).join(versions, reading.ON_VERSION)
    for row in reading.fetch(conn, on, versions.c.event_id, numbers):
        present[row.version_id].add(tuple(row[1:]))
    ordered = sa.select(versions).order_by(versions.c.event_id, versions.c.seen_at)
    before: Any = None
    meant: object = None
    for row in list(reading.fetch(conn, ordered, versions.c.event_id, numbers)):
        said = [value for name, value in row._asdict().items() if name not in _OBSERVED]
        means = (said, present[row.id])
        if means == meant:  # the event's number is a part of it
            # in this order: an event has one open version at most
            conn.execute(sa.delete(versions).where(versions.c.id == row.id))
            longer = {"valid_to": row.valid_to, "occurrences": row.occurrences, "expanded_until": row.expanded_until}
            conn.execute(sa.update(versions).where(versions.c.id == before.id).values(**longer))
        else:
            before, meant = row, means


# --- accounts and deals -----------------------------------------------------------------------------------------------


def _accounts(conn: sa.Connection, target: Target) -> tuple[tuple[str, ...], int]:
    """Take them out of the accounts; return the names of those that nobody is left of, and how many rows of others."""
    touched: set[int] = set()
    entries = 0
    for column in (account_domains.c.domain, account_addresses.c.address, account_key_players.c.address):
        table = column.table
        rows = conn.execute(sa.select(table.c.id, table.c.account_id, column)).all()
        gone = [row for row in rows if target.covers(row[2])]
        touched |= {row.account_id for row in gone}
        entries += len(gone)
        for chunk in reading.chunks(row.id for row in gone):
            conn.execute(sa.delete(table).where(table.c.id.in_(chunk)))
    owned = [a.id for a in conn.execute(sa.select(accounts)) if a.owner is not None and target.covers(a.owner)]
    for chunk in reading.chunks(owned):
        conn.execute(sa.update(accounts).where(accounts.c.id.in_(chunk)).values(owner=None))
    return _without_anybody(conn, touched), entries + len(owned)


def _without_anybody(conn: sa.Connection, touched: Iterable[int]) -> tuple[str, ...]:
    """Remove the accounts among these that have neither a domain nor an address any more."""
    found = []
    for number in sorted(touched):
        parts = (account_domains, account_addresses)
        if not any(conn.scalar(sa.select(table.c.id).where(table.c.account_id == number).limit(1)) for table in parts):
            found.append(conn.execute(sa.select(accounts.c.name).where(accounts.c.id == number)).scalar_one())
            conn.execute(sa.delete(accounts).where(accounts.c.id == number))
    return tuple(sorted(found))


def _deals(conn: sa.Connection, target: Target) -> int:
    """Take them out of all that imports showed; a deal that has them in its own id goes."""
    telling = [d.id for d in conn.execute(sa.select(deals)) if target.is_in(f"{d.external_id} {d.source}")]
    for chunk in reading.chunks(telling):
        conn.execute(sa.delete(deals).where(deals.c.id.in_(chunk)))
    changed: set[int] = set(telling)
    for row in conn.execute(sa.select(deal_snapshots)).all():
        was = {name: getattr(row, name) for name in ("name", "account", "owner", "domains", "contacts", "stage")}
        now = {name: bared(text, name, target) for name, text in was.items()}
        if now != was:
            conn.execute(sa.update(deal_snapshots).where(deal_snapshots.c.id == row.id).values(**now))
            changed.add(row.deal_id)
    return len(changed)


def bared(text: str, field: str, target: Target) -> str:
    """Return a field of a deal without them."""
    if field == "owner":
        return "" if text in target.names or target.is_in(text) else text
    if field in ("domains", "contacts"):
        return " ".join(word for word in text.split() if not target.covers(word))
    return target.masked(text)


# --- what else was noted ----------------------------------------------------------------------------------------------


def _remarks(conn: sa.Connection, target: Target) -> None:
    """Take them out of what was said about calendars and what failed in them; what was skipped by their name goes."""
    for column in (syncs.c.problem, gaps.c.reason, calendars.c.name, calendars.c.held):
        table = column.table
        for row in list(_holding(conn, sa.select(table.c.id, column), target)):
            conn.execute(sa.update(table).where(table.c.id == row.id).values({column: target.masked(row[1])}))
    names = sa.select(skipped.c.id, skipped.c.external_id, skipped.c.reason)
    found = [row.id for row in _holding(conn, names, target) if target.is_in(f"{row.external_id} {row.reason}")]
    for chunk in reading.chunks(found):
        conn.execute(sa.delete(skipped).where(skipped.c.id.in_(chunk)))


def _ban(conn: sa.Connection, marks: Mapping[str, bool], at: datetime) -> None:
    there = set(conn.scalars(sa.select(forgotten.c.mark).where(forgotten.c.mark.in_(marks))))
    rows = [{"mark": mark, "domain": domain, "since": at} for mark, domain in marks.items() if mark not in there]
    if rows:
        conn.execute(sa.insert(forgotten), rows)


def marks(conn: sa.Connection) -> dict[str, bool]:
    """Return the list of those who were forgotten: each mark, and whether it stands for a domain."""
    return {row.mark: row.domain for row in conn.execute(sa.select(forgotten.c.mark, forgotten.c.domain))}


def lift(conn: sa.Connection, found: Collection[str]) -> int:
    """Take marks off the list; return how many were on it."""
    lifted = conn.execute(sa.delete(forgotten).where(forgotten.c.mark.in_(found))).rowcount
    if lifted:
        mark_erased(conn)
    return lifted


# --- the proof --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Search:
    """A search for traces: how much was looked at, and where something was found, never what."""

    columns: int
    size: int = 0
    found: tuple[str, ...] = ()


def text_columns() -> tuple[sa.Column[Any], ...]:
    """Return every column that may hold text."""
    return tuple(column for table in metadata.sorted_tables for column in table.columns if _is_text(column))


def search_columns(conn: sa.Connection, target: Target, keys: Collection[str]) -> tuple[Search, frozenset[str]]:
    """Look through every column of text; return also what else there is that looks alike and is somebody else."""
    places: list[str] = []
    alike: set[str] = set()
    columns, word = text_columns(), _words(target)
    for column in columns:
        if keys and any(True for _ in reading.fetch(conn, sa.select(column), column, keys)):
            places.append(f"{column.table.name}.{column.name}")
        for (text,) in _holding(conn, sa.select(column).distinct(), target):
            if target.is_in(text) or text in target.names:
                places.append(f"{column.table.name}.{column.name}")
            alike |= {one for one in _TOKEN.findall(text) if word.search(one.encode()) and not target.is_in(one)}
    return Search(len(columns), found=tuple(dict.fromkeys(places))), frozenset(alike)


_TOKEN = re.compile(r"[\w.+%@-]+")


def search_bytes(
    files: Iterable[Path], target: Target, keys: Collection[str], alike: Collection[str]
) -> tuple[int, tuple[str, ...]]:
    """Look through files byte by byte, the log beside the database included; return their size and where it was."""
    size, places = 0, []
    is_there = _needles(target, keys, alike)
    for file in files:
        rest = b""
        with file.open("rb") as content:
            while piece := content.read(_PIECE):
                size += len(piece)
                if is_there(rest + piece):
                    places.append(f"the bytes of {file.name}")
                    break
                rest = piece[-_OVERLAP:]
    return size, tuple(places)


def _needles(target: Target, keys: Collection[str], alike: Collection[str]) -> Callable[[bytes], bool]:
    words = _words(target)
    hashes = re.compile(b"|".join(key.encode() for key in sorted(keys)) or rb"(?!)")
    longest_first = sorted((re.escape(one.encode()) for one in alike), key=len, reverse=True)
    others = re.compile(b"|".join(longest_first) or rb"(?!)", re.IGNORECASE)

    def is_there(content: bytes) -> bool:
        if hashes.search(content):
            return True
        return bool(words.search(content)) and bool(words.search(others.sub(b"\0", content)))

    return is_there


def _words(target: Target) -> re.Pattern[bytes]:
    """Return a pattern for a domain, or for addresses with any tag, the @ perhaps quoted."""

    def loosely(word: str) -> bytes:
        local, at, host = word.encode().rpartition(b"@")
        return re.escape(local) + rb"(?:\+[^@\s\x00]{0,80})?(?:@|%40)" + re.escape(host) if at else re.escape(host)

    return re.compile(b"|".join(map(loosely, target.words)), re.IGNORECASE)
