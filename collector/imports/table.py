# SPDX-License-Identifier: Apache-2.0
"""A file's tables with their columns named: which sheets hold one, and their rows as column → text."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from collector.imports.columns import Column, Form, guess, is_day, key_of, remembered, unread
from collector.imports.grid import MOST_ROWS, Book, Row, Sheet, filled
from collector.imports.heading import Heading, find_heading, first_heading
from collector.imports.trouble import BadImport, Problem
from inventory_db.typed_values import day_in, folded, form_day

OURS = ("元の台帳", "クラウドサービス台帳")  # sheets beside the ledger in the file that we write
_SAMPLES = 200  # rows that the columns are guessed from
_DITTO = {"〃", "同上", "々", '"', "″", "”", "//"}
_END = re.compile(r"^(合計|小計|計|以上|total|end)$")
_SERIAL = re.compile(r"\d{5}(\.\d+)?")

Remembered = Mapping[tuple[str, ...], Mapping[str, str]]  # heading → label → column of ours


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a table: column of ours (or their own label) → text as people read it."""

    sheet: str
    row: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class Named:
    """One table of the file: its sheet, heading and columns."""

    sheet: Sheet
    heading: Heading
    columns: tuple[Column, ...]
    kept_before: bool  # the columns are those of an earlier import


@dataclass(slots=True)
class Read:
    """What was read, and what a person should know of it."""

    lines: list[Line] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    skipped: list[Problem] = field(default_factory=list)  # rows that are no device: headings, sums


def name_tables(
    book: Book, form: Form, kept: Remembered, only: str = "", overrides: Mapping[str, str] | None = None
) -> list[Named]:
    """Find the tables of the file and name their columns; raises BadImport if there is none."""
    found, known = [], _widened(form, kept, overrides or {})
    for sheet in _chosen(book, only):
        heading = find_heading(sheet, known)
        if heading is None and only and overrides:
            heading = first_heading(sheet)
        if sheet.name in OURS and not only:
            continue
        if heading and (only or len(book.sheets) == 1 or (heading.recognised > 2 and not sheet.hidden)):
            found.append(_name(sheet, heading, form, kept, overrides or {}))
    if not found:
        raise _no_table(book)
    _check_overrides(found, overrides or {})
    return found


def _widened(form: Form, kept: Remembered, overrides: Mapping[str, str]) -> Form:
    """Give the form with the headings that a person named, now or before, as spellings of its columns."""
    named = {label: ours for columns in kept.values() for label, ours in columns.items()} | dict(overrides)
    return replace(form, exact=form.exact | {key_of(label): ours for label, ours in named.items() if ours})


def read_lines(tables: list[Named]) -> Read:
    """Read every row of the tables; raises BadImport where the file breaks off or is too long."""
    read, pool = Read(), dict[str, str]()  # one text object for every cell that says the same
    for table in tables:
        for row in filled(table.sheet.rows(), table.sheet.merged, sideways=False):
            if row.number > table.heading.last:
                _read_row(table, row, read, pool)
            if len(read.lines) > MOST_ROWS:
                raise _too_long()
    return read


def _chosen(book: Book, only: str) -> list[Sheet]:
    if not only:
        return list(book.sheets)
    found = [sheet for sheet in book.sheets if sheet.name == only]
    if not found:
        names = "、".join(f"「{sheet.name}」" for sheet in book.sheets) or "なし"
        raise BadImport(
            f"「{only[:60]}」というシートはありません。あるシート: {names}。何も変更していません。",
            f"There is no sheet “{only[:60]}”. Sheets: {names}. Nothing was changed.",
        )
    return found


def _name(
    sheet: Sheet, heading: Heading, form: Form, kept: Remembered, overrides: Mapping[str, str]
) -> Named:
    below = (row.cells for row in sheet.rows() if row.number > heading.last)
    samples = list(islice(below, _SAMPLES))
    wide = max([len(heading.names), *map(len, samples)])
    names = (*heading.names, *[""] * (wide - len(heading.names)))
    before = kept.get(key_names(names))
    columns = remembered(names, samples, before) if before is not None else guess(names, samples, form)
    return Named(sheet, heading, _override(columns, overrides), before is not None)


def key_names(names: Sequence[str]) -> tuple[str, ...]:
    """Give a heading as it is remembered: without empty columns behind it."""
    last = max((place for place, name in enumerate(names, 1) if name), default=0)
    return tuple(names[:last])


def _override(columns: tuple[Column, ...], overrides: Mapping[str, str]) -> tuple[Column, ...]:
    if not overrides:
        return columns
    given = {ours for ours in overrides.values() if ours}
    changed = []
    for column in columns:
        ours = overrides.get(column.label, overrides.get(column.heading))
        if ours is not None:
            changed.append(replace(column, ours=ours, why_ja="指定のとおり", why_en="as you said"))
        elif column.ours in given:
            changed.append(
                replace(column, ours=column.label, why_ja="指定で空いた列", why_en="freed by yours")
            )
        else:
            changed.append(column)
    return tuple(changed)


def _check_overrides(tables: list[Named], overrides: Mapping[str, str]) -> None:
    known = {name for table in tables for column in table.columns for name in (column.label, column.heading)}
    for name in overrides:
        if name not in known:
            raise BadImport(
                f"「{name[:60]}」という列はこのファイルにありません。ある列: {'、'.join(sorted(known - {''}))[:600]}。"
                "何も変更していません。",
                f"This file has no column “{name[:60]}”. Its columns: {', '.join(sorted(known - {''}))[:600]}. "
                "Nothing was changed.",
            )


def _read_row(table: Named, row: Row, read: Read, pool: dict[str, str]) -> None:
    sheet = table.sheet.name
    for place, ja, en in row.wrong:
        read.problems.append(Problem(sheet, row.number, place, ja, en))
    why = _no_device(table, row)
    if why:
        read.skipped.append(Problem(sheet, row.number, 0, *why))
        return
    above = read.lines[-1].cells if read.lines and read.lines[-1].sheet == sheet else {}
    cells: dict[str, str] = {}
    for column in table.columns:
        text = row.cell(column.place)
        if column.ours and text:
            if len(text) < 3 and (text in _DITTO or folded(text) in _DITTO):
                text = above.get(column.ours, text)
            text = pool.setdefault(text, text) if not is_day(column.ours) else _written(text)
            cells[column.ours] = f"{cells[column.ours]}、{text}" if column.ours in cells else text
            _note_unread(read, sheet, row.number, column, text)
    if cells:
        read.lines.append(Line(sheet, row.number, cells))


def _no_device(table: Named, row: Row) -> tuple[str, str] | None:
    """Say why a row is no entry of the table; None if it is one."""
    names = table.heading.names
    texts = [(place, text) for place, text in enumerate(row.cells) if text]
    if [text for _, text in texts] == [names[place] for place, _ in texts if place < len(names)]:
        return "見出しの繰り返し", "the heading again"
    if len(texts) <= 3 and any(_END.match(folded(text).replace(" ", "")) for _, text in texts):
        return f"合計などの行「{texts[0][1][:20]}」", "a line of sums"
    if len(texts) == 1 and len(names) > 3:
        ours = table.columns[texts[0][0]].ours if texts[0][0] < len(table.columns) else ""
        if ours not in ("IPアドレス", "MACアドレス", "コンピュータ名", "製造番号", "サービス名称/用途"):
            return f"1つの列だけの行「{texts[0][1][:30]}」", "a row with one cell alone"
    return None


def _written(text: str) -> str:
    """Write Excel's bare count of days as the day it means; all else stays as it is."""
    if _SERIAL.fullmatch(folded(text)):
        day = day_in(text, serials=True)
        return form_day(day) if day else text
    return text


def _note_unread(read: Read, sheet: str, row: int, column: Column, text: str) -> None:
    rest = unread(column.ours, text)
    if rest:
        read.problems.append(
            Problem(
                sheet,
                row,
                column.place + 1,
                f"{column.ours}として読めません: 「{rest[:40]}」。文字のまま残します",
                f"not readable as {column.ours}: “{rest[:40]}”; kept as text",
            )
        )


def _no_table(book: Book) -> BadImport:
    names = "、".join(f"「{sheet.name}」" for sheet in book.sheets if sheet.name)
    where_ja = f"（シート: {names}）" if names else ""
    return BadImport(
        f"台帳の見出し（IPアドレス、コンピュータ名、設置場所 など）のある表が見つかりません{where_ja}。"
        "--sheet でシートを、--map '列名=コンピュータ名' で列を指定してください。何も変更していません。",
        f"No table with a ledger's headings (IP address, computer name, place …) was found {names}. Name the sheet with "
        "--sheet and columns with --map 'HEADING=コンピュータ名'. Nothing was changed.",
    )


def _too_long() -> BadImport:
    return BadImport(
        f"{MOST_ROWS:,} 行を超えています。台帳としては大きすぎるため読み込みません。シートを分けてください。"
        "何も変更していません。",
        f"It has more than {MOST_ROWS:,} rows, which is too large for a ledger. Split it. Nothing was changed.",
    )
