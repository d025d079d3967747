# SPDX-License-Identifier: Apache-2.0
"""The journal as a file that a device's maker can be given."""

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from agent.refusal import Refusal
from deploy.cli import command_line
from deploy.journal_file import journal_file
from inventory_db import observations
from inventory_db.tables import open_ledger, writing
from probes.facts import Sent, Upload, Vantage

AT = datetime(2026, 11, 28, 17, 0, tzinfo=UTC)
LINES = tuple(
    Sent(
        scan="s1", vantage="v1", at=AT.replace(second=number), address=address, mac="02:00:00:00:00:01",
        action="tcp connect", port=443, transport="tcp", packets=7, connections=1, payload_bytes=200,
        probe="https", why=why,
    )
    for number, (address, why) in enumerate(
        [("10.0.0.9", "is this service there, and who is it"), ("10.0.0.8", "=cmd()"), ("10.0.0.9", "IPv6")]
    )
)  # fmt: skip


def test_one_devices_lines_in_both_forms(tmp_path: Path) -> None:
    ledger, out = tmp_path / "l.sqlite", tmp_path / "journal.csv"
    with writing(open_ledger(ledger)) as connection:
        observations.append(connection, Upload(agent="a", sent=LINES))
    journal = command_line("journal")
    asked = ["journal", "--ledger", str(ledger), "--address", "10.0.0.9"]
    assert not journal([*asked, "--out", str(out)], standalone_mode=False)
    rows = list(csv.reader(io.StringIO(out.read_text("utf-8-sig"))))
    assert len(rows) == 3
    assert rows[1][:5] == [
        "2026-11-29T02:00:00+09:00",
        "10.0.0.9",
        "02:00:00:00:00:01",
        "TCP接続",
        "tcp connect",
    ]
    assert rows[1][5:10] == ["443", "tcp", "7", "1", "200"]
    assert "サービス" in rows[1][11]
    assert not journal([*asked, "--out", str(out.with_suffix(".jsonl"))], standalone_mode=False)
    lines = out.with_suffix(".jsonl").read_bytes().splitlines()
    assert [msgspec.json.decode(line, type=Sent) for line in lines] == [LINES[0], LINES[2]]


def test_no_cell_runs_and_other_endings_are_refused() -> None:
    cells = list(csv.reader(io.StringIO(journal_file(LINES, Path("x.csv")).decode("utf-8-sig"))))[2]
    assert not any(cell.startswith("=") for cell in cells)
    with pytest.raises(Refusal, match=r"\.csv"):
        journal_file(LINES, Path("x.pdf"))


def test_one_address_on_two_networks_is_two_devices_in_the_table(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = tmp_path / "l.sqlite"
    sent = [
        msgspec.structs.replace(LINES[0], vantage=f"v{card}", mac=f"02:00:00:00:00:0{card}", packets=card + 1)
        for card in (0, 1)
    ]
    stood = tuple(
        Vantage(
            id=f"v{card}", host="agent", interface=f"eth{card}", address="10.0.0.1", network="10.0.0.0/24"
        )
        for card in (0, 1)
    )
    with writing(open_ledger(ledger)) as connection:
        observations.append(connection, Upload(agent="a", vantages=stood, sent=tuple(sent)))
    command_line("journal")(
        ["journal", "--ledger", str(ledger), "--address", "10.0.0.9"], standalone_mode=False
    )
    shown = " ".join(capsys.readouterr().out.split())
    for card in (0, 1):
        assert (
            f"agent eth{card} 10.0.0.0/24 から 1 件、{card + 1} パケット（宛先 MAC 02:00:00:00:00:0{card}"
            in shown
        )
    assert "2 件、3 パケット" in shown


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("FE80:0::9", "fe80::9"),
        ("fe80::9%eth0", "fe80::9"),
        ("::ffff:10.0.0.9", "10.0.0.9"),
        ("１０．０．０．９", "10.0.0.9"),
    ],
)
def test_an_address_is_found_however_it_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], written: str, kept: str
) -> None:
    ledger = tmp_path / "l.sqlite"
    with writing(open_ledger(ledger)) as connection:
        line = msgspec.structs.replace(LINES[0], address=kept)
        observations.append(connection, Upload(agent="a", sent=(line,)))
    command_line("journal")(["journal", "--ledger", str(ledger), "--address", written], standalone_mode=False)
    assert "1 件、7 パケット" in capsys.readouterr().out
