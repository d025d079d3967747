# SPDX-License-Identifier: Apache-2.0
"""Every network card of a file server, asked in a null session: off unless the scope file allows it by name.

MS-SMB2 2.2.3 (NEGOTIATE), 2.2.5 (SESSION_SETUP, anonymous: MS-NLMP 3.2.5.1.2), 2.2.9 (TREE_CONNECT to IPC$),
2.2.31 and 2.2.32.5 (FSCTL_QUERY_NETWORK_INTERFACE_INFO). One connection, five requests, no name and no password;
a server that lets nobody in without one says so, and nothing more is asked.
"""

import ipaddress
import uuid
from collections.abc import Iterator

from probes import frames
from probes.contract import Malformed, Stream, Transcript, Wire
from probes.cursor import Cursor
from probes.facts import Fact, FactKind, fact
from probes.smb_frames import (
    IOCTL,
    MORE_PROCESSING,
    NEGOTIATE,
    SESSION_SETUP,
    TREE_CONNECT,
    der,
    first_token,
    frame,
    header,
    is_answer,
    little,
    messages,
    receive_message,
    session_setup,
)

PORTS = (445,)
TRANSPORT = "tcp"
SPEAKS_FIRST = False

_DIALECTS = (0x0300, 0x0302)
_MULTI_CHANNEL = 8
_INTERFACES = 0x001401FC
_MOST_OUTPUT = 8192
_ENTRY, _MOST_ENTRIES = 152, 64
_INET, _INET6 = 2, 0x17
_CLIENT = uuid.UUID("64616963-686f-4f00-8000-000000000002")
_FLAGS = 0x00088A05 | 0x02000000  # Unicode, target, anonymous, NTLM, extended security; a version is given
_VERSION = bytes(7) + b"\x0f"
_NTLM = b"NTLMSSP\0"


async def ask(wire: Wire, port: int) -> None:
    """Come in without a name, ask for the cards, leave."""
    stream = await wire.tcp(port)
    await stream.send(frame(NEGOTIATE_REQUEST))
    if not is_answer(await receive_message(stream), NEGOTIATE, 0):
        return
    await stream.send(frame(_setup(1, 0, _hello())))
    challenge = await receive_message(stream)
    if is_answer(challenge, SESSION_SETUP, MORE_PROCESSING):
        await _inside(stream, int.from_bytes(challenge[40:48], "little"))


async def _inside(stream: Stream, session: int) -> None:
    await stream.send(frame(_setup(2, session, _nobody())))
    if not is_answer(await receive_message(stream), SESSION_SETUP, 0):
        return
    await stream.send(frame(_tree(session)))
    tree = await receive_message(stream)
    if is_answer(tree, TREE_CONNECT, 0):
        await stream.send(frame(_query(session, int.from_bytes(tree[36:40], "little"))))
        await receive_message(stream)


def _header(command: int, message: int, session: int = 0, tree: int = 0) -> bytes:
    return header(command, message, 1 if message else 0, session, tree)


def _negotiate() -> bytes:
    fixed = (
        little(36, 2) + little(len(_DIALECTS), 2) + little(1, 2) + little(0, 2) + little(_MULTI_CHANNEL, 4)
    )
    dialects = b"".join(little(dialect, 2) for dialect in _DIALECTS)
    return _header(NEGOTIATE, 0) + fixed + _CLIENT.bytes_le + bytes(8) + dialects


NEGOTIATE_REQUEST = _negotiate()


def _hello() -> bytes:
    return first_token(_NTLM + little(1, 4) + little(_FLAGS, 4) + bytes(16) + _VERSION)


def _nobody() -> bytes:
    """AUTHENTICATE of the anonymous user: no name, an LM response of one zero byte (MS-NLMP 3.2.5.1.2)."""
    end = 72
    fields = little(1, 2) * 2 + little(end, 4) + (little(0, 4) + little(end + 1, 4)) * 5
    token = _NTLM + little(3, 4) + fields + little(_FLAGS, 4) + _VERSION + b"\0"
    return der(0xA1, der(0x30, der(0xA2, der(0x04, token))))


def _setup(message: int, session: int, token: bytes) -> bytes:
    return session_setup(_header(SESSION_SETUP, message, session), token)


def _tree(session: int) -> bytes:
    path = "\\\\server\\IPC$".encode("utf-16-le")
    return (
        _header(TREE_CONNECT, 3, session)
        + little(9, 2)
        + little(0, 2)
        + little(72, 2)
        + little(len(path), 2)
        + path
    )


def _query(session: int, tree: int) -> bytes:
    fixed = little(57, 2) + little(0, 2) + little(_INTERFACES, 4) + b"\xff" * 16
    fixed += (
        little(120, 4) + little(0, 4) + little(0, 4) + little(120, 4) + little(0, 4) + little(_MOST_OUTPUT, 4)
    )
    return _header(IOCTL, 4, session, tree) + fixed + little(1, 4) + bytes(4)


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Read the cards' addresses; without them only that SMB answered."""
    found: dict[Fact, None] = {}
    for message in messages(transcript.heard):
        cursor = Cursor(message)
        if cursor.take(4) != b"\xfeSMB":
            raise Malformed("not SMB2")
        cursor.skip(4)
        status, command = cursor.u32le(), cursor.u16le()
        cursor.goto(64)
        found[fact(FactKind.SERVICE, "smb")] = None
        if command == IOCTL and status == 0:
            found.update(dict.fromkeys(_cards(message, cursor)))
    return tuple(found)


def _cards(message: bytes, cursor: Cursor) -> Iterator[Fact]:
    cursor.skip(2 + 2)
    if cursor.u32le() != _INTERFACES:
        raise Malformed("an answer to another question")
    cursor.skip(16 + 4 + 4)
    offset, length = cursor.u32le(), cursor.u32le()
    cards = Cursor(message, min(offset, len(message)))
    cards = cards.sub(length)
    for _ in range(_MOST_ENTRIES):
        if cards.left < _ENTRY:
            return
        entry = cards.sub(_ENTRY)
        following = entry.u32le()
        entry.skip(4 + 4 + 4 + 8)
        yield from _address(entry)
        if following < _ENTRY:
            return
        cards.skip(following - _ENTRY)


def _address(entry: Cursor) -> Iterator[Fact]:
    family = entry.u16le()
    entry.skip(2)
    if family == _INET:
        address = str(ipaddress.IPv4Address(entry.take(4)))
    elif family == _INET6:
        entry.skip(4)
        address = str(ipaddress.IPv6Address(entry.take(16)))
    else:
        return
    if frames.is_host_address(address):
        yield fact(FactKind.ADDRESS, address)
