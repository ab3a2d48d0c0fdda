"""What a person at a terminal gets: a pager, a question where a name is unclear, less or more said."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from calsignal.cli import cli, options
from calsignal.cli.app import App
from cli.desk import Desk
from remote_world import event


@pytest.fixture
def busy(connected: Desk) -> Desk:
    """Return a desk with accounts and a meeting."""
    connected.remote().put(event("one"))
    for name in ("Acme", "Acme West", "Birch"):
        connected.ok("accounts", "add", name, f"{name.lower().replace(' ', '-')}.example")
    connected.ok("sync")
    return connected


# --- more and less ----------------------------------------------------------------------------------------------------


def test_quiet_leaves_out_notes_and_keeps_results_and_errors(desk: Desk) -> None:
    said = desk.run("accounts", "add", "Acme", "acme.example")
    quiet = desk.run("--quiet", "accounts", "add", "Birch", "birch.example")

    assert (said.stdout, quiet.stdout) == ("added Acme\n", "added Birch\n")
    assert "calsignal sync" in said.stderr
    assert quiet.stderr == ""
    assert "there is already an account" in desk.fails(2, "-q", "accounts", "add", "Acme", "other.example")
    refused = desk.run("-q", "accounts", "import", "-", input="name,domain\nBad,com\n")
    assert refused.stderr.startswith("line 2: ")


def test_verbose_says_which_config_which_store_and_which_moment(busy: Desk) -> None:
    busy.clock.wait(days=1)

    told = busy.run("--verbose", "digest", "--as-of", "2026-03-02T09:30")

    assert told.stderr.splitlines()[:1] == [f"config: {busy.config}"]
    assert f"the store {busy.database}" in told.stderr
    assert "as of: 2026-03-02 09:30 CET" in told.stderr
    assert busy.run("digest").stderr == ""
    assert told.stdout == busy.ok("digest", "--as-of", "2026-03-02T09:30")


def test_verbose_gives_no_password_away(busy: Desk) -> None:
    busy.environ["CALSIGNAL_DATABASE_URL"] = "postgresql+psycopg://rep:s3cret@127.0.0.1:1/none"

    assert "s3cret" not in busy.run("-v", "digest").output


# --- the nearest ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "fact"),
    [
        (("accounts", "lst"), "no command called 'lst'; did you mean list?"),
        (("deals", "imprt"), "no command called 'imprt'; did you mean import?"),
        (("accounts", "zzz"), "no command called 'zzz'; `calsignal accounts --help` lists them"),
        (("reminder",), "no command called 'reminder'; did you mean reminders?"),
    ],
)
def test_a_mistyped_command_names_the_nearest(bare: Desk, words: tuple[str, ...], fact: str) -> None:
    assert fact in bare.fails(2, *words)


def test_an_option_below_a_group_is_not_taken_for_a_command(bare: Desk) -> None:
    assert "No such option" in bare.fails(2, "accounts", "--nope")


# --- one account of several -------------------------------------------------------------------------------------------


def test_an_account_is_found_by_a_part_of_its_name_or_domain(busy: Desk) -> None:
    assert busy.ok("account", "west").startswith("Acme West ")
    assert busy.ok("account", "birch.ex").startswith("Birch ")
    assert busy.ok("account", "ACME").startswith("Acme ")


def test_several_accounts_are_an_error_where_nobody_can_be_asked(busy: Desk) -> None:
    assert busy.fails(2, "account", "acm") == "error: acm may be Acme or Acme West\nhint: name one of them\n"


def test_several_accounts_are_a_question_where_somebody_is(busy: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calsignal.cli.reports.somebody_there", lambda: True)

    chosen = busy.run("account", "acm", input="2\n")
    stopped = busy.run("account", "acm", input="")

    assert chosen.stdout.startswith("Acme West ")
    assert "1 Acme\n2 Acme West\nWhich one: " in chosen.stderr
    assert stopped.exit_code == 2
    assert "hint: name one of them" in stopped.stderr
    assert busy.ok("account", "birch").startswith("Birch ")


# --- deals by id ------------------------------------------------------------------------------------------------------


def test_deals_may_be_listed_by_id_open_or_not(desk: Desk) -> None:
    rows = "Deal ID,Deal Name,Company,Owner,Amount,Currency,Status\n1001,Old,Acme,rep@ours.example,5,EUR,lost\n"
    desk.ok("deals", "import", "-", input=rows + "1002,New,Acme,rep@ours.example,6,EUR,open\n")

    assert "Old" not in desk.ok("deals", "list")
    assert "Old" in desk.ok("deals", "list", "1001")
    assert "New" not in desk.ok("deals", "list", "1001")
    said = desk.fails(2, "deals", "list", "1003")
    assert said.startswith("error: no deal has the id '1003'\nhint: did you mean 100")
    assert "`calsignal deals list --all` has all" in desk.fails(2, "deals", "list", "zzz")


# --- the pager --------------------------------------------------------------------------------------------------------


@pytest.fixture
def paged(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Return what goes through a pager, on a terminal of ten lines."""
    shown: list[str] = []
    monkeypatch.setattr(options, "_on_terminal", lambda: True)
    monkeypatch.setattr("shutil.get_terminal_size", lambda: os.terminal_size((80, 10)))
    monkeypatch.setattr("click.echo_via_pager", shown.append)
    monkeypatch.delenv("LESS", raising=False)
    yield shown
    os.environ.pop("LESS", None)


def printed(text: str, *words: str, output: Path | None = None) -> str:
    """Print a text as a command does that was started with these words."""
    with cli.make_context("calsignal", [*words, "doctor"], obj=App()) as ctx:
        ctx.params.pop("debug")
        ctx.command.callback(**ctx.params, debug=False)  # type: ignore[misc]  # it has one
        with CliRunner().isolation() as streams:
            options.emit(text, output)
            return streams[0].getvalue().decode()


def test_what_does_not_fit_on_the_terminal_is_paged(paged: list[str]) -> None:
    assert printed("line\n" * 10) == ""
    assert paged == ["line\n" * 9 + "line"]
    assert os.environ["LESS"] == "FRX"


def test_what_fits_a_file_and_no_pager_are_not_paged(paged: list[str], tmp_path: Path) -> None:
    assert printed("line\n" * 9) == "line\n" * 9
    assert printed("line\n" * 99, "--no-pager") == "line\n" * 99
    assert printed("line\n" * 99, output=tmp_path / "it.txt") == ""
    assert paged == []


def test_a_pipe_is_never_paged(paged: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()

    assert printed("line\n" * 99) == "line\n" * 99
