# SPDX-License-Identifier: Apache-2.0
"""Any open port: hears what the service says unasked, sends nothing, names it by what is heard.

A MySQL server counts a client that leaves after its greeting as a failed connect; one such
connection is far below any limit (max_connect_errors, 100 by default) and the next login clears it.
"""

import re
from collections.abc import Callable

from probes import structured
from probes.contract import Malformed, Transcript, Wire
from probes.cursor import Cursor
from probes.facts import Fact, FactKind, fact
from probes.greeting import MOST_GREETING, one_line

PORTS: tuple[int, ...] = ()
TRANSPORT = "tcp"
SPEAKS_FIRST = True

_REPLY = re.compile(rb"220[ -]")
_RFB = re.compile(rb"RFB ([0-9]{3}\.[0-9]{3})\n")
_SSH = re.compile(rb"SSH-[0-9.]{1,5}-[^\r\n]{0,253}")
_IMAP = re.compile(rb"\* (?:OK|PREAUTH|BYE)[ \r\n]")
_POP3 = re.compile(rb"(?:\+OK|-ERR)(?: |\r\n)")
_MYSQL_REFUSED = re.compile(
    rb"(?:#[0-9A-Z]{5})?(Host .{1,300} is (?:not allowed|blocked).{0,200})", re.DOTALL
)


async def ask(wire: Wire, port: int) -> None:
    """Connect and listen until a line or a whole greeting has come."""
    stream = await wire.tcp(port)
    got = bytearray()
    while len(got) < MOST_GREETING and not _is_enough(got):
        part = await stream.receive(MOST_GREETING - len(got))
        if not part:
            return
        got += part


def _is_enough(got: bytearray) -> bool:
    if got.startswith(b"\xff"):
        return len(got) >= 3
    if len(got) > 4 and got[2:4] == b"\0\0":
        return len(got) >= 4 + got[0] + (got[1] << 8)
    return b"\n" in got


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Give SERVICE and its facts where it is known, else BANNER alone; raises Malformed on silence."""
    heard = transcript.heard[:MOST_GREETING]
    if not heard:
        raise Malformed("nothing was said")
    for reader in _READERS:
        facts = reader(heard)
        if facts:
            return facts
    text = one_line(heard)
    if not text.strip("\ufffd "):
        raise Malformed("no text")
    return (fact(FactKind.BANNER, text),)


def _ssh(heard: bytes) -> tuple[Fact, ...]:
    found = _SSH.match(heard)
    return _remote("ssh", FactKind.SSH_BANNER, found[0]) if found else ()


def _vnc(heard: bytes) -> tuple[Fact, ...]:
    found = _RFB.match(heard)
    return _remote("vnc", FactKind.VNC_VERSION, found[1]) if found else ()


def _telnet(heard: bytes) -> tuple[Fact, ...]:
    if len(heard) < 3 or heard[0] != 0xFF or not 0xFB <= heard[1] <= 0xFE:
        return ()
    return (fact(FactKind.SERVICE, "telnet"), fact(FactKind.REMOTE_PATH, "telnet"))


def _remote(service: str, kind: FactKind, text: bytes) -> tuple[Fact, ...]:
    return (
        fact(FactKind.SERVICE, service),
        fact(kind, text.decode("utf-8", "replace")),
        fact(FactKind.REMOTE_PATH, service),
    )


def _reply(heard: bytes) -> tuple[Fact, ...]:
    if not _REPLY.match(heard):
        return ()
    text = one_line(heard[4:])
    if "ftp" in text.lower():
        return (fact(FactKind.SERVICE, "ftp"), fact(FactKind.FTP_BANNER, text))
    if "smtp" in text.lower() or "mail" in text.lower():
        return (fact(FactKind.SERVICE, "smtp"), fact(FactKind.SMTP_BANNER, text))
    return ()


def _mail(heard: bytes) -> tuple[Fact, ...]:
    for service, form in (("pop3", _POP3), ("imap", _IMAP)):
        if form.match(heard):
            return (fact(FactKind.SERVICE, service), fact(FactKind.BANNER, one_line(heard)))
    return ()


def _mysql(heard: bytes) -> tuple[Fact, ...]:
    """Read HandshakeV10, or the error that turns our address down (MySQL "Protocol::HandshakeV10")."""
    if len(heard) < 7 or heard[2:4] != b"\0\0":
        return ()
    packet = Cursor(heard, 4)
    kind = packet.u8()
    if kind == 0xFF:
        refused = _MYSQL_REFUSED.match(heard, 7)
        banner = fact(FactKind.BANNER, one_line(refused[1])) if refused else None
        return (fact(FactKind.SERVICE, "mysql"), banner) if banner else ()
    end = heard.find(b"\0", packet.at)
    version = heard[packet.at : end]
    if kind != 10 or not re.fullmatch(rb"[0-9][\x21-\x7e]{2,100}", version):
        return ()
    text = version.decode("ascii")
    product = (structured.mysql(text) or {}).get("product", "MySQL")
    return (
        fact(FactKind.SERVICE, "mysql"),
        fact(FactKind.PRODUCT, product),
        fact(FactKind.VERSION, text),
        fact(FactKind.BANNER, text),
    )


_READERS: tuple[Callable[[bytes], tuple[Fact, ...]], ...] = (
    _ssh,
    _vnc,
    _telnet,
    _reply,
    _mail,
    _mysql,
)
