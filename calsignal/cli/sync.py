"""`sync`: pull every connection."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from calsignal.cli.app import App
from calsignal.cli.connect import known_connection
from calsignal.cli.options import emit, say
from calsignal.errors import InputError

if TYPE_CHECKING:
    from calsignal.store import Connection
    from calsignal.sync import Outcome

LISTED = 20
"""How many skipped items of one connection are named on the terminal; reports list all."""


@click.command()
@click.argument("names", nargs=-1, metavar="[CONNECTION]...")
@click.option("--accept", "accepted", multiple=True, metavar="CONNECTION", help="Believe what a held calendar shows.")
@click.pass_context
def sync(ctx: click.Context, names: tuple[str, ...], accepted: tuple[str, ...]) -> None:
    """Read every calendar, or those named. One that fails does not stop the others."""
    app = ctx.ensure_object(App)
    chosen = _chosen(app.store(create=True).connections(), names, accepted)
    outcomes: list[Outcome] = []
    try:
        for outcome in _watched(_outcomes(app, chosen, accepted), len(chosen)):
            outcomes.append(outcome)  # noqa: PERF402  # what is done is told even when the next one breaks
    finally:
        for outcome in outcomes:
            _tell(outcome)
    if any(not outcome.problem for outcome in outcomes) and not app.store().accounts():
        say("next: `calsignal accounts suggest` lists the companies that meet you")
    ctx.exit(1 if any(outcome.problem for outcome in outcomes) else 0)


def _chosen(known: Iterable[Connection], names: tuple[str, ...], accepted: tuple[str, ...]) -> list[Connection]:
    """Return the connections to sync: those named, else all that are not disconnected."""
    by_name = {connection.name: connection for connection in known}
    wanted = [by_name[known_connection(name, list(by_name))] for name in dict.fromkeys([*names, *accepted])]
    retired = next((connection.name for connection in wanted if connection.retired_at), None)
    if retired:
        raise InputError(f"{retired} is disconnected", "connect it again; `calsignal connect --help` lists the ways")
    active = wanted if names else [connection for connection in by_name.values() if not connection.retired_at]
    if not active:
        raise InputError("nothing is connected", "`calsignal connect --help` lists the ways")
    return active


def _outcomes(app: App, chosen: list[Connection], accepted: tuple[str, ...]) -> Iterator[Outcome]:
    from calsignal.sync import Syncer

    syncer = Syncer(
        store=app.store(),
        settings=app.settings,
        registry=app.registry,
        vault=app.vault,
        address_key=app.address_key(),
        clock=app.clock,
        retry=app.retry,
        accept=frozenset(accepted),
    )
    return syncer.sync(chosen)


def _watched(outcomes: Iterable[Outcome], total: int) -> Iterable[Outcome]:
    """Show a bar on stderr while the outcomes come, where somebody can see it."""
    if not _somebody_looks():
        return outcomes
    from rich.console import Console
    from rich.progress import track

    return track(outcomes, "syncing", total=total, console=Console(stderr=True), transient=True)


def _somebody_looks() -> bool:
    return sys.stderr.isatty()


def _tell(outcome: Outcome) -> None:
    from calsignal.reports.words import plural

    if outcome.problem:
        say(f"{outcome.connection}: {outcome.problem}")
        if outcome.hint:
            say(f"hint: {outcome.hint}")
    elif outcome.elsewhere:
        say(f"{outcome.connection}: is being synced elsewhere, and left to that")
    else:
        read, written = plural(outcome.events, "event"), plural(outcome.written, "change")
        emit(f"{outcome.connection}: {read} read, {written} written")
    for item in outcome.skipped[:LISTED]:
        say(f"{outcome.connection}: skipped {item.id}: {item.reason}")
    if len(outcome.skipped) > LISTED:
        say(f"{outcome.connection}: skipped {len(outcome.skipped) - LISTED} more")
