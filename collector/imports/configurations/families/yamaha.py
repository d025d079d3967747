# SPDX-License-Identifier: Apache-2.0
"""Yamaha RTX, NVR, FWX, SRT and RT routers.

What the file does not say follows factory settings that differ by model and revision: such services stay
unstated (telnetd and httpd are usually on towards the LAN, sshd is off).
"""

import re
from collections.abc import Sequence

from collector.imports.configurations.draft import Draft, Filter
from collector.imports.configurations.lines import Lines
from collector.imports.configurations.reading import ANY, Reading, Service
from collector.imports.configurations.sources import parse, tidy
from collector.imports.configurations.yamaha_commands import Command, commands, hosts
from collector.imports.configurations.yamaha_outside import outside
from collector.imports.configurations.yamaha_vpn import yamaha_vpn

SIGNS = {
    r"^#?\s?(?:RTX|NVR|FWX|SRT|RTV|RT|vRX)\w* (?:.{0,30})?Rev\.\d": 0.97,
    r"^ip (?:lan\d|pp|tunnel|vlan\d|bridge\d|onu\d)\S* (?:address|secure|nat|mtu|tcp|intrusion|inbound|ospf)": 0.8,
    r"^\s?(?:pp|tunnel) select (?:\d+|anonymous|none)": 0.7,
    r"^\s?ip filter \d+ (?:pass|reject|restrict)": 0.7,
    r"^ip filter dynamic \d+ ": 0.5,
    r"^nat descriptor (?:type|masquerade|address)": 0.7,
    r"^(?:telnetd|sshd|httpd|sftpd) (?:host|service|listen)": 0.7,
    r"^ip route default gateway ": 0.5,
    r"^console (?:character|columns|lines|prompt) ": 0.4,
    r"^(?:dns|dhcp) (?:server|service|host|private|scope)": 0.3,
    r"^\s?ipsec ike (?:pre-shared-key|remote|local|version) ": 0.6,
}
_VERSION = re.compile(r"^#?\s?((?:RTX|NVR|FWX|SRT|RTV|RT|vRX)\w*)\s.{0,30}?Rev\.(\d+(?:\.\d+)+)")
_IN_NAME = re.compile(r"(?i)(?:^|[^a-z])((?:rtx|nvr|fwx|srt|rtv|rt)\d{2,4}[a-z]?\d?)(?![a-z0-9])")
_SERIAL = re.compile(r"^#\s*.{0,80}serial[=:]\s*(\w{6,20})", re.IGNORECASE)


def read(lines: Lines) -> Reading:
    """Read a Yamaha configuration."""
    draft = Draft("yamaha", "Yamaha", "RT")
    every = [one for one in commands(lines.rows) if one.words]
    _identify(lines, every, draft)
    for name, service, on in (("telnetd", "telnet", True), ("httpd", "http", True), ("sshd", "ssh", False)):
        _server(name, service, every, draft, on)
    _sftp(every, draft)
    _tftp(every, draft)
    _snmp(every, draft)
    _users(every, draft)
    yamaha_vpn(every, draft)
    draft.addresses += [
        one.word(3).split("/")[0] for one in every
        if one.word(0) == "ip" and one.word(2) == "address" and parse(one.word(3))
    ]  # fmt: skip
    filters = outside(every, draft)
    draft.judge_wan(filters)
    _unstated_from_outside(draft, filters)
    return draft.finish()


def _unstated_from_outside(draft: Draft, found: dict[str, Filter]) -> None:
    """With no server named, only a filter that rejects the rest says that nobody outside reaches one."""
    if not draft.services and found and draft.reading.inbound_default == "reject" and len(found) == 1:
        draft.wan_known = False


def _identify(lines: Lines, every: Sequence[Command], draft: Draft) -> None:
    for row in lines.rows[:80]:
        if found := _VERSION.match(row.text):
            draft.know(model=found[1], version=found[2])
        if found := _SERIAL.match(row.text):
            draft.know(serial=found[1])
    for one in every:
        if one.starts("snmp", "sysname") or one.starts("console", "prompt"):
            draft.know(hostname=one.word(2))
    if draft.reading.model is None and (named := _IN_NAME.search(lines.name.rsplit("/", 1)[-1])):
        draft.rename(model=named[1].upper(), model_from="file name")


def _last(every: Sequence[Command], *words: str) -> Command | None:
    found = [one for one in every if one.starts(*words) and one.words[1:3] != ("host", "key")]
    return found[-1] if found else None


def _server(name: str, service: str, every: Sequence[Command], draft: Draft, usual: bool) -> None:
    state, host, port = (_last(every, name, word) for word in ("service", "host", "listen"))
    off = state if state and state.word(2) == "off" else _last(every, "no", name, "service")
    off = off or (host if host and host.word(2) == "none" else None)
    if off:
        draft.turn_off(service, off.line)
        return
    on = state is not None and state.word(2) == "on"
    if not on and (host is None or not usual):
        if usual:
            draft.unstated.append(service)
        return
    said = host or state
    number = int(port.word(2)) if port and port.word(2).isdecimal() else 0
    line = said.line if said else 0
    for place, sources in _hosts(host, None if service == "http" else ANY):
        draft.serve(Service(service=service, interface=place, sources=sources, line=line, port=number))


Hosts = list[tuple[str, tuple[str, ...] | None]]


def _hosts(host: Command | None, usual: tuple[str, ...] | None = ANY) -> Hosts:
    """Give where a server answers and to whom; a LAN's name stands for the network on it."""
    words = host.words[2:] if host else ()
    if not words:
        return [("any", usual)]
    places = [word for word in words if _is_interface(word)]
    networks = [source for word in words if not _is_interface(word) for source in hosts(word) or ()]
    found: Hosts = [(word, (word,)) for word in places]
    if networks:
        found.append(("any", tidy(networks)))
    return found or [("any", None)]


def _is_interface(word: str) -> bool:
    return (
        word == "lan"
        or re.fullmatch(r"(?:lan|vlan|bridge|tunnel|pp|wan|onu)\d+(?:[./]\d+)*", word) is not None
    )


def _sftp(every: Sequence[Command], draft: Draft) -> None:
    host = _last(every, "sftpd", "host")
    if host and host.word(2) not in ("none", ""):
        for place, sources in _hosts(host):
            draft.also.append(Service(service="sftp", interface=place, sources=sources, line=host.line))


def _tftp(every: Sequence[Command], draft: Draft) -> None:
    host = _last(every, "tftp", "host")
    if host is None:
        return
    if host.word(2) == "none":
        draft.turn_off("tftp", host.line)
    else:
        sources = hosts(host.word(2))
        draft.serve(Service(service="tftp", sources=sources, line=host.line))


def _snmp(every: Sequence[Command], draft: Draft) -> None:
    for command, version in (("snmp", "v1"), ("snmpv2c", "v2c"), ("snmpv3", "v3")):
        host = _last(every, command, "host")
        if host is None:
            continue
        if host.word(2) == "none":
            if not any(one.service == "snmp" for one in draft.services):
                draft.turn_off("snmp", host.line)
            continue
        for place, sources in _hosts(Command(host.line, "", host.words[:3])):
            draft.serve(
                Service(
                    service="snmp",
                    interface=place,
                    sources=sources,
                    line=host.line,
                    version=version,
                    rw=_last(every, command, "community", "read-write") is not None,
                    community=_default_community(every, command),
                )
            )
    if any(one.service == "snmp" for one in draft.services) and "snmp" in draft.off:
        draft.off.pop("snmp")


def _default_community(every: Sequence[Command], command: str) -> str:
    words = [one.word(3) for one in every if one.starts(command, "community")]
    return next((word for word in words if word in ("public", "private")), "")


def _users(every: Sequence[Command], draft: Draft) -> None:
    users = [one for one in every if one.starts("login", "user")]
    names, line = {one.word(2) for one in users}, users[0].line if users else 0
    draft.count("local", len(names), line)
    full = {
        one.word(2) for one in every if one.starts("user", "attribute") and "administrator=on" in one.words
    }
    draft.count("admin", len(full & names), line)
