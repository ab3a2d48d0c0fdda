"""Tell the difference between two states of a meeting as typed changes, and who is behind a move."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from calsignal.history.states import Lens
from calsignal.merge import Merged
from calsignal.model import (
    Actor,
    Answer,
    Change,
    ChangeKind,
    Confidence,
    EventStatus,
    Moment,
    Participant,
    Role,
    day,
)


@dataclass(frozen=True)
class About:
    """What a step is about: a meeting (`key` names an occurrence) or a series as a whole, and what was told of it."""

    uid: str
    key: Moment | None
    subject: str | None
    series: bool
    first_seen: datetime
    told: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Step:
    """The difference between two states, told as changes. `series_moved` is where a series went, by its next date."""

    lens: Lens
    about: About
    before: Merged
    after: Merged
    seen_at: datetime
    not_before: datetime | None
    series_moved: tuple[Moment, Moment] | None = None

    def changes(self) -> Iterator[Change]:
        """Yield everything that differs, the status first."""
        yield from self.status()
        if not self.after.status.gone:
            yield from self._times()
            yield from self._organizer()
            yield from self._people()

    def change(self, kind: ChangeKind, person: Participant | None = None, **more: object) -> Change:
        """Return one change of this step."""
        who = self.lens.directory.who(person) if person else None
        base = Change(
            kind=kind,
            seen_at=self.seen_at,
            uid=self.about.uid,
            original_start=self.about.key,
            subject=self.about.subject,
            not_before=self.not_before,
            person=who.person if who else None,
            email=who.email if who else None,
            series=self.about.series,
        )
        return replace(base, **more)  # type: ignore[arg-type]

    def created(self, at: datetime | None) -> Change:
        """Return that the meeting came about, and on whose side."""
        organizer = next((p for p in self.after.people if p.person == self.after.organizer), None)
        role = self.lens.role(organizer) if organizer else None
        by = {Role.BUYER: Actor.BUYER, Role.SELLER: Actor.SELLER}.get(role or Role.THIRD_PARTY)
        return self.change(ChangeKind.CREATED, at=at, by=by, after=self.after.slot.start)

    def status(self) -> Iterator[Change]:
        """Yield whether it went or came back."""
        was, now = self.before.status, self.after.status
        if now.gone and not was.gone:
            kind = ChangeKind.CANCELLED if now is EventStatus.CANCELLED else ChangeKind.VANISHED
            by, confidence, why = self._mover(None)
            yield self.change(kind, by=by, confidence=confidence, why=why)
        elif was.gone and not now.gone:
            yield self.change(ChangeKind.RESTORED)

    def _times(self) -> Iterator[Change]:
        was, now = self.before.slot, self.after.slot
        if self.about.series:
            if self.series_moved:
                moved = self.moved(*self.series_moved)
                yield replace(moved, kind=ChangeKind.SERIES_MOVED)
        elif was.start != now.start:
            yield self.moved(was.start, now.start)
        if was.start == now.start and was.end != now.end:
            yield self.change(ChangeKind.DURATION_CHANGED, before=was.end, after=now.end)

    def moved(self, before: Moment, after: Moment) -> Change:
        """Return a move with who made it, as far as there is evidence."""
        zone = self.lens.zone
        by, confidence, why = self._mover(after)
        days = (day(after, zone) - day(before, zone)).days
        return self.change(
            ChangeKind.MOVED, before=before, after=after, days=days, by=by, confidence=confidence, why=why
        )

    def _organizer(self) -> Iterator[Change]:
        if self.before.organizer != self.after.organizer:
            new = next((p for p in self.after.people if p.person == self.after.organizer), None)
            kind = ChangeKind.ORGANIZER_CHANGED
            yield self.change(kind, new, before=self.before.organizer, after=self.after.organizer)

    def _people(self) -> Iterator[Change]:
        was = {p.person: p for p in self.before.people}
        now = {p.person: p for p in self.after.people}
        for person in sorted(now.keys() - was.keys()):
            yield self.change(ChangeKind.PERSON_ADDED, now[person], after=now[person].answer)
        if self.after.whole:
            for person in sorted(was.keys() - now.keys()):
                yield self.change(ChangeKind.PERSON_REMOVED, was[person], before=was[person].answer)
        for person in sorted(was.keys() & now.keys()):
            yield from self._answer(was[person], now[person])

    def _answer(self, was: Participant, now: Participant) -> Iterator[Change]:
        if now.proposed is not None and now.proposed != was.proposed:
            yield self.change(
                ChangeKind.PROPOSED, now, at=now.answered_at, before=self.after.slot.start, after=now.proposed.start
            )
        if was.answer is now.answer or Answer.NOT_VISIBLE in (was.answer, now.answer):
            return
        times = {"before": was.answer, "after": now.answer}
        if now.answer is Answer.NONE and (self.series_moved or self.before.slot.start != self.after.slot.start):
            yield self.change(ChangeKind.RESPONSE_RESET, now, why="the meeting moved", **times)
        else:
            yield self.change(ChangeKind.ANSWER_CHANGED, now, at=now.answered_at, **times)

    def _mover(self, to: Moment | None) -> tuple[Actor, Confidence, str]:
        """Say who moved or cancelled, by the evidence there is (scoring model 3.2)."""
        organizer = next((p for p in self.before.people if p.person == self.before.organizer), None)
        role = self.lens.role(organizer) if organizer else None
        if role is Role.BUYER:
            return Actor.BUYER, Confidence.CERTAIN, "the buyer organises it"
        return self._asked(to) or (
            Actor.SELLER_OR_UNKNOWN,
            Confidence.GUESS,
            "the seller organises it, and no buyer was seen to ask"
            if role is Role.SELLER
            else "who organises it is not known",
        )

    def _asked(self, to: Moment | None) -> tuple[Actor, Confidence, str] | None:
        buyers = [p for p in self.before.people if self.lens.role(p) is Role.BUYER]
        proposals = [p.proposed for p in buyers if p.proposed is not None and self._is_recent(self._proposed_at(p))]
        if to is not None and any(proposed.start == to for proposed in proposals):
            return Actor.BUYER, Confidence.CERTAIN, "a buyer had proposed this time"
        keys = {self.lens.directory.who(p).person for p in buyers}
        asked = [c for c in self.about.told if c.person in keys and self._is_recent(c.seen_at)]
        if proposals or any(c.kind is ChangeKind.PROPOSED for c in asked):
            return Actor.BUYER, Confidence.LIKELY, "a buyer had proposed another time"
        declined = any(c.kind is ChangeKind.ANSWER_CHANGED and c.after is Answer.DECLINED for c in asked)
        answered = any(p.answer is Answer.DECLINED and p.answered_at and self._is_recent(p.answered_at) for p in buyers)
        if declined or answered:
            return Actor.BUYER, Confidence.LIKELY, "a buyer had declined within the 7 days before"
        return None

    def _is_recent(self, at: datetime) -> bool:
        """Say whether a sign of the buyer lies in the 7 calendar days before."""
        lens = self.lens
        return (day(self.seen_at, lens.zone) - day(at, lens.zone)).days <= lens.evidence_days

    def _proposed_at(self, participant: Participant) -> datetime:
        """Return when a proposal that still stands was made, as far as it is known."""
        person = self.lens.directory.who(participant).person
        told = [c.seen_at for c in self.about.told if c.kind is ChangeKind.PROPOSED and c.person == person]
        return max(told, default=participant.answered_at or self.about.first_seen)
