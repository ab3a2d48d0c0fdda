"""A sync of one calendar is one transaction; the ledger only grows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from sqlalchemy.exc import StatementError

from calsignal.ledger import Erase, Expansion, Extend, Name, Retitle, Supersede
from calsignal.model import (
    Answer,
    Booking,
    Capability,
    Confidence,
    EventStatus,
    Gap,
    Participant,
    Skipped,
    Slot,
    State,
)
from calsignal.store import Outrun, Store
from store.samples import BOB, REP, T0, ZOE, add, at, connected, row, state, subjects, sync

RICH = State(
    slot=Slot(date(2026, 3, 9), date(2026, 3, 11)),
    status=EventStatus.TENTATIVE,
    organizer="key-bob",
    people=(
        Participant(
            "key-bob",
            "buyer.example",
            "bob@buyer.example",
            answer=Answer.ACCEPTED,
            answered_at=datetime(2026, 3, 1, 9, 30, 15, 123456, tzinfo=UTC),
            optional=True,
            guests=2,
            proposed=Slot(date(2026, 3, 12), date(2026, 3, 13)),
        ),
        Participant(
            "key-everybody",
            "other.example",
            answer=Answer.NOT_VISIBLE,
            group=True,
            proposed=Slot(at(70), at(71)),
        ),
        Participant("key-room", "ours.example", "room@ours.example", resource=True),
    ),
    free=True,
    hidden_guests=True,
    recurrence="BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
    booking=Booking("calendly", Confidence.LIKELY),
    sees=frozenset({Capability.GUESTS, Capability.ANSWERS}),
)


def test_what_was_written_is_read_back_field_by_field(store: Store) -> None:
    _, calendar = connected(store)
    expansion = Expansion((at(48), date(2026, 3, 5)), at(500))

    sync(store, calendar, [add("series", RICH, original_start=at(48), expansion=expansion)])

    copy = store.open_copies(calendar)["series"]
    assert (copy.event, copy.uid, copy.original_start) == ("series", "series@uid.example", at(48))
    assert copy.subject == "Sample call"
    assert copy.state == RICH
    assert copy.expansion == expansion
    (seen,) = store.history(at(0))
    assert (seen.calendar, seen.mailbox, seen.event) == ("google:rep/primary", "rep@ours.example", "series")
    assert (seen.uid, seen.original_start, seen.created, seen.baseline) == ("series@uid.example", at(48), T0, True)
    (version,) = seen.versions
    assert (version.seen_at, version.not_before, version.state) == (at(0), None, RICH)
    assert version.occurrences == expansion.occurrences
    assert seen.sight == at(0)


def test_a_moment_of_another_zone_comes_back_in_utc(store: Store) -> None:
    _, calendar = connected(store)
    tokyo = timezone(timedelta(hours=9))
    start = datetime(2026, 3, 4, 8, tzinfo=tokyo)
    said = replace(state(), slot=Slot(start, start + timedelta(hours=1)))

    sync(store, calendar, [add("far", said)])

    found = store.open_copies(calendar)["far"].state.slot.start
    assert found == start
    assert isinstance(found, datetime)
    assert found.tzinfo is UTC


def test_a_moment_without_a_zone_is_refused(store: Store) -> None:
    _, calendar = connected(store)

    with pytest.raises(StatementError, match="without a zone"):
        store.retire("google:rep", datetime(2026, 3, 2))  # noqa: DTZ001

    assert store.calendars(store.connections()[0]) == (calendar,)


def test_text_that_no_database_takes_is_replaced(store: Store) -> None:
    _, calendar = connected(store)

    sync(store, calendar, [add("odd", subject="a\0b \ud800 \ud83d\ude00 é")])

    assert subjects(store, 0) == ["a\ufffdb \ufffd 😀 é"]


def test_superseding_closes_the_open_version_and_opens_the_next(store: Store) -> None:
    _, calendar = connected(store)
    sync(store, calendar, [add("call")], hours=0)
    moved = state(start=72)

    sync(store, calendar, [Supersede(row(store, calendar, "call"), moved)], hours=1)

    (copy,) = store.history(at(1))
    assert [(v.seen_at, v.not_before, v.state) for v in copy.versions] == [
        (at(0), None, state()),
        (at(1), at(0), moved),
    ]
    assert store.open_copies(calendar)["call"].state == moved


def test_a_copy_that_came_later_is_no_baseline(store: Store) -> None:
    _, calendar = connected(store)
    sync(store, calendar, [add("first")], hours=0)

    sync(store, calendar, [add("second")], hours=1)

    first, second = store.history(at(1))
    assert (first.baseline, first.versions[0].not_before) == (True, None)
    assert (second.baseline, second.versions[0].not_before) == (False, at(0))


@pytest.mark.parametrize("same", [state(), state(REP, replace(BOB, email=None))], ids=["equal", "an address filled in"])
def test_a_version_equal_to_the_open_one_is_never_written(store: Store, same: State) -> None:
    _, calendar = connected(store)
    sync(store, calendar, [add("call")])

    with pytest.raises(ValueError, match="must differ"):
        sync(store, calendar, [Supersede(row(store, calendar, "call"), same)], hours=1)

    assert len(store.history(at(1))[0].versions) == 1


def test_a_new_subject_is_no_version_and_keeps_the_old_one_for_the_past(store: Store) -> None:
    _, calendar = connected(store)
    sync(store, calendar, [add("call", subject="Intro")], hours=0)

    sync(store, calendar, [Retitle(row(store, calendar, "call"), "Pricing")], hours=1)

    assert subjects(store, 0.5) == ["Intro"]
    assert subjects(store, 1) == ["Pricing"]
    assert store.open_copies(calendar)["call"].subject == "Pricing"
    assert len(store.history(at(1))[0].versions) == 1


def test_a_subject_no_longer_kept_leaves_with_its_past(store: Store) -> None:
    _, calendar = connected(store)
    sync(store, calendar, [add("call", subject="Intro")], hours=0)

    sync(store, calendar, [Retitle(row(store, calendar, "call"), None)], hours=1)

    assert subjects(store, 0.5) == [None]
    assert store.open_copies(calendar)["call"].subject is None


def test_a_subject_found_later_is_not_known_before(store: Store) -> None:
    _, calendar = connected(store)
    sync(store, calendar, [add("call", subject=None)], hours=0)

    sync(store, calendar, [Retitle(row(store, calendar, "call"), "Intro")], hours=1)

    assert subjects(store, 0.5) == [None]
    assert subjects(store, 1) == ["Intro"]


def test_a_series_is_extended_without_a_version(store: Store) -> None:
    _, calendar = connected(store)
    sync(store, calendar, [add("series", RICH, expansion=Expansion((at(48),), at(100)))], hours=0)
    more = Expansion((at(48), at(72)), at(200))

    sync(store, calendar, [Extend(row(store, calendar, "series"), more)], hours=1)

    assert store.open_copies(calendar)["series"].expansion == more
    (copy,) = store.history(at(1))
    assert [version.occurrences for version in copy.versions] == [(at(48), at(72))]


def test_a_series_without_occurrences_is_still_expanded(store: Store) -> None:
    _, calendar = connected(store)

    sync(store, calendar, [add("series", RICH, expansion=Expansion((), at(100)))])

    assert store.open_copies(calendar)["series"].expansion == Expansion((), at(100))


def test_naming_a_person_fills_in_the_address_everywhere_without_a_version(store: Store) -> None:
    _, calendar = connected(store)
    sync(store, calendar, [add("one", state(REP, ZOE)), add("two", state(REP, ZOE))], hours=0)

    sync(store, calendar, [Name(ZOE.person, "zoe@other.example")], hours=1)

    named = replace(ZOE, email="zoe@other.example")
    assert [copy.versions[-1].state.people[1] for copy in store.history(at(0))] == [named, named]
    assert [len(copy.versions) for copy in store.history(at(1))] == [1, 1]


def test_an_address_is_filled_in_when_a_new_copy_shows_it(store: Store) -> None:
    _, calendar = connected(store)
    sync(store, calendar, [add("one", state(REP, ZOE))], hours=0)

    sync(store, calendar, [add("two", state(REP, replace(ZOE, email="zoe@other.example")))], hours=1)

    assert (ZOE.person, "other.example", "zoe@other.example") in store.people()


def test_an_address_once_known_is_not_lost_by_a_copy_without_it(store: Store) -> None:
    _, calendar = connected(store)
    sync(store, calendar, [add("one")], hours=0)

    sync(store, calendar, [add("two", state(REP, replace(BOB, email=None)))], hours=1)

    assert (BOB.person, "buyer.example", "bob@buyer.example") in store.people()


def test_erasing_removes_versions_subjects_and_people_met_nowhere_else(store: Store) -> None:
    _, calendar = connected(store)
    sync(store, calendar, [add("private", state(REP, ZOE)), add("call", state(REP, BOB))], hours=0)
    sync(store, calendar, [Supersede(row(store, calendar, "private"), state(REP, ZOE, start=9))], hours=1)

    sync(store, calendar, [Erase(row(store, calendar, "private"))], hours=2)

    assert [copy.event for copy in store.history(at(0))] == ["call"]
    assert [who for who, _, _ in store.people()] == [BOB.person, REP.person]


def test_what_was_erased_may_come_back_in_the_same_sync(store: Store) -> None:
    _, calendar = connected(store)
    sync(store, calendar, [add("call", state(REP, ZOE))], hours=0)

    sync(store, calendar, [add("call", state(ZOE, REP, start=9)), Erase(row(store, calendar, "call"))], hours=1)

    (copy,) = store.history(at(1))
    assert [version.seen_at for version in copy.versions] == [at(1)]


def test_many_actions_are_carried_out_in_one_transaction(store: Store) -> None:
    _, calendar = connected(store)
    many = 5001  # more than are carried out together

    sync(store, calendar, (add(f"event {number:04}") for number in range(many)))

    found = store.open_copies(calendar)
    assert len(found) == len(store.history(at(0))) == many


def test_open_copies_can_be_narrowed_to_some_ids(store: Store) -> None:
    connection, calendar = connected(store)
    other = store.calendar(connection, "other", "Other", at(0))
    sync(store, calendar, [add("one"), add("two"), add("three")])
    sync(store, other, [add("one", state(REP, ZOE))])

    with store.writing(calendar) as pen:
        inside = pen.open_copies(["one", "nowhere"])

    assert store.open_copies(calendar, ["one", "nowhere"]) == inside
    assert list(inside) == ["one"]
    assert inside["one"].state == state()


def test_leaving_without_finish_undoes_everything(store: Store) -> None:
    _, calendar = connected(store)

    with store.writing(calendar) as pen:
        pen.apply([add("call")], seen_at=at(0), not_before=None, baseline=True)
        pen.gap(at(0), at(1), "a test", at(1))

    assert store.history(at(9)) == ()
    assert store.people() == []
    assert store.calendars(store.connections()[0])[0].last_synced is None


def test_an_error_undoes_everything(store: Store) -> None:
    _, calendar = connected(store)

    def interrupted() -> None:
        with store.writing(calendar) as pen:
            pen.apply([add("call")], seen_at=at(0), not_before=None, baseline=True)
            pen.finish("cursor", "question", at(0), at(0), baseline=True)
            raise LookupError

    with pytest.raises(LookupError):
        interrupted()

    assert store.history(at(9)) == ()
    assert store.calendars(store.connections()[0])[0].cursor is None


def test_the_cursor_is_saved_with_its_question_and_the_times_of_the_sync(store: Store) -> None:
    connection, calendar = connected(store)

    with store.writing(calendar) as pen:
        pen.finish("the cursor", "the question", at(1), at(2), baseline=True)

    (found,) = store.calendars(connection)
    assert (found.cursor, found.fingerprint) == ("the cursor", "the question")
    assert (found.last_started, found.last_synced) == (at(1), at(2))


def test_a_pen_holds_the_calendar_as_it_is_inside_the_transaction(store: Store) -> None:
    _, calendar = connected(store)
    sync(store, calendar, hours=1)

    with store.writing(calendar) as pen:
        inside = pen.calendar

    assert calendar.cursor is None
    assert inside.cursor == "cursor 1"
    assert inside.last_synced == at(1)


@pytest.mark.parametrize("hours", [1, 2])
def test_a_sync_that_saw_nothing_newer_is_outrun(store: Store, hours: int) -> None:
    _, calendar = connected(store)
    sync(store, calendar, [add("call")], hours=2)

    with pytest.raises(Outrun):
        sync(store, calendar, [add("stale")], hours=hours)

    assert [copy.event for copy in store.history(at(9))] == ["call"]


def test_a_sync_that_began_before_another_ended_is_outrun(store: Store) -> None:
    _, calendar = connected(store)
    sync(store, calendar, [add("call")], hours=2)

    def slow() -> None:
        with store.writing(calendar) as pen:
            pen.apply([add("stale")], seen_at=at(3), not_before=None, baseline=False)
            pen.finish("cursor", "question", at(1), at(3), baseline=False)

    with pytest.raises(Outrun, match="faster"):
        slow()

    assert [copy.event for copy in store.history(at(9))] == ["call"]


def test_a_sync_ends_no_earlier_than_what_it_saw(store: Store) -> None:
    connection, calendar = connected(store)

    with store.writing(calendar) as pen:
        pen.apply([add("call")], seen_at=at(5), not_before=None, baseline=True)
        pen.finish("cursor", "question", at(4), at(3), baseline=True)

    assert store.calendars(connection)[0].last_synced == at(5)


def skip(store: Store, hours: float, *rows: tuple[str, str], read: frozenset[str] | None = None) -> None:
    (connection,) = store.connections()
    (calendar,) = store.calendars(connection)
    with store.writing(calendar) as pen:
        pen.skipped([Skipped("anything", event, reason) for event, reason in rows], at(hours), read=read)
        pen.finish(None, None, at(hours), at(hours), baseline=False)


def test_a_past_report_lists_what_was_skipped_then(store: Store) -> None:
    connected(store)

    skip(store, 1, ("a", "odd rule"), ("b", "no start"))
    skip(store, 2, ("b", "no start"))
    skip(store, 3)

    assert store.skipped_at(at(0)) == ()
    assert [one.id for one in store.skipped_at(at(1))] == ["a", "b"]
    assert store.skipped_at(at(2)) == (Skipped("google:rep", "b", "no start"),)
    assert store.skipped_at(at(3)) == ()


def test_what_is_still_skipped_makes_no_new_rows(store: Store) -> None:
    connected(store)
    skip(store, 1, ("a", "odd rule"), ("a", "odd rule"))

    skip(store, 2, ("a", "odd rule"))

    with store._database.reading() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM skipped").scalar() == 1


def test_a_partial_pull_ends_only_what_it_could_read(store: Store) -> None:
    connected(store)
    skip(store, 1, ("a", "odd rule"), ("b", "no start"), ("c", "no end"))

    skip(store, 2, ("c", "no start"), read=frozenset({"a"}))

    assert [(one.id, one.reason) for one in store.skipped_at(at(2))] == [("b", "no start"), ("c", "no start")]


def test_what_a_retired_connection_skipped_is_not_listed(store: Store) -> None:
    connected(store)
    skip(store, 1, ("a", "odd rule"))

    store.retire("google:rep", at(2))

    assert store.skipped_at(at(2)) == ()
    assert [one.id for one in store.skipped_at(at(1.5))] == ["a"]


def test_a_gap_is_known_from_when_it_was_seen(store: Store) -> None:
    _, calendar = connected(store)

    with store.writing(calendar) as pen:
        pen.gap(at(1), at(4), "the cursor had expired", at(5))
        pen.finish(None, None, at(5), at(5), baseline=True)

    assert store.connection_states(at(4), timedelta(1))[0].gaps == ()
    assert store.connection_states(at(5), timedelta(1))[0].gaps == (Gap(at(1), at(4), "the cursor had expired"),)


def test_series_that_fall_short_are_found_by_how_far_they_are_expanded(store: Store) -> None:
    _, calendar = connected(store)
    _, other = connected(store, "google:other")
    short, far = Expansion((at(48),), at(100)), Expansion((at(48),), at(500))
    sync(store, other, [add("elsewhere", RICH, expansion=short)])
    sync(store, calendar, [add("short", RICH, expansion=short), add("far", RICH, expansion=far), add("single")])

    with store.writing(calendar) as pen:
        found = pen.falling_short(at(101)), pen.falling_short(at(100))

    assert found == (("short",), ())


def test_copies_added_in_two_calendars_keep_to_their_own(store: Store) -> None:
    _, calendar = connected(store)
    _, other = connected(store, "google:other")

    sync(store, calendar, [add("one", state(REP, BOB)), add("two", state(REP, ZOE))])
    sync(store, other, [add("two", state(REP, BOB, start=72))], hours=1)

    assert [c.state for c in store.open_copies(calendar).values()] == [state(REP, BOB), state(REP, ZOE)]
    assert [c.state for c in store.open_copies(other).values()] == [state(REP, BOB, start=72)]


def test_an_event_id_that_no_database_takes_keeps_its_people(store: Store) -> None:
    _, calendar = connected(store)

    sync(store, calendar, [add("odd\0id", state(REP, BOB))])

    assert store.open_copies(calendar)["odd\ufffdid"].state == state(REP, BOB)
