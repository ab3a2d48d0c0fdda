from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator, FormatChecker

from calsignal.model import Account, Deal
from calsignal.reports.jsonform import schema
from cli.desk import Desk

SAMPLES = Path(__file__).parents[1] / "data" / "deals"
HEAD = "ID,Name,Account,Owner,Amount,Currency,Close Date,Website\n"
TWO = HEAD + "1,Roll-out,Acme,Jane Doe,1500,EUR,2026-09-30,acme.example\n2,Pilot,Beta,Jane Doe,20.5,USD,2026-08-31,\n"


def many(numbers: range, amount: int = 1) -> str:
    return HEAD + "".join(f"{n},Deal {n},Acme,Jane Doe,{amount},EUR,2026-09-30,\n" for n in numbers)


def known(desk: Desk) -> list[Deal]:
    return [track.now for track in desk.store().deals(desk.clock())]


def missing(desk: Desk) -> list[str]:
    return [track.now.id for track in desk.store().deals(desk.clock()) if track.missing]


# --- import -----------------------------------------------------------------------------------------------------------


def test_a_file_is_imported_once(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_text(TWO)

    first = desk.ok("deals", "import", "deals.csv")
    desk.clock.wait(hours=1)
    second = desk.ok("deals", "import", "deals.csv")

    assert first == "2 added, 0 changed, 0 unchanged\nopen: 2 deals, 1,500 EUR, 20.5 USD\n"
    assert second == "0 added, 0 changed, 2 unchanged\nopen: 2 deals, 1,500 EUR, 20.5 USD\n"
    assert [(deal.name, deal.amount) for deal in known(desk)] == [
        ("Roll-out", Decimal(1500)),
        ("Pilot", Decimal("20.5")),
    ]
    assert len(desk.store().deal_imports()) == 2


@pytest.mark.parametrize(
    ("sample", "said"),
    [
        (
            "salesforce.csv",
            (
                "5 added, 0 changed, 0 unchanged\nopen: 3 deals, 48,500.50 EUR, 120,000.00 USD, 1 without an amount\n"
                "won: 1 deal, 900,000.00 SEK\nlost: 1 deal, 15,000.00 EUR\n"
            ),
        ),
        (
            "hubspot.csv",
            (
                "5 added, 0 changed, 0 unchanged\nopen: 3 deals, 76,500.75 EUR, 1 without an amount\n"
                "won: 1 deal, 9,900 USD\nlost: 1 deal, 4,000 USD\n"
            ),
        ),
        (
            "pipedrive.csv",
            (
                "3 added, 0 changed, 0 unchanged\nopen: 1 deal, 18,000 EUR\nwon: 1 deal, 250,000 NOK\n"
                "lost: 1 deal, 7,000 EUR\n"
            ),
        ),
    ],
)
def test_the_exports_of_three_crms_are_imported(desk: Desk, sample: str, said: str) -> None:
    assert desk.ok("deals", "import", str(SAMPLES / sample)) == said


def test_good_rows_are_imported_and_bad_ones_named(desk: Desk) -> None:
    result = desk.run("deals", "import", str(SAMPLES / "bad.csv"))

    assert result.exit_code == 1
    assert result.stdout.startswith("2 added, 0 changed, 0 unchanged, 12 refused\n")
    assert "refused row 4, Close Date: 'soon' is no date\n" in result.stderr
    assert "refused row 12: this row has 11 cells, the first line 10\n" in result.stderr
    assert "left out: row 13, Forecast Category: 'Hunch' is no forecast category that is known here\n" in result.stderr
    assert [deal.id for deal in known(desk)] == ["1", "11"]


def test_a_row_is_named_by_its_line_too_where_that_differs(desk: Desk) -> None:
    result = desk.run("deals", "import", "-", input=HEAD + '1,"A\nB",,,5,EUR,,\n2,C,,,oops,EUR,,\n')

    assert "refused row 3 (line 4), Amount: 'oops' is no amount\n" in result.stderr


def test_notes_of_one_kind_are_one_line(desk: Desk) -> None:
    rows = "".join(f"{n},Deal {n},,,5,EUR,,gmail.com\n" for n in range(3))

    result = desk.run("deals", "import", "-", input=HEAD + rows)

    assert "left out: row 2, Website and 2 more: gmail.com is a free-mail domain" in result.stderr


def test_a_dry_run_says_what_would_be_and_makes_not_even_a_store(desk: Desk) -> None:
    result = desk.run("deals", "import", "-", "--dry-run", "--add-accounts", input=TWO)

    assert result.exit_code == 0
    assert result.stdout.startswith("dry run, nothing is changed: 2 added, 0 changed, 0 unchanged\n")
    assert "columns: ID is the id, Name is the name, Account is the account" in result.stderr
    assert "account added: Acme, acme.example" in result.stderr
    assert not desk.database.exists()


def test_a_dry_run_compares_with_what_is_known(desk: Desk) -> None:
    desk.ok("deals", "import", "-", input=TWO)

    said = desk.ok("deals", "import", "-", "--dry-run", input=TWO.replace("1500", "1600").replace("2,P", "3,P"))

    assert said.startswith("dry run, nothing is changed: 1 added, 1 changed, 0 unchanged, 1 missing\n")
    assert [deal.id for deal in known(desk)] == ["1", "2"]


def test_what_the_file_does_not_say_the_options_do(desk: Desk) -> None:
    table = 'Name,Value,ARR,Close Date\nA,7,"1,234",3/4/2026\n'

    desk.ok(
        *("deals", "import", "-", "--currency", "eur", "--date-order", "dmy", "--decimal", ","),
        *("--column", "amount=ARR"),
        input=table,
    )

    (deal,) = known(desk)
    assert (deal.amount, deal.currency) == (Decimal("1.234"), "EUR")
    assert deal.closes is not None
    assert deal.closes.isoformat() == "2026-04-03"


@pytest.mark.parametrize(
    ("args", "fact"),
    [
        (("--currency", "EURO"), "'EURO' is no code of ISO 4217"),
        (("--column", "price=ARR"), "'price=ARR' is not FIELD=HEADER with one of id, name"),
        (("--column", "amount"), "'amount' is not FIELD=HEADER"),
        (("--taken", "2099-01-01"), "2099-01-01 is in the future"),
    ],
)
def test_an_option_that_cannot_be_meant_is_told(desk: Desk, args: tuple[str, ...], fact: str) -> None:
    assert fact in desk.fails(2, "deals", "import", "-", *args, input=TWO)


@pytest.mark.parametrize(
    ("table", "fact", "hint"),
    [
        ("", "no table in the file", "--column FIELD=HEADER"),
        (
            "name,domain,owner\nA,a.example,\n",
            "no line of the file names the columns of deals",
            "--column FIELD=HEADER",
        ),
        ("Name,Amount\nA,5\n", "the column Amount does not tell the currency", "--currency EUR"),
        ("Name,Close Date\nA,3/4/2026\n", "does not tell whether the day or the month is first", "--date-order mdy"),
        (HEAD, "the file holds no deal that can be read", "nothing was imported"),
    ],
)
def test_a_file_that_cannot_be_read_imports_nothing(desk: Desk, table: str, fact: str, hint: str) -> None:
    said = desk.fails(2, "deals", "import", "-", input=table)

    assert fact in said
    assert hint in said
    assert not desk.database.exists()


def test_older_exports_are_imported_as_of_then(desk: Desk) -> None:
    desk.ok("deals", "import", "-", "--taken", "2026-01-05", input=TWO)
    desk.ok("deals", "import", "-", "--taken", "2026-01-12", input=TWO.replace("2026-09-30", "2026-12-31"))

    said = desk.fails(2, "deals", "import", "-", "--taken", "2026-01-06", input=TWO)

    assert "begin with the oldest" in said
    track = desk.store().deals(desk.clock())[0]
    assert [str(one.deal.closes) for one in track.snapshots] == ["2026-09-30", "2026-12-31"]


def test_deals_that_the_file_does_not_show_are_named(desk: Desk) -> None:
    desk.ok("deals", "import", "-", input=many(range(15)))
    desk.clock.wait(hours=1)

    result = desk.run("deals", "import", "-", "--accept", input=many(range(1)))

    assert "1 unchanged, 14 missing" in result.stdout
    assert "missing: Deal 1 (1)\n" in result.stderr
    assert "... and 4 more\n" in result.stderr
    assert len(missing(desk)) == 14


def test_a_file_that_lacks_over_half_of_the_deals_is_believed_when_told_so(desk: Desk) -> None:
    desk.ok("deals", "import", "-", input=many(range(10)))
    desk.clock.wait(hours=1)
    desk.ok("deals", "import", "-", input=many(range(5)))
    desk.ok("deals", "import", "-", "--accept", input=many(range(10)))

    said = desk.fails(2, "deals", "import", "-", input=many(range(4)))

    assert "the file lacks 6 of the 10 deals that the imports of 'crm' showed so far" in said
    assert "--accept" in said
    assert missing(desk) == []
    desk.ok("deals", "import", "-", "--accept", input=many(range(4)))
    assert len(missing(desk)) == 6


def test_another_export_takes_nothing_away(desk: Desk) -> None:
    desk.ok("deals", "import", "-", input=many(range(12)))

    desk.ok("deals", "import", "-", "--source", "closed", input=many(range(90, 92)))

    assert (len(known(desk)), missing(desk)) == (14, [])


def test_formulas_and_control_characters_do_nothing_in_the_terminal(desk: Desk) -> None:
    table = (
        HEAD.replace("Website", "Web\x1b[31msite") + '1,"=cmd()\x1b]0;owned\x07",\x1b[2J+Acme,\u202eeno,x\x1bc,EUR,,\n'
    )
    table += "2,=1+1\x1b]0;owned\x07,\x1b[2JAcme,\u202eenaJ,5,EUR,,\n"

    result = desk.run("deals", "import", "-", input=table)
    listed = desk.run("deals", "list")

    assert (result.exit_code, listed.exit_code) == (1, 0)
    for text in (result.output, listed.output):
        assert not {"\x1b", "\x07", "\u202e"} & set(text)
    assert "=1+1" in listed.stdout


# --- accounts and owners ----------------------------------------------------------------------------------------------


def test_companies_and_owners_that_nobody_knows_are_named_with_the_way_out(desk: Desk) -> None:
    result = desk.run("deals", "import", "-", input=TWO)

    assert result.exit_code == 0
    assert "2 open deals belong to no account: Acme, Beta\n" in result.stderr
    assert "hint: --add-accounts adds those with a web site; `calsignal accounts add NAME DOMAIN`" in result.stderr
    assert "2 open deals belong to an owner who is none of you: Jane Doe\n" in result.stderr
    assert "[deals.owners]" in result.stderr


def test_what_the_config_names_is_known(desk: Desk) -> None:
    desk.write(
        '[team]\ndomains = ["ours.example"]\n[deals.owners]\n"Jane Doe" = "jane@ours.example"\n'
        '[deals.accounts]\nBeta = "Beta Holding"\n'
    )
    desk.ok("accounts", "add", "Acme", "acme.example")
    desk.ok("accounts", "add", "Beta Holding", "beta.example")

    result = desk.run("deals", "import", "-", input=TWO)

    assert "belong to no account" not in result.stderr
    assert "none of you" not in result.stderr


def test_companies_with_a_web_site_are_added_when_asked(desk: Desk) -> None:
    desk.ok("accounts", "add", "Gamma", "gamma.example")
    table = TWO + "3,More,ACME Inc.,,5,EUR,,acme-labs.example\n4,Old,Gamma GmbH,,5,EUR,,other.example\n"

    result = desk.run("deals", "import", "-", "--add-accounts", input=table)

    assert result.exit_code == 0
    assert desk.store().accounts() == (
        Account("Acme", ("acme.example", "acme-labs.example")),
        Account("Gamma", ("gamma.example",)),
    )
    assert "account added: Acme, acme.example acme-labs.example\n" in result.stderr
    assert "1 open deal belongs to no account: Beta\n" in result.stderr


def test_a_company_that_cannot_be_added_is_named(desk: Desk) -> None:
    table = HEAD + "1,A,Acme,,5,EUR,,acme.example\n2,B,Acme Labs,,5,EUR,,acme.example\n3,C,Us,,5,EUR,,ours.example\n"

    result = desk.run("deals", "import", "-", "--add-accounts", input=table)

    assert result.exit_code == 1
    assert "Acme Labs was not added: acme.example belongs to Acme already\n" in result.stderr
    assert "Us was not added: ours.example is your own domain\n" in result.stderr
    assert [account.name for account in desk.store().accounts()] == ["Acme"]
    assert len(known(desk)) == 3


def test_a_dry_run_adds_no_account(desk: Desk) -> None:
    desk.ok("accounts", "add", "Gamma", "gamma.example")

    desk.ok("deals", "import", "-", "--dry-run", "--add-accounts", input=TWO)

    assert [account.name for account in desk.store().accounts()] == ["Gamma"]


def test_contacts_are_kept_of_accounts_only_and_no_longer_than_these(desk: Desk) -> None:
    desk.ok("accounts", "add", "Acme", "acme.example")
    table = 'ID,Name,Account,Stage,Contact Email\n1,A,Acme,x,"ann@acme.example, zed@elsewhere.example"\n'

    desk.ok("deals", "import", "-", input=table)

    assert known(desk)[0].contacts == ("ann@acme.example",)
    assert b"zed@" not in desk.database.read_bytes()
    desk.ok("accounts", "remove", "Acme")
    assert known(desk)[0].contacts == ()


# --- list -------------------------------------------------------------------------------------------------------------


def test_open_deals_are_listed_with_their_sums(desk: Desk) -> None:
    desk.ok("deals", "import", str(SAMPLES / "hubspot.csv"))

    text = desk.ok("deals", "list")

    assert "Iris – rollout" in text
    assert "64,000 EUR" in text
    assert "2026-03-31" in text
    assert "commit, jane@ours.example" in text
    assert "omitted, no owner" in text
    assert "Larch" not in text
    assert text.endswith("open: 3 deals, 76,500.75 EUR, 1 without an amount\n")
    assert max(map(len, text.splitlines())) <= 80


def test_closed_and_missing_deals_are_listed_when_asked(desk: Desk) -> None:
    desk.ok("deals", "import", str(SAMPLES / "hubspot.csv"))
    desk.clock.wait(hours=1)
    desk.ok(
        "deals",
        "import",
        "-",
        input=TWO,
    )

    assert "Iris" not in desk.ok("deals", "list")
    listed = desk.ok("deals", "list", "--all")

    text = " ".join(listed.split())
    assert listed.endswith("\nopen: 2 deals, 1,500 EUR, 20.5 USD\n")
    assert "won," in text
    assert "missing in" in text


def test_deals_are_listed_as_of_then_as_json_that_keeps_to_its_schema(desk: Desk) -> None:
    desk.ok("deals", "import", "-", "--taken", "2026-01-05", input=TWO)
    desk.ok("deals", "import", "-", "--taken", "2026-01-12", input=TWO.replace("1500", "1600.50"))

    document = json.loads(desk.ok("deals", "list", "--as-of", "2026-01-12", "--format", "json"))
    before = json.loads(desk.ok("deals", "list", "--as-of", "2026-01-06", "--format", "json"))

    Draft202012Validator(schema("deals"), format_checker=FormatChecker()).validate(document)
    assert [one["amount"] for one in document["deals"][0]["snapshots"]] == ["1500", "1600.50"]
    assert [one["amount"] for one in before["deals"][0]["snapshots"]] == ["1500"]
    assert document["deals"][1]["snapshots"][0]["closes"] == "2026-08-31"


def test_without_deals_the_list_says_how_to_begin(desk: Desk) -> None:
    desk.ok("accounts", "add", "Acme", "acme.example")

    assert "calsignal deals import FILE.csv" in desk.ok("deals", "list")


def test_deals_alone_is_their_help(desk: Desk) -> None:
    text = desk.ok("deals")

    assert "\n  import " in text
    assert "\n  list " in text
