# SPDX-License-Identifier: Apache-2.0
"""The people of the story: each has a browser of their own, and does at the pages what a person would do."""

import re
import time
from typing import Any

from playwright.sync_api import Browser, Page, ViewportSize

from tests.browser.axe import DESK, violations
from tests.browser.story_site import WITHIN

DESK_SIZE: ViewportSize = {"width": DESK[0], "height": DESK[1]}
PASSWORD = "mizuumi to kawa no aida ni"
LINK = re.compile(r"http://127\.0\.0\.1:\d+/invited/\S+")


class Person:
    """Somebody at a browser; `found` collects what axe-core says of every page state they meet."""

    def __init__(self, browser: Browser, site: str, found: dict[str, list[str]], **more: Any) -> None:
        self.site, self.found = site, found
        more = {"locale": "ja-JP"} | more
        self.trouble: list[str] = []  # what no page may do: scripts, dialogs, calls to elsewhere, errors
        self.context = browser.new_context(viewport=DESK_SIZE, **more)
        self.page: Page = self.context.new_page()
        self._glass: Page | None = None  # where axe-core can run, when this window runs no script
        if not more.get("java_script_enabled", True):
            self._glass = browser.new_context(viewport=DESK_SIZE, locale="ja-JP").new_page()
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.on("dialog", lambda dialog: self.trouble.append(dialog.message))
        self.page.on("request", lambda one: self._note(one.url))

    def _note(self, url: str) -> None:
        if not url.startswith(self.site):
            self.trouble.append(url)

    def go(self, path: str) -> int:
        """Open a page of ours; give its status."""
        answer = self.page.goto(path if path.startswith("http") else self.site + path)
        assert answer is not None
        return answer.status

    def press(self, where: str, scope: str = "main") -> None:
        """Press a button or follow a link, and wait for the page that comes of it."""
        with self.page.expect_navigation():
            self.page.locator(scope).locator(where).first.click()

    def state(self, name: str) -> None:
        """Let axe-core look at the page as it is, once in each state.

        Where this window runs no script it looks at the same address in a second window.
        """
        if name in self.found:
            return
        if self._glass is None:
            self.found[name] = violations(self.page)
            return
        cookies: Any = self.context.cookies()
        self._glass.context.add_cookies(cookies)
        self._glass.goto(self.page.url)
        self.found[name] = violations(self._glass)

    def leave(self) -> None:
        """Close the windows."""
        self.context.close()
        if self._glass is not None:
            self._glass.context.close()

    def text(self, path: str = "") -> str:
        """Give what the page says."""
        if path:
            self.go(path)
        return self.page.locator("main").inner_text()

    def secret(self) -> str:
        """Give what the page shows only once."""
        return self.page.locator("p.secret code").inner_text()

    def register(self, link: str, login: str, name: str) -> None:
        """Open one's link and choose a login and a password."""
        self.go(link)
        self.state("a link")
        self.page.fill("#login", login)
        self.page.fill("#name", name)
        self.page.fill("#password", PASSWORD)
        self.page.fill("#again", PASSWORD)
        self.press("button.primary")

    def wait_for_devices(self, count: int) -> None:
        """Look at the ledger again and again, as a person would, until that many devices stand in it."""
        deadline = time.monotonic() + WITHIN
        while self.devices() < count:
            assert time.monotonic() < deadline, self.text()
            time.sleep(0.2)  # a real job runs on a real clock
        assert self.devices() == count

    def devices(self) -> int:
        """Count the devices in the ledger."""
        self.go("/")
        return self.page.locator("th.number a").count()

    def number_of(self, name: str) -> str:
        """Give the 管理番号 under which the ledger has the device with this name."""
        self.go(f"/?q={name}")
        return self.page.locator("th.number a").first.inner_text()


class Keys:
    """Somebody without a mouse: Tab, Shift+Tab, arrows, Space and Enter, and what is typed."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def to(self, selector: str, most: int = 400) -> None:
        """Press Tab until the focus stands on it; the focus must be visible all the way."""
        for _ in range(most):
            self.page.keyboard.press("Tab")
            if self.page.evaluate(
                "one => !!document.activeElement && document.activeElement.matches(one)", selector
            ):
                assert self.page.evaluate(SHOWN), selector
                return
        raise AssertionError(f"Tab does not come to {selector}")

    def type(self, selector: str, text: str) -> None:
        """Go to a field and write over what stands in it."""
        self.to(selector)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def enter(self) -> None:
        """Press Enter and wait for the page that it brings."""
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")


SHOWN = """() => {
  const one = document.activeElement, box = one.getBoundingClientRect(), style = getComputedStyle(one);
  return box.width > 0 && box.bottom > 0 && box.top < innerHeight
    && (style.outlineStyle !== 'none' || style.boxShadow !== 'none');
}"""
