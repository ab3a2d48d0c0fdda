"""The only door to the database.

`open_store` is where to begin; `Store` lists what can be asked. Importing this package loads no database library:
that happens when a store is opened, or when `Store` or `Pen` is asked for at run time rather than as a type.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from calsignal.store.values import (
    Connection,
    DealChanges,
    DealImport,
    Erased,
    Health,
    Holding,
    KeptRow,
    LedgerRow,
    NoStore,
    Outdated,
    Outrun,
    ReadOnly,
    StoredCalendar,
    Touched,
    Wanted,
)

if TYPE_CHECKING:
    from calsignal.store.store import Store as Store
    from calsignal.store.writing import Pen as Pen

__all__ = [
    "Connection",
    "DealChanges",
    "DealImport",
    "Erased",
    "Health",
    "Holding",
    "KeptRow",
    "LedgerRow",
    "NoStore",
    "Outdated",
    "Outrun",
    "ReadOnly",
    "StoredCalendar",
    "Touched",
    "Wanted",
    "dialect_of",
    "file_of",
    "open_store",
]


def open_store(
    place: str | Path, *, create: bool = True, migrate: bool = True, busy_seconds: float | None = None
) -> Store:
    """Open the store at an SQLAlchemy URL or in an SQLite file; make it, or bring its schema up to date, where due.

    Without `create` a store that is not there is an error (`NoStore`), without `migrate` one with an older schema.
    Another writer is waited for up to `busy_seconds`: by default 10 for a file, 60 on a server, where a team queues up.
    Raises `StoreError` when the database cannot be used, or was made by a newer program.
    """
    from calsignal.store.database import Database
    from calsignal.store.store import Store

    return Store(Database(place, create=create, migrate=migrate, busy_seconds=busy_seconds))


def dialect_of(place: str | Path) -> str:
    """Return the database and the driver that an URL or a file asks for, in SQLAlchemy's words; nothing is opened.

    Raises `StoreError` when the URL cannot be understood.
    """
    from calsignal.store.database import dialect_of as found

    return found(place)


def file_of(place: str | Path) -> str | None:
    """Return the name of the SQLite file at a place; None where there is another database. Raises `StoreError`."""
    from calsignal.store.database import file_of as found

    return found(place)


def __getattr__(name: str) -> object:
    if name == "Store":
        from calsignal.store.store import Store

        return Store
    if name == "Pen":
        from calsignal.store.writing import Pen

        return Pen
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
