# SPDX-License-Identifier: Apache-2.0
"""TLS on ports where something other than a web page stands: one handshake, nothing inside it.

Sends one ClientHello of the wire's own making (RFC 8446, down to RFC 2246) and closes.
"""

from probes.contract import Malformed, Transcript, Wire
from probes.facts import Fact, FactKind, fact
from probes.x509 import read_tls

PORTS: tuple[int, ...] = (636, 993, 995, 465, 990, 992, 5061, 3269, 6514, 8883, 5986)
TRANSPORT = "tcp"
SPEAKS_FIRST = False


async def ask(wire: Wire, port: int) -> None:
    """Connect, shake hands, close."""
    stream = await wire.tcp(port)
    await stream.start_tls()


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Give SERVICE tls and the TLS_ facts; raises Malformed when no handshake was finished."""
    facts = read_tls(transcript)
    if not facts:
        raise Malformed("no TLS handshake")
    return (fact(FactKind.SERVICE, "tls"), *facts)
