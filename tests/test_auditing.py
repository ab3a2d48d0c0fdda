"""The audit from the store up: narrowed to a team or a rep, as of any day, and what it may not say."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from calsignal.auditing import audit
from calsignal.config import DealSettings
from calsignal.contract import Attendee, Event
from calsignal.errors import InputError
from calsignal.model import Account, Answer, Category, Deal, Status
from calsignal.score.audit import AuditResult, Finding
from calsignal.store import open_store
from fake_provider import EPOCH
from remote_world import ANN, OTHER, REP, World, event

BOB, EVE = "bob@acme.example", "eve@birch.example"
YES, SILENT = Answer.ACCEPTED, Answer.NONE


@pytest.fixture
def world(url: str) -> Iterator[World]:
    with open_store(url) as store:
        for name in ("Acme", "Birch", "Cedar"):
            store.add_account(Account(name, (f"{name.lower()}.example",)))
        yield World(store, url)


def deal(number: int, account: str, owner: str, **more: object) -> Deal:
    closes = (EPOCH + timedelta(days=60)).date()
    base = Deal(f"D-{number}", f"Deal {number}", account, owner, amount=Decimal(1000), currency="EUR", closes=closes)
    return replace(base, **more)  # type: ignore[arg-type]


def meeting(uid: str, day: int, who: str, answer: Answer, organizer: str = REP) -> Event:
    return event(uid, day, attendees=(Attendee(who, answer),), organizer=organizer)


@pytest.fixture
def staged(world: World) -> World:
    """Acme is held and booked by REP; OTHER keeps inviting Birch, which is silent; Cedar is nobody's."""
    for rep in (REP, OTHER):
        world.remote(rep)
    world.sync()
    world.clock.wait(days=1)
    world.remote(REP).put(meeting("a1", 3, ANN, YES), meeting("a2", 40, BOB, YES))
    world.remote(OTHER).put(meeting("b1", 20, EVE, SILENT, OTHER))
    world.sync()
    world.clock.wait(days=29)
    world.sync()
    deals = [deal(1, "Acme Ltd", REP), deal(2, "Birch", OTHER, category=Category.COMMIT), deal(3, "???", "Doe, Jane")]
    world.store.import_deals(deals, world.clock(), "crm")
    world.settings = replace(world.settings, teams={"North": (REP,), "South": (OTHER,)})
    return world


def made(world: World, **more: object) -> AuditResult:
    return audit(world.store, world.settings, world.clock(), **more)  # type: ignore[arg-type]


def test_the_audit_holds_money_against_calendars(staged: World) -> None:
    found = made(staged)

    assert {x.deal.id: (x.account, x.owner, x.status) for x in found.forecast.lines} == {
        "D-1": ("Acme", REP, Status.REAL),
        "D-2": ("Birch", OTHER, Status.NO_EVIDENCE),
        "D-3": (None, None, Status.UNKNOWN),
    }
    assert [(b.open, b.backed) for b in found.forecast.backed] == [(Decimal(3000), Decimal(1000))]
    assert (found.team, found.rep, found.period.days) == (None, None, 28)
    assert found.deals_at is not None
    assert found.deals_at < found.head.as_of
    assert {m.rep for m in found.reps} == {REP, OTHER}
    assert [m.rep for m in found.teams] == ["North", "South"]
    assert [a.result.account.name for a in found.eating] == ["Birch"]
    assert found.without_deal == ()
    assert found.by_name["Birch"].our_hours == 1.0


def test_the_hours_on_a_dead_account_are_found_with_the_status_of_that_time(staged: World) -> None:
    found = {m.rep: m.dead_hours for m in made(staged).reps}

    # invited on day 1, met on day 20: 19 d without an answer is NO EVIDENCE
    assert (found[OTHER].value, found[REP].value) == (1.0, 0.0)


def test_the_settings_name_accounts_and_owners(staged: World) -> None:
    staged.settings = replace(staged.settings, deals=DealSettings({"???": "Cedar"}, {"Doe, Jane": REP}))

    [line] = [x for x in made(staged).forecast.lines if x.deal.id == "D-3"]

    assert (line.account, line.owner, line.unmatched) == ("Cedar", REP, ())


def test_an_audit_can_be_narrowed_to_a_team(staged: World) -> None:
    found = made(staged, team="south")

    assert (found.team, [m.rep for m in found.reps], [m.rep for m in found.teams]) == ("South", [OTHER], ["South"])
    assert found.total == found.teams[0]
    assert [x.deal.id for x in found.forecast.lines] == ["D-2"]
    assert [a.result.account.name for a in found.accounts] == ["Birch"]
    assert [r.rep for r in found.coverage.reps] == [OTHER]


def test_a_rep_sees_what_the_manager_sees_of_them(staged: World) -> None:
    whole, own = made(staged), made(staged, rep=OTHER.upper())

    assert own.rep == OTHER
    assert own.reps == tuple(m for m in whole.reps if m.rep == OTHER)
    assert (own.total, own.teams) == (own.reps[0], ())
    assert own.contest.places == tuple(p for p in whole.contest.places if p.rep == OTHER)
    assert own.forecast.lines == tuple(x for x in whole.forecast.lines if x.owner == OTHER)
    assert {f.code for f in own.forecast.findings} >= {Finding.F1, Finding.F2}


def test_a_rep_is_looked_for_in_the_team(staged: World) -> None:
    assert made(staged, team="North", rep=REP).rep == REP
    with pytest.raises(InputError, match=r"there is no rep other@ours\.example in the team North"):
        made(staged, team="North", rep=OTHER)


@pytest.mark.parametrize(
    ("asked", "fact", "hint"),
    [
        ({"team": "sooth"}, "there is no team called sooth", "did you mean South?"),
        ({"team": "zzz"}, "there is no team called zzz", r"name the teams in \[teams\]"),
        ({"rep": "othr@ours.example"}, "there is no rep othr@ours.example", f"did you mean {OTHER}?"),
        ({"rep": "x"}, "there is no rep x", "see the reps with: calsignal connections"),
        ({"days": 0}, "a period of 0 days is no period", "from 1 on"),
    ],
)
def test_what_does_not_exist_is_refused(staged: World, asked: dict[str, object], fact: str, hint: str) -> None:
    with pytest.raises(InputError, match=fact) as refused:
        made(staged, **asked)

    assert hint.replace("\\", "") in refused.value.hint


def test_an_owned_account_is_in_the_reps_audit_though_nobody_met_it(staged: World) -> None:
    staged.store.add_account(Account("Dune", ("dune.example",), owner=REP))

    assert {a.result.account.name for a in made(staged, rep=REP).accounts} == {"Acme", "Dune"}


def test_the_period_can_be_chosen(staged: World) -> None:
    assert made(staged, days=7).period.days == 7


def test_without_anything_there_is_an_empty_audit(url: str) -> None:
    with open_store(url) as store:
        found = made(World(store, url))

    assert (found.reps, found.accounts, found.forecast.lines, found.notice, found.deals_at) == ((), (), (), "", None)


@pytest.mark.parametrize(("backend", "seed"), [("sqlite", 1), ("sqlite", 2), ("postgresql", 1)], indirect=["backend"])
def test_an_audit_as_of_a_day_equals_the_audit_made_on_that_day(world: World, seed: int) -> None:
    dice = random.Random(seed)
    world.remote(REP)
    world.remote(OTHER)
    told = []
    for day in range(14):
        world.clock.at = EPOCH + timedelta(days=day, hours=dice.randint(0, 10))
        for n in range(dice.randint(0, 2)):
            rep, who = dice.choice((REP, OTHER)), dice.choice((ANN, BOB, EVE))
            answer = dice.choice((YES, SILENT, Answer.TENTATIVE))
            world.remote(rep).put(meeting(f"m{day}-{n}", day + dice.randint(1, 9), who, answer, rep))
        if dice.random() < 0.8:
            world.sync()
        if day % 6 == 0:
            closes = (EPOCH + timedelta(days=40 + day)).date()
            world.store.import_deals(
                [deal(1, "Acme", REP, closes=closes), deal(2, "Birch", OTHER)], world.clock(), "crm"
            )
        world.clock.wait(minutes=5)
        now = world.clock()
        told.append((now, audit(world.store, world.settings, now)))

    again = [(at, audit(world.store, world.settings, at)) for at, _ in told]

    assert [a for _, a in again] == [a for _, a in told]
