# SPDX-License-Identifier: Apache-2.0
"""At how many addresses of a network devices answered, and what was held back of them, of all devices at once."""

import contextlib
import ipaddress
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from collector.standing import memory_of
from inventory_db.agents import Connection
from inventory_db.binding import facility_of
from inventory_db.derived import derived_from
from inventory_db.footprints import each_footprint

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_ALWAYS = datetime(2000, 1, 1, tzinfo=UTC)  # it depends on the devices alone, not on the hour
MOST_REASONS = 20


@dataclass(frozen=True, slots=True)
class LookedAt:
    """What the page of scans needs of all devices."""

    addresses: dict[int, tuple[int, ...]]  # by IP version, sorted, each once
    held_back: tuple[tuple[str, int], ...]  # reason and devices, the most first

    def count(self, network: Network) -> int:
        """Say at how many addresses of the network devices stand."""
        begin, end = self._span(network)
        return end - begin

    def within(self, network: Network) -> tuple[int, ...]:
        """Give the addresses of the network at which devices stand, as numbers, in order."""
        begin, end = self._span(network)
        return self.addresses.get(network.version, ())[begin:end]

    def _span(self, network: Network) -> tuple[int, int]:
        known = self.addresses.get(network.version, ())
        first, last = int(network.network_address), int(network.broadcast_address)
        return bisect_left(known, first), bisect_right(known, last)


def look_at(addresses: Iterable[str], held_back: Iterable[str]) -> LookedAt:
    """Make it from the devices' addresses and the reasons of each device."""
    found: dict[int, set[int]] = {4: set(), 6: set()}
    for text in addresses:
        with contextlib.suppress(ValueError):
            address = ipaddress.ip_address(text)
            found[address.version].add(int(address))
    counted = Counter(held_back).most_common(MOST_REASONS)
    return LookedAt({version: tuple(sorted(known)) for version, known in found.items()}, tuple(counted))


def looked_at(connection: Connection) -> LookedAt:
    """Give it of the facility's devices as they stand, made once for each derivation."""

    def make() -> tuple[LookedAt, int]:
        feet = list(each_footprint(connection))
        found = look_at(
            {ip for foot in feet for ip in foot.ips}, (why for foot in feet for why in foot.held_back)
        )
        return found, len(feet) // 10  # it weighs a tenth of a device

    key = (facility_of(connection), "looked at")
    found: LookedAt = memory_of(connection).get(key, (derived_from(connection),), _ALWAYS, make)
    return found
