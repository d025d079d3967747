# SPDX-License-Identifier: Apache-2.0
"""The ledger edited where it stands in a real browser: by keyboard, undone, searched as one types, under the strict policy."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from collector.operators import has_htmx
from inventory_db.accounts import Role
from tests.browser.axe import AXE, violations
from tests.browser.conftest import visit

pytestmark = pytest.mark.browser
CELL = "tbody tr:first-child td:nth-of-type(7) a.edit"


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    if not has_htmx():
        pytest.skip("htmx is not there (bash deploy/build_frontend.sh)")
    context = visit(browser, site, Role.OPERATOR)
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda one: said.append(one.text) if one.type in ("error", "warning") else None)
    page.goto(f"{site}/?lang=ja")
    yield page
    context.close()
    assert [
        one for one in said if "500" not in one
    ] == []  # a policy that was broken is an error of the console


def test_a_cell_is_changed_by_keyboard_and_undone(page: Page) -> None:
    before = page.locator(CELL).inner_text()
    page.locator(CELL).focus()
    page.keyboard.press("Enter")
    expect(page.locator(".cell-form input[name=value]")).to_be_focused()
    if AXE.is_file():
        assert violations(page) == []
    page.keyboard.type("三階 病棟")
    page.keyboard.press("Enter")
    expect(page.locator(CELL)).to_contain_text("三階 病棟")
    expect(page.locator(CELL)).to_be_focused()
    expect(page.locator("#edited")).to_contain_text("保存しました")
    if AXE.is_file():
        assert violations(page) == []
    page.get_by_role("button", name="元に戻す").click()
    expect(page.locator(CELL)).to_have_text(before, use_inner_text=True)
    page.locator(CELL).click()
    page.get_by_role("link", name="やめる").click()
    expect(page.locator(".cell-form")).to_have_count(0)


def test_the_list_follows_what_is_typed(page: Page) -> None:
    rows = page.locator("tbody tr")
    every = rows.count()
    name = page.locator("tbody .name a").filter(has_text=re.compile("[A-Z]")).first.inner_text()
    page.locator("#q").press_sequentially(name)
    expect(rows).not_to_have_count(every)
    expect(page.locator("tbody")).to_contain_text(name)
    expect(page.locator("#count")).to_contain_text("条件に合うもの")
    assert "q=" in page.url
    expect(page.locator("#q")).to_be_focused()
    kept = page.evaluate("[...Object.keys(localStorage), ...Object.keys(sessionStorage)]")
    assert kept == ["htmx-current-path-for-history"]  # an address; no page of the ledger stays in the browser


def test_a_refusal_is_said(page: Page) -> None:
    page.route("**/cells/*", lambda route: route.fulfill(status=500, body="no"))
    page.locator(CELL).click()
    expect(page.locator("#edit-trouble")).to_be_visible()
    page.unroute("**/cells/*")


def test_without_script_it_is_a_form_of_its_own(browser: Browser, site: str) -> None:
    context = visit(browser, site, Role.OPERATOR, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site}/?lang=ja")
    page.locator(CELL).click()
    page.locator("input[name=value]").fill("倉庫")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("status")).to_contain_text("保存しました")
    page.get_by_role("button", name=re.compile("元に戻す")).click()
    expect(page.locator("input[type=text][name=value], input:not([type])[name=value]")).to_have_value("")
    context.close()
