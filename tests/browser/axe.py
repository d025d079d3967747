# SPDX-License-Identifier: Apache-2.0
"""What axe-core (npm) says of a page, and the windows through which people look at it."""

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
COLOURS = ["color-contrast", "link-in-text-block"]  # all that another colour scheme can change
DESK, TABLET, PHONE = (1366, 768), (820, 1180), (390, 844)


def violations(page: Page) -> list[str]:
    """Give what breaks WCAG A or AA on a page as it is: rule and place."""
    return _broken(page, {"type": "tag", "values": LEVELS})


def violations_in_both_schemes(page: Page) -> list[str]:
    """Give what breaks WCAG A or AA on a page in light colours, and what of it colours decide in dark ones."""
    page.emulate_media(color_scheme="light")
    found = violations(page)
    page.emulate_media(color_scheme="dark")
    found += [f"dark: {one}" for one in _broken(page, {"type": "rule", "values": COLOURS})]
    page.emulate_media(color_scheme="light")
    return found


def _broken(page: Page, rules: dict[str, Any]) -> list[str]:
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("rules => axe.run(document, {runOnly: rules})", rules)["violations"]
    return [f"{one['id']}: {node['html'][:200]}" for one in found for node in one["nodes"]]
