"""A person or a domain that was forgotten is in no byte of the store, past and future, and nothing else has changed."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

import postgres
from calsignal.bans import Bans, Target, mark, speaks_of
from calsignal.contract import Attendee, Event
from calsignal.ledger import person_key
from calsignal.model import Account, Answer, ChangeKind, Copy, Role
from calsignal.store import Outdated, open_store
from calsignal.store.forgetting import Forgot, search_columns, text_columns
from calsignal.team import forget_strangers, team_directory
from databases import everything, file_of, rows
from fake_provider import EPOCH
from remote_world import ANN, OTHER, REP, World, event, weekly

ZOE, BOB, SUB = "zoe@big.example", "bob@acme.example", "cy@mail.acme.example"
KEY = b"key"


def target(*words: str) -> Target:
    if "@" not in words[0]:
        return Target(words, is_domain=True)
    return Target(words, keys=frozenset(person_key(KEY, word) for word in words))


def forget(world: World, *words: str) -> Forgot:
    directory = team_directory(world.store, world.settings)
    found = world.store.forget(
        target(*words),
        lambda *who: directory.who_is(*who).role in (Role.BUYER, Role.THIRD_PARTY),
        world.clock(),
        {mark(KEY, word): "@" not in word for word in words},
    )
    forget_strangers(world.store, world.settings)
    return found


def raw(world: World) -> bytes:
    """Return every byte of the store: the file with its free pages, and the log beside it."""
    return everything(world.url).lower()


def others(*addresses: str) -> tuple[Attendee, ...]:
    return tuple(Attendee(address, Answer.ACCEPTED) for address in addresses)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    path = tmp_path / "store.db"
    with open_store(f"sqlite:///{path}") as store:
        store.add_account(Account("Acme", ("acme.example",)))
        store.add_account(Account("Big", ("big.example",)))
        yield World(store, f"sqlite:///{path}")


# --- a person ---------------------------------------------------------------------------------------------------------


def test_a_forgotten_person_is_in_no_byte_of_the_store(world: World) -> None:
    remote = world.remote()
    remote.put(
        event("alone", subject="Quarterly numbers"),
        event("both", 4, attendees=others(ANN, ZOE), subject="Ann and Zoe: the plan"),
        weekly("series", attendees=others(ZOE, ANN), organizer=ANN),
        event("stranger", 5, attendees=others("q@elsewhere.example", ANN)),
    )
    world.sync()
    remote.put(event("alone", 6, Answer.ACCEPTED), event("both", 8, attendees=others(ANN, ZOE), subject="Plan of Ann"))
    world.next_day()
    key = person_key(KEY, ANN).encode()
    assert ANN.encode() in raw(world)
    assert key in raw(world)

    gone = forget(world, ANN)

    assert world.store.search(target(ANN), gone.keys).found == ()
    left = raw(world)
    assert [word for word in (ANN.encode(), key, b"quarterly", b"ann and zoe", b"plan of ann") if word in left] == []
    assert {copy.event for copy in world.copies()} == {"both", "series", "stranger"}
    assert (gone.people, gone.events, gone.left, gone.subjects) == (1, 1, 3, 1)


def test_the_others_of_a_meeting_stay_and_nobody_is_said_to_have_been_removed(world: World) -> None:
    remote = world.remote()
    remote.put(event("both", 4, attendees=others(ZOE)))
    world.sync()
    remote.put(event("both", 4, attendees=others(ANN, ZOE)))
    world.next_day()
    remote.put(event("both", 9, attendees=others(ANN, ZOE)))
    world.next_day()
    assert [len(copy.versions) for copy in world.copies()] == [3]

    forget(world, ANN)
    world.next_day()

    assert world.changes("Big") == [ChangeKind.MOVED]
    (copy,) = world.copies()
    assert [[p.email for p in v.state.people] for v in copy.versions] == [sorted([REP, ZOE], key=_key)] * 2


def _key(address: str) -> str:
    return person_key(KEY, address)


def test_no_sync_brings_a_forgotten_person_back(world: World) -> None:
    remote = world.remote()
    remote.put(event("alone"), event("both", 4, attendees=others(ANN, ZOE)))
    world.sync()
    forget(world, ANN)

    remote.put(
        event("alone", 7),
        event("both", 9, attendees=others("MAILTO:Ann+tag@ACME.example", ZOE), organizer=ANN, subject="Ask Ann"),
        event("new", 8),
        replace(event("named", 8, attendees=others(ZOE)), uid=f"{ANN}-4711"),
    )
    world.next_day()

    assert [copy.event for copy in world.copies()] == ["both"]
    assert world.copies()[0].versions[-1].state.organizer is None
    assert world.copies()[0].subject == ""
    assert world.store.search(target(ANN), {person_key(KEY, ANN)}).found == ()
    assert ANN.encode() not in raw(world)


def test_what_only_the_hash_is_known_of_is_found_too(world: World) -> None:
    stranger = "q@elsewhere.example"
    world.remote().put(event("stranger", attendees=others(stranger)), event("two", attendees=others(stranger, ZOE)))
    world.sync()
    assert stranger.encode() not in raw(world)
    assert person_key(KEY, stranger).encode() in raw(world)

    gone = forget(world, stranger)

    assert gone.people == 1
    assert [copy.event for copy in world.copies()] == ["two"]
    assert world.store.search(target(stranger), gone.keys).found == ()


def test_an_alias_is_the_same_person(world: World) -> None:
    alias = "ann.plum@acme.example"
    world.remote().put(event("a"), event("b", attendees=others(alias)), event("c", attendees=others(BOB)))
    world.sync()

    gone = forget(world, ANN, alias)

    assert gone.people == 2
    assert [copy.event for copy in world.copies()] == ["c"]


def test_a_rep_leaves_with_the_calendar_and_stays_out_of_the_others(world: World) -> None:
    world.remote().put(event("mine"), event("shared", attendees=others(ANN, OTHER)))
    world.remote(OTHER).put(event("shared", attendees=others(ANN, OTHER)), event("theirs", organizer=OTHER))
    world.sync()

    gone = forget(world, REP)

    assert gone.connections == (f"fake:{REP}",)
    assert {(c.mailbox, c.event) for c in world.copies()} == {(OTHER, "shared"), (OTHER, "theirs")}
    assert world.store.search(target(REP), gone.keys).found == ()
    world.next_day()
    assert REP.encode() not in raw(world)


def test_accounts_and_deals_lose_them_too(tmp_path: Path, world: World) -> None:
    acme = Account("Acme", ("acme.example",), owner=REP, key_players={ANN: person_key(KEY, ANN)})
    private = Account("Ann", addresses={"ann@home.example": person_key(KEY, "ann@home.example")})
    world.store.save_accounts([acme, private])

    first, second = forget(world, ANN), forget(world, "ann@home.example")

    assert (first.entries, first.accounts) == (1, ())
    assert second.accounts == ("Ann",)
    assert [account.key_players for account in world.store.accounts()] == [{}, {}]
    assert forget(world, REP).entries == 1
    assert [account.owner for account in world.store.accounts()] == [None, None]


# --- a domain ---------------------------------------------------------------------------------------------------------


def test_a_forgotten_domain_takes_what_is_below_it_and_no_namesake(world: World) -> None:
    remote = world.remote()
    remote.put(
        event("a"),
        event("b", attendees=others(SUB)),
        event("c", attendees=others(BOB, ZOE), subject="ACME and Big"),
        event("d", attendees=others("x@notacme.example")),
        event("e", attendees=others("x@acme.example.org")),
    )
    world.sync()

    gone = forget(world, "acme.example")
    found = world.store.search(target("acme.example"), gone.keys)

    assert found.found == ()
    assert gone.accounts == ("Acme",)
    assert (gone.people, gone.events, gone.left, gone.subjects) == (3, 2, 1, 1)
    assert {copy.event for copy in world.copies()} == {"c", "d", "e"}
    assert re.search(rb"(?<!not)acme\.example(?!\.org)", raw(world)) is None
    remote.put(event("f", attendees=others("new@eu.acme.example")), event("c", 6, attendees=others(BOB, SUB, ZOE)))
    world.next_day()
    assert {copy.event for copy in world.copies()} == {"c", "d", "e"}
    assert world.store.search(target("acme.example"), gone.keys).found == ()


# --- the law ----------------------------------------------------------------------------------------------------------

DAY = st.fixed_dictionaries(
    {
        "moved": st.integers(0, 3),
        "ann": st.sampled_from([None, *Answer]),
        "leads": st.booleans(),
        "zoe": st.sampled_from([Answer.NONE, Answer.ACCEPTED, Answer.DECLINED]),
        "there": st.booleans(),
        "series": st.booleans(),
    }
)


def said(uid: str, day: dict[str, object], *, with_zoe: bool) -> Event:
    make = weekly if day["series"] and uid == "b" else event
    people = [Attendee(REP), Attendee(ANN, day["ann"])] if day["ann"] is not None else [Attendee(REP)]  # type: ignore[arg-type]
    people += [Attendee(ZOE, day["zoe"])] if with_zoe else []  # type: ignore[arg-type]
    leads = ANN if day["leads"] and day["ann"] is not None else REP
    return make(uid, 20 + int(str(day["moved"])), attendees=tuple(people), organizer=leads, subject="Sample")


@settings(max_examples=12, deadline=None)
@given(st.lists(st.fixed_dictionaries({"a": DAY, "b": DAY, "c": DAY}), min_size=1, max_size=4))
def test_who_is_forgotten_might_as_well_never_have_been(days: Sequence[dict[str, dict[str, object]]]) -> None:
    lives: list[list[Copy]] = []
    for forgotten_from_the_start in (True, False):
        with tempfile.TemporaryDirectory() as folder, open_store(Path(folder) / "store.db") as store:
            store.add_account(Account("Big", ("big.example",)))
            world = World(store, f"sqlite:///{folder}/store.db")
            remote = world.remote()
            if forgotten_from_the_start:
                forget(world, ANN)
            else:
                world.clock()
            for day in days:
                for uid, what in day.items():
                    if what["there"]:
                        remote.put(said(uid, what, with_zoe=uid != "a"))
                    else:
                        remote.drop(uid)
                world.next_day()
            if not forgotten_from_the_start:
                forget(world, ANN)
            after = [*world.copies()]
            world.next_day()
            assert [c.versions for c in world.copies()] == [c.versions for c in after]
            assert ChangeKind.PERSON_REMOVED not in world.changes("Big")
            lives.append(after)

    assert lives[0] == lives[1]


# --- the proof, and what else -----------------------------------------------------------------------------------------


def test_the_search_sees_every_column_of_text(world: World) -> None:
    """Whatever a later version writes somewhere, the proof would find."""
    roomy = {column: getattr(column.type, "length", None) for column in text_columns()}
    roomy = {column: length for column, length in roomy.items() if length is None or length >= 32}
    assert len(roomy) > 40

    for column, length in roomy.items():
        text = ANN if length is None else person_key(KEY, ANN)
        with world.store._database.writing() as conn:
            row = {c.name: _filler(c) for c in column.table.columns if not c.nullable and c.name != "id"}
            conn.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
            conn.execute(sa.insert(column.table).values({**row, column.name: text}))
            found, _ = search_columns(conn, target(ANN), {person_key(KEY, ANN)})
            conn.rollback()
        assert found.found == (f"{column.table.name}.{column.name}",)


def _filler(column: sa.Column[object]) -> object:
    if "Utc" in type(column.type).__name__:
        return EPOCH
    if isinstance(column.type, sa.Boolean):
        return False
    if isinstance(column.type, sa.LargeBinary):
        return b"x"
    return "x" if isinstance(getattr(column.type, "impl", column.type), sa.String) else 7


def test_an_address_in_bytes_that_are_no_column_is_found(world: World) -> None:
    world.remote().put(event("a", attendees=others("joann@acme.example", ZOE)))
    world.sync()
    gone = forget(world, ANN)
    assert world.store.search(target(ANN), gone.keys).found == ()

    (file_of(world.url).parent / "store.db-journal").write_bytes(b"\0" * 5000 + b"Ann+x@ACME.example")

    assert world.store.search(target(ANN), gone.keys).found == ("the bytes of store.db-journal",)
    assert world.store.search(target(ANN), gone.keys).size > 5000


def test_a_sync_that_began_before_writes_nothing_of_them(world: World) -> None:
    connection = world.store.connect("fake:rep", "fake", REP, {}, world.clock())
    calendar = world.store.calendar(connection, "primary", "Calendar", world.clock())
    before = world.store.forgotten()
    forget(world, ANN)

    with pytest.raises(Outdated, match="somebody was forgotten"), world.store.writing(calendar) as pen:
        pen.must_know(before)


def test_a_ban_that_is_lifted_lets_them_be_named_again(world: World) -> None:
    world.remote().put(event("a"))
    world.sync()
    forget(world, ANN)
    assert len(world.store.forgotten()) == 1

    lifted = world.store.lift([mark(KEY, ANN)])
    world.remote().put(event("b", 5))
    world.next_day()

    assert (lifted, dict(world.store.forgotten())) == (1, {})
    assert {copy.event for copy in world.copies()} == {"a", "b"}


def test_the_list_holds_nothing_that_tells_who_is_on_it(world: World) -> None:
    forget(world, ANN)
    forget(world, "acme.example")

    assert sorted(world.store.forgotten().values()) == [False, True]
    assert not set(world.store.forgotten()) & {person_key(KEY, ANN), person_key(KEY, "acme.example")}
    assert world.store.search(target("acme.example"), set()).found == ()
    assert b"acme" not in raw(world)


@pytest.mark.parametrize(
    ("subject", "word", "named"),
    [
        ("Lunch with ANN Plum", "ann.plum@acme.example", True),
        ("Annual review", "ann@acme.example", False),
        ("Acme kickoff", "acme.co.uk", True),
        ("AB sync", "ab@acme.example", False),
    ],
)
def test_a_subject_speaks_of_somebody_by_a_word_of_the_address(subject: str, word: str, named: bool) -> None:
    assert speaks_of(subject, word) is named


def test_what_is_masked_is_the_banned_address_alone() -> None:
    bans = Bans({mark(KEY, ANN): False, mark(KEY, "big.example"): True}, KEY)

    assert bans.masked(f"of {ANN}, joann@acme.example and eu.big.example") == "of …, joann@acme.example and …"
    assert Bans().masked(ANN) == ANN
    assert "key" not in repr(bans)


def test_an_event_whose_own_name_is_an_address_is_not_kept_at_all() -> None:
    bans = Bans({mark(KEY, ANN): False}, KEY)

    assert bans.strip(replace(event("x", attendees=others(ZOE)), uid=f"{ANN}-20260302")) == (None, False)
    stripped, nameable = bans.strip(event("x", attendees=others(ANN, ZOE), subject="Sample"))
    assert (stripped and [a.address for a in stripped.attendees], nameable) == ([ZOE], True)


# --- postgresql -------------------------------------------------------------------------------------------------------


def test_on_postgresql_nothing_is_left_in_any_table(postgresql: postgres.Server) -> None:
    with postgresql.database() as url, open_store(url) as store:
        store.add_account(Account("Acme", ("acme.example",)))
        store.add_account(Account("Big", ("big.example",)))
        world = World(store, url)
        world.remote().put(event("a"), event("b", attendees=others(ANN, ZOE)), event("c", attendees=others(SUB)))
        world.sync()
        world.remote().put(event("b", 5, attendees=others(ANN, ZOE), subject="Ann"))
        world.next_day()

        gone = forget(world, ANN)
        found = store.search(target(ANN), gone.keys)
        domain = forget(world, "acme.example")
        world.next_day()

        assert (found.found, found.size) == ((), 0)
        assert store.search(target("acme.example"), domain.keys).found == ()
        assert [copy.event for copy in world.copies()] == ["b"]
        engine = sa.create_engine(url)
        with engine.connect() as conn:
            files = conn.exec_driver_sql("SELECT pg_relation_filepath(oid) FROM pg_class WHERE relname = 'people'")
            place = Path(str(conn.exec_driver_sql("SHOW data_directory").scalar())) / str(files.scalar())
            conn.exec_driver_sql("CHECKPOINT")
        assert "acme" not in " ".join(rows(url))
        if place.is_file():  # a server of our own, on this machine
            assert b"big.example" in place.read_bytes()
            assert b"acme" not in place.read_bytes()
        engine.dispose()


def test_on_postgresql_a_table_of_somebody_else_is_told(tmp_path: Path) -> None:
    if (why := postgres.missing()) is not None:
        pytest.skip(why)
    with postgres.server() as server, server.database() as url:
        open_store(url).close()
        engine = sa.create_engine(url)
        with engine.begin() as conn:
            conn.exec_driver_sql("CREATE ROLE calsignal_sample LOGIN")
            conn.exec_driver_sql("GRANT ALL ON ALL TABLES IN SCHEMA public TO calsignal_sample")
            conn.exec_driver_sql("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO calsignal_sample")
        try:
            theirs = sa.make_url(url).set(username="calsignal_sample").render_as_string(hide_password=False)
            with open_store(theirs) as store:
                found = store.search(target(ANN), set())
        finally:
            with engine.begin() as conn:
                conn.exec_driver_sql("DROP OWNED BY calsignal_sample")
                conn.exec_driver_sql("DROP ROLE calsignal_sample")
            engine.dispose()

    assert found.found == ("what was erased lies on pages that could not be rewritten now",)
