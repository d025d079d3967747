# SPDX-License-Identifier: Apache-2.0
"""The first hour in a real browser: an empty machine, its first administrator, the first ledger; and without a mouse.

A real `daicho serve` process, a real agent's uplink; nothing is written past the pages.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.browser import story_material as hospital
from tests.browser.axe import AXE
from tests.browser.material import HIS, MODALITY
from tests.browser.story import Story
from tests.browser.story_people import PASSWORD, Keys, Person
from tests.browser.story_site import StoryAgent

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not AXE.is_file(), reason="no axe-core (bash deploy/build_frontend.sh --tests)"),
]


def test_the_first_hour_in_english_and_without_a_mouse(story: Story, tmp_path: Path) -> None:
    admin = story.person(locale="en-GB")
    keys = Keys(admin.page)
    become_the_administrator(admin, keys, story.site.setup_link)
    agent = StoryAgent(story.site, walk_the_wizard(admin, keys))
    agent.hand_over(hospital.first_look(datetime.now(UTC) - timedelta(days=1)))
    admin.wait_for_devices(6)
    assert admin.page.locator("h1").inner_text() == "Device ledger"
    bring_the_old_ledger(admin, keys, tmp_path)
    come_back(admin, keys)
    mark_an_item(admin, keys)
    for path in ("/import", "/today", "/findings", "/vendors", "/releases", "/welcome"):
        admin.go(path)
        assert admin.page.locator("html").get_attribute("lang") == "en"
        admin.state(path)
    assert admin.page.locator(".step-mark.done").count() == 5
    story.check()


def become_the_administrator(admin: Person, keys: Keys, link: str) -> None:
    admin.go(link)
    admin.state("a link")
    for field, text in (
        ("login", "sato"),
        ("name", "Hanako Sato"),
        ("password", PASSWORD),
        ("again", PASSWORD),
    ):
        keys.type(f"#{field}", text)
    keys.enter()
    assert admin.page.url == f"{admin.site}/welcome"


def walk_the_wizard(admin: Person, keys: Keys) -> str:
    """Facility, networks and the agent; gives the agent's code."""
    keys.type("#facility #name", "Higashiyamadai Hospital")
    keys.enter()
    keys.type("#networks", f"{HIS}\n{MODALITY}")
    keys.to("#scope button")
    keys.enter()
    keys.type("#agent-name", "box on the second floor")
    keys.enter()
    admin.state("welcome, with a code")
    return admin.secret().split()[-1]


def bring_the_old_ledger(admin: Person, keys: Keys, folder: Path) -> None:
    admin.go("/import")
    admin.page.set_input_files("#file", hospital.old_ledger(folder))
    keys.to("form[enctype] button.primary")
    keys.enter()
    admin.state("import, preview")
    keys.to("form[action='/import/apply'] button")
    keys.enter()


def come_back(admin: Person, keys: Keys) -> None:
    """Signed out, they are asked at the door and come to where they wanted to go."""
    admin.context.clear_cookies()
    admin.go("/checklist")
    assert "/login" in admin.page.url
    keys.type("#login", "sato")
    keys.type("#password", PASSWORD)
    keys.enter()
    assert admin.page.url == f"{admin.site}/checklist"


def mark_an_item(admin: Person, keys: Keys) -> None:
    keys.to("#item-organisation-1-1 details:has(form) > summary")
    admin.page.keyboard.press("Enter")
    keys.to("#item-organisation-1-1 [name=answer]")
    admin.page.keyboard.press("ArrowDown")
    admin.page.keyboard.press("ArrowDown")
    keys.to("#item-organisation-1-1 [name=remark]")
    admin.page.keyboard.type("Will be named next month")
    keys.to("#item-organisation-1-1 button.primary")
    keys.enter()
    item = admin.page.locator("#item-organisation-1-1").inner_text()
    assert "Will be named next month" in item
    assert "いいえ" in item
    admin.state("checklist, marked")
