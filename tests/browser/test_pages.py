# SPDX-License-Identifier: Apache-2.0
"""The pages in a real browser: hostile content stays text, WCAG A/AA holds, nothing needs JavaScript.

`DAICHO_SHOTS=DIR` also writes the pictures of the README there (`ledger-ja.png`, `device-ja.png` …);
with `DAICHO_SITE=http://127.0.0.1:8000` they show the collector that runs there instead of our own.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[2]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
SHOTS = ROOT / "shots"
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
DESK, TABLET, PHONE = (1366, 768), (820, 1180), (390, 844)
LANGUAGES = {"ja": "機器台帳", "en": "Device ledger"}

pytestmark = pytest.mark.browser
OWN_SITE = pytest.mark.skipif("DAICHO_SITE" in os.environ, reason="DAICHO_SITE names another ledger")


def open_page(browser: Browser, url: str, size: tuple[int, int] = DESK, **more: Any) -> Page:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **more)
    page = context.new_page()
    page.goto(url)
    return page


@pytest.fixture
def pages(browser: Browser) -> Iterator[None]:
    """Close whatever a test opened."""
    yield
    for context in browser.contexts:
        context.close()


def device_links(page: Page) -> list[str]:
    hrefs = page.locator("th.number a").evaluate_all("links => links.map(a => a.getAttribute('href'))")
    return [str(href) for href in hrefs]


def device_with(browser: Browser, site: str, words: str) -> str:
    """The address of the first device that a search finds."""
    page = open_page(browser, f"{site}/?q={words}")
    return site + device_links(page)[0]


def violations(page: Page) -> list[str]:
    page.evaluate(AXE.read_text(encoding="utf-8"))
    options = {"runOnly": {"type": "tag", "values": LEVELS}}
    found = page.evaluate("options => axe.run(document, options)", options)["violations"]
    return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]


@OWN_SITE
@pytest.mark.usefixtures("pages")
def test_no_word_of_a_device_runs_as_script(browser: Browser, site: str) -> None:
    context = browser.new_context()
    page = context.new_page()
    trouble: list[str] = []
    page.on("console", lambda message: trouble.append(message.text))
    page.on("dialog", lambda dialog: trouble.append(dialog.message))
    page.on(
        "request", lambda request: trouble.append(request.url) if not request.url.startswith(site) else None
    )
    page.goto(f"{site}/?per=500")
    addresses = [
        "/?per=500",
        "/diagram",
        "/changes",
        "/register",
        "/scans",
        "/journal",
        *device_links(page)[:12],
    ]
    for address in addresses:
        page.goto(site + address)
        assert "owned" not in page.title()
        assert page.locator("script, img, iframe, [onerror]").count() == 0
    assert trouble == []


@OWN_SITE
@pytest.mark.usefixtures("pages")
def test_a_transcript_with_markup_reads_as_text(browser: Browser, site: str) -> None:
    page = open_page(browser, device_with(browser, site, "10.20.1.66"))
    page.locator("table.observations a[href*='/observations/']").last.click()
    assert "<script>" in page.locator("pre.transcript").inner_text()
    assert "owned" not in page.title()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.usefixtures("pages")
def test_wcag_a_and_aa_hold_on_every_page(browser: Browser, site: str, language: str, scheme: Any) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not there (bash deploy/build_frontend.sh --tests)")
    page = open_page(browser, f"{site}/?lang={language}", color_scheme=scheme)
    device = device_links(page)[0]
    found = {}
    for address in (
        "/" if (language, scheme) == ("ja", "light") else "/?q=10.20",
        "/?q=nothing-matches-this",
        device,
        "/diagram",
        "/diagram?since=x",
        "/changes",
        "/changes?since=x",
        "/register",
        "/scans",
        "/journal",
        "/journal?address=x",
        "/none",
    ):
        page.goto(site + address)
        found[address] = violations(page)
    assert found == {address: [] for address in found}


@pytest.mark.usefixtures("pages")
def test_everything_works_without_javascript(browser: Browser, site: str) -> None:
    page = open_page(browser, site, java_script_enabled=False)
    rows = page.locator("tbody tr").count()
    assert rows > 0
    page.fill("#q", "10.")
    page.click("button.primary")
    assert "q=10." in page.url
    page.locator("th.number a").first.click()
    assert page.locator("h1").inner_text() != ""


@OWN_SITE
@pytest.mark.usefixtures("pages")
def test_a_person_fills_in_a_column_and_finds_it_in_the_ledger(browser: Browser, site: str) -> None:
    page = open_page(browser, device_with(browser, site, "10.10.1.31"), java_script_enabled=False)
    page.fill("#c8", "1階 サーバ室 <b>奥</b>")
    page.fill("#who", "鈴木一郎")
    page.click("form button.primary")
    assert page.locator("p.message").count() == 1
    page.goto(f"{site}/?q=サーバ室")
    assert "1階 サーバ室 <b>奥</b>" in page.locator("tbody").inner_text()


@pytest.mark.parametrize("size", [DESK, TABLET, PHONE])
@pytest.mark.usefixtures("pages")
def test_no_page_scrolls_sideways(browser: Browser, site: str, size: tuple[int, int]) -> None:
    page = open_page(browser, f"{site}/?per=500", size)
    addresses = [
        "/?per=500",
        "/diagram",
        "/changes",
        "/register",
        "/scans",
        "/journal",
        *device_links(page)[:10],
    ]
    wide = {}
    for address in addresses:
        page.goto(site + address)
        wide[address] = page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert wide == dict.fromkeys(addresses, True)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.usefixtures("pages")
def test_pictures_of_the_pages(browser: Browser, site: str, language: str) -> None:
    """Not a comparison: writes what people look at, and checks that it is in the language asked for."""
    folder = Path(os.environ.get("DAICHO_SHOTS", SHOTS))
    folder.mkdir(parents=True, exist_ok=True)
    page = open_page(browser, f"{site}/?lang={language}")
    assert page.locator("h1").inner_text() == LANGUAGES[language]
    page.screenshot(path=folder / f"ledger-{language}.png")
    page.goto(f"{site}/?mark=dual")
    links = device_links(page) or ["/"]
    page.goto(site + links[0])
    page.screenshot(
        path=folder / f"device-{language}.png",
        clip={"x": 0, "y": 0, "width": 1366, "height": 1400},
        full_page=True,
    )
    for name in ("diagram", "changes", "register"):
        page.goto(f"{site}/{name}")
        page.screenshot(path=folder / f"{name}-{language}.png", full_page=True)
    assert page.locator("html").get_attribute("lang") == language
    if "DAICHO_SHOTS" not in os.environ:
        page.emulate_media(media="print")
        page.goto(site)
        page.pdf(path=folder / f"ledger-{language}.pdf", prefer_css_page_size=True)
        tablet = open_page(browser, f"{site}/?lang={language}", TABLET, color_scheme="dark")
        tablet.screenshot(path=folder / f"ledger-{language}-tablet-dark.png")
