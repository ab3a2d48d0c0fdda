"""The commands. Each lives in a module of its own kind, imported when it is asked for."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path

import click

from calsignal import __version__
from calsignal.cli.app import App
from calsignal.cli.handler import told

_COMMANDS = {
    "demo": "calsignal.cli.reports",
    "init": "calsignal.cli.setup",
    "connect": "calsignal.cli.connect",
    "connections": "calsignal.cli.connect",
    "disconnect": "calsignal.cli.connect",
    "accounts": "calsignal.cli.accounts",
    "deals": "calsignal.cli.deals",
    "sync": "calsignal.cli.sync",
    "worker": "calsignal.cli.worker",
    "secrets": "calsignal.cli.secrets",
    "digest": "calsignal.cli.reports",
    "account": "calsignal.cli.reports",
    "audit": "calsignal.cli.audit",
    "calibrate": "calsignal.cli.calibrate",
    "doctor": "calsignal.cli.doctor",
}
"""Command: its module, in which it has the same name; in the order of a first day."""


class Commands(click.Group):
    """The map of commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = _COMMANDS.get(cmd_name)
        return getattr(import_module(module), cmd_name) if module else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if not args[0].startswith("-") and args[0] not in _COMMANDS:
            from difflib import get_close_matches

            near = get_close_matches(args[0], _COMMANDS, n=1)
            hint = f"did you mean {near[0]}?" if near else "`calsignal --help` lists them"
            raise click.UsageError(f"no command called {args[0]!r}; {hint}", ctx)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        with told(debug=bool(ctx.params.get("debug"))):
            return super().invoke(ctx)


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", type=click.Path(path_type=Path), help="The config file.  [env: CALSIGNAL_CONFIG]")
@click.option("--debug", is_flag=True, help="Show tracebacks; they may quote what is private.")
@click.version_option(__version__, prog_name="calsignal", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context, config: Path | None, debug: bool) -> None:  # noqa: ARG001  # the handler reads it
    """Tell which buyers really invest time, from what their calendars show.

    Begin with `calsignal demo`; then `init`, `connect`, `sync`, `accounts suggest`, and every morning `digest`.
    """
    app = ctx.obj = ctx.obj or App()
    app.config_given = config
    ctx.call_on_close(app.close)
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main() -> None:
    """Run the command line; what a terminal's encoding cannot show becomes a question mark.

    A standard stream that is closed is the null device: no file that is opened later may take its place.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, closefd=False, encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    cli(prog_name="calsignal")
