# SPDX-License-Identifier: Apache-2.0
"""dnsmasq with log-queries, through syslog: `Nov 29 10:00:00 host dnsmasq[1]: query[A] name from client`."""

import re

from collector.imports.logs.heard import Heard, from_text, heard

_LINE = re.compile(
    r"([A-Z][a-z]{2}) {1,2}([0-9]{1,2}) ([0-9:]{8}) (?:\S{1,64} )?dnsmasq(?:\[[0-9]+\])?: "
    r"(?:[0-9]+ \S+ )?query\[[A-Za-z0-9=-]{1,12}\] (\S{1,253}) from ([0-9a-fA-F.:]{2,45})"
)


def read_line(line: str, year: int) -> Heard | None:
    """Read one line."""
    found = _LINE.match(line)
    if not found:
        return None
    at = from_text(f"{year} {found[1]} {found[2]} {found[3]}", "%Y %b %d %H:%M:%S")
    return heard(at, found[5], found[4])
