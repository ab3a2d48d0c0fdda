"""Connections and calendars, and how they stood at a moment."""

from __future__ import annotations

from datetime import timedelta

import pytest

from calsignal.errors import InputError
from calsignal.model import Absence, ConnectionState
from calsignal.store import Erased, Store
from store.samples import BOB, REP, T0, ZOE, add, at, connected, state, sync

DAY = timedelta(days=1)


def stood(store: Store, hours: float) -> ConnectionState:
    (found,) = store.connection_states(at(hours), DAY)
    return found


def test_connecting_again_replaces_the_settings_and_ends_the_retirement(store: Store) -> None:
    first, _ = connected(store)
    store.retire("google:rep", at(1))

    again = store.connect("google:rep", "google", "new@ours.example", {"a": "b"}, at(2))

    assert store.connections() == (again,)
    assert (again.id, again.connected_at, again.retired_at) == (first.id, T0, None)
    assert (again.mailbox, again.settings) == ("new@ours.example", {"a": "b"})


def test_a_name_belongs_to_one_provider(store: Store) -> None:
    connected(store)

    with pytest.raises(InputError, match="already the name of a google connection"):
        store.connect("google:rep", "ics", "rep@ours.example", {}, T0)


def test_retiring_keeps_the_first_end(store: Store) -> None:
    connected(store)

    store.retire("google:rep", at(1))
    store.retire("google:rep", at(2))

    assert store.connections()[0].retired_at == at(1)


def test_an_unknown_connection_is_named(store: Store) -> None:
    with pytest.raises(InputError, match="there is no connection nobody"):
        store.retire("nobody", at(1))
    with pytest.raises(InputError, match="there is no connection nobody"):
        store.erase_connection("nobody")


def test_a_calendar_is_known_once_and_keeps_its_present_name(store: Store) -> None:
    connection, calendar = connected(store)

    same = store.calendar(connection, "primary", "Calendar of the rep", at(3))
    renamed = store.calendar(connection, "primary", "Renamed", at(3))

    assert same == calendar
    assert (renamed.id, renamed.name, renamed.connection) == (calendar.id, "Renamed", "google:rep")
    assert store.calendars(connection) == (renamed,)


def test_a_calendar_listed_again_is_not_retired_any_more(store: Store) -> None:
    connection, calendar = connected(store)
    store.retire_calendar(calendar, at(1))
    store.retire_calendar(calendar, at(2))

    retired = store.calendars(connection)[0].retired_at
    again = store.calendar(connection, "primary", "Calendar of the rep", at(3))

    assert retired == at(1)
    assert again.retired_at is None


def test_erasing_a_connection_leaves_the_others_alone_and_counts(store: Store) -> None:
    _, calendar = connected(store)
    _, other = connected(store, "ics:rep")
    sync(store, calendar, [add("one", state(REP, ZOE)), add("two")])
    sync(store, other, [add("one", state(REP, BOB))])

    erased = store.erase_connection("google:rep")

    assert erased == Erased(calendars=1, events=2, versions=2, people=1)
    assert [(copy.calendar, copy.event) for copy in store.history(at(1))] == [("ics:rep/primary", "one")]
    assert [who for who, _, _ in store.people()] == [BOB.person, REP.person]
    assert [one.name for one in store.connections()] == ["ics:rep"]


def test_a_retired_connection_ends_its_copies_from_then_on(store: Store) -> None:
    _, calendar = connected(store)
    sync(store, calendar, [add("call")])

    store.retire("google:rep", at(2))

    assert store.history(at(1))[0].absences == ()
    assert store.history(at(2))[0].absences == (Absence(at(2)),)


def test_a_retired_calendar_ends_its_copies_from_then_on(store: Store) -> None:
    _, calendar = connected(store)
    sync(store, calendar, [add("call")])

    store.retire_calendar(calendar, at(2))

    assert store.history(at(1))[0].absences == ()
    assert store.history(at(2))[0].absences == (Absence(at(2)),)


def test_connecting_again_leaves_what_was_so_meanwhile(store: Store) -> None:
    _, calendar = connected(store)
    sync(store, calendar, [add("call")])
    store.retire("google:rep", at(2))

    store.connect("google:rep", "google", "rep@ours.example", {}, at(4))
    sync(store, calendar, [], hours=5)

    assert store.history(at(3))[0].absences == (Absence(at(2)),)
    assert store.history(at(5))[0].absences == (Absence(at(2), at(5)),)
    assert stood(store, 3).retired_at == at(2)
    assert stood(store, 4).retired_at is None


def test_what_a_calendar_says_is_not_known_until_it_is_read_again(store: Store) -> None:
    _, calendar = connected(store)
    sync(store, calendar, [add("call")])
    store.retire("google:rep", at(2))

    store.connect("google:rep", "google", "rep@ours.example", {}, at(4))

    assert store.history(at(4))[0].absences == (Absence(at(2)),)


def test_a_calendar_listed_again_leaves_what_was_so_meanwhile(store: Store) -> None:
    connection, calendar = connected(store)
    sync(store, calendar, [add("call")])
    store.retire_calendar(calendar, at(2))

    again = store.calendar(connection, "primary", "Calendar of the rep", at(4))
    sync(store, again, [], hours=5)
    store.retire_calendar(calendar, at(6))

    assert store.history(at(3))[0].absences == (Absence(at(2)),)
    assert store.history(at(7))[0].absences == (Absence(at(2), at(5)), Absence(at(6)))


def test_a_connection_is_unknown_before_it_was_connected(store: Store) -> None:
    connected(store)

    assert store.connection_states(at(-1), DAY) == ()
    assert [one.name for one in store.connection_states(at(0), DAY)] == ["google:rep"]


def test_a_connection_never_synced_is_stale(store: Store) -> None:
    connected(store)

    assert stood(store, 0) == ConnectionState("google:rep", "google", "rep@ours.example", None, stale=True)


def test_a_connection_is_fresh_until_stale_after_has_passed(store: Store) -> None:
    _, calendar = connected(store)

    sync(store, calendar, hours=1)

    assert (stood(store, 25).stale, stood(store, 25).last_synced) == (False, at(1))
    assert stood(store, 25.1).stale
    assert stood(store, 0.5).last_synced is None


def test_one_calendar_unread_makes_the_connection_stale_and_no_fresher_than_that(store: Store) -> None:
    connection, calendar = connected(store)
    other = store.calendar(connection, "other", "Other", T0)
    sync(store, calendar, hours=0)
    sync(store, other, hours=1)
    sync(store, other, hours=30)

    found = stood(store, 31)

    assert (found.stale, found.last_synced) == (True, at(0))


def test_a_connection_is_read_since_the_first_of_its_calendars_was(store: Store) -> None:
    connection, calendar = connected(store)
    other = store.calendar(connection, "other", "Other", T0)
    store.failed(connection, calendar, at(0), at(0), "it cannot be read")
    sync(store, calendar, hours=1)
    sync(store, other, hours=3)
    sync(store, calendar, hours=5)

    assert [stood(store, hours).first_synced for hours in (0.5, 1, 6)] == [None, at(1), at(1)]


def test_a_calendar_never_tried_by_then_counts_for_nothing(store: Store) -> None:
    connection, calendar = connected(store)
    sync(store, calendar, hours=0)
    other = store.calendar(connection, "other", "Other", T0)
    store.failed(connection, other, at(2), at(2), "it cannot be read")

    assert not stood(store, 1).stale
    assert stood(store, 2).stale


def test_a_retired_calendar_counts_for_nothing(store: Store) -> None:
    connection, calendar = connected(store)
    other = store.calendar(connection, "other", "Other", T0)
    sync(store, calendar, hours=0)
    store.failed(connection, other, at(1), at(1), "it cannot be read")

    store.retire_calendar(other, at(2))

    assert stood(store, 1).problem == "Other: it cannot be read"
    assert (stood(store, 2).problem, stood(store, 2).stale) == (None, False)


def test_the_problem_is_that_of_the_last_attempt_by_then(store: Store) -> None:
    connection, calendar = connected(store)
    store.failed(connection, calendar, at(1), at(1), "the service is down")
    store.failed(connection, calendar, at(2), at(2), "the service is slow")
    sync(store, calendar, hours=3)

    assert [stood(store, hours).problem for hours in (0, 1, 2, 3)] == [
        None,
        "the service is down",
        "the service is slow",
        None,
    ]


def test_what_failed_before_it_was_connected_again_is_a_problem_until_then(store: Store) -> None:
    connection, calendar = connected(store)
    sync(store, calendar, hours=0)
    store.failed(connection, calendar, at(1), at(1), "the service is down")
    store.failed(connection, None, at(2), at(2), "the sign-in was revoked")
    store.connect("google:rep", "google", "rep@ours.example", {}, at(3))
    store.failed(connection, None, at(4), at(4), "the sign-in has ended")
    store.connect("google:rep", "google", "rep@ours.example", {}, at(5))

    assert [stood(store, hours).problem for hours in (1, 2, 3, 4, 5)] == [
        "the service is down",
        "the sign-in was revoked",
        None,
        "the sign-in has ended",
        None,
    ]
    assert (stood(store, 5).last_synced, stood(store, 5).stale) == (at(0), False)
    assert stood(store, 25).stale


def test_connecting_again_lifts_no_hold(store: Store) -> None:
    _, calendar = connected(store)
    store.hold(calendar, "most of what lay ahead had gone", at(1))

    store.connect("google:rep", "google", "rep@ours.example", {}, at(2))

    assert stood(store, 2).problem == "most of what lay ahead had gone"


def test_connecting_one_again_says_nothing_about_the_others(store: Store) -> None:
    connected(store)
    other, _ = connected(store, "ics:rep")
    store.failed(other, None, at(1), at(1), "the feed is gone")

    store.connect("google:rep", "google", "rep@ours.example", {}, at(2))

    assert [one.problem for one in store.connection_states(at(2), DAY)] == [None, "the feed is gone"]


def test_a_connection_that_failed_as_a_whole_says_that_alone_until_a_calendar_is_read(store: Store) -> None:
    connection, calendar = connected(store)
    store.failed(connection, calendar, at(1), at(1), "the calendar is broken")
    store.failed(connection, None, at(2), at(2), "the sign-in was revoked")
    sync(store, calendar, hours=3)

    assert [stood(store, hours).problem for hours in (1, 2, 3)] == [
        "the calendar is broken",
        "the sign-in was revoked",
        None,
    ]


def test_a_connection_that_never_listed_a_calendar_has_its_problem(store: Store) -> None:
    connection = store.connect("google:rep", "google", "rep@ours.example", {}, T0)

    store.failed(connection, None, at(1), at(1), "the sign-in was revoked")

    assert (stood(store, 1).problem, stood(store, 1).stale) == ("the sign-in was revoked", True)


def test_a_hold_is_a_problem_until_the_calendar_is_believed(store: Store) -> None:
    connection, calendar = connected(store)
    sync(store, calendar, hours=0)

    store.hold(calendar, "it lost most of its future events", at(1))
    held = store.calendars(connection)[0]
    sync(store, calendar, hours=2)
    believed = store.calendars(connection)[0]

    assert (held.held, held.cursor) == ("it lost most of its future events", "cursor 0")
    assert believed.held is None
    assert [stood(store, hours).problem for hours in (0, 1, 2)] == [None, "it lost most of its future events", None]


def test_finishing_a_sync_ends_a_hold(store: Store) -> None:
    connection, calendar = connected(store)
    store.hold(calendar, "it lost most of its future events", at(1))

    sync(store, calendar, hours=2)

    assert store.calendars(connection)[0].held is None


def test_a_retired_connection_is_neither_stale_nor_a_problem(store: Store) -> None:
    connection, calendar = connected(store)
    store.failed(connection, calendar, at(1), at(1), "the service is down")

    store.retire("google:rep", at(2))

    found = stood(store, 99)
    assert (found.stale, found.problem, found.retired_at) == (False, None, at(2))
    assert stood(store, 1).retired_at is None


def test_a_fact_is_remembered_until_another_takes_its_place(store: Store) -> None:
    store.remember("answer", "41")
    store.remember("answer", "42")

    assert store.recall("answer") == "42"
    assert store.recall("question") is None
