"""What the pages with claims claim is held by tests that exist, and the commands in them are ours."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from calsignal.cli import cli
from calsignal.cli.app import App

ROOT = Path(__file__).parents[1]
PAGES = ("docs/privacy.md", "docs/reliability.md", "docs/troubleshooting.md", "SECURITY.md")
CLAIM = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def commands(page: str) -> list[str]:
    """Return every command of ours, in a block or in a line."""
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", text(page), re.DOTALL))
    lines = [line.partition("#")[0].strip() for line in blocks.splitlines()]
    return [one for one in (*lines, *re.findall(r"`(calsignal [^`]+)`", text(page))) if one.startswith("calsignal ")]


@pytest.mark.parametrize("page", PAGES)
def test_each_test_that_a_page_names_exists(page: str) -> None:
    named = CLAIM.findall(text(page))

    missing = []
    for path, name in named:
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8")) if (ROOT / path).is_file() else ast.Module([], [])
        if name not in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}:
            missing.append(f"{path}::{name}")

    assert len(named) >= 10
    assert missing == []


@pytest.mark.parametrize("page", PAGES)
def test_each_claim_in_a_table_of_claims_names_its_test(page: str) -> None:
    tables = re.findall(r"^\| (?:claim|fault|attack|mistake) \|.*?\n\|[-| ]+\n((?:\|.*\n)+)", text(page), re.MULTILINE)

    rows = [row for table in tables for row in table.splitlines()]

    assert len(rows) >= 10
    assert [row for row in rows if not CLAIM.search(row)] == []


@pytest.mark.parametrize("page", PAGES)
def test_each_command_on_a_page_is_one_of_ours(page: str, tmp_path: Path) -> None:
    found = commands(page)

    assert found
    for command in found:
        words = shlex.split(command)[1:]
        app = App(config_dir=tmp_path, data_dir=tmp_path, environ={"CALSIGNAL_VAULT": "file"})
        result = CliRunner().invoke(cli, [*words, "--help"] if words != ["--version"] else words, obj=app)
        assert result.exit_code == 0, (command, result.output)
        known = set(re.findall(r"--[\w-]+", result.output)) | {"--version"}
        assert {word for word in words if word.startswith("--")} <= known, command
