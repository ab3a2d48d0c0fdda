"""The schedulers of this world: each puts a plan where it belongs, finds it again, and takes away only that."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Protocol

from calsignal.errors import CalsignalError
from calsignal.schedule import NOTE, Plan, cron, launchd, systemd, windows

KINDS = ("cron", "systemd", "launchd", "windows")
_MARK = NOTE.partition(",")[0]


class Scheduler(Protocol):
    """One way to have something run every day."""

    def text(self, plan: Plan) -> str:
        """Return what is installed, to be read."""

    def install(self, plan: Plan) -> str:
        """Put the plan in the place of an older one; return what else to know, or nothing."""

    def remove(self, name: str) -> bool:
        """Take the plan of that name away; say whether there was one."""

    def is_installed(self, name: str) -> bool:
        """Say whether there is a plan of that name."""


def scheduler(kind: str, environ: Mapping[str, str], home: Path, today: date) -> Scheduler:
    """Return the scheduler of a kind, for the user whose home that is."""
    tools = Tools(environ)
    if kind == "cron":
        return Cron(tools)
    if kind == "systemd":
        return Systemd(tools, Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "systemd" / "user")
    if kind == "launchd":
        return Launchd(tools, home / "Library" / "LaunchAgents")
    return Windows(tools, today)


def usual(environ: Mapping[str, str], platform: str = sys.platform) -> str:
    """Return the scheduler that this machine has; timers before cron, since they make up for what was slept through."""
    if platform == "win32":
        return "windows"
    if platform == "darwin":
        return "launchd"
    runtime = environ.get("XDG_RUNTIME_DIR")
    return "systemd" if runtime and Path(runtime, "systemd").is_dir() else "cron"


@dataclass(frozen=True)
class Tools:
    """Runs the program that a scheduler is spoken to with; it is found on the PATH of `environ`."""

    environ: Mapping[str, str]

    def run(self, *words: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        """Run a program, in plain English. Raises `CalsignalError` where there is none of that name."""
        program = shutil.which(words[0], path=self.environ.get("PATH"))
        if program is None:
            hint = "print it without --install, or choose another scheduler with --for"
            raise CalsignalError(f"there is no {words[0]} on this machine", hint)
        environ = {**self.environ, "LC_ALL": "C"}
        words = (program, *words[1:])
        return subprocess.run(words, input=stdin, env=environ, capture_output=True, check=False)  # noqa: S603  # fixed words

    def must(self, *words: str, stdin: bytes | None = None) -> bytes:
        """Run a program that has to succeed; return what it printed."""
        done = self.run(*words, stdin=stdin)
        if done.returncode:
            said = (done.stderr or done.stdout).decode(errors="replace").strip().partition("\n")[0]
            raise CalsignalError(f"{' '.join(words[:2])} failed: {said or f'exit code {done.returncode}'}", _BY_HAND)
        return done.stdout


_BY_HAND = "run `calsignal schedule` without --install, and put what it prints in its place by hand"


@dataclass(frozen=True)
class Cron:
    """Lines between two marks in the user's crontab."""

    tools: Tools

    def text(self, plan: Plan) -> str:
        return cron.block(plan)

    def install(self, plan: Plan) -> str:
        self._write(cron.added(self._table(), plan))
        if not self.is_installed(plan.name):
            raise CalsignalError("the crontab does not hold what was written to it", _BY_HAND)
        return "cron runs nothing that was due while the machine was off"

    def remove(self, name: str) -> bool:
        table = self._table()
        rest = cron.removed(table, name)
        if rest != table:
            self._write(rest)
        return rest != table

    def is_installed(self, name: str) -> bool:
        return cron.is_in(self._table(), name)

    def _table(self) -> str:
        """Return the crontab; what is no UTF-8 in it comes back as it was."""
        done = self.tools.run("crontab", "-l")
        if done.returncode == 0:
            return done.stdout.decode("utf-8", "surrogateescape")
        if not done.stdout and any(word in done.stderr for word in (b"no crontab for", b"No such file")):
            return ""
        raise CalsignalError("the crontab cannot be read", "see what `crontab -l` says")  # and so is not written over

    def _write(self, table: str) -> None:
        self.tools.must("crontab", "-", stdin=table.encode("utf-8", "surrogateescape"))


@dataclass(frozen=True)
class Systemd:
    """A timer of the user, in files below `folder`."""

    tools: Tools
    folder: Path

    def text(self, plan: Plan) -> str:
        return "\n".join(f"# {self.folder / name}\n{text}" for name, text in systemd.units(plan).items())

    def install(self, plan: Plan) -> str:
        files = {self.folder / name: text for name, text in systemd.units(plan).items()}
        _replace_all(files, lambda: self._switch("enable", plan.name))
        return "it runs while you are signed in; `loginctl enable-linger` lets it run without that"

    def remove(self, name: str) -> bool:
        files = [self.folder / f"{name}.{kind}" for kind in ("timer", "service")]
        if not any(map(_is_ours, files)):
            return False
        self.tools.run("systemctl", "--user", "disable", "--now", f"{name}.timer")
        for file in filter(_is_ours, files):
            file.unlink()
        self.tools.run("systemctl", "--user", "daemon-reload")
        return True

    def is_installed(self, name: str) -> bool:
        return _is_ours(self.folder / f"{name}.timer")

    def _switch(self, verb: str, name: str) -> None:
        self.tools.must("systemctl", "--user", "daemon-reload")
        self.tools.must("systemctl", "--user", verb, "--now", f"{name}.timer")


@dataclass(frozen=True)
class Launchd:
    """An agent of the user, in a file of `folder`."""

    tools: Tools
    folder: Path

    def text(self, plan: Plan) -> str:
        return launchd.agent(plan)

    def install(self, plan: Plan) -> str:
        file = self._file(plan.name)
        _replace_all({file: launchd.agent(plan)}, lambda: self._load(plan.name, file))
        return ""

    def remove(self, name: str) -> bool:
        file = self._file(name)
        if not _is_ours(file):
            return False
        self.tools.run("launchctl", "bootout", f"{_domain()}/{launchd.label(name)}")
        file.unlink()
        return True

    def is_installed(self, name: str) -> bool:
        return _is_ours(self._file(name))

    def _load(self, name: str, file: Path) -> None:
        self.tools.run("launchctl", "bootout", f"{_domain()}/{launchd.label(name)}")  # an older one
        self.tools.must("launchctl", "bootstrap", _domain(), str(file))

    def _file(self, name: str) -> Path:
        return self.folder / f"{launchd.label(name)}.plist"


def _domain() -> str:
    return f"gui/{os.getuid() if sys.platform != 'win32' else 0}"


@dataclass(frozen=True)
class Windows:
    """A task of the user."""

    tools: Tools
    today: date

    def text(self, plan: Plan) -> str:
        return windows.task(plan, self.today)

    def install(self, plan: Plan) -> str:
        if self._kept(plan.name) not in ("", _MARK):
            raise _foreign(f"the task {plan.name}")
        content = windows.task(plan, self.today).encode("utf-16")
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "task.xml"
            file.write_bytes(content)
            self.tools.must("schtasks", "/Create", "/TN", plan.name, "/XML", str(file), "/F")
        return ""

    def remove(self, name: str) -> bool:
        if not self.is_installed(name):
            return False
        self.tools.must("schtasks", "/Delete", "/TN", name, "/F")
        return True

    def is_installed(self, name: str) -> bool:
        return self._kept(name) == _MARK

    def _kept(self, name: str) -> str:
        """Return our mark where the task is ours, another word where it is somebody else's, nothing where none is."""
        done = self.tools.run("schtasks", "/Query", "/TN", name, "/XML")
        if done.returncode:
            return ""
        return _MARK if _MARK.encode() in done.stdout.replace(b"\0", b"") else "foreign"


# --- files ------------------------------------------------------------------------------------------------------------


def _is_ours(file: Path) -> bool:
    try:
        return _MARK in file.read_text("utf-8", errors="replace")
    except OSError:
        return False


def _foreign(what: str) -> CalsignalError:
    return CalsignalError(f"{what} is there already, and somebody else wrote it", "move it away first")


def _replace_all(files: Mapping[Path, str], then: Callable[[], None]) -> None:
    """Write files and do what makes them count; where that fails they are as they were before.

    Raises:
        CalsignalError: one of them is somebody else's, or cannot be written, or `then` fails.
    """
    before = {file: file.read_bytes() if file.exists() else None for file in files}
    for file in files:
        if before[file] is not None and not _is_ours(file):
            raise _foreign(str(file))
    try:
        for file, text in files.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="\n")
        then()
    except (OSError, CalsignalError) as error:
        _restore(before)
        if isinstance(error, CalsignalError):
            raise
        raise CalsignalError(f"{error.filename} cannot be written: {error.strerror}", "check the folder") from error


def _restore(before: Mapping[Path, bytes | None]) -> None:
    for file, content in before.items():
        if content is None:
            file.unlink(missing_ok=True)
        else:
            file.write_bytes(content)
