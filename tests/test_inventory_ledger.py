# SPDX-License-Identifier: Apache-2.0
"""The ledger: numbers that stay, words of people that win, documents, and what changed — on both databases."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from msgspec import structs
from sqlalchemy import Connection, Engine, text

from inventory_db import ledger, observations, statements, tables
from inventory_db.changes import Change, changes
from inventory_db.identify import identify
from inventory_db.stated import DeclaredDual
from probes.facts import Observation, Outcome, Scan, Sent, Upload
from tests.inventory_cases import HIS, START, VANTAGES, arp, seen, upload
from tests.inventory_engines import ledger_engine

__all__ = ["ledger_engine"]

A, B = "b8:2a:72:00:00:0a", "b8:2a:72:00:00:0b"
NOON = START + timedelta(hours=3)
FIRST = (
    arp("10.1.0.5", A),
    seen(
        "10.1.0.5", minute=1, probe="ssh", port=22, SERVICE="ssh", SSH_BANNER="SSH-2.0-OpenSSH_9.2p1 Debian-2"
    ),
    seen("10.1.0.5", minute=2, probe="rdp", port=3389, SERVICE="rdp", REMOTE_PATH="rdp", NAME="WARD-PC1"),
    arp("10.1.0.6", B, minute=3),
    seen("10.1.0.6", minute=4, probe="plan", outcome=Outcome.HELD_BACK, reason="fragile: pump"),
)
OFFICIAL = (
    "管理番号", "メーカー", "OS", "ソフトウェア", "ソフトウェアバージョン", "IPアドレス", "コンピュータ名",
    "設置場所", "利用者", "登録日", "状態", "説明",
)  # fmt: skip
DEVICE_KEYS = {
    "id", "addresses", "names", "maker", "model", "serial", "os", "os_version", "firmware_version", "device_class",
    "services", "dual_homed", "forwards", "remote_paths", "weaknesses", "ways_out", "touched", "first_seen", "last_seen", "confidence",
}  # fmt: skip


def fill(connection: Connection, *seen: Observation, scan: str = "s1", sent: tuple[Sent, ...] = ()) -> int:
    observations.append(connection, upload(*seen, sent=sent) if scan == "s1" else later(scan, *seen))
    return ledger.refresh(connection)


def later(scan: str, *seen: Observation) -> Upload:
    start = START + timedelta(days=7)
    done = Scan(id=scan, started=start, ended=start + timedelta(hours=1), state="complete")
    return Upload(observations=seen, vantages=VANTAGES, scans=(done,))


def sent(address: str, packets: int) -> Sent:
    return Sent(
        scan="s1", vantage="v-his", at=START, address=address, action="tcp connect", packets=packets, connections=1,
        payload_bytes=10,
    )  # fmt: skip


def test_numbers_are_given_once_and_stay(ledger_engine: Engine) -> None:
    with tables.writing(ledger_engine) as c:
        assert fill(c, *FIRST) == 2
        before = [(row.number, row.device.id) for row in ledger.official_rows(c)]
        assert fill(c, arp("10.1.0.7", "b8:2a:72:00:00:0c", minute=9000, scan="s2"), scan="s2") == 3
        after = [(row.number, row.device.id) for row in ledger.official_rows(c)]
    assert [number for number, _ in after] == ["001", "002", "003"]
    assert after[:2] == before


def test_an_older_observation_that_comes_late_changes_no_id(ledger_engine: Engine) -> None:
    with tables.writing(ledger_engine) as c:
        fill(c, *FIRST)
        before = [(row.number, row.device.id) for row in ledger.official_rows(c)]
        fill(c, arp("10.1.0.5", A, minute=-600, scan="s0"), scan="s0")
        assert [(row.number, row.device.id) for row in ledger.official_rows(c)] == before


def test_joined_devices_keep_the_older_number_and_both_words(ledger_engine: Engine) -> None:
    engines = [
        seen(ip, minute=m, port=161, probe="snmpv3", transport="udp", SNMP_ENGINE_ID="80aa", SNMP_ENGINE_BOOTS="3",
             SNMP_ENGINE_TIME=str(100 + 60 * m))
        for ip, m in (("10.1.0.5", 20), ("10.2.0.5", 21))
    ]  # fmt: skip
    with tables.writing(ledger_engine) as c:
        fill(c, arp("10.1.0.5", A), arp("10.2.0.5", B, minute=1))
        one, other = ledger.devices(c)
        ledger.edit(c, one.id, "設置場所", "サーバ室", "鈴木", NOON)
        ledger.edit(c, other.id, "利用者", "田中医師", "鈴木", NOON)
        assert fill(c, *engines) == 1
        (row,) = ledger.official_rows(c)
        found = ledger.device_document(c, other.id)
        fill(c, arp("10.1.0.99", "b8:2a:72:00:00:0c", minute=99))
        numbers = [r.number for r in ledger.official_rows(c)]
    assert (row.number, row.device.id) == ("001", one.id)
    assert (row.cell("設置場所").value, row.cell("利用者").value) == ("サーバ室", "田中医師")
    assert found is not None
    assert found["device"]["id"] == one.id
    assert numbers == ["001", "003"]


def test_official_columns_and_cells(ledger_engine: Engine) -> None:
    with tables.writing(ledger_engine) as c:
        fill(c, *FIRST)
        row, held = ledger.official_rows(c)
    assert ledger.COLUMNS == OFFICIAL
    assert len(row.values) == 12
    assert row.values[0] == "001"
    assert row.cell("OS").value == "Debian 12"
    assert (row.cell("ソフトウェア").value, row.cell("ソフトウェアバージョン").value) == ("OpenSSH", "9.2p1")
    assert (row.cell("IPアドレス").value, row.cell("コンピュータ名").value) == ("10.1.0.5", "WARD-PC1")
    assert [row.cell(name).value for name in OFFICIAL[7:]] == [""] * 5
    assert row.cell("登録日").proposal == "2026/4/1"
    assert row.cell("状態").proposal == "稼働"
    assert "rdp" in row.cell("説明").proposal
    assert held.device.touched.held_back == ("fragile: pump",)


def test_what_a_person_typed_survives_every_scan(ledger_engine: Engine) -> None:
    with tables.writing(ledger_engine) as c:
        fill(c, *FIRST)
        id = ledger.devices(c)[0].id
        for column, value in (
            ("メーカー", "A社"),
            ("OS", "Win11"),
            ("コンピュータ名", "受付1"),
            ("状態", "停止"),
        ):
            ledger.edit(c, id, column, value, "鈴木一郎", NOON)
        again = seen(
            "10.1.0.5", minute=9000, scan="s2", port=161, MAKER="B社", OS="Linux", NAME="OTHER", mac=A
        )
        fill(c, again, scan="s2")
        row = ledger.official_rows(c)[0]
        device = ledger.devices(c)[0]
        ledger.edit(c, id, "OS", None, "鈴木一郎", NOON + timedelta(days=30))
        back = ledger.official_rows(c)[0]
        history = c.execute(text("SELECT count(*) FROM human_entries")).scalar_one()
    assert [row.cell(name).value for name in ("メーカー", "OS", "コンピュータ名", "状態")] == [
        "A社", "Win11", "受付1", "停止",
    ]  # fmt: skip
    assert (row.cell("OS").source, row.cell("OS").who, row.cell("OS").at) == ("person", "鈴木一郎", NOON)
    assert (device.maker, device.os, device.os_version, device.names[0]) == ("A社", "Win11", None, "受付1")
    assert "鈴木一郎" in device.confidence["os"].ja
    assert back.cell("OS").value == "Linux 12" or back.cell("OS").source == "scan"
    assert history == 5


def test_a_silent_device_stays_in_the_ledger(ledger_engine: Engine) -> None:
    quiet = seen(
        "10.1.0.5", minute=9000, scan="s2", outcome=Outcome.SILENT, probe="packets.arp", transport="arp"
    )
    with tables.writing(ledger_engine) as c:
        fill(c, *FIRST)
        assert fill(c, quiet, scan="s2") == 2
        row = ledger.official_rows(c)[0]
    assert row.cell("状態").proposal == "応答なし（最終確認 2026/4/1）"
    assert row.cell("状態").value == ""


@pytest.mark.parametrize(
    ("device_id", "column", "value", "who"),
    [
        ("nobody", "説明", "x", "鈴木"),
        (None, "管理番号", "7", "鈴木"),
        (None, "説明; DROP TABLE", "x", "鈴木"),
        (None, "説明", "x", "  "),
        (None, "説明", "x" * 2001, "鈴木"),
        (None, "種別", "spaceship", "鈴木"),
    ],
)
def test_a_bad_entry_is_refused(
    ledger_engine: Engine, device_id: str | None, column: str, value: str, who: str
) -> None:
    with tables.writing(ledger_engine) as c:
        fill(c, *FIRST)
        with pytest.raises(ledger.BadEntry) as caught:
            ledger.edit(c, device_id or ledger.devices(c)[0].id, column, value, who, NOON)
        assert c.execute(text("SELECT count(*) FROM human_entries")).scalar_one() == 0
    assert "変更していません" in caught.value.ja


def test_hostile_words_are_kept_harmless(ledger_engine: Engine) -> None:
    with tables.writing(ledger_engine) as c:
        fill(c, *FIRST)
        id = ledger.devices(c)[0].id
        ledger.edit(c, id, "説明", "一行目\n=cmd()\x00\x1b[2J", "<script>", NOON)
        assert ledger.official_rows(c)[0].cell("説明").value == "一行目\n=cmd()\ufffd\ufffd[2J"


def test_document_has_the_promised_keys(ledger_engine: Engine) -> None:
    with tables.writing(ledger_engine) as c:
        fill(c, *FIRST, sent=(sent("10.1.0.5", 4), sent("10.1.0.5", 3), sent("10.1.0.6", 1)))
        shown = json.loads(json.dumps(ledger.document(c)))
    assert shown["schema"] == "daicho/ledger/1"
    assert {"schema", "generated_at", "vantages", "devices"} <= shown.keys()
    first, second = shown["devices"]
    for device in (first, second):
        assert device.keys() >= DEVICE_KEYS
        assert set(device["addresses"][0]) == {"ip", "mac", "network", "vantage", "how"}
    assert first["addresses"][0]["network"] == HIS
    assert set(first["services"][0]) >= {"port", "transport", "name", "product", "version"}
    assert first["remote_paths"][0].keys() == {"kind", "product", "port", "evidence"}
    assert first["touched"] == {"packets": 7, "connections": 2, "payload_bytes": 20, "held_back": []}
    assert second["touched"]["held_back"] == ["fragile: pump"]
    assert first["confidence"]["os"]["sure"] in ("sure", "likely", "guess")
    assert first["confidence"]["os"]["reason"]
    assert first["first_seen"].endswith("+00:00")
    assert second["os"] is None


def test_evidence_says_which_observation_says_what(ledger_engine: Engine) -> None:
    with tables.writing(ledger_engine) as c:
        fill(c, *FIRST)
        id = ledger.devices(c)[0].id
        said = {one.observation.probe: one.fields for one in ledger.evidence(c, id)}
        page = ledger.device_document(c, id)
    assert {"os", "service 22/tcp"} <= set(said["ssh"])
    assert "remote_path rdp" in said["rdp"]
    assert page is not None
    assert json.loads(json.dumps(page))["evidence"][1]["observation"]["probe"] == "ssh"
    assert page["official"]["管理番号"] == "001"


def test_an_unknown_device_has_no_page(ledger_engine: Engine) -> None:
    with tables.writing(ledger_engine) as c:
        fill(c, *FIRST)
        assert ledger.device_document(c, "x' OR 1=1 --") is None
        assert ledger.evidence(c, "") == []


def test_header_names_the_last_change(ledger_engine: Engine) -> None:
    with tables.writing(ledger_engine) as c:
        assert ledger.header(c) == ledger.Header(None, "")
        fill(c, *FIRST)
        assert ledger.header(c).by == ledger.BY_SCAN
        ledger.edit(c, ledger.devices(c)[0].id, "説明", "x", "鈴木一郎", NOON)
        assert ledger.header(c) == ledger.Header(NOON, "鈴木一郎")


def test_the_ledger_as_it_was(ledger_engine: Engine) -> None:
    with tables.writing(ledger_engine) as c:
        fill(c, *FIRST)
        fill(c, arp("10.1.0.7", "b8:2a:72:00:00:0c", minute=9000, scan="s2"), scan="s2")
        id = ledger.devices(c)[0].id
        ledger.edit(c, id, "説明", "later", "鈴木", START + timedelta(days=8))
        then = ledger.official_rows(c, START + timedelta(days=1))
    assert [row.number for row in then] == ["001", "002"]
    assert then[0].cell("説明").value == ""


def test_stored_and_derived_devices_are_the_same(ledger_engine: Engine) -> None:
    with tables.writing(ledger_engine) as c:
        fill(c, *FIRST)
        assert ledger.devices(c) == identify(FIRST, VANTAGES)


def test_a_declared_second_network(ledger_engine: Engine) -> None:
    both = seen(
        "10.1.0.5", minute=5, probe="oxid", port=135, ADDRESS=["10.1.0.5", "192.168.77.4"], NAME="SRV"
    )
    with tables.writing(ledger_engine) as c:
        fill(c, arp("10.1.0.5", A), both)
        id = ledger.devices(c)[0].id
        assert "要確認" in ledger.official_rows(c)[0].cell("説明").proposal
        ledger.edit(c, id, "2系統接続の届出", "届出済", "鈴木", NOON)
        (device,) = ledger.document(c)["devices"]
        assert "届出済" in ledger.official_rows(c)[0].cell("説明").proposal
    assert device["dual_homed"]["declared"] is True


def test_a_statement_declares_in_the_ledger_and_takes_it_back(ledger_engine: Engine) -> None:
    both = seen("10.1.0.5", minute=5, probe="oxid", port=135, ADDRESS=["10.1.0.5", "192.168.77.4"])
    with tables.writing(ledger_engine) as c:
        fill(c, arp("10.1.0.5", A), both)
        id = ledger.devices(c)[0].id
        on, until = date(2026, 4, 1), date(2027, 4, 1)
        said = DeclaredDual(device=id, purpose="保守", approver="院長", on=on, review_by=until)
        statements.state(c, said, "鈴木", NOON)
        assert ledger.document(c)["devices"][0]["dual_homed"]["declared"] is True
        with pytest.raises(statements.BadStatement):
            statements.state(c, structs.replace(said, device="nobody"), "鈴木", NOON)
    with tables.writing(ledger_engine) as c:
        assert statements.withdraw(c, "dual_homed", id, "鈴木", NOON + timedelta(hours=1))
        assert ledger.document(c)["devices"][0]["dual_homed"]["declared"] is False


def _kinds(found: tuple[Change, ...]) -> set[tuple[str, str]]:
    return {(change.number, change.kind) for change in found}


def test_changes_between_two_dates(ledger_engine: Engine) -> None:
    week = 7 * 24 * 60
    more = (
        seen("10.1.0.5", minute=week, scan="s2", mac=A, probe="ssh", port=22, SERVICE="ssh",
             SSH_BANNER="SSH-2.0-OpenSSH_9.6 FreeBSD"),
        seen("10.1.0.5", minute=week, scan="s2", mac=A, probe="vnc", port=5900, SERVICE="vnc", REMOTE_PATH="vnc"),
        seen("10.1.0.5", minute=week, scan="s2", mac=A, probe="rdp", port=3389, outcome=Outcome.REFUSED),
        seen("10.1.0.6", minute=week, scan="s2", probe="packets.arp", outcome=Outcome.SILENT, transport="arp"),
        arp("10.1.0.8", "b8:2a:72:00:00:0c", minute=week, scan="s2"),
    )  # fmt: skip
    with tables.writing(ledger_engine) as c:
        fill(
            c,
            *FIRST,
            arp("10.1.0.7", "b8:2a:72:00:00:0d", minute=5),
            arp("10.1.0.9", "b8:2a:72:00:00:0e", minute=6),
        )
        fill(c, *more, arp("10.1.0.7", "b8:2a:72:00:00:0d", minute=week, scan="s2"), scan="s2")
        found = changes(c, START + timedelta(days=1), START + timedelta(days=8))
    kinds = _kinds(found)
    assert {("001", "service_new"), ("001", "service_gone"), ("001", "service_changed")} <= kinds
    assert {("001", "remote_path_new"), ("001", "remote_path_gone")} <= kinds
    assert {("002", "silent"), ("003", "unchanged"), ("004", "not_checked"), ("005", "new")} <= kinds
    assert all(change.ja.endswith("。") and change.en.endswith(".") for change in found)
    assert "2026/4/8" in next(change.ja for change in found if change.kind == "unchanged")


def test_devices_catch_up_only_when_observations_came_since(ledger_engine: Engine) -> None:
    assert not ledger.catch_up(ledger_engine)
    with tables.writing(ledger_engine) as c:
        observations.append(c, upload(*FIRST))
    assert ledger.catch_up(ledger_engine)
    with ledger_engine.connect() as c:
        assert len(ledger.devices(c)) == 2
    assert not ledger.catch_up(ledger_engine)
    with tables.writing(ledger_engine) as c:
        fill(c, arp("10.1.0.7", "b8:2a:72:00:00:0c", minute=9), scan="s2")
    assert not ledger.catch_up(ledger_engine), "an ordinary refresh counts"


def overfill(engine: Engine, pages: int) -> None:
    with tables.writing(engine) as c:
        c.execute(text(f"PRAGMA max_page_count = {pages}"))
        c.execute(text("INSERT INTO more VALUES (zeroblob(10000000))"))


def test_a_full_disk_is_told_and_changes_nothing(tmp_path: Path) -> None:
    engine = tables.open_ledger(tmp_path / "d.sqlite")
    with tables.writing(engine) as c:
        c.execute(text("CREATE TABLE more (body BLOB)"))
    with pytest.raises(tables.LedgerUnwritten, match="the disk is full"):
        overfill(engine, (tmp_path / "d.sqlite").stat().st_size // 4096 + 4)
    with engine.connect() as c:
        assert c.execute(text("SELECT count(*) FROM more")).scalar_one() == 0
