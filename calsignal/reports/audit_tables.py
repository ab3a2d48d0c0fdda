"""The audit as tables: one at a time as CSV for programs and spreadsheets, all of them as Markdown for people."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from zoneinfo import ZoneInfo

from calsignal.model import Status
from calsignal.reports import audit_words as say
from calsignal.reports.calibration_text import omitted, rate_words
from calsignal.reports.foot import model
from calsignal.reports.grid import Table, Value, as_csv, as_markdown
from calsignal.reports.safe import markdown
from calsignal.reports.words import Calendar, first_sentence, plural
from calsignal.score.audit import AuditResult, DealLine, Measure, RepMetrics
from calsignal.score.calibration import Backtest


def audit_csv(result: AuditResult, name: str = "deals") -> str:
    """Return one of `TABLES` as CSV: numbers and ISO dates as they are, unknown as an empty cell, formulas disarmed."""
    return as_csv(TABLES[name](result))


# --- the tables -------------------------------------------------------------------------------------------------------


def _deals(result: AuditResult) -> Table:
    columns = (
        "deal id", "deal", "account", "owner", "amount", "currency", "category", "closes", "status", "calendar-backed",
        "findings", "reasons", "question", "next meeting", "held", "firm buyers", "shared with", "evidence",
        "unmatched",
    )  # fmt: skip
    calendar = Calendar(result.head.as_of, ZoneInfo(result.head.timezone))
    return Table("Open deals", columns, tuple(_deal(line, calendar) for line in say.in_order(result.forecast.lines)))


def _deal(line: DealLine, calendar: Calendar) -> tuple[Value, ...]:
    deal, coming = line.deal, line.next_meeting
    return (
        deal.id,
        deal.name,
        say.company(line),
        say.owner(line),
        deal.amount,
        deal.currency,
        deal.category.value,
        deal.closes,
        line.status.value,
        line.backed,
        say.codes(line.findings),
        " ".join(found.line for found in line.findings),
        line.findings[0].question if line.findings else "",
        calendar.day(coming.slot.start) if coming else None,
        line.held,
        len(line.firm_buyers),
        ", ".join(line.shared),
        line.evidence,
        " ".join(line.unmatched),
    )


def _totals(result: AuditResult) -> Table:
    found = result.forecast
    rows: list[tuple[Value, ...]] = [
        (t.currency, "status", t.status.value, t.deals, t.amount, None) for t in found.by_status
    ]
    rows += [(t.currency, "category", t.category.value, t.deals, t.amount, t.backed) for t in found.by_category]
    rows += [(b.currency, "all", "open", b.deals, b.open, b.backed) for b in found.backed]
    return Table("Forecast", ("currency", "by", "kind", "deals", "amount", "calendar-backed"), tuple(rows))


def _reps(result: AuditResult) -> Table:
    columns = ["rep", "rank", "not ranked", "calendars cover", "eager prospects", "accounts", "last 2 weeks", "usual"]
    for metric in say.METRICS:
        columns += [metric.label, f"{metric.label} n"]
        if not isinstance(metric.of(result.total), Measure):
            columns += [f"{metric.label} bound", f"{metric.label} place"]
    columns.append("not REAL")
    rows = [*result.reps, *result.teams, *([result.total] if result.rep is None else [])]
    return Table("Reps", tuple(columns), tuple(tuple(_rep(row)) for row in rows))


def _rep(row: RepMetrics) -> Iterable[Value]:
    yield from (say.reps_name(row), row.rank, row.not_ranked, row.watch.share, row.eager_prospects, row.accounts)
    yield from (row.trend.recent, row.trend.usual)
    for metric in say.METRICS:
        found = metric.of(row)
        if isinstance(found, Measure):
            yield from (found.value, found.n)
        else:
            value = "too few" if found.too_few and found.n else found.value
            yield from (value, found.n, found.lower if metric.good else found.upper, found.rank)
    yield "; ".join(f"{say.unit(soft.currency)} {say.percent(soft.value)} (n {soft.n})" for soft in row.soft_share)


def _accounts(result: AuditResult) -> Table:
    columns = (
        "account", "rank", "status", "score", "our hours", "buyer hours", "firm hours", "meetings", "eats hours",
        "without deal", "mobilizers", "key players never met", "reps", "evidence",
    )  # fmt: skip
    rows = (
        (
            one.result.account.name,
            one.result.rank,
            one.result.status.value,
            round(one.result.score, 1) if one.result.status is not Status.UNKNOWN else None,
            one.our_hours,
            one.buyer_hours,
            one.firm_hours,
            one.meetings,
            one.eats,
            one.without_deal,
            None if one.mobilizers is None else ", ".join(one.mobilizers),
            None if one.key_missing is None else ", ".join(one.key_missing),
            ", ".join(one.reps),
            one.result.evidence,
        )
        for one in result.accounts
    )
    return Table("Accounts", columns, tuple(rows))


def _coverage(result: AuditResult) -> Table:
    columns = ("rep", "calendar", "what", "days", "covered", "open deals", "accounts unknown therefore")
    rows = (
        (r.rep, r.state.value, r.text, r.watch.days, r.watch.covered, r.open_deals, ", ".join(r.unknown_accounts))
        for r in result.coverage.reps
    )
    return Table("Calendars", columns, tuple(rows))


def _contest(result: AuditResult) -> Table:
    columns = ("place", "rep", "eager prospects", "rebooks", "by the buyer", "buyer-hours", "behind", "told apart by")
    rows = (
        (p.place, p.rep, p.eager, p.rebooks, p.rebooks_by_buyer, p.buyer_hours, p.behind, p.decided_by)
        for p in result.contest.places
    )
    return Table("Contest", columns, tuple(rows))


TABLES: Mapping[str, Callable[[AuditResult], Table]] = {
    "deals": _deals,
    "forecast": _totals,
    "reps": _reps,
    "accounts": _accounts,
    "coverage": _coverage,
    "contest": _contest,
}
"""What can be asked for as CSV."""


# --- Markdown ---------------------------------------------------------------------------------------------------------


def audit_markdown(result: AuditResult, *, with_contest: bool = False, backtest: Backtest | None = None) -> str:
    """Return the audit as Markdown: what to ask first, then a table for each part."""
    calendar = Calendar(result.head.as_of, ZoneInfo(result.head.timezone))
    day = f"{calendar.date(calendar.as_of)} {calendar.today.year}, {calendar.time(calendar.as_of)}"
    parts = [
        f"# Audit, {markdown(f'{day} · {say.scope(result)} · {say.said_of_period(result, calendar)}')}",
        f"**{markdown(result.notice)}**" if result.notice else "",
        *_asks(result),
        *_tables(result, calendar),
        as_markdown(_contest(result)) if with_contest else "",
        *(_hindsight(backtest) if backtest else ()),
        *_unknown(result),
        f"_{say.COACHING}_ {markdown(model(result.head))}",
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _asks(result: AuditResult) -> Iterable[str]:
    asked = say.first_asked(result)
    yield "## Ask first"
    if not asked:
        yield "No open deal has a finding."
    yield "\n".join(
        f"{place}. **{markdown(say.money(line.deal.amount, line.deal.currency))}** "
        f"{markdown(f'{say.company(line)} · {line.deal.name}')} ({markdown(say.owner(line))}, {line.status.value}): "
        f"{say.codes(line.findings)} {markdown(line.findings[0].line)} _{markdown(line.findings[0].question)}_"
        for place, line in enumerate(asked, 1)
    )


def _tables(result: AuditResult, calendar: Calendar) -> Iterable[str]:
    yield as_markdown(_totals(result))
    if result.forecast.lines:
        yield f"Calendar-backed: REAL, and no finding F1 to F4. {say.import_age(result, calendar)}"
    rows = tuple(
        (say.money(line.deal.amount, line.deal.currency), say.company(line), line.deal.name, say.owner(line),
         line.status.value, line.deal.category.value, line.deal.closes, found.code.name, found.line, found.question)
        for line in say.with_findings(result)
        for found in line.findings
    )  # fmt: skip
    columns = ("amount", "account", "deal", "owner", "status", "category", "closes", "code", "finding", "ask")
    yield as_markdown(Table("Findings", columns, rows))
    yield as_markdown(_people(result))
    hours = ("account", "our hours", "buyer hours", "status", "evidence", "reps")
    for title, found in (("Eats our hours, and no buyer committed", result.eating),
                         ("Buyers give time, and no deal is open", result.without_deal)):  # fmt: skip
        told = tuple(
            (one.result.account.name, one.our_hours, one.buyer_hours, one.result.status.value,
             first_sentence(one.result.evidence), ", ".join(one.reps))
            for one in found
        )  # fmt: skip
        yield as_markdown(Table(title, hours, told))
    yield as_markdown(_coverage(result))


def _people(result: AuditResult) -> Table:
    columns = ("rep", "#", "eager", "last 2 weeks", *(metric.label for metric in say.METRICS), "not REAL")
    rows = []
    for row in [*result.reps, *result.teams, *([result.total] if result.rep is None else [])]:
        usual = "?" if row.trend.usual is None else f"{row.trend.usual:.1f}"
        numbers = [f"{say.value(m.of(row), m.mark)} n{m.of(row).n}{_place(m, row)}" for m in say.METRICS]
        soft = "; ".join(f"{say.unit(s.currency)} {say.percent(s.value)} n{s.n}" for s in row.soft_share)
        eager = f"{row.eager_prospects} of {row.accounts}"
        rows.append((say.reps_name(row), row.rank or "-", eager, f"{row.trend.recent} vs {usual}", *numbers, soft))
    return Table("Reps", columns, tuple(rows))


def _place(metric: say.Metric, row: RepMetrics) -> str:
    rank = getattr(metric.of(row), "rank", None)
    return f" #{rank}" if rank is not None else ""


def _hindsight(found: Backtest) -> Iterable[str]:
    yield f"## Backtest\n\n{found.won} won, {found.lost} lost; each as its calendars showed it then."
    yield from map(markdown, omitted(found.left_out))
    for table in found.tables:
        rows = tuple(
            (one.status.value, one.rate.hits, one.rate.n, rate_words(one.rate)) for one in table.by_status if one.rate.n
        )
        title = f"{table.weeks} weeks before: {plural(table.deals, 'deal')} that existed then"
        yield as_markdown(Table(title, ("status then", "won", "n", "share"), rows))


def _unknown(result: AuditResult) -> Iterable[str]:
    if result.coverage.unknown:
        yield "\n".join(f"- {markdown(text)}" for text in result.coverage.unknown)
    rows = tuple(
        (say.money(line.deal.amount, line.deal.currency), say.company(line), line.deal.name, say.owner(line),
         say.why_unknown(line))
        for line in say.unknown_deals(result)
    )  # fmt: skip
    yield as_markdown(Table("Unknown deals, in every total", ("amount", "account", "deal", "owner", "why"), rows))
