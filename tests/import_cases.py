# SPDX-License-Identifier: Apache-2.0
"""Ledgers as hospitals keep them, made by the tests: Excel with titles, merged cells and eras, CSV in old encodings."""

import csv
import io
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
from sqlalchemy import Engine

from inventory_db import ledger, observations
from inventory_db.tables import open_ledger, writing
from tests.inventory_cases import arp, seen, upload

HEADINGS = (
    "管理番号",
    "ホスト名",
    "IPアドレス",
    "MACアドレス",
    "メーカ",
    "OS",
    "設置場所",
    "使用者",
    "導入日",
    "状態",
    "備考",
)
ROWS: tuple[tuple[Any, ...], ...] = (
    (
        "A-001",
        "sv01",
        "10.1.0.20",
        "00-11-32-00-00-14",
        "",
        "",
        "サーバ室",
        "情報部",
        "令和2年12月1日",
        "稼働",
        "",
    ),
    (
        "A-002",
        "PC-RECEPT",
        "１０．１．０．３",
        "",
        "",
        "",
        "受付",
        "医事課 佐藤",
        "R2.4.1",
        "稼働",
        "予備あり",
    ),
    ("A-003", "mri", "10.1.0.77", "", "シーメンス", "", "MRI室", "放射線科", "S60/4/1", "停止", ""),
)


def kept_ledger(folder: Path) -> Engine:
    """A ledger in which a scan saw three devices: .3 (named pc-recept), .20 and .100."""
    engine = open_ledger(folder / "daicho.sqlite")
    found = [arp(f"10.1.0.{n}", f"00:11:32:00:00:{n:02x}") for n in (3, 20, 100)]
    found.append(seen("10.1.0.3", NAME="pc-recept", minute=1))
    with writing(engine) as connection:
        observations.append(connection, upload(*found))
        ledger.refresh(connection)
    return engine


def csv_file(
    folder: Path, rows: Sequence[Sequence[Any]], encoding: str = "utf-8", name: str = "台帳.csv"
) -> Path:
    """Write rows as CSV."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    path = folder / name
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def xlsx_file(
    folder: Path, rows: Sequence[Sequence[Any]], merged: Sequence[str] = (), name: str = "台帳.xlsx"
) -> Path:
    """Write rows as one Excel sheet."""
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    page.title = "機器"
    for row in rows:
        page.append(list(row))
    for one in merged:
        page.merge_cells(one)
    book.save(folder / name)
    return folder / name


def with_part(source: Path, target: Path, part: str, data: bytes) -> Path:
    """Copy a workbook with one part replaced or added."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            if entry.filename != part:
                new.writestr(entry.filename, old.read(entry.filename))
        new.writestr(part, data)
    return target


def xls_file(folder: Path, rows: Sequence[Sequence[Any]], *, locked: bool = False) -> Path:
    """Write rows as an old .xls: one BIFF8 sheet in an OLE container, texts and numbers only."""
    sheet = _record(0x0809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 0x600))
    for row, cells in enumerate(rows):
        for column, value in enumerate(cells):
            where = struct.pack("<HHH", row, column, 0)
            if isinstance(value, float):
                sheet += _record(0x0203, where + struct.pack("<d", value))
            elif value:
                text = str(value).encode("utf-16-le")
                sheet += _record(0x0204, where + struct.pack("<HB", len(text) // 2, 1) + text)
    sheet += _record(0x000A, b"")
    name = "機器".encode("utf-16-le")
    start = _record(0x0809, struct.pack("<HHHHII", 0x600, 0x05, 0, 0, 0, 0x600))
    start += _record(0x002F, struct.pack("<HHH", 1, 1, 1) + bytes(48)) if locked else b""
    end = _record(0x000A, b"")
    offset = len(start) + 4 + 8 + len(name) + len(end)
    book = (
        start + _record(0x0085, struct.pack("<IBBBB", offset, 0, 0, len(name) // 2, 1) + name) + end + sheet
    )
    path = folder / "台帳.xls"
    path.write_bytes(_ole("Workbook", book))
    return path


def _record(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def _ole(name: str, stream: bytes) -> bytes:
    """An OLE container with one stream: header, one FAT sector, one directory sector, the stream."""
    stream = stream.ljust(4096, b"\0")
    count = -(-len(stream) // 512)
    none, end = 0xFFFFFFFF, 0xFFFFFFFE
    fat = [0xFFFFFFFD, end, *range(3, count + 2), end]
    header = (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
        + bytes(16)
        + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6)
        + bytes(6)
    )
    header += struct.pack("<IIIIIIIII", 0, 1, 1, 0, 4096, end, 0, end, 0) + struct.pack(
        "<109I", 0, *[none] * 108
    )
    directory = _entry("Root Entry", 5, none, 1, end, 0) + _entry(name, 2, none, none, 2, len(stream))
    table = struct.pack(f"<{len(fat)}I", *fat).ljust(512, b"\xff")
    return header + table + directory.ljust(512, b"\0") + stream.ljust(count * 512, b"\0")


def _entry(name: str, kind: int, side: int, child: int, start: int, size: int) -> bytes:
    text = name.encode("utf-16-le")
    entry = text.ljust(64, b"\0") + struct.pack("<HBBIII", len(text) + 2, kind, 1, side, side, child)
    return entry + bytes(36) + struct.pack("<IQ", start, size)
