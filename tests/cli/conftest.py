from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import toy
from cli.desk import REP, Desk


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Return a desk on which nothing has been set up."""
    monkeypatch.setattr(toy, "provider", toy.Toy())
    monkeypatch.chdir(tmp_path)
    made = Desk(tmp_path)
    with made.opened:
        yield made


@pytest.fixture
def desk(bare: Desk) -> Desk:
    """Return a desk with a config."""
    bare.ok("init", "--domain", "ours.example", "--timezone", "Europe/Berlin")
    return bare


@pytest.fixture
def connected(desk: Desk) -> Desk:
    """Return a desk with a config and a calendar."""
    desk.ok("connect", "toy", "box", "--rep", REP)
    return desk
