# SPDX-License-Identifier: Apache-2.0
"""The people of the story: each has a browser of their own, and does at the pages what a person would do."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, ViewportSize

from collector.translation import load_words
from tests.browser.axe import DESK, violations
from tests.browser.hands import Hands, Mouse
from tests.browser.story_site import WITHIN

DESK_SIZE: ViewportSize = {"width": DESK[0], "height": DESK[1]}
PASSWORD = "mizuumi to kawa no aida ni"
LINK = re.compile(r"http://127\.0\.0\.1:\d+/invited/\S+")


class Person:
    """Somebody at a browser; `found` collects what axe-core says of every page state they meet."""

    def __init__(
        self,
        browser: Browser,
        site: str,
        found: dict[str, list[str]],
        hands: Callable[[Page], Hands] = Mouse,
        **more: Any,
    ) -> None:
        self.site, self.found = site, found
        more = {"locale": "ja-JP"} | more
        self.trouble: list[str] = []  # what no page may do: scripts, dialogs, calls to elsewhere, errors
        self.context = browser.new_context(viewport=DESK_SIZE, **more)
        self.page: Page = self.context.new_page()
        self.hands = hands(self.page)
        self.words = load_words(str(more["locale"])[:2])
        self._glass: Page | None = None  # where axe-core can run, when this window runs no script
        if not more.get("java_script_enabled", True):
            self._glass = browser.new_context(viewport=DESK_SIZE, locale=str(more["locale"])).new_page()
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
            self.hands.press(self.page.locator(scope).locator(where).first)

    def fill(self, where: str, text: str) -> None:
        """Write over what stands in a field."""
        self.hands.fill(self.page.locator(where), text)

    def unfold(self, scope: str) -> Locator:
        """Open the form that is folded away in a part of the page; gives the part."""
        part = self.page.locator(scope)
        self.hands.press(part.locator("details:has(form) > summary"))
        return part

    def take(self, where: str) -> bytes:
        """Download what a link gives."""
        with self.page.expect_download() as coming:
            self.hands.press(self.page.locator(where))
        return Path(coming.value.path()).read_bytes()

    def state(self, name: str) -> None:
        """Let axe-core look at the page as it is, once in each state.

        Where this window runs no script it looks at the same address in a second window.
        """
        if name in self.found:
            return
        if not name.startswith("inspection"):  # what is released stands in the language of its papers
            assert self.page.locator("html").get_attribute("lang") == self.words.language, name
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
        self.fill("#login", login)
        self.fill("#name", name)
        self.fill("#password", PASSWORD)
        self.fill("#again", PASSWORD)
        self.press("button.primary")

    def wait_for_devices(self, count: int) -> None:
        """Look at the ledger again and again, as a person would, until that many devices stand in it."""
        deadline = time.monotonic() + WITHIN
        while self.devices() < count:
            assert time.monotonic() < deadline, self.text()
            time.sleep(0.2)  # a real job runs on a real clock
        assert self.devices() == count, self.text()

    def come_back(self, login: str, path: str) -> None:
        """Signed out, they are asked at the door and come to where they wanted to go."""
        self.context.clear_cookies()
        self.go(path)
        assert "/login" in self.page.url
        self.fill("#login", login)
        self.fill("#password", PASSWORD)
        self.press("button.primary")
        assert self.page.url == self.site + path

    def watch_the_scan(self, within: float = 240.0) -> set[str]:
        """Look at the wizard's scan step again and again until the scan is over; gives what it said meanwhile."""
        deadline, said = time.monotonic() + within, set[str]()
        while True:
            self.go("/welcome")
            step = self.page.locator("#scan")
            if step.locator("progress").count():
                said.add(step.inner_text())
                self.state("welcome, scanning")
            if step.locator(".step-mark.done").count():
                return said
            assert time.monotonic() < deadline, step.inner_text()
            time.sleep(0.5)  # a real scan runs on a real clock

    def devices(self) -> int:
        """Count the devices in the ledger."""
        self.go("/")
        return self.page.locator("th.number a").count()

    def number_of(self, name: str) -> str:
        """Give the 管理番号 under which the ledger has the device with this name."""
        self.go(f"/?q={name}")
        return self.page.locator("th.number a").first.inner_text()
