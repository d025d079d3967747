# SPDX-License-Identifier: Apache-2.0
"""Palo Alto Networks PAN-OS: "11.1.4-h7" is hotfix 7 of maintenance release 11.1.4; each has its own fixes."""

import re

from collector.versions.version import Version

_FORM = re.compile(r"^(?:PAN-OS )?v?(\d{1,2})\.(\d{1,2})\.(\d{1,3})(?:-h(\d{1,4}))?([.\-]xfr)?$", re.I | re.A)


def panos(text: str) -> Version | None:
    """Branch major.minor, place (maintenance, hotfix); "9.0.5.xfr" is a line of its own."""
    found = _FORM.match(text)
    if found is None:
        return None
    hotfix = int(found[4] or 0)
    return Version(
        text=text,
        line="panos-xfr" if found[5] else "panos",
        branch=(int(found[1]), int(found[2])),
        place=(int(found[3]), hotfix),
        full=2,
        stem=1,
        hotfix=hotfix > 0,
    )


SCHEMES = {"panos": panos}
