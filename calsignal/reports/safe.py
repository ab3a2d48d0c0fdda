"""What strangers wrote, made fit for a terminal, a spreadsheet or Markdown: one line, nothing that steers or runs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_ESCAPE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor movements
    r"|(?:\x1b[]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c]*(?:\x07|\x9c|\x1b\\)"  # OSC, DCS and their kin, when ended
    r"|\x1b[ -/]*[0-~]"  # two-character escapes
)
_BLANK = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters and symbols that print as nothing
_UNSEEN = re.compile("[\u034f\u17b4\u17b5\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")  # marks likewise
_GONE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs"})
_SPACE = frozenset({"Zs", "Zl", "Zp"})
_MARKS = frozenset({"Mn", "Me"})
_TOWER = 3  # as many marks as real writing piles on one letter


def clean(text: str) -> str:
    """Return `text` as one visible line.

    Escape sequences, control and format characters (bidi overrides, zero-width ones), what Unicode has not assigned
    and lone surrogates go; line breaks and every kind of blank become one space; towers of accents are cut short.
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    return " ".join("".join(_visible(_UNSEEN.sub("", _ESCAPE.sub("", text)))).split())


def _visible(text: str) -> Iterator[str]:
    height = 0
    for character in text:
        category = unicodedata.category(character)
        height = height + 1 if category in _MARKS else 0
        if character.isspace() or category in _SPACE or character in _BLANK:
            yield " "
        elif category not in _GONE and height <= _TOWER:
            yield character


def cells(text: str) -> int:
    """Return how many columns of a terminal `text` takes; wide characters take two."""
    if all(character < "\u0300" or character in "…─" for character in text):
        return len(text)
    from rich.cells import cell_len  # 15 ms that few runs need

    return cell_len(text)


def take(text: str, width: int) -> str:
    """Return the longest beginning of `text` that takes at most `width` columns."""
    end = min(len(text), max(width, 0))
    while end and cells(text[:end]) > width:
        end -= 1
    return text[:end]


def cut(text: str, width: int) -> str:
    """Return `text` in at most `width` columns; `…` stands for what was left out."""
    if cells(text) <= width:
        return text
    return take(text, width - 1).rstrip() + "…" if width > 0 else ""


_FORMULA = re.compile(
    r"^[=+\-@＝＋－＠]|(?<=;)[\s\"']*[=+\-@＝＋－＠]"
)  # a spreadsheet may split a file at its semicolons too


def spreadsheet(text: str) -> str:
    """Return `text` as a cell that no spreadsheet takes for a formula: an apostrophe stands before it."""
    return _FORMULA.sub(lambda found: f"'{found[0]}", clean(text))


_MARKUP = re.compile(r"([\\`*_\[\]~|#!]|(?<=\w)(?=://)|(?<=www)(?=\.))")


def markdown(text: str) -> str:
    """Return `text` as Markdown that shows it as it is: no markup, no HTML, no link, no end of a table's cell."""
    plain = clean(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKUP.sub(r"\\\1", plain)
