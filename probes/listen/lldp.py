# SPDX-License-Identifier: Apache-2.0
"""LLDP heard: name, description, port and management address of a neighbour (IEEE 802.1AB).

Inventory of LLDP-MED (ANSI/TIA-1057) gives maker, model, serial and firmware. Sends nothing.
"""

from collections.abc import Iterator

from probes import frames
from probes.contract import Malformed, Transcript
from probes.cursor import Cursor
from probes.facts import Fact, FactKind, fact

_CAPABILITIES = (
    "other", "repeater", "bridge", "wlan-access-point", "router", "telephone", "docsis", "station",
)  # fmt: skip
_MED = b"\x00\x12\xbb"
_INVENTORY = {
    6: FactKind.FIRMWARE_VERSION,
    8: FactKind.SERIAL,
    9: FactKind.MAKER,
    10: FactKind.MODEL,
}


def claims(frame: bytes) -> bool:
    """Tell whether the frame is LLDP."""
    return frames.ethertype(frame) == frames.LLDP


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Read every TLV we know up to the end mark; MAC is the sending port's."""
    outer = frames.ethernet(transcript.heard)
    if outer.kind != frames.LLDP:
        raise Malformed("not LLDP")
    found: dict[Fact, None] = {}
    if frames.is_host_mac(outer.source):
        found[fact(FactKind.MAC, outer.source)] = None
    cursor = Cursor(outer.payload)
    if cursor.peek() != b"\x02":
        raise Malformed("LLDP does not begin with the chassis")
    while cursor.left:
        head = cursor.u16()
        if head >> 9 == 0:
            break
        found.update(dict.fromkeys(_facts(head >> 9, cursor.take(head & 511))))
    return tuple(found)


def _facts(kind: int, data: bytes) -> Iterator[Fact]:
    if kind == 1:
        yield from _named(FactKind.LLDP_CHASSIS, data, mac_subtype=4, network_subtype=5)
    elif kind == 2:
        yield from _named(FactKind.LLDP_PORT, data, mac_subtype=3, network_subtype=4)
    elif kind == 5 and data:
        yield fact(FactKind.LLDP_SYSTEM_NAME, _text(data))
    elif kind == 6 and data:
        yield fact(FactKind.LLDP_SYSTEM_DESCRIPTION, _text(data))
    elif kind == 7:
        yield from _capabilities(Cursor(data))
    elif kind == 8:
        yield from _management(Cursor(data))
    elif kind == 127 and data[:3] == _MED and data[3:4] and data[3] in _INVENTORY and data[4:].strip(b" \0"):
        yield fact(_INVENTORY[data[3]], _text(data[4:]))


def _named(kind: FactKind, data: bytes, mac_subtype: int, network_subtype: int) -> Iterator[Fact]:
    cursor = Cursor(data)
    subtype, value = cursor.u8(), cursor.rest()
    if subtype == mac_subtype and len(value) == 6:
        yield fact(kind, frames.mac(value))
    elif subtype == network_subtype and value[:1] in (b"\1", b"\2"):
        yield fact(kind, frames.ip_text(value[1:]))
    else:
        yield fact(kind, _text(value))


def _capabilities(cursor: Cursor) -> Iterator[Fact]:
    cursor.skip(2)  # what it could be; what follows is switched on
    enabled = cursor.u16()
    names = [name for bit, name in enumerate(_CAPABILITIES) if enabled >> bit & 1]
    if names:
        yield fact(FactKind.LLDP_CAPABILITIES, ",".join(names))


def _management(cursor: Cursor) -> Iterator[Fact]:
    length, family = cursor.u8(), cursor.u8()
    raw = cursor.take(length - 1)
    if family in (1, 2):
        address = frames.ip_text(raw)
        if frames.is_host_address(address):
            yield fact(FactKind.LLDP_MANAGEMENT, address)
            yield fact(FactKind.ADDRESS, address)


def _text(data: bytes) -> str:
    return data.rstrip(b"\0").decode("utf-8", "replace")
