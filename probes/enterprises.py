# SPDX-License-Identifier: Apache-2.0
"""Which organisation an SNMP enterprise number belongs to, by the IANA registry. Pure.

Source: IANA "Private Enterprise Numbers" (RFC 9371), kept as `recognised/enterprise_numbers.tsv`. The
registry says who owns the number: makers of agents, chips and radio modules own numbers too, so a
name from here is a likely maker, and those who only make agents or systems are left out.
"""

import functools

from probes.rows import FOLDER

ENTERPRISES = "1.3.6.1.4.1."
# Numbers that name the SNMP agent, the operating system or the chip, never the box around it.
_NOT_A_MAKER = frozenset((0, 311, 2021, 2238, 4413, 8072, 12325, 16972, 30155))
# Numbers below which programs, boards and cards inside answer: they do not name the box either.
PARTS = frozenset((2, 9, 99, 343, 1981, 2699, 3582, 6876, 10876, 21296, 25536, 61509))
_MOST_DIGITS = 7


def number_of(object_id: str) -> int | None:
    """Give the enterprise number inside a sysObjectID, None where it has none."""
    below = object_id.removeprefix(".").removeprefix(ENTERPRISES)
    digits = below.partition(".")[0]
    if below == object_id.removeprefix(".") or not digits.isdecimal() or len(digits) > _MOST_DIGITS:
        return None
    return int(digits)


def organisation_of(number: int | None) -> str | None:
    """Give the registered organisation, None if there is none or it makes no devices."""
    if number is None or number in _NOT_A_MAKER:
        return None
    registry = _registry()
    begin = registry.find(f"\n{number}\t")
    if begin < 0:
        return None
    return registry[begin + 1 : registry.index("\n", begin + 1)].partition("\t")[2]


@functools.cache
def _registry() -> str:
    return (FOLDER / "enterprise_numbers.tsv").read_text("utf-8")
