"""Ends what `connect` began: the sign-in at the service where that can be done, and the secret here in any case."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from calsignal.cli.app import App
from calsignal.cli.options import say
from calsignal.contract import Finding, Revoker
from calsignal.errors import CalsignalError

if TYPE_CHECKING:
    from calsignal.store import Connection


def end_sign_ins(app: App, had: Iterable[Connection]) -> bool:
    """Revoke the sign-ins of connections that are read no more, and forget their secrets; say whether all went well.

    A secret that a connection shares with another which is still read stays. What a service could not be asked to do
    is told, with the next step.

    Raises:
        CalsignalError: the vault cannot be changed.
    """
    from calsignal.vault import connection_secret

    gone = list(had)
    kept = shared_secrets(app, besides={connection.id for connection in gone})
    ended = {connection_secret(c.name, c.shares): c for c in gone}
    well = True
    for name, connection in sorted(ended.items()):
        if name in kept:
            continue
        found = _revoked(app, connection) if app.vault.get(name) is not None else None
        app.vault.delete(name)
        if found is not None:
            say(found.fact)
            well = well and not found.problem
            if found.hint:
                say(f"hint: {found.hint}")
    return well


def shared_secrets(app: App, besides: Collection[int] = ()) -> set[str]:
    """Return the names of the secrets that connections which are read share."""
    from calsignal.vault import connection_secret

    known = app.store().connections()
    return {connection_secret(c.name, c.shares) for c in known if c.shares and not c.retired_at and c.id not in besides}


def _revoked(app: App, connection: Connection) -> Finding | None:
    """Ask the service once to end a sign-in; None where there is nothing to say."""
    from calsignal.sync import access_to

    hint = "its secret is forgotten here all the same; end the sign-in at the service itself"
    try:
        provider = app.registry.get(connection.provider)
        if not isinstance(provider, Revoker):
            return None
        once = replace(app.retry, attempts=1)
        return provider.revoke(access_to(connection, app.settings, app.vault, once, app.clock()))
    except CalsignalError as error:
        return Finding(f"{connection.name} could not be revoked: {error}", hint, problem=True)
    except Exception as error:  # noqa: BLE001  # a provider's own mistake must not keep a secret alive here
        fact = f"{connection.name} could not be revoked: the provider failed ({type(error).__name__})"
        return Finding(fact, hint, problem=True)
