"""A table of values as CSV for programs and spreadsheets, and as Markdown for people."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from calsignal.reports.safe import markdown, spreadsheet

Value = str | int | float | Decimal | date | bool | None


@dataclass(frozen=True)
class Table:
    """Columns with their names, and rows of values; None is unknown."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]


def as_csv(table: Table) -> str:
    """Return a table as CSV: numbers and ISO dates as they are, unknown as an empty cell, formulas disarmed."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows([_plain(value) for value in row] for row in table.rows)
    return file.getvalue()


def _plain(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return spreadsheet(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Decimal):
        return f"{value:f}"
    return f"{value:.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def as_markdown(table: Table) -> str:
    """Return a table with its heading, or nothing where it has no rows; numbers stand to the right."""
    if not table.rows:
        return ""
    numbers = (
        all(isinstance(value, int | float | Decimal | None) for value in column)
        for column in zip(*table.rows, strict=True)
    )
    lines = [table.columns, tuple("---:" if right else "---" for right in numbers)]
    cells = [tuple(markdown(_shown(value)) for value in row) for row in table.rows]
    body = "\n".join(f"| {' | '.join(row)} |" for row in [*lines, *cells])
    return f"## {table.title}\n\n{body}"


def _shown(value: Value) -> str:
    if isinstance(value, Decimal):
        return number(value)
    if isinstance(value, float):
        return f"{value:.1f}"
    return "-" if value is None else value if isinstance(value, str) else _plain(value)


def number(value: Decimal) -> str:
    """Write an amount without its currency: `480,000`, `18,500.50`."""
    whole = value == value.to_integral_value()
    return f"{value:,.0f}" if whole else f"{value:,.2f}"
