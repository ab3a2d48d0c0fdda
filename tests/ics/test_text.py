from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsignal_ics.text import NotACalendar, calendars, read


def test_a_component_ends_with_what_was_left_open_inside() -> None:
    (found,) = calendars(b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nBEGIN:VALARM\nUID:1\nEND:VEVENT\nUID:2\nEND:VCALENDAR\nX:1")

    assert [child.name for child in found.children] == ["VEVENT"]
    assert found.value("UID") == "2"


def test_an_end_of_nothing_ends_nothing() -> None:
    (found,) = calendars(b"BEGIN:VCALENDAR\nEND:VEVENT\nEND:STANDARD\nUID:2\nEND:VCALENDAR\n")

    assert found.value("UID") == "2"


def test_an_event_that_was_never_closed_does_not_swallow_the_next() -> None:
    (found,) = calendars(b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nBEGIN:VEVENT\nUID:2\nEND:VEVENT\nEND:VCALENDAR")

    assert [child.value("UID") for child in found.inside("VEVENT")] == ["1", "2"]


def test_a_calendar_inside_a_calendar_is_found() -> None:
    found = calendars(b"BEGIN:VCALENDAR\nBEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VEVENT\nEND:VCALENDAR\nEND:VCALENDAR")

    assert [len(list(each.inside("VEVENT"))) for each in found] == [0, 1]


def test_nesting_has_a_bound() -> None:
    with pytest.raises(NotACalendar, match="too deeply"):
        calendars(b"BEGIN:VCALENDAR\n" * 100_000)


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b""])
@pytest.mark.parametrize("end", [b"\r\n", b"\n", b"\r"])
def test_marks_and_line_ends_make_no_difference(mark: bytes, end: bytes) -> None:
    (found,) = calendars(mark + end.join([b"begin:vcalendar", b"Version:2.0", b"no colon here", b"END:VCALENDAR"]))

    assert found.lines == {"VERSION": ["Version:2.0"]}


def test_lines_of_any_length_are_read() -> None:
    (found,) = calendars(b"BEGIN:VCALENDAR\nX;A=" + b'"' * 999_999 + b";B=" + b"b" * 2**20 + b":v\nEND:VCALENDAR")

    assert found.value("X") == "v"


def test_quoted_parameters_keep_their_colons() -> None:
    prop = read('ATTENDEE;CN="A; B: C";partstat="ACCEPTED";X=:mailto:a@b')

    assert prop.params == {"CN": "A; B: C", "PARTSTAT": "ACCEPTED", "X": ""}
    assert prop.value == "mailto:a@b"


@given(st.binary(max_size=300))
def test_no_bytes_do_any_harm(data: bytes) -> None:
    try:
        found = calendars(b"BEGIN:VCALENDAR\n" + data + b"\nEND:VCALENDAR\n")
    except NotACalendar:
        return
    assert all(component.canonical() for component in found)
