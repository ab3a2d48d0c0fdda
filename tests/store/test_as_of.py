"""Whatever was written, a history tells what a simple memory of it would tell."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calsignal.ledger import Action, Erase, Name, Retitle, Supersede
from calsignal.model import Answer, Copy, EventStatus, Participant, State, Version
from calsignal.store import Store, open_store
from calsignal.store.values import Wanted
from postgres import Server
from store.samples import T0, add, at, connected, person, state, sync

Said = dict[str, tuple[State | None, str | None]]
PEOPLE = [person(name, f"{name}.example", known=False) for name in ("ann", "ben", "cas")]


@dataclass
class Memory:
    """One copy as a memory keeps it: every version, and every subject with the moment it was seen."""

    baseline: bool
    versions: list[Version]
    subjects: list[tuple[datetime, str | None]] = field(default_factory=list)


@dataclass
class World:
    """What one calendar said so far."""

    copies: dict[str, Memory] = field(default_factory=dict)
    emails: dict[str, str] = field(default_factory=dict)
    synced: list[datetime] = field(default_factory=list)

    def hear(self, event: str, said: State | None, subject: str | None, when: datetime, row: int) -> Iterator[Action]:
        """Remember what an event says (None: it is to be erased), and yield what the store has to do."""
        memory = self.copies.get(event)
        if said is None:
            if self.copies.pop(event, None):
                self._forget_unmet()
                yield Erase(row)
        elif memory is None:
            self.copies[event] = Memory(not self.synced, [self._version(said, when)], [(when, subject)])
            yield add(event, said, subject=subject)
        else:
            if memory.versions[-1].state != said:
                memory.versions.append(self._version(said, when))
                yield Supersede(row, said)
            if memory.subjects[-1][1] != subject:
                memory.subjects = [*(memory.subjects if subject else ()), (when, subject)]
                yield Retitle(row, subject)

    def _version(self, said: State, when: datetime) -> Version:
        return Version(when, max(self.synced, default=None), said)

    def name(self, who: Participant) -> Action:
        self.emails[who.person] = f"{who.person}@sample.example"
        self._forget_unmet()
        return Name(who.person, f"{who.person}@sample.example")

    def _forget_unmet(self) -> None:
        met = {who.person for memory in self.copies.values() for v in memory.versions for who in v.state.people}
        self.emails = {who: email for who, email in self.emails.items() if who in met}

    def history(self, as_of: datetime, wanted: Wanted | None) -> tuple[Copy, ...]:
        found = (self._copy(event, self.copies[event], as_of, wanted) for event in sorted(self.copies))
        return tuple(copy for copy in found if copy is not None)

    def _copy(self, event: str, memory: Memory, as_of: datetime, wanted: Wanted | None) -> Copy | None:
        known = tuple(self._named(version) for version in memory.versions if version.seen_at <= as_of)
        shown = [who for version in known for who in version.state.people]
        if not known or (wanted and not any(wanted(who.person, who.domain, who.email) for who in shown)):
            return None
        subjects = [subject for seen_at, subject in memory.subjects if seen_at <= as_of]
        return Copy(
            calendar="google:rep/primary",
            mailbox="rep@ours.example",
            event=event,
            uid=f"{event}@uid.example",
            original_start=None,
            baseline=memory.baseline,
            created=T0,
            versions=known,
            subject=subjects[-1] if subjects else None,
            sight=max((moment for moment in self.synced if moment <= as_of), default=None),
        )

    def _named(self, version: Version) -> Version:
        people = tuple(replace(who, email=self.emails.get(who.person)) for who in version.state.people)
        return replace(version, state=replace(version.state, people=people))


def states() -> st.SearchStrategy[State]:
    def said(people: list[Participant], start: int, answer: Answer, status: EventStatus) -> State:
        present = [replace(one, answer=answer) for one in people]
        return replace(state(*present, start=start), status=status)

    some = st.lists(st.sampled_from(PEOPLE), min_size=1, unique=True)
    return st.builds(said, some, st.integers(40, 42), st.sampled_from(Answer), st.sampled_from(EventStatus))


SUBJECTS = st.none() | st.sampled_from(["Intro", "Pricing"])
SAID = st.dictionaries(st.sampled_from("abcd"), st.tuples(states() | st.none(), SUBJECTS), max_size=4)
SYNCS = st.lists(st.tuples(SAID, st.none() | st.sampled_from(PEOPLE)), max_size=6)


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "store.db"
    with open_store(f"sqlite:///{path}") as store:
        connected(store)
    return path


def hear(store: Store, world: World, said: Said, named: Participant | None, hour: int) -> None:
    (calendar,) = store.calendars(store.connections()[0])
    rows = {event: copy.row for event, copy in store.open_copies(calendar).items()}
    actions = [
        action
        for event, (what, subject) in sorted(said.items(), key=lambda item: item[1][0] is not None)  # erasures first
        for action in world.hear(event, what, subject, at(hour), rows.get(event, 0))
    ]
    if named:
        actions.append(world.name(named))
    sync(store, calendar, actions, hours=hour)
    world.synced.append(at(hour))


LAW = {"syncs": SYNCS, "hours": st.sets(st.integers(-1, 6), min_size=1), "wanted_one": st.sampled_from(PEOPLE)}


@settings(max_examples=40, deadline=None)
@given(**LAW)
def test_a_history_is_what_was_known_then(
    empty: Path, syncs: list[tuple[Said, Participant | None]], hours: set[int], wanted_one: Participant
) -> None:
    path = empty.with_name("copy.db")
    shutil.copyfile(empty, path)

    with open_store(f"sqlite:///{path}") as store:
        assert_known_then(store, syncs, hours, wanted_one)


@settings(max_examples=6, deadline=None)
@given(**LAW)
def test_a_history_on_a_server_is_what_was_known_then(
    postgresql: Server, syncs: list[tuple[Said, Participant | None]], hours: set[int], wanted_one: Participant
) -> None:
    with postgresql.database() as url, open_store(url) as store:
        connected(store)

        assert_known_then(store, syncs, hours, wanted_one)


def assert_known_then(
    store: Store, syncs: list[tuple[Said, Participant | None]], hours: set[int], wanted_one: Participant
) -> None:
    world = World()
    tastes: list[Wanted | None] = [None, lambda who, *_: who == wanted_one.person, lambda *who: who[2] is not None]

    for hour, (said, named) in enumerate(syncs):
        hear(store, world, said, named, hour)

    for hour in hours:
        for wanted in tastes:
            assert store.history(at(hour), wanted) == world.history(at(hour), wanted)
