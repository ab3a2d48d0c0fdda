"""Keeps the accounts; a domain and an address belong to one account only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from calsignal.directory import parents
from calsignal.errors import InputError
from calsignal.ledger import storable
from calsignal.model import Account, AccountType
from calsignal.store import kept, reading
from calsignal.store.database import mark_erased
from calsignal.store.tables import account_addresses, account_domains, account_key_players, accounts, people


def all_accounts(conn: sa.Connection) -> tuple[Account, ...]:
    """Return the accounts by name, whatever its case."""
    domains: defaultdict[int, list[str]] = defaultdict(list)
    for row in conn.execute(sa.select(account_domains).order_by(account_domains.c.id)):
        domains[row.account_id].append(row.domain)
    addresses, key_players = _people(conn, account_addresses), _people(conn, account_key_players)
    return tuple(
        Account(
            name=row.name,
            domains=tuple(domains[row.id]),
            type=AccountType(row.type),
            owner=row.owner,
            addresses=addresses[row.id],
            key_players=key_players[row.id],
        )
        for row in sorted(conn.execute(sa.select(accounts)), key=attrgetter("folded"))
    )


def _people(conn: sa.Connection, table: sa.Table) -> defaultdict[int, dict[str, str]]:
    found: defaultdict[int, dict[str, str]] = defaultdict(dict)
    for row in conn.execute(sa.select(table).order_by(table.c.id)):
        found[row.account_id][row.address] = row.person
    return found


def add(conn: sa.Connection, account: Account) -> None:
    """Add an account.

    Raises `InputError` when there is one of that name, or another one has a domain or an address of it.
    """
    if (there := _find(conn, account.name)) is not None:
        fact = f"there is already an account {there.name}"
        raise InputError(fact, "choose another name, or remove that account first")
    _refuse_what_others_have(conn, account, None)
    row = {"name": account.name, "folded": account.name.casefold(), "type": account.type.value, "owner": account.owner}
    number = conn.scalar(sa.insert(accounts).returning(accounts.c.id), row)
    _insert_parts(conn, account, number)
    _touch_claimed(conn, _claims([account]))


def save(conn: sa.Connection, found: Sequence[Account]) -> None:
    """Add or replace accounts. All give up what they had before any gets its own: a domain may pass between them.

    Raises `InputError` when an account that is not among them has a domain or an address of one.
    """
    named = [account.name.casefold() for account in found]
    before = [account for account in all_accounts(conn) if account.name.casefold() in set(named)]
    numbers = [_emptied(conn, account) for account in found]
    for account, number in zip(found, numbers, strict=True):
        _refuse_what_others_have(conn, account, number)
        _insert_parts(conn, account, number)
    _touch_claimed(conn, _claims(before) ^ _claims(found))


def _claims(found: Iterable[Account]) -> set[tuple[str, str, str]]:
    """Return what accounts claim: kind, domain or person key, and account."""
    domains = {("domain", domain, account.name) for account in found for domain in account.domains}
    return domains | {("person", key, account.name) for account in found for key in account.addresses.values()}


MANY = 200
"""So many domains or people that pass from account to account are not looked up one by one."""


def _touch_claimed(conn: sa.Connection, claims: Collection[tuple[str, str, str]]) -> None:
    """Note that people are somebody else's buyers now."""
    if len(claims) > MANY:
        kept.erase_all(conn)
        return
    keys = {storable(value) for kind, value, _ in claims if kind == "person"}
    domains = {value for kind, value, _ in claims if kind == "domain"}
    hosts = [h for h in conn.scalars(sa.select(people.c.domain).distinct()) if not domains.isdisjoint(parents(h))]
    for column, values in ((people.c.person, keys), (people.c.domain, hosts)):
        for chunk in reading.chunks(values):
            kept.erase_people(conn, column.in_(chunk))


def _emptied(conn: sa.Connection, account: Account) -> int:
    """Return the number of an account, new or known, that has its own name, type and owner and nothing else."""
    row = {"name": account.name, "folded": account.name.casefold(), "type": account.type.value, "owner": account.owner}
    there = _find(conn, account.name)
    if there is None:
        return int(conn.execute(sa.insert(accounts).returning(accounts.c.id), row).scalar_one())
    conn.execute(sa.update(accounts).where(accounts.c.id == there.id).values(**row))
    for table in (account_domains, account_addresses, account_key_players):
        conn.execute(sa.delete(table).where(table.c.account_id == there.id))
    mark_erased(conn)
    return int(there.id)


def remove(conn: sa.Connection, name: str) -> None:
    """Remove an account. Raises `InputError` when there is none of that name."""
    known = _known(conn, name)
    _touch_claimed(conn, _claims(account for account in all_accounts(conn) if account.name == known.name))
    conn.execute(sa.delete(accounts).where(accounts.c.id == _known(conn, name).id))
    mark_erased(conn)


def _find(conn: sa.Connection, name: str) -> Any:  # noqa: ANN401
    return conn.execute(sa.select(accounts).where(accounts.c.folded == name.casefold())).one_or_none()


def _known(conn: sa.Connection, name: str) -> Any:  # noqa: ANN401
    there = _find(conn, name)
    if there is None:
        raise InputError(f"there is no account {name}", "see their names with: calsignal accounts list")
    return there


def _refuse_what_others_have(conn: sa.Connection, account: Account, own: int | None) -> None:
    for what, owner in _taken(conn, account, own):
        raise InputError(f"{what} already belongs to the account {owner}", "remove it there first")


def _taken(conn: sa.Connection, account: Account, own: int | None) -> Iterator[tuple[str, str]]:
    """Yield the domains and addresses that accounts other than `own` have, with their names."""
    for column, values in (
        (account_domains.c.domain, account.domains),
        (account_addresses.c.address, account.addresses),
    ):
        query = sa.select(column, accounts.c.name).join(accounts).where(column.in_(list(values)))
        found = conn.execute(query.where(accounts.c.id != own) if own is not None else query)
        yield from sorted(map(tuple, found))


def _insert_parts(conn: sa.Connection, account: Account, number: int | None) -> None:
    _insert(conn, account_domains, ({"account_id": number, "domain": one} for one in dict.fromkeys(account.domains)))
    for table, named in ((account_addresses, account.addresses), (account_key_players, account.key_players)):
        _insert(conn, table, ({"account_id": number, "address": who, "person": key} for who, key in named.items()))


def _insert(conn: sa.Connection, table: sa.Table, rows: Iterable[dict[str, Any]]) -> None:
    if found := list(rows):
        conn.execute(sa.insert(table), found)
