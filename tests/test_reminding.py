"""The days to remember: which there are, for whom, and that they stay the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from calsignal.config import DealSettings, Settings, Team
from calsignal.contract import Attendee, Event
from calsignal.errors import InputError
from calsignal.model import Account, AccountType, Answer, Deal, Outcome
from calsignal.reminding import Kind, Reminders, reminders
from calsignal.store import open_store
from fake_provider import EPOCH
from remote_world import OTHER, REP, World, event

TODAY = EPOCH.date()  # Mon 2 Mar 2026


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Give a team with an account just met, one lost, one with a next step, and a customer."""
    url = f"sqlite:///{tmp_path / 'store.db'}"
    with open_store(url) as store:
        found = World(store, url)
        found.settings = Settings(team=Team("us", ("ours.example",)), deals=DealSettings(owners={"Rep": REP}))
        names = ("Met", "Lost", "Booked", "Unasked")
        accounts = [Account(name, (f"{name.lower()}.example",)) for name in names]
        store.save_accounts([*accounts, Account("Old", ("old.example",), AccountType.CUSTOMER)])
        met = [("met", -3), ("lost", -100), ("booked", -3), ("booked", 3), ("old", -3)]
        found.remote().put(*(_with(name, day) for name, day in met))
        found.remote(OTHER)
        found.sync()
        yield found


def _with(name: str, day: int, rep: str = REP) -> Event:
    people = (Attendee(f"ann@{name}.example", Answer.ACCEPTED), Attendee(rep, Answer.ACCEPTED))
    return event(f"{name}{day}", day, organizer=rep, attendees=people)


def lost(id_: str, account: str, closed: date | None, owner: str = "Rep") -> Deal:
    return Deal(id_, "Rollout", account, owner, outcome=Outcome.LOST, closed=closed)


def made(world: World, rep: str | None = None, *, past: bool = False, as_of: datetime | None = None) -> Reminders:
    return reminders(world.store, world.settings, as_of or world.clock(), rep, past=past)


def told(found: Reminders) -> list[tuple[Kind, str, date]]:
    return [(item.kind, item.account, item.on) for item in found.items]


def test_a_real_account_without_a_next_step_is_asked_within_a_week(world: World) -> None:
    asked = [one for one in told(made(world)) if one[0] is Kind.ASK]

    assert asked == [(Kind.ASK, "Met", TODAY + timedelta(days=4))]


def test_a_lost_account_is_looked_at_180_days_after_the_last_meeting(world: World) -> None:
    assert [one for one in told(made(world)) if one[0] is Kind.LOOK] == [
        (Kind.LOOK, "Lost", TODAY + timedelta(days=80))
    ]


def test_a_lost_deal_is_followed_up_after_90_days(world: World) -> None:
    deals = [lost("1", "Met", TODAY), lost("2", "Lost", TODAY - timedelta(days=91)), Deal("3", "Open", "Met", "Rep")]
    world.store.import_deals(deals, world.clock(), "crm")

    ahead, all_ = (made(world, past=past) for past in (False, True))

    assert [one for one in told(ahead) if one[0] is Kind.FOLLOW_UP] == [
        (Kind.FOLLOW_UP, "Met", TODAY + timedelta(days=90))
    ]
    assert {one[1:] for one in told(all_)} - {one[1:] for one in told(ahead)} == {("Lost", TODAY - timedelta(days=1))}
    assert {i.evidence for i in ahead.items if i.kind is Kind.FOLLOW_UP} == {
        "A deal with them was lost on Mon 2 Mar 2026."
    }


def test_what_is_due_today_is_told_and_what_was_due_yesterday_is_not(world: World) -> None:
    world.clock.wait(days=4)
    world.sync()

    assert (Kind.ASK, "Met", TODAY + timedelta(days=4)) in told(made(world))
    world.store.import_deals([lost("1", "Met", TODAY - timedelta(days=87))], world.clock(), "crm")
    assert Kind.FOLLOW_UP not in {one[0] for one in told(made(world))}
    assert Kind.FOLLOW_UP in {one[0] for one in told(made(world, past=True))}


def test_a_deal_without_a_day_or_an_account_is_counted(world: World) -> None:
    world.store.import_deals([lost("1", "Met", None), lost("2", "Nobody Knows", TODAY)], world.clock(), "crm")

    assert made(world).left_out == 2
    assert made(world, OTHER).left_out == 0


def test_a_rep_gets_their_accounts_and_deals(world: World) -> None:
    deals = [lost("1", "Unasked", TODAY), lost("2", "Met", TODAY, OTHER), lost("3", "Met", TODAY, "Former Colleague")]
    world.store.import_deals(deals, world.clock(), "crm")
    keys = {rep: {item.key for item in made(world, rep).items} for rep in (REP, OTHER, None)}

    assert keys[REP] == {"Met", "Lost", "1", "3"}
    assert keys[OTHER] == {"2"}
    assert keys[None] == keys[REP] | keys[OTHER]


def test_an_unknown_rep_is_told(world: World) -> None:
    with pytest.raises(InputError, match="no calendar of rap@ours") as near:
        made(world, "rap@ours.example")
    with pytest.raises(InputError) as far:
        made(world, "zzz@nowhere.test")

    assert near.value.hint == "did you mean rep@ours.example?"
    assert far.value.hint == "see the reps with: calsignal connections"


def test_they_come_in_the_order_of_days_and_of_the_moment(world: World) -> None:
    before = made(world)
    world.clock.wait(days=30)
    world.sync()

    assert [item.on for item in before.items] == sorted(item.on for item in before.items)
    assert made(world, as_of=before.as_of) == before
    assert before.as_of.tzinfo == UTC
