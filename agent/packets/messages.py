# SPDX-License-Identifier: GPL-2.0-or-later
"""The messages of the pipe: setup and commands come in, events go out."""

import msgspec

MOST_MESSAGE = 1 << 16  # bytes of one incoming message


class Setup(msgspec.Struct, frozen=True):
    """The first message: what to open, and the networks that may ever be asked."""

    interfaces: tuple[str, ...]
    allowed: tuple[str, ...]
    ident: int  # identifier of all our ICMP echo requests, 0..65535


class Command(msgspec.Struct, frozen=True):
    """One frame to send. `done`, `refused` or `failed` with the same id answers it."""

    id: int
    do: str  # arp, solicit, echo, forward
    interface: str
    target: str = ""  # IP address
    source: str = ""  # our IP address on that link
    mac: str = ""  # destination on the link; "" = broadcast (arp) or the kernel's route (echo)
    sequence: int = 0  # of the echo request, 0..65535


class Event(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that happened."""

    event: str  # hearing, ready, frame, done, refused, failed, broken
    id: int = 0
    text: str = ""
    interface: str = ""
    at: int = 0  # nanoseconds since the epoch
    outgoing: bool = False  # sent by our kernel or another program of this machine, not by the worker
    data: bytes = b""  # Ethernet frame, at most 4096 bytes
    uid: int = -1
    vlan: int = 0  # of the tag, 0 without one


class Refused(Exception):
    """A command that must not be carried out; the text says why."""


decode_setup = msgspec.msgpack.Decoder(Setup).decode
decode_command = msgspec.msgpack.Decoder(Command).decode
_encode = msgspec.msgpack.Encoder().encode


def framed(event: Event) -> bytes:
    """Give an event as it goes over the pipe."""
    data = _encode(event)
    return len(data).to_bytes(4, "big") + data
