# SPDX-License-Identifier: Apache-2.0
"""Draws a layout by chance and keeps what is true of it."""

import ipaddress
import random
from dataclasses import dataclass, field
from typing import Any

import yaml

__all__ = ["Foot", "Sketch"]

# makers of PCs, servers and routers, so that a drawn host is never one that we leave alone
_CARDS = {"pc": "04:0e:3c", "server": "00:0b:5d", "network": "00:a0:de", "gateway": "00:80:6d"}
_NAMES = ("ORDER", "LABO", "PACSGW", "RECEPT", "KENSA", "YAKKYOKU", "IJI", "RENKEI", "NURSE", "DENSHI")


@dataclass(frozen=True, slots=True)
class Foot:
    """One card of a drawn host."""

    segment: str
    ip: str
    mac: str
    more: dict[str, Any] = field(default_factory=dict)  # aliases, virtual


@dataclass(slots=True)
class Sketch:
    """A layout in the making, with its answer key. `agents` are (host, segments that it scans).

    `besides`: ways out that must be said to be one too many.
    """

    name: str
    seed: int
    chance: random.Random = field(init=False)
    segments: dict[str, str] = field(default_factory=dict)
    hosts: dict[str, dict[str, Any]] = field(default_factory=dict)
    truth: list[dict[str, Any]] = field(default_factory=list)
    agents: dict[str, tuple[str, ...]] = field(default_factory=dict)
    far: list[str] = field(default_factory=list)  # hosts where nothing of ours may arrive
    besides: list[tuple[str, str, str]] = field(default_factory=list)  # network, gateway or server, address
    moves: tuple[tuple[str, str], ...] = ()  # (host, ip command) between the first scan and the second
    _taken: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.chance = random.Random(f"{self.name} {self.seed}")  # noqa: S311 - a drawing, no secret

    def segment(self, name: str) -> str:
        """Add a network that no other one touches."""
        while name not in self.segments:
            text = self._some_network()
            if not any(_touch(text, other) for other in self.segments.values()):
                self.segments[name] = text
        return name

    def _some_network(self) -> str:
        chance = self.chance
        second, third = chance.randint(1, 250), chance.randint(1, 250)
        heads = (f"10.{second}", f"172.{16 + second % 16}", "192.168")
        return f"{chance.choice(heads)}.{third}.0/24"

    def ip(self, segment: str, last: int = 0) -> str:
        """Give a free address of the segment."""
        while True:
            head = self.segments[segment].rpartition(".")[0]
            text = f"{head}.{last or self.chance.randint(2, 240)}"
            if text not in self._taken:
                self._taken.add(text)
                return text
            if last:
                raise ValueError(f"{text} is taken")

    def mac(self, kind: str = "server") -> str:
        """Give a free MAC of a maker of this kind of device."""
        while True:
            tail = ":".join(f"{self.chance.randint(0, 255):02x}" for _ in range(3))
            if (text := f"{_CARDS.get(kind, _CARDS['server'])}:{tail}") not in self._taken:
                self._taken.add(text)
                return text

    def machine_name(self) -> str:
        """Give a computer name that no other host has."""
        while (text := f"{self.chance.choice(_NAMES)}{self.chance.randint(1, 99):02d}") in self._taken:
            pass
        self._taken.add(text)
        return text

    def foot(self, segment: str, kind: str = "server", *, last: int = 0, **more: Any) -> Foot:
        """Draw one card on a segment."""
        return Foot(segment, self.ip(segment, last), self.mac(kind), more)

    def agent(self, segment: str, *, gateway: str = "", routes: dict[str, str] | None = None) -> str:
        """Put an agent on a segment; the first one is the layout's."""
        name = f"agent{len(self.agents)}" if self.agents else "agent"
        foot = Foot(segment, self.ip(segment, 250), self.mac())
        self.hosts[name] = {"nics": [_nic(foot)], "gateway": gateway, "routes": routes or {}, "ipv6": True}
        self.agents[name] = (segment,)
        return name

    def host(
        self,
        name: str,
        *feet: Foot,
        daemons: tuple[dict[str, Any], ...] = (),
        kind: str = "server",
        dual: bool | None = None,
        hidden: bool = False,
        visible: bool = True,
        also: tuple[str, ...] = (),
        paths: tuple[str, ...] = (),
        **more: Any,
    ) -> None:
        """Add a host; two cards are two feet unless `dual` says that this is not a finding (routers)."""
        self.hosts[name] = {"nics": [_nic(foot) for foot in feet], "daemons": list(daemons), **more}
        networks = sorted({self.segments[foot.segment] for foot in feet})
        two = len(networks) > 1 if dual is None else dual
        addresses = [(foot.ip, foot.mac, foot.segment) for foot in feet]
        addresses += [(ip, feet[0].mac, feet[0].segment) for ip in also]
        self.truth.append(
            {
                "id": name,
                "addresses": [
                    {"ip": ip, "mac": mac, "network": self.segments[segment]}
                    for ip, mac, segment in addresses
                ],
                "device_class": kind,
                "dual_homed": networks if two else None,
                "forwards": bool(more.get("forwards", False)),
                "hidden": hidden,
                "visible": visible,
                "remote_paths": list(paths),
            }
        )

    def dhcp_client(self, name: str, lease: Foot) -> None:
        """Add a PC that gets this address by DHCP, again and again, as one that is switched off and on."""
        self.host(name, lease, kind="pc", wakes=True)
        self.hosts[name]["nics"][0]["ip"] = "dhcp"

    def far_host(self, segment: str) -> None:
        """Add a witness on a network that nobody may send anything to."""
        name = f"far-{segment}"
        self.host(name, self.foot(segment), visible=False)
        self.far.append(name)

    def layout_text(self) -> str:
        """The layout as YAML."""
        scope = {"agent": "agent", "networks": [self.segments[s] for s in self.agents["agent"]]}
        segments = {name: {"network": text} for name, text in self.segments.items()}
        about = f"drawn from seed {self.seed}"
        whole = {"name": self.name.replace("_", "-"), "about": about, "segments": segments}
        return yaml.safe_dump(whole | {"scope": scope, "hosts": self.hosts}, sort_keys=False)

    def key_text(self) -> str:
        """The answer key as YAML."""
        nic = self.hosts["agent"]["nics"][0]
        agent = {"ip": nic["ip"], "mac": nic["mac"], "network": self.segments[nic["segment"]]}
        key = {"layout": self.name.replace("_", "-"), "agent": agent, "hosts": self.truth}
        return yaml.safe_dump(key, sort_keys=False)


def _nic(foot: Foot) -> dict[str, Any]:
    return {"segment": foot.segment, "mac": foot.mac, "ip": foot.ip, **foot.more}


def _touch(one: str, other: str) -> bool:
    return ipaddress.ip_network(one).overlaps(ipaddress.ip_network(other))
