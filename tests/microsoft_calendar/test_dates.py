"""What a list says of a series: each date is left to it, told apart or missing, and nothing else."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsignal.contract import Window
from calsignal.model import moment_key
from calsignal.testing import START
from calsignal_microsoft.dates import Dates, name, parts, within
from microsoft_calendar import service_values as values
from microsoft_calendar.test_translate import ITEMS, VALUES, item, reader

WEEK, HOUR = timedelta(weeks=1), timedelta(hours=1)
WINDOW = Window(START - 4 * WEEK, START + 20 * WEEK)
FATES = ("plain", "answered", "moved", "spoilt", "missing")


def wire(at: datetime) -> dict[str, str]:
    return {"dateTime": f"{at:%Y-%m-%dT%H:%M:%S}.0000000", "timeZone": "UTC"}


def occurrence(original: datetime, fate: str) -> dict[str, object]:
    """Return one date of the series `weekly` as the service lists it."""
    start = original + HOUR if fate == "moved" else original
    return item(
        id=f"o{moment_key(original)}",
        type="occurrence" if fate == "plain" else "exception",
        seriesMasterId="weekly",
        originalStart=f"{original:%Y-%m-%dT%H:%M:%SZ}",
        start="tomorrow" if fate == "spoilt" else wire(start),
        end=wire(start + HOUR),
    )


def master(**fields: object) -> dict[str, object]:
    recurrence = values.settled(values.weekly("monday", times=8), START.date(), "UTC")
    return item(id="weekly", type="seriesMaster", recurrence=recurrence, **fields)


@given(st.lists(st.sampled_from(FATES), min_size=8, max_size=8), st.randoms())
def test_each_date_of_a_series_is_spoken_for_once(fates: list[str], chance: Random) -> None:
    starts = [START + week * WEEK for week in range(8)]
    items = [occurrence(at, fate) for at, fate in zip(starts, fates, strict=True) if fate != "missing"]
    chance.shuffle(items)

    told = Dates(reader(), "weekly", master(), WINDOW).told(items)

    spoken = {
        "plain": set(told.plain),
        "apart": {event.id for event in told.page.events} - {"weekly"},
        "spoilt": set(told.page.unread),
        "missing": {name("weekly", at) for at in told.missing},
    }
    sorted_out = {
        "plain": ("plain",),
        "apart": ("answered", "moved"),
        "spoilt": ("spoilt",),
        "missing": ("missing",),
    }
    assert spoken == {
        how: {name("weekly", at) for at, fate in zip(starts, fates, strict=True) if fate in meant}
        for how, meant in sorted_out.items()
    }


@given(st.lists(ITEMS | st.dictionaries(st.text(), VALUES)), ITEMS | st.just(master()))
def test_whatever_is_listed_nothing_raises(items: list[dict[str, object]], series: dict[str, object]) -> None:
    dates = Dates(reader(), "weekly", series, WINDOW)

    told = dates.told(items)
    looked = dates.looked_up({"exceptionOccurrences": items, "cancelledOccurrences": items}, told.missing)

    assert len(told.page.events) + len(told.page.skipped) + len(told.plain) <= 2 * (len(items) + 1)
    assert not looked.removed


@pytest.mark.parametrize("original", [START, START.date()])
def test_the_id_of_a_date_can_be_taken_apart(original: datetime | date) -> None:
    assert parts(name("AAMk-_=", original)) == ("AAMk-_=", original)


@pytest.mark.parametrize("text", ["AAMk-_=", "", "@", "@20260309", "rep@ours.example", "AAMk@"])
def test_another_id_is_no_date_s(text: str) -> None:
    assert parts(text) is None


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (START, False),
        (START + HOUR, True),
        (START + 3 * WEEK, False),
        (START.date(), False),
        (START.date() + timedelta(days=1), False),  # in the furthest east it began at 10:00 UTC of the day before
        (START.date() + timedelta(days=2), True),
        ((START + 3 * WEEK).date(), False),
        ((START + 3 * WEEK).date() - timedelta(days=1), True),
    ],
)
def test_what_a_list_has_to_show_is_inside_it_in_every_zone(at: datetime | date, expected: bool) -> None:
    assert within(at, Window(START, START + 3 * WEEK)) is expected


def test_a_date_of_a_series_of_days_may_have_become_a_time() -> None:
    first = START.date()
    recurrence = values.settled(values.daily(times=3), first, "W. Europe Standard Time")
    midnight = datetime(2026, 3, 1, 23, tzinfo=UTC)
    days = {"isAllDay": True, "start": wire(midnight), "end": wire(midnight + 24 * HOUR)}
    series = item(id="weekly", type="seriesMaster", recurrence=recurrence, **days)
    moved = {**occurrence(midnight, "moved"), "start": wire(START), "end": wire(START + HOUR)}

    told = Dates(reader(), "weekly", series, WINDOW).told([moved])

    assert [(event.id, event.original_start) for event in told.page.events[1:]] == [(name("weekly", first), first)]
    assert told.missing == (first + timedelta(days=1), first + timedelta(days=2))
