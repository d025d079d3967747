# SPDX-License-Identifier: Apache-2.0
"""How long an import of a very large ledger takes, and how much memory: `python -m deploy.bench.import_ledger [ROWS]`.

Makes a CSV (CP932), an .xlsx that the streaming reader takes and one that only the faster reader takes, imports
each in a process of its own into a ledger of 2,000 devices, and again unchanged. Beside it: pandas-like reading of
the same sheet with openpyxl alone (every cell, nothing compared), as the named alternative.
"""

import csv
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import openpyxl
import xlsxwriter

from collector.imports.ledger_import import Wanted, prepare, write
from inventory_db import ledger, observations
from inventory_db.tables import open_ledger, writing
from probes.facts import Fact, FactKind, Observation, Outcome, Upload, fact

ROWS, DEVICES = 200_000, 2_000
HEADS = (
    "管理番号",
    "機器名",
    "IPアドレス",
    "MACアドレス",
    "メーカ",
    "型番",
    "OS",
    "設置場所",
    "使用者",
    "導入日",
    "状態",
    "備考",
)
NOW = datetime(2026, 7, 1, tzinfo=UTC)


def rows(count: int) -> Iterator[tuple[str, ...]]:
    """A ledger of so many devices; the first ones are those that the scan saw."""
    for n in range(count):
        ip, mac = (
            f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}",
            f"00:11:32:{n >> 16:02x}:{n >> 8 & 255:02x}:{n & 255:02x}",
        )
        day = f"R{n % 7 + 1}.{n % 12 + 1}.{n % 28 + 1}"
        yield (
            f"A-{n:06d}",
            f"PC{n:06d}",
            ip,
            mac,
            "富士通",
            "ESPRIMO",
            "Win11",
            f"{n % 9}階 {n % 40} 号室",
            f"利用者{n % 900}",
            day,
            "稼働",
            "",
        )


def make_files(folder: Path, count: int) -> None:
    """Write the ledger as CSV and as Excel."""
    with (folder / "ledger.csv").open("w", encoding="cp932", newline="") as file:
        csv.writer(file).writerows([HEADS, *rows(count)])
    book = xlsxwriter.Workbook(str(folder / "ledger.xlsx"), {"constant_memory": True})
    page = book.add_worksheet("台帳")
    for number, row in enumerate((HEADS, *rows(count))):
        for place, text in enumerate(row):
            page.write_string(number, place, text)
    book.close()


def make_ledger(path: Path) -> None:
    """A ledger whose scan saw the first devices."""
    found = []
    for _, _, ip, mac, *_ in rows(DEVICES):
        told: tuple[Fact, ...] = (fact(FactKind.MAC, mac), fact(FactKind.ADDRESS, ip))
        found.append(
            Observation(
                at=NOW,
                scan="s",
                vantage="v",
                network="10.0.0.0/8",
                transport="arp",
                outcome=Outcome.ANSWERED,
                probe="packets.arp",
                address=ip,
                mac=mac,
                facts=told,
            )
        )
    engine = open_ledger(path)
    with writing(engine) as connection:
        observations.append(connection, Upload(observations=tuple(found)))
        ledger.refresh(connection)
    engine.dispose()


def one(what: str, file: Path, target: Path) -> None:
    """One measurement in this process: prints seconds, rows/s and the peak memory."""
    began, count = time.perf_counter(), 0
    if what == "openpyxl":
        for row in openpyxl.load_workbook(file, read_only=True).worksheets[0].iter_rows(values_only=True):
            count += bool(row)
    else:
        engine = open_ledger(target)
        with writing(engine) as connection:
            made = prepare(connection, file, Wanted())
            planned = time.perf_counter() - began
            done = write(connection, made, "計測", NOW)
        engine.dispose()
        count = len(made.plan.items)
        print(
            f"  shown after {planned:.1f} s; wrote {done.rows} rows and {done.cells} cells", file=sys.stderr
        )
    spent, peak = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(
        f"{what:<10} {file.name:<12} {count:>8} rows {spent:7.1f} s {count / spent:>8.0f} rows/s  peak {peak:>5} MB"
    )


def main() -> None:
    """Make everything in a temporary folder and measure each in a process of its own."""
    if len(sys.argv) == 4:
        one(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_files(folder, count)
        for file in ("ledger.csv", "ledger.xlsx"):
            target = folder / f"{file}.sqlite"
            make_ledger(target)
            for what in ("import", "again"):
                _run(what, folder / file, target)
        _run("openpyxl", folder / "ledger.xlsx", folder)


def _run(*words: object) -> None:
    subprocess.run([sys.executable, "-m", "deploy.bench.import_ledger", *map(str, words)], check=True)


if __name__ == "__main__":
    main()
