"""The vendor's own client for Graph, in an environment of its own: what it does not read back of an answer is wrong.

It is 240 MB, so it is no dependency: where `CI` is set it is installed for the tests, elsewhere CALSIGNAL_GRAPH_JUDGE
may name a Python that has `msgraph-sdk`. Run as a program, this file is the judge; it reads one item a line.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from typing import Any

BETA = {"occurrenceId"}
"""What the service sends though only the beta's documents name it; v1.0 was seen to send it too."""

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|\+00:00)?")


def python(folder: Path) -> str | None:
    """Return a Python with the vendor's client; None where there is none and `CI` is not set."""
    named = os.environ.get("CALSIGNAL_GRAPH_JUDGE")
    if named or not os.environ.get("CI"):
        return named
    made = folder / "judge"
    executable = str(made / ("Scripts" if os.name == "nt" else "bin") / "python")
    uv = shutil.which("uv")
    make = [uv, "venv", "--quiet"] if uv else [sys.executable, "-m", "venv"]
    fill = [uv, "pip", "install", "--python", executable] if uv else [executable, "-m", "pip", "install"]
    subprocess.run([*make, str(made)], check=True)
    subprocess.run([*fill, "--quiet", SDK], check=True)
    return executable


SDK = "msgraph-sdk>=1.2"


def verdicts(executable: str, items: Iterable[tuple[str, Mapping[str, Any]]]) -> list[list[str]]:
    """Return for each item, given with its kind (`event`, `calendar`, ...), what the vendor's client has against it."""
    lines = "\n".join(json.dumps(item) for item in items)
    run = subprocess.run([executable, __file__], input=lines, capture_output=True, text=True, check=True, timeout=300)
    return [json.loads(line) for line in run.stdout.splitlines()]


def objections(sent: object, read: object, at: str = "") -> Iterator[str]:
    """Yield what was sent and not read back the same; what only the client adds does not count."""
    if isinstance(sent, dict) and isinstance(read, dict):
        for name, value in sent.items():
            if value not in (None, {}):
                yield from objections(value, read.get(name), f"{at}.{name}")
    elif isinstance(sent, list) and isinstance(read, list) and len(sent) == len(read):
        for one, other in zip(sent, read, strict=True):
            yield from objections(one, other, f"{at}[]")
    elif _plain(sent) != _plain(read):
        yield f"{at} is {sent!r}, read as {read!r}"


def _plain(value: object) -> object:
    """Write a time in one way."""
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    return (found[1], (found[2] or "").rstrip("0").rstrip(".")) if found else value


def _left_over(
    model: Any,  # noqa: ANN401 # of classes that are not there
    at: str = "",
    seen: frozenset[int] = frozenset(),
) -> Iterator[str]:
    """Yield the names that the client does not know, `@odata.*` and those of the beta aside."""
    if isinstance(model, list):
        for each in model:
            yield from _left_over(each, f"{at}[]", seen)
    if not hasattr(model, "get_field_deserializers") or id(model) in seen:
        return
    yield from (f"{at}.{name}" for name in model.additional_data if not name.startswith("@odata.") and name not in BETA)
    for each in fields(model):
        if each.name not in {"additional_data", "backing_store"}:
            yield from _left_over(getattr(model, each.name), f"{at}.{each.name}", seen | {id(model)})


def _judge() -> None:
    """Read items from the standard input, and print what is to be said against each."""
    factory = import_module("kiota_serialization_json.json_parse_node_factory").JsonParseNodeFactory()
    writers = import_module("kiota_serialization_json.json_serialization_writer")
    for line in sys.stdin:
        kind, item = json.loads(line)
        model = getattr(import_module(f"msgraph.generated.models.{kind}"), kind.title().replace("_", ""))
        node = factory.get_root_parse_node("application/json", json.dumps(item).encode())
        read = node.get_object_value(model)
        unknown = [f"{name} is unknown" for name in _left_over(read)]
        writer = writers.JsonSerializationWriter()
        writer.write_object_value(None, read)
        back = json.loads(writer.get_serialized_content())
        print(json.dumps(unknown + list(objections(item, back))))  # noqa: T201 # the program's answer


if __name__ == "__main__":
    _judge()
