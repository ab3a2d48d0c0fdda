"""docs/google.md: every command in it is run, every console step names its source."""

from __future__ import annotations

import re
import shlex
import socket
import tomllib
import webbrowser
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from click.testing import Result

from calsignal import config
from calsignal.cli.app import App
from calsignal.registry import GROUP
from calsignal_google import auth, connect, provider
from cli.desk import Desk as Machine
from google_calendar.desk import ADMIN, REP, Desk
from google_calendar.service import GoogleService

PAGE = (Path(__file__).parents[2] / "docs" / "google.md").read_text(encoding="utf-8")
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL) for line in block.splitlines()]
SETTINGS = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
STEPS = re.findall(r"^\d+\. .*?(?=\n\n|\n\d+\. )", PAGE, re.DOTALL | re.MULTILINE)


class Program(Machine):
    """The program with the one provider."""

    def app(self) -> App:
        app = super().app()
        app.points = [EntryPoint("google", "calsignal_google:provider", GROUP)]
        return app


@pytest.fixture
def service() -> Iterator[GoogleService]:
    with GoogleService() as running:
        running.mailbox(REP).add_calendar(summary="Partner calls")
        for name in ("sam@ours.example", ADMIN):
            running.mailbox(name)
        running.directory.add(ADMIN, admin=True)
        running.directory.group("sales@ours.example", REP)
        yield running


@pytest.fixture
def program(service: GoogleService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Return a machine in whose folder the files of the page lie, with a config that leads to the service."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")
    monkeypatch.setattr(webbrowser, "open", service.browse)
    monkeypatch.chdir(tmp_path)
    desk = Desk(service, tmp_path)
    desk.client()
    desk.key()
    desk.file("team.txt", REP)
    made = Program(tmp_path)
    made.ok("init", "--domain", "ours.example", "--timezone", "UTC")
    text = made.config.read_text(encoding="utf-8").partition("[google]")[0]
    made.write(f'{text}[google]\napi_endpoint = "{service.api_endpoint}"\n')
    return made


def run(program: Program, service: GoogleService, command: str, monkeypatch: pytest.MonkeyPatch) -> Result:
    """Run a command as it stands on the page; of a port any free one will do, and an address is opened by hand."""

    def say(text: str) -> None:
        if text.startswith("http"):
            service.browse(text)

    with socket.create_server(("localhost", 0)) as free:
        command = command.replace("8085", str(free.getsockname()[1]))
    if "--no-browser" in command:
        monkeypatch.setattr("calsignal.cli.connect.say", say)
    name, *words = shlex.split(command)
    assert name == "calsignal"
    return program.run(*words)


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.startswith("calsignal connect google")])
def test_every_way_to_connect_on_the_page_works(
    program: Program, service: GoogleService, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    result = run(program, service, command, monkeypatch)

    assert (result.exit_code, result.exception) == (0, None), result.output
    assert f"connected google:{REP} ({REP})\n" in result.stdout


def test_the_other_commands_work_after_the_first(
    program: Program, service: GoogleService, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *others = [each for each in COMMANDS if "connect google " not in each or each == COMMANDS[0]]

    for command in (first, *others):
        result = run(program, service, command, monkeypatch)
        assert (result.exit_code, result.exception) == (0, None), result.output
    assert [command.split()[1] for command in others] == ["sync", "connections", "disconnect"]


@pytest.mark.parametrize("text", SETTINGS)
def test_the_settings_on_the_page_are_settings(text: str) -> None:
    assert tomllib.loads(text)["google"].keys() <= {setting.name for setting in provider.settings}
    assert config.render(None, {"google": provider.settings})


def test_every_step_in_a_console_names_page_button_and_source_and_was_not_tried() -> None:
    assert len(STEPS) == 10
    for step in STEPS:
        assert re.search(r"^\d+\. (Page|Same (form|page))", step), step
        assert "**" in step, step
        assert re.search(r"Source: \[.+?\]\(https://(\w+\.)*google\.com/\S+\); not tried live\.$", step), step


def test_the_steps_that_the_command_tells_are_those_of_the_page() -> None:
    plain = PAGE.replace("**", "").replace("\n   ", " ")
    told = " ".join(connect.STEPS)

    for word in (
        "Google Auth platform > Branding",
        "Google Auth platform > Data Access",
        "Google Auth platform > Clients",
    ):
        assert word in plain
        assert word in told
    assert auth.DELEGATION in plain


def test_every_scope_and_every_option_stands_on_the_page() -> None:
    for scope in (*auth.WORTH, auth.DIRECTORY_USERS, auth.DIRECTORY_MEMBERS):
        assert f"`{scope}`" in PAGE
    for option in provider.options:
        assert f"--{option.name.replace('_', '-')}" in PAGE


def test_no_command_of_the_page_was_overlooked() -> None:
    assert len(COMMANDS) == 11
    assert all(command.startswith("calsignal ") for command in COMMANDS)
