"""For authors of providers: the behaviours that every provider must show, as one pytest class.

Subclass `ProviderSuite` in a test module and give it a `remote` fixture: your provider together with a calendar
service that the test can change (`Remote`). Needs pytest; nothing else of calsignal imports this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

import pytest

from calsignal.contract import (
    Access,
    Attendee,
    Calendar,
    Event,
    Gone,
    Page,
    Provider,
    Source,
    mailboxes_at_once,
)
from calsignal.errors import SourceError
from calsignal.model import Answer, EventStatus, Slot
from calsignal.recurrence import expand

START = datetime(2026, 3, 2, 10, tzinfo=UTC)
"""When sample meetings begin; the window of `Remote.access` has to hold a month on both sides."""


@dataclass(frozen=True)
class Meeting:
    """A meeting to put into the service. `guests` are addresses with answers; `weekly` repeats it for ever."""

    key: str
    start: datetime = START
    length: timedelta = timedelta(hours=1)
    subject: str = "Sample"
    organizer: str = "rep@ours.example"
    guests: Mapping[str, Answer] = field(default_factory=lambda: {"buyer@prospect.example": Answer.ACCEPTED})
    weekly: bool = False


class Remote(Protocol):
    """A provider and its service, as a test needs them. Nobody else changes the service meanwhile.

    `secret` is a text that stands in the connection's secret and may be shown to nobody.
    """

    provider: Provider
    secret: str

    def access(self) -> Access:
        """Return the access for one session; `retry` may call just once."""

    def requests(self) -> int:
        """Return how often the service (or the disk) was asked so far."""

    def put(self, meeting: Meeting) -> None:
        """Add a meeting, or change the one of the same key."""

    def delete(self, key: str) -> None:
        """Remove a meeting as its organiser would."""

    def spoil(self, key: str) -> None:
        """Change a meeting to something that cannot be read."""

    def reverse(self) -> None:
        """List events in the opposite order from now on."""

    def fail(self) -> None:
        """Give no proper answer from now on."""


class ProviderSuite:
    """What every provider does. Give it a fixture `remote` of your own."""

    @pytest.fixture
    def remote(self) -> Remote:
        raise NotImplementedError("a subclass gives the provider and its service")

    @pytest.fixture
    def source(self, remote: Remote) -> Iterator[Source]:
        opened = remote.provider.open(remote.access())
        yield opened
        opened.close()

    def test_it_declares_itself_as_data(self, remote: Remote) -> None:
        provider = remote.provider

        assert provider.name.isidentifier()
        assert len({option.name for option in provider.options}) == len(provider.options)
        assert len({setting.name for setting in provider.settings}) == len(provider.settings)
        assert all(option.help for option in provider.options)
        assert all(setting.help for setting in provider.settings)
        assert mailboxes_at_once(provider) == getattr(provider, "at_once", 1)

    def test_opening_and_pulling_ask_nothing_before_the_first_page(self, remote: Remote, source: Source) -> None:
        remote.put(Meeting("one"))
        calendar = source.calendars()[0]
        before = remote.requests()

        pages = source.pull(calendar, None)

        assert remote.requests() == before
        next(pages)
        assert remote.requests() > before

    def test_a_first_pull_lists_everything_and_says_so(self, remote: Remote, source: Source) -> None:
        remote.put(Meeting("one", subject="First"))
        remote.put(Meeting("two", START + timedelta(days=1), subject="Second"))

        pages = pull(source)

        assert any(page.full for page in pages)
        assert sorted(event.subject for event in listed(pages)) == ["First", "Second"]

    def test_an_event_says_when_and_with_whom(self, remote: Remote, source: Source) -> None:
        guests = {"one@prospect.example": Answer.DECLINED, "two@prospect.example": Answer.NONE}
        remote.put(Meeting("one", organizer="rep@ours.example", guests=guests))

        event = listed(pull(source))[0]

        assert event.slot == Slot(START, START + timedelta(hours=1))
        assert (event.organizer or "").lower() == "rep@ours.example"
        assert answers(event.attendees).items() >= guests.items()

    def test_moments_are_utc_and_days_stay_days(self, remote: Remote, source: Source) -> None:
        remote.put(Meeting("one"))
        remote.put(Meeting("two", weekly=True))

        found = [moment for event in listed(pull(source)) for moment in moments(event)]

        assert found
        assert all(moment.tzinfo is UTC for moment in found if isinstance(moment, datetime))

    def test_the_cursor_comes_on_the_last_page_alone(self, remote: Remote, source: Source) -> None:
        for number in range(12):
            remote.put(Meeting(f"m{number}", START + timedelta(days=number)))

        *others, last = pull(source)

        assert last.cursor
        assert [page.cursor for page in others] == [None] * len(others)

    def test_pulling_again_changes_nothing(self, remote: Remote, source: Source) -> None:
        remote.put(Meeting("one"))
        known, cursor = follow(source, {}, None)

        again, _ = follow(source, known, cursor)

        assert again == known

    def test_a_new_session_goes_on_from_the_cursor(self, remote: Remote, source: Source) -> None:
        remote.put(Meeting("one", subject="First"))
        known, cursor = follow(source, {}, None)
        remote.put(Meeting("two", subject="Second"))

        later, _ = follow(remote.provider.open(remote.access()), known, cursor)

        assert sorted(event.subject for event in later.values()) == ["First", "Second"]

    def test_a_moved_event_keeps_its_id(self, remote: Remote, source: Source) -> None:
        remote.put(Meeting("one"))
        known, cursor = follow(source, {}, None)
        remote.put(Meeting("one", START + timedelta(days=3)))

        later, _ = follow(remote.provider.open(remote.access()), known, cursor)

        assert later.keys() == known.keys()
        assert [event.slot.start for event in later.values()] == [START + timedelta(days=3)]

    def test_a_deleted_event_goes_and_a_look_confirms_it(self, remote: Remote, source: Source) -> None:
        remote.put(Meeting("one", subject="Stays"))
        remote.put(Meeting("two", subject="Goes"))
        known, cursor = follow(source, {}, None)
        gone = next(event.id for event in known.values() if event.subject == "Goes")
        remote.delete("two")

        session = remote.provider.open(remote.access())
        later, _ = follow(session, known, cursor)
        looked_up = session.find(session.calendars()[0], gone)

        assert [event.subject for event in later.values() if not event.status.gone] == ["Stays"]
        assert isinstance(looked_up, Gone) or looked_up.status.gone

    def test_a_look_finds_what_the_list_shows(self, remote: Remote, source: Source) -> None:
        remote.put(Meeting("one"))
        calendar = source.calendars()[0]
        event = listed(pull(source))[0]

        assert source.find(calendar, event.id) == event
        assert remote.provider.open(remote.access()).find(calendar, event.id) == event

    def test_a_look_without_a_list_says_gone(self, remote: Remote, source: Source) -> None:
        remote.put(Meeting("one"))
        remote.put(Meeting("two"))
        calendar = source.calendars()[0]
        event = listed(pull(source))[0]
        remote.delete("one")
        remote.delete("two")
        remote.put(Meeting("three"))

        found = remote.provider.open(remote.access()).find(calendar, event.id)

        assert isinstance(found, Gone) or found.status.gone

    def test_a_series_is_one_event_whose_text_expands(self, remote: Remote, source: Source) -> None:
        remote.put(Meeting("weekly", weekly=True))

        (event,) = listed(pull(source))

        assert event.recurrence is not None
        assert expand(event.recurrence, START, START + timedelta(days=15)) == (
            START,
            START + timedelta(days=7),
            START + timedelta(days=14),
        )

    def test_the_order_of_events_makes_no_difference(self, remote: Remote, source: Source) -> None:
        for number in range(5):
            remote.put(Meeting(f"m{number}", START + timedelta(days=number)))
        forward, _ = follow(source, {}, None)
        remote.reverse()

        backward, _ = follow(remote.provider.open(remote.access()), {}, None)

        assert backward == forward

    def test_what_cannot_be_read_is_named_and_the_rest_is_read(self, remote: Remote, source: Source) -> None:
        remote.put(Meeting("one", subject="Good"))
        remote.put(Meeting("two", subject="Bad"))
        ids = {event.subject: event.id for event in listed(pull(source))}
        remote.spoil("two")

        pages = pull(remote.provider.open(remote.access()))

        skipped = [item for page in pages for item in page.skipped]
        assert [event.subject for event in listed(pages)] == ["Good"]
        assert len(skipped) == 1
        assert all((item.source, item.id, item.reason) for item in skipped)
        assert [name for page in pages for name in page.unread] == [ids["Bad"]]

    def test_a_failure_is_a_fact_with_a_next_step(self, remote: Remote, source: Source) -> None:
        remote.put(Meeting("one"))
        remote.fail()

        with pytest.raises(SourceError) as caught:
            pull(source)

        assert str(caught.value)
        assert caught.value.hint

    def test_no_secret_shows_anywhere(self, remote: Remote, source: Source, caplog: pytest.LogCaptureFixture) -> None:
        remote.put(Meeting("one"))
        with caplog.at_level("DEBUG"):
            seen = [repr(source), repr(source.calendars()), repr(pull(source)), repr(dict(remote.access().settings))]
            remote.fail()
            with pytest.raises(SourceError) as caught:
                pull(remote.provider.open(remote.access()))

        seen += [str(caught.value), repr(caught.value), caught.value.hint, caplog.text]
        assert not [text for text in seen if remote.secret in text]

    def test_closing_twice_does_no_harm(self, remote: Remote) -> None:
        opened = remote.provider.open(remote.access())

        opened.close()
        opened.close()


def pull(source: Source, cursor: str | None = None, calendar: Calendar | None = None) -> list[Page]:
    """Return all pages of one pull of a calendar, of the first one by default."""
    return list(source.pull(calendar or source.calendars()[0], cursor))


def listed(pages: Iterable[Page]) -> list[Event]:
    """Return the events of some pages, in the order of their ids."""
    return sorted((event for page in pages for event in page.events), key=lambda event: event.id)


def follow(source: Source, known: Mapping[str, Event], cursor: str | None) -> tuple[dict[str, Event], str | None]:
    """Pull once and return what is known afterwards, as the core would keep it, with the new cursor."""
    pages = pull(source, cursor)
    now = {event.id: event for event in listed(pages)}
    kept = {} if any(page.full for page in pages) else dict(known)
    removed = {name for page in pages for name in page.removed}
    unread = {name: known[name] for page in pages for name in page.unread if name in known}
    together = {**unread, **kept, **now}
    for off in (off for page in pages for off in page.called_off):
        base = together.get(off.id) or together.get(off.series)
        if base is not None:
            apart = replace(base, id=off.id, original_start=off.original_start, recurrence=None)
            together[off.id] = replace(apart, status=EventStatus.CANCELLED)
    return {name: event for name, event in together.items() if name not in removed}, pages[-1].cursor


def answers(attendees: Sequence[Attendee]) -> dict[str, Answer]:
    """Return the answer of each address."""
    return {row.address.lower(): row.answer for row in attendees}


def moments(value: object) -> Iterator[datetime | date]:
    """Yield every moment inside a value of the contract."""
    if isinstance(value, date):
        yield value
    elif is_dataclass(value):
        for each in fields(value):
            yield from moments(getattr(value, each.name))
    elif isinstance(value, tuple | list | frozenset):
        for item in value:
            yield from moments(item)
