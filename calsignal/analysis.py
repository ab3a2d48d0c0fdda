"""From the store to a finished result: read what was known at `as_of`, merge, replay, score, rank."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from calsignal.config import Settings
from calsignal.directory import FREE_MAIL, Directory, is_domain, parents, registrable
from calsignal.errors import InputError
from calsignal.history import Lens, Meeting, meetings
from calsignal.model import (
    Account,
    Actor,
    Answer,
    Change,
    ChangeKind,
    ConnectionState,
    Copy,
    Level,
    Role,
    instant,
)
from calsignal.recall import Found, Recall, lens_of
from calsignal.score.account import Scored, first_action, judged, ranked, score_account
from calsignal.score.constants import MODEL_VERSION
from calsignal.score.facts import Sight
from calsignal.score.firmness import is_broadcast
from calsignal.score.past import known_at
from calsignal.score.rescheduling import Chains
from calsignal.score.result import (
    AccountChange,
    AccountReport,
    AccountResult,
    Digest,
    Effect,
    Head,
    Suggestion,
    TodayMeeting,
)
from calsignal.score.status import standings
from calsignal.store import Store
from calsignal.store.reading import collecting_nothing

if TYPE_CHECKING:
    from calsignal.score.calibrated import Calibration

KEPT = "calibration"
"""Under this key the store remembers the accepted calibration."""
STALE_AFTER = timedelta(hours=24)
SUGGESTION_DAYS = 90
BEST_SUGGESTIONS = 5


@dataclass(frozen=True)
class World:
    """Everything that was known about all accounts at the lens' moment; `scored` is in order of rank."""

    lens: Lens
    head: Head
    scored: tuple[Scored, ...]


def look(
    store: Store,
    settings: Settings,
    as_of: datetime,
    since: datetime | None = None,
    *,
    in_full: Collection[str] = (),
    rep: str | None = None,
) -> World:
    """Score every account as of a moment, on all calendars together.

    All changes from `since` on are told, and all ever of the accounts `in_full`; without `since` those of all. With a
    `rep`, accounts that are not theirs are there with status, score and rank alone: a team has more than memory holds.
    """
    lens = lens_of(store, settings, as_of)
    states = store.connection_states(as_of, STALE_AFTER)
    calibration = calibrated(store, settings, as_of)
    with collecting_nothing():
        found = scores(Recall(store, settings, lens), states, calibration, since, in_full=in_full)
        scored = ranked(one if rep is None or is_theirs(one.result, rep) else _bare(one) for _, one in found)
    return World(lens, head_of(store, settings, as_of, states, calibrated=calibration is not None), scored)


def _bare(one: Scored) -> Scored:
    """Return what ranks an account, without its history."""
    result = replace(one.result, meetings=(), changes=(), rescheduling=replace(one.result.rescheduling, acts=()))
    sight = Sight(one.sight.lens, one.sight.constants, one.sight.account)
    return Scored(result, standings((), Chains((), {}, (), ()), sight), sight)


def scores(
    recall: Recall,
    states: Sequence[ConnectionState],
    calibration: Calibration | None,
    since: datetime | None = None,
    *,
    in_full: Collection[str] = (),
) -> Iterator[tuple[Found, Scored]]:
    """Yield every account as found and as scored, in any order; see `look`."""
    for found in recall.all(since, in_full=in_full):
        account = found.sight.account
        unknown = why_unknown(account, states, met=bool(found.facts))
        one = judged(found.facts, found.chains, found.sight, unknown=unknown, stale=_stale(account, found, states))
        yield found, one if calibration is None else calibration.beside(one)


def head_of(
    store: Store, settings: Settings, as_of: datetime, states: Sequence[ConnectionState], *, calibrated: bool
) -> Head:
    """Return what every report begins with."""
    return Head(
        as_of=as_of,
        timezone=settings.team.timezone.key,
        model_version=MODEL_VERSION,
        constants=settings.scoring.fingerprint(),
        calibrated=calibrated,
        connections=tuple(states),
        skipped=store.skipped_at(as_of),
    )


def calibrated(store: Store, settings: Settings, as_of: datetime) -> Calibration | None:
    """Return the calibration that was accepted by then, if it speaks for the model and the constants in force."""
    text = store.recall(KEPT)
    if not text:
        return None
    from calsignal.score.calibrated import load

    found = load(text)
    fits = found is not None and (found.model_version, found.constants) == (
        MODEL_VERSION,
        settings.scoring.fingerprint(),
    )
    return found if found is not None and fits and found.accepted_at <= as_of else None


# --- what cannot be known -------------------------------------------------------------------------------------------


def why_unknown(account: Account, states: Sequence[ConnectionState], *, met: bool) -> str | None:
    """Say why nothing can be said about an account, or return None (rule 0); `met` says that a calendar shows it."""
    connected = [s for s in states if s.retired_at is None]
    if not connected:
        return "No calendar is connected, or none was at that time."
    if all(s.last_synced is None for s in connected):
        return "No connected calendar has been read yet."
    if account.owner is None or met:
        return None
    owners = [s for s in connected if s.rep == account.owner]
    if any(s.last_synced is not None for s in owners):
        return None
    why = "has not been read yet" if owners else "is not connected"
    return f"The calendar of {account.owner} {why}, and no other one shows a meeting with them."


def _stale(account: Account, found: Found, states: Sequence[ConnectionState]) -> tuple[str, ...]:
    """Return the calendars behind by more than a day that the account's figures stand on."""
    behind = sorted(s.name for s in states if s.stale)
    if found.shown:
        return tuple(name for name in behind if any(label.startswith(f"{name}/") for label in found.shown))
    owned = {s.name for s in states if account.owner in (None, s.rep)}
    return tuple(name for name in behind if name in owned)


# --- digest ---------------------------------------------------------------------------------------------------------


def digest(
    store: Store, settings: Settings, as_of: datetime, rep: str | None = None, since: datetime | None = None
) -> Digest:
    """Return a rep's morning; `rep` lists only what that rep meets or owns, scores stay account-wide.

    `since` defaults to local midnight of the day before `as_of`.

    Raises:
        InputError: no calendar of `rep` was ever connected, and `rep` owns no account.
    """
    start = since or _yesterday(as_of, settings)
    world = look(store, settings, as_of, start, rep=rep)
    if rep is not None:
        check_rep(rep, world)
    mine = tuple(one for one in world.scored if rep is None or is_theirs(one.result, rep))
    listed = [one.result for one in mine]
    return Digest(
        head=world.head,
        rep=rep,
        first_action=first_action(mine),
        today=tuple(_today(listed, rep, world.lens)),
        accounts=tuple(listed),
        changes=tuple(_changes(mine, start, world.lens.directory)),
        since=start,
        suggestions=() if world.scored else suggestions(store, settings, as_of, BEST_SUGGESTIONS),
        total=len(world.scored),
    )


def check_rep(rep: str, world: World) -> None:
    """Raise `InputError` where no calendar of a rep was ever connected, and no account is theirs."""
    reps = {s.rep for s in world.head.connections} | {r.result.account.owner or "" for r in world.scored}
    if rep in reps:
        return
    near = difflib.get_close_matches(rep, sorted(reps - {""}), 1)
    hint = f"did you mean {near[0]}?" if near else "see the reps with: calsignal connections"
    raise InputError(f"no calendar of {rep} is connected, and they own no account", hint)


def _yesterday(as_of: datetime, settings: Settings) -> datetime:
    zone = settings.team.timezone
    return instant(as_of.astimezone(zone).date() - timedelta(days=1), zone)


def is_theirs(result: AccountResult, rep: str) -> bool:
    """Say whether a rep owns an account, or was ever on a meeting of it."""
    return result.account.owner == rep or any(rep in m.sellers for m in result.meetings)


def _today(results: Iterable[AccountResult], rep: str | None, lens: Lens) -> Iterable[TodayMeeting]:
    today = lens.as_of.astimezone(lens.zone).date()
    start = datetime.combine(today, time(), lens.zone)
    end = datetime.combine(today + timedelta(days=1), time(), lens.zone)
    found = [
        TodayMeeting(result.account.name, meeting)
        for result in results
        for meeting in result.meetings
        if start <= lens.at(meeting.slot.start) < end
        and not meeting.status.gone
        and meeting.buyers
        and meeting.why_not not in ("broadcast", "calendar disconnected", "declined by our side")
        and (rep is None or rep in meeting.sellers)
    ]
    return sorted(found, key=lambda t: (lens.at(t.meeting.slot.start), t.account, t.meeting.uid))


GOOD_ANSWERS = (Answer.ACCEPTED, Answer.TENTATIVE)
NEUTRAL = (ChangeKind.ORGANIZER_CHANGED, ChangeKind.DURATION_CHANGED, ChangeKind.RESPONSE_RESET)


def _changes(scored: Iterable[Scored], since: datetime, directory: Directory) -> Iterable[AccountChange]:
    """Return what buyers did since then, good news first, each in the order of time; our own answers are no news."""
    found = [
        AccountChange(one.result.account.name, change, is_good(change, one.result))
        for one in scored
        for change in one.result.changes
        if change.seen_at >= since and not _is_ours(change, directory) and not _is_baseline(change)
    ]
    return sorted(found, key=lambda c: (not c.good, c.change.seen_at, c.account, c.change.kind.value, c.change.uid))


def _is_ours(change: Change, directory: Directory) -> bool:
    return change.email is not None and directory.is_seller(change.email.rpartition("@")[2], change.email)


def _is_baseline(change: Change) -> bool:
    """Say whether a change was there at the first sync already: true, but when is not known, and so no news."""
    return change.not_before is None and change.at is None


def is_good(change: Change, result: AccountResult) -> bool:
    """Say whether a change is good news: the buyer gives time, or gives it sooner. Our invitations are none."""
    kind = change.kind
    if kind is ChangeKind.CREATED:
        firm = any(m.uid == change.uid and m.level >= Level.FIRM for m in result.meetings)
        return change.by is Actor.BUYER or firm
    if kind is ChangeKind.ANSWER_CHANGED:
        return change.after in GOOD_ANSWERS and change.before is not Answer.ACCEPTED
    if kind in (ChangeKind.MOVED, ChangeKind.SERIES_MOVED):
        return (change.days or 0) < 0 and change.by is Actor.BUYER
    return kind in (ChangeKind.PERSON_ADDED, ChangeKind.PROPOSED, ChangeKind.RESTORED)


# --- one account ----------------------------------------------------------------------------------------------------


def account_report(store: Store, settings: Settings, as_of: datetime, name: str) -> AccountReport:
    """Return one account in full, ranked among all.

    Raises:
        InputError: there is no account of that name or domain.
    """
    account = named(store.accounts(), name)
    world = look(store, settings, as_of, as_of, in_full={account.name})
    result = next(one.result for one in world.scored if one.result.account.name == account.name)
    return AccountReport(world.head, result, tuple(_effects(store, settings, world.lens, result)))


def named(accounts: Sequence[Account], name: str) -> Account:
    """Return the account of that name or domain. Raises `InputError` when there is none."""
    wanted = name.casefold().strip()
    for account in accounts:
        if wanted == account.name.casefold() or wanted in account.domains:
            return account
    names = {account.name.casefold(): account.name for account in accounts}
    near = difflib.get_close_matches(wanted, list(names), 1)
    hint = f"did you mean {names[near[0]]}?" if near else "see all with: calsignal accounts list"
    raise InputError(f"there is no account called {name}", hint)


MOST_EFFECTS = 200


def _effects(store: Store, settings: Settings, lens: Lens, result: AccountResult) -> Iterable[Effect]:
    """Score the account just before and at each moment that brought news of it; at most the latest 200 moments."""
    account = result.account
    directory = lens.directory
    copies = store.history(
        lens.as_of,
        lambda *who: directory.who_is(*who).account == account.name,
        among=lambda *who: directory.who_is(*who).role is Role.BUYER,
    )
    for seen_at in sorted({c.seen_at for c in result.changes})[-MOST_EFFECTS:]:
        before = _scored_at(copies, account, replace(lens, as_of=seen_at - timedelta(microseconds=1)), settings)
        after = _scored_at(copies, account, replace(lens, as_of=seen_at), settings)
        yield Effect(seen_at, before.score, after.score, before.status, after.status)


def _scored_at(copies: Iterable[Copy], account: Account, lens: Lens, settings: Settings) -> AccountResult:
    """Score an account on what had been seen of it by the lens' moment."""
    known = known_at(copies, lens.as_of)
    return score_account(account, meetings(known, lens), lens, settings.scoring).result


# --- suggestions ----------------------------------------------------------------------------------------------------


def suggestions(store: Store, settings: Settings, as_of: datetime, limit: int | None = None) -> tuple[Suggestion, ...]:
    """Return unmatched company domains by meetings and people's hours in the last 90 days and ahead."""
    lens = lens_of(store, settings, as_of)
    tally: dict[str, list[float]] = {}
    for meeting in meetings(store.history(as_of, None), lens):
        if _is_recent(meeting, lens) and not is_broadcast(meeting.now.merged, lens.directory, settings.scoring):
            for domain, people in _strangers(meeting, lens.directory).items():
                entry = tally.setdefault(domain, [0, 0.0])
                entry[0] += 1
                entry[1] += people * _hours(meeting)
    ordered = sorted(tally.items(), key=lambda item: (-item[1][0], -item[1][1], item[0]))
    return tuple(
        Suggestion(domain, domain.partition(".")[0].replace("-", " ").title(), int(count), hours)
        for domain, (count, hours) in ordered[:limit]
    )


def _is_recent(meeting: Meeting, lens: Lens) -> bool:
    merged = meeting.now.merged
    return not merged.status.gone and lens.as_of - lens.at(merged.slot.start) <= timedelta(days=SUGGESTION_DAYS)


def _hours(meeting: Meeting) -> float:
    slot = meeting.now.merged.slot
    return 1.0 if slot.all_day else min(slot.duration / timedelta(hours=1), 3.0)


def _strangers(meeting: Meeting, directory: Directory) -> dict[str, int]:
    """Return how many unmatched people of each registrable domain are on a meeting."""
    found: dict[str, int] = {}
    for p in meeting.now.merged.people:
        if directory.who(p).role is not Role.THIRD_PARTY or FREE_MAIL & set(parents(p.domain)):
            continue
        domain = registrable(p.domain) if is_domain(p.domain) else None
        if domain is not None:
            found[domain] = found.get(domain, 0) + 1
    return found
