"""The store: every question and every change that the program has for the database, each in one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self
from zlib import crc32

import sqlalchemy as sa

from calsignal.bans import Target
from calsignal.errors import InputError
from calsignal.ledger import OpenCopy
from calsignal.model import Account, ConnectionState, Copy, Deal, DealTrack, Skipped
from calsignal.store import accounts, deals, expiry, forgetting, kept, reading, states, streaming, writing
from calsignal.store.database import Database, mark_erased
from calsignal.store.expiry import Expired
from calsignal.store.forgetting import Forgot, Search
from calsignal.store.secrets import Shelf
from calsignal.store.tables import (
    calendars,
    connections,
    events,
    meta,
    participants,
    people,
    retirements,
    subjects,
    syncs,
    versions,
)
from calsignal.store.values import (
    Connection,
    DealChanges,
    DealImport,
    Erased,
    Health,
    Holding,
    KeptRow,
    LedgerRow,
    Outrun,
    StoredCalendar,
    Touched,
    Wanted,
)
from calsignal.store.writing import Pen

_CONNECTION, _PROVIDER = 0x63616C01, 0x63616C02
"""Kinds of what is held in PostgreSQL: any numbers of our own."""


class Store:
    """The only door to the database. Every method may raise `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back connections and files; on SQLite, leave nothing of what was erased in any of them."""
        self._database.close()

    @property
    def place(self) -> str:
        """Where it is, in words that hold no password."""
        return self._database.place

    def health(self) -> Health:
        """Return how the database is; nothing is changed."""
        return self._database.health()

    def try_writing(self) -> None:
        """Raise `StoreError` where nothing could be written now: it is in use, or may only be read."""
        self._database.try_writing()

    # connections and calendars

    def connect(
        self,
        name: str,
        provider: str,
        mailbox: str,
        settings: Mapping[str, str],
        at: datetime,
        *,
        place: str = "",
        shares: str | None = None,
        roster: str | None = None,
    ) -> Connection:
        """Remember an authorised mailbox; under a name that is known, replace all about it and end its retirement.

        What failed until then is a problem no more.

        Raises `InputError` when a connection of another provider has that name.
        """
        kept = json.dumps(dict(settings), sort_keys=True)
        row = {"mailbox": mailbox, "settings": kept, "place": place, "shares": shares, "roster": roster}
        with self._database.writing() as conn:
            there = reading.connection_list(conn, connections.c.name == name)
            if there and there[0].provider != provider:
                raise InputError(f"{name} is already the name of a {there[0].provider} connection")
            if there:
                conn.execute(sa.update(connections).where(connections.c.name == name).values(**row))
                _end_retirement(conn, connections, there[0].id, at)
                _mend(conn, there[0].id, at)
            else:
                conn.execute(sa.insert(connections).values(name=name, provider=provider, connected_at=at, **row))
            return _one_connection(conn, name)

    def connections(self) -> tuple[Connection, ...]:
        """Return all connections, the retired ones too, by name."""
        with self._database.reading() as conn:
            return reading.connection_list(conn)

    def connection(self, name: str) -> Connection:
        """Return the connection of that name. Raises `InputError` when there is none."""
        with self._database.reading() as conn:
            return _one_connection(conn, name)

    @contextmanager
    def alone(self, connection: Connection) -> Iterator[bool]:
        """Hold a connection for one sync; give False at once where another process holds it.

        It is given back with the block, or with the process, however that ends. On SQLite it is always True.
        """
        with self._database.holding(_CONNECTION, [connection.id], lambda: False) as held:
            yield held

    @contextmanager
    def seat(self, provider: str, places: int, again: Callable[[], bool]) -> Iterator[bool]:
        """Hold one of the places that all processes together have for a provider, from 1 to 256 of them.

        Where all are taken, look again as long as `again` says so, and give False in the end. Given back like `alone`.
        """
        first = crc32(provider.encode()) % 2**22 * 256
        with self._database.holding(_PROVIDER, range(first, first + places), again) as held:
            yield held

    @property
    def shelf(self) -> Shelf:
        """Return where sealed secrets are kept."""
        return Shelf(self._database)

    def retire(self, name: str, at: datetime) -> None:
        """Keep what a connection told, and read it no more. Raises `InputError` for an unknown name."""
        with self._database.writing() as conn:
            known = _one_connection(conn, name)
            if known.retired_at is None:
                conn.execute(sa.insert(retirements).values(connection_id=known.id, start_at=at))
                kept.touch_calendars(conn, events.c.calendar_id.in_(_calendars_of(known.id)))

    def erase_connection(self, name: str) -> Erased:
        """Remove a connection with everything it told, and count that. Raises `InputError` for an unknown name."""
        with self._database.writing() as conn:
            number = _one_connection(conn, name).id
            own_calendars = conn.scalars(sa.select(calendars.c.id).where(calendars.c.connection_id == number)).all()
            own = sa.select(events.c.id).join(calendars).where(calendars.c.connection_id == number)
            rows = conn.scalars(own).all()
            count = sa.select(sa.func.count()).select_from(versions).where(versions.c.event_id.in_(own))
            version_count = conn.scalar(count) or 0
            unmet = writing.erase_events(conn, rows)
            conn.execute(sa.delete(connections).where(connections.c.id == number))
            return Erased(len(own_calendars), len(rows), version_count, unmet)

    def calendar(self, connection: Connection, external_id: str, name: str, at: datetime) -> StoredCalendar:
        """Return a calendar that a connection lists, first making it known or its name current where that is due.

        Raises `Outrun` when the connection has been erased meanwhile.
        """
        this = (calendars.c.connection_id == connection.id) & (calendars.c.external_id == external_id)
        with self._database.reading() as conn:
            found = reading.calendar_list(conn, this)
        if found and found[0].name == name and found[0].retired_at is None:
            return found[0]
        with self._database.writing() as conn:
            if found:
                _end_retirement(conn, calendars, found[0].id, at)
            renamed = sa.update(calendars).where(this).values(name=name)
            if not conn.execute(renamed).rowcount:
                if not reading.connection_list(conn, connections.c.id == connection.id):
                    raise Outrun
                row = {"connection_id": connection.id, "external_id": external_id, "name": name}
                conn.execute(sa.insert(calendars).values(**row))
            return reading.calendar_list(conn, this)[0]

    def calendars(self, connection: Connection) -> tuple[StoredCalendar, ...]:
        """Return the calendars of a connection, the retired ones too, in the order in which they were first seen."""
        with self._database.reading() as conn:
            return reading.calendar_list(conn, calendars.c.connection_id == connection.id)

    def retire_calendar(self, calendar: StoredCalendar, at: datetime) -> None:
        """Keep what a calendar told; its connection lists it no more."""
        with self._database.writing() as conn:
            known = reading.calendar_list(conn, calendars.c.id == calendar.id)
            if known and known[0].retired_at is None:
                its = sa.select(calendars.c.connection_id).where(calendars.c.id == calendar.id).scalar_subquery()
                row = {"connection_id": its, "calendar_id": calendar.id, "start_at": at}
                conn.execute(sa.insert(retirements).values(row))
                kept.touch_calendars(conn, events.c.calendar_id == calendar.id)

    # the ledger

    def open_copies(self, calendar: StoredCalendar, only: Iterable[str] | None = None) -> Mapping[str, OpenCopy]:
        """Return the open copies of a calendar by event id; `only` narrows them to some ids."""
        with self._database.reading() as conn:
            return reading.open_copies(conn, calendar.id, only)

    @contextmanager
    def writing(self, calendar: StoredCalendar) -> Iterator[Pen]:
        """Give a pen for one calendar, and one transaction; leaving without `finish`, or by an error, undoes all.

        Another writer waits meanwhile: ask no network in here, and nothing of the store but through the pen.
        """
        with self._database.writing() as conn:
            pen = Pen(conn, calendar.id)
            yield pen
            if not pen.finished:
                conn.rollback()

    def failed(
        self,
        connection: Connection,
        calendar: StoredCalendar | None,
        started_at: datetime,
        finished_at: datetime,
        problem: str,
    ) -> None:
        """Record an attempt that failed, at a calendar or (None) before any; `problem` is for the reader."""
        row = {
            "connection_id": connection.id,
            "calendar_id": calendar and calendar.id,
            "started_at": started_at,
            "finished_at": finished_at,
            "ok": False,
            "baseline": False,
            "problem": problem,
        }
        with self._database.writing() as conn:
            if reading.connection_list(conn, connections.c.id == connection.id):  # else it was erased meanwhile
                conn.execute(sa.insert(syncs).values(**row))

    def erase_copies(self, rows: Iterable[int]) -> None:
        """Remove event copies, by the store's own numbers, with all their versions."""
        if found := list(rows):
            with self._database.writing() as conn:
                writing.erase_events(conn, found)

    def hold(self, calendar: StoredCalendar, why: str, at: datetime) -> None:
        """Keep a calendar's old rows and cursor for now; counts as an attempt that failed of `why`."""
        with self._database.writing() as conn:
            conn.execute(sa.update(calendars).where(calendars.c.id == calendar.id).values(held=why))
            its = sa.select(calendars.c.connection_id).where(calendars.c.id == calendar.id).scalar_subquery()
            attempt = sa.insert(syncs).values(connection_id=its, calendar_id=calendar.id, problem=why)
            conn.execute(attempt.values(started_at=at, finished_at=at, ok=False, baseline=False))

    # reports

    def history(
        self, as_of: datetime, wanted: Wanted | None = None, *, among: Wanted | None = None
    ) -> tuple[Copy, ...]:
        """Return every copy that had shown a wanted person (None: every copy) by `as_of`, as it was known then.

        With `among`, also those of these people's copies that may be merged with them. Each copy comes with all its
        versions seen by then. Sorted by calendar and event id.
        """
        with self._database.reading() as conn:
            return reading.history(conn, as_of, wanted, among)

    @contextmanager
    def ledger(self, as_of: datetime) -> Iterator[Iterator[LedgerRow]]:
        """Give the rows of the ledger as it was known at `as_of`, one by one, in one transaction.

        They come as the database finds them, so that any number needs no more memory than a few; the rows of one copy
        stand together.
        """
        with self._database.reading() as conn, closing(streaming.ledger(conn, as_of)) as rows:
            yield rows

    def connection_states(self, as_of: datetime, stale_after: timedelta) -> tuple[ConnectionState, ...]:
        """Return how the connections stood at `as_of`; unread for `stale_after` is stale."""
        with self._database.reading() as conn:
            return states.connection_states(conn, as_of, stale_after)

    def silent(self) -> frozenset[str]:
        """Return the connections of which no event is kept, since nobody from outside is on any, by name."""
        with self._database.reading() as conn:
            return states.silent(conn)

    def skipped_at(self, as_of: datetime) -> tuple[Skipped, ...]:
        """Return what could not be read as of then; the source is the name of the connection."""
        with self._database.reading() as conn:
            return reading.skipped_at(conn, as_of)

    # what is kept between reports

    def holding(self, made_with: str, as_of: datetime) -> Holding:
        """Return of which accounts something is kept that was made with these settings, and by then."""
        with self._database.reading() as conn:
            return kept.holding(conn, made_with, as_of)

    def moment_read(self, now: datetime) -> datetime:
        """Return now, or when a calendar was last read if that is later: clocks may differ between machines."""
        with self._database.reading() as conn:
            last = conn.scalar(sa.select(sa.func.max(syncs.c.finished_at)))
            return now if last is None else max(now, last)

    def kept_facts(self, names: Iterable[str]) -> Mapping[str, bytes]:
        """Return what is kept of some accounts, by name; nothing of those that were touched or erased meanwhile."""
        with self._database.reading() as conn:
            return kept.facts(conn, names)

    def touched(self) -> Touched:
        """Return who is on events that changed since what is kept was made."""
        with self._database.reading() as conn:
            return kept.touched(conn)

    def keep(self, made_with: str, found: Sequence[KeptRow], since: Touched) -> bool:
        """Keep rows made of what was known when `since` was asked for; no where something was erased meanwhile."""
        with self._database.writing() as conn:
            return kept.save(conn, made_with, found, since)

    def settle(self, done: Touched) -> None:
        """Take back the notes about who was touched: all that is kept about them has been made again."""
        with self._database.writing() as conn:
            kept.settle(conn, done)

    # people

    def people(self) -> Sequence[tuple[str, str, str | None]]:
        """Return person, domain and address (None: not known) of everybody on any event, by person."""
        with self._database.reading() as conn:
            return reading.all_people(conn)

    def unnamed(self, calendar: StoredCalendar, wanted: Wanted, *, subjects: bool = False) -> tuple[str, ...]:
        """Return the events to read again: open, not gone, with a wanted person, and lacking an address.

        With `subjects`, those that lack a subject too.
        """
        with self._database.reading() as conn:
            return reading.unnamed(conn, calendar.id, wanted, subjects_too=subjects)

    def forget_addresses(self, keep: Wanted) -> int:
        """Drop the address of everybody for whom `keep` says no, contacts of deals too; return of how many.

        The person key of a contact is empty.
        """
        with self._database.writing() as conn:
            dropped = reading.numbers_of(conn, lambda *who: who[2] is not None and not keep(*who))
            for chunk in reading.chunks(dropped):
                kept.erase_people(conn, people.c.id.in_(chunk))
                conn.execute(sa.update(people).where(people.c.id.in_(chunk)).values(email=None))
                mark_erased(conn)
            return len(dropped) + deals.forget_contacts(conn, keep)

    def forget_subjects(self, known: Wanted) -> int:
        """Drop all subjects of the events that in no version show a known person; return of how many events."""
        with self._database.writing() as conn:
            named = set(conn.scalars(sa.select(subjects.c.event_id).distinct()))
            on = sa.select(versions.c.event_id, participants.c.person_id).join(participants, reading.ON_VERSION)
            here = on.where(versions.c.event_id.in_(sa.select(subjects.c.event_id))).distinct()
            anybody = reading.numbers_of(conn, known)
            named -= {event for event, person in conn.execute(here) if person in anybody}
            writing.drop_subjects(conn, named)
            return len(named)

    # accounts

    def accounts(self) -> tuple[Account, ...]:
        """Return the accounts by name, whatever its case."""
        with self._database.reading() as conn:
            return accounts.all_accounts(conn)

    def add_account(self, account: Account) -> None:
        """Add an account.

        Raises `InputError` when there is one of that name, or another one has a domain or an address of it.
        """
        with self._database.writing() as conn:
            accounts.add(conn, account)

    def save_accounts(self, found: Sequence[Account]) -> None:
        """Add or replace accounts, all of them or none; a domain may pass from one to another.

        Raises `InputError` when an account that is not among them has a domain or an address of one.
        """
        with self._database.writing() as conn:
            accounts.save(conn, found)

    def remove_account(self, name: str) -> None:
        """Remove an account. Raises `InputError` when there is none of that name."""
        with self._database.writing() as conn:
            accounts.remove(conn, name)

    # deals

    def import_deals(
        self, found: Sequence[Deal], at: datetime, source: str, *, unread: Collection[str] = ()
    ) -> DealChanges:
        """Keep what an export showed at a moment, and return what that changed.

        Deals of the same source that it does not show are missing from then on, except those whose ids are `unread`.

        Raises `InputError` when there is an import of later already.
        """
        with self._database.writing() as conn:
            return deals.save(conn, found, at, source, unread)

    def compare_deals(self, found: Sequence[Deal], source: str, *, unread: Collection[str] = ()) -> DealChanges:
        """Return what `import_deals` would change."""
        with self._database.reading() as conn:
            return deals.compare(conn, found, source, unread)

    def deals(self, as_of: datetime) -> tuple[DealTrack, ...]:
        """Return the deals as the imports by then showed them, those that went missing too, by the CRM's id."""
        with self._database.reading() as conn:
            return deals.tracks(conn, as_of)

    def deal_imports(self) -> tuple[DealImport, ...]:
        """Return the imports of deals from old to new."""
        with self._database.reading() as conn:
            return deals.imports(conn)

    # erasure

    def forget(
        self, target: Target, outsider: Wanted, at: datetime, marks: Mapping[str, bool], *, trial: bool = False
    ) -> Forgot:
        """Take a person or a domain out of everything, put their marks on the list, and return what that removed.

        `outsider` tells who is none of the team. A `trial` undoes it all.
        """
        with self._database.writing() as conn:
            found = forgetting.forget(conn, target, outsider, at, marks)
            if trial:
                conn.rollback()
            return found

    def search(self, target: Target, keys: Collection[str]) -> Search:
        """Look for an erased target, or its person keys, in every column of text and, on SQLite, in every byte.

        What was erased is swept out of the pages first, as far as nobody else uses the file.
        """
        swept = self._database.sweep()
        with self._database.reading() as conn:
            found, alike = forgetting.search_columns(conn, target, keys)
        size, places = forgetting.search_bytes(self._database.files(), target, keys, alike)
        unswept = () if swept else ("what was erased lies on pages that could not be rewritten now",)
        return Search(found.columns, size, (*found.found, *places, *unswept))

    def forgotten(self) -> Mapping[str, bool]:
        """Return the marks of those who were forgotten, and of each whether it stands for a domain."""
        with self._database.reading() as conn:
            return forgetting.marks(conn)

    def lift(self, marks: Collection[str]) -> int:
        """Take marks off the list of those who were forgotten; return how many were on it."""
        with self._database.writing() as conn:
            return forgetting.lift(conn, marks)

    def expire(self, since: datetime) -> Expired:
        """Erase what was over before a moment; what reports for later moments need stays."""
        with self._database.writing() as conn:
            return expiry.expire(conn, since)

    def kept_since(self) -> datetime | None:
        """Return the moment before which everything has been erased by `expire`; None: nothing has."""
        with self._database.reading() as conn:
            return expiry.kept_since(conn)

    # single facts

    def remember(self, key: str, value: str) -> None:
        """Keep a fact about this store, in place of the one under that key."""
        with self._database.writing() as conn:
            if not conn.execute(sa.update(meta).where(meta.c.key == key).values(value=value)).rowcount:
                conn.execute(sa.insert(meta).values(key=key, value=value))

    def recall(self, key: str) -> str | None:
        """Return what `remember` kept."""
        with self._database.reading() as conn:
            return conn.scalar(sa.select(meta.c.value).where(meta.c.key == key))


def _mend(conn: sa.Connection, connection: int, at: datetime) -> None:
    """Note that the failures of a connection are over; a hold is not: no sign-in lifts it."""
    held = sa.select(calendars.c.id).where(calendars.c.held.is_not(None))
    over = syncs.c.calendar_id.is_(None) | syncs.c.calendar_id.not_in(held)
    failed = (syncs.c.connection_id == connection) & syncs.c.ok.is_(False) & syncs.c.mended_at.is_(None)
    conn.execute(sa.update(syncs).where(failed, over).values(mended_at=at))


def _calendars_of(connection: int) -> sa.Select[tuple[int]]:
    return sa.select(calendars.c.id).where(calendars.c.connection_id == connection)


def _end_retirement(conn: sa.Connection, owner: sa.Table, number: int, at: datetime) -> None:
    """End the retirement of a connection, or of a calendar, if there is one."""
    this, theirs = retirements.c.calendar_id == number, events.c.calendar_id == number
    if owner is connections:
        this = (retirements.c.connection_id == number) & retirements.c.calendar_id.is_(None)
        theirs = events.c.calendar_id.in_(_calendars_of(number))
    kept.touch_calendars(conn, theirs)
    conn.execute(sa.update(retirements).where(this, retirements.c.end_at.is_(None)).values(end_at=at))


def _one_connection(conn: sa.Connection, name: str) -> Connection:
    found = reading.connection_list(conn, connections.c.name == name)
    if not found:
        raise InputError(f"there is no connection {name}", "see their names with: calsignal connections")
    return found[0]
