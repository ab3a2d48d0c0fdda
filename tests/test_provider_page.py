"""What docs/provider.md shows is run as it stands."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from calsignal.registry import GROUP, Registry

PAGE = Path(__file__).parents[1] / "docs" / "provider.md"
ALLOWED = {"calsignal.contract", "calsignal.model", "calsignal.errors"}


def files() -> dict[str, str]:
    """Return the files that the page shows, by name."""
    blocks = re.findall(r"```(?:python|toml)\n# (\S+)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    return dict(blocks)


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for name, text in files().items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_page_shows_a_whole_package_and_nothing_that_is_not_run() -> None:
    text = PAGE.read_text(encoding="utf-8")

    assert set(files()) == {"pyproject.toml", "calsignal_diary.py", "test_diary.py"}
    assert len(re.findall(r"^```(?:python|toml)$", text, re.MULTILINE)) == len(files())


def test_its_tests_are_green(package: Path) -> None:
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_diary.py"]

    done = subprocess.run(
        words,
        check=False,
        cwd=package,
        env={**os.environ, "PYTHONPATH": str(package), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
    )

    passed = re.search(r"(\d+) passed", done.stdout)
    assert done.returncode == 0, done.stdout
    assert passed is not None
    assert int(passed[1]) > 15


def test_its_entry_point_leads_to_the_provider(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(package)
    ((name, value),) = tomllib.loads(files()["pyproject.toml"])["project"]["entry-points"][GROUP].items()

    found = Registry([EntryPoint(name, value, GROUP)]).get(name)

    assert found.name == name


def test_it_imports_nothing_behind_the_contract() -> None:
    tree = ast.parse(files()["calsignal_diary.py"])

    named = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert {name for name in named if name.startswith("calsignal")} == ALLOWED
