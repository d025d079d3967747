# SPDX-License-Identifier: Apache-2.0
"""Version order per maker: less, equal, greater, or unknown rather than wrong.

Pure and total: no text, however hostile, raises. The schemes lie in `schemes/`, one maker a file.
"""

import functools
import importlib
import pkgutil
from collections.abc import Callable, Mapping

from collector.versions import schemes as _schemes
from collector.versions.version import Order, Version, across_branches, against_bound, inside_branch

__all__ = [
    "Order",
    "Version",
    "against_bound",
    "compare",
    "parse",
    "release_order",
    "scheme_names",
]

MOST_TEXT = 200  # characters of a version that are looked at; longer text is no version
Parse = Callable[[str], Version | None]


def scheme_names() -> tuple[str, ...]:
    """Give the names of all schemes, sorted."""
    return tuple(sorted(_all()))


def parse(scheme: str, text: str | None) -> Version | None:
    """Take a version apart; None if the scheme is not known or the text is none of its versions."""
    if not text or len(text) > MOST_TEXT:
        return None
    return _parsed(scheme, text)


def compare(scheme: str, one: str | None, other: str | None) -> Order:
    """Compare inside a branch; across branches, for unknown schemes and texts the answer is UNKNOWN."""
    left, right = parse(scheme, one), parse(scheme, other)
    return Order.UNKNOWN if left is None or right is None else inside_branch(left, right)


def release_order(scheme: str, one: str | None, other: str | None) -> Order:
    """Compare by release also from branch to branch; says nothing about which fixes a version holds."""
    left, right = parse(scheme, one), parse(scheme, other)
    return Order.UNKNOWN if left is None or right is None else across_branches(left, right)


@functools.lru_cache(maxsize=65536)
def _parsed(scheme: str, text: str) -> Version | None:
    reader = _all().get(scheme)
    return None if reader is None else reader(" ".join(text.split()))


@functools.cache
def _all() -> Mapping[str, Parse]:
    found: dict[str, Parse] = {}
    for info in pkgutil.iter_modules(_schemes.__path__):
        module = importlib.import_module(f"{_schemes.__name__}.{info.name}")
        found.update(module.SCHEMES)
    return found
