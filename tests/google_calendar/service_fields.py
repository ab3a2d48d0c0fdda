"""Partial responses: what the `fields` parameter of a Google API selects, as the API itself reads it."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from google_calendar.service_faults import ApiError
from google_calendar.service_world import Json

Selection = dict[str, "Selection"]
"""The names that were selected, each with what is selected inside; nothing inside means all of it."""


def select(value: Json, fields: str, schema: str, document: str = "calendar.v3") -> Json:
    """Return the selected part of an answer. Raises `ApiError` (400) for a field that its schema does not have."""
    chosen = parse(fields)
    if not _known(chosen, {"$ref": schema}, discovery(document)["schemas"]):
        raise invalid(fields)
    kept: Json = _apply(chosen, value)
    return kept


def parse(fields: str) -> Selection:
    """Read `a,b(c,d/e),*`. Raises `ApiError` (400)."""
    words = re.findall(r"[A-Za-z0-9_*]+|[(),/]", re.sub(r"\s", "", fields))
    if "".join(words) != re.sub(r"\s", "", fields):
        raise invalid(fields)
    chosen, rest = _list(words, fields)
    if rest:
        raise invalid(fields)
    return chosen


def invalid(fields: str) -> ApiError:
    return ApiError(400, "invalidParameter", f"Invalid field selection {fields[:40]}", location="fields")


def _list(words: list[str], fields: str) -> tuple[Selection, list[str]]:
    chosen: Selection = {}
    while True:
        name, inside, words = _one(words, fields)
        chosen[name] = chosen.get(name, {}) | inside
        if words[:1] != [","]:
            return chosen, words
        words = words[1:]


def _one(words: list[str], fields: str) -> tuple[str, Selection, list[str]]:
    if not words or words[0] in "(),/":
        raise invalid(fields)
    name, words = words[0], words[1:]
    if words[:1] == ["/"]:
        inner, inside, words = _one(words[1:], fields)
        return name, {inner: inside}, words
    if words[:1] != ["("]:
        return name, {}, words
    inside, words = _list(words[1:], fields)
    if words[:1] != [")"]:
        raise invalid(fields)
    return name, inside, words[1:]


def _apply(chosen: Selection, value: Any) -> Any:  # noqa: ANN401 # JSON of any shape
    if not chosen:
        return value
    if isinstance(value, list):
        return [_apply(chosen, each) for each in value]
    if not isinstance(value, dict):
        return value
    every = chosen.get("*")
    picked = {name: chosen.get(name, every) for name in value if name in chosen or every is not None}
    return {name: _apply(inside or {}, value[name]) for name, inside in picked.items()}


def _known(chosen: Selection, schema: Json, schemas: Json) -> bool:
    schema = schemas[schema["$ref"]] if "$ref" in schema else schema
    if schema.get("type") == "array":
        return _known(chosen, schema["items"], schemas)
    if "additionalProperties" in schema or schema.get("type") == "any" or "*" in chosen:
        return True
    properties = schema.get("properties", {})
    return all(name in properties and _known(inside, properties[name], schemas) for name, inside in chosen.items())


@cache
def discovery(document: str) -> Json:
    """Return a discovery document that comes with Google's client library: `calendar.v3`, `admin.directory_v1`."""
    package = find_spec("googleapiclient")
    assert package is not None
    assert package.origin is not None
    folder = Path(package.origin).parent / "discovery_cache" / "documents"
    read: Json = json.loads((folder / f"{document}.json").read_text(encoding="utf-8"))
    return read
