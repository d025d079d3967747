# SPDX-License-Identifier: Apache-2.0
"""Native system and LAN manager in SMB 1 session setups of either side (MS-CIFS 2.2.4.53, MS-SMB 2.2.4.6)."""

from collections.abc import Iterator

from probes.contract import Malformed
from probes.cursor import Cursor
from probes.facts import Fact, FactKind, fact

_SETUP = b"\xffSMB\x73"
_UNICODE = 0x8000
_MOST_SETUPS = 3


def native_system(stream: bytes) -> Iterator[Fact]:
    """Give SMB_NATIVE_OS and SMB_NATIVE_LM of the first session setup that names them; raises Malformed."""
    at = stream.find(_SETUP)
    for _ in range(_MOST_SETUPS):
        if at < 0:
            return
        texts = _texts(Cursor(stream, at), at)
        if texts[:1] and texts[0]:
            for kind, text in zip((FactKind.SMB_NATIVE_OS, FactKind.SMB_NATIVE_LM), texts, strict=False):
                if text:
                    yield fact(kind, text)
            return
        at = stream.find(_SETUP, at + 32)


def _texts(cursor: Cursor, start: int) -> list[str]:
    cursor.skip(9)
    answer = cursor.u8() & 0x80
    wide = bool(cursor.u16le() & _UNICODE)
    cursor.skip(20)
    words = cursor.sub(cursor.u8() * 2)
    data = cursor.sub(min(cursor.u16le(), cursor.left))
    names = 0
    if answer and words.left == 8:
        words.skip(6)
        data.skip(words.u16le())
    elif not answer and words.left == 24:
        words.skip(14)
        data.skip(words.u16le())
    elif not answer and words.left == 26:
        words.skip(14)
        data.skip(words.u16le() + words.u16le())
        names = 2  # account and domain come first
    elif words.left != 6:
        raise Malformed("a session setup of another form")
    if wide and (data.at - start) % 2 and data.left:
        data.skip(1)
    return [_text(data, wide=wide) for _ in range(names + 2)][names:]


def _text(data: Cursor, *, wide: bool) -> str:
    found = bytearray()
    size, encoding = (2, "utf-16-le") if wide else (1, "latin-1")
    while data.left >= size:
        unit = data.take(size)
        if not any(unit):
            break
        found += unit
    return found.decode(encoding, "replace")
