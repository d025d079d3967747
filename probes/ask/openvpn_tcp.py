# SPDX-License-Identifier: Apache-2.0
"""OpenVPN over TCP: the client reset with its two-byte length in front, one connection."""

from probes.contract import Transcript, Wire, receive_exactly
from probes.cursor import Cursor
from probes.facts import Fact
from probes.openvpn_reset import CLIENT_RESET, read_reset

PORTS = (1194,)
TRANSPORT = "tcp"
SPEAKS_FIRST = False

_MOST_PACKET = 1024


async def ask(wire: Wire, port: int) -> None:
    """Send one reset and wait for one packet."""
    stream = await wire.tcp(port)
    await stream.send(len(CLIENT_RESET).to_bytes(2, "big") + CLIENT_RESET)
    length = int.from_bytes(await receive_exactly(stream, 2), "big")
    await receive_exactly(stream, min(length, _MOST_PACKET))


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Read the server's session from its first packet."""
    heard = transcript.heard
    if not heard:
        return ()
    cursor = Cursor(heard)
    return read_reset(cursor.take(cursor.u16()))
