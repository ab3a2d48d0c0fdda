"""Send a note to any of the services that Apprise knows. It is an extra: `pip install 'calsignal[delivery]'`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calsignal.delivery.address import Other
from calsignal.delivery.letter import Note, disarmed
from calsignal.errors import CalsignalError, InputError, Retriable

if TYPE_CHECKING:
    from apprise import NotifyBase

HINT = "install it beside calsignal: pip install 'calsignal[delivery]'"


def check(other: Other, *, private: bool) -> None:
    """Refuse an address that Apprise does not know, or that is not encrypted where it could be.

    Raises:
        InputError: nobody can send to it, or only in clear.
        CalsignalError: Apprise is not installed.
    """
    service = _service(other)
    clear, secret = _words(service.protocol), _words(service.secure_protocol)
    if other.kind in clear - secret and secret and not private:
        hint = f"use {min(secret)}://, or set private_addresses = true in [privacy] of the config"
        raise InputError(f"{other.kind}:// is not encrypted: whoever is on the way could read the report", hint)


def _words(schemes: object) -> frozenset[str]:
    """Return the schemes of a plugin, which names none, one or several."""
    return frozenset([schemes] if isinstance(schemes, str) else schemes if isinstance(schemes, tuple | list) else [])


def send(other: Other, note: Note) -> None:
    """Send a note; what strangers wrote in it pings nobody and links nowhere.

    Raises:
        Retriable: it failed; Apprise does not tell why.
        CalsignalError: Apprise is not installed, or does not know the address.
    """
    from apprise import NotifyFormat

    sent = _service(other).notify(
        title=disarmed(note.title), body=disarmed(note.plain()) or " ", body_format=NotifyFormat.TEXT
    )
    if not sent:
        raise Retriable(f"{other.kind} did not take it", "check the address, and the network")


def _service(other: Other) -> NotifyBase:
    try:
        from apprise import Apprise, AppriseAsset
    except ImportError:
        raise CalsignalError(f"sending to {other.kind}:// needs Apprise, which is not installed", HINT) from None
    asset = AppriseAsset(app_id="calsignal", app_desc="calsignal", app_url="", async_mode=False)
    found = Apprise.instantiate(other.url, asset=asset, suppress_exceptions=True)
    if found is None:
        hint = "see https://appriseit.com/services/ for how it is written"
        raise InputError(f"Apprise cannot read this {other.kind}:// address", hint)
    return found
