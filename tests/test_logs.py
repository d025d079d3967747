# SPDX-License-Identifier: Apache-2.0
"""Imported logs: who calls a service of remote control, in every format; whatever else people visit is not kept."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from agent.refusal import Refusal
from collector.imports.logs.calls import formats, read_log
from deploy.loading import log as loading
from inventory_db import ledger as ledgers
from inventory_db.observations import append
from inventory_db.tables import open_ledger, writing
from probes.facts import FactKind, Observation, Outcome, Upload, Vantage, fact

LINES = {
    "squid": "1764378000.123    512 192.0.2.5 TCP_TUNNEL/200 4567 CONNECT router1.teamviewer.com:443 - HIER_DIRECT/203.0.113.9 -",
    "dnsmasq": "Nov 29 10:00:00 gw dnsmasq[123]: query[A] router1.teamviewer.com from 192.0.2.5",
    "bind": "29-Nov-2025 10:00:00.123 queries: info: client @0x7f1 192.0.2.5#53124 (router1.teamviewer.com): query: router1.teamviewer.com IN A +E(0)K (192.0.2.1)",
    "windows_dns": "2025/11/29 10:00:00 0F44 PACKET  000001F3A2B4C5D0 UDP Rcv 192.0.2.5       0002   Q [0001   D   NOERROR] A      (7)router1(10)teamviewer(3)com(0)",
    "fortigate": '<189>date=2025-11-29 time=10:00:00 devname="FGT" type="utm" subtype="webfilter" srcip=192.0.2.5 dstip=203.0.113.9 hostname="router1.teamviewer.com" action="passthrough"',
}  # fmt: skip


@pytest.mark.parametrize("name", formats())
def test_each_format_names_caller_service_and_time(name: str) -> None:
    read = read_log([LINES[name], "nonsense", LINES[name].replace("teamviewer", "example")], 2025)
    assert set(read.formats) == {name}
    (calls,) = read.calls.values()
    assert (calls.source, calls.service.product, calls.count) == ("192.0.2.5", "TeamViewer", 1)
    assert calls.first.astimezone(UTC) == datetime(2025, 11, 29, 1, 0, tzinfo=UTC).replace(microsecond=calls.first.microsecond)  # fmt: skip


@pytest.mark.parametrize(
    "line",
    [
        LINES["squid"].replace("192.0.2.5", "999.0.2.5"),
        LINES["squid"].replace("router1.teamviewer.com", "203.0.113.9"),
        LINES["bind"].replace("29-Nov", "39-Nov"),
        LINES["fortigate"].replace("time=10", "time=99"),
        "9" * 10000,
    ],
)
def test_damaged_lines_say_nothing(line: str) -> None:
    assert read_log([line], 2025).calls == {}


@given(st.text(max_size=200), st.sampled_from(sorted(LINES.values())), st.integers(0, 300))
def test_any_line_is_survived(text: str, line: str, at: int) -> None:
    read = read_log([line[:at] + text + line[at:], text], 2025)
    assert read.lines == 2


def test_calls_are_counted_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collector.imports.logs.calls.MOST_CALLS", 3)
    many = [LINES["dnsmasq"].replace("192.0.2.5", f"192.0.2.{n}") for n in (1, 2, 3, 4, 1, 1)]
    read = read_log(many, 2025)
    assert (len(read.calls), read.too_many) == (3, 1)
    assert read.calls["192.0.2.1", "TeamViewer"].count == 3


def test_the_ledger_knows_the_caller_as_the_machine_that_was_scanned(tmp_path: Path) -> None:
    ledger, path = tmp_path / "a.sqlite", tmp_path / "access.log"
    path.write_text("\n".join(LINES[name] for name in ("squid", "dnsmasq")), encoding="utf-8")
    site = Vantage(id="v", host="h", interface="e", address="192.0.2.2", network="192.0.2.0/24")
    scanned = Observation(
        scan="s1", vantage="v", at=datetime(2025, 11, 1, tzinfo=UTC), probe="packets.arp", address="192.0.2.5",
        mac="00:1b:21:00:00:05", network="192.0.2.0/24", transport="arp", outcome=Outcome.ANSWERED,
        facts=(fact(FactKind.MAC, "00:1b:21:00:00:05"), fact(FactKind.ADDRESS, "192.0.2.5")),
    )  # fmt: skip
    engine = open_ledger(ledger)
    with writing(engine) as connection:
        append(connection, Upload(vantages=(site,), observations=(scanned,)))
    with pytest.raises(typer.Exit) as ended:
        loading.command([path], ledger=ledger)
    assert ended.value.exit_code == 1
    with engine.connect() as connection:
        (device,) = ledgers.devices(connection)
    assert device.addresses[0].mac == "00:1b:21:00:00:05"
    assert device.scan == "s1"
    assert [(p.kind, p.product, p.port) for p in device.remote_paths] == [("remote_tool", "TeamViewer", 0)]
    assert "access.log:1" in device.remote_paths[0].evidence[0].en
    assert "example.jp" not in ledger.read_bytes().decode("latin-1")


def test_a_file_of_another_kind_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "photo.log"
    path.write_bytes(b"\xff\xd8\xff" * 100)
    with pytest.raises(Refusal, match="a form that we know"):
        loading.command([path], ledger=tmp_path / "a.sqlite")
    assert not (tmp_path / "a.sqlite").exists()
