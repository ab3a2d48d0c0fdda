"""docs/workers.md: every command in it is run, or marked as not tested."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from calsignal import config
from calsignal.cli import cli
from calsignal.cli.worker import worker
from calsignal.registry import Registry
from calsignal.store import libpq_url
from calsignal.worker import HERE, QUEUE, at_once
from workers.machines import Machine

PAGE = (Path(__file__).parents[2] / "docs" / "workers.md").read_text(encoding="utf-8")
LINES = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
COMMANDS = [line for line in LINES if line.startswith("calsignal ")]
NOT_TESTED = [line for line in LINES if line.endswith("  # not tested")]
SHELL = [line for line in LINES if line not in {*COMMANDS, *NOT_TESTED}]
SQL = [line for block in re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
INI = re.findall(r"```ini\n(.*?)```", PAGE, re.DOTALL)
NEW = "a new sample passphrase"


@pytest.fixture
def first(tmp_path: Path, machine: Machine) -> Machine:
    """Return a machine with nothing on it but the environment and a calendar file."""
    machine.config.unlink()
    rep = tmp_path / "srv" / "rep.ics"
    rep.parent.mkdir()
    rep.write_text("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//sample//EN\r\nEND:VCALENDAR\r\n")
    return machine


def run(machine: Machine, command: str, typed: str = "") -> Result:
    """Run a command as it stands on the page, with the folders of this test."""
    name, *words = shlex.split(command.replace("/srv/calendars", str(machine.folder.parent / "srv")))
    assert name == "calsignal"
    with machine.opened() as app:
        return CliRunner().invoke(cli, ["--config", str(machine.config), *words], obj=app, input=typed)


def test_the_commands_of_the_page_work_one_after_the_other(first: Machine, database: str) -> None:
    for command in COMMANDS:
        result = run(first, command, typed=f"{NEW}\n")
        assert (result.exit_code, result.exception) == (0, None), (command, result.output)

    assert [command.split()[1] for command in COMMANDS] == [
        *("init", "connect", "worker", "connections", "vault", "worker", "vault")
    ]
    with psycopg.connect(libpq_url(database), autocommit=True) as conn:
        conn.execute("CREATE ROLE calsignal")
        try:
            counted, _, dropped, made = [conn.execute(statement) for statement in SQL]
            assert counted.fetchall() == [("ics", "succeeded", 1)]
            assert (dropped.statusmessage, made.statusmessage) == ("DROP SCHEMA", "CREATE SCHEMA")
        finally:
            conn.execute(f"DROP SCHEMA IF EXISTS {QUEUE} CASCADE; DROP ROLE calsignal")


def test_the_environment_file_is_one_for_a_shell_and_for_the_program(tmp_path: Path) -> None:
    load = SHELL[1].replace("/etc/calsignal/environment", str(tmp_path / "environment"))
    (tmp_path / "environment").write_text(INI[0])
    shown = 'echo "$CALSIGNAL_DATABASE_URL|$CALSIGNAL_SECRET_KEY|$CALSIGNAL_CONFIG"'

    done = subprocess.run(["sh", "-c", f"{load}; {shown}"], capture_output=True, text=True, check=True)

    url, key, path = done.stdout.strip().split("|")
    assert sa.make_url(url).drivername == "postgresql+psycopg"
    assert (key, path) == ("THE-PASSPHRASE", "/etc/calsignal/config.toml")


def test_a_passphrase_is_made() -> None:
    if subprocess.run(["sh", "-c", "command -v openssl"], capture_output=True, check=False).returncode:
        assert not os.environ.get("CI")
        pytest.skip("there is no openssl to make a passphrase with")
    done = subprocess.run(["sh", "-c", SHELL[0]], capture_output=True, text=True, check=True)

    assert len(done.stdout.strip()) == 44


def test_the_unit_starts_a_worker_with_options_that_it_has_and_waits_longer_than_its_grace() -> None:
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str  # type: ignore[assignment,method-assign] # names keep their capitals
    unit.read_string(INI[1])
    service = dict(unit["Service"])

    _, name, option, grace = shlex.split(service["ExecStart"])
    assert name == worker.name
    assert option in {opt for parameter in worker.params for opt in parameter.opts}
    assert int(service["TimeoutStopSec"]) > int(grace)
    assert service["EnvironmentFile"] == "/etc/calsignal/environment"
    assert service["Restart"] == "always"


def test_the_setting_on_the_page_is_a_setting_with_its_default() -> None:
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)

    assert tomllib.loads(text)["sync"] == {"every_minutes": config.SyncSettings().every_minutes}


def test_the_figures_on_the_page_are_those_of_the_program() -> None:
    defaults = {parameter.name: parameter.default for parameter in worker.params}

    assert f"after {defaults['presumed_dead']} seconds without a sign of life" in " ".join(PAGE.split())
    assert HERE == 4
    assert "up to four connections of each provider at once" in PAGE
    assert {at_once(registry.get(name)) for registry in [Registry()] for name in registry.names()} == {8}
    assert "all workers together up to eight of each" in PAGE


def test_no_command_of_the_page_was_overlooked() -> None:
    assert (len(COMMANDS), len(SHELL), len(NOT_TESTED), len(SQL), len(INI)) == (7, 2, 3, 4, 2)
    assert "Commands marked `not tested` have not been run" in PAGE
