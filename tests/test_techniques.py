# SPDX-License-Identifier: Apache-2.0
"""Each way to find a second network has an outcome: what the agent writes down, what the device's page shows."""

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from agent.guard import Permit
from agent.plan import View, all_questions
from agent.refusal import Refusal
from agent.scope import Scope, write_scope
from agent.settings import ScopeSection, settings_from
from agent.techniques import Tried, candidates, control_for, not_tried
from collector.app import create_app
from collector.settings import Settings
from collector.techniques import Way, ways_of
from inventory_db.accounts import Role
from inventory_db.identify import identify
from inventory_db.ledger import refresh
from inventory_db.observations import append, as_stored
from inventory_db.tables import open_ledger, writing
from probes.facts import Observation, Outcome, Technique
from tests.inventory_cases import START, VANTAGES, arp, facts, seen, upload
from tests.signed_in import as_role

HOST, MAC = "10.1.0.10", "00:60:b9:20:01:14"
EVERYTHING = Tried(
    Permit.SEND,
    probes=frozenset(("snmpv3", "nbns", "smb", "snmp", "ssh", "https", "forward_test")),
    closed=frozenset({135}),
    has_login=True,
)


def reasons(**given: Any) -> dict[str, str]:
    told = not_tried(Tried(**{"permit": Permit.SEND, **given}))
    return dict(fact.value.split(" ") for fact in told)


def written(*networks: str, **section: Any) -> Scope:
    return write_scope(ScopeSection(**section), networks or ("10.1.0.0/24",), (), yes_large=False)


def test_what_was_asked_or_refused_is_not_called_untried() -> None:
    told = {fact.value for fact in not_tried(EVERYTHING)}
    assert told == {"smb_interfaces off", "candidate_arp off", "candidate_echo off"}


@pytest.mark.parametrize(
    ("given", "way", "why"),
    [
        ({"permit": Permit.NOTHING, "why_not": "fragile"}, "nbns", "fragile"),
        ({"permit": Permit.LISTEN, "why_not": "unclassified"}, "oxid", "unclassified"),
        ({"why_not": "printer"}, "snmp_engine", "printer"),
        ({"why_not": "blackout"}, "smb", "blackout"),
        ({}, "snmp_login", "no_login"),
        ({}, "smb", "not_open"),
        ({}, "nbns", "profile"),
        ({"privileged": False}, "heard", "no_privilege"),
        ({"privileged": False}, "forward_test", "no_privilege"),
        ({"on_link": False}, "forward_test", "not_on_link"),
        ({"permit": Permit.NOTHING, "why_not": "fragile"}, "smb_interfaces", "off"),
        ({"allowed": frozenset({"candidate_arp"})}, "candidate_arp", "no_candidate"),
        ({"allowed": frozenset({"candidate_arp"}), "closed": frozenset({445})}, "candidate_echo", "off"),
    ],
)
def test_each_way_not_tried_has_its_reason(given: dict[str, Any], way: str, why: str) -> None:
    assert reasons(**given)[way] == why


def test_every_way_is_in_the_vocabulary_and_none_is_forgotten() -> None:
    told = reasons(permit=Permit.NOTHING, why_not="fragile", privileged=False)
    assert set(told) == {way.value for way in Technique}


def test_the_null_session_is_asked_only_where_the_scope_file_names_it() -> None:
    bearing = View(Permit.SEND, open_ports=frozenset({445}), answered=frozenset({("smb", 445)}))
    assert "smb_interfaces" not in {q.probe for q in all_questions(bearing, "deep")}
    named = View(
        Permit.SEND,
        open_ports=frozenset({445}),
        answered=frozenset({("smb", 445)}),
        techniques=frozenset({"smb_interfaces"}),
    )
    assert "smb_interfaces" in {q.probe for q in all_questions(named, "gentle")}
    listening = View(Permit.LISTEN, open_ports=frozenset({445}), techniques=frozenset({"smb_interfaces"}))
    assert "smb_interfaces" not in {q.probe for q in all_questions(listening, "deep")}


def test_a_candidate_must_be_in_a_network_that_the_scope_file_gives_and_off_the_never_list() -> None:
    assert not written().may_ask_for("192.168.77.20")
    scope = written(candidates=("192.168.77.0/24",), never=("192.168.77.66",))
    assert scope.may_ask_for("192.168.77.20")
    assert not scope.may_ask_for("192.168.77.66")
    assert scope.refuses("192.168.77.20", START) == "outside_scope"  # itself it stays out of scope


@pytest.mark.parametrize("text", ["8.8.8.0/24", "fd00::/64", "x"])
def test_candidates_are_networks_of_the_house(text: str) -> None:
    with pytest.raises(Refusal):
        written(candidates=(text,))


def test_an_unknown_way_in_the_scope_file_stops_the_agent() -> None:
    with pytest.raises(Refusal, match="techniques"):
        settings_from({"scope": {"techniques": ["everything"]}}, "agent.toml")


def test_candidates_are_what_a_host_lets_slip_of_other_networks() -> None:
    told = facts(
        TLS_SAN=["pacs01", "172.16.5.10", HOST],
        HTTP_LOCATION="https://192.168.3.4:8443/login",
        ADDRESS=["10.1.0.11", "127.0.0.1", "169.254.1.1"],
    )
    assert candidates(told, "10.1.0.0/24") == ("172.16.5.10", "192.168.3.4")


@pytest.mark.parametrize("candidate", ["10.1.0.1", "10.1.0.254", "10.1.0.127", "10.1.0.128"])
def test_the_control_is_another_host_of_the_same_net(candidate: str) -> None:
    control = control_for(candidate)
    assert control != candidate
    assert control.rpartition(".")[0] == candidate.rpartition(".")[0]
    assert 1 <= int(control.rpartition(".")[2]) <= 254


# ---- what the device's page shows


def record(*untried: str, minute: int = 5) -> Observation:
    return seen(
        HOST,
        minute=minute,
        probe="techniques",
        transport="",
        outcome=Outcome.HELD_BACK,
        reason="techniques: 使わなかった手段 / ways not tried",
        NOT_TRIED=list(untried),
    )


def observed() -> list[Observation]:
    return [
        arp(HOST, MAC),
        seen(
            HOST,
            minute=1,
            probe="nbns",
            port=137,
            transport="udp",
            ADDRESS=[HOST, "192.168.77.20"],
            NAME="SV",
        ),
        seen(HOST, minute=2, probe="snmpv3", port=161, transport="udp", outcome=Outcome.SILENT),
        seen(HOST, minute=3, probe="ports", outcome=Outcome.REFUSED, PORTS="21 22 135"),
        seen(HOST, minute=3, probe="ports", outcome=Outcome.SILENT, PORTS="443 80"),
        seen(HOST, minute=4, probe="forward_test", transport="icmp", ICMP_REPLY="11/0", FORWARDS="yes"),
        record("smb_interfaces off", "snmp_login no_login", "smb not_open"),
    ]


def lines(*more: Observation) -> dict[Technique, Way]:
    return {way.technique: way for way in ways_of(map(as_stored, (*observed(), *more)))}


def test_the_table_tells_answered_refused_silent_and_not_tried_apart() -> None:
    told = {way.technique.value: (way.outcome, way.why) for way in lines().values()}
    assert told == {
        "heard": ("silent", ""),
        "snmp_engine": ("silent", ""),
        "nbns": ("answered", ""),
        "smb": ("not_tried", "not_open"),
        "oxid": ("refused", ""),
        "snmp_login": ("not_tried", "no_login"),
        "ssh_key": ("refused", ""),
        "web": ("silent", ""),
        "forward_test": ("answered", ""),
        "smb_interfaces": ("not_tried", "off"),
        "candidate_arp": ("not_recorded", ""),
        "candidate_echo": ("not_recorded", ""),
    }
    assert ("address", "192.168.77.20") in lines()[Technique.NBNS].said


def test_only_the_last_scan_counts() -> None:
    later = seen(HOST, minute=60, scan="s2", probe="nbns", port=137, transport="udp", outcome=Outcome.SILENT)
    told = lines(later)
    assert told[Technique.NBNS].outcome == "silent"
    assert told[Technique.OXID].outcome == "not_recorded"


def test_what_was_not_tried_makes_nobody_alive_and_is_no_reason_to_keep_back() -> None:
    assert identify([record("nbns off")], VANTAGES) == ()
    (device,) = identify(observed(), VANTAGES)
    assert device.touched.held_back == ()
    (before,) = identify(observed()[:-1], VANTAGES)
    assert device.id == before.id


def test_the_page_shows_the_table_in_both_languages(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    hostile = seen(HOST, minute=4, probe="ssh", port=22, SSH_HOST_KEY="<script>alert(1)</script>")
    engine = open_ledger(path)
    with writing(engine) as connection:
        append(connection, upload(*observed(), hostile))
        refresh(connection)
    engine.dispose()
    app = create_app(Settings(ledger=str(path)))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        as_role(client, app.state.engine, Role.OPERATOR)
        device = client.get("/api/v1/ledger").json()["devices"][0]["id"]
        page = client.get(f"/devices/{device}?lang=ja").text
        assert "どうやって知ったか、何が答えなかったか" in page
        assert "範囲ファイルで許していない（初めは使わない手段）" in page
        assert "<script>alert" not in page
        assert "off by default" in client.get(f"/devices/{device}?lang=en").text
