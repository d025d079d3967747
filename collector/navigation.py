# SPDX-License-Identifier: Apache-2.0
"""The way from page to page: a few groups in the first line, the pages of the group where one is in the second. Pure."""

from collections.abc import Callable
from dataclasses import dataclass

GROUPS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("today", (("today", "/today"), ("findings", "/findings"), ("changes", "/changes"))),
    (
        "ledger",
        (
            ("ledger", "/"),
            ("diagram", "/diagram"),
            ("same_devices", "/same-devices"),
            ("stocktake", "/stocktake"),
            ("import", "/import"),
        ),
    ),
    ("outside", (("register", "/register"), ("dual", "/dual-homed"), ("vendors", "/vendors"))),
    ("papers", (("checklist", "/checklist"), ("documents", "/documents"), ("releases", "/releases"))),
    ("records", (("scans", "/scans"), ("journal", "/journal"), ("audit", "/audit"))),
    ("settings", (("people", "/people"), ("welcome", "/welcome"), ("settings", "/settings"))),
    (
        "vendor_group",
        (("vendor", "/vendor"), ("vendor_sheet", "/vendor/sheet"), ("vendor_documents", "/vendor/documents")),
    ),
    ("inspector_group", (("inspection", "/inspection"), ("inspection_search", "/inspection/search"))),
)
_LEDGERS_OWN = (
    "/devices/",
    "/bulk",
    "/listed",
)  # pages of the ledger whose addresses do not begin with its own


@dataclass(frozen=True, slots=True)
class Link:
    """One link of a line; `here` is "page" on the page itself, "true" on a page below it, else ""."""

    name: str
    href: str
    here: str = ""


@dataclass(frozen=True, slots=True)
class Menu:
    """The two lines; the second is empty where a visitor has a single group, or only one page in this one."""

    groups: tuple[Link, ...]
    pages: tuple[Link, ...]


def menu(may: Callable[[str], bool], path: str) -> Menu:
    """Give what a visitor who may use these routes ("GET /scans") sees on the page at this address."""
    mine = [
        (group, own) for group, pages in GROUPS if (own := [one for one in pages if may(f"GET {one[1]}")])
    ]
    here = _nearest([href for _, own in mine for _, href in own], path)
    lines = [(group, [_link(*one, here, path) for one in own]) for group, own in mine]
    if len(lines) == 1:
        return Menu(tuple(lines[0][1]), ())
    groups = tuple(Link(f"group_{group}", own[0].href, _group_mark(own)) for group, own in lines)
    pages = next((own for _, own in lines if any(one.here for one in own)), [])
    return Menu(groups, tuple(pages) if len(pages) > 1 else ())


def _nearest(hrefs: list[str], path: str) -> str:
    """Give the longest of the addresses that the page lies at or below; "" for none."""
    if path.startswith(_LEDGERS_OWN):
        return "/" if "/" in hrefs else ""
    return max(
        (one for one in hrefs if path == one or (path.startswith(f"{one.rstrip('/')}/") and one != "/")),
        key=len,
        default="",
    )


def _link(name: str, href: str, here: str, path: str) -> Link:
    return Link(name, href, ("page" if path == href else "true") if href == here else "")


def _group_mark(pages: list[Link]) -> str:
    """A group is marked by the page that is shown, as the page itself where it is the only one."""
    here = next((one.here for one in pages if one.here), "")
    return here if len(pages) == 1 else "true" if here else ""
