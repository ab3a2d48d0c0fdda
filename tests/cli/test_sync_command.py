from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from calsignal import contract
from calsignal.contract import Attendee, Page
from calsignal.errors import NeedsSignIn
from calsignal.model import Answer, Skipped, Slot
from cli import toy
from cli.desk import REP, Desk
from fake_provider import EPOCH, Remote


def meeting(number: int, days: float = 3) -> contract.Event:
    start = EPOCH + timedelta(days=days, hours=number % 8)
    return contract.Event(
        id=f"event-{number}",
        uid=f"uid-{number}",
        slot=Slot(start, start + timedelta(minutes=30)),
        organizer=REP,
        attendees=(Attendee(REP), Attendee("buyer@acme.example", Answer.ACCEPTED)),
        subject="Secret plans",
    )


def test_sync_tells_what_it_read_and_the_next_step(connected: Desk) -> None:
    connected.remote().put(meeting(1), meeting(2))

    result = connected.run("sync")

    assert (result.exit_code, result.stdout) == (0, "toy:rep: 2 events read, 2 changes written\n")
    assert "calsignal accounts suggest" in result.stderr
    assert "acme.example" in connected.ok("accounts", "suggest")


def test_where_nothing_could_be_read_the_next_step_is_none_of_ours(connected: Desk) -> None:
    connected.remote().broken = NeedsSignIn("the authorisation was revoked", "connect again")

    result = connected.run("sync")

    assert result.exit_code == 1
    assert result.stderr == "toy:rep: the authorisation was revoked\nhint: connect again\n"


def test_a_failing_connection_does_not_stop_the_others(connected: Desk) -> None:
    connected.ok("connect", "toy", "box", "--rep", "sam@ours.example")
    connected.remote().broken = NeedsSignIn("the authorisation was revoked", "connect again")

    result = connected.run("sync")

    assert result.exit_code == 1
    assert "toy:rep: the authorisation was revoked\nhint: connect again\n" in result.stderr
    assert result.stdout == "toy:sam: 0 events read, 0 changes written\n"
    assert "the authorisation was revoked" in connected.ok("connections").replace("\n", " ").replace("  ", " ")


def test_skipped_items_are_listed_and_no_failure(connected: Desk) -> None:
    connected.remote().skipped = tuple(Skipped("toy:rep", f"event-{n}", "it has no start") for n in range(22))

    result = connected.run("sync")

    assert result.exit_code == 0
    assert "toy:rep: skipped event-0: it has no start" in result.stderr
    assert "event-20" not in result.stderr
    assert "toy:rep: skipped 2 more" in result.stderr


def test_only_the_named_connections_are_synced(connected: Desk) -> None:
    connected.ok("connect", "toy", "box", "--rep", "sam@ours.example")

    assert connected.ok("sync", "toy:sam") == "toy:sam: 0 events read, 0 changes written\n"


def test_a_calendar_that_emptied_is_held_until_it_is_accepted(connected: Desk) -> None:
    remote = connected.remote()
    remote.put(*(meeting(n) for n in range(12)))
    connected.ok("sync")
    remote.drop(*(f"event-{n}" for n in range(12)))
    connected.clock.wait(hours=1)

    result = connected.run("sync")
    assert result.exit_code == 1
    assert "calsignal sync --accept toy:rep" in result.stderr
    connected.clock.wait(hours=1)

    assert "12 changes written" in connected.ok("sync", "--accept", "toy:rep")


def test_an_unknown_connection_names_the_nearest(connected: Desk) -> None:
    for args in (("toy:reb",), ("--accept", "toy:reb")):
        assert (
            connected.fails(2, "sync", *args) == "error: no connection called 'toy:reb'\nhint: did you mean toy:rep?\n"
        )


def test_a_disconnected_calendar_is_not_synced(connected: Desk) -> None:
    connected.ok("disconnect", "toy:rep")

    assert "nothing is connected" in connected.fails(2, "sync")
    assert "toy:rep is disconnected" in connected.fails(2, "sync", "toy:rep")


def test_nothing_connected_points_to_connect(desk: Desk) -> None:
    assert "calsignal connect --help" in desk.fails(2, "sync")


def test_a_terminal_sees_how_far_it_is(connected: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calsignal.cli.sync._somebody_looks", lambda: True)
    monkeypatch.setenv("TTY_COMPATIBLE", "1")  # what rich goes by
    connected.ok("accounts", "add", "Acme", "acme.example")

    result = connected.run("sync")

    assert result.stdout == "toy:rep: 0 events read, 0 changes written\n"
    assert "syncing" in result.stderr


def test_outcomes_are_listed_by_name_whoever_was_first(connected: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    toy.provider.at_once = 3
    for rep in ("ann@ours.example", "sam@ours.example"):
        connected.ok("connect", "toy", "box", "--rep", rep)
    last = Event()
    pages = Remote.pages

    def waits(remote: Remote, *args: Any, **more: Any) -> Iterator[Page]:  # noqa: ANN401
        if remote is toy.provider.remotes["ann@ours.example"]:
            last.wait(20)
        yield from pages(remote, *args, **more)
        if remote is toy.provider.remotes["sam@ours.example"]:
            last.set()

    monkeypatch.setattr(Remote, "pages", waits)

    lines = connected.ok("sync").splitlines()

    assert [line.partition(": ")[0] for line in lines] == ["toy:ann", "toy:rep", "toy:sam"]


def test_a_stop_tells_what_is_left_to_the_next_sync(connected: Desk) -> None:
    for number in range(22):
        connected.ok("connect", "toy", "box", "--rep", f"rep{number:02}@ours.example")
    app = connected.app()
    toy.provider.remotes["rep00@ours.example"] = Stopping(heard=app.stop)

    result = connected.run("sync", app=app)

    assert (result.exit_code, result.stdout) == (143, "toy:rep: 0 events read, 0 changes written\n")
    assert result.stderr.startswith("interrupted: 1 of 23 done\ntoy:rep00: not synced\n")
    assert result.stderr.endswith("toy:rep19: not synced\n2 more: not synced\n")


@dataclass
class Stopping(Remote):
    """A calendar during whose reading the machine is shut down."""

    heard: Event = field(default_factory=Event)

    def pages(self, ids: Sequence[str], *, full: bool) -> Iterator[Page]:
        os.kill(os.getpid(), signal.SIGTERM)
        assert self.heard.wait(20)
        return super().pages(ids, full=full)


def test_a_log_takes_the_place_of_progress(connected: Desk) -> None:
    connected.remote().put(meeting(1))

    result = connected.run("--log-format", "json", "sync")

    found = [json.loads(text) for text in result.stderr.splitlines() if text.startswith("{")]
    assert [each["event"] for each in found] == ["sync.started", "calendar.pulled", "calendar.written", "sync.finished"]
    assert all({"time", "level", "event"} <= each.keys() for each in found)
    assert "toy:rep" not in str(found)


@pytest.mark.parametrize(
    ("options", "expected"),
    [(("-v",), 5), (("-vv",), 7), (("--log-level", "warning"), 1), (("--log-level", "error"), 0), ((), 0)],
)
def test_how_much_is_logged_is_chosen(connected: Desk, options: tuple[str, ...], expected: int) -> None:
    connected.ok("connect", "toy", "box", "--rep", "sam@ours.example")
    connected.remote().broken = NeedsSignIn("the authorisation was revoked", "connect again")

    result = connected.run(*options, "sync")

    assert len([text for text in result.stderr.splitlines() if text.startswith("20")]) == expected


def test_a_log_may_go_to_a_file_or_be_asked_for_by_the_environment(
    connected: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CALSIGNAL_LOG_FORMAT", "json")
    monkeypatch.setenv("CALSIGNAL_LOG_FILE", str(tmp_path / "log"))

    result = connected.run("sync")

    assert "sync.started" not in result.stderr
    assert "sync.started" in (tmp_path / "log").read_text(encoding="utf-8")
    monkeypatch.setenv("CALSIGNAL_LOG_FILE", str(tmp_path / "nowhere" / "log"))
    assert "cannot be written: No such file or directory" in connected.fails(2, "sync")
    monkeypatch.setenv("CALSIGNAL_LOG_FORMAT", "xml")
    assert "'xml' is not one of" in connected.fails(2, "sync")


def test_what_was_done_is_told_even_when_the_next_breaks(connected: Desk) -> None:
    connected.ok("connect", "toy", "box", "--rep", "sam@ours.example")
    toy.provider.remotes["sam@ours.example"] = Remote(broken=KeyboardInterrupt())  # type: ignore[arg-type]

    result = connected.run("sync")

    assert result.exit_code == 130
    assert result.stdout == "toy:rep: 0 events read, 0 changes written\n"
    assert "interrupted" in result.stderr
