# SPDX-License-Identifier: Apache-2.0
"""A recorded SNMP walk (`OID|tag|value` lines) and the facts of the standard MIBs in it. Pure.

Tags are BER tags as decimal numbers; `x` after the tag means a hex value, `e` one with `\\x..` escapes.
Variables that are not wanted cost one prefix comparison, so a walk of many thousand lines is read fast.
Nothing here raises on any bytes: a variable that makes no sense is passed over.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from probes import frames
from probes.enterprises import PARTS, number_of, organisation_of
from probes.facts import Fact, FactKind, Sure, fact
from probes.fillers import is_serial, is_version, meaning
from probes.names import find, makers
from probes.own_strings import OwnStrings
from probes.products import product_of
from probes.vendor_values import Wanted

_STANDARD = b"1.3.6.1.2.1."
_WANTED = {
    name: f"1.3.6.1.2.1.{oid}.".encode()
    for name, oid in {
        "system": "1", "forwarding": "4.1",
        "if.name": "2.2.1.2", "if.speed": "2.2.1.5", "if.mac": "2.2.1.6", "if.status": "2.2.1.8",
        "ip.own": "4.20.1.1",
        "ip.index": "4.20.1.2", "ip.mask": "4.20.1.3",
        "address.index": "4.34.1.3", "address.type": "4.34.1.4", "address.prefix": "4.34.1.5",
        "neighbour": "4.22.1.2", "route.next": "4.21.1.7", "route.mask": "4.21.1.11",
        "part.text": "47.1.1.1.1.2", "part.inside": "47.1.1.1.1.4", "part.class": "47.1.1.1.1.5",
        "part.name": "47.1.1.1.1.7", "part.firmware": "47.1.1.1.1.9", "part.software": "47.1.1.1.1.10",
        "part.serial": "47.1.1.1.1.11", "part.maker": "47.1.1.1.1.12", "part.model": "47.1.1.1.1.13",
    }.items()
}  # fmt: skip
_PREFIXES = tuple(_WANTED.values())
_ENTERPRISES = b"1.3.6.1.4.1."
_MOST_ENTERPRISES = 32
_MOST_DIGITS = 8
_MOST_ROWS = 4096  # of one column
_MOST_OID = 128  # characters
_MOST_BYTES = 2048  # of one value that are kept; a description has at most 255 (RFC 3418)
_MOST_KEPT = 8 * 1024 * 1024  # bytes of all values together
_MOST_RAW = 4 * _MOST_BYTES  # as written: `\\x..` escapes
_ESCAPE = re.compile(rb"\\x([0-9a-fA-F]{2})")
_CHASSIS = "3"
_NO_INTERFACE = "0"  # its address table does not say which; no interface has this number (RFC 2863)
_BOARD = "4"  # backplane: all that a server's hypervisor may show of its box
_MODULE = "9"
_BOX = ("", "1", "2", "9", "11")  # entPhysicalClass not said, other, unknown, module, stack
_QUOTED = ' \t\r\n\0"'  # some agents send their description in quotation marks
_SERVERS = frozenset((232, 674))  # agents of HPE and Dell, which servers run beside their system
_STACK_MAKER = "Aricent"  # the default rows of a bought-in switch software: they describe that software
_UNICAST = "1"  # ipAddressType
_TWO_HOSTS = 30  # the longest prefix that has a broadcast address
_STATUS = {
    "1": "up",
    "2": "down",
    "3": "testing",
    "4": "unknown",
    "5": "dormant",
    "6": "absent",
    "7": "lower-down",
}
_SYSTEM = {
    "1.0": FactKind.SNMP_SYSDESCR,
    "2.0": FactKind.SNMP_SYSOBJECTID,
    "3.0": FactKind.SNMP_UPTIME,
    "5.0": FactKind.SNMP_SYSNAME,
    "6.0": FactKind.LOCATION,
}
_MODEL_FIRST = re.compile(r"^[A-Za-z][\w-]* (?=v\d)", re.ASCII)  # some say their model before the version
_PARTS = {
    "part.maker": FactKind.MAKER,
    "part.model": FactKind.MODEL,
    "part.serial": FactKind.SERIAL,
}


@dataclass(slots=True)
class Walk:
    """Wanted columns by name: index → raw value; `lines` counts the variables seen, wanted or not."""

    columns: dict[str, dict[str, bytes]] = field(default_factory=lambda: {name: {} for name in _WANTED})
    lines: int = 0
    kept: int = 0  # bytes of all values
    vendor: Wanted = field(default_factory=lambda: Wanted(""))
    strings: OwnStrings = field(default_factory=lambda: OwnStrings(b""))
    enterprises: dict[bytes, None] = field(default_factory=dict)  # numbers below which something answered

    @classmethod
    def of(cls, chunks: Iterable[bytes]) -> "Walk":
        """Sort every line of the chunks into its column, then pick out the maker's own variables."""
        lines = [line for chunk in chunks for line in chunk.split(b"\n")]
        return cls.read(lambda: lines)

    @classmethod
    def read(cls, lines: Callable[[], Iterable[bytes]]) -> "Walk":
        """Read lines that can be had twice: which of the maker's variables count is known after the first time."""
        walk = cls()
        for line in lines():
            walk._add(line.removeprefix(b"."))
        object_id = walk.text("system", "2.0").strip()
        walk.vendor, walk.strings = Wanted(object_id), OwnStrings.of(object_id)
        for line in lines():
            walk._offer(line.removeprefix(b"."))
        return walk

    def _offer(self, line: bytes) -> None:
        oid, _, rest = line.partition(b"|")
        known = self.vendor.offer(oid)
        tag, _, raw = rest.partition(b"|")
        if self.strings.wants(oid, tag):
            self.strings.offer(_text(_value(tag, raw[:_MOST_RAW].rstrip(b"\r"))))
        if known is not None:
            self.vendor.keep(known, _text(_value(tag, raw.rstrip(b"\r"))))

    def _add(self, line: bytes) -> None:
        if line[:4] != b"1.3." or line.count(b"|") < 2:
            return
        self.lines += 1
        if line.startswith(_ENTERPRISES) and len(self.enterprises) < _MOST_ENTERPRISES:
            self.enterprises[line[len(_ENTERPRISES) :].partition(b".")[0][:_MOST_DIGITS]] = None
        if not line.startswith(_PREFIXES):
            return
        oid, tag, raw = line.split(b"|", 2)
        name = next(name for name, prefix in _WANTED.items() if oid.startswith(prefix))
        column = self.columns[name]
        if len(column) < _MOST_ROWS and len(oid) <= _MOST_OID and self.kept < _MOST_KEPT:
            index = oid[len(_WANTED[name]) :].decode("ascii", "replace")
            value = _value(tag, raw[:_MOST_RAW].rstrip(b"\r"))[:_MOST_BYTES]
            self.kept += len(value) if column.setdefault(index, value) is value else 0

    def indexes(self, *names: str) -> dict[str, None]:
        """Give every index that one of the columns has, in the order heard."""
        return dict.fromkeys(index for name in names for index in self.columns[name])

    def text(self, name: str, index: str) -> str:
        """Give one value as text, "" where there is none."""
        return _text(self.columns[name].get(index, b""))


def _value(tag: bytes, raw: bytes) -> bytes:
    if tag.endswith(b"x"):
        try:
            return bytes.fromhex(raw.decode("ascii", "replace"))
        except ValueError:  # not hex after all: the text as it stands
            return raw
    if tag.endswith(b"e"):
        return _ESCAPE.sub(lambda found: bytes((int(found[1], 16),)), raw)
    return raw


def _text(raw: bytes) -> str:
    for encoding in ("utf-8", "cp932"):
        try:
            return raw.rstrip(b"\0").decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")


def facts_of(walk: Walk) -> tuple[Fact, ...]:
    """Give the facts of a walk in the order system, interfaces, addresses, neighbours, routes, identity."""
    found: dict[Fact, None] = {}
    for reader in (_system, _interfaces, _addresses, _neighbours, _routes, _identity):
        found.update(dict.fromkeys(reader(walk)))
    return tuple(found)


def _system(walk: Walk) -> Iterator[Fact]:
    if walk.lines:
        yield fact(FactKind.SERVICE, "snmp")
    for index, kind in _SYSTEM.items():
        value = walk.text("system", index).strip(_QUOTED)
        if kind is FactKind.LOCATION:
            value = meaning(value)
        if value:
            yield fact(kind, value.removeprefix(".") if kind is FactKind.SNMP_SYSOBJECTID else value)
    forwarding = {"1": "yes", "2": "no"}.get(walk.text("forwarding", "0"))
    if forwarding:
        yield fact(FactKind.FORWARDING, forwarding)


def _interfaces(walk: Walk) -> Iterator[Fact]:
    for index in walk.indexes("if.name", "if.mac"):
        name = " ".join(walk.text("if.name", index).split()) or "-"
        mac = _mac(walk.columns["if.mac"].get(index, b"")) or "-"
        speed = walk.text("if.speed", index) or "-"
        status = _STATUS.get(walk.text("if.status", index), "-")
        yield fact(FactKind.INTERFACE, f"{index} {name} {mac} {speed} {status}")


def _mac(raw: bytes) -> str:
    if len(raw) != 6:  # a walk in text: 0:1a:2b:… or 00 1A 2B …
        parts = re.split(r"[:\s-]", raw.decode("ascii", "replace").strip())
        if len(parts) != 6 or not all(re.fullmatch("[0-9a-fA-F]{1,2}", part) for part in parts):
            return ""
        raw = bytes(int(part, 16) for part in parts)
    written = frames.mac(raw)
    return written if frames.is_host_mac(written) else ""


def _addresses(walk: Walk) -> Iterator[Fact]:
    for index in walk.indexes("ip.index", "ip.mask", "ip.own"):
        if frames.is_host_address(index):
            length = _mask_length(walk.text("ip.mask", index), walk.columns["ip.mask"].get(index, b""))
            yield from _address(index, walk.text("ip.index", index), length)
    for index, raw in walk.columns["address.index"].items():
        address = _inet_address(index)
        unicast = walk.text("address.type", index) in ("", _UNICAST)
        if address and unicast and frames.is_host_address(address):
            prefix = walk.text("address.prefix", index).rpartition(".")[2]
            yield from _address(address, _text(raw), prefix if prefix.isdecimal() else "")


def _address(address: str, interface: str, length: str) -> Iterator[Fact]:
    if length and _names_a_network(address, length):
        return
    yield fact(FactKind.ADDRESS, address)
    if length not in ("", "0"):
        index = interface if interface.isdecimal() else _NO_INTERFACE
        yield fact(FactKind.INTERFACE_ADDRESS, f"{index} {address}/{length}")


def _names_a_network(address: str, length: str) -> bool:
    """Tell whether it is the network's own or its broadcast address (RFC 950), which no host has."""
    try:
        network = ipaddress.ip_interface(f"{address}/{length}").network
    except ValueError:  # a prefix longer than the address
        return True
    if network.version == 6 or network.prefixlen > _TWO_HOSTS:
        return False
    return address in (str(network.network_address), str(network.broadcast_address))


def _mask_length(text: str, raw: bytes) -> str:
    try:
        mask = ipaddress.IPv4Address(raw) if len(raw) == 4 else ipaddress.IPv4Address(text)
        return str(ipaddress.IPv4Network(f"0.0.0.0/{mask}").prefixlen)
    except ValueError:  # not a mask: the address is still one
        return ""


def _inet_address(index: str) -> str:
    """Read an InetAddressType and InetAddress index (RFC 4001): 1.4.a.b.c.d, 2.16.…; "" for others."""
    numbers = [int(part) for part in index.split(".") if part.isdecimal() and len(part) <= 3]
    if numbers[:2] not in ([1, 4], [2, 16]) or len(numbers) != numbers[1] + 2 or max(numbers) > 255:
        return ""
    return frames.ip_text(bytes(numbers[2:]))


def _neighbours(walk: Walk) -> Iterator[Fact]:
    for index, raw in walk.columns["neighbour"].items():
        address, mac = index.partition(".")[2], _mac(raw)
        if mac and frames.is_host_address(address):
            yield fact(FactKind.NEIGHBOUR, f"{address} {mac}")


def _routes(walk: Walk) -> Iterator[Fact]:
    for index, raw in walk.columns["route.next"].items():
        length = _mask_length(walk.text("route.mask", index), walk.columns["route.mask"].get(index, b""))
        following = _ipv4(raw)
        if length and following and _ipv4(index.encode()):
            yield fact(FactKind.ROUTE, f"{index}/{length} {following}")


def _ipv4(raw: bytes) -> str:
    try:
        return str(ipaddress.IPv4Address(raw) if len(raw) == 4 else ipaddress.IPv4Address(_text(raw)))
    except ValueError:
        return ""


def _identity(walk: Walk) -> Iterator[Fact]:
    """Give what the maker's own variables say, what the chassis says, and whose number it bears."""
    registered = organisation_of(number_of(walk.text("system", "2.0").strip()))
    if registered:
        yield fact(FactKind.MAKER, registered, Sure.LIKELY)
    elif owner := _owner(walk):
        yield fact(FactKind.MAKER, owner, Sure.GUESS)
    own = {one.kind: one for one in walk.vendor.facts()}
    said = (*own.values(), *(one for one in _chassis(walk) if one.kind not in own))
    for one in said:
        if one.kind is not FactKind.MAKER or not registered:
            yield one
        elif one.value != registered:  # it may be the maker of a part inside
            yield fact(one.kind, one.value, Sure.GUESS)
    kinds = {one.kind for one in said}
    described = walk.text("system", "1.0")
    yield from (one for one in walk.strings.facts(described) if one.kind not in kinds)
    product = product_of(walk.text("system", "2.0"))
    if product and FactKind.MODEL not in kinds:
        yield fact(FactKind.MODEL, product, Sure.LIKELY)


def is_appliance(walk: Walk) -> bool:
    """Tell whether a common agent also answers for somebody who is no maker of agents or of servers."""
    numbers = {int(text) for text in walk.enterprises if text.isdigit()}
    return any(organisation_of(number) for number in numbers - PARTS - _SERVERS)


def _owner(walk: Walk) -> str | None:
    """Give whose variables it answers, where its agent is a common one and just one maker's are there."""
    numbers = [int(text) for text in walk.enterprises if text.isdigit()]
    owners = {name for number in numbers if number not in PARTS and (name := organisation_of(number))}
    known = next(find(makers(), owners.pop()), None) if len(owners) == 1 else None
    return known.name.maker if known else None


def chassis_index(walk: Walk) -> str:
    """Give the index of the part that is the box itself: class chassis, or inside nothing; "" if unknown."""
    classes, inside = walk.columns["part.class"], walk.columns["part.inside"]
    chassis = [index for index, raw in classes.items() if _text(raw) == _CHASSIS]
    whole = [index for index in chassis if _text(inside.get(index, b"0")) == "0"]
    outer = [
        index for index, raw in inside.items() if _text(raw) == "0" and walk.text("part.class", index) in _BOX
    ]
    boards = [
        index
        for index, raw in inside.items()
        if _text(raw) == "0" and walk.text("part.class", index) == _BOARD
    ]
    return next(iter([*whole, *chassis, *outer, *(boards if len(boards) == 1 else ())]), "")


def _chassis(walk: Walk) -> Iterator[Fact]:
    index, sure = chassis_index(walk), Sure.SURE
    if not index and not walk.columns["part.class"]:
        index, sure = "1", Sure.LIKELY  # an agent that gives no classes: its first part is nearly always it
    if walk.text("part.maker", index).startswith(_STACK_MAKER):
        return
    for column, kind in _PARTS.items():
        value = meaning(walk.text(column, index))
        if kind is FactKind.SERIAL and value and (not is_serial(value) or _is_disputed(walk, index)):
            continue
        if not value and kind is not FactKind.MAKER:
            value, sure = _only(walk, column), Sure.LIKELY
        if value and (kind is not FactKind.SERIAL or is_serial(value)):
            yield fact(kind, value, Sure.LIKELY if kind is FactKind.MAKER else sure)
    if walk.text("part.class", index) == _BOARD:
        return  # what runs on a board is not what runs on the device
    firmware = meaning(walk.text("part.software", index)) or meaning(walk.text("part.firmware", index))
    if is_version(firmware):
        firmware = _MODEL_FIRST.sub("", firmware)
        yield fact(FactKind.FIRMWARE_VERSION, firmware, Sure.LIKELY)
    elif is_version(only := _only(walk, "part.software") or _only(walk, "part.firmware")):
        yield fact(FactKind.FIRMWARE_VERSION, only, Sure.GUESS)


def _is_disputed(walk: Walk, index: str) -> bool:
    """Tell whether the box's model stands on several parts, each with a serial number of its own.

    Several boxes that answer as one device, or a box and the one board that it is built around: nobody can tell
    which number is the device's.
    """
    model = walk.text("part.model", index)
    serials = {
        meaning(walk.text("part.serial", one))
        for one, raw in walk.columns["part.class"].items()
        if (_text(raw) == _CHASSIS and walk.text("part.model", one) == model)
        or _is_the_board(walk, one, index)
    }
    return len(serials - {""}) > 1


def _is_the_board(walk: Walk, part: str, index: str) -> bool:
    """Tell whether a module bears the box's own model, as it is or with an addition, and runs its software."""
    model, software = walk.text("part.model", index), meaning(walk.text("part.software", index))
    return bool(
        walk.text("part.class", part) == _MODULE
        and software
        and walk.text("part.software", part) == software
        and model
        and f"{walk.text('part.model', part)}-".startswith(f"{model}-")
    )


def _is_box(walk: Walk, index: str) -> bool:
    return walk.text("part.class", index) in (*_BOX, _CHASSIS)


def _only(walk: Walk, column: str) -> str:
    """Give the one value that all parts which have one agree on, "" otherwise."""
    values = {meaning(walk.text(column, index)) for index in walk.columns[column] if _is_box(walk, index)} - {
        ""
    }
    return values.pop() if len(values) == 1 else ""
