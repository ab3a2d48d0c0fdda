"""The lock names all that development and CI install, with hashes, and fits what the project asks for."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements-dev.lock").read_text(encoding="utf-8")


def locked() -> dict[str, tuple[str, int]]:
    """Return the version and the number of hashes of each package in the lock."""
    entries = re.split(r"^(?=\S)", LOCK, flags=re.MULTILINE)[1:]
    return dict(map(_entry, entries))


def _entry(entry: str) -> tuple[str, tuple[str, int]]:
    named = re.match(r"([\w.-]+)==([\w.!+-]+)", entry)
    assert named is not None, entry
    return canonicalize_name(named[1]), (named[2], len(re.findall(r"--hash=sha256:[0-9a-f]{64}\b", entry)))


def wanted() -> Iterator[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = project["project"]["optional-dependencies"].values()
    for group in (project["build-system"]["requires"], project["project"]["dependencies"], *extras):
        yield from (one for one in map(Requirement, group) if one.name != "calsignal")


def test_each_package_in_the_lock_has_a_hash() -> None:
    assert len(locked()) > 80
    assert [name for name, (_, hashes) in locked().items() if not hashes] == []


def test_what_the_project_asks_for_is_in_the_lock() -> None:
    there = locked()

    asked = list(wanted())

    assert len(asked) > 30
    missing = [one.name for one in asked if canonicalize_name(one.name) not in there]
    assert missing == []
    assert [str(one) for one in asked if there[canonicalize_name(one.name)][0] not in one.specifier] == []


def test_the_lock_names_no_place_to_download_from() -> None:
    assert "://" not in LOCK
    assert "--index-url" not in LOCK
