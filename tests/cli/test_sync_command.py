from __future__ import annotations

from datetime import timedelta

import pytest

from calsignal.contract import Attendee, Event
from calsignal.errors import NeedsSignIn
from calsignal.model import Answer, Skipped, Slot
from cli import toy
from cli.desk import REP, Desk
from fake_provider import EPOCH, Remote


def meeting(number: int, days: float = 3) -> Event:
    start = EPOCH + timedelta(days=days, hours=number % 8)
    return Event(
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


def test_a_terminal_sees_a_bar(connected: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calsignal.cli.sync._somebody_looks", lambda: True)
    monkeypatch.setenv("TTY_COMPATIBLE", "1")  # what rich goes by
    connected.ok("accounts", "add", "Acme", "acme.example")

    result = connected.run("sync")

    assert result.stdout == "toy:rep: 0 events read, 0 changes written\n"
    assert "syncing" in result.stderr


def test_what_was_done_is_told_even_when_the_next_breaks(connected: Desk) -> None:
    connected.ok("connect", "toy", "box", "--rep", "sam@ours.example")
    toy.provider.remotes["sam@ours.example"] = Remote(broken=KeyboardInterrupt())  # type: ignore[arg-type]

    result = connected.run("sync")

    assert result.exit_code == 130
    assert result.stdout == "toy:rep: 0 events read, 0 changes written\n"
    assert "interrupted" in result.stderr
