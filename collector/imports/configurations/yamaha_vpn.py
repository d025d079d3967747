# SPDX-License-Identifier: Apache-2.0
"""VPN peers of Yamaha routers. Pure."""

from collections.abc import Sequence

from collector.imports.configurations.draft import Draft
from collector.imports.configurations.reading import Vpn
from collector.imports.configurations.yamaha_commands import Command


def yamaha_vpn(every: Sequence[Command], draft: Draft) -> None:
    """Add the VPNs of the tunnels, and L2TP and PPTP where they are on."""
    gateways: dict[str, Command] = {}
    for one in every:
        if one.starts("ipsec", "ike") and one.words[2:4] in (
            ("pre-shared-key",),
            ("remote", "address"),
            ("remote", "name"),
        ):
            gateways.setdefault(one.word(4), one)
    for number, one in gateways.items():
        draft.vpn.append(_ipsec(number, one, every))
    _dial_in(every, draft)
    _weak(every, draft)
    draft.count("vpn", len({one.word(3) for one in every if one.starts("pp", "auth", "username")}))


def _ipsec(number: str, first: Command, every: Sequence[Command]) -> Vpn:
    mine = [one for one in every if one.starts("ipsec", "ike") and number in (one.word(3), one.word(4))]
    peer = next((one.word(5) for one in mine if one.words[2:4] == ("remote", "address")), "")
    named = next((one.word(5) for one in mine if one.words[2:4] == ("remote", "name")), "")
    version = next((one.word(4) for one in mine if one.word(2) == "version"), "1")
    aggressive = bool(named) and version == "1"
    return Vpn(
        kind="ipsec", peer=peer or named, name=first.place, interface=first.place, line=first.line,
        version=f"ikev{version}" if version in ("1", "2") else "", mode="aggressive" if aggressive else "",
    )  # fmt: skip


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
