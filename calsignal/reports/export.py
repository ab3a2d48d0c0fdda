"""An export as CSV, JSON lines or Parquet, written row by row; and the dictionary of its columns.

Moments are RFC 3339 with the offset of the team's zone, in Parquet instants in UTC; days are dates; unknown is an empty
cell, null in JSON and Parquet.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from calsignal.config import Settings
from calsignal.errors import InputError
from calsignal.exporting import TABLES, VERSION, Kind, Row, Table, Value
from calsignal.reports.jsonform import Form, to_json_line
from calsignal.reports.safe import spreadsheet
from calsignal.store import Store

FORMATS = ("csv", "jsonl", "parquet")
_BATCH = 10_000  # rows of one group of a Parquet file: few enough to hold, enough to compress well
_PRECISION = 9  # decimals of an amount in Parquet; no currency has more than 4


def write(table: Table[Any], store: Store, settings: Settings, file: BinaryIO, *, form: str, as_of: datetime) -> None:
    """Write a table as of a moment to a file, as UTF-8 where it is text; no more than a group of rows is held.

    Raises:
        InputError: the format needs a package that is not installed, or there is no such format.
        StoreError: the store cannot be read.
    """
    if form not in FORMATS:
        raise InputError(f"there is no format called {form}", f"choose one of {', '.join(FORMATS)}")
    rows, zone = table.rows(store, settings, as_of), settings.team.timezone
    with closing(rows):  # whatever happens, the reading of the store ends here
        if form == "parquet":
            write_parquet(table, rows, file, as_of=as_of, zone=zone)
        else:
            lines = csv_lines(table, rows, zone) if form == "csv" else json_lines(rows, zone)
            file.writelines(line.encode("utf-8", "replace") for line in lines)


def csv_lines(table: Table[Any], rows: Iterable[Row], zone: ZoneInfo) -> Iterator[str]:
    """Yield the table as CSV: head, then rows; semicolons part the items of a list, formulas are disarmed."""
    form = Form(zone)
    yield _line([column.name for column in table.columns])
    for row in rows:
        yield _line([_cell(value, form) for value in row.values()])


def _line(cells: Sequence[str]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerow(cells)
    return file.getvalue()


def _cell(value: Value, form: Form) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return spreadsheet(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".")
    if isinstance(value, Sequence):
        return "; ".join([_cell(item, form) for item in value])
    return str(_written(value, form))


def json_lines(rows: Iterable[Row], zone: ZoneInfo) -> Iterator[str]:
    """Yield the rows as JSON objects, one a line; text stays as it was written, amounts are decimal texts."""
    form = Form(zone)
    for row in rows:
        yield to_json_line({name: _written(value, form) for name, value in row.items()})


def _written(value: Value, form: Form) -> Any:  # noqa: ANN401  # what JSON holds
    if isinstance(value, date):  # a datetime is one too
        return form.moment(value)
    return f"{value:f}" if isinstance(value, Decimal) else value


# --- Parquet ----------------------------------------------------------------------------------------------------------


def write_parquet(table: Table[Any], rows: Iterable[Row], file: BinaryIO, *, as_of: datetime, zone: ZoneInfo) -> None:
    """Write the table as a Parquet file, compressed with zstd, a group of rows at a time.

    Raises:
        InputError: the package pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError as error:
        hint = "pip install 'calsignal[parquet]', or take --format csv or jsonl"
        raise InputError("Parquet needs the package pyarrow, which is not installed", hint) from error
    said = {"calsignal.format": f"calsignal.export.{table.name}/{VERSION}", "calsignal.timezone": zone.key}
    said["calsignal.as_of"] = as_of.astimezone(UTC).isoformat()
    fields = [
        pa.field(c.name, _arrow(pa)[c.kind], nullable=bool(c.null), metadata={"meaning": c.meaning})
        for c in table.columns
    ]
    schema = pa.schema(fields, metadata=said)
    with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        rest = iter(rows)
        while batch := list(islice(rest, _BATCH)):
            columns = [pa.array([_exact(row[f.name]) for row in batch], f.type) for f in schema]
            writer.write_batch(pa.record_batch(columns, schema=schema))


def _arrow(pa: Any) -> Mapping[Kind, Any]:  # noqa: ANN401  # a package that may be missing
    return {
        Kind.TEXT: pa.string(),
        Kind.MOMENT: pa.timestamp("us", "UTC"),
        Kind.DAY: pa.date32(),
        Kind.WHOLE: pa.int64(),
        Kind.NUMBER: pa.float64(),
        Kind.AMOUNT: pa.decimal128(38, _PRECISION),
        Kind.FLAG: pa.bool_(),
        Kind.TEXTS: pa.list_(pa.string()),
        Kind.WHOLES: pa.list_(pa.int64()),
    }


def _exact(value: Value) -> Any:  # noqa: ANN401  # what Arrow takes
    if isinstance(value, Decimal):
        return round(value, _PRECISION)
    return list(value) if isinstance(value, tuple) else value


# --- the dictionary ---------------------------------------------------------------------------------------------------

_FORMS: Mapping[Kind, tuple[str, str]] = {
    Kind.TEXT: ("text", "string"),
    Kind.MOMENT: ("text, RFC 3339", "timestamp (microseconds, UTC)"),
    Kind.DAY: ("text, `2026-03-31`", "date32"),
    Kind.WHOLE: ("number", "int64"),
    Kind.NUMBER: ("number", "double"),
    Kind.AMOUNT: ("text with decimal digits; in CSV the digits", f"decimal (38, {_PRECISION})"),
    Kind.FLAG: ("true or false", "boolean"),
    Kind.TEXTS: ("array; in CSV the texts, parted by `; `", "list of strings"),
    Kind.WHOLES: ("array; in CSV the numbers, parted by `; `", "list of int64"),
}


def dictionary() -> str:
    """Return, as Markdown, every type and every column of every table, from their definitions."""
    types = _grid(("type", "CSV and JSON lines", "Parquet"), ((kind.value, *form) for kind, form in _FORMS.items()))
    return "\n\n".join([f"### Types\n\n{types}", *map(_section, TABLES.values())]) + "\n"


def _section(table: Table[Any]) -> str:
    head = ("column", "type", "unit", "meaning", "empty means")
    rows = ((f"`{c.name}`", c.kind.value, c.unit or "-", c.meaning, c.null or "never empty") for c in table.columns)
    return f"### {table.name}\n\n{table.about}\n\n{_grid(head, rows)}"


def _grid(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
