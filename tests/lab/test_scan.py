# SPDX-License-Identifier: Apache-2.0
"""The whole way on the virtual hospital: one scan, held against the answer key and an independent capture."""

import contextlib
import os
import time
from collections.abc import Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from agent.guard import Permit, rule_on
from deploy.bench import hospital
from deploy.bench.capture import frames
from deploy.lab import lab as labs
from inventory_db import observations
from inventory_db.tables import open_ledger
from probes.contract import parse_transcript
from probes.facts import Outcome

pytestmark = pytest.mark.lab


@pytest.fixture(scope="module")
def lab(lab_machine: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[labs.Lab]:
    """A hospital of its own: what other tests asked has left no trace in it."""
    del lab_machine
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("fresh-lab")))
        yield labs.up("hospital", die_with=os.getpid())
        labs.down()


Recorder = tuple[str, int]
FAR = ("vendor-pc", "vpn-peer", "vendor-dev")


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with what was captured during the scan at the hosts that are out of scope."""
    return tmp_path_factory.mktemp("far")


@pytest.fixture(scope="module")
def recorded(lab: labs.Lab) -> dict[Recorder, bytes]:
    """What the recorders behind print and HL7 ports had got before the scan."""
    places = (("label-01", 9100), ("mfp-1f", 9100), ("mfp-1f", 515), ("ecg-cart", 2575))
    return {place: lab.recorded_bytes(*place) for place in places}


@pytest.fixture(scope="module")
def run(
    lab: labs.Lab, far: Path, recorded: dict[Recorder, bytes], tmp_path_factory: pytest.TempPathFactory
) -> hospital.Run:
    """One scan at the default pace, as `daicho scan` does it."""
    del recorded
    with contextlib.ExitStack() as captures:
        for host in FAR:
            captures.enter_context(lab.capture(host, far / f"{host}.pcap"))
        return hospital.scan(lab, tmp_path_factory.mktemp("scan"))


def test_scan_and_ledger_take_less_than_two_minutes(run: hospital.Run) -> None:
    assert run.seconds < 120


def test_every_host_is_found_and_no_ghost(run: hospital.Run) -> None:
    assert not run.score.missing
    assert not run.score.ghosts
    assert not run.score.doubled


def test_device_classes(run: hospital.Run) -> None:
    assert run.score.class_share >= 0.9, run.score.classes_wrong


def test_every_announced_version_is_read_exactly(run: hospital.Run) -> None:
    assert run.score.versions > 30
    assert not run.score.versions_wrong
    assert not run.score.versions_missing


def test_the_two_dual_homed_hosts_and_only_they(run: hospital.Run) -> None:
    assert sorted(run.score.dual_homed) == ["med-sv01", "pc-link"]
    assert not run.score.dual_homed_wrong
    assert not run.score.forwards_wrong


def test_no_payload_to_a_port_that_never_gets_any(run: hospital.Run) -> None:
    assert run.forbidden_bytes() == {}
    opted = set(hospital.dicom_allowed("hospital"))
    for address, transport, port in run.left.ports:
        if address not in opted:
            assert rule_on(transport, port).permit > Permit.NOTHING, (address, transport, port)


def test_raw_printers_and_serial_ports_got_not_one_byte(
    run: hospital.Run, recorded: dict[Recorder, bytes], lab: labs.Lab
) -> None:
    assert run.left.packets["10.20.1.80"] > 0
    for (host, port), before in recorded.items():
        assert lab.recorded_bytes(host, port) == before


def test_fragile_hosts_got_nothing_at_all(run: hospital.Run) -> None:
    fragile = [a.ip for host in run.key.visible() if host.fragile for a in host.addresses]
    assert len(fragile) == 2
    for address in (*fragile, "10.20.3.80"):
        assert run.left.packets[address] == 0


def test_no_host_above_its_packets_in_any_second(run: hospital.Run) -> None:
    for address in run.left.stamps:
        if not address.startswith("ff0"):
            assert run.left.most_per_second(address) <= 10, address


def test_no_host_above_its_budget(run: hospital.Run) -> None:
    assert max(run.left.packets.values()) <= 120


def test_journal_and_capture_agree(run: hospital.Run) -> None:
    assert sum(run.journal.values()) > 1000
    assert not {host: pair for host, pair in run.differences().items() if not host.startswith("ff0")}


def test_nothing_reached_a_host_out_of_scope(run: hospital.Run, far: Path) -> None:
    assert sum(run.left.packets[address] for address in run.far()) == 0
    agent = ip_address(run.key.agent.ip).packed
    for host in FAR:
        arrived = [data for _, data in frames(far / f"{host}.pcap")]
        assert not [data for data in arrived if agent in data[26:42]], (
            f"{host}: the agent's address as source"
        )


def test_what_was_asked_and_not_answered_is_said(run: hospital.Run) -> None:
    with open_ledger(run.ledger, create=False).connect() as connection:
        seen = list(observations.load(connection))
    outcomes = {one.outcome for one in seen}
    assert {Outcome.ANSWERED, Outcome.SILENT, Outcome.REFUSED, Outcome.HELD_BACK} <= outcomes
    assert Outcome.OUR_FAULT not in outcomes
    for one in seen:
        assert one.outcome is not Outcome.HELD_BACK or one.reason


def test_each_answer_has_its_transcript(run: hospital.Run) -> None:
    with open_ledger(run.ledger, create=False).connect() as connection:
        answered = [one for one in observations.load(connection) if one.outcome is Outcome.ANSWERED]
        texts = [observations.load_transcript(connection, one.id) for one in answered if one.port]
    assert len(texts) > 100
    assert all(text and parse_transcript(text).lines for text in texts)


def test_a_second_scan_keeps_every_row_and_its_id(run: hospital.Run, lab: labs.Lab, tmp_path: Path) -> None:
    begun = time.monotonic()
    again = hospital.scan(lab, tmp_path, ledger=run.ledger)
    assert time.monotonic() - begun < 120
    before = {device["id"] for device in run.document["devices"]}
    assert before == {device["id"] for device in again.document["devices"]}
    assert not again.score.ghosts
