"""Calendars written by others, when they are there: whatever is in them, nothing goes wrong and nothing is lost."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from calsignal.contract import Access, Window
from calsignal.errors import SourceError
from calsignal.recurrence import UnreadableSeries, expand
from calsignal.testing import moments, pull
from calsignal_ics import provider

_ROOT = os.environ.get("CALSIGNAL_CORPUS")
FILES = sorted((Path(_ROOT) / "ics").glob("*.ics")) if _ROOT else []
SINCE_EVER = Window(datetime(1, 1, 2, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))


def access(path: Path) -> Access:
    return Access(
        mailbox="rep@ours.example",
        settings={"path": str(path)},
        config={},
        secret=None,
        save_secret=lambda _secret: None,
        window=SINCE_EVER,
        retry=lambda request: request(),
    )


@pytest.mark.skipif(not FILES, reason="CALSIGNAL_CORPUS does not name a folder with ics/*.ics")
@pytest.mark.no_cover  # other tests run every line of it
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_everything_in_a_file_is_read_or_named(path: Path) -> None:
    text = re.sub(rb"BEGIN:VPOLL.*?END:VPOLL", b"", path.read_bytes(), flags=re.DOTALL)  # its events are proposals
    written = len(re.findall(rb"^BEGIN:VEVENT\s*$", text, re.MULTILINE | re.IGNORECASE))

    try:
        pages = pull(provider.open(access(path)))
    except SourceError:
        return

    read = [event for page in pages for event in page.events]
    skipped = [item for page in pages for item in page.skipped]
    if re.search(rb"^METHOD:(COUNTER|CANCEL)", text, re.MULTILINE) is None:  # these change the event they are about
        assert len(read) + len(skipped) >= written
    assert all(item.id and item.reason for item in skipped)
    assert all(moment.tzinfo is UTC for moment in moments(tuple(read)) if isinstance(moment, datetime))
    for event in read:
        if event.recurrence is not None:
            expanded(event.recurrence)


def expanded(recurrence: str) -> None:
    try:
        starts = expand(recurrence, datetime(2024, 6, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC))
    except UnreadableSeries:
        return
    assert list(starts) == sorted(set(starts))
