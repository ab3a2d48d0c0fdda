"""A log holds events with fixed names and fields, and nothing else, whoever asks for it."""

from __future__ import annotations

import io
import json
import logging
import re
import stat
from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime
from pathlib import Path

import pytest

from calsignal import log
from calsignal.errors import NeedsSignIn

SECRET = "Sample secret plan of ann@acme.example"
PULLED = log.CalendarPulled(
    provider="google",
    row=3,
    calendar=7,
    pages=2,
    requests=3,
    events=120,
    removed=0,
    skipped=1,
    full=True,
    expired=False,
    seconds=1.23456,
)


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    stream = io.StringIO()
    opened = log.Log("json", "debug", stream)
    yield stream
    opened.close()


def events() -> set[type[log.Event]]:
    def below(kind: type[log.Event]) -> Iterator[type[log.Event]]:
        for each in kind.__subclasses__():
            yield from below(each)
            yield each

    return {kind for kind in below(log.Event) if kind is not log.OfMailbox}


def test_a_line_is_an_object_with_time_level_event_and_fields(written: io.StringIO) -> None:
    log.tell(PULLED)

    (line,) = written.getvalue().splitlines()
    found = json.loads(line)
    moment = found.pop("time")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", moment)
    assert datetime.fromisoformat(moment).tzinfo is not None
    assert found == {
        "level": "info",
        "event": "calendar.pulled",
        "provider": "google",
        "row": 3,
        "calendar": 7,
        "pages": 2,
        "requests": 3,
        "events": 120,
        "removed": 0,
        "skipped": 1,
        "full": True,
        "expired": False,
        "seconds": 1.235,
    }


def test_a_line_of_text_says_the_same_and_leaves_out_what_is_unknown() -> None:
    stream = io.StringIO()
    opened = log.Log("text", "info", stream)

    log.tell(log.SyncFailed(provider="ics", row=1, error=NeedsSignIn, seconds=0.5))
    opened.close()

    assert stream.getvalue().partition(" ")[2] == (
        "warning sync.failed provider=ics row=1 error=NeedsSignIn seconds=0.5\n"
    )


def test_below_the_level_nothing_is_written() -> None:
    stream = io.StringIO()
    opened = log.Log("text", "warning", stream)

    log.tell(PULLED)
    log.tell(log.SyncStopped(left=2))
    opened.close()

    assert [line.split()[2] for line in stream.getvalue().splitlines()] == ["sync.stopped"]


def test_every_event_has_a_name_of_its_own_and_fields_that_hold_no_text() -> None:
    kinds = events()

    assert len({kind.name for kind in kinds}) == len(kinds) >= 10
    for kind in kinds:
        assert re.fullmatch(r"[a-z]+(\.[a-z]+)?", kind.name)
        for each in fields(kind):
            assert each.type in {"int", "float", "bool", "int | None", "Kind"} or each.name == "provider", each


def test_a_text_that_gets_into_a_field_does_not_get_out(written: io.StringIO) -> None:
    for kind in events():
        log.tell(kind(**{each.name: SECRET for each in fields(kind)}))
        log.tell(kind(**{each.name: NeedsSignIn(SECRET) for each in fields(kind)}))

    assert len(written.getvalue().splitlines()) == 2 * len(events())
    assert not any(word in written.getvalue() for word in SECRET.split())


def test_what_is_no_event_does_not_come_out(written: io.StringIO) -> None:
    logging.getLogger("calsignal").error(SECRET)
    logging.getLogger("calsignal.sync").error("%s", SECRET)
    logging.getLogger("urllib3").error(SECRET)

    assert written.getvalue() == ""


def test_another_handler_gets_the_same_words_and_no_more(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        log.tell(log.SyncFailed(provider=SECRET, row=1, error=type(NeedsSignIn(SECRET)), seconds=0))

    assert caplog.messages == ["sync.failed provider=unknown row=1 error=NeedsSignIn seconds=0"]


def test_a_file_is_for_its_owner_alone_and_grows(tmp_path: Path) -> None:
    file = tmp_path / "log"
    for _ in range(2):
        opened = log.Log("text", "info", io.StringIO(), file)
        log.tell(log.SyncStarted(connections=1, at_once=16))
        opened.close()

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.read_text(encoding="utf-8").splitlines()) == 2


def test_a_log_that_cannot_be_written_stops_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    opened = log.Log("text", "info", stream)
    stream.close()

    log.tell(PULLED)
    opened.close()

    assert capsys.readouterr() == ("", "")


def test_without_a_log_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    log.tell(log.SyncStopped(left=1))

    assert capsys.readouterr() == ("", "")


def test_it_is_known_who_listens_and_where() -> None:
    stream, other = io.StringIO(), io.StringIO()
    opened = log.Log("text", "info", stream)

    assert log.listening()
    assert log.speaking(stream)
    assert not log.speaking(other)
    opened.close()
    assert not log.speaking(stream)
