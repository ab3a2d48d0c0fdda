"""Options that several commands share, and the ways in and out of the terminal."""

from __future__ import annotations

import errno
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import click

from calsignal.cli.app import App
from calsignal.errors import CalsignalError, InputError

F = TypeVar("F", bound=Callable[..., Any])

pass_app = click.make_pass_decorator(App)

as_of_option = click.option(
    "--as-of", metavar="WHEN", help="Report as of then: an ISO date (the end of that day), or a date and time."
)
again_option = click.option(
    "--again", is_flag=True, help="With --send: also what was sent today already, and on a quiet day."
)
output_option = click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="Write to this file; - is stdout.",
)


def format_option(*formats: str) -> Callable[[F], F]:
    """Return the option that chooses how a result is written; the first is the default."""
    return click.option(
        "--format", "form", type=click.Choice(formats), default=formats[0], show_default=True, help="How to write it."
    )


@contextmanager
def asking(otherwise: str) -> Iterator[None]:
    """Raise `InputError` with the hint `otherwise` where the input ends before the question in here is answered."""
    try:
        yield
    except click.Abort as stop:
        if not isinstance(stop.__context__, EOFError):
            raise
        click.echo(err=True)  # ends the line of the question
        raise InputError("the input ended before the question was answered", otherwise) from None


def somebody_there() -> bool:
    """Say whether a person can be asked: input and messages are a terminal's."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask_secret(question: str) -> str:
    """Ask without echo on a terminal, or read one line of standard input. Raises `InputError`."""
    ask = partial(click.prompt, question, hide_input=True, err=True) if sys.stdin.isatty() else sys.stdin.readline
    otherwise = "type it at the prompt, or hand it in on standard input"
    with asking(otherwise):
        secret = str(ask())
    if not secret.strip():
        raise InputError("no secret was given", otherwise)
    return secret.strip()


def say(text: str) -> None:
    """Print a message on stderr, fit for a terminal."""
    from calsignal.reports.safe import clean

    click.echo(clean(text), err=True)


def note(text: str) -> None:
    """Print what a reader may do without, on stderr; nothing with `--quiet`."""
    context = click.get_current_context(silent=True)
    app = context.find_object(App) if context else None
    if app is None or not app.quiet:
        say(text)


def emit(text: str, output: Path | None = None) -> None:
    """Print a result, or write it to a file as UTF-8.

    Raises:
        InputError: the file cannot be written.
        CalsignalError: standard output cannot.
    """
    from calsignal.reports.output import write

    text = text if text.endswith("\n") else f"{text}\n"
    if output is None or str(output) == "-":
        try:
            if _is_long(text):
                _page(text)
            else:
                write(text, sys.stdout)
                sys.stdout.flush()
        except OSError as error:
            raise _unwritten(error, output) from error
        return
    try:
        output.write_text(text, encoding="utf-8", errors="replace", newline="\n")
    except OSError as error:
        raise _unwritten(error, output) from error


def _is_long(text: str) -> bool:
    """Say whether a text goes through a pager: it does not fit on the terminal that it goes to."""
    context = click.get_current_context(silent=True)
    app = context.find_object(App) if context else None
    if app is None or not app.pager or not _on_terminal():
        return False
    return text.count("\n") >= shutil.get_terminal_size().lines


def _on_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _page(text: str) -> None:
    """Show a text through `PAGER`, else less; less keeps colours, and leaves the text on the screen."""
    os.environ.setdefault("LESS", "FRX")
    click.echo_via_pager(text.removesuffix("\n"))


@contextmanager
def result_file(output: Path | None) -> Iterator[BinaryIO]:
    """Give a file for the bytes of a result: standard output, or `output`, which appears when all is written.

    Raises:
        InputError: the file cannot be written.
        CalsignalError: standard output cannot.
    """
    try:
        with _stdout() if output is None or str(output) == "-" else _whole(output) as file:
            yield file
    except OSError as error:
        raise _unwritten(error, output) from error


@contextmanager
def _stdout() -> Iterator[BinaryIO]:
    sys.stdout.flush()
    yield sys.stdout.buffer
    sys.stdout.buffer.flush()


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """Give a file beside `path` that takes its place at the end, and is gone where that is not reached."""
    if path.exists() and not path.is_file():  # a pipe, a device
        with path.open("wb") as file:
            yield file
        return
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _unwritten(error: OSError, output: Path | None) -> Exception:
    """Return what to raise when a result could not be written."""
    if output is not None and str(output) != "-":
        return InputError(f"{output} cannot be written: {error.strerror}", "name another file")
    if error.errno == errno.EPIPE:
        return error  # the reader has seen enough
    return CalsignalError(f"the result cannot be written: {error.strerror}", "write it to a --output")


def read_file(file: Path) -> bytes:
    """Return what is in a file that the user named; - is standard input. Raises `InputError`."""
    if str(file) == "-":
        return sys.stdin.buffer.read()
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", "check the name of the file") from error


def screen(app: App, output: Path | None) -> dict[str, Any]:
    """Return width and colour for a text report; a file has 80 columns and no colour."""
    width, colour = (80, False) if output is not None and str(output) != "-" else app.screen()
    return {"width": max(width, 40), "colour": colour}


def show_help_alone(ctx: click.Context) -> None:
    """Print the help of a group that was called without a command."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
