# SPDX-License-Identifier: Apache-2.0
"""Cisco IOS and IOS XE.

Defaults that differ by version stay unstated: whether HTTP(S) runs without a line, what a vty line accepts
without `transport input`. A list that is used and not defined lets everybody in, as IOS does.
"""

import re
from collections.abc import Sequence

from collector.imports.configurations.blocks import Block, blocks, find, first
from collector.imports.configurations.cisco_lists import Lists, access_lists
from collector.imports.configurations.cisco_objects import address_names
from collector.imports.configurations.cisco_outside import outside, own_addresses
from collector.imports.configurations.cisco_vpn import ios_vpn
from collector.imports.configurations.draft import Draft
from collector.imports.configurations.lines import Lines
from collector.imports.configurations.reading import ANY, Reading, Service
from collector.imports.configurations.sources import door, overlap, permitted

SIGNS = {
    r"^!?\s?Cisco IOS(?: XE)? Software": 0.95,
    r"^version 1\d\.\d+$": 0.7,
    r"^boot-start-marker": 0.7,
    r"^service timestamps ": 0.6,
    r"^(?:Building configuration\.\.\.|Current configuration : \d+ bytes)": 0.5,
    r"^(?:no )?ip http (?:secure-)?server$": 0.4,
    r"^interface (?:\w*GigabitEthernet|FastEthernet|Vlan|Loopback|Dialer|Serial|TenGigE)\d": 0.4,
    r"^line vty \d": 0.3,
    r"^(?:no )?aaa new-model": 0.4,
    r"^enable secret \d ": 0.4,
    r"^!Command: show running-config": -0.9,  # NX-OS
    r"^! device: .{0,60}EOS-": -0.95,  # Arista
    r"^(?:management (?:api|ssh|telnet|console)|daemon TerminAttr|transceiver qsfp)": -0.9,
    r"^!Version ArubaOS-CX|^; J\d{4}|^; h[pP]Stack|^ver 0\d\.": -0.95,
    r"^interface (?:TenGigabitEthernet|gigabitethernet|Ethernet) \d": -0.7,  # Dell, AlaxalA
    r"^!System Description|^!Current Configuration:": -0.8,  # Netgear, EdgeSwitch
    r"^feature [a-z]": -0.9,
    r"^(?:ASA|PIX) Version ": -0.9,
    r"^ nameif ": -0.8,
    r"^interface port\d+\.\d+\.\d+": -0.9,  # AlliedWare Plus
}
_HEADER = re.compile(r"Cisco (IOS(?: XE)?) Software.{0,120}?Version ([\w.()]{2,40})")
_IMAGE = re.compile(r"^! Image: Software: [\w-]{2,60}, ([\w.()]{2,30}), RELEASE")
_MODEL = re.compile(r"^!\s*(?:Chassis type|Model(?: number)?)\s*:\s*([\w./-]{3,40})")
_UDI = re.compile(r"^license udi pid (\S{3,40}) sn (\S{4,30})")
_SERIAL = re.compile(r"^!\s*Processor (?:ID|board ID)\s*:?\s*(\w{6,20})")
_VERSION = re.compile(r"^version (1\d\.\d+)$")


def read(lines: Lines) -> Reading:
    """Read an IOS or IOS XE configuration."""
    draft = Draft("cisco_ios", "Cisco", "IOS", "network")
    identify(lines, draft)
    top = blocks(lines.rows)
    lists = access_lists(top, address_names(top, masks=False))
    for block in find(top, "interface"):
        draft.addresses.extend(own.split("/")[0] for own in own_addresses(block))
    _web(top, lists, draft)
    for line in find(top, "line", "vty"):
        _terminal(line, lists, draft)
    if first(top, "line", "vty") is None:
        draft.unstated += ["ssh", "telnet"]
    _snmp(top, lists, draft)
    _rare(top, draft)
    _users(top, draft)
    ios_vpn(top, draft)
    draft.judge_wan(outside(top, lists, draft))
    _routes_packets(top, draft)
    draft.ended(any(one.words == ("end",) for one in top), lines.rows[-1].number)
    return draft.finish()


def identify(lines: Lines, draft: Draft) -> None:
    """Read operating system, version, model and serial from headers and the version line."""
    for row in lines.rows:
        if header := _HEADER.search(row.text):
            if draft.reading.os != "IOS XE":
                draft.rename(os=header[1])
            draft.know(version=header[2].rstrip(","))
        if found := _IMAGE.match(row.text):
            draft.know(version=found[1])
        if found := _MODEL.match(row.text):
            draft.know(model=found[1])
        if found := _UDI.match(row.text):
            draft.know(model=found[1], serial=found[2])
        if found := _SERIAL.match(row.text):
            draft.know(serial=found[1])
        if found := _VERSION.match(row.text):
            draft.know(version=found[1])
            if found[1].startswith(("16.", "17.", "18.")):
                draft.rename(os="IOS XE")
        if row.text.startswith("hostname "):
            draft.know(hostname=row.text.split()[1])


def _routes_packets(top: Sequence[Block], draft: Draft) -> None:
    if first(top, "ip", "nat") or draft.vpn or draft.wan:
        draft.rename(device_class="gateway")


def allowed(name: str, line: int, service: str, lists: Lists, draft: Draft) -> tuple[str, ...]:
    """Give who an access list lets in to a service; everybody if the list is not defined, and says so."""
    rules = lists.get(name)
    if not rules:
        draft.undefined(line, "access-class")
        return ANY
    found = permitted(rules, *door(service))
    if found is None:
        draft.undefined(line, "object-group")
        return ANY
    return found


def _web(top: Sequence[Block], lists: Lists, draft: Draft) -> None:
    sources = ANY
    for one in find(top, "ip", "http", "access-class"):
        if "ipv6" not in one.words:
            sources = allowed(one.words[-1], one.line, "http", lists, draft)
    for service, word, port_word in (("http", "server", "port"), ("https", "secure-server", "secure-port")):
        on = first(top, "ip", "http", word)
        if on is not None:
            port = first(top, "ip", "http", port_word)
            number = int(port.words[3]) if port and port.words[3:] and port.words[3].isdecimal() else 0
            draft.serve(Service(service=service, sources=sources, line=on.line, port=number))
        elif off := first(top, "no", "ip", "http", word):
            draft.turn_off(service, off.line)
        else:
            draft.unstated.append(service)


def _terminal(line: Block, lists: Lists, draft: Draft) -> None:
    if line.has("no", "exec"):
        return
    name = "vty " + " ".join(line.words[2:4])
    transport = next(line.find("transport", "input"), None)
    limits = [one for one in line.find("access-class") if len(one.words) > 1 and "out" not in one.words]
    if transport is None:
        draft.unstated += ["ssh", "telnet"]
        return
    accepted = ("telnet", "ssh") if "all" in transport.words else transport.words[2:]
    for service in (one for one in ("telnet", "ssh") if one in accepted):
        sources = ANY
        for limit in limits:
            sources = overlap(sources, allowed(limit.words[1], limit.line, service, lists, draft))
        draft.serve(Service(service=service, interface=name, sources=sources, line=transport.line))


def _snmp(top: Sequence[Block], lists: Lists, draft: Draft) -> None:
    for one in find(top, "snmp-server", "community"):
        words = list(one.words[3:])
        name, rights, limit = one.words[2] if len(one.words) > 2 else "", "ro", ""
        while words:
            word = words.pop(0)
            if word == "view" and words:
                words.pop(0)
            elif word.lower() in ("ro", "rw"):
                rights = word.lower()
            elif word == "ipv6" and words:
                words.pop(0)
            else:
                limit = word
        sources = allowed(limit, one.line, "snmp", lists, draft) if limit else ANY
        draft.serve(
            Service(
                service="snmp",
                sources=sources,
                line=one.line,
                rw=rights == "rw",
                version="v1/v2c",
                community=name if name in ("public", "private") else "",
            )
        )
    for one in find(top, "snmp-server", "group"):
        if "v3" in one.words:
            limit = one.words[one.words.index("access") + 1] if "access" in one.words[:-1] else ""
            sources = allowed(limit, one.line, "snmp", lists, draft) if limit else ANY
            draft.serve(
                Service(service="snmp", sources=sources, line=one.line, rw="write" in one.words, version="v3")
            )
    if (off := first(top, "no", "snmp-server")) and not first(top, "snmp-server", "community"):
        draft.turn_off("snmp", off.line)


_RARE = {
    ("netconf-yang",): "netconf",
    ("restconf",): "rest",
    ("netconf", "ssh"): "netconf",
    ("ftp-server", "enable"): "ftp",
    ("tftp-server",): "tftp",
    ("ip", "rcmd", "rsh-enable"): "rsh",
    ("ip", "rcmd", "rcp-enable"): "rcp",
    ("service", "finger"): "finger",
    ("ip", "finger"): "finger",
    ("service", "tcp-small-servers"): "tcp-small-servers",
}


def _rare(top: Sequence[Block], draft: Draft) -> None:
    for words, service in _RARE.items():
        for one in find(top, *words):
            target = draft.services if service in ("ftp", "tftp") else draft.also
            if not any(other.service == service for other in target):
                target.append(Service(service=service, line=one.line))


def _users(top: Sequence[Block], draft: Draft) -> None:
    names: dict[str, bool] = {}
    for one in find(top, "username"):
        words = one.words
        full = "privilege" in words[:-1] and words[words.index("privilege") + 1] == "15"
        if len(words) > 1:
            names[words[1]] = names.get(words[1], False) or full
    one_user = first(top, "username")
    line = one_user.line if one_user else 0
    draft.count("local", len(names), line)
    draft.count("admin", sum(names.values()), line)
