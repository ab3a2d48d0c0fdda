"""Which account somebody means: what fits exactly goes before a beginning, and that before a part."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsignal.config import Settings, Team
from calsignal.errors import InputError
from calsignal.model import Account
from calsignal.team import called, mailbox_of, one_called

ACME = Account("Acme", ("acme.example", "acme.test"))
WEST = Account("Acme West", ("west.example",), addresses={"zoe@freemail.example": "key"})
ALDER = Account("Alder & Pike", ("alderpike.example",))
KNOWN = (ACME, WEST, ALDER)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Acme", (ACME,)),
        ("  acme  WEST ", (WEST,)),
        ("acme.test", (ACME,)),
        ("mail.acme.example", (ACME,)),
        ("ann@eu.acme.example", (ACME,)),
        ("zoe@freemail.example", (WEST,)),
        ("other@freemail.example", ()),
        ("acm", (ACME, WEST)),
        ("alderp", (ALDER,)),
        ("pike", (ALDER,)),
        ("west", (WEST,)),
        (".example", (ACME, WEST, ALDER)),
        ("nothing", ()),
        ("", ()),
        ("  ", ()),
    ],
)
def test_an_account_is_found_by_name_domain_address_or_a_part(text: str, found: tuple[Account, ...]) -> None:
    assert called(text, KNOWN) == found


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1), unique_by=str.casefold, max_size=6))
def test_the_whole_name_of_an_account_always_finds_it(names: list[str]) -> None:
    accounts = [Account(" ".join(name.split())) for name in names if name.split()]

    for account in accounts:
        assert account in called(account.name, accounts)


def test_one_account_is_told_apart_or_the_choice_is_named() -> None:
    assert one_called("alder", KNOWN) is ALDER
    with pytest.raises(InputError, match="acm may be Acme or Acme West") as several:
        one_called("acm", KNOWN)
    with pytest.raises(InputError, match="a may be A0, A1, A2, A3, A4, A5, A6, A7 or one of 2 more"):
        one_called("a", [Account(f"A{n}") for n in range(10)])
    with pytest.raises(InputError, match="no account called Adler"):
        one_called("Adler", KNOWN)

    assert several.value.hint == "name one of them"


def test_the_nearest_account_is_the_hint_where_there_is_one() -> None:
    with pytest.raises(InputError) as near:
        one_called("Acne", KNOWN)
    with pytest.raises(InputError) as far:
        one_called("zzzzzz", KNOWN)

    assert near.value.hint == "did you mean Acme?"
    assert far.value.hint == "see all with: calsignal accounts list"


def test_a_rep_is_known_by_another_address() -> None:
    settings = Settings(team=Team("us", ("ours.example",), aliases={"r@ours.example": "rep@ours.example"}))

    assert mailbox_of(" R@Ours.example", settings) == "rep@ours.example"
    assert mailbox_of("sam@ours.example", settings) == "sam@ours.example"
    with pytest.raises(InputError, match="'sam' is no e-mail address"):
        mailbox_of("sam", settings)
