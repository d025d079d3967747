# SPDX-License-Identifier: Apache-2.0
"""Juniper Junos, in braces or `set` lines.

No service runs without a statement. A filter on lo0 limits what reaches the device; on SRX also each zone's
host-inbound-traffic.
"""

import re
from collections.abc import Iterator, Sequence

from collector.imports.configurations.draft import Draft, Filter
from collector.imports.configurations.junos_filters import loopback_rules, prefix_list
from collector.imports.configurations.lines import Lines
from collector.imports.configurations.paths import Paths, Statement, read_paths
from collector.imports.configurations.reading import ANY, Reading, Service, Vpn
from collector.imports.configurations.sources import (
    Rule,
    Sources,
    door,
    is_inner,
    merge,
    overlap,
    parse,
    permitted,
    shown,
    tidy,
)

SIGNS = {
    r"^set version \d+\.\d+[RXBIFD]": 0.95,
    r"^version \"?\d+\.\d+[RXBIFD][\w.-]+\"?;": 0.95,
    r"^## Last (?:commit|changed): ": 0.8,
    r"^set (?:system (?:services|root-authentication|login|host-name)|security zones|firewall (?:family|filter)|policy-options|chassis|snmp|routing-options|protocols) ": 0.6,
    r"^set interfaces \S+ unit \d+ family ": 0.9,
    r"^set interfaces (?:ge|xe|et|fe|lo|me|fxp|irb|reth|vlan|st)[-\d]": 0.5,
    r"^\s+root-authentication \{": 0.7,
    r"^\s+host-name \S+;": 0.6,
    r"^\s+unit \d+ \{": 0.5,
    r"^\s+family inet \{": 0.5,
    r"^(?:system|interfaces|security|snmp|routing-options|firewall|policy-options|groups|chassis|protocols) \{": 0.35,
    r"^set (?:deviceconfig|vsys|rulebase|network) ": -0.7,
    r"^\s*deviceconfig \{": -0.9,
    r"^set interfaces ethernet eth\d": -0.9,
}
_RELEASE = re.compile(r"^#+\s*(?:Junos|JUNOS)(?: Software Release)?:?\s+\[?(\d+\.\d+[\w.-]{1,20})")
_HEADER = re.compile(r"^#+\s*(?:Model|model):\s*([\w-]{3,30})")


def read(lines: Lines) -> Reading:
    """Read a Junos configuration."""
    draft = Draft("junos", "Juniper", "Junos", "network")
    for row in lines.rows[:60]:
        if found := _HEADER.match(row.text):
            draft.know(model=found[1])
        if found := _RELEASE.match(row.text):
            draft.know(version=found[1])
    paths = _with_groups(read_paths(lines.rows, draft), draft)
    draft.know(version=paths.value("version"), hostname=paths.value("system", "host-name"))
    rules = loopback_rules(paths, draft)
    for service, line, port, places in _running(paths):
        _serve(service, line, port, places, paths, rules, draft)
    _snmp(paths, rules, draft)
    _users(paths, draft)
    _vpn(paths, draft)
    draft.addresses += [
        word.split("/")[0] for _, rest in paths.under("interfaces", "*", "unit", "*", "family", "inet", "address")
        for word in rest[:1] if parse(word)
    ]  # fmt: skip
    if paths.has("security", "zones"):
        draft.rename(device_class="gateway")
    draft.judge_wan(_outside(paths, draft))
    return draft.finish()


def _with_groups(paths: Paths, draft: Draft) -> Paths:
    """Add what `apply-groups` brings in at the top; groups with wildcards are not spread."""
    applied = [name for name in paths.values("apply-groups") if paths.has("groups", name)]
    if not applied:
        return paths
    brought = [Statement(line, rest) for name in applied for line, rest in paths.under("groups", name)]
    if any("<" in word for one in brought for word in one.path):
        draft.problem(
            paths.line("groups"),
            "パターンを含む groups は展開していません。",
            "Groups with wildcards are not applied.",
        )
    return Paths([*brought, *paths.every()])


def _running(paths: Paths) -> Iterator[tuple[str, int, int, Sequence[str]]]:
    for service in ("ssh", "telnet", "ftp"):
        if line := paths.line("system", "services", service):
            port = paths.value("system", "services", service, "port")
            yield service, line, int(port) if port.isdecimal() else 0, ()
    for service in ("http", "https"):
        prefix = ("system", "services", "web-management", service)
        if line := paths.line(*prefix):
            port = paths.value(*prefix, "port")
            yield service, line, int(port) if port.isdecimal() else 0, paths.values(*prefix, "interface")
    for service in ("netconf", "rest", "xnm-clear-text", "finger"):
        if line := paths.line("system", "services", service):
            yield service, line, 0, ()


def _zones(paths: Paths) -> dict[str, tuple[str, set[str]]]:
    """Give for each interface in a zone the zone and the services that it lets in."""
    found: dict[str, tuple[str, set[str]]] = {}
    for zone in paths.values("security", "zones", "security-zone"):
        prefix = ("security", "zones", "security-zone", zone)
        common = set(paths.values(*prefix, "host-inbound-traffic", "system-services"))
        for place in paths.values(*prefix, "interfaces"):
            own = set(paths.values(*prefix, "interfaces", place, "host-inbound-traffic", "system-services"))
            found[place] = (zone, own or common)
    return found


def _where(service: str, places: Sequence[str], paths: Paths) -> list[str]:
    """Give where a service answers: on SRX the interfaces whose zone lets it in, else where it is bound, else any."""
    zones = _zones(paths)
    if not zones:
        return list(places) or ["any"]
    return [
        place
        for place, (_, lets) in zones.items()
        if lets & {"all", "any-service", service} and (not places or place in places)
    ]


def _serve(
    service: str,
    line: int,
    port: int,
    places: Sequence[str],
    paths: Paths,
    rules: list[Rule] | None,
    draft: Draft,
) -> None:
    sources = ANY if rules is None else permitted(rules, *door(service, port))
    places = _where(service, places, paths)
    target = draft.also if service not in ("ssh", "telnet", "ftp", "http", "https") else None
    for place in places:
        one = Service(service=service, interface=place, sources=sources, line=line, port=port)
        if target is None:
            draft.serve(one)
        else:
            target.append(one)


def _snmp(paths: Paths, rules: list[Rule] | None, draft: Draft) -> None:
    places = _where("snmp", paths.values("snmp", "interface"), paths)
    for name in paths.values("snmp", "community"):
        prefix = ("snmp", "community", name)
        sources = _clients(paths, prefix, draft)
        let_in = ANY if rules is None else permitted(rules, 161, "udp")
        both = None if sources is None or let_in is None else overlap(sources, let_in)
        for place in places:
            draft.serve(
                Service(
                    service="snmp",
                    interface=place,
                    sources=both,
                    line=paths.line(*prefix),
                    version="v1/v2c",
                    rw=paths.value(*prefix, "authorization") == "read-write",
                    community=name if name in ("public", "private") else "",
                )
            )
    if line := paths.line("snmp", "v3", "usm"):
        let_in = ANY if rules is None else permitted(rules, 161, "udp")
        for place in places:
            draft.serve(
                Service(service="snmp", interface=place, sources=let_in, line=line, rw=False, version="v3")
            )


def _clients(paths: Paths, prefix: tuple[str, ...], draft: Draft) -> Sources | None:
    found: Sources | None = None
    for _, rest in paths.under(*prefix, "clients"):
        if rest and "restrict" not in rest[1:]:
            net = parse(rest[0])
            found = merge(found or (), (shown(net),) if net else ())
    named = paths.value(*prefix, "client-list-name")
    if named:
        networks = [
            shown(net) for word in paths.values("snmp", "client-list", named) if (net := parse(word)) is not None
        ]  # fmt: skip
        listed = tidy(networks) or prefix_list(paths, named)
        if listed is None:
            draft.undefined(paths.line(*prefix), "client-list")
        return listed
    if found is not None and paths.has(*prefix, "clients", "0.0.0.0/0", "restrict"):
        return tuple(one for one in found if one != "any")
    return ANY if found is None else tidy(found)


def _users(paths: Paths, draft: Draft) -> None:
    names = paths.values("system", "login", "user")
    line = paths.line("system", "login", "user")
    draft.count("local", len(names), line)
    full = [name for name in names if paths.value("system", "login", "user", name, "class") == "super-user"]
    draft.count("admin", len(full), line)


def _vpn(paths: Paths, draft: Draft) -> None:
    for name in paths.values("security", "ike", "gateway"):
        prefix = ("security", "ike", "gateway", name)
        dynamic = paths.has(*prefix, "dynamic")
        policy = ("security", "ike", "policy", paths.value(*prefix, "ike-policy"))
        mode = paths.value(*policy, "mode")
        draft.vpn.append(
            Vpn(
                kind="ipsec",
                peer="any" if dynamic else paths.value(*prefix, "address"),
                name=name,
                interface=paths.value(*prefix, "external-interface"),
                mode=mode,
                line=paths.line(*prefix),
                version="ikev2" if paths.value(*prefix, "version") == "v2-only" else "ikev1",
            )
        )
        draft.weak += ["aggressive"] if mode == "aggressive" else []
    for kind in ("ike", "ipsec"):
        for _, rest in paths.under("security", kind, "proposal"):
            words = {part for word in rest[1:] for part in word.split("-")}
            draft.weak += [weak for weak in ("des", "3des", "md5") if weak in words]
            draft.weak += [f"dh {word}" for word in rest if word in ("group1", "group2", "group5")]


def _outside(paths: Paths, draft: Draft) -> dict[str, Filter]:
    """Zones called untrust and the like; else the interface that carries the default route."""
    outer = [
        place
        for place, (zone, _) in _zones(paths).items()
        if zone.lower() in ("untrust", "internet", "wan", "outside")
    ]
    hops = paths.values("routing-options", "static", "route", "0.0.0.0/0", "next-hop")
    for hop in hops if not outer else ():
        outer += [hop] if not parse(hop) else _beside(hop, paths)
    filters: dict[str, Filter] = {}
    for place in dict.fromkeys(outer):
        filters[place] = lambda service: ANY  # the loopback filter and the zone are already in the sources
        name, _, unit = place.partition(".")
        own = paths.values("interfaces", name, "unit", unit or "0", "family", "inet", "address")
        if any(is_inner(parse(one)) for one in own):
            draft.inner.add(place)
    return filters


def _beside(hop: str, paths: Paths) -> list[str]:
    gateway = parse(hop)
    found = []
    for _, rest in paths.under("interfaces"):
        if len(rest) > 6 and rest[1] == "unit" and rest[3:6] == ("family", "inet", "address"):
            net = parse(rest[6])
            if (
                gateway
                and net
                and net.version == gateway.version
                and gateway.network_address in net
                and not is_inner(net)
            ):
                found.append(f"{rest[0]}.{rest[2]}")
    return found
