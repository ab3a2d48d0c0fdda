"""Real workers, real signals: nothing is synced twice at once, and what a dead one leaves is taken over."""

from __future__ import annotations

import signal
import threading
import time
from datetime import timedelta

import psycopg
import pytest

from calsignal.store import libpq_url, open_store
from calsignal.worker import QUEUE
from workers.feeds import Feeds
from workers.machines import Machine, subscribe, until

REPS = ["a@ours.example"]
LINE = "ics:a@ours.example: 4 events read, 4 changes written"
SOON = ("--presumed-dead", "2")


def statuses(database: str) -> list[str]:
    with psycopg.connect(libpq_url(database)) as conn:
        query = f"SELECT status::text FROM {QUEUE}.procrastinate_jobs ORDER BY id"
        return [status for (status,) in conn.execute(query)]


def synced(database: str) -> bool:
    with open_store(database) as store:
        return all(calendar.last_synced for c in store.connections() for calendar in store.calendars(c))


def hold(feeds: Feeds) -> threading.Event:
    """Let the next answers wait until the event is set."""
    feeds.gate, feeds.asked = threading.Event(), threading.Event()
    return feeds.gate


def begun(feeds: Feeds) -> None:
    """Wait until somebody has asked for a feed."""
    assert feeds.asked.wait(60)


def test_what_a_killed_worker_leaves_is_taken_over(machine: Machine, feeds: Feeds, database: str) -> None:
    subscribe(machine, feeds, REPS)
    gate = hold(feeds)

    with machine.worker(*SOON) as first:
        begun(feeds)
        with machine.worker(*SOON) as second:
            until(lambda: workers(database) == 6, "the start of the second worker")  # one for each provider
            first.kill()
            killed = time.monotonic()
            gate.set()
            second.wait_for(LINE)

            assert time.monotonic() - killed < 20
            assert "ics:a@ours.example: its worker is gone; taken over" in second.said
            until(lambda: statuses(database) == ["succeeded"], "the end of the job")


def workers(database: str) -> int:
    with psycopg.connect(libpq_url(database)) as conn:
        row = conn.execute(f"SELECT count(*) FROM {QUEUE}.procrastinate_workers").fetchone()
        return int(row[0]) if row else 0


def test_a_worker_wrongly_presumed_dead_keeps_what_it_is_at(machine: Machine, feeds: Feeds, database: str) -> None:
    subscribe(machine, feeds, REPS)
    gate = hold(feeds)

    with machine.worker(*SOON) as first:
        begun(feeds)
        first.process.send_signal(signal.SIGSTOP)
        with machine.worker(*SOON) as second:
            second.wait_for("its worker is gone; taken over")
            second.wait_for("ics:a@ours.example: is being synced elsewhere, and left to that")
            gate.set()
            first.process.send_signal(signal.SIGCONT)
            first.wait_for(LINE)

    assert feeds.overlaps() == []
    assert len(feeds.spans) == 1
    assert [len(spans) for spans in feeds.spans.values()] == [1]


def test_a_sync_by_hand_leaves_alone_what_a_worker_is_at(machine: Machine, feeds: Feeds) -> None:
    subscribe(machine, feeds, REPS)
    gate = hold(feeds)

    with machine.worker() as worker:
        begun(feeds)
        code, out, err = machine.run("sync")
        gate.set()
        worker.wait_for(LINE)

    assert (code, out) == (0, "")
    assert "ics:a@ours.example: is being synced elsewhere, and left to that\n" in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_told_to_stop_finishes_what_it_is_at(
    machine: Machine, feeds: Feeds, database: str, number: int
) -> None:
    subscribe(machine, feeds, REPS)
    gate = hold(feeds)

    with machine.worker() as worker:
        begun(feeds)
        worker.process.send_signal(number)
        worker.wait_for("stopping when the running syncs are done; once more ends at once")
        gate.set()

        assert worker.end() == 0
        assert worker.said[-1] == LINE
        assert statuses(database) == ["succeeded"]
        assert workers(database) == 0


def test_a_second_signal_ends_a_worker_at_once_and_another_takes_over(
    machine: Machine, feeds: Feeds, database: str
) -> None:
    subscribe(machine, feeds, REPS)
    gate = hold(feeds)

    with machine.worker(*SOON) as worker:
        begun(feeds)
        worker.process.send_signal(signal.SIGTERM)
        worker.wait_for("stopping when")
        worker.process.send_signal(signal.SIGTERM)
        code = worker.end()
    left = statuses(database)
    gate.set()
    with machine.worker(*SOON) as other:
        other.wait_for(LINE)

    assert (code, left) == (130, ["doing"])
    assert worker.said[-1] == "ended at once; other workers take over what was running"


def test_a_worker_without_grace_gives_back_what_it_is_at(machine: Machine, feeds: Feeds, database: str) -> None:
    subscribe(machine, feeds, REPS)
    gate = hold(feeds)

    with machine.worker("--grace", "0") as worker:
        begun(feeds)
        worker.process.send_signal(signal.SIGTERM)
        code = worker.end()
    left = statuses(database)
    gate.set()

    assert (code, left) == (0, ["todo"])
    assert worker.said[-1] == "the grace is over; what is still running is given back"
    assert machine.ok("worker", "--once") == ""
    assert statuses(database) == ["succeeded"]


def test_two_workers_share_what_is_due(machine: Machine, feeds: Feeds, database: str) -> None:
    subscribe(machine, feeds, [f"rep{number}@ours.example" for number in range(24)])
    feeds.pause = 0.1

    with machine.worker("--once") as first, machine.worker("--once") as second:
        assert (first.end(), second.end()) == (0, 0)

    assert sorted(line.partition(": 4 events")[0] for line in [*first.said, *second.said]) == sorted(
        f"ics:rep{number}@ours.example" for number in range(24)
    )
    assert first.said
    assert second.said
    assert synced(database)


def test_every_period_brings_a_turn(machine: Machine, feeds: Feeds) -> None:
    subscribe(machine, feeds, REPS)

    with machine.worker("--presumed-dead", "1") as worker:
        worker.wait_for(LINE)
        feeds.later = True
        machine.set_ahead(timedelta(minutes=6))
        worker.wait_for("ics:a@ours.example: 4 events read", times=2)

        assert worker.said[-1] == "ics:a@ours.example: 4 events read, 4 changes written"


def test_a_worker_whose_database_goes_away_says_so(machine: Machine, feeds: Feeds, database: str) -> None:
    subscribe(machine, feeds, REPS)

    with machine.worker(*SOON) as worker:
        worker.wait_for(LINE)
        refuse(database)
        code = worker.end()

    assert code == 3
    assert worker.said[-2].startswith(("error: the queue cannot be used", "error: the store "))
    assert worker.said[-1].startswith("hint: ")


def refuse(database: str) -> None:
    """Let nobody in any more, and throw out who is in."""
    name = psycopg.conninfo.conninfo_to_dict(libpq_url(database))["dbname"]
    with psycopg.connect(libpq_url(database), dbname="postgres", autocommit=True) as conn:
        conn.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])


def test_a_round_that_fails_partly_ends_with_1(machine: Machine, feeds: Feeds) -> None:
    subscribe(machine, feeds, REPS)
    feeds.status = 403

    with machine.worker("--once") as worker:
        code = worker.end()

    assert code == 1
    assert "refuses the address (status 403) (hint: " in worker.said[-1]
    assert "basic.ics" not in "".join(worker.said)
