# SPDX-License-Identifier: Apache-2.0
"""How fast observations are stored, and how long a night of many hospitals takes.

`python -m deploy.bench.ingest [--observations 40000] [--facilities 2] [--devices 300] [--each 20] [--whole]`
under `python -m deploy.lab.postgres` for PostgreSQL too (DAICHO_TEST_POSTGRES; its data is in memory there).

The first part stores the same observations by `append`, through signed uploads to a real collector, and by a bare
COPY (SQLite: a bare executemany) of the same bytes into a table of the same shape, keys and indexes included. The
second part is a scaled night: every facility's agent uploads a scan, the collector's jobs derive the devices, and it
is over when no upload waits. `--whole` is 80 facilities x 2,000 devices x 20 observations.
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
from deploy.bench.signed_sender import Sender, deliver, enrolled, packed
from inventory_db import observations, tables
from inventory_db.bulk import copy_text
from inventory_db.facilities import add_facility, bind, every
from inventory_db.observations import _rows_of
from inventory_db.tables import open_ledger, writing
from inventory_db.uploads import WAITING, uploads
from probes.facts import Observation, Upload

BATCH = 2000
SENDERS = 3  # agents that upload at once


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(prog="python -m deploy.bench.ingest")
    options.add_argument("--observations", type=int, default=40_000, help="of the first part")
    options.add_argument("--facilities", type=int, default=2)
    options.add_argument("--devices", type=int, default=300)
    options.add_argument("--each", type=int, default=20, help="observations of one device")
    options.add_argument("--whole", action="store_true", help="80 facilities, 2,000 devices, 20 observations")
    options.add_argument("--only", choices=("sqlite", "postgresql"), default="")
    given = options.parse_args()
    if given.whole:
        given.facilities, given.devices, given.each = 80, 2000, 20
    for kind in (given.only,) if given.only else ("sqlite", "postgresql"):
        print(f"== {kind}", flush=True)
        for place in (_throughput, _night):
            with _ledger(kind) as target:
                if target is None:
                    print("DAICHO_TEST_POSTGRES is not set: run under python -m deploy.lab.postgres")
                    break
                for line in place(target, given):
                    print(line, flush=True)


@contextmanager
def _ledger(kind: str) -> Iterator[str | None]:
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


def _throughput(target: str, given: argparse.Namespace) -> Iterator[str]:
    made = batches(given.observations)
    count = sum(len(one.observations) for one in made)
    engine = open_ledger(target)
    second = _second(engine)
    bare, size = _bare(engine, made)
    plain = count / bare
    yield f"{count:,} observations, {size / count:,.0f} bytes each as COPY writes them with their transcripts"
    yield f"bare {'COPY' if engine.dialect.name == 'postgresql' else 'executemany'} {plain:12,.0f} /s"
    took = _timed(lambda: _append(second, made))
    yield f"append alone {count / took:13,.0f} /s   {bare / took:5.2f} of the bare one"
    with TemporaryDirectory() as folder, _serving(target, Path(folder)) as collector:
        senders = [enrolled(engine, f"bench {n}") for n in range(SENDERS)]
        shares = [[packed(one, sender) for one in made[n::SENDERS]] for n, sender in enumerate(senders)]
        with ProcessPoolExecutor(SENDERS, mp_context=get_context("spawn")) as pool:
            list(pool.map(abs, range(SENDERS)))  # the processes are there before the clock runs
            took = _timed(lambda: _all(pool.submit(deliver, collector.port, *one) for one in zip(senders, shares, strict=True)))  # fmt: skip
        yield f"signed uploads {count / took:11,.0f} /s   {bare / took:5.2f} of the bare one, by {SENDERS} agents"
        yield f"collector: {collector.memory() >> 20} MiB at most"
    with engine.connect() as connection:
        stored = connection.execute(select(func.count()).select_from(tables.observations)).scalar_one()
    yield f"stored {stored:,} of {count:,}" + ("" if stored == count else "   WRONG")
    engine.dispose()


def _second(engine: Engine) -> Engine:
    """Give another facility, so that the same observations can be stored twice."""
    with engine.begin() as connection:
        return bind(engine, add_facility(connection, "second", "第二", datetime.now(UTC)).id)


def _append(engine: Engine, made: Sequence[Upload]) -> None:
    for one in made:
        with writing(engine) as connection:
            observations.append(connection, one)


def _bare(engine: Engine, made: Sequence[Upload]) -> tuple[float, int]:
    """Store the same rows without us: seconds, and bytes as COPY writes them."""
    ready = [_rows(one) for one in made]
    names = ("observations", "transcripts")
    shapes = {name: f"bare_{name}" for name in names}
    with engine.begin() as connection:
        for name, copy in shapes.items():
            _same_shape(connection, name, copy)
    texts = [{name: copy_text(9, rows[name]) for name in names} for rows in ready]
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
    with connection.connection.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN") as copy:  # type: ignore[attr-defined]
        copy.write(lines)


@contextmanager
def _serving(target: str, state: Path) -> Iterator[CollectorProcess]:
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


def _night(target: str, given: argparse.Namespace) -> Iterator[str]:
    engine = open_ledger(target)
    places = [engine, *(_further(engine, n) for n in range(1, given.facilities))]
    senders = [enrolled(place, "night") for place in places]
    total = given.facilities * given.devices * given.each
    yield (
        f"a night: {given.facilities} facilities x {given.devices:,} devices x {given.each} observations = {total:,}"
    )
    with TemporaryDirectory() as folder, _serving(target, Path(folder)) as collector:
        begun = time.monotonic()
        with ProcessPoolExecutor(SENDERS, mp_context=get_context("spawn")) as pool:
            sent = [
                pool.submit(_one_night, collector.port, one, given.devices, given.each) for one in senders
            ]
            waited = sum(one.result() for one in sent)
        stored = time.monotonic() - begun
        yield f"stored after {stored:8.1f} s ({total / stored:,.0f} /s; asked to wait {waited} times)"
        while _left(engine):
            time.sleep(0.5)
        yield f"identified after {time.monotonic() - begun:8.1f} s"
        yield f"collector: {collector.memory() >> 20} MiB at most"
    with every(engine).connect() as connection:
        seen = connection.execute(select(func.count()).select_from(tables.observations)).scalar_one()
        found = connection.execute(select(func.count()).select_from(tables.devices)).scalar_one()
        states = connection.execute(select(uploads.c.state, func.count()).group_by(uploads.c.state)).all()
    yield f"{seen:,} observations, {found:,} devices, uploads {dict(map(tuple, states))}"
    engine.dispose()


def _further(engine: Engine, number: int) -> Engine:
    with engine.begin() as connection:
        return bind(engine, add_facility(connection, f"f{number}", f"施設{number}", datetime.now(UTC)).id)


def _one_night(port: int, sender: Sender, devices: int, each: int) -> int:
    """Upload one facility's scan, made while it is sent."""

    def bodies() -> Iterator[bytes]:
        for one in Facility(devices, each).night(0):
            yield packed(msgspec.structs.replace(one, sent=()), sender)

    return deliver(port, sender, bodies())


def _left(engine: Engine) -> int:
    waiting = uploads.c.state.in_([state.value for state in WAITING])
    with every(engine).connect() as connection:
        return int(connection.execute(select(func.count()).where(waiting)).scalar_one())


if __name__ == "__main__":
    main()
