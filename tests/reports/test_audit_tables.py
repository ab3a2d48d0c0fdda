from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsignal.reports.audit_tables import TABLES, audit_csv, audit_markdown
from calsignal.reports.safe import markdown, spreadsheet
from calsignal.score.audit import AuditResult
from reports import audit_samples as samples

FORMULA = re.compile(r"^\s*[=+\-@\t\r]")


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


# --- CSV --------------------------------------------------------------------------------------------------------------


def test_every_open_deal_is_one_row_with_its_findings_and_question() -> None:
    found = rows(audit_csv(samples.audit()))

    assert len(found) == len(samples.LINES)
    first = found[0]
    assert (first["account"], first["amount"], first["currency"]) == ("Juniper Retail", "480000", "EUR")
    assert (first["findings"], first["status"], first["calendar-backed"]) == ("F2 F4", "STALLED", "no")
    assert first["question"] == "What has Juniper Retail done in a calendar, not said, that makes this a commit?"
    assert found[-1]["amount"] == ""


def test_numbers_and_days_are_fit_for_programs() -> None:
    by_deal = {row["deal"]: row for row in rows(audit_csv(samples.audit()))}

    assert by_deal["Support plan"]["amount"] == "18500.50"
    assert by_deal["Lens pilot"]["closes"] == "2026-03-31"
    assert by_deal["Lens pilot"]["next meeting"] == "2026-03-16"
    assert by_deal["Lens pilot"]["calendar-backed"] == "yes"


def test_every_rate_has_its_n_its_bound_and_its_place() -> None:
    rita, *_, everybody = rows(audit_csv(samples.audit(), "reps"))

    assert (rita["rebooked"], rita["rebooked n"], rita["rebooked place"]) == ("0.5833", "12", "2")
    assert rita["rebooked bound"] == "0.3195"  # 7 of 12, lower bound at 95 %
    assert rita["pushed bound"] == "0.3994"  # 2 of 14, upper bound
    assert everybody["rep"] == "everybody"
    assert rows(audit_csv(samples.audit(), "reps"))[2]["rebooked"] == "too few"


def test_unknown_is_an_empty_cell() -> None:
    oak = next(row for row in rows(audit_csv(samples.audit(), "accounts")) if row["account"] == "Oak Insurance")

    assert (oak["score"], oak["our hours"], oak["mobilizers"]) == ("", "", "")


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("made", [samples.audit(), samples.hostile(), samples.empty()], ids=["well", "bad", "empty"])
def test_every_table_is_square_and_no_cell_is_a_formula(name: str, made: AuditResult) -> None:
    head, *body = csv.reader(io.StringIO(audit_csv(made, name)))

    assert len(set(head)) == len(head)
    for row in body:
        assert len(row) == len(head)
        assert not [cell for cell in row if FORMULA.match(cell)]
        assert not [cell for cell in row if re.search("[\x00-\x1f\x7f-\x9f\u202e]", cell)]


@pytest.mark.parametrize("name", TABLES)
def test_no_formula_appears_where_a_spreadsheet_splits_at_semicolons(name: str) -> None:
    for row in csv.reader(io.StringIO(audit_csv(samples.hostile(), name)), delimiter=";"):
        assert not [cell for cell in row if FORMULA.match(cell)]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(1)", "'@SUM(1)"),
        ("\t=1", "'=1"),
        ("\uff1d1", "'\uff1d1"),
        ("a;=1", "a;'=1"),
        ('a; "=1', "a;' \"=1"),
        ("Tom - Ann", "Tom - Ann"),
        ("1 = 1", "1 = 1"),
    ],
)
def test_what_could_be_a_formula_gets_an_apostrophe(text: str, cell: str) -> None:
    assert spreadsheet(text) == cell


@given(st.text(st.characters(), max_size=30))
def test_no_text_makes_a_formula(text: str) -> None:
    assert not FORMULA.match(spreadsheet(text))


# --- Markdown ---------------------------------------------------------------------------------------------------------


def test_markdown_says_what_to_ask_first_and_every_part() -> None:
    text = audit_markdown(samples.unwell(), with_contest=True, backtest=samples.BACKTEST)

    assert "1. **480,000 EUR** Juniper Retail · Rollout, 40 stores (tom@ours.example, STALLED): F2 F4 " in text
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings == [
        "Ask first",
        "Forecast",
        "Findings",
        "Reps",
        "Eats our hours, and no buyer committed",
        "Buyers give time, and no deal is open",
        "Calendars",
        "Contest",
        "Backtest",
        "4 weeks before: 51 deals that existed then",
        "8 weeks before: 47 deals that existed then",
        "12 weeks before: 43 deals that existed then",
        "Unknown deals, in every total",
    ]
    assert f"**{samples.NOTICE}**" in text
    assert text.index(samples.NOTICE) < text.index("Juniper")
    assert "A coaching aid, not for pay or employment decisions." in text


def test_nothing_to_ask_is_said() -> None:
    assert "No open deal has a finding." in audit_markdown(samples.empty())


def test_every_row_of_a_markdown_table_has_as_many_cells_as_its_head() -> None:
    for made in (samples.audit(), samples.hostile(), samples.empty()):
        for table in re.findall(r"(?:^\|.*\|$\n?)+", audit_markdown(made, with_contest=True), re.MULTILINE):
            counts = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
            assert len(counts) == 1


def test_strangers_make_no_html_no_link_and_no_emphasis() -> None:
    text = audit_markdown(samples.hostile(), with_contest=True)

    assert "<" not in text
    assert not re.search(r"(?<!\\)\[", text)
    assert "http://" not in text
    assert "https://" not in text
    assert "\\*b\\*" in text


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("a|b", r"a\|b"),
        ("<b>&", "&lt;b&gt;&amp;"),
        ("www.evil.example", r"www\.evil.example"),
        ("https://evil.example", r"https\://evil.example"),
        ("`x` _y_ ![z](u)", r"\`x\` \_y\_ \!\[z\](u)"),
        ("line\nbreak", "line break"),
    ],
)
def test_markup_is_shown_as_it_is(text: str, written: str) -> None:
    assert markdown(text) == written
