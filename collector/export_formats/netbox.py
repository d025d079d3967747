# SPDX-License-Identifier: Apache-2.0
"""NetBox (4.3 and newer): a zip of CSV files for its bulk import, numbered in the order of importing."""

from collector.documents.ledger_csv import write_ledger_csv
from collector.export_zip import write_zip
from collector.holding import Holding, line
from collector.netbox_rows import NetBox

MEDIA, ENDING, NAME_JA = "application/zip", "zip", "NetBox用"

_README = """NetBox (4.3 以降) の一括取り込み用の CSV です。番号の順に、それぞれの一覧の「Import」で取り込んでください。
機器が答えなかったことは空欄です。NetBox が必須とする製造元、型番には Unknown と書いてあります。
どの値がどれだけ確かかは、機器の comments と tags にあります。' で始まる値は、表計算ソフトで式にならないための印です。
調査で見えていない機器 (台帳にだけある行) は入っていません。

CSV files for the bulk import of NetBox (4.3 and newer). Import them in the order of their numbers, each with
"Import" of its list. What no device told is empty; where NetBox demands a manufacturer or a type, it is Unknown.
How sure each value is stands in the devices' comments and tags. A ' before a value keeps spreadsheets from
running it as a formula. Devices that only the facility's own ledger lists, and no scan has seen, are not in it.

{facility}  {at}
"""


def write(holding: Holding) -> bytes:
    """Give the zip."""
    readme = _README.format(facility=line(holding.facility), at=holding.now.isoformat(timespec="seconds"))
    files = {"README.txt": readme.encode()}
    for place, (name, table) in enumerate(NetBox(holding).tables().items(), 1):
        data = write_ledger_csv(table.columns, table.rows, byte_order_mark=False)
        files[f"{place:02d}-{name}.csv"] = data
    return write_zip(files)
