from __future__ import annotations

from collections.abc import Iterator

import pytest

from browser.machine import ARGUMENTS, chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """Return a real browser without a window."""
    path = chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield started
        started.close()
