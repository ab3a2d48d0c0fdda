"""docs/microsoft.md: every command in it is run, every console step names its source."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import socket
import subprocess
import tomllib
import webbrowser
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from click.testing import Result
from cryptography import x509

from calsignal import config
from calsignal.cli.app import App
from calsignal.registry import GROUP
from calsignal_microsoft import auth, connect, provider
from cli.desk import Desk as Machine
from microsoft_calendar.desk import REP, SAM, TENANT, Desk
from microsoft_calendar.service import MicrosoftService
from microsoft_calendar.service_identity import GUID, SECRET

PAGE = (Path(__file__).parents[2] / "docs" / "microsoft.md").read_text(encoding="utf-8")
LINES = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
COMMANDS = [line for line in LINES if line.startswith("calsignal ")]
SHELL = [line for line in LINES if line.startswith(("openssl ", "cat "))]
POWERSHELL = [line for block in re.findall(r"```powershell\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
SETTINGS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
STEPS = re.findall(r"^\d+\. .*?(?=\n\n|\n\d+\. )", PAGE, re.DOTALL | re.MULTILINE)
PAT = "pat@home.example"


class Program(Machine):
    """The program with the one provider."""

    def app(self) -> App:
        app = super().app()
        app.points = [EntryPoint("microsoft", "calsignal_microsoft:provider", GROUP)]
        return app


@pytest.fixture
def service() -> Iterator[MicrosoftService]:
    with MicrosoftService() as running:
        for name in (REP, SAM):
            running.mailbox(name)
        running.mailbox(PAT, personal=True)
        running.directory.group("sales@ours.example", REP)
        yield running


@pytest.fixture
def program(service: MicrosoftService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Return a machine whose config leads to the service, with the app and the tenant of the page."""
    monkeypatch.setattr(webbrowser, "open", service.browse)
    monkeypatch.chdir(tmp_path)
    desk = Desk(service, tmp_path)
    desk.settle(monkeypatch)
    made = Program(tmp_path)
    made.ok("init", "--domain", "ours.example", "--timezone", "UTC")
    text = made.config.read_text(encoding="utf-8").partition("[microsoft]")[0]
    named = tomllib.loads(SETTINGS[0])["microsoft"]
    rows = [f"{name} = {json.dumps(value)}" for name, value in {**desk.config, **named}.items()]
    made.write("\n".join([text, "[microsoft]", *rows, ""]))
    return made


def run(program: Program, service: MicrosoftService, command: str, monkeypatch: pytest.MonkeyPatch) -> Result:
    """Run a command as it stands on the page; of a port any free one will do, and an address is opened by hand."""

    def say(text: str) -> None:
        if text.startswith("http"):
            service.browse(text)

    with socket.create_server(("127.0.0.1", 0)) as free:
        command = command.replace("8085", str(free.getsockname()[1]))
    if "--no-browser" in command:
        monkeypatch.setattr("calsignal.cli.connect.say", say)
    if "--certificate" in command:
        prepare(program.folder, service)
    name, *words = shlex.split(command)
    assert name == "calsignal"
    return program.run(*words, input=SECRET)


def prepare(folder: Path, service: MicrosoftService) -> None:
    """Make the certificate as the page says, and upload it."""
    if not shutil.which("openssl"):
        pytest.skip("there is no openssl to make a certificate with")
    for line in SHELL:
        subprocess.run(["sh", "-c", line], cwd=folder, check=True, capture_output=True)
    made = x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes())
    service.sign_in.app.secrets.clear()
    service.sign_in.app.certificates["uploaded"] = made


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.startswith("calsignal connect microsoft")])
def test_every_way_to_connect_on_the_page_works(
    program: Program, service: MicrosoftService, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    who = PAT if "consumers" in command else REP

    result = run(program, service, command, monkeypatch)

    assert (result.exit_code, result.exception) == (0, None), result.output
    assert f"connected microsoft:{who} ({who})\n" in result.stdout


def test_the_other_commands_work_after_the_first(
    program: Program, service: MicrosoftService, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *others = [each for each in COMMANDS if not each.startswith("calsignal connect ") or each == COMMANDS[0]]

    for command in (first, *others):
        result = run(program, service, command, monkeypatch)
        assert (result.exit_code, result.exception) == (0, None), result.output
    assert [command.split()[1] for command in others] == ["sync", "connections", "disconnect"]


@pytest.mark.parametrize("text", SETTINGS)
def test_the_settings_on_the_page_are_settings(text: str) -> None:
    found = tomllib.loads(text)["microsoft"]

    assert found.keys() <= {setting.name for setting in provider.settings}
    assert auth.authority(found).startswith("https://")
    assert auth.endpoint(found).endswith("/v1.0/")
    assert config.render(None, {"microsoft": provider.settings})


def test_every_step_in_a_console_names_page_button_and_source_and_was_not_tried() -> None:
    assert len(STEPS) == 10
    for step in STEPS:
        assert re.search(r"^\d+\. Page ", step), step
        assert "**" in step, step
        assert re.search(r"Source: \[.+?\]\(https://(\w+\.)*microsoft\.com/\S+\); not tried live\.$", step), step


def test_the_lines_for_powershell_are_those_that_the_command_tells() -> None:
    told = [line.strip() for line in connect.allowing(GUID)]

    assert POWERSHELL[:5] == [line.format(client_id=GUID) for line in connect.POWERSHELL]
    assert set(POWERSHELL[:5]) <= set(told)
    assert len(POWERSHELL) == 6


def test_the_steps_that_the_command_tells_are_those_of_the_page() -> None:
    plain = " ".join(PAGE.replace("**", "").replace("`", "").split())
    told = " ".join([*connect.STEPS, *connect.APP_STEPS])

    for word in (
        "Entra ID > App registrations",
        "New registration",
        "Accounts in this organizational directory only",
        "Add Redirect URI",
        "Mobile and desktop applications",
        "Allow public client flows",
        "Delegated permissions",
        "Application (client) ID",
        "Directory (tenant) ID",
        "Upload certificate",
        "New client secret",
    ):
        assert word in plain
        assert word in told


def test_every_permission_and_every_option_stands_on_the_page() -> None:
    for permission in (*auth.WORTH, "User.Read.All", "GroupMember.Read.All", "Calendars.ReadBasic.All"):
        assert f"`{permission}`" in PAGE
    for option in provider.options:
        assert f"--{option.name.replace('_', '-')}" in PAGE
    for setting in provider.settings:
        assert setting.name in PAGE
    assert auth.SECRET_VARIABLE in PAGE


def test_the_page_warns_of_grants_for_the_whole_organization() -> None:
    assert "**Beware of grants for the whole organization.**" in PAGE


def test_no_command_of_the_page_was_overlooked() -> None:
    assert len(COMMANDS) == 12
    assert len(SHELL) == 2
    assert len(LINES) == len(COMMANDS) + len(SHELL)
    assert TENANT in COMMANDS[0]
