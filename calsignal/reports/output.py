"""Where a report goes: how wide it may be, whether it may be coloured, and how it is written there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TextIO

WIDTH = 80  # of a pipe or a file, and of a terminal that does not tell


def width(stream: TextIO, environ: Mapping[str, str]) -> int:
    """Return how many columns a report may take: `COLUMNS`, else the terminal's, else 80."""
    asked = environ.get("COLUMNS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    if not stream.isatty():
        return WIDTH
    try:
        return os.get_terminal_size(stream.fileno()).columns or WIDTH
    except OSError:
        return WIDTH


def colour(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Say whether colours are welcome: on a terminal that understands them, and unless `NO_COLOR` is set."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def write(text: str, stream: TextIO) -> None:
    """Write a report; what the stream's encoding cannot hold becomes a question mark, a line its ASCII likeness."""
    encoding = stream.encoding or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        text = text.translate(_PLAINER).encode(encoding, "replace").decode(encoding)
    stream.write(text)


_PLAINER = str.maketrans({"─": "-", "·": "-", "…": "~"})
