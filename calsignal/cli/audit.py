"""`audit`: which forecast money has a buyer's calendar behind it, for the manager of a team."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from calsignal.cli.app import App
from calsignal.cli.options import again_option, as_of_option, emit, format_option, note, output_option, screen
from calsignal.cli.reports import ENV_REP
from calsignal.errors import InputError

if TYPE_CHECKING:
    from calsignal.score.audit import AuditResult
    from calsignal.score.calibration import Backtest

TABLES = ("deals", "forecast", "reps", "accounts", "coverage", "contest")


@click.command()
@click.option("--team", metavar="NAME", help="Only this team of [teams].")
@click.option(
    "--rep", metavar="EMAIL", help=f"Only this rep, who may run it too; `me` is {ENV_REP} or who alone is connected."
)
@click.option("--period", "days", metavar="DAYS", type=click.IntRange(1, 3650), help="How far back reps are measured.")
@click.option("--contest", is_flag=True, help="Rank the reps on eager prospects: somebody always wins.")
@click.option("--backtest", "look_back", is_flag=True, help="Show what the statuses said before deals closed.")
@click.option("--all", "show_all", is_flag=True, help="Leave nothing out of the text.")
@click.option("--table", type=click.Choice(TABLES), help="Which table to write as CSV; by default the deals.")
@click.option("--send", "sending", is_flag=True, help="Send it where [delivery] audit says; print nothing.")
@again_option
@as_of_option
@format_option("text", "json", "csv", "markdown", "html")
@output_option
@click.pass_context
def audit(
    ctx: click.Context,
    team: str | None,
    rep: str | None,
    days: int | None,
    contest: bool,
    look_back: bool,
    show_all: bool,
    table: str | None,
    sending: bool,
    again: bool,
    as_of: str | None,
    form: str,
    output: Path | None,
) -> None:
    """Hold the forecast against the calendars. Which money has a buyer behind it, and what to ask each rep."""
    from calsignal.auditing import audit as made

    app = ctx.ensure_object(App)
    if sending:
        from calsignal.cli.sending import refuse_beside_send

        refuse_beside_send(all=show_all, table=table, as_of=as_of, format=form != "text", output=output)
    elif again:
        raise InputError("--again says how to send", "add --send")
    if table and form != "csv":
        raise InputError(f"--table chooses what is written as CSV, and the format is {form}", "add --format csv")
    moment, store = app.as_of(as_of), app.store()
    found = made(store, app.settings, moment, days=days, team=team, rep=_rep(app, rep))
    past = None
    if look_back:
        from calsignal.calibrating import backtest

        past = backtest(store, app.settings, moment)
    if sending:
        ctx.exit(1 if _sent(app, found, past, contest=contest, again=again) else 0)
    if form == "csv":
        from calsignal.reports.audit_tables import audit_csv

        text = audit_csv(found, table or ("contest" if contest else "deals"))
    else:
        text = _written(app, found, past, form=form, contest=contest, show_all=show_all, output=output)
    emit(text, output)


def _sent(app: App, found: AuditResult, past: Backtest | None, *, contest: bool, again: bool) -> int:
    """Send an audit to each of its addresses; return to how many it could not be delivered."""
    from calsignal.cli.sending import audit_parcels, deliver
    from calsignal.reports.audit_words import scope
    from calsignal.reports.notes import audit_letter

    letter = audit_letter(found, with_contest=contest, backtest=past)
    return deliver(app, audit_parcels(app, letter, scope(found)), again=again)


def _rep(app: App, given: str | None) -> str | None:
    """Return the mailbox of the rep asked about; `me` is the one of the environment, or the only one.

    Raises:
        InputError: `me` is nobody, or it is no address.
    """
    if given is None:
        return None
    if given.strip().lower() == "me":
        given = app.environ.get(ENV_REP) or _only_rep(app)
    from calsignal.directory import normalise

    try:
        return normalise(given)
    except InputError as error:
        raise InputError(f"{given!r} is no e-mail address", "`calsignal connections` shows the reps") from error


def _only_rep(app: App) -> str:
    """Return the rep of the only mailbox that is connected."""
    reps = {connection.mailbox for connection in app.store().connections() if connection.retired_at is None}
    if len(reps) != 1:
        raise InputError("nobody knows who `me` is", f"set {ENV_REP} to your address, or give --rep EMAIL")
    return reps.pop()


def _written(
    app: App,
    found: AuditResult,
    past: Backtest | None,
    *,
    form: str,
    contest: bool,
    show_all: bool,
    output: Path | None,
) -> str:
    if form == "json":
        from calsignal.reports.audit_json import audit_json
        from calsignal.reports.jsonform import to_json

        return to_json(audit_json(found, past))
    if form == "markdown":
        from calsignal.reports.audit_tables import audit_markdown

        return audit_markdown(found, with_contest=contest, backtest=past)
    if form == "html":
        from calsignal.reports.audit_html import audit_html

        if output is None:
            note("a page for a browser; write it to a file with --output audit.html")
        return audit_html(found, with_contest=contest, backtest=past)
    from calsignal.reports.audit_text import audit_text

    return audit_text(found, show_all=show_all, with_contest=contest, backtest=past, **screen(app, output))
