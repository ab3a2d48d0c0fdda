"""Read what CRMs have words for: forecast categories, outcomes, owners, ids and web sites."""

from __future__ import annotations

import re
from contextlib import suppress
from functools import lru_cache

from calsignal.deals.values import Deleted, Unread, folded, shown
from calsignal.directory import check_domain, normalise, registrable
from calsignal.errors import InputError
from calsignal.model import Category, Outcome

_CATEGORIES = {
    "commit": Category.COMMIT,
    "committed": Category.COMMIT,
    "best case": Category.BEST_CASE,
    "bestcase": Category.BEST_CASE,
    "most likely": Category.BEST_CASE,  # between best case and commit: what holds for both holds for it
    "mostlikely": Category.BEST_CASE,
    "upside": Category.BEST_CASE,
    "pipeline": Category.PIPELINE,
    "omitted": Category.OMITTED,
    "omit": Category.OMITTED,
    "omitted from forecast": Category.OMITTED,
    "not forecasted": Category.OMITTED,
    "closed": Category.UNKNOWN,  # an outcome, and no forecast
    "closed won": Category.UNKNOWN,
    "won": Category.UNKNOWN,
    "lost": Category.UNKNOWN,
    "unknown": Category.UNKNOWN,
    "": Category.UNKNOWN,
}
_YES = frozenset({"true", "yes", "y", "1", "1.0", "x", "wahr", "ja", "checked"})
_NO = frozenset({"false", "no", "n", "0", "0.0", "", "falsch", "nein", "unchecked"})
_NOBODY = frozenset({"no owner", "unassigned", "none", "deactivated user"})
_WON = frozenset({"won", "closedwon"})
_LOST = frozenset({"lost", "closedlost"})


def read_category(text: str, header: str) -> Category:
    """Return a forecast category by the word of any CRM. Raises `Unread` for a word that nobody knows.

    In Salesforce's own field `ForecastCategory`, Commit is called Forecast.
    """
    bare = folded(text)
    if bare == "forecast" and folded(header) == "forecastcategory":
        return Category.COMMIT
    if bare not in _CATEGORIES:
        raise Unread(f"{shown(text)} is no forecast category that is known here")
    return _CATEGORIES[bare]


def read_flag(text: str) -> bool:
    """Return a yes or a no. Raises `Unread`."""
    if text.casefold() in _YES | _NO:
        return text.casefold() in _YES
    raise Unread(f"{shown(text)} is neither yes nor no")


@lru_cache(maxsize=4096)
def read_outcome(*, won: bool | None, lost: bool | None, closed: bool | None, status: str, stage: str) -> Outcome:
    """Return how a deal stands: by the columns that say yes or no (None: not there), else the status, else the stage.

    Raises:
        Unread: two of them contradict each other, or it is closed and neither won nor lost.
        Deleted: the status says so.
    """
    said = [claim for claim in (_flagged(won, lost, closed), _claimed(status), _claimed(stage)) if claim]
    if {Outcome.WON, Outcome.LOST} <= set(said):
        raise Unread("one column says that it was won, another that it was lost")
    if said:
        return said[0]
    if folded(status) in ("deleted", "archived"):
        raise Deleted("it is deleted in the CRM, and no deal")
    if closed or any("closed" in folded(text).split() for text in (status, stage)):
        raise Unread("it is closed, and neither won nor lost")
    return Outcome.OPEN


def _flagged(won: bool | None, lost: bool | None, closed: bool | None) -> Outcome | None:
    if won and lost:
        raise Unread("one column says that it was won, another that it was lost")
    if won:
        return Outcome.WON
    if lost or (closed and won is False):
        return Outcome.LOST
    return Outcome.OPEN if closed is False else None


def _claimed(text: str) -> Outcome | None:
    words = frozenset(folded(text).split())
    if words & _WON and not words & (_LOST | {"not"}):
        return Outcome.WON
    if words & _LOST and not words & (_WON | {"not"}):
        return Outcome.LOST
    return Outcome.OPEN if words == {"open"} else None


def read_owner(name: str, email: str) -> str:
    """Return the address of an owner where there is one, as in `Jane Doe (jane@ours.example)`, else the name."""
    addresses = [*read_addresses(email), *read_addresses(name)]
    return addresses[0] if addresses else "" if folded(name) in _NOBODY else name


def read_addresses(text: str) -> tuple[str, ...]:
    """Return the e-mail addresses in a cell, normalised."""
    found: dict[str, None] = {}
    for one in re.findall(r"[^\s<>(),;]+@[^\s<>(),;]+", text):
        with suppress(InputError):
            found[normalise(one)] = None
    return tuple(found)


def read_id(text: str) -> str:
    """Return the CRM's own id; of Salesforce's two forms the shorter. Raises `Unread` for one that lost its digits."""
    if re.fullmatch(r"\d([.,]\d+)?E\+\d+", text, re.IGNORECASE):
        raise Unread(f"a spreadsheet has cut the digits of the id {shown(text)}: use the file as the CRM wrote it")
    return text[:15] if re.fullmatch(r"006[0-9A-Za-z]{15}", text) else text


def made_id(account: str, name: str) -> str:
    """Return an id for a deal without one: the same for the same account and name."""
    return f"{folded(account)} / {folded(name)}"


@lru_cache(maxsize=4096)
def read_domains(text: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the registrable domains of web sites and addresses, and what is wrong with the others."""
    found: list[str] = []
    wrong: list[str] = []
    for site in re.split(r"[;,\s]+", text):
        if site:
            try:
                found.append(_domain(site))
            except InputError as error:
                fact = str(error)
                wrong.append(f"{shown(site)}: {fact}" if fact.startswith("this is") else fact)
    return tuple(dict.fromkeys(found)), tuple(wrong)


def _domain(site: str) -> str:
    host = re.sub(r"[/?#].*", "", re.sub(r"^[a-z]+://", "", site.casefold()))
    host = re.sub(r":\d+$", "", host.rpartition("@")[2])
    name = check_domain(host)
    return registrable(name) or name
