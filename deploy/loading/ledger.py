# SPDX-License-Identifier: Apache-2.0
"""`daicho load ledger FILE`: the facility's own ledger, from Excel or CSV; shown first, written when asked."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from collector.imports.ledger_import import Wanted, Written, prepare, write
from deploy.import_options import check_writing, ledger_for, read_overrides, tell_next
from deploy.import_preview import needs_a_look, print_preview
from deploy.terminal import check_language, output, say
from inventory_db.listed import OTHER_COLUMNS
from inventory_db.official import COLUMNS


def command(
    file: Annotated[Path, typer.Argument(help="台帳の Excel か CSV / the ledger as Excel or CSV")],
    ledger: Annotated[Path, typer.Option(help="台帳ファイル / ledger file")] = Path("daicho.sqlite"),
    sheet: Annotated[str, typer.Option(help="このシートだけ / only this sheet")] = "",
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help="'機器名=コンピュータ名'（= だけなら読まない） / their column = ours"),
    ] = None,
    name: Annotated[str, typer.Option(help="台帳の名前（既定はファイル名から） / name of the ledger")] = "",
    do_write: Annotated[bool, typer.Option("--write", help="書き込む / write it")] = False,
    who: Annotated[str, typer.Option(help="書き込む人の名前 / who writes it")] = "",
    replace: Annotated[
        bool, typer.Option("--replace", help="人の記入と違うときファイルを採る / the file wins")
    ] = False,
    gone: Annotated[
        str, typer.Option(help="ファイルから消えた行を外す理由 / why rows left the file, e.g. 廃棄")
    ] = "",
    show_all: Annotated[bool, typer.Option("--all", help="省略せずに示す / show everything")] = False,
    lang: Annotated[str, typer.Option(help="表の言語 ja | en / language of the tables")] = "ja",
) -> None:
    """既存の機器台帳（Excel・CSV）を取り込みます。まず結果を示すだけ / import your ledger; shows first."""
    language = check_language(lang)
    check_writing(do_write, who, gone)
    wanted = Wanted(sheet, read_overrides(mapping or [], (*COLUMNS, *OTHER_COLUMNS)), name, replace)
    with ledger_for(ledger, do_write, file, who) as connection:
        made = prepare(connection, file, wanted)
        done = write(connection, made, who, datetime.now(UTC), gone) if do_write else None
    print_preview(output(), made, language, show_all=show_all)
    if done is None:
        tell_next("ledger", file, ledger)
    else:
        _tell(done)
    raise typer.Exit(1 if needs_a_look(made) else 0)


def _tell(done: Written) -> None:
    kept_ja = f"、{done.gone} 行を台帳から外しました" if done.gone else ""
    kept_en = f", {done.gone} rows marked as gone" if done.gone else ""
    if done.rows or done.cells or done.gone:
        say(
            f"書き込みました: {done.rows} 行、機器の記入 {done.cells} 件{kept_ja}。",
            f"Written: {done.rows} rows, {done.cells} cells of devices{kept_en}.",
        )
    else:
        say(
            "前回の取り込みと同じです。変えたものはありません。",
            "The same as last time; nothing was changed.",
        )
