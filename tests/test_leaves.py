# SPDX-License-Identifier: Apache-2.0
"""Lists of pages in leaves: changes, people, vendors and documents stay small, and what is searched is found."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import insert

from collector.app import create_app
from collector.settings import Settings
from inventory_db.account_tables import changing
from inventory_db.accounts import Role, create_account
from inventory_db.memberships import grant
from inventory_db.releases import releases
from inventory_db.stated import Document, RemoteAccess, Review, Vendor
from inventory_db.statements import state_all
from inventory_db.tables import open_ledger, writing
from probes.facts import Observation
from tests.inventory_cases import START, arp, seen
from tests.signed_in import as_role
from tests.test_changes import WEEK, keep

MANY, HEAVIEST = 2000, 300_000
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)


def night(minute: int, scan: str, *, vnc: bool) -> Iterator[Observation]:
    for n in range(MANY):
        ip, mac = f"10.1.{n >> 8}.{n & 255}", f"00:1b:21:00:{n >> 8:02x}:{n & 255:02x}"
        yield arp(ip, mac, minute=minute, scan=scan)
        if vnc:
            facts = {"OPEN": "tcp", "SERVICE": "vnc", "REMOTE_PATH": "vnc"}
            yield seen(ip, minute=minute, scan=scan, probe="vnc", port=5900, **facts)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of 2,000 devices, on each of which a remote path appears in the second scan."""
    path = tmp_path_factory.mktemp("leaves") / "ledger.sqlite"
    first, second = tuple(night(0, "s1", vnc=False)), tuple(night(WEEK, "s2", vnc=True))
    return keep(path, ("s1", 0, first), ("s2", WEEK, second))


@pytest.fixture
def site(tmp_path: Path) -> Iterator[TestClient]:
    open_ledger(tmp_path / "l.sqlite").dispose()
    app = create_app(Settings(ledger=str(tmp_path / "l.sqlite"), state_folder=str(tmp_path)))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield as_role(client, app.state.engine, Role.ADMINISTRATOR, name="佐藤花子")


def state(site: TestClient, said: list[Vendor] | list[Document] | list[Review] | list[RemoteAccess]) -> None:
    with writing(site.app.state.engine) as connection:  # type: ignore[attr-defined]
        state_all(connection, said, "鈴木", NEW_YEAR)


def next_of(page: str) -> str:
    (link,) = re.findall(r'rel="next" href="([^"]+)"', page)
    return str(link).replace("&amp;", "&")


def test_changes_of_two_thousand_devices_are_small_and_all_reached(large: Path, tmp_path: Path) -> None:
    app = create_app(Settings(ledger=str(large), state_folder=str(tmp_path)))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        as_role(client, app.state.engine, Role.OPERATOR)
        first = client.get("/changes")
        assert len(first.content) < HEAVIEST
        assert first.text.count("2000台") >= 2  # the whole, though a part is shown
        (more,) = re.findall(r'href="(/changes\?[^"]*only=paths)"', first.text)
        numbers: set[str] = set()
        link, leaves = more.replace("&amp;", "&"), 0
        while link:
            answer = client.get(link)
            assert len(answer.content) < HEAVIEST
            numbers |= set(re.findall(r'href="(/devices/[^"]+)"', answer.text))
            leaves += 1
            link = next_of(answer.text) if 'rel="next"' in answer.text else ""
        assert (len(numbers), leaves) == (MANY, MANY // 100)
        found = client.get("/changes", params={"q": "1777 vnc"}).text
        assert "全2000件のうち、条件に合うもの" in found
        assert len(set(re.findall(r'href="(/devices/[^"]+)"', found))) == 1
        assert "合うものはありません" in client.get("/changes", params={"q": "nothing like it"}).text


def test_vendors_are_paged_and_searched(site: TestClient) -> None:
    state(site, [Vendor(id=f"v{n}", name=f"事業者{n:03}", contact=f"c{n}@example.jp") for n in range(130)])
    first = site.get("/vendors").text
    assert first.count('class="value" href="/vendors/') == 100
    assert site.get(next_of(first)).text.count('class="value" href="/vendors/') == 30
    found = site.get("/vendors", params={"q": "C77@EXAMPLE"}).text  # width and case do not matter
    assert re.findall(r'class="value" href="/vendors/(\w+)"', found) == ["v77"]
    assert "1件" in found


def test_documents_and_reviews_are_paged_apart_and_searched(site: TestClient) -> None:
    day = date(2026, 4, 1)
    state(site, [Document(id=f"d{n}", type="bcp", title=f"計画{n:03}", on=day) for n in range(130)])
    state(site, [Review(subject="ledger", by="院長", on=date(2026, 1, 1 + n)) for n in range(30)])
    first = site.get("/documents", params={"page": "2"}).text
    assert len(set(re.findall("計画[0-9]{3}", first))) == 30
    after = site.get(next_of(first)).text  # the reviews turn, the documents stay
    assert len(set(re.findall("計画[0-9]{3}", after))) == 30
    assert len(re.findall("<li>2026-01-[0-9]{2}", first)) == 20
    assert len(re.findall("<li>2026-01-[0-9]{2}", after)) == 10
    assert set(re.findall("計画[0-9]{3}", site.get("/documents", params={"q": "計画 077"}).text)) == {
        "計画077"
    }


def test_the_register_is_paged_and_searched(site: TestClient) -> None:
    paths = [RemoteAccess(id=f"r{n}", means="softether", port=1000 + n, purpose="保守") for n in range(130)]
    state(site, paths)
    every = re.compile(r'id="every".*', re.DOTALL)

    def ids(page: str) -> set[str]:
        (part,) = every.findall(page)
        return set(re.findall(r'declare\?id=(r[0-9]+)"', part))

    first = site.get("/register").text
    assert len(ids(first) | ids(site.get(next_of(first)).text)) == 130
    assert ids(site.get("/register", params={"q": "softether vpn 1077"}).text) == {"r77"}


def test_people_are_paged_and_searched(site: TestClient) -> None:
    with changing(site.app.state.engine) as connection:  # type: ignore[attr-defined]
        for n in range(130):
            made = create_account(connection, f"p{n:03}", f"人{n:03}", "-", START)
            grant(connection, made.id, 1, Role.OPERATOR, START)
    first = site.get("/people").text
    last = site.get(next_of(first)).text
    names = [set(re.findall('"value">(人[0-9]{3})', page)) for page in (first, last)]
    assert len(names[0] | names[1]) == 130
    assert max(map(len, names)) <= 100
    assert set(re.findall('"value">(人[0-9]{3})', site.get("/people", params={"q": "P077"}).text)) == {
        "人077"
    }


@pytest.mark.parametrize("page", ["0", "-1", "99999999999", "x", "２"])
def test_a_page_that_is_none_is_the_first_or_the_last(site: TestClient, page: str) -> None:
    state(site, [Vendor(id="v1", name="事業者")])
    assert "事業者" in site.get("/vendors", params={"page": page}).text


def test_releases_turn_and_are_searched(site: TestClient) -> None:
    bare = {
        "by": "佐藤花子",
        "until": 0,
        "edition": "R6-hospital",
        "fingerprint": "f",
        "files": 1,
        "size": 1,
        "pack": b"",
    }
    with writing(site.app.state.engine) as connection:  # type: ignore[attr-defined]
        connection.execute(
            insert(releases),
            [
                bare | {"id": f"{n:032x}", "made": n, "note": f"立入検査{n:02}", "sha256": f"{n:064x}"}
                for n in range(25)
            ],
        )
    found, address = list[str](), "/releases"
    while address:
        page = site.get(address).text
        found += re.findall("立入検査[0-9]{2}", page)
        address = next_of(page).replace("&amp;", "&") if 'rel="next"' in page else ""
    assert found == [f"立入検査{n:02}" for n in reversed(range(25))]
    assert re.findall("立入検査[0-9]{2}", site.get("/releases?q=検査07").text) == ["立入検査07"]
