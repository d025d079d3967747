# SPDX-License-Identifier: Apache-2.0
"""What taking in a ledger would do, as lists that a person looks through before saying yes. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from collector.imports.ledger_import import Import
from collector.imports.ledger_plan import Difference, Item
from collector.imports.table import Line
from collector.imports.trouble import Problem, place

_MOST_COLUMNS = 4  # changed columns of one row that are told
_MOST_TEXT = 60
_KINDS = {
    "mac": ("MACアドレス", "MAC address"),
    "serial": ("製造番号", "serial number"),
    "name": ("コンピュータ名", "computer name"),
    "ip": ("IPアドレス", "IP address"),
    "number": ("管理番号", "number"),
}


@dataclass(frozen=True, slots=True)
class Text:
    """One text in both languages."""

    ja: str
    en: str


@dataclass(frozen=True, slots=True)
class Point:
    """One line of a list: where in the file, what about it, and the device that it is about ("" for none)."""

    where: Text
    what: Text
    device: str = ""


@dataclass(frozen=True, slots=True)
class Points:
    """A list of the preview; `look` means that a person should look at it first."""

    key: str  # its title is `import.list_KEY` of the catalogue
    points: tuple[Point, ...]
    look: bool = True


@dataclass(frozen=True, slots=True)
class Counts:
    """The sums of a preview."""

    rows: int
    linked: int
    unclear: int
    new: int
    changed: int
    gone: int
    cells: int

    @property
    def unseen(self) -> int:
        """Rows that are no device of a scan."""
        return self.rows - self.linked - self.unclear

    @property
    def same(self) -> int:
        """Rows that say what they said before."""
        return self.rows - self.new - self.changed


def count(made: Import) -> Counts:
    """Count what the import would do."""
    plan = made.plan
    return Counts(
        rows=len(plan.items),
        linked=sum(bool(item.match.device) for item in plan.items),
        unclear=len(plan.unclear),
        new=sum(item.before is None for item in plan.items),
        changed=sum(bool(item.changed) for item in plan.items),
        gone=len(plan.gone),
        cells=len(plan.edits) + len(plan.details),
    )


def lists_of(made: Import, numbers: dict[str, str]) -> list[Points]:
    """Give every list that is not empty; `numbers` are our 管理番号 by device id."""
    plan = made.plan
    found = [
        Points("problems", tuple(_at(one) for one in made.read.problems)),
        Points("duplicates", tuple(_duplicates(made))),
        Points("unclear", tuple(_unclear(item) for item in plan.unclear)),
        Points("against_scan", tuple(map(_differs, plan.against_scan))),
        Points("kept", tuple(map(_differs, plan.kept))),
        Points("within", tuple(map(_differs, plan.within))),
        Points("too_long", tuple(map(_differs, plan.too_long))),
        Points("gone", tuple(_gone(made))),
        Points("changed", tuple(_changed(item) for item in plan.items if item.changed), look=False),
        Points("filled", tuple(_filled(made, numbers)), look=False),
        Points("linked", tuple(_linked(made, numbers)), look=False),
        Points("skipped", tuple(_at(one) for one in made.read.skipped), look=False),
    ]
    return [one for one in found if one.points]


def _at(one: Problem) -> Point:
    return Point(Text(*one.place), Text(one.ja, one.en))


def _duplicates(made: Import) -> Iterator[Point]:
    for one in made.plan.duplicates:
        places = [place(line.sheet, line.row) for line in one.lines]
        what = Text("、".join(ja for ja, _ in places[:6]), ", ".join(en for _, en in places[:6]))
        yield Point(Text(f"{one.kind_ja} {one.value}".strip(), f"{one.kind_en} {one.value}".strip()), what)


def _unclear(item: Item) -> Point:
    return Point(_where(item.line), Text(item.match.ja, item.match.en))


def _differs(one: Difference) -> Point:
    theirs, ours = short(one.theirs), short(one.ours)
    return Point(
        _where(one.line, one.number),
        Text(
            f"{one.column}: ファイル「{theirs}」 台帳「{ours}」",
            f"{one.column}: file “{theirs}”, ledger “{ours}”",
        ),
        one.device,
    )


def _gone(made: Import) -> Iterator[Point]:
    for one in made.plan.gone:
        name = next(
            (one.cells[key] for key in ("コンピュータ名", "IPアドレス", "管理番号") if one.cells.get(key)),
            "?",
        )
        what = Text(f"{one.source} {one.row} 行目にありました", f"was in {one.source}, row {one.row}")
        yield Point(Text(short(name), short(name)), what)


def _changed(item: Item) -> Point:
    old, new = item.before.cells if item.before else {}, item.listed.cells
    told = [f"{c} 「{short(old.get(c, ''))}」→「{short(new.get(c, ''))}」" for c in item.changed]
    more = len(told) - _MOST_COLUMNS
    text = "、".join(told[:_MOST_COLUMNS])
    rest = (f" ほか {more} 列", f" and {more} more") if more > 0 else ("", "")
    return Point(_where(item.line), Text(text + rest[0], text + rest[1]), item.match.device)


def _filled(made: Import, numbers: dict[str, str]) -> Iterator[Point]:
    for one in made.plan.edits:
        number = numbers.get(one.device, "")
        before = (
            (f"（いま「{short(one.before)}」）", f" (now “{short(one.before)}”)") if one.before else ("", "")
        )
        value = short(one.value)
        what = Text(f"{one.column}: 「{value}」{before[0]}", f"{one.column}: “{value}”{before[1]}")
        yield Point(_where(one.line, number) if one.line else Text(number, number), what, one.device)


def _linked(made: Import, numbers: dict[str, str]) -> Iterator[Point]:
    for item in made.plan.items:
        if item.match.device:
            kinds = [_KINDS.get(kind, (kind, kind)) for kind in item.match.by]
            ja = "、".join(ja for ja, _ in kinds) + "が同じ"
            en = "same " + ", ".join(en for _, en in kinds)
            yield Point(
                _where(item.line, numbers.get(item.match.device, "")), Text(ja, en), item.match.device
            )


def _where(line: Line, number: str = "") -> Text:
    ja, en = place(line.sheet, line.row)
    name = short(
        line.cells.get("コンピュータ名") or line.cells.get("IPアドレス") or line.cells.get("機種", "")
    )
    behind = f" {name}" * bool(name) + f" → {number}" * bool(number)
    return Text(ja + behind, en + behind)


def short(text: str) -> str:
    """Give a text on one line, cut to what a list can show."""
    flat = " ".join(text.split())
    return flat if len(flat) <= _MOST_TEXT else f"{flat[: _MOST_TEXT - 1]}…"


def sheets_of(made: Import) -> Sequence[str]:
    """Give the names of the sheets that the file has."""
    return [sheet.name for sheet in made.book.sheets if sheet.name]
