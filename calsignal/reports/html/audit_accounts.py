"""The accounts' part of the audit's page: hours, evidence with timelines for the largest, a row for every one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

from calsignal.model import Actor, Change, ChangeKind, Level, Status
from calsignal.reports import audit_words as say
from calsignal.reports.html.charts import Arrow, Spot, legend, mark, sample_arrow, timeline
from calsignal.reports.html.elements import Safe, el, join
from calsignal.reports.html.frame import (
    DETAILED,
    Frame,
    cell,
    codes,
    money,
    number,
    row,
    section,
    sentences,
    sortable,
    status,
    status_cell,
)
from calsignal.reports.safe import cut
from calsignal.reports.words import duration, first_sentence, plural, subject, who
from calsignal.score.audit import AccountAudit, DealLine
from calsignal.score.result import MeetingView

MEETINGS = 6  # listed per account; its timeline shows more
SPOTS = 20  # meetings, and moves, in a timeline
_TITLE = 32  # letters of a subject there
_PAST, _AHEAD = timedelta(days=120), timedelta(days=45)  # at most, in a timeline
_MOVES = (ChangeKind.MOVED, ChangeKind.SERIES_MOVED)
_HOURS = (("Account", "text"), ("Ours, h", "number"), ("Theirs, h", "number"), ("Status", "status"), ("Reps", "text"))
_ALL = (
    ("Account", "text"),
    ("Status", "status"),
    ("Score", "number"),
    ("Largest deal", "number"),
    ("Findings", "text"),
    ("Ours, h", "number"),
    ("Theirs, h", "number"),
    ("Evidence", "text"),
)

# --- hours ------------------------------------------------------------------------------------------------------------


def hours(frame: Frame) -> Safe | None:
    """Return the accounts that eat our hours, and those whose buyers give time without a deal."""
    eating, idle = frame.result.eating, frame.result.without_deal
    parts = []
    if eating:
        said = f"{plural(len(eating), 'account')} with our hours on them, and no buyer committed"
        parts.append(_hours_table(frame, "eating", said, eating))
    if idle:
        said = f"{plural(len(idle), 'account')} with buyers who give time, and no deal open"
        parts.append(_hours_table(frame, "idle", said, idle))
    if not parts:
        return None
    return section("hours", "Our hours and the buyers'", None, el("div", *parts, class_="grid halves"), far=True)


def _hours_table(frame: Frame, name: str, said: str, found: Sequence[AccountAudit]) -> Safe:
    rows = (
        row(
            frame.link(one.result.account.name, one.result.account.name),
            number(_tenth(one.our_hours)),
            number(_tenth(one.buyer_hours)),
            status_cell(one.result.status, stale=bool(one.result.stale)),
            cell(", ".join(one.reps) or "-"),
        )
        for one in found[:DETAILED]
    )
    more = say.left_out(found[:DETAILED], found, "account")
    return sortable(name, f"{said}. {more}".strip(), _HOURS, el("tbody", *rows))


def _tenth(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"


# --- evidence ---------------------------------------------------------------------------------------------------------


def evidence(frame: Frame) -> Safe | None:
    """Return the accounts with an open deal, folded, largest amount first; it says how many have none of this."""
    shown = frame.detailed
    if not shown:
        return None
    whole = len(say.in_detail(frame.result, len(frame.result.accounts)))
    note = f"{plural(whole, 'account')} with an open deal, largest amount first"
    if whole > len(shown):
        note = f"the {len(shown)} largest of {whole} accounts with an open deal; the others have a row below"
    buttons = (
        el("button", words, type="button", data_open=state, data_of="cards", hidden=True)
        for words, state in (("Open all", "true"), ("Close all", "false"))
    )
    cards = el("div", *(_card(frame, one) for one in shown), id="cards")
    return section("evidence", "Evidence", note, el("div", *buttons, class_="tools"), _legend(), cards, far=True)


def _legend() -> Safe:
    return legend(
        [
            (mark("owned", 15, 7), "the buyer organised or booked it"),
            (mark("firm", 15, 7), "accepted"),
            (mark("maybe", 15, 7), "tentative, or to confirm again"),
            (mark("asked", 15, 7), "no answer"),
            (mark("gone", 15, 7), "declined or cancelled"),
            (sample_arrow(later=True, ours=False), "put off by the buyer"),
            (sample_arrow(later=True, ours=True), "put off by us or unknown"),
            (sample_arrow(later=False, ours=False), "moved earlier"),
        ]
    )


def _card(frame: Frame, one: AccountAudit) -> Safe:
    made, lines = one.result, frame.deals_of(one)
    several = el("small", f" {len(lines)} deals") if len(lines) > 1 else None
    summary = el(
        "summary",
        el("span", money(lines[0]), class_="sum"),
        el("span", made.account.name, several, class_="name"),
        el("span", codes(found for line in lines for found in line.findings), class_="codes"),
        status(made.status, stale=bool(made.stale)),
    )
    inside = el(
        "div",
        el("p", made.evidence),
        *(el("p", text, class_="soft") for text in made.unknown),
        el("p", *_flags(one)) if made.flags else None,
        *(_deal(frame, line) for line in lines),
        _timeline(frame, one),
        _facts(one),
        _meetings(frame, made.meetings),
        class_="inside",
    )
    return el("details", summary, inside, class_="card", id=frame.anchors[made.account.name])


def _flags(one: AccountAudit) -> Iterator[Safe]:
    for flag in one.result.flags:
        yield join([el("span", "!", class_="code"), f" {flag.text} "])


def _deal(frame: Frame, line: DealLine) -> Safe:
    deal = line.deal
    facts = [
        money(line),
        say.closing(deal, frame.calendar),
        say.owner(line),
        f"{plural(line.held, 'meeting')} held",
        f"{line.held_shared} more may be another deal's" if line.held_shared else "",
        f"status shared with {plural(len(line.shared), 'open deal')}" if line.shared else "",
        f"close date put off {line.close_pushes}x (+{line.close_push_days} d)" if line.close_pushes else "",
        f"next {frame.calendar.moment(line.next_meeting.slot.start)}" if line.next_meeting else "",
        "calendar-backed" if line.backed else "",
    ]
    said = el("p", " · ".join(filter(None, facts)), class_="soft")
    return el("div", el("h3", deal.name), said, *sentences(line), class_="deal")


def _facts(one: AccountAudit) -> Safe:
    made = one.result
    known = made.status is not Status.UNKNOWN
    facts: Mapping[str, str] = {
        "Our hours, in the period": say.quantity(one.our_hours, "h"),
        "Buyers' hours, booked or held": say.quantity(one.buyer_hours, "h"),
        "Buyers' hours, by firmness": say.quantity(one.firm_hours, "h"),
        "Score": f"{made.score:.1f}" if known else "unknown",
        "Chance to win": "" if made.win_probability is None else say.percent(made.win_probability),
        "Firm buyers, 90 d and ahead": ", ".join(made.firm_buyers) or ("none" if known else "unknown"),
        "Mobilizers": _listed(one.mobilizers),
        "Key players met": _listed(one.key_met),
        "Key players never met": _listed(one.key_missing),
        "Reps on it": ", ".join(one.reps) or "none",
    }
    return el("dl", *(el("div", el("dt", name), el("dd", value)) for name, value in facts.items() if value))


def _listed(people: tuple[str, ...] | None) -> str:
    return "unknown" if people is None else ", ".join(people) or "none"


def _meetings(frame: Frame, meetings: Sequence[MeetingView]) -> Safe | None:
    if not meetings:
        return None
    calendar = frame.calendar
    ordered = sorted(meetings, key=lambda m: (calendar.day(m.slot.start), calendar.slot(m.slot)))
    ahead = [m for m in ordered if not m.past][: MEETINGS // 2]
    behind = [m for m in ordered if m.past][-(MEETINGS - len(ahead)) :]
    shown = [*reversed(ahead), *reversed(behind)]
    items = (
        el(
            "li",
            el("strong", calendar.moment(m.slot.start)),
            f" {subject(m.subject)}, {duration(m.slot)}: {who(m) or 'no buyer'}",
            f", moved {m.moves}x" if m.moves else None,
            el("small", f" ({m.why_not})") if m.why_not and not m.status.gone else None,
        )
        for m in shown
    )
    more = say.left_out(shown, meetings, "meeting")
    note = f"the nearest; {more}, see: calsignal account" if more else "newest first"
    return join([el("h3", "Meetings", el("small", note)), el("ul", *items, class_="plain")])


# --- timelines --------------------------------------------------------------------------------------------------------


def _timeline(frame: Frame, one: AccountAudit) -> Safe | None:
    calendar, today = frame.calendar, frame.calendar.today
    first, last = today - _PAST, today + _AHEAD
    spots = [
        Spot(calendar.day(m.slot.start), _kind(m), f"{calendar.moment(m.slot.start)} {cut(subject(m.subject), _TITLE)}")
        for m in one.result.meetings
        if first <= calendar.day(m.slot.start) <= last
    ]
    spots = sorted(spots, key=lambda spot: spot.on)[-SPOTS:]
    if not spots:
        return None
    arrows = [arrow for change in one.result.changes if (arrow := _arrow(frame, change, first, last))][-SPOTS:]
    begin = min([spots[0].on, today - timedelta(days=30), *(arrow.start for arrow in arrows)])
    end = max([spots[-1].on, today + timedelta(days=14), *(arrow.end for arrow in arrows)])
    firm = sum(spot.kind in ("firm", "owned") for spot in spots)
    label = f"Timeline of {plural(len(spots), 'meeting')}, {firm} of them firm, and {plural(len(arrows), 'move')}"
    margin = timedelta(days=3)
    drawn = timeline(spots, arrows, begin - margin, end + margin, today, label)
    return el("figure", el("div", drawn, class_="swing", tabindex=0, role="group", aria_label="Timeline"))


def _kind(meeting: MeetingView) -> str:
    """Say how a meeting is drawn."""
    if meeting.status.gone or meeting.level is Level.WITHDRAWN:
        return "gone"
    if meeting.level >= Level.FIRM:
        return "owned" if meeting.level is Level.OWNED else "firm"
    return "maybe" if meeting.level is Level.SOFT else "asked"


def _arrow(frame: Frame, change: Change, first: date, last: date) -> Arrow | None:
    """Return a move as an arrow, where both of its days are in sight."""
    calendar, before, after = frame.calendar, change.before, change.after
    if change.kind not in _MOVES or not isinstance(before, date) or not isinstance(after, date):
        return None
    start, end = calendar.day(before), calendar.day(after)
    if not (first <= start <= last and first <= end <= last) or start == end:
        return None
    ours = change.by is not Actor.BUYER
    by = "by us or unknown" if ours else "by the buyer"
    name = cut(subject(change.subject), _TITLE)
    return Arrow(start, end, ours, f"{name}: {calendar.date(start)} to {calendar.date(end)}, {by}")


# --- all of them ------------------------------------------------------------------------------------------------------


def every(frame: Frame) -> Safe | None:
    """Return a row for every account, in order of rank; the section says how many have nothing but this row."""
    found = frame.result.accounts
    if not found:
        return None
    others = len(found) - len(frame.detailed)
    note = f"{len(found)}, in order of rank" + (f"; {others} of them have this row only" if others else "")
    field = el("input", type="search", data_filter="all", autocomplete="off")
    finder = el("div", el("label", "Find", field, class_="filter", hidden=True), class_="tools")
    rows = Safe("\n".join(_short(frame, one) for one in found))
    grid = sortable("all", "All accounts; hours are those of the period.", _ALL, el("tbody", rows), size="wide")
    return section("accounts", "All accounts", note, finder, grid, far=True)


def _short(frame: Frame, one: AccountAudit) -> str:
    """Return a row without what HTML does not need: ten thousand rows are a megabyte shorter for it.

    No end tags, and no class that says which cells are numbers: the style sheet counts the columns of this table.
    """
    made, lines = one.result, frame.deals_of(one)
    found = sorted({finding.code.name for line in lines for finding in line.findings})
    cells = (
        el("th", frame.link(made.account.name, made.account.name), scope="row"),
        status_cell(made.status, stale=bool(made.stale)),
        cell(f"{made.score:.1f}" if made.status is not Status.UNKNOWN else "-"),
        cell(money(lines[0]) if lines else ""),
        cell(" ".join(found)),
        cell(_tenth(one.our_hours)),
        cell(_tenth(one.buyer_hours)),
        cell(first_sentence(made.evidence)),
    )
    return "<tr>" + "".join(each.removesuffix("</td>").removesuffix("</th>") for each in cells)
