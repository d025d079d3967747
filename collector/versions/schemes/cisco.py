# SPDX-License-Identifier: Apache-2.0
"""Cisco: IOS trains, IOS XE in both notations, ASA and FTD, NX-OS.

Trains are lines of their own: 15.2(4)M7 and 15.2(2)E8 have no order.
"""

import re

from collector.versions.numbers import letter, whole
from collector.versions.version import Version

_CLASSIC = re.compile(
    r"^(?:Version )?(\d{1,2})\.(\d{1,2})\((\d{1,3})([a-z])?\)([A-Z]{0,4})(\d{0,3})([a-z])?\d?$", re.ASCII
)
_XE = re.compile(
    r"^(?:[A-Z][A-Z0-9_\-]{2,60} |Version |\[\w{1,20}\],? ?)?0?(\d{1,2})\.(\d{1,2})\.(\d{1,3})([a-z])?(?:\.?(S|E|SG|SE|SQ|XO))?$",
    re.ASCII,
)
_ASA = re.compile(
    r"^(?:Version )?(\d{1,2})[.](\d{1,3})(?:\((\d{1,3})\)|[.\-](\d{1,3}))(?:[.\-]?(\d{1,3}))?$", re.ASCII
)
_FTD = re.compile(
    r"^(?:Version )?(\d{1,2})\.(\d{1,2})(?:\.(\d{1,3}))?(?:\.(\d{1,3}))?"
    r"(?: ?\((?:Build )?(\d{1,5})\)|-(\d{1,5}))?$",
    re.ASCII,
)
_NXOS = re.compile(
    r"^(?:Version )?(\d{1,2})\.(\d{1,2})(?:\((\d{1,3})([a-z])?\)|\.(\d{1,3})([a-z])?)"
    r"([A-Z])?(\d{1,3})?(?:\((\d{1,3})([a-z])?\))?(?: \[.{0,60}\])?$",
    re.ASCII,
)


def ios(text: str) -> Version | None:
    """Classic IOS "15.2(4)M7": train = line, place (maintenance, its letter, rebuild, its letter); else IOS XE."""
    found = _CLASSIC.match(text.rstrip("$ "))
    if found is None:
        return iosxe(text)
    return Version(
        text=text,
        line=f"ios {found[5]}",
        branch=(int(found[1]), int(found[2])),
        place=(int(found[3]), letter(found[4]), whole(found[6]), letter(found[7])),
        full=4,
        stem=2,
    )


def iosxe(text: str) -> Version | None:
    """IOS XE "17.09.04a" (= 17.9.4a) and the older "03.07.05E": place (maintenance, rebuild letter)."""
    found = _XE.match(text)
    if found is None:
        return None
    return Version(
        text=text,
        line=f"iosxe {found[5] or ''}",
        branch=(int(found[1]), int(found[2])),
        place=(int(found[3]), letter(found[4])),
        full=2,
        stem=1,
    )


def asa(text: str) -> Version | None:
    """ASA "9.16(4)57", "9.16.4.57", "9.12-4-67": place (maintenance, interim)."""
    found = _ASA.match(text.replace("-", ".", 1) if re.match(r"^\d+\.\d+-\d", text) else text)
    if found is None:
        return None
    maintenance = int(found[3] or found[4])
    return Version(
        text=text,
        line="asa",
        branch=(int(found[1]), int(found[2])),
        place=(maintenance, whole(found[5])),
        full=2,
        stem=1,
    )


def ftd(text: str) -> Version | None:
    """Threat Defense "7.2.5 (Build 208)": place (maintenance, patch); the build is a mark."""
    found = _FTD.match(text)
    if found is None:
        return None
    return Version(
        text=text,
        line="ftd",
        branch=(int(found[1]), int(found[2])),
        place=(whole(found[3]), whole(found[4])),
        full=2,
        stem=1,
        build=found[5] or found[6] or "",
    )


def nxos(text: str) -> Version | None:
    """NX-OS "7.0(3)I7(2)": train letter = line, place (maintenance, letter, train number, rebuild, letter)."""
    found = _NXOS.match(text)
    if found is None:
        return None
    train = "" if found[7] in (None, "F", "M") else found[7]
    maintenance, its_letter = found[3] or found[5], found[4] or found[6]
    return Version(
        text=text,
        line=f"nxos {train}",
        branch=(int(found[1]), int(found[2])),
        place=(int(maintenance), letter(its_letter), whole(found[8]), whole(found[9]), letter(found[10])),
        full=5,
    )


SCHEMES = {"ios": ios, "iosxe": iosxe, "asa": asa, "ftd": ftd, "nxos": nxos}
