"""The page of a digest in a real browser: it fits a phone, asks for nothing, and is fit for a dark screen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from calsignal.reports.digest_html import digest_html
from reports import samples

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.mark.parametrize("width", [390, 800])
@pytest.mark.parametrize("name", ["digest", "hostile"])
def test_it_fits_and_asks_for_nothing(browser: Browser, tmp_path: Path, width: int, name: str) -> None:
    file = tmp_path / "digest.html"
    file.write_text(digest_html(getattr(samples, name)()), encoding="utf-8", errors="replace")
    page = browser.new_page(viewport={"width": width, "height": 800})
    asked: list[str] = []
    said: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))

    page.goto(file.as_uri())

    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert (asked, said) == ([file.as_uri()], [])
    page.close()


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_every_word_stands_out_from_what_is_behind_it(
    browser: Browser, tmp_path: Path, scheme: str, dark: bool
) -> None:
    file = tmp_path / "digest.html"
    file.write_text(digest_html(samples.unwell()), encoding="utf-8")
    page = browser.new_page(color_scheme="dark" if dark else "light")

    page.goto(file.as_uri())

    worst = page.evaluate(_WORST)
    assert worst["ratio"] >= 4.5, worst  # WCAG 2.2, 1.4.3
    assert worst["checked"] > 20
    page.close()


_WORST = """() => {
  const parse = (text) => text.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
    .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const found = parse(getComputedStyle(node).backgroundColor);
      if (found.length === 3 || found[3] > 0) return found;
    }
    return [255, 255, 255];
  };
  let worst = {ratio: 99, checked: 0};
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let checked = 0;
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !node.getClientRects().length) continue;
    const [a, b] = [light(parse(getComputedStyle(node).color)), light(behind(node))].sort((x, y) => y - x);
    checked += 1;
    if ((a + 0.05) / (b + 0.05) < worst.ratio)
      worst = {ratio: (a + 0.05) / (b + 0.05), text: walker.currentNode.data, color: getComputedStyle(node).color};
  }
  return {...worst, checked};
}"""
