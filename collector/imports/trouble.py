# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a file that somebody brings: the whole file, or one cell of it, in two sentences."""

from dataclasses import dataclass


class BadImport(Exception):
    """A file that cannot be taken in; `ja` and `en` say what, why and what to do. Nothing was changed."""

    def __init__(self, ja: str, en: str) -> None:
        super().__init__(en)
        self.ja = ja
        self.en = en


@dataclass(frozen=True, slots=True)
class Problem:
    """One place of a file that could not be read as it stands; the rest was read."""

    sheet: str  # "" for a text file
    row: int  # from 1, as a spreadsheet counts
    column: int  # from 1; 0 if it is about the whole row
    ja: str
    en: str

    @property
    def place(self) -> tuple[str, str]:
        """Where it is, in Japanese and English: 「台帳」シート 12 行目 F 列."""
        return place(self.sheet, self.row, self.column)


def place(sheet: str, row: int, column: int = 0) -> tuple[str, str]:
    """Name a place of a table as people say it."""
    ja = (f"「{sheet}」シート " if sheet else "") + f"{row} 行目"
    en = (f"sheet “{sheet}”, " if sheet else "") + f"row {row}"
    if column:
        ja, en = f"{ja} {letters(column)} 列", f"{en}, column {letters(column)}"
    return ja, en


def letters(column: int) -> str:
    """Write a column number (from 1) as a spreadsheet does: A … Z, AA …"""
    text = ""
    while column > 0:
        column, rest = divmod(column - 1, 26)
        text = chr(ord("A") + rest) + text
    return text
