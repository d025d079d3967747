# SPDX-License-Identifier: Apache-2.0
"""Declaring a device that stands on two networks: the findings of 2-(1) and 2-(2), the page, the ledger's mark."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from collector.app import create_app
from collector.case import Case
from collector.dual_homed import Standing, dual_findings, duals
from collector.rules import coverage, remote_access
from collector.security import TOKEN_COOKIE
from collector.settings import Settings
from collector.statement_check import Known, check_statement
from inventory_db import ledger
from inventory_db.accounts import Role
from inventory_db.device import DualHomed
from inventory_db.ledger import refresh
from inventory_db.observations import append
from inventory_db.stated import DeclaredDual
from inventory_db.statements import BadStatement, withdraw
from inventory_db.tables import open_ledger, writing
from tests.inventory_cases import START, arp, seen, upload
from tests.judge_cases import LAN, case, device, stated
from tests.signed_in import as_role, bearer

ORIGIN = {"Origin": "http://127.0.0.1"}
OTHER = "192.168.77.0/24"
TODAY = date(2024, 11, 29)


def declared(**given: Any) -> DeclaredDual:
    values = {"device": "d1", "purpose": "オンライン資格確認", "approver": "院長", "on": date(2024, 4, 1)}
    return DeclaredDual(**{**values, "review_by": date(2099, 3, 31), **given})


def facility(*said: DeclaredDual, typed: bool = False, found: bool = True) -> Case:
    two = DualHomed((LAN, OTHER), (), typed) if found else None
    one = replace(device("d1", "192.168.1.10"), dual_homed=two)
    return replace(case(devices=(one,)), stated=stated(*said))


def standings(*said: DeclaredDual, **given: bool) -> list[Standing]:
    return [one.standing for one in duals(facility(*said, **given))]


@pytest.mark.parametrize(
    ("said", "given", "standing"),
    [
        ((), {}, Standing.UNDECLARED),
        ((), {"typed": True}, Standing.BARE),
        ((declared(),), {"typed": True}, Standing.DECLARED),
        ((declared(networks=(LAN, OTHER)),), {}, Standing.DECLARED),
        ((declared(networks=(LAN, "10.9.0.0/24")),), {}, Standing.DIFFERS),
        ((declared(review_by=date(2024, 11, 28)),), {}, Standing.OVERDUE),
        ((declared(),), {"found": False}, Standing.NOT_FOUND),
        ((declared(review_by=date(2024, 11, 28)),), {"found": False}, Standing.OVERDUE),
    ],
)
def test_found_and_declared_go_together(
    said: tuple[DeclaredDual, ...], given: dict[str, bool], standing: Standing
) -> None:
    assert standings(*said, **given) == [standing]


def test_a_device_on_one_network_that_nobody_declared_is_no_matter() -> None:
    assert standings(found=False) == []


@pytest.mark.parametrize("rule", [coverage, remote_access])
@pytest.mark.parametrize(
    ("said", "code"),
    [
        ((), "path.dual_homed"),
        ((declared(networks=(LAN,)),), "path.dual_differs"),
        ((declared(review_by=date(2024, 11, 28)),), "path.dual_overdue"),
    ],
)
def test_both_items_tell_what_is_undeclared_or_overdue(
    rule: Any, said: tuple[DeclaredDual, ...], code: str
) -> None:
    told = [one for one in rule.judge(facility(*said), "").findings if one.code.startswith("path.dual")]
    if rule is remote_access or told:  # without a facility's ledger 2-(1) has not begun
        assert [one.code for one in told] == [code]
        assert told[0].against
        assert not told[0].proven


def test_a_declaration_that_holds_is_no_finding() -> None:
    assert list(dual_findings(facility(declared()))) == []
    assert list(dual_findings(facility(declared(), found=False))) == []


def test_the_day_of_review_comes_after_the_approval() -> None:
    known = Known(devices=frozenset({"d1"}))
    check_statement(declared(), known, TODAY)
    for wrong in (
        declared(review_by=date(2024, 4, 1)),
        declared(on=TODAY + timedelta(days=1)),
        declared(purpose=" "),
        declared(device="nobody"),
        declared(networks=("no network",)),
    ):
        with pytest.raises(BadStatement):
            check_statement(wrong, known, TODAY)


# ---- the page and the ledger


@pytest.fixture
def site(tmp_path: Path) -> Iterator[TestClient]:
    path = tmp_path / "ledger.sqlite"
    engine = open_ledger(path)
    two = seen("10.1.0.10", minute=1, probe="oxid", port=135, ADDRESS=["10.1.0.10", "192.168.77.20"])
    with writing(engine) as connection:
        append(
            connection,
            upload(arp("10.1.0.10", "04:0e:3c:20:01:14"), two, arp("10.1.0.11", "04:0e:3c:20:01:15")),
        )
        refresh(connection)
    engine.dispose()
    app = create_app(Settings(ledger=str(path)))
    with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as client:
        yield as_role(client, app.state.engine, Role.OPERATOR, name="鈴木一郎")


def ids(site: TestClient) -> dict[str, str]:
    devices = site.get("/api/v1/ledger").json()["devices"]
    return {one["addresses"][0]["ip"]: one["id"] for one in devices}


def post(site: TestClient, path: str = "/dual-homed", **fields: str) -> Any:
    site.get("/dual-homed")
    token = site.cookies.get(TOKEN_COOKIE) or ""
    return site.post(path, data={"token": token, **fields}, headers=ORIGIN)


def whole(device: str, **given: str) -> dict[str, str]:
    fields = {"device": device, "purpose": "検査装置の<b>保守</b>", "approver": "院長", "on": "2026-04-01"}
    return {**fields, "review_by": "2099-03-31", "networks": "10.1.0.0/24\n192.168.77.0/24", **given}


def test_an_operator_declares_on_the_page_and_takes_it_back(site: TestClient) -> None:
    device = ids(site)["10.1.0.10"]
    assert "届出がありません" in site.get("/dual-homed?lang=ja").text
    answer = post(site, **whole(device))
    assert answer.status_code == 303
    page = site.get(answer.headers["location"]).text
    assert "届出のとおりです" in page
    assert "検査装置の&lt;b&gt;保守&lt;/b&gt;" in page
    assert site.get(f"/api/v1/devices/{device}").json()["device"]["dual_homed"]["declared"] is True
    assert post(site, "/dual-homed/withdraw", device=device).status_code == 303
    assert site.get(f"/api/v1/devices/{device}").json()["device"]["dual_homed"]["declared"] is False


def test_a_declaration_without_purpose_or_with_a_wrong_day_is_refused_and_what_was_typed_stays(
    site: TestClient,
) -> None:
    device = ids(site)["10.1.0.10"]
    for wrong in (
        {"purpose": " "},
        {"review_by": "soon"},
        {"review_by": ""},
        {"review_by": "2026-03-01"},
        {"device": "x"},
    ):
        answer = post(site, **(whole(device) | wrong))
        assert answer.status_code == 400
        assert "何も変更していません" in answer.text
    answer = post(site, **whole(device, review_by="2026-03-01"))
    assert 'value="2026-03-01"' in answer.text
    assert "届出がありません" in site.get("/dual-homed").text


def test_a_device_that_shows_one_network_only_can_be_declared_too(site: TestClient) -> None:
    device = ids(site)["10.1.0.11"]
    assert "1つの網にしか見えません" in site.get(f"/dual-homed?device={device}").text
    assert post(site, **whole(device)).status_code == 303
    assert "調べでは2つ目の網が見つかっていません" in site.get("/dual-homed").text


def test_nobody_but_the_hands_of_the_house_may_declare(site: TestClient) -> None:
    device = ids(site)["10.1.0.10"]
    engine = site.app.state.engine  # type: ignore[attr-defined]
    assert site.post("/dual-homed", data=whole(device)).status_code == 403  # no token of our form
    as_role(site, engine, Role.EXECUTIVE)
    assert site.get("/dual-homed").status_code == 200
    assert post(site, **whole(device)).status_code == 403
    as_role(site, engine, Role.VENDOR)
    assert site.get("/dual-homed").status_code in (403, 404)


def test_the_statement_by_command_or_api_marks_the_ledger_too(site: TestClient) -> None:
    engine = site.app.state.engine  # type: ignore[attr-defined]
    device = ids(site)["10.1.0.10"]
    headers = bearer(engine, Role.OPERATOR)
    said = {
        "device": device,
        "purpose": "保守",
        "approver": "院長",
        "on": "2026-04-01",
        "review_by": "2099-01-01",
    }
    assert site.post(
        "/api/v1/statements/dual_homed", json={"statement": said}, headers=headers
    ).status_code in (200, 201)
    with writing(engine) as connection:
        (two,) = [one for one in ledger.devices(connection) if one.id == device]
        assert two.dual_homed
        assert two.dual_homed.declared
        assert withdraw(connection, "dual_homed", device, "鈴木", START)
