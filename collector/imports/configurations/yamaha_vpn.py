# SPDX-License-Identifier: Apache-2.0
"""VPN peers of Yamaha routers. Pure."""

from collections.abc import Sequence

from collector.imports.configurations.draft import Draft
from collector.imports.configurations.reading import Vpn
from collector.imports.configurations.yamaha_commands import Command

MOST = 1000  # gateways


def yamaha_vpn(every: Sequence[Command], draft: Draft) -> None:
    """Add the VPNs of the tunnels, and L2TP and PPTP where they are on."""
    gateways: dict[str, list[Command]] = {}
    for one in every:
        if one.starts("ipsec", "ike"):
            number = one.word(3) if one.word(3).isdecimal() else one.word(4)
            if number in gateways or len(gateways) < MOST:
                gateways.setdefault(number, []).append(one)
    for mine in gateways.values():
        if any(one.words[2:4] in _PEERS or one.word(2) == "pre-shared-key" for one in mine):
            draft.vpn.append(_ipsec(mine))
    _dial_in(every, draft)
    _weak(every, draft)
    users = [one for one in every if one.starts("pp", "auth", "username")]
    draft.count("vpn", len({one.word(3) for one in users}), users[0].line if users else 0)


_PEERS = {("remote", "address"), ("remote", "name")}


def _ipsec(mine: Sequence[Command]) -> Vpn:
    first = next(one for one in mine if one.words[2:4] in _PEERS or one.word(2) == "pre-shared-key")
    peer = next((one.word(5) for one in mine if one.words[2:4] == ("remote", "address")), "")
    named = next((one.word(5) for one in mine if one.words[2:4] == ("remote", "name")), "")
    version = next((one.word(4) for one in mine if one.word(2) == "version"), "1")
    aggressive = bool(named) and version == "1"
    return Vpn(
        kind="ipsec",
        peer=peer or named,
        name=first.place,
        interface=first.place,
        line=first.line,
        version=f"ikev{version}" if version in ("1", "2") else "",
        mode="aggressive" if aggressive else "",
    )


def _dial_in(every: Sequence[Command], draft: Draft) -> None:
    for one in every:
        if one.starts("l2tp", "service", "on") or one.starts("pptp", "service", "on"):
            kind = one.word(0)
            ends = [tunnel.place for tunnel in every if tunnel.words[:3] == ("tunnel", "encapsulation", kind)]
            places = ends or [""]
            draft.vpn += [
                Vpn(kind=kind, peer="any", name=place, interface=place, line=one.line) for place in places
            ]


def _weak(every: Sequence[Command], draft: Draft) -> None:
    for one in every:
        if (
            one.starts("ipsec", "sa", "policy")
            or one.starts("ipsec", "ike", "encryption")
            or one.starts("ipsec", "ike", "hash")
        ):
            names = {part for word in one.words for part in word.split("-")}
            draft.weak += [weak for weak in ("des", "3des", "md5") if weak in names]
        elif one.starts("ipsec", "ike", "group"):
            draft.weak += [
                f"dh {word}" for word in one.words[4:] if word in ("modp768", "modp1024", "modp1536")
            ]
    draft.weak += ["aggressive" for one in draft.vpn if one.mode == "aggressive"]
