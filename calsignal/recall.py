"""From the store to scored accounts: from what is kept of them where that holds, else from the ledger.

Both ways end in the same pure functions, and come to the same. Only a sync keeps anything; a report writes nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import islice

from calsignal.config import Settings
from calsignal.directory import Directory
from calsignal.history import Lens, Meeting, meetings, threads
from calsignal.holding import held, made_with
from calsignal.model import Account, Copy, Role, Status
from calsignal.score.account import judged, status_of
from calsignal.score.books import is_spent, was_real
from calsignal.score.facts import Fact, Sight, facts
from calsignal.score.kept import Kept, Unreadable, from_bytes, keep, recalled, to_bytes
from calsignal.score.past import Then
from calsignal.score.rescheduling import Chains, chains
from calsignal.store import Holding, KeptRow, Store
from calsignal.store.reading import collecting_nothing
from calsignal.team import team_directory

AT_ONCE = 400
"""So many accounts are read together: enough to be fast, few enough to hold."""


def lens_of(store: Store, settings: Settings, as_of: datetime) -> Lens:
    """Return the eyes of a report: today's accounts and settings, and the moment it speaks for."""
    return Lens(
        directory=team_directory(store, settings),
        zone=settings.team.timezone,
        horizon=timedelta(days=settings.sync.horizon_days),
        as_of=as_of,
        evidence_days=settings.scoring.mover_evidence_days,
    )


JUDGED = timedelta(days=31)
"""So far back the statuses are kept that an account had when meetings began."""


@dataclass(frozen=True)
class Found:
    """What there is to judge of an account, which calendars show any of it, and its status at earlier moments."""

    facts: tuple[Fact, ...]
    chains: Chains
    shown: frozenset[str]
    sight: Sight
    then: Callable[[datetime], Status]


class Recall:
    """The accounts of a store through one lens."""

    def __init__(self, store: Store, settings: Settings, lens: Lens) -> None:
        self.store, self.constants, self.lens = store, settings.scoring, lens
        self.made_with = made_with(lens.directory, settings)

    def all(self, since: datetime | None = None, *, in_full: Collection[str] = ()) -> Iterator[Found]:
        """Yield every account, in any order; all changes from `since` on are told, and all of those `in_full`.

        Without `since` nothing but the ledger is asked.
        """
        accounts = {account.name: account for account in self.lens.directory.accounts}
        holds = held(self.holding(), self.lens.directory) - set(in_full) if since is not None else set()
        doubtful = [name for name in accounts if name not in holds]
        for names in _batches(name for name in accounts if name in holds):
            kept = self.store.kept_facts(names)
            for name in names:
                found = self._recalled(accounts[name], kept.get(name), since)
                if found is None:
                    doubtful.append(name)
                else:
                    yield found
        for names in _batches(doubtful):
            yield from (found for found, _ in self.read([accounts[name] for name in names]))

    def holding(self) -> Holding:
        """Return of which accounts something is kept."""
        return self.store.holding(self.made_with, self.lens.as_of)

    def _recalled(self, account: Account, data: bytes | None, since: datetime | None) -> Found | None:
        """Return an account from what is kept of it; None where there is nothing, or something newer or older."""
        try:
            kept = from_bytes(data) if data is not None else None
        except Unreadable:
            return None
        if kept is None or kept.made_at > self.lens.as_of or (since is not None and since < kept.tells_since):
            return None
        sight = Sight(self.lens, self.constants, account)
        return Found(*recalled(kept, sight), kept.shown, sight, partial(self._then, kept, account))

    def _then(self, kept: Kept, account: Account, moment: datetime) -> Status:
        """Return a status as of an earlier moment; since it was kept, nothing more was heard of the account."""
        if moment in kept.statuses:
            return kept.statuses[moment]
        if moment >= kept.made_at:
            sight = Sight(replace(self.lens, as_of=moment), self.constants, account)
            return status_of(*recalled(kept, sight), sight)
        [(found, _)] = self.read([account])
        return found.then(moment)

    def read(self, accounts: Sequence[Account]) -> Iterator[tuple[Found, Sequence[Copy]]]:
        """Yield accounts from the ledger, each with the copies that it stands on."""
        directory = self.lens.directory
        names = {account.name for account in accounts}
        copies = self.store.history(
            self.lens.as_of,
            lambda *who: directory.who_is(*who).account in names,
            among=lambda *who: directory.who_is(*who).role is Role.BUYER,
        )
        of_uid = threads(copies, self.lens)
        theirs = by_account(meetings(copies, self.lens), directory)
        for account in accounts:
            sight = Sight(self.lens, self.constants, account)
            found = facts(theirs[account.name], sight)
            on = {uid: of_uid[uid] for uid in sorted({f.view.uid for f in found})}
            shown = frozenset(copy.calendar for some in on.values() for copy in some)
            then = Then(on, found, sight)
            yield Found(found, chains(found, sight), shown, sight, then), [c for some in on.values() for c in some]


def by_account(found: Iterable[Meeting], directory: Directory) -> defaultdict[str, list[Meeting]]:
    """Return the meetings by the names of the accounts whose people were ever on them."""
    theirs: defaultdict[str, list[Meeting]] = defaultdict(list)
    for meeting in found:
        people = (p for seen in meeting.states for p in seen.merged.people)
        for name in {directory.who(p).account for p in people} - {None}:
            theirs[str(name)].append(meeting)
    return theirs


def _batches(names: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(names)
    while batch := list(islice(rest, AT_ONCE)):
        yield batch


# --- keeping ----------------------------------------------------------------------------------------------------------


def refresh(store: Store, settings: Settings, now: datetime) -> None:
    """Make again what is kept of the accounts that were touched, or that it holds of no longer."""
    touched = store.touched()
    accounts = store.accounts()
    if not accounts and not touched.ids:
        return
    lens = lens_of(store, settings, store.moment_read(now))
    recall = Recall(store, settings, lens)
    holding = recall.holding()
    holds = held(holding, lens.directory)
    for names in _batches(a.name for a in accounts if a.name not in holds):
        wanted = [account for account in lens.directory.accounts if account.name in set(names)]
        before = store.kept_facts(name for name in names if name in holding.rolls_at)
        read = ((found, copies, before.get(found.sight.account.name)) for found, copies in recall.read(wanted))
        with collecting_nothing():
            rows = [_row(*one, lens) for one in read]
        if not store.keep(recall.made_with, rows, touched):
            return  # something was erased meanwhile: what was read may hold it
    store.settle(touched)


def _row(found: Found, copies: Iterable[Copy], before: bytes | None, lens: Lens) -> KeptRow:
    acts = judged(found.facts, found.chains, found.sight).result.rescheduling
    starts = {f.start for f in found.facts if is_spent(f) and lens.as_of - f.start <= JUDGED}
    known = _statuses(before)
    statuses = {
        start: known[start] if start in known else found.then(start)
        for start in sorted(starts)
        if not was_real(start, found.facts, acts, found.sight)
    }
    kept = keep(found.facts, found.chains, found.shown, lens.as_of, statuses)
    people = {p.person for copy in copies for version in copy.versions for p in version.state.people}
    return KeptRow(found.sight.account.name, lens.as_of, _rolls_at(copies, lens), to_bytes(kept), frozenset(people))


def _statuses(before: bytes | None) -> Mapping[datetime, Status]:
    """Return the statuses of earlier moments that were found before: what had been seen by then changes no more."""
    try:
        return from_bytes(before).statuses if before is not None else {}
    except Unreadable:
        return {}


def _rolls_at(copies: Iterable[Copy], lens: Lens) -> datetime | None:
    """Return when a calendar has to be read for a further date of a series to come into sight; None: never."""
    further = []
    for copy in copies:
        if copy.sight is not None and copy.versions[-1].state.recurrence is not None:
            limit = copy.sight + lens.horizon
            further += [at for at in map(lens.at, copy.versions[-1].occurrences) if at >= limit][:1]
    return min(further) - lens.horizon if further else None
