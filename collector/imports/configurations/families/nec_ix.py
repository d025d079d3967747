# SPDX-License-Identifier: Apache-2.0
"""NEC UNIVERGE IX: servers are off until a line turns them on; an undefined filter is not known."""

import re
from collections.abc import Sequence

from collector.imports.configurations.blocks import Block, blocks, find, first
from collector.imports.configurations.cisco_lists import NAMED_PORTS
from collector.imports.configurations.draft import Draft, Filter
from collector.imports.configurations.lines import Lines
from collector.imports.configurations.nec_vpn import nec_vpn
from collector.imports.configurations.reading import ANY, Reading, Service
from collector.imports.configurations.sources import (
    Rule,
    Sources,
    aimed_here,
    client_ports,
    door,
    parse,
    permitted,
    shown,
    tidy,
)

SIGNS = {
    r"^! ?NEC Portable Internetwork": 0.97,
    r"^! ?IX Series IX\d+": 0.97,
    r"^(?:no )?(?:telnet|ssh|http|ftp)-server ip ": 0.7,
    r"^interface (?:Giga|Fast)Ethernet\d+(?:/\d+)?\.\d+": 0.5,
    r"^device (?:Giga|Fast)Ethernet\d": 0.6,
    r"^(?:ip|ipv6) ufs-cache ": 0.7,
    r"^ip access-list \S+ (?:permit|deny) \w+ src ": 0.8,
    r"^ike policy \S+ peer ": 0.7,
    r"^(?:logging|syslog) subsystem ": 0.4,
    r"^ppp profile ": 0.3,
    r"^proxy-dns ip ": 0.5,
    r"^username \S+ password (?:plain|hash|secret-password) ": 0.4,
    r"^timezone [+-]\d\d \d\d": 0.4,
}
_VERSION = re.compile(r"^!\s*IX Series (IX\w+).{0,60}?Version ([\d.]+\w*)")


def read(lines: Lines) -> Reading:
    """Read an IX configuration."""
    draft = Draft("nec_ix", "NEC", "IX")
    for row in lines.rows[:60]:
        if found := _VERSION.match(row.text):
            draft.know(model=found[1], version=found[2])
    top = blocks(lines.rows)
    host = first(top, "hostname")
    draft.know(hostname=host.words[1] if host and len(host.words) > 1 else None)
    lists = _lists(top)
    for service in ("telnet", "ssh", "http", "ftp"):
        _server(service, top, lists, draft)
    _snmp(top, lists, draft)
    users = list(find(top, "username"))
    line = users[0].line if users else 0
    draft.count("local", len({one.words[1] for one in users if len(one.words) > 1}), line)
    draft.count("admin", sum(one.words[-1] == "administrator" for one in users), line)
    nec_vpn(top, draft)
    _addresses(top, draft)
    draft.judge_wan(_outside(top, lists, draft))
    return draft.finish()


def _lists(top: Sequence[Block]) -> dict[str, list[Rule]]:
    lists: dict[str, list[Rule]] = {}
    for block in find(top, "ip", "access-list"):
        if len(block.words) > 4 and block.words[3] in ("permit", "deny"):
            lists.setdefault(block.words[2], []).append(_rule(block))
        elif len(block.words) > 2:
            lists.setdefault(block.words[2], [])
    return lists


def _rule(block: Block) -> Rule:
    words = block.words
    transport = words[4]
    return Rule(
        permit=words[3] == "permit",
        sources=_networks(_after(words, "src")),
        transports=() if transport in ("ip", "any") else (transport,),
        ports=_ports(words, "dport"),
        line=block.line,
        new=client_ports(_ports(words, "sport")),
        targets=_networks(_after(words, "dest")),
    )


def _networks(word: str) -> Sources | None:
    found = parse(word)
    return ANY if word == "any" else tidy((shown(found),)) if found else None


def _after(words: Sequence[str], word: str) -> str:
    at = words.index(word) if word in words else len(words)
    return words[at + 1] if at + 1 < len(words) else ""


def _ports(words: Sequence[str], which: str) -> tuple[tuple[int, int], ...]:
    at = words.index(which) if which in words else len(words)
    rest = words[at + 1 : at + 4]
    if not rest or rest[0] == "any":
        return ()
    numbers = [int(one) if one.isdecimal() else NAMED_PORTS.get(one, -1) for one in rest[1:]]
    if rest[0] == "range" and len(numbers) > 1:
        return ((numbers[0], numbers[1]),)
    return tuple((one, one) for one in numbers[:1]) if rest[0] == "eq" else ((-1, -1),)


def _allowed(
    block: Block | None, service: str, lists: dict[str, list[Rule]], draft: Draft
) -> tuple[str, ...] | None:
    if block is None:
        return ANY
    rules = lists.get(block.words[-1])
    if rules is None:
        draft.undefined(block.line, "access-list")
        return None
    return permitted(rules, *door(service))


def _server(service: str, top: Sequence[Block], lists: dict[str, list[Rule]], draft: Draft) -> None:
    command = f"{service}-server"
    for family in ("ip", "ipv6"):
        on = first(top, command, family, "enable")
        if on is None:
            continue
        limit = first(top, command, family, "access-list")
        number = first(top, command, family, "port")
        port = int(number.words[3]) if number and number.words[3:] and number.words[3].isdecimal() else 0
        sources = _allowed(limit, service, lists, draft)
        draft.serve(Service(service=service, sources=sources, line=on.line, port=port))
    if off := first(top, "no", command, "ip", "enable"):
        draft.turn_off(service, off.line)


def _snmp(top: Sequence[Block], lists: dict[str, list[Rule]], draft: Draft) -> None:
    if first(top, "snmp-agent", "ip", "enable") is None:
        if off := first(top, "no", "snmp-agent", "ip", "enable"):
            draft.turn_off("snmp", off.line)
        return
    for block in find(top, "snmp-agent", "ip", "community"):
        words = block.words[4:]
        name = block.words[3] if len(block.words) > 3 else ""
        limit = next((word for word in words if word in lists), "")
        sources = permitted(lists[limit], 161, "udp") if limit else ANY
        draft.serve(
            Service(
                service="snmp",
                sources=sources,
                line=block.line,
                rw="rw" in words or "read-write" in words,
                version="v1/v2c",
                community=name if name in ("public", "private") else "",
            )
        )


def _addresses(top: Sequence[Block], draft: Draft) -> None:
    for block in find(top, "interface"):
        own = block.after("ip", "address")
        if parse(own):
            draft.addresses.append(own.split("/")[0])


def _outside(top: Sequence[Block], lists: dict[str, list[Rule]], draft: Draft) -> dict[str, Filter]:
    routed = {
        word for one in find(top, "ip", "route") if one.words[2:3] in (("default",), ("0.0.0.0/0",))
        for word in one.words[3:4]
    }  # fmt: skip
    filters: dict[str, Filter] = {}
    for block in find(top, "interface"):
        if block.has("shutdown") or len(block.words) < 2:
            continue
        name = block.words[1]
        outer = block.after("encapsulation") == "pppoe" or block.has("ip", "napt", "enable")
        if outer or block.after("ip", "address") == "dhcp" or name in routed:
            filters[name] = _admits(block, lists, draft)
    return filters


def _admits(block: Block, lists: dict[str, list[Rule]], draft: Draft) -> Filter:
    applied = [one for one in block.find("ip", "filter") if one.words[-1] == "in" and len(one.words) > 3]
    applied.sort(key=lambda one: int(one.words[3]) if one.words[3].isdecimal() else 0)
    unknown = [one for one in applied if one.words[2] not in lists]
    for one in unknown:
        draft.undefined(one.line, "ip filter")
    rules = aimed_here([rule for one in applied for rule in lists.get(one.words[2], [])], draft.addresses)
    translated = block.has("ip", "napt", "enable")
    # `ip napt static INTERFACE tcp 22` with the interface itself opens the router's own port
    opened = {one.words[4:6] for one in block.find("ip", "napt", "static", block.words[1])}

    def admits(service: Service) -> tuple[str, ...] | None:
        port, transport = door(service.service, service.port)
        let_in = permitted(rules, port, transport) if applied else ANY
        if unknown:
            return None
        # behind NAPT the router answers only where a static entry points at itself
        hidden = translated and (transport, str(port)) not in opened
        return None if hidden and let_in else let_in

    return admits
