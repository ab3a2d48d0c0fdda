"""Databases for every test that asks for one: `url` is an empty store, first in SQLite, then in PostgreSQL."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

import postgres

settings.register_profile("patient", deadline=None)  # a busy machine is no failure
settings.load_profile("patient")


# whoever starts tests in the background of a script has them ignore Ctrl-C, and some tests press it
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[postgres.Server]:
    """Give the one PostgreSQL of this process."""
    why = postgres.missing()
    if why is not None and not os.environ.get("CI"):
        pytest.skip(why)
    with postgres.server() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """Name the database that a test runs on."""
    return str(request.param)


@pytest.fixture
def url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give a store to be opened: an empty one, or (SQLite) one still to be made."""
    if backend == "sqlite":
        yield f"sqlite:///{tmp_path / 'data' / 'store.db'}"
        return
    with request.getfixturevalue("postgresql").database() as made:
        yield made


@pytest.fixture
def no_store(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the place of a store that is not there yet."""
    if backend == "sqlite":
        yield f"sqlite:///{tmp_path / 'data' / 'store.db'}"
        return
    with request.getfixturevalue("postgresql").database(empty=True) as made:
        yield made
