from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from calsignal.ledger import person_key
from calsignal.model import Account, AccountType
from cli.desk import Desk


def names(desk: Desk) -> list[str]:
    return [account.name for account in desk.store().accounts()]


# --- add --------------------------------------------------------------------------------------------------------------


def test_an_account_is_added_with_all_there_is_to_say(desk: Desk) -> None:
    args = ["Acme  Corp", "Acme.example", "@acme.example", "https://acme.co.uk/about", "--type", "customer"]
    people = ["--owner", "Jane@ours.example", "--address", "jo@gmail.com", "--key-player", "Boss+x@acme.example"]

    result = desk.run("accounts", "add", *args, *people)

    assert (result.exit_code, result.stdout) == (0, "added Acme Corp\n")
    assert "every figure counts it from now on" in result.stderr
    assert "next `calsignal sync`" in result.stderr
    key = desk.app().address_key()
    assert desk.store().accounts() == (
        Account(
            "Acme Corp",
            ("acme.example", "acme.co.uk"),
            AccountType.CUSTOMER,
            "jane@ours.example",
            {"jo@gmail.com": person_key(key, "jo@gmail.com")},
            {"boss@acme.example": person_key(key, "boss@acme.example")},
        ),
    )


def test_the_owner_is_found_by_any_of_their_addresses(desk: Desk) -> None:
    desk.write('[team]\ndomains = ["ours.example"]\n[team.aliases]\n"j@ours.example" = "jane@ours.example"\n')

    desk.ok("accounts", "add", "Acme", "acme.example", "--owner", "j@ours.example")

    assert desk.store().accounts()[0].owner == "jane@ours.example"


@pytest.mark.parametrize(
    ("args", "fact", "hint"),
    [
        (("Beta", "gmail.com"), "gmail.com is a free-mail domain", "--address someone@gmail.com"),
        (("Beta", "co.uk"), "co.uk is a public suffix", "company.co.uk"),
        (("Beta", "192.0.2.1"), "192.0.2.1 is an IP address", "domain"),
        (("Beta", "eu.ours.example"), "eu.ours.example is your own domain", "another company"),
        (("Beta", "acme.example"), "acme.example already belongs to the account Acme", "remove it there first"),
        (("acme", "other.example"), "there is already an account Acme", "remove that account first"),
        (("Beta",), "an account needs a domain or an address", "calsignal accounts add 'Beta' DOMAIN"),
        ((" ", "beta.example"), "this is no name of an account", "visible"),
        (("Beta", "--address", "jo"), "'jo': this is no e-mail address", "name@company.example"),
        (("Beta", "--address", "sam@ours.example"), "sam@ours.example is in your own team", "another company"),
        (("Beta", "b.example", "--owner", "jane"), "'jane': this is no e-mail address", "name@company.example"),
        (("Beta", "b.example", "--key-player", "x"), "'x': this is no e-mail address", "name@company.example"),
    ],
)
def test_what_cannot_be_added_is_told_and_changes_nothing(
    desk: Desk, args: tuple[str, ...], fact: str, hint: str
) -> None:
    desk.ok("accounts", "add", "Acme", "acme.example")

    said = desk.fails(2, "accounts", "add", *args)

    first, second = said.splitlines()
    assert first.startswith("error: ")
    assert fact in first
    assert second.startswith("hint: ")
    assert hint in second
    assert names(desk) == ["Acme"]


def test_an_unknown_type_lists_the_known_ones(desk: Desk) -> None:
    assert "'prospect', 'customer', 'partner'" in desk.fails(2, "accounts", "add", "A", "a.example", "--type", "rival")


# --- import -----------------------------------------------------------------------------------------------------------


def test_a_file_is_imported_once(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "accounts.csv"
    file.write_text("name,domain,address\nAcme,acme.example,jo@gmail.com\nBeta,beta.example,\n")

    assert desk.ok("accounts", "import", str(file)) == "2 added, 0 changed, 0 unchanged\n"
    assert desk.ok("accounts", "import", str(file)) == "0 added, 0 changed, 2 unchanged\n"

    assert names(desk) == ["Acme", "Beta"]


def test_good_rows_are_imported_and_bad_ones_named(desk: Desk) -> None:
    table = "name,domain,Revenue\nAcme,acme.example,1\nBad,gmail.com,2\nAcme,acme.example,3\nWorse,,4\n"

    result = desk.run("accounts", "import", "-", input=table)

    assert result.exit_code == 1
    assert result.stdout == "1 added, 0 changed, 0 unchanged, 2 refused\n"
    assert "line 3: gmail.com is a free-mail domain" in result.stderr
    assert "line 5: Worse has neither a domain nor an address" in result.stderr
    assert "columns that mean nothing here: Revenue" in result.stderr
    assert names(desk) == ["Acme"]


def test_domains_may_change_hands_in_one_file(desk: Desk) -> None:
    desk.ok("accounts", "import", "-", input="name,domain\nAcme,one.example\nBeta,two.example\n")

    assert "2 changed" in desk.ok("accounts", "import", "-", input="name,domain\nAcme,two.example\nBeta,one.example\n")

    assert [account.domains for account in desk.store().accounts()] == [("two.example",), ("one.example",)]


@pytest.mark.parametrize(
    ("table", "fact"),
    [(b"", "there is no table in the file"), (b"domain\n", "no column called name"), (b"n\x81,\n", "encoding")],
)
def test_a_file_that_is_no_table_imports_nothing(desk: Desk, table: bytes, fact: str) -> None:
    assert fact in desk.fails(2, "accounts", "import", "-", input=table)


def test_a_missing_file_is_told(desk: Desk, tmp_path: Path) -> None:
    said = desk.fails(2, "accounts", "import", str(tmp_path / "none.csv"))

    assert "none.csv cannot be read: No such file or directory" in said


def test_a_cell_cannot_steer_the_terminal(desk: Desk) -> None:
    result = desk.run("accounts", "import", "-", input="name,domain,\x1b[31mred\nBad,\x1b]0;title\x07,\n")

    assert result.exit_code == 1
    assert "\x1b" not in result.output
    assert "\x07" not in result.output


def test_a_store_that_is_in_use_imports_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.ok("accounts", "add", "Acme", "acme.example")
    app = desk.app()
    url = f"sqlite:///{desk.database.as_posix()}"
    from calsignal.store import open_store

    app._store = open_store(url, busy_seconds=0)
    with sqlite3.connect(desk.database, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")

        result = desk.run("accounts", "import", "-", input="name,domain\nBeta,beta.example\n", app=app)

        other.execute("ROLLBACK")
    other.close()
    assert result.exit_code == 3
    assert "is in use by another program" in result.stderr
    assert "hint: wait" in result.stderr
    assert names(desk) == ["Acme"]


# --- list, remove, suggest --------------------------------------------------------------------------------------------


def test_accounts_are_listed(desk: Desk) -> None:
    desk.ok("accounts", "add", "Acme", "acme.example", "--owner", "jane@ours.example")

    text = desk.ok("accounts", "list")
    document = json.loads(desk.ok("accounts", "list", "--format", "json"))

    assert "Acme" in text
    assert "acme.example" in text
    assert [(one["name"], one["owner"]) for one in document["accounts"]] == [("Acme", "jane@ours.example")]


def test_a_list_may_go_to_a_file(desk: Desk, tmp_path: Path) -> None:
    desk.ok("accounts", "add", "Bücher", "buecher.example")

    assert desk.ok("accounts", "list", "--output", str(tmp_path / "list.txt")) == ""

    assert "Bücher" in (tmp_path / "list.txt").read_text(encoding="utf-8")
    said = desk.fails(2, "accounts", "list", "--output", str(tmp_path / "no" / "list.txt"))
    assert "cannot be written: No such file or directory" in said


def test_an_account_is_removed_whatever_the_case_of_its_name(desk: Desk) -> None:
    desk.ok("accounts", "add", "Acme", "acme.example")

    assert desk.ok("accounts", "remove", "ACME") == "removed Acme\n"
    assert names(desk) == []


def test_an_unknown_account_names_the_nearest(desk: Desk) -> None:
    desk.ok("accounts", "add", "Acme", "acme.example")

    assert desk.fails(2, "accounts", "remove", "Acne") == "error: no account called 'Acne'\nhint: did you mean Acme?\n"
    assert "calsignal accounts list" in desk.fails(2, "accounts", "remove", "zzzzzz")


def test_suggestions_of_nobody_are_none(connected: Desk) -> None:
    assert connected.ok("accounts", "suggest")
    assert json.loads(connected.ok("accounts", "suggest", "--format", "json"))["suggestions"] == []


def test_accounts_without_a_store_say_how_to_begin(desk: Desk) -> None:
    said = desk.fails(3, "accounts", "list")

    assert "does not exist yet" in said
    assert "hint: " in said
    assert not desk.database.exists()


def test_accounts_alone_is_their_help(desk: Desk) -> None:
    text = desk.ok("accounts")

    for command in ("add", "import", "list", "remove", "suggest"):
        assert f"\n  {command} " in text
