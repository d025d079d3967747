# SPDX-License-Identifier: Apache-2.0
"""Routers with a SIM of their own: a way out, and in, that passes by the site's gateway."""

import functools
import re
from collections.abc import Iterable

from probes.rows import load


@functools.cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str]]:
    data = load("mobile_routers.yaml")
    return re.compile(data["makers"], re.ASCII), re.compile(data["texts"], re.ASCII)


def mobile_sign(maker: str | None, texts: Iterable[str]) -> str:
    """What says that it is such a router: the maker or a text of its own; "" if nothing does."""
    makers, words = _patterns()
    for text in texts:
        if words.search(text[:500]):
            return text[:120]
    return maker if maker and makers.search(maker) else ""
