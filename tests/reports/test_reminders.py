from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ical.calendar_stream import IcsCalendarStream
from icalendar import Calendar

from calsignal.reminding import Kind, Reminder, Reminders
from calsignal.reports.reminders import reminders_ics, reminders_text

Gold = Callable[[str, str], None]
AS_OF = datetime(2026, 3, 16, 18, 30, 15, 999, tzinfo=UTC)
HOSTILE = "Evil\r\nBEGIN:VEVENT\x1b[31m\u202e; Co, \\n"
FOUND = Reminders(
    AS_OF,
    "Europe/Berlin",
    None,
    (
        Reminder(
            Kind.ASK,
            "Granite Bank",
            date(2026, 3, 20),
            "Granite Bank",
            "Held 3 d ago (60 min, 2 buyers). No next step booked: ask before Fri 20 Mar.",
        ),
        Reminder(
            Kind.FOLLOW_UP, "Hexham Media", date(2026, 5, 3), "D-1034", "A deal with them was lost on Mon 2 Feb 2026."
        ),
        Reminder(
            Kind.LOOK,
            "Juniper Travel",
            date(2027, 1, 8),
            "Juniper Travel",
            "Last held 67 d ago. Stop, and look again on Fri 8 Jan 2027.",
        ),
    ),
    left_out=2,
)


def events(content: bytes) -> list[Any]:
    return list(Calendar.from_ical(content).walk("VEVENT"))


def test_the_list_looks_as_it_did_when_somebody_last_looked(gold: Gold) -> None:
    gold("reminders-80", reminders_text(FOUND, width=80, colour=False))


def test_the_file_looks_as_it_did_when_somebody_last_looked(gold: Gold) -> None:
    gold("reminders-ics", reminders_ics(FOUND).decode().replace("\r\n", "\n"))


def test_nothing_to_remember_is_said() -> None:
    empty = replace(FOUND, items=(), rep="rep@ours.example", left_out=0)

    assert reminders_text(empty, width=80, colour=False) == (
        "Mon 16 Mar 2026 · rep@ours.example\nThere is nothing to be reminded of.\n"
    )
    assert events(reminders_ics(empty)) == []


def test_strict_readers_take_the_file_and_find_whole_days() -> None:
    content = reminders_ics(FOUND)

    read = IcsCalendarStream.calendar_from_ics(content.decode())

    assert [(e.summary, e.start, e.end) for e in read.events] == [
        ("Ask Granite Bank for a next step", date(2026, 3, 20), date(2026, 3, 21)),
        ("Follow up with Hexham Media: second place", date(2026, 5, 3), date(2026, 5, 4)),
        ("Look again at Juniper Travel", date(2027, 1, 8), date(2027, 1, 9)),
    ]
    assert {e.dtstamp for e in read.events} == {AS_OF.replace(microsecond=0)}
    assert [error for e in events(content) for error in e.errors] == []
    assert all(len(line) <= 75 for line in content.split(b"\r\n"))


def test_the_same_moment_gives_the_same_bytes_and_another_the_same_identities() -> None:
    later = replace(FOUND, as_of=AS_OF + timedelta(days=3))

    assert reminders_ics(FOUND) == reminders_ics(FOUND)
    uids = [[str(e["UID"]) for e in events(reminders_ics(found))] for found in (FOUND, later)]
    assert uids[0] == uids[1]
    assert len(set(uids[0])) == 3


def test_what_a_reminder_is_for_and_about_makes_its_identity() -> None:
    one = FOUND.items[0]
    others = [replace(one, kind=Kind.LOOK), replace(one, key="Other"), replace(one, on=date(2026, 4, 1))]

    uids = [str(e["UID"]) for e in events(reminders_ics(replace(FOUND, items=(one, *others))))]

    assert uids[3] == uids[0]
    assert len(set(uids)) == 3


@given(st.sampled_from(Kind), st.text(max_size=80) | st.just(HOSTILE))
def test_no_name_leaves_its_line_or_steers_anything(kind: Kind, name: str) -> None:
    item = Reminder(kind, name, date(2026, 4, 1), name, "Held.")

    (event,) = events(reminders_ics(replace(FOUND, items=(item,))))

    assert str(event["SUMMARY"]).isprintable()
    assert len(str(event["SUMMARY"])) < 100
    assert set(event) == {"SUMMARY", "DTSTART", "DTEND", "DTSTAMP", "UID", "DESCRIPTION", "TRANSP"}


def test_the_events_leave_the_time_free_and_name_nobody() -> None:
    for event in events(reminders_ics(FOUND)):
        assert event["TRANSP"] == "TRANSPARENT"
        assert "ATTENDEE" not in event
        assert "ORGANIZER" not in event


@pytest.mark.parametrize("width", [40, 80])
def test_the_list_keeps_to_its_width(width: int) -> None:
    assert all(len(line) <= width for line in reminders_text(FOUND, width=width, colour=False).splitlines())
