# SPDX-License-Identifier: Apache-2.0
"""Which addresses a scan left alone because the site said so, and whether the facility's ledger lists them. Pure.

An address on the never-list is not a gap when the facility's own ledger says what stands there: then
it is that ledger, not the scan, that accounts for it. What no ledger lists stays a gap.
"""

import ipaddress
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from inventory_db.networks import IPNetwork, network
from probes.facts import Scan

_WIDEST = 1024  # addresses of one entry that are looked up one by one; a wider entry is never accounted for
_MOST_ENTRIES = 1000  # entries of one scan that are looked up


@dataclass(frozen=True, slots=True)
class LeftAlone:
    """What one scan left alone: by address if the ledger lists it, else by address or by network."""

    listed: tuple[str, ...] = ()
    unlisted: tuple[str, ...] = ()


def left_alone(
    scan: Scan, networks: Sequence[IPNetwork], nobodies: Collection[str], listed: Collection[str]
) -> LeftAlone:
    """Divide what the scan left alone; `nobodies`: addresses that no device has, and our own."""
    found = dict.fromkeys(_addresses(scan, networks))
    ours = [one for one in found if one not in nobodies]
    return LeftAlone(
        tuple(one for one in ours if one in listed), tuple(one for one in ours if one not in listed)
    )


def _addresses(scan: Scan, networks: Sequence[IPNetwork]) -> Iterator[str]:
    for place, text in enumerate(scan.left_out):
        entry = network(text)
        if entry is None or place >= _MOST_ENTRIES or entry.num_addresses > _WIDEST:
            yield text
        else:
            yield from (str(ip) for ip in entry if any(ip in net for net in networks))


def still_alone(looks: Iterable[tuple[Sequence[IPNetwork], LeftAlone]]) -> tuple[str, ...]:
    """Give the listed addresses that the newest look at them left alone; looks come oldest first."""
    found: dict[str, None] = {}
    for networks, left in looks:
        for one in [one for one in found if any(ipaddress.ip_address(one) in net for net in networks)]:
            del found[one]
        found |= dict.fromkeys(left.listed)
    return tuple(found)
