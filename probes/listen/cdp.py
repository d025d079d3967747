# SPDX-License-Identifier: Apache-2.0
"""Cisco Discovery Protocol heard: device, platform, software, addresses. Sends nothing.

Format: Cisco, "Cisco Discovery Protocol frame formats" (public), SNAP 00-00-0C/0x2000.
"""

from collections.abc import Iterator

from probes import frames
from probes.contract import Malformed, Transcript
from probes.cursor import Cursor
from probes.facts import Fact, FactKind, fact

_GROUP = bytes.fromhex("01000ccccccc")
_SNAP = bytes.fromhex("aaaa0300000c2000")
_TEXTS = {1: FactKind.CDP_DEVICE, 5: FactKind.CDP_VERSION, 6: FactKind.CDP_PLATFORM}
_ADDRESSES = (2, 0x16)  # own addresses, management addresses


def claims(frame: bytes) -> bool:
    """Tell whether the frame is CDP."""
    return frame[:6] == _GROUP and _SNAP in frame[14:26]


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Read device, software, platform and the addresses it lists as its own."""
    outer = frames.ethernet(transcript.heard)
    cursor = Cursor(outer.payload)
    if outer.kind != 0 or cursor.take(8) != _SNAP:
        raise Malformed("not CDP")
    if cursor.u8() not in (1, 2):
        raise Malformed("unknown version of CDP")
    cursor.skip(3)  # time to live, checksum
    found: dict[Fact, None] = {}
    if frames.is_host_mac(outer.source):
        found[fact(FactKind.MAC, outer.source)] = None
    while cursor.left >= 4:
        kind, length = cursor.u16(), cursor.u16()
        data = cursor.take(length - 4)
        if kind in _TEXTS and data:
            found[fact(_TEXTS[kind], _text(data))] = None
        elif kind in _ADDRESSES:
            found.update(dict.fromkeys(_addresses(Cursor(data))))
    return tuple(found)


def _addresses(cursor: Cursor) -> Iterator[Fact]:
    for _ in range(min(cursor.u32(), 64)):
        cursor.skip(1)  # kind of protocol: NLPID or 802.2
        cursor.skip(cursor.u8())
        raw = cursor.take(cursor.u16())
        if len(raw) in (4, 16) and frames.is_host_address(frames.ip_text(raw)):
            yield fact(FactKind.ADDRESS, frames.ip_text(raw))


def _text(data: bytes) -> str:
    return data.rstrip(b"\0").decode("utf-8", "replace")
