from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsignal.contract import Event, Gone, Window
from calsignal.model import Answer, Capability, EventStatus, Moment, Slot
from calsignal.recurrence import expand
from calsignal_ics import events
from calsignal_ics.text import calendars
from ics.samples import DATA, REP, WINDOW, calendar, event, only, reading, reasons, sample

SAMPLES = sorted(path.stem for path in DATA.glob("*.ics"))


def at(day: int, hour: int, minute: int = 0, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def starts(found: Event) -> list[Moment]:
    assert found.recurrence is not None
    return list(expand(found.recurrence, WINDOW.start, WINDOW.end))


# Samples: one file for one oddity


@pytest.mark.parametrize("name", SAMPLES)
def test_the_order_of_components_and_lines_makes_no_difference(name: str) -> None:
    files = calendars((DATA / f"{name}.ics").read_bytes())
    forward = events.read([events.File("file 1", files)], REP, WINDOW)

    for found in files:
        found.children.reverse()
        for component in found.children:
            component.children.reverse()
            component.lines = {name: lines[::-1] for name, lines in reversed(component.lines.items())}
    backward = events.read([events.File("file 1", files[::-1])], REP, WINDOW)

    assert backward.events == forward.events
    assert {reason for _, reason in reasons(backward)} == {reason for _, reason in reasons(forward)}
    assert backward.unread == forward.unread


@pytest.mark.parametrize("name", [name for name in SAMPLES if not name.startswith(("utf_16", "bytes"))])
def test_folding_and_line_ends_make_no_difference(name: str) -> None:
    plain = (DATA / f"{name}.ics").read_bytes()
    lines = plain.split(b"\r\n")
    folded = b"\n".join(b"\n ".join(line[at : at + 10] for at in range(0, max(len(line), 1), 10)) for line in lines)

    assert reading(folded) == reading(plain)


def test_outlook_feeds_mark_cancelled_meetings_in_the_subject() -> None:
    cancelled, confirmed = sorted(
        sample("outlook_feed_marks_cancelled_in_the_subject").events.values(), key=lambda found: found.subject
    )

    assert (cancelled.subject, cancelled.status) == ("Angebot besprechen", EventStatus.CANCELLED)
    assert cancelled.slot == Slot(at(2, 10), at(2, 11))
    assert cancelled.free
    assert not cancelled.sees
    assert (confirmed.subject, confirmed.status) == ("Canceled flights: how to claim", EventStatus.CONFIRMED)
    assert confirmed.slot.start == at(2, 9, month=4)


def test_overrides_without_a_series_are_single_occurrences() -> None:
    read = sample("google_free_busy_lists_overrides_without_a_series")

    found = read.events["abc123@google.com/20260302T090000Z"]
    assert len(read.events) == 2
    assert (found.original_start, found.slot.start) == (at(2, 9), at(2, 10))
    assert found.recurrence is None


def test_an_override_takes_from_the_series_what_it_does_not_say() -> None:
    read = sample("override_without_people")

    master = read.events["weekly@prospect.example"]
    override = read.events["weekly@prospect.example/20260309T090000Z"]
    assert (override.organizer, override.attendees) == (master.organizer, master.attendees)
    assert override.subject == "Weekly sync"
    assert override.private
    assert override.slot == Slot(at(10, 14), at(10, 14, 30))
    assert len(starts(master)) == 8


def test_an_override_for_all_that_follow_becomes_one_for_each() -> None:
    read = sample("override_for_all_that_follow")

    moved = {key.partition("/")[2]: found.slot.start for key, found in read.events.items() if found.original_start}
    assert moved == {
        "20260309T090000Z": at(10, 13),
        "20260323T090000Z": at(25, 8),
        "20260330T080000Z": at(31, 12),
        "20260406T080000Z": at(7, 12, month=4),
    }
    assert read.split
    assert read.events["standup@ours.example/20260406T080000Z"].subject == "Weekly, now on Tuesday"
    assert read.events["standup@ours.example/20260406T080000Z"].slot.duration == timedelta(hours=1)


def test_the_second_override_for_all_that_follow_takes_over() -> None:
    first = event("RECURRENCE-ID;RANGE=THISANDFUTURE:20260303T100000Z", start="DTSTART:20260303T110000Z")
    second = event("RECURRENCE-ID;RANGE=THISANDFUTURE:20260305T100000Z", start="DTSTART:20260305T120000Z")

    found = reading(calendar(event("RRULE:FREQ=DAILY;COUNT=5"), second, first)).events

    hours = [
        each.slot.start.hour for each in found.values() if each.original_start and isinstance(each.slot.start, datetime)
    ]
    assert sorted(hours) == [11, 11, 12, 12]


def test_overrides_for_all_that_follow_stay_inside_the_window() -> None:
    master = event("RRULE:FREQ=DAILY", start="DTSTART;VALUE=DATE:20200101")
    split = event("RECURRENCE-ID;VALUE=DATE;RANGE=THISANDFUTURE:20210101", start="DTSTART;VALUE=DATE:20210102")

    found = reading(calendar(master, split), window=Window(at(1, 0), at(5, 0))).within(Window(at(1, 0), at(5, 0)))

    assert [each.slot.start for each in found if each.original_start] == [date(2026, 3, day) for day in (2, 3, 4, 5)]


@pytest.mark.parametrize(
    "rule",
    [
        "RRULE:FREQ=HOURLY",
        "RRULE:FREQ=DAILY;BYHOUR=9,10",
        "RRULE:FREQ=DAILY\r\nEXRULE:FREQ=WEEKLY",
        "RRULE:FREQ=DAILY;BYDAY=XX",
    ],
)
def test_an_override_of_an_unusual_series_changes_one_occurrence(rule: str) -> None:
    split = event("RECURRENCE-ID;RANGE=THISANDFUTURE:20260303T100000Z", start="DTSTART:20260303T110000Z")

    read = reading(calendar(event(rule), split))

    assert sorted(read.events) == ["one@prospect.example", "one@prospect.example/20260303T100000Z"]
    assert reasons(read) == [
        (
            "one@prospect.example/20260303T100000Z",
            "it is read as a change of one occurrence only: its rules are too unusual to follow",
        )
    ]


def test_a_broken_event_takes_no_other_with_it() -> None:
    read = sample("one_broken_event_among_good_ones")

    assert sorted(read.events) == ["good-1@ours.example", "good-2@ours.example"]
    assert reasons(read) == [
        ("lasts-wrong@ours.example", "a duration cannot be read"),
        ("month-13@ours.example", "a date or time cannot be read"),
        ("no-start@ours.example", "it has no start"),
        (next(iter(key for key in read.unread if key.startswith("no-uid:"))), "a date or time cannot be read"),
        ("nowhere@ours.example", "its time zone is not known"),
    ]
    assert read.unread == {item.id for item in read.skipped}


def test_a_zone_of_its_own_travels_with_the_series() -> None:
    (found,) = sample("custom_time_zone").events.values()

    assert found.slot.start == at(1, 8, 30, month=4)
    assert starts(found) == [at(1, 8, 30, month=4), at(8, 8, 30, month=4), at(15, 7, 30, month=4)]
    assert "Customized" not in (found.recurrence or "")


def test_floating_times_are_in_the_zone_of_the_calendar() -> None:
    (found,) = sample("floating_times_in_a_named_calendar").events.values()

    assert found.slot == Slot(at(2, 15), at(2, 16))


def test_people_of_every_kind_are_told_apart() -> None:
    (found,) = sample("people_of_every_kind").events.values()

    people = {row.address.lower().partition("@")[0]: row for row in found.attendees}
    assert found.organizer == "Boss@Prospect.example"
    assert sorted(people) == [
        *("boss", "copied", "deputy", "head", "hidden", "optional", "percent+sign", "room_1", "team", "twice"),
    ]
    assert (people["boss"].answer, people["boss"].guests) == (Answer.ACCEPTED, 2)
    assert (people["optional"].answer, people["optional"].optional) == (Answer.DECLINED, True)
    assert (people["copied"].answer, people["copied"].optional) == (Answer.TENTATIVE, True)
    assert (people["head"].answer, people["deputy"].answer) == (Answer.NONE, Answer.ACCEPTED)
    assert people["room_1"].resource
    assert people["team"].group
    assert people["hidden"].answer is Answer.ACCEPTED
    assert people["twice"].answer is Answer.ACCEPTED
    assert not found.hidden_guests


def test_of_two_events_with_one_uid_the_later_version_is_read() -> None:
    read = sample("two_events_with_one_uid")

    assert [found.subject for found in read.events.values()] == ["Second invitation"]
    assert reasons(read) == [("same@prospect.example", "superseded by a later copy")]
    assert not read.unread


def test_calendars_in_one_file_keep_their_zones_and_methods() -> None:
    found = sample("several_calendars_in_one_file").events

    assert found["berlin@prospect.example"].slot.start == at(2, 9)
    assert found["new-york@prospect.example"].slot.start == at(2, 15)
    assert found["new-york@prospect.example"].status is EventStatus.CANCELLED


def test_messages_change_the_event_they_are_about() -> None:
    read = sample("a_request_its_counter_and_its_cancellation")

    demo, kickoff = read.events["demo@ours.example"], read.events["kickoff@ours.example"]
    proposed = {row.address: row.proposed for row in demo.attendees}
    assert proposed == {"buyer@prospect.example": Slot(at(5, 14), at(5, 15)), "other@prospect.example": None}
    assert Capability.PROPOSALS in demo.sees
    assert (kickoff.status, kickoff.subject) == (EventStatus.CANCELLED, "Kick-off")
    assert kickoff.slot.end == at(4, 11)
    assert reasons(read) == [("demo@ours.example", "a message about an event, not an event (REPLY)")]


def test_only_events_are_read() -> None:
    (found,) = sample("tasks_and_alarms_are_not_events").events.values()

    assert (found.subject, found.slot) == ("Real", Slot(at(2, 10), at(2, 10)))


def test_bytes_of_other_encodings_are_read_line_by_line() -> None:
    found = sample("bytes_of_several_encodings").events

    assert {key: found[key].subject for key in found} == {
        "fold@prospect.example": "Grüße",
        "old@prospect.example": "München €",
        "odd@prospect.example": "odd  é",
    }


def test_utf_16_is_known_by_its_mark() -> None:
    (found,) = sample("utf_16_with_a_mark").events.values()

    assert found.subject == "Grüße 会議"


def test_a_series_reads_the_same_however_it_is_written() -> None:
    (found,) = sample("series_in_any_order_of_lines").events.values()

    assert (found.recurrence or "").split("\r\n")[1:-2] == [
        "BEGIN:VEVENT",
        "DTSTART;TZID=Europe/Berlin:20260302T100000",
        "DTEND;TZID=Europe/Berlin:20260302T113000",
        "RRULE:FREQ=WEEKLY;BYDAY=MO,WE;UNTIL=20260430",
        "RDATE:20260401T100000Z",
        "EXDATE;VALUE=DATE:20260304",
        "EXDATE:20260309T090000Z,20260316T090000Z",
        "END:VEVENT",
    ]
    assert starts(found)[:3] == [at(2, 9), at(11, 9), at(18, 9)]


# Times


@pytest.mark.parametrize(
    ("lines", "slot"),
    [
        (["DTEND:20260302T113000Z"], Slot(at(2, 10), at(2, 11, 30))),
        (["DURATION:PT45M"], Slot(at(2, 10), at(2, 10, 45))),
        (["DURATION:P1DT1H"], Slot(at(2, 10), at(3, 11))),
        (["DURATION:P1W"], Slot(at(2, 10), at(9, 10))),
        (["DURATION:-PT1H"], Slot(at(2, 10), at(2, 10))),
        (["DTEND:20260302T090000Z"], Slot(at(2, 10), at(2, 10))),
        (["DTEND;VALUE=DATE:20260303"], Slot(at(2, 10), at(3, 0))),
        ([], Slot(at(2, 10), at(2, 10))),
    ],
)
def test_an_event_ends_as_it_says_and_never_before_it_begins(lines: list[str], slot: Slot) -> None:
    assert only(event(*lines)).slot == slot


@pytest.mark.parametrize(
    ("lines", "days"),
    [
        ([], 1),
        (["DTEND;VALUE=DATE:20260302"], 1),
        (["DTEND;VALUE=DATE:20260305"], 3),
        (["DURATION:P2D"], 2),
        (["DTEND:20260303T000000Z"], 1),
        (["DTEND:20260303T120000Z"], 2),
    ],
)
def test_a_day_lasts_at_least_a_day(lines: list[str], days: int) -> None:
    found = only(event(*lines, start="DTSTART;VALUE=DATE:20260302"))

    assert found.slot == Slot(date(2026, 3, 2), date(2026, 3, 2) + timedelta(days=days))


@pytest.mark.parametrize(
    "start",
    [
        "DTSTART:2026-03-02T10:00:00Z",
        "DTSTART;VALUE=DATE:20260302T100000Z",
        "DTSTART:20260302t1000z",
        "DTSTART: 20260302T100000.5Z",
    ],
)
def test_times_may_be_written_loosely(start: str) -> None:
    assert only(event(start=start)).slot.start == at(2, 10)


def test_a_leap_second_is_the_one_before() -> None:
    assert only(event(start="DTSTART:20161231T235960Z")).slot.start == datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)


def test_days_of_a_duration_count_on_the_wall_clock() -> None:
    found = only(event("DURATION:P1D", start="DTSTART;TZID=Europe/Berlin:20260328T120000"))

    assert found.slot.duration == timedelta(hours=23)


def test_an_end_without_a_zone_is_in_the_zone_of_the_start() -> None:
    found = only(event("DTEND:20260302T110000", start="DTSTART;TZID=America/New_York:20260302T100000"))

    assert found.slot == Slot(at(2, 15), at(2, 16))


def test_outlook_says_apart_that_midnight_to_midnight_is_a_day() -> None:
    found = only(
        event(
            "DTEND;TZID=Europe/Berlin:20260303T000000",
            "X-MICROSOFT-CDO-ALLDAYEVENT:TRUE",
            start="DTSTART;TZID=Europe/Berlin:20260302T000000",
        )
    )

    assert found.slot == Slot(date(2026, 3, 2), date(2026, 3, 3))


def test_an_occurrence_beyond_the_calendar_is_not_read() -> None:
    read = reading(calendar(event("RECURRENCE-ID;TZID=Asia/Tokyo:00010101T000000")))

    assert reasons(read) == [("one@prospect.example", "a value cannot be read")]


@pytest.mark.parametrize(
    "start", ["DTSTART;TZID=Asia/Tokyo:00010101T000000", "DTSTART:99991231T235959Z\r\nDURATION:P9W"]
)
def test_times_beyond_the_calendar_are_not_read(start: str) -> None:
    assert reasons(reading(calendar(event(start=start))))[0][1] in (
        "a date or time cannot be read",
        "a duration cannot be read",
        "a value cannot be read",
    )


def test_floating_times_take_the_zone_that_most_events_use() -> None:
    others = [
        event(uid=f"{zone}{n}", start=f"DTSTART;TZID={zone}:20260302T100000")
        for zone, n in [("Europe/Berlin", 1), ("Europe/Berlin", 2), ("Asia/Tokyo", 1)]
    ]

    found = reading(calendar(event(start="DTSTART:20260302T100000"), *others)).events["one@prospect.example"]

    assert found.slot.start == at(2, 9)


def test_floating_times_without_any_zone_need_the_default() -> None:
    text = calendar(event(start="DTSTART:20260302T100000"))

    assert reasons(reading(text)) == [
        ("one@prospect.example", "its time names no time zone, and the file has none to offer")
    ]
    assert reading(text, zone="Europe/Berlin").events["one@prospect.example"].slot.start == at(2, 9)


# What an event says of itself


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("STATUS:CANCELLED", EventStatus.CANCELLED),
        ("STATUS:canceled", EventStatus.CANCELLED),
        ("STATUS:TENTATIVE", EventStatus.TENTATIVE),
        ("STATUS:CONFIRMED", EventStatus.CONFIRMED),
        ("STATUS:WHATEVER", EventStatus.CONFIRMED),
    ],
)
def test_the_status_is_read(line: str, status: EventStatus) -> None:
    assert only(event(line)).status is status


@pytest.mark.parametrize(
    ("kind", "private"), [("PUBLIC", False), ("", False), ("PRIVATE", True), ("CONFIDENTIAL", True), ("X-MINE", True)]
)
def test_what_is_not_public_is_private(kind: str, private: bool) -> None:
    assert only(event(f"CLASS:{kind}")).private is private


def test_a_private_event_that_cannot_be_read_is_private_and_not_named() -> None:
    read = reading(calendar(event("CLASS:PRIVATE", start="DTSTART:soon")))

    assert [(one.id, one.private) for one in read.within(WINDOW)] == [("one@prospect.example", True)]
    assert not read.skipped
    assert not read.unread


@pytest.mark.parametrize(
    ("line", "free"),
    [
        ("TRANSP:TRANSPARENT", True),
        ("X-MICROSOFT-CDO-BUSYSTATUS:FREE", True),
        ("TRANSP:OPAQUE", False),
        ("X-MICROSOFT-CDO-BUSYSTATUS:OOF", False),
    ],
)
def test_free_time_is_known(line: str, free: bool) -> None:
    assert only(event(line)).free is free


@pytest.mark.parametrize(
    ("value", "created"),
    [
        ("20260101T080000Z", datetime(2026, 1, 1, 8, tzinfo=UTC)),
        ("16010101T000000Z", None),
        ("00001231T000000Z", None),
        ("20260101", None),
        ("?", None),
    ],
)
def test_the_time_of_creation_is_read_unless_it_is_made_up(value: str, created: datetime | None) -> None:
    assert only(event(f"CREATED:{value}")).created == created


def test_a_cancelled_prefix_of_other_makers_is_part_of_the_subject() -> None:
    found = only("PRODID:-//Sample//EN", event("SUMMARY:Canceled: flights"))

    assert (found.subject, found.status) == ("Canceled: flights", EventStatus.CONFIRMED)


@pytest.mark.parametrize("subject", ["Canceled: Demo", "Annulé : Demo", "已取消：Demo", "CANCELLED: Canceled: Demo"])
def test_cancelled_prefixes_are_known_in_many_languages(subject: str) -> None:
    found = only("PRODID:Microsoft Exchange Server 2010", event(f"SUMMARY:{subject}"))

    assert (found.subject, found.status) == ("Demo", EventStatus.CANCELLED)


def test_a_subject_is_one_line_without_control_characters_and_of_sensible_length() -> None:
    assert only(event(r"SUMMARY:a\nb\, c\;\\ " + "\x1b[31m")).subject == "a b, c;\\  [31m"
    assert len(only(event("SUMMARY:" + "x" * 2_000_000)).subject) == 1000


def test_the_address_of_an_assistant_stands_in_for_a_nameless_principal() -> None:
    found = only(event('ORGANIZER;SENT-BY="MAILTO:ea@prospect.example":urn:uuid:1'))

    assert found.organizer == "ea@prospect.example"


@pytest.mark.parametrize("value", ["mailto:", "mailto:nobody", "invalid:nomail", "mailto:a@b@c", "mailto:<script>@x"])
def test_a_guest_without_an_address_makes_the_list_incomplete(value: str) -> None:
    found = only(event(f"ATTENDEE:{value}", "ATTENDEE:mailto:known@prospect.example"))

    assert [row.address for row in found.attendees] == ["known@prospect.example"]
    assert found.hidden_guests


def test_guests_beyond_a_bound_are_named_as_unread() -> None:
    rows = [f"ATTENDEE:mailto:guest{number}@prospect.example" for number in range(5001)]

    read = reading(calendar(event(*rows)))

    (found,) = read.events.values()
    assert len(found.attendees) == 5000
    assert found.hidden_guests
    assert reasons(read) == [("one@prospect.example", "it has more than 5,000 guests: the others were not read")]
    assert not read.unread


def test_an_unclosed_quote_is_a_letter() -> None:
    found = only(event('ATTENDEE;CN="Buyer:mailto:buyer@prospect.example'))

    assert [row.address for row in found.attendees] == ["buyer@prospect.example"]


# What a copy can see


def sees(*lines: str, maker: str = "-//Sample//EN", other: str = "") -> frozenset[Capability]:
    return (
        reading(calendar(f"PRODID:{maker}", event(*lines), *filter(None, [other]))).events["one@prospect.example"].sees
    )


def test_a_file_without_people_sees_nobody() -> None:
    assert sees() == frozenset()


def test_an_event_without_people_among_others_is_known_to_have_none() -> None:
    other = event("ORGANIZER:mailto:buyer@prospect.example", uid="two")

    assert sees(other=other) == {Capability.GUESTS, Capability.ANSWERS}


def test_microsoft_tells_answers_only_to_the_organiser() -> None:
    maker = "Microsoft Exchange Server 2010"

    assert sees("ORGANIZER:mailto:Rep@ours.example", maker=maker) == {Capability.GUESTS, Capability.ANSWERS}
    assert sees("ORGANIZER:mailto:buyer@prospect.example", maker=maker) == {Capability.GUESTS}
    assert sees("ATTENDEE:mailto:buyer@prospect.example", maker=maker) == {Capability.GUESTS}


# Names


def test_an_event_without_a_uid_is_named_by_its_content() -> None:
    first = only(event("SUMMARY:Sample", "DTSTAMP:20260101T000000Z", uid=""))
    again = only(event("ATTENDEE:mailto:buyer@prospect.example", "SUMMARY:Sample", uid=""))
    other = only(event("SUMMARY:Other", uid=""))

    assert first.id.startswith("no-uid:")
    assert first.id == first.uid == again.id != other.id


def test_uids_come_raw_but_printable() -> None:
    assert only(event(uid=" \x07ABC_R20260302T100000@google.com ")).uid == "ABC_R20260302T100000@google.com"


def test_a_uid_without_end_is_not_read() -> None:
    assert reasons(reading(calendar(event(uid="x" * 1001)))) == [("event 1", "its UID is longer than 1,000 characters")]


@pytest.mark.parametrize(
    ("master", "rid", "key"),
    [
        ("DTSTART;TZID=Europe/Berlin:20260302T100000", "RECURRENCE-ID;VALUE=DATE:20260309", "20260309T090000Z"),
        ("DTSTART;TZID=Europe/Berlin:20260302T100000", "RECURRENCE-ID:20260309T100000", "20260309T090000Z"),
        ("DTSTART;VALUE=DATE:20260302", "RECURRENCE-ID;TZID=Europe/Berlin:20260309T000000", "20260309"),
    ],
)
def test_the_name_of_an_occurrence_is_written_as_its_series_begins(master: str, rid: str, key: str) -> None:
    override = event(rid, start="DTSTART:20260309T120000Z")

    found = reading(calendar(event("RRULE:FREQ=WEEKLY", start=master), override)).events

    assert sorted(found) == ["one@prospect.example", f"one@prospect.example/{key}"]


# Copies


def test_of_equal_versions_the_last_modified_one_is_read_then_any_but_always_the_same() -> None:
    older = event("SEQUENCE:x", "LAST-MODIFIED:20260101T000000Z", "SUMMARY:Older")
    newer = event("SEQUENCE:0", "LAST-MODIFIED:20260102T000000Z", "SUMMARY:Newer")
    one, two = event("SUMMARY:One"), event("LAST-MODIFIED:?", "SUMMARY:Two")

    assert only(newer, older).subject == only(older, newer).subject == "Newer"
    assert only(one, two) == only(two, one)


def test_copies_of_one_event_in_several_files_are_one() -> None:
    read = reading(calendar(event("SEQUENCE:2", "SUMMARY:New")), calendar(event("SEQUENCE:1", "SUMMARY:Old")))

    assert [found.subject for found in read.events.values()] == ["New"]
    assert [(item.source, item.reason) for item in read.skipped] == [("file 2", "superseded by a later copy")]


def test_a_cancelled_occurrence_needs_no_start() -> None:
    cancel = calendar("METHOD:CANCEL", event("RECURRENCE-ID:20260309T100000Z", start=""))

    found = reading(calendar(event("RRULE:FREQ=WEEKLY")), cancel).events["one@prospect.example/20260309T100000Z"]

    assert found.status is EventStatus.CANCELLED
    assert found.original_start == found.slot.start == at(9, 10)


def test_an_invitation_after_a_cancellation_stands() -> None:
    cancel = calendar("METHOD:CANCEL", event("SEQUENCE:1"))

    (found,) = reading(cancel, calendar("METHOD:REQUEST", event("SEQUENCE:2"))).events.values()

    assert found.status is EventStatus.CONFIRMED


def test_a_cancellation_alone_is_a_cancelled_event() -> None:
    assert only("METHOD:CANCEL", event()).status is EventStatus.CANCELLED


def test_a_counter_that_changes_nothing_is_no_proposal() -> None:
    lines = ("ATTENDEE:mailto:buyer@prospect.example",)

    (found,) = reading(calendar(event(*lines)), calendar("METHOD:COUNTER", event(*lines))).events.values()

    assert found.attendees[0].proposed is None


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ((), "a proposal of another time, and it is not plain whose"),
        (("ATTENDEE:mailto:stranger@other.example",), "a proposal of another time, and it is not plain whose"),
    ],
)
def test_a_counter_of_nobody_known_is_named(lines: tuple[str, ...], reason: str) -> None:
    base = calendar(event("ATTENDEE:mailto:buyer@prospect.example"))

    read = reading(base, calendar("METHOD:COUNTER", event(*lines, start="DTSTART:20260303T100000Z")))

    assert reasons(read) == [("one@prospect.example", reason)]


@pytest.mark.parametrize(("method", "shown"), [("COUNTER", "COUNTER"), ("REFRESH", "REFRESH"), ("NONSENSE", "unknown")])
def test_a_message_about_an_unknown_event_is_named(method: str, shown: str) -> None:
    read = reading(calendar(f"METHOD:{method}", event()))

    assert not read.events
    assert reasons(read) == [("one@prospect.example", f"a message about an event, not an event ({shown})")]


# Series


def test_dates_that_cannot_be_read_are_named_and_the_series_is_read() -> None:
    read = reading(calendar(event("RRULE:FREQ=DAILY;COUNT=3", "EXDATE:someday,20260303T100000Z,")))

    (found,) = read.events.values()
    assert starts(found) == [at(2, 10), at(4, 10)]
    assert reasons(read) == [("one@prospect.example", "some of its extra or cancelled dates cannot be read")]


def test_an_excluding_rule_is_passed_on() -> None:
    found = only(event("RRULE:FREQ=DAILY;COUNT=4", "EXRULE:FREQ=DAILY;INTERVAL=2;COUNT=2"))

    assert starts(found) == [at(3, 10), at(5, 10)]


def test_a_series_of_days_is_written_in_days() -> None:
    found = only(event("RRULE:FREQ=WEEKLY;COUNT=2", "EXDATE:20260309T000000Z", start="DTSTART;VALUE=DATE:20260302"))

    assert starts(found) == [date(2026, 3, 2)]


def test_rules_of_an_override_say_nothing() -> None:
    found = only(event("RRULE:FREQ=DAILY", "RECURRENCE-ID:20260302T100000Z"))

    assert found.recurrence is None


@given(
    st.permutations(
        ["RRULE:FREQ=WEEKLY;BYDAY=MO", "EXDATE:20260309T100000Z", "EXDATE:20260316T100000Z", "RDATE:20260310T100000Z"]
    )
)
def test_the_text_of_a_series_does_not_depend_on_the_order_of_its_lines(lines: list[str]) -> None:
    assert only(event(*lines)) == only(event(*sorted(lines)))


# The window, and looking up


def within(*parts: str) -> list[str]:
    return [found.id for found in reading(calendar(*parts)).within(WINDOW)]


@pytest.mark.parametrize(
    ("lines", "start", "inside"),
    [
        ((), "DTSTART:20250302T100000Z", False),
        ((), "DTSTART:20360302T100000Z", True),
        (("DTEND;VALUE=DATE:20250303",), "DTSTART;VALUE=DATE:20250302", False),
        (("RRULE:FREQ=DAILY",), "DTSTART:19970302T100000Z", True),
        (("RRULE:FREQ=DAILY;UNTIL=20251201T235959Z",), "DTSTART:19970302T100000Z", False),
        (("RRULE:FREQ=DAILY;UNTIL=20260131T235959Z",), "DTSTART:19970302T100000Z", True),
        (("RRULE:FREQ=DAILY;UNTIL=20251201", "RDATE:20260301T100000Z"), "DTSTART:19970302T100000Z", True),
        (("RRULE:FREQ=WEEKLY;BYDAY=MO,TU;COUNT=10",), "DTSTART:20250302T100000Z", False),
        (("RRULE:FREQ=MONTHLY;COUNT=10",), "DTSTART:20100331T100000Z", False),
        (("RRULE:FREQ=YEARLY;BYMONTH=2;COUNT=3",), "DTSTART:20200302T100000Z", True),
        (("RRULE:FREQ=DAILY;COUNT=99999999",), "DTSTART:20200302T100000Z", True),
        (("RRULE:FREQ=DAILY;UNTIL=soon",), "DTSTART:20200302T100000Z", True),
        (("RDATE:20200303T100000Z",), "DTSTART:20200302T100000Z", False),
        (("RECURRENCE-ID:20260302T100000Z",), "DTSTART:20250302T100000Z", True),
        (("RECURRENCE-ID:20250303T100000Z",), "DTSTART:20250302T100000Z", False),
    ],
)
def test_what_ended_before_the_window_is_left_out(lines: tuple[str, ...], start: str, inside: bool) -> None:
    assert bool(within(event(*lines, start=start))) is inside


def test_a_series_of_very_long_events_is_not_left_out_by_mistake() -> None:
    assert (
        within(event("RRULE:FREQ=DAILY;UNTIL=20250401", "DURATION:P9999999D", start="DTSTART:20250302T100000Z")) == []
    )
    assert within(event("RRULE:FREQ=DAILY;UNTIL=20250401", "DURATION:P2900000D", start="DTSTART:20250302T100000Z"))


def test_an_occurrence_that_is_not_listed_apart_any_more_is_looked_up_in_its_series() -> None:
    read = reading(calendar(event("RRULE:FREQ=WEEKLY", "EXDATE:20260309T100000Z", "DURATION:PT1H", "SUMMARY:Sample")))

    found = read.find("one@prospect.example/20260316T100000Z")

    assert isinstance(found, Event)
    assert (found.original_start, found.slot) == (at(16, 10), Slot(at(16, 10), at(16, 11)))
    assert (found.subject, found.recurrence) == ("Sample", None)


@pytest.mark.parametrize("key", ["20260309T100000Z", "20260317T100000Z", "20260316", "nonsense", ""])
def test_an_occurrence_that_the_series_does_not_have_is_gone(key: str) -> None:
    read = reading(calendar(event("RRULE:FREQ=WEEKLY", "EXDATE:20260309T100000Z")))

    assert isinstance(read.find(f"one@prospect.example/{key}"), Gone)


@pytest.mark.parametrize(
    ("rule", "key"),
    [
        ("RRULE:FREQ=WEEKLY;UNTIL=20260316", "20260316"),
        ("RRULE:FREQ=WEEKLY;UNTIL=20260316T000000", "20260316"),
        ("RRULE:FREQ=DAILY;BYHOUR=9,10", "20260316"),
    ],
)
def test_an_occurrence_on_a_day_and_one_of_unusual_rules_are_found(rule: str, key: str) -> None:
    read = reading(calendar(event(rule, start="DTSTART;VALUE=DATE:20260302")))

    assert isinstance(read.find(f"one@prospect.example/{key}"), Event)


def test_an_occurrence_of_a_series_with_a_last_moment_is_found() -> None:
    read = reading(
        calendar(event("RRULE:FREQ=WEEKLY;UNTIL=20260316T090000Z", start="DTSTART;TZID=Europe/Berlin:20260302T100000"))
    )

    assert isinstance(read.find("one@prospect.example/20260316T090000Z"), Event)
    assert isinstance(read.find("one@prospect.example/20260323T090000Z"), Gone)
    assert isinstance(read.find("two@prospect.example/20260323T090000Z"), Gone)


# Strangers


@given(
    st.lists(
        st.tuples(
            st.sampled_from(
                [
                    "DTSTART",
                    "DTEND",
                    "DURATION",
                    "RRULE",
                    "RDATE",
                    "EXDATE",
                    "RECURRENCE-ID;RANGE=THISANDFUTURE",
                    "UID",
                    "SUMMARY",
                    "ATTENDEE",
                    "ORGANIZER;EMAIL=x",
                    "SEQUENCE",
                    "CREATED",
                ]
            ),
            st.text(max_size=30),
        ),
        max_size=8,
    )
)
def test_no_line_does_any_harm(lines: list[tuple[str, str]]) -> None:
    parts = [f"{name}:{value}" for name, value in lines]

    read = reading(calendar(event(*parts), event("RRULE:FREQ=DAILY;COUNT=3", uid="two")).encode(errors="replace"))

    assert "two" in read.events
    assert len(read.events) + len(read.skipped) >= 2
