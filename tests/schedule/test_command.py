from __future__ import annotations

import io
import json
import os
import plistlib
import re
import shutil
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from calsignal.cli import schedulers, trial
from calsignal.errors import CalsignalError
from calsignal.vault import ADDRESS_KEY, FileVault
from schedule.machines import SUBJECT, Machine

ODD = 'it\'s 50% of $HOME "é"'
OTHERS = "# mine\n0 1 * * * backup 100\\%\n"


@pytest.fixture(scope="module")
def settled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Machine(tmp_path_factory.mktemp("machines") / ODD)
    made.settle()
    return made.folder


@pytest.fixture
def machine(settled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Return a machine in an oddly named home, with a calendar that was never read, and without a keyring."""
    monkeypatch.setattr("calsignal.vault._keyring", lambda: None)
    home = tmp_path / ODD
    made = Machine(home)
    shutil.copytree(settled, home, dirs_exist_ok=True)
    shutil.rmtree(home / "tools")
    made.__post_init__()
    return made


@pytest.fixture
def trusting(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Return a machine on which nothing is proven first: that has its own tests."""
    monkeypatch.setattr("calsignal.cli.schedule.prove", lambda *args, **more: None)
    return machine


def stripped(line: str) -> str:
    """Return the command of a crontab's line as cron gives it to sh."""
    return line.split(" ", 5)[5].replace(r"\%", "%")


# --- the whole way ----------------------------------------------------------------------------------------------------


def test_what_is_installed_runs_in_cron_s_environment_and_makes_a_digest(machine: Machine) -> None:
    (machine.tools / "table").write_text(OTHERS)

    told = machine.run("schedule", "--install", "--for", "cron", "--at", "6:05", "--days", "mon-fri")

    assert told.exit_code == 0, told.output
    assert told.stdout == "installed for cron: 06:05, mon-fri, the time of this machine (UTC)\n"
    [line] = [line for line in machine.table.splitlines() if line.startswith("5 6 * * 1,2,3,4,5 ")]
    bare = ["env", "-i", "HOME=/", "LOGNAME=nobody", "PATH=/usr/bin:/bin", "SHELL=/bin/sh"]
    done = subprocess.run([*bare, "/bin/sh", "-c", stripped(line)], cwd="/", capture_output=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    digest = (machine.data / "digest.txt").read_text()
    assert "Acme" in digest
    for name in ("digest.txt", "schedule.json", "schedule.log"):
        assert stat.S_IMODE((machine.data / name).stat().st_mode) == 0o600
    assert SUBJECT not in (machine.data / "schedule.log").read_text()
    # and it tells how it went, and goes without a trace
    assert "sync well, digest well" in machine.run("schedule", "--status").stdout
    assert machine.ok("schedule", "--remove") == "removed from cron\n"
    assert machine.table == OTHERS
    assert "nothing is installed" in machine.run("schedule", "--status").stdout
    assert machine.ok("schedule", "--remove", "--for", "cron") == "there is nothing of calsignal in cron\n"


# --- the proof --------------------------------------------------------------------------------------------------------


def refused(machine: Machine, *args: str) -> str:
    result = machine.run("schedule", "--for", "cron", "--install", *args)
    assert result.exit_code == 2, result.output
    assert machine.calls == []
    return result.stderr


def test_a_secret_of_this_session_is_never_written_into_a_schedule(machine: Machine) -> None:
    machine.environ["CALSIGNAL_SECRET_KEY"] = "s3cret passphrase"

    said = refused(machine)

    assert "CALSIGNAL_SECRET_KEY is set here, and a secret has no place in a schedule" in said
    assert "s3cret" not in said


def test_a_file_brings_the_secret_to_the_run(machine: Machine) -> None:
    machine.environ["CALSIGNAL_SECRET_KEY"] = "s3cret passphrase"
    machine.app().vault.set(ADDRESS_KEY, "00" * 32)  # sealed with the passphrase from now on
    file = machine.folder / "run.env"
    file.write_text("CALSIGNAL_SECRET_KEY='s3cret passphrase'\n")
    file.chmod(0o644)
    assert "is open to others than you (mode 0644)" in refused(machine, "--env-file", str(file))
    file.chmod(0o600)

    machine.ok("schedule", "--for", "cron", "--install", "--env-file", str(file))

    assert "s3cret" not in machine.table
    assert "run.env" in machine.table
    file.write_text("CALSIGNAL_SECRET_KEY=another\n")
    (machine.tools / "calls").unlink()
    assert "does not open with this key" in refused(machine, "--env-file", str(file))
    assert "cannot be read: No such file" in refused(machine, "--env-file", str(machine.folder / "none"))


def test_a_config_that_cannot_be_read_is_told_before(machine: Machine) -> None:
    machine.config.write_text("[team]\ndomains = []\n")

    assert "[team] domains is empty" in refused(machine)


def test_without_a_calendar_there_is_nothing_to_run(machine: Machine) -> None:
    (machine.data / "calsignal.sqlite3").unlink()

    said = refused(machine)

    assert "in the scheduler's environment: no calendar is connected" in said
    assert "calsignal connect --help" in said


def test_a_trial_that_tells_nothing_is_told(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "program", lambda app: ("python", "-c", "import sys; sys.exit('no such thing')"))

    error = machine.fails(1, "schedule", "--for", "cron")

    assert "a trial run ended with exit code 1: no such thing" in error


class Ring:
    """A keyring in memory, which a scheduler does not have."""

    priority = 5

    def __init__(self) -> None:
        self.table: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.table.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.table[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.table[service, username]


@pytest.fixture
def ring(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Ring:
    """Put all secrets into a keyring, which the trial cannot open."""
    found = Ring()
    file = machine.app().vault
    assert isinstance(file, FileVault)
    machine.clock.wait(minutes=1)
    file.set(ADDRESS_KEY, "11" * 32)
    for name in (ADDRESS_KEY, "connection:ics:rep@ours.example"):
        secret = file.get(name)
        if secret is not None:
            found.set_password("calsignal", name, secret)
    found.set_password("calsignal", "deliveries", '["chat"]')
    found.set_password("calsignal", "delivery:chat", "https://hooks.example/s3cret")
    file.path.unlink()
    machine.config.write_text(machine.config.read_text().replace("#team = []", 'team = ["chat"]'))
    monkeypatch.setattr("calsignal.vault._keyring", lambda: found)
    real = trial._looked

    def looked(app: object, environ: Mapping[str, str]) -> object:
        """Look from here as from a session with this keyring: the vault opens, and holds everything."""
        checks = real(app, environ)  # type: ignore[arg-type]
        if "TZ" in environ and found.table:
            fact = "kept in the keyring of the system"
            checks["secrets", ""] = {"code": "secrets", "state": "ok", "fact": fact, "next": None}
        return checks

    monkeypatch.setattr(trial, "_looked", looked)
    return found


def test_a_keyring_that_the_run_cannot_open_is_told_with_the_way_out(machine: Machine, ring: Ring) -> None:
    said = refused(machine)

    assert "here: kept in the keyring of the system" in said
    assert "no address is kept under" in said
    assert "--move-secrets moves them to an encrypted file" in said
    assert len(ring.table) == 3


def test_secrets_move_to_a_file_and_the_run_can_read_them(machine: Machine, ring: Ring) -> None:
    told = machine.run("schedule", "--for", "cron", "--install", "--move-secrets")

    assert told.exit_code == 0, told.output
    assert "moved 3 secrets to" in told.stderr
    assert ring.table == {}
    assert machine.app().vault.get("delivery:chat") == "https://hooks.example/s3cret"
    assert machine.app().vault.get(ADDRESS_KEY) == "11" * 32
    assert "in an encrypted file already" in machine.run("schedule", "--for", "cron", "--move-secrets").stderr


def test_from_then_on_secrets_go_to_the_file_even_if_there_was_none(machine: Machine, ring: Ring) -> None:
    ring.table.clear()

    machine.app().close()
    app = machine.app()
    trial.move_secrets(app)
    app.close()

    assert (machine.data / "vault.json").is_file()
    assert isinstance(machine.app().vault, FileVault)


def test_who_can_answer_is_asked_whether_to_move_them(
    machine: Machine, ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "_agrees", lambda: True)

    machine.ok("schedule", "--for", "cron", "--install")

    assert ring.table == {}


def test_secrets_that_cannot_be_written_stay_where_they_are(
    machine: Machine, ring: Ring, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, before = FileVault.set, dict(ring.table)

    def full(self: FileVault, name: str, secret: str) -> None:
        if name != ADDRESS_KEY:  # the first one was written
            raise CalsignalError("the disk is full")
        real(self, name, secret)

    monkeypatch.setattr(FileVault, "set", full)
    assert "the disk is full" in machine.fails(1, "schedule", "--for", "cron", "--move-secrets")
    monkeypatch.setattr(FileVault, "set", lambda self, name, secret: real(self, name, "another"))
    assert "does not hold what was written" in machine.fails(1, "schedule", "--for", "cron", "--move-secrets")

    assert ring.table == before
    assert not list(machine.data.glob("vault.[jn]*"))


def test_nobody_is_asked_where_nobody_can_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def confirm(question: str, **more: bool) -> bool:
        asked.append(question)
        return True

    monkeypatch.setattr("click.confirm", confirm)

    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert not trial._agrees()
    assert asked == []

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal())
    assert trial._agrees()
    assert asked == ["Move the secrets to an encrypted file that only you can read?"]


def test_a_keyring_that_is_insisted_on_stays(machine: Machine, ring: Ring) -> None:
    machine.environ["CALSIGNAL_VAULT"] = "keyring"

    assert "CALSIGNAL_VAULT insists on the keyring" in refused(machine, "--move-secrets")
    assert len(ring.table) == 3


# --- installing and removing ------------------------------------------------------------------------------------------


def test_without_install_it_is_only_shown(trusting: Machine) -> None:
    result = trusting.run("schedule", "--for", "cron")

    assert result.exit_code == 0
    assert result.stdout.splitlines()[1].startswith("30 7 * * * ")
    assert "--install puts it into cron" in result.stderr
    assert trusting.calls == []
    assert "[Timer]" in trusting.ok("schedule", "--for", "systemd")
    assert plistlib.loads(trusting.ok("schedule", "--for", "launchd").encode())["Label"] == "calsignal.daily"


def test_a_timer_of_systemd_comes_and_goes(trusting: Machine) -> None:
    folder = trusting.folder / ".config" / "systemd" / "user"
    folder.mkdir(parents=True)
    (folder / "other.timer").write_text("mine\n")

    told = trusting.run("schedule", "--install", "--for", "systemd")
    assert sorted(path.name for path in folder.iterdir()) == ["calsignal.service", "calsignal.timer", "other.timer"]
    assert "loginctl enable-linger" in told.stderr
    trusting.ok("schedule", "--remove")

    assert trusting.calls == [
        "systemctl --user daemon-reload",
        "systemctl --user enable --now calsignal.timer",
        "systemctl --user disable --now calsignal.timer",
        "systemctl --user daemon-reload",
    ]
    assert [path.name for path in folder.iterdir()] == ["other.timer"]


def test_an_agent_of_launchd_comes_and_goes(trusting: Machine) -> None:
    file = trusting.folder / "Library" / "LaunchAgents" / "calsignal.daily.plist"

    trusting.ok("schedule", "--install", "--for", "launchd", "--days", "sat,sun")
    entries = plistlib.loads(file.read_bytes())["StartCalendarInterval"]
    trusting.ok("schedule", "--remove")

    assert [entry["Weekday"] for entry in entries] == [6, 0]
    domain = f"gui/{os.getuid()}"
    assert trusting.calls == [
        f"launchctl bootout {domain}/calsignal.daily",
        f"launchctl bootstrap {domain} {file}",
        f"launchctl bootout {domain}/calsignal.daily",
    ]
    assert not file.exists()


def test_a_folder_that_windows_could_not_have_is_refused(trusting: Machine) -> None:
    assert "the Task Scheduler cannot run" in trusting.fails(2, "schedule", "--install", "--for", "windows")


def test_a_task_in_a_plain_folder_comes_and_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calsignal.cli.schedule.prove", lambda *args, **more: None)
    plain = Machine(tmp_path / "plain & simple")
    plain.ok("init", "--domain", "ours.example", "--timezone", "UTC")

    plain.ok("schedule", "--install", "--for", "windows")
    task = (plain.tools / "task").read_bytes().decode("utf-16")
    assert "nothing is installed" not in plain.run("schedule", "--status").stdout
    plain.ok("schedule", "--remove")

    assert "plain &amp; simple" in task
    assert plain.calls == ["schtasks /Create /TN calsignal", "schtasks /Delete /TN calsignal"]
    (plain.tools / "task").write_bytes("<Task>somebody else's</Task>".encode("utf-16"))
    assert "somebody else wrote it" in plain.fails(1, "schedule", "--install", "--for", "windows")


@pytest.mark.parametrize(
    ("kind", "file"),
    [("systemd", ".config/systemd/user/calsignal.timer"), ("launchd", "Library/LaunchAgents/calsignal.daily.plist")],
)
def test_what_somebody_else_wrote_is_left_alone(trusting: Machine, kind: str, file: str) -> None:
    foreign = trusting.folder / file
    foreign.parent.mkdir(parents=True)
    foreign.write_text("mine\n")

    assert "somebody else wrote it" in trusting.fails(1, "schedule", "--install", "--for", kind)
    assert trusting.ok("schedule", "--remove", "--for", kind) == f"there is nothing of calsignal in {kind}\n"
    assert foreign.read_text() == "mine\n"


@pytest.mark.parametrize(("kind", "folder"), [("systemd", ".config/systemd/user"), ("launchd", "Library/LaunchAgents")])
def test_what_a_scheduler_refuses_leaves_nothing_behind(trusting: Machine, kind: str, folder: str) -> None:
    (trusting.tools / "broken").touch()

    error = trusting.fails(1, "schedule", "--install", "--for", kind)

    assert "failed: Failed to connect to bus" in error
    assert list((trusting.folder / folder).iterdir()) == []
    assert not (trusting.data / "schedule.json").exists()


def test_a_second_installation_takes_the_place_of_the_first(trusting: Machine) -> None:
    trusting.ok("schedule", "--install", "--for", "cron")
    trusting.ok("schedule", "--install", "--for", "cron", "--at", "9:00")

    assert len(re.findall("schedule --run", trusting.table)) == 1
    assert "\n0 9 * * * " in trusting.table


def test_a_crontab_that_cannot_be_read_is_not_written_over(trusting: Machine) -> None:
    (trusting.tools / "broken").touch()

    assert "the crontab cannot be read" in trusting.fails(1, "schedule", "--install", "--for", "cron")
    assert not (trusting.tools / "table").exists()


def test_a_crontab_that_forgets_is_told(trusting: Machine) -> None:
    (trusting.tools / "crontab").write_text("#!/bin/sh\ncat > /dev/null\n")

    assert "does not hold what was written" in trusting.fails(1, "schedule", "--install", "--for", "cron")


def test_a_scheduler_that_is_not_there_is_told(trusting: Machine) -> None:
    trusting.environ["PATH"] = "/nowhere"

    assert "there is no crontab on this machine" in trusting.fails(1, "schedule", "--install", "--for", "cron")


@pytest.mark.parametrize(
    ("platform", "runtime", "kind"),
    [
        ("linux", True, "systemd"),
        ("linux", False, "cron"),
        ("freebsd14", False, "cron"),
        ("darwin", False, "launchd"),
        ("win32", False, "windows"),
    ],
)
def test_the_scheduler_of_a_machine_is_found(tmp_path: Path, platform: str, runtime: bool, kind: str) -> None:
    (tmp_path / "systemd").mkdir()

    assert schedulers.usual({"XDG_RUNTIME_DIR": str(tmp_path)} if runtime else {}, platform) == kind


# --- the run ----------------------------------------------------------------------------------------------------------


def test_a_step_that_fails_stops_none_and_is_told(machine: Machine) -> None:
    given = {**machine.environ, "CALSIGNAL_DATABASE_URL": f"sqlite:///{machine.config}"}  # which is no database
    variables = [word for name, value in given.items() for word in ("--set", f"{name}={value}")]

    result = machine.run("schedule", "--run", "--folder", str(machine.data), *variables)

    assert result.exit_code == 3
    assert "sync, digest failed;" in result.stderr
    assert "$ calsignal sync" in result.stderr
    record = json.loads((machine.data / "schedule.json").read_text())
    assert record["run"]["steps"] == [["sync", 3], ["digest", 3]]
    assert "sync exit 3, digest exit 3; see" in status(machine, 1)


@pytest.mark.parametrize(
    ("delivery", "rep", "steps"),
    [
        ("", None, ["sync", "digest --output"]),
        ('team = ["a"]', None, ["sync", "digest --send"]),
        ('each = ["a"]', None, ["sync", "digest --send --each"]),
        ('team = ["a"]\neach = ["b"]', None, ["sync", "digest --send", "digest --send --each"]),
        ('team = ["a"]\neach = ["b"]', "rep@ours.example", ["sync", "digest --send"]),
        ('audit = ["a"]', None, ["sync", "digest --output"]),
    ],
)
def test_the_day_s_steps_follow_the_config(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, delivery: str, rep: str | None, steps: list[str]
) -> None:
    typed: list[str] = []

    def step(app: object, words: tuple[str, ...], environ: Mapping[str, str]) -> tuple[int, list[str]]:
        typed.append(" ".join(word for word in words if not word.startswith("/")))
        return 0, []

    monkeypatch.setattr("calsignal.cli.daily._step", step)
    machine.config.write_text(f'[team]\ndomains = ["ours.example"]\n[delivery]\n{delivery}\n')
    if rep:
        machine.environ["CALSIGNAL_REP"] = rep

    machine.ok("schedule", "--run", "--folder", str(machine.data))

    assert typed == steps


# --- how it went ------------------------------------------------------------------------------------------------------


def status(machine: Machine, code: int) -> str:
    result = machine.run("schedule", "--status")
    assert result.exit_code == code, result.output
    return result.stdout


def test_before_anything_the_status_says_what_to_do(trusting: Machine) -> None:
    result = trusting.run("schedule", "--status", "--for", "cron")

    assert result.exit_code == 1
    assert result.stdout.splitlines()[:2] == ["cron: nothing is installed", "last run: none yet"]
    assert "1 connection, never synced" in result.stdout
    assert "calsignal schedule --install" in result.stderr


def test_a_run_that_did_not_begin_or_did_not_end_is_told(trusting: Machine) -> None:
    trusting.ok("schedule", "--install", "--for", "cron")  # on Monday at 08:00
    assert "last run: none yet" in status(trusting, 1)
    trusting.clock.wait(hours=23, minutes=35)
    assert "did not begin" not in status(trusting, 1)  # five minutes late
    trusting.clock.wait(hours=1)

    assert "a run was due Tue 3 Mar 07:30, and did not begin" in status(trusting, 1)

    record = json.loads((trusting.data / "schedule.json").read_text())
    started = "2026-03-03T07:30:01+00:00"
    record["run"] = {"started": started, "ended": None, "steps": [["sync", 0]]}
    (trusting.data / "schedule.json").write_text(json.dumps(record))
    text = status(trusting, 1)
    assert "which has not ended: sync well" in text
    assert "did not begin" not in text
    record["run"]["ended"] = "2026-03-03T07:31:00+00:00"
    (trusting.data / "schedule.json").write_text(json.dumps(record))
    assert "cron: 07:30, daily\nlast run: Tue 3 Mar 07:30 (1 h ago), sync well\n" in status(trusting, 0)
