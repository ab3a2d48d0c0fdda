"""People: who is wanted, who is known, who is forgotten."""

from __future__ import annotations

from dataclasses import replace

from calsignal.ledger import Supersede
from calsignal.model import EventStatus
from calsignal.store import Store
from store.samples import BOB, REP, ZOE, add, at, connected, row, state, subjects, sync


def at_other(_person: str, domain: str, _email: str | None) -> bool:
    return domain == "other.example"


def test_a_history_holds_the_copies_that_ever_showed_a_wanted_person(store: Store) -> None:
    _, calendar = connected(store)
    sync(store, calendar, [add("left", state(REP, ZOE)), add("never"), add("came")], hours=0)
    left, came = row(store, calendar, "left"), row(store, calendar, "came")
    sync(store, calendar, [Supersede(left, state(REP, BOB)), Supersede(came, state(REP, ZOE))], hours=2)

    assert [copy.event for copy in store.history(at(1), at_other)] == ["left"]
    assert [copy.event for copy in store.history(at(2), at_other)] == ["came", "left"]
    assert [len(copy.versions) for copy in store.history(at(2), at_other)] == [2, 2]


def test_a_few_wanted_among_many_are_found_alike(store: Store) -> None:
    _, calendar = connected(store)
    few = [add("wanted", state(REP, ZOE), subject="Wanted")]
    sync(store, calendar, [*few, *(add(f"other {number}") for number in range(9))])

    (copy,) = store.history(at(0), at_other)

    everything = {copy.event: copy for copy in store.history(at(0))}
    assert copy == everything["wanted"]
    assert copy.subject == "Wanted"


def test_nobody_wanted_is_nothing(store: Store) -> None:
    _, calendar = connected(store)
    sync(store, calendar, [add("call")])

    assert store.history(at(0), lambda *_who: False) == ()


def test_people_who_are_alike_are_one_object(store: Store) -> None:
    _, calendar = connected(store)
    sync(store, calendar, [add("one"), add("two")])

    one, two = store.history(at(0))

    assert one.versions[0].state.people[0] is two.versions[0].state.people[0]


def test_events_to_read_again_are_open_and_show_a_wanted_person_without_address(store: Store) -> None:
    _, calendar = connected(store)
    gone = replace(state(REP, ZOE), status=EventStatus.CANCELLED)
    found = [add("b", state(REP, ZOE)), add("a", state(ZOE, BOB)), add("gone", gone), add("known")]
    sync(store, calendar, [*found, add("left", state(REP, ZOE))], hours=0)
    sync(store, calendar, [Supersede(row(store, calendar, "left"), state())], hours=1)

    assert store.unnamed(calendar, at_other) == ("a", "b")
    assert store.unnamed(calendar, lambda *_who: False) == ()


def test_addresses_not_to_be_kept_are_dropped(store: Store) -> None:
    _, calendar = connected(store)
    sync(store, calendar, [add("call", state(REP, BOB, ZOE))])

    dropped = store.forget_addresses(lambda _person, domain, _email: domain == "ours.example")

    assert dropped == 1
    assert store.people() == [
        (BOB.person, "buyer.example", None),
        (REP.person, "ours.example", "rep@ours.example"),
        (ZOE.person, "other.example", None),
    ]


def test_subjects_of_events_that_never_showed_a_known_person_are_dropped(store: Store) -> None:
    _, calendar = connected(store)
    sync(store, calendar, [add("a", state(REP, BOB)), add("b", state(REP, ZOE)), add("c", subject=None)], hours=0)
    sync(store, calendar, [Supersede(row(store, calendar, "a"), state(REP, ZOE))], hours=1)

    dropped = store.forget_subjects(lambda person, _domain, _email: person == BOB.person)

    assert dropped == 1
    assert subjects(store, 1) == ["Sample call", None, None]
