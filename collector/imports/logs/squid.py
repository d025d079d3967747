# SPDX-License-Identifier: Apache-2.0
"""Squid's native access.log: `seconds elapsed client action/code size method URL …`."""

import re

from collector.imports.logs.heard import Heard, from_seconds, heard

_LINE = re.compile(
    r"([0-9]{9,11}\.[0-9]{3}) +[0-9]+ ([0-9a-fA-F.:]{2,45}) [A-Z_]+/[0-9]{3} [0-9]+ [A-Z]+ (\S{1,4096})"
)
_HOST = re.compile(r"(?:[a-z]+://)?(?:[^/@\s]*@)?([A-Za-z0-9.-]+)")


def read_line(line: str, year: int) -> Heard | None:
    """Read one line."""
    del year  # it writes its own
    found = _LINE.match(line)
    host = _HOST.match(found[3]) if found else None
    return heard(from_seconds(found[1]), found[2], host[1]) if found and host else None
