"""What the parts of the audit's page share: sections, tables that sort, and how deals and accounts are named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from zoneinfo import ZoneInfo

from calsignal.model import Status
from calsignal.reports import audit_words as say
from calsignal.reports.html.elements import Safe, el, join
from calsignal.reports.words import Calendar
from calsignal.score.audit import AccountAudit, AuditResult, DealFinding, DealLine

DETAILED = 300  # accounts with evidence and a timeline; other lists end there too
ORDER = {status: number for number, status in enumerate(Status)}
_MARKS = {"text": None, "number": "n", "status": None}


def section(name: str, title: str, note: str | None, *children: Safe | None, far: bool = False) -> Safe:
    """Return a part of the page with its heading; `far` ones are laid out when they come into sight."""
    heading = el("h2", title, el("small", note) if note else None, id=f"{name}-title")
    return el("section", heading, *children, id=name, aria_labelledby=f"{name}-title", class_="far" if far else None)


def sortable(name: str, caption: str, titles: Iterable[tuple[str, str]], *bodies: Safe, size: str = "") -> Safe:
    """Return a table that sorts, in a frame that scrolls by itself where the page is narrow.

    Each title comes with how its column sorts: `text`, `number`, `status`, or `says` for prose, which does not.
    """
    heads = (
        el("th", title, scope="col", class_="says")
        if kind == "says"
        else el("th", title, scope="col", data_sort=kind, aria_sort="none", class_=_MARKS[kind])
        for title, kind in titles
    )
    top = el("caption", el("span", caption), id=f"{name}-caption")
    grid = el("table", top, el("thead", el("tr", *heads)), *bodies, class_=f"sortable {size}".strip(), id=name)
    return el("div", grid, class_="scroll", role="region", tabindex=0, aria_labelledby=f"{name}-caption")


def cell(*children: str | None, key: object = None, class_: str | None = None) -> Safe:
    """Return a cell; `key` is what it sorts by, where that is not its text. An empty key is unknown."""
    return el("td", *children, data_v=key, class_=class_)


def number(*children: str | None, key: object = None) -> Safe:
    """Return a cell with a number."""
    return cell(*children, key=key, class_="n")


def row(name: str | Safe, *cells: Safe) -> Safe:
    """Return a row of a table whose first cell names it."""
    return el("tr", el("th", name, scope="row"), *cells)


def bullets(texts: Iterable[str]) -> Safe | None:
    """Return a list, or nothing where it is empty."""
    items = [el("li", text) for text in texts]
    return el("ul", *items, class_="plain") if items else None


def warning(text: str) -> Safe | None:
    """Return a notice that cannot be overlooked, or nothing where there is none."""
    return el("p", text, class_="notice") if text else None


def strong_then(strong: str, rest: str) -> Safe:
    """Return the caption of a chart."""
    return el("figcaption", el("strong", strong), rest)


def money(line: DealLine) -> str:
    """Write the amount of a deal."""
    return say.money(line.deal.amount, line.deal.currency)


def status(of: Status, *, stale: bool = False) -> Safe:
    """Return a status: a mark, its name, its colour, and a question mark where it may be out of date."""
    return el("span", of.value + ("?" if stale else ""), class_=f"s{ORDER[of]}")


def status_cell(of: Status, *, stale: bool = False) -> Safe:
    """Return a cell that is a status."""
    return cell(of.value + ("?" if stale else ""), class_=f"s{ORDER[of]}")


def codes(findings: Iterable[DealFinding]) -> Safe:
    """Return the codes of findings; what they mean shows under the pointer."""
    return join((el("span", one.code.name, class_="code", title=one.code.value) for one in findings), " ")


def sentences(line: DealLine) -> Iterator[Safe]:
    """Yield each finding of a deal with its reason and the question to ask."""
    for found in line.findings:
        code, question = el("span", found.code.name, class_="code"), el("span", found.question, class_="ask")
        yield el("p", code, f" {found.line} ", question)


class Frame:
    """The audit, the words for its moments, and where on the page an account has its evidence."""

    def __init__(self, result: AuditResult) -> None:
        self.result = result
        self.calendar = Calendar(result.head.as_of, ZoneInfo(result.head.timezone))
        self.detailed = say.in_detail(result, DETAILED)
        self.anchors = {one.result.account.name: f"a{place}" for place, one in enumerate(self.detailed, 1)}
        self.lines: dict[str, list[DealLine]] = {}
        for line in say.in_order(result.forecast.lines):
            if line.account is not None:
                self.lines.setdefault(line.account, []).append(line)

    def link(self, account: str | None, words: str) -> Safe:
        """Return words that lead to an account's evidence, where there is any."""
        anchor = self.anchors.get(account or "")
        return el("a", words, href=f"#{anchor}") if anchor else join([words])

    def deals_of(self, one: AccountAudit) -> list[DealLine]:
        """Return the open deals of an account, largest amount first."""
        return self.lines.get(one.result.account.name, [])
