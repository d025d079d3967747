# SPDX-License-Identifier: Apache-2.0
"""Programs by their upstream version. A distribution mends without raising it: `backported` products say unknown."""

import re

from collector.versions.numbers import dotted
from collector.versions.version import Version

_OPENSSH = re.compile(r"^(?:OpenSSH[_ ])?(\d{1,2})\.(\d{1,2})(?:\.(\d{1,2}))?(?:p(\d{1,2}))?$", re.ASCII)
_EPM = re.compile(r"^(20\d\d)(?: SU ?(\d{1,2}))?$", re.ASCII)


def openssh(text: str) -> Version | None:
    """ "9.2p1", "6.6.1p1": one line without branches; the portable number is a mark."""
    found = _OPENSSH.match(text)
    if found is None:
        return None
    place = (int(found[1]), int(found[2]), int(found[3] or 0))
    return Version(text=text, line="openssh", branch=(), place=place, full=3, build=found[4] or "")


def ivanti_epm(text: str) -> Version | None:
    """Ivanti Endpoint Manager "2022 SU5"."""
    found = _EPM.match(text)
    if found is None:
        return None
    return Version(text=text, line="ivanti-epm", branch=(int(found[1]),), place=(int(found[2] or 0),), full=1)


SCHEMES = {
    "openssh": openssh,
    "ivanti-epm": ivanti_epm,
    "nginx": dotted("nginx", 2, 1),
    "apache": dotted("apache", 2, 1),
    "tomcat": dotted("tomcat", 2, 1),
    "php": dotted("php", 2, 1),
    "samba": dotted("samba", 2, 1),
    "mysql": dotted("mysql", 2, 1),
    "exchange": dotted("exchange", 2, 2),
    "veeam": dotted("veeam", 2, 2),
    "screenconnect": dotted("screenconnect", 1, 3),
    "teamviewer": dotted("teamviewer", 1, 3),
    "simplehelp": dotted("simplehelp", 2, 1),
    "beyondtrust": dotted("beyondtrust", 2, 1),
    "dotted": dotted("dotted", 2, 3),
}
