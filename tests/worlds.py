"""Build copies of meetings in a line each, for tests of history and score. The team is `ours.example`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from calsignal.directory import Directory
from calsignal.history import Lens, Meeting, meetings
from calsignal.model import (
    Account,
    Answer,
    Booking,
    Capability,
    Copy,
    EventStatus,
    Moment,
    Participant,
    Slot,
    State,
    Version,
)
from calsignal.score.account import Scored, score_account
from calsignal.score.constants import Constants

REP = "rep@ours.example"
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


def person(email: str, answer: str = "", **more: object) -> Participant:
    """Return a participant; the person key is the address itself, which makes failures readable."""
    base = Participant(person=email, domain=email.rpartition("@")[2], email=email, answer=ANSWERS[answer])
    return replace(base, **more)  # type: ignore[arg-type]


def people(answers: Mapping[str, str], organizer: str | None = None) -> tuple[Participant, ...]:
    everybody = {**{REP: "yes"}, **answers}
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
) -> Copy:
    return Copy(
        calendar=calendar or f"cal:{mailbox}",
        mailbox=mailbox,
        event=uid if original_start is None else f"{uid}/{original_start}",
        uid=uid,
        original_start=original_start,
        baseline=versions[0].not_before is None if baseline is None else baseline,
        created=at(created) if isinstance(created, str) else created,
        versions=versions,
        subject=subject,
    )


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
    base = Lens(directory=replace(directory, **more), zone=zone, horizon=timedelta(days=180), as_of=as_of)  # type: ignore[arg-type]
    return base


def told(copies: Iterable[Copy], *accounts: Account, as_of: datetime = AS_OF) -> tuple[Meeting, ...]:
    return meetings(copies, lens(accounts or (account(),), as_of))


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
    from calsignal.model import Confidence

    return Booking(tool, Confidence.LIKELY)
