"""Run connect, sync and digest over every file of a corpus, and print what was read and what was not, and why.

    python tests/corpus.py /path/to/corpus [--all]

Each file gets a home of its own. The table names file, events read, and what was skipped with its reasons; the totals
stand in DESIGN.md.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from click.testing import CliRunner, Result

from calsignal.cli import cli
from calsignal.cli.app import App
from calsignal.config import Settings
from calsignal.contract import Access, Window
from calsignal.model import Skipped
from calsignal.registry import Registry

REP = "rep@ours.example"
NOW = datetime(2026, 3, 16, 18, tzinfo=UTC)
EVERYTHING = Window(datetime(1850, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC))


@dataclass(frozen=True)
class Row:
    """What became of one file: VEVENTs in it, events that the provider reads from it, and what it could not read.

    `problem` is why the whole file could not be read; `crash` the name of an exception that should not have been.
    """

    name: str
    components: int
    read: int
    skipped: tuple[Skipped, ...] = ()
    problem: str = ""
    crash: str = ""


def files(corpus: Path) -> list[Path]:
    return sorted((corpus / "ics").glob("*.ics"))


def try_file(path: Path) -> Row:
    """Type the commands of a first morning with one file, in a home of its own."""
    content = path.read_bytes().upper().replace(b"\0", b"")
    content = re.sub(rb"BEGIN:VPOLL.*?END:VPOLL", b"", content, flags=re.DOTALL)  # options to vote on, not events
    components = content.count(b"BEGIN:VEVENT")
    with tempfile.TemporaryDirectory() as folder:
        for words in (
            ("init", "--domain", "ours.example", "--timezone", "Europe/Berlin"),
            ("connect", "ics", str(path), "--rep", REP),
            ("sync",),
            ("digest",),
        ):
            result = _type(Path(folder), words)
            if _crashed(result):
                return Row(path.name, components, 0, crash=f"{words[0]}: {type(result.exception).__name__}")
            if words[0] == "sync":
                problem = result.stderr.partition(f"ics:{REP}: ")[2].partition("\n")[0] if result.exit_code else ""
    return replace(_row(path, components), problem=problem)


def _type(folder: Path, words: tuple[str, ...]) -> Result:
    app = App(
        clock=lambda: NOW + timedelta(seconds=len(words[0])),
        environ={"CALSIGNAL_VAULT": "file"},
        config_dir=folder / "config",
        data_dir=folder / "data",
    )
    return CliRunner().invoke(cli, words, obj=app, prog_name="calsignal")


def _crashed(result: Result) -> bool:
    unexpected = result.exception is not None and not isinstance(result.exception, SystemExit)
    return unexpected or "Traceback" in result.output or "unexpected" in result.output


def _row(path: Path, components: int) -> Row:
    """Count what the provider reads when it is asked for all times, not for the last year."""
    from calsignal.errors import SourceError

    access = Access(
        mailbox=REP,
        settings={"path": str(path)},
        config=Settings().providers.get("ics", {}),
        secret=None,
        save_secret=lambda _: None,
        window=EVERYTHING,
        retry=lambda request: request(),
    )
    source = Registry().get("ics").open(access)
    try:
        pages = [page for calendar in source.calendars() for page in source.pull(calendar, None)]
    except SourceError:
        return Row(path.name, components, 0)
    finally:
        source.close()
    skipped = tuple(item for page in pages for item in page.skipped)
    return Row(path.name, components, sum(len(page.events) for page in pages), skipped)


def table(rows: Iterable[Row], *, every: bool) -> Iterator[str]:
    """Yield the lines of the table; without `every` only of the files that were not wholly read."""
    found = list(rows)
    for row in found:
        if every or row.skipped or row.problem or row.crash:
            yield f"{row.name}\t{row.components} VEVENT\t{row.read} read\t{row.problem or row.crash or ''}"
            yield from (f"    {item.id[:60]}: {item.reason}" for item in row.skipped)
    reasons = Counter(item.reason for row in found for item in row.skipped)
    yield ""
    yield f"files {len(found)}, of which not readable {sum(bool(r.problem) for r in found)}"
    yield f"VEVENT components {sum(r.components for r in found)}, events read {sum(r.read for r in found)}"
    yield f"skipped {sum(reasons.values())}, crashes {sum(bool(r.crash) for r in found)}"
    yield from (f"    {count:5} {reason}" for reason, count in reasons.most_common())


if __name__ == "__main__":
    listed = files(Path(sys.argv[1]))
    for line in table(map(try_file, listed), every="--all" in sys.argv):
        print(line)  # noqa: T201  # this is a script
