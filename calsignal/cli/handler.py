"""The one place where errors become words for the reader and exit codes.

    error: FACT            what happened
    hint: STEP             what to do about it

Exit codes: 0 all well, 1 something partly failed, 2 the user's input or config, 3 the store, 130 interrupted by Ctrl-C,
143 by SIGTERM.
"""

from __future__ import annotations

import errno
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import IO, Any

import click

from calsignal.errors import CalsignalError, ConfigError

INTERRUPTED = 130

_ADDRESS = re.compile(r"\b(https?|webcals?)://(?:[^/\s'\"?#]*@)?([^/\s'\"?#@]+)[/?#][^\s'\"]*", re.IGNORECASE)


class Failure(click.ClickException):
    """A `CalsignalError` on its way out."""

    def __init__(self, error: CalsignalError) -> None:
        super().__init__(str(error))
        self.error = error
        self.exit_code = error.exit_code  # type: ignore[misc]  # click 8.1 has it on the instance too

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo("\n".join(sentences(self.error)), file=file, err=file is None)


def sentences(error: CalsignalError) -> Iterator[str]:
    """Yield the lines that tell an error, fit for a terminal; a config error tells all its problems."""
    from calsignal.reports.safe import clean

    yield from (line[: len(line) - len(line.lstrip())] + clean(line) for line in _lines(error))


def _lines(error: CalsignalError) -> Iterator[str]:
    yield f"error: {without_secrets(str(error))}"
    if isinstance(error, ConfigError):
        for fact, hint in error.problems:
            yield f"  {fact}"
            yield f"      hint: {hint}"
    if error.hint:
        yield f"hint: {error.hint}"


def without_secrets(text: str) -> str:
    """Return a text in which the address of a feed, typed where none belongs, say, is cut down to its host."""
    return _ADDRESS.sub(r"\1://\2/...", text)


@contextmanager
def told(*, debug: bool) -> Iterator[None]:
    """Turn whatever a command raises into sentences; `debug` shows the traceback first."""
    try:
        yield
    except click.UsageError as error:
        said = error.format_message()
        if (bare := without_secrets(said)) == said:
            raise
        raise click.UsageError(bare, error.ctx) from None
    except (click.ClickException, click.exceptions.Exit):
        raise
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        raise click.exceptions.Exit(INTERRUPTED) from None
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.EPIPE:
            raise  # the reader of our output has gone: click ends quietly
        if debug:
            click.echo(without_secrets(traceback.format_exc()), err=True, nl=False)
        raise Failure(error if isinstance(error, CalsignalError) else _unexpected(error)) from error


def _unexpected(error: Exception) -> CalsignalError:
    """Name the kind and the place only: the text of a stranger's error may quote a calendar or a secret."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    place = f"{PurePath(last.filename).stem}:{last.lineno}"
    return CalsignalError(
        f"something went wrong that should not ({type(error).__name__} at {place})",
        "run `calsignal --debug ...` for the details, and please report it",
    )
