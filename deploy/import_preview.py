# SPDX-License-Identifier: Apache-2.0
"""What an import would do, as tables on the terminal: columns first, then what a person should look at."""

from collections.abc import Iterable, Mapping, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from collector.imports.grid import Book
from collector.imports.ledger_import import Import
from collector.imports.ledger_plan import Difference, Duplicate, Item
from collector.imports.table import Line, Named
from collector.imports.trouble import Problem, place
from deploy.terminal import plain

_MOST = 15  # lines of one list, unless all are asked for
_MOST_COLUMNS = 4  # changed columns of one row
_NARROW = 100


def needs_a_look(made: Import) -> bool:
    """Whether something in the file or its comparison should be looked at by a person."""
    plan = made.plan
    lists: tuple[Sequence[object], ...] = (
        made.read.problems,
        plan.duplicates,
        plan.unclear,
        plan.against_scan,
        plan.kept,
        plan.within,
        plan.gone,
        plan.too_long,
    )
    return any(lists)


def print_preview(console: Console, made: Import, language: str, *, show_all: bool) -> None:
    """Print the whole preview."""
    shown = Shown(console, language == "ja", None if show_all else _MOST)
    shown.file(made.book, made.tables)
    for table in made.tables:
        print_columns(console, table, language)
    shown.editions(made.plan.editions)
    shown.places("読めなかった所", "Not read as it stands", made.read.problems)
    shown.places("機器の行ではないもの", "Rows that are no device", made.read.skipped)
    shown.duplicates(made.plan.duplicates)
    shown.unclear(made.plan.unclear)
    shown.differences(
        "調査と違う（ファイルの値は残し、調査の値は変えません）",
        "The scan says otherwise (both are kept)",
        made.plan.against_scan,
    )
    shown.differences(
        "人の記入と違う（記入を残します。--replace でファイルを採ります）",
        "A person typed otherwise (that stays; --replace takes the file)",
        made.plan.kept,
    )
    shown.differences(
        "同じ機器の行が2つあり、違う（先の行を採ります）",
        "Two rows of one device disagree (the first counts)",
        made.plan.within,
    )
    shown.differences(
        "長すぎる（元の行にだけ残します）", "Too long (kept in its row only)", made.plan.too_long
    )
    shown.changed([item for item in made.plan.items if item.changed])
    shown.gone(made)
    shown.counts(made)


def print_columns(console: Console, table: Named, language: str, *, kept_beside: bool = True) -> None:
    """Print which of their columns is which of ours, with examples."""
    ja = language == "ja"
    heads = ("ファイルの列", "台帳の列", "わけ", "例") if ja else ("Their column", "Ours", "Why", "Examples")
    wide = console.width >= _NARROW
    grid = Table(
        box=box.SIMPLE_HEAD, pad_edge=False, expand=False, title_justify="left", title=_title(table, ja)
    )
    for place_, head in enumerate(heads):
        if wide or place_ != 2:
            grid.add_column(head, overflow="ellipsis", no_wrap=True, max_width=(28, 22, 30, 48)[place_])
    for column in table.columns:
        if not column.heading and not column.examples:
            continue
        ours = column.ours if column.known else ""
        kept = (
            ("そのまま残す" if ja else "kept as it is")
            if column.ours and kept_beside
            else ("読まない" if ja else "left out")
        )
        why = column.why_ja if ja else column.why_en
        cells = [column.label, ours or f"（{kept}）", why, " / ".join(column.examples)]
        grid.add_row(
            *(
                plain(" ".join(c.split()), "" if ours else "dim")
                for n, c in enumerate(cells)
                if wide or n != 2
            )
        )
    console.print(grid)


def _title(table: Named, ja: bool) -> str:
    sheet, row = table.sheet.name, table.heading.row
    name = f"「{sheet}」シート、見出しは {row} 行目" if sheet else f"見出しは {row} 行目"
    kept = "、列は前に決めたとおり" if table.kept_before else ""
    if ja:
        return f"列の対応（{name}{kept}）"
    where = f"sheet “{sheet}”, heading in row {row}" if sheet else f"heading in row {row}"
    return f"Columns ({where}{', as decided before' if table.kept_before else ''})"


class Shown:
    """Prints the lists in one language, cut to a length that a person reads."""

    def __init__(self, console: Console, ja: bool, most: int | None) -> None:
        self._console, self._ja, self._most = console, ja, most

    def file(self, book: Book, tables: Sequence[Named]) -> None:
        """The file itself: its kind, its sheets, its notes."""
        self._say(f"{book.file}: {book.form}", style="bold")
        for note in book.notes:
            self._say(self._choose(*note))
        chosen = {table.sheet.name for table in tables}
        others = [sheet.name for sheet in book.sheets if sheet.name not in chosen]
        if others:
            names = "、".join(others)
            self._say(self._choose(f"読まないシート: {names}", f"Sheets not read: {names}"), style="dim")
        for table in tables:
            head = table.heading
            if head.updated or head.updated_by:
                self._say(
                    self._choose(
                        f"最終更新日 {head.updated or '-'}　最終更新者 {head.updated_by or '-'}",
                        f"Last updated {head.updated or '-'} by {head.updated_by or '-'}",
                    )
                )

    def places(self, ja: str, en: str, problems: Sequence[Problem]) -> None:
        """Places of the file, with what is so there."""
        rows = [(self._choose(*one.place), self._choose(one.ja, one.en)) for one in problems]
        self.listed(ja, en, rows)

    def duplicates(self, found: Sequence[Duplicate]) -> None:
        """Rows that say the same of what should tell them apart."""
        rows = [
            (f"{self._choose(one.kind_ja, one.kind_en)} {one.value}".strip(), self._rows(one.lines))
            for one in found
        ]
        self.listed("重複", "Duplicates", rows)

    def unclear(self, items: Sequence[Item]) -> None:
        """Rows that are not linked, though something points to a device."""
        rows = [
            (f"{self._where(one.line)} {_name(one.line)}", self._choose(one.match.ja, one.match.en))
            for one in items
        ]
        self.listed("結び付けなかった行", "Rows not linked", rows)

    def differences(self, ja: str, en: str, found: Sequence[Difference]) -> None:
        """What the file says against what the ledger shows."""
        rows = [
            (
                f"{self._where(one.line)}{f' → {one.number}' if one.number else ''}",
                f"{one.column}: {self._choose('ファイル', 'file')}「{_short(one.theirs)}」"
                f" {self._choose('台帳', 'ledger')}「{_short(one.ours)}」",
            )
            for one in found
        ]
        self.listed(ja, en, rows)

    def changed(self, items: Sequence[Item]) -> None:
        """Rows that say something else than at the last import."""
        rows = []
        for one in items:
            old = one.before.cells if one.before else {}
            told = [self._change(c, old.get(c, ""), one.listed.cells.get(c, "")) for c in one.changed]
            more = len(told) - _MOST_COLUMNS
            rest = self._choose(f" ほか {more} 列", f" and {more} more columns") if more > 0 else ""
            rows.append(
                (f"{self._where(one.line)} {_name(one.line)}", "、".join(told[:_MOST_COLUMNS]) + rest)
            )
        self.listed("前回の取り込みから変わった行", "Rows changed since the last import", rows)

    def editions(self, found: Mapping[str, str]) -> None:
        """New ledgers that may be new editions of known ones."""
        rows = [
            (
                f"「{new}」",
                self._choose(
                    f"「{known}」の新しい版なら --name '{known}' を付けてください",
                    f"if it is a new edition of “{known}”, add --name '{known}'",
                ),
            )
            for new, known in found.items()
        ]
        self.listed("新しい台帳として読みます", "Taken as a ledger of its own", rows)

    def gone(self, made: Import) -> None:
        """Rows of earlier imports that the file no longer has."""
        rows = [
            (
                one.cells.get("コンピュータ名")
                or one.cells.get("IPアドレス")
                or one.cells.get("管理番号", "?"),
                self._choose(f"{one.source} {one.row} 行目にあった", f"was in {one.source}, row {one.row}"),
            )
            for one in made.plan.gone
        ]
        self.listed(
            "ファイルから消えた行（残します。外すには --gone 廃棄 など理由を）",
            "Rows no longer in the file (they stay; --gone REASON takes them off)",
            rows,
        )

    def counts(self, made: Import) -> None:
        """The sums."""
        plan = made.plan
        linked = sum(bool(item.match.device) for item in plan.items)
        unclear = len(plan.unclear)
        unseen = len(plan.items) - linked - unclear
        new = sum(item.before is None for item in plan.items)
        changed = sum(bool(item.changed) for item in plan.items)
        self._console.print()
        self._say(
            self._choose(
                f"{len(plan.items)} 行: 調査の機器と結び付く {linked}、決められない {unclear}、調査では未確認 {unseen}",
                f"{len(plan.items)} rows: {linked} are devices that were seen, {unclear} cannot be told, {unseen} were not seen",
            ),
            style="bold",
        )
        self._say(
            self._choose(
                f"新しい行 {new}、変わった行 {changed}、同じ行 {len(plan.items) - new - changed}、消えた行 {len(plan.gone)}、機器への記入 {len(plan.edits) + len(plan.details)}",
                f"{new} new, {changed} changed, {len(plan.items) - new - changed} the same, {len(plan.gone)} gone, {len(plan.edits) + len(plan.details)} cells for devices",
            )
        )

    def listed(self, ja: str, en: str, rows: Sequence[tuple[str, str]]) -> None:
        """A titled list of two columns, cut to the most lines."""
        if not rows:
            return
        count = f"{len(rows)}"
        self._console.print()
        self._say(f"{self._choose(ja, en)}: {count}", style="bold yellow")
        grid = Table.grid(padding=(0, 2))
        grid.add_column(overflow="fold", ratio=None, max_width=self._console.width // 2)
        grid.add_column(overflow="fold")
        for left, right in rows[: self._most]:
            grid.add_row(plain(f"  {left}"), plain(right))
        self._console.print(grid)
        if self._most is not None and len(rows) > self._most:
            more = len(rows) - self._most
            self._say(
                self._choose(f"  ほか {more} 件（--all で全部）", f"  and {more} more (--all)"), style="dim"
            )

    def _where(self, line: Line) -> str:
        return self._choose(*place(line.sheet, line.row))

    def _rows(self, lines: Iterable[Line]) -> str:
        told = [f"{self._where(line)}{f'（{_name(line)}）' if _name(line) else ''}" for line in lines]
        rest = len(told) - 4
        return "、".join(told[:4]) + (
            self._choose(f" ほか {rest} 行", f" and {rest} more") if rest > 0 else ""
        )

    def _change(self, column: str, old: str, new: str) -> str:
        nothing = self._choose("なし", "nothing")
        before, after = (f"「{_short(text)}」" if text else nothing for text in (old, new))
        return f"{column} {before}→{after}"

    def _choose(self, ja: str, en: str) -> str:
        return ja if self._ja else en

    def _say(self, text: str, style: str = "") -> None:
        self._console.print(plain(text, style))


def _name(line: Line) -> str:
    return _short(
        line.cells.get("コンピュータ名") or line.cells.get("IPアドレス") or line.cells.get("機種", "")
    )


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 40 else f"{flat[:39]}…"
