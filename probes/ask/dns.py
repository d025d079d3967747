# SPDX-License-Identifier: Apache-2.0
"""DNS: one CHAOS TXT question for `version.bind` (RFC 4892 §2), which most servers answer with their name.

One datagram of 30 bytes, no recursion wanted. A server that refuses to say has shown that it is one.
"""

from collections.abc import Iterator

from probes import dns_message
from probes.contract import Malformed, Transcript, Wire
from probes.facts import Fact, FactKind, fact

PORTS = (53,)
TRANSPORT = "udp"
SPEAKS_FIRST = False

_CHAOS = 3
_NUMBER = b"\x64\x63"
_HEADER = _NUMBER + b"\0\0" + b"\0\1" + b"\0\0" * 3  # a plain query with one question
_NAME = ("version", "bind")
QUESTION = (
    _HEADER
    + b"".join(bytes((len(label),)) + label.encode() for label in _NAME)
    + b"\0"
    + dns_message.TXT.to_bytes(2, "big")
    + _CHAOS.to_bytes(2, "big")
)
_MOST_DATAGRAM = 4096


async def ask(wire: Wire, port: int) -> None:
    """Send the question and wait for one answer."""
    stream = await wire.udp(port)
    await stream.send(QUESTION)
    await stream.receive(_MOST_DATAGRAM)


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Read what the first answer says; raises Malformed for anything but an answer to our question."""
    for datagram in transcript.heard_lines():
        return tuple(_facts(datagram))
    return ()


def _facts(datagram: bytes) -> Iterator[Fact]:
    message = dns_message.read_message(datagram)
    if not message.is_answer or not datagram.startswith(_NUMBER):
        raise Malformed("not the answer to our question")
    yield fact(FactKind.SERVICE, "domain")
    for record in message.records:
        if record.kind == dns_message.TXT and _is_ours(record.name):
            text = " ".join("".join(dns_message.texts_of(message, record)).split())
            if text:
                yield fact(FactKind.DNS_VERSION, text)
                yield fact(FactKind.BANNER, text)
            return


def _is_ours(name: dns_message.Name) -> bool:
    return tuple(label.lower() for label in name) == _NAME
