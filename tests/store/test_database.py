"""The database: who may read it, what happens when it cannot be used, and what is left of what was erased."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from calsignal.errors import StoreError
from calsignal.ledger import Erase, Retitle, Supersede
from calsignal.store import Outrun, Store, open_store
from databases import everything, execute, file_of, is_sqlite
from store.samples import BOB, REP, ZOE, add, at, connected, row, state, sync

ROOT = Path(__file__).parents[2]
MARK = "Operation Nightingale"


on_sqlite = pytest.mark.parametrize("backend", ["sqlite"], indirect=True)


@contextmanager
def script(text: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a Python script beside this process, killed at the end."""
    command = [sys.executable, "-c", text, *arguments]
    environment = {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environment, text=True, **pipes) as process:  # type: ignore[call-overload]
        try:
            yield process
        finally:
            process.kill()


def said_by(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


# --- opening --------------------------------------------------------------------------------------------------------


def test_importing_the_store_loads_no_database_library() -> None:
    text = "import sys, calsignal.store; print(sorted({'sqlalchemy', 'alembic'} & set(sys.modules)))"

    with script(text) as process:
        assert said_by(process) == "[]"


def test_opening_loads_no_alembic_when_no_migration_is_due(no_store: str) -> None:
    text = (
        "import sys; from calsignal.store import open_store; "
        "open_store(sys.argv[1]).close(); open_store(sys.argv[1]).close(); print('alembic' in sys.modules)"
    )

    with script(text, no_store) as process:
        assert said_by(process) == "False"


def test_the_classes_can_be_named_at_run_time() -> None:
    import calsignal.store

    assert calsignal.store.Store is Store
    assert calsignal.store.Pen.__name__ == "Pen"
    with pytest.raises(AttributeError, match="has no attribute 'Door'"):
        _ = calsignal.store.Door


@on_sqlite
def test_a_new_store_is_for_its_owner_alone(url: str, store: Store) -> None:
    connected(store)

    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in file_of(url).parent.iterdir()}

    assert modes == {"store.db": "0o600", "store.db-wal": "0o600", "store.db-shm": "0o600"}
    assert oct(file_of(url).parent.stat().st_mode & 0o777) == "0o700"


def test_what_was_kept_is_there_when_the_store_is_opened_again(url: str) -> None:
    with open_store(url) as store:
        store.remember("answer", "42")

    with open_store(url, create=False) as store:
        assert store.recall("answer") == "42"


def test_a_store_that_is_not_there_is_an_error_unless_it_may_be_made(no_store: str) -> None:
    with pytest.raises(StoreError, match="does not exist yet") as caught:
        open_store(no_store, create=False)

    assert "calsignal connect" in caught.value.hint
    assert not file_of(no_store).parent.exists()
    with open_store(no_store) as store:
        assert store.connections() == ()


@on_sqlite
def test_an_empty_file_is_a_store_still_to_be_made(url: str) -> None:
    file_of(url).parent.mkdir()
    file_of(url).touch()

    with pytest.raises(StoreError, match="does not exist yet"):
        open_store(url, create=False)
    with open_store(url) as store:
        assert store.connections() == ()


@pytest.mark.parametrize(
    ("url", "fact"),
    [
        ("nonsense", "the url of the store cannot be understood"),
        ("sqlite://", "the url of the store names no file"),
        ("sqlite:///:memory:", "the url of the store names no file"),
        ("oracle9i://me:secret@db.example/team", r"no driver for the store oracle9i://me:\*\*\*@db.example/team"),
    ],
)
def test_a_url_that_leads_nowhere_is_refused(url: str, fact: str) -> None:
    with pytest.raises(StoreError, match=fact) as caught:
        open_store(url)

    assert "secret" not in str(caught.value) + caught.value.hint


# --- what may be wrong with it --------------------------------------------------------------------------------------


@on_sqlite
def test_a_folder_in_the_place_of_the_file_cannot_be_opened(url: str) -> None:
    file_of(url).mkdir(parents=True)

    with pytest.raises(StoreError, match=r"store.db cannot be opened"):
        open_store(url)


@on_sqlite
def test_a_file_in_the_place_of_the_folder_cannot_be_opened(url: str) -> None:
    file_of(url).parent.touch()

    with pytest.raises(StoreError, match=r"store.db cannot be opened"):
        open_store(url)


@on_sqlite
def test_a_file_that_is_no_database_is_left_alone(url: str) -> None:
    file_of(url).parent.mkdir()
    file_of(url).write_text("Dear diary, " * 99)

    with pytest.raises(StoreError, match="is not a calsignal store"):
        open_store(url)

    assert file_of(url).read_text() == "Dear diary, " * 99


@on_sqlite
def test_a_file_of_something_else_is_left_alone(url: str) -> None:
    file_of(url).parent.mkdir()
    execute(url, "CREATE TABLE moz_places (url TEXT)")

    with pytest.raises(StoreError, match="is not a calsignal store"):
        open_store(url)

    assert execute(url, "SELECT name FROM sqlite_master") == [("moz_places",)]


def test_tables_of_something_else_with_our_names_are_left_alone(no_store: str) -> None:
    if is_sqlite(no_store):
        file_of(no_store).parent.mkdir()
    execute(no_store, "CREATE TABLE events (day TEXT)")

    with pytest.raises(StoreError, match="is not a calsignal store"):
        open_store(no_store)

    assert execute(no_store, "SELECT day FROM events") == []


def test_a_store_of_a_newer_program_is_refused(url: str) -> None:
    open_store(url).close()
    execute(url, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(StoreError, match=r"made by a newer calsignal \(schema 9999") as caught:
        open_store(url)

    assert caught.value.hint == "upgrade calsignal"
    assert caught.value.exit_code == 3


@on_sqlite
def test_a_damaged_store_says_so(url: str) -> None:
    with open_store(url) as store:
        _, calendar = connected(store)
        sync(store, calendar, (add(f"event {number}") for number in range(500)))
    whole = file_of(url).read_bytes()
    file_of(url).write_bytes(whole[:8192] + b"\xff" * (len(whole) - 8192))

    with pytest.raises(StoreError, match="is damaged") as caught, open_store(url) as store:
        store.history(at(1))

    assert "backup" in caught.value.hint


@on_sqlite
def test_a_store_that_may_only_be_read_can_be_read(url: str) -> None:
    with open_store(url) as store:
        store.remember("answer", "42")
    locked = f"sqlite:///file:{file_of(url)}?mode=ro&uri=true"

    with open_store(locked) as store:
        assert store.recall("answer") == "42"
        with pytest.raises(StoreError, match="cannot be written to"):
            store.remember("answer", "43")


@on_sqlite
def test_a_full_disk_says_so_and_keeps_the_former_state(store: Store) -> None:
    store.remember("answer", "42")
    with store._database.reading() as conn:
        conn.exec_driver_sql("PRAGMA max_page_count = 1")

    with pytest.raises(StoreError, match="the disk is full"):
        store.remember("answer", "x" * 100_000)

    assert store.recall("answer") == "42"


def test_a_store_in_use_is_waited_for_and_then_given_up(url: str) -> None:
    with open_store(url, busy_seconds=0.05) as store, open_store(url) as other, other._database.writing():
        with pytest.raises(StoreError, match="is in use by another program"):
            store.remember("answer", "42")

        assert store.recall("answer") is None


def test_a_mistake_of_our_own_is_not_blamed_on_the_store(store: Store) -> None:
    _, calendar = connected(store)

    with pytest.raises(Exception, match=r"UNIQUE constraint failed|UniqueViolation 23505 uq_events") as caught:
        sync(store, calendar, [add(MARK), add(MARK)])

    assert not isinstance(caught.value, StoreError)
    assert MARK not in "".join(traceback.format_exception(caught.value))


# --- more than one at a time ----------------------------------------------------------------------------------------

WRITER = """
import sys
from calsignal.store import open_store
from store.samples import add, connected, sync

url, name = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
with open_store(url) as store:
    _, calendar = connected(store, name)
    for hour in range(20):
        sync(store, calendar, [add(f"{hour} {number}") for number in range(20)], hours=hour)
print("done", flush=True)
"""


def test_processes_that_write_at_once_lose_nothing(url: str) -> None:
    names = ["google:a", "google:b", "google:c"]

    with script(WRITER, url, names[0]) as a, script(WRITER, url, names[1]) as b, script(WRITER, url, names[2]) as c:
        assert [said_by(process) for process in (a, b, c)] == ["ready"] * 3
        for process in (a, b, c):
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        assert [said_by(process) for process in (a, b, c)] == ["done"] * 3

    with open_store(url) as store:
        found = [copy.calendar.removesuffix("/primary") for copy in store.history(at(99))]
        assert {name: found.count(name) for name in names} == dict.fromkeys(names, 400)


def test_threads_that_write_one_calendar_at_once_lose_nothing(store: Store) -> None:
    _, calendar = connected(store)
    sync(store, calendar)
    barrier = threading.Barrier(4)
    failed: list[BaseException] = []

    def write(number: int) -> None:
        barrier.wait()
        try:
            with store.writing(calendar) as pen:
                pen.apply([add(f"event {number}")], seen_at=at(1 + number), not_before=None, baseline=False)
                pen.finish("cursor", "question", at(99), at(99), baseline=False)
        except Outrun as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # the first ends at hour 99, so that each of the others is told that it was outrun
    assert len(failed) == 3
    assert len(store.history(at(100))) == 1


def test_a_reader_sees_one_state_while_another_writes(url: str, store: Store) -> None:
    _, calendar = connected(store)
    sync(store, calendar, [add("call")])

    with open_store(url) as other, store.writing(calendar) as pen:
        pen.apply([add("new")], seen_at=at(1), not_before=None, baseline=False)
        before = [copy.event for copy in other.history(at(9))]
        pen.finish("cursor", "question", at(1), at(1), baseline=False)

    assert before == ["call"]
    assert [copy.event for copy in store.history(at(9))] == ["call", "new"]


HALF_WAY = """
import sys
from calsignal.ledger import Erase, Supersede
from calsignal.store import open_store
from store.samples import add, at, row, state

def actions(rows):
    yield Erase(rows["erased"].row)
    yield Supersede(rows["moved"].row, state(start=99))
    yield from (add(f"event {number}") for number in range(10_000))
    print("half", flush=True)
    sys.stdin.readline()

with open_store(sys.argv[1]) as store:
    (calendar,) = store.calendars(store.connections()[0])
    if sys.argv[1].startswith("sqlite"):
        with store._database.reading() as conn:
            conn.exec_driver_sql("PRAGMA cache_size = 10")  # so that the half is in the files
    with store.writing(calendar) as pen:
        pen.apply(actions(pen.open_copies()), seen_at=at(1), not_before=None, baseline=False)
"""


def test_killing_the_process_in_the_middle_leaves_the_former_state(url: str) -> None:
    with open_store(url) as store:
        _, calendar = connected(store)
        sync(store, calendar, [add("erased"), add("moved")])
        before = store.history(at(9))

    with script(HALF_WAY, url) as process:
        assert said_by(process) == "half"
        half = file_of(url).with_name("store.db-wal").stat().st_size if is_sqlite(url) else None
        process.kill()
        process.wait()

    assert half is None or half > 1_000_000
    with open_store(url) as store:
        assert store.history(at(9)) == before
        sync(store, calendar, [add("next")], hours=1)
        assert [copy.event for copy in store.history(at(9))] == ["erased", "moved", "next"]
    assert_sound(url)


AGAIN_AND_AGAIN = """
import itertools, sys
from calsignal.store import open_store
from store.samples import add, sync

with open_store(sys.argv[1]) as store:
    (calendar,) = store.calendars(store.connections()[0])
    for hour in itertools.count():
        sync(store, calendar, [add(f"{hour:05} {number}") for number in range(10)], hours=hour)
        print(hour, flush=True)
"""


@pytest.mark.parametrize(
    ("backend", "syncs"), [("sqlite", 1), ("sqlite", 4), ("sqlite", 9), ("postgresql", 4)], indirect=["backend"]
)
def test_killing_the_process_at_any_moment_loses_no_finished_sync_and_keeps_no_half(url: str, syncs: int) -> None:
    with open_store(url) as store:
        connected(store)

    with script(AGAIN_AND_AGAIN, url) as process:
        said = [said_by(process) for _ in range(syncs)]
        process.kill()
        process.wait()

    with open_store(url) as store:
        (found,) = store.calendars(store.connections()[0])
        assert found.last_synced is not None
        finished = 1 + int((found.last_synced - at(0)).total_seconds()) // 3600
        assert finished >= len(said)
        assert len(store.history(at(99_999))) == 10 * finished
        assert found.cursor == f"cursor {finished - 1}"
    assert_sound(url)


def assert_sound(url: str) -> None:
    if is_sqlite(url):
        assert execute(url, "PRAGMA integrity_check") == [("ok",)]
        assert execute(url, "PRAGMA foreign_key_check") == []


# --- what is left of what was erased --------------------------------------------------------------------------------


def test_nothing_is_left_of_an_erased_event(url: str) -> None:
    marked = replace(ZOE, person=f"key {MARK}", email=f"{MARK}@other.example")
    with open_store(url) as store:
        _, calendar = connected(store)
        secret = replace(state(REP, marked), recurrence=f"RULE {MARK}")
        sync(store, calendar, [add("secret", secret, subject=MARK), *(add(f"event {n}") for n in range(300))])
        sync(store, calendar, [Retitle(row(store, calendar, "secret"), f"{MARK} again")], hours=1)
        moved = replace(secret, slot=state(start=9).slot)
        sync(store, calendar, [Supersede(row(store, calendar, "secret"), moved)], hours=2)
    assert MARK.encode() in everything(url)

    with open_store(url) as store:
        sync(store, calendar, [Erase(row(store, calendar, "secret"))], hours=3)

    assert MARK.encode() not in everything(url)


def test_nothing_is_left_of_dropped_subjects_and_addresses(url: str) -> None:
    with open_store(url) as store:
        _, calendar = connected(store)
        known = replace(BOB, email=f"{MARK}@buyer.example")
        sync(store, calendar, [add("call", state(REP, known), subject=MARK), add("other", subject=MARK)])
        sync(store, calendar, [Retitle(row(store, calendar, "other"), None)], hours=1)
        store.forget_addresses(lambda *_who: False)
        store.forget_subjects(lambda *_who: False)

    assert MARK.encode() not in everything(url)


def test_nothing_is_left_of_an_erased_connection(url: str) -> None:
    with open_store(url) as store:
        _, calendar = connected(store)
        sync(store, calendar, [add(f"event {number}", subject=f"{MARK} {number}") for number in range(300)])

    with open_store(url) as store:
        store.erase_connection("google:rep")

    assert MARK.encode() not in everything(url)


def crowded(store: Store) -> None:
    """Fill pages with subjects of many lengths, then drop two of three: SQLite merges what is left on each page."""
    _, calendar = connected(store)
    dice = random.Random(1)
    met = [BOB if number % 3 == 0 else ZOE for number in range(200)]
    titles = [f"{'kept' if who is BOB else MARK} {'x' * dice.randrange(301)}" for who in met]
    sync(store, calendar, [add(f"{n:03}", state(REP, met[n]), subject=title) for n, title in enumerate(titles)])
    store.forget_subjects(lambda *who: who[0] == BOB.person)


@on_sqlite
def test_nothing_is_left_on_pages_that_were_merged(url: str) -> None:
    with open_store(url) as store:
        crowded(store)

    left = everything(url)
    assert MARK.encode() not in left
    assert left.count(b"kept ") == 67


@on_sqlite
def test_what_could_not_be_swept_is_swept_by_the_next_that_writes(url: str) -> None:
    with open_store(url, busy_seconds=0) as store:
        crowded(store)
        other = sqlite3.connect(file_of(url), isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
    other.close()
    assert MARK.encode() in everything(url)

    with open_store(url) as store:
        store.remember("note", "anything")

    assert MARK.encode() not in everything(url)


def test_a_store_is_swept_once(url: str) -> None:
    with open_store(url) as store:
        crowded(store)

    mark = "PRAGMA user_version" if is_sqlite(url) else "SELECT count(*) FROM meta WHERE key = 'erasures'"
    assert execute(url, mark) == [(0,)]


@on_sqlite
def test_closing_leaves_no_write_ahead_log_even_while_another_reads(url: str) -> None:
    with open_store(url) as reader:
        with open_store(url) as store:
            store.remember("note", MARK)
            store.remember("note", "nothing")
        assert MARK.encode() not in everything(url)
        assert reader.recall("note") == "nothing"
