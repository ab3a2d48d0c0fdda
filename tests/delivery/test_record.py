from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsignal.delivery import Sent, is_quiet, mark

TODAY = date(2026, 3, 17)
AT = datetime(2026, 3, 17, 7, tzinfo=UTC)


def test_what_was_sent_today_is_remembered_until_tomorrow() -> None:
    sent = Sent.from_text(None, TODAY).with_("m", "mail", AT)

    same_day = Sent.from_text(sent.to_text(), TODAY)
    next_day = Sent.from_text(sent.to_text(), date(2026, 3, 18))

    assert same_day == sent
    assert (next_day.marks, next_day.last) == (frozenset(), {"mail": AT})


@given(st.text(max_size=20) | st.sampled_from(["[]", "{}", '{"day": 1, "marks": 2, "last": {}}', "null"]))
def test_a_record_that_cannot_be_read_is_none(text: str) -> None:
    assert Sent.from_text(text, TODAY) == Sent(TODAY)


def test_a_mark_names_nobody_and_tells_reports_and_addresses_apart() -> None:
    marks = {
        mark(kind, whose, name)
        for kind in ("digest", "audit")
        for whose in (None, "rita@ours.example")
        for name in ("mail", "chat")
    }

    assert len(marks) == 8
    assert all(one.isalnum() and len(one) == 16 for one in marks)


@pytest.mark.parametrize(
    ("day", "quiet"),
    [("2026-03-20", False), ("2026-03-21", True), ("2026-12-24", True), ("2027-12-24", True), ("2027-12-23", False)],
)
def test_days_without_sending_are_of_the_week_of_a_year_or_of_every_year(day: str, quiet: bool) -> None:
    assert is_quiet(date.fromisoformat(day), ("sat", "12-24", "2026-12-23")) == quiet
