# SPDX-License-Identifier: Apache-2.0
"""Allied Telesis AlliedWare Plus.

Which of telnet and HTTP is on without a line differs by version, so that stays unstated.
"""

import re
from collections.abc import Sequence

from collector.imports.configurations.blocks import Block, blocks, find, first
from collector.imports.configurations.cisco_lists import Lists, access_lists
from collector.imports.configurations.cisco_outside import faces_outwards, next_hops, own_addresses, up
from collector.imports.configurations.draft import Draft, Filter
from collector.imports.configurations.lines import Lines
from collector.imports.configurations.reading import ANY, Reading, Service, Vpn
from collector.imports.configurations.sources import Sources, door, is_inner, overlap, parse, permitted, tidy

SIGNS = {
    r"^!?.{0,40}AlliedWare Plus": 0.97,
    r"^!?\s?hostname awplus": 0.7,
    r"^(?:no )?service (?:telnet|ssh|http)(?: ip| ipv6)?$": 0.6,
    r"^interface port\d+\.\d+\.\d+": 0.9,
    r"^no banner motd": 0.3,
    r"^username \S+ privilege \d+ password 8 ": 0.5,
    r"^(?:platform|stack|atmf|awplus) \w": 0.3,
    r"^ssh server (?:allow-users|authentication|v2only|listen|max)": 0.6,
    r"^vlan database": 0.3,
    r"^(?:no )?snmp-server ip": 0.4,
    r"^interface eth\d+$": 0.3,
    r"^zone (?:private|public|dmz)$": 0.4,
    r"^spanning-tree mode rstp": 0.2,
    r"^line vty 0 \d": 0.2,
    r"^boot-start-marker": -0.9,
    r"^(?:ASA|PIX) Version": -0.9,
}
_VERSION = re.compile(r"AlliedWare Plus.{0,30}?[vV]?(\d\.\d\.\d[\w.-]*)")
_MODEL = re.compile(
    r"\b((?:AT-)?(?:AR[234]\d{3}[A-Z]*|[xX]\d{3,4}[A-Z]*(?:-\d{1,2}[A-Z]\w*)?|SBx\d{3,4}\w*|(?:IE|GS)\d{3}\w*(?:[-/]\d\w*)?))"
)
_TELLS_MODEL = re.compile(r"(?i)model|board|base|product|chassis|\bAT-")


def read(lines: Lines) -> Reading:
    """Read an AlliedWare Plus configuration."""
    draft = Draft("allied_awplus", "Allied Telesis", "AlliedWare Plus", "network")
    top = blocks(lines.rows)
    _identify(lines, top, draft)
    lists = access_lists(top)
    vty = _terminal_limit(top, lists, draft)
    for service in ("ssh", "telnet"):
        _login(service, top, vty, draft)
    _web(top, lists, draft)
    _snmp(top, lists, draft)
    names = {one.words[1]: one for one in find(top, "username") if len(one.words) > 1}
    line = next((one.line for one in names.values()), 0)
    draft.count("local", len(names), line)
    draft.count("admin", sum("15" in one.words for one in names.values()), line)
    _vpn(top, draft)
    for block in find(top, "interface"):
        draft.addresses.extend(own.split("/")[0] for own in own_addresses(block))
    draft.ended(any(one.words == ("end",) for one in top), lines.rows[-1].number)
    filters = _outside(top, lists, draft)
    draft.judge_wan(filters)
    if filters or first(top, "firewall"):
        draft.rename(device_class="gateway")
    return draft.finish()


def _identify(lines: Lines, top: Sequence[Block], draft: Draft) -> None:
    for row in lines.rows[:80]:
        if not row.text.startswith(("!", "#", "AlliedWare", "Allied")):
            continue
        if found := _VERSION.search(row.text):
            draft.know(version=found[1])
        if _TELLS_MODEL.search(row.text) and (found := _MODEL.search(row.text)):
            draft.know(model=found[1])
    host = first(top, "hostname")
    draft.know(hostname=host.words[1] if host and len(host.words) > 1 else None)
    for block in find(top, "stack"):
        if "provision" in block.words[:-1]:
            draft.know(model=block.words[-1])


def _terminal_limit(top: Sequence[Block], lists: Lists, draft: Draft) -> Sources:
    limits = [(one.words[-1], one.line) for one in find(top, "vty", "access-class")]
    for line in find(top, "line", "vty"):
        limits += [(one.words[1], one.line) for one in line.find("access-class") if len(one.words) > 1]
    sources: Sources = ANY
    for name, line_number in limits:
        sources = overlap(sources, _allowed(name, line_number, "ssh", lists, draft))
    return sources


def _allowed(name: str, line: int, service: str, lists: Lists, draft: Draft) -> Sources:
    rules = lists.get(name)
    if rules is None:
        draft.undefined(line, "access-list")
        return ANY
    found = permitted(rules, *door(service))
    return ANY if found is None else found


def _login(service: str, top: Sequence[Block], limit: Sources, draft: Draft) -> None:
    on = first(top, "service", service)
    if on is None:
        if off := first(top, "no", "service", service):
            draft.turn_off(service, off.line)
        else:
            draft.unstated.append(service)
        return
    sources = overlap(limit, _allowed_users(top)) if service == "ssh" else limit
    draft.serve(Service(service=service, sources=sources, line=on.line))


def _allowed_users(top: Sequence[Block]) -> Sources:
    """Read `ssh server allow-users NAME [HOST]`: a limit only when every entry names hosts."""
    found: list[str] = []
    for one in find(top, "ssh", "server", "allow-users"):
        if len(one.words) < 5:
            return ANY
        found.append(one.words[4])
    return tidy("any" if one == "*" else _pattern(one) for one in found) if found else ANY


def _pattern(text: str) -> str:
    parts = text.split(".")
    stars = len(parts) - len([one for one in parts if one != "*"])
    plain = ".".join("0" if one == "*" else one for one in parts)
    if len(parts) == 4 and stars and all(one == "*" for one in parts[4 - stars :]) and parse(plain):
        return f"{plain}/{32 - 8 * stars}"
    return text


def _web(top: Sequence[Block], lists: Lists, draft: Draft) -> None:
    sources: Sources = ANY
    for one in (*find(top, "http", "access-class"), *find(top, "ip", "http", "access-class")):
        sources = overlap(sources, _allowed(one.words[-1], one.line, "http", lists, draft))
    for service in ("http", "https"):
        on = first(top, "service", service) or first(
            top, "ip", "http", "server" if service == "http" else "secure-server"
        )
        if on is not None:
            draft.serve(Service(service=service, sources=sources, line=on.line))
        elif off := first(top, "no", "service", service):
            draft.turn_off(service, off.line)
        elif service == "http":
            draft.unstated.append(service)


def _snmp(top: Sequence[Block], lists: Lists, draft: Draft) -> None:
    for one in find(top, "snmp-server", "community"):
        words = one.words[3:]
        name = one.words[2] if len(one.words) > 2 else ""
        limit = next((word for word in words if word in lists or word.isdecimal()), "")
        sources = _allowed(limit, one.line, "snmp", lists, draft) if limit else ANY
        draft.serve(
            Service(
                service="snmp",
                sources=sources,
                line=one.line,
                rw="rw" in words,
                version="v1/v2c",
                community=name if name in ("public", "private") else "",
            )
        )
    if v3 := first(top, "snmp-server", "user"):
        draft.serve(Service(service="snmp", line=v3.line, rw=False, version="v3"))
    if (off := first(top, "no", "snmp-server")) and not first(top, "snmp-server", "community"):
        draft.turn_off("snmp", off.line)


def _vpn(top: Sequence[Block], draft: Draft) -> None:
    for block in find(top, "interface"):
        mode = next(block.find("tunnel", "mode"), None)
        if mode is None or len(block.words) < 2:
            continue
        words = set(mode.words)
        kind = next(
            (one for one in ("ipsec", "l2tp", "openvpn", "wireguard") if any(one in word for word in words)),
            "",
        )
        if kind or block.has("tunnel", "protection", "ipsec"):
            peer = block.after("tunnel", "destination") or "any"
            draft.vpn.append(
                Vpn(
                    kind=kind or "ipsec",
                    peer="any" if peer == "dynamic" else peer,
                    name=block.words[1],
                    interface=block.after("tunnel", "source"),
                    line=mode.line,
                )
            )


_MANAGEMENT = {"ssh", "telnet", "http", "https", "any", "snmp"}


def _outside(top: Sequence[Block], lists: Lists, draft: Draft) -> dict[str, Filter]:
    hops = next_hops(top)
    firewall = first(top, "firewall")
    protect = firewall is not None and firewall.has("protect")
    filters: dict[str, Filter] = {}
    for block in up(top):
        if faces_outwards(block, hops):
            filters[block.words[1]] = _admits(block, lists, firewall if protect else None, draft)
            if any(is_inner(parse(own)) for own in own_addresses(block)):
                draft.inner.add(block.words[1])
    return filters


def _admits(block: Block, lists: Lists, firewall: Block | None, draft: Draft) -> Filter:
    applied = next((one for one in block.find("ip", "access-group") if len(one.words) > 2), None)
    rules = lists.get(applied.words[2]) if applied else None
    if applied is not None and rules is None:
        draft.undefined(applied.line, "access-group")

    def admits(service: Service) -> tuple[str, ...] | None:
        if firewall is not None:
            return _firewall(firewall, service.service)
        return ANY if rules is None else permitted(rules, *door(service.service, service.port))

    return admits


def _firewall(firewall: Block, service: str) -> tuple[str, ...] | None:
    """A protected router lets in what a rule permits from a zone that is not private; who, the rule's zone says."""
    for one in firewall.find("rule"):
        words = [word for word in one.words[1:] if not word.isdecimal()]
        if len(words) < 5 or words[0] != "permit" or "from" not in words or "to" not in words:
            continue
        source = words[words.index("from") + 1 : words.index("from") + 2]
        inner = source and source[0].startswith(("private", "lan", "dmz"))
        if words[1] in (service, "any") and not inner:
            return (
                None  # the rule lets somebody in; whether to the router itself, its zones would have to tell
            )
    return ()
