# SPDX-License-Identifier: Apache-2.0
"""The virtual hospital, scanned by us and by nmap on the same machine one after the other, all held against the key.

`sudo python -m deploy.bench.against_nmap [--with versions] [--with all] [--with held] [--hosts 10] [--most 300]`:
versions is `nmap -sS -sV -O --top-ports 1000`, all is `nmap -A`, held is the first at our limits (`--max-rate` of our
segment, `--scan-delay` of our gap, `--max-parallelism 1`); without `--with` all three. nmap is told the addresses of the
chosen hosts and need not look for them; we get their networks without the other hosts, and the search is in our time.
A run that takes more than `--most` seconds, or more memory than MEMORY, is ended and the hosts that it had finished by
then are counted; its line says so. The tarpit is left out unless `--leave-out ""`: nmap asks each of its thousand open
ports for its version and does not come to an end.
"""

import argparse
import contextlib
import io
import os
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from statistics import median
from typing import Any
from xml.etree import ElementTree

from agent.guard import Permit, rule_on
from deploy.bench.capture import Left, what_left
from deploy.bench.facts_told import Told, facts_of, grades
from deploy.bench.hospital import dicom_allowed, scan
from deploy.lab import lab as labs
from deploy.lab.key import AnswerKey, KeyHost, read_key

MEMORY = (
    3 << 30
)  # bytes that nmap may take; given the networks and the hosts to leave out it took ten and went on
_VERSIONS = ("-sS", "-sV", "-O", "--top-ports", "1000")
SORTS = {
    "versions": _VERSIONS,
    "all": ("-A",),
    "held": (*_VERSIONS, "--max-rate", "300", "--scan-delay", "200ms", "--max-parallelism", "1"),
}
_CLASSES = {
    "printer": "printer", "router": "network", "switch": "network", "WAP": "network", "firewall": "gateway",
    "VoIP phone": "phone", "webcam": "iot", "broadband router": "gateway", "power-device": "iot",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One scanner's run."""

    name: str
    seconds: float
    told: list[Told]
    left: Left
    finished: bool  # by itself, within its time
    done: int  # hosts that it told anything of

    def line(self, hosts: tuple[KeyHost, ...]) -> str:
        """The figures in one line."""
        packets = [self.packets(host) for host in hosts]
        connections = [len(self.ports(host)) for host in hosts]
        peak = max(self.left.most_per_second(a.ip) for host in hosts for a in host.addresses)
        graded = grades(self.told)
        cut = "" if self.finished else f"  CUT by us, {self.done} hosts told"
        return (
            f"{self.name:13} {self.seconds:6.1f} s  packets a host: median {median(packets):5.0f} most {max(packets):5}"
            f"  TCP ports touched a host: median {median(connections):5.0f}  most in a second to one: {peak:5}"
            f"  facts right {graded['right']:3} wrong {graded['wrong']:3} missing {graded['missing']:3}{cut}"
        )

    def packets(self, host: KeyHost) -> int:
        """Give how many packets left for all addresses of this host."""
        return sum(self.left.packets[address.ip] for address in host.addresses)

    def ports(self, host: KeyHost) -> set[tuple[str, int]]:
        """Give the (address, TCP port) of this host that got anything."""
        ours = {address.ip for address in host.addresses}
        return {(ip, port) for ip, transport, port in self.left.ports if ip in ours and transport == "tcp"}

    def forbidden(self) -> int:
        """Count the payload bytes for ports that get none from us."""
        allowed = dicom_allowed("hospital")
        return sum(
            size
            for (ip, transport, port), size in self.left.payload.items()
            if rule_on(transport, port, allowed.get(ip, frozenset())).permit < Permit.SEND
        )


def document_of(xml: str) -> dict[str, Any]:
    """Give nmap's output as a ledger document, as far as it says such things; a run that was cut leaves the rest away."""
    hosts: list[ElementTree.Element] = []
    with contextlib.suppress(ElementTree.ParseError):
        for _, element in ElementTree.iterparse(io.StringIO(xml), ("end",)):
            hosts += [element] if element.tag == "host" else []
    up = [host for host in hosts if host.find("status[@state='up']") is not None]
    return {"devices": [_device(host) for host in up]}


def _device(host: ElementTree.Element) -> dict[str, Any]:
    addresses = host.findall("address")
    services = [port.find("service") for port in host.iter("port")]
    kinds = [kind.get("type", "") for kind in host.iter("osclass")]
    kinds += [service.get("devicetype", "") for service in services if service is not None]
    said = [" ".join(service.attrib.values()) for service in services if service is not None]
    return {
        "addresses": [{"ip": a.get("addr")} for a in addresses if a.get("addrtype") == "ipv4"],
        "names": [name.get("name") for name in host.iter("hostname")],
        "maker": next((a.get("vendor") for a in addresses if a.get("vendor")), None),
        "device_class": next((_CLASSES[kind] for kind in kinds if kind in _CLASSES), "unknown"),
        "services": [_service(port) for port in host.iter("port") if _is_open(port)],
        "os_version": None,
        "firmware_version": None,
        "text": " ".join([*said, *(script.get("output", "") for script in host.iter("script"))]),
    }


def _is_open(port: ElementTree.Element) -> bool:
    return port.find("state[@state='open']") is not None


def _service(port: ElementTree.Element) -> dict[str, Any]:
    said = port.find("service")
    told = said.attrib if said is not None else {}
    words = f"{told['version']} {told.get('extrainfo', '')}" if told.get("version") else None
    where = {"port": int(port.get("portid", "0")), "transport": port.get("protocol")}
    return where | {"name": told.get("name"), "product": told.get("product"), "version": words}


def nmap(
    lab: labs.Lab, folder: Path, sort: str, key: AnswerKey, hosts: tuple[KeyHost, ...], most: float
) -> Row:
    """Let nmap look at the same hosts from the same place, for at most so many seconds."""
    xml, pcap = folder / f"{sort}.xml", folder / f"{sort}.pcap"
    in_scope = [ip_network(network) for network in lab.layout.scope.networks]
    addresses = [
        a.ip for host in hosts for a in host.addresses if any(ip_address(a.ip) in n for n in in_scope)
    ]
    targets = [
        ip for ip in addresses if not any(ip_address(ip) in ip_network(n) for n in lab.layout.scope.never)
    ]
    command = ["prlimit", f"--as={MEMORY}", "nmap", "-n", *SORTS[sort], "-oX", str(xml), *targets]
    begun = time.monotonic()
    with lab.capture(lab.layout.scope.agent, pcap):
        whole = [*lab.nsenter(lab.layout.scope.agent), "timeout", str(most), *command]
        ran = subprocess.run(whole, capture_output=True, text=True, check=False)
        seconds = time.monotonic() - begun
    document = document_of(xml.read_text("utf-8") if xml.exists() else "")
    told = facts_of(document, key, hosts)
    done = len(document["devices"])
    return Row(f"nmap {sort}", seconds, told, _left(pcap, key), ran.returncode == 0, done)


def ours(lab: labs.Lab, folder: Path, key: AnswerKey, hosts: tuple[KeyHost, ...]) -> Row:
    """Scan them ourselves."""
    without = others(key, hosts)
    run = scan(lab, folder, *(("--exclude", ",".join(without)) if without else ()))
    told = facts_of(run.document, key, hosts)
    return Row("daicho", run.seconds, told, run.left, True, len(run.document["devices"]))


def others(key: AnswerKey, hosts: tuple[KeyHost, ...]) -> list[str]:
    """Addresses in the scope of hosts that were not chosen."""
    return [a.ip for host in key.visible() if host not in hosts for a in host.addresses]


def chosen(key: AnswerKey, most: int, leave_out: Iterable[str]) -> tuple[KeyHost, ...]:
    """Choose so many hosts, of each class in turn and in the key's order (0: all); the first one is the router."""
    by_class: dict[str, list[KeyHost]] = defaultdict(list)
    for host in key.visible():
        if host.id not in set(leave_out):
            by_class[host.device_class].append(host)
    wanted = most or sum(map(len, by_class.values()))
    found: list[KeyHost] = []
    while len(found) < wanted and any(by_class.values()):
        found += [group.pop(0) for group in by_class.values() if group]
    return tuple(found[:wanted])


def _left(pcap: Path, key: AnswerKey) -> Left:
    return what_left(pcap, key.agent.mac, {a.mac: a.ip for host in key.hosts for a in host.addresses})


def by_host(rows: list[Row], hosts: tuple[KeyHost, ...]) -> Iterator[str]:
    """Right/wrong/missing facts and packets of each host, a column for each scanner."""
    yield "host          " + "".join(f"{row.name:>24}" for row in rows) + "   (right/wrong/missing, packets)"
    for host in hosts:
        cells = []
        for row in rows:
            graded = grades(one for one in row.told if one.host == host.id)
            facts = f"{graded['right']}/{graded['wrong']}/{graded['missing']}"
            cells.append(f"{facts}, {row.packets(host)}")
        yield f"{host.id:14}" + "".join(f"{cell:>24}" for cell in cells)


def report(rows: list[Row], hosts: tuple[KeyHost, ...]) -> Iterator[str]:
    """What we take of each nmap, and what it knows that we do not."""
    mine, us = rows[0], grades(rows[0].told)
    yield "payload to ports that get none from us: " + ", ".join(
        f"{r.name} {r.forbidden()} bytes" for r in rows
    )
    for row in rows[1:]:
        theirs = grades(row.told)
        packets = sum(map(mine.packets, hosts)) / max(1, sum(map(row.packets, hosts)))
        yield (
            f"daicho / {row.name}: time {mine.seconds / row.seconds:.2f}, packets {packets:.3f},"
            f" right facts {us['right']} : {theirs['right']}, wrong {us['wrong']} : {theirs['wrong']}"
            + (
                ""
                if row.finished
                else "  (it was cut: its time is at least this, its facts are those it had told)"
            )
        )
    right = {(one.host, one.fact) for row in rows[1:] for one in row.told if one.grade == "right"}
    for one in mine.told:
        if one.grade == "wrong" or (one.grade == "missing" and (one.host, one.fact) in right):
            alone = "  (we send nothing there, by design)" if one.alone else ""
            known = "nmap has it right" if (one.host, one.fact) in right else "nmap has it not"
            yield f"  ours {one.grade:8} {one.host} {one.fact} {one.said!r}: {known}{alone}"


def main() -> None:
    """Build, scan with each, print, tear down."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--with", dest="sorts", action="append", choices=list(SORTS))
    words.add_argument("--most", type=float, default=300.0, help="seconds for each nmap")
    words.add_argument("--hosts", type=int, default=10, help="how many hosts; 0: all")
    words.add_argument("--leave-out", default="tarpit", help="ids, with commas")
    given = words.parse_args()
    lab = labs.up("hospital", die_with=os.getpid())
    try:
        key = read_key(lab.layout.name)
        hosts = chosen(key, given.hosts, given.leave_out.split(","))
        print(f"{len(hosts)} hosts: {' '.join(host.id for host in hosts)}")
        with tempfile.TemporaryDirectory() as folder:
            rows = [ours(lab, Path(folder), key, hosts)]
            print(rows[0].line(hosts), flush=True)
            for sort in given.sorts or list(SORTS):
                rows.append(nmap(lab, Path(folder), sort, key, hosts, given.most))
                print(rows[-1].line(hosts), flush=True)
        for line in (*by_host(rows, hosts), *report(rows, hosts)):
            print(line)
        print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores")
    finally:
        labs.down()


if __name__ == "__main__":
    main()
