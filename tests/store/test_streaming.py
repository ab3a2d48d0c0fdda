"""The ledger comes row by row, in one transaction, and needs no more memory the longer it gets."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import pytest
import sqlalchemy as sa

from calsignal.ledger import Action, Expansion, Supersede
from calsignal.model import Answer, EventStatus, Slot, Version
from calsignal.store import LedgerRow, Store
from store.samples import BOB, REP, T0, ZOE, add, at, connected, row, state, sync


def rows(store: Store, hours: float = 1000) -> list[LedgerRow]:
    with store.ledger(at(hours)) as found:
        return list(found)


def written(store: Store, number: int) -> None:
    """Write so many copies with two people each."""
    _, calendar = connected(store)
    sync(store, calendar, [add(f"m{n}") for n in range(number)])


def test_a_row_is_a_person_on_a_version(store: Store) -> None:
    _, calendar = connected(store)
    sync(store, calendar, [add("one", state(REP, BOB, ZOE))])
    moved = replace(state(REP, replace(BOB, answer=Answer.ACCEPTED), start=72), status=EventStatus.TENTATIVE)
    sync(store, calendar, [Supersede(row(store, calendar, "one"), moved)], hours=24)

    first, second = rows(store)[:3], rows(store)[3:]

    assert {(r.email or f"someone@{r.domain}", r.organizer) for r in first} == {
        ("rep@ours.example", False),
        ("bob@buyer.example", True),
        ("someone@other.example", False),
    }
    assert {(r.seen_at, r.valid_to, r.not_before) for r in first} == {(T0, at(24), None)}
    assert {(r.seen_at, r.valid_to, r.not_before) for r in second} == {(at(24), None, T0)}
    assert {(r.email, r.answer) for r in second} == {("rep@ours.example", "none"), ("bob@buyer.example", "accepted")}
    assert {r.slot for r in second} == {Slot(at(72), at(73))}
    assert {(r.connection, r.provider, r.mailbox, r.subject) for r in first + second} == {
        ("google:rep", "google", "rep@ours.example", "Sample call")
    }


def test_the_ledger_of_a_moment_knows_nothing_of_later(store: Store) -> None:
    _, calendar = connected(store)
    sync(store, calendar, [add("one")])
    before = rows(store, 12)
    sync(store, calendar, [Supersede(row(store, calendar, "one"), state(REP, start=99))], hours=24)
    sync(store, calendar, [add("two")], hours=48)

    assert rows(store, 12) == before
    assert {r.valid_to for r in before} == {None}


def test_days_series_and_versions_without_anybody_are_told_too(store: Store) -> None:
    day = T0.date() + timedelta(days=3)
    whole = replace(state(REP, BOB), slot=Slot(day, day + timedelta(days=1)))
    proposal = replace(BOB, proposed=Slot(at(50), at(51)))
    actions: list[Action] = [
        add("days", whole, original_start=day),
        add("series", replace(state(REP, proposal), recurrence="RRULE"), expansion=Expansion((day, day), at(99))),
        add("empty", replace(state(REP), people=(), organizer=None)),
        add("none yet", replace(state(REP), recurrence="RRULE"), expansion=Expansion((), at(99))),
    ]
    _, calendar = connected(store)
    sync(store, calendar, actions)

    found = {r.uid.partition("@")[0]: r for r in rows(store) if r.email != REP.email}

    assert found["days"].slot == Slot(day, day + timedelta(days=1))
    assert found["days"].original_start == day
    assert (found["series"].dates, found["days"].dates) == (2, None)
    assert found["series"].proposed == Slot(at(50), at(51))
    assert (found["empty"].person, found["empty"].answer) == (None, None)
    assert [r.dates for r in rows(store) if r.uid.startswith("none yet")] == [0]


def test_the_rows_of_a_copy_stand_together_from_old_to_new(store: Store) -> None:
    written(store, 3)
    (_, calendar), hours = connected(store), 24
    for event in ("m2", "m0", "m1"):
        sync(store, calendar, [Supersede(row(store, calendar, event), state(start=99))], hours=hours)
        hours += 24

    found = [(r.copy, r.seen_at) for r in rows(store)]

    assert found == sorted(found)
    assert len(found) == 12


def test_what_is_written_meanwhile_is_not_read(store: Store) -> None:
    written(store, 2)

    with store.ledger(at(1000)) as found:
        first = next(found)
        _, calendar = connected(store)
        sync(store, calendar, [add("late")], hours=24)
        rest = list(found)

    assert len([first, *rest]) == 4
    assert len(rows(store)) == 6


def _peak(store: Store) -> int:
    """Return the most memory, in bytes, that going through the ledger takes."""
    tracemalloc.start()
    try:
        with store.ledger(at(1000)) as found:
            for _ in found:
                pass
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("backend", ["sqlite"])
def test_four_times_the_rows_take_no_more_memory(store: Store) -> None:
    written(store, 600)
    _peak(store)  # fills what is kept from query to query
    few = _peak(store)
    _, calendar = connected(store)
    sync(store, calendar, [add(f"more{n}") for n in range(1800)], hours=24)

    many = _peak(store)

    assert len(rows(store)) == 4800
    assert many < 1.5 * few


def _asked(store: Store) -> list[tuple[str, Any, bool]]:
    """Return what the database was asked for the first row: statement, parameters, whether its cursor streams."""
    seen: list[tuple[str, Any, bool]] = []

    def note(conn: object, cursor: object, statement: str, parameters: object, context: object, many: bool) -> None:
        seen.append((statement, parameters, bool(getattr(context, "_is_server_side", False))))

    engine = store._database._engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        with store.ledger(at(1000)) as found:
            assert len(list(islice(found, 1))) == 1
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)
    return [one for one in seen if "FROM versions" in one[0]]


@pytest.mark.parametrize("backend", ["sqlite"])
def test_sqlite_finds_the_order_in_its_indexes_and_sorts_the_people_of_a_version_at_most(store: Store) -> None:
    written(store, 50)
    ((statement, parameters, _),) = _asked(store)

    with store._database._engine.connect() as conn:
        plan = [step[3] for step in conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]

    assert any("versions USING INDEX" in step for step in plan), plan
    assert not [step for step in plan if step.endswith("TEMP B-TREE FOR ORDER BY")], plan


@pytest.mark.parametrize("backend", ["postgresql"])
def test_postgresql_hands_its_rows_out_in_portions(store: Store) -> None:
    written(store, 5)

    ((_, _, streams),) = _asked(store)

    assert streams


def test_a_version_is_the_one_that_the_history_tells(store: Store) -> None:
    written(store, 2)

    told: set[Version] = {v for copy in store.history(datetime.now(UTC)) for v in copy.versions}

    assert {(r.seen_at, r.status, r.slot) for r in rows(store)} == {
        (v.seen_at, v.state.status.value, v.state.slot) for v in told
    }
