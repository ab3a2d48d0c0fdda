"""What goes over the wire, and what goes wrong there: each fault makes one answer out of the one that was due."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import TYPE_CHECKING

from google_calendar.service_world import Json
from loopback import (
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
    from google_calendar.service import GoogleService

__all__ = [
    "ApiError",
    "Fault",
    "Reply",
    "Request",
    "answer",
    "connection_reset",
    "cut_json",
    "empty_page",
    "error",
    "expire_tokens",
    "failing",
    "forbidden",
    "full_sync_required",
    "html_page",
    "meanwhile",
    "not_found",
    "oauth_error",
    "slow",
    "too_many",
    "truncated_body",
    "unauthorized",
    "unavailable",
]


class ApiError(Exception):
    """An error that the service answers; `reason` is the machine's word for it."""

    def __init__(
        self,
        status: int,
        reason: str,
        message: str = "",
        *,
        location: str = "",
        details: list[Json] | None = None,
        **headers: str,
    ) -> None:
        super().__init__(reason)
        self.reply = error(status, reason, message, location=location, details=details, **headers)


_STATUS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"}
_DOMAIN = {"rateLimitExceeded", "userRateLimitExceeded", "quotaExceeded", "dailyLimitExceeded", "accessNotConfigured"}
_MESSAGES = {
    "authError": "Request had invalid authentication credentials. Expected OAuth 2 access token.",
    "backendError": "Backend Error",
    "fullSyncRequired": "Sync token is no longer valid, a full sync is required.",
    "insufficientPermissions": "Request had insufficient authentication scopes.",
    "notFound": "Not Found",
    "rateLimitExceeded": "Rate Limit Exceeded",
    "userRateLimitExceeded": "User Rate Limit Exceeded",
}


def answer(value: object, status: int = 200, **headers: str) -> Reply:
    """Make an answer of JSON; of a header's name `_` stands for `-`."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(status, json.dumps(value, indent=1).encode(), {**Reply().headers, **named})


def error(
    status: int,
    reason: str,
    message: str = "",
    *,
    location: str = "",
    details: list[Json] | None = None,
    **headers: str,
) -> Reply:
    """Make an error answer as the Google APIs send it."""
    message = message or _MESSAGES.get(reason, reason)
    one: Json = {"message": message, "domain": "usageLimits" if reason in _DOMAIN else "global", "reason": reason}
    if location:
        one |= {"location": location, "locationType": "header" if location == "Authorization" else "parameter"}
    body: Json = {"code": status, "message": message, "errors": [one]}
    body |= {"status": _STATUS[status]} if status in _STATUS and details is not None else {}
    body |= {"details": details} if details else {}
    return answer({"error": body}, status, **headers)


def failing(status: int, reason: str, message: str = "", **headers: str) -> Fault:
    """Answer an error of any status and reason."""
    return lambda service, request, due: error(status, reason, message, details=None, **headers)


def unauthorized() -> Fault:
    """Answer 401 `authError`."""
    return lambda service, request, due: ApiError(401, "authError", location="Authorization").reply


def forbidden(reason: str = "forbidden") -> Fault:
    """Answer 403 with this reason: `rateLimitExceeded`, `quotaExceeded`, `accessNotConfigured`, ..."""
    return failing(403, reason)


def not_found() -> Fault:
    """Answer 404 `notFound`."""
    return failing(404, "notFound")


def full_sync_required() -> Fault:
    """Answer 410 `fullSyncRequired`; no sync token that was given until now is good any more."""

    def reply(service: GoogleService, request: Request, due: Callable[[], Reply]) -> Reply:
        service.expire_sync_tokens()
        return error(410, "fullSyncRequired", location="syncToken")

    return reply


def too_many(retry_after: int | datetime | None = None) -> Fault:
    """Answer 429 `rateLimitExceeded`, with a Retry-After in seconds or as a date if one is given."""
    text = (
        format_datetime(retry_after.astimezone(UTC), usegmt=True) if isinstance(retry_after, datetime) else retry_after
    )
    headers = {} if retry_after is None else {"Retry_After": str(text)}
    return failing(429, "rateLimitExceeded", **headers)


def unavailable(status: int = 503) -> Fault:
    """Answer 500, 502, 503 or 504 `backendError`."""
    return failing(status, "backendError")


def empty_page() -> Fault:
    """Answer a page without items that leads on to the one that was due."""
    return lambda service, request, due: service.detour(due())


def expire_tokens() -> Fault:
    """Let every access token expire just before this request."""
    return meanwhile(lambda service: service.expire_access_tokens())


def oauth_error(name: str = "invalid_grant", description: str = "Token has been expired or revoked.") -> Fault:
    """Answer an error of the token endpoint (for requests to `/token$`)."""
    status = 401 if name in {"invalid_client", "unauthorized_client"} else 400
    return lambda service, request, due: answer({"error": name, "error_description": description}, status)
