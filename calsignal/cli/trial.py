"""A trial of the daily run: can it read, where a scheduler starts it, what can be read here?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from calsignal.cli.app import App
from calsignal.cli.daily import program
from calsignal.cli.options import asking, say
from calsignal.errors import CalsignalError, InputError
from calsignal.score.wording import count

if TYPE_CHECKING:
    from calsignal.vault import FileVault

_AREAS = frozenset({"program", "config", "store", "secrets"})
_TELLING = frozenset({"secrets", "secrets.kept", "secrets.delivery", "config.file"})
"""Checks of which the run has to find the same as we do here, word for word."""
_NO_STORE = "store.none"


def prove(app: App, environ: Mapping[str, str], *, move: bool) -> None:
    """Let `doctor --offline` look in the environment of the scheduler, and hold what it finds against what we find.

    Raises:
        InputError: something cannot be read there that can be read here; the next step is in the hint.
    """
    there = _looked(app, environ)
    here = _looked(app, dict(app.environ))
    failing = list(_differences(here, there))
    if not failing:
        return
    if move and _in_keyring(app) and _agrees():
        move_secrets(app)
        prove(app, environ, move=False)
        return
    for fact, _ in failing:
        say(f"in the scheduler's environment: {fact}")
    hint = next((step for _, step in failing if step), "`calsignal doctor --offline` tells more")
    if _in_keyring(app):
        hint = "a scheduler cannot open the keyring: --move-secrets moves them to an encrypted file, which it can read"
    raise InputError("the daily run would not work", hint)


def _looked(app: App, environ: Mapping[str, str]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return what a check-up finds that is run as a program of its own in an environment."""
    words = [sys.executable, *program(app)[1:], "doctor", "--offline", "--format", "json"]
    start = "/" if os.name == "posix" else None
    done = subprocess.run(words, env=environ, cwd=start, capture_output=True, check=False)  # noqa: S603  # this program
    try:
        checks = json.loads(done.stdout)["checks"]
    except (ValueError, KeyError):
        said = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise CalsignalError(
            f"a trial run ended with exit code {done.returncode}: {said}", "please report it"
        ) from None
    return {(c["code"], c["connection"] or ""): c for c in checks if _matters(c)}


def _matters(check: Mapping[str, Any]) -> bool:
    return check["area"] in _AREAS or check["code"] in ("connection.sign-in", "connection.check")


def _differences(
    here: Mapping[tuple[str, str], Mapping[str, Any]], there: Mapping[tuple[str, str], Mapping[str, Any]]
) -> Iterator[tuple[str, str]]:
    """Yield what is a problem there, and what is otherwise than here, each with the next step."""
    for key, check in there.items():
        if check["state"] == "problem":
            yield check["fact"], check["next"] or ""
        elif key[0] == _NO_STORE:
            yield "no calendar is connected", "`calsignal connect --help` lists the ways"
        elif key[0] in _TELLING and key in here and here[key]["fact"] != check["fact"]:
            yield f"{check['fact']}; here: {here[key]['fact']}", ""
    for key in here.keys() - there.keys():
        if here[key]["state"] != "problem":
            yield f"not found: {here[key]['fact']}", ""


# --- secrets ----------------------------------------------------------------------------------------------------------


def _in_keyring(app: App) -> bool:
    from calsignal.vault import KeyringVault

    return isinstance(app.vault, KeyringVault)


def _agrees() -> bool:
    """Ask whether to move the secrets, where somebody can answer."""
    if not sys.stdin.isatty():
        return False
    say("the scheduler cannot open the keyring")
    with asking("--move-secrets moves them without asking"):
        return click.confirm("Move the secrets to an encrypted file that only you can read?", err=True)


def move_secrets(app: App) -> None:
    """Move every secret from the keyring to the encrypted file: written, read again, and only then deleted.

    Raises:
        InputError: they are in a file already, or CALSIGNAL_VAULT insists on the keyring.
    """
    from calsignal.vault import ENV_KIND, address_key

    if not _in_keyring(app):
        say("the secrets are in an encrypted file already")
        return
    if app.environ.get(ENV_KIND) == "keyring":
        raise InputError(f"{ENV_KIND} insists on the keyring", f"unset {ENV_KIND}")
    ring, file = app.vault, _file_vault(app)
    found = {name: secret for name in _secret_names(app) if (secret := ring.get(name)) is not None}
    _fill(file, found)
    address_key(file)  # where there was no secret at all: a file that is there is what tells where they go
    app.__dict__["vault"] = file
    for name in found:
        ring.delete(name)
    say(f"moved {count(len(found), 'secret')} to {file.path}; from now on they are read there")


def _fill(file: FileVault, found: Mapping[str, str]) -> None:
    """Make the encrypted file, all of it or nothing: once it is there, nobody asks the keyring any more.

    Raises:
        CalsignalError: it cannot be written, or does not hold what was written.
    """
    new = replace(file, path=file.path.with_suffix(".new"))
    try:
        for name, secret in found.items():
            new.set(name, secret)
        if any(new.get(name) != secret for name, secret in found.items()):
            raise CalsignalError(f"{new.path} does not hold what was written to it", "nothing was moved")
        if found:
            new.path.replace(file.path)
    finally:
        new.path.unlink(missing_ok=True)


def _file_vault(app: App) -> FileVault:
    from calsignal.vault import ENV_KIND, FileVault, open_vault

    vault = open_vault(app.data_path, app.config_folder, {**app.environ, ENV_KIND: "file"})
    assert isinstance(vault, FileVault)
    return vault


def _secret_names(app: App) -> tuple[str, ...]:
    """Return every name under which this installation may have a secret."""
    from calsignal.cli.addresses import Addresses
    from calsignal.store import NoStore
    from calsignal.vault import ADDRESS_KEY, connection_secret

    try:
        known = [connection_secret(c.name, c.shares) for c in app.store().connections()]
    except NoStore:
        known = []
    return tuple(dict.fromkeys([ADDRESS_KEY, *known, *Addresses(app).secrets()]))
