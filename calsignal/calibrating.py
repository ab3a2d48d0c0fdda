"""From the store to a calibration or a backtest: what was known of each deal's account, week by week."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property

from calsignal.analysis import KEPT, STALE_AFTER, calibrated, head_of, why_unknown
from calsignal.config import Settings
from calsignal.errors import InputError
from calsignal.history import meetings
from calsignal.model import ConnectionState, Copy, DealTrack, Outcome, Role, Status, instant
from calsignal.recall import lens_of
from calsignal.score.account import Scored, score_account
from calsignal.score.calibrated import Calibration, Features, dump, features_of
from calsignal.score.calibration import (
    BACKTEST_WEEKS,
    SEED,
    Backtest,
    CalibrationReport,
    Row,
    hindsight,
    study,
)
from calsignal.score.constants import MODEL_VERSION
from calsignal.score.forecast import Names
from calsignal.score.past import CLOSED, begun, honest, known_at, masked, mondays
from calsignal.store import Store


@dataclass(frozen=True)
class Closed:
    """A deal that was won or lost, and its account."""

    track: DealTrack
    account: str
    closed: date

    @property
    def won(self) -> bool:
        return self.track.now.outcome is Outcome.WON


@dataclass(frozen=True)
class Then:
    """What was known of an account at one moment; `quiet` counts the days since the last meeting (None: none yet)."""

    status: Status
    score: float
    features: Features
    held: int
    quiet: int | None


class Lookback:
    """What was known of each account at any moment up to `as_of`; asked twice, it looks once."""

    def __init__(self, store: Store, settings: Settings, as_of: datetime) -> None:
        self._store, self._settings = store, settings
        self.lens = lens_of(store, settings, as_of)
        self._accounts = {a.name: a for a in self.lens.directory.accounts}
        self._known: dict[tuple[str, datetime], Then] = {}
        self._states: dict[datetime, Sequence[ConnectionState]] = {}

    @cached_property
    def _copies(self) -> dict[str, list[Copy]]:
        who_is = self.lens.directory.who_is
        theirs: defaultdict[str, list[Copy]] = defaultdict(list)
        for copy in self._store.history(self.lens.as_of, lambda *who: who_is(*who).role is Role.BUYER):
            people = {p for version in copy.versions for p in version.state.people}
            for name in {self.lens.directory.who(p).account for p in people} - {None}:
                theirs[str(name)].append(copy)
        return theirs

    def at(self, account: str, moment: datetime) -> Then:
        """Return what was known of an account then, blind to what was only reconstructed later."""
        key = account, moment
        if key not in self._known:
            one = self._look(account, moment)
            self._known[key] = Then(
                status=one.result.status,
                score=one.result.score,
                features=features_of(one.result),
                held=sum(f.held for f in one.standings.found),
                quiet=one.result.quiet_days if one.result.last_held else None,
            )
        return self._known[key]

    def _look(self, name: str, moment: datetime) -> Scored:
        account, lens = self._accounts[name], replace(self.lens, as_of=moment)
        seen = meetings(known_at(self._copies[name], moment), lens)
        blind = masked(seen, lens)
        unknown = why_unknown(account, self._connections(moment), met=bool(seen))
        one = score_account(account, blind, lens, self._settings.scoring, unknown=unknown)
        return honest(one, masked_any=blind != seen)

    def _connections(self, moment: datetime) -> Sequence[ConnectionState]:
        if moment not in self._states:
            self._states[moment] = self._store.connection_states(moment, STALE_AFTER)
        return self._states[moment]

    def closed(self) -> tuple[list[Closed], Counter[str]]:
        """Return the closed deals that can be judged, and how many cannot, by the reason."""
        deals = self._settings.deals
        names = Names(self.lens.directory, deals.accounts, deals.owners)
        today = self.lens.as_of.astimezone(self.lens.zone).date()
        found, left_out = [], Counter[str]()
        for track in self._store.deals(self.lens.as_of):
            deal = track.now
            if deal.outcome not in CLOSED:
                continue
            account = names.account(deal).found
            if deal.closed is None:
                left_out["without the day on which they closed"] += 1
            elif deal.closed > today:
                left_out["closed on a day that is yet to come"] += 1
            elif account is None:
                left_out["of no account"] += 1
            else:
                found.append(Closed(track, account, deal.closed))
        return found, left_out

    def rows(self, deal: Closed) -> Iterator[Row]:
        """Yield one row a week, as of midnight before each Monday on which the deal was open."""
        for on in mondays(begun(deal.track, deal.closed, self.lens.zone), deal.closed):
            then = self.at(deal.account, instant(on, self.lens.zone))
            yield Row(
                deal=deal.track.now.id,
                account=deal.account,
                on=on,
                closed=deal.closed,
                won=deal.won,
                status=then.status,
                score=then.score,
                features=then.features,
                held=then.held,
                quiet=then.quiet,
            )


def calibration(store: Store, settings: Settings, as_of: datetime, seed: int = SEED) -> CalibrationReport:
    """Return what the closed deals say about the score, as known at `as_of`; nothing is kept."""
    past = Lookback(store, settings, as_of)
    deals, left_out = past.closed()
    rows = [row for deal in deals for row in past.rows(deal)]
    judged = study(rows, seed, settings.scoring)
    left_out["closed before any calendar could show their account"] += len(deals) - judged.sample.deals
    in_force = calibrated(store, settings, as_of)
    states = store.connection_states(as_of, STALE_AFTER)
    return CalibrationReport(
        head=head_of(store, settings, as_of, states, calibrated=in_force is not None),
        study=judged,
        left_out=+left_out,
        in_force=in_force,
    )


def accept(store: Store, report: CalibrationReport, at: datetime) -> Calibration:
    """Keep the calibration of a report, which from `at` on adds a probability beside each score.

    Raises:
        InputError: it has not passed the gate.
    """
    tried = report.study.trial
    if tried is None or not report.study.passes:
        raise InputError(f"nothing was accepted: {report.study.verdict}", "import more closed deals, and sync daily")
    found = Calibration(
        model_version=MODEL_VERSION,
        constants=report.head.constants,
        accepted_at=at,
        cutoff=tried.cutoff,
        won=report.study.won,
        lost=report.study.lost,
        model=tried.model,
    )
    store.remember(KEPT, dump(found))
    return found


def withdraw(store: Store) -> bool:
    """Forget the accepted calibration; say whether there was one."""
    there = bool(store.recall(KEPT))
    if there:
        store.remember(KEPT, "")
    return there


def backtest(store: Store, settings: Settings, as_of: datetime) -> Backtest:
    """Return what the statuses said 4, 8 and 12 weeks before deals closed, as known at `as_of`."""
    past = Lookback(store, settings, as_of)
    deals, left_out = past.closed()
    tables = [hindsight(weeks, _statuses(past, deals, weeks), settings.scoring) for weeks in BACKTEST_WEEKS]
    won = sum(deal.won for deal in deals)
    return Backtest(won, len(deals) - won, tuple(tables), left_out)


def _statuses(past: Lookback, deals: Iterable[Closed], weeks: int) -> Iterator[tuple[Status, bool]]:
    for deal in deals:
        on = deal.closed - timedelta(weeks=weeks)
        if on >= begun(deal.track, deal.closed, past.lens.zone):
            yield past.at(deal.account, instant(on, past.lens.zone)).status, deal.won
