"""A server: several at once, odd settings, words that it does not take, and what it says when something fails."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import Enum

import pytest
import sqlalchemy as sa

import postgres
from calsignal import model
from calsignal.contract import Page
from calsignal.errors import InputError, StoreError
from calsignal.ledger import YEARS, Add, Erase, Supersede
from calsignal.model import Account, Slot, moment_key
from calsignal.store import Outrun, ReadOnly, Store, open_store, writing
from calsignal.store import postgresql as particular
from databases import everything, execute, rows
from remote_world import World, event
from store.samples import BOB, REP, ZOE, add, at, connected, person, row, state, sync

MARK = "Operation Nightingale"
on_server = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)


def at_once(*works: Callable[[], object]) -> list[BaseException]:
    """Do some things side by side, from one moment on; return what was raised."""
    barrier = threading.Barrier(len(works))
    failed: list[BaseException] = []

    def do(work: Callable[[], object]) -> None:
        barrier.wait()
        try:
            work()
        except BaseException as error:  # noqa: BLE001  # whatever it is, it is told
            failed.append(error)

    threads = [threading.Thread(target=do, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failed


# --- several at once ------------------------------------------------------------------------------------------------


def test_a_reader_sees_one_state_though_another_commits_meanwhile(url: str, store: Store) -> None:
    _, calendar = connected(store)
    count = sa.text("SELECT count(*) FROM events")

    with open_store(url) as other, other._database.reading() as conn:
        before = conn.scalar(count)
        sync(store, calendar, [add("call")])
        meanwhile = conn.scalar(count)

    assert (before, meanwhile) == (0, 0)
    assert len(store.history(at(9))) == 1


@on_server
def test_a_report_cannot_write(store: Store) -> None:
    with pytest.raises(ReadOnly, match="may only be read"), store._database.reading() as conn:
        conn.execute(sa.text("DELETE FROM people"))


def test_the_slower_of_two_syncs_of_one_calendar_is_told(url: str, store: Store) -> None:
    _, calendar = connected(store)
    sync(store, calendar, [add("call")])
    waiting = threading.Event()
    outcomes: list[str] = []

    def rival() -> None:
        with open_store(url) as other:
            waiting.set()
            with other.writing(calendar) as pen:  # waits until the first has written
                outcomes.append(f"known {sorted(pen.open_copies())}")
                pen.apply([add("late")], seen_at=at(1), not_before=None, baseline=False)

    with store.writing(calendar) as pen:
        thread = threading.Thread(target=lambda: outcomes.append(str(at_once(rival))))
        thread.start()
        waiting.wait()
        pen.apply([add("early")], seen_at=at(2), not_before=None, baseline=False)
        pen.finish("cursor", "question", at(2), at(2), baseline=False)
    thread.join()

    assert outcomes == ["known ['call', 'early']", str([Outrun()])]
    assert [copy.event for copy in store.history(at(9))] == ["call", "early"]


def test_syncs_that_meet_and_erase_the_same_people_do_not_get_stuck(url: str) -> None:
    people = [person(f"guest {number}") for number in range(20)]
    rounds = 8

    def work(name: str) -> None:
        dice = random.Random(name)
        with open_store(url) as store:
            _, calendar = connected(store, name)
            for hour in range(rounds):
                known = store.open_copies(calendar)
                erased = [Erase(copy.row) for copy in known.values()]
                met = [state(REP, *dice.sample(people, 10)) for _ in range(4)]
                added = [add(f"{hour} {number}", one) for number, one in enumerate(met)]
                sync(store, calendar, [*erased, *added], hours=hour)

    failed = at_once(*(lambda name=name: work(name) for name in ("google:a", "google:b", "google:c")))

    assert failed == []
    with open_store(url) as store:
        copies = store.history(at(99))
        shown = {p.person for copy in copies for p in copy.versions[-1].state.people}
        assert len(copies) == 3 * 4
        assert {who for who, _, _ in store.people()} == shown


def test_two_that_add_the_same_account_at_once_add_it_once(url: str) -> None:
    def work() -> None:
        with open_store(url) as store:
            store.add_account(Account("Acme", ("acme.example",)))

    failed = at_once(work, work)

    assert [(type(error), str(error)) for error in failed] == [(InputError, "there is already an account Acme")]


# --- whatever the server is set to ------------------------------------------------------------------------------------


@on_server
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "America/St_Johns", "<+07>-07"])
def test_a_moment_comes_back_in_utc_whatever_the_zone_of_server_and_session(
    url: str, zone: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PGTZ", zone)
    name = sa.make_url(url).database
    execute(url, f"ALTER DATABASE {name} SET TimeZone = '{zone}'", f"ALTER DATABASE {name} SET DateStyle = 'German'")
    last = datetime(YEARS[-1], 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    first = datetime(YEARS[0], 1, 1, tzinfo=UTC)
    said = replace(state(REP, BOB), slot=Slot(first, last))

    with open_store(url) as store:
        _, calendar = connected(store)
        sync(store, calendar, [add("long", said)])
        (copy,) = store.history(at(1))

    version = copy.versions[0]
    moments = [version.state.slot.start, version.state.slot.end, version.seen_at]
    assert moments == [first, last, at(0)]
    assert caplog.text == ""  # the driver complains of zones that Python does not know
    assert {moment.tzinfo for moment in moments if isinstance(moment, datetime)} == {UTC}


def test_names_are_in_the_same_order_in_every_database(store: Store) -> None:
    names = ["Zebra", "apple", "Ärger", "banana", "a-b", "a b", "ab", "Éclair", "éclair2", "_x", "日本"]
    for name in names:
        store.add_account(Account(name, ()))
        store.connect(f"toy:{name}", "toy", "rep@ours.example", {}, at(0))

    assert [account.name for account in store.accounts()] == sorted(names, key=str.casefold)
    assert [connection.name for connection in store.connections()] == sorted(f"toy:{name}" for name in names)
    assert [one.name for one in store.connection_states(at(1), timedelta(1))] == sorted(f"toy:{n}" for n in names)


def test_a_database_that_cannot_hold_every_text_is_refused(postgresql: postgres.Server) -> None:
    postgresql.run("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")

    with pytest.raises(StoreError, match="is encoded in LATIN1") as caught:
        open_store(postgresql.url_of("latin"))

    postgresql.run("DROP DATABASE latin")
    assert caught.value.hint == "create it with ENCODING UTF8"


def test_a_url_without_a_driver_means_ours(postgresql: postgres.Server) -> None:
    with postgresql.database() as url, open_store(url.replace("postgresql+psycopg:", "postgresql:")) as store:
        assert store.connections() == ()


# --- words and numbers ------------------------------------------------------------------------------------------------

ODD = "a\0b\ud800c"
KEPT = "a\ufffdb\ufffdc"


def test_words_that_no_database_takes_are_replaced_wherever_they_come_in(store: Store) -> None:
    store.add_account(Account(ODD, (ODD,), owner=ODD, addresses={ODD: ODD}, key_players={ODD: ODD}))
    connection = store.connect(ODD, "toy", ODD, {ODD: ODD}, at(0), place=ODD, shares=ODD, roster=ODD)
    calendar = store.calendar(connection, ODD, ODD, at(0))
    store.failed(connection, calendar, at(0), at(0), ODD)
    store.hold(calendar, ODD, at(1))

    (account,) = store.accounts()
    assert account == Account(KEPT, (KEPT,), owner=KEPT, addresses={KEPT: KEPT}, key_players={KEPT: KEPT})
    assert connection.settings == {ODD: ODD}  # as JSON writes it
    assert (connection.name, connection.mailbox, connection.place, connection.roster) == (KEPT,) * 4
    assert [one.held for one in store.calendars(connection)] == [KEPT]
    assert store.connection_states(at(2), timedelta(1))[0].problem == KEPT
    with pytest.raises(InputError, match="there is already an account"):
        store.add_account(Account(ODD, ()))
    store.remove_account(ODD)


def test_every_value_of_ours_fits_its_column() -> None:
    kept = [one for one in vars(model).values() if isinstance(one, type) and issubclass(one, Enum)]
    values = [str(value.value) for one in kept for value in one]

    assert max(map(len, values)) <= 17  # seller_or_unknown and organizer_changed, which are in no column
    assert {value for value in values if len(value) > 16} == {"seller_or_unknown", "organizer_changed"}
    assert len(moment_key(datetime(YEARS[-1], 12, 31, 23, 59, 59, tzinfo=UTC))) == 16


@on_server
def test_a_name_that_no_index_takes_is_a_sentence(store: Store) -> None:
    endless = "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz", k=9000))

    with pytest.raises(StoreError, match="cannot hold a name or an id of such length"):
        store.add_account(Account(endless, ()))

    assert store.accounts() == ()


# --- what a failure means ---------------------------------------------------------------------------------------------


@on_server
@pytest.mark.parametrize(
    ("state", "fact"),
    [
        ("40P01", "was busy with something that could not go together"),
        ("40001", "was busy with something that could not go together"),
        ("55P03", "is in use by another program"),
        ("53100", "cannot grow: the server is out of space"),
        ("53300", "takes no more connections"),
        ("57014", "was interrupted by the server"),
        ("57P01", "was lost: the server went away"),
        ("57P03", "was lost: the server went away"),
        ("25006", "may only be read with this login"),
        ("42501", "may only be read with this login"),
        ("58030", "cannot grow: the server is out of space"),
        ("XX001", "is damaged"),
    ],
)
def test_what_the_server_says_is_told_in_a_sentence(store: Store, state: str, fact: str) -> None:
    with pytest.raises(StoreError, match=fact) as caught, store._database.writing() as conn:
        conn.exec_driver_sql(f"DO $$ BEGIN RAISE EXCEPTION '{MARK}' USING ERRCODE = '{state}'; END $$")

    assert caught.value.hint
    assert MARK not in str(caught.value)
    assert store.connections() == ()


@on_server
def test_a_mistake_of_our_own_names_no_row(store: Store) -> None:
    with pytest.raises(RuntimeError, match="refused a statement: SyntaxError 42601"), store._database.writing() as conn:
        conn.exec_driver_sql("SELEC 1")


def test_a_driver_that_is_not_there_can_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)

    with pytest.raises(StoreError, match=r"no driver for the store postgresql\+psycopg://me:\*\*\*@db") as caught:
        open_store("postgresql://me:s3same@db/team?password=s3same")

    assert "pip install 'calsignal[postgresql]'" in caught.value.hint
    assert "s3same" not in str(caught.value)


@on_server
def test_a_second_writer_is_waited_for_on_a_server(url: str, store: Store) -> None:
    refused = pytest.raises(StoreError, match="is in use by another program")

    with open_store(url, busy_seconds=0) as other, store._database.writing(), refused:
        other.try_writing()


# --- a server that goes away ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mortal() -> Iterator[postgres.Server]:
    """Give a server that may be stopped."""
    with postgres.server() as running:
        yield running


@pytest.mark.parametrize("crash", [False, True], ids=["stopped", "crashed"])
def test_a_server_that_goes_away_in_a_sync_is_a_sentence_and_the_next_one_goes_on(
    mortal: postgres.Server, monkeypatch: pytest.MonkeyPatch, *, crash: bool
) -> None:
    monkeypatch.setattr(writing, "_BATCH", 10)
    with mortal.database() as url, open_store(url) as store:
        _, calendar = connected(store)
        sync(store, calendar, [add("call")])

        def halves() -> Iterator[Add]:
            yield from (add(f"first {number}") for number in range(10))
            mortal.stop(crash=crash)
            yield add("second")

        with pytest.raises(StoreError, match="was lost: the server went away"), store.writing(calendar) as pen:
            pen.apply(halves(), seen_at=at(1), not_before=None, baseline=False)
        with pytest.raises(StoreError, match="cannot be reached") as caught:
            store.accounts()
        mortal.start()

        assert caught.value.hint == "check host and port, that the server runs and lets this machine in"
        assert [copy.event for copy in store.history(at(9))] == ["call"]
        sync(store, calendar, [add("next")], hours=2)
        assert [copy.event for copy in store.history(at(9))] == ["call", "next"]


def test_a_server_that_goes_away_while_a_calendar_is_read_ends_the_sync(
    mortal: postgres.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mortal.database() as url, open_store(url) as store:
        world = World(store, url)
        remote = world.remote()
        remote.put(event())
        world.sync()
        remote.put(event("m2"))
        pages = remote.pages

        def stopping(ids: Sequence[str], *, full: bool) -> Iterator[Page]:
            mortal.stop()
            return pages(ids, full=full)

        monkeypatch.setattr(remote, "pages", stopping)
        with pytest.raises(StoreError, match="cannot be reached"):
            world.next_day()
        mortal.start()
        monkeypatch.undo()

        assert [outcome.problem for outcome in world.next_day()] == [None]
        assert [copy.event for copy in world.copies()] == ["m1", "m2"]


@on_server
def test_a_session_that_the_server_ended_is_replaced(url: str, store: Store) -> None:
    connected(store)
    execute(url, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'calsignal'")

    assert len(store.connections()) == 1


# --- what is left of what was erased ----------------------------------------------------------------------------------

DEAD = "SELECT coalesce(sum(n_dead_tup), 0)::int FROM pg_stat_user_tables"
MARKS = "SELECT count(*) FROM meta WHERE key = 'erasures'"


def erased(store: Store) -> None:
    _, calendar = connected(store)
    sync(store, calendar, [add("secret", state(REP, replace(ZOE, email=f"{MARK}@x")), subject=MARK), add("other")])
    sync(store, calendar, [Supersede(row(store, calendar, "secret"), state(start=9))], hours=1)
    sync(store, calendar, [Erase(row(store, calendar, "secret"))], hours=2)


@on_server
def test_the_rows_of_what_was_erased_are_swept_away_when_the_store_is_closed(url: str) -> None:
    with open_store(url) as store:
        erased(store)
        assert execute(url, MARKS) == [(1,)]

    assert execute(url, MARKS) == [(0,)]
    assert execute(url, "SELECT count(*) > 0 FROM pg_stat_user_tables WHERE vacuum_count > 0") == [(True,)]
    assert MARK.encode() not in everything(url)


@on_server
def test_what_a_report_still_sees_is_swept_by_the_next_that_writes(url: str) -> None:
    with open_store(url) as reader, reader._database.reading() as conn:
        conn.execute(sa.text("SELECT 1"))
        with open_store(url) as store:
            erased(store)
        assert execute(url, MARKS) == [(1,)]

    with open_store(url) as store:
        store.remember("note", "anything")

    assert execute(url, MARKS) == [(0,)]


# --- how it is --------------------------------------------------------------------------------------------------------


@on_server
def test_a_server_tells_its_version_and_cannot_be_asked_for_damage(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    health = store.health()
    monkeypatch.setattr(particular, "OLDEST", 99)
    outdated = store.health()

    assert health.server.startswith("PostgreSQL 1")
    assert (health.sound, health.supported, outdated.supported) == (None, True, False)
    assert 100_000 < health.size < 2_000_000


@on_server
def test_a_command_holds_one_connection(url: str, store: Store) -> None:
    _, calendar = connected(store)
    sync(store, calendar, [add("call")])
    store.history(at(9))

    held = execute(url, "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'calsignal'")

    assert held == [(1,)]
    assert len(rows(url)) > 5
