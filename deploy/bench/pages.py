# SPDX-License-Identifier: Apache-2.0
"""`python -m deploy.bench.pages`: how long people wait for pages of a large ledger, against the bare SQL.

    python -m deploy.bench.pages                       # 2,000 devices, SQLite
    python -m deploy.bench.pages --whole               # 100,000 devices, 20 million observations
    python -m deploy.bench.pages --devices 100000 --at FILE   # keep the ledger there, and take it again next time
    python -m deploy.lab.postgres python -m deploy.bench.pages    # on PostgreSQL

Makes the ledger (`pages_material`), starts a real collector as its own process, and lets `--people` signed-in people
ask for pages at the same time, each with `--think` seconds of reading between two pages; `--think 0` is the same
without reading, which measures the most that the process can do. The named alternative is the one statement that a
page needs most, asked alone and directly of the database.
"""

import argparse
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Engine, select, text

from deploy.bench import pages_material
from deploy.bench.pages_people import free_port, sign_in_all
from inventory_db import ledger_index, ledger_query, tables
from inventory_db.index_tables import rows, texts
from inventory_db.ledger_query import Wish

WHOLE = (100_000, 20_000_000)
KINDS: dict[str, Callable[[random.Random, int], str]] = {
    "first page": lambda _chance, _devices: "/",
    "filter: class": lambda chance, _: f"/?kind={chance.choice(('medical', 'server', 'pc'))}",
    "filter: mark": lambda chance, _: f"/?mark={chance.choice(('dual', 'remote', 'unseen', 'guess'))}",
    "filter: network": lambda chance, devices: (
        f"/?network={quote(f'10.0.{chance.randrange(max(1, devices >> 8))}.0/24')}"
    ),
    "sort": lambda chance, _: f"/?sort={chance.choice(('c2', 'c6', 'seen', 'class'))}&down=1",
    "search: rare": lambda chance, devices: f"/?q=pc-{chance.randrange(devices)}",
    "search: frequent": lambda chance, _: f"/?q={quote(chance.choice(('日本光電', 'windows', 'hospital')))}",
    "device": lambda chance, devices: f"/devices/{chance.randrange(devices):032x}",
    "API ledger page": lambda chance, _: f"/api/v1/ledger?kind=medical&per=50&page={chance.randrange(1, 5)}",
    "nothing (/scans)": lambda _chance, _devices: "/scans",
}


@dataclass(slots=True)
class Taken:
    """Seconds by kind, and what went wrong."""

    seconds: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    wrong: list[str] = field(default_factory=list)


def ask(base: str, cookie: str, path: str) -> float:
    """Ask for one page; gives the seconds until its last byte."""
    request = urllib.request.Request(base + path, headers={"Cookie": f"daicho_session={cookie}"})
    begun = time.perf_counter()
    with urllib.request.urlopen(request, timeout=120) as answer:
        answer.read()
        if answer.status != 200 or not answer.url.endswith(path):
            raise RuntimeError(f"{path}: {answer.status} {answer.url}")
    return time.perf_counter() - begun


def visit(base: str, cookies: list[str], given: argparse.Namespace) -> Taken:
    """Let everybody ask at once."""
    taken, door = Taken(), threading.Lock()
    turns = iter([name for name in KINDS for _ in range(given.requests)])

    def person(place: int) -> None:
        chance = random.Random(place)
        time.sleep(chance.random() * given.think)
        while True:
            with door:
                name = next(turns, None)
            if name is None:
                return
            path = KINDS[name](chance, given.devices)
            try:
                seconds = ask(base, cookies[place], path)
            except (OSError, RuntimeError) as error:
                with door:
                    taken.wrong.append(f"{name}: {error}")
                continue
            with door:
                taken.seconds[name].append(seconds)
            time.sleep(given.think * (0.5 + chance.random()))

    threads = [threading.Thread(target=person, args=(place,)) for place in range(given.people)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return taken


def bare(engine: Engine, devices: int) -> Iterator[tuple[str, float]]:
    """Give the median seconds of each kind's main statement, asked alone."""
    chance = random.Random(1)
    with engine.connect() as connection:
        mark = ledger_index.find_mark(connection)
        if mark is None:
            raise RuntimeError("the index is not of today")
        first = select(rows.c.number).order_by(rows.c.number).limit(50)
        place = "strpos" if engine.dialect.name == "postgresql" else "instr"
        looked = text(f"SELECT count(*) FROM {texts.name} WHERE facility = 1 AND {place}(text, :q) > 0")
        wishes = {
            "filter: class": Wish(kind="medical"),
            "filter: mark": Wish(mark="remote"),
            "filter: network": Wish(network="10.0.0.0/24"),
            "sort": Wish(sort="c6", down=True),
        }
        device = select(tables.devices.c.body).where(tables.devices.c.device_id == f"{devices // 2:032x}")
        yield "first page", _median(lambda: connection.execute(first).all())
        for name, wish in wishes.items():
            yield name, _median(lambda wish=wish: ledger_query.find_rows(connection, mark, wish))  # type: ignore[misc]
        for name, word in (
            ("search: rare", f"pc-{chance.randrange(devices)}"),
            ("search: frequent", "windows"),
        ):
            yield name, _median(lambda word=word: connection.execute(looked, {"q": word}).all())  # type: ignore[misc]
        yield "device", _median(lambda: connection.execute(device).all())


def _median(run: Callable[[], object], times: int = 9) -> float:
    found = []
    for _ in range(times):
        begun = time.perf_counter()
        run()
        found.append(time.perf_counter() - begun)
    return statistics.median(found)


@contextmanager
def collector(target: str, folder: Path) -> Iterator[str]:
    """Run a collector on this ledger as its own process; gives its address."""
    port = free_port()
    config = folder / "collector.toml"
    config.write_text(f'state_folder = "{folder}"\n', encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "deploy",
        "serve",
        "--config",
        str(config),
        "--ledger",
        target,
        "--port",
        str(port),
    ]
    with (folder / "collector.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    base = f"http://127.0.0.1:{port}"
    try:
        _wait(base, process, folder / "collector.log")
        yield base
    finally:
        process.terminate()
        process.wait(60)


def _wait(base: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(1200):
        if process.poll() is not None:
            raise RuntimeError(f"the collector did not start:\n{log.read_text('utf-8')[-2000:]}")
        try:
            with urllib.request.urlopen(base + "/healthz", timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError("the collector does not answer")


def report(taken: Taken, alone: dict[str, float]) -> Iterator[str]:
    """Give the figures, a line each."""
    yield f"{'':20} {'n':>5} {'p50 ms':>8} {'p95 ms':>8} {'bare SQL ms':>12} {'p50 / bare':>11}"
    for name, found in taken.seconds.items():
        ordered = sorted(found)
        middle, high = (1000 * ordered[int(len(ordered) * part)] for part in (0.5, 0.95))
        line = f"{name:20} {len(found):5} {middle:8.1f} {high:8.1f}"
        if name in alone:
            line += f" {1000 * alone[name]:12.2f} {middle / (1000 * alone[name]):11.1f}"
        yield line
    yield from (f"wrong: {line}" for line in taken.wrong[:10])


def measure(target: str, given: argparse.Namespace, folder: Path) -> None:
    """Fill, serve, visit, print."""
    begun = time.monotonic()
    engine = tables.open_ledger(target)
    if not _is_full(engine):
        pages_material.fill(engine, given.devices, given.observations)
    engine.dispose()  # SQLite brings its log into the file now, not when the first of the people is written down
    engine = tables.open_ledger(target)
    print(
        f"{engine.dialect.name}: {given.devices} devices, {given.observations} observations in {time.monotonic() - begun:.0f} s"
    )
    cookies = sign_in_all(engine, given.people, datetime.now(UTC) - timedelta(seconds=1))
    alone = dict(bare(engine, given.devices))
    with collector(target, folder) as base:
        for path in ("/", "/scans", f"/devices/{1:032x}"):
            ask(base, cookies[0], path)
        busy = os.getloadavg()[0]
        print(
            f"{given.people} people, {given.think} s between two pages; load {busy:.1f} on {os.cpu_count()} cores before"
        )
        taken = visit(base, cookies, given)
        for line in report(taken, alone):
            print(line)
        print(f"load {os.getloadavg()[0]:.1f} after")
        for path in ("/today", "/checklist", "/findings", "/register", "/diagram") if given.judge else ():
            print(
                f"{path:20} first {1000 * ask(base, cookies[0], path):8.0f} ms, then {1000 * ask(base, cookies[0], path):8.0f} ms"
            )
    used, answers = resource.getrusage(resource.RUSAGE_CHILDREN), sum(map(len, taken.seconds.values()))
    print(
        f"collector: {1000 * (used.ru_utime + used.ru_stime) / answers:.1f} ms of processor time for each answer, "
        f"its start included; {used.ru_maxrss >> 10} MiB at most"
    )
    engine.dispose()


def _is_full(engine: Engine) -> bool:
    with engine.connect() as connection:
        return connection.execute(select(tables.devices.c.number).limit(1)).first() is not None


def main() -> None:
    """Read the arguments and measure."""
    reader = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    reader.add_argument("--devices", type=int, default=2000)
    reader.add_argument("--observations", type=int, default=0)
    reader.add_argument("--people", type=int, default=50)
    reader.add_argument("--requests", type=int, default=60, help="of each kind")
    reader.add_argument("--think", type=float, default=3.0)
    reader.add_argument("--whole", action="store_true")
    reader.add_argument(
        "--at", type=Path, help="SQLite file that is kept; the devices must be as many as it has"
    )
    reader.add_argument("--judge", action="store_true", help="the pages that judge, too; twice each")
    given = reader.parse_args()
    if given.whole:
        given.devices, given.observations = WHOLE
    with tempfile.TemporaryDirectory() as folder:
        target = os.environ.get("DAICHO_TEST_POSTGRES") or str(given.at or Path(folder) / "ledger.sqlite")
        measure(target, given, Path(folder))


if __name__ == "__main__":
    main()
