# SPDX-License-Identifier: Apache-2.0
"""SMB messages over TCP 445: their length in front, then the message (MS-SMB2 2.1), and what both SMB probes say.

Pure but for receiving.
"""

from collections.abc import Iterator

from probes.contract import Malformed, Stream, receive_exactly
from probes.cursor import Cursor

NEGOTIATE, SESSION_SETUP, TREE_CONNECT, IOCTL = 0, 1, 3, 11
MORE_PROCESSING = 0xC0000016
_MOST_MESSAGE = 16 * 1024
_SPNEGO = bytes.fromhex("06062b0601050502")
_NTLM_MECHANISM = bytes.fromhex("060a2b06010401823702020a")


def frame(message: bytes) -> bytes:
    """Put the length in front of a message."""
    return len(message).to_bytes(4, "big") + message


async def receive_message(stream: Stream) -> bytes:
    """Receive one message without its length, at most 16 KiB of it."""
    length = int.from_bytes((await receive_exactly(stream, 4))[1:], "big")
    return await receive_exactly(stream, min(length, _MOST_MESSAGE))


def is_answer(message: bytes, command: int, status: int) -> bool:
    """Whether this is the answer to the command, with this status (MS-SMB2 2.2.1.2)."""
    wanted = status.to_bytes(4, "little") + command.to_bytes(2, "little")
    return message[:4] == b"\xfeSMB" and message[8:14] == wanted and len(message) >= 64


def little(value: int, size: int) -> bytes:
    """Give a number in `size` bytes, the lowest first."""
    return value.to_bytes(size, "little")


def header(command: int, message: int, charge: int = 0, session: int = 0, tree: int = 0) -> bytes:
    """Give the 64 bytes in front of a request (MS-SMB2 2.2.1.2); it asks for one credit."""
    return (
        b"\xfeSMB" + little(64, 2) + little(charge, 2) + little(0, 4) + little(command, 2) + little(1, 2)
        + little(0, 4) + little(0, 4) + little(message, 8) + little(0xFEFF, 4) + little(tree, 4)
        + little(session, 8) + bytes(16)
    )  # fmt: skip


def session_setup(front: bytes, token: bytes) -> bytes:
    """Give a SESSION_SETUP request that carries a security token (MS-SMB2 2.2.5)."""
    fixed = little(25, 2) + b"\0" + b"\1" + bytes(4 + 4) + little(88, 2) + little(len(token), 2) + bytes(8)
    return front + fixed + token


def first_token(ntlm: bytes) -> bytes:
    """Give the first token of a session that offers NTLM only (RFC 4178 4.2.1)."""
    mechanisms = der(0xA0, der(0x30, _NTLM_MECHANISM))
    return der(0x60, _SPNEGO, der(0xA0, der(0x30, mechanisms, der(0xA2, der(0x04, ntlm)))))


def der(tag: int, *content: bytes) -> bytes:
    """Give one DER element; every part is shorter than 128 bytes."""
    body = b"".join(content)
    return bytes((tag, len(body))) + body


def messages(heard: bytes) -> Iterator[bytes]:
    """Split what was heard into messages; raises Malformed."""
    cursor = Cursor(heard)
    while cursor.left:
        if cursor.u8():
            raise Malformed("not SMB over TCP")
        yield cursor.take(cursor.u24())
