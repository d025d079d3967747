# SPDX-License-Identifier: Apache-2.0
"""`python -m deploy.bench.felt_speed`: how soon a page of a 2,000-device hospital stands in a real browser.

Makes the ledger (`pages_material`), starts a real collector and a headless Chromium, and opens each page several
times as one signed-in person. Printed are the medians of the browser's own clock (Navigation Timing, W3C): first byte
after the request left; page ready (the end of DOMContentLoaded, its scripts included); and, for the search field of
the ledger, from the last key until the new list is painted, with the wait that the page makes before it asks. The
named alternative is /healthz of the same collector in the same browser: what a page without any content takes.
"""

import argparse
import shutil
import statistics
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import BrowserContext, Page, sync_playwright

from deploy.bench import pages_material
from deploy.bench.pages import collector
from deploy.bench.pages_people import sign_in_all
from inventory_db import tables

_TIMING = """() => {
  const found = performance.getEntriesByType("navigation")[0];
  return [found.responseStart - found.requestStart, found.domContentLoadedEventEnd - found.startTime, found.transferSize];
}"""
# The time from setting the field until the new list is painted; what the page waits before it asks is in it.
_SEARCH = """word => new Promise(done => {
  const field = document.querySelector("#q"), list = document.querySelector("#rows").parentElement;
  const begun = performance.now();
  const painted = () => requestAnimationFrame(() => setTimeout(() => done(performance.now() - begun)));
  const watch = new MutationObserver(() => { watch.disconnect(); painted(); });
  watch.observe(list, {childList: true, subtree: true});
  field.focus();
  field.value = word;
  field.dispatchEvent(new Event("input", {bubbles: true}));
})"""


def pages(devices: int) -> Iterator[str]:
    """Give the addresses of the main pages, the device pages in turn."""
    yield from ("/today", "/", "/?kind=medical", "/?mark=remote", f"/devices/{devices // 2:032x}")
    yield from ("/findings", "/checklist", "/register", "/diagram", "/scans")


def opened(page: Page, address: str, times: int) -> tuple[float, float, float]:
    """Open a page some times; gives medians: ms to the first byte, ms until it is ready, bytes."""
    taken: list[list[float]] = []
    for _ in range(times):
        answer = page.goto(address, wait_until="load")
        if answer is None or answer.status != 200:
            raise RuntimeError(f"{address}: {answer and answer.status}")
        taken.append(page.evaluate(_TIMING))
    first, ready, size = (statistics.median(part) for part in zip(*taken, strict=True))
    return first, ready, size


def searched(page: Page, base: str, times: int) -> list[float]:
    """Type into the ledger's search field; gives the ms until the list has changed."""
    found = []
    for turn in range(times):
        page.goto(f"{base}/", wait_until="load")
        found.append(float(page.evaluate(_SEARCH, f"pc-{turn + 10}")))
    return found


def report(context: BrowserContext, base: str, devices: int, times: int) -> Iterator[str]:
    """Give the figures, a line each."""
    page = context.new_page()
    page.goto(f"{base}/", wait_until="load")  # style and fonts come once
    nothing, _, _ = opened(page, f"{base}/healthz", times)
    yield f"{'page':44} {'first byte ms':>14} {'/ healthz':>10} {'ready ms':>9} {'KB':>6}"
    for path in pages(devices):
        first, ready, size = opened(page, base + path, times)
        yield f"{path[:44]:44} {first:14.0f} {first / nothing:10.1f} {ready:9.0f} {size / 1000:6.0f}"
    found = searched(page, base, times)
    yield f"search as you type: median {statistics.median(found):.0f} ms, most {max(found):.0f} ms, key to new list painted"


def main() -> None:
    """Read the arguments and measure."""
    reader = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    reader.add_argument("--devices", type=int, default=2000)
    reader.add_argument("--times", type=int, default=9)
    given = reader.parse_args()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        engine = tables.open_ledger(folder / "ledger.sqlite")
        pages_material.fill(engine, given.devices, 0)
        (cookie,) = sign_in_all(engine, 1, datetime.now(UTC) - timedelta(seconds=1))
        engine.dispose()
        path = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        with collector(str(folder / "ledger.sqlite"), folder) as base:
            context = browser.new_context(locale="ja-JP")
            context.add_cookies([{"name": "daicho_session", "value": cookie, "url": base}])
            for line in report(context, base, given.devices, given.times):
                print(line, flush=True)
        browser.close()


if __name__ == "__main__":
    main()
