# SPDX-License-Identifier: Apache-2.0
"""Check Point: "R81.20 Jumbo Hotfix Take 141". Without its Take, which no banner shows, a gateway tells no patch."""

import re

from collector.versions.version import Version

_FORM = re.compile(
    r"^(?:Check ?Point )?(?:Gaia )?R(\d{2,3})(?:\.(\d{1,3}))?(?:\.(\d{1,3}))?(?![\d.])"
    r"(?:.{0,60}?\b(?:Take|JHF)[ _#]{0,2}(\d{1,4}))?",
    re.ASCII | re.IGNORECASE,
)


def checkpoint(text: str) -> Version | None:
    """Branch release, place Take; three-part releases (R81.10.10) are Spark appliances, a line of their own."""
    found = _FORM.match(text)
    if found is None:
        return None
    branch = (int(found[1]), int(found[2] or 0))
    if found[3]:
        return Version(text=text, line="checkpoint-spark", branch=branch, place=(int(found[3]),), full=2)
    take = (int(found[4]),) if found[4] else ()
    return Version(text=text, line="checkpoint", branch=branch, place=take, full=1)


SCHEMES = {"checkpoint": checkpoint}
