# SPDX-License-Identifier: Apache-2.0
"""Packages of distributions: "1:9.2p1-2+deb12u3" and "8.0p1-19.el8_8", ordered as dpkg and rpm do."""

import re
from collections.abc import Callable

from univers.debian import Version as DebVersion
from univers.rpm import compare_rpm_versions

from collector.versions.version import Order

_FORM = re.compile(r"^(?:\d{1,9}:)?\d[A-Za-z0-9.+~_^]{0,80}(?:-[A-Za-z0-9.+~_^]{1,40}){1,4}$", re.ASCII)


def package_order(kind: str, one: str, other: str) -> Order:
    """Compare two package revisions (kind deb or rpm).

    UNKNOWN for other kinds and for texts without the distribution's revision ("9.2p1" alone).
    """
    if kind not in _COMPARE or not _FORM.match(one) or not _FORM.match(other):
        return Order.UNKNOWN
    try:
        sign = _COMPARE[kind](one, other)
    except (ValueError, TypeError, AttributeError, IndexError):
        return Order.UNKNOWN
    return Order.EQUAL if sign == 0 else Order.LESS if sign < 0 else Order.GREATER


def _deb(one: str, other: str) -> int:
    left = DebVersion.from_string(one)  # type: ignore[no-untyped-call]
    right = DebVersion.from_string(other)  # type: ignore[no-untyped-call]
    return 0 if left == right else -1 if left < right else 1


def _rpm(one: str, other: str) -> int:
    return int(compare_rpm_versions(one, other))


_COMPARE: dict[str, Callable[[str, str], int]] = {"deb": _deb, "rpm": _rpm}
