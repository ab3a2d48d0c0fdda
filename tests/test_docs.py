"""The pages hang together: links lead somewhere, and every command on them is one of ours."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest

import reference

ROOT = Path(__file__).parents[1]
PAGES = [path.relative_to(ROOT).as_posix() for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])]
NAMES = {"calsignal team"}  # what an app is called in a console
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def anchors(page: str) -> set[str]:
    """Return what a link into a page can name, as the usual renderers make it of its headings."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text(page), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def dead(page: str) -> Iterator[str]:
    """Yield the links of a page to files or headings that are not there."""
    for link in _LINK.findall(text(page)):
        place, _, heading = link.partition("#")
        if ":" in place:
            continue
        there = ((ROOT / page).parent / place).resolve() if place else ROOT / page
        if not there.exists() or (heading and heading not in anchors(there.relative_to(ROOT).as_posix())):
            yield link


def commands(page: str) -> Iterator[str]:
    """Yield every command of ours that a page shows, in a block or in a line."""
    for block in re.findall(r"```sh\n(.*?)```", text(page), re.DOTALL):
        for line in block.splitlines():
            yield from re.findall(r"(?:^|[\s/])(calsignal (?:[^#|>&;]|#\S)+)", line)
    prose = re.sub(r"```.*?```", "", text(page), flags=re.DOTALL)
    yield from (one for one in re.findall(r"`([^`\n]+)`", prose) if one.startswith("calsignal ") and one not in NAMES)


@cache
def known() -> dict[str, click.Command]:
    return {named.words: named.command for named in reference.tree()}


def wrong(command: str) -> str:
    """Say what is wrong with a command, or nothing."""
    words = [word for word in shlex.split(command) if word != "..."]
    path, options = words.pop(0), set(_options("calsignal"))
    for word in words:
        if word.startswith("-") and word != "-":
            name = word.partition("=")[0]
            if name not in {*options, "--help", "-h"}:
                return f"{path} has no {name}"
        elif f"{path} {word}" in known():
            path = f"{path} {word}"
            options |= set(_options(path))
        elif isinstance(known()[path], click.Group) and not word.isupper():
            return f"{path} has no command {word}"
    return ""


def _options(path: str) -> Iterator[str]:
    for option in known()[path].params:
        yield from option.opts


@pytest.mark.parametrize("page", PAGES)
def test_every_link_of_a_page_leads_somewhere(page: str) -> None:
    assert list(dead(page)) == []


@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page_exists_with_its_options(page: str) -> None:
    assert {command: fault for command in commands(page) if (fault := wrong(command))} == {}


def test_the_check_of_commands_finds_what_is_wrong() -> None:
    assert wrong("calsignal digset") == "calsignal has no command digset"
    assert wrong("calsignal connect google --tennant x") == "calsignal connect google has no --tennant"
    assert wrong("calsignal --debug accounts add Acme acme.example --owner jane@ours.example") == ""
    assert sum(len(list(commands(page))) for page in PAGES) > 60


def test_every_page_can_be_reached_from_the_readme() -> None:
    found, todo = set(), ["README.md"]
    while todo:
        page = todo.pop()
        found.add(page)
        links = {((ROOT / page).parent / link.partition("#")[0]).resolve() for link in _LINK.findall(text(page))}
        near = {path.relative_to(ROOT).as_posix() for path in links if path.suffix == ".md" and path.is_file()}
        todo += sorted(near - found)

    assert [page for page in PAGES if page.startswith("docs/") and page not in found] == []
