# SPDX-License-Identifier: Apache-2.0
"""Sheets of the ledger's Excel file for what only people know: cloud services, and their own ledgers' rows."""

from collections.abc import Iterable, Mapping

from collector.documents.ledger_xlsx import FurtherSheet
from inventory_db.official import COLUMNS
from inventory_db.stated import CloudService, ListedDevice

CLOUD_COLUMNS = (  # クラウドサービスの場合の例, 立入検査に係る研修資料
    ("サービス提供事業者", 20),
    ("サービス名称/用途", 24),
    ("ドメイン/アドレス", 24),
    ("利用場所/アクセス経路", 24),
    ("利用者/グループ", 18),
    ("利用者認証方法", 18),
    ("利用開始日", 12),
    ("利用状況", 12),
)
_OURS = (("管理番号", 8), ("元の台帳の番号", 14), ("調査", 12), ("元の台帳", 30), ("行", 6))
_REST = 36  # width of what their ledger has beside the form's columns


def cloud_sheet(services: Iterable[CloudService]) -> FurtherSheet:
    """Give the cloud-service ledger in the form's eight columns."""
    return FurtherSheet("クラウドサービス台帳", CLOUD_COLUMNS, [cloud_values(one) for one in services])


def cloud_values(one: CloudService) -> tuple[str, ...]:
    """Give the eight texts of one service."""
    return (
        one.provider,
        one.service,
        one.domain,
        one.path,
        one.users,
        one.authentication,
        one.since,
        one.state,
    )


def own_ledger_sheet(listed: Iterable[ListedDevice], numbers: Mapping[str, str]) -> FurtherSheet:
    """Give the rows of the facility's own ledgers as they stood there, beside our 管理番号."""
    columns = [*_OURS, *((name, 16) for name in COLUMNS[1:]), ("ほかの列", _REST)]
    return FurtherSheet("元の台帳", columns, [_own_row(one, numbers) for one in listed])


def _own_row(one: ListedDevice, numbers: Mapping[str, str]) -> tuple[str, ...]:
    if not one.present:
        seen = f"台帳から外れた（{one.reason}）" if one.reason else "台帳から外れた"
    else:
        seen = "確認" if one.device else "未確認"
    rest = "\n".join(f"{name}: {text}" for name, text in one.cells.items() if name not in COLUMNS)
    return (
        numbers.get(one.device) or numbers.get(one.id, ""),
        one.cells.get("管理番号", ""),
        seen,
        one.source,
        str(one.row),
        *(one.cells.get(name, "") for name in COLUMNS[1:]),
        rest,
    )
