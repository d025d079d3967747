# SPDX-License-Identifier: Apache-2.0
"""Two pairs of hands for one story: a mouse, and a keyboard alone (Tab, Shift+Tab, arrows, Space, Enter, what is typed)."""

from datetime import date
from pathlib import Path
from typing import Protocol

from playwright.sync_api import ElementHandle, Locator, Page

MOST_TABS = 500
_FOCUSED = "one => one === document.activeElement"
_IN_GROUP = """one => { const at = document.activeElement;
  return at.type === 'radio' && at.name === one.name && at.form === one.form; }"""
_BEHIND = """one => { const at = document.activeElement;
  return at !== document.body && !!(at.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_PRECEDING); }"""
_SHOWN = """() => {
  const one = document.activeElement, box = one.getBoundingClientRect(), style = getComputedStyle(one);
  return box.width > 0 && box.bottom > 0 && box.top < innerHeight
    && (style.outlineStyle !== 'none' || style.boxShadow !== 'none');
}"""


class Hands(Protocol):
    """What a person does to one thing on a page."""

    def fill(self, one: Locator, text: str) -> None:
        """Write over what stands in a field; a day as YYYY-MM-DD."""

    def tick(self, one: Locator) -> None:
        """Choose a radio button or tick a box."""

    def choose(self, one: Locator, value: str) -> None:
        """Choose from a list."""

    def press(self, one: Locator) -> None:
        """Press a button, follow a link, open a fold."""

    def attach(self, one: Locator, file: Path) -> None:
        """Put a file into a field for files."""


class Mouse:
    """As most people do it."""

    def __init__(self, page: Page) -> None:
        del page

    def fill(self, one: Locator, text: str) -> None:
        """See Hands."""
        one.fill(text)

    def tick(self, one: Locator) -> None:
        """See Hands."""
        one.check()

    def choose(self, one: Locator, value: str) -> None:
        """See Hands."""
        one.select_option(value)

    def press(self, one: Locator) -> None:
        """See Hands."""
        one.click()

    def attach(self, one: Locator, file: Path) -> None:
        """See Hands."""
        one.set_input_files(file)


class Keys:
    """Somebody without a mouse."""

    def __init__(self, page: Page) -> None:
        self._page, self._keyboard = page, page.keyboard

    def to(self, one: Locator, true: str = _FOCUSED) -> ElementHandle:
        """Press Tab (or Shift+Tab for what lies behind) until the focus stands on it, and can be seen to."""
        wanted = one.element_handle()
        key = "Shift+Tab" if self._page.evaluate(_BEHIND, wanted) else "Tab"
        for _ in range(MOST_TABS):
            if self._page.evaluate(true, wanted):
                assert self._page.evaluate(_SHOWN), f"the focus on {one} does not show"
                return wanted
            self._keyboard.press(key)
        raise AssertionError(f"{key} does not come to {one}")

    def fill(self, one: Locator, text: str) -> None:
        """See Hands."""
        self.to(one)
        if one.get_attribute("type") == "date":
            self._fill_day(one, text)
            return
        self._keyboard.press("Control+A")
        self._keyboard.type(text)

    def _fill_day(self, one: Locator, text: str) -> None:
        """Type a day part by part; which part stands first is the browser's language's."""
        day = date.fromisoformat(text)
        parts = {"y": f"{day:%Y}", "m": f"{day:%m}", "d": f"{day:%d}"}
        for order in ("ymd", "mdy", "dmy"):
            for _ in order:
                self._keyboard.press("ArrowLeft")
            for part in order:
                self._keyboard.type(parts[part])
                if part == "y":
                    self._keyboard.press("ArrowRight")
            if one.input_value() == text:
                return
        raise AssertionError(f"{text} cannot be typed into {one}")

    def tick(self, one: Locator) -> None:
        """See Hands."""
        if one.get_attribute("type") != "radio":
            self.to(one)
            self._keyboard.press("Space")
            return
        wanted = self.to(one, _IN_GROUP)
        for _ in range(20):
            if self._page.evaluate(_FOCUSED, wanted):
                break
            self._keyboard.press("ArrowDown")
        if not one.is_checked():
            self._keyboard.press("Space")
        assert one.is_checked()

    def choose(self, one: Locator, value: str) -> None:
        """See Hands."""
        self.to(one)
        self._keyboard.press("Home")
        for _ in range(60):
            if one.input_value() == value:
                return
            self._keyboard.press("ArrowDown")
        raise AssertionError(f"{value} is not in {one}")

    def press(self, one: Locator) -> None:
        """See Hands."""
        self.to(one)
        self._keyboard.press("Enter")

    def attach(self, one: Locator, file: Path) -> None:
        """See Hands."""
        with self._page.expect_file_chooser() as asked:
            self.press(one)
        asked.value.set_files(file)
