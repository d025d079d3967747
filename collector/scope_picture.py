# SPDX-License-Identifier: Apache-2.0
"""A scan's scope as a map of squares: where devices answered, what is left alone on purpose, and the rest. Pure.

A network is 256 squares or fewer, in rows of 64, first address first; a square is one address or, where the network is
larger, as many as its share. A square with a device is full, one with an address that is left alone is crossed.
"""

import contextlib
import ipaddress
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from collector.looked_at import LookedAt, Network

MOST_NETWORKS = 64  # of one scope that are drawn
COLUMNS, MOST_SQUARES = 64, 256
MOST_SWEPT = 2**16  # addresses of an IPv6 network
MOST_NAMED = 12  # of what is left alone, for each network


@dataclass(frozen=True, slots=True)
class Covered:
    """One network of a scope: of its addresses, at how many devices answered, and how many are left alone on purpose."""

    network: str
    first: str
    last: str
    addresses: int
    seen: int
    left_out: int
    never: tuple[str, ...]  # what is left alone, as it was written; MOST_NAMED at most
    squares: int
    seen_path: str  # SVG path data in squares
    left_path: str

    @property
    def rest(self) -> int:
        """How many addresses did not answer, or were not asked yet."""
        return max(0, self.addresses - self.seen - self.left_out)

    @property
    def is_swept(self) -> bool:
        """Whether an agent asks address by address; a wider IPv6 network it only listens to."""
        return ":" not in self.first or self.addresses <= MOST_SWEPT

    @property
    def columns(self) -> int:
        """Squares in a row."""
        return min(self.squares, COLUMNS)

    @property
    def rows(self) -> int:
        """Rows of squares."""
        return -(-self.squares // COLUMNS)

    @property
    def each(self) -> int:
        """Addresses of one square."""
        return self.addresses // self.squares


def cover(scope: Iterable[str], left_out: Sequence[str], looked: LookedAt) -> list[Covered]:
    """Give for each network of the scope what is known of it."""
    away = _networks(left_out)
    return [_cover(one, away, looked) for one in _networks(scope)[:MOST_NETWORKS]]


def _cover(network: Network, away: Sequence[Network], looked: LookedAt) -> Covered:
    alone = [one for one in away if one.version == network.version and one.overlaps(network)]
    start, squares = int(network.network_address), min(network.num_addresses, MOST_SQUARES)
    each = network.num_addresses // squares
    seen = {(address - start) // each for address in looked.within(network)}
    left = {square for one in alone for square in _squares(one, network, each)}
    return Covered(
        network=str(network),
        first=str(network.network_address),
        last=str(network.broadcast_address),
        addresses=network.num_addresses,
        seen=looked.count(network),
        left_out=min(network.num_addresses, sum(one.num_addresses for one in _once(alone))),
        never=tuple(map(str, alone[:MOST_NAMED])),
        squares=squares,
        seen_path="".join(_square(one) for one in sorted(seen)),
        left_path="".join(_cross(one) for one in sorted(left)),
    )


def _once(networks: Sequence[Network]) -> Iterable[Network]:
    """The same addresses, none of them twice; all networks are of one version."""
    return ipaddress.collapse_addresses(networks)  # type: ignore[type-var]


def _squares(part: Network, network: Network, each: int) -> range:
    start = int(network.network_address)
    first = max(int(part.network_address), start) - start
    last = min(int(part.broadcast_address), int(network.broadcast_address)) - start
    return range(first // each, last // each + 1)


def _square(number: int) -> str:
    row, column = divmod(number, COLUMNS)
    return f"M{column}.15 {row}.15h.7v.7h-.7z"


def _cross(number: int) -> str:
    row, column = divmod(number, COLUMNS)
    return f"M{column}.15 {row}.15l.7 .7m0-.7l-.7 .7"


def _networks(texts: Iterable[str]) -> list[Network]:
    """Read networks; what an agent calls one and is none is left out."""
    found = []
    for text in texts:
        with contextlib.suppress(ValueError):
            found.append(ipaddress.ip_network(text, strict=False))
    return found
