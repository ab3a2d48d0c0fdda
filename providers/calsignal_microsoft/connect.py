"""`connect microsoft`: from a sign-in to what is remembered."""

from __future__ import annotations

from collections.abc import Sequence

from calsignal.contract import Access, Authorised, ConnectRequest, Option, Setting, Source
from calsignal.errors import InputError


class MicrosoftProvider:
    """Microsoft 365 and Outlook.com calendars, read-only."""

    name = "microsoft"
    about = "a Microsoft calendar"
    settings: tuple[Setting, ...] = ()
    options: tuple[Option, ...] = ()

    def connect(self, request: ConnectRequest) -> Sequence[Authorised]:
        """Authorise a mailbox."""
        raise InputError("not there yet")

    def open(self, access: Access) -> Source:
        """Return a source."""
        raise InputError("not there yet")
