# SPDX-License-Identifier: Apache-2.0
"""Telnet: hears what comes, sends nothing, not even option answers (RFC 854, RFC 855).

Many servers ask for options first and show their text only after an answer: then the request
for options alone is heard, which is enough to know that it is telnet.
"""

import re

from probes.contract import Malformed, Stream, Transcript, Wire
from probes.facts import Fact, FactKind, Sure, fact
from probes.greeting import MOST_GREETING, one_line

PORTS: tuple[int, ...] = (23, 2323)
TRANSPORT = "tcp"
SPEAKS_FIRST = True

# IAC SB … IAC SE, IAC WILL/WONT/DO/DONT option, IAC command
_OPTIONS = re.compile(rb"\xff(?:\xfa[^\xff]{0,512}\xff\xf0|[\xfb-\xfe].?|[\xf0-\xf9]|\Z)", re.DOTALL)
_PROMPT = re.compile(rb"[:>#$%?] ?\Z")
_OTHERS = (b"SSH-", b"RFB ", b"HTTP/", b"220", b"+OK", b"* OK")


async def ask(wire: Wire, port: int) -> None:
    """Connect and listen until a prompt, 1 KiB or the end."""
    await _hear(await wire.tcp(port))


async def _hear(stream: Stream) -> None:
    got = bytearray()
    while len(got) < MOST_GREETING and not _PROMPT.search(_OPTIONS.sub(b"", got)):
        part = await stream.receive(MOST_GREETING - len(got))
        if not part:
            return
        got += part


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Give SERVICE, REMOTE_PATH and, if text came, TELNET_BANNER; raises Malformed.

    Without option bytes text alone makes telnet only likely.
    """
    heard = transcript.heard[:MOST_GREETING]
    if not heard or heard.startswith(_OTHERS):
        raise Malformed("no telnet")
    text = one_line(_OPTIONS.sub(b"", heard).replace(b"\0", b""))
    sure = Sure.SURE if _OPTIONS.match(heard) else Sure.LIKELY
    if sure is Sure.LIKELY and text.count("\ufffd") * 3 >= len(text):
        raise Malformed("neither options nor text")
    banner = (fact(FactKind.TELNET_BANNER, text),) if text else ()
    return (fact(FactKind.SERVICE, "telnet", sure), *banner, fact(FactKind.REMOTE_PATH, "telnet", sure))
