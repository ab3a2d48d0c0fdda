"""What Microsoft's services answer when something goes wrong, and faults that a test can order."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from loopback import (
    Due,
    Fault,
    Reply,
    Request,
    connection_reset,
    cut_json,
    html_page,
    meanwhile,
    slow,
    truncated_body,
)

if TYPE_CHECKING:
    from microsoft_calendar.service import MicrosoftService

__all__ = [
    "ApiError",
    "answer",
    "connection_reset",
    "cut_json",
    "empty_page",
    "error",
    "expire_tokens",
    "failing",
    "forbidden",
    "foreign_next_link",
    "html_page",
    "meanwhile",
    "not_found",
    "redirect",
    "slow",
    "token_error",
    "too_many",
    "truncated_body",
    "unauthorized",
    "unavailable",
]

_TYPE = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
REQUEST_ID = "5a3c1d2e-0000-4000-8000-00000000beef"

_MESSAGES = {
    "InvalidAuthenticationToken": "Access token has expired or is not yet valid.",
    "ErrorAccessDenied": "Access is denied. Check credentials and try again.",
    "ErrorItemNotFound": "The specified object was not found in the store.",
    "ErrorInvalidUser": "The requested user is invalid.",
    "MailboxNotEnabledForRESTAPI": "The mailbox is either inactive, soft-deleted, or is hosted on-premise.",
    "Authorization_RequestDenied": "Insufficient privileges to complete the operation.",
    "ApplicationThrottled": "Application is over its MailboxConcurrency limit.",
    "TooManyRequests": "Too many requests.",
    "InternalServerError": "An internal server error occurred.",
    "serviceNotAvailable": "The service is temporarily unavailable.",
    "UnknownError": "",
}
_FAILURES = {500: "InternalServerError", 502: "UnknownError", 503: "serviceNotAvailable", 504: "UnknownError"}


class ApiError(Exception):
    """An error that Graph answers."""

    def __init__(self, status: int, code: str, message: str = "", **headers: str) -> None:
        super().__init__(code)
        self.reply = error(status, code, message, **headers)


def answer(value: object, status: int = 200, **headers: str) -> Reply:
    """Make an answer of JSON; of a header's name `_` stands for `-`."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    fixed = {"Content-Type": _TYPE, "request-id": REQUEST_ID, "OData-Version": "4.0"}
    return Reply(status, json.dumps(value).encode(), {**fixed, **named})


def error(status: int, code: str, message: str = "", **headers: str) -> Reply:
    """Make an error answer as Graph sends it."""
    inner = {"date": "2026-03-01T08:00:00", "request-id": REQUEST_ID, "client-request-id": REQUEST_ID}
    body = {"code": code, "message": message or _MESSAGES.get(code, code), "innerError": inner}
    return answer({"error": body}, status, **headers)


def failing(status: int, code: str, message: str = "", **headers: str) -> Fault:
    """Answer an error of any status and code."""
    return lambda service, request, due: error(status, code, message, **headers)


def unauthorized(code: str = "InvalidAuthenticationToken") -> Fault:
    """Answer 401."""
    return failing(401, code, WWW_Authenticate='Bearer realm="", error="invalid_token"')


def forbidden(code: str = "ErrorAccessDenied", message: str = "") -> Fault:
    """Answer 403 with this code: `ErrorAccessDenied`, `Authorization_RequestDenied`, ..."""
    return failing(403, code, message)


def not_found(code: str = "ErrorItemNotFound") -> Fault:
    """Answer 404 with this code: `ErrorItemNotFound`, `ErrorInvalidUser`, `MailboxNotEnabledForRESTAPI`, ..."""
    return failing(404, code)


def too_many(retry_after: int | datetime | None = None, code: str = "ApplicationThrottled") -> Fault:
    """Answer 429 (`MailboxConcurrency` in the message), with a Retry-After in seconds or as a date if one is given."""
    text = (
        format_datetime(retry_after.astimezone(UTC), usegmt=True) if isinstance(retry_after, datetime) else retry_after
    )
    headers = {} if retry_after is None else {"Retry_After": str(text)}
    return failing(429, code, **headers)


def unavailable(status: int = 503, retry_after: int | None = None) -> Fault:
    """Answer 500, 502, 503 or 504."""
    headers = {} if retry_after is None else {"Retry_After": str(retry_after)}
    return failing(status, _FAILURES[status], **headers)


def empty_page() -> Fault:
    """Answer a page without items whose next link leads to the one that was due."""
    return lambda service, request, due: service.detour(request, due())


def foreign_next_link(host: str | None = None) -> Fault:
    """Let the next link lead to another host: `localhost` unless told, where this service listens too.

    A page without a next link gets one.
    """

    def reply(service: MicrosoftService, request: Request, due: Due) -> Reply:
        page = json.loads(due().body)
        link = page.get("@odata.nextLink") or f"{service.root}{request.path}?$skiptoken=foreign"
        named = host or f"localhost:{urlsplit(service.root).port}"
        return answer(page | {"@odata.nextLink": urlsplit(link)._replace(netloc=named).geturl()})

    return reply


def redirect(to: str | None = None, status: int = 302) -> Fault:
    """Answer a redirect to an address, by default to the same path at `localhost`, another host of this service."""

    def reply(service: MicrosoftService, request: Request, due: Due) -> Reply:
        return Reply(status, b"", {"Location": to or f"https://localhost:{urlsplit(service.root).port}{request.path}"})

    return reply


def expire_tokens() -> Fault:
    """Let every access token expire just before this request: between two pages, say."""
    return meanwhile(lambda service: service.expire_access_tokens())


def token_error(code: int, name: str | None = None, suberror: str | None = None) -> Fault:
    """Answer an AADSTS error of the token endpoint (for requests to `/token$`)."""
    from microsoft_calendar.service_identity import aadsts

    return lambda service, request, due: aadsts(code, service.now, name=name, suberror=suberror)
