"""`vault`: the encrypted file that holds the secrets where there is no keyring, and the secrets that a team shares."""

from __future__ import annotations

import sys
from functools import partial

import click

from calsignal.cli.app import App
from calsignal.cli.options import asking, emit, pass_app, say, show_help_alone
from calsignal.errors import InputError
from calsignal.vault import ENV_KEY, FileVault, StoreVault


@click.group(invoke_without_command=True)
@click.pass_context
def vault(ctx: click.Context) -> None:
    """Look after the secrets that are sealed: in a file, or by a team in its store.

    There is a file where the system has no keyring. A team shares its secrets in PostgreSQL.
    """
    show_help_alone(ctx)


@vault.command()
@click.option("--passphrase", "kind", flag_value="passphrase", help=f"Seal it with a new passphrase, then {ENV_KEY}.")
@click.option("--key-file", "kind", flag_value="file", help="Seal it with a new random key in a file of its own.")
@pass_app
def rekey(app: App, kind: str | None) -> None:
    """Seal the secrets with a new key, of the same kind as before or another. Copies made before open with the old one.

    A passphrase is asked for without echo, or read from a line of standard input; it never stands on the command line.
    """
    from calsignal.reports.words import plural

    file = app.vault
    if isinstance(file, StoreVault):
        _rekey_team(file, kind)
        return
    if not isinstance(file, FileVault):
        raise InputError("the secrets are in the keyring of the system", "change its password there")
    if not file.path.exists():
        raise InputError("there is no vault yet", "it is made when something is connected: calsignal connect --help")
    chosen = kind or ("passphrase" if file.sealed_with_passphrase else "file")
    file.get("")  # opens with the old key, or nothing is asked
    kept = file.rekey(_ask() if chosen == "passphrase" else None)
    emit(f"sealed {plural(kept, 'secret')} with a new {'passphrase' if chosen == 'passphrase' else 'key file'}")
    if chosen == "passphrase":
        say(f"hint: set {ENV_KEY} to it wherever calsignal runs")
    elif app.environ.get(ENV_KEY, "").strip():
        say(f"hint: unset {ENV_KEY}, or the next change seals the vault with that again")


def _rekey_team(team: StoreVault, kind: str | None) -> None:
    from calsignal.reports.words import plural
    from calsignal.vault import ADDRESS_KEY

    if kind == "file":
        fact = "the secrets are in the team's store, which no key file opens"
        raise InputError(fact, "give a new passphrase with --passphrase")
    if team.get(ADDRESS_KEY) is None:  # the old passphrase opens, or nothing is asked
        raise InputError("nothing is shared yet", "`calsignal vault share` shares what this machine has")
    emit(f"sealed {plural(team.rekey(_ask()), 'secret')} with a new passphrase")
    say(f"hint: set {ENV_KEY} to it on every machine, then start the workers again")


@vault.command()
@click.argument("names", nargs=-1, metavar="[CONNECTION]...")
@pass_app
def share(app: App, names: tuple[str, ...]) -> None:
    """Move the secrets of this machine into the team's store. Those of all connections, or of those named.

    The key that people are known by is copied too. Every machine with the same CALSIGNAL_SECRET_KEY has them then.
    """
    from calsignal.cli.connect import known_connection
    from calsignal.vault import connection_secret

    team = app.vault
    if not isinstance(team, StoreVault):
        hint = f"set CALSIGNAL_DATABASE_URL to a PostgreSQL database, and {ENV_KEY} to a passphrase for the team"
        raise InputError("there is no store to share secrets in", hint)
    by_name = {connection.name: connection for connection in app.store().connections()}
    chosen = [by_name[known_connection(name, list(by_name))] for name in names] or by_name.values()
    _share_address_key(app, team)
    for name in sorted({connection_secret(c.name, c.shares) for c in chosen if c.retired_at is None}):
        _move(app, team, name)


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


def _ask() -> str:
    typed = partial(click.prompt, "new passphrase", hide_input=True, confirmation_prompt=True, err=True)
    otherwise = "type it at the prompt, or hand it in on standard input"
    with asking(otherwise):
        found = str(typed() if sys.stdin.isatty() else sys.stdin.readline()).strip()
    if not found:
        raise InputError("no passphrase was given", otherwise)
    return found
