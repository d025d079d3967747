# SPDX-License-Identifier: Apache-2.0
"""Router software that anyone can install: RouterOS, pfSense, OPNsense, VyOS, EdgeOS, OpenWrt; SoftEther, OpenVPN."""

import re

from collector.versions.numbers import dotted, whole
from collector.versions.version import Version

_ROUTEROS = re.compile(
    r"^(?:RouterOS )?v?(\d{1,2})\.(\d{1,2})(?:\.(\d{1,3}))?(?:(beta|rc)(\d{1,3}))?(?: \((?:stable|long-term|testing|development)\))?$",
    re.ASCII | re.IGNORECASE,
)
_PFSENSE = re.compile(
    r"^(?:pfSense )?(?:Plus )?(\d{1,2})\.(\d{1,2})(?:\.(\d{1,2}))?-RELEASE(?:-p(\d{1,3}))?(?: .{0,60})?$",
    re.ASCII,
)
_OPNSENSE = re.compile(
    r"^(?:OPNsense )?(2\d|1[5-9])\.(\d{1,2})(?:\.(\d{1,3}))?(?:_(\d{1,3}))?(?:-\w{2,10})?$", re.ASCII
)
_EDGEOS = re.compile(
    r"^(?:Edge\w{1,12}\.ER-\w{1,8}\.)?v?(\d)\.(\d{1,2})\.(\d{1,2})(?:-hotfix\.(\d{1,2}))?(?:\.\d{5,8}(?:\..{0,30})?)?$",
    re.ASCII,
)
_SOFTETHER = re.compile(
    r"^(?:Ver(?:sion)? )?v?(\d)\.(\d{2})(?:[.,\- ]{1,2}(?:Build )?(\d{3,5}))?(?:[ \-].{0,40})?$",
    re.ASCII | re.IGNORECASE,
)


def routeros(text: str) -> Version | None:
    """ "7.18.2", "7.1rc5": branch 7.18, place (patch, stage, its number)."""
    found = _ROUTEROS.match(text)
    if found is None:
        return None
    stage = {"beta": -2, "rc": -1}.get((found[4] or "").lower(), 0)
    place = (whole(found[3]), stage, whole(found[5]))
    return Version(text=text, line="routeros", branch=(int(found[1]), int(found[2])), place=place, full=3)


def pfsense(text: str) -> Version | None:
    """ "2.7.2-RELEASE", Plus "23.09.1-RELEASE": two lines."""
    found = _PFSENSE.match(text)
    if found is None:
        return None
    branch = (int(found[1]), int(found[2]))
    line = "pfsense-plus" if branch[0] >= 20 else "pfsense"
    return Version(text=text, line=line, branch=branch, place=(whole(found[3]), whole(found[4])), full=2)


def opnsense(text: str) -> Version | None:
    """ "25.7.11_1-amd64"; the FreeBSD release below it is no OPNsense version."""
    found = _OPNSENSE.match(text)
    if found is None:
        return None
    place = (whole(found[3]), whole(found[4]))
    return Version(text=text, line="opnsense", branch=(int(found[1]), int(found[2])), place=place, full=2)


def edgeos(text: str) -> Version | None:
    """ "v2.0.9-hotfix.7"."""
    found = _EDGEOS.match(text)
    if found is None:
        return None
    place = (int(found[3]), whole(found[4]))
    return Version(text=text, line="edgeos", branch=(int(found[1]), int(found[2])), place=place, full=2)


def softether(text: str) -> Version | None:
    """ "4.42 Build 9798", "4.41-9787-rtm": builds count on inside a major version."""
    found = _SOFTETHER.match(text)
    if found is None:
        return None
    place = (int(found[2]),) if found[3] is None else (int(found[2]), int(found[3]))
    return Version(text=text, line="softether", branch=(int(found[1]),), place=place, full=2)


SCHEMES = {
    "routeros": routeros,
    "pfsense": pfsense,
    "opnsense": opnsense,
    "edgeos": edgeos,
    "softether": softether,
    "vyos": dotted("vyos", 2, 1),
    "openwrt": dotted("openwrt", 2, 1),
    "openvpn": dotted("openvpn", 2, 1),
    "draytek": dotted("draytek", 2, 2),
}
