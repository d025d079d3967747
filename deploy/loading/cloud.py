# SPDX-License-Identifier: Apache-2.0
"""`daicho load cloud FILE`: the cloud-service ledger, from Excel or CSV; shown first, written when asked."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from collector.imports.cloud_import import FIELDS, prepare_cloud, write_cloud
from collector.imports.ledger_import import Wanted
from deploy.cloud_preview import needs_a_look, print_cloud_preview
from deploy.import_options import check_writing, ledger_for, read_overrides, tell_next
from deploy.terminal import check_language, output, say


def command(
    file: Annotated[Path, typer.Argument(help="台帳の Excel か CSV / the ledger as Excel or CSV")],
    ledger: Annotated[Path, typer.Option(help="台帳ファイル / ledger file")] = Path("daicho.sqlite"),
    sheet: Annotated[str, typer.Option(help="このシートだけ / only this sheet")] = "",
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help="'列名=台帳の列'（= だけなら読まない） / their column = ours"),
    ] = None,
    do_write: Annotated[bool, typer.Option("--write", help="書き込む / write it")] = False,
    who: Annotated[str, typer.Option(help="書き込む人の名前 / who writes it")] = "",
    gone: Annotated[
        str, typer.Option(help="ファイルから消えたサービスを外す理由 / why services left the file, e.g. 解約")
    ] = "",
    lang: Annotated[str, typer.Option(help="表の言語 ja | en / language of the tables")] = "ja",
) -> None:
    """クラウドサービス台帳（Excel・CSV）を取り込みます / import your ledger of cloud services; shows first."""
    language = check_language(lang)
    check_writing(do_write, who, gone)
    wanted = Wanted(sheet, read_overrides(mapping or [], FIELDS))
    with ledger_for(ledger, do_write, file, who) as connection:
        made = prepare_cloud(connection, file, wanted)
        done = write_cloud(connection, made, who, datetime.now(UTC), gone) if do_write else None
    print_cloud_preview(output(), made, language)
    if done is None:
        tell_next("cloud", file, ledger)
    elif done["rows"] or done["gone"]:
        say(
            f"書き込みました: {done['rows']} 件、外したもの {done['gone']} 件。",
            f"Written: {done['rows']} services, {done['gone']} taken off.",
        )
    else:
        say(
            "前回の取り込みと同じです。変えたものはありません。",
            "The same as last time; nothing was changed.",
        )
    raise typer.Exit(1 if needs_a_look(made) else 0)
