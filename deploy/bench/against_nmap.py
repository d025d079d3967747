# SPDX-License-Identifier: Apache-2.0
"""The virtual hospital, scanned by us and by nmap on the same machine one after the other, both held against the key.

`sudo python -m deploy.bench.against_nmap [--with versions] [--with all] [--with held] [--most 420]`:
versions is `nmap -sS -sV -O --top-ports 1000`, all is `nmap -A`, held is the first at our limits (`--max-rate` of our
segment, `--scan-delay` of our gap, `--max-parallelism 1`). A run that takes more than `--most` seconds is ended and its
hosts so far are counted; the line says so. Facts: class, announced versions, second networks.
"""

import argparse
import contextlib
import io
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any
from xml.etree import ElementTree

from deploy.bench.against_key import Score, compare
from deploy.bench.capture import Left, what_left
from deploy.bench.hospital import scan
from deploy.lab import lab as labs
from deploy.lab.key import AnswerKey, read_key

SORTS = {
    "versions": ["-sS", "-sV", "-O", "--top-ports", "1000"],
    "all": ["-A"],
    "held": [
        *("-sS", "-sV", "-O", "--top-ports", "1000", "--max-rate", "300", "--scan-delay", "200ms"),
        *("--max-parallelism", "1"),
    ],
}
_CLASSES = {
    "printer": "printer", "router": "network", "switch": "network", "WAP": "network", "firewall": "gateway",
    "VoIP phone": "phone", "webcam": "iot", "broadband router": "gateway",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One scanner's run."""

    name: str
    seconds: float
    score: Score
    left: Left
    ended: bool  # by itself

    def line(self, visible: set[str]) -> str:
        """The figures in one line."""
        each = [self.left.packets[address] for address in visible]
        connections = [len({p for a, t, p in self.left.ports if a == ip and t == "tcp"}) for ip in visible]
        peak = max(self.left.most_per_second(address) for address in visible)
        right, wrong, missing = facts(self.score)
        return (
            f"{self.name:10} {self.seconds:7.1f} s  packets a host: median {median(each):6.0f} most {max(each):6}"
            f"  TCP ports touched: {median(connections):5.0f}  peak {peak:5}/s to one host"
            f"  facts right {right:3} wrong {wrong:3} missing {missing:3}{'' if self.ended else '  (ended by us)'}"
        )


def facts(score: Score) -> tuple[int, int, int]:
    """Count right, wrong and missing facts of all hosts that can be seen."""
    told_wrong = [line for line in score.classes_wrong if ": unknown" not in line]
    right = score.classes_right + score.versions - len(score.versions_wrong) - len(score.versions_missing)
    doubtful = [line for line in score.dual_homed_wrong if not line.endswith("None")]
    right += len(score.dual_homed) - len(doubtful)
    wrong = len(told_wrong) + len(score.versions_wrong) + len(doubtful) + len(score.ghosts)
    missing = len(score.classes_wrong) - len(told_wrong) + len(score.versions_missing) + len(score.missing)
    return right, wrong, missing + len(score.dual_homed_wrong) - len(doubtful)


def document_of(xml: str) -> dict[str, Any]:
    """Give nmap's output as a ledger document, as far as it says such things."""
    hosts: list[ElementTree.Element] = []
    with contextlib.suppress(ElementTree.ParseError):  # a run that was ended leaves the rest away
        for _, element in ElementTree.iterparse(io.StringIO(xml), ("end",)):
            hosts += [element] if element.tag == "host" else []
    up = [host for host in hosts if host.find("status[@state='up']") is not None]
    return {"devices": [_device(host) for host in up]}


def _device(host: ElementTree.Element) -> dict[str, Any]:
    ips = [a.get("addr") for a in host.findall("address") if a.get("addrtype") == "ipv4"]
    kinds = [kind.get("type", "") for kind in host.iter("osclass")]
    return {
        "addresses": [{"ip": ip} for ip in ips],
        "names": [name.get("name") for name in host.iter("hostname")],
        "device_class": next((_CLASSES[kind] for kind in kinds if kind in _CLASSES), "unknown"),
        "services": [_service(port) for port in host.iter("port") if port.find("service") is not None],
        "os_version": None,
        "firmware_version": None,
        "dual_homed": None,
        "forwards": None,
        "touched": {"packets": 1},
    }


def _service(port: ElementTree.Element) -> dict[str, Any]:
    said = port.find("service")
    assert said is not None
    words = " ".join(filter(None, (said.get("version"), said.get("extrainfo"))))
    return {
        "port": int(port.get("portid", "0")),
        "transport": port.get("protocol"),
        "name": said.get("name"),
        "product": said.get("product"),
        "version": words or None,
    }


def nmap(lab: labs.Lab, folder: Path, sort: str, most: float) -> Row:
    """Let nmap look at the same networks from the same place."""
    key = read_key(lab.layout.name)
    xml, pcap = folder / f"{sort}.xml", folder / f"{sort}.pcap"
    scope = [str(network) for network in lab.layout.scope.networks]
    never = [str(entry) for entry in lab.layout.scope.never]
    command = [
        "nmap",
        "-n",
        *SORTS[sort],
        *(("--exclude", ",".join(never)) if never else ()),
        "-oX",
        str(xml),
        *scope,
    ]
    begun = time.monotonic()
    ended = True
    with lab.capture(lab.layout.scope.agent, pcap):
        whole = [*lab.nsenter(lab.layout.scope.agent), "timeout", str(most), *command]
        ran = subprocess.run(whole, capture_output=True, text=True, check=False)
        ended = ran.returncode != 124
        seconds = time.monotonic() - begun
    text = xml.read_text("utf-8") if xml.exists() else "<nmaprun>"
    return Row(f"nmap {sort}", seconds, compare(document_of(text), key), _left(pcap, key), ended)


def _left(pcap: Path, key: AnswerKey) -> Left:
    return what_left(pcap, key.agent.mac, {a.mac: a.ip for host in key.hosts for a in host.addresses})


def report(rows: list[Row], key: AnswerKey) -> Iterator[str]:
    """The rows, and what we take of each nmap."""
    visible = {a.ip for host in key.visible() for a in host.addresses}
    yield from (row.line(visible) for row in rows)
    ours = rows[0]
    mine = sum(ours.left.packets[ip] for ip in visible)
    for row in rows[1:]:
        theirs = sum(row.left.packets[ip] for ip in visible)
        more = facts(ours.score)[0] - facts(row.score)[0]
        yield (
            f"daicho / {row.name}: time {ours.seconds / row.seconds:.2f}, packets {mine / theirs:.3f},"
            f" right facts {more:+}, wrong facts {facts(ours.score)[1] - facts(row.score)[1]:+}"
        )


def main() -> None:
    """Build, scan with each, print, tear down."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--with", dest="sorts", action="append", choices=list(SORTS))
    words.add_argument("--most", type=float, default=420.0, help="seconds for each nmap")
    given = words.parse_args()
    lab = labs.up("hospital", die_with=os.getpid())
    try:
        with tempfile.TemporaryDirectory() as folder:
            run = scan(lab, Path(folder))
            rows = [Row("daicho", run.seconds, run.score, run.left, ended=True)]
            rows += [nmap(lab, Path(folder), sort, given.most) for sort in given.sorts or ["versions", "all"]]
            for line in report(rows, run.key):
                print(line)
            print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    finally:
        labs.down()


if __name__ == "__main__":
    main()
