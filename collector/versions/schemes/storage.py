# SPDX-License-Identifier: Apache-2.0
"""NAS: QNAP "5.1.4.2596 build 20231128", Synology "7.2.1-69057 Update 5"."""

import re

from collector.versions.version import Version

_QTS = re.compile(
    r"^\\?(?:QTS |QuTS hero )?(h)?v?(\d{1,2})\.(\d{1,2})\.(\d{1,3})(?:\.(\d{1,6}))?(?:[ (]+(?:build ?)?(\d{8})\)?)?$",
    re.ASCII | re.IGNORECASE,
)
_DSM = re.compile(
    r"^(?:DSM |SRM )?v?(\d{1,2})\.(\d{1,2})(?:\.(\d{1,2}))?-(\d{3,6})(?:(?:[ \-]?Update ?|-)(\d{1,3}))?$",
    re.ASCII | re.IGNORECASE,
)


def qts(text: str) -> Version | None:
    """QTS: place (maintenance, build number); QuTS hero is a line of its own. No build: it tells no patch."""
    found = _QTS.match(text)
    if found is None:
        return None
    place = (int(found[4]),) if found[5] is None else (int(found[4]), int(found[5]))
    line = "quts-hero" if found[1] or "hero" in text.lower() else "qts"
    return Version(text=text, line=line, branch=(int(found[2]), int(found[3])), place=place, full=2)


def dsm(text: str) -> Version | None:
    """DSM: place (maintenance, build, update); SNMP leaves the update out, so it may be any."""
    found = _DSM.match(text)
    if found is None:
        return None
    place: tuple[int, ...] = (int(found[3] or 0), int(found[4]))
    if found[5] is not None:
        place += (int(found[5]),)
    return Version(text=text, line="dsm", branch=(int(found[1]), int(found[2])), place=place, full=3)


SCHEMES = {"qts": qts, "dsm": dsm}
