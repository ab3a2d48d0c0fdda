"""`worker`: sync what is due, beside other workers on this machine or others."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING

import click

from calsignal.cli.app import App
from calsignal.cli.options import say
from calsignal.errors import InputError

if TYPE_CHECKING:
    from calsignal.sync import Outcome
    from calsignal.worker import Worker


@click.command()
@click.option("--once", is_flag=True, help="Sync what is due, then end.")
@click.option(
    "--presumed-dead",
    type=click.FloatRange(1, 3600),
    default=30,
    show_default=True,
    metavar="SECONDS",
    help="Take over from a worker that gives no sign of life for so long; the same for all of a team.",
)
@click.option(
    "--grace",
    type=click.FloatRange(0, 86400),
    default=60,
    show_default=True,
    metavar="SECONDS",
    help="How long to go on with a running sync when told to stop; then it is given back.",
)
@click.pass_context
def worker(ctx: click.Context, once: bool, presumed_dead: float, grace: float) -> None:
    """Sync every connection in its turn, again and again. Needs PostgreSQL; run as many as you like.

    Each connection has its turn once in `every_minutes` of [sync] in the config. A first SIGTERM or Ctrl-C lets the
    running syncs finish, a second one ends at once.
    """
    app = ctx.ensure_object(App)
    _refuse(app)
    work = _worker(app, once=once, presumed_dead=presumed_dead, grace=grace)
    if not once:
        say(f"working; every connection has its turn once in {app.settings.sync.every_minutes} minutes")
    well = work.run()
    ctx.exit(0 if well or not once else 1)


def _refuse(app: App) -> None:
    """Refuse to work where several could not: each would have secrets and a store of its own."""
    from calsignal.store import file_of
    from calsignal.vault import ENV_KEY, ENV_KIND, StoreVault, passphrase_of

    if file_of(app.place) is not None:
        hint = "name one in CALSIGNAL_DATABASE_URL; on this machine alone `calsignal sync` does the same"
        raise InputError("workers share their work through PostgreSQL, and this store is a file", hint)
    if find_spec("procrastinate") is None:
        raise InputError("the package procrastinate is not installed", "install calsignal[workers]")
    if passphrase_of(app.environ) is None:
        hint = "set it to the passphrase that the team's machines share; docs/workers.md shows where"
        raise InputError(f"{ENV_KEY} is not set, and workers share secrets that it opens", hint)
    if not isinstance(app.vault, StoreVault):
        fact = f"{ENV_KIND} keeps secrets on this machine, and workers share theirs"
        raise InputError(fact, f"unset {ENV_KIND}; `calsignal vault share` moves secrets into the store")


def _worker(app: App, *, once: bool, presumed_dead: float, grace: float) -> Worker:
    from datetime import timedelta

    from calsignal.cli.sync import syncer_of
    from calsignal.store import libpq_url
    from calsignal.worker import Terms, Worker

    for name in ("procrastinate", "psycopg", "asyncio"):  # what they have to tell comes as a sentence of ours
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    store, every = app.store(create=True), timedelta(minutes=app.settings.sync.every_minutes)
    terms = Terms(every, presumed_dead=presumed_dead, grace=grace, once=once)
    return Worker(
        libpq_url(app.place), store, syncer_of(app, keeps=False), app.registry, app.clock, terms, tell=tell, note=say
    )


def tell(outcome: Outcome) -> None:
    """Print how the sync of one connection went, as `sync` does; all of it on stderr."""
    for line in lines(outcome):
        say(line)


def lines(outcome: Outcome) -> Iterator[str]:
    """Yield what is said of an outcome."""
    from calsignal.cli.sync import LISTED
    from calsignal.reports.words import plural

    name = outcome.connection
    if outcome.elsewhere:
        yield f"{name}: is being synced elsewhere, and left to that"
    elif outcome.problem:
        yield f"{name}: {outcome.problem}" + (f" (hint: {outcome.hint})" if outcome.hint else "")
    else:
        yield f"{name}: {plural(outcome.events, 'event')} read, {plural(outcome.written, 'change')} written"
    for item in outcome.skipped[:LISTED]:
        yield f"{name}: skipped {item.id}: {item.reason}"
    if len(outcome.skipped) > LISTED:
        yield f"{name}: skipped {len(outcome.skipped) - LISTED} more"
