"""Where our hours go and whether the buyer's follow: per account, with who moves it and who was never met. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from calsignal.directory import rep_of
from calsignal.model import AccountType, Status
from calsignal.score.account import Scored
from calsignal.score.audit import AccountAudit, Period
from calsignal.score.books import Roster, hours_of, is_spent
from calsignal.score.constants import Constants
from calsignal.score.facts import Fact
from calsignal.score.forecast import OpenDeal, missing_key_players
from calsignal.score.time import buyer_time


def account_audit(
    one: Scored, deals: Sequence[OpenDeal], period: Period, roster: Roster, constants: Constants
) -> AccountAudit:
    """Return the audit's row of one account; `deals` are its open ones. Hours are those of the period."""
    sight, found = one.sight, one.standings.found
    past = [f for f in found if f.view.past and f.on in period]
    spent = [f for f in past if is_spent(f)]
    known = one.result.status is not Status.UNKNOWN
    time = buyer_time(past, sight)
    by_person = _by_person(spent)
    met, missing = _key_players(one)
    return AccountAudit(
        result=one.result,
        our_hours=sum((hours_of(facts, sight) for _, facts in by_person), 0.0) if known else None,
        buyer_hours=time.raw_hours if known else None,
        firm_hours=time.firm_hours if known else None,
        meetings=len(spent),
        eats=bool(spent) and _is_prospect(one) and not any(f.held for f in past) and not one.standings.firm_ahead,
        mobilizers=mobilizers(one),
        key_met=met if known else None,
        key_missing=missing if known else None,
        deals=tuple(sorted(deal.id for deal in deals)),
        without_deal=not deals and _is_prospect(one) and _gives_time(one, constants),
        reps=tuple(person for person, _ in by_person if person in roster.reps),
        sellers=frozenset(rep_of(s, roster.directory) for s in {s for f in found for s in f.view.sellers}),
    )


def _is_prospect(one: Scored) -> bool:
    return one.result.account.type is AccountType.PROSPECT


def _gives_time(one: Scored, c: Constants) -> bool:
    recent = (f for f in one.standings.found if f.held and one.sight.since(f.on) <= c.audit_active_days)
    return bool(one.standings.firm_ahead) or any(recent)


def _by_person(spent: Iterable[Fact]) -> list[tuple[str, list[Fact]]]:
    found: dict[str, list[Fact]] = {}
    for fact in spent:
        for person in fact.told.ours:
            found.setdefault(person, []).append(fact)
    return sorted(found.items())


def _key_players(one: Scored) -> tuple[tuple[str, ...], tuple[str, ...]]:
    missing = missing_key_players(one, one.standings.found)
    return tuple(sorted(one.sight.account.key_players.keys() - set(missing))), tuple(missing)


def mobilizers(one: Scored) -> tuple[str, ...] | None:
    """Return the buyers who organised, or on whose meeting a new buyer was added after the first state we saw.

    None where nobody can tell: no calendar showed a meeting with its guests. Who was firm on a meeting when the new
    buyer came counts as the one on whose meeting it was.
    """
    meetings = [f for f in one.standings.found if not f.excluded and f.told.whole]
    if one.result.status is Status.UNKNOWN or not meetings:
        return None
    people = dict(person for fact in meetings for person in fact.told.movers)
    return tuple(sorted(people.values()))
