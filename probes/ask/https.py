# SPDX-License-Identifier: Apache-2.0
"""HTTPS: one handshake and one `GET /` inside it (RFC 9110 4.2.2); no redirect followed."""

from probes.contract import Malformed, Transcript, Wire
from probes.facts import Fact, FactKind, fact
from probes.http_answer import ask_root, read_web
from probes.x509 import read_tls

PORTS: tuple[int, ...] = (443, 8443, 4443, 10443, 9443, 5001)
TRANSPORT = "tcp"
SPEAKS_FIRST = False


async def ask(wire: Wire, port: int) -> None:
    """Shake hands, make the one request."""
    stream = await wire.tcp(port)
    await stream.start_tls()
    await ask_root(stream, wire.address)


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Give SERVICE https, the HTTP_ and the TLS_ facts; SERVICE tls if no web page spoke in it.

    Raises Malformed when no handshake was finished.
    """
    tls = read_tls(transcript)
    if not tls:
        raise Malformed("no TLS handshake")
    if not transcript.heard.startswith(b"HTTP/"):
        return (fact(FactKind.SERVICE, "tls"), *tls)
    return (*read_web(transcript.heard, "https"), *tls)
