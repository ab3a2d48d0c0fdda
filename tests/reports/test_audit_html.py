from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calsignal.model import Status
from calsignal.reports import audit_words as say
from calsignal.reports.audit_html import audit_html
from calsignal.reports.html.charts import Arrow, Bar, Column, Share, Spot, bars, columns, shares, spark, timeline
from calsignal.reports.html.elements import Safe, document, el, join, text
from calsignal.reports.html.frame import DETAILED
from calsignal.score.audit import AuditResult, Finding
from calsignal.score.forecast import totalled
from reports import audit_samples as samples
from reports.audit_samples import audit, deal, line
from reports.samples import at, meeting

VOID = {"br", "meta", "input"}
OPTIONAL = {"tr", "td", "th"}  # end tags that HTML lets us leave out
AUDITS: Mapping[str, AuditResult] = {
    "audit": samples.audit(),
    "empty": samples.empty(),
    "hostile": samples.hostile(),
    "unwell": samples.unwell(),
}
every_page = pytest.mark.parametrize("made", AUDITS.values(), ids=AUDITS.keys())


@dataclass
class Reader(HTMLParser):
    """Reads a page as a browser would, and remembers its elements and its text."""

    open: list[str] = field(default_factory=list)
    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open[-1] != tag and self.open[-1] in OPTIONAL:
            self.open.pop()
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        if "script" not in self.open and "style" not in self.open:
            self.words.append(data)


def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    return reader


def of(reader: Reader, tag: str) -> Iterator[dict[str, str | None]]:
    return (attributes for name, attributes in reader.elements if name == tag)


def shown(made: AuditResult) -> str:
    return " ".join(" ".join(read(audit_html(made, with_contest=True, backtest=samples.BACKTEST)).words).split())


# --- nothing runs, nothing is asked for -------------------------------------------------------------------------------


@every_page
def test_a_page_is_well_formed_and_names_are_used_once(made: AuditResult) -> None:
    reader = read(audit_html(made, with_contest=True, backtest=samples.BACKTEST))

    assert reader.wrong == []
    assert reader.open == []
    names = [attributes["id"] for _, attributes in reader.elements if "id" in attributes]
    assert len(names) == len(set(names))


@every_page
def test_every_link_and_label_leads_somewhere_on_the_page(made: AuditResult) -> None:
    reader = read(audit_html(made, with_contest=True))
    names = {attributes.get("id") for _, attributes in reader.elements}

    assert all(str(a["href"]).startswith("#") and str(a["href"])[1:] in names for a in of(reader, "a"))
    labelled = [attributes["aria-labelledby"] for _, attributes in reader.elements if "aria-labelledby" in attributes]
    assert labelled
    assert set(labelled) <= names


@every_page
def test_a_page_holds_one_script_and_one_style_and_the_policy_allows_only_these(made: AuditResult) -> None:
    page = audit_html(made)

    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    policy = next(m["content"] for m in of(read(page), "meta") if m.get("http-equiv") == "Content-Security-Policy")
    assert policy == (
        f"default-src 'none'; style-src {digest(style)}; script-src {digest(script)}; "
        "base-uri 'none'; form-action 'none'"
    )


def digest(body: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()}'"


@every_page
def test_no_element_can_ask_for_anything_or_run_what_a_stranger_wrote(made: AuditResult) -> None:
    reader = read(audit_html(made, with_contest=True))

    allowed = set(
        "html head meta title style body a svg defs pattern path marker header h1 p nav ul li main div section h2 "
        "small ol span figure figcaption strong rect text table caption thead tbody tr th td br h3 circle line "
        "polyline details summary dl dt dd label input button footer script".split()
    )
    assert {tag for tag, _ in reader.elements} <= allowed
    for _, attributes in reader.elements:
        assert not {name for name in attributes if name.startswith("on")}
        assert not {"src", "style", "action", "srcset", "xlink:href", "formaction"} & attributes.keys()


def test_what_strangers_write_is_shown_as_text() -> None:
    words = shown(samples.hostile())

    assert samples.SCRIPT in words
    assert samples.FORMULA in words
    assert "Lunch REAL 99.9 gnp.exe" in words
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202e]", audit_html(samples.hostile()))


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(), max_size=40))
def test_whatever_a_stranger_writes_an_element_holds_it_as_text(words: str) -> None:
    reader = read(el("p", words, title=words))

    assert [tag for tag, _ in reader.elements] == ["p"]
    assert reader.wrong == []
    assert re.search('[<>"]', "".join(el("p", words).removeprefix("<p>").removesuffix("</p>"))) is None


def test_blanks_beside_a_word_stay() -> None:
    assert join([text(" a "), text("b\n c")]) == " a b c"
    assert el("p", " ", None, Safe("<br>")) == "<p><br></p>"


def test_attributes_may_be_absent_bare_or_empty() -> None:
    assert el("td", data_v="", class_=None, hidden=True, open=False) == '<td data-v="" hidden></td>'


def test_a_page_begins_with_its_encoding_and_its_policy() -> None:
    begin = '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta http-equiv="Content-Security'
    assert document("x").startswith(begin)


# --- what it says -----------------------------------------------------------------------------------------------------


def test_the_first_questions_stand_before_everything_else() -> None:
    page = audit_html(samples.audit())
    first = " ".join(" ".join(read(page.partition('id="forecast"')[0]).words).split())

    for found in [one.findings[0] for one in say.with_findings(samples.audit())[:5]]:
        assert say.money(found.amount, found.currency) in first
        assert str(found.account) in first
        assert found.line in first
        assert f"Ask {say.first_name(str(found.owner))}: {found.question}" in first


def test_the_page_says_what_the_text_says() -> None:
    words = shown(samples.unwell())

    for said in (
        samples.NOTICE,
        "1,747,500.50 EUR open in 10 deals, 40 % calendar-backed (698,500.50)",
        "Not in the last import any more, and in no total: Quince · Jam line.",
        "1 deal without an amount, in no total.",
        "tom@ours.example: calendars cover 17 of 28 days, under 90%: not ranked",
        "yara@ours.example does not compete: no calendar is connected",
        "2 accounts with our hours on them, and no buyer committed",
        "No account has the name Petersen Brothers Holding.",
        "calendars: 3 fresh, 1 stale, 1 never read, 1 not connected",
        "won 18 of 22",
        "3 items could not be read",
        say.COACHING,
    ):
        assert said in words


def test_every_finding_stands_there_with_its_question() -> None:
    words = shown(samples.audit())

    for found in samples.FORECAST.findings:
        assert f"{found.code.name} {found.line} {found.question}" in words


def test_a_rate_of_few_draws_no_dot_and_says_too_few() -> None:
    rows = [Share("ann", 0.8, 0.49, 0.94, "80 %, n 10"), Share("bob", None, None, None, "too few, n 4")]

    drawn = shares(rows, "Coverage")

    assert drawn.count("<circle") == 1
    assert "too few, n 4" in drawn


def test_evidence_is_kept_for_300_accounts_largest_first_and_the_page_says_how_many() -> None:
    made = samples.large(4, 450, 2)  # three of four accounts have a deal: 337
    page = audit_html(made)

    cards = re.findall(r'<details class="card" id="a(\d+)">', page) or re.findall(r'id="a(\d+)"', page)
    assert len(cards) == DETAILED
    assert "the 300 largest of 337 accounts with an open deal; the others have a row below" in page
    assert "450, in order of rank; 150 of them have this row only" in page
    kept = {one.result.account.name for one in say.in_detail(made, DETAILED)}
    euros = [one for one in made.forecast.lines if one.deal.currency == "EUR"]
    assert min(one.deal.amount or 0 for one in euros if one.account in kept) >= max(
        one.deal.amount or 0 for one in euros if one.account not in kept
    )


def test_findings_without_room_stand_with_their_account() -> None:
    made = samples.large(4, 450, 2)
    lines = say.with_findings(made)
    here = len([one for one in lines if one.account in {a.result.account.name for a in say.in_detail(made, DETAILED)}])

    assert here < len(lines)
    assert f"; {here} of these deals are here, the codes of the others stand with their account below" in audit_html(
        made
    )


def test_a_thousand_unknown_deals_are_listed_and_the_rest_counted() -> None:
    unknown = [line(deal(n, f"A{n}", "x", "1"), Status.UNKNOWN, account=None) for n in range(1001)]

    page = audit_html(audit(forecast=totalled(unknown)))

    assert "+ 1 deal more: calsignal audit --format csv lists all." in page


def test_no_finding_and_no_deal_are_told_apart() -> None:
    fine = audit(forecast=totalled([line(deal(1, "Acme", "x", None, closes=None), Status.REAL)]))

    assert "No open deal has a finding." in audit_html(fine)
    assert "No deals are imported yet." in audit_html(samples.empty())


def test_what_was_left_out_of_a_metric_is_said() -> None:
    assert "2 left out" in shown(samples.audit())


def test_a_chance_to_win_stands_beside_the_score_once_it_is_calibrated() -> None:
    one = samples.ACCOUNTS[0]
    likely = replace(one, result=replace(one.result, win_probability=0.42))

    assert "Chance to win 42 %" in shown(audit(accounts=(likely,)))
    assert "Chance to win" not in shown(samples.audit())


# --- charts -----------------------------------------------------------------------------------------------------------


def test_a_chart_reads_itself_out() -> None:
    reader = read(audit_html(samples.audit()))
    labels = [str(a["aria-label"]) for a in of(reader, "svg") if a.get("role") == "img"]

    said = "Open amount by status in EUR: REAL 698,500.50 · 40 %; SOFT 80,000 · 5 %; STALLED 740,000 · 42 %"
    assert labels[0].startswith(said)
    assert any(
        label.startswith("Buyer-hours per week: 29 Dec 2025 9.0; ") and "2.9 so far" in label for label in labels
    )
    assert "Timeline of 4 meetings, 2 of them firm, and 3 moves" in labels


def test_bars_are_as_long_as_their_numbers_and_the_part_without_a_calendar_is_hatched() -> None:
    drawn = bars([Bar("commit", 100.0, "100", "fa", 25.0), Bar("omitted", 0.0, "0", "fa")], "x", width=200, names=50)

    widths = {a["class"]: float(str(a["width"])) for a in of(read(drawn), "rect")}
    assert widths["fa"] == 1.5  # nothing at all is still a line; the first is 25 % of the hatched one
    first = [float(str(a["width"])) for a in of(read(drawn), "rect")][:2]
    assert first[1] == pytest.approx(first[0] / 4, abs=0.1)


def test_the_week_that_still_runs_is_hatched() -> None:
    drawn = columns([Column("2 Mar", 3.0), Column("9 Mar", 1.0, whole=False)], "x")

    assert [a["class"] for a in of(read(drawn), "rect")] == ["fa", "hatch"]


def test_empty_charts_draw_nothing_and_do_not_fail() -> None:
    assert "<rect" not in bars([], "x")
    assert "<rect" not in columns([], "x")
    assert 'points=""' in spark([])


def test_a_move_is_an_arrow_from_the_old_day_to_the_new_one() -> None:
    first, last, today = date(2026, 1, 1), date(2026, 4, 11), date(2026, 3, 2)
    arrows = [
        Arrow(date(2026, 2, 10), date(2026, 3, 2), ours=True, said="later"),
        Arrow(date(2026, 3, 2), date(2026, 2, 10), ours=False, said="sooner"),
    ]
    spots = [Spot(date(2026, 3, 2), kind, kind) for kind in ("firm", "owned", "maybe", "asked", "gone")]

    drawn = timeline(spots, arrows, first, last, today, "x", width=1020)

    # a hundred days on a thousand pixels: 10 Feb is day 40, 2 Mar day 60
    later, sooner = (a for a in of(read(drawn), "path") if "marker-end" in a)
    assert (later["class"], later["marker-end"]) == ("later ours", "url(#tip)")
    assert str(later["d"]).startswith("M410 ")
    assert " 610 " in str(later["d"])
    assert (sooner["class"], sooner["marker-end"]) == ("sooner", "url(#back)")
    heights = [float(str(a["cy"])) for a in of(read(drawn), "circle")]
    assert len(set(heights)) == len(heights)  # meetings of one day stand below each other


def test_a_long_time_names_only_some_months() -> None:
    drawn = timeline([], [], date(2020, 1, 1), date(2026, 1, 1), date(2025, 1, 1), "x")

    assert drawn.count(">1 ") == 12  # 72 months in 2192 days: every sixth is named


def test_nothing_but_meetings_in_sight_is_drawn() -> None:
    old = meeting(at(3, 1, year=2020), 30, "Old")
    one = samples.ACCOUNTS[0]
    made = audit(accounts=(replace(one, result=replace(one.result, meetings=(old,), changes=())),))

    assert "Timeline of" not in audit_html(made)


def test_findings_of_every_code_are_marked_with_what_they_mean() -> None:
    titles = {a.get("title") for a in of(read(audit_html(samples.audit())), "span")}

    assert {finding.value for finding in Finding} <= titles
