from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from icalendar import Calendar

from calsignal.contract import Attendee
from calsignal.model import Answer
from cli.desk import REP, Desk
from remote_world import event


@pytest.fixture
def met(connected: Desk) -> Desk:
    """Return a desk with an account that was met the day before, and nothing booked."""
    connected.clock.wait(days=4)
    people = (Attendee(REP), Attendee("ann@acme.example", Answer.ACCEPTED))
    connected.remote().put(event("one", attendees=people))
    connected.ok("accounts", "add", "Acme", "acme.example")
    connected.ok("sync")
    return connected


def test_they_are_listed_or_written_by_the_name_of_the_file(met: Desk, tmp_path: Path) -> None:
    assert "Thu 12 Mar  Ask Acme for a next step." in met.ok("reminders")
    assert met.ok("reminders", "--output", str(tmp_path / "it.ics")) == ""
    assert met.ok("reminders", "--output", str(tmp_path / "it.txt")) == ""

    assert Calendar.from_ical((tmp_path / "it.ics").read_bytes()).walk("VEVENT")
    assert "Ask Acme" in (tmp_path / "it.txt").read_text(encoding="utf-8")
    assert met.run("reminders", "--format", "ics").stdout_bytes.startswith(b"BEGIN:VCALENDAR\r\n")


def test_a_rep_may_be_named_or_stand_in_the_environment(met: Desk) -> None:
    met.ok("connect", "toy", "box", "--rep", "sam@ours.example")

    assert "Acme" in met.ok("reminders", "--rep", REP.upper())
    met.environ["CALSIGNAL_REP"] = "sam@ours.example"
    assert "nothing to be reminded of" in met.ok("reminders")


def test_an_empty_calendar_says_so(met: Desk, tmp_path: Path) -> None:
    met.clock.wait(days=7)
    met.ok("sync")

    said = met.run("reminders", "--as-of", "2026-03-02", "--output", str(tmp_path / "it.ics"))

    assert said.stderr == "there is nothing to be reminded of: the calendar is empty\n"
    assert met.run("-q", "reminders", "--as-of", "2026-03-02", "--output", str(tmp_path / "it.ics")).output == ""


def test_the_past_is_listed_as_it_was(met: Desk) -> None:
    before = met.clock.at
    met.clock.wait(days=20)

    assert "Thu 12 Mar  Ask Acme" in met.ok("reminders", "--as-of", (before + timedelta(hours=1)).isoformat())
    assert "Ask Acme" not in met.ok("reminders")
