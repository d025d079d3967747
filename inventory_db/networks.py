# SPDX-License-Identifier: Apache-2.0
"""Addresses and networks as text: normal forms, and which of them say nothing about a second network."""

import functools
import ipaddress
import re

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

# Host-only networks that software makes on one machine with these fixed addresses of its own:
# Docker, VirtualBox, libvirt, Docker for Windows.
_HOST_ONLY = frozenset({"172.17.0.1", "192.168.56.1", "192.168.122.1", "10.0.75.1"})
_SOFTWARE_NIC = re.compile(
    r"^(docker|br-|veth|virbr|vmnet|vboxnet|vEthernet|lo$|lo\d|tunl|sit\d|podman|cni|flannel|cali|lxcbr|lxdbr|kube"
    r"|VMware Virtual Ethernet|VirtualBox Host-Only|Bluetooth)",
    re.IGNORECASE,
)
_SHARING = "192.168.137.1"  # what Windows takes when it shares its connection: a way across, not a net inside
_MAC = re.compile(r"^[0-9a-f]{2}(:[0-9a-f]{2}){5}$", re.ASCII)


@functools.lru_cache(maxsize=65536)
def normal_ip(text: str) -> str:
    """Give an IP address in its one normal form; "" if it is none or can be nobody's own."""
    try:
        ip = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    mapped = getattr(ip, "ipv4_mapped", None)
    ip = mapped or ip
    useless = ip.is_unspecified or ip.is_loopback or ip.is_multicast or str(ip) == "255.255.255.255"
    return "" if useless else str(ip)


@functools.lru_cache(maxsize=65536)
def normal_mac(text: str) -> str:
    """Give a MAC in lower case with colons; "" for none, zero, broadcast and group addresses."""
    mac = text.strip().lower().replace("-", ":")
    if not _MAC.match(mac) or mac == "00:00:00:00:00:00" or int(mac[:2], 16) & 1:
        return ""
    return mac


@functools.lru_cache(maxsize=4096)
def network(text: str) -> IPNetwork | None:
    """Read a CIDR, host bits allowed; None for anything else."""
    try:
        return ipaddress.ip_network(text, strict=False) if "/" in text else None
    except ValueError:
        return None


@functools.lru_cache(maxsize=65536)
def within(ip: str, cidr: str) -> bool:
    """Whether the address stands in the network."""
    net = network(cidr)
    return net is not None and bool(ip) and ipaddress.ip_address(ip) in net


@functools.lru_cache(maxsize=4096)
def overlap(one: str, other: str) -> bool:
    """Whether two networks share addresses."""
    a, b = network(one), network(other)
    return a is not None and b is not None and a.version == b.version and a.overlaps(b)


def is_software_nic(name: str) -> bool:
    """Whether an interface of this name exists only inside its machine."""
    return bool(_SOFTWARE_NIC.match(name))


@functools.lru_cache(maxsize=65536)
def tells_network(ip: str) -> bool:
    """Whether the address can show that its host stands on a network of its own."""
    address = ipaddress.ip_address(ip)
    return not address.is_link_local and ip not in _HOST_ONLY


@functools.lru_cache(maxsize=65536)
def may_be_inside(ip: str) -> bool:
    """Whether it may as well be the machine's own end of a net that exists only inside it (Docker, VMware, Hyper-V).

    They take the first address of a private network, as a router would.
    """
    address = ipaddress.ip_address(ip)
    return address.version == 4 and address.is_private and ip.endswith(".1") and ip != _SHARING


@functools.lru_cache(maxsize=4096)
def edges_of(cidr: str) -> tuple[str, ...]:
    """Give the IPv4 network's own and its broadcast address, which some tables list as addresses."""
    net = network(cidr)
    if not isinstance(net, ipaddress.IPv4Network) or net.prefixlen > 30:
        return ()
    return str(net.network_address), str(net.broadcast_address)


@functools.lru_cache(maxsize=4096)
def assumed(ip: str) -> str:
    """Give the network an address most likely stands on when nothing says it: /24, IPv6 /64."""
    return str(ipaddress.ip_network(f"{ip}/{64 if ':' in ip else 24}", strict=False))


@functools.lru_cache(maxsize=65536)
def order(ip: str) -> tuple[int, int]:
    """Give a key that sorts addresses as numbers, IPv4 first."""
    if not ip:
        return 9, 0
    address = ipaddress.ip_address(ip)
    return address.version, int(address)
