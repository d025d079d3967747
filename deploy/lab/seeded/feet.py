# SPDX-License-Identifier: Apache-2.0
"""Machines that stand on two networks, each shown by another way, and some that nothing shows."""

from collections.abc import Callable
from typing import Any

from deploy.lab.seeded.sketch import Sketch

__all__ = ["LAYOUTS"]

_LINUX = "Linux server 5.10.0-28-amd64 #1 SMP Debian 5.10.209-2 (2024-01-31) x86_64"


def _samba(name: str, *, netbios: bool = True) -> dict[str, Any]:
    return {"kind": "samba", "name": name, "netbios": netbios}


def _only(*ports: str) -> dict[str, Any]:
    """A firewall that lets in these ports alone."""
    return {"kind": "firewall", "rules": [*(f"{port} accept" for port in ports), "drop"]}


def _around(draw: Sketch, segment: str = "near") -> None:
    """Ordinary neighbours, one PC and one server on one network each."""
    draw.host(
        "plain-pc", draw.foot(segment, "pc"), kind="pc",
        daemons=(_samba(draw.machine_name()), {"kind": "xrdp"}),
    )  # fmt: skip
    draw.host(
        "plain-sv", draw.foot(segment), daemons=({"kind": "openssh"}, {"kind": "nginx", "title": "portal"})
    )


def linux_server(draw: Sketch) -> None:
    """A Samba server with a second card, not forwarding, reached from one side."""
    draw.agent(draw.segment("near"))
    draw.host(
        "two-feet", draw.foot("near"), draw.foot(draw.segment("far")),
        daemons=(_samba(draw.machine_name()), {"kind": "openssh"}),
    )  # fmt: skip
    draw.far_host("far")
    _around(draw)


def forwarding_pc(draw: Sketch) -> None:
    """A clerk's PC with a second card (2枚挿し) that passes packets on, beside one that does not."""
    draw.agent(draw.segment("near"))
    draw.segment("far")
    for name, forwards in (("link-pc", True), ("still-pc", False)):
        draw.host(
            name, draw.foot("near", "pc"), draw.foot("far", "pc"), kind="pc", forwards=forwards,
            daemons=(_samba(draw.machine_name()), {"kind": "xrdp"}),
        )  # fmt: skip
    draw.far_host("far")
    _around(draw)


def snmp_only(draw: Sketch) -> None:
    """A server whose firewall lets in SNMP alone, for which the site has a community."""
    draw.agent(draw.segment("near"))
    draw.host(
        "snmp-sv", draw.foot("near"), draw.foot(draw.segment("far")),
        daemons=(
            {"kind": "snmpd", "description": _LINUX, "object_id": "1.3.6.1.4.1.8072.3.2.10", "community": "ro"},
            _only("udp dport 161"),
        ),
    )  # fmt: skip
    draw.far_host("far")
    _around(draw)


def oxid_responder(draw: Sketch) -> None:
    """Windows' OXID resolver, byte for byte, as the only thing that tells the second address."""
    draw.agent(draw.segment("near"))
    near, far = draw.foot("near", "pc"), draw.foot(draw.segment("far"), "pc")
    name = draw.machine_name()
    draw.host(
        "oxid-pc", near, far, kind="pc",
        daemons=({"kind": "oxid", "name": name, "addresses": [near.ip, far.ip]}, {"kind": "xrdp", "name": name}),
    )  # fmt: skip
    draw.far_host("far")
    _around(draw)


def one_service(draw: Sketch) -> None:
    """Servers with a second card whose firewall drops everything but one service that does not tell: null is right."""
    draw.agent(draw.segment("near"))
    draw.segment("far")
    for name, daemon, port in (
        ("web-sv", {"kind": "nginx", "port": 443, "title": "viewer", "tls": {"name": "viewer"}}, "443"),
        ("ssh-sv", {"kind": "openssh"}, "22"),
    ):
        draw.host(
            name, draw.foot("near"), draw.foot("far"), hidden=True,
            daemons=(daemon, _only(f"tcp dport {port}")),
        )  # fmt: skip
    draw.far_host("far")
    _around(draw)


def leaking_certificate(draw: Sketch) -> None:
    """Certificates that name an address of another network: the server's own in one, somebody else's in the other."""
    draw.agent(draw.segment("near"))
    far = draw.foot(draw.segment("far"))
    other = draw.ip("far")
    for name, feet, told in (
        ("own-sv", (draw.foot("near"), far), far.ip),
        ("proxy-sv", (draw.foot("near"),), other),
    ):
        tls = {"name": name, "alternatives": [name, told]}
        daemons = ({"kind": "nginx", "port": 443, "title": "viewer", "tls": tls}, {"kind": "openssh"})
        draw.host(name, *feet, daemons=daemons, hidden=True)
    draw.far_host("far")
    _around(draw)


def seen_by_routing(draw: Sketch) -> None:
    """One agent reaches both networks, one of them through a router: one machine answers at both addresses."""
    draw.segment("near")
    draw.segment("far")
    inner, outer = draw.foot("near", "network", last=1), draw.foot("far", "network", last=1)
    draw.agent("near", gateway=inner.ip)
    draw.agents["agent"] = ("near", "far")
    draw.host(
        "core", inner, outer, kind="network", dual=False, forwards=True, daemons=({"kind": "dropbear"},)
    )
    draw.host(
        "both-sv", draw.foot("near"), draw.foot("far"), gateway=inner.ip,
        daemons=(_samba(draw.machine_name()), {"kind": "openssh"}),
    )  # fmt: skip
    draw.host("other-sv", draw.foot("far"), gateway=outer.ip, daemons=({"kind": "openssh"},))
    _around(draw)


def two_agents_engine(draw: Sketch) -> None:
    """Two agents without a route between them; the same machine answers both with one SNMP engine."""
    draw.agent(draw.segment("near"))
    draw.agent(draw.segment("far"))
    draw.host(
        "engine-sv", draw.foot("near"), draw.foot("far"),
        daemons=({"kind": "snmpd", "description": _LINUX, "users": [_nobody()]}, {"kind": "openssh"}),
    )  # fmt: skip
    _around(draw)
    draw.host("far-sv", draw.foot("far"), daemons=({"kind": "openssh"},))


def two_agents_names(draw: Sketch) -> None:
    """The same, and it is a PC that names both addresses to each of them."""
    draw.agent(draw.segment("near"))
    draw.agent(draw.segment("far"))
    draw.host(
        "names-pc", draw.foot("near", "pc"), draw.foot("far", "pc"), kind="pc",
        daemons=(_samba(draw.machine_name()), {"kind": "xrdp"}),
    )  # fmt: skip
    _around(draw)
    draw.host("far-pc", draw.foot("far", "pc"), kind="pc", daemons=(_samba(draw.machine_name()),))


def _nobody() -> dict[str, str]:
    """An SNMPv3 user that we do not know: discovery answers all the same."""
    return {"name": "ops", "auth_password": "nobody-knows-1", "priv_password": "nobody-knows-2"}


LAYOUTS: tuple[Callable[[Sketch], None], ...] = (
    linux_server,
    forwarding_pc,
    snmp_only,
    oxid_responder,
    one_service,
    leaking_certificate,
    seen_by_routing,
    two_agents_engine,
    two_agents_names,
)
