from __future__ import annotations

import os
from pathlib import Path

import pytest

from calsignal.contract import Gone
from calsignal.errors import SourceError
from calsignal.testing import listed, pull
from calsignal_ics import files
from calsignal_ics.source import IcsSource
from ics.samples import access, calendar, event


def opened(path: Path, **settings: str) -> IcsSource:
    return IcsSource(access(settings={"path": str(path), **settings}))


def write(path: Path, *parts: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(calendar(*parts), newline="")
    return path


def failure(path: Path) -> str:
    with pytest.raises(SourceError) as caught:
        pull(opened(path))
    assert caught.value.hint
    return str(caught.value)


def test_a_folder_is_one_calendar_of_all_files_below_it(tmp_path: Path) -> None:
    write(tmp_path / "b.ics", event("SEQUENCE:1", uid="one"))
    write(tmp_path / "deep" / "a.ICS", event(uid="two"), event(uid="one"))
    write(tmp_path / ".drafts" / "c.ics", event(uid="draft"))
    write(tmp_path / ".d.ics", event(uid="draft"))
    write(tmp_path / "notes.txt", event(uid="note"))
    source = opened(tmp_path)

    (page,) = pull(source)

    assert [found.id for found in page.events] == ["one", "two"]
    assert [(item.source, item.id) for item in page.skipped] == [(str(Path("deep", "a.ICS")), "one")]
    assert [found.name for found in source.calendars()] == [tmp_path.name]


def test_moving_a_file_in_its_folder_changes_no_event(tmp_path: Path) -> None:
    first = write(tmp_path / "a.ics", event(uid="one"))
    write(tmp_path / "b.ics", event(uid="two"))
    before = listed(pull(opened(tmp_path)))

    first.rename(tmp_path / "z.ics")

    assert listed(pull(opened(tmp_path))) == before


def test_an_override_in_another_file_belongs_to_its_series(tmp_path: Path) -> None:
    write(tmp_path / "a.ics", event("RRULE:FREQ=WEEKLY", "SUMMARY:Weekly"))
    write(tmp_path / "b.ics", event("RECURRENCE-ID:20260309T100000Z"))

    assert [found.subject for found in listed(pull(opened(tmp_path)))] == ["Weekly", "Weekly"]


def test_a_broken_file_in_a_folder_is_named_and_nothing_is_taken_for_gone(tmp_path: Path) -> None:
    write(tmp_path / "good.ics", event(uid="one"))
    (tmp_path / "bad.ics").write_text("BEGIN:VCALENDAR\r\n")
    source = opened(tmp_path)

    (page,) = pull(source)

    assert [found.id for found in page.events] == ["one"]
    assert not page.full
    assert [(item.id, item.reason) for item in page.skipped] == [("bad.ics", "bad.ics breaks off before END:VCALENDAR")]
    with pytest.raises(SourceError):
        source.find(source.calendars()[0], "two")


def test_an_unchanged_folder_gives_nothing_new(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ics", event(uid="one"))
    (first,) = pull(opened(tmp_path))

    (second,) = pull(opened(tmp_path), first.cursor)
    write(path, event(uid="two"))
    (third,) = pull(opened(tmp_path), second.cursor)

    assert (second.events, second.full, second.cursor) == ((), False, first.cursor)
    assert [found.id for found in third.events] == ["two"]
    assert third.full


def test_the_zone_given_at_connect_is_for_times_that_name_none(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ics", event(start="DTSTART:20260302T100000"))

    (page,) = pull(opened(path, timezone="Europe/Berlin"))

    assert [f"{found.slot.start:%H}" for found in page.events] == ["09"]


def test_looking_up_again_does_not_read_again(tmp_path: Path) -> None:
    path = write(tmp_path / "a.ics", event(uid="one"))
    source = opened(path)
    found = source.find(source.calendars()[0], "one")
    path.unlink()

    assert source.find(source.calendars()[0], "one") == found
    assert isinstance(source.find(source.calendars()[0], "two"), Gone)


def test_an_empty_folder_is_not_an_empty_calendar(tmp_path: Path) -> None:
    assert failure(tmp_path) == f"there is no .ics file in {tmp_path}"


def test_a_file_that_is_gone_cancels_nothing(tmp_path: Path) -> None:
    assert failure(tmp_path / "a.ics") == f"{tmp_path / 'a.ics'} is not there any more"


def test_a_page_in_place_of_a_calendar_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.ics").write_text("<html>")

    assert failure(tmp_path / "a.ics") == f"{tmp_path / 'a.ics'} is not an iCalendar file"


def test_a_huge_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "a.ics"
    with path.open("wb") as file:
        file.truncate(2 * 2**30)

    assert failure(path) == f"{path} is larger than 50 MB"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes of this kind here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.ics")

    assert failure(tmp_path / "a.ics") == f"{tmp_path / 'a.ics'} is not a file"


def test_a_path_that_cannot_be_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.ics", event())

    def refuse(_path: Path) -> bytes:
        raise PermissionError

    monkeypatch.setattr(Path, "read_bytes", refuse)

    assert failure(path) == f"{path} cannot be read"


def test_a_folder_of_everything_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_MOST", 1)
    write(tmp_path / "a.ics", event())
    write(tmp_path / "b.ics", event())

    assert failure(tmp_path) == f"there are more than 1 files in {tmp_path}"
