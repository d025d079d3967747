# SPDX-License-Identifier: Apache-2.0
"""The journal as a file for a device's maker: CSV for spreadsheets, or JSON lines. Nothing runs as a formula."""

import csv
import io
from collections.abc import Iterable
from pathlib import Path

import msgspec

from agent.refusal import Refusal
from collector.case import JAPAN
from collector.documents.ledger_csv import BOM
from collector.safe_text import neutral_cell
from deploy.journal_table import ACTIONS, why_in
from probes.facts import Sent

_HEADS = (
    *(
        "日時 / at",
        "宛先 / address",
        "MAC",
        "何を / what",
        "何を (en)",
        "ポート / port",
        "プロトコル / transport",
    ),
    *("パケット / packets", "接続 / connections", "中身のバイト / payload bytes", "問い / probe"),
    *("なぜ / why", "なぜ (en)", "どこから / vantage", "調べ / scan"),
)


def journal_file(lines: Iterable[Sent], path: Path) -> bytes:
    """Give the bytes of the file, by the ending of its name (.csv, .jsonl); raises Refusal for another."""
    ending = path.suffix.lower()
    if ending == ".jsonl":
        return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
    if ending == ".csv":
        return BOM + "".join(map(_row, (_HEADS, *map(_cells, lines)))).encode()
    raise Refusal(
        "書き出す先の名前は .csv（表計算用）か .jsonl（1行1件の JSON）で終えてください。",
        "Let the file's name end with .csv (for spreadsheets) or .jsonl (JSON lines).",
    )


def _cells(line: Sent) -> tuple[str, ...]:
    numbers = (line.packets, line.connections, line.payload_bytes)
    return (
        *(line.at.astimezone(JAPAN).isoformat(), line.address, line.mac),
        *(ACTIONS.get(line.action, line.action), line.action),
        *(str(line.port) if line.port else "", line.transport, *map(str, numbers), line.probe),
        *(why_in(line.why, "ja"), why_in(line.why, "en"), line.vantage, line.scan),
    )


def _row(cells: Iterable[str]) -> str:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerow([neutral_cell(cell) for cell in cells])
    return text.getvalue()
