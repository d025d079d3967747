# SPDX-License-Identifier: Apache-2.0
"""The story that the browser tests walk through: its site, its people, and the acts that every telling begins with."""

from typing import Any

from playwright.sync_api import Browser

from tests.browser.material import HIS, MODALITY
from tests.browser.story_people import Person
from tests.browser.story_site import StoryAgent, StorySite


class Story:
    """The site, the agent, and who has come so far."""

    def __init__(self, browser: Browser, site: StorySite) -> None:
        self.browser, self.site = browser, site
        self.found: dict[str, list[str]] = {}
        self.people: list[Person] = []

    def person(self, **more: Any) -> Person:
        one = Person(self.browser, self.site.url, self.found, **more)
        self.people.append(one)
        return one

    def begin(self, **more: Any) -> Person:
        """The first administrator comes through the console's link."""
        admin = self.person(**more)
        admin.register(self.site.setup_link, "sato", "佐藤花子")
        assert admin.page.url == f"{self.site.url}/welcome"
        return admin

    def first_hour(self, admin: Person) -> StoryAgent:
        """Facility, networks, an agent's code: the wizard's steps."""
        admin.state("welcome, nothing done")
        admin.page.fill("#name", "東山台病院")
        admin.press("button", "#facility")
        admin.page.fill("#networks", f"{HIS}\n{MODALITY}")
        admin.press("button", "#scope")
        admin.page.fill("#agent-name", "本館2階の機械")
        admin.press("button", "#agent")
        admin.state("welcome, with a code")
        code = admin.secret().split()[-1]
        admin.text("/")
        admin.state("empty ledger")
        return StoryAgent(self.site, code)

    def invite(self, admin: Person, login: str, name: str) -> Person:
        """An administrator invites an operator, who comes through the link."""
        admin.go("/people")
        admin.state("people")
        admin.page.fill("#name", name)
        admin.press("form[action='/people/invite'] button.primary")
        operator = self.person()
        operator.register(admin.secret(), login, name)
        return operator

    def check(self) -> None:
        """No page of the story had a violation, ran a script of others, or called elsewhere."""
        assert self.found == {state: [] for state in self.found}
        assert [one.trouble for one in self.people] == [[] for _ in self.people]
