"""Letters for tests: one that is well, and one that strangers wrote."""

from __future__ import annotations

from datetime import UTC, datetime

from calsignal.delivery import Attachment, Letter, Note, Span, Stamp
from calsignal.retry import Retry

AT = datetime(2026, 3, 17, 7, 30, tzinfo=UTC)
STAMP = Stamp(AT, "token1", "rita@ours.example")

WELL = Letter(
    "Your morning, Tue 17 Mar: 1 real",
    "REAL 1 ─────\n  Brightwater Foods   64.0\n",
    "<!doctype html><html><body><b>Brightwater Foods</b> ●</body></html>",
    Note("Tue 17 Mar", ((Span("First: Acme", bold=True), Span(" · Answer the buyer.")), (Span("+ 2 more"),))),
)

PINGS = "<!channel> @everyone @here <@U123> <at>all</at> [click](https://evil.example) www.evil.example *b* `c` &amp;"
HOSTILE = Letter(
    f"Lunch\r\nBcc: thief@evil.example\r\n\r\n{PINGS}",
    f"{PINGS}\n",
    "<p>x</p>",
    Note(PINGS, ((Span(PINGS, bold=True), Span(PINGS)),)),
)

WITH_FILE = Letter(
    "Audit", "text", "<p>x</p>", Note("Audit"), (Attachment("audit.html", b"<p>whole</p>", "text/html"),)
)


class Patience:
    """A retry that waits no time, and remembers how long it should have."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    @property
    def retry(self) -> Retry:
        return Retry(self.waits.append, lambda low, high: high, lambda: sum(self.waits))
