"""Each message that docs/troubleshooting.md quotes is one that the source can print."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "troubleshooting.md"
_HOLE = re.compile(r"\{\w*\}")


def messages() -> list[str]:
    """Return the first column of every table of messages."""
    text = PAGE.read_text(encoding="utf-8")
    tables = re.findall(r"^\| message \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    rows = [row for table in tables for row in table.splitlines()]
    return [row.split(" | ")[0].removeprefix("| `").removesuffix("`") for row in rows]


@cache
def patterns() -> tuple[tuple[re.Pattern[str], int], ...]:
    """Return what each text of the source can become, with the number of its own letters."""
    files = [path for folder in ("calsignal", "providers") for path in sorted((ROOT / folder).rglob("*.py"))]
    found = {one for path in files for one in _texts(ast.parse(path.read_text(encoding="utf-8")))}
    return tuple((re.compile(one, re.DOTALL), _letters(one)) for one in sorted(found))


def _letters(text: str) -> int:
    return len(re.findall(r"[^\W\d_]", text))


def _texts(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(re.escape(str(p.value)) if isinstance(p, ast.Constant) else ".+" for p in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield ".+".join(map(re.escape, _HOLE.split(node.value)))


def is_said(message: str) -> bool:
    """Say whether a text of the source is this message, holes apart: what stands in a hole is no word of it."""
    own = _letters(message)
    return any(letters >= own and pattern.fullmatch(message) for pattern, letters in patterns())


@pytest.mark.parametrize("message", messages())
def test_a_quoted_message_is_in_the_source(message: str) -> None:
    assert is_said(message)


def test_a_message_that_nobody_says_is_found_out() -> None:
    assert not is_said("there is no configuration at ...")
    assert not is_said("the sign-in of ... is over")


def test_there_are_enough_and_each_once() -> None:
    found = messages()

    assert len(found) >= 25
    assert len(set(found)) == len(found)


def test_each_message_has_a_cause_and_a_next_step() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]

    assert [row for row in rows if len([cell for cell in row.strip("| ").split(" | ") if cell.strip()]) != 3] == []
    assert len(rows) == len(messages())
