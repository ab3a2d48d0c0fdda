"""`schedule`: the daily run. Shows, installs and removes it, proves first that it can work, and tells how it went."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import time
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from calsignal.cli.app import App
from calsignal.cli.daily import LOG, keep, program, recorded, run
from calsignal.cli.options import emit, say
from calsignal.cli.schedulers import KINDS, Scheduler, scheduler, usual
from calsignal.cli.trial import move_secrets, prove
from calsignal.errors import InputError
from calsignal.schedule import Plan, days_text, plan_name, read_days, read_time
from calsignal.schedule.record import Record, Run
from calsignal.schedule.surroundings import bare, carried, read_file

if TYPE_CHECKING:
    from calsignal.reports.words import Calendar


@click.command()
@click.option("--install", "act", flag_value="install", help="Put it into the scheduler, in the place of an older one.")
@click.option("--remove", "act", flag_value="remove", help="Take away what --install put there, and nothing else.")
@click.option("--status", "act", flag_value="status", help="Tell when it last ran, and whether that worked.")
@click.option("--for", "kind", type=click.Choice(KINDS), help="The scheduler; by default the one of this machine.")
@click.option("--at", default="07:30", show_default=True, metavar="TIME", help="The time of day, of this machine.")
@click.option(
    "--days", default="daily", show_default=True, help="Such as mon-fri. [delivery] has quiet days beside that."
)
@click.option("--env-file", type=click.Path(path_type=Path), help="A file of NAME=VALUE lines that only you can read.")
@click.option("--move-secrets", "moving", is_flag=True, help="Move the secrets from the keyring to an encrypted file.")
@click.option("--run", "act", flag_value="run", hidden=True, help="Do what is due: what is installed says this.")
@click.option("--folder", type=click.Path(path_type=Path), hidden=True, help="With --run: where its files go.")
@click.option("--set", "sets", multiple=True, hidden=True, help="With --run: a variable, NAME=VALUE.")
@click.pass_context
def schedule(
    ctx: click.Context,
    act: str | None,
    kind: str | None,
    at: str,
    days: str,
    env_file: Path | None,
    moving: bool,
    folder: Path | None,
    sets: tuple[str, ...],
) -> None:
    """Run `sync` and `digest` every day. Shows what would be installed; --install installs it.

    The digest is sent where [delivery] says; without that it lies in the data folder, as digest.txt. Before anything
    is shown or installed, a trial in the bare environment of a scheduler proves that config, store and secrets can be
    read there.
    """
    app = ctx.ensure_object(App)
    if act == "run":
        ctx.exit(run(app, folder or app.data_path, _variables(env_file, sets)))
    if act == "status":
        ctx.exit(_status(app, kind))
    if act == "remove":
        _remove(app, kind)
        return
    _ = app.settings  # what is wrong with the config is told here, and in full
    setup = Setup.of(app, kind, env_file)
    plan = setup.plan(read_time(at), read_days(days))
    if moving:
        move_secrets(app)
    prove(app, setup.environ(), move=not moving)
    if act is None:
        emit(setup.scheduler.text(plan))
        say(f"next: the same with --install puts it into {setup.kind}")
        return
    note = setup.scheduler.install(plan)
    record = replace(recorded(app.data_path), scheduler=setup.kind, at=plan.at, days=plan.days, since=app.now)
    keep(app.data_path, record)
    emit(f"installed for {setup.kind}: {plan.when()}, the time of this machine ({_zone(app).key})")
    if note:
        say(f"note: {note}")
    say("`calsignal schedule --status` tells how it went; --remove takes it away")


def _variables(env_file: Path | None, sets: Iterable[str] = ()) -> dict[str, str]:
    """Return the variables that the run is given, those of the environment file last. Raises `InputError`."""
    found = dict(text.split("=", 1) for text in sets)
    return {**found, **(_file_variables(env_file) if env_file else {})}


def _file_variables(file: Path) -> dict[str, str]:
    """Return what an environment file sets. Raises `InputError`, also where others may read it."""
    try:
        mode, text = file.stat().st_mode, file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InputError(f"{file} cannot be read: {reason}", "check the name of the file") from error
    if os.name == "posix" and mode & 0o077:
        raise InputError(f"{file} is open to others than you (mode {mode & 0o777:04o})", f"chmod 600 {file}")
    return read_file(text)


# --- what is installed ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Setup:
    """The scheduler, what it gives to the run, and what the run needs beside that."""

    app: App
    kind: str
    scheduler: Scheduler
    given: Mapping[str, str]
    carried: Mapping[str, str]
    env_file: Path | None

    @classmethod
    def of(cls, app: App, kind: str | None, env_file: Path | None) -> Setup:
        """Look at this machine. Raises `InputError` where a secret would have to go into the schedule."""
        chosen = kind or usual(app.environ)
        home, user = _whoami(app.environ)
        given = bare(app.environ, windows=chosen == "windows", home=home, user=user)
        file = env_file.absolute() if env_file else None
        kept = _file_variables(file) if file else {}
        return cls(app, chosen, _scheduler(app, chosen), given, carried(app.environ, given, kept), file)

    def plan(self, at: time, days: tuple[int, ...]) -> Plan:
        """Return the plan; every path in it is whole."""
        folder = str(self.app.data_path.absolute())
        words = ["--run", "--folder", folder, *(["--env-file", str(self.env_file)] if self.env_file else [])]
        words += [word for name, value in self.carried.items() for word in ("--set", f"{name}={value}")]
        command = (*program(self.app), "schedule", *words)
        return Plan(command, at, days, _name(self.app), folder)

    def environ(self) -> dict[str, str]:
        """Return everything that the run will find in its environment."""
        return {**self.given, **self.carried, **(_file_variables(self.env_file) if self.env_file else {})}


def _name(app: App) -> str:
    from calsignal.config import config_path

    usual_path = config_path(None, {}, app.config_folder)
    return plan_name(str(app.config_path.absolute()), str(usual_path.absolute()))


def _scheduler(app: App, kind: str) -> Scheduler:
    home = app.environ.get("HOME") or _whoami(app.environ)[0]
    return scheduler(kind, app.environ, Path(home), app.now.astimezone(_zone(app)).date())


def _whoami(environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the home and the name of the user, as the system lists them: from there schedulers take them."""
    if sys.platform != "win32":
        import pwd

        try:
            entry = pwd.getpwuid(os.getuid())
        except KeyError:  # a container whose user nobody lists
            pass
        else:
            return entry.pw_dir, entry.pw_name
    return str(Path.home()), environ.get("LOGNAME") or environ.get("USERNAME") or "user"


def _zone(app: App) -> ZoneInfo:
    from calsignal.cli.setup import system_zone

    return ZoneInfo(system_zone(app.environ))


# --- afterwards -------------------------------------------------------------------------------------------------------


def _remove(app: App, kind: str | None) -> None:
    record = recorded(app.data_path)
    chosen = kind or record.scheduler or usual(app.environ)
    gone = _scheduler(app, chosen).remove(_name(app))
    emit(f"removed from {chosen}" if gone else f"there is nothing of calsignal in {chosen}")
    if record.scheduler == chosen:
        keep(app.data_path, Record(run=record.run))


def _status(app: App, kind: str | None) -> int:
    """Print how the daily run is; return 1 where it is not installed, failed, or did not happen."""
    from calsignal.reports.words import Calendar

    record = recorded(app.data_path)
    calendar = Calendar(app.now, _zone(app))
    chosen = kind or record.scheduler or usual(app.environ)
    installed = _scheduler(app, chosen).is_installed(_name(app))
    emit(f"{chosen}: {_told_plan(record, chosen)}" if installed else f"{chosen}: nothing is installed")
    if not installed:
        say("next: calsignal schedule --install")
    emit(_told_run(record.run, calendar, app.data_path))
    missed = _missed(record, app, calendar) if installed else ""
    if missed:
        emit(missed)
    for line in _told_syncs(app, calendar):
        emit(line)
    return 0 if installed and record.run and record.run.well and not missed else 1


def _told_plan(record: Record, chosen: str) -> str:
    if record.at is None or record.scheduler != chosen:
        return "installed"
    return f"{record.at:%H:%M}, {days_text(record.days)}"


def _told_run(last: Run | None, calendar: Calendar, folder: Path) -> str:
    if last is None:
        return "last run: none yet"
    when = f"last run: {calendar.moment(last.started)} ({calendar.ago(last.started)})"
    steps = ", ".join(
        f"{step.name} {'well' if not step.exit_code else f'exit {step.exit_code}'}" for step in last.steps
    )
    if last.ended is None:
        return f"{when}, which has not ended{': ' if steps else ''}{steps}"
    return f"{when}, {steps}" + ("" if last.well else f"; see {folder / LOG}")


def _missed(record: Record, app: App, calendar: Calendar) -> str:
    """Say that a run was due and did not begin; one that is due this minute may still."""
    if record.at is None or record.since is None:
        return ""
    due = Plan((), record.at, record.days).latest(app.now.astimezone(_zone(app)))
    if due is None or due < record.since or (app.now - due).total_seconds() < _PATIENCE:
        return ""
    if record.run is not None and record.run.started >= due:
        return ""
    return f"a run was due {calendar.moment(due)}, and did not begin"


_PATIENCE = 600  # seconds


def _told_syncs(app: App, calendar: Calendar) -> Iterator[str]:
    """Yield how fresh the calendars are, and which have a problem."""
    from calsignal.analysis import STALE_AFTER
    from calsignal.reports.foot import trouble
    from calsignal.reports.words import plural
    from calsignal.store import NoStore

    try:
        found = app.store().connection_states(app.now, STALE_AFTER)
    except NoStore:
        return
    read = [state for state in found if state.retired_at is None]
    ends = [state.last_synced for state in read if state.last_synced]
    last = f"last synced {calendar.ago(max(ends))}" if ends else "never synced"
    yield f"{plural(len(read), 'connection')}, {last}"
    for state in read:
        if state.stale or state.problem:
            yield f"! {state.name}: {trouble(state, calendar)}"
