"""docs/delivery.md: every command in it is run, every setting is one, every address can be read."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path

import pytest

from calsignal import config
from calsignal.delivery import Hook, Mail, read
from cli import toy
from cli.desk import Desk
from delivery.office import SAM, Office
from delivery.servers import HookServer, Mailboxes
from schedule.machines import Machine

PAGE = (Path(__file__).parents[2] / "docs" / "delivery.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
[SETTINGS] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


def typed(desk: Desk, command: str, input: str | None = None) -> str:  # noqa: A002
    name, *words = shlex.split(command)
    assert name == "calsignal"
    result = desk.run(*words, input=input)
    assert result.exit_code == 0, f"{command}: {result.output}"
    return result.output


def test_every_command_about_the_schedule_does_what_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("calsignal.cli.schedule.prove", lambda *args, **more: None)
    machine = Machine(tmp_path)
    machine.settle()
    run = [command for command in COMMANDS if command.startswith("calsignal schedule")]
    assert [command.split()[2:3] for command in run] == [[], ["--install"], ["--status"], ["--remove"], ["--for"]]

    shown, installed = typed(machine, run[0]), typed(machine, run[1])

    assert "30 7 * * * " in shown
    assert "installed for cron: 07:30, daily" in installed
    assert "30 7 * * * " in machine.table
    assert machine.run(*shlex.split(run[2])[1:]).exit_code == 1  # it never ran yet
    assert "removed from cron" in typed(machine, run[3])
    assert "45 6 * * 1,2,3,4,5 " in typed(machine, run[4])


def test_every_command_about_delivery_does_what_the_page_says(
    tmp_path: Path, mail: dict[str, Mailboxes], hooks: HookServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(toy, "provider", toy.Toy())
    office = Office(tmp_path)
    office.settle()
    names = re.findall(r"calsignal deliver add (\S+)", PAGE)
    sender = f"smtp://localhost:{mail['none'].port}?from=digest@company.example&tls=none"
    addresses = dict(zip(names, [sender, f"slack+https://localhost:{hooks.server_port}/x"], strict=True))
    office.write(f'[team]\ndomains = ["ours.example"]\n{SETTINGS.replace("jane@company.example", SAM)}')
    office.keep("jane-chat", addresses["sales-chat"])

    for command in COMMANDS:
        if not command.startswith("calsignal schedule"):
            typed(office, command, f"{addresses.get(command.split()[-1], '')}\n")

    told = [envelope.rcpt_tos for envelope, _ in mail["none"].got]
    assert told[0] == ["you@company.example"]
    assert ["rep@ours.example"] in told
    assert len(hooks.got) >= 3  # the test, the digest, the audit


def test_the_settings_are_settings(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f'[team]\ndomains = ["company.example"]\n{SETTINGS}', encoding="utf-8")

    found = config.load(path, {}).delivery

    assert found.quiet == ("sat", "sun", "12-25", "2026-04-06")
    assert found.of_rep("jane@company.example") == ("mail", "jane-chat")
    assert found.of_rep("robin@company.example") == ()
    assert set(tomllib.loads(SETTINGS)["delivery"]) == {"team", "each", "audit", "quiet", "reps"}


def test_every_address_of_the_page_can_be_read() -> None:
    shown = re.findall(r"`((?:smtps?|slack\+https|teams\+https|https)://[^`]*)`", PAGE)

    assert len(shown) == 8
    for text in shown:
        found = read(text.replace("...", "x@x.example" if text.startswith("smtp") else "x"))
        assert isinstance(found, Mail | Hook)
    encoded = re.findall(r"`(%[0-9A-F]{2})`", PAGE)
    assert encoded == ["%40", "%3A", "%2F", "%3F", "%23", "%25"]


def test_what_the_table_of_the_trial_quotes_is_what_is_said() -> None:
    source = "".join(path.read_text("utf-8") for path in (Path(__file__).parents[2] / "calsignal").rglob("*.py"))

    for said in ("is set here", "no calendar is connected", "the keyring of the system", "--move-secrets"):
        assert said in PAGE
        assert said in source
