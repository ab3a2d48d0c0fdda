from __future__ import annotations

import csv
import io
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsignal.cli.accounts_file import Outcome, read_accounts
from calsignal.config import Team
from calsignal.errors import InputError
from calsignal.model import Account, AccountType

TEAM = Team(domains=("ours.example",), aliases={"jane.doe@ours.example": "jane@ours.example", "j@home.example": "x"})
ACME = Account(
    "Acme",
    ("acme.example",),
    AccountType.CUSTOMER,
    "jane@ours.example",
    {},
    {"boss@acme.example": "key of boss@acme.example"},
)


def read(text: str | bytes, *known: Account) -> Outcome:
    content = text if isinstance(text, bytes) else text.encode()
    return read_accounts(content, known, TEAM, lambda address: f"key of {address}")


def problems(text: str, *known: Account) -> list[str]:
    return [f"{line}: {fact}" for line, fact in read(text, *known).problems]


def test_a_row_is_an_account() -> None:
    outcome = read(
        "name,domain,type,owner,address,key_player\n"
        " Acme  Corp ,Acme.Example,Customer,Jane.Doe@ours.example,jo@gmail.com,boss@acme.example\n"
        "Beta,beta.example,,,,\n"
    )

    assert outcome.added == (
        Account(
            "Acme Corp",
            ("acme.example",),
            AccountType.CUSTOMER,
            "jane@ours.example",
            {"jo@gmail.com": "key of jo@gmail.com"},
            {"boss@acme.example": "key of boss@acme.example"},
        ),
        Account("Beta", ("beta.example",)),
    )
    assert (outcome.changed, outcome.unchanged, outcome.problems, outcome.ignored) == ((), (), (), ())


@pytest.mark.parametrize(
    "cell", ["a.example;b.example", "a.example b.example", "a.example , b.example", "a.example\nb.example"]
)
def test_several_domains_share_a_cell(cell: str) -> None:
    assert read(f'name,domains\nAcme,"{cell}"\n').added[0].domains == ("a.example", "b.example")


def test_rows_of_one_name_add_up() -> None:
    outcome = read(
        "name,domain,owner\nAcme,a.example,\nbeta,b.example,\nACME,c.example,jane@ours.example\nAcme,a.example,\n"
    )

    assert outcome.added == (
        Account("Acme", ("a.example", "c.example"), owner="jane@ours.example"),
        Account("beta", ("b.example",)),
    )


@pytest.mark.parametrize(
    "header", ["Name;Domain", "NAME\tDOMAINS", "Account,domain", 'sep=;\nname;"domain"', "\n\nname,domain"]
)
def test_headers_and_separators_are_recognised(header: str) -> None:
    separator = next(sign for sign in "\t;," if sign in header)

    assert read(f"{header}\nAcme{separator}acme.example\n").added == (Account("Acme", ("acme.example",)),)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends_are_recognised(encoding: str, end: str) -> None:
    text = end.join(["name,domain", "Bücher & Söhne,bücher.example", ""])

    assert read(text.encode(encoding)).added == (Account("Bücher & Söhne", ("xn--bcher-kva.example",)),)


def test_columns_that_mean_nothing_here_are_named() -> None:
    assert read("name,domain,Revenue,\nAcme,acme.example,3,\n").ignored == ("Revenue",)


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("", "no table"),
        ("\n \n", "no table"),
        ("domain,owner\n", "no column called name"),
        ("name,owner\n", "neither a column called domain nor one called address"),
        ("name,domain,Domains\n", "two columns for domains"),
        (b"name,domain\n\x81\n", "encoding of the file is not known"),
        (b"\xff\xfen", "encoding of the file is not known"),
    ],
)
def test_what_is_no_table_of_accounts_is_refused(text: str | bytes, fact: str) -> None:
    with pytest.raises(InputError, match=fact) as caught:
        read(text)

    assert caught.value.hint


# --- rows with problems -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "fact"),
    [
        ("Bad,gmail.com,,", "gmail.com is a free-mail domain"),
        ("Bad,co.uk,,", "co.uk is a public suffix"),
        ("Bad,192.0.2.1,,", "192.0.2.1 is an IP address"),
        ("Bad,b!.example,,", "'b!.example': this is no domain name"),
        ("Bad,eu.ours.example,,", "eu.ours.example is your own domain"),
        ("Bad,good.example,,", "good.example already belongs to Good"),
        ("Bad,,,", "Bad has neither a domain nor an address"),
        ("Bad,bad.example,rival,", "there is no type 'rival'; it is one of prospect, customer, partner"),
        ("Bad,bad.example,,jane", "'jane': this is no e-mail address"),
        (",bad.example,,", "this is no name of an account"),
        (f"{'x' * 201},bad.example,,", "this is no name of an account"),
        ("B\x1bad,bad.example,,", "this is no name of an account"),
        ("Bad,bad.example,,,,7", "this row has 6 cells, the first line 4"),
        ("Good,other.example,partner,", "the type of Good is another one above"),
        ("Good,other.example,,sam@ours.example", "the owner of Good is another one above"),
    ],
)
def test_a_bad_row_is_named_and_the_others_go_on(row: str, fact: str) -> None:
    outcome = read(
        f"name,domain,type,owner\nGood,good.example,customer,jane@ours.example\n\n{row}\nLast,last.example,,\n"
    )

    assert [problem.line for problem in outcome.problems] == [4]
    assert fact in outcome.problems[0].fact
    assert outcome.added == (
        Account("Good", ("good.example",), AccountType.CUSTOMER, "jane@ours.example"),
        Account("Last", ("last.example",)),
    )


@pytest.mark.parametrize("address", ["sam@ours.example", "sam@eu.ours.example", "j@home.example"])
def test_one_of_us_is_no_buyer(address: str) -> None:
    assert f"2: {address} is in your own team" in problems(f"name,address\nAcme,{address}\n")[0]


def test_a_row_counts_whole_or_not_at_all() -> None:
    outcome = read("name,domain\nAcme,acme.example gmail.com\nBeta,acme.example\n")

    assert outcome.added == (Account("Beta", ("acme.example",)),)
    assert [problem.line for problem in outcome.problems] == [2]


def test_rows_with_cells_of_several_lines_are_named_by_their_first() -> None:
    assert problems('name,domain\n"Ac\nme","a.example\nb.example"\nBad,com\n')[0].startswith(
        "5: com is a public suffix"
    )


@pytest.mark.parametrize("cell", ["x" * 140_000, 'Ac"me'])
def test_a_row_that_is_no_csv_is_named_and_the_others_go_on(cell: str) -> None:
    outcome = read(f'name,domain\nAcme,acme.example\nBad,"{cell}"\nBeta,beta.example\n')

    assert [account.name for account in outcome.added] == ["Acme", "Beta"]
    assert outcome.problems[0].line == 3
    assert "this row is no CSV" in outcome.problems[0].fact


def test_a_quote_that_is_never_closed_is_named() -> None:
    outcome = read('name,domain\nAcme,acme.example\nBad,"bad.example\nBeta,beta.example\n')

    assert [account.name for account in outcome.added] == ["Acme"]
    assert outcome.problems == ((3, "this row is no CSV (unexpected end of data)"),)


def test_a_number_of_cells_too_small_is_forgiven() -> None:
    assert read("name,domain,owner\nAcme,acme.example\n").added == (Account("Acme", ("acme.example",)),)


# --- accounts that are known ------------------------------------------------------------------------------------------


def test_an_equal_account_is_unchanged() -> None:
    outcome = read("name,domain,type\nAcme,acme.example,customer\n", ACME)

    assert (outcome.added, outcome.changed, outcome.unchanged) == ((), (), (ACME,))


def test_a_known_account_takes_what_the_columns_say_and_keeps_the_rest() -> None:
    outcome = read("name,domain,owner\nACME,new.example,\n", ACME)

    changed = Account("ACME", ("new.example",), AccountType.CUSTOMER, None, {}, ACME.key_players)
    assert (outcome.added, outcome.changed) == ((), (changed,))


def test_a_bad_row_takes_nothing_from_a_known_account() -> None:
    outcome = read("name,domain\nAcme,gmail.com\nAcme,new.example\n", ACME)

    assert outcome.changed[0].domains == ("acme.example", "new.example")


def test_a_domain_of_a_known_account_is_taken() -> None:
    assert "2: acme.example already belongs to Acme" in problems("name,domain\nBeta,acme.example\n", ACME)[0]


def test_what_the_file_has_no_column_for_stays_taken() -> None:
    known = Account("Beta", (), addresses={"jo@gmail.com": "key of jo@gmail.com"})

    found = read("name,address\nAcme,jo@gmail.com\n", ACME, known)

    assert found.problems[0].fact.startswith("jo@gmail.com already belongs to Beta")
    assert found.unchanged == (ACME,)


def test_a_domain_may_pass_from_one_account_to_another() -> None:
    outcome = read("name,domain\nBeta,acme.example\nAcme,new.example\n", ACME)

    assert outcome.problems == ()
    assert outcome.added == (Account("Beta", ("acme.example",)),)
    assert outcome.changed[0].domains == ("new.example",)


def test_a_domain_that_was_claimed_is_not_kept_by_an_account_in_trouble() -> None:
    outcome = read("name,domain\nBeta,acme.example\nAcme,gmail.com\nAcme,new.example\n", ACME)

    assert outcome.added == (Account("Beta", ("acme.example",)),)
    assert outcome.changed[0].domains == ("new.example",)


# --- laws -------------------------------------------------------------------------------------------------------------

_cells = st.text("ab @.,;\"'\n\t\x1bé", max_size=12)
_words = st.sampled_from(["a.example", "b.example c.example", "gmail.com", "co.uk", "x@gmail.com", "ours.example", ""])
_names = st.sampled_from(["Acme", "ACME", "Beta", " ", "x"]) | _cells
_rows = st.lists(
    st.tuples(_names, _words | _cells, st.sampled_from(["", "partner", "zzz"]), _words | _cells), max_size=8
)


def _file(rows: list[tuple[str, str, str, str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([("name", "domain", "type", "address"), *rows])
    return text.getvalue().encode()


@given(_rows)
def test_importing_twice_changes_nothing_the_second_time(rows: list[tuple[str, str, str, str]]) -> None:
    first = read(_file(rows), ACME)
    known = {account.name.casefold(): account for account in (ACME, *first.added, *first.changed)}

    again = read(_file(rows), *known.values())

    assert (again.added, again.changed) == ((), ())
    assert again.problems == first.problems


@given(_rows)
def test_nobody_belongs_to_two_accounts(rows: list[tuple[str, str, str, str]]) -> None:
    outcome = read(_file(rows), ACME)

    known = {account.name.casefold(): account for account in (ACME, *outcome.added, *outcome.changed)}
    words = [word for account in known.values() for word in (*account.domains, *account.addresses)]
    assert len(words) == len(set(words))
    assert "gmail.com" not in words


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    with suppress(InputError):
        assert all(line >= 1 and fact for line, fact in read(content).problems)
