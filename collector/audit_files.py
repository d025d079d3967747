# SPDX-License-Identifier: Apache-2.0
"""The audit log as files: JSON lines that can be checked offline, and CSV for people and their spreadsheets."""

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import tzinfo

from collector.documents.ledger_csv import BOM
from collector.safe_text import neutral_cell
from inventory_db.audit import Entry
from inventory_db.audit_check import line

COLUMNS = (
    "番号",
    "日時",
    "施設",
    "誰が",
    "アカウント",
    "役割",
    "どこから",
    "操作",
    "対象の種類",
    "対象",
    "詳細",
    "結果",
    "ハッシュ",
)


def audit_csv(entries: Iterable[Entry], zone: tzinfo) -> Iterator[bytes]:
    """Give the entries as CSV (RFC 4180, UTF-8 with a mark for Excel), line by line; no cell runs as a formula."""
    yield BOM + _csv_line(COLUMNS)
    for entry in entries:
        yield _csv_line(neutral_cell(cell) for cell in _cells(entry, zone))


def audit_jsonl(entries: Iterable[Entry]) -> Iterator[bytes]:
    """Give the entries as JSON lines, exactly as `daicho audit check --file` wants them."""
    return map(line, entries)


def _cells(entry: Entry, zone: tzinfo) -> tuple[str, ...]:
    at = entry.moment.astimezone(zone).isoformat(timespec="microseconds")
    who = (entry.name, entry.account, entry.role, entry.origin)
    what = (entry.action, entry.kind, entry.key, entry.detail if entry.detail != "{}" else "", entry.outcome)
    return str(entry.number), at, str(entry.facility), *who, *what, entry.hash


def _csv_line(cells: Iterable[str]) -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerow(cells)
    return text.getvalue().encode()
