# SPDX-License-Identifier: Apache-2.0
"""Palo Alto Networks PAN-OS, as XML, in braces or `set` lines.

HTTPS and SSH run on the management port unless a line says otherwise, telnet and HTTP do not (the makers'
default in every version). On a data port only what its management profile names.
"""

import re
from collections.abc import Iterator, Sequence

from collector.imports.configurations.draft import Draft, Filter
from collector.imports.configurations.lines import Lines
from collector.imports.configurations.paths import Path, Paths, Statement, read_paths
from collector.imports.configurations.reading import ANY, Reading, Service, Vpn
from collector.imports.configurations.sources import Sources, parse, shown, tidy
from collector.imports.configurations.xml_nodes import Node, read_xml

SIGNS = {
    r"^set (?:deviceconfig|mgt-config|vsys|rulebase|device-group|template|shared|panorama) ": 0.9,
    r"^set (?:network (?:interface|virtual-router|profiles|ike|tunnel|vlan|logical-router)) ": 0.8,
    r"^set (?:address|address-group|zone|application|application-group|service|service-group|tag|profiles|import|global-protect|policy|readonly|setting) ": 0.6,
    r"^\s*deviceconfig \{": 0.9,
    r"^\s*(?:localhost\.localdomain|mgt-config|virtual-router|rulebase) \{": 0.7,
    r"^\s*(?:<\?xml[^>]{0,80}\?>\s*)?(?:<response[^>]{0,60}>\s*)?(?:<result>\s*)?<config (?:version|urldb)=": 0.9,
    r"^\s*<(?:mgt-config|deviceconfig)>": 0.8,
    r"^set interfaces ": -0.8,
    r"^set system ": -0.8,
    r"^\s*<(?:pfsense|opnsense)>": -0.9,
}
_SERVICES = ("https", "ssh", "http", "telnet", "snmp")
_VERSION = re.compile(r"^(?:#|//)?\s*sw-version:\s*(\S{3,20})")
_MODEL = re.compile(r"^(?:#|//)?\s*model:\s*(PA-\S{2,20}|VM-\S{2,20})")


def read(lines: Lines) -> Reading:
    """Read a PAN-OS configuration."""
    draft = Draft("panos", "Palo Alto Networks", "PAN-OS")
    for row in lines.rows[:100]:
        if found := _VERSION.match(row.text):
            draft.know(version=found[1])
        if found := _MODEL.match(row.text):
            draft.know(model=found[1])
    paths = _paths(lines, draft)
    draft.know(hostname=paths.value("deviceconfig", "system", "hostname"))
    _management_port(paths, draft)
    for place, profile in _profiled(paths):
        _data_port(place, profile, paths, draft)
    _snmp(paths, draft)
    names = paths.values("mgt-config", "users")
    draft.count("admin", len(names), paths.line("mgt-config", "users"))
    _vpn(paths, draft)
    draft.judge_wan(_outside(paths, draft))
    return draft.finish()


def _paths(lines: Lines, draft: Draft) -> Paths:
    if lines.text.lstrip("\ufeff \r\n\t").startswith("<"):
        root, version = read_xml(lines.text, draft)
        draft.know(version=version)
        return Paths(_shorten(one) for top in root.inside for one in _flat(top, ()))
    return Paths(_shorten(one) for one in read_paths(lines.rows, draft).every())


def _flat(node: Node, above: Path) -> Iterator[Statement]:
    word = node.name if node.tag == "entry" else node.text if node.tag == "member" else node.tag
    path = (*above, word)
    if not node.inside:
        yield Statement(
            node.line, (*path, node.text) if node.tag not in ("entry", "member") and node.text else path
        )
    for one in node.inside:
        yield from _flat(one, path)


_ROOTS = {
    "deviceconfig",
    "network",
    "mgt-config",
    "vsys",
    "shared",
    "rulebase",
    "zone",
    "address",
    "address-group",
}


def _shorten(one: Statement) -> Statement:
    """Drop what stands before the part that names the subject (config devices HOST, template T config …)."""
    at = next((index for index, word in enumerate(one.path[:12]) if word in _ROOTS), 0)
    path = one.path[at:]
    if path[:1] == ("vsys",) and len(path) > 2:
        path = path[2:]
    return Statement(one.line, path)


def _allowed(paths: Paths, *at: str) -> Sources:
    networks = [shown(net) for word in paths.values(*at, "permitted-ip") if (net := parse(word)) is not None]
    return tidy(networks) if networks else ANY


def _management_port(paths: Paths, draft: Draft) -> None:
    at = ("deviceconfig", "system")
    if (
        not paths.has(*at, "ip-address")
        and not paths.has(*at, "service")
        and not paths.has(*at, "permitted-ip")
    ):
        draft.unstated += ["https", "ssh"] if paths.has(*at) else []
        return
    address = paths.value(*at, "ip-address")
    draft.addresses += [address] if parse(address) else []
    sources = _allowed(paths, *at)
    usual = {"https": True, "ssh": True, "http": False, "telnet": False, "snmp": True}
    for service in _SERVICES:
        said = paths.value(*at, "service", f"disable-{service}")
        line = paths.line(*at, "service", f"disable-{service}")
        if said == "yes":
            draft.turn_off(service, line)
        elif service == "snmp":
            continue
        elif usual[service] or said == "no":
            place = "management"
            draft.serve(
                Service(
                    service=service,
                    interface=place,
                    sources=sources,
                    line=line or paths.line(*at),
                    default=not said,
                )
            )


def _profiled(paths: Paths) -> Iterator[tuple[str, str]]:
    for _, rest in paths.under("network", "interface"):
        if "interface-management-profile" in rest[:-1]:
            yield _place(rest), rest[-1]


def _place(rest: Sequence[str]) -> str:
    if "units" in rest[:-1]:
        return rest[rest.index("units") + 1]
    return rest[1] if len(rest) > 1 and rest[0] in ("ethernet", "aggregate-ethernet") else rest[0]


def _data_port(place: str, profile: str, paths: Paths, draft: Draft) -> None:
    at = ("network", "profiles", "interface-management-profile", profile)
    if not paths.has(*at):
        draft.undefined(paths.line("network", "interface"), "interface-management-profile")
        return
    sources = _allowed(paths, *at)
    for service in _SERVICES:
        if paths.value(*at, service) == "yes":
            line = paths.line(*at, service)
            rw = False if service == "snmp" else None
            draft.serve(Service(service=service, interface=place, sources=sources, line=line, rw=rw))


def _snmp(paths: Paths, draft: Draft) -> None:
    at = ("deviceconfig", "system", "snmp-setting", "access-setting", "version")
    name = paths.value(*at, "v2c", "snmp-community-string")
    on = paths.value("deviceconfig", "system", "service", "disable-snmp") == "no" or bool(name)
    if on and "snmp" not in draft.off and paths.has(*at):
        draft.serve(
            Service(
                service="snmp",
                interface="management",
                sources=_allowed(paths, "deviceconfig", "system"),
                rw=False,
                line=paths.line(*at),
                version="v1/v2c" if paths.has(*at, "v2c") else "v3",
                community=name if name in ("public", "private") else "",
            )
        )


def _vpn(paths: Paths, draft: Draft) -> None:
    for name in paths.values("network", "ike", "gateway"):
        at = ("network", "ike", "gateway", name)
        peer = paths.value(*at, "peer-address", "ip") or paths.value(*at, "peer-address", "fqdn")
        dynamic = paths.has(*at, "peer-address", "dynamic")
        version = paths.value(*at, "protocol", "version") or "ikev1"
        mode = paths.value(*at, "protocol", "ikev1", "exchange-mode")
        draft.vpn.append(
            Vpn(
                kind="ipsec",
                peer="any" if dynamic else peer,
                name=name,
                line=paths.line(*at),
                mode=mode,
                interface=paths.value(*at, "local-address", "interface"),
                version=version.split("-")[0],
            )
        )
        draft.weak += ["aggressive"] if mode == "aggressive" else []
    for word in ("global-protect-gateway", "global-protect-portal"):
        for name in paths.values("global-protect", word) or paths.values("network", "tunnel", word):
            line = paths.line("global-protect", word, name) or paths.line("network", "tunnel", word, name)
            draft.vpn.append(Vpn(kind="ssl_vpn", peer="any", name=name, line=line))


def _outside(paths: Paths, draft: Draft) -> dict[str, Filter]:
    """Zones called untrust and the like; their interfaces."""
    filters: dict[str, Filter] = {}
    for zone in paths.values("zone"):
        if zone.lower() in ("untrust", "internet", "wan", "outside", "external", "untrusted"):
            for _, rest in paths.under("zone", zone, "network"):
                if len(rest) > 1 and rest[0] in ("layer3", "virtual-wire", "layer2"):
                    filters[rest[1]] = lambda service: ANY
    return filters
