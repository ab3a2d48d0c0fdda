"""Read accounts from a CSV file with its columns in whatever order. Pure.

A row is an account or a part of one: rows of one name add up. A row with something wrong in it counts for nothing and
is named with its line; the others go on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from calsignal.config import Team
from calsignal.csvfile import BadRow, Row, by_column, read_rows
from calsignal.directory import check_domain, normalise, parents
from calsignal.errors import InputError
from calsignal.model import Account, AccountType

T = TypeVar("T")

_COLUMNS = {
    "name": "name",
    "account": "name",
    "domain": "domains",
    "domains": "domains",
    "type": "type",
    "owner": "owner",
    "address": "addresses",
    "addresses": "addresses",
    "key_player": "key_players",
    "key_players": "key_players",
}
_HINT = "the first line names the columns: name, domain, and perhaps type, owner, address, key_player"
TYPES = tuple(kind.value for kind in AccountType)


class Problem(NamedTuple):
    """What is wrong with the row that begins on `line`."""

    line: int
    fact: str


@dataclass(frozen=True)
class Outcome:
    """What a file means for the accounts that are known. `ignored` are headers that mean nothing here."""

    added: tuple[Account, ...]
    changed: tuple[Account, ...]
    unchanged: tuple[Account, ...]
    problems: tuple[Problem, ...]
    ignored: tuple[str, ...]


# --- words that the command line takes too ----------------------------------------------------------------------------


def check_name(text: str) -> str:
    """Return an account's name with single blanks.

    Raises:
        InputError: it is empty, too long for a table, or holds what cannot be seen.
    """
    name = " ".join(text.split())
    if not name or len(name) > 200 or not name.isprintable():
        raise InputError("this is no name of an account", "write 1 to 200 visible characters")
    return name


def check_domain_of(team: Team, text: str) -> str:
    """Return the domain of a company other than the team itself, normalised. Raises `InputError`."""
    name = _named(check_domain, text)
    if not set(parents(name)).isdisjoint(team.domains):
        raise InputError(f"{name} is your own domain", "an account is another company")
    return name


def check_address_of(team: Team, text: str) -> str:
    """Return the address of somebody who is not in the team, normalised. Raises `InputError`."""
    address = check_address(text)
    if address in team.aliases or not set(parents(address.rpartition("@")[2])).isdisjoint(team.domains):
        raise InputError(f"{address} is in your own team", "an account is another company")
    return address


def check_address(text: str) -> str:
    """Return an address, normalised. Raises `InputError`."""
    return _named(normalise, text)


def check_owner(team: Team, text: str) -> str:
    """Return the mailbox of a rep, whichever of their addresses is given. Raises `InputError`."""
    address = check_address(text)
    return team.aliases.get(address, address)


def check_type(text: str) -> AccountType:
    """Return a type by its name. Raises `InputError`."""
    if text.casefold() not in TYPES:
        raise InputError(f"there is no type {text[:60]!r}", f"it is one of {', '.join(TYPES)}")
    return AccountType(text.casefold())


def _named(read: Callable[[str], T], text: str) -> T:
    """Say which word it is that cannot be read."""
    try:
        return read(text)
    except InputError as error:
        fact = str(error) if not str(error).startswith("this is") else f"{text[:60]!r}: {error}"
        raise InputError(fact, error.hint) from error


# --- rows by column ---------------------------------------------------------------------------------------------------


class _Table(NamedTuple):
    columns: list[str]
    ignored: tuple[str, ...]
    rows: list[tuple[int, dict[str, str]] | Problem]


def _table(content: bytes) -> _Table:
    """Return the rows by column, each with its first line. Raises `InputError` when the columns make no account."""
    rows = read_rows(content)
    header = next(rows, None)
    if header is None or isinstance(header, BadRow):
        raise InputError("there is no table in the file", _HINT)
    columns = [_COLUMNS.get(re.sub(r"[\s-]+", "_", cell.casefold()), "") for cell in header.cells]
    _check_columns(columns)
    ignored = (cell for cell, column in zip(header.cells, columns, strict=True) if cell and not column)
    return _Table(columns, tuple(ignored), [_by_column(row, columns) for row in rows])


def _check_columns(columns: list[str]) -> None:
    if "name" not in columns:
        raise InputError("the file has no column called name", _HINT)
    if not {"domains", "addresses"} & set(columns):
        raise InputError("the file has neither a column called domain nor one called address", _HINT)
    twice = next((name for name in columns if name and columns.count(name) > 1), None)
    if twice:
        raise InputError(f"the file has two columns for {twice}", _HINT)


def _by_column(row: Row | BadRow, columns: list[str]) -> tuple[int, dict[str, str]] | Problem:
    cells = row if isinstance(row, BadRow) else by_column(row, columns)
    return Problem(row.line, cells.fact) if isinstance(cells, BadRow) else (row.line, cells)


# --- rows to accounts -------------------------------------------------------------------------------------------------


@dataclass
class _Draft:
    """An account as the rows so far tell it. `troubled`: a row of it counted for nothing."""

    name: str
    domains: list[str] = field(default_factory=list)
    addresses: list[str] = field(default_factory=list)
    key_players: list[str] = field(default_factory=list)
    type: AccountType | None = None
    owner: str | None = None
    troubled: bool = False


def read_accounts(content: bytes, known: Sequence[Account], team: Team, person: Callable[[str], str]) -> Outcome:
    """Tell what a file means for the accounts that are `known`.

    An account that is known takes what the file's columns say, and keeps what the file has no column for. `person`
    gives the key of an address.

    Raises:
        InputError: the file is no table, or lacks the columns that make an account.
    """
    table = _table(content)
    there = {account.name.casefold(): account for account in known}
    reader = _Reader(table, there, team)
    found = [reader.account(key, draft, person) for key, draft in reader.drafts.items()]
    whole = [account for account in found if account.domains or account.addresses]
    return Outcome(
        added=tuple(a for a in whole if a.name.casefold() not in there),
        changed=tuple(a for a in whole if a != there.get(a.name.casefold(), a)),
        unchanged=tuple(a for a in whole if a == there.get(a.name.casefold())),
        problems=tuple(sorted(reader.problems)),
        ignored=table.ignored,
    )


class _Reader:
    """Goes through the rows; `taken` is who has a domain or an address by now."""

    def __init__(self, table: _Table, there: Mapping[str, Account], team: Team) -> None:
        self._columns, self._there, self._team = table.columns, there, team
        self.drafts: dict[str, _Draft] = {}
        self.problems = [row for row in table.rows if isinstance(row, Problem)]
        rows = [row for row in table.rows if not isinstance(row, Problem)]
        named = {" ".join(row["name"].split()).casefold() for _, row in rows}
        self._taken = {word: a.name for key, a in there.items() for word in self._kept(a, key in named)}
        for line, row in rows:
            self._read(line, row)

    def _kept(self, account: Account, named: bool) -> list[str]:
        """Return what no row of this file can take away from an account."""
        domains = [] if named and "domains" in self._columns else account.domains
        addresses = [] if named and "addresses" in self._columns else account.addresses
        return [*domains, *addresses]

    def _read(self, line: int, row: Mapping[str, str]) -> None:
        """Add what a row says to its draft, or a problem."""
        draft = None
        try:
            name = check_name(row["name"])
            draft = self.drafts.setdefault(name.casefold(), _Draft(name))
            self._add(row, draft)
        except InputError as error:
            self.problems.append(Problem(line, f"{error}; {error.hint}" if error.hint else str(error)))
            if draft:
                draft.troubled = True

    def _add(self, row: Mapping[str, str], draft: _Draft) -> None:
        domains = [check_domain_of(self._team, word) for word in _words(row, "domains")]
        addresses = [check_address_of(self._team, word) for word in _words(row, "addresses")]
        key_players = [check_address(word) for word in _words(row, "key_players")]
        kind = check_type(row["type"]) if row.get("type") else None
        owner = check_owner(self._team, row["owner"]) if row.get("owner") else None
        self._refuse_clash(draft, [*domains, *addresses], kind, owner)
        if not (domains or addresses or draft.domains or draft.addresses or self._there.get(draft.name.casefold())):
            raise InputError(f"{draft.name} has neither a domain nor an address", "nobody would be its buyer")
        self._taken |= dict.fromkeys([*domains, *addresses], draft.name)
        draft.domains += domains
        draft.addresses += addresses
        draft.key_players += key_players
        draft.type, draft.owner = kind or draft.type, owner or draft.owner

    def _refuse_clash(self, draft: _Draft, words: list[str], kind: AccountType | None, owner: str | None) -> None:
        for word in words:
            if self._taken.get(word, draft.name).casefold() != draft.name.casefold():
                raise InputError(f"{word} already belongs to {self._taken[word]}", "a buyer has one account")
        if kind and draft.type not in (None, kind):
            raise InputError(f"the type of {draft.name} is another one above")
        if owner and draft.owner not in (None, owner):
            raise InputError(f"the owner of {draft.name} is another one above")

    def account(self, key: str, draft: _Draft, person: Callable[[str], str]) -> Account:
        """Return the account that a draft makes of the one that is known."""
        old = self._there.get(key) or Account(draft.name)
        return Account(
            name=draft.name,
            domains=tuple(self._free(draft, self._merged("domains", old.domains, draft))),
            type=(draft.type or AccountType.PROSPECT) if "type" in self._columns else old.type,
            owner=draft.owner if "owner" in self._columns else old.owner,
            addresses={a: person(a) for a in self._free(draft, self._merged("addresses", old.addresses, draft))},
            key_players={a: person(a) for a in self._merged("key_players", old.key_players, draft)},
        )

    def _merged(self, column: str, old: Sequence[str] | Mapping[str, str], draft: _Draft) -> list[str]:
        """Return the old entries where the file has no such column or could not be read, then the new ones."""
        kept = list(old) if draft.troubled or column not in self._columns else []
        return list(dict.fromkeys([*kept, *getattr(draft, column)]))

    def _free(self, draft: _Draft, words: list[str]) -> list[str]:
        return [word for word in words if self._taken.get(word, draft.name).casefold() == draft.name.casefold()]


def _words(row: Mapping[str, str], column: str) -> list[str]:
    return [word for word in re.split(r"[;,\s]+", row.get(column, "")) if word]
