from __future__ import annotations

import io
import os
import subprocess
import sys

import pytest

from calsignal.reports import output


class Terminal(io.StringIO):
    """A stream that says it is a terminal, with a file number of our choice."""

    def __init__(self, number: int = -1) -> None:
        super().__init__()
        self.number = number

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return self.number


def test_a_pipe_is_eighty_columns_wide_and_plain() -> None:
    pipe = io.StringIO()

    assert output.width(pipe, {}) == 80
    assert not output.colour(pipe, {})


@pytest.mark.parametrize(("columns", "width"), [("132", 132), ("0", 80), ("wide", 80), ("-5", 80), ("", 80)])
def test_columns_in_the_environment_win_when_they_are_a_number(columns: str, width: int) -> None:
    assert output.width(io.StringIO(), {"COLUMNS": columns}) == width


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no pseudo-terminals here")
def test_a_terminal_is_asked_for_its_width() -> None:
    import fcntl
    import struct
    import termios

    master, slave = os.openpty()
    try:
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 101, 0, 0))

        assert output.width(Terminal(slave), {}) == 101
    finally:
        os.close(master)
        os.close(slave)


def test_a_terminal_that_does_not_tell_is_eighty_columns_wide() -> None:
    assert output.width(Terminal(), {}) == 80


@pytest.mark.parametrize(
    ("environ", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_a_terminal_is_coloured_unless_told_otherwise(environ: dict[str, str], coloured: bool) -> None:
    assert output.colour(Terminal(), environ) is coloured


@pytest.mark.parametrize(
    ("encoding", "written"), [("utf-8", "── Zoë · 株\n"), ("latin-1", "-- Zoë - ?\n"), ("ascii", "-- Zo? - ?\n")]
)
def test_a_stream_that_cannot_hold_a_character_gets_its_likeness(encoding: str, written: str) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, newline="\n")

    output.write("── Zoë · 株\n", stream)
    stream.flush()

    assert raw.getvalue().decode(encoding) == written


def test_a_stream_without_an_encoding_gets_the_text_as_it_is() -> None:
    stream = io.StringIO()

    output.write("──\n", stream)

    assert stream.getvalue() == "──\n"


def test_rendering_a_plain_morning_imports_no_rich() -> None:
    code = (
        "import sys; import calsignal.reports.digest_text, calsignal.reports.account_text; print('rich' in sys.modules)"
    )

    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ran.stdout == "False\n"
