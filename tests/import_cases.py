# SPDX-License-Identifier: Apache-2.0
"""Ledgers as hospitals keep them, made by the tests: Excel with titles, merged cells and eras, CSV in old encodings."""

import csv
import io
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
