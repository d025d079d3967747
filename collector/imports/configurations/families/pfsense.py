# SPDX-License-Identifier: Apache-2.0
"""pfSense and OPNsense (config.xml).

The web pages are always on; who reaches them is decided by the rules of each interface, where nobody comes in
without a rule. The anti-lockout rule of the LAN is the makers' default in every version.
"""

import re
from collections.abc import Iterator

from collector.imports.configurations.draft import Draft
from collector.imports.configurations.lines import Lines
from collector.imports.configurations.pf_rules import Rules
from collector.imports.configurations.reading import ANY, Reading, Service, Vpn
from collector.imports.configurations.sources import ZERO, Sources, door, merge, parse
from collector.imports.configurations.xml_nodes import Node, read_xml

SIGNS = {
    r"^\s*(?:<\?xml[^>]{0,80}\?>\s*)?<(?:pfsense|opnsense)>": 0.97,
    r"^\s*</(?:pfsense|opnsense)>": 0.9,
}
_RELEASE = re.compile(r"(?i)(?:pfsense|opnsense)(?:-ce|-plus)?\s+(\d+(?:\.\d+)*(?:[a-z_]\w*)?)")


def read(lines: Lines) -> Reading:
    """Read a pfSense or OPNsense configuration."""
    draft = Draft("pfsense", "Netgate", "pfSense")
    root, _ = read_xml(lines.text, draft)
    top = next((one for one in root.inside if one.tag in ("pfsense", "opnsense")), None)
    if top is None:
        draft.know(maker="")
        return draft.finish()
    if top.tag == "opnsense":
        draft.rename(maker="Deciso", os="OPNsense")
    _identify(lines, top, draft)
    rules = Rules(top, draft)
    if top.find("OPNsense/Firewall/Filter/rules/rule") is not None:
        draft.problem(
            0,
            "自動化のルール(Firewall/Filter)は読んでいません。",
            "The automation rules (Firewall/Filter) are not read.",
        )
    for service, line, port, places in _running(top, draft):
        _serve(service, line, port, places, top, rules, draft)
    _snmp(top, rules, draft)
    users = list(top.all("system/user"))
    line = users[0].line if users else 0
    draft.count("local", len(users), line)
    draft.count(
        "admin", sum("admins" in one.get("groupname") or one.get("uid") == "0" for one in users), line
    )
    _vpn(top, draft)
    draft.wan.extend(_outer(rules))
    return draft.finish()


def _identify(lines: Lines, top: Node, draft: Draft) -> None:
    draft.know(hostname=top.get("system/hostname"))
    for row in [*lines.rows[:3], *lines.rows[-4:]]:
        if "<!--" in row.text and (found := _RELEASE.search(row.text)):
            draft.know(version=found[1])
    for interfaces in top.all("interfaces"):
        draft.addresses += [one.get("ipaddr") for one in interfaces.inside if parse(one.get("ipaddr"))]


def _running(top: Node, draft: Draft) -> Iterator[tuple[str, int, int, list[str]]]:
    web = top.find("system/webgui")
    if web is not None:
        service = "https" if web.get("protocol", "https") == "https" else "http"
        port = web.get("port")
        places = [one for one in web.get("interfaces").split(",") if one]
        yield service, web.line, int(port) if port.isdecimal() else 0, places
    ssh = top.find("system/ssh")
    on = ssh is not None and (ssh.has("enable") or ssh.get("enabled") in ("enabled", "1", "on"))
    if ssh is not None and on:
        port = ssh.get("port")
        places = [one for one in ssh.get("interfaces").split(",") if one]
        yield "ssh", ssh.line, int(port) if port.isdecimal() else 0, places
    elif ssh is not None:
        draft.turn_off("ssh", ssh.line)


def _serve(
    service: str,
    line: int,
    port: int,
    places: list[str],
    top: Node,
    rules: Rules,
    draft: Draft,
    own: Sources = ANY,
) -> None:
    outer = _outer(rules)
    number, transport = door(service, port)
    for place, interface in rules.interfaces.items():
        if (interface.has("enable") is False and place not in ("wan", "lan")) or (
            places and place not in places
        ):
            continue
        sources = rules.let_in(place, number, transport)
        if place == "lan" and not top.has("system/webgui/noantilockout") and service != "snmp":
            sources = merge(sources or (), ("lan net",)) if sources is not None else None
        if sources == ():
            continue
        wan = None if sources is None else place in outer
        draft.serve(
            Service(
                service=service,
                interface=place,
                sources=sources,
                line=line,
                port=port,
                wan=wan,
                limited=True if place not in outer and sources == ANY else None,
            )
        )
        if place in outer:
            draft.wan_sources.extend(sources or ())
            draft.wan_known = True if sources else draft.wan_known
    if outer and draft.wan_known is None and all(one.wan is not None for one in draft.services):
        draft.wan_known = False


def _outer(rules: Rules) -> list[str]:
    named = [
        place
        for place, one in rules.interfaces.items()
        if re.match(r"(?i)wan\d*$", place) or re.match(r"(?i)wan", one.get("descr"))
    ]
    gated = [
        place
        for place, one in rules.interfaces.items()
        if one.get("gateway") or one.get("ipaddr") in ("dhcp", "pppoe")
    ]
    return list(dict.fromkeys([*named, *gated]))


def _snmp(top: Node, rules: Rules, draft: Draft) -> None:
    one = top.find("snmpd") or top.find("OPNsense/netsnmp/general")
    if one is None:
        return
    on = one.get("enabled") == "1" if top.tag == "opnsense" else one.has("enable")
    if not on:
        draft.turn_off("snmp", one.line)
        return
    name = one.get("rocommunity") or one.get("community")
    before = len(draft.services)
    _serve("snmp", one.line, 0, [], top, rules, draft)
    for index in range(before, len(draft.services)):
        service = draft.services[index]
        draft.services[index] = Service(
            service="snmp", interface=service.interface, sources=service.sources, line=service.line, rw=False,
            version="v1/v2c", community=name if name in ("public", "private") else "", wan=service.wan,
            limited=service.limited,
        )  # fmt: skip


def _vpn(top: Node, draft: Draft) -> None:
    for one in [*top.all("ipsec/phase1"), *top.all("OPNsense/Swanctl/Connections/Connection")]:
        if one.has("disabled"):
            continue
        peer = one.get("remote-gateway") or one.get("remote_addrs")
        known = "any" if one.has("mobile") or peer in ("", ZERO) else peer
        mode = one.get("mode")
        version = {"ikev2": "ikev2", "ikev1": "ikev1"}.get(one.get("iketype"), "")
        draft.vpn.append(
            Vpn(
                kind="ipsec",
                peer=known,
                interface=one.get("interface"),
                version=version,
                mode=mode,
                line=one.line,
            )
        )
        draft.weak += ["aggressive"] if mode == "aggressive" else []
    for tag, peer_tag in (("openvpn-server", ""), ("openvpn-client", "server_addr")):
        for one in top.all(f"openvpn/{tag}"):
            if not one.has("disable"):
                peer = one.get(peer_tag) if peer_tag else "any"
                draft.vpn.append(
                    Vpn(kind="openvpn", peer=peer, interface=one.get("interface"), line=one.line)
                )
    for kind in ("l2tp", "pptpd"):
        for one in top.all(kind):
            if one.get("mode") == "server":
                draft.vpn.append(
                    Vpn(kind=kind[:4], peer="any", interface=one.get("interface"), line=one.line)
                )
    for one in [
        *top.all("OPNsense/wireguard/client/clients/client"),
        *top.all("installedpackages/wireguard/peers/item"),
    ]:
        peer = one.get("serveraddress") or one.get("endpoint") or "any"
        draft.vpn.append(Vpn(kind="wireguard", peer=peer, line=one.line))
