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

    def members(self) -> Iterable[str]:
        """Give every string that was ever asked for."""
        return self._parent.keys()

    def join(self, one: str, other: str) -> None:
        """Make two sets one."""
        small, large = sorted((self.find(one), self.find(other)))
        self._parent[large] = small


class Agents:
    """Which vantages belong to one agent: those that took part in the same scan."""

    def __init__(self, scans: Mapping[str, str] = {}, roots: Mapping[str, str] = {}) -> None:
        self.scans = dict(scans)  # scan → a vantage of it
        self._union = Union()
        for vantage, root in roots.items():
            self._union.join(vantage, root)

    def meet(self, observations: Iterable[Stored]) -> "Agents":
        """Take note of who took part in which scan."""
        known: set[tuple[str, str]] = set()
        for seen in observations:
            if (pair := (seen.scan, seen.vantage)) not in known:
                known.add(pair)
                self._union.join(seen.vantage, self.scans.setdefault(seen.scan, seen.vantage))
        return self

    def find(self, vantage: str) -> str:
        """Give the vantage that stands for the agent."""
        return self._union.find(vantage)

    def roots(self) -> dict[str, str]:
        """Give of every vantage the one that stands for its agent."""
        return {vantage: self._union.find(vantage) for vantage in sorted(self._union.members())}


class Places:
    """Realm and link of every observation."""

    def __init__(self, agents: Agents, vantages: Iterable[Vantage]) -> None:
        self._vantages: Mapping[str, Vantage] = {vantage.id: vantage for vantage in vantages}
        self._agents = agents
        self._isolated = self._find_isolated()
        self._placed: dict[tuple[str, str, str, bool], tuple[str, str, str]] = {}
        self.gateways = frozenset(ip for vantage in self._vantages.values() for ip in vantage.gateways)

    def _find_isolated(self) -> frozenset[str]:
        agents: dict[str, list[Vantage]] = defaultdict(list)
        for vantage in self._vantages.values():
            agents[self._agents.find(vantage.id)].append(vantage)
        return frozenset(v.id for many in agents.values() for v in _overlapping(many))

    def ground(self) -> dict[str, str]:
        """Give of each vantage all that decides in which realm and link its observations are."""
        roots = self._agents.roots()
        return {
            id: f"{root} {id in self._isolated} {vantage.network if (vantage := self._vantages.get(id)) else '-'}"
            for id, root in roots.items()
        }

    def realm(self, seen: Stored, ip: str) -> str:
        """Give the name of the realm in which `ip` is one place."""
        if seen.vantage in self._isolated and within(ip, self.standing(seen)):
            return f"{seen.vantage} alone"
        return self._agents.find(seen.vantage)

    def place(self, seen: Stored, ip: str) -> tuple[str, str, str]:
        """Give the realm, the name of the layer-2 network on which its MAC was seen, and the CIDR or ""."""
        asked = (
            seen.vantage,
            ip,
            seen.network,
            seen.transport == "heard",
        )  # all that the answer follows from
        if (found := self._placed.get(asked)) is None:
            standing = self.standing(seen)
            network = next((cidr for cidr in (standing, seen.network) if within(ip, cidr)), "")
            realm = self.realm(seen, ip)
            found = self._placed[asked] = realm, f"{realm} {network or standing}", network
        return found

    def standing(self, seen: Stored) -> str:
        """Give the CIDR of the network that we stood on."""
        vantage = self._vantages.get(seen.vantage)
        return vantage.network if vantage else seen.network if seen.transport == "heard" else ""


def _overlapping(vantages: Sequence[Vantage]) -> Iterable[Vantage]:
    return (a for a in vantages if any(a.id != b.id and overlap(a.network, b.network) for b in vantages))
