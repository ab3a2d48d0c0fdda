"""Recognise meetings that a buyer booked through a scheduling tool, by the links that such tools leave. Data, mostly.

A link to manage one booking (cancel it, reschedule it) is on the event only because the tool wrote it there. A link to
a booking page proves little, since it stands in many a signature: it is a guess, and no guess counts in the score. Who
pressed the button cannot be known; reps book on buyers' behalf.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from calsignal.contract import LinkPattern
from calsignal.model import Confidence

_MANAGE = {
    "calendly": (r"\bcalendly\.com/(?:cancellations|reschedulings|events)/[\w-]{8,}",),
    "cal.com": (r"\bcal\.(?:com|eu)/(?:booking|video|reschedule)/\w+", r"^[^@\s]+@cal\.com$"),
    "chili piper": (r"\bchilipiper\.com/(?:reschedule|book/cancel)/[\w-]+",),
    "microsoft bookings": (r"\bbookings\.cloud\.microsoft/\S{1,200}[?&/](?:reschedule|cancel|manage)",),
}
_PAGE = {
    "calendly": (r"\bcalendly\.com/[\w-]+",),
    "cal.com": (r"\bcal\.(?:com|eu)/[\w-]+/[\w-]+",),
    "google appointment schedule": (r"\bcalendar\.app\.google/\w+", r"\bcalendar\.google\.com/calendar/appointments/"),
    "microsoft bookings": (
        r"\bbookings\.cloud\.microsoft/(?:book|bookwithme)/",
        r"\boutlook\.office(?:365)?\.com/(?:book|bookwithme)/",
        r"\boutlook\.office365\.com/owa/calendar/[^\s/]{1,200}/bookings",
        r"\bbook\.ms/b/",
    ),
    "hubspot": (r"\bmeetings(?:-\w+)?\.hubspot\.com/[\w-]+", r"\bapp\.hubspot\.com/meetings/"),
    "chili piper": (r"\bchilipiper\.com/(?:book|round-robin|concierge-router|personal)/",),
    "savvycal": (r"\bsavvycal\.com/[\w-]+/[\w-]+",),
}


def patterns(own: Mapping[str, Sequence[str]]) -> tuple[LinkPattern, ...]:
    """Return the patterns to look for, the surest first; `own` are the team's, by tool, and as sure as any."""
    return (
        *_listed(own, Confidence.LIKELY),
        *_listed(_MANAGE, Confidence.LIKELY),
        *_listed(_PAGE, Confidence.GUESS),
    )


def _listed(tools: Mapping[str, Sequence[str]], confidence: Confidence) -> Iterator[LinkPattern]:
    for tool, expressions in tools.items():
        for expression in expressions:
            yield LinkPattern(tool, expression, confidence)
