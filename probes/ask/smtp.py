# SPDX-License-Identifier: Apache-2.0
"""SMTP: hears the greeting, sends nothing (RFC 5321 3.1)."""

from probes.contract import Malformed, Transcript, Wire
from probes.facts import Fact, FactKind, Sure, fact
from probes.greeting import hear_reply, read_reply

PORTS: tuple[int, ...] = (25, 587)
TRANSPORT = "tcp"
SPEAKS_FIRST = True

_CODES = (220, 421, 521, 554)  # ready, not now, no mail here, no


async def ask(wire: Wire, port: int) -> None:
    """Connect and listen."""
    await hear_reply(await wire.tcp(port))


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Give SERVICE and SMTP_BANNER; raises Malformed, also for a file server's greeting."""
    code, text = read_reply(transcript.heard)
    if code not in _CODES or "ftp" in text.lower():
        raise Malformed("no SMTP greeting")
    sure = Sure.SURE if "smtp" in text.lower() else Sure.LIKELY
    return (fact(FactKind.SERVICE, "smtp", sure), fact(FactKind.SMTP_BANNER, text))
