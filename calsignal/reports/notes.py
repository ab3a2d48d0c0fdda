"""Reports as letters: a mail's subject and bodies, and the few lines for a chat."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from calsignal.delivery.letter import Attachment, Letter, Line, Note, Span
from calsignal.model import Status
from calsignal.reports.digest_tables import to_mend
from calsignal.reports.digest_text import best_first, by_status, counts, due, is_theirs, whose
from calsignal.reports.safe import clean, cut
from calsignal.reports.words import Calendar, duration, first_sentence, happened, plural, subject, who
from calsignal.score.result import Digest

if TYPE_CHECKING:
    from calsignal.score.audit import AuditResult
    from calsignal.score.calibration import Backtest

WIDTH = 300  # columns of one line
TOP = 3  # of today, of each status, of the news
_SHOWN = (Status.REAL, Status.STALLED)


def digest_letter(digest: Digest) -> Letter:
    """Return a digest in every form in which it is sent. The subject, which servers log, names no account."""
    from calsignal.reports.digest_html import digest_html
    from calsignal.reports.digest_text import digest_text

    calendar = Calendar(digest.head.as_of, ZoneInfo(digest.head.timezone))
    whose_morning = "Your morning" if digest.rep else "The team's morning"
    title = f"{whose_morning}, {calendar.date(calendar.as_of)}"
    return Letter(
        subject=": ".join(filter(None, [title, counts(digest)])),
        text=digest_text(digest, width=80, colour=False),
        html=digest_html(digest),
        note=digest_note(digest, calendar),
    )


def digest_note(digest: Digest, calendar: Calendar) -> Note:
    """Return a digest in a few lines: what to do first, today, the best and the worst, the news."""
    title = f"{calendar.date(calendar.as_of)} · {whose(digest)}"
    lines = [*_counted(digest), *_first(digest, calendar), *_today(digest, calendar), *_accounts(digest)]
    return Note(clean(title), (*lines, *_news(digest, calendar), *_mending(digest, calendar)))


def _line(bold: str, rest: str = "") -> Line:
    head = cut(clean(bold), WIDTH // 2)
    tail = cut(clean(rest), WIDTH)
    return (Span(head, bold=True), Span(f" {tail}")) if tail else (Span(head, bold=True),)


def _counted(digest: Digest) -> Iterator[Line]:
    if counted := counts(digest):
        yield (Span(counted),)


def _first(digest: Digest, calendar: Calendar) -> Iterator[Line]:
    action = digest.first_action
    if action:
        yield _line(f"First: {action.account}", f"· {action.text} {due(action, calendar)}")


def _today(digest: Digest, calendar: Calendar) -> Iterator[Line]:
    for item in digest.today[:TOP]:
        meeting = item.meeting
        told = f"{subject(meeting.subject)}, {duration(meeting.slot)}: {who(meeting) or 'no buyer'}"
        yield _line(f"{calendar.slot(meeting.slot)} {item.account}", told)
    yield from _more(len(digest.today), "meeting", "today")


def _more(count: int, noun: str, where: str) -> Iterator[Line]:
    if count > TOP:
        yield (Span(f"+ {plural(count - TOP, noun)} more {where}"),)


def _accounts(digest: Digest) -> Iterator[Line]:
    groups = by_status([result for result in digest.accounts if result.rank is not None])
    for status in filter(groups.__contains__, _SHOWN):
        for result in groups[status][:TOP]:
            mark = f"{status.value}{'?' if result.stale else ''}"
            yield _line(result.account.name, f"{mark} {result.score:.1f}: {first_sentence(result.evidence)}")


def _news(digest: Digest, calendar: Calendar) -> Iterator[Line]:
    for item in best_first(digest)[:TOP]:
        by = " by the buyer" if is_theirs(item.change) else ""
        yield _line(f"{'+' if item.good else '·'} {item.account}", happened(item.change, calendar) + by)
    yield from _more(len(digest.changes), "change", "since then")


def _mending(digest: Digest, calendar: Calendar) -> Iterator[Line]:
    found = list(to_mend(digest, calendar))
    for text in found[:TOP]:
        yield _line("To mend:", text)
    yield from _more(len(found), "thing", "to mend")


# --- audit ------------------------------------------------------------------------------------------------------------


def audit_letter(result: AuditResult, *, with_contest: bool = False, backtest: Backtest | None = None) -> Letter:
    """Return an audit in every form in which it is sent; the page goes with the mail as a file."""
    from calsignal.reports import audit_words as say
    from calsignal.reports.audit_html import audit_html
    from calsignal.reports.audit_text import audit_text

    calendar = Calendar(result.head.as_of, ZoneInfo(result.head.timezone))
    asked = say.with_findings(result)
    name = f"audit-{calendar.today.isoformat()}.html"
    whole = audit_html(result, with_contest=with_contest, backtest=backtest)
    return Letter(
        subject=f"Audit, {calendar.date(calendar.as_of)}: {plural(len(asked), 'deal')} to ask about",
        text=audit_text(result, width=80, colour=False, with_contest=with_contest, backtest=backtest),
        html=_audit_page(result, calendar, name),
        note=audit_note(result, calendar),
        attachments=(Attachment(name, whole.encode("utf-8", "replace"), "text/html"),),
    )


def audit_note(result: AuditResult, calendar: Calendar) -> Note:
    """Return an audit in a few lines: the forecast that stands on calendars, and what to ask first."""
    from calsignal.reports import audit_words as say

    title = f"Audit, {calendar.date(calendar.as_of)} · {say.scope(result)}"
    lines = [_line(result.notice)] if result.notice else []
    lines += [_line("Forecast:", text) for text in _backed(result)]
    for deal in say.first_asked(result):
        told = f"{say.owner(deal)}, {deal.status.value}: {deal.findings[0].line} {deal.findings[0].question}"
        lines.append(_line(f"{say.money(deal.deal.amount, deal.deal.currency)} {say.company(deal)}", told))
    left = len(say.with_findings(result)) - len(say.first_asked(result))
    if left > 0:
        lines.append((Span(f"+ {plural(left, 'deal')} more with findings"),))
    return Note(clean(title), (*lines, (Span(say.COACHING),)))


def _backed(result: AuditResult) -> Iterator[str]:
    from calsignal.reports import audit_words as say

    for one in result.forecast.backed:
        share = say.percent(one.share)
        yield f"{say.money(one.backed, one.currency)} of {say.money(one.open, one.currency)} calendar-backed ({share})"


def _audit_page(result: AuditResult, calendar: Calendar, name: str) -> str:
    from calsignal.reports.digest_html import line, page, strong

    note = audit_note(result, calendar)
    said = (
        line(*(strong(span.text) if span.bold else span.text for span in words), style="padding:5px 0")
        for words in note.lines
    )
    parts = [
        line(strong(note.title), style="padding:18px 0 6px;font-size:18px"),
        *said,
        line(f"The whole audit is attached: open {name} in a browser.", soft=True, style="padding:10px 0 18px"),
    ]
    return page(note.title, "", parts)
