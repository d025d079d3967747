# SPDX-License-Identifier: Apache-2.0
"""CSV and TSV as a sheet of text: UTF-8 (with or without BOM), CP932 with the NEC and IBM extensions, UTF-16."""

import codecs
import csv
import io
from collections.abc import Iterator
from pathlib import Path

from collector.imports.grid import MOST_COLUMNS, Book, Row, Sheet
from collector.imports.trouble import BadImport
from inventory_db.people import clean

_MOST_FIELD = 1_000_000  # characters of one field; more is an open quote
_NAMES = {"utf-8-sig": "UTF-8", "cp932": "CP932 (Shift_JIS)", "utf-16": "UTF-16"}
_SEPARATORS = {",": "CSV", "\t": "TSV", ";": "CSV（; 区切り）", "|": "CSV（| 区切り）"}
_FORMULA_STARTS = ("=", "+", "-", "@", "＝", "＋", "－", "＠")


def read_text(path: Path) -> Book:
    """Open a text table; raises BadImport for a text that is in none of the known encodings."""
    encoding = _encoding(path)
    separator = _separator(path, encoding)
    form = f"{_SEPARATORS[separator]}, {_NAMES[encoding]}"
    return Book(path.name, form, (Sheet("", lambda: _rows(path, encoding, separator)),))


def _encoding(path: Path) -> str:
    with path.open("rb") as file:
        start = file.read(4096)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        candidates = ["utf-16"]
    elif b"\x00" in start:
        raise _binary()
    else:
        candidates = ["utf-8-sig", "cp932"]
    wrong = 0
    for encoding in candidates:
        wrong = _first_wrong_line(path, encoding)
        if not wrong:
            return encoding
    raise BadImport(
        f"{wrong} 行目に、UTF-8 でも CP932（Shift_JIS）でもない文字があり、読めません。"
        "Excel で開き、「CSV UTF-8」で保存し直してください。何も変更していません。",
        f"Line {wrong} holds bytes that are neither UTF-8 nor CP932 (Shift_JIS). Save the file as “CSV UTF-8” in Excel. "
        "Nothing was changed.",
    )


def _first_wrong_line(path: Path, encoding: str) -> int:
    """Give the first line (from 1) that is not in this encoding, 0 if all are."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    line = 1
    with path.open("rb") as file:
        while True:
            data = file.read(1024 * 1024)
            try:
                line += decoder.decode(data, final=not data).count("\n")
            except UnicodeDecodeError as error:
                return line + error.object[: error.start].count(b"\n")
            if not data:
                return 0


def _separator(path: Path, encoding: str) -> str:
    """Give the separator that splits most of the first rows, outside quotes."""
    with path.open(encoding=encoding, newline="") as file:
        start = file.read(16_384)
    if "\x00" in start:
        raise _binary()
    if start.startswith("sep=") and start[4:5] in _SEPARATORS:
        return start[4]
    return max(_SEPARATORS, key=lambda separator: _splits(start, separator))


def _splits(start: str, separator: str) -> tuple[int, int]:
    """Say how many of the first rows a separator splits, and into how many fields at most."""
    try:
        rows = list(csv.reader(io.StringIO(start, newline=""), delimiter=separator))[:30]
    except csv.Error:
        return 0, 0
    return sum(len(row) > 1 for row in rows), max((len(row) for row in rows), default=0)


def _rows(path: Path, encoding: str, separator: str) -> Iterator[Row]:
    csv.field_size_limit(_MOST_FIELD)
    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(file, delimiter=separator, strict=True)
        line = 1
        while True:
            try:
                fields = next(reader, None)
            except csv.Error as error:
                raise _broken(line) from error
            if fields is None:
                return
            row = _row(line, fields)
            if any(row.cells):
                yield row
            line = reader.line_num + 1


def _row(line: int, fields: list[str]) -> Row:
    cells = [_cell(field) for field in fields]
    wrong = [(0, "列が多すぎます。右側は読んでいません", "too many columns; the right ones were not read")]
    while cells and not cells[-1]:
        cells.pop()
    return Row(line, tuple(cells[:MOST_COLUMNS]), tuple(wrong) if len(cells) > MOST_COLUMNS else ())


def _cell(text: str) -> str:
    """Give the text without the ' that keeps a spreadsheet from running it."""
    if text.startswith("'") and text[1:].lstrip().startswith(_FORMULA_STARTS):
        text = text[1:]
    if text.startswith('="') and text.endswith('"'):  # ="001", the way to keep zeros in a CSV
        text = text[2:-1]
    return clean(text)


def _binary() -> BadImport:
    return BadImport(
        "このファイルは読み込めません。文字の表ではありません。Excel で開き、.xlsx か CSV で保存してください。"
        "何も変更していません。",
        "This file cannot be loaded: it is not a text table. Save it as .xlsx or CSV in Excel. Nothing was changed.",
    )


def _broken(line: int) -> BadImport:
    return BadImport(
        f'{line} 行目から、引用符（"）が閉じていないか、列の書き方が壊れています。'
        "その行を直して、もう一度読み込んでください。何も変更していません。",
        f"From line {line} on a quotation mark is not closed, or a field is broken. Correct that line and load the "
        "file again. Nothing was changed.",
    )
