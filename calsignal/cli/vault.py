"""`vault`: the encrypted file that holds the secrets where there is no keyring."""

from __future__ import annotations

import sys
from functools import partial

import click

from calsignal.cli.app import App
from calsignal.cli.options import asking, emit, pass_app, say, show_help_alone
from calsignal.errors import InputError
from calsignal.vault import ENV_KEY, FileVault


@click.group(invoke_without_command=True)
@click.pass_context
def vault(ctx: click.Context) -> None:
    """Look after the encrypted file with the secrets. There is one where the system has no keyring."""
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


def _ask() -> str:
    typed = partial(click.prompt, "new passphrase", hide_input=True, confirmation_prompt=True, err=True)
    otherwise = "type it at the prompt, or hand it in on standard input"
    with asking(otherwise):
        found = str(typed() if sys.stdin.isatty() else sys.stdin.readline()).strip()
    if not found:
        raise InputError("no passphrase was given", otherwise)
    return found
