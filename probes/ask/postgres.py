# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL: one SSLRequest of eight bytes, answered by one byte (protocol 3.0, "SSLRequest")."""

from probes.contract import Malformed, Transcript, Wire
from probes.facts import Fact, FactKind, Sure, fact

PORTS: tuple[int, ...] = (5432,)
TRANSPORT = "tcp"
SPEAKS_FIRST = False

SSL_REQUEST: bytes = b"\0\0\0\x08\x04\xd2\x16\x2f"
_ANSWERS = {b"S": "ssl yes", b"N": "ssl no"}


async def ask(wire: Wire, port: int) -> None:
    """Ask whether TLS may follow; hear one byte (an old server's error text is not waited for)."""
    stream = await wire.tcp(port)
    await stream.send(SSL_REQUEST)
    await stream.receive(1024)


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Give SERVICE and POSTGRES; an ErrorResponse gives SERVICE only; raises Malformed."""
    heard = transcript.heard
    if heard in _ANSWERS:
        return (fact(FactKind.SERVICE, "postgresql"), fact(FactKind.POSTGRES, _ANSWERS[heard]))
    if heard[:1] == b"E" and b"SFATAL\0" in heard[:64]:
        return (fact(FactKind.SERVICE, "postgresql", Sure.LIKELY),)
    raise Malformed("no answer to an SSLRequest")
