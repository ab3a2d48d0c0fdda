"""`secrets`: what the machines of a team share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from calsignal.cli.app import App
from calsignal.cli.options import emit, pass_app, say, show_help_alone
from calsignal.errors import CalsignalError, InputError

if TYPE_CHECKING:
    from calsignal.vault import StoreVault


@click.group(invoke_without_command=True)
@click.pass_context
def secrets(ctx: click.Context) -> None:
    """Share secrets with a team's other machines. They are sealed in the store, on PostgreSQL."""
    show_help_alone(ctx)


@secrets.command()
@click.argument("names", nargs=-1, metavar="[CONNECTION]...")
@pass_app
def share(app: App, names: tuple[str, ...]) -> None:
    """Move the secrets of this machine into the store. Those of all connections, or of those named.

    The key that people are known by is copied too. Every machine with the same CALSIGNAL_SECRET_KEY has them then.
    """
    from calsignal.cli.connect import known_connection
    from calsignal.vault import connection_secret

    team = _team_vault(app)
    by_name = {connection.name: connection for connection in app.store().connections()}
    chosen = [by_name[known_connection(name, list(by_name))] for name in names] or by_name.values()
    _share_address_key(app, team)
    for name in sorted({connection_secret(c.name, c.shares) for c in chosen if c.retired_at is None}):
        _move(app, team, name)


def _team_vault(app: App) -> StoreVault:
    from calsignal.vault import ENV_KEY, StoreVault

    if not isinstance(app.vault, StoreVault):
        hint = f"set CALSIGNAL_DATABASE_URL to a PostgreSQL database, and {ENV_KEY} to a passphrase for the team"
        raise InputError("there is no store to share secrets in", hint)
    return app.vault


def _share_address_key(app: App, team: StoreVault) -> None:
    """Copy the key that the store was written with; a key that nothing was written with stays where it is."""
    from calsignal.vault import ADDRESS_KEY

    own = app.own_vault.get(ADDRESS_KEY)
    if own is not None and app.wrote_with(own):
        team.keep(ADDRESS_KEY, own)
    app.address_key()  # says so where the team's key is another one than that of the store


def _move(app: App, team: StoreVault, name: str) -> None:
    """Move one secret, unless the team has it already: then that one is the newer."""
    shown, own = name.partition(":")[2], app.own_vault.get(name)
    if own is None:
        if team.get(name) is None:
            say(f"{shown}: there is no secret of it here")
        return
    kept = team.keep(name, own)
    app.own_vault.delete(name)
    emit(f"{shown}: shared" if kept == own else f"{shown}: was shared before; that secret stays")


@secrets.command()
@pass_app
def reseal(app: App) -> None:
    """Seal the shared secrets with a new passphrase, which is asked for. Stop the workers first."""
    from calsignal.cli.connect import ask_secret
    from calsignal.reports.words import plural
    from calsignal.vault import ENV_KEY

    team = _team_vault(app)
    new = ask_secret("New passphrase")
    if len(new) < 12:
        raise InputError("the new passphrase is shorter than 12 characters", "openssl rand -base64 32 makes a good one")
    count = team.reseal(new)
    if not count:
        raise CalsignalError("nothing is shared yet", "`calsignal secrets share` shares what this machine has")
    emit(f"{plural(count, 'secret')} sealed anew; set {ENV_KEY} to the new passphrase on every machine")
