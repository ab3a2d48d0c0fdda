"""The manager's audit as one HTML file: no network, printable, fit for a phone; what `audit_text` says, and charts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from calsignal.model import Actor, ChangeKind, Level, Status
from calsignal.reports import audit_words as say
from calsignal.reports.foot import model, trouble
from calsignal.reports.html.charts import (
    Arrow,
    Bar,
    Column,
    Share,
    Spot,
    bars,
    columns,
    legend,
    mark,
    sample_arrow,
    shared_marks,
    shares,
    spark,
    timeline,
)
from calsignal.reports.html.elements import Safe, document, el, join
from calsignal.reports.words import Calendar, duration, first_sentence, plural, subject, who
from calsignal.score.audit import (
    AccountAudit,
    AuditResult,
    Backed,
    CalendarState,
    DealLine,
    Measure,
    Rate,
    RepMetrics,
    SoftShare,
)
from calsignal.score.result import MeetingView

DETAILED = 300  # accounts with evidence and a timeline
DRAWN = 30  # reps in a chart
MEETINGS = 6  # listed per account; its timeline shows more
SPOTS = 24  # meetings in a timeline
_PAST, _AHEAD = timedelta(days=120), timedelta(days=45)  # at most, in a timeline
_ORDER = {status: number for number, status in enumerate(Status)}


def audit_html(result: AuditResult, *, with_contest: bool = False) -> str:
    """Return the audit as a page. It asks for nothing outside and runs nothing but its own small script.

    At most `DETAILED` accounts with an open deal, largest amount first, have evidence and a timeline; the others have
    a row each, and the page says how many.
    """
    page = _Page(result)
    sections = [
        page.forecast(),
        page.findings(),
        page.reps(),
        page.contest() if with_contest else None,
        page.hours(),
        page.details(),
        page.accounts(),
        page.coverage(),
    ]
    calendar = page.calendar
    return document(
        f"Audit of {say.scope(result)}, {calendar.date(result.head.as_of)} {calendar.today.year}",
        el("a", "Skip to the report", href="#report", class_="skip"),
        shared_marks(),
        page.header(),
        page.navigation(with_contest=with_contest),
        el("main", page.first(), *sections, id="report", tabindex=-1),
        page.footer(),
        el("div", id="said", class_="unseen", role="status"),
    )


def section(name: str, title: str, note: str | None, *children: Safe | None, far: bool = False) -> Safe:
    """Return a part of the page with its heading; `far` ones are laid out when they come into sight."""
    heading = el("h2", title, el("small", note) if note else None, id=f"{name}-title")
    return el("section", heading, *children, id=name, aria_labelledby=f"{name}-title", class_="far" if far else None)


def head(*titles: tuple[str, str | None, str | None], widest: str | None = None) -> Safe:
    """Return the first row of a table; each title comes with how it sorts (None: not) and its class."""
    return el(
        "thead",
        el(
            "tr",
            *(
                el("th", title, scope="col", data_sort=kind, aria_sort="none" if kind else None, class_=class_)
                for title, kind, class_ in titles
            ),
        ),
    )


def table(caption: str, top: Safe, *bodies: Safe, name: str, size: str = "") -> Safe:
    """Return a table that sorts, in a frame that scrolls by itself where the page is narrow."""
    grid = el(
        "table", el("caption", caption, id=f"{name}-caption"), top, *bodies, class_=f"sortable {size}".strip(), id=name
    )
    return el("div", grid, class_="scroll", role="region", tabindex=0, aria_labelledby=f"{name}-caption")


def cell(*children: str | None, key: object = None, class_: str | None = None) -> Safe:
    """Return a cell; `key` is what it sorts by, where that is not its text. An empty key is unknown."""
    return el("td", *children, data_v=_Key(key) if key is not None else None, class_=class_)


class _Key(str):
    """A sort key; unlike other attributes it is written when it is empty."""

    __slots__ = ()


class _Page:
    """The page in the making, section by section."""

    def __init__(self, result: AuditResult) -> None:
        self.result = result
        self.calendar = Calendar(result.head.as_of, ZoneInfo(result.head.timezone))
        self.detailed = say.in_detail(result, DETAILED)
        self._anchors = {one.result.account.name: f"a{number}" for number, one in enumerate(self.detailed, 1)}
        self._lines: dict[str, list[DealLine]] = {}
        for line in say.in_turn(result.forecast.lines):
            if line.account is not None:
                self._lines.setdefault(line.account, []).append(line)

    # --- the first screen -------------------------------------------------------------------------------------------

    def header(self) -> Safe:
        calendar, result = self.calendar, self.result
        moment = f"{calendar.date(calendar.as_of)} {calendar.today.year}, {calendar.time(calendar.as_of)}"
        facts = f"{moment} · {say.scope(result)} · {say.said_of_period(result, calendar)}"
        return el("header", el("h1", "Which money has a buyer's calendar behind it"), el("p", facts))

    def navigation(self, *, with_contest: bool) -> Safe:
        names = {"forecast": "Forecast", "findings": "Findings", "reps": "Reps", "contest": "Contest", "hours": "Hours"}
        names |= {"details": "Evidence", "accounts": "All accounts", "coverage": "What is unknown"}
        links = (
            el("li", el("a", title, href=f"#{name}"))
            for name, title in names.items()
            if name != "contest" or with_contest
        )
        return el("nav", el("ul", *links), aria_label="Parts of the report")

    def first(self) -> Safe:
        asked, found = say.first_asked(self.result), say.with_findings(self.result)
        notice = el("p", self.result.notice, class_="notice") if self.result.notice else None
        if asked:
            note = f"the {len(asked)} largest of {plural(len(found), 'deal')} with a finding"
            body = el("ol", *map(self._ask, asked), class_="asks")
        else:
            note, body = "", el("p", self._nothing_to_ask())
        title = el("h2", "Ask first", el("small", note) if note else None, id="first-title")
        asks = el("section", title, body, class_="card", aria_labelledby="first-title", id="first")
        return el("div", notice, el("div", asks, self._glance(), class_="first"))

    def _expected(self, line: DealLine) -> tuple[Safe | str, ...]:
        category, closes = say.closing(line.deal, self.calendar).split(", ", 1)
        return f"{category},", el("br"), closes

    def _nothing_to_ask(self) -> str:
        if self.result.forecast.lines:
            return "No open deal has a finding."
        return say.import_age(self.result, self.calendar)

    def _ask(self, line: DealLine) -> Safe:
        found, deal = line.findings[0], line.deal
        amount = el("div", self._money(line), el("small", *self._expected(line)), class_="sum")
        status = el("span", line.status.value, class_=self._status(line.status))
        whose = el("small", f" {say.owner(line)}")
        name = el("p", el("span", self._company(line), f" · {deal.name} ", class_="name"), status, whose)
        reason = el("p", *self._codes(line), f" {found.line}")
        question = el("p", f"Ask {say.first_name(say.owner(line))}: {found.question}", class_="ask")
        return el("li", amount, el("div", name, reason, question))

    def _glance(self) -> Safe | None:
        """Return the forecast by status of the currency with most deals, beside the first questions."""
        backed = self.result.forecast.backed
        if not backed:
            return None
        more = f" {plural(len(backed) - 1, 'more currency', 'more currencies')} below." if len(backed) > 1 else ""
        note = el("p", el("small", "Calendar-backed: REAL, and no finding F1 to F4.", more))
        return el("div", self._by_status(backed[0]), note, class_="card")

    # --- money --------------------------------------------------------------------------------------------------------

    def forecast(self) -> Safe | None:
        found = self.result.forecast
        if not found.lines:
            return None
        cards = []
        for number, backed in enumerate(found.backed):
            charts = [self._by_status(backed)] if number else []
            cards.append(el("div", *charts, self._by_category(backed), class_="card"))
        notes = [say.import_age(self.result, self.calendar)]
        if found.without_amount:
            notes.append(f"{plural(found.without_amount, 'deal')} without an amount, in no total.")
        if found.missing:
            gone = "; ".join(f"{deal.account} · {deal.name}" for deal in found.missing)
            notes.append(f"Not in the last import any more, and in no total: {gone}.")
        note = el("p", *(f"{text} " for text in notes), class_="soft")
        return section("forecast", "Forecast", "open deals by what the calendars show", el("div", *cards, class_="grid"), note)  # fmt: skip

    def _by_status(self, backed: Backed) -> Safe:
        totals = [t for t in self.result.forecast.by_status if t.amount is not None and t.currency == backed.currency]
        rows = [
            Bar(t.status.value, float(t.amount or 0), self._share_of(t.amount, backed), f"f{_ORDER[t.status]}")
            for t in totals
        ]
        title = el(
            "figcaption",
            el("strong", say.money(backed.open, backed.currency)),
            f" open in {plural(backed.deals, 'deal')}, ",
            el("strong", f"{say.percent(backed.share)} calendar-backed"),
            f" ({say.number(backed.backed)})",
        )
        label = f"Open amount by status in {say.unit(backed.currency)}: " + self._read_out(rows)
        return el("figure", title, bars(rows, label))

    def _by_category(self, backed: Backed) -> Safe:
        totals = [t for t in self.result.forecast.by_category if t.amount is not None and t.currency == backed.currency]
        rows = [
            Bar(
                t.category.value,
                float(t.amount or 0),
                f"{say.number(t.amount or backed.open * 0)} · {say.percent(float((t.backed or 0) / t.amount) if t.amount else None)} backed",
                "fa",
                float(t.backed or 0),
            )
            for t in totals
        ]  # fmt: skip
        label = f"Open amount by forecast category in {say.unit(backed.currency)}: " + self._read_out(rows)
        title = el("figcaption", el("strong", f"{say.unit(backed.currency)} by forecast category"), ", full: calendar-backed, hatched: words")  # fmt: skip
        return el("figure", title, bars(rows, label, names=84))

    @staticmethod
    def _share_of(amount: object, backed: Backed) -> str:
        from decimal import Decimal

        assert isinstance(amount, Decimal)
        return f"{say.number(amount)} · {say.percent(float(amount / backed.open) if backed.open else None)}"

    @staticmethod
    def _read_out(rows: Iterable[Bar]) -> str:
        return "; ".join(f"{row.name} {row.said}" for row in rows)

    def findings(self) -> Safe | None:
        lines = say.with_findings(self.result)
        if not lines:
            return None
        shown = [line for line in lines if line.account is None or line.account in self._anchors]
        count = sum(len(line.findings) for line in lines)
        note = f"{count} on {plural(len(lines), 'deal')}"
        if len(shown) < len(lines):
            note += f"; {len(shown)} of these deals are here, the others stand with their account below"
        top = head(
            ("Amount", "number", "n"), ("Deal", "text", None), ("Status", "status", None), ("Closes", "text", None),
            ("Finding, and what to ask", None, "says"),
        )  # fmt: skip
        body = el("tbody", *map(self._finding, shown))
        return section("findings", "Findings", note, table("Open deals with a finding, largest first.", top, body, name="found", size="wide"))  # fmt: skip

    def _finding(self, line: DealLine) -> Safe:
        deal = line.deal
        anchor = self._anchors.get(line.account or "")
        name = el("a", say.company(line), href=f"#{anchor}") if anchor else Safe(el("span", say.company(line)))
        whose = el("small", f"{deal.name} · {say.owner(line)}")
        return el(
            "tr",
            cell(self._money(line), key=deal.amount if deal.amount is not None else "", class_="n"),
            el("th", name, Safe("<br>"), whose, scope="row"),
            cell(el("span", line.status.value, class_=self._status(line.status)), key=line.status.value),
            cell(self._close(line), key=deal.closes.isoformat() if deal.closes else ""),
            cell(*self._sentences(line), class_="says"),
        )

    def _close(self, line: DealLine) -> Safe:
        closes = self.calendar.date(line.deal.closes) if line.deal.closes else "no date"
        return join([closes, el("br"), el("small", line.deal.category.value)])

    @staticmethod
    def _sentences(line: DealLine) -> Iterator[Safe]:
        for found in line.findings:
            yield el("p", el("span", found.code.name, class_="code"), f" {found.line} ", el("span", found.question, class_="ask"))  # fmt: skip

    # --- reps ---------------------------------------------------------------------------------------------------------

    def reps(self) -> Safe | None:
        result = self.result
        if not result.reps:
            return None
        notice = el("p", result.notice, class_="notice") if result.notice else None
        charts = el("div", self._weeks(), self._coverage_chart(), class_="grid")
        left_out = [el("li", f"{row.rep}: {row.not_ranked}") for row in result.reps if not row.ranked]
        unranked = el("ul", *left_out, class_="plain") if left_out else None
        why = el("h3", "Not ranked") if left_out else None
        note = f"prospects only, {say.said_of_period(result, self.calendar)}"
        return section("reps", "Reps", note, notice, charts, self._rep_table(), why, unranked)

    def _weeks(self) -> Safe:
        total = self.result.total
        rows = [Column(self._day(week.monday), week.hours, whole=week.whole) for week in total.weeks]
        label = "Buyer-hours of held meetings per week: " + "; ".join(
            f"{row.name} {row.value:.1f}{'' if row.whole else ' so far'}" for row in rows
        )
        caption = el("figcaption", el("strong", "Buyer-hours per week"), " of held meetings, weighed by firmness; hatched: this week so far")  # fmt: skip
        return el("div", el("figure", caption, columns(rows, label)), class_="card")

    def _day(self, on: date) -> str:
        return self.calendar.date(on).partition(" ")[2]

    def _coverage_chart(self) -> Safe:
        found = sorted(self.result.reps, key=lambda row: self._by_bound(row.next_step_coverage))
        shown = found if len(found) <= DRAWN else found[-DRAWN:]
        rows = []
        for row in shown:
            share = row.next_step_coverage
            said = f"{say.value(share)}, n {share.n}" if share.n else "nothing to count"
            told = share.n > 0 and not share.too_few
            rows.append(
                Share(
                    say.first_name(row.rep),
                    share.value if told else None,
                    share.lower if told else None,
                    share.upper if told else None,
                    said,
                )
            )
        which = f" of the {len(shown)} lowest of {len(found)} reps" if len(shown) < len(found) else " per rep"
        label = "Next-step coverage: " + "; ".join(f"{row.name} {row.said}" for row in rows)
        caption = el("figcaption", el("strong", f"Next-step coverage{which}"), ", with the range in which it truly lies (95 %)")  # fmt: skip
        return el("div", el("figure", caption, shares(rows, label)), class_="card")

    @staticmethod
    def _by_bound(share: Rate) -> tuple[bool, float]:
        told = share.lower is not None and not share.too_few
        return not told, -(share.lower or 0.0)

    def _rep_table(self) -> Safe:
        titles: list[tuple[str, str | None, str | None]] = [("Rep", "text", None), ("Place", "number", "n"), ("Eager prospects", "number", "n"), ("Last 2 weeks", "number", "n")]  # fmt: skip
        titles += [(metric.label.capitalize(), "number", "n") for metric in say.METRICS]
        titles += [("Not REAL", "number", "n"), ("Calendars cover", "number", "n")]
        rows = el("tbody", *map(self._rep, self.result.reps))
        sums = [*self.result.teams, self.result.total] if self.result.rep is None else []
        fixed = el("tbody", *map(self._rep, sums), class_="fixed")
        caption = "Every rate with n, out of how many it is, its 95 % bound, and the place by that bound: the lower one, for pushed, dropped and own moves the upper."  # fmt: skip
        meanings = el(
            "details",
            el("summary", "What these mean"),
            el("dl", *(part for m in say.METRICS for part in (el("dt", m.label), el("dd", m.meaning)))),
        )
        return join([table(caption, head(*titles), rows, fixed, name="rep-table", size="widest"), meanings])

    def _rep(self, row: RepMetrics) -> Safe:
        usual = "usually unknown" if row.trend.usual is None else f"usually {row.trend.usual:.1f}"
        return el(
            "tr",
            el("th", say.reps_name(row), scope="row"),
            cell("-" if row.rank is None else str(row.rank), class_="n"),
            cell(str(row.eager_prospects), el("small", f"of {row.accounts}"), key=row.eager_prospects, class_="n"),
            cell(str(row.trend.recent), el("small", usual), key=row.trend.recent, class_="n"),
            *(self._metric(metric, row) for metric in say.METRICS),
            self._soft(row.soft_share),
            cell(say.percent(row.watch.share), class_="n"),
        )

    @staticmethod
    def _metric(metric: say.Metric, row: RepMetrics) -> Safe:
        found = metric.of(row)
        told = found.value if isinstance(found, Measure) or not found.too_few else None
        drawn = None
        if metric.name == "buyer_hours_per_week" and found.n:
            drawn = spark([week.hours for week in row.weeks])
        facts = [f"n {found.n}", say.bound(found, good=metric.good)]
        if isinstance(found, Rate) and found.rank is not None:
            facts.append(f"place {found.rank}")
        if found.left_out:
            facts.append(f"{found.left_out} left out")
        small = el("small", ", ".join(filter(None, facts)))
        return cell(drawn, say.value(found, metric.mark), small, key="" if told is None else round(told, 4), class_="n")

    @staticmethod
    def _soft(found: Sequence[SoftShare]) -> Safe:
        if not found:
            return cell("-", class_="n")
        parts = [
            el("span", f"{say.unit(soft.currency)} {say.percent(soft.value)}", el("small", f"n {soft.n}"))
            for soft in found
        ]
        return cell(*parts, key="" if found[0].value is None else round(found[0].value, 4), class_="n")

    def contest(self) -> Safe:
        contest = self.result.contest
        rows = [
            el(
                "tr",
                cell(str(place.place), class_="n"),
                el("th", place.rep, scope="row"),
                cell(str(place.eager), class_="n"),
                cell(str(place.rebooks), class_="n"),
                cell(str(place.rebooks_by_buyer), class_="n"),
                cell(f"{place.buyer_hours:.1f}", class_="n"),
                cell("wins" if place.behind is None else str(place.behind), key=place.behind or 0, class_="n"),
                cell(place.decided_by),
            )
            for place in contest.places
        ]
        top = head(
            ("Place", "number", "n"), ("Rep", "text", None), ("Eager prospects", "number", "n"), ("Rebooks", "number", "n"),
            ("by the buyer", "number", "n"), ("Buyer-hours", "number", "n"), ("Behind the next", "number", "n"), ("Told apart by", "text", None),
        )  # fmt: skip
        outside = [el("li", f"{rep} does not compete: {why}") for rep, why in contest.outside.items()]
        return section(
            "contest",
            "Contest",
            "most eager prospects wins",
            el("p", contest.notice, class_="notice") if contest.notice else None,
            table("Places in the contest.", top, el("tbody", *rows), name="places"),
            el("ul", *outside, class_="plain") if outside else None,
        )

    # --- hours ----------------------------------------------------------------------------------------------------------

    def hours(self) -> Safe | None:
        eating, idle = self.result.eating, self.result.without_deal
        parts = []
        if eating:
            parts.append(self._hours_table("eating", f"{plural(len(eating), 'account')} that eat our hours, while no buyer is committed", eating))  # fmt: skip
        if idle:
            parts.append(self._hours_table("idle", f"{plural(len(idle), 'account')} whose buyers give time, and no deal is open", idle))  # fmt: skip
        if not parts:
            return None
        return section("hours", "Our hours and the buyers'", None, el("div", *parts, class_="grid halves"))

    def _hours_table(self, name: str, caption: str, found: Sequence[AccountAudit]) -> Safe:
        top = head(("Account", "text", None), ("Ours, h", "number", "n"), ("Theirs, h", "number", "n"), ("Status", "status", None), ("Reps", "text", None))  # fmt: skip
        rows = (
            el(
                "tr",
                el("th", self._linked(one), scope="row"),
                cell(self._number(one.our_hours), class_="n"),
                cell(self._number(one.buyer_hours), class_="n"),
                self._status_cell(one),
                cell(", ".join(one.reps) or "-"),
            )
            for one in found[:DETAILED]
        )
        more = say.left_out(found[:DETAILED], found, "account")
        return table(f"{caption}. {more}".strip(), top, el("tbody", *rows), name=name)

    @staticmethod
    def _number(value: float | None) -> str:
        return "-" if value is None else f"{value:.1f}"

    # --- accounts in detail -----------------------------------------------------------------------------------------------

    def details(self) -> Safe | None:
        if not self.detailed:
            return None
        whole = len(say.in_detail(self.result, len(self.result.accounts)))
        note = f"{plural(whole, 'account')} with an open deal, largest amount first"
        if whole > len(self.detailed):
            note = (
                f"the {len(self.detailed)} largest of {whole} accounts with an open deal; the others have a row below"
            )
        buttons = (
            el("button", words, type="button", data_open=state, data_of="cards", hidden=True)
            for words, state in (("Open all", "true"), ("Close all", "false"))
        )
        tools = el("div", *buttons, class_="tools")
        cards = el("div", *map(self._card, self.detailed), id="cards")
        return section("details", "Evidence", note, tools, self._legend(), cards, far=True)

    @staticmethod
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

    def _card(self, one: AccountAudit) -> Safe:
        made = one.result
        lines = self._lines.get(made.account.name, [])
        more = el("small", f" {len(lines)} deals") if len(lines) > 1 else None
        summary = el(
            "summary",
            el("span", self._money(lines[0]), class_="sum"),
            el("span", made.account.name, more, class_="name"),
            el("span", *(code for line in lines for code in self._codes(line)), class_="codes"),
            el("span", made.status.value + ("?" if made.stale else ""), class_=self._status(made.status)),
        )
        inside = el(
            "div",
            el("p", made.evidence),
            *(el("p", text, class_="soft") for text in made.unknown),
            self._flags(one),
            *map(self._deal, lines),
            self._timeline(one),
            self._facts(one),
            self._meetings(made.meetings),
            class_="inside",
        )
        return el("details", summary, inside, class_="card", id=self._anchors[made.account.name])

    @staticmethod
    def _flags(one: AccountAudit) -> Safe | None:
        if not one.result.flags:
            return None
        return el("p", *(join([el("span", "!", class_="code"), f" {flag.text} "]) for flag in one.result.flags))

    def _deal(self, line: DealLine) -> Safe:
        deal = line.deal
        facts = [
            self._money(line),
            say.closing(deal, self.calendar),
            say.owner(line),
            f"{plural(line.held, 'meeting')} held",
        ]
        if line.held_shared:
            facts.append(f"{line.held_shared} more may be another deal's")
        if line.shared:
            facts.append(f"status shared with {plural(len(line.shared), 'open deal')}")
        if line.close_pushes:
            facts.append(f"close date put off {line.close_pushes}x (+{line.close_push_days} d)")
        if line.next_meeting is not None:
            facts.append(f"next {self.calendar.moment(line.next_meeting.slot.start)}")
        if line.backed:
            facts.append("calendar-backed")
        return el(
            "div",
            el("h3", deal.name),
            el("p", " · ".join(facts), class_="soft"),
            *self._sentences(line),
            class_="deal",
        )

    def _facts(self, one: AccountAudit) -> Safe:
        made = one.result
        known = made.status is not Status.UNKNOWN
        facts: Mapping[str, str] = {
            "Our hours, in the period": say.quantity(one.our_hours, "h"),
            "Buyers' hours, booked or held": say.quantity(one.buyer_hours, "h"),
            "Buyers' hours, by firmness": say.quantity(one.firm_hours, "h"),
            "Score": f"{made.score:.1f}" if known else "unknown",
            "Firm buyers, 90 d and ahead": ", ".join(made.firm_buyers) or ("none" if known else "unknown"),
            "Mobilizers": self._listed(one.mobilizers),
            "Key players met": self._listed(one.key_met),
            "Key players never met": self._listed(one.key_missing),
            "Reps on it": ", ".join(one.reps) or "none",
        }
        return el("dl", *(el("div", el("dt", name), el("dd", value)) for name, value in facts.items()))

    @staticmethod
    def _listed(people: tuple[str, ...] | None) -> str:
        return "unknown" if people is None else ", ".join(people) or "none"

    # --- a timeline -------------------------------------------------------------------------------------------------------

    def _timeline(self, one: AccountAudit) -> Safe | None:
        first, last = self.calendar.today - _PAST, self.calendar.today + _AHEAD
        near = [m for m in one.result.meetings if first <= self.calendar.day(m.slot.start) <= last][-SPOTS:]
        if not near:
            return None
        days = [self.calendar.day(m.slot.start) for m in near]
        arrows = self._arrows(one, first, last)
        ends = [*days, *(arrow.end for arrow in arrows), self.calendar.today + timedelta(days=14)]
        begin = max(first, min([*days, self.calendar.today - timedelta(days=30)]) - timedelta(days=3))
        spots = [Spot(on, _kind(m), self._said(m)) for on, m in zip(days, near, strict=True)]
        firm = sum(spot.kind in ("firm", "owned") for spot in spots)
        label = f"Timeline of {plural(len(spots), 'meeting')}, {firm} of them firm, and {plural(len(arrows), 'move')}"
        drawn = timeline(spots, arrows, begin, min(last, max(ends) + timedelta(days=3)), self.calendar.today, label)
        return el("figure", el("div", drawn, class_="swing", tabindex=0, role="group", aria_label="Timeline"))

    def _arrows(self, one: AccountAudit, first: date, last: date) -> list[Arrow]:
        found = []
        for change in one.result.changes:
            if change.kind not in (ChangeKind.MOVED, ChangeKind.SERIES_MOVED):
                continue
            if not isinstance(change.before, date) or not isinstance(change.after, date):
                continue
            start, end = self.calendar.day(change.before), self.calendar.day(change.after)
            if first <= start <= last and first <= end <= last:
                by = "by the buyer" if change.by is Actor.BUYER else "by us or unknown"
                said = f"{subject(change.subject)}: {self.calendar.date(start)} to {self.calendar.date(end)}, {by}"
                found.append(Arrow(start, end, change.by is not Actor.BUYER, said))
        return found[-SPOTS:]

    def _said(self, meeting: MeetingView) -> str:
        return f"{self.calendar.moment(meeting.slot.start)} {subject(meeting.subject)}"

    def _meetings(self, meetings: Sequence[MeetingView]) -> Safe | None:
        if not meetings:
            return None
        ordered = sorted(meetings, key=lambda m: (self.calendar.day(m.slot.start), self.calendar.slot(m.slot)))
        ahead = [m for m in ordered if not m.past][: MEETINGS // 2]
        behind = [m for m in ordered if m.past][-(MEETINGS - len(ahead)) :]
        shown = [*reversed(ahead), *reversed(behind)]
        items = (
            el(
                "li",
                el("strong", self.calendar.moment(m.slot.start)),
                f" {subject(m.subject)}, {duration(m.slot)}: {who(m) or 'no buyer'}",
                f", moved {m.moves}x" if m.moves else None,
                el("small", f" ({m.why_not})") if m.why_not and not m.status.gone else None,
            )
            for m in shown
        )
        more = say.left_out(shown, meetings, "meeting")
        note = f"the latest; {more}, see: calsignal account" if more else "newest first"
        return join([el("h3", "Meetings", el("small", note)), el("ul", *items, class_="plain")])

    # --- all accounts -------------------------------------------------------------------------------------------------------

    def accounts(self) -> Safe | None:
        if not self.result.accounts:
            return None
        top = head(
            ("Account", "text", None), ("Status", "status", None), ("Score", "number", "n"), ("Largest deal", "number", "n"),
            ("Findings", "text", None), ("Ours, h", "number", "n"), ("Theirs, h", "number", "n"), ("Evidence", "text", None),
        )  # fmt: skip
        # the end tags of cells and rows may be left out, and ten thousand rows are shorter for it
        rows = Safe("\n".join(map(self._row, self.result.accounts)))
        finder = el(
            "label",
            "Find",
            el("input", type="search", data_filter="all", autocomplete="off"),
            class_="filter",
            hidden=True,
        )
        whole = len(self.result.accounts)
        others = whole - len(self.detailed)
        note = f"{whole}, in order of rank" + (f"; {others} of them have this row only" if others else "")
        grid = table("All accounts; hours are those of the period.", top, el("tbody", rows), name="all", size="wide")
        return section("accounts", "All accounts", note, el("div", finder, class_="tools"), grid, far=True)

    def _row(self, one: AccountAudit) -> Safe:
        lines = self._lines.get(one.result.account.name, [])
        codes = sorted({found.code.name for line in lines for found in line.findings})
        cells = [
            el("th", self._linked(one), scope="row"),
            self._status_cell(one),
            cell(f"{one.result.score:.1f}" if one.result.status is not Status.UNKNOWN else "-", class_="n"),
            cell(self._money(lines[0]) if lines else "", class_="n"),
            cell(" ".join(codes)),
            cell(self._number(one.our_hours), class_="n"),
            cell(self._number(one.buyer_hours), class_="n"),
            cell(first_sentence(one.result.evidence)),
        ]
        return Safe("<tr>" + "".join(str(each).removesuffix("</td>").removesuffix("</th>") for each in cells))

    def _linked(self, one: AccountAudit) -> Safe:
        name = one.result.account.name
        anchor = self._anchors.get(name)
        return el("a", name, href=f"#{anchor}") if anchor else join([name])

    def _status_cell(self, one: AccountAudit) -> Safe:
        return cell(one.result.status.value + ("?" if one.result.stale else ""), class_=self._status(one.result.status))

    # --- what is not known ------------------------------------------------------------------------------------------------------

    def coverage(self) -> Safe:
        found = self.result.coverage
        counts = [f"{len(found.of(state))} {state.value}" for state in CalendarState if found.of(state)]
        unknown = [el("li", text) for text in found.unknown]
        parts = [el("ul", *unknown, class_="plain") if unknown else None, self._unknown_deals(), self._rep_coverage()]
        return section("coverage", "What is unknown", ", ".join(counts) or "no rep is known", *parts, far=True)

    def _unknown_deals(self) -> Safe | None:
        lines = say.unknown_deals(self.result)
        if not lines:
            return None
        top = head(("Amount", "number", "n"), ("Deal", "text", None), ("Owner", "text", None), ("Why nothing more can be said", "text", "says"))  # fmt: skip
        rows = (
            el(
                "tr",
                cell(self._money(line), class_="n"),
                el("th", say.company(line), el("small", f" {line.deal.name}"), scope="row"),
                cell(say.owner(line)),
                cell(say.why_unknown(line)),
            )
            for line in lines
        )
        caption = f"{plural(len(lines), 'deal')} UNKNOWN or not matched; each is in every total."
        return join([el("h3", "Unknown deals"), table(caption, top, el("tbody", *rows), name="unknown")])

    def _rep_coverage(self) -> Safe | None:
        found = self.result.coverage.reps
        if not found:
            return None
        top = head(("Rep", "text", None), ("Calendar", "text", None), ("Covered", "number", "n"), ("Open deals", "number", "n"), ("What is therefore unknown", "text", None))  # fmt: skip
        rows = (
            el(
                "tr",
                el("th", rep.rep, scope="row"),
                cell(rep.state.value, el("br"), el("small", rep.text)),
                cell(
                    say.percent(rep.watch.share), el("small", f"{rep.watch.covered} of {rep.watch.days} d"), class_="n"
                ),
                cell(str(rep.open_deals), class_="n"),
                cell(", ".join(rep.unknown_accounts) or "-"),
            )
            for rep in found
        )
        return join([el("h3", "Calendars"), table("Calendars by rep.", top, el("tbody", *rows), name="calendars")])

    def footer(self) -> Safe:
        head_of = self.result.head
        troubled = [
            state for state in head_of.connections if (state.stale or state.problem) and state.retired_at is None
        ]
        items = [el("li", f"{state.name}: {trouble(state, self.calendar)}") for state in troubled]
        if head_of.skipped:
            items.append(el("li", f"{plural(len(head_of.skipped), 'item')} could not be read; `calsignal digest --all` names them."))  # fmt: skip
        return el(
            "footer",
            el("p", el("strong", say.COACHING)),
            join([el("p", "To mend:"), el("ul", *items, class_="plain")]) if items else None,
            el("p", "calsignal, " + model(head_of)),
        )

    # --- small things -----------------------------------------------------------------------------------------------------------

    @staticmethod
    def _money(line: DealLine) -> str:
        return say.money(line.deal.amount, line.deal.currency)

    @staticmethod
    def _status(status: Status) -> str:
        return f"s{_ORDER[status]}"

    @staticmethod
    def _codes(line: DealLine) -> Iterator[Safe]:
        for found in line.findings:
            yield el("span", found.code.name, class_="code", title=found.code.value)

    def _company(self, line: DealLine) -> Safe:
        anchor = self._anchors.get(line.account or "")
        return el("a", say.company(line), href=f"#{anchor}") if anchor else join([say.company(line)])


def _kind(meeting: MeetingView) -> str:
    """Say how a meeting is drawn."""
    if meeting.status.gone or meeting.level is Level.WITHDRAWN:
        return "gone"
    if meeting.level >= Level.FIRM:
        return "owned" if meeting.level is Level.OWNED else "firm"
    return "maybe" if meeting.level is Level.SOFT else "asked"
