"""`reminders`: the days to remember, to read or to put into a calendar."""

from __future__ import annotations

from pathlib import Path

import click

from calsignal.cli.app import App
from calsignal.cli.options import as_of_option, emit, note, output_option, pass_app, result_file, screen
from calsignal.cli.reports import ENV_REP, rep_asked_for


@click.command()
@click.option("--rep", metavar="EMAIL", help=f"Only of this rep's accounts and deals.  [env: {ENV_REP}]")
@click.option("--all", "past", is_flag=True, help="Those gone by, too.")
@as_of_option
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "ics")),
    help="How to write it; by default ics for an --output that ends in .ics, else text.",
)
@output_option
@pass_app
def reminders(app: App, rep: str | None, past: bool, as_of: str | None, form: str | None, output: Path | None) -> None:
    """List the days to remember. With --output FILE.ics, as a calendar to import or to publish.

    Ask for a next step within a week of a meeting; look again at a lost account 180 days after the last meeting; follow
    up 90 days after a deal was lost. An event keeps its identity: importing a newer file brings it up to date. The
    program itself never writes to a calendar.
    """
    from calsignal.reminding import reminders as made
    from calsignal.reports.reminders import reminders_ics, reminders_text

    found = made(app.store(), app.settings, app.as_of(as_of), rep_asked_for(app, rep), past=past)
    if (form or _form_of(output)) == "text":
        emit(reminders_text(found, **screen(app, output)), output)
        return
    with result_file(output) as file:
        file.write(reminders_ics(found))
    if not found.items:
        note("there is nothing to be reminded of: the calendar is empty")


def _form_of(output: Path | None) -> str:
    return "ics" if output is not None and output.suffix.lower() in (".ics", ".ical") else "text"
