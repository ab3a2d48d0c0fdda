"""The manager's audit in the terminal: what to ask first, then money by status, findings, reps, hours, coverage."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

from calsignal.reports import audit_words as say
from calsignal.reports.calibration_text import backtest_text
from calsignal.reports.foot import foot
from calsignal.reports.layout import BOLD, CYAN, DIM, GREEN, RED, YELLOW, Cell, Page, Run, cell, width_of, wrap
from calsignal.reports.safe import cells, clean, cut, take
from calsignal.reports.words import COLOURS, Calendar, first_sentence, names, plural
from calsignal.score.audit import (
    AccountAudit,
    AuditResult,
    Backed,
    CalendarState,
    CategoryTotal,
    Contest,
    DealLine,
    Measure,
    Rate,
    RepMetrics,
    StatusTotal,
    Total,
)
from calsignal.score.calibration import Backtest

ROOMY = 76  # columns, from which on tables need not be split
FINDINGS = 25  # deals
ROWS = 12  # of each other list
_REASON, _BOTH = 2, 3  # lines of a reason, and of reason and question, on the first screen
_METRICS = {metric.name: metric for metric in say.METRICS}
_TITLES = {"eager": "eager", "trend": "2 weeks", "soft": "not REAL"}
_NOTES = (
    "n: out of how many. #: place by the 95 % bound (the lower; for pushed, dropped and own moves the upper).",
    "2 weeks: eager prospects of the last 2 weeks against the own mean per 2 weeks of the 8 weeks before.",
)
_TABLES = (
    ("eager", "trend", "rebook_rate", "next_step_coverage", "buyer_hours_per_week"),
    ("buyer_initiated_share", "ask_to_accept", "breadth", "answer_time_hours", "dead_hours"),
    ("push_rate", "drop_rate", "own_move_rate", "soft"),
)
"""Metrics beside each other, as many as 80 columns hold."""
_NARROW = [name for table in _TABLES for name in table]
_PAIRS = [tuple(_NARROW[at : at + 2]) for at in range(0, len(_NARROW), 2)]


def audit_text(
    result: AuditResult,
    *,
    width: int,
    colour: bool,
    show_all: bool = False,
    with_contest: bool = False,
    backtest: Backtest | None = None,
) -> str:
    """Return the audit in at most `width` columns (at least 40); `show_all` leaves nothing out.

    From 80 columns on, the first 25 lines name the five largest amounts with a finding, each with the reason and a
    question.
    """
    text = _Text(result, width, colour=colour, show_all=show_all)
    text.head()
    text.first()
    text.forecast()
    text.findings()
    text.reps()
    if with_contest:
        text.contest(result.contest)
    text.eating()
    text.without_deal()
    text.people()
    text.coverage()
    text.unknown()
    hindsight = backtest_text(backtest, width=text.page.width, colour=colour) if backtest else ""
    return text.page.text() + hindsight + text.foot(colour=colour)


class _Text:
    """The report in the making, section by section."""

    def __init__(self, result: AuditResult, width: int, *, colour: bool, show_all: bool) -> None:
        self.result = result
        self.page = Page(width, colour=colour)
        self.calendar = Calendar(result.head.as_of, ZoneInfo(result.head.timezone))
        self._all = show_all

    # --- the first screen ---------------------------------------------------------------------------------------------

    def head(self) -> None:
        page, calendar = self.page, self.calendar
        day = f"AUDIT {calendar.date(calendar.as_of)} {calendar.today.year}, {calendar.time(calendar.as_of)}"
        period = say.said_of_period(self.result, calendar)
        room = max(8, page.width - cells(day) - cells(period) - 6)
        page.line(Run(day, BOLD), "·", cut(clean(say.scope(self.result)), room), "·", Run(period, DIM))
        if self.result.forecast.lines:
            page.line(Run(self._money(page.width), BOLD))
        else:
            page.line(say.import_age(self.result, calendar))
        if self.result.notice:
            page.line(Run(f"! {self._fit(self.result.notice, page.width - 2, 2)}", YELLOW), hang=2)

    def _money(self, width: int) -> str:
        """Write as many currencies as one line holds."""
        said = [_standing(backed) for backed in self.result.forecast.backed]
        for shown in range(len(said), 0, -1):
            more = f" + {plural(len(said) - shown, 'currency', 'currencies')}" if shown < len(said) else ""
            if cells(text := "; ".join(said[:shown]) + more) <= width:
                return text
        return self._fit(said[0], width, 1) if said else "No open deal has an amount."

    def first(self) -> None:
        page, asked = self.page, say.first_asked(self.result)
        if not asked:
            if self.result.forecast.lines:
                page.rule(Run("ASK FIRST", BOLD))
                page.line("No open deal has a finding.", indent=2)
            return
        count = len(say.with_findings(self.result))
        title = f"the {len(asked)} largest of {plural(count, 'deal')} with a finding" if count > 1 else "one finding"
        page.rule(Run("ASK FIRST", f"{BOLD};{CYAN}"), Run(title, DIM))
        amounts = width_of((_amount(line) for line in asked), least=9, most=22)
        for line in asked:
            self._asked(line, amounts)

    def _asked(self, line: DealLine, amounts: int) -> None:
        """Write one deal in at most four lines: the amount and whose it is, the reason, the question."""
        page, found = self.page, line.findings[0]
        marks = say.codes(line.findings)
        rest = page.rest(amounts, len(marks))
        name = _named(line, rest)
        page.row(cell(_amount(line), amounts, BOLD, right=True), Cell(name, rest), cell(marks, len(marks), YELLOW))
        room = page.width - 4
        reason = self._fit(f"{found.code.name} {found.line}", room, _REASON)
        page.line(self._fit(f"{reason} Ask {say.first_name(say.owner(line))}: {found.question}", room, _BOTH), indent=4)

    @staticmethod
    def _fit(text: str, width: int, lines: int) -> str:
        """Return what of a text fits into so many lines; `…` stands for the rest, which the report says below."""
        wrapped = [" ".join(run.text for run in line) for line in wrap([Run(text)], width)]
        if len(wrapped) <= lines:
            return text
        return " ".join([*wrapped[: lines - 1], take(wrapped[lines - 1], width - 1).rstrip(" .,;:") + "…"])

    # --- money --------------------------------------------------------------------------------------------------------

    def forecast(self) -> None:
        page, found = self.page, self.result.forecast
        if not found.lines:
            return
        page.rule(Run("FORECAST", BOLD), Run("open deals by what the calendars show", DIM))
        for backed in found.backed:
            page.line(Run(_standing(backed), BOLD), Run(f"in {plural(backed.deals, 'deal')}", DIM), indent=2)
            self._totals([t for t in found.by_status if say.is_of(t, backed)], backed)
            self._totals([t for t in found.by_category if say.is_of(t, backed)], backed)
        if found.without_amount:
            page.line(f"{plural(found.without_amount, 'deal')} without an amount, in no total.", indent=2)
        rule = Run("Calendar-backed: REAL, and no finding F1 to F4.", DIM)
        page.line(rule, say.import_age(self.result, self.calendar), indent=2)
        if len(found.backed) > 1:
            page.line(Run(say.ROUGHLY, DIM), indent=2, hang=2)
        if found.missing:
            gone = names((f"{deal.account} · {deal.name}" for deal in found.missing), most=self._named(3))
            page.line(f"Not in the last import any more, and in no total: {gone}.", indent=2, hang=2)

    def _totals(self, totals: Sequence[StatusTotal] | Sequence[CategoryTotal], whole: Backed) -> None:
        page = self.page
        roomy = page.width >= ROOMY
        for total in totals:
            kind, backed = _said_of(total)
            page.row(
                cell(kind, 11 if roomy else 8, COLOURS.get(total.status, "") if isinstance(total, StatusTotal) else ""),
                cell(str(total.deals), 5 if roomy else 3, right=True),
                cell(say.number(total.amount or Decimal()), 13, right=True),
                cell(say.percent(say.share_of(total.amount, whole.open)), 5, right=True),
                *([cell(backed, page.rest(11, 5, 13, 5, indent=4), DIM)] if roomy else []),
                indent=4 if roomy else 2,
            )
        page.blank()

    def findings(self) -> None:
        page, lines = self.page, say.with_findings(self.result)
        if not lines:
            return
        count = sum(len(line.findings) for line in lines)
        page.rule(Run("FINDINGS", BOLD), Run(f"{count} on {plural(len(lines), 'deal')}", DIM), end="largest first")
        shown = lines[: self._most(FINDINGS)]
        for line in shown:
            self._finding(line)
        self._more(shown, lines)

    def _finding(self, line: DealLine) -> None:
        page, deal = self.page, line.deal
        facts = [line.status.value, say.closing(deal, self.calendar), say.owner(line)]
        if line.shared:
            facts.append(f"shared with {plural(len(line.shared), 'open deal')}")
        name = Run(f"{say.company(line)} · {deal.name} ·", BOLD)
        page.line(name, Run(_amount(line), BOLD, tight=True), Run(f"({', '.join(facts)})", DIM), indent=2, hang=2)
        for found in line.findings:
            page.row(
                cell(found.code.name, 2, YELLOW),
                Cell((Run(found.line), Run(found.question, CYAN)), page.rest(2, indent=4)),
                indent=4,
            )

    # --- people -------------------------------------------------------------------------------------------------------

    def reps(self) -> None:
        page, result = self.page, self.result
        rows = [*result.reps, *result.teams, result.total] if result.rep is None else [*result.reps]
        if not result.reps:
            return
        page.rule(Run("REPS", BOLD), Run(say.said_of_period(result, self.calendar), DIM))
        if result.notice:
            page.line(Run(result.notice, YELLOW), indent=2, hang=2)
        for text in _NOTES:
            page.line(Run(text, DIM), indent=2, hang=2)
        shown = [*result.reps[: self._most(ROWS)], *rows[len(result.reps) :]]
        called = _called(shown, page.width // 4)
        for columns in _TABLES if page.width >= ROOMY else _PAIRS:
            self._metrics(shown, called, columns)
        self._more(shown, rows, "rep")
        for row in result.reps[: self._most(ROWS)]:
            if not row.ranked:
                page.line(Run(f"{row.rep}:", YELLOW), row.not_ranked, indent=2, hang=2)

    def _metrics(self, rows: Sequence[RepMetrics], called: Sequence[str], columns: Sequence[str]) -> None:
        page = self.page
        table = {name: [tuple(self._metric(row, name)) for row in rows] for name in columns}
        first = width_of(called, least=4, most=page.width // 4)
        widths = _widths(table, page.rest(3, first, *[0] * (len(columns) - 1), indent=2))
        page.blank()
        titles = (cell(_title(name), widths[name], BOLD, right=True) for name in columns)
        page.row(cell("#", 3, DIM), cell("", first), *titles, indent=2)
        for number, (row, name) in enumerate(zip(rows, called, strict=True)):
            page.row(
                cell("-" if row.rank is None else str(row.rank), 3, DIM),
                cell(name, first, BOLD if row.rank == 1 else ""),
                *(Cell(table[column][number], widths[column], right=True) for column in columns),
                indent=2,
            )

    def _metric(self, row: RepMetrics, name: str) -> Iterable[Run]:
        if name == "eager":
            yield Run(str(row.eager_prospects), BOLD)
            yield Run(f"of {row.accounts}", DIM, tight=True)
        elif name == "trend":
            usual = "?" if row.trend.usual is None else f"{row.trend.usual:.1f}"
            yield Run(f"{row.trend.recent} vs {usual}", tight=True)
        elif name == "soft":
            for soft in row.soft_share:
                yield Run(f"{say.unit(soft.currency)} {say.percent(soft.value)}", tight=True)
                yield Run(f"n{soft.n}", DIM)
            if not row.soft_share:
                yield Run("-", DIM)
        else:
            yield from self._number(_METRICS[name].of(row), _METRICS[name])

    def _number(self, found: Rate | Measure, metric: say.Metric) -> Iterable[Run]:
        yield Run(say.value(found, metric.mark), tight=True)
        yield Run(f"n{found.n}", DIM)
        if isinstance(found, Rate) and found.rank is not None:
            yield Run(f"#{found.rank}", GREEN if found.rank == 1 else "")
        if isinstance(found, Rate) and self.page.width >= 120:
            yield Run(say.bound(found, good=metric.good), DIM, tight=True)

    def contest(self, contest: Contest) -> None:
        page = self.page
        page.rule(Run("CONTEST", BOLD), Run("most eager prospects wins; then rebooks, and buyer-hours", DIM))
        if contest.notice:
            page.line(Run(contest.notice, YELLOW), indent=2, hang=2)
        shown = contest.places[: self._most(ROWS)]
        first = width_of((place.rep for place in shown), least=9, most=page.width // 3)
        for place in shown:
            facts = [
                f"{plural(place.rebooks, 'rebook')} ({place.rebooks_by_buyer} by buyers), {place.buyer_hours:.1f} h"
            ]
            if place.behind is None:
                facts.append("wins")
            else:
                facts.append(
                    f"{place.behind} behind the next" if place.behind else f"tied; told apart by {place.decided_by}"
                )
            page.row(
                cell(str(place.place), 3, BOLD, right=True),
                cell(place.rep, first, BOLD if place.place == 1 else ""),
                cell(f"{place.eager} eager", 8, right=True),
                cell(" · ".join(facts), page.rest(3, first, 8, indent=2), DIM),
                indent=2,
            )
        self._more(shown, contest.places, "place")
        for rep, why in contest.outside.items():
            page.line(f"{rep} does not compete: {why}", indent=2, hang=2)

    # --- accounts -----------------------------------------------------------------------------------------------------

    def eating(self) -> None:
        def hours(one: AccountAudit) -> str:
            return f"ours {say.quantity(one.our_hours, 'h')}, theirs {say.quantity(one.buyer_hours, 'h')}"

        self._accounts("EATS HOURS", "our hours, and no buyer committed", self.result.eating, hours)

    def without_deal(self) -> None:
        def hours(one: AccountAudit) -> str:
            return f"theirs {say.quantity(one.buyer_hours, 'h')}"

        self._accounts("TIME, NO DEAL", "buyers give time, and no deal is open", self.result.without_deal, hours)

    def _accounts(
        self, name: str, title: str, accounts: Sequence[AccountAudit], hours: Callable[[AccountAudit], str]
    ) -> None:
        page = self.page
        if not accounts:
            return
        page.rule(Run(name, BOLD), Run(f"{len(accounts)} · {title}", DIM))
        shown = accounts[: self._most(ROWS)]
        first = width_of((one.result.account.name for one in shown), least=8, most=page.width // 4)
        for one in shown:
            status = Run(
                one.result.status.value + ("?" if one.result.stale else ""), COLOURS.get(one.result.status, "")
            )
            evidence, reps = Run(first_sentence(one.result.evidence)), Run(names(one.reps, most=3), DIM)
            facts = Cell((Run(f"{hours(one)}.", BOLD), status, evidence, reps), page.rest(first, indent=2))
            page.row(cell(one.result.account.name, first, BOLD), facts, indent=2)
        self._more(shown, accounts, "account")

    def people(self) -> None:
        """Write who moves things at the accounts with an open deal, and who was never met, largest amount first."""
        page = self.page
        told = [
            one for one in say.in_detail(self.result, len(self.result.accounts)) if one.mobilizers or one.key_missing
        ]
        if not told:
            return
        page.rule(Run("PEOPLE", BOLD), Run("who makes things move, and which key player no firm meeting ever had", DIM))
        shown = told[: self._most(ROWS)]
        first = width_of((one.result.account.name for one in shown), least=8, most=page.width // 4)
        for one in shown:
            runs = []
            if one.mobilizers:
                runs.append(Run(f"mobilizer {names(one.mobilizers, most=3)}", GREEN))
            if one.key_missing:
                runs.append(Run(f"! never met: {names(one.key_missing, most=3)}", YELLOW))
            page.row(
                cell(one.result.account.name, first, BOLD), Cell(tuple(runs), page.rest(first, indent=2)), indent=2
            )
        self._more(shown, told, "account")

    # --- what is not known --------------------------------------------------------------------------------------------

    def coverage(self) -> None:
        page, found = self.page, self.result.coverage
        counts = [f"{len(found.of(state))} {state.value}" for state in CalendarState if found.of(state)]
        page.rule(Run("COVERAGE", BOLD), Run(", ".join(counts) or "no rep is known", DIM))
        for text in found.unknown:
            page.line(Run(f"! {text}", YELLOW), indent=2, hang=2)
        lacking = [r for r in found.reps if r.state is not CalendarState.FRESH or not r.watch.enough]
        shown = lacking[: self._most(ROWS)]
        first = width_of((r.rep for r in shown), least=9, most=page.width // 3)
        for rep in shown:
            facts = [Run(f"{rep.state.value}:", RED if rep.state is not CalendarState.FRESH else ""), Run(rep.text)]
            facts.append(Run(f"· {rep.watch.covered} of {rep.watch.days} days covered", DIM))
            if rep.unknown_accounts:
                facts.append(Run(f"· UNKNOWN: {names(rep.unknown_accounts, most=self._named(4))}", YELLOW))
            page.row(cell(rep.rep, first), Cell(tuple(facts), page.rest(first, indent=2)), indent=2)
        self._more(shown, lacking, "rep")

    def unknown(self) -> None:
        page, lines = self.page, say.unknown_deals(self.result)
        if not lines:
            return
        page.rule(
            Run("UNKNOWN DEALS", BOLD), Run(f"{len(lines)} · in every total, and why nothing more can be said", DIM)
        )
        shown = lines[: self._most(ROWS)]
        amounts = width_of((_amount(line) for line in shown), least=9, most=22)
        for line in shown:
            name, owner = Run(f"{say.company(line)} · {line.deal.name}", BOLD), Run(f"({say.owner(line)})", DIM)
            text = Cell((name, owner, Run(say.why_unknown(line))), page.rest(amounts, indent=2))
            page.row(cell(_amount(line), amounts, right=True), text, indent=2)
        self._more(shown, lines)

    def foot(self, *, colour: bool) -> str:
        page = Page(self.page.width, colour=colour)
        page.rule(Run(say.COACHING, BOLD))
        foot(page, self.result.head, self.calendar, [one.result for one in self.result.accounts], show_all=self._all)
        return page.text()

    def _most(self, rows: int) -> int | None:
        return None if self._all else rows

    def _named(self, most: int) -> int:
        return sys.maxsize if self._all else most

    def _more(self, shown: Sequence[object], whole: Sequence[object], noun: str = "deal") -> None:
        more = say.left_out(shown, whole, noun)
        if more:
            self.page.line(Run(f"{more} (--all)", DIM), indent=2)


def _standing(backed: Backed) -> str:
    """Write a currency in one sentence: `1,240,000 EUR open, 410,000 (33 %) calendar-backed`."""
    return (
        f"{say.money(backed.open, backed.currency)} open, "
        f"{say.number(backed.backed)} ({say.percent(backed.share)}) calendar-backed"
    )


def _amount(line: DealLine) -> str:
    return say.money(line.deal.amount, line.deal.currency)


def _named(line: DealLine, width: int) -> tuple[Run, Run]:
    """Name account and deal on one line; the longer of the two gives way first."""
    account, deal = clean(say.company(line)), clean(line.deal.name)
    least = (width - 3) // 2
    account = cut(account, max(least, width - 3 - cells(deal)))
    return Run(account, BOLD), Run(cut(f"· {deal}", width - 1 - cells(account)))


def _title(name: str) -> str:
    return _TITLES.get(name) or _METRICS[name].label


def _called(rows: Sequence[RepMetrics], width: int) -> list[str]:
    """Name the rows: by what stands before the @ where that tells them apart."""
    full = [say.reps_name(row) for row in rows]
    short = [say.first_name(name) for name in full]
    return [cut(clean(name), width) for name in (short if len(set(short)) == len(full) else full)]


def _widths(table: Mapping[str, Sequence[Sequence[Run]]], room: int) -> dict[str, int]:
    """Give each column what it needs; where that is too much, the widest give way."""
    widths = {
        name: width_of([_title(name), *(" ".join(run.text for run in runs) for runs in column)], least=5, most=30)
        for name, column in table.items()
    }
    while sum(widths.values()) > max(room, 5 * len(widths)):
        widths[max(widths, key=lambda name: widths[name])] -= 1
    return widths


def _said_of(total: Total) -> tuple[str, str]:
    """Name a total, and say how much of it is calendar-backed."""
    if isinstance(total, StatusTotal):
        return total.status.value, ""
    assert isinstance(total, CategoryTotal)
    share = say.percent(say.share_of(total.backed, total.amount))
    return total.category.value, f"calendar-backed {say.number(total.backed or Decimal())} ({share})"
