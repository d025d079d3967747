# SPDX-License-Identifier: Apache-2.0
"""SMB2 and 3: dialect, server GUID, signing; then the names and build in the NTLM challenge.

MS-SMB2 2.2.3 (NEGOTIATE) and 2.2.5 (SESSION_SETUP), MS-NLMP, RFC 4178. One connection, two requests, no
credential: it is closed before anything would have to be proved.
"""

import uuid
from collections.abc import Iterator

from probes.contract import Malformed, Transcript, Wire
from probes.cursor import Cursor
from probes.facts import Fact, FactKind, fact
from probes.ntlm import NEGOTIATE as NTLM_NEGOTIATE
from probes.ntlm import read_challenge
from probes.smb_frames import (
    MORE_PROCESSING,
    NEGOTIATE,
    SESSION_SETUP,
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

_DIALECTS = {0x0202: "2.0.2", 0x0210: "2.1", 0x0300: "3.0", 0x0302: "3.0.2", 0x0311: "3.1.1"}
_SIGNING_REQUIRED, _SIGNING_ENABLED = 2, 1
_CLIENT = uuid.UUID("64616963-686f-4f00-8000-000000000001")
_SALT = b"daicho asks once, keeps no key.."


async def ask(wire: Wire, port: int) -> None:
    """Negotiate, begin a session, read the challenge, leave."""
    stream = await wire.tcp(port)
    await stream.send(frame(NEGOTIATE_REQUEST))
    answer = await receive_message(stream)
    if is_answer(answer, NEGOTIATE, 0):
        await stream.send(frame(SETUP_REQUEST))
        await receive_message(stream)


def _negotiate() -> bytes:
    integrity = little(1, 2) + little(len(_SALT), 2) + little(1, 2) + _SALT  # SHA-512
    encryption = little(2, 2) + little(2, 2) + little(1, 2)  # AES-128-GCM, AES-128-CCM
    contexts = _context(1, integrity) + bytes(-len(integrity) % 8) + _context(2, encryption)
    fixed = (
        little(36, 2)
        + little(len(_DIALECTS), 2)
        + little(1, 2)
        + little(0, 2)
        + little(0, 4)
        + _CLIENT.bytes_le
    )
    dialects = b"".join(little(dialect, 2) for dialect in _DIALECTS) + bytes(2)  # to a multiple of 8
    return header(NEGOTIATE, 0) + fixed + little(112, 4) + little(2, 2) + little(0, 2) + dialects + contexts


def _context(kind: int, data: bytes) -> bytes:
    return little(kind, 2) + little(len(data), 2) + little(0, 4) + data


NEGOTIATE_REQUEST = _negotiate()
SETUP_REQUEST = session_setup(header(SESSION_SETUP, 1), first_token(NTLM_NEGOTIATE))


def read(transcript: Transcript) -> tuple[Fact, ...]:
    """Read the answers to both requests."""
    found: list[Fact] = []
    for message in messages(transcript.heard):
        cursor = Cursor(message)
        if cursor.take(4) != b"\xfeSMB":
            raise Malformed("not SMB2")
        cursor.skip(4)
        status, command = cursor.u32le(), cursor.u16le()
        cursor.skip(64 - 14)
        if command == NEGOTIATE:
            found.append(fact(FactKind.SERVICE, "smb"))
            found += _negotiated(cursor) if status == 0 else ()
        elif command == SESSION_SETUP and status == MORE_PROCESSING:
            found += read_challenge(message)
    return tuple(found)


def _negotiated(cursor: Cursor) -> Iterator[Fact]:
    if cursor.u16le() != 65:
        raise Malformed("not a NEGOTIATE response")
    mode, dialect = cursor.u16le(), cursor.u16le()
    cursor.skip(2)
    yield fact(FactKind.SMB_DIALECT, _DIALECTS.get(dialect, f"0x{dialect:04x}"))
    yield fact(FactKind.SMB_GUID, str(uuid.UUID(bytes_le=cursor.take(16))))
    if mode & (_SIGNING_REQUIRED | _SIGNING_ENABLED):
        yield fact(FactKind.SMB_SIGNING, "required" if mode & _SIGNING_REQUIRED else "enabled")
