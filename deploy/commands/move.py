# SPDX-License-Identifier: Apache-2.0
"""`daicho move --from X --to Y`: the whole ledger from SQLite to PostgreSQL or back, checked on both sides."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from agent.refusal import Refusal
from deploy.row_progress import RowProgress
from deploy.site_place import note
from deploy.terminal import say
from inventory_db.audit import Action
from inventory_db.backups.moving import move
from inventory_db.tables import file_of, look_at, server


def command(
    source: Annotated[str, typer.Option("--from", help="今の台帳 / the present ledger")],
    target: Annotated[str, typer.Option("--to", help="空の移し先 / the empty place to move to")],
) -> None:
    """台帳を別のデータベースへ移します / move the ledger to another database."""
    if source == target:
        raise Refusal(
            "移し元と移し先が同じです。何も変更していません。",
            "Source and target are the same. Nothing was changed.",
        )
    old, place = look_at(source), file_of(target)
    new = server(target) if place is None else place
    with RowProgress() as progress:
        moved = move(old, new, datetime.now(UTC), progress.tell)
    rows = sum(one.rows for one in moved)
    there = look_at(target)
    note(there, Action.RESTORE, "move", {"rows": rows, "from": old.dialect.name, "to": there.dialect.name})
    for engine in (old, there):
        engine.dispose()
    say(
        f"{rows:,} 行を移し、両方の行数と検査値が同じことを確かめました。元の台帳はそのまま残っています。",
        f"{rows:,} rows were copied; counts and digests are the same on both sides. The old ledger is kept as it was.",
    )
    say(
        "次に collector.toml の ledger を新しい場所に変え、collector を始め直してください。それまでに元へ届いた記録は移りません。",
        "Next set ledger in collector.toml to the new place and restart the collector: what still arrives at the old "
        "place is not moved.",
    )
