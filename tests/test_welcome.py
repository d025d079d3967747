# SPDX-License-Identifier: Apache-2.0
"""The first hour, over a real collector: each step ticks off by what the ledger holds."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from agent.ground import Ground
from agent.scope import write_scope
from agent.settings import ScopeSection
from agent.settings import Settings as AgentSettings
from agent.vantage import Standing
from collector.app import create_app
from collector.settings import Settings
from collector.welcome import addresses_in, listened_to, read_networks, time_left
from deploy.dry_run import dry_run
from deploy.forecast import forecast
from inventory_db import agents, statements
from inventory_db.accounts import Role
from inventory_db.audit_log import entries
from inventory_db.facilities import find_facility
from inventory_db.ledger import refresh
from inventory_db.observations import append
from inventory_db.stated import Facility
from inventory_db.statements import BadStatement
from inventory_db.tables import writing
from probes.facts import Scan
from tests.browser.material import SCRIPT, upload
from tests.signed_in import as_role

ORIGIN = {"Origin": "http://127.0.0.1"}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    app = create_app(Settings(ledger=str(tmp_path / "l.sqlite"), state_folder=str(tmp_path)))
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield as_role(client, app.state.engine, Role.ADMINISTRATOR, name="鈴木一郎")


def send(client: TestClient, step: str, **fields: str) -> tuple[int, str]:
    token = re.findall(r'name="token" value="([^"]+)"', client.get("/welcome").text)[0]
    answer = client.post(f"/welcome/{step}", data={"token": token, **fields}, headers=ORIGIN)
    return answer.status_code, answer.text


def done(client: TestClient) -> list[str]:
    page = client.get("/welcome").text
    return re.findall(r'id="(\w+)"[^>]*>\s*<h2><span class="step-mark done"', page)


def test_the_steps_tick_off_one_after_the_other(client: TestClient) -> None:
    engine = client.app.state.engine  # type: ignore[attr-defined]
    assert '<a class="button primary" href="/welcome">' in client.get("/").text
    assert done(client) == []
    assert send(client, "facility", name="東山台病院", form="hospital", zone="Asia/Tokyo")[0] == 200
    assert done(client) == ["facility"]
    assert "東山台病院" in client.get("/").text
    assert send(client, "scope", networks="10.10.1.0/24\r\n10.20.1.7/24, 10.10.1.0/24\r\n")[0] == 200
    assert done(client) == ["facility", "scope"]
    assert "daicho plan 10.10.1.0/24 10.20.1.0/24" in client.get("/welcome").text
    assert "508" in client.get("/welcome").text
    with writing(engine) as connection:
        append(connection, upload())
        refresh(connection)
    assert done(client) == ["facility", "agent", "scope", "scan"]
    with engine.connect() as connection:
        (said,) = statements.standing(connection, Facility).values()
        facility = find_facility(connection, 1)
    assert said.said.networks == ("10.10.1.0/24", "10.20.1.0/24")
    assert (said.who, facility and facility.name) == ("鈴木一郎", "東山台病院")


def test_the_scope_shows_what_the_agents_own_plan_counts(tmp_path: Path) -> None:
    """Two networks of 254 addresses; each asked for twice by ARP, and 120 packets to each host at the most."""
    app = create_app(Settings(ledger=str(tmp_path / "l.sqlite"), state_folder=str(tmp_path)), forecast)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        as_role(client, app.state.engine, Role.ADMINISTRATOR)
        client.headers["Accept-Language"] = "en"
        assert "<table" not in client.get("/welcome").text
        _, page = send(client, "scope", networks="10.10.1.0/24\n10.20.1.0/24")
        assert "508 addresses are asked, at 10 packets a second to one host and 1000 in all" in page
        rows = re.findall(r'<tr><th scope="row">(\w+).*?</th>(.*?)</tr>', page)
        cells = {name: re.findall(r"<td[^>]*>(.*?)</td>", row) for name, row in rows}
        assert list(cells) == ["gentle", "standard", "deep"]
        assert [row[:1] + row[2:] for row in cells.values()] == [
            [str(508 * 2), "120", str(508 * 2 + 508 * 120), "1 min / 2 min"]
        ] * 3
        assert "upper bounds; nothing was sent yet" in page
        _, page = send(client, "scope", networks="10.0.0.0/8")
        assert "An agent would not take this scope." in page
        assert "<table" not in page
        _, page = send(client, "scope", networks="10.10.1.0/24\nfd00:1::/64")
        assert "fd00:1::/64 is wide IPv6: its addresses are not asked one by one" in page
        assert "254 addresses are asked one by one" in page


def test_the_forecast_is_the_dry_run_of_an_agent_that_stands_there() -> None:
    """The same code with the same limits: a difference means that one of them counts on its own."""
    scope = write_scope(ScopeSection(), ("192.168.8.0/25",), (), yes_large=False)
    here = Standing("eth0", 2, "02:00:00:00:00:08", "192.168.8.7", "192.168.8.0/25", (), True, False)
    ground = Ground((here,), (here.as_vantage("h"),), ((scope.networks[0], 0),), scope)
    plan, told = dry_run(AgentSettings(), scope, ground), forecast(("192.168.8.0/25",))
    standard = next(one for one in told.profiles if one.profile == "standard")
    (segment,) = plan.segments
    assert told.addresses == segment.addresses == 126
    assert (standard.finding_packets, standard.questions, standard.host_packets) == (
        segment.finding_packets,
        len(plan.questions_classified),
        plan.most_packets_per_host,
    )
    assert forecast(("192.168.8.9/32", "192.168.8.0/25")).addresses == 126  # nobody is counted twice


def test_an_enrolment_code_is_shown_once_and_works(client: TestClient) -> None:
    status, page = send(client, "agent", name=f"本館{SCRIPT}")
    code = re.findall(r"--enrol ([A-Z2-7-]+)", page)[0]
    assert (status, code in client.get("/welcome").text, SCRIPT in page) == (200, False, False)
    engine = client.app.state.engine  # type: ignore[attr-defined]
    with writing(engine) as connection:
        agents.enrol(connection, code, b"k" * 32, datetime.now(UTC))
    assert done(client) == ["agent"]
    with engine.connect() as connection:
        told = [one for one in entries(connection, 1) if one.action == "agent_enrolled"]
    assert told
    assert code not in str(told)


@pytest.mark.parametrize(
    ("step", "fields"),
    [
        ("facility", {"name": "", "form": "hospital"}),
        ("facility", {"name": "病院", "form": "zoo"}),
        ("facility", {"name": "病院", "zone": "../../etc/passwd"}),
        ("scope", {"networks": "everything"}),
        ("scope", {"networks": "10.1.0.0/24\n10.1.0.0/99"}),
    ],
)
def test_what_makes_no_sense_changes_nothing_and_says_why(
    client: TestClient, step: str, fields: dict[str, str]
) -> None:
    status, page = send(client, step, **fields)
    assert (status, 'role="alert"' in page, done(client)) == (400, True, [])


def test_a_form_of_others_and_an_operator_change_nothing(client: TestClient) -> None:
    fields = {"token": "x" * 40, "name": "病院"}
    assert client.post("/welcome/facility", data=fields, headers=ORIGIN).status_code == 403
    as_role(client, client.app.state.engine, Role.OPERATOR)  # type: ignore[attr-defined]
    page = client.get("/welcome?lang=en")
    assert (page.status_code, "<form" in page.text) == (200, False)
    assert client.post("/welcome/agent", data=fields, headers=ORIGIN).status_code == 403
    assert done(client) == ["people"]


def test_numbers() -> None:
    assert addresses_in(["10.1.0.0/24", "10.2.0.1/32", "10.3.0.0/31"]) == 254 + 1 + 2
    assert addresses_in(["10.1.0.0/24", "2001:db8::/64", "2001:db8:1::/120"]) == 254 + 256
    assert listened_to(["10.1.0.0/24", "2001:db8::/64", "2001:db8:1::/120"]) == ["2001:db8::/64"]
    start = datetime(2026, 11, 1, tzinfo=UTC)
    scan = Scan(id="s", started=start, planned=100, finished=25)
    assert time_left(scan, start + timedelta(minutes=5)) == timedelta(minutes=15)
    assert time_left(Scan(id="s", started=start, planned=100), start) is None
    with pytest.raises(BadStatement):
        read_networks("\n".join(f"10.{n}.0.0/24" for n in range(201)))
