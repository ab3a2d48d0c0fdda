"""The README shows what the program prints, and its commands are commands."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from click.testing import CliRunner

from calsignal.analysis import digest
from calsignal.cli import cli
from calsignal.config import Settings
from calsignal.demo import demo_settings, played
from calsignal.demo.scenes import REP
from calsignal.reports.digest_text import digest_text

README = Path(__file__).parent.parent / "README.md"
MORNING = datetime(2026, 3, 17, 8, tzinfo=UTC)


def screen() -> str:
    settings = demo_settings(Settings())
    with played(settings, MORNING) as store:
        return digest_text(digest(store, settings, MORNING, REP), width=80, colour=False)


def test_the_screen_is_what_the_demo_prints() -> None:
    shown = re.search(r"```text\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)

    assert shown is not None
    assert shown[1] == screen()


def test_every_command_in_the_table_has_help() -> None:
    rows = re.findall(r"^\| (`.*?`)(?:, )?.*?\|", README.read_text(encoding="utf-8"), re.MULTILINE)
    names = {word.split()[0] for row in rows for word in re.findall(r"`([^`]+)`", row)}

    assert {"demo", "init", "connect", "sync", "digest", "account"} <= names
    for name in names:
        assert CliRunner().invoke(cli, [name, "--help"]).exit_code == 0, name


def test_there_are_two_commands_to_begin_with() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)

    assert "calsignal demo" in blocks[0]
    assert "pytest" in blocks[1]
    assert all(len(block.strip().splitlines()) == 1 for block in blocks[:2])


if __name__ == "__main__":  # python tests/test_readme.py writes the screen anew
    text = README.read_text(encoding="utf-8")
    README.write_text(re.sub(r"(```text\n).*?(```)", lambda m: m[1] + screen() + m[2], text, flags=re.DOTALL))
    sys.exit()
