# SPDX-License-Identifier: Apache-2.0
"""What an import of the cloud-service ledger would do, and the ledger itself, as tables on the terminal."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from collector.documents.listed_sheets import CLOUD_COLUMNS, cloud_values
from collector.imports.cloud_import import CloudImport
from collector.imports.trouble import place
from deploy.import_preview import Shown, print_columns
from deploy.terminal import plain
from inventory_db.stated import CloudService

_WIDE = 120
_HEADS_EN = ("Provider", "Service, use", "Domain", "Place, path", "Users", "Authentication", "Since", "State")


def needs_a_look(made: CloudImport) -> bool:
    """Whether something in the file should be looked at by a person."""
    return bool(made.read.problems or made.plan.doubled or made.plan.gone)


def print_cloud_preview(console: Console, made: CloudImport, language: str) -> None:
    """Print the whole preview."""
    ja, plan = language == "ja", made.plan
    shown = Shown(console, ja, None)
    shown.file(made.book, made.tables)
    for table in made.tables:
        print_columns(console, table, language, kept_beside=False)
    shown.places("読めなかった所", "Not read as it stands", made.read.problems)
    shown.places("サービスの行ではないもの", "Rows that are no service", made.read.skipped)
    where = 0 if ja else 1
    shown.listed(
        "重複（先の行を採ります）",
        "Duplicates (the first row counts)",
        [(place(row.line.sheet, row.line.row)[where], row.service.service) for row in plan.doubled],
    )
    shown.listed(
        "変わった行",
        "Changed rows",
        [
            (
                row.service.service,
                "、".join(f"{c}「{old}」→「{new}」" for c, (old, new) in row.changed.items()),
            )
            for row in plan.rows
            if row.changed
        ],
    )
    shown.listed(
        "ファイルから消えたサービス（残します。外すには --gone 解約 など理由を）",
        "Services no longer in the file (they stay; --gone REASON takes them off)",
        [(one.provider, one.service) for one in plan.gone],
    )
    new, changed = sum(row.before is None for row in plan.rows), sum(bool(row.changed) for row in plan.rows)
    same = len(plan.rows) - new - changed
    console.print()
    console.print(
        plain(
            f"{len(plan.rows)} 件: 新しい {new}、変わった {changed}、同じ {same}、消えた {len(plan.gone)}"
            if ja
            else f"{len(plan.rows)} services: {new} new, {changed} changed, {same} the same, {len(plan.gone)} gone",
            "bold",
        )
    )


def print_cloud_ledger(console: Console, services: Sequence[CloudService], language: str) -> None:
    """Print the cloud-service ledger; an empty one says how it is filled."""
    ja = language == "ja"
    if not services:
        console.print(
            plain(
                "クラウドサービスの記入がありません。調査では分からないため、daicho load cloud ファイル で取り込んでください。"
                if ja
                else "No cloud service is listed. No scan can see them: load a ledger with daicho load cloud FILE."
            )
        )
        return
    heads = tuple(name for name, _ in CLOUD_COLUMNS) if ja else _HEADS_EN
    rows: list[tuple[str, ...]] = [cloud_values(one) for one in services]
    if console.width < _WIDE:  # two columns in one, one above the other
        heads = tuple("\n".join(pair) for pair in _pairs(heads))
        rows = [tuple("\n".join(filter(None, pair)) for pair in _pairs(row)) for row in rows]
    table = Table(
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        title_justify="left",
        title="クラウドサービス台帳" if ja else "Cloud services",
        show_lines=console.width < _WIDE,
    )
    for head in heads:
        table.add_column(head, overflow="fold")
    for row in rows:
        table.add_row(*(plain(value) for value in row))
    console.print(table)


def _pairs(row: Sequence[str]) -> list[tuple[str, str]]:
    return list(zip(row[::2], row[1::2], strict=True))
