# SPDX-License-Identifier: Apache-2.0
"""SMB messages over TCP 445: their length in front, then the message (MS-SMB2 2.1).

Pure but for receiving.
"""

from collections.abc import Iterator

from probes.contract import Malformed, Stream, receive_exactly
from probes.cursor import Cursor

_MOST_MESSAGE = 16 * 1024


def frame(message: bytes) -> bytes:
    """Put the length in front of a message."""
    return len(message).to_bytes(4, "big") + message


async def receive_message(stream: Stream) -> bytes:
    """Receive one message without its length, at most 16 KiB of it."""
    length = int.from_bytes((await receive_exactly(stream, 4))[1:], "big")
    return await receive_exactly(stream, min(length, _MOST_MESSAGE))


def messages(heard: bytes) -> Iterator[bytes]:
    """Split what was heard into messages; raises Malformed."""
    cursor = Cursor(heard)
    while cursor.left:
        if cursor.u8():
            raise Malformed("not SMB over TCP")
        yield cursor.take(cursor.u24())
