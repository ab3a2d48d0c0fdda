"""What happens on the server is told exactly, once: everything by the command line, over a real socket.

Every day at eight in the evening there is a sync, the first on 2 March 2026; what a test lets happen between two
happens twelve hours before the later one. A line of a story says between the syncs of which days something happened,
what, to which date of a series, by whom; all times are those of Berlin, where the clocks go forward on 29 March.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from google_calendar.office import ANN, BOB, NAME, REP, SAM, Office
from google_calendar.service import GoogleService
from google_calendar.service_world import Agenda

MADE = "by seller at 03-03T09:00"
GUESS = "by seller_or_unknown"


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """Return a machine with one calendar, read once while it was empty, and one account."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    with GoogleService() as service:
        made = Office(tmp_path, service=service)
        made.settle()
        made.box()
        made.box(SAM)
        made.sign_in()
        made.ok("accounts", "add", "Acme", "acme.example")
        made.next_day()
        yield made


def at(month: int, day: int, hour: int = 10, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def weekly(box: Agenda, *more: str, start: datetime | None = None, **given: object) -> str:
    """Add a series of eight Mondays at ten in Berlin, from 9 March on."""
    usual = {"attendees": [ANN, *more], "recurrence": "RRULE:FREQ=WEEKLY;COUNT=8", "zone": "Europe/Berlin"}
    return box.add("Weekly", start or at(3, 9, 9), **{**usual, **given})  # type: ignore[arg-type]


def play(office: Office, *days: Callable[[], object] | Sequence[Callable[[], object]]) -> list[str]:
    """Let something happen each day, and sync after each; return the story, which two more syncs leave as it is."""
    for day in days:
        for happens in [day] if callable(day) else day:
            happens()
        office.next_day()
    told = office.story()
    office.next_day()
    office.service.expire_access_tokens()
    office.next_day()
    assert office.story() == told
    return told


# --- single meetings ------------------------------------------------------------------------------------------------


def test_a_meeting_from_its_beginning_to_its_end(office: Office) -> None:
    box = office.box()
    name = box.add("Kick-off", at(3, 10), attendees=[ANN])

    told = play(
        office,
        lambda: None,
        lambda: box.move(name, at(3, 12), at(3, 12, 12)),
        lambda: box.answer(name, ANN),
        lambda: box.move(name, at(3, 12), at(3, 12, 11)),
        lambda: box.move(name, at(3, 11), reset_answers=True),
        lambda: box.answer(name, ANN, "declined"),
        lambda: box.cancel(name),
        lambda: box.restore(name),
        lambda: box.cancel(name, bare=True),
    )

    assert told == [
        f"2→3 created - → 03-10T11:00 {MADE}",
        f"3→4 moved 03-10T11:00 → 03-12T11:00 {GUESS}",
        f"4→5 answer_changed {ANN} none → accepted",
        "5→6 duration_changed 03-12T13:00 → 03-12T12:00",
        f"6→7 moved 03-12T11:00 → 03-11T11:00 {GUESS}",
        f"6→7 response_reset {ANN} accepted → none",
        f"7→8 answer_changed {ANN} none → declined",
        "8→9 cancelled by buyer",
        "9→10 restored",
        "10→11 cancelled by buyer",
    ]


def test_what_happened_stands_between_two_syncs_and_the_text_says_so(office: Office) -> None:
    box = office.box()
    name = box.add("Kick-off", at(3, 10), attendees=[ANN])
    play(office, lambda: None, lambda: box.move(name, at(3, 12)), lambda: box.answer(name, ANN))

    changes = office.document()["changes"]
    text = " ".join(office.ok("account", "Acme").split())

    assert [(change["not_before"][:16], change["seen_at"][:16], change["at"]) for change in changes] == [
        ("2026-03-04T21:00", "2026-03-05T21:00", None),
        ("2026-03-03T21:00", "2026-03-04T21:00", None),
        ("2026-03-02T21:00", "2026-03-03T21:00", "2026-03-03T09:00:00+01:00"),
    ]
    assert (changes[1]["days"], changes[1]["confidence"]) == (2, "guess")
    assert f'Thu 5 Mar 21:00 {ANN} accepted "Kick-off" · happened after Wed 4 Mar 21:00' in text
    assert '"Kick-off" moved to Thu 12 Mar 11:00 (+2 d) from Tue 10 Mar 11:00' in text
    assert 'we invited them to "Kick-off" for Tue 10 Mar 11:00 · happened Tue 3 Mar 09:00' in text


def test_what_nobody_would_call_a_change_is_none(office: Office) -> None:
    box = office.box()
    name = box.add("Kick-off", at(3, 10), attendees=[ANN])

    told = play(
        office,
        lambda: None,
        lambda: box.touch(name),
        lambda: box.change(name, colorId="3", reminders={"useDefault": False}),
        lambda: box.change(name, summary="Another name"),
        [lambda: box.move(name, at(3, 12)), lambda: box.move(name, at(3, 10))],
    )

    assert told == [f"2→3 created - → 03-10T11:00 {MADE}"]
    assert office.document()["meetings"][0]["subject"] == "Another name"


def test_what_came_and_went_between_two_syncs_was_not_seen(office: Office) -> None:
    box = office.box()
    name = box.add("Kick-off", at(3, 10), attendees=[ANN])

    told = play(
        office,
        lambda: None,
        lambda: box.cancel(box.add("Gone at once", at(3, 10), attendees=[ANN])),
        [lambda: box.answer(name, ANN, "declined"), lambda: box.answer(name, ANN), lambda: box.move(name, at(3, 11))],
    )

    assert told == [
        f"2→3 created - → 03-10T11:00 {MADE}",
        f"4→5 answer_changed {ANN} none → accepted",
        f"4→5 moved 03-10T11:00 → 03-11T11:00 {GUESS}",
    ]


def test_people_come_and_go(office: Office) -> None:
    box = office.box()
    name = box.add("Kick-off", at(3, 10), attendees=[ANN])

    told = play(
        office,
        lambda: None,
        lambda: box.invite(name, BOB),
        lambda: box.answer(name, BOB, "tentative"),
        lambda: box.uninvite(name, ANN),
    )

    assert told == [
        f"2→3 created - → 03-10T11:00 {MADE}",
        f"3→4 person_added {BOB} - → none",
        f"4→5 answer_changed {BOB} none → tentative",
        f"5→6 person_removed {ANN} none → -",
    ]


def test_what_the_buyer_organises_the_buyer_moves(office: Office) -> None:
    box = office.box()
    name = box.add("Their call", at(3, 10), organizer=ANN, attendees=[REP])

    told = play(
        office,
        lambda: None,
        lambda: box.answer(name, REP),
        lambda: box.move(name, at(3, 12)),
        lambda: box.move(name, at(3, 9)),
        lambda: box.cancel(name),
    )

    assert told == [
        "2→3 created - → 03-10T11:00 by buyer at 03-03T09:00",
        f"3→4 answer_changed {REP} none → accepted",
        "4→5 moved 03-10T11:00 → 03-12T11:00 by buyer",
        "5→6 moved 03-12T11:00 → 03-09T11:00 by buyer",
        "6→7 cancelled by buyer",
    ]


def test_a_private_meeting_is_erased_with_its_past_and_the_series_with_its_dates(office: Office) -> None:
    box = office.box()
    name, open_to_all = (box.add(word, at(3, 10), attendees=[ANN]) for word in ("Hidden one", "Kick-off"))
    series = box.add("Hidden series", at(3, 9, 9), attendees=[ANN], recurrence="RRULE:FREQ=WEEKLY;COUNT=8")
    apart = box.instance(series, at(3, 16, 9))

    told = play(
        office,
        lambda: None,
        [lambda: box.move(name, at(3, 12)), lambda: box.move(apart, at(3, 17, 9))],
        [lambda each=each: box.make_private(each) for each in (name, series, apart)],  # type: ignore[misc]
        lambda: box.answer(open_to_all, ANN),
    )

    assert told == [
        f"2→3 created - → 03-10T11:00 {MADE}",
        f"5→6 answer_changed {ANN} none → accepted",
    ]
    kept = b"".join(path.read_bytes() for path in office.database.parent.iterdir())
    assert b"Kick-off" in kept
    assert b"Hidden" not in kept


def test_what_is_private_no_more_begins_anew(office: Office) -> None:
    box = office.box()
    name = box.add("Kick-off", at(3, 10), attendees=[ANN])

    told = play(
        office,
        lambda: None,
        lambda: box.make_private(name),
        lambda: box.change(name, visibility="default"),
        lambda: box.move(name, at(3, 11)),
    )

    assert told == [
        f"4→5 created - → 03-10T11:00 {MADE}",
        f"5→6 moved 03-10T11:00 → 03-11T11:00 {GUESS}",
    ]


def test_a_booking_page_of_google_is_recognised(office: Office) -> None:
    box = office.box()
    marker = {"shared": {"goo.createdByAvailId": "sample"}}
    name = box.add("Intro", at(3, 10), attendees=[{"email": ANN, "responseStatus": "accepted"}])
    booked = box.add(
        "Booked intro", at(3, 11), attendees=[{"email": BOB, "responseStatus": "accepted"}], extendedProperties=marker
    )

    told = play(office, lambda: None, lambda: box.move(booked, at(3, 12)))

    meetings = {meeting["subject"]: meeting for meeting in office.document()["meetings"]}
    assert told == [
        f"2→3 created - → 03-10T11:00 {MADE}",
        f"2→3 created - → 03-11T11:00 {MADE}",
        f"3→4 moved 03-11T11:00 → 03-12T11:00 {GUESS}",
    ]
    evidence = [row["evidence"] for row in meetings["Booked intro"]["buyers"]]
    assert evidence == ["booked it"]
    assert box.item(name)["summary"] == "Intro"


# --- series ---------------------------------------------------------------------------------------------------------


def test_single_dates_of_a_series_move_are_called_off_and_come_back(office: Office) -> None:
    box = office.box()
    series = weekly(box)
    moved, off = box.instance(series, at(3, 16, 9)), box.instance(series, at(3, 23, 9))

    told = play(
        office,
        lambda: None,
        lambda: box.move(moved, at(3, 17, 9)),
        lambda: box.answer(moved, ANN),
        lambda: box.cancel(off),
        lambda: box.restore(off),
        lambda: box.move(moved, at(3, 16, 9)),
        lambda: box.answer(series, ANN),
        lambda: box.cancel(moved, bare=True),
    )

    assert box.item(moved).keys() == {"kind", "etag", "id", "status", "recurringEventId", "originalStartTime"}
    assert told == [
        f"2→3 created - → 03-09T10:00 {MADE}",
        f"3→4 moved [03-16T10:00] 03-16T10:00 → 03-17T10:00 {GUESS}",
        f"4→5 answer_changed [03-16T10:00] {ANN} none → accepted",
        f"5→6 cancelled [03-23T10:00] {GUESS}",
        "6→7 restored [03-23T10:00]",
        f"7→8 moved [03-16T10:00] 03-17T10:00 → 03-16T10:00 {GUESS}",
        f"8→9 answer_changed {ANN} none → accepted",
        f"9→10 cancelled [03-16T10:00] {GUESS}",
    ]


def test_a_bare_cancelled_date_takes_nothing_from_what_is_known_of_it(office: Office) -> None:
    box = office.box()
    series = weekly(box, attendees=[{"email": ANN, "responseStatus": "accepted"}])
    office.next_day()
    before = {m["original_start"]: m for m in office.document()["meetings"]}

    box.cancel_instance(series, at(3, 23, 9))
    office.next_day()

    after = {m["original_start"]: m for m in office.document()["meetings"]}
    day = "2026-03-23T10:00:00+01:00"
    kept = ("subject", "start", "end", "organizer", "sellers")
    assert (before[day]["status"], after[day]["status"]) == ("confirmed", "cancelled")
    assert [after[day][name] for name in kept] == [before[day][name] for name in kept]
    assert [row["email"] for row in after[day]["buyers"]] == [ANN]
    assert [d for d, m in after.items() if m["status"] != "confirmed"] == [day]


def test_a_series_that_moves_as_a_whole_is_one_change(office: Office) -> None:
    box = office.box()
    series = weekly(box, attendees=[{"email": ANN, "responseStatus": "accepted"}])

    told = play(
        office,
        lambda: None,
        lambda: box.move(series, at(3, 10, 9), reset_answers=True),
        lambda: box.move(series, at(3, 10, 11)),
        lambda: box.change(series, recurrence=["RRULE:FREQ=WEEKLY;COUNT=6"]),
        lambda: box.delete_series(series),
    )

    assert told == [
        f"2→3 created - → 03-09T10:00 {MADE}",
        f"3→4 response_reset {ANN} accepted → none",
        f"3→4 series_moved 03-09T10:00 → 03-10T10:00 {GUESS}",
        f"4→5 series_moved 03-10T10:00 → 03-10T12:00 {GUESS}",
        f"5→6 cancelled [04-21T12:00] {GUESS}",
        f"6→7 cancelled {GUESS}",
    ]


def test_a_series_under_way_moves_by_its_next_date(office: Office) -> None:
    box = office.box()
    series = weekly(box, start=at(2, 23, 9))

    told = play(
        office, lambda: None, lambda: box.move(series, at(2, 24, 9)), lambda: box.delete_series(series, bare=False)
    )

    assert told == [
        f"2→3 created - → 02-23T10:00 {MADE}",
        f"3→4 series_moved 03-09T10:00 → 03-10T10:00 {GUESS}",
        f"4→5 cancelled {GUESS}",
    ]


def test_dates_that_the_rule_leaves_out_are_called_off_and_come_back(office: Office) -> None:
    box = office.box()
    series, rule = weekly(box), "RRULE:FREQ=WEEKLY;COUNT=8"
    out = "EXDATE;TZID=Europe/Berlin:20260323T100000"

    told = play(
        office,
        lambda: None,
        lambda: box.change(series, recurrence=[rule, out]),
        lambda: box.change(series, recurrence=[rule, f"{out},20260330T100000"]),
        lambda: box.change(series, recurrence=[rule]),
    )

    assert told == [
        f"2→3 created - → 03-09T10:00 {MADE}",
        f"3→4 cancelled [03-23T10:00] {GUESS}",
        f"4→5 cancelled [03-30T10:00] {GUESS}",
        "5→6 restored [03-23T10:00]",
    ]


def test_this_and_following_is_a_split_not_an_end_and_a_beginning(office: Office) -> None:
    box = office.box()
    series = weekly(box)
    second = f"{series}_R20260323T090000"
    third = f"{series}_R20260407T090000"

    told = play(
        office,
        lambda: None,
        lambda: box.split(series, at(3, 23, 9), at(3, 24, 10)),
        lambda: box.split(second, at(4, 7, 9), at(4, 8, 9)),
        lambda: box.delete_series(third),
        lambda: box.delete_series(second),
        lambda: box.delete_series(series),
    )

    assert {second, third} <= set(box.ids())
    assert told == [
        f"2→3 created - → 03-09T10:00 {MADE}",
        f"3→4 series_moved 03-23T10:00 → 03-24T11:00 {GUESS}",
        "3→4 series_split - → 03-24T11:00",
        f"4→5 series_moved 04-07T11:00 → 04-08T11:00 {GUESS}",
        "4→5 series_split - → 04-08T11:00",
        f"5→6 cancelled [04-08T11:00] {GUESS}",
        f"6→7 cancelled [03-24T11:00] {GUESS}",
        f"7→8 cancelled {GUESS}",
    ]


def test_a_split_calls_off_the_dates_that_stood_apart_behind_it(office: Office) -> None:
    box = office.box()
    series = weekly(box)
    early, late = box.instance(series, at(3, 16, 9)), box.instance(series, at(4, 13, 8))

    told = play(
        office,
        lambda: None,
        [lambda: box.move(early, at(3, 17, 9)), lambda: box.move(late, at(4, 14, 8))],
        lambda: box.split(series, at(4, 6, 8), at(4, 7, 8)),
    )

    assert told == [
        f"2→3 created - → 03-09T10:00 {MADE}",
        f"3→4 moved [03-16T10:00] 03-16T10:00 → 03-17T10:00 {GUESS}",
        f"3→4 moved [04-13T10:00] 04-13T10:00 → 04-14T10:00 {GUESS}",
        f"4→5 series_moved 04-06T10:00 → 04-07T10:00 {GUESS}",
        "4→5 series_split - → 04-07T10:00",
    ]
    ahead = sorted(m["start"] for m in office.document()["meetings"] if m["status"] == "confirmed")
    assert [start[5:16] for start in ahead] == [
        "03-09T10:00",
        "03-17T10:00",
        "03-23T10:00",
        "03-30T10:00",
        "04-07T10:00",
        "04-14T10:00",
        "04-21T10:00",
        "04-28T10:00",
    ]


def test_a_series_keeps_its_hour_when_the_clocks_change_and_its_dates_can_move_after_it(office: Office) -> None:
    box = office.box()
    series = weekly(box, start=at(3, 16, 9))

    told = play(
        office,
        lambda: None,
        lambda: box.move_instance(series, at(3, 30, 8), at(3, 30, 9)),
        lambda: box.cancel_instance(series, at(4, 6, 8)),
        lambda: box.split(series, at(4, 13, 8), at(4, 13, 9)),
    )

    assert told == [
        f"2→3 created - → 03-16T10:00 {MADE}",
        f"3→4 moved [03-30T10:00] 03-30T10:00 → 03-30T11:00 {GUESS}",
        f"4→5 cancelled [04-06T10:00] {GUESS}",
        f"5→6 series_moved 04-13T10:00 → 04-13T11:00 {GUESS}",
        "5→6 series_split - → 04-13T11:00",
    ]
    starts = sorted(m["start"] for m in office.document()["meetings"] if m["status"] == "confirmed")
    assert starts[:4] == [
        "2026-03-16T10:00:00+01:00",
        "2026-03-23T10:00:00+01:00",
        "2026-03-30T11:00:00+02:00",
        "2026-04-13T11:00:00+02:00",
    ]


def test_whole_days_stay_days(office: Office) -> None:
    box = office.box()
    day = box.add("On site", date(2026, 3, 10), attendees=[ANN])
    days = box.add("Site day", date(2026, 3, 11), attendees=[BOB], recurrence="RRULE:FREQ=WEEKLY;COUNT=4")
    off = box.instance(days, date(2026, 3, 25))

    told = play(
        office,
        lambda: None,
        lambda: box.move(day, date(2026, 3, 12)),
        lambda: box.move_instance(days, date(2026, 3, 18), date(2026, 3, 19)),
        [lambda: box.cancel(off), lambda: box.move(day, at(3, 12))],
        lambda: box.restore(off),
    )

    assert told == [
        f"2→3 created - → 03-10 {MADE}",
        f"2→3 created - → 03-11 {MADE}",
        f"3→4 moved 03-10 → 03-12 {GUESS}",
        f"4→5 moved [03-18] 03-18 → 03-19 {GUESS}",
        f"5→6 cancelled [03-25] {GUESS}",
        f"5→6 moved 03-12 → 03-12T11:00 {GUESS}",
        "6→7 restored [03-25]",
    ]


def test_one_date_of_a_series_of_somebody_else_stands_alone(office: Office) -> None:
    their = office.box("pat@ours.example")
    series = weekly(their)
    name = their.instance(series, at(3, 16, 9))

    told = play(
        office,
        lambda: their.invite(name, REP),
        lambda: their.move(name, at(3, 17, 9)),
        lambda: their.answer(name, ANN),
        lambda: their.cancel(name),
    )

    assert told == [
        f"2→3 created [03-16T10:00] - → 03-16T10:00 {MADE}",
        f"3→4 moved [03-16T10:00] 03-16T10:00 → 03-17T10:00 {GUESS}",
        f"4→5 answer_changed [03-16T10:00] {ANN} none → accepted",
        f"5→6 cancelled [03-16T10:00] {GUESS}",
    ]


# --- several calendars ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("host", "guest"), [(REP, SAM), (SAM, REP)])
def test_what_two_reps_see_is_told_once(office: Office, host: str, guest: str) -> None:
    office.sign_in(SAM)
    office.next_day()
    box = office.box(host)
    name, series = box.add("Kick-off", at(3, 10), attendees=[ANN, guest]), weekly(box, guest)

    told = play(
        office,
        lambda: None,
        [lambda: box.answer(name, ANN), lambda: box.answer(name, guest)],
        lambda: box.move(name, at(3, 12), reset_answers=True),
        lambda: box.move_instance(series, at(3, 16, 9), at(3, 17, 9)),
        lambda: box.cancel_instance(series, at(3, 23, 9)),
        lambda: box.split(series, at(4, 6, 8), at(4, 7, 8)),
        lambda: office.box(guest).remove(name),
        lambda: box.uninvite(name, guest),
        lambda: box.cancel(name),
        lambda: box.delete_series(f"{series}_R20260406T080000"),
    )

    assert told == [
        "3→4 created - → 03-09T10:00 by seller at 03-04T09:00",
        "3→4 created - → 03-10T11:00 by seller at 03-04T09:00",
        f"4→5 answer_changed {ANN} none → accepted",
        f"4→5 answer_changed {guest} none → accepted",
        f"5→6 moved 03-10T11:00 → 03-12T11:00 {GUESS}",
        f"5→6 response_reset {ANN} accepted → none",
        f"5→6 response_reset {guest} accepted → none",
        f"6→7 moved [03-16T10:00] 03-16T10:00 → 03-17T10:00 {GUESS}",
        f"7→8 cancelled [03-23T10:00] {GUESS}",
        f"8→9 series_moved 04-06T10:00 → 04-07T10:00 {GUESS}",
        "8→9 series_split - → 04-07T10:00",
        f"10→11 person_removed {guest} none → -",
        f"11→12 cancelled {GUESS}",
        f"12→13 cancelled [04-07T10:00] {GUESS}",
    ]
    assert {(m["subject"], m["copies"]) for m in office.document()["meetings"] if m["status"] == "confirmed"} == {
        ("Weekly", 2)
    }


def test_further_calendars_are_read_where_they_are_named(office: Office) -> None:
    team = office.box().add_calendar(summary="Partner calls")
    unread = office.box().add_calendar("other@group.calendar.google.com", summary="Another")
    old = team.add("Partner call", at(3, 10), attendees=[ANN])
    unread.add("Unread call", at(3, 10), attendees=[ANN])
    office.sign_in(REP, "--calendar", "Partner calls", "--calendar", "primary")

    told = play(
        office,
        lambda: None,  # the first sight of a calendar tells of no changes
        [lambda: team.move(old, at(3, 12)), lambda: office.box().add("Main call", at(3, 11), attendees=[ANN])],
        lambda: team.cancel(old),
        lambda: team.restore(old),
        lambda: team.add("Another partner call", at(3, 13), attendees=[ANN]),
    )

    assert told == [
        "3→4 created - → 03-11T11:00 by seller at 03-04T09:00",
        f"3→4 moved 03-10T11:00 → 03-12T11:00 {GUESS}",
        f"4→5 cancelled {GUESS}",
        "5→6 restored",
        "6→7 created - → 03-13T11:00 by seller at 03-07T09:00",
    ]


def test_signing_in_again_changes_nothing_and_doubles_nothing(office: Office) -> None:
    box = office.box()
    name = box.add("Kick-off", at(3, 10), attendees=[ANN])

    told = play(
        office, lambda: None, [lambda: box.move(name, at(3, 12)), office.sign_in], lambda: box.answer(name, ANN)
    )

    assert told == [
        f"2→3 created - → 03-10T11:00 {MADE}",
        f"3→4 moved 03-10T11:00 → 03-12T11:00 {GUESS}",
        f"4→5 answer_changed {ANN} none → accepted",
    ]
    assert [each["name"] for each in office.document()["connections"]] == [NAME]
    assert office.gaps() == []
