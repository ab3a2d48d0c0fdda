"""What happens on the server is told exactly, once: everything by the command line, over TLS.

Every day at eight in the evening there is a sync, the first on 2 March 2026; what a test lets happen between two
happens twelve hours before the later one. A line of a story says between the syncs of which days something happened,
what, to which date of a series, by whom; all times are those of Berlin, where the clocks go forward on 29 March.

What an organiser calls off leaves no trace in the organiser's own calendar: a single meeting or a series has vanished.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from microsoft_calendar.office import ANN, BOB, NAME, REP, SAM, Office, nobody_waits
from microsoft_calendar.service import MicrosoftService
from microsoft_calendar.service_identity import SECRET
from microsoft_calendar.service_values import CUSTOM, daily, monthly_on, weekly
from microsoft_calendar.service_world import Mailbox

MADE = "by seller at 03-03T09:00"
GUESS = "by seller_or_unknown"


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    """Return a machine with one calendar, read once while it was empty, and one account."""
    with MicrosoftService() as service:
        nobody_waits(service, monkeypatch)
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


def mondays(box: Mailbox, *more: str, start: datetime | None = None, **given: object) -> str:
    """Add a series of eight Mondays at ten in Berlin, from 9 March on."""
    usual = {"attendees": [ANN, *more], "recurrence": weekly(times=8)}
    return box.add("Weekly", start or at(3, 9, 9), **{**usual, **given})  # type: ignore[arg-type]


def play(office: Office, *days: Callable[[], object] | Sequence[Callable[[], object]]) -> list[str]:
    """Let something happen each day, and sync after each; return the story, which two more syncs leave as it is."""
    for day in days:
        for happens in [day] if callable(day) else day:
            happens()
        office.next_day()
    told, versions = office.story(), office.rows("versions")
    office.next_day()
    office.service.expire_access_tokens()
    office.next_day()
    assert (office.story(), office.rows("versions")) == (told, versions)
    return told


# --- signing in -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [["--no-browser"], ["--device-code"]], ids=["a browser", "a code"])
def test_a_person_signs_in_and_the_story_begins(office: Office, way: list[str]) -> None:
    office.service.consent = office.service.consent.__class__(user=SAM)

    said = office.ok("connect", "microsoft", *way)
    office.next_day()
    office.box(SAM).add("Kick-off", at(3, 10), attendees=[ANN])
    office.next_day()

    assert said == f"connected microsoft:{SAM} ({SAM})\n"
    assert office.story() == ["3→4 created - → 03-10T11:00 by seller at 03-04T09:00"]


@pytest.mark.parametrize("credential", ["secret", "certificate", "environment"])
def test_an_app_reads_for_the_team(office: Office, monkeypatch: pytest.MonkeyPatch, credential: str) -> None:
    office.service.sign_in.app.roles = {"User.Read.All", "GroupMember.Read.All"}
    office.service.sign_in.app.scoped = {"Calendars.Read": frozenset({REP, SAM})}
    made = office.service.sign_in.certificate()
    more = {
        "secret": [],
        "environment": [],
        "certificate": ["--certificate", office.file("app.pem", made["private_key"] + made["public_certificate"])],
    }[credential]
    if credential == "environment":
        monkeypatch.setenv("CALSIGNAL_MICROSOFT_CLIENT_SECRET", SECRET)
    office.ok("disconnect", NAME)

    office.app_only("--user", REP, "--user", SAM, *more)
    office.next_day()
    name = office.box(REP).add("Kick-off", at(3, 10), attendees=[ANN, SAM])
    office.next_day()
    office.box(REP).answer(name, ANN)
    office.next_day()

    assert sorted(name for name, each in office.connections().items() if not each["problem"]) == [
        NAME,
        f"microsoft:{SAM}",
    ]
    assert office.story() == [
        # what nobody's list was asked to say, when the meeting was made, is as late as the first sight of it
        "3→4 created - → 03-10T11:00 by seller",
        f"4→5 answer_changed {ANN} none → accepted at 03-05T09:00",
    ]


# --- single meetings ------------------------------------------------------------------------------------------------


def test_a_meeting_from_its_beginning_to_its_end(office: Office) -> None:
    box = office.box()
    name = box.add("Kick-off", at(3, 10), attendees=[ANN])

    told = play(
        office,
        lambda: None,
        lambda: box.move(name, at(3, 12), at(3, 12, 12)),
        lambda: box.answer(name, ANN),
        lambda: box.move(name, at(3, 12), at(3, 12, 11), reset_answers=False),
        lambda: box.move(name, at(3, 20)),
        lambda: box.answer(name, ANN, "declined"),
        lambda: box.cancel(name),
        lambda: box.restore(name),
        lambda: box.cancel(name),
    )

    assert told == [
        f"2→3 created - → 03-10T11:00 {MADE}",
        f"3→4 moved 03-10T11:00 → 03-12T11:00 {GUESS}",
        f"4→5 answer_changed {ANN} none → accepted at 03-05T09:00",
        "5→6 duration_changed 03-12T13:00 → 03-12T12:00",
        f"6→7 moved 03-12T11:00 → 03-20T11:00 {GUESS}",
        f"6→7 response_reset {ANN} accepted → none",
        f"7→8 answer_changed {ANN} none → declined at 03-08T09:00",
        "8→9 vanished by buyer",
        "9→10 restored",
        "10→11 vanished by buyer",
    ]


def test_an_answer_has_the_exact_time_at_which_it_was_given_in_the_ledger_and_in_every_report(office: Office) -> None:
    box = office.box()
    name = box.add("Kick-off", at(3, 10), attendees=[ANN])
    office.next_day()
    box.answer(name, ANN, at=at(3, 3, 14, 17).replace(second=42))
    office.next_day()

    (change,) = [each for each in office.document()["changes"] if each["kind"] == "answer_changed"]
    text = " ".join(office.ok("account", "Acme").split())

    assert change["at"] == "2026-03-03T15:17:42+01:00"
    assert f'{ANN} accepted "Kick-off" · happened Tue 3 Mar 15:17' in text
    kept = b"".join(path.read_bytes() for path in office.database.parent.iterdir())
    assert b"2026-03-03 14:17:42" in kept


def test_an_answer_given_anew_is_no_other_answer(office: Office) -> None:
    box = office.box()
    name = box.add("Kick-off", at(3, 10), attendees=[ANN])

    told = play(office, lambda: None, *[lambda: box.answer(name, ANN) for _ in range(3)])

    assert told == [
        f"2→3 created - → 03-10T11:00 {MADE}",
        f"3→4 answer_changed {ANN} none → accepted at 03-04T09:00",
    ]


def test_what_nobody_would_call_a_change_is_none(office: Office) -> None:
    box = office.box()
    name = box.add("Kick-off", at(3, 10), attendees=[ANN])
    series = mondays(box)

    told = play(
        office,
        lambda: None,
        [lambda: box.touch(name), lambda: box.touch(series)],
        lambda: box.change(name, categories=["Red category"], isReminderOn=False),
        lambda: box.change(name, subject="Another name"),
        [lambda: box.move(name, at(3, 12)), lambda: box.move(name, at(3, 10))],
        lambda: box.change(name, bodyPreview="More", hasAttachments=True, webLink="https://service.example/2"),
    )

    assert told == [
        f"2→3 created - → 03-09T10:00 {MADE}",
        f"2→3 created - → 03-10T11:00 {MADE}",
    ]
    assert "Another name" in {meeting["subject"] for meeting in office.document()["meetings"]}


def test_what_came_and_went_between_two_syncs_was_not_seen(office: Office) -> None:
    box = office.box()
    name = box.add("Kick-off", at(3, 10), attendees=[ANN])

    told = play(
        office,
        lambda: None,
        lambda: box.cancel(box.add("Gone at once", at(3, 10), attendees=[ANN])),
        [
            lambda: box.answer(name, ANN, "declined"),
            lambda: box.move(name, at(3, 11)),
            lambda: box.answer(name, ANN),
        ],
    )

    assert told == [
        f"2→3 created - → 03-10T11:00 {MADE}",
        f"4→5 answer_changed {ANN} none → accepted at 03-05T09:00",
        f"4→5 moved 03-10T11:00 → 03-11T11:00 {GUESS}",
    ]


def test_people_come_and_go(office: Office) -> None:
    box = office.box()
    name = box.add("Kick-off", at(3, 10), attendees=[ANN])

    told = play(
        office,
        lambda: None,
        lambda: box.invite(name, BOB),
        lambda: box.answer(name, BOB, "tentativelyAccepted"),
        lambda: box.uninvite(name, ANN),
    )

    assert told == [
        f"2→3 created - → 03-10T11:00 {MADE}",
        f"3→4 person_added {BOB} - → none",
        f"4→5 answer_changed {BOB} none → tentative at 03-05T09:00",
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
        lambda: box.answer(name, REP, "tentativelyAccepted"),
        lambda: box.cancel(name),
        lambda: box.remove(name),
    )

    assert told == [
        "2→3 created - → 03-10T11:00 by buyer at 03-03T09:00",
        f"3→4 answer_changed {REP} none → accepted at 03-04T09:00",
        "4→5 moved 03-10T11:00 → 03-12T11:00 by buyer",
        f"4→5 response_reset {REP} accepted → none",
        f"5→6 answer_changed {REP} none → tentative at 03-06T09:00",
        "6→7 cancelled by buyer",
    ]


def test_a_rep_who_takes_a_meeting_out_of_the_own_calendar_makes_it_vanish(office: Office) -> None:
    box = office.box()
    name = box.add("Their call", at(3, 10), organizer=ANN, attendees=[REP])

    told = play(office, lambda: None, lambda: box.remove(name))

    assert told == [
        "2→3 created - → 03-10T11:00 by buyer at 03-03T09:00",
        "3→4 vanished by buyer",
    ]


def test_a_draft_is_nothing_until_it_is_sent(office: Office) -> None:
    box = office.box()
    name = box.add("Kick-off", at(3, 10), attendees=[ANN], isDraft=True)

    told = play(
        office,
        lambda: None,
        lambda: box.move(name, at(3, 12)),
        lambda: box.send(name),
        lambda: box.answer(name, ANN),
    )

    assert told == [
        f"4→5 created - → 03-12T11:00 {MADE}",
        f"5→6 answer_changed {ANN} none → accepted at 03-06T09:00",
    ]


@pytest.mark.parametrize("sensitivity", ["private", "personal", "confidential"])
def test_a_private_meeting_is_erased_with_its_past_and_the_series_with_its_dates(
    office: Office, sensitivity: str
) -> None:
    box = office.box()
    name, open_to_all = (box.add(word, at(3, 10), attendees=[ANN]) for word in ("Hidden one", "Kick-off"))
    series = box.add("Hidden series", at(3, 9, 9), attendees=[ANN], recurrence=weekly(times=8))
    apart = box.instance(series, at(3, 16, 9))

    told = play(
        office,
        lambda: None,
        [lambda: box.move(name, at(3, 12)), lambda: box.move(apart, at(3, 17, 9))],
        lambda: box.cancel_instance(series, at(3, 23, 9)),
        [lambda each=each: box.make_private(each, sensitivity) for each in (name, series, apart)],  # type: ignore[misc]
        lambda: box.answer(open_to_all, ANN),
    )

    assert told == [
        f"2→3 created - → 03-10T11:00 {MADE}",
        f"6→7 answer_changed {ANN} none → accepted at 03-07T09:00",
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
        lambda: box.change(name, sensitivity="normal"),
        lambda: box.move(name, at(3, 11)),
    )

    assert told == [
        f"4→5 created - → 03-10T11:00 {MADE}",
        f"5→6 moved 03-10T11:00 → 03-11T11:00 {GUESS}",
    ]


# --- a time that the buyer proposes -----------------------------------------------------------------------------------


def test_a_time_that_the_buyer_proposes_waits_for_an_answer_and_moving_there_is_the_buyers_move(office: Office) -> None:
    box = office.box()
    name = box.add("Kick-off", at(3, 10), attendees=[ANN])
    office.next_day()
    box.propose(name, ANN, at(3, 12, 14), at=at(3, 3, 13, 30))
    office.next_day()

    digest = json.loads(office.ok("digest", "--format", "json"))
    text = " ".join(office.ok("digest").split())
    box.move(name, at(3, 12, 14))
    office.next_day()
    moved = next(each for each in office.document()["changes"] if each["kind"] == "moved")

    assert digest["first_action"]["account"] == "Acme"
    waited = "Answer the buyer: their proposal for Thu 12 Mar 15:00, 60 min has waited 42 h."
    assert digest["first_action"]["text"] == waited
    assert f"FIRST Acme · {waited}" in text
    assert "! answer the buyer" in text
    assert (moved["by"], moved["confidence"], moved["why"]) == ("buyer", "certain", "a buyer had proposed this time")
    assert office.story() == [
        f"2→3 created - → 03-10T11:00 {MADE}",
        f"3→4 answer_changed {ANN} none → tentative at 03-03T14:30",
        f"3→4 proposed {ANN} 03-10T11:00 → 03-12T15:00 at 03-03T14:30",
        "4→5 moved 03-10T11:00 → 03-12T15:00 by buyer",
        f"4→5 response_reset {ANN} tentative → none",
    ]


def test_a_move_to_another_time_than_the_proposed_one_is_likely_the_buyers(office: Office) -> None:
    box = office.box()
    name = box.add("Kick-off", at(3, 10), attendees=[ANN])

    told = play(
        office,
        lambda: None,
        lambda: box.propose(name, ANN, at(3, 12, 14), response="declined"),
        lambda: box.move(name, at(3, 13), reset_answers=False),
    )

    (moved,) = [each for each in office.document()["changes"] if each["kind"] == "moved"]
    assert (moved["by"], moved["confidence"]) == ("buyer", "likely")
    assert told == [
        f"2→3 created - → 03-10T11:00 {MADE}",
        f"3→4 answer_changed {ANN} none → declined at 03-04T09:00",
        f"3→4 proposed {ANN} 03-10T11:00 → 03-12T15:00 at 03-04T09:00",
        "4→5 moved 03-10T11:00 → 03-13T11:00 by buyer",
    ]


def test_a_time_proposed_for_one_date_of_a_series_is_told_of_that_date(office: Office) -> None:
    box = office.box()
    series = mondays(box)
    one = box.instance(series, at(3, 16, 9))

    told = play(
        office,
        lambda: None,
        lambda: box.propose(one, ANN, at(3, 17, 14)),
        lambda: box.move(one, at(3, 17, 14)),
    )

    assert told == [
        f"2→3 created - → 03-09T10:00 {MADE}",
        f"3→4 answer_changed [03-16T10:00] {ANN} none → tentative at 03-04T09:00",
        f"3→4 proposed [03-16T10:00] {ANN} 03-16T10:00 → 03-17T15:00 at 03-04T09:00",
        "4→5 moved [03-16T10:00] 03-16T10:00 → 03-17T15:00 by buyer",
        f"4→5 response_reset [03-16T10:00] {ANN} tentative → none",
    ]


# --- series ---------------------------------------------------------------------------------------------------------


def test_single_dates_of_a_series_move_are_called_off_and_come_back(office: Office) -> None:
    box = office.box()
    series = mondays(box)
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
        lambda: box.cancel(moved),
    )

    assert told == [
        f"2→3 created - → 03-09T10:00 {MADE}",
        f"3→4 moved [03-16T10:00] 03-16T10:00 → 03-17T10:00 {GUESS}",
        f"4→5 answer_changed [03-16T10:00] {ANN} none → accepted at 03-05T09:00",
        f"5→6 cancelled [03-23T10:00] {GUESS}",
        "6→7 restored [03-23T10:00]",
        f"7→8 moved [03-16T10:00] 03-17T10:00 → 03-16T10:00 {GUESS}",
        f"7→8 response_reset [03-16T10:00] {ANN} accepted → none",
        # an answer to the whole series stands on each date that is kept apart, too
        f"8→9 answer_changed [03-16T10:00] {ANN} none → accepted at 03-09T09:00",
        f"8→9 answer_changed [03-23T10:00] {ANN} none → accepted at 03-09T09:00",
        f"8→9 answer_changed {ANN} none → accepted at 03-09T09:00",
        f"9→10 cancelled [03-16T10:00] {GUESS}",
    ]


def test_a_date_that_leaves_no_tombstone_is_called_off_and_keeps_what_is_known_of_it(office: Office) -> None:
    box = office.box()
    series = mondays(box, attendees=[(ANN, "accepted")])
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


def test_dates_that_the_buyer_calls_off_stay_as_cancelled_ones_until_somebody_clears_them(office: Office) -> None:
    box = office.box()
    series = mondays(box, organizer=ANN, attendees=[REP])
    off = box.instance(series, at(3, 16, 9))

    told = play(
        office,
        lambda: None,
        lambda: box.cancel(off),
        lambda: box.clear(off),
        lambda: box.remove(box.instance(series, at(3, 23, 9))),
    )

    assert told == [
        "2→3 created - → 03-09T10:00 by buyer at 03-03T09:00",
        "3→4 cancelled [03-16T10:00] by buyer",
        "5→6 cancelled [03-23T10:00] by buyer",
    ]


def test_dates_that_were_off_at_the_first_sight_are_no_news_and_come_back_as_such(office: Office) -> None:
    box = office.box()
    series = mondays(box)
    box.cancel_instance(series, at(3, 16, 9))
    box.move_instance(series, at(3, 23, 9), at(3, 24, 9))

    told = play(
        office,
        lambda: None,
        lambda: box.restore(box.instance(series, at(3, 16, 9))),
        lambda: box.cancel_instance(series, at(3, 30, 8)),
    )

    assert told == [
        f"2→3 created - → 03-09T10:00 {MADE}",
        "2→3 moved [03-23T10:00] 03-23T10:00 → 03-24T10:00 by seller_or_unknown",
        "3→4 restored [03-16T10:00]",
        f"4→5 cancelled [03-30T10:00] {GUESS}",
    ]


def test_a_date_that_is_moved_out_of_sight_and_back_has_moved(office: Office) -> None:
    box = office.box()
    series = mondays(box)
    one = box.instance(series, at(3, 16, 9))

    told = play(
        office,
        lambda: None,
        lambda: box.move(one, at(12, 14, 9)),
        lambda: box.move(one, at(3, 17, 9)),
    )

    assert told == [
        f"2→3 created - → 03-09T10:00 {MADE}",
        f"3→4 moved [03-16T10:00] 03-16T10:00 → 12-14T10:00 {GUESS}",
        f"4→5 moved [03-16T10:00] 12-14T10:00 → 03-17T10:00 {GUESS}",
    ]


def test_a_series_that_moves_as_a_whole_is_one_change(office: Office) -> None:
    box = office.box()
    series = mondays(box, attendees=[(ANN, "accepted")])

    told = play(
        office,
        lambda: None,
        lambda: box.move(series, at(3, 10, 9)),
        lambda: box.move(series, at(3, 10, 11)),
        lambda: box.move(series, at(3, 10, 11), recurrence=weekly("tuesday", times=7)),
        lambda: box.delete_series(series),
    )

    assert told == [
        f"2→3 created - → 03-09T10:00 {MADE}",
        f"3→4 response_reset {ANN} accepted → none",
        f"3→4 series_moved 03-09T10:00 → 03-10T10:00 {GUESS}",
        f"4→5 series_moved 03-10T10:00 → 03-10T12:00 {GUESS}",
        f"5→6 cancelled [04-28T12:00] {GUESS}",
        f"6→7 vanished {GUESS}",
    ]


def test_a_series_under_way_moves_by_its_next_date(office: Office) -> None:
    box = office.box()
    series = mondays(box, start=at(2, 23, 9))

    told = play(office, lambda: None, lambda: box.move(series, at(2, 24, 9)), lambda: box.delete_series(series))

    assert told == [
        f"2→3 created - → 02-23T10:00 {MADE}",
        f"3→4 series_moved 03-09T10:00 → 03-10T10:00 {GUESS}",
        f"4→5 vanished {GUESS}",
    ]


def test_a_series_that_the_buyer_calls_off_is_cancelled(office: Office) -> None:
    box = office.box()
    series = mondays(box, organizer=ANN, attendees=[REP])

    told = play(office, lambda: None, lambda: box.delete_series(series), lambda: box.remove(series))

    assert told == [
        "2→3 created - → 03-09T10:00 by buyer at 03-03T09:00",
        "3→4 cancelled by buyer",
    ]


def test_this_and_following_is_a_split_though_the_second_half_has_a_uid_of_its_own(office: Office) -> None:
    box = office.box()
    series = mondays(box)
    names = [series]

    def cut(*when: datetime) -> None:
        names.append(box.split(names[-1], *when))

    told = play(
        office,
        lambda: None,
        lambda: cut(at(3, 23, 9), at(3, 24, 10)),
        lambda: cut(at(4, 7, 9), at(4, 8, 9)),
        lambda: box.delete_series(names[2]),
        lambda: box.delete_series(names[1]),
        lambda: box.delete_series(names[0]),
    )

    uids = {box.item(name)["iCalUId"] for name in names}
    assert len(uids) == 3
    assert told == [
        f"2→3 created - → 03-09T10:00 {MADE}",
        f"3→4 series_moved 03-23T10:00 → 03-24T11:00 {GUESS}",
        "3→4 series_split - → 03-24T11:00",
        f"4→5 series_moved 04-07T11:00 → 04-08T11:00 {GUESS}",
        "4→5 series_split - → 04-08T11:00",
        f"5→6 vanished [04-08T11:00] {GUESS}",
        f"6→7 vanished [03-24T11:00] {GUESS}",
        f"7→8 vanished {GUESS}",
    ]


def test_a_split_calls_off_the_dates_that_stood_apart_behind_it(office: Office) -> None:
    box = office.box()
    series = mondays(box)
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


@pytest.mark.parametrize("zone", ["W. Europe Standard Time", "Europe/Berlin"])
def test_a_series_keeps_its_hour_when_the_clocks_change_and_its_dates_can_move_after_it(
    office: Office, zone: str
) -> None:
    box = office.box()
    series = mondays(box, start=at(3, 16, 9), zone=zone)

    told = play(
        office,
        lambda: None,
        lambda: box.move_instance(series, at(3, 30, 8), at(3, 30, 9)),
        lambda: box.cancel_instance(series, at(4, 6, 8)),
    )

    starts = sorted(m["start"] for m in office.document()["meetings"] if m["status"] == "confirmed")
    assert starts[:4] == [
        "2026-03-16T10:00:00+01:00",
        "2026-03-23T10:00:00+01:00",
        "2026-03-30T11:00:00+02:00",
        "2026-04-13T10:00:00+02:00",
    ]
    assert told == [
        f"2→3 created - → 03-16T10:00 {MADE}",
        f"3→4 moved [03-30T10:00] 03-30T10:00 → 03-30T11:00 {GUESS}",
        f"4→5 cancelled [04-06T10:00] {GUESS}",
    ]


def test_dates_of_a_series_in_a_zone_of_its_own_are_told_one_by_one(office: Office) -> None:
    box = office.box()
    series = mondays(box, zone=CUSTOM, recurrence=weekly(times=3))

    told = play(
        office,
        lambda: None,
        lambda: box.move_instance(series, at(3, 16, 9), at(3, 17, 9)),
        lambda: box.cancel_instance(series, at(3, 23, 9)),
    )

    assert told == [
        f"2→3 created [03-09T10:00] - → 03-09T10:00 {MADE}",
        f"2→3 created [03-16T10:00] - → 03-16T10:00 {MADE}",
        f"2→3 created [03-23T10:00] - → 03-23T10:00 {MADE}",
        f"3→4 moved [03-16T10:00] 03-16T10:00 → 03-17T10:00 {GUESS}",
        f"4→5 vanished [03-23T10:00] {GUESS}",
    ]
    (skipped,) = office.document()["skipped"]
    assert skipped["reason"] == "its time zone is not known: each date is read apart"


def test_whole_days_stay_days(office: Office) -> None:
    box = office.box()
    day = box.add("On site", date(2026, 3, 10), attendees=[ANN])
    days = box.add("Site day", date(2026, 3, 11), attendees=[BOB], recurrence=weekly(times=4))
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


def test_series_of_other_rhythms_keep_theirs(office: Office) -> None:
    box = office.box()
    last = box.add("Month end", at(3, 31, 8), attendees=[ANN], recurrence=monthly_on("last", "tuesday", times=3))
    days = box.add("Sprint", at(3, 9, 9), attendees=[BOB], recurrence=daily(2, times=4))

    told = play(
        office,
        lambda: None,
        lambda: box.cancel_instance(last, at(4, 28, 8)),
        lambda: box.move_instance(days, at(3, 13, 9), at(3, 14, 9)),
    )

    assert told == [
        f"2→3 created - → 03-09T10:00 {MADE}",
        f"2→3 created - → 03-31T10:00 {MADE}",
        f"3→4 cancelled [04-28T10:00] {GUESS}",
        f"4→5 moved [03-13T10:00] 03-13T10:00 → 03-14T10:00 {GUESS}",
    ]


def test_one_date_of_a_series_of_somebody_else_stands_alone(office: Office) -> None:
    their = office.box("pat@ours.example")
    series = mondays(their)
    name = their.instance(series, at(3, 16, 9))

    told = play(
        office,
        lambda: their.invite(name, REP),
        lambda: their.move(name, at(3, 17, 9)),
        lambda: office.box().answer(name, REP),
        lambda: their.cancel(name),
    )

    assert told == [
        f"2→3 created - → 03-16T10:00 {MADE}",
        f"3→4 moved 03-16T10:00 → 03-17T10:00 {GUESS}",
        f"4→5 answer_changed {REP} none → accepted at 03-05T09:00",
        f"5→6 cancelled {GUESS}",
    ]


# --- several calendars ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("host", "guest"), [(REP, SAM), (SAM, REP)])
def test_what_two_reps_see_is_told_once(office: Office, host: str, guest: str) -> None:
    office.sign_in(SAM)
    office.next_day()
    box = office.box(host)
    name, series = box.add("Kick-off", at(3, 10), attendees=[ANN, guest]), mondays(box, guest)
    halves: list[str] = []

    told = play(
        office,
        lambda: None,
        [lambda: box.answer(name, ANN), lambda: box.answer(name, guest)],
        lambda: box.move(name, at(3, 19)),
        lambda: box.move_instance(series, at(3, 16, 9), at(3, 17, 9)),
        lambda: box.cancel_instance(series, at(3, 23, 9)),
        lambda: halves.append(box.split(series, at(4, 6, 8), at(4, 7, 8))),
        lambda: office.box(guest).remove(name),
        lambda: box.uninvite(name, guest),
        lambda: box.cancel(name),
        lambda: box.delete_series(halves[0]),
    )

    assert told == [
        "3→4 created - → 03-09T10:00 by seller at 03-04T09:00",
        "3→4 created - → 03-10T11:00 by seller at 03-04T09:00",
        f"4→5 answer_changed {ANN} none → accepted at 03-05T09:00",
        f"4→5 answer_changed {guest} none → accepted at 03-05T09:00",
        f"5→6 moved 03-10T11:00 → 03-19T11:00 {GUESS}",
        f"5→6 response_reset {ANN} accepted → none",
        f"5→6 response_reset {guest} accepted → none",
        f"6→7 moved [03-16T10:00] 03-16T10:00 → 03-17T10:00 {GUESS}",
        f"7→8 cancelled [03-23T10:00] {GUESS}",
        f"8→9 series_moved 04-06T10:00 → 04-07T10:00 {GUESS}",
        "8→9 series_split - → 04-07T10:00",
        f"10→11 person_removed {guest} none → -",
        f"11→12 vanished {GUESS}",
        f"12→13 cancelled [04-07T10:00] {GUESS}",
    ]
    assert {(m["subject"], m["copies"]) for m in office.document()["meetings"] if m["status"] == "confirmed"} == {
        ("Weekly", 2)
    }


def test_signing_in_again_changes_nothing_and_doubles_nothing(office: Office) -> None:
    box = office.box()
    name = box.add("Kick-off", at(3, 10), attendees=[ANN])

    told = play(
        office, lambda: None, [lambda: box.move(name, at(3, 12)), office.sign_in], lambda: box.answer(name, ANN)
    )

    assert told == [
        f"2→3 created - → 03-10T11:00 {MADE}",
        f"3→4 moved 03-10T11:00 → 03-12T11:00 {GUESS}",
        f"4→5 answer_changed {ANN} none → accepted at 03-05T09:00",
    ]
    assert [each["name"] for each in office.document()["connections"]] == [NAME]
    assert office.gaps() == []


def test_weeks_go_by_and_an_unchanged_calendar_writes_nothing(office: Office) -> None:
    box = office.box()
    series = mondays(box, recurrence=weekly())
    box.move_instance(series, at(3, 16, 9), at(3, 17, 9))
    box.cancel_instance(series, at(3, 23, 9))
    box.add("Site", date(2026, 3, 11), attendees=[BOB], recurrence=weekly())
    office.next_day()
    told, versions = office.story(), office.rows("versions")

    for _ in range(5):
        office.wait(days=7)
        office.ok("sync")

    assert (office.story(), office.rows("versions")) == (told, versions)
    ahead = [m["start"] for m in office.document()["meetings"] if m["subject"] == "Site"]
    assert max(ahead) >= str(office.clock.at.date() + timedelta(days=170))
