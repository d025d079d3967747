# SPDX-License-Identifier: Apache-2.0
"""機器台帳 as a paper: the official 12 columns in their order, under 最終更新日 and 最終更新者."""

from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo

from collector.documents.era import era_day, era_time
from collector.documents.paper import Column, Paper, Part
from collector.settings import in_zone
from inventory_db.ledger import Header
from inventory_db.official import COLUMNS

PHARMACY_USERS = "主な利用者属性"  # in the pharmacies' form instead of 利用者: roles, no names
_WIDTHS = (0.75, 1.25, 1.3, 1.8, 1.2, 1.55, 1.5, 1.1, 1.3, 1.05, 0.8, 1.65)


def ledger_columns(form: str) -> tuple[str, ...]:
    """Give the 12 headings of this form (hospital or pharmacy)."""
    if form != "pharmacy":
        return COLUMNS
    return tuple(PHARMACY_USERS if column == "利用者" else column for column in COLUMNS)


def ledger_paper(
    rows: Iterable[Sequence[str]], header: Header, facility: str, form: str, now: datetime, zone: tzinfo
) -> Paper:
    """Make the ledger's paper of rows of 12 texts, as people filled them or the scan found them."""
    updated = era_day(in_zone(header.updated, zone).date()) if header.updated else ""
    columns = tuple(Column(title, width) for title, width in zip(ledger_columns(form), _WIDTHS, strict=True))
    return Paper(
        kind="ledger",
        title="機器台帳",
        facility=facility,
        header=(("最終更新日", updated), ("最終更新者", header.by)),
        parts=(
            Part(
                sheet="機器台帳",
                columns=columns,
                rows=tuple(tuple(row) for row in rows),
                empty="台帳に機器がありません。",
            ),
        ),
        made=f"daicho　{era_time(now, zone)}",
        now=now,
    )
