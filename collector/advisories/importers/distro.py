# SPDX-License-Identifier: Apache-2.0
"""distro-info-data: debian.csv and ubuntu.csv."""

import csv
import io
import re

from collector.advisories.feed import Loaded, Source, check_day, cut, opened, refuse
from collector.advisories.json_stream import whole
from collector.advisories.knowledge import Cycle, Lifecycle, day_of

_HEAD = ["version", "codename", "series", "created", "release", "eol"]
_EXTENDED = {"debian": "eol-lts", "ubuntu": "eol-esm"}
_NUMBER = re.compile(r"^\d{1,2}(?:\.\d{1,2})?", re.ASCII)


def recognises(head: bytes, name: str) -> bool:
    """Whether it begins with distro-info's columns."""
    return head.startswith(b"version,codename,series,created,release")


def read(source: Source) -> Loaded:
    """Read one file; a row with too few columns or a day that is none is refused with its line."""
    with opened(source) as file:
        data = whole(file, source.name)
    try:
        text = data.decode("utf-8-sig")
        rows = list(csv.reader(io.StringIO(text), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise refuse(source.name, "CSV として読めません", "it cannot be read as CSV") from error
    if not rows or rows[0][:6] != _HEAD or not text.endswith("\n"):
        raise refuse(
            source.name, "列が違うか、途中で切れています", "its columns are others, or it is cut off"
        )
    columns = rows[0]
    product = next((one for one, column in _EXTENDED.items() if column in columns), "")
    if not product:
        raise refuse(
            f"{source.name}:1", "Debian か Ubuntu の表ではありません", "it is no table of Debian or Ubuntu"
        )
    cycles, newest = [], ""
    for line, row in enumerate(rows[1:], start=2):
        cells = _cells(columns, row, f"{source.name}:{line}")
        created = cells.get("created", "")
        newest = max(newest, created if (day := day_of(created)) and day <= source.today else "")
        number = _NUMBER.match(cells["version"])
        if number and cells.get("release"):
            cycles.append(_cycle(number[0], cells, _EXTENDED[product]))
    as_of = check_day(source, source.as_of or source.modified or newest)
    known = {one.distro: one.lifecycle for one in source.products if one.distro}
    lifecycle = Lifecycle(
        product=known.get(product, product),
        title=product.capitalize(),
        extended_means=_EXTENDED[product],
        cycles=tuple(reversed(cycles)),
        source="distro-info-data",
        as_of=as_of,
    )
    title = f"distro-info {product} {as_of}"
    return Loaded(kind="distro", title=title, as_of=as_of, read=len(rows) - 1, lifecycles=(lifecycle,))


def _cells(columns: list[str], row: list[str], where: str) -> dict[str, str]:
    """Name a row's cells; later columns may be missing for old releases, the first four may not."""
    if not 4 <= len(row) <= len(columns):
        raise refuse(where, "列の数が違います", "the number of columns is wrong")
    cells = dict(zip(columns, row, strict=False))
    for name in columns[3:]:
        if cells.get(name) and day_of(cells[name]) is None:
            raise refuse(
                where,
                f"{name} が日付ではありません（{cells[name][:20]}）",
                f"{name} is no day ({cells[name][:20]})",
            )
    return cells


def _cycle(number: str, cells: dict[str, str], extended: str) -> Cycle:
    eol = cells.get("eol-server") or cells.get("eol") or None
    return Cycle(
        cycle=number,
        label=cut(f"{cells['version']} ({cells['codename']})"),
        release=cells.get("release", ""),
        eol=eol if eol else False,
        extended=cells.get(extended) or None,
    )
