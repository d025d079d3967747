# SPDX-License-Identifier: Apache-2.0
"""VyOS and EdgeOS: what the rule sets for the router itself let in from the outer interfaces. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from collector.imports.configurations.cisco_lists import NAMED_PORTS
from collector.imports.configurations.draft import Draft, Filter
from collector.imports.configurations.paths import Paths
from collector.imports.configurations.reading import ANY, Service
from collector.imports.configurations.sources import (
    Rule,
    Sources,
    door,
    is_inner,
    parse,
    permitted,
    shown,
    span,
    tidy,
)

GROUPS = ("address-group", "network-group")
DEEPEST = 5  # jumps within jumps
MOST_RULES = 5000


def group(paths: Paths, kind: str, name: str) -> Sources | None:
    """Give the networks of an address or network group; None if it is not defined."""
    prefix = ("firewall", "group", kind, name)
    if not paths.has(*prefix):
        return None
    words = [*paths.values(*prefix, "address"), *paths.values(*prefix, "network")]
    found: list[str] = []
    for word in words:
        low, dash, high = word.partition("-")
        net = parse(word)
        found += [shown(net)] if net else list(span(low, high)) if dash else []
    return tidy(found)


def rule_set(paths: Paths, prefix: tuple[str, ...], draft: Draft) -> list[Rule] | None:
    """Give the rules of one rule set with its default at the end; None if it is not defined."""
    if not paths.has(*prefix):
        return None
    default = paths.value(*prefix, "default-action") or "drop"
    return [*_numbered(paths, prefix, draft), Rule(permit=default == "accept")]


def _numbered(paths: Paths, prefix: tuple[str, ...], draft: Draft, depth: int = 0) -> list[Rule]:
    rules: list[Rule] = []
    for number in sorted(paths.values(*prefix, "rule"), key=_number)[:MOST_RULES]:
        at = (*prefix, "rule", number)
        target = paths.value(*at, "jump-target")
        if paths.value(*at, "action") == "jump" and not paths.has(*at, "disable"):
            rules += _jumped(paths, at, target, draft, depth)
        elif (rule := _rule(paths, at, draft)) is not None:
            rules.append(rule)
    return rules


def _jumped(paths: Paths, at: tuple[str, ...], target: str, draft: Draft, depth: int) -> list[Rule]:
    """Give the rules of the set that is jumped to, each also under the conditions of the jump."""
    prefix = (*at[: at.index("ipv4") + 1], "name", target) if "ipv4" in at else ("firewall", "name", target)
    entry = _conditions(paths, at, True, draft)
    if not paths.has(*prefix) or depth > DEEPEST or entry.sources != ANY:
        return [replace(entry, sources=None)]
    inner = _numbered(paths, prefix, draft, depth + 1)
    default = paths.value(*prefix, "default-action") or "drop"
    if default in ("accept", "drop", "reject"):
        inner.append(Rule(permit=default == "accept"))
    return [
        replace(
            one,
            ports=one.ports or entry.ports,
            transports=one.transports or entry.transports,
            interfaces=one.interfaces or entry.interfaces,
            new=one.new and entry.new,
        )
        for one in inner
    ]


def _number(word: str) -> int:
    return int(word) if word.isdecimal() and len(word) < 10 else 0


def _rule(paths: Paths, at: tuple[str, ...], draft: Draft) -> Rule | None:
    action = paths.value(*at, "action")
    if action not in ("accept", "drop", "reject") or paths.has(*at, "disable"):
        return None
    if action != "accept" and any(paths.has(*at, word) for word in ("recent", "limit", "time")):
        return None  # drops only some of the packets
    return _conditions(paths, at, action == "accept", draft)


def _conditions(paths: Paths, at: tuple[str, ...], permit: bool, draft: Draft) -> Rule:
    states = {word for _, rest in paths.under(*at, "state") for word in rest[:1] if rest[1:2] != ("disable",)}
    protocol = paths.value(*at, "protocol")
    transports = {"tcp_udp": ("tcp", "udp"), "all": (), "": ()}.get(protocol, (protocol,))
    sources, negated = _sources(paths, at, draft)
    return Rule(
        permit=permit,
        sources=sources,
        transports=tuple(transports),
        ports=_ports(paths, at),
        line=paths.line(*at),
        new=(not states or "new" in states) and not paths.has(*at, "source", "port"),
        negated=negated,
        interfaces=tuple(_inbound(paths, at)),
    )


def applies(rule: Rule, place: str) -> bool:
    """Say whether a rule speaks of packets that come in at this interface; !eth0 is every other one."""
    if not rule.interfaces:
        return True
    return any(one == place or (one.startswith("!") and one[1:] != place) for one in rule.interfaces)


def _inbound(paths: Paths, at: tuple[str, ...]) -> list[str]:
    words = [paths.value(*at, "inbound-interface", key) for key in ("name", "interface-name")]
    groups = [paths.value(*at, "inbound-interface", key) for key in ("group", "interface-group")]
    members = [
        one
        for name in groups
        if name
        for one in paths.values("firewall", "group", "interface-group", name, "interface")
    ]
    return [word for word in [*words, *members] if word]


def _sources(paths: Paths, at: tuple[str, ...], draft: Draft) -> tuple[Sources | None, bool]:
    address = paths.value(*at, "source", "address")
    if address:
        low, dash, high = address.lstrip("!").partition("-")
        net = parse(address.lstrip("!"))
        return (span(low, high) or None if dash else (shown(net),) if net else None), address.startswith("!")
    for kind in GROUPS:
        name = paths.value(*at, "source", "group", kind)
        if name:
            found = group(paths, kind, name.lstrip("!"))
            if found is None:
                draft.undefined(paths.line(*at), kind)
            return found, name.startswith("!")
    return (None if paths.has(*at, "source", "geoip") else ANY), False


def _ports(paths: Paths, at: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    words = paths.value(*at, "destination", "port").split(",")
    name = paths.value(*at, "destination", "group", "port-group")
    if name:
        words = paths.values("firewall", "group", "port-group", name, "port") or ["-1"]
    found = []
    for word in filter(None, words):
        low, _, high = word.partition("-")
        found.append((_port(low), _port(high or low)))
    return tuple(found)


def _port(word: str) -> int:
    return int(word) if word.isdecimal() and len(word) < 6 else NAMED_PORTS.get(word, -1)


def outside(paths: Paths, draft: Draft) -> dict[str, Filter]:
    """Give the filter of each interface that faces outwards."""
    return {place: _admits(paths, place, draft) for place in _outer(paths, draft)}


def _outer(paths: Paths, draft: Draft) -> list[str]:
    found: list[str] = []
    for _line, rest in paths.under("interfaces"):
        if len(rest) < 3 or rest[0] in ("loopback", "openvpn", "wireguard", "vtun"):
            continue
        name = _place(rest)
        if rest[-2:] == ("address", "dhcp") or "pppoe" in rest or rest[0] == "pppoe":
            found.append(_dialled(rest[2:]) or name)
        elif "description" in rest and rest[-1].lower() in ("wan", "internet", "outside", "isp"):
            found.append(name)
    for key in ("outbound-interface",):
        for _, rest in paths.under("nat", "source", "rule"):
            if key in rest:
                found.append(rest[-1])
        for _, rest in paths.under("service", "nat", "rule"):
            if key in rest:
                found.append(rest[-1])
    for _, rest in paths.under("protocols", "static", "route", "0.0.0.0/0", "next-hop"):
        found += _beside(rest[0], paths) if rest and not found else []
    unique = [one for one in dict.fromkeys(found) if one and one != "any"]
    for name in unique:
        own = [
            word
            for _, rest in paths.under("interfaces")
            if _place(rest) == name and "address" in rest
            for word in rest[-1:]
        ]
        if any(is_inner(parse(word)) for word in own):
            draft.inner.add(name)
    return unique


def _place(rest: Sequence[str]) -> str:
    name = rest[1] if len(rest) > 1 else ""
    return f"{name}.{rest[3]}" if rest[2:3] == ("vif",) and len(rest) > 3 else name


def _beside(hop: str, paths: Paths) -> list[str]:
    gateway = parse(hop)
    return [
        _place(rest) for _, rest in paths.under("interfaces")
        if "address" in rest and (net := parse(rest[-1])) and gateway and net.version == gateway.version
        and gateway.network_address in net
    ]  # fmt: skip


def _admits(paths: Paths, place: str, draft: Draft) -> Filter:
    rules = _rules_of(paths, place, draft)

    def admits(service: Service) -> tuple[str, ...] | None:
        if rules is None:
            return ANY  # no rule set speaks of this interface: everything reaches the router
        here = [one for one in rules if applies(one, place)]
        return permitted(here, *door(service.service, service.port))

    return admits


def _rules_of(paths: Paths, place: str, draft: Draft) -> list[Rule] | None:
    for prefix in (("firewall", "ipv4", "input", "filter"), ("firewall", "input", "filter")):
        if paths.has(*prefix):
            default = paths.value(*prefix, "default-action") or "accept"
            found = rule_set(paths, prefix, draft) or []
            return [*found[:-1], Rule(permit=default == "accept")]
    name = _local_name(paths, place)
    if name is None:
        return None
    for prefix in (("firewall", "name", name), ("firewall", "ipv4", "name", name)):
        found_set = rule_set(paths, prefix, draft)
        if found_set is not None:
            return found_set
    draft.undefined(paths.line("interfaces"), "firewall name")
    return [Rule(permit=True, sources=None)]


def _local_name(paths: Paths, place: str) -> str | None:
    for _, rest in paths.under("interfaces"):
        if rest[-4:-1] == ("firewall", "local", "name") and (
            _place(rest) == place or _dialled(rest) == place
        ):
            return rest[-1]
    for _, rest in paths.under("firewall", "interface", place, "local", "name"):
        return rest[0] if rest else None
    for where in (("zone-policy", "zone"), ("firewall", "zone")):
        for local in paths.values(*where):
            if paths.has(*where, local, "local-zone"):
                return _zone_rules(paths, where, local, place)
    return None


def _dialled(rest: Sequence[str]) -> str:
    return "pppoe" + rest[rest.index("pppoe") + 1] if "pppoe" in rest[:-1] else ""


def _zone_rules(paths: Paths, where: tuple[str, str], local: str, place: str) -> str:
    for zone in paths.values(*where):
        members = [
            *paths.values(*where, zone, "interface"),
            *paths.values(*where, zone, "member", "interface"),
        ]
        if place in members:
            return paths.value(*where, local, "from", zone, "firewall", "name") or "(no policy: dropped)"
    return "(no zone)"
