# SPDX-License-Identifier: Apache-2.0
"""FortiOS (FortiGate).

An interface lets in what `allowaccess` names; administrators' trusted hosts limit it when every account has
them, local-in policies when they match first. SNMP is limited by the hosts of its communities.
"""

import re

from collector.imports.configurations.draft import Draft, Filter
from collector.imports.configurations.forti_addresses import entries, local_in, sections, trusted_hosts
from collector.imports.configurations.forti_tree import Node, tree
from collector.imports.configurations.lines import Lines
from collector.imports.configurations.reading import ANY, Reading, Service, Vpn
from collector.imports.configurations.sources import (
    ZERO,
    Rule,
    Sources,
    door,
    is_inner,
    masked,
    overlap,
    parse,
    permitted,
    tidy,
)

SIGNS = {
    r"^#\s?config-version=F": 0.97,
    r"^config system (?:global|interface|admin|settings|dns|zone|vdom)": 0.85,
    r"^\s*config (?:vdom|global)$": 0.6,
    r"^\s*config (?:firewall|vpn|router|user|log|system) \w": 0.6,
    r"^\s+set allowaccess ": 0.6,
    r"^\s+edit (?:\"|\d)": 0.3,
    r"^\s+next$": 0.3,
}
_VERSION = re.compile(r"#\s*(?:Version:\s*)?(?P<model>Forti\w+-[\w-]+) v(?P<version>\d+\.\d+(?:\.\d+)?)[,\s]")
_CONFIG_VERSION = re.compile(r"#config-version=(\w+)-(\d+\.\d+(?:\.\d+)?)-")
_SERIAL = re.compile(r"#\s*Serial-Number:\s*(\w+)")
_MODEL = re.compile(r"#\s*Model(?: name)?:\s*(Forti[\w-]+)")
_MANAGEMENT = ("https", "http", "ssh", "telnet", "snmp")
_LOGINS = ("https", "http", "ssh", "telnet")
_PORTS = {
    "https": "admin-sport",
    "http": "admin-port",
    "ssh": "admin-ssh-port",
    "telnet": "admin-telnet-port",
}


def read(lines: Lines) -> Reading:
    """Read a FortiOS configuration."""
    draft = Draft("fortios", "Fortinet", "FortiOS")
    root = tree(lines.rows, draft)
    _identify(lines, root, draft)
    rules = local_in(root, draft.undefined)
    trusted = trusted_hosts(root)
    if trusted is None and entries(root, "system interface"):
        draft.problem(
            0,
            "管理者(config system admin)がこのファイルにないため、信頼ホストによる制限は分かりません。",
            "The file has no administrators (config system admin), so limits by trusted hosts are not known.",
        )
    for one in entries(root, "system interface"):
        _interface(one, root, rules, trusted, draft)
    _vpn(root, draft)
    for who, path in (("admin", "system admin"), ("local", "user local")):
        users = entries(root, path)
        draft.count(who, len(users), users[0].line if users else 0)
    draft.judge_wan(_outside(root, draft))
    if draft.wan and not draft.services:
        draft.wan_known = False if entries(root, "system interface") else None
    return draft.finish()


def _identify(lines: Lines, root: Node, draft: Draft) -> None:
    for row in lines.rows[:400]:
        if found := _VERSION.search(row.text):
            draft.know(model=found["model"], version=found["version"])
        if found := _CONFIG_VERSION.search(row.text):
            draft.know(version=found[2], model=_model(found[1]))
        if found := _SERIAL.search(row.text):
            draft.know(serial=found[1])
        if found := _MODEL.search(row.text):
            draft.know(model=found[1])
    for section in sections(root, "system global"):
        draft.know(hostname=section.get("hostname"))


def _model(code: str) -> str | None:
    """Read the model from the code in #config-version: FG100F, FGT60F, FWF61E; codes in the serial's form stay."""
    found = re.fullmatch(r"(FGT?|FWF)(\d{2,4}[A-Z])", code)
    if found is None:
        return None
    return f"{'FortiWiFi' if found[1] == 'FWF' else 'FortiGate'}-{found[2]}"


def _interface(one: Node, root: Node, rules: list[Rule], trusted: Sources | None, draft: Draft) -> None:
    address = one.words("ip")
    if len(address) == 2 and masked(*address) and address[0] != ZERO:
        draft.addresses.append(address[0])
    if one.get("status") == "down":
        return
    here = [rule for rule in rules if not rule.interfaces or one.name in rule.interfaces]
    for service in (name for name in _MANAGEMENT if name in one.words("allowaccess")):
        if service == "snmp":
            _snmp(one, root, here, draft)
            continue
        port = _port(root, service)
        base = ANY if trusted is None else trusted
        sources = permitted(here, *door(service, port), otherwise=base)
        if here and sources is not None:
            sources = overlap(sources, base)
        line = one.at("allowaccess")
        default = port if port != door(service)[0] else 0
        if sources != ():
            draft.serve(
                Service(service=service, interface=one.name, sources=sources, line=line, port=default)
            )


def _port(root: Node, service: str) -> int:
    for section in sections(root, "system global"):
        if section.get(_PORTS[service]).isdecimal():
            return int(section.get(_PORTS[service]))
    return door(service)[0]


def _snmp(one: Node, root: Node, rules: list[Rule], draft: Draft) -> None:
    enabled = [section.get("status") for section in sections(root, "system snmp sysinfo")]
    line = one.at("allowaccess")
    if enabled and "enable" not in enabled:
        draft.turn_off("snmp", next(iter(sections(root, "system snmp sysinfo"))).line)
        return
    for community in entries(root, "system snmp community"):
        if community.get("status") == "disable":
            continue
        hosts = [_host(host) for host in community.entries("hosts")]
        sources = tidy(hosts) if hosts and all(hosts) else ANY
        name = community.get("name")
        known = name if name in ("public", "private") else ""
        found = permitted(rules, 161, "udp", otherwise=sources)
        both = None if found is None else overlap(found, sources)
        draft.serve(
            Service(
                service="snmp",
                interface=one.name,
                sources=both,
                line=line,
                rw=False,
                version="v1/v2c",
                community=known,
            )
        )
    for _ in entries(root, "system snmp user"):
        sources = permitted(rules, 161, "udp", otherwise=ANY) or ()
        draft.serve(
            Service(service="snmp", interface=one.name, sources=sources, line=line, rw=False, version="v3")
        )
    if not any(other.service == "snmp" and other.interface == one.name for other in draft.services):
        draft.unstated.append("snmp")


def _host(host: Node) -> str:
    words = host.words("ip") or host.words("ipv6")
    if len(words) == 2:
        return masked(*words) or ""
    return words[0] if words and parse(words[0]) else ""


def _vpn(root: Node, draft: Draft) -> None:
    for path in ("vpn ipsec phase1-interface", "vpn ipsec phase1"):
        for one in entries(root, path):
            dynamic = one.get("type") == "dynamic"
            peer = "any" if dynamic else one.get("remote-gw") or one.get("remotegw-ddns")
            version = "ikev2" if one.get("ike-version") == "2" else "ikev1"
            mode = one.get("mode")
            draft.vpn.append(
                Vpn(
                    kind="ipsec",
                    peer=peer,
                    name=one.name,
                    interface=one.get("interface"),
                    version=version,
                    mode=mode,
                    line=one.line,
                )
            )
            draft.weak += ["aggressive"] if mode == "aggressive" else []
            proposals = {part for word in one.words("proposal") for part in word.split("-")}
            draft.weak += [weak for weak in ("des", "3des", "md5") if weak in proposals]
            draft.weak += [f"dh group {group}" for group in one.words("dhgrp") if group in ("1", "2", "5")]
    _tunnels(root, draft)


def _tunnels(root: Node, draft: Draft) -> None:
    for section in sections(root, "vpn ssl settings"):
        places = section.words("source-interface")
        if places and section.get("status") != "disable":
            line = section.at("source-interface")
            draft.vpn += [Vpn(kind="ssl_vpn", peer="any", interface=place, line=line) for place in places]
    for kind in ("l2tp", "pptp"):
        for section in sections(root, f"vpn {kind}"):
            if section.get("status") == "enable":
                draft.vpn.append(Vpn(kind=kind, peer="any", line=section.line))


_OUTER = re.compile(
    r"^(?:wan\d*|internet\d*|isp\d*|外線.*|.*(?:^|[^a-z])(?:wan|internet)(?:[^a-z].*)?)$", re.IGNORECASE
)


def _outside(root: Node, draft: Draft) -> dict[str, Filter]:
    routed = {
        one.get("device") for one in entries(root, "router static")
        if one.get("dst", ZERO) == ZERO and one.get("status") != "disable"
    }  # fmt: skip
    filters: dict[str, Filter] = {}
    for one in entries(root, "system interface"):
        if one.get("status") == "down" or one.get("type") in ("tunnel", "loopback"):
            continue
        named = _OUTER.match(one.name) or _OUTER.match(one.get("alias")[:60])
        inner = (
            one.get("role") == "lan" or one.name.startswith("mgmt") or one.get("dedicated-to") == "management"
        )
        dialled = one.get("mode") in ("pppoe", "dhcp") and not inner
        if one.get("role") == "wan" or one.name in routed or dialled or (named and one.get("role") != "lan"):
            filters[one.name] = lambda service: ANY  # what local-in policies keep out is already taken off
            if is_inner(parse(one.get("ip"))):
                draft.inner.add(one.name)
    return filters
