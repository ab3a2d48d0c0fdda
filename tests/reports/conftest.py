"""Gold files: what people look at, kept as they last looked at it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

GOLD = Path(__file__).parent.parent / "gold"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-gold", action="store_true", help="rewrite tests/gold from what the reports say now")


@pytest.fixture
def gold(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Return a check of a text against tests/gold/NAME.txt."""

    def check(name: str, text: str) -> None:
        path = GOLD / f"{name}.txt"
        if request.config.getoption("--update-gold", default=False):
            path.write_text(text, encoding="utf-8", newline="\n")
        assert text == path.read_text(encoding="utf-8"), f"{name} differs: look at it, then pytest --update-gold"

    return check
