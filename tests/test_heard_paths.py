# SPDX-License-Identifier: Apache-2.0
"""Ways in that no open port shows: each needs its signs, and says no more than was heard."""

from datetime import UTC, datetime

import pytest

from collector.assigned import work_on
from collector.case import Case
from collector.rules import remote_access
from inventory_db.identify import identify
from probes.facts import Fact, FactKind, Observation, Outcome, Sure, Vantage, fact
from probes.mobile_routers import mobile_sign

PEPLINK, INTEL = "00:1a:dd:00:00:01", "00:1b:21:00:00:01"
SITE = Vantage(
    id="v", host="h", interface="eth0", address="192.0.2.2", network="192.0.2.0/24", gateways=("192.0.2.1",)
)
OFFER = (
    fact(FactKind.DHCP_MESSAGE, "offer"),
    fact(FactKind.DHCP_SERVER, "192.0.2.77"),
    fact(FactKind.DHCP_ROUTER, "192.0.2.77"),
)
IGD = fact(FactKind.SSDP_SERVICE, "urn:schemas-upnp-org:device:InternetGatewayDevice:1")
LTE = fact(FactKind.SSDP_SERVER, "Linux UPnP/1.0 LTE Mobile Router/1.0")


def heard(probe: str, facts: tuple[Fact, ...], mac: str = "", address: str = "192.0.2.77") -> Observation:
    return Observation(
        scan="s", vantage="v", at=datetime(2026, 1, 2, tzinfo=UTC), probe=probe, address=address, mac=mac,
        network="192.0.2.0/24", transport="heard", outcome=Outcome.ANSWERED, facts=facts,
    )  # fmt: skip


def paths(*seen: Observation, vantages: tuple[Vantage, ...] = (SITE,)) -> list[tuple[str, str | None, int]]:
    return [(p.kind, p.product, p.port) for one in identify(seen, vantages) for p in one.remote_paths]


def called(product: str, sure: Sure) -> tuple[Fact, ...]:
    return (
        fact(FactKind.REMOTE_PATH, "remote_tool", sure),
        fact(FactKind.PRODUCT, product, sure),
        fact(FactKind.REMOTE_NAME, "DNS question x"),
    )


def test_a_tool_that_calls_its_service_is_a_path_without_a_port() -> None:
    one, other = (heard("dns_heard", called(name, Sure.LIKELY)) for name in ("TeamViewer", "AnyDesk"))
    assert paths(one, other, one) == [("remote_tool", "AnyDesk", 0), ("remote_tool", "TeamViewer", 0)]


def test_two_tools_of_one_device_are_two_findings_to_give_to_people() -> None:
    seen = [heard("dns_heard", called(name, Sure.LIKELY)) for name in ("TeamViewer", "AnyDesk")]
    case = Case(now=datetime(2026, 1, 3, tzinfo=UTC), devices=identify(seen, [SITE]), vantages=(SITE,))
    told = [one for one in remote_access.judge(case, "").findings if one.device]
    assert {one.about for one in told} == {"remote_tool/AnyDesk", "remote_tool/TeamViewer"}
    assert len({work_on(one).key for one in told}) == len(told) == 2


def test_its_evidence_does_not_claim_that_it_is_used() -> None:
    (device,) = identify([heard("dns_heard", called("AnyDesk", Sure.LIKELY))], [SITE])
    (evidence,) = device.remote_paths[0].evidence
    assert "限りません" in evidence.ja
    assert "not proof of use" in evidence.en


def test_a_name_that_other_products_share_is_no_path() -> None:
    assert paths(heard("dns_heard", called("GoTo", Sure.GUESS))) == []


@pytest.mark.parametrize("facts", [OFFER, (IGD,), (fact(FactKind.ROUTER_ADVERTISED, "default"),)])
def test_a_router_with_a_sim_beside_the_sites_own_is_a_path(facts: tuple[Fact, ...]) -> None:
    assert paths(heard("x", facts, PEPLINK)) == [("mobile_router", None, 0)]


def test_its_own_words_do_where_the_card_says_nothing() -> None:
    assert paths(heard("ssdp", (IGD, LTE), INTEL)) == [("mobile_router", None, 0)]


@pytest.mark.parametrize(
    ("facts", "mac", "address", "vantages"),
    [
        (OFFER, INTEL, "192.0.2.77", (SITE,)),  # a second DHCP server, but no sign of a SIM
        ((), PEPLINK, "192.0.2.77", (SITE,)),  # such a router, but it offers nothing here
        ((IGD,), PEPLINK, "192.0.2.1", (SITE,)),  # the site's own gateway
        (OFFER, PEPLINK, "192.0.2.77", ()),  # nobody knows the site's gateways
    ],
)
def test_one_sign_is_not_enough(
    facts: tuple[Fact, ...], mac: str, address: str, vantages: tuple[Vantage, ...]
) -> None:
    assert paths(heard("x", facts, mac, address), vantages=vantages) == []


@pytest.mark.parametrize(
    ("maker", "text", "is_one"),
    [
        ("Teltonika Networks UAB", "", True),
        ("Intel Corporate", "HOME 5G HR02", True),
        ("Intel Corporate", "Linux UPnP/1.0 MiniUPnPd/2.2", False),
        ("NEC Platforms, Ltd.", "", False),  # makes the site's wired routers as well
        (None, "a filter for 5GHz", False),
    ],
)
def test_signs_of_a_sim(maker: str | None, text: str, is_one: bool) -> None:
    assert bool(mobile_sign(maker, [text])) is is_one
