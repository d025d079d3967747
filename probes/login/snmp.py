# SPDX-License-Identifier: Apache-2.0
"""SNMP with the site's credential: system, interfaces, addresses, forwarding, neighbours, chassis.

RFC 3418 (system), RFC 2863 (ifTable), RFC 4293 (IP), RFC 6933 (entPhysicalTable). Reads only. `read` also
reads recorded walks of any size: it looks at nothing but the variables named here.
"""

from probes.contract import Malformed, Transcript, Wire
from probes.facts import Fact
from probes.walk import Walk, facts_of

PORTS = (161,)
TRANSPORT = "udp"
SPEAKS_FIRST = False
CREDENTIAL = "snmp"

_SYSTEM = "1.3.6.1.2.1.1"
_FIRST = (
    f"{_SYSTEM}.1.0",  # sysDescr
    f"{_SYSTEM}.2.0",  # sysObjectID
    f"{_SYSTEM}.3.0",  # sysUpTime
    f"{_SYSTEM}.5.0",  # sysName
    f"{_SYSTEM}.6.0",  # sysLocation
    "1.3.6.1.2.1.4.1.0",  # ipForwarding
)
# Column, and how many of its rows are worth the packets.
_COLUMNS = (
    ("1.3.6.1.2.1.2.2.1.2", 200),  # ifDescr
    ("1.3.6.1.2.1.2.2.1.5", 200),  # ifSpeed
    ("1.3.6.1.2.1.2.2.1.6", 200),  # ifPhysAddress
    ("1.3.6.1.2.1.2.2.1.8", 200),  # ifOperStatus
    ("1.3.6.1.2.1.4.20.1.2", 100),  # ipAdEntIfIndex
    ("1.3.6.1.2.1.4.20.1.3", 100),  # ipAdEntNetMask
    ("1.3.6.1.2.1.4.34.1.3", 100),  # ipAddressIfIndex
    ("1.3.6.1.2.1.4.34.1.5", 100),  # ipAddressPrefix
    ("1.3.6.1.2.1.4.22.1.2", 200),  # ipNetToMediaPhysAddress
    ("1.3.6.1.2.1.4.21.1.7", 24),  # ipRouteNextHop
    ("1.3.6.1.2.1.4.21.1.11", 24),  # ipRouteMask
    ("1.3.6.1.2.1.47.1.1.1.1.5", 16),  # entPhysicalClass
    ("1.3.6.1.2.1.47.1.1.1.1.9", 16),  # entPhysicalFirmwareRev
    ("1.3.6.1.2.1.47.1.1.1.1.10", 16),  # entPhysicalSoftwareRev
    ("1.3.6.1.2.1.47.1.1.1.1.11", 16),  # entPhysicalSerialNum
    ("1.3.6.1.2.1.47.1.1.1.1.12", 16),  # entPhysicalMfgName
    ("1.3.6.1.2.1.47.1.1.1.1.13", 16),  # entPhysicalModelName
)


async def ask(wire: Wire, port: int) -> None:
    """Get the system group, then walk the columns."""
    session = await wire.session(CREDENTIAL, port)
    await session.get(_FIRST)
    for column, most in _COLUMNS:
        await session.walk(column, most)


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Read every variable heard, in the form of a recorded walk; raises Malformed if none is one."""
    walk = Walk.of(transcript.heard_lines())
    if not walk.lines and transcript.heard:
        raise Malformed("no line of the form OID|tag|value")
    return facts_of(walk)
