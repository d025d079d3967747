# SPDX-License-Identifier: Apache-2.0
"""A night of a prefecture: every hospital's agent uploads a scan, and the collector finds out which devices there are.

`python -m deploy.bench.prefecture [--hospitals 8] [--devices 2000] [--each 20] [--senders 3] [--only sqlite|postgresql]`
under `python -m deploy.lab.postgres` for PostgreSQL (for 80 hospitals with DAICHO_LAB_POSTGRES_AT=FOLDER, or it is in memory).

Goes through the real way: signed uploads to one collector, its jobs derive the devices, and it is over when no upload
waits. The bare COPY is that of `deploy.bench.ingest`, of other observations of the same making.
"""

import argparse
import os
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from sqlalchemy import Engine, func, select

from deploy.bench.identify import Facility
from deploy.bench.ingest import bare_copy, batches, empty_ledger, serving
from deploy.bench.signed_sender import Sender, deliver, enrolled, packed
from inventory_db import tables
from inventory_db.facilities import add_facility, bind, every
from inventory_db.tables import open_ledger
from inventory_db.uploads import WAITING, uploads

BARE = 40_000  # observations of the bare COPY


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(prog="python -m deploy.bench.prefecture")
    options.add_argument("--hospitals", type=int, default=8, help="80 is the whole of it")
    options.add_argument("--devices", type=int, default=2000, help="of one hospital")
    options.add_argument("--each", type=int, default=20, help="observations of one device")
    options.add_argument("--senders", type=int, default=3, help="agents that upload at once")
    options.add_argument("--only", choices=("sqlite", "postgresql"), default="postgresql")
    given = options.parse_args()
    with empty_ledger(given.only) as target:
        if target is None:
            raise SystemExit("DAICHO_TEST_POSTGRES is not set: run under python -m deploy.lab.postgres")
        for line in night(target, given):
            print(line, flush=True)


def night(target: str, given: argparse.Namespace) -> Iterator[str]:
    """Let all hospitals upload and wait until their devices are known; gives the figures, a line each."""
    engine, total = open_ledger(target), given.hospitals * given.devices * given.each
    yield (
        f"{given.hospitals} hospitals x {given.devices:,} devices x {given.each} observations = {total:,}, "
        f"{engine.dialect.name}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores before"
    )
    places = [engine, *(_further(engine, number) for number in range(1, given.hospitals))]
    senders = [enrolled(place, "night") for place in places]
    with TemporaryDirectory() as folder, serving(target, Path(folder)) as collector:
        begun = time.monotonic()
        with ProcessPoolExecutor(given.senders, mp_context=get_context("spawn")) as pool:
            sent = [pool.submit(_scan, collector.port, one, given.devices, given.each) for one in senders]
            waited = sum(one.result() for one in sent)
        stored = time.monotonic() - begun
        yield f"stored after     {stored:8.1f} s  {total / stored:9,.0f} /s; asked to wait {waited} times"
        while _left(engine):
            time.sleep(0.5)
        took = time.monotonic() - begun
        yield f"identified after {took:8.1f} s  {total / took:9,.0f} /s"
        yield f"collector: {collector.memory() >> 20} MiB at most, {collector.processor():.0f} s of processor time"
    yield from _counted(engine, total)
    bare, _ = bare_copy(engine, batches(BARE))
    yield f"a bare COPY {BARE / bare:,.0f} /s: storing is {stored and total / stored * bare / BARE:.2f} of it"
    yield f"load {os.getloadavg()[0]:.1f} after"
    engine.dispose()


def _counted(engine: Engine, total: int) -> Iterator[str]:
    with every(engine).connect() as connection:
        seen = connection.execute(select(func.count()).select_from(tables.observations)).scalar_one()
        found = connection.execute(select(func.count()).select_from(tables.devices)).scalar_one()
        states = connection.execute(select(uploads.c.state, func.count()).group_by(uploads.c.state)).all()
    wrong = "" if seen == total else "   WRONG"
    yield f"{seen:,} observations, {found:,} devices, uploads {dict(map(tuple, states))}{wrong}"


def _further(engine: Engine, number: int) -> Engine:
    with engine.begin() as connection:
        return bind(engine, add_facility(connection, f"f{number}", f"施設{number}", datetime.now(UTC)).id)


def _scan(port: int, sender: Sender, devices: int, each: int) -> int:
    """Upload one hospital's scan, made while it is sent."""

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
