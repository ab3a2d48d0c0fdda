"""Build deals and whole teams in a line each, for tests of the audit. The sellers are `ours.example`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from calsignal.history import meetings, threads
from calsignal.model import Account, ConnectionState, Copy, Deal, DealTrack, Gap, Slot, Snapshot, State
from calsignal.score.account import Scored, score_account
from calsignal.score.audit import DealLine, Finding, Forecast, Period, RepMetrics
from calsignal.score.books import Books, Scope, roster
from calsignal.score.constants import Constants
from calsignal.score.forecast import Moment, Names, OpenDeal, forecast
from calsignal.score.past import Then, known_at
from calsignal.score.reps import Team, metrics
from worlds import ANN, AS_OF, REP, account, copy, lens, person, slot, version

YES = {ANN: "yes"}
TODAY = date(2026, 3, 16)  # a Monday; as of 18:00 UTC
PERIOD = Period(date(2026, 2, 17), TODAY)  # 28 days
SETTLED = datetime(2025, 12, 1, 6, tzinfo=UTC)  # since when the calendars are read, in these worlds
ACME = account()


# --- calendars --------------------------------------------------------------------------------------------------------


def on(
    start: str | Slot,
    answers: Mapping[str, str] | None = None,
    ours: Sequence[str] = (REP,),
    organizer: str | None = None,
    minutes: int = 60,
    **more: Any,  # noqa: ANN401
) -> State:
    """Return a meeting of these people of ours, who accepted unless `answers` says otherwise; ours organise it."""
    everybody = {**dict.fromkeys(ours, "yes"), **(YES if answers is None else answers)}
    maker = organizer or ours[0]
    everybody.setdefault(maker, "")
    people = tuple(person(email, everybody[email]) for email in sorted(everybody))
    when = start if isinstance(start, Slot) else slot(start, minutes)
    return replace(State(slot=when, organizer=maker, people=people), **more)


def seen(uid: str, *steps: tuple[str, State], **more: Any) -> Copy:  # noqa: ANN401
    """Return a meeting that came up after the calendars were connected and went through these states."""
    versions = []
    for when, what in steps:
        one = version(when, what)
        versions.append(replace(one, not_before=one.seen_at - timedelta(hours=1)))
    mailbox = more.pop("mailbox", _first_of_ours(steps[0][1]))
    return copy(uid, *versions, mailbox=mailbox, **more)


def _first_of_ours(state: State) -> str:
    ours = [p.person for p in state.people if p.domain == "ours.example"]
    return state.organizer if state.organizer in ours else ours[0]


def met(uid: str, start: str, booked: str, answers: Mapping[str, str] | None = None, **more: Any) -> Copy:  # noqa: ANN401
    """Return a meeting that was answered at once when it was booked, and never changed."""
    shape = {k: more.pop(k) for k in ("ours", "organizer", "minutes") if k in more}
    return seen(uid, (booked, on(start, answers, **shape)), **more)


def connection(rep: str = REP, **more: Any) -> ConnectionState:  # noqa: ANN401
    base = ConnectionState(f"toy:{rep}", "toy", rep, AS_OF, stale=False, first_synced=SETTLED)
    return replace(base, **more)


def gap(first: date, last: date) -> Gap:
    return Gap(datetime(first.year, first.month, first.day, 8, tzinfo=UTC), _noon(last), "the list was lost")


def _noon(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def world(copies: Iterable[Copy], *accounts: Account, as_of: datetime = AS_OF, **more: Any) -> dict[str, Scored]:  # noqa: ANN401
    """Score these accounts (Acme alone by default), each by name, on what had been seen by then."""
    everybody = accounts or (ACME,)
    through = lens(everybody, as_of, **more)
    found = meetings(known_at(copies, as_of), through)
    return {a.name: score_account(a, found, through, Constants()) for a in everybody}


# --- deals ------------------------------------------------------------------------------------------------------------


def deal(id: str = "D-1001", account: str = "Acme", amount: str | None = "1000", **more: Any) -> Deal:  # noqa: A002, ANN401
    base = Deal(
        id=id,
        name=f"{account} deal",
        account=account,
        owner=REP,
        amount=None if amount is None else Decimal(amount),
        currency=None if amount is None else "EUR",
        closes=date(2026, 4, 16),
    )
    return replace(base, **more)


def track(*shown: Deal, missing: bool = False) -> DealTrack:
    """Return a deal as weekly imports showed it, the last one yesterday."""
    last = AS_OF - timedelta(days=1)
    snapshots = [Snapshot(last - timedelta(days=7 * back), d) for back, d in zip(range(len(shown) - 1, -1, -1), shown)]  # noqa: B905
    return DealTrack(tuple(snapshots), missing)


def judge(
    deals: Iterable[Deal | DealTrack],
    copies: Iterable[Copy] = (),
    *accounts: Account,
    as_of: datetime = AS_OF,
    account_names: Mapping[str, str] | None = None,
    owner_names: Mapping[str, str] | None = None,
    scored: Mapping[str, Scored] | None = None,
    **more: Any,  # noqa: ANN401
) -> Forecast:
    """Return the forecast of these deals; a deal alone was imported yesterday."""
    tracks = [d if isinstance(d, DealTrack) else track(d) for d in deals]
    everybody = accounts or (ACME,)
    found = world(copies, *everybody, as_of=as_of, **more) if scored is None else scored
    names = Names(lens(everybody, as_of, **more).directory, account_names or {}, owner_names or {})
    return forecast(tracks, found, names, Moment(as_of, UTC, Constants()))


def codes(made: Forecast, id: str = "D-1001") -> list[str]:  # noqa: A002
    return [f.code.name for f in made.findings if f.deal.id == id]


def line(made: Forecast, code: Finding, id: str = "D-1001") -> str:  # noqa: A002
    [found] = [f.line for f in made.findings if f.deal.id == id and f.code is code]
    return found


# --- teams ------------------------------------------------------------------------------------------------------------


def team(
    copies: Iterable[Copy],
    *accounts: Account,
    deals: Iterable[Deal] = (),
    connections: Sequence[ConnectionState] = (connection(),),
    teams: Mapping[str, Sequence[str]] | None = None,
    as_of: datetime = AS_OF,
    period: Period = PERIOD,
    constants: Constants | None = None,
    **more: Any,  # noqa: ANN401
) -> Team:
    """Return the metrics of everybody, on these calendars and deals."""
    copies, c = tuple(copies), constants or Constants()
    everybody = accounts or (ACME,)
    scored = world(copies, *everybody, as_of=as_of, **more)
    through = lens(everybody, as_of, **more)
    lines = judge(deals, copies, *everybody, as_of=as_of, scored=scored, **more).lines
    people = roster(connections, teams or {}, (x.owner for x in lines if x.owner), through.directory)
    books = Books(Scope(period, c, people))
    for one in scored.values():
        account = one.result.account
        of_uid = threads(known_at(copies, as_of), through)
        then = Then(of_uid, one.standings.found, one.sight)
        books.add(one, then, open_deals(x for x in lines if x.account == account.name))
    prospects = {a.name for a in everybody if a.type.value == "prospect"}
    return metrics(books, lines, connections, UTC, prospects)


def open_deals(lines: Iterable[DealLine]) -> tuple[OpenDeal, ...]:
    return tuple(OpenDeal(line.deal.id, line.owner) for line in lines)


def rep(made: Team, mailbox: str = REP) -> RepMetrics:
    [found] = [m for m in made.reps if m.rep == mailbox]
    return found
