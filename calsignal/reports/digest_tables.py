"""A rep's morning as tables: the accounts as CSV for programs and spreadsheets, all of it as Markdown for people."""

from __future__ import annotations

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from calsignal.model import Status
from calsignal.reports.digest_text import RULES, best_first, counts, due, is_theirs, nobody, since, when, whose
from calsignal.reports.foot import model, trouble
from calsignal.reports.grid import Table, Value, as_csv, as_markdown
from calsignal.reports.safe import markdown
from calsignal.reports.tables import add_line
from calsignal.reports.words import Calendar, duration, happened, plural, subject, who
from calsignal.score.result import AccountResult, Digest


def digest_csv(digest: Digest) -> str:
    """Return the accounts in order of rank, a row each: numbers and ISO dates as they are, unknown as an empty cell."""
    calendar = Calendar(digest.head.as_of, ZoneInfo(digest.head.timezone))
    columns = (
        "account", "rank", "type", "owner", "status", "stale", "rule", "score", "evidence", "flags", "next meeting",
        "last held", "quiet days", "usual gap days", "buyer hours", "firm hours", "firm buyers", "win probability",
    )  # fmt: skip
    return as_csv(Table("Accounts", columns, tuple(_row(result, calendar) for result in digest.accounts)))


def _row(result: AccountResult, calendar: Calendar) -> tuple[Value, ...]:
    known = result.status is not Status.UNKNOWN
    coming, held = result.next_meeting, result.last_held
    return (
        result.account.name,
        result.rank,
        result.account.type.value,
        result.account.owner,
        result.status.value,
        bool(result.stale),
        result.rule,
        round(result.score, 1) if known else None,
        result.evidence,
        ", ".join(flag.code for flag in result.flags),
        calendar.day(coming.slot.start) if coming else None,
        calendar.day(held.slot.start) if held else None,
        result.quiet_days,
        result.usual_gap_days if known else None,
        result.time.raw_hours if known else None,
        result.time.firm_hours if known else None,
        len(result.firm_buyers) if known else None,
        result.win_probability,
    )


def digest_markdown(digest: Digest) -> str:
    """Return the digest as Markdown; nothing is left out, and nothing a stranger wrote is markup."""
    calendar = Calendar(digest.head.as_of, ZoneInfo(digest.head.timezone))
    parts = [
        f"# {markdown(f'{when(calendar)} · {whose(digest)}')}",
        markdown(counts(digest)),
        _first(digest, calendar),
        as_markdown(_today(digest, calendar)),
        as_markdown(_accounts(digest)) or _none(digest),
        _news(digest, calendar),
        _to_mend(digest, calendar),
        markdown(model(digest.head)),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _first(digest: Digest, calendar: Calendar) -> str:
    action = digest.first_action
    if action is None:
        return ""
    why = f"(rule {action.rule}: {RULES[action.rule]})"
    said = " ".join(filter(None, [action.text, due(action, calendar), why]))
    return f"**First: {markdown(action.account)}** · {markdown(said)}"


def _today(digest: Digest, calendar: Calendar) -> Table:
    rows = tuple(
        (calendar.slot(item.meeting.slot), item.account, subject(item.meeting.subject), duration(item.meeting.slot),
         who(item.meeting) or "no buyer")
        for item in digest.today
    )  # fmt: skip
    return Table("Today", ("at", "account", "meeting", "length", "buyers"), rows)


def _accounts(digest: Digest) -> Table:
    rows = tuple(
        (result.account.name, f"{result.status.value}{'?' if result.stale else ''}", result.evidence,
         ", ".join(flag.code.replace("-", " ") for flag in result.flags) or None,
         None if result.status is Status.UNKNOWN else f"{result.score:.1f}")
        for result in digest.accounts
    )  # fmt: skip
    return Table("Accounts", ("account", "status", "evidence", "flags", "score"), rows)


def _none(digest: Digest) -> str:
    if not digest.suggestions:
        return markdown(nobody(digest))
    lines = [f"- `{add_line(one).replace('`', '')}` ({plural(one.meetings, 'meeting')})" for one in digest.suggestions]
    return "\n".join(["No accounts yet. These companies meet you most:", "", *lines])


def _news(digest: Digest, calendar: Calendar) -> str:
    lines = [
        f"- {'**+**' if item.good else '·'} **{markdown(item.account)}** {markdown(happened(item.change, calendar))}"
        + (" by the buyer" if is_theirs(item.change) else "")
        for item in best_first(digest)
    ]
    return f"## Since {since(digest, calendar)}\n\n" + "\n".join(lines) if lines else ""


def _to_mend(digest: Digest, calendar: Calendar) -> str:
    lines = [f"- {markdown(text)}" for text in to_mend(digest, calendar)]
    return "## To mend\n\n" + "\n".join(lines) if lines else ""


def to_mend(digest: Digest, calendar: Calendar) -> Iterable[str]:
    """Yield what is wrong with connections, and how much could not be read."""
    for state in digest.head.connections:
        if (state.stale or state.problem) and state.retired_at is None:
            yield f"{state.name}: {trouble(state, calendar)}"
    if digest.head.skipped:
        yield f"{plural(len(digest.head.skipped), 'item')} could not be read"
