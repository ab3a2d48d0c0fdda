from __future__ import annotations

import errno
import sqlite3

import click
import pytest
from click.testing import CliRunner

from calsignal import cli as package
from calsignal.cli.handler import told
from calsignal.errors import CalsignalError, ConfigError, InputError, NeedsSignIn, StoreError
from cli.desk import Desk


def run(error: BaseException, *, debug: bool = False) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of a command that raises."""

    @click.command()
    def command() -> None:
        with told(debug=debug):
            raise error

    result = CliRunner().invoke(command)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [(CalsignalError("f", "h"), 1), (NeedsSignIn("f", "h"), 1), (InputError("f", "h"), 2), (StoreError("f", "h"), 3)],
)
def test_an_error_is_a_fact_and_a_hint(error: CalsignalError, exit_code: int) -> None:
    assert run(error) == (exit_code, "", "error: f\nhint: h\n")


def test_an_error_without_a_hint_is_a_fact() -> None:
    assert run(CalsignalError("f")) == (1, "", "error: f\n")


def test_a_config_error_lists_all_its_problems() -> None:
    error = ConfigError("the file has 2 problems", [("line 1: a", "do b"), ("line 2: c", "do d")])

    assert run(error) == (
        2,
        "",
        "error: the file has 2 problems\n  line 1: a\n      hint: do b\n  line 2: c\n      hint: do d\n",
    )


def test_an_error_cannot_steer_the_terminal() -> None:
    assert run(InputError("no \x1b[31mred\x07", "\u202eh")) == (2, "", "error: no red\nhint: h\n")


def test_an_unexpected_error_tells_its_kind_and_place_but_not_its_text() -> None:
    exit_code, out, err = run(KeyError("hunter2"))

    assert (exit_code, out) == (1, "")
    assert err.startswith("error: something went wrong that should not (KeyError at test_handler:")
    assert "calsignal --debug" in err
    assert "hunter2" not in err


def test_debug_shows_the_traceback() -> None:
    _, _, err = run(KeyError("details"), debug=True)

    assert err.startswith("Traceback")
    assert "details" in err
    assert err.splitlines()[-2].startswith("error: something went wrong")


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), click.Abort()])
def test_an_interruption_is_no_error(stop: BaseException) -> None:
    assert run(stop) == (130, "", "interrupted\n")


def test_a_reader_that_has_gone_is_no_news() -> None:
    assert run(OSError(errno.EPIPE, "Broken pipe")) == (1, "", "")


def test_clicks_own_errors_and_exits_pass() -> None:
    exit_code, _, err = run(click.UsageError("no such thing"))

    assert exit_code == 2
    assert "no such thing" in err
    assert run(click.exceptions.Exit(7))[0] == 7


# --- from the outside -------------------------------------------------------------------------------------------------


def test_a_config_with_three_mistakes_names_all_three_with_their_lines(desk: Desk) -> None:
    desk.write('[team]\ndomains = ["ours.example"]\ntimezone = "Mars"\n[sync]\nhistory = 3\n[toy]\nshelf = 4\n')

    said = desk.fails(2, "digest")

    assert said.splitlines()[0] == f"error: the config file {desk.config} has 3 problems"
    assert "\n  line 3: [team] timezone is not known: 'Mars'\n      hint: " in said
    assert "\n  line 5: [sync] has no key 'history'\n      hint: did you mean history_days?\n" in said
    assert "\n  line 7: [toy] shelf is a whole number\n      hint: write text in quotes\n" in said


def test_a_newer_store_is_refused(desk: Desk) -> None:
    desk.ok("accounts", "add", "Acme", "acme.example")
    with sqlite3.connect(desk.database) as conn:
        conn.execute("UPDATE alembic_version SET version_num = '9999'")
    conn.close()

    said = desk.fails(3, "digest")

    assert "was made by a newer calsignal" in said
    assert "hint: upgrade calsignal" in said


def test_a_file_that_is_no_store_is_refused(desk: Desk) -> None:
    desk.database.parent.mkdir()
    desk.database.write_text("this is a letter to my aunt, not a database, and long enough to tell" * 20)

    assert "is not a calsignal store" in desk.fails(3, "digest")


def test_a_store_url_that_cannot_be_used_is_told_without_its_password(desk: Desk) -> None:
    desk.environ["CALSIGNAL_DATABASE_URL"] = "nonsense://jane:hunter2@db.example/x"

    assert "hunter2" not in desk.fails(3, "digest")


def test_the_debug_flag_reaches_the_handler(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.write("[team")

    result = desk.run("--debug", "digest")

    assert result.exit_code == 2
    assert "Traceback" in result.stderr
    assert package.cli.name == "cli"
