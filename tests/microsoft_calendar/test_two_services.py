"""One meeting, organised in one service and attended from the other: one meeting, told once.

Exchange wraps a UID that was made elsewhere into an id of its own, once or, after a detour, twice. Each copy knows its
owner's answer; the organiser's copy alone knows everybody's. Both services run side by side, and no act in the one
changes the other by itself: each test says what the mail between them would bring.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import ClassVar

import pytest

import google_calendar.office as at_google
import microsoft_calendar.office as at_microsoft
import office
from google_calendar.service import GoogleService
from google_calendar.service_world import Mailbox as GoogleBox
from microsoft_calendar.service import MicrosoftService
from microsoft_calendar.service_values import CUSTOM, on_day, weekly, wrapped
from microsoft_calendar.service_world import Mailbox
from office import ANN, Served

OLA, GUS = "ola@ours.example", "gus@ours.example"
"""Reps: Ola's calendar is in Outlook, Gus's at Google."""

GUESS = "by seller_or_unknown"


@dataclass
class Both(office.Office[MicrosoftService]):
    """A machine that reads both services."""

    points: ClassVar[Mapping[str, str]] = at_google.Office.points | at_microsoft.Office.points  # type: ignore[operator]
    google: GoogleService = field(kw_only=True)

    def sections(self) -> str:
        return at_google.section(self.google) + at_microsoft.section(self.service)

    def services(self) -> Iterable[Served]:
        return (self.service, self.google)

    def browse(self, url: str) -> None:
        (self.google if url.startswith("http://") else self.service).browse(url)

    def connect(self, first: str) -> None:
        """Connect both calendars, one of them before the other."""
        for name in sorted(("google", "microsoft"), key=lambda name: name != first):
            more = ["--client-secrets", self.file("client.json", self.google.client_secrets())]
            self.ok("connect", name, "--no-browser", *(more if name == "google" else []))

    @property
    def ola(self) -> Mailbox:
        return self.service.mailbox(OLA)

    @property
    def gus(self) -> GoogleBox:
        return self.google.mailbox(GUS)


@pytest.fixture(params=["google", "microsoft"])
def both(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Both]:
    """Return a machine with one calendar of each kind, both read while they were empty, in either order."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    with MicrosoftService() as service, GoogleService() as google:
        at_microsoft.nobody_waits(service, monkeypatch)
        made = Both(tmp_path, service=service, google=google)
        made.settle()
        made.ola.zone, made.gus.zone = "W. Europe Standard Time", "Europe/Berlin"
        service.consent = replace(service.consent, user=OLA)
        google.consent = replace(google.consent, user=GUS)
        made.connect(request.param)
        made.ok("accounts", "add", "Acme", "acme.example")
        made.next_day()
        yield made


def at(month: int, day: int, hour: int = 10, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def play(both: Both, *days: Callable[[], object] | Sequence[Callable[[], object]]) -> list[str]:
    """Let something happen each day, and sync after each; return the story, which another sync leaves as it is."""
    for day in days:
        for happens in [day] if callable(day) else day:
            happens()
        both.next_day()
    told, versions = both.story(), both.rows("versions")
    both.next_day()
    assert (both.story(), both.rows("versions")) == (told, versions)
    return told


def meetings(both: Both) -> list[tuple[str, str, int]]:
    """Return what lies in all calendars together: start, status and the number of copies."""
    found = [(m["start"][5:16], m["status"], m["copies"]) for m in both.document()["meetings"]]
    return sorted(found)


# --- organised in Outlook -------------------------------------------------------------------------------------------


def out_of_outlook(both: Both, weeks: int = 0) -> tuple[str, str]:
    """Let Ola invite Ann and Gus; Gus's copy has Ola's UID. Return the key there and the id here."""
    repeats = weekly(times=weeks) if weeks else None
    key = both.ola.add("Kick-off", at(3, 16, 9), attendees=[ANN, GUS], recurrence=repeats)
    return key, into_google(both, key, weeks)


def into_google(both: Both, key: str, weeks: int = 0, start: datetime | None = None) -> str:
    """Let the invitation to a meeting of Outlook arrive at Google."""
    return both.gus.add(
        "Kick-off",
        start or at(3, 16, 9),
        organizer=OLA,
        attendees=[ANN, GUS],
        iCalUID=both.ola.item(key)["iCalUId"],
        recurrence=f"RRULE:FREQ=WEEKLY;COUNT={weeks}" if weeks else (),
        invite=False,
    )


def test_a_meeting_of_outlook_that_google_shows_too_is_one(both: Both) -> None:
    key, name = out_of_outlook(both)

    told = play(
        both,
        lambda: None,
        lambda: both.ola.answer(key, ANN),  # her answer comes to Ola alone
        [lambda: both.gus.answer(name, GUS), lambda: both.ola.answer(key, GUS, at=at(3, 5, 9))],
        [lambda: both.ola.move(key, at(3, 18)), lambda: both.gus.move(name, at(3, 18), reset_answers=True)],
        lambda: both.ola.answer(key, ANN, "declined"),
        [lambda: both.ola.cancel(key), lambda: both.gus.cancel(name)],
    )

    assert told == [
        "2→3 created - → 03-16T10:00 by seller at 03-03T09:00",
        f"3→4 answer_changed {ANN} none → accepted at 03-04T09:00",
        f"4→5 answer_changed {GUS} none → accepted at 03-05T10:00",
        f"5→6 moved 03-16T10:00 → 03-18T11:00 {GUESS}",
        f"5→6 response_reset {ANN} accepted → none",
        f"5→6 response_reset {GUS} accepted → none",
        f"6→7 answer_changed {ANN} none → declined at 03-07T09:00",
        "7→8 cancelled by buyer",
    ]
    assert meetings(both) == [("03-18T11:00", "cancelled", 0)]


def test_a_guests_silent_copy_takes_nothing_back(both: Both) -> None:
    key, name = out_of_outlook(both)
    both.next_day()
    both.ola.answer(key, ANN)

    told = play(
        both,
        lambda: None,
        lambda: both.gus.touch(name),
        lambda: both.gus.change(name, summary="Kick-off!"),
        lambda: both.gus.answer(name, GUS, "tentative"),
    )

    assert told == [
        "2→3 created - → 03-16T10:00 by seller at 03-03T09:00",
        f"3→4 answer_changed {ANN} none → accepted at 03-04T09:00",
        f"6→7 answer_changed {GUS} none → tentative",
    ]
    (meeting,) = both.document()["meetings"]
    assert [row["answer"] for row in meeting["buyers"]] == ["accepted"]
    assert meetings(both) == [("03-16T10:00", "confirmed", 2)]


def test_a_copy_that_arrives_later_is_no_news(both: Both) -> None:
    key = both.ola.add("Kick-off", at(3, 16, 9), attendees=[ANN, GUS])
    both.next_day()
    both.ola.answer(key, ANN)
    both.next_day()

    told = play(both, lambda: into_google(both, key))

    assert told == [
        "2→3 created - → 03-16T10:00 by seller at 03-03T09:00",
        f"3→4 answer_changed {ANN} none → accepted at 03-04T09:00",
    ]
    assert meetings(both) == [("03-16T10:00", "confirmed", 2)]


def test_a_proposal_that_only_the_organisers_copy_knows_counts(both: Both) -> None:
    key, name = out_of_outlook(both)

    told = play(
        both,
        lambda: None,
        lambda: both.ola.propose(key, ANN, at(3, 18, 14)),
        [lambda: both.ola.move(key, at(3, 18, 14)), lambda: both.gus.move(name, at(3, 18, 14), reset_answers=True)],
    )

    assert told == [
        "2→3 created - → 03-16T10:00 by seller at 03-03T09:00",
        f"3→4 answer_changed {ANN} none → tentative at 03-04T09:00",
        f"3→4 proposed {ANN} 03-16T10:00 → 03-18T15:00 at 03-04T09:00",
        "4→5 moved 03-16T10:00 → 03-18T15:00 by buyer",
        f"4→5 response_reset {ANN} tentative → none",
    ]


def test_a_series_of_outlook_that_google_shows_too_is_one(both: Both) -> None:
    key, name = out_of_outlook(both, weeks=8)
    halves: list[str] = []

    told = play(
        both,
        lambda: None,
        lambda: both.ola.answer(key, ANN),
        [lambda: both.gus.answer(name, GUS), lambda: both.ola.answer(key, GUS)],
        [
            lambda: both.ola.move_instance(key, at(3, 23, 9), at(3, 24, 9)),
            lambda: both.gus.move(both.gus.instance(name, at(3, 23, 9)), at(3, 24, 9), reset_answers=True),
        ],
        [lambda: both.ola.cancel_instance(key, at(3, 30, 8)), lambda: both.gus.cancel_instance(name, at(3, 30, 8))],
        [
            lambda: halves.append(both.ola.split(key, at(4, 13, 8), at(4, 14, 8))),
            lambda: both.gus.change(name, recurrence=["RRULE:FREQ=WEEKLY;UNTIL=20260412T235959Z"]),
            lambda: into_google(both, halves[0], 4, at(4, 14, 8)),
        ],
    )

    assert told == [
        "2→3 created - → 03-16T10:00 by seller at 03-03T09:00",
        f"3→4 answer_changed {ANN} none → accepted at 03-04T09:00",
        f"4→5 answer_changed {GUS} none → accepted at 03-05T09:00",
        f"5→6 moved [03-23T10:00] 03-23T10:00 → 03-24T10:00 {GUESS}",
        f"5→6 response_reset [03-23T10:00] {ANN} accepted → none",
        f"5→6 response_reset [03-23T10:00] {GUS} accepted → none",
        f"6→7 cancelled [03-30T10:00] {GUESS}",
        f"7→8 response_reset {ANN} accepted → none",
        f"7→8 response_reset {GUS} accepted → none",
        f"7→8 series_moved 04-13T10:00 → 04-14T10:00 {GUESS}",
        "7→8 series_split - → 04-14T10:00",
    ]


# --- organised at Google --------------------------------------------------------------------------------------------


def out_of_google(both: Both, times: int = 1, weeks: int = 0, zone: str = "") -> tuple[str, str]:
    """Let Gus invite Ann and Ola; Ola's copy has the UID wrapped. Return the id here and the key there."""
    repeats = f"RRULE:FREQ=WEEKLY;COUNT={weeks}" if weeks else ()
    name = both.gus.add("Kick-off", at(3, 16, 9), attendees=[ANN, OLA], recurrence=repeats)
    key = both.ola.add(
        "Kick-off",
        at(3, 16, 9),
        organizer=GUS,
        attendees=[ANN, OLA],
        uid=wrapped(both.gus.item(name)["iCalUID"], times),
        recurrence=weekly(times=weeks) if weeks else None,
        zone=zone or None,
        rules="Europe/Berlin",
    )
    return name, key


@pytest.mark.parametrize("times", [1, 2])
def test_a_meeting_of_google_that_outlook_shows_too_is_one(both: Both, times: int) -> None:
    name, key = out_of_google(both, times)

    told = play(
        both,
        lambda: None,
        lambda: both.gus.answer(name, ANN),  # her answer comes to Gus alone
        lambda: both.ola.answer(key, OLA),  # and Ola's copy knows Ola's at once
        lambda: both.gus.answer(name, OLA),
        [lambda: both.gus.move(name, at(3, 18), reset_answers=True), lambda: both.ola.move(key, at(3, 18))],
        lambda: both.gus.answer(name, ANN, "declined"),
        [lambda: both.gus.cancel(name), lambda: both.ola.cancel(key)],
    )

    assert told == [
        "2→3 created - → 03-16T10:00 by seller at 03-03T09:00",
        f"3→4 answer_changed {ANN} none → accepted",
        f"4→5 answer_changed {OLA} none → accepted at 03-05T09:00",
        f"6→7 moved 03-16T10:00 → 03-18T11:00 {GUESS}",
        f"6→7 response_reset {ANN} accepted → none",
        f"6→7 response_reset {OLA} accepted → none",
        f"7→8 answer_changed {ANN} none → declined",
        "8→9 cancelled by buyer",
    ]
    assert meetings(both) == [("03-18T11:00", "cancelled", 0)]


@pytest.mark.parametrize("zone", ["", CUSTOM])
@pytest.mark.parametrize("times", [1, 2])
def test_a_series_of_google_that_outlook_shows_too_is_one(both: Both, times: int, zone: str) -> None:
    name, key = out_of_google(both, times, 8, zone)

    told = play(
        both,
        lambda: None,
        lambda: both.gus.answer(name, ANN),
        [
            lambda: both.gus.move_instance(name, at(3, 23, 9), at(3, 24, 9)),
            lambda: both.ola.move_instance(key, at(3, 23, 9), at(3, 24, 9)),
        ],
        [lambda: both.gus.cancel_instance(name, at(3, 30, 8)), lambda: both.ola.cancel_instance(key, at(3, 30, 8))],
        lambda: both.ola.clear(both.ola.instance(key, at(3, 30, 8))),
        [lambda: both.gus.delete_series(name), lambda: both.ola.delete_series(key)],
    )

    assert told == [
        "2→3 created - → 03-16T10:00 by seller at 03-03T09:00",
        f"3→4 answer_changed {ANN} none → accepted",
        f"4→5 moved [03-23T10:00] 03-23T10:00 → 03-24T10:00 {GUESS}",
        f"5→6 cancelled [03-30T10:00] {GUESS}",
        f"7→8 cancelled {GUESS}",
    ]


def test_this_and_following_at_google_is_one_split_in_both(both: Both) -> None:
    name, key = out_of_google(both, weeks=8)

    def cut() -> None:
        later = both.gus.split(name, at(4, 13, 8), at(4, 14, 8))
        both.ola.move(key, at(3, 16, 9), recurrence=weekly("monday", until=date(2026, 4, 12)))
        both.ola.add(
            "Kick-off",
            at(4, 14, 8),
            organizer=GUS,
            attendees=[ANN, OLA],
            uid=wrapped(both.gus.item(later)["iCalUID"]),
            recurrence=weekly(times=4),
        )

    told = play(both, lambda: None, cut)

    assert told == [
        "2→3 created - → 03-16T10:00 by seller at 03-03T09:00",
        f"3→4 series_moved 04-13T10:00 → 04-14T10:00 {GUESS}",
        "3→4 series_split - → 04-14T10:00",
    ]
    assert {copies for _, _, copies in meetings(both)} == {2}


def test_one_date_of_a_series_of_google_that_ola_is_invited_to_alone_is_that_date(both: Both) -> None:
    name = both.gus.add("Kick-off", at(3, 16, 9), attendees=[ANN], recurrence="RRULE:FREQ=WEEKLY;COUNT=8")
    uid = wrapped(both.gus.item(name)["iCalUID"])

    told = play(
        both,
        lambda: None,
        lambda: both.ola.add(
            "Kick-off", at(3, 23, 9), organizer=GUS, attendees=[ANN, OLA], uid=on_day(uid, date(2026, 3, 23))
        ),
    )

    assert told[0] == "2→3 created - → 03-16T10:00 by seller at 03-03T09:00"
    found = meetings(both)
    assert [each for each in found if each[0] == "03-23T10:00"] == [("03-23T10:00", "confirmed", 2)]


def test_whole_days_of_one_service_are_those_of_the_other(both: Both) -> None:
    day = date(2026, 3, 17)
    name = both.gus.add("On site", day, attendees=[ANN, OLA])
    key = both.ola.add("On site", day, organizer=GUS, attendees=[ANN, OLA], uid=wrapped(both.gus.item(name)["iCalUID"]))

    told = play(
        both,
        lambda: None,
        [lambda: both.gus.move(name, date(2026, 3, 19)), lambda: both.ola.move(key, date(2026, 3, 19))],
    )

    assert told == [
        "2→3 created - → 03-17 by seller at 03-03T09:00",
        f"3→4 moved 03-17 → 03-19 {GUESS}",
    ]
    assert meetings(both) == [("03-19", "confirmed", 2)]


# --- trouble on one side --------------------------------------------------------------------------------------------


def test_what_one_service_shows_goes_on_while_the_other_does_not_answer(both: Both) -> None:
    name, key = out_of_google(both)
    both.next_day()
    both.service.revoke(OLA)
    both.gus.answer(name, ANN)
    both.wait(hours=12)

    result = both.run("sync")
    both.wait(hours=12)

    assert result.exit_code == 1
    assert f"microsoft:{OLA}: the sign-in of {OLA} has ended" in result.stderr
    assert both.story() == [
        "2→3 created - → 03-16T10:00 by seller at 03-03T09:00",
        f"3→4 answer_changed {ANN} none → accepted",
    ]
    assert meetings(both) == [("03-16T10:00", "confirmed", 2)]
    assert both.ola.item(key)["subject"] == "Kick-off"
