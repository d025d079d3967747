# SPDX-License-Identifier: Apache-2.0
"""A facility that was closed is read as before; nobody changes it, and its agents keep what they have."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from collector.permissions import CHANGES, TABLE
from inventory_db.accounts import Role
from inventory_db.audit import Action
from inventory_db.facilities import close_facility, reopen_facility
from inventory_db.tables import writing
from tests.api_cases import JSON, Site, make_site
from tests.signed_in import bearer

NOW = datetime.now(UTC)
STAYS = {None, Action.READ_LEDGER, Action.LOGIN, Action.PASSWORD, Action.SECOND_FACTOR, Action.SESSION_ENDED}
STAYS |= {Action.RIGHTS, Action.TOKEN, Action.INVITE, Action.AGENT_REVOKED}  # accounts, and turning away


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = make_site(tmp_path)
    with writing(made.engine) as connection:
        close_facility(connection, 1, NOW)
    return made


def test_every_change_of_the_table_is_refused_or_named_here() -> None:
    changing = {rule.action for key, rule in TABLE.items() if not key.startswith("GET ") and rule.who}
    assert changing - set(CHANGES) == STAYS
    assert not {rule.action for key, rule in TABLE.items() if key.startswith("GET ")} & set(CHANGES)


def test_people_and_programs_read_and_change_nothing(site: Site) -> None:
    (first, *_) = site.get("/ledger").json()["devices"]
    token = bearer(site.engine, Role.OPERATOR)
    for headers in (JSON, token | JSON):
        wish = {"columns": {"設置場所": "倉庫"}}
        refused = site.client.patch(f"/api/v1/devices/{first['id']}", json=wish, headers=headers)
        assert (refused.status_code, refused.json()["title"]) == (403, "facility-closed")
        assert refused.headers["content-type"] == "application/problem+json"
    page = site.client.post(f"/devices/{first['id']}", data={"c2": "倉庫"})
    assert (page.status_code, "閉じられています" in page.text) == (403, True)
    assert 'name="column"' not in site.client.get("/").text
    assert site.get("/ledger").json()["devices"][0]["people"] == first["people"]
    with writing(site.engine) as connection:
        reopen_facility(connection, 1)
    assert site.client.patch(f"/api/v1/devices/{first['id']}", json=wish).status_code == 200
