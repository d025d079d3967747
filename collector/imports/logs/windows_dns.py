# SPDX-License-Identifier: Apache-2.0
"""Debug log of Windows DNS Server: `… PACKET … UDP Rcv 192.0.2.5 0002 Q [0001 D NOERROR] A (7)router1(3)com(0)`."""

import re

from collector.imports.logs.heard import Heard, from_text, heard

_LINE = re.compile(
    r"([0-9]{1,4}/[0-9]{1,2}/[0-9]{1,4} +[0-9]{1,2}:[0-9]{2}:[0-9]{2})(?: ([AP]M))? +[0-9A-F]{3,4} +PACKET +"
    r"[0-9A-F]{8,16} +(?:UDP|TCP) +Rcv +([0-9a-fA-F.:]{2,45}) +[0-9a-f]{4} +Q \[[^\]]{1,64}\] +\S+ +"
    r"((?:\([0-9]{1,2}\)[^()\s]{1,63})+)\(0\)"
)
_LABEL = re.compile(r"\([0-9]{1,2}\)([^()]+)")
_FORMS = ("%Y/%m/%d %H:%M:%S", "%m/%d/%Y %H:%M:%S")


def read_line(line: str, year: int) -> Heard | None:
    """Read one line; Japanese and American dates."""
    del year
    found = _LINE.match(line)
    if not found:
        return None
    text = " ".join(found[1].split())
    forms = ("%m/%d/%Y %I:%M:%S %p",) if found[2] else _FORMS
    times = (from_text(f"{text} {found[2]}" if found[2] else text, form) for form in forms)
    name = ".".join(_LABEL.findall(found[4]))
    return heard(next((time for time in times if time), None), found[3], name)
