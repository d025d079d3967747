# SPDX-License-Identifier: Apache-2.0
"""A hostile lab and hostile people in a real browser: every page of the permissions table opens as text.

The same lab as in tests/test_hostile_site.py, which looks at the markup and opens the files that are taken along.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from inventory_db.accounts import Role
from tests.browser.serving import serving
from tests.papers_material import needs_fonts
from tests.signed_in import COOKIE
from tests.test_hostile_site import CONTROL, OUR_SCRIPTS, Lab, addresses, hostile_lab

pytestmark = [pytest.mark.browser, needs_fonts]

NO_PAGE = re.compile(  # what is taken along, or read by programs: tests/test_hostile_site.py opens it
    r"^/api/|^/export/|/files/|\.(pdf|xlsx|csv|jsonl?|zip|txt|sha256|svg|drawio|sig|png|ttf|pem)$"
)

LOOK = """() => ({
  scripts: [...document.querySelectorAll('script')].map(s => s.getAttribute('src') || 'inline'),
  pictures: [...document.querySelectorAll('img, iframe, object, embed')].map(i => i.getAttribute('src') || i.tagName),
  handlers: [...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a => a.name.startsWith('on'))).length,
  links: [...document.querySelectorAll('[href], [action], [formaction]')]
    .flatMap(e => ['href', 'action', 'formaction'].map(name => e.getAttribute(name)).filter(u => u !== null))
    .map(u => new URL(u, location).href)
    .filter(u => !u.startsWith(location.origin) && !u.startsWith('https://')),
  wide: document.documentElement.scrollWidth - innerWidth,
})"""


@dataclass
class Walk:
    """The running site, and everything that ran, went elsewhere or was not text."""

    lab: Lab
    site: str
    trouble: list[str]

    def window(self, browser: Browser, role: Role | None) -> BrowserContext:
        """Give a window of somebody with this role that tells of everything that runs or goes elsewhere."""
        context = browser.new_context()
        if role is not None:
            context.add_cookies([{"name": COOKIE, "value": self.lab.cookies[role], "url": self.site}])
        page = context.new_page()
        page.on("console", lambda one: self._heard("console", page, one.text))
        page.on("pageerror", lambda error: self._heard("error", page, str(error)))
        page.on("dialog", lambda dialog: self._heard("dialog", page, dialog.message))
        page.on(
            "request", lambda one: None if one.url.startswith(self.site) else self._heard("to", page, one.url)
        )
        return context

    def _heard(self, what: str, page: Page, said: str) -> None:
        if "status of" not in said:  # the browser notes an answer of 4xx
            self.trouble.append(f"{what} {page.url[:100]}: {said[:200]}")

    def look(self, context: BrowserContext, address: str) -> str:
        """Open a page as a person would, note what is wrong with it, and give its text."""
        page = context.pages[0]
        answer = page.goto(self.site + address)
        assert answer is not None
        if answer.status >= 500:
            self.trouble.append(f"{answer.status} {address[:100]}")
        found = page.evaluate(LOOK)
        wrong = [one for one in found["scripts"] if one not in OUR_SCRIPTS]
        wrong += [one for one in found["pictures"] if not one.startswith("/inspection/")]
        wrong += found["links"] + ["handler"] * found["handlers"]
        wrong += [f"{found['wide']} too wide"] * (found["wide"] > 0)
        if wrong or "owned" in page.title().replace("'owned'", ""):
            self.trouble.append(f"{address[:100]}: {wrong} {page.title()[:80]}")
        return str(page.locator("body").inner_text())


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    with hostile_lab(tmp_path_factory.mktemp("hostile")) as lab, serving(lab.app) as site:
        yield Walk(lab, site, [])


def test_every_page_of_a_hostile_lab_opens_as_text(browser: Browser, walk: Walk) -> None:
    windows = {role: walk.window(browser, role) for role in (None, *Role)}
    shown = [
        walk.look(windows[role], address)
        for role, address in addresses(walk.lab)
        if not NO_PAGE.search(address.partition("?")[0])
    ]
    for window in windows.values():
        window.close()
    assert walk.trouble == []
    assert len(shown) > 80
    for word in ("<script>document.title='owned'</script>", "=cmd|", "onerror="):
        assert any(word in text for text in shown), word
    assert CONTROL.search("".join(shown)) is None
