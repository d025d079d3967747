# SPDX-License-Identifier: Apache-2.0
"""BIND 9 query log: `29-Nov-2026 10:00:00.123 … client @0x… 192.0.2.5#53124 (name): query: name IN A +`."""

import re

from collector.imports.logs.heard import Heard, from_text, heard

_LINE = re.compile(
    r"([0-9]{2}-[A-Z][a-z]{2}-[0-9]{4} [0-9:]{8})(?:\.[0-9]{1,6})? .{0,80}?"
    r"client (?:@0x[0-9a-f]+ )?([0-9a-fA-F.:]{2,45})#[0-9]+(?: \([^)]{1,253}\))?: (?:view [^:]{1,64}: )?"
    r"query: (\S{1,253}) IN "
)


def read_line(line: str, year: int) -> Heard | None:
    """Read one line."""
    del year
    found = _LINE.match(line)
    return heard(from_text(found[1], "%d-%b-%Y %H:%M:%S"), found[2], found[3]) if found else None
