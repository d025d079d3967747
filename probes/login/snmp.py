# SPDX-License-Identifier: Apache-2.0
"""SNMP with the site's credential: system, maker's own fields, addresses, interfaces, neighbours, chassis.

RFC 3418 (system), RFC 2863 (ifTable), RFC 4293 (IP), RFC 6933 (entPhysicalTable), and the makers' own
variables of `recognised/snmp_vendor.yaml`, LLDP neighbours (IEEE 802.1AB). Reads only, at most MOST_PDUS
requests, what names the box first; long tables belong to `snmp_tables`. `read` also reads recorded walks
of any size: it looks at nothing but the variables named there.
"""

from probes.contract import Malformed, Session, Transcript, Wire
from probes.facts import Fact
from probes.neighbour_tables import LLDP_INSERTS, LLDP_NAME, has_lldp_neighbours, lldp_facts
from probes.vendor_values import to_ask, to_walk
from probes.walk import Walk, chassis_index, facts_of

PORTS = (161,)
TRANSPORT = "udp"
SPEAKS_FIRST = False
CREDENTIAL = "snmp"

_MIB = "1.3.6.1.2.1"
_FIRST = (
    f"{_MIB}.1.1.0",  # sysDescr
    f"{_MIB}.1.2.0",  # sysObjectID
    f"{_MIB}.1.3.0",  # sysUpTime
    f"{_MIB}.1.5.0",  # sysName
    f"{_MIB}.1.6.0",  # sysLocation
    f"{_MIB}.1.7.0",  # sysServices
    f"{_MIB}.4.1.0",  # ipForwarding
    LLDP_INSERTS,
)
_IF_NAME, _IF_MAC, _IF_STATUS = (f"{_MIB}.2.2.1.{column}" for column in (2, 6, 8))
_ADDRESS_INTERFACE, _ADDRESS_MASK = f"{_MIB}.4.20.1.2", f"{_MIB}.4.20.1.3"
_IP_ADDRESS = tuple(f"{_MIB}.4.34.1.{column}" for column in (3, 4, 5))  # ifIndex, type, prefix
_NEIGHBOUR = f"{_MIB}.4.22.1.2"  # ipNetToMediaPhysAddress
_ROUTES = (f"{_MIB}.4.21.1.7", f"{_MIB}.4.21.1.11")  # next hop, mask
_PART = f"{_MIB}.47.1.1.1.1"
_PART_COLUMNS = (2, 4, 7, 9, 10, 11, 12, 13)  # text, inside, name, firmware, software, serial, maker, model
_MOST_ADDRESSES = 50
_MOST_INTERFACES = 25  # rows of one column: enough to know the box by its hardware addresses
_MOST_STATES = 20  # variables: one GET
_MOST_NEIGHBOURS = 25
_MOST_ROUTES = 25
_MOST_PARTS = 25
_MOST_DIGITS = 9  # of an interface number that we write into a question


async def ask(wire: Wire, port: int) -> None:
    """Get the system group and the maker's variables, then walk what identity and networks need."""
    session = await wire.session(CREDENTIAL, port)
    first = await session.get(_FIRST)
    system = Walk.of(first)
    object_id = system.text("system", "2.0").strip()
    own = to_ask(object_id)
    if own:
        await session.get(own)
    for column in to_walk(object_id):
        await session.walk(column, 1)
    await _ask_chassis(session)
    await _ask_interfaces(session, await _ask_addresses(session))
    await session.walk(_NEIGHBOUR, _MOST_NEIGHBOURS)
    if has_lldp_neighbours(first):
        await session.walk(LLDP_NAME, _MOST_NEIGHBOURS)
    if await session.walk(_ROUTES[0], _MOST_ROUTES):
        await session.walk(_ROUTES[1], _MOST_ROUTES)


async def _ask_addresses(session: Session) -> tuple[str, ...]:
    """Ask for the addresses, old table first (RFC 4293); gives the interfaces that bear one."""
    heard = await session.walk(_ADDRESS_INTERFACE, _MOST_ADDRESSES)
    if heard:
        await session.walk(_ADDRESS_MASK, _MOST_ADDRESSES)
    else:
        heard = await session.walk(_IP_ADDRESS[0], _MOST_ADDRESSES)
        for column in _IP_ADDRESS[1:] if heard else ():
            await session.walk(column, _MOST_ADDRESSES)
    numbers = (line.rpartition(b"|")[2].decode("ascii", "replace") for line in heard)
    return tuple(dict.fromkeys(n for n in numbers if n.isdecimal() and len(n) <= _MOST_DIGITS))


async def _ask_interfaces(session: Session, bearing: tuple[str, ...]) -> None:
    """Ask for names and hardware addresses of the first interfaces and of those that bear an address."""
    named = Walk.of(await session.walk(_IF_NAME, _MOST_INTERFACES))
    if not named.lines:
        return
    await session.walk(_IF_MAC, _MOST_INTERFACES)
    wanted = [f"{_IF_STATUS}.{number}" for number in bearing]
    for number in bearing:
        if number not in named.columns["if.name"]:
            wanted += [f"{_IF_NAME}.{number}", f"{_IF_MAC}.{number}"]
    if wanted:
        await session.get(wanted[:_MOST_STATES])


async def _ask_chassis(session: Session) -> None:
    """Ask what the box itself is, where there is a table of parts (RFC 6933)."""
    parts = Walk.of(await session.walk(f"{_PART}.5", _MOST_PARTS))
    if parts.lines:
        index = chassis_index(parts) or next(iter(parts.columns["part.class"]), "1")
        await session.get(f"{_PART}.{column}.{index}" for column in _PART_COLUMNS)


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Read every variable heard, in the form of a recorded walk; raises Malformed if none is one."""
    walk = Walk.of(transcript.heard_lines())
    if not walk.lines and transcript.heard:
        raise Malformed("no line of the form OID|tag|value")
    return (*facts_of(walk), *lldp_facts(transcript.heard_lines()))
