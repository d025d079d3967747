# SPDX-License-Identifier: Apache-2.0
"""What kind of file somebody brings, told by its bytes, and what its container holds, before any reader opens it.

An .xlsx is a ZIP of XML (ECMA-376). Every part is inflated once here, counted and thrown away, so that a
ZIP bomb, an entity bomb or a damaged file is refused before a library builds anything from it.
"""

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from collector.imports.grid import Box
from collector.imports.trouble import BadImport

MOST_BYTES = 200 * 1024 * 1024  # of the file
MOST_INFLATED = 600 * 1024 * 1024  # of all parts together
MOST_PARTS = 5000
MOST_CELL = 512 * 1024  # bytes between two tags; Excel itself holds 32,767 characters in a cell
MOST_MERGED = 200_000
_CHUNK = 1024 * 1024
_OVERLAP = 256  # bytes that a thing we look for may straddle
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_CELL = re.compile(rb'<(?:\w+:)?c [^>]{0,60}?r="([A-Z]{1,3})(\d{1,7})"')
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
_FORMULA = re.compile(rb"<(?:\w+:)?f[ >/]")
_DTD = re.compile(rb"<!(DOCTYPE|ENTITY)", re.IGNORECASE)


@dataclass(slots=True)
class Part:
    """What one sheet's XML holds, as far as it can be told without reading it."""

    columns: int = 0
    merged: list[Box] = field(default_factory=list)
    formulas: bool = False
    inflated: int = 0


@dataclass(frozen=True, slots=True)
class Package:
    """What an .xlsx holds."""

    sheets: dict[str, Part]  # part name → what is in it
    macros: bool
    days_from_1904: bool


def kind_of(path: Path) -> str:
    """Say what the file is by its bytes: xlsx, xls or text; raises BadImport for all else."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(4096)
            names = _ole_names(file) if start.startswith(_OLE) else b""
    except OSError as error:
        raise BadImport(
            f"{path} を読めません（{error.strerror}）。ファイルの場所と権限を確かめてください。何も変更していません。",
            f"Cannot read {path} ({error.strerror}). Check its place and permissions. Nothing was changed.",
        ) from error
    if size == 0:
        raise _refused(
            "空のファイルです", "the file is empty", "元の台帳を確かめてください", "check the original"
        )
    if size > MOST_BYTES:
        raise _refused(
            f"大きすぎます（{MOST_BYTES // 2**20} MB まで）",
            f"it is larger than {MOST_BYTES // 2**20} MB",
            "シートを分けてください",
            "split it",
        )
    if start.startswith(_OLE):
        return _kind_of_ole(names)
    return "xlsx" if start.startswith(_ZIP) else _kind_of_text(start)


def examine(path: Path) -> Package:
    """Look through an .xlsx; raises BadImport for a bomb, a damaged file or one that is no workbook."""
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as raw:
            return _examine(archive, raw)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError) as error:
        raise _damaged() from error


def _examine(archive: zipfile.ZipFile, raw: BinaryIO) -> Package:
    entries = archive.infolist()
    names = {entry.filename for entry in entries}
    _check_names(names, len(entries))
    left, sheets, days_1904 = MOST_INFLATED, dict[str, Part](), False
    for entry in entries:
        part = Part()
        look = _sheet_reader(part) if entry.filename.startswith("xl/worksheets/") else None
        text = look is not None or entry.filename == "xl/sharedStrings.xml"
        start = b""
        for chunk in _inflated(raw, entry, left):
            if text and len(chunk) > MOST_CELL and b"<" not in chunk:
                raise _endless(entry.filename)
            start = start or chunk[:_CHUNK]
            part.inflated += len(chunk)
            if look:
                look(chunk)
        left -= part.inflated
        if entry.filename.endswith((".xml", ".rels")):
            _check_xml(start, entry.filename)
        if look and entry.filename.endswith(".xml"):
            sheets[entry.filename] = part
        if entry.filename == "xl/workbook.xml":
            days_1904 = re.search(rb'date1904="(1|true)"', start) is not None
    return Package(sheets, "xl/vbaProject.bin" in names, days_1904)


def _check_names(names: set[str], count: int) -> None:
    if count != len(names) or count > MOST_PARTS:
        raise _damaged()
    if "EncryptedPackage" in names:
        raise _locked()
    if "xl/workbook.xml" in names and "[Content_Types].xml" in names:
        return
    what = "Excel 以外のファイル"
    for name, title in (
        ("xl/workbook.bin", "Excel バイナリ ブック（.xlsb）"),
        ("word/document.xml", "Word の文書"),
        ("ppt/presentation.xml", "PowerPoint の文書"),
        ("content.xml", "OpenDocument（.ods など）"),
    ):
        what = title if name in names else what
    raise _refused(
        f"{what}です",
        "it is not an .xlsx workbook",
        "Excel で開き、「名前を付けて保存」で .xlsx か CSV にしてください",
        "save it as .xlsx or CSV",
    )


def _check_xml(start: bytes, name: str) -> None:
    if _DTD.search(start) or start.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\x00" in start[:200]:
        raise _refused(
            f"中の {name[:60]} に、Excel が書かない宣言（DOCTYPE など）があり、安全に読めません",
            f"its part {name[:60]} has a declaration that Excel never writes",
            "Excel で開いて保存し直してください",
            "open it in Excel and save it again",
        )


def _inflated(raw: BinaryIO, entry: zipfile.ZipInfo, most: int) -> Iterator[bytes]:
    """Give the part's real content in pieces, never more than `most` bytes, whatever its header claims."""
    if entry.flag_bits & 1:
        raise _locked()
    raw.seek(entry.header_offset)
    header = raw.read(30)
    if len(header) < 30 or header[:4] != _ZIP or entry.compress_type not in (0, 8):
        raise _damaged()
    raw.seek(int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), 1)
    left, total, crc = entry.compress_size, 0, 0
    inflate = zlib.decompressobj(-15) if entry.compress_type else None
    while left > 0:
        data = raw.read(min(left, _CHUNK))
        if not data:
            raise _damaged()
        left -= len(data)
        for piece in _pieces(inflate, data):
            total += len(piece)
            crc = zlib.crc32(piece, crc)
            if total > min(most, entry.file_size):
                raise _bomb() if total > most else _damaged()
            yield piece
    if total != entry.file_size or crc != entry.CRC or (inflate and not inflate.eof):
        raise _damaged()


def _pieces(inflate: "zlib._Decompress | None", data: bytes) -> Iterator[bytes]:
    if inflate is None:
        yield data
        return
    while data and not inflate.eof:
        yield inflate.decompress(data, _CHUNK)
        data = inflate.unconsumed_tail
    while not inflate.eof and (more := inflate.decompress(b"", _CHUNK)):
        yield more


def _sheet_reader(part: Part) -> Callable[[bytes], None]:
    tail = b""

    def look(chunk: bytes) -> None:
        nonlocal tail
        data = tail + chunk
        whole = max(data.rfind(b">") + 1, len(data) - 65536)  # what is not closed yet waits
        tail, data = data[whole:], data[:whole]
        part.formulas = part.formulas or _FORMULA.search(data) is not None
        for column in {match[1] for match in _CELL.finditer(data)}:
            part.columns = max(part.columns, _number(column))
        for one in _MERGED.finditer(data):
            part.merged.append(Box(int(one[2]), _number(one[1]), int(one[4]), _number(one[3])))
            if len(part.merged) > MOST_MERGED:
                raise _bomb()

    return look


def _number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _ole_names(file: BinaryIO) -> bytes:
    """Give what may hold the stream names of an OLE container: its first and last stretches."""
    file.seek(0)
    start = file.read(4 * _CHUNK)
    file.seek(max(0, file.seek(0, 2) - 4 * _CHUNK))
    return start + file.read(4 * _CHUNK)


def _kind_of_ole(names: bytes) -> str:
    if "EncryptedPackage".encode("utf-16-le") in names or "EncryptionInfo".encode("utf-16-le") in names:
        raise _locked()
    if "Workbook".encode("utf-16-le") in names or "Book".encode("utf-16-le") in names:
        return "xls"
    raise _refused(
        "Excel のブックではありません",
        "it is not an Excel workbook",
        "台帳のファイルを選び直してください",
        "choose the ledger's file",
    )


def _kind_of_text(start: bytes) -> str:
    low = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for sign, ja, en in (
        (b"%pdf", "PDF です", "it is a PDF"),
        (
            b"<",
            "HTML か XML です（拡張子が .xls でも中身は別のものです）",
            "it is HTML or XML, whatever its name says",
        ),
        (b"{\\rtf", "RTF の文書です", "it is an RTF document"),
        (b"\x89png", "画像です", "it is a picture"),
        (b"\xff\xd8\xff", "画像です", "it is a picture"),
        (b"sqlite format 3", "データベースです", "it is a database"),
    ):
        if low.startswith(sign):
            raise _refused(ja, en, "Excel で開き、.xlsx か CSV で保存してください", "save it as .xlsx or CSV")
    return "text"


def _locked() -> BadImport:
    return _refused(
        "パスワードで保護されています",
        "it is protected by a password",
        "Excel で開いてパスワードを入れ、［ファイル］→［情報］→［ブックの保護］でパスワードを外した写しを読み込んでください",
        "open it in Excel, remove the password (File, Info, Protect Workbook) in a copy, and load the copy",
    )


def _damaged() -> BadImport:
    return _refused(
        "壊れているか、途中で切れています",
        "it is damaged or cut off",
        "Excel で開けるか確かめ、保存し直すか、もう一度写してください",
        "see whether Excel opens it; save or copy it again",
    )


def _endless(name: str) -> BadImport:
    return _refused(
        f"中の {name[:60]} に、Excel では作れない長さの文字があります",
        f"its part {name[:60]} holds a text longer than Excel can",
        "Excel で開いて保存し直してください",
        "open it in Excel and save it again",
    )


def _bomb() -> BadImport:
    return _refused(
        f"展開すると大きすぎます（{MOST_INFLATED // 2**20} MB まで）",
        f"its content is larger than {MOST_INFLATED // 2**20} MB",
        "台帳のシートだけを新しいブックに写してください",
        "copy the ledger's sheet alone into a new workbook",
    )


def _refused(what_ja: str, what_en: str, todo_ja: str, todo_en: str) -> BadImport:
    return BadImport(
        f"このファイルは読み込めません。{what_ja}。{todo_ja}。何も変更していません。",
        f"This file cannot be loaded: {what_en}. Please {todo_en}. Nothing was changed.",
    )
