# SPDX-License-Identifier: Apache-2.0
"""What is inside the sealed stream: zlib over frames, one header, rows, files, and a manifest as the last.

A frame is a letter, four bytes of length (big-endian) and as many bytes: H header (JSON) · R two bytes of table
number, then rows as MessagePack · F a file of the state folder (MessagePack) · M manifest (JSON).
Everything that is read is hostile: lengths, ratios, counts, types and order are checked before anything is kept.
"""

import hashlib
import zlib
from collections.abc import Iterator
from typing import Protocol

import msgspec

from inventory_db.backups.rows import Counted, Row, Tally, counted, encode_rows
from inventory_db.backups.shape import TableShape, holds_ledger
from inventory_db.backups.trouble import BackupRefused, damaged

FORMAT = "daicho-backup/1"
MOST_FILE = 64 * 1024  # bytes of one file of the state folder
MOST_FILES = 32
_MOST = {b"H": 1 << 20, b"R": 1 << 27, b"F": MOST_FILE + 4096, b"M": 1 << 20}  # bytes of one frame
_MOST_TABLES, _MOST_COLUMNS = 500, 200
_MOST_RATIO, _FREE_RATIO = 400, 64 << 20  # decompressed to compressed, beyond the first bytes
_STEP = 1 << 20  # bytes decompressed at once
_HEAD = 5


class KeptFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of the state folder: a name without any folder, and its content."""

    name: str
    data: bytes


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known before the first row."""

    format: str
    revision: str
    made_at: str
    made_by: str
    rows: dict[str, int]
    tables: tuple[TableShape, ...]


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was written, counted while it was written."""

    revision: str
    made_at: str
    made_by: str
    tables: tuple[Counted, ...]
    files: dict[str, str]  # name → SHA-256
    audit_heads: tuple[str, ...] = ()  # facility:number:hash, as audit_check.read_head reads them


class Reader(Protocol):
    """Who is told what an archive holds, in its order."""

    def header(self, header: Header) -> None:
        """Take the header."""

    def rows(self, table: TableShape, rows: list[Row]) -> None:
        """Take rows of this table; their types are right."""


def frame(letter: bytes, data: bytes) -> bytes:
    """Give one frame."""
    return letter + len(data).to_bytes(4, "big") + data


def compressed(frames: Iterator[bytes]) -> Iterator[bytes]:
    """Give the stream of these frames."""
    packer = zlib.compressobj(1)  # stronger levels win a tenth and cost twice the time
    for one in frames:
        piece = packer.compress(one)
        if piece:
            yield piece
    yield packer.flush()


class Archive:
    """Takes the opened stream, checks all of it and tells the reader; `manifest` and `files` stand at the end."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._unpacker = zlib.decompressobj()
        self._held = bytearray()
        self._taken = self._given = 0
        self._header: Header | None = None
        self._table = -1
        self._decoder: msgspec.msgpack.Decoder[list[Row]] | None = None
        self._tallies: list[Tally] = []
        self._manifest: Manifest | None = None
        self.files: dict[str, bytes] = {}

    @property
    def given(self) -> int:
        """How many bytes came out of the compression."""
        return self._given

    def write(self, data: bytes) -> int:
        """Take the next piece; raises BackupRefused."""
        self._taken += len(data)
        rest = data
        while rest or not self._unpacker.eof:
            try:
                opened = self._unpacker.decompress(rest, _STEP)
            except zlib.error as error:
                raise damaged("圧縮が壊れています", "its compression is damaged") from error
            rest = self._unpacker.unconsumed_tail
            if self._unpacker.unused_data:
                raise damaged("終わりの後に余分なものがあります", "something stands behind its end")
            self._given += len(opened)
            if self._given > max(_FREE_RATIO, self._taken * _MOST_RATIO):
                raise damaged("中身が異常に膨らみます", "it swells beyond reason")
            self._held += opened
            self._read_frames()
            if not rest and len(opened) < _STEP:
                break
        return len(data)

    def finish(self) -> tuple[Header, Manifest]:
        """Give header and manifest; raises BackupRefused unless everything was there."""
        if self._header is None or self._manifest is None or self._held or not self._unpacker.eof:
            raise damaged("途中で終わっています", "it ends before its end")
        return self._header, self._manifest

    def _read_frames(self) -> None:
        while len(self._held) >= _HEAD:
            letter, size = bytes(self._held[:1]), int.from_bytes(self._held[1:_HEAD], "big")
            if size > _MOST.get(letter, -1) or self._manifest is not None:
                raise damaged("中身の並びが決まりと違います", "its parts are not in the known form")
            if len(self._held) < _HEAD + size:
                return
            data = bytes(self._held[_HEAD : _HEAD + size])
            del self._held[: _HEAD + size]
            try:
                self._read_frame(letter, data)
            except (msgspec.MsgspecError, KeyError, UnicodeDecodeError, RecursionError) as error:
                raise damaged("中身の形が決まりと違います", "its content is not of the known form") from error

    def _read_frame(self, letter: bytes, data: bytes) -> None:
        if (letter == b"H") != (self._header is None):
            raise damaged("中身の並びが決まりと違います", "its parts are not in the known order")
        match letter:
            case b"H":
                self._read_header(data)
            case b"R":
                self._read_rows(data)
            case b"F":
                self._read_file(msgspec.msgpack.decode(data, type=KeptFile))
            case _:
                self._read_manifest(msgspec.json.decode(data, type=Manifest))

    def _read_header(self, data: bytes) -> None:
        said = msgspec.json.decode(data)
        if not isinstance(said, dict) or said.get("format") != FORMAT:
            raise BackupRefused(
                "この版が知らない形のバックアップです。daicho を更新してから戻してください。何も変更していません。",
                "The backup has a form that this version does not know. Update daicho, then restore. Nothing was changed.",
            )
        header = msgspec.convert(said, type=Header)
        names = [one.name for one in header.tables]
        if (
            not header.revision.isascii()
            or not header.revision.isdigit()
            or len(header.revision) > 8
            or len(set(names)) != len(names)
            or len(names) > _MOST_TABLES
            or any(not 0 < len(one.columns) <= _MOST_COLUMNS for one in header.tables)
            or not holds_ledger(header.tables)
        ):
            raise damaged("先頭の記述が決まりと違います", "its description is not of the known form")
        for one in header.tables:
            one.row_type()
        self._tallies = [Tally() for _ in names]
        self._header = header
        self._reader.header(header)

    def _read_rows(self, data: bytes) -> None:
        assert self._header is not None  # noqa: S101 - the order was checked
        table = int.from_bytes(data[:2], "big")
        if self.files or not self._table <= table < len(self._header.tables):
            raise damaged("表の並びが決まりと違います", "its tables are not in the known order")
        shape = self._header.tables[table]
        if table != self._table or self._decoder is None:
            self._table, self._decoder = table, msgspec.msgpack.Decoder(shape.row_type())
        rows = self._decoder.decode(data[2:])
        self._tallies[table].add(encode_rows(rows))
        if self._tallies[table].rows > self._header.rows.get(shape.name, 0):
            raise damaged("行が書かれた数より多くあります", "it holds more rows than it says")
        self._reader.rows(shape, rows)

    def _read_file(self, file: KeptFile) -> None:
        plain = file.name.isascii() and all(one.isalnum() or one in "._-" for one in file.name)
        if not plain or file.name.startswith(".") or len(file.name) > 100:
            raise damaged(
                "鍵のファイルの名前が決まりと違います", "a key file has a name that it must not have"
            )
        if file.name in self.files or len(self.files) >= MOST_FILES or len(file.data) > MOST_FILE:
            raise damaged("鍵のファイルが多すぎるか大きすぎます", "its key files are too many or too large")
        self.files[file.name] = file.data

    def _read_manifest(self, manifest: Manifest) -> None:
        assert self._header is not None  # noqa: S101 - the order was checked
        found = tuple(counted(*one) for one in zip(self._header.tables, self._tallies, strict=True))
        files = {name: hashlib.sha256(data).hexdigest() for name, data in self.files.items()}
        if manifest.tables != found or manifest.files != files or manifest.revision != self._header.revision:
            raise damaged("数か検査値が合いません", "its counts or digests do not agree")
        if {one.table: one.rows for one in found} != self._header.rows:
            raise damaged("行の数が合いません", "its numbers of rows do not agree")
        self._manifest = manifest
