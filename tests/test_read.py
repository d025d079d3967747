# SPDX-License-Identifier: Apache-2.0
"""`daicho read`: recorded material through the same readers, one JSON line per source, whatever the file."""

import json
from pathlib import Path
from typing import Any

import pytest

from deploy import recorded
from deploy.commands.read import inputs
from deploy.recorded import ReadProgress, lines, objects
from tests.cli_cases import assert_two_sentences, daicho

MIB = "1.3.6.1.2.1"
WALK = f"""{MIB}.1.1.0|4|RTX1210 Rev.14.01.34 (Tue Nov 26 18:39:12 2019)
{MIB}.1.2.0|6|1.3.6.1.4.1.1182.1.9999
{MIB}.2.2.1.2.1|4|LAN1
{MIB}.2.2.1.6.1|4x|00A0DE000001
{MIB}.4.20.1.2.192.0.2.1|2|1
{MIB}.4.20.1.3.192.0.2.1|64|255.255.255.0
{MIB}.4.20.1.2.198.51.100.1|2|2
{MIB}.4.20.1.3.198.51.100.1|64|255.255.255.0
"""


def rows(*arguments: str, cwd: Path, code: int = 0) -> list[dict[str, Any]]:
    run = daicho("read", *arguments, cwd=cwd)
    assert run.returncode == code, run.stderr
    return [json.loads(line) for line in run.stdout.splitlines()]


def test_a_walk_becomes_one_device(tmp_path: Path) -> None:
    (tmp_path / "rtx.snmprec").write_text(WALK)
    (row,) = rows("--snmprec", "rtx.snmprec", cwd=tmp_path)
    device = row["device"]
    assert row["source"] == "rtx.snmprec"
    assert (device["maker"], device["model"], device["firmware_version"]) == ("Yamaha", "RTX1210", "14.01.34")
    assert device["dual_homed"]["networks"] == ["192.0.2.0/24", "198.51.100.0/24"]
    first = {"ip": "192.0.2.1", "mac": "00:a0:de:00:00:01", "network": "192.0.2.0/24"}
    assert first.items() <= device["addresses"][0].items()
    assert {"kind": "snmp.sysObjectID", "value": "1.3.6.1.4.1.1182.1.9999", "sure": "sure"} in row["facts"]
    assert row["errors"] == []


def test_each_walk_is_recognised_for_itself(tmp_path: Path) -> None:
    files = []
    for name, described in (("one", "RTX9999 Rev.99.01.02 (Thu)"), ("two", "SWX9999 Rev.9.04.11 (Fri)")):
        files.append(tmp_path / f"{name}.snmprec")
        files[-1].write_text(f"1.3.6.1.2.1.1.1.0|4|{described}\n", "utf-8")
    found = rows("--snmprec", *(path.name for path in files), cwd=tmp_path)
    assert [row["device"]["model"] for row in found] == ["RTX9999", "SWX9999"]


def test_an_output_becomes_a_device(tmp_path: Path) -> None:
    text = "Version: FortiGate-99Z v9.9.9,build1\nSerial-Number: FGT99Z9999999999\nHostname: fw\n"
    (tmp_path / "c.jsonl").write_text(json.dumps({"id": "x", "command": "get system status", "text": text}))
    (row,) = rows("--commands", "c.jsonl", cwd=tmp_path)
    device = row["device"]
    assert (device["maker"], device["model"], device["serial"]) == (
        "Fortinet",
        "FortiGate-99Z",
        "FGT99Z9999999999",
    )
    assert (device["firmware_version"], device["version_normal"], device["names"]) == (
        "9.9.9,build1",
        "9.9.9",
        ["fw"],
    )
    assert device["confidence"]["serial"]["pattern"].startswith("command.fortinet")


def test_the_softwares_maker_is_marked_as_a_guess(tmp_path: Path) -> None:
    (tmp_path / "b.jsonl").write_text(
        json.dumps({"id": 1, "service": "http.server", "banner": "nginx/9.9.9"})
    )
    (row,) = rows("--banners", "b.jsonl", cwd=tmp_path)
    assert row["device"]["services"][0]["maker"] == row["device"]["maker"] == "nginx"
    assert row["device"]["confidence"]["maker"]["sure"] == "guess"


def test_several_files_in_both_spellings(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text(WALK)
    found = rows("--snmprec=a", "--snmprec", "b", "c", cwd=tmp_path)
    assert [row["source"] for row in found] == ["a", "b", "c"]


def test_a_banner_says_what_speaks_and_what_it_stands_on(tmp_path: Path) -> None:
    banner = {"id": "x/1", "service": "ssh", "banner": "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3"}
    (tmp_path / "b.jsonl").write_text(json.dumps(banner) + "\n")
    (row,) = rows("--banners", "b.jsonl", cwd=tmp_path)
    service = row["device"]["services"][0]
    assert (row["source"], service["product"], service["version"]) == ("x/1", "OpenSSH", "9.2p1")
    assert (row["device"]["os"], row["device"]["os_version"]) == ("Debian", "12")
    assert row["device"]["confidence"]["os"]["pattern"].startswith("ssh.")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 3000,
        b"{" * 5000,
        b"[" * 200_000,
        b"x" * (recorded.MOST_LINE + 2),
        b'{"id": 1}\n',
        b'{"service": "ssh", "banner": 5}\n',
        b'{"service": "ssh", "banner_b64": "!"}\n',
        b'{"service": "\xff", "banner": "x"}\n',
        b"1.3.6.1.2.1.1.1.0|4x|zz\n1.3.|\n",
    ],
)
@pytest.mark.parametrize("name", ["snmprec", "banners", "commands"])
def test_any_file_gives_rows_and_no_fault(name: str, content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "hostile"
    file.write_bytes(content)
    run = daicho("read", f"--{name}", str(file), cwd=tmp_path)
    assert run.returncode in (0, 1), run.stderr
    assert "Traceback" not in run.stderr
    faulty = [row for row in map(json.loads, run.stdout.splitlines()) if row["errors"]]
    assert bool(faulty) is (run.returncode == 1)


@pytest.mark.parametrize(
    ("arguments", "ja"),
    [
        ((), "--snmprec FILE"),
        (("--snmprec",), "ファイルを指定"),
        (("file",), "一種類"),
        (("--snmprec", "file", "--banners", "file"), "一種類"),
        (("--banner", "file"), "--banners のこと"),
        (("--snmprec", "nothing.here"), "ありません"),
        (("--snmprec", "."), "フォルダ"),
    ],
)
def test_wrong_use_is_refused(arguments: tuple[str, ...], ja: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text(WALK)
    run = daicho("read", *arguments, cwd=tmp_path)
    assert run.returncode == 2
    assert_two_sentences(run.stderr, ja)
    assert not run.stdout


def test_inputs_are_found_by_place() -> None:
    assert {"snmprec", "banners"} <= set(inputs())


def test_a_line_without_end_is_passed_over_in_bounded_memory(tmp_path: Path) -> None:
    file = tmp_path / "long"
    file.write_bytes(b"a" * 100 + b"\nok\r\n" + b"b" * 33 + b"\n" + b"c" * 31)
    with ReadProgress(1) as progress:
        assert list(lines(file, progress, 32)) == [(1, None), (2, b"ok"), (3, None), (4, b"c" * 31)]
        found = list(objects(file, progress))
    assert len(found) == 4
    assert all(isinstance(row, str) for _, row in found)


def test_a_guessed_product_gives_way_to_a_model_that_was_read(tmp_path: Path) -> None:
    banner = {
        "id": "1",
        "service": "http.wwwauth",
        "banner": 'Basic realm="TP-LINK Wireless Z Router Plus ZZ999N"',
    }
    (tmp_path / "b.jsonl").write_text(json.dumps(banner))
    (row,) = rows("--banners", "b.jsonl", cwd=tmp_path)
    assert row["device"]["services"][0]["product"] == "Wireless Z Router Plus ZZ999N"


def test_an_oid_beside_a_description_tells_the_server_from_the_client(tmp_path: Path) -> None:
    described = "Hardware: x86 - Software: Windows Version 6.1 (Build 7601 Multiprocessor Free)"
    asked = [
        {"id": sort, "service": "snmp.sysObjectID", "banner": f"1.3.6.1.4.1.311.1.1.3.1.{sort} {described}"}
        for sort in ("1", "2")
    ]
    (tmp_path / "b.jsonl").write_text("\n".join(json.dumps(one) for one in asked))
    client, server = rows("--banners", "b.jsonl", cwd=tmp_path)
    assert "/" in client["device"]["os"]
    assert server["device"]["os"].startswith("Windows Server 2008 R2")
    assert "/" not in server["device"]["os"]
