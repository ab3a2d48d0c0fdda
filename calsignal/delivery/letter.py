"""What is sent: one report in the forms that mail and chats take. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORD_JOINER = "\u2060"
_ARMED = re.compile(r"([@<]|:(?=//)|\](?=\()|www(?=\.))", re.IGNORECASE)


@dataclass(frozen=True)
class Span:
    """Some words of a line; no markup in them means anything."""

    text: str
    bold: bool = False


Line = tuple[Span, ...]


@dataclass(frozen=True)
class Note:
    """A report in a few lines, for a chat; `title` is one line."""

    title: str
    lines: tuple[Line, ...] = ()

    def plain(self) -> str:
        """Return the lines below the title."""
        return "\n".join("".join(span.text for span in line) for line in self.lines)


@dataclass(frozen=True)
class Attachment:
    """A file that goes with a mail."""

    name: str
    content: bytes
    type: str


@dataclass(frozen=True)
class Letter:
    """One report in every form in which it may be sent."""

    subject: str
    text: str
    html: str
    note: Note
    attachments: tuple[Attachment, ...] = ()


def disarmed(text: str) -> str:
    """Return a text in which no service finds somebody to ping, or a link: seen, it stays the same.

    For services that read a message for `@everyone`, for addresses and for `[words](address)`. A word joiner, which
    takes no room, stands between the characters that would make one.
    """
    return _ARMED.sub(rf"\1{_WORD_JOINER}", text)
