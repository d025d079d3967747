# SPDX-License-Identifier: Apache-2.0
"""Objects of the other facility: through every route that takes an id, as every role, there is nothing under it.

Both facilities are full here, and each object is shown to exist at home first; so a route that looked past the
facility would find it.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine, select

from collector.app import create_app
from collector.permissions import TABLE
from collector.settings import Settings
from inventory_db import agents, attachments, ledger, statements, tables
from inventory_db.accounts import Role
from inventory_db.facilities import add_facility, bind, every
from inventory_db.ledger import refresh
from inventory_db.observations import append
from inventory_db.stated import RemoteAccess, Vendor
from inventory_db.tables import open_ledger, writing
from tests.browser.material import upload
from tests.signed_in import as_role, bearer

NOW = datetime(2026, 11, 29, 3, tzinfo=UTC)
HOME, NEXT_DOOR = 1, 2
HOUSE = (Role.ADMINISTRATOR, Role.OPERATOR, Role.EXECUTIVE)
SECRET = "隣の病院の秘密"


@dataclass(frozen=True)
class Objects:
    """What one facility has, by id or key."""

    device: str
    observation: str
    attachment: str
    agent: str
    vendor: str


def fill(engine: Engine, scan: str, secret: str) -> Objects:
    """Fill a facility with a hospital of its own; `scan` makes all ids its own, `secret` stands in what people say."""
    batch = upload()
    seen = tuple(msgspec.structs.replace(one, scan=scan) for one in batch.observations)
    sent = tuple(msgspec.structs.replace(one, scan=scan) for one in batch.sent)
    scans = tuple(msgspec.structs.replace(one, id=scan) for one in batch.scans)
    with writing(engine) as connection:
        append(connection, msgspec.structs.replace(batch, observations=seen, sent=sent, scans=scans))
        refresh(connection)
        router = next(one for one in ledger.devices(connection) if "core-rtx" in one.names)
        ledger.edit(connection, router.id, "説明", secret, secret, NOW)
        vendor = f"v-{scan}"
        said = (
            Vendor(id=vendor, name=secret, devices=(router.id,)),
            RemoteAccess(id=f"r-{scan}", vendor=vendor, device=router.id),
        )
        statements.state_all(connection, said, secret, NOW)
        kept = attachments.attach(connection, secret.encode(), f"{secret}.txt", "text/plain", secret, NOW)
        code = agents.create_enrolment(connection, secret, timedelta(hours=1), now=NOW)
        agent = agents.enrol(connection, code, scan.encode().ljust(32, b"0"), NOW)
    return Objects(router.id, router.observations[0], kept, agent.id, vendor)


@dataclass(frozen=True)
class Two:
    """A collector with two full facilities."""

    app: FastAPI
    engine: Engine
    ours: Objects
    theirs: Objects

    def client(self, role: Role, facility: int = HOME) -> TestClient:
        client = TestClient(self.app, base_url="http://127.0.0.1", raise_server_exceptions=False)
        return as_role(client, self.engine, role, facility)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    folder = tmp_path_factory.mktemp("two")
    engine = open_ledger(folder / "l.sqlite")
    with writing(engine) as connection:
        add_facility(connection, "tonari", "隣の病院", NOW)
    ours = fill(bind(engine, HOME), "scan-home", "当院")
    theirs = fill(bind(engine, NEXT_DOOR), "scan-next-door", SECRET)
    app = create_app(Settings(ledger=str(folder / "l.sqlite"), state_folder=str(folder)))
    yield Two(app, engine, ours, theirs)
    engine.dispose()


# a GET of one object: route → its address with the ids of a facility
READS = {
    "GET /devices/{id}": "/devices/{device}",
    "GET /devices/{id}/observations/{observation}": "/devices/{device}/observations/{observation}",
    "GET /api/v1/devices/{id}": "/api/v1/devices/{device}",
    "GET /api/v1/devices/{id}/services": "/api/v1/devices/{device}/services",
    "GET /api/v1/devices/{id}/remote-paths": "/api/v1/devices/{device}/remote-paths",
    "GET /api/v1/devices/{id}/observations": "/api/v1/devices/{device}/observations",
    "GET /api/v1/devices/{id}/observations/{observation}": "/api/v1/devices/{device}/observations/{observation}",
    "GET /api/v1/attachments/{id}": "/api/v1/attachments/{attachment}",
    "GET /api/v1/attachments/{id}/content": "/api/v1/attachments/{attachment}/content",
}
# a change of one object: route → its address and its JSON body
CHANGES: dict[str, tuple[str, Any]] = {
    "PATCH /api/v1/devices/{id}": ("/api/v1/devices/{device}", {"columns": {"説明": "x"}}),
    "PATCH /api/v1/devices": ("/api/v1/devices", {"devices": [{"id": "{device}", "columns": {"説明": "x"}}]}),
    "DELETE /api/v1/statements/{kind}": ("/api/v1/statements/vendor?key={vendor}", None),
    "DELETE /api/v1/agents/{id}": ("/api/v1/agents/{agent}", None),
}


def named(text: str, objects: Objects) -> str:
    for name in Objects.__slots__ if hasattr(Objects, "__slots__") else Objects.__dataclass_fields__:
        text = text.replace("{" + name + "}", getattr(objects, name))
    return text


def test_every_route_that_takes_an_id_is_looked_at() -> None:
    """A new route with an id fails here until it is put into READS, CHANGES or among those held elsewhere."""
    by_id = {key for key in TABLE if "/devices" in key or "/attachments/" in key or "/agents/{id}" in key}
    elsewhere = {  # the agents' own routes show a key, of which the signature is the proof; a form is below
        "POST /api/v1/agents/{id}/uploads",
        "POST /api/v1/agents/{id}/key",
        "POST /devices/{id}",
        "GET /devices/{id}/cells/{key}",  # people only: below
        "POST /devices/{id}/cells/{key}",
    }
    assert by_id - elsewhere <= {*READS, *CHANGES}


@pytest.mark.parametrize("route", READS)
@pytest.mark.parametrize("role", HOUSE)
def test_an_object_is_read_at_home_only(two: Two, route: str, role: Role) -> None:
    path = READS[route]
    client = two.client(role)
    assert client.get(named(path, two.ours)).status_code == 200
    there = client.get(named(path, two.theirs))
    assert there.status_code == 404
    assert SECRET not in there.text
    assert two.client(role, NEXT_DOOR).get(named(path, two.theirs)).status_code == 200


@pytest.mark.parametrize("route", READS)
def test_nor_with_a_token(two: Two, route: str) -> None:
    client = TestClient(two.app, base_url="http://127.0.0.1", raise_server_exceptions=False)
    headers = bearer(two.engine, Role.OPERATOR)
    assert client.get(named(READS[route], two.ours), headers=headers).status_code == 200
    assert client.get(named(READS[route], two.theirs), headers=headers).status_code == 404


@pytest.mark.parametrize("route", READS)
def test_an_observation_or_file_of_theirs_is_not_found_under_a_device_of_ours(two: Two, route: str) -> None:
    mixed = Objects(
        two.ours.device, two.theirs.observation, two.theirs.attachment, two.theirs.agent, two.theirs.vendor
    )
    wanted = 404 if "observation}" in READS[route] or "attachment" in READS[route] else 200
    assert two.client(Role.ADMINISTRATOR).get(named(READS[route], mixed)).status_code == wanted


def everything(engine: Engine) -> dict[str, list[Any]]:
    """Every row of what a person can change, of both facilities."""
    changeable = (tables.human_entries, statements.statements, attachments.attachments, agents.agents)
    with every(engine).connect() as connection:
        return {str(table): [tuple(row) for row in connection.execute(select(table))] for table in changeable}


@pytest.mark.parametrize("route", CHANGES)
def test_nothing_of_theirs_is_changed(two: Two, route: str) -> None:
    path, body = CHANGES[route]
    before = everything(two.engine)
    sent = None if body is None else json.loads(named(json.dumps(body), two.theirs))
    for role in TABLE[route].who or ():
        answer = two.client(role).request(route.partition(" ")[0], named(path, two.theirs), json=sent)
        assert answer.status_code == 404, role
    assert everything(two.engine) == before


def test_no_form_shows_or_changes_a_device_of_theirs(two: Two) -> None:
    before, client = everything(two.engine), two.client(Role.OPERATOR)
    ours, theirs = two.ours.device, two.theirs.device
    assert client.get(f"/devices/{ours}/cells/c8").status_code == 200
    assert client.get(f"/devices/{theirs}/cells/c8").status_code == 404
    assert SECRET not in client.get(f"/same-devices/pair?one={ours}&other={theirs}").text
    sent = {"token": form_token_of(client), "reason": "x", "value": "x", "same": "yes"}
    for path, more in (
        (f"/devices/{theirs}/cells/c8", {}),
        ("/same-devices/pair", {"one": ours, "other": theirs}),
        ("/same-devices/split", {"device": theirs, "part": "x"}),
    ):
        answer = client.post(path, data=sent | more, headers={"Origin": "http://127.0.0.1"})
        assert answer.status_code == 404, path
    assert everything(two.engine) == before


def form_token_of(client: TestClient) -> str:
    """Give the token of this visitor's forms."""
    found: list[str] = re.findall(r'name="token" value="([^"]+)"', client.get("/import").text)
    return found[0]


def test_a_bulk_change_with_one_device_of_theirs_changes_none_of_ours(two: Two) -> None:
    before = everything(two.engine)
    wishes = [{"id": id, "columns": {"説明": "x"}} for id in (two.ours.device, two.theirs.device)]
    answer = two.client(Role.OPERATOR).patch("/api/v1/devices", json={"devices": wishes})
    assert answer.status_code == 404
    assert everything(two.engine) == before


def test_a_statement_cannot_point_at_their_device_or_vendor(two: Two) -> None:
    client = two.client(Role.ADMINISTRATOR)
    for kind, said in (
        ("vendor", {"id": "x", "name": "x", "devices": [two.theirs.device]}),
        ("remote_access", {"id": "x", "vendor": two.theirs.vendor}),
    ):
        answer = client.post(f"/api/v1/statements/{kind}", json={"statement": said})
        assert answer.status_code == 422, kind


def test_the_same_key_at_home_touches_nothing_next_door(two: Two) -> None:
    """A statement under their key is ours alone: keys are words that anybody may choose."""
    client = two.client(Role.OPERATOR)
    said = {"statement": {"id": two.theirs.vendor, "name": "当院のA社"}}
    assert client.post("/api/v1/statements/vendor", json=said).status_code == 201
    theirs = two.client(Role.OPERATOR, NEXT_DOOR).get("/api/v1/statements/vendor").json()["statements"]
    assert [one["statement"]["name"] for one in theirs] == [SECRET]
    assert client.delete(f"/api/v1/statements/vendor?key={two.theirs.vendor}").status_code == 204
    assert (
        len(two.client(Role.OPERATOR, NEXT_DOOR).get("/api/v1/statements/vendor").json()["statements"]) == 1
    )


def test_the_same_file_next_door_is_theirs_to_have_sent(two: Two) -> None:
    """Files are kept by their content: sending theirs again gives us ours, with our name on it."""
    client = two.client(Role.OPERATOR)
    headers = {"content-type": "application/octet-stream"}
    sent = client.post("/api/v1/attachments?name=mine.txt", content=SECRET.encode(), headers=headers)
    assert (sent.json()["id"], sent.json()["name"]) == (two.theirs.attachment, "mine.txt")


LISTS = [key for key, rule in TABLE.items() if key.startswith("GET /") and rule.who and "{" not in key]


@pytest.mark.parametrize("key", LISTS)
def test_no_list_or_page_of_ours_shows_a_word_of_theirs(two: Two, key: str) -> None:
    path = key.removeprefix("GET ")
    for role in HOUSE:
        answer = two.client(role).get(path, follow_redirects=False)
        assert SECRET.encode() not in answer.content
        if not path.startswith("/audit"):  # it says which ids our own people asked for
            assert two.theirs.device.encode() not in answer.content
