# SPDX-License-Identifier: Apache-2.0
"""Long tables of switches and routers with the site's SNMP credential, where the site allows them.

ARP (hosts that no broadcast reaches), bridge table with LLDP and CDP neighbours (which MAC is behind which
port), routes. Reads only, at most MOST_REQUESTS; asked in a deep scan or where the credential says `tables`.
"""

from probes.contract import Malformed, Session, Transcript, Wire
from probes.facts import Fact
from probes.neighbour_tables import (
    ARP,
    ARP_ANY,
    BRIDGE,
    CDP_DEVICE,
    IF_DESCR,
    IF_NAME,
    IF_TYPE,
    LLDP_CHASSIS,
    LLDP_NAME,
    LLDP_PORT_ID,
    PORT_INTERFACE,
    ROOT_PORT,
    ROUTE,
    VLAN_BRIDGE,
    sorted_lines,
    table_facts,
)
from probes.walk import Walk, facts_of

PORTS = (161,)
TRANSPORT = "udp"
SPEAKS_FIRST = False
CREDENTIAL = "snmp"

MOST_REQUESTS = 80
_MOST_HOSTS, _MOST_MACS, _MOST_PORTS, _MOST_LINKS, _MOST_ROUTES = 500, 1000, 500, 200, 100


async def ask(wire: Wire, port: int) -> None:
    """Walk ARP table and routes, then, of a switch, everything that says which MAC is behind which port."""
    session = await wire.session(CREDENTIAL, port, MOST_REQUESTS)
    if not await session.walk(ARP, _MOST_HOSTS):
        await session.walk(ARP_ANY, _MOST_HOSTS)
    await session.walk(ROUTE, _MOST_ROUTES)
    if await session.walk(PORT_INTERFACE, _MOST_PORTS):
        await _ask_switch(session)


async def _ask_switch(session: Session) -> None:
    await session.get((ROOT_PORT,))
    for column in (LLDP_CHASSIS, CDP_DEVICE):
        await session.walk(column, _MOST_LINKS)
    for column in (LLDP_NAME, LLDP_PORT_ID):
        await session.walk(column, _MOST_LINKS)
    if not await session.walk(BRIDGE, _MOST_MACS):
        await session.walk(VLAN_BRIDGE, _MOST_MACS)
    await session.walk(IF_TYPE, _MOST_PORTS)
    if not await session.walk(IF_NAME, _MOST_PORTS):
        await session.walk(IF_DESCR, _MOST_PORTS)


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Read the tables heard, those that were heard to their end by the notes; Malformed if no line is one."""
    lines = tuple(transcript.heard_lines())
    walk = Walk.of(lines)
    tables = sorted_lines(lines, transcript.notes("whole"))
    if lines and not (walk.lines or any(tables.columns.values())):
        raise Malformed("no line of the form OID|tag|value")
    return tuple(dict.fromkeys((*facts_of(walk), *table_facts(tables))))
