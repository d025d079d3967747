# SPDX-License-Identifier: Apache-2.0
"""Vendors, inspectors and releases in a real browser: no script needed, WCAG A/AA, nothing hostile runs, paper.

`DAICHO_SHOTS=DIR` writes pictures there.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from inventory_db.accounts import Role
from inventory_db.releases import list_releases
from tests.browser.axe import AXE, DESK, PHONE, violations
from tests.browser.material import BIDI, SCRIPT
from tests.browser.serving import serving
from tests.outside_site import make_site
from tests.papers_material import needs_fonts
from tests.signed_in import COOKIE, sign_in

pytestmark = [pytest.mark.browser, needs_fonts]

SHOTS = Path(os.environ.get("DAICHO_SHOTS", Path(__file__).parents[2] / "shots"))
LATER = (datetime.now(UTC) + timedelta(days=20)).date().isoformat()
VENDOR_PAGES = ("/vendor", "/vendor/sheet", "/vendor/sheet?round=2", "/vendor/documents")
HOUSE_PAGES = ("/vendors", "/vendors/va", "/vendors/new", "/releases", f"/releases/new?until={LATER}")
INSPECTOR_PAGES = (
    "/inspection", "/inspection/search", "/inspection/search?q=gate", "/inspection/search?q=nothing-at-all",
    "/inspection/search?q=10&kind=annex", "/inspection/pages/ledger.html", "/inspection/pages/checks-0.html",
    "/inspection/pages/register.html", "/inspection/pages/diagram.html", "/inspection/pages/annex.html",
    "/inspection/pages/coverage.html",
)  # fmt: skip


@dataclass
class Site:
    """A running collector and who may come."""

    address: str
    engine: Any
    browser: Browser

    def visit(self, cookie: str, size: tuple[int, int] = DESK, **more: Any) -> Page:
        more.setdefault("locale", "ja-JP")
        context = self.browser.new_context(viewport={"width": size[0], "height": size[1]}, **more)
        context.add_cookies([{"name": COOKIE, "value": cookie, "url": self.address}])
        return context.new_page()


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The address of a running collector with two vendors."""
    app = make_site(tmp_path_factory.mktemp("outside"))
    with serving(app) as address:
        yield Site(address, app.state.engine, browser)


@pytest.fixture(scope="module")
def vendor(site: Site) -> str:
    return sign_in(site.engine, Role.VENDOR, bound_to="va", name="山田太郎")


@pytest.fixture(scope="module")
def house(site: Site) -> str:
    return sign_in(site.engine, Role.ADMINISTRATOR, name="佐藤花子")


@pytest.fixture(scope="module")
def inspector(site: Site, answered: None, house: str) -> str:
    """An inspector with a release that was made by clicking, without script."""
    page = site.visit(house, java_script_enabled=False)
    page.goto(f"{site.address}/releases")
    page.fill("#until", LATER)
    page.click("section.card button.primary")
    assert "次の内容を開示します" in page.locator("h1").inner_text()
    page.set_default_timeout(120_000)
    page.click("form[action='/releases'] button.primary")
    assert page.locator("p.message").count() == 1
    page.context.close()
    with site.engine.connect() as connection:
        (release, *_) = list_releases(connection)
    return sign_in(site.engine, Role.INSPECTOR, bound_to=release.id, name="検査太郎")


@pytest.fixture(scope="module")
def answered(site: Site, vendor: str) -> None:
    """The vendor answers, without script: one path confirmed with hostile words, one denied, a sheet begun."""
    page = site.visit(vendor, PHONE, java_script_enabled=False)
    for product, state in (("AlphaGate", "confirmed"), ("AlphaSIM", "denied")):
        page.goto(f"{site.address}/vendor")
        page.get_by_role("link", name=re.compile("答える")).nth(0 if product == "AlphaGate" else 1).click()
        page.check(f"input[name=state][value={state}]")
        page.fill("#evidence", "申請書 第12号")
        page.fill("#purpose", f"{SCRIPT} {BIDI}")
        page.click("section.card form button.primary")
        assert "保存しました" in page.locator("p.message").inner_text()
    page.goto(f"{site.address}/vendor/sheet")
    page.select_option("select[name=answer] >> nth=0", "はい")
    page.fill("input[name=remark] >> nth=0", SCRIPT)
    page.click("button[value=draft]")
    assert "下書き" in page.locator("p.message").first.inner_text()
    page.goto(f"{site.address}/vendor/documents")
    page.set_input_files("#file", {"name": "mds.pdf", "mimeType": "text/html", "buffer": b"%PDF-1.7 x"})
    page.fill("#on", "2026-10-01")
    page.click("section.card form button.primary")
    assert "mds" in page.locator("tbody").inner_text()
    page.context.close()


def check(page: Page, site: Site, address: str, name: str) -> list[str]:
    """Say what is wrong with a page: WCAG, sideways scrolling, script or pictures from hostile words."""
    page.goto(site.address + address)
    found = violations(page) if AXE.is_file() else []
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append("scrolls sideways")
    if page.locator("script, iframe, [onerror]").count() or "owned" in page.title():
        found.append("script")
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"outside-{name}.png", full_page=True)
    return found


@pytest.mark.parametrize(("size", "language", "scheme"), [(DESK, "ja", "light"), (PHONE, "en", "dark")])
@pytest.mark.parametrize("who", ["vendor", "house", "inspector"])
def test_pages_are_accessible_and_fit(
    site: Site, vendor: str, house: str, inspector: str, who: str, size: Any, language: str, scheme: Any
) -> None:
    cookie = {"vendor": vendor, "house": house, "inspector": inspector}[who]
    page = site.visit(cookie, size, color_scheme=scheme)
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.goto(f"{site.address}/?lang={language}")
    addresses = {"vendor": VENDOR_PAGES, "house": HOUSE_PAGES, "inspector": INSPECTOR_PAGES}[who]
    if who == "vendor":
        page.goto(f"{site.address}/vendor?lang={language}")
        own = page.locator("a[href^='/vendor/paths/']").first.get_attribute("href")
        addresses = (*addresses, str(own))
    wrong = {}
    for number, address in enumerate(addresses):
        name = f"{who}-{number}-{language}-{size[0]}"
        if found := check(page, site, address + ("&" if "?" in address else "?") + f"lang={language}", name):
            wrong[address] = found
    assert wrong == {}
    assert said == []
    page.context.close()


def test_an_inspector_reads_searches_prints_and_downloads_without_script(site: Site, inspector: str) -> None:
    page = site.visit(inspector, java_script_enabled=False)
    page.goto(site.address)
    assert page.url.endswith("/inspection")
    page.get_by_role("link", name="機器台帳", exact=True).first.click()
    assert "10.10.1.31" in page.locator("main").inner_text()
    page.goto(f"{site.address}/inspection")
    page.fill("#q", "AlphaGate")
    page.click("form.filters button")
    page.get_by_role("link", name=re.compile("E-0")).first.click()
    assert "annex" in page.url
    page.goto(f"{site.address}/inspection")
    with page.expect_download() as loading:
        page.get_by_role("link", name=re.compile("ダウンロード")).click()
    data = Path(str(loading.value.path())).read_bytes()
    assert data.startswith(b"PK")
    for name in ("ledger", "checks-0"):
        page.goto(f"{site.address}/inspection/pages/{name}.html")
        paper = page.pdf(path=SHOTS / f"outside-{name}.pdf", prefer_css_page_size=True)
        assert paper.startswith(b"%PDF-")
    for address in ("/vendor", "/releases", "/register", "/"):
        page.goto(site.address + address)
        assert "/inspection" in page.url or page.locator(".trouble").count() == 1
    page.context.close()


def test_the_keyboard_alone_is_enough_to_answer(site: Site, vendor: str, answered: None) -> None:
    page = site.visit(vendor)
    page.goto(f"{site.address}/vendor")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.locator("a[href^='/vendor/paths/']").first.focus()
    page.keyboard.press("Enter")
    page.locator("input[name=state]").first.focus()
    page.keyboard.press("Space")
    page.locator("section.card form button.primary").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("p.message")
    assert "保存しました" in page.locator("p.message").inner_text()
    page.context.close()
