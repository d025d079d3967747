# SPDX-License-Identifier: Apache-2.0
"""Fortinet: "v7.0.14,build0601,230831 (GA)". The build is a mark: special builds carry numbers out of order."""

import re

from collector.versions.version import Version

_FORM = re.compile(
    r"^(?:[A-Za-z][\w\-]{0,40}[ \-])?v?(\d{1,3})\.(\d{1,3})(?:\.(\d{1,4}))?(?![\d.])"
    r"(?:[, ]{0,2}-?build ?(\d{1,6}))?(?P<rest>(?:[\s,(;\-].{0,100})?)$",
    re.ASCII | re.IGNORECASE,
)
_UNFINISHED = re.compile(r"interim|beta|alpha|\brc\b", re.IGNORECASE)


def fortinet(text: str) -> Version | None:
    """Branch major.minor, place patch; a release before its GA is no version that an advisory names."""
    found = _FORM.match(text)
    if found is None or _UNFINISHED.search(found["rest"]):
        return None
    patch = () if found[3] is None else (int(found[3]),)
    return Version(
        text=text,
        line="fortinet",
        branch=(int(found[1]), int(found[2])),
        place=patch,
        full=1,
        build=(found[4] or "").lstrip("0"),
    )


SCHEMES = {"fortinet": fortinet}
