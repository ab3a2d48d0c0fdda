"""Read a CSV file of whatever encoding, separator and line end into rows of cells. Pure.

A row that is no CSV is named in its place, and the others go on.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from calsignal.errors import InputError

_SEPARATORS = ",;\t|"
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")  # .xlsx and .ods, .xls


class Row(NamedTuple):
    """A row that holds anything. `number` counts as spreadsheets do, `line` as editors do: where it begins, from 1."""

    number: int
    line: int
    cells: list[str]


class BadRow(NamedTuple):
    """A row that cannot be read, and why."""

    number: int
    line: int
    fact: str


def read_rows(content: bytes) -> Iterator[Row | BadRow]:
    """Yield the rows that hold anything, cells without the blanks around them.

    A quote that is never closed takes all the rest with it.

    Raises:
        InputError: the encoding is not known, or it is a workbook.
    """
    if content.startswith(_WORKBOOKS):
        raise InputError("this is a workbook, and no CSV file", "save it as CSV (UTF-8)")
    lines = _decode(content).splitlines(keepends=True)
    said = re.fullmatch(r"sep=(.)\s*", lines[0], re.IGNORECASE) if lines else None  # a line of Excel's
    above = 1 if said else 0
    separator = said[1] if said else _separator(lines)
    table = csv.reader(io.StringIO("".join(lines[above:]), newline=""), delimiter=separator, strict=True)
    number = above
    while True:
        line = above + table.line_num + 1
        number += 1
        try:
            cells = [cell.strip() for cell in next(table)]
        except StopIteration:
            return
        except csv.Error as error:
            yield BadRow(number, line, f"this row is no CSV ({error})")
            continue
        if any(cells):
            yield Row(number, line, cells)


def by_column(row: Row, columns: Sequence[str]) -> dict[str, str] | BadRow:
    """Return the cells of a row by column; a column called "" is left out, and a missing cell is empty."""
    if any(row.cells[len(columns) :]):
        return BadRow(row.number, row.line, f"this row has {len(row.cells)} cells, the first line {len(columns)}")
    filled = [*row.cells, *[""] * len(columns)]
    return {column: cell for column, cell in zip(columns, filled, strict=False) if column}


def _decode(content: bytes) -> str:
    for encoding in _encodings(content[:2]):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InputError("the encoding of the file is not known", "save it as UTF-8")


def _encodings(begin: bytes) -> list[str]:
    if begin in (b"\xff\xfe", b"\xfe\xff"):
        return ["utf-16"]
    if len(begin) == 2 and 0 in begin:  # UTF-16 without its mark: half of a Latin letter is a zero
        return ["utf-16-be" if begin[0] == 0 else "utf-16-le"]
    return ["utf-8-sig", "cp1252"]


def _separator(lines: Sequence[str]) -> str:
    """Return the commonest separator of the first line that has any outside quotes."""
    for line in lines:
        bare = re.sub(r'"[^"]*"', "", line)
        if any(sign in bare for sign in _SEPARATORS):
            return max(_SEPARATORS, key=bare.count)
    return _SEPARATORS[0]
