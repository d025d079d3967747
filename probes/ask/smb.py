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
from probes.smb_frames import frame, messages, receive_message

PORTS = (445,)
TRANSPORT = "tcp"
SPEAKS_FIRST = False

_DIALECTS = {0x0202: "2.0.2", 0x0210: "2.1", 0x0300: "3.0", 0x0302: "3.0.2", 0x0311: "3.1.1"}
_NEGOTIATE, _SESSION_SETUP = 0, 1
_MORE_PROCESSING = 0xC0000016
_SIGNING_REQUIRED, _SIGNING_ENABLED = 2, 1
_CLIENT = uuid.UUID("64616963-686f-4f00-8000-000000000001")
_SALT = b"daicho asks once, keeps no key.."
_SPNEGO = bytes.fromhex("06062b0601050502")
_NTLM_MECHANISM = bytes.fromhex("060a2b06010401823702020a")


async def ask(wire: Wire, port: int) -> None:
    """Negotiate, begin a session, read the challenge, leave."""
    stream = await wire.tcp(port)
    await stream.send(frame(NEGOTIATE_REQUEST))
    answer = await receive_message(stream)
    if _is_good(answer, _NEGOTIATE):
        await stream.send(frame(SETUP_REQUEST))
        await receive_message(stream)


def _is_good(message: bytes, command: int) -> bool:
    return message[:4] == b"\xfeSMB" and message[8:14] == b"\0\0\0\0" + command.to_bytes(2, "little")


def _header(command: int, message: int) -> bytes:
    return (
        b"\xfeSMB" + _le(64, 2) + _le(0, 2) + _le(0, 4) + _le(command, 2) + _le(1, 2)  # credits
        + _le(0, 4) + _le(0, 4) + _le(message, 8) + _le(0xFEFF, 4) + bytes(4 + 8 + 16)
    )  # fmt: skip


def _le(value: int, size: int) -> bytes:
    return value.to_bytes(size, "little")


def _negotiate() -> bytes:
    integrity = _le(1, 2) + _le(len(_SALT), 2) + _le(1, 2) + _SALT  # SHA-512
    encryption = _le(2, 2) + _le(2, 2) + _le(1, 2)  # AES-128-GCM, AES-128-CCM
    contexts = _context(1, integrity) + bytes(-len(integrity) % 8) + _context(2, encryption)
    fixed = _le(36, 2) + _le(len(_DIALECTS), 2) + _le(1, 2) + _le(0, 2) + _le(0, 4) + _CLIENT.bytes_le
    dialects = b"".join(_le(dialect, 2) for dialect in _DIALECTS) + bytes(2)  # to a multiple of 8
    return _header(_NEGOTIATE, 0) + fixed + _le(112, 4) + _le(2, 2) + _le(0, 2) + dialects + contexts


def _context(kind: int, data: bytes) -> bytes:
    return _le(kind, 2) + _le(len(data), 2) + _le(0, 4) + data


def _der(tag: int, *content: bytes) -> bytes:
    body = b"".join(content)
    return bytes((tag, len(body))) + body  # every part is shorter than 128 bytes


def _setup() -> bytes:
    mechanisms = _der(0xA0, _der(0x30, _NTLM_MECHANISM))
    token = _der(0x60, _SPNEGO, _der(0xA0, _der(0x30, mechanisms, _der(0xA2, _der(0x04, NTLM_NEGOTIATE)))))
    fixed = _le(25, 2) + b"\0" + b"\1" + bytes(4 + 4) + _le(88, 2) + _le(len(token), 2) + bytes(8)
    return _header(_SESSION_SETUP, 1) + fixed + token


NEGOTIATE_REQUEST = _negotiate()
SETUP_REQUEST = _setup()


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
        if command == _NEGOTIATE:
            found.append(fact(FactKind.SERVICE, "smb"))
            found += _negotiated(cursor) if status == 0 else ()
        elif command == _SESSION_SETUP and status == _MORE_PROCESSING:
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
