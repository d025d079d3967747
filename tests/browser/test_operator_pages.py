# SPDX-License-Identifier: Apache-2.0
"""The operator's pages in a real browser: WCAG A/AA in both languages and colours, no page too wide or too heavy."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from inventory_db.accounts import Role
from tests.browser.axe import AXE, DESK, TABLET, violations, violations_in_both_schemes
from tests.browser.conftest import visit
from tests.browser.test_pages import LANGUAGES, SHOTS, too_wide
from tests.import_cases import HEADINGS, ROWS

pytestmark = pytest.mark.browser

PAGES = (
    "/welcome",
    "/settings",
    "/import",
    "/import/preview",
    "/stocktake",
    "/stocktake?at=1&place=",
    "/listed",
    "/same-devices",
    "/same-devices/pair?one=001&other=002",
    "/scans",
    "/documents",
    "/register/declare",
    "/diagram?zoom=150",
    "/audit",
    "/people",
)
HEAVIEST = 300 * 1024  # bytes of a page with all that it needs, fonts aside


@pytest.fixture
def closing(browser: Browser, site: str) -> Iterator[None]:
    """Let a ledger wait for a decision; close whatever a test opened."""
    page = enter(browser, site)
    page.goto(f"{site}/import")
    rows = (HEADINGS, *ROWS, ("A-009", "HIS-DB01", "10.10.1.20", "", "", "", "サーバ室", "", "", "", ""))
    text = "\n".join(",".join(row) for row in rows)
    page.set_input_files("#file", {"name": "機器台帳.csv", "mimeType": "text/csv", "buffer": text.encode()})
    page.click("form[enctype] button.primary")
    assert page.url.endswith("/import/preview")
    yield
    for context in browser.contexts:
        context.close()


def enter(browser: Browser, site: str, size: tuple[int, int] = DESK, **more: Any) -> Page:
    """Give a page on which an administrator is signed in."""
    wide, high = size
    context = visit(browser, site, Role.ADMINISTRATOR, viewport={"width": wide, "height": high}, **more)
    return context.new_page()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.usefixtures("closing")
def test_wcag_a_and_aa_hold(browser: Browser, site: str, language: str) -> None:
    if not AXE.is_file():
        pytest.skip("axe-core is not there (bash deploy/build_frontend.sh --tests)")
    page = enter(browser, site)
    look = violations_in_both_schemes if language == "ja" else violations
    found = {}
    for address in PAGES:
        page.goto(f"{site}{address}{'&' if '?' in address else '?'}lang={language}")
        found[address] = look(page)
    assert found == {address: [] for address in PAGES}


@pytest.mark.usefixtures("closing")
def test_no_page_is_too_wide_or_too_heavy(browser: Browser, site: str) -> None:
    page = enter(browser, site)
    weight = [0]
    page.on(
        "response", lambda answer: weight.append(len(answer.body())) if ".ttf" not in answer.url else None
    )
    for address in PAGES:
        weight.clear()
        page.goto(site + address)
        assert too_wide(page) == [], address
        assert 0 < sum(weight) < HEAVIEST, address


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.usefixtures("closing")
def test_pictures(browser: Browser, site: str, scheme: Any) -> None:
    folder = Path(os.environ.get("DAICHO_SHOTS", SHOTS))
    folder.mkdir(parents=True, exist_ok=True)
    page = enter(browser, site, DESK if scheme == "light" else TABLET, color_scheme=scheme)
    for address in PAGES:
        page.goto(site + address)
        name = re.sub(r"\W+", "-", address.strip("/"))
        page.screenshot(path=folder / f"{name}-{scheme}.png", full_page=True)
        assert page.locator("h1").count() == 1


@pytest.mark.usefixtures("closing")
def test_a_finding_is_given_by_keyboard_alone_and_without_javascript(browser: Browser, site: str) -> None:
    page = enter(browser, site, java_script_enabled=False)
    page.goto(f"{site}/findings?lang=ja")
    page.locator("#f1-1 summary").first.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("情報係")
    page.keyboard.press("Tab")
    page.keyboard.type("01312020")  # month, day, year: the browser's own language is English
    page.locator("#f1-1-who").focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert page.url.endswith("message=assigned#f1-1")
    said = page.locator("#f1-1").inner_text()
    assert ("情報係" in said, "目標日を過ぎています" in said) == (True, True)
    if AXE.is_file():
        looked = enter(browser, site, TABLET)
        looked.goto(f"{site}/findings?whose=overdue&lang=ja")
        looked.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        assert (violations(looked), too_wide(looked)) == ([], [])
