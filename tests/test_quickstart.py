"""The roads of docs/quickstart.md are walked, as far as they need no service of others."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from calsignal.cli import cli
from calsignal.cli.app import App
from calsignal.model import Answer
from calsignal.testing import Meeting
from ics.samples import calendar, vevent

PAGE = Path(__file__).parents[1] / "docs" / "quickstart.md"
NOW = datetime(2026, 3, 3, 9, tzinfo=UTC)
AWAY = ("connect google", "connect microsoft", "connect ics -", "deliver test", "audit --send", "schedule", "doctor")
"""What asks a service, or changes this machine: tests of their own hold it."""
TYPED = {
    "deliver add": "https://hooks.slack.com/services/T000/B000/sample\n",
    "forget": "y\n",
    "vault rekey": "a new passphrase\n",
}
DEALS = (
    "Opportunity,Account,Website,Amount,Currency,Close Date,Stage,Owner\n"
    "Pilot,Brightwater Foods,brightwater.example,12000,EUR,2026-04-30,Open,you@ours.example\n"
    "Renewal,Cobalt Robotics,cobalt.example,9000,EUR,2026-05-31,Open,you@ours.example\n"
)


def road(name: str) -> list[str]:
    """Return the commands of one road that are ours, in order, without the program's name."""
    found = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    assert found is not None
    lines = [
        line.strip() for block in re.findall(r"```sh\n(.*?)```", found[1], re.DOTALL) for line in block.splitlines()
    ]
    return [line.removeprefix("calsignal ") for line in lines if line.startswith("calsignal ")]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    guests = {"ann@brightwater.example": Answer.ACCEPTED}
    events = [vevent(Meeting("one", guests=guests, organizer="you@ours.example"))]
    (tmp_path / "calendar.ics").write_text(calendar(*events), newline="")
    (tmp_path / "opportunities.csv").write_text(DEALS)
    return tmp_path


def walk(commands: list[str], here: Path) -> dict[str, str]:
    """Run commands one after the other; return what each printed."""
    said = {}
    for command in commands:
        if command.startswith(AWAY):
            continue
        environ = {"CALSIGNAL_VAULT": "file"}
        app = App(clock=lambda: NOW, environ=environ, config_dir=here / "config", data_dir=here / "data")
        typed = next((text for start, text in TYPED.items() if command.startswith(start)), None)
        result = CliRunner().invoke(cli, shlex.split(command), obj=app, input=typed)
        assert (result.exit_code, result.exception) == (0, None), (command, result.output)
        said[command] = result.output
    return said


def test_a_rep_comes_to_a_morning(here: Path) -> None:
    said = walk(road("A rep"), here)

    assert "brightwater.example" in said["accounts suggest"]
    assert "REAL" in said["digest"]
    assert "Held yesterday (60 min, 1 buyer)" in said["account Brightwater"]
    assert len(said) >= 6


def test_a_manager_comes_to_an_audit(here: Path) -> None:
    walk(road("A rep"), here)

    said = walk(road("A manager"), here)

    assert "Pilot" in said["audit"]
    assert "<html" in (here / "audit.html").read_text(encoding="utf-8")
    assert len(said) >= 8


def test_an_administrator_can_sync_forget_and_seal_anew(here: Path) -> None:
    walk(road("A rep"), here)

    said = walk([command for command in road("An administrator") if not command.startswith("init")], here)

    assert set(said) == {"sync", "forget someone@brightwater.example", "vault rekey --passphrase"}


def test_what_is_left_out_is_on_a_road_too() -> None:
    every = [command for name in ("A rep", "A manager", "An administrator") for command in road(name)]

    assert [start for start in AWAY if not any(command.startswith(start) for command in every)] == []
