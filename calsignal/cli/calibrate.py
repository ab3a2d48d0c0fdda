"""`calibrate`: what closed deals say about the score."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from calsignal.cli.app import App
from calsignal.cli.options import as_of_option, emit, format_option, output_option, pass_app, say, screen
from calsignal.errors import InputError

if TYPE_CHECKING:
    from calsignal.score.calibration import CalibrationReport


@click.command()
@click.option("--accept", is_flag=True, help="Keep it, if it passes: reports then show a probability beside the score.")
@click.option("--withdraw", is_flag=True, help="Forget the one that was accepted.")
@as_of_option
@format_option("text", "json", "html")
@output_option
@pass_app
def calibrate(app: App, accept: bool, withdraw: bool, as_of: str | None, form: str, output: Path | None) -> None:
    """Try the score on closed deals. Does what buyers do in calendars foretell which deals are won, and how well?"""
    from calsignal import calibrating
    from calsignal.reports.calibration_text import accepted_line

    if accept and withdraw:
        raise InputError("a calibration cannot be accepted and withdrawn at once", "choose one of the two")
    if withdraw:
        there = calibrating.withdraw(app.store())
        say("withdrawn: the default score speaks alone" if there else "no calibration was accepted")
        return
    report = calibrating.calibration(app.store(), app.settings, app.as_of(as_of))
    emit(_written(app, report, form, output), output)
    if accept:
        say(accepted_line(calibrating.accept(app.store(), report, app.now)))


def _written(app: App, report: CalibrationReport, form: str, output: Path | None) -> str:
    if form == "json":
        from calsignal.reports.calibration_json import calibration_json
        from calsignal.reports.jsonform import to_json

        return to_json(calibration_json(report))
    if form == "html":
        from calsignal.reports.calibration_html import calibration_html

        return calibration_html(report)
    from calsignal.reports.calibration_text import calibration_text

    return calibration_text(report, **screen(app, output))
