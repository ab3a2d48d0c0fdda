"""The days to remember, as text for people and as a calendar file to import or to publish.

The file holds all-day events that leave the time free. Of strangers' text there is none: an account's name is ours, and
the evidence is made of numbers and days.
"""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5
from zoneinfo import ZoneInfo

from calsignal.reminding import Kind, Reminder, Reminders
from calsignal.reports.layout import BOLD, DIM, Cell, Page, Run, cell, width_of
from calsignal.reports.safe import clean, cut
from calsignal.reports.words import Calendar, plural

if TYPE_CHECKING:
    from icalendar import Event

_WORDS = {
    Kind.ASK: "ask {} for a next step",
    Kind.LOOK: "look again at {}",
    Kind.FOLLOW_UP: "follow up with {}: second place",
}
_NAME = 60  # columns of an account's name in the title of an event


def reminders_text(found: Reminders, *, width: int, colour: bool) -> str:
    """Return the days to remember in at most `width` columns (at least 40)."""
    page = Page(width, colour=colour)
    calendar = Calendar(found.as_of, ZoneInfo(found.timezone))
    page.line(Run(f"{calendar.date(found.as_of)} {calendar.today.year}", BOLD), "·", found.rep or "the whole team")
    if not found.items:
        page.line("There is nothing to be reminded of.")
    days = width_of((calendar.date(item.on) for item in found.items), least=10, most=16)
    for item in found.items:
        text = Cell((Run(f"{_title(item)}.", BOLD), Run(item.evidence, DIM)), page.rest(days, indent=2))
        page.row(cell(calendar.date(item.on), days), text, indent=2)
    if found.left_out:
        page.line(Run(f"{plural(found.left_out, 'lost deal')} left out: no closing day, or no account of ours.", DIM))
    return page.text()


def reminders_ics(found: Reminders) -> bytes:
    """Return the days to remember as iCalendar (RFC 5545), the same bytes for the same moment and store.

    An event keeps its UID, whenever it is made: a file that is imported again brings it up to date.
    """
    from icalendar import Calendar as File

    file = File()
    file.add("prodid", "-//calsignal//reminders//EN")
    file.add("version", "2.0")
    file.add("calscale", "GREGORIAN")
    file.add("x-wr-calname", "calsignal")
    calendar = Calendar(found.as_of, ZoneInfo(found.timezone))
    for item in found.items:
        file.add_component(_event(item, found, calendar))
    return bytes(file.to_ical())


def _event(item: Reminder, found: Reminders, calendar: Calendar) -> Event:
    from icalendar import Event

    event = Event()
    event.add("uid", f"{uuid5(NAMESPACE_URL, f'calsignal:{item.kind.value}:{item.key}')}@calsignal")
    event.add("dtstamp", found.as_of.astimezone(UTC).replace(microsecond=0))
    event.add("dtstart", item.on)
    event.add("dtend", item.on + timedelta(days=1))
    event.add("summary", _title(item))
    said = f"{calendar.date(found.as_of)} {calendar.today.year}"
    event.add("description", clean(f"As of {said}: {item.evidence}"))
    event.add("transp", "TRANSPARENT")
    return event


def _title(item: Reminder) -> str:
    text = _WORDS[item.kind].format(cut(clean(item.account), _NAME))
    return text[0].upper() + text[1:]
