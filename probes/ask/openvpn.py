# SPDX-License-Identifier: Apache-2.0
"""OpenVPN over UDP: one client reset of 14 bytes; a server without tls-auth answers with its own.

OpenVPN network protocol (openvpn.net, doxygen "network_protocol"). Silence proves nothing: servers with
tls-auth or tls-crypt never answer strangers.
"""

from probes.contract import Transcript, Wire
from probes.facts import Fact
from probes.openvpn_reset import CLIENT_RESET, read_reset

PORTS = (1194,)
TRANSPORT = "udp"
SPEAKS_FIRST = False


async def ask(wire: Wire, port: int) -> None:
    """Send one reset and wait for one."""
    stream = await wire.udp(port)
    await stream.send(CLIENT_RESET)
    await stream.receive()


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Read the server's session from its first packet."""
    for datagram in transcript.heard_lines():
        return read_reset(datagram)
    return ()
