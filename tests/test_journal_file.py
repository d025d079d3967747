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
from probes.facts import Sent, Upload

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
