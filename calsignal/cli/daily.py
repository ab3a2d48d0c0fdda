"""The daily run: each command as a person would type it, and a record of how it went."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from calsignal.cli.app import App
from calsignal.cli.options import say
from calsignal.errors import CalsignalError
from calsignal.schedule.record import Record, Run, Step

LOG, RECORD, MORNING = "schedule.log", "schedule.json", "digest.txt"
"""Files in the data folder, for their owner alone: the last run's words, how it went, and its digest."""
_TAIL = 20  # lines


def program(app: App) -> tuple[str, ...]:
    """Return the words that start this program from anywhere; -P keeps the folder it starts in out of it."""
    return (_python(), "-P", "-m", "calsignal", "--config", str(app.config_path.absolute()))


def _python() -> str:
    """Return this Python; on Windows the one that opens no window."""
    silent = Path(sys.executable).with_name("pythonw.exe")
    return str(silent) if silent.is_file() else sys.executable


def run(app: App, folder: Path, variables: Mapping[str, str]) -> int:
    """Do what is due every day; return the exit code of the first step that failed.

    One step that fails does not stop the next: what the store holds is worth a digest, which tells what is missing.
    """
    environ = {**app.environ, **variables}
    record, last = recorded(folder), Run(app.clock())
    keep(folder, replace(record, run=last))
    said: list[str] = []
    for name, words in _steps(app, folder, environ):
        code, told = _step(app, words, environ)
        said += [f"$ calsignal {' '.join(words)}", *told]
        last = replace(last, steps=(*last.steps, Step(name, code)))
        keep(folder, replace(record, run=last))
    last = replace(last, ended=app.clock())
    keep(folder, replace(record, run=last))
    _write(folder / LOG, "\n".join(said) + "\n")
    failed = [step for step in last.steps if step.exit_code]
    if failed:
        say(f"{', '.join(step.name for step in failed)} failed; {folder / LOG} says:")
        for line in said[-_TAIL:]:
            say(line)
    return failed[0].exit_code if failed else 0


def _step(app: App, words: tuple[str, ...], environ: Mapping[str, str]) -> tuple[int, list[str]]:
    """Run a command; return its exit code and what it said. Files that it writes are their owner's alone."""
    private: dict[str, Any] = {"umask": 0o077} if os.name == "posix" else {}
    done = subprocess.run(  # noqa: S603  # this program itself
        [*program(app), *words], env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=False, **private
    )
    return done.returncode, (done.stdout + done.stderr).decode(errors="replace").splitlines()


def _steps(app: App, folder: Path, environ: Mapping[str, str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the commands of the day by name: the sync, then each digest that somebody gets."""
    from calsignal.cli.reports import ENV_REP

    yield "sync", ("sync",)
    delivery = app.settings.delivery
    rep = environ.get(ENV_REP)
    if delivery.of_rep(rep) if rep else delivery.team:
        yield "digest", ("digest", "--send")
    if delivery.to_reps and not rep:
        yield "digests of the reps", ("digest", "--send", "--each")
    if not (delivery.team or delivery.to_reps):
        yield "digest", ("digest", "--output", str(folder / MORNING))


def recorded(folder: Path) -> Record:
    """Return what is remembered of the daily run."""
    try:
        return Record.from_text((folder / RECORD).read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        return Record()


def keep(folder: Path, record: Record) -> None:
    """Remember that of the daily run. Raises `CalsignalError`."""
    _write(folder / RECORD, record.to_text())


def _write(file: Path, text: str) -> None:
    from calsignal.vault import write_private

    try:
        write_private(file, text.encode("utf-8", "replace"))
    except OSError as error:
        raise CalsignalError(f"{file} cannot be written: {error.strerror}", "check the folder") from error
