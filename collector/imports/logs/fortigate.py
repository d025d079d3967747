# SPDX-License-Identifier: Apache-2.0
"""FortiGate's logs as key=value (traffic, web filter, DNS, application control), with or without a syslog head."""

import re

from collector.imports.logs.heard import Heard, from_text, heard

_PAIR = re.compile(r'([a-z_]{2,20})=(?:"([^"]{0,1024})"|(\S{0,1024}))')
_NAMES = ("qname", "hostname", "dstname", "url")
_MOST_PAIRS = 120


def read_line(line: str, year: int) -> Heard | None:
    """Read one line that names a source and whom it called."""
    del year
    start = line.find("date=")
    if start < 0 or "srcip=" not in line:
        return None
    pairs = {}
    for count, found in enumerate(_PAIR.finditer(line, start)):
        pairs[found[1]] = found[2] if found[2] is not None else found[3]
        if count > _MOST_PAIRS:
            break
    name = next((pairs[key] for key in _NAMES if pairs.get(key)), "")
    host = re.sub(r"^[a-z]+://", "", name).partition("/")[0].partition(":")[0]
    at = from_text(f"{pairs.get('date', '')} {pairs.get('time', '')}", "%Y-%m-%d %H:%M:%S")
    return heard(at, pairs.get("srcip", ""), host)
