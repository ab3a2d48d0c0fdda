"""The manager's audit as one HTML file: no network, printable, fit for a phone; what `audit_text` says, and charts."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from calsignal.model import Deal
from calsignal.reports import audit_words as say
from calsignal.reports.calibration_text import omitted
from calsignal.reports.foot import model, trouble
from calsignal.reports.html.audit_accounts import every, evidence, hours
from calsignal.reports.html.audit_reps import contest, reps
from calsignal.reports.html.charts import Bar, bars, shared_marks
from calsignal.reports.html.elements import Safe, document, el, join
from calsignal.reports.html.frame import (
    ORDER,
    Frame,
    bullets,
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
    warning,
)
from calsignal.reports.safe import clean, cut
from calsignal.reports.words import names, plural
from calsignal.score.audit import AuditResult, Backed, CalendarState, CategoryTotal, DealLine, RepCoverage, StatusTotal
from calsignal.score.calibration import Backtest, Hindsight

_LISTED = 1000  # deals of which nothing is known
_SENTENCE = 160  # letters on the first screen; the findings below have every one
_NAMES = {
    "forecast": "Forecast",
    "findings": "Findings",
    "reps": "Reps",
    "contest": "Contest",
    "hours": "Hours",
    "evidence": "Evidence",
    "accounts": "All accounts",
    "coverage": "What is unknown",
    "backtest": "Backtest",
}
_FINDINGS = (
    ("Amount", "number"),
    ("Deal", "text"),
    ("Status", "status"),
    ("Closes", "text"),
    ("Finding, and what to ask", "says"),
)
_UNKNOWN = (("Deal", "text"), ("Amount", "number"), ("Owner", "text"), ("Why nothing more can be said", "says"))
_CALENDARS = (
    ("Rep", "text"),
    ("Calendar", "text"),
    ("Covered", "number"),
    ("Open deals", "number"),
    ("Accounts unknown therefore", "says"),
)


def audit_html(result: AuditResult, *, with_contest: bool = False, backtest: Backtest | None = None) -> str:
    """Return the audit as a page. It asks for nothing outside and runs nothing but its own small script.

    At most 300 accounts with an open deal, largest amount first, have evidence and a timeline; the others have a row
    each, and the page says how many.
    """
    frame = Frame(result)
    sections = {
        "forecast": _forecast(frame),
        "findings": _findings(frame),
        "reps": reps(frame),
        "contest": contest(frame) if with_contest else None,
        "hours": hours(frame),
        "evidence": evidence(frame),
        "accounts": every(frame),
        "coverage": _coverage(frame),
        "backtest": _backtest(backtest) if backtest else None,
    }
    there = [name for name, part in sections.items() if part is not None]
    links = (el("li", el("a", _NAMES[name], href=f"#{name}")) for name in there)
    day = frame.calendar.date(result.head.as_of)
    return document(
        f"Audit of {say.scope(result)}, {day} {frame.calendar.today.year}",
        el("a", "Skip to the report", href="#report", class_="skip"),
        shared_marks(),
        _header(frame),
        el("nav", el("ul", *links), aria_label="Parts of the report"),
        el("main", _first(frame), *sections.values(), id="report", tabindex=-1),
        _footer(frame),
        el("div", id="said", class_="unseen", role="status"),
    )


# --- the first screen -------------------------------------------------------------------------------------------------


def _header(frame: Frame) -> Safe:
    calendar, result = frame.calendar, frame.result
    moment = f"{calendar.date(calendar.as_of)} {calendar.today.year}, {calendar.time(calendar.as_of)}"
    facts = f"{moment} · {say.scope(result)} · {say.said_of_period(result, calendar)}"
    return el("header", el("h1", "Which money has a buyer's calendar behind it"), el("p", facts))


def _first(frame: Frame) -> Safe:
    asked, found = say.first_asked(frame.result), say.with_findings(frame.result)
    note, body = None, el("p", _nothing_to_ask(frame))
    if asked:
        note = el("small", f"the {len(asked)} largest of {plural(len(found), 'deal')} with a finding")
        body = el("ol", *(_ask(frame, line) for line in asked), class_="asks")
    title = el("h2", "Ask first", note, id="first-title")
    asks = el("section", title, body, class_="card", aria_labelledby="first-title", id="first")
    return join([warning(frame.result.notice), el("div", asks, _glance(frame), class_="first")])


def _nothing_to_ask(frame: Frame) -> str:
    if frame.result.forecast.lines:
        return "No open deal has a finding."
    return say.import_age(frame.result, frame.calendar)


def _ask(frame: Frame, line: DealLine) -> Safe:
    found = line.findings[0]
    category, closes = say.closing(line.deal, frame.calendar).split(", ", 1)
    expected = el("small", status(line.status), el("br"), f" {category}, ", el("br"), closes)
    deal = el("span", frame.link(line.account, say.company(line)), f" · {line.deal.name}", class_="name")
    name = el("p", deal, el("small", say.owner(line)), class_="whose")
    others = el("small", " also ", codes(line.findings[1:])) if line.findings[1:] else None
    reason = el("p", codes([found]), f" {cut(clean(found.line), _SENTENCE)}", others)
    asking = f"Ask {say.first_name(say.owner(line))}: {found.question}"
    question = el("p", cut(clean(asking), _SENTENCE), class_="ask")
    return el("li", el("div", money(line), expected, class_="sum"), el("div", name, reason, question))


def _glance(frame: Frame) -> Safe | None:
    """Return the forecast by status of the currency with most deals, beside the first questions."""
    backed = frame.result.forecast.backed
    if not backed:
        return None
    more = f" {plural(len(backed) - 1, 'more currency', 'more currencies')} below." if len(backed) > 1 else ""
    note = el("p", el("small", "Calendar-backed: REAL, and no finding F1 to F4.", more))
    return el("div", _by_status(frame, backed[0]), note, class_="card")


# --- money ------------------------------------------------------------------------------------------------------------


def _forecast(frame: Frame) -> Safe | None:
    found = frame.result.forecast
    if not found.lines:
        return None
    cards = (
        el("div", _by_status(frame, backed) if place else None, _by_category(frame, backed), class_="card")
        for place, backed in enumerate(found.backed)
    )
    notes = [say.import_age(frame.result, frame.calendar)]
    if found.without_amount:
        notes.append(f"{plural(found.without_amount, 'deal')} without an amount, in no total.")
    if len(found.backed) > 1:
        notes.append(say.ROUGHLY)
    if found.missing:
        notes.append(f"Not in the last import any more, and in no total: {_gone(found.missing)}.")
    charts, note = el("div", *cards, class_="grid"), el("p", " ".join(notes), class_="soft")
    return section("forecast", "Forecast", "open deals by what the calendars show", charts, note)


def _gone(missing: Sequence[Deal]) -> str:
    return names((f"{deal.account} · {deal.name}" for deal in missing), most=12)


def _by_status(frame: Frame, backed: Backed) -> Safe:
    totals = [t for t in frame.result.forecast.by_status if say.is_of(t, backed)]
    rows = [_bar(total, backed) for total in totals]
    title = el(
        "figcaption",
        el("strong", say.money(backed.open, backed.currency)),
        f" open in {plural(backed.deals, 'deal')}, ",
        el("strong", f"{say.percent(backed.share)} calendar-backed"),
        f" ({say.number(backed.backed)})",
    )
    return el("figure", title, bars(rows, f"Open amount by status in {say.unit(backed.currency)}: {_told(rows)}"))


def _bar(total: StatusTotal, backed: Backed) -> Bar:
    said = f"{_sum(total.amount)} · {_part(total.amount, backed.open)}"
    return Bar(total.status.value, float(total.amount or 0), said, f"f{ORDER[total.status]}")


def _by_category(frame: Frame, backed: Backed) -> Safe:
    rows = [_category(t) for t in frame.result.forecast.by_category if say.is_of(t, backed)]
    title = el(
        "figcaption",
        el("strong", f"{say.unit(backed.currency)} by forecast category"),
        ", full: calendar-backed, hatched: words",
    )
    label = f"Open amount by forecast category in {say.unit(backed.currency)}: {_told(rows)}"
    return el("figure", title, bars(rows, label, names=84))


def _category(total: CategoryTotal) -> Bar:
    said = f"{_sum(total.amount)} · {_part(total.backed, total.amount)} backed"
    return Bar(total.category.value, float(total.amount or 0), said, "fa", float(total.backed or 0))


def _sum(amount: Decimal | None) -> str:
    return "-" if amount is None else say.number(amount)


def _part(part: Decimal | None, whole: Decimal | None) -> str:
    return say.percent(say.share_of(part, whole))


def _told(rows: Sequence[Bar]) -> str:
    return "; ".join(f"{bar.name} {bar.said}" for bar in rows)


def _findings(frame: Frame) -> Safe | None:
    lines = say.with_findings(frame.result)
    if not lines:
        return None
    shown = [line for line in lines if line.account is None or line.account in frame.anchors]
    note = f"{sum(len(line.findings) for line in lines)} on {plural(len(lines), 'deal')}"
    if len(shown) < len(lines):
        note += f"; {len(shown)} of these deals are here, the codes of the others stand with their account below"
    body = el("tbody", *(_finding(frame, line) for line in shown))
    caption = "Open deals with a finding, largest first."
    return section("findings", "Findings", note, sortable("found", caption, _FINDINGS, body, size="wide"), far=True)


def _finding(frame: Frame, line: DealLine) -> Safe:
    deal = line.deal
    closes = frame.calendar.date(deal.closes) if deal.closes else "no date"
    whose = el("small", f"{deal.name} · {say.owner(line)}")
    return el(
        "tr",
        number(money(line), key="" if deal.amount is None else deal.amount),
        el("th", frame.link(line.account, say.company(line)), el("br"), whose, scope="row"),
        status_cell(line.status),
        cell(closes, el("br"), el("small", deal.category.value), key=deal.closes or "", class_="when"),
        cell(*sentences(line), class_="says"),
    )


# --- what is not known ------------------------------------------------------------------------------------------------


def _coverage(frame: Frame) -> Safe:
    found = frame.result.coverage
    counts = [f"{len(found.of(state))} {state.value}" for state in CalendarState if found.of(state)]
    note = f"calendars: {', '.join(counts)}" if counts else "no rep is known"
    parts = bullets(found.unknown), _unknown_deals(frame), _calendars(found.reps)
    return section("coverage", "What is unknown", note, *parts, far=True)


def _unknown_deals(frame: Frame) -> Safe | None:
    lines = say.unknown_deals(frame.result)
    if not lines:
        return None
    rows = (
        row(
            join([say.company(line), el("small", f" {line.deal.name}")]),
            number(money(line), key="" if line.deal.amount is None else line.deal.amount),
            cell(say.owner(line)),
            cell(say.why_unknown(line)),
        )
        for line in lines[:_LISTED]
    )
    more = say.left_out(lines[:_LISTED], lines, "deal")
    caption = f"{plural(len(lines), 'deal')} UNKNOWN or not matched; each is in every total."
    if more:
        caption += f" {more}: calsignal audit --format csv lists all."
    return join([el("h3", "Unknown deals"), sortable("unknown", caption, _UNKNOWN, el("tbody", *rows), size="wide")])


def _calendars(found: Sequence[RepCoverage]) -> Safe | None:
    if not found:
        return None
    rows = (
        row(
            rep.rep,
            cell(rep.state.value, el("br"), el("small", rep.text)),
            number(say.percent(rep.watch.share), el("small", f"{rep.watch.covered} of {rep.watch.days} d")),
            number(str(rep.open_deals)),
            cell(names(rep.unknown_accounts, most=12) or "-"),
        )
        for rep in found
    )
    return join([el("h3", "Calendars"), sortable("calendars", "Calendars by rep.", _CALENDARS, el("tbody", *rows))])


def _backtest(found: Backtest) -> Safe:
    said = f"{found.won} won, {found.lost} lost; each as its calendars showed it then."
    notes = (el("p", text) for text in (said, *omitted(found.left_out)))
    tables = el("div", *map(_hindsight, found.tables), class_="grid")
    return section("backtest", "Backtest", "what the statuses said before deals closed", *notes, tables)


def _hindsight(found: Hindsight) -> Safe:
    rows = (
        el(
            "tr",
            status_cell(one.status),
            number(say.value(one.rate), el("small", f"won {one.rate.hits} of {one.rate.n}")),
            number(f"{say.percent(one.rate.lower)} to {say.percent(one.rate.upper)}"),
        )
        for one in found.by_status
        if one.rate.n
    )
    caption = f"{found.weeks} weeks before: {plural(found.deals, 'deal')} that existed then"
    titles = (("Status then", "status"), ("Won", "number"), ("95 % range", "number"))
    return sortable(f"before-{found.weeks}", caption, titles, el("tbody", *rows))


def _footer(frame: Frame) -> Safe:
    head = frame.result.head
    troubled = (state for state in head.connections if (state.stale or state.problem) and state.retired_at is None)
    items = [f"{state.name}: {trouble(state, frame.calendar)}" for state in troubled]
    if head.skipped:
        items.append(f"{plural(len(head.skipped), 'item')} could not be read; `calsignal digest --all` names them.")
    mend = join([el("p", "To mend:"), bullets(items)]) if items else None
    return el("footer", el("p", el("strong", say.COACHING)), mend, el("p", f"calsignal, {model(head)}"))
