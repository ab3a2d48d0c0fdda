"""`sync`: pull every connection."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from calsignal.cli.app import App
from calsignal.cli.connect import known_connection
from calsignal.cli.options import emit, note, say
from calsignal.errors import InputError

if TYPE_CHECKING:
    from calsignal.cli.progress import Board
    from calsignal.store import Connection
    from calsignal.sync import Outcome, Syncer

LISTED = 20
"""How many skipped items of one connection are named on the terminal; reports list all."""


@click.command()
@click.argument("names", nargs=-1, metavar="[CONNECTION]...")
@click.option("--accept", "accepted", multiple=True, metavar="CONNECTION", help="Believe what a held calendar shows.")
@click.pass_context
def sync(ctx: click.Context, names: tuple[str, ...], accepted: tuple[str, ...]) -> None:
    """Read every calendar, or those named. One that fails does not stop the others.

    Ctrl-C lets it finish what it is writing, a second one does not; what was not read is left to the next sync.
    """
    from calsignal.cli.stopping import stopping

    app = ctx.ensure_object(App)
    chosen = _chosen(app.store(create=True).connections(), names, accepted)
    outcomes: list[Outcome] = []
    with stopping(app.stop) as stopped:
        try:
            _read(app, chosen, accepted, outcomes)
        finally:
            for outcome in sorted(outcomes, key=lambda each: each.connection):
                _tell(outcome)
        if stopped.exit_code:
            _tell_rest(chosen, outcomes)
            ctx.exit(stopped.exit_code)
    if any(not outcome.problem for outcome in outcomes) and not app.store().accounts():
        note("next: `calsignal accounts suggest` lists the companies that meet you")
    ctx.exit(1 if any(outcome.problem for outcome in outcomes) else 0)


def _read(app: App, chosen: list[Connection], accepted: tuple[str, ...], outcomes: list[Outcome]) -> None:
    """Sync, and put down what is done as it comes: that is told even when something breaks later."""
    with _watching(app, len(chosen)) as board:
        more = {} if board is None else {"watch": board.tell}
        for outcome in _syncer(app, accepted, **more).sync(chosen):
            if board is not None:
                board.finish(outcome)
            outcomes.append(outcome)


@contextmanager
def _watching(app: App, total: int) -> Iterator[Board | None]:
    """Give what shows how far it is, where somebody looks."""
    if app.quiet or not _somebody_looks():
        yield None
        return
    from time import monotonic

    from calsignal.cli.progress import Board, shown

    board = Board(total, monotonic, stopping=app.stop.is_set)
    with shown(board):
        yield board


def _tell_rest(chosen: list[Connection], outcomes: list[Outcome]) -> None:
    """Say what a stop has left out."""
    done = {outcome.connection for outcome in outcomes}
    left = [connection.name for connection in chosen if connection.name not in done]
    say(f"interrupted: {len(done)} of {len(chosen)} done")
    for name in left[:LISTED]:
        say(f"{name}: not synced")
    if len(left) > LISTED:
        say(f"{len(left) - LISTED} more: not synced")


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


def _syncer(app: App, accepted: tuple[str, ...], **more: Any) -> Syncer:  # noqa: ANN401
    from calsignal.sync import Syncer

    return Syncer(
        store=app.store(),
        settings=app.settings,
        registry=app.registry,
        vault=app.vault,
        address_key=app.address_key(),
        clock=app.clock,
        retry=app.retry,
        accept=frozenset(accepted),
        stop=app.stop,
        **more,
    )


def _somebody_looks() -> bool:
    """Say whether progress is welcome: on a terminal, unless a log is written there."""
    from calsignal import log

    return sys.stderr.isatty() and not log.speaking(sys.stderr)


def _tell(outcome: Outcome) -> None:
    from calsignal.reports.words import plural

    if outcome.problem:
        say(f"{outcome.connection}: {outcome.problem}")
        if outcome.hint:
            say(f"hint: {outcome.hint}")
    else:
        read, written = plural(outcome.events, "event"), plural(outcome.written, "change")
        emit(f"{outcome.connection}: {read} read, {written} written")
    for item in outcome.skipped[:LISTED]:
        say(f"{outcome.connection}: skipped {item.id}: {item.reason}")
    if len(outcome.skipped) > LISTED:
        say(f"{outcome.connection}: skipped {len(outcome.skipped) - LISTED} more")
