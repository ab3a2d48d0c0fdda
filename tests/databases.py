"""What lies in a store, whatever database it is in."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import sqlalchemy as sa


def is_sqlite(url: str) -> bool:
    return url.startswith("sqlite")


def file_of(url: str) -> Path:
    """Return the file of a store in SQLite."""
    return Path(url.removeprefix("sqlite:///"))


def everything(url: str) -> bytes:
    """Return every byte of every file of a store in SQLite, and all that can be read of one on a server."""
    if is_sqlite(url):
        return b"".join(path.read_bytes() for path in file_of(url).parent.iterdir() if path.is_file())
    return "\n".join(rows(url)).encode()


def rows(url: str) -> list[str]:
    """Return every row of every table, each as one text."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as conn:
        names = sorted(sa.inspect(conn).get_table_names())
        if is_sqlite(url):
            return [f"{name} {tuple(row)}" for name in names for row in conn.exec_driver_sql(f"SELECT * FROM {name}")]
        return [f"{n} {row[0]}" for n in names for row in conn.exec_driver_sql(f"SELECT t::text FROM {n} AS t")]


def execute(url: str, *statements: str) -> list[tuple[object, ...]]:
    """Run statements past the program; return the rows of the last one, if it has any."""
    if is_sqlite(url):
        with closing(sqlite3.connect(file_of(url), isolation_level=None)) as raw:
            for statement in statements:
                found = raw.execute(statement).fetchall()
            return found
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as conn:
        for statement in statements:
            result = conn.exec_driver_sql(statement)
        return [tuple(row) for row in result] if result.returns_rows else []
