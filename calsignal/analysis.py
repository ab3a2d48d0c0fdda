"""From the store to a finished result: read what was known at `as_of`, merge, replay, score, rank."""

from __future__ import annotations

import difflib
from collections import defaultdict
from collections.abc import Iterable, Sequence
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
    Participant,
    Role,
    instant,
)
from calsignal.score.account import Scored, first_action, ranked, score_account
from calsignal.score.constants import MODEL_VERSION
from calsignal.score.firmness import is_broadcast
from calsignal.score.past import known_at
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
from calsignal.store import Store
from calsignal.team import team_directory

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


def look(store: Store, settings: Settings, as_of: datetime) -> World:
    """Score every account as of a moment, on all calendars together."""
    return read(store, settings, as_of)[0]


def read(store: Store, settings: Settings, as_of: datetime) -> tuple[World, tuple[Copy, ...]]:
    """Score every account as of a moment, on all calendars together; return the copies too that this stands on."""
    lens = lens_of(store, settings, as_of)
    directory = lens.directory
    states = store.connection_states(as_of, STALE_AFTER)
    copies = store.history(as_of, lambda *who: directory.who_is(*who).role is Role.BUYER)
    theirs = _by_account(meetings(copies, lens), directory)
    shown = _connections_by_uid(copies, states)
    scored = [
        score_account(
            account,
            theirs[account.name],
            lens,
            settings.scoring,
            unknown=why_unknown(account, theirs[account.name], states),
            stale=_stale(account, theirs[account.name], states, shown),
        )
        for account in directory.accounts
    ]
    calibration = calibrated(store, settings, as_of)
    if calibration is not None:
        scored = [calibration.beside(one) for one in scored]
    head = head_of(store, settings, as_of, states, calibrated=calibration is not None)
    return World(lens, head, ranked(scored)), copies


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


def lens_of(store: Store, settings: Settings, as_of: datetime) -> Lens:
    """Return the eyes of a report: today's accounts and settings, and the moment it speaks for."""
    return Lens(
        directory=team_directory(store, settings),
        zone=settings.team.timezone,
        horizon=timedelta(days=settings.sync.horizon_days),
        as_of=as_of,
        evidence_days=settings.scoring.mover_evidence_days,
    )


def _people(meeting: Meeting) -> Iterable[Participant]:
    return (p for seen in meeting.states for p in seen.merged.people)


def _by_account(found: Iterable[Meeting], directory: Directory) -> defaultdict[str, list[Meeting]]:
    theirs: defaultdict[str, list[Meeting]] = defaultdict(list)
    for meeting in found:
        for name in {directory.who(p).account for p in _people(meeting)} - {None}:
            theirs[str(name)].append(meeting)
    return theirs


def _connections_by_uid(copies: Iterable[Copy], states: Sequence[ConnectionState]) -> dict[str, set[str]]:
    names = sorted((s.name for s in states), key=len, reverse=True)
    shown: defaultdict[str, set[str]] = defaultdict(set)
    for copy in copies:
        shown[copy.uid].update(name for name in names if copy.calendar.startswith(f"{name}/"))
    return shown


# --- what cannot be known -------------------------------------------------------------------------------------------


def why_unknown(account: Account, theirs: Sequence[Meeting], states: Sequence[ConnectionState]) -> str | None:
    """Say why nothing can be said about an account, or return None (rule 0)."""
    connected = [s for s in states if s.retired_at is None]
    if not connected:
        return "No calendar is connected, or none was at that time."
    if all(s.last_synced is None for s in connected):
        return "No connected calendar has been read yet."
    if account.owner is None or theirs:
        return None
    owners = [s for s in connected if s.rep == account.owner]
    if any(s.last_synced is not None for s in owners):
        return None
    why = "has not been read yet" if owners else "is not connected"
    return f"The calendar of {account.owner} {why}, and no other one shows a meeting with them."


def _stale(
    account: Account, theirs: Sequence[Meeting], states: Sequence[ConnectionState], shown: dict[str, set[str]]
) -> tuple[str, ...]:
    """Return the calendars behind by more than a day that the account's figures stand on."""
    behind = {s.name for s in states if s.stale}
    on = {name for meeting in theirs for name in shown.get(meeting.uid, ())}
    if not on:
        on = {s.name for s in states if account.owner in (None, s.rep)}
    return tuple(sorted(behind & on))


# --- digest ---------------------------------------------------------------------------------------------------------


def digest(
    store: Store, settings: Settings, as_of: datetime, rep: str | None = None, since: datetime | None = None
) -> Digest:
    """Return a rep's morning; `rep` lists only what that rep meets or owns, scores stay account-wide.

    `since` defaults to local midnight of the day before `as_of`.

    Raises:
        InputError: no calendar of `rep` was ever connected, and `rep` owns no account.
    """
    world = look(store, settings, as_of)
    if rep is not None:
        _check_rep(rep, world)
    start = since or _yesterday(as_of, world.lens)
    mine = tuple(one for one in world.scored if rep is None or _is_theirs(one.result, rep))
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


def _check_rep(rep: str, world: World) -> None:
    reps = {s.rep for s in world.head.connections} | {r.result.account.owner or "" for r in world.scored}
    if rep in reps:
        return
    near = difflib.get_close_matches(rep, sorted(reps - {""}), 1)
    hint = f"did you mean {near[0]}?" if near else "see the reps with: calsignal connections"
    raise InputError(f"no calendar of {rep} is connected, and they own no account", hint)


def _yesterday(as_of: datetime, lens: Lens) -> datetime:
    local = as_of.astimezone(lens.zone).date() - timedelta(days=1)
    return instant(local, lens.zone)


def _is_theirs(result: AccountResult, rep: str) -> bool:
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
    world = look(store, settings, as_of)
    wanted = name.casefold().strip()
    for one in world.scored:
        account = one.result.account
        if wanted == account.name.casefold() or wanted in account.domains:
            return AccountReport(world.head, one.result, tuple(_effects(store, settings, world.lens, one.result)))
    names = {one.result.account.name.casefold(): one.result.account.name for one in world.scored}
    near = difflib.get_close_matches(wanted, list(names), 1)
    hint = f"did you mean {names[near[0]]}?" if near else "see all with: calsignal accounts list"
    raise InputError(f"there is no account called {name}", hint)


MOST_EFFECTS = 200


def _effects(store: Store, settings: Settings, lens: Lens, result: AccountResult) -> Iterable[Effect]:
    """Score the account just before and at each moment that brought news of it; at most the latest 200 moments."""
    account = result.account
    copies = store.history(lens.as_of, lambda *who: lens.directory.who_is(*who).account == account.name)
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
