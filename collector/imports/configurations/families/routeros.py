# SPDX-License-Identifier: Apache-2.0
"""MikroTik RouterOS exports.

An export leaves out what stands at its default: telnet, ftp, www, ssh, api, winbox and api-ssl are on in every
version, www-ssl and SNMP are off. Who gets in is decided by the input chain and by `address=` of each service.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from collector.imports.configurations.draft import Draft
from collector.imports.configurations.lines import Lines
from collector.imports.configurations.reading import ANY, Reading, Service, Vpn
from collector.imports.configurations.routeros_firewall import Chain, outer_interfaces
from collector.imports.configurations.routeros_rows import Row, rows
from collector.imports.configurations.sources import Sources, door, overlap, parse, public_part, shown, tidy

SIGNS = {
    r"^# .{0,60}by RouterOS ": 0.97,
    r"^# software id = ": 0.9,
    r"^/(?:ip|interface|system|routing|ipv6|tool|snmp|user|ppp|queue|port)(?: [a-z-]+)*(?: (?:add|set) .*)?$": 0.8,
    r"^add (?:\S+=\S* ?)+": 0.4,
    r"^set (?:\[ find|telnet|ftp|www|ssh|api|winbox|\d|\S+=)": 0.4,
}
_SERVICES = {
    "telnet": ("telnet", 23, True), "ftp": ("ftp", 21, True), "www": ("http", 80, True), "ssh": ("ssh", 22, True),
    "www-ssl": ("https", 443, False), "api": ("api", 8728, True), "winbox": ("winbox", 8291, True),
    "api-ssl": ("api-ssl", 8729, True),
}  # fmt: skip
_HEADER = re.compile(r"^#.{0,60}by RouterOS (\d[\w.]*)")
_VERSION = re.compile(r"^#\s+(?:version|installed-version):\s+(\d[\w.]*)")
_MODEL = re.compile(r"^#\s*(?:model =|board-name:|board name =)\s*([\w+/.-]+)")
_SERIAL = re.compile(r"^#\s*serial[ -]number\s*[:=]\s*(\w+)")


@dataclass(frozen=True, slots=True)
class Sides:
    """The input chain, and the interfaces on both sides of the device."""

    chain: Chain
    outer: set[str]
    inner: set[str]


def read(lines: Lines) -> Reading:
    """Read a RouterOS export."""
    draft = Draft("routeros", "MikroTik", "RouterOS")
    for row in lines.rows[:200]:
        for field, pattern in (
            ("version", _HEADER),
            ("version", _VERSION),
            ("model", _MODEL),
            ("serial", _SERIAL),
        ):
            if found := pattern.match(row.text):
                draft.know(**{field: found[1]})
    every = list(rows(lines.rows))
    _notes(every, draft)
    outer = outer_interfaces(every)
    draft.wan.extend(sorted(outer))
    sides = Sides(Chain(every, draft), outer, _inner(every, outer))
    for name, (service, port, on) in _SERVICES.items():
        _service(name, service, port, on, every, sides, draft)
    _snmp(every, sides, draft)
    _answer(draft, outer)
    _vpn(every, draft)
    return draft.finish()


def _notes(every: Sequence[Row], draft: Draft) -> None:
    for row in every:
        if row.menu == "/system identity" and row.verb == "set" and set(row.values) == {"name"}:
            draft.know(hostname=row.get("name"))
        elif row.menu == "/ip address" and row.verb == "add" and not row.off:
            draft.addresses.append(row.get("address").split("/")[0])
        elif row.menu == "/user" and row.verb == "add":
            draft.count("local", line=row.line)
            draft.count("admin", row.get("group") == "full", row.line)
        elif row.menu == "/ppp secret" and row.verb == "add":
            draft.count("vpn", line=row.line)


def _set(name: str, every: Sequence[Row]) -> Row | None:
    found = [
        row
        for row in every
        if row.menu == "/ip service" and row.verb in ("set", "enable", "disable") and name in row.about
    ]
    return found[-1] if found else None


def _service(
    name: str, service: str, port: int, on: bool, every: Sequence[Row], sides: Sides, draft: Draft
) -> None:
    said = _set(name, every)
    if said is not None:
        state = {"enable": "no", "disable": "yes"}.get(said.verb, said.get("disabled"))
        on = on if not state else state == "no"
    if not on:
        if said is not None:
            draft.turn_off(service, said.line)
        return
    number = int(said.get("port")) if said and said.get("port").isdecimal() else port
    own = _networks(said.get("address")) if said else ANY
    line = said.line if said else 0
    _through(Service(service=service, port=number, line=line, default=said is None), own, sides, draft)


def _networks(text: str) -> Sources:
    found = [shown(network) for part in text.split(",") if (network := parse(part)) is not None]
    return tidy(found) if found else ANY


def _through(service: Service, own: Sources, sides: Sides, draft: Draft) -> None:
    """Add a service for the inner and the outer side, as the input chain lets it through."""
    port, transport = door(service.service, service.port)
    if (port, transport) == door(service.service):
        service = replace(service, port=0)
    inside = sides.chain.let_in(sides.inner, port, transport)
    outside = sides.chain.let_in(sides.outer, port, transport) if sides.outer else None
    if not sides.outer or not sides.chain.rows:
        _add(service, "any", inside, own, draft, wan=bool(sides.outer) or None)
        return
    fenced = outside not in (None, ANY)  # the chain keeps somebody out on the outer side
    _add(service, "LAN", inside, own, draft, wan=False, limited=fenced)
    _add(service, "WAN", outside, own, draft, wan=True)


def _add(
    service: Service,
    place: str,
    admitted: Sources | None,
    own: Sources,
    draft: Draft,
    *,
    wan: bool | None,
    limited: bool = False,
) -> None:
    both = None if admitted is None else overlap(admitted, own)
    if both == ():
        return
    public = public_part(both or ())
    seen = (None if both is None else bool(public)) if wan else wan
    by_place = True if limited and both == ANY else None
    draft.serve(replace(service, interface=place, sources=both, wan=seen, limited=by_place))
    if wan:
        draft.wan_sources.extend(public)


def _answer(draft: Draft, outer: set[str]) -> None:
    seen = {one.wan for one in draft.services}
    if outer:
        draft.wan_known = True if True in seen else None if None in seen else False


def _inner(every: Sequence[Row], outer: set[str]) -> set[str]:
    named = {row.get("interface") for row in every if row.menu == "/ip address" and row.verb == "add"}
    return {name for name in named if name} - outer


def _snmp(every: Sequence[Row], sides: Sides, draft: Draft) -> None:
    said = [row for row in every if row.menu == "/snmp" and row.verb == "set"]
    if not said or said[-1].get("enabled") != "yes":
        if said and said[-1].get("enabled") == "no":
            draft.turn_off("snmp", said[-1].line)
        return
    communities = [
        row for row in every if row.menu == "/snmp community" and row.verb in ("add", "set") and not row.off
    ]
    for row in communities or ([] if any(one.menu == "/snmp community" for one in every) else [said[-1]]):
        own = _networks(row.get("addresses")) if row.menu != "/snmp" else ANY
        name = row.get("name") or (
            "public" if "default=yes" in " ".join(row.about) or row.menu == "/snmp" else ""
        )
        secure = row.get("security") in ("authorized", "private")
        service = Service(
            service="snmp", line=row.line, rw=row.get("write-access") == "yes", version="v3" if secure else "v1/v2c",
            community=name if name in ("public", "private") else "",
        )  # fmt: skip
        _through(service, own, sides, draft)


_SERVERS = {
    "/interface l2tp-server server": "l2tp", "/interface pptp-server server": "pptp",
    "/interface sstp-server server": "sstp", "/interface ovpn-server server": "openvpn",
}  # fmt: skip


def _vpn(every: Sequence[Row], draft: Draft) -> None:
    for row in every:
        if row.off:
            continue
        if row.menu in _SERVERS and row.get("enabled") == "yes":
            draft.vpn.append(Vpn(kind=_SERVERS[row.menu], peer="any", line=row.line))
        elif (
            row.menu == "/ip ipsec peer"
            and row.verb == "add"
            and not set(row.values) & {"addresses", "password"}
        ):
            version = "ikev2" if row.get("exchange-mode") == "ike2" else "ikev1"
            mode = "aggressive" if row.get("exchange-mode") == "aggressive" else ""
            peer = row.get("address", "any").split("/32")[0]
            peer = "any" if peer in ("0.0.0.0/0", "::/0", "") else peer
            draft.vpn.append(
                Vpn(kind="ipsec", peer=peer, name=row.get("name"), version=version, mode=mode, line=row.line)
            )
        elif row.menu in ("/interface wireguard peers", "/interface wireguard peer") and row.verb == "add":
            peer = row.get("endpoint-address") or "any"
            draft.vpn.append(Vpn(kind="wireguard", peer=peer, interface=row.get("interface"), line=row.line))
    draft.weak += ["aggressive" for one in draft.vpn if one.mode == "aggressive"]
