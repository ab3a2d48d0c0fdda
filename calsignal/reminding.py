"""The days to remember: ask for a next step, look again at a lost account, follow up on a deal that was lost."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum

from calsignal.analysis import World, check_rep, is_theirs, look
from calsignal.config import Settings
from calsignal.model import AccountType, Outcome, Status
from calsignal.score.account import Scored
from calsignal.score.forecast import Names
from calsignal.score.status import ask_before, walk_away
from calsignal.score.wording import DAYS, MONTHS
from calsignal.store import Store

SECOND_PLACE_DAYS = 90
"""So long after a deal was lost, whoever won it has been seen at work: the time to ask again."""


class Kind(Enum):
    """What a reminder is for."""

    ASK = "ask"
    LOOK = "look again"
    FOLLOW_UP = "follow up"


@dataclass(frozen=True)
class Reminder:
    """A day to remember about an account.

    key         names it, the same whenever it is made: the account's name, or the deal's id
    evidence    what stands behind it, in the words of the digest
    """

    kind: Kind
    account: str
    on: date
    key: str
    evidence: str


@dataclass(frozen=True)
class Reminders:
    """The days to remember as of a moment, in their order; `left_out` are lost deals without a day or an account."""

    as_of: datetime
    timezone: str
    rep: str | None
    items: tuple[Reminder, ...]
    left_out: int = 0


def reminders(
    store: Store, settings: Settings, as_of: datetime, rep: str | None = None, *, past: bool = False
) -> Reminders:
    """Return the days to remember, of one rep's accounts and deals or of all; with `past`, those gone by too.

    Raises:
        InputError: no calendar of `rep` was ever connected, and `rep` owns no account.
    """
    world = look(store, settings, as_of, as_of)
    if rep is not None:
        check_rep(rep, world)
    mine = {one.result.account.name: one for one in world.scored if rep is None or is_theirs(one.result, rep)}
    theirs = [one for one in _lost(store, settings, world) if rep in (None, one.owner) or one.is_of(mine)]
    dated = [one for one in theirs if one.closed is not None and one.account is not None]
    today = as_of.astimezone(world.lens.zone).date()
    found = [r for r in (*_of_accounts(mine.values()), *map(_follow_up, dated)) if past or r.on >= today]
    return Reminders(
        as_of=as_of,
        timezone=world.head.timezone,
        rep=rep,
        items=tuple(sorted(found, key=lambda r: (r.on, r.account, r.kind.value, r.key))),
        left_out=len(theirs) - len(dated),
    )


@dataclass(frozen=True)
class _Lost:
    """A deal that was lost, with our account and mailbox where they were found."""

    id: str
    closed: date | None
    account: str | None
    owner: str | None

    def is_of(self, accounts: Container[str]) -> bool:
        """Say whether nobody of ours owns it, and it is one of these accounts'."""
        return self.owner is None and self.account in accounts


def _lost(store: Store, settings: Settings, world: World) -> Iterator[_Lost]:
    names = Names(world.lens.directory, settings.deals.accounts, settings.deals.owners)
    for deal in (track.now for track in store.deals(world.lens.as_of)):
        if deal.outcome is Outcome.LOST:
            yield _Lost(deal.id, deal.closed, names.account(deal).found, names.owner(deal).found)


def _of_accounts(scored: Iterable[Scored]) -> Iterator[Reminder]:
    for one in scored:
        account, s = one.result.account, one.standings
        if account.type is not AccountType.PROSPECT:
            continue
        if one.result.status is Status.REAL and not s.firm_ahead:
            yield Reminder(Kind.ASK, account.name, ask_before(s, one.sight), account.name, one.result.evidence)
        if one.result.status is Status.LOST:
            yield Reminder(Kind.LOOK, account.name, walk_away(s, one.sight), account.name, one.result.evidence)


def _follow_up(lost: _Lost) -> Reminder:
    assert lost.closed is not None
    due, said = lost.closed + timedelta(days=SECOND_PLACE_DAYS), _words(lost.closed)
    return Reminder(Kind.FOLLOW_UP, lost.account or "", due, lost.id, f"A deal with them was lost on {said}.")


def _words(on: date) -> str:
    return f"{DAYS[on.weekday()]} {on.day} {MONTHS[on.month - 1]} {on.year}"
