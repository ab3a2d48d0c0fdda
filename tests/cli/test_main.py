"""The program as a whole: its map, and runs in a process of their own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from calsignal import __version__
from calsignal.cli import _COMMANDS, cli
from calsignal.cli.app import App
from calsignal.registry import GROUP
from cli.desk import Desk

ROOT = Path(__file__).parents[2]
PROGRAM = "from calsignal.cli import main; main()"


def calsignal(folder: Path, *args: str, code: str = PROGRAM, **more: str) -> subprocess.CompletedProcess[str]:
    """Run the program in a process of its own, at home in `folder`."""
    environ = {
        **os.environ,
        "HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder / "config"),
        "XDG_DATA_HOME": str(folder / "data"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "providers")]),
        "CALSIGNAL_VAULT": "file",
        **more,
    }
    command = [sys.executable, "-W", "error", "-c", code, *args]
    return subprocess.run(command, capture_output=True, text=True, env=environ, cwd=folder, timeout=120, check=False)


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    app = App(points=[EntryPoint("toy", "cli.toy:provider", GROUP)])
    with click.Context(group, obj=app) as ctx:
        for name in group.list_commands(ctx):
            command = group.get_command(ctx, name)
            assert command is not None
            yield (*path, name), command
            if isinstance(command, click.Group):
                yield from commands(command, (*path, name))


# --- the map ----------------------------------------------------------------------------------------------------------


def test_every_command_and_option_is_documented() -> None:
    for path, command in commands(cli):
        assert command.help, path
        assert command.get_short_help_str(200), path
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, (path, parameter.name)


def test_help_is_the_map(bare: Desk) -> None:
    alone, asked, short = bare.ok(), bare.ok("--help"), bare.ok("-h")

    assert alone == asked == short
    assert re.findall(r"^  ([a-z]+)  ", alone[alone.index("Commands:") :], re.MULTILINE) == list(_COMMANDS)


@pytest.mark.parametrize("path", [path for path, _ in commands(cli)], ids=" ".join)
def test_every_command_helps_without_a_config(bare: Desk, path: tuple[str, ...]) -> None:
    assert "Usage: calsignal" in bare.ok(*path, "-h")


def test_an_unknown_command_names_the_nearest(bare: Desk) -> None:
    assert "no command called 'digset'; did you mean digest?" in bare.fails(2, "digset")
    assert "`calsignal --help` lists them" in bare.fails(2, "zzzzzz")


def test_an_unknown_option_is_a_usage_error(bare: Desk) -> None:
    assert "No such option" in bare.fails(2, "--nope")
    assert "No such option" in bare.fails(2, "digest", "--nope")


def test_the_version_is_the_packages() -> None:
    assert CliRunner().invoke(cli, ["--version"], prog_name="calsignal").stdout == f"calsignal {__version__}\n"


# --- a process of its own ---------------------------------------------------------------------------------------------


def test_the_version_costs_little_more_than_click(tmp_path: Path) -> None:
    watched = f"import atexit, sys; atexit.register(lambda: print(*sys.modules)); {PROGRAM}"
    version = calsignal(tmp_path, "--version", code=watched)
    bare_click = calsignal(tmp_path, code="import sys, click; print(*sys.modules)")

    extra = set(version.stdout.split()) - set(bare_click.stdout.split())

    ours = {name for name in extra if name.partition(".")[0] == "calsignal" and name != "calsignal"}
    needed = {"app", "handler", "suggesting"}
    assert ours == {"calsignal.cli", "calsignal.errors", *(f"calsignal.cli.{name}" for name in needed)}
    assert {name.partition(".")[0] for name in extra - {__version__}} <= {"calsignal", *sys.stdlib_module_names}


def test_a_first_day(tmp_path: Path) -> None:
    assert "wrote" in calsignal(tmp_path, "init", "--domain", "ours.example", "--timezone", "UTC").stderr
    assert calsignal(tmp_path, "accounts", "add", "Acme", "acme.example").stdout == "added Acme\n"

    listed = calsignal(tmp_path, "accounts", "list")

    assert listed.returncode == 0
    assert "Acme" in listed.stdout
    assert listed.stderr == ""
    assert (tmp_path / "data" / "calsignal" / "calsignal.sqlite3").exists()
    unknown = calsignal(tmp_path, "accounts", "remove", "Acne")
    assert (unknown.returncode, unknown.stdout) == (2, "")
    assert unknown.stderr == "error: no account called 'Acne'\nhint: did you mean Acme?\n"


def test_a_poor_encoding_gets_question_marks(tmp_path: Path) -> None:
    calsignal(tmp_path, "init", "--domain", "ours.example", "--timezone", "UTC")
    calsignal(tmp_path, "accounts", "add", "Kōbe", "acme.example")

    listed = calsignal(tmp_path, "accounts", "list", PYTHONIOENCODING="cp1252")

    assert listed.returncode == 0
    assert "K?be" in listed.stdout


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    code = f"import os; r, w = os.pipe(); os.dup2(w, 1); os.close(w); os.close(r); {PROGRAM}"

    ran = calsignal(tmp_path, "--help", code=code)

    assert ran.stderr == ""
    assert ran.returncode == 1
