# SPDX-License-Identifier: Apache-2.0
"""The audit log as a table on the terminal."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from rich import box
from rich.table import Table

from deploy.terminal import plain
from inventory_db.audit import Entry

_ZONE = ZoneInfo("Asia/Tokyo")  # as in the papers, whatever the machine's own zone
_HEADS = {
    "ja": ("番号", "日時", "誰が", "どこから", "操作", "対象", "結果"),
    "en": ("No.", "At", "Who", "From", "Action", "Object", "Outcome"),
}


def audit_table(entries: Sequence[Entry], language: str) -> Table:
    """Give the entries in the order in which they come."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)
    for place, head in enumerate(_HEADS[language]):
        table.add_column(head, justify="left" if place else "right", overflow="fold")
    for entry in entries:
        style = "" if entry.outcome == "done" else "yellow"
        table.add_row(*(plain(cell, style) for cell in _cells(entry)))
    return table


def _cells(entry: Entry) -> tuple[str, ...]:
    what = " ".join(filter(None, (entry.kind, entry.key, entry.detail if entry.detail != "{}" else "")))
    return (
        str(entry.number),
        f"{entry.moment.astimezone(_ZONE):%Y-%m-%d %H:%M:%S}",
        entry.name or entry.account or "-",
        entry.origin,
        entry.action,
        what,
        entry.outcome,
    )
