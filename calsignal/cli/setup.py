"""`init`: the first config file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import click

from calsignal.cli.app import App
from calsignal.cli.options import asking, note, pass_app
from calsignal.errors import InputError

T = TypeVar("T")


@click.command()
@click.option("--domain", "domains", multiple=True, help="A domain of your own e-mail addresses; repeatable.")
@click.option("--timezone", help="The team's IANA time zone, such as Europe/Berlin.")
@click.option("--force", is_flag=True, help="Write over a config file that is there.")
@pass_app
def init(app: App, domains: tuple[str, ...], timezone: str | None, force: bool) -> None:
    """Write a commented config file. Asks for the team's domains and time zone; `--domain` may be repeated."""
    from calsignal import config
    from calsignal.vault import write_private

    path = app.config_path
    if path.exists() and not force:
        raise InputError(f"there is already a config file at {path}", "edit it, or write over it with --force")
    team = config.Team(
        domains=_domains(" ".join(domains)) if domains else _ask("Domains of your own e-mail addresses", _domains),
        timezone=config.team_zone(timezone)
        if timezone
        else _ask("Time zone", config.team_zone, system_zone(app.environ)),
    )
    text = config.render(config.Settings(team=team), app.registry.sections())
    try:
        write_private(path, text.encode())
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}", "name another file with --config") from error
    note(f"wrote {path}")
    note("next: authorise a calendar; `calsignal connect --help` lists the ways")


def _domains(text: str) -> tuple[str, ...]:
    from calsignal.config import team_domain

    found = tuple(dict.fromkeys(team_domain(word) for word in text.replace(",", " ").split()))
    if not found:
        raise InputError("no domain is named", "write one as company.example")
    return found


def _ask(question: str, read: Callable[[str], T], proposal: str | None = None) -> T:
    """Ask until the answer can be read."""

    def answer(text: str) -> T:
        try:
            return read(text)
        except InputError as error:
            raise click.UsageError(f"{error}; {error.hint}") from error

    with asking("answer by the options: --domain company.example --timezone Europe/Berlin"):
        found: T = click.prompt(question, default=proposal, value_proc=answer, err=True)
    return found


def system_zone(environ: Mapping[str, str], etc: Path = Path("/etc")) -> str:
    """Return the IANA name of the system's time zone, or UTC where nobody can tell."""
    link = etc / "localtime"
    candidates = [environ.get("TZ", "").removeprefix(":")]
    if link.is_symlink():
        candidates.append(str(link.readlink()).rpartition("zoneinfo/")[2])
    if (etc / "timezone").is_file():
        candidates.append((etc / "timezone").read_text(encoding="utf-8", errors="replace").strip())
    if sys.platform == "win32":
        candidates.append(_windows_zone())
    return next((name for name in candidates if _is_zone(name)), "UTC")


def _is_zone(name: str) -> bool:
    from calsignal.config import team_zone

    try:
        return bool(name) and bool(team_zone(name))
    except InputError:
        return False


if sys.platform == "win32":

    def _windows_zone() -> str:
        """Translate the name in the registry, which is Microsoft's own, by the CLDR table of icalendar."""
        import winreg

        from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

        place = r"SYSTEM\CurrentControlSet\Control\TimeZoneInformation"
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, place) as key:
            name = str(winreg.QueryValueEx(key, "TimeZoneKeyName")[0])
        return WINDOWS_TO_OLSON.get(name, "")
