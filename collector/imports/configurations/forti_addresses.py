# SPDX-License-Identifier: Apache-2.0
"""FortiOS address objects and groups, trusted hosts and local-in policies, resolved to networks. Pure."""

from collections.abc import Callable, Iterable

from collector.imports.configurations.forti_tree import Node
from collector.imports.configurations.reading import ANY
from collector.imports.configurations.sources import (
    ZERO,
    Rule,
    Sources,
    masked,
    merge,
    parse,
    shown,
    span,
    tidy,
)

DEEPEST = 12
SERVICES = {
    "HTTPS": (443, 443, "tcp"), "HTTP": (80, 80, "tcp"), "SSH": (22, 22, "tcp"), "TELNET": (23, 23, "tcp"),
    "SNMP": (161, 162, "udp"), "ALL": (0, 65535, ""), "ALL_TCP": (0, 65535, "tcp"), "ALL_UDP": (0, 65535, "udp"),
}  # fmt: skip


def address(root: Node, name: str, depth: int = 0) -> Sources | None:
    """Give the networks of an address object or group; None if it is not defined or not known."""
    if name in ("all", "any"):
        return ANY
    if depth > DEEPEST:
        return None
    group = _entry(root, "firewall addrgrp", name)
    if group is not None:
        found: Sources | None = ()
        for member in group.words("member"):
            part = address(root, member, depth + 1)
            found = merge(found, part) if found is not None else None
        return found
    one = _entry(root, "firewall address", name)
    return None if one is None else _object(one)


def _object(one: Node) -> Sources | None:
    subnet = one.words("subnet")
    if len(subnet) == 2:
        text = masked(*subnet)
        return _single(text) if text else None
    if len(subnet) == 1 and (found := parse(subnet[0])):
        return _single(shown(found))
    if one.get("start-ip") and one.get("end-ip"):
        return span(one.get("start-ip"), one.get("end-ip")) or None
    kind = one.get("type", "ipmask")
    if kind == "fqdn" and one.get("fqdn"):
        return (one.get("fqdn"),)
    if kind == "geography" and one.get("country"):
        return (f"country {one.get('country')}",)
    return ANY if kind == "ipmask" else None  # no subnet at all is 0.0.0.0/0


def _single(text: str) -> Sources:
    return ANY if text == "any" else (text,)


def sections(root: Node, path: str) -> Iterable[Node]:
    """Give a section wherever it stands: at the top, under global, under each virtual domain."""
    if path in root.inside:
        yield root.inside[path]
    for holder in ("global", "vdom"):
        domains = root.inside.get(holder)
        if domains is None:
            continue
        if path in domains.inside:
            yield domains.inside[path]
        for domain in domains.inside.values():
            if path in domain.inside and holder == "vdom":
                yield domain.inside[path]


def entries(root: Node, path: str) -> list[Node]:
    """Give the entries of a section of every virtual domain."""
    return [one for section in sections(root, path) for one in section.inside.values()]


def _entry(root: Node, path: str, name: str) -> Node | None:
    found = (section.inside[name] for section in sections(root, path) if name in section.inside)
    return next(found, None)


def trusted_hosts(root: Node) -> Sources | None:
    """Give from where administrators may log in: all trusted hosts together; None if no account stands there."""
    admins = entries(root, "system admin")
    if not admins:
        return None
    hosts: list[str] = []
    for admin in admins:
        own = [_host(words) for key, (_, words) in admin.values.items() if "trusthost" in key]
        if not any(own):
            return ANY
        hosts.extend(one for one in own if one)
    return tidy(hosts)


def _host(words: tuple[str, ...]) -> str:
    text = masked(*words) if len(words) == 2 else None
    if text is None and words and (found := parse(words[0])):
        text = shown(found)
    return "" if text is None or (words[0] == ZERO and text != "any") else text


def local_in(root: Node, undefined: Callable[[int, str], None]) -> list[Rule]:
    """Give the rules of `firewall local-in-policy`, in order."""
    rules: list[Rule] = []
    for one in entries(root, "firewall local-in-policy"):
        if one.get("status") == "disable":
            continue
        sources: Sources | None = ()
        for name in one.words("srcaddr"):
            part = address(root, name)
            if part is None:
                undefined(one.at("srcaddr"), "srcaddr")
            sources = merge(sources, part) if sources is not None else None
        rules.extend(_rules(one, sources, root))
    return rules


def _rules(one: Node, sources: Sources | None, root: Node) -> Iterable[Rule]:
    permit = one.get("action", "deny") == "accept"
    negated = one.get("srcaddr-negate") == "enable"
    places = one.words("intf")
    where = () if "any" in places else places
    for name in one.words("service"):
        for low, high, transport in _service(name, root):
            yield Rule(
                permit=permit, sources=sources, transports=(transport,) if transport else (),
                ports=() if high == 65535 and low == 0 else ((low, high),), interfaces=where, line=one.line,
                negated=negated,
            )  # fmt: skip


def _service(name: str, root: Node) -> list[tuple[int, int, str]]:
    if name in SERVICES:
        return [SERVICES[name]]
    group = _entry(root, "firewall service group", name)
    if group is not None:
        return [one for member in group.words("member") if member != name for one in _service(member, root)]
    custom = _entry(root, "firewall service custom", name)
    found = []
    for transport in ("tcp", "udp"):
        for text in custom.words(f"{transport}-portrange") if custom else ():
            low, _, high = text.split(":")[0].partition("-")
            if low.isdigit() and (not high or high.isdigit()):
                found.append((int(low), int(high or low), transport))
    return found
