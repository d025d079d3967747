# SPDX-License-Identifier: Apache-2.0
"""Remote-access gateways with notations of their own: Ivanti/Pulse, NetScaler, SonicWall, Array, F5."""

import re

from collector.versions.numbers import dotted, whole
from collector.versions.version import Version

_IVANTI = re.compile(
    r"^v?(\d{1,2})\.(\d{1,2})R(\d{1,3})(?:\.(\d{1,3}))?(?:\.\d{1,3})?(?:[ (,\-].{0,60})?$", re.I | re.A
)
_NETSCALER = re.compile(
    r"^(?:NetScaler )?(?:NS)?(\d{1,2})\.(\d{1,2})(-(?:FIPS|NDcPP))?(?::? ?(?:Build )?|-)"
    r"(?:(\d{1,3})\.(\d{1,3}))?(?:\.\w{1,4})?(?:,.{0,80})?$",
    re.ASCII | re.IGNORECASE,
)
_SONICOS = re.compile(
    r"^(?:\(?Firmware )?(?:SonicOS )?(?:Enhanced )?v?(\d{1,2})\.(\d{1,2})\.(\d{1,2})(?:\.(\d{1,3}))?"
    r"(?:-(\d{1,6})(?P<kind>[a-z]{0,2}))?(?:-R(\d{1,6}))?(?: ?[/(].{0,60})?$",
    re.ASCII | re.IGNORECASE,
)
_F5 = re.compile(
    r"^(?:BIG-IP )?v?(\d{1,2})\.(\d{1,2})\.(\d{1,2})(?:\.(\d{1,3}))?(?:[ ,\-]+(?:Build )?(\d{1,4}(?:\.\d{1,4}){1,2}))?$",
    re.ASCII | re.IGNORECASE,
)


def ivanti(text: str) -> Version | None:
    """Ivanti and Pulse Connect Secure "22.7R2.5", "9.1R18.9 (build 25579)"."""
    found = _IVANTI.match(text)
    if found is None:
        return None
    place = (int(found[3]), whole(found[4]))
    return Version(text=text, line="ivanti", branch=(int(found[1]), int(found[2])), place=place, full=2)


def netscaler(text: str) -> Version | None:
    """NetScaler "13.1-58.32", "NS12.0: Build 57.19.nc": without its build it tells no patch; FIPS stands apart."""
    found = _NETSCALER.match(text) or _NETSCALER.match(f"{text}:")
    if found is None:
        return None
    build = () if found[4] is None else (int(found[4]), int(found[5]))
    line = f"netscaler{(found[3] or '').lower()}"
    return Version(text=text, line=line, branch=(int(found[1]), int(found[2])), place=build, full=2)


def sonicos(text: str) -> Version | None:
    """SonicOS "7.0.1-5161", "5.9.2.14-13o", "7.0.1-R1456": an R number is another count than the build."""
    found = _SONICOS.match(text)
    if found is None:
        return None
    place: tuple[int, ...] = (int(found[3]), whole(found[4]))
    if found[5] is not None:
        place += (int(found[5]),)
    return Version(text=text, line="sonicwall", branch=(int(found[1]), int(found[2])), place=place, full=3)


def bigip(text: str) -> Version | None:
    """F5 BIG-IP "16.1.2.2 Build 0.0.28": place (maintenance, point release); the build is a mark."""
    found = _F5.match(text)
    if found is None:
        return None
    return Version(
        text=text,
        line="bigip",
        branch=(int(found[1]), int(found[2])),
        place=(int(found[3]), whole(found[4])),
        full=2,
        stem=1,
        build=found[5] or "",
    )


_array = dotted("array", 2, 3)


def array(text: str) -> Version | None:
    """ArrayOS "9.4.5.9", "Rel.AG.9.4.0.484"."""
    return _array(re.sub(r"^(?:ArrayOS )?(?:Rel[. ])?(?:v?(?:AG|APV|TM)[. ])?", "", text))


SCHEMES = {"ivanti": ivanti, "netscaler": netscaler, "sonicwall": sonicos, "bigip": bigip, "array": array}
