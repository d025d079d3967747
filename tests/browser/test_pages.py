# SPDX-License-Identifier: Apache-2.0
"""The pages in a real browser: hostile content stays text, WCAG A/AA holds, nothing needs JavaScript.

`DAICHO_SHOTS=DIR` also writes the pictures of the README there (`ledger-ja.png`, `device-ja.png` …);
with `DAICHO_LEDGER=FILE` they show a copy of that ledger instead of the tests' small hospital.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, ViewportSize

from tests.browser.axe import AXE, DESK, PHONE, TABLET, violations, violations_in_both_schemes
from tests.browser.conftest import visit

ROOT = Path(__file__).parents[2]
SHOTS = ROOT / "shots"
UPPER_PART: ViewportSize = {"width": 1366, "height": 1400}
LANGUAGES = {"ja": "機器台帳", "en": "Device ledger"}

pytestmark = pytest.mark.browser


def open_page(browser: Browser, url: str, size: tuple[int, int] = DESK, **more: Any) -> Page:
    site = "/".join(url.split("/")[:3])
    context = visit(browser, site, viewport={"width": size[0], "height": size[1]}, **more)
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


def too_wide(page: Page) -> list[tuple[int, int]]:
    """Give the windows, from desk to phone, in which the page scrolls sideways."""
    found = []
    for wide, high in (DESK, TABLET, PHONE):
        page.set_viewport_size({"width": wide, "height": high})
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append((wide, high))
    return found


def device_with(browser: Browser, site: str, words: str) -> str:
    """The address of the first device that a search finds."""
    page = open_page(browser, f"{site}/?q={words}")
    return site + device_links(page)[0]


@pytest.mark.usefixtures("pages")
def test_no_word_of_a_device_runs_as_script(browser: Browser, site: str) -> None:
    context = visit(browser, site)
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
        "/dual-homed",
        "/scans",
        "/journal",
        *device_links(page)[:12],
    ]
    for address in addresses:
        page.goto(site + address)
        assert "owned" not in page.title()
        assert page.locator("script:not([src^='/static/']), img, iframe, [onerror]").count() == 0
    assert trouble == []


@pytest.mark.usefixtures("pages")
def test_a_transcript_with_markup_reads_as_text(browser: Browser, site: str) -> None:
    page = open_page(browser, device_with(browser, site, "10.20.1.66"))
    page.locator("table.observations a[href*='/observations/']").last.click()
    assert "<script>" in page.locator("pre.transcript").inner_text()
    assert "owned" not in page.title()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.usefixtures("pages")
def test_wcag_a_and_aa_hold_on_every_page(browser: Browser, site: str, language: str) -> None:
    """Colours are the same in every language: the dark ones are looked at in Japanese."""
    if not AXE.is_file():
        pytest.skip("axe-core is not there (bash deploy/build_frontend.sh --tests)")
    page = open_page(browser, f"{site}/?lang={language}")
    device = device_links(page)[0]
    look = violations_in_both_schemes if language == "ja" else violations
    found = {}
    for address in (
        "/" if language == "ja" else "/?q=10.20",
        "/?q=nothing-matches-this",
        device,
        "/today",
        "/findings",
        "/findings?by=device",
        "/checklist",
        "/checklist/R6-hospital?only=open",
        "/diagram",
        "/diagram?since=x",
        "/changes",
        "/changes?since=x",
        "/register",
        "/dual-homed",
        "/scans",
        "/journal" if language == "ja" else "/journal?address=10.10.1.20",
        "/journal?address=x",
        "/none",
    ):
        page.goto(site + address)
        found[address] = look(page)
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


@pytest.mark.usefixtures("pages")
def test_a_person_fills_in_a_column_and_finds_it_in_the_ledger(browser: Browser, site: str) -> None:
    page = open_page(browser, device_with(browser, site, "10.10.1.31"), java_script_enabled=False)
    page.fill("#c8", "1階 サーバ室 <b>奥</b>")
    page.click("form button.primary")
    assert page.locator("p.message").count() == 1
    page.goto(f"{site}/?q=サーバ室")
    assert "1階 サーバ室 <b>奥</b>" in page.locator("tbody").inner_text()


@pytest.mark.usefixtures("pages")
def test_no_page_scrolls_sideways(browser: Browser, site: str) -> None:
    page = open_page(browser, f"{site}/?per=500")
    addresses = [
        "/?per=500",
        "/diagram",
        "/changes",
        "/register",
        "/dual-homed",
        "/scans",
        "/journal",
        *device_links(page)[:10],
    ]
    wide = {}
    for address in addresses:
        page.goto(site + address)
        wide[address] = too_wide(page)
    assert wide == {address: [] for address in addresses}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.usefixtures("pages")
def test_pictures_of_the_pages(browser: Browser, site: str, language: str) -> None:
    """Not a comparison: writes what people look at, and checks that it is in the language asked for."""
    folder = Path(os.environ.get("DAICHO_SHOTS", SHOTS))
    folder.mkdir(parents=True, exist_ok=True)
    page = open_page(browser, f"{site}/?lang={language}")
    assert page.locator("h1").inner_text() == LANGUAGES[language]
    page.screenshot(path=folder / f"ledger-{language}.png")
    page.set_viewport_size(UPPER_PART)
    page.goto(f"{site}/?mark=dual")
    links = device_links(page) or ["/"]
    page.goto(site + links[0])
    page.screenshot(path=folder / f"device-{language}.png")
    for name in ("diagram", "changes", "register", "today", "findings", "checklist"):
        page.goto(f"{site}/{name}")
        page.screenshot(path=folder / f"{name}-{language}.png")
    assert page.locator("html").get_attribute("lang") == language
    if "DAICHO_SHOTS" not in os.environ:
        page.emulate_media(media="print")
        page.goto(site)
        page.pdf(path=folder / f"ledger-{language}.pdf", prefer_css_page_size=True)
        tablet = open_page(browser, f"{site}/?lang={language}", TABLET, color_scheme="dark")
        tablet.screenshot(path=folder / f"ledger-{language}-tablet-dark.png")
