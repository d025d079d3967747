# SPDX-License-Identifier: Apache-2.0
"""VPN peers of IOS and ASA configurations. Pure."""

from collections.abc import Iterator, Sequence

from collector.imports.configurations.blocks import Block, find, first
from collector.imports.configurations.draft import Draft
from collector.imports.configurations.reading import Vpn


def ios_vpn(top: Sequence[Block], draft: Draft) -> None:
    """Add the VPNs of an IOS configuration."""
    version = "ikev2" if first(top, "crypto", "ikev2", "profile") else "ikev1"
    for block in find(top, "crypto", "map"):
        for peer in block.find("set", "peer"):
            draft.vpn.append(_peer(peer.words[2:3], block, version, peer.line, 2))
        if "dynamic" in block.words:
            draft.vpn.append(_peer(("any",), block, version, block.line, 2))
    draft.vpn.extend(_tunnels(top, version))
    for block in find(top, "vpdn-group"):
        for one in block.inside:
            kinds = list(one.find("protocol"))
            draft.vpn.extend(_dial_in(block, one, kind.words[-1]) for kind in kinds)
    for block in (*find(top, "webvpn", "gateway"), *find(top, "crypto", "ssl", "profile")):
        draft.vpn.append(Vpn(kind="ssl_vpn", peer="any", name=block.words[-1], line=block.line))
    _weak(top, draft)


def _peer(peer: Sequence[str], block: Block, version: str, line: int, name_at: int) -> Vpn:
    name = block.words[name_at] if len(block.words) > name_at else ""
    return Vpn(kind="ipsec", peer=peer[0] if peer else "", name=name, version=version, line=line)


def _dial_in(group: Block, accept: Block, protocol: str) -> Vpn:
    peer = "any" if accept.words[0] == "accept-dialin" else ""
    kind = protocol if protocol in ("l2tp", "pptp") else "l2tp"
    return Vpn(kind=kind, peer=peer, name=group.words[-1], line=group.line)


def _tunnels(top: Sequence[Block], version: str) -> Iterator[Vpn]:
    for block in find(top, "interface"):
        protected = next(block.find("tunnel", "protection"), None)
        if protected is None or len(block.words) < 2:
            continue
        peer = block.after("tunnel", "destination") or "any"
        yield Vpn(
            kind="ipsec", peer=peer, name=block.words[-1], interface=block.after("tunnel", "source"),
            version=version, line=protected.line,
        )  # fmt: skip


def _weak(top: Sequence[Block], draft: Draft) -> None:
    for block in (*find(top, "crypto", "isakmp", "policy"), *find(top, "crypto", "ikev1", "policy")):
        for one in block.inside:
            words = set(one.words[1:])
            draft.weak.extend(word for word in ("des", "3des", "md5") if word in words)
            if one.words[0] == "group":
                draft.weak.extend(f"dh group {word}" for word in ("1", "2", "5") if word in words)
    for block in find(top, "crypto"):
        if block.words[1:2] == ("ipsec",) and "transform-set" in block.words:
            draft.weak.extend(
                weak
                for weak in ("des", "3des", "md5")
                if any(weak in word.split("-") for word in block.words)
            )


def asa_vpn(top: Sequence[Block], draft: Draft) -> None:
    """Add the VPNs of an ASA configuration."""
    version = "ikev2" if first(top, "crypto", "ikev2", "enable") else "ikev1"
    for block in find(top, "crypto", "map"):
        words = block.words
        if words[4:6] == ("set", "peer"):
            draft.vpn.extend(_peer((peer,), block, version, block.line, 2) for peer in words[6:])
        elif words[4:6] == ("ipsec-isakmp", "dynamic"):
            draft.vpn.append(_peer(("any",), block, version, block.line, 2))
    for block in find(top, "webvpn"):
        for one in block.find("enable"):
            where = one.words[1] if len(one.words) > 1 else ""
            draft.vpn.append(Vpn(kind="ssl_vpn", peer="any", interface=where, line=one.line))
    for block in (*find(top, "crypto", "ikev2", "enable"), *find(top, "crypto", "ikev1", "enable")):
        if not draft.vpn:
            where = block.words[3] if len(block.words) > 3 else ""
            draft.vpn.append(Vpn(kind="ipsec", interface=where, version=block.words[1], line=block.line))
    _weak(top, draft)
