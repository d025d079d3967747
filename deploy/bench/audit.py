# SPDX-License-Identifier: Apache-2.0
"""What the audit log costs: chained entries beside the same rows without a chain, and readers who share a transaction.

`python -m deploy.bench.audit [--entries 3000] [--threads 50]` on a new SQLite file; on PostgreSQL beside it when
DAICHO_TEST_POSTGRES names a server (`python -m deploy.lab.postgres python -m deploy.bench.audit`), in a schema of its
own that is dropped afterwards.
"""

import argparse
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    create_engine,
    insert,
)
from sqlalchemy.engine import make_url
from sqlalchemy.schema import CreateSchema, DropSchema

from collector.audit_queue import AuditQueue
from inventory_db import audit_log
from inventory_db.audit import Action, Event, record_now
from inventory_db.audit_check import check
from inventory_db.tables import open_ledger

_BARE = Table(
    "bench_bare",
    MetaData(),
    Column("id", Integer, primary_key=True),
    Column("at", BigInteger),
    *(Column(name, String(255)) for name in ("account", "name", "role", "origin", "action", "kind", "key")),
    Column("detail", Text),
)


def event(number: int) -> Event:
    """A person looks at a device."""
    detail = {"route": "GET /devices/{id}"}
    return Event(action=Action.READ_DEVICE, facility=1, account="a" * 32, name="鈴木一郎", role="operator",
                 origin="192.0.2.7", kind="device", key=f"{number:016x}", detail=detail)  # fmt: skip


def rate(work: Callable[[], None], many: int) -> float:
    """Give how many a second."""
    start = time.perf_counter()
    work()
    return many / (time.perf_counter() - start)


def in_threads(threads: int, each: int, one: Callable[[int], None]) -> None:
    """Let threads do their share at the same time."""

    def share(place: int) -> None:
        for number in range(each):
            one(place * each + number)

    running = [threading.Thread(target=share, args=(place,)) for place in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


def measure(engine: Engine, entries: int, threads: int) -> None:
    """Print the figures of one database."""
    _BARE.create(engine)
    row = {"at": 1, "account": "a" * 32, "name": "鈴木一郎", "role": "operator", "origin": "192.0.2.7",
           "action": "read_device", "kind": "device", "key": "x" * 16, "detail": "{}"}  # fmt: skip

    def bare(_number: int) -> None:
        with engine.begin() as connection:
            connection.execute(insert(_BARE), [row])

    few, each = entries // 4, max(1, entries // threads)
    queue = AuditQueue(engine)
    one_bare = rate(lambda: in_threads(1, few, bare), few)
    one = rate(lambda: in_threads(1, few, lambda n: record_now(engine, [event(n)])), few)
    many_bare = rate(lambda: in_threads(threads, each, bare), threads * each)
    many = rate(lambda: in_threads(threads, each, lambda n: queue.write([event(n)])), threads * each)
    batch = rate(lambda: record_now(engine, [event(n) for n in range(entries)]), entries)
    with engine.connect() as connection:
        checked = rate(
            lambda: _whole(check(audit_log.stream(connection, 1)).broken), few + threads * each + entries
        )
    print(f"{engine.dialect.name}")
    print(f"  one at a time:       {one:8.0f}/s, bare insert {one_bare:8.0f}/s, ratio {one / one_bare:.2f}")
    print(
        f"  {threads} at once, queued: {many:8.0f}/s, bare inserts {many_bare:7.0f}/s, ratio {many / many_bare:.2f}"
    )
    print(f"  one transaction:     {batch:8.0f}/s")
    print(f"  checked:             {checked:8.0f}/s")


def _whole(broken: object) -> None:
    if broken:
        raise SystemExit(f"the chain is broken: {broken}")


@contextmanager
def _schema(server: str) -> Iterator[str]:
    name = f"bench{uuid.uuid4().hex}"
    url = make_url(server).set(drivername="postgresql+psycopg")
    admin = create_engine(url)
    with admin.begin() as connection:
        connection.execute(CreateSchema(name))
    try:
        own = url.update_query_dict({"options": f"-csearch_path={name}"})
        yield own.render_as_string(hide_password=False)
    finally:
        with admin.begin() as connection:
            connection.execute(DropSchema(name, cascade=True))
        admin.dispose()


def main() -> None:
    """Measure on SQLite, and on PostgreSQL where there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entries", type=int, default=3000)
    parser.add_argument("--threads", type=int, default=50)
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        engine = open_ledger(Path(folder) / "bench.sqlite")
        measure(engine, given.entries, given.threads)
        engine.dispose()
    if server := os.environ.get("DAICHO_TEST_POSTGRES"):
        with _schema(server) as url:
            engine = open_ledger(url)
            measure(engine, given.entries, given.threads)
            engine.dispose()


if __name__ == "__main__":
    main()
