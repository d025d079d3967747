# SPDX-License-Identifier: Apache-2.0
"""FTP: hears the greeting, sends nothing (RFC 959 4.2)."""

from probes.contract import Malformed, Transcript, Wire
from probes.facts import Fact, FactKind, Sure, fact
from probes.greeting import hear_reply, read_reply

PORTS: tuple[int, ...] = (21, 2121)
TRANSPORT = "tcp"
SPEAKS_FIRST = True

_CODES = (120, 220, 421, 500, 530)  # soon, ready, not now, no, not logged in


async def ask(wire: Wire, port: int) -> None:
    """Connect and listen."""
    await hear_reply(await wire.tcp(port))


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Give SERVICE and FTP_BANNER; raises Malformed, also for a mail server's greeting."""
    code, text = read_reply(transcript.heard)
    if code not in _CODES or "smtp" in text.lower():
        raise Malformed("no FTP greeting")
    sure = Sure.SURE if "ftp" in text.lower() else Sure.LIKELY
    return (fact(FactKind.SERVICE, "ftp", sure), fact(FactKind.FTP_BANNER, text))
