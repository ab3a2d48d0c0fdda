from __future__ import annotations

import pytest

from calsignal.directory import Directory, check_domain, normalise, normalise_domain, parents, registrable
from calsignal.errors import InputError
from calsignal.model import Account, Participant, Role

ACME = Account("Acme", domains=("acme.example", "acme.co.uk"), addresses={"kim@gmail.com": "kim@gmail.com"})
EMEA = Account("Acme EMEA", domains=("eu.acme.example",), addresses={"liz@agency.example": "liz@agency.example"})
DIRECTORY = Directory(
    team_domains=frozenset({"ours.example"}),
    mailboxes=frozenset({"rep@sister.example"}),
    aliases={"r.ep@brand.example": "rep@sister.example"},
    accounts=(ACME, EMEA),
    ignored_addresses=frozenset({"bot@acme.example"}),
    ignored_domains=frozenset({"robots.example"}),
    delegates={"ea@agency.example": ("cfo@acme.example", "cfo@acme.example")},
)


def who(address: str, directory: Directory = DIRECTORY, *, resource: bool = False) -> tuple[Role, str | None]:
    found = directory.who(Participant(address, address.rpartition("@")[2], address, resource=resource))
    return found.role, found.account


# --- addresses --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Ann@Acme.Example", "ann@acme.example"),
        (" ann@acme.example ", "ann@acme.example"),
        ("mailto:ann@acme.example", "ann@acme.example"),
        ("MAILTO:Ann@acme.example", "ann@acme.example"),
        ("ann+sales@acme.example", "ann@acme.example"),
        ("ann+a+b@acme.example", "ann@acme.example"),
        ("ann@acme.example.", "ann@acme.example"),
        ("ann@BÜCHER.example", "ann@xn--bcher-kva.example"),
        ("ann@xn--bcher-kva.example", "ann@xn--bcher-kva.example"),
        ("Jürgen@acme.example", "jürgen@acme.example"),
        ("o'neil@acme.example", "o'neil@acme.example"),
    ],
)
def test_an_address_is_one_however_it_is_written(written: str, meant: str) -> None:
    assert normalise(written) == meant


@pytest.mark.parametrize(
    "text",
    ["", "ann", "@acme.example", "+tag@acme.example", "ann@", "a nn@acme.example", "ann@a..b", "a\x07@b.example"],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"no e-mail address|no domain name"):
        normalise(text)


@pytest.mark.parametrize(
    "text", ["", "a..b", "-a.example", "a-.example", "a b.example", "ü..example", "x" * 64, "é." * 99]
)
def test_what_is_no_domain_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="this is no domain name"):
        normalise_domain(text)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("Acme.Example", "acme.example"),
        ("@acme.example", "acme.example"),
        ("https://acme.example/contact", "acme.example"),
        ("https://www.acme.example", "acme.example"),
        ("http://acme.co.uk", "acme.co.uk"),
        ("bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_a_company_domain_is_taken_as_people_paste_it(written: str, meant: str) -> None:
    assert check_domain(written) == meant


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("co.uk", "co.uk is a public suffix"),
        ("com", "com is a public suffix"),
        ("gmail.com", "gmail.com is a free-mail domain"),
        ("192.0.2.1", "192.0.2.1 is an IP address"),
        ("[2001:db8::1]", "is an IP address"),
        ("acme example", "this is no domain name"),
    ],
)
def test_what_is_no_company_domain_is_refused(text: str, fact: str) -> None:
    with pytest.raises(InputError, match=fact.replace("[", r"\[")) as caught:
        check_domain(text)

    assert caught.value.hint


def test_the_registrable_part_follows_the_public_suffix_list() -> None:
    assert registrable("mail.eu.acme.co.uk") == "acme.co.uk"
    assert registrable("co.uk") is None
    assert registrable("192.0.2.1") is None


def test_parents_come_longest_first() -> None:
    assert list(parents("a.b.example")) == ["a.b.example", "b.example", "example"]


# --- roles: the first match wins --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "role", "account"),
    [
        ("room@resource.calendar.google.com", Role.RESOURCE, None),
        ("c_1@x.resource.calendar.google.com", Role.RESOURCE, None),
        ("bot@acme.example", Role.RESOURCE, None),
        ("any@sub.robots.example", Role.RESOURCE, None),
        ("fred@fireflies.ai", Role.RESOURCE, None),
        ("rep@ours.example", Role.SELLER, None),
        ("rep@emea.ours.example", Role.SELLER, None),
        ("rep@sister.example", Role.SELLER, None),
        ("r.ep@brand.example", Role.SELLER, None),
        ("other@sister.example", Role.THIRD_PARTY, None),
        ("ann@acme.example", Role.BUYER, "Acme"),
        ("ann@uk.acme.example", Role.BUYER, "Acme"),
        ("ann@acme.co.uk", Role.BUYER, "Acme"),
        ("ann@eu.acme.example", Role.BUYER, "Acme EMEA"),
        ("ann@berlin.eu.acme.example", Role.BUYER, "Acme EMEA"),
        ("liz@agency.example", Role.BUYER, "Acme EMEA"),
        ("max@agency.example", Role.THIRD_PARTY, None),
        ("ea@agency.example", Role.BUYER, "Acme"),
        ("kim@gmail.com", Role.BUYER, "Acme"),
        ("kit@gmail.com", Role.THIRD_PARTY, None),
        ("ann@notacme.example", Role.THIRD_PARTY, None),
        ("ann@acme.example.evil.example", Role.THIRD_PARTY, None),
    ],
)
def test_who_is_who(address: str, role: Role, account: str | None) -> None:
    assert who(address) == (role, account)


def test_a_room_is_a_room_at_any_domain() -> None:
    assert who("r1@acme.example", resource=True) == (Role.RESOURCE, None)
    assert who("r1@ours.example", resource=True) == (Role.RESOURCE, None)


def test_an_explicit_address_beats_the_domain_of_another_account() -> None:
    named = Directory(accounts=(ACME, Account("Birch", addresses={"ann@acme.example": "ann@acme.example"})))

    assert who("ann@acme.example", named) == (Role.BUYER, "Birch")


def test_a_seller_is_a_seller_though_an_account_claims_the_domain() -> None:
    both = Directory(team_domains=frozenset({"acme.example"}), accounts=(ACME,))

    assert who("ann@acme.example", both) == (Role.SELLER, None)


def test_a_free_mail_domain_never_matches_by_domain() -> None:
    careless = Directory(accounts=(Account("Mail", domains=("gmail.com",)),))

    assert who("ann@gmail.com", careless) == (Role.THIRD_PARTY, None)


def test_an_account_may_claim_the_domain_of_a_note_taker() -> None:
    maker = Directory(accounts=(Account("Otter", domains=("otter.ai",)),))

    assert who("ceo@otter.ai", maker) == (Role.BUYER, "Otter")


def test_an_assistant_acts_for_the_principal() -> None:
    found = DIRECTORY.who(Participant("ea@agency.example", "agency.example", "ea@agency.example"))

    assert (found.person, found.email) == ("cfo@acme.example", "cfo@acme.example")


def test_a_person_whose_address_is_not_kept_is_known_by_key_or_domain() -> None:
    assert DIRECTORY.who_is("kim@gmail.com", "gmail.com", None).account == "Acme"
    assert DIRECTORY.who_is("7f3a", "acme.example", None).account == "Acme"
    assert DIRECTORY.who_is("7f3a", "gmail.com", None).role is Role.THIRD_PARTY
    assert DIRECTORY.who_is("7f3a", "", None).role is Role.THIRD_PARTY


def test_an_alias_belongs_to_its_mailbox() -> None:
    assert DIRECTORY.mailbox("r.ep@brand.example") == "rep@sister.example"
    assert DIRECTORY.mailbox("rep@sister.example") == "rep@sister.example"
    assert DIRECTORY.mailbox(None) is None
