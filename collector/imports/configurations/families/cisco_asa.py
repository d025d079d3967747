# SPDX-License-Identifier: Apache-2.0
"""Cisco ASA (and PIX): `http`, `ssh` and `telnet` lines name network and interface; nothing else lets anybody in."""

import re
from collections.abc import Sequence

from collector.imports.configurations.blocks import Block, blocks, find, first
from collector.imports.configurations.cisco_lists import Names
from collector.imports.configurations.cisco_objects import address_names
from collector.imports.configurations.cisco_vpn import asa_vpn
from collector.imports.configurations.draft import Draft, Filter
from collector.imports.configurations.lines import Lines
from collector.imports.configurations.reading import ANY, Reading, Service
from collector.imports.configurations.sources import ZERO, is_inner, masked, parse, shown

SIGNS = {
    r"^(?:ASA|PIX) Version ": 0.95,
    r"^[:!] ?Hardware:\s+(?:ASA|PIX|FPR)": 0.9,
    r"^! ?Cisco Adaptive Security Appliance": 0.95,
    r"^:\s?Saved": 0.5,
    r"^! ?RANCID-CONTENT-TYPE: cisco-asa|^!RANCID-CONTENT-TYPE: asa": 0.9,
    r"^\s?nameif \w": 0.7,
    r"^\s?security-level \d": 0.7,
    r"^http server enable": 0.5,
    r"^object(?:-group)? (?:network|service|protocol|icmp-type) ": 0.5,
    r"^(?:access-list \S+ (?:extended|standard) )": 0.4,
    r"^crypto ca ": 0.3,
    r"^version 1\d\.\d+$": -0.8,
}
_VERSION = re.compile(
    r"^(?:(?:ASA|PIX) Version|! ?Cisco Adaptive Security Appliance Software Version) ([\w.()]+)"
)
_HARDWARE = re.compile(r"^[:!] ?Hardware:\s+([\w-]+)")
_SERIAL = re.compile(r"^[:!] ?Serial Number:\s*(\w+)")


def read(lines: Lines) -> Reading:
    """Read an ASA configuration."""
    draft = Draft("cisco_asa", "Cisco", "ASA")
    _identify(lines, draft)
    top = blocks(lines.rows)
    outside = _interfaces(top, draft)
    names = address_names(top, masks=True)
    _logins(top, names, draft)
    _web(top, names, draft)
    _snmp(top, draft)
    users = [one.words[1] for one in find(top, "username") if len(one.words) > 1]
    full = [one for one in find(top, "username") if one.words[-2:] == ("privilege", "15")]
    one_user = first(top, "username")
    draft.count("local", len(set(users)), one_user.line if one_user else 0)
    draft.count("admin", len(full), full[0].line if full else 0)
    asa_vpn(top, draft)
    tail = [row.text for row in lines.rows[-30:]]
    draft.ended(any(text.startswith((": end", "Cryptochecksum:")) for text in tail), lines.rows[-1].number)
    filters: dict[str, Filter] = dict.fromkeys(outside, lambda service: ANY)
    draft.judge_wan(filters)
    return draft.finish()


def _identify(lines: Lines, draft: Draft) -> None:
    for row in lines.rows:
        for field, pattern in (("version", _VERSION), ("model", _HARDWARE), ("serial", _SERIAL)):
            if found := pattern.match(row.text):
                draft.know(**{field: found[1]})
        if row.text.startswith("hostname "):
            draft.know(hostname=row.text.split()[1])


def _interfaces(top: Sequence[Block], draft: Draft) -> list[str]:
    routes = {one.words[1] for one in find(top, "route") if one.words[2:3] in ((ZERO,), ("0",))}
    outside = []
    for block in find(top, "interface"):
        name = block.after("nameif")
        if not name:
            continue
        own = block.after("ip", "address")
        if parse(own):
            draft.addresses.append(own)
        level = block.after("security-level")
        if name in routes or name.lower() == "outside" or (not routes and level == "0"):
            outside.append(name)
            if is_inner(parse(own)):
                draft.inner.add(name)
    return outside


def _allowed(block: Block, names: Names) -> tuple[str, tuple[str, ...]] | None:
    """Read NETWORK MASK INTERFACE or PREFIX INTERFACE; None for options like `ssh timeout 5`."""
    words = block.words[1:]
    if len(words) >= 2 and "/" in words[0] and (found := parse(words[0])):
        return words[1], _one(shown(found))
    if len(words) < 3:
        return None
    text = masked(words[0], words[1])
    if text:
        return words[2], _one(text)
    if words[0] in names.known and parse(words[1]):  # a `name` in place of the address
        known = names.resolve(words[0])
        base = known[0].split("/")[0] if known and known != ANY else ""
        text = masked(base, words[1])
        return (words[2], _one(text)) if text else None
    return None


def _one(text: str) -> tuple[str, ...]:
    return ANY if text == "any" else (text,)


def _logins(top: Sequence[Block], names: Names, draft: Draft) -> None:
    for service in ("ssh", "telnet"):
        for block in find(top, service):
            allowed = _allowed(block, names)
            if allowed:
                draft.serve(
                    Service(service=service, interface=allowed[0], sources=allowed[1], line=block.line)
                )


def _web(top: Sequence[Block], names: Names, draft: Draft) -> None:
    server = first(top, "http", "server", "enable")
    if server is None:
        if off := first(top, "no", "http", "server", "enable"):
            draft.turn_off("https", off.line)
        return
    port = int(server.words[3]) if len(server.words) > 3 and server.words[3].isdecimal() else 0
    for block in find(top, "http"):
        allowed = _allowed(block, names)
        if allowed:
            draft.serve(
                Service(service="https", interface=allowed[0], sources=allowed[1], line=block.line, port=port)
            )


def _snmp(top: Sequence[Block], draft: Draft) -> None:
    if off := first(top, "no", "snmp-server", "enable"):
        draft.turn_off("snmp", off.line)
    community = first(top, "snmp-server", "community")
    default = community.words[2] if community and len(community.words) > 2 else ""
    for block in find(top, "snmp-server", "host"):
        words = block.words
        if len(words) < 4 or "trap" in words[4:]:
            continue
        source = words[3] if parse(words[3]) else "host object"
        used = words[words.index("community") + 1] if "community" in words[:-1] else default
        draft.serve(
            Service(
                service="snmp",
                interface=words[2],
                sources=(source,),
                line=block.line,
                rw=False,
                version="v3"
                if words[-3:-1] == ("version", "3") or ("version" in words and "3" in words)
                else "v1/v2c",
                community=used if used in ("public", "private") else "",
            )
        )
