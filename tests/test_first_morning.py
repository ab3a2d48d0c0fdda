"""connect, sync and digest over every file of the corpus, when it is there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from corpus import files, try_file

CORPUS = os.environ.get("CALSIGNAL_CORPUS")
PARTS = 8  # so that several processes can share the work


@pytest.mark.skipif(not CORPUS, reason="CALSIGNAL_CORPUS names no folder of calendars")
@pytest.mark.no_cover  # other tests run every line of it
@pytest.mark.parametrize("part", range(PARTS))
def test_every_calendar_is_read_or_refused_with_a_reason(part: int) -> None:
    rows = [try_file(path) for path in files(Path(CORPUS or ""))[part::PARTS]]

    assert rows
    assert [row for row in rows if row.crash] == []
    silent = [row for row in rows if row.components and not (row.read or row.skipped or row.problem)]
    assert silent == []
