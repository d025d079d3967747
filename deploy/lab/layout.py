# SPDX-License-Identifier: Apache-2.0
"""Reads a layout: segments, hosts, what runs on them. Unknown keys and impossible networks are refused."""

import ipaddress
import re
from pathlib import Path
from typing import Literal

import msgspec
import yaml

from deploy.lab.daemons import AnyDaemon, Place
from deploy.lab.errors import LayoutError
from deploy.lab.paths import layout_file

__all__ = ["Host", "Layout", "Nic", "Scope", "Segment", "read_layout", "read_yaml"]

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


class Segment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One switch (a bridge) and its IPv4 network."""

    network: str
    name: str = ""


class Nic(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A network card; `ip` is an address of the segment, 'dhcp', or empty for none.

    `aliases` are more addresses of the same segment; `virtual` (MAC → address) are those of a VRRP router.
    """

    segment: str
    mac: str
    ip: str = ""
    aliases: tuple[str, ...] = ()
    virtual: dict[str, str] = {}


class Host(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One host. `answers: arp` means that nothing but ARP ever comes back from it."""

    nics: tuple[Nic, ...]
    gateway: str = ""
    routes: dict[str, str] = {}
    forwards: bool = False
    proxy_arp: bool = False  # answers ARP for every address that it has a route to
    bridges: dict[str, str] = {}  # made inside the host only, as Docker does: name → address/prefix
    ipv6: bool = False
    answers: Literal["all", "arp"] = "all"
    wakes: bool = False  # its DHCP client asks anew every few seconds, as the PCs of a house do all day long
    daemons: tuple[AnyDaemon, ...] = ()


class Scope(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a site would write into its agent's settings about this hospital."""

    agent: str
    networks: tuple[str, ...]
    never: tuple[str, ...] = ()
    dicom_allowed: tuple[str, ...] = ()
    dicom_ae_titles: dict[str, str] = {}
    snmp_communities: tuple[str, ...] = ()
    snmp_users: tuple[dict[str, str], ...] = ()
    declared_dual_homed: tuple[str, ...] = ()


class Layout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A whole hospital."""

    name: str
    about: str = ""
    segments: dict[str, Segment]
    scope: Scope
    hosts: dict[str, Host]

    def interface(self, nic: Nic) -> str:
        """Return 'address/prefix' of a card, or '' when it has none of its own (DHCP, unnumbered)."""
        if nic.ip in {"", "dhcp"}:
            return ""
        return f"{nic.ip}/{ipaddress.ip_network(self.segments[nic.segment].network).prefixlen}"

    def place(self, name: str) -> Place:
        """Return what the daemons of a host may know of it."""
        host = self.hosts[name]
        cards = tuple(text for nic in host.nics if (text := self.interface(nic)))
        more = tuple(f"{ip}/{cards[0].partition('/')[2]}" for nic in host.nics for ip in nic.aliases)
        interfaces = (*cards, *more, *host.bridges.values())
        return Place(name, interfaces, host.nics[0].mac, f"{self.name}/{name}")


def read_yaml(file: Path) -> object:
    """Return the content of a YAML file; LayoutError when it cannot be read."""
    try:
        return yaml.safe_load(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise LayoutError(
            f"配置ファイル {file} を読めません。名前と書き方を確かめてください。 / Cannot read {file}: {error}"
        ) from error


def read_layout(name: str | Path) -> Layout:
    """Return a layout by name ('hospital') or path; LayoutError says which key or value is wrong."""
    file = layout_file(name)
    try:
        layout = msgspec.convert(read_yaml(file), Layout)
    except msgspec.ValidationError as error:
        raise _wrong(file, str(error)) from error
    if problem := _problem(layout):
        raise _wrong(file, problem)
    return layout


def _wrong(file: Path, problem: str) -> LayoutError:
    return LayoutError(
        f"配置ファイル {file.name} に誤りがあります。直してからもう一度実行してください: {problem}"
        f" / {file.name} is not a valid layout; nothing was started: {problem}"
    )


def _problem(layout: Layout) -> str | None:
    for name, segment in layout.segments.items():
        if not _NAME.fullmatch(name) or not _is_network(segment.network):
            return f"segments.{name}"
    macs: set[str] = set()
    for name, host in layout.hosts.items():
        if not _NAME.fullmatch(name) or not host.nics:
            return f"hosts.{name}"
        for nic in host.nics:
            if problem := _nic_problem(layout, nic, macs):
                return f"hosts.{name}.nics: {problem}"
            macs.add(nic.mac)
    return None if layout.scope.agent in layout.hosts else "scope.agent"


def _nic_problem(layout: Layout, nic: Nic, macs: set[str]) -> str | None:
    if nic.segment not in layout.segments:
        return f"segment {nic.segment}"
    if not _MAC.fullmatch(nic.mac) or nic.mac in macs:
        return f"mac {nic.mac}"
    if nic.ip in {"", "dhcp"}:
        return None
    try:
        inside = ipaddress.ip_address(nic.ip) in ipaddress.ip_network(layout.segments[nic.segment].network)
    except ValueError:
        inside = False
    return None if inside else f"ip {nic.ip}"


def _is_network(text: str) -> bool:
    try:
        return ipaddress.ip_network(text).version == 4
    except ValueError:
        return False
