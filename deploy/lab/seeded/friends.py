# SPDX-License-Identifier: Apache-2.0
"""False friends: what looks like one machine on two networks, or like two machines that are one, and is not."""

from collections.abc import Callable
from typing import Any

from deploy.lab.seeded.sketch import Foot, Sketch

__all__ = ["LAYOUTS"]

_LINUX = "Linux box 5.10.0-28-amd64 #1 SMP Debian 5.10.209-2 (2024-01-31) x86_64"


def _samba(name: str, *, netbios: bool = True) -> dict[str, Any]:
    return {"kind": "samba", "name": name, "netbios": netbios}


def _clone(draw: Sketch, name: str, engine: str, boots: int) -> tuple[dict[str, Any], ...]:
    """What a cloned disk image carries: host key, computer name, SNMP engine; each counts its own starts."""
    identity = f"image {draw.seed}"
    user = {"name": "ops", "auth_password": "nobody-knows-1", "priv_password": "nobody-knows-2"}
    return (
        {"kind": "openssh", "identity": identity},
        _samba(name, netbios=False),
        {
            "kind": "snmpd",
            "description": _LINUX,
            "name": name,
            "users": [user],
            "engine": engine,
            "boots": boots,
        },
    )


def _engine(draw: Sketch) -> str:
    return "80001f8880" + "".join(f"{draw.chance.randint(0, 255):02x}" for _ in range(8))


def cloned_on_one_net(draw: Sketch) -> None:
    """Three PCs from one disk image on one network: same SSH key, name and engine ID."""
    draw.agent(draw.segment("near"))
    name, engine = draw.machine_name(), _engine(draw)
    for number in range(3):
        daemons = _clone(draw, name, engine, draw.chance.randint(1, 5) + number * 10)
        draw.host(f"clone-{number}", draw.foot("near", "pc"), kind="pc", daemons=daemons)


def cloned_on_two_nets(draw: Sketch) -> None:
    """The same, one on each of two networks that two agents see: no machine stands on both."""
    name, engine = draw.machine_name(), _engine(draw)
    for number, segment in enumerate(("near", "far")):
        draw.agent(draw.segment(segment))
        daemons = _clone(draw, name, engine, draw.chance.randint(1, 5) + number * 10)
        draw.host(f"clone-{number}", draw.foot(segment, "pc"), kind="pc", daemons=daemons)


def appliances_of_one_image(draw: Sketch) -> None:
    """A vendor's box with key and name from its image, on each of two networks; nothing else answers."""
    name = draw.machine_name()
    for number, segment in enumerate(("near", "far")):
        draw.agent(draw.segment(segment))
        daemons = ({"kind": "openssh", "identity": f"firmware {draw.seed}"}, _samba(name, netbios=False))
        draw.host(f"box-{number}", draw.foot(segment), daemons=daemons)


def vrrp_pair(draw: Sketch) -> None:
    """Two routers with one virtual address (VRRP MAC) that moves from one to the other between two scans."""
    draw.segment("near")
    draw.segment("far")
    virtual = draw.ip("near", 1)
    draw.agent("near", gateway=virtual)
    mac = f"00:00:5e:00:01:{draw.chance.randint(1, 200):02x}"
    for number in range(2):
        feet = draw.foot("near", "network"), draw.foot("far", "network")
        if number == 0:
            feet = (Foot("near", feet[0].ip, feet[0].mac, {"virtual": {mac: virtual}}), feet[1])
        draw.host(
            f"router-{number}", *feet, kind="network", dual=False, forwards=True,
            daemons=({"kind": "snmpd", "description": "NEC Portable Internetwork Core Operating System", "community": "ro"},),
        )  # fmt: skip
    draw.truth[0]["addresses"].append({"ip": virtual, "mac": mac, "network": draw.segments["near"]})
    draw.moves = (
        ("router-0", "link del v0eth0"),
        ("router-1", f"link add v0eth0 link eth0 address {mac} type macvlan mode private"),
        ("router-1", f"addr add {virtual}/32 dev v0eth0"),
        ("router-1", "link set v0eth0 up"),
    )


def keepalived_pair(draw: Sketch) -> None:
    """Two web servers whose shared address moves with the MAC of whoever holds it."""
    draw.agent(draw.segment("near"))
    shared = draw.ip("near")
    for number in range(2):
        foot = draw.foot("near", aliases=[shared] if number == 0 else [])
        draw.host(
            f"web-{number}", foot,
            daemons=({"kind": "openssh"}, {"kind": "nginx", "title": "portal"}, _samba(draw.machine_name())),
        )  # fmt: skip
    draw.truth[0]["addresses"].append(
        {"ip": shared, "mac": "00:00:00:00:00:00", "network": draw.segments["near"]}
    )
    draw.moves = (
        ("web-0", f"addr del {shared}/24 dev eth0"),
        ("web-1", f"addr add {shared}/24 dev eth0"),
    )


def docker_host(draw: Sketch) -> None:
    """A server with bridge networks that exist only inside it, told by name service and by SNMP."""
    draw.agent(draw.segment("near"))
    second = f"172.{draw.chance.randint(18, 31)}.0.1/16"
    third = f"192.168.{draw.chance.choice((16, 32, 48, 64, 240))}.1/20"
    bridges = {"docker0": "172.17.0.1/16", "br-4f1d2c3b5a69": second, "br-9a8b7c6d5e4f": third}
    draw.host(
        "docker-sv", draw.foot("near"), bridges=bridges, forwards=True,
        daemons=(_samba(draw.machine_name()), {"kind": "openssh"}),
    )  # fmt: skip
    draw.host(
        "docker-snmp", draw.foot("near"), bridges=bridges, forwards=True,
        daemons=({"kind": "snmpd", "description": _LINUX, "community": "ro"}, {"kind": "openssh"}),
    )  # fmt: skip


def aliases(draw: Sketch) -> None:
    """A server with several addresses on one card and one network."""
    draw.agent(draw.segment("near"))
    more = tuple(draw.ip("near") for _ in range(draw.chance.randint(2, 5)))
    draw.host(
        "many-sv", draw.foot("near", aliases=list(more)), also=more,
        daemons=(_samba(draw.machine_name()), {"kind": "openssh"}, {"kind": "nginx", "title": "portal"}),
    )  # fmt: skip
    draw.host("plain-sv", draw.foot("near"), daemons=({"kind": "openssh"},))


def proxy_arp_router(draw: Sketch) -> None:
    """A router that answers ARP for addresses that nobody has."""
    draw.segment("near")
    draw.segment("far")
    near, far = draw.foot("near", "network"), draw.foot("far", "network", last=1)
    draw.agent("near")
    head = draw.segments["near"].rpartition(".")[0]
    draw.host(
        "proxy-rt", near, far, kind="network", dual=False, forwards=True, proxy_arp=True,
        routes={f"{head}.128/26": draw.ip("far")}, daemons=({"kind": "dropbear"},),
    )  # fmt: skip
    draw.host("plain-sv", draw.foot("near", last=20), daemons=({"kind": "openssh"},))


def nat_router(draw: Sketch) -> None:
    """A NAT router that lets some ports in to machines behind it: their names and keys stand at its address."""
    draw.segment("near")
    draw.segment("inner")
    outer, inner = draw.foot("near", "gateway"), draw.foot("inner", "gateway", last=1)
    behind = draw.foot("inner", "pc"), draw.foot("inner")
    draw.agent("near")
    name = draw.machine_name()
    draw.host(
        "nat-rt", outer, inner, kind="gateway", hidden=True, forwards=True,
        daemons=(
            {"kind": "lighttpd", "server": "mini_httpd", "realm": "WSR-2533DHPL2", "title": "AirStation"},
            {"kind": "masquerade", "ports": {"135": f"{behind[0].ip}:135", "445": f"{behind[0].ip}:445", "22": f"{behind[1].ip}:22"}},
        ),
    )  # fmt: skip
    draw.host(
        "behind-pc", behind[0], kind="pc", visible=False, gateway=inner.ip,
        daemons=({"kind": "oxid", "name": name, "addresses": [behind[0].ip]}, _samba(name)),
    )  # fmt: skip
    draw.host("behind-sv", behind[1], visible=False, gateway=inner.ip, daemons=({"kind": "openssh"},))
    draw.host("plain-sv", draw.foot("near"), daemons=({"kind": "openssh"},))


def sim_router(draw: Sketch) -> None:
    """A second way out beside the site's gateway: DHCP, UPnP IGD and the face of a router with a SIM.

    Nobody of ours asks for a lease. Two PCs do, and each names in its broadcast the server whose offer it takes.
    """
    draw.segment("near")
    draw.segment("carrier")
    gate, own = draw.foot("near", "network", last=1), draw.foot("near", "pc")
    draw.agent("near", gateway=gate.ip)
    draw.host(
        "site-gw", gate, draw.foot("carrier", "network"), kind="network", dual=False, forwards=True,
        daemons=({"kind": "dropbear"}, {"kind": "dnsmasq", "leases": {own.mac: own.ip}, "router": gate.ip}),
    )  # fmt: skip
    draw.dhcp_client("own-pc", own)
    sim, lease = draw.foot("near", "gateway"), draw.foot("near", "pc")
    draw.host(
        "sim-rt", sim, draw.foot("carrier", "gateway"), kind="gateway", hidden=True, forwards=True,
        paths=("mobile_router",),
        daemons=(
            {"kind": "lighttpd", "server": "httpd", "realm": "Aterm MR05LN", "title": "Aterm MR05LN"},
            {"kind": "dnsmasq", "domain": "lan", "leases": {lease.mac: lease.ip}, "router": sim.ip},
            {"kind": "igd", "server": "Linux/3.10 UPnP/1.0 Aterm MR05LN/1.0"},
        ),
    )  # fmt: skip
    draw.dhcp_client("lured-pc", lease)
    near = draw.segments["near"]
    draw.besides += [(near, "gateway", sim.ip), (near, "server", sim.ip), (near, "server", gate.ip)]
    draw.host("plain-sv", draw.foot("near"), daemons=({"kind": "openssh"},))
    draw.far_host("carrier")


LAYOUTS: tuple[Callable[[Sketch], None], ...] = (
    cloned_on_one_net,
    cloned_on_two_nets,
    appliances_of_one_image,
    vrrp_pair,
    keepalived_pair,
    docker_host,
    aliases,
    proxy_arp_router,
    nat_router,
    sim_router,
)
