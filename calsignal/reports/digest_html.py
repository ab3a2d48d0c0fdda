"""A rep's morning as HTML that mail programs show as it is meant.

Tables and styles on each element, since many of them know no more; nothing is fetched. Colours hold on white and on
black; where a program knows a style sheet, a short one suits them to a dark screen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from zoneinfo import ZoneInfo

from calsignal.model import Status
from calsignal.reports.digest_tables import to_mend
from calsignal.reports.digest_text import (
    RULES,
    best_first,
    by_status,
    counts,
    due,
    heading_since,
    is_theirs,
    nobody,
    shown_flags,
    when,
    whose,
)
from calsignal.reports.foot import model
from calsignal.reports.html.elements import Child, Safe, el, join
from calsignal.reports.tables import add_line
from calsignal.reports.words import Calendar, duration, first_sentence, happened, plural, subject, who
from calsignal.score.result import AccountResult, Digest, FirstAction

ACCOUNTS = 25  # of one status; 300 accounts make no morning
TODAY = 12  # meetings
NEWS = 12  # changes
_MAIN = (Status.REAL, Status.SOFT, Status.STALLED)
_COLOURS = {Status.REAL: "#17754a", Status.SOFT: "#946200", Status.STALLED: "#c2410c", Status.NEW: "#1d64c8"}
_GREY = "#5b6472"
_FONT = "font-family:-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
_TEXT = f"{_FONT};font-size:15px;line-height:21px;color:#1b1f27"
_SOFT = f"{_FONT};font-size:13px;line-height:18px;color:#565e6c"
_DARK = """
:root { color-scheme: light dark; supported-color-schemes: light dark; }
@media (prefers-color-scheme: dark) {
  .page { background-color: #10131a !important; } .card { background-color: #181c25 !important; }
  .ink { color: #e8ebf1 !important; } .soft { color: #a3acbb !important; }
  .hair { border-color: #343b49 !important; } .first { background-color: #1d2740 !important; }
  .s0 { color: #4cc38a !important; } .s1 { color: #e0b040 !important; } .s2 { color: #ff8f5c !important; }
  .s3 { color: #6fb1ff !important; }
}
"""
_MARKS = {Status.REAL: "s0", Status.SOFT: "s1", Status.STALLED: "s2", Status.NEW: "s3"}
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def digest_html(digest: Digest, *, show_all: bool = False) -> str:
    """Return the digest as one page, for a mail or a browser; `show_all` leaves nothing out."""
    calendar = Calendar(digest.head.as_of, ZoneInfo(digest.head.timezone))
    action = digest.first_action
    parts = [
        _head(digest, calendar),
        _first(action, calendar) if action else None,
        *_today(digest, calendar, show_all=show_all),
        *_accounts(digest, show_all=show_all),
        *_news(digest, calendar, show_all=show_all),
        *_mending(digest, calendar),
        _foot(digest),
    ]
    before = f"{action.account}: {action.text}" if action else counts(digest)
    return page(f"{whose(digest)}, {when(calendar)}", before, parts)


def page(title: str, preview: str, parts: Iterable[Child]) -> str:
    """Return a whole page; mail programs show `preview` beside the subject."""
    head = join(
        [
            el("meta", charset="utf-8"),
            el("meta", http_equiv="Content-Security-Policy", content=_POLICY),
            el("meta", name="viewport", content="width=device-width, initial-scale=1"),
            el("meta", name="color-scheme", content="light dark"),
            el("meta", name="referrer", content="no-referrer"),
            el("meta", name="format-detection", content="telephone=no, date=no, address=no, email=no, url=no"),
            el("title", title),
            Safe(f"<style>{_DARK}</style>"),
        ],
        "\n",
    )
    hidden = el("div", preview, style="display:none;max-height:0;overflow:hidden;mso-hide:all")
    card = table(
        *(el("tr", el("td", part, style="padding:0 20px")) for part in parts if part is not None),
        class_="card",
        style="max-width:640px;background-color:#ffffff;border-radius:8px",
    )
    outer = table(el("tr", el("td", card, align="center", style="padding:12px 8px")), class_="page", bgcolor="#f6f7f9")
    style = "margin:0;padding:0;background-color:#f6f7f9;-webkit-text-size-adjust:100%"
    body = el("body", hidden, Safe("\n"), outer, class_="page", style=style)
    whole = el("html", Safe(f"\n<head>\n{head}\n</head>\n"), body, lang="en")
    return f"<!doctype html>\n{whole}\n"


def table(*rows: Child, class_: str | None = None, style: str = "", bgcolor: str | None = None) -> Safe:
    """Return a table that only places things: no lines, as wide as there is room."""
    return el(
        "table",
        *(join([Safe("\n"), row]) for row in rows if row is not None),
        role="presentation",
        width="100%",
        cellpadding=0,
        cellspacing=0,
        border=0,
        class_=class_,
        bgcolor=bgcolor,
        style=f"border-collapse:separate;word-break:break-word;{style}",
    )


def line(*words: Child, soft: bool = False, style: str = "") -> Safe:
    """Return a line of text."""
    return el("div", *words, class_="soft" if soft else "ink", style=f"{_SOFT if soft else _TEXT};{style}")


def heading(title: str, count: int | None = None, mark: str | None = None, colour: str = "#1b1f27") -> Safe:
    """Return the heading of a part."""
    style = f"{_FONT};font-size:12px;line-height:16px;font-weight:700;letter-spacing:.04em;color:{colour};margin:0;"
    number = (
        el("span", f" {count}", class_="soft", style=f"color:{_GREY};font-weight:400") if count is not None else None
    )
    inside = el("h2", title, number, class_=mark or "ink", style=f"{style}padding:18px 0 6px")
    return el("div", inside, class_="hair", style="border-bottom:1px solid #d9dde4;margin-bottom:4px")


def strong(text: str) -> Safe:
    """Return words that stand out."""
    return el("strong", text, style="font-weight:650")


def more(left: int) -> Safe | None:
    """Return the line that counts what is not shown, or nothing."""
    return line(f"+ {left} more (calsignal digest --all)", soft=True, style="padding:4px 0") if left > 0 else None


def _head(digest: Digest, calendar: Calendar) -> Safe:
    style = f"{_FONT};font-size:18px;line-height:24px;font-weight:700;color:#1b1f27;margin:0;padding:18px 0 2px"
    title = el("h1", f"{when(calendar)} · {whose(digest)}", class_="ink", style=style)
    return join([title, line(counts(digest), soft=True)])


def _first(action: FirstAction, calendar: Calendar) -> Safe:
    said = " ".join(filter(None, [action.text, due(action, calendar)]))
    inside = join(
        [
            line(strong("First: "), strong(action.account), f" · {said}"),
            line(f"rule {action.rule}: {RULES[action.rule]}", soft=True),
        ]
    )
    style = "background-color:#eef3ff;border-left:4px solid #1d4ed8;padding:10px 14px"
    box = el("td", inside, class_="first", bgcolor="#eef3ff", style=style)
    return el("div", table(el("tr", box)), style="padding-top:14px")


def _today(digest: Digest, calendar: Calendar, *, show_all: bool) -> Iterator[Child]:
    shown = digest.today if show_all else digest.today[:TODAY]
    if not shown:
        return
    yield heading("TODAY", len(digest.today))
    yield table(
        *(
            _row(
                line(calendar.slot(item.meeting.slot), style="white-space:nowrap"),
                join(
                    [
                        line(
                            strong(item.account), f" · {subject(item.meeting.subject)}, {duration(item.meeting.slot)}"
                        ),
                        line(who(item.meeting) or "no buyer", soft=True),
                    ]
                ),
            )
            for item in shown
        )
    )
    yield more(len(digest.today) - len(shown))


def _row(left: Safe, right: Safe) -> Safe:
    narrow = el("td", left, width=64, valign="top", style="padding:4px 10px 4px 0")
    return el("tr", narrow, el("td", right, valign="top", style="padding:4px 0"))


def _accounts(digest: Digest, *, show_all: bool) -> Iterator[Child]:
    if not digest.accounts:
        yield _none_yet(digest)
        return
    groups = by_status([result for result in digest.accounts if result.rank is not None])
    for status in filter(groups.__contains__, _MAIN):
        yield from _group(status.value, groups[status], show_all=show_all, status=status)
    rest = [result for status, members in groups.items() if status not in _MAIN for result in members]
    yield from _small("OTHERS", rest, show_all=show_all)
    apart = [result for result in digest.accounts if result.rank is None]
    yield from _small("CUSTOMERS AND PARTNERS", apart, show_all=show_all)


def _group(title: str, members: Sequence[AccountResult], *, show_all: bool, status: Status) -> Iterator[Child]:
    shown = members if show_all else members[:ACCOUNTS]
    yield heading(title, len(members), _MARKS.get(status), _COLOURS.get(status, "#1b1f27"))
    yield table(*(_account(result, whole=show_all) for result in shown))
    yield more(len(members) - len(shown))


def _account(result: AccountResult, *, whole: bool) -> Safe:
    doubt = f"{result.status.value}? " if result.stale else ""
    flags = [el("span", f"! {flag} ", class_="s1", style="color:#8a4b00") for flag in shown_flags(result, whole=whole)]
    told = join([line(strong(result.account.name)), line(f"{doubt}{result.evidence} ", *flags, soft=True)])
    score = el("span", f"{result.score:.1f}", style="font-variant-numeric:tabular-nums")
    return el(
        "tr",
        el("td", told, valign="top", style="padding:5px 0"),
        el("td", line(score), width=52, align="right", valign="top", style="padding:5px 0 5px 10px"),
    )


def _small(title: str, members: Sequence[AccountResult], *, show_all: bool) -> Iterator[Child]:
    """Yield, a line each, the accounts that have no score yet or no longer, and those that are no prospects."""
    if not members:
        return
    shown = members if show_all else members[:ACCOUNTS]
    yield heading(title, len(members))
    for result in shown:
        mark = f"{result.status.value}{'?' if result.stale else ''}"
        colour = f"color:{_COLOURS.get(result.status, _GREY)};font-size:13px"
        evidence = result.evidence if show_all else first_sentence(result.evidence)
        status = el("span", mark, class_=_MARKS.get(result.status, "soft"), style=colour)
        told = el("span", f" {evidence}", class_="soft", style=_SOFT)
        yield line(strong(result.account.name), Safe(" "), status, told, style="padding:3px 0")
    yield more(len(members) - len(shown))


def _none_yet(digest: Digest) -> Safe:
    if not digest.suggestions:
        return line(nobody(digest), style="padding-top:14px")
    rows = [
        line(el("code", add_line(one)), f" ({plural(one.meetings, 'meeting')})", soft=True, style="padding:3px 0")
        for one in digest.suggestions[:5]
    ]
    title = line(strong("No accounts yet."), " These companies meet you most; add those you sell to:")
    return el("div", title, *rows, style="padding-top:14px")


def _news(digest: Digest, calendar: Calendar, *, show_all: bool) -> Iterator[Child]:
    news = best_first(digest)
    shown = news if show_all else news[:NEWS]
    if not shown:
        return
    yield heading(heading_since(digest, calendar), len(news))
    for item in shown:
        sign = el("span", "+ " if item.good else "· ", class_="s0" if item.good else "soft", style="color:#17754a")
        by = " by the buyer" if is_theirs(item.change) else ""
        told = el("span", f" {happened(item.change, calendar)}{by}", class_="soft", style=_SOFT)
        yield line(sign, strong(item.account), told, style="padding:3px 0")
    yield more(len(news) - len(shown))


def _mending(digest: Digest, calendar: Calendar) -> Iterator[Child]:
    found = list(to_mend(digest, calendar))
    if found:
        yield heading("TO MEND", None, "s2", "#c2410c")
    for text in found:
        yield line(text, style="padding:3px 0")


def _foot(digest: Digest) -> Safe:
    said = f"calsignal reads calendars and never writes to them. {model(digest.head)}"
    return el(
        "div", line(said, soft=True), class_="hair", style="border-top:1px solid #d9dde4;margin:18px 0;padding-top:8px"
    )
