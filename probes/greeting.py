# SPDX-License-Identifier: Apache-2.0
"""Services that talk first in text: hearing a whole greeting, and the reply form of FTP and SMTP."""

import re

from probes.contract import Malformed, Stream
from probes.facts import printable

MOST_GREETING = 1024  # bytes heard of a service that talks first

_LAST_LINE = re.compile(rb"(?:^|\n)[0-9]{3}(?: [^\n]*)?\r?\n\Z")
_REPLY = re.compile(rb"([1-5][0-9]{2})([ -]|\r?\n|\Z)")
_CONTINUED = re.compile(rb"[0-9]{3}[ -]")
_TERMINAL = re.compile(rb"\x1b(?:\[[0-9;?]{0,16}[@-~]|[()][0-9A-Z]|[=>78cDEHM])")  # ECMA-48 control sequences


async def hear_reply(stream: Stream) -> None:
    """Hear until a whole reply has come (RFC 959 4.2), 1 KiB are there, or the peer closed."""
    got = bytearray()
    while len(got) < MOST_GREETING and not _LAST_LINE.search(got):
        part = await stream.receive(MOST_GREETING - len(got))
        if not part:
            return
        got += part


def read_reply(data: bytes) -> tuple[int, str]:
    """Read a reply: its code and its text, lines joined by a blank; raises Malformed.

    Only the first reply is read; a line without code continues the one before.
    """
    found = _REPLY.match(data)
    if not found:
        raise Malformed("no three-digit reply")
    lines = data[:MOST_GREETING].splitlines()
    texts = [line[4:] if _CONTINUED.match(line) else line for line in lines]
    return int(found[1]), one_line(b" ".join(texts))


def one_line(data: bytes) -> str:
    """Give hostile bytes as one printable line: blanks folded, terminal control sequences left out."""
    return printable(" ".join(_TERMINAL.sub(b"", data).decode("utf-8", "replace").split()))
