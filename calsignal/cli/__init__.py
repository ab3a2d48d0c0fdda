"""The commands. Each lives in a module of its own kind, imported when it is asked for."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import click

from calsignal import __version__
from calsignal.cli.app import App
from calsignal.cli.handler import told
from calsignal.cli.suggesting import Suggesting
from calsignal.errors import InputError

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
    "digest": "calsignal.cli.reports",
    "account": "calsignal.cli.reports",
    "reminders": "calsignal.cli.reminders",
    "audit": "calsignal.cli.audit",
    "calibrate": "calsignal.cli.calibrate",
    "export": "calsignal.cli.export",
    "deliver": "calsignal.cli.deliver",
    "schedule": "calsignal.cli.schedule",
    "doctor": "calsignal.cli.doctor",
    "forget": "calsignal.cli.forget",
    "vault": "calsignal.cli.vault",
    "completion": "calsignal.cli.completion",
}
"""Command: its module, in which it has the same name; in the order of a first day."""


class Commands(Suggesting):
    """The map of commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        module = _COMMANDS.get(cmd_name)
        if module is None:
            return None
        command: click.Command = getattr(import_module(module), cmd_name)
        if ctx.resilient_parsing:  # a shell asks how a word goes on
            from calsignal.cli.completion import know_the_store

            know_the_store(command, cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> object:
        with told(debug=bool(ctx.params.get("debug"))):
            return super().invoke(ctx)


@click.group(cls=Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--config", type=click.Path(path_type=Path), help="The config file.  [env: CALSIGNAL_CONFIG]")
@click.option("--quiet", "-q", is_flag=True, help="Print no progress and no notes; results and errors stay.")
@click.option("--no-pager", is_flag=True, help="Print long output at once, on a terminal too.")
@click.option("--debug", is_flag=True, help="Show tracebacks; they may quote what is private.")
@click.option(
    "-v",
    "--verbose",
    count=True,
    help="Say which config, store and moment are used, and log what happens on stderr; twice: more.",
)
@click.option(
    "--log-level",
    type=click.Choice(("debug", "info", "warning", "error")),
    envvar="CALSIGNAL_LOG_LEVEL",
    help="How much to log.  [env: CALSIGNAL_LOG_LEVEL]",
)
@click.option(
    "--log-format",
    type=click.Choice(("text", "json")),
    envvar="CALSIGNAL_LOG_FORMAT",
    help="How to write the log; nothing out of a calendar is in it.  [env: CALSIGNAL_LOG_FORMAT]",
)
@click.option(
    "--log-file",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="CALSIGNAL_LOG_FILE",
    help="Add the log to this file, not to stderr.  [env: CALSIGNAL_LOG_FILE]",
)
@click.version_option(__version__, prog_name="calsignal", message="%(prog)s %(version)s")
@click.pass_context
def cli(
    ctx: click.Context,
    config: Path | None,
    quiet: bool,
    no_pager: bool,
    debug: bool,  # noqa: ARG001  # the handler reads it
    verbose: int,
    log_level: str | None,
    log_format: str | None,
    log_file: Path | None,
) -> None:
    """Tell which buyers really invest time, from what their calendars show.

    Begin with `calsignal demo`; then `init`, `connect`, `sync`, `accounts suggest`, and every morning `digest`.
    """
    app = ctx.obj = ctx.obj or App()
    app.config_given = config
    app.quiet, app.pager = quiet, not no_pager
    app.verbose = verbose > 0 and log_format != "json"  # whoever reads that reads nothing else
    level = log_level or {0: None, 1: "info"}.get(verbose, "debug")
    if level or log_format or log_file:
        ctx.call_on_close(_log(log_format or "text", level or "info", log_file))
    ctx.call_on_close(app.close)
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def _log(form: str, level: str, file: Path | None) -> Callable[[], None]:
    """Begin to log, and return what ends it."""
    from calsignal.log import Log

    try:
        return Log(form, level, sys.stderr, file).close
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error.strerror}", "name another file") from error


def main() -> None:
    """Run the command line; what a terminal's encoding cannot show becomes a question mark.

    A standard stream that is closed is the null device: no file that is opened later may take its place. A crash leaves
    no image of the memory behind, and the programs that are started, a browser say, inherit no secret.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, closefd=False, encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    if "_CALSIGNAL_COMPLETE" in os.environ:
        import_module("calsignal.cli.completion")  # knows the shells better than click does
    _leave_no_core()
    _spare_the_collector()
    cli(prog_name="calsignal", obj=App(environ=_own_environment()))


def _spare_the_collector() -> None:
    """Let it look neither at what is loaded to stay, nor once more at all at the end: a fifth of a short command."""
    gc.set_threshold(200_000, 10, 10)
    atexit.register(gc.freeze)


def _leave_no_core() -> None:
    try:
        import resource
    except ImportError:  # Windows writes none by itself
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _own_environment() -> dict[str, str]:
    """Return the environment, and take out of it what no other program has to know."""
    own = dict(os.environ)
    for name in ("CALSIGNAL_SECRET_KEY", "CALSIGNAL_DATABASE_URL"):
        os.environ.pop(name, None)
    return own
