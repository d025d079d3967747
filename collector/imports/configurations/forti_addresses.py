# SPDX-License-Identifier: Apache-2.0
"""FortiOS address objects and groups, trusted hosts and local-in policies, resolved to networks. Pure."""

from collections.abc import Callable, Iterable

from collector.imports.configurations.forti_tree import Node
from collector.imports.configurations.named import Named, together
from collector.imports.configurations.reading import ANY
from collector.imports.configurations.sources import (
    ZERO,
    Rule,
    Sources,
    masked,
    parse,
    shown,
    span,
    tidy,
)

SERVICES = {
    "HTTPS": (443, 443, "tcp"), "HTTP": (80, 80, "tcp"), "SSH": (22, 22, "tcp"), "TELNET": (23, 23, "tcp"),
    "SNMP": (161, 162, "udp"), "ALL": (0, 65535, ""), "ALL_TCP": (0, 65535, "tcp"), "ALL_UDP": (0, 65535, "udp"),
}  # fmt: skip


def addresses(root: Node) -> Named:
    """Give what resolves an address object or group; None for what is not defined or not known."""
    groups = {one.name: one for one in reversed(entries(root, "firewall addrgrp"))}
    objects = {one.name: one for one in reversed(entries(root, "firewall address"))}

    def resolve(name: str) -> Sources | None:
        if name in ("all", "any"):
            return ANY
        if name in groups:
            return together(named(member) for member in groups[name].words("member"))
        return _object(objects[name]) if name in objects else None

    named = Named(resolve)
    return named


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
    named, ports = addresses(root), _Ports(root)
    rules: list[Rule] = []
    for one in entries(root, "firewall local-in-policy"):
        if one.get("status") == "disable":
            continue
        sources = together(named(name) for name in one.words("srcaddr"))
        if sources is None:
            undefined(one.at("srcaddr"), "srcaddr")
        rules.extend(_rules(one, sources, ports))
    return rules


def _rules(one: Node, sources: Sources | None, ports: "_Ports") -> Iterable[Rule]:
    places = one.words("intf")
    for name in one.words("service"):
        for low, high, transport in ports.of(name):
            yield Rule(
                permit=one.get("action", "deny") == "accept",
                sources=sources,
                transports=(transport,) if transport else (),
                ports=() if high == 65535 and low == 0 else ((low, high),),
                interfaces=() if "any" in places else places,
                line=one.line,
                negated=one.get("srcaddr-negate") == "enable",
            )


class _Ports:
    """What service objects and groups stand for, each resolved once."""

    def __init__(self, root: Node) -> None:
        self._groups = {one.name: one for one in entries(root, "firewall service group")}
        self._custom = {one.name: one for one in entries(root, "firewall service custom")}
        self._known: dict[str, list[tuple[int, int, str]]] = {}

    def of(self, name: str) -> list[tuple[int, int, str]]:
        """Give the port ranges of a service; none for what is not known."""
        if name not in self._known:
            self._known[name] = []  # a group within itself adds nothing
            self._known[name] = self._find(name)
        return self._known[name]

    def _find(self, name: str) -> list[tuple[int, int, str]]:
        if name in self._groups:
            return [one for member in self._groups[name].words("member") for one in self.of(member)][:500]
        if name in self._custom:
            return _custom(self._custom[name])
        return [SERVICES[name]] if name in SERVICES else []


def _custom(custom: Node) -> list[tuple[int, int, str]]:
    found = []
    for transport in ("tcp", "udp"):
        for text in custom.words(f"{transport}-portrange"):
            low, _, high = text.split(":")[0].partition("-")
            if low.isdecimal() and (not high or high.isdecimal()):
                found.append((int(low), int(high or low), transport))
    return found
