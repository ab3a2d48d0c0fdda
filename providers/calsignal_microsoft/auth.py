"""Signing in to Microsoft, and tokens out of what was kept of it. (Signatures first; the bodies follow.)"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from calsignal.errors import NeedsSignIn

if TYPE_CHECKING:
    import requests

READ_BASIC = "Calendars.ReadBasic"
READ = "Calendars.Read"
USER = "User.Read"
SECRET_VARIABLE = "CALSIGNAL_MICROSOFT_CLIENT_SECRET"  # noqa: S105 # the name of a variable


def quiet() -> None:
    """Silence the libraries: at DEBUG they log tokens and codes, and what matters we say ourselves."""


def endpoint(config: Mapping[str, object]) -> str:
    """Return where Graph is asked, with a slash at its end: `https://graph.microsoft.com/v1.0/`.

    Raises:
        InputError: `graph_url` is no https address.
    """
    raise NotImplementedError


def session() -> requests.Session:
    """Return a session without retries that takes no password from a .netrc file for a token's place."""
    raise NotImplementedError


def waiting_time(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of a Retry-After header (RFC 9110 section 10.2.3); a date counts from the service's clock."""
    raise NotImplementedError


class Signed:
    """A sign-in that was kept, and the tokens that come of it. Makes no request before a token is asked for."""

    def __init__(
        self, secret: str | None, mailbox: str, config: Mapping[str, object], save: Callable[[str], None]
    ) -> None:
        """Read the secret; `save` is given the new one each time that a token was fetched.

        Raises:
            NeedsSignIn: the secret is None, or cannot be read.
            InputError: an address in `config` cannot be used.
        """
        raise NeedsSignIn("not there yet")

    @property
    def app_only(self) -> bool:
        """Say whether the app itself reads (`/users/{..}` and never `/me`)."""
        raise NotImplementedError

    def token(self) -> str:
        """Return an access token for Graph: the kept one while it is good, else a new one by one attempt.

        Raises:
            Retriable: there is no answer for now; carries the waiting time that was named.
            NeedsSignIn: the sign-in has ended, or was refused.
            SourceError: anything else.
        """
        raise NotImplementedError

    def renew(self) -> None:
        """Forget the access token: Graph answered 401. The next `token` fetches another."""
        raise NotImplementedError

    def close(self) -> None:
        """Give back the sockets."""


def wanted(*, read_text: bool) -> tuple[str, ...]:
    """Return the delegated permissions to ask for: the least that serve."""
    return (READ if read_text else READ_BASIC, USER)


_Unused = (Sequence, Any)
