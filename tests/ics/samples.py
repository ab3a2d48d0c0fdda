"""Small calendars as text, and the access to read them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from calsignal.contract import Access, Event, Window
from calsignal.model import Answer
from calsignal.testing import START, Meeting
from calsignal_ics import events, text

WINDOW = Window(START - timedelta(days=60), START + timedelta(days=60))
REP = "rep@ours.example"
DATA = Path(__file__).parent.parent / "data" / "ics"
_PARTSTAT = {answer: answer.name for answer in Answer} | {Answer.NONE: "NEEDS-ACTION"}


def access(**given: object) -> Access:
    """Return an access to nothing in particular, but for what is given."""
    usual: dict[str, object] = {
        "mailbox": REP,
        "settings": {},
        "config": {},
        "secret": None,
        "save_secret": lambda _secret: None,
        "window": WINDOW,
        "retry": lambda request: request(),
    }
    return Access(**{**usual, **given})  # type: ignore[arg-type]


def vevent(meeting: Meeting) -> str:
    """Write a meeting as a VEVENT."""
    lines = [
        f"UID:{meeting.key}@ours.example",
        f"DTSTART:{meeting.start:%Y%m%dT%H%M%SZ}",
        f"DTEND:{meeting.start + meeting.length:%Y%m%dT%H%M%SZ}",
        f"SUMMARY:{meeting.subject}",
        f"ORGANIZER:mailto:{meeting.organizer}",
        *(f"ATTENDEE;PARTSTAT={_PARTSTAT[answer]}:mailto:{guest}" for guest, answer in meeting.guests.items()),
        *(["RRULE:FREQ=WEEKLY"] if meeting.weekly else []),
    ]
    return "\r\n".join(["BEGIN:VEVENT", *lines, "END:VEVENT"])


def calendar(*parts: str) -> str:
    """Put components and lines into a VCALENDAR."""
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *parts, "END:VCALENDAR", ""])


def event(*lines: str, uid: str = "one@prospect.example", start: str = "DTSTART:20260302T100000Z") -> str:
    """Write a VEVENT from some lines; a UID and a start are there unless they are empty."""
    return "\r\n".join(
        ["BEGIN:VEVENT", *([f"UID:{uid}"] if uid else []), *([start] if start else []), *lines, "END:VEVENT"]
    )


def reading(*calendars: str | bytes, window: Window = WINDOW, mailbox: str = REP, zone: str = "") -> events.Reading:
    """Read calendars as if each was a file."""
    files = [
        events.File(f"file {number}", text.calendars(each.encode() if isinstance(each, str) else each))
        for number, each in enumerate(calendars, 1)
    ]
    return events.read(files, mailbox, window, zone)


def only(*parts: str) -> Event:
    """Read one calendar made of these parts, and return its one event."""
    (found,) = reading(calendar(*parts)).events.values()
    return found


def sample(name: str) -> events.Reading:
    """Read one of the sample files."""
    return reading((DATA / f"{name}.ics").read_bytes())


def reasons(read: events.Reading) -> list[tuple[str, str]]:
    """Return what was skipped, and why."""
    return [(item.id, item.reason) for item in read.skipped]
