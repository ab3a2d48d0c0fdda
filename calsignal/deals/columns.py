"""Find the row that names the columns, and what each means, in Salesforce, HubSpot, Pipedrive or a plain sheet."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from calsignal.csvfile import BadRow, Row
from calsignal.deals.money import currency_of
from calsignal.deals.values import folded
from calsignal.errors import InputError

FIELDS: Mapping[str, tuple[str, ...]] = {
    "id": ("id", "record id", "pipedrive system id", "system id"),
    "name": ("name", "dealname", "title", "opportunity", "deal", "opportunity title"),
    "account": (
        *("account name", "account", "organization", "organization name", "organisation", "organisation name"),
        *("associated company primary", "primary associated company", "primary company", "associated company"),
        *("associated companies", "company name", "company", "customer name", "customer", "client"),
    ),
    "domains": (
        *("domain", "domains", "company domain name", "company domain", "account domain", "account website"),
        *("organization website", "organisation website", "company website", "website", "web site", "website url"),
    ),
    "owner": ("owner", "owner name", "owner full name", "sales rep", "rep"),
    "owner_email": ("owner email", "owner e mail", "owner email address", "rep email"),
    "contacts": (
        *("contact email", "primary contact email", "contact person email", "person email", "person email work"),
        *("associated contact", "associated contact primary", "associated contacts", "contacts", "primary contact"),
    ),
    "amount": ("amount", "value", "total amount", "total value", "amount converted"),
    "currency": (
        *("amount currency", "currency of value", "currency", "currency code", "currency iso code", "currencyisocode"),
        *("amount converted currency",),
    ),
    "stage": ("stage", "stage name", "stagename", "dealstage", "stage pipeline", "sales stage", "pipeline stage"),
    "status": ("status",),
    "category": (
        *("forecast category", "forecast category name", "forecastcategory", "forecastcategoryname", "forecast"),
        *("hs manual forecast category", "manual forecast category", "hs forecast category", "category"),
    ),
    "won": ("is closed won", "is won", "iswon", "hs is closed won", "closed won", "won"),
    "lost": ("is closed lost", "is lost", "islost", "hs is closed lost", "closed lost", "lost"),
    "closed": ("is closed", "isclosed", "is deal closed", "hs is closed", "closed"),
    "closes": (
        *("close date", "closedate", "expected close date", "expected close", "expected closing date"),
        *("estimated close date", "target close date", "closing date", "closes", "close"),
    ),
    "closed_on": ("closed on", "closed date", "date closed", "actual close date", "deal closed on"),
    "won_on": ("won time", "won date", "won on"),
    "lost_on": ("lost time", "lost date", "lost on"),
    "created": (
        *("created date", "createddate", "create date", "createdate", "created", "created on", "created at"),
        *("created time", "creation date", "deal created", "add time"),
    ),
}
"""Field: the headers that mean it, folded, without `deal` or `opportunity` before them, the best first."""

_TELLING = frozenset({"amount", "closes", "stage", "status", "category", "won"})
_AMONG = 30  # rows in which the one with the columns is looked for
_HINT = (
    "the columns are called as in the CRM: name, account, owner, amount, close date; --column FIELD=HEADER says more"
)


@dataclass(frozen=True)
class Header:
    """What the columns mean.

    columns     the field of each column, "" for none
    names       field: header, as the file has it
    ignored     headers that mean nothing here
    currency    the code or symbol in the header of the amounts, or ""
    at          which of the rows it is, from 0
    """

    columns: tuple[str, ...]
    names: Mapping[str, str]
    ignored: tuple[str, ...]
    currency: str
    at: int


def find_header(rows: Sequence[Row | BadRow], said: Mapping[str, str]) -> Header:
    """Return the first row that names the columns of deals; `said` is field: header, from the user.

    Raises:
        InputError: there is none, it has a column twice, or not the one that was said.
    """
    for at, row in enumerate(rows[:_AMONG]):
        if isinstance(row, Row):
            found = _fields(row.cells, said)
            if {"id", "name"} & set(found) and _TELLING & set(found):
                return _header(row.cells, found, at)
    if not rows:
        raise InputError("there is no table in the file", _HINT)
    raise InputError("no line of the file names the columns of deals", _hint(rows, said))


def _hint(rows: Sequence[Row | BadRow], said: Mapping[str, str]) -> str:
    cells = next((row.cells for row in rows if isinstance(row, Row)), [])
    for header in said.values():
        if header.casefold() not in {cell.casefold() for cell in cells}:
            near = difflib.get_close_matches(header, cells, 1)
            return f"it has no column {header!r}" + (f"; did you mean {near[0]}?" if near else "")
    return _HINT


def _fields(cells: Sequence[str], said: Mapping[str, str]) -> dict[str, int]:
    """Return field: its column, the best one where several mean it; what the user said goes first."""
    folds = [_stripped(cell) for cell in cells]
    found = {}
    for field, aliases in FIELDS.items():
        known = [folded(said[field])] if field in said else aliases
        whole = [folded(cell) for cell in cells] if field in said else folds
        at = next((whole.index(alias) for alias in known if alias in whole), None)
        if at is not None:
            found[field] = at
    if folds[found.get("currency", 0)] == "amount converted currency" != folds[found.get("amount", 0)] + " currency":
        del found["currency"]  # it belongs to another amount
    taken = {found[field] for field in said if field in found}
    return {field: at for field, at in found.items() if field in said or at not in taken}


def _stripped(header: str) -> str:
    """Return a header folded, without the kind of record before it, or the currency after it."""
    text = folded(header)
    while text not in _ALIASES and text.partition(" ")[0] in ("deal", "opportunity"):
        text = text.partition(" ")[2]
    if text in _ALIASES:
        return text
    bare, _, last = text.rpartition(" ")
    bare = bare.removesuffix(" in")
    return bare if bare in FIELDS["amount"] and currency_of(last) else text


_ALIASES = frozenset(alias for aliases in FIELDS.values() for alias in aliases)


def _header(cells: Sequence[str], found: Mapping[str, int], at: int) -> Header:
    columns = [""] * len(cells)
    for field, column in found.items():
        columns[column] = field
        if sum(folded(cell) == folded(cells[column]) for cell in cells) > 1:
            raise InputError(f"the file has two columns called {cells[column]}", "leave one of them out of the export")
    ignored = tuple(cell for cell, field in zip(cells, columns, strict=True) if cell and not field)
    names = {field: cells[column] for field, column in found.items()}
    return Header(tuple(columns), names, ignored, _in_header(names.get("amount", "")), at)


def _in_header(header: str) -> str:
    """Return the code or symbol in a header like `Amount (EUR)` or `Value [$]`."""
    last = re.split(r"[\s()\[\]]+", header.strip(" )]"))[-1]
    return last if currency_of(last) else ""
