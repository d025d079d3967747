# SPDX-License-Identifier: Apache-2.0
"""VyOS and EdgeOS (Ubiquiti EdgeRouter, UniFi gateways), in braces or `set` lines.

No service runs without a statement. `listen-address` and `allow-client` limit a service; the rule set for the
router itself (local, input, local-zone) limits what comes from outside.
"""

import re

from collector.imports.configurations.draft import Draft
from collector.imports.configurations.lines import Lines
from collector.imports.configurations.paths import Paths, read_paths
from collector.imports.configurations.reading import ANY, Reading, Service, Vpn
from collector.imports.configurations.sources import ZERO, Sources, parse, shown, tidy
from collector.imports.configurations.vyos_filters import outside

SIGNS = {
    r"^set interfaces (?:ethernet eth|loopback lo|bonding bond|bridge br|openvpn vtun|wireguard wg|pppoe pppoe|tunnel tun|vti)": 0.9,
    r"^set (?:service (?:ssh|gui|https|snmp|dhcp-server|dns|nat)|nat (?:source|destination)|zone-policy|firewall (?:name|group|ipv4|all-ping)|protocols static|system (?:host-name|login user|config-management|conntrack)) ": 0.5,
    r"^(?://|/\*) .{0,20}(?:vyos-config-version|vyatta-config-version|Release version:)": 0.95,
    r"^\s*/\* === vyatta-config-version": 0.9,
    r"^\s+ethernet eth\d+ \{": 0.85,
    r"^\s+(?:loopback lo|hw-id [0-9a-f:]{17}|all-ping enable|duplex auto|speed auto)\b": 0.5,
    r"^(?:service|interfaces|firewall|protocols|nat|vpn) \{": 0.3,
    r"^\s+gui \{": 0.7,
    r"^set (?:deviceconfig|vsys|rulebase|network|mgt-config) ": -0.8,
}
_RELEASE = re.compile(r"^(?:(?://|/\*) ?Release version: (?:VyOS )?|#? ?Version:\s+VyOS )(v?[\w.+-]{2,60})")
_SERVICES = ("ssh", "telnet", "https", "gui")


def read(lines: Lines) -> Reading:
    """Read a VyOS or EdgeOS configuration."""
    draft = Draft("vyos", "VyOS", "VyOS")
    paths = read_paths(lines.rows, draft)
    _identify(lines, paths, draft)
    for service in _SERVICES:
        _serve(service, paths, draft)
    _snmp(paths, draft)
    names = paths.values("system", "login", "user")
    line = paths.line("system", "login", "user")
    draft.count("local", len(names), line)
    levels = [paths.value("system", "login", "user", name, "level") for name in names]
    draft.count(
        "admin", levels.count("admin") if any(levels) else len(names), line
    )  # newer ones know no level
    _vpn(paths, draft)
    draft.addresses += [
        rest[-1].split("/")[0] for _, rest in paths.under("interfaces")
        if rest[-2:-1] == ("address",) and parse(rest[-1])
    ]  # fmt: skip
    draft.judge_wan(outside(paths, draft))
    return draft.finish()


def _identify(lines: Lines, paths: Paths, draft: Draft) -> None:
    draft.know(hostname=paths.value("system", "host-name"))
    for row in lines.rows:
        if found := _RELEASE.match(row.text):
            draft.know(version=found[1])
    edge = (
        paths.has("service", "gui") or paths.has("service", "ubnt-discover") or paths.has("service", "unms")
    )
    old = any("vyatta-config-version" in row.text for row in lines.rows[-8:])
    if edge or (old and paths.has("system", "offload")) or (draft.reading.version or "").startswith("v"):
        draft.rename(maker="Ubiquiti", os="EdgeOS")


def _serve(name: str, paths: Paths, draft: Draft) -> None:
    at = ("service", name)
    if not paths.has(*at):
        return
    service = "https" if name == "gui" else name
    port = paths.value(*at, "https-port") or paths.value(*at, "port")
    number = int(port) if port.isdecimal() else 0
    sources = _allowed(paths, at)
    for place in _places(paths, at):
        draft.serve(
            Service(service=service, interface=place, sources=sources, line=paths.line(*at), port=number)
        )


def _allowed(paths: Paths, at: tuple[str, ...]) -> Sources:
    words = [
        *paths.values(*at, "allow-client", "address"),
        *paths.values(*at, "access-control", "allow", "address"),
    ]
    networks = [shown(net) for word in words if (net := parse(word)) is not None]
    return tidy(networks) if networks else ANY


def _places(paths: Paths, at: tuple[str, ...]) -> list[str]:
    """Give the interfaces whose addresses a service listens on; the address itself if no interface has it."""
    words = [*paths.values(*at, "listen-address"), *paths.values(*at, "virtual-host", "*", "listen-address")]
    found = [_holder(paths, word) for word in words if word not in (ZERO, "::", "*")]
    return found or ["any"]


def _holder(paths: Paths, address: str) -> str:
    for _, rest in paths.under("interfaces"):
        if rest[-2:-1] == ("address",) and rest[-1].split("/")[0] == address and len(rest) > 2:
            return f"{rest[1]}.{rest[3]}" if rest[2] == "vif" else rest[1]
    return address if parse(address) else "any"


def _snmp(paths: Paths, draft: Draft) -> None:
    at = ("service", "snmp")
    places = [_holder(paths, word) for word in paths.values(*at, "listen-address")] or ["any"]
    for name in paths.values(*at, "community"):
        words = [
            *paths.values(*at, "community", name, "client"),
            *paths.values(*at, "community", name, "network"),
        ]
        networks = [shown(net) for word in words if (net := parse(word)) is not None]
        for place in places:
            draft.serve(
                Service(
                    service="snmp",
                    interface=place,
                    sources=tidy(networks) if networks else ANY,
                    version="v1/v2c",
                    line=paths.line(*at, "community", name),
                    rw=paths.value(*at, "community", name, "authorization") == "rw",
                    community=name if name in ("public", "private") else "",
                )
            )
    if line := paths.line(*at, "v3", "user"):
        draft.serve(Service(service="snmp", line=line, rw=False, version="v3"))


def _vpn(paths: Paths, draft: Draft) -> None:
    at = ("vpn", "ipsec", "site-to-site", "peer")
    for peer in paths.values(*at):
        address = paths.value(*at, peer, "remote-address") or peer
        known = "any" if address in ("any", ZERO, "%any") else address
        draft.vpn.append(Vpn(kind="ipsec", peer=known, name=peer, line=paths.line(*at, peer)))
    servers = {"l2tp": "l2tp", "pptp": "pptp", "sstp": "sstp", "openconnect": "ssl_vpn"}
    for word, kind in servers.items():
        if line := paths.line("vpn", word):
            draft.vpn.append(Vpn(kind=kind, peer="any", line=line))
    for place in paths.values("interfaces", "openvpn"):
        remote = paths.value("interfaces", "openvpn", place, "remote-host") or "any"
        draft.vpn.append(
            Vpn(kind="openvpn", peer=remote, interface=place, line=paths.line("interfaces", "openvpn", place))
        )
    for place in paths.values("interfaces", "wireguard"):
        here = ("interfaces", "wireguard", place)
        for peer in paths.values(*here, "peer"):
            address = paths.value(*here, "peer", peer, "address") or paths.value(
                *here, "peer", peer, "endpoint"
            )
            draft.vpn.append(
                Vpn(
                    kind="wireguard",
                    peer=address or "any",
                    interface=place,
                    line=paths.line(*here, "peer", peer),
                )
            )
    for _, rest in paths.under("vpn", "ipsec"):
        draft.weak += [word for word in ("des", "3des", "md5") if rest[-1:] == (word,)]
        draft.weak += ["aggressive"] if rest[-2:] == ("mode", "aggressive") else []
