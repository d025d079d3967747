# SPDX-License-Identifier: Apache-2.0
"""`daicho load ledger FILE`: the facility's own ledger, from Excel or CSV; shown first, written when asked."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from agent.refusal import Refusal
from collector.imports.ledger_import import Wanted, Written, prepare, write
from deploy.import_preview import needs_a_look, print_preview
from deploy.overrides import read_overrides
from deploy.terminal import check_language, errors, output, plain, say, shell_word
from inventory_db.listed import OTHER_COLUMNS
from inventory_db.official import COLUMNS
from inventory_db.tables import open_ledger, writing


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
    _check(do_write, who, gone)
    wanted = Wanted(sheet, read_overrides(mapping or [], (*COLUMNS, *OTHER_COLUMNS)), name, replace)
    engine = open_ledger(ledger, create=do_write)
    try:
        if do_write:
            with writing(engine) as connection:
                made = prepare(connection, file, wanted)
                done = write(connection, made, who, datetime.now(UTC), gone)
        else:
            with engine.connect() as connection:
                made, done = prepare(connection, file, wanted), None
    finally:
        engine.dispose()
    print_preview(output(), made, language, show_all=show_all)
    _tell(done, f"{shell_word(file)} --ledger {shell_word(ledger)}")
    raise typer.Exit(1 if needs_a_look(made) else 0)


def _check(do_write: bool, who: str, gone: str) -> None:
    if do_write and not who.strip():
        raise Refusal(
            "書き込む人の名前がありません。--who 名前 を付けてください。何も変更していません。",
            "Who writes it? Add --who NAME. Nothing was changed.",
        )
    if gone and not do_write:
        raise Refusal(
            "--gone は --write と一緒に使います。何も変更していません。",
            "Use --gone together with --write. Nothing was changed.",
        )


def _tell(done: Written | None, again: str) -> None:
    if done is None:
        say("まだ何も書き込んでいません。", "Nothing was written yet.")
        errors.print(plain(f"  daicho load ledger {again} --write --who 名前", "dim"), soft_wrap=True)
        return
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
