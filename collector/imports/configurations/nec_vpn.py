# SPDX-License-Identifier: Apache-2.0
"""VPN peers of NEC IX configurations. Pure."""

from collections.abc import Sequence

from collector.imports.configurations.blocks import Block, find
from collector.imports.configurations.draft import Draft
from collector.imports.configurations.reading import Vpn


def nec_vpn(top: Sequence[Block], draft: Draft) -> None:
    """Add the VPNs of an IX configuration, and the weak algorithms that it names."""
    for block in find(top, "ike", "policy"):
        peer, mode = _after(block.words, "peer"), _after(block.words, "mode")
        name = block.words[2] if len(block.words) > 2 else ""
        draft.vpn.append(Vpn(kind="ipsec", version="ikev1", mode=mode, peer=peer, name=name, line=block.line))
    for block in find(top, "interface"):
        _tunnel(block, draft)
    for block in find(top, "ike", "proposal"):
        draft.weak += [word for word in ("md5", "des", "3des") if word in block.words]
        group = _after(block.words, "group")
        draft.weak += [f"dh {group}"] if group in ("768-bit", "1024-bit", "1536-bit") else []
    for block in find(top, "ipsec", "autokey-proposal"):
        names = {part for word in block.words for part in word.split("-")}
        draft.weak += [word for word in ("md5", "des", "3des") if word in names]
    draft.weak += ["aggressive" for one in draft.vpn if one.mode == "aggressive"]


def _tunnel(block: Block, draft: Draft) -> None:
    if block.has("shutdown") or len(block.words) < 2:
        return
    where, mode = block.words[1], next(block.find("tunnel", "mode"), None)
    for one in block.inside:
        if one.words[0] == "ikev2" and "peer" in one.words:
            peer = _after(one.words, "peer")
            draft.vpn.append(
                Vpn(kind="ipsec", version="ikev2", peer=peer, name=where, interface=where, line=one.line)
            )
    if mode is None:
        return
    kind = next((word for word in mode.words if word.startswith(("l2tp", "pptp"))), "")
    if kind:
        draft.vpn.append(Vpn(kind=kind[:4], peer="any", name=where, interface=where, line=mode.line))


def _after(words: Sequence[str], word: str) -> str:
    at = words.index(word) if word in words else len(words)
    return words[at + 1] if at + 1 < len(words) else ""
