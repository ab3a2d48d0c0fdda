"""`digest`, `account` and `demo`: from the store to the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from calsignal.cli.app import App
from calsignal.cli.options import (
    again_option,
    as_of_option,
    asking,
    emit,
    format_option,
    note,
    output_option,
    pass_app,
    say,
    screen,
    somebody_there,
)
from calsignal.errors import InputError

if TYPE_CHECKING:
    from calsignal.score.result import Digest

ENV_REP = "CALSIGNAL_REP"


@click.command()
@click.option("--rep", metavar="EMAIL", help=f"Only the accounts that this rep meets or owns.  [env: {ENV_REP}]")
@click.option("--all", "show_all", is_flag=True, help="Leave nothing out for the sake of one screen.")
@click.option("--since", metavar="WHEN", help="List what changed since then; by default since yesterday.")
@click.option("--send", "sending", is_flag=True, help="Send it as [delivery] of the config says; print nothing.")
@click.option("--each", is_flag=True, help="With --send: every rep their own digest.")
@again_option
@as_of_option
@format_option("text", "json", "csv", "markdown", "html")
@output_option
@click.pass_context
def digest(
    ctx: click.Context,
    rep: str | None,
    show_all: bool,
    since: str | None,
    sending: bool,
    each: bool,
    again: bool,
    as_of: str | None,
    form: str,
    output: Path | None,
) -> None:
    """Show a rep's morning. What to do first, today, who is real and who is soft, and what changed."""
    app = ctx.ensure_object(App)
    if sending:
        from calsignal.cli.sending import refuse_beside_send

        refuse_beside_send(all=show_all, since=since, as_of=as_of, format=form != "text", output=output)
        ctx.exit(1 if _sent(app, rep, each=each, again=again) else 0)
    if each or again:
        raise InputError(f"--{'each' if each else 'again'} says how to send", "add --send")
    from calsignal.analysis import digest as made

    moment = app.as_of(as_of)
    start = app.moment(since) if since else None
    if start and start > moment:
        raise InputError(f"--since {since} is later than the moment of the report", "name an earlier one")
    found = made(app.store(), app.settings, moment, rep_asked_for(app, rep), start)
    emit(_digest(app, found, show_all=show_all, form=form, output=output), output)


def _sent(app: App, rep: str | None, *, each: bool, again: bool) -> int:
    """Send a digest, or every rep's own; return how many could not be delivered."""
    from calsignal.cli.sending import deliver, digest_parcels, rep_parcels

    if each and rep:
        raise InputError("--each is every rep, --rep is one", "leave one of them out")
    parcels = rep_parcels(app) if each else digest_parcels(app, rep_asked_for(app, rep))
    return deliver(app, parcels, again=again)


def rep_asked_for(app: App, given: str | None) -> str | None:
    """Return the mailbox of the rep in question; another address of theirs will do."""
    text = given or app.environ.get(ENV_REP)
    if not text:
        return None
    from calsignal.team import mailbox_of

    return mailbox_of(text, app.settings)


def _digest(app: App, found: Digest, *, show_all: bool, form: str, output: Path | None) -> str:
    if form == "json":
        from calsignal.reports.jsonform import digest_json, to_json

        return to_json(digest_json(found))
    if form in ("csv", "markdown"):
        from calsignal.reports.digest_tables import digest_csv, digest_markdown

        return digest_csv(found) if form == "csv" else digest_markdown(found)
    if form == "html":
        from calsignal.reports.digest_html import digest_html

        return digest_html(found, show_all=show_all)
    from calsignal.reports.digest_text import digest_text

    return digest_text(found, show_all=show_all, **screen(app, output))


@click.command()
@click.argument("name")
@as_of_option
@format_option("text", "json")
@output_option
@pass_app
def account(app: App, name: str, as_of: str | None, form: str, output: Path | None) -> None:
    """Show everything behind one account. What happened, every meeting, and every number of the score.

    NAME may be its name, a domain, a buyer's address, or a part of name or domain.
    """
    from calsignal.analysis import account_report

    moment, chosen = app.as_of(as_of), _account_called(app, name)
    report = account_report(app.store(), app.settings, moment, chosen)
    if form == "json":
        from calsignal.reports.jsonform import account_json, to_json

        text = to_json(account_json(report))
    else:
        from calsignal.reports.account_text import account_text

        text = account_text(report, constants=app.settings.scoring, **screen(app, output))
    emit(text, output)


def _account_called(app: App, name: str) -> str:
    """Return the name of the account that is meant; somebody at a terminal is asked where it may be several."""
    from calsignal.team import called, one_called

    accounts = app.store().accounts()
    found = sorted(account.name for account in called(name, accounts))
    if len(found) < 2 or not somebody_there():
        return one_called(name, accounts).name
    for number, one in enumerate(found, 1):
        say(f"{number} {one}")
    with asking("name one of them"):
        choice: int = click.prompt("Which one", type=click.IntRange(1, len(found)), err=True)
    return found[choice - 1]


@click.command()
@click.option(
    "--html", "page", type=click.Path(path_type=Path, dir_okay=False), help="Write the manager's report there, too."
)
@format_option("text", "json")
@output_option
@pass_app
def demo(app: App, page: Path | None, form: str, output: Path | None) -> None:
    """Show an invented team. Two months of it are played; then come the audit, and below it one rep's digest."""
    from calsignal.analysis import digest as made
    from calsignal.auditing import audit
    from calsignal.cli.setup import system_zone
    from calsignal.config import Settings, Team, team_zone
    from calsignal.demo import demo_settings, played
    from calsignal.demo.scenes import REP

    settings = demo_settings(Settings(team=Team(timezone=team_zone(system_zone(app.environ)))))
    with played(settings, app.now) as store:
        digested, audited = made(store, settings, app.now, REP), audit(store, settings, app.now)
    text = _digest(app, digested, show_all=False, form=form, output=output)
    if form == "text":
        from calsignal.reports.audit_text import audit_text

        text = f"{audit_text(audited, **screen(app, output))}\n{text}"
    if page is not None:
        from calsignal.reports.audit_html import audit_html

        emit(audit_html(audited, with_contest=True), page)
    emit(text, output)
    note("this team is made up; for your own begin with `calsignal init`")
