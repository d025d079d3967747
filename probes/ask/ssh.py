# SPDX-License-Identifier: Apache-2.0
"""SSH: identification, offered algorithms, host key (RFC 4253). Never reaches authentication.

Hears the server's line and KEXINIT, says ours with one key exchange message, hears the host key,
says goodbye. A server of SSH 1 or without a method that we can answer is left after what it said.
"""

import base64
import hashlib
from collections.abc import Iterator

from probes.contract import Closed, Malformed, Stream, Transcript, Wire
from probes.cursor import Cursor
from probes.facts import Fact, FactKind, fact
from probes.ssh_exchange import (
    BANNER,
    KEX_REPLY,
    KEXINIT,
    MOST_PACKET,
    goodbye,
    read_banner,
    read_offer,
    read_packets,
    reply,
)

PORTS: tuple[int, ...] = (22, 2222)
TRANSPORT = "tcp"
SPEAKS_FIRST = True

_MOST_BEFORE = 8192  # bytes heard before the identification
_MOST_PACKETS = 4  # packets waited for until the one wanted comes


class _Inbox:
    """What a stream said and we have not taken yet."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._held = bytearray()

    async def _more(self) -> None:
        part = await self._stream.receive()
        if not part:
            raise Closed("closed before the host key")
        self._held += part

    def _take(self, count: int) -> bytes:
        taken = bytes(self._held[:count])
        del self._held[:count]
        return taken

    async def banner(self) -> bytes:
        """Take the identification line."""
        taken = 0
        while taken < _MOST_BEFORE:
            while b"\n" not in self._held:
                if len(self._held) > _MOST_BEFORE:
                    raise Closed("endless line")
                await self._more()
            line = self._take(self._held.index(b"\n") + 1)
            if line.startswith(b"SSH-"):
                return line
            taken += len(line)
        raise Closed("no SSH identification")

    async def payload(self, kind: int) -> bytes:
        """Take packets until one of this message number came."""
        for _ in range(_MOST_PACKETS):
            while len(self._held) < 4:
                await self._more()
            whole = 4 + int.from_bytes(self._held[:4], "big")
            if whole > MOST_PACKET:
                break
            while len(self._held) < whole:
                await self._more()
            for payload in read_packets(Cursor(self._take(whole))):
                if payload[0] == kind:
                    return payload
        raise Closed("the packet waited for did not come")


async def ask(wire: Wire, port: int) -> None:
    """Exchange keys as far as the host key, then disconnect."""
    stream = await wire.tcp(port)
    inbox = _Inbox(stream)
    banner = await inbox.banner()
    if not banner.startswith((b"SSH-2.", b"SSH-1.99")):
        return
    await stream.send(BANNER)
    said = _reply_to(await inbox.payload(KEXINIT))
    if said is not None:
        await stream.send(said)
        await inbox.payload(KEX_REPLY)
    await stream.send(goodbye())


def _reply_to(payload: bytes) -> bytes | None:
    try:
        return reply(read_offer(payload))
    except Malformed as error:
        raise Closed("no usable KEXINIT") from error


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Give SERVICE, SSH_BANNER, the offers, the host key and REMOTE_PATH; raises Malformed.

    What follows the identification is read as far as it is whole.
    """
    stream = Cursor(transcript.heard)
    banner = read_banner(stream)
    return (
        fact(FactKind.SERVICE, "ssh"),
        fact(FactKind.SSH_BANNER, banner.decode("utf-8", "replace")),
        *_read_exchange(stream),
        fact(FactKind.REMOTE_PATH, "ssh"),
    )


def _read_exchange(stream: Cursor) -> list[Fact]:
    """Read the packets up to the first broken one: a bad packet does not make the banner untrue."""
    facts: list[Fact] = []
    for payload in read_packets(stream):
        try:
            facts += _read_payload(payload)
        except Malformed:
            break
    return facts


def _read_payload(payload: bytes) -> Iterator[Fact]:
    if payload[0] == KEXINIT:
        offer = read_offer(payload)
        yield fact(FactKind.SSH_KEX, offer.kex)
        yield fact(FactKind.SSH_HOST_KEY_TYPES, offer.host_keys)
    elif payload[0] == KEX_REPLY:
        message = Cursor(payload, 1)
        blob = message.take(message.u32())
        kind = Cursor(blob)
        name = kind.take(kind.u32()).decode("ascii", "replace")
        digest = base64.b64encode(hashlib.sha256(blob).digest()).rstrip(b"=").decode()
        yield fact(FactKind.SSH_HOST_KEY, f"{name} SHA256:{digest}")
