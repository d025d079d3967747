# SPDX-License-Identifier: Apache-2.0
"""`python -m deploy.bench.ways_between [--seed N] [LAYOUT…]`: machines on two networks in layouts drawn by chance.

Needs root. Each layout of `deploy.lab.seeded` is drawn, built, scanned by its agents, and the ledger held against the
key: dual-homed hosts found, false ones, forwarding, wrong merges, packets that all of this took, and what arrived
on networks that nobody may send anything to.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from collector.boundaries import boundaries
from collector.case_file import read_case
from deploy.bench.capture import frames
from deploy.lab import lab as labs
from deploy.lab.key import AnswerKey, KeyHost, read_key
from deploy.lab.seeded import LAYOUTS, Sketch, draw, write
from deploy.lab.settings_file import agent_toml
from inventory_db import observations
from inventory_db.tables import open_ledger

EXTRA = frozenset(
    ("snmpv3", "nbns", "oxid", "smb_interfaces")
)  # asked for this alone; the rest names products
EXTRA_ACTIONS = frozenset(("forwarding test", "candidate arp", "candidate echo"))
TEST_NET = ip_address("192.0.2.1").packed
# faster than at a site, so that all layouts take minutes; what is sent to a host is the same
_PACE = "\n[pace]\npackets_per_host = 100\nconnection_gap = 0.01\n"
Device = Mapping[str, Any]


@dataclass(slots=True)
class Outcome:
    """What one layout brought; the lists name what is not as it should be."""

    name: str
    seconds: float = 0.0
    hosts: int = 0
    findable: int = 0  # dual-homed hosts that at least one way shows
    missed: list[str] = field(default_factory=list)
    false: list[str] = field(default_factory=list)
    forwards: Counter[str] = field(default_factory=Counter)  # right, wrong, null
    wrong: list[str] = field(default_factory=list)  # forwarding said wrongly
    merged: list[str] = field(default_factory=list)
    unseen: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)  # remote paths of the key that the ledger lacks
    besides: int = 0  # second gateways and DHCP servers of the drawing
    unsaid: list[str] = field(default_factory=list)  # of these, what the page of the ways out does not say
    extra: dict[str, int] = field(default_factory=dict)  # address → packets of one scan at the most
    far: int = 0  # frames of ours on networks out of scope

    @property
    def found(self) -> int:
        """How many of the findable ones were found."""
        return self.findable - len(self.missed)

    @property
    def is_right(self) -> bool:
        """Whether nothing is wrong (a host that was missed may be)."""
        faults = (self.false, self.wrong, self.merged, self.unseen, self.paths, self.unsaid)
        return not (any(faults) or self.far)


def run(sketch: Sketch, folder: Path, techniques: Sequence[str] = ()) -> Outcome:
    """Build a drawn layout, scan it from each of its agents, and compare."""
    file = write(sketch, folder)
    key = read_key(file)
    ledger = folder / f"{sketch.name}.sqlite"
    lab = labs.up(file, die_with=os.getpid())
    try:
        with ExitStack() as captures:
            for host in sketch.far:
                captures.enter_context(lab.capture(host, folder / f"{sketch.name}-{host}.pcap"))
            document: Mapping[str, Any] = {}
            for agent in sketch.agents:
                document = scan(lab, sketch, agent, ledger, folder, techniques)
            if sketch.moves:
                for host, command in sketch.moves:
                    subprocess.run([*lab.nsenter(host), "ip", *command.split()], check=True)
                document = scan(lab, sketch, "agent", ledger, folder, techniques)
    finally:
        labs.down()
    outcome = compare(document["devices"], key, sketch)
    outcome.extra = _extra(ledger)
    outcome.besides, outcome.unsaid = len(sketch.besides), ways_unsaid(ledger, sketch)
    outcome.far = sum(ours(folder / f"{sketch.name}-{host}.pcap", sketch) for host in sketch.far)
    return outcome


def scan(
    lab: labs.Lab,
    sketch: Sketch,
    agent: str,
    ledger: Path,
    folder: Path,
    techniques: Sequence[str],
    *more: str,
) -> Mapping[str, Any]:
    """Scan as one agent; gives the ledger afterwards. Each agent has a name of its own, as each machine has."""
    networks = tuple(sketch.segments[name] for name in sketch.agents[agent])
    text = agent_toml(lab.layout_path, *networks)
    if techniques:
        others = [text for name, text in sketch.segments.items() if name not in sketch.agents[agent]]
        named = f"techniques = {json.dumps(list(techniques))}\ncandidates = {json.dumps(others)}\n"
        text = text.replace("[scope]\n", f"[scope]\n{named}", 1)
    config = folder / f"{agent}.toml"
    config.write_text(text + _PACE, encoding="utf-8")
    command = [sys.executable, "-m", "deploy", "scan", "--config", str(config), "--ledger", str(ledger)]
    inside = ["nsenter", "-t", str(lab.hosts[agent]), "-n", "-u", "--"]
    ran = subprocess.run(
        [*inside, *command, "--json", "-", *more], capture_output=True, text=True, check=False
    )
    if ran.returncode not in (0, 1):
        raise RuntimeError(f"{sketch.name}: scan ended with {ran.returncode}: {ran.stderr[-2000:]}")
    said: Mapping[str, Any] = json.loads(ran.stdout)
    return said


def compare(devices: Sequence[Device], key: AnswerKey, sketch: Sketch) -> Outcome:
    """Hold the ledger's devices against the key."""
    outcome = Outcome(sketch.name, hosts=len(key.visible()))
    owners: dict[str, set[str]] = defaultdict(set)
    for host in key.hosts:
        for address in host.addresses:
            owners[address.ip].add(host.id)
            owners[address.mac].add(host.id)  # for a row whose address nobody knows
    moved = {ip for _, command in sketch.moves for ip in owners if f" {ip}/" in command}
    by_host = {host.id: [one for one in devices if _is_of(one, host, moved)] for host in key.visible()}
    for host in key.visible():
        _judge(outcome, host, by_host[host.id])
    for device in devices:
        whose = {
            name
            for a in device["addresses"]
            if a["ip"] not in moved
            for name in owners.get(a["ip"] or a["mac"] or "", ())
        }
        if len(whose) > 1:
            outcome.merged.append(" + ".join(sorted(whose)))
        if not whose and not any(a["ip"] in moved for a in device["addresses"]):
            outcome.false.append(f"a device that is none: {[a['ip'] for a in device['addresses']]}")
    return outcome


def _is_of(device: Device, host: KeyHost, moved: set[str]) -> bool:
    ours = {a["ip"] or a["mac"] for a in device["addresses"]} - moved
    return any(a.ip in ours or a.mac in ours for a in host.addresses)


def _judge(outcome: Outcome, host: KeyHost, found: Sequence[Device]) -> None:
    if not found:
        outcome.unseen.append(host.id)
        return
    truth = sorted(host.dual_homed or ())
    said = [sorted(one["dual_homed"]["networks"]) for one in found if one["dual_homed"]]
    outcome.false += [f"{host.id}: {networks}" for networks in said if networks != truth]
    if truth and not host.hidden:
        outcome.findable += 1
        if truth not in said:
            outcome.missed.append(host.id)
    told = {one["forwards"] for one in found} - {None}
    outcome.forwards["null" if not told else "right" if told == {host.forwards} else "wrong"] += 1
    if told - {host.forwards}:
        outcome.wrong.append(f"{host.id}: {told}")
    kinds = {path["kind"] for one in found for path in one["remote_paths"]}
    outcome.paths += [f"{host.id}: {kind}" for kind in host.remote_paths if kind not in kinds]


def ways_unsaid(ledger: Path, sketch: Sketch) -> list[str]:
    """Give the second gateways and DHCP servers of the drawing that the page of the ways out does not show as such."""
    with open_ledger(ledger, create=False).connect() as connection:
        found = boundaries(read_case(connection, datetime.now(UTC)))
    said = {(one.network, "gateway", way.address) for one in found for way in one.gateways if way.beside}
    said |= {(one.network, "server", way.address) for one in found for way in one.servers if way.beside}
    missing = [f"not said: {one}" for one in sketch.besides if one not in said]
    return missing + [f"said and not so: {one}" for one in sorted(said) if one not in sketch.besides]


def _extra(ledger: Path) -> dict[str, int]:
    """Packets that went to each address for the sake of second networks, in the scan where it was the most."""
    sums: Counter[tuple[str, str]] = Counter()
    with open_ledger(ledger, create=False).connect() as connection:
        for line in observations.journal(connection):
            if line.probe in EXTRA or line.action in EXTRA_ACTIONS:
                sums[line.scan, line.address] += line.packets
    most: dict[str, int] = {}
    for (_, address), packets in sums.items():
        most[address] = max(packets, most.get(address, 0))
    return most


def ours(pcap: Path, sketch: Sketch) -> int:
    """Frames on a far network that come from an agent or from a test of ours."""
    agents = [ip_address(sketch.hosts[name]["nics"][0]["ip"]).packed for name in sketch.agents]
    marks = (*agents, TEST_NET)
    return sum(any(mark in data[14:60] for mark in marks) for _, data in frames(pcap))


def report(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """The figures, a line each."""
    yield f"{'layout':28}{'dual-homed':>12}{'false':>7}{'forwards r/w/null':>19}{'merges':>8}{'extra':>7}{'far':>5}"
    for one in outcomes:
        forwards = "/".join(str(one.forwards[word]) for word in ("right", "wrong", "null"))
        most = max(one.extra.values(), default=0)
        yield (
            f"{one.name:28}{f'{one.found} of {one.findable}':>12}{len(one.false):>7}{forwards:>19}"
            f"{len(one.merged):>8}{most:>7}{one.far:>5}"
        )
        for word in ("missed", "false", "wrong", "merged", "unseen", "paths", "unsaid"):
            yield from (f"  {word}: {text}" for text in getattr(one, word))
    findable, found = sum(one.findable for one in outcomes), sum(one.found for one in outcomes)
    told = sum((one.forwards for one in outcomes), Counter[str]())
    yield f"recall of dual-homed hosts           {found} of {findable}" + (
        f" ({found / findable:.0%})" if findable else ""
    )
    yield f"false positives                      {sum(len(one.false) for one in outcomes)}"
    yield f"forwarding right, wrong, null        {told['right']}, {told['wrong']}, {told['null']}"
    yield f"wrong merges                         {sum(len(one.merged) for one in outcomes)}"
    besides, unsaid = sum(one.besides for one in outcomes), [text for one in outcomes for text in one.unsaid]
    missing = sum(text.startswith("not said") for text in unsaid)
    yield f"second gateways and DHCP servers     {besides - missing} of {besides}, {len(unsaid) - missing} said wrongly"
    yield f"extra packets to one host, at most   {max((p for one in outcomes for p in one.extra.values()), default=0)}"
    yield f"frames of ours on the far side       {sum(one.far for one in outcomes)}"


def main() -> None:
    """Draw, build, scan, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("layouts", nargs="*", help=", ".join(LAYOUTS))
    parser.add_argument("--seed", type=int, help="another one each time where none is given")
    parser.add_argument("--keep", type=Path, help="folder where layouts, keys, ledgers and captures stay")
    parser.add_argument("--allow", nargs="*", default=(), help="ways that are off by default")
    asked = parser.parse_args()
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randint(1, 1_000_000)
    print(f"seed {seed}", flush=True)
    outcomes = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_RUNTIME_DIR"] = folder
        kept = asked.keep or Path(folder)
        kept.mkdir(parents=True, exist_ok=True)
        for name in asked.layouts or LAYOUTS:
            outcomes.append(run(draw(name, seed), kept, asked.allow))
            print(
                f"  {name}: {'as the key says' if outcomes[-1].is_right else 'NOT as the key says'}",
                flush=True,
            )
    for line in report(outcomes):
        print(line)


if __name__ == "__main__":
    main()
