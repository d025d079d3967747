# SPDX-License-Identifier: Apache-2.0
"""クラウドサービス台帳, in the eight columns of the inspection training's example (令和6年度)."""

from collector.documents.paper import Column, Paper, Part
from collector.dossier import Dossier
from inventory_db.stated import CloudService

_COLUMNS = (
    Column("サービス提供事業者", 1.3),
    Column("サービス名称/用途", 1.4),
    Column("ドメイン/アドレス", 1.3),
    Column("利用場所/アクセス経路", 1.3),
    Column("利用者/グループ", 1.1),
    Column("利用者認証方法", 1.1),
    Column("利用開始日", 0.9),
    Column("利用状況", 0.8),
)


def make(dossier: Dossier) -> Paper:
    """Make the cloud-service ledger of what people stated; no scan fills it."""
    rows = tuple(
        (one.provider, one.service, one.domain, one.path, one.users, one.authentication, one.since, one.state)
        for one in dossier.case.said(CloudService)
    )
    return Paper(
        kind="cloud",
        title="クラウドサービス台帳",
        facility=dossier.facility,
        parts=(
            Part(
                sheet="クラウドサービス台帳",
                columns=_COLUMNS,
                rows=rows,
                empty="記入がありません。クラウドサービスは調べでは分からないため、人が記入します。",
            ),
        ),
        made=dossier.made,
        now=dossier.case.now,
    )
