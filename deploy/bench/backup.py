# SPDX-License-Identifier: Apache-2.0
"""Backup, restore and move in figures: `python -m deploy.bench.backup [ROWS]`.

Beside SQLite's own online backup of the same ledger, which neither encrypts, compresses, checks nor reads again; each
part runs in a process of its own, whose peak memory is the kernel's. With DAICHO_TEST_POSTGRES (deploy.lab.postgres
sets it) also the move to PostgreSQL and back, beside a bare COPY of the same rows into a table without any index.
"""

import json
import os
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pyrage
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from inventory_db.backups.backup import Origin, back_up
from inventory_db.backups.moving import move
from inventory_db.backups.restore import check_backup, restore_to_file
from inventory_db.backups.rows import driver_of
from inventory_db.backups.sealing import Key, Lock
from inventory_db.tables import look_at, open_ledger, server

ROWS = 300_000
_BATCH = 20_000
_SAID = '{{"probe":"ssh","port":22,"outcome":"answered","facts":[{{"kind":"ssh_banner","value":"SSH-2.0-OpenSSH_9.2p1 {0}"}}]}}'
_COLUMNS = "facility, id, at, received, agent, scan, address, transcript, body"
_SERVER = "DAICHO_TEST_POSTGRES"


def build(path: Path, rows: int) -> None:
    """Make a ledger of so many observations, each with a transcript of its own for every tenth."""
    open_ledger(path).dispose()
    chance = random.Random(1)
    with closing(sqlite3.connect(path)) as raw:
        for begin in range(0, rows, _BATCH):
            numbers = range(begin, min(begin + _BATCH, rows))
            ids = [chance.randbytes(16).hex() for _ in numbers]
            raw.executemany(
                "INSERT INTO transcripts (facility, id, data) VALUES (1, ?, ?)",
                [(one, chance.randbytes(300)) for one in ids[::10]],
            )
            raw.executemany(
                f"INSERT INTO observations ({_COLUMNS}) VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    (
                        one, 1_700_000_000_000_000 + n * 1000, 1_700_000_000_000_000, "agent-1", f"scan-{n // 40_000}",
                        f"10.{n % 8}.{n // 250 % 250}.{n % 250}", one if n % 10 == begin % 10 else None,
                        _SAID.format(chance.randbytes(8).hex()).encode(),
                    )
                    for n, one in zip(numbers, ids, strict=True)
                ],
            )  # fmt: skip
            raw.commit()
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def quiet(*_: object) -> None:
    """Nobody watches."""


def part_backup(folder: Path, secret: str) -> None:
    engine = look_at(folder / "a.sqlite")
    lock = Lock(recipients=(str(pyrage.x25519.Identity.from_str(secret).to_public()),))
    back_up(engine, folder / "b", lock, {}, Origin("bench", datetime.now(UTC)), quiet)
    engine.dispose()


def part_check(folder: Path, secret: str) -> None:
    with (folder / "b").open("rb") as file:
        check_backup(file, Key(identities=(secret,)), quiet)


def part_restore(folder: Path, secret: str) -> None:
    key = Key(identities=(secret,))
    with (folder / "b").open("rb") as file:
        checked = check_backup(file, key, quiet)
        restore_to_file(file, key, folder / "c.sqlite", datetime.now(UTC), quiet, checked)


def part_sqlite(folder: Path, _: str) -> None:
    with (
        closing(sqlite3.connect(folder / "a.sqlite")) as old,
        closing(sqlite3.connect(folder / "d.sqlite")) as new,
    ):
        old.backup(new)
    with (folder / "d.sqlite").open("rb") as file:
        os.fsync(file.fileno())


def part_to_server(folder: Path, url: str) -> None:
    old, new = look_at(folder / "a.sqlite"), server(url)
    move(old, new, datetime.now(UTC), quiet)
    new.dispose()
    old.dispose()


def part_from_server(folder: Path, url: str) -> None:
    old = look_at(url)
    move(old, folder / "e.sqlite", datetime.now(UTC), quiet)
    old.dispose()


def part_copy(folder: Path, url: str) -> None:
    """The least that PostgreSQL can do: the observations, made as text before the clock starts, by one COPY."""
    engine = create_engine(make_url(url))
    with closing(sqlite3.connect(folder / "a.sqlite")) as raw, engine.begin() as connection:
        connection.execute(
            text(
                "CREATE TABLE bare (facility int, id varchar(32), at bigint, received bigint, agent varchar(255), "
                "scan varchar(255), address varchar(255), transcript varchar(32), body bytea)"
            )
        )
        with (
            driver_of(connection).cursor() as cursor,
            cursor.copy(f"COPY bare ({_COLUMNS}) FROM STDIN") as copy,
        ):
            for row in raw.execute(f"SELECT {_COLUMNS} FROM observations"):
                copy.write_row(row)
    engine.dispose()


PARTS: dict[str, Callable[[Path, str], None]] = {
    name.removeprefix("part_"): part for name, part in list(globals().items()) if name.startswith("part_")
}


def run(part: str, folder: Path, word: str) -> tuple[float, float]:
    """Run one part in a process of its own; gives seconds and peak MB."""
    command = [sys.executable, "-m", "deploy.bench.backup", "--part", part, str(folder)]
    told = subprocess.run(command, input=word, capture_output=True, text=True, check=True)
    seconds, peak = json.loads(told.stdout)
    return float(seconds), float(peak)


def main(rows: int) -> None:
    """Print the figures."""
    secret = str(pyrage.x25519.Identity.generate())
    with tempfile.TemporaryDirectory(prefix="daicho-backup-") as name:
        folder = Path(name)
        build(folder / "a.sqlite", rows)
        count, size = rows + len(range(0, rows, 10)), (folder / "a.sqlite").stat().st_size
        print(f"ledger: {rows:,} observations, {count:,} rows, {size / 2**20:,.0f} MB")
        least = run("sqlite", folder, secret)[0]
        print(f"SQLite's own backup: {least:.2f} s")
        for part in ("backup", "check", "restore"):
            seconds, peak = run(part, folder, secret)
            print(
                f"{part}: {seconds:.2f} s, {count / seconds:,.0f} rows/s, {peak:.0f} MB of memory, "
                f"{seconds / least:.1f} x SQLite's own backup"
            )
        made = (folder / "b").stat().st_size
        print(f"the encrypted file: {made / 2**20:,.0f} MB, {made / size:.2f} of the ledger")
        if os.environ.get(_SERVER):
            _measure_server(folder, count)


def _measure_server(folder: Path, count: int) -> None:
    url = make_url(os.environ[_SERVER]).set(drivername="postgresql+psycopg")
    admin = create_engine(url)
    with admin.begin() as connection:
        connection.execute(text("CREATE SCHEMA bench_backup"))
    own = url.update_query_dict({"options": "-csearch_path=bench_backup"}).render_as_string(
        hide_password=False
    )
    try:
        to, peak_to = run("to_server", folder, own)
        back, peak_back = run("from_server", folder, own)
        least = run("copy", folder, own)[0]
    finally:
        with admin.begin() as connection:
            connection.execute(text("DROP SCHEMA bench_backup CASCADE"))
        admin.dispose()
    print(f"bare COPY of the observations: {least:.2f} s")
    print(
        f"move to PostgreSQL: {to:.2f} s, {count / to:,.0f} rows/s, {peak_to:.0f} MB, {to / least:.1f} x the bare COPY"
    )
    print(f"move back to SQLite: {back:.2f} s, {count / back:,.0f} rows/s, {peak_back:.0f} MB")


def main_part(part: str, folder: Path) -> None:
    """Run one part and print its seconds and peak memory."""
    word = sys.stdin.read()
    begun = time.perf_counter()
    PARTS[part](folder, word)
    seconds = time.perf_counter() - begun
    print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--part"]:
        main_part(sys.argv[2], Path(sys.argv[3]))
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else ROWS)
