# SPDX-License-Identifier: Apache-2.0
"""A hospital with two vendors, a gateway of each, and a second facility with a vendor of the same key."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import Engine

from collector.app import create_app
from collector.settings import Settings
from inventory_db import ledger, statements
from inventory_db.accounts import Role
from inventory_db.facilities import add_facility, bind
from inventory_db.observations import append
from inventory_db.stated import Facility, RemoteAccess, Vendor
from inventory_db.tables import open_ledger, writing
from probes.facts import FactKind, Scan, Upload, fact
from tests.browser.material import VANTAGES, host, seen
from tests.inventory_cases import START
from tests.signed_in import as_role

EDITION = "R6-hospital"


def gateway(ip: str, kind: str, product: str) -> tuple[Any, ...]:
    facts = (fact(FactKind.OPEN, "tcp"), fact(FactKind.REMOTE_PATH, kind), fact(FactKind.PRODUCT, product))
    return host(ip, seen(ip, "https", *facts, port=443))


def make_site(folder: Path) -> FastAPI:
    """Make the collector on a new ledger in this folder."""
    engine = open_ledger(folder / "l.sqlite")
    alpha, beta = gateway("10.10.1.31", "ssl_vpn", "AlphaGate"), gateway("10.20.1.41", "ssl_vpn", "BetaGate")
    scan = Scan(id="scan-1", started=START, ended=START + timedelta(minutes=9), state="complete")
    with writing(engine) as connection:
        append(connection, Upload(scans=(scan,), vantages=VANTAGES, observations=(*alpha, *beta)))
        ledger.refresh(connection)
        found = {one.addresses[0].ip: one.id for one in ledger.devices(connection)}
        a, b = found["10.10.1.31"], found["10.20.1.41"]
        for said in (
            Facility(name="東山台病院"),
            Vendor(id="va", name="アルファ電子", devices=(a,), excluded=("organisation/1-1",)),
            Vendor(id="vb", name="ベータ画像", devices=(b,), contact="beta@example.jp"),
            RemoteAccess(id="ra", vendor="va", means="mobile_router", product="AlphaSIM"),
            RemoteAccess(id="rb", vendor="vb", means="ipsec", product="BetaTunnel", device=a),
        ):
            statements.state(connection, said, "鈴木", START)
        add_facility(connection, "higashi", "東病院", START)
    with writing(bind(engine, 2)) as connection:
        for more in (Vendor(id="va", name="東のアルファ"), RemoteAccess(id="east", vendor="va", means="rdp")):
            statements.state(connection, more, "鈴木", START)
    engine.dispose()
    return create_app(Settings(ledger=str(folder / "l.sqlite"), state_folder=str(folder)))


def vendor(app: FastAPI, engine: Engine, key: str, name: str, facility: int = 1) -> TestClient:
    """Give a client of a new person of this vendor."""
    client = TestClient(app, base_url="http://127.0.0.1", follow_redirects=False)
    return as_role(client, engine, Role.VENDOR, facility, bound_to=key, name=name)


def send(client: TestClient, path: str, page: str = "/vendor", files: Any = None, **form: Any) -> Any:
    """Send a form with the token of a page of ours."""
    token = re.search(r'name="token" value="([^"]+)"', client.get(page).text)
    assert token
    ours = {"Origin": "http://127.0.0.1"}
    return client.post(path, data={"token": token[1], **form}, files=files, headers=ours)


def paths(client: TestClient) -> dict[str, str]:
    """Give the vendor's paths: product → address of the path's page."""
    rows = re.findall(r"<tr>(?:(?!</tr>).)*?/vendor/paths/\w+.*?</tr>", client.get("/vendor").text, re.DOTALL)
    found = {}
    for row in rows:
        address, product = re.search(r"/vendor/paths/\w+", row), re.search(r"</strong> (\S*)", row)
        assert address
        assert product
        found[product[1]] = address[0]
    return found
