"""A rep's morning on one screen: what to do first, today, the accounts by status, what is new."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from calsignal.model import Actor, Change, ChangeKind, Status
from calsignal.reports.foot import foot
from calsignal.reports.layout import BOLD, CYAN, DIM, GREEN, PLAIN, YELLOW, Cell, Page, Run, cell, width_of
from calsignal.reports.tables import suggestion_rows
from calsignal.reports.words import COLOURS, Calendar, duration, first_sentence, happened, plural, subject, who
from calsignal.score.result import AccountChange, AccountResult, Digest, FirstAction, TodayMeeting

SCREEN = 15  # accounts
LINES = 40
APART = 3  # customers and partners
TODAY = 8  # meetings
NEWS = (3, 6)  # changes: always, and where there is room
_FAIR = {Status.REAL: 5, Status.SOFT: 3, Status.STALLED: 2, Status.NEW: 2}  # of SCREEN; the others get 1
_MAIN = (Status.REAL, Status.SOFT, Status.STALLED)
_MOVES = frozenset({ChangeKind.MOVED, ChangeKind.SERIES_MOVED, ChangeKind.CANCELLED, ChangeKind.VANISHED})
_ASKS = frozenset({"answer-the-buyer", "key-player-missing"})  # flags that ask for an act, on any account
_RISKS = _ASKS | {"single-threaded"}  # on a real one; `account` and `--all` show the others

RULES = {
    1: "a buyer waits for our answer",
    2: "real, and no next step",
    3: "a firm meeting today",
    4: "about to turn",
    5: "lost since now",
}
"""Why an action comes first, in the order in which the rules are asked."""


def digest_text(digest: Digest, *, width: int, colour: bool, show_all: bool = False) -> str:
    """Return the digest in at most `width` columns (at least 40); `show_all` leaves nothing out."""
    page = Page(width, colour=colour)
    calendar = Calendar(digest.head.as_of, ZoneInfo(digest.head.timezone))
    _head(page, digest, calendar)
    if digest.first_action:
        _first(page, digest.first_action, calendar)
    _today(page, digest.today, calendar, show_all=show_all)
    if digest.accounts:
        _accounts(page, digest.accounts, show_all=show_all)
    else:
        _none_yet(page, digest)
    _news(page, digest, calendar, show_all=show_all)
    foot(page, digest.head, calendar, digest.accounts, show_all=show_all)
    return page.text()


def _head(page: Page, digest: Digest, calendar: Calendar) -> None:
    page.line(Run(when(calendar), BOLD), "·", whose(digest))
    if counted := counts(digest):
        page.line(Run(counted, DIM))


def when(calendar: Calendar) -> str:
    """Write the moment of a report: `Tue 17 Mar 2026, 08:00`."""
    return f"{calendar.date(calendar.as_of)} {calendar.today.year}, {calendar.time(calendar.as_of)}"


def whose(digest: Digest) -> str:
    """Say whose digest it is."""
    return digest.rep or "the whole team"


def counts(digest: Digest) -> str:
    """Count the accounts: `5 real, 3 soft, 1 customer or partner`; nothing where there are none."""
    prospects = [result for result in digest.accounts if result.rank is not None]
    found = [f"{len(members)} {status.value.lower()}" for status, members in by_status(prospects).items()]
    others = len(digest.accounts) - len(prospects)
    if others:
        found.append(plural(others, "customer or partner", "customers and partners"))
    return ", ".join(found)


def _first(page: Page, action: FirstAction, calendar: Calendar) -> None:
    page.blank()
    why = Run(f"(rule {action.rule}: {RULES[action.rule]})", DIM)
    first, account, text = Run("FIRST", f"{BOLD};{CYAN}"), Run(action.account, BOLD), Run(action.text, BOLD)
    by = due(action, calendar)
    page.line(first, account, "·", text, *([by] if by else []), why, hang=6)


def due(action: FirstAction, calendar: Calendar) -> str:
    """Say until when something is to be done, unless that is today or its text says it: `By Fri 20 Mar.`."""
    day = calendar.date(action.due) if action.due and action.due != calendar.today else ""
    return f"By {day}." if day and day not in action.text else ""


def _today(page: Page, today: Sequence[TodayMeeting], calendar: Calendar, *, show_all: bool) -> None:
    if not today:
        return
    page.rule(Run("TODAY", BOLD))
    shown = today if show_all else today[:TODAY]
    width = width_of((item.account for item in shown), least=8, most=page.width // 5)
    times = width_of((calendar.slot(item.meeting.slot) for item in shown), least=5, most=7)
    for item in shown:
        meeting = item.meeting
        text = (Run(f"{subject(meeting.subject)}, {duration(meeting.slot)}:"), Run(who(meeting) or "no buyer", DIM))
        page.row(
            cell(calendar.slot(meeting.slot), times),
            cell(item.account, width, BOLD),
            Cell(text, page.rest(times, width, indent=2)),
            indent=2,
        )
    _more(page, len(today) - len(shown))


def _accounts(page: Page, results: Sequence[AccountResult], *, show_all: bool) -> None:
    groups = by_status([result for result in results if result.rank is not None])
    room = {status: len(members) for status, members in groups.items()} if show_all else _room(groups)
    width = width_of((result.account.name for result in results), least=8, most=page.width // 5)
    end = "score"
    for status in filter(groups.__contains__, _MAIN):
        page.rule(*_title(status, groups[status]), end=end)
        end = ""
        for result in groups[status][: room[status]]:
            _account(page, result, width, whole=show_all)
        _more(page, len(groups[status]) - room[status])
    _tail(
        page,
        {status: members for status, members in groups.items() if status not in _MAIN},
        room,
        width,
        whole=show_all,
    )
    _apart(page, [result for result in results if result.rank is None], width, show_all=show_all)


def _apart(page: Page, results: Sequence[AccountResult], width: int, *, show_all: bool) -> None:
    if not results:
        return
    page.rule(Run("CUSTOMERS AND PARTNERS", BOLD), Run(str(len(results))))
    shown = results if show_all else results[:APART]
    for result in shown:
        _small(page, result, width, whole=show_all)
    _more(page, len(results) - len(shown))


def _title(status: Status, members: Sequence[AccountResult]) -> list[Run]:
    colour = COLOURS.get(status, "")
    return [Run(status.value, f"{BOLD};{colour}".rstrip(";")), Run(str(len(members)))]


def _tail(
    page: Page,
    groups: Mapping[Status, Sequence[AccountResult]],
    room: Mapping[Status, int],
    width: int,
    *,
    whole: bool,
) -> None:
    """Write, a line each, the accounts that have no score yet or no longer; the status stands before the evidence."""
    if not groups:
        return
    titles = [_title(status, members) for status, members in groups.items()]
    page.rule(*(run for number, title in enumerate(titles) for run in (*([Run("·", DIM)] if number else []), *title)))
    for status, members in groups.items():
        for result in members[: room[status]]:
            _small(page, result, width, whole=whole)
    _more(page, sum(len(members) - room[status] for status, members in groups.items()))


def _small(page: Page, result: AccountResult, width: int, *, whole: bool) -> None:
    mark = Run(f"{result.status.value}{'?' if result.stale else ''}:", COLOURS.get(result.status, PLAIN))
    evidence = result.evidence if whole else first_sentence(result.evidence)
    text = Cell((mark, Run(evidence)), page.rest(width, indent=2))
    page.row(cell(result.account.name, width, BOLD), text, indent=2)


def by_status(results: Sequence[AccountResult]) -> dict[Status, list[AccountResult]]:
    """Return the accounts of each status that occurs, in the order of the statuses."""
    groups = {status: [result for result in results if result.status is status] for status in Status}
    return {status: members for status, members in groups.items() if members}


def _room(groups: Mapping[Status, Sequence[AccountResult]]) -> dict[Status, int]:
    """Share one screen out: a fair part for each status, then what is left from the best status on."""
    room = {status: min(len(members), _FAIR.get(status, 1)) for status, members in groups.items()}
    for status, members in groups.items():
        room[status] += min(len(members) - room[status], max(0, SCREEN - sum(room.values())))
    return room


def _account(page: Page, result: AccountResult, width: int, *, whole: bool) -> None:
    flags = shown_flags(result, whole=whole)
    doubt = [Run(f"{result.status.value}?", YELLOW)] if result.stale else []
    notes = [Run(f"! {flag}", YELLOW, tight=True) for flag in flags]
    page.row(
        cell(result.account.name, width, BOLD),
        Cell((*doubt, Run(result.evidence), *notes), page.rest(width, 5, indent=2)),
        cell(f"{result.score:.1f}", 5, right=True),
        indent=2,
    )


def shown_flags(result: AccountResult, *, whole: bool) -> list[str]:
    """Return the flags of an account that a morning needs, in words; `whole` leaves none out."""
    wanted = _RISKS if result.status is Status.REAL else _ASKS
    return [flag.code.replace("-", " ") for flag in result.flags if whole or flag.code in wanted]


def _more(page: Page, count: int) -> None:
    if count > 0:
        page.line(Run(f"+ {count} more (--all)", DIM), indent=2)


def _none_yet(page: Page, digest: Digest) -> None:
    page.blank()
    if not digest.suggestions:
        page.line(nobody(digest))
        return
    page.line(Run("NO ACCOUNTS YET.", BOLD), "These companies meet you most; add those you sell to:", hang=2)
    suggestion_rows(page, digest.suggestions[:5])


def nobody(digest: Digest) -> str:
    """Say why no account is listed."""
    if digest.total:
        return f"{digest.rep} meets or owns none of the {plural(digest.total, 'account')}."
    return "No accounts yet. Add one: calsignal accounts add NAME DOMAIN"


def _news(page: Page, digest: Digest, calendar: Calendar, *, show_all: bool) -> None:
    if not digest.changes:
        return
    page.rule(Run(heading_since(digest, calendar), BOLD))
    news = best_first(digest)
    least, most = NEWS
    room = max(least, min(most, LINES - page.height - 2))  # beside `+ n more` and the model
    shown = news if show_all else news[:room]
    width = width_of((item.account for item in shown), least=8, most=page.width // 4)
    for item in shown:
        text = (Run(happened(item.change, calendar)), Run("by the buyer" if is_theirs(item.change) else "", DIM))
        page.row(
            cell(item.account, width, BOLD),
            Cell(text, page.rest(width, indent=2)),
            indent=2,
            mark=Run("+", GREEN) if item.good else Run("·", DIM),
        )
    _more(page, len(news) - len(shown))


def since(digest: Digest, calendar: Calendar) -> str:
    """Say since when changes are told: `yesterday`, or a moment."""
    yesterday = calendar.day(digest.since) == calendar.today - timedelta(days=1)
    return "yesterday" if yesterday else calendar.moment(digest.since)


def heading_since(digest: Digest, calendar: Calendar) -> str:
    """Write the heading of the changes: `SINCE YESTERDAY`."""
    return f"SINCE {since(digest, calendar)}".replace("yesterday", "YESTERDAY")


def best_first(digest: Digest) -> list[AccountChange]:
    """Return the changes, good news first."""
    return sorted(digest.changes, key=lambda item: not item.good)


def is_theirs(change: Change) -> bool:
    """Say whether a buyer moved something or called it off: what else a buyer does tells who did it."""
    return change.by is Actor.BUYER and change.kind in _MOVES
