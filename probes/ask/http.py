# SPDX-License-Identifier: Apache-2.0
"""HTTP: one `GET /`, no redirect followed (RFC 9112)."""

from probes.contract import Transcript, Wire
from probes.facts import Fact
from probes.http_answer import ask_root, read_web

PORTS: tuple[int, ...] = (80, 8080, 8000, 8008, 8081, 8088, 8888, 631, 5000, 5985)
TRANSPORT = "tcp"
SPEAKS_FIRST = False


async def ask(wire: Wire, port: int) -> None:
    """Make the one request."""
    await ask_root(await wire.tcp(port), wire.address)


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Give SERVICE http and what the answer says (probes.http_answer); raises Malformed."""
    return read_web(transcript.heard, "http")
