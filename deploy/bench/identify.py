# SPDX-License-Identifier: Apache-2.0
"""How long devices take to be derived: from scratch, after one new scan, and after many nights of "still the same".

`python -m deploy.bench.identify [--devices 10000] [--observations 10] [--nights 30] [--scanned 1000]`

Times are processor time of one process on one core, which runs as a collector does; the last column is the ratio to deriving from scratch.
"""

import argparse
import random
import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Engine

from deploy.garbage import collect_rarely
from inventory_db import digested, ledger, observations
from inventory_db.tables import open_ledger, writing
from probes.facts import Fact, FactKind, Observation, Outcome, Scan, Sent, Upload, Vantage
from probes.oui import maker_of
from probes.recognise import recognise

_START = datetime(2026, 1, 5, 1, 0, tzinfo=UTC)
_OUIS = ("00:1b:21", "00:00:4c", "00:a0:de", "b8:2a:72", "00:09:0f", "00:09:5c")
_BANNERS = (
    "SSH-2.0-OpenSSH_9.2p1 Debian-2",
    "SSH-2.0-OpenSSH_8.9p1 Ubuntu-3ubuntu0.10",
    "SSH-2.0-dropbear_2022.83",
)
_SERVERS = ("Apache/2.4.57 (Debian)", "nginx/1.22.1", "Microsoft-IIS/10.0", "lighttpd/1.4.69")
_PER_NETWORK = 250


class Facility:
    """A made-up hospital: one agent with a foot in every network, hosts of a realistic mixture."""

    def __init__(self, devices: int, each: int) -> None:
        self.devices, self.each = devices, each
        self.vantages = tuple(
            Vantage(id=f"v{n}", host="probe", interface=f"eth{n}", address=f"10.{n // 200}.{n % 200}.254",
                    network=f"10.{n // 200}.{n % 200}.0/24", gateways=(f"10.{n // 200}.{n % 200}.253",))
            for n in range((devices - 1) // _PER_NETWORK + 1)
        )  # fmt: skip

    def night(self, number: int, hosts: range | None = None) -> Iterator[Upload]:
        """Give one scan of these hosts in batches of an agent's size."""
        start = _START + timedelta(days=number)
        chosen = hosts or range(self.devices)
        for begin in range(0, len(chosen), 200):
            seen = [one for host in chosen[begin : begin + 200] for one in self._host(host, number, start)]
            sent = tuple(_sent(one) for one in seen)
            yield Upload(observations=tuple(seen), vantages=self.vantages, sent=sent)
        done = Scan(id=f"night{number}", started=start, ended=start + timedelta(hours=2), state="complete")
        yield Upload(scans=(done,), vantages=self.vantages)

    def _host(self, host: int, night: int, start: datetime) -> Iterator[Observation]:
        vantage = self.vantages[host // _PER_NETWORK]
        ip = f"{vantage.network.rpartition('.')[0]}.{host % _PER_NETWORK + 1}"
        mac = f"{_OUIS[host % len(_OUIS)]}:{host >> 16 & 255:02x}:{host >> 8 & 255:02x}:{host & 255:02x}"
        for order, fields in enumerate(_answers(host, night, ip, mac)[: self.each]):
            at = start + timedelta(seconds=host * 0.5, milliseconds=order * 20)
            given: dict[str, Any] = {"outcome": Outcome.ANSWERED, "transport": "tcp"} | fields
            yield Observation(
                scan=f"night{night}", vantage=vantage.id, at=at, address=ip, network=vantage.network, **given
            )


def _answers(host: int, night: int, ip: str, mac: str) -> list[dict[str, Any]]:
    """What one host says in one night, the usual first."""
    name = f"PC{host:05d}"
    return [
        {"probe": "packets.arp", "transport": "arp", "mac": mac, "facts": _facts(MAC=mac, ADDRESS=ip)},
        {"probe": "ports", "outcome": Outcome.REFUSED, "facts": _facts(PORTS="21 23 25 110 139 8080 9100")},
        {"probe": "ssh", "port": 22, "facts": _facts(
            OPEN="tcp", SERVICE="ssh", SSH_BANNER=_BANNERS[host % 3], SSH_HOST_KEY=f"ssh-ed25519 SHA256:{host}")},
        {"probe": "http", "port": 80, "facts": _facts(
            OPEN="tcp", SERVICE="http", HTTP_SERVER=_SERVERS[host % 4], HTTP_TITLE=f"Device {host % 40}",
            HTTP_COOKIE=f"session={random.Random(host * 977 + night).getrandbits(64):x}")},
        {"probe": "nbns", "port": 137, "transport": "udp", "facts": _facts(
            NAME=name, NETBIOS_NAME=f"{name}<00> unique", NETBIOS_MAC=mac)},
        {"probe": "snmpv3", "port": 161, "transport": "udp", "facts": _facts(
            SERVICE="snmp", SNMP_ENGINE_ID=f"80001f88{host:010x}", SNMP_ENGINE_BOOTS="3",
            SNMP_ENGINE_TIME=str(1000 + night * 86_400))},
        {"probe": "https", "port": 443, "facts": _facts(
            OPEN="tcp", SERVICE="https", TLS_SUBJECT=f"CN={name}", TLS_ISSUER="CN=hospital",
            TLS_PUBLIC_KEY=f"{host:064x}", TLS_FINGERPRINT=f"{host + 1:064x}")},
        {"probe": "smb", "port": 445, "facts": _facts(
            SERVICE="smb", SMB_GUID=f"00000000-0000-0000-0000-{host:012x}", SMB_DIALECT="3.1.1",
            NTLM_COMPUTER=name, NTLM_BUILD="10.0.17763")},
        {"probe": "echo", "transport": "icmp", "facts": _facts(ICMP_REPLY="echo-reply")},
        *({"probe": f"question{n}", "port": 1000 + n, "transport": "udp", "outcome": Outcome.SILENT}
          for n in range(40)),
    ]  # fmt: skip


def _facts(**values: str) -> tuple[Fact, ...]:
    return tuple(Fact(FactKind[kind], value) for kind, value in values.items())


def _sent(one: Observation) -> Sent:
    return Sent(scan=one.scan, vantage=one.vantage, at=one.at, address=one.address, action="question",
                port=one.port, transport=one.transport, packets=2, payload_bytes=40, probe=one.probe)  # fmt: skip


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(prog="python -m deploy.bench.identify")
    options.add_argument("--devices", type=int, default=10_000)
    options.add_argument("--observations", type=int, default=10, help="of one device in one night")
    options.add_argument("--nights", type=int, default=30)
    options.add_argument("--scanned", type=int, default=1_000, help="hosts of the new scan")
    options.add_argument("--database", default="", help="an empty PostgreSQL database; SQLite by default")
    given = options.parse_args()
    with TemporaryDirectory() as folder:
        target = given.database or str(Path(folder) / "bench.sqlite")
        for line in _measure(target, given.devices, given.observations, given.nights, given.scanned):
            print(line, flush=True)


def _measure(target: str, devices: int, each: int, nights: int, scanned: int) -> Iterator[str]:
    def run(what: Callable[..., None], *more: object) -> Took:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            return pool.submit(_alone, what, target, devices, each, *more).result()

    yield f"{devices:,} devices, {each} observations each in a night"
    run(_store, range(1), 0)
    scratch = run(_derive, True)
    yield _told("from scratch, first night", scratch, scratch)
    again = run(_derive, False)
    yield _told("nothing new", again, scratch)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        took = pool.submit(_night_after, target, devices, each, scanned).result()
    yield _told(f"one new scan of {scanned:,} hosts", took, scratch)
    run(_store, range(2, 3), scanned)
    yield _told("another, right after a start", run(_derive, False), scratch)
    slowest = scratch
    for night in range(3, nights + 2):
        run(_store, range(night, night + 1), 0)
        slowest = run(_derive, False)
    yield _told(f"a whole night, the {nights}th", slowest, scratch)
    whole = run(_derive, True)
    yield _told(f"from scratch, {nights} nights", whole, scratch)
    yield f"a whole night against all again: {slowest.processor / whole.processor:.3f} times"


@dataclass(frozen=True, slots=True)
class Took:
    """What one stage took, in a process of its own."""

    processor: float  # seconds
    wall: float
    peak: int  # MiB of memory


def _night_after(target: str, devices: int, each: int, scanned: int) -> Took:
    """Take up one more scan in the process that derived all devices before, as a collector that runs on does."""
    engine, facility = open_ledger(target), Facility(devices, each)
    _warm()
    _derive(engine, facility, True)
    _store(engine, facility, range(1, 2), scanned)
    return _timed(engine, facility, _derive, False)


def _alone(what: Callable[..., None], target: str, devices: int, each: int, *more: object) -> Took:
    engine = open_ledger(target)
    _warm()
    return _timed(engine, Facility(devices, each), what, *more)


def _timed(engine: Engine, facility: Facility, what: Callable[..., None], *more: object) -> Took:
    begun, busy = time.monotonic(), time.process_time()
    what(engine, facility, *more)
    took = Took(
        time.process_time() - busy,
        time.monotonic() - begun,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    )
    engine.dispose()
    return took


def _warm() -> None:
    """Be as a collector is that runs: patterns are loaded, and garbage is looked for rarely."""
    for channel in ("ssh", "http.server", "http.title", "http.cookie", "tls.subject", "snmp.engine_id"):
        recognise(channel, "x")
    maker_of("00:1b:21:00:00:00")
    collect_rarely()


def _store(engine: Engine, facility: Facility, nights: range, hosts: int) -> None:
    for night in nights:
        for upload in facility.night(night, range(hosts or facility.devices)):
            with writing(engine) as connection:
                observations.append(connection, upload)


def _derive(engine: Engine, _facility: Facility, anew: bool) -> None:
    with writing(engine) as connection:
        if anew:
            digested.start_again(connection)
        ledger.refresh(connection)


def _told(what: str, took: Took, scratch: Took) -> str:
    ratio = took.processor / scratch.processor
    return f"{what:32} {took.processor:7.1f} s busy {took.wall:7.1f} s wall {took.peak:5} MiB {ratio:7.3f} times from scratch"


if __name__ == "__main__":
    main()
