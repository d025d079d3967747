# SPDX-License-Identifier: Apache-2.0
"""The first packet of an OpenVPN session from each side, shared by UDP and TCP. Pure.

P_CONTROL_HARD_RESET: opcode and key id, session id, acknowledged packet ids (and then the session that they
belong to), own packet id.
"""

from probes.contract import Malformed
from probes.cursor import Cursor
from probes.facts import Fact, FactKind, fact

_OUR_SESSION = b"daicho01"
_CLIENT_V2, _SERVER_V1, _SERVER_V2 = 7, 2, 8
CLIENT_RESET = bytes([_CLIENT_V2 << 3]) + _OUR_SESSION + b"\0" + b"\0\0\0\0"


def read_reset(packet: bytes) -> tuple[Fact, ...]:
    """Read a server reset that acknowledges ours; raises Malformed for anything else."""
    cursor = Cursor(packet)
    if cursor.u8() >> 3 not in (_SERVER_V1, _SERVER_V2):
        raise Malformed("not an OpenVPN server reset")
    session = cursor.take(8)
    acknowledged = cursor.u8()
    cursor.skip(4 * acknowledged)
    if acknowledged and cursor.take(8) != _OUR_SESSION:
        raise Malformed("acknowledges a session that is not ours")
    cursor.skip(4)  # packet id
    return (
        fact(FactKind.SERVICE, "openvpn"),
        fact(FactKind.OPENVPN_SESSION, session.hex()),
        fact(FactKind.REMOTE_PATH, "openvpn"),
    )
