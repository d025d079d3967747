# SPDX-License-Identifier: Apache-2.0
"""A table that somebody brings as a file, whatever its kind: told by its bytes, never by its name."""

from pathlib import Path

from collector.imports.container import kind_of
from collector.imports.delimited import read_text
from collector.imports.grid import Book


def read_table(path: Path) -> Book:
    """Open the file; its rows are read when they are asked for. Raises BadImport."""
    kind = kind_of(path)
    book = read_text(path) if kind == "text" else _read_excel(path, kind)
    expected = {"text": (".csv", ".tsv", ".txt"), "xls": (".xls",), "xlsx": (".xlsx", ".xlsm")}[kind]
    if path.suffix.lower() in expected:
        return book
    note = (
        f"拡張子は {path.suffix or 'なし'} ですが、中身は {book.form} です。中身のとおりに読みました。",
        f"The name ends in {path.suffix or 'nothing'}, but it is {book.form}; it was read as that.",
    )
    return Book(book.file, book.form, book.sheets, (*book.notes, note))


def _read_excel(path: Path, kind: str) -> Book:
    from collector.imports.excel import read_excel  # noqa: PLC0415 - its readers cost every command that reads none

    return read_excel(path, kind)
