# SPDX-License-Identifier: Apache-2.0
"""A certificate names an address of another network: whose it is, is asked only where the scope file allows it."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from deploy.bench.ways_between import ours, scan
from deploy.lab import lab as labs
from deploy.lab.seeded import Sketch, draw, write
from inventory_db import observations
from inventory_db.tables import open_ledger
from probes.facts import FactKind, Outcome

pytestmark = pytest.mark.lab
ALLOWED = ("candidate_arp", "candidate_echo", "smb_interfaces")


@pytest.fixture(scope="module")
def sketch() -> Sketch:
    """One server whose certificate names its own second address, one whose certificate names somebody else's."""
    return draw("leaking_certificate", 20_261_129)


@pytest.fixture(scope="module")
def looked(
    sketch: Sketch, lab_machine: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Path, list[Mapping[str, Any]]]]:
    """Two scans: as a site gets it at first, and with the ways allowed by name."""
    del lab_machine
    folder = tmp_path_factory.mktemp("two-networks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        lab = labs.up(write(sketch, folder), die_with=os.getpid())
        try:
            ledgers = []
            for number, ways in enumerate(((), ALLOWED)):
                with contextlib.ExitStack() as captures:
                    captures.enter_context(lab.capture("far-far", folder / f"{number}.pcap"))
                    captures.enter_context(
                        lab.capture("own-sv", folder / f"{number}-second.pcap", nic="eth1")
                    )
                    ledger = folder / f"{number}.sqlite"
                    ledgers.append(scan(lab, sketch, "agent", ledger, folder, ways, "--profile", "gentle"))
            yield folder, ledgers
        finally:
            labs.down()


def dual(document: Mapping[str, Any], sketch: Sketch) -> set[str]:
    """Names of the hosts that the ledger has on two networks."""
    names = {nic["ip"]: name for name, host in sketch.hosts.items() for nic in host["nics"]}
    found = [one for one in document["devices"] if one["dual_homed"]]
    return {names[a["ip"]] for one in found for a in one["addresses"] if a["vantage"]}


def seen(ledger: Path, probe: str) -> list[Any]:
    with open_ledger(ledger, create=False).connect() as connection:
        return [one for one in observations.load(connection) if one.probe == probe]


def test_by_default_nobody_is_asked_for_an_address_of_the_other_network(
    looked: tuple[Path, list[Mapping[str, Any]]], sketch: Sketch
) -> None:
    folder, (first, _) = looked
    assert dual(first, sketch) == set()
    assert not seen(folder / "0.sqlite", "candidate_arp")
    assert not seen(folder / "0.sqlite", "smb_interfaces")
    told = [value for one in seen(folder / "0.sqlite", "techniques") for value in one.of(FactKind.NOT_TRIED)]
    assert told.count("candidate_arp off") == 4
    assert told.count("smb_interfaces off") == 4


def test_where_the_scope_file_allows_it_the_owner_is_found_and_nobody_else(
    looked: tuple[Path, list[Mapping[str, Any]]], sketch: Sketch
) -> None:
    folder, (_, second) = looked
    assert dual(second, sketch) == {"own-sv"}
    arp = {one.address: one.outcome for one in seen(folder / "1.sqlite", "candidate_arp")}
    assert sorted(arp.values()) == [Outcome.ANSWERED, Outcome.SILENT]
    assert [one.outcome for one in seen(folder / "1.sqlite", "smb_interfaces")] == [Outcome.ANSWERED]


def test_nothing_of_ours_arrives_on_the_other_network_either_way(
    looked: tuple[Path, list[Mapping[str, Any]]], sketch: Sketch
) -> None:
    folder, _ = looked
    for number in (0, 1):
        assert ours(folder / f"{number}.pcap", sketch) == 0
        assert ours(folder / f"{number}-second.pcap", sketch) == 0
