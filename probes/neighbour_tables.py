# SPDX-License-Identifier: Apache-2.0
"""Who stands where, from the tables of switches and routers: LLDP and CDP, bridge table, ARP, routes. Pure.

IEEE 802.1AB (LLDP-MIB), RFC 4188 and RFC 4363 (bridge tables), RFC 4293 (ipNetToPhysicalTable), RFC 4292 and RFC 2096
(routes). Lines are `OID|tag|value` of a recorded walk; a line that makes no sense is passed over.

A MAC is said to stand behind a port only if the port is one for a single device: the whole bridge table was heard,
few MACs are behind the port, no switch speaks LLDP or CDP there, it is not the way to the spanning tree's root, it is
a plain Ethernet port by type and name, and it is not the one with the most MACs, which is the way to the others. Half
a table proves nothing: the other MACs of the port may be in the other half.
"""

import ipaddress
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from probes import frames
from probes.facts import Fact, FactKind, Sure, fact

_MIB = "1.3.6.1.2.1"
_LLDP = "1.0.8802.1.1.2.1"
LLDP_INSERTS = f"{_LLDP}.2.2.0"  # lldpStatsRemTablesInserts
LLDP_CHASSIS = f"{_LLDP}.4.1.1.5"
LLDP_NAME = f"{_LLDP}.4.1.1.9"  # lldpRemSysName
LLDP_PORT_ID = f"{_LLDP}.3.7.1.3"  # lldpLocPortId
CDP_DEVICE = "1.3.6.1.4.1.9.9.23.1.2.1.1.6"  # cdpCacheDeviceId
PORT_INTERFACE = f"{_MIB}.17.1.4.1.2"  # dot1dBasePortIfIndex
ROOT_PORT = f"{_MIB}.17.2.7.0"  # dot1dStpRootPort
BRIDGE = f"{_MIB}.17.4.3.1.2"  # dot1dTpFdbPort
VLAN_BRIDGE = f"{_MIB}.17.7.1.2.2.1.2"  # dot1qTpFdbPort
IF_TYPE = f"{_MIB}.2.2.1.3"
IF_NAME, IF_DESCR = f"{_MIB}.31.1.1.1.1", f"{_MIB}.2.2.1.2"
ARP = f"{_MIB}.4.22.1.2"
ARP_ANY = f"{_MIB}.4.35.1.4"  # ipNetToPhysicalPhysAddress
ROUTE = f"{_MIB}.4.24.4.1.5"  # ipCidrRouteIfIndex; destination, mask and next hop are its index
MOST_MACS_OF_A_PORT = 4  # a telephone with a PC behind it shows two or three
_COLUMNS = (
    LLDP_CHASSIS, LLDP_NAME, LLDP_PORT_ID, CDP_DEVICE, PORT_INTERFACE, BRIDGE, VLAN_BRIDGE,
    IF_TYPE, IF_NAME, IF_DESCR, ARP_ANY, ROUTE,
)  # fmt: skip
_ETHERNET = ("6", "62", "69", "117")  # ifType: ethernetCsmacd, fastEther, fastEtherFX, gigabitEthernet
_SHARED = re.compile(r"(?i)bond|lag|trunk|^trk|port-?channel|aggregat|^ae\d|^po\d|uplink|wan|stack")
_MOST_ROWS, _MOST_TEXT, _MOST_INDEX = 4096, 120, 160


@dataclass(slots=True)
class Tables:
    """Values by column and index, the port to the spanning tree's root, and which columns were heard to their end."""

    columns: dict[str, dict[str, bytes]] = field(default_factory=lambda: {name: {} for name in _COLUMNS})
    root_port: str = ""
    whole: frozenset[str] = frozenset()

    def text(self, column: str, index: str) -> str:
        """Give one value as text in one line, "" where there is none."""
        return " ".join(self.columns[column].get(index, b"").decode("utf-8", "replace").split())[:_MOST_TEXT]


def sorted_lines(lines: Iterable[bytes], whole: Iterable[str] = ()) -> Tables:
    """Sort the lines into their columns; `whole` names the columns that were heard to their end."""
    tables = Tables(whole=frozenset(whole))
    for line in lines:
        oid, _, rest = line.decode("latin-1").partition("|")
        tag, separator, value = rest.partition("|")
        if not separator or len(oid) > _MOST_INDEX:
            continue
        if oid == ROOT_PORT:
            tables.root_port = value.strip()
        name = next((one for one in _COLUMNS if oid.startswith(f"{one}.")), None)
        if name and len(tables.columns[name]) < _MOST_ROWS:
            tables.columns[name][oid[len(name) + 1 :]] = _raw(tag, value)
    return tables


def _raw(tag: str, value: str) -> bytes:
    if tag.endswith("x"):
        try:
            return bytes.fromhex(value)
        except ValueError:  # not hex after all: the text as it stands
            return value.encode("latin-1")
    return value.encode("latin-1")


def names_only_some(lines: Iterable[bytes], whole: Iterable[str]) -> bool:
    """Tell whether hosts were heard from a router's table that was not heard to its end."""
    ended, heard = set(whole), tuple(lines)
    return any(
        column not in ended and any(line.startswith(f"{column}.".encode()) for line in heard)
        for column in (ARP, ARP_ANY)
    )


def has_lldp_neighbours(lines: Iterable[bytes]) -> bool:
    """Tell from the answer to LLDP_INSERTS whether it ever heard a neighbour."""
    mine = (line.rpartition(b"|")[2] for line in lines if line.startswith(f"{LLDP_INSERTS}|".encode()))
    return any(value.strip().isdigit() and int(value) > 0 for value in mine)


def lldp_facts(lines: Iterable[bytes]) -> Iterator[Fact]:
    """Give the neighbours that a switch or router names, with the port of its own."""
    return _lldp(sorted_lines(lines))


def _lldp(tables: Tables) -> Iterator[Fact]:
    for index in tables.columns[LLDP_NAME]:
        port, name = _lldp_port(index), tables.text(LLDP_NAME, index)
        if port and name:
            yield fact(FactKind.LLDP_NEIGHBOUR, f"{tables.text(LLDP_PORT_ID, port) or port} {name}")


def _lldp_port(index: str) -> str:
    """Give lldpRemLocalPortNum of an index time.port.number, "" for another form."""
    parts = index.split(".")
    return parts[1] if len(parts) == 3 and all(part.isdecimal() for part in parts) else ""


def table_facts(tables: Tables) -> tuple[Fact, ...]:
    """Give LLDP neighbours, hosts of the newer ARP table, routes, and MACs behind ports for one device."""
    found = (*_lldp(tables), *_arp(tables), *_routes(tables), *_behind_ports(tables))
    return tuple(dict.fromkeys(found))


def _arp(tables: Tables) -> Iterator[Fact]:
    for index, raw in tables.columns[ARP_ANY].items():
        address = _inet_address(index.partition(".")[2])
        if address and len(raw) == 6 and frames.is_host_address(address):
            mac = frames.mac(raw)
            if frames.is_host_mac(mac):
                yield fact(FactKind.NEIGHBOUR, f"{address} {mac}")


def _inet_address(index: str) -> str:
    """Read InetAddressType, its length and its octets (RFC 4001); "" for anything but IPv4 and IPv6."""
    parts = index.split(".")
    if not all(part.isdecimal() and len(part) <= 3 and int(part) < 256 for part in parts):
        return ""
    numbers = [int(part) for part in parts]
    if numbers[:2] not in ([1, 4], [2, 16]) or len(numbers) != numbers[1] + 2:
        return ""
    return frames.ip_text(bytes(numbers[2:]))


def _routes(tables: Tables) -> Iterator[Fact]:
    for index in tables.columns[ROUTE]:
        parts = index.split(".")
        if len(parts) != 13:  # destination, mask, type of service, next hop
            continue
        try:
            network = ipaddress.IPv4Network(f"{'.'.join(parts[:4])}/{'.'.join(parts[4:8])}")
            following = ipaddress.IPv4Address(".".join(parts[9:]))
        except ValueError:  # no route after all
            continue
        yield fact(FactKind.ROUTE, f"{network} {following}")


def _behind_ports(tables: Tables) -> Iterator[Fact]:
    table = BRIDGE if tables.columns[BRIDGE] else VLAN_BRIDGE
    if not {table, PORT_INTERFACE, LLDP_CHASSIS, CDP_DEVICE, IF_TYPE} <= tables.whole:
        return
    behind: dict[str, set[str]] = defaultdict(set)
    for index, raw in tables.columns[table].items():
        if mac := _mac_of(index):
            behind[raw.decode("latin-1")].add(mac)
    linked, most = _linked(tables), max((2, *map(len, behind.values())))
    for port, macs in behind.items():
        interface = tables.text(PORT_INTERFACE, port)
        if not (port.isdecimal() and port not in ("0", tables.root_port) and interface):
            continue
        if (
            not len(macs) < most
            or len(macs) > MOST_MACS_OF_A_PORT
            or tables.text(IF_TYPE, interface) not in _ETHERNET
        ):
            continue
        name = tables.text(IF_NAME, interface) or tables.text(IF_DESCR, interface) or port
        if not _SHARED.search(name) and linked.isdisjoint(
            {port, interface, name, tables.text(IF_DESCR, interface)}
        ):
            yield from (fact(FactKind.SWITCH_PORT, f"{mac} {name}", Sure.GUESS) for mac in sorted(macs))


def _linked(tables: Tables) -> frozenset[str]:
    """Numbers and names under which a port with an LLDP or CDP neighbour may be known: bridge port or interface."""
    ports = {_lldp_port(index) for index in tables.columns[LLDP_CHASSIS]}
    names = {tables.text(LLDP_PORT_ID, port) for port in ports}
    cisco = {index.partition(".")[0] for index in tables.columns[CDP_DEVICE]}
    return frozenset((ports | names | cisco) - {""})


def _mac_of(index: str) -> str:
    """Give the MAC in the last six numbers of an index, "" for one that is no single host's."""
    parts = index.split(".")[-6:]
    if len(parts) != 6 or not all(part.isdecimal() and len(part) <= 3 and int(part) < 256 for part in parts):
        return ""
    mac = frames.mac(bytes(int(part) for part in parts))
    return mac if frames.is_host_mac(mac) else ""
