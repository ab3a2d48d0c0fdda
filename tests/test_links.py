from __future__ import annotations

import pytest

from calsignal.contract import Access, Window
from calsignal.links import patterns
from calsignal.model import Booking, Confidence
from fake_provider import EPOCH

LIKELY, GUESS = Confidence.LIKELY, Confidence.GUESS


def access(**own: tuple[str, ...]) -> Access:
    return Access(
        mailbox="rep@ours.example",
        settings={},
        config={},
        secret=None,
        save_secret=lambda _: None,
        window=Window(EPOCH, EPOCH),
        retry=lambda request: request(),
        links=patterns(own),
    )


@pytest.mark.parametrize(
    ("text", "tool", "confidence"),
    [
        ("Cancel: https://calendly.com/cancellations/0f8c2d1e-aaaa-bbbb", "calendly", LIKELY),
        ("Reschedule: https://calendly.com/reschedulings/0f8c2d1e-aaaa", "calendly", LIKELY),
        ("https://calendly.com/events/0f8c2d1e-aaaa/google_meet", "calendly", LIKELY),
        ("Need to change? https://app.cal.com/booking/gXk2", "cal.com", LIKELY),
        ("https://cal.eu/video/gXk2", "cal.com", LIKELY),
        ("gXk2@Cal.com", "cal.com", LIKELY),
        ("https://tenant.chilipiper.com/reschedule/0f8c-11", "chili piper", LIKELY),
        ("https://tenant.chilipiper.com/book/cancel/00U5", "chili piper", LIKELY),
        ("Book me: https://calendly.com/some-rep/30min", "calendly", GUESS),
        ("https://calendar.app.google/AbC1", "google appointment schedule", GUESS),
        ("https://calendar.google.com/calendar/appointments/x", "google appointment schedule", GUESS),
        ("https://outlook.office.com/bookwithme/user/1", "microsoft bookings", GUESS),
        ("https://outlook.office365.com/owa/calendar/us@ours.example/bookings/", "microsoft bookings", GUESS),
        ("https://book.ms/b/us", "microsoft bookings", GUESS),
        ("https://meetings-eu1.hubspot.com/some-rep", "hubspot", GUESS),
        ("https://app.hubspot.com/meetings/some-rep", "hubspot", GUESS),
        ("https://tenant.chilipiper.com/round-robin/demo", "chili piper", GUESS),
        ("https://savvycal.com/some-rep/chat", "savvycal", GUESS),
    ],
)
def test_the_traces_of_scheduling_tools(text: str, tool: str, confidence: Confidence) -> None:
    assert access().booking("", f"before {text}" if "@Cal" not in text else text) == Booking(tool, confidence)


@pytest.mark.parametrize(
    "text",
    ["Agenda: see https://acme.example/calendly.com", "mail ann@cal.com please", "calendly", "notcalendly.com/x"],
)
def test_what_only_looks_like_a_trace_is_none(text: str) -> None:
    assert access().booking(text) is None


def test_the_surest_trace_wins_whatever_the_order_of_the_texts() -> None:
    page, manage = "https://calendly.com/some-rep/30min", "https://calendly.com/cancellations/0f8c2d1e-aaaa"

    assert access().booking(page, manage) == access().booking(manage, page) == Booking("calendly", LIKELY)


def test_the_team_can_add_its_own_tool() -> None:
    own = access(ours=(r"book\.ours\.example/manage/",))

    assert own.booking("HTTPS://BOOK.OURS.EXAMPLE/manage/1") == Booking("ours", LIKELY)


@pytest.mark.parametrize("unit", ["calendly.com/", "a-", "bookings.cloud.microsoft/", "?", "cal.com/a/", "@cal.com"])
def test_megabytes_of_near_misses_come_to_an_end(unit: str) -> None:
    found = access().booking(unit * 1_000_000)

    assert found is None or found.confidence is GUESS
