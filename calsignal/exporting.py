"""What can be exported: five tables, each with the definition of its columns and, on demand, its rows.

A row is made when it is asked for. What stands in a cell is a plain value; how it is written is left to
`reports.export`. The columns are the one source of docs/export.md.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from itertools import groupby
from operator import attrgetter
from typing import Any, Generic, TypeVar

from calsignal.analysis import World, is_good, look
from calsignal.auditing import TOLD
from calsignal.config import Settings
from calsignal.directory import Directory, Who
from calsignal.model import Answer, Change, DealTrack, Level, Moment, Outcome, Role, Status, instant
from calsignal.recall import lens_of
from calsignal.score.account import Scored
from calsignal.score.audit import DealLine
from calsignal.score.facts import Fact
from calsignal.score.forecast import Match, Names, forecast
from calsignal.score.forecast import Moment as ForecastMoment
from calsignal.score.result import AccountResult, BuyerOnMeeting
from calsignal.store import LedgerRow, Store

VERSION = 1
"""Goes up when a column of any table is renamed, taken away, or means something else. New ones come at the end."""

R = TypeVar("R")
Value = str | int | float | bool | datetime | date | Decimal | Sequence[str] | Sequence[int] | None
Row = dict[str, Value]


class Kind(Enum):
    """What a column holds."""

    TEXT = "text"
    MOMENT = "moment"
    DAY = "day"
    WHOLE = "whole number"
    NUMBER = "number"
    AMOUNT = "decimal"
    FLAG = "true or false"
    TEXTS = "list of texts"
    WHOLES = "list of whole numbers"


@dataclass(frozen=True)
class Column(Generic[R]):
    """One column: `null` says what it means that a cell is empty; without it, no cell is."""

    name: str
    kind: Kind
    meaning: str
    value: Callable[[R], Any]
    null: str = ""
    unit: str = ""


@dataclass(frozen=True)
class Table(Generic[R]):
    """A table: `about` says what one row is, `items` makes what its columns look at, one after the other."""

    name: str
    about: str
    columns: tuple[Column[R], ...]
    items: Callable[[Store, Settings, datetime], Iterable[R]]

    def rows(self, store: Store, settings: Settings, as_of: datetime) -> Generator[Row]:
        """Yield the rows as of a moment, each when it is asked for. Raises `StoreError`."""
        for item in self.items(store, settings, as_of):
            yield {column.name: column.value(item) for column in self.columns}


def _who(person: str | None, domain: str, email: str | None) -> str | None:
    return None if person is None else email or f"someone@{domain}"


def _text(moment: Moment | None, zone: Any) -> str | None:  # noqa: ANN401  # any zone
    """Write a moment that may be a day as text: with the team's offset, as the JSON reports do."""
    local = moment.astimezone(zone) if isinstance(moment, datetime) else moment
    return local.isoformat() if local is not None else None


# --- the ledger -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Said:
    """A row of the ledger, who that is to us (None: nobody who is told), and how many others are on the version."""

    row: LedgerRow
    who: Who | None
    others: int
    zone: Any

    def at(self, moment: Moment) -> datetime:
        return instant(moment, self.zone)

    def proposed(self, end: str) -> datetime | None:
        return None if self.who is None or self.row.proposed is None else self.at(getattr(self.row.proposed, end))


def _ledger(store: Store, settings: Settings, as_of: datetime) -> Iterator[_Said]:
    """Yield what copies with a buyer on them said, copy by copy: the copies on which reports stand, and no other."""
    lens = lens_of(store, settings, as_of)
    with store.ledger(as_of) as rows:
        for _, copy in groupby(rows, attrgetter("copy")):
            yield from _told(list(copy), lens.directory, lens.zone)


def _told(rows: Sequence[LedgerRow], directory: Directory, zone: Any) -> Iterator[_Said]:  # noqa: ANN401
    known = [(row, _role(row, directory)) for row in rows]
    if not any(who is not None and who.role is Role.BUYER for _, who in known):
        return
    others = Counter(row.version for row, who in known if who is not None and who.role is Role.THIRD_PARTY)
    ours = (Role.SELLER, Role.BUYER)
    shown = {row.version for row, who in known if who is not None and who.role in ours}
    for row, who in known:
        if who is not None and who.role in ours:
            yield _Said(row, who, others[row.version], zone)
        elif row.version not in shown:
            shown.add(row.version)
            yield _Said(row, None, others[row.version], zone)


def _role(row: LedgerRow, directory: Directory) -> Who | None:
    if row.person is None:
        return None
    return directory.who_is(row.person, row.domain, row.email, resource=row.resource)


def _of_person(said: _Said, name: str) -> Any:  # noqa: ANN401
    return None if said.who is None else getattr(said.row, name)


_NOBODY = "nobody of ours and no buyer is on this version"
_LEDGER: tuple[Column[_Said], ...] = (
    Column("connection", Kind.TEXT, "Name of the connection that showed it.", lambda s: s.row.connection),
    Column("provider", Kind.TEXT, "Calendar service of the connection.", lambda s: s.row.provider),
    Column("rep", Kind.TEXT, "Mailbox of the connection.", lambda s: s.row.mailbox),
    Column("calendar", Kind.WHOLE, "Tells the calendars of this store apart.", lambda s: s.row.calendar),
    Column("copy", Kind.WHOLE, "Tells the copies of this store apart: one event in one calendar.",
           lambda s: s.row.copy),
    Column("uid", Kind.TEXT, "Normalised UID, the same in every calendar.", lambda s: s.row.uid),
    Column("original_start", Kind.TEXT, "Which date of a series this copy is: a moment, or a day.",
           lambda s: _text(s.row.original_start, s.zone), "a single meeting, or a series as a whole"),
    Column("baseline", Kind.FLAG, "It came with the calendar's first sync: when it came about was not seen.",
           lambda s: s.row.baseline),
    Column("created", Kind.MOMENT, "When it was made, by the service's word.", lambda s: s.row.created, "not told"),
    Column("version", Kind.WHOLE, "Tells the versions of this store apart.", lambda s: s.row.version),
    Column("seen_at", Kind.MOMENT, "The sync that saw this version.", lambda s: s.row.seen_at),
    Column("not_before", Kind.MOMENT, "Nothing differed from the version before at this moment yet.",
           lambda s: s.row.not_before, "not known: a first sync"),
    Column("valid_to", Kind.MOMENT, "When the next version was seen.", lambda s: s.row.valid_to,
           "it is the latest one"),
    Column("subject", Kind.TEXT, "What the event is called at the export's moment.", lambda s: s.row.subject,
           "not read yet, or not kept"),
    Column("status", Kind.TEXT, "`confirmed`, `tentative`, `cancelled` or `vanished`.", lambda s: s.row.status),
    Column("start", Kind.MOMENT, "When it begins; an all-day event at midnight in the team's zone.",
           lambda s: s.at(s.row.slot.start)),
    Column("end", Kind.MOMENT, "When it ends (not included).", lambda s: s.at(s.row.slot.end)),
    Column("all_day", Kind.FLAG, "It has days and no times.", lambda s: s.row.slot.all_day),
    Column("free", Kind.FLAG, "It is shown as free time.", lambda s: s.row.free),
    Column("hidden_guests", Kind.FLAG, "The list of people is hidden from this calendar.",
           lambda s: s.row.hidden_guests),
    Column("series", Kind.FLAG, "It is a series as a whole.", lambda s: s.row.dates is not None),
    Column("dates", Kind.WHOLE, "How many dates of the series are known.", lambda s: s.row.dates, "no series",
           "dates"),
    Column("booking_tool", Kind.TEXT, "Scheduling tool that left a trace.", lambda s: s.row.booking_tool,
           "no trace of one"),
    Column("booking_confidence", Kind.TEXT, "How sure that is: `certain`, `likely` or `guess`.",
           lambda s: s.row.booking_confidence, "no trace of one"),
    Column("sees", Kind.TEXTS, "What this copy is able to show: `guests` (all of them), `answers` (of others), "
           "`answer_times`, `proposals`.", lambda s: s.row.sees),
    Column("others", Kind.WHOLE, "People on this version who are neither ours nor a buyer.", lambda s: s.others,
           unit="people"),
    Column("who", Kind.TEXT, "One of ours or a buyer: the address, or `someone@domain` where it is not kept.",
           lambda s: s.who and _who(s.who.person, s.row.domain, s.who.email), _NOBODY),
    Column("person", Kind.TEXT, "Key of that person, the same in every table.", lambda s: s.who and s.who.person,
           _NOBODY),
    Column("role", Kind.TEXT, "`seller` (one of ours) or `buyer`.", lambda s: s.who and s.who.role.value, _NOBODY),
    Column("account", Kind.TEXT, "Account of a buyer.", lambda s: s.who and s.who.account,
           "a seller, or nobody"),
    Column("organizer", Kind.FLAG, "They organise it.", lambda s: _of_person(s, "organizer"), _NOBODY),
    Column("answer", Kind.TEXT, "`accepted`, `tentative`, `declined`, `none` or `not_visible`.",
           lambda s: _of_person(s, "answer"), _NOBODY),
    Column("answered_at", Kind.MOMENT, "When they answered, by the service's word.",
           lambda s: _of_person(s, "answered_at"), "not told, or no answer"),
    Column("optional", Kind.FLAG, "They need not come.", lambda s: _of_person(s, "optional"), _NOBODY),
    Column("group", Kind.FLAG, "It is the address of a group.", lambda s: _of_person(s, "group"), _NOBODY),
    Column("guests", Kind.WHOLE, "Unnamed people that they bring.", lambda s: _of_person(s, "guests"), _NOBODY,
           "people"),
    Column("proposed_start", Kind.MOMENT, "Begin of the time that they propose.", lambda s: s.proposed("start"),
           "none proposed"),
    Column("proposed_end", Kind.MOMENT, "End of the time that they propose.", lambda s: s.proposed("end"),
           "none proposed"),
)  # fmt: skip


# --- meetings ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Met:
    """A meeting of an account, in the world that was looked at."""

    world: World
    result: AccountResult
    fact: Fact

    @property
    def zone(self) -> Any:  # noqa: ANN401
        return self.world.lens.zone

    @property
    def organizer(self) -> str | None:
        view = self.fact.view
        mine = next((b for b in view.buyers if b.organizer), None)
        return _buyer(mine) if mine else view.organizer_email

    def of_buyers(self, value: Callable[[BuyerOnMeeting], Any]) -> list[Any]:
        return [value(buyer) for buyer in self.fact.view.buyers]


def _buyer(buyer: BuyerOnMeeting) -> str:
    return _who(buyer.person, buyer.domain, buyer.email) or ""


def _meetings(store: Store, settings: Settings, as_of: datetime) -> Iterator[_Met]:
    world = look(store, settings, as_of)
    return (_Met(world, one.result, fact) for one in world.scored for fact in one.standings.found)


def _as_of(item: Any) -> datetime:  # noqa: ANN401  # whatever has looked at a world
    moment: datetime = item.world.lens.as_of
    return moment


_AS_OF: Column[Any] = Column("as_of", Kind.MOMENT, "The moment that the export speaks for.", _as_of)
_ACCOUNT: Column[Any] = Column("account", Kind.TEXT, "Name of the account.", lambda one: one.result.account.name)
_LEVELS = "-1 withdrawn, 0 claimed, 1 invited, 2 soft, 3 firm, 4 owned, 5 attended"

_MEETINGS: tuple[Column[_Met], ...] = (
    _AS_OF,
    _ACCOUNT,
    Column("uid", Kind.TEXT, "Normalised UID, the same in every calendar.", lambda m: m.fact.view.uid),
    Column("original_start", Kind.TEXT, "Which date of a series it is: a moment, or a day.",
           lambda m: _text(m.fact.view.original_start, m.zone), "no date of a series"),
    Column("subject", Kind.TEXT, "What it is called.", lambda m: m.fact.view.subject, "not read yet, or not kept"),
    Column("status", Kind.TEXT, "`confirmed`, `tentative`, `cancelled` or `vanished`.",
           lambda m: m.fact.view.status.value),
    Column("start", Kind.MOMENT, "When it begins; an all-day meeting at midnight in the team's zone.",
           lambda m: instant(m.fact.view.slot.start, m.zone)),
    Column("end", Kind.MOMENT, "When it ends (not included).", lambda m: instant(m.fact.view.slot.end, m.zone)),
    Column("all_day", Kind.FLAG, "It has days and no times.", lambda m: m.fact.view.slot.all_day),
    Column("series", Kind.FLAG, "It is a date of a series.", lambda m: m.fact.view.series),
    Column("past", Kind.FLAG, "It has begun.", lambda m: m.fact.view.past),
    Column("level", Kind.WHOLE, f"How firm its buyers are: {_LEVELS}.", lambda m: m.fact.view.level.value),
    Column("firm", Kind.FLAG, "A buyer committed to it, and it counts.", lambda m: m.fact.firm),
    Column("held", Kind.FLAG, "It was firm when it began.", lambda m: m.fact.held),
    Column("counted", Kind.FLAG, "It is part of the score.", lambda m: m.fact.view.counted),
    Column("why_not", Kind.TEXT, "Why it is no part of the score.", lambda m: m.fact.view.why_not or None,
           "it is part of it"),
    Column("minutes", Kind.WHOLE, "What counts of it for one person.", lambda m: m.fact.view.minutes, unit="minutes"),
    Column("factor", Kind.NUMBER, "What its age, or how far ahead it lies, leaves of its weight; 4 decimals.",
           lambda m: round(m.fact.view.factor, 4), unit="0 to 1"),
    Column("moves", Kind.WHOLE, "How often it was moved.", lambda m: m.fact.view.moves, unit="moves"),
    Column("copies", Kind.WHOLE, "How many calendars show it.", lambda m: m.fact.view.copies, unit="calendars"),
    Column("organizer", Kind.TEXT, "Who organises it: one of ours or a buyer of the account.", lambda m: m.organizer,
           "somebody else, or not told"),
    Column("sellers", Kind.TEXTS, "Mailboxes of ours that are on it.", lambda m: m.fact.view.sellers),
    Column("buyers", Kind.TEXTS, "Buyers of the account on it: addresses, or `someone@domain`.",
           lambda m: m.of_buyers(_buyer)),
    Column("buyer_persons", Kind.TEXTS, "Their keys, in the order of `buyers`.",
           lambda m: m.of_buyers(lambda b: b.person)),
    Column("buyer_answers", Kind.TEXTS, "Their answers, in the order of `buyers`.",
           lambda m: m.of_buyers(lambda b: b.answer.value)),
    Column("buyer_levels", Kind.WHOLES, "How firm each of them is, in the order of `buyers`.",
           lambda m: m.of_buyers(lambda b: b.level.value)),
    Column("firm_buyers", Kind.WHOLE, "How many of them are firm or above.",
           lambda m: sum(b.level >= Level.FIRM for b in m.fact.view.buyers), unit="people"),
)  # fmt: skip


# --- changes ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Changed:
    """A change on a meeting of an account; `names` says who each person on its meetings is."""

    world: World
    result: AccountResult
    change: Change
    names: Mapping[str, str]

    def side(self, value: Moment | Answer | str | None) -> str | None:
        if isinstance(value, Answer):
            return value.value
        return value if isinstance(value, str) else _text(value, self.world.lens.zone)


def _changes(store: Store, settings: Settings, as_of: datetime) -> Iterator[_Changed]:
    world = look(store, settings, as_of)
    for one in world.scored:
        names = _names(one, world.lens.directory)
        for change in reversed(one.result.changes):
            yield _Changed(world, one.result, change, names)


def _names(one: Scored, directory: Directory) -> dict[str, str]:
    """Return how people on an account's meetings, past states included, are called."""
    known = [f.meeting for f in one.standings.found if f.meeting is not None]
    tracks = [track for meeting in known for track in (meeting, meeting.series) if track is not None]
    people = (p for track in tracks for seen in track.states for p in seen.merged.people)
    return {who.person: _who(who.person, p.domain, who.email) or "" for p in people for who in (directory.who(p),)}


_NO_ONE = "it happened to the meeting, not to one person"
_CHANGES: tuple[Column[_Changed], ...] = (
    _AS_OF,
    _ACCOUNT,
    Column("kind", Kind.TEXT, "What happened: `created`, `moved`, `series_moved`, `series_split`, `duration_changed`, "
           "`answer_changed`, `response_reset`, `proposed`, `person_added`, `person_removed`, `organizer_changed`, "
           "`cancelled`, `restored` or `vanished`.", lambda c: c.change.kind.value),
    Column("seen_at", Kind.MOMENT, "The sync that saw it: it had happened by then.", lambda c: c.change.seen_at),
    Column("at", Kind.MOMENT, "When it happened, by the service's word.", lambda c: c.change.at, "not told"),
    Column("not_before", Kind.MOMENT, "It had not happened at this moment.", lambda c: c.change.not_before,
           "not known: it was there at a first sync"),
    Column("uid", Kind.TEXT, "UID of the meeting.", lambda c: c.change.uid),
    Column("original_start", Kind.TEXT, "Which date of a series it is: a moment, or a day.",
           lambda c: _text(c.change.original_start, c.world.lens.zone), "no date of a series"),
    Column("series", Kind.FLAG, "It happened to a series as a whole.", lambda c: c.change.series),
    Column("subject", Kind.TEXT, "What the meeting is called.", lambda c: c.change.subject,
           "not read yet, or not kept"),
    Column("who", Kind.TEXT, "To whom it happened: one of ours or a buyer; the address, or `someone@domain`.",
           lambda c: c.change.person and (c.change.email or c.names.get(c.change.person, "someone")), _NO_ONE),
    Column("person", Kind.TEXT, "Key of that person.", lambda c: c.change.person, _NO_ONE),
    Column("by", Kind.TEXT, "Who is behind it: `buyer`, `seller` or `seller_or_unknown`.",
           lambda c: c.change.by and c.change.by.value, "nobody is told apart"),
    Column("confidence", Kind.TEXT, "How sure that is: `certain`, `likely` or `guess`.",
           lambda c: c.change.confidence and c.change.confidence.value, "nobody is told apart"),
    Column("why", Kind.TEXT, "What speaks for it.", lambda c: c.change.why or None, "nothing to add"),
    Column("from", Kind.TEXT, "What it was: the begin of the meeting, or an answer.",
           lambda c: c.side(c.change.before), "there was nothing before"),
    Column("to", Kind.TEXT, "What it is now: the begin of the meeting, or an answer.",
           lambda c: c.side(c.change.after), "there is nothing now"),
    Column("days", Kind.WHOLE, "How far a meeting was moved; below zero is earlier.", lambda c: c.change.days,
           "it was not moved", "days"),
    Column("good", Kind.FLAG, "Good news: the buyer gives time, or gives it sooner.",
           lambda c: is_good(c.change, c.result)),
)  # fmt: skip


# --- accounts ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Company:
    """An account with its result and the ids of its open deals."""

    world: World
    result: AccountResult
    deals: tuple[str, ...]

    @property
    def known(self) -> bool:
        return self.result.status is not Status.UNKNOWN

    def number(self, value: float, digits: int = 4) -> float | None:
        return round(value, digits) + 0.0 if self.known else None

    def start(self, name: str) -> datetime | None:
        view = getattr(self.result, name)
        return None if view is None else instant(view.slot.start, self.world.lens.zone)


def _accounts(store: Store, settings: Settings, as_of: datetime) -> Iterator[_Company]:
    world = look(store, settings, as_of, as_of - TOLD)
    deals = defaultdict(list)
    for deal in _judged(store, settings, world):
        if deal.account.found is not None and deal.open:
            deals[deal.account.found].append(deal.track.now.id)
    for one in world.scored:
        yield _Company(world, one.result, tuple(deals[one.result.account.name]))


_UNSURE = "the status is UNKNOWN: nothing can be said"


def _act(name: str, meaning: str, unit: str) -> Column[_Company]:
    return Column(
        name,
        Kind.WHOLE,
        meaning,
        lambda a: getattr(a.result.rescheduling, name) if a.known else None,
        _UNSURE,
        unit,
    )


_ACCOUNTS: tuple[Column[_Company], ...] = (
    _AS_OF,
    _ACCOUNT,
    Column("domains", Kind.TEXTS, "Its domains.", lambda a: a.result.account.domains),
    Column("type", Kind.TEXT, "`prospect`, `customer` or `partner`.", lambda a: a.result.account.type.value),
    Column("owner", Kind.TEXT, "Who of the team owns it.", lambda a: a.result.account.owner, "nobody is named"),
    Column("rank", Kind.WHOLE, "Its place among the prospects, from 1.", lambda a: a.result.rank,
           "a customer or a partner"),
    Column("status", Kind.TEXT, "`REAL`, `SOFT`, `STALLED`, `NEW`, `LOST`, `NO EVIDENCE` or `UNKNOWN`.",
           lambda a: a.result.status.value),
    Column("rule", Kind.WHOLE, "Number of the rule that gave the status, 0 to 8.", lambda a: a.result.rule),
    Column("evidence", Kind.TEXT, "The status in a sentence or two.", lambda a: a.result.evidence),
    Column("stale", Kind.FLAG, "A calendar behind it is more than a day old.", lambda a: bool(a.result.stale)),
    Column("stale_connections", Kind.TEXTS, "The connections of these calendars.", lambda a: a.result.stale),
    Column("score", Kind.NUMBER, "keep x (time and rescheduling points); 1 decimal.",
           lambda a: a.number(a.result.score, 1), _UNSURE, "points"),
    Column("win_probability", Kind.NUMBER, "Of a deal of theirs, within 90 days.",
           lambda a: None if a.result.win_probability is None else round(a.result.win_probability, 4),
           "no calibration was accepted", "0 to 1"),
    Column("keep", Kind.NUMBER, "What quiet leaves of the score (K).", lambda a: a.number(a.result.keep), _UNSURE,
           "0 to 1"),
    Column("time_points", Kind.NUMBER, "Points for the time that buyers give (I).",
           lambda a: a.number(a.result.time.points), _UNSURE, "points"),
    Column("raw_hours", Kind.NUMBER, "Hours of buyers as booked.", lambda a: a.number(a.result.time.raw_hours),
           _UNSURE, "hours"),
    Column("firm_hours", Kind.NUMBER, "Hours of buyers as they committed to them.",
           lambda a: a.number(a.result.time.firm_hours), _UNSURE, "hours"),
    Column("effective_hours", Kind.NUMBER, "Hours of buyers as the score uses them.",
           lambda a: a.number(a.result.time.effective_hours), _UNSURE, "hours"),
    Column("rescheduling_points", Kind.NUMBER, "Points for how meetings were moved and booked again (R).",
           lambda a: a.number(a.result.rescheduling.points), _UNSURE, "points"),
    _act("booked_again", "Meetings booked within 14 days of a held one.", "meetings"),
    _act("booked_again_by_buyer", "Of these, by the buyer.", "meetings"),
    _act("moved_earlier", "Meetings moved to an earlier day.", "moves"),
    _act("pushed_by_buyer", "Meetings that the buyer put off.", "moves"),
    _act("pushed_by_seller_or_unknown", "Meetings put off by us, or by nobody knows whom.", "moves"),
    _act("push_days", "Days by which meetings were put off, in all.", "days"),
    _act("dropped", "Firm meetings called off and not booked again.", "meetings"),
    _act("dropped_by_seller", "Of these, by us.", "meetings"),
    Column("quiet_days", Kind.WHOLE, "Days since the last held meeting, else since the first answer or invitation.",
           lambda a: a.result.quiet_days, "nothing ever happened", "days"),
    Column("usual_gap_days", Kind.NUMBER, "Usual distance of its meetings (E).",
           lambda a: round(a.result.usual_gap_days, 4), unit="days"),
    Column("stall_after_days", Kind.NUMBER, "So much quiet and it stalls.", lambda a: round(a.result.stall_after, 4),
           unit="days"),
    Column("lost_after_days", Kind.NUMBER, "So much quiet and it is lost.", lambda a: round(a.result.lost_after, 4),
           unit="days"),
    Column("next_start", Kind.MOMENT, "Begin of the next firm meeting.", lambda a: a.start("next_meeting"),
           "none is near"),
    Column("last_held_start", Kind.MOMENT, "Begin of the last held meeting.", lambda a: a.start("last_held"),
           "none was held"),
    Column("firm_buyers", Kind.TEXTS, "Who was firm in the past 90 days or is ahead: addresses, or `someone@domain`.",
           lambda a: a.result.firm_buyers),
    Column("flags", Kind.TEXTS, "Codes of what is worth knowing, `single-threaded` say.",
           lambda a: [flag.code for flag in a.result.flags]),
    Column("meetings", Kind.WHOLE, "Its rows in the table of meetings.", lambda a: len(a.result.meetings),
           unit="meetings"),
    Column("open_deals", Kind.TEXTS, "Ids of its open deals.", lambda a: a.deals),
    Column("model", Kind.TEXT, "Version of the model, and a fingerprint of its constants.",
           lambda a: f"{a.world.head.model_version} {a.world.head.constants}"),
)  # fmt: skip


# --- deals ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Sold:
    """A deal as the imports showed it, what it was matched with, and its line in the audit while it is open."""

    world: World
    track: DealTrack
    account: Match
    owner: Match
    line: DealLine | None

    @property
    def open(self) -> bool:
        return self.track.now.outcome is Outcome.OPEN and not self.track.missing

    def judged(self, value: Callable[[DealLine], Any]) -> Any:  # noqa: ANN401
        return None if self.line is None else value(self.line)

    @property
    def next_start(self) -> datetime | None:
        view = self.line.next_meeting if self.line else None
        return None if view is None else instant(view.slot.start, self.world.lens.zone)


def _deals(store: Store, settings: Settings, as_of: datetime) -> Iterator[_Sold]:
    return _judged(store, settings, look(store, settings, as_of, as_of - TOLD))


def _judged(store: Store, settings: Settings, world: World) -> Iterator[_Sold]:
    """Yield every deal that an import had shown, matched and judged as the audit does, by the CRM's id."""
    lens = world.lens
    tracks = store.deals(lens.as_of)
    names = Names(lens.directory, settings.deals.accounts, settings.deals.owners)
    scored = {one.result.account.name: one for one in world.scored}
    now = ForecastMoment(lens.as_of, lens.zone, settings.scoring)
    lines = {line.deal.id: line for line in forecast(tracks, scored, names, now).lines}
    for track in tracks:
        deal = track.now
        yield _Sold(world, track, names.account(deal), names.owner(deal), lines.get(deal.id))


_SHUT = "it is closed or missing: only open deals are judged"
_DEALS: tuple[Column[_Sold], ...] = (
    _AS_OF,
    Column("id", Kind.TEXT, "The CRM's own id, or made of account and name.", lambda d: d.track.now.id),
    Column("name", Kind.TEXT, "What the CRM calls it.", lambda d: d.track.now.name),
    Column("account", Kind.TEXT, "Our account that it was matched with.", lambda d: d.account.found,
           "none was found"),
    Column("owner", Kind.TEXT, "Our mailbox that its owner was matched with.", lambda d: d.owner.found,
           "none was found"),
    Column("crm_account", Kind.TEXT, "The company in the CRM's words.", lambda d: d.track.now.account),
    Column("crm_owner", Kind.TEXT, "The owner in the CRM's words.", lambda d: d.track.now.owner),
    Column("amount", Kind.AMOUNT, "Its amount, every digit of it.", lambda d: d.track.now.amount, "not known",
           "`currency`"),
    Column("currency", Kind.TEXT, "ISO 4217.", lambda d: d.track.now.currency, "not told"),
    Column("stage", Kind.TEXT, "Stage in the CRM's words.", lambda d: d.track.now.stage or None, "not told"),
    Column("category", Kind.TEXT, "`commit`, `best case`, `pipeline`, `omitted` or `unknown`.",
           lambda d: d.track.now.category.value),
    Column("outcome", Kind.TEXT, "`open`, `won` or `lost`.", lambda d: d.track.now.outcome.value),
    Column("missing", Kind.FLAG, "The last import of its source did not show it any more.", lambda d: d.track.missing),
    Column("created", Kind.DAY, "When the CRM says it was made.", lambda d: d.track.now.created, "not told"),
    Column("closes", Kind.DAY, "Expected close of an open deal.", lambda d: d.track.now.closes, "not told"),
    Column("closed", Kind.DAY, "When it was won or lost.", lambda d: d.track.now.closed, "open, or not told"),
    Column("contacts", Kind.TEXTS, "Known buyers that the CRM names for it.", lambda d: d.track.now.contacts),
    Column("first_seen", Kind.MOMENT, "The first import that showed it.", lambda d: d.track.snapshots[0].taken_at),
    Column("changed_at", Kind.MOMENT, "The last import that showed it otherwise than before.",
           lambda d: d.track.snapshots[-1].taken_at),
    Column("status", Kind.TEXT, "Status of its account, as in the table of accounts.",
           lambda d: d.judged(lambda line: line.status.value), _SHUT),
    Column("backed", Kind.FLAG, "Its calendar stands behind it: REAL, and no finding F1 to F4.",
           lambda d: d.judged(lambda line: line.backed), _SHUT),
    Column("findings", Kind.TEXTS, "Codes of the audit's findings, F1 to F7.",
           lambda d: d.judged(lambda line: [found.code.name for found in line.findings]), _SHUT),
    Column("held", Kind.WHOLE, "Held meetings that are tied to it alone.",
           lambda d: d.judged(lambda line: line.held), _SHUT, "meetings"),
    Column("held_shared", Kind.WHOLE, "Held meetings that may as well belong to another deal.",
           lambda d: d.judged(lambda line: line.held_shared), _SHUT, "meetings"),
    Column("next_start", Kind.MOMENT, "Begin of its next firm meeting.", lambda d: d.next_start,
           "none is ahead, or it is not open"),
    Column("firm_buyers", Kind.TEXTS, "Who is firm on its meetings: addresses, or `someone@domain`.",
           lambda d: d.judged(lambda line: line.firm_buyers), _SHUT),
    Column("close_pushes", Kind.WHOLE, "How often its close date was put off, over our imports.",
           lambda d: d.judged(lambda line: line.close_pushes), _SHUT, "times"),
    Column("close_push_days", Kind.WHOLE, "By how many days in all.",
           lambda d: d.judged(lambda line: line.close_push_days), _SHUT, "days"),
    Column("evidence", Kind.TEXT, "Status of its account in a sentence or two.",
           lambda d: d.judged(lambda line: line.evidence), _SHUT),
)  # fmt: skip


_all: tuple[Table[Any], ...] = (
    Table("ledger", "One person on one version of one copy: what a calendar said, and when that was seen. Only copies "
          "that have shown a buyer. A version on which nobody of ours and no buyer stands has one row without a "
          "person.", _LEDGER, _ledger),
    Table("meetings", "One meeting of one account, all copies merged, as the score sees it. A meeting with buyers of "
          "two accounts has a row for each.", _MEETINGS, _meetings),
    Table("changes", "One thing that happened to one meeting of one account, from old to new within the account.",
          _CHANGES, _changes),
    Table("accounts", "One account with its status, its score and the parts of it, in order of rank.", _ACCOUNTS,
          _accounts),
    Table("deals", "One deal as its latest import showed it, and what the calendars say of it while it is open.",
          _DEALS, _deals),
)  # fmt: skip

TABLES: Mapping[str, Table[Any]] = {table.name: table for table in _all}
"""What can be exported, by name."""
