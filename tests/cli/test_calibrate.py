from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from calsignal import calibrating
from calsignal.analysis import calibrated
from calsignal.score.calibration import study
from cli.desk import Desk
from score.test_calibration import market


@pytest.fixture
def synced(connected: Desk) -> Desk:
    connected.ok("accounts", "add", "Acme", "acme.example")
    connected.ok("sync")
    return connected


@pytest.fixture
def telling(synced: Desk, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Return a desk whose closed deals pass the gate."""
    found = calibrating.calibration

    def passing(*args: object) -> object:
        return replace(found(*args), study=study(market(240)))  # type: ignore[arg-type]

    monkeypatch.setattr(calibrating, "calibration", passing)
    return synced


def test_too_few_deals_are_refused_honestly(synced: Desk) -> None:
    assert "uncalibrated (0 won, 0 lost; needs 50 and 50)" in synced.ok("calibrate")


def test_accepting_what_does_not_pass_shows_it_and_fails(synced: Desk) -> None:
    result = synced.run("calibrate", "--accept")

    assert result.exit_code == 2
    assert "uncalibrated (0 won, 0 lost; needs 50 and 50)" in result.stdout
    assert "nothing was accepted" in result.stderr
    assert calibrated(synced.store(), synced.app().settings, synced.clock.at) is None


def test_what_passes_is_kept_only_when_asked_and_can_be_withdrawn(telling: Desk) -> None:
    telling.ok("calibrate")
    assert not json.loads(telling.ok("digest", "--format", "json"))["model"]["calibrated"]

    assert "accepted: reports show a win probability" in telling.run("calibrate", "--accept").stderr
    document = json.loads(telling.ok("digest", "--format", "json"))
    assert document["model"]["calibrated"]
    assert document["accounts"][0]["win_probability"] is not None
    assert "In force: the one accepted" in telling.ok("calibrate")

    assert "withdrawn" in telling.run("calibrate", "--withdraw").stderr
    assert not json.loads(telling.ok("digest", "--format", "json"))["model"]["calibrated"]
    assert "no calibration was accepted" in telling.run("calibrate", "--withdraw").stderr


def test_it_is_written_as_json_and_as_a_page(synced: Desk, tmp_path: Path) -> None:
    assert json.loads(synced.ok("calibrate", "--format", "json"))["format"] == "calsignal.calibration/1"

    synced.ok("calibrate", "--format", "html", "--output", str(tmp_path / "c.html"))
    assert (tmp_path / "c.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_one_thing_at_a_time(synced: Desk) -> None:
    assert "at once" in synced.fails(2, "calibrate", "--accept", "--withdraw")
