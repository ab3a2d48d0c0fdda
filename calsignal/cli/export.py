"""`export`: the figures as tables, for other programs."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from calsignal.cli.app import App
from calsignal.cli.options import as_of_option, format_option, output_option, pass_app, result_file
from calsignal.errors import InputError

NAMES = ("ledger", "meetings", "changes", "accounts", "deals")


@click.command()
@click.argument("table", type=click.Choice(NAMES))
@as_of_option
@format_option("csv", "jsonl", "parquet")
@output_option
@pass_app
def export(app: App, table: str, as_of: str | None, form: str, output: Path | None) -> None:
    r"""Write a table for other programs. Its columns keep their names; docs/export.md explains each.

    \b
      ledger    what each calendar said, and when that was seen
      meetings  every meeting of every account as the score sees it, copies merged
      changes   what happened to them: booked, moved, answered, called off
      accounts  status, score, and what it is made of
      deals     the CRM's deals, and what the calendars say of them
    """
    from calsignal.exporting import TABLES
    from calsignal.reports.export import write

    moment, store, settings = app.as_of(as_of), app.store(), app.settings
    if form == "parquet" and _on_screen(output):
        raise InputError("a Parquet file is nothing for a terminal", f"add --output {table}.parquet")
    with result_file(output) as file:
        write(TABLES[table], store, settings, file, form=form, as_of=moment)


def _on_screen(output: Path | None) -> bool:
    return (output is None or str(output) == "-") and sys.stdout.isatty()
