# SPDX-License-Identifier: Apache-2.0
"""`python -m deploy.bench.farms [--limit N]`: how gently, and how well, a scan reads devices that really answer.

Recorded walks and banners are served on loopback by the judge's farms, with OpenCanary (a honeypot that
writes down every attempt to log in) beside them, and scanned with the default profile. Everything stands in a network
namespace of its own that has nothing but loopback. Needs root for it; what is absent is left out with a sentence.
"""

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path

from deploy.bench import recognise_banners, recognise_walks
from deploy.bench.farm_processes import Farm, canary_attempts, canary_running, farm_running
from deploy.bench.recorded import DATA, judge, material, rows_of
from deploy.device_row import device_row
from deploy.said import said_row
from inventory_db import observations
from inventory_db.observations import Stored
from inventory_db.tables import open_ledger
from probes.recognise import recognise_facts

_INSIDE = "--inside"
_WALKS, _BANNERS = "127.66", "127.77"
_CANARY = "127.88.0.1"
_MOST_CONNECTIONS, _MOST_PDUS = 2, 15
_SERVICES = {
    "ftp_banners": "ftp",
    "ssh_banners": "ssh",
    "telnet_banners": "telnet",
    "smtp_banners": "smtp",
    "http_servers": "http.server",
    "html_title": "http.title",
}
_QUESTION = bytes.fromhex(  # SNMPv2c GET sysDescr.0 with the community "public"
    "302902010104067075626c6963a01c02044a1b2c3d020100020100300e300c06082b060102010101000500"
)
Seen = Mapping[str, list[Stored]]
_CONFIG = """listen_seconds = 0.0
[scope]
networks = [{networks}]
[pace]
packets = 20000       # the farms are many devices on one machine: the whole agent's limit is not what is measured
hosts_at_once = 256
[[snmp]]
hosts = ["127.66.0.0/16"]
community = "public"
"""


def main() -> int:
    """Make the namespace and run inside it; returns 0, 1 where a figure is exceeded."""
    if _INSIDE in sys.argv:
        return _measure(_options())
    if os.geteuid() != 0 or not (DATA / "judge" / "snmp_farm.py").is_file():
        print("root と記録（../shared/data）が要ります。測りません。 / Needs root and the recorded material.")
        return 0
    again = [sys.executable, "-m", "deploy.bench.farms", _INSIDE, *sys.argv[1:]]
    with tempfile.TemporaryDirectory() as folder:
        canary = _canary_venv(Path(folder))
        environment = {**os.environ, "DAICHO_CANARY": canary}
        command = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *again]
        return subprocess.run(command, env=environment, check=False).returncode


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="deploy.bench.farms")
    parser.add_argument("--limit", type=int, default=200, help="walks and banners to serve of each")
    parser.add_argument(_INSIDE, action="store_true")
    return parser.parse_args()


def _canary_venv(folder: Path) -> str:
    """Install OpenCanary beside us for the time of the measurement; "" (and a sentence) where that fails."""
    venv = folder / "canary"
    made = subprocess.run([sys.executable, "-m", "venv", str(venv)], check=False, capture_output=True)
    pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "-q", "opencanary", "setuptools<81"]
    if made.returncode or subprocess.run(pip, check=False, capture_output=True, timeout=600).returncode:
        print("OpenCanary を入れられないので省きます。 / OpenCanary cannot be installed here: left out.")
        return ""
    return str(venv)


def _measure(options: argparse.Namespace) -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        walks, banners = material(folder, "librenms"), material(folder, "recog")
        assert walks is not None  # main looked for them
        assert banners is not None
        with (
            farm_running(_walk_farm(folder, walks, options.limit)) as of_walks,
            farm_running(_banner_farm(folder, banners, options.limit)) as of_banners,
            canary_running(os.environ.get("DAICHO_CANARY", ""), folder, _CANARY) as log,
        ):
            _warm_up(of_walks)
            seen, seconds = _scan(folder, [*of_walks.networks(), *of_banners.networks(), f"{_CANARY}/32"])
        print(f"scanned in {seconds:.0f} s: {len(seen)} addresses")
        return max(
            _tell_pdus(of_walks),
            _tell_connections(of_banners),
            _tell_attempts(log),
            _tell_walks(walks, of_walks, seen),
            _tell_banners(folder, of_banners, seen),
        )


def _walk_farm(folder: Path, place: Path, limit: int) -> Farm:
    rows = rows_of(place / "expected.jsonl")
    every = max(1, len(rows) // limit)
    files = [str(place / "walks" / row["file"]) for row in rows[::every] if "@" not in row["file"]][:limit]
    return Farm("snmp_farm", (*files, "--net", _WALKS), folder / "walks.map", folder / "walks.log")


def _banner_farm(folder: Path, place: Path, limit: int) -> Farm:
    known = [row for row in rows_of(place / "examples.jsonl") if row["db"] in _SERVICES]
    chosen, served = known[:: max(1, len(known) // limit)][:limit], folder / "served.jsonl"
    served.write_text("".join(json.dumps(row) + "\n" for row in chosen), "utf-8")
    return Farm(
        "banner_farm", (str(served), "--net", _BANNERS), folder / "banners.map", folder / "banners.log"
    )


def _warm_up(farm: Farm) -> None:
    """Put one question to each address: a farm reads a walk's file only then, and would be late for a scan's."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ours:
        ours.settimeout(30.0)
        for row in farm.map():
            ours.sendto(_QUESTION, (row["ip"], row["port"]))
            ours.recv(65535)


def _scan(folder: Path, networks: list[str]) -> tuple[dict[str, list[Stored]], float]:
    """Scan as an operator does; gives what was seen of each address, and the seconds it took.

    The ledger makes no device of a loopback address, so the fields are read from the observations.
    """
    config, ledger = folder / "agent.toml", folder / "daicho.sqlite"
    config.write_text(_CONFIG.format(networks=", ".join(f'"{one}"' for one in networks)), "utf-8")
    command = [sys.executable, "-m", "deploy", "scan", "--config", str(config)]
    command += ["--ledger", str(ledger), "--json", str(folder / "result.json")]
    began = time.monotonic()
    ran = subprocess.run(command, check=False, capture_output=True, text=True)
    if ran.returncode not in (0, 1):
        raise RuntimeError(f"scan ended with {ran.returncode}: {ran.stderr[-6000:]}")
    seen: dict[str, list[Stored]] = defaultdict(list)
    with open_ledger(ledger, create=False).connect() as connection:
        for one in observations.load(connection):
            seen[one.address].append(one)
    return seen, time.monotonic() - began


def _tell_pdus(farm: Farm) -> int:
    pdus = {row["file"]: row["pdu"] - 1 for row in farm.counted()}  # without the one of the warm-up
    counts, over = sorted(pdus.values()), [file for file, count in pdus.items() if count > _MOST_PDUS]
    print(f"SNMP PDUs a host: median {statistics.median(counts):g}, most {counts[-1]} (at most {_MOST_PDUS})")
    if over:
        print(f"  over: {len(over)} {over[:10]}")
    return 1 if over else 0


def _tell_connections(farm: Farm) -> int:
    counts = sorted(row["conns"] for row in farm.counted())
    middle = statistics.median(counts)
    said = statistics.median(row["bytes_in"] for row in farm.counted())
    print(
        f"TCP connections an open port: median {middle:g}, most {counts[-1]} (median at most {_MOST_CONNECTIONS})"
    )
    print(f"  bytes that a port heard from us: median {said:g}")
    return 1 if middle > _MOST_CONNECTIONS else 0


def _tell_attempts(log: Path | None) -> int:
    if log is None:
        print("OpenCanary: left out")
        return 0
    attempts, lines = canary_attempts(log)
    print(f"OpenCanary: {len(attempts)} login attempts among {lines} lines of its log {attempts[:5] or ''}")
    return 1 if attempts or not lines else 0


def _tell_walks(place: Path, farm: Farm, seen: Seen) -> int:
    ended = Counter(
        f"{one.outcome} {one.reason}"
        for row in farm.map()
        for one in seen.get(row["ip"], ())
        if one.probe == "snmp"
    )
    print(f"how SNMP ended: {dict(ended)}")
    print("walks, live:", flush=True)
    said = []
    for row in farm.map():
        facts = [fact for one in seen.get(row["ip"], ()) if one.probe == "snmp" for fact in one.facts]
        if facts:
            said.append(
                {"id": row["id"], **recognise_walks.prediction({"device": device_row(facts, "snmp", ())})}
            )
    return judge("judge_snmp", _gold(place / "expected.jsonl", farm), said)


def _tell_banners(folder: Path, farm: Farm, seen: Seen) -> int:
    print(
        "banners, live (a host that is not classified is only listened to, so most HTTP is not asked):",
        flush=True,
    )
    said = []
    for row in farm.map():
        recognised = [
            one
            for stored in seen.get(row["ip"], ())
            if stored.port == row["port"]
            for one in recognise_facts(stored.facts)
        ]
        if recognised:
            service = _SERVICES[row["db"]]
            said.append(
                {"id": row["id"], **recognise_banners.prediction(said_row(row["id"], recognised, service))}
            )
    return judge("judge_recog", _gold(folder / "served.jsonl", farm), said)


def _gold(file: Path, farm: Farm) -> Path:
    """The truth of what was served, and of nothing else."""
    served = {row["id"] for row in farm.map()}
    gold = file.with_suffix(".served")
    rows = (row for row in rows_of(file) if row["id"] in served)
    gold.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return gold


if __name__ == "__main__":
    sys.exit(main())
