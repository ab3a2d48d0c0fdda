"""The audit's page in a real browser: it opens, sorts, unfolds and prints, and asks for nothing outside."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from calsignal.reports.audit_html import audit_html
from calsignal.score.audit import AuditResult
from reports import audit_samples as samples

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

DESK, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
SHOTS = os.environ.get("CALSIGNAL_SHOTS", "")  # a folder that keeps the screenshots, to look at


@dataclass
class Seen:
    """A page that is open, what it complained of, and whom it asked for something."""

    page: Page
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def texts(self, selector: str) -> list[str]:
        return [text.strip() for text in self.page.locator(selector).all_inner_texts()]


Open = Callable[..., Seen]
Scheme = Literal["light", "dark"]


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Return what opens an audit as a file; at the end nothing may have been complained of or asked for."""
    seen: list[Seen] = []

    def show(made: AuditResult, size: dict[str, int] = DESK, scheme: Scheme = "light", *, script: bool = True) -> Seen:
        file = tmp_path / "audit.html"
        file.write_text(
            audit_html(made, with_contest=True, backtest=samples.BACKTEST), encoding="utf-8", errors="replace"
        )
        page = browser.new_page(viewport=size, color_scheme=scheme, java_script_enabled=script)  # type: ignore[arg-type]
        now = Seen(page)
        page.on("console", lambda message: now.complaints.append(message.text))
        page.on("pageerror", lambda error: now.complaints.append(str(error)))
        page.on("request", lambda request: now.asked.append(request.url))
        page.goto(file.as_uri())
        seen.append(now)
        return now

    yield show
    for now in seen:
        assert now.complaints == []
        assert [url for url in now.asked if not url.endswith("/audit.html")] == []
        now.page.close()


@pytest.fixture
def page(opened: Open) -> Seen:
    return opened(samples.audit())


@pytest.mark.parametrize("made", [samples.audit(), samples.unwell()], ids=["well", "unwell"])
def test_the_first_screen_names_the_five_largest_amounts_with_reason_and_question(
    opened: Open, made: AuditResult
) -> None:
    page = opened(made).page

    asks = page.locator(".asks li")
    assert asks.count() == 5
    for number, account in enumerate(("Juniper Retail", "Dahlia Optics", "Birch", "Fjord Shipping", "Moss Media")):
        box = asks.nth(number).bounding_box()
        assert box is not None
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= DESK["height"]
        said = asks.nth(number).inner_text()
        assert account in said
        assert re.search(r"\bF[1-7]\b", said)
        assert re.search(r"Ask \w+: .*\?", said)


def test_names_that_are_far_too_long_leave_room_for_all_five(opened: Open) -> None:
    page = opened(samples.wordy()).page

    last = page.locator(".asks li").nth(4).bounding_box()

    assert last is not None
    assert last["y"] + last["height"] <= DESK["height"]


# --- sorting ----------------------------------------------------------------------------------------------------------


def test_a_click_sorts_numbers_largest_first_and_another_one_the_other_way(page: Seen) -> None:
    amounts = page.page.get_by_role("button", name="Amount").first
    head = page.page.locator("#found thead th").first

    amounts.click()
    assert page.texts("#found tbody td:first-child")[:3] == ["480,000 EUR", "310,000 EUR", "260,000 EUR"]
    assert page.texts("#found tbody td:first-child")[-1] == "no amount"
    assert head.get_attribute("aria-sort") == "descending"

    amounts.click()
    assert page.texts("#found tbody td:first-child")[:2] == ["18,500.50 EUR", "41,000 USD"]
    assert page.texts("#found tbody td:first-child")[-1] == "no amount"  # unknown is last either way
    assert head.get_attribute("aria-sort") == "ascending"
    assert page.texts("#said") == ["Sorted by Amount, ascending."]


def test_the_keyboard_sorts_too(page: Seen) -> None:
    page.page.locator("#all thead th button").first.focus()

    page.page.keyboard.press("Enter")

    assert page.texts("#all tbody th")[:3] == ["Acme", "Birch", "Cedar"]
    assert page.page.locator("#all thead th").first.get_attribute("aria-sort") == "ascending"


def test_statuses_sort_by_rank_and_days_by_date(page: Seen) -> None:
    page.page.locator("#found").get_by_role("button", name="Status").click()
    statuses = page.texts("#found tbody td:nth-child(3)")
    assert statuses == ["REAL"] * 3 + ["SOFT"] * 2 + ["STALLED"] * 2 + ["NEW", "LOST"]

    page.page.locator("#found").get_by_role("button", name="Closes").click()
    assert page.texts("#found tbody td:nth-child(4)")[0].startswith("Fri 27 Feb")


def test_too_few_is_no_number_and_the_rows_of_teams_stay_below(page: Seen) -> None:
    page.page.locator("#rep-table").get_by_role("button", name="Rebooked").click()

    names = page.texts("#rep-table tbody th")
    assert names[0] == "uma@ours.example"  # 69 %
    assert set(names[4:6]) == {"vic@ours.example", "yara@ours.example"}  # too few, and nothing to count
    assert names[6:] == ["North", "South", "everybody"]


def test_rows_are_found_by_what_they_say(page: Seen) -> None:
    page.page.get_by_role("searchbox", name="Find").fill("juniper")

    assert page.texts("#all tbody tr:not([hidden]) th") == ["Juniper Retail"]
    assert page.texts("#said") == ["1 of 15 rows."]

    page.page.get_by_role("searchbox", name="Find").fill("")
    assert len(page.texts("#all tbody tr:not([hidden]) th")) == 15


def test_of_a_long_table_500_rows_are_shown_until_all_are_asked_for(opened: Open) -> None:
    page = opened(samples.large(4, 620, 2)).page
    rows = page.locator("#all tbody tr:not([hidden])")
    assert rows.count() == 500

    page.get_by_role("searchbox", name="Find").fill("company 00619")
    assert rows.count() == 1
    page.get_by_role("searchbox", name="Find").fill("")
    page.locator("#all").get_by_role("button", name="Account").click()
    page.locator("#all").get_by_role("button", name="Account").click()
    assert rows.count() == 500
    assert "00619" in rows.first.inner_text()
    page.get_by_role("button", name="show all 620").click()

    assert rows.count() == 620


# --- unfolding --------------------------------------------------------------------------------------------------------


def test_evidence_unfolds_by_click_by_key_and_by_link(page: Seen) -> None:
    first, second = page.page.locator("#cards details").nth(0), page.page.locator("#cards details").nth(1)
    assert not first.locator(".inside").is_visible()

    first.locator("summary").click()
    assert first.locator("svg").is_visible()
    second.locator("summary").focus()
    page.page.keyboard.press("Space")
    assert second.locator(".inside").is_visible()
    page.page.locator(".asks a", has_text="Birch").click()
    assert page.page.locator("#a3 .inside").is_visible()


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
def test_a_link_leads_to_its_place_though_much_above_it_was_never_laid_out(opened: Open, size: dict[str, int]) -> None:
    page = opened(samples.large(30, 400, 2), size).page

    for link in (".asks li:nth-child(5) a", "nav a[href='#accounts']", "nav a[href='#coverage']"):
        target = page.locator(str(page.locator(link).get_attribute("href")))
        page.locator(link).click()
        page.wait_for_function(
            "element => Math.abs(element.getBoundingClientRect().top - 56) < 3", arg=target.element_handle()
        )
        page.evaluate("scrollTo(0, 0)")


def test_all_open_and_all_close_at_once(page: Seen) -> None:
    page.page.get_by_role("button", name="Open all").click()
    assert page.page.locator("#cards details[open]").count() == 11

    page.page.get_by_role("button", name="Close all").click()
    assert page.page.locator("#cards details[open]").count() == 0


def test_the_first_tab_leads_past_the_navigation(page: Seen) -> None:
    page.page.keyboard.press("Tab")
    page.page.keyboard.press("Enter")

    assert page.page.evaluate("document.activeElement.id") == "report"


def test_landmarks_tables_and_charts_have_names(page: Seen) -> None:
    tree = page.page.locator("body").aria_snapshot()

    for part in ("banner", "navigation", "main", "contentinfo"):
        assert f"- {part}" in tree
    assert 'table "Open deals with a finding, largest first."' in tree
    assert 'img "Open amount by status in EUR: REAL 698,500.50 · 40 %;' in tree
    assert page.page.locator("table:not(:has(caption))").count() == 0
    assert page.page.locator("svg:not([role=img]):not([aria-hidden])").count() == 0


# --- paper, phones, and no script -------------------------------------------------------------------------------------


def test_it_prints_on_white_paper_with_everything_that_is_open(opened: Open, tmp_path: Path) -> None:
    seen = opened(samples.audit(), scheme="dark")
    file = tmp_path / "audit.pdf"

    seen.page.pdf(path=file, format="A4", print_background=True)

    pdf = file.read_bytes()
    assert pdf.startswith(b"%PDF-")
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", pdf)) <= 12
    seen.page.emulate_media(media="print")
    assert seen.page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not seen.page.locator("nav").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("name", "size"), [("phone", PHONE), ("desk", DESK)])
@pytest.mark.parametrize("made", [samples.audit(), samples.hostile()], ids=["well", "hostile"])
def test_a_page_never_scrolls_sideways_and_can_be_looked_at(
    opened: Open, made: AuditResult, name: str, size: dict[str, int], scheme: str, tmp_path: Path
) -> None:
    page = opened(made, size, scheme).page
    page.evaluate("for (const part of document.querySelectorAll('.far')) part.classList.remove('far')")

    assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
    shot = page.screenshot(full_page=True)
    assert shot.startswith(b"\x89PNG")
    if SHOTS:
        kind = "well" if made.team is None else "hostile"
        (Path(SHOTS) / f"audit-{kind}-{name}-{scheme}.png").write_bytes(shot)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_what_is_behind_them(opened: Open, scheme: str) -> None:
    page = opened(samples.audit(), DESK, scheme).page

    # WCAG 2: at least 4.5 to 1
    assert page.evaluate(CONTRASTS) == []


CONTRASTS = """() => {
    const light = (rgb) => {
        const [r, g, b] = rgb.match(/[\\d.]+/g).slice(0, 3).map((value) => {
            const part = value / 255;
            return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
        for (let one = element; one; one = one.parentElement) {
            const colour = getComputedStyle(one).backgroundColor;
            if (!/rgba\\(.*, 0\\)/.test(colour)) return colour;
        }
        return "rgb(255, 255, 255)";
    };
    const bad = [];
    for (const kind of ["h1", "header p", ".soft", "small", ".ask", ".code", ".s0", ".s1", ".s2", ".s3", ".s4", ".s5",
                        ".s6", "caption span", "thead th", "nav a", "td", ".fixed small"]) {
        const element = document.querySelector(kind);
        if (!element) continue;
        const [a, b] = [light(getComputedStyle(element).color), light(behind(element))];
        const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
        if (ratio < 4.5) bad.push(`${kind}: ${ratio.toFixed(2)}`);
    }
    return bad;
}"""


def test_without_a_script_everything_can_still_be_read(opened: Open) -> None:
    page = opened(samples.audit(), script=False).page

    page.locator("#cards summary").first.click()

    assert page.locator("#a1 .inside").is_visible()
    assert page.locator("#all tbody tr").count() == 15
    assert page.get_by_role("button").count() == 0


# --- strangers --------------------------------------------------------------------------------------------------------


def test_what_strangers_write_does_nothing(opened: Open) -> None:
    page = opened(samples.hostile()).page
    page.get_by_role("button", name="Open all").click()

    assert page.title().startswith("Audit of team </script>")
    assert page.locator("img, iframe, object, embed, form, link, base").count() == 0
    assert page.locator("script").count() == 1
    assert (
        samples.SCRIPT in page.locator(".asks").inner_text().replace("\n", " ") or page.locator("#found").is_visible()
    )


def test_the_policy_stops_a_script_that_is_not_ours(browser: Browser, tmp_path: Path) -> None:
    file = tmp_path / "changed.html"
    text = audit_html(samples.audit()).replace("</main>", "<script>document.title='owned'</script></main>")
    file.write_text(text, encoding="utf-8")
    page = browser.new_page()

    page.goto(file.as_uri())

    assert page.title().startswith("Audit of the whole team")
    page.close()
