# SPDX-License-Identifier: Apache-2.0
"""How fast observations are stored. A night of many hospitals is `deploy.bench.prefecture`.

`python -m deploy.bench.ingest [--observations 40000] [--only sqlite|postgresql]`
under `python -m deploy.lab.postgres` for PostgreSQL too (DAICHO_TEST_POSTGRES; its data is in memory there).

Stores the same observations by `append`, through signed uploads to a real collector, and by a bare COPY (SQLite: a bare
executemany) of the same bytes into a table of the same shape, keys and indexes included.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, func, select, text

from deploy.bench.collector_process import CollectorProcess
from deploy.bench.identify import Facility
from deploy.bench.signed_sender import READY_WITHIN, Sender, deliver_together, enrolled, packed, wait_for
from inventory_db import observations, tables
from inventory_db.bulk import copy_binary
from inventory_db.facilities import add_facility, bind
from inventory_db.observations import _rows_of
from inventory_db.tables import open_ledger, writing
from probes.facts import Observation, Upload

BATCH = 2000
SENDERS = 3  # agents that upload at once


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(prog="python -m deploy.bench.ingest")
    options.add_argument("--observations", type=int, default=40_000)
    options.add_argument("--only", choices=("sqlite", "postgresql"), default="")
    given = options.parse_args()
    for kind in (given.only,) if given.only else ("sqlite", "postgresql"):
        print(f"== {kind}", flush=True)
        with empty_ledger(kind) as target:
            if target is None:
                print("DAICHO_TEST_POSTGRES is not set: run under python -m deploy.lab.postgres")
                continue
            for line in _throughput(target, given.observations):
                print(line, flush=True)


@contextmanager
def empty_ledger(kind: str) -> Iterator[str | None]:
    """Give an empty place for a ledger."""
    server = os.environ.get("DAICHO_TEST_POSTGRES")
    if kind == "sqlite":
        with TemporaryDirectory() as folder:
            yield str(Path(folder) / "bench.sqlite")
    elif not server:
        yield None
    else:
        admin = tables.server(server)
        name = f"bench_{time.time_ns()}"
        with admin.begin() as connection:
            connection.execute(text(f"CREATE SCHEMA {name}"))
        yield f"{server}{'&' if '?' in server else '?'}options=-csearch_path%3D{name}"
        with admin.begin() as connection:
            connection.execute(text(f"DROP SCHEMA {name} CASCADE"))
        admin.dispose()


def batches(count: int) -> list[Upload]:
    """Make so many observations, half of them with a transcript of their own."""
    made: list[Observation] = []
    for upload in Facility(count // 20 + 1, 20).night(0):
        made += (_with_words(one, number) for number, one in enumerate(upload.observations, len(made)))
    made = made[:count]
    return [Upload(observations=tuple(made[at : at + BATCH])) for at in range(0, count, BATCH)]


def _with_words(one: Observation, number: int) -> Observation:
    if number % 2:
        return one
    words = (
        f"> b'GET / HTTP/1.0\\r\\n\\r\\n'\n< b'HTTP/1.1 200 OK\\r\\nDate: {number}\\r\\nServer: nginx\\r\\n'\n"
        * 2
    )
    return msgspec.structs.replace(one, transcript=words)


def _throughput(target: str, observed: int) -> Iterator[str]:
    made = batches(observed)
    count = sum(len(one.observations) for one in made)
    engine = open_ledger(target)
    bare, size = bare_copy(engine, made)
    plain = count / bare
    yield f"{count:,} observations, {size / count:,.0f} bytes each as COPY writes them with their transcripts"
    yield f"bare {'COPY' if engine.dialect.name == 'postgresql' else 'executemany'} {plain:12,.0f} /s"
    with TemporaryDirectory() as folder, serving(target, Path(folder)) as collector:
        senders = [enrolled(engine, f"bench {n}") for n in range(SENDERS)]
        shares = [[packed(one, sender) for one in made[n::SENDERS]] for n, sender in enumerate(senders)]
        took = _delivered(collector.port, list(zip(senders, shares, strict=True)))
        yield f"signed uploads {count / took:11,.0f} /s   {bare / took:5.2f} of the bare one, by {SENDERS} agents"
        yield f"collector: {collector.memory() >> 20} MiB at most"
    with engine.connect() as connection:
        stored = connection.execute(select(func.count()).select_from(tables.observations)).scalar_one()
    took = _timed(
        lambda: _append(_second(engine), made)
    )  # after them: what it stores a collector derives at once
    yield f"append alone {count / took:13,.0f} /s   {bare / took:5.2f} of the bare one"
    yield f"stored {stored:,} of {count:,}" + ("" if stored == count else "   WRONG")
    engine.dispose()


def _delivered(port: int, shares: Sequence[tuple[Sender, list[bytes]]]) -> float:
    """Let each sender deliver its share from a process of its own; gives the seconds, from when all stand ready."""
    context = get_context("spawn")
    ready = context.Barrier(len(shares) + 1)
    with ProcessPoolExecutor(
        len(shares), mp_context=context, initializer=wait_for, initargs=(ready,)
    ) as pool:
        futures = [pool.submit(deliver_together, port, *one) for one in shares]
        ready.wait(READY_WITHIN)
        return _timed(lambda: _all(iter(futures)))


def _second(engine: Engine) -> Engine:
    """Give another facility, so that the same observations can be stored twice."""
    with engine.begin() as connection:
        return bind(engine, add_facility(connection, "second", "第二", datetime.now(UTC)).id)


def _append(engine: Engine, made: Sequence[Upload]) -> None:
    for one in made:
        with writing(engine) as connection:
            observations.append(connection, one)


def bare_copy(engine: Engine, made: Sequence[Upload]) -> tuple[float, int]:
    """Store the same rows without us: seconds, and bytes as COPY writes them."""
    ready = [_rows(one) for one in made]
    names = ("observations", "transcripts")
    shapes = {name: f"bare_{name}" for name in names}
    with engine.begin() as connection:
        for name, copy in shapes.items():
            _same_shape(connection, name, copy)
    texts = [
        {name: copy_binary(tables.metadata.tables[name], 9, rows[name]) for name in names} for rows in ready
    ]
    size = sum(len(body) for one in texts for body in one.values())
    server = engine.dialect.name == "postgresql"

    def store() -> None:
        for rows, lines in zip(ready, texts, strict=True):
            with engine.begin() as connection:
                for name, copy in shapes.items():
                    if server:
                        _copy(connection, f"{copy} ({_names(name)})", lines[name])
                    else:
                        marks = ", ".join("?" * (len(rows[name][0]) + 1))
                        order = f"INSERT INTO {copy} ({_names(name)}) VALUES ({marks})"
                        connection.exec_driver_sql(order, [(9, *row) for row in rows[name]])

    return _timed(store), size


def _rows(one: Upload) -> dict[str, list[Any]]:
    said, rows = _rows_of(one.observations, "bench", 1)
    return {
        "observations": list(rows.values()),
        "transcripts": [(id, observations.pack(words)) for id, words in said.items()],
    }


def _names(table: str) -> str:
    return ", ".join(column.name for column in tables.metadata.tables[table].columns)


def _same_shape(connection: Connection, name: str, copy: str) -> None:
    """Make a table like one of ours with its keys and indexes, but without triggers and policies."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"CREATE TABLE {copy} (LIKE {name} INCLUDING ALL)"))
        return
    found = select(text("sql")).select_from(text("sqlite_schema")).where(text(f"tbl_name = '{name}' AND type IN ('table', 'index') AND sql IS NOT NULL"))  # fmt: skip
    for (order,) in connection.execute(found).all():
        made = order.replace(f" {name} ", f" {copy} ").replace(f'"{name}"', f'"{copy}"')
        connection.exec_driver_sql(made.replace(" ix_", " ix_bare_").replace(f"pk_{name}", f"pk_{copy}"))


def _copy(connection: Connection, table: str, lines: bytes) -> None:
    cursor: Any = connection.connection.cursor()
    with cursor, cursor.copy(f"COPY {table} FROM STDIN WITH (FORMAT binary)") as copy:
        copy.write(lines)


@contextmanager
def serving(target: str, state: Path) -> Iterator[CollectorProcess]:
    collector = CollectorProcess(target, state)
    collector.start()
    try:
        yield collector
    finally:
        collector.stop()


def _timed(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def _all(futures: Iterator[Any]) -> list[Any]:
    return [future.result() for future in list(futures)]


if __name__ == "__main__":
    main()
