"""What can go wrong, sorted by what the reader can do about it.

    CalsignalError              every error a command may end with
        InputError              the user's words: an unknown name, a bad option, a bad file      exit 2
            ConfigError         the config file; carries every problem at once                    exit 2
        StoreError              the database: locked, newer, damaged, not to be written           exit 3
        SourceError             one calendar could not be read; the others go on                  exit 1
            Retriable           the same request may succeed later; may carry a waiting time
            NeedsSignIn         the authorisation is gone; the data stays
            CursorExpired       the delta cursor is dead; a full list is needed
            UnreadableEvent     one event is there, and cannot be read; the others can

Each error states a fact in `str(error)` and gives the next step in `hint`. Neither ever holds a secret or
text out of a calendar.
"""

from __future__ import annotations

from collections.abc import Sequence


class CalsignalError(Exception):
    """State a fact; give the next step in `hint`; end the command with `exit_code`."""

    exit_code = 1

    def __init__(self, fact: str, hint: str = "") -> None:
        super().__init__(fact)
        self.hint = hint


class InputError(CalsignalError):
    """Refuse what the user typed or handed in."""

    exit_code = 2


class ConfigError(InputError):
    """Report every problem of a config file at once, each as (fact, hint)."""

    def __init__(self, fact: str, problems: Sequence[tuple[str, str]], hint: str = "") -> None:
        super().__init__(fact, hint)
        self.problems = tuple(problems)


class StoreError(CalsignalError):
    """Say what is wrong with the store."""

    exit_code = 3


class SourceError(CalsignalError):
    """Say why one calendar could not be read; the other connections go on."""


class Retriable(SourceError):
    """Fail for now: a time-out, a 429, a 5xx.

    `retry_after` is in seconds, when the service named it; `status` that of HTTP, when there was an answer.
    """

    def __init__(
        self, fact: str, hint: str = "", *, retry_after: float | None = None, status: int | None = None
    ) -> None:
        super().__init__(fact, hint)
        self.retry_after = retry_after
        self.status = status


class NeedsSignIn(SourceError):
    """Report that the authorisation was revoked, refused or has expired."""


class CursorExpired(SourceError):
    """Report that the service no longer accepts the cursor; a full list follows."""

    def __init__(self, fact: str = "the cursor has expired", hint: str = "") -> None:
        super().__init__(fact, hint)


class UnreadableEvent(SourceError):
    """Report that one event is there and cannot be read; the reason holds no text of the calendar."""
