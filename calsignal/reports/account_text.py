"""Why an account has its status and score: everything that went in, so that it can be recomputed by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from calsignal.model import Actor, Change, ChangeKind, Status
from calsignal.reports.foot import foot
from calsignal.reports.layout import BOLD, DIM, GREEN, RED, YELLOW, Cell, Page, Run, cell, width_of
from calsignal.reports.words import COLOURS, Calendar, address, by, did, duration, happened, subject
from calsignal.score.constants import Constants
from calsignal.score.result import (
    AccountReport,
    AccountResult,
    Act,
    BuyerOnMeeting,
    Effect,
    Head,
    MeetingView,
    Rescheduling,
)

_V1 = Constants()
_MANY = 3  # dates of a series that are alike and do not count: from here on the first stands for all
MOST_NAMED = 12
"""Buyers of one meeting that are named; more than count for anything, and few enough to read."""
_HOURS = 8  # columns of an hour or a point


def account_text(report: AccountReport, *, width: int, colour: bool, constants: Constants = _V1) -> str:
    """Return the account in full in at most `width` columns (at least 40).

    `constants` are those the score was made with; where their fingerprint is not the head's, the equations show
    names instead of numbers.
    """
    page = Page(width, colour=colour)
    head, result = report.head, report.result
    calendar = Calendar(head.as_of, ZoneInfo(head.timezone))
    _top(page, result, calendar)
    _story(page, report, calendar)
    _score(page, result, _Terms(head, constants))
    _meetings(page, result, constants, calendar)
    _legend(page, result, _Terms(head, constants))
    _acts(page, result.rescheduling, calendar)
    foot(page, head, calendar, [result], show_all=True)
    return page.text()


class _Terms:
    """Gives a constant as the report may print it: its value, or its name where the value is not known here."""

    def __init__(self, head: Head, constants: Constants) -> None:
        self._constants = constants if constants.fingerprint() == head.constants else None

    def __getitem__(self, name: str) -> str:
        return f"{getattr(self._constants, name):g}" if self._constants else name


def _top(page: Page, result: AccountResult, calendar: Calendar) -> None:
    account, status = result.account, result.status
    mark = Run(f"{status.value}{'?' if result.stale else ''}", f"{BOLD};{COLOURS.get(status, '')}".rstrip(";"))
    score = "score unknown" if status is Status.UNKNOWN else f"{result.score:.1f}"
    page.line(Run(account.name, BOLD), "·", mark, "·", Run(score, BOLD))
    when = f"{calendar.date(calendar.as_of)} {calendar.today.year}, {calendar.time(calendar.as_of)}"
    owner = f" of {account.owner}" if account.owner else ""
    rank = [f"rank {result.rank}"] if result.rank is not None else []
    belongs = ", ".join([*account.domains, *account.addresses])
    page.line(Run(" · ".join(filter(None, [when, belongs, account.type.value + owner, *rank])), DIM))
    page.blank()
    page.line(result.evidence)
    for flag in result.flags:
        words = flag.code.replace("-", " ")
        page.line(Run(f"! {words}" if flag.text == words else f"! {words}: {flag.text}", YELLOW), hang=2)
    for reason in result.unknown:
        page.line(Run(f"? unknown: {reason}", YELLOW), hang=2)
    page.blank()


# --- the score ------------------------------------------------------------------------------------------------------


def _score(page: Page, result: AccountResult, term: _Terms) -> None:
    page.rule(Run("SCORE", BOLD))
    if result.status is Status.UNKNOWN:
        page.line("Unknown: what no connected calendar could have shown is not zero.", indent=2)
        return
    i, r, k = result.time.points, result.rescheduling.points, result.keep
    time, moves = term["weight_time"], term["weight_rescheduling"]
    sums = f"= {k:.4f} x ({time} x {i:.4f} + {moves} x {r:.4f}) = {result.score:.4f}"
    page.line(f"K x ({time} x I + {moves} x R)", Run(sums, BOLD), indent=2, hang=2)
    _part(page, "I", i, _time(result, term))
    _part(page, "R", r, _rescheduling(result.rescheduling, term))
    _part(page, "K", k, _keep(result, term))
    quiet = f", quiet for {result.quiet_days} d" if result.quiet_days is not None else ""
    page.line(
        f"Status by rule {result.rule}; usual gap {result.usual_gap_days:.1f} d{quiet};",
        f"stalls after {result.stall_after:.1f} d, lost after {result.lost_after:.1f} d.",
        indent=2,
    )
    if result.win_probability is not None:
        chance = f"{100 * result.win_probability:.0f} %"
        page.line(f"Win probability of a deal of theirs, within 90 days: {chance} (calsignal calibrate).", indent=2)


def _part(page: Page, name: str, value: float, text: str) -> None:
    page.row(
        cell(name, 1, BOLD), cell(f"{value:.4f}", _HOURS, right=True), cell(text, page.rest(1, 8, indent=2)), indent=2
    )


def _time(result: AccountResult, term: _Terms) -> str:
    time = result.time
    return (
        f"buyer time: 100 x H / (H + {term['half_hours']}) with H = {time.effective_hours:.4f} h, "
        f"the sum of the hours below. "
        f"Booked or held {time.raw_hours:.4f} h, expected to be spent {time.firm_hours:.4f} h."
    )


def _rescheduling(parts: Rescheduling, term: _Terms) -> str:
    if not parts.ever_firm:
        return "re-scheduling: 0, since no meeting was ever firm."
    left = sum(act.now for act in parts.acts)
    sign = "-" if left < 0 else "+"
    return (
        f"re-scheduling: {_counts(parts)}. {term['rescheduling_base']} {sign} {abs(left):.4f}, kept within 0 and 100."
    )


def _counts(parts: Rescheduling) -> str:
    pushes = parts.pushed_by_buyer + parts.pushed_by_seller_or_unknown
    charge = sum(act.points for act in parts.acts if act.kind == "push")
    again = f"booked again {parts.booked_again}x"
    if parts.booked_again:
        again += f" ({parts.booked_again_by_buyer} by them)"
    pushed = f"pushed {pushes}x"
    if pushes:
        theirs = f"{parts.pushed_by_buyer} by them, " if parts.pushed_by_buyer else ""
        pushed += f" ({theirs}+{parts.push_days} d, {f'{charge:+.1f}' if charge else 'no charge'})"
    earlier = [f"moved earlier {parts.moved_earlier}x"] if parts.moved_earlier else []
    ours = [f"you dropped {parts.dropped_by_seller}"] if parts.dropped_by_seller else []
    return ", ".join([again, *earlier, pushed, f"dropped {parts.dropped}", *ours])


def _keep(result: AccountResult, term: _Terms) -> str:
    if result.next_meeting is not None:
        return f"a firm meeting starts within {term['next_within_days']} days."
    if result.quiet_days is None:
        return "0, since nothing ever happened."
    power = f"0.5 ^ (quiet {result.quiet_days} d / {term['quiet_half_life_days']})"
    return f"no firm meeting within {term['next_within_days']} days: {power}."


# --- meetings -------------------------------------------------------------------------------------------------------


def _meetings(page: Page, result: AccountResult, constants: Constants, calendar: Calendar) -> None:
    ahead = sorted((m for m in result.meetings if not m.past), key=lambda m: _start(m, calendar))
    behind = sorted((m for m in result.meetings if m.past), key=lambda m: _start(m, calendar), reverse=True)
    width = width_of((calendar.moment(m.slot.start) for m in result.meetings), least=10, most=21)
    for title, meetings in (("AHEAD", ahead), ("BEHIND", behind)):
        if meetings:
            page.rule(Run(title, BOLD), Run(str(len(meetings))), end="hours")
        for _, alike in groupby(meetings, key=_sort):
            listed = list(alike)
            shown = 1 if len(listed) >= _MANY and not listed[0].counted else len(listed)
            for meeting in listed[:shown]:
                _meeting(page, meeting, width, constants, calendar)
            if listed[shown:]:
                last = listed[-1] if title == "AHEAD" else listed[0]
                text = f"and {len(listed) - shown} more dates like it, to {calendar.moment(last.slot.start)}"
                page.line(Run(text, DIM), indent=4 + width)
    counted = sum(_hours(meeting, constants) for meeting in result.meetings)
    if result.meetings and abs(counted - result.time.effective_hours) > 0.0001:
        page.line(
            f"The hours add up to {counted:.4f}; H is {result.time.effective_hours:.4f}, because minutes in which a",
            "person has two meetings count once, at the larger weight.",
            indent=2,
        )


def _sort(meeting: MeetingView) -> tuple[object, ...]:
    """Return what makes dates of a series alike enough to be listed once."""
    people = tuple((buyer.person, buyer.answer, buyer.level) for buyer in meeting.buyers)
    return (meeting.uid, meeting.why_not, people, meeting.moves) if meeting.series else (meeting.uid, meeting.slot)


def _legend(page: Page, result: AccountResult, term: _Terms) -> None:
    if any(meeting.counted for meeting in result.meetings):
        text = (
            f"Hours: minutes / 60 x firmness of the buyers (the {term['max_buyers']} highest) x what time does: "
            f"halved every {term['half_life_days']} d behind us; ahead {term['lead_7_days']} up to 7 d, "
            f"{term['lead_14_days']} to 14 d, {term['lead_28_days']} to 28 d, {term['lead_60_days']} to 60 d. "
            f"A date of a series also x {term['series_factor']}."
        )
        page.line(Run(text, DIM), indent=2)


def _start(meeting: MeetingView, calendar: Calendar) -> tuple[str, str]:
    start = meeting.slot.start
    local = start.astimezone(calendar.zone) if isinstance(start, datetime) else start
    return local.isoformat(), meeting.uid


def _meeting(page: Page, meeting: MeetingView, width: int, constants: Constants, calendar: Calendar) -> None:
    hours = f"{_hours(meeting, constants):.4f}" if meeting.counted else "-"
    page.row(
        cell(calendar.moment(meeting.slot.start), width),
        Cell(tuple(_about(meeting)), page.rest(width, _HOURS, indent=2)),
        cell(hours, _HOURS, right=True),
        indent=2,
    )
    lines = [
        _who(meeting.buyers),
        _sum(meeting, constants),
    ]
    for line in filter(None, lines):
        page.line(Run(line, DIM), indent=4 + width, hang=2)


def _who(buyers: Sequence[BuyerOnMeeting]) -> str:
    """Name what each buyer did; of a crowd those who count the most, and how many more there are."""
    named = list(buyers)
    if len(named) > MOST_NAMED:
        named = sorted(buyers, key=lambda buyer: -buyer.weight)[:MOST_NAMED]
    told = ", ".join(f"{address(b)} {b.evidence or did(b)} {b.weight:g}" for b in named)
    rest = len(buyers) - len(named)
    return f"{told}, and {rest:,} more (in the JSON)" if rest else told


def _about(meeting: MeetingView) -> Iterator[Run]:
    yield Run(subject(meeting.subject), BOLD)
    facts = [duration(meeting.slot), f"level {meeting.level.value}"]
    if meeting.organizer_email and not any(buyer.organizer for buyer in meeting.buyers):
        facts.append(f"{meeting.organizer_email} organised")
    others = [seller for seller in meeting.sellers if seller != meeting.organizer_email]
    if others:
        facts.append(f"with {', '.join(others)}")
    if meeting.moves:
        facts.append(f"moved {meeting.moves}x")
    if meeting.copies > 1:
        facts.append(f"seen in {meeting.copies} calendars")
    yield Run(f"· {', '.join(facts)}")


def _sum(meeting: MeetingView, constants: Constants) -> str:
    if not meeting.counted:
        return f"not counted: {meeting.why_not}"
    weights = _weights(meeting.buyers, constants)
    series = ", a series" if meeting.series else ""
    return f"{meeting.minutes} min x {sum(weights):.4g} x {meeting.factor:.4f}{series}"


def _hours(meeting: MeetingView, constants: Constants) -> float:
    """Return a meeting's hours as the score counts them, before a person's overlaps are taken out."""
    weight = sum(_weights(meeting.buyers, constants)) if meeting.counted else 0.0
    return meeting.minutes / 60 * weight * meeting.factor


def _weights(buyers: Sequence[BuyerOnMeeting], constants: Constants) -> list[float]:
    """Return the weights that count: the highest ones, unnamed guests at half their host's."""
    guests = [
        buyer.weight * constants.unnamed_guest_factor
        for buyer in buyers
        for _ in range(min(buyer.guests, constants.max_unnamed_guests))
    ]
    return sorted([*(buyer.weight for buyer in buyers), *guests], reverse=True)[: constants.max_buyers]


# --- acts and changes -----------------------------------------------------------------------------------------------


def _acts(page: Page, parts: Rescheduling, calendar: Calendar) -> None:
    if not parts.acts:
        return
    page.rule(Run("RE-SCHEDULED", BOLD), Run(str(len(parts.acts))), end="points, now")
    width = width_of((calendar.date(act.on) for act in parts.acts), least=10, most=16)
    for act in sorted(parts.acts, key=lambda act: act.on, reverse=True):
        page.row(
            cell(calendar.date(act.on), width),
            Cell(tuple(_act(act, calendar)), page.rest(width, 6, _HOURS, indent=2)),
            cell(f"{act.points:+.1f}" if act.points else "0", 6, right=True),
            cell(
                f"{act.now:+.4f}" if act.points else "0",
                _HOURS,
                GREEN if act.now > 0 else RED if act.now < 0 else "",
                right=True,
            ),
            indent=2,
        )


def _act(act: Act, calendar: Calendar) -> Iterator[Run]:
    yield Run(act.text + (", by the buyer" if act.by is Actor.BUYER else ""))
    if act.points:
        yield Run(f"({(calendar.today - act.on) // timedelta(days=1)} d ago)", DIM, tight=True)


def _story(page: Page, report: AccountReport, calendar: Calendar) -> None:
    """Tell what happened, newest first: each moment's changes, and what they did to score and status."""
    changes = report.result.changes
    drops = [act for act in report.result.rescheduling.acts if act.kind in ("dropped", "you dropped it")]
    if not (changes or drops):
        return
    page.rule(Run("WHAT HAPPENED", BOLD), Run("newest first, by when we saw it", DIM))
    width = width_of((calendar.moment(change.seen_at) for change in changes), least=10, most=21)
    effects = {effect.seen_at: effect for effect in report.effects}
    entries: list[tuple[str, Sequence[Change], Act | None]] = [(act.on.isoformat(), (), act) for act in drops]
    for seen_at, group in groupby(sorted(changes, key=lambda c: c.seen_at), key=lambda c: c.seen_at):
        entries.append((seen_at.astimezone(calendar.zone).isoformat(), list(group), None))
    for _, told, act in sorted(entries, key=lambda entry: entry[0], reverse=True):
        if act is not None:
            _row(page, calendar.date(act.on), width, [Run(f"{act.text}: {act.points:+.1f} points")])
        for number, change in enumerate(told):
            runs = [Run(happened(change, calendar)), *(Run(text, DIM) for text in _circumstances(change, calendar))]
            _row(page, "" if number else calendar.moment(change.seen_at), width, runs)
        if told and (effect := effects.get(told[0].seen_at)) is not None and (words := _effect(effect)):
            _row(page, "", width, [Run(words, BOLD)])


def _row(page: Page, when: str, width: int, runs: Sequence[Run]) -> None:
    page.row(cell(when, width), Cell(tuple(runs), page.rest(width, indent=2)), indent=2)


def _effect(effect: Effect) -> str:
    """Say what a moment did: `score 28.1 to 32.6, SOFT to REAL`; nothing where it did nothing."""
    before, after = f"{effect.score_before:.1f}", f"{effect.score_after:.1f}"
    parts = [f"score {before} to {after}"] if before != after else []
    if effect.status_before is not effect.status_after:
        parts.append(f"{effect.status_before.value} to {effect.status_after.value}")
    return ", ".join(parts)


def _circumstances(change: Change, calendar: Calendar) -> Iterator[str]:
    """Yield where a move came from, who did it, and when as far as that is known."""
    if change.kind in (ChangeKind.MOVED, ChangeKind.SERIES_MOVED) and isinstance(change.before, date):
        yield f"from {calendar.moment(change.before)}"
    yield by(change)
    if change.at is not None:
        yield f"· happened {calendar.moment(change.at)}"
    elif change.not_before is not None:
        yield f"· happened after {calendar.moment(change.not_before)}"
    else:
        yield "· time unknown"
