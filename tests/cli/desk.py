"""What the tests of the command line type on, and look at."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path

from click.testing import CliRunner, Result

from calsignal.cli import cli
from calsignal.cli.app import App
from calsignal.registry import GROUP
from calsignal.store import Store
from cli import toy
from fake_provider import Clock, Remote

REP = "rep@ours.example"


@dataclass
class Desk:
    """Somebody's machine: folders, an environment, a clock, and a terminal in which to type commands."""

    folder: Path
    clock: Clock = field(default_factory=Clock)
    environ: dict[str, str] = field(default_factory=lambda: {"CALSIGNAL_VAULT": "file"})
    opened: ExitStack = field(default_factory=ExitStack)

    @property
    def config(self) -> Path:
        return self.folder / "config" / "config.toml"

    @property
    def database(self) -> Path:
        return self.folder / "data" / "calsignal.sqlite3"

    def app(self) -> App:
        return App(
            clock=self.clock,
            environ=self.environ,
            config_dir=self.folder / "config",
            data_dir=self.folder / "data",
            points=[EntryPoint("toy", "cli.toy:provider", GROUP)],
        )

    def run(self, *args: str, input: str | bytes | None = None, app: App | None = None) -> Result:  # noqa: A002
        return CliRunner().invoke(cli, args, obj=app or self.app(), input=input, prog_name="calsignal")

    def ok(self, *args: str, input: str | bytes | None = None) -> str:  # noqa: A002
        """Run a command that has to succeed; return what it printed on stdout."""
        result = self.run(*args, input=input)
        assert (result.exit_code, result.exception) == (0, None), result.output
        return result.stdout

    def fails(self, exit_code: int, *args: str, input: str | bytes | None = None) -> str:  # noqa: A002
        """Run a command that has to fail; return what it said, which is nothing on stdout."""
        result = self.run(*args, input=input)
        assert result.exit_code == exit_code, result.output
        assert "Traceback" not in result.output
        assert result.stdout == ""
        return result.stderr

    def write(self, text: str) -> None:
        self.config.parent.mkdir(exist_ok=True)
        self.config.write_text(text, encoding="utf-8")

    def store(self) -> Store:
        return self.opened.enter_context(self.app().store())

    def remote(self, rep: str = REP) -> Remote:
        return toy.provider.remotes[rep]
