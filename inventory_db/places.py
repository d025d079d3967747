# SPDX-License-Identifier: Apache-2.0
"""Where an observation was made: the same IP address on two isolated networks is two places.

A realm is all that one agent can reach: within it an IP address is one place at a time. Vantages
that took part in the same scan belong to one agent. Where two vantages of one agent stand on
networks that overlap, each is a realm of its own for what stands on its link.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from inventory_db.networks import overlap, within
from inventory_db.observations import Stored
from probes.facts import Vantage


class Union:
    """Disjoint sets of strings; the smallest member stands for its set."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def find(self, one: str) -> str:
        """Give the member that stands for the set of `one`."""
        parent = self._parent.setdefault(one, one)
        while parent != one:
            grand = self._parent[parent]
            self._parent[one] = grand
            one, parent = parent, grand
        return one

    def join(self, one: str, other: str) -> None:
        """Make two sets one."""
        small, large = sorted((self.find(one), self.find(other)))
        self._parent[large] = small


class Places:
    """Realm and link of every observation."""

    def __init__(self, observations: Iterable[Stored], vantages: Iterable[Vantage]) -> None:
        self._vantages: Mapping[str, Vantage] = {vantage.id: vantage for vantage in vantages}
        self._agents = Union()
        of_scan: dict[str, str] = {}
        for seen in observations:
            self._agents.join(seen.vantage, of_scan.setdefault(seen.scan, seen.vantage))
        self._isolated = self._find_isolated()
        self.gateways = frozenset(ip for vantage in self._vantages.values() for ip in vantage.gateways)

    def _find_isolated(self) -> frozenset[str]:
        agents: dict[str, list[Vantage]] = defaultdict(list)
        for vantage in self._vantages.values():
            agents[self._agents.find(vantage.id)].append(vantage)
        return frozenset(v.id for many in agents.values() for v in _overlapping(many))

    def realm(self, seen: Stored, ip: str) -> str:
        """Give the name of the realm in which `ip` is one place."""
        if seen.vantage in self._isolated and within(ip, self.standing(seen)):
            return f"{seen.vantage} alone"
        return self._agents.find(seen.vantage)

    def link(self, seen: Stored, ip: str) -> str:
        """Give the name of the layer-2 network on which its MAC was seen."""
        return f"{self.realm(seen, ip)} {self.network(seen, ip) or self.standing(seen)}"

    def network(self, seen: Stored, ip: str) -> str:
        """Give the CIDR that the address stands on, "" if nobody knows."""
        standing = self.standing(seen)
        if within(ip, standing):
            return standing
        return seen.network if within(ip, seen.network) else ""

    def standing(self, seen: Stored) -> str:
        """Give the CIDR of the network that we stood on."""
        vantage = self._vantages.get(seen.vantage)
        return vantage.network if vantage else seen.network if seen.transport == "heard" else ""


def _overlapping(vantages: Sequence[Vantage]) -> Iterable[Vantage]:
    return (a for a in vantages if any(a.id != b.id and overlap(a.network, b.network) for b in vantages))
