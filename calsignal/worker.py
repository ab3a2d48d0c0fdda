"""Syncs what is due, beside other workers on this machine or others: connections come as jobs from a queue.

The queue is Procrastinate's, in a schema of its own of the team's PostgreSQL database; it holds nothing that could not
be worked out again from the store. Each provider has a queue, each turn of a connection is one job. Whoever's round it
is looks after the queue: puts in what is due, and takes over what dead workers leave behind.

That a connection is never synced twice at once does not hang on the queue: each sync holds it in PostgreSQL, in a
session that ends with its process. Neither does the limit of each provider over all workers: the same goes for places.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import procrastinate
import psycopg
from procrastinate.jobs import Job, Status
from procrastinate.schema import SchemaManager

from calsignal import log
from calsignal.contract import Provider, mailboxes_at_once
from calsignal.errors import CalsignalError, InputError, Retriable, StoreError
from calsignal.registry import Registry
from calsignal.store import Connection, Store
from calsignal.sync import Outcome, Syncer
from calsignal.turns import is_due, latest_turn, retry_wait

if TYPE_CHECKING:
    from procrastinate import JobContext
    from procrastinate.types import JSONDict

QUEUE = "calsignal_queue"
"""The schema of the queue in the database."""

HERE = 4
"""How many connections of one provider a single worker syncs at once."""

MOST_TRIES = 10
"""How often a turn is begun; one that ends every worker is left alone then, until the next."""

POLL = 1.0
"""Seconds between two looks for jobs."""

_PREPARING, _CARING = 0x63616C7351, 0x63616C7352  # any numbers of our own
_ENDED_AT_ONCE = 130

_OPEN = """
SELECT FROM procrastinate_jobs WHERE queue_name = ANY(%s)
AND (status = 'doing' OR (status = 'todo' AND (scheduled_at IS NULL OR scheduled_at <= now()))) LIMIT 1
"""


@dataclass(frozen=True)
class Terms:
    """How a worker works.

    every          how long after each other a connection is synced
    presumed_dead  seconds without a sign of life, after which the jobs of a worker are taken over
    grace          seconds that a worker which is told to stop gives the syncs that are running
    once           stop when nothing is due any more
    """

    every: timedelta
    presumed_dead: float = 30.0
    grace: float = 60.0
    once: bool = False


def at_once(provider: Provider) -> int:
    """Return how many connections of a provider all workers together sync at once."""
    return min(256, mailboxes_at_once(provider))


# --- the queue's own tables -------------------------------------------------------------------------------------------


def prepare_queue(url: str) -> None:
    """Make the tables of the queue, or make them anew where they are of another version; several may try at once.

    Raises:
        StoreError: a newer calsignal made them, or this user of the database may not.
    """
    wanted = max(path.stem for path in Path(SchemaManager.get_migrations_path()).glob("*.sql"))
    with _reached(), psycopg.connect(url) as conn:
        conn.execute("SELECT pg_advisory_xact_lock(%s)", [_PREPARING])
        found = _version(conn)
        if found is not None and found > wanted:
            fact = f"the queue was made by a newer calsignal (its version is {found}, this one knows {wanted})"
            raise StoreError(fact, "upgrade calsignal on this machine, procrastinate included")
        if found != wanted:
            _make_queue(conn, wanted)


def _version(conn: psycopg.Connection) -> str | None:
    row = conn.execute("SELECT obj_description(to_regnamespace(%s), 'pg_namespace')", [QUEUE]).fetchone()
    return row[0] if row else None


def _make_queue(conn: psycopg.Connection, version: str) -> None:
    """Make the queue in the place of an older one: what is due is put in again."""
    try:
        if conn.execute("SELECT to_regclass(%s)", [f"{QUEUE}.procrastinate_jobs"]).fetchone() != (None,):
            conn.execute(f"DROP SCHEMA {QUEUE} CASCADE")
        if conn.execute("SELECT to_regnamespace(%s)", [QUEUE]).fetchone() == (None,):
            conn.execute(f"CREATE SCHEMA {QUEUE}")
        conn.execute(f"SET LOCAL search_path TO {QUEUE}")
        conn.execute(SchemaManager.get_schema())
        conn.execute(f"COMMENT ON SCHEMA {QUEUE} IS '{version}'")
    except psycopg.errors.InsufficientPrivilege:
        raise StoreError(
            f"the queue cannot be made: this user of the database may not make the schema {QUEUE}",
            f"let an administrator run: CREATE SCHEMA {QUEUE} AUTHORIZATION {conn.info.user}",
        ) from None


@contextmanager
def _reached() -> Iterator[None]:
    """Turn the failures of the queue's database into a sentence."""
    try:
        yield
    except (psycopg.Error, procrastinate.exceptions.ConnectorException) as error:
        kind = type(error.__cause__ or error).__name__
        raise StoreError(
            f"the queue cannot be used now ({kind})", "check that the database server runs and lets you in"
        ) from error


_SESSION = {
    "search_path": QUEUE,
    "TimeZone": "UTC",
    "DateStyle": "ISO, YMD",
    "default_transaction_isolation": "read committed",  # what the queue is written for; others make its jobs collide
    "default_transaction_read_only": "off",
}


async def _enter(conn: psycopg.AsyncConnection) -> None:
    """Begin a session that is alike whatever server, role and environment say."""
    for name, value in _SESSION.items():
        await conn.execute("SELECT set_config(%s, %s, false)", [name, value])
    await conn.commit()


# --- how a job may end ------------------------------------------------------------------------------------------------


class _Again(Exception):
    """Try the job again after a while."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__()
        self.wait = wait


class _Failed(Exception):
    """Leave it to the next turn."""


class _Patience(procrastinate.BaseRetryStrategy):
    def get_retry_decision(self, *, exception: BaseException, job: Job) -> procrastinate.RetryDecision | None:
        if not isinstance(exception, _Again):
            return None
        return procrastinate.RetryDecision(retry_in={"seconds": round(exception.wait.total_seconds())})


# --- the worker -------------------------------------------------------------------------------------------------------


@dataclass
class Worker:
    """One worker. `tell` gets every outcome, `note` a sentence about the worker itself; both may come from threads.

    What is kept for reports is made when all is quiet, not after each of many mailboxes that meet the same accounts: so
    `syncer` is one that does not do it by itself.
    """

    url: str = field(repr=False)
    store: Store
    syncer: Syncer
    registry: Registry
    clock: Callable[[], datetime]
    terms: Terms
    tell: Callable[[Outcome], None]
    note: Callable[[str], None]
    failed: bool = False
    _running: dict[int, Job] = field(default_factory=dict)
    _stopping: Event = field(default_factory=Event)
    _planned: bool = False
    _news: bool = False
    _cleaned: datetime | None = None

    def run(self) -> bool:
        """Work until told to stop, or until nothing is due; return whether all went well.

        Raises:
            StoreError: the queue or the store cannot be used.
        """
        prepare_queue(self.url)
        with _reached():
            asyncio.run(self._run())
        return not self.failed

    # --- one job ------------------------------------------------------------------------------------------------------

    def _sync(self, job: Job, name: str, turn: datetime) -> None:
        """Sync one connection, in a thread of its own; how the job ends is told by what is raised."""
        assert job.id is not None
        self._running[job.id] = job
        try:
            connection = self._wanted(name, turn)
            if connection is None:
                return
            places = at_once(self.registry.get(connection.provider))
            with self.store.seat(connection.provider, places, lambda: not self._stopping.wait(0.2)) as placed:
                outcome = self._outcome(connection) if placed and not self._stopping.is_set() else None
            if outcome is None:
                raise _Again(timedelta())  # given back
            self._conclude(outcome, connection, job, turn + self.terms.every)
        finally:
            self._running.pop(job.id, None)

    def _wanted(self, name: str, turn: datetime) -> Connection | None:
        """Return the connection, unless it is gone, or has been synced since its turn."""
        try:
            connection = self.store.connection(name)
        except InputError:
            return None
        calendars = [calendar for calendar in self.store.calendars(connection) if calendar.retired_at is None]
        done = bool(calendars) and not any(is_due(calendar.last_synced, turn) for calendar in calendars)
        return None if done or connection.retired_at else connection

    def _outcome(self, connection: Connection) -> Outcome | None:
        """Return how the sync went, or None where it was stopped before its end."""
        try:
            found = list(self.syncer.sync([connection]))
        except CalsignalError as error:
            return Outcome(connection.name, str(error), error.hint, error=error)
        except Exception as error:  # noqa: BLE001  # the others go on; the text of a stranger's error may quote anything
            hint = f"run `calsignal --debug sync {connection.name}` for the details, and please report it"
            return Outcome(connection.name, f"something went wrong that should not ({type(error).__name__})", hint)
        return found[0] if found else None

    def _conclude(self, outcome: Outcome, connection: Connection, job: Job, next_turn: datetime) -> None:
        self._news = True
        self.tell(outcome)
        if outcome.elsewhere:  # whoever holds it may be the worker that was presumed dead, and may die yet
            raise _Again(timedelta(seconds=self.terms.presumed_dead))
        if outcome.problem is None:
            return
        self.failed = True
        if isinstance(outcome.error, Retriable | StoreError):
            least = timedelta(seconds=getattr(outcome.error, "retry_after", None) or 0)
            wait = retry_wait(connection.id, job.attempts, next_turn - self.clock(), least)
            if wait is not None:
                raise _Again(wait)
        raise _Failed

    # --- the round ----------------------------------------------------------------------------------------------------

    @cached_property
    def _app(self) -> procrastinate.App:
        patience = self.terms.presumed_dead  # who waits longer for the queue has lost its jobs anyway
        connector = procrastinate.PsycopgConnector(
            conninfo=self.url, min_size=1, max_size=4, timeout=patience, configure=_enter
        )
        app = procrastinate.App(connector=connector)

        @app.task(name="sync", pass_context=True, retry=_Patience())
        def sync(context: JobContext, connection: str, turn: str) -> None:
            self._sync(context.job, connection, datetime.fromisoformat(turn))

        return app

    async def _run(self) -> None:
        stop, most = asyncio.Event(), HERE * len(self.registry.names())
        every = self.terms.every.total_seconds()
        log.tell(log.WorkerStarted(every=every, presumed_dead=self.terms.presumed_dead))
        # the default is too few on a small machine: a round that waits for a thread would keep everybody's from it
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(most + 2))
        self._obey(stop)
        async with self._app.open_async():
            await self._look_after()
            work = [asyncio.create_task(self._work(provider)) for provider in self.registry.names()]
            care = asyncio.create_task(self._care(stop))
            told = asyncio.create_task(stop.wait())
            await asyncio.wait([*work, care, told], return_when=asyncio.FIRST_COMPLETED)
            care.cancel()
            told.cancel()
            await self._finish(work)
        ends = await asyncio.gather(care, *work, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end
        if not stop.is_set():  # Procrastinate stops by itself when its heart cannot beat
            raise StoreError("the queue cannot be used any more", "start the worker again")

    def _obey(self, stop: asyncio.Event) -> None:
        """Stop at a first signal when what is running is done, at a second one at once."""

        def hear() -> None:
            if stop.is_set():
                self.note("ended at once; other workers take over what was running")
                os._exit(_ENDED_AT_ONCE)
            if self._running:
                self.note("stopping when the running syncs are done; once more ends at once")
            log.tell(log.WorkerStopping(running=len(self._running), given_back=False))
            stop.set()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, hear)

    async def _work(self, provider: str) -> None:
        """Work off the queue of one provider."""
        await self._app.run_worker_async(
            queues=[provider],
            concurrency=min(HERE, at_once(self.registry.get(provider))),
            install_signal_handlers=False,
            listen_notify=False,
            fetch_job_polling_interval=POLL,
            update_heartbeat_interval=self.terms.presumed_dead / 3,
            stalled_worker_timeout=self.terms.presumed_dead,
        )

    async def _finish(self, work: Sequence[asyncio.Task[None]]) -> None:
        """Let the running syncs come to their end; after the grace they stop where they are, and are given back."""
        self._stopping.set()
        for each in work:
            each.cancel()
        _done, late = await asyncio.wait(work, timeout=self.terms.grace)
        if late:
            self.note("the grace is over; what is still running is given back")
            log.tell(log.WorkerStopping(running=len(self._running), given_back=True))
            self.syncer.stop.set()
            await asyncio.wait(late)

    # --- looking after the queue --------------------------------------------------------------------------------------

    async def _care(self, stop: asyncio.Event) -> None:
        while True:
            await self._look_after()
            idle = await self._nothing_left()
            if idle and self._news:
                self._news = False
                await asyncio.to_thread(self.syncer.keep)
            if idle and self.terms.once and self._planned:
                stop.set()
            await asyncio.sleep(POLL / 4 if self.terms.once else self.terms.presumed_dead / 3)

    async def _look_after(self) -> None:
        """Take over and plan, one worker at a time."""
        assert isinstance(self._app.connector, procrastinate.PsycopgConnector)
        async with self._app.connector.pool.connection() as conn:
            ours = await conn.execute("SELECT pg_try_advisory_xact_lock(%s)", [_CARING])
            if await ours.fetchone() != (True,):
                return
            await self._take_over()
            if not (self.terms.once and self._planned):
                await self._plan()
                self._planned = True
            await self._clean()

    async def _take_over(self) -> None:
        jobs = self._app.job_manager
        for job in await jobs.get_stalled_jobs(seconds_since_heartbeat=self.terms.presumed_dead):
            name, left = job.task_kwargs["connection"], job.attempts >= MOST_TRIES
            log.tell(log.SyncInherited(attempts=job.attempts, left=left))
            if not left:
                self.note(f"{name}: its worker is gone; taken over")
                await jobs.retry_job(job)
            else:
                self.note(f"{name}: every worker that synced it is gone; left until its next turn")
                await jobs.finish_job(job, Status.FAILED, delete_job=False)

    async def _plan(self) -> None:
        """Put in what is due and not there yet."""
        due = await asyncio.to_thread(self._due)
        there = await self._app.job_manager.list_jobs_async(task="sync") if due else ()
        known = {(job.task_kwargs["connection"], job.task_kwargs["turn"]) for job in there}
        busy = {job.task_kwargs["connection"] for job in there if job.status in {"todo", "doing"}}
        new = [self._job(c, turn) for c, turn in due if c.name not in busy and (c.name, turn.isoformat()) not in known]
        if new:
            await self._app.job_manager.batch_defer_jobs_async(new)

    def _due(self) -> list[tuple[Connection, datetime]]:
        """Return what is due, with its turn; a single round takes what has not been synced for half a period."""
        now, every = self.clock(), self.terms.every
        synced = {state.name: state.last_synced for state in self.store.connection_states(now, every)}
        found = []
        for connection in self.store.connections():
            turn = now - every / 2 if self.terms.once else latest_turn(connection.id, now, every)
            if connection.retired_at is None and is_due(synced.get(connection.name), turn):
                found.append((connection, turn))
        return found

    @staticmethod
    def _job(connection: Connection, turn: datetime) -> Job:
        told: JSONDict = {"connection": connection.name, "turn": turn.isoformat()}
        return Job(
            queue=connection.provider, lock=connection.name, queueing_lock=None, task_name="sync", task_kwargs=told
        )

    async def _nothing_left(self) -> bool:
        """Say whether nothing is running anywhere, and nothing waits that could run now."""
        assert isinstance(self._app.connector, procrastinate.PsycopgConnector)
        async with self._app.connector.pool.connection() as conn:
            found = await conn.execute(_OPEN, [list(self.registry.names())])
            return await found.fetchone() is None

    async def _clean(self) -> None:
        """Delete jobs that ended over two periods ago, once an hour."""
        now = self.clock()
        if self._cleaned is not None and now - self._cleaned < timedelta(hours=1):
            return
        self._cleaned = now
        hours = max(2, -(-self.terms.every * 2 // timedelta(hours=1)))
        await self._app.job_manager.delete_old_jobs(
            nb_hours=hours, include_failed=True, include_cancelled=True, include_aborted=True
        )
