# SPDX-License-Identifier: Apache-2.0
"""Switches and wireless: Aruba and HPE, with the platform letters as a line of their own."""

import re

from collector.versions.numbers import dotted
from collector.versions.version import Version

_LETTERED = re.compile(r"^([A-Z]{1,2})\.(\d{1,2})\.(\d{1,2})\.(\d{3,5})[A-Za-z]?$", re.ASCII)
_AOS = re.compile(r"^(\d{1,2})\.(\d{1,2})\.(\d{1,2})\.(\d{1,3})(?:-FIPS)?(?:[ \-_].{0,40})?$", re.ASCII)


def lettered(text: str) -> Version | None:
    """AOS-CX "FL.10.15.0005", ArubaOS-Switch "K.15.04.0007": the letters name the platform."""
    found = _LETTERED.match(text)
    if found is None:
        return None
    return Version(
        text=text,
        line=f"aruba {found[1]}",
        branch=(int(found[2]), int(found[3])),
        place=(int(found[4]),),
        full=1,
    )


def arubaos(text: str) -> Version | None:
    """ArubaOS "8.10.0.12-FIPS"."""
    found = _AOS.match(text)
    if found is None:
        return None
    place = (int(found[3]), int(found[4]))
    return Version(text=text, line="arubaos", branch=(int(found[1]), int(found[2])), place=place, full=2)


SCHEMES = {"aruba-lettered": lettered, "arubaos": arubaos, "cisco-small": dotted("cisco-small", 2, 2)}
