# SPDX-License-Identifier: Apache-2.0
"""Makers of Japan: Yamaha, NEC, Allied Telesis, Furukawa, Fujitsu, ALAXALA, APRESIA, Buffalo, Century, Sun, Soliton."""

import re

from collector.versions.numbers import dotted, letter
from collector.versions.version import Version

_YAMAHA = re.compile(
    r"^(?:(?:RTX|NVR|FWX|SWX|WLX|RT|SRT|vRX|UTX)[\w\-]{0,16} )?(?:BootROM \S{1,12} ?\S{0,8} )?(?:Rev\.? ?)?"
    r"(\d{1,2})\.(\d{1,2})\.(\d{1,3})(?: \(.{0,60})?$",
    re.ASCII,
)
_IX = re.compile(r"^(?:Version |Ver\.? ?)?(\d{1,2})\.(\d{1,2})\.(\d{1,3})([A-Z])?$", re.ASCII)
_AWPLUS = re.compile(r"^(?:AW\+ )?v?(\d)\.(\d)\.(\d{1,2})-(\d{1,2})\.(\d{1,3})$", re.ASCII)
_ALLIEDWARE = re.compile(r"^v?(\d)\.(\d)\.(\d{1,2})-(\d{1,3})$", re.ASCII)
_FITELNET = re.compile(r"^V?(\d{1,2})\.(\d{1,2})\((\d{1,3})\)(?: ?\[?\d{6,8}\]?| .{0,40})?$", re.ASCII)
_FUJITSU = re.compile(r"^V?(\d{1,2})\.(\d{1,3})(?: ?NY(\d{1,4}))?$", re.ASCII)
_ALAXALA = re.compile(r"^(?:Ver\.? ?)?(\d{1,2})\.(\d{1,2})(?:\.([A-Z]{1,2}))?$", re.ASCII)


def yamaha(text: str) -> Version | None:
    """ "Rev.15.02.30": the first two numbers name the model's branch."""
    found = _YAMAHA.match(text)
    if found is None:
        return None
    return Version(
        text=text, line="yamaha", branch=(int(found[1]), int(found[2])), place=(int(found[3]),), full=1
    )


def nec_ix(text: str) -> Version | None:
    """ "10.8.21", "9.6.12A"."""
    found = _IX.match(text)
    if found is None:
        return None
    place = (int(found[3]), letter(found[4]))
    return Version(text=text, line="nec-ix", branch=(int(found[1]), int(found[2])), place=place, full=2)


def allied(text: str) -> Version | None:
    """AlliedWare Plus "5.5.2-1.4" (branch 5.5.2, then minor and maintenance), AlliedWare "2.9.1-10"."""
    if found := _AWPLUS.match(text):
        branch, place = tuple(map(int, found.group(1, 2, 3))), tuple(map(int, found.group(4, 5)))
        return Version(text=text, line="awplus", branch=branch, place=place, full=2, stem=1)
    if found := _ALLIEDWARE.match(text):
        branch = tuple(map(int, found.group(1, 2, 3)))
        return Version(text=text, line="alliedware", branch=branch, place=(int(found[4]),), full=1)
    return None


def fitelnet(text: str) -> Version | None:
    """Furukawa "V01.12(00)"."""
    found = _FITELNET.match(text)
    if found is None:
        return None
    place = (int(found[2]), int(found[3]))
    return Version(text=text, line="fitelnet", branch=(int(found[1]),), place=place, full=2)


def fujitsu(text: str) -> Version | None:
    """Si-R and SR-S "V20.35 NY0060": without NY it tells no patch."""
    found = _FUJITSU.match(text)
    if found is None:
        return None
    place = (int(found[2]),) if found[3] is None else (int(found[2]), int(found[3]))
    return Version(text=text, line="fujitsu", branch=(int(found[1]),), place=place, full=2)


def alaxala(text: str) -> Version | None:
    """ "12.1.G": the letter counts revisions; without it it tells no patch."""
    found = _ALAXALA.match(text)
    if found is None:
        return None
    place = (int(found[2]),) if found[3] is None else (int(found[2]), letter(found[3]))
    return Version(text=text, line="alaxala", branch=(int(found[1]),), place=place, full=2)


SCHEMES = {
    "yamaha": yamaha,
    "nec-ix": nec_ix,
    "allied": allied,
    "fitelnet": fitelnet,
    "fujitsu": fujitsu,
    "alaxala": alaxala,
    "apresia": dotted("apresia", 1, 2),
    "buffalo": dotted("buffalo", 1, 2),
    "century": dotted("century", 1, 2),
    "rooster": dotted("rooster", 1, 2),
    "filezen": dotted("filezen", 1, 3),
}
