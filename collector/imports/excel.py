# SPDX-License-Identifier: Apache-2.0
"""Excel workbooks as sheets of text: .xlsx and .xlsm with openpyxl, .xls and very large ones with calamine.

Values are those that Excel computed last; no formula and no macro is ever run.
"""

import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import date, datetime, time, timedelta
from itertools import zip_longest
from pathlib import Path
from typing import Any

import openpyxl
import python_calamine

from collector.imports.container import Package, Part, examine
from collector.imports.grid import MOST_COLUMNS, Book, Box, Row, Sheet
from collector.imports.trouble import BadImport, letters
from inventory_db.people import clean

LARGE = 40 * 1024 * 1024  # inflated bytes of a sheet above which the faster reader is used
_ERRORS = ("#REF!", "#N/A", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!")
_DECIMALS = re.compile(r"0(?:\.(0+))?")
_UNCOMPUTED = (
    "計算結果の無い数式です。Excel で開いて保存し直すと読めます",
    "a formula without its result; open and save it in Excel",
)


def read_excel(path: Path, kind: str) -> Book:
    """Open a workbook of kind xlsx or xls; raises BadImport now, or while its rows are read."""
    if kind == "xls":
        return Book(path.name, "Excel (.xls)", _calamine_sheets(path, None))
    package = examine(path)
    notes = []
    if package.macros:
        notes.append(("マクロがありますが、実行していません。", "It has macros; they were not run."))
    if max((part.columns for part in package.sheets.values()), default=0) > MOST_COLUMNS:
        at = letters(MOST_COLUMNS)
        notes.append(
            (
                f"{at} 列より右にも値か書式があります。そこは読んでいません。",
                f"There are values or formats beyond column {at}; those were not read.",
            )
        )
    form = "Excel (.xlsm)" if package.macros else "Excel (.xlsx)"
    if max((part.inflated for part in package.sheets.values()), default=0) > LARGE:
        return Book(path.name, form, _calamine_sheets(path, package), tuple(notes))
    return Book(path.name, form, _openpyxl_sheets(path, package), tuple(notes))


def _openpyxl_sheets(path: Path, package: Package) -> tuple[Sheet, ...]:
    with _opened(path, values=True) as book:
        return tuple(
            _openpyxl_sheet(path, sheet.title, _part(package, sheet), sheet.sheet_state != "visible")
            for sheet in book.worksheets
        )


def _openpyxl_sheet(path: Path, name: str, part: Part, hidden: bool) -> Sheet:
    return Sheet(name, lambda: _openpyxl_rows(path, name, part), tuple(part.merged), hidden)


def _part(package: Package, sheet: Any) -> Part:
    place = str(getattr(sheet, "_worksheet_path", "")).lstrip("/")
    return package.sheets.get(place, Part(columns=MOST_COLUMNS))


@contextmanager
def _opened(path: Path, *, values: bool) -> Iterator[Any]:
    """Open the workbook for reading in one pass; its own errors become BadImport, whenever they come."""
    with path.open("rb") as file:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about styles and extensions that nobody reads here
                book = openpyxl.load_workbook(file, read_only=True, data_only=values, keep_links=False)
            with closing(book):
                yield book
        except (BadImport, GeneratorExit):
            raise
        except Exception as error:
            raise _unreadable(error) from error


def _openpyxl_rows(path: Path, name: str, part: Part) -> Iterator[Row]:
    wide = MOST_COLUMNS if part.columns > MOST_COLUMNS else None
    with _opened(path, values=True) as book:
        formulas = _uncomputed(path, name, wide) if part.formulas else iter(())
        page = book[name]
        page.reset_dimensions()
        last: object = None
        for number, (row, uncomputed) in enumerate(
            zip_longest(page.iter_rows(max_col=wide), formulas, fillvalue=()), 1
        ):
            if row is last:  # rows that are not in the file are one and the same empty row
                continue
            last = row
            cells = [_shown(cell.value, cell.number_format) for cell in row]
            made = _row(number, cells, _lost(row, uncomputed))
            if any(made.cells) or made.wrong:
                yield made


def _uncomputed(path: Path, name: str, wide: int | None) -> Iterator[tuple[int, ...]]:
    """Give, row by row, the columns (from 1) that hold a formula."""
    with _opened(path, values=False) as book:
        page = book[name]
        page.reset_dimensions()
        last: object = None
        for row in page.iter_rows(max_col=wide):
            yield () if row is last else tuple(n for n, cell in enumerate(row, 1) if cell.data_type == "f")
            last = row


def _lost(row: Sequence[Any], formulas: Sequence[int]) -> list[tuple[int, str, str]]:
    return [
        (column, *_UNCOMPUTED) for column in formulas if column > len(row) or row[column - 1].value is None
    ]


def _calamine_sheets(path: Path, package: Package | None) -> tuple[Sheet, ...]:
    if package and max(part.columns for part in package.sheets.values()) > MOST_COLUMNS:
        raise BadImport(
            f"大きなシートで、{letters(MOST_COLUMNS)} 列より右にも値か書式があります。"
            "台帳の列だけを新しいブックに写してください。何も変更していません。",
            f"This large sheet reaches beyond column {letters(MOST_COLUMNS)}. Copy the ledger's columns into a new "
            "workbook. Nothing was changed.",
        )
    with _calamine(path) as book:
        return tuple(
            Sheet(
                one.name,
                lambda name=one.name: _calamine_rows(path, name),  # type: ignore[misc]
                _calamine_merged(book, one.name),
                one.visible != python_calamine.SheetVisibleEnum.Visible,
            )
            for one in book.sheets_metadata
            if one.typ == python_calamine.SheetTypeEnum.WorkSheet
        )


def _calamine(path: Path) -> python_calamine.CalamineWorkbook:
    try:
        return python_calamine.CalamineWorkbook.from_path(str(path))
    except python_calamine.PasswordError as error:
        raise BadImport(
            "このファイルは読み込めません。パスワードで保護されています。Excel で開いてパスワードを外した写しを"
            "読み込んでください。何も変更していません。",
            "This file cannot be loaded: it is protected by a password. Remove the password in a copy and load that. "
            "Nothing was changed.",
        ) from error
    except BaseException as error:
        raise _unreadable(error) from error


def _calamine_merged(book: python_calamine.CalamineWorkbook, name: str) -> tuple[Box, ...]:
    try:
        ranges = book.get_sheet_by_name(name).merged_cell_ranges or ()
    except BaseException as error:
        raise _unreadable(error) from error
    return tuple(Box(top + 1, left + 1, bottom + 1, right + 1) for (top, left), (bottom, right) in ranges)


def _calamine_rows(path: Path, name: str) -> Iterator[Row]:
    with _calamine(path) as book:
        try:
            sheet = book.get_sheet_by_name(name)
            left = [""] * (sheet.start or (0, 0))[
                1
            ]  # its rows begin with row 1, but with the first used column
            rows = sheet.iter_rows()
        except BaseException as error:
            raise _unreadable(error) from error
        for number, row in enumerate(rows, 1):
            made = _row(number, left + [_shown(value, "General") for value in row], [])
            if any(made.cells) or made.wrong:
                yield made


def _row(number: int, cells: list[str], wrong: list[tuple[int, str, str]]) -> Row:
    for place, text in enumerate(cells):
        if text in _ERRORS:
            wrong.append(
                (
                    place + 1,
                    f"Excel の誤り {text} です。空として読みました",
                    f"Excel's error {text}; read as empty",
                )
            )
            cells[place] = ""
    while cells and not cells[-1]:
        cells.pop()
    return Row(number, tuple(cells), tuple(wrong))


def _shown(value: object, form: str | None) -> str:
    """Write a value as Excel shows it, as far as the number format is a plain one."""
    if value is None:
        return ""
    if isinstance(value, str):
        return clean(value.replace("_x000D_", ""))
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        return _number(value, form or "General")
    if isinstance(value, datetime) and (value.hour, value.minute, value.second) != (0, 0, 0):
        return f"{value.year}/{value.month}/{value.day} {value.hour}:{value.minute:02d}"
    if isinstance(value, date):
        return f"{value.year}/{value.month}/{value.day}"
    if isinstance(value, time):
        return f"{value.hour}:{value.minute:02d}"
    return str(value) if isinstance(value, timedelta) else clean(str(value))


def _number(value: float, form: str) -> str:
    decimals = _DECIMALS.fullmatch(form)
    if decimals and decimals[1]:
        return f"{value:.{len(decimals[1])}f}"
    if re.fullmatch("0+", form):
        return f"{round(value):0{len(form)}d}"
    if float(value).is_integer() and abs(value) < 1e15:
        return str(int(value))
    return f"{value:.15g}"


def _unreadable(error: BaseException) -> BadImport:
    if isinstance(error, KeyboardInterrupt | SystemExit | MemoryError):
        raise error
    return BadImport(
        f"このファイルは読み込めません。中身が Excel の決まりに合っていません（{type(error).__name__}）。"
        "Excel で開いて .xlsx で保存し直してください。何も変更していません。",
        f"This file cannot be loaded: its content does not follow Excel's rules ({type(error).__name__}). Open it in "
        "Excel and save it again as .xlsx. Nothing was changed.",
    )
