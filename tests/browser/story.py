# SPDX-License-Identifier: Apache-2.0
"""The story that the browser tests walk through: its site, its people, and the acts that every telling begins with."""

from collections.abc import Callable
from typing import Any

from playwright.sync_api import Browser, Page

from tests.browser import story_material as hospital
from tests.browser.hands import Hands, Mouse
from tests.browser.material import HIS, MODALITY
from tests.browser.story_people import Person
from tests.browser.story_site import Agent, RecordedAgent, StorySite


def recorded(site: StorySite, code: str) -> Agent:
    """Give the agent whose looks are recorded."""
    return RecordedAgent(site, code, (hospital.first_look, hospital.second_look))


class Story:
    """The site, how it is told, and who has come so far."""

    def __init__(self, browser: Browser, site: StorySite) -> None:
        self.browser, self.site = browser, site
        self.found: dict[str, list[str]] = {}
        self.people: list[Person] = []
        self.hands: Callable[[Page], Hands] = Mouse
        self.locale = "ja-JP"

    def person(self, **more: Any) -> Person:
        one = Person(self.browser, self.site.url, self.found, self.hands, locale=self.locale, **more)
        self.people.append(one)
        return one

    def begin(self) -> Person:
        """The first administrator comes through the console's link."""
        admin = self.person()
        admin.register(self.site.setup_link, "sato", "佐藤花子")
        assert admin.page.url == f"{self.site.url}/welcome"
        return admin

    def first_hour(self, admin: Person, agent: Callable[[StorySite, str], Agent] = recorded) -> Agent:
        """Facility, networks, an agent's code, the first scan: the wizard's steps."""
        admin.state("welcome, nothing done")
        admin.fill("#facility #name", "東山台病院")
        admin.press("button", "#facility")
        admin.fill("#networks", f"{HIS}\n{MODALITY}")
        admin.press("button", "#scope")
        admin.fill("#agent-name", "本館2階の機械")
        admin.press("button", "#agent")
        admin.state("welcome, with a code")
        code = admin.secret().split()[-1]
        admin.text("/")
        admin.state("empty ledger")
        found = agent(self.site, code)
        with found.looking():
            said = admin.watch_the_scan()
        assert len(said) > 1 or not found.watched, said
        return found

    def invite(self, admin: Person, login: str, name: str) -> Person:
        """An administrator invites an operator, who comes through the link."""
        admin.go("/people")
        admin.state("people")
        admin.fill("#name", name)
        admin.press("form[action='/people/invite'] button.primary")
        operator = self.person()
        operator.register(admin.secret(), login, name)
        return operator

    def check(self) -> None:
        """No page of the story had a violation, ran a script of others, or called elsewhere."""
        assert self.found == {state: [] for state in self.found}
        assert [one.trouble for one in self.people] == [[] for _ in self.people]
