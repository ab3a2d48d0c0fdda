"""The laws at the end of part 6 of the model, on generated histories."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from calsignal.model import (
    Answer,
    Copy,
    EventStatus,
    Participant,
    Role,
    Slot,
    State,
    Status,
    Version,
)
from calsignal.score.account import Scored
from calsignal.score.result import AccountResult
from worlds import ANN, BOB, CFO, REP, TWO, account, lens, linked, person, scored, zone

# --- a language of histories ------------------------------------------------------------------------------------------

EA, MAX, ZOE = "ea@agency.example", "max@cedar.example", "zoe@birch.example"
PEOPLE = (ANN, ANN, ANN, BOB, CFO, EA, MAX, ZOE, TWO)
ANSWERS = (Answer.NONE, Answer.ACCEPTED, Answer.ACCEPTED, Answer.TENTATIVE, Answer.DECLINED)
ACCOUNTS = (account("Acme", addresses={EA: EA}), account("Birch"))


@dataclass(frozen=True)
class Guest:
    """One person on a meeting; `proposes` so many days later."""

    answer: Answer = Answer.NONE
    optional: bool = False
    guests: int = 0
    proposes: int = 0
    timed: bool = False


@dataclass(frozen=True)
class Step:
    """What is seen so many days after the step before: the meeting moved by days, other people, gone, back."""

    after: int
    move: int = 0
    people: tuple[tuple[str, Guest | None], ...] = ()
    status: EventStatus | None = None
    hidden: bool = False


@dataclass(frozen=True)
class Apart:
    """A date of a series that is listed apart: moved by days, with an answer of its own, or cancelled."""

    date: int
    move: int
    answer: Answer
    cancelled: bool


@dataclass(frozen=True)
class Plan:
    """One meeting: when it is (days and hours from the report's midnight), who is on it, and what becomes of it."""

    day: int
    hour: int
    minutes: int
    organizer: str | None
    people: tuple[tuple[str, Guest], ...]
    known: int  # days before the report that it was first seen
    baseline: bool
    created: bool
    steps: tuple[Step, ...] = ()
    all_day: bool = False
    weeks: int = 0
    apart: tuple[Apart, ...] = ()
    calendars: tuple[str, ...] = (REP,)
    booked: bool = False
    hidden: bool = False


@dataclass(frozen=True)
class World:
    """Meetings around a day, in a zone; the clocks change in March and in autumn."""

    plans: tuple[Plan, ...]
    today: datetime  # midnight on the wall
    zone: tzinfo

    @property
    def as_of(self) -> datetime:
        return self.on(0, 18)

    def on(self, day: int, hour: int, minute: int = 0) -> datetime:
        """Return the instant at which the clock on the wall shows this, so many days from today."""
        wall = self.today + timedelta(days=day, hours=hour, minutes=minute)
        return wall.replace(tzinfo=self.zone).astimezone(UTC)

    def copies(self) -> list[Copy]:
        return [c for n, plan in enumerate(self.plans) for c in build(plan, f"m{n}", self)]

    def slot(self, plan: Plan, day: int) -> Slot:
        if plan.all_day:
            first = (self.today + timedelta(days=day)).date()
            return Slot(first, first + timedelta(days=1))
        start = self.on(day, plan.hour)
        return Slot(start, start + timedelta(minutes=plan.minutes))


def build(plan: Plan, uid: str, world: World) -> list[Copy]:
    versions = _versions(plan, world)
    found = []
    for lag, mailbox in enumerate(plan.calendars):
        for override in (None, *(plan.apart if plan.weeks else ())):
            said = versions if override is None else _apart(plan, override, world, versions)
            late = tuple(replace(v, seen_at=v.seen_at + timedelta(minutes=5 * lag)) for v in said)
            found.append(_copy(plan, uid, override, mailbox, late, world))
    return found


def _copy(
    plan: Plan, uid: str, override: Apart | None, mailbox: str, versions: tuple[Version, ...], world: World
) -> Copy:
    start = None if override is None else world.slot(plan, plan.day + 7 * override.date).start
    return Copy(
        calendar=f"cal:{mailbox}",
        mailbox=mailbox,
        event=f"{uid}/{start}",
        uid=uid,
        original_start=start,
        baseline=plan.baseline,
        created=world.on(-plan.known - 1, 9) if plan.created else None,
        versions=versions,
    )


def _versions(plan: Plan, world: World) -> tuple[Version, ...]:
    day, seen, people, status = plan.day, -plan.known, dict(plan.people), EventStatus.CONFIRMED
    said = [_version(plan, world, day, seen, people, status, first=True)]
    for step in plan.steps:
        day, seen, status = day + step.move, seen + step.after, step.status or status
        for address, guest in step.people:
            people.pop(address, None)
            if guest is not None:
                people[address] = guest
        now = replace(plan, hidden=plan.hidden or step.hidden)
        said.append(_version(now, world, day, seen, people, status, first=False))
    return tuple(said)


def _version(
    plan: Plan, world: World, day: int, seen: int, people: dict[str, Guest], status: EventStatus, *, first: bool
) -> Version:
    state = State(
        slot=world.slot(plan, day),
        status=status,
        organizer=plan.organizer,
        people=tuple(sorted(_people(plan, world, day, seen, people), key=lambda p: p.person)),
        hidden_guests=plan.hidden,
        recurrence="RRULE" if plan.weeks else None,
        booking=linked() if plan.booked else None,
    )
    dates = tuple(world.slot(plan, day + 7 * n).start for n in range(plan.weeks))
    return Version(world.on(seen, 12), None if first and plan.baseline else world.on(seen - 1, 12), state, dates)


def _people(plan: Plan, world: World, day: int, seen: int, people: dict[str, Guest]) -> list[Participant]:
    listed = {REP: Guest(Answer.ACCEPTED), **({plan.organizer: Guest()} if plan.organizer else {}), **people}
    return [
        person(
            address,
            answer=guest.answer,
            optional=guest.optional,
            guests=guest.guests,
            answered_at=world.on(seen - 1, 15) if guest.timed and guest.answer is not Answer.NONE else None,
            proposed=world.slot(plan, day + guest.proposes) if guest.proposes else None,
        )
        for address, guest in listed.items()
    ]


def _apart(plan: Plan, override: Apart, world: World, versions: Sequence[Version]) -> tuple[Version, ...]:
    said = versions[0]
    people = tuple(replace(p, answer=override.answer) if p.person == ANN else p for p in said.state.people)
    state = replace(
        said.state,
        slot=world.slot(plan, plan.day + 7 * override.date + override.move),
        people=people,
        recurrence=None,
        status=EventStatus.CANCELLED if override.cancelled else EventStatus.CONFIRMED,
    )
    return (replace(said, state=state, occurrences=()),)


GUESTS = st.builds(
    Guest,
    st.sampled_from(ANSWERS),
    st.booleans(),
    st.integers(0, 1),
    st.sampled_from([0, 0, 0, 2]),
    st.booleans(),
)
ROWS = st.lists(st.tuples(st.sampled_from(PEOPLE), GUESTS), max_size=4, unique_by=lambda row: row[0]).map(tuple)
STEPS = st.builds(
    Step,
    st.integers(1, 20),
    st.sampled_from([0, 0, -2, 1, 7, 20]),
    st.lists(st.tuples(st.sampled_from(PEOPLE), st.none() | GUESTS), max_size=2).map(tuple),
    st.sampled_from([None, None, None, *EventStatus]),
    st.sampled_from([False, False, False, True]),
)
APARTS = st.builds(Apart, st.integers(0, 5), st.integers(-2, 2), st.sampled_from(ANSWERS), st.booleans())
PLANS = st.builds(
    Plan,
    day=st.integers(-60, 60),
    hour=st.integers(8, 17),
    minutes=st.sampled_from([4, 30, 60, 200]),
    organizer=st.sampled_from([REP, REP, REP, ANN, TWO, MAX, None]),
    people=ROWS,
    known=st.integers(0, 60),
    baseline=st.booleans(),
    created=st.booleans(),
    steps=st.lists(STEPS, max_size=4).map(tuple),
    all_day=st.sampled_from([False, False, False, True]),
    weeks=st.sampled_from([0, 0, 0, 6]),
    apart=st.lists(APARTS, max_size=2, unique_by=lambda a: a.date).map(tuple),
    calendars=st.sampled_from([(REP,), (REP, TWO), (TWO,)]),
    booked=st.booleans(),
    hidden=st.sampled_from([False, False, False, False, True]),
)
DAYS = st.sampled_from([datetime(2026, 3, 16), datetime(2026, 4, 2), datetime(2026, 11, 3)])  # noqa: DTZ001
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "America/New_York"]).map(zone)
WORLDS = st.builds(World, st.lists(PLANS, max_size=4).map(tuple), DAYS, ZONES)
MAILBOXES = frozenset({REP, TWO})


def score(copies: Sequence[Copy], world: World, **more: Any) -> Scored:  # noqa: ANN401
    return scored(copies, ACCOUNTS[0], world.as_of, world.zone, mailboxes=MAILBOXES, **more)


def told(one: Scored) -> tuple[object, ...]:
    """Return everything that is said of the account itself."""
    r = one.result
    return (r.status, r.rule, r.evidence, r.score, r.keep, r.time, r.rescheduling, r.quiet_days, r.flags, r.firm_buyers)


SLACK = 1e-9


def no_better(after: AccountResult, before: AccountResult) -> bool:
    """Say whether nothing was gained: no point, no REAL, no way out of LOST."""
    return (
        after.score <= before.score + SLACK
        and (after.status is not Status.REAL or before.status is Status.REAL)
        and (before.status is not Status.LOST or after.status is Status.LOST)
    )


# --- the laws ---------------------------------------------------------------------------------------------------------


@given(WORLDS)
def test_every_account_has_one_status_and_a_score_from_0_to_100(world: World) -> None:
    r = score(world.copies(), world).result

    rules = {
        Status.NO_EVIDENCE: (1,),
        Status.NEW: (2,),
        Status.REAL: (4, 5),
        Status.LOST: (6,),
        Status.SOFT: (7,),
        Status.STALLED: (3, 8),
    }
    assert r.rule in rules[r.status]
    assert 0 <= r.score <= 100
    assert 0 <= r.time.points <= 100
    assert 0 <= r.rescheduling.points <= 100
    assert r.time.effective_hours <= r.time.firm_hours + SLACK
    assert r.time.firm_hours <= r.time.raw_hours + SLACK
    assert r.evidence


@given(WORLDS)
def test_what_is_observed_after_the_report_changes_nothing(world: World) -> None:
    ahead = [
        replace(plan, steps=(*plan.steps, Step(90, 3, ((ANN, Guest(Answer.DECLINED)),), EventStatus.CANCELLED)))
        for plan in world.plans
    ]
    new = replace(world, plans=(*ahead, Plan(9, 9, 60, ANN, (), -1, baseline=False, created=False)))

    assert told(score(world.copies(), world)) == told(score(new.copies(), world))


@given(WORLDS, st.randoms(use_true_random=False))
def test_the_order_of_the_copies_does_not_matter(world: World, chance: Any) -> None:  # noqa: ANN401
    copies = world.copies()
    shuffled = copies.copy()
    chance.shuffle(shuffled)

    assert score(copies, world) == score(shuffled, world)


@given(WORLDS)
def test_the_same_copy_in_another_calendar_does_not_matter(world: World) -> None:
    copies = world.copies()
    twice = [replace(c, calendar=f"again:{c.calendar}") for c in copies]

    assert told(score(copies, world)) == told(score([*copies, *twice], world))


@given(WORLDS)
def test_ages_do_not_shift_over_dst(world: World) -> None:
    flat = replace(world, zone=UTC)

    assert on_the_wall(score(world.copies(), world)) == on_the_wall(score(flat.copies(), flat))


def on_the_wall(one: Scored) -> tuple[object, ...]:
    """Return what is said of the account without instants, which name the dates of a series."""
    acts = tuple(replace(act, original_start=None) for act in one.result.rescheduling.acts)
    nameless = replace(one.result, rescheduling=replace(one.result.rescheduling, acts=acts))
    return told(replace(one, result=nameless))


def extra(world: World, when: Slot, answers: dict[str, Answer], seen: int = 1, **more: Any) -> Copy:  # noqa: ANN401
    """Return a further meeting of ours that came up a day before the report."""
    people = tuple(person(a, answer=answer) for a, answer in sorted({REP: Answer.ACCEPTED, **answers}.items()))
    version = Version(world.on(-seen, 13), world.on(-seen - 1, 13), State(when, organizer=REP, people=people))
    return replace(
        Copy("cal:extra", REP, "extra", "extra", None, baseline=False, created=None, versions=(version,)), **more
    )


SLOTS = st.tuples(st.integers(-60, 90), st.integers(7, 18), st.sampled_from([30, 90, 200]))


def slot_of(world: World, chosen: tuple[int, int, int]) -> Slot:
    start = world.on(chosen[0], chosen[1])
    return Slot(start, start + timedelta(minutes=chosen[2]))


@given(WORLDS, SLOTS, st.sampled_from([ANN, BOB, "new@acme.example"]))
def test_accepting_a_further_single_meeting_never_lowers_time(
    world: World, chosen: tuple[int, int, int], who: str
) -> None:
    copies = world.copies()
    before = score(copies, world).result.time

    after = score([*copies, extra(world, slot_of(world, chosen), {who: Answer.ACCEPTED})], world).result.time

    assert after.points >= before.points - SLACK
    assert after.raw_hours >= before.raw_hours - SLACK


@given(WORLDS, SLOTS, st.sets(st.sampled_from([ANN, BOB, CFO, "new@acme.example"]), min_size=1))
def test_an_unanswered_invitation_gains_nothing(world: World, chosen: tuple[int, int, int], who: set[str]) -> None:
    copies = world.copies()
    before = score(copies, world).result

    after = score([*copies, extra(world, slot_of(world, chosen), dict.fromkeys(who, Answer.NONE))], world).result

    assert no_better(after, before)


def with_silent(copy: Copy, who: str) -> Copy:
    """Return the copy with one more person who never answers."""
    versions = []
    for version in copy.versions:
        people = tuple(sorted([*version.state.people, person(who)], key=lambda p: p.person))
        versions.append(replace(version, state=replace(version.state, people=people)))
    return replace(copy, versions=tuple(versions))


@given(WORLDS.filter(lambda w: any(p.organizer == REP for p in w.plans)), st.data())
def test_an_unanswered_buyer_added_to_our_meeting_gains_nothing(world: World, data: st.DataObject) -> None:
    chosen = data.draw(st.sampled_from([n for n, p in enumerate(world.plans) if p.organizer == REP]))
    who = data.draw(st.sampled_from([ANN, BOB, CFO, "new@acme.example"]))
    copies = world.copies()
    before = score(copies, world).result
    theirs = [c for c in copies if c.uid == f"m{chosen}"]
    assume(all(p.person != who for c in theirs for v in c.versions for p in v.state.people))

    added = [with_silent(c, who) if c in theirs else c for c in copies]

    assert no_better(score(added, world).result, before)


@given(WORLDS, st.integers(1, 60), st.integers(1, 40), st.booleans())
def test_our_move_of_a_future_meeting_to_a_later_day_gains_nothing(
    world: World, day: int, later: int, reset: bool
) -> None:
    before, after = (slot_of(replace(world, zone=UTC), (d, 6, 60)) for d in (day, day + later))
    booked = extra(world, before, {ANN: Answer.ACCEPTED}, seen=9)
    first = booked.versions[0]
    people = tuple(replace(p, answer=Answer.NONE) if reset and p.person == ANN else p for p in first.state.people)
    moved = Version(world.on(-1, 13), world.on(-2, 13), replace(first.state, slot=after, people=people))
    assume(before.start > world.as_of)

    stayed = score([*world.copies(), booked], world).result
    went = score([*world.copies(), replace(booked, versions=(first, moved))], world).result

    assert went.score <= stayed.score + SLACK


def test_the_language_speaks_of_buyers_sellers_and_strangers() -> None:
    directory = lens(ACCOUNTS, mailboxes=MAILBOXES).directory
    roles = {address: directory.who(person(address)).role for address in PEOPLE}

    assert set(roles.values()) == {Role.BUYER, Role.SELLER, Role.THIRD_PARTY}
