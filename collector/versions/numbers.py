# SPDX-License-Identifier: Apache-2.0
"""Reading version texts made of dotted numbers, for the schemes."""

import re
from collections.abc import Callable

from collector.versions.version import Version

_PREFIX = r"^(?:(?:Software |Firmware )?(?:Version|Ver\.?|Rev\.?|Release|Rel\.?|v)[ .]?)?"
_DOTTED = re.compile(
    _PREFIX + r"(?P<numbers>\d{1,9}(?:\.\d{1,9}){0,7})(?P<letter>[A-Za-z])?"
    r"(?:[ \-_.]?(?P<stage>alpha|beta|rc|b(?=\d))[ .\-]?(?P<nth>\d{0,6}))?"
    r"(?:[ _\-]?(?:R|p|hotfix\.?|Update )?(?P<patch>\d{1,9}))?$",
    re.ASCII | re.IGNORECASE,
)
_STAGES = {"alpha": -3, "beta": -2, "b": -2, "rc": -1}


def letter(text: str | None) -> int:
    """Number a release letter: none 0, a 1, z 26, aa 27."""
    total = 0
    for char in (text or "").lower():
        total = total * 26 + ord(char) - 96
    return total


def whole(text: str | None) -> int:
    """Read digits; none is 0."""
    return int(text) if text else 0


def dotted(line: str, branch: int, full: int) -> Callable[[str], Version | None]:
    """Make a reader of plain dotted versions: `branch` leading numbers, then up to `full` more.

    What is not written is zero, as makers mean it; a trailing letter, stage (beta, rc) and patch follow.
    """

    def read(text: str) -> Version | None:
        found = _DOTTED.match(text)
        if found is None:
            return None
        numbers = tuple(int(part) for part in found["numbers"].split("."))
        if not branch <= len(numbers) <= branch + full or len(numbers) < 2:
            return None
        rest = numbers[branch:] + (0,) * (branch + full - len(numbers))
        stage = _STAGES[found["stage"].lower()] if found["stage"] else 0
        tail = (letter(found["letter"]), stage, whole(found["nth"]), whole(found["patch"]))
        return Version(
            text=text, line=line, branch=numbers[:branch], place=rest + tail, full=full + len(tail)
        )

    return read
