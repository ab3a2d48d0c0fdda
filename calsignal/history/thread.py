"""Replay all copies of one UID: follow series as they move and split, and settle each meeting's states."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import Enum, auto

from calsignal.history.states import Lens, Meeting, Seen, Track
from calsignal.history.steps import About, Step
from calsignal.merge import Merged, Witness, merge
from calsignal.model import (
    Answer,
    Change,
    ChangeKind,
    Copy,
    EventStatus,
    Moment,
    Participant,
    Slot,
    State,
    Version,
    moment_key,
)

DEFAULT_GAP = timedelta(days=7)


@dataclass
class Line:
    """One meeting while its thread is replayed: the latest word of each calendar, and the states so far."""

    key: Moment | None
    words: dict[str, Witness] = field(default_factory=dict)
    states: list[Seen] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    baseline: bool = False
    lapsed: set[str] = field(default_factory=set)

    @property
    def slot(self) -> Slot:
        return self.states[-1].merged.slot


class Tell(Enum):
    """How much of what differs a line tells itself."""

    ALL = auto()
    HALF = auto()  # for all dates of its half of the series
    STATUS = auto()  # whether it is off or on; the rest is told by its series


class Thread:
    """The replay of all copies with one UID."""

    def __init__(self, uid: str, copies: Sequence[Copy], lens: Lens) -> None:
        self.uid = uid
        self.lens = lens
        self.copies = copies
        self.masters = [c for c in copies if any(v.state.recurrence for v in c.versions)]
        self.recurs = bool(self.masters) or any(c.original_start is not None for c in copies)
        self.lines: dict[str, Line] = {}
        self.series = Line(None)
        self.ended = False
        self.joining: frozenset[str] = frozenset()  # calendars that say something of a copy for the first time
        self.spoke: dict[int, frozenset[str]] = {}  # line that hears something in this step -> who had spoken before
        self.carried: set[str] = set()  # lines that were carried to new times in this step
        self.handed: dict[str, str] = {}  # original starts whose lines were carried away -> where to, whenever that was
        self.shifted = False  # lines were carried to new times, and no change has told so yet
        self.followed: dict[tuple[Moment, Moment], set[str]] = {}  # moves of the series -> calendars that showed them
        self.splits: set[Moment] = set()
        self.done: dict[int, Version] = {}
        self.subject = self._subject()
        self.created = _earliest(c.created for c in copies if c.original_start is None)
        self.absences = {c.calendar: c.absences for c in copies}
        keys = self._keys()
        self.own = {c.calendar: keys.get(c.mailbox, frozenset()) for c in copies}
        self.overridden = {(c.calendar, moment_key(c.original_start)): c for c in copies if c.original_start}

    def _subject(self) -> str | None:
        titled = [c for c in self.copies if c.subject]
        newest = sorted(titled, key=lambda c: (c.original_start is not None, -c.versions[-1].seen_at.timestamp()))
        return newest[0].subject if newest else None

    def _keys(self) -> dict[str | None, frozenset[str]]:
        """Return the person keys by mailbox of everybody in the thread; each address is looked up once."""
        people = {(p.person, p.email) for c in self.copies for v in c.versions for p in v.state.people if p.email}
        mailboxes = {email: self.lens.directory.mailbox(email) for email in {email for _, email in people}}
        keys: dict[str | None, set[str]] = defaultdict(set)
        for person, email in people:
            keys[mailboxes[email]].add(person)
        return {mailbox: frozenset(persons) for mailbox, persons in keys.items()}

    # --- replay -----------------------------------------------------------------------------------------------------

    def replay(self) -> Iterator[Meeting]:
        moments: dict[datetime, list[tuple[Copy, Version]]] = defaultdict(list)
        for copy in self.copies:
            for version in copy.versions:
                moments[version.seen_at].append((copy, version))
        returns = {a.end for absences in self.absences.values() for a in absences if a.end is not None}
        for seen_at in sorted(moments.keys() | returns):
            if seen_at in moments:
                self._step(seen_at, moments[seen_at])
            if seen_at in returns:
                self._believe_again(seen_at)
        for key in sorted(self.lines):
            if self.lines[key].states:
                yield self._meeting(self.lines[key])

    def _step(self, seen_at: datetime, news: Sequence[tuple[Copy, Version]]) -> None:
        firsts = {id(c) for c, _ in news if id(c) not in self.done}
        self.spoke = {}
        masters = [(c, v) for c, v in news if self._is_master(c)]
        split = self._follow(seen_at, masters)
        self.done.update((id(c), v) for c, v in news)
        touched: dict[str, bool] = {}  # line -> whether something of its own (not of the series) was said
        for copy, version in masters:
            touched |= dict.fromkeys(self._hear_master(copy, version, first=id(copy) in firsts), False)
        for copy, version in news:
            if not self._is_master(copy) and (key := self._hear_one(copy, version)) is not None:
                touched[key] = True
        self.joining = frozenset(c.calendar for c, _ in news) if all(id(c) in firsts for c, _ in news) else frozenset()
        silent = all(c.baseline and id(c) in firsts for c, _ in news)
        not_before = min((v.not_before for _, v in news if v.not_before), default=None)
        if masters:
            moved = self._shift(touched, seen_at)
            self._settle_series(seen_at, not_before, silent=silent, moved=moved, split=split)
        left, back = self._left_and_back([key for key in sorted(touched) if not touched[key]], seen_at)
        ended = bool(left) and self._has_ended(seen_at)
        called_off = any(v.state.status.gone and self._precedes_a_half(c) for c, v in masters)
        firstly = {*([] if ended else left if called_off else left[:1]), *back[:1]}
        spokesmen = self._spokesmen(masters, firsts, touched)
        for key in sorted(touched):
            own = touched[key]
            muted = silent or not (own or key in firstly or key in spokesmen)
            tell = Tell.ALL if own else Tell.HALF if key in spokesmen else Tell.STATUS
            self._settle(self.lines[key], seen_at, not_before, silent=muted, tell=tell)
        if ended and not silent:
            self._end_series(seen_at, not_before)

    def _spokesmen(
        self, masters: Sequence[tuple[Copy, Version]], firsts: Collection[int], touched: Mapping[str, bool]
    ) -> set[str]:
        """Return the first date of each half whose word is not the series' own; it tells what happens to the half."""
        found = set()
        for copy, version in masters:
            if id(copy) in firsts or version.state.status.gone or self._last_half(copy.calendar) is copy:
                continue
            keys = (moment_key(start) for start in self._starts(copy, version))
            known = (key for key in keys if touched.get(key) is False and self.lines[key].states)
            found |= {key for key in [min(known, default=None)] if key is not None}
        return found

    def _precedes_a_half(self, copy: Copy) -> bool:
        last = self._last_half(copy.calendar)
        starts = [self.lens.at(self.done[id(m)].state.slot.start) for m in (copy, last) if m is not None]
        return starts[0] < starts[-1]

    def _last_half(self, calendar: str) -> Copy | None:
        """Return the series of a calendar that begins last and lives: its word is the one on the whole."""
        heard = (m for m in self.masters if m.calendar == calendar and id(m) in self.done)
        living = [m for m in heard if not self.done[id(m)].state.status.gone]
        return max(living, key=lambda m: self.lens.at(self.done[id(m)].state.slot.start), default=None)

    def _believe_again(self, at: datetime) -> None:
        """Let what a calendar said count again from the moment at which it was read again; that is no news."""
        back = {calendar for calendar, absences in self.absences.items() if any(a.end == at for a in absences)}
        self.joining = frozenset(back)
        for line in (self.series, *(self.lines[key] for key in sorted(self.lines))):
            if line.states and back & line.words.keys():
                self.spoke = {id(line): frozenset()}
                self._settle(line, at, None, silent=True)

    def _is_master(self, copy: Copy) -> bool:
        return copy.original_start is None and self.recurs

    def _line(self, key: Moment | None) -> Line:
        return self.lines.setdefault(moment_key(key), Line(key))

    def _hear_one(self, copy: Copy, version: Version) -> str | None:
        """Take the word of a single event, or of an occurrence that is listed apart; None if it says nothing."""
        key = moment_key(copy.original_start)
        if version.state.status.gone and key in self.handed and key not in self.lines:
            return self._forget_word(copy, version, self.handed[key])
        line = self._line(copy.original_start)
        state = version.state
        if state.status is EventStatus.VANISHED:
            back = self._back_in_series(copy, line) if copy.original_start is not None else None
            last = line.words.get(copy.calendar)
            if back is None and last is not None and self.lens.at(last.state.slot.start) <= version.seen_at:
                return key  # what disappears after its start stays as last seen
            state = back or state
        self._say(line, self._witness(copy, version, state))
        return key

    def _forget_word(self, copy: Copy, version: Version, key: str) -> str | None:
        """Take note that a date which stood apart is gone, from a series that went elsewhere and the date with it.

        One that disappeared says no more of the date where it is now: its series does, or other calendars.
        """
        line = self.lines.get(key)
        if version.state.status is not EventStatus.VANISHED or line is None or line.words.keys() <= {copy.calendar}:
            return None
        if self._back_in_series(copy, line) is not None:
            return None
        self.spoke.setdefault(id(line), frozenset(line.words))
        return key if line.words.pop(copy.calendar, None) else None

    def _back_in_series(self, copy: Copy, line: Line) -> State | None:
        """Return what the series says of an occurrence that is no longer listed apart."""
        for master in self.masters:
            version = self.done.get(id(master))
            if master.calendar == copy.calendar and version and not version.state.status.gone:
                start = next((s for s in self._starts(master, version) if s == line.key), None)
                if start is not None:
                    return _occurrence(version.state, start)
        return None

    def _hear_master(self, copy: Copy, version: Version, *, first: bool) -> Iterator[str]:
        """Take the word of a series on each of its occurrences that it still decides."""
        starts = {moment_key(s): s for s in self._starts(copy, version)}
        # a line without states was begun in this very step, by another half of the series
        shown = [key for key, line in self.lines.items() if copy.calendar in line.words and line.states]
        for key in sorted({*starts, *shown}):
            start = starts.get(key)
            if self._is_listed_apart(copy, key, version) or (start is None and self._shown_elsewhere(copy, key)):
                continue
            line = self._line(start) if start is not None else self.lines[key]
            ahead = self.lens.at(line.slot.start if start is None else start) > version.seen_at
            if not (ahead or key in self.carried or (first and start is not None)):
                continue
            state = self._series_word(version, start, line)
            self._say(line, self._witness(copy, version, state))
            yield key

    @staticmethod
    def _series_word(version: Version, start: Moment | None, line: Line) -> State:
        if start is not None:
            return _occurrence(version.state, start)
        status = version.state.status if version.state.status.gone else EventStatus.CANCELLED
        return replace(version.state, slot=line.slot, status=status, recurrence=None)

    def _is_listed_apart(self, copy: Copy, key: str, word: Version) -> bool:
        """Say whether an occurrence speaks for itself; once its series is gone, only if it was heard of since."""
        override = self.overridden.get((copy.calendar, key))
        version = self.done.get(id(override)) if override else None
        if version is None or version.state.status is EventStatus.VANISHED:
            return False
        return not word.state.status.gone or version.seen_at >= word.seen_at

    def _shown_elsewhere(self, copy: Copy, key: str) -> bool:
        """Say whether another series of the same calendar (the other half of a split) has the occurrence."""
        others = (m for m in self.masters if m is not copy and m.calendar == copy.calendar and id(m) in self.done)
        return any(
            key == moment_key(s)
            for m in others
            if not self.done[id(m)].state.status.gone
            for s in self._starts(m, self.done[id(m)])
        )

    def _starts(self, copy: Copy, version: Version) -> Sequence[Moment]:
        """Return the original starts of a series inside the sight; a series that is gone has none ahead."""
        if version.state.status.gone and version is not copy.versions[0]:
            return ()
        if version.state.recurrence is None:
            return (version.state.slot.start,)
        if copy.sight is None:
            return version.occurrences
        limit = copy.sight + self.lens.horizon
        return [s for s in version.occurrences if self.lens.at(s) < limit]

    def _say(self, line: Line, word: Witness) -> None:
        """Let a calendar have its word on a line."""
        self.spoke.setdefault(id(line), frozenset(line.words))
        line.words[word.calendar] = word

    def _witness(self, copy: Copy, version: Version, state: State) -> Witness:
        return Witness(copy.calendar, copy.mailbox, self.own[copy.calendar], version.seen_at, state)

    # --- series that move -------------------------------------------------------------------------------------------

    def _follow(self, seen_at: datetime, masters: Sequence[tuple[Copy, Version]]) -> Moment | None:
        """Carry the lines of a series over to its new times; return where a second half begins, if one is new."""
        split = None
        self.carried = set()
        for copy, version in masters:
            before = self.done.get(id(copy))
            if before is not None:
                self._carry(self._moved_dates(before, copy, version, seen_at))
                continue
            first = self._first_half(copy)
            if first is None or version.state.slot.start in self.splits:
                continue
            split = version.state.slot.start
            self.splits.add(split)
            cut = next((v for c, v in masters if c is first), None)
            self._carry(self._split_dates(first, cut, copy, version, seen_at))
        return split

    def _moved_dates(
        self, before: Version, copy: Copy, version: Version, seen_at: datetime
    ) -> list[tuple[Moment, Moment]]:
        """Return old and new start of each date ahead that a move of the whole series took along, by ordinal.

        A series has moved when none of the dates ahead is left, or when it has not begun and begins elsewhere. Else
        dates were only added or taken out.
        """
        if version.state.status.gone or before.state.status.gone:
            return []
        at, starts, new = self.lens.at, self._starts(copy, before), self._starts(copy, version)
        old, ahead = ([s for s in some if at(s) > seen_at] for some in (starts, new))
        was, now = before.state.slot.start, version.state.slot.start
        started = len(old) < len(starts)
        if not old or not ahead or set(old) <= set(new) or (set(old) & set(new) and (started or was == now)):
            return []
        if was != now and self._is_known_move(copy, was, now):
            return []
        gap = at(old[1]) - at(old[0]) if len(old) > 1 else DEFAULT_GAP
        shift = at(now) - at(was)
        if not shift or (started and abs(shift) > gap):  # the first start says nothing about those ahead
            shift, new = timedelta(), ahead
        offset = min(range(len(new)), key=lambda i: abs(at(new[i]) - at(old[0]) - shift))
        return list(zip(old, new[offset:], strict=False))

    def _is_known_move(self, copy: Copy, was: Moment, now: Moment) -> bool:
        """Say whether another calendar has led the way; a calendar that says it again has moved again."""
        shown = self.followed.setdefault((was, now), set())
        known = bool(shown) and copy.calendar not in shown
        if not known:
            shown.clear()
        shown.add(copy.calendar)
        return known

    def _first_half(self, copy: Copy) -> Copy | None:
        """Return the series of which this one, in the same calendar and with the same UID, is the second half."""
        return self._last_half(copy.calendar)

    def _split_dates(
        self, first: Copy, cut: Version | None, copy: Copy, version: Version, seen_at: datetime
    ) -> list[tuple[Moment, Moment]]:
        """Return old and new start of each date ahead that the first half handed over to the second, by ordinal."""
        before = self.done[id(first)]
        kept = set(self._starts(first, cut or before))  # what was cut off in an earlier sync is lost already
        ahead = [s for s in self._starts(first, before) if self.lens.at(s) > seen_at]
        return list(zip([s for s in ahead if s not in kept], self._starts(copy, version), strict=False))

    def _carry(self, pairs: Sequence[tuple[Moment, Moment]]) -> None:
        """Let each line go on under its new original start."""
        carried = [(pair, self.lines.pop(key)) for pair in pairs if (key := moment_key(pair[0])) in self.lines]
        for (old, new), line in carried:
            if moment_key(new) in self.lines:  # another date stands there already
                self.lines[moment_key(old)] = line
                continue
            self.shifted = self.shifted or old != new
            self.handed[moment_key(old)] = moment_key(new)
            line.key = new
            self.lines[moment_key(new)] = line
            self.carried.add(moment_key(new))

    def _shift(self, touched: Iterable[str], seen_at: datetime) -> tuple[Moment, Moment] | None:
        """Return old and new start of the first date that its calendars, all in all, now show elsewhere."""
        if not self.shifted:
            return None
        for line in (self.lines[key] for key in sorted(touched)):
            if line.states:
                was, now = line.slot.start, merge(self._credible(line, seen_at)).slot.start
                if was != now:
                    self.shifted = False
                    return was, now
        return None

    # --- states and changes -----------------------------------------------------------------------------------------

    def _settle_series(
        self,
        seen_at: datetime,
        not_before: datetime | None,
        *,
        silent: bool,
        moved: tuple[Moment, Moment] | None,
        split: Moment | None,
    ) -> None:
        """Bring the series as a whole up to date, with one change for all its occurrences."""
        known = [(c, self.done[id(c)]) for c in self.copies if self._is_master(c) and id(c) in self.done]
        for copy, version in sorted(known, key=lambda pair: self.lens.at(pair[1].state.slot.start)):
            word = self.series.words.get(copy.calendar)
            if word is None or not version.state.status.gone or word.seen_at <= version.seen_at:
                self._hear_series(copy, version)
        self.ended = self.ended and self._has_ended(seen_at)
        if split is not None and self.series.states and not silent:
            merged = self.series.states[-1].merged
            step = self._difference(self.series, merged, merged, seen_at, not_before)
            self.series.changes.append(step.change(ChangeKind.SERIES_SPLIT, after=split))
        self._settle(self.series, seen_at, not_before, silent=silent, moved=moved)

    def _hear_series(self, copy: Copy, version: Version) -> None:
        word = self.series.words.get(copy.calendar)
        if word is not None and version.state.status.gone and not word.state.status.gone:
            others = [m for m in self.masters if m is not copy and m.calendar == copy.calendar and id(m) in self.done]
            if any(not self.done[id(m)].state.status.gone for m in others):
                return
        self._say(self.series, self._witness(copy, version, version.state))

    def _settle(
        self,
        line: Line,
        seen_at: datetime,
        not_before: datetime | None,
        *,
        silent: bool,
        moved: tuple[Moment, Moment] | None = None,
        tell: Tell = Tell.ALL,
    ) -> None:
        """Bring a line up to date, and tell as much of the difference as nothing else does."""
        merged = merge(self._credible(line, seen_at))
        if line is self.series and self.ended:
            merged = replace(merged, status=EventStatus.CANCELLED)
        if not line.states:
            self._begin(line, merged, seen_at, not_before, silent=silent)
            return
        before = line.states[-1]
        if before.merged == merged and moved is None:
            return
        line.lapsed = _lapsed(line.lapsed, before.merged, merged, seen_at, self.lens)
        self._date_answers(line, before.merged, merged)
        newcomer = bool(self.joining) and not self.joining & self.spoke.get(id(line), line.words.keys())
        joined = newcomer and (not_before is None or not_before < line.states[0].seen_at)
        if not (silent or joined):
            step = self._difference(line, before.merged, merged, seen_at, not_before, moved)
            line.changes += self._told(step, tell)
        line.states.append(Seen(seen_at, not_before, merged, frozenset(line.lapsed), joined))

    def _told(self, step: Step, tell: Tell) -> Iterator[Change]:
        if tell is Tell.HALF:
            return self._half(step)
        return step.changes() if tell is Tell.ALL else step.status()

    def _half(self, step: Step) -> Iterator[Change]:
        """Yield what happened to a half of the series; what the series has just told of the whole is told."""
        told = {(c.kind, c.person) for c in self.series.changes if c.seen_at == step.seen_at}
        for change in step.changes():
            if change.kind is not ChangeKind.MOVED and (change.kind, change.person) not in told:
                yield change

    def _date_answers(self, line: Line, before: Merged, after: Merged) -> None:
        """Fill in when an answer was given that was told already: a calendar read later knows the time."""
        was = {p.person: p for p in before.people}
        for now in after.people:
            old = was.get(now.person)
            if old is None or old.answer is not now.answer or old.answered_at == now.answered_at:
                continue
            who = self.lens.directory.who(now).person
            told = (n for n, c in enumerate(line.changes) if c.kind is ChangeKind.ANSWER_CHANGED and c.person == who)
            last = max(told, default=None)
            if last is not None and line.changes[last].at is None:
                line.changes[last] = replace(line.changes[last], at=now.answered_at)

    def _difference(
        self,
        line: Line,
        before: Merged,
        after: Merged,
        seen_at: datetime,
        not_before: datetime | None,
        moved: tuple[Moment, Moment] | None = None,
    ) -> Step:
        whole = line is self.series
        told = tuple(self.series.changes) if whole else (*self.series.changes, *line.changes)
        about = About(self.uid, line.key, self.subject, whole, line.states[0].seen_at, told)
        return Step(self.lens, about, before, after, seen_at, not_before, moved)

    def _credible(self, line: Line, seen_at: datetime) -> tuple[Witness, ...]:
        """Leave out what disconnected calendars said of the time after, as long as another calendar speaks."""
        words = tuple(line.words.values())
        connected = tuple(w for w in words if not self._is_retired(w, seen_at))
        return connected or words

    def _is_retired(self, word: Witness, seen_at: datetime) -> bool:
        starts = self.lens.at(word.state.slot.start)
        return any(absence.covers(seen_at) and starts > absence.start for absence in self.absences[word.calendar])

    def _begin(
        self, line: Line, merged: Merged, seen_at: datetime, not_before: datetime | None, *, silent: bool
    ) -> None:
        line.baseline = not_before is None
        line.states.append(Seen(seen_at, not_before, merged))
        step = self._difference(line, merged, merged, seen_at, not_before)
        if not line.baseline and not silent and (line.key is None or not self.series.states):
            line.changes.append(step.created(self._created(line)))
        if line.key is not None and type(line.key) is type(merged.slot.start) and line.key != merged.slot.start:
            line.changes.append(step.moved(line.key, merged.slot.start))

    def _left_and_back(self, keys: Iterable[str], seen_at: datetime) -> tuple[list[str], list[str]]:
        """Return which occurrences were just taken out of a series that goes on, and which it took back."""
        series = self.series.states
        if self.ended or not series or series[-1].merged.status.gone:
            return [], []
        was = {key: self.lines[key].states[-1].merged.status.gone for key in keys if self.lines[key].states}
        unlike = [key for key, gone in was.items() if gone or _said_gone(self.lines[key])]
        now = {key: self._is_gone(self.lines[key], seen_at) for key in unlike}
        left = [key for key in unlike if now[key] and not was[key]]
        if len(series) > 1 and series[-1].seen_at == seen_at and series[-2].merged.status.gone:
            return left, []  # the series itself came back just now, and that says it all
        return left, [key for key in unlike if was[key] and not now[key]]

    def _is_gone(self, line: Line, seen_at: datetime) -> bool:
        return merge(self._credible(line, seen_at)).status.gone

    def _has_ended(self, seen_at: datetime) -> bool:
        """Say whether no date is left ahead."""
        ahead = [line for line in self.lines.values() if line.states and self.lens.at(line.slot.start) > seen_at]
        return all(self._is_gone(line, seen_at) for line in ahead)

    def _end_series(self, seen_at: datetime, not_before: datetime | None) -> None:
        """Record that the series was cut so that nothing lies ahead any more: it is over, whatever its status says."""
        before = self.series.states[-1].merged
        after = replace(before, status=EventStatus.CANCELLED)
        self.ended = True
        step = self._difference(self.series, before, after, seen_at, not_before)
        self.series.changes += step.changes()
        self.series.states.append(Seen(seen_at, not_before, after, frozenset(self.series.lapsed)))

    def _meeting(self, line: Line) -> Meeting:
        series = self._track(self.series) if self.series.states else None
        track = self._track(line)
        return Meeting(
            uid=track.uid,
            original_start=track.original_start,
            subject=track.subject,
            created=track.created,
            baseline=track.baseline,
            states=track.states,
            changes=track.changes,
            series=series,
            unwatched=self._is_unwatched(line),
        )

    def _track(self, line: Line) -> Track:
        return Track(
            uid=self.uid,
            original_start=line.key,
            subject=self.subject,
            created=self._created(line),
            baseline=line.baseline,
            states=tuple(line.states),
            changes=tuple(line.changes),
        )

    def _created(self, line: Line) -> datetime | None:
        """Return when a line was made: with its series, or on its own where no calendar shows the series."""
        if self.masters or line.key is None:
            return self.created
        return _earliest(c.created for c in self.copies if c.original_start == line.key)

    def _is_unwatched(self, line: Line) -> bool:
        starts = self.lens.at(line.slot.start)
        return all(
            any(absence.end is None and starts > absence.start for absence in self.absences[calendar])
            for calendar in line.words
        )


def _said_gone(line: Line) -> bool:
    return any(word.state.status.gone for word in line.words.values())


def _earliest(moments: Iterable[datetime | None]) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def _occurrence(state: State, start: Moment) -> State:
    slot = state.slot.starting(start) if type(start) is type(state.slot.start) else state.slot
    return replace(state, slot=slot, recurrence=None)


def _lapsed(lapsed: set[str], before: Merged, after: Merged, seen_at: datetime, lens: Lens) -> set[str]:
    """Return whose acceptance a move has undone: reset by it, or given for a time that has passed."""
    was = {p.person: p for p in before.people}
    still = {p.person for p in after.people if p.person in lapsed and _same_answer(was.get(p.person), p)}
    if before.slot.start == after.slot.start:
        return still
    revived = lens.at(before.slot.start) <= seen_at < lens.at(after.slot.start)
    for person in after.people:
        if (old := was.get(person.person)) is None or old.answer is not Answer.ACCEPTED:
            continue
        if person.answer is Answer.NONE or (revived and _same_answer(old, person)):
            still.add(person.person)
    return still


def _same_answer(old: Participant | None, new: Participant) -> bool:
    """Say whether a person has not answered since: the same answer of the same time, or none at all."""
    if new.answer is Answer.NONE:
        return True
    return old is not None and (old.answer, old.answered_at) == (new.answer, new.answered_at)
