# SPDX-License-Identifier: Apache-2.0
"""Boxes that answer for addresses of others: no row at an address that is nobody's, hosts with many addresses whole."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from collector.app import create_app
from collector.settings import Settings
from inventory_db.accounts import Role
from inventory_db.device import Device
from inventory_db.digest import Digest, add
from inventory_db.identify import STANDS_IN, derive, identify
from inventory_db.ledger import refresh
from inventory_db.observations import append, as_stored
from inventory_db.sightings import MOST_ALIASES
from inventory_db.tables import open_ledger, writing
from probes.facts import Observation, Outcome, Vantage
from tests.inventory_cases import VANTAGES, arp, seen, upload
from tests.signed_in import as_role

A, B = "b8:2a:72:00:00:0a", "b8:2a:72:00:00:0b"
MANY = range(10, 60)


def of(*observations: Observation, vantages: Iterable[Vantage] = VANTAGES) -> tuple[Device, ...]:
    return identify(observations, vantages)


def ips(device: Device) -> list[str | None]:
    return [address.ip for address in device.addresses]


def ssh(address: str, key: str, **more: str) -> Observation:
    return seen(address, minute=70, probe="ssh", port=22, SSH_HOST_KEY=f"ssh-ed25519 {key}", **more)


def answering(numbers: Iterable[int] = MANY, mac: str = A) -> list[Observation]:
    return [arp(f"10.1.0.{n}", mac, minute=n) for n in numbers]


def test_a_box_that_answers_for_many_addresses_is_a_row_without_one() -> None:
    (device,) = of(*answering())
    (address,) = device.addresses
    assert (address.ip, address.mac) == (None, A)
    assert device.confidence["addresses"].ja == STANDS_IN[0]
    assert set(device.confidence["addresses"].observations) <= set(device.observations)
    assert device.dual_homed is None


def test_what_it_says_alike_everywhere_makes_no_ghosts_either() -> None:
    blocked = [seen(f"10.1.0.{n}", minute=n, port=8008, mac=A, HTTP_TITLE="blocked") for n in MANY]
    assert [ips(one) for one in of(*answering(), *blocked)] == [[None]]
    real = ssh("10.1.0.20", "only here", mac=A)
    assert [ips(one) for one in of(*answering(), *blocked, real)] == [["10.1.0.20"]]


def test_hosts_behind_it_that_speak_for_themselves_are_rows() -> None:
    devices = of(*answering(), ssh("10.1.0.20", "k1"), ssh("10.1.0.30", "k2"))
    assert sorted(map(ips, devices)) == [["10.1.0.20"], ["10.1.0.30"]]


def test_hosts_that_named_themselves_on_one_night_of_three_stay_rows() -> None:
    """Their own words are kept, whatever all of them say alike before and after."""
    told = list[Observation]()
    for night, banner in enumerate(("login:", "host{} login:", "login:")):
        for n in MANY:
            one = seen(f"10.1.0.{n}", minute=100 * night + n, probe="telnet", port=23, mac=A,
                       TELNET_BANNER=banner.format("abcdefghij"[n % 10] + "x" * (n // 10)))  # fmt: skip
            told += [arp(f"10.1.0.{n}", A, minute=100 * night + n), one]
    known = Digest()
    for at in range(0, len(told), 2 * len(MANY)):
        known = add(known, [as_stored(one) for one in told[at : at + 2 * len(MANY)]], VANTAGES)
    assert len(derive(known, VANTAGES)) == len(of(*told)) == len(MANY)


def test_one_that_is_our_gateway_keeps_its_own_address() -> None:
    vantage = replace(VANTAGES[0], gateways=("10.1.0.254",))
    (device,) = of(*answering((*MANY, 254)), vantages=(vantage,))
    assert ips(device) == ["10.1.0.254"]
    assert device.addresses[0].mac == A
    assert "addresses" not in device.confidence


def test_it_keeps_its_number_when_it_answers_for_other_addresses_later() -> None:
    first = answering(range(100, 130))
    later = [replace(one, scan="s2", at=one.at.replace(day=2)) for one in answering(range(10, 90))]
    (before,), (after,) = of(*first), of(*first, *later)
    assert before.anchor in after.observations


def test_a_host_with_many_addresses_keeps_them() -> None:
    numbers = range(20, 20 + MOST_ALIASES + 4)
    keys = [ssh(f"10.1.0.{n}", "one key") for n in numbers]
    (device,) = of(*answering(numbers), *keys)
    assert ips(device) == [f"10.1.0.{n}" for n in numbers]
    assert {address.mac for address in device.addresses} == {A}
    assert device.dual_homed is None


def test_a_host_with_few_addresses_keeps_them_however_silent() -> None:
    silent = [seen(f"10.1.0.{n}", probe="ports", outcome=Outcome.SILENT, PORTS="22 443") for n in (20, 21)]
    (device,) = of(*answering((20, 21)), *silent, ssh("10.1.0.20", "k"))
    assert ips(device) == ["10.1.0.20", "10.1.0.21"]


@pytest.mark.parametrize("passes", ["yes", "no"])
def test_a_router_keeps_only_addresses_where_more_than_arp_answers(passes: str) -> None:
    test = [seen(f"10.1.0.{n}", probe="forward_test", transport="icmp", FORWARDS=passes) for n in (1, 20)]
    silent = [seen(f"10.1.0.{n}", probe="ports", outcome=Outcome.SILENT, PORTS="22 443") for n in (20, 21)]
    speaks = (ssh("10.1.0.1", "k"), seen("10.1.0.2", port=22, outcome=Outcome.REFUSED))
    (device,) = of(*answering((1, 2, 20, 21)), *silent, *test, *speaks)
    shown = ["10.1.0.1", "10.1.0.2"] + ([] if passes == "yes" else ["10.1.0.20", "10.1.0.21"])
    assert ips(device) == shown


def test_only_a_table_names_the_box() -> None:
    table = seen("10.1.0.1", port=161, NEIGHBOUR=[f"10.1.0.{n} {A}" for n in MANY])
    quiet = [seen(f"10.1.0.{n}", outcome=Outcome.SILENT, port=22) for n in MANY]
    assert sorted(map(str, map(ips, of(arp("10.1.0.1", B), table, *quiet)))) == ["['10.1.0.1']", "[None]"]
    words = [seen(f"10.1.0.{n}", port=80, HTTP_TITLE="blocked") for n in MANY]
    assert [None] in [ips(one) for one in of(arp("10.1.0.1", B), table, *words)]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 3 * 14 + 2), unique=True, min_size=1))
def test_batches_and_order_do_not_matter(chosen: list[int]) -> None:
    """Whatever came first: the same devices as of everything at once."""
    every = [
        one
        for night in (1, 2, 3)
        for one in (
            *(replace(a, scan=f"s{night}", at=a.at.replace(day=night)) for a in answering(range(10, 22))),
            replace(ssh("10.1.0.12", "k"), scan=f"s{night}", at=ssh("10.1.0.12", "k").at.replace(day=night)),
            replace(arp("10.1.0.60", A), scan=f"s{night}", at=arp("10.1.0.60", A).at.replace(day=night)),
        )
    ]  # fmt: skip
    some = [as_stored(every[n % len(every)]) for n in chosen]
    digest = Digest()
    batches = [some[: len(some) // 2], some[len(some) // 2 :]]
    for batch in batches:
        digest = add(digest, batch, VANTAGES)
    if not digest.contradiction:
        now, whole = derive(digest, VANTAGES), identify(some, VANTAGES)
        assert [(d.id, ips(d), d.first_seen, d.last_seen) for d in now] == [
            (d.id, ips(d), d.first_seen, d.last_seen) for d in whole
        ]


def test_the_page_says_why_no_address_stands_there(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    engine = open_ledger(path)
    with writing(engine) as connection:
        append(connection, upload(*answering()))
        refresh(connection)
    engine.dispose()
    app = create_app(Settings(ledger=str(path)))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        as_role(client, app.state.engine, Role.OPERATOR)
        (device,) = client.get("/api/v1/ledger").json()["devices"]
        for language, sentence in zip(("ja", "en"), STANDS_IN, strict=True):
            assert sentence in client.get(f"/devices/{device['id']}?lang={language}").text
