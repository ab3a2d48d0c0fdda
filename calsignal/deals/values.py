"""What the readers of single cells share: how a cell is refused, and what stands for nothing."""

from __future__ import annotations

import re

_NOTHING = frozenset({"", "-", "--", "—", "n/a", "#n/a", "null", "(no value)", "(empty)", "(blank)"})
LONGEST = 500


class Unread(Exception):
    """Refuse a cell: `fact` says why, as in `'soon' is no date`; `missing` says that the file tells too little."""

    def __init__(self, fact: str, *, missing: bool = False) -> None:
        super().__init__(fact)
        self.fact, self.missing = fact, missing


class Deleted(Unread):
    """Report that the CRM itself has deleted a deal."""


def word(text: str) -> str:
    """Return what a person sees of a cell, with single blanks; what CRMs write for nothing is nothing.

    A spreadsheet's `="00123"`, which guards the zeros of a number, is what stands in the quotes.
    """
    if guarded := re.fullmatch(r'="(.*)"', text.strip(), re.DOTALL):
        text = guarded[1]
    if not text.isprintable():
        text = "".join(c for c in text if c.isprintable() or c.isspace())
    bare = " ".join(text.split())
    return "" if bare.casefold() in _NOTHING else bare


def shown(text: str) -> str:
    """Quote a cell, short and on one line."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def folded(text: str) -> str:
    """Return the letters and digits of a text in one case, other signs as single blanks."""
    return " ".join(re.sub(r"[\W_]+", " ", text.casefold()).split())
