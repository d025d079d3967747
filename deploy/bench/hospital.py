# SPDX-License-Identifier: Apache-2.0
"""`python -m deploy.bench.hospital`: one scan of the virtual hospital, held against its key and a capture.

Needs root. Prints how long each step took, what was right and wrong, and what left the agent as an
independent capture on its card saw it.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.guard import Permit, rule_on
from deploy.bench.against_key import Score, compare
from deploy.bench.capture import Left, what_left
from deploy.lab import lab as labs
from deploy.lab.key import AnswerKey, read_key
from deploy.lab.layout import read_layout
from deploy.lab.paths import layout_file
from deploy.lab.settings_file import agent_toml
from inventory_db import observations
from inventory_db.tables import open_ledger

DAICHO = [sys.executable, "-m", "deploy"]


@dataclass(frozen=True, slots=True)
class Run:
    """One scan and all that is known about it."""

    seconds: float
    status: int
    document: dict[str, Any]
    score: Score
    left: Left
    journal: dict[str, int]  # packets by address, as we wrote them down ourselves
    key: AnswerKey
    ledger: Path

    def far(self) -> Iterator[str]:
        """Addresses that no scan of the scope may send anything to."""
        for host in self.key.hosts:
            if not host.visible:
                yield from (address.ip for address in host.addresses)

    def forbidden_bytes(self) -> dict[tuple[str, str, int], int]:
        """Payload that reached ports which get none, by (address, transport, port)."""
        allowed = dicom_allowed(self.key.layout)
        return {
            place: size
            for place, size in self.left.payload.items()
            if size and rule_on(place[1], place[2], allowed.get(place[0], frozenset())).permit < Permit.SEND
        }

    def differences(self) -> dict[str, tuple[int, int]]:
        """Addresses for which journal and capture differ by more than 1 % and one packet: (journal, capture)."""
        found = {}
        for address in {*self.journal, *self.left.packets}:
            ours, theirs = self.journal.get(address, 0), self.left.packets[address]
            if abs(ours - theirs) > max(1, theirs / 100):
                found[address] = (ours, theirs)
        return found


def dicom_allowed(layout: str) -> dict[str, frozenset[str]]:
    """Hosts that the layout's site allows to be asked for DICOM."""
    read = read_layout(layout_file(layout))
    return {address: frozenset({"dicom"}) for address in read.scope.dicom_allowed}


def scan(lab: labs.Lab, folder: Path, *more: str, ledger: Path | None = None) -> Run:
    """Scan a running hospital from its agent's place, with a capture on the agent's card."""
    layout = lab.layout.name
    config, pcap = folder / "agent.toml", folder / "agent.pcap"
    ledger = ledger or folder / "daicho.sqlite"
    config.write_text(agent_toml(layout), encoding="utf-8")
    key = read_key(layout)
    begun = time.monotonic()
    with lab.capture(lab.layout.scope.agent, pcap):
        command = [*DAICHO, "scan", "--config", str(config), "--ledger", str(ledger), "--json", "-", *more]
        ran = subprocess.run(
            [*lab.nsenter(lab.layout.scope.agent), *command], capture_output=True, text=True, check=False
        )
        seconds = time.monotonic() - begun
    if ran.returncode not in (0, 1):
        raise RuntimeError(f"scan ended with {ran.returncode}: {ran.stderr[-2000:]}")
    document = json.loads(ran.stdout)
    owners = {a.mac: a.ip for host in key.hosts for a in host.addresses}
    left = what_left(pcap, key.agent.mac, owners)
    with open_ledger(ledger, create=False).connect() as connection:
        lines = observations.journal(connection)
    journal: dict[str, int] = {}
    for line in lines:
        journal[line.address] = journal.get(line.address, 0) + line.packets
    return Run(seconds, ran.returncode, document, compare(document, key), left, journal, key, ledger)


def report(run: Run, up: float) -> Iterator[str]:
    """The figures, a line each."""
    score, left = run.score, run.left
    visible = {a.ip for host in run.key.visible() for a in host.addresses}
    busiest = max(visible, key=left.most_per_second)
    yield f"virtual hospital up              {up:.1f} s"
    yield f"scan and ledger                  {run.seconds:.1f} s"
    yield f"hosts found                      {score.hosts - len(score.missing)} of {score.hosts} {score.missing or ''}"
    yield f"ghost rows, doubled rows         {len(score.ghosts)}, {len(score.doubled)} {score.ghosts or ''}{score.doubled or ''}"
    yield f"device class right               {score.classes_right} of {score.hosts} ({score.class_share:.0%})"
    yield from (f"                                 {line}" for line in score.classes_wrong)
    right = score.versions - len(score.versions_wrong) - len(score.versions_missing)
    yield f"announced versions read exactly  {right} of {score.versions}"
    yield from (f"  wrong                          {line}" for line in score.versions_wrong)
    yield from (f"  missing                        {line}" for line in score.versions_missing)
    yield f"dual-homed hosts                 {', '.join(score.dual_homed)}; wrong: {score.dual_homed_wrong or 'none'}"
    yield f"forwarding wrong                 {score.forwards_wrong or 'none'}"
    yield f"payload to never-send ports      {sum(run.forbidden_bytes().values())} bytes {run.forbidden_bytes() or ''}"
    yield f"most packets in a second to one host  {left.most_per_second(busiest)} ({busiest})"
    most = max(visible, key=lambda address: left.packets[address])
    yield f"most packets to one host         {left.packets[most]} ({most})"
    yield f"packets to hosts out of scope    {sum(left.packets[address] for address in run.far())}"
    yield f"journal and capture differ       {run.differences() or 'nowhere by more than 1 %'}"


def main() -> None:
    """Build, scan, print, tear down."""
    begun = time.monotonic()
    lab = labs.up("hospital", die_with=os.getpid())
    up = time.monotonic() - begun
    try:
        with tempfile.TemporaryDirectory() as folder:
            for line in report(scan(lab, Path(folder)), up):
                print(line)
    finally:
        labs.down()


if __name__ == "__main__":
    main()
