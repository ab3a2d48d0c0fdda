"""Ending a sign-in at Google (RFC 7009)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin, urlsplit

from calsignal.contract import Access, Finding
from calsignal.errors import Retriable, SourceError

from . import auth

_SECONDS = 20.0
_THERE = "end it at https://myaccount.google.com/connections"
_CONSOLE = "delete the key: console.cloud.google.com, IAM & Admin > Service Accounts > your account > Keys"


def revoke(access: Access) -> Finding:
    """Revoke the refresh token of a user, and with it all that this app was granted by them, on any machine.

    The key of a service account cannot be revoked with itself.

    Raises:
        SourceError: Google cannot be reached, or refuses.
    """
    try:
        kept = json.loads(access.secret or "")
        if kept["kind"] != "user":
            return Finding("the key of the service account goes on working wherever there is a copy of it", _CONSOLE)
        token, where = str(kept["refresh_token"]), urljoin(str(kept["token_uri"]), "revoke")
    except (KeyError, TypeError, ValueError):
        fact = f"what was kept of the sign-in of {access.mailbox} cannot be read, so it was not revoked"
        return Finding(fact, _THERE, problem=True)
    auth.quiet()
    return access.retry(lambda: _ask(where, token, access.mailbox))


def _ask(where: str, token: str, mailbox: str) -> Finding:
    import requests

    host = urlsplit(where).hostname or "Google"
    try:
        with requests.Session() as session:
            # a redirect would carry the token elsewhere
            answer = session.post(where, data={"token": token}, timeout=_SECONDS, allow_redirects=False)
            status, said = answer.status_code, _error(answer)
    except (requests.RequestException, OSError, ValueError):
        raise Retriable(f"{host} cannot be reached", _THERE) from None
    if status == requests.codes.ok:
        return Finding(f"the sign-in of {mailbox} at Google is revoked")
    if said == "invalid_token":
        return Finding(f"the sign-in of {mailbox} at Google had ended already")
    if status >= requests.codes.server_error:
        raise Retriable(f"{host} cannot answer now (status {status})", _THERE)
    raise SourceError(f"{host} does not revoke the sign-in (status {status})", _THERE)


def _error(answer: Any) -> str:  # noqa: ANN401  # of requests
    try:
        content = answer.json()
    except (ValueError, RecursionError):
        return ""
    return str(content.get("error", "")) if isinstance(content, Mapping) else ""
