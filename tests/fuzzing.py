"""What every reader of strangers' data keeps to, whatever it is handed: for Hypothesis, and for a fuzzer by hand.

Each function hands something in and checks the law: only errors of calsignal come out, within bounded time, and what
cannot be read is named. The readers at the end take bytes, as a fuzzer gives them.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, timedelta
from functools import cache
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, urlencode

from calsignal import config
from calsignal.cli.accounts_file import read_accounts
from calsignal.contract import Access, Calendar, Event, LinkPattern, Page, Window, json_text
from calsignal.deals import read_deals
from calsignal.errors import CalsignalError, InputError, SourceError
from calsignal.ledger import Implausible, tidy
from calsignal.model import Confidence
from calsignal.recurrence import UnreadableSeries, expand
from calsignal.registry import Registry
from calsignal.testing import START
from calsignal_google.source import GoogleSource
from calsignal_ics import events, text
from calsignal_microsoft.client import NotThere
from calsignal_microsoft.source import MicrosoftSource

REP = "rep@ours.example"
WINDOW = Window(START - timedelta(days=60), START + timedelta(days=60))
SECONDS = 10.0
"""Of CPU that nothing of a few kilobytes may take; what hangs takes minutes."""

Json = Mapping[str, object]
Reader = Callable[[bytes], None]


@contextmanager
def bounded(seconds: float = SECONDS) -> Iterator[None]:
    """Check how much CPU was used inside."""
    begin = time.process_time()
    yield
    spent = time.process_time() - begin
    assert spent < seconds, f"it took {spent:.1f} s"


def access() -> Access:
    """Return the access to a service that is asked once for each page."""
    links = (LinkPattern("sample tool", r"book\.sample\.example/\w+", Confidence.LIKELY),)
    return Access(REP, {}, {}, None, lambda _: None, WINDOW, lambda request: request(), read_text=True, links=links)


# --- what is read of a calendar ---------------------------------------------------------------------------------------


def check_page(page: Page) -> None:
    """Check that each event can go on its way, and that what cannot be read has a name and a reason."""
    assert all(item.id and item.id.isprintable() and item.reason for item in page.skipped)
    for event in page.events:
        check_event(event)


def check_event(event: Event) -> None:
    """Check that the core takes an event, or says what is wrong with it."""
    assert event.slot.duration >= timedelta()
    with suppress(Implausible):
        tidy(event)
    if event.recurrence is not None:
        with suppress(UnreadableSeries):
            starts = expand(event.recurrence, WINDOW.start, WINDOW.end)
            assert list(starts) == sorted(set(starts))


def ics(data: bytes) -> None:
    """Read a calendar file."""
    with bounded():
        try:
            file = events.File("sample.ics", text.calendars(data))
        except text.NotACalendar:
            return
        found = events.read([file], REP, WINDOW, "Europe/Berlin")
        page = Page(events=found.within(WINDOW), skipped=found.skipped, unread=tuple(found.unread))
        check_page(page)
        for name in (*found.events, *found.unread):
            found.find(name)
    if any(list(calendar.inside("VEVENT")) for calendar in file.calendars):
        assert found.events or found.skipped


class Answers:
    """A service's client that gives one answer after the other, whatever is asked; then nothing is there.

    It reads JSON as the real ones do, and as they do it makes an address of what it is asked.
    """

    service_time = certificate_ends = None

    def __init__(self, answers: Iterable[object]) -> None:
        self._left = iter(answers)

    def events(self, calendar_id: str, **params: object) -> Json:
        return self._next(calendar_id, params)

    def event(self, calendar_id: str, event_id: str, **params: object) -> Json:
        return self._next(f"{calendar_id}/{event_id}", params)

    def get(self, where: str, **params: str) -> Json:
        return self._next(where, params)

    def _next(self, where: str, params: Mapping[str, object]) -> Json:
        assert f"{quote(where)}?{urlencode(params)}".isascii()
        answer = json.loads(json_text(json.dumps(next(self._left, None)).encode()))
        if not isinstance(answer, dict):  # both clients refuse what is no object
            raise NotThere("there is nothing more")
        return answer


def google(answers: list[object]) -> None:
    """Read answers of Google Calendar: pages of a list, then an event that is looked up, then a check-up."""
    _service(GoogleSource(access()), answers)


def microsoft(answers: list[object]) -> None:
    """Read answers of Microsoft Graph: the series, pages of a list, looks at series, then a check-up."""
    _service(MicrosoftSource(access()), answers)


def _service(source: GoogleSource | MicrosoftSource, answers: list[object]) -> None:
    calendar = Calendar("primary", "sample calendar")
    client = cast("Any", Answers(answers))
    source._opened = client
    with bounded():
        with suppress(SourceError):
            for page in source.pull(calendar, None):
                check_page(page)
        for answer in answers:
            client._left = iter([answer])
            with suppress(SourceError):
                found = source.find(calendar, "one")
                if isinstance(found, Event):
                    check_event(found)
            client._left = iter([answer])
            with suppress(SourceError):
                source.check()


# --- what is handed in ------------------------------------------------------------------------------------------------


def deals(data: bytes) -> None:
    """Read the export of a CRM: each row is a deal, or is named."""
    with bounded(), suppress(InputError):
        reading = read_deals(data, UTC)
        assert len({deal.id for deal in reading.deals}) == len(reading.deals)
        assert all(
            remark.row >= 1 and remark.line >= 1 and remark.fact for remark in (*reading.refused, *reading.notes)
        )


def accounts(data: bytes) -> None:
    """Read a table of accounts."""
    with bounded(), suppress(InputError):
        outcome = read_accounts(data, (), config.Team(domains=("ours.example",)), str)
        assert all(line >= 1 and fact for line, fact in outcome.problems)


@cache
def _sections() -> config.Sections:
    return Registry().sections()


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="calsignal-fuzz-"))


def settings(data: bytes) -> None:
    """Load a config file, what can be saved of it, and write it anew."""
    path = _folder() / "config.toml"
    path.write_bytes(data)
    with bounded():
        try:
            found = config.load(path, _sections())
        except CalsignalError as error:
            problems = getattr(error, "problems", ())
            assert all(fact and fact.isprintable() and hint for fact, hint in problems)
            config.salvage(path, _sections())
        else:
            path.write_text(config.render(found, _sections()), encoding="utf-8")
            assert config.load(path, _sections()) == found


def _json(check: Callable[[list[object]], None]) -> Reader:
    """Return what reads bytes as the lines of several answers, as the clients do."""

    def read(data: bytes) -> None:
        answers: list[object] = []
        for line in data.split(b"\n"):
            with suppress(ValueError, RecursionError):
                answers.append(json.loads(line))
        check(answers)

    return read


READERS: Mapping[str, Reader] = {
    "ics": ics,
    "deals": deals,
    "accounts": accounts,
    "google": _json(google),
    "microsoft": _json(microsoft),
    "config": settings,
}
