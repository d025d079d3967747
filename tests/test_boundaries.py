# SPDX-License-Identifier: Apache-2.0
"""Ways out of a network: a second gateway or DHCP server is shown with who says so; silence is no absence."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient
from msgspec.structs import replace

from collector.app import create_app
from collector.boundaries import Boundary, boundaries
from collector.case import Case
from collector.settings import Settings
from inventory_db.accounts import Role
from inventory_db.identify import identify
from inventory_db.ledger import refresh
from inventory_db.observations import append
from inventory_db.tables import open_ledger, writing
from probes.facts import Observation
from tests.inventory_cases import HIS, MODALITY, VANTAGES, arp, seen, upload
from tests.signed_in import as_role

GATEWAY, SIM, SERVER, CLIENT = (f"b8:2a:72:00:00:0{n}" for n in range(1, 5))
STOOD = (replace(VANTAGES[0], gateways=("10.1.0.1",)), VANTAGES[1])


def dhcp(address: str, mac: str, message: str, **more: Any) -> Observation:
    return seen(
        address, minute=5, probe="dhcp", transport="heard", mac=mac, MAC=mac, DHCP_MESSAGE=message, **more
    )


def site() -> list[Observation]:
    """The site's gateway and its DHCP server."""
    return [
        arp("10.1.0.1", GATEWAY),
        arp("10.1.0.5", SERVER),
        dhcp("10.1.0.5", SERVER, "ack", DHCP_SERVER="10.1.0.5", DHCP_ROUTER="10.1.0.1"),
    ]


def of(*observations: Observation, stood: Any = STOOD) -> Boundary:
    case = Case(now=datetime(2026, 4, 2, tzinfo=UTC), devices=identify(observations, stood), vantages=stood)
    found = boundaries(case)
    assert [one.network for one in found] == [HIS, MODALITY]
    return found[0]


def gateways(found: Boundary) -> list[tuple[str, tuple[str, ...], bool]]:
    return [(one.address, one.sources, one.beside) for one in found.gateways]


def test_one_gateway_and_one_server_are_no_doubt() -> None:
    found = of(*site())
    assert gateways(found) == [("10.1.0.1", ("own_route", "dhcp_router"), False)]
    assert [(one.address, one.sources, one.beside) for one in found.servers] == [
        ("10.1.0.5", ("dhcp_server",), False)
    ]
    assert not found.is_doubtful
    assert found.gateways[0].device is not None
    assert set(found.gateways[0].observations) <= set(found.servers[0].device.observations)  # type: ignore[union-attr]


def test_a_second_server_that_gives_out_another_way_is_shown() -> None:
    sim = [
        arp("10.1.0.99", SIM),
        dhcp("10.1.0.99", SIM, "offer", DHCP_SERVER="10.1.0.99", DHCP_ROUTER="10.1.0.99"),
        seen("10.1.0.99", minute=6, probe="ssdp", transport="heard", mac=SIM, SSDP_SERVICE="urn:schemas-upnp-org:device:InternetGatewayDevice:1"),
    ]  # fmt: skip
    found = of(*site(), *sim)
    assert gateways(found)[1] == ("10.1.0.99", ("dhcp_router", "igd"), True)
    assert [(one.address, one.beside) for one in found.servers] == [("10.1.0.5", True), ("10.1.0.99", True)]


def test_a_server_that_nobody_heard_is_known_by_the_client_that_chose_it() -> None:
    chosen = dhcp("10.1.0.7", CLIENT, "request", DHCP_SERVER="10.1.0.66")
    found = of(*site(), chosen)
    assert [(one.address, one.sources, one.device) for one in found.servers][1] == (
        "10.1.0.66", ("dhcp_chosen",), None
    )  # fmt: skip
    assert found.is_doubtful


def test_a_host_that_goes_out_by_another_gateway_is_shown() -> None:
    table = seen("10.1.0.8", minute=6, probe="snmp", port=161, transport="udp", SNMP_SYSNAME="x",
                 ROUTE=["10.2.0.0/24 10.1.0.1", "0.0.0.0/0 10.1.0.98"])  # fmt: skip
    found = of(*site(), table)
    assert gateways(found)[1] == ("10.1.0.98", ("default_route",), True)


def test_two_addresses_of_one_box_are_one_way_out() -> None:
    both = [
        arp("10.1.0.2", GATEWAY),
        dhcp("10.1.0.5", SERVER, "ack", DHCP_SERVER="10.1.0.5", DHCP_ROUTER="10.1.0.2"),
    ]
    found = of(*site(), *both)
    assert [one.address for one in found.gateways] == ["10.1.0.1", "10.1.0.2"]
    assert not found.is_doubtful


def test_a_relay_is_no_server_and_silence_says_nothing() -> None:
    relayed = seen(
        "10.1.0.1",
        minute=5,
        probe="dhcp",
        transport="heard",
        DHCP_MESSAGE="ack",
        DHCP_SERVER="10.9.0.5",
        DHCP_ROUTER="10.1.0.1",
    )
    found = of(arp("10.1.0.1", GATEWAY), relayed)
    assert [(one.address, one.sources) for one in found.servers] == [("10.9.0.5", ("dhcp_chosen",))]
    quiet = of(arp("10.1.0.9", CLIENT), stood=VANTAGES)
    assert (quiet.gateways, quiet.servers) == ((), ())


def test_the_page_shows_them_and_what_was_not_tried(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    engine = open_ledger(path)
    with writing(engine) as connection:
        append(
            connection,
            replace(
                upload(*site(), dhcp("10.1.0.7", CLIENT, "request", DHCP_SERVER="10.1.0.66")), vantages=STOOD
            ),
        )
        refresh(connection)
    engine.dispose()
    app = create_app(Settings(ledger=str(path)))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        as_role(client, app.state.engine, Role.OPERATOR)
        page = client.get("/diagram?lang=ja").text
        assert "端末がこのサーバーを選んだ" in page
        assert "ほかにもある" in page
        assert "DISCOVER" in page
        assert "聞こえていません（判定できない）" in page
        assert "a client chose this server" in client.get("/diagram?lang=en").text
