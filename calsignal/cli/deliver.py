"""`deliver`: the addresses that reports are sent to."""

from __future__ import annotations

import secrets
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from calsignal.cli.addresses import Addresses
from calsignal.cli.app import App
from calsignal.cli.options import (
    ask_secret,
    emit,
    format_option,
    output_option,
    pass_app,
    say,
    screen,
    show_help_alone,
)
from calsignal.cli.reports import ENV_REP
from calsignal.errors import CalsignalError, InputError

if TYPE_CHECKING:
    from calsignal.delivery import Letter
    from calsignal.reports.tables import Route


@click.group(invoke_without_command=True)
@click.pass_context
def deliver(ctx: click.Context) -> None:
    """Keep the addresses that reports are sent to. They are secrets, and go by names of yours."""
    show_help_alone(ctx)


@deliver.command("add")
@click.argument("name")
@pass_app
def add(app: App, name: str) -> None:
    """Keep an address under a name. It is asked for, or read from standard input.

    \b
    mail    smtps://USER:PASSWORD@HOST?from=digest@company.example
            goes to the rep whose digest it is, or to=somebody@company.example
    Slack   https://hooks.slack.com/services/...
    Teams   https://....logic.azure.com/... (a workflow's)
    others  any webhook that takes JSON; with calsignal[delivery] what Apprise knows
    """  # noqa: D301  # click reads the backspace
    from calsignal.delivery import Mail

    found, known = Addresses(app).keep(name, ask_secret(f"Address for {name}"))
    emit(f"{'replaced' if known else 'kept'} {name}: {found.kind}, {found.host}")
    if name not in app.settings.delivery.names:
        say(f"next: name it in [delivery] of {app.config_path}")
    if isinstance(found, Mail) and not found.to:
        say(f"it names nobody, and so goes to each rep; try it: calsignal deliver test {name} --to YOU")
    else:
        say(f"try it: calsignal deliver test {name}")


@deliver.command("list")
@format_option("text", "json")
@output_option
@pass_app
def list_(app: App, form: str, output: Path | None) -> None:
    """Show the addresses. Of each its kind and its host, what goes there, and when it last did."""
    routes = tuple(_routes(app))
    if form == "json":
        from calsignal.reports.jsonform import deliveries_json, to_json

        text = to_json(deliveries_json(routes, zone=app.settings.team.timezone))
    else:
        from calsignal.reports.tables import deliveries_text

        text = deliveries_text(routes, now=app.now, zone=app.settings.team.timezone, **screen(app, output))
    emit(text, output)


def _routes(app: App) -> list[Route]:
    from calsignal.reports.tables import Route

    addresses, delivery, last = Addresses(app), app.settings.delivery, _last(app)
    found = []
    for name in sorted({*addresses.names(), *delivery.names}):
        try:
            address = addresses.get(name)
            kind, host, problem = address.kind, address.host, None
        except CalsignalError as error:
            kind, host, problem = None, None, str(error)
        gets = [key for key in ("team", "each", "audit") if name in getattr(delivery, key)]
        gets += sorted(rep for rep, names in delivery.reps.items() if name in names)
        found.append(Route(name, kind, host, tuple(gets), last.get(name), problem))
    return found


def _last(app: App) -> dict[str, datetime]:
    from calsignal.cli.sending import last_sent
    from calsignal.store import NoStore

    try:
        return last_sent(app, app.now.astimezone(app.settings.team.timezone).date()).last
    except NoStore:
        return {}


@deliver.command("remove")
@click.argument("name")
@pass_app
def remove(app: App, name: str) -> None:
    """Forget an address."""
    Addresses(app).forget(name)
    emit(f"forgot {name}")
    if name in app.settings.delivery.names:
        say(f"next: take it out of [delivery] of {app.config_path}, which still names it")


@deliver.command("test")
@click.argument("name")
@click.option("--to", metavar="EMAIL", help=f"Who gets it, where the address names nobody.  [env: {ENV_REP}]")
@pass_app
def test(app: App, name: str, to: str | None) -> None:
    """Send a line that says nothing of anybody, to see that an address works."""
    from calsignal.delivery import Mail, Stamp, send

    address = Addresses(app).get(name)
    rep = to or app.environ.get(ENV_REP) or None
    if isinstance(address, Mail) and not address.to and not rep:
        raise InputError(f"{name} names nobody to send to", f"say who: calsignal deliver test {name} --to EMAIL")
    moment = app.clock().astimezone(app.settings.team.timezone)
    send(address, _trial(), Stamp(moment, secrets.token_hex(16), rep, "test"), app.retry)
    emit(f"sent to {name}: {address.kind}, {address.host}")


def _trial() -> Letter:
    from calsignal.delivery import Letter, Note, Span
    from calsignal.reports.digest_html import line, page

    said = "This is a test of calsignal. Reports will look like reports."
    note = Note("calsignal: a test", ((Span(said),),))
    return Letter(note.title, said, page(note.title, "", [line(said, style="padding:18px 0")]), note)
