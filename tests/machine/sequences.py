"""A team whose calendars are changed, read, misread and lost in any order, and what must hold all the same."""

from __future__ import annotations

import atexit
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise
from tempfile import TemporaryDirectory
from typing import ClassVar, TypeVar

import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from calsignal.analysis import look
from calsignal.config import Settings, Team
from calsignal.contract import Event
from calsignal.history import Lens, Meeting, meetings
from calsignal.merge import Merged
from calsignal.model import Account, Answer, Change, ChangeKind, Copy, Role, State
from calsignal.recall import Recall, refresh
from calsignal.score.account import judged
from calsignal.score.books import is_spent
from calsignal.score.kept import TELLS
from calsignal.score.result import AccountResult
from calsignal.store import Connection, StoredCalendar
from calsignal.store.database import Database
from calsignal.store.store import Store
from calsignal.store.tables import metadata
from calsignal.store.writing import Pen
from calsignal.sync import Outcome, Syncer
from calsignal.team import team_directory
from fake_provider import Clock, FakeProvider, FakeRegistry, MemoryVault, Remote
from machine import oracle, reality
from machine.reality import ANN, EVE, LATE, PEOPLE, REP, REPS, TWO, Apart

T = TypeVar("T")

SETTINGS = Settings(team=Team("us", ("ours.example",)))
MOST_MEETINGS = 7  # below the number from which a calendar that loses its future is held
MOST_PICTURES = 3
_NAMES = count()

which = st.integers(0, 20)
sure = st.booleans()
reps = st.sampled_from(REPS[:2])
guests = st.lists(st.sampled_from(PEOPLE), min_size=1, max_size=4, unique=True)
any_answer = st.sampled_from([Answer.ACCEPTED, Answer.TENTATIVE, Answer.DECLINED, Answer.NONE])
then = st.sampled_from(["", "", "sync one", "sync all", "sync later"])


@dataclass(frozen=True)
class Booking:
    """What somebody decides who invites to a meeting, or to a series of `number` weeks."""

    organizer: str
    guests: list[str]
    day: int
    hour: int
    number: int
    shy: bool
    said: Answer


bookings = st.builds(
    Booking,
    organizer=st.sampled_from([REP, TWO, ANN, EVE]),
    guests=guests,
    day=st.integers(1, 12),
    hour=st.integers(0, 9),
    number=st.sampled_from([1, 1, 1, 2, 3, 5]),
    shy=sure,
    said=any_answer,
)


class Crash(BaseException):
    """The power went."""


class Mortal(Store):
    """A store whose writing may die before it is committed: at the first stroke, or when all is written."""

    dying: str | None = None

    @contextmanager
    def writing(self, calendar: StoredCalendar) -> Iterator[Pen]:
        with super().writing(calendar) as pen:
            if self.dying == "early":
                pen.skipped = _die  # type: ignore[method-assign]
            yield pen
            if self.dying:
                raise Crash


def _die(*_: object, **__: object) -> None:
    raise Crash


FOLDER = TemporaryDirectory(prefix="machine")
_IDLE: list[Database] = []


@contextmanager
def empty_store(*accounts: Account) -> Iterator[Mortal]:
    """Give a store; its database is emptied and used again, since a new one costs more than all that is done in it."""
    database = _IDLE.pop() if _IDLE else _new_database()
    with database.writing() as conn:
        for table in reversed(metadata.sorted_tables):
            conn.execute(sa.delete(table))
    store = Mortal(database)
    for account in accounts:
        store.add_account(account)
    yield store
    _IDLE.append(database)


def _new_database() -> Database:
    """Make a database that is never flushed to the disk."""
    database = Database(f"sqlite:///{FOLDER.name}/{next(_NAMES)}.db", create=True, busy_seconds=10)
    with closing(database._engine.raw_connection()) as conn:
        conn.cursor().execute("PRAGMA synchronous = OFF")
    atexit.register(database.close)
    return database


class Sequences(RuleBasedStateMachine):
    """Two mailboxes that see the same meetings, and a third that may come later."""

    deltas: ClassVar[tuple[bool, bool, bool]] = (False, False, False)
    at_once: ClassVar[int] = 1

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.stack = ExitStack()
        self.store = self.stack.enter_context(empty_store(Account("Acme", ("acme.example",))))
        self.remotes = {rep: Remote(deltas=delta, bare=delta) for rep, delta in zip(REPS, self.deltas, strict=True)}
        self.team = oracle.Team("ours.example", ("acme.example",))
        self.reality: list[reality.Meeting] = []
        self.shown: dict[str, oracle.Shown] = {rep: {} for rep in REPS}
        self.position: dict[str, int] = {}
        self.unnamed: set[str] = set()  # who has not been read since an account was added
        self.pictures: list[tuple[datetime, dict[str, AccountResult]]] = []
        self.lineage: dict[str, str] = {}  # UID of a second half -> that of the first
        self.serial = count(1)
        self.retired_at: dict[str, datetime] = {}

    @initialize(booked=st.lists(bookings, min_size=1, max_size=3), synced=sure, odd=sure)
    def begin(self, booked: list[Booking], synced: bool, odd: bool) -> None:
        for rep in REPS:
            self.page(rep, 2 if odd else 100, backwards=odd, empty=odd, repeats=odd)
        self._connect(REP)
        self._connect(TWO)
        for booking in booked:
            self._book(booking)
        if synced:
            self._sync(REPS)

    def teardown(self) -> None:
        try:
            if self.store.connections():
                self.settle()
                self._check_pictures()
                self._check_against_fresh()
        finally:
            self.stack.close()

    # --- what people do ---------------------------------------------------------------------------------------------

    @precondition(lambda self: len(self.reality) < MOST_MEETINGS)
    @rule(booking=bookings, then=then)
    def book(self, booking: Booking, then: str) -> None:
        self._book(booking)
        self._then(then)

    def _book(self, booking: Booking) -> None:
        invited = [who for who in booking.guests if who != booking.organizer]
        made = reality.Meeting(
            name=f"m{next(self.serial)}",
            organizer=booking.organizer,
            start=self._hour(booking.day, booking.hour),
            answers={who: booking.said if n == 0 else Answer.NONE for n, who in enumerate(invited)},
            series=booking.number > 1,
            count=booking.number,
            shy=booking.shy,
        )
        self.reality.append(made)
        self._tell(made)

    @precondition(lambda self: self.reality)
    @rule(which=which, days=st.integers(-6, 20), hours=st.integers(-3, 3), reset=sure, late=sure, then=then)
    def move(self, which: int, days: int, hours: int, reset: bool, late: bool, then: str) -> None:
        one = self._one(which)
        shift = timedelta(days=days, hours=hours, minutes=next(self.serial) if one.ever_apart else 0)
        if one.starts[-1] + shift <= self.clock.at or not shift:
            return
        one.start += shift
        one.apart.clear()
        if reset:
            one.answers = dict.fromkeys(one.answers, Answer.NONE)
        self._tell(one, late=late)
        self._then(then)

    @precondition(lambda self: self.reality)
    @rule(which=which, hours=st.integers(1, 3), then=then)
    def last(self, which: int, hours: int, then: str) -> None:
        one = self._one(which)
        one.hours = hours
        self._tell(one)
        self._then(then)

    @precondition(lambda self: self.reality)
    @rule(which=which, who=which, said=any_answer, late=sure, then=then)
    def answer(self, which: int, who: int, said: Answer, late: bool, then: str) -> None:
        one = self._one(which)
        if one.answers:
            one.answers[_of(one.answers, who)] = said
        self._tell(one, late=late)
        self._then(then)

    @precondition(lambda self: self.reality)
    @rule(which=which, who=st.sampled_from(PEOPLE), then=then)
    def invite_or_uninvite(self, which: int, who: str, then: str) -> None:
        one = self._one(which)
        if who in one.answers:
            del one.answers[who]
        elif who != one.organizer:
            one.answers[who] = Answer.NONE
        self._tell(one)
        self._then(then)

    @precondition(lambda self: self.reality)
    @rule(which=which, trace=sure, late=sure, then=then)
    def cancel_or_restore(self, which: int, trace: bool, late: bool, then: str) -> None:
        """Cancel a meeting, with or without a trace in the calendars, or bring it back."""
        one = self._one(which)
        if one.cancelled or one.removed:
            one.cancelled = one.removed = False
        elif trace:
            one.cancelled = True
        else:
            one.removed = True
        self._tell(one, late=late)
        self._then(then)

    @precondition(lambda self: self.reality)
    @rule(which=which, rep=reps, then=then)
    def drop_or_take_back(self, which: int, rep: str, then: str) -> None:
        """Let a guest delete the own copy, or get it back."""
        one = self._one(which)
        if rep != one.organizer:
            one.dropped ^= {rep}
        self._tell(one)
        self._then(then)

    @precondition(lambda self: self.reality)
    @rule(
        which=which,
        at=which,
        act=st.sampled_from(["move", "answer", "cancel", "back"]),
        hours=st.integers(-50, 70),
        said=any_answer,
        late=sure,
        then=then,
    )
    def set_apart(self, which: int, at: int, act: str, hours: int, said: Answer, late: bool, then: str) -> None:
        """Do something to one occurrence of a series."""
        series = [m for m in self.reality if m.series]
        ahead = [s for m in series for s in m.starts if s > self.clock.at]
        if not ahead:
            return
        one = next(m for m in series[which % len(series) :] + series if any(s in ahead for s in m.starts))
        original = _of([s for s in one.starts if s > self.clock.at], at)
        self._set_apart(one, original, act, timedelta(hours=hours), said)
        self._tell(one, late=late)
        self._then(then)

    def _set_apart(self, one: reality.Meeting, original: datetime, act: str, shift: timedelta, said: Answer) -> None:
        apart = one.apart.get(original)
        if act == "back":
            if apart is not None and apart.start > self.clock.at:
                self._put_back(one, original)
            return
        one.ever_apart = True
        apart = one.apart.setdefault(original, Apart(original))
        if act == "move" and original + shift > self.clock.at:
            apart.start = original + shift
        elif act == "cancel":
            apart.cancelled = not apart.cancelled
        elif act == "answer" and one.answers:
            apart.answers[_of(one.answers, original.day)] = said

    def _put_back(self, one: reality.Meeting, original: datetime) -> None:
        """Let an occurrence be like the others again.

        It stays listed apart where services tell differences.
        """
        if any(self.deltas):
            one.apart[original] = Apart(original)
        else:
            del one.apart[original]

    @precondition(lambda self: any(m.series for m in self.reality) and len(self.reality) < MOST_MEETINGS)
    @rule(which=which, at=which, google=sure, days=st.integers(-2, 2), late=sure, then=then)
    def split(self, which: int, at: int, google: bool, days: int, late: bool, then: str) -> None:
        """Change `this and following`: the series is cut, and a second one goes on."""
        series = [m for m in self.reality if m.series and not m.cancelled and not m.removed]
        if not series:
            return
        one = _of(series, which)
        cuts = [s for s in one.starts[1:] if s + timedelta(days=days) > self.clock.at]
        if not cuts or any(original >= _of(cuts, at) for original in one.apart):
            return
        cut = _of(cuts, at)
        kept = one.starts.index(cut)
        second = replace(
            one,
            name=f"m{next(self.serial)}",
            start=cut + timedelta(days=days),
            count=one.count - kept,
            answers=dict(one.answers),
            apart={},
            tail=f"_R{reality.key(cut)}" if google else "",
            family=one.root if google else "",
            dropped=set(one.dropped),
            private=set(one.private),
        )
        one.count = kept
        self.lineage[second.uid] = self.lineage.get(one.uid, one.uid)
        self.reality.append(second)
        self._tell(one, late=late)
        self._tell(second, late=late)
        self._then(then)

    @precondition(lambda self: self.reality)
    @rule(which=which, subject=st.sampled_from(["Sample", "Renamed", None]))
    def rename_or_touch(self, which: int, subject: str | None) -> None:
        one = self._one(which)
        one.subject = subject or one.subject
        one.touched += subject is None
        self._tell(one)

    @precondition(lambda self: self.reality)
    @rule(which=which, rep=reps)
    def make_private_or_public(self, which: int, rep: str) -> None:
        """Do so with both halves of a series: of a half that is kept from us, the other one says that it is off."""
        root = self._one(which).root
        for one in self.reality:
            if one.root == root:
                one.private ^= {rep}
                self._tell(one)

    # --- what services do -------------------------------------------------------------------------------------------

    @precondition(lambda self: self.reality and not self.unnamed)
    @rule(which=which, rep=reps)
    def hide(self, which: int, rep: str) -> None:
        """Leave an event out of the lists for a while."""
        self.remotes[rep].hidden.add(self._one(which).name)

    @rule(rep=reps)
    def forget_the_cursor(self, rep: str) -> None:
        self.remotes[rep].expired_before = len(self.remotes[rep].log) + 1

    @rule(rep=reps, size=st.integers(1, 4), backwards=sure, empty=sure, repeats=sure)
    def page(self, rep: str, size: int, backwards: bool, empty: bool, repeats: bool) -> None:
        remote = self.remotes[rep]
        remote.page_size, remote.backwards, remote.empty_pages, remote.repeats = size, backwards, empty, repeats

    @rule(rep=reps, pages=st.integers(0, 3))
    def sync_with_a_dead_line(self, rep: str, pages: int) -> None:
        self.remotes[rep].dead_after = pages
        outcomes = self._outcomes([rep])
        self.remotes[rep].dead_after = None
        assert [o.problem for o in outcomes] == ["the line went dead"] * len(outcomes)

    @rule(rep=reps, dying=st.sampled_from(["early", "late"]))
    def sync_and_crash(self, rep: str, dying: str) -> None:
        self.store.dying = dying
        try:
            self._outcomes([rep])
        except Crash:
            pass
        finally:
            self.store.dying = None

    # --- what the team does -----------------------------------------------------------------------------------------

    @rule(hours=st.integers(1, 60))
    def sync_later(self, hours: int) -> None:
        self.clock.wait(hours=hours)
        self._sync(REPS)
        self._take_picture()

    @rule(rep=reps)
    def sync_one(self, rep: str) -> None:
        self._sync([rep])

    @precondition(lambda self: LATE not in self._connected())
    @rule()
    def connect_late(self) -> None:
        """Connect one more calendar after everything is settled: nothing may seem to have happened by that."""
        self.settle()
        known = {m.uid for m in self._meetings()}
        before = self._news()
        self._connect(LATE)
        self._sync([LATE])
        invented = [c for c in self._news() if c not in before]
        assert [c for c in invented if c.uid in known or c.kind is not ChangeKind.MOVED] == []

    @rule(rep=reps)
    def disconnect_or_reconnect(self, rep: str) -> None:
        if rep in self.retired_at:
            del self.retired_at[rep]
            self._connect(rep)
        else:
            self.retired_at[rep] = self.clock()
            self.store.retire(f"fake:{rep}", self.retired_at[rep])

    @precondition(lambda self: len(self.team.buyers) == 1)
    @rule()
    def add_account(self) -> None:
        for rep in REPS:
            self._unhide(rep)
        self.store.add_account(Account("Birch", ("birch.example",)))
        self.team = replace(self.team, buyers=("acme.example", "birch.example"))
        self.unnamed = set(self._connected()) - set(self.retired_at)
        self.pictures.clear()  # accounts are today's

    # --- telling calendars ------------------------------------------------------------------------------------------

    def _one(self, number: int) -> reality.Meeting:
        return _of(self.reality, number)

    def _hour(self, days: int, hour: int) -> datetime:
        day = self.clock.at.replace(hour=8, minute=0, second=0, microsecond=0)
        return day + timedelta(days=days, hours=hour)

    def _tell(self, one: reality.Meeting, *, late: bool = False) -> None:
        """Let the calendars know; when it is `late` there, all but the organiser's (or the first one)."""
        first = one.organizer if one.organizer in REPS else REP
        for rep in (first,) if late else REPS:
            reality.deliver(one, rep, self.remotes[rep])

    def _unhide(self, rep: str) -> None:
        remote = self.remotes[rep]
        remote.log.extend(remote.hidden)
        remote.hidden.clear()

    def settle(self) -> None:
        """Let everything arrive, read it all, and look whether it is what the calendars say."""
        for rep in REPS:
            for one in self.reality:
                reality.deliver(one, rep, self.remotes[rep])
            self._unhide(rep)
        self._sync(REPS)
        self._check_open_versions()
        assert [o.written for o in self._outcomes(self._active())] == [0] * len(self._active())
        self._check_news()
        self._check_versions()
        self._check_kept()

    # --- syncing ----------------------------------------------------------------------------------------------------

    def _connected(self) -> set[str]:
        return {c.mailbox for c in self.store.connections()}

    def _active(self) -> list[str]:
        return [c.mailbox for c in self.store.connections() if c.retired_at is None]

    def _connect(self, rep: str) -> None:
        self.store.connect(f"fake:{rep}", "fake", rep, {}, self.clock())

    def _outcomes(self, some: Iterable[str]) -> list[Outcome]:
        chosen = [c for c in self.store.connections() if c.retired_at is None and c.mailbox in some]
        return self._read(self.store, chosen)

    def _read(self, store: Store, chosen: Sequence[Connection]) -> list[Outcome]:
        registry = FakeRegistry(FakeProvider(self.remotes, at_once=self.at_once))
        syncer = Syncer(
            store, SETTINGS, registry, MemoryVault(), b"key", self.clock, lambda request: request(), keeps=False
        )
        return list(syncer.sync(chosen))

    def _then(self, then: str) -> None:
        """Go on in time, and read all calendars, one, or none, after something was done."""
        if not then:
            return
        self.clock.wait(hours=20 if then == "sync later" else 1)
        self._sync(REPS[:1] if then == "sync one" else REPS)
        if then == "sync later":
            self._take_picture()

    def _sync(self, some: Iterable[str]) -> None:
        read = [rep for rep in self._active() if rep in some]
        outcomes = self._outcomes(read)
        assert [o.problem for o in outcomes] == [None] * len(read)
        for rep in read:
            self._note(rep)
        if self.unnamed:
            self.pictures.clear()  # names are filled in, in the past too
            self.unnamed -= set(read)

    def _note(self, rep: str) -> None:
        """Note what the sync of a calendar must have shown."""
        remote, before = self.remotes[rep], self.shown[rep]
        position = self.position.get(rep)
        if position is None or not remote.deltas or position < remote.expired_before:
            after = oracle.after_full(before, remote, self.clock.at, self.team)
        else:
            after = oracle.after_delta(before, remote, remote.log[position:], self.team)
        if any(
            event_id not in after or self._loses_subject(event, after[event_id]) for event_id, event in before.items()
        ):
            self.pictures.clear()  # an erasure erases the past
        self.shown[rep] = after
        self.position[rep] = len(remote.log)
        remote.expired_before = 0

    def _loses_subject(self, before: Event, after: Event) -> bool:
        """Say whether the last buyer has left, so that the subject must be known no more."""
        met, still = (any(map(self.team.is_buyer, oracle.people(event))) for event in (before, after))
        return (met or before.status in oracle.GONE) and not still  # of one that is gone the subject stays for a while

    # --- what must hold ---------------------------------------------------------------------------------------------

    def _check_open_versions(self) -> None:
        for connection in self.store.connections():
            rep = connection.mailbox
            for calendar in self.store.calendars(connection):
                copies = self.store.open_copies(calendar)
                wanted = {event_id: oracle.expected(event) for event_id, event in self.shown[rep].items()}
                assert {event_id: oracle.held(copy) for event_id, copy in copies.items()} == wanted
                if rep not in self.retired_at:
                    self._check_redaction(rep)

    def _check_redaction(self, rep: str) -> None:
        (connection,) = (c for c in self.store.connections() if c.mailbox == rep)
        (calendar,) = self.store.calendars(connection)
        for event_id, copy in self.store.open_copies(calendar).items():
            event = self.remotes[rep].events.get(event_id)
            met = [(NAMES[p.person], p.email) for p in copy.state.people]
            for who, email in met:
                visible = self.team.is_ours(who) or self.team.is_buyer(who)
                live = event is not None and not copy.state.status.gone
                assert email in ((who,) if visible and live else (who, None) if visible else (None,))
            if event is not None and not copy.state.status.gone:
                assert copy.subject == (event.subject if any(self.team.is_buyer(who) for who, _ in met) else None)

    def _lens(self, store: Store) -> Lens:
        horizon = timedelta(days=SETTINGS.sync.horizon_days)
        return Lens(team_directory(store, SETTINGS), UTC, horizon, self.clock.at)

    def _meetings(self) -> tuple[Meeting, ...]:
        return meetings(self.store.history(self.clock.at), self._lens(self.store))

    def _news(self) -> list[Change]:
        """Return all changes, without names: those may be filled in later."""
        found = self._meetings()
        whole = {m.uid: m.series for m in found if m.series is not None}
        told = [c for m in found for c in m.changes] + [c for s in whole.values() for c in s.changes]
        return [replace(c, subject=None, email=None) for c in told]

    def _check_news(self) -> None:
        """Check that nothing is told twice."""
        found = self._meetings()
        whole = {m.uid: m.series for m in found if m.series is not None}
        for track in (*found, *whole.values()):
            told: dict[tuple[str, str | None], list[Change]] = {}
            for change in track.changes:
                told.setdefault((TOPICS.get(change.kind, change.kind.value), change.person), []).append(change)
            for changes in told.values():
                for one, other in pairwise(changes):
                    between = [s for s in track.states if one.seen_at < s.seen_at < other.seen_at]
                    again = (one.kind, one.before, one.after) == (other.kind, other.before, other.after)
                    assert not again or any(_is_undone(one, seen.merged) for seen in between)

    def _check_versions(self) -> None:
        """Check that no sync gave an event more than one version, and that each says something new."""
        for copy in self.store.history(self.clock.at):
            for one, other in pairwise(copy.versions):
                assert one.seen_at < other.seen_at
                assert _bare(one.state) != _bare(other.state)

    def _check_kept(self) -> None:
        """Check that what is kept of the accounts comes to what the ledger says."""
        refresh(self.store, SETTINGS, self.clock.at)
        at = self.clock.at
        recall = Recall(self.store, SETTINGS, self._lens(self.store))
        kept, read = ({f.sight.account.name: f for f in recall.all(since)} for since in (at, None))
        assert kept.keys() == read.keys()
        for name, one in kept.items():
            now, whole = (judged(f.facts, f.chains, f.sight).result for f in (one, read[name]))
            assert replace(now, changes=()) == replace(whole, changes=())
            told = [[c for c in result.changes if at - c.seen_at < TELLS] for result in (now, whole)]
            assert told[0] == told[1]
            assert one.shown == read[name].shown
            for fact in one.facts:
                assert not is_spent(fact) or one.then(fact.start) == read[name].then(fact.start)

    def _take_picture(self) -> None:
        # an address that is filled in later shows in older reports too, and that is meant
        nameless = any(email is None and domain in self.team.buyers for _, domain, email in self.store.people())
        if len(self.pictures) < MOST_PICTURES and not self.unnamed and not nameless:
            self.clock.wait(minutes=1)
            at = self.clock()
            self.pictures.append((at, self._picture(at)))

    def _picture(self, at: datetime) -> dict[str, AccountResult]:
        return {s.result.account.name: s.result for s in look(self.store, SETTINGS, at).scored}

    def _check_pictures(self) -> None:
        for at, seen in self.pictures:
            assert self._picture(at) == seen

    def _check_against_fresh(self) -> None:
        """Check that a store which watched all along shows what lies ahead as one that begins today."""
        with empty_store(*self.store.accounts()) as fresh:
            for rep in self._active():
                fresh.connect(f"fake:{rep}", "fake", rep, {}, self.clock())
            self._read(fresh, fresh.connections())
            copies = self.store.history(self.clock())
            left = {c.uid for c in copies if any(absence.end is None for absence in c.absences)}
            watched, begun = self._ahead(copies, left), self._ahead(fresh.history(self.clock()), left)
            assert _apart(watched, begun) == ([], [])

    def _ahead(self, copies: Sequence[Copy], left: set[str]) -> list[tuple[object, ...]]:
        """Tell what lies ahead, except what a calendar shows that is connected no more: it knows what others cannot."""
        lens = self._lens(self.store)
        found = meetings((c for c in copies if c.uid not in left), lens)
        return sorted(_told(m, self.lineage) for m in found if _is_ahead(m, lens))


NAMES = {oracle.person(who): who for who in PEOPLE}

TOPICS = {
    ChangeKind.MOVED: "times",
    ChangeKind.SERIES_MOVED: "times",
    ChangeKind.ANSWER_CHANGED: "answer",
    ChangeKind.RESPONSE_RESET: "answer",
    ChangeKind.PERSON_ADDED: "presence",
    ChangeKind.PERSON_REMOVED: "presence",
    ChangeKind.CREATED: "status",
    ChangeKind.CANCELLED: "status",
    ChangeKind.VANISHED: "status",
    ChangeKind.RESTORED: "status",
}
"""Changes that take each other back."""


def _apart(some: list[tuple[object, ...]], others: list[tuple[object, ...]]) -> tuple[list[object], list[object]]:
    """Return what is only here, and what is only there; equal ones as often as they are."""
    return list((Counter(some) - Counter(others)).elements()), list((Counter(others) - Counter(some)).elements())


def _is_undone(change: Change, merged: Merged) -> bool:
    """Say whether a state is as if the change had not been; a calendar that joins may bring that about untold."""
    answers = {p.person: p.answer for p in merged.people}
    if change.kind in (ChangeKind.CANCELLED, ChangeKind.VANISHED, ChangeKind.RESTORED):
        return merged.status.gone is (change.kind is ChangeKind.RESTORED)
    if change.kind in (ChangeKind.PERSON_ADDED, ChangeKind.PERSON_REMOVED):
        return (change.person in answers) is (change.kind is ChangeKind.PERSON_REMOVED)
    if change.person is not None:
        return answers.get(change.person) is change.before
    return merged.slot.start == change.before


def _is_ahead(meeting: Meeting, lens: Lens) -> bool:
    merged = meeting.now.merged
    outside = any(lens.role(p) in (Role.BUYER, Role.THIRD_PARTY) for p in merged.people)
    return outside and not merged.status.gone and lens.at(merged.slot.start) > lens.as_of


def _told(meeting: Meeting, lineage: Mapping[str, str]) -> tuple[object, ...]:
    """Tell a meeting; who begins today cannot know which series carries on another one under a UID of its own."""
    merged = meeting.now.merged
    people = tuple(sorted((NAMES.get(p.person, p.person), p.answer.value) for p in merged.people))
    return (
        lineage.get(meeting.uid, meeting.uid),
        str(merged.slot.start),
        str(merged.slot.end),
        merged.status.value,
        people,
    )


def _of(some: Iterable[T], number: int) -> T:
    items = list(some)
    return items[number % len(items)]


def _bare(state: State) -> State:
    """Leave out what may be filled in without a version."""
    return replace(state, people=tuple(replace(p, email=None) for p in state.people), sees=frozenset())
