from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import postgres
from workers.feeds import Feeds, serving
from workers.machines import Machine


@pytest.fixture
def database(postgresql: postgres.Server) -> Iterator[str]:
    with postgresql.database(empty=True) as url:
        yield url


@pytest.fixture
def feeds(tmp_path: Path) -> Iterator[Feeds]:
    with serving(tmp_path, datetime.now(UTC).replace(microsecond=0)) as running:
        yield running


@pytest.fixture
def machine(tmp_path: Path, database: str, feeds: Feeds) -> Machine:
    return Machine(tmp_path / "machine", database, feeds.bundle)
