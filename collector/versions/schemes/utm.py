# SPDX-License-Identifier: Apache-2.0
"""Firewalls: Sophos, WatchGuard, Zyxel."""

import re

from collector.versions.numbers import whole
from collector.versions.version import Version

_SFOS = re.compile(
    r"^(?:SFOS )?v?(\d{1,2})\.(\d{1,2})(?:\.(\d{1,3}))?(?: GA)?(?: ?MR-?(\d{1,2}))?(?:[ \-]?Build-?(\d{1,5}))?$",
    re.ASCII | re.IGNORECASE,
)
_FIREWARE = re.compile(
    r"^(?:Fireware )?(?:OS )?v?(\d{1,4})\.(\d{1,2})(?:\.(\d{1,3}))?(?:(?:_U| U| Update )(\d{1,2}))?"
    r"(?:[. ](?:Build )?B?(\d{4,8}))?$",
    re.ASCII | re.IGNORECASE,
)
_ZLD = re.compile(
    r"^V?(\d{1,2})\.(\d{1,2})(?:\(([A-Z]{4})\.(\d{1,3})\)(?:[A-Z]\d{1,3})?|(?: ?Patch ?|\.)(\d{1,3}))?$",
    re.ASCII | re.IGNORECASE,
)


def sfos(text: str) -> Version | None:
    """Sophos "20.0.3 MR-3-Build427": the third number is the maintenance release."""
    found = _SFOS.match(text)
    if found is None:
        return None
    maintenance = found[3] or found[4] or "0"
    return Version(
        text=text,
        line="sfos",
        branch=(int(found[1]), int(found[2])),
        place=(int(maintenance),),
        full=1,
        build=found[5] or "",
    )


def fireware(text: str) -> Version | None:
    """WatchGuard "12.11.4", "11.12.4_U1", "2025.1.4": place (maintenance, update); the build is a mark."""
    found = _FIREWARE.match(text)
    if found is None:
        return None
    return Version(
        text=text,
        line="fireware",
        branch=(int(found[1]), int(found[2])),
        place=(whole(found[3]), whole(found[4])),
        full=2,
        build=found[5] or "",
    )


def zyxel(text: str) -> Version | None:
    """Zyxel "V5.38(ABUI.1)": version, model code, patch; other codes are other firmware of the same release."""
    found = _ZLD.match(text)
    if found is None:
        return None
    patch = found[4] if found[4] is not None else found[5]
    return Version(
        text=text,
        line="zyxel",
        branch=(int(found[1]),),
        place=(int(found[2]), whole(patch)),
        full=2,
        build=(found[3] or "").upper(),
    )


SCHEMES = {"sfos": sfos, "fireware": fireware, "zyxel": zyxel}
