"""Reading calendar files by path: one file, or every *.ics below a folder."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from calsignal.errors import SourceError

LARGEST = 50 * 1024 * 1024
_MOST = 20_000


def paths(root: Path) -> list[Path]:
    """Return the files to read, sorted; hidden ones are other programs' drafts. Raises `SourceError` for none."""
    if not root.is_dir():
        return [root]
    found = sorted(_below(root))
    if not found:
        raise SourceError(f"there is no .ics file in {root}", "check whether the folder is there and filled")
    if len(found) > _MOST:
        raise SourceError(f"there are more than {_MOST:,} files in {root}", "connect a smaller folder")
    return found


def _below(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if name.lower().endswith(".ics") and not name.startswith("."):
                yield Path(folder) / name


def content(path: Path) -> bytes:
    """Return a file's bytes; raises `SourceError` for what is not a readable file of sensible size."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise SourceError(f"{path} is not a file", "give the path of a calendar file or of a folder")
        if status.st_size > LARGEST:
            raise SourceError(f"{path} is larger than {LARGEST // 2**20} MB", "export a shorter time")
        return path.read_bytes()
    except FileNotFoundError:
        raise SourceError(f"{path} is not there any more", "put it back, or connect its new place") from None
    except OSError:
        raise SourceError(f"{path} cannot be read", "check who may read it") from None
