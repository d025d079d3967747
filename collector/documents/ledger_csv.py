# SPDX-License-Identifier: Apache-2.0
"""The ledger as CSV (RFC 4180): one line per device, no cell that a spreadsheet would run."""

import csv
import io
from collections.abc import Iterable, Sequence

from collector.safe_text import neutral_cell

BOM = b"\xef\xbb\xbf"  # tells Excel that the text is UTF-8


def write_ledger_csv(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, byte_order_mark: bool = True
) -> bytes:
    """Give the ledger as UTF-8 bytes with CRLF lines: the column names, then one line per row."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    writer.writerow(columns)
    for row in rows:
        writer.writerow([neutral_cell(cell) for cell in row])
    return (BOM if byte_order_mark else b"") + text.getvalue().encode()
