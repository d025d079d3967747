# SPDX-License-Identifier: Apache-2.0
"""The command line as people and scripts meet it: the real command, in a process of its own."""

import csv
import io
import json
import re
import signal
import socket
import subprocess
import urllib.request
from datetime import timedelta
from pathlib import Path

import openpyxl
import pytest
from rich.cells import cell_len

from inventory_db import ledger, observations
from inventory_db.official import COLUMNS
from inventory_db.tables import open_ledger, writing
from probes.facts import Sent
from tests.cli_cases import DAICHO, REFUSED, ROOT, Case, assert_two_sentences, daicho, environment
from tests.inventory_cases import START, arp, seen, upload

COMMANDS = sorted(path.stem for path in (ROOT / "deploy" / "commands").glob("[a-z]*.py"))
HOSTILE = "\x1b[2J\x07[bold]=cmd()\u202e<script>"


def sent(number: int) -> Sent:
    return Sent(
        scan="s1",
        vantage="v-his",
        at=START + timedelta(milliseconds=number),
        address=f"10.1.0.{number % 200 + 1}",
        action="tcp connect",
        port=443,
        transport="tcp",
        packets=6,
        probe="https",
        why="is this service there, and who is it",
    )


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A ledger with devices on two networks, one of them with a hostile name."""
    file = tmp_path / "daicho.sqlite"
    engine = open_ledger(file)
    found = [arp(f"10.1.0.{n}", f"00:11:32:00:00:{n:02x}") for n in (20, 3, 100)]
    found += [seen("10.1.0.3", NAME=HOSTILE, minute=1), arp("10.2.0.9", "00:11:32:00:01:09")]
    with writing(engine) as connection:
        observations.append(connection, upload(*found, sent=tuple(sent(number) for number in range(3000))))
        ledger.refresh(connection)
    engine.dispose()
    return file


def files(folder: Path) -> dict[Path, bytes]:
    """What lies there, without the empty side files that looking at a SQLite file leaves."""
    found = (path for path in folder.rglob("*") if not path.name.endswith(("-wal", "-shm")))
    return {path: path.read_bytes() if path.is_file() else b"" for path in found}


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: str(case.name))
def test_bad_input_is_refused_in_two_sentences(case: Case, tmp_path: Path) -> None:
    arguments = case.arguments(tmp_path)
    before = files(tmp_path)
    result = daicho(*arguments, cwd=tmp_path)
    assert result.returncode == case.code, result.stderr
    assert_two_sentences(result.stderr, case.ja, case.en)
    assert not result.stdout
    assert files(tmp_path) == before  # nothing changed, nothing made


def test_no_arguments_show_what_there_is(tmp_path: Path) -> None:
    result = daicho(cwd=tmp_path)
    assert result.returncode == 2
    assert "機器台帳" in result.stdout
    assert all(name in result.stdout for name in COMMANDS)
    assert not result.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, tmp_path: Path) -> None:
    result = daicho(name, "--help", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert re.search("[ぁ-んァ-ン]", result.stdout)
    assert re.search("usage: daicho", result.stdout, re.IGNORECASE)


def test_doctor_gives_json(tmp_path: Path) -> None:
    result = daicho("doctor", "--json", cwd=tmp_path)
    findings = json.loads(result.stdout)
    assert {"python", "nmap", "clock", "disk"} <= {finding["name"] for finding in findings}
    assert result.returncode == (0 if all(finding["ok"] for finding in findings) else 1)
    assert all(finding["ja"] and finding["en"] for finding in findings)


def test_part_of_the_scope_on_the_never_list_is_left_out_and_told(tmp_path: Path) -> None:
    result = daicho("scan", "127.0.0.0/30", "--exclude", "127.0.0.2", "--profile", "listen", cwd=tmp_path)
    assert result.returncode == 1, result.stderr
    assert "127.0.0.2/32 は触れない一覧にあるので避けます" in result.stderr
    assert "127.0.0.2/32 is on the never-list" in result.stderr
    assert (tmp_path / "daicho.sqlite").exists()
    assert "機器と言える答えはありませんでした" in result.stdout  # not: nothing was scanned yet


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_table_fits_its_terminal(width: int, kept: Path) -> None:
    result = daicho("ledger", cwd=kept.parent, env={"COLUMNS": str(width)})
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert max(cell_len(line) for line in lines) <= width
    addresses = [line.split()[0] for line in lines if re.match(r"10\.\d", line)]
    assert addresses == [
        "10.1.0.0/24",
        "10.1.0.3",
        "10.1.0.20",
        "10.1.0.100",
        "10.2.0.0/24",
        "10.2.0.9",
    ]
    assert "不明" in result.stdout
    assert "4 台" in result.stdout


def test_hostile_names_do_nothing_to_the_terminal(kept: Path) -> None:
    result = daicho("ledger", cwd=kept.parent, env={"COLUMNS": "200"})
    assert "\x1b" not in result.stdout
    assert "\x07" not in result.stdout
    assert "\u202e" not in result.stdout
    assert "[bold]=cmd()" in result.stdout


def test_ledger_in_english(kept: Path) -> None:
    result = daicho("ledger", "--lang", "en", cwd=kept.parent, env={"COLUMNS": "120"})
    assert "4 devices" in result.stdout
    assert not re.search("[ぁ-んァ-ン]", result.stdout)


def test_empty_ledger_says_what_to_do(tmp_path: Path) -> None:
    open_ledger(tmp_path / "daicho.sqlite").dispose()
    result = daicho("ledger", cwd=tmp_path)
    assert result.returncode == 0
    assert "daicho scan" in result.stdout


def test_ledger_as_json_csv_and_excel(kept: Path) -> None:
    folder = kept.parent
    document = json.loads(daicho("ledger", "--format", "json", cwd=folder).stdout)
    assert document["schema"] == "daicho/ledger/1"
    assert len(document["devices"]) == 4
    rows = list(
        csv.reader(io.StringIO(daicho("ledger", "--format", "csv", cwd=folder).stdout.lstrip("\ufeff")))
    )
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == 5
    made = daicho("ledger", "--format", "xlsx", "--out", "台帳 1.xlsx", cwd=folder)
    assert made.returncode == 0, made.stderr
    assert "台帳 1.xlsx" in made.stderr
    book = openpyxl.load_workbook(folder / "台帳 1.xlsx")
    assert "機器台帳" in book.sheetnames


def test_ledger_as_of_a_day(kept: Path) -> None:
    def devices(*arguments: str) -> int:
        result = daicho("ledger", "--format", "json", *arguments, cwd=kept.parent)
        assert result.returncode == 0, result.stderr
        return len(json.loads(result.stdout)["devices"])

    assert devices("--at", "2026-03-31") == 0
    assert devices("--at", "2026-04-01") == 4  # the whole day counts
    assert devices("--at", "2026-04-01T08:59:00+00:00") == 0


def test_out_in_a_place_that_cannot_be_written(kept: Path) -> None:
    for place in ("/proc/x.csv", "no/such/folder.csv", str(kept.parent)):
        result = daicho("ledger", "--format", "csv", "--out", place, cwd=kept.parent)
        assert result.returncode == 2
        assert_two_sentences(result.stderr, "書け")


RUN = ROOT / "deploy" / "run.sh"


def run_sh(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run deploy/run.sh from another folder with input that it refuses before it installs anything."""
    command = ["bash", str(RUN), *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    ("arguments", "ja", "en"),
    [
        (("--scope",), "値が要ります", "--scope needs a value."),
        (("--scope=",), "値が要ります", "--scope needs a value."),
        (("192.168.1.0/24",), "--scope を付けて", "Put --scope before"),
        (("--port", "http"), "65535", "a number from 1 to 65535."),
        (("--port", "1000000000000"), "65535", "a number from 1 to 65535."),
    ],
)
def test_run_sh_refuses_bad_input(arguments: tuple[str, ...], ja: str, en: str, tmp_path: Path) -> None:
    result = run_sh(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert_two_sentences(result.stderr, ja, en)
    assert "unbound variable" not in result.stderr
    assert not result.stdout
    assert not list(tmp_path.iterdir())


def test_run_sh_names_a_busy_port_before_it_does_anything(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = str(busy.getsockname()[1])
        result = run_sh("--scope", "127.0.0.2/32", "--port", port, cwd=tmp_path)
    assert result.returncode == 2
    assert_two_sentences(result.stderr, f"{port} 番の口", "Nothing was sent.")
    assert not list(tmp_path.iterdir())


def test_run_sh_explains_itself(tmp_path: Path) -> None:
    result = run_sh("--help", cwd=tmp_path)
    assert result.returncode == 0
    assert "--scope" in result.stderr


@pytest.mark.parametrize("width", [80, 130])
def test_journal_reads_on_a_terminal(width: int, kept: Path) -> None:
    result = daicho("journal", "--address", "10.1.0.7", cwd=kept.parent, env={"COLUMNS": str(width)})
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert max(cell_len(line) for line in lines) <= width
    assert lines[-1] == "15 件、90 パケット、送るのを控えた記録 0 件"
    assert sum("443/tcp" in line and "TCP接続 https" in line for line in lines) == 15


def test_journal_as_json_lines(kept: Path) -> None:
    result = daicho("journal", "--json", cwd=kept.parent)
    lines = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(lines) == 3000
    assert lines[0]["action"] == "tcp connect"


@pytest.mark.parametrize("command", ["ledger", "journal", "journal --json", "ledger --format json", "--help"])
def test_reader_that_goes_away_gets_no_traceback(command: str, kept: Path) -> None:
    script = f"'{DAICHO[0]}' -m deploy {command} | head -n 1"
    result = subprocess.run(
        ["sh", "-c", script],
        cwd=kept.parent,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.stdout.count("\n") == 1
    assert "Traceback" not in result.stderr
    assert "Exception ignored" not in result.stderr
    assert "Broken" not in result.stderr


def test_terminal_that_cannot_show_japanese_gets_the_table_anyway(kept: Path) -> None:
    env = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "COLUMNS": "80"}
    result = daicho("ledger", cwd=kept.parent, env=env)
    assert result.returncode == 0, result.stderr
    assert "10.1.0.100" in result.stdout
    assert "Traceback" not in result.stderr


def test_serve_names_a_busy_port(kept: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        result = daicho("serve", "--ledger", str(kept), "--port", str(port), cwd=kept.parent)
    assert result.returncode == 2
    assert_two_sentences(result.stderr, f"{port} 番の口", "another program has it")


def test_serve_ends_well_on_ctrl_c(kept: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    arguments = [*DAICHO, "serve", "--ledger", str(kept), "--port", str(port)]
    with subprocess.Popen(
        arguments, cwd=kept.parent, env=environment(), stderr=subprocess.PIPE, text=True
    ) as serving:
        assert serving.stderr
        assert f"http://127.0.0.1:{port}/" in serving.stderr.readline()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while serving.poll() is None:
            try:
                with opener.open(f"http://127.0.0.1:{port}/healthz", timeout=120) as page:
                    assert page.read() == b"ok\n"
                break
            except ConnectionRefusedError:
                continue
            except OSError as error:
                if not isinstance(getattr(error, "reason", None), ConnectionRefusedError):
                    raise
        serving.send_signal(signal.SIGINT)
        told = serving.stderr.read()
    assert serving.returncode == 0, told
    assert "台帳はそのまま残っています" in told
    assert "Traceback" not in told
