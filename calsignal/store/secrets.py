"""Keeps sealed secrets by name, for the vault: what they mean, and their key, is known nowhere here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import sqlalchemy as sa

from calsignal.store.database import Database, keeping
from calsignal.store.tables import secrets


class Shelf:
    """Sealed texts by name. Every method is one transaction, and may raise `StoreError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, name: str) -> str | None:
        """Return the sealed text, or None when there is none of this name."""
        with self._database.reading() as conn:
            return conn.scalar(sa.select(secrets.c.sealed).where(secrets.c.name == name))

    def put(self, name: str, sealed: str) -> None:
        """Keep a sealed text, in the place of an older one."""
        with self._database.writing() as conn:
            if keeping(conn, secrets, name=name, sealed=sealed):
                return
            conn.execute(sa.update(secrets).where(secrets.c.name == name).values(sealed=sealed))

    def keep(self, name: str, sealed: str) -> str:
        """Keep a sealed text unless there is one of this name; return the one that is kept now."""
        with self._database.writing() as conn:
            keeping(conn, secrets, name=name, sealed=sealed)
            return str(conn.scalar(sa.select(secrets.c.sealed).where(secrets.c.name == name)))

    def swap(self, name: str, old: str, new: str) -> bool:
        """Put a text in the place of exactly that older one; say whether that was there."""
        this = (secrets.c.name == name) & (secrets.c.sealed == old)
        with self._database.writing() as conn:
            return conn.execute(sa.update(secrets).where(this).values(sealed=new)).rowcount > 0

    def drop(self, name: str) -> None:
        """Forget a text; nothing happens when there is none."""
        with self._database.writing() as conn:
            conn.execute(sa.delete(secrets).where(secrets.c.name == name))

    def change(self, renew: Callable[[Mapping[str, str]], Mapping[str, str]]) -> None:
        """Replace all texts by what `renew` makes of them, while nobody else writes any; all or nothing."""
        with self._database.writing() as conn:
            if conn.dialect.name == "postgresql":
                conn.execute(sa.text("LOCK TABLE secrets IN EXCLUSIVE MODE"))
            found = {row.name: row.sealed for row in conn.execute(sa.select(secrets))}
            for name, sealed in renew(found).items():
                conn.execute(sa.update(secrets).where(secrets.c.name == name).values(sealed=sealed))
