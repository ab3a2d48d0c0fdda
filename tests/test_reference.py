"""The pages in docs/reference say what the code says. `python tests/reference.py` writes them anew."""

from __future__ import annotations

import click
import pytest

import reference


@pytest.mark.parametrize("page", reference.pages())
def test_a_page_is_what_the_code_says(page: str) -> None:
    written = (reference.FOLDER / page).read_text(encoding="utf-8")

    assert written == reference.pages()[page], "run: python tests/reference.py"


def test_every_flag_has_its_meaning_and_no_other() -> None:
    assert set(reference.FLAGS) == set(reference.flags())
    assert len(reference.flags()) >= 8


def test_every_variable_of_ours_has_its_line_and_no_other() -> None:
    assert set(reference.ENVIRONMENT) == reference.variables()


def test_every_command_option_and_key_is_on_a_page() -> None:
    pages = reference.pages()

    options = [p for one in reference.tree() for p in one.command.params if isinstance(p, click.Option)]
    named = {word for option in options if not option.hidden for word in option.opts}
    assert [one.words for one in reference.tree() if f"## {one.words}\n" not in pages["commands.md"]] == []
    assert [word for word in named if word not in pages["commands.md"]] == []
    assert [name for name in reference.constants() if f"`{name}`" not in pages["settings.md"]] == []
    assert [name for name in reference.schemas() if f"## {name}\n" not in pages["json.md"]] == []


def test_no_field_of_a_schema_is_left_out() -> None:
    page = reference.pages()["json.md"]

    fields = {name for schema in reference.schemas().values() for name in _fields(schema)}

    assert len(fields) > 100
    assert [name for name in fields if f"{name}`" not in page] == []


def _fields(node: object) -> set[str]:
    """Return the names of all fields, wherever they stand in a schema."""
    if isinstance(node, list):
        return {name for one in node for name in _fields(one)}
    if not isinstance(node, dict):
        return set()
    own = node.get("properties", {})
    return {*own, *(name for one in node.values() for name in _fields(one))}
