# SPDX-License-Identifier: Apache-2.0
"""Operating systems: Windows builds, Linux releases, ESXi. A release or a build without UBR tells no patch."""

import re

from collector.versions.version import Version

_WINDOWS = re.compile(r"^(?:Windows )?(\d{1,2})\.(\d)\.(\d{4,5})(?:\.(\d{1,6}))?$", re.ASCII)
_RELEASE = re.compile(r"^(\d{1,4})(?:\.(\d{1,3}))?(?:\.(\d{1,4}))?(?: ?\(?[A-Za-z ]{1,30}\)?)?$", re.ASCII)
_ESXI = re.compile(
    r"^(?:ESXi )?v?(\d)\.(\d)(?:\.(\d))?(?: ?(?:Update|U) ?(\d)([a-z])?)?(?:[ \-]+(?:build[ \-]?)?(\d{6,9}))?$",
    re.ASCII | re.IGNORECASE,
)


def windows(text: str) -> Version | None:
    """ "10.0.17763.5329": branch is the build, place the UBR; without UBR it tells the release only."""
    found = _WINDOWS.match(text)
    if found is None:
        return None
    ubr = () if found[4] is None else (int(found[4]),)
    branch = tuple(map(int, found.group(1, 2, 3)))
    return Version(text=text, line="windows", branch=branch, place=ubr, full=1)


def release(text: str) -> Version | None:
    """A Linux release "22.04", "12.5", "8.10": it says nothing of the packages, so its place is never told."""
    found = _RELEASE.match(text)
    if found is None:
        return None
    branch = (int(found[1]), int(found[2] or 0))
    return Version(text=text, line="release", branch=branch, place=(), full=1)


def esxi(text: str) -> Version | None:
    """ "7.0.3 build-21930508": the build counts on inside a release."""
    found = _ESXI.match(text)
    if found is None:
        return None
    build = () if found[6] is None else (int(found[6]),)
    return Version(text=text, line="esxi", branch=(int(found[1]), int(found[2])), place=build, full=1)


SCHEMES = {"windows": windows, "release": release, "esxi": esxi}
