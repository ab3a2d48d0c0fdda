"""Build copies of meetings in a line each, for tests of history and score. The team is `ours.example`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from calsignal.directory import Directory
from calsignal.history import Lens, Meeting, meetings
from calsignal.model import (
    Absence,
    Account,
    Answer,
    Booking,
    Capability,
    Change,
    Confidence,
    Copy,
    EventStatus,
    Moment,
    Participant,
    Slot,
    State,
    Version,
    moment_key,
)
from calsignal.score.account import Scored, score_account
from calsignal.score.constants import Constants

REP, TWO = "rep@ours.example", "two@ours.example"
ANN, BOB, CFO = "ann@acme.example", "bob@acme.example", "cfo@acme.example"
AS_OF = datetime(2026, 3, 16, 18, tzinfo=UTC)
FIRST_SYNC = datetime(2026, 3, 15, 8, tzinfo=UTC)
ANSWERS = {
    "yes": Answer.ACCEPTED,
    "maybe": Answer.TENTATIVE,
    "no": Answer.DECLINED,
    "": Answer.NONE,
    "?": Answer.NOT_VISIBLE,
}
EVERYTHING = frozenset(Capability)


def at(text: str, zone: tzinfo = UTC) -> datetime:
    """Read `2 Mar 10:00` of 2026 (or with a year before the time) as an instant."""
    form = "%d %b %Y %H:%M" if len(text.split()) == 4 else "%d %b %H:%M %Y"
    whole = text if len(text.split()) == 4 else f"{text} 2026"
    return datetime.strptime(whole, form).replace(tzinfo=zone).astimezone(UTC)


def slot(start: str, minutes: float) -> Slot:
    begin = at(start)
    return Slot(begin, begin + timedelta(minutes=minutes))


def all_day(first: date, days: int = 1) -> Slot:
    return Slot(first, first + timedelta(days=days))


def person(email: str, answer: str | Answer = "", **more: object) -> Participant:
    """Return a participant; the person key is the address itself, which makes failures readable."""
    base = Participant(person=email, domain=email.rpartition("@")[2], email=email, answer=_answer(answer))
    return replace(base, **more)  # type: ignore[arg-type]


def _answer(word: str | Answer) -> Answer:
    return word if isinstance(word, Answer) else ANSWERS[word]


def people(answers: Mapping[str, str], organizer: str | None = None) -> tuple[Participant, ...]:
    everybody = {REP: "yes", **answers}
    if organizer is not None:
        everybody.setdefault(organizer, "")
    return tuple(person(email, everybody[email]) for email in sorted(everybody))


def state(when: Slot, answers: Mapping[str, str] | None = None, organizer: str | None = REP, **more: object) -> State:
    base = State(slot=when, organizer=organizer, people=people(answers or {}, organizer))
    return replace(base, **more)  # type: ignore[arg-type]


def version(
    seen: str | datetime, what: State, *, after: str | datetime | None = None, occurrences: tuple[Moment, ...] = ()
) -> Version:
    """Return a version seen at `seen`; `after` is the sync before (None: baseline)."""
    seen_at = at(seen) if isinstance(seen, str) else seen
    before = at(after) if isinstance(after, str) else after
    return Version(seen_at, before, what, occurrences)


def copy(
    uid: str,
    *versions: Version,
    mailbox: str = REP,
    calendar: str | None = None,
    original_start: Moment | None = None,
    created: str | datetime | None = None,
    baseline: bool | None = None,
    subject: str | None = None,
    event: str | None = None,
    retired: str | datetime | None = None,
    sight: str | datetime | None = None,
) -> Copy:
    return Copy(
        calendar=calendar or f"cal:{mailbox}",
        mailbox=mailbox,
        event=event or (uid if original_start is None else f"{uid}/{original_start}"),
        uid=uid,
        original_start=original_start,
        baseline=versions[0].not_before is None if baseline is None else baseline,
        created=at(created) if isinstance(created, str) else created,
        versions=versions,
        subject=subject,
        sight=at(sight) if isinstance(sight, str) else sight,
        absences=() if retired is None else (Absence(at(retired) if isinstance(retired, str) else retired),),
    )


def dates(first: str, count: int, days: int = 7) -> tuple[datetime, ...]:
    """Return so many starts, a week (or `days`) apart."""
    return tuple(at(first) + timedelta(days=days * n) for n in range(count))


def series(
    seen: str | datetime,
    starts: tuple[datetime, ...],
    answers: Mapping[str, str] | None = None,
    *,
    after: str | datetime | None = None,
    minutes: int = 30,
    since: datetime | None = None,
    organizer: str | None = REP,
    **more: object,
) -> Version:
    """Return a version of a series with these starts; `since` is its first one ever, where that is not listed."""
    begin = since or starts[0]
    what = state(Slot(begin, begin + timedelta(minutes=minutes)), answers, organizer, recurrence="RRULE", **more)
    return version(seen, what, after=after, occurrences=starts)


def news(found: Iterable[Meeting]) -> list[Change]:
    """Return all changes of the meetings and of their series, each once, in order of time."""
    known = list(found)
    whole = {m.uid: m.series for m in known if m.series is not None}
    told = [c for m in known for c in m.changes] + [c for s in whole.values() for c in s.changes]
    return sorted(told, key=lambda c: (c.seen_at, c.uid, moment_key(c.original_start), c.kind.value, c.person or ""))


def kinds(found: Iterable[Meeting]) -> list[str]:
    return [change.kind.value for change in news(found)]


def met(
    uid: str,
    when: Slot,
    answers: Mapping[str, str] | None = None,
    organizer: str | None = REP,
    created: str | None = None,
    seen: str | datetime = FIRST_SYNC,
    **more: object,
) -> Copy:
    """Return a copy with one version that was there at the first sync."""
    return copy(uid, version(seen, state(when, answers, organizer, **more)), created=created)


def account(name: str = "Acme", *domains: str, **more: object) -> Account:
    base = Account(name=name, domains=domains or (f"{name.lower()}.example",))
    return replace(base, **more)  # type: ignore[arg-type]


def lens(accounts: Iterable[Account], as_of: datetime = AS_OF, zone: tzinfo = UTC, **more: object) -> Lens:
    directory = Directory(
        team_domains=frozenset({"ours.example"}), mailboxes=frozenset({REP}), accounts=tuple(accounts)
    )
    who = replace(directory, **more)  # type: ignore[arg-type]
    return Lens(directory=who, zone=zone, horizon=timedelta(days=180), as_of=as_of)


def told(
    copies: Iterable[Copy], *accounts: Account, as_of: datetime = AS_OF, zone: tzinfo = UTC, **more: object
) -> tuple[Meeting, ...]:
    return meetings(copies, lens(accounts or (account(),), as_of, zone, **more))


def scored(
    copies: Iterable[Copy],
    who: Account | None = None,
    as_of: datetime = AS_OF,
    zone: tzinfo = UTC,
    constants: Constants | None = None,
    **more: object,
) -> Scored:
    """Score one account from copies, as of a moment, with nothing observed later."""
    who = who or account()
    known = [_until(c, as_of) for c in copies if c.versions[0].seen_at <= as_of]
    through = lens((who,), as_of, zone, **more)
    return score_account(who, meetings(known, through), through, constants or Constants())


def _until(one: Copy, as_of: datetime) -> Copy:
    return replace(one, versions=tuple(v for v in one.versions if v.seen_at <= as_of))


def zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def gone(what: State, status: EventStatus = EventStatus.CANCELLED) -> State:
    return replace(what, status=status)


def linked(tool: str = "calendly") -> Booking:
    return Booking(tool, Confidence.LIKELY)
