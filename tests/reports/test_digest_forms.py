"""The digest as CSV, Markdown and HTML, and as the few lines of a chat."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calsignal.model import Status
from calsignal.reports.digest_html import digest_html
from calsignal.reports.digest_tables import digest_csv, digest_markdown
from calsignal.reports.notes import TOP, audit_letter, digest_letter
from calsignal.reports.safe import clean
from calsignal.score.result import Digest
from reports import audit_samples, samples

ALL = {
    "well": samples.digest(),
    "empty": samples.empty(),
    "crowd": samples.crowd(),
    "hostile": samples.hostile(),
    "unwell": samples.unwell(),
}
every = pytest.mark.parametrize("digest", ALL.values(), ids=ALL.keys())
FORMULA = re.compile(r"^\s*[=+\-@]")
VOID = frozenset({"meta", "br", "input"})


class Page(HTMLParser):
    """Reads a page as a browser does: elements that match, and everything that would be fetched or run."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.fetched: list[str] = []
        self.words: list[str] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.fetched += [f"{name}={value}" for name, value in attrs if name in ("src", "href") or name.startswith("on")]
        self.fetched += [str(value) for _, value in attrs if "url(" in str(value)]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


# --- HTML -------------------------------------------------------------------------------------------------------------


def test_the_page_people_get(gold: Callable[[str, str], None]) -> None:
    gold("digest-html", digest_html(samples.digest()))


@every
def test_a_mail_program_needs_tables_and_styles_and_nothing_else(digest: Digest) -> None:
    page = Page(digest_html(digest))

    assert page.fetched == []
    assert page.tags <= {
        *("html", "head", "meta", "title", "style", "body", "div", "table", "tr", "td"),
        *("h1", "h2", "strong", "span", "code"),
    }
    assert "flex" not in digest_html(digest)
    assert "grid" not in digest_html(digest)


@every
def test_the_page_says_what_the_text_says(digest: Digest) -> None:
    page = Page(digest_html(digest, show_all=True)).text

    for result in digest.accounts:
        assert clean(result.account.name) in page
    if digest.first_action:
        assert "First:" in page
    for status in {result.status for result in digest.accounts if result.rank is not None}:
        assert status.value in page


def test_a_crowd_is_counted() -> None:
    short, whole = digest_html(samples.crowd()), digest_html(samples.crowd(), show_all=True)

    assert "more (calsignal digest --all)" in short
    assert "more (calsignal digest --all)" not in whole
    assert len(whole) > len(short)


def test_without_an_account_the_next_step_is_there() -> None:
    assert "calsignal accounts add" in digest_html(samples.empty())


def test_what_is_wrong_is_told() -> None:
    text = Page(digest_html(samples.unwell())).text

    assert "TO MEND" in text
    assert "REAL?" in text


def test_unknown_is_never_shown_as_zero() -> None:
    unknown = samples.result("Oak", Status.UNKNOWN, "The calendar of the owner is not connected.")
    made = samples.digest((unknown,))

    assert "0.0" not in Page(digest_html(made)).text
    assert digest_csv(made).splitlines()[1].startswith("Oak,1,prospect,rita@ours.example,UNKNOWN,no,0,,")
    assert "| Oak | UNKNOWN |" in digest_markdown(made)
    assert "0.0" not in digest_markdown(made)


@given(st.text(st.characters(), max_size=30))
def test_nothing_a_stranger_wrote_is_an_element(text: str) -> None:
    made = samples.digest((samples.result(f"<script>{text}</script>", Status.REAL, f'"><img src=x onerror={text}>'),))

    page = Page(digest_html(made))

    assert page.tags.isdisjoint({"script", "img"})
    assert page.fetched == []


# --- tables -----------------------------------------------------------------------------------------------------------


def test_the_table_people_read(gold: Callable[[str, str], None]) -> None:
    gold("digest-markdown", digest_markdown(samples.digest()))


@every
def test_every_account_is_a_row_and_no_cell_a_formula(digest: Digest) -> None:
    head, *rows = csv.reader(io.StringIO(digest_csv(digest)))

    assert len(rows) == len(digest.accounts)
    assert all(len(row) == len(head) for row in rows)
    assert not [cell for row in rows for cell in row if FORMULA.match(cell)]


@every
def test_markdown_holds_no_markup_of_a_stranger(digest: Digest) -> None:
    text = digest_markdown(digest)

    assert not re.search(r"<(?!/?$)[a-z]|\x1b|\u202e", text)
    for line in text.splitlines():
        if line.startswith("| "):
            assert len(re.findall(r"(?<!\\)\|", line)) == 6, line


def test_markdown_tells_what_is_wrong_and_what_to_do() -> None:
    assert "## To mend" in digest_markdown(samples.unwell())
    assert "- `calsignal accounts add" in digest_markdown(samples.empty())


# --- letters ----------------------------------------------------------------------------------------------------------


@every
def test_a_letter_holds_every_form(digest: Digest) -> None:
    letter = digest_letter(digest)

    assert letter.text.count("\n") > 2
    assert letter.html.startswith("<!doctype html>")
    assert len(letter.note.lines) <= 4 + 5 * (TOP + 1)
    assert all(span.text.isprintable() for line in letter.note.lines for span in line)


@every
def test_a_subject_names_no_account(digest: Digest) -> None:
    subject = digest_letter(digest).subject

    assert subject.startswith(("Your morning, Mon 16 Mar", "The team's morning, Mon 16 Mar"))
    for result in digest.accounts:
        assert result.account.name not in subject


def test_a_note_begins_with_what_to_do_first() -> None:
    note = digest_letter(samples.digest()).note

    bold = [line[0].text for line in note.lines if line[0].bold]
    assert note.title == "Mon 16 Mar · rita@ours.example"
    assert bold[0].startswith("First: ")


def test_a_note_tells_what_is_wrong() -> None:
    assert any(line[0].text == "To mend:" for line in digest_letter(samples.unwell()).note.lines)


def test_an_audit_brings_its_questions_and_its_page() -> None:
    letter = audit_letter(audit_samples.audit(), with_contest=True)

    assert re.fullmatch(r"Audit, Mon 16 Mar: \d+ deals to ask about", letter.subject)
    assert "480,000 EUR Juniper Retail" in letter.note.plain()
    [page] = letter.attachments
    assert page.name == "audit-2026-03-16.html"
    assert page.content.startswith(b"<!doctype html>")
    assert "open audit-2026-03-16.html in a browser" in Page(letter.html).text


@pytest.mark.parametrize("made", ["hostile", "empty", "unwell"])
def test_any_audit_makes_a_letter(made: str) -> None:
    letter = audit_letter(getattr(audit_samples, made)())

    assert Page(letter.html).fetched == []
    assert all(span.text.isprintable() for line in letter.note.lines for span in line)
    assert letter.note.lines[-1][0].text == "A coaching aid, not for pay or employment decisions."
