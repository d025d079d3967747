# SPDX-License-Identifier: Apache-2.0
"""People decide which devices are one: from scratch and night by night alike, undone, never proposed again — on both databases."""

import random
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Engine

from collector.app import create_app
from collector.settings import Settings
from inventory_db import digested, ledger, observations, statements, tables
from inventory_db.accounts import Role
from inventory_db.audit_log import entries
from inventory_db.decided import Decision
from inventory_db.device import Device
from inventory_db.identify import identify
from inventory_db.stated import SameDevice
from inventory_db.statements import Stated
from probes.facts import Observation
from tests.browser.material import SCRIPT
from tests.inventory_cases import START, VANTAGES, arp, upload
from tests.inventory_engines import ledger_engine
from tests.signed_in import as_role
from tests.test_digest import history
from tests.test_inventory_identify import A, B, C, engine, ssh
from tests.test_refresh import bodies, derive_from_scratch, of_its_own, uploads

__all__ = ["ledger_engine"]
ORIGIN = {"Origin": "http://127.0.0.1"}
DAY = date(2026, 4, 2)
CLONES = (
    arp("10.1.0.5", A),
    ssh("10.1.0.5", "k"),
    arp("10.1.0.6", B, minute=1),
    ssh("10.1.0.6", "k"),
)
CHAIN = (  # one engine at three addresses: by itself one device, joined 5–6–7
    *(arp(f"10.1.0.{n}", mac, NAME="CORE") for n, mac in ((5, A), (6, B), (7, C))),
    *(engine(f"10.1.0.{n}", n) for n in (5, 6, 7)),
)


def said(one: Sequence[str], other: Sequence[str], same: bool, reason: str = "現物を見た") -> SameDevice:
    return SameDevice(one=tuple(one), other=tuple(other), same=same, reason=reason, on=DAY)


def word(number: int, *told: Any) -> Decision:
    return Stated(said(*told), "鈴木一郎", START, number)


def card(mac: str) -> str:
    return f"mac {mac} 10.1.0.0/24"


def found(seen: Sequence[Observation], *decisions: Decision) -> list[list[str | None]]:
    return [[a.ip for a in one.addresses] for one in identify(seen, VANTAGES, decisions)]


def test_a_weak_sign_is_a_proposal_until_a_person_decides() -> None:
    one, other = identify(CLONES, VANTAGES)
    assert [merge.other for merge in (*one.proposals, *other.proposals)] == [other.id, one.id]
    (both,) = identify(CLONES, VANTAGES, [word(1, [card(A)], [card(B)], True)])
    assert [(merge.key, "鈴木一郎" in merge.ja, "現物を見た" in merge.en) for merge in both.merges] == [
        ("person", True, True)
    ]
    rejected = identify(CLONES, VANTAGES, [word(1, [card(A)], [card(B)], False)])
    assert [(len(one.proposals), len(one.parted)) for one in rejected] == [(0, 0), (0, 0)]


def test_the_rest_stays_one_device_and_says_what_speaks_against() -> None:
    assert found(CHAIN) == [["10.1.0.5", "10.1.0.6", "10.1.0.7"]]
    apart = word(1, [card(B)], [card(A), card(C)], False)
    assert found(CHAIN, apart) == [["10.1.0.5", "10.1.0.7"], ["10.1.0.6"]]
    left, away = identify(CHAIN, VANTAGES, [apart])
    assert {merge.key for merge in left.merges} == {"person_kept"}
    assert (next(merge.other for merge in away.parted), away.proposals) == (left.id, ())


def test_the_newest_word_wins_and_an_older_one_comes_back() -> None:
    merge, part = word(1, [card(A)], [card(B)], True), word(2, [card(B)], [card(A)], False)
    assert (found(CLONES, merge, part), found(CLONES, part, merge)) == ([["10.1.0.5"], ["10.1.0.6"]],) * 2
    assert found(CLONES, merge) == [["10.1.0.5", "10.1.0.6"]]


def test_a_handle_that_leads_nowhere_or_to_several_devices_decides_nothing() -> None:
    assert len(found(CLONES, word(1, ["mac 00:00:00:00:00:01 10.1.0.0/24"], [card(B)], True))) == 2
    dongle = (*CLONES, arp("10.2.0.9", A), arp("10.2.0.9", B, minute=9))
    alone = found(dongle)
    assert found(dongle, word(1, [f"mac {A} 10.9.0.0/24"], [card(B)], True)) == alone


def test_an_address_counts_only_with_what_answers_there() -> None:
    routed = (
        ssh("172.16.0.5", "k", network="", vantage="v-his"),
        ssh("172.16.0.6", "k", network="", vantage="v-his"),
    )
    one, other = identify(routed, VANTAGES)
    handles = sorted(part.handle for device in (one, other) for part in device.parts)
    assert [handle.split(" ")[:3] for handle in handles] == [
        ["ip", "172.16.0.5", "host_key"],
        ["ip", "172.16.0.6", "host_key"],
    ]
    merge = word(1, handles[:1], handles[1:], True)
    assert len(found(routed, merge)) == 1
    replaced = (routed[0], ssh("172.16.0.6", "another", network="", vantage="v-his"))
    assert len(found(replaced, merge)) == 2


@given(st.permutations(CHAIN), st.permutations([word(1, [card(B)], [card(A), card(C)], False)]))
@settings(max_examples=20)
def test_the_order_of_observations_never_matters(
    seen: Sequence[Observation], decisions: Sequence[Decision]
) -> None:
    assert identify(seen, VANTAGES, decisions) == identify(CHAIN, VANTAGES, decisions)


def decide_somehow(connection: Connection, chance: random.Random) -> None:
    """Merge two devices, split one, or take something back."""
    known = ledger.devices(connection)
    parts = [[part.handle for part in device.parts] for device in known if device.parts]
    standing = list(statements.standing(connection, SameDevice))
    if standing and chance.random() < 0.3:
        statements.withdraw(connection, SameDevice.KIND, chance.choice(standing), "x", START)
    elif several := [one for one in parts if len(one) > 1]:
        one = chance.choice(several)
        statements.state(connection, said(one[:1], one[1:], False), "x", START)
    elif len(parts) > 1:
        one, other = chance.sample(parts, 2)
        statements.state(connection, said(one, other, chance.random() < 0.7), "x", START)
    ledger.refresh(connection)


@given(history, st.lists(st.integers(1, 15), max_size=4), st.randoms())
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_night_by_night_is_as_from_scratch(
    ledger_engine: Engine, told: list[Any], sizes: list[int], chance: random.Random
) -> None:
    with tables.writing(of_its_own(ledger_engine)) as connection:
        for some in uploads(sorted(told, key=lambda one: one[:2]), sizes):
            observations.append(connection, some)
            ledger.refresh(connection)
            decide_somehow(connection, chance)
        kept = bodies(connection)
        assert derive_from_scratch(connection) == kept


def shown(connection: Connection) -> list[tuple[str, list[str | None]]]:
    rows = ledger.official_rows(connection)
    return [(row.number, [one.ip for one in row.device.addresses]) for row in rows]


def test_numbers_and_words_come_back_when_it_is_undone(ledger_engine: Engine) -> None:
    with tables.writing(ledger_engine) as connection:
        observations.append(connection, upload(*CLONES))
        ledger.refresh(connection)
        before = shown(connection)
        one, other = (device.id for device in ledger.devices(connection))
        ledger.edit(connection, other, "設置場所", "倉庫", "佐藤", datetime(2026, 4, 2, tzinfo=UTC))
        merge = said([card(A)], [card(B)], True)
        statements.state(connection, merge, "鈴木一郎", START)
        assert not digested.is_current(connection)
        ledger.refresh(connection)
        assert shown(connection) == [("001", ["10.1.0.5", "10.1.0.6"])]
        assert ledger.official_rows(connection)[0].cell("設置場所").value == "倉庫"
        kept = ledger.find_device(connection, other)
        assert kept is not None
        assert kept[0].device.id == one
        statements.withdraw(connection, SameDevice.KIND, merge.key, "鈴木一郎", START)
        ledger.refresh(connection)
        assert shown(connection) == before == [("001", ["10.1.0.5"]), ("002", ["10.1.0.6"])]
        assert ledger.official_rows(connection)[1].cell("設置場所").value == "倉庫"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    made = tables.open_ledger(tmp_path / "daicho.sqlite")
    with tables.writing(made) as connection:
        observations.append(connection, upload(*CLONES, arp("10.1.0.9", C, minute=2, NAME=SCRIPT)))
        ledger.refresh(connection)
    made.dispose()
    app = create_app(Settings(ledger=str(tmp_path / "daicho.sqlite"), state_folder=str(tmp_path)))
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield as_role(client, app.state.engine, Role.OPERATOR, name="鈴木一郎")


def known(client: TestClient) -> list[Device]:
    with client.app.state.engine.connect() as connection:  # type: ignore[attr-defined]
        return list(ledger.devices(connection))


def send(client: TestClient, address: str, **data: Any) -> tuple[int, str]:
    token = re.findall(r'name="token" value="([^"]+)"', client.get("/import").text)[0]
    answer = client.post(address, data={"token": token, **data}, headers=ORIGIN)
    return answer.status_code, answer.text


def test_a_pair_is_looked_at_merged_and_taken_back(client: TestClient) -> None:
    one, other, _ = known(client)
    page = client.get("/same-devices").text
    assert (page.count("見比べる<span"), "Merge(" in page) == (1, False)
    asked = {"one": one.id, "other": other.id}
    assert "複製したディスクイメージ" in client.get("/same-devices/pair", params=asked).text
    assert send(client, "/same-devices/pair", **asked, same="yes")[0] == 400  # no reason
    assert len(known(client)) == 3
    status, page = send(client, "/same-devices/pair", **asked, same="yes", reason=f"現物 {SCRIPT}")
    assert (status, "同じ機器にまとめました" in page, SCRIPT in page) == (200, True, False)
    assert "まとめる・分けるの履歴" in page
    assert len(known(client)) == 2
    key = re.findall(r'name="key" value="([^"]+)"', client.get("/same-devices").text)
    assert "取り消しました" in send(client, "/same-devices/undo", key=key[0])[1]
    assert len(known(client)) == 3
    assert "（記入を取り消し）" in client.get(f"/devices/{one.id}").text
    with client.app.state.engine.connect() as connection:  # type: ignore[attr-defined]
        told = [one for one in entries(connection, 1) if one.kind == SameDevice.KIND]
    assert [(one.name, one.action) for one in told] == [("鈴木一郎", "statement")] * 2


def test_a_rejected_pair_is_not_proposed_again(client: TestClient) -> None:
    one, other, _ = known(client)
    send(client, "/same-devices/pair", one=one.id, other=other.id, same="no", reason="別の部屋にある")
    with tables.writing(client.app.state.engine) as connection:  # type: ignore[attr-defined]
        observations.append(connection, upload(ssh("10.1.0.6", "k", minute=90)))
        ledger.refresh(connection)
    page = client.get("/same-devices").text
    assert ("いま確かめる組はありません" in page, "別の部屋にある" in page) == (True, True)


def test_a_merged_device_is_split(client: TestClient) -> None:
    one, other, third = known(client)
    send(client, "/same-devices/pair", one=one.id, other=third.id, same="yes", reason="銘板")
    page = client.get(f"/devices/{one.id}").text
    handles = re.findall(r'name="part" value="([^"]+)"', page)
    assert handles == [card(A), card(C)]
    every = send(client, "/same-devices/split", device=one.id, part=handles, reason="x")[1]
    assert ("何も変えていません" in every, len(known(client))) == (True, 2)
    assert (
        "別の機器と決めました"
        in send(client, "/same-devices/split", device=one.id, part=handles[1:], reason="x")[1]
    )
    assert [device.id for device in known(client)] == [one.id, other.id, third.id]


def test_nonsense_is_refused(client: TestClient) -> None:
    one, other, _ = known(client)
    asked = {"one": one.id, "other": other.id, "same": "yes", "reason": "x"}
    assert send(client, "/same-devices/pair", **asked | {"same": "maybe"})[0] == 400
    assert send(client, "/same-devices/pair", **asked | {"other": "none"})[0] == 404
    assert send(client, "/same-devices/pair", **asked | {"other": one.id})[0] == 400
    assert send(client, "/same-devices/pair", **asked | {"token": "x" * 40})[0] == 403
    as_role(client, client.app.state.engine, Role.EXECUTIVE)  # type: ignore[attr-defined]
    assert client.post("/same-devices/pair", data=asked, headers=ORIGIN).status_code == 403
    assert "10.1.0.6" in client.get("/same-devices/pair?one=001&other=10.1.0.6").text
    assert "1台に絞れません" in client.get("/same-devices/pair?one=001&other=10.1.0.77").text
