"""Fill an empty store with an invented team, as years of daily syncs would have left it, in seconds to minutes.

    python benchmarks/generate.py URL [--meetings N] [--rep] [--seed N] [--now MOMENT] [--config FILE]

A team has a rep for 2,000 meetings, an account for 100 and a deal for 133; `--rep` makes one rep with 300 accounts and
5,000 meetings. The last sync is just before `--now` (by default the present hour), so that `calsignal digest` and
`calsignal audit` find a fresh store; `--config` writes the settings that they need.

What is planned here is rows of the store; `events` gives the same as what a calendar would have said at each sync, and
a test holds the two together.
"""

from __future__ import annotations

import argparse
import gc
import random
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

import sqlalchemy as sa

from calsignal.contract import Attendee, Event
from calsignal.ledger import person_key
from calsignal.model import Answer, Capability, Category, Deal, EventStatus, Outcome, Slot, moment_key
from calsignal.store import open_store
from calsignal.store import tables as t

DAY, HOUR = 86_400, 3600
PAST, WATCHED, AHEAD = 1460, 1095, 60  # days: of meetings, of daily syncs, of meetings to come
OURS = "ours.example"
HISTORY, HORIZON, SPARE = 365, 180, 31  # days: what a sync reads, and how far it expands a series beyond that
SEES = frozenset({Capability.GUESTS, Capability.ANSWERS})
ROOM = "resource.calendar.google.com"


@dataclass(frozen=True)
class Size:
    """How large a team is; `past`, `watched` and `ahead` in days."""

    reps: int
    accounts: int
    meetings: int
    deals: int
    past: int = PAST
    watched: int = WATCHED
    ahead: int = AHEAD


REP = Size(1, 300, 5_000, 60)


def team(meetings: int = 1_000_000) -> Size:
    """Return a team of so many meetings; at a million, 500 reps with 10,000 accounts and 7,500 deals."""
    return Size(max(1, meetings // 2000), max(1, meetings // 100), meetings, max(1, meetings * 3 // 400))


class Person(NamedTuple):
    address: str
    known: bool  # whether somebody on the team has a reason to know the address
    room: bool = False


class Seat(NamedTuple):
    person: int
    answer: Answer
    optional: bool = False


class Said(NamedTuple):
    """What a calendar says of an event: start in seconds since 1970, length in minutes, ..."""

    start: int
    minutes: int
    status: EventStatus
    organizer: int
    seats: tuple[Seat, ...]
    rule: str | None
    subject: str | None


class Step(NamedTuple):
    """What the sync of one day (counted from 0) showed anew."""

    day: int
    said: Said


class Planned(NamedTuple):
    """One event in the calendar of one rep, with all that was ever seen of it. Times in seconds since 1970."""

    rep: int
    event: str
    uid: str
    original: int | None
    created: int
    steps: list[Step]


Timeline = list[tuple[int, Said]]


class Plan:
    """An invented team: who there is, and what their calendars said."""

    def __init__(self, size: Size, now: datetime, seed: int = 1) -> None:
        self.size = size
        self.now = int(now.timestamp())
        self.dice = random.Random(seed)
        self.people: list[Person] = []
        self._numbers: dict[str, int] = {}
        self.reps = [self._person(f"rep{n}@{OURS}") for n in range(size.reps)]
        self.engineers = [self._person(f"engineer{n}@{OURS}") for n in range(max(1, size.reps // 4))]
        self.rooms = [self._person(f"room{n}@{ROOM}", known=False, room=True) for n in range(max(1, size.reps // 10))]
        self.outsiders = [self._person(f"adviser{n}@advice{n % 50}.example", known=False) for n in range(200)]
        self.owners = [self.dice.randrange(size.reps) for _ in range(size.accounts)]
        self.uids = 0

    def _person(self, address: str, *, known: bool = True, room: bool = False) -> int:
        number = self._numbers.get(address)
        if number is None:
            number = self._numbers[address] = len(self.people)
            self.people.append(Person(address, known, room))
        return number

    # --- the clock ----------------------------------------------------------------------------------------------------

    def sync_at(self, rep: int, day: int) -> int:
        """Return when a rep's calendar was read on a day: one after the other, all just before `now`."""
        return self.now - (self.size.watched - day) * DAY - (self.size.reps - rep)

    def _seen(self, rep: int, moment: int) -> int:
        return max(0, -((self.sync_at(rep, 0) - moment) // DAY))

    def _slot(self, moment: float) -> int:
        """Return a half hour of a working day near a moment."""
        day = int(moment) // DAY
        weekday = (day + 3) % 7
        day += max(0, 7 - weekday) if weekday > 4 else 0
        return day * DAY + 7 * HOUR + self.dice.randrange(18) * 1800

    # --- what happens -------------------------------------------------------------------------------------------------

    @cached_property
    def copies(self) -> list[Planned]:
        """Everything that all calendars said."""
        strangers = max(1, self.size.accounts // 30)  # companies that nobody has made an account
        weights = [self.dice.lognormvariate(0, 0.8) for _ in range(self.size.accounts + strangers)]
        weights[self.size.accounts :] = [w * 0.8 for w in weights[self.size.accounts :]]
        return [
            copy for n, share in enumerate(_shares(weights, self.size.meetings)) for copy in self._account(n, share)
        ]

    def _account(self, number: int, meetings: int) -> Iterator[Planned]:
        known = number < self.size.accounts
        owner = self.owners[number] if known else self.dice.randrange(self.size.reps)
        company = _Company(
            owner,
            [self._person(f"buyer{n}@{_domain(number)}", known=known) for n in range(4 + min(meetings // 8, 8))],
            known,
            0.1 + 0.85 * self.dice.random(),
        )
        starts = self._starts(meetings)
        while starts:
            left = len(starts)
            start = self._slot(starts.pop(0))
            if self.dice.random() < 0.012 and left >= 4:
                count = min(left, self.dice.randint(4, 12))
                del starts[: count - 1]
                yield from self._series(company, start, count, left)
                continue
            timeline, again = self._single(company, start, left)
            yield from self._told(company, timeline, self._uid())
            if again and starts:  # booked again instead
                del starts[0]
                yield from self._told(company, self._booked(company, *again), self._uid())

    def _starts(self, number: int) -> list[float]:
        """Return when a company met us: at one stretch, which for some still lasts and for some has just ended."""
        dice, span = self.dice, (self.size.past - 1) * DAY
        gap = min(dice.uniform(4, 26) * DAY, dice.uniform(0.15, 0.9) * span / max(number, 1))
        lasted = number * gap
        luck = dice.random()
        if luck < max(0.06, 0.8 * lasted / span):
            end = self.now + dice.uniform(1, self.size.ahead - 4) * DAY
        elif luck > 0.9:
            end = self.now - dice.uniform(0.005, 0.05) * span
        else:
            end = self.now - dice.uniform(0.01 * span, span - lasted)
        gaps = [self.dice.expovariate(1) + 0.05 for _ in range(number)]
        scale, at, found = lasted / (sum(gaps) or 1), end - lasted, []
        for each in gaps:
            at += each * scale
            found.append(at)
        return found

    def _single(self, company: _Company, start: int, left: int) -> tuple[Timeline, tuple[int, int] | None]:
        """Return what became of one meeting, and when it was booked again, for when, if it was called off."""
        lead = min(self.dice.expovariate(1 / 10), 45) * DAY + 3 * HOUR
        latest = self.now - int(DAY * (1.2 + 15 * self.dice.random()))
        timeline = self._booked(company, min(start - int(lead), latest), start)
        again = None
        if self.dice.random() < 0.24:
            for _ in range(self.dice.choices((1, 2, 3), (70, 22, 8))[0]):
                if not self._next(company, timeline, left):
                    break
            moment, said = timeline[-1]
            if said.status.gone and self.dice.random() < 0.5:
                booked = moment + int(self.dice.uniform(0.1, 4) * DAY)
                if booked < self.now - DAY:
                    again = booked, self._slot(booked + self.dice.uniform(3, 20) * DAY)
        return timeline, again

    def _booked(self, company: _Company, booked: int, start: int) -> Timeline:
        seats = self._seats(company)
        organizer = seats[0].person
        theirs = [seat.person for seat in seats if seat.person in company.buyers]
        if self.dice.random() < 0.2 * company.warmth:
            organizer = theirs[0]
            seats = [seat._replace(answer=Answer.ACCEPTED) if seat.person == organizer else seat for seat in seats]
        title = f"Sample call {self.uids % 977}" if company.known else None
        minutes = self.dice.choice((30, 30, 45, 60, 60, 90))
        return [(booked, Said(start, minutes, EventStatus.CONFIRMED, organizer, tuple(seats), None, title))]

    def _seats(self, company: _Company) -> list[Seat]:
        """Return the people of a meeting; the rep who owns the account comes first."""
        dice = self.dice
        seats = [Seat(self.reps[company.owner], Answer.ACCEPTED)]
        if dice.random() < 0.1:
            other = self.reps[dice.randrange(self.size.reps)]
            if other != seats[0].person:
                seats.append(Seat(other, Answer.ACCEPTED))
        if dice.random() < 0.25:
            seats.append(Seat(dice.choice(self.engineers), Answer.ACCEPTED))
        many = min(len(company.buyers), dice.choices((1, 2, 3, 4, 5, 6), (11, 20, 24, 20, 14, 11))[0])
        buyers = dice.sample(company.buyers, many)
        seats += [Seat(buyer, self._answer(company), dice.random() < 0.08) for buyer in buyers]
        if dice.random() < 0.12:
            seats.append(Seat(dice.choice(self.outsiders), self._answer(company)))
        if dice.random() < 0.08:
            seats.append(Seat(dice.choice(self.rooms), Answer.ACCEPTED))
        return seats

    def _answer(self, company: _Company) -> Answer:
        luck = self.dice.random()
        if luck < company.warmth:
            return Answer.ACCEPTED
        return self.dice.choices((Answer.NONE, Answer.TENTATIVE, Answer.DECLINED), (75, 12, 13))[0]

    def _next(self, company: _Company, timeline: Timeline, left: int) -> bool:
        """Let one more thing happen to a meeting before it begins; say whether there was time for it."""
        dice = self.dice
        moment, said = timeline[-1]
        until = min(said.start, self.now - DAY)
        earliest = moment + DAY + 600
        if earliest >= until or moment < self.sync_at(0, 0):
            return False
        at = int(dice.uniform(earliest, until))
        luck = dice.random() - (0.15 if left < 4 else 0)  # a company that is about to go quiet calls off more
        if luck < 0.15:
            timeline.append((at, said._replace(status=EventStatus.CANCELLED)))
            return False
        if luck < 0.45:
            later = dice.random() < 0.8
            start = self._slot(
                max(at, said.start) + dice.uniform(1, 20) * DAY if later else (at + said.start) / 2 + DAY
            )
            timeline.append((at, said._replace(start=start)))
        elif luck < 0.5 and company.known:
            timeline.append((at, said._replace(subject=f"{said.subject} (new)")))
        else:
            who = dice.randrange(len(said.seats))
            seats = list(said.seats)
            if seats[who].person in company.buyers and seats[who].person != said.organizer:
                other = Answer.DECLINED if seats[who].answer is Answer.ACCEPTED else Answer.ACCEPTED
                seats[who] = seats[who]._replace(answer=other)
            else:
                here = {seat.person for seat in seats}
                seats += [Seat(one, Answer.NONE) for one in company.buyers if one not in here][:1]
            timeline.append((at, said._replace(seats=tuple(seats))))
        return True

    def _series(self, company: _Company, start: int, count: int, left: int) -> Iterator[Planned]:
        """Tell a weekly series, one date of which may be moved."""
        lead = int(min(self.dice.expovariate(1 / 10), 25) * DAY) + 3 * HOUR
        booked = min(start - lead, self.now - int(DAY * (1.2 + 15 * self.dice.random())))
        ((_, said),) = self._booked(company, booked, start)
        timeline = [(booked, said._replace(rule=f"FREQ=WEEKLY;COUNT={count}"))]
        if self.dice.random() < 0.3:
            self._answered(company, timeline)
        uid = self._uid()
        yield from self._told(company, timeline, uid)
        one = start + self.dice.randrange(count) * 7 * DAY
        moved = int(self.dice.uniform(booked + DAY, one))
        if self.dice.random() < 0.6 and booked < moved < self.now - DAY:
            seats = timeline[-1][1].seats
            date = said._replace(start=self._slot(one + 2 * DAY), seats=seats)
            yield from self._told(company, [(moved, date)], uid, original=one)

    def _answered(self, company: _Company, timeline: Timeline) -> None:
        booked, said = timeline[-1]
        at = booked + int(self.dice.uniform(1.1, 5) * DAY)
        silent = [n for n, s in enumerate(said.seats) if s.answer is Answer.NONE]
        if silent and at < self.now - DAY and booked > self.sync_at(0, 0):
            seats = list(said.seats)
            seats[silent[0]] = seats[silent[0]]._replace(answer=Answer.ACCEPTED)
            timeline.append((at, said._replace(seats=tuple(seats))))

    def _told(self, company: _Company, timeline: Timeline, uid: str, original: int | None = None) -> Iterator[Planned]:
        """Yield the copy in the calendar of each rep on the meeting."""
        on = {seat.person for _, said in timeline for seat in said.seats}
        suffix = "" if original is None else f"_{_key(original)}"
        for rep in sorted(on & set(range(self.size.reps))):  # the reps are the first people
            steps: list[Step] = []
            for moment, said in timeline:
                step = Step(self._seen(rep, moment), said)
                steps[-1:] = [step] if steps and steps[-1].day == step.day else [*steps[-1:], step]
            yield Planned(rep, f"{uid}{suffix}", f"{uid}@google.com", original, timeline[0][0], steps)

    def _uid(self) -> str:
        self.uids += 1
        return f"{self.uids * 2654435761 % 2**32:08x}{self.uids:08x}"  # scattered, as real ones are

    # --- deals --------------------------------------------------------------------------------------------------------

    def deals(self) -> Iterator[tuple[datetime, list[Deal]]]:
        """Yield three imports of the CRM: when, and what it showed."""
        dice = random.Random(self.now)
        today = datetime.fromtimestamp(self.now, UTC).date()
        found = [self._deal(n, today, dice) for n in range(self.size.deals)]
        for days in (61, 30, 1):
            at = datetime.fromtimestamp(self.now - days * DAY, UTC)
            found = [_moved_on(deal, at.date(), dice) if dice.random() < 0.2 else deal for deal in found]
            yield at, found

    def _deal(self, number: int, today: date, dice: random.Random) -> Deal:
        account = dice.randrange(self.size.accounts)
        created = today - timedelta(days=dice.randint(90, 700))
        outcome = dice.choices((Outcome.OPEN, Outcome.WON, Outcome.LOST), (60, 20, 20))[0]
        return Deal(
            id=f"D{number}",
            name=f"Sample deal {number}",
            account=_name(account),
            owner=f"rep{self.owners[account]}@{OURS}",
            domains=(_domain(account),),
            amount=Decimal(dice.randrange(2, 400) * 500),
            currency=dice.choice(("EUR", "EUR", "EUR", "USD")),
            stage="Negotiation",
            category=dice.choice((Category.COMMIT, Category.BEST_CASE, Category.PIPELINE, Category.PIPELINE)),
            outcome=outcome,
            created=created,
            closes=today + timedelta(days=dice.randint(-10, 120)) if outcome is Outcome.OPEN else None,
            closed=None if outcome is Outcome.OPEN else created + timedelta(days=dice.randint(10, 25)),
        )


@dataclass(frozen=True)
class _Company:
    owner: int
    buyers: list[int]
    known: bool
    warmth: float


def _shares(weights: Sequence[float], total: int) -> list[int]:
    """Divide a total by weights, so that the parts add up."""
    whole, passed, given, found = sum(weights), 0.0, 0, []
    for weight in weights:
        passed += weight
        found.append(round(total * passed / whole) - given)
        given += found[-1]
    return found


def _moved_on(deal: Deal, day: date, dice: random.Random) -> Deal:
    if deal.closes is None:
        return deal
    category = dice.choice((Category.COMMIT, Category.BEST_CASE, Category.PIPELINE))
    return replace(deal, category=category, closes=max(deal.closes, day) + timedelta(days=dice.randint(0, 45)))


def _name(account: int) -> str:
    return f"Account {account}"


def _domain(account: int) -> str:
    return f"account{account}.example"


def _key(moment: int) -> str:
    return moment_key(_at(moment))


def _at(moment: int) -> datetime:
    return datetime.fromtimestamp(moment, UTC)


# --- as a calendar tells it -------------------------------------------------------------------------------------------


def event(plan: Plan, copy: Planned, said: Said) -> Event:
    """Return what a provider would have read."""
    rule = None if said.rule is None else _recurrence(said)
    return Event(
        id=copy.event,
        uid=copy.uid,
        slot=Slot(_at(said.start), _at(said.start + said.minutes * 60)),
        original_start=None if copy.original is None else _at(copy.original),
        recurrence=rule,
        status=said.status,
        organizer=plan.people[said.organizer].address,
        attendees=tuple(
            Attendee(
                plan.people[seat.person].address,
                seat.answer,
                optional=seat.optional,
                resource=plan.people[seat.person].room,
            )
            for seat in said.seats
        ),
        subject=said.subject or "not kept",
        created=_at(copy.created),
        sees=SEES,
    )


def _recurrence(said: Said) -> str:
    start, end = f"{_at(said.start):%Y%m%dT%H%M%SZ}", f"{_at(said.start + said.minutes * 60):%Y%m%dT%H%M%SZ}"
    event = ("BEGIN:VCALENDAR", "BEGIN:VEVENT", f"DTSTART:{start}", f"DTEND:{end}", f"RRULE:{said.rule}")
    return "\r\n".join((*event, "END:VEVENT", "END:VCALENDAR", ""))


# --- as rows ----------------------------------------------------------------------------------------------------------

Row = tuple[Any, ...]


class Shown(NamedTuple):
    """One step of one copy, in the order in which the store saw it."""

    at: int
    event: str
    step: int
    copy: Planned


@dataclass
class Rows:
    """The rows of a plan, table by table; numbers are given in the order in which syncs would have."""

    plan: Plan
    key: bytes

    @cached_property
    def shown(self) -> list[Shown]:
        sync_at = self.plan.sync_at
        found = [
            Shown(sync_at(copy.rep, step.day), copy.event, n, copy)
            for copy in self.plan.copies
            for n, step in enumerate(copy.steps)
        ]
        found.sort(key=lambda one: one[:3])
        return found

    @cached_property
    def versions_of(self) -> dict[tuple[int, str], int]:
        """Number of each event, by calendar and name."""
        firsts = (one.copy for one in self.shown if one.step == 0)
        return {(copy.rep, copy.event): n for n, copy in enumerate(firsts, 1)}

    @cached_property
    def person(self) -> dict[int, int]:
        """Number of each person who was ever seen, in that order."""
        met: dict[int, int] = {}
        for one in self.shown:
            for seat in one.copy.steps[one.step].said.seats:
                if seat.person not in met:
                    met[seat.person] = len(met) + 1
        return met

    def tables(self) -> Iterator[tuple[sa.Table, Sequence[str], Iterable[Row]]]:
        """Yield each table with the columns that are filled, and its rows."""
        yield t.connections, _words("id name provider mailbox settings connected_at place"), self._connections()
        yield t.calendars, _words("id connection_id external_id name cursor fingerprint"), self._calendars()
        yield t.syncs, _words("id connection_id calendar_id started_at finished_at ok baseline"), self._syncs()
        yield t.accounts, _words("id name folded type owner"), self._accounts()
        yield t.account_domains, _words("id account_id domain"), self._domains()
        yield t.people, _words("id person domain email"), self._people()
        yield t.events, _words("id calendar_id external_id uid original_start created baseline"), self._events()
        yield t.subjects, _words("id event_id seen_at valid_to subject"), self._subjects()
        yield t.versions, _VERSION, self._versions()
        yield t.participants, _PARTICIPANT, self._participants()

    def _connections(self) -> Iterator[Row]:
        for rep in range(self.plan.size.reps):
            mailbox = f"rep{rep}@{OURS}"
            yield rep + 1, f"google:{mailbox}", "google", mailbox, "{}", _text(self.plan.sync_at(rep, 0)), ""

    def _calendars(self) -> Iterator[Row]:
        for rep in range(self.plan.size.reps):
            yield rep + 1, rep + 1, "primary", "Calendar", "cursor", "question"

    def _syncs(self) -> Iterator[Row]:
        number = 0
        for day in range(self.plan.size.watched + 1):
            for rep in range(self.plan.size.reps):
                number, at = number + 1, _text(self.plan.sync_at(rep, day))
                yield number, rep + 1, rep + 1, at, at, True, day == 0

    def _accounts(self) -> Iterator[Row]:
        kinds = ("prospect",) * 12 + ("customer",) * 7 + ("partner",)
        for n in range(self.plan.size.accounts):
            owner = f"rep{self.plan.owners[n]}@{OURS}" if n % 20 else None
            yield n + 1, _name(n), _name(n).casefold(), kinds[n * 7 % 20], owner

    def _domains(self) -> Iterator[Row]:
        for n in range(self.plan.size.accounts):
            yield n + 1, n + 1, _domain(n)

    def _people(self) -> Iterator[Row]:
        for which, number in self.person.items():
            one = self.plan.people[which]
            domain = one.address.rpartition("@")[2]
            yield number, person_key(self.key, one.address), domain, one.address if one.known else None

    def _events(self) -> Iterator[Row]:
        for (rep, name), number in self.versions_of.items():
            copy = self._copies[rep, name]
            original = "" if copy.original is None else _key(copy.original)
            yield number, rep + 1, name, copy.uid, original, _text(copy.created), copy.steps[0].day == 0

    @cached_property
    def _copies(self) -> dict[tuple[int, str], Planned]:
        return {(copy.rep, copy.event): copy for copy in self.plan.copies}

    def _subjects(self) -> Iterator[Row]:
        number = 0
        for one in self.shown:
            copy = one.copy
            said = copy.steps[one.step].said
            if said.subject is None or (one.step and said.subject == copy.steps[one.step - 1].said.subject):
                continue
            number += 1
            later = (s for s in copy.steps[one.step + 1 :] if s.said.subject != said.subject)
            yield number, self.versions_of[copy.rep, copy.event], _text(one.at), self._end(copy, later), said.subject

    def _end(self, copy: Planned, later: Iterable[Step]) -> str | None:
        step = next(iter(later), None)
        return None if step is None else _text(self.plan.sync_at(copy.rep, step.day))

    def _steps(self) -> Iterator[tuple[int, Shown, Said]]:
        """Yield the number of each version, with what it is made of; a new subject alone makes none."""
        number = 0
        for one in self.shown:
            said = one.copy.steps[one.step].said
            if one.step == 0 or said[:-1] != one.copy.steps[one.step - 1].said[:-1]:
                number += 1
                yield number, one, said

    def _versions(self) -> Iterator[Row]:
        sees = " ".join(sorted(one.value for one in SEES))
        for number, one, said in self._steps():
            copy, day = one.copy, one.copy.steps[one.step].day
            before = None if day == 0 else _text(self.plan.sync_at(copy.rep, day - 1))
            end = self._end(copy, (s for s in copy.steps[one.step + 1 :] if s.said[:-1] != said[:-1]))
            event = self.versions_of[copy.rep, copy.event]
            yield (
                *(number, event, _text(one.at), before, end, _text(said.start), _text(said.start + said.minutes * 60)),
                *(False, said.status.value, self.person[said.organizer], False, False),
                *(None if said.rule is None else _recurrence(said), sees),
                *self._expansion(copy, said),
            )

    def _expansion(self, copy: Planned, said: Said) -> tuple[str | None, str | None]:
        """Return the dates of a series, and how far they are known: it is extended when the spare month is over."""
        if said.rule is None:
            return None, None
        count = int(said.rule.rpartition("=")[2])
        starts = " ".join(_key(said.start + n * 7 * DAY) for n in range(count))
        first = copy.steps[0].day
        ran = (self.plan.size.watched - first) // (SPARE + 1) * (SPARE + 1)
        return starts, _text(self.plan.sync_at(copy.rep, first + ran) + (HORIZON + SPARE) * DAY)

    def _participants(self) -> Iterator[Row]:
        person, people = self.person, self.plan.people
        for number, _, said in self._steps():
            for who, answer, optional in said.seats:
                yield number, person[who], answer.value, optional, people[who].room, False, 0


def _words(text: str) -> Sequence[str]:
    return text.split()


_VERSION = _words(
    "id event_id seen_at not_before valid_to start_at end_at all_day status organizer_id free hidden_guests recurrence "
    "sees occurrences expanded_until"
)
_PARTICIPANT = _words("version_id person_id answer optional resource is_group guests")


@cache
def _text(moment: int) -> str:
    return _at(moment).isoformat(" ", "microseconds")


# --- into a store -----------------------------------------------------------------------------------------------------


def fill(url: str, plan: Plan, *, key: bytes = b"key", told: Callable[[str], None] = lambda _: None) -> None:
    """Write a plan into an empty store at an URL. On PostgreSQL the user has to be a superuser."""
    with open_store(url):
        pass  # makes the tables
    rows = Rows(plan, key)
    with gc_off():
        engine = sa.create_engine(url)
        with engine.connect() as conn:
            raw: Any = conn.connection.driver_connection
            write = _into_sqlite(raw) if isinstance(raw, sqlite3.Connection) else _into_postgres(raw)
            for table, columns, found in rows.tables():
                told(f"{table.name}: {write(table.name, columns, found):,} rows")
        engine.dispose()
    with open_store(url) as store:
        for at, deals in plan.deals():
            store.import_deals(deals, at, "crm")


class gc_off:  # noqa: N801  # reads like the function it is
    """Do not look for garbage meanwhile: there is none, and much to look through."""

    def __enter__(self) -> None:
        gc.disable()

    def __exit__(self, *_: object) -> None:
        gc.enable()


Write = Callable[[str, Sequence[str], Iterable[Row]], int]


def _into_sqlite(conn: sqlite3.Connection) -> Write:
    conn.execute("PRAGMA synchronous = OFF")
    conn.execute("PRAGMA cache_size = -262144")

    def write(table: str, columns: Sequence[str], rows: Iterable[Row]) -> int:
        marks = ", ".join("?" * len(columns))
        with conn:
            made = conn.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows)
        return made.rowcount

    return write


def _into_postgres(conn: Any) -> Write:  # noqa: ANN401  # of psycopg, which need not be there
    conn.autocommit = True
    conn.execute("SET session_replication_role = replica")  # the rows fit together: nobody has to look them up

    def write(table: str, columns: Sequence[str], rows: Iterable[Row]) -> int:
        with conn.cursor() as cursor:
            with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            made = int(cursor.rowcount)
            if "id" in columns:
                sequence = f"pg_get_serial_sequence('{table}', 'id')"
                cursor.execute(f"SELECT setval({sequence}, (SELECT coalesce(max(id), 1) FROM {table}))")
            cursor.execute(f"VACUUM (ANALYZE) {table}")  # as its housekeeping would have done long since
        return made

    return write


CONFIG = f"""[team]
name = "Sample team"
domains = ["{OURS}"]
timezone = "Europe/Berlin"
"""


def main() -> None:
    parser = argparse.ArgumentParser(description="Fill an empty store with an invented team.")
    parser.add_argument("url")
    parser.add_argument("--meetings", type=int, default=1_000_000)
    parser.add_argument("--rep", action="store_true", help="one rep with 300 accounts and 5,000 meetings")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--now", type=datetime.fromisoformat)
    parser.add_argument("--config", type=Path, help="write the settings that the commands need there")
    given = parser.parse_args()
    now = given.now or datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    began = time.perf_counter()
    plan = Plan(REP if given.rep else team(given.meetings), now, given.seed)
    with gc_off():
        copies = len(plan.copies)
    print(f"{copies:,} copies planned in {time.perf_counter() - began:.0f} s", file=sys.stderr)
    fill(given.url, plan, told=lambda text: print(f"{time.perf_counter() - began:4.0f} s {text}", file=sys.stderr))
    if given.config:
        given.config.write_text(CONFIG, encoding="utf-8")
    print(f"{plan.size} at {now:%Y-%m-%d %H:%M} UTC in {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
