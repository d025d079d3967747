# SPDX-License-Identifier: Apache-2.0
"""Two short lines of links: every page that a visitor may open is in them, and where one is is marked."""

import pytest

from collector.navigation import GROUPS, Link, menu
from collector.permissions import TABLE
from inventory_db.accounts import Role


def lines(role: Role, path: str) -> tuple[list[Link], list[Link]]:
    found = menu(lambda route: TABLE[route].allows(role, None), path)
    return list(found.groups), list(found.pages)


@pytest.mark.parametrize("role", list(Role))
def test_every_page_is_two_steps_away_and_no_line_is_long(role: Role) -> None:
    reached = set()
    for group in lines(role, "/me")[0]:
        first, second = lines(role, group.href)
        reached |= {group.href, *(one.href for one in second)}
        assert (len(first) <= 6, len(second) <= 6) == (True, True)
    allowed = {href for _, pages in GROUPS for _, href in pages if TABLE[f"GET {href}"].allows(role, None)}
    assert reached == allowed


@pytest.mark.parametrize(
    ("path", "group", "page"),
    [
        ("/", "true", "/ page"),
        ("/devices/abc", "true", "/ true"),
        ("/same-devices/pair", "true", "/same-devices true"),
        ("/import/preview", "true", "/import true"),
        ("/vendors/v1", "true", "/vendors true"),
        ("/me", "", ""),
    ],
)
def test_it_says_where_one_is(path: str, group: str, page: str) -> None:
    groups, pages = lines(Role.ADMINISTRATOR, path)
    marked = [f"{one.href} {one.here}" for one in pages if one.here]
    assert ([one.here for one in groups if one.here], marked) == ([group] * bool(group), [page] * bool(page))


def test_a_vendor_and_an_inspector_have_one_line() -> None:
    assert [one.name for one in lines(Role.VENDOR, "/vendor")[0]] == [
        "vendor",
        "vendor_sheet",
        "vendor_documents",
    ]
    assert lines(Role.INSPECTOR, "/inspection")[1] == []
