# SPDX-License-Identifier: Apache-2.0
"""Juniper: Junos "22.4R3-S1.5", "12.1X46-D65.4", and ScreenOS "6.3.0r24.0"."""

import re

from collector.versions.numbers import whole
from collector.versions.version import Version

_JUNOS = re.compile(
    r"^(?:JUNOS )?(\d{1,2})\.(\d{1,2})(?:R(\d{1,3})(?:-S(\d{1,3}))?|(X\d{1,3})-D(\d{1,4}))"
    r"(?:\.(\d{1,4}))?(-EVO)?$",
    re.ASCII,
)
_SCREENOS = re.compile(r"^(\d{1,2})\.(\d{1,2})\.(\d{1,2})r(\d{1,3})([a-z])?(?:\.(\d{1,3}))?$", re.ASCII)


def junos(text: str) -> Version | None:
    """Branch year.quarter, place (R, S, spin); X branches and Evolved are lines of their own."""
    found = _JUNOS.match(text)
    if found is None:
        return None
    special = found[5] or ""
    numbers = (int(found[6]), 0) if special else (int(found[3]), whole(found[4]))
    return Version(
        text=text,
        line=f"junos {special}{found[8] or ''}",
        branch=(int(found[1]), int(found[2])),
        place=(*numbers, whole(found[7])),
        full=3,
        stem=0 if special else 1,
    )


def screenos(text: str) -> Version | None:
    """Branch 6.3.0, place (r, letter, spin)."""
    found = _SCREENOS.match(text)
    if found is None:
        return None
    return Version(
        text=text,
        line="screenos",
        branch=(int(found[1]), int(found[2]), int(found[3])),
        place=(int(found[4]), ord(found[5]) - 96 if found[5] else 0, whole(found[6])),
        full=3,
    )


SCHEMES = {"junos": junos, "screenos": screenos}
