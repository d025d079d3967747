# SPDX-License-Identifier: Apache-2.0
"""What the input chain of a RouterOS firewall lets in from the outer and from the inner interfaces. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from collector.imports.configurations.draft import Draft
from collector.imports.configurations.reading import ANY
from collector.imports.configurations.routeros_rows import Row
from collector.imports.configurations.sources import (
    Rule,
    Sources,
    aimed_here,
    client_ports,
    parse,
    permitted,
    shown,
    span,
    tidy,
)

MOST_PLACES = 64
MOST_JUMPED = 500
DEEPEST = 2  # jumps within jumps
_DIALLED = ("/interface pppoe-client", "/interface lte", "/interface pptp-client", "/interface l2tp-client")


def interface_lists(every: Sequence[Row]) -> dict[str, set[str]]:
    """Give the members of every interface list."""
    lists: dict[str, set[str]] = {}
    for row in every:
        if row.menu == "/interface list member" and row.verb == "add" and not row.off:
            lists.setdefault(row.get("list"), set()).add(row.get("interface"))
    return lists


def outer_interfaces(every: Sequence[Row]) -> set[str]:
    """Give the interfaces towards the outside: the WAN list, dial-up, DHCP clients, masquerading."""
    lists = interface_lists(every)
    found: set[str] = set()
    for name, members in lists.items():
        if name.upper() in ("WAN", "INTERNET", "OUTSIDE", "EXTERNAL"):
            found |= members
    for row in every:
        if (
            row.menu in _DIALLED
            and row.verb == "add"
            and not row.off
            and set(row.values) & {"interface", "connect-to", "apn-profiles"}
        ):
            found.add(row.get("name"))
        elif row.menu == "/ip dhcp-client" and row.verb == "add" and not row.off:
            if not row.get("interface").startswith("bridge"):  # an access point or switch asks there too
                found.add(row.get("interface"))
        elif (
            row.menu == "/ip firewall nat" and row.get("action") in ("masquerade", "src-nat") and not row.off
        ):
            found |= {row.get("out-interface")} | lists.get(row.get("out-interface-list"), set())
    return {name for name in found if name and not name.startswith("!")}


class Chain:
    """The IPv4 input chain with the lists that it names."""

    def __init__(self, every: Sequence[Row], draft: Draft) -> None:
        self.draft = draft
        self.lists = interface_lists(every)
        self.named = _address_lists(every)
        self.chains: dict[str, list[Row]] = {}
        for row in every:
            if row.menu == "/ip firewall filter" and row.verb == "add" and not row.off:
                self.chains.setdefault(row.get("chain"), []).append(row)
        self.rows = self.chains.get("input", [])

    def let_in(self, places: set[str], port: int, transport: str) -> Sources | None:
        """Give who reaches a port of the device through any of these interfaces; None if it is not known."""
        found: list[str] = []
        for place in sorted(places)[:MOST_PLACES] or [""]:
            rules = [rule for row in self.rows for rule in _rules(row, place, self, 0)]
            rules = aimed_here(rules, self.draft.addresses)
            some = permitted(rules, port, transport, otherwise=ANY)  # the chain's own end lets in
            if some is None:
                return None
            found.extend(some)
        return tidy(found)


def _address_lists(every: Sequence[Row]) -> dict[str, list[str]]:
    named: dict[str, list[str]] = {}
    for row in every:
        if row.menu == "/ip firewall address-list" and row.verb == "add" and not row.off:
            named.setdefault(row.get("list"), []).extend(_address(row.get("address")))
    return named


def _address(text: str) -> Sources:
    low, dash, high = text.partition("-")
    found = parse(text)
    if found:
        return (shown(found),)
    return (span(low, high) if dash else ()) or ((text,) if text else ())


def _rules(row: Row, place: str, chain: Chain, depth: int) -> list[Rule]:
    action = row.get("action", "accept")
    if action not in ("accept", "drop", "reject", "tarpit", "jump", "return"):
        return []
    if not _applies(row, place, chain.lists) or not _new(row) or _aimed_elsewhere(row):
        return []
    if action == "jump":
        return _jumped(row, place, chain, depth)
    permit = action == "accept"
    if _conditional(row) and not permit:
        return []  # drops only some of the packets
    one = _conditions(row, permit, chain)
    return [replace(one, sources=None) if action == "return" else one]


def _conditions(row: Row, permit: bool, chain: Chain) -> Rule:
    own = row.get("dst-address")
    return Rule(
        permit=permit,
        sources=_sources(row, permit, chain),
        transports=(row.get("protocol"),) if row.get("protocol") else (),
        ports=_ports(row.get("dst-port")),
        line=row.line,
        negated=row.get("src-address-list", row.get("src-address")).startswith("!"),
        targets=tidy(_address(own)) if own and not own.startswith("!") else ANY,
    )


def _jumped(row: Row, place: str, chain: Chain, depth: int) -> list[Rule]:
    """Give the rules of the chain that is jumped to, each also under the conditions of the jump."""
    entry = _conditions(row, True, chain)
    target = chain.chains.get(row.get("jump-target"))
    if target is None or depth >= DEEPEST or entry.sources != ANY or len(target) > MOST_JUMPED:
        return [replace(entry, sources=None)]
    inner = [rule for one in target for rule in _rules(one, place, chain, depth + 1)]
    return [
        replace(one, ports=one.ports or entry.ports, transports=one.transports or entry.transports)
        for one in inner
    ]


def _applies(row: Row, place: str, lists: dict[str, set[str]]) -> bool:
    for key in ("in-interface", "in-interface-list"):
        wanted = row.get(key)
        if not wanted:
            continue
        inverted, name = wanted.startswith("!"), wanted.lstrip("!")
        inside = name == "all" or place in (lists.get(name, set()) if key.endswith("list") else {name})
        if inside == inverted:
            return False
    return True


def _new(row: Row) -> bool:
    states = row.get("connection-state")
    if not client_ports(_ports(row.get("src-port"))):
        return False
    if not states:
        return row.get("connection-nat-state") != "dstnat"
    if states.startswith("!"):
        return "new" not in states
    return "new" in states.split(",")


def _aimed_elsewhere(row: Row) -> bool:
    own = row.get("dst-address")
    return own.startswith("127.") or row.get("protocol") in (
        "icmp",
        "igmp",
        "gre",
        "ospf",
        "ipsec-esp",
        "ipsec-ah",
    )


def _conditional(row: Row) -> bool:
    return any(key in row.values for key in ("limit", "dst-limit", "connection-limit", "ipsec-policy", "time", "psd", "content", "src-mac-address", "hotspot", "tcp-flags"))  # fmt: skip


def _sources(row: Row, permit: bool, chain: Chain) -> Sources | None:
    named, draft = chain.named, chain.draft
    listed, address = row.get("src-address-list"), row.get("src-address")
    if listed:
        name = listed.lstrip("!")
        if name not in named and permit:
            draft.undefined(row.line, "src-address-list")
        return tuple(named.get(name, ())) or (() if not permit else None)
    if address:
        return tidy(_address(address.lstrip("!")))
    return () if _conditional(row) and permit and "ipsec-policy" in row.values else ANY


def _ports(text: str) -> tuple[tuple[int, int], ...]:
    found = []
    for part in text.split(",") if text else ():
        low, _, high = part.partition("-")
        if low.isdecimal() and (not high or high.isdecimal()):
            found.append((int(low), int(high or low)))
    return tuple(found)
