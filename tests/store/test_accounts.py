"""Accounts: names, domains and addresses belong to one of them only."""

from __future__ import annotations

from dataclasses import replace

import pytest

from calsignal.errors import InputError
from calsignal.model import Account, AccountType
from calsignal.store import Store

ACME = Account(
    name="Acme",
    domains=("acme.example", "acme-labs.example"),
    type=AccountType.CUSTOMER,
    owner="rep@ours.example",
    addresses={"ann@mail.example": "key-ann", "ben@mail.example": "key-ben"},
    key_players={"ceo@acme.example": "key-ceo"},
)
BOLT = Account(name="bolt", domains=("bolt.example",))


def test_an_account_is_read_back_as_it_was_added(store: Store) -> None:
    store.add_account(BOLT)
    store.add_account(ACME)

    assert store.accounts() == (ACME, BOLT)


def test_a_name_in_another_case_is_the_same_name(store: Store) -> None:
    store.add_account(ACME)

    with pytest.raises(InputError, match="there is already an account Acme"):
        store.add_account(Account("ACME"))


@pytest.mark.parametrize(
    ("second", "what"),
    [
        (Account("Other", domains=("new.example", "acme.example")), "acme.example"),
        (Account("Other", addresses={"ben@mail.example": "key-ben"}), "ben@mail.example"),
    ],
)
def test_what_another_account_has_is_refused_by_name_and_nothing_is_kept(
    store: Store, second: Account, what: str
) -> None:
    store.add_account(ACME)

    with pytest.raises(InputError, match=f"{what} already belongs to the account Acme"):
        store.add_account(second)

    assert store.accounts() == (ACME,)


def test_removing_gives_its_domains_free(store: Store) -> None:
    store.add_account(ACME)

    store.remove_account("acme")

    store.add_account(replace(ACME, name="Heir"))
    assert [account.name for account in store.accounts()] == ["Heir"]


def test_an_unknown_account_is_named(store: Store) -> None:
    with pytest.raises(InputError, match="there is no account Nobody"):
        store.remove_account("Nobody")


def test_saving_adds_and_replaces_and_lets_a_domain_pass_between_the_saved(store: Store) -> None:
    store.add_account(ACME)
    store.add_account(BOLT)
    renewed = replace(ACME, domains=("bolt.example",))
    heir = Account("Heir", domains=("acme.example",))

    store.save_accounts([renewed, replace(BOLT, domains=()), heir])

    assert store.accounts() == (renewed, replace(BOLT, domains=()), heir)


def test_saving_keeps_nothing_when_one_of_them_is_refused(store: Store) -> None:
    store.add_account(ACME)

    with pytest.raises(InputError, match=r"acme.example already belongs to the account Acme"):
        store.save_accounts([BOLT, Account("Thief", domains=("acme.example",))])

    assert store.accounts() == (ACME,)


def test_a_domain_given_twice_is_one_domain(store: Store) -> None:
    store.add_account(replace(BOLT, domains=("bolt.example", "bolt.example")))

    assert store.accounts() == (BOLT,)
