"""The audit's page of 500 reps and 10,000 accounts: how large it is, how long it takes to write and to open.

    python benchmarks/report.py [REPS] [ACCOUNTS]

Opens the page in Debian's chromium through playwright, three times in a new tab; the aim is under 5 MB and 2 s.
Only the size and the requests can fail: milliseconds depend on the machine.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from playwright.sync_api import sync_playwright

from browser.machine import ARGUMENTS
from calsignal.reports.audit_html import audit_html
from reports.audit_samples import large

MOST = 5_000_000  # bytes
OPENED = """() => {
    const entry = performance.getEntriesByType("navigation")[0];
    const paint = performance.getEntriesByName("first-contentful-paint")[0];
    return [entry.domInteractive, entry.loadEventEnd, paint ? paint.startTime : NaN];
}"""


def main(reps: int = 500, accounts: int = 10_000) -> None:
    made = large(reps, accounts)
    began = time.perf_counter()
    text = audit_html(made, with_contest=True).encode()
    written = time.perf_counter() - began
    print(f"{reps} reps, {accounts} accounts, {len(made.forecast.lines)} open deals")
    print(f"written in {written:.1f} s: {len(text) / 1e6:.2f} MB")
    with tempfile.TemporaryDirectory() as folder:
        page = Path(folder) / "audit.html"
        page.write_bytes(text)
        requests = _open(page.as_uri())
    if len(text) > MOST or requests:
        sys.exit(f"too large, or it asks for something: {len(text)} bytes, {requests}")


def _open(address: str) -> list[str]:
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        for _ in range(3):
            tab = browser.new_page(viewport={"width": 1280, "height": 800})
            tab.on("request", lambda request: None if request.url == address else asked.append(request.url))
            began = time.perf_counter()
            tab.goto(address)
            whole = time.perf_counter() - began
            parsed, loaded, painted = (value / 1000 for value in tab.evaluate(OPENED))
            sorting = _sorting(tab)
            print(
                f"opened in {whole:.2f} s: first paint {painted:.2f}, parsed {parsed:.2f}, loaded {loaded:.2f}; "
                f"all accounts brought into sight and sorted in {sorting:.2f} s"
            )
            tab.close()
        browser.close()
    return asked


def _sorting(tab: object) -> float:
    script = "() => { const t = performance.now(); document.querySelector('#accounts').scrollIntoView(); document.querySelector('#all th button').click(); document.body.offsetHeight; return performance.now() - t; }"  # noqa: E501
    return float(tab.evaluate(script)) / 1000  # type: ignore[attr-defined]


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
