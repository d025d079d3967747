# SPDX-License-Identifier: Apache-2.0
"""What changed since a day: by sort, with what is still the same, and never a word about what nobody looked at."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from collector.changed import Changed, changed_json, read_changed, say_looks
from collector.translation import load_words
from inventory_db.ledger import refresh
from inventory_db.observations import append
from inventory_db.tables import open_ledger, writing
from probes.facts import Observation, Outcome, Scan, Upload
from tests.browser.material import SCRIPT
from tests.cli_cases import assert_two_sentences, daicho
from tests.inventory_cases import START, VANTAGES, arp, seen

WEEK = 7 * 24 * 60  # minutes
ROUTES = ("10.1.0.10", "10.2.0.10")
FIRST = (
    arp("10.1.0.5", "00:1b:21:00:00:05"),
    seen("10.1.0.5", probe="ssh", port=22, OPEN="tcp", SERVICE="ssh", PRODUCT="OpenSSH", VERSION="8.4p1"),
    arp("10.1.0.6", "00:1b:21:00:00:06"),
    arp("10.1.0.7", "00:1b:21:00:00:07"),
    arp("10.1.0.9", "00:1b:21:00:00:09"),
    arp("10.1.0.10", "00:1b:21:00:00:10"),
)
THEN = (
    arp("10.1.0.5", "00:1b:21:00:00:05", minute=WEEK, scan="s2"),
    seen(
        "10.1.0.5", minute=WEEK, scan="s2", probe="ssh", port=22,
        OPEN="tcp", SERVICE="ssh", PRODUCT="OpenSSH", VERSION="9.2p1",
    ),
    seen(
        "10.1.0.5", minute=WEEK, scan="s2", probe="vnc", port=5900,
        OPEN="tcp", SERVICE="vnc", REMOTE_PATH="vnc",
    ),
    arp("10.1.0.6", "00:1b:21:00:00:06", minute=WEEK, scan="s2"),
    *(
        seen(f"10.1.0.{n}", minute=WEEK, scan="s2", probe="packets.arp", transport="arp", outcome=Outcome.SILENT)
        for n in (7,)
    ),
    *(arp(ip, "00:1b:21:00:00:10", minute=WEEK, scan="s2") for ip in ROUTES[:1]),
    *(
        seen(ip, minute=WEEK, scan="s2", probe="oxid", port=135, OPEN="tcp", OXID_BINDING=["LAB", *ROUTES])
        for ip in ROUTES[:1]
    ),
    arp("10.1.0.66", "00:1b:21:00:00:66", minute=WEEK, scan="s2"),
    seen(
        "10.1.0.66", minute=WEEK, scan="s2", probe="vnc", port=5900,
        OPEN="tcp", SERVICE="vnc", REMOTE_PATH="vnc", NAME=SCRIPT,
    ),
)  # fmt: skip


def keep(path: Path, *scans: tuple[str, int, tuple[Observation, ...]]) -> Path:
    engine = open_ledger(path)
    with writing(engine) as connection:
        for id, minute, found in scans:
            began = START + timedelta(minutes=minute)
            scan = Scan(id=id, started=began, ended=began + timedelta(hours=1), state="complete")
            append(connection, Upload(observations=found, vantages=VANTAGES, scans=(scan,)))
        refresh(connection)
    engine.dispose()
    return path


@pytest.fixture(scope="module")
def two_scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("changes") / "ledger.sqlite"
    return keep(path, ("s1", 0, FIRST), ("s2", WEEK, THEN))


@pytest.fixture
def connection(two_scans: Path) -> Iterator[Connection]:
    engine = open_ledger(two_scans)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def read(connection: Connection, days: float, until: float = 30) -> Changed:
    end = START + timedelta(days=until)
    return read_changed(connection, START + timedelta(days=days), end, end)


def kinds(changed: Changed) -> dict[str, list[tuple[str, str]]]:
    return {one.key: [(c.name, c.kind) for c in one.changes] for one in changed.sections}


def test_each_sort_of_change_has_its_section(connection: Connection) -> None:
    found = kinds(read(connection, 3))
    assert found["new"] == [(SCRIPT, "new")]
    assert found["silent"] == [("10.1.0.7", "silent")]
    assert found["not_checked"] == [("10.1.0.9", "not_checked")]
    assert found["unchanged"] == [("10.1.0.6", "unchanged")]
    assert ("10.1.0.5", "remote_path_new") in found["paths"]
    assert (SCRIPT, "remote_path_new") in found["paths"]  # also of a device that is new itself
    said = [change for change in read(connection, 3).section("paths").changes if change.name == "10.1.0.5"]
    assert [change.ja for change in said] == ["遠隔接続の経路 VNC 5900 が増えました。"]  # in people's words
    assert [change.after for change in said] == ["vnc 5900"]  # in the program's
    assert ("10.1.0.5", "service_changed") in found["services"]
    assert ("10.1.0.5", "service_new") in found["services"]
    assert [kind for _, kind in found["dual"]] == ["dual_homed_new"]
    assert [kind for _, kind in found["addresses"]] == ["address_new"]


def test_where_only_a_part_was_looked_at_it_says_since_when_the_rest_was_not(tmp_path: Path) -> None:
    mac, day = "00:1b:21:00:00:06", 24 * 60
    nights = [
        seen(
            "10.1.0.6", minute=minute, scan=scan, probe="confirm", mac=mac,
            CHECKED=["arp"], CHECKED_SINCE=whole,
        )
        for minute, scan, whole in ((day, "s2", START.isoformat()), (WEEK, "s3", "nonsense of an agent"))
    ]  # fmt: skip
    known = ("s1", 0, (arp("10.1.0.6", mac),))
    one = keep(tmp_path / "one.sqlite", known, ("s2", day, (nights[0],)))
    two = keep(tmp_path / "two.sqlite", known, ("s2", day, (nights[0],)), ("s3", WEEK, (nights[1],)))
    for path, until, words in ((one, 2, "全部を尋ねたのは"), (two, 8, "に確認）")):
        engine = open_ledger(path)
        with engine.connect() as connection:
            changed = read(connection, 0.5, until)
        engine.dispose()
        (said,) = [c for section in changed.sections if section.key == "unchanged" for c in section.changes]
        assert words in said.ja


def test_the_same_is_said_with_the_day(connection: Connection) -> None:
    (same,) = read(connection, 3).section("unchanged").changes
    assert "2026/4/8" in same.ja
    assert same.en == "Still the same, checked on 2026/4/8."


def test_without_a_scan_nothing_is_called_the_same(connection: Connection) -> None:
    found = read(connection, 20)
    assert found.section("unchanged").changes == ()
    assert found.happened == ()
    assert "この間に調査はありません" in say_looks(found, load_words("ja"))[0]


def test_before_the_first_scan_everything_is_new_and_that_is_said(connection: Connection) -> None:
    found = read(connection, -3)
    assert found.section("new").devices == 6
    assert "それより前の調査がない" in "".join(say_looks(found, load_words("ja")))


def test_a_device_that_fell_silent_within_the_time_is_not_called_unchanged(tmp_path: Path) -> None:
    later = (
        seen(
            "10.1.0.6",
            minute=2 * WEEK,
            scan="s3",
            probe="packets.arp",
            transport="arp",
            outcome=Outcome.SILENT,
        ),
    )
    path = keep(tmp_path / "l.sqlite", ("s1", 0, FIRST), ("s2", WEEK, THEN), ("s3", 2 * WEEK, later))
    engine = open_ledger(path)
    with engine.connect() as connection:
        found = kinds(read(connection, 3))
    engine.dispose()
    assert ("10.1.0.6", "silent") in found["silent"]
    assert ("10.1.0.6", "unchanged") not in found.get("unchanged", [])


def test_as_it_stands_is_the_same_as_at_the_end(connection: Connection) -> None:
    since, now = START + timedelta(days=3), START + timedelta(days=30)
    assert read_changed(connection, since, now) == read_changed(connection, since, now, now)


def test_json_has_everything(connection: Connection) -> None:
    values = changed_json(read(connection, 3))
    assert values["schema"] == "daicho/changes/1"
    assert values["counts"]["new"] == 1
    assert sum(values["counts"].values()) == len(values["changes"])
    assert [scan["id"] for scan in values["scans"]] == ["s2"]
    assert all(one["ja"] and one["en"] and one["device"] for one in values["changes"])


def test_the_command(two_scans: Path, tmp_path: Path) -> None:
    arguments = ("changes", "--since", "2026-04-03", "--ledger", str(two_scans))
    table = daicho(*arguments, cwd=tmp_path)
    assert table.returncode == 0, table.stderr
    assert "遠隔接続の経路　2台" in table.stdout
    assert "変わりありません（2026/4/8 に確認）" in table.stdout
    told = daicho(*arguments, "--lang", "en", cwd=tmp_path)
    assert "Gone silent: 1 device(s)" in told.stdout
    values: dict[str, Any] = json.loads(daicho(*arguments, "--format", "json", cwd=tmp_path).stdout)
    assert values["counts"]["silent"] == 1
    day = daicho(
        "changes", "--since", "2026-04-08", "--until", "2026-04-08", "--ledger", str(two_scans), cwd=tmp_path
    )
    assert "新しい機器　1台" in day.stdout  # the day itself counts


@pytest.mark.parametrize(
    "more",
    [
        ("--since", "yesterday"),
        ("--since", ""),
        ("--since", "2026-04-09", "--until", "2026-04-01"),
        ("--since", "2026-04-01", "--format", "pdf"),
        ("--since", "2026-04-01", "--lang", "fr"),
    ],
)
def test_what_cannot_be_asked_is_refused(two_scans: Path, tmp_path: Path, more: tuple[str, ...]) -> None:
    ran = daicho("changes", *more, "--ledger", str(two_scans), cwd=tmp_path)
    assert ran.returncode == 2
    assert_two_sentences(ran.stderr)
